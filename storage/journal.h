/*
 * The journal: the market's one truth. Record n is leaf n of an RFC 6962 tree; the tree's head is written in the same
 * synchronous transaction as the records, so that no signed head can ever be ahead of the disk.
 */
#ifndef TIDEMARK_STORAGE_JOURNAL_H
#define TIDEMARK_STORAGE_JOURNAL_H

#include "crypto/merkle.h"
#include "storage/arena.h"

struct journal;

enum journal_flags { JOURNAL_READONLY = 1, JOURNAL_CREATE = 2 };

/* Opens `dir`/journal. TIDE_EBUSY: another writer has it. TIDE_ENOTFOUND; TIDE_EDAMAGED. */
MUST_USE enum tide_err journal_open(const char *dir, unsigned flags, struct journal **out);
void journal_close(struct journal **j);

/*
 * Appends `n` records as one durable batch; when it returns TIDE_OK they survive power loss. `records` stay the
 * caller's; their indices follow the head. Errors: TIDE_EFULL (nothing was written), TIDE_EIO (the journal refuses
 * writes until it is reopened). One thread.
 */
MUST_USE enum tide_err journal_append(struct journal *j, const struct bytes *records, size_t n);

/* The durable head (tree with its right edge). Any thread. */
MUST_USE enum tide_err journal_head(struct journal *j, struct merkle_tree *out);

/*
 * Copies records from `first` on into `arena`: at most `max_n` and (but for the first one) `max_bytes`; *n says how
 * many, 0 at the end. Any thread; no transaction outlives the call. TIDE_EDAMAGED: a gap.
 */
MUST_USE enum tide_err journal_read(struct journal *j, uint64_t first, size_t max_n, size_t max_bytes,
                                    struct arena *arena, struct bytes *out, size_t *n);

/* Recomputes the whole tree from the records and compares it with the head. TIDE_EDAMAGED; `progress` may be NULL. */
MUST_USE enum tide_err journal_scrub(struct journal *j, bool (*progress)(void *ctx, uint64_t done, uint64_t total),
                                     void *ctx, uint64_t *first_bad);

uint64_t journal_file_bytes(struct journal *j);

#endif
