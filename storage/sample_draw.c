/*
 * Drawing sample chunks: a stream of numbers out of a seed, taken modulo the number of chunks.
 *
 * Always holds: equal seeds and numbers give equal draws, everywhere; no chunk is drawn twice.
 * Not here: whether a listing may promise so many (broker/market/listing.c).
 */
#include "storage/sample_draw.h"

#define SEED_DOMAIN "tidemark/sample/v1\n"
#define NUMBERS_PER_BLOCK (HASH_BYTES / 8)

void sample_seed(const uint8_t root[HASH_BYTES], uint8_t seed[HASH_BYTES])
{
    const struct bytes parts[] = {BYTES_TEXT(SEED_DOMAIN), BYTES(root, HASH_BYTES)};
    sha256_parts(parts, ARRAY_LEN(parts), seed);
}

/* Number `i` of the stream: the (i mod 4)-th u64be of SHA-256(seed ‖ u64be(i div 4)). */
static uint64_t stream_number(const uint8_t seed[HASH_BYTES], uint64_t i)
{
    uint8_t counter[8], block[HASH_BYTES];
    be64_put(counter, i / NUMBERS_PER_BLOCK);
    const struct bytes parts[] = {BYTES(seed, HASH_BYTES), BYTES(counter, sizeof counter)};
    sha256_parts(parts, ARRAY_LEN(parts), block);
    return be64_get(block + 8 * (i % NUMBERS_PER_BLOCK));
}

static bool was_drawn(const uint64_t *chunks, size_t n, uint64_t chunk)
{
    for (size_t i = 0; i < n; i++)
        if (chunks[i] == chunk) return true;
    return false;
}

void sample_draw(const uint8_t seed[HASH_BYTES], uint64_t n_chunks, size_t n, uint64_t *chunks)
{
    ASSERT(n <= n_chunks);
    for (size_t drawn = 0, i = 0; drawn < n; i++) {
        uint64_t chunk = stream_number(seed, i) % n_chunks;
        if (!was_drawn(chunks, drawn, chunk)) chunks[drawn++] = chunk;
    }
}
