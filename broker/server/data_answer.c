/*
 * What may be put and fetched on the data door, and by whom.
 *
 * Always holds: content is put only by the listing's vendor while the listing awaits it, and fetched only by that
 * vendor and by buyers whose trade was granted; each chunk is verified by storage on its way in and out.
 */
#include "broker/server/data_door.h"

#include "broker/server/log.h"

#include <inttypes.h>

#define TRADES_LOOKED_AT 16384u /* newest first, to find the trade that entitles a buyer */
#define MANIFEST_PIECE_BYTES 65536u

/* One request being answered. */
struct ask {
    struct data_door *door;
    const struct request *request;
    struct peer peer;
    uint64_t listing;
    struct row_listing row;
    struct reply *reply;
};

static enum tide_err refuse(struct ask *a, enum outcome code, const char *detail)
{
    reply_refuse(a->reply, a->request->request_id, code, detail);
    return TIDE_OK;
}

static void *body_new(struct ask *a, size_t size)
{
    void *body = arena_calloc(&a->door->arena, 1, size);
    *a->reply = (struct reply){.request_id = a->request->request_id, .body = body};
    return body;
}

struct age_commitment data_commitment(const struct row_listing *row)
{
    struct age_commitment c = {.plaintext_len = row->plaintext_len, .n_chunks = row->n_chunks};

    memcpy(c.nonce, row->nonce, sizeof c.nonce);
    memcpy(c.content_root, row->content_root, HASH_BYTES);
    memcpy(c.key_commitment, row->key_commitment, HASH_BYTES);
    return c;
}

static enum tide_err content_open(struct ask *a, bool write, struct blob **out)
{
    struct age_commitment commitment = data_commitment(&a->row);
    return blob_cache_get(&a->door->cache, &commitment, write, out);
}

/* ---- who may ---- */

/* Outcome of the checks before anything is put. */
static enum outcome may_put(const struct ask *a, const char **detail)
{
    *detail = NULL;
    if (a->row.vendor != a->peer.number) return OUTCOME_NOT_YOURS;
    if (a->peer.party.state != PARTY_ACTIVE) return OUTCOME_SUSPENDED;
    *detail = "The listing is not waiting for its content.";
    return a->row.state == LISTING_AWAITING ? OUTCOME_OK : OUTCOME_WRONG_STATE;
}

static enum tide_err trade_entitles(struct ask *a, uint64_t trade, bool *entitles)
{
    struct row_trade row;
    uint8_t key[8];

    *entitles = false;
    key_u64(key, trade);
    enum tide_err err = state_get(a->door->view, TABLE_TRADE, key, &row);
    if (err == TIDE_ENOTFOUND) return TIDE_EDAMAGED;
    if (err != TIDE_OK) return err;
    *entitles = row.buyer == a->peer.number && row.listing == a->listing &&
                (row.state == TRADE_GRANTED || row.state == TRADE_DISPUTED || row.state == TRADE_CLAIMED ||
                 row.state == TRADE_SETTLED);
    return TIDE_OK;
}

/* The buyer's newest trade that entitles to this listing; 0: none. */
static enum tide_err find_trade(struct ask *a, uint64_t *trade)
{
    uint8_t key[17];
    bool entitles;
    size_t n = 0;

    *trade = 0;
    for (uint8_t lane = 0; lane < 2; lane++) {
        key_u64_u8_u64(key, a->peer.number, lane, UINT64_MAX);
        while (n++ < TRADES_LOOKED_AT) {
            enum tide_err err = state_prev(a->door->view, TABLE_TRADE_OF, key, 9, true, NULL);
            if (err == TIDE_ENOTFOUND) break;
            if (err == TIDE_OK) err = trade_entitles(a, be64_get(key + 9), &entitles);
            if (err != TIDE_OK) return err;
            if (!entitles) continue;
            *trade = be64_get(key + 9);
            return TIDE_OK;
        }
    }
    return TIDE_OK;
}

static struct entitlement *entitlement_for(struct ask *a)
{
    struct data_door *d = a->door;

    for (size_t i = 0; i < ENTITLEMENTS_KEPT; i++) {
        struct entitlement *e = &d->entitlements[i];
        if (e->party == a->peer.number && e->listing == a->listing) return e;
    }
    struct entitlement *e = &d->entitlements[d->next_entitlement];
    d->next_entitlement = (d->next_entitlement + 1) % ENTITLEMENTS_KEPT;
    *e = (struct entitlement){.party = a->peer.number, .listing = a->listing};
    return e;
}

/* A download asks once a chunk: what was found is kept, and checked again with a single row. */
static enum tide_err may_get(struct ask *a, bool *may)
{
    uint64_t applied;

