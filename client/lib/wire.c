/*
 * The doors' sockets: ZeroMQ DEALER with CURVE, each with a monitor that tells when the handshake has succeeded, was
 * refused, or the connection broke. The only file of the client that includes <zmq.h>.
 *
 * Always holds: the server's key is the URL's, so that nobody else can answer; a frame is handed over only while the
 * door is up (ZMQ_IMMEDIATE), so that "never sent" is known; what is received is bounded; closing never waits.
 * ZMQ_FD is edge-triggered and tells of libzmq's commands, not of messages: whoever is woken drains every socket, and
 * after each send the sockets are looked at again (market->stir).
 * Not here: what frames mean (call.c), where the doors are (greeting.c).
 */
#include "client/lib/market.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <zmq.h>

#define FRAME_MAX (128 * 1024) /* of a reply: a record and its proof, with CURVE's 33 bytes */
#define HIGH_WATER 1000
#define MONITORED (ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_DISCONNECTED)

/*
 * libzmq is not instrumented: to ThreadSanitizer what its threads wrote looks unsynchronized. There, frames are copied
 * out with reads ignored, so that everything behind this file can be checked.
 */
#ifdef __SANITIZE_THREAD__
#define COPIES_OUT 1
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
#else
#define COPIES_OUT 0
#define AnnotateIgnoreReadsBegin(file, line) ((void)0)
#define AnnotateIgnoreReadsEnd(file, line) ((void)0)
#endif

static int zmq_failed(struct tide_error *error, const char *what)
{
    return error_set(error, OUTCOME_C_INTERNAL, "%s: %s.", what, zmq_strerror(zmq_errno()));
}

int wires_init(struct tide_market *m, struct tide_error *error)
{
    m->zmq = zmq_ctx_new();
    if (m->zmq == NULL) return zmq_failed(error, "Cannot start ZeroMQ");
    zmq_ctx_set(m->zmq, ZMQ_BLOCKY, 0);
    zmq_ctx_set(m->zmq, ZMQ_IO_THREADS, 1);
    return 0;
}

void wires_deinit(struct tide_market *m)
{
    for (enum wire_slot slot = 0; slot < WIRE_N; slot++) wire_close(m, slot);
    if (m->zmq == NULL) return;
    while (zmq_ctx_term(m->zmq) != 0 && zmq_errno() == EINTR) continue;
    m->zmq = NULL;
}

/* ---- opening and closing ---- */
static bool set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static bool set_options(const struct tide_market *m, void *socket)
{
    int64_t frame_max = FRAME_MAX;
    return set_int(socket, ZMQ_LINGER, 0) && set_int(socket, ZMQ_IMMEDIATE, 1) && set_int(socket, ZMQ_IPV6, 1) &&
           set_int(socket, ZMQ_SNDHWM, HIGH_WATER) && set_int(socket, ZMQ_RCVHWM, HIGH_WATER) &&
           set_int(socket, ZMQ_HANDSHAKE_IVL, 5000) && set_int(socket, ZMQ_RECONNECT_IVL, 100) &&
           set_int(socket, ZMQ_RECONNECT_IVL_MAX, 2000) && set_int(socket, ZMQ_HEARTBEAT_IVL, 5000) &&
           set_int(socket, ZMQ_HEARTBEAT_TIMEOUT, 15000) && set_int(socket, ZMQ_HEARTBEAT_TTL, 30000) &&
           zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &frame_max, sizeof frame_max) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, m->url.wire_key, 32) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, identity_wire_public(m->identity), 32) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, identity_wire_secret(m->identity), 32) == 0;
}

static int socket_fd(void *socket)
{
    int fd = -1;
    size_t len = sizeof fd;
    return zmq_getsockopt(socket, ZMQ_FD, &fd, &len) == 0 ? fd : -1;
}

