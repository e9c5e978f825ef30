/*
 * Moments, spans, shares and parameters; see units.h.
 *
 * Always holds: integers only; what is not exactly one of the forms is refused, and so are days that no calendar has.
 * Not here: money and plain dates (text.c).
 */
#include "client/cli/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)

/* ---- digits ---- */

/* Digits up to the first other character, at most `max`; gives that character, or NULL. */
static const char *number_take(const char *at, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    const char *first = at;

    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (digit > max || value > (max - digit) / 10) return NULL;
        value = value * 10 + digit;
    }
    *out = value;
    return at == first ? NULL : at;
}

/* Exactly `n` digits. */
static const char *digits_take(const char *at, int n, int *out)
{
    *out = 0;
    for (int i = 0; i < n; i++) {
        if (at[i] < '0' || at[i] > '9') return NULL;
        *out = *out * 10 + (at[i] - '0');
    }
    return at + n;
}

/* ---- spans ---- */

/* Longer names first: "min" begins with "m". */
static const struct {
    const char *name;
    uint64_t ms;
} span_units[] = {{"min", MINUTE}, {"ms", 1}, {"m", MINUTE}, {"s", SECOND}, {"h", HOUR}, {"d", DAY}, {"w", WEEK}};

/* "30min" of "30min5s": what follows it, or NULL. */
static const char *span_part(const char *at, uint64_t *ms)
{
    uint64_t n;

    at = number_take(at, AMOUNT_MAX, &n);
    if (at == NULL) return NULL;
    for (size_t i = 0; i < ARRAY_N(span_units); i++) {
        size_t len = strlen(span_units[i].name);
        if (strncmp(at, span_units[i].name, len) != 0) continue;
        if (n > AMOUNT_MAX / span_units[i].ms) return NULL;
        *ms = n * span_units[i].ms;
        return at + len;
    }
    return NULL;
}

bool span_parse(const char *text, uint64_t *ms)
{
    uint64_t sum = 0;

    *ms = 0;
    do {
        uint64_t part;
        text = span_part(text, &part);
        if (text == NULL || part > AMOUNT_MAX - sum) return false;
        sum += part;
    } while (*text != '\0');
    *ms = sum;
    return true;
}

void span_format(uint64_t ms, char out[TEXT_MAX])
{
    static const struct {
        uint64_t ms, from;
        const char *name;
    } units[] = {{DAY, 2 * DAY, "d"}, {HOUR, HOUR, "h"}, {MINUTE, MINUTE, "min"}, {SECOND, SECOND, "s"}};

    for (size_t i = 0; i < ARRAY_N(units); i++) {
        if (ms < units[i].from || ms % units[i].ms != 0) continue;
        snprintf(out, TEXT_MAX, "%" PRIu64 "%s", ms / units[i].ms, units[i].name);
        return;
    }
    snprintf(out, TEXT_MAX, "%" PRIu64 "ms", ms);
}

/* ---- moments ---- */

/* "2026-11-30"; what follows it, or NULL. */
static const char *date_take(const char *at, struct tm *parts)
{
    at = digits_take(at, 4, &parts->tm_year);
    if (at == NULL || *at != '-') return NULL;
    at = digits_take(at + 1, 2, &parts->tm_mon);
    if (at == NULL || *at != '-') return NULL;
    at = digits_take(at + 1, 2, &parts->tm_mday);
    parts->tm_year -= 1900;
    parts->tm_mon -= 1;
    return at;
}

/* "18:00", "18:00:30", "18:00:30.250". */
static const char *time_take(const char *at, struct tm *parts, uint64_t *ms)
{
    uint64_t scale = 100;

    at = digits_take(at, 2, &parts->tm_hour);
    if (at == NULL || *at != ':') return NULL;
    at = digits_take(at + 1, 2, &parts->tm_min);
    if (at == NULL || *at != ':') return at;
    at = digits_take(at + 1, 2, &parts->tm_sec);
    if (at == NULL || *at != '.') return at;
    at++;
    if (*at < '0' || *at > '9') return NULL;
    for (; *at >= '0' && *at <= '9'; at++, scale /= 10) *ms += (uint64_t)(*at - '0') * scale;
    return at;
}

/* "Z", "+08:00", or nothing: the zone of this machine. */
static bool zone_take(const char *at, bool *is_local, int *east_minutes)
{
    int hours, minutes;

    *is_local = *at == '\0';
    *east_minutes = 0;
    if (*is_local || strcmp(at, "Z") == 0) return true;
    int sign = *at == '+' ? 1 : -1;
    if (*at != '+' && *at != '-') return false;
    at = digits_take(at + 1, 2, &hours);
    if (at == NULL || *at != ':') return false;
    at = digits_take(at + 1, 2, &minutes);
    *east_minutes = sign * (hours * 60 + minutes);
    return at != NULL && *at == '\0' && hours < 24 && minutes < 60;
}

