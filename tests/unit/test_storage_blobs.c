/*
 * The ciphertext store: only what the commitment binds comes in and goes out, whatever was interrupted.
 */
#include "storage/blobs.h"

#include "crypto/merkle.h"
#include "tests/unit/test_storage.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* A content: its chunks follow from its number and theirs. */
struct content {
    unsigned seed;
    struct age_commitment commitment;
    uint8_t (*hashes)[HASH_BYTES];
};

static size_t make_chunk(const struct content *c, uint64_t chunk, uint8_t *out)
{
    size_t len = age_sealed_chunk_len(c->commitment.plaintext_len, chunk);
    uint64_t seed = c->seed * 1000003u + chunk + 1;
    size_t i = 0;
    for (; i + 8 <= len; i += 8) memcpy(out + i, &(uint64_t){next_random(&seed)}, 8);
    for (; i < len; i++) out[i] = (uint8_t)i;
    return len;
}

static struct content make_content(unsigned seed, uint64_t plaintext_len)
{
    static uint8_t chunk[AGE_SEALED_CHUNK_BYTES];
    struct content c = {.seed = seed, .commitment = {.plaintext_len = plaintext_len}};
    struct merkle_tree tree = {0};
    c.commitment.n_chunks = age_n_chunks(plaintext_len);
    memset(c.commitment.nonce, (int)seed, AGE_NONCE_BYTES);
    c.hashes = calloc((size_t)c.commitment.n_chunks, HASH_BYTES);
    assert_non_null(c.hashes);
    for (uint64_t i = 0; i < c.commitment.n_chunks; i++) {
        size_t len = make_chunk(&c, i, chunk);
        merkle_leaf_hash(BYTES(chunk, len), c.hashes[i]);
        merkle_append(&tree, c.hashes[i]);
    }
    merkle_root(&tree, c.commitment.content_root);
    return c;
}

static struct blobs *open_store(void)
{
    struct blobs *b;
    assert_ok(blobs_open(test_dir, &b));
    return b;
}

static struct blob *open_blob(struct blobs *b, const struct content *c, bool write)
{
    struct blob *blob;
    assert_ok(blob_open(b, &c->commitment, write, &blob));
    return blob;
}

static void put_manifest(struct blob *blob, const struct content *c)
{
    assert_ok(blob_put_manifest(blob, 0, BYTES(c->hashes, (size_t)c->commitment.n_chunks * HASH_BYTES)));
}

static enum tide_err put_chunk(struct blob *blob, const struct content *c, uint64_t chunk)
{
    static uint8_t sealed[AGE_SEALED_CHUNK_BYTES];
    size_t len = make_chunk(c, chunk, sealed);
    return blob_put_chunk(blob, chunk, BYTES(sealed, len));
}

static void assert_chunk(struct blob *blob, const struct content *c, uint64_t chunk)
{
    static uint8_t expected[AGE_SEALED_CHUNK_BYTES], got[AGE_SEALED_CHUNK_BYTES];
    size_t len = make_chunk(c, chunk, expected), got_len;
    assert_ok(blob_get_chunk(blob, chunk, got, &got_len));
    assert_int_equal(got_len, len);
    assert_memory_equal(got, expected, len);
}

static enum tide_err get_err(struct blob *blob, uint64_t chunk)
{
    static uint8_t got[AGE_SEALED_CHUNK_BYTES];
    size_t len;
    enum tide_err err = blob_get_chunk(blob, chunk, got, &len);
    if (err != TIDE_OK) assert_int_equal(len, 0);
    return err;
}

/* A file of this content. */
static const char *blob_file(const struct content *c, const char *file)
{
    char name[512], *to = name;
    to += sprintf(to, "blobs/");
    for (size_t i = 0; i < 32; i++) to += sprintf(to, "%02x", c->commitment.content_root[i]);
    *to++ = '-';
    for (size_t i = 0; i < 32; i++) to += sprintf(to, "%02x", c->commitment.key_commitment[i]);
    sprintf(to, "-%llu/%s", (unsigned long long)c->commitment.plaintext_len, file);
    return in_test_dir(name);
}

