/* Orders, the book, matching (docs/market.md, "Orders"). */
#include "crypto/identity.h"
#include "storage/rows.h"
#include "tests/model/model_internal.h"

typedef unsigned __int128 wide;

/* ---- the book ---- */
static bool comes_before(const struct model_order *a, const struct model_order *b)
{
    if (a->price != b->price) return a->side == SIDE_BID ? a->price > b->price : a->price < b->price;
    return a->priority < b->priority;
}

uint64_t model_best(struct model *m, uint64_t listing, uint64_t side)
{
    uint64_t best = UINT64_MAX;
    for (size_t i = 0; i < m->n_resting; i++) {
        const struct model_order *o = &m->orders[m->resting[i]];
        if (o->listing != listing || o->side != side) continue;
        if (best == UINT64_MAX || comes_before(o, &m->orders[best])) best = m->resting[i];
    }
    return best;
}

static void rest(struct model *m, struct model_order *o)
{
    o->resting = true;
    *GROW(m, resting) = (size_t)(o - m->orders);
}

void model_unrest(struct model *m, struct model_order *o)
{
    o->resting = false;
    for (size_t i = 0; i < m->n_resting; i++) {
        if (m->resting[i] == (size_t)(o - m->orders)) {
            m->resting[i] = m->resting[--m->n_resting];
            return;
        }
    }
}

/* ---- what is held ---- */
static uint64_t cny_held(const struct model_order *o)
{
    if (o->side == SIDE_ASK) return 0;
    return o->type == ORDER_MARKET ? o->budget : (o->price - o->voucher_unit) * o->left;
}

static void finish(struct model *m, struct model_order *o)
{
    if (o->resting) model_unrest(m, o);
    o->closed = true;
    model_touch(m, TABLE_ORDER, o->id, 0);
}

void model_close_order(struct model *m, struct model_order *o, enum close_reason reason)
{
    struct body_order_closed event = {.order = o->id, .reason = reason, .left = o->left};
    EMIT(m, ORDER_CLOSED, event);
    model_move(m, 0, cny_held(o), o->party, ACCOUNT_HELD, o->party, ACCOUNT_AVAILABLE);
    model_free_voucher(m, o->programme, o->voucher_unit * o->left, o->party, ACCOUNT_HELD);
    finish(m, o);
}

void model_say_sliced(struct model *m, enum work work, uint64_t subject)
{
    struct body_sliced event = {.work = work, .subject = subject};
    EMIT(m, SLICED, event);
    m->work = work, m->subject = subject;
}

/* Bids first, each side in execution order. */
void model_close_book(struct model *m, uint64_t listing)
{
    for (;;) {
        uint64_t place = model_best(m, listing, SIDE_BID);
        if (place == UINT64_MAX) place = model_best(m, listing, SIDE_ASK);
        if (place == UINT64_MAX) break;
        if (m->budget == 0) {
            model_say_sliced(m, WORK_CLOSE_LISTING, listing);
            return;
        }
        m->budget--;
        model_close_order(m, &m->orders[place], CLOSE_LISTING_CLOSED);
    }
    model_unpark(m, listing);
}

/* In the order of their names. */
void model_close_orders_of(struct model *m, uint64_t party)
{
    for (size_t i = 0; i < m->n_orders; i++) {
        struct model_order *o = &m->orders[i];
        if (o->party != party || !o->resting) continue;
        if (m->budget == 0) {
            model_say_sliced(m, WORK_SUSPEND, party);
            return;
        }
        m->budget--;
        model_close_order(m, o, CLOSE_SUSPENDED);
    }
}

/* ---- vouchers ---- */
static uint64_t share_of(const struct model_programme *g, uint64_t price)
{
    return (uint64_t)((wide)least(price, g->top_price) * g->share_bp / 10000);
}

/* ---- matching ---- */
/*
 * The worst price it takes: a limit order's own; a market order's is where the collar ends when it is placed, and
 * stays there. 0 for a market order that takes any.
 */
static uint64_t worst_price(const struct model *m, const struct model_listing *l, const struct body_order *b)
{
    uint64_t collar = m->parameters[PARAM_COLLAR_BP];
    if (b->type == ORDER_LIMIT) return b->price;
    if (collar == 0 || !l->has_last) return 0;
    uint64_t away = (uint64_t)((wide)l->last_price * collar / 10000);
    if (b->side == SIDE_BID) return l->last_price + away;
    return away >= l->last_price ? 1 : l->last_price - away;
}

