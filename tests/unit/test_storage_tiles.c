/*
 * The log as files: the tiles of every size are those of the specification, proofs out of them hold, and a damaged
 * tile is found before a proof leaves.
 */
#include "storage/tiles.h"

#include "tests/unit/test_storage.h"

#define SIZE_MAX_HERE 70000u

/* A journal of small records, made once for all tests, and the tree over it at every size wanted. */
static struct journal *journal;
static char journal_dir[512];
static uint8_t (*leaves)[HASH_BYTES];

static struct bytes make_record(uint64_t index, char buffer[64])
{
    int n = snprintf(buffer, 64, "record %llu", (unsigned long long)index);
    return BYTES(buffer, (size_t)n);
}

static int make_journal(void **state)
{
    static char buffers[1000][64];
    struct bytes records[1000];
    if (make_test_dir(state) != 0) return -1;
    strcpy(journal_dir, test_dir);
    leaves = calloc(SIZE_MAX_HERE, HASH_BYTES);
    if (leaves == NULL || journal_open(journal_dir, JOURNAL_CREATE, &journal) != TIDE_OK) return -1;
    for (uint64_t size = 0; size < SIZE_MAX_HERE; size += 1000) {
        for (uint64_t i = 0; i < 1000; i++) {
            records[i] = make_record(size + i, buffers[i]);
            merkle_leaf_hash(records[i], leaves[size + i]);
        }
        if (journal_append(journal, records, 1000) != TIDE_OK) return -1;
    }
    return 0;
}

static int drop_journal(void **state)
{
    journal_close(&journal);
    free(leaves);
    strcpy(test_dir, journal_dir);
    return remove_test_dir(state);
}

static void root_of(uint64_t size, uint8_t root[HASH_BYTES])
{
    struct merkle_tree tree = {0};
    for (uint64_t i = 0; i < size; i++) merkle_append(&tree, leaves[i]);
    merkle_root(&tree, root);
}

static struct tiles *open_tiles(void)
{
    struct tiles *t;
    assert_ok(tiles_open(test_dir, true, &t));
    return t;
}

/* A checkpoint as far as proofs look at it. */
static void write_checkpoint(struct tiles *t, uint64_t size)
{
    uint8_t root[HASH_BYTES];
    char base64[64], text[256];
    root_of(size, root);
    base64_encode(BYTES(root, sizeof root), base64);
    int n = snprintf(text, sizeof text, "example.org/log\n%llu\n%s\n\n\xe2\x80\x94 example.org/log AAAAAAAA\n",
                     (unsigned long long)size, base64);
    assert_ok(tiles_write_checkpoint(t, BYTES(text, (size_t)n)));
}

static void assert_path(unsigned level, uint64_t index, unsigned width, const char *expected)
{
    char path[TILE_PATH_MAX];
    tile_path(level, index, width, path);
    assert_string_equal(path, expected);
}

static void test_paths(void **state)
{
    (void)state;
    assert_path(0, 0, 256, "tile/0/000");
    assert_path(0, 5, 256, "tile/0/005");
    assert_path(1, 999, 17, "tile/1/999.p/17");
    assert_path(0, 1000, 256, "tile/0/x001/000");
    assert_path(0, 1234067, 256, "tile/0/x001/x234/067");
    assert_path(0, 273, 112, "tile/0/273.p/112");
    assert_path(7, UINT64_MAX, 255, "tile/7/x018/x446/x744/x073/x709/x551/615.p/255");
}

static off_t tile_size(const char *path)
{
    char name[128];
    snprintf(name, sizeof name, "tiles/%s", path);
    return file_size(in_test_dir(name));
}

/* The example of the specification: 70,000 leaves. */
static void test_files_of_70000(void **state)
{
    char path[TILE_PATH_MAX];
    (void)state;
    struct tiles *t = open_tiles();
    assert_ok(tiles_extend(t, journal, 0, 70000));
    for (uint64_t i = 0; i < 273; i++) {
        tile_path(0, i, 256, path);
        assert_int_equal(tile_size(path), 8192);
    }
    assert_int_equal(tile_size("tile/0/273.p/112"), 112 * 32);
    assert_int_equal(tile_size("tile/0/273"), -1);
    assert_int_equal(tile_size("tile/1/000"), 8192);
    assert_int_equal(tile_size("tile/1/001.p/17"), 17 * 32);
    assert_int_equal(tile_size("tile/2/000.p/1"), 32);
    assert_int_equal(tile_size("tile/3/000.p/1"), -1);

    uint8_t hashes[32 * 112], root[HASH_BYTES]; /* what is in them */
    int fd = open(in_test_dir("tiles/tile/0/273.p/112"), O_RDONLY);
    assert_int_equal(read(fd, hashes, sizeof hashes), sizeof hashes);
    close(fd);
    assert_memory_equal(hashes, leaves[273 * 256], sizeof hashes);
    fd = open(in_test_dir("tiles/tile/2/000.p/1"), O_RDONLY);
    assert_int_equal(read(fd, hashes, 32), 32);
    close(fd);
    root_of(65536, root);
    assert_memory_equal(hashes, root, sizeof root);
    tiles_close(&t);
    assert_null(t);
}

