/*
 * That an older key is the same party's as a later one: what a counterparty signed before its keys were changed.
 *
 * Always holds: the broker's answer to `keys` only says where to look. Each step from the key that signed to the key meant is
 * a `rekeyed` record that says just this, is in the log under a checkpoint of the market's log key consistent with what was
 * seen before, and came before what rests on it. To name a key of its own as somebody's older one, a broker would have to
 * put a false record into the public log.
 * Not here: what such a record says (verify_keys.c).
 */
#include "client/lib/jobs.h"
#include "client/lib/proof.h"

static int unproven(struct tide_error *error)
{
    return error_set(error, OUTCOME_V_FAILED, "The broker does not prove that an older key was the same party's; nothing was signed.");
}

/* One step: `key` becomes what record `index` made of it. */
static int step(struct tide_market *m, uint64_t index, uint8_t key[32], struct tide_error *error)
{
    struct record record;
    struct event event;
    struct tide_doc *doc;
    int code = record_proven(m, index, &doc, &record, error);
    if (code == OUTCOME_NO_SUCH_RECORD) return unproven(error);
    if (code != 0) return code;
    bool leads = record_event(&record, KIND_REKEYED, doc->arena, &event) && key_change_step(event.body, key);
    tide_doc_free(&doc);
    return leads ? 0 : unproven(error);
}

/* The first of `keys` at or after `at` that is `key`; their number: none is. */
static size_t key_find(const struct list *keys, size_t at, const uint8_t key[32])
{
    const struct body_key_row *rows = keys->items;
    while (at < keys->n && memcmp(rows[at].key, key, 32) != 0) at++;
    return at;
}

int party_keys_lead(struct tide_market *m, const uint8_t from[32], const uint8_t to[32], uint64_t before,
                    struct tide_error *error)
{
    struct body_q_party q = {0};
    struct tide_doc *doc;
    uint8_t key[32];
    memcpy(key, from, 32);
    if (memcmp(from, to, 32) == 0) return 0;
    memcpy(q.party, to, 32);
    int code = market_query(m, VERB_KEYS, &q, &doc, error);
    if (code == OUTCOME_NO_SUCH_PARTY) return unproven(error);
    if (code != 0) return code;
    const struct list *keys = &((const struct body_r_keys *)doc->value)->keys;
    const struct body_key_row *rows = keys->items;
    size_t at = key_find(keys, 0, from), last = key_find(keys, at, to);
    if (last == keys->n) code = unproven(error);
    while (code == 0 && at++ < last) code = rows[at].since < before ? step(m, rows[at].since, key, error) : unproven(error);
    if (code == 0 && memcmp(key, to, 32) != 0) code = unproven(error);
    tide_doc_free(&doc);
    return code;
}
