/*
 * Rows of the market that jobs work on, and the settlement text held against them before it is signed.
 *
 * Always holds: a settlement signature is given only to a text that says what trade and listing say. Whether those say what the
 * parties signed is signed.c's to find out.
 */
#include "client/lib/jobs.h"
#include "storage/settlement.h"

#include <inttypes.h>

int row_of_listing(struct tide_market *m, uint64_t listing, struct tide_doc **doc, const struct body_listing_row **row,
                struct tide_error *error)
{
    struct body_q_listing q = {.listing = listing};
    *row = NULL;
    if (listing == 0) return error_set(error, OUTCOME_NO_SUCH_LISTING, NULL);
    int code = market_query(m, VERB_LISTING, &q, doc, error);
    if (code != 0) return code;
    *row = ((const struct body_r_listing *)(*doc)->value)->row.items;
    uint8_t terms_hash[HASH_BYTES];
    sha256(listing_published(*doc)->terms, terms_hash);
    bool same_terms = memcmp(terms_hash, (*row)->terms_hash, HASH_BYTES) == 0; /* what is shown is what a bid accepts */
    if ((*row)->listing == listing && same_terms) return 0;
    tide_doc_free(doc);
    *row = NULL;
    return error_set(error, OUTCOME_V_FAILED,
                     same_terms ? "The broker answered with another listing than asked for."
                                : "The listing's usage terms are not those that its hash names.");
}

int row_of_trade(struct tide_market *m, uint64_t trade, struct tide_doc **doc, const struct body_trade_row **row,
              struct tide_error *error)
{
    struct body_q_trade q = {.trade = trade};
    *row = NULL;
    if (trade == 0) return error_set(error, OUTCOME_NO_SUCH_TRADE, NULL);
    int code = market_query(m, VERB_TRADE, &q, doc, error);
    if (code != 0) return code;
    enum tide_err err = doc_narrow(*doc, "row");
    const struct body_trade_row *found = (*doc)->value;
    if (err == TIDE_OK && found->trade == trade) {
        *row = found;
        return 0;
    }
    tide_doc_free(doc);
    if (err != TIDE_OK) return error_of(error, err, "The trade");
    return error_set(error, OUTCOME_V_FAILED, "The broker answered with another trade than asked for.");
}

const struct body_publish *listing_published(const struct tide_doc *doc)
{
    return ((const struct body_r_listing *)doc->value)->published.items;
}

void listing_commitment(const struct body_listing_row *row, struct age_commitment *out)
{
    *out = (struct age_commitment){.plaintext_len = row->plaintext_len, .n_chunks = row->n_chunks};
    memcpy(out->nonce, row->nonce, sizeof out->nonce);
    memcpy(out->content_root, row->content_root, sizeof out->content_root);
    memcpy(out->key_commitment, row->key_commitment, sizeof out->key_commitment);
}

/* ---- the settlement text ---- */
static const char *content_difference(const struct settlement *s, const struct body_listing_row *listing)
{
    if (s->has_content != (listing->n_chunks > 0)) return "content";
    if (!s->has_content) return NULL;
    if (memcmp(s->content_root, listing->content_root, HASH_BYTES) != 0) return "content";
    return memcmp(s->key_commitment, listing->key_commitment, HASH_BYTES) != 0 ? "key" : NULL;
}

static const char *difference(const struct tide_market *m, const struct settlement *s,
                              const struct body_trade_row *trade, const struct body_listing_row *listing)
{
    uint64_t total;
    if (!bytes_equal(s->origin, BYTES_TEXT(m->url.origin))) return "market";
    if (s->trade != trade->trade) return "trade";
    if (s->listing != trade->listing || s->listing != listing->listing) return "listing";
    if (!bytes_equal(s->title, listing->title)) return "title";
    if (memcmp(s->vendor, trade->vendor, 32) != 0) return "vendor"; /* that it is the listing's: signed.c, over changes of keys */
    if (memcmp(s->buyer, trade->buyer, 32) != 0) return "buyer";
    if (s->quantity != trade->quantity) return "quantity";
    if (s->price != trade->price) return "price";
    if (s->total != trade->total || !mul_u64(s->price, s->quantity, &total) || total != s->total) return "total";
    if (s->fee != trade->fee) return "fee";
    if (s->voucher != trade->voucher || s->programme != trade->programme || s->voucher > s->total) return "voucher";
    if (memcmp(s->terms_hash, listing->terms_hash, HASH_BYTES) != 0) return "terms";
    return content_difference(s, listing);
}

int settlement_check(const struct tide_market *m, const struct body_trade_row *trade,
                     const struct body_listing_row *listing, struct tide_error *error)
{
    struct settlement s;
    if (settlement_parse(trade->text, &s) != TIDE_OK) {
        return error_set(error, OUTCOME_V_FAILED,
                         "The settlement text of trade %" PRIu64 " is not one; nothing was signed.", trade->trade);
    }
    const char *line = difference(m, &s, trade, listing);
    if (line == NULL) return 0;
    return error_set(error, OUTCOME_V_FAILED,
                     "The settlement text of trade %" PRIu64 " has another %s than the trade and its "
                     "listing; nothing was signed.",
                     trade->trade, line);
}

void settlement_sign(const struct tide_market *m, const struct body_trade_row *trade, uint8_t signature[SIGN_BYTES])
{
    identity_sign(m->identity, DOMAIN_NONE, trade->text, signature);
}

/* ---- waiting ---- */
#define PAUSE_MIN_MS 50
#define PAUSE_MAX_MS 500

int poll_pause(struct tide_market *m, int *pause_ms, int64_t until_ms, struct tide_error *error)
{
    if (is_over(until_ms)) return error_set(error, OUTCOME_C_TIMEOUT, NULL);
    if (*pause_ms < PAUSE_MIN_MS) *pause_ms = PAUSE_MIN_MS;
    int pause = *pause_ms;
    if (until_ms >= 0) {
        int64_t left = until_ms - clock_ms();
        if (left < pause) pause = left < 1 ? 1 : (int)left;
    }
    *pause_ms = *pause_ms * 3 / 2 < PAUSE_MAX_MS ? *pause_ms * 3 / 2 : PAUSE_MAX_MS;
    return market_sleep(m, pause, error);
}

bool is_passing(int code)
{
    return code == OUTCOME_BUSY || code == OUTCOME_STOPPING || code == OUTCOME_NOT_YET;
}
