/*
 * Enrolment requests over LMDB: table `requests` (party → wire key, time, envelope, checksum).
 *
 * Always holds: at most LIMIT_REQUESTS rows, none older than a week when one is put; whatever strangers send, the file
 * stays small. A damaged row is as good as none: who asked can ask again.
 * Not here: whether a request is well signed (lobby), whether it is granted (an operator).
 */
#include "storage/requests.h"

#include "storage/checksum.h"
#include "storage/db.h"
#include "storage/files.h"

#include <stdlib.h>

#define MAP_BYTES (UINT64_C(256) << 20) /* a thousand rows of an envelope's size need a fifth of it */
#define ENVELOPE_MAX (LIMIT_STATEMENT_BYTES + 256)
#define VERSION 1
#define HEAD_BYTES (1 + 32 + 8)
#define SALT_REQUEST 0

struct requests {
    struct db db;
    MDB_dbi table;
};

static enum tide_err open_table(struct requests *r, bool write)
{
    MDB_txn *txn;
    enum tide_err err = db_begin(&r->db, write, &txn);
    if (err != TIDE_OK) return err;
    err = db_table(&r->db, txn, "requests", false, &r->table);
    if (err == TIDE_OK) return db_commit(&r->db, txn);
    mdb_txn_abort(txn);
    return err;
}

enum tide_err requests_open(const char *dir, bool write, struct requests **out)
{
    char path[FILES_PATH_MAX];

    *out = NULL;
    struct requests *r = calloc(1, sizeof *r);
    if (r == NULL) return TIDE_ENOMEM;
    enum tide_err err = files_join(path, dir, "lobby");
    if (err == TIDE_OK) err = db_open(path, write ? DB_CREATE : DB_READONLY, MAP_BYTES, 1, &r->db);
    if (err == TIDE_OK) err = open_table(r, write);
    if (err != TIDE_OK) {
        requests_close(&r);
        return err;
    }
    *out = r;
    return TIDE_OK;
}

void requests_close(struct requests **r)
{
    if (*r == NULL) return;
    db_close(&(*r)->db);
    free(*r);
    *r = NULL;
}

/* ---- rows ---- */

static MDB_val party_val(const uint8_t party[32])
{
    return (MDB_val){32, (void *)(uintptr_t)party};
}

/* Checks a row where it lies; *received_ms is its time. */
static bool row_is_good(MDB_val key, MDB_val value, uint64_t *received_ms)
{
    const uint8_t *row = value.mv_data;
    size_t len = value.mv_size;
    if (key.mv_size != 32 || len < HEAD_BYTES + CHECKSUM_BYTES || row[0] != VERSION) return false;
    len -= CHECKSUM_BYTES;
    *received_ms = be64_get(row + 33);
    return be64_get(row + len) == checksum_of(SALT_REQUEST, BYTES(key.mv_data, 32), BYTES(row, len));
}

static enum tide_err entry_out(MDB_val key, MDB_val value, struct arena *arena, struct request_entry *out)
{
    uint64_t received_ms;
    if (!row_is_good(key, value, &received_ms)) return TIDE_EDAMAGED;
    struct bytes row = arena_copy(arena, BYTES(value.mv_data, value.mv_size - CHECKSUM_BYTES));
    if (row.data == NULL) return TIDE_ENOMEM;
    memcpy(out->party, key.mv_data, 32);
    memcpy(out->wire_key, row.data + 1, 32);
    out->received_ms = received_ms;
    out->envelope = BYTES(row.data + HEAD_BYTES, row.len - HEAD_BYTES);
    return TIDE_OK;
}

/* Takes out what is too old or damaged; *n is how many are left, not counting `party`'s own. */
static enum tide_err drop_old(struct requests *r, MDB_txn *txn, uint64_t now_ms, const uint8_t party[32], size_t *n)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    uint64_t received_ms;

    *n = 0;
    int rc = mdb_cursor_open(txn, r->table, &cursor);
    if (rc == MDB_SUCCESS) rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    for (; rc == MDB_SUCCESS; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        bool good = row_is_good(key, value, &received_ms);
        bool old = good && received_ms < now_ms && now_ms - received_ms > LIMIT_ENROL_VALID_MS;
        if (!good || old) rc = mdb_cursor_del(cursor, 0);
        else if (memcmp(key.mv_data, party, 32) != 0) (*n)++;
        if (rc != MDB_SUCCESS) break;
    }
    return rc == MDB_NOTFOUND ? TIDE_OK : db_err(rc);
}

