/*
 * libtidemark: a party's side of a Tidemark market. A vendor's program seals files, lists them, and hands out keys; a
 * buyer's bids, fetches, opens and accepts; anyone verifies what a market has signed.
 *
 * How it works. A `tide_market` is one connection to one market under one identity. Work is done by calls: a call is
 * started, goes on whenever the market is dispatched, and ends with a document or an error. A program with a loop of
 * its own polls tide_market_fd and calls tide_market_dispatch; everyone else waits with tide_call_wait, or uses the
 * blocking functions, which are the same calls waited for.
 *
 *     struct tide_error e;
 *     struct tide_identity *id = NULL;
 *     struct tide_market *m = NULL;
 *     if (tide_identity_open("acme.key", NULL, 0, &id, &e) == 0 &&
 *         tide_market_open(&(struct tide_options){ .url = url, .identity = id }, &m, &e) == 0)
 *         …
 *
 * Rules that hold everywhere:
 * - Functions return 0, or the error's code (the same as e->code); `error` may be NULL. Outputs are cleared first.
 * - Handles are opaque, made by …_new/_open/_start and given back by …_free/_close, which take NULL as well, wipe
 *   secrets, and set the caller's pointer to NULL. No global state: handles of different threads do not meet. One handle,
 *   one thread at a time.
 * - Every statement is in the outbox, on disk, before it is sent. After a crash or a lost answer tide_resend is safe: a
 *   statement can take effect once only.
 * - Times are Unix milliseconds, money is in minor units (fen), both never above 2^53 − 1.
 * - Strings are UTF-8 and NUL-terminated. The library never prints, never exits, and reads no environment but HOME and XDG_*.
 */
#ifndef TIDEMARK_H
#define TIDEMARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TIDE_API __attribute__((visibility("default")))

/* ---- errors ---- */

/*
 * What went wrong. `code` is one of the stable numbers of docs/protocol.md ("Outcomes"): 1xx the broker cannot take it
 * now, 2xx malformed or not authentic, 3xx not allowed, 4xx no such thing or wrong state, 5xx policy, 6xx this side, 7xx
 * a check failed. `retry`: the same again may help by itself.
 */
struct tide_error {
    int code;
    int retry;
    char name[32];      /* "no_funds" */
    char message[512];  /* what happened and why, one sentence or two */
    char hint[256];     /* what to do */
};

/* The table of codes: fills *out with the code's name, sentence and hint. 0, or 601 if there is no such code. */
TIDE_API int tide_error_describe(int code, struct tide_error *out);
/* Codes in ascending order: the first after `code` (start with 0), or 0 at the end. */
TIDE_API int tide_error_next(int code);

/* "0.1.0" */
TIDE_API const char *tide_version(void);

/* Called now and then from long work: bytes (or steps) done and in all. Returning false stops it, nothing is lost. */
typedef bool (*tide_progress)(void *ctx, const char *what, uint64_t done, uint64_t total);

/* ---- documents: what was asked for, by name ---- */

/*
 * A document is one record or answer, with the fields of docs/protocol.md. Numbers are u64 (money, times, indices, bools,
 * enums as their numbers); texts are the JSON form (tide1… keys, hex hashes, enum names). A missing field gives 0 or "".
 * Strings and sub-documents live as long as the document.
 */
struct tide_doc;
TIDE_API void tide_doc_free(struct tide_doc **doc);
/* The name of its table in docs/protocol.md: "tape", "r_search". */
TIDE_API const char *tide_doc_kind(const struct tide_doc *doc);
TIDE_API uint64_t tide_doc_u64(const struct tide_doc *doc, const char *field);
TIDE_API const char *tide_doc_text(const struct tide_doc *doc, const char *field);
/* Byte strings and hashes as they are; *len 0 when absent. */
TIDE_API const uint8_t *tide_doc_bytes(const struct tide_doc *doc, const char *field, size_t *len);
TIDE_API size_t tide_doc_count(const struct tide_doc *doc, const char *list);
TIDE_API const struct tide_doc *tide_doc_item(const struct tide_doc *doc, const char *list, size_t i);
/* One line of JSON; the caller frees it with free(). NULL: no memory. */
TIDE_API char *tide_doc_json(const struct tide_doc *doc);

