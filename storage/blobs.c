/*
 * The ciphertext store on a file system.
 *
 * Always holds: a manifest has its name `manifest` only once its root was the content's and it is on disk (before, it
 * grows as `manifest.part`); `have` counts a chunk only after the chunk is on disk; a chunk leaves only if its hash is
 * the manifest's. Memory is a tree's edge and one bit a chunk, whatever the content's length.
 * Not here: who may put or get; opening ciphertext.
 */
#include "storage/blobs.h"

#include "storage/blobs_internal.h"
#include "storage/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HASHES_AT_ONCE 2048u

enum tide_err blobs_open(const char *dir, struct blobs **out)
{
    *out = NULL;
    struct blobs *b = calloc(1, sizeof *b);
    if (b == NULL) return TIDE_ENOMEM;
    enum tide_err err = files_join(b->dir, dir, "blobs");
    if (err == TIDE_OK) err = files_make_dir(b->dir, false);
    if (err != TIDE_OK) {
        blobs_close(&b);
        return err;
    }
    *out = b;
    return TIDE_OK;
}

void blobs_close(struct blobs **b)
{
    free(*b);
    *b = NULL;
}

/* ---- manifest ---- */

static enum tide_err open_file(const struct blob *b, const char *name, int flags, int *fd)
{
    char path[FILES_PATH_MAX];
    *fd = -1;
    enum tide_err err = files_join(path, b->dir, name);
    if (err != TIDE_OK) return err;
    *fd = open(path, flags | O_CLOEXEC, 0644);
    return *fd < 0 ? files_err(errno) : TIDE_OK;
}

static enum tide_err size_of(int fd, uint64_t *size)
{
    off_t end = lseek(fd, 0, SEEK_END);
    *size = end < 0 ? 0 : (uint64_t)end;
    return end < 0 ? files_err(errno) : TIDE_OK;
}

/* Hashes the first `n` entries of the open manifest into b->tree. */
static enum tide_err hash_manifest(struct blob *b, uint64_t n)
{
    uint8_t *hashes = malloc(HASHES_AT_ONCE * HASH_BYTES);
    enum tide_err err = hashes == NULL ? TIDE_ENOMEM : TIDE_OK;

    memset(&b->tree, 0, sizeof b->tree);
    while (err == TIDE_OK && b->tree.size < n) {
        uint64_t left = n - b->tree.size;
        size_t want = (size_t)(left < HASHES_AT_ONCE ? left : HASHES_AT_ONCE) * HASH_BYTES, got;
        err = files_read_at(b->manifest_fd, hashes, want, b->tree.size * HASH_BYTES, &got);
        if (err == TIDE_OK && got != want) err = TIDE_EIO;
        for (size_t i = 0; err == TIDE_OK && i < want; i += HASH_BYTES) merkle_append(&b->tree, hashes + i);
    }
    free(hashes);
    return err;
}

static bool root_is_right(const struct blob *b)
{
    uint8_t root[HASH_BYTES];
    merkle_root(&b->tree, root);
    return b->tree.size == b->commitment.n_chunks && memcmp(root, b->commitment.content_root, HASH_BYTES) == 0;
}

/* Nothing of the manifest is left; chunks without one are nothing either. */
static enum tide_err restart_manifest(struct blob *b)
{
    char path[FILES_PATH_MAX];

    b->whole = false;
    blob_bits_clear(&b->have);
    memset(&b->tree, 0, sizeof b->tree);
    if (b->manifest_fd >= 0) close(b->manifest_fd);
    b->manifest_fd = -1;
    enum tide_err err = files_join(path, b->dir, "have");
    if (err == TIDE_OK) err = files_remove(path);
    if (err == TIDE_OK) err = files_join(path, b->dir, "manifest");
    if (err == TIDE_OK) err = files_remove(path);
    if (err == TIDE_OK) err = open_file(b, "manifest.part", O_RDWR | O_CREAT | O_TRUNC, &b->manifest_fd);
    return err;
}

