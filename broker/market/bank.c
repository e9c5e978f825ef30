/*
 * The bank: how money comes into the market, and how it leaves.
 *
 * Always holds: a bank's reference is counted once, for deposits and payouts together; all that parties own together is
 * what the bank holds, at most LIMIT_AMOUNT, so that no balance can overflow; a withdrawal's money is held until it is
 * paid or came back.
 * Not here: postings and accounts (ledger.c), what of it is locked (settlement.c).
 */
#include "broker/market/law.h"
#include "crypto/hash.h"

/* A reference is the bank's own, whichever key it signs with: two banks may use the same one. */
static void reference_key(uint64_t bank, struct bytes reference, uint8_t key[32])
{
    uint8_t number[8];
    const struct bytes parts[] = {BYTES(number, sizeof number), reference};
    be64_put(number, bank);
    sha256_parts(parts, ARRAY_LEN(parts), key);
}

static enum tide_err check_reference(struct hearing *h, struct bytes reference)
{
    uint8_t key[32];
    struct row_ref earlier;
    reference_key(h->party, reference, key);
    enum tide_err err = state_get(h->state, TABLE_REFERENCE, key, &earlier);
    if (err == TIDE_ENOTFOUND) return TIDE_OK;
    return err ? err : refuse_because(h, OUTCOME_REFERENCE_USED, "record %llu counted it",
                                      (unsigned long long)earlier.index);
}

/* What the bank holds bounds every balance. */
static enum tide_err check_float(struct hearing *h, uint64_t amount)
{
    struct row_account market;
    enum tide_err err = account_get(h->state, MARKET_PARTY, ASSET_CNY, &market);
    if (err) return err;
    if ((uint64_t)-market.floats + amount <= LIMIT_AMOUNT) return TIDE_OK;
    return refuse_because(h, OUTCOME_TOO_MANY, "the market's money would exceed 2^53 fen");
}

enum tide_err decide_deposit(struct hearing *h)
{
    const struct body_deposit *deposit = h->cause->statement.body;
    uint64_t number;
    struct row_party row;
    enum tide_err err = party_by_key(h->state, deposit->party, &number, &row);
    if (err && err != TIDE_ENOTFOUND) return err;
    if (err || number == MARKET_PARTY) return refuse(h, OUTCOME_NO_SUCH_PARTY);
    if (same_group(h->party, &h->speaker, number, &row)) return refuse(h, OUTCOME_OWN_GROUP);
    PASS(h, check_reference(h, deposit->reference));
    PASS(h, check_float(h, deposit->amount));

    struct body_deposited *e = EVENT(h, DEPOSITED, deposited);
    if (!e) return TIDE_ENOMEM;
    memcpy(e->party, row.key, 32);
    memcpy(e->bank, h->speaker.key, 32);
    e->amount = deposit->amount;
    e->reference = deposit->reference;
    err = postings_new(h, &e->postings, 2);
    if (err) return err;
    posting_add(&e->postings, NULL, ACCOUNT_FLOAT, ASSET_CNY, -(int64_t)deposit->amount);
    posting_add(&e->postings, row.key, ACCOUNT_AVAILABLE, ASSET_CNY, (int64_t)deposit->amount);
    return TIDE_OK;
}

static enum tide_err put_reference(struct fold *f, const uint8_t bank[32], struct bytes reference)
{
    const struct row_ref ref = {f->index};
    uint64_t number;
    uint8_t key[32];
    enum tide_err err = fold_party(f, bank, &number);
    if (err) return err;
    reference_key(number, reference, key);
    return state_put(f->state, TABLE_REFERENCE, key, &ref);
}

enum tide_err apply_deposited(struct fold *f, const struct body_deposited *e)
{
    return put_reference(f, e->bank, e->reference);
}

/* ---- withdrawals ---- */

/* While a change of the party's keys is announced, none of its money leaves: the key may be in the wrong hands. */
static enum tide_err check_frozen(struct hearing *h, uint64_t party)
{
    struct row_rekey rekey;
    uint8_t key[8];
    key_u64(key, party);
    enum tide_err err = state_get(h->state, TABLE_REKEY, key, &rekey);
    if (err) return err == TIDE_ENOTFOUND ? TIDE_OK : err;
    return refuse(h, OUTCOME_WITHDRAWALS_FROZEN);
}

/* What is locked can be traded with; once spent, nothing of it is left to hold back. */
static enum tide_err check_free(struct hearing *h, uint64_t amount)
{
    struct row_account row;
    char have[MONEY_TEXT_MAX], locked[MONEY_TEXT_MAX];
    enum tide_err err = account_get(h->state, h->party, ASSET_CNY, &row);
    if (err) return err;
    uint64_t free = row.available > row.locked ? row.available - row.locked : 0;
    if (free >= amount) return TIDE_OK;
    return refuse_because(h, OUTCOME_NO_FUNDS, "%s CNY available, of which %s are locked still",
                          money_text(row.available, have), money_text(row.locked, locked));
}

