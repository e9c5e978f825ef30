/*
 * The single writer (sequencer.h). One append to the journal is what is decided between two calls of append_records:
 * a whole batch, unless it grows past a bound.
 *
 * Always holds: `records` are decided and applied to the writer's view but not journaled; `finished` are the jobs they
 * belong to, their replies encoded and held back; the arena keeps both until the append. `behind` means that the
 * writer's view was dropped and lacks records that the journal has.
 * An approval and the `drawn` that follows it are in one append: nobody sees the one without the other.
 * Not here: the law (market/), verifying signatures (verifier.c), the thread (sequencer_thread.c).
 */
#include "broker/server/sequencer.h"

#include "broker/server/own_statement.h"
#include "broker/server/query.h"
#include "broker/server/recover.h"

#include <stdlib.h>

#define APPEND_RECORDS 4096u     /* one append has about so many records at most … */
#define APPEND_BYTES (8u << 20)  /* … and so many bytes */
#define COMMIT_BATCHES 32u
#define COMMIT_RECORDS 8192u
#define ARENA_CAP (256u << 20)
#define SLEEP_MAX_MS 60000u      /* the clock may step: it is looked at that often */
#define RETRY_MS 1000u           /* how often a full disk is tried again */

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

uint64_t sequencer_next_index(const struct sequencer *s)
{
    return s->next_index;
}

/* ---- the journal ---- */

static enum tide_err records_reserve(struct sequencer *s, size_t n)
{
    if (n <= s->records_room - s->n_records) return TIDE_OK;
    size_t room = s->records_room + n + APPEND_RECORDS;
    struct bytes *grown = realloc(s->records, room * sizeof *grown);
    if (!grown) return TIDE_ENOMEM;
    s->records = grown;
    s->records_room = room;
    return TIDE_OK;
}

/* Holds the records of an executed statement for the append. */
static enum tide_err keep_records(struct sequencer *s, const struct execution *x)
{
    enum tide_err err = records_reserve(s, x->n_records);
    if (err) return err;
    for (size_t i = 0; i < x->n_records; i++) {
        s->records[s->n_records++] = x->records[i];
        s->n_bytes += x->records[i].len;
    }
    s->next_index += x->n_records;
    return TIDE_OK;
}

/* The records become durable, then their replies leave. */
static enum tide_err append_records(struct sequencer *s)
{
    if (s->n_records > 0) {
        enum tide_err err = s->o.io.append(s->o.io.ctx, s->records, s->n_records);
        s->journal_failed = err == TIDE_EIO;
        if (err) return err;
        s->last_time_ms = s->now_ms;
        s->records_open += s->n_records;
        if (s->outage_stated) s->outage_ms = 0;
        s->outage_stated = false;
    }
    if (s->n_finished > 0) s->o.io.finished(s->o.io.ctx, s->finished, s->n_finished);
    s->n_records = s->n_bytes = s->n_finished = 0;
    arena_reset(&s->arena);
    return TIDE_OK;
}

static enum tide_err append_if_large(struct sequencer *s)
{
    return s->n_records >= APPEND_RECORDS || s->n_bytes >= APPEND_BYTES ? append_records(s) : TIDE_OK;
}

/* ---- the broker's own statements ---- */

static enum tide_err state_own(struct sequencer *s, uint64_t kind, const void *body, enum outcome *outcome)
{
    uint8_t random[10];
    struct own_statement own;
    struct execution *x = arena_alloc(&s->arena, sizeof *x);
    if (!x) return TIDE_ENOMEM;
    s->o.io.random(s->o.io.ctx, random, sizeof random);
    enum tide_err err = own_statement_make(s->o.identity, s->market, kind, body, s->now_ms, random, &s->arena, &own);
    if (err) return err;
    err = market_execute(s->view, own.envelope, &own.statement, own.bytes, s->now_ms, s->next_index, &s->arena, x);
    if (err) return err;
    *outcome = x->outcome;
    return x->outcome == OUTCOME_OK ? keep_records(s, x) : TIDE_OK;
}

/* The log's root at `size`: within `records`, since an approval and its `drawn` are appended together. */
static enum tide_err root_at(struct sequencer *s, uint64_t size, uint8_t root[HASH_BYTES])
{
    struct merkle_tree tree;
    uint8_t leaf[HASH_BYTES];
    enum tide_err err = s->o.io.head(s->o.io.ctx, &tree);
    if (err) return err;
    if (tree.size > size || tree.size + s->n_records < size) return TIDE_EDAMAGED;
    for (size_t i = 0; tree.size < size; i++) {
        merkle_leaf_hash(s->records[i], leaf);
        merkle_append(&tree, leaf);
    }
    merkle_root(&tree, root);
    return TIDE_OK;
}