/* A whole manifest, of the right length. Who is going to add chunks checks its root as well. */
static enum tide_err open_whole_manifest(struct blob *b)
{
    uint64_t size;
    enum tide_err err = open_file(b, "manifest", O_RDONLY, &b->manifest_fd);
    if (err == TIDE_OK) err = size_of(b->manifest_fd, &size);
    if (err != TIDE_OK) return err;
    b->whole = size == b->commitment.n_chunks * HASH_BYTES;
    if (b->writes && b->whole) {
        err = hash_manifest(b, b->commitment.n_chunks);
        b->whole = err == TIDE_OK && root_is_right(b);
    }
    if (err != TIDE_OK || b->whole) return err;
    return b->writes ? restart_manifest(b) : TIDE_EDAMAGED;
}

/* The last hash is in: it gets its name, durably, or all of it goes. */
static enum tide_err finish_manifest(struct blob *b)
{
    char from[FILES_PATH_MAX], to[FILES_PATH_MAX];

    if (!root_is_right(b)) {
        enum tide_err err = restart_manifest(b);
        return err == TIDE_OK ? TIDE_EAUTH : err;
    }
    enum tide_err err = fsync(b->manifest_fd) == 0 ? TIDE_OK : files_err(errno);
    if (err == TIDE_OK) err = files_join(from, b->dir, "manifest.part");
    if (err == TIDE_OK) err = files_join(to, b->dir, "manifest");
    if (err == TIDE_OK && rename(from, to) != 0) err = files_err(errno);
    if (err == TIDE_OK) err = files_sync_dir(b->dir);
    b->whole = err == TIDE_OK;
    return err;
}

/* One that is still coming goes on after its last whole hash; a crash may have come right before its end. */
static enum tide_err open_part(struct blob *b)
{
    uint64_t size;
    if (!b->writes) return TIDE_OK;
    enum tide_err err = open_file(b, "manifest.part", O_RDWR | O_CREAT, &b->manifest_fd);
    if (err == TIDE_OK) err = size_of(b->manifest_fd, &size);
    if (err != TIDE_OK) return err;
    if (size / HASH_BYTES > b->commitment.n_chunks) return restart_manifest(b);
    err = hash_manifest(b, size / HASH_BYTES);
    if (err == TIDE_OK && b->tree.size == b->commitment.n_chunks) err = finish_manifest(b);
    return err == TIDE_EAUTH ? TIDE_OK : err; /* not this content's: it has begun anew */
}

/* ---- opening ---- */

static bool commitment_is_sound(const struct age_commitment *c)
{
    return c->plaintext_len <= UINT64_MAX / 2 && c->n_chunks > 0 && c->n_chunks == age_n_chunks(c->plaintext_len);
}

static bool chunk_is_right(struct blob *b, uint64_t chunk, uint8_t *buffer)
{
    size_t len;
    return blob_get_chunk(b, chunk, buffer, &len) == TIDE_OK;
}

/* A damaged bitmap is made again by looking at every chunk; who writes looks at what the bitmap does not count anyway. */
static enum tide_err load_have(struct blob *b)
{
    char path[FILES_PATH_MAX];
    enum tide_err err = files_join(path, b->dir, "have");
    if (err == TIDE_OK) err = blob_bits_load(&b->have, path);
    if (b->writes && (err == TIDE_OK || err == TIDE_ENOTFOUND || err == TIDE_EDAMAGED)) return blob_adopt(b);
    if (err == TIDE_ENOTFOUND) return TIDE_OK;
    if (err != TIDE_EDAMAGED) return err;

    uint8_t *buffer = malloc(AGE_SEALED_CHUNK_BYTES);
    if (buffer == NULL) return TIDE_ENOMEM;
    for (uint64_t chunk = 0; chunk < b->commitment.n_chunks; chunk++) {
        if (chunk_is_right(b, chunk, buffer)) blob_bits_set(&b->have, chunk);
    }
    free(buffer);
    return TIDE_OK;
}

