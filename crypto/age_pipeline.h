/*
 * A file through many threads, batch by batch, in order; private to crypto/.
 * Every worker reads a batch when it may, works on it beside the others and leaves it to be written in its turn, by
 * whichever worker is there. Memory is a few batches a worker, whatever the length.
 */
#ifndef TIDEMARK_CRYPTO_AGE_PIPELINE_H
#define TIDEMARK_CRYPTO_AGE_PIPELINE_H

#include "crypto/age.h"
#include "crypto/hash_lanes.h"

#define BATCH_CHUNKS HASH_LANES /* a MiB: their leaves are hashed side by side */

/* Chunk c of a batch lies at slots + c * AGE_SEALED_CHUNK_BYTES, before and after the work on it. */
struct batch {
    uint64_t number;
    uint8_t *slots;
    size_t n_chunks;
    size_t in_len; /* bytes read; every chunk but the last is full */
    bool last;     /* the input ends with it */
    size_t out_len; /* bytes to write, set by `work` */
    uint8_t leaves[BATCH_CHUNKS][HASH_BYTES];
    enum tide_err err; /* set by `work`: what comes before it is still written */
    struct batch *next; /* while it is free */
};

struct pipeline {
    int in_fd, out_fd;
    size_t in_chunk, out_chunk; /* bytes of a full chunk on either side */
    void *ctx;
    /* What one worker needs for itself, NULL when there is no memory. */
    void *(*tool_new)(void *ctx);
    void (*tool_free)(void *tool);
    /* Works on one batch; runs beside others. */
    void (*work)(void *ctx, void *tool, struct batch *batch);
    /*
     * Called in order, one batch at a time, just before it is written; an error stops everything and nothing of the
     * batch is written.
     */
    enum tide_err (*accept)(void *ctx, const struct batch *batch);
    uint64_t total; /* bytes of plaintext in all, 0 when not known */
    uint64_t n_there; /* bytes of the output that are there already (struct age_work) */
    const struct age_work *how;
};

/* Reads what is there at `out_fd` and compares it with what was made anew: TIDE_EDAMAGED when it is something else. */
MUST_USE enum tide_err pipeline_meet(int out_fd, struct bytes made);

/* Runs until the input ends. All threads are joined and all buffers wiped when it returns. */
MUST_USE enum tide_err pipeline_run(const struct pipeline *pipeline);

#endif
