/*
 * Requests and replies on the doors. A request is one frame, msgpack array [1, request_id, verb, body]; its reply is
 * [1, request_id, code, text, body]. Every verb's bodies are lists of fields as in records.h, so that both ends and
 * docs/protocol.md follow one table. A refused request's reply body is an empty array.
 */
#ifndef TIDEMARK_STORAGE_PROTOCOL_H
#define TIDEMARK_STORAGE_PROTOCOL_H

#include "storage/outcome.h"
#include "storage/records.h"

#define PROTOCOL_VERSION 1u
#define VERB_MAX 24

/* Doors as bits, for the table of verbs. */
enum door_bit { DOOR_LOBBY = 1, DOOR_TRADE = 2, DOOR_DATA = 4, DOOR_AUDIT = 8 };

/* Offsets of the doors from the port base. */
enum door_port { PORT_LOBBY, PORT_TRADE, PORT_TAPE, PORT_DATA, PORT_AUDIT };

/* ---- rows of answers ---- */
#define FIELDS_CODE(F) F(U64, code, 0, 999, NOREF, "0, or why this order of the batch was refused") \
    F(INDEX, index, 0, LIMIT_AMOUNT, NOREF, "the order's name, if it was placed")
#define FIELDS_RECORD_ROW(F) F(BIN, record, 1, LIMIT_RECORD_BYTES, NOREF, "a record, as journaled")
#define FIELDS_HASH_ROW(F) F(HASH, hash, 0, 0, NOREF, "a node's hash")
#define FIELDS_LISTING_ROW(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "its name") \
    F(TIME, listed_at, 0, LIMIT_AMOUNT, NOREF, "when it was published") \
    F(PARTY, vendor, 1, 0, NOREF, "who lists") \
    F(TEXT, vendor_name, 0, LIMIT_NAME_BYTES, NOREF, "its name") \
    F(ENUM, kind, 0, LISTING_COMPUTE, names_listing_kind, "what is offered") \
    F(TEXT, title, 1, LIMIT_TITLE_BYTES, NOREF, "title") \
    F(ENUM, state, 0, LISTING_CLOSED, names_listing_state, "state") \
    F(ENUM, class, 0, CLASS_CORE, names_class, "data class") \
    F(U64, plaintext_len, 0, LIMIT_AMOUNT, NOREF, "bytes before sealing") \
    F(U64, n_chunks, 0, LIMIT_AMOUNT, NOREF, "sealed chunks") \
    F(ID16, nonce, 0, 0, NOREF, "payload nonce") \
    F(HASH, content_root, 0, 0, NOREF, "content root") \
    F(HASH, key_commitment, 0, 0, NOREF, "key commitment") \
    F(HASH, terms_hash, 0, 0, NOREF, "SHA-256 of the usage terms") \
    F(BOOL, has_ask, 0, 1, NOREF, "whether anything is offered now") \
    F(MONEY, best_ask, 0, LIMIT_AMOUNT, NOREF, "the best price it is offered at") \
    F(BOOL, has_last, 0, 1, NOREF, "whether it was traded") \
    F(MONEY, last_price, 0, LIMIT_AMOUNT, NOREF, "the last price")
#define FIELDS_LEVEL(F) \
    F(MONEY, price, 0, LIMIT_AMOUNT, NOREF, "price a unit") \
    F(U64, quantity, 0, LIMIT_AMOUNT, NOREF, "units at this price (unlimited asks not counted)") \
    F(U64, orders, 0, LIMIT_AMOUNT, NOREF, "orders at this price") \
    F(BOOL, unlimited, 0, 1, NOREF, "an unlimited ask is among them")
#define FIELDS_ORDER_ROW(F) \
    F(INDEX, order, 1, LIMIT_AMOUNT, NOREF, "its name") \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "on which listing") \
    F(TIME, placed_at, 0, LIMIT_AMOUNT, NOREF, "when") \
    F(ENUM, side, 0, SIDE_ASK, names_side, "bid or ask") \
    F(ENUM, type, 0, ORDER_MARKET, names_order_type, "limit or market") \
    F(ENUM, tif, 0, TIF_FOK, names_tif, "time in force") \
    F(MONEY, price, 0, LIMIT_AMOUNT, NOREF, "limit") \
    F(U64, quantity, 0, LIMIT_AMOUNT, NOREF, "units ordered") \
    F(U64, left, 0, LIMIT_AMOUNT, NOREF, "units still open") \
    F(BOOL, unlimited, 0, 1, NOREF, "never runs out") \
    F(BOOL, resting, 0, 1, NOREF, "whether it is in the book") \
    F(TIME, expires_at, 0, LIMIT_AMOUNT, NOREF, "gtd")
