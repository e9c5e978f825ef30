/*
 * One peer's appetite is not another's trouble: who asks for much at once does not hold up who asks for one thing, and who
 * does not read what it asked for costs a bounded memory.
 */
#include "tests/unit/data_door.h"

#define IN_FLIGHT 64  /* of the greedy peer */
#define ROUNDS 60     /* of the modest one */
#define FAIR 56       /* replies of the greedy peer to one of the modest one's: all of its 64 would be first come, first served */
#define N_DEAF 100    /* connections that read nothing */
#define DEAF_ASK 60   /* what each asks for, of 64 KiB */

static struct content air;
static uint64_t listing;

static int build(void **state)
{
    if (make_test_dir(state) != 0) return -1;
    config = test_config();
    world_open(&w);
    seal(&air, 1);
    listing = publish(&w, "Air", "", "", &air.commitment);
    zmq = zmq_ctx_new();
    assert_ok(zap_start(zmq, admit_all, NULL, &zap));
    start_door();
    struct body_q_put_manifest manifest = {.listing = listing, .hashes = BYTES(air.manifest, sizeof air.manifest)};
    assert_int_equal(client_ask(&vendor, "put_manifest", &manifest).code, OUTCOME_OK);
    for (uint64_t i = 0; i < 2; i++) {
        struct body_q_put_chunk chunk = {.listing = listing, .chunk = i, .sealed = BYTES(air.chunks[i], AGE_SEALED_CHUNK_BYTES)};
        assert_int_equal(client_ask(&vendor, "put_chunk", &chunk).code, OUTCOME_OK);
    }
    return 0;
}

static int tear_down(void **state)
{
    stop_door();
    zap_stop(&zap);
    zmq_ctx_term(zmq);
    world_close(&w);
    return remove_test_dir(state);
}

/* ---- a greedy peer ---- */

struct greedy {
    const char *verb;
    const void *body;
    uint64_t n_replies; /* atomic */
    bool stop;          /* atomic */
    pthread_t thread;
};

/* Keeps IN_FLIGHT requests under way, on a connection and in a context of its own. */
static void *greedy_thread(void *ctx)
{
    static uint8_t buffer[LIMIT_DATA_FRAME_BYTES];
    struct greedy *g = ctx;
    struct client c;
    void *own_zmq = zmq_ctx_new();

    client_open(&c, own_zmq, &w, VENDOR, data_door_port(door));
    for (int i = 0; i < IN_FLIGHT; i++) client_send(&c, g->verb, g->body);
    while (!__atomic_load_n(&g->stop, __ATOMIC_ACQUIRE)) {
        if (zmq_recv(c.socket, buffer, sizeof buffer, 0) < 0) break;
        __atomic_add_fetch(&g->n_replies, 1, __ATOMIC_ACQ_REL);
        client_send(&c, g->verb, g->body);
    }
    client_close(&c);
    zmq_ctx_term(own_zmq);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* How many replies the greedy peer gets while the modest one waits for one: the median. */
static uint64_t replies_to_one(struct greedy *g)
{
    uint64_t n[ROUNDS];
    struct body_q_get_chunk one = {.listing = listing, .chunk = 1};
    struct client modest;

#ifdef __SANITIZE_THREAD__
    skip(); /* each eight bytes that libzmq's client hands its own thread are a race to examine: minutes */
#endif
    void *own_zmq = zmq_ctx_new();
    client_open(&modest, own_zmq, &w, VENDOR, data_door_port(door));
    assert_int_equal(client_ask(&modest, "get_chunk", &one).code, OUTCOME_OK); /* it is connected */
    assert_int_equal(pthread_create(&g->thread, NULL, greedy_thread, g), 0);
    while (__atomic_load_n(&g->n_replies, __ATOMIC_ACQUIRE) < 4 * IN_FLIGHT) usleep(1000);
    for (size_t i = 0; i < ROUNDS; i++) {
        uint64_t before = __atomic_load_n(&g->n_replies, __ATOMIC_ACQUIRE);
        assert_int_equal(client_ask(&modest, "get_chunk", &one).code, OUTCOME_OK);
        n[i] = __atomic_load_n(&g->n_replies, __ATOMIC_ACQUIRE) - before;
    }
    __atomic_store_n(&g->stop, true, __ATOMIC_RELEASE);
    pthread_join(g->thread, NULL);
    client_close(&modest);
    zmq_ctx_term(own_zmq);
    qsort(n, ROUNDS, sizeof *n, compare);
    print_message("replies to the greedy peer in the meantime: median %llu, most %llu\n", (unsigned long long)n[ROUNDS / 2],
                  (unsigned long long)n[ROUNDS - 1]);
    return n[ROUNDS / 2];
}

static void test_downloads_are_served_in_turn(void **state)
{
    struct body_q_get_chunk body = {.listing = listing};
    struct greedy g = {.verb = "get_chunk", .body = &body};
    (void)state;
    assert_true(replies_to_one(&g) <= FAIR);
}

static void test_uploads_are_served_in_turn(void **state)
{
    struct body_q_put_chunk body = {.listing = listing, .sealed = BYTES(air.chunks[0], AGE_SEALED_CHUNK_BYTES)};
    struct greedy g = {.verb = "put_chunk", .body = &body};
    (void)state;
    assert_true(replies_to_one(&g) <= FAIR);
}

/* ---- peers that do not read ---- */

/* Bytes that this process's heap and maps hold. */
static uint64_t resident(void)
{
    unsigned long size = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &size, &pages), 2);
    fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* A child whose connections ask and never read: libzmq reads for them only what their own small marks allow. */
