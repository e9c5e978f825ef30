/*
 * Documents read by name: numbers, texts, byte strings, lists, and the whole as JSON.
 *
 * Always holds: a name that is not there gives 0, "" or NULL, never an error; a text asked for twice is made once;
 * whatever is handed out lives in the document's arena, so that it goes when the document goes.
 * Not here: filling documents (doc_edit.c).
 */
#include "client/lib/doc.h"

#include "crypto/identity.h"
#include "storage/protocol.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- making ---- */
static enum tide_err doc_init(struct tide_doc *doc, const struct schema *schema, void *value, struct arena *arena)
{
    *doc = (struct tide_doc){.schema = schema, .value = value, .arena = arena};
    doc->texts = arena_calloc(arena, schema->n_fields + 1, sizeof *doc->texts);
    doc->lists = arena_calloc(arena, schema->n_fields + 1, sizeof *doc->lists);
    return doc->texts == NULL || doc->lists == NULL ? TIDE_ENOMEM : TIDE_OK;
}

/* Documents for the items of every list below `doc`. Depth is that of the schemas: two at most. */
static enum tide_err lists_adopt(struct tide_doc *doc)
{
    for (size_t i = 0; i < doc->schema->n_fields; i++) {
        const struct field *field = &doc->schema->fields[i];
        if (field->type != FIELD_LIST) continue;
        struct list *list = (struct list *)((char *)doc->value + field->offset);
        if (list->n == 0) continue;
        struct tide_doc *items = arena_calloc(doc->arena, list->n, sizeof *items);
        struct tide_doc **pointers = arena_calloc(doc->arena, list->n, sizeof *pointers);
        if (items == NULL || pointers == NULL) return TIDE_ENOMEM;
        for (size_t n = 0; n < list->n; n++) {
            void *value = (char *)list->items + n * field->sub->size;
            enum tide_err err = doc_init(&items[n], field->sub, value, doc->arena);
            if (err == TIDE_OK) err = lists_adopt(&items[n]);
            if (err != TIDE_OK) return err;
            pointers[n] = &items[n];
        }
        doc->lists[i] = (struct doc_list){pointers, list->n};
    }
    return TIDE_OK;
}

enum tide_err doc_adopt(struct tide_doc *doc, void *value)
{
    doc->value = value;
    return lists_adopt(doc);
}

struct tide_doc *doc_new(const struct schema *schema)
{
    struct tide_doc *doc = calloc(1, sizeof *doc);
    struct arena *arena = malloc(sizeof *arena);
    if (doc == NULL || arena == NULL) {
        free(doc);
        free(arena);
        return NULL;
    }
    arena_init(arena, DOC_BYTES_MAX);
    void *value = arena_calloc(arena, 1, schema->size);
    enum tide_err err = value == NULL ? TIDE_ENOMEM : doc_init(doc, schema, value, arena);
    doc->arena = arena;
    doc->is_root = true;
    if (err != TIDE_OK) tide_doc_free(&doc);
    return doc;
}

enum tide_err doc_narrow(struct tide_doc *doc, const char *list)
{
    struct tide_doc row;
    const struct tide_doc *item = tide_doc_item(doc, list, 0);
    if (item == NULL) return TIDE_ENOTFOUND;
    enum tide_err err = doc_init(&row, item->schema, item->value, doc->arena);
    if (err == TIDE_OK) err = lists_adopt(&row);
    if (err != TIDE_OK) return err;
    row.is_root = true;
    *doc = row;
    return TIDE_OK;
}

enum tide_err doc_from_reply(struct bytes frame, const struct schema *schema, struct tide_doc **out, uint64_t *code,
                             struct bytes *text)
{
    struct reply reply = {0};
    *out = NULL;
    struct tide_doc *doc = doc_new(schema);
    if (doc == NULL) return TIDE_ENOMEM;
    struct bytes copy = arena_copy(doc->arena, frame); /* texts of the reply point into it */
    enum tide_err err = copy.data == NULL ? TIDE_ENOMEM : reply_decode(copy, schema, doc->arena, &reply);
    if (err == TIDE_OK && reply.code == 0) err = doc_adopt(doc, (void *)(uintptr_t)reply.body);
    if (err != TIDE_OK) {
        tide_doc_free(&doc);
        return err;
    }
    *code = reply.code;
    *text = reply.text;
    *out = doc;
    return TIDE_OK;
}

void tide_doc_free(struct tide_doc **doc)
{
    if (doc == NULL || *doc == NULL) return;
    struct tide_doc *old = *doc;
    *doc = NULL;
    if (!old->is_root) return;
    arena_deinit(old->arena);
    free(old->arena);
    free(old);
}

/* ---- reading ---- */
static const struct field *find(const struct tide_doc *doc, const char *name, const void **at)
{
    if (doc == NULL || name == NULL) return NULL;
    const struct field *field = fields_find(doc->schema, name);
    if (field != NULL) *at = (const char *)doc->value + field->offset;
    return field;
}

