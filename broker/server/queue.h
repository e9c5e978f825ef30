/*
 * The one way things cross from thread to thread: a bounded ring of pointers under a mutex, with an eventfd so that a
 * thread may wait for it together with sockets. Whoever pushes gives the thing away.
 *
 * A place may be taken before what belongs there is ready (queue_reserve, later queue_fill): what comes out has the
 * order of the reservations, whichever thread fills first.
 *
 * Always holds: nothing here waits but queue_pop; a full queue says so. The eventfd is written only when somebody
 * sleeps, so that a busy queue costs no system call.
 */
#ifndef TIDEMARK_BROKER_QUEUE_H
#define TIDEMARK_BROKER_QUEUE_H

#include "crypto/base.h"

struct queue;

/* Room for at least `capacity` things. */
MUST_USE enum tide_err queue_new(size_t capacity, struct queue **out);

/* What is still inside is forgotten, not freed. No thread may be using it. */
void queue_free(struct queue **q);

/* All `n` or none: false when they do not fit or the queue is closed. Items are not NULL. */
MUST_USE bool queue_push(struct queue *q, void *const *items, size_t n);

/* Takes the next place: false when there is none, or the queue is closed. Every place must be filled. */
MUST_USE bool queue_reserve(struct queue *q, uint64_t *place);

/* Fills a place; NULL: nothing comes after all, the place is passed over. */
void queue_fill(struct queue *q, uint64_t place, void *item);

/*
 * Takes up to `max` things, oldest first, as far as they are filled. Waits up to `timeout_ms` for the first (0: not at
 * all, -1: for ever). 0: none in time, or closed and empty.
 */
MUST_USE size_t queue_pop(struct queue *q, void **items, size_t max, int timeout_ms);

/* Nothing can be pushed any more; sleepers wake. What is inside can still be popped. */
void queue_close(struct queue *q);
bool queue_is_closed(struct queue *q);

/* Places taken: things inside, and reservations. */
size_t queue_length(struct queue *q);

/*
 * For a thread that waits with poll: if queue_watch gives true there is something already; if false, queue_fd becomes
 * readable when there is, and queue_unwatch must be called after the poll.
 */
MUST_USE bool queue_watch(struct queue *q);
void queue_unwatch(struct queue *q);
int queue_fd(const struct queue *q);

#endif
