/*
 * The bytes of statements, envelopes, events and records (docs/formats.md, "Statements", "Records").
 *
 * Always holds: what was decoded points into the bytes it came from; those bytes are what is signed, journaled and
 * hashed, and nothing here encodes them again. A statement's kind is never an event's.
 * Not here: signatures, clocks, command ids: bytes and their shape only.
 */
#include "crypto/hash.h"
#include "storage/records.h"

#define VERSION 1u
#define RECORD_VERSION 1u
#define STATEMENT_ITEMS 8u
#define ENVELOPE_ITEMS 2u
#define EVENT_ITEMS 5u
#define RECORD_ITEMS 5u
#define SALT_DOMAIN "tidemark/salt/v1\n"

static const struct schema *statement_schema(uint64_t kind)
{
    return kind < 100 ? schema_of_kind(kind) : NULL;
}

static const struct schema *event_schema(uint64_t kind)
{
    return kind > 100 ? schema_of_kind(kind) : NULL;
}

/* ---- items of an array of fixed length ---- */
static enum tide_err unpack_array(struct bytes in, size_t n_items, struct arena *arena, struct codec_value *out)
{
    size_t n;
    enum tide_err err = codec_unpack(in, arena, out);
    if (err != TIDE_OK) return err;
    return codec_get_array(*out, &n) && n == n_items ? TIDE_OK : TIDE_EMALFORMED;
}

static bool item_u64(struct codec_value array, size_t i, uint64_t max, uint64_t *out)
{
    struct codec_value item;
    return codec_get_item(array, i, &item) && codec_get_u64(item, out) && *out <= max;
}

static bool item_bin(struct codec_value array, size_t i, struct bytes *out)
{
    struct codec_value item;
    return codec_get_item(array, i, &item) && codec_get_bin(item, out);
}

static bool item_fixed(struct codec_value array, size_t i, uint8_t *out, size_t len)
{
    struct bytes bin;
    if (!item_bin(array, i, &bin) || bin.len != len) return false;
    memcpy(out, bin.data, len);
    return true;
}

static enum tide_err item_body(struct codec_value array, size_t i, const struct schema *schema, struct arena *arena,
                               const void **out)
{
    struct codec_value item;
    if (!codec_get_item(array, i, &item)) return TIDE_EMALFORMED;
    void *body = arena_alloc(arena, schema->size);
    if (body == NULL) return TIDE_ENOMEM;
    enum tide_err err = fields_decode(schema, item, arena, body, NULL);
    if (err == TIDE_OK) *out = body;
    return err;
}

static enum tide_err finish(const struct codec_writer *w, struct bytes *out)
{
    *out = codec_writer_bytes(w);
    return w->err;
}

/* ---- statements ---- */
enum tide_err statement_encode(const struct statement *s, struct arena *arena, struct bytes *out)
{
    const struct schema *schema = statement_schema(s->kind);
    struct codec_writer w;

    *out = BYTES(NULL, 0);
    if (schema == NULL || s->version != VERSION || s->body == NULL) return TIDE_EINVAL;
    if (s->issued_at > LIMIT_AMOUNT || s->valid_until > LIMIT_AMOUNT) return TIDE_EINVAL;
    codec_writer_init(&w, arena, LIMIT_STATEMENT_BYTES);
    codec_put_array(&w, STATEMENT_ITEMS);
    codec_put_u64(&w, s->kind);
    codec_put_u64(&w, s->version);
    codec_put_bin(&w, BYTES(s->market, sizeof s->market));
    codec_put_bin(&w, BYTES(s->party, sizeof s->party));
    codec_put_bin(&w, BYTES(s->command_id, sizeof s->command_id));
    codec_put_u64(&w, s->issued_at);
    codec_put_u64(&w, s->valid_until);
    fields_encode(schema, s->body, &w);
    return finish(&w, out);
}

enum tide_err statement_decode(struct bytes in, struct arena *arena, struct statement *out)
{
    struct statement s = {0};
    struct codec_value array;

    memset(out, 0, sizeof *out);
    if (in.len > LIMIT_STATEMENT_BYTES) return TIDE_EMALFORMED;
    enum tide_err err = unpack_array(in, STATEMENT_ITEMS, arena, &array);
    if (err != TIDE_OK) return err;
    if (!item_u64(array, 0, UINT64_MAX, &s.kind) || statement_schema(s.kind) == NULL) return TIDE_EMALFORMED;
    if (!item_u64(array, 1, VERSION, &s.version) || s.version != VERSION) return TIDE_EMALFORMED;
    if (!item_fixed(array, 2, s.market, sizeof s.market)) return TIDE_EMALFORMED;
    if (!item_fixed(array, 3, s.party, sizeof s.party)) return TIDE_EMALFORMED;
    if (!item_fixed(array, 4, s.command_id, sizeof s.command_id)) return TIDE_EMALFORMED;
    if (!item_u64(array, 5, LIMIT_AMOUNT, &s.issued_at)) return TIDE_EMALFORMED;
    if (!item_u64(array, 6, LIMIT_AMOUNT, &s.valid_until)) return TIDE_EMALFORMED;
    err = item_body(array, 7, statement_schema(s.kind), arena, &s.body);
    if (err == TIDE_OK) *out = s;
    return err;
}

enum tide_err envelope_encode(struct bytes statement, const uint8_t signature[64], struct arena *arena,
                              struct bytes *out)
{
    struct codec_writer w;

