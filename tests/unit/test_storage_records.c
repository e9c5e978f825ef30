/*
 * Records: every kind there and back with random values, every truncation and every bound, the shapes of statement,
 * envelope, event and record, and their bytes by example. The JSON view of whole records: test_storage_records_json.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "crypto/hash.h"
#include "storage/records.h"
#include "tests/unit/random_body.h"

#define CAP (64u << 20)

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

static enum tide_err decode_kind(const struct schema *schema, struct bytes in, struct arena *a, const void **body)
{
    struct statement s;
    struct event e;
    enum tide_err err = is_statement(schema) ? statement_decode(in, a, &s) : event_decode(in, a, &e);
    *body = is_statement(schema) ? s.body : e.body;
    return err;
}

static void test_every_kind_round_trips(void **state)
{
    (void)state;
    struct chance chance = {11};
    for (size_t i = 0; i < n_all_schemas; i++) {
        const struct schema *schema = all_schemas[i];
        for (unsigned round = 0; round < 200; round++) {
            void *body = random_body_new(&chance, schema, &arena);
            const void *back;
            struct bytes first, second;
            assert_int_equal(encode_kind(schema, body, &arena, &first), TIDE_OK);
            assert_int_equal(decode_kind(schema, first, &arena, &back), TIDE_OK);
            assert_true(bodies_equal(schema, body, back));
            assert_int_equal(encode_kind(schema, back, &arena, &second), TIDE_OK);
            assert_true(bytes_equal(first, second));

            json_t *view = fields_to_json(schema, body);
            void *from_view = arena_calloc(&arena, 1, schema->size);
            const char *bad;
            assert_int_equal(fields_from_json(schema, view, &arena, from_view, &bad), TIDE_OK);
            assert_true(bodies_equal(schema, body, from_view));
            json_decref(view);
            arena_reset(&arena);
        }
    }
}

static void test_every_truncation_is_malformed(void **state)
{
    (void)state;
    struct chance chance = {12};
    for (size_t i = 0; i < n_all_schemas; i++) {
        const struct schema *schema = all_schemas[i];
        struct bytes whole;
        const void *back;
        void *body = random_body_new(&chance, schema, &arena);
        assert_int_equal(encode_kind(schema, body, &arena, &whole), TIDE_OK);
        for (size_t len = 0; len < whole.len; len++) {
            uint8_t *cut = exact_copy(BYTES(whole.data, len));
            assert_int_equal(decode_kind(schema, BYTES(cut, len), &arena, &back), TIDE_EMALFORMED);
            assert_null(back);
            free(cut);
        }
        uint8_t *longer = malloc(whole.len + 1);
        memcpy(longer, whole.data, whole.len);
        longer[whole.len] = 0;
        assert_int_equal(decode_kind(schema, BYTES(longer, whole.len + 1), &arena, &back), TIDE_EMALFORMED);
        free(longer);
        arena_reset(&arena);
    }
}

/* Random damage is either refused or decodes to something that encodes to the very same bytes. */
static void test_damage_is_refused_or_one_form(void **state)
{
    (void)state;
    struct chance chance = {13};
    for (unsigned round = 0; round < 20000; round++) {
        const struct schema *schema = all_schemas[chance_next(&chance) % n_all_schemas];
        struct bytes whole;
        void *body = random_body_new(&chance, schema, &arena);
        assert_int_equal(encode_kind(schema, body, &arena, &whole), TIDE_OK);
        uint8_t *damaged = exact_copy(whole);
        for (uint64_t n = 1 + chance_next(&chance) % 3; n > 0; n--) {
            damaged[chance_next(&chance) % whole.len] ^= (uint8_t)(1u << chance_next(&chance) % 8);
        }
        struct statement s;
        struct event e;
        struct bytes again;
        struct bytes in = BYTES(damaged, whole.len);
        if (statement_decode(in, &arena, &s) == TIDE_OK) {
            assert_int_equal(statement_encode(&s, &arena, &again), TIDE_OK);
            assert_true(bytes_equal(in, again));
        } else if (event_decode(in, &arena, &e) == TIDE_OK) {
            assert_int_equal(event_encode(&e, &arena, &again), TIDE_OK);
            assert_true(bytes_equal(in, again));
        }
        free(damaged);
        arena_reset(&arena);
    }
}

