/*
 * The life of a reading process: files, ZAP, door, signals, rounds.
 *
 * Always holds: signals are blocked before any thread is made, and read from a descriptor that the loop polls; the
 * state is closed and opened again only under `gate`, which the ZAP handler's thread holds while it looks; the broker's
 * identity is in memory only while the door is being opened.
 * Not here: what is answered (lobby.c, auditor.c, query*.c).
 */
#include "broker/server/reader.h"

#include "broker/server/clock.h"
#include "broker/server/log.h"
#include "broker/server/market_dir.h"
#include "broker/server/processes.h"
#include "broker/server/query_internal.h"
#include "broker/server/text.h"
#include "broker/server/zap.h"
#include "crypto/identity.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <zmq.h>

#define ROUND_MESSAGES 64       /* before signals and waiting requests are looked at again */
#define FILES_WAIT_MS 100
#define DRAIN_MESSAGES 256
#define BACKLOG_MESSAGES 64     /* a peer */

struct reader_files {
    struct state *state;
    pthread_mutex_t gate;         /* guards `state` and `gate_view` against the ZAP handler's thread */
    struct state_view *gate_view; /* the handler's own snapshot */
};

struct process {
    struct reader reader; /* first: reader_renew finds the rest from it */
    struct reader_files files;
    void *zmq_context;
    struct zap *zap;
    int signal_fd;
};

/* ---- the broker's files ---- */

static void files_close_state(struct process *p)
{
    pthread_mutex_lock(&p->files.gate);
    state_read_end(&p->reader.source.view);
    state_read_end(&p->files.gate_view);
    state_close(&p->files.state, false);
    pthread_mutex_unlock(&p->files.gate);
}

static enum tide_err files_open_state(struct process *p)
{
    pthread_mutex_lock(&p->files.gate);
    enum tide_err err = state_open_reader(p->reader.config->dir, &p->files.state);
    if (err == TIDE_OK) err = state_read_begin(p->files.state, &p->reader.source.view);
    if (err == TIDE_OK) err = state_read_begin(p->files.state, &p->files.gate_view);
    if (err == TIDE_OK) state_read_reset(p->files.gate_view);
    pthread_mutex_unlock(&p->files.gate);
    if (err != TIDE_OK) files_close_state(p);
    return err;
}

enum tide_err reader_renew(struct reader *r)
{
    struct process *p = (struct process *)r;

    if (r->source.tiles == NULL) {
        enum tide_err err = tiles_open(r->config->dir, false, &r->source.tiles);
        if (err != TIDE_OK && err != TIDE_ENOTFOUND) return err; /* the publisher has made nothing yet */
    }
    if (p->files.state != NULL) {
        enum tide_err err = state_read_renew(r->source.view);
        if (err != TIDE_ENOTFOUND) return err;
        log_event(LOG_LEVEL_INFO, "state_replaced", "door=%s", r->role->door);
        files_close_state(p);
    }
    return files_open_state(p);
}

static void rest(struct process *p)
{
    if (p->reader.source.view != NULL) state_read_reset(p->reader.source.view);
}

/* True as soon as a signal to stop has come; waits for it at most `wait_ms`. */
static bool stop_asked(struct process *p, int wait_ms)
{
    struct pollfd item = {.fd = p->signal_fd, .events = POLLIN};
    return poll(&item, 1, wait_ms) > 0;
}

/* Waits until journal and state are there. TIDE_ECANCELED: asked to stop before that. */
static enum tide_err files_open(struct process *p)
{
    enum tide_err err;
    bool told = false;

    for (;;) {
        err = p->reader.source.journal != NULL
                  ? TIDE_OK
                  : journal_open(p->reader.config->dir, JOURNAL_READONLY, &p->reader.source.journal);
        if (err == TIDE_OK) err = reader_renew(&p->reader);
        if (err != TIDE_ENOTFOUND) break;
        if (!told) log_event(LOG_LEVEL_INFO, "waiting_for_broker", "door=%s", p->reader.role->door);
        told = true;
        if (stop_asked(p, FILES_WAIT_MS)) return TIDE_ECANCELED;
    }
    if (err == TIDE_EDAMAGED) log_damage(p->reader.source.journal == NULL ? "journal" : "state");
    return err;
}

