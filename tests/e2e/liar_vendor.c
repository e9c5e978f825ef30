/*
 * The lies of a vendor: grants, content and samples that are not what was committed to (liar.c names them).
 */
#include "crypto/identity.h"
#include "storage/sample_draw.h"
#include "tests/e2e/liar.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static int grant_bytes(struct liar *l, const struct body_trade_row *trade, struct bytes bytes)
{
    struct body_grant body = {.trade = trade->trade, .grant = bytes};
    settlement_sign(l->market, trade, body.signature);
    return market_state(l->market, &schema_grant, &body, NULL, &l->error);
}

/* Grants `trade`, whatever the row says of its recipient and the listing of its key. */
static int grant(struct liar *l, const struct body_trade_row *trade, const uint8_t file_key[AGE_FILE_KEY_BYTES],
                 const uint8_t recipient[32])
{
    uint8_t sealed[AGE_GRANT_BYTES];
    if (age_grant_seal(file_key, recipient, sealed) != TIDE_OK) return OUTCOME_C_INTERNAL;
    return grant_bytes(l, trade, BYTES(sealed, sizeof sealed));
}

/* The recipient of nobody here. */
static void stranger(uint8_t recipient[32])
{
    uint8_t secret[32];
    random_bytes(secret, sizeof secret);
    x25519_public(secret, recipient);
}

static int wrong_key(struct liar *l, char **args)
{
    const struct body_trade_row *trade;
    struct tide_doc *doc = NULL;
    uint8_t key[AGE_FILE_KEY_BYTES];
    int code = row_of_trade(l->market, number(args[0]), &doc, &trade, &l->error);
    random_bytes(key, sizeof key);
    if (code == 0) code = grant(l, trade, key, trade->recipient);
    tide_doc_free(&doc);
    return code;
}

static int other_recipient(struct liar *l, char **args)
{
    const struct body_trade_row *trade;
    const struct body_listing_row *listing;
    struct tide_doc *doc = NULL, *listing_doc = NULL;
    uint8_t key[AGE_FILE_KEY_BYTES], recipient[32];
    stranger(recipient);
    int code = row_of_trade(l->market, number(args[0]), &doc, &trade, &l->error);
    if (code == 0) code = row_of_listing(l->market, trade->listing, &listing_doc, &listing, &l->error);
    if (code == 0) {
        identity_file_key(l->identity->id, listing->nonce, key);
        code = grant(l, trade, key, recipient);
    }
    tide_doc_free(&listing_doc);
    tide_doc_free(&doc);
    return code;
}

static int credential_other(struct liar *l, char **args)
{
    const struct body_trade_row *trade;
    struct tide_doc *doc = NULL;
    uint8_t recipient[1][32], *sealed = NULL;
    size_t len = 0;
    stranger(recipient[0]);
    int code = row_of_trade(l->market, number(args[0]), &doc, &trade, &l->error);
    if (code == 0)
        code = error_of(&l->error, age_file_seal(BYTES_TEXT("token"), recipient, 1, &sealed, &len), "Sealing");
    if (code == 0) code = grant_bytes(l, trade, BYTES(sealed, len));
    free(sealed);
    tide_doc_free(&doc);
    return code;
}

/* Spoils one chunk of a sealed file, and commits to what it is then. */
static bool spoil(const char *path, uint64_t chunk, struct tide_commitment *c)
{
    static uint8_t sealed[AGE_SEALED_CHUNK_BYTES];
    struct merkle_tree tree = {0};
    int fd = open(path, O_RDWR | O_CLOEXEC);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    if (size < 0 || chunk >= c->n_chunks) return false;
    uint64_t first = (uint64_t)size - c->payload_len + AGE_NONCE_BYTES;
    for (uint64_t i = 0; i < c->n_chunks; i++) {
        size_t len = age_sealed_chunk_len(c->plaintext_len, i);
        uint8_t leaf[HASH_BYTES];
        if (!read_at(fd, sealed, len, first + i * AGE_SEALED_CHUNK_BYTES)) return false;
        if (i == chunk) sealed[len / 2] ^= 1;
        if (i == chunk && !write_at(fd, sealed, len, first + i * AGE_SEALED_CHUNK_BYTES)) return false;
        merkle_leaf_hash(BYTES(sealed, len), leaf);
        merkle_append(&tree, leaf);
    }
    merkle_root(&tree, c->content_root);
    return close(fd) == 0;
}

