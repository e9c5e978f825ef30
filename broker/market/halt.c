/*
 * Halts: of the market, of a listing, and the deadlines of trades that they put off.
 *
 * Always holds: while the market is halted no trade deadline runs and nobody trades; what of a halted listing's trades
 * a tick found too early waits in `parked` until the listing is resumed or closed.
 * Not here: the clocks, and how a halt stops one (deadline.c), the listing's move (listing.c), closing it
 * (listing_close.c).
 */
#include "broker/market/law.h"

/* ---- the market ---- */

static enum tide_err emit_market_moved(struct hearing *h, bool halted)
{
    struct body_market_moved *e = EVENT(h, MARKET_MOVED, market_moved);
    if (!e) return TIDE_ENOMEM;
    e->halted = halted;
    return TIDE_OK;
}

static enum tide_err halt_market(struct hearing *h)
{
    if (h->market.halted) return refuse_because(h, OUTCOME_WRONG_STATE, "the market is halted already");
    return emit_market_moved(h, true);
}

/* The time it took moves every trade deadline, as an outage does. */
static enum tide_err resume_market(struct hearing *h)
{
    if (!h->market.halted) return refuse_because(h, OUTCOME_WRONG_STATE, "the market is not halted");
    PASS(h, emit_market_moved(h, false));
    uint64_t took_ms = h->now_ms - h->market.halted_at;
    if (took_ms == 0) return TIDE_OK;
    struct body_shifted *e = EVENT(h, SHIFTED, shifted);
    if (!e) return TIDE_ENOMEM;
    e->outage_ms = took_ms;
    return TIDE_OK;
}

enum tide_err apply_market_moved(struct fold *f, const struct body_market_moved *e)
{
    enum tide_err err = fold_market(f);
    if (err) return err;
    if (f->market.halted == e->halted) return TIDE_EDAMAGED;
    f->market.halted = e->halted;
    f->market.halted_at = e->halted ? f->time_ms : 0;
    return fold_put_market(f);
}

/* ---- a listing ---- */

enum tide_err decide_halt(struct hearing *h)
{
    const struct body_halt *halt = h->cause->statement.body;
    if (halt->listing == 0) return halt_market(h);
    PASS(h, hear_listing(h, halt->listing));
    return listing_move(h, LISTING_HALTED);
}

enum tide_err decide_resume(struct hearing *h)
{
    const struct body_resume *resume = h->cause->statement.body;
    if (resume->listing == 0) return resume_market(h);
    PASS(h, hear_listing(h, resume->listing));
    PASS(h, listing_move(h, LISTING_OPEN));
    return unpark_trades(h, resume->listing);
}

/* ---- deadlines that a halt puts off ---- */

static enum tide_err emit_deferred(struct hearing *h, uint64_t trade, uint64_t due_ms)
{
    struct body_deferred *e = EVENT(h, DEFERRED, deferred);
    if (!e) return TIDE_ENOMEM;
    e->trade = trade;
    e->due = due_ms;
    return TIDE_OK;
}

enum tide_err trade_defer(struct hearing *h, uint64_t trade, const struct row_trade *row)
{
    PASS(h, hear_listing(h, row->listing));
    if (h->listing_row.state == LISTING_HALTED) return emit_deferred(h, trade, 0);
    return emit_deferred(h, trade, h->now_ms + deadline_left(&h->market, &h->listing_row, row, h->now_ms));
}

/* A halted listing's clock stands where it goes on: it need not matter whether the hearing's row has left its halt. */
enum tide_err unpark_trades(struct hearing *h, uint64_t listing)
{
    uint8_t key[16];
    key_u64_u64(key, listing, 0);
    for (bool after = false;; after = true) {
        struct row_trade row;
        enum tide_err err = state_next(h->state, TABLE_PARKED, key, 8, after, NULL);
        if (err) return err == TIDE_ENOTFOUND ? TIDE_OK : err;
        if (h->d->n_matched >= LIMIT_MATCHES) return work_slice(h, WORK_RESUME_LISTING, listing);
        PASS(h, hear_listing(h, listing));
        uint64_t trade = be64_get(key + 8);
        err = must_exist(trade_get(h->state, trade, &row));
        if (!err) err = emit_deferred(h, trade, h->now_ms + deadline_left(&h->market, &h->listing_row, &row, h->now_ms));
        if (err) return err;
        h->d->n_matched++;
    }
}

static enum tide_err park(struct fold *f, uint64_t trade, struct row_trade *row)
{
    const struct row_none none = {0};
    uint8_t key[16];
    row->parked = 1;
    row->due_key = 0;
    key_u64_u64(key, row->listing, trade);
    return state_put(f->state, TABLE_PARKED, key, &none);
}

enum tide_err apply_deferred(struct fold *f, const struct body_deferred *e)
{
    struct row_trade row;
    struct row_listing listing;
    enum tide_err err = fold_market(f);
    if (!err) err = must_exist(trade_get(f->state, e->trade, &row));
    if (!err) err = must_exist(listing_get(f->state, row.listing, &listing));
    if (err) return err;
    uint64_t kind = row.overdue ? 0 : trade_deadline_of(row.state);
    uint64_t left_ms = deadline_left(&f->market, &listing, &row, f->time_ms);
    bool parks = e->due == 0, halted = listing.state == LISTING_HALTED;
    if (kind == 0 || parks != halted || (parks && row.parked)) return TIDE_EDAMAGED;
    if (!parks && e->due != f->time_ms + left_ms) return TIDE_EDAMAGED;
    err = trade_deadline_clear(f, e->trade, &row);
    if (err) return err;
    if (parks) {
        err = park(f, e->trade, &row);
    } else {
        row.due = listing_clock(&f->market, &listing, f->time_ms) + left_ms; /* as it was, or now if it had passed */
        row.due_key = market_clock(&f->market, f->time_ms) + left_ms;
        err = deadline_put(f, (enum deadline_kind)kind, row.due_key, e->trade);
    }
    return err ? err : trade_put(f, e->trade, &row);
}
