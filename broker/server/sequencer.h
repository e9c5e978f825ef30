/*
 * The single writer: takes what has arrived, gives it one time, states what is due, decides and applies each statement,
 * has all records journaled at once, then hands out the replies. It knows no socket, no clock, no thread: time, chance,
 * the journal and the way out are interfaces, so that a simulator can drive it.
 *
 * Always holds: a reply that names a record leaves only after that record is durable; the state is never committed
 * ahead of the journal; time in the journal never goes back.
 */
#ifndef TIDEMARK_BROKER_SEQUENCER_H
#define TIDEMARK_BROKER_SEQUENCER_H

#include "broker/market/market.h"
#include "broker/server/job.h"
#include "crypto/identity.h"
#include "crypto/merkle.h"

struct sequencer_io {
    void *ctx;
    uint64_t (*now_ms)(void *ctx); /* may step, backwards too */
    void (*random)(void *ctx, void *out, size_t len);

    /* The journal, as in storage/journal.h. */
    enum tide_err (*append)(void *ctx, const struct bytes *records, size_t n);
    enum tide_err (*size)(void *ctx, uint64_t *n_records);
    enum tide_err (*head)(void *ctx, struct merkle_tree *out);
    enum tide_err (*read)(void *ctx, uint64_t first, size_t max_n, size_t max_bytes, struct arena *arena,
                          struct bytes *out, size_t *n);

    /* Done: their replies may go out (job_is_own: may be freed). The jobs are given away. */
    void (*finished)(void *ctx, struct job *const *jobs, size_t n);
    /* Barriers whose state is committed: they go back to be answered. The jobs are given away. */
    void (*released)(void *ctx, struct job *const *jobs, size_t n);
    /* The state is committed: from now on readers see it. May be NULL. */
    void (*committed)(void *ctx);
    /* Applying the journal's tail: `done` of `total` records. May be NULL. */
    void (*progress)(void *ctx, uint64_t done, uint64_t total);
};

struct sequencer_options {
    struct sequencer_io io;
    struct state *state;             /* writer */
    const struct identity *identity; /* the broker's */
    size_t commit_batches;           /* the state is committed after so many batches; 0: the default */
    size_t commit_records;           /* … or so many records; 0: the default */
};

struct sequencer;

/*
 * Applies the journal's tail to the state, notices an outage and states what is due: when it returns the state is that
 * of the journal, committed. TIDE_ENOTFOUND: the journal is empty (no market); TIDE_EDAMAGED: state and journal
 * contradict each other.
 */
MUST_USE enum tide_err sequencer_new(const struct sequencer_options *options, struct sequencer **out);
void sequencer_free(struct sequencer **s);

/*
 * One batch; `n` may be 0 (a deadline has come). All jobs are given away whatever happens, but for those whose fate is
 * unknown after TIDE_EIO: they get no reply. An error means: stop the process.
 */
MUST_USE enum tide_err sequencer_batch(struct sequencer *s, struct job *const *jobs, size_t n);

/* Nothing is waiting: commits the state. *wait_ms: how long it may sleep until something is due by itself. */
MUST_USE enum tide_err sequencer_idle(struct sequencer *s, uint64_t *wait_ms);

/* Records below this index are in the journal and in the writer's state. */
uint64_t sequencer_next_index(const struct sequencer *s);

#endif