/*
 * A new body of a statement kind or a request ("order", "publish", "search"), all fields absent; to be filled by name. Where a
 * statement and a verb have one name the statement is meant, and "order?" is the verb's request.
 */
TIDE_API int tide_doc_new(const char *kind, struct tide_doc **out, struct tide_error *error);
TIDE_API int tide_doc_set_u64(struct tide_doc *doc, const char *field, uint64_t value, struct tide_error *error);
/* Texts, enums by name, keys and hashes in their text form. */
TIDE_API int tide_doc_set_text(struct tide_doc *doc, const char *field, const char *value, struct tide_error *error);
TIDE_API int tide_doc_set_bytes(struct tide_doc *doc, const char *field, const void *value, size_t len,
                                struct tide_error *error);
/* Appends an empty item to a list and gives it for filling. */
TIDE_API int tide_doc_add(struct tide_doc *doc, const char *list, struct tide_doc **item, struct tide_error *error);
/* From JSON with the same names; unknown members are errors that name the nearest. */
TIDE_API int tide_doc_parse(const char *kind, const char *json, struct tide_doc **out, struct tide_error *error);

/* ---- identities ---- */

struct tide_identity;
TIDE_API int tide_identity_new(struct tide_identity **out, struct tide_error *error);
/* Reads an identity file. Code 604 if others can read it, or the passphrase is missing or wrong. */
TIDE_API int tide_identity_open(const char *path, const char *passphrase, size_t passphrase_len,
                                struct tide_identity **out, struct tide_error *error);
/* 1 if the file is wrapped with a passphrase, else 0. */
TIDE_API int tide_identity_is_wrapped(const char *path);
/* Writes a new file, mode 0600; never over an existing one. passphrase NULL: none. */
TIDE_API int tide_identity_save(const struct tide_identity *identity, const char *path, const char *name,
                                const char *passphrase, size_t passphrase_len, struct tide_error *error);
TIDE_API const char *tide_identity_party(const struct tide_identity *identity);     /* tide1… */
/* True if that text is its party, or was by an older key: a trade names the keys that were in force when it happened. */
TIDE_API bool tide_identity_is(const struct tide_identity *identity, const char *party);
TIDE_API const char *tide_identity_recipient(const struct tide_identity *identity); /* age1… */
TIDE_API void tide_identity_free(struct tide_identity **identity);
/*
 * A successor with new keys that keeps the older ones: what was sealed for them still opens, older listings are still granted.
 * To be saved under another name, and put in the old one's place once the market knows it (tide_rekey).
 */
TIDE_API int tide_identity_rotate(const struct tide_identity *old, struct tide_identity **out, struct tide_error *error);
/* True if `identity` was made from `old` by tide_identity_rotate. */
TIDE_API bool tide_identity_follows(const struct tide_identity *identity, const struct tide_identity *old);

/* ---- sealing, offline ---- */

/* What binds a sealed file; goes into the listing. */
struct tide_commitment {
    uint64_t plaintext_len, n_chunks, payload_len;
    uint8_t nonce[16], content_root[32], key_commitment[32];
};

/*
 * Seals `in_path` into `out_path` (an age file for the vendor's own recipient; `age -d` opens it) and commits to it in the
 * same pass. All cores, bounded memory. Writes out_path whole or not at all. What was stopped or killed lies beside it as
 * out_path.tidemark-part, and the same call goes on: what is there is made again and compared (progress says "check"), the
 * rest is written; with an input that was changed since it begins anew. "-" is standard input or output; they, pipes and
 * devices are gone through once.
 */
TIDE_API int tide_seal(const struct tide_identity *identity, const char *in_path, const char *out_path,
                       tide_progress progress, void *ctx, struct tide_commitment *out, struct tide_error *error);

