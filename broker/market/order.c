/*
 * Orders: what may be placed, alone or in a batch, and how an order ends.
 *
 * Always holds: an accepted bid's money is held at its limit before it is matched; an order is open or closed, and in
 * the book only while it is open.
 * Not here: matching (book.c), what goes on in later slices (work.c).
 */
#include "broker/market/law.h"
#include "crypto/identity.h"

static bool is_zero32(const uint8_t bytes[32])
{
    static const uint8_t zero[32];
    return memcmp(bytes, zero, 32) == 0;
}

/* ---- what may be placed ---- */

/* `word` is one of the words of `list`, which are parted by spaces. An empty list has every word. */
static bool list_allows(const char *list, struct bytes word)
{
    if (list[0] == 0) return true;
    while (*list) {
        size_t n = strcspn(list, " ");
        if (n > 0 && bytes_equal(BYTES(list, n), word)) return true;
        list += n;
        list += strspn(list, " ");
    }
    return false;
}

/* Role, listing, and whose it is. */
static enum tide_err check_standing(struct hearing *h, const struct body_order *o)
{
    uint64_t role = o->side == SIDE_BID ? ROLE_BUYER : ROLE_VENDOR;
    if (!(h->speaker.roles & role)) return refuse(h, OUTCOME_NOT_YOUR_ROLE);
    PASS(h, hear_listing(h, o->listing));
    uint64_t vendor = h->listing_row.vendor;
    if (o->side == SIDE_ASK && vendor != h->party) return refuse(h, OUTCOME_NOT_YOURS);
    if (o->side == SIDE_BID && same_group(h->party, &h->speaker, vendor, &h->vendor))
        return refuse(h, OUTCOME_OWN_GROUP);
    if (h->listing_row.state != LISTING_OPEN)
        return refuse_because(h, OUTCOME_LISTING_NOT_OPEN, "listing %llu is %s", (unsigned long long)o->listing,
                              names_listing_state[h->listing_row.state]);
    return TIDE_OK;
}

/* Further from the last price than the parameter allows. */
static bool outside_collar(const struct hearing *h, uint64_t price)
{
    uint64_t bp = h->market.parameters[PARAM_COLLAR_BP], last = h->listing_row.last_price;
    if (bp == 0 || !h->listing_row.has_last) return false;
    uint64_t distance = price > last ? price - last : last - price;
    return (unsigned __int128)distance * 10000 > (unsigned __int128)last * bp;
}

static enum tide_err check_price(struct hearing *h, const struct body_order *o)
{
    uint64_t total;
    char last[MONEY_TEXT_MAX];
    if (o->price == 0) return refuse_because(h, OUTCOME_BAD_PRICE, "a limit order has a price above 0");
    if (!mul_u64(o->price, o->quantity, &total) || total > LIMIT_AMOUNT)
        return refuse_because(h, OUTCOME_BAD_PRICE, "price times quantity is over 2^53 fen");
    if (outside_collar(h, o->price))
        return refuse_because(h, OUTCOME_BAD_PRICE, "the last price was %s CNY; an order may be %llu basis points away",
                              money_text(h->listing_row.last_price, last),
                              (unsigned long long)h->market.parameters[PARAM_COLLAR_BP]);
    return TIDE_OK;
}

/* What later versions of the rules will offer, then price, quantity, and fields that contradict each other. */
static enum tide_err check_fields(struct hearing *h, const struct body_order *o)
{
    if (o->type != ORDER_LIMIT || o->tif != TIF_GTC || o->post_only || o->budget != 0 || o->voucher != 0)
        return refuse(h, OUTCOME_NOT_OFFERED);
    PASS(h, check_price(h, o));
    bool endless = o->unlimited && o->side == SIDE_ASK;
    if (o->unlimited && o->side == SIDE_BID) return refuse(h, OUTCOME_BAD_QUANTITY);
    if (endless ? o->quantity != 0 : o->quantity == 0) return refuse(h, OUTCOME_BAD_QUANTITY);
    if (o->expires_at != 0) return refuse_because(h, OUTCOME_BAD_ORDER, "a good-till-cancelled order has no expiry");
    if (o->side == SIDE_ASK && (!is_zero32(o->recipient) || !is_zero32(o->terms_hash) || o->purpose.len > 0))
        return refuse_because(h, OUTCOME_BAD_ORDER, "recipient, terms and purpose belong to bids");
    return TIDE_OK;
}

