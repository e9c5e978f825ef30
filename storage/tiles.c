/*
 * The log as files, written: hash tiles of every published size, and the checkpoint that points at them.
 *
 * Always holds: a tile's name appears only with its whole, synced content; a full tile never changes; when
 * tiles_extend returns, every tile that a checkpoint of that size needs is durable. A level's hash n is the root of
 * full tile n one level below: nothing else hashes upward.
 * Not here: making nodes out of tiles (tiles_reader.c); signing; entry bundles (bundles.c).
 */
#include "storage/tiles_internal.h"

#include "storage/files.h"

#include <errno.h>
#include <inttypes.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES (UINT64_C(4) << 20)

void tiles_path(const char *folder, uint64_t index, unsigned width, char out[TILE_PATH_MAX])
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, index);
    int pad = (3 - n % 3) % 3, at = snprintf(out, TILE_PATH_MAX, "tile/%s/", folder);

    memmove(digits + pad, digits, (size_t)n + 1);
    memset(digits, '0', (size_t)pad);
    for (int i = 0; i < n + pad; i += 3) {
        bool last = i + 3 == n + pad;
        at += snprintf(out + at, (size_t)(TILE_PATH_MAX - at), last ? "%.3s" : "x%.3s/", digits + i);
    }
    if (width < TILE_WIDTH) snprintf(out + at, (size_t)(TILE_PATH_MAX - at), ".p/%u", width);
}

void tile_path(unsigned level, uint64_t index, unsigned width, char out[TILE_PATH_MAX])
{
    char folder[12];
    snprintf(folder, sizeof folder, "%u", level);
    tiles_path(folder, index, width, out);
}

enum tide_err tiles_open(const char *dir, bool writable, struct tiles **out)
{
    char below[FILES_PATH_MAX];
    *out = NULL;
    enum tide_err err = files_join(below, dir, "tiles");
    return err == TIDE_OK ? tiles_open_at(below, writable, out) : err;
}

enum tide_err tiles_open_at(const char *dir, bool writable, struct tiles **out)
{
    *out = NULL;
    if (strlen(dir) >= FILES_PATH_MAX) return TIDE_ELIMIT;
    struct tiles *t = calloc(1, sizeof *t);
    if (t == NULL) return TIDE_ENOMEM;
    t->writable = writable;
    strcpy(t->dir, dir);
    enum tide_err err = writable ? files_make_dir(t->dir, false) : TIDE_OK;
    struct stat st;
    if (err == TIDE_OK && stat(t->dir, &st) != 0) err = files_err(errno);
    if (err != TIDE_OK) {
        tiles_close(&t);
        return err;
    }
    *out = t;
    return TIDE_OK;
}

void tiles_close(struct tiles **t)
{
    free(*t);
    *t = NULL;
}

/* ---- one tile ---- */

struct tile {
    unsigned level, width;
    uint64_t index;
    uint8_t hashes[TILE_WIDTH][HASH_BYTES];
};

enum tide_err tiles_sync(struct dirty_dirs *dirs)
{
    enum tide_err err = TIDE_OK;
    for (size_t i = 0; i < dirs->n && err == TIDE_OK; i++) err = files_sync_dir(dirs->paths[i]);
    dirs->n = 0;
    return err;
}

static enum tide_err remember_dir(struct dirty_dirs *dirs, const char *path)
{
    enum tide_err err = TIDE_OK;
    for (size_t i = 0; i < dirs->n; i++) {
        if (strcmp(dirs->paths[i], path) == 0) return TIDE_OK;
    }
    if (dirs->n == ARRAY_LEN(dirs->paths)) err = tiles_sync(dirs);
    if (err == TIDE_OK) strcpy(dirs->paths[dirs->n++], path);
    return err;
}

static bool is_written(const char *path, size_t len)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == len;
}

enum tide_err tiles_put(struct tiles *t, const char *name, struct bytes content, bool again, struct dirty_dirs *dirs)
{
    char path[FILES_PATH_MAX];
    enum tide_err err = files_join(path, t->dir, name);
    if (err != TIDE_OK) return err;
    char *slash = strrchr(path, '/');
    if (again || !is_written(path, content.len)) {
        err = files_replace(path, content);
        if (err == TIDE_ENOTFOUND) { /* the first one in its folder */
            *slash = '\0';
            err = files_make_dir(path, true);
            *slash = '/';
            if (err == TIDE_OK) err = files_replace(path, content);
        }
        if (err != TIDE_OK) return err;
    }
    *slash = '\0'; /* also of one that was there: whoever wrote it may have died before its name was durable */
    return remember_dir(dirs, path);
}

static enum tide_err write_tile(struct tiles *t, const struct tile *tile, struct dirty_dirs *dirs)
{
    char name[TILE_PATH_MAX];
    tile_path(tile->level, tile->index, tile->width, name);
    return tiles_put(t, name, BYTES(tile->hashes, (size_t)tile->width * HASH_BYTES), false, dirs);
}

