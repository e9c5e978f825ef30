/*
 * A whole record as JSON, for `--json`, the audit feed and people: the record's head, the statement's or event's
 * head, and its body by name.
 *
 * Always holds: the order of members is the order of the format. Not here: the bodies (fields_json.c).
 */
#include <jansson.h>

#include "crypto/bech32.h"
#include "storage/records.h"

/* A decoded record takes some ten times its bytes at most: 24 for an element, and the struct. */
#define JSON_ARENA_CAP (4u << 20)

/* `value` is taken over in any case. */
static bool put(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) == 0;
}

static json_t *hex(const uint8_t *data, size_t len)
{
    char text[2 * 64 + 1] = "";
    ASSERT(len <= 64);
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = "0123456789abcdef"[data[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[data[i] & 15];
    }
    return json_stringn(text, 2 * len);
}

static bool put_statement(json_t *out, struct bytes envelope, struct arena *arena)
{
    struct statement s;
    struct bytes statement;
    const uint8_t *signature;
    char party[BECH32_TEXT_MAX];

    if (envelope_decode(envelope, arena, &statement, &signature) != TIDE_OK) return false;
    if (statement_decode(statement, arena, &s) != TIDE_OK) return false;
    const struct schema *schema = schema_of_kind(s.kind);
    bech32_encode("tide", s.party, party);
    return put(out, "type", json_string("statement")) && put(out, "kind", json_string(schema->name)) &&
           put(out, "party", json_string(party)) && put(out, "command_id", hex(s.command_id, sizeof s.command_id)) &&
           put(out, "issued_at", json_integer((json_int_t)s.issued_at)) &&
           put(out, "valid_until", json_integer((json_int_t)s.valid_until)) &&
           put(out, "signature", hex(signature, 64)) && put(out, "body", fields_to_json(schema, s.body));
}

static bool put_event(json_t *out, struct bytes payload, struct arena *arena)
{
    struct event e;
    if (event_decode(payload, arena, &e) != TIDE_OK) return false;
    const struct schema *schema = schema_of_kind(e.kind);
    return put(out, "type", json_string("event")) && put(out, "kind", json_string(schema->name)) &&
           put(out, "cause_index", json_integer((json_int_t)e.cause_index)) &&
           put(out, "salt", hex(e.salt, sizeof e.salt)) && put(out, "body", fields_to_json(schema, e.body));
}

struct json_t *record_to_json(struct bytes record)
{
    struct arena arena;
    struct record r;
    json_t *out = NULL;
    bool ok = false;

    arena_init(&arena, JSON_ARENA_CAP);
    if (record_decode(record, &arena, &r) != TIDE_OK) goto out;
    out = json_object();
    if (out == NULL) goto out;
    ok = put(out, "index", json_integer((json_int_t)r.index)) &&
         put(out, "time_ms", json_integer((json_int_t)r.time_ms)) &&
         (r.type == RECORD_STATEMENT ? put_statement(out, r.payload, &arena) : put_event(out, r.payload, &arena));
out:
    arena_deinit(&arena);
    if (!ok) {
        json_decref(out);
        out = NULL;
    }
    return out;
}
