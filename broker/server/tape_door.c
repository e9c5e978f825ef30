/*
 * The tape's socket (tape_door.h). Every option is set explicitly, as for the other doors.
 */
#include "broker/server/tape_door.h"

#include "broker/server/door_socket.h"
#include "broker/server/door_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <zmq.h>

/*
 * Subscriptions are a few bytes, but this counts the frames of the handshake too. The watch then gives a connection
 * 64 KiB of subscriptions in all.
 */
#define FRAME_MAX 1024
#define SUBSCRIPTIONS_WAITING 16
#define TAKE_MAX 256 /* subscriptions a round */

struct tape_door {
    void *socket;
    struct door_watch *watch;
    uint16_t port;
};

static bool set_options(void *socket, const struct tape_door_options *o)
{
    return door_socket_set_curve(socket, "tape", o->wire_secret) && door_socket_set_limits(socket, FRAME_MAX, o->listen) &&
           door_socket_set(socket, ZMQ_RCVHWM, SUBSCRIPTIONS_WAITING) && door_socket_set(socket, ZMQ_SNDHWM, TAPE_BACKLOG) &&
           door_socket_set(socket, ZMQ_XPUB_NODROP, 0) && door_socket_set(socket, ZMQ_XPUB_VERBOSE, 1) &&
           door_socket_set(socket, ZMQ_LINGER, 0);
}

enum tide_err tape_door_open(void *zmq_context, const struct tape_door_options *options, struct tape_door **out)
{
    *out = NULL;
    struct tape_door *d = calloc(1, sizeof *d);
    if (d == NULL) return TIDE_ENOMEM;
    d->socket = zmq_socket(zmq_context, ZMQ_XPUB);
    enum tide_err err = d->socket == NULL ? TIDE_ENOMEM : TIDE_EINVAL;
    if (d->socket != NULL && set_options(d->socket, options) && door_socket_set_io(zmq_context, d->socket, false)) err = TIDE_OK;
    /* Nothing is ever counted as delivered: what a connection may send in its life is the watch's allowance. */
    if (err == TIDE_OK) err = door_watch_open(zmq_context, d->socket, "tape", 0, 0, &d->watch);
    if (err == TIDE_OK) err = door_socket_bind(d->socket, options->listen, options->port, &d->port);
    if (err == TIDE_OK) err = door_watch_start(d->watch, d->port);
    if (err != TIDE_OK) tape_door_close(&d);
    *out = d;
    return err;
}

void tape_door_close(struct tape_door **d)
{
    if (*d == NULL) return;
    door_watch_close(&(*d)->watch);
    if ((*d)->socket != NULL) zmq_close((*d)->socket);
    free(*d);
    *d = NULL;
}

uint16_t tape_door_port(const struct tape_door *d)
{
    return d->port;
}

void *tape_door_socket(struct tape_door *d)
{
    return d->socket;
}

bool tape_door_take(struct tape_door *d)
{
    bool subscribed = false;
    uint8_t first[1];

    door_reads_begin();
    for (size_t i = 0; i < TAKE_MAX; i++) {
        int len = zmq_recv(d->socket, first, sizeof first, ZMQ_DONTWAIT);
        if (len < 0 && errno == EINTR) continue;
        if (len < 0) break;
        if (len > 0 && first[0] == 1) subscribed = true;
    }
    door_reads_end();
    return subscribed;
}

bool tape_door_has_peers(const struct tape_door *d)
{
    return door_watch_sees_peers(d->watch);
}

enum tide_err tape_door_send(struct tape_door *d, struct bytes message)
{
    int sent;
    do sent = zmq_send(d->socket, message.data, message.len, ZMQ_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? TIDE_EIO : TIDE_OK;
}
