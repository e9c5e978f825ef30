/*
 * Listings: what may be offered, and how a listing comes to be open and closed.
 *
 * Always holds: a listing's state changes only along its table (transitions.c); a key commitment belongs to one
 * listing.
 * Not here: its orders (order.c), closing them in slices (work.c).
 */
#include "broker/market/law.h"
#include "crypto/age.h"

/* Of the others a credential is delivered, made for each trade. */
bool listing_is_sealed(uint64_t listing_kind)
{
    return listing_kind != LISTING_API && listing_kind != LISTING_COMPUTE;
}

enum tide_err hear_listing(struct hearing *h, uint64_t listing)
{
    if (listing == h->listing && listing != 0) return TIDE_OK;
    h->listing = 0;
    enum tide_err err = listing_get(h->state, listing, &h->listing_row);
    if (err == TIDE_ENOTFOUND) return refuse(h, OUTCOME_NO_SUCH_LISTING);
    if (err) return err;
    err = must_exist(party_by_number(h->state, h->listing_row.vendor, &h->vendor));
    if (!err) h->listing = listing;
    return err;
}

/* ---- publish ---- */

static bool is_zero(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != 0) return false;
    return true;
}

static bool content_agrees(const struct body_publish *p)
{
    bool bound = !is_zero(p->nonce, 16) && !is_zero(p->content_root, 32) && !is_zero(p->key_commitment, 32);
    bool empty = is_zero(p->nonce, 16) && is_zero(p->content_root, 32) && is_zero(p->key_commitment, 32);
    if (!listing_is_sealed(p->kind)) return empty && p->plaintext_len == 0 && p->n_chunks == 0 && p->payload_len == 0;
    return bound && p->n_chunks == age_n_chunks(p->plaintext_len) &&
           p->payload_len == age_payload_len(p->plaintext_len);
}

/* A revision is of a listing of one's own. */
static enum tide_err check_revises(struct hearing *h, const struct body_publish *p)
{
    if (p->revises == 0) return TIDE_OK;
    PASS(h, hear_listing(h, p->revises));
    return h->listing_row.vendor == h->party ? TIDE_OK : refuse(h, OUTCOME_NOT_YOURS);
}

static enum tide_err check_unlisted(struct hearing *h, const struct body_publish *p)
{
    struct row_ref other;
    if (is_zero(p->key_commitment, 32)) return TIDE_OK;
    enum tide_err err = state_get(h->state, TABLE_CONTENT, p->key_commitment, &other);
    if (err == TIDE_ENOTFOUND) return TIDE_OK;
    return err ? err : refuse_because(h, OUTCOME_ALREADY_LISTED, "listing %llu has this key commitment",
                                      (unsigned long long)other.index);
}

static enum tide_err check_policy(struct hearing *h, const struct body_publish *p)
{
    if (p->class == CLASS_CORE) return refuse(h, OUTCOME_CORE_DATA);
    if (p->class == CLASS_IMPORTANT && is_zero(p->assessment, 32)) return refuse(h, OUTCOME_NO_ASSESSMENT);
    if (p->personal_data && p->legal_basis.len == 0) return refuse(h, OUTCOME_NO_LEGAL_BASIS);
    if (is_zero(p->right_operating, 32)) return refuse(h, OUTCOME_NO_RIGHT);
    if (!content_agrees(p)) return refuse(h, OUTCOME_BAD_CONTENT);
    if (text_has_control(p->title) || text_has_control(p->jurisdictions) || text_has_control(p->purposes))
        return refuse(h, OUTCOME_BAD_TEXT);
    return TIDE_OK;
}

enum tide_err decide_publish(struct hearing *h)
{
    const struct body_publish *p = h->cause->statement.body;
    PASS(h, check_revises(h, p));
    PASS(h, check_unlisted(h, p));
    PASS(h, check_policy(h, p));

    struct body_listed *e = EVENT(h, LISTED, listed);
    if (!e) return TIDE_ENOMEM;
    memcpy(e->vendor, h->cause->statement.party, 32);
    e->kind = p->kind;
    e->title = p->title;
    e->class = p->class;
    e->jurisdictions = p->jurisdictions;
    e->purposes = p->purposes;
    sha256(p->terms, e->terms_hash);
    e->plaintext_len = p->plaintext_len;
    e->n_chunks = p->n_chunks;
    memcpy(e->nonce, p->nonce, 16);
    memcpy(e->content_root, p->content_root, 32);
    memcpy(e->key_commitment, p->key_commitment, 32);
    e->revises = p->revises;
    e->state = listing_is_sealed(p->kind) ? LISTING_AWAITING : LISTING_PENDING;
    ASSERT(listing_may_move(KIND_PUBLISH, LISTING_NONE, e->state));
    return TIDE_OK;
}

