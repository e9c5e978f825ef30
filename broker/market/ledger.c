/*
 * Money: postings, accounts, the bank's deposits.
 *
 * Always holds: every event's postings sum to zero for each asset; no balance of a party is ever below zero; all that
 * parties own together is what the bank holds, at most LIMIT_AMOUNT, so that no balance can overflow.
 * Not here: when money moves (order.c, book.c, settlement.c), the sum over everything (audit.c).
 */
#include <stdio.h>

#include "broker/market/law.h"
#include "crypto/hash.h"

static const uint8_t nobody[32];

const char *money_text(uint64_t fen, char text[MONEY_TEXT_MAX])
{
    snprintf(text, MONEY_TEXT_MAX, "%llu.%02u", (unsigned long long)(fen / 100), (unsigned)(fen % 100));
    return text;
}

/* ---- postings ---- */

enum tide_err postings_new(struct hearing *h, struct list *list, size_t room)
{
    list->n = 0;
    list->items = arena_calloc(h->arena, room, sizeof(struct posting));
    return list->items ? TIDE_OK : TIDE_ENOMEM;
}

void posting_add(struct list *list, const uint8_t party[32], enum account account, uint64_t asset, int64_t amount)
{
    if (amount == 0) return;
    struct posting *p = (struct posting *)list->items + list->n++;
    memcpy(p->party, party ? party : nobody, 32);
    p->account = account;
    p->asset = asset;
    p->amount = amount;
}

const struct list *event_postings(uint64_t kind, const void *body)
{
    switch (kind) {
    case KIND_DEPOSITED: return &((const struct body_deposited *)body)->postings;
    case KIND_PLACED: return &((const struct body_placed *)body)->postings;
    case KIND_TRADED: return &((const struct body_traded *)body)->postings;
    case KIND_ORDER_CLOSED: return &((const struct body_order_closed *)body)->postings;
    case KIND_SETTLED: return &((const struct body_settled *)body)->postings;
    case KIND_REFUNDED: return &((const struct body_refunded *)body)->postings;
    default: return NULL;
    }
}

bool postings_balance(const struct list *list)
{
    const struct posting *items = list->items;
    for (size_t i = 0; i < list->n; i++) {
        __int128 sum = 0;
        for (size_t j = 0; j < list->n; j++)
            if (items[j].asset == items[i].asset) sum += items[j].amount;
        if (sum != 0) return false;
    }
    return true;
}

/* ---- accounts ---- */

enum tide_err account_get(struct state_view *state, uint64_t party, uint64_t asset, struct row_account *row)
{
    uint8_t key[16];
    key_u64_u64(key, party, asset);
    enum tide_err err = state_get(state, TABLE_ACCOUNT, key, row);
    return err == TIDE_ENOTFOUND ? TIDE_OK : err; /* state_get cleared the row: nothing yet */
}

static bool move_u64(uint64_t *balance, int64_t amount)
{
    int64_t sum = (int64_t)*balance + amount; /* both are within 2^53 */
    if (sum < 0 || sum > (int64_t)LIMIT_AMOUNT) return false;
    *balance = (uint64_t)sum;
    return true;
}

static bool move_i64(int64_t *balance, int64_t amount)
{
    int64_t sum = *balance + amount;
    if (sum < -(int64_t)LIMIT_AMOUNT || sum > (int64_t)LIMIT_AMOUNT) return false;
    *balance = sum;
    return true;
}

/* Accounts of parties and those of the market are different ones. */
static bool account_move(struct row_account *row, bool is_market, const struct posting *p)
{
    if (is_market) {
        switch (p->account) {
        case ACCOUNT_FEES: return move_i64(&row->fees, p->amount) && row->fees >= 0;
        case ACCOUNT_FLOAT: return move_i64(&row->floats, p->amount) && row->floats <= 0;
        default: return false;
        }
    }
    switch (p->account) {
    case ACCOUNT_AVAILABLE: return move_u64(&row->available, p->amount);
    case ACCOUNT_HELD: return move_u64(&row->held, p->amount);
    case ACCOUNT_ESCROW: return move_u64(&row->escrow, p->amount);
    default: return false;
    }
}

/* Neighbours of one account are written together. */
enum tide_err fold_postings(struct fold *f, const struct list *postings)
{
    const struct posting *items = postings->items;
    if (!postings_balance(postings)) return TIDE_EDAMAGED;
    for (size_t i = 0; i < postings->n;) {
        const struct posting *first = &items[i];
        struct row_account row;
        uint64_t party;
        uint8_t key[16];
        enum tide_err err = fold_party(f, first->party, &party);
        if (!err) err = account_get(f->state, party, first->asset, &row);
        if (err) return err;
        for (; i < postings->n && items[i].asset == first->asset && memcmp(items[i].party, first->party, 32) == 0; i++)
            if (!account_move(&row, party == MARKET_PARTY, &items[i])) return TIDE_EDAMAGED;
        key_u64_u64(key, party, first->asset);
        err = state_put(f->state, TABLE_ACCOUNT, key, &row);
        if (err) return err;
    }
    return TIDE_OK;
}

/* ---- deposits ---- */

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
