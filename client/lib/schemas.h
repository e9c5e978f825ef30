/*
 * Shapes that only this side knows: a verification's report, an outbox entry, and what a sale needs to go on after an
 * interruption. Lists of fields as in storage/records.h.
 */
#ifndef TIDEMARK_CLIENT_SCHEMAS_H
#define TIDEMARK_CLIENT_SCHEMAS_H

#include "client/lib/doc.h"
#include "crypto/age.h"
#include "crypto/note.h"
#include "storage/records.h"

extern const char *const names_outbox_state[];

#define FIELDS_REPORT(F) \
    F(TEXT, kind, 0, 32, NOREF, "receipt, certificate or proof") \
    F(TEXT, record_kind, 0, 32, NOREF, "what kind of record it proves") \
    F(TEXT, origin, 0, LIMIT_ORIGIN_BYTES, NOREF, "the log") \
    F(INDEX, trade, 0, LIMIT_AMOUNT, NOREF, "receipts, and proofs of what decided about one: the trade") \
    F(INDEX, listing, 0, LIMIT_AMOUNT, NOREF, "receipts, certificates: the listing") \
    F(TEXT, title, 0, LIMIT_TITLE_BYTES, NOREF, "receipts, certificates: its title") \
    F(PARTY, vendor, 0, 0, NOREF, "receipts, certificates: vendor") \
    F(PARTY, buyer, 0, 0, NOREF, "receipts: buyer") \
    F(U64, quantity, 0, LIMIT_AMOUNT, NOREF, "receipts: units") \
    F(MONEY, price, 0, LIMIT_AMOUNT, NOREF, "receipts: a unit") \
    F(MONEY, total, 0, LIMIT_AMOUNT, NOREF, "receipts: in all") \
    F(MONEY, fee, 0, LIMIT_AMOUNT, NOREF, "receipts: of which the market's") \
    F(TEXT, basis, 0, 16, NOREF, "receipts, and proofs of a settlement or a refund: why the money moved (accepted, deadline, ruling, verdict)") \
    F(U64, certificate, 0, LIMIT_AMOUNT, NOREF, "certificates: the number") \
    F(TEXT, listing_kind, 0, 16, NOREF, "certificates: what is offered") \
    F(TEXT, class, 0, 16, NOREF, "certificates: its data class") \
    F(PARTY, reviewer, 0, 0, NOREF, "certificates: who approved it") \
    F(TIME, registered, 0, LIMIT_AMOUNT, NOREF, "certificates: when") \
    F(PARTY, party, 0, 0, NOREF, "proofs of a statement: who signed it") \
    F(INDEX, index, 0, LIMIT_AMOUNT, NOREF, "the record") \
    F(TIME, time_ms, 0, LIMIT_AMOUNT, NOREF, "its time") \
    F(U64, size, 0, LIMIT_AMOUNT, NOREF, "records the checkpoint covers") \
    F(BOOL, vendor_signed, 0, 1, NOREF, "the vendor's line is there and right") \
    F(BOOL, buyer_signed, 0, 1, NOREF, "the buyer's line is there and right") \
    F(BOOL, broker_signed, 0, 1, NOREF, "the broker's line is there and right") \
    F(TEXT, words, 0, 1024, NOREF, "the same in words") \
    F(BOOL, vendor_rekeyed, 0, 1, NOREF, "receipts: the vendor had changed its key before it signed") \
    F(BOOL, buyer_rekeyed, 0, 1, NOREF, "receipts: the buyer had changed its key before it signed") \
    F(PARTY, vendor_key, 0, 0, NOREF, "receipts: the key of the vendor's line") \
    F(PARTY, buyer_key, 0, 0, NOREF, "receipts: the key of the buyer's line, if there is one") \
    F(TEXT, log_key, 0, NOTE_VKEY_MAX, NOREF, "the log's verifier key, which everything was checked with")
