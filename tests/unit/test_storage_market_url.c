/*
 * The market's URL: one text for one market; what is not exactly that is refused.
 */
#include "storage/market_url.h"

#include "tests/unit/test_storage.h"

#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" /* bytes 0 … 31 */
#define KEY_F "__________________________________________8" /* 32 × ff */
#define KEY_E "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s" /* 32 × fb */
#define QUERY "?market=" KEY_A "&log=" KEY_F "&wire=" KEY_E

static struct market_url example(void)
{
    struct market_url url;
    memset(&url, 0, sizeof url);
    strncpy(url.host, "127.0.0.1", sizeof url.host);
    url.port = 7420;
    strncpy(url.origin, "example.org/market", sizeof url.origin);
    for (uint8_t i = 0; i < 32; i++) url.market[i] = i;
    memset(url.log_key, 0xff, 32);
    memset(url.wire_key, 0xfb, 32);
    return url;
}

static void assert_round_trip(const struct market_url *url, const char *expected)
{
    char text[MARKET_URL_MAX];
    struct market_url back;
    market_url_format(url, text);
    if (expected != NULL) assert_string_equal(text, expected);
    assert_ok(market_url_parse(text, &back));
    assert_memory_equal(&back, url, sizeof back);
}

static void test_examples(void **state)
{
    struct market_url url = example();
    (void)state;
    assert_round_trip(&url, "tidemark://127.0.0.1:7420/example.org/market" QUERY);
    strncpy(url.host, "data.example.org", sizeof url.host);
    url.port = 1;
    assert_round_trip(&url, "tidemark://data.example.org:1/example.org/market" QUERY);
    strncpy(url.host, "2001:db8::1", sizeof url.host);
    url.port = 65535;
    assert_round_trip(&url, "tidemark://[2001:db8::1]:65535/example.org/market" QUERY);
    strncpy(url.origin, "a?b#c%d", sizeof url.origin);
    assert_round_trip(&url, "tidemark://[2001:db8::1]:65535/a%3Fb%23c%25d" QUERY);
    strncpy(url.origin, "\xe5\xb8\x82\xe5\x9c\xba", sizeof url.origin);
    assert_round_trip(&url, "tidemark://[2001:db8::1]:65535/%E5%B8%82%E5%9C%BA" QUERY);
}

static void test_longest(void **state)
{
    struct market_url url = example();
    (void)state;
    memset(url.host, 'h', 255);
    memset(url.origin, '?', LIMIT_ORIGIN_BYTES);
    url.port = 65535;
    assert_round_trip(&url, NULL);
}

static void test_what_is_refused(void **state)
{
    static const char *const texts[] = {
        "", "tidemark://", "http://127.0.0.1:7420/o" QUERY, "Tidemark://127.0.0.1:7420/o" QUERY,
        "tidemark://:7420/o" QUERY, "tidemark://h/o" QUERY, "tidemark://h:/o" QUERY, "tidemark://h:0/o" QUERY,
        "tidemark://h:07420/o" QUERY, "tidemark://h:65536/o" QUERY, "tidemark://h:7420x/o" QUERY,
        "tidemark://h h:7420/o" QUERY, "tidemark://u@h:7420/o" QUERY, "tidemark://[h]:7420/o" QUERY,
        "tidemark://::1:7420/o" QUERY, "tidemark://[::1:7420/o" QUERY, "tidemark://h:7420" QUERY,
        "tidemark://h:7420/" QUERY, "tidemark://h:7420/o", "tidemark://h:7420/o o" QUERY,
        "tidemark://h:7420/o+p" QUERY, "tidemark://h:7420/o%2Bp" QUERY, "tidemark://h:7420/o%41" QUERY,
        "tidemark://h:7420/o%e5" QUERY, "tidemark://h:7420/o%0A" QUERY, "tidemark://h:7420/o%00" QUERY,
        "tidemark://h:7420/o%" QUERY, "tidemark://h:7420/o%4" QUERY,
        "tidemark://h:7420/o" QUERY "&more=1", "tidemark://h:7420/o" QUERY " ", "tidemark://h:7420/o" QUERY "#x",
        "tidemark://h:7420/o?log=" KEY_F "&market=" KEY_A "&wire=" KEY_E,
        "tidemark://h:7420/o?market=" KEY_A "&log=" KEY_F, "tidemark://h:7420/o?market=" KEY_A "&log=" KEY_F "&wire=",
        "tidemark://h:7420/o?market=" KEY_A "=&log=" KEY_F "&wire=" KEY_E,
        "tidemark://h:7420/o?market=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9&log=" KEY_F "&wire=" KEY_E,
        "tidemark://h:7420/o?market=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh&log=" KEY_F "&wire=" KEY_E,
        "tidemark://h:7420/o?market=" KEY_A "&log=/_________________________________________8&wire=" KEY_E,
    };
    struct market_url url;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (market_url_parse(texts[i], &url) != TIDE_EMALFORMED) fail_msg("taken: %s", texts[i]);
        assert_int_equal(url.port, 0);
    }
}

static void test_truncated(void **state)
{
    char text[MARKET_URL_MAX], *shorter;
    struct market_url url = example();
    (void)state;
    market_url_format(&url, text);
    for (size_t len = 0; len < strlen(text); len++) {
        shorter = strndup(text, len); /* its own memory, so that a sanitizer sees a read past its end */
        assert_int_equal(market_url_parse(shorter, &url), TIDE_EMALFORMED);
        free(shorter);
    }
    char *long_text = malloc(3000);
    assert_non_null(long_text);
    memset(long_text, 'a', 2999);
    memcpy(long_text, "tidemark://", 11);
    long_text[2999] = '\0';
    assert_int_equal(market_url_parse(long_text, &url), TIDE_EMALFORMED);
    free(long_text);
    memset(text, 'o', sizeof text); /* an origin of one byte too many */
    int at = snprintf(text, sizeof text, "tidemark://h:1/");
    memset(text + at, 'o', LIMIT_ORIGIN_BYTES + 1);
    strcpy(text + at + LIMIT_ORIGIN_BYTES + 1, QUERY);
    assert_int_equal(market_url_parse(text, &url), TIDE_EMALFORMED);
    strcpy(text + at + LIMIT_ORIGIN_BYTES, QUERY);
    assert_ok(market_url_parse(text, &url));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_truncated),
    };
    return cmocka_run_group_tests_name("storage market_url", tests, NULL, NULL);
}
