/*
 * What a scenario expects of the last action and of the market as it is now (README.md has the language).
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/market/law.h"
#include "tests/scenario/script.h"

static void read_row(struct world *w, enum table table, uint64_t index, void *row)
{
    uint8_t key[8];
    key_u64(key, index);
    world_check(w, state_get(world_view(w), table, key, row), "reading a row");
}

static void same(struct world *w, const char *what, uint64_t found, uint64_t expected)
{
    if (found != expected) world_fail(w, "%s is %llu, expected %llu", what, (unsigned long long)found,
                                      (unsigned long long)expected);
}

static void same_text(struct world *w, const char *what, const char *found, const char *expected)
{
    if (strcmp(found, expected) != 0) world_fail(w, "%s is %s, expected %s", what, found, expected);
}

/* ---- answers ---- */

static void expect_refused(struct world *w, struct words *l)
{
    const char *code = words_next(w, l, "a code");
    if (!outcome_by_name(code)) world_fail(w, "there is no outcome %s", code);
    if (w->last.outcome == OUTCOME_OK) world_fail(w, "accepted, expected %s", code);
    same_text(w, "the refusal", outcome_info(w->last.outcome)->name, code);
}

/* `expect repeated`: as record and range of the first acceptance. */
static void expect_repeated(struct world *w, struct words *l)
{
    if (!w->last.repeated) world_fail(w, "not a repetition");
    if (words_take(l, "of")) {
        same(w, "its first record", w->last.first_index, words_number(w, l));
        words_demand(w, l, "to");
        same(w, "the end of its records", w->last.next_index, words_number(w, l));
    }
    if (w->last.n_records != 0) world_fail(w, "a repetition left records");
}

static void expect_says(struct world *w, struct words *l)
{
    const char *part = words_next(w, l, "a text");
    if (!strstr(w->detail, part)) world_fail(w, "it says \"%s\"", w->detail);
}

static void expect_items(struct world *w, struct words *l)
{
    size_t i = 0;
    for (; !words_end(l); i++) {
        const char *code = words_next(w, l, "a code");
        if (i >= w->last.n_items) world_fail(w, "only %zu items", w->last.n_items);
        same_text(w, "an item", outcome_info((unsigned)w->last.items[i].code)->name, code);
    }
    same(w, "the number of items", w->last.n_items, i);
}

/* ---- events ---- */

static void expect_trade(struct world *w, struct words *l)
{
    uint64_t quantity = words_number(w, l), index;
    struct event event;
    size_t n = 0;
    words_demand(w, l, "@");
    uint64_t price = words_money(w, l);
    for (size_t i = 0; world_event(w, i, &index, &event); i++) {
        if (event.kind != KIND_TRADED || n++ < w->trades_read) continue;
        const struct body_traded *t = event.body;
        same(w, "the trade's quantity", t->quantity, quantity);
        same(w, "the trade's price", t->price, price);
        w->trades_read++;
        while (!words_end(l)) {
            if (words_take(l, "as")) symbol_set(w, 't', words_next(w, l, "a name"), index);
            else if (words_take(l, "fee")) same(w, "the fee", t->fee, words_money(w, l));
            else if (words_take(l, "bid")) same(w, "the bid", t->bid, symbol_get(w, 'o', words_next(w, l, "an order")));
            else if (words_take(l, "ask")) same(w, "the ask", t->ask, symbol_get(w, 'o', words_next(w, l, "an order")));
            else if (words_take(l, "accept")) same(w, "time to accept", t->accept_ms, words_duration(w, l));
            else if (words_take(l, "voucher")) same(w, "the voucher's part", t->voucher, words_money(w, l));
            else break;
        }
        return;
    }
    world_fail(w, "only %zu trades", n);
}

static size_t count_events(struct world *w, uint64_t kind)
{
    uint64_t index;
    struct event event;
    size_t n = 0;
    for (size_t i = 0; world_event(w, i, &index, &event); i++) n += event.kind == kind;
    return n;
}

