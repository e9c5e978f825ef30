/*
 * The order book of one listing, kept in storage's `book` table, whose keys sort in execution order; and matching.
 *
 * Always holds: every resting order has exactly one key here, and something of it is left. A trade's price is the
 * resting order's; one statement matches at most LIMIT_MATCHES resting orders.
 * Not here: whether an order may be placed (order.c), what follows from a trade (settlement.c).
 */
#include "broker/market/law.h"

/* ---- reading ---- */

/* A resting order that is met. */
struct maker {
    uint64_t order;
    struct row_order row;
    const struct row_party *party;
    struct row_party party_row; /* unless it is the listing's vendor, whom the hearing has */
};

static enum tide_err maker_read(struct hearing *h, const uint8_t key[BOOK_KEY_BYTES], struct maker *m)
{
    m->order = book_key_order(key);
    enum tide_err err = order_get(h->state, m->order, &m->row);
    if (err) return err;
    m->party = &h->vendor;
    if (m->row.party == h->listing_row.vendor) return TIDE_OK;
    m->party = &m->party_row;
    return must_exist(party_by_number(h->state, m->row.party, &m->party_row));
}

static bool crosses(const struct taker *t, uint64_t resting_price)
{
    return t->side == SIDE_BID ? resting_price <= t->limit : resting_price >= t->limit;
}

/* ---- a trade ---- */

static uint64_t trade_quantity(const struct taker *t, const struct row_order *resting)
{
    if (t->unlimited) return resting->left;
    if (resting->unlimited) return t->left;
    return t->left < resting->left ? t->left : resting->left;
}

static uint64_t accept_ms(const struct hearing *h)
{
    const uint64_t *p = h->market.parameters;
    return p[PARAM_ACCEPT_MS] + (h->listing_row.plaintext_len / (UINT64_C(10) << 30)) * p[PARAM_ACCEPT_MS_PER_10GIB];
}

/* The bid's money: held at its limit, into escrow at the price, the difference free again. */
static enum tide_err trade_postings(struct hearing *h, struct body_traded *e, uint64_t bid_limit)
{
    enum tide_err err = postings_new(h, &e->postings, 3);
    if (err) return err;
    uint64_t held = bid_limit * e->quantity; /* at most the bid's price × quantity, checked when it was placed */
    posting_add(&e->postings, e->buyer, ACCOUNT_HELD, ASSET_CNY, -(int64_t)held);
    posting_add(&e->postings, e->buyer, ACCOUNT_ESCROW, ASSET_CNY, (int64_t)e->total);
    posting_add(&e->postings, e->buyer, ACCOUNT_AVAILABLE, ASSET_CNY, (int64_t)(held - e->total));
    return TIDE_OK;
}

static enum tide_err emit_traded(struct hearing *h, struct taker *t, const struct maker *m)
{
    struct body_traded *e = EVENT(h, TRADED, traded);
    if (!e) return TIDE_ENOMEM;
    bool taker_bids = t->side == SIDE_BID;
    const struct row_party *buyer = taker_bids ? t->party_row : m->party;
    const struct row_party *vendor = taker_bids ? m->party : t->party_row;
    e->listing = h->listing;
    e->bid = taker_bids ? t->order : m->order;
    e->ask = taker_bids ? m->order : t->order;
    e->taker = t->side;
    memcpy(e->buyer, buyer->key, 32);
    memcpy(e->vendor, vendor->key, 32);
    e->price = m->row.price;
    e->quantity = trade_quantity(t, &m->row);
    e->total = e->price * e->quantity;
    e->fee = mul_div_u64(e->total, h->market.parameters[PARAM_FEE_DATASET_BP + h->listing_row.kind], 10000);
    memcpy(e->recipient, taker_bids ? t->recipient : m->row.recipient, 32);
    uint64_t taker_left = t->unlimited ? 0 : t->left - e->quantity;
    uint64_t maker_left = m->row.unlimited ? 0 : m->row.left - e->quantity;
    e->bid_left = taker_bids ? taker_left : maker_left;
    e->ask_left = taker_bids ? maker_left : taker_left;
    e->grant_due = h->now_ms + h->market.parameters[PARAM_GRANT_MS];
    e->accept_ms = accept_ms(h);
    t->left = taker_left;
    return trade_postings(h, e, taker_bids ? t->limit : m->row.price);
}

