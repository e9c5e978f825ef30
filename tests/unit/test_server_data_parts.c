/*
 * What goes through the data door beside contents: sealed detail parts, samples in clear, evidence of disputes; that
 * nothing is called stored before all of it is there; and that what nobody needs goes, in its time.
 */
#include "tests/unit/data_door.h"

#include "broker/server/judge.h"
#include "storage/evidence_store.h"
#include "storage/sample_draw.h"
#include "storage/sweep.h"

#define N_SAMPLES 2
#define N_BIG_CHUNKS 45

static struct content air, detail;
static uint64_t air_listing, samples_listing, traded_listing, trade;
static uint64_t drawn[N_SAMPLES];
static uint8_t plain[N_SAMPLES][AGE_CHUNK_BYTES];

/* ---- a market ---- */

static struct body_publish offer(const char *title, const struct age_commitment *content)
{
    struct body_publish p = {.kind = LISTING_DATASET, .title = BYTES_TEXT(title), .category = BYTES_TEXT("Air"),
                             .terms = BYTES_TEXT("Use it well."), .plaintext_len = content->plaintext_len,
                             .n_chunks = content->n_chunks, .payload_len = age_payload_len(content->plaintext_len)};
    p.right_operating[0] = 1;
    memcpy(p.nonce, content->nonce, 16);
    memcpy(p.content_root, content->content_root, 32);
    memcpy(p.key_commitment, content->key_commitment, 32);
    return p;
}

static uint64_t publish_with_detail(void)
{
    struct body_publish p = offer("Air", &air.commitment);
    p.detail_len = detail.commitment.plaintext_len;
    memcpy(p.detail_nonce, detail.commitment.nonce, 16);
    memcpy(p.detail_root, detail.commitment.content_root, 32);
    memcpy(p.detail_commitment, detail.commitment.key_commitment, 32);
    return state_it(&w, VENDOR, KIND_PUBLISH, &p) + 1;
}

/* A listing that is sampling: its content is made up, what was drawn of it is not. */
static uint64_t publish_with_samples(void)
{
    struct age_commitment made_up = {.plaintext_len = N_BIG_CHUNKS * AGE_CHUNK_BYTES, .n_chunks = N_BIG_CHUNKS,
                                     .nonce = {9}, .content_root = {9}, .key_commitment = {9}};
    struct body_publish p = offer("Sampled", &made_up);
    struct body_drawn draw = {.root = {1}};
    uint8_t seed[32];

    p.samples = N_SAMPLES;
    draw.listing = state_it(&w, VENDOR, KIND_PUBLISH, &p) + 1;
    open_listing(&w, draw.listing); /* to sampling */
    state_it(&w, BROKER, KIND_DRAWN, &draw);
    sample_seed(draw.root, seed);
    sample_draw(seed, N_BIG_CHUNKS, N_SAMPLES, drawn);
    return draw.listing;
}

static void sign_samples(void)
{
    struct sample_chunk chunks[N_SAMPLES];
    struct body_sample body = {.listing = samples_listing, .chunks = {chunks, N_SAMPLES}};
    for (size_t i = 0; i < N_SAMPLES; i++) {
        chunks[i].chunk = drawn[i];
        sha256(BYTES(plain[i], AGE_CHUNK_BYTES), chunks[i].hash);
    }
    state_it(&w, VENDOR, KIND_SAMPLE, &body);
}

static int build(void **state)
{
    uint8_t sealed_grant[AGE_GRANT_BYTES];

    if (make_test_dir(state) != 0) return -1;
    config = test_config();
    config.keep_days = 1;
    world_open(&w);
    seal(&air, 1);
    seal_bytes(&detail, 2, 1500);
    air_listing = publish_with_detail();
    samples_listing = publish_with_samples();
    traded_listing = publish(&w, "Traded", "", "", NULL);
    open_listing(&w, traded_listing);
    deposit(&w, BUYER, 100000, "ref");
    ask_order(&w, traded_listing, 9900, 0);
    trade = bid_order(&w, traded_listing, 9900, 1) + 1;
    grant(&w, trade, sealed_grant);
    zmq = zmq_ctx_new();
    assert_ok(zap_start(zmq, admit_all, NULL, &zap));
    start_door();
    return 0;
}

