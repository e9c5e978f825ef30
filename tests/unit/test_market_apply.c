/*
 * Applying records that contradict the state, and what the audit finds: every one is TIDE_EDAMAGED, none an assertion.
 */
#include "tests/unit/market_fixture.h"

#define TRADED_MARKET \
    SMALL_MARKET "at 10:00 acme asks 3 @ 9.00 on air as a1\nat 10:01 birch bids 1 @ 9.00 on air as b1\n" \
                 "expect trade 1 @ 9.00 as t1\nat 10:02 cedar bids 2 @ 5.00 on air as c1\n"

/* Applies one event to the state as it is, then takes it back: the commit before is what counts. */
static enum tide_err try_event(struct world *w, uint64_t kind, const void *body)
{
    assert_int_equal(state_commit(w->state), TIDE_OK);
    enum tide_err err = market_apply_event(world_view(w), w->n_records, w->now_ms, w->n_records - 2, kind, body);
    state_abort(w->state);
    return err;
}

/* The newest event of a kind, as decoded: something to bend. */
static const void *newest(struct world *w, uint64_t kind)
{
    for (size_t i = w->n_records; i-- > 0;) {
        struct record r;
        struct event e;
        assert_int_equal(record_decode(w->records[i], &w->arena, &r), TIDE_OK);
        if (r.type != RECORD_EVENT) continue;
        assert_int_equal(event_decode(r.payload, &w->arena, &e), TIDE_OK);
        if (e.kind == kind) return e.body;
    }
    fail();
    return NULL;
}

/* ---- records in order ---- */

static void check_order_of_records(struct world *w)
{
    struct state *other;
    struct state_view *view;
    assert_int_equal(state_open_temporary(w->dir, &other), TIDE_OK);
    assert_int_equal(state_write(other, &view), TIDE_OK);
    assert_int_equal(market_apply(view, w->records[1], &w->arena), TIDE_EDAMAGED); /* not the first */
    for (size_t i = 0; i < w->n_records - 1; i++) {
        assert_int_equal(market_apply(view, w->records[i], &w->arena), TIDE_OK);
        if (i % 7 == 0) assert_int_equal(market_apply(view, w->records[i], &w->arena), TIDE_EDAMAGED); /* twice */
        if (i % 7 == 1 && i + 2 < w->n_records)
            assert_int_equal(market_apply(view, w->records[i + 2], &w->arena), TIDE_EDAMAGED); /* one left out */
    }
    assert_int_equal(market_apply(view, BYTES_TEXT("not a record"), &w->arena), TIDE_EDAMAGED);
    state_close(&other, false);
}

/* A statement of an earlier time than the newest record. */
static void check_statement_time(struct world *w)
{
    const struct body_cancel cancel = {1};
    struct record r = {.type = RECORD_STATEMENT, .index = w->n_records, .time_ms = w->now_ms - 1};
    struct bytes encoded;
    r.payload = world_envelope(w, world_person(w, "birch"), KIND_CANCEL, &cancel, NULL);
    assert_int_equal(record_encode(&r, &w->arena, &encoded), TIDE_OK);
    assert_int_equal(market_apply(world_view(w), encoded, &w->arena), TIDE_EDAMAGED);
    r.time_ms++;
    assert_int_equal(record_encode(&r, &w->arena, &encoded), TIDE_OK);
    assert_int_equal(market_apply(world_view(w), encoded, &w->arena), TIDE_OK);
}

static void test_statements_come_in_the_order_of_time(void **state)
{
    (void)state;
    with_world(TRADED_MARKET, check_statement_time);
}

static void test_records_come_in_order_each_once(void **state)
{
    (void)state;
    with_world(TRADED_MARKET, check_order_of_records);
}

static enum tide_err apply_bent_record(struct world *w, struct record r, struct event e)
{
    struct bytes encoded;
    assert_int_equal(event_encode(&e, &w->arena, &r.payload), TIDE_OK);
    assert_int_equal(record_encode(&r, &w->arena, &encoded), TIDE_OK);
    return market_apply(world_view(w), encoded, &w->arena);
}