static enum tide_err state_drawn(struct sequencer *s, const struct due_statement *due, enum outcome *outcome)
{
    struct body_drawn drawn = {.listing = due->draw_listing};
    enum tide_err err = root_at(s, due->draw_size, drawn.root);
    return err ? err : state_own(s, KIND_DRAWN, &drawn, outcome);
}

/* At once after an approval, before its append: the vendor's sample is drawn. */
static enum tide_err state_draw(struct sequencer *s)
{
    struct due_statement due;
    enum outcome outcome = OUTCOME_OK;
    enum tide_err err = market_due(s->view, s->now_ms, &due);
    if (!err && due.due == DUE_DRAW) err = state_drawn(s, &due, &outcome);
    return !err && outcome != OUTCOME_OK ? TIDE_EDAMAGED : err;
}

/* Whatever must be said before anything else is decided now. */
static enum tide_err state_due(struct sequencer *s)
{
    for (;;) {
        struct due_statement due;
        enum outcome outcome;
        enum tide_err err = market_due(s->view, s->now_ms, &due);
        if (err) return err;
        bool outage = s->outage_ms > 0 && !s->outage_stated;
        if (due.due == DUE_NOTHING && !outage) return TIDE_OK;
        if (due.due == DUE_CONTINUE) {
            err = state_own(s, KIND_CONTINUE, &due.go_on, &outcome);
        } else if (due.due == DUE_DRAW) {
            err = state_drawn(s, &due, &outcome);
        } else {
            struct body_tick tick = {.outage_ms = outage ? s->outage_ms : 0};
            err = state_own(s, KIND_TICK, &tick, &outcome);
            s->outage_stated = s->outage_stated || outage;
        }
        if (!err && outcome != OUTCOME_OK) err = TIDE_EDAMAGED; /* due, yet refused: the state contradicts itself */
        if (!err) err = append_if_large(s);
        if (err) return err;
    }
}

/* ---- jobs ---- */

static void finish(struct sequencer *s, struct job *job)
{
    s->finished[s->n_finished++] = job;
}

static void finish_refused(struct sequencer *s, struct job *job, enum outcome code, const char *detail)
{
    if (job->kind != JOB_STORED) {
        struct reply reply;
        reply_refuse(&reply, job->request.request_id, code, detail);
        job_reply(job, &reply, job->request.verb->reply);
    }
    finish(s, job);
}

/* Only the author of a statement is told again what became of it; the peer's key shows who asks. */
static enum tide_err is_author(struct sequencer *s, const struct job *job, bool *yes)
{
    uint64_t number;
    struct row_party party;
    *yes = false;
    enum tide_err err = party_by_key(s->view, job->statement.party, &number, &party);
    if (err) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
    *yes = memcmp(party.wire_key, job->wire_key, 32) == 0;
    return TIDE_OK;
}

/* The events of a statement as rows of its reply, as many as fit. */
static enum tide_err reply_events(struct sequencer *s, const struct execution *x, struct list *out)
{
    *out = (struct list){0};
    if (x->n_records < 2) return TIDE_OK;
    struct body_record_row *rows = arena_calloc(&s->arena, x->n_records - 1, sizeof *rows);
    if (!rows) return TIDE_ENOMEM;
    size_t left = LIMIT_REPLY_EVENTS_BYTES;
    for (size_t i = 1; i < x->n_records && out->n < LIMIT_EVENTS && x->records[i].len <= left; i++) {
        rows[out->n++].record = x->records[i];
        left -= x->records[i].len;
    }
    out->items = rows;
    return TIDE_OK;
}

static enum tide_err finish_accepted(struct sequencer *s, struct job *job, const struct execution *x)
{
    struct body_r_submit body = {.first_index = x->first_index, .next_index = x->next_index};
    struct body_code *items = arena_calloc(&s->arena, x->n_items ? x->n_items : 1, sizeof *items);
    if (!items) return TIDE_ENOMEM;
    for (size_t i = 0; i < x->n_items; i++) {
        items[i] = (struct body_code){.code = x->items[i].code, .index = x->items[i].index};
    }
    body.items = (struct list){items, x->n_items};
    enum tide_err err = reply_events(s, x, &body.events);
    if (err) return err;
    struct reply reply = {.request_id = job->request.request_id, .code = OUTCOME_OK, .body = &body};
    job_reply(job, &reply, job->request.verb->reply);
    finish(s, job);
    return TIDE_OK;
}

