/*
 * Deciding and executing: records and their salts, steps, what a refusal leaves, the genesis, trades within one group.
 */
#include "tests/unit/market_fixture.h"

static void digest(struct world *w, uint8_t out[32])
{
    assert_int_equal(state_digest(world_view(w), out), TIDE_OK);
}

/* ---- records ---- */

static void check_records(struct world *w)
{
    struct record cause;
    uint64_t ordinal = 0;
    size_t cause_at = 0;
    for (size_t i = 0; i < w->n_records; i++) {
        struct record r;
        struct event e;
        uint8_t salt[16];
        assert_int_equal(record_decode(w->records[i], &w->arena, &r), TIDE_OK);
        assert_int_equal(r.index, i);
        if (r.type == RECORD_STATEMENT) {
            cause = r;
            cause_at = i;
            ordinal = 0;
            continue;
        }
        assert_int_equal(event_decode(r.payload, &w->arena, &e), TIDE_OK);
        assert_int_equal(e.cause_index, cause_at);
        assert_int_equal(r.time_ms, cause.time_ms);
        event_salt(w->records[cause_at], ordinal++, salt);
        assert_memory_equal(salt, e.salt, 16);
    }
}

static void test_records_follow_their_cause_with_salts_of_it(void **state)
{
    (void)state;
    with_world(SMALL_MARKET "at 10:00 acme sends a batch\n asks 1 @ 9.00 on air times 9\nat 10:01 birch bids 4 @ 9.00 on air\n",
               check_records);
}

/* ---- steps ---- */

/* The same batch through market_decide and market_apply_event, step by step, on a state at the same point. */
static void check_steps(struct world *w)
{
    struct bytes statement_bytes;
    const uint8_t *signature;
    struct record r;
    struct cause cause;
    struct decision *d = malloc(sizeof *d);
    struct state *other;
    struct state_view *view;
    uint8_t ours[32], theirs[32];
    size_t at = w->n_records;
    assert_non_null(d);
    while (record_decode(w->records[--at], &w->arena, &r) || r.type != RECORD_STATEMENT) continue;
    assert_int_equal(envelope_decode(r.payload, &w->arena, &statement_bytes, &signature), TIDE_OK);
    assert_int_equal(statement_decode(statement_bytes, &w->arena, &cause.statement), TIDE_OK);
    assert_int_equal(cause.statement.kind, KIND_ORDER_BATCH);
    cause.statement_bytes = statement_bytes;
    cause.envelope = r.payload;
    cause.index = at;

    assert_int_equal(state_open_temporary(w->dir, &other), TIDE_OK);
    assert_int_equal(state_write(other, &view), TIDE_OK);
    for (size_t i = 0; i < at; i++) assert_int_equal(market_apply(view, w->records[i], &w->arena), TIDE_OK);
    uint64_t index = at + 1, step = 0;
    d->more = true;
    for (d->n_matched = 0; d->more; step++) {
        assert_int_equal(market_decide(view, &cause, r.time_ms, step, index, &w->arena, d), TIDE_OK);
        assert_int_equal(d->outcome, OUTCOME_OK);
        if (step == 0) assert_int_equal(market_apply(view, w->records[at], &w->arena), TIDE_OK);
        for (size_t i = 0; i < d->n_events; i++)
            assert_int_equal(market_apply_event(view, index++, r.time_ms, at, d->events[i].kind, d->events[i].body),
                             TIDE_OK);
    }
    assert_int_equal(index, w->n_records);
    digest(w, ours);
    struct state *mine = w->state;
    w->state = other;
    digest(w, theirs);
    w->state = mine;
    state_close(&other, false);
    free(d);
    assert_memory_equal(ours, theirs, 32);
}

static void test_steps_alone_give_what_execute_gives(void **state)
{
    (void)state;
    with_world(SMALL_MARKET "at 10:00 acme asks 1 @ 9.00 on air times 300\n"
                            "at 10:01 birch sends a batch\n bids 3 @ 9.00 on air\n bids 1 @ 5000.00 on air\n"
                            " bids 300 @ 1.00 on air\n bids 100 @ 3.00 on air\n bids 20 @ 9.00 on air\n",
               check_steps);
}

/* ---- refusals ---- */

static void check_refusals_leave_nothing(struct world *w)
{
    uint8_t before[32], after[32];
    digest(w, before);
    script_text(w, "at 10:00 birch bids 1 @ 5000.00 on air\nexpect refused no_funds\n"
                   "at 10:00 acme lists x \"X\" class core\nexpect refused core_data\n"
                   "at 10:00 birch cancels 2\nexpect refused no_such_order\n"
                   "at 10:00 broker ticks\nexpect refused wrong_state\n");
    digest(w, after);
    assert_memory_equal(before, after, 32);
}

static void test_a_refusal_leaves_the_state_as_it_was(void **state)
{
    (void)state;
    with_world(SMALL_MARKET, check_refusals_leave_nothing);
}

