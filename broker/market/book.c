/*
 * Matching: an order meets the other side of its listing's book, storage's `book` table, whose keys sort in execution
 * order.
 *
 * Always holds: a trade's price is the resting order's; one record's decision matches at most LIMIT_MATCHES resting
 * orders; what a bid holds covers its trades.
 * Not here: who is in the book (book_rows.c), whether an order may be placed (order_checks.c), what its rest becomes
 * (order.c), a trade's own rows (trade_rows.c), what follows from it (settlement.c).
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

static enum tide_err maker_read(struct hearing *h, const struct row_book *book, struct maker *m)
{
    m->order = book->order;
    enum tide_err err = order_get(h->state, m->order, &m->row);
    if (err) return err;
    m->party = &h->vendor;
    if (m->row.party == h->listing_row.vendor) return TIDE_OK;
    m->party = &m->party_row;
    return must_exist(party_by_number(h->state, m->row.party, &m->party_row));
}

/* Its price, or the edge of the collar: a market order without one takes any price. */
static bool crosses(const struct row_order *taker, uint64_t resting_price)
{
    if (taker->type == ORDER_MARKET && taker->price == 0) return true;
    return taker->side == SIDE_BID ? resting_price <= taker->price : resting_price >= taker->price;
}

/* The beginning of the other side's keys. */
static void other_side(const struct row_order *taker, uint8_t key[BOOK_KEY_BYTES])
{
    memset(key, 0, BOOK_KEY_BYTES);
    be64_put(key, taker->listing);
    key[8] = taker->side == SIDE_BID ? SIDE_ASK : SIDE_BID;
}

enum tide_err book_would_meet(struct hearing *h, const struct row_order *row, bool *meets)
{
    uint8_t key[BOOK_KEY_BYTES];
    *meets = false;
    other_side(row, key);
    enum tide_err err = state_next(h->state, TABLE_BOOK, key, 9, false, NULL);
    if (err) return err == TIDE_ENOTFOUND ? TIDE_OK : err;
    *meets = crosses(row, book_key_price(key));
    return TIDE_OK;
}

/* ---- a trade ---- */

static bool spends_budget(const struct row_order *taker)
{
    return taker->side == SIDE_BID && taker->type == ORDER_MARKET;
}

static uint64_t trade_quantity(const struct row_order *taker, const struct row_order *resting)
{
    if (taker->unlimited) return resting->left;
    uint64_t quantity = resting->unlimited || taker->left < resting->left ? taker->left : resting->left;
    if (!spends_budget(taker)) return quantity;
    uint64_t affordable = taker->budget / resting->price; /* above 0: book_match saw to it */
    return affordable < quantity ? affordable : quantity;
}

static uint64_t accept_ms(const struct hearing *h)
{
    const uint64_t *p = h->market.parameters;
    return p[PARAM_ACCEPT_MS] + (h->listing_row.plaintext_len / (UINT64_C(10) << 30)) * p[PARAM_ACCEPT_MS_PER_10GIB];
}

/* What of the total the bid's programme pays, at the price of the trade. */
static enum tide_err pay_by_voucher(struct hearing *h, struct body_traded *e, const struct row_order *bid)
{
    if (bid->voucher_unit == 0) return TIDE_OK;
    enum tide_err err = hear_programme(h, bid->programme);
    if (err) return err;
    if (h->programme != bid->programme) return TIDE_EDAMAGED;
    uint64_t share = voucher_share(&h->programme_row, e->price);
    uint64_t unit = share < bid->voucher_unit ? share : bid->voucher_unit;
    e->voucher = unit * e->quantity; /* a unit's part is at most its price */
    if (e->voucher > 0) e->programme = bid->programme;
    return TIDE_OK;
}

/*
 * What the bid holds for these units: a limit bid its limit, a market bid what it spends, and with its last unit what is
 * left of its budget.
 */
static uint64_t held_for(const struct row_order *bid, const struct body_traded *e)
{
    if (bid->type == ORDER_LIMIT) return (bid->price - bid->voucher_unit) * e->quantity;
    return e->bid_left == 0 ? bid->budget : e->total;
}

/*
 * The bid's money and voucher: from held into escrow as the trade needs them, the difference free again. No difference is
 * below zero: a share that falls with the price falls by no more than the price.
 */
static enum tide_err trade_postings(struct hearing *h, struct body_traded *e, const struct row_order *bid)
{
    enum tide_err err = postings_new(h, &e->postings, bid->voucher_unit > 0 ? LIMIT_POSTINGS : 3);
    if (err) return err;
    uint64_t held = held_for(bid, e), money = e->total - e->voucher;
    posting_add(&e->postings, e->buyer, ACCOUNT_HELD, ASSET_CNY, -(int64_t)held);
    posting_add(&e->postings, e->buyer, ACCOUNT_ESCROW, ASSET_CNY, (int64_t)money);
    posting_add(&e->postings, e->buyer, ACCOUNT_AVAILABLE, ASSET_CNY, (int64_t)(held - money));
    if (bid->voucher_unit == 0) return TIDE_OK;
    posting_add(&e->postings, e->buyer, ACCOUNT_HELD, bid->programme, -(int64_t)e->voucher);
    posting_add(&e->postings, e->buyer, ACCOUNT_ESCROW, bid->programme, (int64_t)e->voucher);
    return voucher_free(h, &e->postings, bid->programme, e->buyer, ACCOUNT_HELD,
                        bid->voucher_unit * e->quantity - e->voucher);
}

