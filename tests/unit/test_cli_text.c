/*
 * Money typed and shown, counts, dates, sizes, escaping, nearest words: what client/cli/text.c promises.
 */
#include "client/cli/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void yuan_is_read_exactly(void **state)
{
    static const struct {
        const char *text;
        uint64_t fen;
    } good[] = {
        {"99.00", 9900}, {"99", 9900},  {"99.5", 9950},  {"99.05", 9905},           {"0.01", 1},
        {"0.10", 10},    {"0", 0},      {"007.00", 700}, {"1234567.89", 123456789}, {"90071992547409.91", AMOUNT_MAX},
        {"0.29", 29},    {"1.15", 115}, {"4.35", 435}};
    static const char *const bad[] = {"",
                                      ".",
                                      ".5",
                                      "5.",
                                      "1.234",
                                      "1.001",
                                      "1.2.3",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1,000.00",
                                      "1e3",
                                      "0x10",
                                      "NaN",
                                      "¥5",
                                      "5 CNY",
                                      "90071992547409.92",
                                      "90071992547410.00",
                                      "99999999999999999999",
                                      "1.-5",
                                      "1.5x",
                                      "１"};
    uint64_t fen;

    (void)state;
    for (size_t i = 0; i < ARRAY_N(good); i++) {
        assert_true(yuan_parse(good[i].text, &fen));
        assert_int_equal(fen, good[i].fen);
    }
    for (size_t i = 0; i < ARRAY_N(bad); i++) {
        fen = 7;
        assert_false(yuan_parse(bad[i], &fen));
        assert_int_equal(fen, 0);
    }
}

static void yuan_is_written_as_it_is_read(void **state)
{
    static const uint64_t some[] = {0, 1, 9, 10, 99, 100, 101, 9900, 123456789, AMOUNT_MAX};
    char text[TEXT_MAX];
    uint64_t back;

    (void)state;
    for (size_t i = 0; i < ARRAY_N(some); i++) {
        yuan_format(some[i], text);
        assert_true(yuan_parse(text, &back));
        assert_int_equal(back, some[i]);
    }
    yuan_format(5, text);
    assert_string_equal(text, "0.05");
    yuan_format(AMOUNT_MAX, text);
    assert_string_equal(text, "90071992547409.91");
}

static void totals_are_checked(void **state)
{
    uint64_t total;

    (void)state;
    assert_true(yuan_total(9900, 3, &total));
    assert_int_equal(total, 29700);
    assert_true(yuan_total(AMOUNT_MAX, 1, &total));
    assert_int_equal(total, AMOUNT_MAX);
    assert_false(yuan_total(AMOUNT_MAX, 2, &total));
    assert_false(yuan_total(UINT64_C(1) << 40, UINT64_C(1) << 40, &total));
    assert_int_equal(total, 0);
    assert_true(yuan_total(0, UINT64_MAX, &total));
}

static void counts_are_digits(void **state)
{
    uint64_t n;

    (void)state;
    assert_true(count_parse("10482", &n));
    assert_int_equal(n, 10482);
    assert_true(count_parse("9007199254740991", &n));
    assert_false(count_parse("9007199254740992", &n));
    assert_false(count_parse("18446744073709551617", &n));
    assert_false(count_parse("", &n));
    assert_false(count_parse("-1", &n));
    assert_false(count_parse("12a", &n));
    assert_false(count_parse(" 12", &n));
}

