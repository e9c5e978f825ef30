/*
 * The audit's indexes: of orders, trades, withdrawals, disputes and claims, the book, and the deadlines.
 *
 * Always holds (or TIDE_EDAMAGED says where not): every row is in its indexes under what it is now, and nothing else is
 * there; a trade that is open has one key among the deadlines, or waits in `parked`, or for a verdict, or its claim is
 * overdue.
 * Not here: money (audit.c), what is kept of listings (audit_listings.c).
 */
#include "broker/market/audit_walk.h"

/* What the rows themselves come to. */
struct tally {
    uint64_t party;   /* whose lists are walked */
    uint64_t flag;    /* 0 open, 1 not */
    uint64_t n_resting, n_expiring;
    uint64_t n_orders, n_trades, n_withdrawals; /* in the lists of parties; a trade is in two */
    uint64_t n_waiting, n_parked, n_claims, n_disputes, n_locked;
};

/* ---- parties' lists ---- */

static enum tide_err count_order(const struct audit *a, uint64_t order, void *to)
{
    struct tally *t = to;
    struct row_order row;
    enum tide_err err = order_get(a->state, order, &row);
    if (err) return err;
    if (row.party != t->party || row.closed != t->flag || (row.closed && row.resting))
        return audit_failed(a, "order %llu is in a wrong list of party %llu", (unsigned long long)order,
                            (unsigned long long)t->party);
    t->n_orders++;
    t->n_resting += row.resting;
    t->n_expiring += !row.closed && row.expires_at > 0;
    return TIDE_OK;
}

static bool is_final(const struct row_trade *row)
{
    return row->state == TRADE_SETTLED || row->state == TRADE_REFUNDED;
}

/* Its deadline stands still, and it is among those that wait for a verdict. */
static enum tide_err check_dispute(const struct audit *a, uint64_t trade, const struct row_trade *row)
{
    uint8_t key[8];
    key_u64(key, trade);
    enum tide_err err = state_get(a->state, TABLE_DISPUTE, key, NULL);
    if (err && err != TIDE_ENOTFOUND) return err;
    if (!err && row->dispute_record != 0 && row->verdict_record == 0 && row->left_ms > 0 && row->due == 0 && !row->parked)
        return TIDE_OK;
    return audit_failed(a, "trade %llu is disputed, but not as one that waits for a verdict", (unsigned long long)trade);
}

static enum tide_err count_trade(const struct audit *a, uint64_t trade, void *to)
{
    struct tally *t = to;
    struct row_trade row;
    enum tide_err err = must_exist(trade_get(a->state, trade, &row));
    if (err) return err;
    if ((row.buyer != t->party && row.vendor != t->party) || is_final(&row) != t->flag ||
        is_final(&row) != (row.final_record != 0))
        return audit_failed(a, "trade %llu is in a wrong list of party %llu", (unsigned long long)trade,
                            (unsigned long long)t->party);
    t->n_trades++;
    if (row.buyer != t->party) return TIDE_OK; /* once */
    t->n_locked += row.locked > 0;
    if (is_final(&row)) return TIDE_OK;
    if (row.state == TRADE_DISPUTED) {
        t->n_disputes++;
        return check_dispute(a, trade, &row);
    }
    t->n_claims += row.state == TRADE_CLAIMED;
    if (row.parked) t->n_parked++;
    else if (!row.overdue) t->n_waiting++;
    return TIDE_OK;
}

static enum tide_err count_withdrawal(const struct audit *a, uint64_t withdrawal, void *to)
{
    struct tally *t = to;
    struct row_withdrawal row;
    enum tide_err err = must_exist(withdrawal_get(a->state, withdrawal, &row));
    if (err) return err;
    if ((t->party != MARKET_PARTY && row.party != t->party) || (row.state != WITHDRAWAL_HELD) != t->flag)
        return audit_failed(a, "withdrawal %llu is in a wrong list of party %llu", (unsigned long long)withdrawal,
                            (unsigned long long)t->party);
    t->n_withdrawals++;
    return TIDE_OK;
}

