/*
 * How should the state be committed? Puts the rows that orders cause into the state tables, without a market: signed
 * batches of 256 orders, a fifth of them matching, over a book with many resting orders; every batch's records go to
 * the journal synchronously, as the broker does it. Compares committing the state with every batch, with every 8th,
 * 32nd and 128th, and the same with MDB_WRITEMAP over preallocated space.
 *
 * bench_state [--json] [--dir D] [--resting N] [--seconds S] [--rounds R] [--batch N]
 * One line a mode: median over the rounds, which are interleaved; every run starts from a copy of the same state.
 * The CPU time an order costs is beside it, for machines that others use too.
 * Fails on a wrong result (rows lost), never on a slow one.
 */
#include "storage/journal.h"
#include "storage/state_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define N_PARTIES 100000u
#define N_LISTINGS 1000u
#define BATCH_MAX 256u
#define RECORD_BYTES 300u
#define RECORDS_OF(batch) (((batch) * 13 + 9) / 10)
#define MATCH_ONE_IN 5
#define MAP_BYTES (UINT64_C(8) << 30) /* WRITEMAP's: all of it is allocated before it is touched */
#define ROUNDS_MAX 25

static const struct mode {
    const char *name;
    unsigned every; /* batches a commit */
    bool writemap;
} modes[] = {
    {"every batch", 1, false},      {"every 8th", 8, false},      {"every 32nd", 32, false},
    {"every 128th", 128, false},    {"writemap, every", 1, true}, {"writemap, 8th", 8, true},
    {"writemap, 32nd", 32, true},   {"writemap, 128th", 128, true},
};

static struct { const char *dir; uint64_t resting; double seconds; unsigned rounds, batch; bool json; } options = {
    "/tmp", 1000000, 2.0, 5, BATCH_MAX, false,
};

static char base_dir[512]; /* everything of this run is in here */

/* The market as far as the rows need one. */
struct feed {
    struct state *state;
    struct state_view *view;
    uint64_t seed;
    uint64_t next_index; /* of the next record */
    uint64_t now_ms;
    uint64_t n_orders, n_trades;
};

static void check(enum tide_err err, const char *what)
{
    if (err == TIDE_OK) return;
    fprintf(stderr, "bench_state: %s: %s\n", what, tide_err_text(err));
    exit(1);
}

#define CHECK(call) check((call), #call)

static uint64_t rnd(struct feed *f)
{
    f->seed ^= f->seed >> 12;
    f->seed ^= f->seed << 25;
    f->seed ^= f->seed >> 27;
    return f->seed * UINT64_C(0x2545f4914f6cdd1d);
}

/* What this process used of its cores: says more than the clock where others use them too. */
static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- rows of one order ---- */

static void add_to_account(struct feed *f, uint64_t party, int64_t amount)
{
    uint8_t key[16];
    struct row_account row;
    key_u64_u64(key, party, 0);
    CHECK(state_get(f->view, TABLE_ACCOUNT, key, &row));
    row.available -= (uint64_t)amount;
    row.held += (uint64_t)amount;
    CHECK(state_put(f->view, TABLE_ACCOUNT, key, &row));
}

static void put_none(struct feed *f, enum table table, const void *key)
{
    static const struct row_none none;
    CHECK(state_put(f->view, table, key, &none));
}

static void put_order_of(struct feed *f, uint64_t party, bool closed, uint64_t order)
{
    uint8_t key[17];
    key_u64_u8_u64(key, party, closed, order);
    put_none(f, TABLE_ORDER_OF, key);
}

/* The maker is filled: out of the book, its order and its place in its owner's list closed. */
static void close_maker(struct feed *f, const uint8_t book_key[BOOK_KEY_BYTES], uint64_t party)
{
    uint8_t key[17];
    struct row_order maker;

    CHECK(state_del(f->view, TABLE_BOOK, book_key));
    key_u64(key, book_key_priority(book_key));
    CHECK(state_get(f->view, TABLE_ORDER, key, &maker));
    maker.left = 0;
    maker.resting = 0;
    maker.closed = 1;
    CHECK(state_put(f->view, TABLE_ORDER, key, &maker));
    key_u64_u8_u64(key, party, 0, book_key_priority(book_key));
    CHECK(state_del(f->view, TABLE_ORDER_OF, key));
    put_order_of(f, party, true, book_key_priority(book_key));
}

