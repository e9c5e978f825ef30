/*
 * What the tests of broker/server share: a small market in a folder of its own, built by stating things in it, with
 * journal, state, tiles and the broker's key where its processes look for them; and a client over CURVE.
 */
#ifndef TIDEMARK_TESTS_TEST_SERVER_H
#define TIDEMARK_TESTS_TEST_SERVER_H

#include "tests/unit/test_storage.h"

#include "broker/market/market.h"
#include "broker/server/clock.h"
#include "broker/server/log.h"
#include "broker/server/processes.h"
#include "crypto/age.h"
#include "crypto/identity.h"
#include "storage/journal.h"
#include "storage/protocol.h"
#include "storage/tiles.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <zmq.h>

#define ORIGIN "test.example/log"

/* world_open enrols those up to the regulator; the issuer, the arbiter and the other buyer are for tests that need them. */
enum who {
    BROKER, OPERATOR, OPERATOR_2, REVIEWER, BANK, VENDOR, BUYER, REGULATOR, STRANGER, ISSUER, ARBITER, OTHER, N_WHO
};

struct world {
    struct identity *ids[N_WHO];
    struct journal *journal;
    struct state *state;
    struct arena arena;
    uint64_t size, now_ms;
    uint8_t market[32];
    uint8_t last_command[16];
    uint64_t n_commands;
};

/* ---- statements ---- */

/* The signed envelope of a statement by `who`, in the world's arena. */
static UNUSED struct bytes envelope_of(struct world *w, enum who who, uint64_t kind, const void *body,
                                       uint64_t valid_ms, struct statement *s, struct bytes *statement_bytes)
{
    uint8_t signature[64];
    struct bytes envelope;

    *s = (struct statement){.kind = kind, .version = 1, .issued_at = w->now_ms, .valid_until = w->now_ms + valid_ms};
    if (kind != KIND_GENESIS) memcpy(s->market, w->market, 32);
    memcpy(s->party, identity_party(w->ids[who]), 32);
    be64_put(s->command_id, w->now_ms << 16 | 0x7000);
    be64_put(s->command_id + 8, UINT64_C(1) << 63 | ++w->n_commands);
    memcpy(w->last_command, s->command_id, 16);
    s->body = body;
    assert_ok(statement_encode(s, &w->arena, statement_bytes));
    identity_sign(w->ids[who], DOMAIN_STATEMENT, *statement_bytes, signature);
    assert_ok(envelope_encode(*statement_bytes, signature, &w->arena, &envelope));
    return envelope;
}

/* States it: decided, applied, journaled, committed. Returns the index of its record; its first event is next. */
static UNUSED uint64_t state_it(struct world *w, enum who who, uint64_t kind, const void *body)
{
    struct statement s;
    struct bytes statement_bytes;
    struct state_view *view;
    static struct execution done;

    w->now_ms++;
    struct bytes envelope = envelope_of(w, who, kind, body, 60000, &s, &statement_bytes);
    if (kind == KIND_GENESIS) sha256(statement_bytes, w->market);
    assert_ok(state_write(w->state, &view));
    assert_ok(market_execute(view, envelope, &s, statement_bytes, w->now_ms, w->size, &w->arena, &done));
    if (done.outcome != OUTCOME_OK) fail_msg("refused: %u %s", done.outcome, done.detail ? done.detail : "");
    assert_ok(journal_append(w->journal, done.records, done.n_records));
    assert_ok(state_commit(w->state));
    w->size = done.next_index;
    arena_reset(&w->arena);
    return done.first_index;
}

static UNUSED struct body_enrol enrol_body(struct world *w, enum who who, const char *name, uint64_t roles)
{
    struct body_enrol enrol = {.name = BYTES_TEXT(name), .roles = roles, .jurisdiction = BYTES_TEXT("CN")};
    memcpy(enrol.seal_key, identity_seal_public(w->ids[who]), 32);
    memcpy(enrol.wire_key, identity_wire_public(w->ids[who]), 32);
    return enrol;
}