static void check_cause(struct world *w)
{
    const struct body_not_placed body = {.item = 0, .code = 504};
    struct event e = {.kind = KIND_NOT_PLACED, .version = 1, .cause_index = w->n_records - 2, .body = &body};
    struct record r = {.type = RECORD_EVENT, .index = w->n_records, .time_ms = w->now_ms};
    e.cause_index--;
    assert_int_equal(apply_bent_record(w, r, e), TIDE_EDAMAGED);
    e.cause_index++;
    r.time_ms++;
    assert_int_equal(apply_bent_record(w, r, e), TIDE_EDAMAGED);
    r.time_ms--;
    assert_int_equal(apply_bent_record(w, r, e), TIDE_OK);
}

static void test_an_event_belongs_to_the_newest_statement(void **state)
{
    (void)state;
    with_world(TRADED_MARKET, check_cause);
}

/* ---- events that contradict the state ---- */

static void check_listing_moves(struct world *w)
{
    /* Every pair of states that the table does not have. */
    uint64_t listing = symbol_get(w, 'l', "air");
    for (uint64_t to = 0; to <= LISTING_CLOSED; to++) {
        const struct body_listing_moved moved = {listing, LISTING_OPEN, to};
        assert_int_equal(try_event(w, KIND_LISTING_MOVED, &moved), to == LISTING_CLOSED || to == LISTING_HALTED ? TIDE_OK
                                                                                                    : TIDE_EDAMAGED);
    }
    const struct body_listing_moved wrong_from = {listing, LISTING_PENDING, LISTING_OPEN};
    assert_int_equal(try_event(w, KIND_LISTING_MOVED, &wrong_from), TIDE_EDAMAGED);
    const struct body_listing_moved none = {1, LISTING_OPEN, LISTING_CLOSED};
    assert_int_equal(try_event(w, KIND_LISTING_MOVED, &none), TIDE_EDAMAGED);
    struct body_listed listed = *(const struct body_listed *)newest(w, KIND_LISTED);
    listed.state = LISTING_OPEN;
    assert_int_equal(try_event(w, KIND_LISTED, &listed), TIDE_EDAMAGED);
}

static void test_a_listing_moves_only_along_its_table(void **state)
{
    (void)state;
    with_world(TRADED_MARKET, check_listing_moves);
}

static void check_trade_moves(struct world *w)
{
    uint64_t trade = symbol_get(w, 't', "t1");
    struct row_trade row;
    struct bytes text;
    const struct body_granted granted = {trade, w->now_ms + 1000}, unknown = {trade - 1, w->now_ms + 1000};
    struct body_settled ended = {.trade = trade, .basis = BASIS_ACCEPTED};
    assert_int_equal(trade_get(world_view(w), trade, &row), TIDE_OK);
    assert_int_equal(settlement_text(world_view(w), trade, &row, &w->arena, &text), TIDE_OK);
    struct body_refunded refunded = {.trade = trade, .basis = BASIS_ACCEPTED, .text = text};
    ended.text = text;

    /* matched: granted, or refunded by the deadline */
    assert_int_equal(try_event(w, KIND_GRANTED, &unknown), TIDE_EDAMAGED);
    for (uint64_t basis = 0; basis <= BASIS_VERDICT; basis++) {
        ended.basis = refunded.basis = basis;
        assert_int_equal(try_event(w, KIND_SETTLED, &ended), TIDE_EDAMAGED);
        assert_int_equal(try_event(w, KIND_REFUNDED, &refunded), basis == BASIS_DEADLINE ? TIDE_OK : TIDE_EDAMAGED);
    }
    assert_int_equal(try_event(w, KIND_GRANTED, &granted), TIDE_OK);

    /* granted: settled, accepted or by the deadline */
    script_text(w, "at 10:10 acme grants t1\n");
    assert_int_equal(try_event(w, KIND_GRANTED, &granted), TIDE_EDAMAGED);
    for (uint64_t basis = 0; basis <= BASIS_VERDICT; basis++) {
        bool known = basis == BASIS_ACCEPTED || basis == BASIS_DEADLINE;
        ended.basis = refunded.basis = basis;
        assert_int_equal(try_event(w, KIND_SETTLED, &ended), known ? TIDE_OK : TIDE_EDAMAGED);
        assert_int_equal(try_event(w, KIND_REFUNDED, &refunded), TIDE_EDAMAGED);
    }

    /* settled: final */
    script_text(w, "at 10:11 birch accepts t1\n");
    assert_int_equal(try_event(w, KIND_GRANTED, &granted), TIDE_EDAMAGED);
    assert_int_equal(try_event(w, KIND_SETTLED, &ended), TIDE_EDAMAGED);
    assert_int_equal(try_event(w, KIND_REFUNDED, &refunded), TIDE_EDAMAGED);
}