static int publish(struct liar *l, const struct tide_commitment *c, uint64_t *listing)
{
    struct body_publish body = {.kind = LISTING_DATASET,
                                .title = BYTES_TEXT("Spoilt"),
                                .plaintext_len = c->plaintext_len,
                                .n_chunks = c->n_chunks,
                                .payload_len = c->payload_len};
    struct tide_doc *answer = NULL;
    memcpy(body.nonce, c->nonce, sizeof body.nonce);
    memcpy(body.content_root, c->content_root, HASH_BYTES);
    memcpy(body.key_commitment, c->key_commitment, HASH_BYTES);
    memset(body.right_operating, 1, HASH_BYTES);
    int code = market_state(l->market, &schema_publish, &body, &answer, &l->error);
    if (code == 0) *listing = tide_doc_u64(answer, "first_index") + 1;
    tide_doc_free(&answer);
    return code;
}

/* Seals FILE to FILE.bad and spoils a chunk there; *sealed is what it was before, *spoilt what it is now. */
static int seal_and_spoil(struct liar *l, char **args, char path[4096], struct tide_commitment *sealed,
                          struct tide_commitment *spoilt)
{
    snprintf(path, 4096, "%s.bad", args[0]);
    int code = tide_seal(l->identity, args[0], path, NULL, NULL, sealed, &l->error);
    *spoilt = *sealed;
    if (code != 0 || spoil(path, number(args[1]), spoilt)) return code;
    return error_set(&l->error, OUTCOME_C_FILE, "The chunk cannot be spoilt.");
}

/* At once: refusals are told on stderr. */
static void tell_listing(uint64_t listing)
{
    printf("%" PRIu64 "\n", listing);
    fflush(stdout);
}

static int bad_before(struct liar *l, char **args)
{
    struct tide_commitment sealed, spoilt;
    uint64_t listing = 0;
    char path[4096];
    int code = seal_and_spoil(l, args, path, &sealed, &spoilt);
    if (code == 0) code = publish(l, &spoilt, &listing);
    if (code == 0) code = tide_upload(l->market, listing, path, NULL, NULL, &l->error);
    if (code == 0) tell_listing(listing);
    return code;
}

/* The leaf hashes of the sealed file; with `was` as they were before chunk `spoilt` was. */
static int manifest_put(struct liar *l, uint64_t listing, const struct sealed_file *f, uint64_t spoilt, bool was)
{
    static uint8_t chunk[AGE_SEALED_CHUNK_BYTES], hashes[64][HASH_BYTES];
    struct tide_doc *answer = NULL;
    if (f->n_chunks > ARRAY_LEN(hashes)) return error_set(&l->error, OUTCOME_C_USAGE, "Too long for a lie.");
    for (uint64_t i = 0; i < f->n_chunks; i++) {
        size_t len;
        if (!sealed_chunk(f, i, chunk, &len)) return error_file(&l->error, "read", "the sealed file");
        if (was && i == spoilt) chunk[len / 2] ^= 1;
        merkle_leaf_hash(BYTES(chunk, len), hashes[i]);
    }
    struct body_q_put_manifest q = {.listing = listing, .hashes = BYTES(hashes[0], f->n_chunks * HASH_BYTES)};
    int code = market_query(l->market, VERB_PUT_MANIFEST, &q, &answer, &l->error);
    tide_doc_free(&answer);
    return code;
}

static int chunks_put(struct liar *l, uint64_t listing, const struct sealed_file *f)
{
    static uint8_t chunk[AGE_SEALED_CHUNK_BYTES];
    int code = 0;
    for (uint64_t i = 0; i < f->n_chunks && code == 0; i++) {
        struct tide_doc *answer = NULL;
        size_t len;
        if (!sealed_chunk(f, i, chunk, &len)) return error_file(&l->error, "read", "the sealed file");
        struct body_q_put_chunk q = {.listing = listing, .chunk = i, .sealed = BYTES(chunk, len)};
        code = market_query(l->market, VERB_PUT_CHUNK, &q, &answer, &l->error);
        if (code != 0) fprintf(stderr, "liar: chunk %" PRIu64 " is refused\n", i);
        tide_doc_free(&answer);
    }
    return code;
}

