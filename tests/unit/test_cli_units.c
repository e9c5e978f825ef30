/*
 * Moments, spans of time, shares and parameters as people type them (client/cli/units.c), and what a voucher pays of a unit
 * (client/cli/voucher.c).
 */
#include "client/cli/units.h"
#include "client/cli/voucher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define NOW UINT64_C(1764496800000) /* 2025-11-30T10:00:00Z */
#define HOUR UINT64_C(3600000)
#define DAY (24 * HOUR)

static uint64_t moment(const char *text, bool day_ends)
{
    uint64_t ms = 7;

    if (!moment_parse(text, NOW, day_ends, &ms)) fail_msg("refused: %s", text);
    return ms;
}

static void moments_with_a_zone(void **state)
{
    (void)state;
    assert_int_equal(moment("2025-11-30T10:00Z", false), NOW);
    assert_int_equal(moment("2025-11-30 10:00Z", false), NOW);
    assert_int_equal(moment("2025-11-30T10:00:30Z", false), NOW + 30000);
    assert_int_equal(moment("2025-11-30T10:00:30.25Z", false), NOW + 30250);
    assert_int_equal(moment("2025-11-30T10:00:30.2509Z", false), NOW + 30250);
    assert_int_equal(moment("2025-11-30T18:00+08:00", false), NOW);
    assert_int_equal(moment("2025-11-30T04:30-05:30", false), NOW);
    assert_int_equal(moment("2024-02-29T00:00Z", false), UINT64_C(1709164800000));
    assert_int_equal(moment("1970-01-01T00:00Z", false), 0);
}

/* Shanghai has had no clock changes since 1991; Berlin has. */
static void moments_of_this_machine(void **state)
{
    (void)state;
    setenv("TZ", "Asia/Shanghai", 1);
    tzset();
    assert_int_equal(moment("2025-11-30T18:00", false), NOW);
    assert_int_equal(moment("2025-11-30", false), NOW - 18 * HOUR);
    assert_int_equal(moment("2025-11-30", true), NOW + 6 * HOUR);
    assert_int_equal(moment("2025-12-31", true), moment("2026-01-01", false));
    assert_int_equal(moment("2025-11-30T00:00", true), NOW - 18 * HOUR); /* a time is that time */
    setenv("TZ", "Europe/Berlin", 1);
    tzset();
    assert_int_equal(moment("2025-10-26", true) - moment("2025-10-26", false), 25 * HOUR);
    assert_int_equal(moment("2025-03-30", true) - moment("2025-03-30", false), 23 * HOUR);
    uint64_t ms;
    assert_false(moment_parse("2025-03-30T02:30", NOW, false, &ms)); /* no such hour there */
    unsetenv("TZ");
    tzset();
}

static void moments_from_now(void **state)
{
    (void)state;
    assert_int_equal(moment("+2h", true), NOW + 2 * HOUR);
    assert_int_equal(moment("+3d", false), NOW + 3 * DAY);
    assert_int_equal(moment("+1h30min", false), NOW + HOUR + HOUR / 2);
    assert_int_equal(moment("+0s", false), NOW);
}

static void what_is_no_moment(void **state)
{
    static const char *const bad[] = {"",
                                      "+",
                                      "+2",
                                      "+h",
                                      "2h",
                                      "-2h",
                                      "+-2h",
                                      "+9007199254740991ms",
                                      "tomorrow",
                                      "18:00",
                                      "2025-11",
                                      "2025-11-3",
                                      "25-11-30",
                                      "2025-13-01",
                                      "2025-00-10",
                                      "2025-11-31",
                                      "2025-02-29",
                                      "2025-02-29T10:00Z",
                                      "2025-11-30T",
                                      "2025-11-30T18",
                                      "2025-11-30T24:00Z",
                                      "2025-11-30T18:60Z",
                                      "2025-11-30T18:00:60Z",
                                      "2025-11-30T18:00:00.Z",
                                      "2025-11-30T18:00z",
                                      "2025-11-30T18:00Zulu",
                                      "2025-11-30T18:00+8",
                                      "2025-11-30T18:00+24:00",
                                      "2025-11-30T18:00+08:60",
                                      "2025-11-30T18:00+08:00x",
                                      "2025-11-30x",
                                      " 2025-11-30",
                                      "1969-12-31T00:00Z"};
    uint64_t ms;

    (void)state;
    for (size_t i = 0; i < ARRAY_N(bad); i++) {
        ms = 7;
        if (moment_parse(bad[i], NOW, false, &ms)) fail_msg("taken: %s", bad[i]);
        assert_int_equal(ms, 0);
    }
}

