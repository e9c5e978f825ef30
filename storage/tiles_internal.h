/*
 * What writing and reading tiles share. Private to storage/.
 */
#ifndef TIDEMARK_STORAGE_TILES_INTERNAL_H
#define TIDEMARK_STORAGE_TILES_INTERNAL_H

#include "storage/files.h"
#include "storage/tiles.h"

struct tiles {
    char dir[FILES_PATH_MAX];
    bool writable;
};

/* "tile/<folder>/<x001/…>[.p/<width>]". */
void tiles_path(const char *folder, uint64_t index, unsigned width, char out[TILE_PATH_MAX]);

/* The folders that got new names, to be synced once: at the end, or when there are too many to remember. */
struct dirty_dirs {
    char paths[8][FILES_PATH_MAX];
    size_t n;
};
/*
 * Puts a file there (unless `again`: only if none of its length is there already); its folder is remembered. Durable after
 * tiles_sync.
 */
MUST_USE enum tide_err tiles_put(struct tiles *t, const char *name, struct bytes content, bool again,
                                 struct dirty_dirs *dirs);
MUST_USE enum tide_err tiles_sync(struct dirty_dirs *dirs);

/*
 * Takes away the partial tiles of a full tile. The specification allows it as soon as the full one is there: whoever
 * misses a partial tile asks for the full one. What cannot be removed is only litter.
 */
void tiles_remove_partials(struct tiles *t, const char *folder, uint64_t index);

/* Hashes that tile level `level` has in a tree of `size` leaves. */
static inline uint64_t tiles_level_size(uint64_t size, unsigned level)
{
    return level * TILE_HEIGHT >= 64 ? 0 : size >> (level * TILE_HEIGHT);
}

/* The first `width` hashes of a tile: from the partial tile of that width, or from the full one.
 * TIDE_ENOTFOUND; TIDE_EDAMAGED: wrong length. */
MUST_USE enum tide_err tiles_load(struct tiles *t, unsigned level, uint64_t index, unsigned width,
                                  uint8_t out[TILE_WIDTH][HASH_BYTES]);

/* The root over `n` hashes (a power of two) from `first` on. */
void tiles_subtree_root(uint8_t hashes[TILE_WIDTH][HASH_BYTES], unsigned first, unsigned n, uint8_t root[HASH_BYTES]);

#endif