static bool takes(const struct model_order *o, uint64_t price)
{
    if (o->type == ORDER_MARKET && o->price == 0) return true;
    return o->side == SIDE_BID ? price <= o->price : price >= o->price;
}

/* Units of which the taker can pay for at least one, at this price. */
static uint64_t affordable(const struct model_order *o, uint64_t budget, uint64_t price)
{
    return o->side == SIDE_BID && o->type == ORDER_MARKET ? budget / price : UINT64_MAX;
}

static uint64_t units_between(const struct model_order *a, uint64_t a_left, const struct model_order *b)
{
    uint64_t units = UINT64_MAX;
    if (!a->unlimited) units = least(units, a_left);
    if (!b->unlimited) units = least(units, b->left);
    return units;
}

static uint64_t fee_bp(const struct model *m, uint64_t kind)
{
    return m->parameters[PARAM_FEE_DATASET_BP + kind];
}

static void trade(struct model *m, struct model_order *taker, struct model_order *maker, uint64_t units)
{
    struct model_order *bid = taker->side == SIDE_BID ? taker : maker, *ask = taker->side == SIDE_BID ? maker : taker;
    struct model_listing *l = model_listing(m, taker->listing);
    uint64_t price = maker->price, from_voucher = 0, held_before = cny_held(bid);
    uint64_t accept_ms = m->parameters[PARAM_ACCEPT_MS];
    accept_ms += l->plaintext_len / (UINT64_C(10) << 30) * m->parameters[PARAM_ACCEPT_MS_PER_10GIB];
    if (bid->programme != 0)
        from_voucher = units * least(bid->voucher_unit, share_of(model_programme(m, bid->programme), price));
    if (!bid->unlimited) bid->left -= units;
    if (!ask->unlimited) ask->left -= units;

    struct model_trade *t = GROW(m, trades);
    *t = (struct model_trade){.listing = l->id, .bid = bid->id, .ask = ask->id, .buyer = bid->party, .vendor = ask->party,
                              .price = price, .quantity = units, .total = price * units, .state = TRADE_MATCHED,
                              .accept_ms = accept_ms, .voucher = from_voucher};
    t->fee = (uint64_t)((wide)t->total * fee_bp(m, l->kind) / 10000);
    t->programme = from_voucher == 0 ? 0 : bid->programme;
    model_party_key(m, t->buyer, t->buyer_key), model_party_key(m, t->vendor, t->vendor_key);
    COPY(t->recipient, bid->recipient);
    struct body_traded event = {.listing = l->id, .bid = bid->id, .ask = ask->id, .taker = taker->side, .price = price,
                                .quantity = units, .total = t->total, .fee = t->fee, .programme = t->programme,
                                .voucher = t->voucher, .bid_left = bid->left, .ask_left = ask->unlimited ? 0 : ask->left,
                                .grant_due = m->now + m->parameters[PARAM_GRANT_MS], .accept_ms = accept_ms};
    COPY(event.buyer, t->buyer_key), COPY(event.vendor, t->vendor_key), COPY(event.recipient, bid->recipient);
    t->id = EMIT(m, TRADED, event);
    *GROW(m, open) = (size_t)(t - m->trades);
    model_set_deadline(m, t, GRANT_DEADLINE, m->parameters[PARAM_GRANT_MS]);

    uint64_t from_cny = t->total - from_voucher;
    if (bid->type == ORDER_MARKET) {
        bid->budget -= t->total;
        if (bid->left == 0) { /* the order ends, and what is left of its budget is free */
            model_move(m, 0, bid->budget, bid->party, ACCOUNT_HELD, bid->party, ACCOUNT_AVAILABLE);
            bid->budget = 0;
        }
    } else
        model_move(m, 0, held_before - cny_held(bid) - from_cny, bid->party, ACCOUNT_HELD, bid->party, ACCOUNT_AVAILABLE);
    model_move(m, 0, from_cny, bid->party, ACCOUNT_HELD, bid->party, ACCOUNT_ESCROW);
    model_move(m, bid->programme, from_voucher, bid->party, ACCOUNT_HELD, bid->party, ACCOUNT_ESCROW);
    model_free_voucher(m, bid->programme, units * bid->voucher_unit - from_voucher, bid->party, ACCOUNT_HELD);

    l->has_last = true, l->last_price = price, l->n_trades++, l->n_open_trades++;
    model_touch(m, TABLE_LISTING, l->id, 0);
    model_touch(m, TABLE_ORDER, maker->id, 0);
    model_touch(m, TABLE_TRADE, t->id, 0);
    if (!maker->unlimited && maker->left == 0) finish(m, maker);
}

