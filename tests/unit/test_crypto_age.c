/*
 * age files: golden values by another implementation, lengths around chunks, damage anywhere, files and pipes, one
 * thread and many, cancelling, and input or output that fails at any call.
 */
#include "crypto/age.h"
#include "crypto/age_pipeline.h"
#include "crypto/identity.h"
#include "crypto/merkle.h"
#include "tests/unit/test_crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define CHUNK AGE_CHUNK_BYTES
#define SEALED AGE_SEALED_CHUNK_BYTES
#define BATCH ((size_t)BATCH_CHUNKS * CHUNK) /* what one thread carries at a time */

/* --- readv and writev that misbehave on demand --- */

static atomic_int calls_until_failure = -1, failure_errno; /* the n-th call of either fails */
static atomic_bool moves_little;                           /* every call moves a few bytes only, and some are interrupted */
static atomic_uint call_count;

static bool misbehaves(void)
{
    atomic_fetch_add(&call_count, 1);
    if (atomic_load(&calls_until_failure) < 0 || atomic_fetch_sub(&calls_until_failure, 1) > 0) return false;
    errno = atomic_load(&failure_errno);
    return true;
}

static ssize_t move(long number, int fd, const struct iovec *pieces, int n)
{
    if (misbehaves()) return -1;
    if (!atomic_load(&moves_little)) return syscall(number, fd, pieces, n);
    if (atomic_load(&call_count) % 3 == 0) {
        errno = EINTR;
        return -1;
    }
    struct iovec little = pieces[0];
    if (little.iov_len > 7001) little.iov_len = 7001;
    return syscall(number, fd, &little, 1);
}

ssize_t readv(int fd, const struct iovec *pieces, int n)
{
    return move(SYS_readv, fd, pieces, n);
}

ssize_t writev(int fd, const struct iovec *pieces, int n)
{
    return move(SYS_writev, fd, pieces, n);
}

/* Buffers of the n-th worker and after it are not to be had. */
static int buffers_left = -1;

void *aligned_alloc(size_t alignment, size_t size)
{
    void *block;
    if (buffers_left == 0) return NULL;
    if (buffers_left > 0) buffers_left--;
    return posix_memalign(&block, alignment, size) == 0 ? block : NULL;
}

/* --- helpers --- */

static uint8_t file_key[16], nonce[16];

static int memory_file(const void *data, size_t len)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    assert_true(fd >= 0);
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, (const uint8_t *)data + done, len - done);
        assert_true(n > 0);
        done += (size_t)n;
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static uint8_t *slurp(int fd, size_t *len)
{
    *len = (size_t)lseek(fd, 0, SEEK_END);
    uint8_t *data = malloc(*len + 1);
    assert_non_null(data);
    for (size_t done = 0; done < *len;) {
        ssize_t n = pread(fd, data + done, *len - done, (off_t)done);
        assert_true(n > 0);
        done += (size_t)n;
    }
    return data;
}

static uint8_t *plaintext_of(size_t len)
{
    uint8_t *plain = malloc(len + 1);
    assert_non_null(plain);
    for (size_t i = 0; i < len; i++) plain[i] = (uint8_t)(i * 7 + (i >> 8));
    return plain;
}

/* Seals in memory; the payload is malloc'd. */
static uint8_t *seal(const uint8_t *plain, size_t len, unsigned n_threads, size_t *sealed_len,
                     struct age_commitment *commitment)
{
    struct age_work work = {.n_threads = n_threads};
    int in = memory_file(plain, len), out = memory_file(NULL, 0);
    assert_int_equal(age_payload_seal(in, out, -1, file_key, nonce, &work, commitment), TIDE_OK);
    uint8_t *sealed = slurp(out, sealed_len);
    close(in);
    close(out);
    return sealed;
}

/* Opens what is in memory; *plain_len is what came out, whatever the result. */
static enum tide_err open_all(const uint8_t *sealed, size_t len, unsigned n_threads,
                              const struct age_commitment *expected, uint8_t **plain, size_t *plain_len)
{
    struct age_work work = {.n_threads = n_threads};
    int in = memory_file(sealed, len), out = memory_file(NULL, 0);
    enum tide_err err = age_payload_open(in, out, file_key, expected, &work);
    *plain = slurp(out, plain_len);
    close(in);
    close(out);
    return err;
}

static enum tide_err open_only(const uint8_t *sealed, size_t len, const struct age_commitment *expected)
{
    uint8_t *plain;
    size_t plain_len;
    enum tide_err err = open_all(sealed, len, 2, expected, &plain, &plain_len);
    free(plain);
    return err;
}

/* --- grants --- */

static void a_grant_opens_for_its_recipient_alone(void **state)
{
    (void)state;
    uint8_t secret[32] = {8}, other[32] = {16}, recipient[32], grant[AGE_GRANT_BYTES], key[16], zeros[16] = {0};
    size_t len;
    x25519_public(secret, recipient);
    assert_int_equal(age_grant_seal(file_key, recipient, grant), TIDE_OK);
    assert_int_equal(age_header_open(BYTES(grant, sizeof grant), secret, key, &len), TIDE_OK);
    assert_int_equal(len, AGE_GRANT_BYTES);
    assert_memory_equal(key, file_key, 16);
    assert_int_equal(age_header_open(BYTES(grant, sizeof grant), other, key, &len), TIDE_EAUTH);
    assert_memory_equal(key, zeros, 16);
    assert_int_equal(age_header_open_passphrase(BYTES(grant, sizeof grant), BYTES_TEXT("p"), key, &len), TIDE_EAUTH);

    uint8_t low_order[32] = {1};
    assert_int_equal(age_grant_seal(file_key, low_order, grant), TIDE_EINVAL);
    memset(low_order, 0, sizeof low_order);
    assert_int_equal(age_grant_seal(file_key, low_order, grant), TIDE_EINVAL);
}

