/*
 * The table of commands: every name, value and flag that a person can type, once. Parsing, help and completion follow
 * it.
 *
 * Always holds: commands of one noun stand together; a one-word command has no verb. The order is the one help prints.
 */
#include "client/cli/commands.h"

#include "client/cli/text.h"

#define ROLES "vendor|buyer|reviewer|bank|issuer|arbiter|operator|regulator"
#define CONTENT_KINDS "dataset|model|report"
#define KINDS "dataset|model|report|api|compute"
#define STATES "awaiting|pending|sampling|open|halted|refused|closed"

#define END \
    { \
        0 \
    }
#define SWITCH(name, help) \
    { \
        name, 0, FLAG_SWITCH, false, false, NULL, help \
    }
#define TEXT(name, value, help) \
    { \
        name, 0, FLAG_TEXT, false, false, value, help \
    }
#define FILENAME(name, help) \
    { \
        name, 0, FLAG_FILE, false, false, "FILE", help \
    }
#define COUNT(name, value, help) \
    { \
        name, 0, FLAG_COUNT, false, false, value, help \
    }
#define DRY_RUN SWITCH("dry-run", "print what would be signed, and stop")
#define TIMEOUT COUNT("timeout", "SECONDS", "wait at most so long; otherwise as long as it takes")
#define LIMIT COUNT("limit", "N", "at most so many rows")
#define BEFORE COUNT("before", "N", "only what has a lower number (to go on where a list ended)")
#define PURPOSE TEXT("purpose", "WORD", "what the data is for, where a listing allows some purposes only")
#define PRICE \
    { \
        "price", 0, FLAG_MONEY, false, true, "YUAN", "of each unit or licence, like 99.00" \
    }

static const struct flag key_new_flags[] = {TEXT("name", "NAME", "the identity's name (default: default)"),
                                            SWITCH("passphrase", "ask for a passphrase to protect the file with"), END};
static const struct flag key_show_flags[] = {SWITCH("recipient", "the age1… recipient instead of the party"), END};
static const struct flag enrol_flags[] = {
    {"name", 0, FLAG_TEXT, false, true, "NAME", "your organisation's name"},
    {"role", 0, FLAG_CHOICE, true, true, ROLES, "a role to ask for; may be repeated"},
    TEXT("jurisdiction", "CODE", "where it is established, ISO 3166, like CN"),
    SWITCH("wait", "until an operator has admitted it"),
    TIMEOUT,
    DRY_RUN,
    END};
static const struct flag admit_flags[] = {
    TEXT("group", "NAME", "the legal group it belongs to"),
    {"role", 0, FLAG_CHOICE, true, false, ROLES, "a role to give; may be repeated (default: those it asked for)"},
    TEXT("jurisdiction", "CODE", "as you established it (default: as it says)"),
    DRY_RUN,
    END};
static const struct flag suspend_flags[] = {
    {"reason", 0, FLAG_TEXT, false, true, "TEXT", "why; it goes into the journal"}, DRY_RUN, END};
static const struct flag deposit_flags[] = {
    {"reference", 0, FLAG_TEXT, false, true, "TEXT", "the bank's own reference, never used twice"}, DRY_RUN, END};
static const struct flag review_list_flags[] = {LIMIT, BEFORE, END};
static const struct flag approve_flags[] = {TEXT("reason", "TEXT", "a remark; it goes into the journal"), DRY_RUN, END};
static const struct flag refuse_flags[] = {
    {"reason", 0, FLAG_TEXT, false, true, "TEXT", "why; it goes into the journal"}, DRY_RUN, END};

