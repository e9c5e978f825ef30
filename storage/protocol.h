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
    F(MONEY, last_price, 0, LIMIT_AMOUNT, NOREF, "the last price") \
    F(TEXT, unit, 0, 32, NOREF, "what one unit is; empty: a licence") \
    F(TEXT, category, 0, 64, NOREF, "category") \
    F(TEXT, place, 0, 64, NOREF, "place covered") \
    F(TIME, time_from, 0, LIMIT_AMOUNT, NOREF, "first moment covered") \
    F(TIME, time_to, 0, LIMIT_AMOUNT, NOREF, "last moment covered") \
    F(INDEX, revises, 0, LIMIT_AMOUNT, NOREF, "the earlier listing it is a revision of") \
    F(INDEX, revised_by, 0, LIMIT_AMOUNT, NOREF, "the newest revision of it") \
    F(U64, certificate, 0, LIMIT_AMOUNT, NOREF, "number of its certificate; 0: not registered") \
    F(INDEX, registered, 0, LIMIT_AMOUNT, NOREF, "its `registered` record") \
    F(U64, samples, 0, LIMIT_SAMPLES, NOREF, "chunks promised as samples") \
    F(U64, closed_untraded, 0, LIMIT_AMOUNT, NOREF, "listings of this title or content that the vendor closed untraded before") \
    F(U64, n_trades, 0, LIMIT_AMOUNT, NOREF, "how often it was traded") \
    F(U64, vendor_settled, 0, LIMIT_AMOUNT, NOREF, "mark of its vendor: trades settled") \
    F(U64, vendor_missed, 0, LIMIT_AMOUNT, NOREF, "mark of its vendor: grants missed") \
    F(U64, vendor_faults, 0, LIMIT_AMOUNT, NOREF, "mark of its vendor: trades refunded, at fault") \
    F(HASH, seed, 0, 0, NOREF, "of the draw of its samples; absent: not drawn") \
    F(INDEX, sampled, 0, LIMIT_AMOUNT, NOREF, "the vendor's statement of its samples; 0: none yet") \
    F(U64, detail_len, 0, LIMIT_DETAIL_BYTES, NOREF, "bytes of its sealed detail part") \
    F(BOOL, elsewhere, 0, 1, NOREF, "the payload lies at the vendor's own location")
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
    F(TIME, expires_at, 0, LIMIT_AMOUNT, NOREF, "gtd") \
    F(BOOL, closed, 0, 1, NOREF, "whether it has ended") \
    F(BOOL, post_only, 0, 1, NOREF, "never the side that comes later") \
    F(MONEY, budget, 0, LIMIT_AMOUNT, NOREF, "market bids: what is left of it") \
    F(INDEX, voucher, 0, LIMIT_AMOUNT, NOREF, "the programme that pays a share") \
    F(MONEY, voucher_unit, 0, LIMIT_AMOUNT, NOREF, "what it holds of each unit") \
    F(TEXT, title, 0, LIMIT_TITLE_BYTES, NOREF, "the listing's title")
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
    F(INDEX, final_record, 0, LIMIT_AMOUNT, NOREF, "the settled or refunded record; 0 if none yet") \
    F(INDEX, programme, 0, LIMIT_AMOUNT, NOREF, "the voucher programme that pays a part; 0: none") \
    F(MONEY, voucher, 0, LIMIT_AMOUNT, NOREF, "what it pays of the total") \
    F(INDEX, revised_by, 0, LIMIT_AMOUNT, NOREF, "a newer revision of what was bought") \
    F(PARTY, arbiter, 0, 0, NOREF, "who is to rule on its claim, or did") \
    F(MONEY, bond, 0, LIMIT_AMOUNT, NOREF, "the buyer's bond") \
    F(BOOL, overdue, 0, 1, NOREF, "the arbiter did not rule in time") \
    F(INDEX, dispute, 0, LIMIT_AMOUNT, NOREF, "the buyer's dispute; 0: none") \
    F(INDEX, verdict, 0, LIMIT_AMOUNT, NOREF, "the broker's verdict on it; 0: none") \
    F(ENUM, finding, 0, FINDING_SAMPLE_MISMATCH, names_finding, "what the verdict found")
#define FIELDS_BALANCE(F) \
    F(INDEX, asset, 0, LIMIT_AMOUNT, NOREF, "0: CNY; otherwise the programme") \
    F(MONEY, available, 0, LIMIT_AMOUNT, NOREF, "free to use") \
    F(MONEY, held, 0, LIMIT_AMOUNT, NOREF, "held for resting bids") \
    F(MONEY, escrow, 0, LIMIT_AMOUNT, NOREF, "paid in, trade not final; of an issuer: its programmes' funds") \
    F(MONEY, locked, 0, LIMIT_AMOUNT, NOREF, "of what is available: cannot be withdrawn yet") \
    F(TEXT, name, 0, LIMIT_NAME_BYTES, NOREF, "CNY, or the programme's name")
