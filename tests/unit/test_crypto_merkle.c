/*
 * Trees and proofs against RFC 6962's definition, written down here a second time as plainly as the RFC does.
 */
#include "crypto/merkle.h"
#include "crypto/sign.h"
#include "tests/unit/test_crypto.h"

#define LEAVES_MAX 70

static uint8_t leaves[4096][HASH_BYTES];

/* MTH(D[begin:end]) over leaf hashes, §2.1. */
static void mth(size_t begin, size_t end, uint8_t out[HASH_BYTES])
{
    uint8_t left[HASH_BYTES], right[HASH_BYTES];
    size_t n = end - begin, k = 1;
    if (n == 0) {
        sha256(BYTES(NULL, 0), out);
        return;
    }
    if (n == 1) {
        memcpy(out, leaves[begin], HASH_BYTES);
        return;
    }
    while (2 * k < n) k *= 2;
    mth(begin, begin + k, left);
    mth(begin + k, end, right);
    sha256_parts((struct bytes[]){BYTES("\1", 1), BYTES(left, HASH_BYTES), BYTES(right, HASH_BYTES)}, 3, out);
}

/* PATH(m, D[begin:end]), §2.1.1. */
static void path(size_t m, size_t begin, size_t end, struct merkle_proof *out)
{
    size_t n = end - begin, k = 1;
    if (n == 1) return;
    while (2 * k < n) k *= 2;
    if (m < k) {
        path(m, begin, begin + k, out);
        mth(begin + k, end, out->hashes[out->n++]);
    } else {
        path(m - k, begin + k, end, out);
        mth(begin, begin + k, out->hashes[out->n++]);
    }
}

/* SUBPROOF(m, D[begin:end], b), §2.1.2. */
static void subproof(size_t m, size_t begin, size_t end, bool b, struct merkle_proof *out)
{
    size_t n = end - begin, k = 1;
    if (m == n) {
        if (!b) mth(begin, end, out->hashes[out->n++]);
        return;
    }
    while (2 * k < n) k *= 2;
    if (m <= k) {
        subproof(m, begin, begin + k, b, out);
        mth(begin + k, end, out->hashes[out->n++]);
    } else {
        subproof(m - k, begin + k, end, false, out);
        mth(begin, begin + k, out->hashes[out->n++]);
    }
}

/* A store of `size` leaves that has complete nodes only. */
static enum tide_err node(void *ctx, unsigned level, uint64_t index, uint8_t out[HASH_BYTES])
{
    uint64_t size = *(uint64_t *)ctx;
    assert_true(level < 63);
    if ((index + 1) << level > size) return TIDE_ENOTFOUND;
    mth((size_t)(index << level), (size_t)((index + 1) << level), out);
    return TIDE_OK;
}

static int make_leaves(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(leaves); i++) merkle_leaf_hash(BYTES(&i, sizeof i), leaves[i]);
    return 0;
}

static void assert_proof_equal(const struct merkle_proof *a, const struct merkle_proof *b)
{
    assert_int_equal(a->n, b->n);
    if (a->n > 0) assert_memory_equal(a->hashes, b->hashes, a->n * HASH_BYTES);
}

/* The test data of the reference implementations of certificate transparency. */
static void roots_known_to_others(void **state)
{
    (void)state;
    static const char *const data[8] = {"",         "00", "10", "2021", "3031", "40414243", "5051525354555657",
                                        "606162636465666768696a6b6c6d6e6f"};
    static const char *const roots[9] = {
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    };
    struct merkle_tree tree = {0};
    for (size_t i = 0; i <= 8; i++) {
        uint8_t root[HASH_BYTES], leaf[16], hash[HASH_BYTES];
        merkle_root(&tree, root);
        assert_hex(root, HASH_BYTES, roots[i]);
        if (i == 8) break;
        size_t len = strlen(data[i]) / 2;
        from_hex(data[i], leaf, len);
        merkle_leaf_hash(BYTES(leaf, len), hash);
        merkle_append(&tree, hash);
    }
}

static void appending_gives_the_defined_root(void **state)
{
    (void)state;
    struct merkle_tree tree = {0};
    for (size_t size = 0; size < ARRAY_LEN(leaves); size++) {
        uint8_t root[HASH_BYTES], defined[HASH_BYTES];
        if (size <= LEAVES_MAX || size % 97 == 0 || (size & (size - 1)) == 0) {
            uint64_t held = size;
            struct merkle_store store = {&held, node};
            mth(0, size, defined);
            merkle_root(&tree, root);
            assert_memory_equal(root, defined, HASH_BYTES);
            assert_int_equal(merkle_root_from_store(&store, size, root), TIDE_OK);
            assert_memory_equal(root, defined, HASH_BYTES);
        }
        merkle_append(&tree, leaves[size]);
        assert_int_equal(tree.size, size + 1);
    }
}

