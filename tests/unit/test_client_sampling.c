/*
 * A broker that asks a vendor's library for samples: it gets those of the one draw that the log has, and of whatever else
 * it shows, nothing: no statement, no chunk.
 */
#include "client/lib/jobs.h"
#include "storage/certificate.h"
#include "storage/sample_draw.h"
#include "tests/unit/fake_broker.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* Listings that a test asks about, by the record of their `publish` + 1, and where the log has what of them. */
enum { N_LEAVES = 61, HONEST = 11, UNDRAWN = 21, FOREIGN = 31, OTHERS_DRAW = 41, LATE = 57, REGISTERED_AFTER = 3, DRAWN_AFTER = 3 };
enum { N_CHUNKS = 46, N_SAMPLES = 2, PLAIN_BYTES = N_CHUNKS * 65536 - 100 };

static char dir[] = "/tmp/tidemark-test-sampling.XXXXXX";
static char sealed_path[sizeof dir + 16];
static struct fake fake;
static struct tide_identity *vendor, *other;
static struct tide_market *market;
static uint8_t *plain;
static struct arena memory;
static struct bytes records[N_LEAVES], proofs[N_LEAVES];
static uint8_t leaves[N_LEAVES][HASH_BYTES], seed[HASH_BYTES];
/* What the broker shows; the fake's lock guards it. */
static struct body_listing_row row;
static struct body_publish publish;
/* What it got. */
static unsigned n_put;
static uint64_t put_chunks[8];
static bool put_right;

/* ---- the log ---- */
static struct bytes record_of(enum record_type type, uint64_t index, struct bytes payload)
{
    struct record record = {.type = type, .index = index, .time_ms = 1000, .payload = payload};
    struct bytes out;
    assert_int_equal(record_encode(&record, &memory, &out), TIDE_OK);
    return out;
}

static struct bytes event_record(uint64_t index, uint64_t kind, const void *body)
{
    struct event event = {.kind = kind, .version = 1, .cause_index = index - 1, .salt = {9}, .body = body};
    struct bytes payload;
    assert_int_equal(event_encode(&event, &memory, &payload), TIDE_OK);
    return record_of(RECORD_EVENT, index, payload);
}

static struct bytes publish_record(uint64_t index, const struct identity *by)
{
    struct statement s = {.kind = KIND_PUBLISH, .version = 1, .issued_at = 1000, .valid_until = 2000, .body = &publish};
    struct bytes bytes, envelope;
    uint8_t signature[64];
    memset(s.market, 7, 32);
    memcpy(s.party, identity_party(by), 32);
    assert_int_equal(statement_encode(&s, &memory, &bytes), TIDE_OK);
    identity_sign(by, DOMAIN_STATEMENT, bytes, signature);
    assert_int_equal(envelope_encode(bytes, signature, &memory, &envelope), TIDE_OK);
    return record_of(RECORD_STATEMENT, index, envelope);
}

static struct bytes registered_record(uint64_t index, uint64_t listing)
{
    struct certificate c = {.origin = BYTES_TEXT(fake.url.origin), .title = publish.title, .number = index,
                            .listing = listing, .kind = publish.kind, .registered_ms = 1000, .has_content = true};
    struct body_registered body = {.listing = listing, .certificate = index};
    memcpy(c.vendor, identity_party(vendor->id), 32);
    memcpy(c.reviewer, identity_party(fake.identity), 32);
    memcpy(c.content_root, publish.content_root, HASH_BYTES);
    memcpy(c.key_commitment, publish.key_commitment, HASH_BYTES);
    sha256(publish.terms, c.terms_hash);
    body.text = certificate_format(&c, &memory);
    return event_record(index, KIND_REGISTERED, &body);
}

