/*
 * Documents filled by name, or from JSON.
 *
 * Always holds: a wrong name is answered with the nearest one, a wrong value with the field and what it takes; an item
 * once handed out stays where it is while its list grows.
 * Not here: whether a body is complete (statements are checked when they are signed, requests when they are sent).
 */
#include "client/lib/doc.h"

#include "crypto/identity.h"
#include "storage/protocol.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#define NAMES_MAX 96

/* ---- kinds ---- */
static const struct schema *schema_by_kind(const char *kind)
{
    size_t len = strlen(kind);
    bool asks = len > 0 && kind[len - 1] == '?'; /* "order" is a statement and a verb: the verb's request is "order?" */
    const struct schema *schema = schema_of_name(kind);
    if (schema != NULL) return schema;
    const struct verb_info *verb = verb_by_name(BYTES(kind, asks ? len - 1 : len));
    return verb == NULL ? NULL : verb->request;
}

static int unknown_kind(const char *kind, struct tide_error *error)
{
    const char *names[NAMES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < n_all_schemas && n < NAMES_MAX; i++) names[n++] = all_schemas[i]->name;
    for (size_t i = 0; i < n_all_verbs && n < NAMES_MAX; i++) names[n++] = all_verbs[i].name;
    const char *near = nearest_name(kind, names, n);
    if (near == NULL) return error_set(error, OUTCOME_C_USAGE, "There is no kind of document \"%.40s\".", kind);
    return error_set(error, OUTCOME_C_USAGE, "There is no kind of document \"%.40s\"; did you mean \"%s\"?", kind,
                     near);
}

int tide_doc_new(const char *kind, struct tide_doc **out, struct tide_error *error)
{
    error_clear(error);
    *out = NULL;
    const struct schema *schema = schema_by_kind(kind);
    if (schema == NULL) return unknown_kind(kind, error);
    *out = doc_new(schema);
    return *out == NULL ? error_set(error, OUTCOME_C_NO_MEMORY, NULL) : 0;
}

/* ---- fields ---- */
static int unknown_field(const struct schema *schema, const char *name, struct tide_error *error)
{
    const char *names[NAMES_MAX];
    size_t n = 0;
    for (; n < schema->n_fields && n < NAMES_MAX; n++) names[n] = schema->fields[n].name;
    const char *near = nearest_name(name, names, n);
    if (near == NULL) return error_set(error, OUTCOME_C_USAGE, "%s has no field \"%.40s\".", schema->name, name);
    return error_set(error, OUTCOME_C_USAGE, "%s has no field \"%.40s\"; did you mean \"%s\"?", schema->name, name,
                     near);
}

static int find(struct tide_doc *doc, const char *name, const struct field **field, void **at, struct tide_error *error)
{
    error_clear(error);
    *field = fields_find(doc->schema, name);
    if (*field == NULL) return unknown_field(doc->schema, name, error);
    *at = (char *)doc->value + (*field)->offset;
    doc->texts[*field - doc->schema->fields] = NULL;
    return 0;
}

static int bad_value(const struct tide_doc *doc, const struct field *field, const char *wanted,
                     struct tide_error *error)
{
    return error_set(error, OUTCOME_C_USAGE, "%s.%s (%s) takes %s.", doc->schema->name, field->name, field->doc,
                     wanted);
}

int tide_doc_set_u64(struct tide_doc *doc, const char *name, uint64_t value, struct tide_error *error)
{
    const struct field *field;
    void *at;
    int code = find(doc, name, &field, &at, error);
    if (code != 0) return code;
    switch (field->type) {
    case FIELD_U64:
    case FIELD_BOOL:
    case FIELD_MONEY:
    case FIELD_TIME:
    case FIELD_INDEX:
    case FIELD_ENUM:
    case FIELD_FLAGS:
        break;
    default:
        return bad_value(doc, field, "no number", error);
    }
    if (value > field->max && field->max != 0) {
        return error_set(error, OUTCOME_C_USAGE, "%s.%s is at most %" PRIu64 ".", doc->schema->name, field->name,
                         field->max);
    }
    memcpy(at, &value, sizeof value);
    return 0;
}

static size_t names_count(const struct field *field)
{
    size_t n = 0;
    while (n < NAMES_MAX && field->names[n] != NULL) n++;
    return n;
}

static int unknown_name(const struct tide_doc *doc, const struct field *field, const char *value,
                        struct tide_error *error)
{
    const char *near = nearest_name(value, field->names, names_count(field));
    if (near == NULL) {
        return error_set(error, OUTCOME_C_USAGE, "%s.%s cannot be \"%.40s\".", doc->schema->name, field->name, value);
    }
    return error_set(error, OUTCOME_C_USAGE, "%s.%s cannot be \"%.40s\"; did you mean \"%s\"?", doc->schema->name,
                     field->name, value, near);
}

