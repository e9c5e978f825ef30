/*
 * The client's outbox over LMDB: tables `entries` (market ‖ party ‖ command id) and `facts` (market ‖ name).
 *
 * Always holds: what outbox_put returned for is on disk; a value that fails its checksum is never handed out; no
 * transaction is open while somebody else's code runs, so that several processes can work at once.
 * Not here: what a statement says; when to send it again. Values are a format that lasts: a version comes first, and
 * numbers are big-endian.
 */
#include "storage/outbox.h"

#include "storage/checksum.h"
#include "storage/db.h"
#include "storage/files.h"
#include "storage/limits.h"

#include <stdlib.h>

#define MAP_BYTES (UINT64_C(16) << 30)
#define ENVELOPE_MAX (LIMIT_STATEMENT_BYTES + 256)
#define FACT_MAX (UINT64_C(16) << 20) /* a receipt, a checkpoint, what a command notes for itself */
#define SALT_ENTRY 0
#define SALT_FACT 1
#define VERSION 1
#define PREFIX_BYTES 64 /* market and party */
#define ENTRY_KEY_BYTES (PREFIX_BYTES + 16)
#define ENTRY_HEAD_BYTES (1 + 6 * 8)
#define FACT_KEY_MAX 511

struct outbox {
    struct db db;
    MDB_dbi entries, facts;
};

static enum tide_err open_tables(struct outbox *o)
{
    MDB_txn *txn;
    enum tide_err err = db_begin(&o->db, true, &txn);
    if (err != TIDE_OK) return err;
    err = db_table(&o->db, txn, "entries", false, &o->entries);
    if (err == TIDE_OK) err = db_table(&o->db, txn, "facts", false, &o->facts);
    if (err == TIDE_OK) return db_commit(&o->db, txn);
    mdb_txn_abort(txn);
    return err;
}

enum tide_err outbox_open(const char *dir, struct outbox **out)
{
    *out = NULL;
    struct outbox *o = calloc(1, sizeof *o);
    if (o == NULL) return TIDE_ENOMEM;
    enum tide_err err = files_make_dir(dir, true);
    if (err == TIDE_OK) err = db_open(dir, DB_CREATE, MAP_BYTES, 2, &o->db);
    if (err == TIDE_OK) err = open_tables(o);
    if (err != TIDE_OK) {
        outbox_close(&o);
        return err;
    }
    *out = o;
    return TIDE_OK;
}

void outbox_close(struct outbox **o)
{
    if (*o == NULL) return;
    db_close(&(*o)->db);
    free(*o);
    *o = NULL;
}

/* ---- values: bytes ‖ checksum ---- */

/* One durable write. */
static enum tide_err put_value(struct outbox *o, MDB_dbi table, uint64_t salt, struct bytes key, struct bytes head,
                               struct bytes body)
{
    MDB_txn *txn;
    MDB_val k = {key.len, (void *)(uintptr_t)key.data}, value = {head.len + body.len + CHECKSUM_BYTES, NULL};
    enum tide_err err = db_begin(&o->db, true, &txn);
    if (err != TIDE_OK) return err;
    err = db_err(mdb_put(txn, table, &k, &value, MDB_RESERVE));
    if (err != TIDE_OK) {
        mdb_txn_abort(txn);
        return err;
    }
    uint8_t *to = value.mv_data;
    size_t len = head.len + body.len;
    if (head.len > 0) memcpy(to, head.data, head.len);
    if (body.len > 0) memcpy(to + head.len, body.data, body.len);
    be64_put(to + len, checksum_of(salt, key, BYTES(to, len)));
    return db_commit(&o->db, txn);
}

static enum tide_err del_value(struct outbox *o, MDB_dbi table, struct bytes key)
{
    MDB_txn *txn;
    MDB_val k = {key.len, (void *)(uintptr_t)key.data};
    enum tide_err err = db_begin(&o->db, true, &txn);
    if (err != TIDE_OK) return err;
    err = db_err(mdb_del(txn, table, &k, NULL));
    if (err == TIDE_OK) return db_commit(&o->db, txn);
    mdb_txn_abort(txn);
    return err;
}

