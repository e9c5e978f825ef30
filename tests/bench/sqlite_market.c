/* See sqlite_market.h. */
#include "tests/bench/sqlite_market.h"
#include "tests/bench/bench.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BEST, ORDER, BOOK, OWNER, RECIPIENT, HOLD, MAKER, UNBOOK, TRADE, TRADE_OF, DEADLINE, RECORD, COMMAND, N_STATEMENTS };

static const char *const sql[N_STATEMENTS] = {
    [BEST] = "SELECT price, id FROM book WHERE listing=?1 AND side=1 AND price<=?2 ORDER BY price, id LIMIT 1",
    [ORDER] = "INSERT INTO orders VALUES(?1,?2,?3,?4,?5,1,1,0,?6)",
    [BOOK] = "INSERT INTO book VALUES(?1,?2,?3,?4,?5)",
    [OWNER] = "INSERT INTO owner VALUES(?1,0,?2)",
    [RECIPIENT] = "INSERT INTO recipient VALUES(?1,?2)",
    [HOLD] = "UPDATE account SET available=available+?2, held=held+?3, escrow=escrow+?4 WHERE party=?1 AND asset=0",
    [MAKER] = "UPDATE orders SET left=left-1, state=1 WHERE id=?1",
    [UNBOOK] = "DELETE FROM book WHERE listing=?1 AND side=1 AND price=?2 AND id=?3",
    [TRADE] = "INSERT INTO trade VALUES(?1,?2,?3,?4,?5,?6,1,?7)",
    [TRADE_OF] = "INSERT INTO trade_of VALUES(?1,0,?2)",
    [DEADLINE] = "INSERT INTO deadline VALUES(1,?1,?2)",
    [RECORD] = "INSERT INTO journal VALUES(?1,?2)",
    [COMMAND] = "INSERT INTO command VALUES(?1,?2,?3)",
};

struct sqlite_market {
    sqlite3 *db;
    sqlite3_stmt *stmt[N_STATEMENTS];
    int64_t index;
    uint64_t n_batches;
};

static void exec(struct sqlite_market *m, const char *text)
{
    char *why = NULL;
    if (sqlite3_exec(m->db, text, NULL, NULL, &why)) bench_fail("sqlite: %s: %s", text, why);
}

static void run(struct sqlite_market *m, int s)
{
    if (sqlite3_step(m->stmt[s]) != SQLITE_DONE) bench_fail("sqlite: %s: %s", sql[s], sqlite3_errmsg(m->db));
    sqlite3_reset(m->stmt[s]);
}

static void bind(struct sqlite_market *m, int s, int n, const int64_t *values)
{
    for (int i = 0; i < n; i++) sqlite3_bind_int64(m->stmt[s], i + 1, values[i]);
}
#define RUN(m, s, ...) (bind(m, s, sizeof((int64_t[]){__VA_ARGS__}) / 8, (int64_t[]){__VA_ARGS__}), run(m, s))

struct sqlite_market *sqlite_market_open(const char *path, int64_t n_parties)
{
    struct sqlite_market *m = calloc(1, sizeof *m);
    char text[256];
    if (!m || sqlite3_open(path, &m->db)) bench_fail("sqlite: cannot open %s", path);
    exec(m, "PRAGMA journal_mode=WAL; PRAGMA cache_size=-1000000; PRAGMA wal_autocheckpoint=10000");
    exec(m, "CREATE TABLE account(party INT, asset INT, available INT CHECK(available>=0), held INT, escrow INT,"
            "  PRIMARY KEY(party, asset)) WITHOUT ROWID;"
            "CREATE TABLE orders(id INTEGER PRIMARY KEY, listing INT, side INT, price INT, party INT, quantity INT, left INT,"
            "  state INT, recipient BLOB);"
            "CREATE TABLE book(listing INT, side INT, price INT, id INT, party INT, PRIMARY KEY(listing, side, price, id)) WITHOUT ROWID;"
            "CREATE TABLE owner(party INT, closed INT, id INT, PRIMARY KEY(party, closed, id)) WITHOUT ROWID;"
            "CREATE TABLE recipient(key BLOB PRIMARY KEY, id INT) WITHOUT ROWID;"
            "CREATE TABLE trade(id INTEGER PRIMARY KEY, listing INT, bid INT, ask INT, price INT, buyer INT, state INT, due INT);"
            "CREATE TABLE trade_of(party INT, final INT, id INT, PRIMARY KEY(party, final, id)) WITHOUT ROWID;"
            "CREATE TABLE deadline(kind INT, due INT, id INT, PRIMARY KEY(kind, due, id)) WITHOUT ROWID;"
            "CREATE TABLE journal(id INTEGER PRIMARY KEY, record BLOB);"
            "CREATE TABLE command(id INT, party INT, record INT, PRIMARY KEY(id, party)) WITHOUT ROWID;");
    snprintf(text, sizeof text,
             "WITH RECURSIVE g(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM g WHERE i<%lld) INSERT INTO account SELECT i,0,1000000000,0,0 FROM g",
             (long long)n_parties + 200);
    exec(m, text);
    for (int s = 0; s < N_STATEMENTS; s++)
        if (sqlite3_prepare_v2(m->db, sql[s], -1, &m->stmt[s], NULL)) bench_fail("sqlite: %s: %s", sql[s], sqlite3_errmsg(m->db));
    return m;
}