    *out = BYTES(NULL, 0);
    if (statement.len == 0) return TIDE_EINVAL;
    if (statement.len > LIMIT_STATEMENT_BYTES) return TIDE_ELIMIT;
    codec_writer_init(&w, arena, LIMIT_TRADE_FRAME_BYTES);
    codec_put_array(&w, ENVELOPE_ITEMS);
    codec_put_bin(&w, statement);
    codec_put_bin(&w, BYTES(signature, 64));
    return finish(&w, out);
}

enum tide_err envelope_decode(struct bytes in, struct arena *arena, struct bytes *statement, const uint8_t **signature)
{
    struct codec_value array;
    struct bytes text, sig;

    *statement = BYTES(NULL, 0);
    *signature = NULL;
    enum tide_err err = unpack_array(in, ENVELOPE_ITEMS, arena, &array);
    if (err != TIDE_OK) return err;
    if (!item_bin(array, 0, &text) || text.len == 0 || text.len > LIMIT_STATEMENT_BYTES) return TIDE_EMALFORMED;
    if (!item_bin(array, 1, &sig) || sig.len != 64) return TIDE_EMALFORMED;
    *statement = text;
    *signature = sig.data;
    return TIDE_OK;
}

/* ---- records ---- */
enum tide_err record_encode(const struct record *r, struct arena *arena, struct bytes *out)
{
    struct codec_writer w;

    *out = BYTES(NULL, 0);
    if (r->type != RECORD_STATEMENT && r->type != RECORD_EVENT) return TIDE_EINVAL;
    if (r->index > LIMIT_AMOUNT || r->time_ms > LIMIT_AMOUNT || r->payload.len == 0) return TIDE_EINVAL;
    codec_writer_init(&w, arena, LIMIT_RECORD_BYTES);
    codec_put_array(&w, RECORD_ITEMS);
    codec_put_u64(&w, RECORD_VERSION);
    codec_put_u64(&w, r->type);
    codec_put_u64(&w, r->index);
    codec_put_u64(&w, r->time_ms);
    codec_put_bin(&w, r->payload);
    return finish(&w, out);
}

enum tide_err record_decode(struct bytes in, struct arena *arena, struct record *out)
{
    struct record r = {0};
    struct codec_value array;
    uint64_t version, type;

    memset(out, 0, sizeof *out);
    if (in.len > LIMIT_RECORD_BYTES) return TIDE_EMALFORMED;
    enum tide_err err = unpack_array(in, RECORD_ITEMS, arena, &array);
    if (err != TIDE_OK) return err;
    if (!item_u64(array, 0, RECORD_VERSION, &version) || version != RECORD_VERSION) return TIDE_EMALFORMED;
    if (!item_u64(array, 1, RECORD_EVENT, &type) || type < RECORD_STATEMENT) return TIDE_EMALFORMED;
    if (!item_u64(array, 2, LIMIT_AMOUNT, &r.index)) return TIDE_EMALFORMED;
    if (!item_u64(array, 3, LIMIT_AMOUNT, &r.time_ms)) return TIDE_EMALFORMED;
    if (!item_bin(array, 4, &r.payload) || r.payload.len == 0) return TIDE_EMALFORMED;
    r.type = (enum record_type)type;
    *out = r;
    return TIDE_OK;
}

enum tide_err event_encode(const struct event *e, struct arena *arena, struct bytes *out)
{
    const struct schema *schema = event_schema(e->kind);
    struct codec_writer w;

    *out = BYTES(NULL, 0);
    if (schema == NULL || e->version != VERSION || e->body == NULL) return TIDE_EINVAL;
    if (e->cause_index > LIMIT_AMOUNT) return TIDE_EINVAL;
    codec_writer_init(&w, arena, LIMIT_RECORD_BYTES);
    codec_put_array(&w, EVENT_ITEMS);
    codec_put_u64(&w, e->kind);
    codec_put_u64(&w, e->version);
    codec_put_u64(&w, e->cause_index);
    codec_put_bin(&w, BYTES(e->salt, sizeof e->salt));
    fields_encode(schema, e->body, &w);
    return finish(&w, out);
}

enum tide_err event_decode(struct bytes in, struct arena *arena, struct event *out)
{
    struct event e = {0};
    struct codec_value array;

    memset(out, 0, sizeof *out);
    enum tide_err err = unpack_array(in, EVENT_ITEMS, arena, &array);
    if (err != TIDE_OK) return err;
    if (!item_u64(array, 0, UINT64_MAX, &e.kind) || event_schema(e.kind) == NULL) return TIDE_EMALFORMED;
    if (!item_u64(array, 1, VERSION, &e.version) || e.version != VERSION) return TIDE_EMALFORMED;
    if (!item_u64(array, 2, LIMIT_AMOUNT, &e.cause_index)) return TIDE_EMALFORMED;
    if (!item_fixed(array, 3, e.salt, sizeof e.salt)) return TIDE_EMALFORMED;
    err = item_body(array, 4, event_schema(e.kind), arena, &e.body);
    if (err == TIDE_OK) *out = e;
    return err;
}

void event_salt(struct bytes cause_record, uint64_t ordinal, uint8_t salt[16])
{
    uint8_t number[8], hash[HASH_BYTES];
    be64_put(number, ordinal);
    struct bytes parts[] = {BYTES_TEXT(SALT_DOMAIN), cause_record, BYTES(number, sizeof number)};
    sha256_parts(parts, ARRAY_LEN(parts), hash);
    memcpy(salt, hash, 16);
}
