/*
 * Events about parties, keys, halts and parameters that contradict the state: every one is TIDE_EDAMAGED, none an
 * assertion. And what of a party's keys stays for ever.
 */
#include "tests/unit/market_fixture.h"

/* Applies one event to the state as it is, then takes it back: the commit before is what counts. */
static enum tide_err try_event(struct world *w, uint64_t kind, const void *body)
{
    assert_int_equal(state_commit(w->state), TIDE_OK);
    enum tide_err err = market_apply_event(world_view(w), w->n_records, w->now_ms, w->n_records - 2, kind, body);
    state_abort(w->state);
    return err;
}

static void copy_party(struct world *w, const char *name, uint8_t key[32])
{
    memcpy(key, identity_party(world_person(w, name)->id), 32);
}

/* ---- suspension ---- */

static void check_states(struct world *w)
{
    struct body_suspended suspended;
    struct body_reinstated reinstated;
    copy_party(w, "birch", suspended.party);
    copy_party(w, "birch", reinstated.party);
    assert_int_equal(try_event(w, KIND_REINSTATED, &reinstated), TIDE_EDAMAGED);
    assert_int_equal(try_event(w, KIND_SUSPENDED, &suspended), TIDE_OK);
    script_text(w, "at 10:10 op1 suspends birch\n");
    assert_int_equal(try_event(w, KIND_SUSPENDED, &suspended), TIDE_EDAMAGED);
    assert_int_equal(try_event(w, KIND_REINSTATED, &reinstated), TIDE_OK);
    copy_party(w, "nobody", reinstated.party);
    assert_int_equal(try_event(w, KIND_REINSTATED, &reinstated), TIDE_EDAMAGED);
}

static void test_a_party_is_suspended_and_reinstated_in_turn(void **state)
{
    (void)state;
    with_world(SMALL_MARKET, check_states);
}

/* ---- keys ---- */

static struct body_rekeyed rekeyed_of(struct world *w, const char *party, const char *keys)
{
    struct body_rekeyed e;
    const struct identity *id = world_person(w, keys)->id;
    copy_party(w, party, e.party);
    copy_party(w, keys, e.new_key);
    memcpy(e.seal_key, identity_seal_public(id), 32);
    memcpy(e.wire_key, identity_wire_public(id), 32);
    return e;
}

static uint64_t index_in(struct world *w, enum table table, const uint8_t key[32])
{
    struct row_ref ref;
    assert_int_equal(state_get(world_view(w), table, key, &ref), TIDE_OK);
    return ref.index;
}

/* The n-th line of a party's history of keys. */
static struct row_key key_of(struct world *w, uint64_t party, unsigned n)
{
    struct row_key row;
    uint8_t key[16];
    key_u64_u64(key, party, 0);
    for (unsigned i = 0; i <= n; i++)
        assert_int_equal(state_next(world_view(w), TABLE_KEY_OF, key, 8, i > 0, &row), TIDE_OK);
    return row;
}

