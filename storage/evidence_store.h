/*
 * Sealed evidence of disputes: `dir`/evidence/<trade>, whole, under the hash that its dispute names; while it is coming,
 * `dir`/evidence/<trade>.part, at most one a trade; `dir`/evidence/<trade>.late once it is too late for any. One writer (the
 * data thread); any number of readers, in any process.
 *
 * Always holds: what is read has the hash asked for; a whole one stays until another of the same trade is whole.
 */
#ifndef TIDEMARK_STORAGE_EVIDENCE_STORE_H
#define TIDEMARK_STORAGE_EVIDENCE_STORE_H

#include "crypto/hash.h"
#include "storage/arena.h"
#include "storage/limits.h"

/* What is said of evidence with each piece of it. */
struct evidence_piece {
    uint64_t trade;
    uint8_t hash[HASH_BYTES]; /* of the whole */
    uint64_t len, offset;     /* of the whole; where the piece begins */
    struct bytes bytes;
};

/*
 * Puts a piece; *have is how much of the whole is there now. Another hash or length than before, or offset 0, begins anew.
 * TIDE_EINVAL: it does not begin where the last one ended (*have says where), or goes past the end; TIDE_EAUTH: the last
 * piece is in, and the whole has another hash: it begins anew; TIDE_EFULL. When *have is `len`, the whole is durable; pieces
 * of evidence that is there already change nothing.
 */
MUST_USE enum tide_err evidence_put(const char *dir, const struct evidence_piece *piece, uint64_t *have);

/* The whole, in `arena`. TIDE_ENOTFOUND: nothing of that hash is there; TIDE_EIO. */
MUST_USE enum tide_err evidence_get(const char *dir, uint64_t trade, const uint8_t hash[HASH_BYTES], struct arena *arena,
                                    struct bytes *out);

/*
 * Holds the store against whoever else wants to hold it, until it is let go: who takes evidence and who judges it look at the
 * state while they hold it, so that what was judged is neither replaced nor comes afterwards.
 */
MUST_USE enum tide_err evidence_hold(const char *dir, int *hold);
void evidence_let_go(int *hold);

/* From now on it is too late for evidence of this trade, also after a restart; and whether it is. Held. */
MUST_USE enum tide_err evidence_set_late(const char *dir, uint64_t trade);
bool evidence_is_late(const char *dir, uint64_t trade);

/* Removes what came of a trade, whole or not; none is fine. */
MUST_USE enum tide_err evidence_remove(const char *dir, uint64_t trade);

#endif
