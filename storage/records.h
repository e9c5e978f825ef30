/*
 * What can be said in a market: the statements parties sign and the events that follow from them, each with one list
 * of fields (docs/protocol.md is printed from these lists). A list becomes a C struct here and a table of fields in
 * records.c.
 *
 *     F(type, member, min, max, names or sub-schema, what it is)
 */
#ifndef TIDEMARK_STORAGE_RECORDS_H
#define TIDEMARK_STORAGE_RECORDS_H

#include "storage/fields.h"

#define NOREF 0

/* Names of enumerations, NULL-terminated; the position is the value. */
extern const char *const names_role[];          /* flags */
extern const char *const names_listing_kind[];
extern const char *const names_class[];
extern const char *const names_listing_state[];
extern const char *const names_side[];
extern const char *const names_order_type[];
extern const char *const names_tif[];
extern const char *const names_account[];
extern const char *const names_parameter[];
extern const char *const names_verdict[];       /* a review's */
extern const char *const names_close_reason[];
extern const char *const names_basis[];
extern const char *const names_trade_state[];
extern const char *const names_work[];
extern const char *const names_payout[];        /* what became of a withdrawal */
extern const char *const names_withdrawal_state[];
extern const char *const names_ruling[];
extern const char *const names_programme_state[];
extern const char *const names_party_state[];
extern const char *const names_signed[];        /* whose signed statement of a trade */
extern const char *const names_finding[];       /* what a dispute came to */
extern const char *const names_part[];          /* of what a listing has in the store */

enum role {
    ROLE_VENDOR = 1, ROLE_BUYER = 2, ROLE_REVIEWER = 4, ROLE_BANK = 8,
    ROLE_ISSUER = 16, ROLE_ARBITER = 32, ROLE_OPERATOR = 64, ROLE_REGULATOR = 128,
    ROLE_ALL = 255
};
enum listing_kind { LISTING_DATASET, LISTING_MODEL, LISTING_REPORT, LISTING_API, LISTING_COMPUTE };
#define LISTING_KINDS_ALL 31u /* as a bit set */
enum data_class { CLASS_GENERAL, CLASS_IMPORTANT, CLASS_CORE };
enum listing_state {
    LISTING_NONE, LISTING_AWAITING, /* content is not completely stored yet */
    LISTING_PENDING, LISTING_SAMPLING, LISTING_OPEN, LISTING_HALTED, LISTING_REFUSED, LISTING_CLOSED
};
enum side { SIDE_BID, SIDE_ASK };
enum order_type { ORDER_LIMIT, ORDER_MARKET };
enum tif { TIF_GTC, TIF_GTD, TIF_IOC, TIF_FOK };
enum account { ACCOUNT_AVAILABLE, ACCOUNT_HELD, ACCOUNT_ESCROW, ACCOUNT_FEES, ACCOUNT_FLOAT, ACCOUNT_ISSUED };
enum parameter {
    PARAM_FEE_DATASET_BP, PARAM_FEE_MODEL_BP, PARAM_FEE_REPORT_BP, PARAM_FEE_API_BP, PARAM_FEE_COMPUTE_BP,
    PARAM_GRANT_MS, PARAM_ACCEPT_MS, PARAM_ACCEPT_MS_PER_10GIB, PARAM_CLAIM_MS, PARAM_STATEMENT_MS,
    PARAM_COLLAR_BP, PARAM_CLAIM_BOND_FEN, PARAM_OUTAGE_MS, PARAM_REKEY_MS, PARAM_VOUCHER_HOLD_MS,
    PARAM_VENDOR_LISTINGS_MAX, PARAM_VENDOR_BYTES_MAX, PARAM_N
};
enum review_verdict { REVIEW_APPROVE, REVIEW_REFUSE };
enum close_reason { CLOSE_CANCELLED, CLOSE_EXPIRED, CLOSE_LISTING_CLOSED, CLOSE_SUSPENDED, CLOSE_SELF_TRADE, CLOSE_UNFILLED };
enum basis { BASIS_ACCEPTED, BASIS_DEADLINE, BASIS_RULING, BASIS_VERDICT };
enum trade_state { TRADE_NONE, TRADE_MATCHED, TRADE_GRANTED, TRADE_DISPUTED, TRADE_CLAIMED, TRADE_SETTLED, TRADE_REFUNDED };
/* What a `continue` goes on with; WORK_DRAW is the one that `drawn` ends. */
enum work { WORK_NONE, WORK_MATCH, WORK_CLOSE_LISTING, WORK_SUSPEND, WORK_RESUME_LISTING, WORK_END_PROGRAMME, WORK_DRAW };
enum payout { PAYOUT_PAID, PAYOUT_RETURNED };
enum withdrawal_state { WITHDRAWAL_NONE, WITHDRAWAL_HELD, WITHDRAWAL_PAID, WITHDRAWAL_RETURNED };
enum ruling { RULING_SETTLE, RULING_REFUND };
enum programme_state { PROGRAMME_NONE, PROGRAMME_OPEN, PROGRAMME_ENDED };
enum signed_part { SIGNED_BID, SIGNED_ASK, SIGNED_LISTING, SIGNED_BID_REPLACED, SIGNED_ASK_REPLACED };
/* In the order in which they are looked for (storage/judge.h); vendor at fault from GRANT_UNREADABLE on. */
enum finding {
    FINDING_NONE, FINDING_NOT_PROVEN, FINDING_EVIDENCE_MISSING, FINDING_EVIDENCE_INVALID,
    FINDING_GRANT_UNREADABLE, FINDING_WRONG_KEY, FINDING_BAD_CIPHERTEXT, FINDING_SAMPLE_MISMATCH
};
enum part { PART_CONTENT, PART_DETAIL };
enum party_state { PARTY_UNKNOWN, PARTY_WAITING, PARTY_ACTIVE, PARTY_SUSPENDED };

/* ---- parts used in several bodies ---- */
#define FIELDS_POSTING(F) \
    F(PARTY, party, 0, 0, NOREF, "whose account; absent: the market's own") \
    F(ENUM, account, 0, ACCOUNT_ISSUED, names_account, "which of its accounts") \
    F(INDEX, asset, 0, LIMIT_AMOUNT, NOREF, "0: CNY; otherwise the voucher programme") \
    F(I64, amount, 0, LIMIT_AMOUNT, NOREF, "minor units added (or, negative, taken)")
#define FIELDS_PARAMETER(F) \
    F(ENUM, parameter, 0, PARAM_N - 1, names_parameter, "which parameter") \
    F(U64, value, 0, LIMIT_AMOUNT, NOREF, "its value, in the unit its name ends with")