/* The lists of every party; those of party 0 are of all. */
static enum tide_err count_lists(const struct audit *a, struct tally *t)
{
    uint8_t key[8] = {0};
    enum tide_err err;
    for (bool after = false; !(err = state_next(a->state, TABLE_PARTY, key, 0, after, NULL)); after = true) {
        t->party = be64_get(key);
        for (t->flag = 0; t->flag < 2; t->flag++) {
            uint8_t flag = (uint8_t)t->flag;
            err = audit_walk(a, TABLE_ORDER_OF, t->party, flag, count_order, t);
            if (!err) err = audit_walk(a, TABLE_TRADE_OF, t->party, flag, count_trade, t);
            if (!err) err = audit_walk(a, TABLE_WITHDRAWAL_OF, t->party, flag, count_withdrawal, t);
            if (err) return err;
        }
    }
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

/* ---- the book ---- */

static enum tide_err check_book(const struct audit *a, uint64_t n_resting)
{
    uint8_t key[BOOK_KEY_BYTES] = {0}, expected[BOOK_KEY_BYTES];
    struct row_book book;
    struct row_order row;
    enum tide_err err;
    for (bool after = false; !(err = state_next(a->state, TABLE_BOOK, key, 0, after, &book)); after = true) {
        err = order_get(a->state, book.order, &row);
        if (err) return err;
        key_book(expected, row.listing, row.side, row.price, row.priority);
        if (memcmp(key, expected, sizeof key) != 0 || book.party != row.party || !row.resting || row.closed ||
            (row.left == 0 && !row.unlimited))
            return audit_failed(a, "order %llu lies in the book but does not rest", (unsigned long long)book.order);
    }
    return err == TIDE_ENOTFOUND ? audit_count(a, TABLE_BOOK, n_resting) : err;
}

/* ---- deadlines ---- */

static enum tide_err trade_has_key(const struct audit *a, uint64_t kind, uint64_t at_ms, uint64_t trade, bool *has)
{
    struct row_trade row;
    enum tide_err err = must_exist(trade_get(a->state, trade, &row));
    if (kind == DEADLINE_UNLOCK) *has = row.locked > 0 && row.due_key == at_ms;
    else *has = trade_deadline_of(row.state) == kind && !row.overdue && !row.parked && row.due_key == at_ms;
    return err;
}

/* Whether what the deadline is about waits for it. */
static enum tide_err is_waited_for(const struct audit *a, uint64_t kind, uint64_t at_ms, uint64_t subject, bool *is)
{
    struct row_order order;
    struct row_programme programme;
    struct row_rekey rekey;
    uint8_t key[8];
    enum tide_err err;
    *is = false;
    switch (kind) {
    case DEADLINE_ORDER:
        err = order_get(a->state, subject, &order);
        *is = !order.closed && order.expires_at == at_ms;
        return err;
    case DEADLINE_REKEY:
        key_u64(key, subject);
        err = must_exist(state_get(a->state, TABLE_REKEY, key, &rekey));
        *is = rekey.effective_at == at_ms;
        return err;
    case DEADLINE_PROGRAMME:
        err = must_exist(programme_get(a->state, subject, &programme));
        *is = programme.state == PROGRAMME_OPEN && programme.ends_at == at_ms;
        return err;
    default: return trade_has_key(a, kind, at_ms, subject, is);
    }
}

static enum tide_err count_programmes(const struct audit *a, uint64_t *n_open)
{
    uint8_t key[8] = {0};
    struct row_programme row;
    enum tide_err err;
    *n_open = 0;
    for (bool after = false; !(err = state_next(a->state, TABLE_PROGRAMME, key, 0, after, &row)); after = true)
        *n_open += row.state == PROGRAMME_OPEN;
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

/* Each key is waited for by its subject, which waits for one time only: as many keys as there are that wait. */
static enum tide_err check_deadlines(const struct audit *a, const struct tally *t)
{
    uint8_t key[17] = {0};
    uint64_t n_rekeys, n_programmes;
    bool is;
    enum tide_err err;
    for (bool after = false; !(err = state_next(a->state, TABLE_DEADLINE, key, 0, after, NULL)); after = true) {
        err = is_waited_for(a, key[0], be64_get(key + 1), be64_get(key + 9), &is);
        if (err) return err;
        if (!is) return audit_failed(a, "record %llu does not wait for its deadline of kind %u",
                                     (unsigned long long)be64_get(key + 9), key[0]);
    }
    if (err != TIDE_ENOTFOUND) return err;
    err = state_count(a->state, TABLE_REKEY, &n_rekeys);
    if (!err) err = count_programmes(a, &n_programmes);
    return err ? err : audit_count(a, TABLE_DEADLINE,
                                   t->n_waiting + t->n_expiring + n_rekeys + n_programmes + t->n_locked);
}

static enum tide_err check_parked(const struct audit *a, uint64_t n_parked)
{
    uint8_t key[16] = {0};
    struct row_trade row;
    enum tide_err err;
    for (bool after = false; !(err = state_next(a->state, TABLE_PARKED, key, 0, after, NULL)); after = true) {
        uint64_t trade = be64_get(key + 8);
        err = must_exist(trade_get(a->state, trade, &row));
        if (err) return err;
        if (!row.parked || row.listing != be64_get(key) || is_final(&row))
            return audit_failed(a, "trade %llu does not wait for the end of a halt", (unsigned long long)trade);
    }
    return err == TIDE_ENOTFOUND ? audit_count(a, TABLE_PARKED, n_parked) : err;
}

/* ---- claims ---- */

static enum tide_err check_claims(const struct audit *a, uint64_t n_claims)
{
    uint8_t key[17] = {0};
    struct row_trade row;
    enum tide_err err;
    for (bool after = false; !(err = state_next(a->state, TABLE_CLAIM_OF, key, 0, after, NULL)); after = true) {
        uint64_t party = be64_get(key), trade = be64_get(key + 9);
        err = must_exist(trade_get(a->state, trade, &row));
        if (err) return err;
        if (row.state != TRADE_CLAIMED || key[8] != row.overdue || (party != MARKET_PARTY && party != row.arbiter))
            return audit_failed(a, "trade %llu is in a wrong list of claims", (unsigned long long)trade);
    }
    return err == TIDE_ENOTFOUND ? audit_count(a, TABLE_CLAIM_OF, 2 * n_claims) : err;
}

enum tide_err audit_rows(const struct audit *a)
{
    struct tally t;
    uint64_t n_orders, n_trades, n_withdrawals;
    memset(&t, 0, sizeof t);
    enum tide_err err = count_lists(a, &t);
    if (!err) err = state_count(a->state, TABLE_ORDER, &n_orders);
    if (!err) err = state_count(a->state, TABLE_TRADE, &n_trades);
    if (!err) err = state_count(a->state, TABLE_WITHDRAWAL, &n_withdrawals);
    if (err) return err;
    if (t.n_orders != n_orders || t.n_trades != 2 * n_trades || t.n_withdrawals != 2 * n_withdrawals)
        return audit_failed(a, "an order, trade or withdrawal is not in the lists of its parties");
    err = audit_count(a, TABLE_ORDER_OF, n_orders);
    if (!err) err = audit_count(a, TABLE_TRADE_OF, 2 * n_trades);
    if (!err) err = audit_count(a, TABLE_WITHDRAWAL_OF, 2 * n_withdrawals);
    if (!err) err = check_book(a, t.n_resting);
    if (!err) err = check_deadlines(a, &t);
    if (!err) err = check_parked(a, t.n_parked);
    if (!err) err = audit_count(a, TABLE_DISPUTE, t.n_disputes);
    return err ? err : check_claims(a, t.n_claims);
}
