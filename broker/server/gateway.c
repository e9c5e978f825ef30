/*
 * The gateway (gateway.h): one loop over the trade door and the queue of replies.
 *
 * Always holds: at most n_jobs messages are inside, together at most FRAME_BYTES_MAX long, no more than half of them
 * from one peer; what is over that is answered BUSY from here and costs nobody else anything. A job is in the pool, or
 * on its way through the threads.
 */
#include "broker/server/gateway.h"

#include "broker/server/log.h"
#include "broker/server/query.h"
#include "crypto/sign.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#define ROUND 64                     /* messages, and replies, of one round of the loop */
#define FRAME_BYTES_MAX (64u << 20)  /* of all messages inside: decoded they need some five times that */
#define ARENA_KEEP (32u << 10)       /* a pooled job keeps so much memory at most */
#define PEER_BUCKETS 4096u           /* power of two */

enum stopping { GO_ON, DRAIN, ABANDON };

struct gateway {
    struct gateway_options o;
    struct job *jobs, *pool;
    size_t n_inside, bytes_inside;
    uint64_t n_lost;                    /* replies that could not be sent */
    uint32_t peer_inside[PEER_BUCKETS]; /* jobs inside by peer; two peers in one bucket share */
    uint64_t bucket_salt;
    struct arena refusals;
    pthread_t thread;
    int stop_fd;
    enum stopping stopping; /* atomic */
};

static uint32_t *bucket_of(struct gateway *g, const uint8_t wire_key[32])
{
    uint64_t mixed = (be64_get(wire_key) ^ g->bucket_salt) * UINT64_C(0x9e3779b97f4a7c15);
    return &g->peer_inside[mixed >> 52];
}

/* ---- jobs ---- */

static struct job *job_take(struct gateway *g, const struct door_message *message)
{
    struct job *job = g->pool;
    struct bytes frame = arena_copy(&job->arena, message->data);
    if (!frame.data) return NULL;
    g->pool = job->next;
    job->kind = JOB_REQUEST;
    memcpy(job->route, message->route, sizeof job->route);
    job->route_len = message->route_len;
    memcpy(job->wire_key, message->wire_key, 32);
    job->frame = frame;
    memset(&job->request, 0, sizeof job->request);
    job->reply = BYTES(NULL, 0);
    g->n_inside++;
    g->bytes_inside += frame.len;
    ++*bucket_of(g, job->wire_key);
    return job;
}

static void job_give_back(struct gateway *g, struct job *job)
{
    g->n_inside--;
    g->bytes_inside -= job->frame.len;
    --*bucket_of(g, job->wire_key);
    if (job->arena.total > ARENA_KEEP) arena_deinit(&job->arena);
    else arena_reset(&job->arena);
    job->next = g->pool;
    g->pool = job;
}

/* A peer that left, or that does not read, loses its reply; a statement's outcome can be asked for again. */
static void send_reply(struct gateway *g, const uint8_t *route, size_t route_len, struct bytes reply)
{
    if (door_send(g->o.door, route, route_len, reply) != TIDE_OK) g->n_lost++;
}

/* ---- in ---- */

static void refuse_message(struct gateway *g, const struct door_message *message, enum outcome code)
{
    struct request request;
    struct reply reply;
    struct bytes encoded;
    arena_reset(&g->refusals);
    if (request_decode(message->data, &g->refusals, &request) != TIDE_OK) code = OUTCOME_MALFORMED;
    reply_refuse(&reply, request.request_id, code, NULL);
    if (reply_encode(&reply, &schema_r_none, &g->refusals, &encoded) != TIDE_OK) return;
    send_reply(g, message->route, message->route_len, encoded);
}

static bool has_room(struct gateway *g, const struct door_message *message)
{
    return g->pool && g->bytes_inside + message->data.len <= FRAME_BYTES_MAX &&
           *bucket_of(g, message->wire_key) < (g->o.n_jobs + 1) / 2;
}

/* The place that keeps the order comes first: without one the message is not taken. */
static struct job *accept_message(struct gateway *g, const struct door_message *message)
{
    uint64_t place;
    if (!has_room(g, message) || !queue_reserve(g->o.inbox, &place)) return NULL;
    struct job *job = job_take(g, message);
    if (job) job->place = place;
    else queue_fill(g->o.inbox, place, NULL);
    return job;
}

/* A message alone in the broker is examined here: nobody waits for this thread, and waking another takes longer. */
static void hand_over(struct gateway *g, void *const *jobs, size_t n)
{
    if (g->n_inside == 1 && verifiers_examine_here(g->o.verifiers, jobs[0])) return;
    ASSERT(queue_push(g->o.work, jobs, n)); /* it has room for every job there is */
}