/*
 * Opens any age file for X25519: with an identity (its sealing key and older seeds), or with the text of an
 * AGE-SECRET-KEY-1… . Code 704 when it is damaged; then out_path is not there. Goes on, and takes "-", as tide_seal does; a
 * stream has been given whole chunks before the damage by then, each as it was sealed.
 */
TIDE_API int tide_open(const char *in_path, const struct tide_identity *identity, const char *age_secret,
                       const char *out_path, tide_progress progress, void *ctx, struct tide_error *error);

/* SHA-256 of a file, as in a listing's rights and assessments. Code 607 if it cannot be read. */
TIDE_API int tide_file_sha256(const char *path, uint8_t out[32], struct tide_error *error);
/* SHA-256 of bytes in memory, as of usage terms. */
TIDE_API void tide_sha256(const void *data, size_t len, uint8_t out[32]);

/* ---- a market ---- */

struct tide_options {
    const char *url;                     /* the market's URL, tidemark://… */
    const struct tide_identity *identity; /* stays the caller's and must outlive the market; NULL: a stranger, who may ask the lobby */
    const char *state_dir;               /* outbox and receipts; NULL: $XDG_STATE_HOME/tidemark */
    int timeout_ms;                      /* of each request; 0: 10,000 */
    /* Of payloads that lie at a vendor's own https location: */
    const char *location_ca;             /* PEM file of the authorities believed; NULL: the system's */
    bool location_local;                 /* addresses of private and local networks are allowed, too */
};

struct tide_market;
/* Opens the outbox; connects when needed. The market's keys are the URL's: nobody else can answer in its place. */
TIDE_API int tide_market_open(const struct tide_options *options, struct tide_market **out, struct tide_error *error);
TIDE_API void tide_market_close(struct tide_market **market);
/*
 * Makes the blocking function that is under way on this market (or, between two, the next one) end with code 611.
 * Async-signal-safe, and the one function that another thread may call. Calls go on.
 */
TIDE_API void tide_market_interrupt(struct tide_market *market);

/* For a loop of one's own: poll this descriptor for reading, at most tide_market_timeout_ms, then dispatch. */
TIDE_API int tide_market_fd(const struct tide_market *market);
TIDE_API int tide_market_timeout_ms(const struct tide_market *market); /* -1: nothing is due */
TIDE_API int tide_market_dispatch(struct tide_market *market, struct tide_error *error);

/* ---- calls ---- */

struct tide_call;
/*
 * Asks: `verb` of docs/protocol.md, `body` a document of that request or NULL. The answer is its reply's document.
 * The door follows from the verb.
 */
TIDE_API int tide_query_start(struct tide_market *market, const char *verb, const struct tide_doc *body,
                              struct tide_call **out, struct tide_error *error);
/*
 * States: signs `body` (kind: "order", "cancel", …), stores it in the outbox, sends it, sends it again under the same id while no
 * answer comes, until the statement expires. The answer is the `submit` reply. Code 606: the outcome is unknown; the id is
 * tide_call_id, and tide_resend asks again.
 */
TIDE_API int tide_state_start(struct tide_market *market, const char *kind, const struct tide_doc *body,
                              struct tide_call **out, struct tide_error *error);
/* True when it has ended; then tide_call_finish does not wait. */
TIDE_API bool tide_call_done(const struct tide_call *call);
/* The command id of a statement as 32 hex digits, "" for a query. */
TIDE_API const char *tide_call_id(const struct tide_call *call);
/* Dispatches until the call has ended or `timeout_ms` is over (code 608; the call goes on). -1: as long as it takes. */
TIDE_API int tide_call_wait(struct tide_call *call, int timeout_ms, struct tide_error *error);
/* Ends a call: gives its document (the caller frees it; `out` may be NULL) or its error, and frees the call. Waits if needed. */
TIDE_API int tide_call_finish(struct tide_call **call, struct tide_doc **out, struct tide_error *error);