#define FIELDS_OPERATOR(F) \
    F(PARTY, party, 1, 0, NOREF, "the operator's signing key") \
    F(TEXT, name, 1, LIMIT_NAME_BYTES, NOREF, "its name") \
    F(RECIPIENT, seal_key, 1, 0, NOREF, "its sealing key") \
    F(HASH, wire_key, 1, 0, NOREF, "its CURVE key")
#define FIELDS_KEYWORD(F) \
    F(TEXT, word, 1, 64, NOREF, "a keyword")
#define FIELDS_SAMPLE_CHUNK(F) \
    F(U64, chunk, 0, LIMIT_AMOUNT, NOREF, "which chunk") \
    F(HASH, hash, 1, 0, NOREF, "SHA-256 of its plaintext")
#define FIELDS_COLUMN(F) \
    F(TEXT, name, 1, 128, NOREF, "the column's name") \
    F(TEXT, type, 1, 32, NOREF, "its type, as the vendor calls it")

/* ---- statements ---- */
#define FIELDS_GENESIS(F) \
    F(TEXT, name, 1, LIMIT_NAME_BYTES, NOREF, "the market's name") \
    F(TEXT, origin, 1, LIMIT_ORIGIN_BYTES, NOREF, "the log's origin (C2SP checkpoint)") \
    F(U64, rules, 1, 1, NOREF, "the law in force") \
    F(HASH, log_key, 1, 0, NOREF, "Ed25519 key that signs checkpoints") \
    F(HASH, wire_key, 1, 0, NOREF, "CURVE key of the doors") \
    F(RECIPIENT, seal_key, 1, 0, NOREF, "what is sealed to the broker goes to this recipient") \
    F(HASH, previous_market, 0, 0, NOREF, "the market this one goes on from, if any") \
    F(U64, previous_size, 0, LIMIT_AMOUNT, NOREF, "size of its last head") \
    F(HASH, previous_root, 0, 0, NOREF, "root of its last head") \
    F(LIST, operators, 2, 16, schema_operator, "the first operators") \
    F(LIST, parameters, 0, PARAM_N, schema_parameter, "parameters that differ from their defaults")
#define FIELDS_ENROL(F) \
    F(TEXT, name, 1, LIMIT_NAME_BYTES, NOREF, "the organisation's name") \
    F(FLAGS, roles, 1, ROLE_ALL, names_role, "roles asked for") \
    F(TEXT, jurisdiction, 0, 8, NOREF, "where it is established, ISO 3166") \
    F(RECIPIENT, seal_key, 1, 0, NOREF, "its sealing key") \
    F(HASH, wire_key, 1, 0, NOREF, "its CURVE key") \
    F(HASH, card_hash, 0, 0, NOREF, "salted hash of its contact card, which stays outside the journal")
#define FIELDS_ADMIT(F) \
    F(BIN, request, 1, 4096, NOREF, "the envelope of the party's own enrol statement") \
    F(FLAGS, roles, 1, ROLE_ALL, names_role, "roles given: a subset of those asked for") \
    F(TEXT, group, 0, 64, NOREF, "legal group; no trade within one") \
    F(TEXT, jurisdiction, 0, 8, NOREF, "as the operator established it")
#define FIELDS_SUSPEND(F) \
    F(PARTY, party, 1, 0, NOREF, "who is suspended") \
    F(TEXT, reason, 1, 1024, NOREF, "why")
#define FIELDS_DEPOSIT(F) \
    F(PARTY, party, 1, 0, NOREF, "whose account is credited") \
    F(MONEY, amount, 1, LIMIT_AMOUNT, NOREF, "how much, in fen") \
    F(TEXT, reference, 1, 64, NOREF, "the bank's own reference, never used twice")
#define FIELDS_PUBLISH(F) \
    F(ENUM, kind, 0, LISTING_COMPUTE, names_listing_kind, "what is offered") \
    F(TEXT, title, 1, LIMIT_TITLE_BYTES, NOREF, "no control characters") \
    F(TEXT, unit, 0, 32, NOREF, "what one unit is, e.g. PFLOPS·month; empty: a licence") \
    F(TEXT, summary, 0, 4096, NOREF, "what it is, in some sentences") \
    F(TEXT, category, 0, 64, NOREF, "e.g. transport") \
    F(LIST, keywords, 0, 16, schema_keyword, "words to be found by") \
    F(TEXT, media_type, 0, 96, NOREF, "e.g. text/csv") \
    F(LIST, columns, 0, 128, schema_column, "the table's columns") \
    F(U64, rows, 0, LIMIT_AMOUNT, NOREF, "number of rows") \
    F(TIME, time_from, 0, LIMIT_AMOUNT, NOREF, "first moment covered") \
    F(TIME, time_to, 0, LIMIT_AMOUNT, NOREF, "last moment covered") \
    F(TEXT, place, 0, 64, NOREF, "place covered") \
    F(TEXT, update_cycle, 0, 32, NOREF, "e.g. daily") \
    F(INDEX, revises, 0, LIMIT_AMOUNT, NOREF, "the earlier listing this one is a revision of") \
    F(HASH, right_holding, 0, 0, NOREF, "document of the right to hold") \
    F(HASH, right_processing, 0, 0, NOREF, "document of the right to process") \
    F(HASH, right_operating, 0, 0, NOREF, "document of the right to operate (sell products of) the data") \
    F(ENUM, class, 0, CLASS_CORE, names_class, "data class") \
    F(HASH, assessment, 0, 0, NOREF, "security assessment, needed for important data") \
    F(BOOL, personal_data, 0, 1, NOREF, "whether it holds personal data") \
    F(TEXT, legal_basis, 0, 256, NOREF, "needed for personal data") \
    F(TEXT, jurisdictions, 0, 64, NOREF, "where it may be used: ISO 3166 codes with spaces between; empty: anywhere") \
    F(TEXT, purposes, 0, 128, NOREF, "allowed purposes, spaces between; empty: any") \
    F(TEXT, terms, 0, LIMIT_TERMS_BYTES, NOREF, "the usage terms, which a bid accepts by their SHA-256") \
    F(U64, plaintext_len, 0, LIMIT_AMOUNT, NOREF, "content: bytes before sealing") \
    F(U64, n_chunks, 0, LIMIT_AMOUNT, NOREF, "content: sealed chunks") \
    F(U64, payload_len, 0, LIMIT_AMOUNT, NOREF, "content: bytes as stored, nonce included") \
    F(ID16, nonce, 0, 0, NOREF, "content: the age payload's nonce") \
    F(HASH, content_root, 0, 0, NOREF, "content: Merkle root over its sealed chunks") \
    F(HASH, key_commitment, 0, 0, NOREF, "content: commitment to file key and nonce") \
    F(U64, samples, 0, LIMIT_SAMPLES, NOREF, "chunks that the vendor will show in clear; the log draws which") \
    F(U64, detail_len, 0, LIMIT_DETAIL_BYTES, NOREF, "sealed detail part: bytes before sealing") \
    F(ID16, detail_nonce, 0, 0, NOREF, "sealed detail part: the age payload's nonce") \
    F(HASH, detail_root, 0, 0, NOREF, "sealed detail part: Merkle root over its sealed chunks") \
    F(HASH, detail_commitment, 0, 0, NOREF, "sealed detail part: commitment to its file key and nonce") \
    F(TEXT, location, 0, LIMIT_LOCATION_BYTES, NOREF, "https address of the payload, nonce first, on the vendor's own server; empty: in the market's store")
