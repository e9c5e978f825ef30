/*
 * Serving what waits for a vendor: every trade gets its key and the vendor's settlement signature, every draw its samples.
 *
 * Always holds: what waits is asked of the market each time, nothing is remembered here: stopped anywhere, the next round
 * does what is still to do. The file key comes from the identity's seed and the listing's nonce, and must be the one the
 * listing commits to before it is given to anyone; it is given to the recipient that the buyer signed. Doing it twice,
 * from two machines or after an answer that was lost, is harmless: the market refuses the second grant.
 * Not here: what the credentials of `api` and `compute` listings are (who calls gives them, one trade at a time), how a
 * draw is answered (sampling.c).
 */
#include "client/lib/jobs.h"

#include <inttypes.h>
#include <stdlib.h>

#define WINDOW 32u
#define WAITING_MAX (1u << 20) /* 8 MiB; a broker that shows more shows the others in the next round */

/* ---- what waits ---- */
struct waiting {
    uint64_t *trades; /* or listings; newest first */
    size_t n, room;
};

static bool waiting_add(struct waiting *w, uint64_t trade)
{
    if (w->n == WAITING_MAX) return true;
    if (w->n == w->room) {
        size_t room = w->room == 0 ? 64 : w->room * 2;
        uint64_t *grown = realloc(w->trades, room * sizeof *grown);
        if (grown == NULL) return false;
        w->trades = grown;
        w->room = room;
    }
    w->trades[w->n++] = trade;
    return true;
}

/* Pages go down: a broker cannot lead in circles. */
static int cursor_check(uint64_t before, uint64_t next, struct tide_error *error)
{
    if (next == 0 || before == 0 || next < before) return 0;
    return error_set(error, OUTCOME_V_FAILED, "The broker's list does not end.");
}

static int trades_find(struct tide_market *m, struct waiting *w, struct tide_error *error)
{
    struct body_q_own q = {.limit = LIMIT_PAGE, .open_only = 1};
    do {
        struct tide_doc *page;
        int code = market_query(m, VERB_TRADES, &q, &page, error);
        if (code != 0) return code;
        const struct body_r_trades *reply = page->value;
        const struct body_trade_row *rows = reply->trades.items;
        for (size_t i = 0; i < reply->trades.n && code == 0; i++) {
            if (rows[i].state != TRADE_MATCHED || !identity_had(m->identity, rows[i].vendor))
                continue;
            if (!waiting_add(w, rows[i].trade)) code = error_set(error, OUTCOME_C_NO_MEMORY, NULL);
        }
        if (code == 0) code = cursor_check(q.before, reply->before, error);
        q.before = reply->before;
        tide_doc_free(&page);
        if (code != 0) return code;
    } while (q.before != 0 && w->n < WAITING_MAX);
    return 0;
}

/* Own listings whose samples are drawn and not shown yet. */
static int draws_find(struct tide_market *m, struct waiting *w, struct tide_error *error)
{
    static const uint8_t none[HASH_BYTES];
    struct body_q_search q = {.mine = 1, .state = LISTING_SAMPLING, .limit = LIMIT_PAGE};
    do {
        struct tide_doc *page;
        int code = market_query(m, VERB_SEARCH, &q, &page, error);
        if (code != 0) return code;
        const struct body_r_search *reply = page->value;
        const struct body_listing_row *rows = reply->listings.items;
        for (size_t i = 0; i < reply->listings.n && code == 0; i++) {
            bool waits = rows[i].state == LISTING_SAMPLING && memcmp(rows[i].seed, none, HASH_BYTES) != 0;
            if (waits && !waiting_add(w, rows[i].listing))
                code = error_set(error, OUTCOME_C_NO_MEMORY, NULL);
        }
        if (code == 0) code = cursor_check(q.before, reply->before, error);
        q.before = reply->before;
        tide_doc_free(&page);
        if (code != 0) return code;
    } while (q.before != 0 && w->n < WAITING_MAX);
    return 0;
}

/* ---- one grant ---- */

/* The last listing, kept: trades of one listing come together. */
struct shelf {
    struct tide_doc *doc;
    const struct body_listing_row *row;
};

static int shelf_get(struct tide_market *m, struct shelf *shelf, uint64_t listing, struct tide_error *error)
{
    if (shelf->doc != NULL && shelf->row->listing == listing) return 0;
    tide_doc_free(&shelf->doc);
    return row_of_listing(m, listing, &shelf->doc, &shelf->row, error);
}

