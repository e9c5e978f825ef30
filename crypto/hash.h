/*
 * SHA-256 (libcrypto's: with SHA-NI six times libsodium's), HMAC and HKDF over it (RFC 5869), BLAKE2b.
 */
#ifndef TIDEMARK_CRYPTO_HASH_H
#define TIDEMARK_CRYPTO_HASH_H

#include "crypto/base.h"

#define HASH_BYTES 32

/* SHA-256 over the concatenation of `n` parts. Never fails. */
void sha256_parts(const struct bytes *parts, size_t n, uint8_t out[HASH_BYTES]);

/* SHA-256 of one piece. */
void sha256(struct bytes in, uint8_t out[HASH_BYTES]);

/*
 * SHA-256 of head ‖ in[i] for each of `n` pieces. Many of one length one after the other are hashed side by side where the
 * processor has AVX-512 (hash_lanes.c): a third of the time for sixteen.
 */
void sha256_each(struct bytes head, const struct bytes *in, size_t n, uint8_t (*out)[HASH_BYTES]);

/* Streaming SHA-256, caller's storage. */
struct sha256_stream {
    uint64_t opaque[14];
};
void sha256_init(struct sha256_stream *s);
void sha256_update(struct sha256_stream *s, struct bytes in);
void sha256_final(struct sha256_stream *s, uint8_t out[HASH_BYTES]);

/* HMAC-SHA-256 of `in` under `key` of any length. */
void hmac_sha256(struct bytes key, struct bytes in, uint8_t out[HASH_BYTES]);

/* In constant time. */
bool hash_equal(const uint8_t a[HASH_BYTES], const uint8_t b[HASH_BYTES]);

/* HKDF-SHA-256 with 32 bytes out (RFC 5869); `salt` may be empty. */
void hkdf_sha256(struct bytes secret, struct bytes salt, struct bytes info, uint8_t out[HASH_BYTES]);

/* Keyed BLAKE2b of `in`, `out_len` 16..64 bytes. */
void blake2b_keyed(const uint8_t key[32], struct bytes in, uint8_t *out, size_t out_len);

#endif
