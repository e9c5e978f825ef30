/*
 * Evidence and deliveries. What decodes as evidence must encode to the very same bytes; whatever it says, and whatever a
 * vendor granted, a delivery is judged, and an honest one is never found at fault.
 *
 * The first byte says what the rest is: 0 evidence, 1 the grant of a content, 2 a credential's file.
 */
#include "storage/judge.h"

#include "crypto/identity.h"
#include "crypto/merkle.h"

#define LAST_BYTES 40u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t secret[32] = {64, 1}, file_key[AGE_FILE_KEY_BYTES] = {2};
static uint8_t first[AGE_SEALED_CHUNK_BYTES], last[LAST_BYTES + AGE_TAG_BYTES], first_leaf[HASH_BYTES];
static struct delivery content;

/* A content of two chunks, the second one short; the grant is the input's, or wrong. */
static void prepare(void)
{
    static const uint8_t plain[AGE_CHUNK_BYTES];
    uint8_t key[32], leaf[HASH_BYTES];
    struct merkle_tree tree = {0};

    ASSERT(crypto_init() == TIDE_OK);
    content = (struct delivery){.has_content = true, .content = {.plaintext_len = AGE_CHUNK_BYTES + LAST_BYTES, .n_chunks = 2}};
    age_payload_key(file_key, content.content.nonce, key);
    age_chunk_seal(key, 0, false, BYTES(plain, sizeof plain), first);
    age_chunk_seal(key, 1, true, BYTES(plain, LAST_BYTES), last);
    merkle_leaf_hash(BYTES(first, sizeof first), first_leaf);
    merkle_leaf_hash(BYTES(last, sizeof last), leaf);
    merkle_append(&tree, first_leaf);
    merkle_append(&tree, leaf);
    merkle_root(&tree, content.content.content_root);
    age_key_commitment(file_key, content.content.nonce, content.content.key_commitment);
    x25519_public(secret, content.recipient);
}

static void judge_evidence(struct bytes in)
{
    static uint8_t grant[AGE_GRANT_BYTES];
    struct arena arena;
    struct evidence e;
    struct bytes again;
    enum finding finding;

    if (grant[0] == 0) ASSERT(age_grant_seal(file_key, content.recipient, grant) == TIDE_OK);
    arena_init(&arena, 4u << 20);
    if (evidence_decode(in, &arena, &e) == TIDE_OK) {
        ASSERT(evidence_encode(&e, &arena, &again) == TIDE_OK);
        ASSERT(bytes_equal(in, again));
        content.grant = BYTES(grant, sizeof grant);
        ASSERT(judge(&content, &e, &finding) == TIDE_OK);
        ASSERT(finding == FINDING_EVIDENCE_INVALID || finding == FINDING_NOT_PROVEN);
    }
    arena_deinit(&arena);
}

/* Whatever is granted, the buyer's evidence is honest. */
static void judge_granted(struct bytes grant, bool has_content)
{
    struct delivery d = content;
    struct evidence e = {.chunk = 1, .sealed = BYTES(last, sizeof last), .n_proof = 1};
    enum finding finding;

    memcpy(e.secret, secret, 32);
    memcpy(e.proof[0], first_leaf, HASH_BYTES);
    d.grant = grant;
    d.has_content = has_content;
    ASSERT(judge(&d, &e, &finding) == TIDE_OK);
    ASSERT(finding == FINDING_GRANT_UNREADABLE || finding == FINDING_NOT_PROVEN ||
           (has_content && finding == FINDING_WRONG_KEY));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (content.content.n_chunks == 0) prepare();
    if (size == 0) return 0;
    struct bytes in = BYTES(data + 1, size - 1);
    if (data[0] == 0) judge_evidence(in);
    else judge_granted(in, data[0] == 1);
    return 0;
}