static void test_a_trade_moves_only_along_its_table(void **state)
{
    (void)state;
    with_world(TRADED_MARKET, check_trade_moves);
}

/* An ask that rests at another price: one that would have met a bid, which no market has. */
static void reprice(struct world *w, uint64_t order, uint64_t price)
{
    struct fold f;
    struct row_order row;
    fold_init(&f, world_view(w));
    assert_int_equal(order_get(f.state, order, &row), TIDE_OK);
    assert_int_equal(book_remove(&f, &row), TIDE_OK);
    row.price = price;
    assert_int_equal(book_put(&f, order, &row), TIDE_OK);
    assert_int_equal(order_put(&f, order, &row), TIDE_OK);
}

static void check_bent_trades(struct world *w)
{
    struct body_traded t = *(const struct body_traded *)newest(w, KIND_TRADED), bent;
    t.bid = symbol_get(w, 'o', "c1"); /* 2 wanted, 2 of the ask left: fits, but for the price */
    t.quantity = 2;
    t.price = 500;
    t.total = 2 * 500;
    t.postings.n = 0;
    t.bid_left = t.ask_left = 0;
    assert_int_equal(try_event(w, KIND_TRADED, &t), TIDE_EDAMAGED);
    reprice(w, symbol_get(w, 'o', "a1"), 400);
    assert_int_equal(try_event(w, KIND_TRADED, &t), TIDE_OK);
#define BENT(change) (bent = t, change, try_event(w, KIND_TRADED, &bent))
    assert_int_equal(BENT(bent.quantity = 1), TIDE_EDAMAGED);
    assert_int_equal(BENT(bent.bid_left = 1), TIDE_EDAMAGED);
    assert_int_equal(BENT(bent.ask_left = 1), TIDE_EDAMAGED);
    assert_int_equal(BENT(bent.bid_left = 5), TIDE_EDAMAGED);
    assert_int_equal(BENT(bent.total++), TIDE_EDAMAGED);
    assert_int_equal(BENT((bent.price = 501, bent.total = 2 * 501)), TIDE_EDAMAGED); /* over the bid's limit */
    assert_int_equal(BENT((bent.price = 399, bent.total = 2 * 399)), TIDE_EDAMAGED); /* below the ask's */
    assert_int_equal(BENT((bent.programme = 7, bent.voucher = 1)), TIDE_EDAMAGED);   /* the bid has none */
    assert_int_equal(BENT(bent.programme = 7), TIDE_EDAMAGED);
    assert_int_equal(BENT(bent.voucher = 1), TIDE_EDAMAGED);
    assert_int_equal(BENT(bent.ask = bent.bid), TIDE_EDAMAGED);
    assert_int_equal(BENT(bent.bid = symbol_get(w, 'o', "b1")), TIDE_EDAMAGED); /* filled */
    assert_int_equal(BENT(bent.bid = 1), TIDE_EDAMAGED);
    assert_int_equal(BENT(bent.listing++), TIDE_EDAMAGED);
}

static void test_a_trade_takes_what_is_there(void **state)
{
    (void)state;
    with_world(TRADED_MARKET, check_bent_trades);
}