/* Every single change of a proof makes it fail; so does one hash more or less. */
static void assert_inclusion_is_tight(const struct merkle_proof *proof, uint64_t index, uint64_t size,
                                      const uint8_t root[HASH_BYTES])
{
    struct merkle_proof bad = *proof;
    for (size_t i = 0; i < proof->n; i++) {
        bad.hashes[i][i % HASH_BYTES] ^= 0x40;
        assert_int_equal(merkle_verify_inclusion(&bad, index, size, leaves[index], root), TIDE_EAUTH);
        bad.hashes[i][i % HASH_BYTES] ^= 0x40;
    }
    memset(bad.hashes[bad.n++], 0, HASH_BYTES);
    assert_int_equal(merkle_verify_inclusion(&bad, index, size, leaves[index], root), TIDE_EAUTH);
    if (proof->n > 0) {
        bad.n = proof->n - 1;
        assert_int_equal(merkle_verify_inclusion(&bad, index, size, leaves[index], root), TIDE_EAUTH);
    }
    assert_int_equal(merkle_verify_inclusion(proof, size, size, leaves[index], root), TIDE_EAUTH);
    assert_int_equal(merkle_verify_inclusion(proof, index, size, leaves[index + 1], root), TIDE_EAUTH);
}

static void check_inclusion(uint64_t index, uint64_t size, bool wrong_places)
{
    struct merkle_store store = {&size, node};
    struct merkle_proof proof, defined = {0};
    uint8_t root[HASH_BYTES];

    mth(0, (size_t)size, root);
    path((size_t)index, 0, (size_t)size, &defined);
    assert_int_equal(merkle_prove_inclusion(&store, index, size, &proof), TIDE_OK);
    assert_proof_equal(&proof, &defined);
    assert_int_equal(merkle_verify_inclusion(&proof, index, size, leaves[index], root), TIDE_OK);
    assert_inclusion_is_tight(&proof, index, size, root);
    for (uint64_t other = 0; wrong_places && other < size; other++) {
        if (other == index) continue;
        assert_int_equal(merkle_verify_inclusion(&proof, other, size, leaves[index], root), TIDE_EAUTH);
    }
}

static void inclusion_proofs_are_the_defined_ones(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= LEAVES_MAX; size++) {
        for (uint64_t index = 0; index < size; index++) check_inclusion(index, size, true);
    }
    for (unsigned i = 0; i < 60; i++) {
        uint64_t random[2];
        random_bytes(random, sizeof random);
        uint64_t size = 1 + random[0] % (ARRAY_LEN(leaves) - 1);
        check_inclusion(random[1] % size, size, false);
    }
}

static void assert_consistency_is_tight(const struct merkle_proof *proof, uint64_t old_size, uint64_t size,
                                        const uint8_t old_root[HASH_BYTES], const uint8_t root[HASH_BYTES])
{
    struct merkle_proof bad = *proof;
    for (size_t i = 0; i < proof->n; i++) {
        bad.hashes[i][i % HASH_BYTES] ^= 0x02;
        assert_int_equal(merkle_verify_consistency(&bad, old_size, size, old_root, root), TIDE_EAUTH);
        bad.hashes[i][i % HASH_BYTES] ^= 0x02;
    }
    memset(bad.hashes[bad.n++], 0, HASH_BYTES);
    assert_int_equal(merkle_verify_consistency(&bad, old_size, size, old_root, root), TIDE_EAUTH);
    if (proof->n > 0) {
        bad.n = proof->n - 1;
        assert_int_equal(merkle_verify_consistency(&bad, old_size, size, old_root, root), TIDE_EAUTH);
    }
    if (old_size != size) {
        assert_int_equal(merkle_verify_consistency(proof, old_size, size, root, root), TIDE_EAUTH);
        assert_int_equal(merkle_verify_consistency(proof, old_size, size, old_root, old_root), TIDE_EAUTH);
    }
    assert_int_equal(merkle_verify_consistency(proof, size + 1, size, old_root, root), TIDE_EAUTH);
}

static void check_consistency(uint64_t old_size, uint64_t size)
{
    struct merkle_store store = {&size, node};
    struct merkle_proof proof, defined = {0};
    uint8_t old_root[HASH_BYTES], root[HASH_BYTES];

    mth(0, (size_t)old_size, old_root);
    mth(0, (size_t)size, root);
    if (old_size > 0) subproof((size_t)old_size, 0, (size_t)size, true, &defined);
    assert_int_equal(merkle_prove_consistency(&store, old_size, size, &proof), TIDE_OK);
    assert_proof_equal(&proof, &defined);
    assert_int_equal(merkle_verify_consistency(&proof, old_size, size, old_root, root), TIDE_OK);
    if (old_size > 0) assert_consistency_is_tight(&proof, old_size, size, old_root, root);
}