enum tide_err decide_withdraw(struct hearing *h)
{
    const struct body_withdraw *withdraw = h->cause->statement.body;
    PASS(h, check_free(h, withdraw->amount));
    if (text_has_control(withdraw->destination)) return refuse(h, OUTCOME_BAD_TEXT);
    PASS(h, check_frozen(h, h->party));

    struct body_withdrawn *e = EVENT(h, WITHDRAWN, withdrawn);
    if (!e) return TIDE_ENOMEM;
    memcpy(e->party, h->speaker.key, 32);
    e->amount = withdraw->amount;
    e->destination = withdraw->destination;
    enum tide_err err = postings_new(h, &e->postings, 2);
    if (err) return err;
    posting_add(&e->postings, e->party, ACCOUNT_AVAILABLE, ASSET_CNY, -(int64_t)e->amount);
    posting_add(&e->postings, e->party, ACCOUNT_HELD, ASSET_CNY, (int64_t)e->amount);
    return TIDE_OK;
}

/* The party's list and that of all: 0 held, 1 done. */
static enum tide_err put_withdrawal_of(struct fold *f, uint64_t withdrawal, uint64_t party, uint8_t done)
{
    const struct row_none none = {0};
    const uint64_t lists[] = {party, MARKET_PARTY};
    enum tide_err err = TIDE_OK;
    for (size_t i = 0; !err && i < ARRAY_LEN(lists); i++) {
        uint8_t key[17];
        key_u64_u8_u64(key, lists[i], 0, withdrawal);
        if (done) err = must_exist(state_del(f->state, TABLE_WITHDRAWAL_OF, key));
        key_u64_u8_u64(key, lists[i], done, withdrawal);
        if (!err) err = state_put(f->state, TABLE_WITHDRAWAL_OF, key, &none);
    }
    return err;
}

enum tide_err apply_withdrawn(struct fold *f, const struct body_withdrawn *e)
{
    struct row_withdrawal row;
    memset(&row, 0, sizeof row);
    enum tide_err err = fold_party(f, e->party, &row.party);
    if (err) return err;
    row.amount = e->amount;
    row.state = withdrawal_transition(WITHDRAWAL_NONE, KIND_WITHDRAWN, 0)->to;
    row.requested_at = f->time_ms;
    row_text_set(row.destination, sizeof row.destination, e->destination);
    err = withdrawal_put(f, f->index, &row);
    return err ? err : put_withdrawal_of(f, f->index, row.party, 0);
}

/* ---- payouts ---- */

static enum tide_err emit_paid_out(struct hearing *h, const struct body_payout *payout, const struct row_party *party,
                                   uint64_t amount)
{
    struct body_paid_out *e = EVENT(h, PAID_OUT, paid_out);
    if (!e) return TIDE_ENOMEM;
    e->withdrawal = payout->withdrawal;
    e->result = payout->result;
    memcpy(e->bank, h->speaker.key, 32);
    e->reference = payout->reference;
    enum tide_err err = postings_new(h, &e->postings, 2);
    if (err) return err;
    posting_add(&e->postings, party->key, ACCOUNT_HELD, ASSET_CNY, -(int64_t)amount);
    if (payout->result == PAYOUT_PAID) posting_add(&e->postings, NULL, ACCOUNT_FLOAT, ASSET_CNY, (int64_t)amount);
    else posting_add(&e->postings, party->key, ACCOUNT_AVAILABLE, ASSET_CNY, (int64_t)amount);
    return TIDE_OK;
}

enum tide_err decide_payout(struct hearing *h)
{
    const struct body_payout *payout = h->cause->statement.body;
    struct row_withdrawal row;
    struct row_party party;
    enum tide_err err = withdrawal_get(h->state, payout->withdrawal, &row);
    if (err == TIDE_ENOTFOUND) return refuse(h, OUTCOME_NO_SUCH_WITHDRAWAL);
    if (!err) err = must_exist(party_by_number(h->state, row.party, &party));
    if (err) return err;
    if (same_group(h->party, &h->speaker, row.party, &party)) return refuse(h, OUTCOME_OWN_GROUP);
    if (!withdrawal_transition(row.state, KIND_PAID_OUT, payout->result))
        return refuse_because(h, OUTCOME_WRONG_STATE, "withdrawal %llu is %s", (unsigned long long)payout->withdrawal,
                              names_withdrawal_state[row.state]);
    PASS(h, check_reference(h, payout->reference));
    if (payout->result == PAYOUT_PAID) PASS(h, check_frozen(h, row.party));
    return emit_paid_out(h, payout, &party, row.amount);
}

enum tide_err apply_paid_out(struct fold *f, const struct body_paid_out *e)
{
    struct row_withdrawal row;
    enum tide_err err = must_exist(withdrawal_get(f->state, e->withdrawal, &row));
    if (err) return err;
    const struct transition *t = withdrawal_transition(row.state, KIND_PAID_OUT, e->result);
    if (!t) return TIDE_EDAMAGED;
    row.state = t->to;
    row.done_record = f->index;
    err = put_reference(f, e->bank, e->reference);
    if (!err) err = withdrawal_put(f, e->withdrawal, &row);
    return err ? err : put_withdrawal_of(f, e->withdrawal, row.party, 1);
}
