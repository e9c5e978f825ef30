/*
 * Up to BLOB_CACHE_MAX open contents, found by their commitment; the least recently used makes room.
 *
 * Always holds: no two of them share files: listings that name the same root with other lengths take turns.
 * Not here: who may read or write a content (data_door.c); what is in it (storage/blobs.h).
 */
#include "broker/server/blob_cache.h"

#include "broker/server/log.h"

static bool commitment_equal(const struct age_commitment *a, const struct age_commitment *b)
{
    return a->plaintext_len == b->plaintext_len && a->n_chunks == b->n_chunks &&
           memcmp(a->nonce, b->nonce, sizeof a->nonce) == 0 &&
           memcmp(a->content_root, b->content_root, HASH_BYTES) == 0 &&
           memcmp(a->key_commitment, b->key_commitment, HASH_BYTES) == 0;
}

static enum tide_err entry_sync(struct cached_blob *entry)
{
    if (entry->blob == NULL || !entry->dirty) return TIDE_OK;
    enum tide_err err = blob_sync(entry->blob);
    if (err == TIDE_OK) {
        entry->dirty = false;
    } else {
        log_event(LOG_LEVEL_ERROR, "content_not_synced", "error=%s", log_value(tide_err_text(err)).text);
    }
    return err;
}

/* Even if it cannot be synced it is closed: it is complete only after a sync that worked (data_door.c). */
static void entry_close(struct cached_blob *entry)
{
    if (entry_sync(entry) != TIDE_OK) entry->dirty = false;
    blob_close(&entry->blob);
    *entry = (struct cached_blob){0};
}

/* Where this root is open already, else a free place, else the least recently used. */
static struct cached_blob *entry_for(struct blob_cache *cache, const struct age_commitment *commitment)
{
    struct cached_blob *oldest = &cache->entries[0];

    for (size_t i = 0; i < BLOB_CACHE_MAX; i++) {
        struct cached_blob *entry = &cache->entries[i];
        bool same_root = entry->blob != NULL &&
                         memcmp(entry->commitment.content_root, commitment->content_root, HASH_BYTES) == 0;
        if (same_root) return entry;
        if (entry->used < oldest->used) oldest = entry;
    }
    return oldest;
}

struct blob *blob_cache_peek(const struct blob_cache *cache, const struct age_commitment *commitment)
{
    for (size_t i = 0; i < BLOB_CACHE_MAX; i++) {
        const struct cached_blob *entry = &cache->entries[i];
        if (entry->blob != NULL && commitment_equal(&entry->commitment, commitment)) return entry->blob;
    }
    return NULL;
}

/* Opens it into `entry`. What shares the content's files is closed first; anything else only once this is open. */
static enum tide_err entry_open(struct blob_cache *cache, struct cached_blob *entry,
                                const struct age_commitment *commitment, bool write)
{
    struct blob *blob;

    if (entry->blob != NULL && memcmp(entry->commitment.content_root, commitment->content_root, HASH_BYTES) == 0) {
        entry_close(entry);
    }
    enum tide_err err = blob_open(cache->blobs, commitment, write, &blob);
    if (err != TIDE_OK) return err;
    entry_close(entry);
    *entry = (struct cached_blob){.commitment = *commitment, .blob = blob, .writable = write};
    return TIDE_OK;
}

enum tide_err blob_cache_get(struct blob_cache *cache, const struct age_commitment *commitment, bool write,
                             struct blob **out)
{
    struct cached_blob *entry = entry_for(cache, commitment);

    *out = NULL;
    bool fits = entry->blob != NULL && commitment_equal(&entry->commitment, commitment) && (entry->writable || !write);
    if (!fits) {
        enum tide_err err = entry_open(cache, entry, commitment, write);
        if (err != TIDE_OK) return err;
    }
    entry->used = ++cache->uses;
    entry->dirty = entry->dirty || write;
    *out = entry->blob;
    return TIDE_OK;
}

void blob_cache_drop(struct blob_cache *cache, const uint8_t key_commitment[HASH_BYTES])
{
    for (size_t i = 0; i < BLOB_CACHE_MAX; i++) {
        struct cached_blob *entry = &cache->entries[i];
        bool same = entry->blob != NULL && memcmp(entry->commitment.key_commitment, key_commitment, HASH_BYTES) == 0;
        if (same) entry_close(entry);
    }
}

enum tide_err blob_cache_sync(struct blob_cache *cache)
{
    enum tide_err first = TIDE_OK;

    for (size_t i = 0; i < BLOB_CACHE_MAX; i++) {
        enum tide_err err = entry_sync(&cache->entries[i]);
        if (first == TIDE_OK) first = err;
    }
    return first;
}

bool blob_cache_is_dirty(const struct blob_cache *cache)
{
    for (size_t i = 0; i < BLOB_CACHE_MAX; i++) {
        if (cache->entries[i].blob != NULL && cache->entries[i].dirty) return true;
    }
    return false;
}

void blob_cache_close(struct blob_cache *cache)
{
    for (size_t i = 0; i < BLOB_CACHE_MAX; i++) entry_close(&cache->entries[i]);
}
