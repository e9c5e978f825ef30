/*
 * What the files of the state share, and what its benchmark needs to compare ways of committing. Private to storage/.
 */
#ifndef TIDEMARK_STORAGE_STATE_INTERNAL_H
#define TIDEMARK_STORAGE_STATE_INTERNAL_H

#include "storage/db.h"
#include "storage/state.h"

/* Raised when rows keep their layout but change their meaning: older state is then built anew. */
#define STATE_FORMAT 1

struct state_view {
    struct state *state;
    MDB_txn *txn;                  /* NULL: the writer's, when nothing is begun */
    MDB_cursor *cursors[TABLE_N];  /* opened when first used */
    bool stale[TABLE_N];           /* a reader's: to be renewed before use */
    bool writes;
    uint64_t n_changes;            /* puts and deletes since it began … */
    uint64_t n_covered;            /* … for which the disk has promised room */
    enum tide_err unusable;        /* why: a put failed half-way (only aborting helps); a reader's: let go of */
};

struct state {
    struct db db;
    char dir[4096];                /* the environment's folder */
    int lock_fd;                   /* -1: not the writer */
    bool temporary;
    MDB_dbi tables[TABLE_N], meta;
    struct state_view writer;
    uint64_t appended[TABLE_N];    /* largest 8-byte key known to be last in its table: what is above it is appended */
};

/*
 * Before a put or delete of the writer's: its pages are written through the map, where a full disk would be SIGBUS, so
 * that the room is asked for first. TIDE_EFULL.
 */
MUST_USE enum tide_err state_cover_change(struct state_view *v);

/* The mark of the environment in `dir` (state_mark.c). */
bool state_mark_vouches(const char *dir);
MUST_USE enum tide_err state_mark_write(const char *dir, bool clean);
MUST_USE enum tide_err state_mark_remove(const char *dir);

/* Opens an environment for writing without lock or mark, with flags (enum db_flags) and address space as given. */
MUST_USE enum tide_err state_open_mode(const char *env_dir, unsigned db_flags, uint64_t map_bytes, struct state **out);

#endif