#define FIELDS_ENTRY_ROW(F) \
    F(INDEX, index, 0, LIMIT_AMOUNT, NOREF, "the record that moved it") \
    F(TIME, time_ms, 0, LIMIT_AMOUNT, NOREF, "when") \
    F(TEXT, what, 0, 32, NOREF, "the event's kind: deposited, settled, …") \
    F(INDEX, subject, 0, LIMIT_AMOUNT, NOREF, "the trade, withdrawal or programme it is about; 0: none") \
    F(I64, amount, 0, LIMIT_AMOUNT, NOREF, "what came, or (negative) went") \
    F(MONEY, balance, 0, LIMIT_AMOUNT, NOREF, "what is owned after it: available, held and escrow together")
#define FIELDS_PROGRAMME_ROW(F) \
    F(INDEX, programme, 1, LIMIT_AMOUNT, NOREF, "its name, and its asset") \
    F(TEXT, name, 0, LIMIT_NAME_BYTES, NOREF, "what it is called") \
    F(PARTY, issuer, 1, 0, NOREF, "who pays") \
    F(TEXT, issuer_name, 0, LIMIT_NAME_BYTES, NOREF, "its name") \
    F(ENUM, state, 0, PROGRAMME_ENDED, names_programme_state, "state") \
    F(FLAGS, kinds, 0, LISTING_KINDS_ALL, names_listing_kind, "what it may be spent on") \
    F(U64, share_bp, 0, 10000, NOREF, "share of a price, in basis points") \
    F(MONEY, top_price, 0, LIMIT_AMOUNT, NOREF, "price of a unit up to which it pays its share") \
    F(MONEY, cap_party, 0, LIMIT_AMOUNT, NOREF, "the most one party is given") \
    F(MONEY, fund, 0, LIMIT_AMOUNT, NOREF, "all of it") \
    F(MONEY, left, 0, LIMIT_AMOUNT, NOREF, "not given yet") \
    F(TIME, ends_at, 0, LIMIT_AMOUNT, NOREF, "its end") \
    F(MONEY, given, 0, LIMIT_AMOUNT, NOREF, "of it, given to oneself") \
    F(MONEY, available, 0, LIMIT_AMOUNT, NOREF, "of that, free to use") \
    F(MONEY, held, 0, LIMIT_AMOUNT, NOREF, "held for one's bids") \
    F(MONEY, escrow, 0, LIMIT_AMOUNT, NOREF, "in one's open trades")
#define FIELDS_WITHDRAWAL_ROW(F) \
    F(INDEX, withdrawal, 1, LIMIT_AMOUNT, NOREF, "its name") \
    F(PARTY, party, 1, 0, NOREF, "whose money") \
    F(TEXT, name, 0, LIMIT_NAME_BYTES, NOREF, "its name") \
    F(TIME, requested_at, 0, LIMIT_AMOUNT, NOREF, "when") \
    F(MONEY, amount, 0, LIMIT_AMOUNT, NOREF, "how much") \
    F(TEXT, destination, 0, 128, NOREF, "where to") \
    F(ENUM, state, 0, WITHDRAWAL_RETURNED, names_withdrawal_state, "state") \
    F(INDEX, done_record, 0, LIMIT_AMOUNT, NOREF, "the `paid_out` record; 0: not yet")
#define FIELDS_CLAIM_ROW(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "whose trade") \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "what was traded") \
    F(TEXT, title, 0, LIMIT_TITLE_BYTES, NOREF, "its title") \
    F(PARTY, buyer, 1, 0, NOREF, "who claims") \
    F(TEXT, buyer_name, 0, LIMIT_NAME_BYTES, NOREF, "its name") \
    F(PARTY, vendor, 1, 0, NOREF, "against whom") \
    F(TEXT, vendor_name, 0, LIMIT_NAME_BYTES, NOREF, "its name") \
    F(PARTY, arbiter, 1, 0, NOREF, "who is to rule") \
    F(TEXT, arbiter_name, 0, LIMIT_NAME_BYTES, NOREF, "its name") \
    F(MONEY, total, 0, LIMIT_AMOUNT, NOREF, "what the trade costs") \
    F(MONEY, bond, 0, LIMIT_AMOUNT, NOREF, "the buyer's bond") \
    F(HASH, reasons, 0, 0, NOREF, "SHA-256 of the buyer's reasons") \
    F(TIME, due, 0, LIMIT_AMOUNT, NOREF, "by when; 0: overdue") \
    F(BOOL, overdue, 0, 1, NOREF, "was not ruled on in time")