static const struct flag seal_flags[] = {{"out", 'o', FLAG_FILE, false, true, "FILE", "the sealed file"}, END};
static const struct flag open_flags[] = {{"out", 'o', FLAG_FILE, false, true, "FILE", "the opened file"}, END};
static const struct flag sell_flags[] = {
    {"title", 0, FLAG_TEXT, false, true, "TEXT", "the listing's title"},
    PRICE,
    {"quantity", 0, FLAG_QUANTITY, false, false, "N|unlimited", "how many licences (default: unlimited)"},
    {"kind", 0, FLAG_CHOICE, false, false, CONTENT_KINDS, "what it is (default: dataset)"},
    TEXT("summary", "TEXT", "what it is, in some sentences"),
    TEXT("category", "TEXT", "e.g. transport"),
    {"keyword", 0, FLAG_TEXT, true, false, "WORD", "to be found by; may be repeated"},
    TEXT("media-type", "TYPE", "e.g. text/csv"),
    COUNT("rows", "N", "number of rows"),
    TEXT("place", "TEXT", "the place it covers"),
    TEXT("update-cycle", "TEXT", "e.g. daily"),
    FILENAME("terms", "usage terms, which a buyer accepts with the bid"),
    FILENAME("rights", "document of the right to operate (to sell products of) the data; its hash is published"),
    FILENAME("rights-holding", "document of the right to hold the data"),
    FILENAME("rights-processing", "document of the right to process the data"),
    {"class", 0, FLAG_CHOICE, false, false, "general|important|core", "data class (default: general)"},
    FILENAME("assessment", "security assessment, needed for important data"),
    SWITCH("personal-data", "it holds personal data; needs --legal-basis"),
    TEXT("legal-basis", "TEXT", "why personal data in it may be sold"),
    TEXT("jurisdictions", "CODES", "where it may be used: ISO 3166 codes, spaces between (default: anywhere)"),
    TEXT("purposes", "WORDS", "what it may be used for, spaces between (default: anything)"),
    COUNT("revises", "LISTING", "the earlier listing of yours that this is a revision of"),
    {"out", 'o', FLAG_FILE, false, false, "FILE", "the sealed file (default: FILE.tide)"},
    SWITCH("no-wait", "do not wait for a reviewer's approval; ask later with order ask"),
    TIMEOUT,
    DRY_RUN,
    END};
static const struct flag vend_flags[] = {SWITCH("once", "grant what waits now, and stop"), END};

static const struct flag search_flags[] = {
    {"kind", 0, FLAG_CHOICE, true, false, KINDS, "only this kind; may be repeated"},
    {"max-price", 0, FLAG_MONEY, false, false, "YUAN", "offered at this or less"},
    {"state", 0, FLAG_CHOICE, false, false, STATES, "in this state (default: open)"},
    SWITCH("mine", "your own listings, in any state"),
    LIMIT,
    BEFORE,
    END};
static const struct flag close_flags[] = {DRY_RUN, END};
static const struct flag buy_flags[] = {
    {"out", 'o', FLAG_FILE, false, true, "FILE", "where the opened data goes"},
    {"max-price", 0, FLAG_MONEY, false, false, "YUAN", "the most to pay for a licence (default: the best ask)"},
    {"quantity", 0, FLAG_COUNT, false, false, "N", "how many licences (default: 1)"},
    PURPOSE,
    SWITCH("no-wait", "bid, and stop there; the same command goes on later"),
    FILENAME("keep-sealed", "keep the purchase as an age file too"),
    FILENAME("keep-key", "write the one-time AGE-SECRET-KEY-1… that opens it (mode 0600)"),
    TIMEOUT,
    DRY_RUN,
    END};
static const struct flag bid_flags[] = {
    PRICE, {"quantity", 0, FLAG_COUNT, false, true, "N", "how many units or licences"}, PURPOSE, DRY_RUN, END};
static const struct flag ask_flags[] = {
    PRICE, {"quantity", 0, FLAG_QUANTITY, false, true, "N|unlimited", "how many units or licences"}, DRY_RUN, END};
static const struct flag cancel_flags[] = {DRY_RUN, END};
static const struct flag own_flags[] = {SWITCH("open", "only what is not final"), LIMIT, BEFORE, END};
static const struct flag book_flags[] = {COUNT("limit", "N", "levels a side (default: 20)"), END};
static const struct flag fetch_flags[] = {
    {"out", 'o', FLAG_FILE, false, true, "FILE", "where the opened data goes"},
    FILENAME("keep-sealed", "keep the purchase as an age file too"),
    FILENAME("keep-key", "write the one-time AGE-SECRET-KEY-1… that opens it (mode 0600)"),
    END};
static const struct flag accept_flags[] = {DRY_RUN, END};
static const struct flag receipt_flags[] = {{"out", 'o', FLAG_FILE, false, true, "FILE", "the receipt"}, TIMEOUT, END};
static const struct flag follow_flags[] = {COUNT("from", "INDEX", "begin with this record (default: 0)"),
                                           SWITCH("once", "stop at the newest record"), END};
static const struct flag verify_flags[] = {
    TEXT("key", "VKEY", "the log's verifier key, name+hash+key (default: of the context's market)"), END};

