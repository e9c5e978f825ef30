/*
 * A market with disputes for the tests of mirrors: goods that are really sealed, deals about them, evidence, and the journal's
 * records as a mirror that a test may change.
 */
#ifndef TIDEMARK_TESTS_MIRROR_FIXTURE_H
#define TIDEMARK_TESTS_MIRROR_FIXTURE_H

#include "tests/unit/test_server.h"

#include "client/lib/market.h"
#include "client/lib/schemas.h"
#include "storage/bundles.h"
#include "storage/evidence.h"
#include "storage/sample_draw.h"

#define SMALL_LEN (2 * AGE_CHUNK_BYTES + 1000)
#define SAMPLED_LEN (19 * AGE_CHUNK_BYTES + 1000) /* a chunk of twenty may be shown */
#define RECORDS_MAX 4096

static struct world w;
static struct arena arena;
static uint8_t file_key[AGE_FILE_KEY_BYTES] = {7, 7, 7};
static uint64_t n_references;

/* Something sealed and listed. */
struct goods {
    struct age_commitment content;
    uint8_t payload[SAMPLED_LEN + 20 * AGE_TAG_BYTES + AGE_NONCE_BYTES];
    uint64_t listing;
};
static struct goods small, sampled;
static uint8_t plain[SAMPLED_LEN];
static char mirror[600];

/* ---- content ---- */

static struct bytes sealed_chunk(const struct goods *g, uint64_t i)
{
    return BYTES(g->payload + AGE_NONCE_BYTES + i * AGE_SEALED_CHUNK_BYTES, age_sealed_chunk_len(g->content.plaintext_len, i));
}

