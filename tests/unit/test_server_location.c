/*
 * Payloads at their vendors' own locations, fetched from a real https server: verified whole before they are called
 * stored, gone on with after trouble and after a restart, and never from an address that is not allowed.
 */
#include "tests/unit/data_door.h"
#include "tests/unit/https_server.h"

#include "broker/server/clock.h"
#include "broker/server/location.h"

#define N_FAR_CHUNKS 40
#define DAMAGED 20 /* the chunk that is damaged at first */
#define FAR_LEN ((N_FAR_CHUNKS - 1) * (size_t)AGE_CHUNK_BYTES + 777)

static struct https_server server;
static struct age_commitment far;
static uint8_t manifest[N_FAR_CHUNKS * HASH_BYTES];
static uint64_t listing;

/* Seals a payload into the folder that is served. */
static void seal_far(void)
{
    uint8_t file_key[AGE_FILE_KEY_BYTES] = {5}, nonce[AGE_NONCE_BYTES] = {6}, block[4096];
    int in = memfd_create("in", 0), hashes = memfd_create("manifest", 0);
    int out = open(in_test_dir("served/far.payload"), O_CREAT | O_RDWR | O_TRUNC, 0600);
    struct age_work work = {.n_threads = 1};

    assert_true(in >= 0 && hashes >= 0 && out >= 0);
    for (size_t i = 0; i < FAR_LEN; i += sizeof block) {
        size_t n = FAR_LEN - i < sizeof block ? FAR_LEN - i : sizeof block;
        memset(block, (int)(i >> 12), sizeof block);
        assert_int_equal(write(in, block, n), (ssize_t)n);
    }
    lseek(in, 0, SEEK_SET);
    assert_ok(age_payload_seal(in, out, hashes, file_key, nonce, &work, &far));
    assert_int_equal(far.n_chunks, N_FAR_CHUNKS);
    assert_int_equal(pread(hashes, manifest, sizeof manifest, 0), (ssize_t)sizeof manifest);
    close(in);
    close(hashes);
    close(out);
}

static uint64_t publish_at(const char *path)
{
    static uint8_t n;
    struct body_publish p = {.kind = LISTING_DATASET, .title = BYTES_TEXT("Far"), .category = BYTES_TEXT("Air"),
                             .terms = BYTES_TEXT("Use it well."), .plaintext_len = FAR_LEN, .n_chunks = N_FAR_CHUNKS,
                             .payload_len = age_payload_len(FAR_LEN)};
    char url[256];
    snprintf(url, sizeof url, "https://127.0.0.1:%u/%s", server.port, path);
    p.location = BYTES_TEXT(url);
    p.right_operating[0] = 1;
    memcpy(p.nonce, far.nonce, 16);
    memcpy(p.content_root, far.content_root, 32);
    memcpy(p.key_commitment, far.key_commitment, 32);
    p.key_commitment[0] ^= n++; /* each listing its own */
    return state_it(&w, VENDOR, KIND_PUBLISH, &p) + 1;
}

static int build(void **state)
{
    if (make_test_dir(state) != 0) return -1;
    server = https_server_start();
    seal_far();
    flip_byte(in_test_dir("served/far.payload"), 16 + DAMAGED * 65552 + 5);
    config = test_config();
    config.location_local = true;
    snprintf(config.location_ca, sizeof config.location_ca, "%s", in_test_dir("keys/ca.pem"));
    world_open(&w);
    listing = publish_at("far.payload");
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
    https_server_stop(&server);
    return remove_test_dir(state);
}

/* ---- what is asked ---- */

static const struct body_r_upload *upload(uint64_t of)
{
    struct body_q_upload body = {.listing = of};
    struct reply reply = client_ask(&vendor, "upload", &body);
    assert_int_equal(reply.code, OUTCOME_OK);
    return reply.body;
}

static void put_manifest(uint64_t of)
{
    struct body_q_put_manifest body = {.listing = of, .hashes = BYTES(manifest, sizeof manifest)};
    assert_int_equal(client_ask(&vendor, "put_manifest", &body).code, OUTCOME_OK);
}

/* Until the trouble of a listing has a word in it; false: it never does. */
static bool wait_for_trouble(uint64_t of, const char *word)
{
    for (int i = 0; i < 800; i++) {
        struct bytes trouble = upload(of)->trouble;
        if (trouble.len >= strlen(word) && memmem(trouble.data, trouble.len, word, strlen(word)) != NULL) return true;
        usleep(10000);
    }
    return false;
}

/* The requests that the server got so far. */
static const char *requests(void)
{
    static char log[1 << 16];
    FILE *file = fopen(in_test_dir("keys/requests.log"), "r");
    size_t len = file != NULL ? fread(log, 1, sizeof log - 1, file) : 0;
    if (file != NULL) fclose(file);
    log[len] = '\0';
    return log;
}

/* ---- tests ---- */

static void test_only_the_manifest_is_put(void **state)
{
    static uint8_t sealed[AGE_SEALED_CHUNK_BYTES];
    struct body_q_put_chunk chunk = {.listing = listing, .sealed = BYTES(sealed, sizeof sealed)};
    (void)state;
    assert_int_equal(upload(listing)->missing.n, 0);
    assert_int_equal(client_ask(&vendor, "put_chunk", &chunk).code, OUTCOME_WRONG_STATE);
    put_manifest(listing);
    assert_int_equal(upload(listing)->manifest_have, N_FAR_CHUNKS);
}

