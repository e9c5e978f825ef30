/*
 * Prints docs/protocol.md: prose from protocol_docs_text.c, tables from the tables of records, verbs and outcomes.
 *
 * Always holds: the same code prints the same bytes. Not here: where they are written (the unit test does it).
 */
#include "storage/protocol_docs.h"

#include <inttypes.h>
#include <stdio.h>

#include "storage/protocol.h"

/* ---- tables of fields ---- */
static const struct {
    const char *name, *wire, *json, *doc;
} types[] = {
    [FIELD_U64] = {"number", "integer", "number", "a count or an amount without unit"},
    [FIELD_I64] = {"signed", "integer", "number", "bounds are of its magnitude"},
    [FIELD_BOOL] = {"flag", "integer 0 or 1", "true, false", ""},
    [FIELD_MONEY] = {"money", "integer", "number", "minor units (fen)"},
    [FIELD_TIME] = {"time", "integer", "number", "Unix milliseconds; 0: none"},
    [FIELD_INDEX] = {"index", "integer", "number", "a record's index; 0: none"},
    [FIELD_ENUM] = {"choice", "integer", "its name", "one of the values listed"},
    [FIELD_FLAGS] = {"set", "integer", "array of names", "sum of the values listed"},
    [FIELD_TEXT] = {"text", "str", "string", "bounds are of its bytes"},
    [FIELD_BIN] = {"bytes", "bin", "hex", "bounds are of its bytes"},
    [FIELD_PARTY] = {"party", "bin 32", "`tide1…`", "an Ed25519 public key"},
    [FIELD_RECIPIENT] = {"recipient", "bin 32", "`age1…`", "an X25519 public key"},
    [FIELD_HASH] = {"hash", "bin 32", "hex", "SHA-256, or another 32-byte value"},
    [FIELD_ID16] = {"id", "bin 16", "hex", ""},
    [FIELD_SIG] = {"signature", "bin 64", "hex", "Ed25519"},
    [FIELD_LIST] = {"list", "array of arrays", "array of objects", "bounds are of its items"},
};

static void print_types(FILE *out)
{
    fprintf(out, "| type | msgpack | in JSON | |\n|---|---|---|---|\n");
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        fprintf(out, "| %s | %s | %s | %s |\n", types[i].name, types[i].wire, types[i].json, types[i].doc);
    }
    fprintf(out, "\nA fixed-length field (party, recipient, hash, id, signature) that *may be absent* is then the empty "
                 "byte string, and\nnever that many zero bytes. In the JSON view it is the empty string. A *required* "
                 "one is never all zero.\n\n");
}

static void print_number(FILE *out, uint64_t number)
{
    if (number == LIMIT_AMOUNT) {
        fprintf(out, "2^53 − 1");
    } else {
        fprintf(out, "%" PRIu64, number);
    }
}

static void print_names(FILE *out, const struct field *field)
{
    const char *comma = "";
    for (uint64_t i = 0; field->names[i] != NULL; i++) {
        uint64_t value = field->type == FIELD_FLAGS ? UINT64_C(1) << i : i;
        if (value < field->min || value > field->max) continue;
        fprintf(out, "%s%" PRIu64 " `%s`", comma, value, field->names[i]);
        comma = ", ";
    }
    if (field->type == FIELD_FLAGS && field->min == 0) fprintf(out, "; may be 0");
}

static void print_bounds(FILE *out, const struct field *field)
{
    switch (field->type) {
    case FIELD_ENUM:
    case FIELD_FLAGS:
        print_names(out, field);
        break;
    case FIELD_BOOL:
        fprintf(out, "0, 1");
        break;
    case FIELD_PARTY:
    case FIELD_RECIPIENT:
    case FIELD_HASH:
    case FIELD_ID16:
    case FIELD_SIG:
        fprintf(out, "%s", field->min == 0 ? "may be absent" : "required");
        break;
    case FIELD_I64:
        fprintf(out, "±(");
        print_number(out, field->max);
        fprintf(out, ")");
        break;
    default:
        print_number(out, field->min);
        if (field->min == field->max) break;
        fprintf(out, " … ");
        print_number(out, field->max);
    }
}

/* Kinds have their number in the heading, and so in the link. */
static void print_type(FILE *out, const struct field *field)
{
    fprintf(out, "%s", types[field->type].name);
    if (field->type != FIELD_LIST) return;
    fprintf(out, " of [%s](#%s", field->sub->name, field->sub->name);
    if (field->sub->kind != 0) fprintf(out, "-%u", field->sub->kind);
    fprintf(out, ")");
}