static bool is_number(enum field_type type)
{
    return type != FIELD_TEXT && type != FIELD_BIN && type != FIELD_LIST && field_fixed_len(type) == 0;
}

const char *tide_doc_kind(const struct tide_doc *doc)
{
    return doc == NULL ? "" : doc->schema->name;
}

uint64_t tide_doc_u64(const struct tide_doc *doc, const char *name)
{
    const void *at;
    const struct field *field = find(doc, name, &at);
    uint64_t value = 0;
    if (field != NULL && is_number(field->type)) memcpy(&value, at, sizeof value);
    return value;
}

const uint8_t *tide_doc_bytes(const struct tide_doc *doc, const char *name, size_t *len)
{
    static const uint8_t zero[64];
    const void *at;
    *len = 0;
    const struct field *field = find(doc, name, &at);
    if (field == NULL) return NULL;
    if (field->type == FIELD_TEXT || field->type == FIELD_BIN) {
        const struct bytes *bytes = at;
        *len = bytes->len;
        return bytes->data;
    }
    size_t fixed = field_fixed_len(field->type);
    if (fixed == 0 || memcmp(at, zero, fixed) == 0) return NULL;
    *len = fixed;
    return at;
}

static const char *hex_text(struct arena *arena, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    char *text = arena_alloc(arena, 2 * len + 1);
    if (text == NULL) return "";
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[data[i] >> 4];
        text[2 * i + 1] = digits[data[i] & 15];
    }
    text[2 * len] = '\0';
    return text;
}

/* "vendor,buyer" */
static const char *flags_text(struct arena *arena, const struct field *field, uint64_t flags)
{
    char text[256] = "", *to = text;
    for (size_t bit = 0; bit < 64 && field->names[bit] != NULL; bit++) {
        if ((flags >> bit & 1) == 0) continue;
        size_t left = sizeof text - (size_t)(to - text);
        if (strlen(field->names[bit]) + 2 > left) break;
        if (to != text) *to++ = ',';
        to = stpcpy(to, field->names[bit]);
    }
    struct bytes copy = arena_copy(arena, BYTES_TEXT(text));
    return copy.data == NULL ? "" : (const char *)copy.data;
}

static const char *number_text(struct arena *arena, const struct field *field, const void *at)
{
    char text[32];
    uint64_t value;
    memcpy(&value, at, sizeof value);
    if (field->type == FIELD_ENUM) return field_enum_name(field, value);
    if (field->type == FIELD_FLAGS) return flags_text(arena, field, value);
    if (field->type == FIELD_BOOL) return value != 0 ? "true" : "false";
    if (field->type == FIELD_I64) snprintf(text, sizeof text, "%" PRId64, (int64_t)value);
    else snprintf(text, sizeof text, "%" PRIu64, value);
    struct bytes copy = arena_copy(arena, BYTES_TEXT(text));
    return copy.data == NULL ? "" : (const char *)copy.data;
}

static const char *text_make(const struct tide_doc *doc, const struct field *field, const void *at)
{
    char text[BECH32_TEXT_MAX];
    size_t len;
    if (field->type == FIELD_LIST) return "";
    if (is_number(field->type)) return number_text(doc->arena, field, at);
    const uint8_t *data = tide_doc_bytes(doc, field->name, &len);
    if (len == 0) return "";
    struct bytes copy = BYTES(data, len);
    if (field->type != FIELD_TEXT && field->type != FIELD_PARTY && field->type != FIELD_RECIPIENT) {
        return hex_text(doc->arena, data, len);
    }
    if (field->type != FIELD_TEXT) {
        bech32_encode(field->type == FIELD_PARTY ? PARTY_PREFIX : RECIPIENT_PREFIX, data, text);
        copy = BYTES_TEXT(text);
    }
    copy = arena_copy(doc->arena, copy); /* with a NUL behind */
    return copy.data == NULL ? "" : (const char *)copy.data;
}

const char *tide_doc_text(const struct tide_doc *doc, const char *name)
{
    const void *at;
    const struct field *field = find(doc, name, &at);
    if (field == NULL) return "";
    const char **text = &doc->texts[field - doc->schema->fields];
    if (*text == NULL) *text = text_make(doc, field, at);
    return *text;
}

size_t tide_doc_count(const struct tide_doc *doc, const char *name)
{
    const void *at;
    const struct field *field = find(doc, name, &at);
    return field != NULL && field->type == FIELD_LIST ? ((const struct list *)at)->n : 0;
}

const struct tide_doc *tide_doc_item(const struct tide_doc *doc, const char *name, size_t i)
{
    if (i >= tide_doc_count(doc, name)) return NULL;
    return doc->lists[fields_find(doc->schema, name) - doc->schema->fields].items[i];
}

char *tide_doc_json(const struct tide_doc *doc)
{
    if (doc == NULL) return NULL;
    json_t *json = fields_to_json(doc->schema, doc->value);
    if (json == NULL) return NULL;
    char *text = json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(json);
    return text;
}
