/*
 * A peer that does not play fair, against a real broker: frames that are cut, too long, too deep, without end, not signed,
 * replayed, expired, for another market, from nobody. Each must get its code or nothing at all, and after each the broker
 * must still serve an honest request. Prints TAP.
 *
 *     hostile URL VENDOR_IDENTITY_FILE
 */
#include "crypto/identity.h"
#include "storage/market_url.h"
#include "storage/protocol.h"
#include "tests/raw_peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <zmq.h>

static void *context;
static struct market_url url;
static struct identity *honest;
static struct arena arena;
static char trade_endpoint[320];
static uint16_t trade_port;
static unsigned n_tests, n_failed;

static void check(bool ok, const char *name)
{
    printf("%sok %u - %s\n", ok ? "" : "not ", ++n_tests, name);
    fflush(stdout);
    if (!ok) n_failed++;
}

static void die(const char *why)
{
    printf("Bail out! %s\n", why);
    exit(1);
}

static uint64_t now_ms(void)
{
    struct timeval tv;
    gettimeofday(&tv, NULL);
    return (uint64_t)tv.tv_sec * 1000 + (uint64_t)tv.tv_usec / 1000;
}

static void *dial(const char *endpoint, const struct identity *id)
{
    void *s = zmq_socket(context, ZMQ_DEALER);
    int linger = 0, wait_ms = 3000;
    zmq_setsockopt(s, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(s, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms);
    zmq_setsockopt(s, ZMQ_SNDTIMEO, &wait_ms, sizeof wait_ms);
    zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, url.wire_key, 32);
    zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, identity_wire_public(id), 32);
    zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, identity_wire_secret(id), 32);
    if (zmq_connect(s, endpoint)) die("cannot connect");
    return s;
}

/* The reply's code, or -1 when none came (or it was none of ours). The reply stays in `frame`. */
static uint8_t frame[LIMIT_DATA_FRAME_BYTES];
static size_t frame_len;
static int receive_code(void *s)
{
    int n = zmq_recv(s, frame, sizeof frame, 0);
    if (n < 0) return -1;
    frame_len = (size_t)n;
    struct codec_value v, code;
    uint64_t value;
    if (codec_unpack(BYTES(frame, frame_len), &arena, &v) || !codec_get_item(v, 2, &code) || !codec_get_u64(code, &value))
        return -1;
    return (int)value;
}

static struct bytes query(const char *verb, const void *body)
{
    struct request r = {.request_id = 7, .verb = verb_by_name(BYTES_TEXT(verb)), .body = body};
    struct bytes out;
    if (request_encode(&r, &arena, &out)) die("request_encode");
    return out;
}

static int ask(void *s, struct bytes data)
{
    if (zmq_send(s, data.data, data.len, 0) < 0) return -1;
    return receive_code(s);
}

/* An honest party on a connection of its own gets its balances. */
static bool still_serves(void)
{
    void *s = dial(trade_endpoint, honest);
    struct body_q_none none;
    int code = ask(s, query("balances", &none));
    zmq_close(s);
    arena_reset(&arena);
    return code == 0;
}

struct made {
    struct statement s;
    struct body_publish body;
    uint8_t signature[64];
};

/* A sound statement that the vendor may make: an API listing. */
static void make_statement(struct made *m, const char *title)
{
    memset(m, 0, sizeof *m);
    m->s.kind = KIND_PUBLISH;
    m->s.version = 1;
    memcpy(m->s.market, url.market, 32);
    memcpy(m->s.party, identity_party(honest), 32);
    m->s.issued_at = now_ms();
    m->s.valid_until = m->s.issued_at + 60000;
    random_bytes(m->s.command_id, 16);
    uint8_t time_be[8];
    be64_put(time_be, m->s.issued_at << 16);
    memcpy(m->s.command_id, time_be, 6);
    m->s.command_id[6] = (uint8_t)(0x70 | (m->s.command_id[6] & 0x0f));
    m->s.command_id[8] = (uint8_t)(0x80 | (m->s.command_id[8] & 0x3f));
    m->body.kind = LISTING_API;
    m->body.title = BYTES_TEXT(title);
    memset(m->body.right_operating, 1, 32);
    m->s.body = &m->body;
}

static struct bytes submit_frame(struct made *m)
{
    struct bytes statement, envelope;
    if (statement_encode(&m->s, &arena, &statement)) die("statement_encode");
    identity_sign(honest, DOMAIN_STATEMENT, statement, m->signature);
    if (envelope_encode(statement, m->signature, &arena, &envelope)) die("envelope_encode");
    struct body_q_submit body = {.envelope = envelope};
    return query("submit", &body);
}

