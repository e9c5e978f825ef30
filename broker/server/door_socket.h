/*
 * What every door's socket is set to, whatever its type: CURVE behind ZAP, limits on frames and silence, where it
 * listens.
 */
#ifndef TIDEMARK_BROKER_DOOR_SOCKET_H
#define TIDEMARK_BROKER_DOOR_SOCKET_H

#include "crypto/base.h"

/* An int option of libzmq's; false: refused. */
bool door_socket_set(void *socket, int option, int value);

/*
 * libzmq's threads that encrypt, send and receive: a context may have two. Gigabytes go through one of their own, so that no order
 * waits until somebody's chunks are encrypted. With one thread in the context everything goes through it.
 */
#define DOOR_IO_THREADS 2
bool door_socket_set_io(void *zmq_context, void *socket, bool bulk);

/* Makes it a CURVE server whose peers the ZAP handler admits under the domain `name`. */
bool door_socket_set_curve(void *socket, const char *name, const uint8_t wire_secret[32]);

/* Frames of at most `frame_max` bytes; who does not shake hands or falls silent is cut; backlog; IPv6 if need be. */
bool door_socket_set_limits(void *socket, size_t frame_max, const char *listen);

/* Binds to `listen` and `port` (0: a free one); *bound is the port it got. TIDE_EBUSY: taken. */
MUST_USE enum tide_err door_socket_bind(void *socket, const char *listen, uint16_t port, uint16_t *bound);

/*
 * libzmq is not instrumented: to ThreadSanitizer what its threads wrote looks unsynchronized. Between these two calls
 * what was received is copied out with reads ignored, so that everything behind the door can be checked. They do
 * nothing in other builds.
 */
#ifdef __SANITIZE_THREAD__
#define DOOR_COPIES_OUT 1
#else
#define DOOR_COPIES_OUT 0
#endif
void door_reads_begin(void);
void door_reads_end(void);

#endif
