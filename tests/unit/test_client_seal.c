/*
 * Sealing and opening files: round trips, damage, wrong keys; and reading back what was sealed. Stopping and going on:
 * test_client_resume.c.
 */
#include "client/lib/jobs.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/tidemark-seal-XXXXXX";
static char plain[64], sealed[64], out[64];
static struct tide_identity *alice, *bob;

static int setup(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL) return -1;
    snprintf(plain, sizeof plain, "%s/plain", dir);
    snprintf(sealed, sizeof sealed, "%s/sealed", dir);
    snprintf(out, sizeof out, "%s/out", dir);
    return tide_identity_new(&alice, NULL) != 0 || tide_identity_new(&bob, NULL) != 0 ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    tide_identity_free(&alice);
    tide_identity_free(&bob);
    return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void plain_make(size_t len)
{
    FILE *f = fopen(plain, "w");
    assert_non_null(f);
    for (size_t i = 0; i < len; i++) putc((int)(i * 2654435761u >> 13 & 0xff), f);
    assert_int_equal(fclose(f), 0);
}

static bool same(const char *a, const char *b)
{
    struct bytes x, y;
    assert_int_equal(file_load(a, 1u << 24, &x, NULL), 0);
    assert_int_equal(file_load(b, 1u << 24, &y, NULL), 0);
    bool equal = bytes_equal(x, y);
    free((void *)(uintptr_t)x.data);
    free((void *)(uintptr_t)y.data);
    return equal;
}

static void round_trips(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 1, 65535, 65536, 65537, 1000000};
    const struct progress quiet = {0};
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        struct tide_commitment c;
        struct sealed_file f;
        uint8_t root[HASH_BYTES], commitment[HASH_BYTES];
        plain_make(lens[i]);
        assert_int_equal(tide_seal(alice, plain, sealed, NULL, NULL, &c, NULL), 0);
        assert_int_equal(c.plaintext_len, lens[i]);
        assert_int_equal(c.n_chunks, age_n_chunks(lens[i]));
        unlink(out);
        assert_int_equal(tide_open(sealed, alice, NULL, out, NULL, NULL, NULL), 0);
        assert_true(same(plain, out));

        assert_int_equal(sealed_open(alice->id, sealed, &f, NULL), 0);
        assert_int_equal(f.plaintext_len, lens[i]);
        assert_int_equal(f.n_chunks, c.n_chunks);
        assert_int_equal(f.payload_len, c.payload_len);
        assert_memory_equal(f.nonce, c.nonce, 16);
        age_key_commitment(f.file_key, f.nonce, commitment);
        assert_memory_equal(commitment, c.key_commitment, 32);
        int fd;
        uint64_t size;
        assert_int_equal(file_open(plain, &fd, &size, NULL), 0);
        assert_int_equal(sealed_hash(&f, -1, fd, &quiet, root, NULL), 0); /* and it is the sealing of that file */
        assert_memory_equal(root, c.content_root, 32);
        close(fd);
        sealed_close(&f);
    }
}

/* The file key follows from the identity and the nonce: any machine with the identity can grant it. */
static void key_from_seed(void **state)
{
    (void)state;
    struct tide_commitment c;
    uint8_t key[16], commitment[32];
    plain_make(100);
    assert_int_equal(tide_seal(alice, plain, sealed, NULL, NULL, &c, NULL), 0);
    identity_file_key(alice->id, c.nonce, key);
    age_key_commitment(key, c.nonce, commitment);
    assert_memory_equal(commitment, c.key_commitment, 32);
}

static void other_content_is_told(void **state)
{
    (void)state;
    const struct progress quiet = {0};
    struct sealed_file f;
    uint8_t root[HASH_BYTES];
    int fd;
    uint64_t size;
    plain_make(200000);
    assert_int_equal(tide_seal(alice, plain, sealed, NULL, NULL, NULL, NULL), 0);
    assert_int_equal(truncate(plain, 199999), 0);
    assert_int_equal(truncate(plain, 200000), 0); /* the last byte is another now */
    assert_int_equal(sealed_open(alice->id, sealed, &f, NULL), 0);
    assert_int_equal(file_open(plain, &fd, &size, NULL), 0);
    assert_int_equal(sealed_hash(&f, -1, fd, &quiet, root, NULL), OUTCOME_V_DAMAGED);
    close(fd);
    sealed_close(&f);
}

static void flip(const char *path, long offset)
{
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, offset, SEEK_SET), 0);
    int c = getc(f);
    assert_int_equal(fseek(f, offset, SEEK_SET), 0);
    putc(c ^ 1, f);
    assert_int_equal(fclose(f), 0);
}