static void check_bent_orders(struct world *w)
{
    const uint64_t open = symbol_get(w, 'o', "c1"), filled = symbol_get(w, 'o', "b1");
    struct body_order_closed closed = {.order = open, .left = 2};
    struct body_rested rested = {open};
    struct body_placed placed = *(const struct body_placed *)newest(w, KIND_PLACED);
    struct body_sliced sliced = {WORK_MATCH, open};
    assert_int_equal(try_event(w, KIND_ORDER_CLOSED, &closed), TIDE_OK);
    closed.left = 1;
    assert_int_equal(try_event(w, KIND_ORDER_CLOSED, &closed), TIDE_EDAMAGED);
    closed = (struct body_order_closed){.order = filled, .left = 0};
    assert_int_equal(try_event(w, KIND_ORDER_CLOSED, &closed), TIDE_EDAMAGED);
    closed.order = 1;
    assert_int_equal(try_event(w, KIND_ORDER_CLOSED, &closed), TIDE_EDAMAGED);
    assert_int_equal(try_event(w, KIND_RESTED, &rested), TIDE_EDAMAGED); /* it rests */
    rested.order = filled;
    assert_int_equal(try_event(w, KIND_RESTED, &rested), TIDE_EDAMAGED);
    placed.party[0] ^= 1;
    assert_int_equal(try_event(w, KIND_PLACED, &placed), TIDE_EDAMAGED);
    assert_int_equal(try_event(w, KIND_SLICED, &sliced), TIDE_OK);
    assert_int_equal(try_event(w, 99, &sliced), TIDE_EDAMAGED);
}

static void check_bent_changes(struct world *w)
{
    const uint64_t open = symbol_get(w, 'o', "c1"), ask = symbol_get(w, 'o', "u1"), filled = symbol_get(w, 'o', "b1");
    struct body_amended amended = {.order = open, .left = 1};
    struct body_replaced replaced = {.order = open, .price = 600, .left = 3, .rests = 1};
#define AMENDED(o, n) (amended.order = (o), amended.left = (n), try_event(w, KIND_AMENDED, &amended))
#define REPLACED(change) (replaced = (struct body_replaced){.order = open, .price = 600, .left = 3, .rests = 1}, change, \
                          try_event(w, KIND_REPLACED, &replaced))
    assert_int_equal(AMENDED(open, 1), TIDE_OK);
    assert_int_equal(AMENDED(open, 2), TIDE_EDAMAGED); /* not less */
    assert_int_equal(AMENDED(open, 3), TIDE_EDAMAGED);
    assert_int_equal(AMENDED(filled, 1), TIDE_EDAMAGED);
    assert_int_equal(AMENDED(ask, 1), TIDE_EDAMAGED);
    assert_int_equal(AMENDED(1, 1), TIDE_EDAMAGED);
    assert_int_equal(REPLACED((void)0), TIDE_OK);
    assert_int_equal(REPLACED(replaced.order = filled), TIDE_EDAMAGED);
    assert_int_equal(REPLACED(replaced.order = 1), TIDE_EDAMAGED);
    assert_int_equal(REPLACED(replaced.left = 0), TIDE_EDAMAGED);
    assert_int_equal(REPLACED(replaced.order = ask), TIDE_EDAMAGED); /* it has no quantity */
    assert_int_equal(REPLACED((replaced.order = ask, replaced.left = 0)), TIDE_OK);
    assert_int_equal(REPLACED(replaced.voucher_unit = 601), TIDE_EDAMAGED);
}

static void test_only_what_rests_is_changed(void **state)
{
    (void)state;
    with_world(TRADED_MARKET "at 10:03 acme asks unlimited @ 20.00 on air as u1\n", check_bent_changes);
}

/* A market order spends what it has, and never rests. */
static void check_bent_market_orders(struct world *w)
{
    uint64_t ask = symbol_get(w, 'o', "a1"), bid = w->n_records;
    struct body_placed placed = *(const struct body_placed *)newest(w, KIND_PLACED);
    struct body_traded t = *(const struct body_traded *)newest(w, KIND_TRADED);
    const struct body_rested rested = {bid};
    placed.type = ORDER_MARKET, placed.tif = TIF_IOC, placed.price = 0, placed.budget = 1799, placed.quantity = 2;
    placed.rests = 0, placed.recipient[0] ^= 1, placed.postings.n = 0;
    assert_int_equal(market_apply_event(world_view(w), bid, w->now_ms, bid - 2, KIND_PLACED, &placed), TIDE_OK);
    w->n_records++; /* its records are not those of the state from here on; nothing reads them again */
    t.bid = bid, t.ask = ask, t.quantity = 2, t.total = 1800, t.postings.n = 0, t.bid_left = t.ask_left = 0;
    assert_int_equal(try_event(w, KIND_TRADED, &t), TIDE_EDAMAGED);
    t.quantity = 1, t.total = 900, t.bid_left = t.ask_left = 1;
    assert_int_equal(try_event(w, KIND_TRADED, &t), TIDE_OK);
    assert_int_equal(try_event(w, KIND_RESTED, &rested), TIDE_EDAMAGED);
    w->n_records--;
}