void tiles_remove_partials(struct tiles *t, const char *folder, uint64_t index)
{
    char name[TILE_PATH_MAX], path[FILES_PATH_MAX], file[FILES_PATH_MAX];
    tiles_path(folder, index, TILE_WIDTH, name);
    strcat(name, ".p");
    if (files_join(path, t->dir, name) != TIDE_OK) return;
    DIR *dir = opendir(path);
    if (dir == NULL) return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] != '.' && files_join(file, path, entry->d_name) == TIDE_OK) unlink(file);
    }
    closedir(dir);
    rmdir(path);
}

/* ---- extending ---- */

/* The hashes of a level-0 tile, from the journal's records. */
static enum tide_err journal_leaves(void *ctx, uint64_t first, unsigned width, uint8_t (*out)[HASH_BYTES])
{
    struct bytes records[TILE_WIDTH];
    struct arena arena;
    enum tide_err err = TIDE_OK;
    unsigned done = 0;

    arena_init(&arena, TILE_WIDTH * (65536 + 64) + READ_BYTES);
    while (done < width && err == TIDE_OK) {
        size_t n = 0;
        arena_reset(&arena);
        err = journal_read(ctx, first + done, width - done, READ_BYTES, &arena, records, &n);
        if (err == TIDE_OK && n == 0) err = TIDE_EINVAL; /* asked for more than the journal has */
        for (size_t i = 0; i < n; i++) merkle_leaf_hash(records[i], out[done++]);
    }
    arena_deinit(&arena);
    return err;
}

/* The hashes of a tile further up, from the full tiles below it. */
static enum tide_err roots_of_tile(struct tiles *t, struct tile *tile)
{
    uint8_t below[TILE_WIDTH][HASH_BYTES];
    for (unsigned i = 0; i < tile->width; i++) {
        enum tide_err err = tiles_load(t, tile->level - 1, tile->index * TILE_WIDTH + i, TILE_WIDTH, below);
        if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
        tiles_subtree_root(below, 0, TILE_WIDTH, tile->hashes[i]);
    }
    return TIDE_OK;
}

/* All tiles of one level that `old_n` hashes had not, or not as wide. */
static enum tide_err extend_level(struct tiles *t, const struct tiles_leaves *leaves, unsigned level, uint64_t old_n,
                                  uint64_t n, struct dirty_dirs *dirs)
{
    struct tile tile = {.level = level};
    enum tide_err err = TIDE_OK;
    char folder[12];

    snprintf(folder, sizeof folder, "%u", level);
    for (tile.index = old_n / TILE_WIDTH; tile.index * TILE_WIDTH < n && err == TIDE_OK; tile.index++) {
        uint64_t left = n - tile.index * TILE_WIDTH;
        tile.width = left < TILE_WIDTH ? (unsigned)left : TILE_WIDTH;
        if (level > 0) err = roots_of_tile(t, &tile);
        else err = leaves->read(leaves->ctx, tile.index * TILE_WIDTH, tile.width, tile.hashes);
        if (err == TIDE_OK) err = write_tile(t, &tile, dirs);
        if (err == TIDE_OK && tile.width == TILE_WIDTH && tile.index > 0) tiles_remove_partials(t, folder, tile.index - 1);
    }
    return err;
}

enum tide_err tiles_extend(struct tiles *t, struct journal *j, uint64_t old_size, uint64_t size)
{
    const struct tiles_leaves leaves = {j, journal_leaves};
    return tiles_extend_from(t, &leaves, old_size, size);
}

enum tide_err tiles_extend_from(struct tiles *t, const struct tiles_leaves *leaves, uint64_t old_size, uint64_t size)
{
    enum tide_err err = TIDE_OK;

    if (!t->writable || old_size > size) return TIDE_EINVAL;
    struct dirty_dirs *dirs = calloc(1, sizeof *dirs);
    if (dirs == NULL) return TIDE_ENOMEM;
    for (unsigned level = 0; err == TIDE_OK && tiles_level_size(size, level) > 0; level++) {
        uint64_t old_n = tiles_level_size(old_size, level), n = tiles_level_size(size, level);
        if (n > old_n) err = extend_level(t, leaves, level, old_n, n, dirs);
    }
    if (err == TIDE_OK) err = tiles_sync(dirs);
    free(dirs);
    return err;
}

/* ---- the checkpoint ---- */

enum tide_err tiles_write_checkpoint(struct tiles *t, struct bytes checkpoint)
{
    char path[FILES_PATH_MAX];
    if (!t->writable || checkpoint.len == 0 || checkpoint.len > CHECKPOINT_MAX) return TIDE_EINVAL;
    enum tide_err err = files_join(path, t->dir, "checkpoint");
    if (err == TIDE_OK) err = files_replace(path, checkpoint);
    return err == TIDE_OK ? files_sync_dir(t->dir) : err;
}

enum tide_err tiles_read_checkpoint(struct tiles *t, char out[CHECKPOINT_MAX], size_t *len)
{
    char path[FILES_PATH_MAX];
    *len = 0;
    enum tide_err err = files_join(path, t->dir, "checkpoint");
    return err == TIDE_OK ? files_read(path, out, CHECKPOINT_MAX, len) : err;
}
