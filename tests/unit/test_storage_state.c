/*
 * The state tables: rows and walks against a plain model, commits and aborts, what a reader sees, and when the files
 * on disk are believed.
 */
#include "storage/state.h"

#include "tests/unit/test_storage.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static struct state *open_writer(bool expect_rebuilt)
{
    struct state *s;
    bool rebuilt;
    assert_ok(state_open_writer(test_dir, &s, &rebuilt));
    assert_int_equal(rebuilt, expect_rebuilt);
    return s;
}

static struct state_view *writer_view(struct state *s)
{
    struct state_view *v;
    assert_ok(state_write(s, &v));
    return v;
}

static void put_trade(struct state_view *v, uint64_t trade, uint64_t price)
{
    uint8_t key[8];
    struct row_trade row;
    memset(&row, 0, sizeof row);
    row.price = price;
    row.listing = trade * 3;
    memset(row.recipient, (int)(trade & 0xff), sizeof row.recipient);
    key_u64(key, trade);
    assert_ok(state_put(v, TABLE_TRADE, key, &row));
}

static enum tide_err get_price(struct state_view *v, uint64_t trade, uint64_t *price)
{
    uint8_t key[8];
    struct row_trade row;
    key_u64(key, trade);
    enum tide_err err = state_get(v, TABLE_TRADE, key, &row);
    *price = row.price;
    if (err == TIDE_OK) assert_int_equal(row.listing, trade * 3);
    return err;
}

static void assert_price(struct state_view *v, uint64_t trade, uint64_t expected)
{
    uint64_t price;
    assert_ok(get_price(v, trade, &price));
    assert_int_equal(price, expected);
}

static void assert_no_trade(struct state_view *v, uint64_t trade)
{
    uint64_t price;
    assert_int_equal(get_price(v, trade, &price), TIDE_ENOTFOUND);
    assert_int_equal(price, 0);
}

static void assert_applied(struct state_view *v, uint64_t expected)
{
    uint64_t applied;
    assert_ok(state_applied(v, &applied));
    assert_int_equal(applied, expected);
}

static void test_rows(void **unused)
{
    (void)unused;
    struct state *s = open_writer(true);
    struct state_view *v = writer_view(s);
    uint8_t key[17];
    uint64_t n;

    assert_applied(v, 0);
    assert_no_trade(v, 5);
    for (uint64_t i = 1; i <= 1000; i++) put_trade(v, i * 2, i); /* rising: appended */
    put_trade(v, 7, 70);                                         /* and one in between */
    put_trade(v, 8, 80);                                         /* over an old one */
    assert_price(v, 7, 70);
    assert_price(v, 8, 80);
    assert_price(v, 2000, 1000);
    assert_ok(state_count(v, TABLE_TRADE, &n));
    assert_int_equal(n, 1001);
    key_u64(key, 8);
    assert_ok(state_del(v, TABLE_TRADE, key));
    assert_int_equal(state_del(v, TABLE_TRADE, key), TIDE_ENOTFOUND);
    assert_no_trade(v, 8);
    key_u64(key, 2000); /* the last goes, comes back, and a larger one after it */
    assert_ok(state_del(v, TABLE_TRADE, key));
    put_trade(v, 1999, 9);
    put_trade(v, 2000, 10);
    put_trade(v, 2001, 11);
    assert_price(v, 1999, 9);
    assert_price(v, 2000, 10);
    assert_price(v, 2001, 11);

    struct row_none none = {7}; /* a table whose rows say nothing */
    key_u64_u8_u64(key, 3, 0, 9);
    assert_ok(state_put(v, TABLE_TRADE_OF, key, &none));
    assert_ok(state_get(v, TABLE_TRADE_OF, key, &none));
    assert_int_equal(none.nothing, 0);
    assert_ok(state_get(v, TABLE_TRADE_OF, key, NULL));
    key[16] ^= 1;
    assert_int_equal(state_get(v, TABLE_TRADE_OF, key, NULL), TIDE_ENOTFOUND);

    assert_string_equal(state_table_name(TABLE_BOOK), "book");
    assert_int_equal(state_key_len(TABLE_BOOK), BOOK_KEY_BYTES);
    assert_ok(state_commit(s));
    assert_true(state_file_bytes(s) > 0);
    state_close(&s, true);
    assert_null(s);
}

