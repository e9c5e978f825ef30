/*
 * The gateway thread: it alone uses the trade door's socket. Takes messages in, gives each a place in the sequencer's
 * inbox and hands it to the verifiers; sends the replies out. It owns all jobs of messages: they come back to it.
 */
#ifndef TIDEMARK_BROKER_GATEWAY_H
#define TIDEMARK_BROKER_GATEWAY_H

#include "broker/server/job.h"
#include "broker/server/queue.h"
#include "broker/server/verifier.h"

struct gateway;

struct gateway_options {
    struct door *door;
    struct queue *work, *inbox, *replies;
    struct verifiers *verifiers;
    size_t n_jobs; /* messages in the broker at once; the queues have room for all of them */
};

/* The options' things must outlive it. */
MUST_USE enum tide_err gateway_start(const struct gateway_options *options, struct gateway **out);

/*
 * Refuses what comes from now on, waits until everything taken is answered, ends the thread. gateway_free only when no
 * other thread can hold a job any more.
 */
void gateway_stop(struct gateway *g);

/* Not even that: the thread ends at once, also one that gateway_stop waits for. Any thread; does not wait. */
void gateway_abandon(struct gateway *g);

void gateway_free(struct gateway **g);

#endif
