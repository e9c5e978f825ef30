/*
 * The verifier threads: decode what peers sent, check that the peer is enrolled and that a statement's signature
 * holds, answer queries. Statements go on to the sequencer in the order in which the gateway took them, whichever
 * thread is done first: each job has a place in the sequencer's inbox from the beginning.
 */
#ifndef TIDEMARK_BROKER_VERIFIER_H
#define TIDEMARK_BROKER_VERIFIER_H

#include "broker/server/job.h"
#include "broker/server/query.h"
#include "broker/server/queue.h"

struct verifiers;

struct verifier_options {
    unsigned n_threads;
    struct queue *work;    /* jobs to look at */
    struct queue *inbox;   /* the sequencer's: places reserved by the gateway */
    struct queue *replies; /* jobs done */
    struct state *state;
    struct query_source source; /* `view` is each thread's own */
    const char *dir;            /* for the ports in force */
    uint8_t market[32];
    const uint64_t *journal_size; /* atomic: records journaled so far */
    void (*failed)(void *ctx, const char *what, enum tide_err err); /* the process must stop; any thread */
    void *ctx;
};

MUST_USE enum tide_err verifiers_start(const struct verifier_options *options, struct verifiers **out);

/*
 * For one more thread, the gateway's, when nothing else is going on: examines a statement at once, which saves waking
 * another thread for it. False: not a statement; the job is as it was.
 */
MUST_USE bool verifiers_examine_here(struct verifiers *v, struct job *job);

/* Close `work` first: what is in it is still done. */
void verifiers_join(struct verifiers **v);

#endif
