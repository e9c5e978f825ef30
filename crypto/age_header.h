/*
 * The textual header of an age file, taken apart and put together; private to crypto/.
 */
#ifndef TIDEMARK_CRYPTO_AGE_HEADER_H
#define TIDEMARK_CRYPTO_AGE_HEADER_H

#include "crypto/age.h"

#define AGE_ARGS_MAX 4                               /* arguments kept of a stanza; more are counted */
#define AGE_BODY_BYTES (AGE_FILE_KEY_BYTES + AGE_TAG_BYTES) /* a wrapped file key */
#define AGE_STANZA_X25519 "X25519"
#define AGE_STANZA_SCRYPT "scrypt"

/* One recipient stanza. The arguments point into the header. */
struct age_stanza {
    size_t n_args;
    struct bytes args[AGE_ARGS_MAX];
    size_t body_len; /* may be more than was kept in `body` */
    uint8_t body[AGE_BODY_BYTES];
};

/* A header that follows the grammar. All spans point into the input. */
struct age_header {
    struct bytes stanzas; /* from the first "->" to before "---" */
    struct bytes maced;   /* what the MAC covers */
    uint8_t mac[HASH_BYTES];
    size_t n_stanzas;
    bool has_scrypt;
    size_t len;
};

/* The grammar, strictly. TIDE_EMALFORMED (a header cut short too); TIDE_ELIMIT: no end within AGE_HEADER_MAX. */
MUST_USE enum tide_err age_header_parse(struct bytes in, struct age_header *out);

/* Takes one stanza off `*stanzas` of a parsed header; false when there is none left. */
bool age_stanza_take(struct bytes *stanzas, struct age_stanza *out);
bool age_stanza_is(const struct age_stanza *stanza, const char *type);

/*
 * The file key by one X25519 secret, or by a passphrase; the MAC is not looked at. TIDE_EMALFORMED: a stanza of that
 * type has not its shape; TIDE_EAUTH: none opens.
 */
MUST_USE enum tide_err age_x25519_unwrap(const struct age_header *header, const uint8_t secret[32],
                                         uint8_t file_key[AGE_FILE_KEY_BYTES]);
MUST_USE enum tide_err age_scrypt_unwrap(const struct age_header *header, struct bytes passphrase,
                                         uint8_t file_key[AGE_FILE_KEY_BYTES]);

/* TIDE_EAUTH unless the MAC is right under the file key. */
MUST_USE enum tide_err age_header_check(const struct age_header *header, const uint8_t file_key[AGE_FILE_KEY_BYTES]);

/* Base64 without padding, canonical. Encoding returns the length and writes no NUL; decoding wants exactly `len`. */
size_t age_b64_encode(struct bytes in, uint8_t *out);
bool age_b64_decode(struct bytes text, uint8_t *out, size_t len);

/* Writing: each returns the bytes written at `out`. */
#define AGE_FIRST_LINE "age-encryption.org/v1\n"
#define AGE_STANZA_MAX 128u /* an X25519 or scrypt stanza */
#define AGE_END_BYTES 48u   /* "--- ", the MAC, \n */
MUST_USE enum tide_err age_x25519_stanza(const uint8_t file_key[AGE_FILE_KEY_BYTES], const uint8_t recipient[32],
                                         uint8_t *out, size_t *len);
/* The same with an ephemeral secret that follows from the file key: who has that can tell for whom the stanza is. */
MUST_USE enum tide_err age_x25519_stanza_derived(const uint8_t file_key[AGE_FILE_KEY_BYTES],
                                                 const uint8_t recipient[32], uint8_t *out, size_t *len);
MUST_USE enum tide_err age_scrypt_stanza(const uint8_t file_key[AGE_FILE_KEY_BYTES], struct bytes passphrase,
                                         unsigned log2_n, uint8_t *out, size_t *len);
/* Ends the header whose first `len` bytes are at `header` (AGE_END_BYTES of room behind them). */
size_t age_header_end(const uint8_t file_key[AGE_FILE_KEY_BYTES], uint8_t *header, size_t len);

#endif