static void expect_no_trade(struct world *w)
{
    size_t n = count_events(w, KIND_TRADED);
    if (n > w->trades_read) world_fail(w, "%zu trades more", n - w->trades_read);
}

/* `expect 300 traded`: events of a kind since the last action, the broker's `continue`s included. */
static void expect_count(struct world *w, struct words *l)
{
    uint64_t n = words_number(w, l);
    const char *name = words_next(w, l, "a kind of event");
    const struct schema *schema = schema_of_name(name);
    if (!schema) world_fail(w, "there is no event %s", name);
    same(w, name, count_events(w, schema->kind), n);
}

/* `expect closed ORDER because REASON [left N]` */
static void expect_closed(struct world *w, struct words *l)
{
    uint64_t order = symbol_get(w, 'o', words_next(w, l, "an order")), index;
    struct event event;
    words_demand(w, l, "because");
    uint64_t reason = name_value(w, names_close_reason, words_next(w, l, "a reason"));
    for (size_t i = 0; world_event(w, i, &index, &event); i++) {
        const struct body_order_closed *c = event.body;
        if (event.kind != KIND_ORDER_CLOSED || c->order != order) continue;
        same(w, "the reason", c->reason, reason);
        if (words_take(l, "left")) same(w, "what was left", c->left, words_number(w, l));
        return;
    }
    world_fail(w, "order %llu was not closed now", (unsigned long long)order);
}

/* ---- the market as it is ---- */

static void expect_money(struct world *w, struct words *l)
{
    struct row_account row;
    struct row_party party;
    uint64_t number = 0;
    uint8_t key[16];
    const char *who = words_next(w, l, "a party");
    if (strcmp(who, "market") != 0)
        world_check(w, party_by_key(world_view(w), identity_party(world_person(w, who)->id), &number, &party), who);
    key_u64_u64(key, number, words_take(l, "of") ? symbol_get(w, 'v', words_next(w, l, "a programme")) : 0);
    enum tide_err err = state_get(world_view(w), TABLE_ACCOUNT, key, &row);
    if (err != TIDE_ENOTFOUND) world_check(w, err, "reading an account");
    while (!words_end(l)) {
        if (words_take(l, "available")) same(w, "available", row.available, words_money(w, l));
        else if (words_take(l, "held")) same(w, "held", row.held, words_money(w, l));
        else if (words_take(l, "escrow")) same(w, "escrow", row.escrow, words_money(w, l));
        else if (words_take(l, "locked")) same(w, "locked", row.locked, words_money(w, l));
        else if (words_take(l, "issued")) same(w, "issued", (uint64_t)-row.issued, words_money(w, l));
        else if (words_take(l, "fees")) same(w, "fees", (uint64_t)row.fees, words_money(w, l));
        else if (words_take(l, "owes")) same(w, "the float", (uint64_t)-row.floats, words_money(w, l));
        else break;
    }
}

/* `expect book LISTING bids|asks Q @ P, Q @ P …|none`: every order, the best first. */
static void expect_book(struct world *w, struct words *l)
{
    uint8_t key[BOOK_KEY_BYTES] = {0};
    be64_put(key, symbol_get(w, 'l', words_next(w, l, "a listing")));
    key[8] = words_take(l, "bids") ? SIDE_BID : SIDE_ASK;
    if (key[8] == SIDE_ASK) words_demand(w, l, "asks");
    bool after = false;
    if (words_take(l, "none")) l->at = l->n;
    for (;; after = true) {
        struct row_book book;
        struct row_order row;
        enum tide_err err = state_next(world_view(w), TABLE_BOOK, key, 9, after, &book);
        if (err == TIDE_ENOTFOUND) break;
        world_check(w, err, "reading the book");
        if (words_end(l)) world_fail(w, "order %llu is in the book too", (unsigned long long)book.order);
        read_row(w, TABLE_ORDER, book.order, &row);
        if (words_take(l, "unlimited")) same(w, "unlimited", row.unlimited, 1);
        else same(w, "a quantity in the book", row.left, words_number(w, l));
        words_demand(w, l, "@");
        same(w, "a price in the book", book_key_price(key), words_money(w, l));
    }
    if (!words_end(l)) world_fail(w, "the book ends before %s", l->word[l->at]);
}