static enum tide_err open_parts(struct blob *b)
{
    enum tide_err err = b->writes ? files_make_dir(b->dir, false) : TIDE_OK;
    if (err == TIDE_OK) err = open_file(b, "payload", b->writes ? O_RDWR | O_CREAT : O_RDONLY, &b->payload_fd);
    if (err == TIDE_OK && b->writes) err = files_write_at(b->payload_fd, b->commitment.nonce, AGE_NONCE_BYTES, 0);
    if (err == TIDE_OK) err = blob_bits_init(&b->have, b->commitment.n_chunks);
    if (err != TIDE_OK) return err;
    err = open_whole_manifest(b);
    if (err == TIDE_ENOTFOUND) err = open_part(b);
    if (err == TIDE_OK && b->whole) err = load_have(b);
    return err;
}

enum tide_err blob_open(struct blobs *b, const struct age_commitment *commitment, bool write, struct blob **out)
{
    *out = NULL;
    if (!commitment_is_sound(commitment)) return TIDE_EINVAL;
    if (commitment->n_chunks > BLOB_CHUNKS_MAX) return TIDE_ELIMIT;
    struct blob *blob = calloc(1, sizeof *blob);
    if (blob == NULL) return TIDE_ENOMEM;
    blob->commitment = *commitment;
    blob->writes = write;
    blob->payload_fd = blob->manifest_fd = -1;
    enum tide_err err = blob_folder(b, commitment, blob->dir);
    if (err == TIDE_OK) err = open_parts(blob);
    if (err != TIDE_OK) {
        blob->dirty = false;
        blob_close(&blob);
        return err;
    }
    *out = blob;
    return TIDE_OK;
}

void blob_close(struct blob **b)
{
    if (*b == NULL) return;
    /* What cannot be synced now is asked for again later: `have` does not count it. */
    if ((*b)->dirty && blob_sync(*b) != TIDE_OK) (*b)->dirty = false;
    if ((*b)->payload_fd >= 0) close((*b)->payload_fd);
    if ((*b)->manifest_fd >= 0) close((*b)->manifest_fd);
    blob_bits_deinit(&(*b)->have);
    free(*b);
    *b = NULL;
}

/* ---- putting and getting the manifest ---- */

enum tide_err blob_put_manifest(struct blob *b, uint64_t first, struct bytes hashes)
{
    uint64_t n = hashes.len / HASH_BYTES;

    if (!b->writes) return TIDE_EDENIED;
    if (b->whole || first != b->tree.size || n == 0 || hashes.len % HASH_BYTES != 0) return TIDE_EINVAL;
    if (n > b->commitment.n_chunks - first) return TIDE_EINVAL;
    enum tide_err err = files_write_at(b->manifest_fd, hashes.data, hashes.len, first * HASH_BYTES);
    if (err != TIDE_OK) return err;
    for (uint64_t i = 0; i < n; i++) merkle_append(&b->tree, hashes.data + i * HASH_BYTES);
    b->dirty = true;
    return b->tree.size == b->commitment.n_chunks ? finish_manifest(b) : TIDE_OK;
}

uint64_t blob_manifest_have(const struct blob *b)
{
    return b->whole ? b->commitment.n_chunks : b->tree.size;
}

enum tide_err blob_get_manifest(struct blob *b, uint64_t first, uint8_t *out, size_t room, size_t *len)
{
    *len = 0;
    if (!b->whole) return TIDE_ENOTFOUND;
    if (first > b->commitment.n_chunks) return TIDE_EINVAL;
    uint64_t n = b->commitment.n_chunks - first;
    if (n > room / HASH_BYTES) n = room / HASH_BYTES;
    enum tide_err err = files_read_at(b->manifest_fd, out, (size_t)n * HASH_BYTES, first * HASH_BYTES, len);
    if (err == TIDE_OK && *len != n * HASH_BYTES) err = TIDE_EDAMAGED;
    if (err != TIDE_OK) *len = 0;
    return err;
}

/* ---- chunks ---- */