static void test_a_market_order_spends_its_budget_and_never_rests(void **state)
{
    (void)state;
    with_world(TRADED_MARKET, check_bent_market_orders);
}

static void test_an_order_ends_once(void **state)
{
    (void)state;
    with_world(TRADED_MARKET, check_bent_orders);
}

static void check_bent_parties(struct world *w)
{
    struct body_admitted again = *(const struct body_admitted *)newest(w, KIND_ADMITTED);
    struct body_suspended suspended;
    struct body_opened opened = *(const struct body_opened *)newest(w, KIND_OPENED);
    const struct body_shifted shifted = {UINT64_MAX};
    assert_int_equal(try_event(w, KIND_ADMITTED, &again), TIDE_EDAMAGED);
    assert_int_equal(try_event(w, KIND_OPENED, &opened), TIDE_EDAMAGED);
    memcpy(suspended.party, identity_party(world_person(w, "birch")->id), 32);
    assert_int_equal(try_event(w, KIND_SUSPENDED, &suspended), TIDE_OK);
    script_text(w, "at 10:20 op1 suspends birch\n");
    assert_int_equal(try_event(w, KIND_SUSPENDED, &suspended), TIDE_EDAMAGED);
    assert_int_equal(try_event(w, KIND_SHIFTED, &shifted), TIDE_OK);
    script_text(w, "at 10:40 broker returns\n");
    assert_int_equal(try_event(w, KIND_SHIFTED, &shifted), TIDE_EDAMAGED);
}

static void test_parties_and_the_market_begin_once(void **state)
{
    (void)state;
    with_world(TRADED_MARKET, check_bent_parties);
}

/* ---- money ---- */

static void check_postings(struct world *w)
{
    struct body_deposited d = *(const struct body_deposited *)newest(w, KIND_DEPOSITED);
    struct posting items[2], good[2];
    memcpy(good, d.postings.items, sizeof good);
    d.postings.items = items;
#define POSTED(change) (memcpy(items, good, sizeof items), change, try_event(w, KIND_DEPOSITED, &d))
    assert_int_equal(POSTED((void)0), TIDE_OK);
    assert_int_equal(POSTED(items[0].amount++), TIDE_EDAMAGED);        /* not balanced */
    assert_int_equal(POSTED(items[0].asset = 5), TIDE_EDAMAGED);       /* each asset by itself */
    assert_int_equal(POSTED(items[0].account = ACCOUNT_AVAILABLE), TIDE_EDAMAGED); /* the market has no such account */
    assert_int_equal(POSTED(items[1].account = ACCOUNT_FEES), TIDE_EDAMAGED);      /* nor a party that one */
    assert_int_equal(POSTED(items[1].account = ACCOUNT_FLOAT), TIDE_EDAMAGED);
    assert_int_equal(POSTED(items[1].party[5] ^= 1), TIDE_EDAMAGED);   /* nobody's */
    int64_t much = 2000 * 100;
    assert_int_equal(POSTED((items[0].amount = much, items[1].amount = -much)), TIDE_EDAMAGED); /* below zero */
    assert_int_equal(POSTED((items[0].amount = -(int64_t)LIMIT_AMOUNT, items[1].amount = (int64_t)LIMIT_AMOUNT)),
                     TIDE_EDAMAGED); /* over the limit */
}

static void test_postings_balance_and_stay_above_zero(void **state)
{
    (void)state;
    with_world(TRADED_MARKET, check_postings);
}

static void test_each_asset_balances_by_itself(void **state)
{
    (void)state;
    struct posting items[4] = {{.asset = 0, .amount = 5}, {.asset = 7, .amount = -5}, {.asset = 0, .amount = -5},
                               {.asset = 7, .amount = 5}};
    struct list list = {items, 4};
    assert_true(postings_balance(&list));
    items[3].amount = 4;
    assert_false(postings_balance(&list));
    list.n = 2;
    assert_false(postings_balance(&list));
    list.n = 0;
    assert_true(postings_balance(&list));
    items[0].amount = items[2].amount = INT64_MAX;
    items[0].asset = items[1].asset = items[2].asset = items[3].asset = 0;
    items[1].amount = items[3].amount = 1; /* wraps to 0 in 64 bits */
    list.n = 4;
    assert_false(postings_balance(&list));
}

