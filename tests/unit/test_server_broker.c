/*
 * The broker process over its trade door: what it answers to whom, that order and durability hold for pipelined
 * statements, that disputes are judged, and that it drains when it is told to stop.
 */
#include "tests/unit/test_dispute.h"
#include "tests/unit/test_server.h"

#include "broker/server/query.h"

#include <zmq.h>

static struct world w;
static void *context;
static pid_t broker;
static uint16_t port;
static struct client client;

/* The market, let go, is then served by a child. */
static int serve(void)
{
    static struct config config;
    state_close(&w.state, true);
    journal_close(&w.journal);
    config = test_config();
    config.publish_interval_ms = 20;
    config.queue_length = 64;
    config.n_verifiers = 3;
    fflush(NULL);
    broker = fork();
    if (broker == 0) {
        log_set_level(0);
        _exit(broker_process(&config));
    }
    port = wait_for_port("trade");
    assert_int_not_equal(port, 0);
    context = zmq_ctx_new();
    client_open(&client, context, &w, BANK, port);
    w.now_ms = clock_wall_ms();
    return 0;
}

static int build(void **state)
{
    if (make_test_dir(state) != 0) return -1;
    world_open(&w);
    return serve();
}

/* Two trades, sold with a wrong chunk; the first is disputed already, with evidence that only waits to be judged. */
static struct {
    uint64_t waiting, next;
    uint8_t next_evidence[HASH_BYTES];
} sold;

static int build_disputed(void **state)
{
    uint8_t hash[HASH_BYTES];
    struct sale *sale = sale_new();
    if (make_test_dir(state) != 0) return -1;
    world_open(&w);
    sale->spoiled = 1;
    sold.waiting = sell(&w, sale);
    struct evidence e = evidence_of(sale, 1);
    put_honest_evidence(&w, sold.waiting, &e, hash);
    dispute(&w, sold.waiting, hash);
    sold.next = sell(&w, sale);
    e = evidence_of(sale, 1);
    put_honest_evidence(&w, sold.next, &e, sold.next_evidence);
    free(sale);
    return serve();
}

static int tear_down(void **state)
{
    client_close(&client);
    zmq_ctx_term(context);
    if (broker > 0) assert_int_equal(process_stop(broker), 0);
    world_close(&w);
    return remove_test_dir(state);
}

static struct bytes deposit_envelope(uint64_t amount, const char *reference)
{
    struct statement s;
    struct bytes bytes;
    struct body_deposit body = {.amount = amount, .reference = BYTES_TEXT(reference)};
    memcpy(body.party, identity_party(w.ids[BUYER]), 32);
    return envelope_of(&w, BANK, KIND_DEPOSIT, &body, 60000, &s, &bytes);
}

static struct reply submit(struct client *c, struct bytes envelope)
{
    struct body_q_submit body = {.envelope = envelope};
    return client_ask(c, "submit", &body);
}

static void a_statement_is_answered_when_it_is_durable(void **state)
{
    (void)state;
    struct reply reply = submit(&client, deposit_envelope(100, "a"));
    assert_int_equal(reply.code, OUTCOME_OK);
    const struct body_r_submit *done = reply.body;
    assert_int_equal(done->next_index, done->first_index + 2);
    assert_int_equal(kill(broker, SIGKILL), 0);
    assert_int_equal(waitpid(broker, NULL, 0), broker);
    broker = 0;
    struct merkle_tree head;
    assert_ok(journal_open(test_dir, JOURNAL_READONLY, &w.journal));
    assert_ok(journal_head(w.journal, &head));
    assert_int_equal(head.size, done->next_index);
}

