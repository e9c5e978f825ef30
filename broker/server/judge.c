/*
 * The judge's thread (judge.h): facts of a trade out of the journal, the evidence out of its folder, the verdict to the
 * sequencer.
 *
 * Always holds: no snapshot is held while it sleeps. Once evidence was found to be missing none is taken any more. A verdict
 * stays among `told` until its dispute is gone from the state, and is told once more only if that takes very long (the
 * sequencer may have dropped it on a full disk).
 * Not here: the seven checks (storage/judge.c), who may put evidence (data_evidence.c), what a verdict does
 * (market/dispute.c).
 */
#include "broker/server/judge.h"

#include "broker/server/clock.h"
#include "broker/server/log.h"
#include "broker/server/query_internal.h"
#include "storage/evidence_store.h"
#include "storage/judge.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define POLL_MS 100       /* how long a dispute waits to be seen, at most */
#define ROUND_MS 25       /* the work of one round: of many disputes the next ones come in the next */
#define TELL_AGAIN_MS 10000
#define COMPLAIN_MS 60000 /* how often the log says that evidence cannot be read */

struct judge_thread {
    struct judge_options o;
    struct state_view *view;
    struct arena arena;
    struct {
        uint64_t trade, told_ms;
    } told[JUDGE_TOLD_MAX];
    size_t n_told;
    uint64_t next; /* where the next round goes on */
    uint64_t complained_ms;
    pthread_t thread;
    bool started;
    int stop_fd;
};

/* ---- one dispute ---- */

/* A statement of a kind that our own rows say is there. */
static enum tide_err read_kind(struct query *q, uint64_t index, uint64_t kind, struct query_statement *out)
{
    enum tide_err err = query_read_statement(q, index, q->arena, out);
    if (err == TIDE_ENOTFOUND || (err == TIDE_OK && out->statement.kind != kind)) return query_damaged_record(q, index);
    return err;
}

/* What the vendor signed of its samples, if it did before the trade. */
static enum tide_err samples_of(struct query *q, const struct row_listing *listing, uint64_t trade, struct delivery *out)
{
    struct query_statement statement;

    if (listing->sample_record == 0 || listing->sample_record > trade) return TIDE_OK;
    enum tide_err err = read_kind(q, listing->sample_record, KIND_SAMPLE, &statement);
    if (err != TIDE_OK) return err;
    const struct body_sample *sample = statement.statement.body;
    out->samples = sample->chunks.items;
    out->n_samples = sample->chunks.n;
    return TIDE_OK;
}

static enum tide_err delivery_of(struct query *q, uint64_t trade, const struct row_trade *row, struct delivery *out)
{
    struct row_listing listing;
    struct query_statement statement;

    enum tide_err err = query_listing_row(q, row->listing, &listing);
    if (err == TIDE_OK) err = read_kind(q, row->grant_record, KIND_GRANT, &statement);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
    *out = (struct delivery){
        .has_content = listing.n_chunks > 0,
        .grant = ((const struct body_grant *)statement.statement.body)->grant,
        .content = {.plaintext_len = listing.plaintext_len, .n_chunks = listing.n_chunks},
    };
    memcpy(out->recipient, row->recipient, 32);
    memcpy(out->content.nonce, listing.nonce, AGE_NONCE_BYTES);
    memcpy(out->content.content_root, listing.content_root, HASH_BYTES);
    memcpy(out->content.key_commitment, listing.key_commitment, HASH_BYTES);
    return samples_of(q, &listing, trade, out);
}

/* The sealed evidence, or none (data NULL) if it is too late for it now. TIDE_ENOTFOUND: not there, and may still come. */
static enum tide_err take_evidence(struct query *q, const struct judge_options *o, uint64_t trade, const uint8_t hash[32],
                                   bool is_time, struct bytes *sealed)
{
    int hold;

    enum tide_err err = evidence_hold(o->dir, &hold);
    if (err != TIDE_OK) return err;
    err = evidence_get(o->dir, trade, hash, q->arena, sealed);
    if (err == TIDE_ENOTFOUND && is_time) err = evidence_set_late(o->dir, trade);
    evidence_let_go(&hold);
    return err;
}

