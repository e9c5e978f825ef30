/*
 * The broker's data thread: ciphertext in and out over a door of its own, so that gigabytes never stand in the way of
 * a statement.
 *
 * Always holds: memory is bounded (one message, one reply, BLOB_CACHE_MAX open contents); peers are served in turn, one
 * message each (libzmq's fair queue), and what they wrote is synced when they pause; it runs at a lower priority than orders,
 * and libzmq encrypts for it in a thread of its own.
 * Not here: what is asked and by whom (data_answer.c and what it names).
 */
#include "broker/server/data_door.h"

#include "broker/server/clock.h"
#include "broker/server/log.h"
#include "broker/server/query_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zmq.h>

#define ROUND_MESSAGES 32
#define BACKLOG_MESSAGES 8        /* received from a peer and not yet read: each up to LIMIT_DATA_FRAME_BYTES */
#define REPLY_BACKLOG_MESSAGES 128 /* libzmq gives credit back late: more than PENDING_PEER_MAX, or replies are lost */
#define ARENA_BYTES (2u << 20)
#define RECHECK_MS 2000
#define DATA_NICE 10
#define IDLE_SYNC_MS 100          /* after so long without a message, what was written is synced */

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
    if (err == TIDE_OK && clock_steady_ms() - d->rechecked_ms >= RECHECK_MS) err = data_recheck(d);
    return err;
}

static void *data_thread(void *arg)
{
    struct data_door *d = arg;
    bool stop = false;

    /* On a machine with too few cores chunks wait, and not orders; where that is refused they share. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), DATA_NICE);
    enum tide_err err = data_recheck(d);
    while (err == TIDE_OK && !stop) err = round_of(d, &stop);
    state_read_reset(d->view);
    blob_cache_close(&d->cache);
    sweep_deinit(&d->contents);
    sweep_deinit(&d->samples);
    sweep_deinit(&d->evidence);
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
        .bulk = true,
    };

    d->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (d->stop_fd < 0) return TIDE_EIO;
    struct location_options location = {.config = config, .state = d->options.state, .journal = d->options.journal};
    enum tide_err err = blobs_open(config->dir, &d->cache.blobs);
    if (err == TIDE_OK) err = sweep_init(&d->contents, config->dir, "blobs");
    if (err == TIDE_OK) err = sweep_init(&d->samples, config->dir, "samples");
    if (err == TIDE_OK) err = sweep_init(&d->evidence, config->dir, "evidence");
    if (err == TIDE_OK) err = location_start(&location, &d->location);
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
    location_stop(&(*d)->location);
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