static void any_change_of_a_grant_is_seen(void **state)
{
    (void)state;
    uint8_t secret[32] = {8}, recipient[32], grant[AGE_GRANT_BYTES], key[16];
    size_t len;
    x25519_public(secret, recipient);
    assert_int_equal(age_grant_seal(file_key, recipient, grant), TIDE_OK);
    assert_true(age_grant_is_well_formed(BYTES(grant, sizeof grant)));
    for (size_t i = 0; i < sizeof grant; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            grant[i] ^= (uint8_t)(1u << bit);
            assert_int_not_equal(age_header_open(BYTES(grant, sizeof grant), secret, key, &len), TIDE_OK);
            grant[i] ^= (uint8_t)(1u << bit);
        }
    }
    for (size_t cut = 0; cut < sizeof grant; cut++) {
        assert_int_equal(age_header_open(BYTES(grant, cut), secret, key, &len), TIDE_EMALFORMED);
        assert_false(age_grant_is_well_formed(BYTES(grant, cut)));
    }
}

/* A second spelling of the same values would be another grant for the same key. */
static void a_grant_has_one_spelling(void **state)
{
    (void)state;
    uint8_t secret[32] = {8}, recipient[32], grant[AGE_GRANT_BYTES], key[16];
    size_t len;
    x25519_public(secret, recipient);
    assert_int_equal(age_grant_seal(file_key, recipient, grant), TIDE_OK);
    for (size_t i = 0; i < sizeof grant; i++) {
        uint8_t good = grant[i];
        for (int c = 0; c < 256; c++) {
            grant[i] = (uint8_t)c;
            if (c == good) continue;
            assert_int_not_equal(age_header_open(BYTES(grant, sizeof grant), secret, key, &len), TIDE_OK);
            if (c >= 0x80) assert_false(age_grant_is_well_formed(BYTES(grant, sizeof grant)));
        }
        grant[i] = good;
    }
}

static void the_shape_of_a_grant(void **state)
{
    (void)state;
    uint8_t recipients[2][32], *file, grant[AGE_GRANT_BYTES + 1] = {0};
    size_t len;
    x25519_public((const uint8_t[32]){8}, recipients[0]);
    x25519_public((const uint8_t[32]){16}, recipients[1]);
    assert_int_equal(age_grant_seal(file_key, recipients[0], grant), TIDE_OK);
    assert_false(age_grant_is_well_formed(BYTES(grant, AGE_GRANT_BYTES + 1)));
    assert_false(age_grant_is_well_formed(BYTES(NULL, 0)));
    memcpy(grant + 25, "x25519", 6); /* as long, but another type */
    assert_false(age_grant_is_well_formed(BYTES(grant, AGE_GRANT_BYTES)));
    assert_int_equal(age_file_seal(BYTES("x", 1), (const uint8_t(*)[32])recipients, 2, &file, &len), TIDE_OK);
    assert_false(age_grant_is_well_formed(BYTES(file, AGE_GRANT_BYTES)));
    free(file);
}