static enum tide_err put_row(struct requests *r, MDB_txn *txn, const struct request_entry *entry)
{
    size_t len = HEAD_BYTES + entry->envelope.len;
    MDB_val key = party_val(entry->party), value = {len + CHECKSUM_BYTES, NULL};
    int rc = mdb_put(txn, r->table, &key, &value, MDB_RESERVE);
    if (rc != MDB_SUCCESS) return db_err(rc);
    uint8_t *row = value.mv_data;
    row[0] = VERSION;
    memcpy(row + 1, entry->wire_key, 32);
    be64_put(row + 33, entry->received_ms);
    memcpy(row + HEAD_BYTES, entry->envelope.data, entry->envelope.len);
    be64_put(row + len, checksum_of(SALT_REQUEST, BYTES(entry->party, 32), BYTES(row, len)));
    return TIDE_OK;
}

enum tide_err requests_put(struct requests *r, const struct request_entry *entry)
{
    MDB_txn *txn;
    size_t n;

    if (r->db.flags & DB_READONLY) return TIDE_EDENIED;
    if (entry->envelope.len == 0) return TIDE_EINVAL;
    if (entry->envelope.len > ENVELOPE_MAX) return TIDE_ELIMIT;
    enum tide_err err = db_begin(&r->db, true, &txn);
    if (err != TIDE_OK) return err;
    err = drop_old(r, txn, entry->received_ms, entry->party, &n);
    if (err == TIDE_OK && n >= LIMIT_REQUESTS) err = TIDE_EFULL;
    if (err == TIDE_OK) err = put_row(r, txn, entry);
    if (err == TIDE_OK) return db_commit(&r->db, txn);
    mdb_txn_abort(txn);
    return err;
}

enum tide_err requests_del(struct requests *r, const uint8_t party[32])
{
    MDB_txn *txn;
    MDB_val key = party_val(party);

    if (r->db.flags & DB_READONLY) return TIDE_EDENIED;
    enum tide_err err = db_begin(&r->db, true, &txn);
    if (err != TIDE_OK) return err;
    err = db_err(mdb_del(txn, r->table, &key, NULL));
    if (err == TIDE_OK) return db_commit(&r->db, txn);
    mdb_txn_abort(txn);
    return err;
}

enum tide_err requests_get(struct requests *r, const uint8_t party[32], struct arena *arena, struct request_entry *out)
{
    uint8_t wanted[32];
    MDB_txn *txn;
    MDB_val key = party_val(wanted), value;

    memcpy(wanted, party, sizeof wanted);
    memset(out, 0, sizeof *out);
    enum tide_err err = db_begin(&r->db, false, &txn);
    if (err != TIDE_OK) return err;
    err = db_err(mdb_get(txn, r->table, &key, &value));
    if (err == TIDE_OK) err = entry_out(key, value, arena, out);
    mdb_txn_abort(txn);
    return err;
}

/* Goes past damaged rows: they are dropped when the next request comes. */
static enum tide_err next_good(MDB_cursor *cursor, const uint8_t after[32], struct arena *arena,
                               struct request_entry *out)
{
    MDB_val key = party_val(after), value;
    enum tide_err err;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    if (rc == MDB_SUCCESS && key.mv_size == 32 && memcmp(key.mv_data, after, 32) == 0) {
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    for (; rc == MDB_SUCCESS; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        err = entry_out(key, value, arena, out);
        if (err != TIDE_EDAMAGED) return err;
    }
    return db_err(rc);
}

enum tide_err requests_next(struct requests *r, const uint8_t after[32], struct arena *arena, struct request_entry *out)
{
    uint8_t from[32];
    MDB_txn *txn;
    MDB_cursor *cursor = NULL;

    memcpy(from, after, sizeof from); /* it may well be out->party */
    memset(out, 0, sizeof *out);
    enum tide_err err = db_begin(&r->db, false, &txn);
    if (err != TIDE_OK) return err;
    err = db_err(mdb_cursor_open(txn, r->table, &cursor));
    if (err == TIDE_OK) err = next_good(cursor, from, arena, out);
    if (cursor != NULL) mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return err;
}
