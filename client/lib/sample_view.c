/*
 * A listing's samples as whoever thinks of buying sees them.
 *
 * Always holds: what is shown has the hashes that the listing's vendor signed, and is what the log drew; the file appears whole
 * or not at all.
 * Not here: making samples (sampling.c).
 */
#include "client/lib/purchase.h"
#include "client/lib/schemas.h"
#include "storage/sample_draw.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* ---- what the vendor signed ---- */
void samples_drop(struct signed_samples *samples)
{
    tide_doc_free(&samples->doc);
    *samples = (struct signed_samples){0};
}

static int unproven(uint64_t listing, struct tide_error *error)
{
    return error_set(error, OUTCOME_V_FAILED,
                     "The samples of listing %" PRIu64 " are not what its vendor signed and the log drew.", listing);
}

/* The chunks drawn, in their order. */
static bool are_drawn(const struct body_listing_row *row, const struct body_sample *body)
{
    uint64_t drawn[LIMIT_SAMPLES];
    const struct sample_chunk *chunks = body->chunks.items;
    if (body->chunks.n != row->samples || row->samples > LIMIT_SAMPLES || row->samples > row->n_chunks) return false;
    sample_draw(row->seed, row->n_chunks, (size_t)row->samples, drawn);
    for (size_t i = 0; i < body->chunks.n; i++) {
        if (chunks[i].chunk != drawn[i]) return false;
    }
    return true;
}

static bool samples_read(const struct tide_market *m, const struct body_listing_row *row, struct signed_samples *out)
{
    const struct body_r_sample *reply = out->doc->value;
    struct statement s;
    struct bytes bytes;
    const uint8_t *signature;
    bool is_one = envelope_decode(reply->envelope, out->doc->arena, &bytes, &signature) == TIDE_OK &&
                  statement_decode(bytes, out->doc->arena, &s) == TIDE_OK && s.kind == KIND_SAMPLE &&
                  memcmp(s.market, m->url.market, 32) == 0 &&
                  sign_verify(s.party, DOMAIN_STATEMENT, bytes, signature) == TIDE_OK;
    if (!is_one) return false;
    const struct body_sample *body = s.body;
    if (body->listing != row->listing || !are_drawn(row, body)) return false;
    memcpy(out->signer, s.party, 32);
    out->chunks = body->chunks.items;
    out->n = body->chunks.n;
    return true;
}

int samples_get(struct tide_market *m, const struct body_listing_row *row, struct signed_samples *out,
                struct tide_error *error)
{
    const struct body_q_listing q = {.listing = row->listing};
    *out = (struct signed_samples){0};
    if (row->samples == 0)
        return error_set(error, OUTCOME_WRONG_STATE, "Listing %" PRIu64 " has no samples.", row->listing);
    int code = market_query(m, VERB_SAMPLE, &q, &out->doc, error);
    if (code != 0) return code;
    if (((const struct body_r_sample *)out->doc->value)->envelope.len == 0)
        code = error_set(error, OUTCOME_WRONG_STATE,
                         "The vendor of listing %" PRIu64 " has not signed its samples yet.", row->listing);
    else if (!samples_read(m, row, out))
        code = unproven(row->listing, error);
    if (code != 0) samples_drop(out);
    return code;
}

/* ---- for somebody who looks ---- */
struct view {
    struct tide_market *m;
    struct tide_doc *listing_doc;
    const struct body_listing_row *row;
    struct signed_samples samples;
    struct sample_chunk sorted[LIMIT_SAMPLES];
};

static int by_chunk(const void *a, const void *b)
{
    const struct sample_chunk *x = a, *y = b;
    return x->chunk < y->chunk ? -1 : x->chunk > y->chunk;
}

/* The row is the log's, the statement that of the vendor in it: by the key it published with, or what that became. */
static int view_get(struct tide_market *m, uint64_t listing, struct view *v, struct tide_error *error)
{
    *v = (struct view){.m = m};
    int code = row_of_listing(m, listing, &v->listing_doc, &v->row, error);
    if (code == 0) code = samples_get(m, v->row, &v->samples, error);
    if (code == 0) code = draw_check(m, v->row, error); /* the registration, too */
    if (code == 0) code = party_keys_lead(m, v->row->vendor, v->samples.signer, LIMIT_AMOUNT, error);
    if (code != 0) return code;
    memcpy(v->sorted, v->samples.chunks, v->samples.n * sizeof v->sorted[0]);
    qsort(v->sorted, v->samples.n, sizeof v->sorted[0], by_chunk);
    return 0;
}