/* `expect order O open|closed|resting [left N] [of N] [@ P] [budget P] [voucher P]`: a unit's part */
static void expect_order(struct world *w, struct words *l)
{
    struct row_order row;
    read_row(w, TABLE_ORDER, symbol_get(w, 'o', words_next(w, l, "an order")), &row);
    if (words_take(l, "closed")) same(w, "closed", row.closed, 1);
    else if (words_take(l, "resting")) same(w, "resting", row.resting, 1);
    if (words_take(l, "left")) same(w, "left", row.left, words_number(w, l));
    if (words_take(l, "of")) same(w, "its quantity", row.quantity, words_number(w, l));
    if (words_take(l, "@")) same(w, "its price", row.price, words_money(w, l));
    if (words_take(l, "budget")) same(w, "its budget", row.budget, words_money(w, l));
    if (words_take(l, "voucher")) same(w, "the voucher's part of a unit", row.voucher_unit, words_money(w, l));
}

static void expect_listing(struct world *w, struct words *l)
{
    struct row_listing row;
    uint64_t listing = symbol_get(w, 'l', words_next(w, l, "a listing"));
    read_row(w, TABLE_LISTING, listing, &row);
    uint8_t key[9];
    key_u8_u64(key, (uint8_t)row.state, listing);
    world_check(w, state_get(world_view(w), TABLE_LISTING_BY_STATE, key, &(struct row_none){0}), "listing_by_state");
    uint64_t n_listings, n_by_state;
    world_check(w, state_count(world_view(w), TABLE_LISTING, &n_listings), "counting rows");
    world_check(w, state_count(world_view(w), TABLE_LISTING_BY_STATE, &n_by_state), "counting rows");
    same(w, "listings by state", n_by_state, n_listings);
    if (words_take(l, "last")) same(w, "the last price", row.last_price, words_money(w, l));
    else same_text(w, "the listing", names_listing_state[row.state], words_next(w, l, "a state"));
}

/* When a trade is due if nothing halts from now on, as clocks see it that stand still while something is halted. */
static uint64_t due_of(struct world *w, const struct row_trade *row)
{
    struct row_market market;
    struct row_listing listing;
    world_check(w, market_row(world_view(w), &market), "reading the market");
    read_row(w, TABLE_LISTING, row->listing, &listing);
    return w->now_ms + deadline_left(&market, &listing, row, w->now_ms);
}

/* `expect state TRADE matched|granted|… [due TIME] [left D] [parked|running] [basis B]` */
static void expect_state(struct world *w, struct words *l)
{
    struct row_trade row;
    uint64_t trade = symbol_get(w, 't', words_next(w, l, "a trade"));
    read_row(w, TABLE_TRADE, trade, &row);
    same_text(w, "the trade", names_trade_state[row.state], words_next(w, l, "a state"));
    if (words_take(l, "due")) same(w, "its deadline", due_of(w, &row), words_time(w, l));
    if (words_take(l, "left")) same(w, "what is left", row.left_ms, words_duration(w, l));
    if (words_take(l, "parked")) same(w, "parked", row.parked, 1);
    else if (words_take(l, "running")) same(w, "parked", row.parked, 0);
    if (!words_take(l, "basis")) return;
    const char *basis = words_next(w, l, "a basis");
    struct record record;
    struct event event;
    world_check(w, record_decode(w->records[row.final_record], &w->arena, &record), "decoding a record");
    world_check(w, event_decode(record.payload, &w->arena, &event), "decoding an event");
    const struct body_settled *s = event.body; /* refunded has the same fields */
    same(w, "the record's trade", s->trade, trade);
    same_text(w, "the basis", names_basis[s->basis], basis);
}

