/*
 * Entry bundles as files, and the tiles above them held against them.
 *
 * Always holds: a bundle's name appears only with its whole, synced content; what is read back is exactly the records asked
 * for, or nothing.
 * Not here: whether records belong to a log that somebody signed (client/lib/mirror.c).
 */
#include "storage/bundles.h"

#include "storage/limits.h"
#include "storage/tiles_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "entries"

/* ---- writing ---- */

static enum tide_err bundle_encode(const struct bytes *records, unsigned width, uint8_t **out, size_t *len)
{
    *len = 0;
    for (unsigned i = 0; i < width; i++) {
        if (records[i].len > LIMIT_RECORD_BYTES) return TIDE_EINVAL;
        *len += 2 + records[i].len;
    }
    uint8_t *at = *out = malloc(*len);
    if (at == NULL) return TIDE_ENOMEM;
    for (unsigned i = 0; i < width; i++) {
        *at++ = (uint8_t)(records[i].len >> 8);
        *at++ = (uint8_t)records[i].len;
        memcpy(at, records[i].data, records[i].len);
        at += records[i].len;
    }
    return TIDE_OK;
}

enum tide_err bundle_write(struct tiles *t, uint64_t index, const struct bytes *records, unsigned width)
{
    char name[TILE_PATH_MAX];
    uint8_t *content = NULL;
    size_t len;

    if (!t->writable || width == 0 || width > TILE_WIDTH) return TIDE_EINVAL;
    struct dirty_dirs *dirs = calloc(1, sizeof *dirs);
    if (dirs == NULL) return TIDE_ENOMEM;
    enum tide_err err = bundle_encode(records, width, &content, &len);
    tiles_path(FOLDER, index, width, name);
    if (err == TIDE_OK) err = tiles_put(t, name, BYTES(content, len), true, dirs);
    if (err == TIDE_OK) err = tiles_sync(dirs);
    free(content);
    free(dirs);
    return err;
}

void bundle_remove_partials(struct tiles *t, uint64_t index)
{
    tiles_remove_partials(t, FOLDER, index);
}

/* ---- reading ---- */

static enum tide_err load(const char *path, struct arena *arena, struct bytes *out)
{
    struct stat st;
    size_t got = 0;
    uint8_t *data = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return files_err(errno);
    enum tide_err err = fstat(fd, &st) == 0 ? TIDE_OK : files_err(errno);
    if (err == TIDE_OK && (!S_ISREG(st.st_mode) || st.st_size < 0 || st.st_size > BUNDLE_BYTES_MAX)) err = TIDE_EDAMAGED;
    if (err == TIDE_OK && (data = arena_alloc(arena, (size_t)st.st_size + 1)) == NULL) err = TIDE_ENOMEM;
    if (err == TIDE_OK) err = files_read_at(fd, data, (size_t)st.st_size, 0, &got);
    close(fd);
    *out = BYTES(data, got);
    return err;
}

/* Exactly `n` records, of which the first `width` are wanted. */
static enum tide_err bundle_decode(struct bytes in, unsigned n, unsigned width, struct bytes records[TILE_WIDTH])
{
    for (unsigned i = 0; i < n; i++) {
        if (in.len < 2) return TIDE_EDAMAGED;
        size_t len = (size_t)in.data[0] << 8 | in.data[1];
        if (len > in.len - 2) return TIDE_EDAMAGED;
        if (i < width) records[i] = BYTES(in.data + 2, len);
        in = BYTES(in.data + 2 + len, in.len - 2 - len);
    }
    return in.len == 0 ? TIDE_OK : TIDE_EDAMAGED;
}

enum tide_err bundle_read(struct tiles *t, uint64_t index, unsigned width, struct arena *arena,
                          struct bytes records[TILE_WIDTH])
{
    char name[TILE_PATH_MAX], path[FILES_PATH_MAX];
    struct bytes content;
    unsigned n = width;

    if (width == 0 || width > TILE_WIDTH) return TIDE_EINVAL;
    tiles_path(FOLDER, index, width, name);
    enum tide_err err = files_join(path, t->dir, name);
    if (err == TIDE_OK) err = load(path, arena, &content);
    if (err == TIDE_ENOTFOUND && width < TILE_WIDTH) { /* it became full, and the partial one was taken away */
        n = TILE_WIDTH;
        tiles_path(FOLDER, index, n, name);
        err = files_join(path, t->dir, name);
        if (err == TIDE_OK) err = load(path, arena, &content);
    }
    return err == TIDE_OK ? bundle_decode(content, n, width, records) : err;
}

/* ---- tiles above bundles ---- */

static enum tide_err bundle_leaves(void *ctx, uint64_t first, unsigned width, uint8_t (*out)[HASH_BYTES])
{
    struct bytes records[TILE_WIDTH];
    struct arena arena;

    arena_init(&arena, BUNDLE_BYTES_MAX + 4096);
    enum tide_err err = bundle_read(ctx, first / TILE_WIDTH, width, &arena, records);
    for (unsigned i = 0; i < width && err == TIDE_OK; i++) merkle_leaf_hash(records[i], out[i]);
    arena_deinit(&arena);
    return err;
}

enum tide_err bundles_extend_tiles(struct tiles *t, uint64_t old_size, uint64_t size)
{
    const struct tiles_leaves leaves = {t, bundle_leaves};
    return tiles_extend_from(t, &leaves, old_size, size);
}

void tiles_check_init(struct tiles_check *c, struct tiles *t)
{
    c->tiles = t;
    c->path[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(c->levels); i++) c->levels[i].n = 0;
}

/* The newest tile of a level, `width` hashes wide, against its file. */
static enum tide_err compare(struct tiles_check *c, unsigned level, unsigned width)
{
    uint8_t there[TILE_WIDTH][HASH_BYTES];
    uint64_t index = (c->levels[level].n - 1) / TILE_WIDTH;

    enum tide_err err = tiles_load(c->tiles, level, index, width, there);
    if (err == TIDE_OK && memcmp(there, c->levels[level].hashes, (size_t)width * HASH_BYTES) != 0) err = TIDE_EDAMAGED;
    if (err != TIDE_OK) tile_path(level, index, width, c->path);
    return err;
}

enum tide_err tiles_check_leaf(struct tiles_check *c, const uint8_t leaf[HASH_BYTES])
{
    uint8_t hash[HASH_BYTES];

    memcpy(hash, leaf, HASH_BYTES);
    for (unsigned level = 0; level < ARRAY_LEN(c->levels); level++) {
        memcpy(c->levels[level].hashes[c->levels[level].n++ % TILE_WIDTH], hash, HASH_BYTES);
        if (c->levels[level].n % TILE_WIDTH != 0) return TIDE_OK;
        enum tide_err err = compare(c, level, TILE_WIDTH);
        if (err != TIDE_OK) return err;
        tiles_subtree_root(c->levels[level].hashes, 0, TILE_WIDTH, hash);
    }
    return TIDE_OK;
}

enum tide_err tiles_check_end(struct tiles_check *c)
{
    for (unsigned level = 0; level < ARRAY_LEN(c->levels); level++) {
        unsigned width = (unsigned)(c->levels[level].n % TILE_WIDTH);
        enum tide_err err = width > 0 ? compare(c, level, width) : TIDE_OK;
        if (err != TIDE_OK) return err;
    }
    return TIDE_OK;
}
