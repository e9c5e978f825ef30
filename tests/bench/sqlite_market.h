/*
 * S3's reference: SQLite (WAL, synchronous=FULL) doing the same work on the same rows: the order, its place in the book, its
 * owner's list, its recipient, the account; for a match the maker, the trade, its deadline, both parties' lists and
 * accounts; and a journal row for every record. No signatures, no Merkle tree.
 */
#ifndef TIDEMARK_BENCH_SQLITE_MARKET_H
#define TIDEMARK_BENCH_SQLITE_MARKET_H

#include <stdint.h>

struct sqlite_market;

struct sqlite_order {
    int bid;
    int64_t listing, price, party;
    uint8_t recipient[32];
};

struct sqlite_market *sqlite_market_open(const char *path, int64_t n_parties);
/* One transaction; returns the number of matches. `durable` 0: for filling. */
long sqlite_market_batch(struct sqlite_market *m, const struct sqlite_order *orders, int n, int durable);
void sqlite_market_close(struct sqlite_market *m, const char *path);

#endif
