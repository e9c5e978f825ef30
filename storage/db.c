/*
 * LMDB environments and transactions behind our names and errors.
 *
 * Always holds: a process has one environment open once (a second open would drop the first one's file locks); after
 * a commit whose outcome is unknown nothing more is written through this handle.
 * Not here: tables, keys and values; who may write when several processes want to (locks of journal and state).
 */
#include "storage/db.h"

#include "storage/files.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define READERS_MAX 512
#define RESERVE_STEP_MIN (UINT64_C(1) << 20)
#define RESERVE_STEP_MAX (UINT64_C(64) << 20)

/* ---- which environments this process has open ---- */

#define OPEN_MAX_ENVS 64
static struct { uint64_t device, inode; pid_t pid; } open_envs[OPEN_MAX_ENVS]; /* pid 0: free */
static pthread_mutex_t open_envs_mutex = PTHREAD_MUTEX_INITIALIZER;

/* A child of a fork starts without any: LMDB's locks are its parent's. */
static enum tide_err open_envs_add(uint64_t device, uint64_t inode)
{
    enum tide_err err = TIDE_ELIMIT;
    pid_t pid = getpid();
    size_t free_slot = OPEN_MAX_ENVS;

    pthread_mutex_lock(&open_envs_mutex);
    for (size_t i = 0; i < OPEN_MAX_ENVS; i++) {
        bool taken = open_envs[i].pid == pid;
        if (!taken) free_slot = i;
        if (taken && open_envs[i].device == device && open_envs[i].inode == inode) err = TIDE_EBUSY;
    }
    if (err != TIDE_EBUSY && free_slot < OPEN_MAX_ENVS) {
        open_envs[free_slot].device = device;
        open_envs[free_slot].inode = inode;
        open_envs[free_slot].pid = pid;
        err = TIDE_OK;
    }
    pthread_mutex_unlock(&open_envs_mutex);
    return err;
}

static void open_envs_remove(uint64_t device, uint64_t inode)
{
    pthread_mutex_lock(&open_envs_mutex);
    for (size_t i = 0; i < OPEN_MAX_ENVS; i++) {
        if (open_envs[i].device == device && open_envs[i].inode == inode) open_envs[i].pid = 0;
    }
    pthread_mutex_unlock(&open_envs_mutex);
}

/* ---- opening ---- */

enum tide_err db_err(int mdb_result)
{
    switch (mdb_result) {
    case MDB_SUCCESS: return TIDE_OK;
    case MDB_NOTFOUND: return TIDE_ENOTFOUND;
    case MDB_KEYEXIST: return TIDE_EEXIST;
    case MDB_MAP_FULL: case MDB_TXN_FULL: return TIDE_EFULL;
    case MDB_CORRUPTED: case MDB_PAGE_NOTFOUND: case MDB_INVALID: case MDB_VERSION_MISMATCH: return TIDE_EDAMAGED;
    case MDB_CURSOR_FULL: case MDB_PAGE_FULL: case MDB_INCOMPATIBLE: return TIDE_EDAMAGED;
    case MDB_READERS_FULL: return TIDE_EBUSY;
    case MDB_BAD_VALSIZE: return TIDE_EINVAL;
    case MDB_PANIC: case MDB_BAD_TXN: case MDB_BAD_RSLOT: case MDB_BAD_DBI: return TIDE_EIO;
    default: return files_err(mdb_result);
    }
}

static unsigned lmdb_flags(unsigned flags)
{
    unsigned out = MDB_NOTLS;
    if (flags & DB_READONLY) out |= MDB_RDONLY;
    if (flags & DB_NOSYNC) out |= MDB_NOSYNC;
    if (flags & DB_WRITEMAP) out |= MDB_WRITEMAP;
    return out;
}

/* Registers the data file before LMDB touches it; a new one is made empty, which LMDB takes as new. */
static enum tide_err register_file(const char *dir, struct db *db)
{
    char path[FILES_PATH_MAX];
    struct stat st;
    enum tide_err err = files_join(path, dir, "data.mdb");
    if (err != TIDE_OK) return err;

    int open_flags = db->flags & DB_READONLY ? O_RDONLY : O_RDWR;
    int fd = open(path, open_flags | (db->flags & DB_CREATE ? O_CREAT : 0) | O_CLOEXEC, 0600);
    if (fd < 0) return files_err(errno);
    if (fstat(fd, &st) != 0) err = files_err(errno);
    close(fd);
    if (err != TIDE_OK) return err;
    db->device = (uint64_t)st.st_dev;
    db->inode = (uint64_t)st.st_ino;
    return open_envs_add(db->device, db->inode);
}

static enum tide_err env_open(const char *dir, size_t map_bytes, unsigned n_tables, struct db *db)
{
    int dead = 0;
    int rc = mdb_env_create(&db->env);
    if (rc == MDB_SUCCESS) rc = mdb_env_set_mapsize(db->env, map_bytes);
    if (rc == MDB_SUCCESS) rc = mdb_env_set_maxdbs(db->env, n_tables);
    if (rc == MDB_SUCCESS) rc = mdb_env_set_maxreaders(db->env, READERS_MAX);
    if (rc == MDB_SUCCESS) rc = mdb_env_open(db->env, dir, lmdb_flags(db->flags), 0600);
    if (rc == MDB_SUCCESS && !(db->flags & DB_READONLY)) rc = mdb_reader_check(db->env, &dead);
    return db_err(rc);
}

enum tide_err db_open(const char *dir, unsigned flags, size_t map_bytes, unsigned n_tables, struct db *out)
{
    enum tide_err err = TIDE_OK;

