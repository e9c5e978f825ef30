/*
 * What the data thread keeps beside contents: evidence in pieces, samples under their hashes, marks of what is unneeded.
 */
#include "storage/evidence_store.h"
#include "storage/sample_store.h"
#include "storage/sweep.h"

#include "storage/blobs.h"
#include "tests/unit/test_storage.h"

static struct arena arena;

static int build(void **state)
{
    arena_init(&arena, 4u << 20);
    return make_test_dir(state);
}

static int tear_down(void **state)
{
    arena_deinit(&arena);
    return remove_test_dir(state);
}

static bool is_file(const char *name)
{
    return file_size(in_test_dir(name)) >= 0;
}

/* ---- evidence ---- */

static uint8_t sealed[LIMIT_EVIDENCE_BYTES];

static struct evidence_piece piece_of(uint64_t trade, size_t len, size_t offset, size_t n)
{
    struct evidence_piece p = {.trade = trade, .len = len, .offset = offset, .bytes = BYTES(sealed + offset, n)};
    sha256(BYTES(sealed, len), p.hash);
    return p;
}

static enum tide_err put(struct evidence_piece p, uint64_t expected_have)
{
    uint64_t have;
    enum tide_err err = evidence_put(test_dir, &p, &have);
    assert_int_equal(have, expected_have);
    return err;
}

static void evidence_comes_in_pieces(void **state)
{
    struct bytes out;
    (void)state;
    for (size_t i = 0; i < sizeof sealed; i++) sealed[i] = (uint8_t)(i * 7 + i / 251);
    struct evidence_piece whole = piece_of(9, 100000, 0, 65536);
    assert_ok(put(whole, 65536));
    assert_int_equal(evidence_get(test_dir, 9, whole.hash, &arena, &out), TIDE_ENOTFOUND);
    assert_int_equal(put(piece_of(9, 100000, 65535, 10), 65536), TIDE_EINVAL);
    assert_int_equal(put(piece_of(9, 100000, 65537, 10), 65536), TIDE_EINVAL);
    assert_int_equal(put(piece_of(9, 100000, 65536, 34465), 65536), TIDE_EINVAL); /* past its end */
    assert_ok(put(piece_of(9, 100000, 65536, 34464), 100000));
    assert_ok(evidence_get(test_dir, 9, whole.hash, &arena, &out));
    assert_int_equal(out.len, 100000);
    assert_memory_equal(out.data, sealed, out.len);
    assert_false(is_file("evidence/9.part"));
    assert_ok(put(whole, 100000)); /* again: harmless */
    assert_false(is_file("evidence/9.part"));
    assert_int_equal(evidence_get(test_dir, 10, whole.hash, &arena, &out), TIDE_ENOTFOUND);
    whole.hash[0] ^= 1;
    assert_int_equal(evidence_get(test_dir, 9, whole.hash, &arena, &out), TIDE_ENOTFOUND);
}

static void evidence_that_is_another_begins_anew(void **state)
{
    struct bytes out;
    (void)state;
    for (size_t i = 0; i < sizeof sealed; i++) sealed[i] = (uint8_t)(i * 13 + i / 199);
    struct evidence_piece first = piece_of(4, 3000, 0, 1000), other = piece_of(4, 2000, 0, 500), lie = first;
    assert_ok(put(first, 1000));
    assert_int_equal(put(piece_of(4, 2000, 500, 100), 0), TIDE_EINVAL);
    assert_ok(put(other, 500)); /* in the place of the first */
    assert_int_equal(put(piece_of(4, 3000, 1000, 2000), 0), TIDE_EINVAL);
    assert_ok(put(piece_of(4, 2000, 500, 1500), 2000));
    assert_ok(evidence_get(test_dir, 4, other.hash, &arena, &out));

    lie.hash[5] ^= 1; /* names what it is not: nothing of it stays, and the whole one does */
    lie.bytes.len = 3000;
    assert_int_equal(put(lie, 0), TIDE_EAUTH);
    assert_false(is_file("evidence/4.part"));
    assert_ok(evidence_get(test_dir, 4, other.hash, &arena, &out));

    first = piece_of(4, 3000, 0, 3000); /* a whole other takes its place */
    assert_ok(put(first, 3000));
    assert_int_equal(evidence_get(test_dir, 4, other.hash, &arena, &out), TIDE_ENOTFOUND);
    assert_ok(evidence_get(test_dir, 4, first.hash, &arena, &out));
    flip_byte(in_test_dir("evidence/4"), 77);
    assert_int_equal(evidence_get(test_dir, 4, first.hash, &arena, &out), TIDE_ENOTFOUND);
    assert_ok(put(first, 3000)); /* damaged: comes again */
    assert_ok(evidence_get(test_dir, 4, first.hash, &arena, &out));
    assert_ok(evidence_remove(test_dir, 4));
    assert_ok(evidence_remove(test_dir, 4));
    assert_int_equal(evidence_get(test_dir, 4, first.hash, &arena, &out), TIDE_ENOTFOUND);
}