static enum tide_err judge_trade(struct query *q, const struct judge_options *o, uint64_t trade, struct body_verdict *out)
{
    struct row_trade row;
    struct row_market market;
    struct query_statement dispute;
    struct delivery delivery;
    struct bytes sealed;
    enum finding finding;

    *out = (struct body_verdict){.trade = trade};
    enum tide_err err = query_trade_row(q, trade, &row);
    if (err == TIDE_OK) err = query_market_row(q, &market);
    if (err == TIDE_OK) err = read_kind(q, row.dispute_record, KIND_DISPUTE, &dispute);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
    const struct body_dispute *named = dispute.statement.body;
    uint64_t record_now_ms = q->now_ms > market.last_time_ms ? q->now_ms : market.last_time_ms;
    bool is_time = record_now_ms - dispute.record.record.time_ms >= JUDGE_MISSING_MS;
    err = take_evidence(q, o, trade, named->evidence, is_time, &sealed);
    if (err == TIDE_OK && sealed.data == NULL) {
        out->finding = FINDING_EVIDENCE_MISSING;
        return TIDE_OK;
    }
    if (err == TIDE_OK) err = delivery_of(q, trade, &row, &delivery);
    if (err == TIDE_OK) err = judge_sealed(&delivery, sealed, o->seal_secret, market.seal_key, q->arena, &finding, &out->chunk);
    if (err == TIDE_OK) out->finding = finding;
    return err;
}

enum tide_err judge_dispute(const struct judge_options *o, struct state_view *view, uint64_t trade, uint64_t now_ms,
                            struct arena *arena, struct body_verdict *out)
{
    const struct query_source source = {.view = view, .journal = o->journal};
    struct query q = {.source = &source, .now_ms = now_ms, .arena = arena};

    enum tide_err err = judge_trade(&q, o, trade, out);
    if (err == TIDE_EDAMAGED) log_damage(q.damaged != NULL ? q.damaged : "state");
    return err;
}

/* ---- a round ---- */

/* What a look at the state gave. */
static enum tide_err of_state(enum tide_err err)
{
    if (err == TIDE_EDAMAGED) log_damage("state");
    return err;
}

/* Verdicts that have done their work, or got lost, are not waited for any more. */
static enum tide_err forget_told(struct judge_thread *t, uint64_t steady_ms)
{
    uint8_t key[8];

    for (size_t i = 0; i < t->n_told;) {
        key_u64(key, t->told[i].trade);
        enum tide_err err = of_state(state_get(t->view, TABLE_DISPUTE, key, NULL));
        if (err != TIDE_OK && err != TIDE_ENOTFOUND) return err;
        bool waits = err == TIDE_OK && steady_ms - t->told[i].told_ms < TELL_AGAIN_MS;
        if (waits) i++;
        else t->told[i] = t->told[--t->n_told];
    }
    return TIDE_OK;
}

static bool is_told(const struct judge_thread *t, uint64_t trade)
{
    for (size_t i = 0; i < t->n_told; i++)
        if (t->told[i].trade == trade) return true;
    return false;
}

static void tell(struct judge_thread *t, const struct body_verdict *verdict)
{
    if (!t->o.verdict(t->o.ctx, verdict)) return; /* the inbox is full: judged again in the next round */
    t->told[t->n_told].trade = verdict->trade;
    t->told[t->n_told++].told_ms = clock_steady_ms();
    log_event(LOG_LEVEL_INFO, "judged", "trade=%" PRIu64 " finding=%s chunk=%" PRIu64, verdict->trade,
              names_finding[verdict->finding], verdict->chunk);
}