/* ---- the audit ---- */

static void audit_finds(struct world *w, const char *what)
{
    char why[200];
    assert_int_equal(market_audit(world_view(w), why, sizeof why), TIDE_EDAMAGED);
    if (!strstr(why, what)) fail_msg("the audit says \"%s\"", why);
    state_abort(w->state);
    assert_int_equal(market_audit(world_view(w), why, sizeof why), TIDE_OK);
}

static void change_account(struct world *w, const char *who, int64_t available, int64_t held, int64_t escrow)
{
    struct row_party party;
    struct row_account row;
    uint64_t number;
    uint8_t key[16];
    assert_int_equal(party_by_key(world_view(w), identity_party(world_person(w, who)->id), &number, &party), TIDE_OK);
    assert_int_equal(account_get(world_view(w), number, 0, &row), TIDE_OK);
    row.available += (uint64_t)available;
    row.held += (uint64_t)held;
    row.escrow += (uint64_t)escrow;
    key_u64_u64(key, number, 0);
    assert_int_equal(state_put(world_view(w), TABLE_ACCOUNT, key, &row), TIDE_OK);
}

static void change_float(struct world *w, int64_t by)
{
    struct row_account row;
    uint8_t key[16];
    assert_int_equal(account_get(world_view(w), MARKET_PARTY, 0, &row), TIDE_OK);
    row.floats += by;
    key_u64_u64(key, MARKET_PARTY, 0);
    assert_int_equal(state_put(world_view(w), TABLE_ACCOUNT, key, &row), TIDE_OK);
}

static void check_audit(struct world *w)
{
    struct row_order row;
    uint8_t key[8], book[BOOK_KEY_BYTES];
    uint64_t order = symbol_get(w, 'o', "c1");
    assert_int_equal(state_commit(w->state), TIDE_OK);
    change_account(w, "birch", 1, 0, 0);
    audit_finds(w, "its newest entry says");
    change_float(w, 1);
    audit_finds(w, "all accounts of asset 0 sum to 1");
    change_account(w, "cedar", 1, -1, 0);
    audit_finds(w, "by its bids");
    change_account(w, "birch", 1, 0, -1);
    audit_finds(w, "by its trades");
    change_account(w, "birch", -200000, 0, 0); /* a balance below zero is a very large one */
    audit_finds(w, "below zero");

    assert_int_equal(order_get(world_view(w), order, &row), TIDE_OK);
    key_book(book, row.listing, row.side, row.price, order);
    assert_int_equal(state_del(world_view(w), TABLE_BOOK, book), TIDE_OK);
    audit_finds(w, "table book");
    row.resting = 0;
    key_u64(key, order);
    assert_int_equal(state_put(world_view(w), TABLE_ORDER, key, &row), TIDE_OK);
    audit_finds(w, "does not rest");
    row.resting = row.closed = 1;
    assert_int_equal(state_put(world_view(w), TABLE_ORDER, key, &row), TIDE_OK);
    audit_finds(w, "in a wrong list");
}

static void test_the_audit_finds_what_does_not_add_up(void **state)
{
    (void)state;
    with_world(TRADED_MARKET, check_audit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_come_in_order_each_once),
        cmocka_unit_test(test_statements_come_in_the_order_of_time),
        cmocka_unit_test(test_an_event_belongs_to_the_newest_statement),
        cmocka_unit_test(test_a_listing_moves_only_along_its_table),
        cmocka_unit_test(test_a_trade_moves_only_along_its_table),
        cmocka_unit_test(test_a_trade_takes_what_is_there),
        cmocka_unit_test(test_an_order_ends_once),
        cmocka_unit_test(test_only_what_rests_is_changed),
        cmocka_unit_test(test_a_market_order_spends_its_budget_and_never_rests),
        cmocka_unit_test(test_parties_and_the_market_begin_once),
        cmocka_unit_test(test_postings_balance_and_stay_above_zero),
        cmocka_unit_test(test_each_asset_balances_by_itself),
        cmocka_unit_test(test_the_audit_finds_what_does_not_add_up),
    };
    return cmocka_run_group_tests(tests, setup_crypto, NULL);
}
