/*
 * S14: one order alone on the trade door, send to durable reply, while eight transfers run on the data door (four vendors upload,
 * four buyers download), against the same without; the broker's own memory meanwhile; S7 of upload and download.
 * It fails on a wrong result (an order lost, a transfer that did not arrive whole), never on a slow one.
 *
 *     bench_transfers BIN_DIR [MIB=256] [ORDERS=1000] [DIR=/dev/shm]
 */
#include "tests/bench/bench.h"
#include "tests/bench/fixture.h"
#include "tests/bench/transfer_client.h"
#include "tests/bench/wire.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <tidemark.h>
#include <unistd.h>

enum { N_CLIENTS = 8, ORDERS_MAX = 10000, ORDERS_MIN = 100, N_PARTIES = 10000, N_LISTINGS = 1000, N_RESTING = 100000 };

struct client {
    char line[2048], out[600]; /* `out`: what a download becomes */
    pid_t pid;
    int to, from;
    FILE *said; /* NULL: not started yet */
    bool started, ended;
    unsigned long peak_kib;
};

struct bench {
    struct fixture f;
    pid_t broker;
    void *wire;
    struct arena arena;
    struct client clients[N_CLIENTS];
    struct wire_order *orders; /* all that were accepted */
    size_t n_orders;
    unsigned long memory_kib, memory_before_kib;
};

/* ---- clients ---- */

static void clients_prepare(struct bench *b, const char *bin, const char *dir, size_t mib)
{
    char command[2048];
    snprintf(command, sizeof command, "tests/bench/transfers.sh '%s' '%s' '%s' %zu", bin, b->f.dir, dir, mib);
    FILE *lines = popen(command, "r");
    for (int i = 0; i < N_CLIENTS; i++) {
        struct client *c = &b->clients[i];
        if (!lines || !fgets(c->line, sizeof c->line, lines)) bench_fail("%s", command);
        (void)sscanf(c->line, "fetch %*s %*s %*s %599s", c->out);
    }
    if (pclose(lines)) bench_fail("%s", command);
}

static void client_start(struct client *c)
{
    int in[2], out[2];
    char *argv[10] = {"bench_transfers", "client"}, *rest = c->line;
    for (int i = 2; i < 9 && (argv[i] = strtok_r(rest, " \n", &rest)) != NULL; i++) {}
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) bench_fail("pipe");
    c->pid = fork();
    if (c->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        dup2(in[0], 0);
        dup2(out[1], 1);
        execv("/proc/self/exe", argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    c->to = in[1];
    c->said = fdopen(c->from = out[0], "r");
    setvbuf(c->said, NULL, _IONBF, 0); /* what is read ahead would be hidden from poll */
}

/* Reads what clients say until `wait_ms` have gone by without a word. */
static void clients_listen(struct bench *b, int wait_ms)
{
    struct pollfd fds[N_CLIENTS];
    char line[64];
    for (;;) {
        for (int i = 0; i < N_CLIENTS; i++) {
            const struct client *c = &b->clients[i];
            fds[i] = (struct pollfd){.fd = c->said && !c->ended ? c->from : -1, .events = POLLIN};
        }
        if (poll(fds, N_CLIENTS, wait_ms) <= 0) return;
        for (int i = 0; i < N_CLIENTS; i++) {
            struct client *c = &b->clients[i];
            if (!fds[i].revents) continue;
            if (!fgets(line, sizeof line, c->said)) bench_fail("a transfer ended too early");
            if (strcmp(line, "started\n") == 0) c->started = true;
            else if (sscanf(line, "ended %lu", &c->peak_kib) == 1) c->ended = true;
            else bench_fail("a transfer says %s", line);
        }
    }
}

static size_t n_running(const struct bench *b)
{
    size_t n = 0;
    for (int i = 0; i < N_CLIENTS; i++) n += b->clients[i].started && !b->clients[i].ended;
    return n;
}

static void clients_start(struct bench *b)
{
    double end = bench_seconds() + 60;
    for (int i = 0; i < N_CLIENTS; i++) client_start(&b->clients[i]);
    while (n_running(b) < N_CLIENTS && bench_seconds() < end) clients_listen(b, 5);
    if (n_running(b) < N_CLIENTS) bench_fail("not all transfers run at once; give a larger MIB");
}

/* Uploads go on to their ends; downloads end with the one under way. Everything must be what it was. */
static void clients_finish(struct bench *b, const char *dir)
{
    double end = bench_seconds() + 300;
    char path[600];
    uint8_t want[32], got[32];
    size_t n_ended = 0;
    for (int i = 0; i < N_CLIENTS; i++) close(b->clients[i].to);
    while (n_ended < N_CLIENTS && bench_seconds() < end) {
        clients_listen(b, 20);
        n_ended = 0;
        for (int i = 0; i < N_CLIENTS; i++) n_ended += b->clients[i].ended;
    }
    if (n_ended < N_CLIENTS) bench_fail("transfers do not end");
    snprintf(path, sizeof path, "%s/data.bin", dir);
    if (tide_file_sha256(path, want, NULL)) bench_fail("%s", path);
    for (int i = 0; i < N_CLIENTS; i++) {
        struct client *c = &b->clients[i];
        int status;
        fclose(c->said);
        waitpid(c->pid, &status, 0);
        if (!WIFEXITED(status) || WEXITSTATUS(status)) bench_fail("a client ended with status %d", status);
        if (c->out[0] && (tide_file_sha256(c->out, got, NULL) || memcmp(got, want, 32))) bench_fail("%s is not what was sold", c->out);
    }
}

/* ---- the broker's memory ---- */

/* What a process has for itself: neither its code nor the pages of the state and journal, which are the system's cache. */
static unsigned long own_kib(long pid)
{
    char path[64], line[256];
    unsigned long kib = 0;
    snprintf(path, sizeof path, "/proc/%ld/status", pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "RssAnon: %lu", &kib) == 1) break;
    if (file) fclose(file);
    return kib;
}

