/*
 * The protocol: every verb's request and reply there and back, what is malformed and what is merely unknown, the
 * outcome table, and that docs/protocol.md is what the tables say. TIDEMARK_WRITE_DOCS=1 writes that file anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "storage/protocol.h"
#include "tests/unit/random_body.h"

#define CAP (64u << 20)
#define DOCS "docs/protocol.md"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, CAP);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static void test_every_request_round_trips(void **state)
{
    (void)state;
    struct chance chance = {21};
    for (size_t i = 0; i < n_all_verbs; i++) {
        for (unsigned round = 0; round < 100; round++) {
            struct request r = {.request_id = chance_between(&chance, 0, UINT64_MAX), .verb = &all_verbs[i]}, back;
            struct bytes out, again;
            r.after = round % 2 == 0 ? 0 : chance_between(&chance, 0, LIMIT_AMOUNT);
            r.body = random_body_new(&chance, r.verb->request, &arena);
            assert_int_equal(request_encode(&r, &arena, &out), TIDE_OK);
            assert_int_equal(request_decode(out, &arena, &back), TIDE_OK);
            assert_true(back.request_id == r.request_id && back.verb == r.verb && back.after == r.after);
            assert_true(bodies_equal(r.verb->request, r.body, back.body));
            assert_int_equal(request_encode(&back, &arena, &again), TIDE_OK);
            assert_true(bytes_equal(out, again));
            arena_reset(&arena);
        }
    }
}

static void test_every_reply_round_trips(void **state)
{
    (void)state;
    struct chance chance = {22};
    for (size_t i = 0; i < n_all_verbs; i++) {
        const struct schema *schema = all_verbs[i].reply;
        for (unsigned round = 0; round < 100; round++) {
            struct reply r = {.request_id = chance_between(&chance, 0, UINT64_MAX), .text = BYTES_TEXT("好")}, back;
            struct bytes out;
            uint64_t id;
            r.body = random_body_new(&chance, schema, &arena);
            assert_int_equal(reply_encode(&r, schema, &arena, &out), TIDE_OK);
            assert_int_equal(reply_peek_id(out, &id), TIDE_OK);
            assert_true(id == r.request_id);
            assert_int_equal(reply_decode(out, schema, &arena, &back), TIDE_OK);
            assert_true(back.request_id == r.request_id && back.code == 0 && bytes_equal(back.text, r.text));
            assert_true(bodies_equal(schema, r.body, back.body));
            arena_reset(&arena);
        }
    }
}

static void test_truncations(void **state)
{
    (void)state;
    struct chance chance = {23};
    for (size_t i = 0; i < n_all_verbs; i++) {
        struct request r = {.request_id = 77, .verb = &all_verbs[i], .after = 5}, back;
        struct reply a = {.request_id = 77}, a_back;
        struct bytes out;
        r.body = random_body_new(&chance, r.verb->request, &arena);
        a.body = random_body_new(&chance, r.verb->reply, &arena);
        assert_int_equal(request_encode(&r, &arena, &out), TIDE_OK);
        for (size_t len = 0; len < out.len; len++) {
            uint8_t *cut = exact_copy(BYTES(out.data, len));
            assert_int_equal(request_decode(BYTES(cut, len), &arena, &back), TIDE_EMALFORMED);
            assert_true(back.request_id == (len >= 3 ? 77 : 0)); /* it can be answered by number */
            assert_true(back.verb == NULL && back.body == NULL && back.after == 0);
            free(cut);
        }
        assert_int_equal(reply_encode(&a, r.verb->reply, &arena, &out), TIDE_OK);
        for (size_t len = 0; len < out.len; len += 1 + len / 200) {
            uint8_t *cut = exact_copy(BYTES(out.data, len));
            assert_int_equal(reply_decode(BYTES(cut, len), r.verb->reply, &arena, &a_back), TIDE_EMALFORMED);
            assert_null(a_back.body);
            free(cut);
        }
        arena_reset(&arena);
    }
}

