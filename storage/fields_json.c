/*
 * The JSON view of bodies: what programs and people read, and what a body can be made from.
 *
 * Always holds: a field never changes its type; what is absent is an empty string, 0 or an empty array. Every number
 * is at most 2^53 - 1 and so exact in any reader. A body that fields_from_json accepted is within its bounds.
 * Not here: records as a whole (records_json.c).
 */
#include <jansson.h>
#include <stdlib.h>

#include "crypto/bech32.h"
#include "storage/fields.h"

/* As in crypto/identity.h, which storage has no other need of. */
#define PARTY_TEXT "tide"
#define RECIPIENT_TEXT "age"

/* ---- to JSON ---- */
static json_t *hex_to_json(const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    char *text = malloc(2 * len + 1);
    if (text == NULL) return NULL;
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[data[i] >> 4];
        text[2 * i + 1] = digits[data[i] & 15];
    }
    json_t *out = json_stringn(text, 2 * len);
    free(text);
    return out;
}

static json_t *fixed_to_json(enum field_type type, const uint8_t *data)
{
    char text[BECH32_TEXT_MAX];
    size_t len = field_fixed_len(type);
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++) any |= data[i];
    if (any == 0) return json_string("");
    if (type != FIELD_PARTY && type != FIELD_RECIPIENT) return hex_to_json(data, len);
    bech32_encode(type == FIELD_PARTY ? PARTY_TEXT : RECIPIENT_TEXT, data, text);
    return json_string(text);
}

static json_t *flags_to_json(const struct field *field, uint64_t flags)
{
    json_t *out = json_array();
    for (size_t bit = 0; out != NULL && bit < 64 && field->names[bit] != NULL; bit++) {
        if ((flags >> bit & 1) == 0) continue;
        if (json_array_append_new(out, json_string(field->names[bit])) != 0) {
            json_decref(out);
            out = NULL;
        }
    }
    return out;
}

static json_t *list_to_json(const struct field *field, const struct list *list)
{
    json_t *out = json_array();
    for (size_t i = 0; out != NULL && i < list->n; i++) {
        const char *item = (const char *)list->items + i * field->sub->size;
        if (json_array_append_new(out, fields_to_json(field->sub, item)) != 0) {
            json_decref(out);
            out = NULL;
        }
    }
    return out;
}

static json_t *field_to_json(const struct field *field, const void *at)
{
    const struct bytes *bytes = at;
    const uint64_t *number = at;
    switch (field->type) {
    case FIELD_TEXT:
        return json_stringn(bytes->len > 0 ? (const char *)bytes->data : "", bytes->len);
    case FIELD_BIN:
        return hex_to_json(bytes->data, bytes->len);
    case FIELD_LIST:
        return list_to_json(field, at);
    case FIELD_ENUM:
        return json_string(field_enum_name(field, *number));
    case FIELD_FLAGS:
        return flags_to_json(field, *number);
    case FIELD_BOOL:
        return json_boolean(*number != 0);
    case FIELD_I64:
        return json_integer(*(const int64_t *)at);
    case FIELD_U64:
    case FIELD_MONEY:
    case FIELD_TIME:
    case FIELD_INDEX:
        return json_integer((json_int_t)*number);
    default:
        return fixed_to_json(field->type, at);
    }
}

struct json_t *fields_to_json(const struct schema *schema, const void *value)
{
    json_t *out = json_object();
    for (size_t i = 0; out != NULL && i < schema->n_fields; i++) {
        const struct field *field = &schema->fields[i];
        if (json_object_set_new(out, field->name, field_to_json(field, (const char *)value + field->offset)) != 0) {
            json_decref(out);
            out = NULL;
        }
    }
    return out;
}

/* ---- from JSON ---- */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

