/*
 * The payload of an age v1 file by the chunk: keys, lengths, sealing and opening single chunks, and small files held
 * in memory whole.
 *
 * Always holds: chunk `index` is bound to its place and to being last by its nonce. A chunk that does not open leaves
 * zeros behind, never unauthenticated plaintext.
 * Not here: long payloads (age_payload.c).
 */
#include "crypto/age_header.h"
#include "crypto/age_chunk.h"

#include "crypto/sign.h"

#include <sodium.h>
#include <stdlib.h>

uint64_t age_n_chunks(uint64_t plaintext_len)
{
    return plaintext_len == 0 ? 1 : (plaintext_len - 1) / AGE_CHUNK_BYTES + 1;
}

uint64_t age_payload_len(uint64_t plaintext_len)
{
    return AGE_NONCE_BYTES + plaintext_len + age_n_chunks(plaintext_len) * AGE_TAG_BYTES;
}

size_t age_sealed_chunk_len(uint64_t plaintext_len, uint64_t index)
{
    uint64_t begin = index * AGE_CHUNK_BYTES;
    ASSERT(index < age_n_chunks(plaintext_len));
    uint64_t left = plaintext_len - begin;
    return (size_t)(left < AGE_CHUNK_BYTES ? left : AGE_CHUNK_BYTES) + AGE_TAG_BYTES;
}

void age_key_commitment(const uint8_t file_key[AGE_FILE_KEY_BYTES], const uint8_t nonce[AGE_NONCE_BYTES],
                        uint8_t out[HASH_BYTES])
{
    sha256_parts((struct bytes[]){BYTES_TEXT("tidemark/key/v1\n"), BYTES(file_key, AGE_FILE_KEY_BYTES),
                                  BYTES(nonce, AGE_NONCE_BYTES)},
                 3, out);
}

void age_payload_key(const uint8_t file_key[AGE_FILE_KEY_BYTES], const uint8_t nonce[AGE_NONCE_BYTES], uint8_t key[32])
{
    hkdf_sha256(BYTES(file_key, AGE_FILE_KEY_BYTES), BYTES(nonce, AGE_NONCE_BYTES), BYTES_TEXT("payload"), key);
}

void age_chunk_nonce(uint64_t index, bool last, uint8_t nonce[AGE_CHUNK_NONCE_BYTES])
{
    memset(nonce, 0, AGE_CHUNK_NONCE_BYTES);
    be64_put(nonce + 3, index);
    nonce[11] = last ? 1 : 0;
}

void age_chunk_seal(const uint8_t key[32], uint64_t index, bool last, struct bytes plain, uint8_t *sealed)
{
    uint8_t nonce[AGE_CHUNK_NONCE_BYTES];
    ASSERT(plain.len <= AGE_CHUNK_BYTES);
    age_chunk_nonce(index, last, nonce);
    crypto_aead_chacha20poly1305_ietf_encrypt(sealed, NULL, plain.data, plain.len, NULL, 0, NULL, nonce, key);
}

enum tide_err age_chunk_open(const uint8_t key[32], uint64_t index, bool last, struct bytes sealed, uint8_t *plain)
{
    uint8_t nonce[AGE_CHUNK_NONCE_BYTES];
    if (sealed.len < AGE_TAG_BYTES || sealed.len > AGE_SEALED_CHUNK_BYTES) return TIDE_EAUTH;
    age_chunk_nonce(index, last, nonce);
    int rc = crypto_aead_chacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed.data, sealed.len, NULL, 0, nonce,
                                                       key);
    return rc == 0 ? TIDE_OK : TIDE_EAUTH;
}

/* nonce ‖ chunks of `plain` at `out`, which has age_payload_len bytes of room. */
static void payload_seal_memory(const uint8_t file_key[AGE_FILE_KEY_BYTES], struct bytes plain, uint8_t *out)
{
    uint8_t key[32];
    uint64_t n = age_n_chunks(plain.len);

    random_bytes(out, AGE_NONCE_BYTES);
    age_payload_key(file_key, out, key);
    out += AGE_NONCE_BYTES;
    for (uint64_t i = 0; i < n; i++) {
        size_t sealed_len = age_sealed_chunk_len(plain.len, i);
        struct bytes chunk = BYTES(plain.data + i * AGE_CHUNK_BYTES, sealed_len - AGE_TAG_BYTES);
        age_chunk_seal(key, i, i + 1 == n, chunk, out);
        out += sealed_len;
    }
    sodium_memzero(key, sizeof key);
}

