/*
 * The store of evidence: one small file a trade. A part begins with the hash and the length of its whole, so that it goes on
 * after a restart.
 *
 * Always holds: a part is at most a header longer than LIMIT_EVIDENCE_BYTES; the whole gets its name only once its hash was
 * right and it is on disk.
 * Not here: who may put and read (broker/server); what is in it (evidence.h).
 */
#include "storage/evidence_store.h"

#include "storage/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_BYTES (HASH_BYTES + 8u)

static enum tide_err name_file(char out[FILES_PATH_MAX], const char *dir, uint64_t trade, const char *suffix)
{
    char name[64];
    snprintf(name, sizeof name, "evidence/%" PRIu64 "%s", trade, suffix);
    return files_join(out, dir, name);
}

/* Whether a file's content has that hash; it is then in `out`, of LIMIT_EVIDENCE_BYTES. */
static enum tide_err read_whole(const char *dir, uint64_t trade, const uint8_t hash[HASH_BYTES], uint8_t *out, size_t *len)
{
    char path[FILES_PATH_MAX];
    uint8_t found[HASH_BYTES];

    *len = 0;
    enum tide_err err = name_file(path, dir, trade, "");
    if (err == TIDE_OK) err = files_read(path, out, LIMIT_EVIDENCE_BYTES, len);
    if (err == TIDE_ELIMIT) err = TIDE_ENOTFOUND;
    if (err != TIDE_OK) return err;
    sha256(BYTES(out, *len), found);
    return memcmp(found, hash, HASH_BYTES) == 0 ? TIDE_OK : TIDE_ENOTFOUND;
}

enum tide_err evidence_get(const char *dir, uint64_t trade, const uint8_t hash[HASH_BYTES], struct arena *arena,
                           struct bytes *out)
{
    size_t len;

    *out = BYTES(NULL, 0);
    uint8_t *buffer = arena_alloc(arena, LIMIT_EVIDENCE_BYTES);
    if (buffer == NULL) return TIDE_ENOMEM;
    enum tide_err err = read_whole(dir, trade, hash, buffer, &len);
    if (err == TIDE_OK) *out = BYTES(buffer, len);
    return err;
}

/* ---- parts ---- */

static void head_of(const struct evidence_piece *p, uint8_t head[HEAD_BYTES])
{
    memcpy(head, p->hash, HASH_BYTES);
    be64_put(head + HASH_BYTES, p->len);
}

/* How much of this very evidence the part has; 0 also for what is no part of it. */
static enum tide_err part_have(int fd, const struct evidence_piece *p, uint64_t *have)
{
    uint8_t head[HEAD_BYTES], expected[HEAD_BYTES];
    struct stat st;
    size_t got;

    *have = 0;
    head_of(p, expected);
    enum tide_err err = files_read_at(fd, head, sizeof head, 0, &got);
    if (err != TIDE_OK) return err;
    if (fstat(fd, &st) != 0) return files_err(errno);
    if (got == sizeof head && memcmp(head, expected, sizeof head) == 0) *have = (uint64_t)st.st_size - HEAD_BYTES;
    if (*have > p->len) *have = 0;
    return TIDE_OK;
}

/* From the beginning, whatever was there. */
static enum tide_err part_begin(int fd, const struct evidence_piece *p)
{
    uint8_t head[HEAD_BYTES];
    head_of(p, head);
    if (ftruncate(fd, 0) != 0) return files_err(errno);
    return files_write_at(fd, head, sizeof head, 0);
}

/* All of it has come: it becomes the whole, or nothing is left of it. */
static enum tide_err part_finish(const char *dir, int fd, const struct evidence_piece *p)
{
    char path[FILES_PATH_MAX], folder[FILES_PATH_MAX];
    uint8_t found[HASH_BYTES];
    size_t got;

    uint8_t *whole = malloc(LIMIT_EVIDENCE_BYTES);
    if (whole == NULL) return TIDE_ENOMEM;
    enum tide_err err = files_read_at(fd, whole, (size_t)p->len, HEAD_BYTES, &got);
    if (err == TIDE_OK && got != p->len) err = TIDE_EIO;
    if (err == TIDE_OK) {
        sha256(BYTES(whole, got), found);
        if (memcmp(found, p->hash, HASH_BYTES) != 0) err = TIDE_EAUTH;
    }
    if (err == TIDE_OK) err = name_file(path, dir, p->trade, "");
    if (err == TIDE_OK) err = files_replace(path, BYTES(whole, got));
    if (err == TIDE_OK) err = files_join(folder, dir, "evidence");
    if (err == TIDE_OK) err = files_sync_dir(folder);
    free(whole);
    return err;
}

