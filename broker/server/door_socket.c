/*
 * The options and the address of a door's socket (door_socket.h).
 */
#include "broker/server/door_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93 /* in libzmq since 4.3, in its header only for drafts */
#endif

#define CURVE_OVERHEAD 33  /* "MESSAGE" and its length, nonce, MAC, flags: ZMQ_MAXMSGSIZE counts them too */
#define HANDSHAKE_MS 2000  /* a peer that has not shaken hands by then is cut */
#define HEARTBEAT_MS 10000 /* ping when silent … */
#define SILENCE_MS 30000   /* … and cut when there is no answer */
#define ACCEPT_BACKLOG 1024

#ifdef __SANITIZE_THREAD__
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
#else
#define AnnotateIgnoreReadsBegin(file, line) ((void)0)
#define AnnotateIgnoreReadsEnd(file, line) ((void)0)
#endif

void door_reads_begin(void)
{
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
}

void door_reads_end(void)
{
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}

bool door_socket_set(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

bool door_socket_set_io(void *zmq_context, void *socket, bool bulk)
{
    uint64_t threads = bulk && zmq_ctx_get(zmq_context, ZMQ_IO_THREADS) >= DOOR_IO_THREADS ? 2 : 1; /* one bit a thread */
    return zmq_setsockopt(socket, ZMQ_AFFINITY, &threads, sizeof threads) == 0;
}

bool door_socket_set_curve(void *socket, const char *name, const uint8_t wire_secret[32])
{
    return door_socket_set(socket, ZMQ_CURVE_SERVER, 1) &&
           zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, wire_secret, 32) == 0 &&
           zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, name, strlen(name)) == 0 &&
           door_socket_set(socket, ZMQ_ZAP_ENFORCE_DOMAIN, 1);
}

bool door_socket_set_limits(void *socket, size_t frame_max, const char *listen)
{
    int64_t message_max = (int64_t)frame_max + CURVE_OVERHEAD;
    return zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &message_max, sizeof message_max) == 0 &&
           door_socket_set(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) &&
           door_socket_set(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS) &&
           door_socket_set(socket, ZMQ_HEARTBEAT_TIMEOUT, SILENCE_MS) &&
           door_socket_set(socket, ZMQ_HEARTBEAT_TTL, SILENCE_MS) &&
           door_socket_set(socket, ZMQ_BACKLOG, ACCEPT_BACKLOG) &&
           door_socket_set(socket, ZMQ_IPV6, strchr(listen, ':') != NULL);
}

static enum tide_err bind_err(int error)
{
    switch (error) {
    case EADDRINUSE: return TIDE_EBUSY;
    case EACCES: return TIDE_EDENIED;
    case EMFILE: return TIDE_ENOMEM;
    case EADDRNOTAVAIL: case ENODEV: case EINVAL: return TIDE_EINVAL;
    default: return TIDE_EIO;
    }
}

enum tide_err door_socket_bind(void *socket, const char *listen, uint16_t port, uint16_t *bound)
{
    char endpoint[128], port_text[8] = "*";

    *bound = 0;
    if (port) snprintf(port_text, sizeof port_text, "%u", port);
    bool v6 = strchr(listen, ':') != NULL;
    int len = snprintf(endpoint, sizeof endpoint, v6 ? "tcp://[%s]:%s" : "tcp://%s:%s", listen, port_text);
    if (len < 0 || (size_t)len >= sizeof endpoint) return TIDE_EINVAL;
    if (zmq_bind(socket, endpoint) != 0) return bind_err(errno);

    size_t endpoint_len = sizeof endpoint;
    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &endpoint_len) != 0) return TIDE_EIO;
    const char *colon = strrchr(endpoint, ':');
    unsigned long number = colon ? strtoul(colon + 1, NULL, 10) : 0;
    if (number == 0 || number > 65535) return TIDE_EIO;
    *bound = (uint16_t)number;
    return TIDE_OK;
}