#define FIELDS_STORED(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "the listing whose ciphertext, or samples, are completely there and verified")
#define FIELDS_REVIEW(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "which listing") \
    F(ENUM, verdict, 0, REVIEW_REFUSE, names_verdict, "approved or refused") \
    F(TEXT, reasons, 0, 4096, NOREF, "why; needed for a refusal")
#define FIELDS_CLOSE(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "the vendor's listing to close for good")
#define FIELDS_ORDER(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "what is bid for or offered") \
    F(ENUM, side, 0, SIDE_ASK, names_side, "bid or ask") \
    F(ENUM, type, 0, ORDER_MARKET, names_order_type, "limit or market") \
    F(MONEY, price, 0, LIMIT_AMOUNT, NOREF, "limit a unit, in fen") \
    F(U64, quantity, 0, LIMIT_AMOUNT, NOREF, "units or licences; 0 for an unlimited ask") \
    F(BOOL, unlimited, 0, 1, NOREF, "an ask that never runs out") \
    F(ENUM, tif, 0, TIF_FOK, names_tif, "time in force") \
    F(TIME, expires_at, 0, LIMIT_AMOUNT, NOREF, "for gtd") \
    F(BOOL, post_only, 0, 1, NOREF, "refused if it would trade at once") \
    F(MONEY, budget, 0, LIMIT_AMOUNT, NOREF, "market bids: the most it may spend") \
    F(RECIPIENT, recipient, 0, 0, NOREF, "bids: one-time recipient of the grant") \
    F(HASH, terms_hash, 0, 0, NOREF, "bids: SHA-256 of the usage terms accepted") \
    F(TEXT, purpose, 0, 32, NOREF, "bids: what for") \
    F(INDEX, voucher, 0, LIMIT_AMOUNT, NOREF, "bids: voucher programme to pay a share from")
#define FIELDS_ORDER_BATCH(F) \
    F(LIST, orders, 1, LIMIT_BATCH_ORDERS, schema_order, "decided one after the other")
#define FIELDS_CANCEL(F) \
    F(INDEX, order, 1, LIMIT_AMOUNT, NOREF, "one's own resting order")
#define FIELDS_GRANT(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "which trade") \
    F(BIN, grant, 1, LIMIT_GRANT_BYTES, NOREF, "the age header (or the credential's whole age file) for the bid's recipient") \
    F(SIG, signature, 1, 0, NOREF, "the vendor's over the settlement text")
#define FIELDS_ACCEPT(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "which trade") \
    F(SIG, signature, 1, 0, NOREF, "the buyer's over the settlement text")
#define FIELDS_REINSTATE(F) \
    F(PARTY, party, 1, 0, NOREF, "who may go on") \
    F(TEXT, reason, 1, 1024, NOREF, "why")
#define FIELDS_REGROUP(F) \
    F(PARTY, party, 1, 0, NOREF, "whose") \
    F(TEXT, group, 0, 64, NOREF, "legal group from now on; empty: none") \
    F(TEXT, jurisdiction, 0, 8, NOREF, "jurisdiction from now on") \
    F(TEXT, reason, 1, 1024, NOREF, "why")
#define FIELDS_NEW_KEYS(F) \
    F(PARTY, party, 1, 0, NOREF, "the key in force of the party whose keys these become; who signs this is the new one") \
    F(RECIPIENT, seal_key, 1, 0, NOREF, "its new sealing key") \
    F(HASH, wire_key, 1, 0, NOREF, "its new CURVE key")
#define FIELDS_REKEY(F) \
    F(BIN, request, 1, 4096, NOREF, "the envelope of the `new_keys` statement, signed by the new key")
#define FIELDS_REPLACE_KEYS(F) \
    F(PARTY, party, 1, 0, NOREF, "who lost its key") \
    F(BIN, request, 1, 4096, NOREF, "the envelope of its `new_keys` statement, signed by the new key") \
    F(TEXT, reason, 1, 1024, NOREF, "how the operator knows it is theirs")
#define FIELDS_STOP_REKEY(F) \
    F(PARTY, party, 1, 0, NOREF, "whose announced change of keys is stopped")
#define FIELDS_CARD(F) \
    F(HASH, card_hash, 0, 0, NOREF, "SHA-256(salt ‖ card) of its contact card; absent: none")
#define FIELDS_WITHDRAW(F) \
    F(MONEY, amount, 1, LIMIT_AMOUNT, NOREF, "how much, in fen") \
    F(TEXT, destination, 1, 128, NOREF, "where to, as agreed with the bank; no person's name")
#define FIELDS_PAYOUT(F) \
    F(INDEX, withdrawal, 1, LIMIT_AMOUNT, NOREF, "the `withdrawn` record it answers") \
    F(ENUM, result, 0, PAYOUT_RETURNED, names_payout, "paid, or it came back") \
    F(TEXT, reference, 1, 64, NOREF, "the bank's own reference, never used twice")
#define FIELDS_HALT(F) \
    F(INDEX, listing, 0, LIMIT_AMOUNT, NOREF, "which; 0: the whole market") \
    F(TEXT, reason, 1, 1024, NOREF, "why")
#define FIELDS_RESUME(F) \
    F(INDEX, listing, 0, LIMIT_AMOUNT, NOREF, "which; 0: the whole market")
#define FIELDS_PARAMETERS(F) \
    F(LIST, parameters, 1, PARAM_N, schema_parameter, "what changes, each at most once") \
    F(TEXT, reason, 1, 1024, NOREF, "why")
#define FIELDS_REPLACE(F) \
    F(INDEX, order, 1, LIMIT_AMOUNT, NOREF, "one's own resting order") \
    F(MONEY, price, 1, LIMIT_AMOUNT, NOREF, "its limit from now on") \
    F(U64, quantity, 0, LIMIT_AMOUNT, NOREF, "units wanted from now on; 0 for an unlimited ask")
