/*
 * Deciding a journal again: a good one passes; one that was touched, or whose ticks and `continue`s are not where the
 * law puts them, is found with the record's index.
 */
#include "tests/unit/market_fixture.h"

static struct bytes kept[8192]; /* the journal under test */
static size_t n_kept;

static void keep(const struct world *w)
{
    assert_true(w->n_records <= ARRAY_LEN(kept));
    memcpy(kept, w->records, w->n_records * sizeof *kept);
    n_kept = w->n_records;
}

static void remove_journal(struct world *w)
{
    char path[128];
    const char *const names[] = {"journal/data.mdb", "journal/lock.mdb"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof path, "%s/%s", w->dir, names[i]);
        unlink(path);
    }
}

static enum tide_err verify_kept(struct world *w, bool signatures, struct verify_result *result)
{
    struct journal *journal;
    remove_journal(w);
    assert_int_equal(journal_open(w->dir, JOURNAL_CREATE, &journal), TIDE_OK);
    assert_int_equal(journal_append(journal, kept, n_kept), TIDE_OK);
    enum tide_err err = verify_journal(journal, w->dir, signatures, NULL, NULL, result);
    journal_close(&journal);
    return err;
}

static void finds(struct world *w, uint64_t index, const char *why)
{
    struct verify_result result;
    assert_int_equal(verify_kept(w, false, &result), TIDE_EDAMAGED);
    if (!strstr(result.why, why)) fail_msg("it says \"%s\"", result.why);
    assert_int_equal(result.bad_index, index);
    keep(w);
}

static struct record decoded(struct world *w, size_t index)
{
    struct record r;
    assert_int_equal(record_decode(w->records[index], &w->arena, &r), TIDE_OK);
    return r;
}

static struct bytes encoded(struct world *w, struct record r)
{
    struct bytes out;
    assert_int_equal(record_encode(&r, &w->arena, &out), TIDE_OK);
    return out;
}

/* The last statement of a kind. */
static size_t last_statement(struct world *w, uint64_t kind)
{
    for (size_t i = w->n_records; i-- > 0;) {
        struct record r = decoded(w, i);
        struct bytes bytes;
        const uint8_t *signature;
        struct statement s;
        if (r.type != RECORD_STATEMENT) continue;
        assert_int_equal(envelope_decode(r.payload, &w->arena, &bytes, &signature), TIDE_OK);
        assert_int_equal(statement_decode(bytes, &w->arena, &s), TIDE_OK);
        if (s.kind == kind) return i;
    }
    fail();
    return 0;
}

/* Takes records [first, last) out; what follows moves up, with its indices put right. */
static void take_out(struct world *w, size_t first, size_t last)
{
    for (size_t i = last; i < n_kept; i++) {
        struct record r = decoded(w, i);
        r.index = first + (i - last);
        kept[r.index] = encoded(w, r);
    }
    n_kept -= last - first;
}

/* ---- records that were touched ---- */

static void check_touched(struct world *w)
{
    struct verify_result result;
    struct record r;
    keep(w);
    assert_int_equal(verify_kept(w, true, &result), TIDE_OK);
    assert_int_equal(result.n_records, n_kept);

    size_t order = last_statement(w, KIND_ORDER), last = n_kept - 1;
    uint8_t *event = arena_alloc(&w->arena, kept[last].len);
    assert_non_null(event);
    memcpy(event, kept[last].data, kept[last].len);
    event[kept[last].len - 1] ^= 1;
    kept[last] = BYTES(event, kept[last].len);
    finds(w, last, "another event");

    n_kept--; /* an event missing at the end */
    finds(w, last, "lacks an event");
    kept[n_kept] = encoded(w, (r = decoded(w, last), r.index++, r)); /* one too many */
    n_kept++;
    finds(w, last + 1, "does not cause");

    r = decoded(w, order);
    r.time_ms = decoded(w, order - 1).time_ms - 1;
    kept[order] = encoded(w, r);
    finds(w, order, "time runs backwards");

    r = decoded(w, order);
    r.index++;
    kept[order] = encoded(w, r);
    finds(w, order, "not a record of this index");
}

static void test_a_touched_record_is_found(void **state)
{
    (void)state;
    with_world(SMALL_MARKET "at 10:00 acme asks 1 @ 9.00 on air\nat 10:01 birch bids 1 @ 9.00 on air\n", check_touched);
}

static void check_signatures(struct world *w)
{
    struct verify_result result;
    size_t order = last_statement(w, KIND_ORDER);
    keep(w);
    struct record r = decoded(w, order);
    uint8_t *payload = arena_alloc(&w->arena, r.payload.len);
    assert_non_null(payload);
    memcpy(payload, r.payload.data, r.payload.len);
    payload[r.payload.len - 1] ^= 1; /* the signature's last byte */
    r.payload = BYTES(payload, r.payload.len);
    kept[order] = encoded(w, r);
    assert_int_equal(verify_kept(w, true, &result), TIDE_EDAMAGED);
    assert_int_equal(result.bad_index, order);
    assert_non_null(strstr(result.why, "signature"));
    /* Without looking at signatures, the events' salts still tell: they are over the envelope. */
    finds(w, order + 1, "another event");
}

static void test_signatures_are_checked_if_asked_for(void **state)
{
    (void)state;
    with_world(SMALL_MARKET "at 10:00 acme asks 1 @ 9.00 on air\n", check_signatures);
}

/* ---- what the broker must state, and when ---- */

static void check_missing_tick(struct world *w)
{
    size_t tick = last_statement(w, KIND_TICK);
    keep(w);
    take_out(w, tick, tick + 2);
    finds(w, tick, "a `tick` was due");
}