/* Puts a value outside its bounds; false if the type has none on that side. */
static bool break_bound(const struct field *field, bool above, void *at)
{
    size_t fixed_len = field_fixed_len(field->type);
    if (fixed_len > 0) {
        if (above || field->min == 0) return false;
        memset(at, 0, fixed_len);
        return true;
    }
    if (!above && field->min == 0 && field->type != FIELD_I64) return false;
    uint64_t number = above ? field->max + 1 : field->min - 1;
    if (field->type == FIELD_TEXT || field->type == FIELD_BIN) {
        uint8_t *data = arena_alloc(&arena, number);
        assert_non_null(data);
        memset(data, 'x', number);
        *(struct bytes *)at = BYTES(data, number);
    } else if (field->type == FIELD_LIST) {
        *(struct list *)at = (struct list){arena_calloc(&arena, number, field->sub->size), number};
    } else if (field->type == FIELD_I64) {
        *(int64_t *)at = above ? (int64_t)field->max + 1 : -(int64_t)field->max - 1;
    } else {
        *(uint64_t *)at = number;
    }
    return true;
}

/* The same schema without bounds, to make bytes that our encoder would not. */
static struct schema loosened(const struct schema *schema)
{
    struct schema loose = *schema;
    struct field *fields = arena_calloc(&arena, schema->n_fields, sizeof *fields);
    for (size_t i = 0; i < schema->n_fields; i++) {
        fields[i] = schema->fields[i];
        fields[i].min = 0;
        fields[i].max = UINT64_MAX;
        if (fields[i].type == FIELD_LIST) {
            struct schema *sub = arena_alloc(&arena, sizeof *sub);
            *sub = loosened(fields[i].sub);
            fields[i].sub = sub;
        }
    }
    loose.fields = fields;
    return loose;
}

static void check_bound(struct chance *chance, const struct schema *schema, size_t which, bool above)
{
    const struct field *field = &schema->fields[which];
    char *body = random_body_new(chance, schema, &arena), *back = arena_calloc(&arena, 1, schema->size);
    struct bytes out;
    struct codec_writer w;
    struct codec_value v;
    const char *bad = NULL;
    struct schema loose = loosened(schema);

    if (!break_bound(field, above, body + field->offset)) return;
    assert_int_equal(encode_kind(schema, body, &arena, &out), TIDE_EINVAL);
    assert_null(out.data);
    assert_false(fields_check(schema, body, &bad));
    assert_string_equal(bad, field->name);
    codec_writer_init(&w, &arena, 1u << 20);
    fields_encode(&loose, body, &w);
    assert_int_equal(w.err, TIDE_OK);
    enum tide_err err = codec_unpack(codec_writer_bytes(&w), &arena, &v);
    if (err == TIDE_OK) {
        err = fields_decode(schema, v, &arena, back, &bad);
        assert_string_equal(bad, field->name);
    }
    if (err != TIDE_EMALFORMED) fail_msg("%s.%s %s its bound", schema->name, field->name, above ? "above" : "below");
}

static void test_every_bound(void **state)
{
    (void)state;
    struct chance chance = {14};
    unsigned n = 0;
    for (size_t i = 0; i < n_all_schemas; i++) {
        for (size_t which = 0; which < all_schemas[i]->n_fields; which++, n++) {
            check_bound(&chance, all_schemas[i], which, false);
            check_bound(&chance, all_schemas[i], which, true);
            arena_reset(&arena);
        }
    }
    assert_true(n > 150);
}

