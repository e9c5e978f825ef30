/*
 * What the tests of storage/ share: a folder of their own that goes when the test ends, flipping bytes in files, and
 * a small generator that gives the same numbers every time.
 */
#ifndef TIDEMARK_TEST_STORAGE_H
#define TIDEMARK_TEST_STORAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

#define assert_ok(expr) assert_int_equal((expr), TIDE_OK)

static char test_dir[512];

static UNUSED int make_test_dir(void **state)
{
    const char *base = getenv("TMPDIR");
    (void)state;
    snprintf(test_dir, sizeof test_dir, "%s/tidemark-test-XXXXXX", base != NULL && base[0] != '\0' ? base : "/tmp");
    return mkdtemp(test_dir) == NULL ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static UNUSED int remove_test_dir(void **state)
{
    (void)state;
    return nftw(test_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* `name` below the test's folder; valid until the call after the next. */
static UNUSED const char *in_test_dir(const char *name)
{
    static char paths[2][1024];
    static unsigned turn;
    char *path = paths[turn++ % 2];
    snprintf(path, sizeof paths[0], "%s/%s", test_dir, name);
    return path;
}

static UNUSED off_t file_size(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : -1;
}

static UNUSED void flip_byte(const char *path, off_t offset)
{
    uint8_t byte;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    close(fd);
}

/* Flips one byte wherever `needle` lies in the file; returns how many places there were. */
static UNUSED unsigned flip_byte_in(const char *path, const void *needle, size_t len, size_t at)
{
    unsigned n = 0;
    off_t size = file_size(path);
    if (size <= 0) return 0;
    uint8_t *all = malloc((size_t)size);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && all != NULL);
    assert_int_equal(pread(fd, all, (size_t)size, 0), size);
    close(fd);
    for (off_t from = 0; from + (off_t)len <= size; from++) {
        uint8_t *hit = memmem(all + from, (size_t)(size - from), needle, len);
        if (hit == NULL) break;
        from = hit - all;
        flip_byte(path, from + (off_t)at);
        n++;
    }
    free(all);
    return n;
}

/* xorshift64*: the same sequence for the same seed. */
static UNUSED uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * UINT64_C(0x2545f4914f6cdd1d);
}

#endif