#define FIELDS_TRADE_ROW(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "its name") \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "what was traded") \
    F(TEXT, title, 0, LIMIT_TITLE_BYTES, NOREF, "its title") \
    F(INDEX, bid, 1, LIMIT_AMOUNT, NOREF, "the bid") \
    F(INDEX, ask, 1, LIMIT_AMOUNT, NOREF, "the ask") \
    F(TIME, traded_at, 0, LIMIT_AMOUNT, NOREF, "when") \
    F(ENUM, state, 0, TRADE_REFUNDED, names_trade_state, "state") \
    F(PARTY, buyer, 1, 0, NOREF, "buyer") \
    F(TEXT, buyer_name, 0, LIMIT_NAME_BYTES, NOREF, "its name") \
    F(PARTY, vendor, 1, 0, NOREF, "vendor") \
    F(TEXT, vendor_name, 0, LIMIT_NAME_BYTES, NOREF, "its name") \
    F(U64, quantity, 0, LIMIT_AMOUNT, NOREF, "units") \
    F(MONEY, price, 0, LIMIT_AMOUNT, NOREF, "a unit") \
    F(MONEY, total, 0, LIMIT_AMOUNT, NOREF, "in all") \
    F(MONEY, fee, 0, LIMIT_AMOUNT, NOREF, "of which the market's") \
    F(RECIPIENT, recipient, 0, 0, NOREF, "who the grant is for") \
    F(ID16, bid_command, 0, 0, NOREF, "command id of the bid: its key is derived from it") \
    F(U64, bid_item, 0, LIMIT_BATCH_ORDERS, NOREF, "position of the bid in its batch") \
    F(TIME, due, 0, LIMIT_AMOUNT, NOREF, "the next deadline; 0 when final") \
    F(BIN, grant, 0, LIMIT_GRANT_BYTES, NOREF, "the grant, once made (to its parties)") \
    F(TEXT, text, 0, 2048, NOREF, "the settlement text both sign") \
    F(INDEX, final_record, 0, LIMIT_AMOUNT, NOREF, "the settled or refunded record; 0 if none yet")
#define FIELDS_BALANCE(F) \
    F(INDEX, asset, 0, LIMIT_AMOUNT, NOREF, "0: CNY; otherwise the programme") \
    F(MONEY, available, 0, LIMIT_AMOUNT, NOREF, "free to use") \
    F(MONEY, held, 0, LIMIT_AMOUNT, NOREF, "held for resting bids") \
    F(MONEY, escrow, 0, LIMIT_AMOUNT, NOREF, "paid in, trade not final")
#define FIELDS_STATEMENT_ROW(F) \
    F(INDEX, index, 0, LIMIT_AMOUNT, NOREF, "its record") \
    F(U64, kind, 1, 99, NOREF, "its kind") \
    F(TIME, time_ms, 0, LIMIT_AMOUNT, NOREF, "when it was accepted") \
    F(ID16, command_id, 0, 0, NOREF, "its command id")
#define FIELDS_REQUEST_ROW(F) \
    F(PARTY, party, 1, 0, NOREF, "who asks") \
    F(TEXT, name, 0, LIMIT_NAME_BYTES, NOREF, "its name") \
    F(FLAGS, roles, 0, ROLE_ALL, names_role, "roles asked for") \
    F(TEXT, jurisdiction, 0, 8, NOREF, "jurisdiction it names") \
    F(TIME, received_at, 0, LIMIT_AMOUNT, NOREF, "when the lobby got it") \
    F(BIN, request, 0, 4096, NOREF, "the envelope, for `admit`")
#define FIELDS_RANGE(F) \
    F(U64, first, 0, LIMIT_AMOUNT, NOREF, "first missing chunk") \
    F(U64, count, 1, LIMIT_AMOUNT, NOREF, "how many from there")

