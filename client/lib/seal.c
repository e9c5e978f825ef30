/*
 * Sealing a file with its commitment, opening age files, and reading back what was sealed. Offline.
 *
 * Always holds: a file key is made for one nonce, a nonce for one sealing; output files appear whole or not at all;
 * keys are wiped on every path; memory does not depend on the file's size.
 * Not here: the format (crypto/age.h), getting it to a market (transfer.c).
 */
#include "client/lib/jobs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool progress_tell(const struct progress *p, uint64_t done, uint64_t total)
{
    if (p->market != NULL && atomic_load(&p->market->interrupted)) return false;
    return p->tell == NULL || p->tell(p->ctx, p->what, done, total);
}

bool progress_age(void *ctx, uint64_t done, uint64_t total)
{
    return progress_tell(ctx, done, total);
}

int progress_stopped(const struct progress *p, struct tide_error *error)
{
    if (p->market != NULL) (void)market_was_interrupted(p->market, NULL);
    return error_set(error, OUTCOME_C_INTERRUPTED, NULL);
}

/* ---- sealing ---- */
static int seal_into(const struct identity *id, int in_fd, struct new_file *out, const struct progress *p,
                     struct age_commitment *commitment, struct tide_error *error)
{
    uint8_t nonce[AGE_NONCE_BYTES], file_key[AGE_FILE_KEY_BYTES], header[AGE_GRANT_BYTES];
    struct age_work work = {.progress = progress_age, .progress_ctx = (void *)(uintptr_t)p};
    int code = 0;

    random_bytes(nonce, sizeof nonce);
    identity_file_key(id, nonce, file_key);
    enum tide_err err = age_grant_seal(file_key, identity_seal_public(id), header);
    if (err != TIDE_OK) code = error_of(error, err, "Sealing");
    if (code == 0 && (!write_at(out->fd, header, sizeof header, 0) || lseek(out->fd, sizeof header, SEEK_SET) < 0)) {
        code = error_file(error, "write", out->path);
    }
    if (code == 0) {
        err = age_payload_seal(in_fd, out->fd, -1, file_key, nonce, &work, commitment);
        if (err == TIDE_ECANCELED) code = progress_stopped(p, error);
        else if (err != TIDE_OK)
            code = error_set(error, OUTCOME_C_FILE, "Sealing into %s: %s.", out->path, tide_err_text(err));
    }
    explicit_bzero(file_key, sizeof file_key);
    return code;
}

int file_seal(const struct identity *id, const char *in_path, const char *out_path, const struct progress *p,
              struct age_commitment *out, struct tide_error *error)
{
    struct new_file file;
    uint64_t size;
    int fd;
    int code = file_open(in_path, &fd, &size, error);
    if (code != 0) return code;
    code = new_file_open(&file, out_path, 0666, error);
    if (code == 0) {
        code = seal_into(id, fd, &file, p, out, error);
        if (code == 0) code = new_file_commit(&file, error);
        new_file_drop(&file);
    }
    close(fd);
    return code;
}

int tide_seal(const struct tide_identity *identity, const char *in_path, const char *out_path, tide_progress progress,
              void *ctx, struct tide_commitment *out, struct tide_error *error)
{
    struct progress p = {progress, ctx, NULL, "seal"};
    struct age_commitment c;
    error_clear(error);
    if (out != NULL) *out = (struct tide_commitment){0};
    int code = file_seal(identity->id, in_path, out_path, &p, &c, error);
    if (code != 0 || out == NULL) return code;
    *out = (struct tide_commitment){.plaintext_len = c.plaintext_len, .n_chunks = c.n_chunks,
                                    .payload_len = age_payload_len(c.plaintext_len)};
    memcpy(out->nonce, c.nonce, sizeof out->nonce);
    memcpy(out->content_root, c.content_root, sizeof out->content_root);
    memcpy(out->key_commitment, c.key_commitment, sizeof out->key_commitment);
    return 0;
}

/* ---- headers ---- */

/* The start of a file, as much as a header can have. */
static int header_read(int fd, uint64_t size, const char *path, uint8_t **out, size_t *len, struct tide_error *error)
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

static int header_refused(enum tide_err err, const char *path, struct tide_error *error)
{
    if (err == TIDE_EAUTH) {
        return error_set(error, OUTCOME_C_BAD_IDENTITY,
                         "%s does not open with this key: it is sealed for another, or its header is damaged.", path);
    }
    return error_set(error, OUTCOME_V_UNREADABLE, "%s is not an age file for X25519 recipients.", path);
}

/* Tries the identity's sealing key, then the older ones. */
static enum tide_err header_open_as(const struct identity *id, struct bytes header,
                                    uint8_t file_key[AGE_FILE_KEY_BYTES], size_t *header_len)
{
    enum tide_err err = age_header_open(header, identity_seal_secret(id), file_key, header_len);
    for (size_t i = 0; err == TIDE_EAUTH && i < identity_n_older(id); i++) {
        err = age_header_open(header, identity_seal_secret(identity_older(id, i)), file_key, header_len);
    }
    return err;
}

static enum tide_err header_open_with(const char *age_secret, struct bytes header, uint8_t file_key[AGE_FILE_KEY_BYTES],
                                      size_t *header_len)
{
    uint8_t secret[32];
    enum tide_err err = bech32_decode(AGE_SECRET_PREFIX, BYTES(age_secret, strcspn(age_secret, " \r\n")), secret);
    if (err == TIDE_OK) err = age_header_open(header, secret, file_key, header_len);
    else err = TIDE_EINVAL;
    explicit_bzero(secret, sizeof secret);
    return err;
}