enum stopped { FILLED, NOTHING_MORE, OWN_GROUP_MET, RECORD_FULL };

static enum stopped match(struct model *m, struct model_order *o)
{
    for (;;) {
        if (!o->unlimited && o->left == 0) return FILLED;
        uint64_t place = model_best(m, o->listing, o->side == SIDE_BID ? SIDE_ASK : SIDE_BID);
        if (place == UINT64_MAX || !takes(o, m->orders[place].price)) return NOTHING_MORE;
        struct model_order *maker = &m->orders[place];
        uint64_t units = least(units_between(o, o->left, maker), affordable(o, o->budget, maker->price));
        if (units == 0) return NOTHING_MORE;
        if (m->budget == 0) return RECORD_FULL;
        if (model_same_group(m, o->party, maker->party)) return OWN_GROUP_MET;
        trade(m, o, maker, units);
        m->budget--;
    }
}

/* The same on a copy of the book: what stops it, and how many units it would leave. */
static enum stopped walk(struct model *m, const struct model_order *o, uint64_t *left)
{
    size_t n = 0, used = 0;
    uint64_t budget = o->budget;
    size_t *places = arena_alloc(&m->once, (m->n_resting + 1) * sizeof *places);
    ASSERT(places != NULL);
    for (size_t i = 0; i < m->n_resting; i++) {
        const struct model_order *other = &m->orders[m->resting[i]];
        if (other->listing == o->listing && other->side != o->side && takes(o, other->price)) places[n++] = m->resting[i];
    }
    *left = o->left;
    while (o->unlimited || *left > 0) {
        size_t best = 0;
        if (n == 0) return NOTHING_MORE;
        for (size_t i = 1; i < n; i++) {
            if (comes_before(&m->orders[places[i]], &m->orders[places[best]])) best = i;
        }
        const struct model_order *maker = &m->orders[places[best]];
        places[best] = places[--n];
        uint64_t units = least(units_between(o, *left, maker), affordable(o, budget, maker->price));
        if (units == 0) return NOTHING_MORE;
        if (used == m->budget) return RECORD_FULL;
        if (model_same_group(m, o->party, maker->party)) return OWN_GROUP_MET;
        used++;
        if (o->type == ORDER_MARKET && o->side == SIDE_BID) budget -= units * maker->price;
        if (!o->unlimited) *left -= units;
        if (o->unlimited && maker->unlimited) ASSERT(false);
    }
    return FILLED;
}

/* An order that was placed or replaced meets the book; what is left of it goes where it belongs. */
static void meet(struct model *m, struct model_order *o, bool goes_on)
{
    switch (match(m, o)) {
    case FILLED:
        finish(m, o);
        break;
    case RECORD_FULL:
        model_say_sliced(m, WORK_MATCH, o->id);
        break;
    case OWN_GROUP_MET:
        model_close_order(m, o, CLOSE_SELF_TRADE);
        break;
    case NOTHING_MORE:
        if (o->type == ORDER_MARKET || o->tif == TIF_IOC || o->tif == TIF_FOK)
            model_close_order(m, o, CLOSE_UNFILLED);
        else {
            if (goes_on) {
                struct body_rested event = {.order = o->id};
                EMIT(m, RESTED, event);
            }
            rest(m, o);
        }
        break;
    }
    model_touch(m, TABLE_ORDER, o->id, 0);
}

enum outcome model_go_on_matching(struct model *m, uint64_t order)
{
    struct model_order *o = model_order(m, order);
    meet(m, o, true);
    return OUTCOME_OK;
}

/* ---- checks ---- */
static bool too_far(const struct model *m, const struct model_listing *l, uint64_t price)
{
    uint64_t collar = m->parameters[PARAM_COLLAR_BP];
    if (collar == 0 || !l->has_last) return false;
    uint64_t away = price > l->last_price ? price - l->last_price : l->last_price - price;
    return (wide)away * 10000 > (wide)l->last_price * collar;
}

