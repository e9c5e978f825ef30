/* See compare.h. Rows are read through storage/state.h alone; fields that are the market's own way of keeping things
 * (clocks, links, histories) are left out here: what they lead to is compared. Answers: compare_answers.c. */
#include "tests/model/compare_internal.h"

#include <stdlib.h>

unsigned compare_n_differences;

void compare_number(const char *what, uint64_t id, const char *field, uint64_t model, uint64_t market)
{
    if (model != market)
        DIFFER("%s %" PRIu64 ": %s: model %" PRIu64 ", market %" PRIu64, what, id, field, model, market);
}

static void fixed(const char *what, uint64_t id, const char *field, const void *model, const void *market, size_t len)
{
    if (memcmp(model, market, len) != 0) DIFFER("%s %" PRIu64 ": %s: other bytes", what, id, field);
}

static void text(const char *what, uint64_t id, const char *field, struct bytes model, const char *market)
{
    if (strlen(market) != model.len || (model.len > 0 && memcmp(market, model.data, model.len) != 0))
        DIFFER("%s %" PRIu64 ": %s: model \"%.*s\", market \"%s\"", what, id, field, (int)model.len, (const char *)model.data, market);
}

/* ---- rows ---- */
static bool row_of(struct state_view *view, enum table table, const void *key, void *row)
{
    enum tide_err err = state_get(view, table, key, row);
    if (err != TIDE_OK && err != TIDE_ENOTFOUND) DIFFER("table %s: %s", state_table_name(table), tide_err_text(err));
    return err == TIDE_OK;
}

static bool row_by_number(struct state_view *view, enum table table, uint64_t id, void *row)
{
    uint8_t key[8];
    key_u64(key, id);
    if (row_of(view, table, key, row)) return true;
    DIFFER("%s %" PRIu64 " is not in the market", state_table_name(table), id);
    return false;
}

#define SAME(field) compare_number(what, id, #field, x->field, row.field)
#define SAME_BYTES(field) fixed(what, id, #field, x->field, row.field, sizeof row.field)

static void compare_rekey(struct model *m, struct state_view *view, uint64_t id)
{
    const struct model_party *x = model_party(m, id);
    struct row_rekey row;
    uint8_t key[8];
    key_u64(key, id);
    bool there = row_of(view, TABLE_REKEY, key, &row);
    compare_number("party", id, "change of keys announced", x->announced, there);
    if (!there || !x->announced) return;
    compare_number("party", id, "effective_at", x->effective_at, row.effective_at);
    fixed("party", id, "new key", x->next_key, row.new_key, 32);
    fixed("party", id, "new sealing key", x->next_seal_key, row.seal_key, 32);
    fixed("party", id, "new wire key", x->next_wire_key, row.wire_key, 32);
}

static void compare_party(struct model *m, struct state_view *view, uint64_t id)
{
    const char *what = "party";
    const struct model_party *x = model_party(m, id);
    struct row_party row;
    if (!row_by_number(view, TABLE_PARTY, id, &row)) return;
    SAME(roles), SAME(state), SAME(settled), SAME(missed), SAME(faults), SAME(unproven), SAME(n_listings), SAME(stored_bytes);
    SAME_BYTES(key), SAME_BYTES(seal_key), SAME_BYTES(wire_key), SAME_BYTES(card_hash);
    text(what, id, "name", x->name, row.name);
    text(what, id, "group", x->group, row.group);
    text(what, id, "jurisdiction", x->jurisdiction, row.jurisdiction);
    compare_rekey(m, view, id);
}

static void compare_account(struct model *m, struct state_view *view, uint64_t id, uint64_t asset)
{
    struct row_account row;
    char what[64];
    uint8_t key[16];
    key_u64_u64(key, id, asset);
    if (!row_of(view, TABLE_ACCOUNT, key, &row)) memset(&row, 0, sizeof row);
    snprintf(what, sizeof what, "asset %" PRIu64 ", account of", asset);
    compare_number(what, id, "available", (uint64_t)model_balance(m, id, asset, ACCOUNT_AVAILABLE), row.available);
    compare_number(what, id, "held", (uint64_t)model_balance(m, id, asset, ACCOUNT_HELD), row.held);
    compare_number(what, id, "escrow", (uint64_t)model_balance(m, id, asset, ACCOUNT_ESCROW), row.escrow);
    compare_number(what, id, "fees", (uint64_t)model_balance(m, id, asset, ACCOUNT_FEES), (uint64_t)row.fees);
    compare_number(what, id, "float", (uint64_t)model_balance(m, id, asset, ACCOUNT_FLOAT), (uint64_t)row.floats);
    compare_number(what, id, "issued", (uint64_t)model_balance(m, id, asset, ACCOUNT_ISSUED), (uint64_t)row.issued);
    if (asset == 0) compare_number(what, id, "locked", model_locked(m, id), row.locked);
}

