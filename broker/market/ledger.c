/*
 * Money: postings and accounts.
 *
 * Always holds: every event's postings sum to zero for each asset; no balance of a party is ever below zero or above
 * LIMIT_AMOUNT.
 * Not here: when money moves (bank.c, order.c, book.c, settlement.c), the sum over everything (audit.c).
 */
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