static void evidence_is_bounded(void **state)
{
    (void)state;
    struct evidence_piece p = piece_of(1, 10, 0, 10);
    p.len = LIMIT_EVIDENCE_BYTES + 1;
    assert_int_equal(put(p, 0), TIDE_EINVAL);
    p.len = 0;
    assert_int_equal(put(p, 0), TIDE_EINVAL);
    p = piece_of(1, 10, 0, 10);
    p.offset = UINT64_MAX - 3;
    assert_int_equal(put(p, 0), TIDE_EINVAL);
    assert_ok(put(piece_of(1, LIMIT_EVIDENCE_BYTES, 0, LIMIT_EVIDENCE_BYTES), LIMIT_EVIDENCE_BYTES));
}

/* ---- samples ---- */

static void samples_are_kept_under_their_hash(void **state)
{
    static uint8_t plain[AGE_CHUNK_BYTES + 1], out[AGE_CHUNK_BYTES];
    uint8_t hash[2][HASH_BYTES];
    size_t len;
    (void)state;
    memset(plain, 3, sizeof plain);
    sha256(BYTES(plain, AGE_CHUNK_BYTES), hash[0]);
    sha256(BYTES(plain, 10), hash[1]);
    struct sample_name a = {70, 12, hash[0]}, b = {70, 12, hash[1]}, c = {70, 1, hash[1]};
    assert_false(sample_is_there(test_dir, &a));
    assert_int_equal(sample_put(test_dir, &a, BYTES(plain, AGE_CHUNK_BYTES - 1)), TIDE_EAUTH);
    assert_int_equal(sample_put(test_dir, &a, BYTES(plain, AGE_CHUNK_BYTES + 1)), TIDE_ELIMIT);
    assert_ok(sample_put(test_dir, &a, BYTES(plain, AGE_CHUNK_BYTES)));
    assert_ok(sample_put(test_dir, &a, BYTES(plain, AGE_CHUNK_BYTES)));
    assert_ok(sample_put(test_dir, &c, BYTES(plain, 10)));
    assert_ok(sample_sync(test_dir, 70));
    assert_true(sample_is_there(test_dir, &a));
    assert_ok(sample_get(test_dir, &a, out, &len));
    assert_int_equal(len, AGE_CHUNK_BYTES);
    assert_memory_equal(out, plain, len);
    assert_int_equal(sample_get(test_dir, &b, out, &len), TIDE_ENOTFOUND);

    assert_ok(sample_put(test_dir, &b, BYTES(plain, 10))); /* a later statement's takes its place; others stay */
    assert_false(sample_is_there(test_dir, &a));
    assert_ok(sample_get(test_dir, &b, out, &len));
    assert_int_equal(len, 10);
    assert_ok(sample_get(test_dir, &c, out, &len));
}

/* ---- what is unneeded ---- */

static size_t entries(struct sweep *s, char names[8][SWEEP_NAME_MAX])
{
    size_t n = 0;
    while (n < 8 && sweep_next(s, names[n]) == TIDE_OK) n++;
    return n;
}