static void put_trade(struct feed *f, const struct row_order *taker, uint64_t taker_index, uint64_t maker_index,
                      uint64_t maker_party, uint64_t price)
{
    uint8_t key[17];
    struct row_trade row;
    uint64_t trade = f->next_index++;

    memset(&row, 0, sizeof row);
    row.listing = taker->listing;
    row.bid = taker_index;
    row.ask = maker_index;
    row.buyer = taker->party;
    row.vendor = maker_party;
    row.traded_at = f->now_ms;
    row.price = row.total = price;
    row.quantity = 1;
    row.state = TRADE_MATCHED;
    row.due = f->now_ms + 3600000;
    memcpy(row.recipient, taker->recipient, sizeof row.recipient);
    key_u64(key, trade);
    CHECK(state_put(f->view, TABLE_TRADE, key, &row));
    key_u64_u8_u64(key, taker->party, 0, trade);
    put_none(f, TABLE_TRADE_OF, key);
    key_u64_u8_u64(key, maker_party, 0, trade);
    put_none(f, TABLE_TRADE_OF, key);
    key_u8_u64_u64(key, DEADLINE_GRANT, row.due, trade);
    put_none(f, TABLE_DEADLINE, key);
    add_to_account(f, taker->party, 1);
    add_to_account(f, maker_party, -1);
    f->n_trades++;
}

/* Takes the best resting order of the other side; false if there is none. */
static bool match(struct feed *f, struct row_order *taker, uint64_t taker_index)
{
    uint8_t key[BOOK_KEY_BYTES];
    struct row_book book;
    uint64_t other = taker->side == SIDE_BID ? SIDE_ASK : SIDE_BID;

    key_book(key, taker->listing, other, other == SIDE_BID ? UINT64_MAX : 0, 0);
    enum tide_err err = state_next(f->view, TABLE_BOOK, key, 9, false, &book);
    if (err == TIDE_ENOTFOUND) return false;
    check(err, "best order");
    close_maker(f, key, book.party);
    put_trade(f, taker, taker_index, book_key_priority(key), book.party, book_key_price(key));
    taker->left = 0;
    taker->resting = 0;
    taker->closed = 1;
    return true;
}

static void put_order(struct feed *f, bool may_match)
{
    uint8_t key[BOOK_KEY_BYTES];
    struct row_order order;
    uint64_t index = f->next_index++;

    memset(&order, 0, sizeof order);
    order.party = 1 + rnd(f) % N_PARTIES;
    order.listing = 1 + rnd(f) % N_LISTINGS;
    order.placed_at = f->now_ms;
    order.side = (uint8_t)(rnd(f) % 2);
    order.price = (order.side == SIDE_BID ? 900 : 1000) + rnd(f) % 100;
    order.quantity = order.left = 1;
    order.resting = 1;
    if (order.side == SIDE_BID) {
        for (size_t i = 0; i < 32; i += 8) memcpy(order.recipient + i, &(uint64_t){rnd(f)}, 8);
        CHECK(state_put(f->view, TABLE_RECIPIENT, order.recipient, &(struct row_ref){index}));
        add_to_account(f, order.party, (int64_t)order.price);
    }
    if (may_match && rnd(f) % MATCH_ONE_IN == 0) match(f, &order, index);
    if (order.resting) {
        key_book(key, order.listing, order.side, order.price, index);
        CHECK(state_put(f->view, TABLE_BOOK, key, &(struct row_book){index, order.party}));
    }
    put_order_of(f, order.party, order.closed, index);
    key_u64(key, index);
    CHECK(state_put(f->view, TABLE_ORDER, key, &order));
    f->n_orders++;
}

static void put_batch(struct feed *f, bool may_match)
{
    uint8_t key[24] = {0};
    uint64_t cause = f->next_index++, party = 1 + rnd(f) % N_PARTIES;

    f->now_ms++;
    CHECK(state_write(f->state, &f->view));
    key_u64_u64(key, party, cause);
    CHECK(state_put(f->view, TABLE_OWN_STATEMENT, key, &(struct row_own_statement){KIND_ORDER_BATCH}));
    be64_put(key, f->now_ms << 16);
    be64_put(key + 8, rnd(f));
    be64_put(key + 16, party);
    struct row_command command = {cause, cause + options.batch, f->now_ms + 60000, {0}};
    CHECK(state_put(f->view, TABLE_COMMAND, key, &command));
    for (unsigned i = 0; i < options.batch; i++) put_order(f, may_match);
    CHECK(state_set_applied(f->view, f->next_index));
}

/* ---- runs ---- */

static void in_base(char out[600], const char *name)
{
    snprintf(out, 600, "%s/%s", base_dir, name);
}

