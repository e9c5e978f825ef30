/*
 * Granting: every trade that waits for this vendor gets its key and the vendor's settlement signature.
 *
 * Always holds: the file key comes from the identity's seed and the listing's nonce, and must be the one the listing
 * commits to before it is given to anyone; it is given to the recipient that the buyer signed. Doing it twice, from
 * two machines, is harmless: the second grant is refused.
 * Not here: what the credentials of `api` and `compute` listings are; who calls gives them, one trade at a time.
 */
#include "client/lib/jobs.h"

#include <inttypes.h>
#include <stdlib.h>

#define WINDOW 32u

/* ---- what waits ---- */
struct waiting {
    uint64_t *trades; /* newest first */
    size_t n, room;
};

static bool waiting_add(struct waiting *w, uint64_t trade)
{
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

static int waiting_find(struct tide_market *m, struct waiting *w, struct tide_error *error)
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
        q.before = reply->before;
        tide_doc_free(&page);
        if (code != 0) return code;
    } while (q.before != 0);
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

static bool key_is_right(const struct identity *id, const struct body_listing_row *row, uint8_t key[AGE_FILE_KEY_BYTES])
{
    uint8_t commitment[HASH_BYTES];
    identity_file_key(id, row->nonce, key);
    age_key_commitment(key, row->nonce, commitment);
    return memcmp(commitment, row->key_commitment, HASH_BYTES) == 0;
}

/* By the present seed, or an older one of a rotated identity. */
static int key_find(const struct tide_market *m, const struct body_listing_row *row, uint8_t key[AGE_FILE_KEY_BYTES],
                    struct tide_error *error)
{
    if (key_is_right(m->identity, row, key)) return 0;
    for (size_t i = 0; i < identity_n_older(m->identity); i++) {
        if (key_is_right(identity_older(m->identity, i), row, key)) return 0;
    }
    explicit_bzero(key, AGE_FILE_KEY_BYTES);
    return error_set(error, OUTCOME_C_BAD_IDENTITY,
                     "This identity did not seal listing %" PRIu64 ": the key it makes is not "
                     "the one that the listing commits to.",
                     row->listing);
}

/* The content's key, sealed. `grant` lies in `arena`. */
static int key_seal(struct tide_market *m, const struct body_listing_row *listing, const struct body_trade_row *trade,
                    struct arena *arena, struct bytes *grant, struct tide_error *error)
{
    uint8_t key[AGE_FILE_KEY_BYTES], sealed[AGE_GRANT_BYTES];
    int code = key_find(m, listing, key, error);
    if (code == 0 && age_grant_seal(key, trade->recipient, sealed) != TIDE_OK) {
        code = error_set(error, OUTCOME_V_FAILED, "The recipient of trade %" PRIu64 " cannot be sealed to.",
                         trade->trade);
    }
    explicit_bzero(key, sizeof key);
    if (code == 0) *grant = arena_copy(arena, BYTES(sealed, sizeof sealed));
    return code;
}

/* Who gives credentials; `ask` NULL: nobody. */
struct teller {
    tide_credential ask;
    void *ctx;
};

/* A credential, sealed whole; *grant stays empty if there is none yet. */
static int credential_seal(const struct teller *teller, const struct tide_doc *doc, struct bytes *grant,
                           struct tide_error *error)
{
    const struct body_trade_row *trade = doc->value;
    uint8_t plain[TIDE_CREDENTIAL_MAX], *sealed = NULL;
    size_t len = 0, sealed_len = 0;
    if (teller->ask == NULL) return 0;
    int code = teller->ask(teller->ctx, doc, plain, &len, error);
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
static int grant_start(struct tide_market *m, struct shelf *shelf, const struct teller *teller, uint64_t trade,
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
    if (code == 0 && waits && (has_content || teller->ask != NULL)) {
        code = settlement_check(m, row, shelf->row, error);
        if (code == 0) code = signed_check(m, row, shelf->row, error);
        if (code == 0)
            code = has_content ? key_seal(m, shelf->row, row, doc->arena, &body.grant, error)
                               : credential_seal(teller, doc, &body.grant, error);
        if (code == 0 && body.grant.len > 0) {
            settlement_sign(m, row, body.signature);
            code = statement_start(m, &schema_grant, &body, call, error);
        }
    }
    tide_doc_free(&doc);
    return code;
}

/* ---- all of them ---- */

/* What makes going on useless. */
static bool is_hopeless(int code)
{
    return code == OUTCOME_C_INTERRUPTED || code == OUTCOME_C_UNREACHABLE || code == OUTCOME_C_NO_MEMORY ||
           code == OUTCOME_C_FILE;
}

/* Errors of one trade do not keep the others from their keys: the first is remembered, or what stops them all. */
struct tally {
    unsigned n_granted;
    int code;
    struct tide_error error;
};

static void tally_note(struct tally *tally, int code, const struct tide_error *error)
{
    if (code == 0 || code == OUTCOME_WRONG_STATE || code == OUTCOME_TOO_LATE) return;
    if (tally->code != 0 && (is_hopeless(tally->code) || !is_hopeless(code))) return;
    tally->code = code;
    tally->error = *error;
}

static void window_finish(struct tide_call **calls, unsigned n, struct tally *tally)
{
    struct tide_error error;
    for (unsigned i = 0; i < n; i++) {
        if (tally->code == OUTCOME_C_INTERRUPTED && calls[i] != NULL && !tide_call_done(calls[i])) {
            call_free(&calls[i]); /* an interrupt ends one wait only; the grants that are out are in the outbox */
        }
        if (calls[i] == NULL) continue;
        int code = tide_call_finish(&calls[i], NULL, &error);
        if (code == 0) tally->n_granted++;
        tally_note(tally, code, &error);
    }
}

int tide_vend(struct tide_market *market, unsigned *n_granted, struct tide_error *error)
{
    return tide_vend_credentials(market, NULL, NULL, n_granted, error);
}

int tide_vend_credentials(struct tide_market *market, tide_credential credential, void *ctx, unsigned *n_granted,
                          struct tide_error *error)
{
    const struct teller teller = {credential, ctx};
    struct waiting waiting = {0};
    struct shelf shelf = {0};
    struct tally tally = {0};
    error_clear(error);
    if (n_granted != NULL) *n_granted = 0;
    int code = need_identity(market, error);
    if (code == 0) code = waiting_find(market, &waiting, error);
    while (code == 0 && waiting.n > 0 && !is_hopeless(tally.code)) {
        struct tide_call *calls[WINDOW] = {0};
        struct tide_error own;
        unsigned n = 0;
        while (n < WINDOW && waiting.n > 0 && !is_hopeless(tally.code)) {
            int started = grant_start(market, &shelf, &teller, waiting.trades[--waiting.n], &calls[n++], &own);
            tally_note(&tally, started, &own);
        }
        window_finish(calls, n, &tally);
    }
    tide_doc_free(&shelf.doc);
    free(waiting.trades);
    if (n_granted != NULL) *n_granted = tally.n_granted;
    if (code != 0) return code;
    return tally.code == 0 ? 0 : error_copy(error, &tally.error);
}
