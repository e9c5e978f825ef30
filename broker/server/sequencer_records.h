/*
 * The single writer's own things, which its files share (sequencer.c, sequencer_own.c), and what it has decided but not
 * journaled. Private to them.
 */
#ifndef TIDEMARK_BROKER_SEQUENCER_RECORDS_H
#define TIDEMARK_BROKER_SEQUENCER_RECORDS_H

#include "broker/server/sequencer.h"

struct sequencer {
    struct sequencer_options o;
    struct arena arena;
    struct state_view *view; /* valid within a batch */
    uint8_t market[32];
    uint64_t next_index;     /* of the next record */
    uint64_t last_time_ms;   /* of the newest record journaled */
    uint64_t now_ms;         /* the batch's time */
    uint64_t outage_ms;      /* the next tick carries it; 0: none */
    bool outage_stated;      /* … and it is among `records` */
    bool behind;
    bool journal_failed;
    uint64_t next_deadline_ms;

    struct bytes *records;
    size_t n_records, records_room, n_bytes;
    struct job **finished, **barriers;
    size_t n_finished, n_barriers, jobs_room;
    size_t batches_open, records_open; /* journaled, but not yet committed in the state */
};

/* Holds the records of an executed statement for the append. */
MUST_USE enum tide_err sequencer_keep(struct sequencer *s, const struct execution *x);

/* The records become durable, then the replies held back with them leave. TIDE_EIO: s->journal_failed, nobody knows. */
MUST_USE enum tide_err sequencer_append(struct sequencer *s);
/* The same once they have grown past a bound; else nothing. */
MUST_USE enum tide_err sequencer_append_if_large(struct sequencer *s);

#endif
