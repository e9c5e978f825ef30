/*
 * The bank's deposits: how money comes into the market.
 *
 * Always holds: a bank's reference is counted once; all that parties own together is what the bank holds, at most
 * LIMIT_AMOUNT, so that no balance can overflow.
 * Not here: postings and accounts (ledger.c).
 */
#include "broker/market/law.h"
#include "crypto/hash.h"

/* A reference is the bank's own: two banks may use the same one. */
static void reference_key(const uint8_t bank[32], struct bytes reference, uint8_t key[32])
{
    const struct bytes parts[] = {BYTES(bank, 32), reference};
    sha256_parts(parts, ARRAY_LEN(parts), key);
}

static enum tide_err check_reference(struct hearing *h, const struct body_deposit *deposit)
{
    uint8_t key[32];
    struct row_ref earlier;
    reference_key(h->cause->statement.party, deposit->reference, key);
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
    PASS(h, check_reference(h, deposit));
    PASS(h, check_float(h, deposit->amount));

    struct body_deposited *e = EVENT(h, DEPOSITED, deposited);
    if (!e) return TIDE_ENOMEM;
    memcpy(e->party, deposit->party, 32);
    memcpy(e->bank, h->cause->statement.party, 32);
    e->amount = deposit->amount;
    e->reference = deposit->reference;
    err = postings_new(h, &e->postings, 2);
    if (err) return err;
    posting_add(&e->postings, NULL, ACCOUNT_FLOAT, ASSET_CNY, -(int64_t)deposit->amount);
    posting_add(&e->postings, deposit->party, ACCOUNT_AVAILABLE, ASSET_CNY, (int64_t)deposit->amount);
    return TIDE_OK;
}

enum tide_err apply_deposited(struct fold *f, const struct body_deposited *e)
{
    const struct row_ref ref = {f->index};
    uint8_t key[32];
    reference_key(e->bank, e->reference, key);
    return state_put(f->state, TABLE_REFERENCE, key, &ref);
}
