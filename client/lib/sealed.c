/*
 * Sealed files read again: their headers, and the chunks of a file that this identity sealed.
 *
 * Always holds: file keys are wiped when a file is closed; memory does not depend on the file's size.
 * Not here: sealing (seal.c), opening whole files (open.c), getting them to a market (upload.c).
 */
#include "client/lib/sealed.h"

#include "crypto/merkle.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- headers ---- */

int header_read(int fd, uint64_t size, const char *path, uint8_t **out, size_t *len, struct tide_error *error)
{
    *len = size < AGE_HEADER_MAX ? (size_t)size : AGE_HEADER_MAX;
    *out = malloc(*len + 1);
    if (*out == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    if (read_at(fd, *out, *len, 0)) return 0;
    int code = error_file(error, "read", path);
    free(*out);
    *out = NULL;
    return code;
}

int header_refused(enum tide_err err, const char *path, struct tide_error *error)
{
    if (err == TIDE_EAUTH) {
        return error_set(error, OUTCOME_C_BAD_IDENTITY,
                         "%s does not open with this key: it is sealed for another, or its header is damaged.", path);
    }
    return error_set(error, OUTCOME_V_UNREADABLE, "%s is not an age file for X25519 recipients.", path);
}

enum tide_err header_open_as(const struct identity *id, struct bytes header,
                                    uint8_t file_key[AGE_FILE_KEY_BYTES], size_t *header_len)
{
    enum tide_err err = age_header_open(header, identity_seal_secret(id), file_key, header_len);
    for (size_t i = 0; err == TIDE_EAUTH && i < identity_n_older(id); i++) {
        err = age_header_open(header, identity_seal_secret(identity_older(id, i)), file_key, header_len);
    }
    return err;
}

/* ---- reading back ---- */

/* The plaintext's length from the payload's; false: no payload has that length. */
static bool plaintext_len_of(uint64_t payload_len, uint64_t *out)
{
    if (payload_len < AGE_NONCE_BYTES + AGE_TAG_BYTES) return false;
    uint64_t chunks_len = payload_len - AGE_NONCE_BYTES;
    uint64_t n = (chunks_len + AGE_SEALED_CHUNK_BYTES - 1) / AGE_SEALED_CHUNK_BYTES;
    if (chunks_len < n * AGE_TAG_BYTES) return false;
    *out = chunks_len - n * AGE_TAG_BYTES;
    return age_payload_len(*out) == payload_len;
}

int sealed_open(const struct identity *id, const char *path, struct sealed_file *out, struct tide_error *error)
{
    uint8_t *header = NULL;
    size_t len = 0, header_len = 0;
    uint64_t size;

    memset(out, 0, sizeof *out);
    out->fd = -1;
    int code = file_open(path, &out->fd, &size, error);
    if (code == 0) code = header_read(out->fd, size, path, &header, &len, error);
    if (code == 0) {
        enum tide_err err = header_open_as(id, BYTES(header, len), out->file_key, &header_len);
        if (err != TIDE_OK) code = header_refused(err, path, error);
    }
    free(header);
    if (code == 0) {
        out->header_len = header_len;
        out->payload_len = size - header_len;
        if (!plaintext_len_of(out->payload_len, &out->plaintext_len)) {
            code = error_set(error, OUTCOME_V_DAMAGED, "%s is cut short.", path);
        }
    }
    if (code == 0 && !read_at(out->fd, out->nonce, sizeof out->nonce, out->header_len))
        code = error_file(error, "read", path);
    out->n_chunks = age_n_chunks(out->plaintext_len);
    if (code != 0) sealed_close(out);
    return code;
}

void sealed_close(struct sealed_file *f)
{
    if (f->fd >= 0) close(f->fd);
    explicit_bzero(f, sizeof *f);
    f->fd = -1;
}

bool sealed_chunk(const struct sealed_file *f, uint64_t index, uint8_t *chunk, size_t *len)
{
    *len = age_sealed_chunk_len(f->plaintext_len, index);
    return read_at(f->fd, chunk, *len, f->header_len + AGE_NONCE_BYTES + index * AGE_SEALED_CHUNK_BYTES);
}

/* Sealed chunks that are read and hashed together, and a plain chunk for each of two. */
#define WALK_CHUNKS 16u
struct walk {
    uint8_t sealed[WALK_CHUNKS][AGE_SEALED_CHUNK_BYTES];
    uint8_t opened[AGE_CHUNK_BYTES], plain[AGE_CHUNK_BYTES];
    uint8_t leaves[WALK_CHUNKS][HASH_BYTES];
    struct bytes chunks[WALK_CHUNKS];
    size_t n;
};

/* Chunks from `first` on, and their leaves; false with errno. */
static bool walk_read(const struct sealed_file *f, uint64_t first, struct walk *w)
{
    size_t len = 0;
    w->n = f->n_chunks - first < WALK_CHUNKS ? (size_t)(f->n_chunks - first) : WALK_CHUNKS;
    for (size_t c = 0; c < w->n; c++) {
        w->chunks[c] = BYTES(w->sealed[c], age_sealed_chunk_len(f->plaintext_len, first + c));
        len += w->chunks[c].len;
    }
    if (!read_at(f->fd, w->sealed, len, f->header_len + AGE_NONCE_BYTES + first * AGE_SEALED_CHUNK_BYTES)) return false;
    merkle_leaf_hashes(w->chunks, w->n, w->leaves);
    return true;
}

/* Chunk `first` + c, sealed, must open to the same bytes of `plain_fd`. */
static bool walk_is_of(const struct sealed_file *f, const uint8_t key[32], uint64_t first, size_t c, int plain_fd,
                       struct walk *w)
{
    uint64_t index = first + c;
    size_t len = w->chunks[c].len - AGE_TAG_BYTES;
    return age_chunk_open(key, index, index + 1 == f->n_chunks, w->chunks[c], w->opened) == TIDE_OK &&
           read_at(plain_fd, w->plain, len, index * AGE_CHUNK_BYTES) && memcmp(w->opened, w->plain, len) == 0;
}

static int sealed_walk(const struct sealed_file *f, int manifest_fd, int plain_fd, const struct progress *p,
                       struct walk *w, struct merkle_tree *tree, struct tide_error *error)
{
    uint8_t key[32];
    int code = 0;
    age_payload_key(f->file_key, f->nonce, key);
    for (uint64_t first = 0; first < f->n_chunks && code == 0; first += WALK_CHUNKS) {
        if (!progress_tell(p, first * AGE_CHUNK_BYTES, f->plaintext_len)) code = progress_stopped(p, error);
        else if (!walk_read(f, first, w)) code = error_file(error, "read", "the sealed file");
        for (size_t c = 0; code == 0 && c < w->n; c++) {
            if (plain_fd >= 0 && !walk_is_of(f, key, first, c, plain_fd, w)) {
                code = error_set(error, OUTCOME_V_DAMAGED, NULL);
            }
            merkle_append(tree, w->leaves[c]);
        }
        if (code == 0 && manifest_fd >= 0 && !write_at(manifest_fd, w->leaves, w->n * HASH_BYTES, first * HASH_BYTES)) {
            code = error_file(error, "write", "a temporary file");
        }
    }
    explicit_bzero(key, sizeof key);
    return code;
}

int sealed_hash(const struct sealed_file *f, int manifest_fd, int plain_fd, const struct progress *p,
                uint8_t root[HASH_BYTES], struct tide_error *error)
{
    struct merkle_tree tree = {0};
    struct walk *w = malloc(sizeof *w);
    if (w == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    int code = sealed_walk(f, manifest_fd, plain_fd, p, w, &tree, error);
    merkle_root(&tree, root);
    explicit_bzero(w, sizeof *w);
    free(w);
    return code;
}
