/*
 * A buyer's library and what it is delivered: by an honest vendor, by one that lies, by a broker that is busy, forges or hides. What
 * is right comes once; what is wrong is found and named as a judge would name it; evidence goes to its judges alone, and the
 * same again after an interruption.
 */
#include "client/lib/jobs.h"
#include "client/lib/purchase.h"
#include "crypto/identity.h"
#include "storage/certificate.h"
#include "storage/sample_draw.h"
#include "storage/settlement.h"
#include "tests/unit/fake_broker.h"

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { N = 40, LAST_LEN = 1000, N_SAMPLES = 2, LISTING = 30, REGISTERED = 35, TRADE = 60, N_LEAVES = 64, OPENED = 1 };
#define PLAIN_LEN ((uint64_t)(N - 1) * AGE_CHUNK_BYTES + LAST_LEN)

static char dir[] = "/tmp/tidemark-test-dispute.XXXXXX";
static char out_path[80], part_path[96];
static struct fake fake;
static struct tide_identity *buyer;
static struct tide_market *market;
static struct identity *vendor, *stranger, *regulator;

/* What the broker has and says. The fake's thread reads it under its lock; prepared before it is asked. */
static struct arena memory;
static struct body_trade_row trade;
static struct body_listing_row listing;
static struct body_publish publish;
static struct bytes envelopes[SIGNED_ASK_REPLACED + 1], sample_envelope, records[N_LEAVES], proofs[N_LEAVES];
static uint8_t file_key[AGE_FILE_KEY_BYTES], grant[AGE_GRANT_BYTES];
static uint8_t sealed[N][AGE_SEALED_CHUNK_BYTES], leaves[N][HASH_BYTES];
static uint64_t drawn[N_SAMPLES];
static struct sample_chunk samples[N_SAMPLES];
static struct body_judge_row judges[2];
static bool is_busy, forges_manifest, forges_chunk, interrupts;
static unsigned asked[N], n_asked, n_pieces, n_stated;
static uint8_t put[2][LIMIT_EVIDENCE_BYTES],
    stated_hash[HASH_BYTES]; /* what was put before and after an interruption */
static size_t put_len[2];

static void handover(void)
{
    pthread_mutex_lock(&fake.lock);
    pthread_mutex_unlock(&fake.lock);
}

/* ---- the broker's answers ---- */
static void plain_of(uint64_t chunk, uint8_t plain[AGE_CHUNK_BYTES])
{
    memset(plain, 'a' + (int)(chunk % 26), AGE_CHUNK_BYTES);
    be64_put(plain, chunk);
}

static struct list one(void *item)
{
    return (struct list){item, 1};
}

static void answer_chunk(const struct body_q_get_chunk *q, struct arena *arena, struct reply *reply)
{
    struct body_r_get_chunk *body = arena_calloc(arena, 1, sizeof *body);
    n_asked++;
    if (is_busy && asked[q->chunk]++ == 0) {
        reply->code = OUTCOME_BUSY;
        return;
    }
    body->sealed = arena_copy(arena, BYTES(sealed[q->chunk], age_sealed_chunk_len(PLAIN_LEN, q->chunk)));
    if (forges_chunk && q->chunk == 20) ((uint8_t *)(uintptr_t)body->sealed.data)[7] ^= 1;
    reply->body = body;
}

static void answer_manifest(const struct body_q_get_manifest *q, struct arena *arena, struct reply *reply)
{
    struct body_r_get_manifest *body = arena_calloc(arena, 1, sizeof *body);
    uint64_t n = N - q->first < 15 ? N - q->first : 15; /* in pieces */
    body->hashes = arena_copy(arena, BYTES(leaves[q->first], n * HASH_BYTES));
    if (forges_manifest) ((uint8_t *)(uintptr_t)body->hashes.data)[0] ^= 1;
    reply->body = body;
}

static void answer_piece(const struct body_q_put_evidence *q, struct arena *arena, struct reply *reply)
{
    unsigned which = n_stated > 0; /* after the first was stated, the second */
    if (q->offset + q->piece.len <= sizeof put[0]) memcpy(put[which] + q->offset, q->piece.data, q->piece.len);
    put_len[which] = q->offset + q->piece.len;
    n_pieces++;
    reply->body = arena_calloc(arena, 1, sizeof(struct body_r_put));
}

static void answer_sample(const struct body_q_get_sample *q, struct arena *arena, struct reply *reply)
{
    struct body_r_get_sample *body = arena_calloc(arena, 1, sizeof *body);
    uint8_t *plain = arena_alloc(arena, AGE_CHUNK_BYTES);
    plain_of(q->chunk, plain);
    if (forges_chunk && q->chunk == drawn[1]) plain[9] ^= 1;
    body->plain = BYTES(plain, age_sealed_chunk_len(PLAIN_LEN, q->chunk) - AGE_TAG_BYTES);
    reply->body = body;
}

