#include "tests/scenario/wrong.h"

#include <stdlib.h>

#include "storage/codec.h"
#include "storage/state_internal.h"

/* ---- a variation of a statement, executed ---- */

static struct execution *try_bytes(struct world *w, const struct statement *s, struct bytes bytes)
{
    static const uint8_t unsigned_[SIGN_BYTES];
    struct execution *x = arena_calloc(&w->arena, 1, sizeof *x);
    struct bytes envelope;
    if (!x) abort();
    world_check(w, envelope_encode(bytes, unsigned_, &w->arena, &envelope), "encoding an envelope");
    world_check(w, market_execute(world_view(w), envelope, s, bytes, w->now_ms, w->n_records, &w->arena, x),
                "market_execute of a wrong statement");
    return x;
}

static void expect_code(struct world *w, const struct statement *s, const char *how, enum outcome expected)
{
    struct bytes bytes;
    uint64_t n_changes = world_view(w)->n_changes;
    world_check(w, statement_encode(s, &w->arena, &bytes), "encoding a wrong statement");
    const struct execution *x = try_bytes(w, s, bytes);
    const char *kind = schema_of_kind(s->kind)->name;
    if (x->outcome != expected)
        world_fail(w, "a %s %s is answered with %s instead of %s", kind, how, outcome_info(x->outcome)->name,
                   outcome_info(expected)->name);
    if (world_view(w)->n_changes != n_changes) world_fail(w, "a %s %s wrote to the state", kind, how);
}

/* ---- the frame ---- */

/* A UUIDv7 of `time_ms`, used nowhere else. */
static void command_id(struct world *w, uint64_t time_ms, uint8_t id[16])
{
    memset(id, 0, 16);
    be64_put(id, time_ms << 16);
    id[6] = 0x70;
    id[8] = 0x80;
    be64_put(id + 8, be64_get(id + 8) | (0xfefe0000u + w->counter++));
}

static void issue(struct world *w, struct statement *s, uint64_t issued_at, uint64_t valid_ms)
{
    memcpy(s->market, w->market, sizeof s->market);
    s->issued_at = issued_at;
    s->valid_until = issued_at + valid_ms;
    command_id(w, issued_at, s->command_id);
}

static void try_frame(struct world *w, const struct statement *original)
{
    struct statement s = *original;
    issue(w, &s, w->now_ms, LIMIT_VALID_DEFAULT_MS);
    s.market[31] ^= 1;
    expect_code(w, &s, "of another market", OUTCOME_WRONG_MARKET);
    s.market[31] ^= 1;
    issue(w, &s, w->now_ms + LIMIT_CLOCK_AHEAD_MS + 1, LIMIT_VALID_DEFAULT_MS);
    expect_code(w, &s, "from the future", OUTCOME_BAD_TIME);
    issue(w, &s, w->now_ms - 2, 1);
    expect_code(w, &s, "that is stale", OUTCOME_EXPIRED);
    issue(w, &s, w->now_ms, LIMIT_VALID_DEFAULT_MS);
    s.command_id[5] ^= 1;
    expect_code(w, &s, "under an id of another time", OUTCOME_BAD_TIME);
}

/* Kinds that the broker alone says. */
static bool is_brokers(uint64_t kind)
{
    return kind == KIND_STORED || kind == KIND_DRAWN || kind == KIND_VERDICT || kind == KIND_TICK || kind == KIND_CONTINUE;
}

static void try_speakers(struct world *w, const struct statement *original)
{
    struct statement s = *original;
    bool carried = s.kind == KIND_ENROL || s.kind == KIND_NEW_KEYS;
    issue(w, &s, w->now_ms, LIMIT_VALID_DEFAULT_MS);
    memcpy(s.party, identity_party(world_person(w, "nobody at all")->id), 32);
    expect_code(w, &s, "of a stranger", OUTCOME_UNKNOWN_PARTY);
    if (carried) return;
    memcpy(s.party, identity_party(world_person(w, is_brokers(s.kind) ? "op2" : "broker")->id), 32);
    issue(w, &s, w->now_ms, LIMIT_VALID_DEFAULT_MS);
    expect_code(w, &s, "of who may not say it", is_brokers(s.kind) ? OUTCOME_BROKER_ONLY : OUTCOME_NOT_YOUR_ROLE);
}

/* ---- the body, field by field ---- */

struct damage {
    struct world *w;
    const struct statement *s;
    const struct schema *schema;
    struct bytes head; /* of the statement, up to its body */
    const struct field *field;
};

static void put_raw(uint8_t **at, struct bytes bytes)
{
    memcpy(*at, bytes.data, bytes.len);
    *at += bytes.len;
}

/* One field as it is: the body of a schema that has it alone, without that array's header byte. */
static struct bytes field_bytes(struct world *w, const struct schema *schema, const struct field *field, const void *body)
{
    const struct schema one = {.name = schema->name, .size = schema->size, .fields = field, .n_fields = 1};
    struct codec_writer writer;
    codec_writer_init(&writer, &w->arena, LIMIT_STATEMENT_BYTES);
    fields_encode(&one, body, &writer);
    world_check(w, writer.err, "encoding a field");
    struct bytes bytes = codec_writer_bytes(&writer);
    return BYTES(bytes.data + 1, bytes.len - 1);
}

