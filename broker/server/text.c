/*
 * Words, numbers, JSON strings and errors for tidemarkd's commands. Not here: log lines of a serving process (log.c).
 */
#include "broker/server/text.h"


#define WORD_MAX 48 /* longer words are not compared */

/* Edits from a to b: letters inserted, left out, replaced, or two that changed places (the commonest slip). */
static size_t edit_distance(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    if (a_len > WORD_MAX || b_len > WORD_MAX) return SIZE_MAX;
    size_t rows[3][WORD_MAX + 1]; /* this row and the two before it */
    for (size_t j = 0; j <= b_len; j++) rows[0][j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3];
        const size_t *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t replace = last[j - 1] + (a[i - 1] != b[j - 1]);
            size_t shift = (last[j] < row[j - 1] ? last[j] : row[j - 1]) + 1;
            row[j] = replace < shift ? replace : shift;
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && before[j - 2] + 1 < row[j]) row[j] = before[j - 2] + 1;
        }
    }
    return rows[a_len % 3][b_len];
}

const char *text_nearest(const char *text, const char *const *words, size_t n)
{
    const char *nearest = NULL;
    size_t least = strlen(text) / 2 + 1; /* farther than this is another word */
    for (size_t i = 0; i < n; i++) {
        size_t distance = edit_distance(text, words[i]);
        if (distance < least) {
            least = distance;
            nearest = words[i];
        }
    }
    return nearest;
}

bool text_number(const char *text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (*text == '\0') return false;
    for (const char *c = text; *c; c++) {
        if (*c < '0' || *c > '9') return false;
        if (!mul_u64(value, 10, &value) || !add_u64(value, (uint64_t)(*c - '0'), &value) || value > max) return false;
    }
    *out = value;
    return true;
}

bool text_path(char *out, size_t room, const char *dir, const char *name)
{
    int len = snprintf(out, room, "%s/%s", dir, name);
    return len >= 0 && (size_t)len < room;
}

void text_hex(const uint8_t *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

void text_json(FILE *file, const char *text)
{
    fputc('"', file);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\') fprintf(file, "\\%c", *c);
        else if (*c == '\n') fputs("\\n", file);
        else if (*c < 0x20 || *c == 0x7f) fprintf(file, "\\u%04x", *c);
        else fputc(*c, file);
    }
    fputc('"', file);
}

static bool as_json;

void errors_as_json(bool yes)
{
    as_json = yes;
}

static void complain_json(enum outcome code, const char *what, const char *why, const char *todo)
{
    const struct outcome_info *info = outcome_info((unsigned)code);
    char message[1024];
    snprintf(message, sizeof message, "%s%s%s", what, why ? ": " : "", why ? why : "");
    fprintf(stderr, "{\"error\": {\"code\": %u, \"name\": ", (unsigned)code);
    text_json(stderr, info ? info->name : "?");
    fputs(", \"message\": ", stderr);
    text_json(stderr, message);
    fputs(", \"hint\": ", stderr);
    text_json(stderr, todo ? todo : info ? info->hint : "");
    fprintf(stderr, ", \"retry\": %s}}\n", info && info->retry ? "true" : "false");
}

enum exit_status complain(enum exit_status status, enum outcome code, const char *what, const char *why,
                          const char *todo)
{
    if (as_json) {
        complain_json(code, what, why, todo);
        return status;
    }
    fprintf(stderr, "tidemarkd: %s%s%s.%s%s\n", what, why ? ": " : "", why ? why : "", todo ? " " : "",
            todo ? todo : "");
    return status;
}
