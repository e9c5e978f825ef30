/*
 * A book as anyone may see it: by price, without names. What a query shows and what the tape says come from here, so
 * that they agree.
 */
#ifndef TIDEMARK_BROKER_BOOK_VIEW_H
#define TIDEMARK_BROKER_BOOK_VIEW_H

#include "storage/protocol.h"
#include "storage/state.h"

/*
 * Orders of a book, side by side in the order of execution. `level` is filled level by level; at most `max_orders` are
 * looked at.
 */
struct book_walk {
    struct state_view *view;
    uint8_t key[BOOK_KEY_BYTES];
    size_t n_orders, max_orders;
    bool begun, ended; /* ended: the whole side was walked */
};
void book_walk_init(struct book_walk *walk, struct state_view *view, uint64_t listing, enum side side,
                    size_t max_orders);

/*
 * The next level. *whole is false if counting ended early: the level then has at least what it says. TIDE_ENOTFOUND:
 * there are no more, or enough orders were looked at (`ended` tells which).
 */
MUST_USE enum tide_err book_walk_next(struct book_walk *walk, struct body_level *level, bool *whole);

/* The best levels of both sides as lists of none or one; of a crowd at one price so many orders are counted. */
#define BOOK_TOP_ORDERS 256
struct book_top {
    struct body_level bid, ask;
    bool has_bid, has_ask;
};
MUST_USE enum tide_err book_top(struct state_view *view, uint64_t listing, struct book_top *out);

/* The top's sides as lists that point into it. */
struct list book_top_bid(struct book_top *top);
struct list book_top_ask(struct book_top *top);

#endif