static bool name_position(const struct field *field, const char *name, uint64_t *out)
{
    for (size_t i = 0; field->names[i] != NULL; i++) {
        if (strcmp(name, field->names[i]) != 0) continue;
        *out = i;
        return true;
    }
    return false;
}

/* "vendor,buyer", with spaces too */
static int flags_set(struct tide_doc *doc, const struct field *field, const char *value, void *at,
                     struct tide_error *error)
{
    uint64_t flags = 0, bit;
    for (const char *p = value; *p != '\0';) {
        char name[64];
        size_t len = strcspn(p, ", ");
        if (len > 0) {
            if (len >= sizeof name) return unknown_name(doc, field, p, error);
            memcpy(name, p, len);
            name[len] = '\0';
            if (!name_position(field, name, &bit)) return unknown_name(doc, field, name, error);
            flags |= UINT64_C(1) << bit;
        }
        p += len;
        p += strspn(p, ", ");
    }
    memcpy(at, &flags, sizeof flags);
    return 0;
}

static int number_set(struct tide_doc *doc, const struct field *field, const char *value, void *at,
                      struct tide_error *error)
{
    char *end;
    if (field->type == FIELD_BOOL) {
        bool yes = strcmp(value, "true") == 0;
        if (!yes && strcmp(value, "false") != 0) return bad_value(doc, field, "true or false", error);
        uint64_t number = yes ? 1 : 0;
        memcpy(at, &number, sizeof number);
        return 0;
    }
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0) return bad_value(doc, field, "a number", error);
    return tide_doc_set_u64(doc, field->name, number, error);
}

/* One hex digit, either case; -1 for anything else. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int hex_set(struct tide_doc *doc, const struct field *field, const char *value, struct tide_error *error)
{
    size_t len = strlen(value);
    uint8_t *data = arena_alloc(doc->arena, len / 2 + 1);
    if (data == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    if (len % 2 != 0) return bad_value(doc, field, "hex digits, two a byte", error);
    for (size_t i = 0; i < len; i += 2) {
        int high = hex_digit(value[i]), low = hex_digit(value[i + 1]);
        if (high < 0 || low < 0) return bad_value(doc, field, "hex digits", error);
        data[i / 2] = (uint8_t)(high << 4 | low);
    }
    return tide_doc_set_bytes(doc, field->name, data, len / 2, error);
}

int tide_doc_set_text(struct tide_doc *doc, const char *name, const char *value, struct tide_error *error)
{
    const struct field *field;
    void *at;
    int code = find(doc, name, &field, &at, error);
    if (code != 0) return code;
    switch (field->type) {
    case FIELD_TEXT:
        return tide_doc_set_bytes(doc, name, value, strlen(value), error);
    case FIELD_ENUM: {
        uint64_t position;
        if (!name_position(field, value, &position)) return unknown_name(doc, field, value, error);
        memcpy(at, &position, sizeof position);
        return 0;
    }
    case FIELD_FLAGS:
        return flags_set(doc, field, value, at, error);
    case FIELD_PARTY:
        if (bech32_decode(PARTY_PREFIX, BYTES_TEXT(value), at) == TIDE_OK) return 0;
        return bad_value(doc, field, "a party's tide1… text", error);
    case FIELD_RECIPIENT:
        if (bech32_decode(RECIPIENT_PREFIX, BYTES_TEXT(value), at) == TIDE_OK) return 0;
        return bad_value(doc, field, "an age1… recipient", error);
    case FIELD_BIN:
    case FIELD_HASH:
    case FIELD_ID16:
    case FIELD_SIG:
        return hex_set(doc, field, value, error);
    case FIELD_LIST:
        return bad_value(doc, field, "items", error);
    default:
        return number_set(doc, field, value, at, error);
    }
}

int tide_doc_set_bytes(struct tide_doc *doc, const char *name, const void *value, size_t len, struct tide_error *error)
{
    const struct field *field;
    void *at;
    int code = find(doc, name, &field, &at, error);
    if (code != 0) return code;
    if (field->type == FIELD_TEXT || field->type == FIELD_BIN) {
        if (len > field->max) {
            return error_set(error, OUTCOME_C_USAGE, "%s.%s has at most %" PRIu64 " bytes.", doc->schema->name, name,
                             field->max);
        }
        if (field->type == FIELD_TEXT && !utf8_is_valid(BYTES(value, len)))
            return bad_value(doc, field, "UTF-8", error);
        struct bytes copy = arena_copy(doc->arena, BYTES(value, len));
        if (copy.data == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
        memcpy(at, &copy, sizeof copy);
        return 0;
    }
    size_t fixed = field_fixed_len(field->type);
    if (fixed == 0) return bad_value(doc, field, "no bytes", error);
    if (len != fixed) {
        return error_set(error, OUTCOME_C_USAGE, "%s.%s has exactly %zu bytes, not %zu.", doc->schema->name, name,
                         fixed, len);
    }
    memcpy(at, value, len);
    return 0;
}

/* ---- lists ---- */

