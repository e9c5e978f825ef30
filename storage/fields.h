/*
 * One table of fields per record kind. It drives encoding, decoding, bounds, the JSON view and the tables in
 * docs/protocol.md; the C struct of a kind is made from the same list (storage/records.h), so that a kind is
 * added in one place.
 *
 * A body is a msgpack array with one element a field, in the order of the table. What is absent is empty or 0: a
 * fixed-length field whose minimum is 0 is encoded as an empty byte string when all its bytes are 0. One whose minimum
 * is 1 must be there: all zero is refused, like any other form of absence.
 */
#ifndef TIDEMARK_STORAGE_FIELDS_H
#define TIDEMARK_STORAGE_FIELDS_H

#include "storage/codec.h"
#include "storage/limits.h"

struct json_t;

/* The C member a field type becomes, its msgpack form, its JSON form. */
enum field_type {
    FIELD_U64,       /* uint64_t; integer; number. min and max bound the value */
    FIELD_I64,       /* int64_t; integer; number. |value| <= max */
    FIELD_BOOL,      /* uint64_t 0 or 1; integer; true or false */
    FIELD_MONEY,     /* uint64_t minor units (fen); integer; number */
    FIELD_TIME,      /* uint64_t Unix milliseconds; integer; number */
    FIELD_INDEX,     /* uint64_t record index, 0 = none; integer; number */
    FIELD_ENUM,      /* uint64_t; integer; the name in `names` */
    FIELD_FLAGS,     /* uint64_t bit set; integer; array of names */
    FIELD_TEXT,      /* struct bytes, UTF-8 without NUL; str; string. min and max bound the bytes */
    FIELD_BIN,       /* struct bytes; bin; lower-case hex */
    FIELD_PARTY,     /* uint8_t[32]; bin; tide1… ; min 0: may be absent */
    FIELD_RECIPIENT, /* uint8_t[32]; bin; age1… ; min 0: may be absent */
    FIELD_HASH,      /* uint8_t[32]; bin; hex; min 0: may be absent. Wire and log keys too */
    FIELD_ID16,      /* uint8_t[16]; bin; hex; min 0: may be absent */
    FIELD_SIG,       /* uint8_t[64]; bin; hex; min 0: may be absent */
    FIELD_LIST,      /* struct list of `sub`'s structs; array of arrays; array of objects. min and max bound n */
};

struct list {
    void *items; /* n structs of the sub-schema's size */
    size_t n;
};

struct schema;
struct field {
    const char *name;
    enum field_type type;
    size_t offset;
    uint64_t min, max;
    const char *const *names;  /* FIELD_ENUM, FIELD_FLAGS: NULL-terminated */
    const struct schema *sub;  /* FIELD_LIST */
    const char *doc;
};

struct schema {
    uint16_t kind; /* 0: not a record of its own */
    uint8_t version;
    const char *name;
    size_t size; /* of the C struct */
    const struct field *fields;
    size_t n_fields;
    const char *doc;
};

/* True if every field is within its bounds; else *bad, if not NULL, is the name of the first that is not. */
bool fields_check(const struct schema *schema, const void *value, const char **bad);

/* Bytes of a fixed-length type (32, 16 or 64); 0: it is not one. */
size_t field_fixed_len(enum field_type type);

/* Writes the body at `value` as an array. Values out of their bounds: TIDE_EINVAL (sticky, in w->err). */
void fields_encode(const struct schema *schema, const void *value, struct codec_writer *w);

/*
 * Reads a body into `value` (schema->size bytes, cleared first). Texts and byte strings point into the unpacked
 * input, lists into `arena`. TIDE_EMALFORMED: wrong type, length or bounds; *bad, if not NULL, is the field's name.
 */
MUST_USE enum tide_err fields_decode(const struct schema *schema, struct codec_value in, struct arena *arena,
                                     void *value, const char **bad);

/* The JSON view; the caller decrefs. NULL: no memory. */
struct json_t *fields_to_json(const struct schema *schema, const void *value);

/* From JSON (missing members are absent, unknown ones TIDE_EINVAL); *bad names the member. */
MUST_USE enum tide_err fields_from_json(const struct schema *schema, const struct json_t *in, struct arena *arena,
                                        void *value, const char **bad);

/* The field of that name, or NULL. */
const struct field *fields_find(const struct schema *schema, const char *name);

/* The name of an enum's value, or "?". */
const char *field_enum_name(const struct field *field, uint64_t value);

#endif