static enum tide_err check_funds(struct hearing *h, uint64_t needed)
{
    struct row_account account;
    char need[MONEY_TEXT_MAX], have[MONEY_TEXT_MAX];
    enum tide_err err = account_get(h->state, h->party, ASSET_CNY, &account);
    if (err || account.available >= needed) return err;
    return refuse_because(h, OUTCOME_NO_FUNDS, "%s CNY needed, %s available", money_text(needed, need),
                          money_text(account.available, have));
}

static enum tide_err check_recipient(struct hearing *h, const struct body_order *o)
{
    struct row_ref seen;
    if (!x25519_recipient_is_good(o->recipient)) return refuse(h, OUTCOME_BAD_RECIPIENT);
    enum tide_err err = state_get(h->state, TABLE_RECIPIENT, o->recipient, &seen);
    if (err == TIDE_ENOTFOUND) return TIDE_OK;
    return err ? err : refuse_because(h, OUTCOME_BAD_RECIPIENT, "record %llu used this recipient",
                                      (unsigned long long)seen.index);
}

static enum tide_err check_bid(struct hearing *h, const struct body_order *o)
{
    PASS(h, check_funds(h, o->price * o->quantity));
    if (memcmp(o->terms_hash, h->listing_row.terms_hash, 32) != 0) return refuse(h, OUTCOME_WRONG_TERMS);
    PASS(h, check_recipient(h, o));
    if (!list_allows(h->listing_row.jurisdictions, BYTES_TEXT(h->speaker.jurisdiction)))
        return refuse_because(h, OUTCOME_NOT_ALLOWED_THERE, "allowed: %s", h->listing_row.jurisdictions);
    if (!list_allows(h->listing_row.purposes, o->purpose))
        return refuse_because(h, OUTCOME_NOT_ALLOWED_FOR, "allowed: %s", h->listing_row.purposes);
    return TIDE_OK;
}

/* ---- placing ---- */

static enum tide_err emit_placed(struct hearing *h, const struct body_order *o, uint64_t item, struct body_placed **out)
{
    struct body_placed *e = EVENT(h, PLACED, placed);
    if (!e) return TIDE_ENOMEM;
    *out = e;
    e->listing = o->listing;
    memcpy(e->party, h->speaker.key, 32);
    e->item = item;
    e->side = o->side;
    e->type = o->type;
    e->price = o->price;
    e->quantity = o->quantity;
    e->unlimited = o->unlimited;
    e->tif = o->tif;
    e->expires_at = o->expires_at;
    memcpy(e->recipient, o->recipient, 32);
    if (o->side == SIDE_ASK) return TIDE_OK;
    enum tide_err err = postings_new(h, &e->postings, 2);
    if (err) return err;
    int64_t held = (int64_t)(o->price * o->quantity);
    posting_add(&e->postings, h->speaker.key, ACCOUNT_AVAILABLE, ASSET_CNY, -held);
    posting_add(&e->postings, h->speaker.key, ACCOUNT_HELD, ASSET_CNY, held);
    return TIDE_OK;
}

static enum tide_err place(struct hearing *h, const struct body_order *o, uint64_t item)
{
    struct body_placed *placed;
    enum match_end end;
    PASS(h, check_standing(h, o));
    PASS(h, check_fields(h, o));
    if (o->side == SIDE_BID) PASS(h, check_bid(h, o));

    enum tide_err err = emit_placed(h, o, item, &placed);
    if (err) return err;
    struct taker t = {.order = event_index(h), .side = o->side, .limit = o->price, .left = o->quantity,
                      .unlimited = o->unlimited, .party = h->party, .party_row = &h->speaker};
    memcpy(t.recipient, o->recipient, 32);
    uint64_t matched_before = h->d->n_matched;
    err = book_match(h, &t, &end);
    if (err) return err;
    if (end == MATCH_OWN_GROUP) {
        h->d->n_matched = matched_before;
        return refuse(h, OUTCOME_SELF_TRADE);
    }
    if (h->d->n_matched > matched_before) h->listing = 0; /* its last price changes */
    if (end == MATCH_BUDGET) return work_slice(h, WORK_MATCH, t.order);
    placed->rests = t.unlimited || t.left > 0;
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
    ASSERT(h->step < batch->orders.n);
    enum tide_err err = h->market.pending_work != WORK_NONE ? refuse(h, OUTCOME_TOO_MANY)
                                                            : place(h, &orders[h->step], h->step);
    if (err) return err;
    if (h->d->outcome != OUTCOME_OK) {
        uint64_t code = h->d->outcome;
        h->d->outcome = OUTCOME_OK;
        h->d->n_events = 0;
        struct body_not_placed *e = EVENT(h, NOT_PLACED, not_placed);
        if (!e) return TIDE_ENOMEM;
        e->item = h->step;
        e->code = code;
    }
    h->d->more = h->step + 1 < batch->orders.n;
    return TIDE_OK;
}

