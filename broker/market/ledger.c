/*
 * Money: postings, accounts, and the entries of what each party came to own.
 *
 * Always holds: every event's postings sum to zero for each asset; no balance of a party is ever below zero or above
 * LIMIT_AMOUNT; money that a party only moves between its own accounts leaves no entry.
 * Not here: when money moves (bank.c, order.c, order_close.c, book.c, voucher.c, settlement.c), the sum over everything (audit.c).
 */
#include <pthread.h>
#include <stdio.h>

#include "broker/market/law.h"

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

/* Where each kind's body has its postings: the field of that name in its table. 0: the kind has none. */
#define KINDS_END 160
static size_t postings_at[KINDS_END];
static pthread_once_t postings_once = PTHREAD_ONCE_INIT;
#define KIND_IS_IN_TABLE(NAME, member, number, doc) _Static_assert((number) < KINDS_END, #member);
EVENTS(KIND_IS_IN_TABLE)

static void find_postings(void)
{
    for (size_t i = 0; i < n_all_schemas; i++) {
        const struct field *field = fields_find(all_schemas[i], "postings");
        if (!field) continue;
        ASSERT(field->type == FIELD_LIST && field->sub == &schema_posting && field->offset > 0);
        postings_at[all_schemas[i]->kind] = field->offset;
    }
}

const struct list *event_postings(uint64_t kind, const void *body)
{
    pthread_once(&postings_once, find_postings);
    size_t at = kind < KINDS_END ? postings_at[kind] : 0;
    return at > 0 ? (const struct list *)((const char *)body + at) : NULL;
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
        case ACCOUNT_FEES: return p->asset == ASSET_CNY && move_i64(&row->fees, p->amount) && row->fees >= 0;
        case ACCOUNT_FLOAT: return p->asset == ASSET_CNY && move_i64(&row->floats, p->amount) && row->floats <= 0;
        case ACCOUNT_ISSUED: return p->asset != ASSET_CNY && move_i64(&row->issued, p->amount) && row->issued <= 0;
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

/* What a party owns; of the market, its fees. Each part is within 2^53. */
static uint64_t owned(const struct row_account *row, bool is_market)
{
    return is_market ? (uint64_t)row->fees : row->available + row->held + row->escrow;
}

static enum tide_err put_entry(struct fold *f, uint64_t kind, uint64_t party, uint64_t asset, uint64_t before,
                               uint64_t after)
{
    const struct row_entry row = {f->time_ms, kind, f->cause, after, (int64_t)after - (int64_t)before};
    uint8_t key[24];
    if (before == after) return TIDE_OK;
    key_u64_u64_u64(key, party, asset, f->index);
    return state_put(f->state, TABLE_ENTRY, key, &row);
}

/* All postings from the first on that are to the same party's account of the same asset. */
static enum tide_err fold_account(struct fold *f, uint64_t kind, const struct posting *items, const uint64_t *parties,
                                  size_t first, size_t n)
{
    const uint64_t party = parties[first], asset = items[first].asset;
    const bool is_market = party == MARKET_PARTY;
    struct row_account row;
    uint8_t key[16];
    enum tide_err err = account_get(f->state, party, asset, &row);
    if (err) return err;
    uint64_t before = owned(&row, is_market);
    for (size_t i = first; i < n; i++)
        if (parties[i] == party && items[i].asset == asset && !account_move(&row, is_market, &items[i]))
            return TIDE_EDAMAGED;
    key_u64_u64(key, party, asset);
    err = state_put(f->state, TABLE_ACCOUNT, key, &row);
    return err ? err : put_entry(f, kind, party, asset, before, owned(&row, is_market));
}

static bool seen_before(const struct posting *items, const uint64_t *parties, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (parties[j] == parties[i] && items[j].asset == items[i].asset) return true;
    return false;
}

/* By the parties' numbers: one event may name a party by the key it had at a trade and by the one it has now. */
enum tide_err fold_postings(struct fold *f, uint64_t kind, const struct list *postings)
{
    const struct posting *items = postings->items;
    uint64_t parties[LIMIT_POSTINGS];
    if (postings->n > LIMIT_POSTINGS || !postings_balance(postings)) return TIDE_EDAMAGED;
    for (size_t i = 0; i < postings->n; i++) {
        enum tide_err err = fold_party(f, items[i].party, &parties[i]);
        if (err) return err;
    }
    for (size_t i = 0; i < postings->n; i++) {
        if (seen_before(items, parties, i)) continue;
        enum tide_err err = fold_account(f, kind, items, parties, i, postings->n);
        if (err) return err;
    }
    return TIDE_OK;
}
