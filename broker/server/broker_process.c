/*
 * The broker process: opens everything in order, starts the threads, waits for a signal or for a thread that gives up,
 * and takes everything down so that nothing that was accepted is lost.
 *
 *     gateway ─▶ work ─▶ verifiers ─▶ inbox ─▶ sequencer ─▶ replies ─▶ gateway
 *                                                  └ wakes ─▶ tape
 *
 * Always holds: doors open only when the state is that of the journal; they close before the queues, the queues before
 * the journal. Every queue has room for every job there is, so that no thread ever waits for another's queue.
 */
#include "broker/server/door_socket.h"
#include "broker/server/gateway.h"
#include "broker/server/judge.h"
#include "broker/server/log.h"
#include "broker/server/market_dir.h"
#include "broker/server/processes.h"
#include "broker/server/publisher.h"
#include "broker/server/sequencer_thread.h"
#include "broker/server/tape.h"
#include "broker/server/text.h"
#include "broker/server/verifier.h"
#include "broker/server/zap.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <zmq.h>

#define RECEIVE_BACKLOG 512 /* messages of one peer that wait in libzmq before TCP holds it back */
#define REPLY_BACKLOG 4096  /* replies of one peer that wait there at least; more are dropped */
#define STORED_ROOM 64      /* places of the inbox beyond those of messages: `stored` from the data thread */

struct broker {
    const struct config *config;
    struct identity *identity;
    struct journal *journal;
    struct state *state;
    struct tiles *tiles;
    struct requests *requests;
    struct cards *cards;
    struct row_market market;

    void *zmq;
    struct zap *zap;
    struct state_view *gate_view; /* the ZAP handler's */
    struct door *door;
    struct data_door *data_door;
    struct judge_thread *judge;
    struct tape *tape; /* before the sequencer runs, and until it has ended */

    struct queue *work, *inbox, *replies;
    size_t n_jobs;
    struct gateway *gateway; /* atomic until the threads are joined */
    struct verifiers *verifiers;
    struct sequencer_thread *sequencer;
    struct publisher *publisher;
    uint64_t journal_size; /* atomic */

    int signal_fd, failure_fd;
    unsigned failures; /* atomic */
};

/* ---- failures ---- */

static const char *way_out(enum tide_err err)
{
    switch (err) {
    case TIDE_EDAMAGED:
        return "run tidemarkd verify; if only state/ is damaged remove it: it is built again from the journal";
    case TIDE_EFULL: return "make room on the disk and start again; what was acknowledged is safe";
    case TIDE_EIO: return "check the disk and start again; what was acknowledged is safe";
    default: return "start again; what was acknowledged is safe";
    }
}

/* Any thread: the process cannot go on. The main thread takes everything down. */
static void broker_failed(void *ctx, const char *what, enum tide_err err)
{
    struct broker *b = ctx;
    uint64_t one = 1;
    log_event(LOG_LEVEL_ERROR, "stopping", "what=%s error=%s dir=%s hint=%s", log_value(what).text,
              log_value(tide_err_text(err)).text, log_value(b->config->dir).text, log_value(way_out(err)).text);
    __atomic_add_fetch(&b->failures, 1, __ATOMIC_RELEASE);
    struct gateway *gateway = __atomic_load_n(&b->gateway, __ATOMIC_ACQUIRE);
    if (gateway) gateway_abandon(gateway); /* it may be draining, and some replies will never come */
    (void)!write(b->failure_fd, &one, sizeof one);
}

/* On the sequencer's thread. */
static void broker_committed(void *ctx)
{
    struct broker *b = ctx;
    if (b->tape) tape_kick(b->tape);
}

static bool has_failed(struct broker *b)
{
    return __atomic_load_n(&b->failures, __ATOMIC_ACQUIRE) > 0;
}

static enum tide_err not_opened(const char *what, const char *why, enum tide_err err, const char *hint)
{
    log_event(LOG_LEVEL_ERROR, "not_started", "what=%s why=%s error=%s hint=%s", log_value(what).text,
              log_value(why).text, log_value(tide_err_text(err)).text, log_value(hint).text);
    return err;
}

/* ---- opening ---- */

static enum tide_err open_signals(struct broker *b)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0) return TIDE_EIO;
    signal(SIGPIPE, SIG_IGN);
    b->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    b->failure_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    return b->signal_fd >= 0 && b->failure_fd >= 0 ? TIDE_OK : TIDE_EIO;
}

