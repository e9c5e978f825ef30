/*
 * Files left behind whole: written beside their name, synced, renamed.
 *
 * Always holds: nobody ever sees half of a file under its name, after a crash either.
 */
#include "client/lib/files.h"

#include "crypto/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder of `path`, malloc'd. */
static char *folder_of(const char *path)
{
    char *copy = strdup(path);
    if (copy == NULL) return NULL;
    char *folder = strdup(dirname(copy));
    free(copy);
    return folder;
}

/* A name beside `path` that is nobody's yet; the kernel applies the umask to `mode`. */
static int open_beside(const char *path, mode_t mode, char **name)
{
    uint64_t random;
    random_bytes(&random, sizeof random);
    if (asprintf(name, "%s.tmp-%016" PRIx64, path, random) < 0) {
        *name = NULL;
        errno = ENOMEM;
        return -1;
    }
    int fd = open(*name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd >= 0) return fd;
    int saved = errno;
    free(*name);
    *name = NULL;
    errno = saved;
    return -1;
}

/* True if something is there that a file must not take the place of: a device, a pipe. */
static bool is_special(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

int new_file_open(struct new_file *f, const char *path, mode_t mode, struct tide_error *error)
{
    *f = (struct new_file){.fd = -1};
    if (is_special(path)) return error_set(error, OUTCOME_C_FILE, "%s is a device or a pipe, and no file to write.", path);
    f->path = strdup(path);
    if (f->path == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    f->fd = open_beside(path, mode, &f->temporary);
    if (f->fd >= 0) return 0;
    int code = error_file(error, "write", path);
    new_file_drop(f);
    return code;
}

bool folder_sync(const char *path)
{
    char *folder = folder_of(path);
    if (folder == NULL) return false;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (fd < 0) return false;
    bool ok = fsync(fd) == 0 || errno == EINVAL;
    close(fd);
    return ok;
}

int new_file_commit(struct new_file *f, struct tide_error *error)
{
    int code = 0;
    bool ok = fsync(f->fd) == 0;
    if (close(f->fd) != 0) ok = false;
    f->fd = -1;
    if (!ok || rename(f->temporary, f->path) != 0) {
        code = error_file(error, "write", f->path);
    } else {
        free(f->temporary);
        f->temporary = NULL;
        if (!folder_sync(f->path)) code = error_file(error, "sync the folder of", f->path);
    }
    new_file_drop(f);
    return code;
}

void new_file_drop(struct new_file *f)
{
    if (f->fd >= 0) close(f->fd);
    if (f->temporary != NULL) unlink(f->temporary);
    free(f->temporary);
    free(f->path);
    *f = (struct new_file){.fd = -1};
}

int file_open(const char *path, int *fd, uint64_t *size, struct tide_error *error)
{
    struct stat st;
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0) return error_file(error, "open", path);
    if (fstat(*fd, &st) == 0) {
        *size = (uint64_t)st.st_size;
        if (S_ISREG(st.st_mode)) return 0;
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
    }
    int code = error_file(error, "read", path);
    close(*fd);
    *fd = -1;
    return code;
}

int input_open(const char *path, int *fd, uint64_t *size, bool *streams, struct tide_error *error)
{
    struct stat st;
    *size = 0;
    *streams = strcmp(path, PATH_STANDARD) == 0 || is_special(path);
    if (!*streams) return file_open(path, fd, size, error);
    *fd = strcmp(path, PATH_STANDARD) == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0) return error_file(error, "open", path);
    if (fstat(*fd, &st) == 0 && !S_ISDIR(st.st_mode)) return 0;
    int code = error_set(error, OUTCOME_C_FILE, "%s is a folder.", path);
    close(*fd);
    *fd = -1;
    return code;
}

int output_stream(const char *path, int *fd, struct tide_error *error)
{
    bool is_standard = strcmp(path, PATH_STANDARD) == 0;
    *fd = -1;
    if (!is_standard && !is_special(path)) return 0;
    *fd = is_standard ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_WRONLY | O_CLOEXEC);
    return *fd >= 0 ? 0 : error_file(error, "open", path);
}

int file_load(const char *path, size_t room, struct bytes *out, struct tide_error *error)
{
    uint64_t size;
    int fd;
    *out = BYTES(NULL, 0);
    int code = file_open(path, &fd, &size, error);
    if (code != 0) return code;
    uint8_t *data = NULL;
    if (size > room) code = error_set(error, OUTCOME_V_UNREADABLE, "%s is too long to be one.", path);
    if (code == 0 && (data = malloc((size_t)size + 1)) == NULL) code = error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    if (code == 0 && !read_at(fd, data, (size_t)size, 0)) code = error_file(error, "read", path);
    close(fd);
    if (code != 0) free(data);
    else *out = BYTES(data, (size_t)size);
    return code;
}

int file_store(const char *path, mode_t mode, struct bytes content, struct tide_error *error)
{
    struct new_file f;
    int code = new_file_open(&f, path, mode, error);
    if (code != 0) return code;
    if (write_at(f.fd, content.data, content.len, 0)) return new_file_commit(&f, error);
    code = error_file(error, "write", path);
    new_file_drop(&f);
    return code;
}

bool read_at(int fd, void *data, size_t len, uint64_t offset)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(fd, (char *)data + done, len - done, (off_t)(offset + done));
        if (n > 0) {
            done += (size_t)n;
            continue;
        }
        if (n < 0 && errno == EINTR) continue;
        if (n == 0) errno = 0;
        return false;
    }
    return true;
}

bool write_at(int fd, const void *data, size_t len, uint64_t offset)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pwrite(fd, (const char *)data + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        done += (size_t)n;
    }
    return true;
}

int scratch_file(const char *folder)
{
    char *name = NULL;
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || asprintf(&name, "%s/.tidemark-XXXXXX", folder) < 0) return fd;
    fd = mkostemp(name, O_CLOEXEC); /* not every file system knows O_TMPFILE */
    int saved = errno;
    if (fd >= 0) unlink(name);
    free(name);
    errno = saved;
    return fd;
}
