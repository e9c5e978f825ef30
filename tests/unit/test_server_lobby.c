/*
 * The lobby as a process of its own: it waits for the broker, answers strangers, checks what asks to be enrolled,
 * sees what is committed, follows a state that was built anew, and stops when told.
 */
#include "tests/unit/test_server.h"

static struct world w;
static pid_t lobby;
static void *zmq;
static struct client stranger, vendor;

static int build(void **state)
{
    if (make_test_dir(state) != 0) return -1;
    lobby = process_start(lobby_process);
    usleep(200000); /* it finds nothing yet, and waits */
    if (ports_read(test_dir, "lobby") != 0) return -1;
    world_open(&w);
    publish(&w, "Air quality", "", "", NULL);
    uint16_t port = wait_for_port("lobby");
    if (port == 0) return -1;
    zmq = zmq_ctx_new();
    client_open(&stranger, zmq, &w, STRANGER, port);
    client_open(&vendor, zmq, &w, VENDOR, port);
    return 0;
}

static int tear_down(void **state)
{
    client_close(&stranger);
    client_close(&vendor);
    zmq_ctx_term(zmq);
    world_close(&w);
    return remove_test_dir(state);
}

static void test_doors(void **state)
{
    (void)state;
    struct reply reply = client_ask(&stranger, "doors", &(struct body_q_none){});
    assert_int_equal(reply.code, OUTCOME_OK);
    const struct body_r_doors *doors = reply.body;
    assert_memory_equal(doors->market, w.market, 32);
    assert_int_equal(doors->trade_port, 0);
    assert_ok(ports_write(test_dir, "trade", 4711));
    doors = client_ask(&stranger, "doors", &(struct body_q_none){}).body;
    assert_int_equal(doors->trade_port, 4711);
}

static void test_other_doors_verbs(void **state)
{
    (void)state;
    struct body_q_book book = {.listing = 1};
    struct body_q_records records = {0};
    assert_int_equal(client_ask(&vendor, "book", &book).code, OUTCOME_UNKNOWN_VERB);
    assert_int_equal(client_ask(&vendor, "records", &records).code, OUTCOME_UNKNOWN_VERB);
    assert_int_equal(client_ask(&vendor, "balances", &(struct body_q_none){}).code, OUTCOME_UNKNOWN_VERB);
}

static void test_malformed(void **state)
{
    (void)state;
    static const uint8_t frame[] = {0x94, 0x01, 0x07, 0xa5, 'd', 'o', 'o', 'r', 's', 0x91, 0xc0};
    assert_int_equal(zmq_send(stranger.socket, frame, sizeof frame, 0), (int)sizeof frame);
    struct reply reply = client_receive(&stranger, "doors");
    assert_int_equal(reply.code, OUTCOME_MALFORMED);
    assert_int_equal(reply.request_id, 7);
}

static void test_unpublished_is_hidden(void **state)
{
    (void)state;
    struct body_q_search search = {0}, awaiting = {.state = LISTING_AWAITING}, mine = {.mine = 1};
    const struct body_r_search *found = client_ask(&stranger, "search", &search).body;
    assert_int_equal(found->listings.n, 0);
    assert_int_equal(client_ask(&stranger, "search", &awaiting).code, OUTCOME_NOT_YOUR_ROLE);
    found = client_ask(&vendor, "search", &mine).body;
    assert_int_equal(found->listings.n, 1);
}

/* ---- enrolment ---- */

/* What is wrong with a request. */
enum fault {
    NO_FAULT, OTHER_MARKET, BAD_SIGNATURE, FROM_FUTURE, TOO_LONG, EXPIRED, OLD_ID, OTHER_WIRE_KEY, BAD_RECIPIENT,
    CONTROL_IN_NAME, OTHER_KIND, NOT_ENVELOPE,
};

static struct reply enrol(struct client *c, enum who who, enum fault fault)
{
    struct body_enrol enrol = enrol_body(&w, who, fault == CONTROL_IN_NAME ? "New\x1b[2J" : "Newcomer", ROLE_BUYER);
    struct body_close close = {.listing = 1};
    struct statement s;
    struct bytes bytes, envelope;
    uint8_t signature[64];

    if (fault == OTHER_WIRE_KEY) enrol.wire_key[5] ^= 1;
    if (fault == BAD_RECIPIENT) memcpy(enrol.seal_key, (uint8_t[32]){1}, 32);
    w.now_ms = clock_wall_ms();
    uint64_t kind = fault == OTHER_KIND ? KIND_CLOSE : KIND_ENROL;
    envelope_of(&w, who, kind, fault == OTHER_KIND ? (void *)&close : &enrol, LIMIT_ENROL_VALID_MS, &s, &bytes);
    if (fault == OTHER_MARKET) s.market[0] ^= 1;
    if (fault == FROM_FUTURE) s.issued_at += 61000;
    if (fault == EXPIRED) s.issued_at -= 2 * LIMIT_ENROL_VALID_MS;
    if (fault == OLD_ID) s.issued_at -= 1;
    if (fault == FROM_FUTURE || fault == EXPIRED) be64_put(s.command_id, s.issued_at << 16 | 0x7000);
    s.valid_until = s.issued_at + LIMIT_ENROL_VALID_MS + (fault == TOO_LONG ? 1 : 0);
    assert_ok(statement_encode(&s, &w.arena, &bytes));
    identity_sign(w.ids[who], DOMAIN_STATEMENT, bytes, signature);
    if (fault == BAD_SIGNATURE) signature[9] ^= 1;
    assert_ok(envelope_encode(bytes, signature, &w.arena, &envelope));
    struct body_q_enrol ask = {.envelope = fault == NOT_ENVELOPE ? bytes : envelope};
    return client_ask(c, "enrol", &ask);
}

