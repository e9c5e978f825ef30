/*
 * Verifying a certificate offline: that the listing it names was approved and registered as it says.
 *
 * Always holds: the text is the one in the record, the record is in the log, and the broker's line under it is right;
 * all under the log's key and no other.
 * Not here: telling what a file is (verify.c), fetching a certificate (certificate.c).
 */
#include "client/lib/proof.h"
#include "client/lib/schemas.h"
#include "storage/certificate.h"

#include <inttypes.h>
#include <stdio.h>

#define TEXT_BEGINS "tidemark/certificate/"

static int unreadable(struct tide_error *error, const char *what)
{
    return error_set(error, OUTCOME_V_UNREADABLE, "%s", what);
}

static int failed(struct tide_error *error, const char *what)
{
    return error_set(error, OUTCOME_V_FAILED, "%s", what);
}

bool is_certificate(struct bytes note)
{
    size_t len = sizeof TEXT_BEGINS - 1;
    return note.len > len && memcmp(note.data, TEXT_BEGINS, len) == 0;
}

/* The broker's line, over the whole text and nothing else. */
static int line_check(struct bytes note, const struct note_key *key, struct note_result *result,
                      struct tide_error *error)
{
    enum tide_err err = note_verify(note, key, 1, result);
    if (err == TIDE_EMALFORMED) return unreadable(error, "The certificate's note is not a signed note.");
    if (err != TIDE_OK || !result->verified[0]) return failed(error, "The certificate is not signed by the log's key.");
    return 0;
}

/* The registered event in the record, with the note's text. */
static int registered_check(const struct proof_file *file, struct bytes text, const struct certificate *c,
                            struct tide_doc *doc, struct record *record, struct tide_error *error)
{
    struct event event;
    struct bytes copy = arena_copy(doc->arena, file->extra);
    if (copy.data == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    if (record_decode(copy, doc->arena, record) != TIDE_OK || record->type != RECORD_EVENT ||
        event_decode(record->payload, doc->arena, &event) != TIDE_OK) {
        return unreadable(error, "The certificate's record is no event.");
    }
    if (event.kind != KIND_REGISTERED) return failed(error, "The certificate's record does not register anything.");
    if (record->index != file->index) return failed(error, "The record names another index than its place in the log.");
    const struct body_registered *e = event.body;
    if (!bytes_equal(e->text, text)) return failed(error, "The text of the certificate is not the text registered.");
    if (e->listing != c->listing || e->certificate != c->number) {
        return failed(error, "The record registers another listing.");
    }
    return 0;
}

static void report_fill(struct tide_doc *doc, const struct certificate *c, const struct record *record,
                        const struct checkpoint *cp)
{
    struct body_report *report = doc->value;
    char words[1024];
    report->kind = arena_copy(doc->arena, BYTES_TEXT("certificate"));
    report->record_kind = arena_copy(doc->arena, BYTES_TEXT(schema_registered.name));
    report->origin = arena_copy(doc->arena, BYTES_TEXT(cp->origin));
    report->certificate = c->number;
    report->listing = c->listing;
    report->title = arena_copy(doc->arena, c->title);
    report->listing_kind = arena_copy(doc->arena, BYTES_TEXT(names_listing_kind[c->kind]));
    report->class = arena_copy(doc->arena, BYTES_TEXT(names_class[c->class]));
    memcpy(report->vendor, c->vendor, 32);
    memcpy(report->reviewer, c->reviewer, 32);
    report->registered = c->registered_ms;
    report->broker_signed = 1;
    report->index = record->index;
    report->time_ms = record->time_ms;
    report->size = cp->size;
    snprintf(words, sizeof words, "Listing %" PRIu64 " (%.*s) was approved and is registered as certificate %" PRIu64
             " of %s. The broker's signature is right. The log %s, at %" PRIu64 " records, contains it.", c->listing,
             (int)c->title.len, (const char *)c->title.data, c->number, cp->origin, cp->origin, cp->size);
    report->words = arena_copy(doc->arena, BYTES_TEXT(words));
}

int certificate_report(struct bytes note, const struct proof_file *file, const struct note_key *key,
                       struct tide_doc *doc, struct tide_error *error)
{
    struct note_result result;
    struct certificate c;
    struct checkpoint cp;
    struct record record;

    int code = line_check(note, key, &result, error);
    if (code != 0) return code;
    if (certificate_parse(result.text, &c) != TIDE_OK) return unreadable(error, "The note is no certificate's text.");
    if (!bytes_equal(c.origin, BYTES_TEXT(key->name))) return failed(error, "The certificate is of another market.");
    code = inclusion_check(file, key, file->extra, &cp, error);
    if (code == 0) code = registered_check(file, result.text, &c, doc, &record, error);
    if (code == 0) report_fill(doc, &c, &record, &cp);
    return code;
}
