/*
 * The watch of one door (door_watch.h): a thread that learns of connections from libzmq's socket monitor and looks at
 * them in turn. A thread of its own, since what it bounds grows in libzmq's thread, whatever the door's is busy with.
 *
 * Always holds: a slot of the table is the watch thread's but for `delivered`, which the door's thread adds to and which
 * is never set back; a connection is known by its cookie, which the kernel gives once, so a descriptor that was given
 * again is noticed, whoever has it now; nothing that does not belong to this door is cut.
 */
#include "broker/server/door_watch.h"

#include "broker/server/clock.h"
#include "broker/server/log.h"

#include <errno.h>
#include <linux/tcp.h> /* glibc's struct tcp_info ends before tcpi_bytes_received */
#include <netinet/in.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <zmq.h>

#define LOOK_MS 25                 /* a core decrypts some 10 MB in that time */
#define LOOK_SHARE 20              /* looking takes no more than such a part of a core, however many connections */
#define DESCRIPTORS_MAX 65536u     /* more are not served: they could not be watched */
#define OTHER_BYTES (64u << 10)    /* handshake, what libzmq reads at once */
#define QUIET_BYTES_PER_S 64u      /* heartbeats, which never come out: 42 bytes a ping, 46 a pong */
#define CURVE_BYTES 33u            /* of a frame: "MESSAGE" and its length, nonce, MAC, flags */
#define LOG_MS 1000                /* one line a second at most: a peer can come again as fast as it likes */

struct connection {
    uint64_t delivered; /* atomic; bytes on the wire of the frames received from this descriptor, ever */
    uint64_t cookie;    /* 0: nothing to watch */
    uint64_t since_ms;
    uint64_t delivered_before, read_before; /* both counts when it was first seen */
    bool cut;
};

struct door_watch {
    void *socket, *monitor;
    pthread_t thread;
    bool started;
    char door[16];
    uint16_t port;
    uint64_t allowance;
    struct connection *connections; /* by descriptor */
    size_t n_descriptors, end;      /* the table's size; one past the last that is watched */
    uint64_t n_cut;                 /* atomic */
    bool watching;                  /* atomic: somebody was connected when it was looked last */
    uint64_t n_logged, logged_ms;
};

/* ---- what the kernel says ---- */

/* 0: not a socket (any more). */
static uint64_t cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t len = sizeof cookie;
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0 ? cookie : 0;
}

static bool is_of_port(int fd, uint16_t port)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0) return false;
    if (address.ss_family == AF_INET) return ntohs(((const struct sockaddr_in *)&address)->sin_port) == port;
    return address.ss_family == AF_INET6 && ntohs(((const struct sockaddr_in6 *)&address)->sin6_port) == port;
}

/* What has come in on the connection; 0 when it is none. */
static uint64_t bytes_received(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0) return 0;
    return len >= offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received
               ? info.tcpi_bytes_received : 0;
}

/* `received` without what still waits in the kernel, which is bounded there and may be megabytes. */
static uint64_t bytes_read(int fd, uint64_t received)
{
    int waiting = 0;
    if (ioctl(fd, FIONREAD, &waiting) != 0 || waiting < 0 || (uint64_t)waiting > received) return 0;
    return received - (uint64_t)waiting;
}

/* ---- connections ---- */

/*
 * Resets the connection, which also throws away what waits in the kernel: after a mere shutdown libzmq would read that
 * first, megabytes of it. It sees an error, closes the descriptor and lets go of what it held.
 */
static void cut(struct door_watch *w, int fd)
{
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    (void)connect(fd, &nowhere, sizeof nowhere);
    __atomic_fetch_add(&w->n_cut, 1, __ATOMIC_RELAXED);
}

/* Events come late: by now the descriptor may be another's, or a connection that is watched already. */
static void notice(struct door_watch *w, int fd)
{
    uint64_t cookie = cookie_of(fd);
    if (fd < 0 || cookie == 0 || !is_of_port(fd, w->port)) return;
    if ((size_t)fd >= w->n_descriptors) {
        cut(w, fd);
        return;
    }
    struct connection *c = &w->connections[fd];
    if (c->cookie == cookie) return;
    /* In this order: what is delivered in between counts for the peer, not against it. */
    c->delivered_before = __atomic_load_n(&c->delivered, __ATOMIC_RELAXED);
    c->read_before = bytes_read(fd, bytes_received(fd));
    c->cookie = cookie;
    c->since_ms = clock_steady_ms();
    c->cut = false;
    if (w->end <= (size_t)fd) w->end = (size_t)fd + 1;
}

static bool is_ahead(const struct door_watch *w, const struct connection *c, int fd, uint64_t now_ms)
{
    uint64_t received = bytes_received(fd);
    uint64_t delivered = __atomic_load_n(&c->delivered, __ATOMIC_RELAXED) - c->delivered_before;
    uint64_t fair = c->read_before + delivered + w->allowance + (now_ms - c->since_ms) / 1000 * QUIET_BYTES_PER_S;
    return received > fair && bytes_read(fd, received) > fair;
}

static void look(struct door_watch *w, uint64_t now_ms)
{
    for (size_t i = 0; i < w->end; i++) {
        struct connection *c = &w->connections[i];
        if (c->cookie == 0) continue;
        int fd = (int)i;
        if (cookie_of(fd) != c->cookie) {
            c->cookie = 0;
            notice(w, fd); /* another's already, and perhaps this door's */
        } else if (!c->cut && is_ahead(w, c, fd, now_ms)) {
            c->cut = true;
            cut(w, fd);
        }
    }
    while (w->end > 0 && w->connections[w->end - 1].cookie == 0) w->end--;
}

