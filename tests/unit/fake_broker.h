/*
 * A broker of a few lines for the client's tests: a lobby, a trade and a data door with CURVE that answer what a test's function
 * says. It lets tests lose replies, contradict themselves and lie, which a real one does not.
 */
#ifndef TIDEMARK_TESTS_FAKE_BROKER_H
#define TIDEMARK_TESTS_FAKE_BROKER_H

#include "client/lib/market.h"

#include <pthread.h>
#include <stdlib.h>
#include <stdio.h>
#include <zmq.h>

/* As in client/lib/wire.c. */
#ifdef __SANITIZE_THREAD__
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
/* What libzmq allocates in one thread and frees in another. */
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:libzmq.so\n";
}
#else
#define AnnotateIgnoreReadsBegin(file, line) ((void)0)
#define AnnotateIgnoreReadsEnd(file, line) ((void)0)
#endif

enum fake_door { FAKE_LOBBY, FAKE_TRADE, FAKE_DATA, FAKE_DOORS };

struct fake {
    void *context, *sockets[FAKE_DOORS];
    uint16_t ports[FAKE_DOORS];
    pthread_t thread;
    atomic_bool stop;
    struct identity *identity;
    struct market_url url;
    char url_text[MARKET_URL_MAX];
    /* Fills *reply (code, text, body in `arena`); false: no answer. Runs in the fake's thread. */
    bool (*answer)(struct fake *f, const struct request *request, struct arena *arena, struct reply *reply);
    atomic_uint n_submits;
    atomic_uint party_state;
    uint8_t first_submit[LIMIT_TRADE_FRAME_BYTES]; /* the envelope that came first; the fake's own */
    size_t first_submit_len;
    atomic_uint n_other_bytes; /* envelopes that were not the first one again */
    atomic_bool other_log_key; /* lie about it */
    atomic_uint tape_port;     /* what doors says of it */
    atomic_uint answers_index; /* what tests want to be told */
    atomic_uint n_idle;        /* rounds in which nobody asked anything */
    pthread_mutex_t lock;      /* of what follows */
    uint8_t seen_id[16];
    struct body_order seen_order;
};

/* The last statement's id, and its order if it was one. */
static inline void fake_seen(struct fake *f, uint8_t id[16], struct body_order *order)
{
    pthread_mutex_lock(&f->lock);
    memcpy(id, f->seen_id, 16);
    *order = f->seen_order;
    pthread_mutex_unlock(&f->lock);
}

static bool fake_doors(struct fake *f, struct arena *arena, struct reply *reply)
{
    struct body_r_doors *doors = arena_calloc(arena, 1, sizeof *doors);
    memcpy(doors->market, f->url.market, 32);
    doors->origin = BYTES_TEXT(f->url.origin);
    doors->name = BYTES_TEXT("Fake");
    memcpy(doors->broker, identity_party(f->identity), 32);
    memcpy(doors->log_key, f->url.log_key, 32);
    if (atomic_load(&f->other_log_key)) doors->log_key[0] ^= 1;
    memcpy(doors->wire_key, f->url.wire_key, 32);
    doors->trade_port = f->ports[FAKE_TRADE];
    doors->data_port = f->ports[FAKE_DATA];
    doors->tape_port = atomic_load(&f->tape_port);
    doors->now_ms = wall_ms();
    reply->body = doors;
    return true;
}

/* Remembers what was submitted, and whether it was the same bytes each time. */
static void fake_note_submit(struct fake *f, const struct body_q_submit *submit, struct arena *arena)
{
    struct statement st;
    struct bytes bytes;
    const uint8_t *signature;
    if (atomic_fetch_add(&f->n_submits, 1) == 0) {
        memcpy(f->first_submit, submit->envelope.data, submit->envelope.len);
        f->first_submit_len = submit->envelope.len;
    } else if (!bytes_equal(submit->envelope, BYTES(f->first_submit, f->first_submit_len))) {
        atomic_fetch_add(&f->n_other_bytes, 1);
    }
    if (envelope_decode(submit->envelope, arena, &bytes, &signature) != TIDE_OK) return;
    if (statement_decode(bytes, arena, &st) != TIDE_OK) return;
    if (sign_verify(st.party, DOMAIN_STATEMENT, bytes, signature) != TIDE_OK) return;
    pthread_mutex_lock(&f->lock);
    memcpy(f->seen_id, st.command_id, 16);
    if (st.kind == KIND_ORDER) memcpy(&f->seen_order, st.body, sizeof f->seen_order);
    pthread_mutex_unlock(&f->lock);
}