/* The statement with `value` in the damaged field's place: must not decode. */
static void expect_malformed(const struct damage *d, const struct codec_writer *value, const char *how)
{
    struct codec_writer header;
    struct statement out;
    struct bytes replacement = codec_writer_bytes(value);
    codec_writer_init(&header, &d->w->arena, 16);
    codec_put_array(&header, d->schema->n_fields);
    uint8_t *bytes = arena_alloc(&d->w->arena, 2 * LIMIT_STATEMENT_BYTES + LIMIT_RECORD_BYTES), *at = bytes;
    if (!bytes) abort();
    put_raw(&at, d->head);
    put_raw(&at, codec_writer_bytes(&header));
    for (size_t i = 0; i < d->schema->n_fields; i++) {
        const struct field *field = &d->schema->fields[i];
        put_raw(&at, field == d->field ? replacement : field_bytes(d->w, d->schema, field, d->s->body));
    }
    enum tide_err err = statement_decode(BYTES(bytes, (size_t)(at - bytes)), &d->w->arena, &out);
    if (err != TIDE_EMALFORMED)
        world_fail(d->w, "a %s whose %s is %s is taken (%s)", d->schema->name, d->field->name, how, tide_err_text(err));
}

static struct codec_writer writer_new(struct world *w)
{
    struct codec_writer writer;
    codec_writer_init(&writer, &w->arena, LIMIT_RECORD_BYTES);
    return writer;
}

static void try_number(const struct damage *d)
{
    struct codec_writer value = writer_new(d->w);
    if (d->field->min > 0) {
        codec_put_u64(&value, d->field->min - 1);
        expect_malformed(d, &value, "below its bounds");
    }
    value = writer_new(d->w);
    uint64_t over = d->field->type == FIELD_BOOL ? 2 : d->field->max + 1;
    codec_put_u64(&value, over);
    expect_malformed(d, &value, "over its bounds");
}

static void try_bytes_field(const struct damage *d, size_t too_short, size_t too_long)
{
    struct codec_writer value = writer_new(d->w);
    bool text = d->field->type == FIELD_TEXT;
    uint8_t *filler = arena_alloc(&d->w->arena, too_long);
    if (!filler) abort();
    memset(filler, 'x', too_long);
    if (text) codec_put_text(&value, BYTES(filler, too_long));
    else codec_put_bin(&value, BYTES(filler, too_long));
    expect_malformed(d, &value, "too long");
    if (d->field->min == 0) return;
    value = writer_new(d->w);
    if (text) codec_put_text(&value, BYTES(filler, too_short));
    else codec_put_bin(&value, BYTES(filler, too_short));
    expect_malformed(d, &value, "missing");
}

static void try_list(const struct damage *d)
{
    struct codec_writer value = writer_new(d->w);
    if (d->field->min > 0) {
        codec_put_array(&value, 0);
        expect_malformed(d, &value, "empty");
    }
    value = writer_new(d->w);
    codec_put_array(&value, (size_t)d->field->max + 1);
    for (uint64_t i = 0; i <= d->field->max; i++) codec_put_u64(&value, 0);
    expect_malformed(d, &value, "too long");
}

static void try_field(const struct damage *d)
{
    struct codec_writer other = writer_new(d->w);
    codec_put_array(&other, 1);
    codec_put_text(&other, BYTES_TEXT("of another type"));
    expect_malformed(d, &other, "of another type");
    size_t fixed = field_fixed_len(d->field->type);
    if (d->field->type == FIELD_LIST) try_list(d);
    else if (fixed > 0) try_bytes_field(d, 0, fixed + 1);
    else if (d->field->type == FIELD_TEXT || d->field->type == FIELD_BIN) try_bytes_field(d, 0, (size_t)d->field->max + 1);
    else try_number(d);
}

static void try_body(struct world *w, const struct statement *s)
{
    struct damage d = {.w = w, .s = s, .schema = schema_of_kind(s->kind)};
    struct codec_writer body;
    struct bytes bytes;
    codec_writer_init(&body, &w->arena, LIMIT_STATEMENT_BYTES);
    fields_encode(d.schema, s->body, &body);
    world_check(w, statement_encode(s, &w->arena, &bytes), "encoding the statement");
    d.head = BYTES(bytes.data, bytes.len - codec_writer_bytes(&body).len);
    for (size_t i = 0; i < d.schema->n_fields; i++) {
        d.field = &d.schema->fields[i];
        try_field(&d);
    }
}

/* ---- when ---- */

static bool try_now(struct world *w, const struct statement *s)
{
    struct row_market market;
    if (s->kind == KIND_GENESIS || (w->tried & (UINT64_C(1) << s->kind))) return false;
    if (market_row(world_view(w), &market) != TIDE_OK || market.halted || market.pending_work != WORK_NONE) return false;
    w->tried |= UINT64_C(1) << s->kind;
    return true;
}

void wrong_before(struct world *w, const struct statement *s)
{
    if (!try_now(w, s)) return;
    try_frame(w, s);
    try_speakers(w, s);
    try_body(w, s);
}

void wrong_after(struct world *w, const struct statement *s, struct bytes envelope, struct bytes statement_bytes,
                 const struct execution *accepted)
{
    struct row_market market;
    struct statement other = *s;
    if (s->kind == KIND_GENESIS || (w->repeated & (UINT64_C(1) << s->kind))) return;
    world_check(w, market_row(world_view(w), &market), "the market's row");
    if (market.halted || market.pending_work != WORK_NONE || market.last_time_ms > s->valid_until) return;
    w->repeated |= UINT64_C(1) << s->kind;
    (void)envelope;
    const struct execution *x = try_bytes(w, s, statement_bytes);
    if (!x->repeated || x->n_records != 0 || x->first_index != accepted->first_index ||
        x->next_index != accepted->next_index)
        world_fail(w, "a repeated %s is not answered with its first acceptance", schema_of_kind(s->kind)->name);
    other.valid_until ^= 1;
    if (other.valid_until < other.issued_at) other.valid_until = s->valid_until + 1;
    expect_code(w, &other, "with other bytes under an accepted id", OUTCOME_ID_REUSED);
}
