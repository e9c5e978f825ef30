/* Listings, their samples, detail parts and halts (docs/market.md, "Listings"). */
#include "crypto/age.h"
#include "storage/rows.h"
#include "tests/model/model_internal.h"

static bool has_content(uint64_t kind)
{
    return kind == LISTING_DATASET || kind == LISTING_MODEL || kind == LISTING_REPORT;
}

static bool content_agrees(const struct body_publish *b)
{
    bool nonce = !ABSENT(b->nonce), root = !ABSENT(b->content_root), key = !ABSENT(b->key_commitment);
    bool detail_nonce = !ABSENT(b->detail_nonce), detail_root = !ABSENT(b->detail_root);
    bool detail_key = !ABSENT(b->detail_commitment), detail_len = b->detail_len > 0;
    if (detail_nonce != detail_root || detail_root != detail_key || detail_key != detail_len) return false;
    if (!has_content(b->kind)) return !nonce && !root && !key && !b->plaintext_len && !b->n_chunks && !b->payload_len;
    uint64_t chunks = b->plaintext_len / 65536 + (b->plaintext_len % 65536 != 0);
    if (chunks == 0) chunks = 1;
    return nonce && root && key && b->n_chunks == chunks && b->payload_len == 16 + b->plaintext_len + 16 * chunks;
}

static bool commitment_is_new(const struct model *m, const uint8_t commitment[32])
{
    if (absent(commitment, 32)) return true;
    for (size_t i = 0; i < m->n_listings; i++) {
        if (memcmp(m->listings[i].key_commitment, commitment, 32) == 0) return false;
        if (memcmp(m->listings[i].detail_commitment, commitment, 32) == 0) return false;
    }
    return true;
}

static bool commitments_are_new(const struct model *m, const struct body_publish *b)
{
    if (!ABSENT(b->key_commitment) && memcmp(b->key_commitment, b->detail_commitment, 32) == 0) return false;
    return commitment_is_new(m, b->key_commitment) && commitment_is_new(m, b->detail_commitment);
}

static bool location_is_good(const struct body_publish *b)
{
    if (b->location.len == 0) return true;
    if (!has_content(b->kind) || b->location.len <= 8 || memcmp(b->location.data, "https://", 8) != 0) return false;
    for (size_t i = 0; i < b->location.len; i++) {
        if (b->location.data[i] < 0x21 || b->location.data[i] > 0x7e) return false;
    }
    return true;
}

/* What the market keeps of it. */
static uint64_t bytes_kept(const struct body_publish *b)
{
    uint64_t content = b->location.len == 0 ? b->payload_len : 32 * b->n_chunks;
    uint64_t pieces = b->detail_len / 65536 + (b->detail_len % 65536 != 0);
    return content + (b->detail_len == 0 ? 0 : b->detail_len + 16 + 16 * pieces);
}

static enum outcome check_publish(struct model *m, const struct model_party *by, const struct body_publish *b)
{
    if (b->revises != 0) {
        const struct model_listing *older = model_listing(m, b->revises);
        REFUSE_IF(older == NULL, NO_SUCH_LISTING);
        REFUSE_IF(older->vendor != by->number, NOT_YOURS);
    }
    REFUSE_IF(!commitments_are_new(m, b), ALREADY_LISTED);
    REFUSE_IF(b->class == CLASS_CORE, CORE_DATA);
    REFUSE_IF(b->class == CLASS_IMPORTANT && ABSENT(b->assessment), NO_ASSESSMENT);
    REFUSE_IF(b->personal_data && b->legal_basis.len == 0, NO_LEGAL_BASIS);
    REFUSE_IF(ABSENT(b->right_operating), NO_RIGHT);
    REFUSE_IF(!content_agrees(b), BAD_CONTENT);
    REFUSE_IF(!location_is_good(b), BAD_LOCATION);
    REFUSE_IF(by->n_listings >= m->parameters[PARAM_VENDOR_LISTINGS_MAX], TOO_MANY);
    REFUSE_IF(bytes_kept(b) > 0 && by->stored_bytes + bytes_kept(b) > m->parameters[PARAM_VENDOR_BYTES_MAX], NO_ROOM);
    REFUSE_IF(model_has_control(b->title) || model_has_control(b->unit) || model_has_control(b->category) || model_has_control(b->place), BAD_TEXT);
    REFUSE_IF(model_has_control(b->jurisdictions) || model_has_control(b->purposes), BAD_TEXT);
    REFUSE_IF(b->samples > b->n_chunks * 5 / 100, BAD_SAMPLE);
    REFUSE_IF(b->time_to != 0 && b->time_to < b->time_from, BAD_PERIOD);
    return OUTCOME_OK;
}

