/*
 * A granted trade in its buyer's hands: what it is, checked against what its parties signed, and what can be wrong with
 * grant and chunks.
 *
 * Always holds: trade, listing and samples are those that the parties signed before anything is said of the delivery; the
 * one-time secret and the file key are wiped with the purchase.
 * Not here: where chunks come from (download.c), what is shown to a judge (examine.c).
 */
#include "client/lib/purchase.h"

#include "crypto/identity.h"

#include <inttypes.h>
#include <stdlib.h>

void purchase_drop(struct purchase *b)
{
    samples_drop(&b->samples);
    tide_doc_free(&b->trade_doc);
    tide_doc_free(&b->listing_doc);
    explicit_bzero(b, sizeof *b);
}

/* ---- keys ---- */
static bool secret_is_of(const struct identity *id, const struct body_trade_row *trade, uint8_t secret[32])
{
    uint8_t recipient[32];
    identity_bid_key(id, trade->bid_command, trade->bid_item, secret, recipient);
    return memcmp(recipient, trade->recipient, 32) == 0;
}

/* The one-time secret, by the present seed or an older one. */
static int secret_find(const struct tide_market *m, struct purchase *b, struct tide_error *error)
{
    if (secret_is_of(m->identity, b->trade, b->secret)) return 0;
    for (size_t i = 0; i < identity_n_older(m->identity); i++) {
        if (secret_is_of(identity_older(m->identity, i), b->trade, b->secret)) return 0;
    }
    return error_set(error, OUTCOME_C_BAD_IDENTITY,
                     "The grant of trade %" PRIu64 " is for a recipient that this identity did not make.",
                     b->trade->trade);
}

/* ---- getting it ---- */

/* The samples, under a key of the trade's vendor. */
static int samples_check(struct tide_market *m, struct purchase *b, struct tide_error *error)
{
    if (b->listing->samples == 0) return 0;
    int code = samples_get(m, b->listing, &b->samples, error);
    return code == 0 ? party_keys_lead(m, b->samples.signer, b->trade->vendor, b->trade->trade, error) : code;
}

/* What the rows say, against what was signed. */
static int rows_check(struct tide_market *m, struct purchase *b, struct tide_error *error)
{
    int code = settlement_check(m, b->trade, b->listing, error);
    if (code == 0) code = signed_check(m, b->trade, b->listing, error);
    if (code != 0) return code;
    listing_commitment(b->listing, &b->content);
    if (purchase_has_content(b) && b->content.n_chunks != age_n_chunks(b->content.plaintext_len)) {
        return error_set(error, OUTCOME_V_FAILED, "Listing %" PRIu64 " has lengths that do not agree.",
                         b->listing->listing);
    }
    return samples_check(m, b, error);
}

int purchase_get(struct tide_market *m, uint64_t trade, struct purchase *b, struct tide_error *error)
{
    *b = (struct purchase){0};
    int code = row_of_trade(m, trade, &b->trade_doc, &b->trade, error);
    if (code != 0) return code;
    if (!identity_had(m->identity, b->trade->buyer)) {
        return error_set(error, OUTCOME_NOT_YOURS, "Trade %" PRIu64 " has another buyer.", trade);
    }
    if (b->trade->grant.len == 0) {
        return error_set(error, OUTCOME_WRONG_STATE, "Trade %" PRIu64 " is %s: there is no grant.", trade,
                         field_enum_name(fields_find(&schema_trade_row, "state"), b->trade->state));
    }
    code = row_of_listing(m, b->trade->listing, &b->listing_doc, &b->listing, error);
    if (code == 0) code = rows_check(m, b, error);
    return code == 0 ? secret_find(m, b, error) : code;
}

int purchase_content(struct tide_market *m, const struct purchase *b, struct content *out, struct tide_error *error)
{
    struct bytes location = b->listing->elsewhere ? listing_published(b->listing_doc)->location : BYTES("", 0);
    return content_open(m, b->listing->listing, PART_CONTENT, &b->content, location, out, error);
}

/* ---- what can be wrong ---- */
static enum finding credential_examine(const struct purchase *b, uint8_t **credential, size_t *len)
{
    uint8_t *plain = NULL;
    size_t n = 0;
    if (age_file_open(b->trade->grant, b->secret, &plain, &n) != TIDE_OK) return FINDING_GRANT_UNREADABLE;
    if (credential != NULL) {
        *credential = plain;
        *len = n;
        return FINDING_NOT_PROVEN;
    }
    explicit_bzero(plain, n);
    free(plain);
    return FINDING_NOT_PROVEN;
}

enum finding grant_examine(struct purchase *b, uint8_t **credential, size_t *len)
{
    uint8_t commitment[HASH_BYTES];
    size_t header_len;
    if (credential != NULL) *credential = NULL;
    if (!purchase_has_content(b)) return credential_examine(b, credential, len);
    enum tide_err err = age_header_open(b->trade->grant, b->secret, b->file_key, &header_len);
    if (err != TIDE_OK || header_len != b->trade->grant.len) return FINDING_GRANT_UNREADABLE;
    age_key_commitment(b->file_key, b->content.nonce, commitment);
    return memcmp(commitment, b->content.key_commitment, HASH_BYTES) == 0 ? FINDING_NOT_PROVEN : FINDING_WRONG_KEY;
}

bool chunk_is_as_sampled(const struct purchase *b, uint64_t chunk, struct bytes plain)
{
    uint8_t hash[HASH_BYTES];
    bool hashed = false;
    for (size_t i = 0; i < b->samples.n; i++) {
        if (b->samples.chunks[i].chunk != chunk) continue;
        if (!hashed) sha256(plain, hash);
        hashed = true;
        if (memcmp(b->samples.chunks[i].hash, hash, HASH_BYTES) != 0) return false;
    }
    return true;
}

enum finding chunk_examine(const struct purchase *b, uint64_t chunk, struct bytes sealed, uint8_t *plain)
{
    uint8_t key[32];
    bool last = chunk + 1 == b->content.n_chunks;
    age_payload_key(b->file_key, b->content.nonce, key);
    enum tide_err err = age_chunk_open(key, chunk, last, sealed, plain);
    explicit_bzero(key, sizeof key);
    if (err != TIDE_OK) return FINDING_BAD_CIPHERTEXT;
    bool same = chunk_is_as_sampled(b, chunk, BYTES(plain, sealed.len - AGE_TAG_BYTES));
    return same ? FINDING_NOT_PROVEN : FINDING_SAMPLE_MISMATCH;
}
