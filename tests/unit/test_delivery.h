/*
 * What the tests of disputes share: a content sealed as vendors seal it, rightly or wrongly, and a buyer's evidence
 * about it.
 */
#ifndef TIDEMARK_TESTS_TEST_DELIVERY_H
#define TIDEMARK_TESTS_TEST_DELIVERY_H

#include "tests/unit/test_storage.h"

#include "crypto/identity.h"
#include "crypto/merkle.h"
#include "storage/judge.h"

#define N_CHUNKS 3u    /* of sale_new */
#define CHUNKS_MAX 20u /* of any: the fewest of which one may be a sample */
#define LAST_BYTES 1000u /* of the last chunk's plaintext */

/* A content, and what its chunks are sealed to; the plaintext of chunk n is the letter 'a' + n. */
struct sale {
    uint8_t secret[32], file_key[AGE_FILE_KEY_BYTES], grant[AGE_GRANT_BYTES];
    uint8_t sealed[CHUNKS_MAX][AGE_SEALED_CHUNK_BYTES], leaves[CHUNKS_MAX][HASH_BYTES];
    size_t sealed_len[CHUNKS_MAX];
    struct delivery delivery;
    uint8_t spoiled; /* flipped in chunk 1 when it is sealed anew (test_dispute.h) */
    bool wrong_key;  /* granted instead of the one committed to */
};

static UNUSED void plain_of(uint64_t chunk, uint8_t plain[AGE_CHUNK_BYTES])
{
    memset(plain, 'a' + (int)chunk, AGE_CHUNK_BYTES);
}

static UNUSED enum tide_err node(void *ctx, unsigned level, uint64_t index, uint8_t out[HASH_BYTES])
{
    struct sale *s = ctx;
    struct merkle_tree tree = {0};
    for (uint64_t i = index << level; i < (index + 1) << level; i++) merkle_append(&tree, s->leaves[i]);
    merkle_root(&tree, out);
    return TIDE_OK;
}

/* The commitment to the chunks as they are now: a vendor commits to whatever it sealed. */
static UNUSED void commit_content(struct sale *s)
{
    struct merkle_tree tree = {0};
    for (size_t i = 0; i < s->delivery.content.n_chunks; i++) {
        merkle_leaf_hash(BYTES(s->sealed[i], s->sealed_len[i]), s->leaves[i]);
        merkle_append(&tree, s->leaves[i]);
    }
    merkle_root(&tree, s->delivery.content.content_root);
}

static UNUSED void seal_chunk(struct sale *s, uint64_t chunk, bool last, size_t len)
{
    uint8_t key[32], plain[AGE_CHUNK_BYTES];
    plain_of(chunk, plain);
    age_payload_key(s->file_key, s->delivery.content.nonce, key);
    age_chunk_seal(key, chunk, last, BYTES(plain, len), s->sealed[chunk]);
    s->sealed_len[chunk] = len + AGE_TAG_BYTES;
}

/* An honest sale of `len` bytes. */
static UNUSED struct sale *sale_of(uint64_t len)
{
    struct sale *s = calloc(1, sizeof *s);
    struct age_commitment *content = &s->delivery.content;
    assert_non_null(s);
    memset(s->secret, 7, sizeof s->secret);
    memset(s->file_key, 8, sizeof s->file_key);
    memset(content->nonce, 9, sizeof content->nonce);
    content->plaintext_len = len;
    content->n_chunks = age_n_chunks(len);
    for (uint64_t i = 0; i < content->n_chunks; i++) {
        seal_chunk(s, i, i + 1 == content->n_chunks, age_sealed_chunk_len(len, i) - AGE_TAG_BYTES);
    }
    commit_content(s);
    age_key_commitment(s->file_key, content->nonce, content->key_commitment);
    x25519_public(s->secret, s->delivery.recipient);
    assert_ok(age_grant_seal(s->file_key, s->delivery.recipient, s->grant));
    s->delivery.grant = BYTES(s->grant, sizeof s->grant);
    s->delivery.has_content = true;
    return s;
}

static UNUSED struct sale *sale_new(void)
{
    return sale_of((N_CHUNKS - 1) * AGE_CHUNK_BYTES + LAST_BYTES);
}

static UNUSED struct evidence evidence_of(struct sale *s, uint64_t chunk)
{
    struct merkle_proof proof;
    struct evidence e = {.chunk = chunk, .sealed = BYTES(s->sealed[chunk], s->sealed_len[chunk])};
    memcpy(e.secret, s->secret, 32);
    assert_ok(merkle_prove_inclusion(&(struct merkle_store){.ctx = s, .node = node}, chunk,
                                     s->delivery.content.n_chunks, &proof));
    e.n_proof = proof.n;
    memcpy(e.proof, proof.hashes, proof.n * HASH_BYTES);
    return e;
}

#endif
