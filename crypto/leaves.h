/*
 * Leaf hashes of many leaves of one length; private to crypto/.
 */
#ifndef TIDEMARK_CRYPTO_LEAVES_H
#define TIDEMARK_CRYPTO_LEAVES_H

#include "crypto/hash.h"

#define LEAVES_WIDTH 16 /* hashed at once where the processor can */

/* RFC 6962 leaf hashes of `n` leaves of `len` bytes each, which begin `stride` bytes apart. */
void leaves_hash(const uint8_t *first, size_t stride, size_t len, size_t n, uint8_t (*out)[HASH_BYTES]);

#endif
