/*
 * Entry bundles: what was written is read, whole or in part; what is cut, too long, or has bytes behind it is none; tiles are
 * held against them one by one.
 */
#include "tests/unit/test_storage.h"

#include "storage/bundles.h"

#define N 600

static uint8_t bytes_of[N][40];
static struct bytes records[N];
static struct tiles *tiles;
static struct arena arena;

static int build(void **state)
{
    if (make_test_dir(state) != 0) return -1;
    arena_init(&arena, 64u << 20);
    for (size_t i = 0; i < N; i++) {
        memset(bytes_of[i], (int)i, sizeof bytes_of[i]);
        records[i] = BYTES(bytes_of[i], i % 40); /* empty ones, too */
    }
    assert_ok(tiles_open_at(in_test_dir("log"), true, &tiles));
    for (uint64_t i = 0; i < 3; i++) {
        unsigned width = i == 2 ? N - 2 * TILE_WIDTH : TILE_WIDTH;
        assert_ok(bundle_write(tiles, i, records + i * TILE_WIDTH, width));
    }
    assert_ok(bundles_extend_tiles(tiles, 0, N));
    return 0;
}

static int tear_down(void **state)
{
    tiles_close(&tiles);
    arena_deinit(&arena);
    return remove_test_dir(state);
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    struct bytes out[TILE_WIDTH];
    assert_ok(bundle_read(tiles, 1, TILE_WIDTH, &arena, out));
    for (size_t i = 0; i < TILE_WIDTH; i++) assert_true(bytes_equal(out[i], records[TILE_WIDTH + i]));
    assert_ok(bundle_read(tiles, 2, N - 2 * TILE_WIDTH, &arena, out));
    assert_true(bytes_equal(out[87], records[N - 1]));
    assert_ok(bundle_read(tiles, 0, 10, &arena, out)); /* there is no such partial one: the full one has them */
    assert_true(bytes_equal(out[9], records[9]));
    assert_int_equal(bundle_read(tiles, 2, 89, &arena, out), TIDE_ENOTFOUND);
    assert_int_equal(bundle_read(tiles, 3, 1, &arena, out), TIDE_ENOTFOUND);
    assert_int_equal(bundle_read(tiles, 0, 0, &arena, out), TIDE_EINVAL);
    assert_int_equal(bundle_read(tiles, 0, TILE_WIDTH + 1, &arena, out), TIDE_EINVAL);
}

static void the_form_is_that_of_tlog_tiles(void **state)
{
    (void)state;
    uint8_t head[9];
    int fd = open(in_test_dir("log/tile/entries/000"), O_RDONLY);
    assert_int_equal(pread(fd, head, sizeof head, 0), 9);
    close(fd);
    const uint8_t expected[9] = {0, 0, 0, 1, 1, 0, 2, 2, 2}; /* records of 0, 1 and 2 bytes */
    assert_memory_equal(head, expected, sizeof expected);
    assert_true(file_size(in_test_dir("log/tile/entries/002.p/88")) > 0);
    assert_int_equal(file_size(in_test_dir("log/tile/0/002.p/88")), 88 * 32);
    assert_int_equal(file_size(in_test_dir("log/tile/1/000.p/2")), 64);
}

static void damage_is_found(void **state)
{
    (void)state;
    struct bytes out[TILE_WIDTH];
    const char *path = in_test_dir("log/tile/entries/002.p/88");
    off_t size = file_size(path);
    assert_int_equal(truncate(path, size - 1), 0);
    assert_int_equal(bundle_read(tiles, 2, 88, &arena, out), TIDE_EDAMAGED);
    assert_int_equal(truncate(path, size + 1), 0); /* a byte more */
    assert_int_equal(bundle_read(tiles, 2, 88, &arena, out), TIDE_EDAMAGED);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(bundle_read(tiles, 2, 88, &arena, out), TIDE_EDAMAGED);
    assert_int_equal(truncate(path, BUNDLE_BYTES_MAX + 1), 0);
    assert_int_equal(bundle_read(tiles, 2, 88, &arena, out), TIDE_EDAMAGED);
    assert_ok(bundle_write(tiles, 2, records + 2 * TILE_WIDTH, 88)); /* whatever is there is written anew */
    assert_int_equal(file_size(path), size);
    flip_byte(path, 0); /* the first length is larger than the file */
    assert_int_equal(bundle_read(tiles, 2, 88, &arena, out), TIDE_EDAMAGED);
    flip_byte(path, 0);
    struct bytes large = {bytes_of[0], 65536};
    assert_int_equal(bundle_write(tiles, 9, &large, 1), TIDE_EINVAL);
}

/* The path of the first tile that is not what the records hash to; "" if all are. */
static const char *first_wrong(void)
{
    static struct tiles_check check;
    uint8_t leaf[HASH_BYTES];
    tiles_check_init(&check, tiles);
    for (size_t i = 0; i < N; i++) {
        merkle_leaf_hash(records[i], leaf);
        if (tiles_check_leaf(&check, leaf) != TIDE_OK) return check.path;
    }
    return tiles_check_end(&check) == TIDE_OK ? "" : check.path;
}

static void tiles_are_held_against_them(void **state)
{
    (void)state;
    static const char *const paths[] = {"tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"};
    char path[64];
    assert_string_equal(first_wrong(), "");
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        snprintf(path, sizeof path, "log/%s", paths[i]);
        flip_byte(in_test_dir(path), 20);
        assert_string_equal(first_wrong(), paths[i]);
        flip_byte(in_test_dir(path), 20);
        assert_int_equal(rename(in_test_dir(path), in_test_dir("aside")), 0);
        assert_string_equal(first_wrong(), paths[i]);
        assert_int_equal(rename(in_test_dir("aside"), in_test_dir(path)), 0);
    }
    assert_string_equal(first_wrong(), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(the_form_is_that_of_tlog_tiles),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(tiles_are_held_against_them),
    };
    return cmocka_run_group_tests(tests, build, tear_down);
}