#define FIELDS_PROGRAMME(F) \
    F(TEXT, name, 1, LIMIT_NAME_BYTES, NOREF, "the programme's name") \
    F(FLAGS, kinds, 1, LISTING_KINDS_ALL, names_listing_kind, "what it may be spent on") \
    F(U64, share_bp, 1, 10000, NOREF, "the share of a price it pays, in basis points") \
    F(MONEY, top_price, 1, LIMIT_AMOUNT, NOREF, "price of a unit up to which it pays its share") \
    F(MONEY, cap_party, 1, LIMIT_AMOUNT, NOREF, "the most one party is given") \
    F(MONEY, fund, 1, LIMIT_AMOUNT, NOREF, "all of it, set aside from the issuer's CNY at once") \
    F(TIME, ends_at, 1, LIMIT_AMOUNT, NOREF, "what is not spent then goes back to the issuer")
#define FIELDS_GIVE(F) \
    F(INDEX, programme, 1, LIMIT_AMOUNT, NOREF, "from which programme") \
    F(PARTY, party, 1, 0, NOREF, "to whom") \
    F(MONEY, amount, 1, LIMIT_AMOUNT, NOREF, "how much")
#define FIELDS_CLAIM(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "which trade") \
    F(HASH, reasons, 1, 0, NOREF, "SHA-256 of the buyer's reasons")
#define FIELDS_RULING(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "which trade") \
    F(ENUM, ruling, 0, RULING_REFUND, names_ruling, "who is right: settle (the vendor) or refund (the buyer)") \
    F(HASH, reasons, 1, 0, NOREF, "SHA-256 of the arbiter's reasons")
#define FIELDS_ARBITER(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "which trade's claim") \
    F(PARTY, arbiter, 1, 0, NOREF, "who is to rule now")
#define FIELDS_SAMPLE(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "which listing") \
    F(LIST, chunks, 1, LIMIT_SAMPLES, schema_sample_chunk, "the chunks drawn, in the order drawn")
#define FIELDS_DRAWN(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "whose samples") \
    F(HASH, root, 1, 0, NOREF, "the log's root at the size of the approval's index + 1")
#define FIELDS_TICK(F) \
    F(U64, outage_ms, 0, LIMIT_AMOUNT, NOREF, "time the broker was down before this, if longer than its parameter")
#define FIELDS_CONTINUE(F) \
    F(ENUM, work, 1, WORK_END_PROGRAMME, names_work, "what goes on") \
    F(INDEX, subject, 0, LIMIT_AMOUNT, NOREF, "the order, the listing, the programme, or the party's `admitted` event")

#define FIELDS_DISPUTE(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "which trade") \
    F(HASH, evidence, 1, 0, NOREF, "SHA-256 of the sealed evidence, which the store has (docs/formats.md)")
#define FIELDS_VERDICT(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "which trade") \
    F(ENUM, finding, 1, FINDING_SAMPLE_MISMATCH, names_finding, "what the evidence shows") \
    F(U64, chunk, 0, LIMIT_AMOUNT, NOREF, "of which chunk; 0 where it is about none")
#define FIELDS_DISCLOSE(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "whose sealed detail part") \
    F(PARTY, party, 1, 0, NOREF, "who may read it") \
    F(BIN, grant, 168, 168, NOREF, "the age header for that party's sealing key")
/* ---- events ---- */
#define FIELDS_OPENED(F) \
    F(TEXT, name, 1, LIMIT_NAME_BYTES, NOREF, "the market's name") \
    F(TEXT, origin, 1, LIMIT_ORIGIN_BYTES, NOREF, "the log's origin") \
    F(U64, rules, 1, 1, NOREF, "the law in force") \
    F(PARTY, broker, 1, 0, NOREF, "the broker's own party") \
    F(HASH, log_key, 1, 0, NOREF, "its log key") \
    F(HASH, wire_key, 1, 0, NOREF, "its CURVE key") \
    F(RECIPIENT, seal_key, 1, 0, NOREF, "its recipient") \
    F(LIST, parameters, PARAM_N, PARAM_N, schema_parameter, "every parameter")
#define FIELDS_ADMITTED(F) \
    F(PARTY, party, 1, 0, NOREF, "who") \
    F(TEXT, name, 1, LIMIT_NAME_BYTES, NOREF, "name") \
    F(FLAGS, roles, 1, ROLE_ALL, names_role, "roles") \
    F(TEXT, group, 0, 64, NOREF, "legal group") \
    F(TEXT, jurisdiction, 0, 8, NOREF, "jurisdiction") \
    F(RECIPIENT, seal_key, 1, 0, NOREF, "sealing key") \
    F(HASH, wire_key, 1, 0, NOREF, "CURVE key") \
    F(HASH, card_hash, 0, 0, NOREF, "salted hash of its contact card")
#define FIELDS_SUSPENDED(F) \
    F(PARTY, party, 1, 0, NOREF, "who")
#define FIELDS_DEPOSITED(F) \
    F(PARTY, party, 1, 0, NOREF, "whose account") \
    F(MONEY, amount, 1, LIMIT_AMOUNT, NOREF, "how much") \
    F(PARTY, bank, 1, 0, NOREF, "which bank") \
    F(TEXT, reference, 1, 64, NOREF, "the bank's reference") \
    F(LIST, postings, 2, 2, schema_posting, "money moved")
#define FIELDS_LISTED(F) \
    F(PARTY, vendor, 1, 0, NOREF, "who lists") \
    F(ENUM, kind, 0, LISTING_COMPUTE, names_listing_kind, "what") \
    F(TEXT, title, 1, LIMIT_TITLE_BYTES, NOREF, "title") \
    F(TEXT, unit, 0, 32, NOREF, "what one unit is") \
    F(TEXT, summary, 0, 4096, NOREF, "summary") \
    F(TEXT, category, 0, 64, NOREF, "category") \
    F(LIST, keywords, 0, 16, schema_keyword, "words to be found by") \
    F(TEXT, place, 0, 64, NOREF, "place covered") \
    F(TIME, time_from, 0, LIMIT_AMOUNT, NOREF, "first moment covered") \
    F(TIME, time_to, 0, LIMIT_AMOUNT, NOREF, "last moment covered") \
    F(ENUM, class, 0, CLASS_CORE, names_class, "data class") \
    F(TEXT, jurisdictions, 0, 64, NOREF, "where it may be used") \
    F(TEXT, purposes, 0, 128, NOREF, "for what") \
    F(HASH, terms_hash, 1, 0, NOREF, "SHA-256 of the usage terms") \
    F(U64, plaintext_len, 0, LIMIT_AMOUNT, NOREF, "bytes before sealing") \
    F(U64, n_chunks, 0, LIMIT_AMOUNT, NOREF, "sealed chunks") \
    F(ID16, nonce, 0, 0, NOREF, "payload nonce") \
    F(HASH, content_root, 0, 0, NOREF, "content root") \
    F(HASH, key_commitment, 0, 0, NOREF, "key commitment") \
    F(INDEX, revises, 0, LIMIT_AMOUNT, NOREF, "earlier listing") \
    F(U64, samples, 0, LIMIT_SAMPLES, NOREF, "chunks it will show") \
    F(U64, closed_untraded, 0, LIMIT_AMOUNT, NOREF, "listings of this title or content that the vendor closed untraded before") \
    F(ENUM, state, 0, LISTING_CLOSED, names_listing_state, "the state it begins in") \
    F(BOOL, elsewhere, 0, 1, NOREF, "whether the payload lies at the vendor's own location") \
    F(U64, detail_len, 0, LIMIT_DETAIL_BYTES, NOREF, "sealed detail part: bytes before sealing") \
    F(ID16, detail_nonce, 0, 0, NOREF, "sealed detail part: payload nonce") \
    F(HASH, detail_root, 0, 0, NOREF, "sealed detail part: root over its sealed chunks") \
    F(HASH, detail_commitment, 0, 0, NOREF, "sealed detail part: key commitment")