static void test_whole_transfer(void **state)
{
    static const uint64_t lengths[] = {0, 1, 65535, 65536, 65537, 10 * 65536 + 5};
    (void)state;
    struct blobs *b = open_store();
    for (unsigned i = 0; i < ARRAY_LEN(lengths); i++) {
        struct content c = make_content(i + 1, lengths[i]);
        struct blob *blob, *reader;
        assert_int_equal(blob_open(b, &c.commitment, false, &blob), TIDE_ENOTFOUND);
        blob = open_blob(b, &c, true);
        assert_int_equal(blob_manifest_have(blob), 0);
        assert_int_equal(put_chunk(blob, &c, 0), TIDE_ENOTFOUND); /* no manifest yet */
        put_manifest(blob, &c);
        assert_int_equal(blob_manifest_have(blob), c.commitment.n_chunks);
        for (uint64_t chunk = c.commitment.n_chunks; chunk-- > 0;) {
            assert_int_equal(get_err(blob, chunk), TIDE_ENOTFOUND);
            assert_false(blob_is_complete(blob));
            assert_ok(put_chunk(blob, &c, chunk));
            assert_ok(put_chunk(blob, &c, chunk)); /* again: harmless */
        }
        assert_true(blob_is_complete(blob));
        assert_int_equal(blob_have(blob), c.commitment.n_chunks);
        assert_ok(blob_sync(blob));
        reader = open_blob(b, &c, false);
        assert_true(blob_is_complete(reader));
        for (uint64_t chunk = 0; chunk < c.commitment.n_chunks; chunk++) assert_chunk(reader, &c, chunk);
        assert_int_equal(get_err(reader, c.commitment.n_chunks), TIDE_EINVAL);
        assert_int_equal(put_chunk(reader, &c, 0), TIDE_EDENIED);
        /* the file is an age payload: nonce ‖ chunks */
        assert_int_equal(file_size(blob_file(&c, "payload")), (off_t)age_payload_len(lengths[i]));
        uint8_t nonce[16];
        int fd = open(blob_file(&c, "payload"), O_RDONLY);
        assert_int_equal(read(fd, nonce, 16), 16);
        close(fd);
        assert_memory_equal(nonce, c.commitment.nonce, 16);
        blob_close(&reader);
        blob_close(&blob);
        assert_null(blob);
        free(c.hashes);
    }
    blobs_close(&b);
}

static void test_what_is_refused(void **state)
{
    static uint8_t sealed[AGE_SEALED_CHUNK_BYTES + 1];
    (void)state;
    struct blobs *b = open_store();
    struct content c = make_content(1, 3 * 65536 + 7), other = make_content(2, 3 * 65536 + 7);
    struct age_commitment wrong = c.commitment;
    struct blob *blob;

    wrong.n_chunks++;
    assert_int_equal(blob_open(b, &wrong, true, &blob), TIDE_EINVAL);
    wrong.plaintext_len = UINT64_C(1) << 53;
    wrong.n_chunks = age_n_chunks(wrong.plaintext_len);
    assert_int_equal(blob_open(b, &wrong, true, &blob), TIDE_ELIMIT);
    wrong.plaintext_len = UINT64_MAX;
    assert_int_equal(blob_open(b, &wrong, true, &blob), TIDE_EINVAL);

    blob = open_blob(b, &c, true);
    put_manifest(blob, &c);
    assert_int_equal(blob_put_manifest(blob, 0, BYTES(c.hashes, 32)), TIDE_EINVAL); /* it is whole */
    size_t len = make_chunk(&c, 1, sealed);
    assert_int_equal(blob_put_chunk(blob, 0, BYTES(sealed, len)), TIDE_EAUTH);
    assert_int_equal(blob_put_chunk(blob, 1, BYTES(sealed, len - 1)), TIDE_EINVAL);
    assert_int_equal(blob_put_chunk(blob, 1, BYTES(sealed, len + 1)), TIDE_EINVAL);
    assert_int_equal(blob_put_chunk(blob, 4, BYTES(sealed, len)), TIDE_EINVAL);
    assert_int_equal(blob_put_chunk(blob, UINT64_MAX, BYTES(sealed, len)), TIDE_EINVAL);
    sealed[len / 2] ^= 1;
    assert_int_equal(blob_put_chunk(blob, 1, BYTES(sealed, len)), TIDE_EAUTH);
    assert_int_equal(put_chunk(blob, &other, 1), TIDE_EAUTH);
    assert_int_equal(blob_have(blob), 0);
    blob_close(&blob);
    blobs_close(&b);
    free(c.hashes);
    free(other.hashes);
}