static void tell(struct door_watch *w, uint64_t now_ms)
{
    uint64_t n_cut = door_watch_n_cut(w);
    if (n_cut == w->n_logged || (w->n_logged > 0 && now_ms - w->logged_ms < LOG_MS)) return;
    log_event(LOG_LEVEL_WARNING, "peers_cut", "door=%s n=%llu why=%s", w->door,
              (unsigned long long)(n_cut - w->n_logged), log_value("messages that do not end").text);
    w->n_logged = n_cut;
    w->logged_ms = now_ms;
}

/* ---- the thread ---- */

/* Two frames: the event's number and value, in this machine's order, and an address. False: the monitor has ended. */
static bool take_events(struct door_watch *w)
{
    for (;;) {
        uint8_t event[6], address[1];
        uint16_t number;
        int32_t value;
        int len = zmq_recv(w->monitor, event, sizeof event, ZMQ_DONTWAIT);
        if (len < 0) return errno == EAGAIN || errno == EINTR;
        if (zmq_recv(w->monitor, address, sizeof address, 0) < 0) return false;
        if (len != (int)sizeof event) continue;
        memcpy(&number, event, 2);
        memcpy(&value, event + 2, 4);
        if (number == ZMQ_EVENT_MONITOR_STOPPED) return false;
        if (number == ZMQ_EVENT_ACCEPTED) notice(w, value);
    }
}

/* Nothing to do while nobody is connected; the first who comes wakes it. */
static void *watch_thread(void *ctx)
{
    struct door_watch *w = ctx;
    uint64_t next_ms = clock_steady_ms();
    do {
        uint64_t now_ms = clock_steady_ms();
        if (now_ms >= next_ms) {
            look(w, now_ms);
            tell(w, now_ms);
            uint64_t done_ms = clock_steady_ms();
            next_ms = done_ms + LOOK_MS + (done_ms - now_ms) * LOOK_SHARE;
            now_ms = done_ms;
        }
        __atomic_store_n(&w->watching, w->end > 0, __ATOMIC_RELAXED);
        zmq_pollitem_t item = {.socket = w->monitor, .events = ZMQ_POLLIN};
        bool idle = w->end == 0 && w->n_logged == door_watch_n_cut(w);
        if (zmq_poll(&item, 1, idle ? -1 : (long)(next_ms - now_ms)) < 0 && errno != EINTR) break;
    } while (take_events(w));
    return NULL;
}

/* ---- opening and closing ---- */

static bool open_monitor(struct door_watch *w, void *zmq_context)
{
    char endpoint[48];
    int zero = 0;
    snprintf(endpoint, sizeof endpoint, "inproc://door-watch-%p", w->socket);
    if (zmq_socket_monitor(w->socket, endpoint, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_MONITOR_STOPPED) != 0) return false;
    w->monitor = zmq_socket(zmq_context, ZMQ_PAIR);
    /* No high-water mark: libzmq's own thread sends the events, and would wait. */
    return w->monitor && zmq_setsockopt(w->monitor, ZMQ_RCVHWM, &zero, sizeof zero) == 0 &&
           zmq_setsockopt(w->monitor, ZMQ_LINGER, &zero, sizeof zero) == 0 && zmq_connect(w->monitor, endpoint) == 0;
}

enum tide_err door_watch_open(void *zmq_context, void *socket, const char *door, size_t frame_max,
                              int backlog_messages, struct door_watch **out)
{
    struct rlimit files;
    *out = NULL;
    struct door_watch *w = calloc(1, sizeof *w);
    if (!w) return TIDE_ENOMEM;
    w->socket = socket;
    snprintf(w->door, sizeof w->door, "%s", door);
    /* The high-water mark, and two more: one in libzmq's hands, one that is coming in. */
    w->allowance = ((uint64_t)backlog_messages + 2) * (frame_max + CURVE_BYTES + 9) + OTHER_BYTES;
    w->n_descriptors = DESCRIPTORS_MAX;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max < DESCRIPTORS_MAX)
        w->n_descriptors = (size_t)files.rlim_max;
    w->connections = calloc(w->n_descriptors, sizeof *w->connections);
    if (!w->connections || !open_monitor(w, zmq_context)) {
        door_watch_close(&w);
        return TIDE_ENOMEM;
    }
    *out = w;
    return TIDE_OK;
}

enum tide_err door_watch_start(struct door_watch *w, uint16_t port)
{
    w->port = port;
    w->started = pthread_create(&w->thread, NULL, watch_thread, w) == 0;
    return w->started ? TIDE_OK : TIDE_ENOMEM;
}

void door_watch_close(struct door_watch **w)
{
    if (!*w) return;
    (void)zmq_socket_monitor((*w)->socket, NULL, 0); /* its last event ends the thread; so does the context's end */
    if ((*w)->started) pthread_join((*w)->thread, NULL);
    if ((*w)->monitor) zmq_close((*w)->monitor);
    free((*w)->connections);
    free(*w);
    *w = NULL;
}

/* ---- for the door's thread ---- */

void door_watch_delivered(struct door_watch *w, int fd, size_t len)
{
    if (fd < 0 || (size_t)fd >= w->n_descriptors) return;
    /* As short a header as the frame can have: more would be credit for many small ones. */
    uint64_t wire = len + CURVE_BYTES + (len + CURVE_BYTES > 255 ? 9 : 2);
    __atomic_fetch_add(&w->connections[fd].delivered, wire, __ATOMIC_RELAXED);
}

bool door_watch_sees_peers(const struct door_watch *w)
{
    return __atomic_load_n(&w->watching, __ATOMIC_RELAXED);
}

uint64_t door_watch_n_cut(const struct door_watch *w)
{
    return __atomic_load_n(&w->n_cut, __ATOMIC_RELAXED);
}
