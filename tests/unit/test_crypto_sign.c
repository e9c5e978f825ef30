/*
 * Signatures and their domains; the edge cases of Ed25519 that libsodium's rules decide.
 */
#include "crypto/sign.h"
#include "tests/unit/test_crypto.h"

/* RFC 8032 §7.1, test 3. */
static void signatures_are_rfc_8032(void **state)
{
    (void)state;
    uint8_t seed[32], public_key[32], secret_key[64], signature[64];
    static const uint8_t message[] = {0xaf, 0x82};
    from_hex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", seed, 32);
    sign_keypair(seed, public_key, secret_key);
    assert_hex(public_key, 32, "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
    sign_message(secret_key, DOMAIN_NONE, BYTES(message, 2), signature);
    assert_hex(signature, 64,
               "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e971"
               "6ed28dc027beceea1ec40a");
}

static void the_domain_is_part_of_the_message(void **state)
{
    (void)state;
    uint8_t seed[32] = {1}, public_key[32], secret_key[64], signature[64];
    struct bytes message = BYTES_TEXT("message");
    sign_keypair(seed, public_key, secret_key);
    sign_message(secret_key, DOMAIN_STATEMENT, message, signature);
    assert_int_equal(sign_verify(public_key, DOMAIN_STATEMENT, message, signature), TIDE_OK);
    assert_int_equal(sign_verify(public_key, DOMAIN_NONE, message, signature), TIDE_EAUTH);
    assert_int_equal(sign_verify(public_key, "tidemark/statement/v2\n", message, signature), TIDE_EAUTH);
    assert_int_equal(sign_verify(public_key, DOMAIN_NONE, BYTES_TEXT(DOMAIN_STATEMENT "message"), signature), TIDE_OK);
}

static void any_flipped_bit_is_seen(void **state)
{
    (void)state;
    uint8_t seed[32] = {2}, public_key[32], secret_key[64], signature[64], message[40];
    count_up(message, sizeof message, 0);
    sign_keypair(seed, public_key, secret_key);
    sign_message(secret_key, DOMAIN_STATEMENT, BYTES(message, sizeof message), signature);
    for (size_t bit = 0; bit < 8 * sizeof signature; bit++) {
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(sign_verify(public_key, DOMAIN_STATEMENT, BYTES(message, sizeof message), signature),
                         TIDE_EAUTH);
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sizeof message; bit++) {
        message[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(sign_verify(public_key, DOMAIN_STATEMENT, BYTES(message, sizeof message), signature),
                         TIDE_EAUTH);
        message[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* S + L is the same signature to a careless verifier. */
static void a_scalar_that_is_not_reduced_is_refused(void **state)
{
    (void)state;
    uint8_t seed[32] = {3}, public_key[32], secret_key[64], signature[64], order[32];
    struct bytes message = BYTES_TEXT("malleable");
    unsigned carry = 0;
    from_hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010", order, 32);
    sign_keypair(seed, public_key, secret_key);
    sign_message(secret_key, DOMAIN_NONE, message, signature);
    for (size_t i = 0; i < 32; i++) {
        carry += (unsigned)signature[32 + i] + order[i];
        signature[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_int_equal(sign_verify(public_key, DOMAIN_NONE, message, signature), TIDE_EAUTH);
}

/* Under a key of low order, R = identity and S = 0 would be a signature over anything. */
static void keys_of_low_order_sign_nothing(void **state)
{
    (void)state;
    uint8_t identity_point[32] = {1}, signature[64] = {1};
    assert_int_equal(sign_verify(identity_point, DOMAIN_NONE, BYTES_TEXT("anything"), signature), TIDE_EAUTH);
    memset(identity_point, 0, 32); /* order 4 */
    assert_int_equal(sign_verify(identity_point, DOMAIN_NONE, BYTES_TEXT("anything"), signature), TIDE_EAUTH);
}

static void messages_of_any_length(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 65535, 65536, 65537, 300000};
    uint8_t seed[32] = {4}, public_key[32], secret_key[64], signature[64];
    uint8_t *message = calloc(1, 300000);
    assert_non_null(message);
    sign_keypair(seed, public_key, secret_key);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct bytes span = BYTES(lengths[i] > 0 ? message : NULL, lengths[i]);
        sign_message(secret_key, DOMAIN_STATEMENT, span, signature);
        assert_int_equal(sign_verify(public_key, DOMAIN_STATEMENT, span, signature), TIDE_OK);
        span.len++;
        if (span.len <= 300000 && span.data != NULL) {
            assert_int_equal(sign_verify(public_key, DOMAIN_STATEMENT, span, signature), TIDE_EAUTH);
        }
    }
    free(message);
}

int main(void)
{
    if (crypto_init() != TIDE_OK || crypto_init() != TIDE_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_rfc_8032),
        cmocka_unit_test(the_domain_is_part_of_the_message),
        cmocka_unit_test(any_flipped_bit_is_seen),
        cmocka_unit_test(a_scalar_that_is_not_reduced_is_refused),
        cmocka_unit_test(keys_of_low_order_sign_nothing),
        cmocka_unit_test(messages_of_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
