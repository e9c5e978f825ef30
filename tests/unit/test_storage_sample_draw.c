/*
 * Drawing sample chunks: fixed vectors, made by this Python and not by our code:
 *
 *     def draw(root, n_chunks, n):
 *         seed = sha256(b"tidemark/sample/v1\n" + root).digest()
 *         out, counter = [], 0
 *         while len(out) < n:
 *             block = sha256(seed + struct.pack(">Q", counter)).digest()
 *             counter += 1
 *             for word in struct.unpack(">4Q", block):
 *                 if word % n_chunks not in out and len(out) < n:
 *                     out.append(word % n_chunks)
 *         return seed.hex(), out
 */
#include "storage/sample_draw.h"

#include "storage/limits.h"
#include "tests/unit/test_storage.h"

static void check(const uint8_t root[32], uint8_t seed_begins, uint64_t n_chunks, size_t n, const uint64_t *expected)
{
    uint8_t seed[32];
    uint64_t chunks[LIMIT_SAMPLES];
    sample_seed(root, seed);
    assert_int_equal(seed[0], seed_begins);
    sample_draw(seed, n_chunks, n, chunks);
    for (size_t i = 0; i < n; i++) assert_int_equal(chunks[i], expected[i]);
}

static void test_vectors(void **state)
{
    static const uint64_t of_1000[] = {178, 787, 49, 720, 811, 448, 404, 604};
    static const uint64_t of_20[] = {12, 9, 16, 15, 14, 10, 19, 5, 3, 2, 7, 6, 18, 13, 1, 8, 0, 4, 11, 17};
    static const uint64_t of_many[] = {8023451750, 135465667716, 136761875456, 88165067310};
    uint8_t zeros[32] = {0}, counting[32], ones[32];
    (void)state;
    for (size_t i = 0; i < 32; i++) counting[i] = (uint8_t)i;
    memset(ones, 0xff, sizeof ones);
    check(zeros, 0xf7, 1000, ARRAY_LEN(of_1000), of_1000);
    check(counting, 0x6a, 20, ARRAY_LEN(of_20), of_20); /* all of them: every duplicate is skipped */
    check(ones, 0x7e, (UINT64_C(1) << 53) / 65536, ARRAY_LEN(of_many), of_many);
    check(zeros, 0xf7, 1, 1, (const uint64_t[]){0});
    check(zeros, 0xf7, 0, 0, NULL);
}

/* A shorter sample is the beginning of a longer one, and none has a chunk twice. */
static void test_prefix_and_distinct(void **state)
{
    const uint8_t root[32] = {9};
    uint8_t seed[32];
    uint64_t all[LIMIT_SAMPLES], some[LIMIT_SAMPLES];
    (void)state;
    sample_seed(root, seed);
    sample_draw(seed, LIMIT_SAMPLES * 20, LIMIT_SAMPLES, all);
    for (size_t n = 0; n <= LIMIT_SAMPLES; n++) {
        sample_draw(seed, LIMIT_SAMPLES * 20, n, some);
        assert_memory_equal(some, all, n * sizeof *all);
    }
    for (size_t i = 0; i < LIMIT_SAMPLES; i++) {
        assert_true(all[i] < LIMIT_SAMPLES * 20);
        for (size_t k = 0; k < i; k++) assert_int_not_equal(all[i], all[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_prefix_and_distinct),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
