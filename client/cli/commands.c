/*
 * The table of commands: every name, value and flag that a person can type, once. Parsing, help and completion follow
 * it.
 *
 * Always holds: commands of one noun stand together; a one-word command has no verb. The order is the one help prints.
 */
#include "client/cli/commands.h"

#include "client/cli/text.h"

#define ROLES "vendor|buyer|reviewer|bank|issuer|arbiter|operator|regulator"
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
#define REASON \
    { \
        "reason", 0, FLAG_TEXT, false, true, "TEXT", "why; it goes into the journal" \
    }
#define REASONS \
    { \
        "reasons", 0, FLAG_FILE, false, true, "FILE", "why; it stays with you, its hash goes into the journal" \
    }
#define REFERENCE \
    { \
        "reference", 0, FLAG_TEXT, false, true, "TEXT", "the bank's own reference, never used twice" \
    }
/* Of payloads that lie at a vendor's own location. */
#define LOCATION \
    FILENAME("location-ca", "authorities (PEM) to believe of a vendor's own server, instead of the system's"), \
        SWITCH("location-local", "a vendor's own server may be in a private network")
#define VOUCHER COUNT("voucher", "PROGRAMME", "a voucher programme to pay a share from (voucher list)")
/* How an order is to be traded; conditions.c knows which go together. */
#define CONDITIONS \
    {"price", 0, FLAG_MONEY, false, false, "YUAN", "limit of each unit or licence, like 99.00"}, \
        {"type", 0, FLAG_CHOICE, false, false, "limit|market", "at --price or better, or at any price (default: limit)"}, \
        {"tif", 0, FLAG_CHOICE, false, false, "gtc|gtd|ioc|fok", \
         "in force until cancelled, until a date, at once, or whole or not at all (default: gtc; market: ioc)"}, \
        {"expires", 0, FLAG_UNTIL, false, false, "TIME", "in force until then: 2026-11-30T18:00, or +2h, +3d (gtd)"}, \
        SWITCH("post-only", "refused if it would trade at once")
#define PRICE \
    { \
        "price", 0, FLAG_MONEY, false, true, "YUAN", "of each unit or licence, like 99.00" \
    }

/* What a listing says; publish.c reads them. */
#define PUBLICATION \
    {"kind", 0, FLAG_CHOICE, false, false, KINDS, "what it is (default: dataset)"}, \
        TEXT("summary", "TEXT", "what it is, in some sentences"), \
        TEXT("unit", "TEXT", "what one unit is, like PFLOPS·month (default: a licence)"), \
        TEXT("category", "TEXT", "e.g. transport"), \
        {"keyword", 0, FLAG_TEXT, true, false, "WORD", "to be found by; may be repeated"}, \
        TEXT("media-type", "TYPE", "e.g. text/csv"), \
        COUNT("rows", "N", "number of rows"), \
        TEXT("place", "TEXT", "the place it covers"), \
        TEXT("update-cycle", "TEXT", "e.g. daily"), \
        FILENAME("terms", "usage terms, which a buyer accepts with the bid"), \
        FILENAME("rights", "document of the right to operate (to sell products of) the data; its hash is published"), \
        FILENAME("rights-holding", "document of the right to hold the data"), \
        FILENAME("rights-processing", "document of the right to process the data"), \
        {"class", 0, FLAG_CHOICE, false, false, "general|important|core", "data class (default: general)"}, \
        FILENAME("assessment", "security assessment, needed for important data"), \
        SWITCH("personal-data", "it holds personal data; needs --legal-basis"), \
        TEXT("legal-basis", "TEXT", "why personal data in it may be sold"), \
        TEXT("jurisdictions", "CODES", "where it may be used: ISO 3166 codes, spaces between (default: anywhere)"), \
        TEXT("purposes", "WORDS", "what it may be used for, spaces between (default: anything)"), \
        {"from", 0, FLAG_TIME, false, false, "DATE", "the first moment it covers"}, \
        {"to", 0, FLAG_UNTIL, false, false, "DATE", "the last moment it covers"}, \
        COUNT("sample", "N", "chunks that you will show in clear; the log draws which (at most 5 %)"), \
        FILENAME("detail", "a detail part of at most 1 MiB, sealed; you open it to parties of your choice (listing detail)"), \
        TEXT("location", "URL", "https address of your own for the payload; the market fetches it once, buyers from there"), \
        COUNT("revises", "LISTING", "the earlier listing of yours that this is a revision of")

