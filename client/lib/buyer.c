/*
 * A buyer's jobs on orders and trades: bidding, waiting, accepting.
 *
 * Always holds: a bid accepts the terms that the listing showed a moment before, by their own hash; nothing is accepted
 * whose settlement text is not the trade's.
 * Not here: fetching (fetch.c), receipts (receipt.c).
 */
#include "client/lib/jobs.h"

#include <inttypes.h>

/* The terms that a bid accepts: the listing's present ones, and those that the bid names if it names any. */
static int terms_fill(struct tide_market *m, struct body_order *order, struct tide_error *error)
{
    static const uint8_t none[HASH_BYTES];
    const struct body_listing_row *row;
    struct tide_doc *doc;
    int code = row_of_listing(m, order->listing, &doc, &row, error);
    if (code != 0) return code;
    if (memcmp(order->terms_hash, none, HASH_BYTES) == 0) {
        memcpy(order->terms_hash, row->terms_hash, HASH_BYTES);
    } else if (memcmp(order->terms_hash, row->terms_hash, HASH_BYTES) != 0) {
        code = error_set(error, OUTCOME_WRONG_TERMS,
                         "The usage terms of listing %" PRIu64 " are other ones than the bid accepts; nothing was signed.",
                         order->listing);
    }
    tide_doc_free(&doc);
    return code;
}

int tide_order(struct tide_market *market, const struct tide_doc *order, struct tide_doc **out, struct tide_error *error)
{
    error_clear(error);
    if (out != NULL) *out = NULL;
    if (order == NULL || order->schema != &schema_order) {
        return error_set(error, OUTCOME_C_USAGE, "What is ordered is described by an \"order\" document.");
    }
    struct body_order body = *(const struct body_order *)order->value;
    int code = need_identity(market, error);
    if (code == 0 && body.side == SIDE_BID) code = terms_fill(market, &body, error);
    return code != 0 ? code : market_state(market, &schema_order, &body, out, error);
}

