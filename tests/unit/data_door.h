/*
 * A data door on a small market, with clients of its own, for the tests of what goes through it.
 */
#ifndef TIDEMARK_TESTS_DATA_DOOR_H
#define TIDEMARK_TESTS_DATA_DOOR_H

#include "tests/unit/test_server.h"

#include "broker/server/query.h"
#include "broker/server/zap.h"

#include <pthread.h>
#include <sys/mman.h>

#define PLAINTEXT_LEN (2 * AGE_CHUNK_BYTES + 1000)
#define N_CHUNKS 3

/* A sealed content of at most PLAINTEXT_LEN. */
struct content {
    struct age_commitment commitment;
    uint8_t manifest[N_CHUNKS * 32];
    uint8_t chunks[N_CHUNKS][AGE_SEALED_CHUNK_BYTES];
};

static struct world w;
static void *zmq;
static struct zap *zap;
static struct config config;
static struct data_door *door;
static struct client vendor, buyer, stranger;

/* Filled on the data thread. */
static struct { uint64_t listing, times, of[4096]; } told;

static UNUSED bool stored(void *ctx, uint64_t listing)
{
    (void)ctx;
    __atomic_add_fetch(&told.of[listing % ARRAY_LEN(told.of)], 1, __ATOMIC_ACQ_REL);
    __atomic_store_n(&told.listing, listing, __ATOMIC_RELEASE);
    __atomic_add_fetch(&told.times, 1, __ATOMIC_ACQ_REL);
    return true;
}

static UNUSED uint64_t told_of(uint64_t listing)
{
    return __atomic_load_n(&told.of[listing % ARRAY_LEN(told.of)], __ATOMIC_ACQUIRE);
}

static UNUSED bool wait_until_told_of(uint64_t listing, uint64_t times)
{
    for (int i = 0; i < 600 && told_of(listing) < times; i++) usleep(10000);
    return told_of(listing) >= times;
}

static UNUSED bool wait_until_told(uint64_t listing, uint64_t times)
{
    for (int i = 0; i < 600; i++) {
        if (__atomic_load_n(&told.times, __ATOMIC_ACQUIRE) >= times) {
            return __atomic_load_n(&told.listing, __ATOMIC_ACQUIRE) == listing;
        }
        usleep(10000);
    }
    return false;
}

/* Everyone: the door itself must refuse who is not enrolled. */
static UNUSED bool admit_all(void *ctx, const char *name, const uint8_t wire_key[32])
{
    (void)ctx, (void)wire_key;
    return strcmp(name, "data") == 0;
}

static UNUSED void seal_bytes(struct content *c, uint8_t seed, size_t plain_len)
{
    static uint8_t plain[PLAINTEXT_LEN];
    uint8_t file_key[AGE_FILE_KEY_BYTES] = {seed}, nonce[AGE_NONCE_BYTES] = {seed};
    int in = memfd_create("in", 0), out = memfd_create("out", 0), manifest = memfd_create("manifest", 0);
    struct age_work work = {.n_threads = 1};

    assert_true(plain_len <= sizeof plain);
    memset(plain, seed, plain_len);
    assert_int_equal(write(in, plain, plain_len), (ssize_t)plain_len);
    lseek(in, 0, SEEK_SET);
    assert_ok(age_payload_seal(in, out, manifest, file_key, nonce, &work, &c->commitment));
    size_t manifest_len = 32 * (size_t)c->commitment.n_chunks;
    assert_int_equal(pread(manifest, c->manifest, manifest_len, 0), (ssize_t)manifest_len);
    for (size_t i = 0; i < c->commitment.n_chunks; i++) {
        size_t len = age_sealed_chunk_len(plain_len, i);
        off_t at = (off_t)(AGE_NONCE_BYTES + i * AGE_SEALED_CHUNK_BYTES);
        assert_int_equal(pread(out, c->chunks[i], len, at), (ssize_t)len);
    }
    close(in);
    close(out);
    close(manifest);
}

static UNUSED void seal(struct content *c, uint8_t seed)
{
    seal_bytes(c, seed, PLAINTEXT_LEN);
    assert_int_equal(c->commitment.n_chunks, N_CHUNKS);
}

static UNUSED void start_door(void)
{
    struct data_door_options options = {
        .config = &config, .zmq_context = zmq, .state = w.state, .journal = w.journal,
        .wire_secret = identity_wire_secret(w.ids[BROKER]), .stored = stored,
    };
    assert_ok(data_door_start(&options, &door));
    client_open(&vendor, zmq, &w, VENDOR, data_door_port(door));
    client_open(&buyer, zmq, &w, BUYER, data_door_port(door));
    client_open(&stranger, zmq, &w, STRANGER, data_door_port(door));
}

static UNUSED void stop_door(void)
{
    client_close(&vendor);
    client_close(&buyer);
    client_close(&stranger);
    data_door_stop(&door);
    assert_null(door);
}

#endif
