/*
 * The ZAP handler's thread: one REP socket on inproc://zeromq.zap.01, and an eventfd that ends it. Requests come from
 * libzmq itself, still anything that does not look like RFC 27 is answered with 400.
 *
 * Always holds: a key is let in only if the policy says so; the user id is the key, so that a message's sender is
 * known by something the peer had to prove.
 */
#include "broker/server/zap.h"

#include "broker/server/text.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"

struct zap {
    void *socket;
    int stop_fd;
    pthread_t thread;
    zap_policy policy;
    void *ctx;
};

/* The frames of a request, in their order. */
enum part { PART_VERSION, PART_REQUEST, PART_DOMAIN, PART_ADDRESS, PART_IDENTITY, PART_MECHANISM, PART_KEY, PART_N };

struct zap_request {
    size_t len[PART_N];
    uint8_t data[PART_N][256];
    size_t n_parts;
    bool too_long;
};

static bool receive_request(struct zap *z, struct zap_request *r)
{
    memset(r, 0, sizeof *r);
    int more = 1;
    while (more) {
        uint8_t part[256];
        int len = zmq_recv(z->socket, part, sizeof part, r->n_parts == 0 ? ZMQ_DONTWAIT : 0);
        if (len < 0) return false;
        if (len > (int)sizeof part || r->n_parts >= PART_N) {
            r->too_long = true;
        } else {
            memcpy(r->data[r->n_parts], part, (size_t)len);
            r->len[r->n_parts++] = (size_t)len;
        }
        size_t size = sizeof more;
        if (zmq_getsockopt(z->socket, ZMQ_RCVMORE, &more, &size) != 0) return false;
    }
    return true;
}

static bool part_is(const struct zap_request *r, enum part part, const char *text)
{
    return bytes_equal(BYTES(r->data[part], r->len[part]), BYTES_TEXT(text));
}

static bool admitted(struct zap *z, const struct zap_request *r)
{
    if (r->too_long || r->n_parts != PART_N || !part_is(r, PART_VERSION, "1.0")) return false;
    if (!part_is(r, PART_MECHANISM, "CURVE") || r->len[PART_KEY] != 32) return false;
    char door[32];
    size_t len = r->len[PART_DOMAIN];
    if (len == 0 || len >= sizeof door || memchr(r->data[PART_DOMAIN], 0, len)) return false;
    memcpy(door, r->data[PART_DOMAIN], len);
    door[len] = '\0';
    return z->policy(z->ctx, door, r->data[PART_KEY]);
}

static void send_text(struct zap *z, const char *text, bool more)
{
    /* REP answers an inproc peer that just asked: this neither blocks nor fails while the context lives. */
    (void)zmq_send(z->socket, text, strlen(text), more ? ZMQ_SNDMORE : 0);
}

static void answer(struct zap *z, const struct zap_request *r)
{
    bool yes = admitted(z, r);
    char user_id[65] = "";
    if (yes) text_hex(r->data[PART_KEY], 32, user_id);
    send_text(z, "1.0", true);
    (void)zmq_send(z->socket, r->data[PART_REQUEST], r->len[PART_REQUEST], ZMQ_SNDMORE);
    send_text(z, yes ? "200" : "400", true);
    send_text(z, yes ? "OK" : "not admitted here", true);
    send_text(z, user_id, true);
    send_text(z, "", false);
}

static void *zap_thread(void *ctx)
{
    struct zap *z = ctx;
    zmq_pollitem_t items[] = {{.socket = z->socket, .events = ZMQ_POLLIN}, {.fd = z->stop_fd, .events = ZMQ_POLLIN}};
    for (;;) {
        if (zmq_poll(items, 2, -1) < 0 && errno != EINTR) break;
        if (items[1].revents) break;
        struct zap_request request;
        while (receive_request(z, &request)) answer(z, &request);
    }
    return NULL;
}

enum tide_err zap_start(void *zmq_context, zap_policy policy, void *ctx, struct zap **out)
{
    *out = NULL;
    struct zap *z = calloc(1, sizeof *z);
    if (!z) return TIDE_ENOMEM;
    *z = (struct zap){.policy = policy, .ctx = ctx, .stop_fd = eventfd(0, EFD_CLOEXEC)};
    enum tide_err err = TIDE_ENOMEM;
    int zero = 0;
    z->socket = zmq_socket(zmq_context, ZMQ_REP);
    if (!z->socket || z->stop_fd < 0) goto fail;
    zmq_setsockopt(z->socket, ZMQ_LINGER, &zero, sizeof zero);
    err = TIDE_EBUSY;
    if (zmq_bind(z->socket, ZAP_ENDPOINT) != 0) goto fail;
    err = TIDE_ENOMEM;
    if (pthread_create(&z->thread, NULL, zap_thread, z) != 0) goto fail;
    *out = z;
    return TIDE_OK;
fail:
    if (z->socket) zmq_close(z->socket);
    if (z->stop_fd >= 0) close(z->stop_fd);
    free(z);
    return err;
}

void zap_stop(struct zap **z)
{
    if (!*z) return;
    uint64_t one = 1;
    ASSERT(write((*z)->stop_fd, &one, sizeof one) == (ssize_t)sizeof one);
    pthread_join((*z)->thread, NULL);
    zmq_close((*z)->socket);
    close((*z)->stop_fd);
    free(*z);
    *z = NULL;
}
