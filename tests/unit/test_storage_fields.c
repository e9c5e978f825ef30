/*
 * Fields: a schema with every type, its bounds from both sides, and its JSON view both ways.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "storage/field_entries.h"
#include "storage/records.h"
#include "tests/unit/random_body.h"

#define CAP (8u << 20)

#define FIELDS_PART(F) F(TEXT, word, 1, 8, NOREF, "") F(U64, number, 0, 9, NOREF, "")
#define FIELDS_EXAMPLE(F) \
    F(U64, count, 2, 10, NOREF, "") F(I64, delta, 0, 100, NOREF, "") F(BOOL, yes, 0, 1, NOREF, "") \
    F(MONEY, price, 0, LIMIT_AMOUNT, NOREF, "") F(TIME, at, 0, LIMIT_AMOUNT, NOREF, "") \
    F(INDEX, index, 1, LIMIT_AMOUNT, NOREF, "") F(ENUM, kind, 0, LISTING_COMPUTE, names_listing_kind, "") \
    F(FLAGS, roles, 1, ROLE_ALL, names_role, "") F(TEXT, text, 1, 12, NOREF, "") F(BIN, bin, 2, 4, NOREF, "") \
    F(PARTY, party, 1, 0, NOREF, "") F(PARTY, other, 0, 0, NOREF, "") F(RECIPIENT, recipient, 1, 0, NOREF, "") \
    F(HASH, hash, 0, 0, NOREF, "") F(ID16, id, 0, 0, NOREF, "") F(SIG, sig, 1, 0, NOREF, "") \
    F(LIST, parts, 1, 3, schema_part, "")

struct example_part { FIELDS_PART(FIELD_AS_MEMBER) };
struct example { FIELDS_EXAMPLE(FIELD_AS_MEMBER) };
static const struct field part_fields[] = {FIELDS_PART(FIELD_ENTRY(example_part))};
static const struct schema schema_part = {.name = "part", .size = sizeof(struct example_part), .fields = part_fields,
                                          .n_fields = ARRAY_LEN(part_fields)};
static const struct field example_fields[] = {FIELDS_EXAMPLE(FIELD_ENTRY(example))};
static const struct schema schema_example = {.name = "example", .size = sizeof(struct example), .fields = example_fields,
                                            .n_fields = ARRAY_LEN(example_fields)};

static struct arena arena;
static struct example_part parts[4];

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

static struct example valid_example(void)
{
    struct example s = {.count = 2, .index = 1, .roles = ROLE_BUYER, .text = BYTES_TEXT("数据")};
    s.bin = BYTES("\0\1", 2);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) parts[i] = (struct example_part){BYTES_TEXT("w"), i};
    memset(s.party, 3, sizeof s.party);
    memset(s.recipient, 9, sizeof s.recipient);
    memset(s.sig, 7, sizeof s.sig);
    s.parts = (struct list){parts, 1};
    return s;
}

static enum tide_err encode(const struct schema *schema, const void *value, struct bytes *out)
{
    struct codec_writer w;
    codec_writer_init(&w, &arena, 1u << 20);
    fields_encode(schema, value, &w);
    *out = codec_writer_bytes(&w);
    return w.err;
}

static enum tide_err decode(struct bytes in, void *out, const char **bad)
{
    struct codec_value v;
    assert_int_equal(codec_unpack(in, &arena, &v), TIDE_OK);
    return fields_decode(&schema_example, v, &arena, out, bad);
}

/*
 * `s` must be refused because of `name`: by the encoder, by fields_check, and (from an encoder without bounds) by the
 * decoder.
 */
static void refuse(const struct example *s, const char *name)
{
    struct field loose_fields[ARRAY_LEN(example_fields)], loose_part_fields[ARRAY_LEN(part_fields)];
    struct schema loose = schema_example, loose_part = schema_part;
    struct example back;
    struct bytes out;
    const char *bad = NULL;

    assert_int_equal(encode(&schema_example, s, &out), TIDE_EINVAL);
    assert_false(fields_check(&schema_example, s, &bad));
    assert_string_equal(bad, name);

    memcpy(loose_fields, example_fields, sizeof example_fields);
    memcpy(loose_part_fields, part_fields, sizeof part_fields);
    for (size_t i = 0; i < ARRAY_LEN(loose_fields); i++) {
        loose_fields[i].min = 0;
        loose_fields[i].max = loose_fields[i].type == FIELD_I64 ? (uint64_t)1 << 63 : UINT64_MAX;
        if (loose_fields[i].type == FIELD_LIST) loose_fields[i].sub = &loose_part;
    }
    for (size_t i = 0; i < ARRAY_LEN(loose_part_fields); i++) {
        loose_part_fields[i].min = 0;
        loose_part_fields[i].max = UINT64_MAX;
    }
    loose.fields = loose_fields;
    loose_part.fields = loose_part_fields;
    if (encode(&loose, s, &out) != TIDE_OK) return; /* a NUL in a text: see below */
    assert_int_equal(decode(out, &back, &bad), TIDE_EMALFORMED);
    assert_string_equal(bad, name);
}