/* cancel of order 300, byte for byte: what other implementations must produce too. */
static void test_statement_bytes(void **state)
{
    (void)state;
    static const uint8_t head[] = {0x98, 0x0c, 0x01, 0xc4, 0x20}, tail[] = {
        0xcf, 0x00, 0x00, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x00, 0xcf, 0x00, 0x00, 0x01, 0x8b, 0xcf, 0xe6, 0x52, 0x60,
        0x91, 0xcd, 0x01, 0x2c};
    struct body_cancel cancel = {.order = 300};
    struct statement s = statement_around(&schema_cancel, &cancel), back;
    struct bytes out;
    assert_int_equal(statement_encode(&s, &arena, &out), TIDE_OK);
    assert_int_equal(out.len, sizeof head + 32 + 2 + 32 + 2 + 16 + sizeof tail);
    assert_memory_equal(out.data, head, sizeof head);
    assert_memory_equal(out.data + out.len - sizeof tail, tail, sizeof tail);
    assert_int_equal(statement_decode(out, &arena, &back), TIDE_OK);
    assert_memory_equal(back.market, s.market, 32);
    assert_memory_equal(back.party, s.party, 32);
    assert_memory_equal(back.command_id, s.command_id, 16);
    assert_true(back.issued_at == s.issued_at && back.valid_until == s.valid_until && back.kind == KIND_CANCEL);
    assert_true(((const struct body_cancel *)back.body)->order == 300);
}

static void refuse_statement(const struct statement *s)
{
    struct bytes out;
    assert_int_equal(statement_encode(s, &arena, &out), TIDE_EINVAL);
    assert_null(out.data);
}

static void test_heads_are_checked(void **state)
{
    (void)state;
    struct body_cancel cancel = {.order = 300};
    struct body_rested rested = {.order = 300}; /* of the same shape */
    struct statement good = statement_around(&schema_cancel, &cancel), s = good, decoded;
    struct event e = event_around(&schema_rested, &rested), e_back;
    struct bytes bytes, event_bytes;

    refuse_statement((s.kind = KIND_RESTED, s.body = &rested, &s));
    s = good;
    refuse_statement((s.kind = 99, &s));
    s = good;
    refuse_statement((s.version = 2, &s));
    s = good;
    refuse_statement((s.body = NULL, &s));
    s = good;
    refuse_statement((s.issued_at = LIMIT_AMOUNT + 1, &s));
    s = good;
    refuse_statement((s.valid_until = UINT64_MAX, &s));
    assert_int_equal(statement_encode(&good, &arena, &bytes), TIDE_OK);

    /* the same bytes with another kind, version, length of market */
    static const struct { size_t at; uint8_t value; } changes[] = {
        {0, 0x97}, {0, 0x99}, {1, 0}, {1, 17}, {1, 101}, {1, 0x7f}, {1, 0xff}, {2, 0}, {2, 2}, {3, 0xd9}, {4, 0x1f},
    };
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        uint8_t *changed = exact_copy(bytes);
        changed[changes[i].at] = changes[i].value;
        assert_int_equal(statement_decode(BYTES(changed, bytes.len), &arena, &decoded), TIDE_EMALFORMED);
        assert_null(decoded.body);
        free(changed);
    }

    assert_int_equal(event_encode(&e, &arena, &event_bytes), TIDE_OK);
    assert_int_equal(event_bytes.data[1], KIND_RESTED);
    assert_int_equal(event_decode(event_bytes, &arena, &e_back), TIDE_OK);
    assert_true(e_back.cause_index == 7 && e_back.kind == KIND_RESTED);
    assert_memory_equal(e_back.salt, e.salt, 16);
    uint8_t *changed = exact_copy(event_bytes);
    changed[1] = KIND_CANCEL; /* a statement's kind in an event's place */
    assert_int_equal(event_decode(BYTES(changed, event_bytes.len), &arena, &e_back), TIDE_EMALFORMED);
    free(changed);
    e.kind = KIND_CANCEL;
    assert_int_equal(event_encode(&e, &arena, &event_bytes), TIDE_EINVAL);
    e = event_around(&schema_rested, &rested);
    e.cause_index = LIMIT_AMOUNT + 1;
    assert_int_equal(event_encode(&e, &arena, &event_bytes), TIDE_EINVAL);
}