/* Inclusion of some leaves, and consistency with older sizes, from tiles alone. */
static void check_proofs(struct tiles *t, uint64_t size)
{
    struct tiles_reader *r = malloc(sizeof *r);
    struct merkle_store store;
    struct merkle_proof proof;
    uint8_t root[HASH_BYTES], old_root[HASH_BYTES], from_store[HASH_BYTES];
    uint64_t seed = size;

    assert_non_null(r);
    tiles_reader_init(r, t, size, &store);
    root_of(size, root);
    assert_ok(merkle_root_from_store(&store, size, from_store));
    assert_memory_equal(from_store, root, HASH_BYTES);
    for (unsigned i = 0; i < 60; i++) {
        uint64_t index = i == 0 ? 0 : i == 1 ? size - 1 : i == 2 ? size / 2 : next_random(&seed) % size;
        assert_ok(merkle_prove_inclusion(&store, index, size, &proof));
        assert_ok(merkle_verify_inclusion(&proof, index, size, leaves[index], root));
    }
    for (unsigned i = 0; i < 12; i++) {
        uint64_t old = i == 0 ? size : i == 1 ? 1 : 1 + next_random(&seed) % size;
        root_of(old, old_root);
        assert_ok(merkle_prove_consistency(&store, old, size, &proof));
        assert_ok(merkle_verify_consistency(&proof, old, size, old_root, root));
    }
    assert_int_equal(store.node(store.ctx, 0, size, from_store), TIDE_EINVAL); /* not in this tree */
    assert_int_equal(store.node(store.ctx, 40, 0, from_store), TIDE_EINVAL);
    free(r);
}

static const uint64_t sizes[] = {1, 2, 3, 255, 256, 257, 511, 512, 513, 65535, 65536, 65537, 70000};

static void test_proofs_when_written_at_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct tiles *t = open_tiles();
        assert_ok(tiles_extend(t, journal, 0, sizes[i]));
        check_proofs(t, sizes[i]);
        tiles_close(&t);
        assert_int_equal(remove_test_dir(NULL), 0);
        assert_int_equal(make_test_dir(NULL), 0);
    }
}

static void test_proofs_as_it_grows(void **state)
{
    uint64_t size = 0;
    (void)state;
    struct tiles *t = open_tiles();
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        assert_ok(tiles_extend(t, journal, size, sizes[i]));
        size = sizes[i];
        check_proofs(t, size);
    }
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) check_proofs(t, sizes[i]); /* the old ones still hold */
    tiles_close(&t);
}

static void test_partials_of_old_tiles_go(void **state)
{
    (void)state;
    struct tiles *t = open_tiles();
    assert_ok(tiles_extend(t, journal, 0, 100));
    assert_ok(tiles_extend(t, journal, 100, 200));
    assert_int_equal(tile_size("tile/0/000.p/100"), 3200);
    assert_int_equal(tile_size("tile/0/000.p/200"), 6400);
    assert_ok(tiles_extend(t, journal, 200, 300)); /* full now; but a slow reader may be at 200 */
    assert_int_equal(tile_size("tile/0/000.p/200"), 6400);
    assert_ok(tiles_extend(t, journal, 300, 512));
    assert_int_equal(tile_size("tile/0/000.p/200"), -1);
    assert_int_equal(tile_size("tile/0/001.p/44"), 44 * 32);
    check_proofs(t, 200); /* from the full tile */
    check_proofs(t, 300);
    tiles_close(&t);
}

/* What a crash left: some of the files, and half of one under its temporary name. */
static void test_extending_again(void **state)
{
    (void)state;
    struct tiles *t = open_tiles();
    assert_ok(tiles_extend(t, journal, 0, 1000));
    assert_int_equal(unlink(in_test_dir("tiles/tile/0/002")), 0);
    assert_int_equal(unlink(in_test_dir("tiles/tile/1/000.p/3")), 0);
    int fd = open(in_test_dir("tiles/tile/0/002.tmp"), O_WRONLY | O_CREAT, 0644);
    assert_int_equal(write(fd, "half", 4), 4);
    close(fd);
    assert_ok(tiles_extend(t, journal, 0, 1000));
    check_proofs(t, 1000);
    assert_int_equal(tiles_extend(t, journal, 1000, 70001), TIDE_EINVAL); /* more than the journal has */
    assert_int_equal(tiles_extend(t, journal, 5, 4), TIDE_EINVAL);
    tiles_close(&t);
}