/* Room for one more: structs move (their documents follow), documents stay. */
static bool list_grow(struct tide_doc *doc, const struct field *field, struct list *list, struct doc_list *docs)
{
    size_t room = docs->room == 0 ? 8 : docs->room * 2;
    if (room > field->max) room = (size_t)field->max;
    char *items = arena_calloc(doc->arena, room, field->sub->size);
    struct tide_doc **pointers = arena_calloc(doc->arena, room, sizeof *pointers);
    if (items == NULL || pointers == NULL) return false;
    for (size_t i = 0; i < list->n; i++) {
        memcpy(items + i * field->sub->size, docs->items[i]->value, field->sub->size);
        pointers[i] = docs->items[i];
        pointers[i]->value = items + i * field->sub->size;
    }
    list->items = items;
    *docs = (struct doc_list){pointers, room};
    return true;
}

int tide_doc_add(struct tide_doc *doc, const char *name, struct tide_doc **item, struct tide_error *error)
{
    const struct field *field;
    void *at;
    *item = NULL;
    int code = find(doc, name, &field, &at, error);
    if (code != 0) return code;
    if (field->type != FIELD_LIST) return bad_value(doc, field, "no items", error);
    struct list *list = at;
    struct doc_list *docs = &doc->lists[field - doc->schema->fields];
    if (list->n >= field->max) {
        return error_set(error, OUTCOME_C_USAGE, "%s.%s has at most %" PRIu64 " items.", doc->schema->name, name,
                         field->max);
    }
    struct tide_doc *fresh = arena_calloc(doc->arena, 1, sizeof *fresh);
    if (fresh == NULL || (list->n >= docs->room && !list_grow(doc, field, list, docs))) {
        return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    }
    fresh->schema = field->sub;
    fresh->arena = doc->arena;
    fresh->value = (char *)list->items + list->n * field->sub->size;
    fresh->texts = arena_calloc(doc->arena, field->sub->n_fields + 1, sizeof *fresh->texts);
    fresh->lists = arena_calloc(doc->arena, field->sub->n_fields + 1, sizeof *fresh->lists);
    if (fresh->texts == NULL || fresh->lists == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    memset(fresh->value, 0, field->sub->size);
    docs->items[list->n++] = fresh;
    *item = fresh;
    return 0;
}

/* ---- JSON ---- */

/* The schema, of `schema` and its lists', that has no member `name`: where the unknown one was meant to be. */
static bool knows(const struct schema *schema, const char *name)
{
    if (fields_find(schema, name) != NULL) return true;
    for (size_t i = 0; i < schema->n_fields; i++) {
        if (schema->fields[i].type == FIELD_LIST && knows(schema->fields[i].sub, name)) return true;
    }
    return false;
}

/* Whether `name`, in `schema` or its lists', is a party. */
static bool takes_party(const struct schema *schema, const char *name)
{
    const struct field *field = fields_find(schema, name);
    if (field != NULL) return field->type == FIELD_PARTY;
    for (size_t i = 0; i < schema->n_fields; i++) {
        if (schema->fields[i].type == FIELD_LIST && takes_party(schema->fields[i].sub, name)) return true;
    }
    return false;
}

static int json_refused(const struct schema *schema, enum tide_err err, const char *bad, struct tide_error *error)
{
    if (err == TIDE_ENOMEM) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    if (bad == NULL || strcmp(bad, schema->name) == 0) {
        return error_set(error, OUTCOME_C_USAGE, "%s is not a JSON object of that kind.", schema->name);
    }
    if (!knows(schema, bad)) return unknown_field(schema, bad, error);
    if (takes_party(schema, bad))
        return error_set(error, OUTCOME_C_USAGE, "%s.%s is not a party: a tide1… key.", schema->name, bad);
    return error_set(error, OUTCOME_C_USAGE, "%s.%s has a value of another type or outside its bounds.", schema->name,
                     bad);
}

int tide_doc_parse(const char *kind, const char *json, struct tide_doc **out, struct tide_error *error)
{
    json_error_t why;
    const char *bad = NULL;
    error_clear(error);
    *out = NULL;
    const struct schema *schema = schema_by_kind(kind);
    if (schema == NULL) return unknown_kind(kind, error);
    json_t *tree = json_loads(json, JSON_REJECT_DUPLICATES, &why);
    if (tree == NULL) {
        return error_set(error, OUTCOME_C_USAGE, "Not JSON at line %d, column %d: %s.", why.line, why.column, why.text);
    }
    struct tide_doc *doc = doc_new(schema);
    enum tide_err err = doc == NULL ? TIDE_ENOMEM : fields_from_json(schema, tree, doc->arena, doc->value, &bad);
    int code = err == TIDE_OK ? 0 : json_refused(schema, err, bad, error); /* `bad` may lie in the tree */
    if (code == 0 && doc_adopt(doc, doc->value) != TIDE_OK) code = error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    json_decref(tree);
    if (code != 0) {
        tide_doc_free(&doc);
        return code;
    }
    *out = doc;
    return 0;
}