/* ---- walking, against a model ---- */

#define MODEL_KEYS 400 /* listing 0..9, side 0..1, price 0..19 (and the order's number from those) */

static struct { bool there; uint64_t party; } model[MODEL_KEYS];

static void model_key(unsigned slot, uint8_t key[BOOK_KEY_BYTES])
{
    /* slots in the order of keys: bids from the highest price down */
    unsigned listing = slot / 40, side = slot / 20 % 2, at = slot % 20;
    key_book(key, listing, side, side == SIDE_BID ? 1000 - at : 1000 + at, 7);
}

/* The slot that a walk from `slot` must find, or -1. prefix_len 0, 8 (a listing) or 9 (a side of it). */
static int model_walk(int slot, size_t prefix_len, bool strictly, int step)
{
    int first = slot;
    for (int at = strictly ? slot + step : slot; at >= 0 && at < MODEL_KEYS; at += step) {
        if (!model[at].there) continue;
        if (prefix_len == 8 && at / 40 != first / 40) return -1;
        if (prefix_len == 9 && at / 20 != first / 20) return -1;
        return at;
    }
    return -1;
}

static void check_walk(struct state_view *v, int slot, size_t prefix_len, bool strictly, int step)
{
    uint8_t key[BOOK_KEY_BYTES], before[BOOK_KEY_BYTES], expected[BOOK_KEY_BYTES];
    struct row_book row = {1, 1};
    model_key((unsigned)slot, key);
    memcpy(before, key, sizeof key);
    int at = model_walk(slot, prefix_len, strictly, step);
    enum tide_err err = step > 0 ? state_next(v, TABLE_BOOK, key, prefix_len, strictly, &row)
                                 : state_prev(v, TABLE_BOOK, key, prefix_len, strictly, &row);
    if (at < 0) {
        assert_int_equal(err, TIDE_ENOTFOUND);
        assert_memory_equal(key, before, sizeof key);
        assert_int_equal(row.party, 0);
        return;
    }
    assert_ok(err);
    model_key((unsigned)at, expected);
    assert_memory_equal(key, expected, sizeof key);
    assert_int_equal(row.party, model[at].party);
}

static void model_step(struct state_view *v, uint64_t *seed)
{
    static const size_t prefixes[] = {0, 8, 9};
    uint8_t key[BOOK_KEY_BYTES];
    struct row_book row;
    unsigned slot = (unsigned)(next_random(seed) % MODEL_KEYS);
    model_key(slot, key);
    switch (next_random(seed) % 6) {
    case 0: case 1:
        row.party = next_random(seed);
        assert_ok(state_put(v, TABLE_BOOK, key, &row));
        model[slot].there = true;
        model[slot].party = row.party;
        break;
    case 2:
        assert_int_equal(state_del(v, TABLE_BOOK, key), model[slot].there ? TIDE_OK : TIDE_ENOTFOUND);
        model[slot].there = false;
        break;
    case 3:
        assert_int_equal(state_get(v, TABLE_BOOK, key, &row), model[slot].there ? TIDE_OK : TIDE_ENOTFOUND);
        assert_int_equal(row.party, model[slot].there ? model[slot].party : 0);
        break;
    default:
        check_walk(v, (int)slot, prefixes[next_random(seed) % 3], next_random(seed) % 2 == 0,
                   next_random(seed) % 2 == 0 ? 1 : -1);
    }
}

static void test_walking(void **unused)
{
    (void)unused;
    struct state *s = open_writer(true);
    uint64_t seed = 42;
    memset(model, 0, sizeof model);
    for (unsigned i = 0; i < 60000; i++) {
        model_step(writer_view(s), &seed);
        if (i % 997 == 0) assert_ok(state_commit(s));
    }
    state_close(&s, false);
}