static void what_cannot_be_right_is_refused(void **state)
{
    (void)state;
    struct client stranger, buyer;
    struct bytes good = deposit_envelope(100, "a"), statement;
    const uint8_t *signature;
    uint8_t *copy = (uint8_t *)(uintptr_t)arena_copy(&w.arena, good).data;
    copy[good.len - 1] ^= 1;
    assert_int_equal(submit(&client, BYTES(copy, good.len)).code, OUTCOME_BAD_SIGNATURE);
    assert_int_equal(submit(&client, BYTES(copy, good.len - 1)).code, OUTCOME_MALFORMED);
    w.market[0] ^= 1;
    assert_int_equal(submit(&client, deposit_envelope(100, "a")).code, OUTCOME_WRONG_MARKET);
    w.market[0] ^= 1;
    assert_ok(envelope_decode(good, &w.arena, &statement, &signature));

    assert_int_equal(zmq_send(client.socket, "nonsense", 8, 0), 8);
    assert_int_equal(client_receive(&client, "submit").code, OUTCOME_MALFORMED);
    struct body_q_records records = {.limit = 1};
    assert_int_equal(client_ask(&client, "records", &records).code, OUTCOME_UNKNOWN_VERB);

    /* A key that is nobody's does not even shake hands. */
    int timeout_ms = 300;
    char frame[4];
    client_open(&stranger, context, &w, STRANGER, port);
    zmq_setsockopt(stranger.socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    struct body_q_none none;
    client_send(&stranger, "balances", &none);
    int len = zmq_recv(stranger.socket, frame, sizeof frame, 0);
    client_close(&stranger);
    assert_int_equal(len, -1);

    /* Whoever carries a statement, it is its signer's; but only the signer hears again what became of it. */
    client_open(&buyer, context, &w, BUYER, port);
    assert_int_equal(submit(&buyer, good).code, OUTCOME_OK);
    assert_int_equal(submit(&buyer, good).code, OUTCOME_ID_REUSED);
    assert_int_equal(submit(&client, good).code, OUTCOME_OK);
    client_close(&buyer);
}

/* Many at once: more than the broker has room for are refused as busy; the others keep their order. */
static void pipelined_statements_keep_their_order(void **state)
{
    (void)state;
    enum { N = 30 };
    struct bytes envelopes[N];
    for (unsigned i = 0; i < N; i++) {
        char *reference = arena_alloc(&w.arena, 8);
        snprintf(reference, 8, "r%u", i);
        envelopes[i] = deposit_envelope(1, reference);
    }
    uint64_t first_id = client.next_id + 1, last_index = 0;
    for (unsigned i = 0; i < N; i++) {
        struct body_q_submit body = {.envelope = envelopes[i]};
        client_send(&client, "submit", &body);
    }
    for (unsigned i = 0; i < N; i++) {
        struct reply reply = client_receive(&client, "submit");
        assert_int_equal(reply.code, OUTCOME_OK);
        assert_int_equal(reply.request_id, first_id + i);
        const struct body_r_submit *done = reply.body;
        assert_true(done->first_index > last_index);
        last_index = done->first_index;
    }
}

static void one_peer_has_half_of_the_room(void **state)
{
    (void)state;
    enum { N = 2000 };
    unsigned n_ok = 0, n_busy = 0;
    struct body_q_submit body = {.envelope = deposit_envelope(1, "once")};
    for (unsigned i = 0; i < N; i++) client_send(&client, "submit", &body);
    for (unsigned i = 0; i < N; i++) {
        struct reply reply = client_receive(&client, "submit");
        n_ok += reply.code == OUTCOME_OK;
        n_busy += reply.code == OUTCOME_BUSY;
    }
    assert_int_equal(n_ok + n_busy, N);
    assert_true(n_ok >= 32);
}

static void a_query_can_wait_for_what_was_just_stated(void **state)
{
    (void)state;
    struct client buyer;
    char name[VERB_MAX + 24];
    client_open(&buyer, context, &w, BUYER, port);
    for (unsigned i = 1; i <= 20; i++) {
        snprintf(name, sizeof name, "r%u", i);
        const struct body_r_submit *done = submit(&client, deposit_envelope(5, name)).body;
        assert_non_null(done);
        struct request request = {.request_id = ++buyer.next_id, .verb = verb_by_name(BYTES_TEXT("balances")),
                                  .after = done->next_index};
        struct body_q_none none;
        struct bytes frame;
        request.body = &none;
        arena_reset(&buyer.arena);
        assert_ok(request_encode(&request, &buyer.arena, &frame));
        assert_int_equal(zmq_send(buyer.socket, frame.data, frame.len, 0), (int)frame.len);
        struct reply reply = client_receive(&buyer, "balances");
        assert_int_equal(reply.code, OUTCOME_OK);
        const struct body_r_balances *balances = reply.body;
        assert_int_equal(balances->balances.n, 1);
        assert_int_equal(((const struct body_balance *)balances->balances.items)->available, 5 * i);

        request.after = done->next_index + 1; /* nobody has stated that yet */
        request.request_id = ++buyer.next_id;
        assert_ok(request_encode(&request, &buyer.arena, &frame));
        assert_int_equal(zmq_send(buyer.socket, frame.data, frame.len, 0), (int)frame.len);
        assert_int_equal(client_receive(&buyer, "balances").code, OUTCOME_NOT_YET);
    }
    client_close(&buyer);
}

static void stopping_answers_what_was_taken_and_publishes_it(void **state)
{
    (void)state;
    enum { N = 25 };
    struct bytes envelopes[N];
    struct checkpoint checkpoint;
    struct note_key key;
    struct tiles *tiles;
    struct merkle_tree head;
    char text[CHECKPOINT_MAX];
    size_t len;
    unsigned n_ok = 0;
    assert_int_equal(submit(&client, deposit_envelope(1, "first")).code, OUTCOME_OK);
    for (unsigned i = 0; i < N; i++) {
        char *reference = arena_alloc(&w.arena, 8);
        snprintf(reference, 8, "r%u", i);
        envelopes[i] = deposit_envelope(1, reference);
    }
    for (unsigned i = 0; i < N; i++) {
        struct body_q_submit body = {.envelope = envelopes[i]};
        client_send(&client, "submit", &body);
    }
    assert_int_equal(client_receive(&client, "submit").code, OUTCOME_OK);
    assert_int_equal(process_stop(broker), 0);
    broker = 0;
    int timeout_ms = 500;
    zmq_setsockopt(client.socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    static uint8_t buffer[LIMIT_TRADE_FRAME_BYTES];
    for (int n; (n = zmq_recv(client.socket, buffer, sizeof buffer, 0)) > 0;) {
        struct reply reply;
        assert_ok(reply_decode(BYTES(buffer, (size_t)n), &schema_r_submit, &w.arena, &reply));
        assert_true(reply.code == OUTCOME_OK || reply.code == OUTCOME_STOPPING);
        n_ok += reply.code == OUTCOME_OK;
    }
    assert_ok(journal_open(test_dir, JOURNAL_READONLY, &w.journal));
    assert_ok(journal_head(w.journal, &head));
    assert_true(head.size >= 2 * n_ok + 4);
    assert_ok(tiles_open(test_dir, false, &tiles));
    assert_ok(tiles_read_checkpoint(tiles, text, &len));
    assert_ok(note_key_init(ORIGIN, NOTE_TYPE_ED25519, identity_log_public(w.ids[BROKER]), &key));
    assert_ok(checkpoint_verify(BYTES(text, len), &key, &checkpoint));
    assert_int_equal(checkpoint.size, head.size);
    tiles_close(&tiles);
}

/* What the tape says next, after heartbeats. */
static const struct body_tape *hear(void *tape, uint64_t from)
{
    static uint8_t frame[LIMIT_TRADE_FRAME_BYTES];
    const struct body_tape *message;
    do {
        int len = zmq_recv(tape, frame, sizeof frame, 0);
        assert_true(len > 0);
        assert_ok(tape_decode(BYTES(frame, (size_t)len), &w.arena, &message));
    } while (message->next <= from);
    return message;
}

static void the_tape_is_served(void **state)
{
    (void)state;
    char endpoint[64];
    struct body_q_none none;
    struct body_q_tape picture = {0};
    struct reply reply = client_ask(&client, "doors", &none);
    assert_int_equal(reply.code, OUTCOME_OK);
    uint64_t tape_port = ((const struct body_r_doors *)reply.body)->tape_port;
    assert_int_equal(tape_port, wait_for_port("tape"));

    struct client tape; /* only for its keys and its address */
    client_open(&tape, context, &w, BUYER, port);
    zmq_close(tape.socket);
    tape.socket = zmq_socket(context, ZMQ_SUB);
    int zero = 0, timeout_ms = 6000;
    zmq_setsockopt(tape.socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(tape.socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    zmq_setsockopt(tape.socket, ZMQ_CURVE_SERVERKEY, identity_wire_public(w.ids[BROKER]), 32);
    zmq_setsockopt(tape.socket, ZMQ_CURVE_PUBLICKEY, identity_wire_public(w.ids[BUYER]), 32);
    zmq_setsockopt(tape.socket, ZMQ_CURVE_SECRETKEY, identity_wire_secret(w.ids[BUYER]), 32);
    zmq_setsockopt(tape.socket, ZMQ_SUBSCRIBE, "", 0);
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", (unsigned)tape_port);
    assert_int_equal(zmq_connect(tape.socket, endpoint), 0);
    uint64_t from = hear(tape.socket, 0)->next;
    reply = client_ask(&client, "tape", &picture);
    assert_int_equal(((const struct body_r_tape *)reply.body)->next, from);
    reply = submit(&client, deposit_envelope(100, "a"));
    assert_int_equal(reply.code, OUTCOME_OK);
    uint64_t next = ((const struct body_r_submit *)reply.body)->next_index;
    const struct body_tape *message = hear(tape.socket, from);
    assert_int_equal(message->from, from);
    assert_int_equal(message->next, next);
    client_close(&tape);
}

/* The whole way of a card: stated, given, shown to an operator, erased. */
static void a_card_is_kept_beside_the_journal(void **state)
{
    (void)state;
    struct statement s;
    struct bytes bytes;
    struct body_card card = {0};
    struct body_q_put_card put = {.salt = {3}, .card = BYTES_TEXT("{\"phone\":\"1\"}")};
    struct body_q_party self = {0};
    struct body_q_none none;
    cards_hash(put.salt, put.card, card.card_hash);
    assert_int_equal(submit(&client, envelope_of(&w, BANK, KIND_CARD, &card, 60000, &s, &bytes)).code, OUTCOME_OK);
    struct reply reply = client_ask(&client, "put_card", &put);
    for (int i = 0; i < 100 && reply.code == OUTCOME_NO_SUCH_CARD; i++) { /* the state is committed a moment later */
        usleep(10000);
        reply = client_ask(&client, "put_card", &put);
    }
    assert_int_equal(reply.code, OUTCOME_OK);
    assert_int_equal(client_ask(&client, "card", &self).code, OUTCOME_OK);
    assert_int_equal(client_ask(&client, "erase_card", &none).code, OUTCOME_OK);
    assert_int_equal(client_ask(&client, "card", &self).code, OUTCOME_NO_SUCH_CARD);
}

/* The trade as its buyer sees it, once it is final; it must be soon. */
static struct body_trade_row final_trade(struct client *buyer, uint64_t trade)
{
    struct body_q_trade about = {.trade = trade};
    struct body_trade_row row = {0};
    for (int i = 0; i < 1000 && row.final_record == 0; i++) {
        struct reply reply = client_ask(buyer, "trade", &about);
        assert_int_equal(reply.code, OUTCOME_OK);
        row = *(const struct body_trade_row *)((const struct body_r_trade *)reply.body)->row.items;
        if (row.final_record == 0) usleep(10000);
    }
    return row;
}

static void disputes_are_judged_after_a_restart_and_at_once(void **state)
{
    (void)state;
    struct client buyer;
    struct statement s;
    struct bytes bytes;
    client_open(&buyer, context, &w, BUYER, port);
    struct body_trade_row row = final_trade(&buyer, sold.waiting);
    assert_int_equal(row.state, TRADE_REFUNDED);
    assert_int_equal(row.finding, FINDING_BAD_CIPHERTEXT);
    assert_int_not_equal(row.verdict, 0);

    struct body_dispute body = {.trade = sold.next};
    memcpy(body.evidence, sold.next_evidence, HASH_BYTES);
    struct bytes envelope = envelope_of(&w, BUYER, KIND_DISPUTE, &body, 60000, &s, &bytes);
    struct reply reply = submit(&buyer, envelope);
    assert_int_equal(reply.code, OUTCOME_OK);
    uint64_t disputed = ((const struct body_r_submit *)reply.body)->first_index;
    row = final_trade(&buyer, sold.next);
    assert_int_equal(row.state, TRADE_REFUNDED);
    assert_int_equal(row.finding, FINDING_BAD_CIPHERTEXT);
    assert_int_equal(row.dispute, disputed);
    assert_int_equal(row.verdict, disputed + 2); /* after `disputed`: stated once, and nothing between */
    const struct body_r_balances *balances = client_ask(&buyer, "balances", &(struct body_q_none){}).body;
    assert_int_equal(((const struct body_balance *)balances->balances.items)->available, 200);
    client_close(&buyer);
}

#define BROKER_TEST(name) cmocka_unit_test_setup_teardown(name, build, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BROKER_TEST(a_statement_is_answered_when_it_is_durable),
        BROKER_TEST(what_cannot_be_right_is_refused),
        BROKER_TEST(pipelined_statements_keep_their_order),
        BROKER_TEST(one_peer_has_half_of_the_room),
        BROKER_TEST(a_query_can_wait_for_what_was_just_stated),
        BROKER_TEST(the_tape_is_served),
        BROKER_TEST(a_card_is_kept_beside_the_journal),
        cmocka_unit_test_setup_teardown(disputes_are_judged_after_a_restart_and_at_once, build_disputed, tear_down),
        BROKER_TEST(stopping_answers_what_was_taken_and_publishes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
