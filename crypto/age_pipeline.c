/*
 * A file through many threads, batch by batch, in order.
 *
 * Always holds: output is a prefix of what it would be without an error, and errors are met in the order of the input,
 * however the threads run. Reading looks one byte ahead, so a batch knows whether it is the last, in pipes too. The
 * progress function is called in the caller's thread, which is one of the workers. Nobody waits for his turn: a batch
 * that is done before it waits alone, and its worker goes on with another, so that a worker whom the system sets aside
 * for a while does not hold up the rest. A batch gets its number after its memory, so the one whose turn it is always
 * has a worker, and numbers on the way are at most as many as batches: each has its own place in `done`.
 */
#include "crypto/age_pipeline.h"

#include "crypto/file.h"

#include <pthread.h>
#include <sched.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define BATCH_ALIGN 4096
#define INPUT_WAIT_NS 300000000
#define MEET_BYTES 16384u
#define BATCHES_A_WORKER 3u
#define BATCHES_MAX (BATCHES_A_WORKER * AGE_THREADS_MAX)
#define BATCH_ROOM (BATCH_CHUNKS * AGE_SEALED_CHUNK_BYTES)

struct run {
    const struct pipeline *pipeline;
    bool waits; /* the input is no regular file and may keep us waiting */
    atomic_bool stop;

    pthread_mutex_t input; /* guards the three below, and reading */
    uint64_t n_read;       /* batches */
    bool ended, has_ahead;
    uint8_t ahead; /* the byte read too many */

    pthread_mutex_t lock; /* guards the rest; not held while something is read or written */
    pthread_cond_t freed;
    struct batch *free; /* the one used last comes first: it is in cache */
    struct batch *done[BATCHES_MAX]; /* by number, until their turn */
    uint64_t turn;                   /* the batch to be written next */
    bool writing;                    /* somebody is at it */
    uint64_t n_done;                 /* bytes of plaintext */
    uint64_t n_there;                /* bytes of an earlier run's output that are still to be met; the writer's */
    enum tide_err err;
};

struct worker {
    struct run *run;
    pthread_t thread;
    bool reports;  /* the caller's own thread */
    uint64_t told; /* what it reported last */
    void *tool;
    uint8_t *room; /* of its batches */
    struct batch batches[BATCHES_A_WORKER];
};

/* The first error is the one that is told. Call with `lock` held. */
static void fail(struct run *run, enum tide_err err)
{
    if (run->err == TIDE_OK) run->err = err;
    atomic_store(&run->stop, true);
    pthread_cond_broadcast(&run->freed);
}

/* Asks the caller whether to go on, and tells him how far the work is; `always`: even if that has not changed. */
static void worker_report(struct worker *worker, bool always)
{
    struct run *run = worker->run;
    const struct pipeline *p = run->pipeline;

    if (!worker->reports || p->how->progress == NULL) return;
    pthread_mutex_lock(&run->lock);
    uint64_t n_done = run->n_done;
    bool skip = (n_done == worker->told && !always) || atomic_load(&run->stop);
    pthread_mutex_unlock(&run->lock);
    worker->told = n_done;
    if (skip || p->how->progress(p->how->progress_ctx, n_done, p->total)) return;
    pthread_mutex_lock(&run->lock);
    fail(run, TIDE_ECANCELED);
    pthread_mutex_unlock(&run->lock);
}

/* While a pipe is silent. */
static bool may_wait(void *ctx)
{
    struct worker *worker = ctx;
    worker_report(worker, true);
    return !atomic_load(&worker->run->stop);
}

/* The caller's own thread looks up now and then while another waits for a silent pipe. */
static void input_lock(struct worker *worker)
{
    struct run *run = worker->run;
    struct timespec until;

    if (!run->waits || !worker->reports) {
        pthread_mutex_lock(&run->input);
        return;
    }
    do {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += INPUT_WAIT_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (pthread_mutex_timedlock(&run->input, &until) == 0) return;
        worker_report(worker, true);
    } while (true);
}

