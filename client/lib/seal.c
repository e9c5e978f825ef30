/*
 * Sealing with a commitment: files, and streams (standard input and output, pipes). Offline.
 *
 * Always holds: a file key is made for one nonce, a nonce for one sealing; output files appear whole or not at all; keys
 * are wiped on every path; memory does not depend on the file's size.
 *
 * A sealing of a file into a file that was stopped goes on. Sealing with the same nonce makes the same bytes, so what an
 * earlier run left is made again and compared, not trusted. Going on must not seal other plaintext under a nonce that was
 * used: where the header will be, a part keeps its nonce with a MAC, by the identity, that binds it to the input (the
 * file itself, its size, its times of writing and of change, which nobody sets). If anything does not fit, sealing begins
 * anew with a new nonce.
 * Not here: the format (crypto/age.h), opening (open.c), parts (part.c), getting it to a market (upload.c).
 */
#include "client/lib/part.h"

#include "crypto/file.h"

#include <errno.h>
#include <sys/stat.h>
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

/* ---- what a part keeps in its header's place ---- */

#define PART_DOMAIN "tidemark/part/v1\n"

struct part_state {
    uint8_t domain[sizeof PART_DOMAIN - 1];
    uint8_t nonce[AGE_NONCE_BYTES];
    uint8_t mac[HASH_BYTES];
    uint8_t rest[AGE_GRANT_BYTES - (sizeof PART_DOMAIN - 1) - AGE_NONCE_BYTES - HASH_BYTES];
};
_Static_assert(sizeof(struct part_state) == AGE_GRANT_BYTES, "the header takes its place");

static void state_make(const struct identity *id, const struct stat *in, const uint8_t nonce[AGE_NONCE_BYTES],
                       struct part_state *out)
{
    const uint64_t fields[] = {in->st_dev,           in->st_ino,           (uint64_t)in->st_size,
                               (uint64_t)in->st_mtim.tv_sec, (uint64_t)in->st_mtim.tv_nsec,
                               (uint64_t)in->st_ctim.tv_sec, (uint64_t)in->st_ctim.tv_nsec};
    uint8_t text[sizeof PART_DOMAIN - 1 + AGE_NONCE_BYTES + sizeof fields], *at = text;

    memset(out, 0, sizeof *out);
    memcpy(out->domain, PART_DOMAIN, sizeof out->domain);
    memcpy(out->nonce, nonce, AGE_NONCE_BYTES);
    at = mempcpy(at, out->domain, sizeof out->domain);
    at = mempcpy(at, nonce, AGE_NONCE_BYTES);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++, at += 8) be64_put(at, fields[i]);
    hmac_sha256(BYTES(identity_seal_secret(id), 32), BYTES(text, sizeof text), out->mac);
}

/* Takes the nonce of what is there, or begins with a new one. */
static int state_take(struct part_file *part, const struct identity *id, const struct stat *in,
                      uint8_t nonce[AGE_NONCE_BYTES], struct tide_error *error)
{
    struct part_state found, right;

    if (part->there >= sizeof found + AGE_NONCE_BYTES && read_at(part->fd, &found, sizeof found, 0)) {
        state_make(id, in, found.nonce, &right);
        bool mac_is_right = hash_equal(found.mac, right.mac);
        memcpy(found.mac, right.mac, sizeof found.mac);
        if (mac_is_right && memcmp(&found, &right, sizeof found) == 0) {
            memcpy(nonce, found.nonce, AGE_NONCE_BYTES);
            return 0;
        }
    }
    int code = part_restart(part, error);
    random_bytes(nonce, AGE_NONCE_BYTES);
    state_make(id, in, nonce, &right);
    if (code == 0 && !write_at(part->fd, &right, sizeof right, 0)) code = error_file(error, "write", part->path);
    return code;
}

/* ---- sealing ---- */

static int seal_failed(enum tide_err err, const char *out_path, const struct part_progress *pp, struct tide_error *error)
{
    if (err == TIDE_ECANCELED) return part_stopped(pp, error);
    return error_set(error, OUTCOME_C_FILE, "Sealing into %s: %s.", out_path, tide_err_text(err));
}

/* Seals what `in_fd` gives behind the header's place in the part, once. TIDE_EDAMAGED: what is there does not fit. */
static enum tide_err seal_pass(const struct identity *id, int in_fd, struct part_file *part,
                               const uint8_t nonce[AGE_NONCE_BYTES], struct part_progress *pp,
                               struct age_commitment *commitment)
{
    uint8_t file_key[AGE_FILE_KEY_BYTES], header[AGE_GRANT_BYTES];
    struct age_work work = {.progress = part_progress_tell, .progress_ctx = pp};

