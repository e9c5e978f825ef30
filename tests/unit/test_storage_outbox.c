/*
 * The client's outbox: what was signed is there after anything, in order, for several processes at once.
 */
#include "storage/outbox.h"

#include "tests/unit/test_storage.h"

#include <signal.h>
#include <sys/wait.h>

static struct arena arena;

static int set_up(void **state)
{
    arena_init(&arena, 32 << 20);
    return make_test_dir(state);
}

static int tear_down(void **state)
{
    arena_deinit(&arena);
    return remove_test_dir(state);
}

static struct outbox *open_outbox(void)
{
    struct outbox *o;
    assert_ok(outbox_open(in_test_dir("state/tidemark/outbox"), &o)); /* all folders are made */
    return o;
}

static struct outbox_entry make_entry(uint8_t market, uint8_t party, uint64_t id)
{
    static const char envelope[] = "what was signed";
    struct outbox_entry e;
    memset(&e, 0, sizeof e);
    memset(e.market, market, 32);
    memset(e.party, party, 32);
    be64_put(e.command_id, id);
    e.kind = 10;
    e.signed_at_ms = 1700000000000 + id;
    e.envelope = BYTES(envelope, sizeof envelope);
    return e;
}

static void assert_entry(const struct outbox_entry *got, const struct outbox_entry *expected)
{
    assert_memory_equal(got->market, expected->market, 32);
    assert_memory_equal(got->party, expected->party, 32);
    assert_memory_equal(got->command_id, expected->command_id, 16);
    assert_int_equal(got->kind, expected->kind);
    assert_int_equal(got->signed_at_ms, expected->signed_at_ms);
    assert_int_equal(got->state, expected->state);
    assert_int_equal(got->first_index, expected->first_index);
    assert_int_equal(got->next_index, expected->next_index);
    assert_int_equal(got->code, expected->code);
    assert_true(bytes_equal(got->envelope, expected->envelope));
}

static enum tide_err get(struct outbox *o, const struct outbox_entry *e, struct outbox_entry *out)
{
    return outbox_get(o, e->market, e->party, e->command_id, &arena, out);
}

static void test_entries(void **state)
{
    (void)state;
    struct outbox *o = open_outbox();
    struct outbox_entry e = make_entry(1, 2, 3), got;

    assert_int_equal(get(o, &e, &got), TIDE_ENOTFOUND);
    assert_int_equal(outbox_del(o, e.market, e.party, e.command_id), TIDE_ENOTFOUND);
    assert_ok(outbox_put(o, &e));
    assert_ok(get(o, &e, &got));
    assert_entry(&got, &e);
    e.state = OUTBOX_ACCEPTED;
    e.first_index = 100;
    e.next_index = 103;
    assert_ok(outbox_put(o, &e));
    assert_ok(get(o, &e, &got));
    assert_entry(&got, &e);
    outbox_close(&o);
    assert_null(o);
    o = open_outbox();
    assert_ok(get(o, &e, &got));
    assert_entry(&got, &e);
    assert_ok(outbox_del(o, e.market, e.party, e.command_id));
    assert_int_equal(get(o, &e, &got), TIDE_ENOTFOUND);
    assert_null(got.envelope.data);

    e.state = OUTBOX_PROVEN + 1;
    assert_int_equal(outbox_put(o, &e), TIDE_EINVAL);
    e.state = OUTBOX_REFUSED;
    e.code = 207;
    e.envelope.len = 0;
    assert_int_equal(outbox_put(o, &e), TIDE_EINVAL);
    static uint8_t large[33 * 1024];
    e.envelope = BYTES(large, 32768 + 100); /* the longest statement in its envelope */
    assert_ok(outbox_put(o, &e));
    assert_ok(get(o, &e, &got));
    assert_entry(&got, &e);
    e.envelope.len = sizeof large;
    assert_int_equal(outbox_put(o, &e), TIDE_ELIMIT);
    outbox_close(&o);
}

struct walk {
    struct outbox *o;
    uint64_t ids[64];
    size_t n, stop_after;
    bool change;
};

/* Who walks may write: nothing is held open meanwhile. */
static bool note_id(void *ctx, const struct outbox_entry *entry)
{
    struct walk *w = ctx;
    struct outbox_entry changed = *entry;
    w->ids[w->n++] = be64_get(entry->command_id);
    changed.state = OUTBOX_ACCEPTED;
    if (w->change) assert_ok(outbox_put(w->o, &changed));
    return w->n < w->stop_after;
}

static void test_walk_oldest_first(void **state)
{
    static const uint64_t ids[] = {900, 5, 70, 12, 5000};
    uint8_t market[32], party[32];
    (void)state;
    struct outbox *o = open_outbox();
    struct outbox_entry e, got;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        e = make_entry(7, 7, ids[i]);
        assert_ok(outbox_put(o, &e));
    }
    e = make_entry(7, 6, 1); /* others' */
    assert_ok(outbox_put(o, &e));
    e = make_entry(7, 8, 2);
    assert_ok(outbox_put(o, &e));
    e = make_entry(8, 7, 3);
    assert_ok(outbox_put(o, &e));
    memset(market, 7, sizeof market);
    memset(party, 7, sizeof party);

    struct walk w = {.o = o, .stop_after = 64, .change = true};
    assert_ok(outbox_each(o, market, party, note_id, &w));
    assert_int_equal(w.n, 5);
    for (size_t i = 1; i < w.n; i++) assert_true(w.ids[i - 1] < w.ids[i]);
    e = make_entry(7, 7, 70);
    assert_ok(get(o, &e, &got));
    assert_int_equal(got.state, OUTBOX_ACCEPTED);

    w = (struct walk){.o = o, .stop_after = 2};
    assert_ok(outbox_each(o, market, party, note_id, &w));
    assert_int_equal(w.n, 2);
    memset(party, 9, sizeof party);
    w = (struct walk){.o = o, .stop_after = 2};
    assert_ok(outbox_each(o, market, party, note_id, &w));
    assert_int_equal(w.n, 0);
    outbox_close(&o);
}

