/*
 * An order's rows: its key in the book, and what goes when it ends.
 *
 * Always holds: every resting order has exactly one key in storage's `book` table, and something of it is left; an order
 * that has ended has no key there, no deadline, and is in its party's list of closed ones.
 * Not here: matching (book.c), placing (order.c), why an order ends (order_close.c).
 */
#include "broker/market/law.h"

enum tide_err book_put(struct fold *f, uint64_t order, struct row_order *row)
{
    const struct row_book book = {order, row->party};
    uint8_t key[BOOK_KEY_BYTES];
    if (row->resting || row->closed || (row->left == 0 && !row->unlimited)) return TIDE_EDAMAGED;
    row->resting = 1;
    key_book(key, row->listing, row->side, row->price, row->priority);
    return state_put(f->state, TABLE_BOOK, key, &book);
}

enum tide_err book_remove(struct fold *f, struct row_order *row)
{
    uint8_t key[BOOK_KEY_BYTES];
    if (!row->resting) return TIDE_OK;
    row->resting = 0;
    key_book(key, row->listing, row->side, row->price, row->priority);
    return must_exist(state_del(f->state, TABLE_BOOK, key));
}

enum tide_err order_end(struct fold *f, uint64_t order, struct row_order *row)
{
    const struct row_none none = {0};
    uint8_t key[17];
    if (row->closed) return TIDE_EDAMAGED;
    row->closed = 1;
    row->budget = 0;
    enum tide_err err = book_remove(f, row);
    if (!err && row->tif == TIF_GTD) err = deadline_del(f, DEADLINE_ORDER, row->expires_at, order);
    key_u64_u8_u64(key, row->party, 0, order);
    if (!err) err = must_exist(state_del(f->state, TABLE_ORDER_OF, key));
    key_u64_u8_u64(key, row->party, 1, order);
    return err ? err : state_put(f->state, TABLE_ORDER_OF, key, &none);
}