static void test_enrol_refused(void **state)
{
    (void)state;
    static const struct { enum fault fault; enum outcome outcome; } cases[] = {
        {OTHER_MARKET, OUTCOME_WRONG_MARKET}, {BAD_SIGNATURE, OUTCOME_BAD_SIGNATURE},
        {FROM_FUTURE, OUTCOME_BAD_TIME}, {TOO_LONG, OUTCOME_BAD_TIME}, {OLD_ID, OUTCOME_BAD_TIME},
        {EXPIRED, OUTCOME_EXPIRED}, {OTHER_WIRE_KEY, OUTCOME_NOT_YOURS}, {BAD_RECIPIENT, OUTCOME_BAD_RECIPIENT},
        {CONTROL_IN_NAME, OUTCOME_BAD_TEXT}, {OTHER_KIND, OUTCOME_MALFORMED}, {NOT_ENVELOPE, OUTCOME_MALFORMED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct reply reply = enrol(&stranger, STRANGER, cases[i].fault);
        if (reply.code != (uint64_t)cases[i].outcome) fail_msg("case %zu: %u", i, (unsigned)reply.code);
        assert_true(reply.text.len > 0);
    }
    assert_int_equal(enrol(&vendor, VENDOR, NO_FAULT).code, OUTCOME_ALREADY_ENROLLED);
    const struct body_r_party *party = client_ask(&stranger, "party", &(struct body_q_party){0}).body;
    assert_int_equal(party->state, PARTY_UNKNOWN);
}

static void test_enrol(void **state)
{
    (void)state;
    struct body_q_party self = {0}, named = {0};
    struct reply reply = enrol(&stranger, STRANGER, NO_FAULT);
    assert_int_equal(reply.code, OUTCOME_OK);
    const struct body_r_party *party = reply.body;
    assert_int_equal(party->state, PARTY_WAITING);
    assert_int_equal(party->roles, ROLE_BUYER);
    party = client_ask(&stranger, "party", &self).body;
    assert_int_equal(party->state, PARTY_WAITING);
    assert_memory_equal(party->party, identity_party(w.ids[STRANGER]), 32);
    memcpy(named.party, identity_party(w.ids[STRANGER]), 32);
    assert_int_equal(client_ask(&vendor, "party", &named).code, OUTCOME_NO_SUCH_PARTY); /* not for others */

    admit(&w, STRANGER, "Newcomer", ROLE_BUYER, "new");
    party = client_ask(&stranger, "party", &self).body;
    assert_int_equal(party->state, PARTY_ACTIVE);
    assert_int_equal(enrol(&stranger, STRANGER, NO_FAULT).code, OUTCOME_ALREADY_ENROLLED);
}

/* ---- following the broker ---- */

static void apply_journal(void)
{
    struct state_view *view;
    struct arena arena;
    struct bytes record;
    size_t n;

    arena_init(&arena, 8u << 20);
    assert_ok(state_write(w.state, &view));
    for (uint64_t i = 0; i < w.size; i++) {
        arena_reset(&arena);
        assert_ok(journal_read(w.journal, i, 1, LIMIT_RECORD_BYTES, &arena, &record, &n));
        assert_int_equal(n, 1);
        assert_ok(market_apply(view, record, &arena));
    }
    assert_ok(state_commit(w.state));
    arena_deinit(&arena);
}

static void test_state_built_anew(void **state)
{
    (void)state;
    struct body_q_party self = {0};
    bool rebuilt;

    state_close(&w.state, false);
    assert_int_equal(nftw(in_test_dir("state"), remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    assert_int_equal(client_ask(&vendor, "party", &self).code, OUTCOME_BUSY);
    assert_ok(state_open_writer(test_dir, &w.state, &rebuilt));
    assert_true(rebuilt);
    apply_journal();
    const struct body_r_party *party = client_ask(&vendor, "party", &self).body;
    assert_non_null(party);
    assert_int_equal(party->state, PARTY_ACTIVE);
    deposit(&w, VENDOR, 100, "after"); /* the market goes on */
}

static void test_stop(void **state)
{
    (void)state;
    assert_int_equal(process_stop(lobby), 0);
    assert_int_equal(ports_read(test_dir, "lobby"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doors),
        cmocka_unit_test(test_other_doors_verbs),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_unpublished_is_hidden),
        cmocka_unit_test(test_enrol_refused),
        cmocka_unit_test(test_enrol),
        cmocka_unit_test(test_state_built_anew),
        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests_name("server_lobby", tests, build, tear_down);
}