static enum tide_err emit_traded(struct hearing *h, struct taker *t, const struct maker *m)
{
    struct body_traded *e = EVENT(h, TRADED, traded);
    if (!e) return TIDE_ENOMEM;
    bool taker_bids = t->row.side == SIDE_BID;
    const struct row_order *bid = taker_bids ? &t->row : &m->row;
    e->listing = h->listing;
    e->bid = taker_bids ? t->order : m->order;
    e->ask = taker_bids ? m->order : t->order;
    e->taker = t->row.side;
    memcpy(e->buyer, taker_bids ? t->party->key : m->party->key, 32);
    memcpy(e->vendor, taker_bids ? m->party->key : t->party->key, 32);
    e->price = m->row.price;
    e->quantity = trade_quantity(&t->row, &m->row);
    e->total = e->price * e->quantity; /* within the bid's price × quantity, or its budget */
    e->fee = mul_div_u64(e->total, h->market.parameters[PARAM_FEE_DATASET_BP + h->listing_row.kind], 10000);
    memcpy(e->recipient, bid->recipient, 32);
    uint64_t taker_left = t->row.unlimited ? 0 : t->row.left - e->quantity;
    uint64_t maker_left = m->row.unlimited ? 0 : m->row.left - e->quantity;
    e->bid_left = taker_bids ? taker_left : maker_left;
    e->ask_left = taker_bids ? maker_left : taker_left;
    e->grant_due = h->now_ms + h->market.parameters[PARAM_GRANT_MS];
    e->accept_ms = accept_ms(h);
    enum tide_err err = pay_by_voucher(h, e, bid);
    if (!err) err = trade_postings(h, e, bid);
    t->row.left = taker_left;
    if (spends_budget(&t->row)) t->row.budget -= e->total;
    return err;
}

/* ---- matching ---- */

enum tide_err book_match(struct hearing *h, struct taker *t, enum match_end *end)
{
    uint8_t key[BOOK_KEY_BYTES];
    struct row_book book;
    struct maker m;
    enum tide_err err;
    *end = MATCH_DONE;
    other_side(&t->row, key);
    for (bool after = false; t->row.unlimited || t->row.left > 0; after = true) {
        err = state_next(h->state, TABLE_BOOK, key, 9, after, &book);
        if (err == TIDE_ENOTFOUND) return TIDE_OK;
        if (err) return err;
        uint64_t price = book_key_price(key);
        if (!crosses(&t->row, price) || (spends_budget(&t->row) && t->row.budget < price)) return TIDE_OK;
        if (h->d->n_matched >= LIMIT_MATCHES) {
            *end = MATCH_MORE;
            return TIDE_OK;
        }
        err = maker_read(h, &book, &m);
        if (err) return err;
        if (same_group(t->row.party, t->party, m.row.party, m.party)) {
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

/* The price is one both take; the bid has so much: of its budget, of its voucher. */
static bool price_fits(const struct body_traded *e, const struct row_order *bid, const struct row_order *ask)
{
    if (e->price < ask->price || !crosses(bid, e->price)) return false;
    if (bid->type == ORDER_MARKET && e->total > bid->budget) return false;
    if (e->voucher == 0) return e->programme == 0;
    return e->programme == bid->programme && e->voucher <= e->total && e->voucher <= bid->voucher_unit * e->quantity;
}

/* Sides and listing of both orders are as the event says, and so much was left of each. */
static bool trade_fits(const struct body_traded *e, const struct row_order *bid, const struct row_order *ask)
{
    if (bid->side != SIDE_BID || ask->side != SIDE_ASK || bid->listing != e->listing || ask->listing != e->listing)
        return false;
    if (bid->closed || ask->closed || e->total != e->price * e->quantity || !price_fits(e, bid, ask)) return false;
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

static enum tide_err listing_traded(struct fold *f, uint64_t listing, uint64_t price)
{
    struct row_listing row;
    enum tide_err err = must_exist(listing_get(f->state, listing, &row));
    if (err) return err;
    row.has_last = 1;
    row.last_price = price;
    row.n_trades++;
    row.n_open_trades++;
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
    if (bid.type == ORDER_MARKET) bid.budget -= e->total;
    if (!err) err = order_fill(f, e->bid, &bid, e->bid_left);
    if (!err) err = order_fill(f, e->ask, &ask, e->ask_left);
    return err ? err : listing_traded(f, e->listing, e->price);
}
