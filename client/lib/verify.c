/*
 * Verifying offline: receipts and proof files.
 *
 * Always holds: the leaf is recomputed from the record's own bytes; the settlement text is the one in the record; every
 * line that is known must be right; the vendor's is always there, the buyer's wherever the basis is `accepted`; the
 * checkpoint and the broker's line are under the log's key and no other. Nothing is believed for being in the file.
 * Not here: certificates (verify_certificate.c), fetching receipts (receipt.c), following the log (regulator.c).
 */
#include "client/lib/files.h"
#include "client/lib/proof.h"
#include "client/lib/schemas.h"
#include "storage/settlement.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int unreadable(struct tide_error *error, const char *what)
{
    return error_set(error, OUTCOME_V_UNREADABLE, "%s", what);
}

static int failed(struct tide_error *error, const char *what)
{
    return error_set(error, OUTCOME_V_FAILED, "%s", what);
}

/* ---- proofs ---- */

int inclusion_check(const struct proof_file *file, const struct note_key *key, struct bytes record,
                    struct checkpoint *cp, struct tide_error *error)
{
    uint8_t leaf[HASH_BYTES];
    if (checkpoint_verify(file->checkpoint, key, cp) != TIDE_OK) {
        return failed(error, "The checkpoint is not signed by the log's key.");
    }
    merkle_leaf_hash(record, leaf);
    if (merkle_verify_inclusion(&file->proof, file->index, cp->size, leaf, cp->root) != TIDE_OK) {
        return failed(error, "The record is not in the log under that checkpoint.");
    }
    return 0;
}

static int proof_parse(struct bytes text, uint8_t *scratch, size_t scratch_len, struct proof_file *out,
                       struct tide_error *error)
{
    if (proof_file_parse(text, scratch, scratch_len, out) == TIDE_OK) return 0;
    return unreadable(error, "It is not a tlog-proof.");
}

int proof_check(struct bytes text, const struct note_key *key, uint64_t index, struct bytes record,
                struct proof_file *out, struct checkpoint *cp, struct tide_error *error)
{
    uint8_t *scratch = malloc(NOTE_MAX);
    if (scratch == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    int code = proof_parse(text, scratch, NOTE_MAX, out, error);
    if (code == 0 && (out->index != index || out->extra.len != 0)) {
        code = failed(error, "The proof is about another record.");
    }
    if (code == 0) code = inclusion_check(out, key, record, cp, error);
    free(scratch);
    return code;
}

int proof_read(const struct tide_market *m, struct bytes text, uint64_t index, struct bytes record,
               struct proof_file *out, struct checkpoint *cp, struct tide_error *error)
{
    struct note_key key;
    if (note_key_init(m->url.origin, NOTE_TYPE_ED25519, m->url.log_key, &key) != TIDE_OK) {
        return error_set(error, OUTCOME_C_USAGE, "The origin in the market's URL cannot be a log's name.");
    }
    return proof_check(text, &key, index, record, out, cp, error);
}

/* ---- reports ---- */
static struct bytes keep(struct tide_doc *doc, const char *text)
{
    return arena_copy(doc->arena, BYTES_TEXT(text));
}

static void report_words(struct tide_doc *doc, const char *text)
{
    ((struct body_report *)doc->value)->words = keep(doc, text);
}

/* Records that decide about a trade: which, and on which basis. */
static void decision_describe(uint64_t kind, const void *body, struct tide_doc *doc)
{
    struct body_report *report = doc->value;
    if (kind == KIND_SETTLED) {
        const struct body_settled *e = body;
        report->trade = e->trade;
        report->basis = keep(doc, field_enum_name(fields_find(&schema_settled, "basis"), e->basis));
    } else if (kind == KIND_REFUNDED) {
        const struct body_refunded *e = body;
        report->trade = e->trade;
        report->basis = keep(doc, field_enum_name(fields_find(&schema_refunded, "basis"), e->basis));
    } else if (kind == KIND_DISPUTE) {
        report->trade = ((const struct body_dispute *)body)->trade;
    } else if (kind == KIND_VERDICT) {
        report->trade = ((const struct body_verdict *)body)->trade;
    }
}

/* What the record is: an event's kind, or a statement's, whose signature is checked. */
static int record_describe(const struct record *record, struct tide_doc *doc, struct tide_error *error)
{
    struct body_report *report = doc->value;
    struct bytes bytes;
    const uint8_t *signature;
    uint64_t kind;

    if (record->type == RECORD_EVENT) {
        struct event event;
        if (event_decode(record->payload, doc->arena, &event) != TIDE_OK)
            return unreadable(error, "The record is no event.");
        kind = event.kind;
        decision_describe(kind, event.body, doc);
    } else {
        struct statement st;
        if (envelope_decode(record->payload, doc->arena, &bytes, &signature) != TIDE_OK ||
            statement_decode(bytes, doc->arena, &st) != TIDE_OK) {
            return unreadable(error, "The record is no statement.");
        }
        if (sign_verify(st.party, DOMAIN_STATEMENT, bytes, signature) != TIDE_OK) {
            return failed(error, "The statement in the record is not signed by its party.");
        }
        memcpy(report->party, st.party, 32);
        kind = st.kind;
        decision_describe(kind, st.body, doc);
    }
    const struct schema *schema = schema_of_kind(kind);
    report->record_kind = keep(doc, schema == NULL ? "?" : schema->name);
    return 0;
}

static int proof_report(const struct proof_file *file, const struct note_key *key, struct tide_doc *doc,
                        struct tide_error *error)
{
    struct body_report *report = doc->value;
    struct checkpoint cp;
    struct record record;
    char words[512];