static void check_keys(struct world *w)
{
    uint64_t number;
    struct row_party row;
    struct body_rekeyed e = rekeyed_of(w, "birch", "birch2");
    struct body_rekey_stopped stopped;
    copy_party(w, "birch", stopped.party);
    assert_int_equal(try_event(w, KIND_REKEYED, &e), TIDE_OK);
    assert_int_equal(try_event(w, KIND_REKEY_STOPPED, &stopped), TIDE_EDAMAGED); /* none announced */
    e = rekeyed_of(w, "birch", "cedar");
    assert_int_equal(try_event(w, KIND_REKEYED, &e), TIDE_EDAMAGED);
    e = rekeyed_of(w, "nobody", "birch2");
    assert_int_equal(try_event(w, KIND_REKEYED, &e), TIDE_EDAMAGED);
    e = rekeyed_of(w, "broker", "birch2");
    assert_int_equal(try_event(w, KIND_REKEYED, &e), TIDE_EDAMAGED);

    assert_int_equal(party_by_key(world_view(w), identity_party(world_person(w, "birch")->id), &number, &row), TIDE_OK);
    uint8_t old_wire[32], old_seal[32], old_key[32];
    memcpy(old_key, row.key, 32);
    memcpy(old_wire, row.wire_key, 32);
    memcpy(old_seal, row.seal_key, 32);
    script_text(w, "at 10:10 birch rekeys to birch2\n");
    e = rekeyed_of(w, "birch", "birch3"); /* by a key that is not in force */
    assert_int_equal(try_event(w, KIND_REKEYED, &e), TIDE_EDAMAGED);
    e = rekeyed_of(w, "birch2", "birch"); /* back to one that was replaced */
    assert_int_equal(try_event(w, KIND_REKEYED, &e), TIDE_EDAMAGED);

    /* The old keys stay, so that nobody can take them; the history has both. */
    const struct identity *id = world_person(w, "birch2")->id;
    assert_int_equal(index_in(w, TABLE_PARTY_KEY, old_key), number);
    assert_int_equal(index_in(w, TABLE_WIRE_KEY, old_wire), number);
    assert_int_equal(index_in(w, TABLE_RECIPIENT, old_seal), number);
    assert_int_equal(index_in(w, TABLE_PARTY_KEY, identity_party(id)), number);
    assert_int_equal(index_in(w, TABLE_WIRE_KEY, identity_wire_public(id)), number);
    assert_int_equal(index_in(w, TABLE_RECIPIENT, identity_seal_public(id)), w->n_records - 1);
    assert_memory_equal(key_of(w, number, 0).key, old_key, 32);
    assert_memory_equal(key_of(w, number, 0).seal_key, old_seal, 32);
    assert_memory_equal(key_of(w, number, 1).key, identity_party(id), 32);
    assert_memory_equal(key_of(w, number, 1).seal_key, identity_seal_public(id), 32);
}

static void test_keys_are_replaced_by_new_ones_only(void **state)
{
    (void)state;
    with_world(SMALL_MARKET, check_keys);
}

static void check_announcements(struct world *w)
{
    const struct body_rekeyed keys = rekeyed_of(w, "birch", "birch2");
    struct body_rekey_announced e = {.effective_at = w->now_ms + 5000};
    memcpy(e.party, keys.party, 32);
    memcpy(e.new_key, keys.new_key, 32);
    memcpy(e.seal_key, keys.seal_key, 32);
    memcpy(e.wire_key, keys.wire_key, 32);
    assert_int_equal(try_event(w, KIND_REKEY_ANNOUNCED, &e), TIDE_OK);
    script_text(w, "at 10:10 op1 replaces-keys of birch by birch2\n");
    assert_int_equal(try_event(w, KIND_REKEY_ANNOUNCED, &e), TIDE_EDAMAGED); /* one at a time */
    copy_party(w, "broker", e.party);
    assert_int_equal(try_event(w, KIND_REKEY_ANNOUNCED, &e), TIDE_EDAMAGED);
}

static void test_one_change_is_announced_at_a_time(void **state)
{
    (void)state;
    with_world(SMALL_MARKET, check_announcements);
}

/* ---- the market ---- */

static void check_market(struct world *w)
{
    struct parameter_value values[2] = {{PARAM_GRANT_MS, 1000}, {PARAM_GRANT_MS, 2000}};
    struct body_parameters_set set = {{values, 1}};
    const struct body_market_moved halted = {1}, resumed = {0};
    assert_int_equal(try_event(w, KIND_MARKET_MOVED, &resumed), TIDE_EDAMAGED);
    assert_int_equal(try_event(w, KIND_MARKET_MOVED, &halted), TIDE_OK);
    assert_int_equal(try_event(w, KIND_PARAMETERS_SET, &set), TIDE_OK);
    set.parameters.n = 2; /* twice the same */
    assert_int_equal(try_event(w, KIND_PARAMETERS_SET, &set), TIDE_EDAMAGED);
    set.parameters.n = 1;
    values[0].value = 999;
    assert_int_equal(try_event(w, KIND_PARAMETERS_SET, &set), TIDE_EDAMAGED);
    script_text(w, "at 10:10 op1 halts market\n");
    assert_int_equal(try_event(w, KIND_MARKET_MOVED, &halted), TIDE_EDAMAGED);
    assert_int_equal(try_event(w, KIND_MARKET_MOVED, &resumed), TIDE_OK);
}

static void test_a_market_is_halted_and_resumed_in_turn(void **state)
{
    (void)state;
    with_world(SMALL_MARKET, check_market);
}

