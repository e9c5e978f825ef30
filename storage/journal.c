/*
 * The journal over LMDB: table `records` (index → record ‖ checksum), table `head` (the tree's size and right edge).
 *
 * Always holds: the records present are exactly those below the head's size; head and records change in one
 * synchronous transaction; one process at a time may append (a file lock), and it appends at the end only.
 * Not here: what records say; signing of heads (publisher); hash tiles.
 */
#include "storage/journal.h"

#include "storage/checksum.h"
#include "storage/db.h"
#include "storage/files.h"
#include "storage/limits.h"

#include <stdlib.h>
#include <unistd.h>

#define SALT_RECORD 0
#define SALT_HEAD 1
#define PAGE_BYTES 4096u
#define HEAD_BYTES_MAX (8 + 64 * HASH_BYTES + CHECKSUM_BYTES)
#define SCRUB_RECORDS 1024u /* a transaction: a long one would keep the file from reusing pages */
#define SCRUB_BYTES (UINT64_C(4) << 20)

struct journal {
    struct db db;
    MDB_dbi records, head;
    int lock_fd;               /* -1: reading only */
    struct merkle_tree tree;   /* the writer's: equals the durable head */
};

static const uint8_t head_key[1] = {0};

/* ---- head ---- */

static size_t head_encode(const struct merkle_tree *tree, uint8_t out[HEAD_BYTES_MAX])
{
    size_t edge_len = (size_t)__builtin_popcountll(tree->size) * HASH_BYTES;
    be64_put(out, tree->size);
    memcpy(out + 8, tree->edge, edge_len);
    be64_put(out + 8 + edge_len, checksum_of(SALT_HEAD, BYTES(head_key, 1), BYTES(out, 8 + edge_len)));
    return 8 + edge_len + CHECKSUM_BYTES;
}

static enum tide_err head_decode(MDB_val value, struct merkle_tree *out)
{
    uint8_t copy[HEAD_BYTES_MAX];

    if (value.mv_size < 8 + CHECKSUM_BYTES || value.mv_size > sizeof copy) return TIDE_EDAMAGED;
    memcpy(copy, value.mv_data, value.mv_size);
    uint64_t size = be64_get(copy);
    size_t edge_len = (size_t)__builtin_popcountll(size) * HASH_BYTES;
    if (value.mv_size != 8 + edge_len + CHECKSUM_BYTES) return TIDE_EDAMAGED;
    uint64_t sum = be64_get(copy + 8 + edge_len);
    if (sum != checksum_of(SALT_HEAD, BYTES(head_key, 1), BYTES(copy, 8 + edge_len))) return TIDE_EDAMAGED;
    out->size = size;
    memcpy(out->edge, copy + 8, edge_len);
    return TIDE_OK;
}

/* The head as this transaction sees it; none yet is the empty tree. */
static enum tide_err head_get(struct journal *j, MDB_txn *txn, struct merkle_tree *out)
{
    MDB_val key = {sizeof head_key, (void *)(uintptr_t)head_key}, value;
    memset(out, 0, sizeof *out);
    int rc = mdb_get(txn, j->head, &key, &value);
    if (rc == MDB_NOTFOUND) return TIDE_OK;
    return rc == MDB_SUCCESS ? head_decode(value, out) : db_err(rc);
}

static enum tide_err head_put(struct journal *j, MDB_txn *txn, const struct merkle_tree *tree)
{
    uint8_t bytes[HEAD_BYTES_MAX];
    MDB_val key = {sizeof head_key, (void *)(uintptr_t)head_key}, value = {head_encode(tree, bytes), bytes};
    return db_err(mdb_put(txn, j->head, &key, &value, 0));
}

/* ---- opening ---- */