static void test_tape(void **state)
{
    (void)state;
    struct chance chance = {29};
    const struct body_tape *back;
    struct bytes out;
    for (unsigned round = 0; round < 100; round++) {
        struct body_tape *message = random_body_new(&chance, &schema_tape, &arena);
        bool backwards = message->next < message->from;
        enum tide_err err = tape_encode(message, &arena, &out);
        if (err == TIDE_OK) {
            assert_int_equal(tape_decode(out, &arena, &back), backwards ? TIDE_EMALFORMED : TIDE_OK);
            assert_true(backwards ? back == NULL : bodies_equal(&schema_tape, message, back));
            for (size_t len = 0; len < out.len; len += 1 + len / 200) {
                uint8_t *cut = exact_copy(BYTES(out.data, len));
                assert_int_equal(tape_decode(BYTES(cut, len), &arena, &back), TIDE_EMALFORMED);
                free(cut);
            }
        } else {
            assert_int_equal(err, TIDE_ELIMIT); /* more than a frame: the broker splits it before */
        }
        arena_reset(&arena);
    }
    static const uint8_t expected[] = {0x92, 0x01, 0x97, 0x05, 0x05, 0x09, 0x90, 0x90, 0x90, 0x90};
    struct body_tape nothing_new = {.from = 5, .next = 5, .time_ms = 9};
    assert_int_equal(tape_encode(&nothing_new, &arena, &out), TIDE_OK);
    assert_true(bytes_equal(out, BYTES(expected, sizeof expected)));
    uint8_t other[sizeof expected];
    memcpy(other, expected, sizeof other);
    other[1] = 2; /* another protocol */
    assert_int_equal(tape_decode(BYTES(other, sizeof other), &arena, &back), TIDE_EMALFORMED);
    arena_reset(&arena);
}

/* [1, 9, verb, []] */
static enum tide_err decode_verb(const char *verb, struct request *out)
{
    struct codec_writer w;
    codec_writer_init(&w, &arena, 4096);
    codec_put_array(&w, 4);
    codec_put_u64(&w, 1);
    codec_put_u64(&w, 9);
    codec_put_text(&w, BYTES_TEXT(verb));
    codec_put_array(&w, 0);
    return request_decode(codec_writer_bytes(&w), &arena, out);
}

