/*
 * A large market to measure on: made with `tidemarkd init`, then filled through market_execute, so that everything in it
 * was decided by the law: parties with money, open listings, resting orders. Orders to measure with are signed ahead.
 */
#ifndef TIDEMARK_BENCH_FIXTURE_H
#define TIDEMARK_BENCH_FIXTURE_H

#include "broker/market/market.h"
#include "crypto/identity.h"
#include "storage/journal.h"

struct trader {
    uint8_t key[32], secret[64];
    const struct identity *identity; /* signs instead of `secret`, if not NULL */
};

struct fixture {
    char dir[512];
    uint8_t market[32];
    struct identity *operator_id;
    struct state *state;
    struct journal *journal;
    struct trader *buyers, *vendors;
    size_t n_buyers, n_vendors, n_listings, n_resting;
    uint64_t *listings;       /* listing l belongs to vendor l % n_vendors */
    uint8_t terms_hash[32];
    uint64_t next_index, now_ms, random;
    /* execution under way */
    struct arena arena;
    struct bytes *pending;
    size_t n_pending;
};

/* Makes the market in a new folder below `parent`; prints what it does. The state and journal are left open. */
void fixture_build(struct fixture *f, const char *tidemarkd, const char *parent, size_t n_buyers, size_t n_listings,
                   size_t n_resting);
/* Opens them again, closes them (clean), removes everything. */
void fixture_open(struct fixture *f);
void fixture_close(struct fixture *f);
void fixture_remove(struct fixture *f);

uint64_t fixture_random(struct fixture *f);

/* A signed envelope of one statement, in `arena`; *statement_bytes may be NULL. Its command id is fresh. */
struct bytes fixture_sign(struct fixture *f, const struct trader *by, uint64_t kind, const void *body, uint64_t issued_at,
                          struct arena *arena, struct bytes *statement_bytes);

/* A random order of S3's mix: half bids, half asks; `crossing` bids take the best ask, others rest. */
void fixture_order(struct fixture *f, bool bid, size_t listing, bool crossing, struct body_order *out);

/* Verifies, decides, applies; records wait for fixture_commit. Returns the outcome; *n_records what it made. */
enum outcome fixture_execute(struct fixture *f, struct bytes envelope, bool verify, size_t *n_records,
                             struct execution *ex);
/* The journal's synchronous commit of what waits. */
void fixture_commit(struct fixture *f);

#endif