static void files_close(struct process *p)
{
    files_close_state(p);
    tiles_close(&p->reader.source.tiles);
    journal_close(&p->reader.source.journal);
}

/* ---- who enters ---- */

/* On the ZAP handler's thread. */
static bool gate_admits(void *ctx, const char *door, const uint8_t wire_key[32])
{
    struct process *p = ctx;
    struct peer peer;
    bool admitted = false;

    if (strcmp(door, p->reader.role->door) != 0) return false;
    if (p->reader.role->strangers) return true;
    pthread_mutex_lock(&p->files.gate);
    if (p->files.gate_view != NULL && state_read_renew(p->files.gate_view) == TIDE_OK) {
        admitted = query_peer(p->files.gate_view, wire_key, &peer) == TIDE_OK && p->reader.role->admits(&peer);
        state_read_reset(p->files.gate_view);
    }
    pthread_mutex_unlock(&p->files.gate);
    return admitted;
}

static enum tide_err answer(void *ctx, const struct door_message *message, const struct request *request,
                            struct reply *out, bool *later)
{
    struct process *p = ctx;
    struct reader *r = &p->reader;
    struct peer peer;

    enum tide_err err = reader_renew(r);
    if (err == TIDE_ENOTFOUND) {
        reply_refuse(out, request->request_id, OUTCOME_BUSY, "The broker is building its state again.");
        return TIDE_OK;
    }
    if (err == TIDE_OK) err = query_peer(r->source.view, message->wire_key, &peer);
    if (err != TIDE_OK) {
        if (err == TIDE_EDAMAGED) log_damage("state");
        return err;
    }
    if (!r->role->strangers && !r->role->admits(&peer)) {
        reply_refuse(out, request->request_id, peer.number == 0 ? OUTCOME_UNKNOWN_PARTY : OUTCOME_NOT_YOUR_ROLE, NULL);
        return TIDE_OK;
    }
    return r->role->answer(r, message, &peer, request, out, later);
}

/* ---- opening and closing ---- */

static enum tide_err signals_open(struct process *p)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0) return TIDE_EINVAL;
    signal(SIGPIPE, SIG_IGN);
    p->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return p->signal_fd >= 0 ? TIDE_OK : TIDE_EIO;
}

static enum tide_err door_bind(struct process *p, const struct identity *identity)
{
    struct reader *r = &p->reader;
    const struct config *config = r->config;
    struct door_options options = {
        .name = r->role->door,
        .listen = config->listen,
        /* With free ports: the one it had, if it is started again (peers know it), otherwise any. */
        .port = config->port_base != 0 ? (uint16_t)(config->port_base + (unsigned)r->role->port)
                                       : ports_read(config->dir, r->role->door),
        .frame_max = r->role->frame_max,
        .backlog_messages = BACKLOG_MESSAGES,
        .wire_secret = identity_wire_secret(identity),
    };

    p->zmq_context = zmq_ctx_new();
    if (p->zmq_context == NULL) return TIDE_ENOMEM;
    enum tide_err err = zap_start(p->zmq_context, gate_admits, p, &p->zap);
    if (err == TIDE_OK) err = door_open(p->zmq_context, &options, &r->service.door);
    if (err == TIDE_OK) err = ports_write(config->dir, r->role->door, door_port(r->service.door));
    if (err != TIDE_OK) {
        log_event(LOG_LEVEL_ERROR, "no_door", "door=%s listen=%s port=%u error=%s", r->role->door, config->listen,
                  (unsigned)options.port, log_value(tide_err_text(err)).text);
    }
    return err;
}

static enum tide_err door_begin(struct process *p)
{
    struct reader *r = &p->reader;
    struct identity *identity = NULL;
    char path[sizeof r->config->dir + sizeof BROKER_KEY_FILE + 1];

