/*
 * What may be placed: the checks of an order, alone or in a batch, that need not look at the book.
 *
 * Always holds: the order of the checks is that of docs/market.md, "Orders", so that one order has one answer. What
 * passes is bounded: a limit order's price times its quantity, a market bid's budget, are amounts.
 * Not here: the checks that walk the book, placing (order.c).
 */
#include "broker/market/law.h"
#include "crypto/identity.h"

static bool is_zero32(const uint8_t bytes[32])
{
    static const uint8_t zero[32];
    return memcmp(bytes, zero, 32) == 0;
}

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

/* ---- 1 to 3: who, on what, from which programme ---- */

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

static enum tide_err check_programme(struct hearing *h, const struct body_order *o)
{
    if (o->voucher == 0) return TIDE_OK;
    PASS(h, hear_programme(h, o->voucher));
    if (same_group(h->programme_row.issuer, &h->issuer, h->listing_row.vendor, &h->vendor))
        return refuse_because(h, OUTCOME_OWN_GROUP, "the programme's issuer is of the vendor's group");
    if (same_group(h->programme_row.issuer, &h->issuer, h->party, &h->speaker))
        return refuse_because(h, OUTCOME_OWN_GROUP, "the programme's issuer is of the bidder's group");
    if (h->programme_row.state != PROGRAMME_OPEN)
        return refuse_because(h, OUTCOME_WRONG_STATE, "programme %llu has ended", (unsigned long long)o->voucher);
    return TIDE_OK;
}

/* ---- 4 and 5: price and quantity ---- */

/* How far from the last price an order may be. False: the collar is off, or nothing was traded yet. */
static bool collar_width(const struct hearing *h, uint64_t *width)
{
    uint64_t bp = h->market.parameters[PARAM_COLLAR_BP];
    if (bp == 0 || !h->listing_row.has_last) return false;
    *width = mul_div_u64(h->listing_row.last_price, bp, 10000); /* at most 100 times the price: fits */
    return true;
}

static bool outside_collar(const struct hearing *h, uint64_t price)
{
    uint64_t width, last = h->listing_row.last_price;
    if (!collar_width(h, &width)) return false;
    return (price > last ? price - last : last - price) > width;
}

uint64_t market_limit(const struct hearing *h, uint64_t side)
{
    uint64_t width, last = h->listing_row.last_price;
    if (!collar_width(h, &width)) return 0;
    if (side == SIDE_ASK) return last > width ? last - width : 1;
    return width < LIMIT_AMOUNT - last ? last + width : LIMIT_AMOUNT; /* no order's price is above */
}

enum tide_err check_limit(struct hearing *h, uint64_t price, uint64_t quantity, bool within_collar)
{
    uint64_t total;
    char last[MONEY_TEXT_MAX];
    if (price == 0) return refuse_because(h, OUTCOME_BAD_PRICE, "a limit order has a price above 0");
    if (!mul_u64(price, quantity, &total) || total > LIMIT_AMOUNT)
        return refuse_because(h, OUTCOME_BAD_PRICE, "price times quantity is over 2^53 fen");
    if (within_collar && outside_collar(h, price))
        return refuse_because(h, OUTCOME_BAD_PRICE, "the last price was %s CNY; an order may be %llu basis points away",
                              money_text(h->listing_row.last_price, last),
                              (unsigned long long)h->market.parameters[PARAM_COLLAR_BP]);
    return TIDE_OK;
}

static enum tide_err check_price(struct hearing *h, const struct body_order *o)
{
    if (o->type == ORDER_LIMIT) return check_limit(h, o->price, o->quantity, true);
    if (o->price != 0) return refuse_because(h, OUTCOME_BAD_PRICE, "a market order has no price");
    if (o->side == SIDE_BID && o->budget == 0)
        return refuse_because(h, OUTCOME_BAD_PRICE, "a market bid has a budget above 0");
    return TIDE_OK;
}

enum tide_err check_quantity(struct hearing *h, bool bids, bool unlimited, uint64_t quantity)
{
    if (unlimited && bids) return refuse_because(h, OUTCOME_BAD_QUANTITY, "a bid is for so many units");
    if (unlimited ? quantity == 0 : quantity > 0) return TIDE_OK;
    return refuse_because(h, OUTCOME_BAD_QUANTITY, unlimited ? "an unlimited ask has no quantity"
                                                             : "a quantity is above 0");
}

