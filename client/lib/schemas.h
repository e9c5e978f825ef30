/*
 * Shapes that only this side knows: a verification's report, an outbox entry, and what a sale needs to go on after an
 * interruption. Lists of fields as in storage/records.h.
 */
#ifndef TIDEMARK_CLIENT_SCHEMAS_H
#define TIDEMARK_CLIENT_SCHEMAS_H

#include "client/lib/doc.h"
#include "storage/records.h"

extern const char *const names_outbox_state[];

#define FIELDS_REPORT(F) \
    F(TEXT, kind, 0, 32, NOREF, "receipt, certificate or proof") \
    F(TEXT, record_kind, 0, 32, NOREF, "what kind of record it proves") \
    F(TEXT, origin, 0, LIMIT_ORIGIN_BYTES, NOREF, "the log") \
    F(INDEX, trade, 0, LIMIT_AMOUNT, NOREF, "receipts: the trade") \
    F(INDEX, listing, 0, LIMIT_AMOUNT, NOREF, "receipts, certificates: the listing") \
    F(TEXT, title, 0, LIMIT_TITLE_BYTES, NOREF, "receipts, certificates: its title") \
    F(PARTY, vendor, 0, 0, NOREF, "receipts, certificates: vendor") \
    F(PARTY, buyer, 0, 0, NOREF, "receipts: buyer") \
    F(U64, quantity, 0, LIMIT_AMOUNT, NOREF, "receipts: units") \
    F(MONEY, price, 0, LIMIT_AMOUNT, NOREF, "receipts: a unit") \
    F(MONEY, total, 0, LIMIT_AMOUNT, NOREF, "receipts: in all") \
    F(MONEY, fee, 0, LIMIT_AMOUNT, NOREF, "receipts: of which the market's") \
    F(TEXT, basis, 0, 16, NOREF, "receipts: why the money moved (accepted, deadline, ruling)") \
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
    F(BOOL, buyer_rekeyed, 0, 1, NOREF, "receipts: the buyer had changed its key before it signed")
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

struct body_report { FIELDS_REPORT(FIELD_AS_MEMBER) };
struct body_outbox_entry { FIELDS_OUTBOX_ENTRY(FIELD_AS_MEMBER) };
struct body_sale { FIELDS_SALE(FIELD_AS_MEMBER) };

#endif