static void spans(void **state)
{
    static const struct {
        const char *text, *shown;
        uint64_t ms;
    } good[] = {{"24h", "24h", DAY},
                {"1d", "24h", DAY},
                {"30d", "30d", 30 * DAY},
                {"72h", "3d", 3 * DAY},
                {"1w", "7d", 7 * DAY},
                {"36h", "36h", 36 * HOUR},
                {"10m", "10min", 600000},
                {"10min", "10min", 600000},
                {"90s", "90s", 90000},
                {"250ms", "250ms", 250},
                {"1h30min", "90min", 90 * 60000},
                {"1d1ms", "86400001ms", DAY + 1},
                {"0s", "0ms", 0}};
    static const char *const bad[] = {"",   "h",     "5",        "5x",   "-1h",  "1.5h", "1h ", "5minutes",
                                      "5M", "1h30",  "9007199254740991s", "9007199254740991ms1ms", "99999999999999999999h"};
    char out[TEXT_MAX];
    uint64_t ms;

    (void)state;
    for (size_t i = 0; i < ARRAY_N(good); i++) {
        if (!span_parse(good[i].text, &ms)) fail_msg("refused: %s", good[i].text);
        assert_int_equal(ms, good[i].ms);
        span_format(ms, out);
        assert_string_equal(out, good[i].shown);
    }
    for (size_t i = 0; i < ARRAY_N(bad); i++) {
        if (span_parse(bad[i], &ms)) fail_msg("taken: %s", bad[i]);
        assert_int_equal(ms, 0);
    }
}

static void shares(void **state)
{
    static const struct {
        const char *text, *shown;
        uint64_t bp;
    } good[] = {{"30%", "30%", 3000},   {"1.5%", "1.5%", 150}, {"0.25%", "0.25%", 25}, {"0.05%", "0.05%", 5},
                {"100%", "100%", 10000}, {"0%", "0%", 0},       {"1.50%", "1.5%", 150}, {"10000%", "10000%", 1000000}};
    static const char *const bad[] = {"", "%", "30", "0.3", "30 %", "1.555%", "-1%", ".5%", "5.%", "30%%", "30%x"};
    char out[TEXT_MAX];
    uint64_t bp;

    (void)state;
    for (size_t i = 0; i < ARRAY_N(good); i++) {
        if (!share_parse(good[i].text, &bp)) fail_msg("refused: %s", good[i].text);
        assert_int_equal(bp, good[i].bp);
        share_format(bp, out);
        assert_string_equal(out, good[i].shown);
    }
    for (size_t i = 0; i < ARRAY_N(bad); i++) {
        if (share_parse(bad[i], &bp)) fail_msg("taken: %s", bad[i]);
        assert_int_equal(bp, 0);
    }
}

static void parameters_follow_their_names(void **state)
{
    static const struct {
        const char *name, *typed, *shown;
        uint64_t value;
    } good[] = {{"fee_compute_bp", "1.5%", "1.5%", 150},
                {"collar_bp", "20%", "20%", 2000},
                {"grant_ms", "24h", "24h", DAY},
                {"accept_ms_per_10gib", "1h", "1h", HOUR},
                {"accept_ms_per_10gib", "0", "0ms", 0},
                {"claim_bond_fen", "50.00", "50.00", 5000},
                {"vendor_listings_max", "100", "100", 100}};
    char out[TEXT_MAX];
    uint64_t value;

    (void)state;
    for (size_t i = 0; i < ARRAY_N(good); i++) {
        if (!parameter_parse(good[i].name, good[i].typed, &value)) fail_msg("refused: %s", good[i].name);
        assert_int_equal(value, good[i].value);
        parameter_format(good[i].name, value, out);
        assert_string_equal(out, good[i].shown);
        assert_true(strlen(parameter_example(good[i].name)) > 0);
    }
    assert_false(parameter_parse("grant_ms", "86400000", &value)); /* of what? */
    assert_false(parameter_parse("fee_api_bp", "150", &value));
    assert_false(parameter_parse("claim_bond_fen", "1%", &value));
    assert_false(parameter_parse("vendor_listings_max", "many", &value));
}

/* docs/market.md, "Vouchers": min(floor(min(price, top) × share / 10,000), floor(V / quantity)). */
static void what_a_voucher_pays(void **state)
{
    (void)state;
    assert_int_equal(voucher_unit(1000, 5000, 3000, 100000, 1), 300);
    assert_int_equal(voucher_unit(1000, 500, 3000, 100000, 1), 150);     /* only up to the top price */
    assert_int_equal(voucher_unit(999, 5000, 3333, 100000, 1), 332);     /* rounded down */
    assert_int_equal(voucher_unit(19999, 50000, 3333, 1000000, 1), 6665); /* floor(19999 × 0.3333) = 6665 */
    assert_int_equal(voucher_unit(1000, 5000, 3000, 1000, 7), 142);      /* what there is, for each unit alike */
    assert_int_equal(voucher_unit(1000, 5000, 3000, 6, 7), 0);
    assert_int_equal(voucher_unit(3, 5000, 3000, 1000, 1), 0);
    assert_int_equal(voucher_unit(1000, 5000, 3000, 1000, 0), 0);
    assert_true(voucher_unit(AMOUNT_MAX, AMOUNT_MAX, 10000, AMOUNT_MAX, 1) == AMOUNT_MAX);
    assert_true(voucher_unit(AMOUNT_MAX, AMOUNT_MAX, 9999, AMOUNT_MAX, 1) ==
                (uint64_t)((unsigned __int128)AMOUNT_MAX * 9999 / 10000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_with_a_zone), cmocka_unit_test(moments_of_this_machine),
        cmocka_unit_test(moments_from_now),    cmocka_unit_test(what_is_no_moment),
        cmocka_unit_test(spans),               cmocka_unit_test(shares),
        cmocka_unit_test(parameters_follow_their_names), cmocka_unit_test(what_a_voucher_pays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
