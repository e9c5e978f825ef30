/*
 * Deadlines: a trade's, an order's expiry, and the others' (enum deadline_kind), in the order of their time; the clocks
 * that they follow, and how a halt stops one; the earliest of them.
 *
 * Always holds: a trade's deadline is kept by its listing's clock, and is due when that clock has come there. Its key in
 * the table has the market's clock, at or before the moment it will be due: whoever finds it too early, because the
 * listing was halted meanwhile, puts it off. The other kinds are kept by the wall's clock, and nothing moves them.
 * Not here: acting on what is due (due.c), setting a trade's (trade_rows.c), which deadline its state has
 * (transitions.c).
 */
#include "broker/market/law.h"

const struct deadline_rule deadline_kinds[] = {
    {DEADLINE_GRANT, true},
    {DEADLINE_ACCEPT, true},
    {DEADLINE_CLAIM, true},
    {DEADLINE_ORDER, false},
    {DEADLINE_REKEY, false},
    {DEADLINE_PROGRAMME, false},
    {DEADLINE_UNLOCK, false},
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

/* ---- clocks ---- */

uint64_t market_clock(const struct row_market *market, uint64_t now_ms)
{
    return (market->halted ? market->halted_at : now_ms) - market->shift_ms;
}

uint64_t listing_clock(const struct row_market *market, const struct row_listing *listing, uint64_t now_ms)
{
    return (listing->state == LISTING_HALTED ? listing->halted_at : market_clock(market, now_ms)) - listing->halted_ms;
}

/* Whether it is halted is read from `halted_at`, so that it does not matter whether the caller has moved its state yet. */
enum tide_err listing_clock_fold(struct fold *f, struct row_listing *row, uint64_t to)
{
    if (to != LISTING_HALTED && row->halted_at == 0) return TIDE_OK;
    enum tide_err err = fold_market(f);
    if (err) return err;
    uint64_t clock_ms = market_clock(&f->market, f->time_ms);
    if (to == LISTING_HALTED) {
        if (row->halted_at != 0) return TIDE_EDAMAGED;
        row->halted_at = clock_ms;
        return TIDE_OK;
    }
    if (clock_ms < row->halted_at) return TIDE_EDAMAGED;
    row->halted_ms += clock_ms - row->halted_at; /* all its halts together are no more than the market's clock */
    row->halted_at = 0;
    return TIDE_OK;
}

/* ---- a trade's deadline ---- */

uint64_t deadline_left(const struct row_market *market, const struct row_listing *listing, const struct row_trade *row,
                       uint64_t now_ms)
{
    uint64_t clock_ms = listing_clock(market, listing, now_ms);
    return row->due > clock_ms ? row->due - clock_ms : 0;
}

uint64_t market_trade_due(const struct row_market *market, const struct row_listing *listing,
                          const struct row_trade *trade, uint64_t now_ms)
{
    if (trade->overdue || trade_deadline_of(trade->state) == 0) return 0;
    return now_ms + (trade->due - listing_clock(market, listing, now_ms)); /* modulo 2^64: it may have passed */
}

/* ---- the earliest ---- */

/* The earliest deadline of one kind; UINT64_MAX: none, or the halted market keeps it from running. */
static enum tide_err earliest_of(struct state_view *state, const struct deadline_rule *rule,
                                 const struct row_market *market, uint64_t *at_ms)
{
    uint8_t key[17];
    *at_ms = UINT64_MAX;
    if (rule->shifted && market->halted) return TIDE_OK;
    key_u8_u64_u64(key, rule->kind, 0, 0);
    enum tide_err err = state_next(state, TABLE_DEADLINE, key, 1, false, NULL);
    if (err) return err == TIDE_ENOTFOUND ? TIDE_OK : err;
    *at_ms = be64_get(key + 1) + (rule->shifted ? market->shift_ms : 0);
    return TIDE_OK;
}

enum tide_err deadline_earliest(struct state_view *state, const struct row_market *market, uint64_t *at_ms)
{
    *at_ms = UINT64_MAX;
    for (size_t i = 0; i < n_deadline_kinds; i++) {
        uint64_t one_ms;
        enum tide_err err = earliest_of(state, &deadline_kinds[i], market, &one_ms);
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
    return deadline_earliest(state, &market, at_ms);
}
