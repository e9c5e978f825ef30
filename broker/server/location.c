/*
 * The thread that checks payloads at their vendors' own locations (location.h): one listing at a time, for a slice of time,
 * then another vendor's.
 *
 * Always holds: no snapshot of the state and no lock is held while a server is waited for; what was counted was verified
 * against a whole manifest, chunk by chunk, from the first on. A range that does not come in its time is given up, and each
 * vendor has one turn a lap: slow servers and many listings of one do not keep the others waiting.
 * Not here: https (storage/https.h); when a listing that failed is asked for again (location_troubles.c).
 */
#include "broker/server/location.h"

#include "broker/server/clock.h"
#include "broker/server/data_door.h"
#include "broker/server/location_troubles.h"
#include "broker/server/log.h"
#include "broker/server/query_internal.h"
#include "crypto/merkle.h"
#include "storage/https.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 1000             /* how often the listings that wait are looked at */
#define SLICE_MS 20000           /* of one listing, before the next one's turn */
#define RANGE_MS 20000           /* some 50 kB/s */
#define LAP_VENDORS 64           /* that have their turn in one lap; more are served as they come */
#define CHUNKS_A_RANGE 15u       /* a range stays below 1 MiB */
#define DURABLE_CHUNKS 1024u     /* 64 MiB: so much at most is fetched again after a crash */
#define NICE_BY 10               /* hashing gives way to orders */

struct location {
    struct location_options options;
    struct blobs *blobs;
    struct state_view *view;
    struct arena arena;
    struct location_troubles *troubles;
    uint64_t from; /* listings are looked at in turn */
    uint64_t served[LAP_VENDORS]; /* vendors whose turn it was in this lap */
    size_t n_served;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    bool stop;
};

/* One listing being checked. */
struct check {
    struct location *location;
    uint64_t listing, done, durable; /* chunks verified; of them remembered on disk */
    struct age_commitment commitment;
    struct blob *blob;
    struct https *https;
    uint8_t *buffer; /* a range */
    uint64_t asked_ms; /* when it was asked for */
    char why[LOCATION_TROUBLE_MAX];
};

static bool goes_on(void *ctx)
{
    struct location *l = ctx;
    pthread_mutex_lock(&l->lock);
    bool on = !l->stop;
    pthread_mutex_unlock(&l->lock);
    return on;
}

/* ---- one range ---- */

/* The chunks from c->done on, at most a range of them, against the manifest. */
static enum tide_err verify_range(struct check *c, const uint8_t *bytes, size_t n)
{
    uint8_t hashes[CHUNKS_A_RANGE][HASH_BYTES], leaf[HASH_BYTES];
    size_t len;

    enum tide_err err = blob_get_manifest(c->blob, c->done, hashes[0], n * HASH_BYTES, &len);
    if (err == TIDE_OK && len != n * HASH_BYTES) err = TIDE_EDAMAGED;
    for (size_t i = 0; err == TIDE_OK && i < n; i++) {
        size_t chunk_len = age_sealed_chunk_len(c->commitment.plaintext_len, c->done);
        merkle_leaf_hash(BYTES(bytes, chunk_len), leaf);
        if (memcmp(leaf, hashes[i], HASH_BYTES) != 0) {
            snprintf(c->why, sizeof c->why, "chunk %" PRIu64 " there is not the one of the manifest", c->done);
            return TIDE_EAUTH;
        }
        bytes += chunk_len;
        c->done++;
    }
    if (err != TIDE_OK) snprintf(c->why, sizeof c->why, "the manifest cannot be read: %s", tide_err_text(err));
    return err;
}

static uint64_t range_ms(const struct location *l)
{
    return l->options.range_ms != 0 ? l->options.range_ms : RANGE_MS;
}

static bool range_goes_on(void *ctx)
{
    struct check *c = ctx;
    return goes_on(c->location) && clock_steady_ms() - c->asked_ms < range_ms(c->location);
}

static enum tide_err check_range(struct check *c)
{
    char why[HTTPS_WHY_MAX];
    uint64_t left = c->commitment.n_chunks - c->done;
    size_t n = left < CHUNKS_A_RANGE ? (size_t)left : CHUNKS_A_RANGE;
    size_t head = c->done == 0 ? AGE_NONCE_BYTES : 0, len = head;