static void check_proof_text(struct tiles *t, uint64_t index, uint64_t size)
{
    static uint8_t scratch[NOTE_MAX];
    struct arena arena;
    struct bytes text;
    struct proof_file file;
    struct checkpoint cp;
    uint8_t root[HASH_BYTES];

    arena_init(&arena, 1 << 20);
    assert_ok(tiles_prove(t, index, &arena, &text));
    assert_ok(proof_file_parse(text, scratch, sizeof scratch, &file));
    assert_int_equal(file.index, index);
    const uint8_t *end = memmem(file.checkpoint.data, file.checkpoint.len, "\n\n", 2);
    assert_non_null(end);
    assert_ok(checkpoint_parse(BYTES(file.checkpoint.data, (size_t)(end - file.checkpoint.data) + 1), &cp));
    assert_int_equal(cp.size, size);
    root_of(size, root);
    assert_memory_equal(cp.root, root, HASH_BYTES);
    assert_ok(merkle_verify_inclusion(&file.proof, index, size, leaves[index], root));
    arena_deinit(&arena);
}

static void test_proving(void **state)
{
    struct arena arena;
    struct bytes text;
    struct tiles *reader;
    char note[CHECKPOINT_MAX];
    size_t len;
    (void)state;

    assert_int_equal(tiles_open(in_test_dir("nowhere"), false, &reader), TIDE_ENOTFOUND);
    struct tiles *t = open_tiles();
    arena_init(&arena, 1 << 20);
    assert_int_equal(tiles_read_checkpoint(t, note, &len), TIDE_ENOTFOUND);
    assert_int_equal(tiles_prove(t, 0, &arena, &text), TIDE_ENOTFOUND);
    assert_ok(tiles_extend(t, journal, 0, 300));
    write_checkpoint(t, 300);
    assert_ok(tiles_open(test_dir, false, &reader));
    assert_int_equal(tiles_extend(reader, journal, 300, 400), TIDE_EINVAL);
    check_proof_text(reader, 0, 300);
    check_proof_text(reader, 299, 300);
    assert_int_equal(tiles_prove(reader, 300, &arena, &text), TIDE_ENOTFOUND);
    assert_ok(tiles_extend(t, journal, 300, 70000));
    check_proof_text(reader, 299, 300); /* the checkpoint decides what is published */
    write_checkpoint(t, 70000);
    check_proof_text(reader, 300, 70000);
    arena_deinit(&arena);
    tiles_close(&reader);
    tiles_close(&t);
}

static void assert_not_proven(struct tiles *t, uint64_t index)
{
    struct arena arena;
    struct bytes text;
    arena_init(&arena, 1 << 20);
    assert_int_equal(tiles_prove(t, index, &arena, &text), TIDE_EDAMAGED);
    assert_null(text.data);
    arena_deinit(&arena);
}

static void test_damage_is_found(void **state)
{
    (void)state;
    struct tiles *t = open_tiles();
    assert_ok(tiles_extend(t, journal, 0, 70000));
    write_checkpoint(t, 70000);
    flip_byte(in_test_dir("tiles/tile/0/005"), 100 * 32 + 7); /* the leaf itself, a sibling, one far away */
    assert_not_proven(t, 5 * 256 + 100);
    assert_not_proven(t, 5 * 256 + 101);
    assert_not_proven(t, 5 * 256 + 3);
    check_proof_text(t, 6 * 256, 70000); /* not in its path */
    flip_byte(in_test_dir("tiles/tile/0/005"), 100 * 32 + 7);
    check_proof_text(t, 5 * 256 + 100, 70000);
    flip_byte(in_test_dir("tiles/tile/2/000.p/1"), 0);
    assert_not_proven(t, 69999);
    flip_byte(in_test_dir("tiles/tile/2/000.p/1"), 0);
    assert_int_equal(truncate(in_test_dir("tiles/tile/1/001.p/17"), 16 * 32), 0);
    assert_not_proven(t, 69000);
    assert_int_equal(unlink(in_test_dir("tiles/tile/1/001.p/17")), 0);
    assert_not_proven(t, 69000);
    flip_byte(in_test_dir("tiles/checkpoint"), 18); /* its size */
    assert_not_proven(t, 1);
    tiles_close(&t);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_test_dir, remove_test_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        TEST(test_files_of_70000),
        TEST(test_proofs_when_written_at_once),
        TEST(test_proofs_as_it_grows),
        TEST(test_partials_of_old_tiles_go),
        TEST(test_extending_again),
        TEST(test_proving),
        TEST(test_damage_is_found),
    };
    return cmocka_run_group_tests_name("storage tiles", tests, make_journal, drop_journal);
}
