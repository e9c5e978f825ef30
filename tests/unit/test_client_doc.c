/*
 * Documents by name, and the errors that tell what was wrong with a name or a value.
 */
#include "client/lib/doc.h"
#include "storage/records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct tide_doc *new_doc(const char *kind)
{
    struct tide_doc *doc = NULL;
    assert_int_equal(tide_doc_new(kind, &doc, NULL), 0);
    return doc;
}

static void set_and_read(void **state)
{
    (void)state;
    struct tide_doc *doc = new_doc("order");
    size_t len;
    assert_string_equal(tide_doc_text(doc, "side"), "bid");
    assert_int_equal(tide_doc_set_text(doc, "side", "ask", NULL), 0);
    assert_string_equal(tide_doc_text(doc, "side"), "ask"); /* what was asked for before is not kept */
    assert_int_equal(tide_doc_u64(doc, "side"), SIDE_ASK);
    assert_int_equal(tide_doc_set_u64(doc, "price", 9900, NULL), 0);
    assert_int_equal(tide_doc_u64(doc, "price"), 9900);
    assert_string_equal(tide_doc_text(doc, "price"), "9900");
    assert_int_equal(tide_doc_set_text(doc, "price", "12345", NULL), 0);
    assert_int_equal(tide_doc_u64(doc, "price"), 12345);
    assert_int_equal(tide_doc_set_text(doc, "unlimited", "true", NULL), 0);
    assert_int_equal(tide_doc_u64(doc, "unlimited"), 1);
    assert_int_equal(tide_doc_set_text(doc, "terms_hash",
                                       "00000000000000000000000000000000000000000000000000000000000000AB", NULL), 0);
    assert_string_equal(tide_doc_text(doc, "terms_hash"),
                        "00000000000000000000000000000000000000000000000000000000000000ab");
    const uint8_t *hash = tide_doc_bytes(doc, "terms_hash", &len);
    assert_int_equal(len, 32);
    assert_int_equal(hash[31], 0xab);
    assert_null(tide_doc_bytes(doc, "recipient", &len));
    assert_int_equal(len, 0);
    assert_string_equal(tide_doc_text(doc, "recipient"), "");
    assert_string_equal(tide_doc_text(doc, "no_such_field"), "");
    assert_int_equal(tide_doc_u64(doc, "no_such_field"), 0);
    assert_int_equal(tide_doc_count(doc, "price"), 0);
    assert_null(tide_doc_item(doc, "price", 0));
    assert_int_equal(tide_doc_u64(NULL, "price"), 0);
    tide_doc_free(&doc);
    assert_null(doc);
    tide_doc_free(&doc);
}

static void flags_and_texts(void **state)
{
    (void)state;
    struct tide_doc *doc = new_doc("enrol");
    assert_int_equal(tide_doc_set_text(doc, "roles", "vendor, buyer", NULL), 0);
    assert_int_equal(tide_doc_u64(doc, "roles"), ROLE_VENDOR | ROLE_BUYER);
    assert_string_equal(tide_doc_text(doc, "roles"), "vendor,buyer");
    assert_int_equal(tide_doc_set_text(doc, "name", "上海数据", NULL), 0);
    assert_string_equal(tide_doc_text(doc, "name"), "上海数据");
    assert_int_equal(tide_doc_set_bytes(doc, "name", "\xff", 1, NULL), OUTCOME_C_USAGE);
    assert_string_equal(tide_doc_text(doc, "name"), "上海数据");
    tide_doc_free(&doc);
}

