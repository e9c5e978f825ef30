/*
 * Work too large for one record goes on: the broker's `continue` takes up what the slice before it left, be it matching,
 * closing orders, giving parked trades their deadlines, or taking an ended programme's vouchers back.
 *
 * Always holds: a record's decision matches, closes and moves at most LIMIT_MATCHES orders, trades and holders, counted
 * together in its decision's n_matched.
 * Not here: cutting it (slice.c), what one slice does (order_close.c, listing_close.c, halt.c, voucher.c). Nobody but
 * decide.c calls this file: it stands above all whose work it continues.
 */
#include "broker/market/law.h"

static enum tide_err continue_match(struct hearing *h, uint64_t order)
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
    case WORK_CLOSE_LISTING: return finish_close(h, go_on->subject);
    case WORK_SUSPEND: return close_orders_of_party(h, go_on->subject);
    case WORK_RESUME_LISTING: return unpark_trades(h, go_on->subject);
    case WORK_END_PROGRAMME: return return_vouchers(h, go_on->subject);
    default: return TIDE_EDAMAGED;
    }
}