static void a_header_needs_a_stanza(void **state)
{
    (void)state;
    uint8_t key[16], secret[32] = {8};
    size_t len;
    struct bytes none = BYTES_TEXT("age-encryption.org/v1\n--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
    struct bytes other = BYTES_TEXT("age-encryption.org/v1\n-> x\n\n--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
    assert_int_equal(age_header_open(none, secret, key, &len), TIDE_EMALFORMED);
    assert_int_equal(age_header_open(other, secret, key, &len), TIDE_EAUTH);
}

/* What comes after AGE_HEADER_MAX is not read. */
static void headers_have_a_limit(void **state)
{
    (void)state;
    uint8_t key[16], secret[32] = {1};
    size_t len, room = AGE_HEADER_MAX + 1000;
    char *header = calloc(1, room);
    assert_non_null(header);
    char *at = stpcpy(header, "age-encryption.org/v1\n");
    while ((size_t)(at - header) < AGE_HEADER_MAX) at = stpcpy(at, "-> grease\n\n");
    size_t whole = (size_t)(at - header);
    assert_int_equal(age_header_open(BYTES(header, whole), secret, key, &len), TIDE_ELIMIT);
    assert_int_equal(age_header_open(BYTES(header, 1000), secret, key, &len), TIDE_EMALFORMED);
    free(header);
}

/* --- chunks and lengths --- */

static void lengths_of_payloads(void **state)
{
    (void)state;
    assert_int_equal(age_n_chunks(0), 1);
    assert_int_equal(age_n_chunks(1), 1);
    assert_int_equal(age_n_chunks(CHUNK), 1);
    assert_int_equal(age_n_chunks(CHUNK + 1), 2);
    assert_int_equal(age_payload_len(0), 32);
    assert_int_equal(age_payload_len(CHUNK), 16 + SEALED);
    assert_int_equal(age_payload_len(2 * CHUNK + 1), 16 + 2 * SEALED + 17);
    assert_int_equal(age_sealed_chunk_len(0, 0), 16);
    assert_int_equal(age_sealed_chunk_len(CHUNK, 0), SEALED);
    assert_int_equal(age_sealed_chunk_len(CHUNK + 1, 0), SEALED);
    assert_int_equal(age_sealed_chunk_len(CHUNK + 1, 1), 17);
}

/* Values computed with Python's hashlib and PyNaCl. */
static void a_payload_of_another_implementation(void **state)
{
    (void)state;
    struct age_commitment c;
    size_t len = 2 * CHUNK + 1000, sealed_len, manifest_len;
    uint8_t key[32], digest[32], *plain = plaintext_of(len);
    int in = memory_file(plain, len), out = memory_file(NULL, 0), manifest_fd = memory_file(NULL, 0);

    age_payload_key(file_key, nonce, key);
    assert_hex(key, 32, "a9b6b2f491423ef997e866099d8ab29f171b0374a41426b361d50625ffa8044b");
    assert_int_equal(age_payload_seal(in, out, manifest_fd, file_key, nonce, NULL, &c), TIDE_OK);
    uint8_t *sealed = slurp(out, &sealed_len), *manifest = slurp(manifest_fd, &manifest_len);
    sha256(BYTES(sealed, sealed_len), digest);
    assert_hex(digest, 32, "59562d1e0e76f2f56ba91b21ca5368ad605ad722d16f9427ea1f1c110aee666e");
    sha256(BYTES(manifest, manifest_len), digest);
    assert_hex(digest, 32, "76fe977e7292928a38c299f77dc60488ed6e7b21fe83bf31f9bf4754e5f5a9f2");
    assert_int_equal(sealed_len, age_payload_len(len));
    assert_int_equal(manifest_len, 96);
    assert_int_equal(c.plaintext_len, len);
    assert_int_equal(c.n_chunks, 3);
    assert_memory_equal(c.nonce, nonce, 16);
    assert_hex(c.content_root, 32, "4fc14b06ea0bafe7c53f1c499ecd7eefdd464b941142a01681847ef7954b2041");
    assert_hex(c.key_commitment, 32, "eb5dc865b09f8ef2e58331358a9d16096b3249679e18f7d8ac37890131c27d90");

    uint8_t chunk[CHUNK];
    assert_int_equal(age_chunk_open(key, 1, false, BYTES(sealed + 16 + SEALED, SEALED), chunk), TIDE_OK);
    assert_memory_equal(chunk, plain + CHUNK, CHUNK);
    assert_int_equal(age_chunk_open(key, 1, true, BYTES(sealed + 16 + SEALED, SEALED), chunk), TIDE_EAUTH);
    assert_int_equal(age_chunk_open(key, 0, false, BYTES(sealed + 16 + SEALED, SEALED), chunk), TIDE_EAUTH);
    assert_int_equal(age_chunk_open(key, 1, false, BYTES(sealed + 16 + SEALED, 15), chunk), TIDE_EAUTH);
    close(in), close(out), close(manifest_fd);
    free(plain), free(sealed), free(manifest);
}

/* Every length around chunks and batches, by one thread and by many; the single-chunk functions agree. */
static void lengths_around_chunks_and_batches(void **state)
{
    (void)state;
    static const size_t lengths[] = {0,         1,         15,        CHUNK - 1,     CHUNK,         CHUNK + 1,
                                     2 * CHUNK, BATCH - 1, BATCH,     BATCH + 1,     BATCH + CHUNK, 2 * BATCH,
                                     3 * BATCH + 5};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct age_commitment one, many;
        size_t len = lengths[i], sealed_len, many_len, back_len;
        uint8_t *plain = plaintext_of(len), *back, key[32], *expected = malloc(age_payload_len(len)), *at = expected;
        uint8_t *sealed = seal(plain, len, 1, &sealed_len, &one), *sealed_by_many = seal(plain, len, 4, &many_len, &many);

        assert_non_null(expected);
        assert_int_equal(sealed_len, age_payload_len(len));
        assert_int_equal(many_len, sealed_len);
        assert_memory_equal(sealed, sealed_by_many, sealed_len);
        assert_memory_equal(&one, &many, sizeof one);
        age_payload_key(file_key, nonce, key);
        memcpy(at, nonce, 16);
        at += 16;
        struct merkle_tree tree = {0};
        for (uint64_t c = 0; c < age_n_chunks(len); c++) {
            size_t n = age_sealed_chunk_len(len, c);
            uint8_t leaf[32];
            age_chunk_seal(key, c, c + 1 == age_n_chunks(len), BYTES(plain + c * CHUNK, n - 16), at);
            merkle_leaf_hash(BYTES(at, n), leaf);
            merkle_append(&tree, leaf);
            at += n;
        }
        assert_memory_equal(sealed, expected, sealed_len);
        uint8_t root[32];
        merkle_root(&tree, root);
        assert_memory_equal(one.content_root, root, 32);
        assert_int_equal(one.plaintext_len, len);
        assert_int_equal(one.n_chunks, age_n_chunks(len));
        for (unsigned n_threads = 0; n_threads < 4; n_threads++) {
            const struct age_commitment *commitment = n_threads % 2 == 0 ? &one : NULL;
            assert_int_equal(open_all(sealed, sealed_len, n_threads, commitment, &back, &back_len), TIDE_OK);
            assert_int_equal(back_len, len);
            assert_memory_equal(back, plain, len);
            free(back);
        }
        free(plain), free(sealed), free(sealed_by_many), free(expected);
    }
}

/* --- damage --- */

/* Wherever a byte is wrong, only whole chunks before it come out, all of them right. */
static void damage_is_seen_and_what_came_before_is_right(void **state)
{
    (void)state;
    struct age_commitment c;
    size_t len = 4 * BATCH + 3 * CHUNK + 9, sealed_len, out_len;
    uint8_t *plain = plaintext_of(len), *sealed = seal(plain, len, 2, &sealed_len, &c), *out;
    const size_t places[] = {16, 16 + SEALED - 1, 16 + SEALED, 16 + 5 * SEALED + 77, 16 + 17 * SEALED, sealed_len - 1};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        size_t chunk = (places[i] - 16) / SEALED;
        sealed[places[i]] ^= 1;
        for (unsigned n_threads = 1; n_threads <= 4; n_threads += 3) {
            assert_int_equal(open_all(sealed, sealed_len, n_threads, &c, &out, &out_len), TIDE_EAUTH);
            assert_int_equal(out_len, chunk * CHUNK);
            assert_memory_equal(out, plain, out_len);
            free(out);
        }
        sealed[places[i]] ^= 1;
    }
    free(plain), free(sealed);
}