static size_t take_in(struct gateway *g, enum stopping stopping)
{
    void *jobs[ROUND];
    size_t n = 0, n_jobs = 0;
    struct door_message message;
    while (n < ROUND && door_receive(g->o.door, &message) == TIDE_OK) {
        n++;
        struct job *job = stopping == GO_ON ? accept_message(g, &message) : NULL;
        if (job) jobs[n_jobs++] = job;
        else refuse_message(g, &message, stopping == GO_ON ? OUTCOME_BUSY : OUTCOME_STOPPING);
    }
    if (n_jobs > 0) hand_over(g, jobs, n_jobs);
    return n;
}

/* ---- out ---- */

static size_t send_out(struct gateway *g)
{
    void *jobs[ROUND];
    size_t n = queue_pop(g->o.replies, jobs, ROUND, 0);
    for (size_t i = 0; i < n; i++) {
        struct job *job = jobs[i];
        if (job->reply.len > 0) send_reply(g, job->route, job->route_len, job->reply);
        job_give_back(g, job);
    }
    return n;
}

/* ---- the loop ---- */

/* Sleeps until a message, a reply or the word to stop is there. */
static void wait_for_work(struct gateway *g)
{
    if (queue_watch(g->o.replies)) return;
    zmq_pollitem_t items[] = {
        {.socket = door_socket(g->o.door), .events = ZMQ_POLLIN},
        {.fd = queue_fd(g->o.replies), .events = ZMQ_POLLIN},
        {.fd = g->stop_fd, .events = ZMQ_POLLIN},
    };
    (void)zmq_poll(items, 3, -1); /* interrupted: the loop looks again */
    queue_unwatch(g->o.replies);
    uint64_t value;
    if (items[2].revents) (void)!read(g->stop_fd, &value, sizeof value);
}

static void *gateway_thread(void *ctx)
{
    struct gateway *g = ctx;
    for (;;) {
        enum stopping stopping = __atomic_load_n(&g->stopping, __ATOMIC_ACQUIRE);
        if (stopping == ABANDON || (stopping == DRAIN && g->n_inside == 0)) break;
        size_t done = take_in(g, stopping);
        done += send_out(g);
        if (done == 0) wait_for_work(g);
    }
    return NULL;
}

static enum tide_err make_jobs(struct gateway *g)
{
    g->jobs = calloc(g->o.n_jobs, sizeof *g->jobs);
    if (!g->jobs) return TIDE_ENOMEM;
    for (size_t i = g->o.n_jobs; i > 0; i--) {
        struct job *job = &g->jobs[i - 1];
        arena_init(&job->arena, JOB_ARENA_CAP);
        job->next = g->pool;
        g->pool = job;
    }
    return TIDE_OK;
}

enum tide_err gateway_start(const struct gateway_options *options, struct gateway **out)
{
    *out = NULL;
    struct gateway *g = calloc(1, sizeof *g);
    if (!g) return TIDE_ENOMEM;
    g->o = *options;
    arena_init(&g->refusals, JOB_ARENA_CAP);
    random_bytes(&g->bucket_salt, sizeof g->bucket_salt);
    g->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum tide_err err = g->stop_fd < 0 ? TIDE_ENOMEM : make_jobs(g);
    if (!err && pthread_create(&g->thread, NULL, gateway_thread, g) != 0) err = TIDE_ENOMEM;
    if (err) gateway_free(&g);
    *out = g;
    return err;
}

static void tell(struct gateway *g)
{
    uint64_t one = 1;
    ASSERT(write(g->stop_fd, &one, sizeof one) == (ssize_t)sizeof one);
}

void gateway_abandon(struct gateway *g)
{
    __atomic_store_n(&g->stopping, ABANDON, __ATOMIC_RELEASE);
    tell(g);
}

void gateway_stop(struct gateway *g)
{
    enum stopping expected = GO_ON; /* abandoned stays abandoned */
    __atomic_compare_exchange_n(&g->stopping, &expected, DRAIN, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    tell(g);
    pthread_join(g->thread, NULL);
    if (g->n_lost > 0) log_event(LOG_LEVEL_INFO, "replies_lost", "n=%llu", (unsigned long long)g->n_lost);
}

void gateway_free(struct gateway **g)
{
    if (!*g) return;
    for (size_t i = 0; (*g)->jobs && i < (*g)->o.n_jobs; i++) arena_deinit(&(*g)->jobs[i].arena);
    arena_deinit(&(*g)->refusals);
    free((*g)->jobs);
    if ((*g)->stop_fd >= 0) close((*g)->stop_fd);
    free(*g);
    *g = NULL;
}