static void goods_seal(struct goods *g, size_t len, uint8_t nonce_byte)
{
    const uint8_t nonce[AGE_NONCE_BYTES] = {nonce_byte};
    const struct age_work work = {.n_threads = 1};
    for (size_t i = 0; i < len; i++) plain[i] = (uint8_t)(i * 7 + i / 1000);
    int in = open(in_test_dir("plain"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    int out = open(in_test_dir("sealed"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(pwrite(in, plain, len, 0), len);
    assert_ok(age_payload_seal(in, out, -1, file_key, nonce, &work, &g->content));
    assert_int_equal(pread(out, g->payload, sizeof g->payload, 0), age_payload_len(len));
    close(in);
    close(out);
}

static enum tide_err leaf_node(void *ctx, unsigned level, uint64_t index, uint8_t out[HASH_BYTES])
{
    uint8_t left[HASH_BYTES], right[HASH_BYTES];
    if (level == 0) {
        merkle_leaf_hash(sealed_chunk(ctx, index), out);
        return TIDE_OK;
    }
    (void)!leaf_node(ctx, level - 1, 2 * index, left);
    (void)!leaf_node(ctx, level - 1, 2 * index + 1, right);
    merkle_node_hash(left, right, out);
    return TIDE_OK;
}

/* The log's root when it ended with record `last`. */
static void root_behind(uint64_t last, uint8_t root[HASH_BYTES])
{
    struct merkle_tree tree = {0};
    uint8_t leaf[HASH_BYTES];
    struct bytes record;
    size_t n;
    for (uint64_t i = 0; i <= last; i++) {
        arena_reset(&arena);
        assert_ok(journal_read(w.journal, i, 1, 1u << 20, &arena, &record, &n));
        assert_int_equal(n, 1);
        merkle_leaf_hash(record, leaf);
        merkle_append(&tree, leaf);
    }
    merkle_root(&tree, root);
}

/* Lists goods with a sample that is of other data; gives the chunk that was drawn. */
static uint64_t list_sampled(void)
{
    struct body_publish p = {.kind = LISTING_DATASET, .title = BYTES_TEXT("Noise 2024"), .terms = BYTES_TEXT("Use it well."),
                             .right_operating = {1}, .plaintext_len = SAMPLED_LEN, .n_chunks = 20,
                             .payload_len = age_payload_len(SAMPLED_LEN), .samples = 1};
    memcpy(p.nonce, sampled.content.nonce, 16);
    memcpy(p.content_root, sampled.content.content_root, 32);
    memcpy(p.key_commitment, sampled.content.key_commitment, 32);
    sampled.listing = state_it(&w, VENDOR, KIND_PUBLISH, &p) + 1;
    const struct body_stored stored = {.listing = sampled.listing};
    const struct body_review review = {.listing = sampled.listing, .verdict = REVIEW_APPROVE};
    struct body_drawn drawn = {.listing = sampled.listing};
    struct sample_chunk chunk = {0};
    const struct body_sample sample = {.listing = sampled.listing, .chunks = {&chunk, 1}};
    uint8_t seed[HASH_BYTES];
    state_it(&w, BROKER, KIND_STORED, &stored);
    root_behind(state_it(&w, REVIEWER, KIND_REVIEW, &review), drawn.root);
    state_it(&w, BROKER, KIND_DRAWN, &drawn);
    sample_seed(drawn.root, seed);
    sample_draw(seed, 20, 1, &chunk.chunk);
    sha256(BYTES_TEXT("better data than there is"), chunk.hash);
    state_it(&w, VENDOR, KIND_SAMPLE, &sample);
    state_it(&w, BROKER, KIND_STORED, &stored);
    return chunk.chunk;
}

/* ---- trades ---- */

struct deal {
    const struct goods *goods;
    uint64_t trade;
    uint8_t secret[32], recipient[32];
};

static struct deal deal_of(const struct goods *goods)
{
    struct deal d = {.goods = goods};
    char reference[32];
    snprintf(reference, sizeof reference, "ref-%u", (unsigned)++n_references);
    deposit(&w, BUYER, 100000, reference);
    d.trade = bid_order(&w, goods->listing, 9900, 1) + 1;
    identity_bid_key(w.ids[BUYER], w.last_command, 0, d.secret, d.recipient);
    return d;
}

static struct deal deal_make(void)
{
    return deal_of(&small);
}

/* A grant of that key for that recipient, properly signed. */
static void grant_as(const struct deal *d, const uint8_t key[AGE_FILE_KEY_BYTES], const uint8_t recipient[32])
{
    uint8_t sealed[AGE_GRANT_BYTES];
    struct body_grant body = {.trade = d->trade, .grant = BYTES(sealed, sizeof sealed)};
    struct bytes text;
    trade_of(&w, d->trade, &text);
    assert_ok(age_grant_seal(key, recipient, sealed));
    identity_sign(w.ids[VENDOR], DOMAIN_NONE, text, body.signature);
    state_it(&w, VENDOR, KIND_GRANT, &body);
}

static const char *evidence_path(uint64_t trade)
{
    static char path[700];
    snprintf(path, sizeof path, "%s/evidence/%u", mirror, (unsigned)trade);
    return path;
}

/* The buyer's evidence, sealed to the broker and, if so, to the regulator; put where a mirror has it; disputed. */
static void dispute_chunk(const struct deal *d, uint64_t chunk, bool to_regulator, bool is_there)
{
    struct evidence evidence = {.chunk = chunk, .sealed = sealed_chunk(d->goods, chunk)};
    struct body_dispute body = {.trade = d->trade};
    const struct merkle_store store = {(void *)(uintptr_t)d->goods, leaf_node};
    struct merkle_proof proof;
    uint8_t recipients[2][32], *file;
    struct bytes body_bytes;
    size_t len;
    memcpy(evidence.secret, d->secret, 32);
    assert_ok(merkle_prove_inclusion(&store, chunk, d->goods->content.n_chunks, &proof));
    evidence.n_proof = proof.n;
    memcpy(evidence.proof, proof.hashes, proof.n * HASH_BYTES);
    assert_ok(evidence_encode(&evidence, &arena, &body_bytes));
    memcpy(recipients[0], identity_seal_public(w.ids[BROKER]), 32);
    memcpy(recipients[1], identity_seal_public(w.ids[to_regulator ? REGULATOR : STRANGER]), 32);
    assert_ok(age_file_seal(body_bytes, (const uint8_t(*)[32])recipients, 2, &file, &len));
    sha256(BYTES(file, len), body.evidence);
    if (is_there) {
        int fd = open(evidence_path(d->trade), O_WRONLY | O_CREAT, 0600);
        assert_int_equal(write(fd, file, len), len);
        close(fd);
    }
    free(file);
    state_it(&w, BUYER, KIND_DISPUTE, &body);
}

static void dispute(const struct deal *d, bool to_regulator, bool is_there)
{
    dispute_chunk(d, 1, to_regulator, is_there);
}

static void verdict(const struct deal *d, enum finding finding, uint64_t chunk)
{
    const struct body_verdict body = {.trade = d->trade, .finding = finding, .chunk = chunk};
    state_it(&w, BROKER, KIND_VERDICT, &body);
}

/* ---- mirrors ---- */

static struct bytes records[RECORDS_MAX];
static size_t n_records;

static void records_read(void)
{
    static struct arena memory;
    if (memory.cap == 0) arena_init(&memory, 64u << 20);
    arena_reset(&memory);
    for (n_records = 0;;) {
        size_t n;
        assert_ok(journal_read(w.journal, n_records, 256, 1u << 20, &memory, records + n_records, &n));
        if (n == 0) return;
        n_records += n;
        assert_true(n_records + 256 < RECORDS_MAX);
    }
}

/* The records as a mirror under a head that the broker signed, whatever is in them. */
static void mirror_write(void)
{
    struct merkle_tree tree = {0};
    struct checkpoint cp = {.origin = ORIGIN, .size = n_records};
    struct note_key key;
    struct tiles *tiles;
    char text[CHECKPOINT_MAX], dir[700];
    uint8_t leaf[HASH_BYTES];
    snprintf(dir, sizeof dir, "%s/tile", mirror);
    if (access(dir, F_OK) == 0) assert_int_equal(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    assert_ok(tiles_open_at(mirror, true, &tiles));
    for (size_t i = 0; i < n_records; i += TILE_WIDTH) {
        size_t n = n_records - i < TILE_WIDTH ? n_records - i : TILE_WIDTH;
        assert_ok(bundle_write(tiles, i / TILE_WIDTH, records + i, (unsigned)n));
    }
    for (size_t i = 0; i < n_records; i++) {
        merkle_leaf_hash(records[i], leaf);
        merkle_append(&tree, leaf);
    }
    assert_ok(bundles_extend_tiles(tiles, 0, n_records));
    merkle_root(&tree, cp.root);
    assert_ok(note_key_init(ORIGIN, NOTE_TYPE_ED25519, identity_log_public(w.ids[BROKER]), &key));
    size_t len = checkpoint_sign(&cp, &key, identity_log_secret(w.ids[BROKER]), text);
    assert_ok(tiles_write_checkpoint(tiles, BYTES(text, len)));
    tiles_close(&tiles);
}

static const char *vkey(void)
{
    static char text[NOTE_VKEY_MAX];
    struct note_key key;
    assert_ok(note_key_init(ORIGIN, NOTE_TYPE_ED25519, identity_log_public(w.ids[BROKER]), &key));
    note_key_format(&key, text);
    return text;
}

/* Checks the mirror as `who` (N_WHO: as nobody). */
static struct tide_doc *check_as(enum who who, int expected)
{
    struct tide_identity id = {.id = who == N_WHO ? NULL : w.ids[who]};
    struct tide_doc *report = NULL;
    struct tide_error e;
    int code = tide_audit_check(mirror, who == N_WHO ? NULL : &id, vkey(), NULL, NULL, NULL, &report, &e);
    if (code != expected) fail_msg("%d: %s", code, e.message);
    assert_non_null(report);
    return report;
}

static void check_fails(const char *words)
{
    struct tide_doc *report;
    mirror_write();
    report = check_as(REGULATOR, OUTCOME_V_FAILED);
    bool found = false;
    for (size_t i = 0; i < tide_doc_count(report, "alarms"); i++)
        found = found || strstr(tide_doc_text(tide_doc_item(report, "alarms", i), "words"), words) != NULL;
    if (!found) fail_msg("no alarm says \"%s\", but \"%s\"", words, tide_doc_text(tide_doc_item(report, "alarms", 0), "words"));
    tide_doc_free(&report);
}

static const struct tide_doc *row_of(const struct tide_doc *report, uint64_t trade)
{
    for (size_t i = 0; i < tide_doc_count(report, "disputes"); i++) {
        const struct tide_doc *row = tide_doc_item(report, "disputes", i);
        if (tide_doc_u64(row, "trade") == trade) return row;
    }
    fail_msg("trade %u is not among the disputes", (unsigned)trade);
    return NULL;
}

static void row_is(const struct tide_doc *report, const struct deal *d, const char *stated, const char *judged, const char *outcome)
{
    const struct tide_doc *row = row_of(report, d->trade);
    assert_string_equal(tide_doc_text(row, "stated"), stated);
    assert_string_equal(tide_doc_text(row, "judged"), judged);
    assert_string_equal(tide_doc_text(row, "outcome"), outcome);
}

#endif
