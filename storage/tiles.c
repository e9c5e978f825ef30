/*
 * The log as files, written: hash tiles of every published size, and the checkpoint that points at them.
 *
 * Always holds: a tile's name appears only with its whole, synced content; a full tile never changes; when
 * tiles_extend returns, every tile that a checkpoint of that size needs is durable. A level's hash n is the root of
 * full tile n one level below: nothing else hashes upward.
 * Not here: making nodes out of tiles (tiles_reader.c); signing; entry bundles.
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

void tile_path(unsigned level, uint64_t index, unsigned width, char out[TILE_PATH_MAX])
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, index);
    int pad = (3 - n % 3) % 3, at = snprintf(out, TILE_PATH_MAX, "tile/%u/", level);

    memmove(digits + pad, digits, (size_t)n + 1);
    memset(digits, '0', (size_t)pad);
    for (int i = 0; i < n + pad; i += 3) {
        bool last = i + 3 == n + pad;
        at += snprintf(out + at, (size_t)(TILE_PATH_MAX - at), last ? "%.3s" : "x%.3s/", digits + i);
    }
    if (width < TILE_WIDTH) snprintf(out + at, (size_t)(TILE_PATH_MAX - at), ".p/%u", width);
}

enum tide_err tiles_open(const char *dir, bool writable, struct tiles **out)
{
    *out = NULL;
    struct tiles *t = calloc(1, sizeof *t);
    if (t == NULL) return TIDE_ENOMEM;
    t->writable = writable;
    enum tide_err err = files_join(t->dir, dir, "tiles");
    if (err == TIDE_OK && writable) err = files_make_dir(t->dir, false);
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

/* The folders that got new names, to be synced once: at the end, or when there are too many to remember. */
struct dirty_dirs {
    char paths[8][FILES_PATH_MAX];
    size_t n;
};

static enum tide_err sync_dirty(struct dirty_dirs *dirs)
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
    if (dirs->n == ARRAY_LEN(dirs->paths)) err = sync_dirty(dirs);
    if (err == TIDE_OK) strcpy(dirs->paths[dirs->n++], path);
    return err;
}

static bool is_written(const char *path, size_t len)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == len;
}

static enum tide_err write_tile(struct tiles *t, const struct tile *tile, struct dirty_dirs *dirs)
{
    char name[TILE_PATH_MAX], path[FILES_PATH_MAX];
    size_t len = (size_t)tile->width * HASH_BYTES;

    tile_path(tile->level, tile->index, tile->width, name);
    enum tide_err err = files_join(path, t->dir, name);
    if (err != TIDE_OK) return err;
    char *slash = strrchr(path, '/');
    if (!is_written(path, len)) {
        err = files_replace(path, BYTES(tile->hashes, len));
        if (err == TIDE_ENOTFOUND) { /* the first one in its folder */
            *slash = '\0';
            err = files_make_dir(path, true);
            *slash = '/';
            if (err == TIDE_OK) err = files_replace(path, BYTES(tile->hashes, len));
        }
        if (err != TIDE_OK) return err;
    }
    *slash = '\0'; /* also of one that was there: whoever wrote it may have died before its name was durable */
    return remember_dir(dirs, path);
}

/*
 * Takes away the partial tiles of a full tile. The specification allows it as soon as the full one is there: whoever
 * misses a partial tile asks for the full one. What cannot be removed is only litter.
 */
static void remove_partials(struct tiles *t, unsigned level, uint64_t index)
{
    char name[TILE_PATH_MAX], path[FILES_PATH_MAX], file[FILES_PATH_MAX];
    tile_path(level, index, TILE_WIDTH, name);
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

/* The hashes of a level-0 tile, from the records. */
static enum tide_err leaves_of_tile(struct journal *j, struct tile *tile)
{
    struct bytes records[TILE_WIDTH];
    struct arena arena;
    enum tide_err err = TIDE_OK;
    unsigned done = 0;

    arena_init(&arena, TILE_WIDTH * (65536 + 64) + READ_BYTES);
    while (done < tile->width && err == TIDE_OK) {
        size_t n = 0;
        arena_reset(&arena);
        err = journal_read(j, tile->index * TILE_WIDTH + done, tile->width - done, READ_BYTES, &arena, records, &n);
        if (err == TIDE_OK && n == 0) err = TIDE_EINVAL; /* asked for more than the journal has */
        for (size_t i = 0; i < n; i++) merkle_leaf_hash(records[i], tile->hashes[done++]);
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
static enum tide_err extend_level(struct tiles *t, struct journal *j, unsigned level, uint64_t old_n, uint64_t n,
                                  struct dirty_dirs *dirs)
{
    struct tile tile = {.level = level};
    enum tide_err err = TIDE_OK;

    for (tile.index = old_n / TILE_WIDTH; tile.index * TILE_WIDTH < n && err == TIDE_OK; tile.index++) {
        uint64_t left = n - tile.index * TILE_WIDTH;
        tile.width = left < TILE_WIDTH ? (unsigned)left : TILE_WIDTH;
        err = level == 0 ? leaves_of_tile(j, &tile) : roots_of_tile(t, &tile);
        if (err == TIDE_OK) err = write_tile(t, &tile, dirs);
        if (err == TIDE_OK && tile.width == TILE_WIDTH && tile.index > 0) remove_partials(t, level, tile.index - 1);
    }
    return err;
}

enum tide_err tiles_extend(struct tiles *t, struct journal *j, uint64_t old_size, uint64_t size)
{
    enum tide_err err = TIDE_OK;

    if (!t->writable || old_size > size) return TIDE_EINVAL;
    struct dirty_dirs *dirs = calloc(1, sizeof *dirs);
    if (dirs == NULL) return TIDE_ENOMEM;
    for (unsigned level = 0; err == TIDE_OK && tiles_level_size(size, level) > 0; level++) {
        uint64_t old_n = tiles_level_size(old_size, level), n = tiles_level_size(size, level);
        if (n > old_n) err = extend_level(t, j, level, old_n, n, dirs);
    }
    if (err == TIDE_OK) err = sync_dirty(dirs);
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
