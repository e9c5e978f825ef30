/*
 * Which chunks of a listing a sample shows: drawn by the log, not chosen by the vendor (docs/formats.md, "Samples").
 * The broker draws to check a `sample` statement, the vendor's library to make one, anybody else to see that both did.
 */
#ifndef TIDEMARK_STORAGE_SAMPLE_DRAW_H
#define TIDEMARK_STORAGE_SAMPLE_DRAW_H

#include "crypto/hash.h"

/* The seed that a log's root gives: SHA-256("tidemark/sample/v1\n" ‖ root). */
void sample_seed(const uint8_t root[HASH_BYTES], uint8_t seed[HASH_BYTES]);

/*
 * Draws `n` different chunks of `n_chunks`, in the order drawn. n is at most n_chunks; a listing promises at most a
 * twentieth, and at most LIMIT_SAMPLES, so that few draws are duplicates. Time grows with n².
 */
void sample_draw(const uint8_t seed[HASH_BYTES], uint64_t n_chunks, size_t n, uint64_t *chunks);

#endif
