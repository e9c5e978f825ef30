/*
 * A party's money: what it has of each asset, and the statement of account, entry by entry.
 *
 * Always holds: an account is shown to its party, to operators and to regulators, the market's fees only to the
 * latter two. A page's opening, its entries and its closing add up: every entry has the balance after it.
 */
#include "broker/server/query_internal.h"

/* ---- balances ---- */

/* What an asset is called. */
static enum tide_err asset_name(struct query *q, uint64_t asset, struct bytes *out)
{
    struct row_programme programme;
    uint8_t key[8];

    *out = BYTES_TEXT("CNY");
    if (asset == 0) return TIDE_OK;
    key_u64(key, asset);
    enum tide_err err = state_get(q->source->view, TABLE_PROGRAMME, key, &programme);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
    *out = QUERY_TEXT(q, programme.name);
    return TIDE_OK;
}

enum tide_err query_balances(struct query *q)
{
    uint8_t key[16];
    struct row_account account;
    struct page page;
    struct body_balance out = {.name = BYTES_TEXT("CNY")};
    enum tide_err err;

    struct body_r_balances *body = query_body(q, sizeof *body);
    if (body == NULL || !page_init(q, &page, &schema_balance, LIMIT_PAGE)) return TIDE_ENOMEM;
    key_u64_u64(key, q->peer->number, 0);
    for (bool after = false;; after = true) {
        err = state_next(q->source->view, TABLE_ACCOUNT, key, 8, after, &account);
        if (err != TIDE_OK) break;
        /* Who never had money still has a CNY account: an empty one. */
        if (be64_get(key + 8) != 0 && page.list.n == 0 && !page_add(&page, &out)) return TIDE_ENOMEM;
        out = (struct body_balance){
            .asset = be64_get(key + 8), .available = account.available, .held = account.held,
            .escrow = account.escrow, .locked = account.locked,
        };
        err = asset_name(q, out.asset, &out.name);
        if (err != TIDE_OK) return err;
        if (!page_add(&page, &out)) break;
    }
    if (err != TIDE_OK && err != TIDE_ENOTFOUND) return err;
    if (page.list.n == 0 && !page_add(&page, &out)) return TIDE_ENOMEM;
    body->balances = page.list;
    return TIDE_OK;
}

/* ---- the statement of account ---- */

#define ENTRY_KEY_BYTES 24
#define ENTRY_PREFIX_BYTES 16 /* party number, asset */

struct account_walk {
    struct query *q;
    uint64_t party, asset;
    uint8_t key[ENTRY_KEY_BYTES];
};

/* The first entry of record `from` or later. */
static enum tide_err entry_at(struct account_walk *walk, uint64_t from, struct row_entry *row)
{
    key_u64_u64_u64(walk->key, walk->party, walk->asset, from);
    return state_next(walk->q->source->view, TABLE_ENTRY, walk->key, ENTRY_PREFIX_BYTES, false, row);
}

/* The lowest record from which on all entries are of `time_ms` or later: time never falls from record to record. */
static enum tide_err record_of_time(struct account_walk *walk, uint64_t time_ms, uint64_t *out)
{
    struct row_entry row;
    uint64_t low = 0, high;

    enum tide_err err = state_applied(walk->q->source->view, &high);
    if (err != TIDE_OK) return err;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        err = entry_at(walk, middle, &row);
        if (err != TIDE_OK && err != TIDE_ENOTFOUND) return err;
        if (err == TIDE_ENOTFOUND || row.time_ms >= time_ms) high = middle;
        else low = be64_get(walk->key + ENTRY_PREFIX_BYTES) + 1;
    }
    *out = low;
    return TIDE_OK;
}

/* What was owned before record `from`. */
static enum tide_err balance_before(struct account_walk *walk, uint64_t from, uint64_t *out)
{
    struct row_entry row;

    key_u64_u64_u64(walk->key, walk->party, walk->asset, from);
    enum tide_err err =
        state_prev(walk->q->source->view, TABLE_ENTRY, walk->key, ENTRY_PREFIX_BYTES, true, &row);
    *out = row.balance; /* cleared if there is none */
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

/* The trade, withdrawal or programme that an event is about; 0: none. */
static uint64_t subject_of(uint64_t index, const struct event *event)
{
    const void *body = event->body;

    switch (event->kind) {
    case KIND_TRADED:
    case KIND_WITHDRAWN:
    case KIND_PROGRAMME_OPENED: return index;
    case KIND_SETTLED: return ((const struct body_settled *)body)->trade;
    case KIND_REFUNDED: return ((const struct body_refunded *)body)->trade;
    case KIND_CLAIMED: return ((const struct body_claimed *)body)->trade;
    case KIND_PAID_OUT: return ((const struct body_paid_out *)body)->withdrawal;
    case KIND_GIVEN: return ((const struct body_given *)body)->programme;
    case KIND_VOUCHER_RETURNED: return ((const struct body_voucher_returned *)body)->programme;
    default: return 0;
    }
}

static enum tide_err entry_row_fill(struct query *q, uint64_t index, const struct row_entry *row,
                                    struct body_entry_row *out)
{
    struct query_event event;

