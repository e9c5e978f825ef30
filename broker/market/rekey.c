/*
 * New keys for a party: at once if the present key signs for it; announced, and to be stopped for a while, if an operator
 * does because the key was lost.
 *
 * Always holds: a party has at most one announced change, with its deadline; keys that were replaced stay in the tables
 * of keys, so that nobody can have them again.
 * Not here: what an announcement freezes (bank.c), opening the envelope that is carried (party.c).
 */
#include "broker/market/law.h"

enum tide_err decide_new_keys(struct hearing *h)
{
    return refuse(h, OUTCOME_ALREADY_ENROLLED); /* `rekey` or `replace_keys` carries it */
}

static enum tide_err rekey_get(struct state_view *state, uint64_t party, struct row_rekey *row)
{
    uint8_t key[8];
    key_u64(key, party);
    return state_get(state, TABLE_REKEY, key, row);
}

/* Reads the `new_keys` statement that is carried, which is about the key in force of `party`. */
static enum tide_err open_new_keys(struct hearing *h, struct bytes envelope, const struct row_party *party,
                                   struct statement *request)
{
    PASS(h, open_request(h, envelope, KIND_NEW_KEYS, request));
    const struct body_new_keys *keys = request->body;
    if (memcmp(keys->party, party->key, 32) == 0) return TIDE_OK;
    return refuse_because(h, OUTCOME_NOT_YOURS, "the new keys are not for %s's key in force", party->name);
}

static enum tide_err emit_rekeyed(struct hearing *h, const uint8_t party[32], const uint8_t new_key[32],
                                  const uint8_t seal_key[32], const uint8_t wire_key[32])
{
    struct body_rekeyed *e = EVENT(h, REKEYED, rekeyed);
    if (!e) return TIDE_ENOMEM;
    memcpy(e->party, party, 32);
    memcpy(e->new_key, new_key, 32);
    memcpy(e->seal_key, seal_key, 32);
    memcpy(e->wire_key, wire_key, 32);
    return TIDE_OK;
}

static enum tide_err emit_stopped(struct hearing *h, const uint8_t party[32])
{
    struct body_rekey_stopped *e = EVENT(h, REKEY_STOPPED, rekey_stopped);
    if (!e) return TIDE_ENOMEM;
    memcpy(e->party, party, 32);
    return TIDE_OK;
}

/* ---- with the present key ---- */

enum tide_err decide_rekey(struct hearing *h)
{
    const struct body_rekey *rekey = h->cause->statement.body;
    struct statement request;
    PASS(h, open_new_keys(h, rekey->request, &h->speaker, &request));
    const struct body_new_keys *keys = request.body;
    PASS(h, check_new_keys(h, request.party, keys->seal_key, keys->wire_key));
    return emit_rekeyed(h, h->speaker.key, request.party, keys->seal_key, keys->wire_key);
}

/* ---- without it ---- */

enum tide_err decide_replace_keys(struct hearing *h)
{
    const struct body_replace_keys *replace = h->cause->statement.body;
    uint64_t number;
    struct row_party row;
    struct row_rekey announced;
    struct statement request;
    PASS(h, hear_party(h, replace->party, &number, &row));
    if (same_group(h->party, &h->speaker, number, &row)) return refuse(h, OUTCOME_OWN_GROUP);
    PASS(h, open_new_keys(h, replace->request, &row, &request));
    enum tide_err err = rekey_get(h->state, number, &announced);
    if (!err) return refuse_because(h, OUTCOME_WRONG_STATE, "a change of %s's keys is announced already", row.name);
    if (err != TIDE_ENOTFOUND) return err;
    const struct body_new_keys *keys = request.body;
    PASS(h, check_new_keys(h, request.party, keys->seal_key, keys->wire_key));

    struct body_rekey_announced *e = EVENT(h, REKEY_ANNOUNCED, rekey_announced);
    if (!e) return TIDE_ENOMEM;
    memcpy(e->party, row.key, 32);
    memcpy(e->new_key, request.party, 32);
    memcpy(e->seal_key, keys->seal_key, 32);
    memcpy(e->wire_key, keys->wire_key, 32);
    e->effective_at = h->now_ms + h->market.parameters[PARAM_REKEY_MS]; /* bounded by ten years */
    return TIDE_OK;
}

enum tide_err decide_stop_rekey(struct hearing *h)
{
    const struct body_stop_rekey *stop = h->cause->statement.body;
    uint64_t number;
    struct row_party row;
    struct row_rekey announced;
    PASS(h, hear_party(h, stop->party, &number, &row));
    if (number != h->party && !(h->speaker.roles & ROLE_OPERATOR)) return refuse(h, OUTCOME_NOT_YOURS);
    enum tide_err err = rekey_get(h->state, number, &announced);
    if (err == TIDE_ENOTFOUND) return refuse_because(h, OUTCOME_WRONG_STATE, "no change of %s's keys is announced", row.name);
    return err ? err : emit_stopped(h, row.key);
}