#define REFUSE(name, change) \
    do { \
        struct example s = valid_example(); \
        change; \
        refuse(&s, name); \
    } while (0)

static void test_bounds(void **state)
{
    (void)state;
    REFUSE("count", s.count = 1);
    REFUSE("count", s.count = 11);
    REFUSE("count", s.count = UINT64_MAX);
    REFUSE("delta", s.delta = 101);
    REFUSE("delta", s.delta = -101);
    REFUSE("delta", s.delta = INT64_MIN);
    REFUSE("yes", s.yes = 2);
    REFUSE("price", s.price = LIMIT_AMOUNT + 1);
    REFUSE("at", s.at = UINT64_MAX);
    REFUSE("index", s.index = 0);
    REFUSE("kind", s.kind = LISTING_COMPUTE + 1);
    REFUSE("roles", s.roles = 0);
    REFUSE("roles", s.roles = 256 | ROLE_BUYER);
    REFUSE("text", s.text.len = 0);
    REFUSE("text", s.text = BYTES_TEXT("thirteen char"));
    REFUSE("text", s.text = BYTES("a\0b", 3));
    REFUSE("bin", s.bin.len = 1);
    REFUSE("bin", s.bin = BYTES("12345", 5));
    REFUSE("party", memset(s.party, 0, sizeof s.party));
    REFUSE("recipient", memset(s.recipient, 0, sizeof s.recipient));
    REFUSE("sig", memset(s.sig, 0, sizeof s.sig));
    REFUSE("parts", s.parts.n = 0);
    REFUSE("parts", s.parts.n = 4);
    REFUSE("word", parts[0].word.len = 0);
    REFUSE("number", (parts[1].number = 10, s.parts.n = 2));
    struct example ok = valid_example();
    assert_true(fields_check(&schema_example, &ok, NULL));
    struct bytes out;
    ok.text = BYTES("\xff", 1);
    assert_int_equal(encode(&schema_example, &ok, &out), TIDE_EINVAL);
}

/* Wrong shapes that no encoder of ours makes. */
static void test_wrong_shapes(void **state)
{
    (void)state;
    static const uint8_t zeros[64];
    struct example s = valid_example(), back;
    struct bytes good, changed;
    const char *bad;
    assert_int_equal(encode(&schema_example, &s, &good), TIDE_OK);
    for (size_t i = 0; i < schema_example.n_fields; i++) {
        for (unsigned kind = 0; kind < 5; kind++) {
            struct codec_writer w;
            struct codec_value v, item;
            assert_int_equal(codec_unpack(good, &arena, &v), TIDE_OK);
            codec_writer_init(&w, &arena, 1u << 20);
            codec_put_array(&w, schema_example.n_fields);
            for (size_t j = 0; j < schema_example.n_fields; j++) {
                struct bytes span;
                uint64_t u;
                size_t n;
                assert_true(codec_get_item(v, j, &item));
                if (i == j && kind == 0) codec_put_array(&w, 0);
                else if (i == j && kind == 1) codec_put_text(&w, BYTES(NULL, 0));
                else if (i == j && kind == 2) codec_put_bin(&w, BYTES(s.sig, 31));
                else if (i == j && kind == 3) codec_put_i64(&w, -1000);
                else if (i == j && kind == 4) codec_put_bin(&w, BYTES(zeros, field_fixed_len(example_fields[j].type)));
                else if (codec_get_u64(item, &u)) codec_put_u64(&w, u);
                else if (codec_get_text(item, &span)) codec_put_text(&w, span);
                else if (codec_get_bin(item, &span)) codec_put_bin(&w, span);
                else {
                    assert_true(codec_get_array(item, &n) && n == 1);
                    codec_put_array(&w, 1);
                    fields_encode(&schema_part, s.parts.items, &w);
                }
            }
            assert_int_equal(w.err, TIDE_OK);
            changed = codec_writer_bytes(&w);
            enum tide_err err = decode(changed, &back, &bad);
            if (err != TIDE_EMALFORMED || strcmp(bad, example_fields[i].name) != 0) {
                fail_msg("%s as shape %u: error %d", example_fields[i].name, kind, (int)err);
            }
        }
    }
    /* one field too few, one too many, no array */
    assert_int_equal(decode(BYTES("\x90", 1), &back, &bad), TIDE_EMALFORMED);
    assert_string_equal(bad, "example");
    assert_int_equal(decode(BYTES("\x05", 1), &back, NULL), TIDE_EMALFORMED);
    uint8_t *more = exact_copy(BYTES(good.data, good.len + 1));
    assert_int_equal(more[0], 0xdc);
    more[2]++;
    more[good.len] = 0;
    assert_int_equal(decode(BYTES(more, good.len + 1), &back, &bad), TIDE_EMALFORMED);
    free(more);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct chance chance = {3};
    for (unsigned round = 0; round < 2000; round++) {
        struct example *s = random_body_new(&chance, &schema_example, &arena), back;
        struct bytes first, second;
        const char *bad = "?";
        assert_int_equal(encode(&schema_example, s, &first), TIDE_OK);
        memset(&back, 0xee, sizeof back);
        assert_int_equal(decode(first, &back, &bad), TIDE_OK);
        assert_null(bad);
        assert_true(bodies_equal(&schema_example, s, &back));
        assert_int_equal(encode(&schema_example, &back, &second), TIDE_OK);
        assert_true(bytes_equal(first, second));
        arena_reset(&arena);
    }
}