static void test_facts(void **state)
{
    char name[600];
    uint8_t market[32] = {1}, other[32] = {2};
    struct bytes value;
    (void)state;
    struct outbox *o = open_outbox();
    assert_int_equal(outbox_fact(o, market, "checkpoint", &arena, &value), TIDE_ENOTFOUND);
    assert_ok(outbox_set_fact(o, market, "checkpoint", BYTES_TEXT("one")));
    assert_ok(outbox_set_fact(o, other, "checkpoint", BYTES_TEXT("two")));
    assert_ok(outbox_set_fact(o, market, "sell:0a", BYTES(NULL, 0)));
    assert_ok(outbox_set_fact(o, market, "checkpoint", BYTES_TEXT("three")));
    outbox_close(&o);
    o = open_outbox();
    assert_ok(outbox_fact(o, market, "checkpoint", &arena, &value));
    assert_true(bytes_equal(value, BYTES_TEXT("three")));
    assert_ok(outbox_fact(o, other, "checkpoint", &arena, &value));
    assert_true(bytes_equal(value, BYTES_TEXT("two")));
    assert_ok(outbox_fact(o, market, "sell:0a", &arena, &value));
    assert_int_equal(value.len, 0);
    assert_int_equal(outbox_set_fact(o, market, "", BYTES_TEXT("x")), TIDE_EINVAL);
    memset(name, 'n', sizeof name);
    name[479] = '\0';
    assert_ok(outbox_set_fact(o, market, name, BYTES_TEXT("x")));
    name[479] = 'n';
    name[480] = '\0';
    assert_int_equal(outbox_set_fact(o, market, name, BYTES_TEXT("x")), TIDE_ELIMIT);
    outbox_close(&o);
}

static void test_second_open_is_refused(void **state)
{
    struct outbox *second;
    (void)state;
    struct outbox *o = open_outbox();
    assert_int_equal(outbox_open(in_test_dir("state/tidemark/outbox"), &second), TIDE_EBUSY); /* LMDB's rule: once a process */
    outbox_close(&o);
}

/* Four processes, each writing its own, then one of them killed in the middle. */
static void test_several_processes(void **state)
{
    pid_t pids[4];
    int status;
    uint8_t market[32], party[32];
    (void)state;
    for (unsigned p = 0; p < 4; p++) {
        pids[p] = fork();
        if (pids[p] == 0) {
            struct outbox *o = open_outbox();
            for (uint64_t i = 1; i <= 40; i++) {
                struct outbox_entry e = make_entry(1, (uint8_t)p, i);
                if (outbox_put(o, &e) != TIDE_OK) _exit(1);
                if (p == 3 && i == 20) kill(getpid(), SIGKILL);
            }
            outbox_close(&o);
            arena_deinit(&arena);
            _exit(0);
        }
    }
    for (unsigned p = 0; p < 4; p++) {
        assert_int_equal(waitpid(pids[p], &status, 0), pids[p]);
        if (p < 3) assert_int_equal(status, 0);
        else assert_true(WIFSIGNALED(status));
    }
    struct outbox *o = open_outbox();
    memset(market, 1, sizeof market);
    for (uint8_t p = 0; p < 4; p++) {
        struct walk w = {.o = o, .stop_after = 64};
        memset(party, p, sizeof party);
        assert_ok(outbox_each(o, market, party, note_id, &w));
        assert_int_equal(w.n, p < 3 ? 40 : 20);
    }
    outbox_close(&o);
}

static void test_flipped_byte_is_found(void **state)
{
    uint8_t market[32], party[32];
    struct bytes value;
    (void)state;
    struct outbox *o = open_outbox();
    struct outbox_entry e = make_entry(1, 2, 3), got;
    assert_ok(outbox_put(o, &e));
    assert_ok(outbox_set_fact(o, e.market, "checkpoint", BYTES_TEXT("a head that was seen")));
    outbox_close(&o);
    assert_true(flip_byte_in(in_test_dir("state/tidemark/outbox/data.mdb"), "what was signed", 15, 4) >= 1);
    assert_true(flip_byte_in(in_test_dir("state/tidemark/outbox/data.mdb"), "a head that was seen", 20, 0) >= 1);
    o = open_outbox();
    memset(market, 1, sizeof market);
    memset(party, 2, sizeof party);
    struct walk w = {.o = o, .stop_after = 64};
    assert_int_equal(get(o, &e, &got), TIDE_EDAMAGED);
    assert_null(got.envelope.data);
    assert_int_equal(outbox_each(o, market, party, note_id, &w), TIDE_EDAMAGED);
    assert_int_equal(outbox_fact(o, market, "checkpoint", &arena, &value), TIDE_EDAMAGED);
    outbox_close(&o);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_entries),           TEST(test_walk_oldest_first),    TEST(test_facts),
        TEST(test_second_open_is_refused), TEST(test_several_processes), TEST(test_flipped_byte_is_found),
    };
    return cmocka_run_group_tests_name("storage outbox", tests, NULL, NULL);
}