/* What the party's row says of its keys: those of `who` are in force, or were replaced. */
static void expect_key(struct world *w, struct words *l, const char *who, const struct row_party *row)
{
    const struct identity *id = world_person(w, who)->id;
    bool in_force = memcmp(row->key, identity_party(id), 32) == 0;
    if (!words_take(l, "replaced")) words_demand(w, l, "in-force");
    else in_force = !in_force;
    if (!in_force) world_fail(w, "the key of %s is otherwise", who);
    if (memcmp(row->key, identity_party(id), 32) == 0 && (memcmp(row->wire_key, identity_wire_public(id), 32) != 0 ||
                                                          memcmp(row->seal_key, identity_seal_public(id), 32) != 0))
        world_fail(w, "the other keys of %s are not its own", who);
}

/* `expect party P active|suspended [settled N] [missed N] [group G] [in J] [card|no-card] [key replaced|in-force]` */
static void expect_party(struct world *w, struct words *l)
{
    struct row_party row;
    uint64_t number;
    const char *who = words_next(w, l, "a party");
    world_check(w, party_by_key(world_view(w), identity_party(world_person(w, who)->id), &number, &row), who);
    same_text(w, who, names_party_state[row.state], words_next(w, l, "a state"));
    if (words_take(l, "settled")) same(w, "settled", row.settled, words_number(w, l));
    if (words_take(l, "missed")) same(w, "missed", row.missed, words_number(w, l));
    if (words_take(l, "group")) same_text(w, "its group", row.group, words_next(w, l, "a group"));
    if (words_take(l, "in")) same_text(w, "its jurisdiction", row.jurisdiction, words_next(w, l, "a jurisdiction"));
    if (words_take(l, "card")) same(w, "has a card", be64_get(row.card_hash) != 0, 1);
    if (words_take(l, "no-card")) same(w, "has a card", be64_get(row.card_hash) != 0, 0);
    if (words_take(l, "key")) expect_key(w, l, who, &row);
}

/* `expect rows TABLE N` */
static void expect_rows(struct world *w, struct words *l)
{
    const char *name = words_next(w, l, "a table");
    uint64_t n, expected = words_number(w, l);
    for (int table = 0; table < TABLE_N; table++) {
        if (strcmp(state_table_name((enum table)table), name) != 0) continue;
        world_check(w, state_count(world_view(w), (enum table)table, &n), "counting rows");
        same(w, name, n, expected);
        return;
    }
    world_fail(w, "there is no table %s", name);
}

/* `expect next deadline TIME|none` */
static void expect_next(struct world *w, struct words *l)
{
    uint64_t at_ms;
    words_demand(w, l, "deadline");
    world_check(w, market_next_deadline(world_view(w), &at_ms), "market_next_deadline");
    same(w, "the next deadline", at_ms, words_take(l, "none") ? UINT64_MAX : words_time(w, l));
}

void expect_line(struct world *w, struct words *l)
{
    if (words_take(l, "refused")) expect_refused(w, l);
    else if (words_take(l, "repeated")) expect_repeated(w, l);
    else if (words_take(l, "says")) expect_says(w, l);
    else if (words_take(l, "items")) expect_items(w, l);
    else if (words_take(l, "trade")) expect_trade(w, l);
    else if (words_take(l, "no-more-trades")) expect_no_trade(w);
    else if (words_take(l, "events")) expect_count(w, l);
    else if (words_take(l, "closed")) expect_closed(w, l);
    else if (words_take(l, "money")) expect_money(w, l);
    else if (words_take(l, "book")) expect_book(w, l);
    else if (words_take(l, "order")) expect_order(w, l);
    else if (words_take(l, "listing")) expect_listing(w, l);
    else if (words_take(l, "state")) expect_state(w, l);
    else if (words_take(l, "party")) expect_party(w, l);
    else if (words_take(l, "rows")) expect_rows(w, l);
    else if (words_take(l, "next")) expect_next(w, l);
    else if (expect_of_listings(w, l)) return;
    else if (expect_of_money(w, l)) return;
    else if (expect_of_delivery(w, l)) return;
    else world_fail(w, "what is expected?");
    if (!words_end(l)) world_fail(w, "\"%s\" is not understood", l->word[l->at]);
}