static pid_t start_deaf(void)
{
    fflush(NULL);
    uint16_t port = data_door_port(door);
    pid_t pid = fork();
    if (pid != 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct body_q_get_chunk body = {.listing = listing};
    void *own_zmq = zmq_ctx_new();
    for (int i = 0; i < N_DEAF; i++) {
        struct client c = {.socket = zmq_socket(own_zmq, ZMQ_DEALER)};
        int one = 1, small = 65536;
        char endpoint[64];
        arena_init(&c.arena, 1u << 20);
        zmq_setsockopt(c.socket, ZMQ_RCVHWM, &one, sizeof one);
        zmq_setsockopt(c.socket, ZMQ_RCVBUF, &small, sizeof small);
        zmq_setsockopt(c.socket, ZMQ_CURVE_SERVERKEY, identity_wire_public(w.ids[BROKER]), 32);
        zmq_setsockopt(c.socket, ZMQ_CURVE_PUBLICKEY, identity_wire_public(w.ids[VENDOR]), 32);
        zmq_setsockopt(c.socket, ZMQ_CURVE_SECRETKEY, identity_wire_secret(w.ids[VENDOR]), 32);
        snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", (unsigned)port);
        zmq_connect(c.socket, endpoint);
        for (int n = 0; n < DEAF_ASK; n++) client_send(&c, "get_chunk", &body);
    }
    for (;;) pause();
}

/* 100 peers ask for 60 chunks each, 375 MiB, and read none: what waits for them is bounded, and others are served. */
static void test_who_does_not_read_costs_a_bounded_memory(void **state)
{
    struct body_q_get_chunk one = {.listing = listing, .chunk = 1};
    uint64_t most = 0;
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* their own memory hides it */
#endif
    uint64_t before = resident();
    pid_t deaf = start_deaf();
    assert_true(deaf > 0);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(client_ask(&vendor, "get_chunk", &one).code, OUTCOME_OK);
        uint64_t now = resident();
        if (now > most) most = now;
        usleep(10000);
    }
    print_message("resident: %llu MiB before, at most %llu MiB\n", (unsigned long long)before >> 20,
                  (unsigned long long)most >> 20);
    kill(deaf, SIGKILL);
    assert_int_equal(waitpid(deaf, NULL, 0), deaf);
    assert_true(most < before + (UINT64_C(120) << 20)); /* unbounded it is more than 200 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_downloads_are_served_in_turn),
        cmocka_unit_test(test_uploads_are_served_in_turn),
        cmocka_unit_test(test_who_does_not_read_costs_a_bounded_memory),
    };
    return cmocka_run_group_tests_name("server_data_fair", tests, build, tear_down);
}
