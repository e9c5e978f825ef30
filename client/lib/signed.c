/*
 * What a trade rests on, held against what was signed: the buyer's bid and the vendor's ask, as placed or as replaced, and
 * the vendor's listing. The broker's rows are its word; these are the parties'. That the listing is the one of that number,
 * the log says (registered.c).
 *
 * Always holds: no key is given, and no settlement signed, for a trade that its two parties did not sign up to at this
 * price, for this recipient, content and terms. A broker that puts a recipient of its own into a trade gets nothing. Of an
 * order that was replaced the last limit alone counts, and of one's own the last that the outbox knows.
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
 * That the key `other`, which signed, is or was of the party whose key in a trade is `party`: it may have signed before its
 * keys were changed. Of oneself one's own seeds tell; of others the log does.
 */
static int same_party(const struct held *h, enum signed_part part, const uint8_t party[32], const uint8_t other[32],
                      struct tide_error *error)
{
    if (!identity_had(h->market->identity, party)) return party_keys_lead(h->market, other, party, h->trade->trade, error);
    return identity_had(h->market->identity, other) ? 0 : differs(h, names_signed[part], error);
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
    bool is_one = envelope_decode(reply->envelope, (*doc)->arena, &bytes, &signature) == TIDE_OK &&
                  statement_decode(bytes, (*doc)->arena, out) == TIDE_OK &&
                  memcmp(out->market, h->market->url.market, 32) == 0 &&
                  sign_verify(out->party, DOMAIN_STATEMENT, bytes, signature) == TIDE_OK;
    code = is_one ? same_party(h, part, party, out->party, error) : differs(h, names_signed[part], error);
    if (code != 0) tide_doc_free(doc);
    return code;
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

/* ---- what was signed later of an order ---- */

/* Another limit, for as many as were wanted from then on. */
struct later {
    bool exists;
    uint64_t order, issued_at, index;
    uint64_t price, quantity;
};

static void later_fill(struct later *later, const struct statement *s)
{
    const struct body_replace *r = s->body;
    later->exists = true;
    later->issued_at = s->issued_at;
    later->price = r->price;
    later->quantity = r->quantity;
}

/* The newest before the trade, as the broker gives it. */
static int later_get(const struct held *h, enum signed_part part, const uint8_t party[32], struct later *out,
                     struct tide_error *error)
{
    struct tide_doc *doc = NULL;
    struct statement s;
    int code = signed_get(h, part, party, &doc, &s, error);
    if (code == OUTCOME_NO_SUCH_RECORD) return 0; /* it says there is none */
    if (code != 0) return code;
    if (s.kind == KIND_REPLACE && ((const struct body_replace *)s.body)->order == out->order) later_fill(out, &s);
    else code = differs(h, names_signed[part], error);
    tide_doc_free(&doc);
    return code;
}

/* Looking through one's own outbox. */
struct own_later {
    struct later later;
    uint64_t before;
    struct arena arena;
};

static bool own_look(void *ctx, const struct outbox_entry *entry)
{
    struct own_later *own = ctx;
    struct statement s;
    struct bytes bytes;
    const uint8_t *signature;
    bool accepted = entry->state == OUTBOX_ACCEPTED || entry->state == OUTBOX_PROVEN;
    if (entry->kind != KIND_REPLACE || !accepted || entry->first_index >= own->before) return true;
    if (own->later.exists && entry->first_index <= own->later.index) return true;
    arena_reset(&own->arena);
    if (envelope_decode(entry->envelope, &own->arena, &bytes, &signature) != TIDE_OK ||
        statement_decode(bytes, &own->arena, &s) != TIDE_OK || s.kind != KIND_REPLACE ||
        ((const struct body_replace *)s.body)->order != own->later.order)
        return true;
    later_fill(&own->later, &s);
    own->later.index = entry->first_index;
    return true;
}

/* One's own newest, should the broker have given an older one or none. Another machine of this party may know of a newer. */
static int own_later_get(const struct held *h, struct later *out, struct tide_error *error)
{
    struct own_later own = {.later = {.order = out->order}, .before = h->trade->trade};
    arena_init(&own.arena, LIMIT_TRADE_FRAME_BYTES * 4);
    enum tide_err err = outbox_each_own(h->market, own_look, &own);
    arena_deinit(&own.arena);
    if (own.later.exists && own.later.issued_at >= out->issued_at) *out = own.later;
    return error_of(error, err, "The outbox");
}

/* ---- an order ---- */

/* One order, or any of a batch: as it was replaced last, or as it was placed if it never was. */
static int order_check(const struct held *h, enum signed_part part, const uint8_t party[32],
                       bool (*is_meant)(const struct held *h, const struct body_order *o), struct tide_error *error)
{
    bool is_bid = part == SIGNED_BID;
    struct later later = {.order = is_bid ? h->trade->bid : h->trade->ask};
    struct tide_doc *doc = NULL;
    struct statement s;
    int code = later_get(h, is_bid ? SIGNED_BID_REPLACED : SIGNED_ASK_REPLACED, party, &later, error);
    if (code == 0 && identity_had(h->market->identity, party)) code = own_later_get(h, &later, error);
    if (code == 0) code = signed_get(h, part, party, &doc, &s, error);
    if (code != 0) return code;
    struct list orders = {0};
    if (s.kind == KIND_ORDER) orders = (struct list){(void *)(uintptr_t)s.body, 1};
    if (s.kind == KIND_ORDER_BATCH) orders = ((const struct body_order_batch *)s.body)->orders;
    bool allowed = false;
    for (size_t i = 0; i < orders.n && !allowed; i++) {
        const struct body_order *o = (const struct body_order *)orders.items + i;
        if (!is_meant(h, o)) continue;
        allowed = !later.exists ? order_allows(h, o)
                                : allows(h, o->side, later.price, o->unlimited ? UINT64_MAX : later.quantity);
    }
    tide_doc_free(&doc);
    return allowed ? 0 : differs(h, names_signed[part], error);
}

static bool listing_fits(const struct held *h, const struct body_publish *p)
{
    const struct body_listing_row *row = h->listing;
    uint8_t terms_hash[HASH_BYTES];
    sha256(p->terms, terms_hash);
    return p->kind == row->kind && bytes_equal(p->title, row->title) && p->plaintext_len == row->plaintext_len &&
           p->n_chunks == row->n_chunks && p->samples == row->samples && memcmp(p->nonce, row->nonce, sizeof p->nonce) == 0 &&
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
    /* A listing of somebody else's can commit to the same key: what is given is for a trade of one's own. */
    if (!identity_had(m->identity, trade->vendor) && !identity_had(m->identity, trade->buyer))
        return error_set(error, OUTCOME_V_FAILED, "Trade %" PRIu64 " is between others; nothing was signed.", trade->trade);
    int code = order_check(&h, SIGNED_BID, trade->buyer, bid_is_meant, error);
    if (code == 0) code = order_check(&h, SIGNED_ASK, trade->vendor, ask_is_meant, error);
    if (code == 0) code = listing_check(&h, error);
    return code == 0 ? registered_check(m, listing, trade->trade, error) : code;
}
