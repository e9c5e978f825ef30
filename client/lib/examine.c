/*
 * Examining a delivery as a judge would: what is shown of it, what is found, in words.
 *
 * Always holds: what is called a fault here is what storage/judge.h finds from the very evidence that would be shown; an
 * examination writes no content down, and holds a chunk or a run of them at a time.
 * Not here: the single checks (purchase.c), stating a dispute (dispute.c).
 */
#include "client/lib/purchase.h"
#include "client/lib/schemas.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- evidence ---- */
static void delivery_fill(const struct purchase *b, struct delivery *d)
{
    *d = (struct delivery){.has_content = purchase_has_content(b),
                           .grant = b->trade->grant,
                           .content = b->content,
                           .samples = b->samples.chunks,
                           .n_samples = b->samples.n};
    memcpy(d->recipient, b->trade->recipient, 32);
}

int evidence_make(const struct purchase *b, const struct content *content, uint64_t chunk, struct bytes sealed,
                  struct evidence *evidence, enum finding *finding, struct tide_error *error)
{
    struct delivery delivery;
    struct merkle_proof proof = {0};
    int code = 0;
    *evidence = (struct evidence){.chunk = content != NULL ? chunk : 0};
    if (content != NULL) code = content_prove(content, chunk, &proof, error);
    if (code != 0) return code;
    if (content != NULL) evidence->sealed = sealed;
    memcpy(evidence->secret, b->secret, 32);
    evidence->n_proof = proof.n;
    memcpy(evidence->proof, proof.hashes, proof.n * HASH_BYTES);
    delivery_fill(b, &delivery);
    return error_of(error, judge(&delivery, evidence, finding), "Judging the delivery");
}

/* ---- words ---- */
static void finding_words(const struct purchase *b, uint64_t finding, uint64_t chunk, char *out, size_t room)
{
    uint64_t n = b->content.n_chunks;
    switch (finding) {
    case FINDING_GRANT_UNREADABLE:
        snprintf(out, room,
                 purchase_has_content(b) ? "The grant does not open with the key it was asked for."
                                         : "The credential does not open with the key it was asked for.");
        break;
    case FINDING_WRONG_KEY:
        snprintf(out, room, "The key that was granted is not the one that the listing commits to.");
        break;
    case FINDING_BAD_CIPHERTEXT:
        snprintf(out, room, "Chunk %" PRIu64 " of %" PRIu64 " does not decrypt with the key that was granted.", chunk,
                 n);
        break;
    case FINDING_SAMPLE_MISMATCH:
        snprintf(out, room, "Chunk %" PRIu64 " of %" PRIu64 " is not what the vendor signed as its sample.", chunk, n);
        break;
    default: snprintf(out, room, "Every check of the delivery holds."); break;
    }
}

int finding_error(const struct purchase *b, enum finding finding, uint64_t chunk, struct tide_error *error)
{
    char words[200];
    finding_words(b, finding, chunk, words, sizeof words);
    return error_set(error, OUTCOME_V_DAMAGED, "%s", words);
}

/* ---- the report ---- */
static void reveals_words(uint64_t finding, uint64_t chunk, char *out, size_t room)
{
    bool about_chunk = finding == FINDING_BAD_CIPHERTEXT || finding == FINDING_SAMPLE_MISMATCH;
    out[0] = '\0';
    if (about_chunk)
        snprintf(out, room, "the one-time secret of the bid, and chunk %" PRIu64 " as it was sealed", chunk);
    else if (finding_is_fault(finding))
        snprintf(out, room, "the one-time secret of the bid");
}

/* A text in the document's memory; empty if there is none left: the fields say it, too. */
static struct bytes kept(struct tide_doc *doc, const char *text)
{
    struct bytes copy = arena_copy(doc->arena, BYTES_TEXT(text));
    return copy.data != NULL ? copy : BYTES("", 0);
}

