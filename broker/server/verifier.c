/*
 * One verifier thread (verifier.h). It owns a reader's view, renewed for every batch of jobs and for every query, and
 * let go before it sleeps, so that an idle thread does not keep old pages alive.
 *
 * Always holds: a job that is not passed to the sequencer has its place there passed over before anything slow is done
 * with it; a job leaves exactly once, to the inbox or to the replies.
 */
#include "broker/server/verifier.h"

#include "broker/server/clock.h"
#include "broker/server/processes.h"

#include <pthread.h>
#include <stdlib.h>

#define TAKE_JOBS 8 /* at a time: more would leave other threads idle */

struct verifier {
    const struct verifier_options *o;
    struct query_source source;
    struct peer peer; /* of the job before, found in this view; `peer_known` false: look it up */
    bool peer_known;
    pthread_t thread;
};

struct verifiers {
    struct verifier_options options;
    struct verifier here; /* not a thread of ours: verifiers_examine_here */
    size_t n;
    struct verifier threads[];
};

static void send_back(struct verifier *v, struct job *job)
{
    void *item = job;
    ASSERT(queue_push(v->o->replies, &item, 1)); /* it has room for every job there is */
}

/* The sequencer need not wait for this one any more. */
static void pass_over(struct verifier *v, struct job *job)
{
    if (job->kind == JOB_REQUEST) queue_fill(v->o->inbox, job->place, NULL);
}

static void refuse_job(struct verifier *v, struct job *job, enum outcome code, const char *detail)
{
    struct reply reply;
    pass_over(v, job);
    reply_refuse(&reply, job->request.request_id, code, detail);
    job_reply(job, &reply, job->request.verb ? job->request.verb->reply : &schema_r_none);
    send_back(v, job);
}

/* ---- the peer ---- */

static enum tide_err renew_view(struct verifier *v)
{
    v->peer_known = false;
    return state_read_renew(v->source.view);
}

static enum tide_err know_peer(struct verifier *v, const struct job *job)
{
    if (v->peer_known && memcmp(v->peer.wire_key, job->wire_key, 32) == 0) return TIDE_OK;
    enum tide_err err = query_peer(v->source.view, job->wire_key, &v->peer);
    memcpy(v->peer.wire_key, job->wire_key, 32);
    v->peer_known = err == TIDE_OK;
    return err;
}

/* ---- statements ---- */

static void submit_job(struct verifier *v, struct job *job)
{
    const struct body_q_submit *body = job->request.body;
    const uint8_t *signature;
    job->envelope = body->envelope;
    if (envelope_decode(job->envelope, &job->arena, &job->statement_bytes, &signature) != TIDE_OK)
        return refuse_job(v, job, OUTCOME_MALFORMED, "the envelope is not [statement, signature]");
    if (job->statement_bytes.len > LIMIT_STATEMENT_BYTES) return refuse_job(v, job, OUTCOME_TOO_LARGE, NULL);
    if (statement_decode(job->statement_bytes, &job->arena, &job->statement) != TIDE_OK)
        return refuse_job(v, job, OUTCOME_MALFORMED, "the statement does not follow its field table");
    if (memcmp(job->statement.market, v->o->market, 32) != 0) return refuse_job(v, job, OUTCOME_WRONG_MARKET, NULL);
    if (sign_verify(job->statement.party, DOMAIN_STATEMENT, job->statement_bytes, signature) != TIDE_OK)
        return refuse_job(v, job, OUTCOME_BAD_SIGNATURE, NULL);
    job->kind = JOB_STATEMENT;
    queue_fill(v->o->inbox, job->place, job);
}

/* ---- queries ---- */

/* The other processes' doors may come and go: their ports are read when somebody asks. */
static void read_ports(struct verifier *v)
{
    static const char *const doors[] = {
        [PORT_LOBBY] = "lobby", [PORT_TRADE] = "trade", [PORT_TAPE] = "tape", [PORT_DATA] = "data",
        [PORT_AUDIT] = "audit",
    };
    for (size_t i = 0; i < ARRAY_LEN(doors); i++) v->source.ports[i] = ports_read(v->o->dir, doors[i]);
}

static void answer_query(struct verifier *v, struct job *job)
{
    struct reply reply;
    pass_over(v, job);
    if (job->request.verb->verb == VERB_DOORS) read_ports(v);
    enum tide_err err = query_answer(&v->source, &v->peer, &job->request, clock_wall_ms(), &job->arena, &reply);
    job_reply(job, &reply, job->request.verb->reply);
    send_back(v, job);
    if (err == TIDE_EDAMAGED) v->o->failed(v->o->ctx, "answering a query", err);
}

static uint64_t journal_size(const struct verifier *v)
{
    return __atomic_load_n(v->o->journal_size, __ATOMIC_ACQUIRE);
}

/* Asks for what became of a statement sent before: only the sequencer knows that nothing of it is still under way. */
static bool settles(const struct request *request)
{
    return request->verb->verb == VERB_STATEMENTS && ((const struct body_q_own *)request->body)->settle != 0;
}

