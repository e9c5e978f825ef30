/*
 * Whole records as JSON: every kind has its head and its body; what does not decode has no view; lack of memory at any
 * point is no crash and no leak.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

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

static const char *text_of(json_t *view, const char *name)
{
    const char *text = json_string_value(json_object_get(view, name));
    assert_non_null(text);
    return text;
}

static void test_record_as_json(void **state)
{
    (void)state;
    struct chance chance = {17};
    for (size_t i = 0; i < n_all_schemas; i++) {
        const struct schema *schema = all_schemas[i];
        struct bytes payload, record;
        assert_int_equal(encode_kind(schema, random_body_new(&chance, schema, &arena), &arena, &payload), TIDE_OK);
        if (is_statement(schema)) {
            assert_int_equal(envelope_encode(payload, (const uint8_t[64]){1}, &arena, &payload), TIDE_OK);
        }
        struct record r = {is_statement(schema) ? RECORD_STATEMENT : RECORD_EVENT, 5, 6, payload};
        assert_int_equal(record_encode(&r, &arena, &record), TIDE_OK);
        json_t *view = record_to_json(record);
        assert_non_null(view);
        assert_int_equal(json_integer_value(json_object_get(view, "index")), 5);
        assert_int_equal(json_integer_value(json_object_get(view, "time_ms")), 6);
        assert_string_equal(text_of(view, "type"), is_statement(schema) ? "statement" : "event");
        assert_string_equal(text_of(view, "kind"), schema->name);
        assert_int_equal(json_object_size(json_object_get(view, "body")), schema->n_fields);
        if (is_statement(schema)) {
            assert_int_equal(json_object_size(view), 10);
            assert_memory_equal(text_of(view, "party"), "tide1", 5);
            assert_string_equal(text_of(view, "command_id"), "03030303030303030303030303030303");
            assert_int_equal(strlen(text_of(view, "signature")), 128);
        } else {
            assert_int_equal(json_object_size(view), 7);
            assert_int_equal(json_integer_value(json_object_get(view, "cause_index")), 7);
            assert_string_equal(text_of(view, "salt"), "04040404040404040404040404040404");
        }
        json_decref(view);
        r.type = is_statement(schema) ? RECORD_EVENT : RECORD_STATEMENT; /* the other's payload */
        assert_int_equal(record_encode(&r, &arena, &record), TIDE_OK);
        assert_null(record_to_json(record));
        arena_reset(&arena);
    }
    assert_null(record_to_json(BYTES(NULL, 0)));
}

static long mallocs_left;
static void *failing_malloc(size_t size)
{
    return mallocs_left-- > 0 ? malloc(size) : NULL;
}

static void test_json_no_memory(void **state)
{
    (void)state;
    struct chance chance = {18};
    struct bytes payload, record;
    struct body_opened *body = random_body_new(&chance, &schema_opened, &arena);
    assert_int_equal(encode_kind(&schema_opened, body, &arena, &payload), TIDE_OK);
    struct record r = {RECORD_EVENT, 5, 6, payload};
    assert_int_equal(record_encode(&r, &arena, &record), TIDE_OK);
    json_t *view = NULL;
    json_set_alloc_funcs(failing_malloc, free);
    for (long n = 0; view == NULL && n < 10000; n++) {
        mallocs_left = n;
        view = record_to_json(record);
    }
    assert_non_null(view);
    json_decref(view);
    json_set_alloc_funcs(malloc, free);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_record_as_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_json_no_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