static void test_json_view(void **state)
{
    (void)state;
    struct example s = valid_example();
    s.delta = -5;
    s.yes = 1;
    s.roles = ROLE_VENDOR | ROLE_REGULATOR;
    s.kind = LISTING_MODEL;
    s.price = LIMIT_AMOUNT;
    json_t *view = fields_to_json(&schema_example, &s);
    char *text = json_dumps(view, JSON_COMPACT);
    assert_string_equal(text,
        "{\"count\":2,\"delta\":-5,\"yes\":true,\"price\":9007199254740991,\"at\":0,\"index\":1,\"kind\":\"model\","
        "\"roles\":[\"vendor\",\"regulator\"],\"text\":\"数据\",\"bin\":\"0001\","
        "\"party\":\"tide1qvpsxqcrqvpsxqcrqvpsxqcrqvpsxqcrqvpsxqcrqvpsxqcrqvpslkywte\",\"other\":\"\","
        "\"recipient\":\"age1pyysjzgfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpyyscxl7ka\",\"hash\":\"\",\"id\":\"\","
        "\"sig\":\"07070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707"
        "070707070707070707070707070707070707\",\"parts\":[{\"word\":\"w\",\"number\":0}]}");
    free(text);
    json_decref(view);
    s.kind = 77;
    view = fields_to_json(&schema_example, &s);
    assert_string_equal(json_string_value(json_object_get(view, "kind")), "?");
    json_decref(view);
}

static void test_json_round_trip(void **state)
{
    (void)state;
    struct chance chance = {4};
    for (unsigned round = 0; round < 1000; round++) {
        struct example *s = random_body_new(&chance, &schema_example, &arena), back;
        const char *bad;
        json_t *view = fields_to_json(&schema_example, s);
        assert_non_null(view);
        assert_int_equal(fields_from_json(&schema_example, view, &arena, &back, &bad), TIDE_OK);
        json_decref(view);
        assert_true(bodies_equal(&schema_example, s, &back));
        arena_reset(&arena);
    }
}

