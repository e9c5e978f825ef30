/*
 * Files in work that outlive the work; see part.h.
 *
 * Always holds: what lies under the final name is complete. One process at a time works on a part; what it may take up is
 * a plain file of its own user with no second name, so that nobody's file is written over through a link.
 * Not here: whether what an earlier run left is right. Who goes on makes it again and compares (struct age_work).
 */
#include "client/lib/part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_TRIES 10 /* another process may finish and rename it between our opening and our locking */
#define KEEP_FROM 4096

static int part_refused(const struct part_file *f, const char *why, struct tide_error *error)
{
    return error_set(error, OUTCOME_C_FILE, "%s cannot be written: %s %s.", f->path, f->name, why);
}

/* True if the final name is that of something a file must not take the place of. */
static bool is_taken(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

/* True if the name still means the file that is open. */
static bool is_still_named(const struct part_file *f, const struct stat *opened)
{
    struct stat named;
    return lstat(f->name, &named) == 0 && named.st_dev == opened->st_dev && named.st_ino == opened->st_ino;
}

static int part_take(struct part_file *f, bool *again, struct tide_error *error)
{
    struct stat st;
    *again = false;
    f->fd = open(f->name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (f->fd < 0) return error_file(error, "write", f->path);
    if (flock(f->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        return part_refused(f, "is being written by another process. Wait for it, or write to another file", error);
    }
    if (fstat(f->fd, &st) != 0) return error_file(error, "write", f->path);
    if (!is_still_named(f, &st)) {
        close(f->fd);
        f->fd = -1;
        *again = true;
        return 0;
    }
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1) {
        return part_refused(f, "is not a plain file of yours. Remove it, or write to another file", error);
    }
    f->there = (uint64_t)st.st_size;
    return 0;
}

static void part_deinit(struct part_file *f)
{
    if (f->fd >= 0) close(f->fd);
    free(f->path);
    free(f->name);
    *f = (struct part_file){.fd = -1};
}

int part_open(struct part_file *f, const char *path, struct tide_error *error)
{
    int code = part_open_as(f, path, PART_SUFFIX, error);
    f->keep_from = KEEP_FROM;
    return code;
}

int part_open_as(struct part_file *f, const char *path, const char *suffix, struct tide_error *error)
{
    bool again = true;
    int code = 0;
    *f = (struct part_file){.fd = -1, .path = strdup(path), .keep_from = 1};
    if (f->path == NULL || asprintf(&f->name, "%s%s", path, suffix) < 0) {
        f->name = NULL;
        code = error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    }
    if (code == 0 && is_taken(path)) {
        code = error_set(error, OUTCOME_C_FILE, "%s is a folder, a device or a pipe, and no file to write.", path);
    }
    for (unsigned i = 0; code == 0 && again && i < OPEN_TRIES; i++) code = part_take(f, &again, error);
    if (code == 0 && again) code = part_refused(f, "is being written by other processes all the time", error);
    if (code != 0) part_deinit(f);
    return code;
}

int part_restart(struct part_file *f, struct tide_error *error)
{
    f->there = 0;
    if (ftruncate(f->fd, 0) == 0 && lseek(f->fd, 0, SEEK_SET) == 0) return 0;
    return error_file(error, "write", f->path);
}

int part_commit(struct part_file *f, struct tide_error *error)
{
    int code = 0;
    /* Renamed before it is closed: nobody else takes it up in between. */
    if (fsync(f->fd) != 0 || rename(f->name, f->path) != 0) code = error_file(error, "write", f->path);
    else if (!folder_sync(f->path)) code = error_file(error, "sync the folder of", f->path);
    if (close(f->fd) != 0 && code == 0) code = error_file(error, "write", f->path);
    f->fd = -1;
    part_deinit(f);
    return code;
}

void part_close(struct part_file *f)
{
    struct stat st;
    if (f->fd >= 0 && fstat(f->fd, &st) == 0 && st.st_size < f->keep_from) part_drop(f);
    else part_deinit(f);
}

void part_drop(struct part_file *f)
{
    if (f->fd >= 0) unlink(f->name);
    part_deinit(f);
}

/* ---- progress ---- */

void part_progress_init(struct part_progress *pp, const struct progress *p, uint64_t there)
{
    *pp = (struct part_progress){.p = *p, .what = p->what, .there = there};
}

bool part_progress_tell(void *ctx, uint64_t done, uint64_t total)
{
    struct part_progress *pp = ctx;
    pp->p.what = pp->there > 0 && done <= pp->there ? "check" : pp->what;
    pp->done = done > pp->there ? done : pp->there;
    pp->total = total;
    return progress_tell(&pp->p, done, total);
}

int part_stopped(const struct part_progress *pp, struct tide_error *error)
{
    unsigned percent = pp->total > 0 && pp->done <= pp->total ? (unsigned)mul_div_u64(pp->done, 100, pp->total) : 0;
    int code = progress_stopped(&pp->p, error);
    if (percent == 0) return code;
    return error_set(error, code, "Stopped after %u %%. Nothing is lost: the same command goes on there.", percent);
}
