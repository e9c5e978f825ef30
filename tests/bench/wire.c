/* See wire.h. */
#include "tests/bench/wire.h"
#include "storage/market_url.h"
#include "storage/protocol.h"
#include "tests/bench/bench.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

enum { RUNS_MAX = 32, IN_FLIGHT = 4096, ORDERS_A_RUN = 40000, ALONE = 400, VERIFY_SECONDS = 1 };

/* Before each thing done alone, ours and the reference's: nothing of the last one is still under way. */
enum { PAUSE_US = 2000 };

static void *context;

/* ---- the broker ---- */
pid_t wire_broker_start(const char *tidemarkd, const char *dir)
{
    char log[600];
    snprintf(log, sizeof log, "%s.log", dir);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* a measure that fails leaves nothing running */
        if (!freopen(log, "w", stderr)) _exit(1);
        execl(tidemarkd, tidemarkd, "run", dir, "--port-base", "0", (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 600; i++) {
        char line[512];
        FILE *file = fopen(log, "r");
        while (file && fgets(line, sizeof line, file))
            if (strstr(line, "event=serving market=")) {
                fclose(file);
                return pid;
            }
        if (file) fclose(file);
        usleep(100000);
    }
    kill(pid, SIGTERM);
    bench_fail("the broker did not start; see %s", log);
}

void wire_broker_stop(pid_t pid, const char *dir)
{
    char log[600];
    int status;
    kill(pid, SIGTERM);
    waitpid(pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status)) bench_fail("the broker ended with status %d", status);
    snprintf(log, sizeof log, "%s.log", dir);
    unlink(log);
}

static unsigned trade_port(const char *dir)
{
    char path[600], door[32];
    unsigned port, found = 0;
    snprintf(path, sizeof path, "%s/ports", dir);
    FILE *file = fopen(path, "r");
    while (file && fscanf(file, "%31s %u", door, &port) == 2)
        if (strcmp(door, "trade") == 0) found = port;
    if (file) fclose(file);
    if (!found) bench_fail("no trade port in %s", path);
    return found;
}

void *wire_dial(struct fixture *f)
{
    const char *dir = f->dir;
    char path[600], endpoint[64];
    struct identity *broker = NULL;
    int hwm = 0, linger = 0, wait_ms = 20000;
    snprintf(path, sizeof path, "%s/broker.key", dir);
    if (identity_load(path, BYTES(NULL, 0), &broker)) bench_fail("broker.key");
    if (!context) context = zmq_ctx_new();
    void *s = zmq_socket(context, ZMQ_DEALER);
    zmq_setsockopt(s, ZMQ_SNDHWM, &hwm, sizeof hwm);
    zmq_setsockopt(s, ZMQ_RCVHWM, &hwm, sizeof hwm);
    zmq_setsockopt(s, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(s, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms);
    zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, identity_wire_public(broker), 32);
    zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, identity_wire_public(f->operator_id), 32);
    zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, identity_wire_secret(f->operator_id), 32);
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", trade_port(dir));
    if (zmq_connect(s, endpoint)) bench_fail("connect");
    identity_free(&broker);
    return s;
}

/* ---- references ---- */
struct verify_job {
    struct bytes message;
    uint8_t key[32], signature[64];
    uint64_t n;
};
static void *verify_thread(void *arg)
{
    struct verify_job *job = arg;
    double end = bench_seconds() + VERIFY_SECONDS;
    while (bench_seconds() < end)
        for (int i = 0; i < 100; i++, job->n++)
            if (sign_verify(job->key, DOMAIN_STATEMENT, job->message, job->signature)) bench_fail("verify");
    return NULL;
}

/* Ed25519 verifications a second of `n_threads` threads, over a statement of an order's size. */
static double verify_rate(unsigned n_threads)
{
    static uint8_t message[300];
    struct verify_job jobs[2] = {0};
    pthread_t threads[2];
    uint8_t secret[64], seed[32] = {7};
    uint64_t n = 0;
    double start = bench_seconds();
    for (unsigned i = 0; i < n_threads; i++) {
        sign_keypair(seed, jobs[i].key, secret);
        jobs[i].message = BYTES(message, sizeof message);
        sign_message(secret, DOMAIN_STATEMENT, jobs[i].message, jobs[i].signature);
        pthread_create(&threads[i], NULL, verify_thread, &jobs[i]);
    }
    for (unsigned i = 0; i < n_threads; i++) {
        pthread_join(threads[i], NULL);
        n += jobs[i].n;
    }
    return (double)n / (bench_seconds() - start);
}