static unsigned long broker_kib(pid_t broker)
{
    char path[64];
    long child;
    unsigned long kib = own_kib(broker);
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", broker, broker);
    FILE *file = fopen(path, "r");
    while (file && fscanf(file, "%ld", &child) == 1) kib += own_kib(child);
    if (file) fclose(file);
    return kib;
}

/* ---- the measure ---- */

/* Orders one after the other, as long as `n_wanted` transfers run; how many they were. */
static size_t orders_time(struct bench *b, size_t n_wanted, double *seconds, size_t most)
{
    size_t n = 0;
    double looked = 0;
    for (; n < most; n++) {
        clients_listen(b, 0);
        if (n_running(b) < n_wanted) break;
        if (bench_seconds() - looked > 0.05) {
            unsigned long kib = broker_kib(b->broker);
            looked = bench_seconds();
            if (kib > b->memory_kib) b->memory_kib = kib;
        }
        seconds[n] = wire_order_alone(&b->f, b->wire, &b->arena, &b->orders[b->n_orders++]);
    }
    return n;
}

/* Every order is in the journal where the broker said, as it was signed. */
static void orders_check(struct bench *b)
{
    struct journal *j = NULL;
    struct record record;
    struct bytes bytes;
    uint8_t hash[32];
    size_t n;
    if (journal_open(b->f.dir, JOURNAL_READONLY, &j)) bench_fail("journal");
    for (size_t i = 0; i < b->n_orders; i++) {
        arena_reset(&b->arena);
        if (journal_read(j, b->orders[i].index, 1, 1 << 20, &b->arena, &bytes, &n) || n != 1 ||
            record_decode(bytes, &b->arena, &record))
            bench_fail("order %zu is lost", i);
        sha256(record.payload, hash);
        if (memcmp(hash, b->orders[i].envelope_hash, 32)) bench_fail("order %zu is lost", i);
    }
    journal_close(&j);
}

static double percentile(double *seconds, size_t n, size_t percent)
{
    bench_median(seconds, n); /* sorts */
    return seconds[(n - 1) * percent / 100];
}

