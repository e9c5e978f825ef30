/*
 * Letting go of what is no longer needed: a walk through the entries of a store's folder, and of each the time since when
 * it was not needed, which outlives restarts. One thread.
 */
#ifndef TIDEMARK_STORAGE_SWEEP_H
#define TIDEMARK_STORAGE_SWEEP_H

#include "storage/files.h"

#define SWEEP_NAME_MAX 256

struct sweep {
    char folder[FILES_PATH_MAX];
    void *walk; /* NULL: between two rounds */
};

/* `folder` need not be there yet. */
MUST_USE enum tide_err sweep_init(struct sweep *s, const char *dir, const char *store);
void sweep_deinit(struct sweep *s);

/* The next entry's name. TIDE_ENOTFOUND: the round has ended; the next call begins another. */
MUST_USE enum tide_err sweep_next(struct sweep *s, char name[SWEEP_NAME_MAX]);

/* An entry that is a folder is not needed (any more): *since_ms is when that was first said, now or earlier. */
MUST_USE enum tide_err sweep_mark(struct sweep *s, const char *name, uint64_t now_ms, uint64_t *since_ms);
/* It is needed (again). */
MUST_USE enum tide_err sweep_unmark(struct sweep *s, const char *name);

/* Removes an entry: a file, or a folder of files. */
MUST_USE enum tide_err sweep_remove(struct sweep *s, const char *name);

#endif
