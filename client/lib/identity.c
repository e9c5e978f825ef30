/*
 * Identities in public: made, read, saved, named.
 *
 * Always holds: secrets stay in crypto's guarded memory; what is kept here is public.
 */
#include "client/lib/market.h"

#include <stdlib.h>

int identity_wrap(struct identity *id, struct tide_identity **out, struct tide_error *error)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        identity_free(&id);
        return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    }
    (*out)->id = id;
    bech32_encode(PARTY_PREFIX, identity_party(id), (*out)->party);
    bech32_encode(RECIPIENT_PREFIX, identity_seal_public(id), (*out)->recipient);
    return 0;
}

static int start(struct tide_error *error)
{
    error_clear(error);
    return crypto_init() == TIDE_OK ? 0 : error_set(error, OUTCOME_C_INTERNAL, "No source of randomness.");
}

int tide_identity_new(struct tide_identity **out, struct tide_error *error)
{
    struct identity *id = NULL;
    *out = NULL;
    int code = start(error);
    if (code == 0) code = error_of(error, identity_new(&id), "Cannot make a key");
    return code != 0 ? code : identity_wrap(id, out, error);
}

int tide_identity_open(const char *path, const char *passphrase, size_t passphrase_len, struct tide_identity **out,
                       struct tide_error *error)
{
    struct identity *id = NULL;
    *out = NULL;
    int code = start(error);
    if (code != 0) return code;
    enum tide_err err = identity_load(path, BYTES(passphrase, passphrase == NULL ? 0 : passphrase_len), &id);
    switch (err) {
    case TIDE_OK:
        return identity_wrap(id, out, error);
    case TIDE_ENOTFOUND:
        return error_set(error, OUTCOME_C_NO_IDENTITY, "There is no identity file %s.", path);
    case TIDE_EDENIED:
        return error_set(error, OUTCOME_C_BAD_IDENTITY, "%s cannot be used: others can read it, or you cannot.", path);
    case TIDE_EAUTH:
        return error_set(error, OUTCOME_C_BAD_IDENTITY, passphrase_len == 0 ? "%s needs its passphrase."
                                                                           : "That is not the passphrase of %s.", path);
    case TIDE_EMALFORMED:
        return error_set(error, OUTCOME_C_BAD_IDENTITY, "%s is not an identity file.", path);
    default:
        return error_of(error, err, path);
    }
}

int tide_identity_is_wrapped(const char *path)
{
    return identity_is_wrapped(path) ? 1 : 0;
}

int tide_identity_save(const struct tide_identity *identity, const char *path, const char *name, const char *passphrase,
                       size_t passphrase_len, struct tide_error *error)
{
    error_clear(error);
    struct bytes secret = BYTES(passphrase, passphrase == NULL ? 0 : passphrase_len);
    enum tide_err err = identity_save(identity->id, path, name == NULL ? "" : name, wall_ms(), secret);
    if (err == TIDE_OK) return 0;
    if (err == TIDE_EEXIST)
        return error_set(error, OUTCOME_C_FILE, "%s is there already; a key is never written over.", path);
    if (err == TIDE_EINVAL) return error_set(error, OUTCOME_C_USAGE, "A key's name has no control characters.");
    return error_set(error, OUTCOME_C_FILE, "Cannot write %s: %s.", path, tide_err_text(err));
}

bool identity_had(const struct identity *id, const uint8_t party[32])
{
    if (memcmp(identity_party(id), party, 32) == 0) return true;
    for (size_t i = 0; i < identity_n_older(id); i++) {
        if (memcmp(identity_party(identity_older(id, i)), party, 32) == 0) return true;
    }
    return false;
}

bool tide_identity_is(const struct tide_identity *identity, const char *party)
{
    uint8_t key[32];
    return party != NULL && bech32_decode(PARTY_PREFIX, BYTES_TEXT(party), key) == TIDE_OK && identity_had(identity->id, key);
}

const char *tide_identity_party(const struct tide_identity *identity)
{
    return identity->party;
}

const char *tide_identity_recipient(const struct tide_identity *identity)
{
    return identity->recipient;
}

void tide_identity_free(struct tide_identity **identity)
{
    if (identity == NULL || *identity == NULL) return;
    identity_free(&(*identity)->id);
    free(*identity);
    *identity = NULL;
}