#define FIELDS_PARTY_ROW(F) \
    F(PARTY, party, 1, 0, NOREF, "who, by the key in force") \
    F(INDEX, admitted, 0, LIMIT_AMOUNT, NOREF, "its `admitted` record") \
    F(TEXT, name, 0, LIMIT_NAME_BYTES, NOREF, "name") \
    F(FLAGS, roles, 0, ROLE_ALL, names_role, "roles") \
    F(ENUM, state, 0, PARTY_SUSPENDED, names_party_state, "state") \
    F(TEXT, group, 0, 64, NOREF, "legal group") \
    F(TEXT, jurisdiction, 0, 8, NOREF, "jurisdiction")
#define FIELDS_KEY_ROW(F) \
    F(PARTY, key, 1, 0, NOREF, "a signing key") \
    F(RECIPIENT, seal_key, 0, 0, NOREF, "the sealing key with it") \
    F(INDEX, since, 0, LIMIT_AMOUNT, NOREF, "the record that put it in force")
#define FIELDS_TOP_ROW(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "which listing") \
    F(ENUM, kind, 0, LISTING_COMPUTE, names_listing_kind, "what is offered") \
    F(TEXT, title, 1, LIMIT_TITLE_BYTES, NOREF, "title") \
    F(ENUM, state, 0, LISTING_CLOSED, names_listing_state, "its state") \
    F(LIST, bid, 0, 1, schema_level, "the best bid; none: the side is empty") \
    F(LIST, ask, 0, 1, schema_level, "the best ask; none: the side is empty") \
    F(BOOL, has_last, 0, 1, NOREF, "whether it was traded") \
    F(MONEY, last_price, 0, LIMIT_AMOUNT, NOREF, "the last price")
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
    F(U64, missed, 0, LIMIT_AMOUNT, NOREF, "mark: grants missed") \
    F(U64, faults, 0, LIMIT_AMOUNT, NOREF, "mark: trades refunded as vendor, at fault") \
    F(U64, unproven, 0, LIMIT_AMOUNT, NOREF, "mark: claims as buyer that were not upheld") \
    F(HASH, card_hash, 0, 0, NOREF, "salted hash of its contact card") \
    F(TIME, rekey_at, 0, LIMIT_AMOUNT, NOREF, "an announced change of its keys takes effect then; 0: none") \
    F(PARTY, key, 0, 0, NOREF, "its signing key in force, if one asked by an older one")
#define FIELDS_Q_SEARCH(F) \
    F(TEXT, words, 0, 256, NOREF, "all of them occur in title, summary, category or keywords") \
    F(U64, kinds, 0, 31, NOREF, "bit set of kinds; 0: all") \
    F(MONEY, max_price, 0, LIMIT_AMOUNT, NOREF, "best ask at most; 0: any") \
    F(ENUM, state, 0, LISTING_CLOSED, names_listing_state, "none: open ones; pending: what waits for review") \
    F(BOOL, mine, 0, 1, NOREF, "only one's own listings, in any state") \
    F(TEXT, category, 0, 64, NOREF, "of this category") \
    F(FLAGS, classes, 0, 7, names_class, "of these data classes; none: any") \
    F(TEXT, place, 0, 64, NOREF, "covering this place") \
    F(TIME, time_from, 0, LIMIT_AMOUNT, NOREF, "covering some of the time from then …") \
    F(TIME, time_to, 0, LIMIT_AMOUNT, NOREF, "… to then; 0: open") \
    F(PARTY, vendor, 0, 0, NOREF, "of this vendor") \
    F(INDEX, revises, 0, LIMIT_AMOUNT, NOREF, "revisions of this listing") \
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
    F(MONEY, last_price, 0, LIMIT_AMOUNT, NOREF, "the last price") \
    F(TEXT, title, 0, LIMIT_TITLE_BYTES, NOREF, "title") \
    F(TEXT, unit, 0, 32, NOREF, "what one unit is; empty: a licence") \
    F(ENUM, state, 0, LISTING_CLOSED, names_listing_state, "the listing's state") \
    F(BOOL, halted, 0, 1, NOREF, "whether the whole market is halted") \
    F(U64, next, 0, LIMIT_AMOUNT, NOREF, "the book after all records below this index")
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
    F(ENUM, part, 0, SIGNED_ASK_REPLACED, names_signed, "which of the statements it rests on")
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
#define FIELDS_KEY_CHANGE(F) \
    F(BIN, record, 1, LIMIT_RECORD_BYTES, NOREF, "the `rekeyed` record") \
    F(TEXT, proof, 1, 16384, NOREF, "its tlog-proof, with a signed checkpoint")
