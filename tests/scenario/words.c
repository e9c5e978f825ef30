/*
 * Words of a scenario's line (script.h).
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/scenario/script.h"

void words_split(struct world *w, char *line, struct words *out)
{
    out->n = out->at = 0;
    for (char *p = line; *p;) {
        if (*p == ' ' || *p == '\t' || *p == '\n' || *p == ',') {
            *p++ = 0;
            continue;
        }
        if (*p == '#') return;
        if (out->n == WORDS_MAX) world_fail(w, "more than %d words", WORDS_MAX);
        if (*p == '"') {
            out->word[out->n++] = ++p;
            p += strcspn(p, "\"");
            if (*p == 0) world_fail(w, "a quote does not end");
            *p++ = 0;
            continue;
        }
        out->word[out->n++] = p;
        p += strcspn(p, " \t\n,#");
        if (*p == '#') {
            *p = 0;
            return;
        }
    }
}

bool words_end(const struct words *l)
{
    return l->at >= l->n;
}

bool words_take(struct words *l, const char *word)
{
    if (words_end(l) || strcmp(l->word[l->at], word) != 0) return false;
    l->at++;
    return true;
}

const char *words_next(struct world *w, struct words *l, const char *what)
{
    if (words_end(l)) world_fail(w, "%s is missing", what);
    return l->word[l->at++];
}

struct bytes words_text(struct world *w, struct words *l, const char *what)
{
    const char *text = words_next(w, l, what);
    return BYTES_TEXT(text);
}

void words_demand(struct world *w, struct words *l, const char *word)
{
    const char *found = words_end(l) ? "the end" : l->word[l->at];
    if (!words_take(l, word)) world_fail(w, "\"%s\" where \"%s\" should be", found, word);
}

uint64_t words_number(struct world *w, struct words *l)
{
    const char *text = words_next(w, l, "a number");
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (end == text || *end) world_fail(w, "\"%s\" is no number", text);
    return value;
}

uint64_t words_money(struct world *w, struct words *l)
{
    const char *text = words_next(w, l, "an amount");
    char *end;
    uint64_t yuan = strtoull(text, &end, 10);
    if (end == text || (*end && (*end != '.' || strlen(end) != 3))) world_fail(w, "\"%s\" is no amount", text);
    return yuan * 100 + (*end ? (uint64_t)(end[1] - '0') * 10 + (uint64_t)(end[2] - '0') : 0);
}

uint64_t words_duration(struct world *w, struct words *l)
{
    static const struct { const char *unit; uint64_t ms; } units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    const char *text = words_next(w, l, "a duration");
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    for (size_t i = 0; end != text && i < ARRAY_LEN(units); i++)
        if (strcmp(end, units[i].unit) == 0) return value * units[i].ms;
    world_fail(w, "\"%s\" is no duration", text);
}

uint64_t words_time(struct world *w, struct words *l)
{
    unsigned hours, minutes, seconds = 0, ms = 0;
    uint64_t day_ms = w->day_ms;
    if (words_take(l, "day")) day_ms = UINT64_C(1767571200000) + (words_number(w, l) - 1) * 86400000;
    const char *text = words_next(w, l, "a time");
    if (sscanf(text, "%2u:%2u:%2u.%3u", &hours, &minutes, &seconds, &ms) < 2) world_fail(w, "\"%s\" is no time", text);
    return day_ms + ((uint64_t)hours * 3600 + minutes * 60 + seconds) * 1000 + ms;
}

uint64_t words_roles(struct world *w, struct words *l)
{
    uint64_t roles = 0;
    char text[128];
    char *rest = text, *role;
    snprintf(text, sizeof text, "%s", words_next(w, l, "a role"));
    while ((role = strsep(&rest, "+"))) roles |= UINT64_C(1) << name_value(w, names_role, role);
    return roles;
}

uint64_t name_value(struct world *w, const char *const *names, const char *name)
{
    for (uint64_t i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0) return i;
    world_fail(w, "\"%s\" is not one of the names here", name);
}