static void complain(struct judge_thread *t, uint64_t trade, enum tide_err err)
{
    uint64_t now_ms = clock_steady_ms();

    if (t->complained_ms != 0 && now_ms - t->complained_ms < COMPLAIN_MS) return;
    t->complained_ms = now_ms;
    log_event(LOG_LEVEL_ERROR, "not_judged", "trade=%" PRIu64 " file=evidence/%" PRIu64 " error=%s hint=%s", trade, trade,
              log_value(tide_err_text(err)).text,
              log_value("check the disk and the folder's permissions; the dispute waits until it can be read").text);
}

static enum tide_err judge_next(struct judge_thread *t, uint64_t trade)
{
    struct body_verdict verdict;

    arena_reset(&t->arena);
    enum tide_err err = judge_dispute(&t->o, t->view, trade, clock_wall_ms(), &t->arena, &verdict);
    if (err == TIDE_OK) tell(t, &verdict);
    if (err == TIDE_OK || err == TIDE_ENOTFOUND) return TIDE_OK;
    if (err == TIDE_EDAMAGED) return err;
    complain(t, trade, err);
    return TIDE_OK;
}

/* Goes on where the last round stopped, and at the end begins anew. */
static enum tide_err walk(struct judge_thread *t)
{
    const uint64_t began_ms = clock_steady_ms();
    uint8_t key[8];
    enum tide_err err = forget_told(t, began_ms);

    while (err == TIDE_OK && t->n_told < JUDGE_TOLD_MAX && clock_steady_ms() - began_ms < ROUND_MS) {
        key_u64(key, t->next);
        err = of_state(state_next(t->view, TABLE_DISPUTE, key, 0, false, NULL));
        if (err != TIDE_OK) break;
        t->next = be64_get(key) + 1;
        if (!is_told(t, be64_get(key))) err = judge_next(t, be64_get(key));
    }
    if (err != TIDE_ENOTFOUND) return err;
    t->next = 0;
    return TIDE_OK;
}

static enum tide_err round_of(struct judge_thread *t)
{
    enum tide_err err = of_state(state_read_renew(t->view));
    if (err == TIDE_OK) err = walk(t);
    state_read_reset(t->view);
    return err;
}

/* ---- the thread ---- */

static void *judge_thread(void *ctx)
{
    struct judge_thread *t = ctx;
    struct pollfd stop = {.fd = t->stop_fd, .events = POLLIN};
    enum tide_err err = round_of(t);

    while (err == TIDE_OK) {
        int n = poll(&stop, 1, POLL_MS);
        if (n > 0) return NULL;
        if (n < 0 && errno != EINTR) err = TIDE_EIO;
        if (err == TIDE_OK) err = round_of(t);
    }
    t->o.failed(t->o.failed_ctx, "judging disputes", err);
    return NULL;
}

enum tide_err judge_start(const struct judge_options *options, struct judge_thread **out)
{
    *out = NULL;
    struct judge_thread *t = calloc(1, sizeof *t);
    if (t == NULL) return TIDE_ENOMEM;
    t->o = *options;
    arena_init(&t->arena, JUDGE_ARENA_BYTES);
    t->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum tide_err err = t->stop_fd < 0 ? TIDE_EIO : state_read_begin(options->state, &t->view);
    if (err == TIDE_OK) {
        state_read_reset(t->view);
        t->started = pthread_create(&t->thread, NULL, judge_thread, t) == 0;
        if (!t->started) err = TIDE_ENOMEM;
    }
    if (err != TIDE_OK) judge_stop(&t);
    *out = t;
    return err;
}

void judge_stop(struct judge_thread **t)
{
    if (*t == NULL) return;
    if ((*t)->started) {
        uint64_t one = 1;
        ssize_t written = write((*t)->stop_fd, &one, sizeof one);
        ASSERT(written == (ssize_t)sizeof one);
        pthread_join((*t)->thread, NULL);
    }
    state_read_end(&(*t)->view);
    arena_deinit(&(*t)->arena);
    if ((*t)->stop_fd >= 0) close((*t)->stop_fd);
    free(*t);
    *t = NULL;
}