static enum outcome check_price(const struct model *m, const struct model_listing *l, const struct body_order *b)
{
    if (b->type == ORDER_LIMIT) {
        REFUSE_IF(b->price < 1 || (wide)b->price * b->quantity > LIMIT_AMOUNT, BAD_PRICE);
        REFUSE_IF(too_far(m, l, b->price), BAD_PRICE);
    } else
        REFUSE_IF(b->price != 0 || (b->side == SIDE_BID && b->budget < 1), BAD_PRICE);
    return OUTCOME_OK;
}

static enum outcome check_shape(const struct model *m, const struct body_order *b)
{
    bool limit = b->type == ORDER_LIMIT, lasting = b->tif == TIF_GTC || b->tif == TIF_GTD, bid = b->side == SIDE_BID;
    REFUSE_IF(bid && b->unlimited, BAD_QUANTITY);
    REFUSE_IF(b->unlimited ? b->quantity != 0 : b->quantity < 1, BAD_QUANTITY);
    REFUSE_IF(!limit && lasting, BAD_ORDER);
    REFUSE_IF(b->unlimited && !(limit && lasting), BAD_ORDER);
    REFUSE_IF(b->tif == TIF_GTD ? b->expires_at <= m->now : b->expires_at != 0, BAD_ORDER);
    REFUSE_IF(b->post_only && !(limit && lasting), BAD_ORDER);
    REFUSE_IF(b->budget != 0 && !(bid && !limit), BAD_ORDER);
    REFUSE_IF(!bid && (!ABSENT(b->recipient) || !ABSENT(b->terms_hash) || b->purpose.len > 0), BAD_ORDER);
    REFUSE_IF(b->voucher != 0 && !(bid && limit), BAD_ORDER);
    return OUTCOME_OK;
}

static enum outcome check_bid(struct model *m, const struct model_party *by, const struct model_listing *l,
                              const struct body_order *b, uint64_t to_hold)
{
    REFUSE_IF(model_balance(m, by->number, 0, ACCOUNT_AVAILABLE) < (int64_t)to_hold, NO_FUNDS);
    REFUSE_IF(memcmp(b->terms_hash, l->terms_hash, 32) != 0, WRONG_TERMS);
    REFUSE_IF(!x25519_recipient_is_good(b->recipient), BAD_RECIPIENT);
    REFUSE_IF(model_key_among(m->recipients, m->n_recipients, b->recipient), BAD_RECIPIENT);
    REFUSE_IF(l->jurisdictions.len > 0 && !model_word_in(l->jurisdictions, by->jurisdiction), NOT_ALLOWED_THERE);
    REFUSE_IF(l->purposes.len > 0 && !model_word_in(l->purposes, b->purpose), NOT_ALLOWED_FOR);
    return OUTCOME_OK;
}

static enum outcome check_meeting(struct model *m, const struct model_order *o)
{
    uint64_t left, best = model_best(m, o->listing, o->side == SIDE_BID ? SIDE_ASK : SIDE_BID);
    REFUSE_IF(o->post_only && best != UINT64_MAX && takes(o, m->orders[best].price), WOULD_TRADE);
    enum stopped stopped = walk(m, o, &left);
    REFUSE_IF(stopped == OWN_GROUP_MET, SELF_TRADE);
    if (o->tif != TIF_FOK) return OUTCOME_OK;
    REFUSE_IF(stopped == RECORD_FULL, TOO_MANY);
    REFUSE_IF(stopped != FILLED, CANNOT_FILL);
    return OUTCOME_OK;
}

