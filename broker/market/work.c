/*
 * Work too large for one record, done in slices: matching on, closing what rests on a closed listing or belongs to a
 * suspended party, giving parked trades their deadlines, taking an ended programme's vouchers back. A slice that leaves
 * something ends with `sliced`; the broker's `continue` must come next.
 *
 * Always holds: a record's decision matches, closes and moves at most LIMIT_MATCHES orders, trades and holders, counted
 * together in its decision's n_matched; while work is pending, nothing but `continue` is decided.
 * Not here: what one slice does to parked trades (halt.c) and to holders (voucher.c).
 */
#include "broker/market/law.h"

enum tide_err work_slice(struct hearing *h, enum work work, uint64_t subject)
{
    struct body_sliced *e = EVENT(h, SLICED, sliced);
    if (!e) return TIDE_ENOMEM;
    e->work = work;
    e->subject = subject;
    h->market.pending_work = work; /* the hearing's copy: the rest of a batch sees it */
    h->market.pending_subject = subject;
    return TIDE_OK;
}

enum tide_err apply_sliced(struct fold *f, const struct body_sliced *e)
{
    enum tide_err err = fold_market(f);
    if (err) return err;
    if (f->market.pending_work != WORK_NONE) return TIDE_EDAMAGED;
    f->market.pending_work = e->work;
    f->market.pending_subject = e->subject;
    return fold_put_market(f);
}

/* ---- closing orders ---- */

/* Closes one order with its owner's money released. */
static enum tide_err close_one(struct hearing *h, uint64_t order, enum close_reason reason)
{
    struct row_order row;
    struct row_party owner;
    enum tide_err err = order_get(h->state, order, &row);
    if (!err) err = must_exist(party_by_number(h->state, row.party, &owner));
    return err ? err : order_close(h, order, &row, owner.key, reason);
}

enum tide_err close_orders_of_listing(struct hearing *h, uint64_t listing)
{
    uint8_t key[BOOK_KEY_BYTES] = {0};
    struct row_book book;
    be64_put(key, listing);
    for (bool after = false;; after = true) {
        enum tide_err err = state_next(h->state, TABLE_BOOK, key, 8, after, &book);
        if (err == TIDE_ENOTFOUND) return unpark_trades(h, listing);
        if (err) return err;
        if (h->d->n_matched >= LIMIT_MATCHES) return work_slice(h, WORK_CLOSE_LISTING, listing);
        err = close_one(h, book.order, CLOSE_LISTING_CLOSED);
        if (err) return err;
        h->d->n_matched++;
    }
}

enum tide_err close_orders_of_party(struct hearing *h, uint64_t party)
{
    uint8_t key[17];
    key_u64_u8_u64(key, party, 0, 0);
    for (bool after = false;; after = true) {
        enum tide_err err = state_next(h->state, TABLE_ORDER_OF, key, 9, after, NULL);
        if (err) return err == TIDE_ENOTFOUND ? TIDE_OK : err;
        if (h->d->n_matched >= LIMIT_MATCHES) return work_slice(h, WORK_SUSPEND, party);
        err = close_one(h, be64_get(key + 9), CLOSE_SUSPENDED);
        if (err) return err;
        h->d->n_matched++;
    }
}

/* ---- going on ---- */

enum tide_err continue_match(struct hearing *h, uint64_t order)
{
    struct taker t = {.order = order};
    struct row_party owner;
    enum match_end end;
    enum tide_err err = order_get(h->state, order, &t.row);
    if (!err) err = must_exist(party_by_number(h->state, t.row.party, &owner));
    if (err) return err;
    if (t.row.closed || t.row.resting) return TIDE_EDAMAGED;
    PASS(h, hear_listing(h, t.row.listing));
    t.party = &owner;
    err = book_match(h, &t, &end);
    if (err) return err;
    if (end == MATCH_MORE) return work_slice(h, WORK_MATCH, order);
    if (end == MATCH_OWN_GROUP) return order_close(h, order, &t.row, owner.key, CLOSE_SELF_TRADE);
    if (!t.row.unlimited && t.row.left == 0) return TIDE_OK;
    if (t.row.tif == TIF_IOC) return order_close(h, order, &t.row, owner.key, CLOSE_UNFILLED);
    struct body_rested *e = EVENT(h, RESTED, rested);
    if (!e) return TIDE_ENOMEM;
    e->order = order;
    return TIDE_OK;
}

enum tide_err decide_continue(struct hearing *h)
{
    const struct body_continue *go_on = h->cause->statement.body;
    if (h->market.pending_work == WORK_NONE) return refuse_because(h, OUTCOME_WRONG_STATE, "nothing is pending");
    if (go_on->work != h->market.pending_work || go_on->subject != h->market.pending_subject)
        return refuse_because(h, OUTCOME_WRONG_STATE, "what is pending is the %s of record %llu",
                              names_work[h->market.pending_work], (unsigned long long)h->market.pending_subject);
    switch (h->market.pending_work) {
    case WORK_MATCH: return continue_match(h, go_on->subject);
    case WORK_CLOSE_LISTING: return close_orders_of_listing(h, go_on->subject);
    case WORK_SUSPEND: return close_orders_of_party(h, go_on->subject);
    case WORK_RESUME_LISTING: return unpark_trades(h, go_on->subject);
    case WORK_END_PROGRAMME: return return_vouchers(h, go_on->subject);
    default: return TIDE_EDAMAGED;
    }
}
