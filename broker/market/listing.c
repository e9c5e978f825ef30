/*
 * Listings: what may be offered, how a listing comes to be open, and the fold of all its moves.
 *
 * Always holds: a listing's state changes only along its table (transitions.c); a key commitment, of a content or of a
 * detail part, belongs to one listing.
 * Not here: what the market keeps of it (listing_kept.c), how many were closed untraded (listing_untraded.c), samples
 * (sample.c), who may read its detail part (detail.c), halts (halt.c), closing a listing and what rests on it
 * (listing_close.c), words to be found by (catalog.c).
 */
#include "broker/market/law.h"
#include "crypto/age.h"
#include "storage/certificate.h"

#define SAMPLES_ONE_IN 20 /* at most 5 % of the chunks are promised as samples */

/* Of the others a credential is delivered, made for each trade. */
bool listing_is_sealed(uint64_t listing_kind)
{
    return listing_kind != LISTING_API && listing_kind != LISTING_COMPUTE;
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

static bool detail_agrees(const struct body_publish *p)
{
    bool described = p->detail_len > 0;
    return is_zero(p->detail_nonce, 16) != described && is_zero(p->detail_root, 32) != described &&
           is_zero(p->detail_commitment, 32) != described;
}

/* What follows https:// is for whoever fetches it to judge; here it only fits into one line of text. */
static bool location_fits(const struct body_publish *p)
{
    static const char scheme[] = "https://";
    const size_t scheme_len = sizeof scheme - 1;
    if (p->location.len == 0) return true;
    if (!listing_is_sealed(p->kind) || p->location.len <= scheme_len) return false;
    for (size_t i = 0; i < p->location.len; i++)
        if (p->location.data[i] < 0x21 || p->location.data[i] > 0x7e) return false;
    return memcmp(p->location.data, scheme, scheme_len) == 0;
}

/* A revision is of a listing of one's own. */
static enum tide_err check_revises(struct hearing *h, const struct body_publish *p)
{
    if (p->revises == 0) return TIDE_OK;
    PASS(h, hear_listing(h, p->revises));
    return h->listing_row.vendor == h->party ? TIDE_OK : refuse(h, OUTCOME_NOT_YOURS);
}

static enum tide_err check_commitment(struct hearing *h, const uint8_t commitment[32])
{
    struct row_ref other;
    if (is_zero(commitment, 32)) return TIDE_OK;
    enum tide_err err = state_get(h->state, TABLE_CONTENT, commitment, &other);
    if (err == TIDE_ENOTFOUND) return TIDE_OK;
    return err ? err : refuse_because(h, OUTCOME_ALREADY_LISTED, "listing %llu has this key commitment",
                                      (unsigned long long)other.index);
}

static enum tide_err check_unlisted(struct hearing *h, const struct body_publish *p)
{
    PASS(h, check_commitment(h, p->key_commitment));
    PASS(h, check_commitment(h, p->detail_commitment));
    if (!is_zero(p->key_commitment, 32) && memcmp(p->key_commitment, p->detail_commitment, 32) == 0)
        return refuse_because(h, OUTCOME_ALREADY_LISTED, "content and detail part have one key commitment");
    return TIDE_OK;
}

static enum tide_err check_policy(struct hearing *h, const struct body_publish *p)
{
    if (p->class == CLASS_CORE) return refuse(h, OUTCOME_CORE_DATA);
    if (p->class == CLASS_IMPORTANT && is_zero(p->assessment, 32)) return refuse(h, OUTCOME_NO_ASSESSMENT);
    if (p->personal_data && p->legal_basis.len == 0) return refuse(h, OUTCOME_NO_LEGAL_BASIS);
    if (is_zero(p->right_operating, 32)) return refuse(h, OUTCOME_NO_RIGHT);
    return TIDE_OK;
}

static enum tide_err check_room(struct hearing *h)
{
    uint64_t most = h->market.parameters[PARAM_VENDOR_LISTINGS_MAX];
    if (h->speaker.n_listings < most) return TIDE_OK;
    return refuse_because(h, OUTCOME_TOO_MANY, "%llu listings that are not closed, of at most %llu",
                          (unsigned long long)h->speaker.n_listings, (unsigned long long)most);
}

static enum tide_err check_offer(struct hearing *h, const struct body_publish *p)
{
    const struct bytes lines[] = {p->title, p->unit, p->category, p->place, p->jurisdictions, p->purposes};
    if (!content_agrees(p) || !detail_agrees(p)) return refuse(h, OUTCOME_BAD_CONTENT);
    if (!location_fits(p)) return refuse(h, OUTCOME_BAD_LOCATION);
    PASS(h, check_room(h));
    PASS(h, check_kept(h, kept_bytes(p->kind, p->plaintext_len, p->location.len > 0, p->detail_len)));
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        if (text_has_control(lines[i])) return refuse(h, OUTCOME_BAD_TEXT);
    if (p->samples > p->n_chunks / SAMPLES_ONE_IN)
        return refuse_because(h, OUTCOME_BAD_SAMPLE, "of %llu chunks at most %llu can be promised",
                              (unsigned long long)p->n_chunks, (unsigned long long)(p->n_chunks / SAMPLES_ONE_IN));
    /* An end of 0 is none. */
    return p->time_to != 0 && p->time_to < p->time_from ? refuse(h, OUTCOME_BAD_PERIOD) : TIDE_OK;
}

static void listed_content(struct body_listed *e, const struct body_publish *p)
{
    sha256(p->terms, e->terms_hash);
    e->plaintext_len = p->plaintext_len;
    e->n_chunks = p->n_chunks;
    e->samples = p->samples;
    memcpy(e->nonce, p->nonce, 16);
    memcpy(e->content_root, p->content_root, 32);
    memcpy(e->key_commitment, p->key_commitment, 32);
    e->elsewhere = p->location.len > 0;
    e->detail_len = p->detail_len;
    memcpy(e->detail_nonce, p->detail_nonce, 16);
    memcpy(e->detail_root, p->detail_root, 32);
    memcpy(e->detail_commitment, p->detail_commitment, 32);
}

enum tide_err decide_publish(struct hearing *h)
{
    const struct body_publish *p = h->cause->statement.body;
    PASS(h, check_revises(h, p));
    PASS(h, check_unlisted(h, p));
    PASS(h, check_policy(h, p));
    PASS(h, check_offer(h, p));

    struct body_listed *e = EVENT(h, LISTED, listed);
    if (!e) return TIDE_ENOMEM;
    memcpy(e->vendor, h->cause->statement.party, 32);
    e->kind = p->kind;
    e->title = p->title;
    e->summary = p->summary;
    e->unit = p->unit;
    e->category = p->category;
    e->keywords = p->keywords;
    e->place = p->place;
    e->time_from = p->time_from;
    e->time_to = p->time_to;
    e->class = p->class;
    e->jurisdictions = p->jurisdictions;
    e->purposes = p->purposes;
    listed_content(e, p);
    e->revises = p->revises;
    e->state = listing_is_sealed(p->kind) || p->detail_len > 0 ? LISTING_AWAITING : LISTING_PENDING;
    ASSERT(listing_may_move(KIND_PUBLISH, LISTING_NONE, e->state));
    return untraded_before(h, p, &e->closed_untraded);
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
    if (!err && row->detail_len > 0) err = state_put(f->state, TABLE_CONTENT, row->detail_commitment, &ref);
    return err;
}

static enum tide_err put_revised(struct fold *f, uint64_t older, uint64_t vendor)
{
    struct row_listing row;
    if (older == 0) return TIDE_OK;
    enum tide_err err = must_exist(listing_get(f->state, older, &row));
    if (err) return err;
    if (row.vendor != vendor) return TIDE_EDAMAGED;
    row.revised_by = f->index;
    return listing_put(f, older, &row);
}

static void listing_row_content(struct row_listing *row, const struct body_listed *e)
{
    row->plaintext_len = e->plaintext_len;
    row->n_chunks = e->n_chunks;
    row->samples = e->samples;
    row->elsewhere = e->elsewhere;
    row->detail_len = e->detail_len;
    row->stored_bytes = kept_bytes(e->kind, e->plaintext_len, e->elsewhere, e->detail_len);
    memcpy(row->nonce, e->nonce, 16);
    memcpy(row->content_root, e->content_root, 32);
    memcpy(row->key_commitment, e->key_commitment, 32);
    memcpy(row->detail_nonce, e->detail_nonce, 16);
    memcpy(row->detail_root, e->detail_root, 32);
    memcpy(row->detail_commitment, e->detail_commitment, 32);
}

static void listing_row_fill(struct row_listing *row, const struct body_listed *e)
{
    row->kind = e->kind;
    row->class = e->class;
    row->state = e->state;
    row->revises = e->revises;
    row->closed_untraded = e->closed_untraded;
    row->time_from = e->time_from;
    row->time_to = e->time_to;
    memcpy(row->vendor_key, e->vendor, 32);
    memcpy(row->terms_hash, e->terms_hash, 32);
    listing_row_content(row, e);
    row_text_set(row->title, sizeof row->title, e->title);
    row_text_set(row->jurisdictions, sizeof row->jurisdictions, e->jurisdictions);
    row_text_set(row->purposes, sizeof row->purposes, e->purposes);
    row_text_set(row->unit, sizeof row->unit, e->unit);
    row_text_set(row->category, sizeof row->category, e->category);
    row_text_set(row->place, sizeof row->place, e->place);
}

enum tide_err apply_listed(struct fold *f, const struct body_listed *e)
{
    struct row_listing row;
    if (!listing_may_move(0, LISTING_NONE, e->state)) return TIDE_EDAMAGED;
    memset(&row, 0, sizeof row);
    enum tide_err err = fold_party(f, e->vendor, &row.vendor);
    if (err) return err;
    row.cause = f->cause;
    row.listed_at = f->time_ms;
    listing_row_fill(&row, e);
    err = listing_put(f, f->index, &row);
    if (!err) err = put_listing_indexes(f, &row);
    if (!err) err = kept_begin(f, &row);
    if (!err) err = put_revised(f, row.revises, row.vendor);
    return err ? err : catalog_add(f, f->index, e);
}

/* ---- from state to state ---- */

enum tide_err check_listing_move(struct hearing *h, enum listing_state to)
{
    uint64_t from = h->listing_row.state;
    if (listing_may_move(h->cause->statement.kind, from, to)) return TIDE_OK;
    return refuse_because(h, OUTCOME_WRONG_STATE, "listing %llu is %s", (unsigned long long)h->listing,
                          names_listing_state[from]);
}

enum tide_err listing_move(struct hearing *h, enum listing_state to)
{
    PASS(h, check_listing_move(h, to));
    struct body_listing_moved *e = EVENT(h, LISTING_MOVED, listing_moved);
    if (!e) return TIDE_ENOMEM;
    e->listing = h->listing;
    e->from = h->listing_row.state;
    e->to = to;
    return TIDE_OK;
}

/* The content and the detail part before the review, the samples after it. */
enum tide_err decide_stored(struct hearing *h)
{
    const struct body_stored *stored = h->cause->statement.body;
    PASS(h, hear_listing(h, stored->listing));
    const struct row_listing *row = &h->listing_row;
    if (row->state != LISTING_SAMPLING) return listing_move(h, LISTING_PENDING);
    if (row->sample_record == 0)
        return refuse_because(h, OUTCOME_WRONG_STATE, "the samples of listing %llu are not signed yet",
                              (unsigned long long)h->listing);
    return listing_move(h, LISTING_OPEN);
}

/* An approval registers: the certificate's number and text are in the journal for good. */
static enum tide_err emit_registered(struct hearing *h)
{
    const struct row_listing *row = &h->listing_row;
    struct certificate c = {
        .origin = BYTES_TEXT(h->market.origin),
        .number = h->market.n_certificates + 1,
        .listing = h->listing,
        .title = BYTES_TEXT(row->title),
        .kind = row->kind,
        .class = row->class,
        .registered_ms = h->now_ms,
        .has_content = listing_is_sealed(row->kind),
    };
    memcpy(c.vendor, row->vendor_key, 32);
    memcpy(c.reviewer, h->cause->statement.party, 32);
    memcpy(c.content_root, row->content_root, 32);
    memcpy(c.key_commitment, row->key_commitment, 32);
    memcpy(c.terms_hash, row->terms_hash, 32);
    struct body_registered *e = EVENT(h, REGISTERED, registered);
    if (!e) return TIDE_ENOMEM;
    e->listing = h->listing;
    e->certificate = c.number;
    e->text = certificate_format(&c, h->arena);
    return e->text.data ? TIDE_OK : TIDE_ENOMEM; /* origin and title were checked for control characters */
}

enum tide_err decide_review(struct hearing *h)
{
    const struct body_review *review = h->cause->statement.body;
    PASS(h, hear_listing(h, review->listing));
    if (same_group(h->party, &h->speaker, h->listing_row.vendor, &h->vendor)) return refuse(h, OUTCOME_OWN_GROUP);
    if (review->verdict == REVIEW_APPROVE) {
        PASS(h, listing_move(h, h->listing_row.samples > 0 ? LISTING_SAMPLING : LISTING_OPEN));
        return emit_registered(h);
    }
    PASS(h, listing_move(h, LISTING_REFUSED));
    return review->reasons.len == 0 ? refuse(h, OUTCOME_NEEDS_REASONS) : TIDE_OK;
}

enum tide_err apply_registered(struct fold *f, const struct body_registered *e)
{
    struct row_listing row;
    enum tide_err err = must_exist(listing_get(f->state, e->listing, &row));
    if (!err) err = fold_market(f);
    if (err) return err;
    if (row.certificate != 0 || e->certificate != f->market.n_certificates + 1) return TIDE_EDAMAGED;
    f->market.n_certificates = e->certificate;
    row.certificate = e->certificate;
    row.registered = f->index;
    row.reviewed = f->cause;
    err = listing_put(f, e->listing, &row);
    return err ? err : fold_put_market(f);
}

/* ---- writing a move ---- */

static enum tide_err move_indexes(struct fold *f, const struct body_listing_moved *e)
{
    const struct row_none none = {0};
    uint8_t by_state[9];
    key_u8_u64(by_state, (uint8_t)e->from, e->listing);
    enum tide_err err = must_exist(state_del(f->state, TABLE_LISTING_BY_STATE, by_state));
    key_u8_u64(by_state, (uint8_t)e->to, e->listing);
    if (!err) err = state_put(f->state, TABLE_LISTING_BY_STATE, by_state, &none);
    return err ? err : catalog_move(f, e->listing, e->from, e->to);
}

/* The sample waits for the log to draw it: nothing but `drawn` is decided before that. */
static enum tide_err await_draw(struct fold *f, uint64_t listing)
{
    enum tide_err err = fold_market(f);
    if (err) return err;
    if (f->market.pending_work != WORK_NONE) return TIDE_EDAMAGED;
    f->market.pending_work = WORK_DRAW;
    f->market.pending_subject = listing;
    return fold_put_market(f);
}

enum tide_err apply_listing_moved(struct fold *f, const struct body_listing_moved *e)
{
    struct row_listing row;
    enum tide_err err = must_exist(listing_get(f->state, e->listing, &row));
    if (err) return err;
    if (row.state != e->from || e->from == e->to || !listing_may_move(0, e->from, e->to)) return TIDE_EDAMAGED;
    if (e->from == LISTING_SAMPLING && e->to == LISTING_OPEN && row.sample_record == 0) return TIDE_EDAMAGED;
    err = listing_clock_fold(f, &row, e->to);
    if (err) return err;
    row.state = e->to;
    err = listing_put(f, e->listing, &row);
    if (!err) err = move_indexes(f, e);
    if (!err && listing_is_over(e->to)) err = kept_listing_ended(f, e->listing, &row);
    if (!err && e->to == LISTING_CLOSED && row.n_trades == 0) err = untraded_count(f, &row);
    if (!err && e->to == LISTING_SAMPLING) err = await_draw(f, e->listing);
    return err;
}
