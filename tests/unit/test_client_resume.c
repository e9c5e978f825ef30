/*
 * Sealing and opening that were stopped, or died, at any place: the same call goes on, or begins anew when anything does
 * not fit; no nonce is ever used for two plaintexts; the output has its name only when it is whole.
 */
#include "client/lib/part.h"

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define BATCH 1048576u /* what a thread carries at a time */
#define PLAIN_LEN (5u * BATCH + 70001u)
#define NONCE_AT 17 /* in a part, in the place where the header will be */

static char dir[] = "/tmp/tidemark-resume-XXXXXX";
static char plain[64], sealed[64], sealed_part[80], out[64], out_part[80];
static struct tide_identity *alice;

/* On one core there is one thread, which is asked after every batch: stops are where they are wanted. */
static bool one_core(void)
{
    cpu_set_t cores;
    int core = sched_getcpu();
    CPU_ZERO(&cores);
    CPU_SET(core >= 0 ? (size_t)core : 0, &cores);
    return sched_setaffinity(0, sizeof cores, &cores) == 0;
}

static int setup(void **state)
{
    (void)state;
    if (!one_core()) return -1;
    if (mkdtemp(dir) == NULL) return -1;
    snprintf(plain, sizeof plain, "%s/plain", dir);
    snprintf(sealed, sizeof sealed, "%s/sealed", dir);
    snprintf(sealed_part, sizeof sealed_part, "%s" PART_SUFFIX, sealed);
    snprintf(out, sizeof out, "%s/out", dir);
    snprintf(out_part, sizeof out_part, "%s" PART_SUFFIX, out);
    return tide_identity_new(&alice, NULL) != 0 ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    tide_identity_free(&alice);
    return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void plain_make(size_t len, unsigned kind)
{
    FILE *f = fopen(plain, "w");
    assert_non_null(f);
    for (size_t i = 0; i < len; i++) putc((int)((i + kind) * 2654435761u >> 13 & 0xff), f);
    assert_int_equal(fclose(f), 0);
}

static struct bytes load(const char *path)
{
    struct bytes all;
    assert_int_equal(file_load(path, 1u << 24, &all, NULL), 0);
    return all;
}

static void drop(struct bytes all)
{
    free((void *)(uintptr_t)all.data);
}

static void assert_same(const char *a, const char *b)
{
    struct bytes x = load(a), y = load(b);
    assert_true(bytes_equal(x, y));
    drop(x), drop(y);
}

static off_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : -1;
}

static void fresh(void)
{
    unlink(sealed), unlink(sealed_part), unlink(out), unlink(out_part);
}

/* Stops after so many calls; remembers what it was told. */
struct stopper {
    unsigned n_calls, stop_at, n_checks;
};

static bool stop_at(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    struct stopper *s = ctx;
    assert_true(done <= total);
    if (strcmp(what, "check") == 0) s->n_checks++;
    return ++s->n_calls != s->stop_at;
}

/* Seals until so many calls of the progress function; leaves a part. */
static void seal_stopped(unsigned calls)
{
    struct stopper s = {.stop_at = calls};
    struct tide_error e;
    assert_int_equal(tide_seal(alice, plain, sealed, stop_at, &s, NULL, &e), OUTCOME_C_INTERRUPTED);
    assert_int_equal(access(sealed, F_OK), -1);
    assert_true(size_of(sealed_part) > (off_t)(AGE_GRANT_BYTES + AGE_NONCE_BYTES));
    assert_non_null(strstr(e.message, "%"));
}

static void part_nonce(uint8_t nonce[AGE_NONCE_BYTES])
{
    struct bytes part = load(sealed_part);
    memcpy(nonce, part.data + NONCE_AT, AGE_NONCE_BYTES);
    drop(part);
}

