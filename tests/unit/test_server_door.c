/*
 * A door with a real CURVE client: what must not come through does not, what comes is known by the key that was proven,
 * and replies find their way.
 */
#include "tests/unit/test_storage.h"

#include "broker/server/clock.h"
#include "broker/server/door.h"
#include "broker/server/zap.h"
#include "crypto/identity.h"

#include <pthread.h>
#include <zmq.h>

#define FRAME_MAX 1000

static void *context;
static struct zap *zap;
static struct door *door;
static struct identity *broker, *alice, *mallory;

/* Everyone but mallory, and only at the door called "trade". */
static bool policy(void *ctx, const char *name, const uint8_t wire_key[32])
{
    (void)ctx;
    return strcmp(name, "trade") == 0 && memcmp(wire_key, identity_wire_public(mallory), 32) != 0;
}

static struct identity *identity_of(uint8_t number)
{
    struct identity *id;
    uint8_t seed[32] = {number};
    assert_ok(identity_from_seed(seed, &id));
    return id;
}

static enum tide_err open_door(const char *name, uint16_t port, struct door **out)
{
    struct door_options options = {.name = name, .listen = "127.0.0.1", .port = port, .frame_max = FRAME_MAX,
                                   .backlog_messages = 16, .wire_secret = identity_wire_secret(broker)};
    return door_open(context, &options, out);
}

static int build(void **state)
{
    (void)state;
    assert_ok(crypto_init());
    broker = identity_of(1);
    alice = identity_of(2);
    mallory = identity_of(3);
    context = zmq_ctx_new();
    assert_ok(zap_start(context, policy, NULL, &zap));
    assert_ok(open_door("trade", 0, &door));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    door_close(&door);
    zap_stop(&zap);
    zmq_ctx_term(context);
    identity_free(&broker);
    identity_free(&alice);
    identity_free(&mallory);
    return 0;
}

/* ---- peers ---- */

static void *connect_as(const struct identity *id, uint16_t port, const char *routing_id)
{
    char endpoint[64];
    int zero = 0, timeout_ms = 5000;
    void *socket = zmq_socket(context, ZMQ_DEALER);
    assert_non_null(socket);
    zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    if (routing_id) zmq_setsockopt(socket, ZMQ_ROUTING_ID, routing_id, strlen(routing_id));
    if (id) {
        zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, identity_wire_public(broker), 32);
        zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, identity_wire_public(id), 32);
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, identity_wire_secret(id), 32);
    }
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", port);
    assert_int_equal(zmq_connect(socket, endpoint), 0);
    return socket;
}

static void send_frame(void *socket, size_t len, int flags)
{
    static uint8_t frame[2 * FRAME_MAX];
    memset(frame, 'x', sizeof frame);
    assert_int_equal(zmq_send(socket, frame, len, flags), (int)len);
}

static bool receive_within(struct door *d, struct door_message *message, uint64_t ms)
{
    uint64_t until = clock_steady_ms() + ms;
    do {
        if (door_receive(d, message) == TIDE_OK) return true;
        zmq_pollitem_t item = {.socket = door_socket(d), .events = ZMQ_POLLIN};
        zmq_poll(&item, 1, 10);
    } while (clock_steady_ms() < until);
    return false;
}

/* ---- tests ---- */

static void a_peer_is_known_by_its_key_and_gets_its_reply(void **state)
{
    (void)state;
    struct door_message message;
    char reply[16];
    assert_int_equal(door_receive(door, &message), TIDE_ENOTFOUND);
    void *peer = connect_as(alice, door_port(door), NULL);
    send_frame(peer, FRAME_MAX, 0);
    assert_true(receive_within(door, &message, 5000));
    assert_int_equal(message.data.len, FRAME_MAX);
    assert_memory_equal(message.wire_key, identity_wire_public(alice), 32);
    assert_ok(door_send(door, message.route, message.route_len, BYTES_TEXT("pong")));
    assert_int_equal(zmq_recv(peer, reply, sizeof reply, 0), 4);
    assert_memory_equal(reply, "pong", 4);
    send_frame(peer, 0, 0); /* empty is one frame too */
    assert_true(receive_within(door, &message, 5000));
    assert_int_equal(message.data.len, 0);
    assert_int_equal(door_dropped(door), 0);
    zmq_close(peer);
}