static bool key_is_right(const struct identity *id, const uint8_t nonce[AGE_NONCE_BYTES],
                         const uint8_t commitment[HASH_BYTES], uint8_t key[AGE_FILE_KEY_BYTES])
{
    uint8_t own[HASH_BYTES];
    identity_file_key(id, nonce, key);
    age_key_commitment(key, nonce, own);
    return memcmp(own, commitment, HASH_BYTES) == 0;
}

int file_key_find(const struct tide_market *m, uint64_t listing, const uint8_t nonce[AGE_NONCE_BYTES],
                  const uint8_t commitment[HASH_BYTES], uint8_t key[AGE_FILE_KEY_BYTES], struct tide_error *error)
{
    if (key_is_right(m->identity, nonce, commitment, key)) return 0;
    for (size_t i = 0; i < identity_n_older(m->identity); i++) {
        if (key_is_right(identity_older(m->identity, i), nonce, commitment, key)) return 0;
    }
    explicit_bzero(key, AGE_FILE_KEY_BYTES);
    return error_set(error, OUTCOME_C_BAD_IDENTITY,
                     "This identity did not seal listing %" PRIu64 ": the key it makes is not "
                     "the one that the listing commits to.",
                     listing);
}

/* The content's key, sealed. `grant` lies in `arena`. */
static int key_seal(struct tide_market *m, const struct body_listing_row *listing, const struct body_trade_row *trade,
                    struct arena *arena, struct bytes *grant, struct tide_error *error)
{
    uint8_t key[AGE_FILE_KEY_BYTES], sealed[AGE_GRANT_BYTES];
    int code = file_key_find(m, listing->listing, listing->nonce, listing->key_commitment, key, error);
    if (code == 0 && age_grant_seal(key, trade->recipient, sealed) != TIDE_OK) {
        code = error_set(error, OUTCOME_V_FAILED, "The recipient of trade %" PRIu64 " cannot be sealed to.",
                         trade->trade);
    }
    explicit_bzero(key, sizeof key);
    if (code == 0) *grant = arena_copy(arena, BYTES(sealed, sizeof sealed));
    return code;
}

/* A credential, sealed whole; *grant stays empty if there is none yet. */
static int credential_seal(const struct tide_vending *v, const struct tide_doc *doc, struct bytes *grant,
                           struct tide_error *error)
{
    const struct body_trade_row *trade = doc->value;
    uint8_t plain[TIDE_CREDENTIAL_MAX], *sealed = NULL;
    size_t len = 0, sealed_len = 0;
    if (v->credential == NULL) return 0;
    int code = v->credential(v->ctx, doc, plain, &len, error);
    if (code == 0 && len > sizeof plain) {
        code = error_set(error, OUTCOME_C_USAGE, "The credential of trade %" PRIu64 " is longer than %d bytes.",
                         trade->trade, TIDE_CREDENTIAL_MAX);
    }
    if (code == 0 && len > 0 &&
        age_file_seal(BYTES(plain, len), &trade->recipient, 1, &sealed, &sealed_len) != TIDE_OK) {
        code = error_set(error, OUTCOME_V_FAILED, "The recipient of trade %" PRIu64 " cannot be sealed to.",
                         trade->trade);
    }
    explicit_bzero(plain, sizeof plain);
    if (sealed != NULL) *grant = arena_copy(doc->arena, BYTES(sealed, sealed_len));
    free(sealed);
    return code;
}

/* Starts the grant of one trade; *call stays NULL where there is nothing to do. */
static int grant_start(struct tide_market *m, struct shelf *shelf, const struct tide_vending *v, uint64_t trade,
                       struct tide_call **call, struct tide_error *error)
{
    const struct body_trade_row *row;
    struct tide_doc *doc;
    struct body_grant body = {.trade = trade};

    int code = row_of_trade(m, trade, &doc, &row, error);
    if (code != 0) return code;
    bool waits = row->state == TRADE_MATCHED;
    if (waits) code = shelf_get(m, shelf, row->listing, error);
    bool has_content = waits && code == 0 && shelf->row->n_chunks > 0;
    if (code == 0 && waits && (has_content || v->credential != NULL)) {
        code = settlement_check(m, row, shelf->row, error);
        if (code == 0) code = signed_check(m, row, shelf->row, error);
        if (code == 0)
            code = has_content ? key_seal(m, shelf->row, row, doc->arena, &body.grant, error)
                               : credential_seal(v, doc, &body.grant, error);
        if (code == 0 && body.grant.len > 0) {
            settlement_sign(m, row, body.signature);
            code = statement_start(m, &schema_grant, &body, call, error);
        }
    }
    tide_doc_free(&doc);
    return code;
}

/* ---- all of them ---- */

