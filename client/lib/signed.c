/*
 * What a trade rests on, held against what was signed: the buyer's bid and the vendor's ask, as placed or as replaced, and
 * the vendor's listing. The broker's rows are its word; these are the parties'.
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

/*
 * True if the key `other` is, or was, of the party whose key in a trade is `party`: it may have signed before its keys were
 * changed. Of oneself one's own seeds tell; of others the market does, which knows who is who in the first place.
 */
static bool same_party(const struct held *h, const uint8_t party[32], const uint8_t other[32])
{
    struct body_q_party q = {0};
    struct tide_doc *doc;
    if (memcmp(party, other, 32) == 0) return true;
    if (identity_had(h->market->identity, party)) return identity_had(h->market->identity, other);
    memcpy(q.party, party, 32);
    if (market_query(h->market, VERB_KEYS, &q, &doc, NULL) != 0) return false;
    const struct list *keys = &((const struct body_r_keys *)doc->value)->keys;
    bool found = false, itself = false;
    for (size_t i = 0; i < keys->n; i++) {
        const struct body_key_row *row = (const struct body_key_row *)keys->items + i;
        found |= memcmp(row->key, other, 32) == 0;
        itself |= memcmp(row->key, party, 32) == 0;
    }
    tide_doc_free(&doc);
    return found && itself;
}

/* A statement of this market under the signature of `party`, by this key of it or an older one, decoded in *doc's memory. */
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
        statement_decode(bytes, (*doc)->arena, out) == TIDE_OK && same_party(h, party, out->party) &&
        memcmp(out->market, h->market->url.market, 32) == 0 &&
        sign_verify(out->party, DOMAIN_STATEMENT, bytes, signature) == TIDE_OK)
        return 0;
    tide_doc_free(doc);
    return differs(h, names_signed[part], error);
}

/* The one order that is meant: a bid by its recipient, which is used once. */
static bool bid_is_meant(const struct held *h, const struct body_order *o)
{
    return o->side == SIDE_BID && o->listing == h->trade->listing &&
           memcmp(o->recipient, h->trade->recipient, 32) == 0 &&
           memcmp(o->terms_hash, h->listing->terms_hash, HASH_BYTES) == 0 &&
           (h->trade->programme == 0 || h->trade->programme == o->voucher);
}

static bool ask_is_meant(const struct held *h, const struct body_order *o)
{
    return o->side == SIDE_ASK && o->listing == h->trade->listing;
}

/* Whether an order of that side allows the trade, with this limit for so many. */
static bool allows(const struct held *h, uint64_t side, uint64_t price, uint64_t quantity)
{
    bool price_fits = side == SIDE_BID ? price >= h->trade->price : price <= h->trade->price;
    return price_fits && quantity >= h->trade->quantity;
}

static bool order_allows(const struct held *h, const struct body_order *o)
{
    uint64_t quantity = o->unlimited ? UINT64_MAX : o->quantity;
    if (o->side == SIDE_BID && o->type == ORDER_MARKET)
        return h->trade->total <= o->budget && quantity >= h->trade->quantity;
    return allows(h, o->side, o->price, quantity);
}

/* What was signed later of an order: another limit, for as many as were wanted from then on. */
static int replaced_check(const struct held *h, enum signed_part part, const uint8_t party[32], bool unlimited,
                          struct tide_error *error)
{
    bool is_bid = part == SIGNED_BID;
    struct tide_doc *doc = NULL;
    struct statement s;
    int code = signed_get(h, is_bid ? SIGNED_BID_REPLACED : SIGNED_ASK_REPLACED, party, &doc, &s, error);
    if (code / 100 == 4) return differs(h, names_signed[part], error); /* it was never replaced */
    if (code != 0) return code;
    bool fits = false;
    if (s.kind == KIND_REPLACE) {
        const struct body_replace *r = s.body;
        fits = r->order == (is_bid ? h->trade->bid : h->trade->ask) &&
               allows(h, is_bid ? SIDE_BID : SIDE_ASK, r->price, unlimited ? UINT64_MAX : r->quantity);
    }
    tide_doc_free(&doc);
    return fits ? 0 : differs(h, names_signed[part], error);
}

/* One order, or any of a batch, as it was placed or as it was replaced. */
static int order_check(const struct held *h, enum signed_part part, const uint8_t party[32],
                       bool (*is_meant)(const struct held *h, const struct body_order *o), struct tide_error *error)
{
    struct tide_doc *doc = NULL;
    struct statement s;
    int code = signed_get(h, part, party, &doc, &s, error);
    if (code != 0) return code;
    struct list orders = {0};
    if (s.kind == KIND_ORDER) orders = (struct list){(void *)(uintptr_t)s.body, 1};
    if (s.kind == KIND_ORDER_BATCH) orders = ((const struct body_order_batch *)s.body)->orders;
    bool meant = false, allowed = false, unlimited = false;
    for (size_t i = 0; i < orders.n && !allowed; i++) {
        const struct body_order *o = (const struct body_order *)orders.items + i;
        if (!is_meant(h, o)) continue;
        meant = true;
        unlimited = unlimited || o->unlimited;
        allowed = order_allows(h, o);
    }
    tide_doc_free(&doc);
    if (allowed) return 0;
    return meant ? replaced_check(h, part, party, unlimited, error) : differs(h, names_signed[part], error);
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
    int code = order_check(&h, SIGNED_BID, trade->buyer, bid_is_meant, error);
    if (code == 0) code = order_check(&h, SIGNED_ASK, trade->vendor, ask_is_meant, error);
    return code == 0 ? listing_check(&h, error) : code;
}
