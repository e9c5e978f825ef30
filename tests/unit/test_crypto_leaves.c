/*
 * Many leaves at once hash as each would alone, at every length around the edges of blocks.
 */
#include "crypto/leaves.h"
#include "crypto/merkle.h"
#include "crypto/sign.h"
#include "tests/unit/test_crypto.h"

#define STRIDE 70000

static void assert_same(const uint8_t *data, size_t stride, size_t len, size_t n)
{
    uint8_t many[40][HASH_BYTES], one[HASH_BYTES];
    assert_true(n <= 40);
    leaves_hash(data, stride, len, n, many);
    for (size_t i = 0; i < n; i++) {
        merkle_leaf_hash(BYTES(data + i * stride, len), one);
        assert_memory_equal(many[i], one, HASH_BYTES);
    }
}

static void every_length_around_blocks(void **state)
{
    (void)state;
    uint8_t *data = malloc(40 * STRIDE);
    assert_non_null(data);
    random_bytes(data, 40 * STRIDE);
    for (size_t len = 0; len < 400; len++) assert_same(data + len % 7, 401, len, LEAVES_WIDTH);
    assert_same(data, STRIDE, 65552, LEAVES_WIDTH);
    for (size_t n = 0; n <= 40; n += 3) assert_same(data, 5001, 5000, n);
    free(data);
}

int main(void)
{
    if (crypto_init() != TIDE_OK) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_length_around_blocks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