int tide_bid(struct tide_market *market, uint64_t listing, uint64_t price_fen, uint64_t quantity, const char *purpose,
             struct tide_doc **out, struct tide_error *error)
{
    struct tide_doc *order = doc_new(&schema_order);
    error_clear(error);
    if (out != NULL) *out = NULL;
    if (order == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    struct body_order *body = order->value;
    *body = (struct body_order){.listing = listing, .side = SIDE_BID, .price = price_fen, .quantity = quantity};
    if (purpose != NULL) body->purpose = BYTES_TEXT(purpose);
    int code = tide_order(market, order, out, error);
    tide_doc_free(&order);
    return code;
}

/* ---- waiting ---- */

/* The order's row, or NULL in *row: not one of ours. */
static int order_get(struct tide_market *m, uint64_t order, struct tide_doc **doc, const struct body_order_row **row,
                     struct tide_error *error)
{
    struct body_q_own q = {.before = order + 1, .limit = 1};
    *row = NULL;
    int code = market_query(m, VERB_ORDERS, &q, doc, error);
    if (code != 0) return code;
    const struct body_r_orders *reply = (*doc)->value;
    const struct body_order_row *rows = reply->orders.items;
    if (reply->orders.n > 0 && rows[0].order == order) *row = rows;
    return 0;
}

/* The newest trade of an order; *trade 0: none yet. */
static int order_trade(struct tide_market *m, uint64_t order, uint64_t *trade, struct tide_error *error)
{
    struct body_q_own q = {.limit = LIMIT_PAGE};
    bool passed = false;
    *trade = 0;
    do {
        struct tide_doc *page;
        int code = market_query(m, VERB_TRADES, &q, &page, error);
        if (code != 0) return code;
        const struct body_r_trades *reply = page->value;
        const struct body_trade_row *rows = reply->trades.items;
        for (size_t i = 0; i < reply->trades.n && *trade == 0 && !passed; i++) {
            if (rows[i].bid == order || rows[i].ask == order) *trade = rows[i].trade;
            passed = rows[i].trade < order; /* a trade comes after its orders */
        }
        q.before = reply->before;
        tide_doc_free(&page);
    } while (*trade == 0 && !passed && q.before != 0);
    return 0;
}

static int order_look(struct tide_market *m, uint64_t order, bool *open, uint64_t *trade, struct tide_error *error)
{
    const struct body_order_row *row;
    struct tide_doc *doc = NULL;
    int code = order_get(m, order, &doc, &row, error); /* first: what closes later than this still shows its trade */
    if (code != 0) return code;
    bool known = row != NULL;
    *open = known && row->closed == 0; /* a large one is matched in slices, and for that time neither rests nor has ended */
    tide_doc_free(&doc);
    if (!known) return error_set(error, OUTCOME_NO_SUCH_ORDER, "There is no order %" PRIu64 " of yours.", order);
    return order_trade(m, order, trade, error);
}

int tide_order_wait(struct tide_market *market, uint64_t order, int timeout_ms, struct tide_doc **trade,
                    struct tide_error *error)
{
    int64_t until = market_until(timeout_ms);
    int pause = 0;
    error_clear(error);
    if (trade != NULL) *trade = NULL;
    int code = need_identity(market, error);
    while (code == 0) {
        const struct body_trade_row *row;
        struct tide_doc *doc = NULL;
        uint64_t found = 0;
        bool open = true;
        code = order_look(market, order, &open, &found, error);
        if (code == 0 && found != 0) {
            code = row_of_trade(market, found, &doc, &row, error);
            if (trade != NULL) *trade = doc;
            else tide_doc_free(&doc);
            return code;
        }
        if (code == 0 && !open) {
            return error_set(error, OUTCOME_ORDER_CLOSED, "Order %" PRIu64 " left the book without a trade.", order);
        }
        if (code == 0 || is_passing(code)) code = poll_pause(market, &pause, until, error);
        if (code == OUTCOME_C_TIMEOUT) error_set(error, code, "Order %" PRIu64 " has not traded yet.", order);
    }
    return code;
}

static bool trade_is_final(uint64_t state)
{
    return state == TRADE_SETTLED || state == TRADE_REFUNDED;
}

int tide_trade_wait(struct tide_market *market, uint64_t trade, const char *state, int timeout_ms,
                    struct tide_doc **out, struct tide_error *error)
{
    int64_t until = market_until(timeout_ms);
    int pause = 0;
    error_clear(error);
    if (out != NULL) *out = NULL;
    for (;;) {
        const struct body_trade_row *row = NULL;
        struct tide_doc *doc = NULL;
        int code = row_of_trade(market, trade, &doc, &row, error);
        if (code != 0 && !is_passing(code)) return code;
        const char *now = row == NULL ? "?" : field_enum_name(fields_find(&schema_trade_row, "state"), row->state);
        bool there = row != NULL && strcmp(now, state) == 0, final = row != NULL && trade_is_final(row->state);
        if (there && out != NULL) *out = doc;
        else tide_doc_free(&doc);
        if (there) return 0;
        if (final) {
            return error_set(error, OUTCOME_WRONG_STATE, "Trade %" PRIu64 " is %s and will not be %s any more.", trade,
                             now, state);
        }
        code = poll_pause(market, &pause, until, error);
        if (code == OUTCOME_C_TIMEOUT) error_set(error, code, "Trade %" PRIu64 " is still %s.", trade, now);
        if (code != 0) return code;
    }
}

/* ---- accepting ---- */

/* An answer for what had been done before. */
static int accepted_before(const struct body_trade_row *row, struct tide_doc **out, struct tide_error *error)
{
    if (out == NULL) return 0;
    *out = doc_new(&schema_r_submit);
    if (*out == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    ((struct body_r_submit *)(*out)->value)->next_index = row->final_record + 1;
    return 0;
}

static int accept(struct tide_market *m, const struct body_trade_row *row, struct tide_doc **out,
                  struct tide_error *error)
{
    struct body_accept body = {.trade = row->trade};
    const struct body_listing_row *listing;
    struct tide_doc *doc;
    if (row->state == TRADE_SETTLED) return accepted_before(row, out, error);
    if (!identity_had(m->identity, row->buyer)) {
        return error_set(error, OUTCOME_NOT_YOURS, "Trade %" PRIu64 " has another buyer.", row->trade);
    }
    int code = row_of_listing(m, row->listing, &doc, &listing, error);
    if (code != 0) return code;
    code = settlement_check(m, row, listing, error);
    if (code == 0) code = signed_check(m, row, listing, error);
    tide_doc_free(&doc);
    if (code != 0) return code;
    settlement_sign(m, row, body.signature);
    return market_state(m, &schema_accept, &body, out, error);
}

/* `listing` 0: of any. */
static int accept_trade(struct tide_market *m, uint64_t trade, uint64_t listing, struct tide_doc **out, struct tide_error *error)
{
    const struct body_trade_row *row;
    struct tide_doc *doc;
    error_clear(error);
    if (out != NULL) *out = NULL;
    int code = need_identity(m, error);
    if (code == 0) code = row_of_trade(m, trade, &doc, &row, error);
    if (code != 0) return code;
    if (listing != 0 && row->listing != listing) {
        code = error_set(error, OUTCOME_V_FAILED,
                         "Trade %" PRIu64 " is of listing %" PRIu64 ", and not of %" PRIu64 "; nothing was signed.", trade,
                         row->listing, listing);
    } else {
        code = accept(m, row, out, error);
    }
    tide_doc_free(&doc);
    return code;
}

int tide_accept(struct tide_market *market, uint64_t trade, struct tide_doc **out, struct tide_error *error)
{
    return accept_trade(market, trade, 0, out, error);
}

int tide_accept_of(struct tide_market *market, uint64_t listing, uint64_t trade, struct tide_doc **out, struct tide_error *error)
{
    if (listing == 0) return error_set(error, OUTCOME_NO_SUCH_LISTING, NULL);
    return accept_trade(market, trade, listing, out, error);
}