static const struct flag key_new_flags[] = {TEXT("name", "NAME", "the identity's name (default: default)"),
                                            SWITCH("passphrase", "ask for a passphrase to protect the file with"), END};
static const struct flag key_show_flags[] = {SWITCH("recipient", "the age1… recipient instead of the party"), END};
static const struct flag key_rotate_flags[] = {TEXT("name", "NAME", "which identity (default: the one that acts)"), DRY_RUN, END};
static const struct flag key_request_flags[] = {
    {"out", 'o', FLAG_FILE, false, true, "FILE", "what an operator needs"}, DRY_RUN, END};
static const struct flag rekey_flags[] = {
    {"request", 0, FLAG_FILE, false, true, "FILE", "what the party's key request wrote"}, REASON, DRY_RUN, END};
static const struct flag card_flags[] = {DRY_RUN, END};
static const struct flag enrol_flags[] = {
    {"name", 0, FLAG_TEXT, false, true, "NAME", "your organisation's name"},
    {"role", 0, FLAG_CHOICE, true, true, ROLES, "a role to ask for; may be repeated"},
    TEXT("jurisdiction", "CODE", "where it is established, ISO 3166, like CN"),
    FILENAME("contact", "a contact card; the request has its salted hash, the broker gets it once you are admitted"),
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
static const struct flag party_list_flags[] = {
    {"role", 0, FLAG_CHOICE, true, false, ROLES, "with this role; may be repeated"}, LIMIT, END};
static const struct flag reason_flags[] = {REASON, DRY_RUN, END};
static const struct flag regroup_flags[] = {
    TEXT("group", "NAME", "the legal group from now on; empty: none (default: as it is)"),
    TEXT("jurisdiction", "CODE", "where it is established from now on (default: as it is)"), REASON, DRY_RUN, END};
static const struct flag reference_flags[] = {REFERENCE, DRY_RUN, END};
static const struct flag bank_list_flags[] = {SWITCH("all", "what is done, too"), LIMIT, BEFORE, END};

static const struct flag params_flags[] = {TEXT("reason", "TEXT", "why; it goes into the journal"), DRY_RUN, END};
static const struct flag programme_flags[] = {
    {"name", 0, FLAG_TEXT, false, true, "NAME", "what it is called"},
    {"kind", 0, FLAG_CHOICE, true, true, KINDS, "what it may be spent on; may be repeated"},
    {"share", 0, FLAG_SHARE, false, true, "PERCENT", "of each unit's price, like 30%"},
    {"top-price", 0, FLAG_MONEY, false, true, "YUAN", "price of a unit up to which it pays its share"},
    {"cap", 0, FLAG_MONEY, false, true, "YUAN", "the most that one party is given"},
    {"fund", 0, FLAG_MONEY, false, true, "YUAN", "all of it; set aside from your money at once"},
    {"until", 0, FLAG_UNTIL, false, true, "DATE", "what is not spent then comes back (that day is its last)"},
    DRY_RUN,
    END};
static const struct flag voucher_list_flags[] = {SWITCH("mine", "only those that you have of, or that you run"),
                                                 SWITCH("open", "only what has not ended"), LIMIT, BEFORE, END};
static const struct flag claim_flags[] = {REASONS, DRY_RUN, END};
static const struct flag claim_list_flags[] = {SWITCH("all", "everybody's (operators, regulators)"),
                                               SWITCH("overdue", "only those not ruled on in time"), LIMIT, BEFORE, END};
static const struct flag money_show_flags[] = {
    {"from", 0, FLAG_TIME, false, false, "DATE", "a statement of account from then on"},
    {"to", 0, FLAG_UNTIL, false, false, "DATE", "a statement of account to then (that day included)"},
    COUNT("asset", "N", "of 0, CNY, or of a voucher programme (default: 0)"), END};
static const struct flag withdraw_flags[] = {
    {"to", 0, FLAG_TEXT, false, true, "DESTINATION", "as agreed with the bank; no person's name"}, DRY_RUN, END};
static const struct flag review_list_flags[] = {LIMIT, BEFORE, END};
static const struct flag approve_flags[] = {TEXT("reason", "TEXT", "a remark; it goes into the journal"), DRY_RUN, END};
static const struct flag refuse_flags[] = {
    {"reason", 0, FLAG_TEXT, false, true, "TEXT", "why; it goes into the journal"}, DRY_RUN, END};

static const struct flag seal_flags[] = {
    {"out", 'o', FLAG_FILE, false, true, "FILE", "the sealed file; - is standard output"}, END};
static const struct flag open_flags[] = {
    {"out", 'o', FLAG_FILE, false, true, "FILE", "the opened file; - is standard output"}, END};
static const struct flag sell_flags[] = {
    {"title", 0, FLAG_TEXT, false, true, "TEXT", "the listing's title"},
    PRICE,
    {"quantity", 0, FLAG_QUANTITY, false, false, "N|unlimited", "how many licences (default: unlimited)"},
    PUBLICATION,
    {"out", 'o', FLAG_FILE, false, false, "FILE", "the sealed file (default: FILE.tide)"},
    SWITCH("no-wait", "do not wait for a reviewer's approval; ask later with order ask"),
    TIMEOUT,
    DRY_RUN,
    END};
static const struct flag publish_flags[] = {
    TEXT("title", "TEXT", "the listing's title"),
    PUBLICATION,
    FILENAME("from-json", "take the fields of a publish statement from here; flags go over them"),
    {"out", 'o', FLAG_FILE, false, false, "FILE", "the sealed file (default: FILE.tide)"},
    DRY_RUN,
    END};
static const struct flag certificate_flags[] = {
    {"out", 'o', FLAG_FILE, false, false, "FILE", "write the certificate with its proof here, for verify"}, TIMEOUT, END};
static const struct flag tape_flags[] = {SWITCH("follow", "go on as it happens"),
                                         COUNT("listing", "N", "of this listing alone"), END};
static const struct flag vend_flags[] = {
    SWITCH("once", "grant what waits now, and stop"),
    FILENAME("credential", "what buyers of your api and compute listings get, at most 4 KiB"),
    {"credential-dir", 0, FLAG_FILE, false, false, "DIR", "the same by DIR/<trade> or DIR/<listing>, where it is there"},
    LOCATION,
    END};

static const struct flag search_flags[] = {
    {"kind", 0, FLAG_CHOICE, true, false, KINDS, "only this kind; may be repeated"},
    {"max-price", 0, FLAG_MONEY, false, false, "YUAN", "offered at this or less"},
    {"state", 0, FLAG_CHOICE, false, false, STATES, "in this state (default: open)"},
    SWITCH("mine", "your own listings, in any state"),
    TEXT("category", "TEXT", "of this category"),
    {"class", 0, FLAG_CHOICE, true, false, "general|important|core", "of this data class; may be repeated"},
    TEXT("place", "TEXT", "covering this place"),
    {"from", 0, FLAG_TIME, false, false, "DATE", "covering some of the time from then on"},
    {"to", 0, FLAG_UNTIL, false, false, "DATE", "covering some of the time to then"},
    TEXT("vendor", "PARTY", "of this vendor"),
    COUNT("revises", "LISTING", "revisions of this listing"),
    LIMIT,
    BEFORE,
    END};
static const struct flag listing_show_flags[] = {
    SWITCH("dcat", "for other catalogues: one JSON-LD document, DCAT 3 with an ODRL offer"), END};
static const struct flag sample_flags[] = {
    {"out", 'o', FLAG_FILE, false, false, "FILE", "where the chunks go, one behind the other"}, END};
static const struct flag detail_flags[] = {
    {"grant", 0, FLAG_TEXT, true, false, "PARTY", "its vendor: open it to this party; may be repeated"},
    TEXT("recipient", "AGE1", "with --grant: that party's recipient, as it told you itself"),
    {"out", 'o', FLAG_FILE, false, false, "FILE", "for whom it was opened: read it into this file"},
    DRY_RUN,
    END};
static const struct flag close_flags[] = {DRY_RUN, END};
static const struct flag buy_flags[] = {
    {"out", 'o', FLAG_FILE, false, true, "FILE", "where the opened data goes"},
    {"max-price", 0, FLAG_MONEY, false, false, "YUAN", "the most to pay for a licence (default: the best ask)"},
    {"quantity", 0, FLAG_COUNT, false, false, "N", "how many licences or units (default: 1)"},
    VOUCHER,
    PURPOSE,
    SWITCH("no-wait", "bid, and stop there; the same command goes on later"),
    FILENAME("keep-sealed", "keep the purchase as an age file too"),
    FILENAME("keep-key", "write the one-time AGE-SECRET-KEY-1… that opens it (mode 0600)"),
    SWITCH("dispute", "if the delivery is bad: dispute it without asking"),
    LOCATION,
    TIMEOUT,
    DRY_RUN,
    END};
static const struct flag bid_flags[] = {
    CONDITIONS,
    {"quantity", 0, FLAG_COUNT, false, true, "N", "how many units or licences"},
    {"budget", 0, FLAG_MONEY, false, false, "YUAN", "market bids: the most to spend in all"},
    VOUCHER,
    PURPOSE,
    DRY_RUN,
    END};
static const struct flag ask_flags[] = {
    CONDITIONS,
    {"quantity", 0, FLAG_QUANTITY, false, true, "N|unlimited", "how many units or licences"},
    DRY_RUN,
    END};
static const struct flag replace_flags[] = {
    {"price", 0, FLAG_MONEY, false, false, "YUAN", "its limit from now on (default: as it is)"},
    {"quantity", 0, FLAG_QUANTITY, false, false, "N", "units still wanted from now on (default: as they are)"},
    DRY_RUN,
    END};
static const struct flag cancel_flags[] = {DRY_RUN, END};
static const struct flag own_flags[] = {SWITCH("open", "only what is not final"), LIMIT, BEFORE, END};
static const struct flag book_flags[] = {COUNT("limit", "N", "levels a side (default: 20)"),
                                         SWITCH("follow", "drawn anew as it changes; in a pipe, a line a change"), END};
static const struct flag fetch_flags[] = {
    {"out", 'o', FLAG_FILE, false, false, "FILE", "where the opened data goes (a credential: mode 0600)"},
    SWITCH("show", "print a credential, of an api or compute listing, instead"),
    FILENAME("keep-sealed", "keep the purchase as an age file too"),
    FILENAME("keep-key", "write the one-time AGE-SECRET-KEY-1… that opens it (mode 0600)"),
    LOCATION,
    END};
static const struct flag dispute_flags[] = {
    COUNT("chunk", "N", "about this chunk (they count from 0), whatever the examination says of it"), LOCATION, TIMEOUT,
    SWITCH("dry-run", "examine, print what would be revealed, and stop"), END};
static const struct flag accept_flags[] = {DRY_RUN, END};
static const struct flag receipt_flags[] = {{"out", 'o', FLAG_FILE, false, true, "FILE", "the receipt"}, TIMEOUT, END};
static const struct flag follow_flags[] = {COUNT("from", "INDEX", "begin with this record (default: 0)"),
                                           SWITCH("once", "stop at the newest record"), END};
static const struct flag mirror_flags[] = {SWITCH("follow", "go on as it happens"), END};
static const struct flag check_flags[] = {TEXT("key", "VKEY", "the log's verifier key (default: that of the context's market)"), END};
static const struct flag verify_flags[] = {
    TEXT("key", "VKEY", "the log's verifier key, name+hash+key (default: of the context's market)"), END};

const struct command all_commands[] = {
    {"key", "new", NULL, key_new_flags, key_new, "make an identity"},
    {"key", "show", "[NAME|FILE]", key_show_flags, key_show, "print an identity's party or recipient"},
    {"key", "rotate", NULL, key_rotate_flags, key_rotate, "new keys for the same party, in every market of the identity"},
    {"key", "request", "PARTY", key_request_flags, key_request, "ask for new keys for a party whose key is lost"},
    {"connect", NULL, "URL", NULL, connect_run, "save a market's URL as a context"},
    {"context", "list", NULL, NULL, context_list, "the markets that were saved"},
    {"context", "use", "NAME", NULL, context_use, "choose the market that commands mean"},
    {"enrol", NULL, NULL, enrol_flags, enrol_run, "ask to be enrolled in the market"},
    {"card", "set", "FILE|-", card_flags, card_set, "give the market your contact card"},
    {"card", "show", "[PARTY]", NULL, card_show, "your contact card, or a counterparty's"},
    {"card", "erase", NULL, card_flags, card_erase, "take your contact card back"},
    {"status", NULL, NULL, NULL, status_run, "who am I, what roles and money have I, what waits for me"},

    {"search", NULL, "[WORDS...]", search_flags, listing_search, "find listings"},
    {"buy", NULL, "LISTING", buy_flags, buy_run, "bid, wait, download, check, open, accept, keep the receipt"},
    {"open", NULL, "FILE", open_flags, open_run,
     "open an age file (-i: identity, or a file with an AGE-SECRET-KEY-1…)"},
    {"verify", NULL, "FILE", verify_flags, verify_run, "check a receipt, certificate or proof, offline"},

    {"sell", NULL, "[FILE]", sell_flags, sell_run, "seal, upload, publish and ask"},
    {"seal", NULL, "FILE", seal_flags, seal_run, "seal a file and commit to it, offline"},
    {"vend", NULL, NULL, vend_flags, vend_run, "grant trades as they come"},

    {"listing", "search", "[WORDS...]", search_flags, listing_search, "find listings"},
    {"listing", "show", "LISTING", listing_show_flags, listing_show, "one listing, with its terms"},
    {"listing", "publish", "[FILE]", publish_flags, listing_publish, "publish a listing, without asking"},
    {"listing", "revise", "LISTING [FILE]", publish_flags, listing_revise, "publish a revision of one's listing"},
    {"listing", "sample", "LISTING", sample_flags, listing_sample, "chunks that the log drew and the vendor shows in clear"},
    {"listing", "certificate", "LISTING", certificate_flags, listing_certificate, "a registered listing's certificate"},
    {"listing", "detail", "LISTING", detail_flags, listing_detail, "a sealed detail part: open it to a party, or read it"},
    {"listing", "close", "LISTING", close_flags, listing_close, "close one's listing for good"},
    {"book", NULL, "LISTING", book_flags, book_show, "what is bid and asked for a listing"},
    {"tape", NULL, NULL, tape_flags, tape_run, "every book's top, and what happens"},
    {"order", "bid", "LISTING", bid_flags, order_bid, "bid for a listing"},
    {"order", "ask", "LISTING", ask_flags, order_ask, "offer one's listing"},
    {"order", "replace", "ORDER", replace_flags, order_replace, "another price or quantity for an order in the book"},
    {"order", "cancel", "ORDER...", cancel_flags, order_cancel, "take orders out of the book"},
    {"order", "list", NULL, own_flags, order_list, "one's orders"},
    {"order", "show", "ORDER", NULL, order_show, "one order"},
    {"trade", "list", NULL, own_flags, trade_list, "one's trades"},
    {"trade", "show", "TRADE", NULL, trade_show, "one trade, with its settlement text"},
    {"trade", "fetch", "TRADE", fetch_flags, trade_fetch, "download, check and open what was granted"},
    {"trade", "accept", "TRADE", accept_flags, trade_accept, "accept a delivery; the vendor is paid"},
    {"trade", "dispute", "TRADE", dispute_flags, trade_dispute, "examine a delivery; if it is bad, prove it and be refunded"},
    {"trade", "claim", "TRADE", claim_flags, trade_claim, "ask an arbiter for a ruling on a delivery"},
    {"trade", "receipt", "TRADE", receipt_flags, trade_receipt, "write a settled trade's receipt"},
    {"money", "show", NULL, money_show_flags, money_show, "one's balances, or a statement of account"},
    {"money", "withdraw", "AMOUNT", withdraw_flags, money_withdraw, "have money paid out by the bank"},
    {"money", "withdrawals", NULL, own_flags, money_withdrawals, "one's withdrawals"},
    {"voucher", "list", NULL, voucher_list_flags, voucher_list, "voucher programmes, and what one has of them"},
    {"voucher", "programme", NULL, programme_flags, voucher_programme, "open a voucher programme (issuers)"},
    {"voucher", "give", "PROGRAMME PARTY AMOUNT", cancel_flags, voucher_give, "give a party of a programme (issuers)"},
    {"outbox", "list", NULL, NULL, outbox_list, "what was signed, and what is known of it"},
    {"outbox", "show", "ID", NULL, outbox_show, "one statement of the outbox"},
    {"outbox", "resend", NULL, NULL, outbox_resend, "ask again what has no known outcome"},

    {"party", "list", NULL, party_list_flags, party_list, "who is enrolled (operators, regulators)"},
    {"party", "requests", NULL, NULL, party_requests, "who asks to be enrolled (operators)"},
    {"party", "admit", "PARTY", admit_flags, party_admit, "enrol a party that asks (operators)"},
    {"party", "show", "[PARTY]", NULL, party_show, "a party and its marks"},
    {"party", "suspend", "PARTY", reason_flags, party_suspend, "suspend a party (operators)"},
    {"party", "reinstate", "PARTY", reason_flags, party_reinstate, "let a suspended party go on (operators)"},
    {"party", "regroup", "PARTY", regroup_flags, party_regroup, "another legal group or jurisdiction (operators)"},
    {"party", "rekey", "PARTY", rekey_flags, party_rekey, "announce new keys for a party that lost its own (operators)"},
    {"party", "stop-rekey", "[PARTY]", card_flags, party_stop_rekey, "stop an announced change of keys"},
    {"party", "keys", "[PARTY]", NULL, party_keys, "a party's keys, and since when each is in force"},
    {"market", "params", "[NAME=VALUE...]", params_flags, market_params,
     "the market's parameters; set some (operators)"},
    {"market", "halt", "[LISTING]", reason_flags, market_halt, "halt trading, of all or of a listing (operators)"},
    {"market", "resume", "[LISTING]", cancel_flags, market_resume, "resume it (operators)"},
    {"market", "arbiter", "TRADE PARTY", cancel_flags, market_arbiter, "name another arbiter for a claim (operators)"},
    {"bank", "deposit", "PARTY AMOUNT", reference_flags, bank_deposit, "record a deposit (banks)"},
    {"bank", "list", NULL, bank_list_flags, bank_list, "withdrawals that wait (banks)"},
    {"bank", "paid", "WITHDRAWAL", reference_flags, bank_paid, "record that a withdrawal was paid (banks)"},
    {"bank", "returned", "WITHDRAWAL", reference_flags, bank_returned, "record that it came back (banks)"},
    {"review", "list", NULL, review_list_flags, review_list, "listings that wait for review (reviewers)"},
    {"review", "approve", "LISTING...", approve_flags, review_approve, "let listings be traded (reviewers)"},
    {"review", "refuse", "LISTING", refuse_flags, review_refuse, "refuse a listing (reviewers)"},
    {"claim", "list", NULL, claim_list_flags, claim_list, "claims that wait for a ruling (arbiters)"},
    {"rule", NULL, "TRADE settle|refund", claim_flags, rule_run, "rule on a claim (arbiters)"},
    {"audit", "follow", NULL, follow_flags, audit_follow, "every record as it happens (regulators)"},
    {"audit", "show", "INDEX", NULL, audit_show, "one record (regulators)"},
    {"audit", "mirror", "DIR", mirror_flags, audit_mirror, "a complete, proven copy of the log, and the evidence of disputes (regulators)"},
    {"audit", "check", "DIR", check_flags, audit_check, "check a mirror offline, and judge every dispute again"},

    {"errors", NULL, "[CODE]", NULL, errors_run, "what a code means and what to do"},
    {"completion", NULL, "bash|zsh|fish", NULL, completion_run, "completion for a shell"},
    {"help", NULL, "[COMMAND...]", NULL, help_run, "this, or a command's flags"},
    {"version", NULL, NULL, NULL, version_run, "the version"},
};
const size_t n_all_commands = ARRAY_N(all_commands);