static void unknown_keys_do_not_enter(void **state)
{
    (void)state;
    struct door_message message;
    void *stranger = connect_as(mallory, door_port(door), NULL), *in_clear = connect_as(NULL, door_port(door), NULL);
    send_frame(stranger, 4, 0);
    send_frame(in_clear, 4, 0);
    assert_false(receive_within(door, &message, 300));
    zmq_close(stranger);
    zmq_close(in_clear);
}

static void another_door_is_another_question(void **state)
{
    (void)state;
    struct door *other;
    struct door_message message;
    assert_ok(open_door("audit", 0, &other));
    void *peer = connect_as(alice, door_port(other), NULL);
    send_frame(peer, 4, 0);
    assert_false(receive_within(other, &message, 300));
    zmq_close(peer);
    door_close(&other);
}

static void messages_of_many_frames_are_dropped(void **state)
{
    (void)state;
    struct door_message message;
    void *peer = connect_as(alice, door_port(door), NULL);
    for (int i = 0; i < 200; i++) send_frame(peer, 10, ZMQ_SNDMORE);
    send_frame(peer, 10, 0);
    send_frame(peer, 7, 0);
    assert_true(receive_within(door, &message, 5000));
    assert_int_equal(message.data.len, 7);
    assert_int_equal(door_dropped(door), 1);
    zmq_close(peer);
}

/* The connection is cut at the header of a frame that is too long; others go on. */
static void frames_over_the_limit_do_not_come(void **state)
{
    (void)state;
    struct door_message message;
    void *peer = connect_as(alice, door_port(door), NULL), *other = connect_as(alice, door_port(door), NULL);
    send_frame(peer, FRAME_MAX + 1, 0);
    assert_false(receive_within(door, &message, 300));
    send_frame(other, FRAME_MAX, 0);
    assert_true(receive_within(door, &message, 5000));
    assert_int_equal(message.data.len, FRAME_MAX);
    zmq_close(peer);
    zmq_close(other);
}

static void chosen_routing_ids_are_not_answered(void **state)
{
    (void)state;
    struct door_message message;
    void *named = connect_as(alice, door_port(door), "alice"), *plain = connect_as(alice, door_port(door), NULL);
    send_frame(named, 3, 0);
    assert_false(receive_within(door, &message, 300));
    send_frame(plain, 4, 0);
    assert_true(receive_within(door, &message, 5000));
    assert_int_equal(message.data.len, 4);
    assert_int_equal(door_dropped(door), 1);
    zmq_close(named);
    zmq_close(plain);
}

static void a_peer_that_left_or_does_not_read_is_told(void **state)
{
    (void)state;
    static uint8_t big[60000];
    struct door_message message;
    enum tide_err err = TIDE_OK;
    void *peer = connect_as(alice, door_port(door), NULL);
    send_frame(peer, 4, 0);
    assert_true(receive_within(door, &message, 5000));
    for (int i = 0; !err && i < 100000; i++)
        err = door_send(door, message.route, message.route_len, BYTES(big, sizeof big));
    assert_int_equal(err, TIDE_EBUSY);
    zmq_close(peer);
    for (int i = 0; err != TIDE_ENOTFOUND && i < 500; i++) { /* in between there may be room again */
        struct door_message none;
        (void)!door_receive(door, &none); /* lets the socket notice */
        usleep(10000);
        err = door_send(door, message.route, message.route_len, BYTES(big, 4));
    }
    assert_int_equal(err, TIDE_ENOTFOUND);
}

static void a_taken_port_is_said_to_be(void **state)
{
    (void)state;
    struct door *other;
    assert_int_equal(open_door("trade", door_port(door), &other), TIDE_EBUSY);
    assert_null(other);
}

#define DOOR_TEST(name) cmocka_unit_test_setup_teardown(name, build, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DOOR_TEST(a_peer_is_known_by_its_key_and_gets_its_reply),
        DOOR_TEST(unknown_keys_do_not_enter),
        DOOR_TEST(another_door_is_another_question),
        DOOR_TEST(messages_of_many_frames_are_dropped),
        DOOR_TEST(frames_over_the_limit_do_not_come),
        DOOR_TEST(chosen_routing_ids_are_not_answered),
        DOOR_TEST(a_peer_that_left_or_does_not_read_is_told),
        DOOR_TEST(a_taken_port_is_said_to_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