/* Blocking forms. */
TIDE_API int tide_query(struct tide_market *market, const char *verb, const struct tide_doc *body, struct tide_doc **out,
                        struct tide_error *error);
TIDE_API int tide_state(struct tide_market *market, const char *kind, const struct tide_doc *body, struct tide_doc **out,
                        struct tide_error *error);

/* ---- changing keys ---- */

/* Gives this party, which signs with its present key, the keys of `next`; from then on only those are in force. */
TIDE_API int tide_rekey(struct tide_market *market, const struct tide_identity *next, struct tide_doc **out,
                        struct tide_error *error);
/*
 * For a party whose key is lost: a `new_keys` statement, signed with the market's identity, that an operator's `replace_keys`
 * carries (its `request`). `party` is the key that was lost. Nothing is sent. The caller frees *out with free().
 */
TIDE_API int tide_new_keys(struct tide_market *market, const char *party, uint8_t **out, size_t *len,
                           struct tide_error *error);

/* ---- contact cards ---- */

/*
 * A card is a text (JSON, at most 4 KiB) for one's counterparties. The journal has its salted hash; the broker keeps the card
 * itself, and can erase it. Set: states the hash, hands the card in. Get: one's own (party NULL), or another's;
 * 702 if it is not what its hash names. Erase: the broker forgets it, and the hash leaves the market's state.
 */
TIDE_API int tide_card_set(struct tide_market *market, const char *card, struct tide_doc **out, struct tide_error *error);
TIDE_API int tide_card_get(struct tide_market *market, const char *party, struct tide_doc **out, struct tide_error *error);
TIDE_API int tide_card_erase(struct tide_market *market, struct tide_doc **out, struct tide_error *error);
/* Hands in the card whose hash was stated before (tide_enrol_card, or a tide_card_set that was stopped), if there is one. */
TIDE_API int tide_card_upload(struct tide_market *market, bool *had_one, struct tide_error *error);

/* ---- enrolling ---- */

/* Asks to be enrolled; roles as names, NULL-terminated. The answer is the `enrol` reply (state waiting). */
TIDE_API int tide_enrol(struct tide_market *market, const char *name, const char *const *roles, const char *jurisdiction,
                        struct tide_doc **out, struct tide_error *error);
/* The same with a contact card (NULL: none): the request has its hash; tide_card_upload hands it in once admitted. */
TIDE_API int tide_enrol_card(struct tide_market *market, const char *name, const char *const *roles, const char *jurisdiction,
                             const char *card, struct tide_doc **out, struct tide_error *error);
/* Waits until an operator has admitted this party. 608 when time is over. */
TIDE_API int tide_enrol_wait(struct tide_market *market, int timeout_ms, struct tide_doc **out, struct tide_error *error);

/* ---- a vendor's jobs ---- */

/*
 * Uploads a sealed file (tide_seal's output) for one's listing: only what the store has not, many chunks in flight. Goes on where
 * an earlier upload stopped; a broker that goes away meanwhile is waited for (told as progress of "upload, waiting for the broker").
 */
TIDE_API int tide_upload(struct tide_market *market, uint64_t listing, const char *sealed_path, tide_progress progress,
                         void *ctx, struct tide_error *error);

/* Chunks that uploads over this market have sent so far, those included that were sent once more after a break. */
TIDE_API uint64_t tide_market_sent_chunks(const struct tide_market *market);

/*
 * One command's worth: seals `path` (unless its sealed form of an earlier try is at sealed_path), publishes `listing` (a "publish"
 * document, content fields filled here), uploads. *index is the listing's name. Called again with the same arguments after
 * any interruption it goes on where it was, and never lists twice. Where the document has a `location`, the payload is not uploaded,
 * but its leaf hashes: it is the sealed file without its header, TIDE_HEADER_BYTES long, and belongs at that address.
 */
#define TIDE_HEADER_BYTES 168
TIDE_API int tide_sell(struct tide_market *market, const char *path, const char *sealed_path, struct tide_doc *listing,
                       tide_progress progress, void *ctx, uint64_t *index, struct tide_error *error);

