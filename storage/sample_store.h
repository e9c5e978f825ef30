/*
 * Sample chunks in clear: `dir`/samples/<listing>/<chunk>-<hex SHA-256>. A chunk is there under the hash that its vendor
 * signed, so that what was put for an earlier statement is never taken for a later one's. One writer (the data thread);
 * any number of readers.
 */
#ifndef TIDEMARK_STORAGE_SAMPLE_STORE_H
#define TIDEMARK_STORAGE_SAMPLE_STORE_H

#include "crypto/age.h"

/* One chunk, as it was signed. */
struct sample_name {
    uint64_t listing, chunk;
    const uint8_t *hash; /* HASH_BYTES */
};

/*
 * Puts a chunk, synced but for its name (sample_sync); the same chunk under another hash goes. TIDE_EAUTH: the bytes have
 * another hash; TIDE_ELIMIT: more than a chunk; TIDE_EFULL. Again: harmless.
 */
MUST_USE enum tide_err sample_put(const char *dir, const struct sample_name *name, struct bytes plain);

/* Reads and verifies one; `out` has room for AGE_CHUNK_BYTES. TIDE_ENOTFOUND: it is not there; TIDE_EDAMAGED. */
MUST_USE enum tide_err sample_get(const char *dir, const struct sample_name *name, uint8_t *out, size_t *len);

/* Whether it is there, by its name alone: what got the name had the hash. */
bool sample_is_there(const char *dir, const struct sample_name *name);

/* Makes durable that a listing's chunks are there. */
MUST_USE enum tide_err sample_sync(const char *dir, uint64_t listing);

#endif
