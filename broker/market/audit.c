/*
 * The audit: what must hold of the whole state after any record, counted from its rows. The money.
 *
 * Always holds (or TIDE_EDAMAGED says where not): the accounts of each asset sum to zero; a party's held money is that
 * of its open bids, withdrawals and bonds; its escrow that of its open trades, and what its own programmes owe; what is
 * locked is what its trades say; the newest entry of an account is what it comes to.
 * Not here: indexes and deadlines (audit_rows.c), listings (audit_listings.c). It is counted without the functions that
 * move the money.
 */
#include "broker/market/audit_walk.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- each asset ---- */

struct sum { uint64_t asset; __int128 sum; };
struct sums { struct sum *of; size_t n; }; /* in the order of assets: CNY, then the programmes */

static enum tide_err sums_new(const struct audit *a, struct sums *s)
{
    uint8_t key[8] = {0};
    uint64_t n;
    enum tide_err err = state_count(a->state, TABLE_PROGRAMME, &n);
    s->n = 0;
    s->of = err ? NULL : calloc((size_t)n + 1, sizeof *s->of);
    if (!s->of) return err ? err : TIDE_ENOMEM;
    s->of[s->n++].asset = ASSET_CNY;
    for (bool after = false; s->n <= n; after = true) {
        err = state_next(a->state, TABLE_PROGRAMME, key, 0, after, NULL);
        if (err) return must_exist(err);
        s->of[s->n++].asset = be64_get(key);
    }
    return TIDE_OK;
}

static struct sum *sum_of(const struct sums *s, uint64_t asset)
{
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (s->of[mid].asset == asset) return &s->of[mid];
        if (s->of[mid].asset < asset) low = mid + 1;
        else high = mid;
    }
    return NULL;
}

/* Which accounts may have anything, and that its newest entry says what is there. */
static enum tide_err check_account(const struct audit *a, uint64_t party, uint64_t asset, const struct row_account *row)
{
    struct row_entry entry;
    uint8_t key[24];
    unsigned long long n = party, of = asset;
    bool is_market = party == MARKET_PARTY;
    if (row->available > LIMIT_AMOUNT || row->held > LIMIT_AMOUNT || row->escrow > LIMIT_AMOUNT)
        return audit_failed(a, "a balance of party %llu is below zero or over the limit", n);
    if (is_market && (row->available || row->held || row->escrow || row->locked))
        return audit_failed(a, "the market holds money of a party");
    if (!is_market && (row->fees || row->floats || row->issued))
        return audit_failed(a, "party %llu has an account of the market", n);
    if (row->fees < 0 || row->floats > 0 || row->issued > 0)
        return audit_failed(a, "fees below zero, or a float or what is issued above");
    if (asset == ASSET_CNY ? row->issued != 0 : row->fees || row->floats || row->locked)
        return audit_failed(a, "asset %llu on an account that it cannot be on", of);
    uint64_t owned = is_market ? (uint64_t)row->fees : row->available + row->held + row->escrow;
    key_u64_u64_u64(key, party, asset, UINT64_MAX);
    enum tide_err err = state_prev(a->state, TABLE_ENTRY, key, 16, false, &entry);
    if (err && err != TIDE_ENOTFOUND) return err;
    if (err) entry.balance = 0;
    if (entry.balance != owned)
        return audit_failed(a, "party %llu owns %llu of asset %llu, its newest entry says %llu", n,
                            (unsigned long long)owned, of, (unsigned long long)entry.balance);
    return TIDE_OK;
}

