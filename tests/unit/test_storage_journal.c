/*
 * The journal: what was appended is there after anything, in order, and what was damaged is found.
 */
#include "storage/journal.h"

#include "tests/unit/test_storage.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define RECORD_MAX 70000

/* Record `index` of every journal here: its length and bytes follow from its index. */
static struct bytes make_record(uint64_t index, uint8_t *buffer)
{
    uint64_t seed = index * 7919 + 1;
    size_t len = 20 + (size_t)(next_random(&seed) % 700);
    if (index % 97 == 96) len = 5000;
    if (index % 1009 == 1008) len = 65535;
    for (size_t i = 0; i < len; i++) buffer[i] = (uint8_t)next_random(&seed);
    memcpy(buffer, &index, sizeof index);
    return BYTES(buffer, len);
}

static enum tide_err append_n(struct journal *j, uint64_t first, size_t n)
{
    struct bytes *records = calloc(n, sizeof *records);
    uint8_t *buffers = malloc(n * RECORD_MAX);
    assert_true(records != NULL && buffers != NULL);
    for (size_t i = 0; i < n; i++) records[i] = make_record(first + i, buffers + i * RECORD_MAX);
    enum tide_err err = journal_append(j, records, n);
    free(records);
    free(buffers);
    return err;
}

static void expected_tree(uint64_t size, struct merkle_tree *tree)
{
    static uint8_t buffer[RECORD_MAX];
    uint8_t leaf[HASH_BYTES];
    memset(tree, 0, sizeof *tree);
    for (uint64_t i = 0; i < size; i++) {
        merkle_leaf_hash(make_record(i, buffer), leaf);
        merkle_append(tree, leaf);
    }
}

static void assert_head(struct journal *j, uint64_t size)
{
    struct merkle_tree head, expected;
    assert_ok(journal_head(j, &head));
    assert_int_equal(head.size, size);
    expected_tree(size, &expected);
    assert_memory_equal(head.edge, expected.edge, (size_t)__builtin_popcountll(size) * HASH_BYTES);
}

/* Reads everything in pieces and compares. */
static void assert_records(struct journal *j, uint64_t size)
{
    static uint8_t buffer[RECORD_MAX];
    struct arena arena;
    struct bytes out[50];
    uint64_t at = 0;
    size_t n = 1;

    arena_init(&arena, 8 << 20);
    while (n > 0) {
        arena_reset(&arena);
        assert_ok(journal_read(j, at, ARRAY_LEN(out), 20000, &arena, out, &n));
        for (size_t i = 0; i < n; i++) assert_true(bytes_equal(out[i], make_record(at + i, buffer)));
        at += n;
    }
    assert_int_equal(at, size);
    arena_deinit(&arena);
}

static void test_append_and_read(void **state)
{
    struct journal *j;
    uint64_t bad;
    static const size_t batches[] = {1, 2, 255, 256, 257, 1000, 1};
    uint64_t size = 0;
    (void)state;

    assert_int_equal(journal_open(test_dir, 0, &j), TIDE_ENOTFOUND);
    assert_null(j);
    assert_int_equal(journal_open(test_dir, JOURNAL_READONLY, &j), TIDE_ENOTFOUND);
    assert_ok(journal_open(test_dir, JOURNAL_CREATE, &j));
    assert_head(j, 0);
    assert_records(j, 0);
    for (size_t i = 0; i < ARRAY_LEN(batches); i++) {
        assert_ok(append_n(j, size, batches[i]));
        size += batches[i];
        assert_head(j, size);
    }
    assert_records(j, size);
    assert_ok(journal_scrub(j, NULL, NULL, &bad));
    assert_ok(journal_append(j, NULL, 0));
    journal_close(&j);
    assert_null(j);

    assert_ok(journal_open(test_dir, 0, &j));
    assert_head(j, size);
    assert_ok(append_n(j, size, 3));
    assert_records(j, size + 3);
    assert_true(journal_file_bytes(j) > 400 * size);
    journal_close(&j);
}

static void test_limits_of_reading(void **state)
{
    struct journal *j;
    struct arena arena;
    struct bytes out[300];
    uint8_t buffer[RECORD_MAX];
    size_t n;
    (void)state;

    assert_ok(journal_open(test_dir, JOURNAL_CREATE, &j));
    assert_ok(append_n(j, 0, 300));
    arena_init(&arena, 1 << 20);
    assert_ok(journal_read(j, 0, 1, 0, &arena, out, &n)); /* the first one comes whatever its length */
    assert_int_equal(n, 1);
    size_t two = make_record(10, buffer).len + make_record(11, buffer).len;
    assert_ok(journal_read(j, 10, 300, two, &arena, out, &n));
    assert_int_equal(n, 2);
    assert_ok(journal_read(j, 10, 300, two - 1, &arena, out, &n));
    assert_int_equal(n, 1);
    assert_ok(journal_read(j, 299, 300, SIZE_MAX, &arena, out, &n));
    assert_int_equal(n, 1);
    assert_ok(journal_read(j, 300, 300, SIZE_MAX, &arena, out, &n));
    assert_int_equal(n, 0);
    assert_ok(journal_read(j, UINT64_MAX, 300, SIZE_MAX, &arena, out, &n));
    assert_int_equal(n, 0);
    arena_deinit(&arena);

    arena_init(&arena, 24 << 10); /* an arena that is too small for all of them */
    assert_ok(journal_read(j, 0, 300, SIZE_MAX, &arena, out, &n));
    assert_true(n > 0 && n < 300);
    arena_deinit(&arena);
    journal_close(&j);
}