static void view_drop(struct view *v)
{
    samples_drop(&v->samples);
    tide_doc_free(&v->listing_doc);
}

static size_t plain_len(const struct view *v, uint64_t chunk)
{
    return age_sealed_chunk_len(v->row->plaintext_len, chunk) - AGE_TAG_BYTES;
}

static int view_report(const struct view *v, struct tide_doc **out, struct tide_error *error)
{
    if (out == NULL) return 0;
    *out = doc_new(&schema_shown_sample);
    struct body_shown_chunk *shown = *out == NULL ? NULL : arena_calloc((*out)->arena, v->samples.n, sizeof *shown);
    struct body_shown_sample *r = *out == NULL ? NULL : arena_calloc((*out)->arena, 1, sizeof *r);
    if (shown == NULL || r == NULL) {
        tide_doc_free(out);
        return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    }
    *r = (struct body_shown_sample){.listing = v->row->listing,
                                    .sampled = ((const struct body_r_sample *)v->samples.doc->value)->sampled,
                                    .n_chunks = v->row->n_chunks,
                                    .chunks = {shown, v->samples.n}};
    memcpy(r->signer, v->samples.signer, 32);
    for (size_t i = 0; i < v->samples.n; i++) {
        uint64_t chunk = v->sorted[i].chunk;
        shown[i] = (struct body_shown_chunk){
            .chunk = chunk, .offset = chunk * AGE_CHUNK_BYTES, .len = plain_len(v, chunk)};
        memcpy(shown[i].hash, v->sorted[i].hash, HASH_BYTES);
        r->bytes += shown[i].len;
    }
    enum tide_err err = doc_adopt(*out, r);
    if (err == TIDE_OK) return 0;
    tide_doc_free(out);
    return error_of(error, err, "The samples");
}

static int chunk_write(const struct view *v, const struct sample_chunk *wanted, int fd, uint64_t offset,
                       struct tide_error *error)
{
    const struct body_q_get_sample q = {.listing = v->row->listing, .chunk = wanted->chunk};
    uint8_t hash[HASH_BYTES];
    struct tide_doc *doc;
    int code = market_query(v->m, VERB_GET_SAMPLE, &q, &doc, error);
    if (code != 0) return code;
    struct bytes plain = ((const struct body_r_get_sample *)doc->value)->plain;
    sha256(plain, hash);
    if (plain.len != plain_len(v, wanted->chunk) || memcmp(hash, wanted->hash, HASH_BYTES) != 0)
        code = error_set(error, OUTCOME_V_FAILED,
                         "The market's store gave a chunk %" PRIu64 " that is not the vendor's sample.", wanted->chunk);
    else if (!write_at(fd, plain.data, plain.len, offset))
        code = error_set(error, OUTCOME_C_FILE, "Cannot write the samples: %s.", strerror(errno));
    tide_doc_free(&doc);
    return code;
}

static int view_write(const struct view *v, const char *out_path, struct tide_error *error)
{
    struct new_file f;
    uint64_t offset = 0;
    int code = new_file_open(&f, out_path, 0666, error);
    if (code != 0) return code;
    for (size_t i = 0; i < v->samples.n && code == 0; i++) {
        code = chunk_write(v, &v->sorted[i], f.fd, offset, error);
        offset += plain_len(v, v->sorted[i].chunk);
    }
    if (code == 0) return new_file_commit(&f, error);
    new_file_drop(&f);
    return code;
}

int tide_sample_fetch(struct tide_market *market, uint64_t listing, const char *out_path, struct tide_doc **report,
                      struct tide_error *error)
{
    struct view v;
    error_clear(error);
    if (report != NULL) *report = NULL;
    int code = view_get(market, listing, &v, error);
    if (code == 0 && out_path != NULL) code = view_write(&v, out_path, error);
    if (code == 0) code = view_report(&v, report, error);
    view_drop(&v);
    return code;
}

int tide_sample_check(struct tide_market *market, uint64_t listing, struct tide_doc **report, struct tide_error *error)
{
    return tide_sample_fetch(market, listing, NULL, report, error);
}
