/*
 * One ROUTER socket with CURVE, as every door uses it: options set explicitly, one frame a message, the peer known by
 * the key that ZAP put on the frame. Policy (who is let in) is the ZAP handler's (zap.h); what a frame means is the
 * caller's.
 *
 * Always holds: a message of more than one payload frame, without a user id or over the frame limit is dropped before
 * anyone sees it; so is one from a peer that chose its routing id itself, since only ids that libzmq makes are never
 * given twice, and a reply must not reach whoever comes later under the same name. A peer costs memory for
 * `backlog_messages` frames of `frame_max`, not more: one whose message does not end is cut (door_watch.h).
 */
#ifndef TIDEMARK_BROKER_DOOR_H
#define TIDEMARK_BROKER_DOOR_H

#include "crypto/base.h"

#define DOOR_ROUTE_MAX 8 /* routing ids that libzmq makes are 5 bytes */

struct door_options {
    const char *name;          /* ZAP domain: "lobby", "trade", "data", "audit" */
    const char *listen;        /* address, e.g. 127.0.0.1 */
    uint16_t port;             /* 0: a free one */
    size_t frame_max;
    int backlog_messages;      /* receive and send high-water mark a peer */
    int reply_backlog_messages; /* send high-water mark, where it differs; 0: backlog_messages */
    const uint8_t *wire_secret; /* 32 bytes */
    bool bulk;                 /* gigabytes: door_socket_set_io */
};

struct door;

/* A message from a peer. `data` lies in the door's buffer until the next door_receive. */
struct door_message {
    uint8_t route[DOOR_ROUTE_MAX];
    size_t route_len;
    uint8_t wire_key[32]; /* the peer's CURVE key, from ZAP */
    int fd;               /* its connection's descriptor, to look at: it may be closed, or another's, by now */
    struct bytes data;
};

/* Binds. Start the ZAP handler of `zmq_context` first. TIDE_EBUSY: the port is taken. */
MUST_USE enum tide_err door_open(void *zmq_context, const struct door_options *options, struct door **out);
void door_close(struct door **d);

/* The port it is bound to, and its socket for zmq_poll. */
uint16_t door_port(const struct door *d);
void *door_socket(struct door *d);

/* The next good message; TIDE_ENOTFOUND when nothing is waiting. */
MUST_USE enum tide_err door_receive(struct door *d, struct door_message *out);

/* Sends without waiting. TIDE_ENOTFOUND: the peer is gone; TIDE_EBUSY: it does not read (its replies are dropped). */
MUST_USE enum tide_err door_send(struct door *d, const uint8_t *route, size_t route_len, struct bytes data);

/* Messages dropped, and connections cut, so far. */
uint64_t door_dropped(const struct door *d);
uint64_t door_cut(const struct door *d);

#endif