/* ---- matching ---- */

enum tide_err book_match(struct hearing *h, struct taker *t, enum match_end *end)
{
    uint8_t key[BOOK_KEY_BYTES] = {0};
    struct maker m;
    enum tide_err err;
    *end = MATCH_DONE;
    be64_put(key, h->listing);
    key[8] = t->side == SIDE_BID ? SIDE_ASK : SIDE_BID;
    for (bool after = false; t->unlimited || t->left > 0; after = true) {
        err = state_next(h->state, TABLE_BOOK, key, 9, after, NULL);
        if (err == TIDE_ENOTFOUND) return TIDE_OK;
        if (err) return err;
        if (!crosses(t, book_key_price(key))) return TIDE_OK;
        if (h->d->n_matched >= LIMIT_MATCHES) {
            *end = MATCH_BUDGET;
            return TIDE_OK;
        }
        err = maker_read(h, key, &m);
        if (err) return err;
        if (same_group(t->party, t->party_row, m.row.party, m.party)) {
            *end = MATCH_OWN_GROUP;
            return TIDE_OK;
        }
        err = emit_traded(h, t, &m);
        if (err) return err;
        h->d->n_matched++;
    }
    return TIDE_OK;
}

/* ---- writing ---- */

enum tide_err book_put(struct fold *f, uint64_t order, struct row_order *row)
{
    const struct row_book book = {row->party};
    uint8_t key[BOOK_KEY_BYTES];
    if (row->resting || row->closed || (row->left == 0 && !row->unlimited)) return TIDE_EDAMAGED;
    row->resting = 1;
    key_book(key, row->listing, row->side, row->price, order);
    return state_put(f->state, TABLE_BOOK, key, &book);
}

enum tide_err book_remove(struct fold *f, uint64_t order, struct row_order *row)
{
    uint8_t key[BOOK_KEY_BYTES];
    if (!row->resting) return TIDE_OK;
    row->resting = 0;
    key_book(key, row->listing, row->side, row->price, order);
    return must_exist(state_del(f->state, TABLE_BOOK, key));
}

/* Sides and listing of both orders are as the event says, and so much was left of each. */
static bool trade_fits(const struct body_traded *e, const struct row_order *bid, const struct row_order *ask)
{
    if (bid->side != SIDE_BID || ask->side != SIDE_ASK || bid->listing != e->listing || ask->listing != e->listing)
        return false;
    if (bid->closed || ask->closed || e->total != e->price * e->quantity) return false;
    if (e->bid_left > bid->left || bid->left - e->bid_left != e->quantity) return false;
    if (ask->unlimited) return e->ask_left == 0;
    return e->ask_left <= ask->left && ask->left - e->ask_left == e->quantity;
}

static enum tide_err order_fill(struct fold *f, uint64_t order, struct row_order *row, uint64_t left)
{
    enum tide_err err = TIDE_OK;
    row->left = left;
    if (left == 0 && !row->unlimited) err = order_end(f, order, row);
    return err ? err : order_put(f, order, row);
}

static enum tide_err put_last_price(struct fold *f, uint64_t listing, uint64_t price)
{
    struct row_listing row;
    enum tide_err err = must_exist(listing_get(f->state, listing, &row));
    if (err || (row.has_last && row.last_price == price)) return err;
    row.has_last = 1;
    row.last_price = price;
    return listing_put(f, listing, &row);
}

enum tide_err apply_traded(struct fold *f, const struct body_traded *e)
{
    struct row_order bid, ask;
    enum tide_err err = order_get(f->state, e->bid, &bid);
    if (!err) err = order_get(f->state, e->ask, &ask);
    if (err) return err;
    if (!trade_fits(e, &bid, &ask)) return TIDE_EDAMAGED;
    err = trade_open(f, e, &bid, &ask);
    if (!err) err = order_fill(f, e->bid, &bid, e->bid_left);
    if (!err) err = order_fill(f, e->ask, &ask, e->ask_left);
    return err ? err : put_last_price(f, e->listing, e->price);
}
