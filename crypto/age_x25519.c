/*
 * X25519 recipients of age v1: wrapping a file key for one, unwrapping it, and grants (a header with exactly one).
 *
 * Always holds: an all-zero shared secret is never used; a stanza of another type is passed over; ephemeral secrets
 * and wrap keys are wiped on every path.
 * Not here: which recipients the market accepts (x25519_recipient_is_good is its test).
 */
#include "crypto/age_header.h"
#include "crypto/identity.h"

#include <sodium.h>

#define SHARE_BYTES 32

static const uint8_t zero_nonce[crypto_aead_chacha20poly1305_IETF_NPUBBYTES];

void x25519_public(const uint8_t secret[32], uint8_t public_key[32])
{
    crypto_scalarmult_base(public_key, secret);
}

/*
 * The u-coordinates of low order in canonical form (orders 1, 2, 4 and 8 on the curve and its twist), little-endian. Any
 * secret, which is a multiple of 8, takes them to zero; comparing costs a thousandth of multiplying to find that out.
 */
static const uint8_t low_order[][32] = {
    {0},
    {1},
    {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
     0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
    {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b,
     0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

bool x25519_recipient_is_good(const uint8_t recipient[32])
{
    static const uint8_t prime_low = 0xed;
    bool high = recipient[31] == 0x7f;

    if (recipient[31] & 0x80) return false;
    for (size_t i = 1; high && i < 31; i++) high = recipient[i] == 0xff;
    if (high && recipient[0] >= prime_low) return false; /* 2^255 - 19 and above have a smaller twin */
    for (size_t i = 0; i < ARRAY_LEN(low_order); i++)
        if (memcmp(recipient, low_order[i], 32) == 0) return false; /* public values: no constant time needed */
    return true;
}

/* wrap = HKDF(shared secret, salt share ‖ recipient, ...). */
static void wrap_key(const uint8_t shared[32], const uint8_t share[SHARE_BYTES], const uint8_t recipient[32],
                     uint8_t key[HASH_BYTES])
{
    uint8_t salt[SHARE_BYTES + 32];
    memcpy(salt, share, SHARE_BYTES);
    memcpy(salt + SHARE_BYTES, recipient, 32);
    hkdf_sha256(BYTES(shared, 32), BYTES(salt, sizeof salt), BYTES_TEXT("age-encryption.org/v1/X25519"), key);
}

/* `secret`: the ephemeral one. */
static enum tide_err stanza_write(const uint8_t file_key[AGE_FILE_KEY_BYTES], const uint8_t recipient[32],
                                  const uint8_t secret[32], uint8_t *out, size_t *len)
{
    uint8_t share[SHARE_BYTES], shared[32], key[HASH_BYTES], body[AGE_BODY_BYTES];
    enum tide_err err = TIDE_EINVAL;
    uint8_t *at = out;

    *len = 0;
    x25519_public(secret, share);
    if (crypto_scalarmult(shared, secret, recipient) != 0) goto out;
    wrap_key(shared, share, recipient, key);
    crypto_aead_chacha20poly1305_ietf_encrypt(body, NULL, file_key, AGE_FILE_KEY_BYTES, NULL, 0, NULL, zero_nonce,
                                              key);
    at = (uint8_t *)stpcpy((char *)at, "-> " AGE_STANZA_X25519 " ");
    at += age_b64_encode(BYTES(share, sizeof share), at);
    *at++ = '\n';
    at += age_b64_encode(BYTES(body, sizeof body), at);
    *at++ = '\n';
    *len = (size_t)(at - out);
    err = TIDE_OK;
out:
    sodium_memzero(shared, sizeof shared);
    sodium_memzero(key, sizeof key);
    return err;
}

enum tide_err age_x25519_stanza(const uint8_t file_key[AGE_FILE_KEY_BYTES], const uint8_t recipient[32],
                                uint8_t *out, size_t *len)
{
    uint8_t secret[32];
    random_bytes(secret, sizeof secret);
    enum tide_err err = stanza_write(file_key, recipient, secret, out, len);
    sodium_memzero(secret, sizeof secret);
    return err;
}

enum tide_err age_x25519_stanza_derived(const uint8_t file_key[AGE_FILE_KEY_BYTES], const uint8_t recipient[32],
                                        uint8_t *out, size_t *len)
{
    uint8_t secret[32];
    hkdf_sha256(BYTES(file_key, AGE_FILE_KEY_BYTES), BYTES(recipient, 32), BYTES_TEXT("tidemark/ephemeral/v1"), secret);
    enum tide_err err = stanza_write(file_key, recipient, secret, out, len);
    sodium_memzero(secret, sizeof secret);
    return err;
}

static bool stanza_share(const struct age_stanza *stanza, uint8_t share[SHARE_BYTES])
{
    return stanza->n_args == 2 && age_b64_decode(stanza->args[1], share, SHARE_BYTES) &&
           stanza->body_len == AGE_BODY_BYTES;
}

/* TIDE_EMALFORMED: the stanza is no X25519 stanza at all; TIDE_EAUTH: it is somebody else's. */
static enum tide_err stanza_open(const struct age_stanza *stanza, const uint8_t secret[32],
                                 const uint8_t recipient[32], uint8_t file_key[AGE_FILE_KEY_BYTES])
{
    uint8_t share[SHARE_BYTES], shared[32], key[HASH_BYTES];
    enum tide_err err = TIDE_EMALFORMED;

    if (!stanza_share(stanza, share)) return TIDE_EMALFORMED;
    if (crypto_scalarmult(shared, secret, share) != 0) goto out;
    wrap_key(shared, share, recipient, key);
    int rc = crypto_aead_chacha20poly1305_ietf_decrypt(file_key, NULL, NULL, stanza->body, AGE_BODY_BYTES, NULL, 0,
                                                       zero_nonce, key);
    err = rc == 0 ? TIDE_OK : TIDE_EAUTH;
out:
    sodium_memzero(shared, sizeof shared);
    sodium_memzero(key, sizeof key);
    return err;
}

enum tide_err age_x25519_unwrap(const struct age_header *header, const uint8_t secret[32],
                                uint8_t file_key[AGE_FILE_KEY_BYTES])
{
    struct bytes stanzas = header->stanzas;
    struct age_stanza stanza;
    uint8_t recipient[32];

    x25519_public(secret, recipient);
    while (age_stanza_take(&stanzas, &stanza)) {
        if (!age_stanza_is(&stanza, AGE_STANZA_X25519)) continue;
        enum tide_err err = stanza_open(&stanza, secret, recipient, file_key);
        if (err != TIDE_EAUTH) return err;
    }
    return TIDE_EAUTH;
}

enum tide_err age_grant_seal(const uint8_t file_key[AGE_FILE_KEY_BYTES], const uint8_t recipient[32],
                             uint8_t grant[AGE_GRANT_BYTES])
{
    uint8_t header[sizeof AGE_FIRST_LINE + AGE_STANZA_MAX + AGE_END_BYTES];
    size_t len = sizeof AGE_FIRST_LINE - 1, stanza_len;

    memset(grant, 0, AGE_GRANT_BYTES);
    memcpy(header, AGE_FIRST_LINE, len);
    enum tide_err err = age_x25519_stanza(file_key, recipient, header + len, &stanza_len);
    if (err != TIDE_OK) return err;
    len += stanza_len;
    len += age_header_end(file_key, header, len);
    ASSERT(len == AGE_GRANT_BYTES);
    memcpy(grant, header, len);
    return TIDE_OK;
}

bool age_grant_is_well_formed(struct bytes grant)
{
    struct age_header header;
    struct age_stanza stanza;
    uint8_t share[SHARE_BYTES];

    if (grant.len != AGE_GRANT_BYTES || age_header_parse(grant, &header) != TIDE_OK) return false;
    if (header.len != grant.len || header.n_stanzas != 1 || !age_stanza_take(&header.stanzas, &stanza)) return false;
    return age_stanza_is(&stanza, AGE_STANZA_X25519) && stanza_share(&stanza, share);
}