    if (!text_path(path, sizeof path, r->config->dir, BROKER_KEY_FILE)) return TIDE_EINVAL;
    enum tide_err err = crypto_init();
    if (err == TIDE_OK) err = identity_load(path, BYTES(NULL, 0), &identity);
    if (err != TIDE_OK) {
        log_event(LOG_LEVEL_ERROR, "no_identity", "file=%s error=%s", log_value(path).text,
                  log_value(tide_err_text(err)).text);
        return err;
    }
    err = door_bind(p, identity);
    identity_free(&identity);
    if (err != TIDE_OK) return err;
    r->service.bit = r->role->bit;
    r->service.arena = &r->arena;
    r->service.ctx = p;
    r->service.answer = answer;
    log_event(LOG_LEVEL_INFO, "serving", "door=%s port=%u", r->role->door, (unsigned)door_port(r->service.door));
    return TIDE_OK;
}

static void door_end(struct process *p)
{
    if (p->reader.service.door != NULL && ports_write(p->reader.config->dir, p->reader.role->door, 0) != TIDE_OK) {
        log_event(LOG_LEVEL_WARNING, "ports_not_written", "door=%s", p->reader.role->door);
    }
    door_close(&p->reader.service.door);
    zap_stop(&p->zap);
    if (p->zmq_context != NULL) zmq_ctx_term(p->zmq_context);
}

/* ---- rounds ---- */

static enum tide_err rounds(struct process *p)
{
    struct reader *r = &p->reader;
    size_t n_served = 0;

    for (;;) {
        unsigned wait_ms = 1000;
        enum tide_err err = r->role->tick != NULL ? r->role->tick(r, &wait_ms) : TIDE_OK;
        rest(p);
        if (err == TIDE_EDAMAGED) return err;
        zmq_pollitem_t items[] = {
            {.socket = door_socket(r->service.door), .events = ZMQ_POLLIN},
            {.fd = p->signal_fd, .events = ZMQ_POLLIN},
        };
        if (n_served == ROUND_MESSAGES) wait_ms = 0;
        if (zmq_poll(items, ARRAY_LEN(items), (long)wait_ms) < 0 && errno != EINTR) return TIDE_EIO;
        bool stop = items[1].revents != 0;
        err = door_serve(&r->service, stop ? DRAIN_MESSAGES : ROUND_MESSAGES, &n_served);
        rest(p);
        if (err != TIDE_OK || stop) return err;
    }
}

static enum tide_err process_run(struct process *p)
{
    struct reader *r = &p->reader;

    enum tide_err err = signals_open(p);
    if (err == TIDE_OK) err = files_open(p);
    if (err == TIDE_OK && r->role->start != NULL) err = r->role->start(r);
    if (err == TIDE_OK) err = door_begin(p);
    if (err == TIDE_OK) err = rounds(p);
    return err;
}

int reader_run(const struct config *config, const struct reader_role *role, void *own)
{
    static struct process process; /* one a process, as the environments are */
    struct process *p = &process;

    *p = (struct process){.signal_fd = -1};
    p->reader = (struct reader){.config = config, .role = role, .own = own};
    arena_init(&p->reader.arena, READER_ARENA_BYTES);
    pthread_mutex_init(&p->files.gate, NULL);
    process_harden();
    enum tide_err err = process_run(p);
    door_end(p);
    if (role->stop != NULL) role->stop(&p->reader);
    files_close(p);
    arena_deinit(&p->reader.arena);
    pthread_mutex_destroy(&p->files.gate);
    if (p->signal_fd >= 0) close(p->signal_fd);
    if (err == TIDE_OK || err == TIDE_ECANCELED) {
        log_event(LOG_LEVEL_INFO, "stopped", "door=%s", role->door);
        return 0;
    }
    log_event(LOG_LEVEL_ERROR, "stopped", "door=%s dir=%s error=%s", role->door, log_value(config->dir).text,
              log_value(tide_err_text(err)).text);
    return 1;
}