/* A query that asks for what is journaled but not yet committed goes through the sequencer, which commits. */
static void query_job(struct verifier *v, struct job *job)
{
    uint64_t applied;
    enum tide_err err = renew_view(v);
    if (!err) err = know_peer(v, job);
    if (!err) err = state_applied(v->source.view, &applied);
    if (err) {
        refuse_job(v, job, OUTCOME_FULL, "the broker cannot read its state");
        v->o->failed(v->o->ctx, "reading the state", err);
    } else if (job->request.after <= applied && (job->kind == JOB_RELEASED || !settles(&job->request))) {
        answer_query(v, job);
    } else if (job->kind == JOB_RELEASED || job->request.after > journal_size(v)) {
        refuse_job(v, job, OUTCOME_NOT_YET, NULL);
    } else {
        job->kind = JOB_BARRIER;
        queue_fill(v->o->inbox, job->place, job);
    }
}

/* ---- jobs ---- */

/* What is wrong with a request whoever looks at it; true: it was refused. */
static bool refused_at_the_door(struct verifier *v, struct job *job)
{
    enum tide_err err = know_peer(v, job);
    if (err) {
        refuse_job(v, job, OUTCOME_FULL, "the broker cannot read its state");
        v->o->failed(v->o->ctx, "looking up a peer", err);
        return true;
    }
    if (v->peer.number == 0) {
        refuse_job(v, job, OUTCOME_UNKNOWN_PARTY, NULL);
        return true;
    }
    if (!job->request.verb || !(job->request.verb->doors & DOOR_TRADE)) {
        refuse_job(v, job, OUTCOME_UNKNOWN_VERB, NULL);
        return true;
    }
    return false;
}

static void examine_job(struct verifier *v, struct job *job)
{
    if (job->kind == JOB_RELEASED) return query_job(v, job);
    if (request_decode(job->frame, &job->arena, &job->request) != TIDE_OK)
        return refuse_job(v, job, OUTCOME_MALFORMED, NULL);
    if (refused_at_the_door(v, job)) return;
    if (job->request.verb->verb == VERB_SUBMIT) submit_job(v, job);
    else query_job(v, job);
}

bool verifiers_examine_here(struct verifiers *all, struct job *job)
{
    struct verifier *v = &all->here;
    bool submits = request_decode(job->frame, &job->arena, &job->request) == TIDE_OK && job->request.verb &&
                   job->request.verb->verb == VERB_SUBMIT && renew_view(v) == TIDE_OK;
    if (!submits) {
        memset(&job->request, 0, sizeof job->request);
        return false;
    }
    if (!refused_at_the_door(v, job)) submit_job(v, job);
    state_read_reset(v->source.view);
    return true;
}

static void *verifier_thread(void *ctx)
{
    struct verifier *v = ctx;
    void *jobs[TAKE_JOBS];
    for (;;) {
        size_t n = queue_pop(v->o->work, jobs, TAKE_JOBS, 0);
        if (n == 0) {
            v->peer_known = false;
            state_read_reset(v->source.view);
            n = queue_pop(v->o->work, jobs, TAKE_JOBS, -1);
        }
        if (n == 0) break; /* closed, and everything done */
        enum tide_err err = renew_view(v);
        if (err) v->o->failed(v->o->ctx, "reading the state", err);
        for (size_t i = 0; i < n; i++) examine_job(v, jobs[i]);
    }
    return NULL;
}

static enum tide_err verifier_init(struct verifiers *all, struct verifier *v)
{
    v->o = &all->options;
    v->source = all->options.source;
    enum tide_err err = state_read_begin(all->options.state, &v->source.view);
    if (!err) state_read_reset(v->source.view);
    return err;
}

enum tide_err verifiers_start(const struct verifier_options *options, struct verifiers **out)
{
    *out = NULL;
    struct verifiers *all = calloc(1, sizeof *all + options->n_threads * sizeof all->threads[0]);
    if (!all) return TIDE_ENOMEM;
    all->options = *options;
    enum tide_err err = verifier_init(all, &all->here);
    while (!err && all->n < options->n_threads) {
        struct verifier *v = &all->threads[all->n];
        err = verifier_init(all, v);
        if (!err && pthread_create(&v->thread, NULL, verifier_thread, v) != 0) {
            state_read_end(&v->source.view);
            err = TIDE_ENOMEM;
        }
        if (!err) all->n++;
    }
    if (err) {
        queue_close(options->work);
        verifiers_join(&all);
    }
    *out = all;
    return err;
}

void verifiers_join(struct verifiers **v)
{
    if (!*v) return;
    for (size_t i = 0; i < (*v)->n; i++) {
        pthread_join((*v)->threads[i].thread, NULL);
        state_read_end(&(*v)->threads[i].source.view);
    }
    state_read_end(&(*v)->here.source.view);
    free(*v);
    *v = NULL;
}
