/*
 * The table of connections that have replies waiting (data_pending.h).
 *
 * Always holds: a connection is known by libzmq's routing id, which is given once, and by its socket's cookie, so that a
 * descriptor that was given again is noticed; a place is free again once all was read or the connection is gone.
 */
#include "broker/server/data_pending.h"

#include <linux/tcp.h> /* glibc's struct tcp_info ends before tcpi_bytes_acked */
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#define LOOK_MS 20

static uint64_t cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t len = sizeof cookie;
    return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0 ? cookie : 0;
}

static uint64_t bytes_acked(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0) return 0;
    return len >= offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked ? info.tcpi_bytes_acked : 0;
}

static uint64_t route_number(const uint8_t *route, size_t len)
{
    uint64_t number = 0;
    for (size_t i = 0; i < len && i < 8; i++) number = number << 8 | route[i];
    return number;
}

static struct pending_peer *find(struct data_pending *p, uint64_t route)
{
    for (size_t i = 0; i < p->n_peers; i++) {
        if (p->peers[i].route == route) return &p->peers[i];
    }
    return NULL;
}

/* What waits for it now; a connection that is gone has nothing waiting. */
static void look(struct data_pending *p, struct pending_peer *peer)
{
    p->waiting -= peer->waiting;
    peer->waiting = 0;
    if (cookie_of(peer->fd) != peer->cookie) return;
    uint64_t acked = bytes_acked(peer->fd) - peer->acked;
    if (acked < peer->handed) peer->waiting = peer->handed - acked;
    p->waiting += peer->waiting;
}

/* Looks at all; those that wait for nothing give their places back. */
static void look_at_all(struct data_pending *p)
{
    for (size_t i = p->n_peers; i-- > 0;) {
        look(p, &p->peers[i]);
        if (p->peers[i].waiting == 0) p->peers[i] = p->peers[--p->n_peers];
    }
}

bool pending_has_room(struct data_pending *p, const uint8_t *route, size_t route_len, int fd, uint64_t now_ms)
{
    (void)fd;
    struct pending_peer *peer = find(p, route_number(route, route_len));
    if (peer == NULL && p->n_peers < PENDING_PEERS_MAX) return true;
    if (peer != NULL) look(p, peer);
    if (peer != NULL && peer->waiting > PENDING_PEER_MAX) return false;
    if (peer != NULL && peer->waiting == 0) return true;
    bool full = p->waiting > PENDING_ALL_MAX || peer == NULL;
    if (!full || now_ms - p->looked_ms < LOOK_MS) return !full;
    p->looked_ms = now_ms;
    look_at_all(p); /* moves the places: `peer` is void */
    return p->waiting <= PENDING_ALL_MAX && p->n_peers < PENDING_PEERS_MAX;
}

void pending_add(struct data_pending *p, const uint8_t *route, size_t route_len, int fd, size_t len)
{
    uint64_t number = route_number(route, route_len), cookie = cookie_of(fd);
    struct pending_peer *peer = find(p, number);

    if (cookie == 0) return; /* gone */
    if (peer == NULL && p->n_peers == PENDING_PEERS_MAX) look_at_all(p);
    if (peer == NULL && p->n_peers == PENDING_PEERS_MAX) return;
    if (peer == NULL) {
        peer = &p->peers[p->n_peers++];
        *peer = (struct pending_peer){.route = number, .cookie = cookie, .fd = fd, .acked = bytes_acked(fd)};
    }
    peer->handed += len;
    peer->waiting += len;
    p->waiting += len;
}