static UNUSED uint64_t admit(struct world *w, enum who who, const char *name, uint64_t roles, const char *group)
{
    struct statement s;
    struct bytes bytes;
    struct body_enrol enrol = enrol_body(w, who, name, roles);
    struct bytes envelope = envelope_of(w, who, KIND_ENROL, &enrol, 60000, &s, &bytes);
    struct body_admit body = {.request = envelope, .roles = roles, .group = BYTES_TEXT(group),
                              .jurisdiction = BYTES_TEXT("CN")};
    return state_it(w, OPERATOR, KIND_ADMIT, &body) + 1;
}

/* ---- a market ---- */

static UNUSED void world_open(struct world *w)
{
    struct operator_entry operators[2] = {{.name = BYTES_TEXT("Operator")}, {.name = BYTES_TEXT("Second operator")}};
    struct body_genesis genesis = {.name = BYTES_TEXT("Test market"), .origin = BYTES_TEXT(ORIGIN), .rules = 1,
                                   .operators = {operators, 2}};
    bool rebuilt;

    *w = (struct world){.now_ms = clock_wall_ms() - 10000};
    arena_init(&w->arena, 64u << 20);
    assert_ok(crypto_init());
    for (int who = 0; who < N_WHO; who++) {
        uint8_t seed[32] = {(uint8_t)(who + 1)};
        assert_ok(identity_from_seed(seed, &w->ids[who]));
    }
    assert_ok(identity_save(w->ids[BROKER], in_test_dir("broker.key"), "broker", w->now_ms, BYTES(NULL, 0)));
    assert_ok(journal_open(test_dir, JOURNAL_CREATE, &w->journal));
    assert_ok(state_open_writer(test_dir, &w->state, &rebuilt));
    memcpy(genesis.log_key, identity_log_public(w->ids[BROKER]), 32);
    memcpy(genesis.wire_key, identity_wire_public(w->ids[BROKER]), 32);
    memcpy(genesis.seal_key, identity_seal_public(w->ids[BROKER]), 32);
    for (int i = 0; i < 2; i++) {
        memcpy(operators[i].party, identity_party(w->ids[OPERATOR + i]), 32);
        memcpy(operators[i].seal_key, identity_seal_public(w->ids[OPERATOR + i]), 32);
        memcpy(operators[i].wire_key, identity_wire_public(w->ids[OPERATOR + i]), 32);
    }
    state_it(w, BROKER, KIND_GENESIS, &genesis);
    admit(w, REVIEWER, "Reviewer", ROLE_REVIEWER, "");
    admit(w, BANK, "Bank", ROLE_BANK, "");
    admit(w, VENDOR, "Vendor \xe6\xb5\xb7", ROLE_VENDOR, "vendors");
    admit(w, BUYER, "Buyer", ROLE_BUYER, "buyers");
    admit(w, REGULATOR, "Regulator", ROLE_REGULATOR, "");
}

static UNUSED void world_close(struct world *w)
{
    for (int who = 0; who < N_WHO; who++) identity_free(&w->ids[who]);
    state_close(&w->state, true);
    journal_close(&w->journal);
    arena_deinit(&w->arena);
}

/* What the publisher does: tiles up to now, then a signed checkpoint. */
static UNUSED void world_checkpoint(struct world *w, uint64_t old_size)
{
    struct tiles *tiles;
    struct merkle_tree head;
    struct checkpoint checkpoint = {.origin = ORIGIN};
    struct note_key key;
    char text[CHECKPOINT_MAX];

    assert_ok(tiles_open(test_dir, true, &tiles));
    assert_ok(journal_head(w->journal, &head));
    assert_ok(tiles_extend(tiles, w->journal, old_size, head.size));
    checkpoint.size = head.size;
    merkle_root(&head, checkpoint.root);
    assert_ok(note_key_init(ORIGIN, NOTE_TYPE_ED25519, identity_log_public(w->ids[BROKER]), &key));
    size_t len = checkpoint_sign(&checkpoint, &key, identity_log_secret(w->ids[BROKER]), text);
    assert_ok(tiles_write_checkpoint(tiles, BYTES(text, len)));
    tiles_close(&tiles);
}

