/*
 * The audit: what must hold of the whole state at any time, counted from its rows.
 *
 * Always holds (or TIDE_EDAMAGED says where not): all accounts of an asset sum to zero; a party's held money is that
 * of its open bids, its escrow that of its open trades; the book's rows and the resting orders are the same set.
 */
#include <stdarg.h>
#include <stdio.h>

#include "broker/market/law.h"

struct audit {
    struct state_view *state;
    char *why;
    size_t why_len;
};

__attribute__((format(printf, 2, 3))) static enum tide_err damaged(const struct audit *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (a->why_len > 0) vsnprintf(a->why, a->why_len, format, args);
    va_end(args);
    return TIDE_EDAMAGED;
}

/* Money held for a party's open bids, and how many of its open orders rest. */
static enum tide_err sum_orders(const struct audit *a, uint64_t party, uint64_t *held, uint64_t *n_resting)
{
    uint8_t key[17];
    struct row_order row;
    enum tide_err err;
    *held = 0;
    *n_resting = 0;
    key_u64_u8_u64(key, party, 0, 0);
    for (bool after = false; !(err = state_next(a->state, TABLE_ORDER_OF, key, 9, after, NULL)); after = true) {
        uint64_t order = be64_get(key + 9);
        err = order_get(a->state, order, &row);
        if (err) return err;
        if (row.party != party || row.closed) return damaged(a, "order %llu is not an open one of party %llu",
                                                             (unsigned long long)order, (unsigned long long)party);
        if (row.side == SIDE_BID) *held += row.price * row.left;
        if (row.resting) *n_resting += 1;
    }
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

static enum tide_err sum_trades(const struct audit *a, uint64_t party, uint64_t *escrow)
{
    uint8_t key[17];
    struct row_trade row;
    enum tide_err err;
    *escrow = 0;
    key_u64_u8_u64(key, party, 0, 0);
    for (bool after = false; !(err = state_next(a->state, TABLE_TRADE_OF, key, 9, after, NULL)); after = true) {
        err = must_exist(trade_get(a->state, be64_get(key + 9), &row));
        if (err) return err;
        if (row.buyer == party) *escrow += row.total;
    }
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

static enum tide_err check_party_account(const struct audit *a, uint64_t party, uint64_t *n_resting)
{
    struct row_account row;
    uint64_t held, escrow;
    unsigned long long n = party;
    enum tide_err err = account_get(a->state, party, ASSET_CNY, &row);
    if (!err) err = sum_orders(a, party, &held, n_resting);
    if (!err) err = sum_trades(a, party, &escrow);
    if (err) return err;
    if (row.available > LIMIT_AMOUNT || row.held > LIMIT_AMOUNT || row.escrow > LIMIT_AMOUNT)
        return damaged(a, "a balance of party %llu is below zero or over the limit", n);
    if (row.held != held) return damaged(a, "party %llu: %llu held, %llu in open bids", n,
                                         (unsigned long long)row.held, (unsigned long long)held);
    if (row.escrow != escrow) return damaged(a, "party %llu: %llu in escrow, %llu in open trades", n,
                                             (unsigned long long)row.escrow, (unsigned long long)escrow);
    if (party == MARKET_PARTY && row.available != 0) return damaged(a, "the market holds money of a party");
    if (party != MARKET_PARTY && (row.fees || row.floats || row.issued))
        return damaged(a, "party %llu has an account of the market", n);
    return TIDE_OK;
}

static enum tide_err check_accounts(const struct audit *a)
{
    uint8_t key[16] = {0};
    struct row_account row;
    __int128 sum = 0;
    enum tide_err err;
    for (bool after = false; !(err = state_next(a->state, TABLE_ACCOUNT, key, 0, after, &row)); after = true) {
        if (be64_get(key + 8) != ASSET_CNY)
            return damaged(a, "an account of asset %llu, which nobody issued", (unsigned long long)be64_get(key + 8));
        if (row.fees < 0 || row.floats > 0) return damaged(a, "fees below zero or a float above");
        sum += (__int128)row.available + row.held + row.escrow + row.fees + row.floats + row.issued;
    }
    if (err != TIDE_ENOTFOUND) return err;
    return sum == 0 ? TIDE_OK : damaged(a, "all accounts sum to %lld, not 0", (long long)sum);
}

static enum tide_err check_parties(const struct audit *a, uint64_t *n_resting)
{
    uint8_t key[8] = {0};
    struct row_party row;
    enum tide_err err;
    *n_resting = 0;
    for (bool after = false; !(err = state_next(a->state, TABLE_PARTY, key, 0, after, &row)); after = true) {
        uint64_t resting;
        err = check_party_account(a, be64_get(key), &resting);
        if (err) return err;
        *n_resting += resting;
    }
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

static enum tide_err check_book(const struct audit *a, uint64_t n_resting)
{
    uint8_t key[BOOK_KEY_BYTES] = {0}, expected[BOOK_KEY_BYTES];
    struct row_order row;
    uint64_t n = 0;
    enum tide_err err;
    for (bool after = false; !(err = state_next(a->state, TABLE_BOOK, key, 0, after, NULL)); after = true) {
        uint64_t order = book_key_order(key);
        err = order_get(a->state, order, &row);
        if (err) return err;
        key_book(expected, row.listing, row.side, row.price, order);
        if (memcmp(key, expected, sizeof key) != 0 || !row.resting || row.closed || (row.left == 0 && !row.unlimited))
            return damaged(a, "order %llu lies in the book but does not rest", (unsigned long long)order);
        n++;
    }
    if (err != TIDE_ENOTFOUND) return err;
    return n == n_resting ? TIDE_OK : damaged(a, "%llu orders in the book, %llu rest", (unsigned long long)n,
                                              (unsigned long long)n_resting);
}

enum tide_err market_audit(struct state_view *state, char *why, size_t why_len)
{
    const struct audit a = {state, why, why_len};
    uint64_t n_resting;
    if (why_len > 0) why[0] = 0;
    enum tide_err err = check_accounts(&a);
    if (!err) err = check_parties(&a, &n_resting);
    if (!err) err = check_book(&a, n_resting);
    if (err && why_len > 0 && why[0] == 0) snprintf(why, why_len, "reading the state: %s", tide_err_text(err));
    return err;
}