static void test_manifest_in_pieces(void **state)
{
    uint8_t read_back[32 * 32];
    size_t len;
    (void)state;
    struct blobs *b = open_store();
    struct content c = make_content(3, 20 * 65536);
    struct blob *blob = open_blob(b, &c, true);

    assert_ok(blob_put_manifest(blob, 0, BYTES(c.hashes, 7 * 32)));
    assert_int_equal(blob_put_manifest(blob, 6, BYTES(c.hashes[6], 32)), TIDE_EINVAL);
    assert_int_equal(blob_put_manifest(blob, 8, BYTES(c.hashes[8], 32)), TIDE_EINVAL);
    assert_int_equal(blob_put_manifest(blob, 7, BYTES(c.hashes[7], 33)), TIDE_EINVAL);
    assert_int_equal(blob_put_manifest(blob, 7, BYTES(c.hashes[7], 0)), TIDE_EINVAL);
    assert_int_equal(blob_put_manifest(blob, 7, BYTES(c.hashes, 14 * 32)), TIDE_EINVAL); /* more than there are */
    assert_int_equal(blob_get_manifest(blob, 0, read_back, sizeof read_back, &len), TIDE_ENOTFOUND);
    blob_close(&blob); /* interrupted, and gone on with */
    blob = open_blob(b, &c, true);
    assert_int_equal(blob_manifest_have(blob), 7);
    assert_ok(blob_put_manifest(blob, 7, BYTES(c.hashes[7], 13 * 32)));
    assert_ok(blob_get_manifest(blob, 0, read_back, sizeof read_back, &len));
    assert_int_equal(len, 20 * 32);
    assert_memory_equal(read_back, c.hashes, len);
    assert_ok(blob_get_manifest(blob, 18, read_back, 100, &len));
    assert_int_equal(len, 64);
    assert_ok(blob_get_manifest(blob, 20, read_back, 100, &len));
    assert_int_equal(len, 0);
    blob_close(&blob);
    blobs_close(&b);
    free(c.hashes);
}

static void test_wrong_manifest_starts_again(void **state)
{
    (void)state;
    struct blobs *b = open_store();
    struct content c = make_content(4, 5 * 65536);
    struct blob *blob = open_blob(b, &c, true);
    c.hashes[2][9] ^= 1;
    assert_ok(blob_put_manifest(blob, 0, BYTES(c.hashes, 4 * 32)));
    assert_int_equal(blob_put_manifest(blob, 4, BYTES(c.hashes[4], 32)), TIDE_EAUTH);
    assert_int_equal(blob_manifest_have(blob), 0);
    c.hashes[2][9] ^= 1;
    put_manifest(blob, &c);
    assert_ok(put_chunk(blob, &c, 2));
    blob_close(&blob);
    blobs_close(&b);
    free(c.hashes);
}

/* A shorter list of inner nodes has the same root; it must not stand in the true content's way. */
static void test_inner_nodes_as_leaves(void **state)
{
    uint8_t short_manifest[3][HASH_BYTES];
    (void)state;
    struct blobs *b = open_store();
    struct content c = make_content(5, 4 * 65536), fake = c;
    fake.commitment.plaintext_len = 3 * 65536;
    fake.commitment.n_chunks = 3;
    memcpy(short_manifest, c.hashes, 2 * HASH_BYTES);
    merkle_node_hash(c.hashes[2], c.hashes[3], short_manifest[2]);

    struct blob *blob = open_blob(b, &fake, true);
    assert_ok(blob_put_manifest(blob, 0, BYTES(short_manifest, sizeof short_manifest)));
    assert_ok(put_chunk(blob, &c, 0));
    blob_close(&blob);
    blob = open_blob(b, &c, true);
    put_manifest(blob, &c);
    for (uint64_t i = 0; i < 4; i++) assert_ok(put_chunk(blob, &c, i));
    assert_true(blob_is_complete(blob));
    blob_close(&blob);
    blobs_close(&b);
    free(c.hashes);
}

