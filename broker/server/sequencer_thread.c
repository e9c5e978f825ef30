/*
 * The loop around the sequencer (sequencer_thread.h). No timer makes a batch: what arrives while one is being written
 * is the next; when nothing has arrived the state is committed and the thread sleeps until a message or a deadline.
 */
#include "broker/server/sequencer_thread.h"

#include "broker/server/clock.h"
#include "broker/server/log.h"

#include <pthread.h>
#include <stdlib.h>

#define BATCH_JOBS 1024
#define TELL_MS 5000 /* how often the same is said in the log */

struct sequencer_thread {
    struct sequencer_thread_options o;
    struct sequencer *sequencer;
    struct publisher *publisher;
    pthread_t thread;
    bool started, ended_well;
    uint64_t told_progress_ms, told_full_ms;
};

/* ---- what the sequencer is given ---- */

static uint64_t io_now_ms(void *ctx)
{
    (void)ctx;
    return clock_wall_ms();
}

static void io_random(void *ctx, void *out, size_t len)
{
    (void)ctx;
    random_bytes(out, len);
}

static void tell_append_failed(struct sequencer_thread *t, enum tide_err err)
{
    uint64_t now_ms = clock_steady_ms();
    if (err == TIDE_EFULL && t->told_full_ms && now_ms - t->told_full_ms < TELL_MS) return;
    t->told_full_ms = now_ms;
    log_event(err == TIDE_EFULL ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, "journal_not_written",
              "error=%s file=journal/data.mdb hint=%s", log_value(tide_err_text(err)).text,
              log_value(err == TIDE_EFULL ? "make room on the disk; statements are refused as full until then"
                                          : "check the disk and start again; what was acknowledged is safe").text);
}

static enum tide_err io_append(void *ctx, const struct bytes *records, size_t n)
{
    struct sequencer_thread *t = ctx;
    enum tide_err err = journal_append(t->o.journal, records, n);
    if (err) {
        tell_append_failed(t, err);
        return err;
    }
    __atomic_add_fetch(t->o.journal_size, n, __ATOMIC_RELEASE);
    return TIDE_OK;
}

static enum tide_err io_size(void *ctx, uint64_t *n_records)
{
    struct sequencer_thread *t = ctx;
    struct merkle_tree head;
    enum tide_err err = journal_head(t->o.journal, &head);
    *n_records = head.size;
    if (!err) __atomic_store_n(t->o.journal_size, head.size, __ATOMIC_RELEASE);
    return err;
}

static enum tide_err io_head(void *ctx, struct merkle_tree *out)
{
    struct sequencer_thread *t = ctx;
    return journal_head(t->o.journal, out);
}

static enum tide_err io_read(void *ctx, uint64_t first, size_t max_n, size_t max_bytes, struct arena *arena,
                             struct bytes *out, size_t *n)
{
    struct sequencer_thread *t = ctx;
    return journal_read(t->o.journal, first, max_n, max_bytes, arena, out, n);
}

static void io_finished(void *ctx, struct job *const *jobs, size_t n)
{
    struct sequencer_thread *t = ctx;
    void *replies[BATCH_JOBS];
    size_t n_replies = 0;
    ASSERT(n <= BATCH_JOBS);
    for (size_t i = 0; i < n; i++) {
        if (job_is_own(jobs[i])) free(jobs[i]);
        else replies[n_replies++] = jobs[i];
    }
    if (n_replies > 0) ASSERT(queue_push(t->o.replies, replies, n_replies)); /* room for every job there is */
}

static void io_released(void *ctx, struct job *const *jobs, size_t n)
{
    struct sequencer_thread *t = ctx;
    for (size_t i = 0; i < n; i++) {
        void *job = jobs[i];
        jobs[i]->kind = JOB_RELEASED;
        (void)!queue_push(t->o.work, &job, 1); /* closed only when the process is being abandoned */
    }
}

static void io_committed(void *ctx)
{
    struct sequencer_thread *t = ctx;
    if (t->o.committed) t->o.committed(t->o.ctx);
}

