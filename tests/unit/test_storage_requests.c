/*
 * Enrolment requests: kept for a week, a thousand at most, one a party.
 */
#include "storage/requests.h"

#include "tests/unit/test_storage.h"

#include <sys/wait.h>

#define NOW UINT64_C(1700000000000)

static struct arena arena;

static int set_up(void **state)
{
    arena_init(&arena, 1 << 20);
    return make_test_dir(state);
}

static int tear_down(void **state)
{
    arena_deinit(&arena);
    return remove_test_dir(state);
}

static struct requests *open_requests(void)
{
    struct requests *r;
    assert_ok(requests_open(test_dir, true, &r));
    return r;
}

static struct request_entry make_request(uint64_t party, uint64_t received_ms, const char *envelope)
{
    struct request_entry e;
    memset(&e, 0, sizeof e);
    be64_put(e.party, party);
    memset(e.wire_key, 9, 32);
    e.received_ms = received_ms;
    e.envelope = BYTES_TEXT(envelope);
    return e;
}

static uint64_t count(struct requests *r)
{
    struct request_entry e = {0};
    uint64_t n = 0;
    while (requests_next(r, e.party, &arena, &e) == TIDE_OK) {
        n++;
        arena_reset(&arena);
    }
    return n;
}

static void test_put_get_next(void **state)
{
    struct requests *reader;
    struct request_entry e, got;
    (void)state;
    assert_int_equal(requests_open(test_dir, false, &reader), TIDE_ENOTFOUND);
    struct requests *r = open_requests();
    e = make_request(5, NOW, "five");
    assert_int_equal(requests_get(r, e.party, &arena, &got), TIDE_ENOTFOUND);
    assert_ok(requests_put(r, &e));
    e = make_request(3, NOW, "three");
    assert_ok(requests_put(r, &e));
    e = make_request(5, NOW + 10, "five again"); /* replaces */
    assert_ok(requests_put(r, &e));
    assert_ok(requests_get(r, e.party, &arena, &got));
    assert_memory_equal(got.party, e.party, 32);
    assert_memory_equal(got.wire_key, e.wire_key, 32);
    assert_int_equal(got.received_ms, NOW + 10);
    assert_true(bytes_equal(got.envelope, e.envelope));

    uint8_t after[32] = {0};
    assert_ok(requests_next(r, after, &arena, &got));
    assert_true(bytes_equal(got.envelope, BYTES_TEXT("three")));
    assert_ok(requests_next(r, got.party, &arena, &got));
    assert_true(bytes_equal(got.envelope, BYTES_TEXT("five again")));
    assert_int_equal(requests_next(r, got.party, &arena, &got), TIDE_ENOTFOUND);
    assert_ok(requests_del(r, e.party));
    assert_int_equal(requests_del(r, e.party), TIDE_ENOTFOUND);
    assert_int_equal(count(r), 1);
    requests_close(&r);
    r = open_requests();
    assert_int_equal(count(r), 1);
    requests_close(&r);
    assert_null(r);
}

static void test_old_ones_go(void **state)
{
    struct request_entry e;
    (void)state;
    struct requests *r = open_requests();
    for (uint64_t i = 1; i <= 10; i++) {
        e = make_request(i, NOW + i, "x");
        assert_ok(requests_put(r, &e));
    }
    e = make_request(11, NOW + 5 + LIMIT_ENROL_VALID_MS, "x");
    assert_ok(requests_put(r, &e)); /* 1 … 4 are older than a week */
    assert_int_equal(count(r), 7);
    e = make_request(12, NOW, "x"); /* a clock that went back drops nothing */
    assert_ok(requests_put(r, &e));
    assert_int_equal(count(r), 8);
    requests_close(&r);
}

static void test_full(void **state)
{
    static char envelope[4097];
    struct request_entry e;
    (void)state;
    memset(envelope, 'e', sizeof envelope - 1);
    struct requests *r = open_requests();
    for (uint64_t i = 1; i <= LIMIT_REQUESTS; i++) {
        e = make_request(i, NOW, envelope);
        assert_ok(requests_put(r, &e));
    }
    e = make_request(5000, NOW, envelope);
    assert_int_equal(requests_put(r, &e), TIDE_EFULL);
    e = make_request(7, NOW + 1, "shorter"); /* who waits already may ask again */
    assert_ok(requests_put(r, &e));
    assert_int_equal(count(r), LIMIT_REQUESTS);
    e = make_request(5000, NOW + 2 + LIMIT_ENROL_VALID_MS, envelope); /* in a week there is room */
    assert_ok(requests_put(r, &e));
    assert_int_equal(count(r), 1);
    assert_true(file_size(in_test_dir("lobby/data.mdb")) < 32 << 20);
    requests_close(&r);
}

static void test_limits(void **state)
{
    static uint8_t large[40000];
    (void)state;
    struct requests *r = open_requests();
    struct request_entry e = make_request(1, NOW, "");
    assert_int_equal(requests_put(r, &e), TIDE_EINVAL);
    e.envelope = BYTES(large, sizeof large);
    assert_int_equal(requests_put(r, &e), TIDE_ELIMIT);
    assert_int_equal(count(r), 0);
    requests_close(&r);
}

static void test_other_process_reads(void **state)
{
    int status;
    (void)state;
    struct requests *r = open_requests();
    struct request_entry e = make_request(1, NOW, "x");
    assert_ok(requests_put(r, &e));
    pid_t pid = fork();
    if (pid == 0) {
        struct requests *reader;
        struct request_entry got;
        if (requests_open(test_dir, false, &reader) != TIDE_OK) _exit(1);
        if (requests_get(reader, e.party, &arena, &got) != TIDE_OK) _exit(2);
        if (requests_put(reader, &e) != TIDE_EDENIED || requests_del(reader, e.party) != TIDE_EDENIED) _exit(3);
        requests_close(&reader);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    requests_close(&r);
}

static void test_damaged_row(void **state)
{
    struct request_entry e, got;
    (void)state;
    struct requests *r = open_requests();
    e = make_request(1, NOW, "the first one's envelope");
    assert_ok(requests_put(r, &e));
    e = make_request(2, NOW, "the second");
    assert_ok(requests_put(r, &e));
    requests_close(&r);
    assert_true(flip_byte_in(in_test_dir("lobby/data.mdb"), "the first one's envelope", 24, 8) >= 1);
    r = open_requests();
    e = make_request(1, NOW, "x");
    assert_int_equal(requests_get(r, e.party, &arena, &got), TIDE_EDAMAGED);
    assert_int_equal(count(r), 1); /* walking goes past it */
    e = make_request(3, NOW, "x");
    assert_ok(requests_put(r, &e)); /* and the next one clears it away */
    e = make_request(1, NOW, "x");
    assert_int_equal(requests_get(r, e.party, &arena, &got), TIDE_ENOTFOUND);
    requests_close(&r);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_put_get_next), TEST(test_old_ones_go),         TEST(test_full),
        TEST(test_limits),       TEST(test_other_process_reads), TEST(test_damaged_row),
    };
    return cmocka_run_group_tests_name("storage requests", tests, NULL, NULL);
}