/* Seals to the end; true if with that nonce. The sealed file opens to the input as it is now. */
static bool seal_finished_with(const uint8_t nonce[AGE_NONCE_BYTES], unsigned *n_checks)
{
    struct stopper s = {0};
    struct tide_commitment c;
    struct sealed_file f;
    const struct progress quiet = {0};
    uint8_t root[HASH_BYTES];
    assert_int_equal(tide_seal(alice, plain, sealed, stop_at, &s, &c, NULL), 0);
    assert_int_equal(access(sealed_part, F_OK), -1);
    assert_int_equal(sealed_open(alice->id, sealed, &f, NULL), 0);
    assert_int_equal(sealed_hash(&f, -1, -1, &quiet, root, NULL), 0);
    assert_memory_equal(root, c.content_root, HASH_BYTES);
    assert_memory_equal(f.nonce, c.nonce, AGE_NONCE_BYTES);
    assert_int_equal(size_of(sealed), AGE_GRANT_BYTES + c.payload_len);
    sealed_close(&f);
    unlink(out);
    assert_int_equal(tide_open(sealed, alice, NULL, out, NULL, NULL, NULL), 0);
    assert_same(plain, out);
    if (n_checks != NULL) *n_checks = s.n_checks;
    return memcmp(c.nonce, nonce, AGE_NONCE_BYTES) == 0;
}

static void sealing_goes_on_wherever_it_stopped(void **state)
{
    (void)state;
    uint8_t nonce[AGE_NONCE_BYTES];
    unsigned n_checks;
    plain_make(PLAIN_LEN, 1);
    for (unsigned calls = 1; calls <= 4; calls++) {
        fresh();
        seal_stopped(calls);
        part_nonce(nonce);
        assert_true(seal_finished_with(nonce, &n_checks));
        assert_true(n_checks > 0);
    }
}

/* As a power cut leaves it: cut anywhere. */
static void sealing_goes_on_after_a_torn_chunk(void **state)
{
    (void)state;
    static const off_t cuts[] = {AGE_GRANT_BYTES + AGE_NONCE_BYTES,
                                 AGE_GRANT_BYTES + AGE_NONCE_BYTES + 1,
                                 AGE_GRANT_BYTES + AGE_NONCE_BYTES + AGE_SEALED_CHUNK_BYTES - 1,
                                 AGE_GRANT_BYTES + AGE_NONCE_BYTES + AGE_SEALED_CHUNK_BYTES,
                                 BATCH + 12345};
    uint8_t nonce[AGE_NONCE_BYTES];
    plain_make(PLAIN_LEN, 2);
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        fresh();
        seal_stopped(2);
        part_nonce(nonce);
        assert_true(size_of(sealed_part) >= cuts[i]);
        assert_int_equal(truncate(sealed_part, cuts[i]), 0);
        assert_true(seal_finished_with(nonce, NULL));
    }
    /* Without the whole of its first 184 bytes a part is nothing. */
    for (off_t cut = 0; cut < AGE_GRANT_BYTES + AGE_NONCE_BYTES; cut += 61) {
        fresh();
        seal_stopped(1);
        part_nonce(nonce);
        assert_int_equal(truncate(sealed_part, cut), 0);
        assert_false(seal_finished_with(nonce, NULL));
    }
}

/* Whatever of the input is another now, the nonce is new: also where nothing of the part differs yet. */
static void changed_input_gets_a_new_nonce(void **state)
{
    (void)state;
    uint8_t nonce[AGE_NONCE_BYTES];
    for (unsigned change = 0; change < 4; change++) {
        plain_make(PLAIN_LEN, 3);
        fresh();
        seal_stopped(1);
        part_nonce(nonce);
        struct stat before;
        assert_int_equal(stat(plain, &before), 0);
        if (change == 0) plain_make(PLAIN_LEN, 4);
        if (change == 1) assert_int_equal(truncate(plain, PLAIN_LEN - 1), 0);
        if (change == 2 || change == 3) { /* the last byte alone; and its time put back */
            FILE *f = fopen(plain, "r+");
            assert_non_null(f);
            assert_int_equal(fseek(f, -1, SEEK_END), 0);
            putc(0x5a, f);
            assert_int_equal(fclose(f), 0);
        }
        if (change == 3) {
            const struct timespec times[2] = {before.st_atim, before.st_mtim};
            assert_int_equal(utimensat(AT_FDCWD, plain, times, 0), 0);
        }
        assert_false(seal_finished_with(nonce, NULL));
    }
}

static void flip(const char *path, off_t at)
{
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    assert_int_equal(fseeko(f, at, SEEK_SET), 0);
    int c = getc(f);
    assert_int_equal(fseeko(f, at, SEEK_SET), 0);
    putc(c ^ 1, f);
    assert_int_equal(fclose(f), 0);
}