/* ---- ending ---- */

enum tide_err order_close(struct hearing *h, uint64_t order, const struct row_order *row, const uint8_t owner[32],
                          enum close_reason reason)
{
    struct body_order_closed *e = EVENT(h, ORDER_CLOSED, order_closed);
    if (!e) return TIDE_ENOMEM;
    e->order = order;
    e->reason = reason;
    e->left = row->left;
    if (row->side == SIDE_ASK) return TIDE_OK;
    enum tide_err err = postings_new(h, &e->postings, 2);
    if (err) return err;
    int64_t held = (int64_t)(row->price * row->left);
    posting_add(&e->postings, owner, ACCOUNT_HELD, ASSET_CNY, -held);
    posting_add(&e->postings, owner, ACCOUNT_AVAILABLE, ASSET_CNY, held);
    return TIDE_OK;
}

enum tide_err decide_cancel(struct hearing *h)
{
    const struct body_cancel *cancel = h->cause->statement.body;
    struct row_order row;
    uint8_t key[8];
    key_u64(key, cancel->order);
    enum tide_err err = state_get(h->state, TABLE_ORDER, key, &row);
    if (err == TIDE_ENOTFOUND) return refuse(h, OUTCOME_NO_SUCH_ORDER);
    if (err) return err;
    if (row.party != h->party) return refuse(h, OUTCOME_NOT_YOURS);
    if (row.closed) return refuse(h, OUTCOME_ORDER_CLOSED);
    return order_close(h, cancel->order, &row, h->speaker.key, CLOSE_CANCELLED);
}

/* ---- writing ---- */

enum tide_err order_end(struct fold *f, uint64_t order, struct row_order *row)
{
    const struct row_none none = {0};
    uint8_t key[17];
    if (row->closed) return TIDE_EDAMAGED;
    row->closed = 1;
    enum tide_err err = book_remove(f, order, row);
    key_u64_u8_u64(key, row->party, 0, order);
    if (!err) err = must_exist(state_del(f->state, TABLE_ORDER_OF, key));
    key_u64_u8_u64(key, row->party, 1, order);
    return err ? err : state_put(f->state, TABLE_ORDER_OF, key, &none);
}

enum tide_err apply_placed(struct fold *f, const struct body_placed *e)
{
    const struct row_none none = {0};
    const struct row_ref ref = {f->index};
    struct row_order row;
    uint8_t of[17];
    memset(&row, 0, sizeof row);
    enum tide_err err = fold_party(f, e->party, &row.party);
    if (err) return err;
    row.listing = e->listing;
    row.cause = f->cause;
    row.placed_at = f->time_ms;
    row.price = e->price;
    row.quantity = row.left = e->quantity;
    row.expires_at = e->expires_at;
    row.side = (uint8_t)e->side;
    row.type = (uint8_t)e->type;
    row.tif = (uint8_t)e->tif;
    row.unlimited = (uint8_t)e->unlimited;
    row.item_hi = (uint8_t)(e->item >> 8);
    row.item_lo = (uint8_t)e->item;
    memcpy(row.recipient, e->recipient, 32);
    if (e->rests) err = book_put(f, f->index, &row);
    if (!err) err = order_put(f, f->index, &row);
    key_u64_u8_u64(of, row.party, 0, f->index);
    if (!err) err = state_put(f->state, TABLE_ORDER_OF, of, &none);
    if (!err && !is_zero32(e->recipient)) err = state_put(f->state, TABLE_RECIPIENT, e->recipient, &ref);
    return err;
}

enum tide_err apply_not_placed(struct fold *f, const struct body_not_placed *e)
{
    (void)f, (void)e;
    return TIDE_OK;
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

enum tide_err apply_rested(struct fold *f, const struct body_rested *e)
{
    struct row_order row;
    enum tide_err err = order_get(f->state, e->order, &row);
    if (!err) err = book_put(f, e->order, &row);
    return err ? err : order_put(f, e->order, &row);
}