static struct model_untraded *untraded(struct model *m, uint64_t vendor, const uint8_t what[32])
{
    for (size_t i = 0; i < m->n_untraded; i++) {
        if (m->untraded[i].vendor == vendor && memcmp(m->untraded[i].what, what, 32) == 0) return &m->untraded[i];
    }
    return NULL;
}

static uint64_t times_untraded(struct model *m, uint64_t vendor, struct bytes title, const uint8_t content_root[32])
{
    uint8_t title_hash[32];
    sha256(title, title_hash);
    const struct model_untraded *of_title = untraded(m, vendor, title_hash);
    const struct model_untraded *of_content = absent(content_root, 32) ? NULL : untraded(m, vendor, content_root);
    uint64_t a = of_title == NULL ? 0 : of_title->times, b = of_content == NULL ? 0 : of_content->times;
    return a > b ? a : b;
}

static void count_untraded(struct model *m, uint64_t vendor, const uint8_t what[32])
{
    struct model_untraded *u = untraded(m, vendor, what);
    if (u == NULL) {
        u = GROW(m, untraded);
        u->vendor = vendor;
        memcpy(u->what, what, 32);
    }
    u->times++;
}

enum outcome judge_publish(struct model *m, const struct statement *s, const struct model_party *by,
                           const struct body_publish *b, struct model_answer *out)
{
    (void)out;
    enum outcome outcome = check_publish(m, by, b);
    if (outcome != OUTCOME_OK) return outcome;
    struct body_listed event = {.kind = b->kind, .title = b->title, .unit = b->unit, .summary = b->summary, .category = b->category,
                                .keywords = b->keywords, .place = b->place, .time_from = b->time_from,
                                .time_to = b->time_to, .class = b->class, .jurisdictions = b->jurisdictions,
                                .purposes = b->purposes, .plaintext_len = b->plaintext_len, .n_chunks = b->n_chunks,
                                .revises = b->revises, .samples = b->samples};
    COPY(event.vendor, s->party), COPY(event.nonce, b->nonce), COPY(event.content_root, b->content_root);
    COPY(event.key_commitment, b->key_commitment);
    sha256(b->terms, event.terms_hash);
    event.elsewhere = b->location.len > 0, event.detail_len = b->detail_len;
    COPY(event.detail_nonce, b->detail_nonce), COPY(event.detail_root, b->detail_root);
    COPY(event.detail_commitment, b->detail_commitment);
    event.closed_untraded = times_untraded(m, by->number, b->title, b->content_root);
    event.state = has_content(b->kind) || b->detail_len > 0 ? LISTING_AWAITING : LISTING_PENDING;
    struct model_listing *l = GROW(m, listings);
    l->id = EMIT(m, LISTED, event);
    l->vendor = by->number, l->kind = b->kind, l->class = b->class, l->state = event.state;
    l->plaintext_len = b->plaintext_len, l->n_chunks = b->n_chunks, l->samples = b->samples, l->revises = b->revises;
    l->closed_untraded = event.closed_untraded;
    COPY(l->content_root, b->content_root), COPY(l->key_commitment, b->key_commitment);
    COPY(l->terms_hash, event.terms_hash);
    COPY(l->detail_nonce, b->detail_nonce), COPY(l->detail_root, b->detail_root);
    COPY(l->detail_commitment, b->detail_commitment);
    l->detail_len = b->detail_len, l->elsewhere = b->location.len > 0, l->stored_bytes = bytes_kept(b);
    l->title = model_keep(m, b->title), l->jurisdictions = model_keep(m, b->jurisdictions), l->purposes = model_keep(m, b->purposes);
    model_touch(m, TABLE_LISTING, l->id, 0);
    model_party(m, by->number)->n_listings++;
    model_party(m, by->number)->stored_bytes += l->stored_bytes;
    model_touch(m, TABLE_PARTY, by->number, 0);
    if (b->revises != 0) {
        model_listing(m, b->revises)->revised_by = l->id;
        model_touch(m, TABLE_LISTING, b->revises, 0);
    }
    return OUTCOME_OK;
}

void model_let_go(struct model *m, struct model_listing *l)
{
    if ((l->state != LISTING_CLOSED && l->state != LISTING_REFUSED) || l->n_open_trades > 0) return;
    model_party(m, l->vendor)->stored_bytes -= l->stored_bytes;
    l->stored_bytes = 0;
}

