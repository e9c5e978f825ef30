/*
 * Memory of one request: handed out in pieces, given back all at once. Grows by blocks up to a cap, so that no
 * input can ask for more; after a reset the blocks are used again.
 */
#ifndef TIDEMARK_STORAGE_ARENA_H
#define TIDEMARK_STORAGE_ARENA_H

#include "crypto/base.h"

struct arena_block;
struct arena {
    struct arena_block *blocks; /* all blocks, the current one first */
    size_t used;                /* bytes used in the current block */
    size_t total;               /* bytes in all blocks */
    size_t cap;                 /* `total` never grows past this */
};

/* Caller's storage; nothing is allocated yet. */
void arena_init(struct arena *a, size_t cap);
void arena_deinit(struct arena *a);

/* Everything handed out is void; memory is kept for the next use. */
void arena_reset(struct arena *a);

/* What has been handed out so far; arena_release makes void what came after it, so that it is used again. */
struct arena_mark {
    struct arena_block *block; /* NULL: nothing was handed out */
    size_t used;
};
struct arena_mark arena_mark(const struct arena *a);
void arena_release(struct arena *a, struct arena_mark mark);

/* `size` bytes, aligned to 16, not cleared; NULL when the cap or memory is exhausted. */
MUST_USE void *arena_alloc(struct arena *a, size_t size);

/* The same, zeroed, n * size checked. */
MUST_USE void *arena_calloc(struct arena *a, size_t n, size_t size);

/* A copy of `in` in the arena, followed by a NUL that is not counted; {NULL, 0} on failure. */
struct bytes arena_copy(struct arena *a, struct bytes in);

#endif
