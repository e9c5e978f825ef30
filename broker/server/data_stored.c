/*
 * When all that a listing waits for is there: its content (here, or checked at its vendor's own location) and its detail
 * part, or, once it is sampling, the samples that its vendor signed.
 *
 * Always holds: what the broker is told is stored is on disk; a listing that is complete is told again until it has moved
 * on, also after a crash in between.
 * Not here: the `stored` statement (the sequencer's).
 */
#include "broker/server/data_door.h"

#include "broker/server/clock.h"
#include "broker/server/log.h"
#include "storage/sample_store.h"

#include <inttypes.h>

#define RECHECK_LISTINGS 64 /* of each state, a time */

struct age_commitment data_commitment(const struct row_listing *row, uint64_t part)
{
    struct age_commitment c = {.plaintext_len = row->plaintext_len, .n_chunks = row->n_chunks};
    bool detail = part == PART_DETAIL;

    if (detail) {
        c.plaintext_len = row->detail_len;
        c.n_chunks = row->detail_len > 0 ? age_n_chunks(row->detail_len) : 0;
    }
    memcpy(c.nonce, detail ? row->detail_nonce : row->nonce, sizeof c.nonce);
    memcpy(c.content_root, detail ? row->detail_root : row->content_root, HASH_BYTES);
    memcpy(c.key_commitment, detail ? row->detail_commitment : row->key_commitment, HASH_BYTES);
    return c;
}

/* Looks without disturbing transfers that are going on. */
static enum tide_err is_here(struct data_door *d, const struct age_commitment *commitment, bool *complete)
{
    struct blob *open = blob_cache_peek(&d->cache, commitment), *blob;

    *complete = open != NULL && blob_is_complete(open);
    if (open != NULL) return TIDE_OK;
    enum tide_err err = blob_open(d->cache.blobs, commitment, false, &blob);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_OK : err;
    *complete = blob_is_complete(blob);
    blob_close(&blob);
    return TIDE_OK;
}

/* Every part that the listing has. */
static enum tide_err parts_are_there(struct data_door *d, const struct row_listing *row, bool *there)
{
    enum tide_err err = TIDE_OK;

    *there = true;
    for (uint64_t part = PART_CONTENT; part <= PART_DETAIL && err == TIDE_OK && *there; part++) {
        struct age_commitment c = data_commitment(row, part);
        if (c.n_chunks == 0) continue;
        if (part == PART_CONTENT && row->elsewhere) *there = blobs_checked(d->cache.blobs, &c) == c.n_chunks;
        else err = is_here(d, &c, there);
    }
    return err;
}

/* After a crash nobody knows whether the last chunks were synced: opened for writing, they are going to be. */
static enum tide_err sync_parts(struct data_door *d, const struct row_listing *row)
{
    enum tide_err err = TIDE_OK;
    struct blob *blob;

    for (uint64_t part = PART_CONTENT; part <= PART_DETAIL && err == TIDE_OK; part++) {
        struct age_commitment c = data_commitment(row, part);
        if (c.n_chunks == 0 || (part == PART_CONTENT && row->elsewhere)) continue;
        err = blob_cache_get(&d->cache, &c, true, &blob);
    }
    return err == TIDE_OK ? blob_cache_sync(&d->cache) : err;
}

static enum tide_err samples_are_there(struct data_door *d, uint64_t listing, const struct row_listing *row, bool *there)
{
    struct list chunks;

    *there = false;
    if (row->sample_record == 0) return TIDE_OK;
    enum tide_err err = data_signed_samples(d, row, &chunks);
    if (err == TIDE_OK) *there = data_samples_there(d, listing, &chunks) == chunks.n;
    return err == TIDE_OK && *there ? sample_sync(d->options.config->dir, listing) : err;
}

enum tide_err data_tell_stored(struct data_door *d, uint64_t listing, const struct row_listing *row)
{
    bool there;

    bool sampling = row->state == LISTING_SAMPLING;
    enum tide_err err = sampling ? samples_are_there(d, listing, row, &there) : parts_are_there(d, row, &there);
    if (err == TIDE_OK && there && !sampling) err = sync_parts(d, row);
    if (err != TIDE_OK || !there) return err;
    log_event(LOG_LEVEL_DEBUG, "content_complete", "listing=%" PRIu64, listing);
    /* If its queue is full, the next look at listings that wait tells it. */
    if (!d->options.stored(d->options.ctx, listing)) {
        log_event(LOG_LEVEL_INFO, "stored_later", "listing=%" PRIu64, listing);
    }
    return TIDE_OK;
}

static enum tide_err recheck_listing(struct data_door *d, uint64_t listing)
{
    struct row_listing row;
    uint8_t key[8];

    key_u64(key, listing);
    enum tide_err err = state_get(d->view, TABLE_LISTING, key, &row);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
    arena_reset(&d->arena);
    err = data_tell_stored(d, listing, &row);
    if (err != TIDE_OK) {
        log_event(LOG_LEVEL_ERROR, "content_unreadable", "file=blobs/ listing=%" PRIu64 " error=%s", listing,
                  log_value(tide_err_text(err)).text);
    }
    return TIDE_OK; /* a content's trouble is not the state's */
}

static enum tide_err recheck_state(struct data_door *d, enum listing_state state, uint64_t *from)
{
    enum tide_err err = TIDE_OK;
    uint8_t key[9];

    key_u8_u64(key, (uint8_t)state, *from);
    for (size_t i = 0; i < RECHECK_LISTINGS && err == TIDE_OK; i++) {
        err = state_next(d->view, TABLE_LISTING_BY_STATE, key, 1, true, NULL);
        if (err == TIDE_OK) *from = be64_get(key + 1);
        if (err == TIDE_OK) err = recheck_listing(d, *from);
    }
    if (err != TIDE_ENOTFOUND) return err;
    *from = 0;
    return TIDE_OK;
}

enum tide_err data_recheck(struct data_door *d)
{
    d->rechecked_ms = clock_steady_ms();
    enum tide_err err = state_read_renew(d->view);
    if (err == TIDE_OK) err = recheck_state(d, LISTING_AWAITING, &d->recheck_from[0]);
    if (err == TIDE_OK) err = recheck_state(d, LISTING_SAMPLING, &d->recheck_from[1]);
    if (err == TIDE_OK) err = data_sweep(d, clock_wall_ms());
    return err;
}
