/*
 * The auditor as a process of its own: records in order, the live tail, evidence of disputes, who may enter, and who may stay.
 */
#include "tests/unit/test_dispute.h"
#include "tests/unit/test_server.h"

static struct world w;
static pid_t auditor;
static void *zmq;
static uint16_t port;
static struct client regulator;

static int build(void **state)
{
    if (make_test_dir(state) != 0) return -1;
    auditor = process_start(auditor_process);
    world_open(&w);
    port = wait_for_port("audit");
    if (port == 0) return -1;
    zmq = zmq_ctx_new();
    client_open(&regulator, zmq, &w, REGULATOR, port);
    return 0;
}

static int tear_down(void **state)
{
    client_close(&regulator);
    zmq_ctx_term(zmq);
    world_close(&w);
    return remove_test_dir(state);
}

static void assert_journaled(const struct body_r_records *r, uint64_t from)
{
    const struct body_record_row *rows = r->records.items;
    struct record record;

    for (size_t i = 0; i < r->records.n; i++) {
        assert_ok(record_decode(rows[i].record, &regulator.arena, &record));
        assert_int_equal(record.index, from + i);
    }
}

static void test_records(void **state)
{
    (void)state;
    struct body_q_records all = {0}, some = {.from = 3, .limit = 2}, beyond = {.from = w.size};
    const struct body_r_records *r = client_ask(&regulator, "records", &all).body;
    assert_int_equal(r->records.n, w.size);
    assert_int_equal(r->size, w.size);
    assert_journaled(r, 0);
    r = client_ask(&regulator, "records", &some).body;
    assert_int_equal(r->records.n, 2);
    assert_journaled(r, 3);
    r = client_ask(&regulator, "records", &beyond).body;
    assert_int_equal(r->records.n, 0);
    assert_int_equal(r->size, w.size);
}

/* Many records: every reply fits a frame, and one after the other they are all there. */
static void test_batches(void **state)
{
    (void)state;
    static char summary[4001];
    uint64_t from = 0, n_replies = 0;

    memset(summary, 'x', sizeof summary - 1);
    for (int i = 0; i < 30; i++) publish(&w, "Large", summary, "", NULL);
    while (from < w.size) {
        struct body_q_records ask = {.from = from};
        const struct body_r_records *r = client_ask(&regulator, "records", &ask).body;
        assert_non_null(r);
        assert_true(r->records.n > 0);
        assert_journaled(r, from);
        from += r->records.n;
        n_replies++;
    }
    assert_true(n_replies >= 3);
}

static void test_tail(void **state)
{
    (void)state;
    struct body_q_records next = {.from = w.size, .wait_ms = 4000}, brief = {.wait_ms = 200};
    uint64_t begun = clock_steady_ms();

    client_send(&regulator, "records", &next);
    struct reply other = client_ask(&regulator, "party", &(struct body_q_party){0}); /* is not held up */
    assert_int_equal(other.code, OUTCOME_OK);
    deposit(&w, BUYER, 100, "tail");
    struct reply reply = client_receive(&regulator, "records");
    assert_int_equal(reply.code, OUTCOME_OK);
    const struct body_r_records *r = reply.body;
    assert_true(r->records.n > 0);
    assert_journaled(r, next.from);
    assert_true(clock_steady_ms() - begun < 3000);

    brief.from = w.size;
    begun = clock_steady_ms();
    r = client_ask(&regulator, "records", &brief).body;
    assert_int_equal(r->records.n, 0);
    assert_true(clock_steady_ms() - begun >= 150);
}

static void test_proof(void **state)
{
    (void)state;
    struct body_q_index index = {.index = 4};
    assert_int_equal(client_ask(&regulator, "proof", &index).code, OUTCOME_NOT_YET);
    world_checkpoint(&w, 0);
    assert_int_equal(client_ask(&regulator, "proof", &index).code, OUTCOME_OK);
    assert_int_equal(client_ask(&regulator, "checkpoint", &(struct body_q_none){}).code, OUTCOME_OK);
    assert_int_equal(client_ask(&regulator, "search", &(struct body_q_search){0}).code, OUTCOME_UNKNOWN_VERB);
}

