/*
 * Every answer a statement or a query can get, and every way a client's command can fail: stable numbers in one
 * table. 1xx the broker cannot take it now, 2xx malformed or not authentic, 3xx not allowed to this party, 4xx no
 * such thing or wrong state, 5xx policy; 6xx and 7xx never cross the wire: the client's own troubles (6xx) and what
 * its checks found (7xx). In the order of the broker's checks, so that one statement has one answer.
 *
 *     O(NAME, number, "name", retry, giver, "sentence", "what to do")
 *
 * retry: 1 if sending the same again may help by itself. giver: LAW if the market's law gives it (docs/market.md shows a
 * scenario for each), DOOR if only the broker's doors and queries do, CLIENT if only the client's library does.
 */
#ifndef TIDEMARK_STORAGE_OUTCOME_H
#define TIDEMARK_STORAGE_OUTCOME_H

#include "crypto/base.h"

#define OUTCOMES(O) \
    O(OK, 0, "ok", 0, LAW, "Accepted.", "Nothing.") \
    O(BUSY, 101, "busy", 1, LAW, "The broker has more work than it can queue.", "Send the same again in a moment.") \
    O(FULL, 102, "full", 1, DOOR, "The broker's disk is full; nothing was changed.", "Ask the operator to make room, then send the same again.") \
    O(STOPPING, 103, "stopping", 1, DOOR, "The broker is shutting down.", "Send the same again when it is back.") \
    O(NOT_YET, 104, "not_yet", 1, DOOR, "What was asked for is not published or not applied yet.", "Ask again in a second.") \
    O(MARKET_HALTED, 105, "market_halted", 1, LAW, "The market is halted.", "Wait until the operator resumes it.") \
    O(MALFORMED, 201, "malformed", 0, LAW, "The bytes do not follow the protocol.", "Update the program that made them; docs/protocol.md has the format.") \
    O(TOO_LARGE, 202, "too_large", 0, DOOR, "The message is over a limit.", "Split it; docs/protocol.md lists the limits.") \
    O(UNKNOWN_VERB, 203, "unknown_verb", 0, DOOR, "This door does not know that verb.", "Use the door that docs/protocol.md names for it.") \
    O(WRONG_MARKET, 204, "wrong_market", 0, LAW, "The statement is for another market.", "Connect with this market's URL.") \
    O(BAD_SIGNATURE, 205, "bad_signature", 0, LAW, "The signature is not the party's.", "Check which identity signed it.") \
    O(BAD_TIME, 206, "bad_time", 0, LAW, "issued_at, valid_until and the command id do not fit together or to the clock.", "Set this machine's clock; sign anew.") \
    O(EXPIRED, 207, "expired", 0, LAW, "The statement's valid_until has passed.", "Look it up among your own statements; if it is not there, sign anew.") \
    O(ID_REUSED, 208, "id_reused", 0, LAW, "Another statement was accepted under this command id.", "Sign with a new command id.") \
    O(UNKNOWN_PARTY, 301, "unknown_party", 0, LAW, "This key is not enrolled here.", "Ask to be enrolled: tidemark enrol.") \
    O(SUSPENDED, 302, "suspended", 0, LAW, "The party is suspended.", "Ask the market's operator.") \
    O(NOT_YOUR_ROLE, 303, "not_your_role", 0, LAW, "The party's roles do not include this.", "Ask the operator for the role; tidemark status shows yours.") \
    O(NOT_YOURS, 304, "not_yours", 0, LAW, "It belongs to another party.", "Check the number.") \
    O(OWN_GROUP, 305, "own_group", 0, LAW, "Nobody reviews, rules on or trades with its own legal group.", "Leave it to another party.") \
    O(ROLES_EXCLUDE, 306, "roles_exclude", 0, LAW, "Roles that one party may not hold together.", "Enrol a second identity for the other role.") \
    O(NOT_ASKED_FOR, 307, "not_asked_for", 0, LAW, "A role the party did not ask for.", "Admit it with roles from its request.") \
    O(LAST_OPERATOR, 308, "last_operator", 0, LAW, "The last operator cannot be suspended.", "Admit another operator first.") \
    O(BROKER_ONLY, 309, "broker_only", 0, LAW, "Only the broker says this.", "Do not send it.") \
    O(KEY_NOT_IN_FORCE, 310, "key_not_in_force", 0, LAW, "The key is not, or no longer, the party's.", "Sign with the identity file that key rotate wrote; tidemark party show lists the keys.") \
    O(NO_SUCH_LISTING, 401, "no_such_listing", 0, LAW, "There is no listing of that number.", "tidemark search finds listings.") \
    O(NO_SUCH_ORDER, 402, "no_such_order", 0, LAW, "There is no order of that number.", "tidemark order list shows yours.") \
    O(NO_SUCH_TRADE, 403, "no_such_trade", 0, LAW, "There is no trade of that number.", "tidemark trade list shows yours.") \
    O(NO_SUCH_PARTY, 404, "no_such_party", 0, LAW, "No party of that key is enrolled.", "Check the tide1… text.") \
    O(NO_SUCH_RECORD, 405, "no_such_record", 0, DOOR, "There is no such record, or it is not yours to see.", "Check the index.") \
    O(NO_SUCH_REQUEST, 406, "no_such_request", 0, DOOR, "No enrolment request of that party is waiting.", "tidemark party requests lists them.") \
    O(NOT_STORED, 407, "not_stored", 1, DOOR, "The content is not there, or not yet completely.", "Finish the upload.") \
    O(WRONG_STATE, 408, "wrong_state", 0, LAW, "It is not in a state in which this can be done.", "Look at it again: it has moved on, or is not there yet.") \
    O(LISTING_NOT_OPEN, 409, "listing_not_open", 0, LAW, "The listing is not open for trading.", "tidemark listing show says what it waits for.") \
    O(ORDER_CLOSED, 410, "order_closed", 0, LAW, "The order is no longer in the book.", "tidemark order list shows what became of it.") \
    O(ALREADY_ENROLLED, 411, "already_enrolled", 0, LAW, "The party, its wire key or its recipient is enrolled already.", "Nothing, or use a new identity.") \
    O(ALREADY_LISTED, 412, "already_listed", 0, LAW, "This key commitment or nonce is used by another listing.", "Seal the file anew: a file key is used once.") \
    O(REFERENCE_USED, 413, "reference_used", 0, LAW, "This bank reference was counted already.", "Look at the earlier deposit; use a new reference for a new one.") \
    O(TOO_LATE, 414, "too_late", 0, LAW, "The deadline has passed.", "Nothing can be done in this trade; its basis says what happened.") \
    O(NO_SUCH_PROGRAMME, 415, "no_such_programme", 0, LAW, "There is no voucher programme of that number.", "tidemark voucher list shows them.") \
    O(NO_SUCH_WITHDRAWAL, 416, "no_such_withdrawal", 0, LAW, "There is no withdrawal of that number.", "tidemark bank list shows those that wait.") \
    O(NO_ARBITER, 417, "no_arbiter", 0, LAW, "No arbiter is eligible.", "Ask the operator to admit one, or name one who is active and of neither party's group.") \
    O(NO_SUCH_CARD, 418, "no_such_card", 0, DOOR, "The party has no contact card here, or it was erased.", "Ask the party.") \
    O(ALREADY_DISPUTED, 419, "already_disputed", 0, LAW, "The trade was disputed before: evidence is judged once.", "Ask an arbiter instead: tidemark trade claim.") \
    O(NO_SUCH_EVIDENCE, 420, "no_such_evidence", 0, DOOR, "There is no evidence of that trade here.", "tidemark trade show says whether it was disputed.") \
    O(NO_SUCH_DETAIL, 421, "no_such_detail", 0, DOOR, "The listing has no sealed detail part, or it was not opened to you.", "Ask its vendor: tidemark listing show names it.") \
    O(BAD_PRICE, 501, "bad_price", 0, LAW, "The price, or price times quantity, is zero or over the limit.", "Choose a price and quantity within 2^53 fen.") \
    O(BAD_QUANTITY, 502, "bad_quantity", 0, LAW, "The quantity does not fit the order.", "Give a quantity above 0, or make an ask unlimited.") \
    O(BAD_ORDER, 503, "bad_order", 0, LAW, "Fields of the order contradict each other.", "See docs/market.md for what each kind of order needs.") \
    O(NO_FUNDS, 504, "no_funds", 0, LAW, "The available balance does not cover it.", "Ask your bank for a deposit, or lower the price.") \
    O(WRONG_TERMS, 505, "wrong_terms", 0, LAW, "The bid accepts other usage terms than the listing's.", "Read the listing again and accept its terms.") \
    O(BAD_RECIPIENT, 506, "bad_recipient", 0, LAW, "The recipient is missing, not canonical, of low order, registered or used before.", "Make a new one for each bid.") \
    O(SELF_TRADE, 507, "self_trade", 0, LAW, "The order would meet one of its own group.", "Cancel the other order first.") \
    O(NOT_ALLOWED_THERE, 508, "not_allowed_there", 0, LAW, "The usage terms do not allow the buyer's jurisdiction.", "Ask the vendor for another listing.") \
    O(NOT_ALLOWED_FOR, 509, "not_allowed_for", 0, LAW, "The usage terms do not allow this purpose.", "Bid with a purpose that listing show names.") \
    O(WOULD_TRADE, 510, "would_trade", 0, LAW, "A post-only order that would trade at once.", "Change its price, or leave post-only out.") \
    O(CORE_DATA, 511, "core_data", 0, LAW, "Core data may not be traded.", "Do not list it.") \
    O(NO_ASSESSMENT, 512, "no_assessment", 0, LAW, "Important data needs a security assessment.", "Name its hash.") \
    O(NO_LEGAL_BASIS, 513, "no_legal_basis", 0, LAW, "Personal data needs a legal basis.", "Name it, or remove the personal data.") \
    O(NO_RIGHT, 514, "no_right", 0, LAW, "The right to operate (sell products of) the data must be held.", "Name the hash of its document: --rights.") \
    O(BAD_CONTENT, 515, "bad_content", 0, LAW, "Plaintext length, chunk count, payload size, nonce and roots do not agree.", "Seal the file with tidemark seal or sell.") \
    O(BAD_GRANT, 516, "bad_grant", 0, LAW, "The grant is not an age header of one X25519 stanza.", "Make it with the library.") \
    O(BAD_SETTLEMENT_SIGNATURE, 517, "bad_settlement_signature", 0, LAW, "The signature is not over this trade's settlement text.", "Sign the text that trade show gives.") \
    O(NEEDS_REASONS, 518, "needs_reasons", 0, LAW, "A refusal gives its reasons.", "Add --reason.") \
    O(TOO_MANY, 519, "too_many", 0, LAW, "A limit on how many is reached.", "Wait until some are done.") \
    O(BAD_TEXT, 521, "bad_text", 0, LAW, "A title or name has control characters.", "Remove them.") \
    O(CANNOT_FILL, 522, "cannot_fill", 0, LAW, "The book does not have the whole of a fill-or-kill order.", "Take less, offer a better price, or use ioc.") \
    O(NO_VOUCHER, 523, "no_voucher", 0, LAW, "Nothing can be paid from the voucher.", "Bid without it; tidemark voucher list shows what is left.") \
    O(VOUCHER_NOT_FOR_THIS, 524, "voucher_not_for_this", 0, LAW, "The voucher programme does not cover this kind of listing.", "Bid without it, or with another programme.") \
    O(BAD_PARAMETER, 525, "bad_parameter", 0, LAW, "A parameter is out of its bounds, or given twice.", "docs/market.md has the bounds.") \
    O(WITHDRAWALS_FROZEN, 526, "withdrawals_frozen", 1, LAW, "A change of the party's keys is announced: nothing is paid out until it is done or stopped.", "Wait, or stop it: tidemark party stop-rekey.") \
    O(VOUCHER_CAP, 527, "voucher_cap", 0, LAW, "It is more than the party may be given, or than the programme has left.", "Give less.") \
    O(BAD_PROGRAMME, 528, "bad_programme", 0, LAW, "The programme would end before it begins.", "Choose a later end.") \
    O(BAD_SAMPLE, 529, "bad_sample", 0, LAW, "The sample chunks are not those promised and drawn.", "Promise at most 5 % of the chunks; show exactly those drawn.") \
    O(BAD_PERIOD, 530, "bad_period", 0, LAW, "The time covered ends before it begins.", "Swap the two.") \
    O(BAD_LOCATION, 531, "bad_location", 0, LAW, "The location is no https address, or the listing has no content.", "Give an address that begins with https:// and has no spaces.") \
    O(NO_ROOM, 532, "no_room", 0, LAW, "The vendor's contents would take more than the market keeps for one vendor.", "Close a listing, name a location of your own, or ask the operator.") \
    O(BAD_EVIDENCE, 533, "bad_evidence", 0, DOOR, "The pieces are not the evidence that was named, or it is too long.", "Make it with the library.") \
    O(C_USAGE, 601, "usage", 0, CLIENT, "The command line is not understood.", "tidemark help shows how.") \
    O(C_NO_CONTEXT, 602, "no_context", 0, CLIENT, "No market is chosen.", "tidemark connect URL first.") \
    O(C_NO_IDENTITY, 603, "no_identity", 0, CLIENT, "There is no identity file.", "tidemark key new makes one.") \
    O(C_BAD_IDENTITY, 604, "bad_identity", 0, CLIENT, "The identity file cannot be used.", "chmod 600 it, or give the right passphrase or file.") \
    O(C_UNREACHABLE, 605, "unreachable", 1, CLIENT, "The broker does not answer.", "Check the URL and the network; try again.") \
    O(C_UNKNOWN_OUTCOME, 606, "unknown_outcome", 1, CLIENT, "The statement was sent; no answer came. It may have been accepted.", "tidemark outbox resend asks again, safely.") \
    O(C_FILE, 607, "file", 0, CLIENT, "A file cannot be read or written.", "Check its name, its permissions and the disk.") \
    O(C_TIMEOUT, 608, "timeout", 1, CLIENT, "It did not happen in the time given.", "Wait and run the same command again.") \
    O(C_NOT_CONFIRMED, 609, "not_confirmed", 0, CLIENT, "Not confirmed; nothing was sent.", "Answer yes, or give --yes.") \
    O(C_INTERNAL, 610, "internal", 0, CLIENT, "The program failed inside.", "Report what the message says.") \
    O(C_INTERRUPTED, 611, "interrupted", 1, CLIENT, "Interrupted; nothing is lost.", "Run the same command again.") \
    O(C_NO_MEMORY, 612, "no_memory", 1, CLIENT, "Out of memory.", "Free some and try again.") \
    O(V_LOG_KEY_UNKNOWN, 701, "log_key_unknown", 0, CLIENT, "log key unknown: nothing here says whose log to believe.", "Give --key, or use the context of that market.") \
    O(V_FAILED, 702, "verification_failed", 0, CLIENT, "Something that was checked is not true.", "Do not rely on it; show it to the regulator.") \
    O(V_FORK, 703, "fork", 0, CLIENT, "The broker shows a head that contradicts one seen before.", "Keep both heads, tell the regulator.") \
    O(V_DAMAGED, 704, "damaged_content", 0, CLIENT, "The content is not what the listing committed to.", "Dispute the trade.") \
    O(V_UNREADABLE, 705, "unreadable", 0, CLIENT, "It is not a receipt, certificate or proof.", "Check the file.")

enum outcome_giver { GIVEN_BY_LAW, GIVEN_BY_DOOR, GIVEN_BY_CLIENT };

enum outcome {
#define OUTCOME_AS_NUMBER(NAME, number, name, retry, giver, sentence, hint) OUTCOME_##NAME = number,
    OUTCOMES(OUTCOME_AS_NUMBER)
#undef OUTCOME_AS_NUMBER
};

struct outcome_info {
    unsigned code;
    const char *name;
    bool retry;
    enum outcome_giver giver;
    const char *sentence;
    const char *hint;
};

/* The entry of a code, by number or by name; NULL if there is none. Static. */
const struct outcome_info *outcome_info(unsigned code);
const struct outcome_info *outcome_by_name(const char *name);
extern const struct outcome_info all_outcomes[];
extern const size_t n_all_outcomes;

#endif