/* The last record and the head were one transaction: if they disagree, the file is damaged. */
static enum tide_err check_end(struct journal *j, MDB_txn *txn, const struct merkle_tree *tree)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    uint64_t last;

    int rc = mdb_cursor_open(txn, j->records, &cursor);
    if (rc != MDB_SUCCESS) return db_err(rc);
    rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    mdb_cursor_close(cursor);
    if (rc == MDB_NOTFOUND) return tree->size == 0 ? TIDE_OK : TIDE_EDAMAGED;
    if (rc != MDB_SUCCESS) return db_err(rc);
    if (key.mv_size != sizeof last) return TIDE_EDAMAGED;
    memcpy(&last, key.mv_data, sizeof last);
    return tree->size > 0 && last == tree->size - 1 ? TIDE_OK : TIDE_EDAMAGED;
}

static enum tide_err open_tables(struct journal *j)
{
    MDB_txn *txn;
    enum tide_err err = db_begin(&j->db, !(j->db.flags & DB_READONLY), &txn);
    if (err != TIDE_OK) return err;
    err = db_table(&j->db, txn, "records", true, &j->records);
    if (err == TIDE_OK) err = db_table(&j->db, txn, "head", false, &j->head);
    if (err == TIDE_OK) err = head_get(j, txn, &j->tree);
    if (err == TIDE_OK) err = check_end(j, txn, &j->tree);
    if (err == TIDE_OK) return db_commit(&j->db, txn);
    mdb_txn_abort(txn);
    return err;
}

static enum tide_err open_env(const char *dir, unsigned flags, struct journal *j)
{
    char env_dir[FILES_PATH_MAX], lock_path[FILES_PATH_MAX];
    unsigned db_flags = flags & JOURNAL_READONLY ? DB_READONLY : flags & JOURNAL_CREATE ? DB_CREATE : 0;

    enum tide_err err = files_join(env_dir, dir, "journal");
    if (err == TIDE_OK) err = files_join(lock_path, env_dir, "writer.lock");
    if (err == TIDE_OK && (db_flags & DB_CREATE)) err = files_make_dir(env_dir, false);
    if (err == TIDE_OK && !(db_flags & DB_READONLY)) err = files_lock(lock_path, &j->lock_fd);
    if (err == TIDE_OK) err = db_open(env_dir, db_flags, DB_MAP_HUGE, 2, &j->db);
    return err;
}

enum tide_err journal_open(const char *dir, unsigned flags, struct journal **out)
{
    *out = NULL;
    if ((flags & JOURNAL_READONLY) && (flags & JOURNAL_CREATE)) return TIDE_EINVAL;
    struct journal *j = calloc(1, sizeof *j);
    if (j == NULL) return TIDE_ENOMEM;
    j->lock_fd = -1;

    enum tide_err err = open_env(dir, flags, j);
    if (err == TIDE_OK) err = open_tables(j);
    if (err != TIDE_OK) {
        journal_close(&j);
        return err;
    }
    *out = j;
    return TIDE_OK;
}

void journal_close(struct journal **j)
{
    if (*j == NULL) return;
    db_close(&(*j)->db);
    if ((*j)->lock_fd >= 0) close((*j)->lock_fd);
    free(*j);
    *j = NULL;
}

/* ---- appending ---- */

/* More than a commit of these can need: every record on pages of its own, and what LMDB copies of its trees. */
static uint64_t bytes_needed(const struct bytes *records, size_t n)
{
    uint64_t pages = 64;
    for (size_t i = 0; i < n; i++) {
        size_t len = records[i].len + CHECKSUM_BYTES;
        pages += len > PAGE_BYTES / 2 ? 2 + len / PAGE_BYTES : 0;
    }
    return (pages + n) * PAGE_BYTES;
}

static int put_record(MDB_cursor *cursor, uint64_t index, struct bytes record)
{
    uint8_t sum[CHECKSUM_BYTES];
    MDB_val key = {sizeof index, &index}, value = {record.len + CHECKSUM_BYTES, NULL};

    be64_put(sum, checksum_of(SALT_RECORD, BYTES(&index, sizeof index), record));
    int rc = mdb_cursor_put(cursor, &key, &value, MDB_APPEND | MDB_RESERVE);
    if (rc != MDB_SUCCESS) return rc;
    memcpy(value.mv_data, record.data, record.len);
    memcpy((uint8_t *)value.mv_data + record.len, sum, sizeof sum);
    return MDB_SUCCESS;
}