static void record(struct sqlite_market *m, int len)
{
    static uint8_t body[400];
    sqlite3_bind_int64(m->stmt[RECORD], 1, ++m->index);
    sqlite3_bind_blob(m->stmt[RECORD], 2, body, len, SQLITE_STATIC);
    run(m, RECORD);
}

/* Takes the best ask; returns 0 if there is none at this price. */
static int match(struct sqlite_market *m, const struct sqlite_order *o, int64_t order)
{
    int64_t price, ask;
    bind(m, BEST, 2, (int64_t[]){o->listing, o->price});
    if (sqlite3_step(m->stmt[BEST]) != SQLITE_ROW) {
        sqlite3_reset(m->stmt[BEST]);
        return 0;
    }
    price = sqlite3_column_int64(m->stmt[BEST], 0), ask = sqlite3_column_int64(m->stmt[BEST], 1);
    sqlite3_reset(m->stmt[BEST]);
    record(m, 380);
    RUN(m, MAKER, ask);
    RUN(m, MAKER, order);
    RUN(m, UNBOOK, o->listing, price, ask);
    RUN(m, TRADE, m->index, o->listing, order, ask, price, o->party, m->index + 86400);
    RUN(m, TRADE_OF, o->party, m->index);
    RUN(m, TRADE_OF, o->listing % 100, m->index);
    RUN(m, DEADLINE, m->index + 86400, m->index);
    RUN(m, HOLD, o->party, o->price - price, -o->price, price);
    return 1;
}

long sqlite_market_batch(struct sqlite_market *m, const struct sqlite_order *orders, int n, int durable)
{
    long n_matched = 0;
    exec(m, durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF");
    exec(m, "BEGIN IMMEDIATE");
    RUN(m, COMMAND, (int64_t)m->n_batches++, orders[0].party, m->index);
    for (int i = 0; i < n; i++) {
        const struct sqlite_order *o = &orders[i];
        record(m, o->bid ? 240 : 160);
        int64_t id = m->index;
        sqlite3_bind_blob(m->stmt[ORDER], 6, o->recipient, o->bid ? 32 : 0, SQLITE_STATIC);
        RUN(m, ORDER, id, o->listing, !o->bid, o->price, o->party);
        RUN(m, OWNER, o->party, id);
        if (o->bid) {
            RUN(m, HOLD, o->party, -o->price, o->price, 0);
            sqlite3_bind_blob(m->stmt[RECIPIENT], 1, o->recipient, 32, SQLITE_STATIC);
            sqlite3_bind_int64(m->stmt[RECIPIENT], 2, id);
            run(m, RECIPIENT);
            if (match(m, o, id)) {
                n_matched++;
                continue;
            }
        }
        RUN(m, BOOK, o->listing, !o->bid, o->bid ? -o->price : o->price, id, o->party);
    }
    exec(m, "COMMIT");
    return n_matched;
}

void sqlite_market_close(struct sqlite_market *m, const char *path)
{
    char side[600];
    for (int s = 0; s < N_STATEMENTS; s++) sqlite3_finalize(m->stmt[s]);
    sqlite3_close(m->db);
    free(m);
    unlink(path);
    snprintf(side, sizeof side, "%s-wal", path);
    unlink(side);
    snprintf(side, sizeof side, "%s-shm", path);
    unlink(side);
}