/* *out is malloc'd, and never NULL on success. */
static enum tide_err payload_open_memory(const uint8_t file_key[AGE_FILE_KEY_BYTES], struct bytes payload,
                                         uint8_t **out, size_t *out_len)
{
    uint8_t key[32];
    enum tide_err err = TIDE_OK;
    size_t done = 0;

    if (payload.len < AGE_NONCE_BYTES + AGE_TAG_BYTES) return TIDE_EAUTH;
    uint8_t *plain = malloc(payload.len);
    if (plain == NULL) return TIDE_ENOMEM;
    age_payload_key(file_key, payload.data, key);
    struct bytes rest = BYTES(payload.data + AGE_NONCE_BYTES, payload.len - AGE_NONCE_BYTES);
    for (uint64_t i = 0; err == TIDE_OK && (i == 0 || rest.len > 0); i++) {
        bool last = rest.len <= AGE_SEALED_CHUNK_BYTES;
        struct bytes chunk = BYTES(rest.data, last ? rest.len : AGE_SEALED_CHUNK_BYTES);
        bool empty_last = i > 0 && chunk.len <= AGE_TAG_BYTES;
        err = empty_last ? TIDE_EAUTH : age_chunk_open(key, i, last, chunk, plain + done);
        done += chunk.len - AGE_TAG_BYTES;
        rest = BYTES(rest.data + chunk.len, rest.len - chunk.len);
    }
    sodium_memzero(key, sizeof key);
    if (err != TIDE_OK) {
        sodium_memzero(plain, payload.len);
        free(plain);
        return err;
    }
    *out = plain;
    *out_len = done;
    return TIDE_OK;
}

/* header (without its end) ‖ end ‖ payload, malloc'd. */
static enum tide_err file_join(const uint8_t file_key[AGE_FILE_KEY_BYTES], struct bytes header, struct bytes plain,
                               uint8_t **out, size_t *out_len)
{
    uint64_t payload_len = age_payload_len(plain.len);
    uint8_t *file = malloc(header.len + AGE_END_BYTES + payload_len);
    if (file == NULL) return TIDE_ENOMEM;
    memcpy(file, header.data, header.len);
    size_t len = header.len + age_header_end(file_key, file, header.len);
    payload_seal_memory(file_key, plain, file + len);
    *out = file;
    *out_len = len + payload_len;
    return TIDE_OK;
}

enum tide_err age_file_seal_passphrase(struct bytes plain, struct bytes passphrase, unsigned log2_n, uint8_t **out,
                                       size_t *out_len)
{
    uint8_t header[sizeof AGE_FIRST_LINE + AGE_STANZA_MAX], file_key[AGE_FILE_KEY_BYTES];
    size_t len = sizeof AGE_FIRST_LINE - 1, stanza_len;

    *out = NULL;
    *out_len = 0;
    random_bytes(file_key, sizeof file_key);
    memcpy(header, AGE_FIRST_LINE, len);
    enum tide_err err = age_scrypt_stanza(file_key, passphrase, log2_n, header + len, &stanza_len);
    if (err == TIDE_OK) err = file_join(file_key, BYTES(header, len + stanza_len), plain, out, out_len);
    sodium_memzero(file_key, sizeof file_key);
    return err;
}

enum tide_err age_file_seal(struct bytes plain, const uint8_t (*recipients)[32], size_t n_recipients, uint8_t **out,
                            size_t *out_len)
{
    uint8_t file_key[AGE_FILE_KEY_BYTES];
    size_t len = sizeof AGE_FIRST_LINE - 1, stanza_len;
    enum tide_err err = TIDE_OK;

    *out = NULL;
    *out_len = 0;
    if (n_recipients == 0 || n_recipients > AGE_RECIPIENTS_MAX) return TIDE_EINVAL;
    uint8_t *header = malloc(len + n_recipients * AGE_STANZA_MAX);
    if (header == NULL) return TIDE_ENOMEM;
    random_bytes(file_key, sizeof file_key);
    memcpy(header, AGE_FIRST_LINE, len);
    for (size_t i = 0; i < n_recipients && err == TIDE_OK; i++) {
        err = age_x25519_stanza_derived(file_key, recipients[i], header + len, &stanza_len);
        len += stanza_len;
    }
    if (err == TIDE_OK) err = file_join(file_key, BYTES(header, len), plain, out, out_len);
    sodium_memzero(file_key, sizeof file_key);
    free(header);
    return err;
}

/* The payload behind a header that was opened, whatever opened it. */
static enum tide_err file_open_end(enum tide_err err, struct bytes file, size_t header_len,
                                   uint8_t file_key[AGE_FILE_KEY_BYTES], uint8_t **out, size_t *out_len)
{
    if (err == TIDE_OK) {
        err = payload_open_memory(file_key, BYTES(file.data + header_len, file.len - header_len), out, out_len);
    }
    sodium_memzero(file_key, AGE_FILE_KEY_BYTES);
    return err;
}

enum tide_err age_file_open_passphrase(struct bytes file, struct bytes passphrase, uint8_t **out, size_t *out_len)
{
    uint8_t file_key[AGE_FILE_KEY_BYTES];
    size_t header_len;
    *out = NULL;
    *out_len = 0;
    enum tide_err err = age_header_open_passphrase(file, passphrase, file_key, &header_len);
    return file_open_end(err, file, header_len, file_key, out, out_len);
}

enum tide_err age_file_open(struct bytes file, const uint8_t secret[32], uint8_t **out, size_t *out_len)
{
    uint8_t file_key[AGE_FILE_KEY_BYTES];
    size_t header_len;
    *out = NULL;
    *out_len = 0;
    enum tide_err err = age_header_open(file, secret, file_key, &header_len);
    return file_open_end(err, file, header_len, file_key, out, out_len);
}