/*
 * The same with a sealed detail part of at most 1 MiB, which the vendor opens to parties of its choice (tide_disclose): its sealed
 * form is kept at sealed_detail_path. `path` and `sealed_path` are NULL for `api` and `compute` listings, detail_path and
 * sealed_detail_path where there is no detail part.
 */
struct tide_sale {
    const char *path, *sealed_path;
    const char *detail_path, *sealed_detail_path;
};
TIDE_API int tide_sell_with(struct tide_market *market, const struct tide_sale *sale, struct tide_doc *listing,
                            tide_progress progress, void *ctx, uint64_t *index, struct tide_error *error);

/*
 * That the listing of that number is what `published` describes (a "publish" document; its content is compared if it has some): so
 * says the statement in the log that made it, which this identity signed. A listing's number is the broker's word until
 * then, and an ask names nothing else. Waits until the log covers it. 702: it is another; 604: another identity published it.
 */
TIDE_API int tide_listing_check(struct tide_market *market, uint64_t listing, const struct tide_doc *published,
                                struct tide_error *error);

/* Waits until a listing is in `state` ("open"); code 408 if it reached a final state instead, 608 when time is over. A broker that
 * goes away meanwhile is waited for. The answer is the listing's row. */
TIDE_API int tide_listing_wait(struct tide_market *market, uint64_t listing, const char *state, int timeout_ms,
                               struct tide_doc **out, struct tide_error *error);

/*
 * The same for one's own listing and "open", and answers the draw of its samples once it is approved: signs and shows the chunks that
 * the log drew, from `sealed_path` if it is there (it may be NULL), otherwise from the store.
 */
TIDE_API int tide_listing_open(struct tide_market *market, uint64_t listing, const char *sealed_path, int timeout_ms,
                               tide_progress progress, void *ctx, struct tide_doc **out, struct tide_error *error);

/*
 * Serves whatever waits for this vendor: grants every trade that waits for it (*n_granted says how many), and answers the draws of
 * samples of its listings. Makes each grant and its settlement signature from the seed alone, so any machine with the identity
 * can do it; two at once do no harm. What cannot be served does not keep the others waiting; its error is returned then.
 */
TIDE_API int tide_vend(struct tide_market *market, unsigned *n_granted, struct tide_error *error);

/*
 * The credential of one trade of an `api` or `compute` listing: fills `out` and *len; len 0: none yet, the trade goes on
 * waiting. `trade` is its row, for the call only. A code other than 0 (with `error`) stops that trade alone.
 */
#define TIDE_CREDENTIAL_MAX 4096
typedef int (*tide_credential)(void *ctx, const struct tide_doc *trade, uint8_t out[TIDE_CREDENTIAL_MAX], size_t *len,
                               struct tide_error *error);

/*
 * As tide_vend, and `credential` is asked for what the buyers of `api` and `compute` listings get; it is sealed to the
 * recipient that the buyer signed, as the trade's grant, and wiped. tide_vend alone leaves such trades waiting.
 */
TIDE_API int tide_vend_credentials(struct tide_market *market, tide_credential credential, void *ctx, unsigned *n_granted,
                                   struct tide_error *error);

/* For a loop that is to go on whatever happens to one trade: what it is told and how it is asked, all of which may be NULL. */
struct tide_vending {
    tide_credential credential;
    /* "trade" or "listing", its number, and why it could not be served this time. */
    void (*trouble)(void *ctx, const char *what, uint64_t name, const struct tide_error *error);
    /* A listing of which the samples drawn were signed and shown just now. */
    void (*sampled)(void *ctx, uint64_t listing);
    void *ctx;
};
/* As tide_vend_credentials. With `trouble` set, an error returned concerns everything (no broker, no outbox, a contradicting log). */
TIDE_API int tide_vend_round(struct tide_market *market, const struct tide_vending *vending, unsigned *n_granted,
                             struct tide_error *error);