/* Reads one batch and one byte more. Call with `input` held. */
static void batch_read(struct worker *worker, struct batch *batch)
{
    struct run *run = worker->run;
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
    batch->err = file_read_pieces(run->pipeline->in_fd, pieces, BATCH_CHUNKS + 1, run->waits ? may_wait : NULL,
                                  worker, &got);
    got += held;
    batch->last = got <= full;
    batch->in_len = batch->last ? got : full;
    batch->n_chunks = batch->in_len == 0 ? 1 : (batch->in_len - 1) / in_chunk + 1;
    batch->out_len = 0;
    run->has_ahead = !batch->last;
    if (run->has_ahead) run->ahead = ahead;
}

static void batch_free(struct run *run, struct batch *batch)
{
    batch->next = run->free;
    run->free = batch;
    pthread_cond_signal(&run->freed);
}

/* Memory for a batch; NULL when all must stop. */
static struct batch *batch_get(struct run *run)
{
    struct batch *batch = NULL;
    pthread_mutex_lock(&run->lock);
    while (run->free == NULL && !atomic_load(&run->stop)) pthread_cond_wait(&run->freed, &run->lock);
    if (!atomic_load(&run->stop)) {
        batch = run->free;
        run->free = batch->next;
    }
    pthread_mutex_unlock(&run->lock);
    return batch;
}

/* The next batch of the input; NULL when there is nothing left to read. */
static struct batch *batch_take(struct worker *worker)
{
    struct run *run = worker->run;
    struct batch *batch = batch_get(run);
    bool taken = false;
    if (batch == NULL) return NULL;
    input_lock(worker);
    if (!run->ended && !atomic_load(&run->stop)) {
        batch->number = run->n_read++;
        batch_read(worker, batch);
        run->ended = batch->last || batch->err != TIDE_OK;
        taken = true;
    }
    pthread_mutex_unlock(&run->input);
    if (taken) return batch;
    pthread_mutex_lock(&run->lock);
    batch_free(run, batch);
    pthread_mutex_unlock(&run->lock);
    return NULL;
}

enum tide_err pipeline_meet(int out_fd, struct bytes made)
{
    uint8_t there[MEET_BYTES];
    while (made.len > 0) {
        size_t len = made.len < sizeof there ? made.len : sizeof there, got;
        struct iovec piece = {.iov_base = there, .iov_len = len};
        enum tide_err err = file_read_pieces(out_fd, &piece, 1, NULL, NULL, &got);
        if (err == TIDE_OK && (got != len || memcmp(there, made.data, len) != 0)) err = TIDE_EDAMAGED;
        sodium_memzero(there, sizeof there);
        if (err != TIDE_OK) return err;
        made = BYTES(made.data + len, made.len - len);
    }
    return TIDE_OK;
}

/* Compares what of the pieces is there already, and takes it off their front. */
static enum tide_err pieces_meet(struct run *run, struct iovec *pieces, size_t n)
{
    for (size_t i = 0; i < n && run->n_there > 0; i++) {
        size_t len = pieces[i].iov_len < run->n_there ? pieces[i].iov_len : (size_t)run->n_there;
        enum tide_err err = pipeline_meet(run->pipeline->out_fd, BYTES(pieces[i].iov_base, len));
        if (err != TIDE_OK) return err;
        pieces[i].iov_base = (uint8_t *)pieces[i].iov_base + len;
        pieces[i].iov_len -= len;
        run->n_there -= len;
    }
    return TIDE_OK;
}

static enum tide_err batch_write(struct run *run, const struct batch *batch)
{
    const struct pipeline *pipeline = run->pipeline;
    struct iovec pieces[BATCH_CHUNKS];
    size_t n = 0;
    for (size_t left = batch->out_len; left > 0; n++) {
        size_t len = left < pipeline->out_chunk ? left : pipeline->out_chunk;
        ASSERT(n < BATCH_CHUNKS);
        pieces[n] = (struct iovec){batch->slots + n * AGE_SEALED_CHUNK_BYTES, len};
        left -= len;
    }
    enum tide_err err = pieces_meet(run, pieces, n);
    return err != TIDE_OK ? err : file_write_pieces(pipeline->out_fd, pieces, n);
}