static enum tide_err open_identity(struct broker *b)
{
    char path[1200];
    if (!text_path(path, sizeof path, b->config->dir, BROKER_KEY_FILE)) return TIDE_EINVAL;
    enum tide_err err = identity_load(path, BYTES(NULL, 0), &b->identity);
    if (!err) return TIDE_OK;
    return not_opened(path, "the broker's key cannot be used", err,
                      err == TIDE_EDENIED ? "chmod 600 it, and run as its owner" : "put back the file that init made");
}

/* The requests that wait are the lobby's to write; the broker only sees to it that there is a store to read. */
static enum tide_err open_requests(struct broker *b)
{
    enum tide_err err = requests_open(b->config->dir, false, &b->requests);
    if (err != TIDE_ENOTFOUND) return err;
    err = requests_open(b->config->dir, true, &b->requests);
    if (err) return err;
    requests_close(&b->requests);
    return requests_open(b->config->dir, false, &b->requests);
}

static enum tide_err open_files(struct broker *b)
{
    bool rebuilt = false;
    enum tide_err err = journal_open(b->config->dir, 0, &b->journal);
    if (err) {
        return not_opened("journal/", "the journal cannot be opened", err,
                          err == TIDE_EBUSY ? "stop the other tidemarkd" : way_out(err));
    }
    err = state_open_writer(b->config->dir, &b->state, &rebuilt);
    if (err) return not_opened("state/", "the state cannot be opened", err, way_out(err));
    if (rebuilt) log_event(LOG_LEVEL_INFO, "rebuilding_state", "why=%s", log_value("not known to be whole").text);
    err = tiles_open(b->config->dir, true, &b->tiles);
    if (err) return not_opened("tiles/", "the log's files cannot be opened", err, way_out(err));
    err = open_requests(b);
    if (err) return not_opened("lobby/", "the store of requests cannot be opened", err, way_out(err));
    err = cards_open(b->config->dir, &b->cards);
    return err ? not_opened("cards/", "the folder of contact cards cannot be made", err, way_out(err)) : TIDE_OK;
}

static enum tide_err open_queues(struct broker *b)
{
    b->n_jobs = b->config->queue_length;
    enum tide_err err = queue_new(b->n_jobs, &b->work);
    if (!err) err = queue_new(b->n_jobs + STORED_ROOM + JUDGE_TOLD_MAX, &b->inbox);
    if (!err) err = queue_new(b->n_jobs, &b->replies);
    return err;
}

/* The market's row; the key file must be this market's. */
static enum tide_err read_market(struct broker *b)
{
    struct state_view *view;
    enum tide_err err = state_read_begin(b->state, &view);
    if (err) return err;
    err = market_row(view, &b->market);
    state_read_end(&view);
    if (err) return err;
    bool same = memcmp(b->market.broker, identity_party(b->identity), 32) == 0 &&
                memcmp(b->market.log_key, identity_log_public(b->identity), 32) == 0 &&
                memcmp(b->market.wire_key, identity_wire_public(b->identity), 32) == 0;
    return same ? TIDE_OK : not_opened(BROKER_KEY_FILE, "the key is not this market's", TIDE_EAUTH,
                                       "put back the file that init made");
}

/* Brings the state up to the journal and the published log up to its head. */
static enum tide_err open_market(struct broker *b)
{
    struct sequencer_thread_options so = {
        .journal = b->journal, .state = b->state, .identity = b->identity, .inbox = b->inbox, .work = b->work,
        .replies = b->replies, .journal_size = &b->journal_size, .failed = broker_failed,
        .committed = broker_committed, .ctx = b,
    };
    enum tide_err err = sequencer_thread_open(&so, &b->sequencer);
    if (err) return not_opened("state/", "the journal cannot be applied to the state", err, way_out(err));
    err = read_market(b);
    if (err) return err;
    struct publisher_options po = {
        .journal = b->journal, .tiles = b->tiles, .origin = b->market.origin,
        .log_public = identity_log_public(b->identity), .log_secret = identity_log_secret(b->identity),
        .interval_ms = b->config->publish_interval_ms, .failed = broker_failed, .ctx = b,
    };
    char why[160];
    err = publisher_open(&po, &b->publisher, why, sizeof why);
    if (!err) return TIDE_OK;
    return not_opened("tiles/", why, err, err == TIDE_EDAMAGED ? "keep the folder as it is and ask who mirrors the log"
                                                               : way_out(err));
}