    arena_reset(q->scratch);
    enum tide_err err = query_read_event(q, index, q->scratch, &event);
    if (err == TIDE_ENOTFOUND || (err == TIDE_OK && event.event.kind != row->kind)) {
        return query_damaged_record(q, index);
    }
    if (err != TIDE_OK) return err;
    *out = (struct body_entry_row){
        .index = index, .time_ms = row->time_ms, .what = BYTES_TEXT(schema_of_kind(row->kind)->name),
        .subject = subject_of(index, &event.event), .amount = row->amount, .balance = row->balance,
    };
    return TIDE_OK;
}

/* Entries from record `from` on, up to the period's end, the page's, or that of the work allowed. */
static enum tide_err fill_page(struct account_walk *walk, uint64_t from, uint64_t to_ms, struct page *page,
                               struct body_r_account *body)
{
    struct row_entry row;
    struct body_entry_row out;
    struct query *q = walk->q;

    enum tide_err err = entry_at(walk, from, &row);
    while (err == TIDE_OK && (to_ms == 0 || row.time_ms < to_ms)) {
        uint64_t index = be64_get(walk->key + ENTRY_PREFIX_BYTES);
        bool full = page->list.n == page->max_rows || q->read_bytes > QUERY_READ_BYTES;
        if (!full) {
            err = entry_row_fill(q, index, &row, &out);
            if (err != TIDE_OK) return err;
        }
        if (full || !page_add(page, &out)) {
            body->after = ((const struct body_entry_row *)page->list.items)[page->list.n - 1].index;
            break;
        }
        body->closing = row.balance;
        err = state_next(q->source->view, TABLE_ENTRY, walk->key, ENTRY_PREFIX_BYTES, true, &row);
    }
    body->entries = page->list;
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

/* Whose account is asked for. *refused: the reply is filled. */
static enum tide_err account_owner(struct query *q, const struct body_q_account *ask, uint64_t *number, bool *refused)
{
    static const uint8_t absent[32];
    struct row_party party;
    bool may_see_all = query_peer_is(q, ROLE_OPERATOR | ROLE_REGULATOR);

    *refused = true;
    *number = ask->market ? 0 : q->peer->number;
    if (ask->market && !may_see_all) return query_refuse(q, OUTCOME_NOT_YOUR_ROLE, NULL);
    if (!ask->market && memcmp(ask->party, absent, 32) != 0) {
        enum tide_err err = party_by_key(q->source->view, ask->party, number, &party);
        if (err != TIDE_OK && err != TIDE_ENOTFOUND) return err;
        bool own = err == TIDE_OK && *number == q->peer->number;
        if (!own && !may_see_all) return query_refuse(q, OUTCOME_NOT_YOURS, NULL);
        if (err == TIDE_ENOTFOUND || *number == 0) return query_refuse(q, OUTCOME_NO_SUCH_PARTY, NULL);
    }
    *refused = false;
    return TIDE_OK;
}

enum tide_err query_account(struct query *q)
{
    const struct body_q_account *ask = q->request->body;
    struct account_walk walk = {.q = q, .asset = ask->asset};
    struct page page;
    uint64_t from = 0;
    bool refused;

    enum tide_err err = account_owner(q, ask, &walk.party, &refused);
    if (err != TIDE_OK || refused) return err;
    struct body_r_account *body = query_body(q, sizeof *body);
    if (body == NULL || !page_init(q, &page, &schema_entry_row, ask->limit)) return TIDE_ENOMEM;
    if (ask->from != 0) err = record_of_time(&walk, ask->from, &from);
    if (err == TIDE_OK && ask->after != 0 && ask->after + 1 > from) from = ask->after + 1;
    if (err == TIDE_OK) err = balance_before(&walk, from, &body->opening);
    body->closing = body->opening;
    return err == TIDE_OK ? fill_page(&walk, from, ask->to, &page, body) : err;
}
