/*
 * Questions about the market as it stands: its state, books and tops, orders, when something is due; and what who is
 * not enrolled may ask.
 */
#include "tests/unit/test_query.h"

static struct { uint64_t air, water, pending, crowded, gtd, trade; } made;

static uint64_t place(enum who who, const struct body_order *order)
{
    return state_it(&w, who, KIND_ORDER, order) + 1;
}

static int build(void **state)
{
    if (make_test_dir(state) != 0) return -1;
    query_world_open();
    made.air = publish(&w, "Air", "", "", NULL);
    made.water = publish(&w, "Water", "", "", NULL);
    made.pending = publish(&w, "Pending", "", "", NULL);
    made.crowded = publish(&w, "Crowded", "", "", NULL);
    open_listing(&w, made.air);
    open_listing(&w, made.water);
    open_listing(&w, made.crowded);
    deposit(&w, BUYER, 1000000, "ref-1");
    for (int i = 0; i < 300; i++) ask_order(&w, made.crowded, 50, 2);
    ask_order(&w, made.crowded, 60, 1);
    ask_order(&w, made.air, 100, 5);
    ask_order(&w, made.air, 100, 0);
    bid_order(&w, made.air, 90, 3);
    made.trade = bid_order(&w, made.air, 100, 1) + 1;
    struct body_order gtd = {.listing = made.water, .side = SIDE_ASK, .price = 77, .quantity = 2, .tif = TIF_GTD,
                             .expires_at = w.now_ms + 600000, .post_only = 1};
    made.gtd = place(VENDOR, &gtd);
    return 0;
}

static int tear_down(void **state)
{
    query_world_close();
    return remove_test_dir(state);
}

static void halt(uint64_t listing, bool on)
{
    struct body_halt stop = {.listing = listing, .reason = BYTES_TEXT("test")};
    struct body_resume go_on = {.listing = listing};
    if (on) state_it(&w, OPERATOR, KIND_HALT, &stop);
    else state_it(&w, OPERATOR, KIND_RESUME, &go_on);
}

/* ---- the market ---- */

static void test_market(void **state)
{
    (void)state;
    enum who askers[] = {STRANGER, BUYER, REGULATOR};
    for (size_t i = 0; i < ARRAY_LEN(askers); i++) {
        const struct body_r_market *r = ask(askers[i], "market", &(struct body_q_none){});
        const struct parameter_value *parameters = r->parameters.items;
        assert_text(r->name, "Test market");
        assert_text(r->origin, ORIGIN);
        assert_int_equal(r->next, w.size);
        assert_int_equal(r->now_ms, w.now_ms);
        assert_false(r->halted);
        assert_int_equal(r->certificates, 3);
        assert_int_equal(r->parameters.n, PARAM_N);
        assert_int_equal(parameters[PARAM_GRANT_MS].value, parameter_defaults[PARAM_GRANT_MS]);
    }
    halt(0, true);
    const struct body_r_market *r = ask(STRANGER, "market", &(struct body_q_none){});
    assert_true(r->halted);
    assert_int_equal(r->halted_at, w.now_ms);
    halt(0, false);
}

/* Everything but what the lobby shows needs a party. */
static void test_strangers(void **state)
{
    (void)state;
    const char *const verbs[] = {"account", "balances", "book", "card", "claims", "erase_card", "order", "orders",
                                 "parties", "put_card", "receipt", "signed", "statements", "tape", "trade", "trades",
                                 "withdrawals"};
    static const union { /* whatever the verb's body is: all zero */
        struct body_q_account account; struct body_q_put_card card; struct body_q_own own;
    } zero;
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) refused(STRANGER, verbs[i], &zero, OUTCOME_UNKNOWN_PARTY);
}

/* ---- books ---- */

static void test_book(void **state)
{
    (void)state;
    struct body_q_book air = {.listing = made.air}, pending = {.listing = made.pending};
    struct body_q_book crowded = {.listing = made.crowded};
    const struct body_r_book *r = ask(BUYER, "book", &air);
    const struct body_level *asks = r->asks.items;
    assert_text(r->title, "Air");
    assert_int_equal(r->state, LISTING_OPEN);
    assert_int_equal(r->next, w.size);
    assert_false(r->halted);
    assert_int_equal(r->asks.n, 1);
    assert_int_equal(asks[0].orders, 2);
    assert_int_equal(asks[0].quantity, 4);
    assert_true(asks[0].unlimited);
    halt(made.air, true);
    halt(0, true);
    r = ask(BUYER, "book", &air);
    assert_int_equal(r->state, LISTING_HALTED);
    assert_true(r->halted);
    halt(0, false);
    halt(made.air, false);
    r = ask(BUYER, "book", &crowded); /* counted whole */
    asks = r->asks.items;
    assert_int_equal(r->asks.n, 2);
    assert_int_equal(asks[0].orders, 300);
    assert_int_equal(asks[1].price, 60);
    refused(BUYER, "book", &pending, OUTCOME_NO_SUCH_LISTING);
}