static void wrong_names_and_values(void **state)
{
    (void)state;
    struct tide_error e;
    struct tide_doc *doc = NULL, *item = NULL;
    assert_int_equal(tide_doc_new("ordre", &doc, &e), OUTCOME_C_USAGE);
    assert_null(doc);
    assert_non_null(strstr(e.message, "\"order\""));
    doc = new_doc("order");
    assert_int_equal(tide_doc_set_u64(doc, "prise", 1, &e), OUTCOME_C_USAGE);
    assert_non_null(strstr(e.message, "\"price\""));
    assert_int_equal(tide_doc_set_text(doc, "tif", "gtx", &e), OUTCOME_C_USAGE);
    assert_non_null(strstr(e.message, "\"gt"));
    assert_int_equal(tide_doc_set_u64(doc, "price", UINT64_MAX, &e), OUTCOME_C_USAGE);
    assert_int_equal(tide_doc_set_text(doc, "price", "-1", &e), OUTCOME_C_USAGE);
    assert_int_equal(tide_doc_set_text(doc, "price", "1x", &e), OUTCOME_C_USAGE);
    assert_int_equal(tide_doc_set_text(doc, "price", "99999999999999999999999", &e), OUTCOME_C_USAGE);
    assert_int_equal(tide_doc_set_text(doc, "recipient", "age1nonsense", &e), OUTCOME_C_USAGE);
    assert_int_equal(tide_doc_set_text(doc, "terms_hash", "zz", &e), OUTCOME_C_USAGE);
    assert_int_equal(tide_doc_set_text(doc, "terms_hash", "abc", &e), OUTCOME_C_USAGE);
    assert_int_equal(tide_doc_set_bytes(doc, "terms_hash", "abc", 3, &e), OUTCOME_C_USAGE);
    assert_int_equal(tide_doc_set_bytes(doc, "price", "abc", 3, &e), OUTCOME_C_USAGE);
    assert_int_equal(tide_doc_set_u64(doc, "terms_hash", 1, &e), OUTCOME_C_USAGE);
    assert_int_equal(tide_doc_add(doc, "price", &item, &e), OUTCOME_C_USAGE);
    assert_null(item);
    assert_int_equal(e.code, OUTCOME_C_USAGE);
    assert_string_equal(e.name, "usage");
    tide_doc_free(&doc);
}

/* Items stay where they are while their list grows, up to the list's bound. */
static void lists_grow(void **state)
{
    (void)state;
    struct tide_doc *doc = new_doc("order_batch"), *items[LIMIT_BATCH_ORDERS], *more;
    for (size_t i = 0; i < LIMIT_BATCH_ORDERS; i++) {
        assert_int_equal(tide_doc_add(doc, "orders", &items[i], NULL), 0);
        assert_int_equal(tide_doc_set_u64(items[i], "price", i + 1, NULL), 0);
    }
    assert_int_equal(tide_doc_add(doc, "orders", &more, NULL), OUTCOME_C_USAGE);
    assert_int_equal(tide_doc_count(doc, "orders"), LIMIT_BATCH_ORDERS);
    for (size_t i = 0; i < LIMIT_BATCH_ORDERS; i++) {
        assert_int_equal(tide_doc_set_u64(items[i], "quantity", i, NULL), 0);
        assert_ptr_equal(tide_doc_item(doc, "orders", i), items[i]);
    }
    const struct body_order_batch *batch = doc->value;
    const struct body_order *orders = batch->orders.items;
    for (size_t i = 0; i < LIMIT_BATCH_ORDERS; i++) {
        assert_int_equal(orders[i].price, i + 1);
        assert_int_equal(orders[i].quantity, i);
    }
    tide_doc_free(&items[0]); /* an item belongs to its document: nothing happens */
    assert_int_equal(tide_doc_u64(tide_doc_item(doc, "orders", 0), "price"), 1);
    tide_doc_free(&doc);
}

static void json_both_ways(void **state)
{
    (void)state;
    struct tide_error e;
    struct tide_doc *doc = NULL, *again = NULL;
    const char *text =
        "{\"kind\":\"dataset\",\"title\":\"空气\",\"keywords\":[{\"word\":\"air\"},{\"word\":\"上海\"}],\"rows\":7}";
    assert_int_equal(tide_doc_parse("publish", text, &doc, &e), 0);
    assert_int_equal(tide_doc_count(doc, "keywords"), 2);
    assert_string_equal(tide_doc_text(tide_doc_item(doc, "keywords", 1), "word"), "上海");
    struct tide_doc *third;
    assert_int_equal(tide_doc_add(doc, "keywords", &third, NULL), 0); /* a list that came from outside grows, too */
    assert_int_equal(tide_doc_set_text(third, "word", "pm25", NULL), 0);
    char *json = tide_doc_json(doc);
    assert_non_null(json);
    assert_null(strchr(json, '\n'));
    assert_int_equal(tide_doc_parse("publish", json, &again, NULL), 0);
    char *twice = tide_doc_json(again);
    assert_string_equal(json, twice);
    assert_string_equal(tide_doc_text(tide_doc_item(again, "keywords", 2), "word"), "pm25");
    free(json);
    free(twice);
    tide_doc_free(&doc);
    tide_doc_free(&again);
}

