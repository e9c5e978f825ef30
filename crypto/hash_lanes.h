/*
 * SHA-256 of sixteen messages at once; private to crypto/.
 */
#ifndef TIDEMARK_CRYPTO_HASH_LANES_H
#define TIDEMARK_CRYPTO_HASH_LANES_H

#include "crypto/hash.h"

#define HASH_LANES 16u
#define HASH_BLOCK_BYTES 64u

/* True where it pays: x86 with AVX-512. hash_lanes is right everywhere. */
bool hash_lanes_are_fast(void);

/*
 * SHA-256 of head ‖ in[i] for i below n <= HASH_LANES. All pieces are of one length, at least a block, and `head` is
 * shorter than a block. It takes as long for one as for all.
 */
void hash_lanes(struct bytes head, const struct bytes *in, size_t n, uint8_t (*out)[HASH_BYTES]);

#endif