/* The state does not know yet what this tick has given to others. */
static bool taken_in_this_tick(const struct hearing *h, const struct row_rekey *keys)
{
    for (size_t i = 0; i < h->d->n_events; i++) {
        const struct body_rekeyed *e = h->d->events[i].body;
        if (h->d->events[i].kind != KIND_REKEYED) continue;
        if (memcmp(e->new_key, keys->new_key, 32) == 0 || memcmp(e->seal_key, keys->seal_key, 32) == 0 ||
            memcmp(e->wire_key, keys->wire_key, 32) == 0)
            return true;
    }
    return false;
}

static enum tide_err is_taken(struct hearing *h, enum table table, const uint8_t key[32], bool *taken)
{
    struct row_ref ref;
    if (*taken) return TIDE_OK;
    enum tide_err err = state_get(h->state, table, key, &ref);
    *taken = err == TIDE_OK;
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

enum tide_err rekey_due(struct hearing *h, uint64_t party)
{
    struct row_rekey keys;
    struct row_party row;
    enum tide_err err = must_exist(rekey_get(h->state, party, &keys));
    if (!err) err = must_exist(party_by_number(h->state, party, &row));
    if (err) return err;
    bool taken = taken_in_this_tick(h, &keys);
    err = is_taken(h, TABLE_PARTY_KEY, keys.new_key, &taken);
    if (!err) err = is_taken(h, TABLE_WIRE_KEY, keys.wire_key, &taken);
    if (!err) err = is_taken(h, TABLE_RECIPIENT, keys.seal_key, &taken);
    if (err) return err;
    return taken ? emit_stopped(h, row.key) : emit_rekeyed(h, row.key, keys.new_key, keys.seal_key, keys.wire_key);
}

/* ---- writing ---- */

/* The party whose key in force this is. */
static enum tide_err fold_party_row(struct fold *f, const uint8_t key[32], uint64_t *number, struct row_party *row)
{
    enum tide_err err = fold_party(f, key, number);
    if (!err) err = must_exist(party_by_number(f->state, *number, row));
    if (err) return err;
    return *number != MARKET_PARTY && memcmp(row->key, key, 32) == 0 ? TIDE_OK : TIDE_EDAMAGED;
}

static enum tide_err drop_announcement(struct fold *f, uint64_t party)
{
    struct row_rekey announced;
    uint8_t key[8];
    enum tide_err err = rekey_get(f->state, party, &announced);
    if (err) return err;
    key_u64(key, party);
    err = state_del(f->state, TABLE_REKEY, key);
    return err ? must_exist(err) : deadline_del(f, DEADLINE_REKEY, announced.effective_at, party);
}

enum tide_err apply_rekey_announced(struct fold *f, const struct body_rekey_announced *e)
{
    uint64_t number;
    struct row_party party;
    struct row_rekey row;
    uint8_t key[8];
    enum tide_err err = fold_party_row(f, e->party, &number, &party);
    if (err) return err;
    err = rekey_get(f->state, number, &row);
    if (err != TIDE_ENOTFOUND) return err ? err : TIDE_EDAMAGED;
    memcpy(row.new_key, e->new_key, 32);
    memcpy(row.seal_key, e->seal_key, 32);
    memcpy(row.wire_key, e->wire_key, 32);
    row.effective_at = e->effective_at;
    key_u64(key, number);
    err = state_put(f->state, TABLE_REKEY, key, &row);
    return err ? err : deadline_put(f, DEADLINE_REKEY, row.effective_at, number);
}

enum tide_err apply_rekeyed(struct fold *f, const struct body_rekeyed *e)
{
    uint64_t number;
    struct row_party row;
    struct row_ref taken;
    enum tide_err err = fold_party_row(f, e->party, &number, &row);
    if (err) return err;
    err = state_get(f->state, TABLE_PARTY_KEY, e->new_key, &taken);
    if (err != TIDE_ENOTFOUND) return err ? err : TIDE_EDAMAGED;
    err = drop_announcement(f, number);
    if (err && err != TIDE_ENOTFOUND) return err;
    memcpy(row.key, e->new_key, 32);
    memcpy(row.seal_key, e->seal_key, 32);
    memcpy(row.wire_key, e->wire_key, 32);
    return party_row_put(f, number, &row);
}

enum tide_err apply_rekey_stopped(struct fold *f, const struct body_rekey_stopped *e)
{
    uint64_t number;
    struct row_party row;
    enum tide_err err = fold_party_row(f, e->party, &number, &row);
    return err ? err : must_exist(drop_announcement(f, number));
}
