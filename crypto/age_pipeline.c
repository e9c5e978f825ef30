/*
 * A file through many threads, batch by batch, in order.
 *
 * Always holds: output is a prefix of what it would be without an error, and errors are met in the order of the input,
 * however the threads run. Reading looks one byte ahead, so a batch knows whether it is the last, in pipes too. The
 * progress function is called in the caller's thread, which is one of the workers.
 */
#include "crypto/age_pipeline.h"

#include "crypto/file.h"

#include <pthread.h>
#include <sched.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>

#define BATCH_ALIGN 4096

struct run {
    const struct pipeline *pipeline;
    bool waits; /* the input is no regular file and may keep us waiting */
    atomic_bool stop;

    pthread_mutex_t input; /* guards the three below, and reading */
    uint64_t n_read;       /* batches */
    bool ended, has_ahead;
    uint8_t ahead; /* the byte read too many */

    pthread_mutex_t output; /* guards the rest, and writing */
    pthread_cond_t turn_changed;
    uint64_t turn; /* the batch that may write now */
    uint64_t n_done;
    enum tide_err err;
};

struct worker {
    struct run *run;
    pthread_t thread;
    bool reports; /* the caller's own thread */
    void *tool;
    struct batch batch;
};

static bool may_wait(void *ctx)
{
    struct run *run = ctx;
    return !atomic_load(&run->stop);
}

/* The first error is the one that is told. Call with `output` held. */
static void fail(struct run *run, enum tide_err err)
{
    if (run->err == TIDE_OK) run->err = err;
    atomic_store(&run->stop, true);
    pthread_cond_broadcast(&run->turn_changed);
}

/* Reads one batch and one byte more. Call with `input` held. */
static void batch_read(struct run *run, struct batch *batch)
{
    size_t in_chunk = run->pipeline->in_chunk;
    size_t full = BATCH_CHUNKS * in_chunk, held = run->has_ahead ? 1 : 0, got;
    struct iovec pieces[BATCH_CHUNKS + 1];
    uint8_t ahead;

    for (size_t c = 0; c < BATCH_CHUNKS; c++) {
        pieces[c] = (struct iovec){batch->slots + c * AGE_SEALED_CHUNK_BYTES, in_chunk};
    }
    pieces[BATCH_CHUNKS] = (struct iovec){&ahead, 1};
    if (held != 0) {
        batch->slots[0] = run->ahead;
        pieces[0] = (struct iovec){batch->slots + 1, in_chunk - 1};
    }
    batch->err = file_read_pieces(run->pipeline->in_fd, pieces, BATCH_CHUNKS + 1, run->waits ? may_wait : NULL, run,
                                  &got);
    got += held;
    batch->last = got <= full;
    batch->in_len = batch->last ? got : full;
    batch->n_chunks = batch->in_len == 0 ? 1 : (batch->in_len - 1) / in_chunk + 1;
    batch->out_len = 0;
    run->has_ahead = !batch->last;
    if (run->has_ahead) run->ahead = ahead;
}

/* False when there is nothing left to read. */
static bool batch_take(struct run *run, struct batch *batch)
{
    bool taken = false;
    pthread_mutex_lock(&run->input);
    if (!run->ended && !atomic_load(&run->stop)) {
        batch->number = run->n_read++;
        batch_read(run, batch);
        run->ended = batch->last || batch->err != TIDE_OK;
        taken = true;
    }
    pthread_mutex_unlock(&run->input);
    return taken;
}

static enum tide_err batch_write(const struct pipeline *pipeline, const struct batch *batch)
{
    struct iovec pieces[BATCH_CHUNKS];
    size_t n = 0;
    for (size_t left = batch->out_len; left > 0; n++) {
        size_t len = left < pipeline->out_chunk ? left : pipeline->out_chunk;
        ASSERT(n < BATCH_CHUNKS);
        pieces[n] = (struct iovec){batch->slots + n * AGE_SEALED_CHUNK_BYTES, len};
        left -= len;
    }
    return file_write_pieces(pipeline->out_fd, pieces, n);
}