static void test_a_missing_tick_is_found(void **state)
{
    (void)state;
    with_world(SMALL_MARKET "at 10:00 acme asks 5 @ 9.00 on air\nat 10:01 birch bids 1 @ 9.00 on air\n"
                            "at day 2 10:01 acme asks 1 @ 9.00 on air\n",
               check_missing_tick);
}

static void check_missing_continue(struct world *w)
{
    size_t go_on = last_statement(w, KIND_CONTINUE);
    keep(w);
    take_out(w, go_on, last_statement(w, KIND_CANCEL));
    finds(w, go_on, "a `continue` was due");
    n_kept = go_on; /* a journal may end there: the broker stopped before it could go on */
    struct verify_result result;
    assert_int_equal(verify_kept(w, true, &result), TIDE_OK);
}

static void test_a_missing_continue_is_found(void **state)
{
    (void)state;
    with_world(SMALL_MARKET "at 10:00 acme asks 1 @ 1.00 on air times 260\nat 10:01 birch bids 260 @ 1.00 on air\n"
                            "at 10:02 cedar bids 1 @ 1.00 on air as c1\nat 10:03 cedar cancels c1\n",
               check_missing_continue);
}

#define SAMPLED_MARKET \
    "party acme vendor\nparty rev reviewer\nparty till bank\nparty birch buyer\n" \
    "at 09:11 acme lists air \"Air quality\" bytes 3932160 samples 3\nat 09:12 broker stores air\n" \
    "at 09:13 rev approves air\nat 09:14 till deposits 1.00 to birch reference R1\n"

static void check_missing_drawn(struct world *w)
{
    struct verify_result result;
    size_t drawn = last_statement(w, KIND_DRAWN);
    assert_int_equal(drawn, last_statement(w, KIND_REVIEW) + 3); /* it moved and was registered */
    keep(w);
    take_out(w, drawn, drawn + 2);
    finds(w, drawn, "a `drawn` was due");

    /* A draw like the others, but from the root a record later, is of the broker's own choosing. */
    struct body_drawn body = {.listing = symbol_get(w, 'l', "air")};
    struct record r = decoded(w, drawn);
    world_log_root(w, drawn - 1, body.root);
    w->now_ms = r.time_ms;
    r.payload = world_envelope(w, world_person(w, "broker"), KIND_DRAWN, &body, NULL);
    kept[drawn] = encoded(w, r);
    finds(w, drawn, "not drawn from the log's root");

    /* The right root passes, up to the event, whose salt is another now. */
    world_log_root(w, last_statement(w, KIND_REVIEW) + 1, body.root);
    r.payload = world_envelope(w, world_person(w, "broker"), KIND_DRAWN, &body, NULL);
    kept[drawn] = encoded(w, r);
    finds(w, drawn + 1, "another event");
    assert_int_equal(verify_kept(w, true, &result), TIDE_OK);
}

static void test_a_draw_from_another_root_is_found(void **state)
{
    (void)state;
    with_world(SAMPLED_MARKET, check_missing_drawn);
}

static void check_refused_statement(struct world *w)
{
    /* The same statement twice, with its event. */
    size_t order = last_statement(w, KIND_ORDER);
    keep(w);
    for (size_t i = order; i < w->n_records; i++) {
        struct record r = decoded(w, i);
        r.index = n_kept;
        kept[n_kept++] = encoded(w, r);
    }
    finds(w, w->n_records, "accepted before");

    /* A tick that nothing called for. */
    const struct body_tick tick = {0};
    struct record r = {.type = RECORD_STATEMENT, .index = n_kept, .time_ms = w->now_ms};
    r.payload = world_envelope(w, world_person(w, "broker"), KIND_TICK, &tick, NULL);
    kept[n_kept++] = encoded(w, r);
    finds(w, w->n_records, "refused: wrong_state, nothing is due");
}

static void test_what_is_refused_again_is_found(void **state)
{
    (void)state;
    with_world(SMALL_MARKET "at 10:00 acme asks 1 @ 9.00 on air\n", check_refused_statement);
}

/* ---- driving it ---- */

static bool stop_at_once(void *ctx, uint64_t done, uint64_t total)
{
    assert_true(done <= total);
    ++*(int *)ctx;
    return false;
}

static void check_cancel(struct world *w)
{
    struct journal *journal;
    struct verify_result result;
    int calls = 0;
    keep(w);
    assert_int_equal(journal_open(w->dir, JOURNAL_CREATE, &journal), TIDE_OK);
    assert_int_equal(journal_append(journal, kept, n_kept), TIDE_OK);
    assert_int_equal(verify_journal(journal, w->dir, false, stop_at_once, &calls, &result), TIDE_ECANCELED);
    assert_int_equal(calls, 1);
    journal_close(&journal);

    /* An empty journal holds nothing wrong. */
    n_kept = 0;
    assert_int_equal(verify_kept(w, true, &result), TIDE_OK);
    assert_int_equal(result.n_records, 0);
}

static void test_progress_can_stop_it(void **state)
{
    (void)state;
    with_world(SMALL_MARKET "at 10:00 acme sends a batch\n asks 1 @ 9.00 on air times 256\n"
                            "at 10:01 acme asks 1 @ 9.00 on air times 1920\n",
               check_cancel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_touched_record_is_found),
        cmocka_unit_test(test_signatures_are_checked_if_asked_for),
        cmocka_unit_test(test_a_missing_tick_is_found),
        cmocka_unit_test(test_a_missing_continue_is_found),
        cmocka_unit_test(test_a_draw_from_another_root_is_found),
        cmocka_unit_test(test_what_is_refused_again_is_found),
        cmocka_unit_test(test_progress_can_stop_it),
    };
    return cmocka_run_group_tests(tests, setup_crypto, NULL);
}