static void listing_record(uint64_t listing, const struct identity *by, uint64_t drawn_for)
{
    struct body_sample_drawn drawn = {.listing = drawn_for};
    uint64_t at = listing + REGISTERED_AFTER;
    memcpy(drawn.seed, seed, HASH_BYTES);
    records[listing - 1] = publish_record(listing - 1, by);
    records[at] = registered_record(at, listing);
    if (drawn_for != 0) records[at + DRAWN_AFTER] = event_record(at + DRAWN_AFTER, KIND_SAMPLE_DRAWN, &drawn);
}

/* What the log draws for that listing: of its leaves before the registration, whose cause is the last of them. */
static void seed_make(uint64_t listing)
{
    struct merkle_tree tree = {0};
    uint8_t leaf[HASH_BYTES], root[HASH_BYTES];
    for (unsigned i = 0; i < listing + REGISTERED_AFTER; i++) {
        merkle_leaf_hash(records[i].len > 0 ? records[i] : BYTES(&i, sizeof i), leaf);
        merkle_append(&tree, leaf);
    }
    merkle_root(&tree, root);
    sample_seed(root, seed);
}

static enum tide_err log_node(void *ctx, unsigned level, uint64_t index, uint8_t out[HASH_BYTES])
{
    uint8_t left[HASH_BYTES], right[HASH_BYTES];
    if (level == 0) {
        memcpy(out, leaves[index], HASH_BYTES);
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
    struct merkle_store store = {NULL, log_node};
    struct note_key key;
    char note[CHECKPOINT_MAX], *text;
    size_t len;
    for (unsigned i = 0; i < N_LEAVES; i++) {
        merkle_leaf_hash(records[i].len > 0 ? records[i] : BYTES(&i, sizeof i), leaves[i]);
        merkle_append(&tree, leaves[i]);
    }
    merkle_root(&tree, cp.root);
    snprintf(cp.origin, sizeof cp.origin, "%s", fake.url.origin);
    assert_int_equal(note_key_init(cp.origin, NOTE_TYPE_ED25519, identity_log_public(fake.identity), &key), TIDE_OK);
    struct bytes signed_note = BYTES(note, checkpoint_sign(&cp, &key, identity_log_secret(fake.identity), note));
    for (unsigned i = 0; i < N_LEAVES; i++) {
        struct proof_file file = {.index = i, .checkpoint = signed_note};
        if (records[i].len == 0) continue;
        assert_int_equal(merkle_prove_inclusion(&store, i, N_LEAVES, &file.proof), TIDE_OK);
        assert_int_equal(proof_file_format(&file, &text, &len), TIDE_OK);
        proofs[i] = arena_copy(&memory, BYTES(text, len));
        free(text);
    }
}

/* ---- the broker ---- */
static void put_note(const struct body_q_put_sample *put)
{
    size_t len = put->chunk + 1 < N_CHUNKS ? 65536 : 65536 - 100;
    bool right = put->chunk < N_CHUNKS && put->plain.len == len && memcmp(put->plain.data, plain + put->chunk * 65536, len) == 0;
    put_right = (n_put == 0 || put_right) && right;
    if (n_put < ARRAY_LEN(put_chunks)) put_chunks[n_put] = put->chunk;
    n_put++;
}

static bool answer_shown(const struct request *request, struct arena *arena, struct reply *reply)
{
    struct body_r_listing *listing = arena_calloc(arena, 1, sizeof *listing);
    struct body_r_proof *proof = arena_calloc(arena, 1, sizeof *proof);
    struct body_r_certificate *certificate = arena_calloc(arena, 1, sizeof *certificate);
    uint64_t index = request->verb->verb == VERB_PROOF ? ((const struct body_q_index *)request->body)->index
                                                       : row.listing + REGISTERED_AFTER;
    switch (request->verb->verb) {
    case VERB_LISTING:
        listing->row = (struct list){(void *)(uintptr_t)arena_copy(arena, BYTES(&row, sizeof row)).data, 1};
        listing->published = (struct list){(void *)(uintptr_t)arena_copy(arena, BYTES(&publish, sizeof publish)).data, 1};
        reply->body = listing;
        return true;
    case VERB_PROOF:
        *proof = (struct body_r_proof){.record = records[index], .proof = proofs[index]};
        reply->body = proof;
        if (records[index].len == 0) reply->code = OUTCOME_NO_SUCH_RECORD;
        return true;
    case VERB_CERTIFICATE:
        *certificate = (struct body_r_certificate){
            .note = BYTES_TEXT("of no use here"), .record = records[index], .proof = proofs[index]};
        reply->body = certificate;
        return true;
    default: return false;
    }
}

static bool answer(struct fake *f, const struct request *request, struct arena *arena, struct reply *reply)
{
    bool answered = true;
    pthread_mutex_lock(&f->lock);
    if (request->verb->verb == VERB_SUBMIT) {
        struct body_r_submit *submit = arena_calloc(arena, 1, sizeof *submit);
        submit->first_index = 60;
        reply->body = submit;
    } else if (request->verb->verb == VERB_PUT_SAMPLE) {
        put_note(request->body);
        reply->body = arena_calloc(arena, 1, sizeof(struct body_r_put));
    } else {
        answered = answer_shown(request, arena, reply);
    }
    pthread_mutex_unlock(&f->lock);
    return answered;
}

/* The row of that listing, drawn and waiting for its samples. */
static void show(uint64_t listing)
{
    pthread_mutex_lock(&fake.lock);
    row = (struct body_listing_row){.listing = listing, .kind = publish.kind, .title = publish.title, .state = LISTING_SAMPLING,
                                    .plaintext_len = publish.plaintext_len, .n_chunks = publish.n_chunks,
                                    .samples = publish.samples};
    memcpy(row.vendor, identity_party(vendor->id), 32);
    memcpy(row.nonce, publish.nonce, sizeof row.nonce);
    memcpy(row.content_root, publish.content_root, HASH_BYTES);
    memcpy(row.key_commitment, publish.key_commitment, HASH_BYTES);
    memcpy(row.seed, seed, HASH_BYTES);
    sha256(publish.terms, row.terms_hash);
    n_put = 0;
    pthread_mutex_unlock(&fake.lock);
    atomic_store(&fake.n_submits, 0);
    market->registered_at = 0;
}

static int ask(bool *answered)
{
    const struct progress p = {.market = market, .what = "sample"};
    struct tide_error e;
    pthread_mutex_lock(&fake.lock);
    uint64_t listing = row.listing;
    pthread_mutex_unlock(&fake.lock);
    int code = samples_answer(market, listing, sealed_path, &p, answered, &e);
    pthread_mutex_lock(&fake.lock); /* from here on, what the broker's thread kept may be read */
    pthread_mutex_unlock(&fake.lock);
    return code;
}

static void gets_nothing(int code)
{
    bool answered;
    assert_int_equal(ask(&answered), code);
    assert_false(answered);
    assert_int_equal(atomic_load(&fake.n_submits), 0);
    assert_int_equal(n_put, 0);
}

/* ---- tests ---- */

static void the_chunks_that_the_log_drew_are_signed_and_shown(void **state)
{
    struct statement s;
    struct bytes bytes;
    const uint8_t *signature;
    uint64_t drawn[N_SAMPLES];
    uint8_t hash[HASH_BYTES];
    bool answered;
    (void)state;
    show(HONEST);
    assert_int_equal(ask(&answered), 0);
    assert_true(answered);
    assert_int_equal(atomic_load(&fake.n_submits), 1);
    assert_int_equal(envelope_decode(BYTES(fake.first_submit, fake.first_submit_len), &memory, &bytes, &signature), TIDE_OK);
    assert_int_equal(statement_decode(bytes, &memory, &s), TIDE_OK);
    assert_int_equal(s.kind, KIND_SAMPLE);
    const struct body_sample *body = s.body;
    const struct sample_chunk *chunks = body->chunks.items;
    sample_draw(seed, N_CHUNKS, N_SAMPLES, drawn);
    assert_int_equal(body->listing, HONEST);
    assert_int_equal(body->chunks.n, N_SAMPLES);
    assert_int_equal(n_put, N_SAMPLES);
    assert_true(put_right);
    for (size_t i = 0; i < N_SAMPLES; i++) {
        size_t len = drawn[i] + 1 < N_CHUNKS ? 65536 : 65536 - 100;
        sha256(BYTES(plain + drawn[i] * 65536, len), hash);
        assert_int_equal(chunks[i].chunk, drawn[i]);
        assert_memory_equal(chunks[i].hash, hash, HASH_BYTES);
        assert_int_equal(put_chunks[i], drawn[i]);
    }
}

static void what_was_signed_before_is_shown_only(void **state)
{
    bool answered;
    (void)state;
    show(HONEST), row.sampled = 50;
    assert_int_equal(ask(&answered), 0);
    assert_true(answered);
    assert_int_equal(atomic_load(&fake.n_submits), 0);
    assert_int_equal(n_put, N_SAMPLES);
}

static void another_seed_gets_nothing(void **state)
{
    (void)state;
    show(HONEST), row.seed[0] ^= 1;
    gets_nothing(OUTCOME_V_FAILED);
}

static void more_than_was_promised_gets_nothing(void **state)
{
    (void)state;
    show(HONEST), row.samples = N_SAMPLES + 1;
    gets_nothing(OUTCOME_V_FAILED);
    show(HONEST), row.n_chunks--;
    gets_nothing(OUTCOME_V_FAILED);
    show(HONEST), row.nonce[0] ^= 1;
    gets_nothing(OUTCOME_V_FAILED);
}

static void a_draw_that_is_not_the_logs_gets_nothing(void **state)
{
    (void)state;
    show(UNDRAWN);
    gets_nothing(OUTCOME_V_FAILED);
    show(OTHERS_DRAW);
    gets_nothing(OUTCOME_V_FAILED);
}

/* Whatever the log's shape is: the last leaf of an uneven one. */
static void the_last_approval_of_the_log_draws_too(void **state)
{
    uint8_t honest[HASH_BYTES];
    bool answered;
    (void)state;
    show(LATE);
    gets_nothing(OUTCOME_V_FAILED);
    memcpy(honest, seed, HASH_BYTES);
    seed_make(LATE), show(LATE);
    assert_int_equal(ask(&answered), 0);
    assert_int_equal(n_put, N_SAMPLES);
    memcpy(seed, honest, HASH_BYTES);
}

static void a_listing_of_somebody_else_gets_nothing(void **state)
{
    (void)state;
    show(FOREIGN);
    gets_nothing(OUTCOME_C_BAD_IDENTITY);
}

/* An ask names a number, which the broker gave: it must be that of what was published now. */
static void a_number_of_another_listing_is_seen(void **state)
{
    struct tide_doc *doc;
    struct tide_error e;
    (void)state;
    doc = doc_new(&schema_publish);
    assert_non_null(doc);
    struct body_publish *meant = doc->value;
    *meant = publish;
    assert_int_equal(tide_listing_check(market, HONEST, doc, &e), 0);
    assert_int_equal(tide_listing_check(market, FOREIGN, doc, &e), OUTCOME_C_BAD_IDENTITY);
    assert_int_equal(tide_listing_check(market, HONEST + 1, doc, &e), OUTCOME_NO_SUCH_RECORD);
    meant->key_commitment[0] ^= 1;
    assert_int_equal(tide_listing_check(market, HONEST, doc, &e), OUTCOME_V_FAILED);
    *meant = publish, meant->title = BYTES_TEXT("Other data");
    assert_int_equal(tide_listing_check(market, HONEST, doc, &e), OUTCOME_V_FAILED);
    *meant = publish, meant->detail_len = 1;
    memset(meant->detail_commitment, 1, HASH_BYTES);
    assert_int_equal(tide_listing_check(market, HONEST, doc, &e), OUTCOME_V_FAILED);
    tide_doc_free(&doc);
}

static void nothing_is_done_where_nothing_is_drawn(void **state)
{
    (void)state;
    show(HONEST), row.state = LISTING_PENDING;
    gets_nothing(0);
    show(HONEST), row.state = LISTING_OPEN;
    gets_nothing(0);
    show(HONEST), memset(row.seed, 0, sizeof row.seed);
    gets_nothing(0);
}

/* ---- setup ---- */
static bool content_make(void)
{
    char path[sizeof dir + 16];
    struct age_commitment c;
    const struct progress quiet = {.what = "seal"};
    snprintf(path, sizeof path, "%s/plain", dir);
    snprintf(sealed_path, sizeof sealed_path, "%s/plain.tide", dir);
    plain = malloc(PLAIN_BYTES);
    if (plain == NULL) return false;
    for (size_t i = 0; i < PLAIN_BYTES; i++) plain[i] = (uint8_t)(i / 65536 * 7 + i);
    if (file_store(path, 0600, BYTES(plain, PLAIN_BYTES), NULL) != 0) return false;
    if (file_seal(vendor->id, path, sealed_path, &quiet, &c, NULL) != 0) return false;
    publish = (struct body_publish){.kind = LISTING_DATASET, .title = BYTES_TEXT("Data"), .terms = BYTES_TEXT("Terms"),
                                    .plaintext_len = c.plaintext_len, .n_chunks = c.n_chunks, .samples = N_SAMPLES,
                                    .payload_len = age_payload_len(c.plaintext_len)};
    memcpy(publish.nonce, c.nonce, sizeof publish.nonce);
    memcpy(publish.content_root, c.content_root, HASH_BYTES);
    memcpy(publish.key_commitment, c.key_commitment, HASH_BYTES);
    return true;
}

static int setup(void **state)
{
    struct tide_error e;
    (void)state;
    if (mkdtemp(dir) == NULL || !fake_start(&fake, answer)) return -1;
    if (tide_identity_new(&vendor, NULL) != 0 || tide_identity_new(&other, NULL) != 0 || !content_make()) return -1;
    arena_init(&memory, 1u << 20);
    listing_record(HONEST, vendor->id, 0);
    seed_make(HONEST);
    listing_record(HONEST, vendor->id, HONEST);
    listing_record(UNDRAWN, vendor->id, 0);
    listing_record(FOREIGN, other->id, FOREIGN);
    listing_record(OTHERS_DRAW, vendor->id, OTHERS_DRAW); /* as the broker has it in its log; not what the log drew */
    listing_record(LATE, vendor->id, 0);
    log_build();
    struct tide_options options = {.url = fake.url_text, .identity = vendor, .state_dir = dir, .timeout_ms = 5000};
    return tide_market_open(&options, &market, &e);
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
    tide_identity_free(&vendor);
    tide_identity_free(&other);
    fake_stop(&fake);
    arena_deinit(&memory);
    free(plain);
    return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_chunks_that_the_log_drew_are_signed_and_shown),
        cmocka_unit_test(what_was_signed_before_is_shown_only),
        cmocka_unit_test(another_seed_gets_nothing),
        cmocka_unit_test(more_than_was_promised_gets_nothing),
        cmocka_unit_test(a_draw_that_is_not_the_logs_gets_nothing),
        cmocka_unit_test(the_last_approval_of_the_log_draws_too),
        cmocka_unit_test(a_listing_of_somebody_else_gets_nothing),
        cmocka_unit_test(a_number_of_another_listing_is_seen),
        cmocka_unit_test(nothing_is_done_where_nothing_is_drawn),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