static void test_malformed(void)
{
    static const struct {
        const char *name;
        uint8_t data[24];
        size_t len;
    } cases[] = {
        {"array bomb of 2^28 elements", {0xdd, 0x10, 0, 0, 0}, 5},
        {"array bomb of 65,535 elements", {0xdc, 0xff, 0xff}, 3},
        {"map", {0x81, 0x01, 0x01}, 3},
        {"string longer than the frame", {0x94, 0x01, 0x07, 0xdb, 0xff, 0xff, 0xff, 0xff}, 8},
        {"twenty nested arrays",
         {0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 1},
         21},
        {"float", {0xca, 0, 0, 0, 0}, 5},
        {"one byte", {0xc0}, 1},
        {"empty frame", {0}, 0},
    };
    char name[128];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        void *s = dial(trade_endpoint, honest);
        int code = ask(s, BYTES(cases[i].data, cases[i].len));
        zmq_close(s);
        snprintf(name, sizeof name, "%s: malformed or silence, and service goes on", cases[i].name);
        check((code == OUTCOME_MALFORMED || code == -1) && still_serves(), name);
    }
    struct made m;
    make_statement(&m, "truncated");
    struct bytes whole = submit_frame(&m);
    void *s = dial(trade_endpoint, honest);
    bool ok = true;
    for (size_t len = 1; len < whole.len; len += 1 + whole.len / 40)
        if (ask(s, BYTES(whole.data, len)) != OUTCOME_MALFORMED) ok = false;
    zmq_close(s);
    check(ok && still_serves(), "every truncation of a statement is malformed");
}

static void test_frames(void)
{
    static uint8_t big[LIMIT_TRADE_FRAME_BYTES + 4096];
    void *s = dial(trade_endpoint, honest);
    int code = ask(s, BYTES(big, sizeof big));
    zmq_close(s);
    check((code == -1 || code == OUTCOME_TOO_LARGE || code == OUTCOME_MALFORMED) && still_serves(), "oversized frame");

    struct body_q_none none;
    struct bytes sound = query("balances", &none);
    s = dial(trade_endpoint, honest);
    zmq_send(s, sound.data, sound.len, ZMQ_SNDMORE);
    code = ask(s, sound);
    zmq_close(s);
    check(code == -1 && still_serves(), "a message of two frames is dropped");

}

/* 200 MB of a message that does not end are on their way; it is cut long before, and costs the broker little. */
static void test_unfinished(const char *door, uint16_t port)
{
    static const size_t frame_lens[] = {16384, 1000, 1};
    char name[128];
    for (size_t i = 0; i < ARRAY_LEN(frame_lens); i++) {
        struct raw_peer peer;
        bool was_cut = false, in = raw_peer_connect(&peer, url.host, port, url.wire_key, identity_wire_public(honest),
                                                    identity_wire_secret(honest));
        uint64_t sent = in ? raw_peer_pour(&peer, frame_lens[i], 200000000, &was_cut) : 0;
        raw_peer_close(&peer);
        printf("# %s: cut after %llu KiB\n", door, (unsigned long long)sent >> 10);
        snprintf(name, sizeof name, "a message without end, of frames of %zu bytes, at the %s door is cut", frame_lens[i], door);
        check(in && was_cut && sent < 100000000 && still_serves(), name);
    }
}

static void test_strangers(void)
{
    struct identity *nobody = NULL;
    struct body_q_none none;
    if (identity_new(&nobody)) die("identity_new");
    void *s = dial(trade_endpoint, nobody);
    check(ask(s, query("balances", &none)) == -1 && still_serves(), "an unknown key gets no answer at the trade door");
    zmq_close(s);
    identity_free(&nobody);
}

static int submit(void *s, struct made *m)
{
    int code = ask(s, submit_frame(m));
    return code;
}

