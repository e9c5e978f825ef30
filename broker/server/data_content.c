/*
 * Sealed contents and detail parts on the data door: what is missing, manifests and chunks in and out.
 *
 * Always holds: each chunk is verified by storage on its way in and out; of a payload that lies at its vendor's own
 * location only the manifest is taken.
 * Not here: who may (data_entitled.c), when it is all there (data_stored.c).
 */
#include "broker/server/data_door.h"

#include "broker/server/log.h"

#include <inttypes.h>

#define MANIFEST_PIECE_BYTES 65536u
#define SYNC_BYTES (64u << 20) /* so much at most waits for the disk: a crash of the machine costs no more of it */

/* Every chunk that goes over the wire, whether it is needed or not: what a transfer repeats can be counted. */
static void chunk_log(const struct ask *a, const char *event, uint64_t chunk)
{
    log_event(LOG_LEVEL_DEBUG, event, "listing=%" PRIu64 " part=%" PRIu64 " chunk=%" PRIu64, a->listing, a->part, chunk);
}

static bool is_elsewhere(const struct ask *a)
{
    return a->part == PART_CONTENT && a->row.elsewhere != 0;
}

static enum tide_err content_open(struct ask *a, bool write, struct blob **out)
{
    struct age_commitment commitment = data_commitment(&a->row, a->part);
    return blob_cache_get(&a->door->cache, &commitment, write, out);
}

/* False, and refused, if the listing has no such part. */
static bool has_part(struct ask *a)
{
    if (data_commitment(&a->row, a->part).n_chunks > 0) return true;
    if (a->part == PART_DETAIL) (void)data_refuse(a, OUTCOME_NO_SUCH_DETAIL, "The listing has no sealed detail part.");
    else (void)data_refuse(a, OUTCOME_WRONG_STATE, "The listing has no stored content.");
    return false;
}

/* ---- putting ---- */

/* What the store needs itself; of a payload elsewhere nothing but the manifest. */
static enum tide_err list_missing(struct ask *a, struct blob *blob, struct body_r_upload *body)
{
    struct blob_range ranges[LIMIT_PAGE];
    size_t n = 0;

    if (is_elsewhere(a)) return TIDE_OK;
    enum tide_err err = blob_missing(blob, ranges, ARRAY_LEN(ranges), &n);
    if (err != TIDE_OK) return err;
    struct body_range *missing = arena_calloc(&a->door->arena, n + 1, sizeof *missing);
    if (missing == NULL) return TIDE_ENOMEM;
    for (size_t i = 0; i < n; i++) missing[i] = (struct body_range){.first = ranges[i].first, .count = ranges[i].count};
    body->missing = (struct list){.items = missing, .n = n};
    return TIDE_OK;
}

static enum tide_err tell_location(struct ask *a, const struct age_commitment *commitment, struct body_r_upload *body)
{
    char trouble[LOCATION_TROUBLE_MAX];

    body->complete = blobs_checked(a->door->cache.blobs, commitment) == commitment->n_chunks;
    location_trouble(a->door->location, a->listing, trouble);
    body->trouble = arena_copy(&a->door->arena, BYTES_TEXT(trouble));
    return body->trouble.data == NULL ? TIDE_ENOMEM : TIDE_OK;
}

enum tide_err data_upload(struct ask *a)
{
    struct age_commitment commitment = data_commitment(&a->row, a->part);
    struct blob *blob;

    if (a->row.vendor != a->peer.number) return data_refuse(a, OUTCOME_NOT_YOURS, NULL);
    if (!has_part(a)) return TIDE_OK;
    if (a->row.state == LISTING_CLOSED) return data_refuse(a, OUTCOME_WRONG_STATE, "The listing is closed.");
    struct body_r_upload *body = data_body(a, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    body->n_chunks = commitment.n_chunks;
    body->complete = a->row.state != LISTING_AWAITING;
    if (body->complete) {
        body->manifest_have = commitment.n_chunks;
        return TIDE_OK;
    }
    enum tide_err err = content_open(a, true, &blob);
    if (err == TIDE_OK) err = list_missing(a, blob, body);
    if (err == TIDE_ENOMEM) return err;
    if (err != TIDE_OK) return data_put_refused(a, err, "The listing's content cannot be stored under its root.");
    body->manifest_have = blob_manifest_have(blob);
    body->complete = blob_is_complete(blob);
    return is_elsewhere(a) ? tell_location(a, &commitment, body) : TIDE_OK;
}

/* True if it may be put now; otherwise the refusal is filled. */
static bool may_put(struct ask *a)
{
    const char *detail;
    enum outcome outcome = data_may_put(a, &detail);

    if (outcome != OUTCOME_OK) {
        (void)data_refuse(a, outcome, outcome == OUTCOME_WRONG_STATE ? detail : NULL);
        return false;
    }
    return has_part(a);
}

static enum tide_err have_reply(struct ask *a, uint64_t have)
{
    struct body_r_put *body = data_body(a, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    body->have = have;
    return TIDE_OK;
}

enum tide_err data_put_manifest(struct ask *a)
{
    const struct body_q_put_manifest *put = a->request->body;
    struct blob *blob;

