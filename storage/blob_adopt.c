/*
 * After a crash: what had reached the file system is not asked for again (blobs_internal.h).
 *
 * Always holds: a chunk is counted only if its hash is the manifest's; holes are passed over without being read, so that
 * a large content of which little is there costs little. What was counted is dirty: it is not reported as synced before
 * it is, even if the system failed to write it the first time and would not try again by itself.
 * Not here: how the payload is laid out (blobs.c).
 */
#include "storage/blobs_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Where data begins at or after `offset`; false: nowhere. A file system that knows no holes has data everywhere. */
static bool next_data(int fd, uint64_t offset, uint64_t *data)
{
    off_t at = lseek(fd, (off_t)offset, SEEK_DATA);
    *data = at >= 0 ? (uint64_t)at : offset;
    return at >= 0 || errno != ENXIO;
}

/* Whether no part of it is a hole. Its first and last block may be there because of its neighbours. */
static bool is_data(const struct blob *b, uint64_t chunk)
{
    uint64_t begin = blob_chunk_offset(chunk), len = age_sealed_chunk_len(b->commitment.plaintext_len, chunk);
    off_t hole = lseek(b->payload_fd, (off_t)begin, SEEK_HOLE);
    return hole < 0 ? errno != ENXIO : (uint64_t)hole >= begin + len;
}

/* The first chunk from `chunk` on that may have come whole, not counted yet; false: there is none. */
static bool next_candidate(const struct blob *b, uint64_t *chunk)
{
    uint64_t data, at = *chunk;

    while ((at = blob_bits_next_missing(&b->have, at)) < b->commitment.n_chunks) {
        uint64_t begin = blob_chunk_offset(at);
        if (!next_data(b->payload_fd, begin, &data)) return false;
        if (data <= begin && is_data(b, at)) {
            *chunk = at;
            return true;
        }
        /* The chunk in whose middle data begins was never written whole. */
        if (data <= begin) at++;
        else at = (data - AGE_NONCE_BYTES + AGE_SEALED_CHUNK_BYTES - 1) / AGE_SEALED_CHUNK_BYTES;
    }
    return false;
}

static enum tide_err adopt_chunk(struct blob *b, uint64_t chunk, uint8_t *buffer)
{
    size_t len;

    enum tide_err err = blob_get_chunk(b, chunk, buffer, &len);
    if (err == TIDE_ENOTFOUND) return TIDE_OK; /* torn, or of another time */
    if (err == TIDE_OK) err = files_write_at(b->payload_fd, buffer, len, blob_chunk_offset(chunk));
    if (err != TIDE_OK) return err;
    blob_bits_set(&b->have, chunk);
    b->dirty = true;
    return TIDE_OK;
}

enum tide_err blob_adopt(struct blob *b)
{
    enum tide_err err = TIDE_OK;

    uint8_t *buffer = malloc(AGE_SEALED_CHUNK_BYTES);
    if (buffer == NULL) return TIDE_ENOMEM;
    for (uint64_t chunk = 0; err == TIDE_OK && next_candidate(b, &chunk); chunk++) {
        err = adopt_chunk(b, chunk, buffer);
    }
    free(buffer);
    return err;
}