static int tear_down(void **state)
{
    stop_door();
    zap_stop(&zap);
    zmq_ctx_term(zmq);
    world_close(&w);
    return remove_test_dir(state);
}

/* ---- what is asked ---- */

static uint64_t put_manifest(struct client *c, const struct content *content, uint64_t part)
{
    struct body_q_put_manifest body = {.listing = air_listing, .part = part};
    body.hashes = BYTES(content->manifest, 32 * (size_t)content->commitment.n_chunks);
    return client_ask(c, "put_manifest", &body).code;
}

static uint64_t put_chunk(struct client *c, const struct content *content, uint64_t part, uint64_t chunk)
{
    struct body_q_put_chunk body = {.listing = air_listing, .chunk = chunk, .part = part};
    body.sealed = BYTES(content->chunks[chunk], age_sealed_chunk_len(content->commitment.plaintext_len, chunk));
    return client_ask(c, "put_chunk", &body).code;
}

static struct reply get_detail(struct client *c)
{
    struct body_q_get_chunk body = {.listing = air_listing, .part = PART_DETAIL};
    return client_ask(c, "get_chunk", &body);
}

static bool detail_is_complete(void)
{
    struct body_q_upload body = {.listing = air_listing, .part = PART_DETAIL};
    struct reply reply = client_ask(&vendor, "upload", &body);
    assert_int_equal(reply.code, OUTCOME_OK);
    const struct body_r_upload *r = reply.body;
    assert_int_equal(r->n_chunks, 1);
    return r->complete;
}

static struct reply put_sample(struct client *c, uint64_t chunk, const uint8_t *bytes)
{
    struct body_q_put_sample body = {.listing = samples_listing, .chunk = chunk, .plain = BYTES(bytes, AGE_CHUNK_BYTES)};
    return client_ask(c, "put_sample", &body);
}

static struct reply get_sample(struct client *c, uint64_t listing, uint64_t chunk)
{
    struct body_q_get_sample body = {.listing = listing, .chunk = chunk};
    return client_ask(c, "get_sample", &body);
}

/* ---- detail parts ---- */

static void test_detail_is_stored_too(void **state)
{
    (void)state;
    struct body_q_upload none = {.listing = traded_listing, .part = PART_DETAIL};

    assert_int_equal(client_ask(&vendor, "upload", &none).code, OUTCOME_NO_SUCH_DETAIL);
    assert_int_equal(put_manifest(&buyer, &detail, PART_DETAIL), OUTCOME_NOT_YOURS);
    assert_int_equal(put_manifest(&vendor, &air, PART_CONTENT), OUTCOME_OK);
    assert_int_equal(put_manifest(&vendor, &air, PART_DETAIL), OUTCOME_BAD_CONTENT);
    for (uint64_t i = 0; i < N_CHUNKS; i++) assert_int_equal(put_chunk(&vendor, &air, PART_CONTENT, i), OUTCOME_OK);
    assert_false(detail_is_complete());
    assert_int_equal(put_manifest(&vendor, &detail, PART_DETAIL), OUTCOME_OK);
    assert_int_equal(put_chunk(&vendor, &air, PART_DETAIL, 0), OUTCOME_BAD_CONTENT);
    assert_int_equal(told_of(air_listing), 0); /* the content alone is not all of it */
    assert_int_equal(put_chunk(&vendor, &detail, PART_DETAIL, 0), OUTCOME_OK);
    assert_true(told_of(air_listing) > 0);
    assert_true(detail_is_complete());
    assert_true(wait_until_told_of(air_listing, 2)); /* again, until it has moved on */
}