static void test_tape(void **state)
{
    (void)state;
    struct body_q_tape all = {0}, one = {.listing = made.water}, hidden = {.listing = made.pending}, page = {.limit = 2};
    const struct body_r_tape *r = ask(BUYER, "tape", &all);
    const struct body_top_row *rows = r->tops.items;
    assert_int_equal(r->next, w.size);
    assert_int_equal(r->after, 0);
    assert_int_equal(r->tops.n, 3);
    assert_int_equal(rows[0].listing, made.air);
    assert_text(rows[0].title, "Air");
    assert_true(rows[0].has_last);
    assert_int_equal(rows[0].last_price, 100);
    assert_int_equal(((const struct body_level *)rows[0].bid.items)->price, 90);
    assert_int_equal(((const struct body_level *)rows[0].bid.items)->quantity, 3);
    assert_true(((const struct body_level *)rows[0].ask.items)->unlimited);
    assert_int_equal(rows[1].listing, made.water);
    assert_int_equal(rows[1].bid.n, 0);
    assert_int_equal(rows[2].listing, made.crowded);
    assert_int_equal(((const struct body_level *)rows[2].ask.items)->orders, 256); /* no more are counted */
    r = ask(BUYER, "tape", &page);
    assert_int_equal(r->tops.n, 2);
    page.after = r->after;
    r = ask(BUYER, "tape", &page);
    assert_int_equal(r->tops.n, 1);
    assert_int_equal(((const struct body_top_row *)r->tops.items)->listing, made.crowded);
    assert_int_equal(r->after, 0);
    r = ask(VENDOR, "tape", &one);
    assert_int_equal(r->tops.n, 1);
    assert_int_equal(((const struct body_top_row *)r->tops.items)->listing, made.water);
    refused(BUYER, "tape", &hidden, OUTCOME_NO_SUCH_LISTING);
    assert_non_null(ask(VENDOR, "tape", &hidden));
    halt(made.water, true);
    r = ask(BUYER, "tape", &all);
    assert_int_equal(r->tops.n, 3);
    assert_int_equal(((const struct body_top_row *)r->tops.items)[1].state, LISTING_HALTED);
    halt(made.water, false);
}

/* ---- orders ---- */

static void test_order(void **state)
{
    (void)state;
    struct body_q_order gtd = {.order = made.gtd}, none = {.order = 1};
    const struct body_order_row *row = ((const struct body_r_order *)ask(VENDOR, "order", &gtd))->row.items;
    assert_int_equal(row->order, made.gtd);
    assert_text(row->title, "Water");
    assert_true(row->post_only && row->resting);
    assert_false(row->closed);
    assert_int_equal(row->tif, TIF_GTD);
    assert_non_null(ask(REGULATOR, "order", &gtd));
    refused(BUYER, "order", &gtd, OUTCOME_NOT_YOURS);
    refused(OPERATOR, "order", &gtd, OUTCOME_NOT_YOURS);
    refused(VENDOR, "order", &none, OUTCOME_NO_SUCH_ORDER);
}

/* ---- deadlines ---- */

static uint64_t due_now(void)
{
    struct body_q_trade trade = {.trade = made.trade};
    return ((const struct body_trade_row *)((const struct body_r_trade *)ask(BUYER, "trade", &trade))->row.items)->due;
}

/* By the wall's clock, and while something is halted: from now on, what is left. */
static void test_due(void **state)
{
    (void)state;
    uint64_t due = due_now(), halted_at;
    w.now_ms += 1000;
    assert_int_equal(due_now(), due);
    halt(made.air, true);
    halted_at = w.now_ms;
    assert_int_equal(due_now(), due);
    w.now_ms += 5000;
    assert_int_equal(due_now(), due + 5000);
    halt(made.air, false);
    due += w.now_ms - halted_at;
    w.now_ms += 1000;
    assert_int_equal(due_now(), due);
    halt(0, true);
    halted_at = w.now_ms;
    w.now_ms += 7000;
    assert_int_equal(due_now(), due + 7000);
    halt(0, false);
    due += w.now_ms - halted_at;
    w.now_ms += 1000;
    assert_int_equal(due_now(), due);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_market),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_book),
        cmocka_unit_test(test_tape),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_due),
    };
    return cmocka_run_group_tests_name("server_query_books", tests, build, tear_down);
}