/* On the ZAP handler's thread: enrolled parties may enter; what they may say is decided per message. */
static bool admits(void *ctx, const char *door, const uint8_t wire_key[32])
{
    struct broker *b = ctx;
    struct peer peer;
    (void)door;
    if (state_read_renew(b->gate_view) != TIDE_OK) return false;
    bool enrolled = query_peer(b->gate_view, wire_key, &peer) == TIDE_OK && peer.number != 0;
    state_read_reset(b->gate_view);
    return enrolled;
}

static enum tide_err open_doors(struct broker *b)
{
    const struct config *c = b->config;
    struct door_options trade = {
        .name = "trade", .listen = c->listen, .port = c->port_base ? (uint16_t)(c->port_base + PORT_TRADE) : 0,
        .frame_max = LIMIT_TRADE_FRAME_BYTES, .backlog_messages = RECEIVE_BACKLOG,
        /* libzmq learns late what a peer has read: twice what one peer can have inside is never too little */
        .reply_backlog_messages = b->n_jobs > REPLY_BACKLOG ? (int)b->n_jobs : REPLY_BACKLOG,
        .wire_secret = identity_wire_secret(b->identity),
    };
    b->zmq = zmq_ctx_new();
    if (!b->zmq || zmq_ctx_set(b->zmq, ZMQ_IO_THREADS, DOOR_IO_THREADS)) return TIDE_ENOMEM;
    enum tide_err err = state_read_begin(b->state, &b->gate_view);
    if (!err) err = zap_start(b->zmq, admits, b, &b->zap);
    if (!err) err = door_open(b->zmq, &trade, &b->door);
    if (err) return not_opened("trade door", c->listen, err, "choose another --port-base or --listen");
    return TIDE_OK;
}

static enum tide_err open_tape(struct broker *b)
{
    const struct config *c = b->config;
    struct tape_options options = {
        .zmq_context = b->zmq, .listen = c->listen,
        .port = c->port_base ? (uint16_t)(c->port_base + PORT_TAPE) : 0,
        .wire_secret = identity_wire_secret(b->identity), .journal = b->journal, .state = b->state,
        .failed = broker_failed, .ctx = b,
    };
    enum tide_err err = tape_start(&options, &b->tape);
    return err ? not_opened("tape", c->listen, err, "choose another --port-base or --listen") : TIDE_OK;
}

static enum tide_err start_threads(struct broker *b)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct verifier_options vo = {
        .n_threads = b->config->n_verifiers ? b->config->n_verifiers : cores > 0 ? (unsigned)cores : 1,
        .work = b->work, .inbox = b->inbox, .replies = b->replies, .state = b->state,
        .source = {.journal = b->journal, .tiles = b->tiles, .requests = b->requests, .cards = b->cards,
                   .log_secret = identity_log_secret(b->identity)},
        .dir = b->config->dir, .journal_size = &b->journal_size, .failed = broker_failed, .ctx = b,
    };
    memcpy(vo.market, b->market.market, 32);
    struct data_door_options dd = {
        .config = b->config, .zmq_context = b->zmq, .state = b->state, .journal = b->journal,
        .wire_secret = identity_wire_secret(b->identity), .stored = sequencer_thread_stored, .ctx = b->sequencer,
        .failed = broker_failed, .failed_ctx = b,
    };
    enum tide_err err = open_tape(b);
    if (err) return err;
    err = verifiers_start(&vo, &b->verifiers);
    if (!err) err = publisher_start(b->publisher);
    if (!err) err = sequencer_thread_start(b->sequencer, b->publisher);
    struct gateway_options go = {.door = b->door, .work = b->work, .inbox = b->inbox, .replies = b->replies,
                                 .verifiers = b->verifiers, .n_jobs = b->n_jobs};
    struct gateway *gateway = NULL;
    if (!err) err = gateway_start(&go, &gateway);
    __atomic_store_n(&b->gateway, gateway, __ATOMIC_RELEASE);
    if (err) return not_opened("threads", "a thread cannot be started", err, "allow more memory or threads");
    err = data_door_start(&dd, &b->data_door);
    return err ? not_opened("data door", b->config->listen, err, "choose another --port-base or --listen") : TIDE_OK;
}

