/*
 * The broker's judge: a thread that judges every dispute as soon as it is committed, from the journal and from its sealed
 * evidence, and has the `verdict` stated. What it finds anyone who can open the evidence finds again (storage/judge.h).
 *
 * Always holds: nothing is told twice while it is on its way; disputes that wait when it starts are judged like new ones;
 * memory and the work of a round are bounded, whatever evidence and however many disputes there are.
 */
#ifndef TIDEMARK_BROKER_JUDGE_H
#define TIDEMARK_BROKER_JUDGE_H

#include "storage/journal.h"
#include "storage/state.h"

#define JUDGE_TOLD_MAX 16u      /* verdicts on their way to the sequencer; places of its inbox */
#define JUDGE_MISSING_MS 60000u /* of record time: evidence that is not there by then does not come */
#define JUDGE_ARENA_BYTES (4u << 20) /* one dispute: its evidence and four records, decoded */

struct judge_options {
    const char *dir;            /* the market's folder; evidence/ in it */
    struct journal *journal;
    struct state *state;
    const uint8_t *seal_secret; /* the broker's: evidence is sealed to it, among others */
    bool (*verdict)(void *ctx, const struct body_verdict *verdict); /* false: queue full, tried again */
    void *ctx;
    void (*failed)(void *failed_ctx, const char *what, enum tide_err err); /* the process must stop */
    void *failed_ctx;
};

struct judge_thread;

/* The options' things must outlive it. */
MUST_USE enum tide_err judge_start(const struct judge_options *options, struct judge_thread **out);
void judge_stop(struct judge_thread **t);

/*
 * Judges one dispute of the snapshot `view` at `now_ms`. TIDE_ENOTFOUND: its evidence is not there, and may still come;
 * TIDE_EDAMAGED: state or journal contradict themselves; another: the machine's trouble, which may pass. Uses `arena`.
 */
MUST_USE enum tide_err judge_dispute(const struct judge_options *options, struct state_view *view, uint64_t trade,
                                     uint64_t now_ms, struct arena *arena, struct body_verdict *out);

#endif