static void test_missing_ranges(void **state)
{
    struct blob_range ranges[4];
    size_t n;
    (void)state;
    struct blobs *b = open_store();
    struct content c = make_content(6, 140 * 65536);
    struct blob *blob = open_blob(b, &c, true);
    put_manifest(blob, &c);
    assert_ok(blob_missing(blob, ranges, 4, &n));
    assert_int_equal(n, 1);
    assert_int_equal(ranges[0].first, 0);
    assert_int_equal(ranges[0].count, 140);
    static const uint64_t put[] = {0, 3, 63, 64, 100, 139};
    for (size_t i = 0; i < ARRAY_LEN(put); i++) assert_ok(put_chunk(blob, &c, put[i]));
    assert_ok(blob_missing(blob, ranges, 4, &n));
    static const uint64_t expected[4][2] = {{1, 2}, {4, 59}, {65, 35}, {101, 38}};
    assert_int_equal(n, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ranges[i].first, expected[i][0]);
        assert_int_equal(ranges[i].count, expected[i][1]);
    }
    assert_ok(blob_missing(blob, ranges, 2, &n));
    assert_int_equal(n, 2);
    blob_close(&blob);
    blob = open_blob(b, &c, true); /* and so after it was closed */
    assert_int_equal(blob_have(blob), ARRAY_LEN(put));
    for (uint64_t i = 0; i < 140; i++) assert_ok(put_chunk(blob, &c, i));
    assert_ok(blob_missing(blob, ranges, 4, &n));
    assert_int_equal(n, 0);
    blob_close(&blob);
    blobs_close(&b);
    free(c.hashes);
}

static struct content killed;

/* Dies with some chunks synced and some not: nothing of what the system has is asked for again. */
static void upload_and_die(void)
{
    struct blobs *b = open_store();
    struct blob *blob = open_blob(b, &killed, true);
    put_manifest(blob, &killed);
    for (uint64_t i = 0; i < 5; i++) assert_ok(put_chunk(blob, &killed, i));
    assert_ok(blob_sync(blob));
    for (uint64_t i = 5; i < 8; i++) assert_ok(put_chunk(blob, &killed, i));
    kill(getpid(), SIGKILL);
}