/* Copies a value out and checks the copy. */
static enum tide_err copy_value(uint64_t salt, struct bytes key, MDB_val value, struct arena *arena, struct bytes *out)
{
    if (value.mv_size < CHECKSUM_BYTES) return TIDE_EDAMAGED;
    struct bytes copy = arena_copy(arena, BYTES(value.mv_data, value.mv_size));
    if (copy.data == NULL) return TIDE_ENOMEM;
    copy.len -= CHECKSUM_BYTES;
    if (be64_get(copy.data + copy.len) != checksum_of(salt, key, copy)) return TIDE_EDAMAGED;
    *out = copy;
    return TIDE_OK;
}

static enum tide_err get_value(struct outbox *o, MDB_dbi table, uint64_t salt, struct bytes key, struct arena *arena,
                               struct bytes *out)
{
    MDB_txn *txn;
    MDB_val k = {key.len, (void *)(uintptr_t)key.data}, value;
    enum tide_err err = db_begin(&o->db, false, &txn);
    if (err != TIDE_OK) return err;
    err = db_err(mdb_get(txn, table, &k, &value));
    if (err == TIDE_OK) err = copy_value(salt, key, value, arena, out);
    mdb_txn_abort(txn);
    return err;
}

/* ---- entries ---- */

static void entry_key(const uint8_t market[32], const uint8_t party[32], const uint8_t command_id[16],
                      uint8_t key[ENTRY_KEY_BYTES])
{
    memcpy(key, market, 32);
    memcpy(key + 32, party, 32);
    memcpy(key + PREFIX_BYTES, command_id, 16);
}

static enum tide_err entry_decode(const uint8_t key[ENTRY_KEY_BYTES], struct bytes value, struct outbox_entry *out)
{
    uint64_t numbers[6];
    if (value.len < ENTRY_HEAD_BYTES || value.data[0] != VERSION) return TIDE_EDAMAGED;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) numbers[i] = be64_get(value.data + 1 + i * 8);
    memset(out, 0, sizeof *out);
    memcpy(out->market, key, 32);
    memcpy(out->party, key + 32, 32);
    memcpy(out->command_id, key + PREFIX_BYTES, 16);
    out->kind = numbers[0];
    out->signed_at_ms = numbers[1];
    out->state = numbers[2];
    out->first_index = numbers[3];
    out->next_index = numbers[4];
    out->code = numbers[5];
    out->envelope = BYTES(value.data + ENTRY_HEAD_BYTES, value.len - ENTRY_HEAD_BYTES);
    return TIDE_OK;
}

enum tide_err outbox_put(struct outbox *o, const struct outbox_entry *e)
{
    const uint64_t numbers[6] = {e->kind, e->signed_at_ms, e->state, e->first_index, e->next_index, e->code};
    uint8_t key[ENTRY_KEY_BYTES], head[ENTRY_HEAD_BYTES] = {VERSION};

    if (e->state > OUTBOX_PROVEN || e->envelope.len == 0) return TIDE_EINVAL;
    if (e->envelope.len > ENVELOPE_MAX) return TIDE_ELIMIT;
    entry_key(e->market, e->party, e->command_id, key);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) be64_put(head + 1 + i * 8, numbers[i]);
    return put_value(o, o->entries, SALT_ENTRY, BYTES(key, sizeof key), BYTES(head, sizeof head), e->envelope);
}

enum tide_err outbox_get(struct outbox *o, const uint8_t market[32], const uint8_t party[32],
                         const uint8_t command_id[16], struct arena *arena, struct outbox_entry *out)
{
    uint8_t key[ENTRY_KEY_BYTES];
    struct bytes value;

    entry_key(market, party, command_id, key); /* before: they may be members of *out */
    memset(out, 0, sizeof *out);
    enum tide_err err = get_value(o, o->entries, SALT_ENTRY, BYTES(key, sizeof key), arena, &value);
    return err == TIDE_OK ? entry_decode(key, value, out) : err;
}

enum tide_err outbox_del(struct outbox *o, const uint8_t market[32], const uint8_t party[32],
                         const uint8_t command_id[16])
{
    uint8_t key[ENTRY_KEY_BYTES];
    entry_key(market, party, command_id, key);
    return del_value(o, o->entries, BYTES(key, sizeof key));
}