/* The book's own use: the best order, filled and taken out, then the next best. */
static void test_walk_and_delete(void **unused)
{
    (void)unused;
    struct state *s = open_writer(true);
    struct state_view *v = writer_view(s);
    uint8_t key[BOOK_KEY_BYTES];
    struct row_book row = {0};
    uint64_t last_price = UINT64_MAX, n = 0;

    for (uint64_t order = 1; order <= 3000; order++) {
        key_book(key, order % 3, SIDE_BID, order * 7919 % 500, order);
        row.party = order;
        assert_ok(state_put(v, TABLE_BOOK, key, &row));
    }
    key_book(key, 1, SIDE_BID, UINT64_MAX, 0);
    while (state_next(v, TABLE_BOOK, key, 9, false, &row) == TIDE_OK) {
        assert_true(book_key_price(key) <= last_price);
        assert_int_equal(book_key_priority(key), row.party);
        last_price = book_key_price(key);
        assert_ok(state_del(v, TABLE_BOOK, key));
        n++;
    }
    assert_int_equal(n, 1000);
    assert_ok(state_count(v, TABLE_BOOK, &n));
    assert_int_equal(n, 2000);
    state_close(&s, false);
}

/* ---- commits ---- */

static void test_deferred_commit_and_abort(void **unused)
{
    (void)unused;
    struct state *s = open_writer(true);
    struct state_view *v = writer_view(s), *reader;

    for (uint64_t batch = 1; batch <= 5; batch++) { /* several batches in one view */
        assert_ok(state_write(s, &v));
        put_trade(v, batch, batch * 10);
        assert_ok(state_set_applied(v, batch * 100));
        assert_applied(v, batch * 100);
    }
    assert_ok(state_read_begin(s, &reader));
    assert_no_trade(reader, 1); /* not committed yet */
    assert_ok(state_commit(s));
    assert_ok(state_commit(s)); /* nothing to do */
    assert_no_trade(reader, 1); /* a snapshot stays what it was */
    assert_ok(state_read_renew(reader));
    assert_price(reader, 5, 50);
    assert_applied(reader, 500);

    assert_ok(state_write(s, &v));
    put_trade(v, 5, 51);
    put_trade(v, 6, 60);
    assert_ok(state_set_applied(v, 600));
    state_abort(s);
    assert_ok(state_write(s, &v));
    assert_price(v, 5, 50);
    assert_no_trade(v, 6);
    assert_applied(v, 500);
    put_trade(v, 6, 61); /* the tail applied again */
    assert_ok(state_commit(s));
    assert_ok(state_read_renew(reader));
    assert_price(reader, 6, 61);

    state_read_reset(reader);
    uint64_t n;
    assert_int_equal(state_count(reader, TABLE_TRADE, &n), TIDE_EIO); /* let go of */
    assert_ok(state_read_renew(reader));
    assert_ok(state_count(reader, TABLE_TRADE, &n));
    assert_int_equal(n, 6);
    uint8_t key[8];
    key_u64(key, 1);
    assert_int_equal(state_del(reader, TABLE_TRADE, key), TIDE_EDENIED);
    assert_int_equal(state_put(reader, TABLE_TRADE, key, &(struct row_trade){0}), TIDE_EDENIED);
    state_read_end(&reader);
    assert_null(reader);
    state_close(&s, false);
}

/* ---- trust ---- */

static void fill_and_close(bool clean)
{
    struct state *s = open_writer(true);
    struct state_view *v = writer_view(s);
    for (uint64_t i = 1; i <= 50; i++) put_trade(v, i, i);
    assert_ok(state_set_applied(v, 50));
    assert_ok(state_commit(s));
    put_trade(writer_view(s), 51, 51); /* never committed */
    state_close(&s, clean);
}

