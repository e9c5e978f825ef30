/*
 * Bodies from tables: encoding, decoding and bounds of every record kind, request and reply.
 *
 * Always holds: encoding and decoding apply the same bounds, so that what one end writes the other reads; each value
 * has one encoding (an optional fixed-length field that is all zero is always the empty byte string).
 * Not here: the tables (records.c, protocol.c), JSON (fields_json.c).
 */
#include "storage/fields.h"

size_t field_fixed_len(enum field_type type)
{
    switch (type) {
    case FIELD_PARTY:
    case FIELD_RECIPIENT:
    case FIELD_HASH:
        return 32;
    case FIELD_ID16:
        return 16;
    case FIELD_SIG:
        return 64;
    default:
        return 0;
    }
}

static bool all_zero(const uint8_t *data, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++) any |= data[i];
    return any == 0;
}

static bool number_in_bounds(const struct field *field, const void *at)
{
    if (field->type == FIELD_I64) {
        int64_t value;
        memcpy(&value, at, sizeof value);
        uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
        return magnitude <= field->max;
    }
    uint64_t value;
    memcpy(&value, at, sizeof value);
    if (field->type == FIELD_FLAGS) return value >= field->min && (value & ~field->max) == 0;
    return value >= field->min && value <= field->max;
}

/* A list's items are looked at by whoever walks them. */
static bool field_in_bounds(const struct field *field, const void *at)
{
    if (field->type == FIELD_TEXT || field->type == FIELD_BIN) {
        const struct bytes *value = at;
        if (value->len < field->min || value->len > field->max) return false;
        return field->type == FIELD_BIN || value->len == 0 || memchr(value->data, '\0', value->len) == NULL;
    }
    if (field->type == FIELD_LIST) {
        const struct list *list = at;
        return list->n >= field->min && list->n <= field->max;
    }
    size_t fixed_len = field_fixed_len(field->type);
    if (fixed_len > 0) return field->min == 0 || !all_zero(at, fixed_len);
    return number_in_bounds(field, at);
}

static const void *member_of(const struct field *field, const void *value)
{
    return (const char *)value + field->offset;
}

static const void *list_item(const struct field *field, const struct list *list, size_t i)
{
    return (const char *)list->items + i * field->sub->size;
}

bool fields_check(const struct schema *schema, const void *value, const char **bad)
{
    for (size_t i = 0; i < schema->n_fields; i++) {
        const struct field *field = &schema->fields[i];
        const void *at = member_of(field, value);
        if (!field_in_bounds(field, at)) {
            if (bad != NULL) *bad = field->name;
            return false;
        }
        if (field->type != FIELD_LIST) continue;
        const struct list *list = at;
        for (size_t item = 0; item < list->n; item++) {
            if (!fields_check(field->sub, list_item(field, list, item), bad)) return false;
        }
    }
    return true;
}

/* ---- encoding ---- */
static void field_encode(const struct field *field, const void *at, struct codec_writer *w)
{
    if (!field_in_bounds(field, at)) {
        if (w->err == TIDE_OK) w->err = TIDE_EINVAL;
        return;
    }
    size_t fixed_len = field_fixed_len(field->type);
    if (fixed_len > 0) {
        codec_put_bin(w, BYTES(at, field->min == 0 && all_zero(at, fixed_len) ? 0 : fixed_len));
    } else if (field->type == FIELD_TEXT) {
        codec_put_text(w, *(const struct bytes *)at);
    } else if (field->type == FIELD_BIN) {
        codec_put_bin(w, *(const struct bytes *)at);
    } else if (field->type == FIELD_LIST) {
        const struct list *list = at;
        codec_put_array(w, list->n);
        for (size_t i = 0; i < list->n; i++) fields_encode(field->sub, list_item(field, list, i), w);
    } else if (field->type == FIELD_I64) {
        codec_put_i64(w, *(const int64_t *)at);
    } else {
        codec_put_u64(w, *(const uint64_t *)at);
    }
}

void fields_encode(const struct schema *schema, const void *value, struct codec_writer *w)
{
    codec_put_array(w, schema->n_fields);
    for (size_t i = 0; i < schema->n_fields && w->err == TIDE_OK; i++) {
        field_encode(&schema->fields[i], member_of(&schema->fields[i], value), w);
    }
}

/* ---- decoding ---- */

/* Exactly the field's length, or empty where it may be absent; all zero has that one form. */
static bool fixed_decode(const struct field *field, struct codec_value in, uint8_t *at, size_t len)
{
    struct bytes bin;
    if (!codec_get_bin(in, &bin)) return false;
    if (bin.len == 0) return field->min == 0;
    if (bin.len != len || all_zero(bin.data, len)) return false;
    memcpy(at, bin.data, len);
    return true;
}

static enum tide_err list_decode(const struct field *field, struct codec_value in, struct arena *arena,
                                 struct list *list, const char **bad)
{
    size_t n;
    if (!codec_get_array(in, &n) || n < field->min || n > field->max) return TIDE_EMALFORMED;
    if (n == 0) return TIDE_OK;
    char *items = arena_calloc(arena, n, field->sub->size);
    if (items == NULL) return TIDE_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        struct codec_value item;
        if (!codec_get_item(in, i, &item)) return TIDE_EMALFORMED;
        enum tide_err err = fields_decode(field->sub, item, arena, items + i * field->sub->size, bad);
        if (err != TIDE_OK) return err;
    }
    *list = (struct list){items, n};
    return TIDE_OK;
}

static enum tide_err field_decode(const struct field *field, struct codec_value in, struct arena *arena, void *at,
                                  const char **bad)
{
    size_t fixed_len = field_fixed_len(field->type);
    bool right_type;
    if (field->type == FIELD_LIST) return list_decode(field, in, arena, at, bad);
    if (fixed_len > 0) return fixed_decode(field, in, at, fixed_len) ? TIDE_OK : TIDE_EMALFORMED;
    if (field->type == FIELD_TEXT) {
        right_type = codec_get_text(in, at);
    } else if (field->type == FIELD_BIN) {
        right_type = codec_get_bin(in, at);
    } else if (field->type == FIELD_I64) {
        right_type = codec_get_i64(in, at);
    } else {
        right_type = codec_get_u64(in, at);
    }
    return right_type && field_in_bounds(field, at) ? TIDE_OK : TIDE_EMALFORMED;
}

enum tide_err fields_decode(const struct schema *schema, struct codec_value in, struct arena *arena, void *value,
                            const char **bad)
{
    size_t n;
    if (bad != NULL) *bad = schema->name;
    if (schema->size > 0) memset(value, 0, schema->size);
    if (!codec_get_array(in, &n) || n != schema->n_fields) return TIDE_EMALFORMED;
    for (size_t i = 0; i < n; i++) {
        const struct field *field = &schema->fields[i];
        struct codec_value item;
        if (bad != NULL) *bad = field->name;
        if (!codec_get_item(in, i, &item)) return TIDE_EMALFORMED;
        enum tide_err err = field_decode(field, item, arena, (char *)value + field->offset, bad);
        if (err != TIDE_OK) return err;
    }
    if (bad != NULL) *bad = NULL;
    return TIDE_OK;
}

/* ---- lookups ---- */
const struct field *fields_find(const struct schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->n_fields; i++) {
        if (strcmp(schema->fields[i].name, name) == 0) return &schema->fields[i];
    }
    return NULL;
}

const char *field_enum_name(const struct field *field, uint64_t value)
{
    if (field->names == NULL || value > field->max) return "?";
    for (uint64_t i = 0; field->names[i] != NULL; i++) {
        if (i == value) return field->names[i];
    }
    return "?";
}