static enum outcome place(struct model *m, const struct model_party *by, const struct body_order *b, uint64_t item,
                          uint64_t *index)
{
    const struct model_listing *l = model_listing(m, b->listing);
    const struct model_programme *g = NULL;
    enum outcome outcome;
    bool bid = b->side == SIDE_BID;
    REFUSE_IF(!(by->roles & (bid ? ROLE_BUYER : ROLE_VENDOR)), NOT_YOUR_ROLE);
    REFUSE_IF(l == NULL, NO_SUCH_LISTING);
    REFUSE_IF(!bid && l->vendor != by->number, NOT_YOURS);
    REFUSE_IF(bid && model_same_group(m, by->number, l->vendor), OWN_GROUP);
    REFUSE_IF(l->state != LISTING_OPEN, LISTING_NOT_OPEN);
    if (b->voucher != 0) {
        g = model_programme(m, b->voucher);
        REFUSE_IF(g == NULL, NO_SUCH_PROGRAMME);
        REFUSE_IF(model_same_group(m, g->issuer, l->vendor) || model_same_group(m, g->issuer, by->number), OWN_GROUP);
        REFUSE_IF(g->state != PROGRAMME_OPEN, WRONG_STATE);
    }
    if ((outcome = check_price(m, l, b)) != OUTCOME_OK) return outcome;
    if ((outcome = check_shape(m, b)) != OUTCOME_OK) return outcome;
    struct model_order o = {.listing = b->listing, .party = by->number, .side = b->side, .type = b->type, .tif = b->tif,
                            .price = worst_price(m, l, b), .left = b->quantity, .expires_at = b->expires_at, .budget = b->budget,
                            .programme = b->voucher, .unlimited = b->unlimited, .post_only = b->post_only};
    COPY(o.recipient, b->recipient);
    if (g != NULL) {
        REFUSE_IF(!(g->kinds >> l->kind & 1), VOUCHER_NOT_FOR_THIS);
        uint64_t has = (uint64_t)model_balance(m, by->number, g->id, ACCOUNT_AVAILABLE);
        o.voucher_unit = least(share_of(g, b->price), has / b->quantity);
        REFUSE_IF(o.voucher_unit == 0, NO_VOUCHER);
    }
    if (bid && (outcome = check_bid(m, by, l, b, cny_held(&o))) != OUTCOME_OK) return outcome;
    if ((outcome = check_meeting(m, &o)) != OUTCOME_OK) return outcome;

    struct body_placed event = {.listing = b->listing, .item = item, .side = b->side, .type = b->type, .price = o.price,
                                .quantity = b->quantity, .unlimited = b->unlimited, .tif = b->tif,
                                .expires_at = b->expires_at, .post_only = b->post_only, .budget = b->budget,
                                .voucher = b->voucher, .voucher_unit = o.voucher_unit};
    COPY(event.party, by->key), COPY(event.recipient, b->recipient);
    *index = o.id = o.priority = EMIT(m, PLACED, event);
    size_t said = m->n_events - 1;
    if (bid) {
        struct model_key *r = GROW(m, recipients);
        memcpy(r->key, b->recipient, 32);
        r->party = by->number;
    }
    model_move(m, 0, cny_held(&o), o.party, ACCOUNT_AVAILABLE, o.party, ACCOUNT_HELD);
    model_move(m, o.programme, o.voucher_unit * o.left, o.party, ACCOUNT_AVAILABLE, o.party, ACCOUNT_HELD);
    struct model_order *kept = GROW(m, orders);
    *kept = o;
    meet(m, kept, false);
    ((struct body_placed *)m->events[said].body)->rests = kept->resting;
    return OUTCOME_OK;
}

enum outcome judge_order(struct model *m, const struct statement *s, const struct model_party *by,
                         const struct body_order *b, struct model_answer *out)
{
    (void)s, (void)out;
    uint64_t index;
    return place(m, by, b, 0, &index);
}

enum outcome judge_order_batch(struct model *m, const struct statement *s, const struct model_party *by,
                               const struct body_order_batch *b, struct model_answer *out)
{
    (void)s;
    out->n_items = b->orders.n;
    for (size_t i = 0; i < b->orders.n; i++) {
        uint64_t index = 0;
        enum outcome outcome = OUTCOME_TOO_MANY;
        if (m->work == WORK_NONE)
            outcome = place(m, by, (const struct body_order *)b->orders.items + i, i, &index);
        if (outcome != OUTCOME_OK) {
            struct body_not_placed event = {.item = i, .code = outcome};
            EMIT(m, NOT_PLACED, event);
        }
        out->items[i].code = outcome, out->items[i].index = index;
    }
    return OUTCOME_OK;
}

enum outcome judge_cancel(struct model *m, const struct statement *s, const struct model_party *by,
                          const struct body_cancel *b, struct model_answer *out)
{
    (void)s, (void)out;
    struct model_order *o = model_order(m, b->order);
    REFUSE_IF(o == NULL, NO_SUCH_ORDER);
    REFUSE_IF(o->party != by->number, NOT_YOURS);
    REFUSE_IF(o->closed, ORDER_CLOSED);
    model_close_order(m, o, CLOSE_CANCELLED);
    return OUTCOME_OK;
}

