/*
 * The data door over real sockets: a content put in pieces and in any order, who may put and fetch it, and that the
 * broker hears of it until the listing has moved on.
 */
#include "tests/unit/data_door.h"

static struct content air, traffic;
static uint64_t air_listing, traffic_listing;

static int build(void **state)
{
    if (make_test_dir(state) != 0) return -1;
    config = test_config();
    world_open(&w);
    seal(&air, 1);
    seal(&traffic, 2);
    air_listing = publish(&w, "Air", "", "", &air.commitment);
    traffic_listing = publish(&w, "Traffic", "", "", &traffic.commitment);
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

static struct reply put_manifest(struct client *c, uint64_t listing, const uint8_t *hashes, uint64_t first, size_t n)
{
    struct body_q_put_manifest body = {.listing = listing, .first = first};
    body.hashes = BYTES(hashes + 32 * first, 32 * n);
    return client_ask(c, "put_manifest", &body);
}

static struct reply put_chunk(struct client *c, uint64_t listing, const struct content *content, uint64_t chunk)
{
    struct body_q_put_chunk body = {.listing = listing, .chunk = chunk};
    body.sealed = BYTES(content->chunks[chunk], age_sealed_chunk_len(PLAINTEXT_LEN, chunk));
    return client_ask(c, "put_chunk", &body);
}

static struct reply get_chunk(struct client *c, uint64_t listing, uint64_t chunk)
{
    struct body_q_get_chunk body = {.listing = listing, .chunk = chunk};
    return client_ask(c, "get_chunk", &body);
}

static const struct body_r_upload *upload(uint64_t listing)
{
    struct body_q_upload body = {.listing = listing};
    struct reply reply = client_ask(&vendor, "upload", &body);
    assert_int_equal(reply.code, OUTCOME_OK);
    return reply.body;
}

/* ---- tests, in the order of a content's life ---- */

static void test_who_may_put(void **state)
{
    (void)state;
    struct body_q_upload air_upload = {.listing = air_listing}, none = {.listing = 1};
    assert_int_equal(client_ask(&buyer, "upload", &air_upload).code, OUTCOME_NOT_YOURS);
    assert_int_equal(put_manifest(&buyer, air_listing, air.manifest, 0, N_CHUNKS).code, OUTCOME_NOT_YOURS);
    assert_int_equal(put_chunk(&buyer, air_listing, &air, 0).code, OUTCOME_NOT_YOURS);
    assert_int_equal(client_ask(&stranger, "upload", &air_upload).code, OUTCOME_UNKNOWN_PARTY);
    assert_int_equal(client_ask(&vendor, "upload", &none).code, OUTCOME_NO_SUCH_LISTING);
    assert_int_equal(client_ask(&vendor, "balances", &(struct body_q_none){}).code, OUTCOME_UNKNOWN_VERB);
}

static void test_manifest(void **state)
{
    (void)state;
    uint8_t wrong[sizeof air.manifest];

    const struct body_r_upload *r = upload(air_listing);
    assert_int_equal(r->n_chunks, N_CHUNKS);
    assert_int_equal(r->manifest_have, 0);
    assert_false(r->complete);
    assert_int_equal(put_chunk(&vendor, air_listing, &air, 0).code, OUTCOME_WRONG_STATE);
    memcpy(wrong, air.manifest, sizeof wrong);
    wrong[40] ^= 1;
    assert_int_equal(put_manifest(&vendor, air_listing, wrong, 0, N_CHUNKS).code, OUTCOME_BAD_CONTENT);
    struct reply reply = put_manifest(&vendor, air_listing, air.manifest, 0, 2);
    assert_int_equal(reply.code, OUTCOME_OK);
    assert_int_equal(((const struct body_r_put *)reply.body)->have, 2);
    assert_int_equal(put_manifest(&vendor, air_listing, air.manifest, 2, 1).code, OUTCOME_OK);
    assert_int_equal(upload(air_listing)->manifest_have, N_CHUNKS);
}

static void test_chunks(void **state)
{
    (void)state;
    static struct content damaged;

    damaged = air;
    damaged.chunks[1][70] ^= 1;
    assert_int_equal(put_chunk(&vendor, air_listing, &damaged, 1).code, OUTCOME_BAD_CONTENT);
    assert_int_equal(put_chunk(&vendor, air_listing, &air, 2).code, OUTCOME_OK);
    assert_int_equal(put_chunk(&vendor, air_listing, &air, 0).code, OUTCOME_OK);
    const struct body_r_upload *r = upload(air_listing);
    const struct body_range *missing = r->missing.items;
    assert_int_equal(r->missing.n, 1);
    assert_int_equal(missing[0].first, 1);
    assert_int_equal(missing[0].count, 1);
    assert_int_equal(get_chunk(&vendor, air_listing, 1).code, OUTCOME_NOT_STORED);
    assert_int_equal(__atomic_load_n(&told.times, __ATOMIC_ACQUIRE), 0);
    struct reply reply = put_chunk(&vendor, air_listing, &air, 1);
    assert_int_equal(reply.code, OUTCOME_OK);
    assert_int_equal(((const struct body_r_put *)reply.body)->have, N_CHUNKS);
    assert_true(wait_until_told(air_listing, 1));
    assert_true(upload(air_listing)->complete);
}

/* The broker may miss it: it is told again until the listing has moved on; also by a door that has just started. */
static void test_told_again(void **state)
{
    (void)state;
    assert_true(wait_until_told(air_listing, 2));
    stop_door();
    told.times = told.listing = 0;
    start_door();
    assert_true(wait_until_told(air_listing, 1));
    open_listing(&w, air_listing);
    assert_int_equal(put_chunk(&vendor, air_listing, &air, 1).code, OUTCOME_WRONG_STATE);
    assert_true(upload(air_listing)->complete);
}

static void test_who_may_get(void **state)
{
    (void)state;
    uint8_t sealed_grant[AGE_GRANT_BYTES];
    struct body_q_get_manifest manifest = {.listing = air_listing, .first = 1};

    deposit(&w, BUYER, 100000, "ref");
    assert_int_equal(get_chunk(&buyer, air_listing, 0).code, OUTCOME_NOT_YOURS);
    ask_order(&w, air_listing, 9900, 0);
    uint64_t trade = bid_order(&w, air_listing, 9900, 1) + 1;
    assert_int_equal(get_chunk(&buyer, air_listing, 0).code, OUTCOME_NOT_YOURS); /* not granted yet */
    grant(&w, trade, sealed_grant);
    for (uint64_t i = 0; i < N_CHUNKS; i++) {
        struct reply reply = get_chunk(&buyer, air_listing, i);
        assert_int_equal(reply.code, OUTCOME_OK);
        struct bytes sealed = ((const struct body_r_get_chunk *)reply.body)->sealed;
        assert_int_equal(sealed.len, age_sealed_chunk_len(PLAINTEXT_LEN, i));
        assert_memory_equal(sealed.data, air.chunks[i], sealed.len);
    }
    struct reply reply = client_ask(&buyer, "get_manifest", &manifest);
    assert_int_equal(reply.code, OUTCOME_OK);
    struct bytes hashes = ((const struct body_r_get_manifest *)reply.body)->hashes;
    assert_int_equal(hashes.len, 32 * (N_CHUNKS - 1));
    assert_memory_equal(hashes.data, air.manifest + 32, hashes.len);
    accept_trade(&w, trade);
    assert_int_equal(get_chunk(&buyer, air_listing, 2).code, OUTCOME_OK);
    assert_int_equal(get_chunk(&vendor, air_listing, 2).code, OUTCOME_OK);
    assert_int_equal(get_chunk(&buyer, air_listing, N_CHUNKS).code, OUTCOME_NOT_STORED);
    assert_int_equal(get_chunk(&buyer, traffic_listing, 0).code, OUTCOME_NOT_YOURS);
    assert_int_equal(get_chunk(&stranger, air_listing, 0).code, OUTCOME_UNKNOWN_PARTY);
}

/* What was put before a stop is there after it. */
static void test_resume(void **state)
{
    (void)state;
    assert_int_equal(put_manifest(&vendor, traffic_listing, traffic.manifest, 0, N_CHUNKS).code, OUTCOME_OK);
    assert_int_equal(put_chunk(&vendor, traffic_listing, &traffic, 1).code, OUTCOME_OK);
    stop_door();
    start_door();
    const struct body_r_upload *r = upload(traffic_listing);
    const struct body_range *missing = r->missing.items;
    assert_int_equal(r->manifest_have, N_CHUNKS);
    assert_int_equal(r->missing.n, 2);
    assert_int_equal(missing[0].first, 0);
    assert_int_equal(missing[1].first, 2);
}

static void test_suspended(void **state)
{
    (void)state;
    struct body_suspend suspend = {.reason = BYTES_TEXT("unpaid")};
    memcpy(suspend.party, identity_party(w.ids[VENDOR]), 32);
    state_it(&w, OPERATOR, KIND_SUSPEND, &suspend);
    assert_int_equal(put_chunk(&vendor, traffic_listing, &traffic, 0).code, OUTCOME_SUSPENDED);
    assert_int_equal(get_chunk(&buyer, air_listing, 0).code, OUTCOME_OK); /* what was sold is delivered */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_may_put),
        cmocka_unit_test(test_manifest),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_told_again),
        cmocka_unit_test(test_who_may_get),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_suspended),
    };
    return cmocka_run_group_tests_name("server_data_door", tests, build, tear_down);
}
