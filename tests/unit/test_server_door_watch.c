/*
 * A door beside which messages pile up that do not end: who sends them is cut before they cost much, and nobody else is,
 * however much they send, however slow the door.
 */
#include "tests/raw_peer.h"
#include "tests/unit/test_storage.h"

#include "broker/server/clock.h"
#include "broker/server/door.h"
#include "broker/server/zap.h"
#include "crypto/identity.h"

#include <pthread.h>
#include <zmq.h>

#define FRAME_MAX 49152u
#define BACKLOG 64
#define POUR_MAX (1u << 30)
/*
 * What comes in between two looks is all that is not bounded by a count, and a machine with other work may let the watch
 * wait for a second. It is told from no bound at all, not from its usual 10 MiB. (Sanitizers keep freed memory aside.)
 */
#define GROWTH_MAX (512u << 20)

#define FLOOD_MESSAGES 3000

static void *context, *asking; /* `asking`: the honest peer's socket, closed whatever the test did */
static struct zap *zap;
static struct door *door;
static struct identity *broker, *alice, *mallory;

static bool everyone(void *ctx, const char *name, const uint8_t wire_key[32])
{
    (void)ctx, (void)name, (void)wire_key;
    return true;
}

static struct identity *identity_of(uint8_t number)
{
    struct identity *id;
    uint8_t seed[32] = {number};
    assert_ok(identity_from_seed(seed, &id));
    return id;
}

static int build(void **state)
{
    (void)state;
    assert_ok(crypto_init());
    broker = identity_of(1);
    alice = identity_of(2);
    mallory = identity_of(3);
    context = zmq_ctx_new();
    assert_ok(zap_start(context, everyone, NULL, &zap));
    struct door_options options = {.name = "trade", .listen = "127.0.0.1", .frame_max = FRAME_MAX,
                                   .backlog_messages = BACKLOG, .wire_secret = identity_wire_secret(broker)};
    assert_ok(door_open(context, &options, &door));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (asking) zmq_close(asking);
    asking = NULL;
    door_close(&door);
    zap_stop(&zap);
    zmq_ctx_term(context);
    identity_free(&broker);
    identity_free(&alice);
    identity_free(&mallory);
    return 0;
}

/* ---- peers ---- */

static void *connect_honest(void)
{
    char endpoint[64];
    int zero = 0, timeout_ms = 10000;
    void *socket = zmq_socket(context, ZMQ_DEALER);
    assert_non_null(socket);
    zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    zmq_setsockopt(socket, ZMQ_SNDTIMEO, &timeout_ms, sizeof timeout_ms);
    zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, identity_wire_public(broker), 32);
    zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, identity_wire_public(alice), 32);
    zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, identity_wire_secret(alice), 32);
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", door_port(door));
    assert_int_equal(zmq_connect(socket, endpoint), 0);
    return socket;
}

static bool receive_within(struct door_message *message, uint64_t ms)
{
    uint64_t until = clock_steady_ms() + ms;
    do {
        if (door_receive(door, message) == TIDE_OK) return true;
        zmq_pollitem_t item = {.socket = door_socket(door), .events = ZMQ_POLLIN};
        zmq_poll(&item, 1, 10);
    } while (clock_steady_ms() < until);
    return false;
}

/* One request and its reply. */
static void ask(void *honest)
{
    struct door_message message;
    char reply[8];
    assert_int_equal(zmq_send(honest, "ping", 4, 0), 4);
    assert_true(receive_within(&message, 10000));
    assert_int_equal(message.data.len, 4);
    assert_ok(door_send(door, message.route, message.route_len, BYTES_TEXT("pong")));
    assert_int_equal(zmq_recv(honest, reply, sizeof reply, 0), 4);
}

static bool cut_within(uint64_t n, uint64_t ms)
{
    uint64_t until = clock_steady_ms() + ms;
    while (door_cut(door) < n && clock_steady_ms() < until) usleep(5000);
    return door_cut(door) == n;
}

struct pouring {
    pthread_t thread;
    size_t frame_len;
    bool connected, was_cut, over; /* `over` is atomic */
    uint64_t sent;
};

static void *pour(void *ctx)
{
    struct pouring *p = ctx;
    struct raw_peer peer;
    p->connected = raw_peer_connect(&peer, "127.0.0.1", door_port(door), identity_wire_public(broker),
                                    identity_wire_public(mallory), identity_wire_secret(mallory));
    if (p->connected) p->sent = raw_peer_pour(&peer, p->frame_len, POUR_MAX, &p->was_cut);
    raw_peer_close(&peer);
    __atomic_store_n(&p->over, true, __ATOMIC_RELEASE);
    return NULL;
}

