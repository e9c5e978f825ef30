/*
 * The passphrase recipient of age v1.
 *
 * Always holds: the work factor is bounded before any work is done, so a hostile file cannot ask for more memory or
 * time than LOG2_N_MAX means (4 GiB for a moment, as `age` itself allows); wrap keys are wiped on every path.
 */
#include "crypto/age_header.h"

#include "crypto/lines.h"
#include "crypto/sign.h"

#include <sodium.h>
#include <stdio.h>

#define SALT_BYTES 16
#define SALT_LABEL "age-encryption.org/v1/scrypt"
#define SALT_LABEL_BYTES (sizeof SALT_LABEL - 1)
#define LOG2_N_MAX 22
#define SCRYPT_R 8
#define SCRYPT_P 1

static const uint8_t zero_nonce[crypto_aead_chacha20poly1305_IETF_NPUBBYTES];

static enum tide_err wrap_key(struct bytes passphrase, const uint8_t salt[SALT_BYTES], unsigned log2_n,
                              uint8_t key[32])
{
    uint8_t labelled[SALT_LABEL_BYTES + SALT_BYTES];
    memcpy(labelled, SALT_LABEL, SALT_LABEL_BYTES);
    memcpy(labelled + SALT_LABEL_BYTES, salt, SALT_BYTES);
    int rc = crypto_pwhash_scryptsalsa208sha256_ll(passphrase.data, passphrase.len, labelled, sizeof labelled,
                                                   UINT64_C(1) << log2_n, SCRYPT_R, SCRYPT_P, key, 32);
    return rc == 0 ? TIDE_OK : TIDE_ENOMEM;
}

enum tide_err age_scrypt_stanza(const uint8_t file_key[AGE_FILE_KEY_BYTES], struct bytes passphrase, unsigned log2_n,
                                uint8_t *out, size_t *len)
{
    uint8_t salt[SALT_BYTES], key[32], body[AGE_BODY_BYTES];
    uint8_t *at = out;

    *len = 0;
    if (log2_n == 0 || log2_n > LOG2_N_MAX || passphrase.len == 0) return TIDE_EINVAL;
    random_bytes(salt, sizeof salt);
    enum tide_err err = wrap_key(passphrase, salt, log2_n, key);
    if (err != TIDE_OK) goto out;
    crypto_aead_chacha20poly1305_ietf_encrypt(body, NULL, file_key, AGE_FILE_KEY_BYTES, NULL, 0, NULL, zero_nonce,
                                              key);
    at = (uint8_t *)stpcpy((char *)at, "-> " AGE_STANZA_SCRYPT " ");
    at += age_b64_encode(BYTES(salt, sizeof salt), at);
    at += sprintf((char *)at, " %u\n", log2_n);
    at += age_b64_encode(BYTES(body, sizeof body), at);
    *at++ = '\n';
    *len = (size_t)(at - out);
out:
    sodium_memzero(key, sizeof key);
    return err;
}

/* ^[1-9][0-9]*$; TIDE_ELIMIT above LOG2_N_MAX. */
static enum tide_err work_factor_parse(struct bytes text, unsigned *log2_n)
{
    uint64_t value;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return TIDE_EMALFORMED;
    }
    if (text.len == 0 || text.data[0] == '0') return TIDE_EMALFORMED;
    if (!decimal_parse(text, &value) || value > LOG2_N_MAX) return TIDE_ELIMIT;
    *log2_n = (unsigned)value;
    return TIDE_OK;
}

enum tide_err age_scrypt_unwrap(const struct age_header *header, struct bytes passphrase,
                                uint8_t file_key[AGE_FILE_KEY_BYTES])
{
    struct bytes stanzas = header->stanzas;
    struct age_stanza stanza;
    uint8_t salt[SALT_BYTES], key[32];
    unsigned log2_n;

    if (!header->has_scrypt || !age_stanza_take(&stanzas, &stanza)) return TIDE_EAUTH;
    if (stanza.n_args != 3 || !age_b64_decode(stanza.args[1], salt, sizeof salt)) return TIDE_EMALFORMED;
    if (stanza.body_len != AGE_BODY_BYTES) return TIDE_EMALFORMED;
    enum tide_err err = work_factor_parse(stanza.args[2], &log2_n);
    if (err != TIDE_OK) return err;
    if (passphrase.len == 0) return TIDE_EAUTH;

    err = wrap_key(passphrase, salt, log2_n, key);
    if (err == TIDE_OK && crypto_aead_chacha20poly1305_ietf_decrypt(file_key, NULL, NULL, stanza.body, AGE_BODY_BYTES,
                                                                    NULL, 0, zero_nonce, key) != 0) {
        err = TIDE_EAUTH;
    }
    sodium_memzero(key, sizeof key);
    return err;
}
