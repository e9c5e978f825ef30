/*
 * The log as files: C2SP tlog-tiles v0.1.0 under `dir`/tiles (`tile/<L>/<N>[.p/<W>]`, `checkpoint`), written by the
 * publisher, read by whoever serves or proves. Hash tiles only; entry bundles, which a mirror has beside them, are bundles.h's.
 */
#ifndef TIDEMARK_STORAGE_TILES_H
#define TIDEMARK_STORAGE_TILES_H

#include "crypto/merkle.h"
#include "crypto/note.h"
#include "storage/journal.h"

#define TILE_HEIGHT 8u
#define TILE_WIDTH 256u
#define TILE_PATH_MAX 96

/* "tile/<level>/<x001/…>[.p/<width>]"; width TILE_WIDTH: the full tile. */
void tile_path(unsigned level, uint64_t index, unsigned width, char out[TILE_PATH_MAX]);

struct tiles;

/* Opens `dir`/tiles; `writable` makes the folder. */
MUST_USE enum tide_err tiles_open(const char *dir, bool writable, struct tiles **out);
/* The same where `dir` itself has tile/ and checkpoint, as a mirror does; its parent is there. */
MUST_USE enum tide_err tiles_open_at(const char *dir, bool writable, struct tiles **out);
void tiles_close(struct tiles **t);

/*
 * Writes all tiles (full and partial) that the tree of `size` has and that of `old_size` had not; leaf hashes come
 * from the journal's records. Everything is on disk (fsync) when it returns. Already written tiles are left.
 */
MUST_USE enum tide_err tiles_extend(struct tiles *t, struct journal *j, uint64_t old_size, uint64_t size);

/* The same with leaf hashes from elsewhere: those of a level-0 tile, `first` being a multiple of TILE_WIDTH. */
struct tiles_leaves {
    void *ctx;
    enum tide_err (*read)(void *ctx, uint64_t first, unsigned width, uint8_t (*out)[HASH_BYTES]);
};
MUST_USE enum tide_err tiles_extend_from(struct tiles *t, const struct tiles_leaves *leaves, uint64_t old_size,
                                         uint64_t size);

/* Node hashes out of the tiles of a published tree of `size`, for proofs. */
struct tiles_reader {
    struct tiles *tiles;
    uint64_t size;
    struct { unsigned level, width; uint64_t index; bool valid; uint8_t hashes[TILE_WIDTH][HASH_BYTES]; } cache[4];
    unsigned next; /* cache slot to replace */
};
void tiles_reader_init(struct tiles_reader *r, struct tiles *t, uint64_t size, struct merkle_store *store);

/* The checkpoint file: replaced atomically and synced; read whole (CHECKPOINT_MAX). TIDE_ENOTFOUND: none yet. */
MUST_USE enum tide_err tiles_write_checkpoint(struct tiles *t, struct bytes checkpoint);
MUST_USE enum tide_err tiles_read_checkpoint(struct tiles *t, char out[CHECKPOINT_MAX], size_t *len);

/* An inclusion proof of record `index` against the newest checkpoint, as C2SP tlog-proof text in `arena`.
 * TIDE_ENOTFOUND: the checkpoint does not cover it yet. */
MUST_USE enum tide_err tiles_prove(struct tiles *t, uint64_t index, struct arena *arena, struct bytes *proof_text);

#endif