static void io_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct sequencer_thread *t = ctx;
    uint64_t now_ms = clock_steady_ms();
    if (t->told_progress_ms == 0) t->told_progress_ms = now_ms;
    if (now_ms - t->told_progress_ms < TELL_MS) return;
    t->told_progress_ms = now_ms;
    log_event(LOG_LEVEL_INFO, "applying_journal", "done=%llu total=%llu", (unsigned long long)done,
              (unsigned long long)total);
}

/* ---- the thread ---- */

static enum tide_err run_batch(struct sequencer_thread *t, void *const *items, size_t n)
{
    struct job *jobs[BATCH_JOBS];
    for (size_t i = 0; i < n; i++) jobs[i] = items[i];
    enum tide_err err = sequencer_batch(t->sequencer, jobs, n);
    /* Only now: the replies are what somebody waits for. */
    publisher_kick(t->publisher, __atomic_load_n(t->o.journal_size, __ATOMIC_RELAXED));
    return err;
}

static enum tide_err run_sequencer(struct sequencer_thread *t)
{
    void *items[BATCH_JOBS];
    for (;;) {
        size_t n = queue_pop(t->o.inbox, items, BATCH_JOBS, 0);
        if (n == 0) {
            uint64_t wait_ms;
            enum tide_err err = sequencer_idle(t->sequencer, &wait_ms);
            if (err) return err;
            n = queue_pop(t->o.inbox, items, BATCH_JOBS, (int)wait_ms);
            if (n == 0 && queue_is_closed(t->o.inbox)) return TIDE_OK;
        }
        enum tide_err err = run_batch(t, items, n);
        if (err) return err;
    }
}

static void *sequencer_thread(void *ctx)
{
    struct sequencer_thread *t = ctx;
    enum tide_err err = run_sequencer(t);
    t->ended_well = err == TIDE_OK;
    if (err) t->o.failed(t->o.ctx, "sequencing", err);
    return NULL;
}

enum tide_err sequencer_thread_open(const struct sequencer_thread_options *options, struct sequencer_thread **out)
{
    *out = NULL;
    struct sequencer_thread *t = calloc(1, sizeof *t);
    if (!t) return TIDE_ENOMEM;
    t->o = *options;
    struct sequencer_options so = {
        .io = {.ctx = t, .now_ms = io_now_ms, .random = io_random, .append = io_append, .size = io_size,
               .head = io_head, .read = io_read, .finished = io_finished, .released = io_released, .committed = io_committed,
               .progress = io_progress},
        .state = options->state,
        .identity = options->identity,
    };
    enum tide_err err = sequencer_new(&so, &t->sequencer);
    if (err) {
        free(t);
        return err;
    }
    *out = t;
    return TIDE_OK;
}

enum tide_err sequencer_thread_start(struct sequencer_thread *t, struct publisher *publisher)
{
    t->publisher = publisher;
    t->started = pthread_create(&t->thread, NULL, sequencer_thread, t) == 0;
    return t->started ? TIDE_OK : TIDE_ENOMEM;
}

static bool push_own(struct sequencer_thread *t, const struct job *own)
{
    struct job *job = malloc(sizeof *job);
    void *item = job;
    if (!job) return false;
    *job = *own;
    if (queue_push(t->o.inbox, &item, 1)) return true;
    free(job);
    return false;
}

bool sequencer_thread_stored(void *ctx, uint64_t listing)
{
    return push_own(ctx, &(struct job){.kind = JOB_STORED, .listing = listing});
}

bool sequencer_thread_verdict(void *ctx, const struct body_verdict *verdict)
{
    return push_own(ctx, &(struct job){.kind = JOB_VERDICT, .verdict = *verdict});
}

bool sequencer_thread_close(struct sequencer_thread **t)
{
    if (!*t) return true;
    if ((*t)->started) pthread_join((*t)->thread, NULL);
    bool ended_well = (*t)->ended_well || !(*t)->started;
    sequencer_free(&(*t)->sequencer);
    free(*t);
    *t = NULL;
    return ended_well;
}