static void test_what_differs_is_trouble(void **state)
{
    (void)state;
    assert_true(wait_for_trouble(listing, "chunk 20 there is not the one of the manifest"));
    assert_false(upload(listing)->complete);
    assert_int_equal(told_of(listing), 0);
    assert_non_null(strstr(requests(), "bytes=0-983295 206")); /* the nonce and 15 chunks */
}

/* What was verified before is not fetched again. */
static void test_it_goes_on_after_a_restart(void **state)
{
    char expected[64];
    (void)state;
    stop_door();
    flip_byte(in_test_dir("served/far.payload"), 16 + DAMAGED * 65552 + 5);
    size_t before = strlen(requests());
    start_door();
    assert_true(wait_until_told_of(listing, 1));
    assert_true(upload(listing)->complete);
    assert_int_equal(upload(listing)->trouble.len, 0);
    snprintf(expected, sizeof expected, "GET /far.payload bytes=%u-", 16 + DAMAGED * 65552);
    assert_true(strncmp(requests() + before, expected, strlen(expected)) == 0);
    snprintf(expected, sizeof expected, "-%zu 206", (size_t)age_payload_len(FAR_LEN) - 1);
    assert_non_null(strstr(requests() + before, expected)); /* to the very end */
}

static void test_it_is_told_again_but_not_fetched(void **state)
{
    (void)state;
    stop_door();
    memset(&told, 0, sizeof told);
    size_t before = strlen(requests());
    start_door();
    assert_true(wait_until_told_of(listing, 1));
    assert_int_equal(strlen(requests()), before);
    open_listing(&w, listing);
    struct body_q_get_chunk chunk = {.listing = listing};
    struct body_q_get_manifest hashes = {.listing = listing};
    assert_int_equal(client_ask(&vendor, "get_chunk", &chunk).code, OUTCOME_NOT_STORED);
    assert_int_equal(client_ask(&vendor, "get_manifest", &hashes).code, OUTCOME_OK);
}

/* One location that fails does not keep the others from being checked; it is tried again. */
static void test_troubles_do_not_block(void **state)
{
    (void)state;
    uint64_t gone = publish_at("later.payload"), whole = publish_at("whole/far.payload"), good = publish_at("far.payload");
    put_manifest(gone);
    put_manifest(whole);
    put_manifest(good);
    assert_true(wait_until_told_of(good, 1));
    assert_true(wait_for_trouble(gone, "404"));
    assert_true(wait_for_trouble(whole, "does not serve the range"));
    assert_int_equal(told_of(gone), 0);
    assert_int_equal(told_of(whole), 0);
    assert_int_equal(rename(in_test_dir("served/far.payload"), in_test_dir("served/later.payload")), 0);
    assert_true(wait_until_told_of(gone, 1)); /* without a restart, after its backoff */
}

static void test_local_addresses_are_refused(void **state)
{
    (void)state;
    uint64_t local = publish_at("later.payload");
    put_manifest(local); /* it may be checked before the restart */
    assert_true(wait_until_told_of(local, 1));
    uint64_t refused = publish_at("later.payload");
    stop_door();
    config.location_local = false;
    start_door();
    put_manifest(refused);
    assert_true(wait_for_trouble(refused, "not allowed"));
    assert_int_equal(told_of(refused), 0);
}

/* Steady milliseconds once the server was asked `n` times for what drips; 0: it was not. */
static uint64_t when_dripped(size_t n)
{
    for (int i = 0; i < 2000; i++) {
        size_t found = 0;
        for (const char *at = requests(); (at = strstr(at, " drip ")) != NULL; at++) found++;
        if (found >= n) return clock_steady_ms();
        usleep(10000);
    }
    return 0;
}

/* A server that is slow on purpose neither keeps the broker from ending nor, with many listings, others from their turn. */
static void test_slow_servers_take_little_time(void **state)
{
    enum { RANGE_MS = 600 };
    struct location_options options = {.config = &config, .state = w.state, .journal = w.journal, .range_ms = RANGE_MS};
    struct location *location;
    char trouble[LOCATION_TROUBLE_MAX] = "";
    (void)state;
    stop_door();
    config.location_local = true;
    start_door();
    uint64_t slow = publish_at("drip/later.payload");
    put_manifest(slow);
    put_manifest(publish_at("drip/later.payload"));
    assert_true(when_dripped(1) > 0);
    uint64_t began_ms = clock_steady_ms();
    stop_door(); /* in the middle of a range */
    assert_true(clock_steady_ms() - began_ms < 10000);
    assert_ok(location_start(&options, &location));
    uint64_t first_ms = when_dripped(2);
    for (int i = 0; i < 1000 && trouble[0] == '\0'; i++, usleep(10000)) location_trouble(location, slow, trouble);
    assert_non_null(strstr(trouble, "too slow"));
    uint64_t second_ms = when_dripped(3); /* the same vendor's, whichever */
    assert_true(second_ms - first_ms >= 10 * RANGE_MS);
    location_stop(&location);
    assert_null(location);
    start_door();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_manifest_is_put),
        cmocka_unit_test(test_what_differs_is_trouble),
        cmocka_unit_test(test_it_goes_on_after_a_restart),
        cmocka_unit_test(test_it_is_told_again_but_not_fetched),
        cmocka_unit_test(test_troubles_do_not_block),
        cmocka_unit_test(test_local_addresses_are_refused),
        cmocka_unit_test(test_slow_servers_take_little_time),
    };
    return cmocka_run_group_tests_name("server_location", tests, build, tear_down);
}
