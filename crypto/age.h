/*
 * age v1 files (age-encryption.org/v1) for X25519 and scrypt recipients, taken apart the way Tidemark needs it:
 * a header (the grant: one per buyer) and a payload (one, shared). `grant ‖ payload` is an ordinary age file.
 * The content root and the key commitment (docs/formats.md, "Content commitment") are made in the same pass.
 */
#ifndef TIDEMARK_CRYPTO_AGE_H
#define TIDEMARK_CRYPTO_AGE_H

#include "crypto/hash.h"

#define AGE_FILE_KEY_BYTES 16
#define AGE_NONCE_BYTES 16
#define AGE_CHUNK_BYTES 65536u /* of plaintext */
#define AGE_TAG_BYTES 16u
#define AGE_SEALED_CHUNK_BYTES (AGE_CHUNK_BYTES + AGE_TAG_BYTES)
#define AGE_HEADER_MAX 65536u  /* what age_header_open reads of a header before it gives up */
#define AGE_GRANT_BYTES 168u   /* a header of exactly one X25519 stanza */
#define AGE_THREADS_MAX 8u     /* at 3 MiB each, memory stays below 32 MiB; writing is in order anyway */

/* What binds a sealed content; goes into the listing. */
struct age_commitment {
    uint64_t plaintext_len;
    uint64_t n_chunks;
    uint8_t nonce[AGE_NONCE_BYTES];
    uint8_t content_root[HASH_BYTES];
    uint8_t key_commitment[HASH_BYTES];
};

/* Number of chunks and payload bytes (nonce included) of a plaintext length. An empty plaintext has one chunk. */
uint64_t age_n_chunks(uint64_t plaintext_len);
uint64_t age_payload_len(uint64_t plaintext_len);

/* Bytes of sealed chunk `index` (the last is shorter). */
size_t age_sealed_chunk_len(uint64_t plaintext_len, uint64_t index);

/* Writes the header for one X25519 recipient: AGE_GRANT_BYTES. TIDE_EINVAL: a recipient of low order. */
MUST_USE enum tide_err age_grant_seal(const uint8_t file_key[AGE_FILE_KEY_BYTES], const uint8_t recipient[32],
                                      uint8_t grant[AGE_GRANT_BYTES]);

/*
 * Reads a header at the start of `in` (which may go on with a payload) and unwraps the file key with one X25519
 * secret. *header_len is its length. TIDE_EMALFORMED: no valid header; TIDE_EAUTH: no stanza opens with it, or the
 * header's MAC is wrong; TIDE_ELIMIT: over AGE_HEADER_MAX.
 */
MUST_USE enum tide_err age_header_open(struct bytes in, const uint8_t secret[32], uint8_t file_key[AGE_FILE_KEY_BYTES],
                                       size_t *header_len);

/* The same for a passphrase (scrypt stanza, alone in its header). TIDE_ELIMIT: a work factor over 22, too. */
MUST_USE enum tide_err age_header_open_passphrase(struct bytes in, struct bytes passphrase,
                                                  uint8_t file_key[AGE_FILE_KEY_BYTES], size_t *header_len);

/* True if `grant` has the shape of exactly one X25519 stanza and a MAC (the broker's check: it holds no key). */
bool age_grant_is_well_formed(struct bytes grant);

/* SHA-256("tidemark/key/v1\n" ‖ file key ‖ nonce). */
void age_key_commitment(const uint8_t file_key[AGE_FILE_KEY_BYTES], const uint8_t nonce[AGE_NONCE_BYTES],
                        uint8_t out[HASH_BYTES]);

/* Payload key from file key and nonce; then single chunks, in any order. `last` sets the last-chunk flag. */
void age_payload_key(const uint8_t file_key[AGE_FILE_KEY_BYTES], const uint8_t nonce[AGE_NONCE_BYTES], uint8_t key[32]);
void age_chunk_seal(const uint8_t key[32], uint64_t index, bool last, struct bytes plain, uint8_t *sealed);
MUST_USE enum tide_err age_chunk_open(const uint8_t key[32], uint64_t index, bool last, struct bytes sealed,
                                      uint8_t *plain);

/*
 * Called now and then from long work, always in the caller's own thread, with bytes of plaintext done and in all (0:
 * not known, a pipe), and while a pipe is silent; returning false stops it with TIDE_ECANCELED.
 */
typedef bool (*age_progress)(void *ctx, uint64_t done, uint64_t total);

/*
 * How a payload is worked on. n_there: so many bytes lie at out_fd's position already, the beginning of an earlier run's
 * output. They are made again and compared, not written again, and what comes behind them is written: out_fd must be
 * readable. TIDE_EDAMAGED: they are something else; nothing was written.
 */
struct age_work {
    unsigned n_threads; /* 0: all cores; never more than AGE_THREADS_MAX */
    age_progress progress;
    void *progress_ctx;
    uint64_t n_there;
};

/*
 * Reads plaintext from `in_fd` (a regular file or a pipe) and writes nonce ‖ chunks to `out_fd` at its current
 * position. `manifest_fd` >= 0 gets the leaf hashes, 32 bytes a chunk. Memory bounded whatever the length.
 */
MUST_USE enum tide_err age_payload_seal(int in_fd, int out_fd, int manifest_fd,
                                        const uint8_t file_key[AGE_FILE_KEY_BYTES],
                                        const uint8_t nonce[AGE_NONCE_BYTES], const struct age_work *work,
                                        struct age_commitment *out);

/*
 * Reads nonce ‖ chunks from `in_fd` at its current position and writes the plaintext to `out_fd`. When `expected`
 * is not NULL, nonce, length, content root and key commitment must be as it says (TIDE_EAUTH), and no plaintext
 * chunk is written whose own tag is wrong. TIDE_EAUTH on any damage; a truncated payload is damage.
 */
MUST_USE enum tide_err age_payload_open(int in_fd, int out_fd, const uint8_t file_key[AGE_FILE_KEY_BYTES],
                                        const struct age_commitment *expected, const struct age_work *work);

/*
 * Small whole files in memory, for identity files; log2_n is scrypt's work factor, 1..22. *out is malloc'd (wiped and
 * freed by the caller).
 */
MUST_USE enum tide_err age_file_seal_passphrase(struct bytes plain, struct bytes passphrase, unsigned log2_n,
                                                uint8_t **out, size_t *out_len);
MUST_USE enum tide_err age_file_open_passphrase(struct bytes file, struct bytes passphrase, uint8_t **out,
                                                size_t *out_len);

/*
 * The same for X25519 recipients, 1..AGE_RECIPIENTS_MAX of them: evidence of a dispute. Each stanza's ephemeral secret follows
 * from the random file key and the recipient (docs/formats.md), so that who opens the file can tell who else can.
 */
#define AGE_RECIPIENTS_MAX 256u
MUST_USE enum tide_err age_file_seal(struct bytes plain, const uint8_t (*recipients)[32], size_t n_recipients,
                                     uint8_t **out, size_t *out_len);
MUST_USE enum tide_err age_file_open(struct bytes file, const uint8_t secret[32], uint8_t **out, size_t *out_len);

/*
 * Whether the first stanza is the one that age_file_seal makes for `recipient`; `secret` is of anybody for whom the file opens.
 * TIDE_EAUTH: it is not, or the file does not open with the secret; TIDE_EMALFORMED, TIDE_ELIMIT as age_header_open.
 */
MUST_USE enum tide_err age_file_opens_for(struct bytes file, const uint8_t secret[32], const uint8_t recipient[32]);

#endif