static void assert_kept(void)
{
    struct state *s = open_writer(false);
    assert_applied(writer_view(s), 50);
    assert_price(writer_view(s), 50, 50);
    assert_no_trade(writer_view(s), 51);
    state_close(&s, false);
}

static void assert_built_anew(void)
{
    struct state *s = open_writer(true);
    assert_applied(writer_view(s), 0);
    assert_no_trade(writer_view(s), 50);
    state_close(&s, false);
}

static void read_mark(char text[600])
{
    int fd = open(in_test_dir("state/mark"), O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, 599);
    assert_true(n > 0);
    text[n] = '\0';
    close(fd);
}

static void write_mark(const char *text)
{
    int fd = open(in_test_dir("state/mark"), O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

/* Changes one character of the mark's line that begins so. */
static void change_mark_line(const char *name)
{
    char text[600];
    read_mark(text);
    char *at = strstr(text, name);
    assert_non_null(at);
    at += strlen(name);
    *at = *at == '1' ? '2' : '1';
    write_mark(text);
}

static void test_same_boot_is_trusted(void **unused)
{
    (void)unused;
    fill_and_close(false);
    assert_kept();
    assert_kept();
}

static void test_other_boot_is_not_trusted(void **unused)
{
    (void)unused;
    fill_and_close(false);
    change_mark_line("\nboot ");
    assert_built_anew();
}

static void test_clean_stop_outlives_the_boot(void **unused)
{
    char text[600];
    (void)unused;
    fill_and_close(true);
    change_mark_line("\nboot ");
    assert_kept(); /* and by opening it is no longer clean */
    read_mark(text);
    assert_null(strstr(text, "clean"));
    change_mark_line("\nboot ");
    assert_built_anew();
}

static void test_other_file_is_not_trusted(void **unused)
{
    static const char *const lines[] = {"\ninode ", "\ndevice ", "\nlayout ", "tidemark/state-mark/v"};
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        fill_and_close(true);
        change_mark_line(lines[i]);
        assert_built_anew();
        assert_int_equal(remove_test_dir(NULL), 0);
        assert_int_equal(make_test_dir(NULL), 0);
    }
    fill_and_close(true);
    assert_int_equal(rename(in_test_dir("state/data.mdb"), in_test_dir("state/old")), 0); /* a copy is another file */
    int in = open(in_test_dir("state/old"), O_RDONLY), out = open(in_test_dir("state/data.mdb"), O_WRONLY | O_CREAT, 0600);
    uint8_t buffer[4096];
    for (ssize_t n; (n = read(in, buffer, sizeof buffer)) > 0;) assert_int_equal(write(out, buffer, (size_t)n), n);
    close(in);
    close(out);
    assert_built_anew();
}

static void test_no_mark_is_not_trusted(void **unused)
{
    struct state *s;
    (void)unused;
    fill_and_close(true);
    assert_int_equal(unlink(in_test_dir("state/mark")), 0);
    assert_int_equal(state_open_reader(test_dir, &s), TIDE_ENOTFOUND);
    assert_built_anew();
}

/* ---- damage ---- */

static void test_flipped_byte_is_found(void **unused)
{
    uint8_t key[8], recipient[32];
    struct row_trade row;
    (void)unused;
    fill_and_close(true);
    memset(recipient, 33, sizeof recipient);
    assert_true(flip_byte_in(in_test_dir("state/data.mdb"), recipient, sizeof recipient, 3) >= 1);

    struct state *s = open_writer(false);
    struct state_view *v = writer_view(s);
    assert_price(v, 32, 32);
    key_u64(key, 33);
    assert_int_equal(state_get(v, TABLE_TRADE, key, &row), TIDE_EDAMAGED);
    assert_int_equal(row.price, 0);
    assert_int_equal(state_next(v, TABLE_TRADE, key, 0, false, &row), TIDE_EDAMAGED);
    state_close(&s, false);
}

/* A whole row in the wrong place: right in itself, but not this key's. */
static void test_misplaced_row_is_found(void **unused)
{
    uint8_t key[8], other[8];
    struct row_trade row;
    uint64_t price;
    (void)unused;
    fill_and_close(true);
    key_u64(key, 33);
    key_u64(other, 93);
    /* In a leaf the key stands right before its value. */
    uint8_t needle[16];
    memcpy(needle, key, 8);
    memcpy(needle + 8, &(uint64_t){99}, 8); /* listing = 3 * 33 */
    int fd = open(in_test_dir("state/data.mdb"), O_RDWR);
    off_t size = file_size(in_test_dir("state/data.mdb"));
    unsigned n = 0;
    for (off_t at = 0; at + 16 <= size; at += 2) {
        uint8_t here[16];
        if (pread(fd, here, 16, at) != 16 || memcmp(here, needle, 16) != 0) continue;
        assert_int_equal(pwrite(fd, other, 8, at), 8);
        n++;
    }
    close(fd);
    assert_true(n >= 1);

    struct state *s = open_writer(false);
    assert_int_equal(get_price(writer_view(s), 33, &price), TIDE_ENOTFOUND);
    key_u64(key, 33);
    assert_int_equal(state_next(writer_view(s), TABLE_TRADE, key, 0, false, &row), TIDE_EDAMAGED);
    state_close(&s, false);
}

/* ---- other processes ---- */

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
    struct state *s;
    bool rebuilt;
    return (int)state_open_writer(test_dir, &s, &rebuilt);
}