static void print_fields(FILE *out, const struct schema *schema)
{
    if (schema->n_fields == 0) {
        fprintf(out, "No fields: an empty array.\n\n");
        return;
    }
    fprintf(out, "| | field | type | bounds | what it is |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < schema->n_fields; i++) {
        const struct field *field = &schema->fields[i];
        fprintf(out, "| %zu | `%s` | ", i, field->name);
        print_type(out, field);
        fprintf(out, " | ");
        print_bounds(out, field);
        fprintf(out, " | %s |\n", field->doc);
    }
    fprintf(out, "\n");
}

/* ---- kinds ---- */
static bool is_statement(const struct schema *schema)
{
    return schema->kind < KIND_OPENED;
}

static void print_kinds(FILE *out, bool statements)
{
    fprintf(out, "| number | %s | %s |\n|---|---|---|\n", statements ? "statement" : "event",
            statements ? "who says it" : "what happened");
    for (size_t i = 0; i < n_all_schemas; i++) {
        const struct schema *schema = all_schemas[i];
        if (is_statement(schema) != statements) continue;
        fprintf(out, "| %u | [%s](#%s-%u) | %s |\n", schema->kind, schema->name, schema->name, schema->kind,
                schema->doc);
    }
    fprintf(out, "\n");
    for (size_t i = 0; i < n_all_schemas; i++) {
        const struct schema *schema = all_schemas[i];
        if (is_statement(schema) != statements) continue;
        fprintf(out, "### %s %u\n\n%s %s.\n\n", schema->name, schema->kind, statements ? "Said by:" : "Means:",
                schema->doc);
        print_fields(out, schema);
    }
}

static void print_parts(FILE *out)
{
    static const struct schema *const parts[] = {&schema_posting, &schema_parameter, &schema_operator, &schema_keyword,
                                                 &schema_column};
    fprintf(out, "## Parts of bodies\n\n");
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        fprintf(out, "### %s\n\n", parts[i]->name);
        print_fields(out, parts[i]);
    }
}

/* ---- verbs ---- */
static const struct {
    unsigned door;
    const char *name;
} doors[] = {{DOOR_LOBBY, "lobby"}, {DOOR_TRADE, "trade"}, {DOOR_DATA, "data"}, {DOOR_AUDIT, "audit"}};

static void print_doors(FILE *out, const struct verb_info *verb)
{
    const char *comma = "";
    for (size_t i = 0; i < ARRAY_LEN(doors); i++) {
        if ((verb->doors & doors[i].door) == 0) continue;
        fprintf(out, "%s%s", comma, doors[i].name);
        comma = ", ";
    }
}

static void print_verbs(FILE *out)
{
    fprintf(out, "| verb |");
    for (size_t i = 0; i < ARRAY_LEN(doors); i++) fprintf(out, " %s |", doors[i].name);
    fprintf(out, " what it does |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < n_all_verbs; i++) {
        fprintf(out, "| [%s](#%s) |", all_verbs[i].name, all_verbs[i].name);
        for (size_t j = 0; j < ARRAY_LEN(doors); j++) {
            fprintf(out, " %s |", (all_verbs[i].doors & doors[j].door) != 0 ? "yes" : "–");
        }
        fprintf(out, " %s |\n", all_verbs[i].doc);
    }
    fprintf(out, "\n");
    for (size_t i = 0; i < n_all_verbs; i++) {
        fprintf(out, "### %s\n\n%s Doors: ", all_verbs[i].name, all_verbs[i].doc);
        print_doors(out, &all_verbs[i]);
        fprintf(out, ".\n\nRequest:\n\n");
        print_fields(out, all_verbs[i].request);
        fprintf(out, "Reply:\n\n");
        print_fields(out, all_verbs[i].reply);
    }
}

static void print_rows(FILE *out)
{
    static const struct schema *const rows[] = {
#define ROW_AS_POINTER(NAME, member) &schema_##member,
        PROTOCOL_ROWS(ROW_AS_POINTER)
#undef ROW_AS_POINTER
    };
    fprintf(out, "## Rows of answers\n\n");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fprintf(out, "### %s\n\n", rows[i]->name);
        print_fields(out, rows[i]);
    }
}

static void print_tape(FILE *out)
{
    static const struct schema *const messages[] = {
#define TAPE_AS_POINTER(NAME, member, number, text) &schema_##member,
        TAPE_MESSAGES(TAPE_AS_POINTER)
#undef TAPE_AS_POINTER
    };
    for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
        fprintf(out, "### %s (%u)\n\n%s\n\n", messages[i]->name, (unsigned)messages[i]->kind, messages[i]->doc);
        print_fields(out, messages[i]);
    }
}

