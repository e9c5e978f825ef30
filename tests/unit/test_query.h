/*
 * What the tests of queries share: a world, a snapshot of it, and asking as somebody.
 */
#ifndef TIDEMARK_TESTS_TEST_QUERY_H
#define TIDEMARK_TESTS_TEST_QUERY_H

#include "tests/unit/test_server.h"

#include "broker/server/query.h"

static struct world w;
static struct query_source source;
static struct arena arena;

static UNUSED void query_world_open(void)
{
    arena_init(&arena, 8u << 20);
    world_open(&w);
    source = (struct query_source){.journal = w.journal, .log_secret = identity_log_secret(w.ids[BROKER])};
    assert_ok(cards_open(test_dir, &source.cards));
    assert_ok(state_read_begin(w.state, &source.view));
}

static UNUSED void query_world_close(void)
{
    state_read_end(&source.view);
    cards_close(&source.cards);
    world_close(&w);
    arena_deinit(&arena);
}

static UNUSED uint64_t number_of(enum who who)
{
    struct peer peer;
    assert_ok(state_read_renew(source.view));
    assert_ok(query_peer(source.view, identity_wire_public(w.ids[who]), &peer));
    return peer.number;
}

/* Asks, and checks that the answer can be sent: encoded within a frame, and decoded to the same code. */
static UNUSED const void *ask_code(enum who who, const char *verb, const void *body, enum outcome expected)
{
    struct request request = {.request_id = 5, .verb = verb_by_name(BYTES_TEXT(verb)), .body = body};
    struct peer peer;
    struct reply reply, decoded;
    struct bytes frame;

    arena_reset(&arena);
    assert_non_null(request.verb);
    assert_ok(state_read_renew(source.view));
    assert_ok(query_peer(source.view, identity_wire_public(w.ids[who]), &peer));
    assert_ok(query_answer(&source, &peer, &request, w.now_ms, &arena, &reply));
    if (reply.code != (uint64_t)expected) fail_msg("%s answered %u", verb, (unsigned)reply.code);
    assert_ok(reply_encode(&reply, request.verb->reply, &arena, &frame));
    assert_true(frame.len <= (request.verb->doors == DOOR_AUDIT ? LIMIT_DATA_FRAME_BYTES : LIMIT_TRADE_FRAME_BYTES));
    assert_ok(reply_decode(frame, request.verb->reply, &arena, &decoded));
    assert_int_equal(decoded.code, expected);
    return decoded.body;
}

static UNUSED const void *ask(enum who who, const char *verb, const void *body)
{
    return ask_code(who, verb, body, OUTCOME_OK);
}

static UNUSED void refused(enum who who, const char *verb, const void *body, enum outcome expected)
{
    assert_null(ask_code(who, verb, body, expected));
}

static UNUSED void assert_text(struct bytes text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    if (text.len > 0) assert_memory_equal(text.data, expected, text.len);
}

static UNUSED struct body_q_party party_of(enum who who)
{
    struct body_q_party ask_for = {0};
    memcpy(ask_for.party, identity_party(w.ids[who]), 32);
    return ask_for;
}

#endif
