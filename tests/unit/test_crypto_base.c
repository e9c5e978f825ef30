/*
 * Error names, checked arithmetic, big-endian integers.
 */
#include "tests/unit/test_crypto.h"

static void every_error_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = TIDE_OK; a <= TIDE_ECANCELED; a++) {
        assert_true(strlen(tide_err_text((enum tide_err)a)) > 0);
        assert_string_not_equal(tide_err_text((enum tide_err)a), "unknown error");
        for (int b = TIDE_OK; b < a; b++) {
            assert_string_not_equal(tide_err_text((enum tide_err)a), tide_err_text((enum tide_err)b));
        }
    }
    assert_string_equal(tide_err_text((enum tide_err)(TIDE_ECANCELED + 1)), "unknown error");
    assert_string_equal(tide_err_text((enum tide_err)-1), "unknown error");
}

static void arithmetic_that_does_not_fit_changes_nothing(void **state)
{
    (void)state;
    uint64_t out = 7;
    assert_false(add_u64(UINT64_MAX, 1, &out));
    assert_false(mul_u64(UINT64_C(1) << 32, UINT64_C(1) << 32, &out));
    assert_int_equal(out, 7);
    assert_true(add_u64(UINT64_MAX - 1, 1, &out));
    assert_true(out == UINT64_MAX);
    assert_true(mul_u64(UINT64_C(1) << 32, UINT32_MAX, &out));
    assert_true(out == UINT64_C(0xffffffff00000000));
    assert_true(mul_div_u64(UINT64_MAX, 30, 10000) == UINT64_C(55340232221128654));
}

static void integers_are_big_endian(void **state)
{
    (void)state;
    uint8_t bytes[8];
    be64_put(bytes, UINT64_C(0x0102030405060708));
    assert_hex(bytes, 8, "0102030405060708");
    assert_true(be64_get(bytes) == UINT64_C(0x0102030405060708));
}

static void empty_spans_are_equal(void **state)
{
    (void)state;
    assert_true(bytes_equal(BYTES(NULL, 0), BYTES("x", 0)));
    assert_false(bytes_equal(BYTES("ab", 2), BYTES("ab", 1)));
    assert_false(bytes_equal(BYTES("ab", 2), BYTES("ac", 2)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_name_of_its_own),
        cmocka_unit_test(arithmetic_that_does_not_fit_changes_nothing),
        cmocka_unit_test(integers_are_big_endian),
        cmocka_unit_test(empty_spans_are_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