#define FIELDS_LISTING_MOVED(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "which listing") \
    F(ENUM, from, 0, LISTING_CLOSED, names_listing_state, "from this state") \
    F(ENUM, to, 0, LISTING_CLOSED, names_listing_state, "to this one")
#define FIELDS_PLACED(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "on which listing") \
    F(PARTY, party, 1, 0, NOREF, "whose order") \
    F(U64, item, 0, LIMIT_BATCH_ORDERS, NOREF, "position in its batch") \
    F(ENUM, side, 0, SIDE_ASK, names_side, "bid or ask") \
    F(ENUM, type, 0, ORDER_MARKET, names_order_type, "limit or market") \
    F(MONEY, price, 0, LIMIT_AMOUNT, NOREF, "limit") \
    F(U64, quantity, 0, LIMIT_AMOUNT, NOREF, "units; 0 if unlimited") \
    F(BOOL, unlimited, 0, 1, NOREF, "never runs out") \
    F(ENUM, tif, 0, TIF_FOK, names_tif, "time in force") \
    F(TIME, expires_at, 0, LIMIT_AMOUNT, NOREF, "gtd") \
    F(RECIPIENT, recipient, 0, 0, NOREF, "one-time recipient") \
    F(BOOL, post_only, 0, 1, NOREF, "never the side that comes later") \
    F(MONEY, budget, 0, LIMIT_AMOUNT, NOREF, "market bids: the most it may spend") \
    F(INDEX, voucher, 0, LIMIT_AMOUNT, NOREF, "bids: the programme that pays a share") \
    F(MONEY, voucher_unit, 0, LIMIT_AMOUNT, NOREF, "bids: what the voucher holds of each unit") \
    F(BOOL, rests, 0, 1, NOREF, "what its immediate trades leave of it rests in the book") \
    F(LIST, postings, 0, LIMIT_POSTINGS, schema_posting, "money held")
#define FIELDS_NOT_PLACED(F) \
    F(U64, item, 0, LIMIT_BATCH_ORDERS, NOREF, "position in its batch") \
    F(U64, code, 1, 999, NOREF, "outcome code")
#define FIELDS_TRADED(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "what was traded") \
    F(INDEX, bid, 1, LIMIT_AMOUNT, NOREF, "the bid") \
    F(INDEX, ask, 1, LIMIT_AMOUNT, NOREF, "the ask") \
    F(ENUM, taker, 0, SIDE_ASK, names_side, "the side that came later") \
    F(PARTY, buyer, 1, 0, NOREF, "buyer") \
    F(PARTY, vendor, 1, 0, NOREF, "vendor") \
    F(MONEY, price, 0, LIMIT_AMOUNT, NOREF, "a unit: the resting order's") \
    F(U64, quantity, 1, LIMIT_AMOUNT, NOREF, "units") \
    F(MONEY, total, 0, LIMIT_AMOUNT, NOREF, "price × quantity, now in escrow") \
    F(MONEY, fee, 0, LIMIT_AMOUNT, NOREF, "the market's part of it, paid by the vendor") \
    F(INDEX, programme, 0, LIMIT_AMOUNT, NOREF, "the voucher programme that pays a part; 0: none") \
    F(MONEY, voucher, 0, LIMIT_AMOUNT, NOREF, "what it pays of the total") \
    F(RECIPIENT, recipient, 1, 0, NOREF, "who the grant is for") \
    F(U64, bid_left, 0, LIMIT_AMOUNT, NOREF, "what the bid still wants") \
    F(U64, ask_left, 0, LIMIT_AMOUNT, NOREF, "what the ask still offers; 0 if unlimited") \
    F(TIME, grant_due, 0, LIMIT_AMOUNT, NOREF, "granted by then, or refunded") \
    F(U64, accept_ms, 0, LIMIT_AMOUNT, NOREF, "time the buyer has from the grant") \
    F(LIST, postings, 0, LIMIT_POSTINGS, schema_posting, "money moved")
#define FIELDS_ORDER_CLOSED(F) \
    F(INDEX, order, 1, LIMIT_AMOUNT, NOREF, "which order") \
    F(ENUM, reason, 0, CLOSE_UNFILLED, names_close_reason, "why") \
    F(U64, left, 0, LIMIT_AMOUNT, NOREF, "units that were still open") \
    F(LIST, postings, 0, LIMIT_POSTINGS, schema_posting, "money released")
#define FIELDS_SLICED(F) \
    F(ENUM, work, 1, WORK_END_PROGRAMME, names_work, "what was too much for one record") \
    F(INDEX, subject, 0, LIMIT_AMOUNT, NOREF, "what it is about; a `continue` follows")
#define FIELDS_RESTED(F) \
    F(INDEX, order, 1, LIMIT_AMOUNT, NOREF, "the order whose matching ended; the rest of it rests")
#define FIELDS_GRANTED(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "which trade") \
    F(TIME, accept_due, 0, LIMIT_AMOUNT, NOREF, "accepted or disputed by then, or settled")
#define FIELDS_SETTLED(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "which trade") \
    F(ENUM, basis, 0, BASIS_VERDICT, names_basis, "why the money moved") \
    F(TEXT, text, 1, 2048, NOREF, "the settlement text (docs/formats.md)") \
    F(MONEY, locked, 0, LIMIT_AMOUNT, NOREF, "of the vendor's money: what a voucher paid, not to be withdrawn yet") \
    F(TIME, locked_until, 0, LIMIT_AMOUNT, NOREF, "when it may be") \
    F(LIST, postings, 0, LIMIT_POSTINGS, schema_posting, "money moved")
