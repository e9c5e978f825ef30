/*
 * Requests and replies: the table of verbs with the fields of their bodies, and the frames around them.
 *
 * Always holds: one encoding of every frame; a request that fails to decode still tells its id where it can be read,
 * so that it can be refused by number.
 * Not here: sockets, who may ask what (the doors), sizes of frames received (the doors; what is sent is bounded here).
 */
#include "storage/protocol.h"

#include <inttypes.h>
#include <stdio.h>

#include "storage/field_entries.h"

#define REQUEST_ITEMS 4u
#define REPLY_ITEMS 5u
#define TAPE_ITEMS 2u
#define CODE_MAX 999u
#define INDEX_DIGITS 16u /* of LIMIT_AMOUNT */

#define ROW_AS_SCHEMA(NAME, member) SCHEMA_DEFINE(NAME, body_##member, member, 0, "")
PROTOCOL_ROWS(ROW_AS_SCHEMA)
PROTOCOL_BODIES(ROW_AS_SCHEMA)
#define TAPE_AS_SCHEMA(NAME, member, number, text) SCHEMA_DEFINE(NAME, body_##member, member, number, text)
TAPE_MESSAGES(TAPE_AS_SCHEMA)

const struct verb_info all_verbs[] = {
#define VERB_AS_ENTRY(NAME, verb, doors, request, reply, doc) \
    {VERB_##NAME, verb, doors, &schema_##request, &schema_##reply, doc},
    VERBS(VERB_AS_ENTRY)
#undef VERB_AS_ENTRY
};

const size_t n_all_verbs = ARRAY_LEN(all_verbs);

#define VERB_FITS(NAME, verb, doors, request, reply, doc) _Static_assert(sizeof(verb) - 1 <= VERB_MAX, verb);
VERBS(VERB_FITS)

const struct verb_info *verb_by_name(struct bytes name)
{
    for (size_t i = 0; i < n_all_verbs; i++) {
        if (bytes_equal(name, BYTES_TEXT(all_verbs[i].name))) return &all_verbs[i];
    }
    return NULL;
}

static size_t frame_limit(unsigned doors)
{
    return (doors & (DOOR_DATA | DOOR_AUDIT)) != 0 ? LIMIT_DATA_FRAME_BYTES : LIMIT_TRADE_FRAME_BYTES;
}

/* The doors on which a reply of this shape is given. */
static unsigned doors_of_reply(const struct schema *schema)
{
    unsigned doors = 0;
    for (size_t i = 0; i < n_all_verbs; i++) {
        if (all_verbs[i].reply == schema) doors |= all_verbs[i].doors;
    }
    return doors;
}

static enum tide_err finish(const struct codec_writer *w, struct bytes *out)
{
    *out = codec_writer_bytes(w);
    return w->err;
}

/* ---- requests ---- */
enum tide_err request_encode(const struct request *r, struct arena *arena, struct bytes *out)
{
    char verb[VERB_MAX + 1 + INDEX_DIGITS + 1];
    struct codec_writer w;

    *out = BYTES(NULL, 0);
    if (r->verb == NULL || r->body == NULL || r->after > LIMIT_AMOUNT) return TIDE_EINVAL;
    if (r->after > 0) {
        snprintf(verb, sizeof verb, "%s@%" PRIu64, r->verb->name, r->after);
    } else {
        snprintf(verb, sizeof verb, "%s", r->verb->name);
    }
    codec_writer_init(&w, arena, frame_limit(r->verb->doors));
    codec_put_array(&w, REQUEST_ITEMS);
    codec_put_u64(&w, PROTOCOL_VERSION);
    codec_put_u64(&w, r->request_id);
    codec_put_text(&w, BYTES_TEXT(verb));
    fields_encode(r->verb->request, r->body, &w);
    return finish(&w, out);
}

/* Decimal without leading zeros, at most LIMIT_AMOUNT. */
static bool index_parse(struct bytes text, uint64_t *out)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > INDEX_DIGITS || (text.len > 1 && text.data[0] == '0')) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    *out = value;
    return value <= LIMIT_AMOUNT;
}

/* Splits `verb` or `verb@index`. False: what follows the @ is no index. */
static bool verb_parse(struct bytes text, const struct verb_info **verb, uint64_t *after)
{
    const uint8_t *at = text.len > 0 ? memchr(text.data, '@', text.len) : NULL;
    if (at != NULL) {
        size_t len = (size_t)(at - text.data);
        if (!index_parse(BYTES(at + 1, text.len - len - 1), after)) return false;
        text.len = len;
    }
    *verb = verb_by_name(text);
    return true;
}

static enum tide_err body_decode(const struct schema *schema, struct codec_value in, struct arena *arena,
                                 const void **out)
{
    void *body = arena_alloc(arena, schema->size);
    if (body == NULL) return TIDE_ENOMEM;
    enum tide_err err = fields_decode(schema, in, arena, body, NULL);
    if (err == TIDE_OK) *out = body;
    return err;
}

