/*
 * Ciphertext by content: `dir`/blobs/<hex content root>-<hex key commitment>-<plaintext length>/{payload,manifest,have}.
 * A chunk is kept only if its leaf hash is the manifest's, a manifest only if its root is the name; so what is there
 * is right, and a transfer goes on where it stopped. One writer thread; any number of readers.
 *
 * The key commitment is in the name because root, nonce and length are public, and it belongs to one listing: nobody
 * comes to another's chunks by naming them. The length is, because a content root alone does not fix it: inner nodes of
 * a tree, given as leaf hashes, make a shorter manifest of the same root, and who listed it first would keep the true
 * one out.
 */
#ifndef TIDEMARK_STORAGE_BLOBS_H
#define TIDEMARK_STORAGE_BLOBS_H

#include "crypto/age.h"
#include "storage/arena.h"

/* More chunks than this (4 TiB of plaintext) are not taken: the bitmap of what is there lies in memory. */
#define BLOB_CHUNKS_MAX (UINT64_C(1) << 26)

struct blobs;
struct blob; /* one content, open */

MUST_USE enum tide_err blobs_open(const char *dir, struct blobs **out);
void blobs_close(struct blobs **b);

/*
 * Opens a content for writing (made if new) or reading; TIDE_ENOTFOUND when only reading. Who writes has what a crash
 * left unsynced: it is verified by its hashes and counted. Lengths as committed:
 * TIDE_EINVAL if they contradict each other, TIDE_ELIMIT over BLOB_CHUNKS_MAX. A reader's blob_have and blob_missing
 * are what was synced when it was opened; blob_get_chunk also finds what came later.
 */
MUST_USE enum tide_err blob_open(struct blobs *b, const struct age_commitment *commitment, bool write,
                                 struct blob **out);
void blob_close(struct blob **b);

/* Leaf hashes for chunks from `first` on; must continue what is there. The last piece must give the content root,
 * else TIDE_EAUTH and the manifest starts from nothing. */
MUST_USE enum tide_err blob_put_manifest(struct blob *b, uint64_t first, struct bytes hashes);
uint64_t blob_manifest_have(const struct blob *b);
/* As many hashes from `first` on as fit `room`; TIDE_ENOTFOUND unless the manifest is whole. */
MUST_USE enum tide_err blob_get_manifest(struct blob *b, uint64_t first, uint8_t *out, size_t room, size_t *len);

/* One sealed chunk. TIDE_EAUTH: not the manifest's; TIDE_EINVAL: wrong length or index; TIDE_ENOTFOUND: manifest
 * not whole; TIDE_EFULL. Again: harmless. */
MUST_USE enum tide_err blob_put_chunk(struct blob *b, uint64_t chunk, struct bytes sealed);
/* Reads and verifies one chunk. `out` has room for AGE_SEALED_CHUNK_BYTES. TIDE_ENOTFOUND: it is not there;
 * TIDE_EDAMAGED: it was, but is no longer what the manifest says. */
MUST_USE enum tide_err blob_get_chunk(struct blob *b, uint64_t chunk, uint8_t *out, size_t *len);

/* The first missing ranges (at most `room`); *n of them. */
struct blob_range { uint64_t first, count; };
MUST_USE enum tide_err blob_missing(struct blob *b, struct blob_range *out, size_t room, size_t *n);
uint64_t blob_have(const struct blob *b);     /* chunks there */
bool blob_is_complete(const struct blob *b);
uint64_t blob_unsynced(const struct blob *b); /* bytes of chunks put since the last sync */

/*
 * How many chunks of a content that lies elsewhere were verified there, from the first on; 0 when that is not known. Kept
 * in a file of its own, `checked`, with one writer of its own; durable when it returns. TIDE_ENOTFOUND: the content was
 * never opened for writing.
 */
uint64_t blobs_checked(const struct blobs *b, const struct age_commitment *commitment);
MUST_USE enum tide_err blobs_set_checked(const struct blobs *b, const struct age_commitment *commitment, uint64_t n);

/* The key commitment in the name of a content's folder; false: it is none. */
bool blobs_folder_key(const char *name, uint8_t key_commitment[HASH_BYTES]);

/* Everything put so far is on disk when it returns. An error: chunks since the last sync are missing again. */
MUST_USE enum tide_err blob_sync(struct blob *b);

#endif
