/*
 * A granted trade as its buyer sees it, and what can be wrong with the delivery. Private to client/lib/.
 */
#ifndef TIDEMARK_CLIENT_PURCHASE_H
#define TIDEMARK_CLIENT_PURCHASE_H

#include "client/lib/content.h"
#include "storage/judge.h"

/* What a vendor signed of its samples (sample_view.c). */
struct signed_samples {
    struct tide_doc *doc;
    const struct sample_chunk *chunks; /* in the order drawn; in doc's memory */
    size_t n;
    uint8_t signer[32];
};
/*
 * The statement behind a listing's row, under its author's signature, of exactly the chunks that the row's seed draws. Whose key it
 * is, is the caller's to prove. 408: there is none; 702: it is not one.
 */
int samples_get(struct tide_market *m, const struct body_listing_row *row, struct signed_samples *out, struct tide_error *error);
void samples_drop(struct signed_samples *samples);

/* ---- purchase.c ---- */
struct purchase {
    struct tide_doc *trade_doc, *listing_doc;
    const struct body_trade_row *trade;
    const struct body_listing_row *listing;
    struct signed_samples samples; /* none: none were promised */
    struct age_commitment content;
    uint8_t secret[32]; /* of the bid's recipient */
    uint8_t file_key[AGE_FILE_KEY_BYTES]; /* grant_examine's */
};

/*
 * A trade of one's own that was granted, held against what its parties signed, its samples included; and the secret of its bid.
 * Drop it whatever this returns.
 */
int purchase_get(struct tide_market *m, uint64_t trade, struct purchase *b, struct tide_error *error);
void purchase_drop(struct purchase *b);
static inline bool purchase_has_content(const struct purchase *b)
{
    return b->listing->n_chunks > 0;
}
/* Its content, from wherever it lies. */
int purchase_content(struct tide_market *m, const struct purchase *b, struct content *out, struct tide_error *error);

/*
 * What is wrong with the grant: FINDING_NOT_PROVEN if nothing, and then b->file_key is the content's. Of a credential the
 * whole is opened, and *credential is its plaintext (NULL: not wanted), wiped and freed by the caller.
 */
enum finding grant_examine(struct purchase *b, uint8_t **credential, size_t *len);

/* What is wrong with one chunk, once the grant is good. `plain`: AGE_CHUNK_BYTES, left with its plaintext. */
enum finding chunk_examine(const struct purchase *b, uint64_t chunk, struct bytes sealed, uint8_t *plain);
/* The same of a plaintext that was opened already: whether it is what the vendor signed. */
bool chunk_is_as_sampled(const struct purchase *b, uint64_t chunk, struct bytes plain);

/* ---- examine.c ---- */
/*
 * What is shown of a delivery, and what a judge will say to it (storage/judge.h): of the grant alone (`content` NULL), or of a chunk.
 * evidence->sealed points to `sealed`; the caller wipes the evidence.
 */
int evidence_make(const struct purchase *b, const struct content *content, uint64_t chunk, struct bytes sealed,
                  struct evidence *evidence, enum finding *finding, struct tide_error *error);
/* Code 704, saying which check failed, and for which chunk. */
int finding_error(const struct purchase *b, enum finding finding, uint64_t chunk, struct tide_error *error);

/* What an examination, or a fetch, came to. */
struct examined {
    enum finding finding; /* FINDING_NOT_PROVEN: nothing is wrong with what was looked at */
    uint64_t chunk;
    uint64_t n_checked, n_fetched, bytes_fetched;
};
/* Grant, then every chunk up to the first bad one, or `chunk` alone (below 0: all). A finding is no error. */
int delivery_examine(struct tide_market *m, struct purchase *b, int64_t chunk, const struct progress *p, struct examined *result,
                     struct tide_error *error);
/* The same as a document for whoever asked; `out` may be NULL. */
int delivery_report(const struct purchase *b, const struct examined *e, struct tide_doc **out, struct tide_error *error);

#endif