    *may = a->row.vendor == a->peer.number;
    if (*may) return TIDE_OK;
    struct entitlement *e = entitlement_for(a);
    enum tide_err err = state_applied(a->door->view, &applied);
    if (err == TIDE_OK && e->trade != 0) err = trade_entitles(a, e->trade, may);
    if (err != TIDE_OK || *may || (e->trade == 0 && e->applied == applied)) return err;
    err = find_trade(a, &e->trade);
    e->applied = applied;
    *may = err == TIDE_OK && e->trade != 0;
    return err;
}

/* ---- putting ---- */

static enum tide_err put_refused(struct ask *a, enum tide_err err, const char *what_is_wrong)
{
    switch (err) {
    case TIDE_EAUTH:
    case TIDE_EINVAL:
    case TIDE_EMALFORMED: return refuse(a, OUTCOME_BAD_CONTENT, what_is_wrong);
    case TIDE_ENOTFOUND: return refuse(a, OUTCOME_WRONG_STATE, "The manifest comes before the chunks.");
    case TIDE_EFULL: return refuse(a, OUTCOME_FULL, NULL);
    default:
        log_event(LOG_LEVEL_ERROR, "content_not_written", "listing=%" PRIu64 " error=%s", a->listing,
                  log_value(tide_err_text(err)).text);
        return refuse(a, OUTCOME_BUSY, NULL);
    }
}

enum tide_err data_tell_stored(struct data_door *d, uint64_t listing, struct blob *blob)
{
    if (!blob_is_complete(blob)) return TIDE_OK;
    enum tide_err err = blob_cache_sync(&d->cache);
    if (err != TIDE_OK) return err;
    log_event(LOG_LEVEL_DEBUG, "content_complete", "listing=%" PRIu64, listing);
    /* If its queue is full, the next look at awaiting listings tells it. */
    if (!d->options.stored(d->options.ctx, listing)) {
        log_event(LOG_LEVEL_INFO, "stored_later", "listing=%" PRIu64, listing);
    }
    return TIDE_OK;
}

static enum tide_err upload(struct ask *a)
{
    struct blob_range ranges[LIMIT_PAGE];
    struct blob *blob;
    size_t n = 0;

    if (a->row.vendor != a->peer.number) return refuse(a, OUTCOME_NOT_YOURS, NULL);
    if (a->row.state == LISTING_CLOSED) return refuse(a, OUTCOME_WRONG_STATE, "The listing is closed.");
    struct body_r_upload *body = body_new(a, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    body->n_chunks = a->row.n_chunks;
    body->complete = a->row.state != LISTING_AWAITING;
    if (body->complete) {
        body->manifest_have = a->row.n_chunks;
        return TIDE_OK;
    }
    enum tide_err err = content_open(a, true, &blob);
    if (err == TIDE_OK) err = blob_missing(blob, ranges, ARRAY_LEN(ranges), &n);
    if (err != TIDE_OK) return put_refused(a, err, "The listing's content cannot be stored under its root.");
    struct body_range *missing = arena_calloc(&a->door->arena, n + 1, sizeof *missing);
    if (missing == NULL) return TIDE_ENOMEM;
    for (size_t i = 0; i < n; i++) missing[i] = (struct body_range){.first = ranges[i].first, .count = ranges[i].count};
    body->missing = (struct list){.items = missing, .n = n};
    body->manifest_have = blob_manifest_have(blob);
    body->complete = blob_is_complete(blob);
    return TIDE_OK;
}

static enum tide_err put_manifest(struct ask *a, const struct body_q_put_manifest *put)
{
    const char *detail;
    struct blob *blob;

    enum outcome outcome = may_put(a, &detail);
    if (outcome != OUTCOME_OK) return refuse(a, outcome, outcome == OUTCOME_WRONG_STATE ? detail : NULL);
    enum tide_err err = content_open(a, true, &blob);
    if (err == TIDE_OK) err = blob_put_manifest(blob, put->first, put->hashes);
    if (err != TIDE_OK) return put_refused(a, err, "The leaf hashes do not give the listing's content root.");
    struct body_r_put *body = body_new(a, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    body->have = blob_manifest_have(blob);
    return TIDE_OK;
}

static enum tide_err put_chunk(struct ask *a, const struct body_q_put_chunk *put)
{
    const char *detail;
    struct blob *blob;

    enum outcome outcome = may_put(a, &detail);
    if (outcome != OUTCOME_OK) return refuse(a, outcome, outcome == OUTCOME_WRONG_STATE ? detail : NULL);
    enum tide_err err = content_open(a, true, &blob);
    if (err == TIDE_OK) err = blob_put_chunk(blob, put->chunk, put->sealed);
    if (err == TIDE_OK) err = data_tell_stored(a->door, a->listing, blob);
    if (err != TIDE_OK) return put_refused(a, err, "The chunk is not the manifest's at that place.");
    struct body_r_put *body = body_new(a, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    body->have = blob_have(blob);
    return TIDE_OK;
}

/* ---- fetching ---- */

static enum tide_err get_refused(struct ask *a, enum tide_err err)
{
    switch (err) {
    case TIDE_ENOTFOUND: return refuse(a, OUTCOME_NOT_STORED, NULL);
    case TIDE_EINVAL: return refuse(a, OUTCOME_NOT_STORED, "The content has no chunk of that number.");
    default:
        /* One content that is damaged does not stop a market: its vendor has it still. */
        log_event(LOG_LEVEL_ERROR, "content_unreadable", "file=blobs/ listing=%" PRIu64 " error=%s hint=%s", a->listing,
                  log_value(tide_err_text(err)).text,
                  log_value("restore the folder of this content from a backup").text);
        return refuse(a, OUTCOME_NOT_STORED, "The stored content is damaged; the operator's log says so.");
    }
}

static enum tide_err get_manifest(struct ask *a, const struct body_q_get_manifest *get)
{
    struct blob *blob;
    size_t len = 0;

