/*
 * Executing one statement: decide a step, encode its events, apply them, and so on until the last; for whoever drives
 * (the sequencer, `tidemarkd verify`, the scenario runner).
 *
 * Always holds: the records returned are exactly what was applied, in order; a refused statement leaves the state
 * untouched.
 */
#include "broker/market/law.h"
#include "crypto/hash.h"

#define SALT_DOMAIN "tidemark/salt/v1\n"

struct run {
    struct fold fold;
    struct hearing hearing;
    struct cause cause;
    struct decision decision;
    struct arena *arena;
    uint64_t now_ms;
    struct sha256_stream salt; /* over the domain and the cause's record: as event_salt, hashed once for all events */
    struct execution *out;
    size_t room; /* for records */
};

/* A batch has an event for each item, one for each match, and one for each order that ends unfilled. */
static size_t records_room(const struct statement *s)
{
    return s->kind == KIND_ORDER_BATCH ? 1 + 3 * (size_t)LIMIT_BATCH_ORDERS + 2 : 1 + (size_t)LIMIT_EVENTS;
}

static void add_record(struct run *r, struct bytes record)
{
    ASSERT(r->out->n_records < r->room);
    r->out->records[r->out->n_records++] = record;
    r->out->next_index++;
}

static enum tide_err accept_statement(struct run *r)
{
    const struct record record = {RECORD_STATEMENT, r->cause.index, r->now_ms, r->cause.envelope};
    struct bytes encoded;
    r->room = records_room(&r->cause.statement);
    r->out->records = arena_calloc(r->arena, r->room, sizeof *r->out->records);
    if (!r->out->records) return TIDE_ENOMEM;
    enum tide_err err = record_encode(&record, r->arena, &encoded);
    if (err) return err;
    sha256_init(&r->salt);
    sha256_update(&r->salt, BYTES_TEXT(SALT_DOMAIN));
    sha256_update(&r->salt, encoded);
    err = fold_statement(&r->fold, r->cause.index, r->now_ms, &r->cause.statement, r->cause.statement_bytes);
    if (!err) add_record(r, encoded);
    return err;
}

static void salt_of(const struct run *r, uint64_t ordinal, uint8_t salt[16])
{
    struct sha256_stream stream = r->salt;
    uint8_t number[8], hash[HASH_BYTES];
    be64_put(number, ordinal);
    sha256_update(&stream, BYTES(number, sizeof number));
    sha256_final(&stream, hash);
    memcpy(salt, hash, 16);
}

static enum tide_err accept_event(struct run *r, const struct decided_event *decided)
{
    uint64_t index = r->out->next_index;
    struct event event = {.kind = decided->kind, .version = 1, .cause_index = r->cause.index, .body = decided->body};
    struct record record = {.type = RECORD_EVENT, .index = index, .time_ms = r->now_ms};
    struct bytes encoded;
    salt_of(r, index - r->cause.index - 1, event.salt);
    enum tide_err err = event_encode(&event, r->arena, &record.payload);
    if (!err) err = record_encode(&record, r->arena, &encoded);
    ASSERT(err != TIDE_EINVAL); /* what decide makes is within its schema */
    if (!err) err = fold_event(&r->fold, index, r->now_ms, r->cause.index, decided->kind, decided->body);
    if (!err) add_record(r, encoded);
    return err;
}

/* What became of a batch's item: its first event says it. */
static void note_item(struct run *r, uint64_t step)
{
    const struct decided_event *first = &r->decision.events[0];
    ASSERT(step < LIMIT_BATCH_ORDERS && r->decision.n_events > 0);
    if (first->kind == KIND_NOT_PLACED) r->out->items[step].code = ((const struct body_not_placed *)first->body)->code;
    else r->out->items[step].index = r->hearing.first_event_index;
    r->out->n_items = step + 1;
}

static enum tide_err accept_step(struct run *r, uint64_t step)
{
    if (step == 0) {
        enum tide_err err = accept_statement(r);
        if (err) return err;
    }
    if (r->cause.statement.kind == KIND_ORDER_BATCH) {
        r->out->items[step].code = r->out->items[step].index = 0;
        note_item(r, step);
    }
    for (size_t i = 0; i < r->decision.n_events; i++) {
        enum tide_err err = accept_event(r, &r->decision.events[i]);
        if (err) return err;
    }
    return TIDE_OK;
}

static void report_refusal(struct run *r)
{
    const struct hearing *h = &r->hearing;
    struct execution *out = r->out;
    out->next_index = out->first_index;
    if (!h->repeated) {
        out->outcome = r->decision.outcome;
        out->detail = h->detail;
        return;
    }
    out->repeated = true;
    out->first_index = h->repeated_first;
    out->next_index = h->repeated_next;
}

enum tide_err market_execute(struct state_view *state, struct bytes envelope, const struct statement *statement,
                             struct bytes statement_bytes, uint64_t now_ms, uint64_t next_index, struct arena *arena,
                             struct execution *out)
{
    struct run *r = arena_alloc(arena, sizeof *r);
    out->outcome = OUTCOME_OK;
    out->first_index = out->next_index = next_index;
    out->repeated = false;
    out->records = NULL;
    out->n_records = out->n_items = 0;
    out->detail = NULL;
    if (!r) return TIDE_ENOMEM;
    r->cause = (struct cause){*statement, statement_bytes, envelope, next_index};
    r->arena = arena;
    r->now_ms = now_ms;
    r->out = out;
    fold_init(&r->fold, state);
    hearing_init(&r->hearing, state, &r->cause, now_ms, arena);
    for (uint64_t step = 0;; step++) {
        uint64_t first_event = step == 0 ? next_index + 1 : out->next_index;
        enum tide_err err = hearing_step(&r->hearing, step, first_event, &r->decision);
        if (err) return err;
        if (r->decision.outcome != OUTCOME_OK) {
            ASSERT(step == 0);
            report_refusal(r);
            return TIDE_OK;
        }
        err = accept_step(r, step);
        if (err) return err;
        if (!r->decision.more) return fold_finish(&r->fold);
    }
}
