/*
 * Errors: from codes, from the layers below and from errno to a struct tide_error.
 *
 * Always holds: name, hint and retry are the table's (storage/outcome.h); messages are cut at a character's edge, never
 * overrun; nothing secret is put into one.
 * Not here: when which code is right (whoever calls).
 */
#include "client/lib/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* Copies what fits, without cutting a UTF-8 character in two. */
static void text_fit(char *to, size_t room, const char *from)
{
    size_t len = strnlen(from, room);
    if (len == room) {
        len = room - 1;
        while (len > 0 && ((unsigned char)from[len] & 0xc0) == 0x80) len--;
    }
    memcpy(to, from, len);
    to[len] = '\0';
}

/* Everything but the message. */
static void describe(struct tide_error *error, int code)
{
    const struct outcome_info *info = outcome_info((unsigned)code);
    *error = (struct tide_error){.code = code};
    if (info == NULL) {
        text_fit(error->name, sizeof error->name, "unknown");
        return;
    }
    error->retry = info->retry ? 1 : 0;
    text_fit(error->name, sizeof error->name, info->name);
    text_fit(error->message, sizeof error->message, info->sentence);
    text_fit(error->hint, sizeof error->hint, info->hint);
}

void error_clear(struct tide_error *error)
{
    if (error != NULL) *error = (struct tide_error){0};
}

int error_set(struct tide_error *error, int code, const char *format, ...)
{
    char message[1024];
    va_list args;

    if (error == NULL) return code;
    describe(error, code);
    if (format == NULL) return code;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    text_fit(error->message, sizeof error->message, message);
    return code;
}

static int code_of(enum tide_err err)
{
    switch (err) {
    case TIDE_OK: return 0;
    case TIDE_EINVAL:
    case TIDE_ELIMIT: return OUTCOME_C_USAGE;
    case TIDE_EMALFORMED: return OUTCOME_V_UNREADABLE;
    case TIDE_EAUTH: return OUTCOME_V_FAILED;
    case TIDE_ENOTFOUND:
    case TIDE_EEXIST:
    case TIDE_EDENIED:
    case TIDE_EBUSY:
    case TIDE_EFULL:
    case TIDE_EIO:
    case TIDE_EDAMAGED: return OUTCOME_C_FILE;
    case TIDE_ENOMEM: return OUTCOME_C_NO_MEMORY;
    case TIDE_ETIMEOUT: return OUTCOME_C_TIMEOUT;
    case TIDE_ECANCELED: return OUTCOME_C_INTERRUPTED;
    }
    return OUTCOME_C_INTERNAL;
}

int error_of(struct tide_error *error, enum tide_err err, const char *what)
{
    if (err == TIDE_OK) return 0;
    return error_set(error, code_of(err), "%s: %s.", what, tide_err_text(err));
}

int error_file(struct tide_error *error, const char *doing, const char *path)
{
    int number = errno;
    return error_set(error, OUTCOME_C_FILE, "Cannot %s %s: %s.", doing, path, strerror(number));
}

int error_copy(struct tide_error *to, const struct tide_error *from)
{
    if (to != NULL) *to = *from;
    return from->code;
}

/* ---- nearest names ---- */
#define NAME_MAX_TYPED 48u

/* Edits (insert, delete, replace) between two short texts. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[NAME_MAX_TYPED + 1];
    size_t len_a = strlen(a), len_b = strlen(b);
    if (len_a > NAME_MAX_TYPED || len_b > NAME_MAX_TYPED) return NAME_MAX_TYPED;
    for (size_t j = 0; j <= len_b; j++) row[j] = (unsigned)j;
    for (size_t i = 1; i <= len_a; i++) {
        unsigned corner = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= len_b; j++) {
            unsigned best = corner + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            corner = row[j];
            row[j] = best;
        }
    }
    return row[len_b];
}

const char *nearest_name(const char *typed, const char *const *names, size_t n)
{
    const char *best = NULL;
    unsigned best_distance = (unsigned)strnlen(typed, NAME_MAX_TYPED) / 2 + 2;
    for (size_t i = 0; i < n; i++) {
        unsigned d = distance(typed, names[i]);
        if (d >= best_distance) continue;
        best = names[i];
        best_distance = d;
    }
    return best;
}

/* ---- the public table ---- */
int tide_error_describe(int code, struct tide_error *out)
{
    if (code < 0 || outcome_info((unsigned)code) == NULL) {
        return error_set(out, OUTCOME_C_USAGE, "There is no code %d.", code);
    }
    if (out != NULL) describe(out, code);
    return 0;
}

int tide_error_next(int code)
{
    int next = 0;
    for (size_t i = 0; i < n_all_outcomes; i++) {
        int candidate = (int)all_outcomes[i].code;
        if (candidate > code && (next == 0 || candidate < next)) next = candidate;
    }
    return next;
}

const char *tide_version(void)
{
    return TIDEMARK_VERSION;
}