static void move_listing(struct model *m, struct model_listing *l, enum listing_state to)
{
    struct body_listing_moved event = {.listing = l->id, .from = l->state, .to = to};
    EMIT(m, LISTING_MOVED, event);
    if (l->state == LISTING_HALTED) l->halted_ms += model_market_clock(m, m->now) - l->halted_at;
    if (to == LISTING_HALTED) l->halted_at = model_market_clock(m, m->now);
    l->state = to;
    model_touch(m, TABLE_LISTING, l->id, 0);
    if (to == LISTING_CLOSED || to == LISTING_REFUSED) {
        model_party(m, l->vendor)->n_listings--;
        model_let_go(m, l);
        model_touch(m, TABLE_PARTY, l->vendor, 0);
    }
}

enum outcome judge_stored(struct model *m, const struct statement *s, const struct model_party *by,
                          const struct body_stored *b, struct model_answer *out)
{
    (void)s, (void)by, (void)out;
    struct model_listing *l = model_listing(m, b->listing);
    REFUSE_IF(l == NULL, NO_SUCH_LISTING);
    bool sampled = l->state == LISTING_SAMPLING && l->sample_record != 0;
    REFUSE_IF(l->state != LISTING_AWAITING && !sampled, WRONG_STATE);
    move_listing(m, l, sampled ? LISTING_OPEN : LISTING_PENDING);
    return OUTCOME_OK;
}

enum outcome judge_review(struct model *m, const struct statement *s, const struct model_party *by,
                          const struct body_review *b, struct model_answer *out)
{
    (void)s, (void)out;
    struct model_listing *l = model_listing(m, b->listing);
    REFUSE_IF(l == NULL, NO_SUCH_LISTING);
    REFUSE_IF(model_same_group(m, by->number, l->vendor), OWN_GROUP);
    REFUSE_IF(l->state != LISTING_PENDING, WRONG_STATE);
    REFUSE_IF(b->verdict == REVIEW_REFUSE && b->reasons.len == 0, NEEDS_REASONS);
    if (b->verdict == REVIEW_REFUSE) {
        move_listing(m, l, LISTING_REFUSED);
        return OUTCOME_OK;
    }
    move_listing(m, l, l->samples > 0 ? LISTING_SAMPLING : LISTING_OPEN);
    struct body_registered event = {.listing = l->id, .certificate = ++m->n_certificates};
    EMIT(m, REGISTERED, event);
    l->certificate = m->n_certificates;
    if (l->state == LISTING_SAMPLING) m->work = WORK_DRAW, m->subject = l->id;
    return OUTCOME_OK;
}

enum outcome judge_drawn(struct model *m, const struct statement *s, const struct model_party *by,
                         const struct body_drawn *b, struct model_answer *out)
{
    (void)s, (void)by, (void)out;
    struct model_listing *l = model_listing(m, b->listing);
    REFUSE_IF(l == NULL, NO_SUCH_LISTING);
    REFUSE_IF(m->work != WORK_DRAW || m->subject != l->id, WRONG_STATE);
    const struct bytes parts[] = {BYTES_TEXT("tidemark/sample/v1\n"), BYTES(b->root, 32)};
    sha256_parts(parts, 2, l->seed);
    struct body_sample_drawn event = {.listing = l->id};
    COPY(event.seed, l->seed);
    EMIT(m, SAMPLE_DRAWN, event);
    l->drawn = true;
    m->work = WORK_NONE, m->subject = 0;
    model_touch(m, TABLE_LISTING, l->id, 0);
    return OUTCOME_OK;
}

void model_samples(const struct model_listing *l, uint64_t chunks[LIMIT_SAMPLES])
{
    size_t n = 0;
    for (uint64_t counter = 0; n < l->samples; counter++) {
        uint8_t in[40], out[32];
        memcpy(in, l->seed, 32);
        be64_put(in + 32, counter);
        sha256(BYTES(in, sizeof in), out);
        for (size_t i = 0; i < 4 && n < l->samples; i++) {
            uint64_t chunk = be64_get(out + 8 * i) % l->n_chunks;
            bool seen = false;
            for (size_t k = 0; k < n; k++) seen = seen || chunks[k] == chunk;
            if (!seen) chunks[n++] = chunk;
        }
    }
}

enum outcome judge_sample(struct model *m, const struct statement *s, const struct model_party *by,
                          const struct body_sample *b, struct model_answer *out)
{
    (void)s, (void)out;
    struct model_listing *l = model_listing(m, b->listing);
    uint64_t chunks[LIMIT_SAMPLES];
    REFUSE_IF(l == NULL, NO_SUCH_LISTING);
    REFUSE_IF(l->vendor != by->number, NOT_YOURS);
    REFUSE_IF(l->state != LISTING_SAMPLING || !l->drawn, WRONG_STATE);
    REFUSE_IF(b->chunks.n != l->samples, BAD_SAMPLE);
    model_samples(l, chunks);
    for (size_t i = 0; i < b->chunks.n; i++)
        REFUSE_IF(((const struct sample_chunk *)b->chunks.items)[i].chunk != chunks[i], BAD_SAMPLE);
    struct body_sampled event = {.listing = l->id};
    EMIT(m, SAMPLED, event);
    l->sample_record = m->index;
    model_touch(m, TABLE_LISTING, l->id, 0);
    return OUTCOME_OK;
}