/* ---- bodies of requests (Q_) and replies (R_) ---- */
#define FIELDS_Q_NONE(F)
#define FIELDS_R_NONE(F)
#define FIELDS_Q_SUBMIT(F) F(BIN, envelope, 1, LIMIT_TRADE_FRAME_BYTES, NOREF, "a signed statement")
#define FIELDS_R_SUBMIT(F) \
    F(INDEX, first_index, 0, LIMIT_AMOUNT, NOREF, "the statement's own record") \
    F(INDEX, next_index, 0, LIMIT_AMOUNT, NOREF, "one past its last event") \
    F(LIST, items, 0, LIMIT_BATCH_ORDERS, schema_code, "batches: one a position") \
    F(LIST, events, 0, LIMIT_EVENTS, schema_record_row, "its events, up to 32 KiB of them")
#define FIELDS_R_DOORS(F) \
    F(HASH, market, 1, 0, NOREF, "market id") \
    F(TEXT, origin, 1, LIMIT_ORIGIN_BYTES, NOREF, "the log's origin") \
    F(TEXT, name, 1, LIMIT_NAME_BYTES, NOREF, "the market's name") \
    F(PARTY, broker, 1, 0, NOREF, "the broker's party") \
    F(HASH, log_key, 1, 0, NOREF, "its log key") \
    F(HASH, wire_key, 1, 0, NOREF, "the doors' CURVE key") \
    F(U64, trade_port, 0, 65535, NOREF, "port of the trade door, on the lobby's host") \
    F(U64, tape_port, 0, 65535, NOREF, "port of the tape; 0: not served") \
    F(U64, data_port, 0, 65535, NOREF, "port of the data door") \
    F(U64, audit_port, 0, 65535, NOREF, "port of the audit door") \
    F(U64, http_port, 0, 65535, NOREF, "port of the HTTP door; 0: not served") \
    F(TIME, now_ms, 0, LIMIT_AMOUNT, NOREF, "the broker's clock") \
    F(LIST, parameters, 0, PARAM_N, schema_parameter, "parameters in force")
#define FIELDS_Q_ENROL(F) F(BIN, envelope, 1, 4096, NOREF, "a signed `enrol` statement")
#define FIELDS_Q_PARTY(F) F(PARTY, party, 0, 0, NOREF, "absent: oneself")
#define FIELDS_R_PARTY(F) \
    F(PARTY, party, 0, 0, NOREF, "who") \
    F(ENUM, state, 0, PARTY_SUSPENDED, names_party_state, "enrolled or not") \
    F(TEXT, name, 0, LIMIT_NAME_BYTES, NOREF, "name") \
    F(FLAGS, roles, 0, ROLE_ALL, names_role, "roles") \
    F(TEXT, group, 0, 64, NOREF, "legal group (to itself, operators and regulators)") \
    F(TEXT, jurisdiction, 0, 8, NOREF, "jurisdiction") \
    F(INDEX, admitted, 0, LIMIT_AMOUNT, NOREF, "its `admitted` record") \
    F(U64, settled, 0, LIMIT_AMOUNT, NOREF, "mark: trades settled as vendor") \
    F(U64, missed, 0, LIMIT_AMOUNT, NOREF, "mark: grants missed")
#define FIELDS_Q_SEARCH(F) \
    F(TEXT, words, 0, 256, NOREF, "all of them occur in title, summary, category or keywords") \
    F(U64, kinds, 0, 31, NOREF, "bit set of kinds; 0: all") \
    F(MONEY, max_price, 0, LIMIT_AMOUNT, NOREF, "best ask at most; 0: any") \
    F(ENUM, state, 0, LISTING_CLOSED, names_listing_state, "none: open ones; pending: what waits for review") \
    F(BOOL, mine, 0, 1, NOREF, "only one's own listings, in any state") \
    F(INDEX, before, 0, LIMIT_AMOUNT, NOREF, "cursor: listings with a lower name; 0: from the newest") \
    F(U64, limit, 0, LIMIT_PAGE, NOREF, "0: 20")
#define FIELDS_R_SEARCH(F) \
    F(LIST, listings, 0, LIMIT_PAGE, schema_listing_row, "newest first") \
    F(INDEX, before, 0, LIMIT_AMOUNT, NOREF, "the next page's cursor; 0: no more")
#define FIELDS_Q_LISTING(F) F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "which")
#define FIELDS_R_LISTING(F) \
    F(LIST, row, 1, 1, schema_listing_row, "as in a search") \
    F(LIST, published, 1, 1, schema_publish, "what the vendor signed")
#define FIELDS_Q_BOOK(F) F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "which") \
    F(U64, limit, 0, LIMIT_PAGE, NOREF, "levels a side; 0: 20")