static void refuse_json(const char *member, const char *value, const char *name)
{
    struct example s = valid_example(), back;
    const char *bad = NULL;
    json_t *view = fields_to_json(&schema_example, &s);
    json_t *other = json_loads(value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_non_null(other);
    json_object_set_new(view, member, other);
    assert_int_equal(fields_from_json(&schema_example, view, &arena, &back, &bad), TIDE_EINVAL);
    assert_string_equal(bad, name);
    assert_int_equal(fields_from_json(&schema_example, view, &arena, &back, NULL), TIDE_EINVAL);
    json_decref(view);
}

static void test_json_refused(void **state)
{
    (void)state;
    refuse_json("unknown", "1", "unknown");
    refuse_json("count", "1", "count");
    refuse_json("count", "-1", "count");
    refuse_json("count", "2.0", "count");
    refuse_json("count", "\"2\"", "count");
    refuse_json("delta", "-101", "delta");
    refuse_json("yes", "1", "yes");
    refuse_json("price", "9007199254740992", "price");
    refuse_json("kind", "\"modell\"", "kind");
    refuse_json("kind", "1", "kind");
    refuse_json("roles", "\"buyer\"", "roles");
    refuse_json("roles", "[\"king\"]", "roles");
    refuse_json("roles", "[1]", "roles");
    refuse_json("roles", "[]", "roles");
    refuse_json("text", "\"\"", "text");
    refuse_json("text", "\"a\\u0000b\"", "text");
    refuse_json("text", "null", "text");
    refuse_json("bin", "\"012\"", "bin");
    refuse_json("bin", "\"0G10\"", "bin");
    refuse_json("bin", "\"AB10\"", "bin");
    refuse_json("party", "\"\"", "party");
    refuse_json("party", "\"tide1qvpsxqcrqvpsxqcrqvpsxqcrqvpsxqcrqvpsxqcrqvpsxqcrqvpslkywtq\"", "party");
    refuse_json("party", "\"age1pyysjzgfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpyyscxl7ka\"", "party");
    refuse_json("hash", "\"00\"", "hash");
    refuse_json("id", "5", "id");
    refuse_json("parts", "{}", "parts");
    refuse_json("parts", "[]", "parts");
    refuse_json("parts", "[{},{},{},{}]", "parts");
    refuse_json("parts", "[{\"word\":\"w\",\"x\":1}]", "x");
    refuse_json("parts", "[{\"number\":1}]", "word");
    refuse_json("parts", "[7]", "part");

    struct example back;
    json_t *empty = json_object();
    assert_int_equal(fields_from_json(&schema_example, empty, &arena, &back, NULL), TIDE_EINVAL); /* required ones */
    json_decref(empty);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct example s = valid_example(), back;
    struct bytes out;
    s.parts.n = 3;
    assert_int_equal(encode(&schema_example, &s, &out), TIDE_OK);
    json_t *view = fields_to_json(&schema_example, &s);
    unsigned refused = 0;
    for (size_t cap = 0; cap < 2048; cap += 16) {
        struct arena small;
        struct codec_value v;
        struct codec_writer w;
        arena_init(&small, cap);
        enum tide_err err = codec_unpack(out, &small, &v);
        if (err == TIDE_OK) err = fields_decode(&schema_example, v, &small, &back, NULL);
        assert_true(err == TIDE_OK || err == TIDE_ENOMEM);
        refused += err != TIDE_OK;
        arena_deinit(&small);
        arena_init(&small, cap);
        codec_writer_init(&w, &small, 1u << 20);
        fields_encode(&schema_example, &s, &w);
        assert_true(w.err == TIDE_OK || w.err == TIDE_ENOMEM);
        arena_deinit(&small);
        arena_init(&small, cap);
        err = fields_from_json(&schema_example, view, &small, &back, NULL);
        assert_true(err == TIDE_OK || err == TIDE_ENOMEM);
        arena_deinit(&small);
    }
    assert_true(refused > 10 && refused < 128);
    json_decref(view);
}

/* Not every n-th malloc of jansson's is reached by an arena's cap: those go through its own hooks. */
static long mallocs_left;
static void *failing_malloc(size_t size)
{
    return mallocs_left-- > 0 ? malloc(size) : NULL;
}

static void test_json_no_memory(void **state)
{
    (void)state;
    struct example s = valid_example();
    long n = 0;
    json_set_alloc_funcs(failing_malloc, free);
    for (json_t *view = NULL; view == NULL; n++) {
        mallocs_left = n;
        view = fields_to_json(&schema_example, &s);
        json_decref(view);
        if (view != NULL) break;
    }
    json_set_alloc_funcs(malloc, free);
    assert_true(n > 20);
}

static void test_lookups(void **state)
{
    (void)state;
    assert_ptr_equal(fields_find(&schema_example, "delta"), &example_fields[1]);
    assert_null(fields_find(&schema_example, "nothing"));
    const struct field *kind = fields_find(&schema_example, "kind");
    assert_string_equal(field_enum_name(kind, LISTING_API), "api");
    assert_string_equal(field_enum_name(kind, 5), "?");
    assert_string_equal(field_enum_name(kind, UINT64_MAX), "?");
    assert_string_equal(field_enum_name(&example_fields[0], 0), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_shapes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_json_view, setup, teardown),
        cmocka_unit_test_setup_teardown(test_json_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_json_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_json_no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lookups, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