    struct body_r_get_manifest *body = body_new(a, sizeof *body);
    uint8_t *hashes = arena_alloc(&a->door->arena, MANIFEST_PIECE_BYTES);
    if (body == NULL || hashes == NULL) return TIDE_ENOMEM;
    enum tide_err err = content_open(a, false, &blob);
    if (err == TIDE_OK) err = blob_get_manifest(blob, get->first, hashes, MANIFEST_PIECE_BYTES, &len);
    if (err != TIDE_OK) return get_refused(a, err);
    body->hashes = BYTES(hashes, len);
    return TIDE_OK;
}

static enum tide_err get_chunk(struct ask *a, const struct body_q_get_chunk *get)
{
    struct blob *blob;
    size_t len = 0;

    struct body_r_get_chunk *body = body_new(a, sizeof *body);
    uint8_t *sealed = arena_alloc(&a->door->arena, AGE_SEALED_CHUNK_BYTES);
    if (body == NULL || sealed == NULL) return TIDE_ENOMEM;
    enum tide_err err = content_open(a, false, &blob);
    if (err == TIDE_OK) err = blob_get_chunk(blob, get->chunk, sealed, &len);
    if (err != TIDE_OK) return get_refused(a, err);
    body->sealed = BYTES(sealed, len);
    return TIDE_OK;
}

/* ---- dispatch ---- */

static uint64_t listing_asked(const struct request *request)
{
    switch (request->verb->verb) {
    case VERB_UPLOAD: return ((const struct body_q_upload *)request->body)->listing;
    case VERB_PUT_MANIFEST: return ((const struct body_q_put_manifest *)request->body)->listing;
    case VERB_PUT_CHUNK: return ((const struct body_q_put_chunk *)request->body)->listing;
    case VERB_GET_MANIFEST: return ((const struct body_q_get_manifest *)request->body)->listing;
    case VERB_GET_CHUNK: return ((const struct body_q_get_chunk *)request->body)->listing;
    default: return 0;
    }
}

static enum tide_err answer_verb(struct ask *a)
{
    bool may = true;

    if (a->row.n_chunks == 0) return refuse(a, OUTCOME_WRONG_STATE, "The listing has no stored content.");
    if (a->request->verb->verb == VERB_GET_MANIFEST || a->request->verb->verb == VERB_GET_CHUNK) {
        enum tide_err err = may_get(a, &may);
        if (err != TIDE_OK) return err;
        if (!may) return refuse(a, OUTCOME_NOT_YOURS, "Only its vendor, and buyers once granted, may fetch it.");
    }
    switch (a->request->verb->verb) {
    case VERB_UPLOAD: return upload(a);
    case VERB_PUT_MANIFEST: return put_manifest(a, a->request->body);
    case VERB_PUT_CHUNK: return put_chunk(a, a->request->body);
    case VERB_GET_MANIFEST: return get_manifest(a, a->request->body);
    case VERB_GET_CHUNK: return get_chunk(a, a->request->body);
    default: return refuse(a, OUTCOME_UNKNOWN_VERB, NULL);
    }
}

enum tide_err data_answer(void *ctx, const struct door_message *message, const struct request *request,
                          struct reply *out, bool *later)
{
    struct data_door *d = ctx;
    struct ask a = {.door = d, .request = request, .listing = listing_asked(request), .reply = out};
    uint64_t applied;
    uint8_t key[8];

    *later = false;
    enum tide_err err = state_read_renew(d->view);
    if (err == TIDE_OK) err = state_applied(d->view, &applied);
    if (err == TIDE_OK) err = query_peer(d->view, message->wire_key, &a.peer);
    if (err != TIDE_OK) return err;
    if (a.peer.number == 0) return refuse(&a, OUTCOME_UNKNOWN_PARTY, NULL);
    if (applied < request->after) return refuse(&a, OUTCOME_NOT_YET, NULL);
    key_u64(key, a.listing);
    err = state_get(d->view, TABLE_LISTING, key, &a.row);
    if (err == TIDE_ENOTFOUND) return refuse(&a, OUTCOME_NO_SUCH_LISTING, NULL);
    return err != TIDE_OK ? err : answer_verb(&a);
}