static void test_statements(void)
{
    void *s = dial(trade_endpoint, honest);
    struct made m;
    make_statement(&m, "other market");
    m.s.market[0] ^= 1;
    check(submit(s, &m) == OUTCOME_WRONG_MARKET, "a statement to another market");

    make_statement(&m, "expired");
    m.s.issued_at -= 120000;
    m.s.valid_until = m.s.issued_at + 60000;
    uint8_t time_be[8];
    be64_put(time_be, m.s.issued_at << 16);
    memcpy(m.s.command_id, time_be, 6);
    check(submit(s, &m) == OUTCOME_EXPIRED, "an expired statement");

    make_statement(&m, "other time");
    m.s.issued_at += 5;
    check(submit(s, &m) == OUTCOME_BAD_TIME, "a command id of another time");

    make_statement(&m, "from the future");
    m.s.issued_at += 3600000;
    m.s.valid_until = m.s.issued_at + 60000;
    be64_put(time_be, m.s.issued_at << 16);
    memcpy(m.s.command_id, time_be, 6);
    check(submit(s, &m) == OUTCOME_BAD_TIME, "a statement from the future");

    make_statement(&m, "bad signature");
    struct bytes flipped = submit_frame(&m);
    ((uint8_t *)(uintptr_t)flipped.data)[flipped.len - 1] ^= 1; /* the last byte of the signature */
    check(ask(s, flipped) == OUTCOME_BAD_SIGNATURE, "a flipped signature");

    make_statement(&m, "another's");
    m.s.party[0] ^= 1;
    int code = submit(s, &m);
    check(code == OUTCOME_BAD_SIGNATURE || code == OUTCOME_UNKNOWN_PARTY, "a statement in another's name");

    make_statement(&m, "unknown verb");
    struct bytes sound = submit_frame(&m);
    uint8_t *verb = memmem(sound.data, sound.len, "submit", 6);
    if (!verb) die("no verb");
    memcpy(verb, "sublim", 6);
    check(ask(s, sound) == OUTCOME_UNKNOWN_VERB, "an unknown verb");

    make_statement(&m, "broker only");
    struct body_stored stored = {.listing = 1};
    m.s.kind = KIND_STORED;
    m.s.body = &stored;
    check(submit(s, &m) == OUTCOME_BROKER_ONLY, "a statement that only the broker makes");
    zmq_close(s);
    arena_reset(&arena);
}

/* first_index of the submit reply in `frame`. */
static uint64_t first_index(void)
{
    struct reply r;
    if (reply_decode(BYTES(frame, frame_len), &schema_r_submit, &arena, &r) || r.code) return 0;
    return ((const struct body_r_submit *)r.body)->first_index;
}

static void test_replay(void)
{
    void *s = dial(trade_endpoint, honest);
    struct made m;
    make_statement(&m, "Replayed API");
    struct bytes sound = submit_frame(&m);
    bool ok = ask(s, sound) == 0;
    uint64_t index = first_index();
    check(ok && index > 0, "an honest statement is accepted");
    check(ask(s, sound) == 0 && first_index() == index, "the same bytes again give the first acceptance");
    m.body.title = BYTES_TEXT("Other bytes");
    check(submit(s, &m) == OUTCOME_ID_REUSED, "other bytes under the same id are refused");
    zmq_close(s);
    arena_reset(&arena);
}

static void test_crowd(void)
{
    enum { N = 200 };
    static void *crowd[N];
    struct body_q_none none;
    struct bytes sound = query("balances", &none);
    for (int i = 0; i < N; i++) {
        crowd[i] = dial(trade_endpoint, honest);
        zmq_send(crowd[i], sound.data, sound.len, ZMQ_DONTWAIT);
    }
    check(still_serves(), "200 connections that never read");
    for (int i = 0; i < N; i++) zmq_close(crowd[i]);
}

int main(int argc, char **argv)
{
    if (argc != 3 || crypto_init() || market_url_parse(argv[1], &url)) die("usage: hostile URL IDENTITY");
    if (identity_load(argv[2], BYTES(NULL, 0), &honest)) die("identity");
    arena_init(&arena, 64 << 20);
    context = zmq_ctx_new();
    char lobby[320];
    snprintf(lobby, sizeof lobby, "tcp://%s:%u", url.host, url.port);
    void *s = dial(lobby, honest);
    struct body_q_none none;
    struct reply r;
    if (ask(s, query("doors", &none)) != 0 || reply_decode(BYTES(frame, frame_len), &schema_r_doors, &arena, &r))
        die("the lobby does not name the doors");
    trade_port = (uint16_t)((const struct body_r_doors *)r.body)->trade_port;
    snprintf(trade_endpoint, sizeof trade_endpoint, "tcp://%s:%u", url.host, trade_port);
    zmq_close(s);

    check(still_serves(), "the broker serves to begin with");
    test_malformed();
    test_frames();
    test_unfinished("lobby", url.port);
    test_unfinished("trade", trade_port);
    test_strangers();
    test_statements();
    test_replay();
    test_crowd();
    check(still_serves(), "the broker serves in the end");
    printf("1..%u\n", n_tests);
    identity_free(&honest);
    arena_deinit(&arena);
    zmq_ctx_term(context);
    return n_failed ? 1 : 0;
}