static void compare_listing(struct model *m, struct state_view *view, uint64_t id)
{
    const char *what = "listing";
    const struct model_listing *x = model_listing(m, id);
    struct row_listing row;
    if (!row_by_number(view, TABLE_LISTING, id, &row)) return;
    SAME(vendor), SAME(kind), SAME(class), SAME(state), SAME(plaintext_len), SAME(n_chunks), SAME(revises), SAME(revised_by);
    SAME(closed_untraded), SAME(n_trades), SAME(certificate), SAME(samples), SAME(has_last), SAME(last_price);
    compare_number(what, id, "drawn", x->drawn, row.has_seed);
    if (x->drawn) SAME_BYTES(seed);
    SAME(n_open_trades), SAME(stored_bytes), SAME(elsewhere), SAME(detail_len), SAME(sample_record);
    SAME_BYTES(detail_nonce), SAME_BYTES(detail_root), SAME_BYTES(detail_commitment);
    SAME_BYTES(content_root), SAME_BYTES(key_commitment), SAME_BYTES(terms_hash);
    text(what, id, "title", x->title, row.title);
    text(what, id, "jurisdictions", x->jurisdictions, row.jurisdictions);
    text(what, id, "purposes", x->purposes, row.purposes);
}

static void compare_order(struct model *m, struct state_view *view, uint64_t id)
{
    const char *what = "order";
    const struct model_order *x = model_order(m, id);
    struct row_order row;
    if (!row_by_number(view, TABLE_ORDER, id, &row)) return;
    SAME(party), SAME(listing), SAME(side), SAME(type), SAME(tif), SAME(unlimited), SAME(resting), SAME(closed);
    SAME(price), SAME(expires_at), SAME(programme), SAME(post_only);
    SAME_BYTES(recipient);
    if (x->closed) return;
    SAME(left), SAME(budget), SAME(voucher_unit);
    if (x->resting) SAME(priority);
}

/* Whether it waits for a verdict, and what is known of its dispute. */
static void compare_dispute(struct state_view *view, const struct model_trade *x, const struct row_trade *trade)
{
    const char *what = "trade";
    uint64_t id = x->id;
    struct row_trade row = *trade;
    struct row_none waits;
    uint8_t key[8];
    key_u64(key, id);
    compare_number(what, id, "waits for a verdict", x->state == TRADE_DISPUTED, row_of(view, TABLE_DISPUTE, key, &waits));
    SAME(dispute_record), SAME(verdict_record), SAME(finding);
    if (x->state == TRADE_DISPUTED) SAME(left_ms);
}

static void compare_disclosed(struct model *m, struct state_view *view, uint64_t listing, uint64_t party)
{
    struct row_ref row = {0};
    uint8_t key[16];
    uint64_t expected = 0;
    for (size_t i = 0; i < m->n_disclosed; i++) {
        if (m->disclosed[i].listing == listing && m->disclosed[i].party == party) expected = m->disclosed[i].index;
    }
    key_u64_u64(key, listing, party);
    if (!row_of(view, TABLE_DISCLOSED, key, &row)) row.index = 0;
    compare_number("detail part of", listing, "opened by", expected, row.index);
}

static void compare_trade(struct model *m, struct state_view *view, uint64_t id)
{
    const char *what = "trade";
    const struct model_trade *x = model_trade(m, id);
    struct row_trade row;
    if (!row_by_number(view, TABLE_TRADE, id, &row)) return;
    SAME(listing), SAME(bid), SAME(ask), SAME(buyer), SAME(vendor), SAME(price), SAME(quantity), SAME(total), SAME(fee);
    SAME(state), SAME(accept_ms), SAME(programme), SAME(voucher), SAME(locked);
    SAME_BYTES(buyer_key), SAME_BYTES(vendor_key), SAME_BYTES(recipient);
    compare_dispute(view, x, &row);
    if (x->state != TRADE_CLAIMED) return;
    SAME(arbiter), SAME(bond), SAME(overdue);
}