static void test_detail_is_for_whom_it_was_opened(void **state)
{
    (void)state;
    uint8_t sealed_grant[AGE_GRANT_BYTES], file_key[AGE_FILE_KEY_BYTES] = {2};
    struct body_disclose disclose = {.listing = air_listing};
    struct body_q_get_manifest manifest = {.listing = air_listing, .part = PART_DETAIL};

    open_listing(&w, air_listing);
    assert_int_equal(get_detail(&vendor).code, OUTCOME_OK);
    assert_int_equal(get_detail(&buyer).code, OUTCOME_NO_SUCH_DETAIL);
    assert_int_equal(client_ask(&buyer, "get_manifest", &manifest).code, OUTCOME_NO_SUCH_DETAIL);
    memcpy(disclose.party, identity_party(w.ids[BUYER]), 32);
    assert_ok(age_grant_seal(file_key, identity_seal_public(w.ids[BUYER]), sealed_grant));
    disclose.grant = BYTES(sealed_grant, AGE_GRANT_BYTES);
    state_it(&w, VENDOR, KIND_DISCLOSE, &disclose);
    struct reply reply = get_detail(&buyer);
    assert_int_equal(reply.code, OUTCOME_OK);
    struct bytes sealed = ((const struct body_r_get_chunk *)reply.body)->sealed;
    assert_int_equal(sealed.len, age_sealed_chunk_len(1500, 0));
    assert_memory_equal(sealed.data, detail.chunks[0], sealed.len);
    assert_int_equal(client_ask(&buyer, "get_manifest", &manifest).code, OUTCOME_OK);
    struct body_q_get_chunk content = {.listing = air_listing};
    assert_int_equal(client_ask(&buyer, "get_chunk", &content).code, OUTCOME_NOT_YOURS); /* the detail, not the content */
    assert_int_equal(get_detail(&stranger).code, OUTCOME_UNKNOWN_PARTY);
}

/* ---- samples ---- */

static void test_samples_are_those_signed(void **state)
{
    (void)state;
    memset(plain[0], 1, AGE_CHUNK_BYTES);
    memset(plain[1], 2, AGE_CHUNK_BYTES);
    assert_int_equal(put_sample(&vendor, drawn[0], plain[0]).code, OUTCOME_WRONG_STATE); /* not signed yet */
    assert_int_equal(get_sample(&buyer, samples_listing, drawn[0]).code, OUTCOME_NOT_STORED);
    sign_samples();
    assert_int_equal(put_sample(&buyer, drawn[0], plain[0]).code, OUTCOME_NOT_YOURS);
    assert_int_equal(put_sample(&vendor, drawn[0], plain[1]).code, OUTCOME_BAD_CONTENT);
    uint64_t other = 0;
    while (other == drawn[0] || other == drawn[1]) other++;
    assert_int_equal(put_sample(&vendor, other, plain[0]).code, OUTCOME_BAD_SAMPLE);
    struct reply reply = put_sample(&vendor, drawn[1], plain[1]);
    assert_int_equal(reply.code, OUTCOME_OK);
    assert_int_equal(((const struct body_r_put *)reply.body)->have, 1);
    assert_int_equal(get_sample(&buyer, samples_listing, drawn[0]).code, OUTCOME_NOT_STORED);
    reply = get_sample(&buyer, samples_listing, drawn[1]);
    assert_int_equal(reply.code, OUTCOME_OK);
    struct bytes got = ((const struct body_r_get_sample *)reply.body)->plain;
    assert_int_equal(got.len, AGE_CHUNK_BYTES);
    assert_memory_equal(got.data, plain[1], got.len);
    assert_int_equal(told_of(samples_listing), 0);
}