#define FIELDS_R_RECEIPT(F) \
    F(TEXT, note, 1, 8192, NOREF, "the settlement note: text and its signature lines") \
    F(BIN, record, 1, LIMIT_RECORD_BYTES, NOREF, "the settled record") \
    F(TEXT, proof, 1, 16384, NOREF, "its tlog-proof, with a signed checkpoint") \
    F(LIST, changes, 0, RECEIPT_CHANGES_MAX, schema_key_change, "from the keys in the text to those that signed, in order")
#define FIELDS_R_CERTIFICATE(F) \
    F(TEXT, note, 1, 8192, NOREF, "the certificate: its text and the broker's signature line") \
    F(BIN, record, 1, LIMIT_RECORD_BYTES, NOREF, "the `registered` record") \
    F(TEXT, proof, 1, 16384, NOREF, "its tlog-proof, with a signed checkpoint")
#define FIELDS_R_MARKET(F) \
    F(TEXT, name, 1, LIMIT_NAME_BYTES, NOREF, "the market's name") \
    F(TEXT, origin, 1, LIMIT_ORIGIN_BYTES, NOREF, "the log's origin") \
    F(U64, next, 0, LIMIT_AMOUNT, NOREF, "this is after all records below this index") \
    F(TIME, now_ms, 0, LIMIT_AMOUNT, NOREF, "the broker's clock") \
    F(BOOL, halted, 0, 1, NOREF, "whether the market is halted") \
    F(TIME, halted_at, 0, LIMIT_AMOUNT, NOREF, "since when") \
    F(U64, certificates, 0, LIMIT_AMOUNT, NOREF, "listings registered so far") \
    F(LIST, parameters, 0, PARAM_N, schema_parameter, "parameters in force")
#define FIELDS_Q_ACCOUNT(F) \
    F(PARTY, party, 0, 0, NOREF, "absent: oneself; operators and regulators may ask for others") \
    F(BOOL, market, 0, 1, NOREF, "the market's own fees (operators, regulators)") \
    F(INDEX, asset, 0, LIMIT_AMOUNT, NOREF, "0: CNY; otherwise the programme") \
    F(TIME, from, 0, LIMIT_AMOUNT, NOREF, "from then on; 0: from the beginning") \
    F(TIME, to, 0, LIMIT_AMOUNT, NOREF, "before then; 0: to the end") \
    F(INDEX, after, 0, LIMIT_AMOUNT, NOREF, "cursor: entries of later records; 0: from the first") \
    F(U64, limit, 0, LIMIT_PAGE, NOREF, "0: 20")
#define FIELDS_R_ACCOUNT(F) \
    F(MONEY, opening, 0, LIMIT_AMOUNT, NOREF, "what was owned before the first entry of this page") \
    F(LIST, entries, 0, LIMIT_PAGE, schema_entry_row, "in the order in which they happened") \
    F(MONEY, closing, 0, LIMIT_AMOUNT, NOREF, "what was owned after the last one of this page") \
    F(INDEX, after, 0, LIMIT_AMOUNT, NOREF, "the next page's cursor; 0: no more")
#define FIELDS_Q_PROGRAMMES(F) \
    F(BOOL, mine, 0, 1, NOREF, "only those of which one was given, or which one issued") \
    F(BOOL, open_only, 0, 1, NOREF, "only those that have not ended") \
    F(INDEX, before, 0, LIMIT_AMOUNT, NOREF, "cursor: lower names; 0: from the newest") \
    F(U64, limit, 0, LIMIT_PAGE, NOREF, "0: 20")
#define FIELDS_R_PROGRAMMES(F) \
    F(LIST, programmes, 0, LIMIT_PAGE, schema_programme_row, "newest first") \
    F(INDEX, before, 0, LIMIT_AMOUNT, NOREF, "the next page's cursor; 0: no more")
#define FIELDS_Q_WITHDRAWALS(F) \
    F(BOOL, all, 0, 1, NOREF, "everybody's (banks, operators, regulators)") \
    F(BOOL, open_only, 0, 1, NOREF, "only what waits for the bank") \
    F(INDEX, before, 0, LIMIT_AMOUNT, NOREF, "cursor: lower names; 0: from the newest") \
    F(U64, limit, 0, LIMIT_PAGE, NOREF, "0: 20")
#define FIELDS_R_WITHDRAWALS(F) \
    F(LIST, withdrawals, 0, LIMIT_PAGE, schema_withdrawal_row, "newest first") \
    F(INDEX, before, 0, LIMIT_AMOUNT, NOREF, "the next page's cursor; 0: no more")
