/*
 * The ZAP handler as libzmq speaks to it (RFC 27), request by request: only CURVE, only whole requests, only who the
 * policy lets in; the user id is the key.
 */
#include "tests/unit/test_storage.h"

#include "broker/server/zap.h"

#include <zmq.h>

static void *context, *asker;
static struct zap *zap;
static unsigned n_asked; /* atomic: the handler's thread counts */

/* Keys of sevens may enter "trade". */
static bool policy(void *ctx, const char *door, const uint8_t wire_key[32])
{
    uint8_t sevens[32];
    assert_ptr_equal(ctx, &zap);
    __atomic_add_fetch(&n_asked, 1, __ATOMIC_RELAXED);
    memset(sevens, 7, sizeof sevens);
    return strcmp(door, "trade") == 0 && memcmp(wire_key, sevens, 32) == 0;
}

static int build(void **state)
{
    int zero = 0, timeout_ms = 5000;
    (void)state;
    n_asked = 0;
    context = zmq_ctx_new();
    assert_ok(zap_start(context, policy, &zap, &zap));
    asker = zmq_socket(context, ZMQ_REQ);
    zmq_setsockopt(asker, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(asker, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    assert_int_equal(zmq_connect(asker, "inproc://zeromq.zap.01"), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    zmq_close(asker);
    zap_stop(&zap);
    zmq_ctx_term(context);
    return 0;
}

/* Sends the frames, gives the status and the user id of the answer. */
static void ask(const char *const *frames, size_t n, const uint8_t *key, size_t key_len, char status[4],
                char user_id[80])
{
    char parts[6][80];
    for (size_t i = 0; i < n; i++) zmq_send(asker, frames[i], strlen(frames[i]), ZMQ_SNDMORE);
    zmq_send(asker, key, key_len, 0);
    for (size_t i = 0; i < 6; i++) {
        int len = zmq_recv(asker, parts[i], sizeof parts[i] - 1, 0), more;
        size_t size = sizeof more;
        assert_true(len >= 0 && len < (int)sizeof parts[i]);
        parts[i][len] = '\0';
        assert_int_equal(zmq_getsockopt(asker, ZMQ_RCVMORE, &more, &size), 0);
        assert_int_equal(more, i < 5);
    }
    assert_string_equal(parts[0], "1.0");
    if (n > 1) assert_string_equal(parts[1], frames[1]);
    assert_string_equal(parts[5], "");
    memcpy(status, parts[2], 3);
    status[3] = 0;
    snprintf(user_id, 80, "%s", parts[4]);
}

static void who_may_enter_is_named_by_the_key(void **state)
{
    (void)state;
    char status[4], user_id[80], expected[65];
    uint8_t key[32];
    const char *frames[] = {"1.0", "42", "trade", "127.0.0.1", "", "CURVE"};
    memset(key, 7, sizeof key);
    for (size_t i = 0; i < 32; i++) memcpy(expected + 2 * i, "07", 3);
    ask(frames, 6, key, 32, status, user_id);
    assert_string_equal(status, "200");
    assert_string_equal(user_id, expected);
    key[31] = 8;
    ask(frames, 6, key, 32, status, user_id);
    assert_string_equal(status, "400");
    assert_string_equal(user_id, "");
    frames[2] = "audit";
    key[31] = 7;
    ask(frames, 6, key, 32, status, user_id);
    assert_string_equal(status, "400");
    assert_int_equal(__atomic_load_n(&n_asked, __ATOMIC_RELAXED), 3);
}

static void whatever_is_not_a_whole_curve_request_is_refused(void **state)
{
    (void)state;
    char status[4], user_id[80], long_text[400];
    uint8_t key[300];
    memset(key, 7, sizeof key);
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    static const char *const good[] = {"1.0", "42", "trade", "127.0.0.1", "", "CURVE"};
    static const struct { size_t frame; const char *text; } wrong[] = {
        {0, "2.0"},  {2, ""}, {2, "a-domain-longer-than-any-door-has"}, {5, "NULL"}, {5, "PLAIN"}, {5, ""},
        {5, "CURVES"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        const char *frames[6];
        memcpy(frames, good, sizeof frames);
        frames[wrong[i].frame] = wrong[i].text;
        ask(frames, 6, key, 32, status, user_id);
        assert_string_equal(status, "400");
    }
    const char *many[] = {"1.0", "42", "trade", "127.0.0.1", "", "CURVE", "more", "and more"};
    static const size_t key_lens[] = {0, 31, 33, 300};
    for (size_t i = 0; i < ARRAY_LEN(key_lens); i++) {
        ask(good, 6, key, key_lens[i], status, user_id);
        assert_string_equal(status, "400");
    }
    ask(many, 8, key, 32, status, user_id);
    assert_string_equal(status, "400");
    ask(good, 5, key, 32, status, user_id);
    assert_string_equal(status, "400");
    many[3] = long_text;
    ask(many, 6, key, 32, status, user_id);
    assert_string_equal(status, "400");
    assert_int_equal(__atomic_load_n(&n_asked, __ATOMIC_RELAXED), 0);
    ask(good, 6, key, 32, status, user_id); /* and it still works */
    assert_string_equal(status, "200");
}

static void there_is_one_handler_a_context(void **state)
{
    (void)state;
    struct zap *second;
    assert_int_equal(zap_start(context, policy, &zap, &second), TIDE_EBUSY);
    assert_null(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_may_enter_is_named_by_the_key, build, tear_down),
        cmocka_unit_test_setup_teardown(whatever_is_not_a_whole_curve_request_is_refused, build, tear_down),
        cmocka_unit_test_setup_teardown(there_is_one_handler_a_context, build, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
