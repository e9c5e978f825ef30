/*
 * The tape's socket: XPUB with CURVE. Who is let in is the ZAP handler's policy (zap.h, domain "tape").
 *
 * Always holds: sending never waits; a subscriber that does not read loses messages and costs memory for
 * TAPE_BACKLOG of them. What subscribers send is thrown away but for the fact that one of them subscribed, and who
 * sends more than a few subscriptions is cut (door_watch.h).
 */
#ifndef TIDEMARK_BROKER_TAPE_DOOR_H
#define TIDEMARK_BROKER_TAPE_DOOR_H

#include "crypto/base.h"

#define TAPE_BACKLOG 128 /* messages that wait for a subscriber */

struct tape_door;

struct tape_door_options {
    const char *listen;
    uint16_t port;              /* 0: a free one */
    const uint8_t *wire_secret; /* 32 bytes */
};

/* Binds. Start the ZAP handler of `zmq_context` first. TIDE_EBUSY: the port is taken. */
MUST_USE enum tide_err tape_door_open(void *zmq_context, const struct tape_door_options *options,
                                      struct tape_door **out);
void tape_door_close(struct tape_door **d);

uint16_t tape_door_port(const struct tape_door *d);
void *tape_door_socket(struct tape_door *d);

/* Takes what subscribers sent, as much as is there and a round may; true: somebody subscribed. */
bool tape_door_take(struct tape_door *d);

/* Whether anybody is connected; late by some 25 ms. */
bool tape_door_has_peers(const struct tape_door *d);

/* To all subscribers. TIDE_EIO. */
MUST_USE enum tide_err tape_door_send(struct tape_door *d, struct bytes message);

#endif