static void *echo_thread(void *socket)
{
    for (;;) {
        zmq_msg_t route, data;
        zmq_msg_init(&route);
        zmq_msg_init(&data);
        if (zmq_msg_recv(&route, socket, 0) < 0 || zmq_msg_recv(&data, socket, 0) < 0) break;
        bool stop = zmq_msg_size(&data) == 1;
        zmq_msg_send(&route, socket, ZMQ_SNDMORE);
        zmq_msg_send(&data, socket, 0);
        if (stop) break;
    }
    return NULL;
}

/* Median seconds of a CURVE round trip over TCP loopback: 300 bytes there, the same back. */
static double curve_round_trip(void)
{
    char server_public[41], server_secret[41], client_public[41], client_secret[41], endpoint[128];
    uint8_t buffer[512] = {0};
    double times[ALONE];
    size_t endpoint_len = sizeof endpoint;
    int on = 1, linger = 0;
    pthread_t thread;
    zmq_curve_keypair(server_public, server_secret);
    zmq_curve_keypair(client_public, client_secret);
    void *server = zmq_socket(context, ZMQ_ROUTER), *client = zmq_socket(context, ZMQ_DEALER);
    zmq_setsockopt(server, ZMQ_CURVE_SERVER, &on, sizeof on);
    zmq_setsockopt(server, ZMQ_CURVE_SECRETKEY, server_secret, 41);
    zmq_setsockopt(server, ZMQ_LINGER, &linger, sizeof linger);
    if (zmq_bind(server, "tcp://127.0.0.1:*")) bench_fail("bind");
    zmq_getsockopt(server, ZMQ_LAST_ENDPOINT, endpoint, &endpoint_len);
    zmq_setsockopt(client, ZMQ_CURVE_SERVERKEY, server_public, 41);
    zmq_setsockopt(client, ZMQ_CURVE_PUBLICKEY, client_public, 41);
    zmq_setsockopt(client, ZMQ_CURVE_SECRETKEY, client_secret, 41);
    zmq_setsockopt(client, ZMQ_LINGER, &linger, sizeof linger);
    zmq_connect(client, endpoint);
    pthread_create(&thread, NULL, echo_thread, server);
    for (int i = 0; i < ALONE; i++) {
        usleep(PAUSE_US);
        double start = bench_seconds();
        zmq_send(client, buffer, 300, 0);
        if (zmq_recv(client, buffer, sizeof buffer, 0) != 300) bench_fail("echo");
        times[i] = bench_seconds() - start;
    }
    zmq_send(client, buffer, 1, 0);
    zmq_recv(client, buffer, sizeof buffer, 0);
    pthread_join(thread, NULL);
    zmq_close(client);
    zmq_close(server);
    return bench_median(times, ALONE);
}

/* Median seconds of a synchronous journal commit of one order's two records. */
static double lmdb_commit(const char *dir)
{
    static uint8_t bytes[300];
    struct bytes records[2] = {BYTES(bytes, 300), BYTES(bytes, 160)};
    struct journal *j = NULL;
    double times[ALONE];
    char path[600], command[700];
    snprintf(path, sizeof path, "%s.floor", dir);
    snprintf(command, sizeof command, "mkdir '%s'", path);
    if (system(command) || journal_open(path, JOURNAL_CREATE, &j)) bench_fail("floor journal");
    for (int i = 0; i < ALONE; i++) {
        usleep(PAUSE_US);
        double start = bench_seconds();
        if (journal_append(j, records, 2)) bench_fail("floor append");
        times[i] = bench_seconds() - start;
    }
    journal_close(&j);
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    if (system(command)) bench_fail("rm");
    return bench_median(times, ALONE);
}

/* ---- the measures ---- */
/* An order of S3's mix as a request; the envelope in it is *envelope, unless that is NULL. */
static struct bytes signed_order(struct fixture *f, struct arena *arena, uint64_t id, bool crossing, struct bytes *envelope)
{
    struct body_order body;
    struct timeval tv;
    gettimeofday(&tv, NULL);
    bool bid = fixture_random(f) % 2;
    size_t listing = fixture_random(f) % f->n_listings;
    fixture_order(f, bid, listing, crossing && fixture_random(f) % 5 < 2, &body);
    const struct trader *by = bid ? &f->buyers[fixture_random(f) % f->n_buyers] : &f->vendors[listing % f->n_vendors];
    uint64_t now_ms = (uint64_t)tv.tv_sec * 1000 + (uint64_t)tv.tv_usec / 1000;
    struct body_q_submit submit = {.envelope = fixture_sign(f, by, KIND_ORDER, &body, now_ms, arena, NULL)};
    struct request r = {.request_id = id, .verb = verb_by_name(BYTES_TEXT("submit")), .body = &submit};
    struct bytes out;
    if (request_encode(&r, arena, &out)) bench_fail("request_encode");
    if (envelope) *envelope = submit.envelope;
    return out;
}