#define FIELDS_OUTBOX_ENTRY(F) \
    F(ID16, command_id, 0, 0, NOREF, "command id") \
    F(TEXT, kind, 0, 32, NOREF, "statement kind") \
    F(ENUM, state, 0, 3, names_outbox_state, "what is known of it") \
    F(TIME, signed_at, 0, LIMIT_AMOUNT, NOREF, "when it was signed") \
    F(INDEX, first_index, 0, LIMIT_AMOUNT, NOREF, "its record, once accepted") \
    F(INDEX, next_index, 0, LIMIT_AMOUNT, NOREF, "one past its last event; 0: not known") \
    F(U64, code, 0, 999, NOREF, "why it was refused")
#define FIELDS_SALE(F) \
    F(U64, plaintext_len, 0, LIMIT_AMOUNT, NOREF, "bytes before sealing") \
    F(U64, n_chunks, 0, LIMIT_AMOUNT, NOREF, "sealed chunks") \
    F(U64, payload_len, 0, LIMIT_AMOUNT, NOREF, "bytes as stored") \
    F(ID16, nonce, 0, 0, NOREF, "payload nonce") \
    F(HASH, content_root, 0, 0, NOREF, "content root") \
    F(HASH, key_commitment, 0, 0, NOREF, "key commitment") \
    F(INDEX, listing, 0, LIMIT_AMOUNT, NOREF, "the listing, once accepted")

#define FIELDS_DELIVERED(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "which trade") \
    F(ENUM, finding, 0, FINDING_SAMPLE_MISMATCH, names_finding, "what a judge would find; not_proven: nothing is wrong") \
    F(U64, chunk, 0, LIMIT_AMOUNT, NOREF, "of which chunk; they count from 0") \
    F(U64, n_chunks, 0, LIMIT_AMOUNT, NOREF, "chunks in all") \
    F(U64, n_checked, 0, LIMIT_AMOUNT, NOREF, "chunks that were looked at") \
    F(U64, samples, 0, LIMIT_SAMPLES, NOREF, "chunks that the vendor signed as samples") \
    F(U64, fetched_chunks, 0, LIMIT_AMOUNT, NOREF, "chunks that came over the wire for it") \
    F(U64, fetched_bytes, 0, LIMIT_AMOUNT, NOREF, "their sealed bytes") \
    F(TEXT, words, 0, 200, NOREF, "the finding in words") \
    F(TEXT, reveals, 0, 200, NOREF, "what a dispute of it shows those who judge; empty: nothing is wrong")
#define FIELDS_SHOWN_CHUNK(F) \
    F(U64, chunk, 0, LIMIT_AMOUNT, NOREF, "which chunk; they count from 0") \
    F(U64, offset, 0, LIMIT_AMOUNT, NOREF, "where it begins in the content") \
    F(U64, len, 0, AGE_CHUNK_BYTES, NOREF, "its bytes") \
    F(HASH, hash, 1, 0, NOREF, "SHA-256 of them, as the vendor signed it")
#define FIELDS_SHOWN_SAMPLE(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "whose samples") \
    F(PARTY, signer, 1, 0, NOREF, "the vendor's key that signed them") \
    F(INDEX, sampled, 0, LIMIT_AMOUNT, NOREF, "the statement's record, as the broker says") \
    F(U64, n_chunks, 0, LIMIT_AMOUNT, NOREF, "chunks of the content in all") \
    F(U64, bytes, 0, LIMIT_AMOUNT, NOREF, "bytes of the samples in all") \
    F(LIST, chunks, 0, LIMIT_SAMPLES, schema_shown_chunk, "the chunks, in ascending order, as they lie in the file")
#define FIELDS_MIRROR(F) \
    F(TEXT, origin, 0, LIMIT_ORIGIN_BYTES, NOREF, "the log") \
    F(U64, size, 0, LIMIT_AMOUNT, NOREF, "records that the mirror has, all under its checkpoint") \
    F(U64, added, 0, LIMIT_AMOUNT, NOREF, "of which this run fetched so many") \
    F(U64, evidence, 0, LIMIT_AMOUNT, NOREF, "evidence of disputes that this run fetched") \
    F(U64, wanted, 0, LIMIT_AMOUNT, NOREF, "disputes whose evidence the broker does not have") \
    F(U64, wrong, 0, LIMIT_AMOUNT, NOREF, "of which it gave other bytes than the dispute names")