/*
 * Opens the sealed detail part of one's listing to a party (tide1…): states its key, sealed to that party's sealing key. Which one
 * that is, the broker says; *proven: the log proved it (after a change of keys). `recipient`: the age1… that the party gave
 * itself (`key show --recipient`), which must be the broker's then (702 otherwise, and nothing is signed); NULL: not known.
 * The answer is the `submit` reply.
 */
TIDE_API int tide_disclose(struct tide_market *market, uint64_t listing, const char *party, const char *recipient, bool *proven,
                           struct tide_doc **out, struct tide_error *error);

/* ---- a buyer's jobs ---- */

/*
 * States an `order` document. A bid gets a one-time recipient, and accepts the listing's present usage terms: their hash is filled
 * in, or, where the document has one (that of the terms a person was shown), must be theirs (else code 505, and nothing is
 * signed). The answer is the `submit` reply; the order's name is its first_index + 1.
 */
TIDE_API int tide_order(struct tide_market *market, const struct tide_doc *order, struct tide_doc **out,
                        struct tide_error *error);

/*
 * A limit bid for `quantity` at `price_fen`, accepting the listing's present terms, with a one-time recipient. `purpose`:
 * what the data is for, one of the listing's `purposes` if it names any (else code 509); NULL: none. The answer is the
 * `submit` reply.
 */
TIDE_API int tide_bid(struct tide_market *market, uint64_t listing, uint64_t price_fen, uint64_t quantity,
                      const char *purpose, struct tide_doc **out, struct tide_error *error);

/* Waits until a trade of the order is there, or a trade is in `state` ("granted"). The answer is the trade's row. */
TIDE_API int tide_order_wait(struct tide_market *market, uint64_t order, int timeout_ms, struct tide_doc **trade,
                             struct tide_error *error);
TIDE_API int tide_trade_wait(struct tide_market *market, uint64_t trade, const char *state, int timeout_ms,
                             struct tide_doc **out, struct tide_error *error);

/*
 * Downloads a granted trade's content (resuming out_path.part: what is right there already is not asked for again), checks every
 * chunk against the listing's commitment and what was opened against the samples that the vendor signed, opens it to
 * out_path; of `api` and `compute` listings it is the credential, with mode 0600. `keep_sealed`, if not NULL, gets the purchase as an ordinary age file (grant ‖ payload), and
 * `keep_key`, if not NULL, a file (0600) with its one-time AGE-SECRET-KEY-1…, so that other tools can open it. A broker that goes
 * away is waited for. Code 704: the delivery is bad, and the message says which check failed, for which chunk; out_path is not
 * there, out_path.part is kept.
 */
TIDE_API int tide_fetch(struct tide_market *market, uint64_t trade, const char *out_path, const char *keep_sealed,
                        const char *keep_key, tide_progress progress, void *ctx, struct tide_error *error);

/*
 * The same, with a document of what it came to, with code 704 as well: {trade, finding, chunk, n_chunks, n_checked, samples,
 * fetched_chunks, fetched_bytes, words, reveals}. `finding` is that of docs/market.md ("not_proven": nothing is wrong), `chunk` counts from 0.
 */
TIDE_API int tide_fetch_report(struct tide_market *market, uint64_t trade, const char *out_path, const char *keep_sealed,
                               const char *keep_key, tide_progress progress, void *ctx, struct tide_doc **report,
                               struct tide_error *error);

/* The credential of a granted trade of an `api` or `compute` listing, in memory; the caller wipes and frees *out. 408: it has content. */
TIDE_API int tide_credential_open(struct tide_market *market, uint64_t trade, uint8_t **out, size_t *len,
                                  struct tide_error *error);

/* ---- when a delivery is bad ---- */

/*
 * Examines a granted trade's delivery by the checks of docs/market.md ("Disputes"), keeping nothing: the grant, then every chunk up
 * to the first bad one, or `chunk` alone (below 0: all). *report is as tide_fetch_report's; that something is wrong is no error.
 */
