/*
 * Cuts peers of a door whose unfinished messages pile up. libzmq hands out whole messages only and keeps the frames of
 * one that does not end to itself, without bound: ZMQ_MAXMSGSIZE counts a frame, the high-water mark counts messages.
 * What it holds for a connection is seen from outside: the bytes it has read from the socket (TCP_INFO, less what the
 * kernel still has) minus the bytes of the frames that the door was given. An honest peer, however much it sends and
 * however slow the door, stays within its high-water mark; whoever is further ahead is cut.
 *
 * Always holds: a connection costs at most the allowance and what comes in between two looks, LOOK_MS apart; it counts
 * from its own start, also when it has the descriptor of an earlier one.
 * Not here: how many connections there are, and the memory of all of them together (descriptors, and the process's
 * limit, bound those).
 */
#ifndef TIDEMARK_BROKER_DOOR_WATCH_H
#define TIDEMARK_BROKER_DOOR_WATCH_H

#include "crypto/base.h"

struct door_watch;

/*
 * Begins to note who connects to `socket`, a CURVE server that is not yet bound and outlives the watch. `door` is
 * its name in the log; `frame_max` and `backlog_messages` are its limits, which give the allowance. TIDE_ENOMEM.
 */
MUST_USE enum tide_err door_watch_open(void *zmq_context, void *socket, const char *door, size_t frame_max,
                                       int backlog_messages, struct door_watch **out);

/* Starts the thread that looks, once the socket is bound to `port`. TIDE_ENOMEM: there is no thread to be had. */
MUST_USE enum tide_err door_watch_start(struct door_watch *w, uint16_t port);

/* Ends the thread. Before the socket is closed, on the thread that uses it. */
void door_watch_close(struct door_watch **w);

/* A frame of `len` bytes, good or not, was received from the connection with that descriptor (ZMQ_SRCFD; -1: none). */
void door_watch_delivered(struct door_watch *w, int fd, size_t len);

/* Whether anybody is connected; late by a look. Any thread. */
bool door_watch_sees_peers(const struct door_watch *w);

/* Connections cut so far. Any thread. */
uint64_t door_watch_n_cut(const struct door_watch *w);

#endif