    for (size_t i = 0; i < n; i++) len += age_sealed_chunk_len(c->commitment.plaintext_len, c->done + i);
    uint64_t offset = c->done == 0 ? 0 : AGE_NONCE_BYTES + c->done * AGE_SEALED_CHUNK_BYTES;
    c->asked_ms = clock_steady_ms();
    enum tide_err err = https_read(c->https, offset, len, c->buffer, range_goes_on, c, why);
    if (err == TIDE_ECANCELED && goes_on(c->location)) {
        err = TIDE_EIO;
        snprintf(why, sizeof why, "the server is too slow: %zu bytes did not come within %" PRIu64 " s", len,
                 range_ms(c->location) / 1000);
    }
    if (err != TIDE_OK) {
        snprintf(c->why, sizeof c->why, "%s", why);
        return err;
    }
    if (head > 0 && memcmp(c->buffer, c->commitment.nonce, AGE_NONCE_BYTES) != 0) {
        snprintf(c->why, sizeof c->why, "the payload there begins with another nonce");
        return TIDE_EAUTH;
    }
    return verify_range(c, c->buffer + head, n);
}

/* ---- one listing ---- */

static enum tide_err remember(struct check *c)
{
    if (c->done == c->durable) return TIDE_OK;
    enum tide_err err = blobs_set_checked(c->location->blobs, &c->commitment, c->done);
    if (err == TIDE_OK) c->durable = c->done;
    else snprintf(c->why, sizeof c->why, "the broker cannot note how far it came: %s", tide_err_text(err));
    return err;
}

/* Until it is done, or its slice of time is over. */
static enum tide_err check_slice(struct check *c)
{
    uint64_t end_ms = clock_steady_ms() + SLICE_MS;
    enum tide_err err = TIDE_OK;

    while (err == TIDE_OK && c->done < c->commitment.n_chunks && clock_steady_ms() < end_ms) {
        err = check_range(c);
        if (c->done - c->durable >= DURABLE_CHUNKS && err == TIDE_OK) err = remember(c);
    }
    enum tide_err noted = remember(c);
    return err == TIDE_OK ? noted : err;
}

/* The address that the vendor signed, from its `publish` statement. */
static enum tide_err address_of(struct location *l, const struct row_listing *row, char url[LIMIT_LOCATION_BYTES + 1])
{
    const struct query_source source = {.journal = l->options.journal};
    struct query q = {.source = &source, .arena = &l->arena};
    struct query_statement statement;

    arena_reset(&l->arena);
    enum tide_err err = query_read_statement(&q, row->cause, &l->arena, &statement);
    if (err != TIDE_OK) return err;
    const struct body_publish *publish = statement.statement.body;
    bool fits = statement.statement.kind == KIND_PUBLISH && publish->location.len <= LIMIT_LOCATION_BYTES;
    if (!fits) return TIDE_EDAMAGED;
    memcpy(url, publish->location.data, publish->location.len);
    url[publish->location.len] = '\0';
    return TIDE_OK;
}

static enum tide_err check_open(struct check *c, const struct row_listing *row)
{
    const struct config *config = c->location->options.config;
    struct https_options options = {.ca_file = config->location_ca[0] != '\0' ? config->location_ca : NULL,
                                    .allow_local = config->location_local};
    char url[LIMIT_LOCATION_BYTES + 1];

    enum tide_err err = address_of(c->location, row, url);
    if (err == TIDE_OK) err = https_open(url, &options, &c->https);
    if (err != TIDE_OK) {
        snprintf(c->why, sizeof c->why, "the location cannot be used: %s", tide_err_text(err));
        return err;
    }
    c->buffer = malloc(AGE_NONCE_BYTES + CHUNKS_A_RANGE * AGE_SEALED_CHUNK_BYTES);
    return c->buffer == NULL ? TIDE_ENOMEM : TIDE_OK;
}

/* Whether anything was asked for. */
static bool check_listing(struct location *l, uint64_t listing, const struct row_listing *row)
{
    struct check c = {.location = l, .listing = listing, .commitment = data_commitment(row, PART_CONTENT)};

    if (blob_open(l->blobs, &c.commitment, false, &c.blob) != TIDE_OK) return false; /* its vendor has not begun */
    c.done = c.durable = blobs_checked(l->blobs, &c.commitment);
    bool waits = blob_manifest_have(c.blob) == c.commitment.n_chunks && c.done < c.commitment.n_chunks;
    enum tide_err err = waits ? check_open(&c, row) : TIDE_OK;
    if (waits && err == TIDE_OK) err = check_slice(&c);
    if (waits && c.done == c.commitment.n_chunks && err == TIDE_OK) {
        log_event(LOG_LEVEL_INFO, "location_checked", "listing=%" PRIu64 " chunks=%" PRIu64, listing, c.done);
    }
    if (err == TIDE_OK) troubles_forget(l->troubles, listing);
    else if (err != TIDE_ECANCELED) {
        uint64_t took_ms = c.asked_ms != 0 ? clock_steady_ms() - c.asked_ms : 0;
        troubles_note(l->troubles, listing, row->vendor, took_ms, c.why[0] != '\0' ? c.why : tide_err_text(err));
    }
    https_close(&c.https);
    blob_close(&c.blob);
    free(c.buffer);
    return c.asked_ms != 0;
}