#define FIELDS_REFUNDED(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "which trade") \
    F(ENUM, basis, 0, BASIS_VERDICT, names_basis, "why the money moved") \
    F(TEXT, text, 1, 2048, NOREF, "the settlement text (docs/formats.md)") \
    F(LIST, postings, 0, LIMIT_POSTINGS, schema_posting, "money moved") \
    F(ENUM, finding, 0, FINDING_SAMPLE_MISMATCH, names_finding, "by verdict: what the evidence showed")
#define FIELDS_SHIFTED(F) \
    F(U64, outage_ms, 1, LIMIT_AMOUNT, NOREF, "every open deadline moves by this")
#define FIELDS_REINSTATED(F) \
    F(PARTY, party, 1, 0, NOREF, "who")
#define FIELDS_REGROUPED(F) \
    F(PARTY, party, 1, 0, NOREF, "who") \
    F(TEXT, group, 0, 64, NOREF, "its legal group now") \
    F(TEXT, jurisdiction, 0, 8, NOREF, "its jurisdiction now")
#define FIELDS_REKEY_ANNOUNCED(F) \
    F(PARTY, party, 1, 0, NOREF, "who, by the key in force") \
    F(PARTY, new_key, 1, 0, NOREF, "its signing key to come") \
    F(RECIPIENT, seal_key, 1, 0, NOREF, "its sealing key to come") \
    F(HASH, wire_key, 1, 0, NOREF, "its CURVE key to come") \
    F(TIME, effective_at, 1, LIMIT_AMOUNT, NOREF, "when, unless it is stopped; withdrawals are frozen until then")
#define FIELDS_REKEYED(F) \
    F(PARTY, party, 1, 0, NOREF, "who, by the key that was in force") \
    F(PARTY, new_key, 1, 0, NOREF, "its signing key from now on") \
    F(RECIPIENT, seal_key, 1, 0, NOREF, "its sealing key") \
    F(HASH, wire_key, 1, 0, NOREF, "its CURVE key")
#define FIELDS_REKEY_STOPPED(F) \
    F(PARTY, party, 1, 0, NOREF, "whose announced change of keys does not happen")
#define FIELDS_CARDED(F) \
    F(PARTY, party, 1, 0, NOREF, "who") \
    F(HASH, card_hash, 0, 0, NOREF, "salted hash of its contact card; absent: it has none")
#define FIELDS_WITHDRAWN(F) \
    F(PARTY, party, 1, 0, NOREF, "whose money") \
    F(MONEY, amount, 1, LIMIT_AMOUNT, NOREF, "how much is to be paid out") \
    F(TEXT, destination, 1, 128, NOREF, "where to") \
    F(LIST, postings, 2, 2, schema_posting, "money held")
#define FIELDS_PAID_OUT(F) \
    F(INDEX, withdrawal, 1, LIMIT_AMOUNT, NOREF, "which withdrawal") \
    F(ENUM, result, 0, PAYOUT_RETURNED, names_payout, "paid, or it came back") \
    F(PARTY, bank, 1, 0, NOREF, "which bank") \
    F(TEXT, reference, 1, 64, NOREF, "the bank's reference") \
    F(LIST, postings, 2, 2, schema_posting, "money moved")
#define FIELDS_MARKET_MOVED(F) \
    F(BOOL, halted, 0, 1, NOREF, "whether the market is halted now")
#define FIELDS_PARAMETERS_SET(F) \
    F(LIST, parameters, 1, PARAM_N, schema_parameter, "what has a new value")
#define FIELDS_AMENDED(F) \
    F(INDEX, order, 1, LIMIT_AMOUNT, NOREF, "which order") \
    F(U64, left, 1, LIMIT_AMOUNT, NOREF, "units still wanted, fewer than before") \
    F(LIST, postings, 0, LIMIT_POSTINGS, schema_posting, "money released")
#define FIELDS_REPLACED(F) \
    F(INDEX, order, 1, LIMIT_AMOUNT, NOREF, "which order; it now stands behind all others of its price") \
    F(MONEY, price, 1, LIMIT_AMOUNT, NOREF, "its limit now") \
    F(U64, left, 0, LIMIT_AMOUNT, NOREF, "units it now wants; 0 if unlimited") \
    F(MONEY, voucher_unit, 0, LIMIT_AMOUNT, NOREF, "what the voucher holds of each unit now") \
    F(BOOL, rests, 0, 1, NOREF, "what its immediate trades leave of it rests in the book") \
    F(LIST, postings, 0, LIMIT_POSTINGS, schema_posting, "money held or released")
#define FIELDS_PROGRAMME_OPENED(F) \
    F(PARTY, issuer, 1, 0, NOREF, "who pays") \
    F(TEXT, name, 1, LIMIT_NAME_BYTES, NOREF, "name") \
    F(FLAGS, kinds, 1, LISTING_KINDS_ALL, names_listing_kind, "what it may be spent on") \
    F(U64, share_bp, 1, 10000, NOREF, "share of a price, in basis points") \
    F(MONEY, top_price, 1, LIMIT_AMOUNT, NOREF, "price of a unit up to which it pays its share") \
    F(MONEY, cap_party, 1, LIMIT_AMOUNT, NOREF, "the most one party is given") \
    F(MONEY, fund, 1, LIMIT_AMOUNT, NOREF, "all of it") \
    F(TIME, ends_at, 1, LIMIT_AMOUNT, NOREF, "its end") \
    F(LIST, postings, 4, 4, schema_posting, "money set aside, asset issued")
#define FIELDS_GIVEN(F) \
    F(INDEX, programme, 1, LIMIT_AMOUNT, NOREF, "from which programme") \
    F(PARTY, party, 1, 0, NOREF, "to whom") \
    F(MONEY, amount, 1, LIMIT_AMOUNT, NOREF, "how much") \
    F(LIST, postings, 2, 2, schema_posting, "asset moved")
#define FIELDS_PROGRAMME_CLOSED(F) \
    F(INDEX, programme, 1, LIMIT_AMOUNT, NOREF, "which programme has ended")
#define FIELDS_VOUCHER_RETURNED(F) \
    F(INDEX, programme, 1, LIMIT_AMOUNT, NOREF, "of which programme") \
    F(PARTY, party, 1, 0, NOREF, "who had it") \
    F(MONEY, amount, 0, LIMIT_AMOUNT, NOREF, "what it had not spent") \
    F(LIST, postings, 0, 4, schema_posting, "asset and money that go back")
#define FIELDS_UNLOCKED(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "whose voucher part may be withdrawn now") \
    F(PARTY, party, 1, 0, NOREF, "by whom") \
    F(MONEY, amount, 1, LIMIT_AMOUNT, NOREF, "how much")
#define FIELDS_REGISTERED(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "which listing") \
    F(U64, certificate, 1, LIMIT_AMOUNT, NOREF, "the certificate's number") \
    F(TEXT, text, 1, 2048, NOREF, "the certificate's text (docs/formats.md)")
