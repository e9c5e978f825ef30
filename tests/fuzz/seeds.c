/*
 * Writes the seeds of the corpora that follow from the tables: a statement and a record of every kind, a request and a
 * reply of every verb, a message of the tape; the same bytes every time. Run it when a table changes: make fuzz-seeds.
 */
#include <stdio.h>
#include <stdlib.h>

#include "storage/protocol.h"
#include "tests/unit/random_body.h"

#define SMALL 4000u /* a seed is better small: libFuzzer changes it everywhere */
#define AS_REQUEST 0xff
#define AS_TAPE 0xfe

static void write_seed(const char *folder, const char *name, const char *suffix, int first_byte, struct bytes bytes)
{
    char path[512];
    snprintf(path, sizeof path, "tests/fuzz/corpus/%s/%s%s", folder, name, suffix);
    FILE *out = fopen(path, "wb");
    if (!out) abort();
    if (first_byte >= 0) fputc(first_byte, out);
    fwrite(bytes.data, 1, bytes.len, out);
    if (fclose(out)) abort();
}

/* The first random body whose encoding is small. */
static struct bytes small_kind(struct chance *chance, const struct schema *schema, struct arena *arena)
{
    struct bytes out;
    for (;;) {
        enum tide_err err = encode_kind(schema, random_body_new(chance, schema, arena), arena, &out);
        if (err == TIDE_OK && out.len < SMALL) return out;
        arena_reset(arena);
    }
}

static void write_kind(struct chance *chance, const struct schema *schema, struct arena *arena)
{
    static const uint8_t signature[64] = {1};
    struct bytes body = small_kind(chance, schema, arena), record;
    struct record r = {.type = RECORD_EVENT, .index = 7, .time_ms = 1790000000000, .payload = body};
    if (is_statement(schema)) {
        write_seed("statement", schema->name, "", -1, body);
        r.type = RECORD_STATEMENT;
        if (envelope_encode(body, signature, arena, &r.payload)) abort();
    }
    if (record_encode(&r, arena, &record)) abort();
    write_seed("record", schema->name, "", -1, record);
}

static void write_verb(struct chance *chance, size_t i, struct arena *arena)
{
    const struct verb_info *verb = &all_verbs[i];
    struct bytes bytes;
    do {
        arena_reset(arena);
        struct request request = {3, verb, 0, random_body_new(chance, verb->request, arena)};
        if (request_encode(&request, arena, &bytes)) bytes.len = SMALL;
    } while (bytes.len >= SMALL);
    write_seed("frame", verb->name, "_request", AS_REQUEST, bytes);
    do {
        arena_reset(arena);
        struct reply reply = {.request_id = 3, .body = random_body_new(chance, verb->reply, arena)};
        if (reply_encode(&reply, verb->reply, arena, &bytes)) bytes.len = SMALL;
    } while (bytes.len >= SMALL && chance_next(chance) % 4096 != 0);
    write_seed("frame", verb->name, "_reply", (int)i, bytes);
}

int main(void)
{
    struct chance chance = {20261123};
    struct arena arena;
    arena_init(&arena, (size_t)256 << 20);
    for (size_t i = 0; i < n_all_schemas; i++) {
        arena_reset(&arena);
        write_kind(&chance, all_schemas[i], &arena);
    }
    for (size_t i = 0; i < n_all_verbs; i++) write_verb(&chance, i, &arena);
    arena_deinit(&arena);
    return 0;
}
