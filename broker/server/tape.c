/*
 * The tape's thread (tape.h): waits for a commit, a subscription or the time for a heartbeat, and then says what is
 * new up to the newest committed state.
 *
 * Always holds: `next` is where the next message begins; while nobody listens it is of no meaning and no record is
 * read. The snapshot is let go of before the thread sleeps.
 */
#include "broker/server/tape.h"

#include "broker/server/clock.h"
#include "broker/server/log.h"
#include "broker/server/query_internal.h"
#include "broker/server/tape_door.h"
#include "broker/server/tape_round.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#define HEARTBEAT_MS 5000
#define WELCOME_MS 20 /* no sooner after a message: who subscribes again and again must not fill the others' backlogs */
#define FRAME_ARENA_BYTES (1u << 20)

struct tape {
    struct tape_options o;
    struct tape_door *door;
    struct state_view *view;
    struct tape_round round;
    struct arena frame;
    pthread_t thread;
    bool started;
    int wake_fd;
    bool listening, woken, stop; /* atomic */
    bool awaited;                /* somebody joined and has heard nothing yet */
    uint64_t next, time_ms;      /* where the next message begins; of the newest record said */
    uint64_t joined_ms, sent_ms; /* steady clock */
};

/* ---- saying ---- */

static enum tide_err send_message(void *ctx, const struct body_tape *message)
{
    struct tape *t = ctx;
    struct bytes frame;

    arena_reset(&t->frame);
    enum tide_err err = tape_encode(message, &t->frame, &frame);
    if (err == TIDE_OK) err = tape_door_send(t->door, frame);
    if (err != TIDE_OK) return err;
    t->next = message->next;
    t->time_ms = message->time_ms;
    t->sent_ms = clock_steady_ms();
    t->awaited = false;
    return TIDE_OK;
}

static enum tide_err send_heartbeat(struct tape *t)
{
    const struct body_tape nothing_new = {.from = t->next, .next = t->next, .time_ms = t->time_ms};
    return send_message(t, &nothing_new);
}

/* Goes on at `applied`, whatever was before. */
static enum tide_err begin_at(struct tape *t, uint64_t applied)
{
    struct row_market market;

    enum tide_err err = market_row(t->view, &market);
    t->next = applied;
    t->time_ms = market.last_time_ms;
    return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
}

/* What is new since the last message. What could not be said is a gap that subscribers see. */
static enum tide_err say_news(struct tape *t, uint64_t applied)
{
    if (applied == t->next) return TIDE_OK;
    enum tide_err err = tape_round_run(&t->round, t->next, applied, send_message, t);
    if (err != TIDE_ELIMIT && err != TIDE_ENOMEM) return err;
    log_event(LOG_LEVEL_WARNING, "tape_gap", "records=%llu error=%s", (unsigned long long)(applied - t->next),
              log_value(tide_err_text(err)).text);
    return begin_at(t, applied);
}

/* ---- the thread ---- */

static bool is_listening(struct tape *t)
{
    return __atomic_load_n(&t->listening, __ATOMIC_SEQ_CST);
}

/* Somebody joined: it hears very soon where the tape stands, and so knows that it is heard. */
static enum tide_err welcome(struct tape *t, bool first, uint64_t applied)
{
    t->joined_ms = clock_steady_ms();
    t->awaited = true;
    return first ? begin_at(t, applied) : say_news(t, applied);
}

static uint64_t heartbeat_ms(const struct tape *t)
{
    return t->o.heartbeat_ms != 0 ? t->o.heartbeat_ms : HEARTBEAT_MS;
}

/* How long it may be silent. */
static uint64_t silence_ms(const struct tape *t)
{
    return t->awaited ? WELCOME_MS : heartbeat_ms(t);
}

static enum tide_err beat(struct tape *t)
{
    uint64_t now_ms = clock_steady_ms();

    if (now_ms - t->sent_ms < silence_ms(t)) return TIDE_OK;
    if (now_ms - t->joined_ms >= heartbeat_ms(t) && !tape_door_has_peers(t->door)) {
        __atomic_store_n(&t->listening, false, __ATOMIC_SEQ_CST);
        return TIDE_OK;
    }
    return send_heartbeat(t);
}