#define FIELDS_ALARM(F) \
    F(INDEX, record, 0, LIMIT_AMOUNT, NOREF, "which record is wrong") \
    F(INDEX, trade, 0, LIMIT_AMOUNT, NOREF, "about which trade; 0: none") \
    F(TEXT, words, 0, 512, NOREF, "what is wrong")
#define FIELDS_JUDGED(F) \
    F(INDEX, trade, 0, LIMIT_AMOUNT, NOREF, "the disputed trade") \
    F(INDEX, dispute, 0, LIMIT_AMOUNT, NOREF, "the buyer's dispute") \
    F(INDEX, verdict, 0, LIMIT_AMOUNT, NOREF, "the broker's verdict; 0: none yet") \
    F(ENUM, stated, 0, FINDING_SAMPLE_MISMATCH, names_finding, "what the verdict found") \
    F(ENUM, judged, 0, FINDING_SAMPLE_MISMATCH, names_finding, "what the evidence shows, judged again; none: it was not judged") \
    F(ENUM, outcome, 0, JUDGED_OPEN, names_judged, "how the two compare")
#define FIELDS_CHECKED(F) \
    F(TEXT, origin, 0, LIMIT_ORIGIN_BYTES, NOREF, "the log") \
    F(U64, size, 0, LIMIT_AMOUNT, NOREF, "records, all of them leaves of the signed root") \
    F(U64, statements, 0, LIMIT_AMOUNT, NOREF, "statements, of which every signature was checked") \
    F(U64, signatures, 0, LIMIT_AMOUNT, NOREF, "signatures checked: statements, those they carry, settlement notes") \
    F(U64, settlements, 0, LIMIT_AMOUNT, NOREF, "settlement texts (settled and refunded) checked") \
    F(U64, right, 0, LIMIT_AMOUNT, NOREF, "disputes whose verdict is what the evidence shows") \
    F(U64, unjudged, 0, LIMIT_AMOUNT, NOREF, "disputes that could not be judged again here") \
    F(U64, false_verdicts, 0, LIMIT_AMOUNT, NOREF, "disputes whose verdict is another") \
    F(U64, n_alarms, 0, LIMIT_AMOUNT, NOREF, "alarms, those not listed included") \
    F(LIST, disputes, 0, CHECK_DISPUTES_MAX, schema_judged, "every dispute, the first ones if there are very many") \
    F(LIST, alarms, 0, CHECK_ALARMS_MAX, schema_alarm, "what is wrong, the first ones")

/* How a verdict compares with what is judged again; false ones, and evidence that is not what was judged, are alarms. */
enum judged {
    JUDGED_RIGHT, JUDGED_FALSE, JUDGED_MISSING, /* no evidence here, although the verdict judged some */
    JUDGED_CHANGED, /* evidence here that the dispute does not name */
    JUDGED_NOT_SEALED_TO_YOU, JUDGED_NO_IDENTITY, JUDGED_OPEN /* no verdict yet */
};
extern const char *const names_judged[];
#define CHECK_ALARMS_MAX 256u
#define CHECK_DISPUTES_MAX 65536u

struct body_mirror { FIELDS_MIRROR(FIELD_AS_MEMBER) };
struct body_alarm { FIELDS_ALARM(FIELD_AS_MEMBER) };
struct body_judged { FIELDS_JUDGED(FIELD_AS_MEMBER) };
struct body_checked { FIELDS_CHECKED(FIELD_AS_MEMBER) };
extern const struct schema schema_alarm, schema_judged;

struct body_report { FIELDS_REPORT(FIELD_AS_MEMBER) };
struct body_outbox_entry { FIELDS_OUTBOX_ENTRY(FIELD_AS_MEMBER) };
struct body_sale { FIELDS_SALE(FIELD_AS_MEMBER) };
struct body_delivered { FIELDS_DELIVERED(FIELD_AS_MEMBER) };
struct body_shown_chunk { FIELDS_SHOWN_CHUNK(FIELD_AS_MEMBER) };
struct body_shown_sample { FIELDS_SHOWN_SAMPLE(FIELD_AS_MEMBER) };
extern const struct schema schema_delivered, schema_shown_chunk, schema_shown_sample;

#endif
