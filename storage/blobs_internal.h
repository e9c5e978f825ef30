/*
 * An open content, shared by blobs.c and blob_adopt.c. Private to storage/.
 */
#ifndef TIDEMARK_STORAGE_BLOBS_INTERNAL_H
#define TIDEMARK_STORAGE_BLOBS_INTERNAL_H

#include "crypto/merkle.h"
#include "storage/blob_have.h"
#include "storage/files.h"

struct blobs {
    char dir[FILES_PATH_MAX];
};

struct blob {
    struct age_commitment commitment;
    char dir[FILES_PATH_MAX];
    bool writes, whole, dirty;     /* may put; manifest is whole; something was put since the last sync */
    uint64_t unsynced;             /* bytes of chunks put since then */
    int payload_fd, manifest_fd;   /* -1: not there yet (a reader's) */
    struct merkle_tree tree;       /* over the manifest as far as it has come, while it is not whole */
    struct blob_bits have;
};

/* The content's folder. */
MUST_USE enum tide_err blob_folder(const struct blobs *b, const struct age_commitment *commitment,
                                   char out[FILES_PATH_MAX]);

static inline uint64_t blob_chunk_offset(uint64_t chunk)
{
    return AGE_NONCE_BYTES + chunk * AGE_SEALED_CHUNK_BYTES;
}

/*
 * Counts the chunks that are in the payload though the bitmap does not say so: after a crash of the process what it had
 * written is there, but was not synced. They are verified, and written again, so that the next sync is about them.
 */
MUST_USE enum tide_err blob_adopt(struct blob *b);

#endif