static void damaged_parts_begin_anew(void **state)
{
    (void)state;
    static const off_t places[] = {0, NONCE_AT, NONCE_AT + AGE_NONCE_BYTES, AGE_GRANT_BYTES - 1, AGE_GRANT_BYTES,
                                   AGE_GRANT_BYTES + AGE_NONCE_BYTES, BATCH, -1};
    uint8_t nonce[AGE_NONCE_BYTES];
    plain_make(PLAIN_LEN, 5);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        fresh();
        seal_stopped(3);
        part_nonce(nonce);
        flip(sealed_part, places[i] >= 0 ? places[i] : size_of(sealed_part) - 1);
        assert_false(seal_finished_with(nonce, NULL));
    }
}

/* A part with the nonce of another sealing of ours is taken for what it is: nobody makes us use a nonce again. */
static void another_sealings_part_is_not_taken_up(void **state)
{
    (void)state;
    struct tide_identity *bob = NULL, *kept = alice;
    uint8_t nonce[AGE_NONCE_BYTES];
    plain_make(PLAIN_LEN, 6);
    fresh();
    seal_stopped(1);
    part_nonce(nonce);
    struct bytes part = load(sealed_part);
    unlink(plain);
    plain_make(PLAIN_LEN, 6); /* the same bytes, but another file: as it might be with other bytes */
    fresh();
    assert_int_equal(file_store(sealed_part, 0600, part, NULL), 0);
    assert_false(seal_finished_with(nonce, NULL));
    fresh();
    seal_stopped(1);
    part_nonce(nonce);
    assert_int_equal(tide_identity_new(&bob, NULL), 0);
    alice = bob;
    assert_false(seal_finished_with(nonce, NULL));
    alice = kept;
    tide_identity_free(&bob);
    drop(part);
}

static void what_is_not_ours_is_not_touched(void **state)
{
    (void)state;
    struct tide_error e;
    char other[80];
    snprintf(other, sizeof other, "%s/other", dir);
    plain_make(1000, 7);
    assert_int_equal(file_store(other, 0600, BYTES("precious", 8), NULL), 0);
    fresh();
    assert_int_equal(symlink(other, sealed_part), 0);
    assert_int_equal(tide_seal(alice, plain, sealed, NULL, NULL, NULL, &e), OUTCOME_C_FILE);
    unlink(sealed_part);
    assert_int_equal(link(other, sealed_part), 0);
    assert_int_equal(tide_seal(alice, plain, sealed, NULL, NULL, NULL, &e), OUTCOME_C_FILE);
    assert_non_null(strstr(e.message, PART_SUFFIX));
    unlink(sealed_part);
    assert_int_equal(mkfifo(sealed_part, 0600), 0);
    assert_int_equal(tide_seal(alice, plain, sealed, NULL, NULL, NULL, &e), OUTCOME_C_FILE);
    unlink(sealed_part);
    struct bytes now = load(other);
    assert_true(bytes_equal(now, BYTES("precious", 8)));
    drop(now);
    unlink(other);

    int fd = open(sealed_part, O_RDWR | O_CREAT, 0600); /* another process at work */
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(tide_seal(alice, plain, sealed, NULL, NULL, NULL, &e), OUTCOME_C_FILE);
    assert_non_null(strstr(e.message, "another process"));
    close(fd);
    assert_int_equal(tide_seal(alice, plain, sealed, NULL, NULL, NULL, NULL), 0);
}

/* What failed at once leaves nothing lying about. */
static void nothing_is_left_of_nothing(void **state)
{
    (void)state;
    struct stopper s = {.stop_at = 1};
    plain_make(10, 8);
    fresh();
    assert_int_equal(tide_seal(alice, plain, sealed, stop_at, &s, NULL, NULL), OUTCOME_C_INTERRUPTED);
    assert_int_equal(size_of(sealed_part), -1);
    assert_int_equal(size_of(sealed), -1);
}

/* ---- opening ---- */

static void open_stopped(unsigned calls)
{
    struct stopper s = {.stop_at = calls};
    assert_int_equal(tide_open(sealed, alice, NULL, out, stop_at, &s, NULL), OUTCOME_C_INTERRUPTED);
    assert_int_equal(access(out, F_OK), -1);
    assert_true(size_of(out_part) > 0);
}