static enum tide_err part_put(const char *dir, int fd, const struct evidence_piece *p, uint64_t *have)
{
    enum tide_err err = part_have(fd, p, have);
    if (err != TIDE_OK) return err;
    if (p->offset == 0) *have = 0;
    if (p->offset != *have || p->bytes.len > p->len - p->offset) return TIDE_EINVAL;
    if (p->offset == 0) err = part_begin(fd, p);
    if (err == TIDE_OK) err = files_write_at(fd, p->bytes.data, p->bytes.len, HEAD_BYTES + p->offset);
    if (err != TIDE_OK) return err;
    *have += p->bytes.len;
    return *have == p->len ? part_finish(dir, fd, p) : TIDE_OK;
}

static bool is_there(const struct evidence_piece *p, const char *dir)
{
    size_t len;
    uint8_t *buffer = malloc(LIMIT_EVIDENCE_BYTES);
    bool there = buffer != NULL && read_whole(dir, p->trade, p->hash, buffer, &len) == TIDE_OK && len == p->len;
    free(buffer);
    return there;
}

enum tide_err evidence_put(const char *dir, const struct evidence_piece *piece, uint64_t *have)
{
    char path[FILES_PATH_MAX], folder[FILES_PATH_MAX];

    *have = 0;
    if (piece->len == 0 || piece->len > LIMIT_EVIDENCE_BYTES || piece->bytes.len == 0) return TIDE_EINVAL;
    if (is_there(piece, dir)) {
        *have = piece->len;
        return TIDE_OK;
    }
    enum tide_err err = files_join(folder, dir, "evidence");
    if (err == TIDE_OK) err = files_make_dir(folder, false);
    if (err == TIDE_OK) err = name_file(path, dir, piece->trade, ".part");
    if (err != TIDE_OK) return err;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return files_err(errno);
    err = part_put(dir, fd, piece, have);
    close(fd);
    bool ended = err == TIDE_EAUTH || (err == TIDE_OK && *have == piece->len);
    if (err == TIDE_EAUTH) *have = 0;
    enum tide_err removed = ended ? files_remove(path) : TIDE_OK;
    return err == TIDE_OK ? removed : err;
}

/* ---- one at a time ---- */

enum tide_err evidence_hold(const char *dir, int *hold)
{
    char folder[FILES_PATH_MAX];

    *hold = -1;
    enum tide_err err = files_join(folder, dir, "evidence");
    if (err == TIDE_OK) err = files_make_dir(folder, false);
    if (err != TIDE_OK) return err;
    *hold = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*hold < 0) return files_err(errno);
    while (flock(*hold, LOCK_EX) != 0) {
        if (errno == EINTR) continue;
        err = files_err(errno);
        evidence_let_go(hold);
        return err;
    }
    return TIDE_OK;
}

void evidence_let_go(int *hold)
{
    if (*hold >= 0) close(*hold);
    *hold = -1;
}

enum tide_err evidence_set_late(const char *dir, uint64_t trade)
{
    char path[FILES_PATH_MAX], folder[FILES_PATH_MAX];
    enum tide_err err = name_file(path, dir, trade, ".late");
    if (err == TIDE_OK) err = files_replace(path, BYTES("", 0));
    if (err == TIDE_OK) err = files_join(folder, dir, "evidence");
    return err == TIDE_OK ? files_sync_dir(folder) : err;
}

bool evidence_is_late(const char *dir, uint64_t trade)
{
    char path[FILES_PATH_MAX];
    return name_file(path, dir, trade, ".late") == TIDE_OK && access(path, F_OK) == 0;
}

enum tide_err evidence_remove(const char *dir, uint64_t trade)
{
    static const char *const suffixes[] = {"", ".part", ".tmp", ".late"};
    char path[FILES_PATH_MAX];

    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        enum tide_err err = name_file(path, dir, trade, suffixes[i]);
        if (err == TIDE_OK) err = files_remove(path);
        if (err != TIDE_OK) return err;
    }
    return TIDE_OK;
}