static void test_verbs_with_index(void **state)
{
    (void)state;
    struct request r;
    static const char *const good[] = {"balances", "balances@0", "balances@1", "balances@9007199254740991"};
    static const uint64_t after[] = {0, 0, 1, LIMIT_AMOUNT};
    static const char *const bad[] = {"balances@", "balances@01", "balances@-1", "balances@+1", "balances@1 ",
                                      "balances@ 1", "balances@1@2", "balances@9007199254740992", "balances@0x1",
                                      "balances@99999999999999999999", "@", "nothing@x"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(decode_verb(good[i], &r), TIDE_OK);
        assert_true(r.verb != NULL && r.verb->verb == VERB_BALANCES && r.after == after[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (decode_verb(bad[i], &r) != TIDE_EMALFORMED) fail_msg("accepted %s", bad[i]);
        assert_true(r.request_id == 9 && r.verb == NULL);
    }
    static const char *const unknown[] = {"", "nothing", "nothing@5", "Balances", "balances ", "balance",
                                          "a verb that is longer than any verb that there will ever be"};
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
        assert_int_equal(decode_verb(unknown[i], &r), TIDE_OK);
        assert_true(r.request_id == 9 && r.verb == NULL && r.body == NULL);
    }
}

static void check_malformed(const char *data, size_t len, uint64_t id)
{
    struct request r;
    assert_int_equal(request_decode(BYTES(data, len), &arena, &r), TIDE_EMALFORMED);
    assert_true(r.request_id == id);
    assert_null(r.body);
}

static void test_malformed_requests(void **state)
{
    (void)state;
    check_malformed("", 0, 0);
    check_malformed("\x94\x02\x09\xa1x\x90", 6, 0);          /* another protocol */
    check_malformed("\x93\x01\x09\xa1x", 5, 0);              /* too few items */
    check_malformed("\x95\x01\x09\xa1x\x90\x00", 7, 0);      /* too many */
    check_malformed("\x94\x01\xff\xa1x\x90", 6, 0);          /* a negative id */
    check_malformed("\x94\x01\x09\xc4\x01x\x90", 7, 9);      /* the verb as bytes */
    check_malformed("\x94\x01\x09\xa1x\x90\x00", 7, 9);      /* something behind */
    check_malformed("\x94\x01\x09\xa1x\xdd\x10\x00\x00\x00", 10, 9);
    check_malformed("\x94\x01\x09\xa8" "balances\x91\x00", 14, 9); /* a field too many */
    check_malformed("\x94\x01\x09\xa8" "balances\x00", 13, 9);
    check_malformed("\x94\x01\x09\xa5" "trade\x91\x00", 11, 9);   /* out of bounds */
    check_malformed("\x94\x01\x09\xa5" "trade\x91\xa0", 11, 9);
}

static void test_refusals(void **state)
{
    (void)state;
    struct reply r = {.request_id = 5, .code = OUTCOME_NO_FUNDS, .text = BYTES_TEXT("no")}, back;
    struct bytes out;
    static const uint8_t expected[] = {0x95, 0x01, 0x05, 0xcd, 0x01, 0xf8, 0xa2, 'n', 'o', 0x90};
    assert_int_equal(reply_encode(&r, &schema_r_submit, &arena, &out), TIDE_OK);
    assert_true(bytes_equal(out, BYTES(expected, sizeof expected)));
    assert_int_equal(reply_encode(&r, NULL, &arena, &out), TIDE_OK); /* no verb was understood */
    assert_true(bytes_equal(out, BYTES(expected, sizeof expected)));
    assert_int_equal(reply_decode(out, &schema_r_submit, &arena, &back), TIDE_OK);
    assert_true(back.code == OUTCOME_NO_FUNDS && back.body == NULL && bytes_equal(back.text, BYTES("no", 2)));

    uint8_t with_body[] = {0x95, 0x01, 0x05, 0xcd, 0x01, 0xf8, 0xa2, 'n', 'o', 0x91, 0x00};
    assert_int_equal(reply_decode(BYTES(with_body, sizeof with_body), &schema_r_submit, &arena, &back), TIDE_EMALFORMED);
    uint8_t big_code[] = {0x95, 0x01, 0x05, 0xcd, 0x03, 0xe8, 0xa2, 'n', 'o', 0x90};
    assert_int_equal(reply_decode(BYTES(big_code, sizeof big_code), &schema_r_submit, &arena, &back), TIDE_EMALFORMED);
    r.code = 1000;
    assert_int_equal(reply_encode(&r, &schema_r_submit, &arena, &out), TIDE_EINVAL);
    r = (struct reply){.request_id = 5};
    assert_int_equal(reply_encode(&r, &schema_r_submit, &arena, &out), TIDE_EINVAL); /* success without a body */
}

static void test_frames_are_bounded(void **state)
{
    (void)state;
    uint8_t *big = calloc(1, 65552);
    struct bytes out;
    struct body_q_put_chunk chunk = {.listing = 1, .sealed = BYTES(big, 65552)};
    struct body_q_submit submit = {BYTES(big, LIMIT_TRADE_FRAME_BYTES)};
    struct request r = {.request_id = UINT64_MAX, .verb = verb_by_name(BYTES_TEXT("put_chunk")), .body = &chunk};
    assert_int_equal(request_encode(&r, &arena, &out), TIDE_OK);
    assert_true(out.len <= LIMIT_DATA_FRAME_BYTES);
    r = (struct request){.verb = verb_by_name(BYTES_TEXT("submit")), .body = &submit};
    assert_int_equal(request_encode(&r, &arena, &out), TIDE_ELIMIT);
    submit.envelope.len -= 100;
    assert_int_equal(request_encode(&r, &arena, &out), TIDE_OK);

    struct body_r_get_chunk got = {BYTES(big, 65552)};
    struct reply a = {.body = &got};
    assert_int_equal(reply_encode(&a, &schema_r_get_chunk, &arena, &out), TIDE_OK);
    struct body_r_proof proof = {BYTES(big, 50000), BYTES_TEXT("proof")}; /* a regulator may ask for any record */
    a.body = &proof;
    assert_int_equal(reply_encode(&a, &schema_r_proof, &arena, &out), TIDE_OK);
    struct body_r_receipt receipt = {.note = BYTES_TEXT("note"), .record = BYTES(big, 50000), .proof = BYTES_TEXT("proof")};
    a.body = &receipt;
    assert_int_equal(reply_encode(&a, &schema_r_receipt, &arena, &out), TIDE_ELIMIT);
    free(big);
    r.after = LIMIT_AMOUNT + 1;
    assert_int_equal(request_encode(&r, &arena, &out), TIDE_EINVAL);
    r = (struct request){.verb = NULL, .body = &submit};
    assert_int_equal(request_encode(&r, &arena, &out), TIDE_EINVAL);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct chance chance = {24};
    const struct verb_info *verb = verb_by_name(BYTES_TEXT("doors"));
    struct request r = {.request_id = 1, .verb = verb, .body = random_body_new(&chance, verb->request, &arena)}, r_back;
    struct reply a = {.body = random_body_new(&chance, verb->reply, &arena)}, a_back;
    struct bytes request, reply, out;
    unsigned n_failed = 0;
    assert_int_equal(request_encode(&r, &arena, &request), TIDE_OK);
    assert_int_equal(reply_encode(&a, verb->reply, &arena, &reply), TIDE_OK);
    for (size_t cap = 0; cap < 4096; cap += 16) {
        struct arena small;
        arena_init(&small, cap);
        enum tide_err err = request_decode(request, &small, &r_back);
        assert_true(err == TIDE_OK || err == TIDE_ENOMEM);
        assert_true(r_back.request_id == 1);
        arena_deinit(&small);
        arena_init(&small, cap);
        err = reply_decode(reply, verb->reply, &small, &a_back);
        assert_true(err == TIDE_OK || (err == TIDE_ENOMEM && a_back.body == NULL));
        n_failed += err != TIDE_OK;
        arena_deinit(&small);
        arena_init(&small, cap);
        err = reply_encode(&a, verb->reply, &small, &out);
        assert_true(err == TIDE_OK || (err == TIDE_ENOMEM && out.data == NULL));
        arena_deinit(&small);
    }
    assert_true(n_failed > 10 && n_failed < 256);
}

static void test_verb_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_all_verbs; i++) {
        assert_int_equal(all_verbs[i].verb, i + 1);
        assert_ptr_equal(verb_by_name(BYTES_TEXT(all_verbs[i].name)), &all_verbs[i]);
        assert_null(strchr(all_verbs[i].name, '@'));
        assert_true(all_verbs[i].doors != 0 && (all_verbs[i].doors & ~15u) == 0);
    }
    assert_null(verb_by_name(BYTES(NULL, 0)));
}

