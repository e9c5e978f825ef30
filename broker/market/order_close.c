/*
 * What an open order holds, and how it ends: cancelled by its owner, or closed with others, as many as fit a slice.
 *
 * Always holds: what of an order's money and voucher is not spent is released when it ends.
 * Not here: the rows of its end (book_rows.c), when one expires (due.c), what follows the close of a listing
 * (listing_close.c), the slices after the first (work.c).
 */
#include "broker/market/law.h"

/* ---- what is held ---- */

/* No voucher holds more of a unit than its price; price times quantity is an amount (order_checks.c). */
uint64_t order_holds(const struct row_order *row)
{
    if (row->side == SIDE_ASK) return 0;
    return row->type == ORDER_MARKET ? row->budget : (row->price - row->voucher_unit) * row->left;
}

uint64_t order_holds_voucher(const struct row_order *row)
{
    return row->voucher_unit * row->left;
}

/* ---- one order ---- */

enum tide_err order_close(struct hearing *h, uint64_t order, const struct row_order *row, const uint8_t owner[32],
                          enum close_reason reason)
{
    struct body_order_closed *e = EVENT(h, ORDER_CLOSED, order_closed);
    if (!e) return TIDE_ENOMEM;
    e->order = order;
    e->reason = reason;
    e->left = row->left;
    if (row->side == SIDE_ASK) return TIDE_OK;
    enum tide_err err = postings_new(h, &e->postings, row->programme != 0 ? 6 : 2);
    if (err) return err;
    int64_t money = (int64_t)order_holds(row);
    posting_add(&e->postings, owner, ACCOUNT_HELD, ASSET_CNY, -money);
    posting_add(&e->postings, owner, ACCOUNT_AVAILABLE, ASSET_CNY, money);
    if (row->voucher_unit == 0) return TIDE_OK;
    return voucher_free(h, &e->postings, row->programme, owner, ACCOUNT_HELD, order_holds_voucher(row));
}

enum tide_err order_close_by_number(struct hearing *h, uint64_t order, enum close_reason reason)
{
    struct row_order row;
    struct row_party owner;
    enum tide_err err = order_get(h->state, order, &row);
    if (!err) err = must_exist(party_by_number(h->state, row.party, &owner));
    return err ? err : order_close(h, order, &row, owner.key, reason);
}

enum tide_err decide_cancel(struct hearing *h)
{
    const struct body_cancel *cancel = h->cause->statement.body;
    struct row_order row;
    PASS(h, hear_order(h, cancel->order, &row));
    return order_close(h, cancel->order, &row, h->speaker.key, CLOSE_CANCELLED);
}

enum tide_err apply_order_closed(struct fold *f, const struct body_order_closed *e)
{
    struct row_order row;
    enum tide_err err = order_get(f->state, e->order, &row);
    if (err) return err;
    if (row.left != e->left) return TIDE_EDAMAGED;
    err = order_end(f, e->order, &row);
    return err ? err : order_put(f, e->order, &row);
}

/* ---- many ---- */

enum tide_err close_orders_of_listing(struct hearing *h, uint64_t listing, bool *all)
{
    uint8_t key[BOOK_KEY_BYTES] = {0};
    struct row_book book;
    *all = false;
    be64_put(key, listing);
    for (bool after = false;; after = true) {
        enum tide_err err = state_next(h->state, TABLE_BOOK, key, 8, after, &book);
        *all = err == TIDE_ENOTFOUND;
        if (err) return *all ? TIDE_OK : err;
        if (h->d->n_matched >= LIMIT_MATCHES) return work_slice(h, WORK_CLOSE_LISTING, listing);
        err = order_close_by_number(h, book.order, CLOSE_LISTING_CLOSED);
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
        err = order_close_by_number(h, be64_get(key + 9), CLOSE_SUSPENDED);
        if (err) return err;
        h->d->n_matched++;
    }
}