    memset(out, 0, sizeof *out);
    out->flags = flags;
    if (flags & DB_CREATE) err = files_make_dir(dir, false);
    if (err == TIDE_OK) err = register_file(dir, out);
    if (err != TIDE_OK) {
        memset(out, 0, sizeof *out);
        return err;
    }
    err = env_open(dir, map_bytes, n_tables, out);
    if (err == TIDE_OK && (flags & DB_CREATE)) err = files_sync_dir(dir); /* LMDB does not */
    if (err != TIDE_OK) db_close(out);
    return err;
}

void db_close(struct db *db)
{
    if (db->inode == 0) return;
    if (db->env != NULL) mdb_env_close(db->env);
    open_envs_remove(db->device, db->inode);
    memset(db, 0, sizeof *db);
}

enum tide_err db_table(struct db *db, MDB_txn *txn, const char *name, bool integer_keys, MDB_dbi *out)
{
    unsigned flags = integer_keys ? MDB_INTEGERKEY : 0;
    if (db->flags & DB_CREATE) flags |= MDB_CREATE;
    return db_err(mdb_dbi_open(txn, name, flags, out));
}

/* ---- transactions ---- */

enum tide_err db_begin(struct db *db, bool write, MDB_txn **out)
{
    int dead = 0;

    *out = NULL;
    if (write && db->damaged) return TIDE_EIO;
    int rc = mdb_txn_begin(db->env, NULL, write ? 0 : MDB_RDONLY, out);
    if (rc == MDB_MAP_RESIZED) {
        rc = mdb_env_set_mapsize(db->env, 0);
        if (rc == MDB_SUCCESS) rc = mdb_txn_begin(db->env, NULL, write ? 0 : MDB_RDONLY, out);
    } else if (rc == MDB_READERS_FULL) { /* slots of processes that died */
        rc = mdb_reader_check(db->env, &dead);
        if (rc == MDB_SUCCESS) rc = mdb_txn_begin(db->env, NULL, write ? 0 : MDB_RDONLY, out);
    }
    if (rc == MDB_PANIC) db->damaged = true;
    return db_err(rc);
}

/* True if the disk itself says that it has no room: asked when LMDB reports a short write as EIO. */
static bool disk_is_full(struct db *db)
{
    struct stat st;
    mdb_filehandle_t fd;
    if (mdb_env_get_fd(db->env, &fd) != MDB_SUCCESS || fstat(fd, &st) != 0) return false;
    off_t from = (off_t)db->reserved; /* through a map, the file is as large as that */
    if (!(db->flags & DB_WRITEMAP) && st.st_size > from) from = st.st_size;
    return fallocate(fd, 0, from, (off_t)RESERVE_STEP_MIN) != 0 && files_err(errno) == TIDE_EFULL;
}

enum tide_err db_commit(struct db *db, MDB_txn *txn)
{
    MDB_txn *probe;
    int rc = mdb_txn_commit(txn);
    if (rc == MDB_SUCCESS) return TIDE_OK;

    enum tide_err err = db_err(rc);
    if (rc == EIO && disk_is_full(db)) err = TIDE_EFULL;
    /* Pages are written before the meta page that makes them count. If that one failed, LMDB is in its fatal state. */
    if (err == TIDE_EFULL && mdb_txn_begin(db->env, NULL, 0, &probe) == MDB_SUCCESS) {
        mdb_txn_abort(probe);
        return TIDE_EFULL;
    }
    db->damaged = true;
    return TIDE_EIO;
}

enum tide_err db_reserve(struct db *db, uint64_t bytes)
{
    struct stat st;
    mdb_filehandle_t fd;
    uint64_t used = db_file_bytes(db), need;
    int rc = mdb_env_get_fd(db->env, &fd);

    if (rc != MDB_SUCCESS) return db_err(rc);
    if (!add_u64(used, bytes, &need)) return TIDE_EINVAL;
    if (need <= db->reserved) return TIDE_OK;
    if (fstat(fd, &st) != 0) return files_err(errno);

    /* What is used lies in the file already; only what comes after it must be asked for. */
    uint64_t step = used / 4;
    if (step < RESERVE_STEP_MIN) step = RESERVE_STEP_MIN;
    if (step > RESERVE_STEP_MAX) step = RESERVE_STEP_MAX;
    uint64_t until = need + step;
    do {
        rc = fallocate(fd, 0, (off_t)used, (off_t)(until - used));
    } while (rc != 0 && errno == EINTR);
    if (rc != 0 && files_err(errno) == TIDE_EFULL) { /* not a whole step: perhaps just enough */
        until = need;
        rc = fallocate(fd, 0, (off_t)used, (off_t)(until - used));
    }
    if (rc != 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) {
        db->reserved = UINT64_MAX; /* this file system does not promise anything */
        return TIDE_OK;
    }
    if (rc != 0) return files_err(errno);
    db->reserved = until;
    return TIDE_OK;
}

bool db_can_reserve(const char *dir, uint64_t map_bytes)
{
    char path[FILES_PATH_MAX];
    struct rlimit limit;

    /* Over this limit it is not an error but a signal. */
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < map_bytes) return false;
    if (files_join(path, dir, "probe-XXXXXX") != TIDE_OK) return false;
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) return false;
    unlink(path);
    bool can = fallocate(fd, 0, 0, 4096) == 0 && ftruncate(fd, (off_t)map_bytes) == 0;
    close(fd);
    return can;
}

uint64_t db_file_bytes(struct db *db)
{
    MDB_envinfo info;
    MDB_stat stat;
    if (mdb_env_info(db->env, &info) != MDB_SUCCESS || mdb_env_stat(db->env, &stat) != MDB_SUCCESS) return 0;
    return ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
}