/* When it is due by the market's own reckoning. */
static void compare_due(struct model *m, struct state_view *view, const struct model_trade *x)
{
    struct row_market market;
    struct row_listing listing;
    struct row_trade trade;
    if (market_row(view, &market) != TIDE_OK || !row_by_number(view, TABLE_LISTING, x->listing, &listing)) return;
    if (!row_by_number(view, TABLE_TRADE, x->id, &trade)) return;
    uint64_t expected = 0;
    if (x->deadline != NO_DEADLINE) expected = m->now + (x->due - model_listing_clock(m, model_listing(m, x->listing), m->now));
    compare_number("trade", x->id, "due", expected, market_trade_due(&market, &listing, &trade, m->now));
}

static void compare_withdrawal(struct model *m, struct state_view *view, uint64_t id)
{
    const char *what = "withdrawal";
    const struct model_withdrawal *x = model_withdrawal(m, id);
    struct row_withdrawal row;
    if (!row_by_number(view, TABLE_WITHDRAWAL, id, &row)) return;
    SAME(party), SAME(amount), SAME(state);
}

static void compare_programme(struct model *m, struct state_view *view, uint64_t id)
{
    const char *what = "programme";
    const struct model_programme *x = model_programme(m, id);
    struct row_programme row;
    if (!row_by_number(view, TABLE_PROGRAMME, id, &row)) return;
    SAME(issuer), SAME(kinds), SAME(share_bp), SAME(top_price), SAME(cap_party), SAME(fund), SAME(ends_at), SAME(state);
}

static void compare_market(struct model *m, struct state_view *view)
{
    struct row_market row;
    const struct model *x = m;
    const char *what = "market";
    uint64_t id = 0;
    if (market_row(view, &row) != TIDE_OK) {
        DIFFER("no row of the market");
        return;
    }
    SAME_BYTES(market), SAME_BYTES(broker);
    for (size_t i = 0; i < PARAM_N; i++) compare_number("parameter", i, names_parameter[i], m->parameters[i], row.parameters[i]);
    SAME(shift_ms), SAME(heard_ms), SAME(halted), SAME(n_certificates), SAME(last_arbiter);
    compare_number(what, 0, "pending work", m->work, row.pending_work);
    compare_number(what, 0, "its subject", m->subject, row.pending_subject);
}

unsigned compare_touched(struct model *m, struct state_view *view)
{
    unsigned before = compare_n_differences;
    for (size_t i = 0; i < m->n_touched; i++) {
        const struct model_touched *t = &m->touched[i];
        switch (t->table) {
        case TABLE_PARTY: compare_party(m, view, t->a); break;
        case TABLE_REKEY: compare_rekey(m, view, t->a); break;
        case TABLE_ACCOUNT: compare_account(m, view, t->a, t->b); break;
        case TABLE_LISTING: compare_listing(m, view, t->a); break;
        case TABLE_ORDER: compare_order(m, view, t->a); break;
        case TABLE_TRADE: compare_trade(m, view, t->a), compare_due(m, view, model_trade(m, t->a)); break;
        case TABLE_DISCLOSED: compare_disclosed(m, view, t->a, t->b); break;
        case TABLE_WITHDRAWAL: compare_withdrawal(m, view, t->a); break;
        case TABLE_PROGRAMME: compare_programme(m, view, t->a); break;
        default: ASSERT(false);
        }
    }
    compare_market(m, view);
    return compare_n_differences - before;
}

/* ---- everything ---- */
static void compare_count(struct state_view *view, enum table table, uint64_t expected)
{
    uint64_t n = 0;
    if (state_count(view, table, &n) != TIDE_OK) DIFFER("table %s cannot be counted", state_table_name(table));
    compare_number(state_table_name(table), 0, "rows", expected, n);
}

static void compare_accounts(struct model *m, struct state_view *view)
{
    uint8_t key[16] = {0};
    struct row_account row;
    for (size_t i = 0; i < m->n_accounts; i++) compare_account(m, view, m->accounts[i].party, m->accounts[i].asset);
    for (bool after = false; state_next(view, TABLE_ACCOUNT, key, 0, after, &row) == TIDE_OK; after = true)
        compare_account(m, view, be64_get(key), be64_get(key + 8));
}

/* Listing by listing, side by side, in execution order. */
static const struct model *sorting;
static int in_book_order(const void *a, const void *b)
{
    const struct model_order *x = &sorting->orders[*(const size_t *)a], *y = &sorting->orders[*(const size_t *)b];
    if (x->listing != y->listing) return x->listing < y->listing ? -1 : 1;
    if (x->side != y->side) return x->side < y->side ? -1 : 1;
    if (x->price != y->price) return (x->price < y->price) == (x->side == SIDE_ASK) ? -1 : 1;
    return x->priority < y->priority ? -1 : 1;
}