static enum tide_err round_of(struct tape *t)
{
    uint64_t applied;
    bool joined = tape_door_take(t->door), first = joined && !is_listening(t);

    /* Before the snapshot: a commit after it will wake this thread. */
    if (first) __atomic_store_n(&t->listening, true, __ATOMIC_SEQ_CST);
    if (!is_listening(t)) return TIDE_OK;
    enum tide_err err = state_read_renew(t->view);
    if (err == TIDE_OK) err = state_applied(t->view, &applied);
    if (err == TIDE_OK) err = joined ? welcome(t, first, applied) : say_news(t, applied);
    if (err == TIDE_OK) err = beat(t);
    state_read_reset(t->view);
    return err;
}

static void wait_for_news(struct tape *t)
{
    uint64_t value, since_ms = clock_steady_ms() - t->sent_ms;
    zmq_pollitem_t items[] = {
        {.socket = tape_door_socket(t->door), .events = ZMQ_POLLIN},
        {.fd = t->wake_fd, .events = ZMQ_POLLIN},
    };
    long wait_ms = since_ms < silence_ms(t) ? (long)(silence_ms(t) - since_ms) : 0;

    (void)zmq_poll(items, 2, is_listening(t) ? wait_ms : -1); /* interrupted: the loop looks again */
    (void)!read(t->wake_fd, &value, sizeof value);
    __atomic_store_n(&t->woken, false, __ATOMIC_SEQ_CST); /* before the snapshot: see tape_kick */
}

static void *tape_thread(void *ctx)
{
    struct tape *t = ctx;
    enum tide_err err = TIDE_OK;

    while (err == TIDE_OK && !__atomic_load_n(&t->stop, __ATOMIC_SEQ_CST)) {
        wait_for_news(t);
        err = round_of(t);
    }
    if (err == TIDE_OK) return NULL;
    if (err == TIDE_EDAMAGED) log_damage("journal");
    t->o.failed(t->o.ctx, "the tape", err);
    return NULL;
}

static void wake(struct tape *t)
{
    uint64_t one = 1;

    if (__atomic_exchange_n(&t->woken, true, __ATOMIC_SEQ_CST)) return;
    ssize_t written = write(t->wake_fd, &one, sizeof one);
    ASSERT(written == (ssize_t)sizeof one);
}

void tape_kick(struct tape *t)
{
    if (is_listening(t)) wake(t);
}

/* ---- starting and stopping ---- */

enum tide_err tape_start(const struct tape_options *options, struct tape **out)
{
    *out = NULL;
    struct tape *t = calloc(1, sizeof *t);
    if (t == NULL) return TIDE_ENOMEM;
    t->o = *options;
    arena_init(&t->frame, FRAME_ARENA_BYTES);
    struct tape_door_options door = {
        .listen = options->listen, .port = options->port, .wire_secret = options->wire_secret,
    };
    t->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum tide_err err = t->wake_fd < 0 ? TIDE_ENOMEM : state_read_begin(options->state, &t->view);
    tape_round_init(&t->round, options->journal, t->view);
    if (err == TIDE_OK) err = tape_door_open(options->zmq_context, &door, &t->door);
    if (err == TIDE_OK) {
        state_read_reset(t->view);
        t->started = pthread_create(&t->thread, NULL, tape_thread, t) == 0;
        if (!t->started) err = TIDE_ENOMEM;
    }
    if (err != TIDE_OK) tape_stop(&t);
    *out = t;
    return err;
}

void tape_stop(struct tape **t)
{
    if (*t == NULL) return;
    if ((*t)->started) {
        __atomic_store_n(&(*t)->stop, true, __ATOMIC_SEQ_CST);
        wake(*t);
        pthread_join((*t)->thread, NULL);
    }
    tape_door_close(&(*t)->door);
    state_read_end(&(*t)->view);
    tape_round_deinit(&(*t)->round);
    arena_deinit(&(*t)->frame);
    if ((*t)->wake_fd >= 0) close((*t)->wake_fd);
    free(*t);
    *t = NULL;
}

uint16_t tape_port(const struct tape *t)
{
    return tape_door_port(t->door);
}
