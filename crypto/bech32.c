/*
 * Bech32 for 32-byte values, as age uses it: BIP 173's checksum, no limit of 90 characters.
 *
 * Always holds: what decodes is what encodes, letter for letter (one text per value and case).
 * Some values are secrets: intermediate copies are wiped here, the texts by whoever holds them.
 */
#include "crypto/bech32.h"

#include <sodium.h>

#define VALUE_BYTES 32
#define DATA_SYMBOLS 52 /* ceil(32 * 8 / 5) */
#define CHECKSUM_SYMBOLS 6
#define PREFIX_MAX (BECH32_TEXT_MAX - 1 - 1 - DATA_SYMBOLS - CHECKSUM_SYMBOLS)

static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

static uint32_t polymod_step(uint32_t state, uint8_t symbol)
{
    static const uint32_t generator[5] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
    uint32_t top = state >> 25;
    state = (state & 0x1ffffff) << 5 ^ symbol;
    for (unsigned bit = 0; bit < 5; bit++) {
        if (top >> bit & 1) state ^= generator[bit];
    }
    return state;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* The checksum always covers the lower-case prefix. */
static uint32_t polymod_prefix(const char *prefix, size_t len)
{
    uint32_t state = 1;
    for (size_t i = 0; i < len; i++) state = polymod_step(state, (uint8_t)lower(prefix[i]) >> 5);
    state = polymod_step(state, 0);
    for (size_t i = 0; i < len; i++) state = polymod_step(state, (uint8_t)lower(prefix[i]) & 31);
    return state;
}

static bool prefix_is_upper(const char *prefix)
{
    for (const char *c = prefix; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z') return true;
    }
    return false;
}

static uint32_t polymod_symbols(uint32_t state, const uint8_t *symbols, size_t n)
{
    for (size_t i = 0; i < n; i++) state = polymod_step(state, symbols[i]);
    return state;
}

static void value_to_symbols(const uint8_t value[VALUE_BYTES], uint8_t symbols[DATA_SYMBOLS])
{
    uint32_t pending = 0;
    unsigned n_bits = 0;
    size_t n = 0;
    for (size_t i = 0; i < VALUE_BYTES; i++) {
        pending = (pending << 8 | value[i]) & 0xfff;
        n_bits += 8;
        while (n_bits >= 5) {
            n_bits -= 5;
            symbols[n++] = pending >> n_bits & 31;
        }
    }
    symbols[n++] = (uint8_t)(pending << (5 - n_bits) & 31);
    ASSERT(n == DATA_SYMBOLS);
}

/* False if the four bits of padding are not zero. */
static bool symbols_to_value(const uint8_t symbols[DATA_SYMBOLS], uint8_t value[VALUE_BYTES])
{
    uint32_t pending = 0;
    unsigned n_bits = 0;
    size_t n = 0;
    for (size_t i = 0; i < DATA_SYMBOLS; i++) {
        pending = (pending << 5 | symbols[i]) & 0xfff;
        n_bits += 5;
        if (n_bits >= 8) {
            n_bits -= 8;
            value[n++] = (uint8_t)(pending >> n_bits & 0xff);
        }
    }
    ASSERT(n == VALUE_BYTES);
    return (pending & ((1u << n_bits) - 1)) == 0;
}

void bech32_encode(const char *prefix, const uint8_t value[32], char out[BECH32_TEXT_MAX])
{
    size_t prefix_len = strlen(prefix);
    uint8_t symbols[DATA_SYMBOLS + CHECKSUM_SYMBOLS] = {0};
    bool in_upper = prefix_is_upper(prefix);

    ASSERT(prefix_len > 0 && prefix_len <= PREFIX_MAX);
    value_to_symbols(value, symbols);
    uint32_t checksum = polymod_symbols(polymod_prefix(prefix, prefix_len), symbols, sizeof symbols) ^ 1;
    for (unsigned i = 0; i < CHECKSUM_SYMBOLS; i++) symbols[DATA_SYMBOLS + i] = checksum >> (5 * (5 - i)) & 31;

    memcpy(out, prefix, prefix_len);
    out[prefix_len] = '1';
    char *text = out + prefix_len + 1;
    for (size_t i = 0; i < sizeof symbols; i++) {
        text[i] = in_upper ? upper(alphabet[symbols[i]]) : alphabet[symbols[i]];
    }
    text[sizeof symbols] = '\0';
    sodium_memzero(symbols, sizeof symbols);
}

enum tide_err bech32_decode(const char *prefix, struct bytes text, uint8_t value[32])
{
    size_t prefix_len = strlen(prefix);
    uint8_t symbols[DATA_SYMBOLS + CHECKSUM_SYMBOLS];
    bool in_upper = prefix_is_upper(prefix);
    enum tide_err err = TIDE_EMALFORMED;

    sodium_memzero(value, VALUE_BYTES);
    if (text.len != prefix_len + 1 + sizeof symbols) return TIDE_EMALFORMED;
    if (memcmp(text.data, prefix, prefix_len) != 0 || text.data[prefix_len] != '1') return TIDE_EMALFORMED;
    const uint8_t *data = text.data + prefix_len + 1;
    for (size_t i = 0; i < sizeof symbols; i++) {
        char c = (char)data[i];
        if (c == '\0' || c != (in_upper ? upper(c) : lower(c))) goto out;
        const char *at = strchr(alphabet, lower(c));
        if (at == NULL) goto out;
        symbols[i] = (uint8_t)(at - alphabet);
    }
    if (polymod_symbols(polymod_prefix(prefix, prefix_len), symbols, sizeof symbols) != 1) goto out;
    if (!symbols_to_value(symbols, value)) {
        sodium_memzero(value, VALUE_BYTES);
        goto out;
    }
    err = TIDE_OK;
out:
    sodium_memzero(symbols, sizeof symbols);
    return err;
}