static void marks_outlive_a_restart(void **state)
{
    char names[8][SWEEP_NAME_MAX];
    struct sweep s, again;
    uint64_t since;
    (void)state;
    assert_ok(sweep_init(&s, test_dir, "store"));
    assert_int_equal(entries(&s, names), 0); /* not there yet */
    assert_int_equal(mkdir(in_test_dir("store"), 0700), 0);
    assert_int_equal(mkdir(in_test_dir("store/a"), 0700), 0);
    close(open(in_test_dir("store/a/payload"), O_CREAT | O_WRONLY, 0600));
    close(open(in_test_dir("store/loose"), O_CREAT | O_WRONLY, 0600));
    assert_int_equal(entries(&s, names), 2);
    assert_int_equal(entries(&s, names), 2); /* round and round */

    assert_ok(sweep_mark(&s, "a", 1000, &since));
    assert_int_equal(since, 1000);
    sweep_deinit(&s);
    assert_ok(sweep_init(&again, test_dir, "store"));
    assert_ok(sweep_mark(&again, "a", 5000, &since));
    assert_int_equal(since, 1000);
    assert_ok(sweep_unmark(&again, "a"));
    assert_ok(sweep_unmark(&again, "a"));
    assert_ok(sweep_mark(&again, "a", 6000, &since));
    assert_int_equal(since, 6000);
    FILE *mark = fopen(in_test_dir("store/a/unneeded"), "w"); /* not a time: counts from now on */
    fputs("12x", mark);
    fclose(mark);
    assert_ok(sweep_mark(&again, "a", 7000, &since));
    assert_int_equal(since, 7000);
    assert_ok(sweep_mark(&again, "a", 6500, &since)); /* the clock was set back: not from the future */
    assert_int_equal(since, 6500);

    assert_ok(sweep_remove(&again, "a"));
    assert_ok(sweep_remove(&again, "a"));
    assert_ok(sweep_remove(&again, "loose"));
    assert_int_equal(entries(&again, names), 0);
    sweep_deinit(&again);
}

/* ---- contents elsewhere ---- */

static void progress_is_known_by_its_content(void **state)
{
    struct age_commitment c = {.plaintext_len = 10 * 65536, .n_chunks = 10};
    uint8_t key[HASH_BYTES], nothing[HASH_BYTES] = {0};
    struct blobs *blobs;
    struct blob *blob;
    struct sweep s;
    char name[SWEEP_NAME_MAX];
    (void)state;
    memset(c.content_root, 5, 32);
    memset(c.key_commitment, 0xab, 32);
    assert_ok(blobs_open(test_dir, &blobs));
    assert_int_equal(blobs_set_checked(blobs, &c, 3), TIDE_ENOTFOUND);
    assert_ok(blob_open(blobs, &c, true, &blob));
    blob_close(&blob);
    assert_int_equal(blobs_checked(blobs, &c), 0);
    assert_ok(blobs_set_checked(blobs, &c, 3));
    assert_int_equal(blobs_checked(blobs, &c), 3);
    assert_ok(blobs_set_checked(blobs, &c, 10));
    assert_int_equal(blobs_checked(blobs, &c), 10);

    assert_ok(sweep_init(&s, test_dir, "blobs"));
    assert_ok(sweep_next(&s, name));
    assert_true(blobs_folder_key(name, key));
    assert_memory_equal(key, c.key_commitment, 32);
    name[70] = 'g';
    assert_false(blobs_folder_key(name, key));
    assert_false(blobs_folder_key("x", nothing));
    sweep_deinit(&s);

    char path[FILES_PATH_MAX];
    assert_ok(sweep_next(&s, name));
    snprintf(path, sizeof path, "%s/blobs/%s/checked", test_dir, name);
    flip_byte(path, 1); /* damaged: from the first chunk again */
    assert_int_equal(blobs_checked(blobs, &c), 0);
    sweep_deinit(&s);
    blobs_close(&blobs);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, build, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(evidence_comes_in_pieces), TEST(evidence_that_is_another_begins_anew), TEST(evidence_is_bounded),
        TEST(samples_are_kept_under_their_hash), TEST(marks_outlive_a_restart), TEST(progress_is_known_by_its_content),
    };
    return cmocka_run_group_tests_name("storage keeping", tests, NULL, NULL);
}