static void open_finished(bool goes_on)
{
    struct stopper s = {0};
    assert_int_equal(tide_open(sealed, alice, NULL, out, stop_at, &s, NULL), 0);
    assert_same(plain, out);
    assert_int_equal(size_of(out_part), -1);
    if (goes_on) assert_true(s.n_checks > 0);
}

static void opening_goes_on_wherever_it_stopped(void **state)
{
    (void)state;
    plain_make(PLAIN_LEN, 9);
    fresh();
    assert_int_equal(tide_seal(alice, plain, sealed, NULL, NULL, NULL, NULL), 0);
    for (unsigned calls = 1; calls <= 4; calls++) {
        unlink(out);
        open_stopped(calls);
        open_finished(true);
    }
    static const off_t cuts[] = {0, 1, AGE_CHUNK_BYTES - 1, AGE_CHUNK_BYTES, BATCH + 12345};
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        unlink(out);
        open_stopped(2);
        assert_int_equal(truncate(out_part, cuts[i]), 0);
        open_finished(cuts[i] >= BATCH);
    }
    static const off_t places[] = {0, AGE_CHUNK_BYTES, BATCH, -1};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        unlink(out);
        open_stopped(3);
        flip(out_part, places[i] >= 0 ? places[i] : size_of(out_part) - 1);
        open_finished(places[i] < 0 || places[i] >= BATCH); /* otherwise the first look shows it */
    }
    unlink(out);
    open_stopped(1);
    assert_int_equal(truncate(out_part, 2 * PLAIN_LEN), 0); /* longer than the whole, and other bytes */
    open_finished(true);
}

/* There is no going on with a damaged file: nothing stays. */
static void damage_leaves_nothing(void **state)
{
    (void)state;
    plain_make(PLAIN_LEN, 10);
    fresh();
    assert_int_equal(tide_seal(alice, plain, sealed, NULL, NULL, NULL, NULL), 0);
    open_stopped(2);
    flip(sealed, size_of(sealed) - 1);
    assert_int_equal(tide_open(sealed, alice, NULL, out, NULL, NULL, NULL), OUTCOME_V_DAMAGED);
    assert_int_equal(size_of(out), -1);
    assert_int_equal(size_of(out_part), -1);
}

/* ---- killed ---- */

static bool killed_at(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    (void)what, (void)done, (void)total;
    if (--*(unsigned *)ctx == 0) raise(SIGKILL);
    return true;
}

/* Killed again and again, each time a little later, without a word; in the end it is done. */
static void killed_again_and_again(void **state)
{
    (void)state;
    uint8_t nonce[AGE_NONCE_BYTES], first[AGE_NONCE_BYTES] = {0};
    plain_make(PLAIN_LEN, 11);
    fresh();
    for (unsigned calls = 1; calls <= 4; calls++) {
        for (unsigned opens = 0; opens < 2; opens++) {
            pid_t child = fork();
            assert_true(child >= 0);
            if (child == 0) {
                unsigned left = calls;
                if (opens) (void)tide_open(sealed, alice, NULL, out, killed_at, &left, NULL);
                else (void)tide_seal(alice, plain, sealed, killed_at, &left, NULL, NULL);
                _exit(0);
            }
            int status;
            assert_int_equal(waitpid(child, &status, 0), child);
            if (!opens) {
                assert_true(WIFSIGNALED(status));
                part_nonce(nonce);
                if (calls == 1) memcpy(first, nonce, sizeof first);
                assert_memory_equal(nonce, first, sizeof first);
            }
            if (!opens && calls == 4) assert_true(seal_finished_with(first, NULL));
            if (opens && calls == 4) {
                open_finished(false);
            }
        }
    }
}

int main(void)
{
    if (crypto_init() != TIDE_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealing_goes_on_wherever_it_stopped),
        cmocka_unit_test(sealing_goes_on_after_a_torn_chunk),
        cmocka_unit_test(changed_input_gets_a_new_nonce),
        cmocka_unit_test(damaged_parts_begin_anew),
        cmocka_unit_test(another_sealings_part_is_not_taken_up),
        cmocka_unit_test(what_is_not_ours_is_not_touched),
        cmocka_unit_test(nothing_is_left_of_nothing),
        cmocka_unit_test(opening_goes_on_wherever_it_stopped),
        cmocka_unit_test(damage_leaves_nothing),
        cmocka_unit_test(killed_again_and_again),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