static void test_outcome_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_all_outcomes; i++) {
        const struct outcome_info *outcome = &all_outcomes[i];
        assert_ptr_equal(outcome_info(outcome->code), outcome); /* fails on the second of a number, or of a name */
        assert_ptr_equal(outcome_by_name(outcome->name), outcome);
        if (i > 0) assert_true(outcome->code > all_outcomes[i - 1].code);
        assert_true(outcome->code <= 999);
        assert_true(strlen(outcome->sentence) > 3 && outcome->sentence[strlen(outcome->sentence) - 1] == '.');
        assert_true(strlen(outcome->hint) > 3 && outcome->hint[strlen(outcome->hint) - 1] == '.');
        for (const char *c = outcome->name; *c != '\0'; c++) assert_true(*c == '_' || (*c >= 'a' && *c <= 'z'));
    }
    assert_int_equal(all_outcomes[0].code, 0);
    assert_null(outcome_info(1));
    assert_null(outcome_by_name("nothing"));
}

static char *read_docs(size_t *len)
{
    FILE *file = fopen(DOCS, "re");
    char *text = calloc(1, 1u << 20);
    ASSERT(text != NULL);
    *len = file == NULL ? 0 : fread(text, 1, 1u << 20, file);
    if (file != NULL) fclose(file);
    return text;
}

/* Run from the root of the tree, as `make check` does. */
static void test_docs_are_current(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0, len_there;
    FILE *memory = open_memstream(&text, &len);
    assert_non_null(memory);
    assert_int_equal(protocol_write_docs(memory), TIDE_OK);
    fclose(memory);
    assert_true(utf8_is_valid(BYTES(text, len)));

    const char *wanted = getenv("TIDEMARK_WRITE_DOCS");
    if (wanted != NULL && strcmp(wanted, "1") == 0) {
        FILE *file = fopen(DOCS, "we");
        assert_non_null(file);
        assert_int_equal(protocol_write_docs(file), TIDE_OK);
        assert_int_equal(fclose(file), 0);
    }
    char *there = read_docs(&len_there);
    if (!bytes_equal(BYTES(text, len), BYTES(there, len_there))) {
        fail_msg("%s is not what the tables say: TIDEMARK_WRITE_DOCS=1 writes it anew", DOCS);
    }
    free(there);
    free(text);

    FILE *full = fopen("/dev/full", "we");
    assert_non_null(full);
    assert_int_equal(protocol_write_docs(full), TIDE_EIO);
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_request_round_trips, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_reply_round_trips, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tape, setup, teardown),
        cmocka_unit_test_setup_teardown(test_verbs_with_index, setup, teardown),
        cmocka_unit_test_setup_teardown(test_malformed_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_frames_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
        cmocka_unit_test(test_verb_table),
        cmocka_unit_test(test_outcome_table),
        cmocka_unit_test(test_docs_are_current),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
