/*
 * The arena: blocks from malloc, handed out front to back, all given back at once.
 *
 * Always holds: the current block is the first of the list; blocks after it are either in use or `spare`, left from
 * before a reset; `total` counts the bytes of all of them and never passes `cap`. Under AddressSanitizer everything
 * that is not handed out is poisoned, so that a use after reset is caught.
 * Not here: threads. An arena belongs to one.
 */
#include "storage/arena.h"

#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(addr, size) ((void)(addr), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(addr, size) ((void)(addr), (void)(size))
#endif

#define ALIGNMENT 16u
#define FIRST_BLOCK_BYTES 4096u

struct arena_block {
    struct arena_block *next;
    size_t size;
    bool spare; /* nothing of it is handed out */
    _Alignas(ALIGNMENT) uint8_t data[];
};

void arena_init(struct arena *a, size_t cap)
{
    *a = (struct arena){.cap = cap};
}

static void block_free(struct arena *a, struct arena_block *block)
{
    a->total -= block->size;
    ASAN_UNPOISON_MEMORY_REGION(block->data, block->size);
    free(block);
}

void arena_deinit(struct arena *a)
{
    while (a->blocks != NULL) {
        struct arena_block *block = a->blocks;
        a->blocks = block->next;
        block_free(a, block);
    }
    *a = (struct arena){.cap = a->cap};
}

void arena_reset(struct arena *a)
{
    for (struct arena_block *block = a->blocks; block != NULL; block = block->next) {
        block->spare = true;
        ASAN_POISON_MEMORY_REGION(block->data, block->size);
    }
    a->used = 0;
}

struct arena_mark arena_mark(const struct arena *a)
{
    if (a->blocks == NULL || a->blocks->spare) return (struct arena_mark){NULL, 0};
    return (struct arena_mark){a->blocks, a->used};
}

/* The blocks in front of the mark's are newer: they go behind it, to be used again. */
void arena_release(struct arena *a, struct arena_mark mark)
{
    if (mark.block == NULL) {
        arena_reset(a);
        return;
    }
    while (a->blocks != mark.block) {
        struct arena_block *block = a->blocks;
        a->blocks = block->next;
        block->next = mark.block->next;
        mark.block->next = block;
        block->spare = true;
        ASAN_POISON_MEMORY_REGION(block->data, block->size);
    }
    a->used = mark.used;
    ASAN_POISON_MEMORY_REGION(mark.block->data + mark.used, mark.block->size - mark.used);
}

/* Takes a spare block of at least `size` bytes out of the list; NULL if there is none. */
static struct arena_block *spare_take(struct arena *a, size_t size)
{
    for (struct arena_block **at = &a->blocks; *at != NULL; at = &(*at)->next) {
        struct arena_block *block = *at;
        if (block->spare && block->size >= size) {
            *at = block->next;
            return block;
        }
    }
    return NULL;
}

/* Spare blocks that are too small for what is asked must not use up the cap. */
static void spare_drop(struct arena *a)
{
    for (struct arena_block **at = &a->blocks; *at != NULL;) {
        struct arena_block *block = *at;
        if (!block->spare) {
            at = &block->next;
            continue;
        }
        *at = block->next;
        block_free(a, block);
    }
}

/* Blocks double the total, so that there are few of them. */
static struct arena_block *block_new(struct arena *a, size_t size)
{
    if (size > a->cap - a->total) spare_drop(a);
    size_t left = a->cap - a->total;
    if (size > left) return NULL;
    size_t wanted = a->total > FIRST_BLOCK_BYTES ? a->total : FIRST_BLOCK_BYTES;
    if (wanted < size) wanted = size;
    if (wanted > left) wanted = left;
    if (wanted > SIZE_MAX - sizeof(struct arena_block)) return NULL;
    struct arena_block *block = malloc(sizeof *block + wanted);
    if (block == NULL) return NULL;
    block->size = wanted;
    a->total += wanted;
    ASAN_POISON_MEMORY_REGION(block->data, block->size);
    return block;
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > a->cap) return NULL;
    size_t aligned = size == 0 ? ALIGNMENT : (size + (ALIGNMENT - 1)) & ~(size_t)(ALIGNMENT - 1);
    if (aligned < size) return NULL;
    struct arena_block *block = a->blocks;
    if (block == NULL || aligned > block->size - a->used) {
        block = spare_take(a, aligned);
        if (block == NULL) block = block_new(a, aligned);
        if (block == NULL) return NULL;
        block->next = a->blocks;
        a->blocks = block;
        a->used = 0;
    }
    block->spare = false;
    void *out = block->data + a->used;
    a->used += aligned;
    ASAN_UNPOISON_MEMORY_REGION(out, size);
    return out;
}

void *arena_calloc(struct arena *a, size_t n, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(n, size, &total)) return NULL;
    void *out = arena_alloc(a, total);
    if (out != NULL && total > 0) memset(out, 0, total);
    return out;
}

struct bytes arena_copy(struct arena *a, struct bytes in)
{
    if (in.len == SIZE_MAX) return BYTES(NULL, 0);
    uint8_t *out = arena_alloc(a, in.len + 1);
    if (out == NULL) return BYTES(NULL, 0);
    if (in.len > 0) memcpy(out, in.data, in.len);
    out[in.len] = '\0';
    return BYTES(out, in.len);
}
