/*
 * The state tables: a fold of the journal, kept in LMDB without waiting for the disk. Values carry an XXH3 checksum
 * that is checked whenever they are read. One writer, whose view stays open across batches until it is committed; any
 * number of readers, each with a snapshot of the newest commit.
 *
 * Trust: the mark (boot id, device and inode of the files, `clean` after an orderly stop) says whether what lies on
 * disk may be believed. If it may not, state_open_writer starts from nothing and the caller applies the journal again.
 */
#ifndef TIDEMARK_STORAGE_STATE_H
#define TIDEMARK_STORAGE_STATE_H

#include "storage/rows.h"

struct state;      /* one environment, one a process */
struct state_view; /* the writer's, or a reader's snapshot */

/*
 * Opens `dir`/state for writing. *rebuilt is true when it starts from nothing (new, or the mark did not vouch for it);
 * state_applied tells from where the journal is to be applied.
 */
MUST_USE enum tide_err state_open_writer(const char *dir, struct state **out, bool *rebuilt);

/* Opens it for reading only (TIDE_ENOTFOUND: no writer has made it yet, or the mark does not vouch for it). */
MUST_USE enum tide_err state_open_reader(const char *dir, struct state **out);

/* A state that lives in a fresh temporary folder under `dir` and goes when it is closed: for deciding again. */
MUST_USE enum tide_err state_open_temporary(const char *dir, struct state **out);

/* Closes; `clean` (writer only): syncs first and marks the files as trustworthy across boots. */
void state_close(struct state **s, bool clean);

/* The writer's view: begun when first asked for after a commit. One thread. */
MUST_USE enum tide_err state_write(struct state *s, struct state_view **out);

/*
 * Commits what the writer's view holds. TIDE_EFULL: the view is dropped, nothing of it is there. TIDE_EIO: likewise,
 * and nothing can be written until it is opened again (from nothing: the mark is gone).
 */
MUST_USE enum tide_err state_commit(struct state *s);

/* Drops what was not committed; the caller applies the journal's tail again. */
void state_abort(struct state *s);

/*
 * A reader's snapshot; views may be renewed cheaply: begin once, then renew. One thread at a time per view. Let go of
 * it between questions: what a snapshot sees cannot be used again, and the file grows. TIDE_ENOTFOUND (another
 * process's reader): a writer has started from nothing; close and open again.
 */
MUST_USE enum tide_err state_read_begin(struct state *s, struct state_view **out);
MUST_USE enum tide_err state_read_renew(struct state_view *v);
void state_read_reset(struct state_view *v); /* lets go of the snapshot, keeps the view for renewing */
void state_read_end(struct state_view **v);

/* The journal index up to which this view has folded (records below it). */
MUST_USE enum tide_err state_applied(struct state_view *v, uint64_t *out);
MUST_USE enum tide_err state_set_applied(struct state_view *v, uint64_t applied);

/*
 * Rows, copied out and in. get: TIDE_ENOTFOUND (the row is cleared), TIDE_EDAMAGED; `row` may be NULL. del:
 * TIDE_ENOTFOUND. put, del: TIDE_EFULL: the view can only be aborted (all puts of a batch are done before its records
 * go to the journal, so that a full disk is known in time).
 */
MUST_USE enum tide_err state_get(struct state_view *v, enum table table, const void *key, void *row);
MUST_USE enum tide_err state_put(struct state_view *v, enum table table, const void *key, const void *row);
MUST_USE enum tide_err state_del(struct state_view *v, enum table table, const void *key);

/*
 * Walks in key order: the first row whose key is >= `key` (or, `after`, > `key`) and equals it in the first
 * `prefix_len` bytes. `key` is replaced by the key found, `row` (may be NULL) filled. TIDE_ENOTFOUND at the end.
 * state_prev: the last row whose key is <= (or <) `key`. Rows may be put and deleted between steps.
 */
MUST_USE enum tide_err state_next(struct state_view *v, enum table table, void *key, size_t prefix_len, bool after,
                                  void *row);
MUST_USE enum tide_err state_prev(struct state_view *v, enum table table, void *key, size_t prefix_len, bool before,
                                  void *row);

/* Number of rows of a table (for `info` and metrics). */
MUST_USE enum tide_err state_count(struct state_view *v, enum table table, uint64_t *out);

/* The name of a table, the bytes of its keys and of its rows. */
const char *state_table_name(enum table table);
size_t state_key_len(enum table table);
size_t state_row_len(enum table table);

/* SHA-256 over every table's keys and rows in their order: equal folds have equal digests. Walks everything. */
MUST_USE enum tide_err state_digest(struct state_view *v, uint8_t out[32]);

uint64_t state_file_bytes(struct state *s);

/* ---- keys ---- */
static inline void key_u64(uint8_t key[8], uint64_t a)
{
    be64_put(key, a);
}
static inline void key_u64_u64(uint8_t key[16], uint64_t a, uint64_t b)
{
    be64_put(key, a);
    be64_put(key + 8, b);
}
static inline void key_u64_u8_u64(uint8_t key[17], uint64_t a, uint8_t b, uint64_t c)
{
    be64_put(key, a);
    key[8] = b;
    be64_put(key + 9, c);
}
static inline void key_u8_u64_u64(uint8_t key[17], uint8_t a, uint64_t b, uint64_t c)
{
    key[0] = a;
    be64_put(key + 1, b);
    be64_put(key + 9, c);
}
static inline void key_u8_u64(uint8_t key[9], uint8_t a, uint64_t b)
{
    key[0] = a;
    be64_put(key + 1, b);
}

/* Execution order: the first key under listing and side is the best order. Prices of bids are inverted. */
#define BOOK_KEY_BYTES 25
static inline void key_book(uint8_t key[BOOK_KEY_BYTES], uint64_t listing, uint64_t side, uint64_t price,
                            uint64_t priority)
{
    be64_put(key, listing);
    key[8] = (uint8_t)side;
    be64_put(key + 9, side == SIDE_BID ? ~price : price);
    be64_put(key + 17, priority);
}
static inline uint64_t book_key_price(const uint8_t key[BOOK_KEY_BYTES])
{
    uint64_t price = be64_get(key + 9);
    return key[8] == SIDE_BID ? ~price : price;
}
static inline uint64_t book_key_priority(const uint8_t key[BOOK_KEY_BYTES])
{
    return be64_get(key + 17);
}
static inline void key_u64_u64_u64(uint8_t key[24], uint64_t a, uint64_t b, uint64_t c)
{
    be64_put(key, a);
    be64_put(key + 8, b);
    be64_put(key + 16, c);
}

#endif