static int read_as_auditor(void)
{
    struct state *s;
    struct state_view *v, *w;
    if (state_open_reader(test_dir, &s) != TIDE_OK) return 1;
    if (state_write(s, &w) != TIDE_EDENIED) return 2;
    if (state_read_begin(s, &v) != TIDE_OK) return 3;
    assert_price(v, 9, 90);
    assert_no_trade(v, 10);
    state_read_end(&v);
    state_close(&s, true);
    return 0;
}

static void test_one_writer_many_readers(void **unused)
{
    (void)unused;
    struct state *s = open_writer(true), *second;
    bool rebuilt;
    put_trade(writer_view(s), 9, 90);
    assert_ok(state_commit(s));
    put_trade(writer_view(s), 10, 100);
    assert_int_equal(state_open_writer(test_dir, &second, &rebuilt), TIDE_EBUSY);
    assert_int_equal(in_child(open_as_writer), TIDE_EBUSY);
    assert_int_equal(in_child(read_as_auditor), 0);
    state_close(&s, false);
}

/* The auditor lives through a broker that starts from nothing: it must learn that its files are no longer the market's. */
static void test_reader_sees_replaced_files(void **unused)
{
    struct state *reader;
    struct state_view *v, *again;
    (void)unused;
    fill_and_close(false);
    assert_ok(state_open_reader(test_dir, &reader));
    assert_ok(state_read_begin(reader, &v));
    assert_int_equal(unlink(in_test_dir("state/mark")), 0);
    assert_int_equal(in_child(open_as_writer), TIDE_OK);
    assert_int_equal(state_read_renew(v), TIDE_ENOTFOUND);
    assert_int_equal(state_read_begin(reader, &again), TIDE_ENOTFOUND);
    state_read_end(&v);
    state_close(&reader, false);
}

/* Every commit holds trades 1..n, all at price n, and applied = n. */
static int write_until_killed(void)
{
    struct state *s;
    bool rebuilt;
    struct state_view *v;
    uint64_t n;
    if (state_open_writer(test_dir, &s, &rebuilt) != TIDE_OK) return 1;
    if (state_write(s, &v) != TIDE_OK || state_applied(v, &n) != TIDE_OK) return 2;
    for (;;) {
        n++;
        if (state_write(s, &v) != TIDE_OK) return 3;
        for (uint64_t i = 1; i <= n; i++) put_trade(v, i, n);
        if (state_set_applied(v, n) != TIDE_OK || state_commit(s) != TIDE_OK) return 4;
        if (write(STDOUT_FILENO, &n, 8) != 8) return 5;
    }
}