static enum tide_err decide_statement(struct sequencer *s, struct job *job)
{
    const struct arena_mark before = arena_mark(&s->arena);
    struct execution *x = arena_alloc(&s->arena, sizeof *x);
    if (!x) return TIDE_ENOMEM;
    enum tide_err err = market_execute(s->view, job->envelope, &job->statement, job->statement_bytes, s->now_ms,
                                       s->next_index, &s->arena, x);
    if (err) return err;
    if (x->outcome != OUTCOME_OK) {
        finish_refused(s, job, x->outcome, x->detail);
        arena_release(&s->arena, before); /* refusals leave no record, so that no append would free it */
        return TIDE_OK;
    }
    if (x->repeated) {
        bool author;
        err = is_author(s, job, &author);
        if (err) return err;
        if (!author) finish_refused(s, job, OUTCOME_ID_REUSED, NULL);
        return author ? finish_accepted(s, job, x) : TIDE_OK;
    }
    err = keep_records(s, x);
    if (!err && job->statement.kind == KIND_REVIEW) err = state_draw(s);
    return err ? err : finish_accepted(s, job, x);
}

/* TIDE_OK: the job is finished, held back or a barrier. An error: it is still the caller's. */
static enum tide_err take_job(struct sequencer *s, struct job *job)
{
    if (job->kind == JOB_BARRIER) {
        s->barriers[s->n_barriers++] = job;
        return TIDE_OK;
    }
    ASSERT(job->kind == JOB_STATEMENT || job->kind == JOB_STORED);
    enum tide_err err = append_if_large(s);
    if (!err) err = state_due(s);
    if (err) return err;
    if (job->kind == JOB_STATEMENT) return decide_statement(s, job);

    struct body_stored stored = {.listing = job->listing};
    enum outcome outcome; /* a refusal is no trouble: it was stated before, or the listing has moved on */
    err = state_own(s, KIND_STORED, &stored, &outcome);
    if (!err) finish(s, job);
    return err;
}

/* ---- the state ---- */

/* Folds what the journal has and the state lacks; learns from the state what the next batch needs. */
static enum tide_err catch_up(struct sequencer *s)
{
    struct row_market row;
    uint64_t applied;
    enum tide_err err = recover_state(s->o.state, &s->o.io, &applied);
    if (!err) err = state_write(s->o.state, &s->view);
    if (!err) err = market_row(s->view, &row);
    if (err) {
        state_abort(s->o.state);
        return err;
    }
    memcpy(s->market, row.market, 32);
    s->last_time_ms = row.last_time_ms;
    s->next_index = applied;
    s->batches_open = 1; /* the next deadline is to be learnt anew */
    s->records_open = 0;
    s->behind = false;
    return TIDE_OK;
}

/* Commits; on failure the state is behind. */
static enum tide_err commit_state(struct sequencer *s)
{
    if (s->batches_open == 0 && s->records_open == 0) return TIDE_OK;
    struct due_statement due;
    enum tide_err err = market_next_deadline(s->view, &s->next_deadline_ms);
    if (!err) err = market_due(s->view, s->now_ms, &due);
    if (!err) err = state_commit(s->o.state);
    if (err) return err;
    if (due.due != DUE_NOTHING) s->next_deadline_ms = 0; /* e.g. what the last statement sliced */
    s->batches_open = s->records_open = 0;
    if (s->o.io.committed) s->o.io.committed(s->o.io.ctx);
    return TIDE_OK;
}

static enum tide_err release_barriers(struct sequencer *s)
{
    if (s->n_barriers == 0) return TIDE_OK;
    enum tide_err err = commit_state(s);
    if (err) return err;
    s->o.io.released(s->o.io.ctx, s->barriers, s->n_barriers);
    s->n_barriers = 0;
    return TIDE_OK;
}

/* ---- batches ---- */

static enum tide_err jobs_reserve(struct sequencer *s, size_t n)
{
    if (n <= s->jobs_room) return TIDE_OK;
    struct job **finished = realloc(s->finished, n * sizeof *finished);
    if (finished) s->finished = finished;
    struct job **barriers = realloc(s->barriers, n * sizeof *barriers);
    if (barriers) s->barriers = barriers;
    if (!finished || !barriers) return TIDE_ENOMEM;
    s->jobs_room = n;
    return TIDE_OK;
}

static enum tide_err begin_batch(struct sequencer *s)
{
    enum tide_err err = s->behind ? catch_up(s) : TIDE_OK;
    if (!err) err = state_write(s->o.state, &s->view);
    if (err) return err;
    uint64_t clock_ms = s->o.io.now_ms(s->o.io.ctx);
    s->now_ms = clock_ms > s->last_time_ms ? clock_ms : s->last_time_ms;
    return TIDE_OK;
}

/* Nothing of these was done: says so. */
static void refuse_all(struct sequencer *s, struct job *const *jobs, size_t n, enum outcome code)
{
    for (size_t i = 0; i < n; i++) finish_refused(s, jobs[i], code, NULL);
}

/*
 * Drops what was decided and not journaled. After TIDE_EIO from the journal nobody knows whether `finished` is on the
 * disk: those get no reply, and the process must stop. After anything that may pass, the work goes on.
 */
