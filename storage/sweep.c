/*
 * The walk and the marks of sweep.h. A mark is a file `unneeded` in the entry's folder, with the time as decimal digits.
 *
 * Always holds: a mark that cannot be read counts from now on, so that nothing goes too early; what is removed loses its
 * mark last, so that a removal that was cut short goes on.
 * Not here: what is needed, and how long it is kept (broker/server/data_sweep.c).
 */
#include "storage/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK "unneeded"

enum tide_err sweep_init(struct sweep *s, const char *dir, const char *store)
{
    s->walk = NULL;
    return files_join(s->folder, dir, store);
}

void sweep_deinit(struct sweep *s)
{
    if (s->walk != NULL) closedir(s->walk);
    s->walk = NULL;
}

enum tide_err sweep_next(struct sweep *s, char name[SWEEP_NAME_MAX])
{
    if (s->walk == NULL) s->walk = opendir(s->folder);
    if (s->walk == NULL) return files_err(errno);
    for (struct dirent *e; (e = readdir(s->walk)) != NULL;) {
        if (e->d_name[0] == '.' || strlen(e->d_name) >= SWEEP_NAME_MAX) continue;
        memcpy(name, e->d_name, strlen(e->d_name) + 1);
        return TIDE_OK;
    }
    sweep_deinit(s);
    return TIDE_ENOTFOUND;
}

static enum tide_err mark_path(const struct sweep *s, const char *name, char out[FILES_PATH_MAX])
{
    char entry[FILES_PATH_MAX];
    enum tide_err err = files_join(entry, s->folder, name);
    return err == TIDE_OK ? files_join(out, entry, MARK) : err;
}

enum tide_err sweep_mark(struct sweep *s, const char *name, uint64_t now_ms, uint64_t *since_ms)
{
    char path[FILES_PATH_MAX], entry[FILES_PATH_MAX], text[24] = "", *end;
    size_t len;

    *since_ms = now_ms;
    enum tide_err err = mark_path(s, name, path);
    if (err != TIDE_OK) return err;
    if (files_read(path, text, sizeof text - 1, &len) == TIDE_OK && len > 0) {
        text[len] = '\0';
        uint64_t since = strtoull(text, &end, 10);
        if (*end == '\0' && since <= now_ms) {
            *since_ms = since;
            return TIDE_OK;
        }
    }
    int n = snprintf(text, sizeof text, "%" PRIu64, now_ms);
    err = files_replace(path, BYTES(text, (size_t)n));
    if (err == TIDE_OK) err = files_join(entry, s->folder, name);
    return err == TIDE_OK ? files_sync_dir(entry) : err;
}

enum tide_err sweep_unmark(struct sweep *s, const char *name)
{
    char path[FILES_PATH_MAX];
    enum tide_err err = mark_path(s, name, path);
    if (err == TIDE_OK) err = files_remove(path);
    return err == TIDE_ENOTFOUND ? TIDE_OK : err; /* a file has no mark */
}

static enum tide_err remove_files(const char *folder)
{
    char path[FILES_PATH_MAX];
    enum tide_err err = TIDE_OK;

    DIR *entries = opendir(folder);
    if (entries == NULL) return files_err(errno);
    for (struct dirent *e; err == TIDE_OK && (e = readdir(entries)) != NULL;) {
        if (e->d_name[0] == '.' || strcmp(e->d_name, MARK) == 0) continue;
        err = files_join(path, folder, e->d_name);
        if (err == TIDE_OK) err = files_remove(path);
    }
    closedir(entries);
    if (err == TIDE_OK) err = files_join(path, folder, MARK);
    return err == TIDE_OK ? files_remove(path) : err;
}

enum tide_err sweep_remove(struct sweep *s, const char *name)
{
    char path[FILES_PATH_MAX];
    struct stat st;

    enum tide_err err = files_join(path, s->folder, name);
    if (err != TIDE_OK) return err;
    if (lstat(path, &st) != 0) return errno == ENOENT ? TIDE_OK : files_err(errno);
    if (!S_ISDIR(st.st_mode)) return files_remove(path);
    err = remove_files(path);
    return err == TIDE_OK && rmdir(path) != 0 && errno != ENOENT ? files_err(errno) : err;
}
