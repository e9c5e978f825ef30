/*
 * Orders: placing them, alone or in a batch, and what becomes of what was not matched.
 *
 * Always holds: what a bid may cost is held before it is matched; an order is put into the book, if at all, once its
 * matching is done.
 * Not here: what may be placed (order_checks.c), matching (book.c), changing an order (replace.c), how one ends
 * (order_close.c), what goes on in later slices (work.c).
 */
#include "broker/market/law.h"

/* ---- placing ---- */

static void row_of_placed(const struct body_placed *e, uint64_t party, struct row_order *row)
{
    memset(row, 0, sizeof *row);
    row->party = party;
    row->listing = e->listing;
    row->price = e->price;
    row->quantity = row->left = e->quantity;
    row->expires_at = e->expires_at;
    row->budget = e->budget;
    row->programme = e->voucher;
    row->voucher_unit = e->voucher_unit;
    row->side = (uint8_t)e->side;
    row->type = (uint8_t)e->type;
    row->tif = (uint8_t)e->tif;
    row->unlimited = (uint8_t)e->unlimited;
    row->post_only = (uint8_t)e->post_only;
    row->item_hi = (uint8_t)(e->item >> 8);
    row->item_lo = (uint8_t)e->item;
    memcpy(row->recipient, e->recipient, 32);
}

static enum tide_err hold(struct hearing *h, const struct row_order *row, struct list *postings)
{
    enum tide_err err = postings_new(h, postings, row->programme != 0 ? 4 : 2);
    if (err) return err;
    int64_t money = (int64_t)order_holds(row), voucher = (int64_t)order_holds_voucher(row);
    posting_add(postings, h->speaker.key, ACCOUNT_AVAILABLE, ASSET_CNY, -money);
    posting_add(postings, h->speaker.key, ACCOUNT_HELD, ASSET_CNY, money);
    posting_add(postings, h->speaker.key, ACCOUNT_AVAILABLE, row->programme, -voucher);
    posting_add(postings, h->speaker.key, ACCOUNT_HELD, row->programme, voucher);
    return TIDE_OK;
}

static enum tide_err emit_placed(struct hearing *h, const struct body_order *o, uint64_t item, uint64_t voucher_unit,
                                 struct taker *t, struct body_placed **out)
{
    struct body_placed *e = EVENT(h, PLACED, placed);
    if (!e) return TIDE_ENOMEM;
    *out = e;
    e->listing = o->listing;
    memcpy(e->party, h->speaker.key, 32);
    e->item = item;
    e->side = o->side;
    e->type = o->type;
    e->price = o->type == ORDER_MARKET ? market_limit(h, o->side) : o->price;
    e->quantity = o->quantity;
    e->unlimited = o->unlimited;
    e->tif = o->tif;
    e->expires_at = o->expires_at;
    memcpy(e->recipient, o->recipient, 32);
    e->post_only = o->post_only;
    e->budget = o->budget;
    e->voucher = o->voucher;
    e->voucher_unit = voucher_unit;
    t->order = event_index(h);
    t->party = &h->speaker;
    row_of_placed(e, h->party, &t->row);
    return o->side == SIDE_BID ? hold(h, &t->row, &e->postings) : TIDE_OK;
}

static enum tide_err place(struct hearing *h, const struct body_order *o, uint64_t item)
{
    struct body_placed *placed;
    struct taker t;
    uint64_t voucher_unit;
    PASS(h, check_order(h, o, &voucher_unit));
    enum tide_err err = emit_placed(h, o, item, voucher_unit, &t, &placed);
    return err ? err : order_match(h, &t, &placed->rests);
}

/* ---- meeting the book ---- */

static enum tide_err check_post_only(struct hearing *h, const struct row_order *row)
{
    bool meets;
    enum tide_err err = book_would_meet(h, row, &meets);
    return err || !meets ? err : refuse(h, OUTCOME_WOULD_TRADE);
}

/* Why what came of the match is not taken. */
static enum outcome refusal_of(const struct row_order *row, enum match_end end)
{
    if (end == MATCH_OWN_GROUP) return OUTCOME_SELF_TRADE;
    if (row->tif != TIF_FOK) return OUTCOME_OK;
    if (end == MATCH_MORE) return OUTCOME_TOO_MANY;
    return row->left > 0 ? OUTCOME_CANNOT_FILL : OUTCOME_OK;
}

