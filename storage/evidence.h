/*
 * What a buyer reveals in a dispute, before it is sealed to the broker and the regulators (docs/formats.md, "Evidence of a
 * dispute"): msgpack array [1, secret(32), chunk, sealed chunk (bin), proof (array of hashes)].
 */
#ifndef TIDEMARK_STORAGE_EVIDENCE_H
#define TIDEMARK_STORAGE_EVIDENCE_H

#include "crypto/hash.h"
#include "storage/codec.h"

#define EVIDENCE_PROOF_MAX 63u

struct evidence {
    uint8_t secret[32];   /* X25519 secret of the order's recipient */
    uint64_t chunk;       /* 0 with no bytes: it is about the grant, not about a chunk */
    struct bytes sealed;  /* the ciphertext chunk; empty: none */
    size_t n_proof;
    uint8_t proof[EVIDENCE_PROOF_MAX][HASH_BYTES]; /* RFC 6962 audit path of the chunk, leaf's sibling first */
};

/* `out` lies in `arena`. TIDE_EINVAL: a chunk, its index or its proof is out of bounds. */
MUST_USE enum tide_err evidence_encode(const struct evidence *e, struct arena *arena, struct bytes *out);
/* out->sealed points into `in`. TIDE_EMALFORMED (also: nothing but these five may be there); TIDE_ENOMEM. */
MUST_USE enum tide_err evidence_decode(struct bytes in, struct arena *arena, struct evidence *out);

#endif