static void test_refused_records(void **state)
{
    struct journal *j, *reader;
    static uint8_t long_record[65536];
    struct bytes record = BYTES(long_record, sizeof long_record);
    (void)state;

    assert_ok(journal_open(test_dir, JOURNAL_CREATE, &j));
    assert_int_equal(journal_append(j, &record, 1), TIDE_EINVAL);
    record.len = 0;
    assert_int_equal(journal_append(j, &record, 1), TIDE_EINVAL);
    assert_head(j, 0);
    journal_close(&j);

    assert_ok(journal_open(test_dir, JOURNAL_READONLY, &reader));
    record.len = 10;
    assert_int_equal(journal_append(reader, &record, 1), TIDE_EDENIED);
    assert_head(reader, 0);
    journal_close(&reader);
}

/* Runs `body` in a child and returns its exit status. */
static int in_child(int (*body)(void))
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) _exit(body());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int open_as_writer(void)
{
    struct journal *j;
    return (int)journal_open(test_dir, 0, &j);
}

static int read_as_auditor(void)
{
    struct journal *j;
    if (journal_open(test_dir, JOURNAL_READONLY, &j) != TIDE_OK) return 1;
    assert_head(j, 40);
    assert_records(j, 40);
    journal_close(&j);
    return 0;
}

static void test_one_writer_many_readers(void **state)
{
    struct journal *j, *second;
    (void)state;
    assert_ok(journal_open(test_dir, JOURNAL_CREATE, &j));
    assert_ok(append_n(j, 0, 40));
    assert_int_equal(journal_open(test_dir, 0, &second), TIDE_EBUSY);
    assert_int_equal(in_child(open_as_writer), TIDE_EBUSY);
    assert_int_equal(in_child(read_as_auditor), 0);
    journal_close(&j);
    assert_int_equal(in_child(open_as_writer), TIDE_OK);
}

static int write_until_killed(void)
{
    struct journal *j;
    if (journal_open(test_dir, 0, &j) != TIDE_OK) return 1;
    struct merkle_tree head;
    if (journal_head(j, &head) != TIDE_OK) return 1;
    for (uint64_t size = head.size;; size += 16) {
        if (append_n(j, size, 16) != TIDE_OK) return 1;
        /* Acknowledged: whoever was told this must find it again. */
        if (write(STDOUT_FILENO, &(uint64_t){size + 16}, 8) != 8) return 1;
    }
}

static void test_killed_while_writing(void **state)
{
    struct journal *j;
    uint64_t bad;
    (void)state;

    assert_ok(journal_open(test_dir, JOURNAL_CREATE, &j));
    journal_close(&j);
    for (unsigned round = 0; round < 8; round++) {
        int pipe_fds[2], status;
        uint64_t acknowledged = 0, told;
        assert_int_equal(pipe(pipe_fds), 0);
        pid_t pid = fork();
        if (pid == 0) {
            dup2(pipe_fds[1], STDOUT_FILENO);
            close(pipe_fds[0]);
            _exit(write_until_killed());
        }
        close(pipe_fds[1]);
        assert_int_equal(read(pipe_fds[0], &told, 8), 8);
        acknowledged = told;
        usleep(3000 + 1700 * round);
        kill(pid, SIGKILL);
        while (read(pipe_fds[0], &told, 8) == 8) acknowledged = told;
        close(pipe_fds[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));

        struct merkle_tree head;
        assert_ok(journal_open(test_dir, 0, &j));
        assert_ok(journal_head(j, &head));
        assert_true(head.size == acknowledged || head.size == acknowledged + 16);
        assert_records(j, head.size);
        assert_ok(journal_scrub(j, NULL, NULL, &bad));
        journal_close(&j);
    }
}

static void test_flipped_byte_is_found(void **state)
{
    struct journal *j;
    struct arena arena;
    struct bytes out;
    uint8_t record[RECORD_MAX];
    uint64_t bad = 0;
    size_t n;
    (void)state;

    assert_ok(journal_open(test_dir, JOURNAL_CREATE, &j));
    assert_ok(append_n(j, 0, 500));
    journal_close(&j);
    make_record(123, record);
    assert_true(flip_byte_in(in_test_dir("journal/data.mdb"), record, 20, 9) >= 1);

    assert_ok(journal_open(test_dir, 0, &j));
    arena_init(&arena, 1 << 20);
    assert_ok(journal_read(j, 122, 1, SIZE_MAX, &arena, &out, &n));
    assert_int_equal(journal_read(j, 123, 1, SIZE_MAX, &arena, &out, &n), TIDE_EDAMAGED);
    assert_int_equal(n, 0);
    assert_int_equal(journal_scrub(j, NULL, NULL, &bad), TIDE_EDAMAGED);
    assert_int_equal(bad, 123);
    arena_deinit(&arena);
    journal_close(&j);
}