#define FIELDS_Q_CLAIMS(F) \
    F(BOOL, all, 0, 1, NOREF, "everybody's (operators, regulators); otherwise those one is to rule on") \
    F(BOOL, overdue, 0, 1, NOREF, "only those that are overdue") \
    F(INDEX, before, 0, LIMIT_AMOUNT, NOREF, "cursor: lower names; 0: from the newest") \
    F(U64, limit, 0, LIMIT_PAGE, NOREF, "0: 20")
#define FIELDS_R_CLAIMS(F) \
    F(LIST, claims, 0, LIMIT_PAGE, schema_claim_row, "newest trade first") \
    F(INDEX, before, 0, LIMIT_AMOUNT, NOREF, "the next page's cursor; 0: no more")
#define FIELDS_Q_PARTIES(F) \
    F(FLAGS, roles, 0, ROLE_ALL, names_role, "with any of these roles; none: all") \
    F(INDEX, after, 0, LIMIT_AMOUNT, NOREF, "cursor: higher party numbers") \
    F(U64, limit, 0, LIMIT_PAGE, NOREF, "0: 20")
#define FIELDS_R_PARTIES(F) \
    F(LIST, parties, 0, LIMIT_PAGE, schema_party_row, "in the order of their admission") \
    F(INDEX, after, 0, LIMIT_AMOUNT, NOREF, "the next page's cursor; 0: no more")
#define FIELDS_R_KEYS(F) \
    F(LIST, keys, 0, LIMIT_PAGE, schema_key_row, "a party's keys, the oldest first")
#define FIELDS_Q_ORDER(F) F(INDEX, order, 1, LIMIT_AMOUNT, NOREF, "one of one's own")
#define FIELDS_R_ORDER(F) F(LIST, row, 1, 1, schema_order_row, "as in the list")
#define FIELDS_R_CARD(F) \
    F(ID16, salt, 0, 0, NOREF, "salt") \
    F(TEXT, card, 0, LIMIT_CARD_BYTES, NOREF, "the card: JSON, as its party wrote it") \
    F(HASH, card_hash, 0, 0, NOREF, "SHA-256(salt ‖ card), as in the journal")
#define FIELDS_Q_PUT_CARD(F) \
    F(ID16, salt, 1, 0, NOREF, "16 random bytes") \
    F(TEXT, card, 1, LIMIT_CARD_BYTES, NOREF, "the card, whose hash with the salt is the one in force (`card`, `enrol`)")
#define FIELDS_Q_TAPE(F) \
    F(INDEX, after, 0, LIMIT_AMOUNT, NOREF, "cursor: listings with a higher name") \
    F(INDEX, listing, 0, LIMIT_AMOUNT, NOREF, "this listing alone; 0: all that are open or halted") \
    F(U64, limit, 0, LIMIT_PAGE, NOREF, "0: 20")
#define FIELDS_R_TAPE(F) \
    F(U64, next, 0, LIMIT_AMOUNT, NOREF, "the rows are as after all records below this index") \
    F(BOOL, halted, 0, 1, NOREF, "whether the market is halted") \
    F(LIST, tops, 0, LIMIT_PAGE, schema_top_row, "listings in the order of their names") \
    F(INDEX, after, 0, LIMIT_AMOUNT, NOREF, "the next page's cursor; 0: no more")
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
#define FIELDS_Q_UPLOAD(F) F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "one's own listing") \
    F(ENUM, part, 0, PART_DETAIL, names_part, "which part of it")
#define FIELDS_R_UPLOAD(F) \
    F(U64, n_chunks, 0, LIMIT_AMOUNT, NOREF, "in all") \
    F(U64, manifest_have, 0, LIMIT_AMOUNT, NOREF, "leaf hashes the store has, from the first") \
    F(LIST, missing, 0, LIMIT_PAGE, schema_range, "chunks it still needs (the first ranges)") \
    F(BOOL, complete, 0, 1, NOREF, "everything is there and verified") \
    F(TEXT, trouble, 0, 256, NOREF, "of a payload at the vendor's own location: what the last look found wrong")
#define FIELDS_Q_PUT_MANIFEST(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "one's own listing") \
    F(U64, first, 0, LIMIT_AMOUNT, NOREF, "chunk of the first hash") \
    F(BIN, hashes, 32, 65536, NOREF, "leaf hashes, 32 bytes each, in order") \
    F(ENUM, part, 0, PART_DETAIL, names_part, "of which part")
#define FIELDS_Q_PUT_CHUNK(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "one's own listing") \
    F(U64, chunk, 0, LIMIT_AMOUNT, NOREF, "which chunk") \
    F(BIN, sealed, 1, 65552, NOREF, "the sealed chunk") \
    F(ENUM, part, 0, PART_DETAIL, names_part, "of which part")
