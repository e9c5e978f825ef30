/*
 * The single writer (sequencer.h): jobs, the state, batches.
 *
 * Always holds: every job taken is finished, held back for its append, or a barrier. `behind` means that the writer's view
 * was dropped and lacks records that the journal has.
 * An approval and the `drawn` that follows it are in one append: nobody sees the one without the other.
 * Not here: what waits for its append (sequencer_records.c), what the broker says itself (sequencer_own.c), the law
 * (market/), verifying signatures (verifier.c), the thread (sequencer_thread.c).
 */
#include "broker/server/sequencer.h"

#include "broker/server/query.h"
#include "broker/server/recover.h"
#include "broker/server/sequencer_own.h"

#include <stdlib.h>

#define COMMIT_BATCHES 32u
#define COMMIT_RECORDS 8192u
#define ARENA_CAP (256u << 20)
#define SLEEP_MAX_MS 60000u      /* the clock may step: it is looked at that often */
#define RETRY_MS 1000u           /* how often a full disk is tried again */

uint64_t sequencer_next_index(const struct sequencer *s)
{
    return s->next_index;
}

/* ---- jobs ---- */

static void finish(struct sequencer *s, struct job *job)
{
    s->finished[s->n_finished++] = job;
}

static void finish_refused(struct sequencer *s, struct job *job, enum outcome code, const char *detail)
{
    if (!job_is_own(job)) {
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
    err = sequencer_keep(s, x);
    if (!err && job->statement.kind == KIND_REVIEW) err = sequencer_state_draw(s);
    return err ? err : finish_accepted(s, job, x);
}

/* What the broker wants stated. A refusal is no trouble: it was stated before, or its subject has moved on. */
static enum tide_err state_own_job(struct sequencer *s, struct job *job)
{
    const struct body_stored stored = {.listing = job->listing};
    enum outcome outcome;
    enum tide_err err = job->kind == JOB_STORED ? sequencer_state_own(s, KIND_STORED, &stored, &outcome)
                                                : sequencer_state_own(s, KIND_VERDICT, &job->verdict, &outcome);
    if (!err) finish(s, job);
    return err;
}

/* TIDE_OK: the job is finished, held back or a barrier. An error: it is still the caller's. */
static enum tide_err take_job(struct sequencer *s, struct job *job)
{
    if (job->kind == JOB_BARRIER) {
        s->barriers[s->n_barriers++] = job;
        return TIDE_OK;
    }
    ASSERT(job->kind == JOB_STATEMENT || job_is_own(job));
    enum tide_err err = sequencer_append_if_large(s);
    if (!err) err = sequencer_state_due(s);
    if (err) return err;
    return job_is_own(job) ? state_own_job(s, job) : decide_statement(s, job);
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
    if (!err) err = sequencer_state_due(s);
    while (!err && taken < n) {
        err = take_job(s, jobs[taken]);
        if (!err) taken++;
    }
    if (!err) err = sequencer_append(s);
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
    if (!err) err = sequencer_state_due(s);
    if (!err) err = sequencer_append(s);
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