static void compare_books(struct model *m, struct state_view *view)
{
    uint8_t key[BOOK_KEY_BYTES] = {0};
    struct row_book row;
    size_t *places = malloc((m->n_resting + 1) * sizeof *places), n = 0;
    ASSERT(places != NULL);
    if (m->n_resting > 0) memcpy(places, m->resting, m->n_resting * sizeof *places);
    sorting = m;
    qsort(places, m->n_resting, sizeof *places, in_book_order);
    for (bool after = false; state_next(view, TABLE_BOOK, key, 0, after, &row) == TIDE_OK; after = true, n++) {
        if (n >= m->n_resting) continue;
        const struct model_order *o = &m->orders[places[n]];
        compare_number("book's row", n, "order", o->id, row.order);
        compare_number("book's row", n, "listing", o->listing, be64_get(key));
        compare_number("book's row", n, "price", o->price, book_key_price(key));
        compare_number("book's row", n, "party", o->party, row.party);
    }
    compare_number("book", 0, "rows", m->n_resting, n);
    free(places);
}

static void compare_given(struct model *m, struct state_view *view)
{
    for (size_t i = 0; i < m->n_given; i++) {
        const struct model_given *x = &m->given[i];
        struct row_voucher row;
        uint8_t key[16];
        if (model_programme(m, x->programme)->state != PROGRAMME_OPEN) continue;
        key_u64_u64(key, x->programme, x->party);
        if (!row_of(view, TABLE_VOUCHER, key, &row)) memset(&row, 0, sizeof row);
        compare_number("voucher of", x->party, "given", x->amount, row.given);
    }
}

unsigned compare_everything(struct model *m, struct state_view *view)
{
    unsigned before = compare_n_differences;
    char why[256] = "";
    const char *wrong = model_audit(m);
    if (wrong != NULL) DIFFER("the model's own accounts: %s", wrong);
    if (market_audit(view, why, sizeof why) != TIDE_OK) DIFFER("market_audit: %s", why);
    for (size_t i = 0; i < m->n_parties; i++) compare_party(m, view, m->parties[i].number);
    for (size_t i = 0; i < m->n_listings; i++) compare_listing(m, view, m->listings[i].id);
    for (size_t i = 0; i < m->n_orders; i++) compare_order(m, view, m->orders[i].id);
    for (size_t i = 0; i < m->n_trades; i++) compare_trade(m, view, m->trades[i].id), compare_due(m, view, &m->trades[i]);
    for (size_t i = 0; i < m->n_withdrawals; i++) compare_withdrawal(m, view, m->withdrawals[i].id);
    for (size_t i = 0; i < m->n_programmes; i++) compare_programme(m, view, m->programmes[i].id);
    compare_count(view, TABLE_LISTING, m->n_listings);
    compare_count(view, TABLE_ORDER, m->n_orders);
    compare_count(view, TABLE_TRADE, m->n_trades);
    compare_count(view, TABLE_WITHDRAWAL, m->n_withdrawals);
    compare_count(view, TABLE_PROGRAMME, m->n_programmes);
    uint64_t disputed = 0;
    for (size_t i = 0; i < m->n_trades; i++) disputed += m->trades[i].state == TRADE_DISPUTED;
    compare_count(view, TABLE_DISPUTE, disputed);
    for (size_t i = 0; i < m->n_disclosed; i++) compare_disclosed(m, view, m->disclosed[i].listing, m->disclosed[i].party);
    compare_count(view, TABLE_DISCLOSED, m->n_disclosed);
    compare_accounts(m, view);
    compare_ledger(m);
    compare_books(m, view);
    compare_given(m, view);
    compare_market(m, view);
    return compare_n_differences - before;
}

unsigned compare_next_due(struct model *m, struct state_view *view, uint64_t now)
{
    unsigned before = compare_n_differences;
    uint64_t at, expected = model_next_due(m, now);
    if (market_next_deadline(view, &at) != TIDE_OK)
        DIFFER("market_next_deadline");
    else if (at > expected || at <= now)
        DIFFER("next due: model %" PRIu64 ", market %" PRIu64 ", now %" PRIu64, expected, at, now);
    return compare_n_differences - before;
}
