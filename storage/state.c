/*
 * The state's environment: opening it only as far as the mark vouches for it, the writer's view that stays open across
 * batches, readers' snapshots.
 *
 * Always holds: one process writes (a file lock); the mark is durable before the first commit, and gone once a write
 * failed; what a reader sees is one whole commit.
 * Not here: rows (state_rows.c), the mark's text (state_mark.c). When to commit is the caller's choice: the view is
 * as good as committed for whoever writes through it, and what a crash takes is applied again from the journal.
 */
#include "storage/state_internal.h"

#include "storage/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- opening ---- */

static enum tide_err open_tables(struct state *s)
{
    MDB_txn *txn;
    enum tide_err err = db_begin(&s->db, !(s->db.flags & DB_READONLY), &txn);
    if (err != TIDE_OK) return err;
    for (unsigned table = 0; table < TABLE_N && err == TIDE_OK; table++) {
        err = db_table(&s->db, txn, state_table_name((enum table)table), false, &s->tables[table]);
    }
    if (err == TIDE_OK) err = db_table(&s->db, txn, "meta", false, &s->meta);
    if (err == TIDE_OK) return db_commit(&s->db, txn);
    mdb_txn_abort(txn);
    return err;
}

/* Room for an empty state: what open_tables writes. */
#define FIRST_BYTES (UINT64_C(1) << 20)

static enum tide_err open_env(struct state *s, unsigned flags, uint64_t map_bytes)
{
    enum tide_err err = db_open(s->dir, flags, map_bytes, TABLE_N + 1, &s->db);
    return err == TIDE_OK && (flags & DB_WRITEMAP) ? db_reserve(&s->db, FIRST_BYTES) : err;
}

/*
 * How the writer commits: without waiting, and through the map where that is safe (docs/performance.md). Not under
 * ThreadSanitizer: LMDB is not instrumented, and that a page is used again only after its last reader is its secret.
 */
static unsigned writer_flags(const char *env_dir)
{
#ifdef __SANITIZE_THREAD__
    (void)env_dir;
    return DB_CREATE | DB_NOSYNC;
#else
    return DB_CREATE | DB_NOSYNC | (db_can_reserve(env_dir, DB_MAP_HUGE) ? DB_WRITEMAP : 0u);
#endif
}

static enum tide_err state_new(struct state **out)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL) return TIDE_ENOMEM;
    (*out)->lock_fd = -1;
    (*out)->writer.state = *out;
    (*out)->writer.writes = true;
    return TIDE_OK;
}

/* Takes away what the mark does not vouch for: the mark first, so that no crash leaves it beside other files. */
static enum tide_err start_from_nothing(const char *dir)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    char path[FILES_PATH_MAX];
    enum tide_err err = state_mark_remove(dir);
    for (size_t i = 0; i < ARRAY_LEN(names) && err == TIDE_OK; i++) {
        err = files_join(path, dir, names[i]);
        if (err == TIDE_OK) err = files_remove(path);
    }
    return err;
}

static enum tide_err open_for_writing(const char *dir, struct state *s, bool *rebuilt)
{
    char lock_path[FILES_PATH_MAX];
    enum tide_err err = files_join(s->dir, dir, "state");
    if (err == TIDE_OK) err = files_join(lock_path, s->dir, "writer.lock");
    if (err == TIDE_OK) err = files_make_dir(s->dir, false);
    if (err == TIDE_OK) err = files_lock(lock_path, &s->lock_fd);
    if (err != TIDE_OK) return err;

    *rebuilt = !state_mark_vouches(s->dir);
    if (*rebuilt) {
        err = start_from_nothing(s->dir);
        if (err == TIDE_OK) err = open_env(s, writer_flags(s->dir), DB_MAP_HUGE); /* commits nothing yet */
        if (err == TIDE_OK) err = state_mark_write(s->dir, false);
    } else {
        err = state_mark_write(s->dir, false); /* no longer clean, from before the first commit on */
        if (err == TIDE_OK) err = open_env(s, writer_flags(s->dir), DB_MAP_HUGE);
    }
    return err == TIDE_OK ? open_tables(s) : err;
}