/* The moment of `parts`; false for what no calendar has (30 February, 25:00, an hour that a clock change leaves out). */
static bool calendar(struct tm parts, bool is_local, time_t *out)
{
    struct tm wanted = parts;

    parts.tm_isdst = -1;
    *out = is_local ? mktime(&parts) : timegm(&parts);
    return parts.tm_year == wanted.tm_year && parts.tm_mon == wanted.tm_mon && parts.tm_mday == wanted.tm_mday &&
           parts.tm_hour == wanted.tm_hour && parts.tm_min == wanted.tm_min && parts.tm_sec == wanted.tm_sec;
}

bool moment_parse(const char *text, uint64_t now_ms, bool day_ends, uint64_t *ms)
{
    struct tm parts = {0};
    uint64_t part_ms = 0, span;
    bool is_local;
    int east_minutes;
    time_t seconds;

    *ms = 0;
    if (*text == '+') {
        if (!span_parse(text + 1, &span) || now_ms > AMOUNT_MAX || span > AMOUNT_MAX - now_ms) return false;
        *ms = now_ms + span;
        return true;
    }
    const char *at = date_take(text, &parts);
    if (at == NULL) return false;
    bool is_day = *at != 'T' && *at != ' ';
    if (!is_day) at = time_take(at + 1, &parts, &part_ms);
    if (at == NULL || !zone_take(at, &is_local, &east_minutes) || !calendar(parts, is_local, &seconds)) return false;
    if (is_day && day_ends) { /* the next day: not always 24 hours later */
        parts.tm_mday++;
        parts.tm_isdst = -1;
        seconds = is_local ? mktime(&parts) : timegm(&parts);
    }
    seconds -= (time_t)east_minutes * 60;
    if (seconds < 0 || (uint64_t)seconds > AMOUNT_MAX / SECOND - 1) return false;
    *ms = (uint64_t)seconds * SECOND + part_ms;
    return true;
}

/* ---- shares ---- */

bool share_parse(const char *text, uint64_t *bp)
{
    uint64_t whole, part = 0;

    *bp = 0;
    const char *at = number_take(text, AMOUNT_MAX / 100 - 1, &whole);
    if (at == NULL) return false;
    if (*at == '.') {
        const char *first = at + 1;
        at = number_take(first, 99, &part);
        if (at == NULL || at - first > 2) return false;
        if (at - first == 1) part *= 10;
    }
    if (strcmp(at, "%") != 0) return false;
    *bp = whole * 100 + part;
    return true;
}

void share_format(uint64_t bp, char out[TEXT_MAX])
{
    unsigned part = (unsigned)(bp % 100);

    if (part == 0)
        snprintf(out, TEXT_MAX, "%" PRIu64 "%%", bp / 100);
    else if (part % 10 == 0)
        snprintf(out, TEXT_MAX, "%" PRIu64 ".%u%%", bp / 100, part / 10);
    else
        snprintf(out, TEXT_MAX, "%" PRIu64 ".%02u%%", bp / 100, part);
}

/* ---- parameters ---- */

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), n = strlen(end);
    return len > n && strcmp(name + len - n, end) == 0;
}

/* Of accept_ms_per_10gib it is in the middle. */
static bool is_span(const char *name)
{
    return ends_with(name, "_ms") || strstr(name, "_ms_per_") != NULL;
}

bool parameter_parse(const char *name, const char *text, uint64_t *value)
{
    if (ends_with(name, "_bp")) return share_parse(text, value);
    if (ends_with(name, "_fen")) return yuan_parse(text, value);
    if (is_span(name)) return strcmp(text, "0") == 0 ? (*value = 0, true) : span_parse(text, value);
    return count_parse(text, value);
}

void parameter_format(const char *name, uint64_t value, char out[TEXT_MAX])
{
    if (ends_with(name, "_bp"))
        share_format(value, out);
    else if (ends_with(name, "_fen"))
        yuan_format(value, out);
    else if (is_span(name))
        span_format(value, out);
    else
        snprintf(out, TEXT_MAX, "%" PRIu64, value);
}

const char *parameter_example(const char *name)
{
    if (ends_with(name, "_bp")) return "a share, like 1.5%";
    if (ends_with(name, "_fen")) return "yuan, like 50.00";
    if (is_span(name)) return "a time, like 24h, 30d or 10min";
    return "a number";
}