/* False: no answer; the buyer is interrupted instead. */
static bool answer_submit(const struct body_q_submit *q, struct arena *arena, struct reply *reply)
{
    struct body_r_submit *body = arena_calloc(arena, 1, sizeof *body);
    struct statement s;
    struct bytes bytes;
    const uint8_t *signature;
    if (envelope_decode(q->envelope, arena, &bytes, &signature) == TIDE_OK &&
        statement_decode(bytes, arena, &s) == TIDE_OK && s.kind == KIND_DISPUTE)
        memcpy(stated_hash, ((const struct body_dispute *)s.body)->evidence, HASH_BYTES);
    n_stated++;
    *body = (struct body_r_submit){.first_index = 70, .next_index = 72};
    reply->body = body;
    if (!interrupts) return true;
    interrupts = false;
    tide_market_interrupt(market);
    return false;
}

static void answer_proof(uint64_t index, struct arena *arena, struct reply *reply)
{
    struct body_r_proof *body = arena_calloc(arena, 1, sizeof *body);
    *body = (struct body_r_proof){.record = records[index % N_LEAVES], .proof = proofs[index % N_LEAVES]};
    if (body->record.len > 0)
        reply->body = body;
    else
        reply->code = OUTCOME_NO_SUCH_RECORD;
}

static bool answer_locked(const struct request *request, struct arena *arena, struct reply *reply)
{
    const void *q = request->body;
    struct body_r_trade *r_trade = arena_calloc(arena, 1, sizeof *r_trade);
    struct body_r_listing *r_listing = arena_calloc(arena, 1, sizeof *r_listing);
    struct body_r_signed *r_signed = arena_calloc(arena, 1, sizeof *r_signed);
    struct body_r_sample *r_sample = arena_calloc(arena, 1, sizeof *r_sample);
    struct body_r_certificate *r_certificate = arena_calloc(arena, 1, sizeof *r_certificate);
    struct body_r_judges *r_judges = arena_calloc(arena, 1, sizeof *r_judges);
    switch (request->verb->verb) {
    case VERB_TRADE: r_trade->row = one(&trade), reply->body = r_trade; break;
    case VERB_LISTING:
        r_listing->row = one(&listing), r_listing->published = one(&publish), reply->body = r_listing;
        break;
    case VERB_SIGNED:
        r_signed->envelope = envelopes[((const struct body_q_signed *)q)->part];
        if (r_signed->envelope.len > 0)
            reply->body = r_signed;
        else
            reply->code = OUTCOME_NO_SUCH_RECORD;
        break;
    case VERB_SAMPLE: r_sample->envelope = sample_envelope, r_sample->sampled = 50, reply->body = r_sample; break;
    case VERB_KEYS: reply->code = OUTCOME_NO_SUCH_PARTY; break;
    case VERB_CERTIFICATE:
        *r_certificate = (struct body_r_certificate){
            .note = BYTES_TEXT("unused"), .record = records[REGISTERED], .proof = proofs[REGISTERED]};
        reply->body = r_certificate;
        break;
    case VERB_PROOF: answer_proof(((const struct body_q_index *)q)->index, arena, reply); break;
    case VERB_GET_MANIFEST: answer_manifest(q, arena, reply); break;
    case VERB_GET_SAMPLE: answer_sample(q, arena, reply); break;
    case VERB_GET_CHUNK: answer_chunk(q, arena, reply); break;
    case VERB_JUDGES: r_judges->judges = (struct list){judges, 2}, reply->body = r_judges; break;
    case VERB_PUT_EVIDENCE: answer_piece(q, arena, reply); break;
    case VERB_SUBMIT: return answer_submit(q, arena, reply);
    default: reply->code = OUTCOME_UNKNOWN_VERB; break;
    }
    return true;
}

static bool answer(struct fake *f, const struct request *request, struct arena *arena, struct reply *reply)
{
    pthread_mutex_lock(&f->lock);
    bool answered = answer_locked(request, arena, reply);
    pthread_mutex_unlock(&f->lock);
    return answered;
}

/* ---- what is true ---- */
static struct bytes sign(const struct identity *by, uint64_t kind, const void *body, uint8_t market_byte)
{
    struct statement s = {.kind = kind, .version = 1, .issued_at = 1000, .valid_until = 2000, .body = body};
    struct bytes bytes, envelope;
    uint8_t signature[64];
    memset(s.market, market_byte, 32);
    memcpy(s.party, identity_party(by), 32);
    assert_int_equal(statement_encode(&s, &memory, &bytes), TIDE_OK);
    identity_sign(by, DOMAIN_STATEMENT, bytes, signature);
    assert_int_equal(envelope_encode(bytes, signature, &memory, &envelope), TIDE_OK);
    return envelope;
}

/* The approval is record 0: the log's first leaf alone draws the samples. */
static struct bytes event_record(uint64_t index, uint64_t kind, const void *body)
{
    struct event event = {.kind = kind, .version = 1, .salt = {9}, .body = body};
    struct record record = {.type = RECORD_EVENT, .index = index, .time_ms = 1000};
    struct bytes out;
    assert_int_equal(event_encode(&event, &memory, &record.payload), TIDE_OK);
    assert_int_equal(record_encode(&record, &memory, &out), TIDE_OK);
    return out;
}

static uint8_t log_leaves[N_LEAVES][HASH_BYTES];