#define FIELDS_R_PUT(F) F(U64, have, 0, LIMIT_AMOUNT, NOREF, "hashes or chunks the store now has")
#define FIELDS_Q_GET_MANIFEST(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "a listing one bought (granted) or sells") \
    F(U64, first, 0, LIMIT_AMOUNT, NOREF, "chunk of the first hash") \
    F(ENUM, part, 0, PART_DETAIL, names_part, "of which part; a detail part: for whom it was opened")
#define FIELDS_R_GET_MANIFEST(F) F(BIN, hashes, 0, 65536, NOREF, "leaf hashes from there, as many as fit")
#define FIELDS_Q_GET_CHUNK(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "a listing one bought (granted) or sells") \
    F(U64, chunk, 0, LIMIT_AMOUNT, NOREF, "which chunk") \
    F(ENUM, part, 0, PART_DETAIL, names_part, "of which part; a detail part: for whom it was opened")
#define FIELDS_R_GET_CHUNK(F) F(BIN, sealed, 1, 65552, NOREF, "the sealed chunk")
#define FIELDS_Q_PUT_SAMPLE(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "one's own listing, whose samples are signed") \
    F(U64, chunk, 0, LIMIT_AMOUNT, NOREF, "which chunk") \
    F(BIN, plain, 0, 65536, NOREF, "its plaintext, which must have the hash that was signed")
#define FIELDS_Q_GET_SAMPLE(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "a listing with samples") \
    F(U64, chunk, 0, LIMIT_AMOUNT, NOREF, "which of its sample chunks")
#define FIELDS_R_GET_SAMPLE(F) F(BIN, plain, 0, 65536, NOREF, "the chunk's plaintext")
#define FIELDS_R_SAMPLE(F) \
    F(HASH, seed, 0, 0, NOREF, "from which the chunks were drawn") \
    F(INDEX, sampled, 0, LIMIT_AMOUNT, NOREF, "the statement's record; 0: none yet") \
    F(BIN, envelope, 0, LIMIT_STATEMENT_BYTES, NOREF, "the vendor's `sample` statement as it was signed")
#define FIELDS_DETAIL_ROW(F) \
    F(PARTY, party, 1, 0, NOREF, "who may read it") \
    F(TEXT, name, 0, LIMIT_NAME_BYTES, NOREF, "its name") \
    F(INDEX, disclosed, 0, LIMIT_AMOUNT, NOREF, "the statement that opened it")
#define FIELDS_Q_DETAIL(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "a listing with a sealed detail part") \
    F(INDEX, after, 0, LIMIT_AMOUNT, NOREF, "to its vendor: cursor of the parties; 0: from the first") \
    F(U64, limit, 0, LIMIT_PAGE, NOREF, "0: 20")
#define FIELDS_R_DETAIL(F) \
    F(U64, detail_len, 0, LIMIT_DETAIL_BYTES, NOREF, "bytes before sealing") \
    F(BIN, grant, 0, LIMIT_GRANT_BYTES, NOREF, "the age header for the asker's sealing key, if it was opened to it") \
    F(INDEX, disclosed, 0, LIMIT_AMOUNT, NOREF, "the statement that carries it") \
    F(LIST, parties, 0, LIMIT_PAGE, schema_detail_row, "to its vendor: who may read it") \
    F(INDEX, after, 0, LIMIT_AMOUNT, NOREF, "the next page's cursor; 0: no more")
#define FIELDS_JUDGE_ROW(F) \
    F(PARTY, party, 1, 0, NOREF, "who") \
    F(TEXT, name, 0, LIMIT_NAME_BYTES, NOREF, "its name") \
    F(RECIPIENT, seal_key, 1, 0, NOREF, "to which evidence is sealed")
#define FIELDS_R_JUDGES(F) \
    F(LIST, judges, 1, 64, schema_judge_row, "the broker, then every active regulator")
#define FIELDS_Q_PUT_EVIDENCE(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "one's own trade, granted and not disputed yet") \
    F(HASH, hash, 1, 0, NOREF, "SHA-256 of the whole; another begins anew") \
    F(U64, len, 1, LIMIT_EVIDENCE_BYTES, NOREF, "bytes of the whole") \
    F(U64, offset, 0, LIMIT_EVIDENCE_BYTES, NOREF, "where the piece begins: where the last one ended") \
    F(BIN, piece, 1, LIMIT_PIECE_BYTES, NOREF, "the sealed evidence from there")
#define FIELDS_Q_EVIDENCE(F) \
    F(INDEX, trade, 1, LIMIT_AMOUNT, NOREF, "a trade that was disputed") \
    F(U64, offset, 0, LIMIT_EVIDENCE_BYTES, NOREF, "from where")
