/*
 * Nodes and proofs out of tiles.
 *
 * Always holds: nothing is handed out but what a tree of the asked size has complete; a proof that leaves here holds
 * against the checkpoint it carries, so that a damaged tile is found before anybody else finds it.
 * Not here: whether the checkpoint's signature is right (the publisher made it); the record itself.
 */
#include "storage/tiles_internal.h"

#include <stdlib.h>

enum tide_err tiles_load(struct tiles *t, unsigned level, uint64_t index, unsigned width,
                         uint8_t out[TILE_WIDTH][HASH_BYTES])
{
    char name[TILE_PATH_MAX], path[FILES_PATH_MAX];
    size_t len;

    tile_path(level, index, width, name);
    enum tide_err err = files_join(path, t->dir, name);
    if (err == TIDE_OK) err = files_read(path, out, TILE_WIDTH * HASH_BYTES, &len);
    if (err == TIDE_OK && len != (size_t)width * HASH_BYTES) return TIDE_EDAMAGED;
    if (err != TIDE_ENOTFOUND || width == TILE_WIDTH) return err == TIDE_ELIMIT ? TIDE_EDAMAGED : err;
    return tiles_load(t, level, index, TILE_WIDTH, out); /* it became full, and the partial one was taken away */
}

void tiles_subtree_root(uint8_t hashes[TILE_WIDTH][HASH_BYTES], unsigned first, unsigned n, uint8_t root[HASH_BYTES])
{
    uint8_t level[TILE_WIDTH][HASH_BYTES];

    ASSERT(n > 0 && (n & (n - 1)) == 0 && first + n <= TILE_WIDTH);
    memcpy(level, hashes[first], (size_t)n * HASH_BYTES);
    for (; n > 1; n /= 2) {
        for (unsigned i = 0; i < n / 2; i++) merkle_node_hash(level[2 * i], level[2 * i + 1], level[i]);
    }
    memcpy(root, level[0], HASH_BYTES);
}

/* Finds the tile in the cache or puts it there. */
static enum tide_err cached_tile(struct tiles_reader *r, unsigned level, uint64_t index, unsigned width,
                                 uint8_t (**hashes)[HASH_BYTES])
{
    for (size_t i = 0; i < ARRAY_LEN(r->cache); i++) {
        if (!r->cache[i].valid || r->cache[i].level != level || r->cache[i].index != index) continue;
        if (r->cache[i].width < width) continue;
        *hashes = r->cache[i].hashes;
        return TIDE_OK;
    }
    unsigned slot = r->next++ % ARRAY_LEN(r->cache);
    r->cache[slot].valid = false;
    enum tide_err err = tiles_load(r->tiles, level, index, width, r->cache[slot].hashes);
    if (err != TIDE_OK) return err;
    r->cache[slot].level = level;
    r->cache[slot].index = index;
    r->cache[slot].width = width;
    r->cache[slot].valid = true;
    *hashes = r->cache[slot].hashes;
    return TIDE_OK;
}

static enum tide_err reader_node(void *ctx, unsigned level, uint64_t index, uint8_t out[HASH_BYTES])
{
    struct tiles_reader *r = ctx;
    uint8_t (*hashes)[HASH_BYTES];
    unsigned tile_level = level / TILE_HEIGHT, height = level % TILE_HEIGHT;
    uint64_t n = tiles_level_size(r->size, tile_level);

    if (level >= 64 || index >= (n >> height)) return TIDE_EINVAL; /* not complete in this tree */
    uint64_t first = index << height, tile = first / TILE_WIDTH, left = n - tile * TILE_WIDTH;
    unsigned width = left < TILE_WIDTH ? (unsigned)left : TILE_WIDTH;
    enum tide_err err = cached_tile(r, tile_level, tile, width, &hashes);
    if (err != TIDE_OK) return err;
    tiles_subtree_root(hashes, (unsigned)(first % TILE_WIDTH), 1u << height, out);
    return TIDE_OK;
}

void tiles_reader_init(struct tiles_reader *r, struct tiles *t, uint64_t size, struct merkle_store *store)
{
    for (size_t i = 0; i < ARRAY_LEN(r->cache); i++) r->cache[i].valid = false;
    r->tiles = t;
    r->size = size;
    r->next = 0;
    store->ctx = r;
    store->node = reader_node;
}

/* The checkpoint's text is what comes before its first empty line: it has none itself. */
static enum tide_err checkpoint_of(struct bytes note, struct checkpoint *out)
{
    const uint8_t *end = memmem(note.data, note.len, "\n\n", 2);
    if (end == NULL) return TIDE_EDAMAGED;
    enum tide_err err = checkpoint_parse(BYTES(note.data, (size_t)(end - note.data) + 1), out);
    return err == TIDE_OK ? TIDE_OK : TIDE_EDAMAGED;
}

/* A proof from the tiles, held against the checkpoint's root before it goes out. */
static enum tide_err prove(struct tiles *t, const struct checkpoint *cp, uint64_t index, struct merkle_proof *proof)
{
    struct merkle_store store;
    uint8_t leaf[HASH_BYTES];
    struct tiles_reader *r = malloc(sizeof *r);

    if (r == NULL) return TIDE_ENOMEM;
    tiles_reader_init(r, t, cp->size, &store);
    enum tide_err err = store.node(store.ctx, 0, index, leaf);
    if (err == TIDE_OK) err = merkle_prove_inclusion(&store, index, cp->size, proof);
    if (err == TIDE_ENOTFOUND) err = TIDE_EDAMAGED; /* a published size has all its tiles */
    if (err == TIDE_OK && merkle_verify_inclusion(proof, index, cp->size, leaf, cp->root) != TIDE_OK) err = TIDE_EDAMAGED;
    free(r);
    return err;
}

enum tide_err tiles_prove(struct tiles *t, uint64_t index, struct arena *arena, struct bytes *proof_text)
{
    char note[CHECKPOINT_MAX], *text = NULL;
    size_t note_len, text_len;
    struct checkpoint cp;
    struct proof_file file = {.index = index};

    *proof_text = BYTES(NULL, 0);
    enum tide_err err = tiles_read_checkpoint(t, note, &note_len);
    if (err == TIDE_OK) err = checkpoint_of(BYTES(note, note_len), &cp);
    if (err == TIDE_OK && index >= cp.size) err = TIDE_ENOTFOUND;
    if (err == TIDE_OK) err = prove(t, &cp, index, &file.proof);
    if (err != TIDE_OK) return err;
    file.checkpoint = BYTES(note, note_len);
    err = proof_file_format(&file, &text, &text_len);
    if (err == TIDE_OK) {
        *proof_text = arena_copy(arena, BYTES(text, text_len));
        if (proof_text->data == NULL) err = TIDE_ENOMEM;
    }
    free(text);
    return err;
}