static void json_errors(void **state)
{
    (void)state;
    struct tide_error e;
    struct tide_doc *doc = NULL;
    assert_int_equal(tide_doc_parse("publish", "{\"titel\":\"x\"}", &doc, &e), OUTCOME_C_USAGE);
    assert_non_null(strstr(e.message, "\"title\""));
    assert_null(doc);
    assert_int_equal(tide_doc_parse("publish", "{\"rows\":\"7\"}", &doc, &e), OUTCOME_C_USAGE);
    assert_non_null(strstr(e.message, "rows"));
    assert_int_equal(tide_doc_parse("deposit", "{\"party\":\"lab\"}", &doc, &e), OUTCOME_C_USAGE);
    assert_string_equal(e.message, "deposit.party is not a party: a tide1… key.");
    assert_int_equal(tide_doc_parse("publish", "{\"rows\":7", &doc, &e), OUTCOME_C_USAGE);
    assert_non_null(strstr(e.message, "JSON"));
    assert_int_equal(tide_doc_parse("publish", "[]", &doc, &e), OUTCOME_C_USAGE);
    assert_int_equal(tide_doc_parse("publish", "{\"title\":\"a\",\"title\":\"b\"}", &doc, &e), OUTCOME_C_USAGE);
}

/* ---- errors ---- */
static void codes_are_told(void **state)
{
    (void)state;
    struct tide_error e;
    int n = 0, last = -1;
    for (int code = tide_error_next(0); code != 0; code = tide_error_next(code)) {
        assert_true(code > last);
        assert_int_equal(tide_error_describe(code, &e), 0);
        assert_int_equal(e.code, code);
        assert_true(e.name[0] != '\0' && e.message[0] != '\0' && e.hint[0] != '\0');
        last = code;
        n++;
    }
    assert_int_equal(n + 1, n_all_outcomes); /* 0 is not an error */
    assert_int_equal(tide_error_describe(999, &e), OUTCOME_C_USAGE);
    assert_int_equal(tide_error_describe(-1, NULL), OUTCOME_C_USAGE);
    assert_int_equal(tide_error_describe(OUTCOME_BUSY, &e), 0);
    assert_int_equal(e.retry, 1);
}

static void messages_are_cut_at_characters(void **state)
{
    (void)state;
    struct tide_error e;
    char text[1024] = "";
    for (int i = 0; i < 300; i++) strcat(text, "市"); /* three bytes each */
    assert_int_equal(error_set(&e, OUTCOME_C_FILE, "%s", text), OUTCOME_C_FILE);
    size_t len = strlen(e.message);
    assert_true(len < sizeof e.message && len % 3 == 0 && len > sizeof e.message - 4);
}

static void nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"price", "quantity", "recipient"};
    assert_string_equal(nearest_name("pirce", names, 3), "price");
    assert_string_equal(nearest_name("quantitty", names, 3), "quantity");
    assert_null(nearest_name("xyzzy", names, 3));
    assert_null(nearest_name("a very long name that nobody ever gave to any field of anything at all", names, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_and_read),     cmocka_unit_test(flags_and_texts), cmocka_unit_test(wrong_names_and_values),
        cmocka_unit_test(lists_grow),       cmocka_unit_test(json_both_ways),  cmocka_unit_test(json_errors),
        cmocka_unit_test(codes_are_told),   cmocka_unit_test(messages_are_cut_at_characters),
        cmocka_unit_test(nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
