/*
 * Reading text line by line, bounded; private to crypto/. Nothing is copied: lines point into the text.
 */
#ifndef TIDEMARK_CRYPTO_LINES_H
#define TIDEMARK_CRYPTO_LINES_H

#include "crypto/base.h"

/* Takes the first line off *text, without its \n. False when no \n is left (*text is then untouched). */
static inline bool line_take(struct bytes *text, struct bytes *line)
{
    const uint8_t *end = text->len > 0 ? memchr(text->data, '\n', text->len) : NULL;
    if (end == NULL) return false;
    *line = BYTES(text->data, (size_t)(end - text->data));
    *text = BYTES(end + 1, text->len - line->len - 1);
    return true;
}

/* Takes `prefix` off the front of *text; false when it does not begin so. */
static inline bool prefix_take(struct bytes *text, const char *prefix)
{
    size_t len = strlen(prefix);
    if (text->len < len || memcmp(text->data, prefix, len) != 0) return false;
    *text = BYTES(text->data + len, text->len - len);
    return true;
}

/*
 * True if no byte is 0x80 or above. Asked before libsodium decodes base64: 1.0.18 takes some such bytes for '/' or '+',
 * which would give a value many spellings.
 */
static inline bool is_ascii(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] >= 0x80) return false;
    }
    return true;
}

/* The whole of `text` as a decimal number without sign or leading zeros, below 2^63. */
static inline bool decimal_parse(struct bytes text, uint64_t *out)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > 19 || (text.len > 1 && text.data[0] == '0')) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    if (value > INT64_MAX) return false;
    *out = value;
    return true;
}

#endif