/* ---- outcomes and limits ---- */
static void print_outcomes(FILE *out)
{
    fprintf(out, "| code | name | retry | meaning | what to do |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < n_all_outcomes; i++) {
        const struct outcome_info *outcome = &all_outcomes[i];
        fprintf(out, "| %u | `%s` | %s | %s | %s |\n", outcome->code, outcome->name, outcome->retry ? "yes" : "–",
                outcome->sentence, outcome->hint);
    }
    fprintf(out, "\n");
}

static const struct {
    const char *what;
    uint64_t value;
    const char *unit, *why;
} limits[] = {
    {"amounts, prices × quantities, indices, times", LIMIT_AMOUNT, "", "exact in every JSON reader"},
    {"a statement", LIMIT_STATEMENT_BYTES, "bytes", "a full batch of bids fits"},
    {"a frame on the lobby, trade and audit doors", LIMIT_TRADE_FRAME_BYTES, "bytes", "an envelope in its frame"},
    {"a frame on the data door", LIMIT_DATA_FRAME_BYTES, "bytes", "one sealed chunk and its header"},
    {"a record", LIMIT_RECORD_BYTES, "bytes", "its length is 16 bits in an entry bundle"},
    {"nesting of arrays", LIMIT_DEPTH, "", "more than any kind needs"},
    {"elements of one message, arrays included", LIMIT_ELEMENTS, "", "a full batch, twice"},
    {"a verb's name", VERB_MAX, "bytes", ""},
    {"orders in one `order_batch`", LIMIT_BATCH_ORDERS, "", ""},
    {"resting orders that one record's decision matches", LIMIT_MATCHES, "", "what is left goes on in a `continue`"},
    {"events of one record", LIMIT_EVENTS, "", ""},
    {"rows in one answer", LIMIT_PAGE, "", "the rest is on the next page"},
    {"rows in one answer, together", LIMIT_ANSWER_BYTES, "bytes", "an answer is one frame"},
    {"events in the reply to `submit`, together", LIMIT_REPLY_EVENTS_BYTES, "bytes", "the rest is asked for"},
    {"a title", LIMIT_TITLE_BYTES, "bytes", "it goes into the settlement text"},
    {"a name", LIMIT_NAME_BYTES, "bytes", ""},
    {"an origin", LIMIT_ORIGIN_BYTES, "bytes", "it is the key name of a signed note"},
    {"usage terms", LIMIT_TERMS_BYTES, "bytes", "they travel in the `publish` statement"},
    {"a grant", LIMIT_GRANT_BYTES, "bytes", "an age header, or a credential's whole age file"},
    {"`issued_at` ahead of the broker's clock", LIMIT_CLOCK_AHEAD_MS, "ms", "clocks differ"},
    {"`valid_until` after `issued_at`, unless said", LIMIT_VALID_DEFAULT_MS, "ms", "at most the parameter `statement_ms`"},
    {"`valid_until` after `issued_at` of an `enrol`", LIMIT_ENROL_VALID_MS, "ms", "a person decides about it"},
    {"enrolment requests that wait", LIMIT_REQUESTS, "", "the lobby's store is bounded"},
};

static void print_limits(FILE *out)
{
    fprintf(out, "| what | at most | why |\n|---|---|---|\n");
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        fprintf(out, "| %s | ", limits[i].what);
        print_number(out, limits[i].value);
        fprintf(out, "%s%s | %s |\n", limits[i].unit[0] != '\0' ? " " : "", limits[i].unit, limits[i].why);
    }
}

enum tide_err protocol_write_docs(struct _IO_FILE *file)
{
    fputs(docs_intro, file);
    fputs(docs_frames, file);
    fputs(docs_codec, file);
    fputs(docs_fields, file);
    print_types(file);
    fputs(docs_statements, file);
    print_kinds(file, true);
    fputs(docs_events, file);
    print_kinds(file, false);
    print_parts(file);
    fputs(docs_verbs, file);
    print_verbs(file);
    print_rows(file);
    fputs(docs_tape, file);
    print_tape(file);
    fputs(docs_trade, file);
    fputs(docs_outcomes, file);
    print_outcomes(file);
    fputs(docs_limits, file);
    print_limits(file);
    return fflush(file) == 0 && ferror(file) == 0 ? TIDE_OK : TIDE_EIO;
}