#define FIELDS_R_BOOK(F) \
    F(LIST, bids, 0, LIMIT_PAGE, schema_level, "best first") \
    F(LIST, asks, 0, LIMIT_PAGE, schema_level, "best first") \
    F(BOOL, has_last, 0, 1, NOREF, "whether it was traded") \
    F(MONEY, last_price, 0, LIMIT_AMOUNT, NOREF, "the last price")
#define FIELDS_Q_OWN(F) \
    F(INDEX, before, 0, LIMIT_AMOUNT, NOREF, "cursor: lower names; 0: from the newest") \
    F(U64, limit, 0, LIMIT_PAGE, NOREF, "0: 20") \
    F(BOOL, open_only, 0, 1, NOREF, "only what is not final") \
    F(BOOL, settle, 0, 1, NOREF, "answered after all that reached the broker before: settles an unknown outcome")
#define FIELDS_R_ORDERS(F) \
    F(LIST, orders, 0, LIMIT_PAGE, schema_order_row, "newest first") \
    F(INDEX, before, 0, LIMIT_AMOUNT, NOREF, "the next page's cursor; 0: no more")
#define FIELDS_R_TRADES(F) \
    F(LIST, trades, 0, LIMIT_PAGE, schema_trade_row, "newest first; without grant") \
    F(INDEX, before, 0, LIMIT_AMOUNT, NOREF, "the next page's cursor; 0: no more")
#define FIELDS_Q_TRADE(F) F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "which")
#define FIELDS_R_TRADE(F) F(LIST, row, 1, 1, schema_trade_row, "with its grant")
#define FIELDS_Q_SIGNED(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "a trade of one's own") \
    F(ENUM, part, 0, SIGNED_LISTING, names_signed, "which of the statements it rests on")
#define FIELDS_R_SIGNED(F) \
    F(BIN, envelope, 1, LIMIT_ANSWER_BYTES, NOREF, "as it was signed: a batch comes whole")
#define FIELDS_R_BALANCES(F) F(LIST, balances, 0, LIMIT_PAGE, schema_balance, "one an asset")
#define FIELDS_R_STATEMENTS(F) \
    F(LIST, statements, 0, LIMIT_PAGE, schema_statement_row, "one's own, newest first") \
    F(INDEX, before, 0, LIMIT_AMOUNT, NOREF, "the next page's cursor; 0: no more")
#define FIELDS_R_REQUESTS(F) F(LIST, requests, 0, 8, schema_request_row, "in the order of the parties' keys") \
    F(PARTY, after, 0, 0, NOREF, "cursor of the next page; absent: no more")
#define FIELDS_Q_REQUESTS(F) F(PARTY, after, 0, 0, NOREF, "cursor; absent: from the first")
#define FIELDS_Q_INDEX(F) F(INDEX, index, 0, LIMIT_AMOUNT, NOREF, "which record")
#define FIELDS_R_PROOF(F) \
    F(BIN, record, 1, LIMIT_RECORD_BYTES, NOREF, "the record") \
    F(TEXT, proof, 1, 16384, NOREF, "a C2SP tlog-proof without extra, with a signed checkpoint")
#define FIELDS_R_RECEIPT(F) \
    F(TEXT, note, 1, 8192, NOREF, "the settlement note: text and its signature lines") \
    F(BIN, record, 1, LIMIT_RECORD_BYTES, NOREF, "the settled record") \
    F(TEXT, proof, 1, 16384, NOREF, "its tlog-proof, with a signed checkpoint")
#define FIELDS_R_CHECKPOINT(F) F(TEXT, checkpoint, 1, 4096, NOREF, "the newest signed checkpoint")
#define FIELDS_Q_RECORDS(F) \
    F(INDEX, from, 0, LIMIT_AMOUNT, NOREF, "first record") \
    F(U64, limit, 0, LIMIT_PAGE, NOREF, "at most so many; 0: as fit") \
    F(U64, wait_ms, 0, 30000, NOREF, "how long to wait for the first, if it is not there yet")
#define FIELDS_R_RECORDS(F) \
    F(LIST, records, 0, LIMIT_PAGE, schema_record_row, "in order") \
    F(U64, size, 0, LIMIT_AMOUNT, NOREF, "size of the journal now")
#define FIELDS_Q_CONSISTENCY(F) \
    F(U64, old_size, 0, LIMIT_AMOUNT, NOREF, "the smaller tree") \
    F(U64, size, 0, LIMIT_AMOUNT, NOREF, "the larger one, at most the newest checkpoint's; 0: that")
