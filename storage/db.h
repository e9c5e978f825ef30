/*
 * LMDB environments and transactions behind our names and errors. Everything else in storage/ that keeps rows goes
 * through here; LMDB's pointers stay in storage/.
 *
 * Always holds: one environment is opened at most once per process and never before a fork; readers use MDB_NOTLS;
 * stale readers are cleared at every writable open.
 */
#ifndef TIDEMARK_STORAGE_DB_H
#define TIDEMARK_STORAGE_DB_H

#include "crypto/base.h"

#include <lmdb.h>

/* Address space for an environment that may grow as long as the disk lasts. */
#ifdef __SANITIZE_THREAD__
#define DB_MAP_HUGE (UINT64_C(1) << 36) /* ThreadSanitizer leaves little of it */
#else
#define DB_MAP_HUGE (UINT64_C(1) << 40)
#endif

enum db_flags {
    DB_READONLY = 1,
    DB_CREATE = 2,   /* make the folder if it is not there */
    DB_NOSYNC = 4,   /* commits do not wait for the disk: state only */
    DB_WRITEMAP = 8, /* pages are written through the map: only where db_can_reserve, and after db_reserve */
};

struct db {
    MDB_env *env;
    unsigned flags;
    bool damaged;       /* a write failed: only reading from now on */
    uint64_t reserved;  /* bytes of the file that the disk has promised (db_reserve) */
    uint64_t device, inode; /* of the data file */
};

/*
 * Opens the environment in `dir`. TIDE_ENOTFOUND; TIDE_EBUSY: this process has it open already; TIDE_EDAMAGED;
 * TIDE_EDENIED. `map_bytes` is address space, not disk: make it as large as the file may ever get.
 */
MUST_USE enum tide_err db_open(const char *dir, unsigned flags, size_t map_bytes, unsigned n_tables, struct db *out);
void db_close(struct db *db);

/* Our error for LMDB's: MDB_MAP_FULL, ENOSPC → TIDE_EFULL; MDB_CORRUPTED, MDB_PAGE_NOTFOUND → TIDE_EDAMAGED; … */
enum tide_err db_err(int mdb_result);

/* Opens (with DB_CREATE: makes) a named table. `integer_keys`: native 64-bit keys in order. */
MUST_USE enum tide_err db_table(struct db *db, MDB_txn *txn, const char *name, bool integer_keys, MDB_dbi *out);

/* Begins a transaction; follows a map grown by another process. */
MUST_USE enum tide_err db_begin(struct db *db, bool write, MDB_txn **out);

/*
 * Commits; the transaction is gone whatever the result. TIDE_EFULL: nothing of it is there and the environment can be
 * used. Anything else: it is `damaged`, and whether the transaction is there shows only when it is opened again.
 */
MUST_USE enum tide_err db_commit(struct db *db, MDB_txn *txn);

/*
 * Makes sure that the disk has room for `bytes` more than are used now, by allocating ahead in steps. TIDE_EFULL: it
 * has not. LMDB 0.9.24 learns of a full disk only in the middle of a commit, and calls it an I/O error. One thread.
 */
MUST_USE enum tide_err db_reserve(struct db *db, uint64_t bytes);

/* True if files in `dir` may be as large as `map_bytes`, sparse, and the disk can promise room in them. */
bool db_can_reserve(const char *dir, uint64_t map_bytes);

/* Bytes of the environment's file that hold something (it may be allocated further). */
uint64_t db_file_bytes(struct db *db);

#endif