/* ---- replace ---- */
static void amend(struct model *m, struct model_order *o, uint64_t quantity)
{
    struct body_amended event = {.order = o->id, .left = quantity};
    EMIT(m, AMENDED, event);
    uint64_t fewer = o->left - quantity, held = cny_held(o);
    o->left = quantity;
    model_move(m, 0, held - cny_held(o), o->party, ACCOUNT_HELD, o->party, ACCOUNT_AVAILABLE);
    model_free_voucher(m, o->programme, fewer * o->voucher_unit, o->party, ACCOUNT_HELD);
    model_touch(m, TABLE_ORDER, o->id, 0);
}

/* What the voucher pays of each unit, anew. */
static uint64_t new_voucher_unit(struct model *m, const struct model_order *o, uint64_t price, uint64_t quantity)
{
    const struct model_programme *g = model_programme(m, o->programme);
    if (g == NULL) return 0;
    uint64_t has = o->voucher_unit * o->left;
    if (g->state == PROGRAMME_OPEN) has += (uint64_t)model_balance(m, o->party, g->id, ACCOUNT_AVAILABLE);
    return least(share_of(g, price), has / quantity);
}

static void adjust_held(struct model *m, const struct model_order *before, const struct model_order *after)
{
    uint64_t cny = cny_held(before), cny_now = cny_held(after);
    uint64_t voucher = before->voucher_unit * before->left, voucher_now = after->voucher_unit * after->left;
    if (cny_now > cny)
        model_move(m, 0, cny_now - cny, after->party, ACCOUNT_AVAILABLE, after->party, ACCOUNT_HELD);
    else
        model_move(m, 0, cny - cny_now, after->party, ACCOUNT_HELD, after->party, ACCOUNT_AVAILABLE);
    if (voucher_now > voucher)
        model_move(m, after->programme, voucher_now - voucher, after->party, ACCOUNT_AVAILABLE, after->party, ACCOUNT_HELD);
    else
        model_free_voucher(m, after->programme, voucher - voucher_now, after->party, ACCOUNT_HELD);
}

enum outcome judge_replace(struct model *m, const struct statement *s, const struct model_party *by,
                           const struct body_replace *b, struct model_answer *out)
{
    (void)s, (void)out;
    struct model_order *o = model_order(m, b->order);
    REFUSE_IF(o == NULL, NO_SUCH_ORDER);
    REFUSE_IF(o->party != by->number, NOT_YOURS);
    REFUSE_IF(o->closed, ORDER_CLOSED);
    const struct model_listing *l = model_listing(m, o->listing);
    REFUSE_IF(l->state != LISTING_OPEN, LISTING_NOT_OPEN);
    REFUSE_IF(b->price < 1 || (wide)b->price * b->quantity > LIMIT_AMOUNT, BAD_PRICE);
    REFUSE_IF(b->price != o->price && too_far(m, l, b->price), BAD_PRICE);
    REFUSE_IF(o->unlimited ? b->quantity != 0 : b->quantity < 1, BAD_QUANTITY);
    REFUSE_IF(b->price == o->price && b->quantity == o->left, BAD_QUANTITY);
    if (b->price == o->price && b->quantity < o->left) {
        amend(m, o, b->quantity);
        return OUTCOME_OK;
    }
    struct model_order after = *o;
    after.price = b->price, after.left = b->quantity;
    if (o->programme != 0) after.voucher_unit = new_voucher_unit(m, o, b->price, b->quantity);
    if (o->side == SIDE_BID) {
        uint64_t has = (uint64_t)model_balance(m, o->party, 0, ACCOUNT_AVAILABLE) + cny_held(o);
        REFUSE_IF(has < cny_held(&after), NO_FUNDS);
    }
    enum outcome outcome = check_meeting(m, &after);
    if (outcome != OUTCOME_OK) return outcome;

    struct body_replaced event = {.order = o->id, .price = b->price, .left = b->quantity, .voucher_unit = after.voucher_unit};
    model_unrest(m, o);
    adjust_held(m, o, &after);
    *o = after;
    o->resting = false;
    o->priority = EMIT(m, REPLACED, event);
    size_t said = m->n_events - 1;
    meet(m, o, false);
    ((struct body_replaced *)m->events[said].body)->rests = o->resting;
    return OUTCOME_OK;
}
