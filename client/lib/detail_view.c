/*
 * A listing's sealed detail part, opened by a party to which its vendor has disclosed it.
 *
 * Always holds: what is written is what the vendor committed to in the `publish` statement that it signed and the log has; the
 * file appears whole or not at all, for its owner's eyes.
 * Not here: sealing and disclosing it (detail.c).
 */
#include "client/lib/purchase.h"

#include "crypto/identity.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct detail {
    struct tide_market *m;
    uint64_t listing;
    struct age_commitment c;
    uint8_t file_key[AGE_FILE_KEY_BYTES];
    uint8_t *plain; /* LIMIT_DETAIL_BYTES at most */
};

/* ---- what was committed to ---- */
static int unsigned_listing(uint64_t listing, struct tide_error *error)
{
    return error_set(error, OUTCOME_V_FAILED,
                     "The broker does not prove what the vendor of listing %" PRIu64 " signed.", listing);
}

/* The statement behind the listing, by a signature that is its author's. */
static bool publish_read(const struct tide_market *m, const struct record *record, struct arena *arena,
                         struct statement *out)
{
    struct bytes bytes;
    const uint8_t *signature;
    return record->type == RECORD_STATEMENT && envelope_decode(record->payload, arena, &bytes, &signature) == TIDE_OK &&
           statement_decode(bytes, arena, out) == TIDE_OK && out->kind == KIND_PUBLISH &&
           memcmp(out->market, m->url.market, 32) == 0 &&
           sign_verify(out->party, DOMAIN_STATEMENT, bytes, signature) == TIDE_OK;
}

static int commitment_get(struct detail *d, const struct body_listing_row *row, struct tide_error *error)
{
    struct record record;
    struct statement s;
    struct tide_doc *doc;
    int code = record_proven(d->m, d->listing - 1, &doc, &record, error); /* `listed` follows its statement */
    if (code == OUTCOME_NO_SUCH_RECORD) return unsigned_listing(d->listing, error);
    if (code != 0) return code;
    if (!publish_read(d->m, &record, doc->arena, &s) || memcmp(s.party, row->vendor, 32) != 0) {
        code = unsigned_listing(d->listing, error);
    } else {
        const struct body_publish *p = s.body;
        d->c = (struct age_commitment){.plaintext_len = p->detail_len, .n_chunks = age_n_chunks(p->detail_len)};
        memcpy(d->c.nonce, p->detail_nonce, sizeof d->c.nonce);
        memcpy(d->c.content_root, p->detail_root, HASH_BYTES);
        memcpy(d->c.key_commitment, p->detail_commitment, HASH_BYTES);
        if (p->detail_len == 0) code = error_set(error, OUTCOME_NO_SUCH_DETAIL, NULL);
    }
    tide_doc_free(&doc);
    return code;
}

/* ---- its key ---- */
static bool grant_opens(const struct identity *id, struct bytes grant, uint8_t file_key[AGE_FILE_KEY_BYTES])
{
    size_t len;
    return age_header_open(grant, identity_seal_secret(id), file_key, &len) == TIDE_OK && len == grant.len;
}

static int key_get(struct detail *d, struct tide_error *error)
{
    const struct body_q_detail q = {.listing = d->listing, .limit = 1};
    const struct identity *id = d->m->identity;
    uint8_t commitment[HASH_BYTES];
    struct tide_doc *doc;
    int code = market_query(d->m, VERB_DETAIL, &q, &doc, error);
    if (code != 0) return code;
    struct bytes grant = ((const struct body_r_detail *)doc->value)->grant;
    if (grant.len == 0) {
        tide_doc_free(&doc);
        return error_set(error, OUTCOME_NO_SUCH_DETAIL, NULL);
    }
    bool opens = grant_opens(id, grant, d->file_key);
    for (size_t i = 0; i < identity_n_older(id) && !opens; i++)
        opens = grant_opens(identity_older(id, i), grant, d->file_key);
    tide_doc_free(&doc);
    age_key_commitment(d->file_key, d->c.nonce, commitment);
    if (opens && memcmp(commitment, d->c.key_commitment, HASH_BYTES) == 0) return 0;
    error_set(error, OUTCOME_V_DAMAGED, "The key that the vendor of listing %" PRIu64 " disclosed %s.", d->listing,
              opens ? "is not the one that the listing commits to" : "does not open with this identity");
    if (error != NULL) snprintf(error->hint, sizeof error->hint, "Ask the vendor to disclose it again.");
    return OUTCOME_V_DAMAGED;
}

/* ---- the part itself ---- */
static int detail_take(void *ctx, uint64_t chunk, struct bytes sealed, struct tide_error *error)
{
    struct detail *d = ctx;
    uint8_t key[32];
    age_payload_key(d->file_key, d->c.nonce, key);
    enum tide_err err = age_chunk_open(key, chunk, chunk + 1 == d->c.n_chunks, sealed,
                                       d->plain + chunk * AGE_CHUNK_BYTES);
    explicit_bzero(key, sizeof key);
    if (err == TIDE_OK) return 0;
    error_set(error, OUTCOME_V_DAMAGED, "The sealed detail part of listing %" PRIu64 " does not open with its key.",
              d->listing);
    if (error != NULL) snprintf(error->hint, sizeof error->hint, "Ask the vendor; nothing was paid for it.");
    return OUTCOME_V_DAMAGED;
}

static int detail_open(struct detail *d, struct tide_error *error)
{
    struct content content = {.manifest_fd = -1};
    struct content_taker taker = {.ctx = d, .take = detail_take};
    d->plain = malloc((size_t)d->c.n_chunks * AGE_CHUNK_BYTES);
    if (d->plain == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    int code = content_open(d->m, d->listing, PART_DETAIL, &d->c, BYTES("", 0), &content, error);
    if (code == 0) code = content_fetch(&content, UINT64_MAX, &taker, error);
    content_close(&content);
    return code;
}

int tide_detail_fetch(struct tide_market *market, uint64_t listing, const char *out_path, struct tide_error *error)
{
    struct detail d = {.m = market, .listing = listing};
    const struct body_listing_row *row;
    struct tide_doc *doc = NULL;
    error_clear(error);
    int code = need_identity(market, error);
    if (code == 0) code = row_of_listing(market, listing, &doc, &row, error);
    if (code == 0) code = commitment_get(&d, row, error);
    if (code == 0) code = key_get(&d, error);
    if (code == 0) code = detail_open(&d, error);
    if (code == 0) code = file_store(out_path, 0600, BYTES(d.plain, (size_t)d.c.plaintext_len), error);
    if (d.plain != NULL) explicit_bzero(d.plain, (size_t)d.c.n_chunks * AGE_CHUNK_BYTES);
    free(d.plain);
    explicit_bzero(&d, sizeof d);
    tide_doc_free(&doc);
    return code;
}
