/*
 * The few contents that are open right now, so that a transfer of a million chunks opens its files once. One thread.
 *
 * Always holds: at most BLOB_CACHE_MAX are open, at most one for each content root; what is written through one that is
 * closed or pushed out was synced first.
 */
#ifndef TIDEMARK_BROKER_BLOB_CACHE_H
#define TIDEMARK_BROKER_BLOB_CACHE_H

#include "storage/blobs.h"

#define BLOB_CACHE_MAX 16

struct cached_blob {
    struct age_commitment commitment;
    struct blob *blob; /* NULL: a free place */
    bool writable, dirty;
    uint64_t used; /* when last, in uses */
};

struct blob_cache {
    struct blobs *blobs;
    struct cached_blob entries[BLOB_CACHE_MAX];
    uint64_t uses;
};

/*
 * The content, open (for writing if `write`); good until the next call. With `write` it is marked as not synced.
 * TIDE_ENOTFOUND: only to be read, and nothing of it is there.
 */
MUST_USE enum tide_err blob_cache_get(struct blob_cache *cache, const struct age_commitment *commitment, bool write,
                                      struct blob **out);

/* The content if it is open already, else NULL: pushes nothing out. */
struct blob *blob_cache_peek(const struct blob_cache *cache, const struct age_commitment *commitment);

/* Closes the content with this key commitment, if it is open: its files are about to go. */
void blob_cache_drop(struct blob_cache *cache, const uint8_t key_commitment[HASH_BYTES]);

/* Syncs what was written; the first error, all the same after all were tried. */
MUST_USE enum tide_err blob_cache_sync(struct blob_cache *cache);
bool blob_cache_is_dirty(const struct blob_cache *cache);

/* Syncs and closes all. */
void blob_cache_close(struct blob_cache *cache);

#endif