/* Waits until the data door knows a listing of a moment ago. */
static int upload_wait(struct liar *l, uint64_t listing)
{
    const struct body_q_upload q = {.listing = listing};
    struct tide_doc *answer = NULL;
    int64_t until = market_until(10000);
    int pause = 0, code;
    while ((code = market_query(l->market, VERB_UPLOAD, &q, &answer, &l->error)) == OUTCOME_NO_SUCH_LISTING ||
           is_passing(code))
        if (poll_pause(l->market, &pause, until, &l->error) != 0) break;
    tide_doc_free(&answer);
    return code;
}

static int bad_upload(struct liar *l, char **args, bool true_manifest)
{
    struct tide_commitment sealed, spoilt;
    struct sealed_file f = {.fd = -1};
    uint64_t listing = 0;
    char path[4096];
    int code = seal_and_spoil(l, args, path, &sealed, &spoilt);
    if (code == 0) code = publish(l, &sealed, &listing);
    if (code == 0) tell_listing(listing);
    if (code == 0) code = sealed_open(l->identity->id, path, &f, &l->error);
    if (code == 0) code = upload_wait(l, listing);
    if (code == 0) code = manifest_put(l, listing, &f, number(args[1]), true_manifest);
    if (code == 0) code = chunks_put(l, listing, &f);
    sealed_close(&f);
    return code;
}

static int bad_after(struct liar *l, char **args)
{
    return bad_upload(l, args, true);
}

static int bad_manifest(struct liar *l, char **args)
{
    return bad_upload(l, args, false);
}

static int sample_other(struct liar *l, char **args)
{
    static uint8_t plain[LIMIT_SAMPLES][AGE_CHUNK_BYTES];
    uint64_t drawn[LIMIT_SAMPLES];
    struct sample_chunk chunks[LIMIT_SAMPLES];
    size_t lens[LIMIT_SAMPLES];
    const struct body_listing_row *row;
    struct tide_doc *doc = NULL, *answer = NULL;
    int code = row_of_listing(l->market, number(args[0]), &doc, &row, &l->error);
    if (code != 0) return code;
    size_t n = (size_t)row->samples;
    struct body_sample body = {.listing = row->listing, .chunks = {chunks, n}};
    sample_draw(row->seed, row->n_chunks, n, drawn);
    for (size_t i = 0; i < n; i++) {
        lens[i] = age_sealed_chunk_len(row->plaintext_len, drawn[i]) - AGE_TAG_BYTES;
        memset(plain[i], 'A' + (int)(i % 26), lens[i]);
        chunks[i].chunk = drawn[i];
        sha256(BYTES(plain[i], lens[i]), chunks[i].hash);
    }
    code = market_state(l->market, &schema_sample, &body, NULL, &l->error);
    for (size_t i = 0; i < n && code == 0; i++) {
        struct body_q_put_sample q = {.listing = row->listing, .chunk = drawn[i], .plain = BYTES(plain[i], lens[i])};
        int pause = 0;
        int64_t until = market_until(10000);
        while ((code = market_query(l->market, VERB_PUT_SAMPLE, &q, &answer, &l->error)) != 0 &&
               (is_passing(code) || code == OUTCOME_WRONG_STATE) &&
               !is_over(until)) /* not applied at the data door yet */
            if (poll_pause(l->market, &pause, until, &l->error) != 0) break;
        tide_doc_free(&answer);
    }
    tide_doc_free(&doc);
    return code;
}

const struct lie vendor_lies[] = {{"wrong-key", 1, wrong_key},
                                  {"other-recipient", 1, other_recipient},
                                  {"credential-other", 1, credential_other},
                                  {"bad-before", 2, bad_before},
                                  {"bad-after", 2, bad_after},
                                  {"bad-manifest", 2, bad_manifest},
                                  {"sample-other", 1, sample_other},
                                  {NULL, 0, NULL}};