static enum tide_err log_node(void *ctx, unsigned level, uint64_t index, uint8_t out[HASH_BYTES])
{
    uint8_t left[HASH_BYTES], right[HASH_BYTES];
    if (level == 0) {
        memcpy(out, log_leaves[index], HASH_BYTES);
        return TIDE_OK;
    }
    enum tide_err err = log_node(ctx, level - 1, 2 * index, left);
    if (err == TIDE_OK) err = log_node(ctx, level - 1, 2 * index + 1, right);
    merkle_node_hash(left, right, out);
    return err;
}

static void log_build(void)
{
    struct merkle_tree tree = {0};
    struct checkpoint cp = {.size = N_LEAVES};
    struct note_key key;
    char note[CHECKPOINT_MAX], *text;
    size_t len;
    for (unsigned i = 0; i < N_LEAVES; i++) {
        merkle_leaf_hash(records[i].len > 0 ? records[i] : BYTES(&i, sizeof i), log_leaves[i]);
        merkle_append(&tree, log_leaves[i]);
    }
    merkle_root(&tree, cp.root);
    snprintf(cp.origin, sizeof cp.origin, "%s", fake.url.origin);
    assert_int_equal(note_key_init(cp.origin, NOTE_TYPE_ED25519, identity_log_public(fake.identity), &key), TIDE_OK);
    struct bytes signed_note = BYTES(note, checkpoint_sign(&cp, &key, identity_log_secret(fake.identity), note));
    struct merkle_store store = {NULL, log_node};
    for (unsigned i = 0; i < N_LEAVES; i++) {
        struct proof_file file = {.index = i, .checkpoint = signed_note};
        if (records[i].len == 0) continue;
        assert_int_equal(merkle_prove_inclusion(&store, i, N_LEAVES, &file.proof), TIDE_OK);
        assert_int_equal(proof_file_format(&file, &text, &len), TIDE_OK);
        proofs[i] = arena_copy(&memory, BYTES(text, len));
        free(text);
    }
}

/* Seals the content, `spoilt` of it wrongly (N: none), and commits to what it is then. */
static void content_seal(uint64_t spoilt)
{
    struct merkle_tree tree = {0};
    uint8_t key[32], plain[AGE_CHUNK_BYTES];
    publish = (struct body_publish){.kind = LISTING_DATASET,
                                    .title = BYTES_TEXT("Data"),
                                    .terms = BYTES_TEXT("Terms"),
                                    .plaintext_len = PLAIN_LEN,
                                    .n_chunks = N,
                                    .payload_len = age_payload_len(PLAIN_LEN),
                                    .samples = N_SAMPLES};
    memset(publish.nonce, 3, sizeof publish.nonce);
    memset(publish.right_operating, 1, HASH_BYTES);
    memset(file_key, 5, sizeof file_key);
    age_payload_key(file_key, publish.nonce, key);
    age_key_commitment(file_key, publish.nonce, publish.key_commitment);
    for (uint64_t i = 0; i < N; i++) {
        size_t len = age_sealed_chunk_len(PLAIN_LEN, i);
        plain_of(i, plain);
        age_chunk_seal(key, i, i + 1 == N, BYTES(plain, len - AGE_TAG_BYTES), sealed[i]);
        if (i == spoilt) sealed[i][11] ^= 1;
        merkle_leaf_hash(BYTES(sealed[i], len), leaves[i]);
        merkle_append(&tree, leaves[i]);
    }
    merkle_root(&tree, publish.content_root);
}

static void listing_fill(void)
{
    listing = (struct body_listing_row){.listing = LISTING,
                                        .kind = publish.kind,
                                        .title = publish.title,
                                        .state = LISTING_OPEN,
                                        .plaintext_len = PLAIN_LEN,
                                        .n_chunks = N,
                                        .samples = N_SAMPLES,
                                        .sampled = 50};
    memcpy(listing.vendor, identity_party(vendor), 32);
    memcpy(listing.nonce, publish.nonce, sizeof listing.nonce);
    memcpy(listing.content_root, publish.content_root, HASH_BYTES);
    memcpy(listing.key_commitment, publish.key_commitment, HASH_BYTES);
    sha256(publish.terms, listing.terms_hash);
    unsigned filler = 0;
    uint8_t leaf[HASH_BYTES];
    merkle_leaf_hash(BYTES(&filler, sizeof filler), leaf); /* the root of a log with that leaf alone */
    sample_seed(leaf, listing.seed);
    sample_draw(listing.seed, N, N_SAMPLES, drawn);
}

/* The samples as they are, but with another hash for the one drawn at `wrong`. */
static void samples_sign(const struct identity *by, size_t wrong, uint8_t market_byte)
{
    const struct body_sample body = {.listing = LISTING, .chunks = {samples, N_SAMPLES}};
    uint8_t plain[AGE_CHUNK_BYTES];
    for (size_t i = 0; i < N_SAMPLES; i++) {
        samples[i].chunk = drawn[i];
        plain_of(drawn[i], plain);
        sha256(BYTES(plain, age_sealed_chunk_len(PLAIN_LEN, drawn[i]) - AGE_TAG_BYTES), samples[i].hash);
        if (i == wrong) samples[i].hash[0] ^= 1;
    }
    sample_envelope = sign(by, KIND_SAMPLE, &body, market_byte);
}

