/*
 * Changing an identity's keys: the successor, the statement that the new key signs, and the one that the old key signs.
 *
 * Always holds: a successor keeps the older seeds, so that what was sealed to them, or by them, still opens. Nothing here
 * touches identity files: when they are exchanged is the program's to decide (key rotate).
 */
#include "client/lib/market.h"

#include <stdlib.h>

int tide_identity_rotate(const struct tide_identity *old, struct tide_identity **out, struct tide_error *error)
{
    struct identity *id = NULL;
    error_clear(error);
    *out = NULL;
    enum tide_err err = identity_rotate(old->id, &id);
    if (err == TIDE_ELIMIT)
        return error_set(error, OUTCOME_C_USAGE, "This identity has changed its keys %d times: an identity file keeps no more.",
                         IDENTITY_OLDER_MAX);
    return err != TIDE_OK ? error_of(error, err, "Cannot make a key") : identity_wrap(id, out, error);
}

bool tide_identity_follows(const struct tide_identity *identity, const struct tide_identity *old)
{
    const struct identity *before = identity_older(identity->id, 0);
    return before != NULL && memcmp(identity_party(before), identity_party(old->id), 32) == 0;
}

int tide_new_keys(struct tide_market *market, const char *party, uint8_t **out, size_t *len, struct tide_error *error)
{
    uint8_t key[32];
    struct bytes envelope;
    error_clear(error);
    *out = NULL;
    *len = 0;
    int code = need_identity(market, error);
    if (code == 0 && bech32_decode(PARTY_PREFIX, BYTES_TEXT(party), key) != TIDE_OK)
        code = error_set(error, OUTCOME_C_USAGE, "\"%.80s\" is not a party (tide1…).", party);
    if (code == 0) code = statement_new_keys(market, market->identity, key, &envelope, error);
    if (code != 0) return code;
    *out = malloc(envelope.len);
    if (*out == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    memcpy(*out, envelope.data, envelope.len);
    *len = envelope.len;
    return 0;
}

int tide_rekey(struct tide_market *market, const struct tide_identity *next, struct tide_doc **out, struct tide_error *error)
{
    struct body_rekey body = {0};
    struct bytes envelope;
    error_clear(error);
    if (out != NULL) *out = NULL;
    int code = need_identity(market, error);
    if (code == 0) code = statement_new_keys(market, next->id, identity_party(market->identity), &envelope, error);
    if (code != 0) return code;
    uint8_t *copy = malloc(envelope.len); /* signing resets the scratch that it lies in */
    if (copy == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    memcpy(copy, envelope.data, envelope.len);
    body.request = BYTES(copy, envelope.len);
    code = market_state(market, &schema_rekey, &body, out, error);
    free(copy);
    return code;
}
