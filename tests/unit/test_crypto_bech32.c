/*
 * Bech32: the texts of age's specification, and every way to spoil one.
 */
#include "crypto/bech32.h"
#include "crypto/identity.h"
#include "tests/unit/test_crypto.h"

/* age's specification: the identity of 32 times 0x42 and its recipient. */
#define SPEC_SECRET "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
#define SPEC_RECIPIENT "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"

static void texts_of_the_specification(void **state)
{
    (void)state;
    uint8_t secret[32], recipient[32], decoded[32];
    char text[BECH32_TEXT_MAX];
    memset(secret, 0x42, sizeof secret);
    bech32_encode(AGE_SECRET_PREFIX, secret, text);
    assert_string_equal(text, SPEC_SECRET);
    assert_int_equal(bech32_decode(AGE_SECRET_PREFIX, BYTES_TEXT(SPEC_SECRET), decoded), TIDE_OK);
    assert_memory_equal(decoded, secret, 32);
    x25519_public(secret, recipient);
    bech32_encode(RECIPIENT_PREFIX, recipient, text);
    assert_string_equal(text, SPEC_RECIPIENT);
}

static void values_come_back(void **state)
{
    (void)state;
    static const char *const prefixes[] = {PARTY_PREFIX, SECRET_PREFIX, RECIPIENT_PREFIX, AGE_SECRET_PREFIX};
    uint8_t value[32], decoded[32];
    char text[BECH32_TEXT_MAX];
    for (size_t i = 0; i < 1000; i++) {
        random_bytes(value, sizeof value);
        const char *prefix = prefixes[i % ARRAY_LEN(prefixes)];
        bech32_encode(prefix, value, text);
        assert_int_equal(bech32_decode(prefix, BYTES_TEXT(text), decoded), TIDE_OK);
        assert_memory_equal(value, decoded, 32);
    }
}

static void one_wrong_character_anywhere_is_seen(void **state)
{
    (void)state;
    uint8_t value[32], zeros[32] = {0};
    char text[BECH32_TEXT_MAX] = SPEC_RECIPIENT;
    for (size_t i = 0; text[i] != '\0'; i++) {
        for (int c = 0; c < 256; c++) {
            char good = text[i];
            if ((char)c == good) continue;
            text[i] = (char)c;
            assert_int_equal(bech32_decode(RECIPIENT_PREFIX, BYTES(text, sizeof SPEC_RECIPIENT - 1), value),
                             TIDE_EMALFORMED);
            assert_memory_equal(value, zeros, 32);
            text[i] = good;
        }
    }
}

static void other_shapes_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "age1",
        "AGE1ZVKYG2LQZRAA2LNJVQEJ32NKUU0UES2S82HZRYE869XEEXVN73EQUNUJWJ",  /* right, in the other case */
        "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj ", /* longer */
        "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujw",   /* shorter */
        "tide1vkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj",
    };
    uint8_t value[32];
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(bech32_decode(RECIPIENT_PREFIX, BYTES_TEXT(bad[i]), value), TIDE_EMALFORMED);
    }
    assert_int_equal(bech32_decode("age2", BYTES_TEXT(SPEC_RECIPIENT), value), TIDE_EMALFORMED);
}

/* Right checksum, but padding bits that are not zero: a second text for the same value. */
static void padding_must_be_zero(void **state)
{
    (void)state;
    uint8_t value[32] = {0};
    assert_int_equal(
        bech32_decode(RECIPIENT_PREFIX, BYTES_TEXT("age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqpfwgqrs"),
                      value),
        TIDE_EMALFORMED);
    assert_int_equal(
        bech32_decode(RECIPIENT_PREFIX, BYTES_TEXT("age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z"),
                      value),
        TIDE_OK);
}

int main(void)
{
    if (crypto_init() != TIDE_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_the_specification),           cmocka_unit_test(values_come_back),
        cmocka_unit_test(one_wrong_character_anywhere_is_seen), cmocka_unit_test(other_shapes_are_refused),
        cmocka_unit_test(padding_must_be_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