static void cut_off_anywhere_is_damage(void **state)
{
    (void)state;
    size_t len = 2 * CHUNK, sealed_len;
    struct age_commitment c;
    uint8_t *plain = plaintext_of(len), *sealed = seal(plain, len, 1, &sealed_len, &c);
    const size_t cuts[] = {0, 1, 15, 16, 17, 31, 32, 16 + SEALED - 1, 16 + SEALED, 16 + SEALED + 1, 16 + SEALED + 16, sealed_len - 1};
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) assert_int_equal(open_only(sealed, cuts[i], NULL), TIDE_EAUTH);
    sealed = realloc(sealed, sealed_len + 20);
    assert_non_null(sealed);
    memset(sealed + sealed_len, 0, 20);
    assert_int_equal(open_only(sealed, sealed_len + 1, NULL), TIDE_EAUTH);
    assert_int_equal(open_only(sealed, sealed_len + 20, NULL), TIDE_EAUTH);
    free(plain), free(sealed);
}

static void every_part_of_the_commitment_counts(void **state)
{
    (void)state;
    size_t len = CHUNK + 3, sealed_len, out_len;
    struct age_commitment c, bad;
    uint8_t *plain = plaintext_of(len), *sealed = seal(plain, len, 1, &sealed_len, &c), *out;
    assert_int_equal(open_only(sealed, sealed_len, &c), TIDE_OK);
    bad = c, bad.content_root[5] ^= 1;
    assert_int_equal(open_only(sealed, sealed_len, &bad), TIDE_EAUTH);
    bad = c, bad.plaintext_len++;
    assert_int_equal(open_only(sealed, sealed_len, &bad), TIDE_EAUTH);
    bad = c, bad.plaintext_len--;
    assert_int_equal(open_all(sealed, sealed_len, 1, &bad, &out, &out_len), TIDE_EAUTH);
    assert_int_equal(out_len, 0); /* it would have been longer than was promised */
    free(out);
    bad = c, bad.n_chunks++;
    assert_int_equal(open_only(sealed, sealed_len, &bad), TIDE_EAUTH);
    /* Another key or nonce is seen before a byte comes out. */
    bad = c, bad.key_commitment[0] ^= 1;
    assert_int_equal(open_all(sealed, sealed_len, 1, &bad, &out, &out_len), TIDE_EAUTH);
    assert_int_equal(out_len, 0);
    free(out);
    bad = c, bad.nonce[0] ^= 1;
    assert_int_equal(open_only(sealed, sealed_len, &bad), TIDE_EAUTH);
    free(plain), free(sealed);
}

/* Chunks change places, or a whole other payload of the same vendor stands in. */
static void chunks_are_bound_to_their_places(void **state)
{
    (void)state;
    size_t len = 4 * CHUNK, sealed_len;
    struct age_commitment c;
    uint8_t *plain = plaintext_of(len), *sealed = seal(plain, len, 1, &sealed_len, &c), *swap = malloc(SEALED);
    assert_non_null(swap);
    memcpy(swap, sealed + 16, SEALED);
    memcpy(sealed + 16, sealed + 16 + SEALED, SEALED);
    memcpy(sealed + 16 + SEALED, swap, SEALED);
    assert_int_equal(open_only(sealed, sealed_len, NULL), TIDE_EAUTH);
    free(plain), free(sealed), free(swap);
}

/* --- pipes, progress, failures --- */

struct feeder {
    int fd;
    const uint8_t *data;
    size_t len;
};

static void *feed(void *arg)
{
    struct feeder *f = arg;
    for (size_t done = 0; done < f->len;) {
        size_t n = f->len - done < 5003 ? f->len - done : 5003;
        ssize_t written = write(f->fd, f->data + done, n);
        if (written <= 0) break;
        done += (size_t)written;
    }
    close(f->fd);
    return NULL;
}

struct drain {
    int fd;
    uint8_t *data;
    size_t len, room;
};

static void *drain_all(void *arg)
{
    struct drain *d = arg;
    ssize_t n;
    while (d->len < d->room && (n = read(d->fd, d->data + d->len, d->room - d->len)) > 0) d->len += (size_t)n;
    close(d->fd);
    return NULL;
}