static void check_time_backwards(struct world *w)
{
    const struct body_cancel cancel = {1};
    struct bytes bytes, envelope = world_envelope(w, world_person(w, "birch"), KIND_CANCEL, &cancel, NULL);
    const uint8_t *signature;
    struct statement s;
    assert_int_equal(envelope_decode(envelope, &w->arena, &bytes, &signature), TIDE_OK);
    assert_int_equal(statement_decode(bytes, &w->arena, &s), TIDE_OK);
    assert_int_equal(market_execute(world_view(w), envelope, &s, bytes, w->now_ms - 1, w->n_records, &w->arena,
                                    &w->last),
                     TIDE_EINVAL);
    assert_int_equal(market_execute(world_view(w), envelope, &s, bytes, w->now_ms, w->n_records, &w->arena, &w->last),
                     TIDE_OK);
    assert_int_equal(w->last.outcome, OUTCOME_NO_SUCH_ORDER);
    assert_int_equal(w->last.n_records, 0);
    assert_int_equal(w->last.next_index, w->n_records);
}

static void test_time_never_runs_backwards(void **state)
{
    (void)state;
    with_world(SMALL_MARKET, check_time_backwards);
}

/* ---- a repeated statement ---- */

static void check_repeat_ranges(struct world *w)
{
    uint64_t first = w->last.first_index, next = w->last.next_index;
    assert_int_equal(next - first, 401); /* the statement, 150 placed, 250 traded */
    script_text(w, "at 10:01 again\nexpect repeated\n");
    assert_int_equal(w->last.first_index, first);
    assert_int_equal(w->last.next_index, next); /* the newest statement */
    struct bytes envelope = w->last_envelope;
    script_text(w, "at 10:01 acme asks 1 @ 20.00 on air\nat 10:01 birch cancels 1\nexpect refused no_such_order\n");
    world_send_envelope(w, envelope, true);
    assert_true(w->last.repeated);
    assert_int_equal(w->last.first_index, first);
    assert_int_equal(w->last.next_index, next); /* no longer the newest */
}

static void test_a_repetition_names_the_first_acceptance(void **state)
{
    (void)state;
    with_world(SMALL_MARKET "at 10:00 acme sends a batch\n asks 1 @ 2.00 on air times 150\n"
                            "at 10:00 acme sends a batch\n asks 1 @ 2.00 on air times 100\n"
                            "at 10:01 birch sends a batch\n bids 2 @ 2.00 on air times 100\n bids 1 @ 2.00 on air times 50\n",
               check_repeat_ranges);
}

/* ---- the genesis ---- */

static enum outcome genesis_outcome(struct world *w)
{
    struct bytes bytes, envelope = world_envelope(w, world_person(w, "broker"), KIND_GENESIS, &w->genesis, NULL);
    const uint8_t *signature;
    struct statement s;
    struct state *other;
    struct state_view *view;
    assert_int_equal(state_open_temporary(w->dir, &other), TIDE_OK);
    assert_int_equal(state_write(other, &view), TIDE_OK);
    assert_int_equal(envelope_decode(envelope, &w->arena, &bytes, &signature), TIDE_OK);
    assert_int_equal(statement_decode(bytes, &w->arena, &s), TIDE_OK);
    assert_int_equal(market_execute(view, envelope, &s, bytes, w->now_ms, 0, &w->arena, &w->last), TIDE_OK);
    state_close(&other, false);
    return w->last.outcome;
}

static void check_genesis(struct world *w)
{
    struct body_genesis *g = &w->genesis;
    struct operator_entry good = w->operators[1];
    assert_int_equal(genesis_outcome(w), OUTCOME_OK);
    assert_int_equal(w->last.n_records, 4);

    w->operators[1] = w->operators[0];
    assert_int_equal(genesis_outcome(w), OUTCOME_ALREADY_ENROLLED);
    w->operators[1] = good;
    memcpy(w->operators[1].party, identity_party(world_person(w, "broker")->id), 32);
    assert_int_equal(genesis_outcome(w), OUTCOME_ALREADY_ENROLLED);
    w->operators[1] = good;
    memset(w->operators[1].seal_key, 0, 32);
    w->operators[1].seal_key[0] = 1;
    assert_int_equal(genesis_outcome(w), OUTCOME_BAD_RECIPIENT);
    w->operators[1] = good;
    w->operators[1].name = BYTES_TEXT("a\xc2\x85");
    assert_int_equal(genesis_outcome(w), OUTCOME_BAD_TEXT);
    w->operators[1] = good;

    g->parameters.n = 1;
    w->parameters[0] = (struct parameter_value){PARAM_FEE_DATASET_BP, 10001};
    assert_int_equal(genesis_outcome(w), OUTCOME_MALFORMED);
    w->parameters[0] = (struct parameter_value){PARAM_GRANT_MS, 0};
    assert_int_equal(genesis_outcome(w), OUTCOME_MALFORMED);
    g->parameters.n = 2;
    w->parameters[0] = w->parameters[1] = (struct parameter_value){PARAM_FEE_DATASET_BP, 10000};
    assert_int_equal(genesis_outcome(w), OUTCOME_MALFORMED);
}

static void test_a_genesis_is_checked(void **state)
{
    (void)state;
    with_world(SMALL_MARKET, check_genesis);
}