/* Runs it in a child, which must die by a signal. */
static void dies(void (*what)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        what();
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void test_killed_during_upload(void **state)
{
    (void)state;
    killed = make_content(7, 10 * 65536);
    dies(upload_and_die);

    struct blobs *b = open_store();
    struct blob *blob = open_blob(b, &killed, false);
    assert_int_equal(blob_have(blob), 5); /* a reader counts what was synced */
    blob_close(&blob);
    blob = open_blob(b, &killed, true);
    assert_int_equal(blob_manifest_have(blob), 10);
    assert_int_equal(blob_have(blob), 8);
    struct blob_range ranges[4];
    size_t n_ranges;
    assert_ok(blob_missing(blob, ranges, 4, &n_ranges));
    assert_int_equal(n_ranges, 1);
    assert_int_equal(ranges[0].first, 8);
    assert_int_equal(ranges[0].count, 2);
    blob_close(&blob); /* synced: what was found counts from now on */
    blob = open_blob(b, &killed, false);
    assert_int_equal(blob_have(blob), 8);
    blob_close(&blob);
    blob = open_blob(b, &killed, true);
    for (uint64_t i = 8; i < 10; i++) assert_ok(put_chunk(blob, &killed, i));
    assert_true(blob_is_complete(blob));
    for (uint64_t i = 0; i < 10; i++) assert_chunk(blob, &killed, i);
    blob_close(&blob);
    blobs_close(&b);
    free(killed.hashes);
}

/* What lies in the payload, put there without the store. */
static void write_payload(const struct content *c, uint64_t chunk, size_t from, size_t n)
{
    static uint8_t sealed[AGE_SEALED_CHUNK_BYTES];
    int fd = open(blob_file(c, "payload"), O_WRONLY);
    assert_true(fd >= 0);
    assert_true(from + n <= make_chunk(c, chunk, sealed));
    off_t at = (off_t)(16 + chunk * AGE_SEALED_CHUNK_BYTES + from);
    assert_int_equal(pwrite(fd, sealed + from, n, at), (ssize_t)n);
    close(fd);
}

/* Of a large content little is there, in several places; torn chunks and foreign bytes among it are not counted. */
static void test_found_after_a_crash(void **state)
{
    static const uint64_t whole[] = {0, 1, 63, 64, 4000, 9999};
    (void)state;
    struct blobs *b = open_store();
    struct content c = make_content(11, 10000 * UINT64_C(65536) - 5);
    struct blob *blob = open_blob(b, &c, true);
    put_manifest(blob, &c);
    blob_close(&blob);
    for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
        write_payload(&c, whole[i], 0, age_sealed_chunk_len(c.commitment.plaintext_len, whole[i]));
    }
    write_payload(&c, 2, 0, 30000);      /* torn: its end is missing */
    write_payload(&c, 3999, 500, 65000); /* its beginning */
    write_payload(&c, 5000, 0, 65551);   /* a byte */
    write_payload(&c, 62, 0, 65552);
    flip_byte(blob_file(&c, "payload"), 16 + 62 * 65552 + 7);

    blob = open_blob(b, &c, true);
    assert_int_equal(blob_have(blob), ARRAY_LEN(whole));
    for (size_t i = 0; i < ARRAY_LEN(whole); i++) assert_chunk(blob, &c, whole[i]);
    static const uint64_t torn[] = {2, 3999, 5000, 62, 7000};
    for (size_t i = 0; i < ARRAY_LEN(torn); i++) {
        assert_int_equal(get_err(blob, torn[i]), TIDE_ENOTFOUND);
        assert_ok(put_chunk(blob, &c, torn[i])); /* and comes again */
        assert_chunk(blob, &c, torn[i]);
    }
    assert_int_equal(blob_have(blob), ARRAY_LEN(whole) + ARRAY_LEN(torn));
    blob_close(&blob);
    blobs_close(&b);
    free(c.hashes);
}

static void put_part_and_die(void)
{
    struct blobs *b = open_store();
    struct blob *blob = open_blob(b, &killed, true);
    assert_ok(blob_put_manifest(blob, 0, BYTES(killed.hashes, 6 * 32)));
    kill(getpid(), SIGKILL);
}

static void test_killed_during_manifest(void **state)
{
    (void)state;
    killed = make_content(12, 10 * 65536);
    dies(put_part_and_die);
    int fd = open(blob_file(&killed, "manifest.part"), O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, killed.hashes[6], 11), 11); /* a torn hash */
    close(fd);
    struct blobs *b = open_store();
    struct blob *blob = open_blob(b, &killed, true);
    assert_int_equal(blob_manifest_have(blob), 6);
    assert_ok(blob_put_manifest(blob, 6, BYTES(killed.hashes[6], 4 * 32)));
    assert_ok(put_chunk(blob, &killed, 3));
    blob_close(&blob);
    blobs_close(&b);
    free(killed.hashes);
}

static void put_all(struct blobs *b, const struct content *c)
{
    struct blob *blob = open_blob(b, c, true);
    put_manifest(blob, c);
    for (uint64_t i = 0; i < c->commitment.n_chunks; i++) assert_ok(put_chunk(blob, c, i));
    blob_close(&blob);
}