/* Accounts and the resting book, once. */
static void preload(struct feed *f)
{
    struct row_account account = {.available = UINT64_C(1) << 50};
    uint8_t key[16];

    CHECK(state_write(f->state, &f->view));
    for (uint64_t party = 1; party <= N_PARTIES; party++) {
        key_u64_u64(key, party, 0);
        CHECK(state_put(f->view, TABLE_ACCOUNT, key, &account));
    }
    while (f->n_orders < options.resting) {
        put_batch(f, false);
        if (f->n_orders / options.batch % 64 == 0) CHECK(state_commit(f->state));
    }
    CHECK(state_commit(f->state));
}

/* LMDB copies past the page cache; the runs are to begin with a warm one. */
static void read_whole(const char *path)
{
    static uint8_t buffer[1 << 20];
    int fd = open(path, O_RDONLY);
    if (fd < 0) check(TIDE_EIO, path);
    while (read(fd, buffer, sizeof buffer) > 0) continue;
    close(fd);
}

static struct state *open_copy(struct state *from, const struct mode *mode, const char *dir)
{
    struct state *s;
    char path[700];
    if (mkdir(dir, 0700) != 0) check(TIDE_EIO, "mkdir");
    check(db_err(mdb_env_copy(from->db.env, dir)), "copy");
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    read_whole(path);
    if (mode->writemap) {
        int fd = open(path, O_RDWR);
        if (fd < 0 || posix_fallocate(fd, 0, (off_t)MAP_BYTES) != 0) check(TIDE_EFULL, "preallocating");
        close(fd);
    }
    unsigned flags = DB_CREATE | DB_NOSYNC | (mode->writemap ? DB_WRITEMAP : 0u);
    CHECK(state_open_mode(dir, flags, mode->writemap ? MAP_BYTES : DB_MAP_HUGE, &s));
    return s;
}

/* What was placed is there, resting or traded. */
static void check_rows(struct feed *f, uint64_t orders_before, uint64_t book_before)
{
    uint64_t orders, book, trades;
    CHECK(state_write(f->state, &f->view));
    CHECK(state_count(f->view, TABLE_ORDER, &orders));
    CHECK(state_count(f->view, TABLE_BOOK, &book));
    CHECK(state_count(f->view, TABLE_TRADE, &trades));
    bool right = orders == orders_before + f->n_orders && trades == f->n_trades;
    if (!right || book != book_before + f->n_orders - 2 * trades) {
        fprintf(stderr, "bench_state: rows were lost\n");
        exit(1);
    }
}

static void append_batch(struct journal *j, uint64_t batch)
{
    static uint8_t buffer[RECORDS_OF(BATCH_MAX)][RECORD_BYTES];
    struct bytes records[RECORDS_OF(BATCH_MAX)];
    size_t n = RECORDS_OF(options.batch);
    for (size_t i = 0; i < n; i++) {
        memcpy(buffer[i], &batch, sizeof batch);
        records[i] = BYTES(buffer[i], RECORD_BYTES);
    }
    CHECK(journal_append(j, records, n));
}

#define TIMES_MAX 65536u

struct result { double orders_per_s, p99_ms, cpu_us; };

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static struct result run(struct state *loaded, const struct feed *loaded_feed, const struct mode *mode)
{
    char state_dir[600], journal_dir[600], command[1300];
    struct feed f = *loaded_feed;
    struct result result = {0};
    struct journal *j;
    uint64_t batches = 0, book_before;
    static double times[TIMES_MAX];

    in_base(state_dir, "state");
    in_base(journal_dir, "journal-of-run");
    f.state = open_copy(loaded, mode, state_dir);
    if (mkdir(journal_dir, 0700) != 0) check(TIDE_EIO, "mkdir");
    CHECK(journal_open(journal_dir, JOURNAL_CREATE, &j));
    f.n_orders = f.n_trades = 0;
    CHECK(state_write(f.state, &f.view));
    CHECK(state_count(f.view, TABLE_BOOK, &book_before));

    double start = 0, cpu = 0, last = seconds_now(), warm = last + options.seconds / 4, now = last;
    uint64_t n_warm = 0;
    size_t n_times = 0;
    while (start == 0 || now - start < options.seconds) {
        put_batch(&f, true);
        append_batch(j, batches++);
        if (batches % mode->every == 0) CHECK(state_commit(f.state));
        now = seconds_now();
        if (start > 0 && n_times < TIMES_MAX) times[n_times++] = now - last;
        if (start == 0 && now >= warm) start = now, cpu = cpu_seconds(), n_warm = f.n_orders;
        last = now;
    }
    CHECK(state_commit(f.state));
    result.orders_per_s = (double)(f.n_orders - n_warm) / (seconds_now() - start);
    result.cpu_us = (cpu_seconds() - cpu) / (double)(f.n_orders - n_warm) * 1e6;
    qsort(times, n_times, sizeof *times, by_value);
    result.p99_ms = times[n_times * 99 / 100] * 1e3;
    check_rows(&f, loaded_feed->n_orders, book_before);
    state_close(&f.state, false);
    journal_close(&j);
    snprintf(command, sizeof command, "rm -rf '%s' '%s'", state_dir, journal_dir);
    if (system(command) != 0) check(TIDE_EIO, "removing");
    sync(); /* the next run does not pay for this one's writing back */
    return result;
}

