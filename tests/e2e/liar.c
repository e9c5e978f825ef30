/*
 * A party that uses the real protocol and lies, for the e2e tests: each mode is one lie, told once with a genuine signature, and
 * then the program ends. State (an outbox of its own) lies below XDG_STATE_HOME.
 *
 *     liar URL IDENTITY_FILE wrong-key TRADE          grants a key that is not the listing's
 *     liar URL IDENTITY_FILE other-recipient TRADE    grants the listing's key to somebody else
 *     liar URL IDENTITY_FILE bad-before FILE CHUNK    lists FILE, sealed to FILE.bad, whose chunk CHUNK was spoilt before
 *                                                     the commitment was made; prints the listing
 *     liar URL IDENTITY_FILE sample-other LISTING     signs and shows other data than the listing's as its samples
 */
#include "client/lib/jobs.h"
#include "client/lib/purchase.h"
#include "crypto/identity.h"
#include "storage/sample_draw.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct liar {
    struct tide_identity *identity;
    struct tide_market *market;
    struct tide_error error;
};

static int said(const struct liar *l, int code)
{
    if (code != 0) fprintf(stderr, "liar: %d %s: %s\n", code, l->error.name, l->error.message);
    return code == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- a vendor's ---- */

/* Grants `trade`, whatever the row says of its recipient and the listing of its key. */
static int grant(struct liar *l, const struct body_trade_row *trade, const uint8_t file_key[AGE_FILE_KEY_BYTES],
                 const uint8_t recipient[32])
{
    uint8_t sealed[AGE_GRANT_BYTES];
    struct body_grant body = {.trade = trade->trade, .grant = BYTES(sealed, sizeof sealed)};
    if (age_grant_seal(file_key, recipient, sealed) != TIDE_OK) return OUTCOME_C_INTERNAL;
    settlement_sign(l->market, trade, body.signature);
    return market_state(l->market, &schema_grant, &body, NULL, &l->error);
}

static int wrong_key(struct liar *l, char **args)
{
    const struct body_trade_row *trade;
    struct tide_doc *doc = NULL;
    uint8_t key[AGE_FILE_KEY_BYTES];
    int code = row_of_trade(l->market, strtoull(args[0], NULL, 10), &doc, &trade, &l->error);
    random_bytes(key, sizeof key);
    if (code == 0) code = grant(l, trade, key, trade->recipient);
    tide_doc_free(&doc);
    return said(l, code);
}

static int other_recipient(struct liar *l, char **args)
{
    const struct body_trade_row *trade;
    const struct body_listing_row *listing;
    struct tide_doc *doc = NULL, *listing_doc = NULL;
    uint8_t key[AGE_FILE_KEY_BYTES], secret[32], recipient[32];
    random_bytes(secret, sizeof secret);
    x25519_public(secret, recipient);
    int code = row_of_trade(l->market, strtoull(args[0], NULL, 10), &doc, &trade, &l->error);
    if (code == 0) code = row_of_listing(l->market, trade->listing, &listing_doc, &listing, &l->error);
    if (code == 0) {
        identity_file_key(l->identity->id, listing->nonce, key);
        code = grant(l, trade, key, recipient);
    }
    tide_doc_free(&listing_doc);
    tide_doc_free(&doc);
    return said(l, code);
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

static int bad_before(struct liar *l, char **args)
{
    struct tide_commitment c;
    uint64_t listing = 0;
    char path[4096];
    if (args[1] == NULL) return EXIT_FAILURE;
    snprintf(path, sizeof path, "%s.bad", args[0]);
    int code = tide_seal(l->identity, args[0], path, NULL, NULL, &c, &l->error);
    if (code == 0 && !spoil(path, strtoull(args[1], NULL, 10), &c)) code = OUTCOME_C_FILE;
    if (code == 0) code = publish(l, &c, &listing);
    if (code == 0) code = tide_upload(l->market, listing, path, NULL, NULL, &l->error);
    if (code == 0) printf("%" PRIu64 "\n", listing);
    return said(l, code);
}

static int sample_other(struct liar *l, char **args)
{
    static uint8_t plain[LIMIT_SAMPLES][AGE_CHUNK_BYTES];
    uint64_t drawn[LIMIT_SAMPLES];
    struct sample_chunk chunks[LIMIT_SAMPLES];
    size_t lens[LIMIT_SAMPLES];
    const struct body_listing_row *row;
    struct tide_doc *doc = NULL, *answer = NULL;
    int code = row_of_listing(l->market, strtoull(args[0], NULL, 10), &doc, &row, &l->error);
    if (code != 0) return said(l, code);
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
    return said(l, code);
}

static const struct {
    const char *name;
    int (*run)(struct liar *l, char **args);
} modes[] = {{"wrong-key", wrong_key},
             {"other-recipient", other_recipient},
             {"bad-before", bad_before},
             {"sample-other", sample_other}};

int main(int argc, char **argv)
{
    struct liar l = {NULL, NULL, {0}};
    int result = EXIT_FAILURE;
    if (argc < 5) {
        fprintf(stderr, "liar URL IDENTITY_FILE MODE ARGUMENT…\n");
        return EXIT_FAILURE;
    }
    if (tide_identity_open(argv[2], NULL, 0, &l.identity, &l.error) != 0 ||
        tide_market_open(&(struct tide_options){.url = argv[1], .identity = l.identity}, &l.market, &l.error) != 0)
        return said(&l, l.error.code);
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        if (strcmp(argv[3], modes[i].name) == 0) result = modes[i].run(&l, argv + 4);
    }
    tide_market_close(&l.market);
    tide_identity_free(&l.identity);
    return result;
}
