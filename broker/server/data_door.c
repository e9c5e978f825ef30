/*
 * The broker's data thread: ciphertext in and out over a door of its own, so that gigabytes never stand in the way of
 * a statement.
 *
 * Always holds: memory is bounded (one message, one reply, BLOB_CACHE_MAX open contents); a content is on disk before
 * the broker is told that it is stored; a listing whose content is complete is told again until it has moved on, also
 * after a crash in between.
 * Not here: who may put and get what (data_answer.c); the `stored` statement (the sequencer's).
 */
#include "broker/server/data_door.h"

#include "broker/server/clock.h"
#include "broker/server/log.h"
#include "broker/server/query_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#define ROUND_MESSAGES 32
#define BACKLOG_MESSAGES 16       /* received from a peer and not yet read: each up to LIMIT_DATA_FRAME_BYTES */
#define REPLY_BACKLOG_MESSAGES 64 /* libzmq gives credit back late: room for four windows of a client, or replies are lost */
#define ARENA_BYTES (2u << 20)
#define RECHECK_MS 2000
#define RECHECK_LISTINGS 64       /* a time */
#define IDLE_SYNC_MS 100          /* after so long without a message, what was written is synced */

/* ---- complete, but not told ---- */

/* Looks without disturbing transfers that are going on. */
static enum tide_err is_complete(struct data_door *d, const struct age_commitment *commitment, bool *complete)
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

static enum tide_err recheck_listing(struct data_door *d, uint64_t listing)
{
    struct row_listing row;
    struct blob *blob;
    bool complete = false;
    uint8_t key[8];

    key_u64(key, listing);
    enum tide_err err = state_get(d->view, TABLE_LISTING, key, &row);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
    struct age_commitment commitment = data_commitment(&row);
    if (row.n_chunks > 0) err = is_complete(d, &commitment, &complete);
    /* After a crash nobody knows whether the last chunks were synced: opened for writing, they will be. */
    if (complete) err = blob_cache_get(&d->cache, &commitment, true, &blob);
    if (complete && err == TIDE_OK) err = data_tell_stored(d, listing, blob);
    if (err != TIDE_OK) {
        log_event(LOG_LEVEL_ERROR, "content_unreadable", "file=blobs/ listing=%llu error=%s",
                  (unsigned long long)listing, log_value(tide_err_text(err)).text);
    }
    return TIDE_OK; /* a content's trouble is not the state's */
}

/* A few awaiting listings, each time the next ones, in turn. */
static enum tide_err recheck(struct data_door *d)
{
    uint8_t key[9];

    d->rechecked_ms = clock_steady_ms();
    enum tide_err err = state_read_renew(d->view);
    key_u8_u64(key, LISTING_AWAITING, d->recheck_from);
    for (size_t i = 0; i < RECHECK_LISTINGS && err == TIDE_OK; i++) {
        err = state_next(d->view, TABLE_LISTING_BY_STATE, key, 1, true, NULL);
        if (err == TIDE_OK) d->recheck_from = be64_get(key + 1);
        if (err == TIDE_OK) err = recheck_listing(d, d->recheck_from);
    }
    if (err == TIDE_ENOTFOUND) {
        d->recheck_from = 0;
        err = TIDE_OK;
    }
    return err;
}

/* ---- the thread ---- */

static enum tide_err round_of(struct data_door *d, bool *stop)
{
    size_t n_served;
    zmq_pollitem_t items[] = {
        {.socket = door_socket(d->service.door), .events = ZMQ_POLLIN},
        {.fd = d->stop_fd, .events = ZMQ_POLLIN},
    };
    long wait_ms = blob_cache_is_dirty(&d->cache) ? IDLE_SYNC_MS : RECHECK_MS;

    state_read_reset(d->view);
    int n_ready = zmq_poll(items, ARRAY_LEN(items), wait_ms);
    if (n_ready < 0 && errno != EINTR) return TIDE_EIO;
    *stop = items[1].revents != 0;
    enum tide_err err = door_serve(&d->service, ROUND_MESSAGES, &n_served);
    if (err == TIDE_OK && n_served == 0 && blob_cache_sync(&d->cache) != TIDE_OK) {
        log_event(LOG_LEVEL_WARNING, "sync_again_later", "door=data");
    }
    if (err == TIDE_OK && clock_steady_ms() - d->rechecked_ms >= RECHECK_MS) err = recheck(d);
    return err;
}

static void *data_thread(void *arg)
{
    struct data_door *d = arg;
    bool stop = false;

    enum tide_err err = recheck(d);
    while (err == TIDE_OK && !stop) err = round_of(d, &stop);
    state_read_reset(d->view);
    blob_cache_close(&d->cache);
    if (err == TIDE_OK) return NULL;
    if (err == TIDE_EDAMAGED) log_damage("state");
    log_event(LOG_LEVEL_ERROR, "door_failed", "door=data error=%s", log_value(tide_err_text(err)).text);
    if (d->options.failed != NULL) d->options.failed(d->options.failed_ctx, "the data door", err);
    return NULL;
}

/* ---- starting and stopping ---- */

static enum tide_err open_all(struct data_door *d)
{
    const struct config *config = d->options.config;
    struct door_options door_options = {
        .name = "data",
        .listen = config->listen,
        .port = config->port_base != 0 ? (uint16_t)(config->port_base + PORT_DATA) : 0,
        .frame_max = LIMIT_DATA_FRAME_BYTES,
        .backlog_messages = BACKLOG_MESSAGES,
        .reply_backlog_messages = REPLY_BACKLOG_MESSAGES,
        .wire_secret = d->options.wire_secret,
    };

    d->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (d->stop_fd < 0) return TIDE_EIO;
    enum tide_err err = blobs_open(config->dir, &d->cache.blobs);
    if (err == TIDE_OK) err = state_read_begin(d->options.state, &d->view);
    if (err == TIDE_OK) err = door_open(d->options.zmq_context, &door_options, &d->service.door);
    if (err != TIDE_OK) return err;
    state_read_reset(d->view);
    d->service.bit = DOOR_DATA;
    d->service.arena = &d->arena;
    d->service.ctx = d;
    d->service.answer = data_answer;
    d->started = pthread_create(&d->thread, NULL, data_thread, d) == 0;
    return d->started ? TIDE_OK : TIDE_ENOMEM;
}

enum tide_err data_door_start(const struct data_door_options *options, struct data_door **out)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL) return TIDE_ENOMEM;
    (*out)->options = *options;
    (*out)->stop_fd = -1;
    arena_init(&(*out)->arena, ARENA_BYTES);
    enum tide_err err = open_all(*out);
    if (err != TIDE_OK) data_door_stop(out);
    return err;
}

void data_door_stop(struct data_door **d)
{
    if (*d == NULL) return;
    if ((*d)->started) {
        uint64_t one = 1;
        ssize_t written = write((*d)->stop_fd, &one, sizeof one);
        ASSERT(written == (ssize_t)sizeof one);
        pthread_join((*d)->thread, NULL);
    }
    door_close(&(*d)->service.door);
    state_read_end(&(*d)->view);
    blobs_close(&(*d)->cache.blobs);
    arena_deinit(&(*d)->arena);
    if ((*d)->stop_fd >= 0) close((*d)->stop_fd);
    free(*d);
    *d = NULL;
}

uint16_t data_door_port(const struct data_door *d)
{
    return door_port(d->service.door);
}