static void test_killed_while_writing(void **unused)
{
    uint64_t last = 0;
    (void)unused;
    for (unsigned round = 0; round < 8; round++) {
        int fds[2], status;
        uint64_t told, n;
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        if (pid == 0) {
            dup2(fds[1], STDOUT_FILENO);
            close(fds[0]);
            _exit(write_until_killed());
        }
        close(fds[1]);
        assert_int_equal(read(fds[0], &told, 8), 8);
        usleep(2000 + 1300 * round);
        kill(pid, SIGKILL);
        while (read(fds[0], &n, 8) == 8) told = n;
        close(fds[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));

        struct state *s = open_writer(false); /* the page cache has every commit */
        assert_ok(state_applied(writer_view(s), &n));
        assert_true(n == told || n == told + 1);
        assert_true(n > last);
        for (uint64_t i = 1; i <= n; i++) assert_price(writer_view(s), i, n);
        assert_no_trade(writer_view(s), n + 1);
        state_close(&s, false);
        last = n;
    }
}

/* ---- a disk that fills up ---- */

/* The disk's promise of room, which a test can make it withhold. */
static off_t disk_room = INT64_MAX;

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    if (offset + len > disk_room) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_fallocate, fd, mode, offset, len);
}

/* Puts batches until one does not fit; returns how many are there, or 0 if something else went wrong. */
static uint64_t put_until_full(struct state *s)
{
    struct state_view *v;
    uint8_t key[8];
    struct row_trade row = {0};
    enum tide_err err = TIDE_OK;
    for (uint64_t n = 0;; n++) {
        if (state_write(s, &v) != TIDE_OK) return 0;
        for (uint64_t i = 0; i < 100 && err == TIDE_OK; i++) {
            key_u64(key, n * 100 + i);
            err = state_put(v, TABLE_TRADE, key, &row);
        }
        if (err == TIDE_OK) err = state_set_applied(v, n + 1);
        if (err != TIDE_OK && (err != TIDE_EFULL || state_commit(s) != TIDE_EFULL)) return 0; /* nothing half */
        if (err == TIDE_OK) err = state_commit(s);
        if (err == TIDE_EFULL) return n;
        if (err != TIDE_OK) return 0;
    }
}

static int check_after_full(struct state *s, uint64_t n)
{
    struct state_view *v;
    uint64_t applied, rows;
    if (n < 5) return 2;
    if (state_write(s, &v) != TIDE_OK || state_applied(v, &applied) != TIDE_OK || applied != n) return 3;
    if (state_count(v, TABLE_TRADE, &rows) != TIDE_OK || rows != n * 100) return 4;
    return 0;
}

static int goes_on(struct state *s, uint64_t n)
{
    put_trade(writer_view(s), n * 100, 1);
    if (state_commit(s) != TIDE_OK) return 5;
    assert_price(writer_view(s), n * 100, 1);
    state_close(&s, false);
    return 0;
}

static int fill_the_disk(void)
{
    struct state *s;
    bool rebuilt;
    if (state_open_writer(test_dir, &s, &rebuilt) != TIDE_OK) return 1;
    disk_room = 12 << 20;
    uint64_t n = put_until_full(s);
    int failed = check_after_full(s, n);
    if (failed) return failed;
    disk_room = INT64_MAX;
    return goes_on(s, n);
}