static uint64_t resident_bytes(void)
{
    unsigned long long size, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%llu %llu", &size, &resident), 2);
    fclose(f);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Somebody pours while `honest` asks on; afterwards he is cut, and it cost little. */
static void pour_beside(void *honest, size_t frame_len, uint64_t n_cut)
{
    struct pouring p = {.frame_len = frame_len};
    uint64_t before = resident_bytes(), peak = before, slowest_ms = 0;
    assert_int_equal(pthread_create(&p.thread, NULL, pour, &p), 0);
    do {
        uint64_t asked_ms = clock_steady_ms(), now = 0;
        ask(honest);
        if (clock_steady_ms() - asked_ms > slowest_ms) slowest_ms = clock_steady_ms() - asked_ms;
        now = resident_bytes();
        if (now > peak) peak = now;
    } while (!__atomic_load_n(&p.over, __ATOMIC_ACQUIRE));
    pthread_join(p.thread, NULL);
    print_message("# frames of %zu: %llu KiB sent, memory grew by %llu KiB, the slowest reply took %llu ms\n", frame_len,
                  (unsigned long long)p.sent >> 10, (unsigned long long)(peak - before) >> 10,
                  (unsigned long long)slowest_ms);
    assert_true(p.connected && p.was_cut);
    assert_true(p.sent < POUR_MAX);
    assert_true(peak - before < GROWTH_MAX);
    assert_true(cut_within(n_cut, 5000));
    ask(honest);
}

/* ---- tests ---- */

static void a_message_that_does_not_end_is_cut(void **state)
{
    (void)state;
    asking = connect_honest();
    ask(asking);
    pour_beside(asking, 16384, 1);
    pour_beside(asking, FRAME_MAX, 2);
    pour_beside(asking, 1000, 3);
    pour_beside(asking, 1, 4);
}

static void it_is_cut_though_the_door_is_not_looked_at(void **state)
{
    (void)state;
    struct pouring p = {.frame_len = 8192};
    assert_int_equal(pthread_create(&p.thread, NULL, pour, &p), 0);
    pthread_join(p.thread, NULL);
    assert_true(p.connected && p.was_cut);
    assert_true(cut_within(1, 5000));
}

struct flood {
    pthread_t thread;
    size_t n_messages, n_frames, frame_len, n_sent;
};

static void *flood(void *ctx)
{
    struct flood *f = ctx;
    static uint8_t frame[FRAME_MAX];
    void *honest = connect_honest();
    for (; f->n_sent < f->n_messages; f->n_sent++) {
        bool ok = true;
        for (size_t i = 0; ok && i < f->n_frames; i++)
            ok = zmq_send(honest, frame, f->frame_len, i + 1 < f->n_frames ? ZMQ_SNDMORE : 0) >= 0;
        if (!ok) break;
    }
    /* A last small one says that all have come; then it stays until the door answers. */
    char reply[8];
    if (zmq_send(honest, "last", 4, 0) == 4) (void)zmq_recv(honest, reply, sizeof reply, 0);
    zmq_close(honest);
    return NULL;
}

/* Receives all of them, resting now and then, and gives how many large ones came. */
static size_t receive_slowly(struct flood *f)
{
    struct door_message message;
    size_t n = 0;
#ifdef __SANITIZE_THREAD__
    skip(); /* each eight bytes that libzmq's client hands its own thread are a race to examine: minutes */
#endif
    assert_int_equal(pthread_create(&f->thread, NULL, flood, f), 0);
    usleep(300000);
    while (receive_within(&message, 10000) && message.data.len != 4) {
        if (++n % 200 == 0) usleep(60000);
    }
    assert_ok(door_send(door, message.route, message.route_len, BYTES_TEXT("done")));
    pthread_join(f->thread, NULL);
    assert_int_equal(f->n_sent, f->n_messages);
    return n;
}

static void who_sends_much_to_a_slow_door_is_not_cut(void **state)
{
    (void)state;
    struct flood f = {.n_messages = FLOOD_MESSAGES, .n_frames = 1, .frame_len = FRAME_MAX};
    assert_int_equal(receive_slowly(&f), FLOOD_MESSAGES);
    assert_int_equal(door_cut(door), 0);
}

/* They are dropped, but they ended: what came of them is counted. */
static void dropped_messages_count_as_delivered(void **state)
{
    (void)state;
    struct flood f = {.n_messages = FLOOD_MESSAGES / 2, .n_frames = 3, .frame_len = FRAME_MAX / 3};
    assert_int_equal(receive_slowly(&f), 0);
    assert_int_equal(door_dropped(door), FLOOD_MESSAGES / 2);
    assert_int_equal(door_cut(door), 0);
}

/* Each has the descriptor of the one before it, and sends most of what it may. */
static void a_descriptor_given_again_counts_from_zero(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        struct raw_peer peer;
        bool was_cut;
        assert_true(raw_peer_connect(&peer, "127.0.0.1", door_port(door), identity_wire_public(broker),
                                     identity_wire_public(mallory), identity_wire_secret(mallory)));
        (void)raw_peer_pour(&peer, 16384, 2u << 20, &was_cut);
        assert_false(was_cut);
        usleep(60000);
        raw_peer_close(&peer);
    }
    assert_int_equal(door_cut(door), 0);
    asking = connect_honest();
    ask(asking);
    pour_beside(asking, 16384, 1);
}

#define WATCH_TEST(name) cmocka_unit_test_setup_teardown(name, build, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WATCH_TEST(a_message_that_does_not_end_is_cut),
        WATCH_TEST(it_is_cut_though_the_door_is_not_looked_at),
        WATCH_TEST(who_sends_much_to_a_slow_door_is_not_cut),
        WATCH_TEST(dropped_messages_count_as_delivered),
        WATCH_TEST(a_descriptor_given_again_counts_from_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