int delivery_report(const struct purchase *b, const struct examined *e, struct tide_doc **out, struct tide_error *error)
{
    char words[200], reveals[200];
    if (out == NULL) return 0;
    *out = doc_new(&schema_delivered);
    if (*out == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    finding_words(b, e->finding, e->chunk, words, sizeof words);
    reveals_words(e->finding, e->chunk, reveals, sizeof reveals);
    struct body_delivered *r = (*out)->value;
    *r = (struct body_delivered){.trade = b->trade->trade,
                                 .finding = e->finding,
                                 .chunk = e->chunk,
                                 .n_chunks = b->content.n_chunks,
                                 .n_checked = e->n_checked,
                                 .samples = b->samples.n,
                                 .fetched_chunks = e->n_fetched,
                                 .fetched_bytes = e->bytes_fetched};
    r->words = kept(*out, words);
    r->reveals = kept(*out, reveals);
    return 0;
}

/* ---- examining ---- */
struct examination {
    const struct purchase *b;
    const struct content *content;
    struct examined *result;
    uint8_t *plain;
};

/* Ends the fetching with the code 704 at the first chunk that a judge would find bad. */
static int chunk_look(void *ctx, uint64_t chunk, struct bytes sealed, struct tide_error *error)
{
    struct examination *x = ctx;
    struct evidence evidence;
    enum finding finding = chunk_examine(x->b, chunk, sealed, x->plain);
    int code = 0;
    x->result->n_checked++;
    if (finding == FINDING_NOT_PROVEN) return 0;
    code = evidence_make(x->b, x->content, chunk, sealed, &evidence, &finding, error);
    explicit_bzero(&evidence, sizeof evidence);
    if (code != 0 || !finding_is_fault(finding)) return code;
    x->result->finding = finding;
    x->result->chunk = chunk;
    return finding_error(x->b, finding, chunk, error);
}

static int content_examine(struct tide_market *m, const struct purchase *b, uint64_t only, const struct progress *p,
                           struct examined *result, struct tide_error *error)
{
    struct content content;
    struct examination x = {b, &content, result, malloc(AGE_CHUNK_BYTES)};
    struct content_taker taker = {.ctx = &x, .take = chunk_look, .progress = p};
    int code = x.plain == NULL ? error_set(error, OUTCOME_C_NO_MEMORY, NULL) : 0;
    content.manifest_fd = -1;
    content.location = NULL;
    if (code == 0) code = purchase_content(m, b, &content, error);
    if (code == 0) code = content_fetch(&content, only, &taker, error);
    result->n_fetched = taker.n_fetched;
    result->bytes_fetched = taker.bytes_fetched;
    content_close(&content);
    if (x.plain != NULL) explicit_bzero(x.plain, AGE_CHUNK_BYTES);
    free(x.plain);
    if (finding_is_fault(result->finding)) return 0; /* that is the answer */
    return code;
}

int delivery_examine(struct tide_market *m, struct purchase *b, int64_t chunk, const struct progress *p,
                     struct examined *result, struct tide_error *error)
{
    *result = (struct examined){.finding = grant_examine(b, NULL, NULL)};
    if (result->finding != FINDING_NOT_PROVEN || !purchase_has_content(b)) return 0;
    if (chunk >= 0 && (uint64_t)chunk >= b->content.n_chunks) {
        return error_set(error, OUTCOME_C_USAGE, "Trade %" PRIu64 " has chunks 0 to %" PRIu64 ".", b->trade->trade,
                         b->content.n_chunks - 1);
    }
    return content_examine(m, b, chunk < 0 ? UINT64_MAX : (uint64_t)chunk, p, result, error);
}

int tide_examine(struct tide_market *market, uint64_t trade, int64_t chunk, tide_progress progress, void *ctx,
                 struct tide_doc **report, struct tide_error *error)
{
    const struct progress p = {progress, ctx, market, "examine"};
    struct purchase b = {0};
    struct examined result;
    error_clear(error);
    *report = NULL;
    int code = need_identity(market, error);
    if (code == 0) code = purchase_get(market, trade, &b, error);
    if (code == 0) code = delivery_examine(market, &b, chunk, &p, &result, error);
    if (code == 0) code = delivery_report(&b, &result, report, error);
    purchase_drop(&b);
    return code;
}