    if (!may_put(a)) return TIDE_OK;
    enum tide_err err = content_open(a, true, &blob);
    if (err == TIDE_OK) err = blob_put_manifest(blob, put->first, put->hashes);
    if (err != TIDE_OK) return data_put_refused(a, err, "The leaf hashes do not give the listing's content root.");
    return have_reply(a, blob_manifest_have(blob));
}

enum tide_err data_put_chunk(struct ask *a)
{
    const struct body_q_put_chunk *put = a->request->body;
    struct blob *blob;

    if (!may_put(a)) return TIDE_OK;
    if (is_elsewhere(a)) {
        return data_refuse(a, OUTCOME_WRONG_STATE, "The payload lies at its vendor's own location, not here.");
    }
    chunk_log(a, "chunk_put", put->chunk);
    enum tide_err err = content_open(a, true, &blob);
    if (err == TIDE_OK) err = blob_put_chunk(blob, put->chunk, put->sealed);
    if (err == TIDE_OK && blob_unsynced(blob) >= SYNC_BYTES) err = blob_sync(blob);
    uint64_t have = err == TIDE_OK ? blob_have(blob) : 0;
    if (err == TIDE_OK && blob_is_complete(blob)) err = data_tell_stored(a->door, a->listing, &a->row);
    if (err != TIDE_OK) return data_put_refused(a, err, "The chunk is not the manifest's at that place.");
    return have_reply(a, have);
}

/* ---- fetching ---- */

/* True if it may be fetched now; otherwise *err says what to return. */
static bool may_get(struct ask *a, enum tide_err *err)
{
    bool may;

    *err = TIDE_OK;
    if (!has_part(a)) return false;
    *err = data_may_get(a, &may);
    if (*err == TIDE_EBUSY) *err = data_refuse(a, OUTCOME_BUSY, NULL);
    else if (*err == TIDE_OK && may) return true;
    else if (*err == TIDE_OK && a->part == PART_DETAIL) *err = data_refuse(a, OUTCOME_NO_SUCH_DETAIL, NULL);
    else if (*err == TIDE_OK)
        *err = data_refuse(a, OUTCOME_NOT_YOURS, "Only its vendor, and buyers once granted, may fetch it.");
    return false;
}

enum tide_err data_get_manifest(struct ask *a)
{
    const struct body_q_get_manifest *get = a->request->body;
    struct blob *blob;
    size_t len = 0;
    enum tide_err err;

    if (!may_get(a, &err)) return err;
    struct body_r_get_manifest *body = data_body(a, sizeof *body);
    uint8_t *hashes = arena_alloc(&a->door->arena, MANIFEST_PIECE_BYTES);
    if (body == NULL || hashes == NULL) return TIDE_ENOMEM;
    err = content_open(a, false, &blob);
    if (err == TIDE_OK) err = blob_get_manifest(blob, get->first, hashes, MANIFEST_PIECE_BYTES, &len);
    if (err != TIDE_OK) return data_get_refused(a, err);
    body->hashes = BYTES(hashes, len);
    return TIDE_OK;
}

enum tide_err data_get_chunk(struct ask *a)
{
    const struct body_q_get_chunk *get = a->request->body;
    struct blob *blob;
    size_t len = 0;
    enum tide_err err;

    if (!may_get(a, &err)) return err;
    if (is_elsewhere(a)) {
        return data_refuse(a, OUTCOME_NOT_STORED, "The payload lies at its vendor's own location, not here.");
    }
    struct body_r_get_chunk *body = data_body(a, sizeof *body);
    uint8_t *sealed = arena_alloc(&a->door->arena, AGE_SEALED_CHUNK_BYTES);
    if (body == NULL || sealed == NULL) return TIDE_ENOMEM;
    err = content_open(a, false, &blob);
    if (err == TIDE_OK) err = blob_get_chunk(blob, get->chunk, sealed, &len);
    if (err != TIDE_OK) return data_get_refused(a, err);
    chunk_log(a, "chunk_get", get->chunk);
    body->sealed = BYTES(sealed, len);
    return TIDE_OK;
}