static double median(double *values, unsigned n)
{
    qsort(values, n, sizeof *values, by_value);
    return values[n / 2];
}

static void report(double rates[][ROUNDS_MAX], double p99[][ROUNDS_MAX], double cpu[][ROUNDS_MAX])
{
    double reference = 0;
    if (options.json) {
        printf("{\"bench\": \"state\", \"resting\": %llu, \"batch\": %u, \"rounds\": %u, \"seconds\": %.1f, "
               "\"modes\": [", (unsigned long long)options.resting, options.batch, options.rounds, options.seconds);
    } else {
        printf("%-18s %10s %7s %14s %14s\n", "state commit", "orders/s", "ratio", "p99 batch ms", "CPU us/order");
    }
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        double rate = median(rates[i], options.rounds), ms = median(p99[i], options.rounds);
        double us = median(cpu[i], options.rounds);
        if (i == 0) reference = rate;
        if (options.json) {
            printf("%s{\"name\": \"%s\", \"batches_a_commit\": %u, \"writemap\": %s, \"orders_per_s\": %.0f, "
                   "\"ratio\": %.2f, \"p99_batch_ms\": %.1f, \"cpu_us_per_order\": %.1f}",
                   i == 0 ? "" : ", ", modes[i].name, modes[i].every,
                   modes[i].writemap ? "true" : "false", rate, rate / reference, ms, us);
        } else {
            printf("%-18s %10.0f %7.2f %14.1f %14.1f\n", modes[i].name, rate, rate / reference, ms, us);
        }
    }
    if (options.json) printf("]}\n");
}

static void read_options(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--json") == 0) {
            options.json = true;
            continue;
        }
        if (strcmp(argv[i], "--dir") == 0) options.dir = value;
        else if (strcmp(argv[i], "--resting") == 0) options.resting = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--seconds") == 0) options.seconds = strtod(value, NULL);
        else if (strcmp(argv[i], "--rounds") == 0) options.rounds = (unsigned)strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--batch") == 0) options.batch = (unsigned)strtoul(value, NULL, 10);
        else check(TIDE_EINVAL, argv[i]);
        i++;
    }
    if (options.rounds == 0 || options.rounds > ROUNDS_MAX) check(TIDE_EINVAL, "--rounds");
    if (options.batch == 0 || options.batch > BATCH_MAX) check(TIDE_EINVAL, "--batch");
}

int main(int argc, char **argv)
{
    static double rates[ARRAY_LEN(modes)][ROUNDS_MAX], p99[ARRAY_LEN(modes)][ROUNDS_MAX];
    static double cpu[ARRAY_LEN(modes)][ROUNDS_MAX];
    struct feed f = {.seed = 88172645463325252u, .next_index = 1, .now_ms = 1700000000000};
    char loaded_dir[600], command[600];

    read_options(argc, argv);
    snprintf(base_dir, sizeof base_dir, "%s/bench-state-XXXXXX", options.dir);
    if (mkdtemp(base_dir) == NULL) check(TIDE_EIO, options.dir);
    in_base(loaded_dir, "loaded");
    CHECK(state_open_mode(loaded_dir, DB_CREATE | DB_NOSYNC, DB_MAP_HUGE, &f.state));
    preload(&f);
    for (unsigned round = 0; round < options.rounds; round++) {
        for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
            struct result r = run(f.state, &f, &modes[i]);
            rates[i][round] = r.orders_per_s;
            p99[i][round] = r.p99_ms;
            cpu[i][round] = r.cpu_us;
            if (options.json) continue;
            fprintf(stderr, "  round %u, %s: %.0f orders/s\n", round + 1, modes[i].name, r.orders_per_s);
        }
    }
    state_close(&f.state, false);
    snprintf(command, sizeof command, "rm -rf '%s'", base_dir);
    if (system(command) != 0) check(TIDE_EIO, "removing");
    report(rates, p99, cpu);
    return 0;
}