enum tide_err order_match(struct hearing *h, struct taker *t, uint64_t *rests)
{
    enum match_end end;
    uint64_t matched_before = h->d->n_matched;
    if (t->row.post_only) PASS(h, check_post_only(h, &t->row));
    enum tide_err err = book_match(h, t, &end);
    if (err) return err;
    enum outcome refusal = refusal_of(&t->row, end);
    if (refusal != OUTCOME_OK) {
        h->d->n_matched = matched_before;
        return refuse(h, refusal);
    }
    if (h->d->n_matched > matched_before) h->listing = 0; /* its last price changes */
    if (end == MATCH_MORE) return work_slice(h, WORK_MATCH, t->order);
    bool has_rest = t->row.unlimited || t->row.left > 0;
    if (has_rest && t->row.tif == TIF_IOC) return order_close(h, t->order, &t->row, t->party->key, CLOSE_UNFILLED);
    *rests = has_rest;
    return TIDE_OK;
}

enum tide_err decide_order(struct hearing *h)
{
    return place(h, h->cause->statement.body, 0);
}

/*
 * One item a step. Once an item's matching was sliced the book must not be touched before the `continue`, so that
 * the items behind it are refused; their sender sends them again.
 */
enum tide_err decide_order_batch(struct hearing *h)
{
    const struct body_order_batch *batch = h->cause->statement.body;
    const struct body_order *orders = batch->orders.items;
    const struct arena_mark before = arena_mark(h->arena);
    ASSERT(h->step < batch->orders.n);
    enum tide_err err = h->market.pending_work != WORK_NONE ? refuse(h, OUTCOME_TOO_MANY)
                                                            : place(h, &orders[h->step], h->step);
    if (err) return err;
    if (h->d->outcome != OUTCOME_OK) {
        uint64_t code = h->d->outcome;
        h->d->outcome = OUTCOME_OK;
        h->d->n_events = 0;
        h->detail = NULL;
        arena_release(h->arena, before); /* an item that is refused may have met 256 others first */
        struct body_not_placed *e = EVENT(h, NOT_PLACED, not_placed);
        if (!e) return TIDE_ENOMEM;
        e->item = h->step;
        e->code = code;
    }
    h->d->more = h->step + 1 < batch->orders.n;
    return TIDE_OK;
}

/* ---- writing ---- */

enum tide_err apply_placed(struct fold *f, const struct body_placed *e)
{
    const struct row_none none = {0};
    const struct row_ref ref = {f->index};
    struct row_order row;
    uint64_t party;
    uint8_t of[17];
    enum tide_err err = fold_party(f, e->party, &party);
    if (err) return err;
    row_of_placed(e, party, &row);
    row.cause = f->cause;
    row.priority = f->index;
    row.placed_at = f->time_ms;
    if (row.voucher_unit > row.price) return TIDE_EDAMAGED;
    if (e->rests) err = book_put(f, f->index, &row);
    if (!err && row.tif == TIF_GTD) err = deadline_put(f, DEADLINE_ORDER, row.expires_at, f->index);
    if (!err) err = order_put(f, f->index, &row);
    key_u64_u8_u64(of, row.party, 0, f->index);
    if (!err) err = state_put(f->state, TABLE_ORDER_OF, of, &none);
    if (!err && row.side == SIDE_BID) err = state_put(f->state, TABLE_RECIPIENT, e->recipient, &ref);
    return err;
}

enum tide_err apply_not_placed(struct fold *f, const struct body_not_placed *e)
{
    (void)f, (void)e;
    return TIDE_OK;
}

enum tide_err apply_rested(struct fold *f, const struct body_rested *e)
{
    struct row_order row;
    enum tide_err err = order_get(f->state, e->order, &row);
    if (err) return err;
    if (row.type != ORDER_LIMIT || row.tif == TIF_IOC || row.tif == TIF_FOK) return TIDE_EDAMAGED;
    err = book_put(f, e->order, &row);
    return err ? err : order_put(f, e->order, &row);
}