#define FIELDS_R_CONSISTENCY(F) \
    F(LIST, hashes, 0, 63, schema_hash_row, "RFC 6962 consistency proof") \
    F(TEXT, checkpoint, 1, 4096, NOREF, "the newest signed checkpoint") \
    F(U64, size, 0, LIMIT_AMOUNT, NOREF, "the larger tree's size")
#define FIELDS_Q_UPLOAD(F) F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "one's own listing")
#define FIELDS_R_UPLOAD(F) \
    F(U64, n_chunks, 0, LIMIT_AMOUNT, NOREF, "in all") \
    F(U64, manifest_have, 0, LIMIT_AMOUNT, NOREF, "leaf hashes the store has, from the first") \
    F(LIST, missing, 0, LIMIT_PAGE, schema_range, "chunks it still needs (the first ranges)") \
    F(BOOL, complete, 0, 1, NOREF, "everything is there and verified")
#define FIELDS_Q_PUT_MANIFEST(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "one's own listing") \
    F(U64, first, 0, LIMIT_AMOUNT, NOREF, "chunk of the first hash") \
    F(BIN, hashes, 32, 65536, NOREF, "leaf hashes, 32 bytes each, in order")
#define FIELDS_Q_PUT_CHUNK(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "one's own listing") \
    F(U64, chunk, 0, LIMIT_AMOUNT, NOREF, "which chunk") \
    F(BIN, sealed, 1, 65552, NOREF, "the sealed chunk")
#define FIELDS_R_PUT(F) F(U64, have, 0, LIMIT_AMOUNT, NOREF, "hashes or chunks the store now has")
#define FIELDS_Q_GET_MANIFEST(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "a listing one bought (granted) or sells") \
    F(U64, first, 0, LIMIT_AMOUNT, NOREF, "chunk of the first hash")
#define FIELDS_R_GET_MANIFEST(F) F(BIN, hashes, 0, 65536, NOREF, "leaf hashes from there, as many as fit")
#define FIELDS_Q_GET_CHUNK(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "a listing one bought (granted) or sells") \
    F(U64, chunk, 0, LIMIT_AMOUNT, NOREF, "which chunk")
#define FIELDS_R_GET_CHUNK(F) F(BIN, sealed, 1, 65552, NOREF, "the sealed chunk")

#define PROTOCOL_ROWS(B) \
    B(CODE, code) B(RECORD_ROW, record_row) B(HASH_ROW, hash_row) B(LISTING_ROW, listing_row) B(LEVEL, level) \
    B(ORDER_ROW, order_row) B(TRADE_ROW, trade_row) B(BALANCE, balance) B(STATEMENT_ROW, statement_row) \
    B(REQUEST_ROW, request_row) B(RANGE, range)
#define PROTOCOL_BODIES(B) \
    B(Q_NONE, q_none) B(R_NONE, r_none) B(Q_SUBMIT, q_submit) B(R_SUBMIT, r_submit) B(R_DOORS, r_doors) \
    B(Q_ENROL, q_enrol) B(Q_PARTY, q_party) B(R_PARTY, r_party) B(Q_SEARCH, q_search) B(R_SEARCH, r_search) \
    B(Q_LISTING, q_listing) B(R_LISTING, r_listing) B(Q_BOOK, q_book) B(R_BOOK, r_book) B(Q_OWN, q_own) \
    B(R_ORDERS, r_orders) B(R_TRADES, r_trades) B(Q_TRADE, q_trade) B(R_TRADE, r_trade) B(Q_SIGNED, q_signed) B(R_SIGNED, r_signed) B(R_BALANCES, r_balances) \
    B(R_STATEMENTS, r_statements) B(Q_REQUESTS, q_requests) B(R_REQUESTS, r_requests) B(Q_INDEX, q_index) \
    B(R_PROOF, r_proof) B(R_RECEIPT, r_receipt) B(R_CHECKPOINT, r_checkpoint) B(Q_RECORDS, q_records) \
    B(R_RECORDS, r_records) B(Q_CONSISTENCY, q_consistency) B(R_CONSISTENCY, r_consistency) B(Q_UPLOAD, q_upload) \
    B(R_UPLOAD, r_upload) B(Q_PUT_MANIFEST, q_put_manifest) B(Q_PUT_CHUNK, q_put_chunk) B(R_PUT, r_put) \
    B(Q_GET_MANIFEST, q_get_manifest) B(R_GET_MANIFEST, r_get_manifest) B(Q_GET_CHUNK, q_get_chunk) \
    B(R_GET_CHUNK, r_get_chunk)

