/*
 * Changing an order that rests: less of it keeps its place (`amended`); another price, or more of it, goes behind all
 * others of that price and is matched at once like a new order, under its own name (`replaced`).
 *
 * Always holds: an amended order stays in the book under its key; a replaced one is taken out and put back, if it rests,
 * under the `replaced` record's index. What it holds is what its new row says.
 * Not here: the checks that placing shares (order_checks.c), matching (book.c), what an order holds (order_close.c).
 */
#include "broker/market/law.h"

/* ---- what may be changed ---- */

static enum tide_err check_change(struct hearing *h, const struct body_replace *r, const struct row_order *row)
{
    PASS(h, hear_listing(h, row->listing));
    if (h->listing_row.state != LISTING_OPEN)
        return refuse_because(h, OUTCOME_LISTING_NOT_OPEN, "listing %llu is %s", (unsigned long long)row->listing,
                              names_listing_state[h->listing_row.state]);
    PASS(h, check_limit(h, r->price, r->quantity, r->price != row->price));
    PASS(h, check_quantity(h, row->side == SIDE_BID, row->unlimited, r->quantity));
    if (r->price == row->price && r->quantity == row->left)
        return refuse_because(h, OUTCOME_BAD_QUANTITY, "price and quantity are what they were");
    return TIDE_OK;
}

/* ---- less at the same price ---- */

static enum tide_err amend(struct hearing *h, const struct body_replace *r, const struct row_order *row)
{
    struct body_amended *e = EVENT(h, AMENDED, amended);
    if (!e) return TIDE_ENOMEM;
    e->order = r->order;
    e->left = r->quantity;
    if (row->side == SIDE_ASK) return TIDE_OK;
    struct row_order after = *row;
    after.left = r->quantity;
    enum tide_err err = postings_new(h, &e->postings, 6);
    if (err) return err;
    int64_t money = (int64_t)(order_holds(row) - order_holds(&after));
    posting_add(&e->postings, h->speaker.key, ACCOUNT_HELD, ASSET_CNY, -money);
    posting_add(&e->postings, h->speaker.key, ACCOUNT_AVAILABLE, ASSET_CNY, money);
    if (row->voucher_unit == 0) return TIDE_OK;
    return voucher_free(h, &e->postings, row->programme, h->speaker.key, ACCOUNT_HELD,
                        order_holds_voucher(row) - order_holds_voucher(&after));
}

/* ---- anything else ---- */

/* What the programme holds of each unit from now on: of what is available, and what the order holds already. */
static enum tide_err new_voucher_unit(struct hearing *h, const struct row_order *before, struct row_order *after)
{
    if (before->programme == 0) return TIDE_OK;
    PASS(h, hear_programme(h, before->programme));
    return voucher_unit(h, h->party, after->price, after->left, order_holds_voucher(before), &after->voucher_unit);
}

/* Amounts are within 2^53, and so are their differences. */
static enum tide_err hold_anew(struct hearing *h, struct list *postings, const struct row_order *before,
                               const struct row_order *after)
{
    const uint8_t *owner = h->speaker.key;
    enum tide_err err = postings_new(h, postings, 6);
    if (err) return err;
    int64_t money = (int64_t)order_holds(after) - (int64_t)order_holds(before);
    int64_t voucher = (int64_t)order_holds_voucher(after) - (int64_t)order_holds_voucher(before);
    posting_add(postings, owner, ACCOUNT_AVAILABLE, ASSET_CNY, -money);
    posting_add(postings, owner, ACCOUNT_HELD, ASSET_CNY, money);
    if (voucher < 0) return voucher_free(h, postings, before->programme, owner, ACCOUNT_HELD, (uint64_t)-voucher);
    posting_add(postings, owner, ACCOUNT_AVAILABLE, before->programme, -voucher);
    posting_add(postings, owner, ACCOUNT_HELD, before->programme, voucher);
    return TIDE_OK;
}

static enum tide_err replace(struct hearing *h, const struct body_replace *r, const struct row_order *row)
{
    struct taker t = {.order = r->order, .row = *row, .party = &h->speaker};
    t.row.price = r->price;
    t.row.left = r->quantity;
    PASS(h, new_voucher_unit(h, row, &t.row));
    uint64_t held = order_holds(row), needed = order_holds(&t.row);
    if (needed > held) PASS(h, check_funds(h, needed - held));

    struct body_replaced *e = EVENT(h, REPLACED, replaced);
    if (!e) return TIDE_ENOMEM;
    e->order = r->order;
    e->price = r->price;
    e->left = r->quantity;
    e->voucher_unit = t.row.voucher_unit;
    if (row->side == SIDE_BID) {
        enum tide_err err = hold_anew(h, &e->postings, row, &t.row);
        if (err) return err;
    }
    return order_match(h, &t, &e->rests);
}

enum tide_err decide_replace(struct hearing *h)
{
    const struct body_replace *r = h->cause->statement.body;
    struct row_order row;
    PASS(h, hear_order(h, r->order, &row));
    PASS(h, check_change(h, r, &row));
    bool keeps_place = r->price == row.price && r->quantity < row.left;
    return keeps_place ? amend(h, r, &row) : replace(h, r, &row);
}

/* ---- writing ---- */

/* What is left becomes `left`; `quantity` goes on to count what was filled, too. */
static void change_left(struct row_order *row, uint64_t left)
{
    uint64_t filled = row->quantity - row->left;
    row->quantity = left < LIMIT_AMOUNT - filled ? filled + left : LIMIT_AMOUNT;
    row->left = left;
}

enum tide_err apply_amended(struct fold *f, const struct body_amended *e)
{
    struct row_order row;
    enum tide_err err = order_get(f->state, e->order, &row);
    if (err) return err;
    if (!row.resting || row.unlimited || e->left >= row.left) return TIDE_EDAMAGED;
    change_left(&row, e->left);
    row.replaced_by = f->cause;
    return order_put(f, e->order, &row);
}

enum tide_err apply_replaced(struct fold *f, const struct body_replaced *e)
{
    struct row_order row;
    enum tide_err err = order_get(f->state, e->order, &row);
    if (err) return err;
    if (!row.resting || (e->left == 0) != row.unlimited || e->voucher_unit > e->price) return TIDE_EDAMAGED;
    err = book_remove(f, &row);
    if (err) return err;
    row.price = e->price;
    row.voucher_unit = e->voucher_unit;
    row.priority = f->index;
    row.replaced_by = f->cause;
    change_left(&row, e->left);
    if (e->rests) err = book_put(f, e->order, &row);
    return err ? err : order_put(f, e->order, &row);
}
