/*
 * The sequencer's thread: gives it the system's clock and randomness, the journal, and the queues.
 */
#ifndef TIDEMARK_BROKER_SEQUENCER_THREAD_H
#define TIDEMARK_BROKER_SEQUENCER_THREAD_H

#include "broker/server/publisher.h"
#include "broker/server/queue.h"
#include "broker/server/sequencer.h"

struct sequencer_thread;

struct sequencer_thread_options {
    struct journal *journal;
    struct state *state;
    const struct identity *identity;
    struct queue *inbox, *work, *replies;
    uint64_t *journal_size; /* atomic; kept up to date */
    void (*failed)(void *ctx, const char *what, enum tide_err err); /* the process must stop */
    void (*committed)(void *ctx); /* readers see a newer state; may be NULL */
    void *ctx;
};

/* Brings the state up to the journal (may take long; says so in the log). Nothing runs yet. */
MUST_USE enum tide_err sequencer_thread_open(const struct sequencer_thread_options *options,
                                             struct sequencer_thread **out);

/* Runs it; `publisher` hears when the journal has grown. */
MUST_USE enum tide_err sequencer_thread_start(struct sequencer_thread *t, struct publisher *publisher);

/* Asks for a `stored` statement. Any thread; false: the queue is full. `ctx` is the sequencer_thread. */
MUST_USE bool sequencer_thread_stored(void *ctx, uint64_t listing);

/* The same for a `verdict`. */
MUST_USE bool sequencer_thread_verdict(void *ctx, const struct body_verdict *verdict);

/* Close the inbox first: what is in it is still done, and the state committed. True: it ended well. */
bool sequencer_thread_close(struct sequencer_thread **t);

#endif