#define FIELDS_SAMPLE_DRAWN(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "whose samples") \
    F(HASH, seed, 1, 0, NOREF, "from which the chunks follow (docs/formats.md)")
#define FIELDS_CLAIMED(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "which trade") \
    F(PARTY, arbiter, 1, 0, NOREF, "whose turn it is to rule") \
    F(TIME, due, 1, LIMIT_AMOUNT, NOREF, "by then, or it is overdue") \
    F(MONEY, bond, 0, LIMIT_AMOUNT, NOREF, "the buyer's bond") \
    F(LIST, postings, 0, LIMIT_POSTINGS, schema_posting, "the bond held")
#define FIELDS_OVERDUE(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "whose claim was not ruled on in time") \
    F(PARTY, arbiter, 1, 0, NOREF, "by whom")
#define FIELDS_ARBITER_NAMED(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "which trade") \
    F(PARTY, arbiter, 1, 0, NOREF, "who is to rule now") \
    F(TIME, due, 1, LIMIT_AMOUNT, NOREF, "by then, or it is overdue")
#define FIELDS_DEFERRED(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "whose deadline is later, because of a halt") \
    F(TIME, due, 0, LIMIT_AMOUNT, NOREF, "when; 0: not before its listing is resumed or closed")

#define FIELDS_DISPUTED(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "which trade; its deadline stops")
#define FIELDS_DISPUTE_FAILED(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "which trade; its deadline goes on") \
    F(TIME, accept_due, 1, LIMIT_AMOUNT, NOREF, "by then it is accepted, or settled without") \
    F(ENUM, finding, 1, FINDING_SAMPLE_MISMATCH, names_finding, "what the evidence showed")
#define FIELDS_DISCLOSED(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "whose sealed detail part") \
    F(PARTY, party, 1, 0, NOREF, "who may read it now")
#define FIELDS_SAMPLED(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "whose samples its vendor has signed")

/*
 * Every kind: S(NAME, member, number, "name", who says it) and V(...) for events. The number is the kind's on the
 * wire; versions are all 1.
 */
#define STATEMENTS(S) \
    S(GENESIS, genesis, 1, "the broker, once: the first record of a journal") \
    S(ENROL, enrol, 2, "whoever asks to be enrolled; not journaled itself, `admit` carries it") \
    S(ADMIT, admit, 3, "an operator") \
    S(SUSPEND, suspend, 4, "an operator") \
    S(DEPOSIT, deposit, 5, "a bank") \
    S(PUBLISH, publish, 6, "a vendor") \
    S(STORED, stored, 7, "the broker") \
    S(REVIEW, review, 8, "a reviewer") \
    S(CLOSE, close, 9, "the listing's vendor") \
    S(ORDER, order, 10, "a buyer (bid) or the listing's vendor (ask)") \
    S(ORDER_BATCH, order_batch, 11, "as `order`: up to 256 under one signature") \
    S(CANCEL, cancel, 12, "the order's owner") \
    S(GRANT, grant, 13, "the trade's vendor") \
    S(ACCEPT, accept, 14, "the trade's buyer") \
    S(TICK, tick, 15, "the broker: time has come") \
    S(CONTINUE, continue, 16, "the broker: what was too much for one record goes on") \
    S(REINSTATE, reinstate, 17, "an operator") \
    S(REGROUP, regroup, 18, "an operator") \
    S(NEW_KEYS, new_keys, 19, "a party's new key; not journaled itself, `rekey` or `replace_keys` carries it") \
    S(REKEY, rekey, 20, "a party, with the key in force") \
    S(REPLACE_KEYS, replace_keys, 21, "an operator, for a party that lost its key") \
    S(STOP_REKEY, stop_rekey, 22, "the party, or an operator") \
    S(CARD, card, 23, "a party") \
    S(WITHDRAW, withdraw, 24, "a party") \
    S(PAYOUT, payout, 25, "a bank") \
    S(HALT, halt, 26, "an operator") \
    S(RESUME, resume, 27, "an operator") \
    S(PARAMETERS, parameters, 28, "an operator") \
    S(REPLACE, replace, 29, "the order's owner") \
    S(PROGRAMME, programme, 30, "an issuer") \
    S(GIVE, give, 31, "the programme's issuer") \
    S(CLAIM, claim, 32, "the trade's buyer") \
    S(RULING, ruling, 33, "the arbiter named") \
    S(ARBITER, arbiter, 34, "an operator") \
    S(SAMPLE, sample, 35, "the listing's vendor") \
    S(DRAWN, drawn, 36, "the broker: which root a sample is drawn from") \
    S(DISPUTE, dispute, 37, "the trade's buyer") \
    S(VERDICT, verdict, 38, "the broker: what a dispute's evidence shows") \
    S(DISCLOSE, disclose, 39, "the listing's vendor")
#define EVENTS(V) \
    V(OPENED, opened, 101, "the market begins") \
    V(ADMITTED, admitted, 102, "a party is enrolled; the index of this record is its number") \
    V(SUSPENDED, suspended, 103, "a party may start nothing new") \
    V(DEPOSITED, deposited, 104, "money came in") \
    V(LISTED, listed, 105, "the index of this record is the listing's name") \
    V(LISTING_MOVED, listing_moved, 106, "a listing changes its state") \
    V(PLACED, placed, 107, "the index of this record is the order's name") \
    V(NOT_PLACED, not_placed, 108, "an order of a batch was refused") \
    V(TRADED, traded, 109, "the index of this record is the trade's name") \
    V(ORDER_CLOSED, order_closed, 110, "an order leaves the book, or never reached it whole") \
    V(SLICED, sliced, 111, "work is left; a `continue` statement comes next") \
    V(RESTED, rested, 112, "a sliced order's matching has ended") \
    V(GRANTED, granted, 113, "the key went to the buyer") \
    V(SETTLED, settled, 114, "the vendor is paid") \
    V(REFUNDED, refunded, 115, "the buyer has the money back") \
    V(SHIFTED, shifted, 116, "open deadlines move: the broker was down, or the market halted") \
    V(REINSTATED, reinstated, 117, "a suspended party may go on") \
    V(REGROUPED, regrouped, 118, "a party's legal group or jurisdiction changes") \
    V(REKEY_ANNOUNCED, rekey_announced, 119, "a lost key will be replaced, unless somebody stops it") \
    V(REKEYED, rekeyed, 120, "a party has new keys") \
    V(REKEY_STOPPED, rekey_stopped, 121, "an announced change of keys does not happen") \
    V(CARDED, carded, 122, "a party's contact card has another hash") \
    V(WITHDRAWN, withdrawn, 123, "the index of this record is the withdrawal's name") \
    V(PAID_OUT, paid_out, 124, "a withdrawal was paid, or came back") \
    V(MARKET_MOVED, market_moved, 125, "the market is halted or resumed") \
    V(PARAMETERS_SET, parameters_set, 126, "parameters have new values") \
    V(AMENDED, amended, 127, "an order wants less; its priority stays") \
    V(REPLACED, replaced, 128, "an order has another price or wants more; its priority is lost") \
    V(PROGRAMME_OPENED, programme_opened, 129, "the index of this record is the programme's name, and its asset") \
    V(GIVEN, given, 130, "a party is given of a programme") \
    V(PROGRAMME_CLOSED, programme_closed, 131, "a programme has ended") \
    V(VOUCHER_RETURNED, voucher_returned, 132, "what a party had left of an ended programme goes back") \
    V(UNLOCKED, unlocked, 133, "a vendor may withdraw what a voucher paid") \
    V(REGISTERED, registered, 134, "a listing is registered: its certificate") \
    V(SAMPLE_DRAWN, sample_drawn, 135, "which chunks a vendor has to show is decided") \
    V(CLAIMED, claimed, 136, "a buyer asks for an arbiter's ruling") \
    V(OVERDUE, overdue, 137, "an arbiter did not rule in time") \
    V(ARBITER_NAMED, arbiter_named, 138, "another arbiter is to rule") \
    V(DEFERRED, deferred, 139, "a trade's deadline is put off by a halt") \
    V(DISPUTED, disputed, 140, "a buyer says that the delivery is bad, with evidence") \
    V(DISPUTE_FAILED, dispute_failed, 141, "the evidence did not show it") \
    V(DISCLOSED, disclosed, 142, "a party may read a listing's sealed detail part") \
    V(SAMPLED, sampled, 143, "a vendor signed the samples that it shows")

