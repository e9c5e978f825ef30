/*
 * One seed, its subkeys, and what they are used for.
 *
 * Always holds: an identity lives in guarded memory that is read-only once it is made and wiped when it is freed. Every
 * subkey follows from the seed, so the seed alone restores everything.
 * Not here: the file that keeps the seed (identity_file.c).
 */
#include "crypto/identity.h"

#include "crypto/hash.h"
#include "crypto/identity_private.h"

#include <sodium.h>

/* Subkeys by id and context (docs/formats.md, "Identities"). */
enum subkey { SUBKEY_SIGN = 1, SUBKEY_SEAL, SUBKEY_WIRE, SUBKEY_LOG, SUBKEY_ONCE, SUBKEY_FILE };

static const char *const contexts[] = {
    [SUBKEY_SIGN] = "tidesign", [SUBKEY_SEAL] = "tideseal", [SUBKEY_WIRE] = "tidewire",
    [SUBKEY_LOG] = "tidelog_",  [SUBKEY_ONCE] = "tideonce", [SUBKEY_FILE] = "tidefile",
};

static void derive(const uint8_t seed[32], enum subkey subkey, uint8_t out[32])
{
    crypto_kdf_derive_from_key(out, 32, (uint64_t)subkey, contexts[subkey], seed);
}

static void derive_all(struct identity *id)
{
    uint8_t seed[32];
    derive(id->seed, SUBKEY_SIGN, seed);
    sign_keypair(seed, id->party, id->party_secret);
    derive(id->seed, SUBKEY_LOG, seed);
    sign_keypair(seed, id->log_public, id->log_secret);
    sodium_memzero(seed, sizeof seed);

    derive(id->seed, SUBKEY_SEAL, id->seal_secret);
    x25519_public(id->seal_secret, id->seal_public);
    derive(id->seed, SUBKEY_WIRE, id->wire_secret);
    x25519_public(id->wire_secret, id->wire_public);
    derive(id->seed, SUBKEY_ONCE, id->once_key);
    derive(id->seed, SUBKEY_FILE, id->file_key);
}

enum tide_err identity_with_older(const uint8_t seed[32], const uint8_t (*older)[32], size_t n_older,
                                  struct identity **out)
{
    *out = NULL;
    if (n_older > IDENTITY_OLDER_MAX) return TIDE_ELIMIT;
    struct identity *id = sodium_malloc(sizeof *id);
    if (id == NULL) return TIDE_ENOMEM;
    memset(id, 0, sizeof *id);
    memcpy(id->seed, seed, sizeof id->seed);
    derive_all(id);
    for (; id->n_older < n_older; id->n_older++) {
        enum tide_err err = identity_from_seed(older[id->n_older], &id->older[id->n_older]);
        if (err == TIDE_OK) continue;
        identity_free(&id);
        return err;
    }
    /* A hardening, not a promise: where the kernel refuses, the identity works all the same. */
    (void)sodium_mprotect_readonly(id);
    *out = id;
    return TIDE_OK;
}

enum tide_err identity_from_seed(const uint8_t seed[32], struct identity **out)
{
    return identity_with_older(seed, NULL, 0, out);
}

enum tide_err identity_new(struct identity **out)
{
    uint8_t seed[32];
    random_bytes(seed, sizeof seed);
    enum tide_err err = identity_from_seed(seed, out);
    sodium_memzero(seed, sizeof seed);
    return err;
}

enum tide_err identity_rotate(const struct identity *old, struct identity **out)
{
    uint8_t seed[32], older[IDENTITY_OLDER_MAX][32];

    *out = NULL;
    if (old->n_older == IDENTITY_OLDER_MAX) return TIDE_ELIMIT;
    random_bytes(seed, sizeof seed);
    memcpy(older[0], old->seed, 32);
    for (size_t i = 0; i < old->n_older; i++) memcpy(older[i + 1], old->older[i]->seed, 32);
    enum tide_err err = identity_with_older(seed, (const uint8_t(*)[32])older, old->n_older + 1, out);
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(older, sizeof older);
    return err;
}

void identity_free(struct identity **id)
{
    if (*id == NULL) return;
    for (size_t i = 0; i < (*id)->n_older; i++) sodium_free((*id)->older[i]);
    sodium_free(*id);
    *id = NULL;
}

const uint8_t *identity_party(const struct identity *id)
{
    return id->party;
}

const uint8_t *identity_seal_public(const struct identity *id)
{
    return id->seal_public;
}

const uint8_t *identity_wire_public(const struct identity *id)
{
    return id->wire_public;
}

const uint8_t *identity_log_public(const struct identity *id)
{
    return id->log_public;
}

const uint8_t *identity_seal_secret(const struct identity *id)
{
    return id->seal_secret;
}

const uint8_t *identity_wire_secret(const struct identity *id)
{
    return id->wire_secret;
}

const uint8_t *identity_log_secret(const struct identity *id)
{
    return id->log_secret;
}

size_t identity_n_older(const struct identity *id)
{
    return id->n_older;
}

const struct identity *identity_older(const struct identity *id, size_t index)
{
    return index < id->n_older ? id->older[index] : NULL;
}

void identity_sign(const struct identity *id, const char *domain, struct bytes message, uint8_t signature[SIGN_BYTES])
{
    sign_message(id->party_secret, domain, message, signature);
}

void identity_bid_key(const struct identity *id, const uint8_t command_id[16], uint64_t position, uint8_t secret[32],
                      uint8_t recipient[32])
{
    uint8_t name[16 + 8];
    memcpy(name, command_id, 16);
    be64_put(name + 16, position);
    blake2b_keyed(id->once_key, BYTES(name, sizeof name), secret, 32);
    x25519_public(secret, recipient);
}

void identity_file_key(const struct identity *id, const uint8_t nonce[16], uint8_t file_key[16])
{
    blake2b_keyed(id->file_key, BYTES(nonce, 16), file_key, 16);
}
