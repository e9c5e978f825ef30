/*
 * The content of identity files, and bech32. What decodes must, written again, be the same text.
 */
#include "crypto/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char *const prefixes[] = {PARTY_PREFIX, SECRET_PREFIX, RECIPIENT_PREFIX, AGE_SECRET_PREFIX};
    struct identity *id;
    uint8_t value[32];
    char text[BECH32_TEXT_MAX];

    if (crypto_init() != TIDE_OK) return 0;
    if (identity_parse(BYTES(data, len), &id) == TIDE_OK) {
        ASSERT(identity_n_older(id) <= IDENTITY_OLDER_MAX);
        identity_free(&id);
    }
    ASSERT(id == NULL);
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        if (bech32_decode(prefixes[i], BYTES(data, len), value) != TIDE_OK) continue;
        bech32_encode(prefixes[i], value, text);
        ASSERT(bytes_equal(BYTES_TEXT(text), BYTES(data, len)));
    }
    return 0;
}