TIDE_API int tide_examine(struct tide_market *market, uint64_t trade, int64_t chunk, tide_progress progress, void *ctx,
                          struct tide_doc **report, struct tide_error *error);

/*
 * Disputes a trade with evidence of its grant alone (`chunk` below 0) or of a chunk. It shows the broker and the regulators (the
 * answer of `judges`), and nobody else, the one-time secret of that bid and the chunk as it is stored: with the secret they can open what
 * was granted. The evidence is sealed to them, handed in, and stated by its hash; after an interruption the same is stated. The
 * answer is the `submit` reply; disputed before, it returns 0 with an answer whose first_index is 0.
 */
TIDE_API int tide_dispute(struct tide_market *market, uint64_t trade, int64_t chunk, struct tide_doc **out,
                          struct tide_error *error);

/* Waits for the broker's verdict on a dispute. The answer is the trade's row: finding, verdict, and its state now. 408: not disputed. */
TIDE_API int tide_verdict_wait(struct tide_market *market, uint64_t trade, int timeout_ms, struct tide_doc **out,
                               struct tide_error *error);

/* ---- looking before buying ---- */

/*
 * Writes the sample chunks of a listing to `out_path`, in ascending order, once each has the hash that the vendor signed and they are
 * the ones that the log drew. *report: {listing, signer, sampled, n_chunks, bytes, chunks: [{chunk, offset, len, hash}]}.
 * 408: the listing has none, or none yet.
 */
TIDE_API int tide_sample_fetch(struct tide_market *market, uint64_t listing, const char *out_path, struct tide_doc **report,
                               struct tide_error *error);
/* The same without the chunks: that they exist, and are the vendor's and the log's. */
TIDE_API int tide_sample_check(struct tide_market *market, uint64_t listing, struct tide_doc **report, struct tide_error *error);

/*
 * Opens a listing's sealed detail part to `out_path` (mode 0600), for a party to which its vendor has disclosed it; it is
 * what the vendor committed to when it published (704 otherwise). 421: there is none, or none for this party.
 */
TIDE_API int tide_detail_fetch(struct tide_market *market, uint64_t listing, const char *out_path, struct tide_error *error);

/* Accepts: signs the settlement text, if it says what trade and listing say (else 702). Settled when it returns 0; done
 * before, it returns 0 again, with an answer whose first_index is 0. */
TIDE_API int tide_accept(struct tide_market *market, uint64_t trade, struct tide_doc **out, struct tide_error *error);

/* The same, if the trade is of that listing: for who bought there, and has the trade's number from the broker alone (702 otherwise). */
TIDE_API int tide_accept_of(struct tide_market *market, uint64_t listing, uint64_t trade, struct tide_doc **out,
                            struct tide_error *error);

/* Writes the trade's receipt (docs/formats.md); waits until the log covers it. */
TIDE_API int tide_receipt(struct tide_market *market, uint64_t trade, const char *out_path, int timeout_ms,
                          struct tide_error *error);

/* Writes the certificate of a registered listing (docs/formats.md); waits until the log covers it. Anyone may ask. */
TIDE_API int tide_certificate(struct tide_market *market, uint64_t listing, const char *out_path, int timeout_ms,
                              struct tide_error *error);

/* ---- the outbox ---- */

/* Calls `each` with a document {command_id, kind, state, signed_at, first_index, next_index, code} per entry, oldest first. */
TIDE_API int tide_outbox_each(struct tide_market *market, bool (*each)(void *ctx, const struct tide_doc *entry), void *ctx,
                              struct tide_error *error);
/* Sends again what has no known outcome, and proves what was accepted; *n_open entries remain unproven. */
TIDE_API int tide_resend(struct tide_market *market, unsigned *n_open, struct tide_error *error);

/* ---- the tape ---- */