static void test_statement_size_limit(void **state)
{
    (void)state;
    struct chance chance = {15};
    struct body_publish *publish = random_body_new(&chance, &schema_publish, &arena);
    struct column *columns = arena_calloc(&arena, 128, sizeof *columns);
    char *long_text = arena_alloc(&arena, LIMIT_TERMS_BYTES);
    struct bytes out;
    struct statement back;
    memset(long_text, 't', LIMIT_TERMS_BYTES);
    for (size_t i = 0; i < 128; i++) columns[i] = (struct column){BYTES(long_text, 70), BYTES(long_text, 10)};
    publish->terms = BYTES(long_text, LIMIT_TERMS_BYTES);
    publish->columns = (struct list){columns, 128};
    struct statement s = statement_around(&schema_publish, publish);
    assert_int_equal(statement_encode(&s, &arena, &out), TIDE_OK);
    for (size_t i = 0; i < 128; i++) columns[i].name.len = 128;
    assert_int_equal(statement_encode(&s, &arena, &out), TIDE_ELIMIT);
    assert_null(out.data);
    uint8_t *too_long = calloc(1, LIMIT_STATEMENT_BYTES + 1);
    assert_int_equal(statement_decode(BYTES(too_long, LIMIT_STATEMENT_BYTES + 1), &arena, &back), TIDE_EMALFORMED);
    free(too_long);
}

/* A full batch of bids is one statement within every limit. */
static void test_full_batch_fits(void **state)
{
    (void)state;
    struct chance chance = {16};
    struct body_order *orders = arena_calloc(&arena, LIMIT_BATCH_ORDERS, sizeof *orders);
    for (size_t i = 0; i < LIMIT_BATCH_ORDERS; i++) {
        orders[i] = (struct body_order){.listing = 1000000 + i, .price = 990000, .quantity = 1000,
                                        .expires_at = 1700000000000, .tif = TIF_GTD, .purpose = BYTES_TEXT("research")};
        random_field(&chance, &(struct field){.type = FIELD_HASH, .min = 1}, &arena, orders[i].recipient);
        memset(orders[i].terms_hash, 5, 32);
    }
    struct body_order_batch batch = {.orders = {orders, LIMIT_BATCH_ORDERS}};
    struct statement s = statement_around(&schema_order_batch, &batch), back;
    struct bytes out, envelope, record;
    assert_int_equal(statement_encode(&s, &arena, &out), TIDE_OK);
    assert_int_equal(statement_decode(out, &arena, &back), TIDE_OK);
    assert_true(bodies_equal(&schema_order_batch, &batch, back.body));
    assert_int_equal(envelope_encode(out, (const uint8_t[64]){1}, &arena, &envelope), TIDE_OK);
    struct record r = {RECORD_STATEMENT, LIMIT_AMOUNT, LIMIT_AMOUNT, envelope};
    assert_int_equal(record_encode(&r, &arena, &record), TIDE_OK);
}

