/*
 * A trade's rows: opening and moving it, its one deadline, the lists that it is in.
 *
 * Always holds: a trade moves only along its table (transitions.c), and its deadline goes with the state it leaves; it is
 * in the lists of its buyer and its vendor, open or final; a claimed one in its arbiter's and that of all, as running or
 * as overdue.
 * Not here: the clocks that deadlines follow (deadline.c), where a trade comes from (book.c), what its end does to money
 * and marks (settlement.c), who rules (claim.c).
 */
#include "broker/market/law.h"

/* ---- its deadline ---- */

enum tide_err trade_deadline_set(struct fold *f, enum deadline_kind kind, uint64_t trade, struct row_trade *row,
                                 uint64_t due_ms)
{
    struct row_listing listing;
    enum tide_err err = fold_market(f);
    if (!err) err = must_exist(listing_get(f->state, row->listing, &listing));
    if (err) return err;
    if (due_ms < f->time_ms) return TIDE_EDAMAGED;
    uint64_t left_ms = due_ms - f->time_ms;
    row->due = listing_clock(&f->market, &listing, f->time_ms) + left_ms;
    row->due_key = market_clock(&f->market, f->time_ms) + left_ms;
    return deadline_put(f, kind, row->due_key, trade);
}

enum tide_err trade_deadline_clear(struct fold *f, uint64_t trade, struct row_trade *row)
{
    uint64_t kind = row->overdue ? 0 : trade_deadline_of(row->state);
    if (kind == 0) return TIDE_OK;
    if (!row->parked) return deadline_del(f, (enum deadline_kind)kind, row->due_key, trade);
    uint8_t key[16];
    row->parked = 0;
    key_u64_u64(key, row->listing, trade);
    return must_exist(state_del(f->state, TABLE_PARKED, key));
}

/* ---- from state to state ---- */

/* Both parties' lists: 0 open, 1 final. */
enum tide_err trade_of_put(struct fold *f, uint64_t trade, const struct row_trade *row, uint8_t final)
{
    const struct row_none none = {0};
    const uint64_t parties[] = {row->buyer, row->vendor};
    enum tide_err err = TIDE_OK;
    for (size_t i = 0; !err && i < ARRAY_LEN(parties); i++) {
        uint8_t key[17];
        key_u64_u8_u64(key, parties[i], 0, trade);
        if (final) err = must_exist(state_del(f->state, TABLE_TRADE_OF, key));
        key_u64_u8_u64(key, parties[i], final, trade);
        if (!err) err = state_put(f->state, TABLE_TRADE_OF, key, &none);
    }
    return err;
}

enum tide_err trade_open(struct fold *f, const struct body_traded *e, const struct row_order *bid,
                         const struct row_order *ask)
{
    const struct transition *t = trade_transition(TRADE_NONE, KIND_TRADED, 0);
    struct row_trade row;
    if (e->voucher > e->total || e->fee > e->total || (e->voucher > 0 && e->programme == 0)) return TIDE_EDAMAGED;
    memset(&row, 0, sizeof row);
    row.listing = e->listing;
    row.bid = e->bid;
    row.ask = e->ask;
    row.buyer = bid->party;
    row.vendor = ask->party;
    row.traded_at = f->time_ms;
    row.price = e->price;
    row.quantity = e->quantity;
    row.total = e->total;
    row.fee = e->fee;
    row.programme = e->programme;
    row.voucher = e->voucher;
    row.bid_replaced = bid->replaced_by;
    row.ask_replaced = ask->replaced_by;
    row.state = t->to;
    row.accept_ms = e->accept_ms;
    memcpy(row.buyer_key, e->buyer, 32);
    memcpy(row.vendor_key, e->vendor, 32);
    memcpy(row.recipient, e->recipient, 32);
    enum tide_err err = trade_deadline_set(f, (enum deadline_kind)t->deadline, f->index, &row, e->grant_due);
    if (!err) err = trade_put(f, f->index, &row);
    return err ? err : trade_of_put(f, f->index, &row, 0);
}

enum tide_err trade_move(struct fold *f, uint64_t trade, uint64_t event, uint64_t basis, struct row_trade *row)
{
    enum tide_err err = must_exist(trade_get(f->state, trade, row));
    if (err) return err;
    const struct transition *t = trade_transition(row->state, event, basis);
    if (!t) return TIDE_EDAMAGED;
    err = trade_deadline_clear(f, trade, row);
    row->state = t->to;
    return err;
}

/* ---- claims ---- */

/* The arbiter's list and that of all. */
static enum tide_err list_claim(struct fold *f, uint64_t trade, const struct row_trade *row, bool there)
{
    const struct row_none none = {0};
    const uint64_t lists[] = {row->arbiter, MARKET_PARTY};
    enum tide_err err = TIDE_OK;
    for (size_t i = 0; !err && i < ARRAY_LEN(lists); i++) {
        uint8_t key[17];
        key_u64_u8_u64(key, lists[i], row->overdue ? 1 : 0, trade);
        err = there ? state_put(f->state, TABLE_CLAIM_OF, key, &none)
                    : must_exist(state_del(f->state, TABLE_CLAIM_OF, key));
    }
    return err;
}

enum tide_err claim_list(struct fold *f, uint64_t trade, const struct row_trade *row)
{
    return list_claim(f, trade, row, true);
}

enum tide_err claim_unlist(struct fold *f, uint64_t trade, const struct row_trade *row)
{
    return list_claim(f, trade, row, false);
}