static enum tide_err put_records(struct journal *j, MDB_txn *txn, const struct bytes *records, size_t n,
                                 struct merkle_tree *tree)
{
    MDB_cursor *cursor;
    uint8_t leaf[HASH_BYTES];

    int rc = mdb_cursor_open(txn, j->records, &cursor);
    for (size_t i = 0; i < n && rc == MDB_SUCCESS; i++) {
        rc = put_record(cursor, tree->size, records[i]);
        merkle_leaf_hash(records[i], leaf);
        merkle_append(tree, leaf);
    }
    return db_err(rc); /* the cursor goes with its transaction */
}

enum tide_err journal_append(struct journal *j, const struct bytes *records, size_t n)
{
    struct merkle_tree tree = j->tree;
    MDB_txn *txn;

    if (j->lock_fd < 0) return TIDE_EDENIED;
    if (j->db.damaged) return TIDE_EIO;
    if (n == 0) return TIDE_OK;
    for (size_t i = 0; i < n; i++) {
        if (records[i].len == 0 || records[i].len > LIMIT_RECORD_BYTES) return TIDE_EINVAL;
    }
    enum tide_err err = db_reserve(&j->db, bytes_needed(records, n));
    if (err == TIDE_OK) err = db_begin(&j->db, true, &txn);
    if (err != TIDE_OK) return err;
    err = put_records(j, txn, records, n, &tree);
    if (err == TIDE_OK) err = head_put(j, txn, &tree);
    if (err != TIDE_OK) {
        mdb_txn_abort(txn);
        return err;
    }
    err = db_commit(&j->db, txn);
    if (err == TIDE_OK) j->tree = tree;
    return err;
}

/* ---- reading ---- */

enum tide_err journal_head(struct journal *j, struct merkle_tree *out)
{
    MDB_txn *txn;
    memset(out, 0, sizeof *out);
    enum tide_err err = db_begin(&j->db, false, &txn);
    if (err != TIDE_OK) return err;
    err = head_get(j, txn, out);
    mdb_txn_abort(txn);
    return err;
}

/* Copies the record out and checks it. */
static enum tide_err copy_record(uint64_t index, MDB_val value, struct arena *arena, struct bytes *out)
{
    if (value.mv_size <= CHECKSUM_BYTES) return TIDE_EDAMAGED;
    struct bytes record = arena_copy(arena, BYTES(value.mv_data, value.mv_size - CHECKSUM_BYTES));
    if (record.data == NULL) return TIDE_ENOMEM;
    uint64_t sum = be64_get((const uint8_t *)value.mv_data + record.len);
    if (sum != checksum_of(SALT_RECORD, BYTES(&index, sizeof index), record)) return TIDE_EDAMAGED;
    *out = record;
    return TIDE_OK;
}

static enum tide_err read_range(MDB_cursor *cursor, uint64_t first, size_t max_n, size_t max_bytes,
                                struct arena *arena, struct bytes *out, size_t *n)
{
    size_t bytes = 0;

    for (uint64_t index = first; *n < max_n; index++) {
        MDB_val key = {sizeof index, &index}, value;
        uint64_t found;
        int rc = mdb_cursor_get(cursor, &key, &value, *n == 0 ? MDB_SET_KEY : MDB_NEXT);
        if (rc == MDB_NOTFOUND) return TIDE_EDAMAGED; /* below the head: it must be there */
        if (rc != MDB_SUCCESS) return db_err(rc);
        memcpy(&found, key.mv_data, sizeof found);
        if (found != index) return TIDE_EDAMAGED;
        if (*n > 0 && value.mv_size - CHECKSUM_BYTES > max_bytes - bytes) return TIDE_OK;
        enum tide_err err = copy_record(index, value, arena, &out[*n]);
        if (err == TIDE_ENOMEM && *n > 0) return TIDE_OK; /* the arena is full: what fits is an answer */
        if (err != TIDE_OK) return err;
        bytes += out[(*n)++].len;
        if (bytes >= max_bytes) return TIDE_OK;
    }
    return TIDE_OK;
}