static void pipes_do_as_files_do(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, CHUNK, 2 * BATCH, 2 * BATCH + 70001};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct age_commitment c, through_pipes;
        struct age_work work = {.n_threads = 3};
        size_t len = lengths[i], sealed_len;
        uint8_t *plain = plaintext_of(len), *sealed = seal(plain, len, 1, &sealed_len, &c);
        int in[2], out[2];
        pthread_t threads[2];
        assert_int_equal(pipe(in), 0);
        assert_int_equal(pipe(out), 0);
        struct feeder feeder = {in[1], plain, len};
        struct drain drain = {out[0], malloc(sealed_len + 1), 0, sealed_len + 1};
        pthread_create(&threads[0], NULL, feed, &feeder);
        pthread_create(&threads[1], NULL, drain_all, &drain);
        assert_int_equal(age_payload_seal(in[0], out[1], -1, file_key, nonce, &work, &through_pipes), TIDE_OK);
        close(in[0]), close(out[1]);
        pthread_join(threads[0], NULL), pthread_join(threads[1], NULL);
        assert_int_equal(drain.len, sealed_len);
        assert_memory_equal(drain.data, sealed, sealed_len);
        assert_memory_equal(&c, &through_pipes, sizeof c);

        assert_int_equal(pipe(in), 0);
        assert_int_equal(pipe(out), 0);
        feeder = (struct feeder){in[1], sealed, sealed_len};
        drain.fd = out[0], drain.len = 0;
        pthread_create(&threads[0], NULL, feed, &feeder);
        pthread_create(&threads[1], NULL, drain_all, &drain);
        assert_int_equal(age_payload_open(in[0], out[1], file_key, &c, &work), TIDE_OK);
        close(in[0]), close(out[1]);
        pthread_join(threads[0], NULL), pthread_join(threads[1], NULL);
        assert_int_equal(drain.len, len);
        assert_memory_equal(drain.data, plain, len);
        free(drain.data), free(plain), free(sealed);
    }
}

struct watcher {
    pthread_t thread;
    uint64_t done, total;
    unsigned n_calls, stop_at;
};

static bool watch(void *ctx, uint64_t done, uint64_t total)
{
    struct watcher *w = ctx;
    assert_true(pthread_equal(w->thread, pthread_self()));
    assert_true(done >= w->done && done <= total);
    w->done = done, w->total = total;
    return ++w->n_calls != w->stop_at;
}

static void progress_is_told_and_can_stop_the_work(void **state)
{
    (void)state;
    size_t len = 9 * BATCH + 1, sealed_len, out_len;
    struct age_commitment c;
    uint8_t *plain = plaintext_of(len), *sealed = seal(plain, len, 1, &sealed_len, &c);
    for (unsigned n_threads = 1; n_threads <= 3; n_threads++) {
        for (unsigned opens = 0; opens < 2; opens++) {
            struct watcher w = {.thread = pthread_self()};
            struct age_work work = {.n_threads = n_threads, .progress = watch, .progress_ctx = &w};
            int in = memory_file(opens ? sealed : plain, opens ? sealed_len : len), out = memory_file(NULL, 0);
            enum tide_err err = opens ? age_payload_open(in, out, file_key, &c, &work)
                                      : age_payload_seal(in, out, -1, file_key, nonce, &work, &c);
            assert_int_equal(err, TIDE_OK);
            if (n_threads == 1) assert_int_equal(w.n_calls, 10);
            if (n_threads == 1) assert_int_equal(w.done, len);
            if (w.n_calls > 0) assert_int_equal(w.total, len);
            close(in), close(out);

            w = (struct watcher){.thread = pthread_self(), .stop_at = 1};
            in = memory_file(opens ? sealed : plain, opens ? sealed_len : len), out = memory_file(NULL, 0);
            struct age_commitment unused;
            err = opens ? age_payload_open(in, out, file_key, &c, &work)
                        : age_payload_seal(in, out, -1, file_key, nonce, &work, &unused);
            if (n_threads == 1 || w.n_calls > 0) assert_int_equal(err, TIDE_ECANCELED);
            uint8_t *got = slurp(out, &out_len);
            assert_memory_equal(got, opens ? plain : sealed, out_len); /* a prefix, whatever was going on */
            if (n_threads == 1) assert_true(out_len < len);
            free(got);
            close(in), close(out);
        }
    }
    free(plain), free(sealed);
}

static bool second_time(void *ctx, uint64_t done, uint64_t total)
{
    (void)done, (void)total;
    return ++*(unsigned *)ctx < 2;
}

/* Nobody writes any more, nobody closes: the caller is asked all the same, whichever thread is reading, and can give up. */
static void a_silent_pipe_can_be_given_up(void **state)
{
    (void)state;
    uint8_t *plain = plaintext_of(BATCH + 1);
    for (unsigned n_threads = 1; n_threads <= 6; n_threads++) {
        unsigned n_calls = 0;
        struct age_work work = {.n_threads = n_threads, .progress = second_time, .progress_ctx = &n_calls};
        struct age_commitment c;
        int in[2], out = memory_file(NULL, 0);
        pthread_t thread;
        assert_int_equal(pipe(in), 0);
        struct feeder feeder = {dup(in[1]), plain, n_threads == 1 ? 0 : BATCH + 1};
        pthread_create(&thread, NULL, feed, &feeder);
        assert_int_equal(age_payload_seal(in[0], out, -1, file_key, nonce, &work, &c), TIDE_ECANCELED);
        assert_int_equal(n_calls, 2);
        close(in[0]);
        pthread_join(thread, NULL);
        close(in[1]), close(out);
    }
    free(plain);
}