/* ---- opening ---- */
static int open_into(int in_fd, const char *in_path, size_t header_len, const uint8_t file_key[AGE_FILE_KEY_BYTES],
                     const char *out_path, const struct progress *p, struct tide_error *error)
{
    struct age_work work = {.progress = progress_age, .progress_ctx = (void *)(uintptr_t)p};
    struct new_file file;
    if (lseek(in_fd, (off_t)header_len, SEEK_SET) < 0) return error_file(error, "read", in_path);
    int code = new_file_open(&file, out_path, 0666, error);
    if (code != 0) return code;
    enum tide_err err = age_payload_open(in_fd, file.fd, file_key, NULL, &work);
    if (err == TIDE_OK) return new_file_commit(&file, error);
    if (err == TIDE_ECANCELED) code = progress_stopped(p, error);
    else if (err == TIDE_EAUTH || err == TIDE_EMALFORMED)
        code = error_set(error, OUTCOME_V_DAMAGED, "%s is damaged: what it holds is not what was sealed.", in_path);
    else code = error_set(error, OUTCOME_C_FILE, "Opening %s into %s: %s.", in_path, out_path, tide_err_text(err));
    new_file_drop(&file);
    return code;
}

int tide_open(const char *in_path, const struct tide_identity *identity, const char *age_secret, const char *out_path,
              tide_progress progress, void *ctx, struct tide_error *error)
{
    struct progress p = {progress, ctx, NULL, "open"};
    uint8_t file_key[AGE_FILE_KEY_BYTES], *header = NULL;
    size_t len = 0, header_len = 0;
    uint64_t size;
    int fd;

    error_clear(error);
    if (identity == NULL && age_secret == NULL) return error_set(error, OUTCOME_C_NO_IDENTITY, "Opening needs a key.");
    if (crypto_init() != TIDE_OK) return error_set(error, OUTCOME_C_INTERNAL, "No source of randomness.");
    int code = file_open(in_path, &fd, &size, error);
    if (code != 0) return code;
    code = header_read(fd, size, in_path, &header, &len, error);
    if (code == 0) {
        enum tide_err err = age_secret != NULL
                                ? header_open_with(age_secret, BYTES(header, len), file_key, &header_len)
                                : header_open_as(identity->id, BYTES(header, len), file_key, &header_len);
        if (err == TIDE_EINVAL) code = error_set(error, OUTCOME_C_BAD_IDENTITY, "That is not an AGE-SECRET-KEY-1… .");
        else if (err != TIDE_OK) code = header_refused(err, in_path, error);
    }
    if (code == 0) code = open_into(fd, in_path, header_len, file_key, out_path, &p, error);
    explicit_bzero(file_key, sizeof file_key);
    free(header);
    close(fd);
    return code;
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

/* Chunk `index`, sealed, must open to the same bytes of `plain_fd`. `room` has a plain chunk for each of the two. */
static bool chunk_is_of(const struct sealed_file *f, const uint8_t key[32], uint64_t index, struct bytes sealed,
                        int plain_fd, uint8_t *room)
{
    size_t len = sealed.len - AGE_TAG_BYTES;
    return age_chunk_open(key, index, index + 1 == f->n_chunks, sealed, room) == TIDE_OK &&
           read_at(plain_fd, room + AGE_CHUNK_BYTES, len, index * AGE_CHUNK_BYTES) &&
           memcmp(room, room + AGE_CHUNK_BYTES, len) == 0;
}

static int sealed_walk(const struct sealed_file *f, int manifest_fd, int plain_fd, const struct progress *p,
                       uint8_t *room, struct merkle_tree *tree, struct tide_error *error)
{
    uint8_t leaf[HASH_BYTES], key[32], *chunk = room + 2 * AGE_CHUNK_BYTES;
    size_t len;
    int code = 0;
    age_payload_key(f->file_key, f->nonce, key);
    for (uint64_t i = 0; i < f->n_chunks && code == 0; i++) {
        if (i % 256 == 0 && !progress_tell(p, i * AGE_CHUNK_BYTES, f->plaintext_len)) {
            code = progress_stopped(p, error);
        } else if (!sealed_chunk(f, i, chunk, &len)) {
            code = error_file(error, "read", "the sealed file");
        } else if (plain_fd >= 0 && !chunk_is_of(f, key, i, BYTES(chunk, len), plain_fd, room)) {
            code = error_set(error, OUTCOME_V_DAMAGED, NULL);
        } else {
            merkle_leaf_hash(BYTES(chunk, len), leaf);
            merkle_append(tree, leaf);
            if (manifest_fd >= 0 && !write_at(manifest_fd, leaf, HASH_BYTES, i * HASH_BYTES)) {
                code = error_file(error, "write", "a temporary file");
            }
        }
    }
    explicit_bzero(key, sizeof key);
    return code;
}

int sealed_hash(const struct sealed_file *f, int manifest_fd, int plain_fd, const struct progress *p,
                uint8_t root[HASH_BYTES], struct tide_error *error)
{
    struct merkle_tree tree = {0};
    size_t room_len = 2 * AGE_CHUNK_BYTES + AGE_SEALED_CHUNK_BYTES;
    uint8_t *room = malloc(room_len);
    if (room == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    int code = sealed_walk(f, manifest_fd, plain_fd, p, room, &tree, error);
    merkle_root(&tree, root);
    explicit_bzero(room, room_len);
    free(room);
    return code;
}