static void test_evidence(void **state)
{
    (void)state;
    uint8_t hash[HASH_BYTES], found[HASH_BYTES], whole[LIMIT_EVIDENCE_BYTES];
    struct sale *sale = sale_new();
    struct body_q_evidence about = {.trade = sell(&w, sale)};
    struct evidence e = evidence_of(sale, 0);

    assert_int_equal(client_ask(&regulator, "evidence", &about).code, OUTCOME_NO_SUCH_EVIDENCE);
    put_honest_evidence(&w, about.trade, &e, hash);
    dispute(&w, about.trade, hash);
    for (uint64_t len = 1; about.offset < len;) {
        struct reply reply = client_ask(&regulator, "evidence", &about);
        assert_int_equal(reply.code, OUTCOME_OK);
        const struct body_r_evidence *r = reply.body;
        len = r->len;
        assert_true(r->piece.len > 0 && about.offset + r->piece.len <= len && len <= sizeof whole);
        memcpy(whole + about.offset, r->piece.data, r->piece.len);
        about.offset += r->piece.len;
    }
    sha256(BYTES(whole, about.offset), found);
    assert_memory_equal(found, hash, HASH_BYTES);
    free(sale);
}

static void test_others_do_not_enter(void **state)
{
    (void)state;
    static const enum who who[] = {STRANGER, BUYER, OPERATOR};
    for (size_t i = 0; i < ARRAY_LEN(who); i++) {
        struct client c;
        uint8_t byte;
        int timeout_ms = 300;
        client_open(&c, zmq, &w, who[i], port);
        zmq_setsockopt(c.socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
        client_send(&c, "records", &(struct body_q_records){0});
        assert_int_equal(zmq_recv(c.socket, &byte, 1, 0), -1);
        client_close(&c);
    }
}

/* A connection outlives a suspension: each message is judged anew, and so is who waits. */
static void test_suspended(void **state)
{
    (void)state;
    struct body_suspend suspend = {.reason = BYTES_TEXT("mandate ended")};
    struct body_q_records next = {.from = w.size + 100, .wait_ms = 500};

    memcpy(suspend.party, identity_party(w.ids[REGULATOR]), 32);
    client_send(&regulator, "records", &next);
    state_it(&w, OPERATOR, KIND_SUSPEND, &suspend);
    assert_int_equal(client_receive(&regulator, "records").code, OUTCOME_NOT_YOUR_ROLE);
    assert_int_equal(client_ask(&regulator, "records", &(struct body_q_records){0}).code, OUTCOME_NOT_YOUR_ROLE);
}

/* A damaged record is never handed out: the process says so and ends. */
static void test_damaged_journal(void **state)
{
    (void)state;
    static const char reference[] = "a reference to be damaged";
    struct body_q_records ask = {.from = 0};
    struct client c;
    int status;

    admit(&w, STRANGER, "Second regulator", ROLE_REGULATOR, "");
    ask.from = w.size;
    deposit(&w, BUYER, 100, reference);
    assert_true(flip_byte_in(in_test_dir("journal/data.mdb"), reference, sizeof reference - 1, 2) > 0);
    client_open(&c, zmq, &w, STRANGER, port);
    assert_int_equal(client_ask(&c, "records", &ask).code, OUTCOME_BUSY);
    assert_int_equal(waitpid(auditor, &status, 0), auditor);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    client_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_tail),
        cmocka_unit_test(test_proof),
        cmocka_unit_test(test_evidence),
        cmocka_unit_test(test_others_do_not_enter),
        cmocka_unit_test(test_suspended),
        cmocka_unit_test(test_damaged_journal),
    };
    return cmocka_run_group_tests_name("server_auditor", tests, build, tear_down);
}
