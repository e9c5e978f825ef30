/*
 * Closing a listing, and what follows: what rests on it is closed, then the trades that its halt kept waiting get their
 * deadlines.
 *
 * Always holds: a close gives no trade its deadline while an order rests there still.
 * Not here: a listing's other moves (listing.c), closing an order (order_close.c), parked trades (halt.c), the slices
 * after the first (work.c).
 */
#include "broker/market/law.h"

enum tide_err finish_close(struct hearing *h, uint64_t listing)
{
    bool all;
    enum tide_err err = close_orders_of_listing(h, listing, &all);
    return err || !all ? err : unpark_trades(h, listing);
}

enum tide_err decide_close(struct hearing *h)
{
    const struct body_close *close = h->cause->statement.body;
    PASS(h, hear_listing(h, close->listing));
    if (h->listing_row.vendor != h->party) return refuse(h, OUTCOME_NOT_YOURS);
    PASS(h, listing_move(h, LISTING_CLOSED));
    return finish_close(h, close->listing);
}