/* A later statement signs other bytes: those of the earlier one are neither shown nor counted. */
static void test_a_later_statement_counts(void **state)
{
    (void)state;
    memset(plain[1], 3, AGE_CHUNK_BYTES);
    sign_samples();
    assert_int_equal(get_sample(&buyer, samples_listing, drawn[1]).code, OUTCOME_NOT_STORED);
    struct reply reply = put_sample(&vendor, drawn[0], plain[0]);
    assert_int_equal(reply.code, OUTCOME_OK);
    assert_int_equal(((const struct body_r_put *)reply.body)->have, 1);
    assert_int_equal(told_of(samples_listing), 0);
    stop_door(); /* what is there outlives a restart */
    start_door();
    reply = put_sample(&vendor, drawn[1], plain[1]);
    assert_int_equal(reply.code, OUTCOME_OK);
    assert_int_equal(((const struct body_r_put *)reply.body)->have, 2);
    assert_true(told_of(samples_listing) > 0);
    stop_door();
    memset(&told, 0, sizeof told);
    start_door();
    assert_true(wait_until_told_of(samples_listing, 1)); /* again, also after a restart */
    struct body_stored done = {.listing = samples_listing};
    state_it(&w, BROKER, KIND_STORED, &done);
    assert_int_equal(put_sample(&vendor, drawn[1], plain[1]).code, OUTCOME_WRONG_STATE);
    assert_int_equal(get_sample(&buyer, samples_listing, drawn[1]).code, OUTCOME_OK);
    assert_int_equal(get_sample(&buyer, air_listing, 0).code, OUTCOME_NOT_STORED);
    assert_int_equal(get_sample(&stranger, samples_listing, drawn[1]).code, OUTCOME_UNKNOWN_PARTY);
}

/* ---- evidence ---- */

static uint8_t sealed_evidence[100000];

static struct reply put_evidence(struct client *c, uint64_t of_trade, size_t offset, size_t n, uint8_t twist)
{
    struct body_q_put_evidence body = {.trade = of_trade, .len = sizeof sealed_evidence, .offset = offset};
    sha256(BYTES(sealed_evidence, sizeof sealed_evidence), body.hash);
    body.hash[0] ^= twist;
    body.piece = BYTES(sealed_evidence + offset, n);
    return client_ask(c, "put_evidence", &body);
}

static void test_evidence_of_a_granted_trade(void **state)
{
    struct bytes whole;
    uint8_t hash[32];
    (void)state;
    for (size_t i = 0; i < sizeof sealed_evidence; i++) sealed_evidence[i] = (uint8_t)(i / 7);
    sha256(BYTES(sealed_evidence, sizeof sealed_evidence), hash);
    assert_int_equal(put_evidence(&vendor, trade, 0, 65536, 0).code, OUTCOME_NOT_YOURS);
    assert_int_equal(put_evidence(&stranger, trade, 0, 65536, 0).code, OUTCOME_UNKNOWN_PARTY);
    assert_int_equal(put_evidence(&buyer, trade + 5000, 0, 65536, 0).code, OUTCOME_NO_SUCH_TRADE);
    assert_int_equal(put_evidence(&buyer, trade, 65536, 100, 0).code, OUTCOME_BAD_EVIDENCE);
    struct reply reply = put_evidence(&buyer, trade, 0, 65536, 0);
    assert_int_equal(reply.code, OUTCOME_OK);
    assert_int_equal(((const struct body_r_put *)reply.body)->have, 65536);
    stop_door();
    start_door(); /* it goes on after a restart */
    reply = put_evidence(&buyer, trade, 65536, sizeof sealed_evidence - 65536, 0);
    assert_int_equal(reply.code, OUTCOME_OK);
    assert_int_equal(((const struct body_r_put *)reply.body)->have, sizeof sealed_evidence);
    assert_ok(evidence_get(test_dir, trade, hash, &w.arena, &whole));
    assert_int_equal(whole.len, sizeof sealed_evidence);
    assert_memory_equal(whole.data, sealed_evidence, whole.len);
    arena_reset(&w.arena);
}

