/*
 * The market's law, as two functions: decide reads and judges, apply writes and never judges. Nothing here reads a
 * clock, a socket, a random number or an address: time comes in as an argument, and the same journal gives the same
 * bytes everywhere. `rules` 1.
 *
 * One statement may be decided in steps (an order_batch: one a position): decide(step), apply its events, decide(step
 * + 1). market_execute does that for whoever drives: the sequencer, `tidemarkd verify`, the scenario runner.
 */
#ifndef TIDEMARK_BROKER_MARKET_H
#define TIDEMARK_BROKER_MARKET_H

#include "storage/outcome.h"
#include "storage/state.h"

/* What is decided: a statement whose envelope and signature were checked by whoever calls (the verifier). */
struct cause {
    struct statement statement;
    struct bytes statement_bytes; /* what was signed */
    struct bytes envelope;        /* what is journaled */
    uint64_t index;               /* record index it gets if accepted */
};

/* An event decided but not yet applied. The index of event i of a step is first_event_index + i. */
struct decided_event {
    uint64_t kind;
    const void *body; /* struct body_<kind>, in the arena */
};

struct decision {
    enum outcome outcome;
    struct decided_event events[LIMIT_EVENTS];
    size_t n_events;
    bool more;            /* another step follows */
    uint64_t n_matched;   /* resting orders matched so far by this statement, all steps */
};

/*
 * Decides step `step` of `cause` at `now_ms`. `first_event_index` is the record index its first event gets. In/out:
 * d->n_matched is carried from step to step by the caller, the rest is overwritten. An outcome but OK is possible at
 * step 0 only, and means: nothing is journaled. A repeated statement is OUTCOME_ID_REUSED here (market_execute tells
 * it apart). Errors are the machine's (TIDE_EDAMAGED, TIDE_ENOMEM, …); TIDE_EINVAL: now_ms before the newest record.
 */
MUST_USE enum tide_err market_decide(struct state_view *state, const struct cause *cause, uint64_t now_ms,
                                     uint64_t step, uint64_t first_event_index, struct arena *arena,
                                     struct decision *d);

/* Folds one record into the state. Records must come in order: TIDE_EDAMAGED if this one contradicts the state. */
MUST_USE enum tide_err market_apply(struct state_view *state, struct bytes record, struct arena *arena);

/* The same for an event that is at hand decoded (skips decoding; equal effect). */
MUST_USE enum tide_err market_apply_event(struct state_view *state, uint64_t index, uint64_t time_ms,
                                          uint64_t cause_index, uint64_t kind, const void *body);

/* What executing a statement gave. Records lie in the arena. */
struct execution {
    enum outcome outcome;
    uint64_t first_index, next_index;    /* also of a repeated statement's first acceptance */
    bool repeated;                       /* accepted before: nothing new to journal */
    struct bytes *records;               /* the statement's own, then its events; n_records of them */
    size_t n_records;
    size_t n_items;                      /* batches */
    struct { uint64_t code, index; } items[LIMIT_BATCH_ORDERS];
    const char *detail;                  /* a sentence for the reply: why, with figures; or NULL. In the arena */
};

/*
 * Decides and applies one statement: its record gets index `next_index`, its time is `now_ms`. On refusal the state
 * is untouched. On an error the caller must drop the writer's view.
 */
MUST_USE enum tide_err market_execute(struct state_view *state, struct bytes envelope,
                                      const struct statement *statement, struct bytes statement_bytes, uint64_t now_ms,
                                      uint64_t next_index, struct arena *arena, struct execution *out);

/*
 * What the broker must state before anything else is decided at `now_ms`; asked again until it is DUE_NOTHING. `drawn`
 * is due at once after the approval it is about. An
 * outage is not seen here: who starts a broker states it in a first tick (outage_ms at most now_ms - heard_ms of the
 * market's row, which a `continue` left over from before does not change).
 */
enum due { DUE_NOTHING, DUE_CONTINUE, DUE_TICK, DUE_DRAW };
struct due_statement {
    enum due due;
    struct body_tick tick;
    struct body_continue go_on;
    uint64_t draw_listing, draw_size; /* `drawn` takes the log's root at this size */
};
MUST_USE enum tide_err market_due(struct state_view *state, uint64_t now_ms, struct due_statement *out);

/* The time of the earliest deadline or expiry, for sleeping until it; UINT64_MAX if there is none. */
MUST_USE enum tide_err market_next_deadline(struct state_view *state, uint64_t *at_ms);

/*
 * When what a trade waits for is due: wall time, if nothing halts any more; while the market or its listing is halted,
 * `now_ms` and what is left. 0: it waits for nothing, or its claim is overdue.
 */
uint64_t market_trade_due(const struct row_market *market, const struct row_listing *listing,
                          const struct row_trade *trade, uint64_t now_ms);

/* Σ over all accounts of every asset. TIDE_EDAMAGED: not 0, or a party's balance below zero. Walks everything. */
MUST_USE enum tide_err market_audit(struct state_view *state, char *why, size_t why_len);

/* The market's row, a party by key, a party by number; TIDE_ENOTFOUND. */
MUST_USE enum tide_err market_row(struct state_view *state, struct row_market *out);
MUST_USE enum tide_err party_by_key(struct state_view *state, const uint8_t key[32], uint64_t *number,
                                    struct row_party *out);
MUST_USE enum tide_err party_by_number(struct state_view *state, uint64_t number, struct row_party *out);

/* The settlement text of a trade (traded or about to be: pass the row), in `arena`. */
MUST_USE enum tide_err settlement_text(struct state_view *state, uint64_t trade, const struct row_trade *row,
                                       struct arena *arena, struct bytes *text);

/* Defaults of the parameters, as in docs/market.md. */
extern const uint64_t parameter_defaults[PARAM_N];
/* Whether a market may have this value; false for a parameter there is not. */
bool parameter_in_bounds(uint64_t which, uint64_t value);

#endif