/* ---- from lists to structs ---- */
#define MEMBER_U64(m) uint64_t m;
#define MEMBER_I64(m) int64_t m;
#define MEMBER_BOOL(m) uint64_t m;
#define MEMBER_MONEY(m) uint64_t m;
#define MEMBER_TIME(m) uint64_t m;
#define MEMBER_INDEX(m) uint64_t m;
#define MEMBER_ENUM(m) uint64_t m;
#define MEMBER_FLAGS(m) uint64_t m;
#define MEMBER_TEXT(m) struct bytes m;
#define MEMBER_BIN(m) struct bytes m;
#define MEMBER_PARTY(m) uint8_t m[32];
#define MEMBER_RECIPIENT(m) uint8_t m[32];
#define MEMBER_HASH(m) uint8_t m[32];
#define MEMBER_ID16(m) uint8_t m[16];
#define MEMBER_SIG(m) uint8_t m[64];
#define MEMBER_LIST(m) struct list m;
#define FIELD_AS_MEMBER(type, m, min, max, ref, doc) MEMBER_##type(m)

struct posting { FIELDS_POSTING(FIELD_AS_MEMBER) };
struct parameter_value { FIELDS_PARAMETER(FIELD_AS_MEMBER) };
struct operator_entry { FIELDS_OPERATOR(FIELD_AS_MEMBER) };
struct keyword { FIELDS_KEYWORD(FIELD_AS_MEMBER) };
struct column { FIELDS_COLUMN(FIELD_AS_MEMBER) };
struct sample_chunk { FIELDS_SAMPLE_CHUNK(FIELD_AS_MEMBER) };
extern const struct schema schema_posting, schema_parameter, schema_operator, schema_keyword, schema_column, schema_sample_chunk;

/* struct body_order { … }; extern const struct schema schema_order; and so on for every kind. */
#define KIND_AS_STRUCT(NAME, member, number, doc) \
    struct body_##member { FIELDS_##NAME(FIELD_AS_MEMBER) }; \
    extern const struct schema schema_##member;
STATEMENTS(KIND_AS_STRUCT)
EVENTS(KIND_AS_STRUCT)

enum kind {
#define KIND_AS_NUMBER(NAME, member, number, doc) KIND_##NAME = number,
    STATEMENTS(KIND_AS_NUMBER) EVENTS(KIND_AS_NUMBER)
#undef KIND_AS_NUMBER
};

/* The schema of a kind, or NULL. All kinds in order of their numbers, for docs and lookups by name. */
const struct schema *schema_of_kind(uint64_t kind);
const struct schema *schema_of_name(const char *name);
extern const struct schema *const all_schemas[];
extern const size_t n_all_schemas;

/* ---- statements ---- */
struct statement {
    uint64_t kind, version;
    uint8_t market[32], party[32], command_id[16];
    uint64_t issued_at, valid_until;
    const void *body; /* struct body_<kind> */
};

/* The bytes to be signed. `out` lies in `arena`. TIDE_EINVAL: bounds; TIDE_ELIMIT: too long. */
MUST_USE enum tide_err statement_encode(const struct statement *s, struct arena *arena, struct bytes *out);

/* Decodes statement bytes; texts point into `in`. TIDE_EMALFORMED (also: unknown kind or version). */
MUST_USE enum tide_err statement_decode(struct bytes in, struct arena *arena, struct statement *out);

/* Envelope: msgpack array [statement bin, signature bin 64]. */
MUST_USE enum tide_err envelope_encode(struct bytes statement, const uint8_t signature[64], struct arena *arena,
                                       struct bytes *out);
/* Splits; both point into `in`. No signature is checked. */
MUST_USE enum tide_err envelope_decode(struct bytes in, struct arena *arena, struct bytes *statement,
                                       const uint8_t **signature);

/* ---- records: the leaves of the log ---- */
enum record_type { RECORD_STATEMENT = 1, RECORD_EVENT = 2 };

struct event {
    uint64_t kind, version;
    uint64_t cause_index;
    uint8_t salt[16];
    const void *body; /* struct body_<kind> */
};

struct record {
    enum record_type type;
    uint64_t index, time_ms;
    struct bytes payload; /* the envelope, or the event */
};

MUST_USE enum tide_err record_encode(const struct record *r, struct arena *arena, struct bytes *out);
MUST_USE enum tide_err record_decode(struct bytes in, struct arena *arena, struct record *out);
MUST_USE enum tide_err event_encode(const struct event *e, struct arena *arena, struct bytes *out);
MUST_USE enum tide_err event_decode(struct bytes in, struct arena *arena, struct event *out);

/* SHA-256("tidemark/salt/v1\n" ‖ the cause's record ‖ u64be ordinal)[0..16]; ordinal of the first event is 0. */
void event_salt(struct bytes cause_record, uint64_t ordinal, uint8_t salt[16]);

/* A whole record as JSON: index, time, type, kind, party, …, body. The caller decrefs. NULL: not decodable or no memory. */
struct json_t *record_to_json(struct bytes record);


#endif
