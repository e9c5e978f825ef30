/*
 * Texts that are signed, line by line (form.h).
 *
 * Always holds: nothing is written past FORM_MAX and nothing read past the text.
 * Not here: which lines a text has (settlement.c, certificate.c).
 */
#include "storage/form.h"

#include <stdarg.h>
#include <stdio.h>

#include "storage/limits.h"

#define HEX_LEN 64

/* ---- writing ---- */

void form_init(struct form *t)
{
    t->len = 0;
    t->full = false;
}

void form_add(struct form *t, const char *format, ...)
{
    va_list args;
    size_t room = sizeof t->bytes - t->len;

    va_start(args, format);
    int n = vsnprintf(t->bytes + t->len, room, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= room) t->full = true;
    else t->len += (size_t)n;
}

void form_add_party(struct form *t, const char *name, const uint8_t key[32])
{
    char party[BECH32_TEXT_MAX];
    bech32_encode(PARTY_PREFIX, key, party);
    form_add(t, "%s %s\n", name, party);
}

void form_add_hash(struct form *t, const char *name, const uint8_t *hash)
{
    form_add(t, "%s ", name);
    for (size_t i = 0; hash != NULL && i < HASH_BYTES; i++) form_add(t, "%02x", hash[i]);
    form_add(t, hash == NULL ? "-\n" : "\n");
}

bool form_is_line(struct bytes in, size_t max)
{
    if (in.len == 0 || in.len > max) return false;
    for (size_t i = 0; i < in.len; i++) {
        if (in.data[i] < 0x20 || in.data[i] == 0x7f) return false;
        if (in.data[i] == 0xc2 && i + 1 < in.len && in.data[i + 1] >= 0x80 && in.data[i + 1] < 0xa0) return false;
    }
    return true;
}

/* ---- reading ---- */

bool form_take_first(struct bytes *text, const char *first)
{
    size_t len = strlen(first);
    if (text->len < len || memcmp(text->data, first, len) != 0) return false;
    *text = BYTES(text->data + len, text->len - len);
    return true;
}

bool form_take_line(struct bytes *text, const char *name, struct bytes *value)
{
    size_t name_len = strlen(name);
    const uint8_t *end = text->len > 0 ? memchr(text->data, '\n', text->len) : NULL;
    if (end == NULL) return false;
    size_t len = (size_t)(end - text->data);
    if (len < name_len + 1 || memcmp(text->data, name, name_len) != 0 || text->data[name_len] != ' ') return false;
    *value = BYTES(text->data + name_len + 1, len - name_len - 1);
    *text = BYTES(end + 1, text->len - len - 1);
    return true;
}

bool form_split(struct bytes in, struct bytes *first, struct bytes *rest)
{
    const uint8_t *space = in.len > 0 ? memchr(in.data, ' ', in.len) : NULL;
    if (space == NULL) return false;
    *first = BYTES(in.data, (size_t)(space - in.data));
    *rest = BYTES(space + 1, in.len - first->len - 1);
    return true;
}

bool form_number(struct bytes in, uint64_t *out)
{
    *out = 0;
    if (in.len == 0 || in.len > 16) return false;
    for (size_t i = 0; i < in.len; i++) {
        if (in.data[i] < '0' || in.data[i] > '9') return false;
        *out = *out * 10 + (uint64_t)(in.data[i] - '0');
    }
    return *out <= LIMIT_AMOUNT;
}

bool form_take_number(struct bytes *text, const char *name, uint64_t *out)
{
    struct bytes value;
    return form_take_line(text, name, &value) && form_number(value, out);
}

bool form_take_party(struct bytes *text, const char *name, uint8_t out[32])
{
    struct bytes value;
    return form_take_line(text, name, &value) && bech32_decode(PARTY_PREFIX, value, out) == TIDE_OK;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool form_take_hash(struct bytes *text, const char *name, uint8_t out[HASH_BYTES], bool *is_there)
{
    struct bytes value;
    if (!form_take_line(text, name, &value)) return false;
    *is_there = !bytes_equal(value, BYTES("-", 1));
    if (!*is_there) return true;
    if (value.len != HEX_LEN) return false;
    for (size_t i = 0; i < HASH_BYTES; i++) {
        int high = hex_digit(value.data[2 * i]), low = hex_digit(value.data[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