static void test_flipped_head_is_found(void **state)
{
    struct journal *j;
    struct merkle_tree tree;
    (void)state;

    assert_ok(journal_open(test_dir, JOURNAL_CREATE, &j));
    assert_ok(append_n(j, 0, 77));
    journal_close(&j);
    expected_tree(77, &tree);
    assert_true(flip_byte_in(in_test_dir("journal/data.mdb"), tree.edge[0], HASH_BYTES, 5) >= 1);
    assert_int_equal(journal_open(test_dir, 0, &j), TIDE_EDAMAGED);
}

static bool count_progress(void *ctx, uint64_t done, uint64_t total)
{
    unsigned *n = ctx;
    assert_true(done <= total);
    return ++*n < 3;
}

static void test_scrub_can_be_stopped(void **state)
{
    struct journal *j;
    unsigned n = 0;
    uint64_t bad;
    (void)state;
    assert_ok(journal_open(test_dir, JOURNAL_CREATE, &j));
    for (uint64_t size = 0; size < 4000; size += 500) assert_ok(append_n(j, size, 500));
    assert_int_equal(journal_scrub(j, count_progress, &n, &bad), TIDE_ECANCELED);
    assert_int_equal(n, 3);
    journal_close(&j);
}

/* A disk that fills up, as far as a process can make one: its files may not grow past a limit. */
static int fill_the_disk(void)
{
    struct journal *j;
    struct rlimit limit = {2 << 20, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
    uint64_t size = 0;
    enum tide_err err = TIDE_OK;

    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    if (journal_open(test_dir, 0, &j) != TIDE_OK) return 1;
    while ((err = append_n(j, size, 10)) == TIDE_OK) size += 10;
    if (err != TIDE_EFULL || size < 500) return 2;
    if (append_n(j, size, 10) != TIDE_EFULL) return 3; /* and again */
    assert_head(j, size);
    assert_records(j, size);
    setrlimit(RLIMIT_FSIZE, &none);
    if (append_n(j, size, 10) != TIDE_OK) return 4; /* there is room: it goes on */
    assert_head(j, size + 10);
    journal_close(&j);
    return 0;
}

static void test_full_disk(void **state)
{
    struct journal *j;
    uint64_t bad;
    (void)state;
    assert_ok(journal_open(test_dir, JOURNAL_CREATE, &j));
    journal_close(&j);
    assert_int_equal(in_child(fill_the_disk), 0);
    assert_ok(journal_open(test_dir, 0, &j));
    assert_ok(journal_scrub(j, NULL, NULL, &bad));
    journal_close(&j);
}

struct reading {
    struct journal *j;
    bool stop;
    uint64_t seen;
};

/* Sees heads that only grow, and whatever a head counts can be read. */
static void *read_all_the_time(void *arg)
{
    struct reading *r = arg;
    struct merkle_tree head;
    struct arena arena;
    struct bytes out[64];
    size_t n;

    arena_init(&arena, 16 << 20);
    while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE)) {
        if (journal_head(r->j, &head) != TIDE_OK || head.size < r->seen) abort();
        r->seen = head.size;
        arena_reset(&arena);
        uint64_t first = head.size > 32 ? head.size - 32 : 0;
        if (journal_read(r->j, first, 64, SIZE_MAX, &arena, out, &n) != TIDE_OK || n < head.size - first) abort();
    }
    arena_deinit(&arena);
    return NULL;
}

static void test_readers_beside_the_writer(void **state)
{
    struct reading readers[3] = {0};
    pthread_t threads[3];
    struct journal *j;
    (void)state;

    assert_ok(journal_open(test_dir, JOURNAL_CREATE, &j));
    for (size_t i = 0; i < 3; i++) {
        readers[i].j = j;
        assert_int_equal(pthread_create(&threads[i], NULL, read_all_the_time, &readers[i]), 0);
    }
    for (uint64_t size = 0; size < 600; size += 6) assert_ok(append_n(j, size, 6));
    for (size_t i = 0; i < 3; i++) {
        __atomic_store_n(&readers[i].stop, true, __ATOMIC_RELEASE);
        pthread_join(threads[i], NULL);
    }
    assert_head(j, 600);
    journal_close(&j);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_test_dir, remove_test_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_append_and_read),
        TEST(test_limits_of_reading),
        TEST(test_refused_records),
        TEST(test_one_writer_many_readers),
        TEST(test_killed_while_writing),
        TEST(test_flipped_byte_is_found),
        TEST(test_flipped_head_is_found),
        TEST(test_scrub_can_be_stopped),
        TEST(test_full_disk),
        TEST(test_readers_beside_the_writer),
    };
    return cmocka_run_group_tests_name("storage journal", tests, NULL, NULL);
}