void location_trouble(struct location *l, uint64_t listing, char out[LOCATION_TROUBLE_MAX])
{
    troubles_text(l->troubles, listing, out);
}

/* ---- the thread ---- */

static bool is_its_turn(const struct location *l, uint64_t listing, const struct row_listing *row)
{
    if (!row->elsewhere || row->n_chunks == 0) return false;
    for (size_t i = 0; i < l->n_served; i++) {
        if (l->served[i] == row->vendor) return false;
    }
    return troubles_is_due(l->troubles, listing, row->vendor);
}

/* The next listing that waits and whose turn it is. TIDE_ENOTFOUND: none (any more; from the first again next time). */
static enum tide_err next_listing(struct location *l, uint64_t *listing, struct row_listing *row)
{
    uint8_t key[9], name[8];

    enum tide_err err = state_read_renew(l->view);
    key_u8_u64(key, LISTING_AWAITING, l->from);
    while (err == TIDE_OK) {
        err = state_next(l->view, TABLE_LISTING_BY_STATE, key, 1, true, NULL);
        if (err != TIDE_OK) break;
        *listing = l->from = be64_get(key + 1);
        key_u64(name, *listing);
        err = state_get(l->view, TABLE_LISTING, name, row);
        if (err == TIDE_OK && is_its_turn(l, *listing, row)) break;
    }
    state_read_reset(l->view);
    if (err == TIDE_ENOTFOUND) l->from = 0;
    return err;
}

/* False: it is to end. */
static bool sleep_until_next(struct location *l)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_MS / 1000;
    pthread_mutex_lock(&l->lock);
    while (!l->stop && pthread_cond_timedwait(&l->wake, &l->lock, &until) != ETIMEDOUT) {}
    bool on = !l->stop;
    pthread_mutex_unlock(&l->lock);
    return on;
}

/* A turn for each vendor with listings that wait. Whether anything was asked for. */
static bool lap(struct location *l)
{
    struct row_listing row;
    uint64_t listing;
    enum tide_err err;
    bool asked = false;

    l->n_served = 0;
    while ((err = next_listing(l, &listing, &row)) == TIDE_OK && goes_on(l)) {
        if (!check_listing(l, listing, &row)) continue;
        asked = true;
        if (l->n_served < LAP_VENDORS) l->served[l->n_served++] = row.vendor;
    }
    if (err != TIDE_OK && err != TIDE_ENOTFOUND) {
        log_event(LOG_LEVEL_ERROR, "locations_not_read", "error=%s", log_value(tide_err_text(err)).text);
    }
    return asked && err == TIDE_ENOTFOUND;
}

static void *location_thread(void *ctx)
{
    struct location *l = ctx;

    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE_BY);
    while ((lap(l) && goes_on(l)) || sleep_until_next(l)) {}
    return NULL;
}

/* ---- starting and stopping ---- */

static bool init_lock(struct location *l)
{
    pthread_condattr_t attributes;

    if (pthread_condattr_init(&attributes) != 0) return false;
    bool made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                pthread_cond_init(&l->wake, &attributes) == 0 && pthread_mutex_init(&l->lock, NULL) == 0;
    pthread_condattr_destroy(&attributes);
    return made;
}

enum tide_err location_start(const struct location_options *options, struct location **out)
{
    *out = NULL;
    struct location *l = calloc(1, sizeof *l);
    if (l == NULL) return TIDE_ENOMEM;
    l->options = *options;
    arena_init(&l->arena, QUERY_SCRATCH_BYTES);
    if (!init_lock(l)) {
        free(l);
        return TIDE_ENOMEM;
    }
    enum tide_err err = troubles_new(&l->troubles);
    if (err == TIDE_OK) err = blobs_open(options->config->dir, &l->blobs);
    if (err == TIDE_OK) err = state_read_begin(options->state, &l->view);
    if (err == TIDE_OK) {
        state_read_reset(l->view);
        l->started = pthread_create(&l->thread, NULL, location_thread, l) == 0;
        if (!l->started) err = TIDE_ENOMEM;
    }
    *out = l;
    if (err != TIDE_OK) location_stop(out);
    return err;
}

void location_stop(struct location **l)
{
    if (*l == NULL) return;
    pthread_mutex_lock(&(*l)->lock);
    (*l)->stop = true;
    pthread_cond_signal(&(*l)->wake);
    pthread_mutex_unlock(&(*l)->lock);
    if ((*l)->started) pthread_join((*l)->thread, NULL);
    state_read_end(&(*l)->view);
    blobs_close(&(*l)->blobs);
    troubles_free(&(*l)->troubles);
    arena_deinit(&(*l)->arena);
    pthread_cond_destroy(&(*l)->wake);
    pthread_mutex_destroy(&(*l)->lock);
    free(*l);
    *l = NULL;
}