static void check_parameter_defaults(struct world *w)
{
    struct row_market m;
    assert_int_equal(market_row(world_view(w), &m), TIDE_OK);
    assert_memory_equal(m.parameters, parameter_defaults, sizeof m.parameters);
    assert_int_equal(m.n_operators, 2);
    assert_string_equal(m.origin, "market.example/test");
}

static void test_parameters_begin_with_their_defaults(void **state)
{
    (void)state;
    with_world(SMALL_MARKET, check_parameter_defaults);
}

/* ---- one group on both sides ---- */

/* No statement of these rules brings it about (only the vendor asks, and its group may not bid): the state does. */
static void join_groups(struct world *w, const char *a, const char *b)
{
    const char *names[] = {a, b};
    for (size_t i = 0; i < 2; i++) {
        struct row_party row;
        uint64_t number;
        uint8_t key[8];
        assert_int_equal(party_by_key(world_view(w), identity_party(world_person(w, names[i])->id), &number, &row),
                         TIDE_OK);
        strcpy(row.group, "kindred");
        key_u64(key, number);
        assert_int_equal(state_put(world_view(w), TABLE_PARTY, key, &row), TIDE_OK);
    }
}

static void check_self_trade(struct world *w)
{
    uint8_t before[32], after[32];
    join_groups(w, "acme", "cedar");
    digest(w, before);
    script_text(w, "at 10:10 acme asks 5 @ 1.00 on air\nexpect refused self_trade\n");
    digest(w, after);
    assert_memory_equal(before, after, 32);
}

/* What a refused item would have matched does not count against the batch. */
static void check_self_trade_in_batch(struct world *w)
{
    join_groups(w, "acme", "cedar");
    script_text(w, "at 10:10 acme sends a batch\n asks 201 @ 1.00 on air\n asks 1 @ 1000.00 on 2\n"
                   " asks 200 @ 2.00 on air\nexpect items self_trade no_such_listing ok\nexpect events 200 traded\n"
                   "expect events 0 sliced\n");
    assert_null(w->last.detail); /* items have codes, not sentences */
}

static void test_a_refused_item_spends_no_matches(void **state)
{
    (void)state;
    with_world(SMALL_MARKET "at 10:00 birch bids 1 @ 2.00 on air times 200\nat 10:01 cedar bids 1 @ 1.00 on air\n",
               check_self_trade_in_batch);
}

static void test_an_order_that_meets_its_own_group_is_refused(void **state)
{
    (void)state;
    with_world(SMALL_MARKET "at 10:00 birch bids 1 @ 2.00 on air\nat 10:01 cedar bids 1 @ 1.00 on air\n",
               check_self_trade);
}

static void check_self_trade_later(struct world *w)
{
    join_groups(w, "acme", "cedar");
    script_text(w, "at 10:10 acme asks 300 @ 1.00 on air as a1\nexpect events 280 traded\nexpect events 1 sliced\n"
                   "expect closed a1 because self_trade left 20\nexpect book air bids 1 @ 1.00, 1 @ 1.00\n");
}

static void test_met_in_a_later_slice_the_rest_is_cancelled(void **state)
{
    (void)state;
    with_world(SMALL_MARKET "at 10:00 birch bids 1 @ 2.00 on air times 280\nat 10:01 cedar bids 1 @ 1.00 on air\n"
                            "at 10:01 birch bids 1 @ 1.00 on air\n",
               check_self_trade_later);
}

/* ---- every answer of the law has a scenario ---- */

static void test_every_outcome_has_a_scenario(void **state)
{
    (void)state;
    static char text[1 << 20];
    FILE *pipe = popen("cat tests/scenario/*.market", "r");
    assert_non_null(pipe);
    size_t len = fread(text, 1, sizeof text - 1, pipe);
    pclose(pipe);
    text[len] = 0;
    assert_true(len > 1000);
    for (size_t i = 0; i < n_all_outcomes; i++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "expect refused %s\n", all_outcomes[i].name);
        if (all_outcomes[i].giver != GIVEN_BY_LAW || all_outcomes[i].code == OUTCOME_OK || strstr(text, wanted)) continue;
        fail_msg("no scenario has \"expect refused %s\"", all_outcomes[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_follow_their_cause_with_salts_of_it),
        cmocka_unit_test(test_steps_alone_give_what_execute_gives),
        cmocka_unit_test(test_a_refusal_leaves_the_state_as_it_was),
        cmocka_unit_test(test_time_never_runs_backwards),
        cmocka_unit_test(test_a_repetition_names_the_first_acceptance),
        cmocka_unit_test(test_a_genesis_is_checked),
        cmocka_unit_test(test_parameters_begin_with_their_defaults),
        cmocka_unit_test(test_an_order_that_meets_its_own_group_is_refused),
        cmocka_unit_test(test_a_refused_item_spends_no_matches),
        cmocka_unit_test(test_met_in_a_later_slice_the_rest_is_cancelled),
        cmocka_unit_test(test_every_outcome_has_a_scenario),
    };
    return cmocka_run_group_tests(tests, setup_crypto, NULL);
}