static void test_envelopes(void **state)
{
    (void)state;
    uint8_t signature[64];
    const uint8_t *sig_back;
    struct bytes out, back;
    memset(signature, 9, sizeof signature);
    assert_int_equal(envelope_encode(BYTES("stmt", 4), signature, &arena, &out), TIDE_OK);
    assert_int_equal(out.len, 1 + 2 + 4 + 2 + 64);
    assert_int_equal(envelope_decode(out, &arena, &back, &sig_back), TIDE_OK);
    assert_true(bytes_equal(back, BYTES("stmt", 4)));
    assert_ptr_equal(back.data, out.data + 3);
    assert_ptr_equal(sig_back, out.data + 9);
    for (size_t len = 0; len < out.len; len++) {
        uint8_t *cut = exact_copy(BYTES(out.data, len));
        assert_int_equal(envelope_decode(BYTES(cut, len), &arena, &back, &sig_back), TIDE_EMALFORMED);
        assert_true(back.data == NULL && sig_back == NULL);
        free(cut);
    }
    struct codec_writer w;
    static const struct { size_t items, first, second; bool text; } wrong[] = {
        {2, 4, 63, false}, {2, 4, 65, false}, {2, 0, 64, false}, {2, 4, 64, true}, {3, 4, 64, false},
        {2, LIMIT_STATEMENT_BYTES + 1, 64, false},
    };
    uint8_t *zeros = calloc(1, LIMIT_STATEMENT_BYTES + 1);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        codec_writer_init(&w, &arena, 1u << 20);
        codec_put_array(&w, wrong[i].items);
        if (wrong[i].text) codec_put_text(&w, BYTES("stmt", 4));
        else codec_put_bin(&w, BYTES(zeros, wrong[i].first));
        codec_put_bin(&w, BYTES(zeros, wrong[i].second));
        if (wrong[i].items == 3) codec_put_u64(&w, 0);
        assert_int_equal(envelope_decode(codec_writer_bytes(&w), &arena, &back, &sig_back), TIDE_EMALFORMED);
    }
    assert_int_equal(envelope_encode(BYTES(zeros, LIMIT_STATEMENT_BYTES), signature, &arena, &out), TIDE_OK);
    assert_int_equal(envelope_encode(BYTES(zeros, LIMIT_STATEMENT_BYTES + 1), signature, &arena, &out), TIDE_ELIMIT);
    assert_int_equal(envelope_encode(BYTES(NULL, 0), signature, &arena, &out), TIDE_EINVAL);
    free(zeros);
}

static void test_records(void **state)
{
    (void)state;
    struct record r = {RECORD_EVENT, 70000, 1700000000000, BYTES("payload", 7)}, back;
    struct bytes out;
    static const uint8_t expected[] = {0x95, 0x01, 0x02, 0xce, 0x00, 0x01, 0x11, 0x70, 0xcf, 0x00, 0x00, 0x01, 0x8b,
                                       0xcf, 0xe5, 0x68, 0x00, 0xc4, 0x07, 'p', 'a', 'y', 'l', 'o', 'a', 'd'};
    assert_int_equal(record_encode(&r, &arena, &out), TIDE_OK);
    assert_true(bytes_equal(out, BYTES(expected, sizeof expected)));
    assert_int_equal(record_decode(out, &arena, &back), TIDE_OK);
    assert_true(back.type == RECORD_EVENT && back.index == 70000 && back.time_ms == r.time_ms);
    assert_ptr_equal(back.payload.data, out.data + 19);
    for (size_t len = 0; len < out.len; len++) {
        uint8_t *cut = exact_copy(BYTES(out.data, len));
        assert_int_equal(record_decode(BYTES(cut, len), &arena, &back), TIDE_EMALFORMED);
        free(cut);
    }
    static const struct { size_t at; uint8_t value; } changes[] = {{0, 0x94}, {1, 0}, {1, 2},
                                                                    {2, 0},    {2, 3}, {9, 0x20}};
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        uint8_t *changed = exact_copy(out);
        changed[changes[i].at] = changes[i].value;
        assert_int_equal(record_decode(BYTES(changed, out.len), &arena, &back), TIDE_EMALFORMED);
        free(changed);
    }
    uint8_t *big = calloc(1, LIMIT_RECORD_BYTES);
    r.payload = BYTES(big, LIMIT_RECORD_BYTES - 20);
    assert_int_equal(record_encode(&r, &arena, &out), TIDE_OK);
    assert_int_equal(out.len, LIMIT_RECORD_BYTES);
    assert_int_equal(record_decode(out, &arena, &back), TIDE_OK);
    uint8_t *longer = calloc(1, LIMIT_RECORD_BYTES + 1); /* the same with one byte more of payload */
    memcpy(longer, out.data, out.len);
    ASSERT(longer[17] == 0xc5);
    longer[19]++;
    assert_int_equal(codec_prewalk(BYTES(longer, LIMIT_RECORD_BYTES + 1)), TIDE_OK);
    assert_int_equal(record_decode(BYTES(longer, LIMIT_RECORD_BYTES + 1), &arena, &back), TIDE_EMALFORMED);
    free(longer);
    r.payload.len++;
    assert_int_equal(record_encode(&r, &arena, &out), TIDE_ELIMIT);
    free(big);
    r.payload = BYTES(NULL, 0);
    assert_int_equal(record_encode(&r, &arena, &out), TIDE_EINVAL);
    r = (struct record){0, 0, 0, BYTES("p", 1)};
    assert_int_equal(record_encode(&r, &arena, &out), TIDE_EINVAL);
    r = (struct record){RECORD_EVENT, LIMIT_AMOUNT + 1, 0, BYTES("p", 1)};
    assert_int_equal(record_encode(&r, &arena, &out), TIDE_EINVAL);
}