/* With any part of the output there already the rest is added; with anything else there, nothing is written. */
static void what_is_there_is_gone_on_with(void **state)
{
    (void)state;
    size_t len = 2 * BATCH + CHUNK + 77, sealed_len, got_len;
    struct age_commitment c, again;
    uint8_t *plain = plaintext_of(len), *sealed = seal(plain, len, 1, &sealed_len, &c);
    const size_t places[] = {16,         17,        16 + SEALED - 1, 16 + SEALED, 16 + BATCH, 16 + BATCH + 16 * BATCH_CHUNKS,
                             2 * BATCH, len - 1, len};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        for (unsigned opens = 0; opens < 2; opens++) {
            for (int there = 0; there < 3; there++) { /* as it should be; its last byte wrong; longer than it can be */
                const uint8_t *right = opens ? plain : sealed;
                size_t right_len = opens ? len : sealed_len, n = there < 2 ? places[i] : right_len + 1;
                int in = memory_file(opens ? sealed : plain, opens ? sealed_len : len);
                int out = memory_file(right, n < right_len ? n : right_len);
                struct age_work work = {.n_threads = 1 + (unsigned)i % 3, .n_there = n};
                if (there == 2) assert_int_equal(pwrite(out, "", 1, (off_t)right_len), 1);
                if (there == 1) {
                    uint8_t wrong = right[n - 1] ^ 0x10;
                    assert_int_equal(pwrite(out, &wrong, 1, (off_t)n - 1), 1);
                }
                lseek(out, 0, SEEK_SET);
                enum tide_err err = opens ? age_payload_open(in, out, file_key, i % 2 == 0 ? &c : NULL, &work)
                                          : age_payload_seal(in, out, -1, file_key, nonce, &work, &again);
                assert_int_equal(err, there == 0 ? TIDE_OK : TIDE_EDAMAGED);
                if (there == 0 && !opens) assert_memory_equal(&again, &c, sizeof c);
                uint8_t *got = slurp(out, &got_len);
                assert_int_equal(got_len, there == 0 ? right_len : n);
                if (there == 0) assert_memory_equal(got, right, right_len);
                free(got);
                close(in), close(out);
            }
        }
    }
    free(plain), free(sealed);
}

/* A pipeline that copies; the worker with the first batch stands still until others have done three more. */
struct standstill {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned n_worked;
    uint64_t n_accepted;
};

static void *no_tool(void *ctx)
{
    return ctx;
}

static void no_tool_free(void *tool)
{
    (void)tool;
}

