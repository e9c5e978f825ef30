/*
 * Walks one side of a book from its best order on and adds the orders of a price up (book_view.h).
 *
 * Always holds: the work is bounded by the number of orders that the caller allows.
 */
#include "broker/server/book_view.h"

static void level_add(struct body_level *level, const struct row_order *order)
{
    level->orders++;
    if (order->unlimited) {
        level->unlimited = 1;
    } else if (!add_u64(level->quantity, order->left, &level->quantity) || level->quantity > LIMIT_AMOUNT) {
        level->quantity = LIMIT_AMOUNT;
    }
}

void book_walk_init(struct book_walk *walk, struct state_view *view, uint64_t listing, enum side side,
                    size_t max_orders)
{
    *walk = (struct book_walk){.view = view, .max_orders = max_orders};
    key_book(walk->key, listing, side, side == SIDE_BID ? UINT64_MAX : 0, 0); /* the lowest key of this side */
}

/* Adds the order under the walk's key. */
static enum tide_err add_order(struct book_walk *walk, const struct row_book *book, struct body_level *level)
{
    struct row_order order;
    uint8_t key[8];

    key_u64(key, book->order);
    enum tide_err err = state_get(walk->view, TABLE_ORDER, key, &order);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
    level->price = book_key_price(walk->key);
    level_add(level, &order);
    walk->n_orders++;
    return TIDE_OK;
}

enum tide_err book_walk_next(struct book_walk *walk, struct body_level *level, bool *whole)
{
    struct row_book book;
    uint8_t last[BOOK_KEY_BYTES];

    *level = (struct body_level){0};
    *whole = true;
    for (;;) {
        memcpy(last, walk->key, sizeof last);
        enum tide_err err = walk->ended ? TIDE_ENOTFOUND
                                        : state_next(walk->view, TABLE_BOOK, walk->key, 9, walk->begun, &book);
        if (err == TIDE_ENOTFOUND) {
            walk->ended = true;
            return level->orders > 0 ? TIDE_OK : TIDE_ENOTFOUND;
        }
        if (err != TIDE_OK) return err;
        bool another_price = level->orders > 0 && book_key_price(walk->key) != level->price;
        if (another_price || walk->n_orders == walk->max_orders) {
            memcpy(walk->key, last, sizeof last); /* it is the next call's */
            *whole = another_price;
            return level->orders > 0 ? TIDE_OK : TIDE_ENOTFOUND;
        }
        err = add_order(walk, &book, level);
        if (err != TIDE_OK) return err;
        walk->begun = true;
    }
}

/* ---- tops ---- */

static enum tide_err side_top(struct state_view *view, uint64_t listing, enum side side, struct body_level *out,
                              bool *has)
{
    struct book_walk walk;
    bool whole;

    book_walk_init(&walk, view, listing, side, BOOK_TOP_ORDERS);
    enum tide_err err = book_walk_next(&walk, out, &whole);
    *has = err == TIDE_OK;
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

enum tide_err book_top(struct state_view *view, uint64_t listing, struct book_top *out)
{
    memset(out, 0, sizeof *out);
    enum tide_err err = side_top(view, listing, SIDE_BID, &out->bid, &out->has_bid);
    return err == TIDE_OK ? side_top(view, listing, SIDE_ASK, &out->ask, &out->has_ask) : err;
}

struct list book_top_bid(struct book_top *top)
{
    return (struct list){.items = &top->bid, .n = top->has_bid ? 1 : 0};
}

struct list book_top_ask(struct book_top *top)
{
    return (struct list){.items = &top->ask, .n = top->has_ask ? 1 : 0};
}