static void dates_and_sizes(void **state)
{
    char text[TEXT_MAX];

    (void)state;
    time_iso(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    time_iso(1751358600250, text);
    assert_string_equal(text, "2025-07-01T08:30:00.250Z");
    setenv("TZ", "Asia/Shanghai", 1);
    time_iso(1751358600250, text);
    assert_string_equal(text, "2025-07-01T08:30:00.250Z");
    bytes_format(1023, text);
    assert_string_equal(text, "1023 B");
    bytes_format(1024, text);
    assert_string_equal(text, "1.0 KiB");
    bytes_format(UINT64_C(1536) << 20, text);
    assert_string_equal(text, "1.5 GiB");
    bytes_format(UINT64_MAX, text);
    assert_string_equal(text, "15.9 EiB");
    duration_format(7999, text);
    assert_string_equal(text, "0:07");
    duration_format(3723000, text);
    assert_string_equal(text, "1:02:03");
}

static void escaped_is(const char *text, const char *expected)
{
    char *escaped = text_escape(text);
    assert_non_null(escaped);
    assert_string_equal(escaped, expected);
    free(escaped);
}

static void nothing_can_steer_a_terminal(void **state)
{
    (void)state;
    escaped_is("", "");
    escaped_is("plain \"text\"", "plain \"text\"");
    escaped_is("空气质量 2024", "空气质量 2024");
    escaped_is("a\tb\nc\rd", "a\\tb\\nc\\rd");
    escaped_is("\033[2J", "\\x1b[2J");
    escaped_is("\x7f\x01", "\\x7f\\x01");
    escaped_is("\xc2\x9b"
               "31m",
               "\\u009b31m"); /* C1: a control sequence in one character */
    escaped_is("abc\xe2\x80\xae"
               "fdp",
               "abc\\u202efdp"); /* turns the writing direction */
    escaped_is("\xe2\x81\xa6", "\\u2066");
    escaped_is("\xe2\x80\xa8", "\\u2028");
    escaped_is("back\\slash", "back\\\\slash");
    escaped_is("\xff\xfe", "\\xff\\xfe");          /* not UTF-8 */
    escaped_is("\xc0\x9b", "\\xc0\\x9b");          /* overlong */
    escaped_is("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* a surrogate */
    escaped_is("\xe7\xa9", "\\xe7\\xa9");          /* cut short */
    escaped_is("\xf0\x9f\x8c\x8a!", "\xf0\x9f\x8c\x8a!");
    escaped_is("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
}

static void json_escaped_is(const char *json, const char *expected)
{
    char *escaped = json_escape(json);
    assert_non_null(escaped);
    assert_string_equal(escaped, expected);
    free(escaped);
}

static void json_stays_the_same_json(void **state)
{
    (void)state;
    json_escaped_is("{\"title\":\"空气\\n\\\\\"}", "{\"title\":\"空气\\n\\\\\"}");
    json_escaped_is("{\n \"a\": 1\n}", "{\n \"a\": 1\n}");
    json_escaped_is("\"\x7f\"", "\"\\u007f\"");
    json_escaped_is("\"\xc2\x9b\"", "\"\\u009b\"");
    json_escaped_is("\"\xe2\x80\xae\"", "\"\\u202e\"");
    json_escaped_is("\"\xf0\x9f\x8c\x8a\"", "\"\xf0\x9f\x8c\x8a\"");
}

static void distances(void **state)
{
    char long_word[200];

    (void)state;
    assert_int_equal(word_distance("", ""), 0);
    assert_int_equal(word_distance("bid", "bid"), 0);
    assert_int_equal(word_distance("bdi", "bid"), 1); /* a swap is one error */
    assert_int_equal(word_distance("bi", "bid"), 1);
    assert_int_equal(word_distance("bidd", "bid"), 1);
    assert_int_equal(word_distance("bad", "bid"), 1);
    assert_int_equal(word_distance("kitten", "sitting"), 3);
    assert_int_equal(word_distance("", "four"), 4);
    memset(long_word, 'x', sizeof long_word - 1);
    long_word[sizeof long_word - 1] = '\0';
    assert_int_equal(word_distance(long_word, "bid"), 199);
}

static void nearest_words(void **state)
{
    static const char *const words[] = {"search", "sell", "seal", "verify", "order bid", "order ask"};

    (void)state;
    assert_string_equal(word_nearest("serach", words, ARRAY_N(words)), "search");
    assert_string_equal(word_nearest("verfy", words, ARRAY_N(words)), "verify");
    assert_string_equal(word_nearest("order bdi", words, ARRAY_N(words)), "order bid");
    assert_string_equal(word_nearest("sel", words, ARRAY_N(words)), "sell");
    assert_null(word_nearest("completely-other", words, ARRAY_N(words)));
    assert_null(word_nearest("x", words, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(yuan_is_read_exactly),
                                       cmocka_unit_test(yuan_is_written_as_it_is_read),
                                       cmocka_unit_test(totals_are_checked),
                                       cmocka_unit_test(counts_are_digits),
                                       cmocka_unit_test(dates_and_sizes),
                                       cmocka_unit_test(nothing_can_steer_a_terminal),
                                       cmocka_unit_test(json_stays_the_same_json),
                                       cmocka_unit_test(distances),
                                       cmocka_unit_test(nearest_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
