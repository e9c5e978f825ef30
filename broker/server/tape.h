/*
 * The tape: after every commit of the state, what happened in the market goes to whoever listens, without names. A
 * thread of its own, which the sequencer only wakes: the market never waits for it.
 *
 * Always holds: what is said was journaled and is committed; messages follow each other without gap from the moment
 * somebody listens, but for what a subscriber (or the tape, when it is TAPE_ROUND_RECORDS behind) is too slow for, and
 * that is seen by `from` and `next`.
 */
#ifndef TIDEMARK_BROKER_TAPE_H
#define TIDEMARK_BROKER_TAPE_H

#include "storage/journal.h"
#include "storage/state.h"

struct tape;

struct tape_options {
    void *zmq_context; /* its ZAP handler runs and knows the door "tape" */
    const char *listen;
    uint16_t port;     /* 0: a free one */
    const uint8_t *wire_secret;
    struct journal *journal;
    struct state *state;
    unsigned heartbeat_ms; /* 0: the default */
    void (*failed)(void *ctx, const char *what, enum tide_err err); /* the process must stop */
    void *ctx;
};

/* Binds and starts. The options' things must outlive it. TIDE_EBUSY: the port is taken. */
MUST_USE enum tide_err tape_start(const struct tape_options *options, struct tape **out);
void tape_stop(struct tape **t);

uint16_t tape_port(const struct tape *t);

/* The state was committed. Any thread; does not wait, and costs nothing while nobody listens. */
void tape_kick(struct tape *t);

#endif
