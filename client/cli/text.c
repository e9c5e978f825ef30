/*
 * Money, counts, dates, sizes and escaped text for people; see text.h.
 *
 * Always holds: money is read and written as integers, digit by digit; what is not exactly an amount is refused.
 * Not here: where it is printed (show.c) and what a flag may hold (flags.c).
 */
#include "client/cli/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- money and counts ---- */

/* Digits up to the first other character, at most `max`; gives that character, or NULL. */
static const char *digits_parse(const char *text, uint64_t max, uint64_t *out)
{
    const char *at = text;
    uint64_t value = 0;

    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (value > (max - digit) / 10) return NULL;
        value = value * 10 + digit;
    }
    if (at == text) return NULL;
    *out = value;
    return at;
}

bool yuan_parse(const char *text, uint64_t *fen)
{
    uint64_t yuan, cents = 0;

    *fen = 0;
    const char *at = digits_parse(text, AMOUNT_MAX / 100, &yuan);
    if (at == NULL) return false;
    if (*at == '.') {
        const char *first = at + 1;
        at = digits_parse(first, 99, &cents);
        if (at == NULL || at - first > 2) return false;
        if (at - first == 1) cents *= 10;
    }
    if (*at != '\0' || yuan * 100 + cents > AMOUNT_MAX) return false;
    *fen = yuan * 100 + cents;
    return true;
}

void yuan_format(uint64_t fen, char out[TEXT_MAX])
{
    snprintf(out, TEXT_MAX, "%" PRIu64 ".%02u", fen / 100, (unsigned)(fen % 100));
}

bool yuan_total(uint64_t price_fen, uint64_t quantity, uint64_t *total_fen)
{
    *total_fen = 0;
    if (price_fen != 0 && quantity > AMOUNT_MAX / price_fen) return false;
    *total_fen = price_fen * quantity;
    return true;
}

bool count_parse(const char *text, uint64_t *out)
{
    uint64_t value;

    *out = 0;
    const char *end = digits_parse(text, AMOUNT_MAX, &value);
    if (end == NULL || *end != '\0') return false;
    *out = value;
    return true;
}

/* ---- dates and sizes ---- */

void time_iso(uint64_t ms, char out[TEXT_MAX])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char date[TEXT_MAX - 8];

    if (gmtime_r(&seconds, &parts) == NULL || strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts) == 0) {
        snprintf(out, TEXT_MAX, "%" PRIu64, ms);
        return;
    }
    snprintf(out, TEXT_MAX, "%s.%03uZ", date, (unsigned)(ms % 1000));
}

void time_short(uint64_t ms, char out[TEXT_MAX])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;

    if (localtime_r(&seconds, &parts) == NULL || strftime(out, TEXT_MAX, "%Y-%m-%d %H:%M", &parts) == 0) {
        snprintf(out, TEXT_MAX, "%" PRIu64, ms);
    }
}

void bytes_format(uint64_t n, char out[TEXT_MAX])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    uint64_t whole = n, rest = 0;
    size_t unit = 0;

    while (whole >= 1024 && unit + 1 < ARRAY_N(units)) {
        rest = whole % 1024;
        whole /= 1024;
        unit++;
    }
    if (unit == 0) {
        snprintf(out, TEXT_MAX, "%" PRIu64 " B", whole);
    } else {
        snprintf(out, TEXT_MAX, "%" PRIu64 ".%u %s", whole, (unsigned)(rest * 10 / 1024), units[unit]);
    }
}

void duration_format(uint64_t ms, char out[TEXT_MAX])
{
    uint64_t s = ms / 1000;

    if (s >= 3600) {
        snprintf(out, TEXT_MAX, "%" PRIu64 ":%02u:%02u", s / 3600, (unsigned)(s / 60 % 60), (unsigned)(s % 60));
    } else {
        snprintf(out, TEXT_MAX, "%u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
    }
}

/* ---- escaping ---- */

/* Length of the well-formed UTF-8 sequence at `at` (1–4) with its code point, or 0. */
static size_t utf8_length(const unsigned char *at, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = at[0] < 0x80             ? 1
               : (at[0] & 0xE0) == 0xC0 ? 2
               : (at[0] & 0xF0) == 0xE0 ? 3
               : (at[0] & 0xF8) == 0xF0 ? 4
                                        : 0;

    if (n == 0) return 0;
    *code = n == 1 ? at[0] : at[0] & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((at[i] & 0xC0) != 0x80) return 0; /* the closing NUL ends here too */
        *code = *code << 6 | (at[i] & 0x3Fu);
    }
    if (*code < least[n] || *code > 0x10FFFF || (*code >= 0xD800 && *code <= 0xDFFF)) return 0;
    return n;
}

/* What could move a cursor, end a line, or make text look like another text. */
static bool is_treacherous(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x061C || code == 0x200E || code == 0x200F ||
           (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

char *text_escape(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    char *out = malloc(strlen(text) * 4 + 1); /* the longest: one byte to \xNN */
    if (out == NULL) return NULL;

    char *to = out;
    while (*at != '\0') {
        uint32_t code;
        size_t n = utf8_length(at, &code);
        if (n == 0) {
            to += sprintf(to, "\\x%02x", *at++);
            continue;
        }
        if (code == '\\' || code == '\n' || code == '\t' || code == '\r') {
            *to++ = '\\';
            *to++ = code == '\n' ? 'n' : code == '\t' ? 't' : code == '\r' ? 'r' : '\\';
        } else if (is_treacherous(code)) {
            to += sprintf(to, code < 0x80 ? "\\x%02x" : "\\u%04x", code);
        } else {
            memcpy(to, at, n);
            to += n;
        }
        at += n;
    }
    *to = '\0';
    return out;
}

char *json_escape(const char *json)
{
    const unsigned char *at = (const unsigned char *)json;
    char *out = malloc(strlen(json) * 6 + 1); /* the longest: DEL, one byte, to \u007f */
    if (out == NULL) return NULL;

    char *to = out;
    while (*at != '\0') {
        uint32_t code;
        size_t n = utf8_length(at, &code);
        if (n == 0) { /* no JSON writer makes that */
            to += sprintf(to, "\\u%04x", *at++);
            continue;
        }
        if (code >= 0x7F && is_treacherous(code)) {
            to += sprintf(to, "\\u%04x", code);
        } else {
            memcpy(to, at, n);
            to += n;
        }
        at += n;
    }
    *to = '\0';
    return out;
}

void hex_format(const uint8_t *in, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[in[i] >> 4];
        *out++ = digits[in[i] & 15];
    }
    *out = '\0';
}

/* ---- typing errors ---- */

#define WORD_MAX 40

size_t word_distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1]; /* the two rows before, and this one */
    size_t n_a = strlen(a), n_b = strlen(b);

    if (n_a > WORD_MAX || n_b > WORD_MAX) return n_a > n_b ? n_a : n_b;
    for (size_t j = 0; j <= n_b; j++) rows[0][j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t *row = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best) best = last[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best) {
                best = before[j - 2] + 1;
            }
            row[j] = best;
        }
    }
    return rows[n_a % 3][n_b];
}

const char *word_nearest(const char *typed, const char *const *words, size_t n)
{
    const char *nearest = NULL;
    size_t best = strlen(typed) / 3 + 1; /* one letter in three may be wrong, and one more */

    for (size_t i = 0; i < n; i++) {
        size_t distance = word_distance(typed, words[i]);
        if (distance < best || (distance == best && nearest == NULL)) {
            best = distance;
            nearest = words[i];
        }
    }
    return nearest;
}
