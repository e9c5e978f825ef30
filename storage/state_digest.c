/*
 * A digest of the whole state, for telling two folds of one journal apart: a name, keys and rows of every table, each
 * table's in the order of its keys.
 *
 * Always holds: it depends on what the tables hold and on nothing else (rows are zeroed before they are filled).
 */
#include "crypto/hash.h"
#include "storage/state.h"

#define KEY_MAX 64

/* Room for the longest row. */
union any_row {
#define TABLE_AS_MEMBER(NAME, name, key_len, row, doc) struct row name;
    TABLES(TABLE_AS_MEMBER)
#undef TABLE_AS_MEMBER
    uint8_t bytes[1];
};

static enum tide_err digest_table(struct state_view *v, enum table table, struct sha256_stream *stream)
{
    uint8_t key[KEY_MAX] = {0};
    union any_row row;
    enum tide_err err;
    _Static_assert(sizeof(union any_row) < 8192, "fits on the stack");
    ASSERT(state_key_len(table) <= sizeof key);
    sha256_update(stream, BYTES_TEXT(state_table_name(table)));
    for (bool after = false; !(err = state_next(v, table, key, 0, after, &row)); after = true) {
        sha256_update(stream, BYTES(key, state_key_len(table)));
        sha256_update(stream, BYTES(row.bytes, state_row_len(table)));
    }
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

enum tide_err state_digest(struct state_view *v, uint8_t out[32])
{
    struct sha256_stream stream;
    sha256_init(&stream);
    for (int table = 0; table < TABLE_N; table++) {
        enum tide_err err = digest_table(v, (enum table)table, &stream);
        if (err) return err;
    }
    sha256_final(&stream, out);
    return TIDE_OK;
}
