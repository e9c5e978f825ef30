/*
 * A regulator's copy of the log as a folder: what a mirror writes and a check reads. Private to client/lib/.
 *
 *     tile/…, checkpoint    a C2SP tlog-tiles v0.1.0 directory, entry bundles included
 *     checkpoint.seen       the newest head that the broker showed; tiles may not have come so far yet
 *     evidence/<trade>      the sealed evidence of a dispute, as its statement names it
 *     evidence/wanted       disputes whose evidence the broker has not given, a line each: trade, SHA-256 in hex
 *     fork/seen, fork/shown two heads that contradict each other
 */
#ifndef TIDEMARK_CLIENT_MIRROR_H
#define TIDEMARK_CLIENT_MIRROR_H

#include "client/lib/market.h"
#include "storage/bundles.h"
#include "storage/records.h"

#define MIRROR_PATH_MAX 4096

/* `dir`/`name`; code 607 when it is too long. */
int mirror_path(char out[MIRROR_PATH_MAX], const char *dir, const char *name, struct tide_error *error);

/*
 * The note in `dir`/`name` and the head it signs, under `key`. *len 0 and code 0: there is none. 702: another log's, or damaged.
 */
int mirror_head_load(const char *dir, const char *name, const struct note_key *key, char note[CHECKPOINT_MAX], size_t *len,
                     struct checkpoint *out, struct tide_error *error);

/* A record as a statement; false: it is none, or not readable. Texts point into `record`. */
bool record_statement(struct bytes record, struct arena *arena, struct statement *out);

/* ---- evidence (mirror_evidence.c) ---- */

struct wanted {
    uint64_t trade;
    uint8_t hash[HASH_BYTES];
    bool is_wrong; /* the broker gave other bytes than the dispute names */
    int64_t not_before_ms; /* asked for again then, by this run */
};

struct evidence_box {
    const char *dir;       /* the mirror's */
    struct wanted *wanted; /* not here yet */
    size_t n_wanted, room;
    uint64_t n_got;        /* files written by this run */
    bool is_dirty;         /* `wanted` is not what the file says */
};

/* Reads what is wanted still. */
int evidence_box_open(struct evidence_box *box, const char *dir, struct tide_error *error);
void evidence_box_close(struct evidence_box *box);
/* What a record says of evidence: a dispute makes it wanted, a verdict that there is none ends that. */
int evidence_box_note(struct evidence_box *box, struct bytes record, struct tide_error *error);
/*
 * Asks for what is wanted, and keeps what has the hash that its dispute names; what the broker does not have stays wanted.
 * Codes other than 0: the disk, or an interruption.
 */
int evidence_box_fetch(struct evidence_box *box, struct tide_market *m, struct tide_error *error);
/* Makes `wanted` durable. */
int evidence_box_save(struct evidence_box *box, struct tide_error *error);

#endif