static enum tide_err fail_batch(struct sequencer *s, struct job *const *rest, size_t n_rest, enum tide_err err)
{
    size_t n_decided = s->n_finished;
    bool may_pass = !s->journal_failed && (err == TIDE_EFULL || err == TIDE_ENOMEM || err == TIDE_EIO);
    enum outcome code = may_pass ? OUTCOME_FULL : OUTCOME_STOPPING;

    state_abort(s->o.state);
    s->behind = true;
    s->outage_stated = false;
    s->n_finished = 0;
    if (s->journal_failed) {
        for (size_t i = 0; i < n_decided; i++) finish(s, s->finished[i]);
        for (size_t i = 0; i < n_decided; i++) s->finished[i]->reply = BYTES(NULL, 0);
    } else {
        for (size_t i = 0; i < n_decided; i++) finish_refused(s, s->finished[i], code, NULL);
    }
    refuse_all(s, s->barriers, s->n_barriers, code);
    refuse_all(s, rest, n_rest, code);
    if (s->n_finished > 0) s->o.io.finished(s->o.io.ctx, s->finished, s->n_finished);
    s->n_records = s->n_bytes = s->n_finished = s->n_barriers = 0;
    arena_reset(&s->arena);
    if (!may_pass) return err;

    err = catch_up(s);
    /* Still behind: tried again before the next batch. */
    return err == TIDE_EFULL || err == TIDE_ENOMEM ? TIDE_OK : err;
}

enum tide_err sequencer_batch(struct sequencer *s, struct job *const *jobs, size_t n)
{
    size_t taken = 0;
    enum tide_err err = jobs_reserve(s, n);
    if (err) return err; /* the caller stops; nobody was promised anything */
    err = begin_batch(s);
    if (!err) err = state_due(s);
    while (!err && taken < n) {
        err = take_job(s, jobs[taken]);
        if (!err) taken++;
    }
    if (!err) err = append_records(s);
    if (!err) {
        s->batches_open++;
        err = release_barriers(s);
    }
    size_t batches = s->o.commit_batches ? s->o.commit_batches : COMMIT_BATCHES;
    size_t records = s->o.commit_records ? s->o.commit_records : COMMIT_RECORDS;
    if (!err && (s->batches_open >= batches || s->records_open >= records)) err = commit_state(s);
    return err ? fail_batch(s, jobs + taken, n - taken, err) : TIDE_OK;
}

enum tide_err sequencer_idle(struct sequencer *s, uint64_t *wait_ms)
{
    *wait_ms = RETRY_MS;
    enum tide_err err = s->behind ? catch_up(s) : TIDE_OK;
    if (!err) err = commit_state(s);
    if (err) err = fail_batch(s, NULL, 0, err);
    if (err || s->behind) return err;
    uint64_t clock_ms = s->o.io.now_ms(s->o.io.ctx);
    uint64_t wait = s->next_deadline_ms > clock_ms ? s->next_deadline_ms - clock_ms : 1;
    *wait_ms = wait < SLEEP_MAX_MS ? wait : SLEEP_MAX_MS;
    return TIDE_OK;
}

/* ---- beginning and end ---- */

/* The time the broker was away, if it is longer than the market's parameter. While the market is halted nothing runs
 * that an outage could move. */
static enum tide_err notice_outage(struct sequencer *s)
{
    struct row_market row;
    enum tide_err err = market_row(s->view, &row);
    if (err) return err;
    uint64_t now_ms = s->o.io.now_ms(s->o.io.ctx);
    uint64_t gap_ms = now_ms > row.last_time_ms ? now_ms - row.last_time_ms : 0;
    s->outage_ms = gap_ms > row.parameters[PARAM_OUTAGE_MS] && !row.halted ? gap_ms : 0;
    return TIDE_OK;
}

enum tide_err sequencer_new(const struct sequencer_options *options, struct sequencer **out)
{
    *out = NULL;
    struct sequencer *s = calloc(1, sizeof *s);
    if (!s) return TIDE_ENOMEM;
    s->o = *options;
    arena_init(&s->arena, ARENA_CAP);
    enum tide_err err = catch_up(s);
    if (!err) err = notice_outage(s);
    if (!err) err = begin_batch(s);
    if (!err) err = state_due(s);
    if (!err) err = append_records(s);
    if (!err) err = commit_state(s);
    if (err) {
        state_abort(s->o.state);
        sequencer_free(&s);
    }
    *out = s;
    return err;
}

void sequencer_free(struct sequencer **s)
{
    if (!*s) return;
    arena_deinit(&(*s)->arena);
    free((*s)->records);
    free((*s)->finished);
    free((*s)->barriers);
    free(*s);
    *s = NULL;
}
