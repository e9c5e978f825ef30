/*
 * Bech32 (BIP 173 checksum, without its 90-character limit, as age uses it) for 32-byte values:
 * `tide1…`, `age1…`, `TIDE-SECRET-KEY-1…`, `AGE-SECRET-KEY-1…`.
 */
#ifndef TIDEMARK_CRYPTO_BECH32_H
#define TIDEMARK_CRYPTO_BECH32_H

#include "crypto/base.h"

#define BECH32_TEXT_MAX 96 /* enough for the longest prefix here and 32 bytes, NUL included */

/* Writes `prefix` 1 data checksum, NUL-terminated. `prefix` all lower case gives lower case, all upper case upper. */
void bech32_encode(const char *prefix, const uint8_t value[32], char out[BECH32_TEXT_MAX]);

/*
 * Reads exactly 32 bytes under `prefix` from `text`. TIDE_EMALFORMED: mixed case, other prefix, bad
 * character, checksum or padding, other length. Constant time is not promised.
 */
MUST_USE enum tide_err bech32_decode(const char *prefix, struct bytes text, uint8_t value[32]);

#endif
