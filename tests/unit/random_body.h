/*
 * Random bodies from a table of fields, for tests: any schema, always within its bounds, the same for the same seed.
 * Also: whether two bodies are equal, field by field.
 */
#ifndef TIDEMARK_TESTS_RANDOM_BODY_H
#define TIDEMARK_TESTS_RANDOM_BODY_H

#include <stdlib.h>

#include "storage/records.h"

struct chance {
    uint64_t state;
};

/* splitmix64 */
static inline uint64_t chance_next(struct chance *c)
{
    uint64_t z = c->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Within [least, most], both ends and small numbers more often than chance would have it. */
static inline uint64_t chance_between(struct chance *c, uint64_t least, uint64_t most)
{
    uint64_t span = most - least, value = chance_next(c);
    switch (chance_next(c) % 5) {
    case 0: return least;
    case 1: return most;
    case 2: return least + (span < 300 ? value % (span + 1) : value % 300);
    default: return span == UINT64_MAX ? value : least + value % (span + 1);
    }
}

static inline struct bytes random_text(struct chance *c, uint64_t least, uint64_t most, struct arena *arena)
{
    static const char *const pieces[] = {"a", "tide", " ", "\"", "\\", "\n", "é", "数", "𝄞", "~", "7"};
    char *text = arena_alloc(arena, most + 1);
    size_t wanted = (size_t)chance_between(c, least, most), len = 0;
    ASSERT(text != NULL);
    while (len < wanted) {
        const char *piece = pieces[chance_next(c) % ARRAY_LEN(pieces)];
        if (strlen(piece) > wanted - len) piece = "x";
        memcpy(text + len, piece, strlen(piece));
        len += strlen(piece);
    }
    return BYTES(text, len);
}

static inline struct bytes random_bin(struct chance *c, uint64_t least, uint64_t most, struct arena *arena)
{
    uint8_t *data = arena_alloc(arena, most);
    size_t len = (size_t)chance_between(c, least, most);
    ASSERT(data != NULL);
    for (size_t i = 0; i < len; i++) data[i] = (uint8_t)chance_next(c);
    return BYTES(data, len);
}

static inline void random_body(struct chance *c, const struct schema *schema, struct arena *arena, void *value);

static inline void random_field(struct chance *c, const struct field *field, struct arena *arena, void *at)
{
    uint64_t most = field->max < field->min + 40 ? field->max : field->min + 40;
    size_t fixed_len = field_fixed_len(field->type);
    if (fixed_len > 0) {
        bool absent = field->min == 0 && chance_next(c) % 3 == 0;
        for (size_t i = 0; i < fixed_len; i++) ((uint8_t *)at)[i] = absent ? 0 : (uint8_t)(chance_next(c) | 1);
    } else if (field->type == FIELD_TEXT) {
        *(struct bytes *)at = random_text(c, field->min, most, arena);
    } else if (field->type == FIELD_BIN) {
        *(struct bytes *)at = random_bin(c, field->min, most, arena);
    } else if (field->type == FIELD_I64) {
        int64_t magnitude = (int64_t)chance_between(c, 0, field->max);
        *(int64_t *)at = chance_next(c) % 2 == 0 ? magnitude : -magnitude;
    } else if (field->type == FIELD_LIST) {
        if (field->max > field->min + 4) most = field->min + 4;
        struct list list = {NULL, (size_t)chance_between(c, field->min, most)};
        list.items = arena_calloc(arena, list.n, field->sub->size);
        ASSERT(list.items != NULL);
        for (size_t i = 0; i < list.n; i++) {
            random_body(c, field->sub, arena, (char *)list.items + i * field->sub->size);
        }
        *(struct list *)at = list;
    } else {
        *(uint64_t *)at = chance_between(c, field->min, field->max);
    }
}

static inline void random_body(struct chance *c, const struct schema *schema, struct arena *arena, void *value)
{
    for (size_t i = 0; i < schema->n_fields; i++) {
        random_field(c, &schema->fields[i], arena, (char *)value + schema->fields[i].offset);
    }
}

/* A new one in the arena. */
static inline void *random_body_new(struct chance *c, const struct schema *schema, struct arena *arena)
{
    void *value = arena_calloc(arena, 1, schema->size);
    ASSERT(value != NULL);
    random_body(c, schema, arena, value);
    return value;
}

static inline bool bodies_equal(const struct schema *schema, const void *a, const void *b)
{
    for (size_t i = 0; i < schema->n_fields; i++) {
        const struct field *field = &schema->fields[i];
        const char *at_a = (const char *)a + field->offset, *at_b = (const char *)b + field->offset;
        size_t fixed_len = field_fixed_len(field->type);
        if (field->type == FIELD_TEXT || field->type == FIELD_BIN) {
            if (!bytes_equal(*(const struct bytes *)at_a, *(const struct bytes *)at_b)) return false;
        } else if (field->type == FIELD_LIST) {
            const struct list *list_a = (const struct list *)at_a, *list_b = (const struct list *)at_b;
            if (list_a->n != list_b->n) return false;
            for (size_t item = 0; item < list_a->n; item++) {
                size_t offset = item * field->sub->size;
                if (!bodies_equal(field->sub, (char *)list_a->items + offset, (char *)list_b->items + offset)) {
                    return false;
                }
            }
        } else if (memcmp(at_a, at_b, fixed_len > 0 ? fixed_len : sizeof(uint64_t)) != 0) {
            return false;
        }
    }
    return true;
}

/* ---- kinds: fixed heads around a body ---- */
static inline bool is_statement(const struct schema *schema)
{
    return schema->kind < 100;
}

static inline struct statement statement_around(const struct schema *schema, const void *body)
{
    struct statement s = {.kind = schema->kind, .version = 1, .issued_at = 1700000000000, .valid_until = 1700000060000,
                          .body = body};
    memset(s.market, 1, sizeof s.market);
    memset(s.party, 2, sizeof s.party);
    memset(s.command_id, 3, sizeof s.command_id);
    return s;
}

static inline struct event event_around(const struct schema *schema, const void *body)
{
    struct event e = {.kind = schema->kind, .version = 1, .cause_index = 7, .body = body};
    memset(e.salt, 4, sizeof e.salt);
    return e;
}

/* A statement or an event of that kind. */
static inline enum tide_err encode_kind(const struct schema *schema, const void *body, struct arena *a, struct bytes *out)
{
    struct statement s = statement_around(schema, body);
    struct event e = event_around(schema, body);
    return is_statement(schema) ? statement_encode(&s, a, out) : event_encode(&e, a, out);
}

/* A copy that is exactly as long as it says, so that a sanitizer sees any step past its end. Freed by the caller. */
static inline uint8_t *exact_copy(struct bytes in)
{
    uint8_t *copy = malloc(in.len > 0 ? in.len : 1);
    ASSERT(copy != NULL);
    if (in.len > 0) memcpy(copy, in.data, in.len);
    return copy;
}

#endif