static enum tide_err put_listing_indexes(struct fold *f, const struct row_listing *row)
{
    const struct row_none none = {0};
    const struct row_ref ref = {f->index};
    uint8_t by_state[9], of[16];
    key_u8_u64(by_state, (uint8_t)row->state, f->index);
    key_u64_u64(of, row->vendor, f->index);
    enum tide_err err = state_put(f->state, TABLE_LISTING_BY_STATE, by_state, &none);
    if (!err) err = state_put(f->state, TABLE_LISTING_OF, of, &none);
    if (!err && !is_zero(row->key_commitment, 32)) err = state_put(f->state, TABLE_CONTENT, row->key_commitment, &ref);
    return err;
}

enum tide_err apply_listed(struct fold *f, const struct body_listed *e)
{
    struct row_listing row;
    if (!listing_may_move(0, LISTING_NONE, e->state)) return TIDE_EDAMAGED;
    memset(&row, 0, sizeof row);
    enum tide_err err = fold_party(f, e->vendor, &row.vendor);
    if (err) return err;
    row.cause = f->cause;
    row.kind = e->kind;
    row.class = e->class;
    row.state = e->state;
    row.listed_at = f->time_ms;
    row.plaintext_len = e->plaintext_len;
    row.n_chunks = e->n_chunks;
    row.revises = e->revises;
    memcpy(row.vendor_key, e->vendor, 32);
    memcpy(row.nonce, e->nonce, 16);
    memcpy(row.content_root, e->content_root, 32);
    memcpy(row.key_commitment, e->key_commitment, 32);
    memcpy(row.terms_hash, e->terms_hash, 32);
    row_text_set(row.title, sizeof row.title, e->title);
    row_text_set(row.jurisdictions, sizeof row.jurisdictions, e->jurisdictions);
    row_text_set(row.purposes, sizeof row.purposes, e->purposes);
    err = listing_put(f, f->index, &row);
    return err ? err : put_listing_indexes(f, &row);
}

/* ---- from state to state ---- */

/* Emits the move, or refuses it if the table does not know it. */
static enum tide_err move_listing(struct hearing *h, enum listing_state to)
{
    uint64_t from = h->listing_row.state;
    if (!listing_may_move(h->cause->statement.kind, from, to))
        return refuse_because(h, OUTCOME_WRONG_STATE, "listing %llu is %s", (unsigned long long)h->listing,
                              names_listing_state[from]);
    struct body_listing_moved *e = EVENT(h, LISTING_MOVED, listing_moved);
    if (!e) return TIDE_ENOMEM;
    e->listing = h->listing;
    e->from = from;
    e->to = to;
    return TIDE_OK;
}

enum tide_err decide_stored(struct hearing *h)
{
    const struct body_stored *stored = h->cause->statement.body;
    PASS(h, hear_listing(h, stored->listing));
    return move_listing(h, LISTING_PENDING);
}

enum tide_err decide_review(struct hearing *h)
{
    const struct body_review *review = h->cause->statement.body;
    PASS(h, hear_listing(h, review->listing));
    if (same_group(h->party, &h->speaker, h->listing_row.vendor, &h->vendor)) return refuse(h, OUTCOME_OWN_GROUP);
    PASS(h, move_listing(h, review->verdict == REVIEW_APPROVE ? LISTING_OPEN : LISTING_REFUSED));
    if (review->verdict == REVIEW_REFUSE && review->reasons.len == 0) return refuse(h, OUTCOME_NEEDS_REASONS);
    return TIDE_OK;
}

enum tide_err decide_close(struct hearing *h)
{
    const struct body_close *close = h->cause->statement.body;
    PASS(h, hear_listing(h, close->listing));
    if (h->listing_row.vendor != h->party) return refuse(h, OUTCOME_NOT_YOURS);
    PASS(h, move_listing(h, LISTING_CLOSED));
    return close_orders_of_listing(h, close->listing);
}

enum tide_err apply_listing_moved(struct fold *f, const struct body_listing_moved *e)
{
    const struct row_none none = {0};
    struct row_listing row;
    uint8_t by_state[9];
    enum tide_err err = must_exist(listing_get(f->state, e->listing, &row));
    if (err) return err;
    if (row.state != e->from || !listing_may_move(0, e->from, e->to)) return TIDE_EDAMAGED;
    row.state = e->to;
    err = listing_put(f, e->listing, &row);
    key_u8_u64(by_state, (uint8_t)e->from, e->listing);
    if (!err) err = must_exist(state_del(f->state, TABLE_LISTING_BY_STATE, by_state));
    key_u8_u64(by_state, (uint8_t)e->to, e->listing);
    if (!err) err = state_put(f->state, TABLE_LISTING_BY_STATE, by_state, &none);
    return err;
}