/*
 * Messages of the tape (door 7422), which publishes what everyone may see, without names. Like an event, each is named by
 * the record it comes from. B(LIST, member, kind, "what it says").
 */
#define FIELDS_TAPE_LISTING(F) \
    F(INDEX, record, 1, LIMIT_AMOUNT, NOREF, "the record it comes from") \
    F(TIME, time_ms, 0, LIMIT_AMOUNT, NOREF, "its time") \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "which listing") \
    F(ENUM, kind, 0, LISTING_COMPUTE, names_listing_kind, "what is offered") \
    F(TEXT, title, 1, LIMIT_TITLE_BYTES, NOREF, "title") \
    F(ENUM, state, 0, LISTING_CLOSED, names_listing_state, "its state now")
#define FIELDS_TAPE_TOP(F) \
    F(INDEX, record, 1, LIMIT_AMOUNT, NOREF, "the record it comes from") \
    F(TIME, time_ms, 0, LIMIT_AMOUNT, NOREF, "its time") \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "whose book") \
    F(LIST, bid, 0, 1, schema_level, "the best bid; none: the side is empty") \
    F(LIST, ask, 0, 1, schema_level, "the best ask; none: the side is empty")
#define FIELDS_TAPE_TRADE(F) \
    F(INDEX, record, 1, LIMIT_AMOUNT, NOREF, "the trade") \
    F(TIME, time_ms, 0, LIMIT_AMOUNT, NOREF, "when") \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "what was traded") \
    F(MONEY, price, 0, LIMIT_AMOUNT, NOREF, "a unit") \
    F(U64, quantity, 1, LIMIT_AMOUNT, NOREF, "units") \
    F(ENUM, taker, 0, SIDE_ASK, names_side, "the side that came later")
#define FIELDS_TAPE_STATE(F) \
    F(INDEX, record, 1, LIMIT_AMOUNT, NOREF, "the record it comes from") \
    F(TIME, time_ms, 0, LIMIT_AMOUNT, NOREF, "its time") \
    F(BOOL, halted, 0, 1, NOREF, "whether the market is halted")
#define TAPE_MESSAGES(B) \
    B(TAPE_LISTING, tape_listing, 1, "A listing is new, or its state changed.") \
    B(TAPE_TOP, tape_top, 2, "The top of a book changed.") \
    B(TAPE_TRADE, tape_trade, 3, "A trade happened.") \
    B(TAPE_STATE, tape_state, 4, "The market's state changed.")

/* struct row_… / struct body_q_… and their schemas. */
#define BODY_AS_STRUCT(NAME, member) \
    struct body_##member { FIELDS_##NAME(FIELD_AS_MEMBER) }; \
    extern const struct schema schema_##member;
PROTOCOL_ROWS(BODY_AS_STRUCT)
PROTOCOL_BODIES(BODY_AS_STRUCT)
TAPE_MESSAGES(KIND_AS_STRUCT)

/*
 * Every verb: T(NAME, "verb", doors, request, reply, "what it does"). A query's state is that of the newest commit; a
 * request's verb may be followed by "@<index>" (book@1234): it is then answered once records below that index are in.
 */