    if (part->there > sizeof header) work.n_there = part->there - sizeof header;
    if (lseek(in_fd, 0, SEEK_SET) < 0 || lseek(part->fd, sizeof header, SEEK_SET) < 0) return TIDE_EIO;
    identity_file_key(id, nonce, file_key);
    enum tide_err err = age_grant_seal(file_key, identity_seal_public(id), header);
    if (err == TIDE_OK) err = age_payload_seal(in_fd, part->fd, -1, file_key, nonce, &work, commitment);
    /* The chunks last before the header takes the nonce's place: until then one goes on, after it there is nothing to do. */
    if (err == TIDE_OK && fsync(part->fd) != 0) err = err_of_errno(errno);
    if (err == TIDE_OK && !write_at(part->fd, header, sizeof header, 0)) err = err_of_errno(errno);
    explicit_bzero(file_key, sizeof file_key);
    return err;
}

static int seal_to_file(const struct identity *id, int in_fd, const char *out_path, const struct progress *p,
                        struct age_commitment *commitment, struct tide_error *error)
{
    uint8_t nonce[AGE_NONCE_BYTES];
    struct part_progress pp;
    struct part_file part;
    struct stat st;
    enum tide_err err = TIDE_EDAMAGED;

    if (fstat(in_fd, &st) != 0) return error_file(error, "read", "the input");
    int code = part_open(&part, out_path, error);
    while (code == 0 && err == TIDE_EDAMAGED) {
        code = state_take(&part, id, &st, nonce, error);
        if (code != 0) break;
        part_progress_init(&pp, p, part.there > AGE_GRANT_BYTES ? part.there - AGE_GRANT_BYTES : 0);
        err = seal_pass(id, in_fd, &part, nonce, &pp, commitment);
        if (err == TIDE_EDAMAGED) code = part_restart(&part, error);
    }
    if (code == 0) code = err == TIDE_OK ? part_commit(&part, error) : seal_failed(err, out_path, &pp, error);
    part_close(&part);
    return code;
}

/* What cannot be read or written twice: the header first, then the payload as it comes. */
static int seal_through(const struct identity *id, int in_fd, int out_fd, const char *out_path,
                        const struct progress *p, struct age_commitment *commitment, struct tide_error *error)
{
    uint8_t nonce[AGE_NONCE_BYTES], file_key[AGE_FILE_KEY_BYTES], header[AGE_GRANT_BYTES];
    struct age_work work = {.progress = progress_age, .progress_ctx = (void *)(uintptr_t)p};

    random_bytes(nonce, sizeof nonce);
    identity_file_key(id, nonce, file_key);
    enum tide_err err = age_grant_seal(file_key, identity_seal_public(id), header);
    if (err == TIDE_OK) err = file_write(out_fd, BYTES(header, sizeof header));
    if (err == TIDE_OK) err = age_payload_seal(in_fd, out_fd, -1, file_key, nonce, &work, commitment);
    explicit_bzero(file_key, sizeof file_key);
    if (err == TIDE_OK) return 0;
    if (err == TIDE_ECANCELED) return progress_stopped(p, error);
    return error_set(error, OUTCOME_C_FILE, "Sealing into %s: %s.", out_path, tide_err_text(err));
}

/* A stream into a file: it cannot be gone on with, so what fails leaves nothing. */
static int seal_stream_to_file(const struct identity *id, int in_fd, const char *out_path, const struct progress *p,
                               struct age_commitment *commitment, struct tide_error *error)
{
    struct new_file file;
    int code = new_file_open(&file, out_path, 0666, error);
    if (code != 0) return code;
    code = seal_through(id, in_fd, file.fd, out_path, p, commitment, error);
    if (code == 0) code = new_file_commit(&file, error);
    new_file_drop(&file);
    return code;
}

int file_seal(const struct identity *id, const char *in_path, const char *out_path, const struct progress *p,
              struct age_commitment *out, struct tide_error *error)
{
    int fd = -1, out_fd = -1;
    bool streams;
    uint64_t size;

    int code = input_open(in_path, &fd, &size, &streams, error);
    if (code != 0) return code;
    code = output_stream(out_path, &out_fd, error);
    if (code == 0 && out_fd >= 0) code = seal_through(id, fd, out_fd, out_path, p, out, error);
    else if (code == 0 && streams) code = seal_stream_to_file(id, fd, out_path, p, out, error);
    else if (code == 0) code = seal_to_file(id, fd, out_path, p, out, error);
    if (out_fd >= 0 && close(out_fd) != 0 && code == 0) code = error_file(error, "write", out_path);
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