static void trade_fill(void)
{
    struct body_order bid = {.listing = LISTING, .side = SIDE_BID, .price = 1000, .quantity = 1};
    struct body_order ask = {.listing = LISTING, .side = SIDE_ASK, .price = 1000, .unlimited = 1};
    uint8_t secret[32];
    trade = (struct body_trade_row){.trade = TRADE,
                                    .listing = LISTING,
                                    .bid = 50,
                                    .ask = 45,
                                    .price = 1000,
                                    .quantity = 1,
                                    .total = 1000,
                                    .state = TRADE_GRANTED,
                                    .title = publish.title,
                                    .grant = BYTES(grant, sizeof grant)};
    memcpy(trade.buyer, identity_party(buyer->id), 32);
    memcpy(trade.vendor, identity_party(vendor), 32);
    memset(trade.bid_command, 4, 16);
    identity_bid_key(buyer->id, trade.bid_command, 0, secret, trade.recipient);
    assert_int_equal(age_grant_seal(file_key, trade.recipient, grant), TIDE_OK);
    memcpy(bid.recipient, trade.recipient, 32);
    memcpy(bid.terms_hash, listing.terms_hash, HASH_BYTES);
    struct settlement s = {.origin = BYTES_TEXT(fake.url.origin),
                           .title = publish.title,
                           .trade = TRADE,
                           .listing = LISTING,
                           .quantity = 1,
                           .price = 1000,
                           .total = 1000,
                           .has_content = true};
    memcpy(s.vendor, trade.vendor, 32);
    memcpy(s.buyer, trade.buyer, 32);
    memcpy(s.content_root, publish.content_root, HASH_BYTES);
    memcpy(s.key_commitment, publish.key_commitment, HASH_BYTES);
    memcpy(s.terms_hash, listing.terms_hash, HASH_BYTES);
    trade.text = settlement_format(&s, &memory);
    memset(envelopes, 0, sizeof envelopes);
    envelopes[SIGNED_BID] = sign(buyer->id, KIND_ORDER, &bid, 7);
    envelopes[SIGNED_ASK] = sign(vendor, KIND_ORDER, &ask, 7);
    envelopes[SIGNED_LISTING] = sign(vendor, KIND_PUBLISH, &publish, 7);
}

static void log_fill(const struct identity *broker)
{
    struct certificate c = {.origin = BYTES_TEXT(fake.url.origin),
                            .title = publish.title,
                            .number = 1,
                            .listing = LISTING,
                            .kind = publish.kind,
                            .registered_ms = 1000,
                            .has_content = true};
    struct body_registered registered = {.listing = LISTING, .certificate = 1};
    struct body_opened opened = {.name = BYTES_TEXT("Fake"), .origin = BYTES_TEXT(fake.url.origin), .rules = 1};
    memcpy(c.vendor, identity_party(vendor), 32);
    memcpy(c.reviewer, identity_party(stranger), 32);
    memcpy(c.content_root, publish.content_root, HASH_BYTES);
    memcpy(c.key_commitment, publish.key_commitment, HASH_BYTES);
    memcpy(c.terms_hash, listing.terms_hash, HASH_BYTES);
    registered.text = certificate_format(&c, &memory);
    memcpy(opened.broker, identity_party(broker), 32);
    memcpy(opened.log_key, fake.url.log_key, 32);
    memcpy(opened.wire_key, fake.url.wire_key, 32);
    memcpy(opened.seal_key, identity_seal_public(broker), 32);
    struct parameter_value *parameters = arena_calloc(&memory, PARAM_N, sizeof *parameters);
    for (uint64_t i = 0; i < PARAM_N; i++) parameters[i].parameter = i;
    opened.parameters = (struct list){parameters, PARAM_N};
    records[OPENED] = event_record(OPENED, KIND_OPENED, &opened);
    records[REGISTERED] = event_record(REGISTERED, KIND_REGISTERED, &registered);
    log_build();
}

static void judge_fill(struct body_judge_row *row, const struct identity *id, const char *name)
{
    memcpy(row->party, identity_party(id), 32);
    memcpy(row->seal_key, identity_seal_public(id), 32);
    row->name = BYTES_TEXT(name);
}

/* An honest delivery of a content whose chunk `spoilt` is wrong (N: none is); a market of its own, that has seen nothing yet. */
static void delivered(uint64_t spoilt)
{
    char state_dir[96];
    static unsigned n_markets;
    struct tide_error e;
    tide_market_close(&market);
    fake_settle(&fake);
    arena_reset(&memory);
    memset(records, 0, sizeof records);
    content_seal(spoilt);
    listing_fill();
    samples_sign(vendor, N_SAMPLES, 7);
    trade_fill();
    log_fill(fake.identity);
    judge_fill(&judges[0], fake.identity, "The market");
    judge_fill(&judges[1], regulator, "Regulator");
    is_busy = forges_manifest = forges_chunk = interrupts = false;
    memset(asked, 0, sizeof asked);
    n_asked = n_pieces = n_stated = 0;
    put_len[0] = put_len[1] = 0;
    unlink(out_path);
    unlink(part_path);
    snprintf(state_dir, sizeof state_dir, "%s/%u", dir, n_markets++);
    const struct tide_options options = {
        .url = fake.url_text, .identity = buyer, .state_dir = state_dir, .timeout_ms = 5000};
    assert_int_equal(tide_market_open(&options, &market, &e), 0);
    handover();
}

/* ---- looking ---- */
static struct tide_error error;

