/*
 * Base64 (RFC 4648 §4, with padding), the form of every binary value in a signed note.
 *
 * Always holds: one text per value: bits left over are zero, padding is complete, nothing is skipped.
 */
#include "crypto/note.h"

#include "crypto/lines.h"

#include <sodium.h>

size_t base64_encode(struct bytes in, char *out)
{
    size_t text_len = (in.len + 2) / 3 * 4;
    out[0] = '\0';
    if (in.len > 0) sodium_bin2base64(out, text_len + 1, in.data, in.len, sodium_base64_VARIANT_ORIGINAL);
    return text_len;
}

enum tide_err base64_decode(struct bytes text, uint8_t *out, size_t room, size_t *out_len)
{
    *out_len = 0;
    if (text.len == 0) return TIDE_OK;
    if (text.len % 4 != 0 || !is_ascii(text)) return TIDE_EMALFORMED;
    int rc = sodium_base642bin(out, room, (const char *)text.data, text.len, NULL, out_len, NULL,
                               sodium_base64_VARIANT_ORIGINAL);
    if (rc != 0) *out_len = 0;
    return rc == 0 ? TIDE_OK : TIDE_EMALFORMED;
}