enum tide_err journal_read(struct journal *j, uint64_t first, size_t max_n, size_t max_bytes, struct arena *arena,
                           struct bytes *out, size_t *n)
{
    struct merkle_tree head;
    MDB_cursor *cursor = NULL;
    MDB_txn *txn;

    *n = 0;
    enum tide_err err = db_begin(&j->db, false, &txn);
    if (err != TIDE_OK) return err;
    err = head_get(j, txn, &head);
    if (err == TIDE_OK && first < head.size) {
        if (max_n > head.size - first) max_n = (size_t)(head.size - first);
        err = db_err(mdb_cursor_open(txn, j->records, &cursor));
        if (err == TIDE_OK) err = read_range(cursor, first, max_n, max_bytes, arena, out, n);
    }
    if (cursor != NULL) mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    if (err != TIDE_OK) *n = 0;
    return err;
}

/* ---- checking all of it ---- */

/* Finds the damaged record among those that could not be read together. */
static uint64_t bad_one(struct journal *j, uint64_t first, uint64_t end, struct arena *arena)
{
    struct bytes record;
    size_t n;
    for (uint64_t index = first; index < end; index++) {
        arena_reset(arena);
        if (journal_read(j, index, 1, SIZE_MAX, arena, &record, &n) != TIDE_OK || n == 0) return index;
    }
    return first;
}

static enum tide_err scrub(struct journal *j, bool (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx,
                           const struct merkle_tree *head, struct arena *arena, uint64_t *first_bad)
{
    static const size_t room = SCRUB_RECORDS;
    struct bytes *records = calloc(room, sizeof *records);
    struct merkle_tree tree = {0};
    enum tide_err err = records == NULL ? TIDE_ENOMEM : TIDE_OK;

    while (err == TIDE_OK && tree.size < head->size) {
        uint8_t leaf[HASH_BYTES];
        size_t n, wanted = head->size - tree.size < room ? (size_t)(head->size - tree.size) : room;
        if (progress != NULL && !progress(ctx, tree.size, head->size)) err = TIDE_ECANCELED;
        arena_reset(arena);
        if (err == TIDE_OK) err = journal_read(j, tree.size, wanted, SCRUB_BYTES, arena, records, &n);
        if (err == TIDE_OK && n == 0) err = TIDE_EDAMAGED;
        if (err == TIDE_EDAMAGED) *first_bad = bad_one(j, tree.size, tree.size + wanted, arena);
        for (size_t i = 0; err == TIDE_OK && i < n; i++) {
            merkle_leaf_hash(records[i], leaf);
            merkle_append(&tree, leaf);
        }
    }
    free(records);
    if (err != TIDE_OK) return err;
    size_t edge_len = (size_t)__builtin_popcountll(head->size) * HASH_BYTES;
    if (memcmp(tree.edge, head->edge, edge_len) == 0) {
        if (progress != NULL) progress(ctx, head->size, head->size);
        return TIDE_OK;
    }
    *first_bad = head->size; /* every record is what was written, but the head is of other ones */
    return TIDE_EDAMAGED;
}

enum tide_err journal_scrub(struct journal *j, bool (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx,
                            uint64_t *first_bad)
{
    struct merkle_tree head;
    struct arena arena;

    *first_bad = 0;
    enum tide_err err = journal_head(j, &head);
    if (err != TIDE_OK) return err;
    arena_init(&arena, 4 * SCRUB_BYTES);
    err = scrub(j, progress, ctx, &head, &arena, first_bad);
    arena_deinit(&arena);
    return err;
}

uint64_t journal_file_bytes(struct journal *j)
{
    return db_file_bytes(&j->db);
}