/*
 * Follows the tape: what everyone may see of listings and books, as it happens. `each` is called first with the picture: documents
 * of kind "r_tape", a page of rows `tops` each, the last one with `after` 0; then with messages of kind "tape" (listings,
 * trades, states, tops), in order and without a gap. After a gap, silence or a broken connection it is called with a new
 * picture, a page at a time as before, and messages go on from there. `listing`: of that one alone (and of the
 * market's state); 0: of all. Ends when `each` returns false (0), or is interrupted (611), or the market cannot be
 * reached from the start; a broker that goes away later is waited for. One at a time on a market.
 */
TIDE_API int tide_tape_follow(struct tide_market *market, uint64_t listing,
                              bool (*each)(void *ctx, const struct tide_doc *message), void *ctx, struct tide_error *error);

/* ---- verifying, offline ---- */

/*
 * Checks a receipt or a proof file. `log_vkey`: the log's verifier key (name+hex+base64), or NULL to take it from
 * `market_url`; with neither, code 701. *report says in fields and words what was proven, by whom, and the basis:
 * {kind, origin, trade, listing, title, vendor, buyer, quantity, price, total, fee, basis, index, size, vendor_signed, buyer_signed, broker_signed,
 * vendor_rekeyed, buyer_rekeyed, vendor_key, buyer_key, log_key}: the last three are the keys of the lines, and the one that
 * everything was checked with.
 */
TIDE_API int tide_verify(const char *path, const char *log_vkey, const char *market_url, struct tide_doc **report,
                         struct tide_error *error);

/* The log's verifier key of a market URL, for `--key`. The caller frees *out with free(). */
TIDE_API int tide_url_vkey(const char *url, char **out, struct tide_error *error);

/* ---- a regulator's feed ---- */

/*
 * Calls `each` with every record from `from` on, as JSON (one line) and as bytes, until it returns false or, with
 * `follow` false, up to the end that the journal had when it began. What is guaranteed, whatever `from` is: every record
 * handed on is the leaf of that index in a tree signed by the log key of the market's URL, and that tree goes on from the
 * newest one this state_dir has seen. The newest records come as soon as a signed head covers them (a second). Code 703
 * when heads, or records and heads, contradict each other.
 */
TIDE_API int tide_audit_follow(struct tide_market *market, uint64_t from, bool follow,
                               bool (*each)(void *ctx, uint64_t index, const char *json, const uint8_t *record, size_t len),
                               void *ctx, struct tide_error *error);

/*
 * Mirrors the log into `dir`: a C2SP tlog-tiles directory (hash tiles, entry bundles, checkpoint), and the sealed evidence of
 * every dispute in dir/evidence/<trade>. Every record is proven before it is written; `checkpoint` is replaced when all it
 * covers is on disk. After any interruption the same call goes on where it was. Code 703 when the broker shows a head that
 * does not go with one seen before: both are in dir/fork. `follow`: goes on until it is interrupted (611). *report:
 * {origin, size, added, evidence, wanted, wrong}. progress: records done and in all, as far as a head covers them.
 */
TIDE_API int tide_audit_mirror(struct tide_market *market, const char *dir, bool follow, tide_progress progress, void *ctx,
                               struct tide_doc **report, struct tide_error *error);

/*
 * Checks a mirror offline, on all cores: every leaf against the root of the signed checkpoint, and every tile; every
 * statement's signature under a key that was its party's at that moment; every settlement text and its signatures; every draw
 * of samples; every dispute, judged again from its evidence with the sealing keys of `identity`, older ones too (NULL: disputes are counted
 * only). The log's key is `log_vkey`, or that of `market_url`. Code 702 when something is wrong: *report is there all the
 * same, and says what: {origin, size, statements, signatures, settlements, right, unjudged, false_verdicts, n_alarms,
 * disputes: [{trade, dispute, verdict, stated, judged, outcome}], alarms: [{record, trade, words}]}.
 */
TIDE_API int tide_audit_check(const char *dir, const struct tide_identity *identity, const char *log_vkey,
                              const char *market_url, tide_progress progress, void *ctx, struct tide_doc **report,
                              struct tide_error *error);

#ifdef __cplusplus
}
#endif
#endif