/* `out` has room for text.len / 2 bytes. */
static bool hex_parse(struct bytes text, uint8_t *out)
{
    if (text.len % 2 != 0) return false;
    for (size_t i = 0; i < text.len; i += 2) {
        int high = hex_digit((char)text.data[i]), low = hex_digit((char)text.data[i + 1]);
        if (high < 0 || low < 0) return false;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static enum tide_err bin_from_json(struct bytes text, struct arena *arena, struct bytes *out)
{
    uint8_t *data = arena_alloc(arena, text.len / 2);
    if (data == NULL) return TIDE_ENOMEM;
    if (!hex_parse(text, data)) return TIDE_EINVAL;
    *out = BYTES(data, text.len / 2);
    return TIDE_OK;
}

static enum tide_err text_from_json(struct bytes text, struct arena *arena, struct bytes *out)
{
    *out = arena_copy(arena, text);
    return out->data == NULL ? TIDE_ENOMEM : TIDE_OK;
}

static enum tide_err fixed_from_json(enum field_type type, struct bytes text, uint8_t *out)
{
    if (text.len == 0) return TIDE_OK;
    if (type == FIELD_PARTY || type == FIELD_RECIPIENT) {
        const char *prefix = type == FIELD_PARTY ? PARTY_TEXT : RECIPIENT_TEXT;
        return bech32_decode(prefix, text, out) == TIDE_OK ? TIDE_OK : TIDE_EINVAL;
    }
    return text.len == 2 * field_fixed_len(type) && hex_parse(text, out) ? TIDE_OK : TIDE_EINVAL;
}

/* The position of `text` among the names. */
static bool name_find(const struct field *field, struct bytes text, uint64_t *out)
{
    for (uint64_t i = 0; field->names[i] != NULL; i++) {
        if (bytes_equal(text, BYTES_TEXT(field->names[i]))) {
            *out = i;
            return true;
        }
    }
    return false;
}

static enum tide_err flags_from_json(const struct field *field, const json_t *in, uint64_t *out)
{
    if (!json_is_array(in)) return TIDE_EINVAL;
    for (size_t i = 0; i < json_array_size(in); i++) {
        const json_t *item = json_array_get(in, i);
        uint64_t bit;
        if (!json_is_string(item)) return TIDE_EINVAL;
        if (!name_find(field, BYTES(json_string_value(item), json_string_length(item)), &bit)) return TIDE_EINVAL;
        *out |= UINT64_C(1) << bit;
    }
    return TIDE_OK;
}

static enum tide_err body_from_json(const struct schema *schema, const json_t *in, struct arena *arena, void *value,
                                    const char **bad);

static enum tide_err list_from_json(const struct field *field, const json_t *in, struct arena *arena,
                                    struct list *out, const char **bad)
{
    size_t n = json_array_size(in);
    if (!json_is_array(in) || n > field->max) return TIDE_EINVAL;
    if (n == 0) return TIDE_OK;
    char *items = arena_calloc(arena, n, field->sub->size);
    if (items == NULL) return TIDE_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        enum tide_err err = body_from_json(field->sub, json_array_get(in, i), arena, items + i * field->sub->size, bad);
        if (err != TIDE_OK) return err;
    }
    *out = (struct list){items, n};
    return TIDE_OK;
}

static enum tide_err number_from_json(const struct field *field, const json_t *in, void *at)
{
    if (!json_is_integer(in)) return TIDE_EINVAL;
    int64_t value = json_integer_value(in);
    if (value < 0 && field->type != FIELD_I64) return TIDE_EINVAL;
    memcpy(at, &value, sizeof value);
    return TIDE_OK;
}

static enum tide_err field_from_json(const struct field *field, const json_t *in, struct arena *arena, void *at,
                                     const char **bad)
{
    switch (field->type) {
    case FIELD_LIST:
        return list_from_json(field, in, arena, at, bad);
    case FIELD_FLAGS:
        return flags_from_json(field, in, at);
    case FIELD_BOOL:
        if (!json_is_boolean(in)) return TIDE_EINVAL;
        *(uint64_t *)at = json_is_true(in) ? 1 : 0;
        return TIDE_OK;
    case FIELD_U64:
    case FIELD_I64:
    case FIELD_MONEY:
    case FIELD_TIME:
    case FIELD_INDEX:
        return number_from_json(field, in, at);
    default:
        break;
    }
    if (!json_is_string(in)) return TIDE_EINVAL;
    struct bytes text = BYTES(json_string_value(in), json_string_length(in));
    if (field->type == FIELD_ENUM) return name_find(field, text, at) ? TIDE_OK : TIDE_EINVAL;
    if (field->type == FIELD_TEXT) return text_from_json(text, arena, at);
    if (field->type == FIELD_BIN) return bin_from_json(text, arena, at);
    return fixed_from_json(field->type, text, at);
}

/* Members into fields; bounds are checked once, at the end, over the whole. */
static enum tide_err body_from_json(const struct schema *schema, const json_t *in, struct arena *arena, void *value,
                                    const char **bad)
{
    *bad = schema->name;
    if (schema->size > 0) memset(value, 0, schema->size);
    if (!json_is_object(in)) return TIDE_EINVAL;
    for (void *it = json_object_iter((json_t *)(uintptr_t)in); it != NULL;
         it = json_object_iter_next((json_t *)(uintptr_t)in, it)) {
        *bad = json_object_iter_key(it);
        const struct field *field = fields_find(schema, *bad);
        if (field == NULL) return TIDE_EINVAL;
        enum tide_err err =
            field_from_json(field, json_object_iter_value(it), arena, (char *)value + field->offset, bad);
        if (err != TIDE_OK) return err;
    }
    *bad = NULL;
    return TIDE_OK;
}

enum tide_err fields_from_json(const struct schema *schema, const struct json_t *in, struct arena *arena, void *value,
                               const char **bad)
{
    const char *ignored;
    if (bad == NULL) bad = &ignored;
    enum tide_err err = body_from_json(schema, in, arena, value, bad);
    if (err != TIDE_OK) return err;
    return fields_check(schema, value, bad) ? TIDE_OK : TIDE_EINVAL;
}