    if (file->extra.len == 0) {
        return unreadable(error,
                          "The proof does not hold its record (no extra line), so there is nothing to check it with.");
    }
    int code = inclusion_check(file, key, file->extra, &cp, error);
    if (code != 0) return code;
    struct bytes copy = arena_copy(doc->arena, file->extra);
    if (copy.data == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    if (record_decode(copy, doc->arena, &record) != TIDE_OK)
        return unreadable(error, "What the proof proves is no record.");
    if (record.index != file->index) return failed(error, "The record names another index than its place in the log.");
    code = record_describe(&record, doc, error);
    if (code != 0) return code;
    report->kind = keep(doc, "proof");
    report->origin = keep(doc, cp.origin);
    report->index = file->index;
    report->time_ms = record.time_ms;
    report->size = cp.size;
    snprintf(words, sizeof words, "Record %" PRIu64 " (%.*s) is in the log %s: a checkpoint over %" PRIu64
             " records, signed by the log, covers it.", file->index, (int)report->record_kind.len,
             (const char *)report->record_kind.data, cp.origin, cp.size);
    report_words(doc, words);
    return 0;
}

/* ---- receipts ---- */

/* The settled event in the record, with the note's text. */
static int settled_check(const struct proof_file *file, struct bytes text, struct tide_doc *doc, struct record *record,
                         const struct body_settled **out, struct tide_error *error)
{
    struct event event;
    struct bytes copy = arena_copy(doc->arena, file->extra);
    if (copy.data == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    if (record_decode(copy, doc->arena, record) != TIDE_OK || record->type != RECORD_EVENT ||
        event_decode(record->payload, doc->arena, &event) != TIDE_OK) {
        return unreadable(error, "The receipt's record is no event.");
    }
    if (event.kind != KIND_SETTLED) return failed(error, "The receipt's record does not settle anything.");
    if (record->index != file->index) return failed(error, "The record names another index than its place in the log.");
    *out = event.body;
    if (!bytes_equal((*out)->text, text)) {
        return failed(error, "The text that was signed is not the text that was settled.");
    }
    return 0;
}

enum { KEY_VENDOR, KEY_BUYER, KEY_BROKER, KEY_N };

/* The keys that signed: those of the text, or what they were changed to. */
struct signers {
    uint8_t vendor[32], buyer[32];
};

static int lines_check(struct bytes note, struct bytes text, const struct signers *s, const struct note_key *log,
                       bool accepted, struct body_report *report, struct tide_error *error)
{
    struct note_key keys[KEY_N];
    struct note_result result;
    char vendor[BECH32_TEXT_MAX], buyer[BECH32_TEXT_MAX];

    bech32_encode(PARTY_PREFIX, s->vendor, vendor);
    bech32_encode(PARTY_PREFIX, s->buyer, buyer);
    if (note_key_init(vendor, NOTE_TYPE_ED25519, s->vendor, &keys[KEY_VENDOR]) != TIDE_OK ||
        note_key_init(buyer, NOTE_TYPE_ED25519, s->buyer, &keys[KEY_BUYER]) != TIDE_OK) {
        return unreadable(error, "The receipt's parties are no keys.");
    }
    keys[KEY_BROKER] = *log;
    enum tide_err err = note_verify(note, keys, KEY_N, &result);
    if (err == TIDE_EMALFORMED) return unreadable(error, "The receipt's note is not a signed note.");
    if (err != TIDE_OK) return failed(error, "A signature under the settlement text is wrong.");
    if (!bytes_equal(result.text, text)) return failed(error, "More was signed than the settlement text.");
    report->vendor_signed = result.verified[KEY_VENDOR];
    report->buyer_signed = result.verified[KEY_BUYER];
    report->broker_signed = result.verified[KEY_BROKER];
    if (!result.verified[KEY_VENDOR]) return failed(error, "The vendor's signature is missing.");
    if (accepted && !result.verified[KEY_BUYER]) {
        return failed(error, "The buyer is said to have accepted, but its signature is missing.");
    }
    return 0;
}

#define VENDOR_CHANGED " The vendor had changed its key before it signed; the log has every change."
#define BUYER_CHANGED " The buyer had changed its key before it signed; the log has every change."

static void receipt_words(struct tide_doc *doc, const struct settlement *s, uint64_t basis, const struct checkpoint *cp)
{
    static const char *const how[] = {
        [BASIS_ACCEPTED] = "the buyer accepted the delivery and signed it",
        [BASIS_DEADLINE] = "the buyer neither accepted nor disputed before the deadline",
        [BASIS_RULING] = "an arbiter ruled so",
        [BASIS_VERDICT] = "the evidence of a dispute was judged so",
    };
    const struct body_report *report = doc->value;
    char words[1024];
    snprintf(words, sizeof words,
             "Trade %" PRIu64 " of listing %" PRIu64 " is settled for %" PRIu64
             ".%02u CNY: %s. The vendor's signature is "
             "right%s%s.%s%s The log %s, at %" PRIu64 " records, contains it.",
             s->trade, s->listing, s->total / 100, (unsigned)(s->total % 100),
             basis < ARRAY_LEN(how) ? how[basis] : "?", report->buyer_signed ? ", the buyer's too" : "",
             report->broker_signed ? ", and the broker's" : "",
             report->vendor_rekeyed ? VENDOR_CHANGED : "", report->buyer_rekeyed ? BUYER_CHANGED : "", cp->origin, cp->size);
    report_words(doc, words);
}

static void receipt_fill(struct tide_doc *doc, const struct settlement *s, const struct signers *signers,
                         const struct record *record, const struct body_settled *settled, const struct checkpoint *cp)
{
    struct body_report *report = doc->value;
    report->kind = keep(doc, "receipt");
    report->record_kind = keep(doc, schema_settled.name);
    report->origin = keep(doc, cp->origin);
    report->trade = s->trade;
    report->listing = s->listing;
    report->title = arena_copy(doc->arena, s->title);
    memcpy(report->vendor, s->vendor, 32);
    memcpy(report->buyer, s->buyer, 32);
    report->quantity = s->quantity;
    report->price = s->price;
    report->total = s->total;
    report->fee = s->fee;
    report->basis = keep(doc, field_enum_name(fields_find(&schema_settled, "basis"), settled->basis));
    report->index = record->index;
    report->time_ms = record->time_ms;
    report->size = cp->size;
    report->vendor_rekeyed = memcmp(signers->vendor, s->vendor, 32) != 0;
    report->buyer_rekeyed = memcmp(signers->buyer, s->buyer, 32) != 0;
    memcpy(report->vendor_key, signers->vendor, 32);
    if (report->buyer_signed) memcpy(report->buyer_key, signers->buyer, 32);
    receipt_words(doc, s, settled->basis, cp);
}

/* The text of a note: up to and with the newline before the empty line. */
static struct bytes note_text(struct bytes note)
{
    for (size_t i = 0; i + 1 < note.len; i++) {
        if (note.data[i] == '\n' && note.data[i + 1] == '\n') return BYTES(note.data, i + 1);
    }
    return BYTES(NULL, 0);
}

static int receipt_report(const struct receipt *receipt, const struct proof_file *file, const struct note_key *key,
                          struct tide_doc *doc, struct tide_error *error)
{
    const struct body_settled *settled = NULL;
    struct settlement s;
    struct signers signers;
    struct checkpoint cp;
    struct record record;
    struct bytes text = note_text(receipt->note);

    if (text.len == 0 || settlement_parse(text, &s) != TIDE_OK) {
        return unreadable(error, "The receipt's note is not a settlement text.");
    }
    if (!bytes_equal(s.origin, BYTES_TEXT(key->name))) return failed(error, "The receipt is of another market.");
    int code = inclusion_check(file, key, file->extra, &cp, error);
    if (code == 0) code = settled_check(file, text, doc, &record, &settled, error);
    if (code == 0 && settled->trade != s.trade) code = failed(error, "The record settles another trade.");
    if (code == 0) {
        memcpy(signers.vendor, s.vendor, 32);
        memcpy(signers.buyer, s.buyer, 32);
        code = key_changes_follow(receipt, key, record.index, doc->arena, signers.vendor, signers.buyer, error);
    }
    if (code == 0) {
        code = lines_check(receipt->note, text, &signers, key, settled->basis == BASIS_ACCEPTED, doc->value, error);
    }
    if (code == 0) receipt_fill(doc, &s, &signers, &record, settled, &cp);
    return code;
}

int verify_content(struct bytes content, const struct note_key *key, struct tide_doc **report, struct tide_error *error)
{
    struct receipt receipt;
    struct proof_file file;
    *report = NULL;
    bool is_receipt = receipt_parse(content, &receipt) == TIDE_OK;
    uint8_t *scratch = malloc(NOTE_MAX);
    struct tide_doc *doc = doc_new(&schema_report);
    int code = scratch == NULL || doc == NULL ? error_set(error, OUTCOME_C_NO_MEMORY, NULL) : 0;
    if (code == 0 && proof_file_parse(is_receipt ? receipt.proof : content, scratch, NOTE_MAX, &file) != TIDE_OK) {
        code = unreadable(error, "It is neither a receipt, a certificate nor a tlog-proof.");
    }
    if (code == 0 && is_receipt && is_certificate(receipt.note) && receipt.n_changes > 0) {
        code = unreadable(error, "Something follows the certificate's proof.");
    } else if (code == 0 && is_receipt && is_certificate(receipt.note)) {
        code = certificate_report(receipt.note, &file, key, doc, error);
    } else if (code == 0) {
        code = is_receipt ? receipt_report(&receipt, &file, key, doc, error) : proof_report(&file, key, doc, error);
    }
    if (code == 0) {
        char vkey[NOTE_VKEY_MAX];
        note_key_format(key, vkey);
        ((struct body_report *)doc->value)->log_key = keep(doc, vkey);
    }
    free(scratch);
    if (code != 0) tide_doc_free(&doc);
    *report = doc;
    return code;
}

/* ---- in public ---- */
static int url_key(const char *text, struct note_key *out, struct tide_error *error)
{
    struct market_url url;
    if (market_url_parse(text, &url) != TIDE_OK ||
        note_key_init(url.origin, NOTE_TYPE_ED25519, url.log_key, out) != TIDE_OK) {
        return error_set(error, OUTCOME_C_USAGE, "That is not a market's URL (tidemark://HOST:PORT/ORIGIN?market=…).");
    }
    return 0;
}

int verify_log_key(const char *vkey, const char *market_url, struct note_key *out, struct tide_error *error)
{
    if (vkey == NULL && market_url == NULL) return error_set(error, OUTCOME_V_LOG_KEY_UNKNOWN, NULL);
    if (vkey == NULL) return url_key(market_url, out, error);
    if (note_key_parse(BYTES_TEXT(vkey), out) == TIDE_OK && out->type == NOTE_TYPE_ED25519) return 0;
    return error_set(error, OUTCOME_C_USAGE, "That is not a log's verifier key (name+hex+base64).");
}

int tide_verify(const char *path, const char *log_vkey, const char *market_url, struct tide_doc **report,
                struct tide_error *error)
{
    struct note_key key;
    struct bytes content;
    struct tide_doc *doc = NULL;
    error_clear(error);
    if (report != NULL) *report = NULL;
    if (crypto_init() != TIDE_OK) return error_set(error, OUTCOME_C_INTERNAL, "No source of randomness.");
    int code = verify_log_key(log_vkey, market_url, &key, error);
    if (code == 0) code = file_load(path, 4 * NOTE_MAX, &content, error);
    if (code != 0) return code;
    code = verify_content(content, &key, &doc, error);
    free((void *)(uintptr_t)content.data);
    if (report != NULL) *report = doc;
    else tide_doc_free(&doc);
    return code;
}

int tide_url_vkey(const char *url, char **out, struct tide_error *error)
{
    struct note_key key;
    char text[NOTE_VKEY_MAX];
    error_clear(error);
    *out = NULL;
    int code = url_key(url, &key, error);
    if (code != 0) return code;
    note_key_format(&key, text);
    *out = strdup(text);
    return *out == NULL ? error_set(error, OUTCOME_C_NO_MEMORY, NULL) : 0;
}
