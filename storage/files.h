/*
 * Files that outlive a crash: whole writes, atomic replacement, folders made durable. Private to storage/.
 */
#ifndef TIDEMARK_STORAGE_FILES_H
#define TIDEMARK_STORAGE_FILES_H

#include "crypto/base.h"

#include <sys/types.h>

#define FILES_PATH_MAX 4096

/* Our error for errno: ENOSPC, EDQUOT, EFBIG → TIDE_EFULL; ENOENT → TIDE_ENOTFOUND; EACCES → TIDE_EDENIED; … */
enum tide_err files_err(int errno_value);

/* `dir`/`name` into `out`. TIDE_ELIMIT: too long. */
MUST_USE enum tide_err files_join(char out[FILES_PATH_MAX], const char *dir, const char *name);

/* Makes one folder (mode 0700), or with `parents` all that are missing above it too; being there already is fine.
 * A folder that was made is durable when it returns. */
MUST_USE enum tide_err files_make_dir(const char *path, bool parents);

/* Makes the entries of a folder durable. */
MUST_USE enum tide_err files_sync_dir(const char *path);

/* All of it or an error, whatever the signals; reading stops early only at the end of the file (*got says where). */
MUST_USE enum tide_err files_write_at(int fd, const void *data, size_t len, uint64_t offset);
MUST_USE enum tide_err files_read_at(int fd, void *data, size_t len, uint64_t offset, size_t *got);

/*
 * Puts `content` at `path` so that a crash leaves the old file or the new one, never a part. The content is synced;
 * the name is durable only after files_sync_dir of its folder, which the caller may share among several files.
 */
MUST_USE enum tide_err files_replace(const char *path, struct bytes content);

/* Reads a file of at most `room` bytes. TIDE_ENOTFOUND; TIDE_ELIMIT: longer. */
MUST_USE enum tide_err files_read(const char *path, void *out, size_t room, size_t *len);

/* Takes an exclusive lock on a file, made if missing: held until *fd is closed. TIDE_EBUSY: somebody has it. */
MUST_USE enum tide_err files_lock(const char *path, int *fd);

/* Removes a file; being gone already is fine. */
MUST_USE enum tide_err files_remove(const char *path);

#endif