/* Publishes a listing with that content, or with a commitment that is made up. */
static UNUSED uint64_t publish(struct world *w, const char *title, const char *summary, const char *word,
                               const struct age_commitment *content)
{
    struct keyword keyword = {.word = BYTES_TEXT(word)};
    struct body_publish p = {.kind = LISTING_DATASET, .title = BYTES_TEXT(title), .summary = BYTES_TEXT(summary),
                             .category = BYTES_TEXT("Transport"), .keywords = {&keyword, word[0] != '\0' ? 1 : 0},
                             .terms = BYTES_TEXT("Use it well.")};
    static uint8_t made_up;

    p.right_operating[0] = 1;
    p.plaintext_len = content != NULL ? content->plaintext_len : 100000;
    p.n_chunks = age_n_chunks(p.plaintext_len);
    p.payload_len = age_payload_len(p.plaintext_len);
    if (content != NULL) {
        memcpy(p.nonce, content->nonce, 16);
        memcpy(p.content_root, content->content_root, 32);
        memcpy(p.key_commitment, content->key_commitment, 32);
    } else {
        p.nonce[0] = p.content_root[0] = p.key_commitment[0] = ++made_up;
        p.key_commitment[1] = 1;
    }
    return state_it(w, VENDOR, KIND_PUBLISH, &p) + 1;
}

static UNUSED void open_listing(struct world *w, uint64_t listing)
{
    struct body_stored stored = {.listing = listing};
    struct body_review review = {.listing = listing, .verdict = REVIEW_APPROVE};
    state_it(w, BROKER, KIND_STORED, &stored);
    state_it(w, REVIEWER, KIND_REVIEW, &review);
}

static UNUSED void deposit(struct world *w, enum who who, uint64_t amount, const char *reference)
{
    struct body_deposit body = {.amount = amount, .reference = BYTES_TEXT(reference)};
    memcpy(body.party, identity_party(w->ids[who]), 32);
    state_it(w, BANK, KIND_DEPOSIT, &body);
}

static UNUSED uint64_t ask_order(struct world *w, uint64_t listing, uint64_t price, uint64_t quantity)
{
    struct body_order order = {.listing = listing, .side = SIDE_ASK, .price = price, .quantity = quantity,
                               .unlimited = quantity == 0};
    return state_it(w, VENDOR, KIND_ORDER, &order) + 1;
}

/* A bid; its one-time recipient is derived as a buyer's library does. */
static UNUSED uint64_t bid_order(struct world *w, uint64_t listing, uint64_t price, uint64_t quantity)
{
    struct body_order order = {.listing = listing, .side = SIDE_BID, .price = price, .quantity = quantity,
                               .purpose = BYTES_TEXT("research")};
    uint8_t command_id[16], secret[32];

    be64_put(command_id, (w->now_ms + 1) << 16 | 0x7000);
    be64_put(command_id + 8, UINT64_C(1) << 63 | (w->n_commands + 1));
    identity_bid_key(w->ids[BUYER], command_id, 0, secret, order.recipient);
    sha256(BYTES_TEXT("Use it well."), order.terms_hash);
    uint64_t index = state_it(w, BUYER, KIND_ORDER, &order) + 1;
    assert_memory_equal(command_id, w->last_command, 16);
    return index;
}

static UNUSED struct row_trade trade_of(struct world *w, uint64_t trade, struct bytes *text)
{
    struct state_view *view;
    struct row_trade row;
    uint8_t key[8];

    key_u64(key, trade);
    assert_ok(state_read_begin(w->state, &view));
    assert_ok(state_get(view, TABLE_TRADE, key, &row));
    assert_ok(settlement_text(view, trade, &row, &w->arena, text));
    state_read_end(&view);
    return row;
}

static UNUSED void grant(struct world *w, uint64_t trade, uint8_t sealed[AGE_GRANT_BYTES])
{
    struct body_grant body = {.trade = trade};
    struct bytes text;
    uint8_t file_key[AGE_FILE_KEY_BYTES] = {7};

    struct row_trade row = trade_of(w, trade, &text);
    assert_ok(age_grant_seal(file_key, row.recipient, sealed));
    body.grant = BYTES(sealed, AGE_GRANT_BYTES);
    identity_sign(w->ids[VENDOR], DOMAIN_NONE, text, body.signature);
    state_it(w, VENDOR, KIND_GRANT, &body);
}