/* Disputes that wait since before are judged at once. */
static enum tide_err start_judge(struct broker *b)
{
    struct judge_options options = {
        .dir = b->config->dir, .journal = b->journal, .state = b->state,
        .seal_secret = identity_seal_secret(b->identity), .verdict = sequencer_thread_verdict, .ctx = b->sequencer,
        .failed = broker_failed, .failed_ctx = b,
    };
    enum tide_err err = judge_start(&options, &b->judge);
    if (!err) return TIDE_OK;
    return not_opened("threads", "the judge's thread cannot be started", err, "allow more memory or threads");
}

static enum tide_err tell_ports(struct broker *b)
{
    enum tide_err err = ports_write(b->config->dir, "data", data_door_port(b->data_door));
    if (!err) err = ports_write(b->config->dir, "tape", tape_port(b->tape));
    if (!err) err = ports_write(b->config->dir, "trade", door_port(b->door));
    return err ? not_opened("ports", "the file cannot be written", err, way_out(err)) : TIDE_OK;
}

static enum tide_err broker_open(struct broker *b)
{
    enum tide_err err = open_signals(b);
    if (!err) err = crypto_init();
    if (!err) err = open_identity(b);
    if (!err) err = open_files(b);
    if (!err) err = open_queues(b);
    if (!err) err = open_market(b);
    if (!err) err = open_doors(b);
    if (!err) err = start_threads(b);
    if (!err) err = start_judge(b);
    if (!err) err = tell_ports(b);
    return err;
}

/* ---- serving and stopping ---- */

static void wait_for_end(struct broker *b)
{
    struct pollfd items[] = {{.fd = b->signal_fd, .events = POLLIN}, {.fd = b->failure_fd, .events = POLLIN}};
    while (poll(items, 2, -1) < 0 && errno == EINTR) {}
}

/* Doors first, then what is behind them, in the order of a message's way. */
static bool broker_close(struct broker *b)
{
    if (b->door) (void)!ports_write(b->config->dir, "trade", 0);
    if (b->data_door) (void)!ports_write(b->config->dir, "data", 0);
    if (b->tape) (void)!ports_write(b->config->dir, "tape", 0);
    data_door_stop(&b->data_door);
    judge_stop(&b->judge);
    if (b->gateway && has_failed(b)) gateway_abandon(b->gateway);
    if (b->gateway) gateway_stop(b->gateway);
    if (b->work) queue_close(b->work);
    verifiers_join(&b->verifiers);
    if (b->inbox) queue_close(b->inbox);
    bool sequenced = sequencer_thread_close(&b->sequencer);
    tape_stop(&b->tape);
    publisher_close(&b->publisher);
    gateway_free(&b->gateway);
    door_close(&b->door);
    zap_stop(&b->zap);
    if (b->zmq) zmq_ctx_term(b->zmq);
    state_read_end(&b->gate_view);
    queue_free(&b->work);
    queue_free(&b->inbox);
    queue_free(&b->replies);
    requests_close(&b->requests);
    cards_close(&b->cards);
    tiles_close(&b->tiles);
    bool well = sequenced && !has_failed(b);
    state_close(&b->state, well);
    journal_close(&b->journal);
    identity_free(&b->identity);
    if (b->signal_fd >= 0) close(b->signal_fd);
    if (b->failure_fd >= 0) close(b->failure_fd);
    return well;
}

int broker_process(const struct config *config)
{
    struct broker b = {.config = config, .signal_fd = -1, .failure_fd = -1};
    enum tide_err err = broker_open(&b);
    if (!err) {
        log_event(LOG_LEVEL_INFO, "serving", "door=trade port=%u records=%llu", door_port(b.door),
                  (unsigned long long)__atomic_load_n(&b.journal_size, __ATOMIC_ACQUIRE));
        wait_for_end(&b);
        log_event(LOG_LEVEL_INFO, "draining", "door=trade");
    }
    bool well = broker_close(&b);
    if (!err) log_event(LOG_LEVEL_INFO, "stopped", "process=broker clean=%s", well ? "yes" : "no");
    return !err && well ? EXIT_OK : EXIT_FAILED;
}