/* Whether `sealed` is what the manifest says of this chunk. */
static enum tide_err check_chunk(struct blob *b, uint64_t chunk, struct bytes sealed)
{
    uint8_t expected[HASH_BYTES], leaf[HASH_BYTES];
    size_t len;
    enum tide_err err = blob_get_manifest(b, chunk, expected, sizeof expected, &len);
    if (err != TIDE_OK) return err;
    merkle_leaf_hash(sealed, leaf);
    return memcmp(leaf, expected, HASH_BYTES) == 0 ? TIDE_OK : TIDE_EAUTH;
}

enum tide_err blob_put_chunk(struct blob *b, uint64_t chunk, struct bytes sealed)
{
    if (!b->writes) return TIDE_EDENIED;
    if (chunk >= b->commitment.n_chunks) return TIDE_EINVAL;
    if (sealed.len != age_sealed_chunk_len(b->commitment.plaintext_len, chunk)) return TIDE_EINVAL;
    enum tide_err err = check_chunk(b, chunk, sealed);
    if (err != TIDE_OK || blob_bits_get(&b->have, chunk)) return err;
    err = files_write_at(b->payload_fd, sealed.data, sealed.len, blob_chunk_offset(chunk));
    if (err != TIDE_OK) return err;
    blob_bits_set(&b->have, chunk);
    b->dirty = true;
    b->unsynced += sealed.len;
    return TIDE_OK;
}

enum tide_err blob_get_chunk(struct blob *b, uint64_t chunk, uint8_t *out, size_t *len)
{
    size_t expected, got;

    *len = 0;
    if (chunk >= b->commitment.n_chunks) return TIDE_EINVAL;
    expected = age_sealed_chunk_len(b->commitment.plaintext_len, chunk);
    enum tide_err err = files_read_at(b->payload_fd, out, expected, blob_chunk_offset(chunk), &got);
    if (err == TIDE_OK) err = got == expected ? check_chunk(b, chunk, BYTES(out, expected)) : TIDE_EAUTH;
    if (err == TIDE_EAUTH) err = blob_bits_get(&b->have, chunk) ? TIDE_EDAMAGED : TIDE_ENOTFOUND;
    if (err == TIDE_OK) *len = expected;
    return err;
}

enum tide_err blob_missing(struct blob *b, struct blob_range *out, size_t room, size_t *n)
{
    *n = blob_bits_missing(&b->have, out, room);
    return TIDE_OK;
}

uint64_t blob_have(const struct blob *b)
{
    return b->have.n_set;
}

uint64_t blob_unsynced(const struct blob *b)
{
    return b->unsynced;
}

bool blob_is_complete(const struct blob *b)
{
    return b->whole && b->have.n_set == b->commitment.n_chunks;
}

/*
 * The system may have thrown away what it could not write, and would not say so again: only what the file of the
 * bitmap counts is known to be there.
 */
static enum tide_err forget_unsynced(struct blob *b, enum tide_err why)
{
    char path[FILES_PATH_MAX];
    if (files_join(path, b->dir, "have") != TIDE_OK || blob_bits_load(&b->have, path) != TIDE_OK) {
        blob_bits_clear(&b->have);
    }
    b->dirty = false;
    b->unsynced = 0;
    return why;
}

/* Data first, then the bitmap that counts it, then the names. */
enum tide_err blob_sync(struct blob *b)
{
    char path[FILES_PATH_MAX];
    enum tide_err err = TIDE_OK;

    if (!b->writes || !b->dirty) return TIDE_OK;
    if (fdatasync(b->payload_fd) != 0) return forget_unsynced(b, files_err(errno));
    if (b->manifest_fd >= 0 && !b->whole && fdatasync(b->manifest_fd) != 0) err = files_err(errno);
    if (err == TIDE_OK && b->whole) {
        err = files_join(path, b->dir, "have");
        if (err == TIDE_OK) err = blob_bits_store(&b->have, path);
    }
    if (err == TIDE_OK) err = files_sync_dir(b->dir);
    if (err == TIDE_OK) {
        b->dirty = false;
        b->unsynced = 0;
    }
    return err;
}
