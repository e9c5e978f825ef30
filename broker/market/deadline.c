/*
 * Deadlines: a trade's, and an order's expiry, in the order of their time; the earliest of them.
 *
 * Always holds: a trade's deadlines are kept without shift_ms, the sum of all outages, and are due when key + shift_ms
 * has come; an order's expiry is not moved by outages.
 * Not here: acting on what is due (due.c), which deadline a trade's state has (transitions.c).
 */
#include "broker/market/law.h"

const struct deadline_rule deadline_kinds[] = {
    {DEADLINE_GRANT, true},
    {DEADLINE_ACCEPT, true},
    {DEADLINE_ORDER, false},
};
const size_t n_deadline_kinds = ARRAY_LEN(deadline_kinds);

enum tide_err deadline_put(struct fold *f, enum deadline_kind kind, uint64_t due, uint64_t subject)
{
    const struct row_none none = {0};
    uint8_t key[17];
    key_u8_u64_u64(key, (uint8_t)kind, due, subject);
    return state_put(f->state, TABLE_DEADLINE, key, &none);
}

enum tide_err deadline_del(struct fold *f, enum deadline_kind kind, uint64_t due, uint64_t subject)
{
    uint8_t key[17];
    key_u8_u64_u64(key, (uint8_t)kind, due, subject);
    return must_exist(state_del(f->state, TABLE_DEADLINE, key));
}

/* The earliest deadline of one kind, with the shift; UINT64_MAX: none. */
static enum tide_err earliest_of(struct state_view *state, const struct deadline_rule *rule, uint64_t shift_ms,
                                 uint64_t *at_ms)
{
    uint8_t key[17];
    *at_ms = UINT64_MAX;
    key_u8_u64_u64(key, rule->kind, 0, 0);
    enum tide_err err = state_next(state, TABLE_DEADLINE, key, 1, false, NULL);
    if (err) return err == TIDE_ENOTFOUND ? TIDE_OK : err;
    *at_ms = be64_get(key + 1) + (rule->shifted ? shift_ms : 0);
    return TIDE_OK;
}

enum tide_err deadline_earliest(struct state_view *state, uint64_t shift_ms, uint64_t *at_ms)
{
    *at_ms = UINT64_MAX;
    for (size_t i = 0; i < n_deadline_kinds; i++) {
        uint64_t one_ms;
        enum tide_err err = earliest_of(state, &deadline_kinds[i], shift_ms, &one_ms);
        if (err) return err;
        if (one_ms < *at_ms) *at_ms = one_ms;
    }
    return TIDE_OK;
}

enum tide_err market_next_deadline(struct state_view *state, uint64_t *at_ms)
{
    struct row_market market;
    *at_ms = UINT64_MAX;
    enum tide_err err = market_row(state, &market);
    if (err) return err == TIDE_ENOTFOUND ? TIDE_OK : err;
    return deadline_earliest(state, market.shift_ms, at_ms);
}
