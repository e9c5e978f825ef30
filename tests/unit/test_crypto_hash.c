/*
 * Hashes against published vectors (FIPS 180-2, RFC 4231, RFC 5869) and values computed by another implementation.
 */
#include "crypto/hash_lanes.h"
#include "crypto/sign.h"
#include "tests/unit/test_crypto.h"

static void sha256_is_fips_180(void **state)
{
    (void)state;
    uint8_t out[32];
    sha256(BYTES(NULL, 0), out);
    assert_hex(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256(BYTES("abc", 3), out);
    assert_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void parts_and_streams_hash_as_one_piece(void **state)
{
    (void)state;
    uint8_t data[300], whole[32], parts[32], streamed[32];
    struct sha256_stream s;
    count_up(data, sizeof data, 3);
    for (size_t cut = 0; cut <= sizeof data; cut++) {
        sha256(BYTES(data, sizeof data), whole);
        sha256_parts((struct bytes[]){BYTES(data, cut), BYTES(NULL, 0), BYTES(data + cut, sizeof data - cut)}, 3, parts);
        sha256_init(&s);
        sha256_update(&s, BYTES(data, cut));
        sha256_update(&s, BYTES(NULL, 0));
        sha256_update(&s, BYTES(data + cut, sizeof data - cut));
        sha256_final(&s, streamed);
        assert_memory_equal(whole, parts, 32);
        assert_memory_equal(whole, streamed, 32);
    }
}

/* Every number of lanes and every length around blocks, each piece in memory of its own exact length. */
static void lanes_hash_as_one_by_one(void **state)
{
    (void)state;
    static const uint8_t head[63] = {0, 9, 8, 7};
    static const size_t head_lens[] = {0, 1, 63}, lens[] = {65535, 65536, 65552, 65553, 100000};
    uint8_t out[HASH_LANES][HASH_BYTES], one[HASH_BYTES];
    for (size_t h = 0; h < ARRAY_LEN(head_lens); h++) {
        for (size_t l = 0; l < 200 + ARRAY_LEN(lens); l++) {
            size_t len = l < 200 ? HASH_BLOCK_BYTES + l : lens[l - 200], n = 1 + l % HASH_LANES;
            struct bytes pieces[HASH_LANES], start = BYTES(head, head_lens[h]);
            uint8_t *data[HASH_LANES];
            for (size_t i = 0; i < n; i++) {
                assert_non_null(data[i] = malloc(len));
                for (size_t b = 0; b < len; b++) data[i][b] = (uint8_t)(b * 7 + b / 251 + i * 31);
                pieces[i] = BYTES(data[i], len);
            }
            memset(out, 0xee, sizeof out);
            hash_lanes(start, pieces, n, out);
            for (size_t i = 0; i < HASH_LANES; i++) {
                if (i < n) sha256_parts((struct bytes[]){start, pieces[i]}, 2, one);
                else memset(one, 0xee, sizeof one); /* nothing is written for lanes that nobody asked for */
                assert_memory_equal(out[i], one, HASH_BYTES);
            }
            for (size_t i = 0; i < n; i++) free(data[i]);
        }
    }
}

/* Lengths in any order, runs of every number, pieces too short for lanes, none at all. */
static void each_hashes_as_one_by_one(void **state)
{
    (void)state;
    static uint8_t data[1000];
    struct bytes pieces[50];
    uint8_t out[50][HASH_BYTES], one[HASH_BYTES], head[80] = {1};
    uint64_t chance = 88172645463325252u;
    count_up(data, sizeof data, 5);
    for (size_t round = 0; round < 2000; round++) {
        size_t n = round % (ARRAY_LEN(pieces) + 1), head_len = round % 7 == 0 ? 80 : round % 3, left = 0, len = 0;
        for (size_t i = 0; i < n; i++, left--) {
            chance ^= chance << 13, chance ^= chance >> 7, chance ^= chance << 17;
            if (left == 0) left = 1 + chance % 20, len = chance / 32 % 300;
            pieces[i] = BYTES(data + chance / 16384 % 700, len);
        }
        sha256_each(BYTES(head, head_len), pieces, n, out);
        for (size_t i = 0; i < n; i++) {
            sha256_parts((struct bytes[]){BYTES(head, head_len), pieces[i]}, 2, one);
            assert_memory_equal(out[i], one, HASH_BYTES);
        }
    }
}

static void hmac_is_rfc_4231(void **state)
{
    (void)state;
    uint8_t key[131], out[32];
    hmac_sha256(BYTES("Jefe", 4), BYTES_TEXT("what do ya want for nothing?"), out);
    assert_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    hmac_sha256(BYTES(key, sizeof key), BYTES_TEXT("Test Using Larger Than Block-Size Key - Hash Key First"), out);
    assert_hex(out, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void hkdf_is_rfc_5869(void **state)
{
    (void)state;
    uint8_t secret[22], salt[13], info[10], out[32];
    memset(secret, 0x0b, sizeof secret);
    count_up(salt, sizeof salt, 0);
    count_up(info, sizeof info, 0xf0);
    hkdf_sha256(BYTES(secret, sizeof secret), BYTES(salt, sizeof salt), BYTES(info, sizeof info), out);
    assert_hex(out, 32, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
    hkdf_sha256(BYTES(secret, sizeof secret), BYTES(NULL, 0), BYTES(NULL, 0), out);
    assert_hex(out, 32, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

static void blake2b_is_keyed(void **state)
{
    (void)state;
    uint8_t key[32], out[16], other[16];
    count_up(key, sizeof key, 0);
    blake2b_keyed(key, BYTES("abc", 3), out, sizeof out);
    assert_hex(out, sizeof out, "1a64be47e4729d951c302ee543f97cf3");
    key[0] ^= 1;
    blake2b_keyed(key, BYTES("abc", 3), other, sizeof other);
    assert_memory_not_equal(out, other, sizeof out);
}

int main(void)
{
    if (crypto_init() != TIDE_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_is_fips_180), cmocka_unit_test(parts_and_streams_hash_as_one_piece),
        cmocka_unit_test(lanes_hash_as_one_by_one), cmocka_unit_test(each_hashes_as_one_by_one),
        cmocka_unit_test(hmac_is_rfc_4231),   cmocka_unit_test(hkdf_is_rfc_5869),
        cmocka_unit_test(blake2b_is_keyed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