/* Waits for the batch's turn and ends it. *n_done: bytes of plaintext up to here. False when all must stop. */
static bool batch_give(struct run *run, const struct batch *batch, uint64_t *n_done)
{
    const struct pipeline *p = run->pipeline;

    pthread_mutex_lock(&run->output);
    while (run->turn != batch->number && !atomic_load(&run->stop)) {
        pthread_cond_wait(&run->turn_changed, &run->output);
    }
    if (!atomic_load(&run->stop)) {
        enum tide_err err = p->accept(p->ctx, batch);
        if (err == TIDE_OK) err = batch_write(p, batch);
        if (err == TIDE_OK) err = batch->err;
        if (err != TIDE_OK) fail(run, err);
        run->n_done += p->in_chunk < p->out_chunk ? batch->in_len : batch->out_len;
        *n_done = run->n_done;
        run->turn++;
        pthread_cond_broadcast(&run->turn_changed);
    }
    bool go_on = !atomic_load(&run->stop);
    pthread_mutex_unlock(&run->output);
    return go_on;
}

static void *worker_run(void *arg)
{
    struct worker *worker = arg;
    struct run *run = worker->run;
    const struct pipeline *p = run->pipeline;
    uint64_t n_done = 0;

    while (batch_take(run, &worker->batch)) {
        if (worker->batch.err == TIDE_OK) p->work(p->ctx, worker->tool, &worker->batch);
        if (!batch_give(run, &worker->batch, &n_done)) break;
        if (!worker->reports || p->how->progress == NULL) continue;
        if (!p->how->progress(p->how->progress_ctx, n_done, p->total)) {
            pthread_mutex_lock(&run->output);
            fail(run, TIDE_ECANCELED);
            pthread_mutex_unlock(&run->output);
        }
    }
    return NULL;
}

static void worker_deinit(struct worker *worker)
{
    const struct pipeline *p = worker->run->pipeline;
    if (worker->tool != NULL) p->tool_free(worker->tool);
    if (worker->batch.slots != NULL) {
        sodium_memzero(worker->batch.slots, BATCH_CHUNKS * AGE_SEALED_CHUNK_BYTES);
        free(worker->batch.slots);
    }
    worker->tool = NULL;
    worker->batch.slots = NULL;
}

static bool worker_init(struct worker *worker, struct run *run)
{
    const struct pipeline *p = run->pipeline;
    size_t room = (BATCH_CHUNKS * AGE_SEALED_CHUNK_BYTES + BATCH_ALIGN - 1) / BATCH_ALIGN * BATCH_ALIGN;
    memset(worker, 0, sizeof *worker);
    worker->run = run;
    worker->batch.slots = aligned_alloc(BATCH_ALIGN, room);
    worker->tool = p->tool_new(p->ctx);
    if (worker->batch.slots != NULL && worker->tool != NULL) return true;
    worker_deinit(worker);
    return false;
}

/* No more threads than there are cores to use, or batches to carry. */
static unsigned threads_wanted(const struct pipeline *p)
{
    cpu_set_t cores;
    uint64_t n = p->how->n_threads;
    if (n == 0) n = sched_getaffinity(0, sizeof cores, &cores) == 0 ? (uint64_t)CPU_COUNT(&cores) : 1;
    uint64_t n_batches = p->total / (BATCH_CHUNKS * AGE_CHUNK_BYTES) + 1;
    if (p->total > 0 && n > n_batches) n = n_batches;
    return (unsigned)(n < AGE_THREADS_MAX ? n : AGE_THREADS_MAX);
}

/* The caller is worker 0. Where memory or threads are short, fewer do the work. */
static enum tide_err run_workers(struct run *run, unsigned n_wanted)
{
    struct worker workers[AGE_THREADS_MAX];
    unsigned n = 1;

    if (!worker_init(&workers[0], run)) return TIDE_ENOMEM;
    workers[0].reports = true;
    for (; n < n_wanted; n++) {
        if (!worker_init(&workers[n], run)) break;
        if (pthread_create(&workers[n].thread, NULL, worker_run, &workers[n]) == 0) continue;
        worker_deinit(&workers[n]);
        break;
    }
    worker_run(&workers[0]);
    for (unsigned i = 1; i < n; i++) pthread_join(workers[i].thread, NULL);
    for (unsigned i = 0; i < n; i++) worker_deinit(&workers[i]);
    return run->err;
}

enum tide_err pipeline_run(const struct pipeline *pipeline)
{
    struct run run = {.pipeline = pipeline};
    struct stat st;

    run.waits = fstat(pipeline->in_fd, &st) != 0 || !S_ISREG(st.st_mode);
    pthread_mutex_init(&run.input, NULL);
    pthread_mutex_init(&run.output, NULL);
    pthread_cond_init(&run.turn_changed, NULL);
    enum tide_err err = run_workers(&run, threads_wanted(pipeline));
    pthread_cond_destroy(&run.turn_changed);
    pthread_mutex_destroy(&run.output);
    pthread_mutex_destroy(&run.input);
    return err;
}