static enum tide_err sum_accounts(const struct audit *a, const struct sums *s)
{
    uint8_t key[16] = {0};
    struct row_account row;
    enum tide_err err;
    for (bool after = false; !(err = state_next(a->state, TABLE_ACCOUNT, key, 0, after, &row)); after = true) {
        uint64_t party = be64_get(key), asset = be64_get(key + 8);
        struct sum *sum = sum_of(s, asset);
        if (!sum) return audit_failed(a, "an account of asset %llu, which nobody issued", (unsigned long long)asset);
        err = check_account(a, party, asset, &row);
        if (err) return err;
        sum->sum += (__int128)row.available + row.held + row.escrow + row.fees + row.floats + row.issued;
    }
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

static enum tide_err check_assets(const struct audit *a)
{
    struct sums s;
    enum tide_err err = sums_new(a, &s);
    if (!err) err = sum_accounts(a, &s);
    for (size_t i = 0; !err && i < s.n; i++)
        if (s.of[i].sum != 0)
            err = audit_failed(a, "all accounts of asset %llu sum to %lld, not 0", (unsigned long long)s.of[i].asset,
                               (long long)s.of[i].sum);
    free(s.of);
    return err;
}

/* ---- each party ---- */

/* What a party's open orders, trades, withdrawals and programmes come to, of one asset or (vouchers) of all. */
struct expected {
    uint64_t party, asset; /* ALL_VOUCHERS: of every programme */
    uint64_t held, escrow, locked;
};
#define ALL_VOUCHERS UINT64_MAX

static bool counts(const struct expected *e, uint64_t programme)
{
    return programme != 0 && (e->asset == programme || e->asset == ALL_VOUCHERS);
}

static enum tide_err add_order(const struct audit *a, uint64_t order, void *to)
{
    struct expected *e = to;
    struct row_order row;
    enum tide_err err = order_get(a->state, order, &row);
    if (err) return err;
    if (row.side != SIDE_BID) return TIDE_OK;
    if (row.voucher_unit > row.price || (row.voucher_unit > 0 && row.programme == 0))
        return audit_failed(a, "order %llu holds more of a voucher than it can", (unsigned long long)order);
    if (e->asset == ASSET_CNY)
        e->held += row.type == ORDER_MARKET ? row.budget : (row.price - row.voucher_unit) * row.left;
    else if (counts(e, row.programme)) e->held += row.voucher_unit * row.left;
    return TIDE_OK;
}

static enum tide_err add_trade(const struct audit *a, uint64_t trade, void *to)
{
    struct expected *e = to;
    struct row_trade row;
    enum tide_err err = must_exist(trade_get(a->state, trade, &row));
    if (err || row.buyer != e->party) return err;
    if (e->asset == ASSET_CNY) {
        e->escrow += row.total - row.voucher;
        if (row.state == TRADE_CLAIMED) e->held += row.bond;
    } else if (counts(e, row.programme)) {
        e->escrow += row.voucher;
    }
    return TIDE_OK;
}

static enum tide_err add_locked(const struct audit *a, uint64_t trade, void *to)
{
    struct expected *e = to;
    struct row_trade row;
    enum tide_err err = must_exist(trade_get(a->state, trade, &row));
    if (!err && row.vendor == e->party) e->locked += row.locked;
    return err;
}

static enum tide_err add_withdrawal(const struct audit *a, uint64_t withdrawal, void *to)
{
    struct expected *e = to;
    struct row_withdrawal row;
    enum tide_err err = must_exist(withdrawal_get(a->state, withdrawal, &row));
    if (!err) e->held += row.amount;
    return err;
}

/* An issuer has in escrow what is still out of its programmes, open or ended. */
static enum tide_err add_programmes(const struct audit *a, struct expected *e)
{
    uint8_t key[16];
    struct row_account issued;
    enum tide_err err;
    key_u64_u64(key, e->party, 0);
    for (bool after = false; !(err = state_next(a->state, TABLE_PROGRAMME_OF, key, 8, after, NULL)); after = true) {
        err = account_get(a->state, MARKET_PARTY, be64_get(key + 8), &issued);
        if (err) return err;
        e->escrow += (uint64_t)-issued.issued;
    }
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

static enum tide_err expect(const struct audit *a, uint64_t party, uint64_t asset, struct expected *e)
{
    *e = (struct expected){.party = party, .asset = asset};
    enum tide_err err = audit_walk(a, TABLE_ORDER_OF, party, 0, add_order, e);
    if (!err) err = audit_walk(a, TABLE_TRADE_OF, party, 0, add_trade, e);
    if (err || asset != ASSET_CNY) return err;
    err = audit_walk(a, TABLE_TRADE_OF, party, 1, add_locked, e);
    if (!err) err = audit_walk(a, TABLE_WITHDRAWAL_OF, party, 0, add_withdrawal, e);
    return err ? err : add_programmes(a, e);
}

static enum tide_err compare(const struct audit *a, const struct row_account *row, const struct expected *e)
{
    unsigned long long n = e->party, of = e->asset;
    if (row->held != e->held)
        return audit_failed(a, "party %llu, asset %llu: %llu held, %llu by its bids, withdrawals and bonds", n, of,
                            (unsigned long long)row->held, (unsigned long long)e->held);
    if (row->escrow != e->escrow)
        return audit_failed(a, "party %llu, asset %llu: %llu in escrow, %llu by its trades and programmes", n, of,
                            (unsigned long long)row->escrow, (unsigned long long)e->escrow);
    if (row->locked != e->locked)
        return audit_failed(a, "party %llu: %llu locked, %llu by its trades", n, (unsigned long long)row->locked,
                            (unsigned long long)e->locked);
    return TIDE_OK;
}

/* Whoever has something available of a programme is among those who give it back at its end. */
static enum tide_err check_holder(const struct audit *a, uint64_t party, uint64_t programme, uint64_t available)
{
    uint8_t key[16];
    if (available == 0) return TIDE_OK;
    key_u64_u64(key, programme, party);
    enum tide_err err = state_get(a->state, TABLE_VOUCHER, key, NULL);
    return err != TIDE_ENOTFOUND ? err : audit_failed(a, "party %llu has of programme %llu, but was not given of it",
                                                      (unsigned long long)party, (unsigned long long)programme);
}

/* Each voucher account, and that there is one for all that orders and trades name. */
static enum tide_err check_vouchers(const struct audit *a, uint64_t party)
{
    uint8_t key[16];
    struct row_account row, all;
    struct expected e;
    enum tide_err err;
    memset(&all, 0, sizeof all);
    key_u64_u64(key, party, ASSET_CNY + 1);
    for (bool after = false; !(err = state_next(a->state, TABLE_ACCOUNT, key, 8, after, &row)); after = true) {
        uint64_t programme = be64_get(key + 8);
        err = expect(a, party, programme, &e);
        if (!err) err = compare(a, &row, &e);
        if (!err) err = check_holder(a, party, programme, row.available);
        if (err) return err;
        all.held += row.held;
        all.escrow += row.escrow;
    }
    if (err != TIDE_ENOTFOUND) return err;
    err = expect(a, party, ALL_VOUCHERS, &e);
    return err ? err : compare(a, &all, &e);
}

static enum tide_err check_parties(const struct audit *a)
{
    uint8_t key[8] = {0};
    struct row_account row;
    struct expected e;
    enum tide_err err;
    for (bool after = false; !(err = state_next(a->state, TABLE_PARTY, key, 0, after, NULL)); after = true) {
        uint64_t party = be64_get(key);
        if (party == MARKET_PARTY) continue;
        err = account_get(a->state, party, ASSET_CNY, &row);
        if (!err) err = expect(a, party, ASSET_CNY, &e);
        if (!err) err = compare(a, &row, &e);
        if (!err) err = check_vouchers(a, party);
        if (err) return err;
    }
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

enum tide_err market_audit(struct state_view *state, char *why, size_t why_len)
{
    const struct audit a = {state, why, why_len};
    if (why_len > 0) why[0] = 0;
    enum tide_err err = check_assets(&a);
    if (!err) err = check_parties(&a);
    if (!err) err = audit_rows(&a);
    if (!err) err = audit_listings(&a);
    if (err && why_len > 0 && why[0] == 0) snprintf(why, why_len, "reading the state: %s", tide_err_text(err));
    return err;
}