/* Receives one reply, and says which record of the journal the order is; anything but acceptance is a wrong result. */
static uint64_t receive_accepted(void *s)
{
    static uint8_t frame[LIMIT_TRADE_FRAME_BYTES];
    static struct arena arena;
    const struct body_r_submit *body;
    struct reply reply;
    if (!arena.cap) arena_init(&arena, 1 << 20);
    arena_reset(&arena);
    int n = zmq_recv(s, frame, sizeof frame, 0);
    if (n < 0) bench_fail("no reply");
    if (reply_decode(BYTES(frame, (size_t)n), verb_by_name(BYTES_TEXT("submit"))->reply, &arena, &reply)) bench_fail("reply");
    if (reply.code) bench_fail("refused: %u", (unsigned)reply.code);
    body = reply.body;
    return body->first_index;
}

double wire_order_alone(struct fixture *f, void *s, struct arena *arena, struct wire_order *out)
{
    arena_reset(arena);
    struct bytes envelope, request = signed_order(f, arena, 1, false, &envelope);
    usleep(PAUSE_US);
    double start = bench_seconds();
    zmq_send(s, request.data, request.len, 0);
    out->index = receive_accepted(s);
    double seconds = bench_seconds() - start;
    sha256(envelope, out->envelope_hash);
    return seconds;
}

void wire_hang_up(void **s)
{
    zmq_close(*s);
    zmq_ctx_term(context);
    *s = context = NULL;
}

static double run_s1(void *s, const struct bytes *orders)
{
    double start = bench_seconds();
    size_t sent = 0, received = 0;
    while (received < ORDERS_A_RUN) {
        while (sent < ORDERS_A_RUN && sent - received < IN_FLIGHT) {
            zmq_send(s, orders[sent].data, orders[sent].len, 0);
            sent++;
        }
        receive_accepted(s);
        received++;
    }
    return ORDERS_A_RUN / (bench_seconds() - start);
}

static void bench_s1(struct fixture *f, void *s, size_t runs)
{
    struct bytes *orders = calloc(ORDERS_A_RUN, sizeof *orders);
    double rate[RUNS_MAX], reference[RUNS_MAX];
    struct arena arena;
    if (!orders) bench_fail("no memory");
    arena_init(&arena, (size_t)1 << 30);
    for (size_t r = 0; r < runs; r++) {
        arena_reset(&arena);
        for (size_t i = 0; i < ORDERS_A_RUN; i++) orders[i] = signed_order(f, &arena, i, true, NULL);
        rate[r] = run_s1(s, orders);
        reference[r] = verify_rate(2);
    }
    double a = bench_median(rate, runs), b = bench_median(reference, runs);
    bench_line("S1", "signed orders over CURVE, durable", a, "orders/s", "raw Ed25519 verify, both cores", b, a / b, 0.45, 0.6);
    arena_deinit(&arena);
    free(orders);
}

static void bench_s4(struct fixture *f, void *s, size_t runs)
{
    double ours[RUNS_MAX], floor_[RUNS_MAX], times[ALONE];
    struct arena arena;
    arena_init(&arena, 64 << 20);
    for (size_t r = 0; r < runs; r++) {
        for (int i = 0; i < ALONE; i++) {
            struct wire_order order;
            times[i] = wire_order_alone(f, s, &arena, &order);
        }
        ours[r] = bench_median(times, ALONE);
        floor_[r] = curve_round_trip() + lmdb_commit(f->dir) + 1 / verify_rate(1);
    }
    double a = bench_median(ours, runs), b = bench_median(floor_, runs);
    bench_line("S4", "one order alone, to durable reply", a * 1e6, "us", "CURVE round trip + LMDB commit + verify", b * 1e6, a / b, 1.8, 1.3);
    arena_deinit(&arena);
}

void bench_wire(struct fixture *f, const char *tidemarkd, size_t runs)
{
    pid_t broker = wire_broker_start(tidemarkd, f->dir);
    void *s = wire_dial(f);
    bench_s4(f, s, runs);
    bench_s1(f, s, runs);
    wire_hang_up(&s);
    wire_broker_stop(broker, f->dir);
}