static uint64_t of(const struct tide_doc *report, const char *field)
{
    return tide_doc_u64(report, field);
}

/* Fetches; the outcome, and the report's finding, chunk and chunks that came. */
static int fetch(uint64_t *finding, uint64_t *chunk, uint64_t *n_fetched)
{
    struct tide_doc *report;
    handover();
    int code = tide_fetch_report(market, TRADE, out_path, NULL, NULL, NULL, NULL, &report, &error);
    *finding = of(report, "finding");
    *chunk = of(report, "chunk");
    *n_fetched = of(report, "fetched_chunks");
    tide_doc_free(&report);
    handover();
    return code;
}

static int fetch_code(void)
{
    uint64_t finding, chunk, n;
    return fetch(&finding, &chunk, &n);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static void content_check(void)
{
    uint8_t plain[AGE_CHUNK_BYTES], wanted[AGE_CHUNK_BYTES];
    int fd = open(out_path, O_RDONLY);
    assert_true(fd >= 0);
    for (uint64_t i = 0; i < N; i++) {
        size_t len = age_sealed_chunk_len(PLAIN_LEN, i) - AGE_TAG_BYTES;
        plain_of(i, wanted);
        assert_true(read_at(fd, plain, len, i * AGE_CHUNK_BYTES));
        assert_memory_equal(plain, wanted, len);
    }
    assert_int_equal(lseek(fd, 0, SEEK_END), PLAIN_LEN);
    close(fd);
}

/* ---- fetching ---- */
static void a_good_delivery_comes_whole(void **state)
{
    uint64_t finding, chunk, n;
    (void)state;
    delivered(N);
    assert_int_equal(fetch(&finding, &chunk, &n), 0);
    assert_int_equal(finding, FINDING_NOT_PROVEN);
    assert_int_equal(n, N);
    assert_int_equal(n_asked, N);
    content_check();
    assert_false(exists(part_path));
}

static void a_busy_store_is_asked_again_for_the_same_chunk(void **state)
{
    uint64_t finding, chunk, n;
    (void)state;
    delivered(N);
    is_busy = true;
    assert_int_equal(fetch(&finding, &chunk, &n), 0);
    assert_int_equal(n, N);
    assert_int_equal(n_asked, 2 * N);
    content_check();
}

static void what_is_right_already_is_not_asked_for(void **state)
{
    static const uint64_t missing[] = {0, 15, 16, 38, 39};
    uint64_t finding, chunk, n;
    (void)state;
    delivered(N);
    int fd = open(part_path, O_RDWR | O_CREAT, 0600);
    for (uint64_t i = 0; i < N - 2; i++) /* the file ends before the last two */
        assert_true(write_at(fd, sealed[i], AGE_SEALED_CHUNK_BYTES, AGE_NONCE_BYTES + i * AGE_SEALED_CHUNK_BYTES));
    for (size_t i = 0; i < 3; i++)
        assert_true(write_at(fd, "x", 1, AGE_NONCE_BYTES + missing[i] * AGE_SEALED_CHUNK_BYTES));
    close(fd);
    assert_int_equal(fetch(&finding, &chunk, &n), 0);
    assert_int_equal(n, ARRAY_LEN(missing));
    assert_int_equal(n_asked, ARRAY_LEN(missing));
    content_check();
}

/* Whatever has the name of the download's file: it is not written through a link, nor by two at once. */
static void a_download_is_a_file_of_its_own(void **state)
{
    char precious[sizeof out_path + 16], text[4] = "";
    uint64_t finding, chunk, n_fetched;
    (void)state;
    delivered(N);
    snprintf(precious, sizeof precious, "%s.precious", out_path);
    assert_int_equal(file_store(precious, 0600, BYTES_TEXT("mine"), NULL), 0);
    assert_int_equal(symlink(precious, part_path), 0);
    assert_int_equal(fetch(&finding, &chunk, &n_fetched), OUTCOME_C_FILE);
    int fd = open(precious, O_RDONLY);
    assert_true(read_at(fd, text, sizeof text, 0));
    assert_memory_equal(text, "mine", sizeof text);
    close(fd);
    unlink(part_path);
    fd = open(part_path, O_RDWR | O_CREAT, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(fetch(&finding, &chunk, &n_fetched), OUTCOME_C_FILE);
    assert_int_equal(n_asked, 0);
    close(fd);
    snprintf(precious, sizeof precious, "%s.tidemark-part", out_path); /* a run that was killed left this */
    assert_int_equal(file_store(precious, 0600, BYTES(sealed, sizeof sealed), NULL), 0);
    assert_int_equal(fetch(&finding, &chunk, &n_fetched), 0);
    content_check();
    assert_false(exists(part_path) || exists(precious));
    unlink(out_path);
    delivered(N);
    assert_int_equal(mkfifo(out_path, 0600), 0); /* and nothing takes the place of what is no file */
    assert_int_equal(fetch(&finding, &chunk, &n_fetched), OUTCOME_C_FILE);
    assert_int_equal(n_asked, 0);
    unlink(out_path);
}

/* A broker that names another trade of one's own as what an order came to. */
static void what_was_bought_alone_is_accepted(void **state)
{
    (void)state;
    delivered(N);
    atomic_store(&fake.n_submits, 0);
    assert_int_equal(tide_accept_of(market, LISTING + 1, TRADE, NULL, &error), OUTCOME_V_FAILED);
    assert_int_equal(tide_accept_of(market, 0, TRADE, NULL, &error), OUTCOME_NO_SUCH_LISTING);
    assert_int_equal(atomic_load(&fake.n_submits), 0);
    assert_int_equal(tide_accept_of(market, LISTING, TRADE, NULL, &error), 0);
    assert_int_equal(atomic_load(&fake.n_submits), 1);
}

static void a_store_that_forges_gets_nothing_written(void **state)
{
    (void)state;
    delivered(N);
    forges_manifest = true;
    assert_int_equal(fetch_code(), OUTCOME_V_FAILED);
    assert_int_equal(n_asked, 0);
    delivered(N);
    forges_chunk = true;
    assert_int_equal(fetch_code(), OUTCOME_V_FAILED);
    assert_false(exists(out_path));
}

/* ---- bad deliveries ---- */
static void a_spoilt_chunk_is_named(void **state)
{
    uint64_t finding, chunk, n;
    (void)state;
    delivered(17);
    assert_int_equal(fetch(&finding, &chunk, &n), OUTCOME_V_DAMAGED);
    assert_int_equal(finding, FINDING_BAD_CIPHERTEXT);
    assert_int_equal(chunk, 17);
    assert_non_null(strstr(error.message, "Chunk 17 of 40"));
    assert_false(exists(out_path));
    assert_true(exists(part_path));
}

static void a_bad_grant_costs_no_download(void **state)
{
    uint64_t finding, chunk, n;
    uint8_t other_key[AGE_FILE_KEY_BYTES] = {1};
    (void)state;
    delivered(N);
    assert_int_equal(age_grant_seal(other_key, trade.recipient, grant), TIDE_OK);
    assert_int_equal(fetch(&finding, &chunk, &n), OUTCOME_V_DAMAGED);
    assert_int_equal(finding, FINDING_WRONG_KEY);
    assert_int_equal(age_grant_seal(file_key, identity_seal_public(stranger), grant), TIDE_OK);
    assert_int_equal(fetch(&finding, &chunk, &n), OUTCOME_V_DAMAGED);
    assert_int_equal(finding, FINDING_GRANT_UNREADABLE);
    assert_int_equal(n_asked, 0);
    assert_false(exists(out_path));
}

static void another_sample_than_the_content_is_named(void **state)
{
    uint64_t finding, chunk, n;
    (void)state;
    delivered(N);
    samples_sign(vendor, 1, 7);
    assert_int_equal(fetch(&finding, &chunk, &n), OUTCOME_V_DAMAGED);
    assert_int_equal(finding, FINDING_SAMPLE_MISMATCH);
    assert_int_equal(chunk, drawn[1]);
    assert_false(exists(out_path));
}

/* A broker that shows other samples than the vendor signed, or hides that there are any. */
static void samples_are_believed_of_the_vendor_alone(void **state)
{
    (void)state;
    delivered(N);
    samples_sign(stranger, N_SAMPLES, 7);
    assert_int_equal(fetch_code(), OUTCOME_V_FAILED);
    samples_sign(vendor, N_SAMPLES, 8); /* another market's */
    assert_int_equal(fetch_code(), OUTCOME_V_FAILED);
    uint64_t first = drawn[0];
    drawn[0] = (first + 1) % N == drawn[1] ? (first + 2) % N : (first + 1) % N;
    samples_sign(vendor, N_SAMPLES, 7); /* not those drawn */
    assert_int_equal(fetch_code(), OUTCOME_V_FAILED);
    delivered(N);
    listing.samples = 0;
    assert_int_equal(fetch_code(), OUTCOME_V_FAILED);
    assert_int_equal(n_asked, 0);
}

static int sample_code(void)
{
    handover();
    return tide_sample_fetch(market, LISTING, out_path, NULL, &error);
}

static void samples_are_shown_as_they_were_signed(void **state)
{
    uint8_t plain[AGE_CHUNK_BYTES], wanted[AGE_CHUNK_BYTES], hash[HASH_BYTES];
    struct tide_doc *report;
    uint64_t at = 0;
    size_t len;
    (void)state;
    delivered(N);
    assert_int_equal(tide_sample_fetch(market, LISTING, out_path, &report, &error), 0);
    assert_int_equal(tide_doc_count(report, "chunks"), N_SAMPLES);
    int fd = open(out_path, O_RDONLY);
    for (size_t i = 0; i < N_SAMPLES; i++) {
        const struct tide_doc *row = tide_doc_item(report, "chunks", i);
        if (i > 0) assert_true(of(row, "chunk") > of(tide_doc_item(report, "chunks", i - 1), "chunk"));
        assert_int_equal(of(row, "offset"), of(row, "chunk") * AGE_CHUNK_BYTES);
        plain_of(of(row, "chunk"), wanted);
        assert_true(read_at(fd, plain, of(row, "len"), at));
        assert_memory_equal(plain, wanted, of(row, "len"));
        sha256(BYTES(plain, of(row, "len")), hash);
        assert_memory_equal(tide_doc_bytes(row, "hash", &len), hash, HASH_BYTES);
        at += of(row, "len");
    }
    assert_int_equal(lseek(fd, 0, SEEK_END), at);
    assert_int_equal(of(report, "bytes"), at);
    close(fd);
    tide_doc_free(&report);

    delivered(N);
    forges_chunk = true;
    assert_int_equal(sample_code(), OUTCOME_V_FAILED);
    delivered(N);
    samples_sign(stranger, N_SAMPLES, 7);
    assert_int_equal(sample_code(), OUTCOME_V_FAILED);
    delivered(N);
    listing.seed[0] ^= 1; /* other chunks are drawn then */
    assert_int_equal(sample_code(), OUTCOME_V_FAILED);
    delivered(N);
    listing.seed[0] ^= 1; /* and a vendor who is in it signs these */
    sample_draw(listing.seed, N, N_SAMPLES, drawn);
    samples_sign(vendor, N_SAMPLES, 7);
    assert_int_equal(sample_code(), OUTCOME_V_FAILED);
    delivered(N);
    sample_envelope = (struct bytes){NULL, 0};
    assert_int_equal(sample_code(), OUTCOME_WRONG_STATE);
    assert_false(exists(out_path));
}

static void an_examination_finds_what_a_fetch_does(void **state)
{
    struct tide_doc *report;
    (void)state;
    delivered(17);
    assert_int_equal(tide_examine(market, TRADE, -1, NULL, NULL, &report, &error), 0);
    assert_int_equal(of(report, "finding"), FINDING_BAD_CIPHERTEXT);
    assert_int_equal(of(report, "chunk"), 17);
    assert_int_equal(of(report, "n_checked"), 18);
    tide_doc_free(&report);
    assert_int_equal(tide_examine(market, TRADE, 3, NULL, NULL, &report, &error), 0);
    assert_int_equal(of(report, "finding"), FINDING_NOT_PROVEN);
    assert_int_equal(of(report, "fetched_chunks"), 1);
    tide_doc_free(&report);
    assert_int_equal(tide_examine(market, TRADE, N, NULL, NULL, &report, &error), OUTCOME_C_USAGE);
    assert_null(report);
}

/* ---- disputing ---- */
static int dispute(int64_t chunk, struct tide_doc **answered)
{
    handover();
    int code = tide_dispute(market, TRADE, chunk, answered, &error);
    handover();
    return code;
}

static int verdict(int timeout_ms, struct tide_doc **row)
{
    handover();
    int code = tide_verdict_wait(market, TRADE, timeout_ms, row, &error);
    handover();
    return code;
}

/* What one of those who judge finds in the evidence that was handed in. */
static enum finding found_by(const struct identity *who, unsigned which, uint64_t *chunk)
{
    struct delivery d = {.has_content = true, .grant = trade.grant, .samples = samples, .n_samples = N_SAMPLES};
    enum finding finding;
    struct arena arena;
    handover();
    arena_init(&arena, 4 * LIMIT_EVIDENCE_BYTES);
    memcpy(d.recipient, trade.recipient, 32);
    listing_commitment(&listing, &d.content);
    assert_int_equal(
        judge_sealed(&d, BYTES(put[which], put_len[which]), identity_seal_secret(who), identity_seal_public(fake.identity),
                     &arena, &finding, chunk),
        TIDE_OK);
    arena_deinit(&arena);
    return finding;
}

static void evidence_proves_it_to_those_who_judge_alone(void **state)
{
    struct tide_doc *answer;
    uint8_t hash[HASH_BYTES];
    uint64_t chunk;
    (void)state;
    delivered(17);
    assert_int_equal(dispute(17, &answer), 0);
    assert_int_equal(of(answer, "first_index"), 70);
    tide_doc_free(&answer);
    assert_int_equal(found_by(fake.identity, 0, &chunk), FINDING_BAD_CIPHERTEXT);
    assert_int_equal(chunk, 17);
    assert_int_equal(found_by(regulator, 0, &chunk), FINDING_BAD_CIPHERTEXT);
    assert_int_equal(found_by(stranger, 0, &chunk), FINDING_EVIDENCE_INVALID);
    sha256(BYTES(put[0], put_len[0]), hash);
    assert_memory_equal(stated_hash, hash, HASH_BYTES);
    assert_int_equal(n_asked, 1);

    delivered(N);
    assert_int_equal(age_grant_seal((const uint8_t[AGE_FILE_KEY_BYTES]){1}, trade.recipient, grant), TIDE_OK);
    assert_int_equal(dispute(-1, NULL), 0);
    assert_int_equal(found_by(fake.identity, 0, &chunk), FINDING_WRONG_KEY);
    assert_int_equal(n_asked, 0);
}

/* Another machine of the buyer's may put its own evidence before this one is stated: what was stated is put again. */
static void what_was_stated_is_what_is_there(void **state)
{
    uint8_t hash[HASH_BYTES];
    (void)state;
    delivered(17);
    assert_int_equal(dispute(17, NULL), 0);
    assert_true(put_len[1] > 0); /* after it was stated */
    sha256(BYTES(put[1], put_len[1]), hash);
    assert_memory_equal(stated_hash, hash, HASH_BYTES);
}

/* Two at once in one place: the second waits for the first, and can be stopped meanwhile. */
static void disputes_wait_for_one_another(void **state)
{
    char path[128];
    (void)state;
    delivered(17);
    snprintf(path, sizeof path, "%s/evidence.lock", market->state_dir);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    tide_market_interrupt(market);
    assert_int_equal(dispute(17, NULL), OUTCOME_C_INTERRUPTED);
    assert_int_equal(n_pieces + n_stated, 0);
    close(fd);
    assert_int_equal(dispute(17, NULL), 0);
    assert_int_equal(n_stated, 1);
}

static void a_good_grant_alone_is_no_evidence(void **state)
{
    (void)state;
    delivered(N);
    assert_int_equal(dispute(-1, NULL), OUTCOME_C_USAGE);
    assert_int_equal(dispute(N, NULL), OUTCOME_C_USAGE);
    assert_int_equal(n_pieces + n_stated, 0);
}

/* Sealing is randomised: what was stated, and perhaps accepted, must be what is there. */
static void after_an_interruption_the_same_evidence_is_stated(void **state)
{
    uint8_t first[HASH_BYTES];
    (void)state;
    delivered(17);
    interrupts = true;
    assert_int_equal(dispute(17, NULL), OUTCOME_C_INTERRUPTED);
    assert_int_equal(n_stated, 1);
    memcpy(first, stated_hash, HASH_BYTES);
    assert_int_equal(dispute(17, NULL), 0);
    assert_int_equal(n_stated, 2);
    assert_memory_equal(stated_hash, first, HASH_BYTES);
    assert_int_equal(put_len[1], put_len[0]);
    assert_memory_equal(put[1], put[0], put_len[0]);
    trade.state = TRADE_DISPUTED, trade.dispute = 70;
    assert_int_equal(dispute(17, NULL), 0); /* done before: nothing more is said */
    assert_int_equal(n_stated, 2);
}

/* A broker that names a key which is not its own could say afterwards that the evidence does not open. */
static void evidence_is_sealed_to_the_brokers_own_key(void **state)
{
    (void)state;
    delivered(17);
    judge_fill(&judges[0], stranger, "The market");
    assert_int_equal(dispute(17, NULL), OUTCOME_V_FAILED);
    delivered(17);
    records[OPENED] = (struct bytes){NULL, 0}; /* hidden */
    assert_int_equal(dispute(17, NULL), OUTCOME_V_FAILED);
    delivered(17);
    log_fill(stranger);
    assert_int_equal(dispute(17, NULL), OUTCOME_V_FAILED);
    assert_int_equal(n_pieces + n_stated, 0);
}

static void the_verdict_is_waited_for(void **state)
{
    struct tide_doc *row;
    (void)state;
    delivered(N);
    assert_int_equal(verdict(1000, &row), OUTCOME_WRONG_STATE);
    trade.state = TRADE_DISPUTED, trade.dispute = 70;
    assert_int_equal(verdict(200, &row), OUTCOME_C_TIMEOUT);
    trade.state = TRADE_REFUNDED, trade.verdict = 72, trade.finding = FINDING_WRONG_KEY;
    assert_int_equal(verdict(1000, &row), 0);
    assert_string_equal(tide_doc_text(row, "finding"), "wrong_key");
    tide_doc_free(&row);
}

static int setup(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL || !fake_start(&fake, answer)) return -1;
    if (tide_identity_new(&buyer, NULL) != 0 || identity_new(&vendor) != TIDE_OK) return -1;
    if (identity_new(&stranger) != TIDE_OK || identity_new(&regulator) != TIDE_OK) return -1;
    snprintf(out_path, sizeof out_path, "%s/out", dir);
    snprintf(part_path, sizeof part_path, "%s.part", out_path);
    arena_init(&memory, 1u << 20);
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    tide_market_close(&market);
    tide_identity_free(&buyer);
    identity_free(&vendor);
    identity_free(&stranger);
    identity_free(&regulator);
    fake_stop(&fake);
    arena_deinit(&memory);
    return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_delivery_comes_whole),
        cmocka_unit_test(a_busy_store_is_asked_again_for_the_same_chunk),
        cmocka_unit_test(what_is_right_already_is_not_asked_for),
        cmocka_unit_test(a_download_is_a_file_of_its_own),
        cmocka_unit_test(what_was_bought_alone_is_accepted),
        cmocka_unit_test(a_store_that_forges_gets_nothing_written),
        cmocka_unit_test(a_spoilt_chunk_is_named),
        cmocka_unit_test(a_bad_grant_costs_no_download),
        cmocka_unit_test(another_sample_than_the_content_is_named),
        cmocka_unit_test(samples_are_believed_of_the_vendor_alone),
        cmocka_unit_test(samples_are_shown_as_they_were_signed),
        cmocka_unit_test(an_examination_finds_what_a_fetch_does),
        cmocka_unit_test(evidence_proves_it_to_those_who_judge_alone),
        cmocka_unit_test(what_was_stated_is_what_is_there),
        cmocka_unit_test(disputes_wait_for_one_another),
        cmocka_unit_test(a_good_grant_alone_is_no_evidence),
        cmocka_unit_test(after_an_interruption_the_same_evidence_is_stated),
        cmocka_unit_test(evidence_is_sealed_to_the_brokers_own_key),
        cmocka_unit_test(the_verdict_is_waited_for),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
