/*
 * Payloads that lie on their vendors' own servers: a thread that fetches each of them once, whole, and holds it against the
 * manifest that its vendor uploaded, before the listing can be opened. Nothing of it is kept but how far it came.
 *
 * Always holds: one server is asked at a time, one range at a time; how far a check came outlives a restart; a server that
 * fails is asked again later and later, and what was wrong can be read.
 * Not here: telling the broker (data_stored.c), buyers' own downloads (client/lib).
 */
#ifndef TIDEMARK_BROKER_LOCATION_H
#define TIDEMARK_BROKER_LOCATION_H

#include "broker/server/config.h"
#include "storage/blobs.h"
#include "storage/journal.h"
#include "storage/state.h"

#define LOCATION_TROUBLE_MAX 256

struct location;

struct location_options {
    const struct config *config;
    struct state *state;
    struct journal *journal;
    uint64_t range_ms; /* in which a range must come; 0: as usual */
};

MUST_USE enum tide_err location_start(const struct location_options *options, struct location **out);
/* Ends it; a range under way is given up. */
void location_stop(struct location **l);

/* What the last look at a listing's location found wrong; empty: nothing. Any thread. */
void location_trouble(struct location *l, uint64_t listing, char out[LOCATION_TROUBLE_MAX]);

#endif