static void damage_is_found(void **state)
{
    (void)state;
    struct stat st;
    plain_make(150000);
    assert_int_equal(tide_seal(alice, plain, sealed, NULL, NULL, NULL, NULL), 0);
    assert_int_equal(stat(sealed, &st), 0);
    static const long places[] = {AGE_GRANT_BYTES + 3, AGE_GRANT_BYTES + 16, AGE_GRANT_BYTES + 16 + 65552 + 5, -1};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        long place = places[i] >= 0 ? places[i] : (long)st.st_size - 1;
        unlink(out);
        flip(sealed, place);
        assert_int_equal(tide_open(sealed, alice, NULL, out, NULL, NULL, NULL), OUTCOME_V_DAMAGED);
        assert_int_equal(access(out, F_OK), -1);
        flip(sealed, place);
    }
    assert_int_equal(truncate(sealed, st.st_size - 1), 0);
    assert_int_equal(tide_open(sealed, alice, NULL, out, NULL, NULL, NULL), OUTCOME_V_DAMAGED);
    assert_int_equal(truncate(sealed, AGE_GRANT_BYTES + 16 + 65552), 0); /* at a chunk's edge */
    assert_int_equal(tide_open(sealed, alice, NULL, out, NULL, NULL, NULL), OUTCOME_V_DAMAGED);
    assert_int_equal(truncate(sealed, AGE_GRANT_BYTES + 3), 0);
    struct sealed_file f;
    assert_int_equal(sealed_open(alice->id, sealed, &f, NULL), OUTCOME_V_DAMAGED);
    assert_int_equal(access(out, F_OK), -1);
}

static void wrong_keys(void **state)
{
    (void)state;
    struct tide_error e;
    plain_make(10);
    assert_int_equal(tide_seal(alice, plain, sealed, NULL, NULL, NULL, NULL), 0);
    assert_int_equal(tide_open(sealed, bob, NULL, out, NULL, NULL, &e), OUTCOME_C_BAD_IDENTITY);
    assert_int_equal(tide_open(plain, alice, NULL, out, NULL, NULL, &e), OUTCOME_V_UNREADABLE);
    assert_int_equal(tide_open(sealed, NULL, "AGE-SECRET-KEY-1NONSENSE", out, NULL, NULL, &e), OUTCOME_C_BAD_IDENTITY);
    assert_int_equal(tide_open(sealed, NULL, NULL, out, NULL, NULL, &e), OUTCOME_C_NO_IDENTITY);
    assert_int_equal(tide_open("/nonexistent/file", alice, NULL, out, NULL, NULL, &e), OUTCOME_C_FILE);
    assert_non_null(strstr(e.message, "/nonexistent/file"));
    assert_int_equal(tide_seal(alice, dir, sealed, NULL, NULL, NULL, &e), OUTCOME_C_FILE);
    assert_int_equal(tide_seal(alice, plain, "/nonexistent/out", NULL, NULL, NULL, &e), OUTCOME_C_FILE);
}

/* The text of a key, as other tools write it. */
static void opens_with_a_text_key(void **state)
{
    (void)state;
    char text[BECH32_TEXT_MAX + 2];
    plain_make(70000);
    assert_int_equal(tide_seal(alice, plain, sealed, NULL, NULL, NULL, NULL), 0);
    bech32_encode(AGE_SECRET_PREFIX, identity_seal_secret(alice->id), text);
    strcat(text, "\n");
    unlink(out);
    assert_int_equal(tide_open(sealed, NULL, text, out, NULL, NULL, NULL), 0);
    assert_true(same(plain, out));
}

/* ---- identity files ---- */
static void identities_are_kept(void **state)
{
    (void)state;
    struct tide_error e;
    struct tide_identity *again = NULL;
    char path[80];
    snprintf(path, sizeof path, "%s/alice.key", dir);
    assert_int_equal(tide_identity_open(path, NULL, 0, &again, &e), OUTCOME_C_NO_IDENTITY);
    assert_int_equal(tide_identity_save(alice, path, "alice", NULL, 0, &e), 0);
    assert_int_equal(tide_identity_save(alice, path, "alice", NULL, 0, &e), OUTCOME_C_FILE);
    assert_int_equal(tide_identity_is_wrapped(path), 0);
    assert_int_equal(tide_identity_open(path, NULL, 0, &again, &e), 0);
    assert_string_equal(tide_identity_party(again), tide_identity_party(alice));
    assert_string_equal(tide_identity_recipient(again), tide_identity_recipient(alice));
    tide_identity_free(&again);
    assert_null(again);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(tide_identity_open(path, NULL, 0, &again, &e), OUTCOME_C_BAD_IDENTITY);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 10), 0);
    assert_int_equal(tide_identity_open(path, NULL, 0, &again, &e), OUTCOME_C_BAD_IDENTITY);
    assert_null(again);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips),       cmocka_unit_test(key_from_seed),
        cmocka_unit_test(other_content_is_told), cmocka_unit_test(damage_is_found),
        cmocka_unit_test(wrong_keys),        cmocka_unit_test(opens_with_a_text_key),
        cmocka_unit_test(identities_are_kept),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
