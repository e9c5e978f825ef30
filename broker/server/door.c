/*
 * A door: ROUTER, CURVE, every option set (door.h says what it promises). What a peer may cost is bounded by the
 * high-water marks and ZMQ_MAXMSGSIZE, and for messages that do not end, which libzmq keeps to itself, by the watch
 * (door_watch.h), which is told of every frame that comes out.
 *
 * One thread uses a door, from door_receive to door_close.
 */
#include "broker/server/door.h"

#include "broker/server/door_socket.h"
#include "broker/server/door_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <zmq.h>

#define LINGER_MS 2000        /* replies that were sent get this long to leave when the door closes */
#define GENERATED_ROUTE_LEN 5 /* a zero byte and a counter: libzmq's own routing ids */

struct door {
    void *socket;
    struct door_watch *watch;
    uint16_t port;
    size_t frame_max;
    zmq_msg_t message; /* the one door_receive gave out */
    uint8_t *copy;     /* of its payload; NULL unless DOOR_COPIES_OUT */
    uint64_t dropped;
};

static bool set_options(void *socket, const struct door_options *o)
{
    int reply_backlog = o->reply_backlog_messages ? o->reply_backlog_messages : o->backlog_messages;
    return door_socket_set_curve(socket, o->name, o->wire_secret) &&
           door_socket_set_limits(socket, o->frame_max, o->listen) &&
           door_socket_set(socket, ZMQ_ROUTER_MANDATORY, 1) &&
           door_socket_set(socket, ZMQ_ROUTER_HANDOVER, 0) &&
           door_socket_set(socket, ZMQ_RCVHWM, o->backlog_messages) &&
           door_socket_set(socket, ZMQ_SNDHWM, reply_backlog) &&
           door_socket_set(socket, ZMQ_LINGER, LINGER_MS);
}

enum tide_err door_open(void *zmq_context, const struct door_options *options, struct door **out)
{
    *out = NULL;
    struct door *d = calloc(1, sizeof *d);
    if (!d) return TIDE_ENOMEM;
    d->frame_max = options->frame_max;
    zmq_msg_init(&d->message);
    enum tide_err err = TIDE_ENOMEM;
    if (DOOR_COPIES_OUT) d->copy = malloc(d->frame_max);
    d->socket = zmq_socket(zmq_context, ZMQ_ROUTER);
    if (!d->socket || (DOOR_COPIES_OUT && !d->copy)) goto fail;
    err = TIDE_EINVAL;
    if (!set_options(d->socket, options) || !door_socket_set_io(zmq_context, d->socket, options->bulk)) goto fail;
    err = door_watch_open(zmq_context, d->socket, options->name, options->frame_max, options->backlog_messages, &d->watch);
    if (!err) err = door_socket_bind(d->socket, options->listen, options->port, &d->port);
    if (!err) err = door_watch_start(d->watch, d->port);
    if (err) goto fail;
    *out = d;
    return TIDE_OK;
fail:
    door_close(&d);
    return err;
}

void door_close(struct door **d)
{
    if (!*d) return;
    zmq_msg_close(&(*d)->message);
    door_watch_close(&(*d)->watch);
    if ((*d)->socket) zmq_close((*d)->socket);
    free((*d)->copy);
    free(*d);
    *d = NULL;
}

uint16_t door_port(const struct door *d)
{
    return d->port;
}

void *door_socket(struct door *d)
{
    return d->socket;
}

uint64_t door_dropped(const struct door *d)
{
    return __atomic_load_n(&d->dropped, __ATOMIC_RELAXED);
}

uint64_t door_cut(const struct door *d)
{
    return door_watch_n_cut(d->watch);
}

/* Receives one frame into `message`; false when nothing is there (or the context ends). */
static bool receive_frame(struct door *d, zmq_msg_t *message)
{
    int received;
    do received = zmq_msg_recv(message, d->socket, ZMQ_DONTWAIT);
    while (received < 0 && errno == EINTR);
    if (received < 0) return false;
    /* A frame that came over the wire knows its connection; the routing id, which libzmq puts before it, does not. */
    door_watch_delivered(d->watch, zmq_msg_get(message, ZMQ_SRCFD), (size_t)received);
    return true;
}

/* The rest of a message with too many frames, one at a time through the same buffer. */
static void drain_message(struct door *d)
{
    while (zmq_msg_more(&d->message) && receive_frame(d, &d->message)) {}
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

/* The peer's CURVE key as the ZAP handler wrote it. It is on the payload frame, never on the routing id's. */
static bool read_user_id(zmq_msg_t *message, uint8_t wire_key[32])
{
    const char *text = zmq_msg_gets(message, "User-Id");
    if (!text || strlen(text) != 64) return false;
    for (size_t i = 0; i < 32; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        wire_key[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static struct bytes payload(struct door *d)
{
    struct bytes data = BYTES(zmq_msg_data(&d->message), zmq_msg_size(&d->message));
    if (!DOOR_COPIES_OUT) return data;
    memcpy(d->copy, data.data, data.len);
    return BYTES(d->copy, data.len);
}

/* Reads one whole message; false: it was a bad one and is gone. */
static bool take_message(struct door *d, struct door_message *out)
{
    door_reads_begin();
    const uint8_t *route = zmq_msg_data(&d->message);
    size_t route_len = zmq_msg_size(&d->message);
    bool good = route_len == GENERATED_ROUTE_LEN && route[0] == 0 && zmq_msg_more(&d->message);
    if (good) {
        memcpy(out->route, route, route_len);
        out->route_len = route_len;
        good = receive_frame(d, &d->message);
    }
    good = good && !zmq_msg_more(&d->message) && zmq_msg_size(&d->message) <= d->frame_max &&
           read_user_id(&d->message, out->wire_key);
    if (good) out->fd = zmq_msg_get(&d->message, ZMQ_SRCFD);
    drain_message(d);
    if (good) out->data = payload(d);
    door_reads_end();
    return good;
}

enum tide_err door_receive(struct door *d, struct door_message *out)
{
    memset(out, 0, sizeof *out);
    while (receive_frame(d, &d->message)) {
        if (take_message(d, out)) return TIDE_OK;
        __atomic_fetch_add(&d->dropped, 1, __ATOMIC_RELAXED);
    }
    memset(out, 0, sizeof *out);
    return TIDE_ENOTFOUND;
}

enum tide_err door_send(struct door *d, const uint8_t *route, size_t route_len, struct bytes data)
{
    int sent;
    do sent = zmq_send(d->socket, route, route_len, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) return errno == EAGAIN ? TIDE_EBUSY : errno == EHOSTUNREACH ? TIDE_ENOTFOUND : TIDE_EIO;
    do sent = zmq_send(d->socket, data.data, data.len, ZMQ_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? TIDE_EIO : TIDE_OK;
}