static void test_evidence_of_a_disputed_trade(void **state)
{
    (void)state;
    struct body_dispute dispute = {.trade = trade};
    struct body_verdict verdict = {.trade = trade, .finding = FINDING_BAD_CIPHERTEXT};

    sha256(BYTES(sealed_evidence, sizeof sealed_evidence), dispute.evidence);
    state_it(&w, BUYER, KIND_DISPUTE, &dispute);
    assert_int_equal(put_evidence(&buyer, trade, 0, 65536, 1).code, OUTCOME_ALREADY_DISPUTED);
    assert_ok(evidence_remove(test_dir, trade)); /* e.g. lost with its disk: what the dispute names may come again */
    assert_int_equal(put_evidence(&buyer, trade, 0, 65536, 0).code, OUTCOME_OK);
    assert_int_equal(put_evidence(&buyer, trade, 65536, sizeof sealed_evidence - 65536, 0).code, OUTCOME_OK);
    state_it(&w, BROKER, KIND_VERDICT, &verdict);
    assert_int_equal(put_evidence(&buyer, trade, 0, 65536, 0).code, OUTCOME_WRONG_STATE);
}

static uint64_t granted_trade(void)
{
    uint8_t sealed_grant[AGE_GRANT_BYTES];
    uint64_t one = bid_order(&w, traded_listing, 9900, 1) + 1;
    grant(&w, one, sealed_grant);
    return one;
}

/* What came after the verdict would make it look false to whoever judges again. */
static void test_evidence_after_the_verdict(void **state)
{
    (void)state;
    uint64_t late = granted_trade();
    struct judge_options options = {.dir = test_dir, .journal = w.journal, .state = w.state,
                                    .seal_secret = identity_seal_secret(w.ids[BROKER])};
    struct body_dispute dispute = {.trade = late};
    struct body_verdict verdict;
    struct state_view *view;

    sha256(BYTES(sealed_evidence, sizeof sealed_evidence), dispute.evidence);
    state_it(&w, BUYER, KIND_DISPUTE, &dispute);
    assert_int_equal(put_evidence(&buyer, late, 0, 65536, 0).code, OUTCOME_OK);
    assert_ok(state_read_begin(w.state, &view));
    assert_ok(judge_dispute(&options, view, late, w.now_ms + JUDGE_MISSING_MS, &w.arena, &verdict));
    state_read_end(&view);
    assert_int_equal(verdict.finding, FINDING_EVIDENCE_MISSING);
    /* judged, and the verdict is on its way */
    assert_int_equal(put_evidence(&buyer, late, 65536, sizeof sealed_evidence - 65536, 0).code, OUTCOME_WRONG_STATE);
    state_it(&w, BROKER, KIND_VERDICT, &verdict);
    assert_ok(evidence_remove(test_dir, late));
    assert_int_equal(put_evidence(&buyer, late, 0, 65536, 0).code, OUTCOME_WRONG_STATE);
}

/* While the store is held nothing comes; what comes then is held against the state of then. */
static void test_evidence_is_held_against_the_newest_state(void **state)
{
    (void)state;
    uint64_t held = granted_trade();
    struct body_q_put_evidence put = {.trade = held, .len = 3, .piece = BYTES_TEXT("ill")};
    struct body_dispute dispute = {.trade = held, .evidence = {1}};
    int hold;

    sha256(put.piece, put.hash);
    assert_ok(evidence_hold(test_dir, &hold));
    client_send(&buyer, "put_evidence", &put);
    zmq_pollitem_t reply = {.socket = buyer.socket, .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&reply, 1, 300), 0);
    state_it(&w, BUYER, KIND_DISPUTE, &dispute);
    evidence_let_go(&hold);
    assert_int_equal(client_receive(&buyer, "put_evidence").code, OUTCOME_ALREADY_DISPUTED);
}

/* ---- letting go ---- */