/* The first entry of the prefix whose key is > `key` (or >=, for the first step); `key` becomes its key. */
static enum tide_err next_entry(struct outbox *o, uint8_t key[ENTRY_KEY_BYTES], bool after, struct arena *arena,
                                struct outbox_entry *out)
{
    MDB_txn *txn;
    MDB_cursor *cursor = NULL;
    MDB_val k = {ENTRY_KEY_BYTES, key}, value;
    struct bytes copy;

    enum tide_err err = db_begin(&o->db, false, &txn);
    if (err != TIDE_OK) return err;
    int rc = mdb_cursor_open(txn, o->entries, &cursor);
    if (rc == MDB_SUCCESS) rc = mdb_cursor_get(cursor, &k, &value, MDB_SET_RANGE);
    if (rc == MDB_SUCCESS && after && k.mv_size == ENTRY_KEY_BYTES && memcmp(k.mv_data, key, ENTRY_KEY_BYTES) == 0) {
        rc = mdb_cursor_get(cursor, &k, &value, MDB_NEXT);
    }
    err = db_err(rc);
    if (err == TIDE_OK && k.mv_size != ENTRY_KEY_BYTES) err = TIDE_EDAMAGED;
    if (err == TIDE_OK && memcmp(k.mv_data, key, PREFIX_BYTES) != 0) err = TIDE_ENOTFOUND;
    if (err == TIDE_OK) {
        memcpy(key, k.mv_data, ENTRY_KEY_BYTES);
        err = copy_value(SALT_ENTRY, BYTES(key, ENTRY_KEY_BYTES), value, arena, &copy);
    }
    if (cursor != NULL) mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return err == TIDE_OK ? entry_decode(key, copy, out) : err;
}

enum tide_err outbox_each(struct outbox *o, const uint8_t market[32], const uint8_t party[32],
                          bool (*each)(void *ctx, const struct outbox_entry *entry), void *ctx)
{
    static const uint8_t first_id[16];
    uint8_t key[ENTRY_KEY_BYTES];
    struct outbox_entry entry;
    struct arena arena;
    bool after = false, go_on = true;
    enum tide_err err = TIDE_OK;

    entry_key(market, party, first_id, key); /* ids begin with their time: key order is age */
    arena_init(&arena, 4 * ENVELOPE_MAX);
    while (err == TIDE_OK && go_on) {
        arena_reset(&arena);
        err = next_entry(o, key, after, &arena, &entry);
        after = true;
        if (err == TIDE_OK) go_on = each(ctx, &entry);
    }
    arena_deinit(&arena);
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

/* ---- facts ---- */

static enum tide_err fact_key(const uint8_t market[32], const char *name, uint8_t key[FACT_KEY_MAX], struct bytes *out)
{
    size_t len = strlen(name);
    if (len == 0) return TIDE_EINVAL;
    if (len > FACT_KEY_MAX - 32) return TIDE_ELIMIT;
    memcpy(key, market, 32);
    memcpy(key + 32, name, len);
    *out = BYTES(key, 32 + len);
    return TIDE_OK;
}

enum tide_err outbox_set_fact(struct outbox *o, const uint8_t market[32], const char *name, struct bytes value)
{
    uint8_t buffer[FACT_KEY_MAX], head = VERSION;
    struct bytes key;
    enum tide_err err = fact_key(market, name, buffer, &key);
    if (err != TIDE_OK) return err;
    if (value.len > FACT_MAX) return TIDE_ELIMIT;
    return put_value(o, o->facts, SALT_FACT, key, BYTES(&head, 1), value);
}

enum tide_err outbox_fact(struct outbox *o, const uint8_t market[32], const char *name, struct arena *arena,
                          struct bytes *out)
{
    uint8_t buffer[FACT_KEY_MAX];
    struct bytes key, value;

    *out = BYTES(NULL, 0);
    enum tide_err err = fact_key(market, name, buffer, &key);
    if (err == TIDE_OK) err = get_value(o, o->facts, SALT_FACT, key, arena, &value);
    if (err != TIDE_OK) return err;
    if (value.len < 1 || value.data[0] != VERSION) return TIDE_EDAMAGED;
    *out = BYTES(value.data + 1, value.len - 1);
    return TIDE_OK;
}
