/*
 * The seven checks (judge.h).
 *
 * Always holds: evidence and grant are whatever somebody sent; no byte of either is believed before a check that it
 * passed, and none can reach an assertion. File keys and plaintext are wiped before it returns.
 */
#include "storage/judge.h"

#include "crypto/identity.h"
#include "crypto/merkle.h"

#include <stdlib.h>

/* 1: only who owns the order's recipient can say what the grant holds. */
static bool secret_is_the_orders(const struct delivery *d, const struct evidence *e)
{
    uint8_t recipient[32];

    x25519_public(e->secret, recipient);
    return memcmp(recipient, d->recipient, sizeof recipient) == 0; /* both public */
}

/* 2, of a credential: the whole file opens. */
static enum tide_err judge_credential(const struct delivery *d, const struct evidence *e, enum finding *finding)
{
    uint8_t *plain = NULL;
    size_t len = 0;

    enum tide_err err = age_file_open(d->grant, e->secret, &plain, &len);
    if (err == TIDE_ENOMEM) return err;
    *finding = err == TIDE_OK ? FINDING_NOT_PROVEN : FINDING_GRANT_UNREADABLE;
    if (plain != NULL) explicit_bzero(plain, len);
    free(plain);
    return TIDE_OK;
}

/* 4: the chunk is the listing's at that index, of the length it must have there. */
static bool chunk_is_the_listings(const struct age_commitment *content, const struct evidence *e)
{
    struct merkle_proof proof = {.n = e->n_proof};
    uint8_t leaf[HASH_BYTES];

    if (content->n_chunks != age_n_chunks(content->plaintext_len) || e->chunk >= content->n_chunks) return false;
    if (e->n_proof > ARRAY_LEN(proof.hashes)) return false;
    if (e->sealed.len != age_sealed_chunk_len(content->plaintext_len, e->chunk)) return false;
    memcpy(proof.hashes, e->proof, e->n_proof * HASH_BYTES);
    merkle_leaf_hash(e->sealed, leaf);
    return merkle_verify_inclusion(&proof, e->chunk, content->n_chunks, leaf, content->content_root) == TIDE_OK;
}

/* 6: false if the vendor showed another chunk under this index. */
static bool is_as_sampled(const struct delivery *d, uint64_t chunk, struct bytes plain)
{
    uint8_t hash[HASH_BYTES];

    sha256(plain, hash);
    for (size_t i = 0; i < d->n_samples; i++) {
        if (d->samples[i].chunk == chunk && memcmp(d->samples[i].hash, hash, HASH_BYTES) != 0) return false;
    }
    return true;
}

/* 5 to 7, of a chunk that passed 4. */
static enum tide_err judge_chunk(const struct delivery *d, const uint8_t file_key[AGE_FILE_KEY_BYTES],
                                 const struct evidence *e, enum finding *finding)
{
    size_t len = e->sealed.len - AGE_TAG_BYTES;
    uint8_t key[32];
    uint8_t *plain = malloc(len + 1);

    if (plain == NULL) return TIDE_ENOMEM;
    age_payload_key(file_key, d->content.nonce, key);
    if (age_chunk_open(key, e->chunk, e->chunk + 1 == d->content.n_chunks, e->sealed, plain) != TIDE_OK) {
        *finding = FINDING_BAD_CIPHERTEXT;
    } else {
        *finding = is_as_sampled(d, e->chunk, BYTES(plain, len)) ? FINDING_NOT_PROVEN : FINDING_SAMPLE_MISMATCH;
    }
    explicit_bzero(key, sizeof key);
    explicit_bzero(plain, len);
    free(plain);
    return TIDE_OK;
}

/* 2 to 7. */
static enum tide_err judge_content(const struct delivery *d, const struct evidence *e, enum finding *finding)
{
    uint8_t file_key[AGE_FILE_KEY_BYTES], commitment[HASH_BYTES];
    size_t header_len;
    enum tide_err err = TIDE_OK;

    *finding = FINDING_GRANT_UNREADABLE;
    if (age_header_open(d->grant, e->secret, file_key, &header_len) != TIDE_OK) return TIDE_OK;
    age_key_commitment(file_key, d->content.nonce, commitment);
    if (header_len != d->grant.len) {
        *finding = FINDING_GRANT_UNREADABLE; /* more than a header: the payload behind it would not be one */
    } else if (memcmp(commitment, d->content.key_commitment, HASH_BYTES) != 0) {
        *finding = FINDING_WRONG_KEY;
    } else if (!chunk_is_the_listings(&d->content, e)) {
        *finding = FINDING_EVIDENCE_INVALID;
    } else {
        err = judge_chunk(d, file_key, e, finding);
    }
    explicit_bzero(file_key, sizeof file_key);
    return err;
}

enum tide_err judge(const struct delivery *delivery, const struct evidence *evidence, enum finding *finding)
{
    *finding = FINDING_EVIDENCE_INVALID;
    if (evidence == NULL || !secret_is_the_orders(delivery, evidence)) return TIDE_OK;
    if (!delivery->has_content) return judge_credential(delivery, evidence, finding);
    return judge_content(delivery, evidence, finding);
}

enum tide_err judge_sealed(const struct delivery *delivery, struct bytes sealed, const uint8_t secret[32],
                           const uint8_t broker[32], struct arena *arena, enum finding *finding, uint64_t *chunk)
{
    struct evidence evidence = {0};
    uint8_t *plain = NULL;
    size_t len = 0;

    *finding = FINDING_EVIDENCE_INVALID;
    *chunk = 0;
    enum tide_err err = age_file_opens_for(sealed, secret, broker);
    if (err == TIDE_OK) err = age_file_open(sealed, secret, &plain, &len);
    if (err == TIDE_OK) err = evidence_decode(BYTES(plain, len), arena, &evidence);
    if (err != TIDE_ENOMEM) {
        const struct evidence *readable = err == TIDE_OK ? &evidence : NULL;
        err = judge(delivery, readable, finding);
        if (err == TIDE_OK && readable != NULL) *chunk = finding_chunk(delivery, readable, *finding);
    }
    explicit_bzero(&evidence, sizeof evidence);
    if (plain != NULL) explicit_bzero(plain, len);
    free(plain);
    return err;
}
