/*
 * Which chunks of a content are there: a bitmap in memory, and its file, which never says more than is on disk.
 * Private to storage/.
 */
#ifndef TIDEMARK_STORAGE_BLOB_HAVE_H
#define TIDEMARK_STORAGE_BLOB_HAVE_H

#include "storage/blobs.h"

struct blob_bits {
    uint64_t *words;
    uint64_t n_bits, n_set;
};

MUST_USE enum tide_err blob_bits_init(struct blob_bits *bits, uint64_t n_bits);
void blob_bits_deinit(struct blob_bits *bits);
void blob_bits_clear(struct blob_bits *bits);
bool blob_bits_get(const struct blob_bits *bits, uint64_t bit);
void blob_bits_set(struct blob_bits *bits, uint64_t bit);

/* The first bit from `from` on that is unset; n_bits: none. */
uint64_t blob_bits_next_missing(const struct blob_bits *bits, uint64_t from);
/* The first ranges of unset bits. */
size_t blob_bits_missing(const struct blob_bits *bits, struct blob_range *out, size_t room);

/* TIDE_ENOTFOUND: no file; TIDE_EDAMAGED: its checksum or length is wrong. Both leave the bits cleared. */
MUST_USE enum tide_err blob_bits_load(struct blob_bits *bits, const char *path);
/* Replaces the file; the caller syncs the folder. What the bits say must be on disk already. */
MUST_USE enum tide_err blob_bits_store(const struct blob_bits *bits, const char *path);

#endif
