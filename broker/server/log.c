/*
 * One write(2) a line, so that lines of threads and processes do not mix. Control characters that come with a value
 * are escaped here, whatever the caller did.
 */
#include "broker/server/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

static unsigned level_now = LOG_LEVEL_INFO;

void log_set_level(unsigned level)
{
    __atomic_store_n(&level_now, level, __ATOMIC_RELAXED);
}

struct log_text log_value(const char *text)
{
    struct log_text out;
    bool plain = *text != '\0' && strpbrk(text, " \"=\\") == NULL;
    size_t n = 0;
    if (!plain) out.text[n++] = '"';
    for (; *text && n + 4 < sizeof out.text; text++) {
        if (*text == '"' || *text == '\\') out.text[n++] = '\\';
        out.text[n++] = *text;
    }
    if (!plain) out.text[n++] = '"';
    out.text[n] = '\0';
    return out;
}

/* Appends `text`, control characters as \xNN; stops where the line is full. */
static size_t append_escaped(char *line, size_t n, const char *text)
{
    for (; *text && n + 6 < LINE_MAX_BYTES; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f) n += (size_t)snprintf(line + n, 5, "\\x%02x", c);
        else line[n++] = (char)c;
    }
    return n;
}

void log_event(unsigned level, const char *event, const char *format, ...)
{
    if (level > __atomic_load_n(&level_now, __ATOMIC_RELAXED)) return;
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);

    char rest[LINE_MAX_BYTES], line[LINE_MAX_BYTES + 1], date[32];
    va_list args;
    va_start(args, format);
    vsnprintf(rest, sizeof rest, format, args);
    va_end(args);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    size_t n = (size_t)snprintf(line, 256, "<%u>time=%s.%03uZ event=%s", level, date,
                                (unsigned)(now.tv_nsec / 1000000), event);
    if (n > 255) n = 255;
    if (*rest) line[n++] = ' ';
    n = append_escaped(line, n, rest);
    line[n++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, n);
    (void)written; /* there is nowhere to say that nobody listens */
}