/* ---- 6: fields that contradict each other ---- */

static enum tide_err check_bids_only(struct hearing *h, const struct body_order *o)
{
    bool limit = o->type == ORDER_LIMIT;
    if (o->side == SIDE_ASK && (!is_zero32(o->recipient) || !is_zero32(o->terms_hash) || o->purpose.len > 0))
        return refuse_because(h, OUTCOME_BAD_ORDER, "recipient, terms and purpose belong to bids");
    if (o->budget != 0 && (o->side == SIDE_ASK || limit))
        return refuse_because(h, OUTCOME_BAD_ORDER, "a budget belongs to market bids");
    if (o->voucher != 0 && (o->side == SIDE_ASK || !limit))
        return refuse_because(h, OUTCOME_BAD_ORDER, "a voucher belongs to limit bids");
    return TIDE_OK;
}

static enum tide_err check_kind(struct hearing *h, const struct body_order *o)
{
    bool stays = o->tif == TIF_GTC || o->tif == TIF_GTD, limit = o->type == ORDER_LIMIT;
    if (!limit && stays) return refuse_because(h, OUTCOME_BAD_ORDER, "a market order is ioc or fok");
    if (o->unlimited && !(limit && stays))
        return refuse_because(h, OUTCOME_BAD_ORDER, "an unlimited ask is a limit order that rests");
    if (o->tif == TIF_GTD ? o->expires_at <= h->now_ms : o->expires_at != 0)
        return refuse_because(h, OUTCOME_BAD_ORDER, o->tif == TIF_GTD ? "a gtd order expires later than now"
                                                                      : "only a gtd order has an expiry");
    if (o->post_only && !(limit && stays))
        return refuse_because(h, OUTCOME_BAD_ORDER, "post-only is for limit orders that rest");
    return check_bids_only(h, o);
}

/* ---- 7 and 8: what a bid pays with, and accepts ---- */

static enum tide_err check_voucher(struct hearing *h, const struct body_order *o, uint64_t *unit)
{
    if (o->voucher == 0) return TIDE_OK;
    if (!(h->programme_row.kinds >> h->listing_row.kind & 1))
        return refuse_because(h, OUTCOME_VOUCHER_NOT_FOR_THIS, "listing %llu is a %s", (unsigned long long)o->listing,
                              names_listing_kind[h->listing_row.kind]);
    enum tide_err err = voucher_unit(h, h->party, o->price, o->quantity, 0, unit);
    return err || *unit > 0 ? err : refuse(h, OUTCOME_NO_VOUCHER);
}

enum tide_err check_funds(struct hearing *h, uint64_t needed)
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

static enum tide_err check_bid(struct hearing *h, const struct body_order *o, uint64_t voucher_unit)
{
    uint64_t to_hold = o->type == ORDER_MARKET ? o->budget : (o->price - voucher_unit) * o->quantity;
    PASS(h, check_funds(h, to_hold));
    if (memcmp(o->terms_hash, h->listing_row.terms_hash, 32) != 0) return refuse(h, OUTCOME_WRONG_TERMS);
    PASS(h, check_recipient(h, o));
    if (!list_allows(h->listing_row.jurisdictions, BYTES_TEXT(h->speaker.jurisdiction)))
        return refuse_because(h, OUTCOME_NOT_ALLOWED_THERE, "allowed: %s", h->listing_row.jurisdictions);
    if (!list_allows(h->listing_row.purposes, o->purpose))
        return refuse_because(h, OUTCOME_NOT_ALLOWED_FOR, "allowed: %s", h->listing_row.purposes);
    return TIDE_OK;
}

enum tide_err check_order(struct hearing *h, const struct body_order *o, uint64_t *voucher_unit)
{
    *voucher_unit = 0;
    PASS(h, check_standing(h, o));
    PASS(h, check_programme(h, o));
    PASS(h, check_price(h, o));
    PASS(h, check_quantity(h, o->side == SIDE_BID, o->unlimited, o->quantity));
    PASS(h, check_kind(h, o));
    PASS(h, check_voucher(h, o, voucher_unit));
    return o->side == SIDE_BID ? check_bid(h, o, *voucher_unit) : TIDE_OK;
}