static bool fake_answer(struct fake *f, const struct request *request, struct arena *arena, struct reply *reply)
{
    if (request->verb->verb == VERB_DOORS) return fake_doors(f, arena, reply);
    if (request->verb->verb == VERB_PARTY) {
        struct body_r_party *party = arena_calloc(arena, 1, sizeof *party);
        party->state = atomic_load(&f->party_state);
        party->roles = ROLE_VENDOR | ROLE_BUYER;
        reply->body = party;
        return true;
    }
    if (request->verb->verb == VERB_SUBMIT) fake_note_submit(f, request->body, arena);
    return f->answer(f, request, arena, reply);
}

static void fake_serve(struct fake *f, void *socket)
{
    uint8_t route[64], frame[LIMIT_DATA_FRAME_BYTES];
    struct arena arena;
    struct request request;
    struct bytes out;
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    int route_len = zmq_recv(socket, route, sizeof route, ZMQ_DONTWAIT);
    int len = route_len < 0 ? -1 : zmq_recv(socket, frame, sizeof frame, 0);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
    if (len < 0) return;
    arena_init(&arena, 1u << 20);
    if (len > 0 && len <= (int)sizeof frame && request_decode(BYTES(frame, (size_t)len), &arena, &request) == TIDE_OK) {
        struct reply reply = {.request_id = request.request_id, .text = BYTES_TEXT("")};
        if (fake_answer(f, &request, &arena, &reply) &&
            reply_encode(&reply, request.verb->reply, &arena, &out) == TIDE_OK) {
            pthread_mutex_lock(&f->lock); /* what the answer pointed at is read: whoever has the answer and takes the lock knows */
            pthread_mutex_unlock(&f->lock);
            zmq_send(socket, route, (size_t)route_len, ZMQ_SNDMORE);
            zmq_send(socket, out.data, out.len, 0);
        }
    }
    arena_deinit(&arena);
}

static void *fake_run(void *arg)
{
    struct fake *f = arg;
    while (!atomic_load(&f->stop)) {
        zmq_pollitem_t items[FAKE_DOORS];
        for (unsigned i = 0; i < FAKE_DOORS; i++) items[i] = (zmq_pollitem_t){.socket = f->sockets[i], .events = ZMQ_POLLIN};
        if (zmq_poll(items, FAKE_DOORS, 20) == 0) atomic_fetch_add(&f->n_idle, 1);
        for (unsigned i = 0; i < FAKE_DOORS; i++) {
            if (items[i].revents != 0) fake_serve(f, f->sockets[i]);
        }
    }
    return NULL;
}

static bool fake_start(struct fake *f, bool (*answer)(struct fake *f, const struct request *request,
                                                      struct arena *arena, struct reply *reply))
{
    memset(f, 0, sizeof *f);
    f->answer = answer;
    pthread_mutex_init(&f->lock, NULL);
    atomic_store(&f->party_state, PARTY_ACTIVE);
    if (crypto_init() != TIDE_OK || identity_new(&f->identity) != TIDE_OK) return false;
    f->context = zmq_ctx_new();
    for (unsigned i = 0; i < FAKE_DOORS; i++) {
        char endpoint[64];
        size_t len = sizeof endpoint;
        int one = 1, zero = 0;
        f->sockets[i] = zmq_socket(f->context, ZMQ_ROUTER);
        zmq_setsockopt(f->sockets[i], ZMQ_LINGER, &zero, sizeof zero);
        zmq_setsockopt(f->sockets[i], ZMQ_CURVE_SERVER, &one, sizeof one);
        zmq_setsockopt(f->sockets[i], ZMQ_CURVE_SECRETKEY, identity_wire_secret(f->identity), 32);
        if (zmq_bind(f->sockets[i], "tcp://127.0.0.1:*") != 0) return false;
        zmq_getsockopt(f->sockets[i], ZMQ_LAST_ENDPOINT, endpoint, &len);
        f->ports[i] = (uint16_t)atoi(strrchr(endpoint, ':') + 1);
    }
    snprintf(f->url.host, sizeof f->url.host, "127.0.0.1");
    snprintf(f->url.origin, sizeof f->url.origin, "example.test/fake");
    f->url.port = f->ports[FAKE_LOBBY];
    memset(f->url.market, 7, 32);
    memcpy(f->url.log_key, identity_log_public(f->identity), 32);
    memcpy(f->url.wire_key, identity_wire_public(f->identity), 32);
    market_url_format(&f->url, f->url_text);
    return pthread_create(&f->thread, NULL, fake_run, f) == 0;
}

/* Waits until what was asked by those who are gone is answered. */
static inline void fake_settle(struct fake *f)
{
    unsigned idle = atomic_load(&f->n_idle);
    while (atomic_load(&f->n_idle) < idle + 2) zmq_poll(NULL, 0, 5);
}

static void fake_stop(struct fake *f)
{
    atomic_store(&f->stop, true);
    pthread_join(f->thread, NULL);
    for (unsigned i = 0; i < FAKE_DOORS; i++) zmq_close(f->sockets[i]);
    zmq_ctx_term(f->context);
    identity_free(&f->identity);
}

#endif