static UNUSED void accept_trade(struct world *w, uint64_t trade)
{
    struct body_accept body = {.trade = trade};
    struct bytes text;

    trade_of(w, trade, &text);
    identity_sign(w->ids[BUYER], DOMAIN_NONE, text, body.signature);
    state_it(w, BUYER, KIND_ACCEPT, &body);
}

/* ---- processes ---- */

static UNUSED struct config test_config(void)
{
    struct config config = {.listen = "127.0.0.1", .lobby_memory_bytes = UINT64_C(512) << 20};
    snprintf(config.dir, sizeof config.dir, "%s", test_dir);
    return config;
}

/* Forks before anything of the market is open in this process, as tidemarkd does. */
static UNUSED pid_t process_start(int (*process)(const struct config *config))
{
    struct config config = test_config();

    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
    log_set_level(LOG_LEVEL_WARNING);
    _exit(process(&config));
}

/* Waits for the door; 0 when it does not come. */
static UNUSED uint16_t wait_for_port(const char *door)
{
    for (int i = 0; i < 500; i++) {
        uint16_t port = ports_read(test_dir, door);
        if (port != 0) return port;
        usleep(10000);
    }
    return 0;
}

/* SIGTERM, and the exit status. */
static UNUSED int process_stop(pid_t pid)
{
    int status;
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* ---- a client ---- */

struct client {
    void *socket;
    uint64_t next_id;
    struct arena arena;
};

static UNUSED void client_open(struct client *c, void *zmq_context, struct world *w, enum who who, uint16_t port)
{
    char endpoint[64];
    int linger = 0, timeout_ms = 5000;

    *c = (struct client){.socket = zmq_socket(zmq_context, ZMQ_DEALER)};
    arena_init(&c->arena, 8u << 20);
    assert_non_null(c->socket);
    zmq_setsockopt(c->socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(c->socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    assert_int_equal(zmq_setsockopt(c->socket, ZMQ_CURVE_SERVERKEY, identity_wire_public(w->ids[BROKER]), 32), 0);
    assert_int_equal(zmq_setsockopt(c->socket, ZMQ_CURVE_PUBLICKEY, identity_wire_public(w->ids[who]), 32), 0);
    assert_int_equal(zmq_setsockopt(c->socket, ZMQ_CURVE_SECRETKEY, identity_wire_secret(w->ids[who]), 32), 0);
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", (unsigned)port);
    assert_int_equal(zmq_connect(c->socket, endpoint), 0);
}

static UNUSED void client_close(struct client *c)
{
    zmq_close(c->socket);
    arena_deinit(&c->arena);
}

static UNUSED uint64_t client_send(struct client *c, const char *verb, const void *body)
{
    struct request request = {.request_id = ++c->next_id, .verb = verb_by_name(BYTES_TEXT(verb)), .body = body};
    struct bytes frame;

    assert_non_null(request.verb);
    arena_reset(&c->arena);
    assert_ok(request_encode(&request, &c->arena, &frame));
    assert_int_equal(zmq_send(c->socket, frame.data, frame.len, 0), (int)frame.len);
    return request.request_id;
}

/* The reply's code and body (in the client's arena, until the next request). Fails when none comes. */
static UNUSED struct reply client_receive(struct client *c, const char *verb)
{
    static uint8_t buffer[LIMIT_DATA_FRAME_BYTES];
    struct reply reply;

    int len = zmq_recv(c->socket, buffer, sizeof buffer, 0);
    assert_true(len > 0 && (size_t)len <= sizeof buffer);
    struct bytes frame = arena_copy(&c->arena, BYTES(buffer, (size_t)len));
    assert_non_null(frame.data);
    assert_ok(reply_decode(frame, verb_by_name(BYTES_TEXT(verb))->reply, &c->arena, &reply));
    return reply;
}

static UNUSED struct reply client_ask(struct client *c, const char *verb, const void *body)
{
    uint64_t id = client_send(c, verb, body);
    struct reply reply = client_receive(c, verb);
    assert_int_equal(reply.request_id, id);
    return reply;
}

#endif
