/*
 * Entry bundles of the log (C2SP tlog-tiles v0.1.0): `tile/entries/<N>[.p/<W>]`, the records of level-0 tile N, each behind
 * its length (u16, big-endian). A mirror has them as files; they are not public.
 */
#ifndef TIDEMARK_STORAGE_BUNDLES_H
#define TIDEMARK_STORAGE_BUNDLES_H

#include "storage/tiles.h"

#define BUNDLE_BYTES_MAX (TILE_WIDTH * (2u + 65535u))

/* Writes `width` records, 1..TILE_WIDTH of them, each at most LIMIT_RECORD_BYTES. Durable when it returns. */
MUST_USE enum tide_err bundle_write(struct tiles *t, uint64_t index, const struct bytes *records, unsigned width);

/*
 * The first `width` records, from the partial bundle of that width or from the full one, which are in `arena`.
 * TIDE_ENOTFOUND; TIDE_EDAMAGED: it has more or fewer of them, or bytes that are none.
 */
MUST_USE enum tide_err bundle_read(struct tiles *t, uint64_t index, unsigned width, struct arena *arena,
                                   struct bytes records[TILE_WIDTH]);

/* Takes away the partial ones of a full bundle. */
void bundle_remove_partials(struct tiles *t, uint64_t index);

/* The tiles above the bundles of `t`, which are there for all of `size`: as tiles_extend. */
MUST_USE enum tide_err bundles_extend_tiles(struct tiles *t, uint64_t old_size, uint64_t size);

/* Compares every tile of a log of `size` with its bundles. TIDE_EDAMAGED, TIDE_ENOTFOUND: *path is the first that differs. */
struct tiles_check {
    struct tiles *tiles;
    struct { uint64_t n; uint8_t hashes[TILE_WIDTH][HASH_BYTES]; } levels[9]; /* 64 bits of size have no more */
    char path[TILE_PATH_MAX];
};
void tiles_check_init(struct tiles_check *c, struct tiles *t);
/* The next leaf; the tiles that it makes full are compared. */
MUST_USE enum tide_err tiles_check_leaf(struct tiles_check *c, const uint8_t leaf[HASH_BYTES]);
/* After the last one: the partial tiles. */
MUST_USE enum tide_err tiles_check_end(struct tiles_check *c);

#endif