enum tide_err state_open_writer(const char *dir, struct state **out, bool *rebuilt)
{
    *rebuilt = false;
    enum tide_err err = state_new(out);
    if (err != TIDE_OK) return err;
    err = open_for_writing(dir, *out, rebuilt);
    if (err != TIDE_OK) state_close(out, false);
    return err;
}

enum tide_err state_open_reader(const char *dir, struct state **out)
{
    enum tide_err err = state_new(out);
    if (err != TIDE_OK) return err;
    err = files_join((*out)->dir, dir, "state");
    if (err == TIDE_OK && !state_mark_vouches((*out)->dir)) err = TIDE_ENOTFOUND;
    if (err == TIDE_OK) err = open_env(*out, DB_READONLY, DB_MAP_HUGE);
    if (err == TIDE_OK) err = open_tables(*out);
    if (err != TIDE_OK) state_close(out, false);
    return err;
}

enum tide_err state_open_mode(const char *env_dir, unsigned db_flags, uint64_t map_bytes, struct state **out)
{
    enum tide_err err = state_new(out);
    if (err != TIDE_OK) return err;
    (*out)->temporary = true;
    err = strlen(env_dir) < sizeof (*out)->dir ? TIDE_OK : TIDE_ELIMIT;
    if (err == TIDE_OK) strcpy((*out)->dir, env_dir);
    if (err == TIDE_OK) err = open_env(*out, db_flags, map_bytes);
    if (err == TIDE_OK) err = open_tables(*out);
    if (err != TIDE_OK) state_close(out, false);
    return err;
}

enum tide_err state_open_temporary(const char *dir, struct state **out)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    char env_dir[FILES_PATH_MAX], path[FILES_PATH_MAX];

    *out = NULL;
    enum tide_err err = files_join(env_dir, dir, "state-XXXXXX");
    if (err == TIDE_OK && mkdtemp(env_dir) == NULL) err = files_err(errno);
    if (err != TIDE_OK) return err;
    err = state_open_mode(env_dir, writer_flags(env_dir), DB_MAP_HUGE, out);
    /* The names go as soon as the files are open, so that not even a killed process leaves anything. */
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (files_join(path, env_dir, names[i]) == TIDE_OK) unlink(path);
    }
    rmdir(env_dir);
    return err;
}

/* A mark that cannot be written is no mark: the next start builds anew. */
static void mark_at_close(struct state *s, bool clean)
{
    enum tide_err err = TIDE_OK;
    if (s->lock_fd < 0 || s->db.env == NULL) return;
    if (clean) err = s->db.damaged ? TIDE_EIO : db_err(mdb_env_sync(s->db.env, 1));
    if (clean && err == TIDE_OK) err = state_mark_write(s->dir, true);
    if (err != TIDE_OK) err = state_mark_remove(s->dir);
}

/* LMDB made the file as large as the map. What is not used goes: a sparse giant frightens whoever copies folders. */
static void trim_file(const struct state *s, uint64_t used)
{
    char path[FILES_PATH_MAX];
    if (s->lock_fd < 0 || used == 0 || files_join(path, s->dir, "data.mdb") != TIDE_OK) return;
    if (truncate(path, (off_t)used) != 0) return; /* as good as it was */
}

void state_close(struct state **s, bool clean)
{
    if (*s == NULL) return;
    state_abort(*s);
    uint64_t used = (*s)->db.env != NULL && (*s)->db.flags & DB_WRITEMAP ? state_file_bytes(*s) : 0;
    mark_at_close(*s, clean);
    db_close(&(*s)->db);
    trim_file(*s, used);
    if ((*s)->lock_fd >= 0) close((*s)->lock_fd);
    free(*s);
    *s = NULL;
}

/* ---- the writer's view ---- */

/* A write transaction's cursors end with it. */
static void writer_forget(struct state_view *v)
{
    v->txn = NULL;
    v->unusable = TIDE_OK;
    v->n_changes = v->n_covered = 0;
    memset(v->cursors, 0, sizeof v->cursors);
}

enum tide_err state_write(struct state *s, struct state_view **out)
{
    *out = NULL;
    if (s->db.flags & DB_READONLY) return TIDE_EDENIED;
    if (s->writer.txn == NULL) {
        enum tide_err err = db_begin(&s->db, true, &s->writer.txn);
        if (err != TIDE_OK) return err;
    }
    *out = &s->writer;
    return TIDE_OK;
}