static void test_damage_is_found(void **state)
{
    (void)state;
    struct blobs *b = open_store();
    struct content c = make_content(8, 6 * 65536 + 1);
    put_all(b, &c);

    flip_byte(blob_file(&c, "payload"), 16 + 2 * 65552 + 99);
    struct blob *blob = open_blob(b, &c, false);
    assert_int_equal(get_err(blob, 2), TIDE_EDAMAGED);
    assert_chunk(blob, &c, 1);
    blob_close(&blob);
    flip_byte(blob_file(&c, "payload"), 16 + 2 * 65552 + 99);

    flip_byte(blob_file(&c, "have"), 0); /* looked at again, chunk by chunk */
    blob = open_blob(b, &c, false);
    assert_true(blob_is_complete(blob));
    blob_close(&blob);
    assert_int_equal(truncate(blob_file(&c, "payload"), 16 + 5 * 65552), 0);
    blob = open_blob(b, &c, false);
    assert_int_equal(blob_have(blob), 5);
    assert_int_equal(get_err(blob, 5), TIDE_ENOTFOUND);
    blob_close(&blob);
    blob = open_blob(b, &c, true); /* and completed */
    assert_ok(put_chunk(blob, &c, 5));
    assert_ok(put_chunk(blob, &c, 6));
    assert_true(blob_is_complete(blob));
    blob_close(&blob);

    flip_byte(blob_file(&c, "manifest"), 3 * 32 + 5);
    blob = open_blob(b, &c, false);
    assert_int_equal(get_err(blob, 3), TIDE_EDAMAGED);
    blob_close(&blob);
    blob = open_blob(b, &c, true); /* who writes starts again with it */
    assert_int_equal(blob_manifest_have(blob), 0);
    assert_int_equal(blob_have(blob), 0);
    blob_close(&blob);
    put_all(b, &c);
    assert_int_equal(truncate(blob_file(&c, "manifest"), 64), 0);
    assert_int_equal(blob_open(b, &c.commitment, false, &blob), TIDE_EDAMAGED);
    blobs_close(&b);
    free(c.hashes);
}

static void test_full_disk(void **state)
{
    int status;
    (void)state;
    struct content c = make_content(9, 6 * 65536);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit limit = {3 * 65552, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
        signal(SIGXFSZ, SIG_IGN);
        struct blobs *b = open_store();
        struct blob *blob = open_blob(b, &c, true);
        put_manifest(blob, &c);
        setrlimit(RLIMIT_FSIZE, &limit);
        assert_ok(put_chunk(blob, &c, 0));
        if (put_chunk(blob, &c, 4) != TIDE_EFULL || put_chunk(blob, &c, 2) != TIDE_EFULL) _exit(1);
        if (blob_have(blob) != 1) _exit(2);
        setrlimit(RLIMIT_FSIZE, &none);
        if (put_chunk(blob, &c, 2) != TIDE_OK) _exit(3);
        assert_chunk(blob, &c, 2);
        blob_close(&blob);
        blobs_close(&b);
        free(c.hashes);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    free(c.hashes);
}

/* Root, nonce and length of a listing are public: naming them under another key gives nothing of what it stored. */
static void test_another_key_is_another_content(void **state)
{
    (void)state;
    struct blobs *b = open_store();
    struct content c = make_content(1, 1), thief = c;
    struct blob *blob = open_blob(b, &c, true), *other;
    put_manifest(blob, &c);
    assert_ok(put_chunk(blob, &c, 0));
    assert_ok(blob_sync(blob));
    thief.commitment.key_commitment[0] ^= 1;
    assert_int_equal(blob_open(b, &thief.commitment, false, &other), TIDE_ENOTFOUND);
    other = open_blob(b, &thief, true);
    assert_false(blob_is_complete(other));
    assert_int_equal(get_err(other, 0), TIDE_ENOTFOUND);
    blob_close(&other);
    blob_close(&blob);
    free(c.hashes);
    blobs_close(&b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_test_dir, remove_test_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_whole_transfer),      TEST(test_what_is_refused),       TEST(test_manifest_in_pieces),
        TEST(test_wrong_manifest_starts_again), TEST(test_inner_nodes_as_leaves), TEST(test_missing_ranges),
        TEST(test_killed_during_upload), TEST(test_found_after_a_crash), TEST(test_killed_during_manifest),
        TEST(test_damage_is_found),      TEST(test_full_disk),
        TEST(test_another_key_is_another_content),
    };
    return cmocka_run_group_tests_name("storage blobs", tests, NULL, NULL);
}
