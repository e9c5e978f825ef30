/*
 * How much of what was sent waits to be read by peers: libzmq keeps it in memory and does not say how much it is, so it is
 * what was handed over less what the peer's TCP has acknowledged. One thread.
 *
 * Always holds: a peer may have PENDING_PEER_MAX waiting, all peers together PENDING_ALL_MAX, and one large reply each
 * beyond that; who reads is never held up by who does not.
 */
#ifndef TIDEMARK_BROKER_DATA_PENDING_H
#define TIDEMARK_BROKER_DATA_PENDING_H

#include "crypto/base.h"

#define PENDING_PEER_MAX (3u << 20)   /* below what its queue has places for: nothing is dropped */
#define PENDING_ALL_MAX (128u << 20)
#define PENDING_PEERS_MAX 1024        /* that have something waiting; more share the last places */

struct pending_peer {
    uint64_t route, cookie;  /* of the connection; 0: a free place */
    uint64_t handed, acked;  /* bytes handed over; acknowledged when it was first seen */
    uint64_t waiting;        /* when it was looked at last */
    int fd;
};

struct data_pending {
    struct pending_peer peers[PENDING_PEERS_MAX];
    size_t n_peers;
    uint64_t waiting; /* of all, at their last looks */
    uint64_t looked_ms;
};

/* Whether a large reply may be sent to this connection now. */
bool pending_has_room(struct data_pending *p, const uint8_t *route, size_t route_len, int fd, uint64_t now_ms);

/* A reply of about `len` bytes is being sent to it. */
void pending_add(struct data_pending *p, const uint8_t *route, size_t route_len, int fd, size_t len);

#endif