static void stand_still(void *ctx, void *tool, struct batch *batch)
{
    struct standstill *s = ctx;
    (void)tool;
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += 20;
    batch->out_len = batch->in_len;
    pthread_mutex_lock(&s->lock);
    while (batch->number == 0 && s->n_worked < 3 && batch->err == TIDE_OK) {
        if (pthread_cond_timedwait(&s->changed, &s->lock, &limit) != 0) batch->err = TIDE_ETIMEOUT;
    }
    s->n_worked++;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static enum tide_err accept_next(void *ctx, const struct batch *batch)
{
    struct standstill *s = ctx;
    return batch->number == s->n_accepted++ ? TIDE_OK : TIDE_EINVAL;
}

static void a_worker_that_stands_still_does_not_hold_up_the_others(void **state)
{
    (void)state;
    struct standstill s = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    size_t len = 20 * BATCH + 5, out_len;
    uint8_t *plain = plaintext_of(len);
    int in = memory_file(plain, len), out = memory_file(NULL, 0);
    struct age_work work = {.n_threads = 2};
    struct pipeline pipeline = {.in_fd = in, .out_fd = out, .in_chunk = CHUNK, .out_chunk = CHUNK, .ctx = &s,
                                .tool_new = no_tool, .tool_free = no_tool_free, .work = stand_still,
                                .accept = accept_next, .total = len, .how = &work};
    assert_int_equal(pipeline_run(&pipeline), TIDE_OK);
    assert_int_equal(s.n_accepted, 21);
    uint8_t *got = slurp(out, &out_len);
    assert_int_equal(out_len, len);
    assert_memory_equal(got, plain, len);
    free(got), free(plain);
    close(in), close(out);
}

static void short_and_interrupted_calls_change_nothing(void **state)
{
    (void)state;
    size_t len = BATCH + 2 * CHUNK + 1, sealed_len, little_len, back_len;
    struct age_commitment c, little;
    uint8_t *plain = plaintext_of(len), *sealed = seal(plain, len, 2, &sealed_len, &c), *back;
    atomic_store(&moves_little, true);
    uint8_t *sealed_little = seal(plain, len, 2, &little_len, &little);
    assert_int_equal(open_all(sealed, sealed_len, 2, &c, &back, &back_len), TIDE_OK);
    atomic_store(&moves_little, false);
    assert_int_equal(little_len, sealed_len);
    assert_memory_equal(sealed_little, sealed, sealed_len);
    assert_memory_equal(&c, &little, sizeof c);
    assert_int_equal(back_len, len);
    assert_memory_equal(back, plain, len);
    free(plain), free(sealed), free(sealed_little), free(back);
}

/* The n-th read or write fails, for every n: the error is told, and what was written is a prefix. */
static void a_failing_call_anywhere_is_told(void **state)
{
    (void)state;
    static const struct {
        int number;
        enum tide_err err;
    } failures[] = {{EIO, TIDE_EIO}, {ENOSPC, TIDE_EFULL}};
    size_t len = 3 * BATCH + 1, sealed_len, out_len;
    struct age_commitment c, unused;
    uint8_t *plain = plaintext_of(len), *sealed = seal(plain, len, 1, &sealed_len, &c);
    for (unsigned opens = 0; opens < 2; opens++) {
        for (int n = 0;; n++) {
            enum tide_err err = TIDE_OK;
            for (unsigned n_threads = 1; n_threads <= 3; n_threads += 2) {
                struct age_work work = {.n_threads = n_threads};
                int in = memory_file(opens ? sealed : plain, opens ? sealed_len : len), out = memory_file(NULL, 0);
                atomic_store(&failure_errno, failures[n % 2].number);
                atomic_store(&calls_until_failure, n);
                int manifest = memory_file(NULL, 0);
                err = opens ? age_payload_open(in, out, file_key, &c, &work)
                            : age_payload_seal(in, out, manifest, file_key, nonce, &work, &unused);
                bool reached = atomic_exchange(&calls_until_failure, -1) < 0;
                assert_int_equal(err, reached ? failures[n % 2].err : TIDE_OK);
                uint8_t *got = slurp(out, &out_len);
                assert_memory_equal(got, opens ? plain : sealed, out_len);
                free(got);
                got = slurp(manifest, &out_len);
                assert_true(out_len <= c.n_chunks * HASH_BYTES);
                for (size_t i = 0; i < out_len / HASH_BYTES; i++) {
                    uint8_t leaf[HASH_BYTES];
                    merkle_leaf_hash(BYTES(sealed + 16 + i * SEALED, age_sealed_chunk_len(len, i)), leaf);
                    assert_memory_equal(got + i * HASH_BYTES, leaf, HASH_BYTES);
                }
                free(got);
                close(in), close(out), close(manifest);
            }
            if (err == TIDE_OK) {
                assert_true(n > 6);
                break;
            }
        }
    }
    free(plain), free(sealed);
}

static void with_little_memory_fewer_threads_do_the_work(void **state)
{
    (void)state;
    size_t len = 3 * BATCH, sealed_len;
    struct age_commitment c, again;
    struct age_work work = {.n_threads = 4};
    uint8_t *plain = plaintext_of(len), *sealed = seal(plain, len, 1, &sealed_len, &c);
    for (int n = 0; n < 4; n++) {
        int in = memory_file(plain, len), out = memory_file(NULL, 0);
        buffers_left = n;
        enum tide_err err = age_payload_seal(in, out, -1, file_key, nonce, &work, &again);
        buffers_left = -1;
        assert_int_equal(err, n == 0 ? TIDE_ENOMEM : TIDE_OK);
        if (n > 0) assert_memory_equal(&c, &again, sizeof c);
        close(in), close(out);
    }
    free(plain), free(sealed);
}

static void real_files_that_are_full_or_shut(void **state)
{
    (void)state;
    struct age_commitment c;
    int in = memory_file("some", 4), full = open("/dev/full", O_WRONLY), shut = open("/dev/null", O_RDONLY);
    assert_true(full >= 0 && shut >= 0);
    assert_int_equal(age_payload_seal(in, full, -1, file_key, nonce, NULL, &c), TIDE_EFULL);
    assert_int_equal(c.n_chunks, 0);
    assert_int_equal(age_payload_seal(in, shut, -1, file_key, nonce, NULL, &c), TIDE_EIO);
    assert_int_equal(age_payload_seal(-1, full, -1, file_key, nonce, NULL, &c), TIDE_EFULL);
    int out = memory_file(NULL, 0);
    assert_int_equal(age_payload_seal(-1, out, -1, file_key, nonce, NULL, &c), TIDE_EIO);
    lseek(in, 0, SEEK_SET);
    assert_int_equal(age_payload_seal(in, out, full, file_key, nonce, NULL, &c), TIDE_EFULL);
    assert_int_equal(age_payload_open(-1, out, file_key, NULL, NULL), TIDE_EIO);
    close(in), close(full), close(shut), close(out);
}

/* When the output fails, a pipe that stays silent does not hold the work. */
static void a_silent_pipe_does_not_hold_a_failed_work(void **state)
{
    (void)state;
    struct age_commitment c;
    struct age_work work = {.n_threads = 2};
    int in[2], out[2];
    uint8_t *plain = plaintext_of(BATCH + 1);
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    close(out[0]);
    pthread_t thread;
    int held = dup(in[1]); /* keeps the pipe open after the feeder has gone */
    struct feeder feeder = {in[1], plain, BATCH + 1};
    pthread_create(&thread, NULL, feed, &feeder);
    assert_int_not_equal(age_payload_seal(in[0], out[1], -1, file_key, nonce, &work, &c), TIDE_OK);
    close(in[0]);
    close(held);
    pthread_join(thread, NULL);
    close(out[1]);
    free(plain);
}

/* --- small files --- */

static void small_files_for_passphrases_and_recipients(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 1000, CHUNK, CHUNK + 1, 3 * CHUNK};
    uint8_t secrets[3][32] = {{8}, {16}, {24}}, recipients[3][32], *file, *back;
    size_t file_len, back_len;
    for (size_t i = 0; i < 3; i++) x25519_public(secrets[i], recipients[i]);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        size_t len = lengths[i];
        uint8_t *plain = plaintext_of(len);
        assert_int_equal(age_file_seal(BYTES(plain, len), (const uint8_t(*)[32])recipients, 2, &file, &file_len), TIDE_OK);
        for (size_t r = 0; r < 2; r++) {
            assert_int_equal(age_file_open(BYTES(file, file_len), secrets[r], &back, &back_len), TIDE_OK);
            assert_int_equal(back_len, len);
            assert_memory_equal(back, plain, len);
            free(back);
        }
        assert_int_equal(age_file_open(BYTES(file, file_len), secrets[2], &back, &back_len), TIDE_EAUTH);
        assert_null(back);
        assert_int_equal(age_file_open(BYTES(file, file_len - 1), secrets[0], &back, &back_len), TIDE_EAUTH);
        file[file_len - 1] ^= 1;
        assert_int_equal(age_file_open(BYTES(file, file_len), secrets[0], &back, &back_len), TIDE_EAUTH);
        free(file);

        struct bytes passphrase = BYTES_TEXT("pass phrase");
        assert_int_equal(age_file_seal_passphrase(BYTES(plain, len), passphrase, 4, &file, &file_len), TIDE_OK);
        assert_int_equal(age_file_open_passphrase(BYTES(file, file_len), passphrase, &back, &back_len), TIDE_OK);
        assert_int_equal(back_len, len);
        assert_memory_equal(back, plain, len);
        free(back);
        assert_int_equal(age_file_open_passphrase(BYTES(file, file_len), BYTES_TEXT("x"), &back, &back_len), TIDE_EAUTH);
        assert_int_equal(age_file_open(BYTES(file, file_len), secrets[0], &back, &back_len), TIDE_EAUTH);
        free(file);
        free(plain);
    }
    assert_int_equal(age_file_seal_passphrase(BYTES("x", 1), BYTES_TEXT("p"), 0, &file, &file_len), TIDE_EINVAL);
    assert_int_equal(age_file_seal_passphrase(BYTES("x", 1), BYTES_TEXT("p"), 23, &file, &file_len), TIDE_EINVAL);
    assert_int_equal(age_file_seal_passphrase(BYTES("x", 1), BYTES_TEXT(""), 4, &file, &file_len), TIDE_EINVAL);
    assert_int_equal(age_file_seal(BYTES("x", 1), (const uint8_t(*)[32])recipients, 0, &file, &file_len), TIDE_EINVAL);
    assert_null(file);
    memset(recipients[1], 0, 32);
    assert_int_equal(age_file_seal(BYTES("x", 1), (const uint8_t(*)[32])recipients, 2, &file, &file_len), TIDE_EINVAL);
    assert_null(file);
}