#define FIELDS_R_EVIDENCE(F) \
    F(HASH, hash, 1, 0, NOREF, "SHA-256 of the whole, as the dispute names it") \
    F(U64, len, 0, LIMIT_EVIDENCE_BYTES, NOREF, "bytes of the whole") \
    F(BIN, piece, 0, LIMIT_PIECE_BYTES, NOREF, "the sealed evidence from there")

#define PROTOCOL_ROWS(B) \
    B(CODE, code) B(RECORD_ROW, record_row) B(HASH_ROW, hash_row) B(LISTING_ROW, listing_row) B(LEVEL, level) \
    B(ORDER_ROW, order_row) B(TRADE_ROW, trade_row) B(BALANCE, balance) B(KEY_CHANGE, key_change) B(STATEMENT_ROW, statement_row) \
    B(REQUEST_ROW, request_row) B(RANGE, range) B(ENTRY_ROW, entry_row) B(PROGRAMME_ROW, programme_row) \
    B(WITHDRAWAL_ROW, withdrawal_row) B(CLAIM_ROW, claim_row) B(PARTY_ROW, party_row) B(KEY_ROW, key_row) \
    B(TOP_ROW, top_row) B(DETAIL_ROW, detail_row) B(JUDGE_ROW, judge_row)
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
    B(R_GET_CHUNK, r_get_chunk) B(R_CERTIFICATE, r_certificate) B(R_MARKET, r_market) B(Q_ACCOUNT, q_account) \
    B(R_ACCOUNT, r_account) B(Q_PROGRAMMES, q_programmes) B(R_PROGRAMMES, r_programmes) \
    B(Q_WITHDRAWALS, q_withdrawals) B(R_WITHDRAWALS, r_withdrawals) B(Q_CLAIMS, q_claims) B(R_CLAIMS, r_claims) \
    B(Q_PARTIES, q_parties) B(R_PARTIES, r_parties) B(R_KEYS, r_keys) B(Q_ORDER, q_order) B(R_ORDER, r_order) \
    B(R_CARD, r_card) B(Q_PUT_CARD, q_put_card) B(Q_TAPE, q_tape) B(R_TAPE, r_tape) \
    B(Q_PUT_SAMPLE, q_put_sample) B(Q_GET_SAMPLE, q_get_sample) B(R_GET_SAMPLE, r_get_sample) B(R_SAMPLE, r_sample) \
    B(Q_DETAIL, q_detail) B(R_DETAIL, r_detail) B(R_JUDGES, r_judges) B(Q_PUT_EVIDENCE, q_put_evidence) \
    B(Q_EVIDENCE, q_evidence) B(R_EVIDENCE, r_evidence)

/*
 * The tape (door 7422) publishes what every enrolled party may see, without names. A message is one frame, msgpack array
 * [1, body of `tape`], and says what happened in the records `from` … `next` − 1 and how things stand after them; the
 * next message begins where this one ends, so that a gap is seen at once. The verb `tape` gives the picture to begin with:
 * subscribe, ask for it, then apply the messages whose `next` is above the picture's.
 */
#define FIELDS_TAPE_LISTING(F) \
    F(INDEX, record, 1, LIMIT_AMOUNT, NOREF, "the record it comes from") \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "which listing") \
    F(ENUM, kind, 0, LISTING_COMPUTE, names_listing_kind, "what is offered") \
    F(TEXT, title, 1, LIMIT_TITLE_BYTES, NOREF, "title") \
    F(ENUM, state, 0, LISTING_CLOSED, names_listing_state, "its state now")
#define FIELDS_TAPE_TOP(F) \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "whose book") \
    F(LIST, bid, 0, 1, schema_level, "the best bid; none: the side is empty") \
    F(LIST, ask, 0, 1, schema_level, "the best ask; none: the side is empty")
#define FIELDS_TAPE_TRADE(F) \
    F(INDEX, record, 1, LIMIT_AMOUNT, NOREF, "the trade") \
    F(INDEX, listing, 1, LIMIT_AMOUNT, NOREF, "what was traded") \
    F(MONEY, price, 0, LIMIT_AMOUNT, NOREF, "a unit") \
    F(U64, quantity, 1, LIMIT_AMOUNT, NOREF, "units") \
    F(ENUM, taker, 0, SIDE_ASK, names_side, "the side that came later")
#define FIELDS_TAPE_STATE(F) \
    F(INDEX, record, 1, LIMIT_AMOUNT, NOREF, "the record it comes from") \
    F(BOOL, halted, 0, 1, NOREF, "whether the market is halted")