static void consistency_proofs_are_the_defined_ones(void **state)
{
    (void)state;
    for (uint64_t size = 0; size <= LEAVES_MAX; size++) {
        for (uint64_t old_size = 0; old_size <= size; old_size++) check_consistency(old_size, size);
    }
    for (unsigned i = 0; i < 60; i++) {
        uint64_t random[2];
        random_bytes(random, sizeof random);
        uint64_t size = 1 + random[0] % (ARRAY_LEN(leaves) - 1);
        check_consistency(random[1] % (size + 1), size);
    }
}

static void a_proof_for_the_empty_tree_is_empty(void **state)
{
    (void)state;
    struct merkle_proof proof = {0};
    uint8_t root[HASH_BYTES];
    mth(0, 5, root);
    assert_int_equal(merkle_verify_consistency(&proof, 0, 5, leaves[0], root), TIDE_OK);
    proof.n = 1;
    assert_int_equal(merkle_verify_consistency(&proof, 0, 5, leaves[0], root), TIDE_EAUTH);
    proof.n = MERKLE_DEPTH_MAX + 1;
    assert_int_equal(merkle_verify_consistency(&proof, 3, 5, leaves[0], root), TIDE_EAUTH);
    assert_int_equal(merkle_verify_inclusion(&proof, 3, 5, leaves[0], root), TIDE_EAUTH);
}

static enum tide_err failing_node(void *ctx, unsigned level, uint64_t index, uint8_t out[HASH_BYTES])
{
    unsigned *left = ctx;
    (void)level, (void)index;
    memset(out, 0, HASH_BYTES);
    return (*left)-- == 0 ? TIDE_EDAMAGED : TIDE_OK;
}

static void errors_of_the_store_are_handed_through(void **state)
{
    (void)state;
    struct merkle_proof proof;
    uint8_t root[HASH_BYTES];
    for (unsigned good = 0; good < 4; good++) {
        unsigned left = good;
        struct merkle_store store = {&left, failing_node};
        assert_int_equal(merkle_prove_inclusion(&store, 1, 21, &proof), TIDE_EDAMAGED);
        assert_int_equal(proof.n, 0);
        left = good;
        assert_int_equal(merkle_prove_consistency(&store, 3, 21, &proof), TIDE_EDAMAGED);
        assert_int_equal(proof.n, 0);
        left = good % 3;
        assert_int_equal(merkle_root_from_store(&store, 21, root), TIDE_EDAMAGED);
    }
}

static enum tide_err any_node(void *ctx, unsigned level, uint64_t index, uint8_t out[HASH_BYTES])
{
    (void)ctx;
    be64_put(out, index);
    memset(out + 8, (int)level, HASH_BYTES - 8);
    return TIDE_OK;
}

/* Proofs at sizes nobody can build leaf by leaf: shapes must hold up to the last bit. */
static void largest_trees(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {(UINT64_C(1) << 62) - 1, UINT64_C(1) << 62, UINT64_C(1) << 61};
    struct merkle_store store = {NULL, any_node};
    struct merkle_proof proof;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        assert_int_equal(merkle_prove_inclusion(&store, 0, sizes[i], &proof), TIDE_OK);
        assert_int_equal(merkle_prove_inclusion(&store, sizes[i] - 1, sizes[i], &proof), TIDE_OK);
        assert_true(proof.n <= MERKLE_DEPTH_MAX);
        assert_int_equal(merkle_prove_consistency(&store, sizes[i] - 1, sizes[i], &proof), TIDE_OK);
        assert_int_equal(merkle_prove_consistency(&store, 1, sizes[i], &proof), TIDE_OK);
    }
    assert_int_equal(merkle_prove_inclusion(&store, 0, (UINT64_C(1) << 62) + 1, &proof), TIDE_EINVAL);
    assert_int_equal(merkle_prove_inclusion(&store, 7, 7, &proof), TIDE_EINVAL);
    assert_int_equal(merkle_prove_inclusion(&store, 0, 0, &proof), TIDE_EINVAL);
    assert_int_equal(merkle_prove_consistency(&store, 8, 7, &proof), TIDE_EINVAL);
}

int main(void)
{
    if (crypto_init() != TIDE_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_known_to_others),
        cmocka_unit_test(appending_gives_the_defined_root),
        cmocka_unit_test(inclusion_proofs_are_the_defined_ones),
        cmocka_unit_test(consistency_proofs_are_the_defined_ones),
        cmocka_unit_test(a_proof_for_the_empty_tree_is_empty),
        cmocka_unit_test(errors_of_the_store_are_handed_through),
        cmocka_unit_test(largest_trees),
    };
    return cmocka_run_group_tests(tests, make_leaves, NULL);
}
