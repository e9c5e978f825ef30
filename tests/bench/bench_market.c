/*
 * S1, S3 and S4 on one large market (quality figures in docs/performance.md):
 * S1  individually signed orders over CURVE against a real broker, accepted durably ÷ raw Ed25519 verify rate of two cores;
 * S3  orders in signed batches of 256, verified, decided, applied and durable ÷ SQLite holding the same rows;
 * S4  one order alone, send to durable reply ÷ (CURVE round trip + one synchronous LMDB commit + one verify).
 * It fails on a wrong result (an order lost, Σ ≠ 0), never on a slow one.
 *
 *     bench_market TIDEMARKD [PARTIES=100000] [RESTING=1000000] [RUNS=5] [all|wire|batch]
 */
#include "tests/bench/bench.h"
#include "tests/bench/fixture.h"
#include "tests/bench/sqlite_market.h"
#include "tests/bench/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { RUNS_MAX = 32, N_LISTINGS = 1000, BATCHES_A_RUN = 64, STATE_EVERY = 32 };

/* Signs the batches of one run; every second one is of asks, and two fifths of the bids cross: a fifth of all. */
static void sign_batches(struct fixture *f, struct arena *arena, struct bytes *out, struct sqlite_order (*twins)[LIMIT_BATCH_ORDERS])
{
    struct body_order orders[LIMIT_BATCH_ORDERS];
    for (size_t b = 0; b < BATCHES_A_RUN; b++) {
        bool bid = b % 2;
        size_t vendor = fixture_random(f) % f->n_vendors, buyer = fixture_random(f) % f->n_buyers;
        for (size_t i = 0; i < LIMIT_BATCH_ORDERS; i++) {
            size_t listing = bid ? fixture_random(f) % f->n_listings
                                 : vendor + f->n_vendors * (fixture_random(f) % (f->n_listings / f->n_vendors));
            fixture_order(f, bid, listing, fixture_random(f) % 5 < 2, &orders[i]);
            twins[b][i] = (struct sqlite_order){bid, (int64_t)listing, (int64_t)orders[i].price, (int64_t)(bid ? buyer + 200 : vendor), {0}};
            memcpy(twins[b][i].recipient, orders[i].recipient, 32);
        }
        struct body_order_batch body = {.orders = {orders, LIMIT_BATCH_ORDERS}};
        out[b] = fixture_sign(f, bid ? &f->buyers[buyer] : &f->vendors[vendor], KIND_ORDER_BATCH, &body, f->now_ms, arena, NULL);
    }
}

static double run_ours(struct fixture *f, const struct bytes *batches)
{
    static struct execution ex;
    double start = bench_seconds();
    for (size_t b = 0; b < BATCHES_A_RUN; b++) {
        enum outcome outcome = fixture_execute(f, batches[b], true, NULL, &ex);
        if (outcome) bench_fail("a batch was refused: %s", outcome_info(outcome)->name);
        for (size_t i = 0; i < ex.n_items; i++)
            if (ex.items[i].code) bench_fail("an order was refused: %u", (unsigned)ex.items[i].code);
        fixture_commit(f);
        if (b % STATE_EVERY == STATE_EVERY - 1) {
            struct state_view *view;
            if (state_commit(f->state) || state_write(f->state, &view)) bench_fail("state_commit");
        }
    }
    return BATCHES_A_RUN * LIMIT_BATCH_ORDERS / (bench_seconds() - start);
}

static double run_sqlite(struct sqlite_market *m, struct sqlite_order (*twins)[LIMIT_BATCH_ORDERS])
{
    double start = bench_seconds();
    for (size_t b = 0; b < BATCHES_A_RUN; b++) sqlite_market_batch(m, twins[b], LIMIT_BATCH_ORDERS, 1);
    return BATCHES_A_RUN * LIMIT_BATCH_ORDERS / (bench_seconds() - start);
}

static struct sqlite_market *fill_sqlite(struct fixture *f, const char *path)
{
    static struct sqlite_order orders[4096];
    struct sqlite_market *m = sqlite_market_open(path, (int64_t)f->n_buyers);
    struct body_order o;
    for (size_t done = 0; done < f->n_resting; done += 4096) {
        for (size_t i = 0; i < 4096; i++) {
            bool bid = i % 2;
            size_t listing = fixture_random(f) % f->n_listings;
            fixture_order(f, bid, listing, false, &o);
            orders[i] = (struct sqlite_order){bid, (int64_t)listing, (int64_t)o.price, (int64_t)(bid ? fixture_random(f) % f->n_buyers + 200 : listing % 100), {0}};
            memcpy(orders[i].recipient, o.recipient, 32);
        }
        sqlite_market_batch(m, orders, 4096, 0);
    }
    return m;
}

static void bench_s3(struct fixture *f, const char *parent, size_t runs)
{
    static struct sqlite_order twins[BATCHES_A_RUN][LIMIT_BATCH_ORDERS];
    double ours[RUNS_MAX], sqlite[RUNS_MAX];
    struct bytes batches[BATCHES_A_RUN];
    struct arena arena;
    struct state_view *view;
    char path[600], why[200];
    snprintf(path, sizeof path, "%s/sqlite.db", parent);
    fixture_open(f);
    arena_init(&arena, 256 << 20);
    struct sqlite_market *m = fill_sqlite(f, path);
    for (size_t r = 0; r < runs + 1; r++) { /* the first round warms both */
        arena_reset(&arena);
        sign_batches(f, &arena, batches, twins);
        double a = run_ours(f, batches), b = run_sqlite(m, twins);
        if (r == 0) continue;
        ours[r - 1] = a, sqlite[r - 1] = b;
    }
    if (state_write(f->state, &view) || market_audit(view, why, sizeof why)) bench_fail("Σ: %s", why);
    double a = bench_median(ours, runs), b = bench_median(sqlite, runs);
    bench_line("S3", "orders in signed batches of 256", a, "orders/s", "SQLite, same rows, unsigned", b, a / b, 2, 4);
    sqlite_market_close(m, path);
    arena_deinit(&arena);
    fixture_close(f);
}

int main(int argc, char **argv)
{
    if (argc < 2) return 2;
    size_t n_parties = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;
    size_t n_resting = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000000;
    size_t runs = argc > 4 ? strtoul(argv[4], NULL, 10) : 5;
    const char *which = argc > 5 ? argv[5] : "all";
    const char *tmp = getenv("TMPDIR");
    struct fixture f;
    char parent[300];
    if (runs < 1 || runs > RUNS_MAX) return 2;
    snprintf(parent, sizeof parent, "%s/tidemark-bench.XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(parent)) bench_fail("mkdtemp");
    fixture_build(&f, argv[1], parent, n_parties, N_LISTINGS, n_resting);
    fixture_close(&f);
    if (strcmp(which, "batch")) bench_wire(&f, argv[1], runs);
    if (strcmp(which, "wire")) bench_s3(&f, parent, runs);
    fixture_remove(&f);
    rmdir(parent);
    return 0;
}
