/*
 * Enrolment requests that wait for an operator: the lobby's own small store (LMDB, `dir`/lobby), outside the journal.
 * At most LIMIT_REQUESTS, each for LIMIT_ENROL_VALID_MS. The lobby writes, the broker reads.
 */
#ifndef TIDEMARK_STORAGE_REQUESTS_H
#define TIDEMARK_STORAGE_REQUESTS_H

#include "storage/arena.h"
#include "storage/limits.h"

struct requests;

struct request_entry {
    uint8_t party[32], wire_key[32];
    uint64_t received_ms;
    struct bytes envelope;
};

MUST_USE enum tide_err requests_open(const char *dir, bool write, struct requests **out); /* reader: TIDE_ENOTFOUND */
void requests_close(struct requests **r);

/* Keeps a request (a newer one of the same party replaces it), after dropping those older than a week before
 * `received_ms`. TIDE_EFULL: LIMIT_REQUESTS wait already. Durable. */
MUST_USE enum tide_err requests_put(struct requests *r, const struct request_entry *entry);
MUST_USE enum tide_err requests_del(struct requests *r, const uint8_t party[32]);
MUST_USE enum tide_err requests_get(struct requests *r, const uint8_t party[32], struct arena *arena,
                                    struct request_entry *out);
/* The first entry whose party is > `after` (all zero: the first). TIDE_ENOTFOUND at the end. */
MUST_USE enum tide_err requests_next(struct requests *r, const uint8_t after[32], struct arena *arena,
                                     struct request_entry *out);

#endif