static size_t n_entries(const char *store)
{
    struct sweep s;
    char name[SWEEP_NAME_MAX];
    size_t n = 0;
    assert_ok(sweep_init(&s, test_dir, store));
    while (sweep_next(&s, name) == TIDE_OK) n++;
    sweep_deinit(&s);
    return n;
}

static bool wait_until_n_entries(const char *store, size_t n)
{
    for (int i = 0; i < 1000 && n_entries(store) != n; i++) usleep(10000);
    return n_entries(store) == n;
}

static size_t n_marked(const char *store)
{
    struct sweep s;
    char name[SWEEP_NAME_MAX], path[SWEEP_NAME_MAX + 32];
    size_t n = 0;
    assert_ok(sweep_init(&s, test_dir, store));
    while (sweep_next(&s, name) == TIDE_OK) {
        snprintf(path, sizeof path, "%s/%s/unneeded", store, name);
        if (file_size(in_test_dir(path)) > 0) n++;
    }
    sweep_deinit(&s);
    return n;
}

static void close_listing(uint64_t listing)
{
    struct body_close body = {.listing = listing};
    state_it(&w, VENDOR, KIND_CLOSE, &body);
}

/* A vendor that closes and publishes again has room for as much again: so what it closed does not stay for days. */
static void test_what_was_never_bought_goes_at_once(void **state)
{
    (void)state;
    assert_int_equal(n_entries("samples"), 1);
    assert_int_equal(get_sample(&buyer, samples_listing, drawn[0]).code, OUTCOME_OK);
    close_listing(samples_listing);
    assert_true(wait_until_n_entries("samples", 0));
    assert_int_equal(get_sample(&buyer, samples_listing, drawn[0]).code, OUTCOME_NOT_STORED);
    assert_int_equal(n_entries("blobs"), 2);
}

/* Marked at once, gone after keep_days. Evidence of a dispute stays. */
static void test_what_nobody_needs_goes(void **state)
{
    uint8_t sealed_grant[AGE_GRANT_BYTES];
    (void)state;
    assert_int_equal(n_entries("blobs"), 2); /* content and detail */
    assert_int_equal(get_detail(&vendor).code, OUTCOME_OK); /* it is open in the door's cache */
    ask_order(&w, air_listing, 100, 0);
    uint64_t bought = bid_order(&w, air_listing, 100, 1) + 1;
    close_listing(air_listing);
    stop_door();
    config.keep_days = 0;
    start_door();
    assert_int_equal(get_detail(&vendor).code, OUTCOME_OK); /* it has swept before it answers: not what a trade waits for */
    stop_door();
    config.keep_days = 1;
    start_door();
    assert_int_equal(n_marked("blobs"), 0);
    grant(&w, bought, sealed_grant);
    accept_trade(&w, bought);
    for (int i = 0; i < 1000 && n_marked("blobs") < 2; i++) usleep(10000);
    assert_int_equal(n_marked("blobs"), 2); /* kept for a day */
    assert_int_equal(get_detail(&vendor).code, OUTCOME_OK);
    stop_door();
    config.keep_days = 0;
    start_door();
    assert_true(wait_until_n_entries("blobs", 0));
    assert_int_equal(get_detail(&vendor).code, OUTCOME_NOT_STORED);
    assert_int_equal(n_entries("evidence"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detail_is_stored_too),
        cmocka_unit_test(test_detail_is_for_whom_it_was_opened),
        cmocka_unit_test(test_samples_are_those_signed),
        cmocka_unit_test(test_a_later_statement_counts),
        cmocka_unit_test(test_evidence_of_a_granted_trade),
        cmocka_unit_test(test_evidence_of_a_disputed_trade),
        cmocka_unit_test(test_evidence_after_the_verdict),
        cmocka_unit_test(test_evidence_is_held_against_the_newest_state),
        cmocka_unit_test(test_what_was_never_bought_goes_at_once),
        cmocka_unit_test(test_what_nobody_needs_goes),
    };
    return cmocka_run_group_tests_name("server_data_parts", tests, build, tear_down);
}
