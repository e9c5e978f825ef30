/*
 * Hashes: SHA-256 from libcrypto (but for many at once: hash_lanes.c), HMAC, HKDF and BLAKE2b from libsodium.
 *
 * Always holds: nothing here fails or allocates; what was derived from a secret is wiped from the stack.
 * libcrypto's low-level SHA-256 is used on purpose: EVP fetches and allocates per call, which at the 65 bytes of a
 * tree node costs several times the hash itself.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/hash_lanes.h"

#include <openssl/sha.h>
#include <sodium.h>

_Static_assert(sizeof(struct sha256_stream) >= sizeof(SHA256_CTX), "the stream's storage is too small");
_Static_assert(_Alignof(struct sha256_stream) >= _Alignof(SHA256_CTX), "the stream's storage is misaligned");

void sha256_parts(const struct bytes *parts, size_t n, uint8_t out[HASH_BYTES])
{
    SHA256_CTX ctx;
    SHA256_Init(&ctx);
    for (size_t i = 0; i < n; i++) {
        if (parts[i].len > 0) SHA256_Update(&ctx, parts[i].data, parts[i].len);
    }
    SHA256_Final(out, &ctx);
}

void sha256(struct bytes in, uint8_t out[HASH_BYTES])
{
    sha256_parts(&in, 1, out);
}

/* Side by side, sixteen take as long as six one after the other. */
#define LANES_WORTHWHILE 7u

/* How many of `n` > 0 pieces from the first on have its length, HASH_LANES at most. */
static size_t run_of_equals(const struct bytes *in, size_t n)
{
    size_t run = 1;
    while (run < n && run < HASH_LANES && in[run].len == in[0].len) run++;
    return run;
}

void sha256_each(struct bytes head, const struct bytes *in, size_t n, uint8_t (*out)[HASH_BYTES])
{
    bool fast = head.len < HASH_BLOCK_BYTES && hash_lanes_are_fast();
    while (n > 0) {
        size_t run = run_of_equals(in, n);
        if (fast && run >= LANES_WORTHWHILE && in[0].len >= HASH_BLOCK_BYTES) {
            hash_lanes(head, in, run, out);
        } else {
            for (size_t i = 0; i < run; i++) sha256_parts((struct bytes[]){head, in[i]}, 2, out[i]);
        }
        in += run, out += run, n -= run;
    }
}

void sha256_init(struct sha256_stream *s)
{
    SHA256_Init((SHA256_CTX *)(void *)s->opaque);
}

void sha256_update(struct sha256_stream *s, struct bytes in)
{
    if (in.len > 0) SHA256_Update((SHA256_CTX *)(void *)s->opaque, in.data, in.len);
}

void sha256_final(struct sha256_stream *s, uint8_t out[HASH_BYTES])
{
    SHA256_Final(out, (SHA256_CTX *)(void *)s->opaque);
}

/* libsodium declares its inputs nonnull; an empty span may have no address. */
static const uint8_t *data_of(struct bytes b)
{
    static const uint8_t nothing;
    return b.len > 0 ? b.data : &nothing;
}

void hmac_sha256(struct bytes key, struct bytes in, uint8_t out[HASH_BYTES])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, data_of(key), key.len);
    crypto_auth_hmacsha256_update(&state, data_of(in), in.len);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof state);
}

bool hash_equal(const uint8_t a[HASH_BYTES], const uint8_t b[HASH_BYTES])
{
    return sodium_memcmp(a, b, HASH_BYTES) == 0;
}

void hkdf_sha256(struct bytes secret, struct bytes salt, struct bytes info, uint8_t out[HASH_BYTES])
{
    static const uint8_t first_block = 1;
    uint8_t prk[HASH_BYTES];
    crypto_auth_hmacsha256_state state;

    hmac_sha256(salt, secret, prk); /* an empty salt and HASH_BYTES zeros are the same HMAC key */
    crypto_auth_hmacsha256_init(&state, prk, sizeof prk);
    crypto_auth_hmacsha256_update(&state, data_of(info), info.len);
    crypto_auth_hmacsha256_update(&state, &first_block, 1);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof state);
    sodium_memzero(prk, sizeof prk);
}

void blake2b_keyed(const uint8_t key[32], struct bytes in, uint8_t *out, size_t out_len)
{
    ASSERT(out_len >= crypto_generichash_BYTES_MIN && out_len <= crypto_generichash_BYTES_MAX);
    int rc = crypto_generichash(out, out_len, data_of(in), in.len, key, 32);
    ASSERT(rc == 0);
}