#define FIELDS_TAPE(F) \
    F(U64, from, 0, LIMIT_AMOUNT, NOREF, "first record it covers") \
    F(U64, next, 0, LIMIT_AMOUNT, NOREF, "one past the last; the same as `from`: nothing new, the broker is there") \
    F(TIME, time_ms, 0, LIMIT_AMOUNT, NOREF, "of the last of these records") \
    F(LIST, listings, 0, LIMIT_PAGE, schema_tape_listing, "listings that are new or changed their state (once they are open)") \
    F(LIST, trades, 0, LIMIT_PAGE, schema_tape_trade, "trades, in their order") \
    F(LIST, states, 0, LIMIT_PAGE, schema_tape_state, "the market was halted or resumed") \
    F(LIST, tops, 0, LIMIT_PAGE, schema_tape_top, "books whose top may have changed, as they are after the last record")
#define TAPE_MESSAGES(B) \
    B(TAPE_LISTING, tape_listing, 1, "A listing is new, or its state changed.") \
    B(TAPE_TOP, tape_top, 2, "The top of a book.") \
    B(TAPE_TRADE, tape_trade, 3, "A trade happened.") \
    B(TAPE_STATE, tape_state, 4, "The market's state changed.") \
    B(TAPE, tape, 5, "A message of the tape.")

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
    T(GET_CHUNK, "get_chunk", DOOR_DATA, q_get_chunk, r_get_chunk, "One sealed chunk.") \
    T(CERTIFICATE, "certificate", DOOR_TRADE, q_listing, r_certificate, "A registered listing's certificate, with its proof.") \
    T(MARKET, "market", DOOR_LOBBY | DOOR_TRADE | DOOR_AUDIT, q_none, r_market, "The market's state and parameters.") \
    T(ACCOUNT, "account", DOOR_TRADE | DOOR_AUDIT, q_account, r_account, "A statement of account: what was owned, entry by entry.") \
    T(PROGRAMMES, "programmes", DOOR_LOBBY | DOOR_TRADE, q_programmes, r_programmes, "Voucher programmes, and what one has of them.") \
    T(WITHDRAWALS, "withdrawals", DOOR_TRADE, q_withdrawals, r_withdrawals, "Withdrawals: one's own, or for a bank all.") \
    T(CLAIMS, "claims", DOOR_TRADE, q_claims, r_claims, "Claims that wait for a ruling.") \
    T(PARTIES, "parties", DOOR_TRADE | DOOR_AUDIT, q_parties, r_parties, "Who is enrolled (operators, regulators).") \
    T(KEYS, "keys", DOOR_LOBBY | DOOR_TRADE | DOOR_AUDIT, q_party, r_keys, "A party's keys and since when each is in force.") \
    T(ORDER, "order", DOOR_TRADE, q_order, r_order, "One of one's own orders.") \
    T(TAPE, "tape", DOOR_TRADE, q_tape, r_tape, "The picture that the tape's messages go on from.") \
    T(CARD, "card", DOOR_TRADE, q_party, r_card, "A contact card: one's own, a counterparty's, or (operators, regulators) anyone's.") \
    T(PUT_CARD, "put_card", DOOR_TRADE, q_put_card, r_none, "Gives one's contact card to the broker, outside the journal.") \
    T(ERASE_CARD, "erase_card", DOOR_TRADE, q_none, r_none, "Erases one's contact card.") \
    T(PUT_SAMPLE, "put_sample", DOOR_DATA, q_put_sample, r_put, "A sample chunk in clear, from its vendor.") \
    T(GET_SAMPLE, "get_sample", DOOR_DATA, q_get_sample, r_get_sample, "A sample chunk in clear, for every enrolled party.") \
    T(SAMPLE, "sample", DOOR_TRADE | DOOR_AUDIT, q_listing, r_sample, "What a vendor signed of its samples.") \
    T(DETAIL, "detail", DOOR_TRADE, q_detail, r_detail, "The key of a sealed detail part, for whom it was opened.") \
    T(JUDGES, "judges", DOOR_TRADE, q_none, r_judges, "To whom evidence is sealed.") \
    T(PUT_EVIDENCE, "put_evidence", DOOR_DATA, q_put_evidence, r_put, "A piece of a dispute's sealed evidence, before the dispute is stated.") \
    T(EVIDENCE, "evidence", DOOR_AUDIT, q_evidence, r_evidence, "A dispute's sealed evidence (regulators).")

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

/* A message of the tape. TIDE_ELIMIT: longer than a frame. Decoding: texts point into `in`, which may be anybody's. */
MUST_USE enum tide_err tape_encode(const struct body_tape *message, struct arena *arena, struct bytes *out);
MUST_USE enum tide_err tape_decode(struct bytes in, struct arena *arena, const struct body_tape **out);

/* docs/protocol.md, generated: written to `file` (FILE *). TIDE_EIO. */
struct _IO_FILE;
MUST_USE enum tide_err protocol_write_docs(struct _IO_FILE *file);

#endif
