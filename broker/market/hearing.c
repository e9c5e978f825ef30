/*
 * What every decide_* function does with a hearing: refuse and say why, emit events, check a statement's time.
 *
 * Always holds: an event's body lies in the hearing's arena, zeroed; a step has at most LIMIT_EVENTS events.
 * Not here: the order of the checks (decide.c), reading what a statement names (hear.c), what a kind demands (the file
 * of its subject).
 */
#include <stdarg.h>
#include <stdio.h>

#include "broker/market/law.h"

enum tide_err refuse(struct hearing *h, enum outcome why)
{
    h->d->outcome = why;
    return TIDE_OK;
}

enum tide_err refuse_because(struct hearing *h, enum outcome why, const char *format, ...)
{
    const size_t room = 256;
    char *text = arena_alloc(h->arena, room);
    if (!text) return TIDE_ENOMEM;
    va_list args;
    va_start(args, format);
    vsnprintf(text, room, format, args);
    va_end(args);
    h->detail = text;
    return refuse(h, why);
}

void *event_new(struct hearing *h, uint64_t kind, size_t size)
{
    ASSERT(h->d->n_events < LIMIT_EVENTS);
    void *body = arena_calloc(h->arena, 1, size);
    if (!body) return NULL;
    h->d->events[h->d->n_events++] = (struct decided_event){kind, body};
    return body;
}

uint64_t event_index(const struct hearing *h)
{
    ASSERT(h->d->n_events > 0);
    return h->first_event_index + h->d->n_events - 1;
}

/* ---- time ---- */

/* A UUIDv7 (RFC 9562 §5.7) whose time is issued_at. */
static bool command_id_fits(const uint8_t id[16], uint64_t issued_at)
{
    uint64_t time_ms = be64_get(id) >> 16;
    return id[6] >> 4 == 7 && id[8] >> 6 == 2 && time_ms == issued_at;
}

enum tide_err check_time(struct hearing *h, const struct statement *s, uint64_t longest_ms)
{
    if (s->issued_at > h->now_ms + LIMIT_CLOCK_AHEAD_MS)
        return refuse_because(h, OUTCOME_BAD_TIME, "issued_at is %llu s ahead of the market's clock",
                              (unsigned long long)((s->issued_at - h->now_ms) / 1000));
    if (s->valid_until < s->issued_at || s->valid_until - s->issued_at > longest_ms)
        return refuse_because(h, OUTCOME_BAD_TIME, "valid_until must follow issued_at within %llu s",
                              (unsigned long long)(longest_ms / 1000));
    if (!command_id_fits(s->command_id, s->issued_at))
        return refuse_because(h, OUTCOME_BAD_TIME, "the command id is not a UUIDv7 of issued_at");
    if (s->valid_until < h->now_ms)
        return refuse_because(h, OUTCOME_EXPIRED, "valid_until passed %llu s ago",
                              (unsigned long long)((h->now_ms - s->valid_until) / 1000));
    return TIDE_OK;
}