#define COVER_AT_ONCE 256u
#define PAGES_A_CHANGE 12u   /* a path of six pages copied, and each of them split */
#define PAGES_A_COMMIT 1024u /* LMDB's own list of free pages */
#define PAGE_BYTES 4096u

enum tide_err state_cover_change(struct state_view *v)
{
    struct db *db = &v->state->db;
    if (!(db->flags & DB_WRITEMAP) || v->n_changes++ < v->n_covered) return TIDE_OK;

    /* Many changes come to the same pages: never more than all there were, and two new ones each. */
    uint64_t n = v->n_covered + COVER_AT_ONCE, used_pages = db_file_bytes(db) / PAGE_BYTES;
    uint64_t pages = n * PAGES_A_CHANGE < used_pages + 2 * n ? n * PAGES_A_CHANGE : used_pages + 2 * n;
    enum tide_err err = db_reserve(db, (pages + pages / 256 + PAGES_A_COMMIT) * PAGE_BYTES);
    if (err == TIDE_OK) v->n_covered = n;
    else v->unusable = err;
    return err;
}

enum tide_err state_commit(struct state *s)
{
    MDB_txn *txn = s->writer.txn;
    enum tide_err err;

    if (txn == NULL) return TIDE_OK;
    err = s->writer.unusable;
    if (err != TIDE_OK) {
        state_abort(s);
        return err;
    }
    writer_forget(&s->writer);
    err = db_commit(&s->db, txn);
    if (err == TIDE_OK) return TIDE_OK;
    memset(s->appended, 0, sizeof s->appended);
    /* The file may hold half of it. Failing to remove the mark is no worse than the disk that failed to write. */
    if (s->db.damaged && !s->temporary && state_mark_remove(s->dir) != TIDE_OK) return TIDE_EIO;
    return err;
}

void state_abort(struct state *s)
{
    if (s->writer.txn == NULL) return;
    mdb_txn_abort(s->writer.txn);
    writer_forget(&s->writer);
    memset(s->appended, 0, sizeof s->appended);
}

/* ---- readers' views ---- */

/* True if the files at our path are no longer those that we have open: a writer has started from nothing. */
static bool files_were_replaced(const struct state *s)
{
    char path[FILES_PATH_MAX];
    struct stat st;
    if (!(s->db.flags & DB_READONLY)) return false;
    return files_join(path, s->dir, "data.mdb") != TIDE_OK || stat(path, &st) != 0 ||
           (uint64_t)st.st_dev != s->db.device || (uint64_t)st.st_ino != s->db.inode;
}

enum tide_err state_read_begin(struct state *s, struct state_view **out)
{
    *out = NULL;
    if (files_were_replaced(s)) return TIDE_ENOTFOUND;
    struct state_view *v = calloc(1, sizeof *v);
    if (v == NULL) return TIDE_ENOMEM;
    v->state = s;
    enum tide_err err = db_begin(&s->db, false, &v->txn);
    if (err != TIDE_OK) {
        free(v);
        return err;
    }
    *out = v;
    return TIDE_OK;
}

enum tide_err state_read_renew(struct state_view *v)
{
    ASSERT(!v->writes);
    state_read_reset(v);
    if (files_were_replaced(v->state)) return TIDE_ENOTFOUND;
    int rc = mdb_txn_renew(v->txn);
    if (rc != MDB_SUCCESS) return db_err(rc);
    v->unusable = TIDE_OK;
    return TIDE_OK;
}

void state_read_reset(struct state_view *v)
{
    ASSERT(!v->writes);
    if (v->unusable != TIDE_OK) return; /* let go of already */
    mdb_txn_reset(v->txn);
    memset(v->stale, true, sizeof v->stale);
    v->unusable = TIDE_EIO; /* no rows until it is renewed */
}

void state_read_end(struct state_view **v)
{
    if (*v == NULL) return;
    ASSERT(!(*v)->writes);
    for (unsigned table = 0; table < TABLE_N; table++) {
        if ((*v)->cursors[table] != NULL) mdb_cursor_close((*v)->cursors[table]);
    }
    mdb_txn_abort((*v)->txn);
    free(*v);
    *v = NULL;
}

uint64_t state_file_bytes(struct state *s)
{
    return db_file_bytes(&s->db);
}
