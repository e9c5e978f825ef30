/*
 * Files that outlive a crash, over plain system calls.
 *
 * Always holds: a name that appears through files_replace has its whole, synced content; no call returns TIDE_OK
 * after a short write or a failed sync; no descriptor leaks to a child program.
 * Not here: what the files mean.
 */
#include "storage/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum tide_err files_err(int errno_value)
{
    switch (errno_value) {
    case 0: return TIDE_OK;
    case ENOSPC: case EDQUOT: case EFBIG: return TIDE_EFULL;
    case ENOENT: case ENOTDIR: return TIDE_ENOTFOUND;
    case EACCES: case EPERM: case EROFS: return TIDE_EDENIED;
    case EEXIST: return TIDE_EEXIST;
    case EAGAIN: case EBUSY: return TIDE_EBUSY;
    case ENOMEM: return TIDE_ENOMEM;
    case EINVAL: return TIDE_EINVAL;
    case ENAMETOOLONG: return TIDE_ELIMIT;
    default: return TIDE_EIO;
    }
}

enum tide_err files_join(char out[FILES_PATH_MAX], const char *dir, const char *name)
{
    int len = snprintf(out, FILES_PATH_MAX, "%s/%s", dir, name);
    return len < 0 || len >= FILES_PATH_MAX ? TIDE_ELIMIT : TIDE_OK;
}

/* The folder that `path` is in: "." for a bare name. */
static enum tide_err parent_of(const char *path, char out[FILES_PATH_MAX])
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') len--;
    while (len > 0 && path[len - 1] != '/') len--;
    while (len > 1 && path[len - 1] == '/') len--;
    if (len >= FILES_PATH_MAX) return TIDE_ELIMIT;
    if (len == 0) {
        strcpy(out, ".");
        return TIDE_OK;
    }
    memcpy(out, path, len);
    out[len] = '\0';
    return TIDE_OK;
}

enum tide_err files_make_dir(const char *path, bool parents)
{
    char parent[FILES_PATH_MAX];
    enum tide_err err = parent_of(path, parent);

    if (err != TIDE_OK) return err;
    if (mkdir(path, 0700) == 0) return files_sync_dir(parent);
    if (errno == EEXIST) {
        struct stat st;
        if (stat(path, &st) != 0) return files_err(errno);
        return S_ISDIR(st.st_mode) ? TIDE_OK : TIDE_EEXIST;
    }
    if (errno != ENOENT || !parents || strcmp(parent, path) == 0) return files_err(errno);
    err = files_make_dir(parent, true);
    return err != TIDE_OK ? err : files_make_dir(path, false);
}

enum tide_err files_sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return files_err(errno);
    enum tide_err err = fsync(fd) == 0 ? TIDE_OK : files_err(errno);
    close(fd);
    return err;
}

enum tide_err files_write_at(int fd, const void *data, size_t len, uint64_t offset)
{
    const uint8_t *from = data;
    while (len > 0) {
        ssize_t n = pwrite(fd, from, len, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return files_err(errno);
        if (n == 0) return TIDE_EIO;
        from += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return TIDE_OK;
}

enum tide_err files_read_at(int fd, void *data, size_t len, uint64_t offset, size_t *got)
{
    uint8_t *to = data;
    *got = 0;
    while (*got < len) {
        ssize_t n = pread(fd, to + *got, len - *got, (off_t)(offset + *got));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return files_err(errno);
        if (n == 0) break;
        *got += (size_t)n;
    }
    return TIDE_OK;
}

enum tide_err files_replace(const char *path, struct bytes content)
{
    char temporary[FILES_PATH_MAX];
    int len = snprintf(temporary, sizeof temporary, "%s.tmp", path);
    if (len < 0 || len >= FILES_PATH_MAX) return TIDE_ELIMIT;

    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return files_err(errno);
    enum tide_err err = files_write_at(fd, content.data, content.len, 0);
    if (err == TIDE_OK && fsync(fd) != 0) err = files_err(errno);
    if (close(fd) != 0 && err == TIDE_OK) err = files_err(errno);
    if (err == TIDE_OK && rename(temporary, path) != 0) err = files_err(errno);
    if (err != TIDE_OK) unlink(temporary);
    return err;
}

enum tide_err files_read(const char *path, void *out, size_t room, size_t *len)
{
    uint8_t more;
    size_t n_more = 0;

    *len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return files_err(errno);
    enum tide_err err = files_read_at(fd, out, room, 0, len);
    if (err == TIDE_OK && *len == room) err = files_read_at(fd, &more, 1, room, &n_more);
    close(fd);
    if (err == TIDE_OK && n_more > 0) err = TIDE_ELIMIT;
    if (err != TIDE_OK) *len = 0;
    return err;
}

enum tide_err files_lock(const char *path, int *fd)
{
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0) return files_err(errno);
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0) return TIDE_OK;
    enum tide_err err = errno == EWOULDBLOCK ? TIDE_EBUSY : files_err(errno);
    close(*fd);
    *fd = -1;
    return err;
}

enum tide_err files_remove(const char *path)
{
    return unlink(path) == 0 || errno == ENOENT ? TIDE_OK : files_err(errno);
}