static bool watch(struct tide_market *m, void *socket)
{
    struct epoll_event event = {.events = EPOLLIN};
    int fd = socket_fd(socket);
    return fd >= 0 && epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool monitor_open(struct tide_market *m, struct wire *wire)
{
    char address[64];
    snprintf(address, sizeof address, "inproc://monitor-%p", wire->socket);
    if (zmq_socket_monitor(wire->socket, address, MONITORED) != 0) return false;
    wire->monitor = zmq_socket(m->zmq, ZMQ_PAIR);
    return wire->monitor != NULL && set_int(wire->monitor, ZMQ_LINGER, 0) && zmq_connect(wire->monitor, address) == 0;
}

static void close_both(struct tide_market *m, struct wire *wire);

/* A socket of that type; a SUB one wants everything. */
static int open_as(struct tide_market *m, struct wire *wire, int type, uint16_t port, struct tide_error *error)
{
    char address[320];
    bool v6 = strchr(m->url.host, ':') != NULL;

    if (wire->socket != NULL) return 0;
    wire->opened_ms = clock_ms();
    wire->socket = zmq_socket(m->zmq, type);
    snprintf(address, sizeof address, "tcp://%s%s%s:%u", v6 ? "[" : "", m->url.host, v6 ? "]" : "", (unsigned)port);
    if (wire->socket == NULL || !set_options(m, wire->socket) ||
        (type == ZMQ_SUB && zmq_setsockopt(wire->socket, ZMQ_SUBSCRIBE, "", 0) != 0) || !monitor_open(m, wire) ||
        !watch(m, wire->socket) || !watch(m, wire->monitor) || zmq_connect(wire->socket, address) != 0) {
        int code = zmq_failed(error, address);
        close_both(m, wire);
        return code;
    }
    wire->state = WIRE_CONNECTING;
    m->stir = true;
    return 0;
}

int wire_open(struct tide_market *m, enum wire_slot slot, uint16_t port, struct tide_error *error)
{
    return open_as(m, &m->wires[slot], ZMQ_DEALER, port, error);
}

int tape_wire_open(struct tide_market *m, struct wire *wire, uint16_t port, struct tide_error *error)
{
    return open_as(m, wire, ZMQ_SUB, port, error);
}

static void socket_close(struct tide_market *m, void **socket)
{
    if (*socket == NULL) return;
    int fd = socket_fd(*socket);
    if (fd >= 0) (void)epoll_ctl(m->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* libzmq closes it later, in another thread */
    zmq_close(*socket);
    *socket = NULL;
}

static void close_both(struct tide_market *m, struct wire *wire)
{
    if (wire->monitor != NULL) zmq_socket_monitor(wire->socket, NULL, 0);
    socket_close(m, &wire->monitor);
    socket_close(m, &wire->socket);
    wire->state = WIRE_CLOSED;
}

void wire_close(struct tide_market *m, enum wire_slot slot)
{
    close_both(m, &m->wires[slot]);
}

void tape_wire_close(struct tide_market *m, struct wire *wire)
{
    close_both(m, wire);
}

/* ---- sending and receiving ---- */
bool wire_send(struct tide_market *m, enum wire_slot slot, struct bytes frame)
{
    struct wire *wire = &m->wires[slot];
    if (wire->state != WIRE_UP) return false;
    m->stir = true;
    return zmq_send(wire->socket, frame.data, frame.len, ZMQ_DONTWAIT) >= 0;
}

static void frame_hand_on(struct tide_market *m, struct bytes frame, void (*to)(struct tide_market *m, struct bytes frame))
{
    static _Thread_local uint8_t copy[COPIES_OUT ? FRAME_MAX : 1];
    if (COPIES_OUT && frame.len <= sizeof copy) {
        AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
        memcpy(copy, frame.data, frame.len);
        AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
        frame.data = copy;
    }
    to(m, frame);
}

/* One message; false when none is waiting. Messages of several frames are nobody's here: dropped whole. */
static bool receive(struct tide_market *m, void *socket, void (*to)(struct tide_market *m, struct bytes frame))
{
    zmq_msg_t message;
    zmq_msg_init(&message);
    if (zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&message);
        return false;
    }
    bool more = zmq_msg_more(&message) != 0;
    if (!more) frame_hand_on(m, BYTES(zmq_msg_data(&message), zmq_msg_size(&message)), to);
    while (more) {
        more = zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) >= 0 && zmq_msg_more(&message) != 0;
    }
    zmq_msg_close(&message);
    return true;
}

/* One event: two frames, u16 number and u32 value, then the address. */
static bool monitor_receive(void *monitor, uint16_t *event)
{
    uint8_t frame[64], address[320];
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    int len = zmq_recv(monitor, frame, sizeof frame, ZMQ_DONTWAIT);
    if (len >= 0) (void)zmq_recv(monitor, address, sizeof address, ZMQ_DONTWAIT);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
    if (len < 0) return false;
    *event = 0;
    if (len >= (int)sizeof *event) memcpy(event, frame, sizeof *event);
    return true;
}

static void monitor_drain(struct tide_market *m, enum wire_slot slot)
{
    struct wire *wire = &m->wires[slot];
    uint16_t event;
    while (wire->monitor != NULL && monitor_receive(wire->monitor, &event)) {
        if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            wire->state = WIRE_UP;
        } else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
            wire_is_refused(m, slot);
        } else if (event == ZMQ_EVENT_DISCONNECTED) {
            wire->state = WIRE_CONNECTING;
            wire->opened_ms = clock_ms();
            wire_is_down(m, slot);
        }
    }
}

void wires_drain(struct tide_market *m)
{
    for (enum wire_slot slot = 0; slot < WIRE_N; slot++) {
        /* Replies first: those that came before a connection broke are as good as any. */
        while (m->wires[slot].socket != NULL && receive(m, m->wires[slot].socket, market_frame)) continue;
        monitor_drain(m, slot);
    }
    if (m->tape != NULL) tape_drain(m);
}

unsigned tape_wire_drain(struct tide_market *m, struct wire *wire)
{
    unsigned events = 0;
    uint16_t event;
    while (wire->socket != NULL && receive(m, wire->socket, tape_frame)) continue;
    while (wire->monitor != NULL && monitor_receive(wire->monitor, &event)) {
        if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) events |= TAPE_UP;
        if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) events |= TAPE_REFUSED;
        if (event == ZMQ_EVENT_DISCONNECTED) events |= TAPE_DOWN;
    }
    return events;
}
