/*
 * What the files of the audit share: audit.c counts money, audit_rows.c the indexes, audit_listings.c what is kept.
 */
#ifndef TIDEMARK_BROKER_MARKET_AUDIT_WALK_H
#define TIDEMARK_BROKER_MARKET_AUDIT_WALK_H

#include "broker/market/law.h"

struct audit {
    struct state_view *state;
    char *why;
    size_t why_len;
};

/* Says where it does not hold; TIDE_EDAMAGED. */
enum tide_err audit_failed(const struct audit *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A key's end that is a row's number. */
typedef enum tide_err audit_visit(const struct audit *a, uint64_t number, void *to);
/* Calls `visit` for each row of an index whose key begins with `party` and `flag`, and ends with a number. */
MUST_USE enum tide_err audit_walk(const struct audit *a, enum table table, uint64_t party, uint8_t flag,
                                  audit_visit *visit, void *to);

/* Fails unless `table` has so many rows. */
MUST_USE enum tide_err audit_count(const struct audit *a, enum table table, uint64_t expected);

/* audit_rows.c: every index has exactly the rows that it should, the deadlines among them. */
MUST_USE enum tide_err audit_rows(const struct audit *a);
/* audit_listings.c: what is kept of listings and counted of their trades, their key commitments, who reads their details. */
MUST_USE enum tide_err audit_listings(const struct audit *a);

#endif