enum tide_err request_decode(struct bytes in, struct arena *arena, struct request *out)
{
    struct codec_value array, item;
    struct bytes text;
    uint64_t version, id;

    *out = (struct request){0};
    if (!codec_peek_ids(in, REQUEST_ITEMS, &version, &id) || version != PROTOCOL_VERSION) return TIDE_EMALFORMED;
    out->request_id = id;
    enum tide_err err = codec_unpack(in, arena, &array);
    if (err != TIDE_OK) return err;
    if (!codec_get_item(array, 2, &item) || !codec_get_text(item, &text)) return TIDE_EMALFORMED;
    struct request r = {.request_id = id};
    if (!verb_parse(text, &r.verb, &r.after)) return TIDE_EMALFORMED;
    if (!codec_get_item(array, 3, &item)) return TIDE_EMALFORMED;
    if (r.verb != NULL) err = body_decode(r.verb->request, item, arena, &r.body);
    if (err == TIDE_OK) *out = r;
    return err;
}

/* ---- the tape ---- */
enum tide_err tape_encode(const struct body_tape *message, struct arena *arena, struct bytes *out)
{
    struct codec_writer w;

    codec_writer_init(&w, arena, LIMIT_TRADE_FRAME_BYTES);
    codec_put_array(&w, TAPE_ITEMS);
    codec_put_u64(&w, PROTOCOL_VERSION);
    fields_encode(&schema_tape, message, &w);
    return finish(&w, out);
}

enum tide_err tape_decode(struct bytes in, struct arena *arena, const struct body_tape **out)
{
    struct codec_value array, item;
    const void *body = NULL;
    uint64_t version;
    size_t n;

    *out = NULL;
    enum tide_err err = codec_unpack(in, arena, &array);
    if (err != TIDE_OK) return err;
    if (!codec_get_array(array, &n) || n != TAPE_ITEMS) return TIDE_EMALFORMED;
    if (!codec_get_item(array, 0, &item) || !codec_get_u64(item, &version) || version != PROTOCOL_VERSION) {
        return TIDE_EMALFORMED;
    }
    if (!codec_get_item(array, 1, &item)) return TIDE_EMALFORMED;
    err = body_decode(&schema_tape, item, arena, &body);
    const struct body_tape *message = body;
    if (err == TIDE_OK && message->next < message->from) err = TIDE_EMALFORMED;
    if (err == TIDE_OK) *out = message;
    return err;
}

/* ---- replies ---- */
enum tide_err reply_encode(const struct reply *r, const struct schema *schema, struct arena *arena, struct bytes *out)
{
    struct codec_writer w;

    *out = BYTES(NULL, 0);
    if (r->code > CODE_MAX || (r->code == 0 && r->body == NULL)) return TIDE_EINVAL;
    codec_writer_init(&w, arena, frame_limit(schema == NULL ? 0 : doors_of_reply(schema)));
    codec_put_array(&w, REPLY_ITEMS);
    codec_put_u64(&w, PROTOCOL_VERSION);
    codec_put_u64(&w, r->request_id);
    codec_put_u64(&w, r->code);
    codec_put_text(&w, r->text);
    if (r->code == 0 && schema != NULL) {
        fields_encode(schema, r->body, &w);
    } else {
        codec_put_array(&w, 0);
    }
    return finish(&w, out);
}

enum tide_err reply_peek_id(struct bytes in, uint64_t *request_id)
{
    uint64_t version, id;
    *request_id = 0;
    if (!codec_peek_ids(in, REPLY_ITEMS, &version, &id) || version != PROTOCOL_VERSION) return TIDE_EMALFORMED;
    *request_id = id;
    return TIDE_OK;
}

enum tide_err reply_decode(struct bytes in, const struct schema *schema, struct arena *arena, struct reply *out)
{
    struct codec_value array, item;
    struct reply r = {0};
    size_t n;

    *out = (struct reply){0};
    enum tide_err err = reply_peek_id(in, &r.request_id);
    if (err == TIDE_OK) err = codec_unpack(in, arena, &array);
    if (err != TIDE_OK) return err;
    if (!codec_get_item(array, 2, &item) || !codec_get_u64(item, &r.code) || r.code > CODE_MAX) return TIDE_EMALFORMED;
    if (!codec_get_item(array, 3, &item) || !codec_get_text(item, &r.text)) return TIDE_EMALFORMED;
    if (!codec_get_item(array, 4, &item)) return TIDE_EMALFORMED;
    if (r.code == 0) {
        err = body_decode(schema, item, arena, &r.body);
    } else if (!codec_get_array(item, &n) || n != 0) {
        err = TIDE_EMALFORMED;
    }
    if (err == TIDE_OK) *out = r;
    return err;
}