/* The same where the disk promises nothing and pages are written at the commit. */
static int fill_the_disk_unpromised(void)
{
    struct rlimit limit = {1 << 20, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
    struct state *s;
    bool rebuilt;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    if (state_open_writer(test_dir, &s, &rebuilt) != TIDE_OK) return 1;
    uint64_t n = put_until_full(s);
    int failed = check_after_full(s, n);
    if (failed) return failed;
    setrlimit(RLIMIT_FSIZE, &none);
    return goes_on(s, n);
}

static UNUSED void test_full_disk(void **unused)
{
    (void)unused;
    assert_int_equal(in_child(fill_the_disk), 0);
    struct state *s = open_writer(false);
    state_close(&s, false);
}

static void test_full_disk_unpromised(void **unused)
{
    (void)unused;
    assert_int_equal(in_child(fill_the_disk_unpromised), 0);
    struct state *s = open_writer(false);
    state_close(&s, false);
}

/* Written through a map the file is a sparse giant, but not for longer than it is open. */
static void test_file_is_trimmed(void **unused)
{
    (void)unused;
    fill_and_close(true);
    assert_in_range(file_size(in_test_dir("state/data.mdb")), 1, 1 << 20);
}

/* ---- a temporary state ---- */

static void test_temporary(void **unused)
{
    struct state *s;
    (void)unused;
    assert_ok(state_open_temporary(test_dir, &s));
    put_trade(writer_view(s), 1, 10);
    assert_ok(state_commit(s));
    assert_price(writer_view(s), 1, 10);
    assert_int_equal(rmdir(test_dir), 0); /* nothing of it has a name */
    assert_int_equal(mkdir(test_dir, 0700), 0);
    state_close(&s, true);
    assert_int_equal(state_open_temporary(in_test_dir("nowhere"), &s), TIDE_ENOTFOUND);
}

/* ---- threads ---- */

struct reading {
    struct state *s;
    bool stop;
};

static void *read_all_the_time(void *arg)
{
    struct reading *r = arg;
    struct state_view *v;
    uint64_t n, price, last = 0;
    if (state_read_begin(r->s, &v) != TIDE_OK) abort();
    while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE)) {
        if (state_read_renew(v) != TIDE_OK || state_applied(v, &n) != TIDE_OK || n < last) abort();
        if (n > 0 && (get_price(v, 1, &price) != TIDE_OK || price != n)) abort();
        if (n > 0 && (get_price(v, n, &price) != TIDE_OK || price != n)) abort();
        state_read_reset(v);
        last = n;
    }
    state_read_end(&v);
    return NULL;
}

static void test_readers_beside_the_writer(void **unused)
{
    (void)unused;
    struct state *s = open_writer(true);
    struct reading readers[3];
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++) {
        readers[i] = (struct reading){s, false};
        assert_int_equal(pthread_create(&threads[i], NULL, read_all_the_time, &readers[i]), 0);
    }
    for (uint64_t n = 1; n <= 400; n++) {
        struct state_view *v = writer_view(s);
        put_trade(v, 1, n);
        put_trade(v, n, n);
        assert_ok(state_set_applied(v, n));
        assert_ok(state_commit(s));
    }
    for (size_t i = 0; i < 3; i++) {
        __atomic_store_n(&readers[i].stop, true, __ATOMIC_RELEASE);
        pthread_join(threads[i], NULL);
    }
    state_close(&s, false);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_test_dir, remove_test_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rows),
        TEST(test_walking),
        TEST(test_walk_and_delete),
        TEST(test_deferred_commit_and_abort),
        TEST(test_same_boot_is_trusted),
        TEST(test_other_boot_is_not_trusted),
        TEST(test_clean_stop_outlives_the_boot),
        TEST(test_other_file_is_not_trusted),
        TEST(test_no_mark_is_not_trusted),
        TEST(test_flipped_byte_is_found),
        TEST(test_misplaced_row_is_found),
        TEST(test_one_writer_many_readers),
        TEST(test_reader_sees_replaced_files),
        TEST(test_killed_while_writing),
#ifndef __SANITIZE_THREAD__ /* there nothing is written through the map, and nothing promised */
        TEST(test_full_disk),
#endif
        TEST(test_full_disk_unpromised),
        TEST(test_file_is_trimmed),
        TEST(test_temporary),
        TEST(test_readers_beside_the_writer),
    };
    return cmocka_run_group_tests_name("storage state", tests, NULL, NULL);
}