/* ---- deadlines that are put off ---- */

#define TRADED_MARKET \
    "parameter grant_ms 3600000\n" SMALL_MARKET \
    "at 10:00 acme asks 3 @ 9.00 on air\nat 10:00 birch bids 1 @ 9.00 on air\nexpect trade 1 @ 9.00 as t1\n"

static void check_deferred(struct world *w)
{
    uint64_t due_ms = w->now_ms + 3600000;
    struct body_deferred e = {.trade = symbol_get(w, 't', "t1")};
    assert_int_equal(try_event(w, KIND_DEFERRED, &e), TIDE_EDAMAGED); /* not halted: nothing to park for */
    e.due = due_ms + 1;
    assert_int_equal(try_event(w, KIND_DEFERRED, &e), TIDE_EDAMAGED); /* not its time */
    e.due = due_ms;
    assert_int_equal(try_event(w, KIND_DEFERRED, &e), TIDE_OK);
    e.trade++;
    assert_int_equal(try_event(w, KIND_DEFERRED, &e), TIDE_EDAMAGED);
    e.trade--;
    script_text(w, "at 10:30 op1 halts air\nat 11:00 time passes\nexpect state t1 matched parked\n");
    e.due = 0;
    assert_int_equal(try_event(w, KIND_DEFERRED, &e), TIDE_EDAMAGED); /* parked already */
    e.due = w->now_ms + 30 * 60000;
    assert_int_equal(try_event(w, KIND_DEFERRED, &e), TIDE_EDAMAGED); /* not before it is resumed */
    script_text(w, "at 11:00 op1 resumes air\nat 11:30 time passes\n");
    assert_int_equal(try_event(w, KIND_DEFERRED, &e), TIDE_EDAMAGED); /* final: no deadline */
}

static void test_a_deadline_is_put_off_to_its_one_time(void **state)
{
    (void)state;
    with_world(TRADED_MARKET, check_deferred);
}

/* However halts, parking and outages mix, the wall time that is left of a deadline is the same before and after. */
static void check_clock(struct world *w)
{
    static const char *const steps[] = {
        "at 10:10 op1 halts air\n", "at 10:20 op1 halts market\n", "at 10:30 op1 resumes air\n",
        "at 10:40 op1 halts air\n", "at 10:50 op1 resumes market\n", "at 11:20 broker returns\n",
        "at 11:30 time passes\n", "at 11:40 op1 resumes air\n", "at 11:45 op1 halts air\n", "at 12:40 time passes\n",
        "at 12:45 op1 halts market\n", "at 12:50 op1 resumes air\n", "at 12:55 op1 resumes market\n",
    };
    static const uint64_t ran_min[] = {10, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0};
    uint64_t left_ms = 3600000, trade = symbol_get(w, 't', "t1");
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct row_market market;
        struct row_listing listing;
        struct row_trade row;
        script_text(w, steps[i]);
        left_ms -= ran_min[i] * 60000;
        assert_int_equal(market_row(world_view(w), &market), TIDE_OK);
        assert_int_equal(trade_get(world_view(w), trade, &row), TIDE_OK);
        assert_int_equal(listing_get(world_view(w), row.listing, &listing), TIDE_OK);
        if (deadline_left(&market, &listing, &row, w->now_ms) != left_ms) fail_msg("after %s", steps[i]);
    }
    script_text(w, "at 13:39:59.999 time passes\nexpect state t1 matched\nat 13:40 time passes\n"
                   "expect state t1 refunded basis deadline\n");
}

static void test_time_counts_once_whatever_stands_still(void **state)
{
    (void)state;
    with_world(TRADED_MARKET, check_clock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_party_is_suspended_and_reinstated_in_turn),
        cmocka_unit_test(test_keys_are_replaced_by_new_ones_only),
        cmocka_unit_test(test_one_change_is_announced_at_a_time),
        cmocka_unit_test(test_a_market_is_halted_and_resumed_in_turn),
        cmocka_unit_test(test_a_deadline_is_put_off_to_its_one_time),
        cmocka_unit_test(test_time_counts_once_whatever_stands_still),
    };
    return cmocka_run_group_tests(tests, setup_crypto, NULL);
}
