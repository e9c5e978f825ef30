/*
 * What a trade rests on, held against what was signed: the buyer's bid, the vendor's ask, the vendor's listing. The
 * broker's rows are its word; these are the parties'.
 *
 * Always holds: no key is given, and no settlement signed, for a trade that its two parties did not sign up to at this
 * price, for this recipient, content and terms. A broker that puts a recipient of its own into a trade gets nothing.
 */
#include "client/lib/jobs.h"
#include "crypto/hash.h"

#include <inttypes.h>

/* What is being held against what. */
struct held {
    struct tide_market *market;
    const struct body_trade_row *trade;
    const struct body_listing_row *listing;
};

static int differs(const struct held *h, const char *what, struct tide_error *error)
{
    return error_set(error, OUTCOME_V_FAILED, "The %s of trade %" PRIu64 " is not what its party signed; nothing was signed.",
                     what, h->trade->trade);
}

/* A statement of this market under `party`'s signature, decoded in *doc's memory. */
static int signed_get(const struct held *h, enum signed_part part, const uint8_t party[32], struct tide_doc **doc,
                      struct statement *out, struct tide_error *error)
{
    struct body_q_signed q = {.trade = h->trade->trade, .part = part};
    struct bytes bytes;
    const uint8_t *signature;
    int code = market_query(h->market, VERB_SIGNED, &q, doc, error);
    if (code != 0) return code;
    const struct body_r_signed *reply = (*doc)->value;
    if (envelope_decode(reply->envelope, (*doc)->arena, &bytes, &signature) == TIDE_OK &&
        statement_decode(bytes, (*doc)->arena, out) == TIDE_OK && memcmp(out->party, party, 32) == 0 &&
        memcmp(out->market, h->market->url.market, 32) == 0 &&
        sign_verify(party, DOMAIN_STATEMENT, bytes, signature) == TIDE_OK)
        return 0;
    tide_doc_free(doc);
    return differs(h, names_signed[part], error);
}

static bool bid_fits(const struct held *h, const struct body_order *o)
{
    return o->side == SIDE_BID && o->listing == h->trade->listing && o->price >= h->trade->price &&
           o->quantity >= h->trade->quantity && memcmp(o->recipient, h->trade->recipient, 32) == 0 &&
           memcmp(o->terms_hash, h->listing->terms_hash, HASH_BYTES) == 0;
}

static bool ask_fits(const struct held *h, const struct body_order *o)
{
    return o->side == SIDE_ASK && o->listing == h->trade->listing && o->price <= h->trade->price &&
           (o->unlimited || o->quantity >= h->trade->quantity);
}

/* One order, or any of a batch: the recipient is used once, so that no two bids can be meant. */
static int order_check(const struct held *h, enum signed_part part, const uint8_t party[32],
                       bool (*fits)(const struct held *h, const struct body_order *o), struct tide_error *error)
{
    struct tide_doc *doc = NULL;
    struct statement s;
    bool found = false;
    int code = signed_get(h, part, party, &doc, &s, error);
    if (code != 0) return code;
    if (s.kind == KIND_ORDER) found = fits(h, s.body);
    if (s.kind == KIND_ORDER_BATCH) {
        const struct list *orders = &((const struct body_order_batch *)s.body)->orders;
        for (size_t i = 0; i < orders->n && !found; i++) found = fits(h, (const struct body_order *)orders->items + i);
    }
    tide_doc_free(&doc);
    return found ? 0 : differs(h, names_signed[part], error);
}

static bool listing_fits(const struct held *h, const struct body_publish *p)
{
    const struct body_listing_row *row = h->listing;
    uint8_t terms_hash[HASH_BYTES];
    sha256(p->terms, terms_hash);
    return p->kind == row->kind && bytes_equal(p->title, row->title) && p->plaintext_len == row->plaintext_len &&
           p->n_chunks == row->n_chunks && memcmp(p->nonce, row->nonce, sizeof p->nonce) == 0 &&
           memcmp(p->content_root, row->content_root, HASH_BYTES) == 0 &&
           memcmp(p->key_commitment, row->key_commitment, HASH_BYTES) == 0 &&
           memcmp(terms_hash, row->terms_hash, HASH_BYTES) == 0;
}

static int listing_check(const struct held *h, struct tide_error *error)
{
    struct tide_doc *doc = NULL;
    struct statement s;
    int code = signed_get(h, SIGNED_LISTING, h->trade->vendor, &doc, &s, error);
    if (code != 0) return code;
    bool fits = s.kind == KIND_PUBLISH && listing_fits(h, s.body);
    tide_doc_free(&doc);
    return fits ? 0 : differs(h, names_signed[SIGNED_LISTING], error);
}

int signed_check(struct tide_market *m, const struct body_trade_row *trade, const struct body_listing_row *listing,
                 struct tide_error *error)
{
    const struct held h = {m, trade, listing};
    int code = order_check(&h, SIGNED_BID, trade->buyer, bid_fits, error);
    if (code == 0) code = order_check(&h, SIGNED_ASK, trade->vendor, ask_fits, error);
    return code == 0 ? listing_check(&h, error) : code;
}
