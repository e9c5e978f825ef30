/*
 * Opening age files: files, and streams (standard input and output, pipes). Offline.
 *
 * Always holds: only chunks whose own tag was right are written; output files appear whole or not at all; keys are wiped
 * on every path; memory does not depend on the file's size. An opening of a file into a file that was stopped goes on:
 * what an earlier run left is compared with what the file opens to, and thrown away if it is something else.
 * Not here: the format (crypto/age.h), sealing (seal.c), parts (part.c).
 */
#include "client/lib/part.h"
#include "client/lib/sealed.h"

#include "crypto/file.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* One opening. */
struct opening {
    const struct tide_identity *identity; /* or age_secret */
    const char *age_secret, *in_name, *out_path;
    bool to_stream;
    struct progress p;
    uint8_t file_key[AGE_FILE_KEY_BYTES];
    size_t header_len;
};

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

/* The header at the beginning of `in`; it may go on. */
static int header_take(struct opening *o, struct bytes in, struct tide_error *error)
{
    enum tide_err err = o->age_secret != NULL ? header_open_with(o->age_secret, in, o->file_key, &o->header_len)
                                              : header_open_as(o->identity->id, in, o->file_key, &o->header_len);
    if (err == TIDE_OK) return 0;
    if (err == TIDE_EINVAL) return error_set(error, OUTCOME_C_BAD_IDENTITY, "That is not an AGE-SECRET-KEY-1… .");
    return header_refused(err, o->in_name, error);
}

static int header_of_file(struct opening *o, int fd, uint64_t size, struct tide_error *error)
{
    uint8_t *header = NULL;
    size_t len;
    int code = header_read(fd, size, o->in_name, &header, &len, error);
    if (code == 0) code = header_take(o, BYTES(header, len), error);
    free(header);
    return code;
}

static bool go_on(void *ctx)
{
    return progress_tell(ctx, 0, 0);
}

/*
 * A stream's header ends with the line that begins with "---" and is read to there and no further, byte by byte: what comes
 * next is the payload's.
 */
static int header_of_stream(struct opening *o, int fd, struct tide_error *error)
{
    uint8_t *header = malloc(AGE_HEADER_MAX);
    size_t len = 0, line = 0, got = 1;
    enum tide_err err = TIDE_OK;
    bool ended = false;

    if (header == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    while (err == TIDE_OK && got == 1 && !ended && len < AGE_HEADER_MAX) {
        struct iovec piece = {.iov_base = header + len, .iov_len = 1};
        err = file_read_pieces(fd, &piece, 1, go_on, &o->p, &got);
        if (err != TIDE_OK || got == 0) break;
        if (header[len++] != '\n') continue;
        ended = len - line > 3 && memcmp(header + line, "---", 3) == 0;
        line = len;
    }
    int code = 0;
    if (err == TIDE_ECANCELED) code = progress_stopped(&o->p, error);
    else if (err != TIDE_OK) code = error_set(error, OUTCOME_C_FILE, "Reading %s: %s.", o->in_name, tide_err_text(err));
    else code = header_take(o, BYTES(header, len), error);
    free(header);
    return code;
}

static int open_failed(const struct opening *o, enum tide_err err, const struct part_progress *pp,
                       struct tide_error *error)
{
    if (err == TIDE_ECANCELED) return pp != NULL ? part_stopped(pp, error) : progress_stopped(&o->p, error);
    if (err == TIDE_EAUTH || err == TIDE_EMALFORMED) {
        return error_set(error, OUTCOME_V_DAMAGED, "%s is damaged: what it holds is not what was sealed.%s", o->in_name,
                         o->to_stream ? " What was written before that is right, but it is not all." : "");
    }
    return error_set(error, OUTCOME_C_FILE, "Opening %s into %s: %s.", o->in_name, o->out_path, tide_err_text(err));
}

static int open_to_file(struct opening *o, int in_fd, struct tide_error *error)
{
    struct part_progress pp;
    struct part_file part;
    enum tide_err err = TIDE_EDAMAGED;
    int code = part_open(&part, o->out_path, error);

    while (code == 0 && err == TIDE_EDAMAGED) {
        struct age_work work = {.progress = part_progress_tell, .progress_ctx = &pp, .n_there = part.there};
        part_progress_init(&pp, &o->p, part.there);
        if (lseek(in_fd, (off_t)o->header_len, SEEK_SET) < 0 || lseek(part.fd, 0, SEEK_SET) < 0) err = TIDE_EIO;
        else err = age_payload_open(in_fd, part.fd, o->file_key, NULL, &work);
        if (err == TIDE_EDAMAGED) code = part_restart(&part, error);
    }
    if (code == 0) code = err == TIDE_OK ? part_commit(&part, error) : open_failed(o, err, &pp, error);
    if (err == TIDE_EAUTH) part_drop(&part); /* there is no going on */
    part_close(&part);
    return code;
}

/* What cannot be read or written twice. */
static int open_through(struct opening *o, int in_fd, int out_fd, struct tide_error *error)
{
    struct age_work work = {.progress = progress_age, .progress_ctx = &o->p};
    enum tide_err err = age_payload_open(in_fd, out_fd, o->file_key, NULL, &work);
    return err == TIDE_OK ? 0 : open_failed(o, err, NULL, error);
}

static int open_stream_to_file(struct opening *o, int in_fd, struct tide_error *error)
{
    struct new_file file;
    int code = new_file_open(&file, o->out_path, 0666, error);
    if (code != 0) return code;
    code = open_through(o, in_fd, file.fd, error);
    if (code == 0) code = new_file_commit(&file, error);
    new_file_drop(&file);
    return code;
}

int tide_open(const char *in_path, const struct tide_identity *identity, const char *age_secret, const char *out_path,
              tide_progress progress, void *ctx, struct tide_error *error)
{
    struct opening o = {.identity = identity, .age_secret = age_secret, .out_path = out_path,
                        .in_name = strcmp(in_path, PATH_STANDARD) == 0 ? "Standard input" : in_path,
                        .p = {progress, ctx, NULL, "open"}};
    int fd = -1, out_fd = -1;
    bool streams;
    uint64_t size;

    error_clear(error);
    if (identity == NULL && age_secret == NULL) return error_set(error, OUTCOME_C_NO_IDENTITY, "Opening needs a key.");
    if (crypto_init() != TIDE_OK) return error_set(error, OUTCOME_C_INTERNAL, "No source of randomness.");
    int code = input_open(in_path, &fd, &size, &streams, error);
    if (code != 0) return code;
    code = streams ? header_of_stream(&o, fd, error) : header_of_file(&o, fd, size, error);
    if (code == 0 && !streams && lseek(fd, (off_t)o.header_len, SEEK_SET) < 0) code = error_file(error, "read", in_path);
    if (code == 0) code = output_stream(out_path, &out_fd, error);
    o.to_stream = out_fd >= 0;
    if (code == 0 && o.to_stream) code = open_through(&o, fd, out_fd, error);
    else if (code == 0) code = streams ? open_stream_to_file(&o, fd, error) : open_to_file(&o, fd, error);
    if (o.to_stream && close(out_fd) != 0 && code == 0) code = error_file(error, "write", out_path);
    explicit_bzero(o.file_key, sizeof o.file_key);
    close(fd);
    return code;
}