static void who_opens_a_file_can_tell_for_whom_it_is(void **state)
{
    (void)state;
    uint8_t secrets[3][32] = {{8}, {16}, {24}}, recipients[3][32], grant[AGE_GRANT_BYTES], *file;
    uint8_t key[AGE_FILE_KEY_BYTES] = {7};
    size_t len;
    for (size_t i = 0; i < 3; i++) x25519_public(secrets[i], recipients[i]);
    assert_int_equal(age_file_seal(BYTES("x", 1), (const uint8_t(*)[32])recipients, 2, &file, &len), TIDE_OK);
    for (size_t r = 0; r < 2; r++) {
        assert_int_equal(age_file_opens_for(BYTES(file, len), secrets[r], recipients[0]), TIDE_OK);
        assert_int_equal(age_file_opens_for(BYTES(file, len), secrets[r], recipients[1]), TIDE_EAUTH); /* not the first */
        assert_int_equal(age_file_opens_for(BYTES(file, len), secrets[r], recipients[2]), TIDE_EAUTH);
    }
    assert_int_equal(age_file_opens_for(BYTES(file, len), secrets[2], recipients[0]), TIDE_EAUTH);
    for (size_t cut = 0; cut < 100; cut++)
        assert_int_not_equal(age_file_opens_for(BYTES(file, cut), secrets[0], recipients[0]), TIDE_OK);
    file[30] ^= 1; /* within the first stanza's share */
    assert_int_not_equal(age_file_opens_for(BYTES(file, len), secrets[1], recipients[0]), TIDE_OK);
    free(file);
    /* A grant's ephemeral secret is random: it cannot be made again. */
    assert_int_equal(age_grant_seal(key, recipients[0], grant), TIDE_OK);
    assert_int_equal(age_file_opens_for(BYTES(grant, sizeof grant), secrets[0], recipients[0]), TIDE_EAUTH);
}

int main(void)
{
    if (crypto_init() != TIDE_OK) return 1;
    signal(SIGPIPE, SIG_IGN);
    count_up(file_key, sizeof file_key, 0);
    count_up(nonce, sizeof nonce, 16);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grant_opens_for_its_recipient_alone),
        cmocka_unit_test(any_change_of_a_grant_is_seen),
        cmocka_unit_test(a_grant_has_one_spelling),
        cmocka_unit_test(the_shape_of_a_grant),
        cmocka_unit_test(a_header_needs_a_stanza),
        cmocka_unit_test(headers_have_a_limit),
        cmocka_unit_test(lengths_of_payloads),
        cmocka_unit_test(a_payload_of_another_implementation),
        cmocka_unit_test(lengths_around_chunks_and_batches),
        cmocka_unit_test(damage_is_seen_and_what_came_before_is_right),
        cmocka_unit_test(cut_off_anywhere_is_damage),
        cmocka_unit_test(every_part_of_the_commitment_counts),
        cmocka_unit_test(chunks_are_bound_to_their_places),
        cmocka_unit_test(pipes_do_as_files_do),
        cmocka_unit_test(progress_is_told_and_can_stop_the_work),
        cmocka_unit_test(a_silent_pipe_can_be_given_up),
        cmocka_unit_test(what_is_there_is_gone_on_with),
        cmocka_unit_test(a_worker_that_stands_still_does_not_hold_up_the_others),
        cmocka_unit_test(short_and_interrupted_calls_change_nothing),
        cmocka_unit_test(a_failing_call_anywhere_is_told),
        cmocka_unit_test(with_little_memory_fewer_threads_do_the_work),
        cmocka_unit_test(real_files_that_are_full_or_shut),
        cmocka_unit_test(a_silent_pipe_does_not_hold_a_failed_work),
        cmocka_unit_test(small_files_for_passphrases_and_recipients),
        cmocka_unit_test(who_opens_a_file_can_tell_for_whom_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