static void report(struct bench *b, double *beside, size_t n_beside, double *alone, size_t n_alone)
{
    unsigned long up = 0, down = 0;
    for (int i = 0; i < N_CLIENTS; i++) {
        unsigned long *most = b->clients[i].out[0] ? &down : &up;
        if (b->clients[i].peak_kib > *most) *most = b->clients[i].peak_kib;
    }
    double p50 = percentile(beside, n_beside, 50) * 1e3, alone_p50 = percentile(alone, n_alone, 50) * 1e3;
    double p99 = percentile(beside, n_beside, 99) * 1e3, alone_p99 = percentile(alone, n_alone, 99) * 1e3;
    double memory = (double)b->memory_kib / 1024, limit = 32 + N_CLIENTS * 8; /* what waits for a peer is bounded: 8 MiB */
    bench_line("S14-p50", "order beside 8 transfers, median", p50, "ms", "the same without", alone_p50, p50 / alone_p50, 3, 1.5);
    bench_line("S14-p99", "order beside 8 transfers, p99", p99, "ms", "the same without", alone_p99, p99 / alone_p99, 10, 3);
    bench_line("S14-mem", "broker's own memory beside them", memory, "MiB", "limit", limit, memory / limit, 1, 0.5);
    bench_line("S7-up", "peak memory of upload", (double)up / 1024, "MiB", "limit", 64, (double)up / 1024 / 64, 1, 0.5);
    bench_line("S7-down", "peak memory of download", (double)down / 1024, "MiB", "limit", 64, (double)down / 1024 / 64, 1, 0.5);
    fprintf(stderr, "transfers: %zu orders beside them; the broker had %.0f MiB before\n", n_beside, (double)b->memory_before_kib / 1024);
}

static void measure(struct bench *b, const char *dir, size_t n_orders)
{
    static double alone[ORDERS_MAX], beside[ORDERS_MAX];
    size_t half = n_orders / 2;
    orders_time(b, 0, alone, half);
    b->memory_before_kib = b->memory_kib;
    clients_start(b);
    size_t n = orders_time(b, N_CLIENTS, beside, ORDERS_MAX);
    clients_finish(b, dir);
    if (n < ORDERS_MIN) bench_fail("only %zu orders while all transfers ran; give a larger MIB", n);
    half += orders_time(b, 0, alone + half, n_orders - half);
    report(b, beside, n, alone, half);
}

int main(int argc, char **argv)
{
    static struct bench b;
    char parent[300], dir[300], tidemarkd[600], command[700];
    if (argc > 2 && strcmp(argv[1], "client") == 0) return transfer_client(argc - 2, argv + 2);
    if (argc < 2) return 2;
    size_t mib = argc > 2 ? strtoul(argv[2], NULL, 10) : 256;
    size_t n_orders = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000;
    const char *tmp = getenv("TMPDIR");
    if (mib < 1 || n_orders < ORDERS_MIN || n_orders > ORDERS_MAX) return 2;
    snprintf(parent, sizeof parent, "%s/tidemark-bench.XXXXXX", tmp ? tmp : "/tmp");
    snprintf(dir, sizeof dir, "%s/tidemark-bench.XXXXXX", argc > 4 ? argv[4] : "/dev/shm");
    snprintf(tidemarkd, sizeof tidemarkd, "%s/tidemarkd", argv[1]);
    if (!mkdtemp(parent) || !mkdtemp(dir)) bench_fail("mkdtemp");
    b.orders = calloc(2 * ORDERS_MAX, sizeof *b.orders);
    if (!b.orders) bench_fail("no memory");
    arena_init(&b.arena, 64 << 20);
    fixture_build(&b.f, tidemarkd, parent, N_PARTIES, N_LISTINGS, N_RESTING);
    fixture_close(&b.f);
    b.broker = wire_broker_start(tidemarkd, b.f.dir);
    clients_prepare(&b, argv[1], dir, mib);
    b.wire = wire_dial(&b.f);
    measure(&b, dir, n_orders);
    wire_hang_up(&b.wire);
    wire_broker_stop(b.broker, b.f.dir);
    orders_check(&b);
    fixture_remove(&b.f);
    rmdir(parent);
    arena_deinit(&b.arena);
    free(b.orders);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command) != 0;
}