/* Leaves a batch to be written in its turn. */
static void batch_give(struct run *run, struct batch *batch)
{
    pthread_mutex_lock(&run->lock);
    ASSERT(run->done[batch->number % BATCHES_MAX] == NULL);
    run->done[batch->number % BATCHES_MAX] = batch;
    pthread_mutex_unlock(&run->lock);
}

/* Writes the batch whose turn it is. False: it is not done yet, another worker is writing, or all must stop. */
static bool batch_end(struct run *run)
{
    const struct pipeline *p = run->pipeline;

    pthread_mutex_lock(&run->lock);
    struct batch *batch = run->done[run->turn % BATCHES_MAX];
    bool mine = batch != NULL && !run->writing && !atomic_load(&run->stop);
    if (mine) {
        run->writing = true;
        run->done[run->turn % BATCHES_MAX] = NULL;
        pthread_mutex_unlock(&run->lock);
        enum tide_err err = p->accept(p->ctx, batch);
        if (err == TIDE_OK) err = batch_write(run, batch);
        if (err == TIDE_OK) err = batch->err;
        pthread_mutex_lock(&run->lock);
        if (err != TIDE_OK) fail(run, err);
        run->n_done += p->in_chunk < p->out_chunk ? batch->in_len : batch->out_len;
        run->turn++;
        run->writing = false;
        batch_free(run, batch);
    }
    pthread_mutex_unlock(&run->lock);
    return mine;
}

static void *worker_run(void *arg)
{
    struct worker *worker = arg;
    struct run *run = worker->run;
    struct batch *batch;

    pthread_mutex_lock(&run->lock);
    for (size_t i = 0; i < BATCHES_A_WORKER; i++) batch_free(run, &worker->batches[i]);
    pthread_mutex_unlock(&run->lock);
    while ((batch = batch_take(worker)) != NULL) {
        if (batch->err == TIDE_OK) run->pipeline->work(run->pipeline->ctx, worker->tool, batch);
        batch_give(run, batch);
        for (bool ended = true; ended;) {
            ended = batch_end(run);
            worker_report(worker, false);
        }
    }
    return NULL;
}

static void worker_deinit(struct worker *worker)
{
    if (worker->tool != NULL) worker->run->pipeline->tool_free(worker->tool);
    if (worker->room != NULL) {
        sodium_memzero(worker->room, BATCHES_A_WORKER * BATCH_ROOM);
        free(worker->room);
    }
    worker->tool = NULL;
    worker->room = NULL;
}

static bool worker_init(struct worker *worker, struct run *run)
{
    const struct pipeline *p = run->pipeline;
    size_t room = (BATCHES_A_WORKER * BATCH_ROOM + BATCH_ALIGN - 1) / BATCH_ALIGN * BATCH_ALIGN;
    memset(worker, 0, sizeof *worker);
    worker->run = run;
    worker->told = UINT64_MAX;
    worker->room = aligned_alloc(BATCH_ALIGN, room);
    worker->tool = p->tool_new(p->ctx);
    if (worker->room == NULL || worker->tool == NULL) {
        worker_deinit(worker);
        return false;
    }
    for (size_t i = 0; i < BATCHES_A_WORKER; i++) worker->batches[i].slots = worker->room + i * BATCH_ROOM;
    return true;
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
    struct run run = {.pipeline = pipeline, .n_there = pipeline->n_there};
    struct stat st;

    run.waits = fstat(pipeline->in_fd, &st) != 0 || !S_ISREG(st.st_mode);
    pthread_mutex_init(&run.input, NULL);
    pthread_mutex_init(&run.lock, NULL);
    pthread_cond_init(&run.freed, NULL);
    enum tide_err err = run_workers(&run, threads_wanted(pipeline));
    if (err == TIDE_OK && run.n_there > 0) err = TIDE_EDAMAGED; /* more was there than there is to write */
    pthread_cond_destroy(&run.freed);
    pthread_mutex_destroy(&run.lock);
    pthread_mutex_destroy(&run.input);
    return err;
}