#define VERBS(T) \
    T(SUBMIT, "submit", DOOR_TRADE, q_submit, r_submit, "A signed statement; the reply comes when it is durable.") \
    T(DOORS, "doors", DOOR_LOBBY | DOOR_TRADE, q_none, r_doors, "The market's other doors and parameters.") \
    T(ENROL, "enrol", DOOR_LOBBY, q_enrol, r_party, "Asks to be enrolled; waits in the lobby for an operator.") \
    T(PARTY, "party", DOOR_LOBBY | DOOR_TRADE | DOOR_AUDIT, q_party, r_party, "A party and its marks; oneself in the lobby by CURVE key.") \
    T(SEARCH, "search", DOOR_LOBBY | DOOR_TRADE, q_search, r_search, "Listings by words, kind and price.") \
    T(LISTING, "listing", DOOR_LOBBY | DOOR_TRADE, q_listing, r_listing, "One listing, whole.") \
    T(CHECKPOINT, "checkpoint", DOOR_LOBBY | DOOR_TRADE | DOOR_AUDIT, q_none, r_checkpoint, "The newest signed checkpoint.") \
    T(BOOK, "book", DOOR_TRADE, q_book, r_book, "A listing's book by price.") \
    T(ORDERS, "orders", DOOR_TRADE, q_own, r_orders, "One's own orders.") \
    T(TRADES, "trades", DOOR_TRADE, q_own, r_trades, "One's own trades.") \
    T(TRADE, "trade", DOOR_TRADE, q_trade, r_trade, "One of one's own trades, with its grant.") \
    T(SIGNED, "signed", DOOR_TRADE, q_signed, r_signed, "What a trade rests on, as its author signed it: the bid, the ask, the listing.") \
    T(BALANCES, "balances", DOOR_TRADE, q_none, r_balances, "One's own money.") \
    T(STATEMENTS, "statements", DOOR_TRADE, q_own, r_statements, "One's own accepted statements.") \
    T(REQUESTS, "requests", DOOR_TRADE, q_requests, r_requests, "Enrolment requests that wait (operators).") \
    T(PROOF, "proof", DOOR_TRADE | DOOR_AUDIT, q_index, r_proof, "A record one is entitled to, with its inclusion proof.") \
    T(RECEIPT, "receipt", DOOR_TRADE, q_trade, r_receipt, "A settled trade's note, record and proof.") \
    T(RECORDS, "records", DOOR_AUDIT, q_records, r_records, "Records in order; waits for new ones.") \
    T(CONSISTENCY, "consistency", DOOR_LOBBY | DOOR_TRADE | DOOR_AUDIT, q_consistency, r_consistency, "Proof that one head extends another.") \
    T(UPLOAD, "upload", DOOR_DATA, q_upload, r_upload, "What the store still needs of a listing's content.") \
    T(PUT_MANIFEST, "put_manifest", DOOR_DATA, q_put_manifest, r_put, "Leaf hashes; must come before chunks.") \
    T(PUT_CHUNK, "put_chunk", DOOR_DATA, q_put_chunk, r_put, "One sealed chunk.") \
    T(GET_MANIFEST, "get_manifest", DOOR_DATA, q_get_manifest, r_get_manifest, "Leaf hashes of a content.") \
    T(GET_CHUNK, "get_chunk", DOOR_DATA, q_get_chunk, r_get_chunk, "One sealed chunk.")

enum verb {
    VERB_UNKNOWN,
#define VERB_AS_NUMBER(NAME, verb, doors, request, reply, doc) VERB_##NAME,
    VERBS(VERB_AS_NUMBER)
#undef VERB_AS_NUMBER
};

struct verb_info {
    enum verb verb;
    const char *name;
    unsigned doors;
    const struct schema *request, *reply;
    const char *doc;
};
extern const struct verb_info all_verbs[];
extern const size_t n_all_verbs;
const struct verb_info *verb_by_name(struct bytes name);

struct request {
    uint64_t request_id;
    const struct verb_info *verb; /* NULL: unknown */
    uint64_t after;               /* from "@<index>"; 0: none */
    const void *body;             /* struct body_q_<…> */
};

MUST_USE enum tide_err request_encode(const struct request *r, struct arena *arena, struct bytes *out);
/*
 * Decodes a frame. TIDE_OK also for an unknown verb (verb NULL, body NULL). On TIDE_EMALFORMED *out has the
 * request_id if it could be read, else 0. Texts point into `in`.
 */
MUST_USE enum tide_err request_decode(struct bytes in, struct arena *arena, struct request *out);

struct reply {
    uint64_t request_id;
    uint64_t code; /* enum outcome */
    struct bytes text;
    const void *body; /* NULL unless code is 0 */
};

/* `schema` is the verb's reply schema. */
MUST_USE enum tide_err reply_encode(const struct reply *r, const struct schema *schema, struct arena *arena,
                                    struct bytes *out);
/* request_id alone, to find the verb that was asked; then the whole. */
MUST_USE enum tide_err reply_peek_id(struct bytes in, uint64_t *request_id);
MUST_USE enum tide_err reply_decode(struct bytes in, const struct schema *schema, struct arena *arena,
                                    struct reply *out);

/* docs/protocol.md, generated: written to `file` (FILE *). TIDE_EIO. */
struct _IO_FILE;
MUST_USE enum tide_err protocol_write_docs(struct _IO_FILE *file);

#endif