enum outcome judge_disclose(struct model *m, const struct statement *s, const struct model_party *by,
                            const struct body_disclose *b, struct model_answer *out)
{
    (void)s, (void)out;
    const struct model_listing *l = model_listing(m, b->listing);
    REFUSE_IF(l == NULL, NO_SUCH_LISTING);
    REFUSE_IF(l->vendor != by->number, NOT_YOURS);
    bool good_state = l->state == LISTING_PENDING || l->state == LISTING_SAMPLING || l->state == LISTING_OPEN ||
                      l->state == LISTING_HALTED;
    REFUSE_IF(l->detail_len == 0 || !good_state, WRONG_STATE);
    const struct model_party *p = model_party_by_key(m, b->party);
    REFUSE_IF(p == NULL, NO_SUCH_PARTY);
    REFUSE_IF(b->grant.len != 168 || !age_grant_is_well_formed(b->grant), BAD_GRANT);
    struct body_disclosed event = {.listing = l->id};
    COPY(event.party, p->key);
    EMIT(m, DISCLOSED, event);
    struct model_disclosed *d = NULL;
    for (size_t i = 0; i < m->n_disclosed; i++) {
        if (m->disclosed[i].listing == l->id && m->disclosed[i].party == p->number) d = &m->disclosed[i];
    }
    if (d == NULL) d = GROW(m, disclosed);
    *d = (struct model_disclosed){l->id, p->number, m->index};
    model_touch(m, TABLE_DISCLOSED, l->id, p->number);
    return OUTCOME_OK;
}

enum outcome judge_close(struct model *m, const struct statement *s, const struct model_party *by,
                         const struct body_close *b, struct model_answer *out)
{
    (void)s, (void)out;
    struct model_listing *l = model_listing(m, b->listing);
    REFUSE_IF(l == NULL, NO_SUCH_LISTING);
    REFUSE_IF(l->vendor != by->number, NOT_YOURS);
    REFUSE_IF(l->state == LISTING_CLOSED || l->state == LISTING_REFUSED, WRONG_STATE);
    move_listing(m, l, LISTING_CLOSED);
    if (l->n_trades == 0) {
        uint8_t title_hash[32];
        sha256(l->title, title_hash);
        count_untraded(m, l->vendor, title_hash);
        if (!ABSENT(l->content_root)) count_untraded(m, l->vendor, l->content_root);
    }
    model_close_book(m, l->id);
    return OUTCOME_OK;
}

static enum outcome halt_market(struct model *m, bool halt)
{
    REFUSE_IF((m->halted != 0) == halt, WRONG_STATE);
    struct body_market_moved event = {.halted = halt};
    EMIT(m, MARKET_MOVED, event);
    if (halt)
        m->halted_at = m->now;
    else if (m->now > m->halted_at) {
        struct body_shifted shifted = {.outage_ms = m->now - m->halted_at};
        EMIT(m, SHIFTED, shifted);
        m->shift_ms += m->now - m->halted_at;
    }
    m->halted = halt;
    return OUTCOME_OK;
}

enum outcome judge_halt(struct model *m, const struct statement *s, const struct model_party *by,
                        const struct body_halt *b, struct model_answer *out)
{
    (void)s, (void)by, (void)out;
    if (b->listing == 0) return halt_market(m, true);
    struct model_listing *l = model_listing(m, b->listing);
    REFUSE_IF(l == NULL, NO_SUCH_LISTING);
    REFUSE_IF(l->state != LISTING_OPEN, WRONG_STATE);
    move_listing(m, l, LISTING_HALTED);
    return OUTCOME_OK;
}

enum outcome judge_resume(struct model *m, const struct statement *s, const struct model_party *by,
                          const struct body_resume *b, struct model_answer *out)
{
    (void)s, (void)by, (void)out;
    if (b->listing == 0) return halt_market(m, false);
    struct model_listing *l = model_listing(m, b->listing);
    REFUSE_IF(l == NULL, NO_SUCH_LISTING);
    REFUSE_IF(l->state != LISTING_HALTED, WRONG_STATE);
    move_listing(m, l, LISTING_OPEN);
    model_unpark(m, l->id);
    return OUTCOME_OK;
}
