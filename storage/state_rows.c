/*
 * Rows of the state: copied in and out through one cursor a table and view, each with a checksum over the row, its key
 * and its table.
 *
 * Always holds: what is handed out was checked. A view whose put failed half-way hands out and takes nothing more.
 * Cursors are never trusted for their position: every step searches its key again, which costs little (LMDB looks in
 * the cursor's own leaf first) and makes puts and deletes between steps harmless.
 */
#include "storage/state_internal.h"

#include "storage/checksum.h"

static const struct table_spec {
    const char *name;
    size_t key_len, row_len; /* row_len 0: the key is all there is to say */
} specs[TABLE_N] = {
#define TABLE_AS_SPEC(NAME, name, key_bytes, row, doc) \
    {#name, (key_bytes), _Generic((struct row *)0, struct row_none *: 0, default: sizeof(struct row))},
    TABLES(TABLE_AS_SPEC)
};

#define META_SALT TABLE_N
static const char applied_key[] = "applied";

const char *state_table_name(enum table table)
{
    return specs[table].name;
}

size_t state_key_len(enum table table)
{
    return specs[table].key_len;
}

size_t state_row_len(enum table table)
{
    return specs[table].row_len;
}

static MDB_val key_val(const void *key, size_t len)
{
    return (MDB_val){len, (void *)(uintptr_t)key};
}

static enum tide_err cursor_of(struct state_view *v, enum table table, MDB_cursor **out)
{
    MDB_cursor **cursor = &v->cursors[table];
    int rc = MDB_SUCCESS;

    ASSERT((unsigned)table < TABLE_N);
    if (v->unusable != TIDE_OK || v->txn == NULL) return TIDE_EIO;
    if (*cursor == NULL) {
        rc = mdb_cursor_open(v->txn, v->state->tables[table], cursor);
        if (rc != MDB_SUCCESS) *cursor = NULL;
    } else if (v->stale[table]) {
        rc = mdb_cursor_renew(v->txn, *cursor);
    }
    v->stale[table] = false;
    *out = *cursor;
    return db_err(rc);
}

/* Copies a stored value to `row` (may be NULL) and checks it where it then lies. */
static enum tide_err row_out(enum table table, MDB_val key, MDB_val value, void *row)
{
    const struct table_spec *spec = &specs[table];
    uint64_t sum;
    const void *from = value.mv_data;

    if (key.mv_size != spec->key_len || value.mv_size != spec->row_len + CHECKSUM_BYTES) return TIDE_EDAMAGED;
    if (row != NULL && spec->row_len > 0) {
        memcpy(row, value.mv_data, spec->row_len);
        from = row;
    }
    memcpy(&sum, (const uint8_t *)value.mv_data + spec->row_len, sizeof sum);
    if (sum == checksum_of(table, BYTES(key.mv_data, key.mv_size), BYTES(from, spec->row_len))) return TIDE_OK;
    if (row != NULL) memset(row, 0, spec->row_len);
    return TIDE_EDAMAGED;
}

static void row_clear(enum table table, void *row)
{
    if (row == NULL) return;
    size_t len = specs[table].row_len;
    memset(row, 0, len > 0 ? len : sizeof(struct row_none));
}

enum tide_err state_get(struct state_view *v, enum table table, const void *key, void *row)
{
    MDB_cursor *cursor;
    MDB_val k = key_val(key, specs[table].key_len), value;

    row_clear(table, row);
    enum tide_err err = cursor_of(v, table, &cursor);
    if (err != TIDE_OK) return err;
    int rc = mdb_cursor_get(cursor, &k, &value, MDB_SET_KEY);
    return rc == MDB_SUCCESS ? row_out(table, k, value, row) : db_err(rc);
}

/*
 * Orders, trades, listings and parties are named by rising indices: appending them fills pages to the brim. LMDB
 * refuses to append what does not come last; then we learn what does.
 */
static int put_reserve(struct state_view *v, enum table table, MDB_cursor *cursor, MDB_val *k, MDB_val *value)
{
    uint64_t *last = &v->state->appended[table];
    MDB_val last_key, last_value;

    if (k->mv_size != 8 || be64_get(k->mv_data) <= *last) return mdb_cursor_put(cursor, k, value, MDB_RESERVE);
    uint64_t number = be64_get(k->mv_data);
    int rc = mdb_cursor_put(cursor, k, value, MDB_RESERVE | MDB_APPEND);
    if (rc == MDB_SUCCESS) *last = number;
    if (rc != MDB_KEYEXIST) return rc;
    rc = mdb_cursor_get(cursor, &last_key, &last_value, MDB_LAST);
    if (rc == MDB_SUCCESS && last_key.mv_size == 8) *last = be64_get(last_key.mv_data);
    return mdb_cursor_put(cursor, k, value, MDB_RESERVE);
}

enum tide_err state_put(struct state_view *v, enum table table, const void *key, const void *row)
{
    const struct table_spec *spec = &specs[table];
    MDB_cursor *cursor;
    MDB_val k = key_val(key, spec->key_len), value = {spec->row_len + CHECKSUM_BYTES, NULL};

    if (!v->writes) return TIDE_EDENIED;
    enum tide_err err = cursor_of(v, table, &cursor);
    if (err != TIDE_OK) return err;
    err = state_cover_change(v);
    if (err != TIDE_OK) return err;
    uint64_t sum = checksum_of(table, BYTES(key, spec->key_len), BYTES(row, spec->row_len));
    int rc = put_reserve(v, table, cursor, &k, &value);
    if (rc != MDB_SUCCESS) {
        v->unusable = db_err(rc);
        return v->unusable;
    }
    if (spec->row_len > 0) memcpy(value.mv_data, row, spec->row_len);
    memcpy((uint8_t *)value.mv_data + spec->row_len, &sum, sizeof sum);
    return TIDE_OK;
}

enum tide_err state_del(struct state_view *v, enum table table, const void *key)
{
    MDB_cursor *cursor;
    MDB_val k = key_val(key, specs[table].key_len), value;

    if (!v->writes) return TIDE_EDENIED;
    enum tide_err err = cursor_of(v, table, &cursor);
    if (err != TIDE_OK) return err;
    int rc = mdb_cursor_get(cursor, &k, &value, MDB_SET);
    if (rc == MDB_NOTFOUND) return TIDE_ENOTFOUND;
    err = state_cover_change(v);
    if (err != TIDE_OK) return err;
    if (rc == MDB_SUCCESS) rc = mdb_cursor_del(cursor, 0);
    if (rc != MDB_SUCCESS) v->unusable = db_err(rc);
    return db_err(rc);
}

/* ---- walking ---- */

/* What the cursor found is an answer only within the prefix. */
static enum tide_err found(enum table table, void *key, size_t prefix_len, MDB_val k, MDB_val value, void *row)
{
    if (k.mv_size != specs[table].key_len) return TIDE_EDAMAGED;
    if (memcmp(k.mv_data, key, prefix_len) != 0) return TIDE_ENOTFOUND;
    enum tide_err err = row_out(table, k, value, row);
    if (err == TIDE_OK) memcpy(key, k.mv_data, k.mv_size);
    return err;
}

enum tide_err state_next(struct state_view *v, enum table table, void *key, size_t prefix_len, bool after, void *row)
{
    size_t key_len = specs[table].key_len;
    MDB_cursor *cursor;
    MDB_val k = key_val(key, key_len), value;

    ASSERT(prefix_len <= key_len);
    row_clear(table, row);
    enum tide_err err = cursor_of(v, table, &cursor);
    if (err != TIDE_OK) return err;
    int rc = mdb_cursor_get(cursor, &k, &value, MDB_SET_RANGE);
    if (rc == MDB_SUCCESS && after && k.mv_size == key_len && memcmp(k.mv_data, key, key_len) == 0) {
        rc = mdb_cursor_get(cursor, &k, &value, MDB_NEXT);
    }
    return rc == MDB_SUCCESS ? found(table, key, prefix_len, k, value, row) : db_err(rc);
}

enum tide_err state_prev(struct state_view *v, enum table table, void *key, size_t prefix_len, bool before, void *row)
{
    size_t key_len = specs[table].key_len;
    MDB_cursor *cursor;
    MDB_val k = key_val(key, key_len), value;

    ASSERT(prefix_len <= key_len);
    row_clear(table, row);
    enum tide_err err = cursor_of(v, table, &cursor);
    if (err != TIDE_OK) return err;
    int rc = mdb_cursor_get(cursor, &k, &value, MDB_SET_RANGE);
    if (rc == MDB_NOTFOUND) {
        rc = mdb_cursor_get(cursor, &k, &value, MDB_LAST);
    } else if (rc == MDB_SUCCESS && (before || k.mv_size != key_len || memcmp(k.mv_data, key, key_len) != 0)) {
        rc = mdb_cursor_get(cursor, &k, &value, MDB_PREV);
    }
    return rc == MDB_SUCCESS ? found(table, key, prefix_len, k, value, row) : db_err(rc);
}

enum tide_err state_count(struct state_view *v, enum table table, uint64_t *out)
{
    MDB_stat stat;
    *out = 0;
    if (v->unusable != TIDE_OK || v->txn == NULL) return TIDE_EIO;
    int rc = mdb_stat(v->txn, v->state->tables[table], &stat);
    if (rc == MDB_SUCCESS) *out = stat.ms_entries;
    return db_err(rc);
}

/* ---- how far the journal is folded in ---- */

enum tide_err state_applied(struct state_view *v, uint64_t *out)
{
    MDB_val k = key_val(applied_key, sizeof applied_key), value;
    uint64_t stored[2];

    *out = 0;
    if (v->unusable != TIDE_OK || v->txn == NULL) return TIDE_EIO;
    int rc = mdb_get(v->txn, v->state->meta, &k, &value);
    if (rc == MDB_NOTFOUND) return TIDE_OK; /* nothing yet */
    if (rc != MDB_SUCCESS) return db_err(rc);
    if (value.mv_size != sizeof stored) return TIDE_EDAMAGED;
    memcpy(stored, value.mv_data, sizeof stored);
    if (stored[1] != checksum_of(META_SALT, BYTES(applied_key, sizeof applied_key), BYTES(stored, 8))) {
        return TIDE_EDAMAGED;
    }
    *out = stored[0];
    return TIDE_OK;
}

enum tide_err state_set_applied(struct state_view *v, uint64_t applied)
{
    uint64_t stored[2] = {applied, 0};
    MDB_val k = key_val(applied_key, sizeof applied_key), value = {sizeof stored, stored};

    if (!v->writes) return TIDE_EDENIED;
    if (v->unusable != TIDE_OK || v->txn == NULL) return TIDE_EIO;
    enum tide_err err = state_cover_change(v);
    if (err != TIDE_OK) return err;
    stored[1] = checksum_of(META_SALT, BYTES(applied_key, sizeof applied_key), BYTES(stored, 8));
    int rc = mdb_put(v->txn, v->state->meta, &k, &value, 0);
    if (rc != MDB_SUCCESS) v->unusable = db_err(rc);
    return db_err(rc);
}