const struct command all_commands[] = {
    {"key", "new", NULL, key_new_flags, key_new, "make an identity"},
    {"key", "show", "[NAME|FILE]", key_show_flags, key_show, "print an identity's party or recipient"},
    {"connect", NULL, "URL", NULL, connect_run, "save a market's URL as a context"},
    {"context", "list", NULL, NULL, context_list, "the markets that were saved"},
    {"context", "use", "NAME", NULL, context_use, "choose the market that commands mean"},
    {"enrol", NULL, NULL, enrol_flags, enrol_run, "ask to be enrolled in the market"},
    {"status", NULL, NULL, NULL, status_run, "who am I, what roles and money have I, what waits for me"},

    {"search", NULL, "[WORDS...]", search_flags, listing_search, "find listings"},
    {"buy", NULL, "LISTING", buy_flags, buy_run, "bid, wait, download, check, open, accept, keep the receipt"},
    {"open", NULL, "FILE", open_flags, open_run,
     "open an age file (-i: identity, or a file with an AGE-SECRET-KEY-1…)"},
    {"verify", NULL, "FILE", verify_flags, verify_run, "check a receipt or proof, offline"},

    {"sell", NULL, "FILE", sell_flags, sell_run, "seal, upload, publish and ask"},
    {"seal", NULL, "FILE", seal_flags, seal_run, "seal a file and commit to it, offline"},
    {"vend", NULL, NULL, vend_flags, vend_run, "grant trades as they come"},

    {"listing", "search", "[WORDS...]", search_flags, listing_search, "find listings"},
    {"listing", "show", "LISTING", NULL, listing_show, "one listing, with its terms"},
    {"listing", "close", "LISTING", close_flags, listing_close, "close one's listing for good"},
    {"book", NULL, "LISTING", book_flags, book_show, "what is bid and asked for a listing"},
    {"order", "bid", "LISTING", bid_flags, order_bid, "bid for a listing"},
    {"order", "ask", "LISTING", ask_flags, order_ask, "offer one's listing"},
    {"order", "cancel", "ORDER...", cancel_flags, order_cancel, "take orders out of the book"},
    {"order", "list", NULL, own_flags, order_list, "one's orders"},
    {"trade", "list", NULL, own_flags, trade_list, "one's trades"},
    {"trade", "show", "TRADE", NULL, trade_show, "one trade, with its settlement text"},
    {"trade", "fetch", "TRADE", fetch_flags, trade_fetch, "download, check and open what was granted"},
    {"trade", "accept", "TRADE", accept_flags, trade_accept, "accept a delivery; the vendor is paid"},
    {"trade", "receipt", "TRADE", receipt_flags, trade_receipt, "write a settled trade's receipt"},
    {"money", "show", NULL, NULL, money_show, "one's balances"},
    {"outbox", "list", NULL, NULL, outbox_list, "what was signed, and what is known of it"},
    {"outbox", "show", "ID", NULL, outbox_show, "one statement of the outbox"},
    {"outbox", "resend", NULL, NULL, outbox_resend, "ask again what has no known outcome"},

    {"party", "requests", NULL, NULL, party_requests, "who asks to be enrolled (operators)"},
    {"party", "admit", "PARTY", admit_flags, party_admit, "enrol a party that asks (operators)"},
    {"party", "show", "[PARTY]", NULL, party_show, "a party and its marks"},
    {"party", "suspend", "PARTY", suspend_flags, party_suspend, "suspend a party (operators)"},
    {"bank", "deposit", "PARTY AMOUNT", deposit_flags, bank_deposit, "record a deposit (banks)"},
    {"review", "list", NULL, review_list_flags, review_list, "listings that wait for review (reviewers)"},
    {"review", "approve", "LISTING...", approve_flags, review_approve, "let listings be traded (reviewers)"},
    {"review", "refuse", "LISTING", refuse_flags, review_refuse, "refuse a listing (reviewers)"},
    {"audit", "follow", NULL, follow_flags, audit_follow, "every record as it happens (regulators)"},
    {"audit", "show", "INDEX", NULL, audit_show, "one record (regulators)"},

    {"errors", NULL, "[CODE]", NULL, errors_run, "what a code means and what to do"},
    {"completion", NULL, "bash|zsh|fish", NULL, completion_run, "completion for a shell"},
    {"help", NULL, "[COMMAND...]", NULL, help_run, "this, or a command's flags"},
    {"version", NULL, NULL, NULL, version_run, "the version"},
};
const size_t n_all_commands = ARRAY_N(all_commands);