/* What makes going on useless: it concerns not one trade, but all. */
static bool is_hopeless(int code)
{
    return code == OUTCOME_C_INTERRUPTED || code == OUTCOME_C_UNREACHABLE || code == OUTCOME_C_NO_MEMORY ||
           code == OUTCOME_C_FILE || code == OUTCOME_V_FORK || code == OUTCOME_UNKNOWN_PARTY || is_passing(code);
}

/*
 * Errors of one trade do not keep the others from their keys: who wants to be told of them is told, otherwise the first is
 * remembered. What stops them all is remembered in any case.
 */
struct tally {
    const struct tide_vending *vending;
    unsigned n_granted;
    int code;
    struct tide_error error;
};

static void tally_note(struct tally *tally, const char *what, uint64_t name, int code, const struct tide_error *error)
{
    if (code == 0 || code == OUTCOME_WRONG_STATE || code == OUTCOME_TOO_LATE) return;
    if (!is_hopeless(code) && tally->vending->trouble != NULL) {
        tally->vending->trouble(tally->vending->ctx, what, name, error);
        return;
    }
    if (tally->code != 0 && (is_hopeless(tally->code) || !is_hopeless(code))) return;
    tally->code = code;
    tally->error = *error;
}

/* Grants under way. */
struct sent {
    struct tide_call *call; /* NULL: there was nothing to do */
    uint64_t trade;
};

static void window_finish(struct sent *sent, unsigned n, struct tally *tally)
{
    struct tide_error error;
    for (unsigned i = 0; i < n; i++) {
        if (tally->code == OUTCOME_C_INTERRUPTED && sent[i].call != NULL && !tide_call_done(sent[i].call)) {
            call_free(&sent[i].call); /* an interrupt ends one wait only; the grants that are out are in the outbox */
        }
        if (sent[i].call == NULL) continue;
        int code = tide_call_finish(&sent[i].call, NULL, &error);
        if (code == 0) tally->n_granted++;
        tally_note(tally, "trade", sent[i].trade, code, &error);
    }
}

/* The oldest first: their deadlines come first. */
static void trades_grant(struct tide_market *m, struct waiting *waiting, struct tally *tally)
{
    struct shelf shelf = {0};
    while (waiting->n > 0 && !is_hopeless(tally->code)) {
        struct sent sent[WINDOW] = {0};
        struct tide_error own;
        unsigned n = 0;
        while (n < WINDOW && waiting->n > 0 && !is_hopeless(tally->code)) {
            struct sent *next = &sent[n++];
            next->trade = waiting->trades[--waiting->n];
            int started = grant_start(m, &shelf, tally->vending, next->trade, &next->call, &own);
            tally_note(tally, "trade", next->trade, started, &own);
        }
        window_finish(sent, n, tally);
    }
    tide_doc_free(&shelf.doc);
}

static void draws_answer(struct tide_market *m, struct waiting *waiting, struct tally *tally)
{
    const struct progress p = {.market = m, .what = "sample"};
    while (waiting->n > 0 && !is_hopeless(tally->code)) {
        uint64_t listing = waiting->trades[--waiting->n];
        struct tide_error own;
        bool answered;
        int code = samples_answer(m, listing, NULL, &p, &answered, &own);
        tally_note(tally, "listing", listing, code, &own);
        if (answered && tally->vending->sampled != NULL) tally->vending->sampled(tally->vending->ctx, listing);
    }
}

/* ---- in public ---- */
int tide_vend_round(struct tide_market *market, const struct tide_vending *vending, unsigned *n_granted,
                    struct tide_error *error)
{
    struct waiting trades = {0}, draws = {0};
    struct tally tally = {.vending = vending};
    error_clear(error);
    if (n_granted != NULL) *n_granted = 0;
    int code = need_identity(market, error);
    if (code == 0) code = trades_find(market, &trades, error);
    if (code == 0) trades_grant(market, &trades, &tally);
    if (code == 0 && !is_hopeless(tally.code)) code = draws_find(market, &draws, error);
    if (code == 0) draws_answer(market, &draws, &tally);
    free(trades.trades);
    free(draws.trades);
    if (n_granted != NULL) *n_granted = tally.n_granted;
    if (code != 0) return code;
    return tally.code == 0 ? 0 : error_copy(error, &tally.error);
}

int tide_vend(struct tide_market *market, unsigned *n_granted, struct tide_error *error)
{
    return tide_vend_round(market, &(struct tide_vending){0}, n_granted, error);
}

int tide_vend_credentials(struct tide_market *market, tide_credential credential, void *ctx, unsigned *n_granted,
                          struct tide_error *error)
{
    return tide_vend_round(market, &(struct tide_vending){.credential = credential, .ctx = ctx}, n_granted, error);
}