/* SHA-256("tidemark/salt/v1\n" ‖ "record" ‖ 0000000000000102), first half. */
static void test_salt(void **state)
{
    (void)state;
    static const uint8_t expected[16] = {0x6c, 0xf0, 0x95, 0xad, 0x61, 0x23, 0xee, 0xa1, 0xb2, 0xd8, 0x1f, 0xa6, 0x0a, 0xd1, 0xef, 0x9d};
    uint8_t salt[16], other[16];
    event_salt(BYTES("record", 6), 0x102, salt);
    assert_memory_equal(salt, expected, 16);
    event_salt(BYTES("record", 6), 0x103, other);
    assert_memory_not_equal(salt, other, 16);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct chance chance = {18};
    struct bytes payload;
    struct body_opened *body = random_body_new(&chance, &schema_opened, &arena);
    assert_int_equal(encode_kind(&schema_opened, body, &arena, &payload), TIDE_OK);
    unsigned n_failed = 0;
    for (size_t cap = 0; cap < 8192; cap += 16) {
        struct arena small;
        struct bytes out;
        const void *back;
        arena_init(&small, cap);
        enum tide_err err = decode_kind(&schema_opened, payload, &small, &back);
        assert_true(err == TIDE_ENOMEM ? back == NULL : err == TIDE_OK);
        n_failed += err != TIDE_OK;
        arena_deinit(&small);
        arena_init(&small, cap);
        err = encode_kind(&schema_opened, body, &small, &out);
        assert_true(err == TIDE_ENOMEM ? out.data == NULL : err == TIDE_OK);
        arena_deinit(&small);
    }
    assert_true(n_failed > 20 && n_failed < 512);
}

static void test_tables(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_all_schemas; i++) {
        const struct schema *schema = all_schemas[i];
        assert_ptr_equal(schema_of_kind(schema->kind), schema);
        assert_ptr_equal(schema_of_name(schema->name), schema);
        if (i > 0) assert_true(schema->kind > all_schemas[i - 1]->kind);
        size_t end = 0;
        for (size_t j = 0; j < schema->n_fields; j++) {
            const struct field *field = &schema->fields[j];
            assert_true(field->offset >= end);
            end = field->offset + 1;
            assert_true(field->doc[0] != '\0');
            assert_int_equal(field->names != NULL, field->type == FIELD_ENUM || field->type == FIELD_FLAGS);
            assert_int_equal(field->sub != NULL, field->type == FIELD_LIST);
            if (field->type == FIELD_ENUM) assert_string_not_equal(field_enum_name(field, field->max), "?");
        }
        assert_true(end <= schema->size);
    }
    assert_int_equal(n_all_schemas, 39 + 43);
    assert_null(schema_of_kind(0));
    assert_null(schema_of_kind(40));
    assert_null(schema_of_kind(144));
    assert_null(schema_of_kind(UINT64_MAX));
    assert_null(schema_of_name("posting"));
    assert_string_equal(names_parameter[PARAM_OUTAGE_MS], "outage_ms");
    assert_string_equal(names_parameter[PARAM_ACCEPT_MS_PER_10GIB], "accept_ms_per_10gib");
    assert_string_equal(names_parameter[PARAM_CLAIM_BOND_FEN], "claim_bond_fen");
    assert_string_equal(names_account[ACCOUNT_FLOAT], "float");
    assert_string_equal(names_role[7], "regulator");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_kind_round_trips, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_truncation_is_malformed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage_is_refused_or_one_form, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_statement_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_heads_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_statement_size_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_batch_fits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_envelopes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_salt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tables, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
