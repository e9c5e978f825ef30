/*
 * Nonces of payload chunks; private to crypto/.
 */
#ifndef TIDEMARK_CRYPTO_AGE_CHUNK_H
#define TIDEMARK_CRYPTO_AGE_CHUNK_H

#include "crypto/age.h"

#define AGE_CHUNK_NONCE_BYTES 12

/* 11 bytes of big-endian counter, then 1 for the last chunk. */
void age_chunk_nonce(uint64_t index, bool last, uint8_t nonce[AGE_CHUNK_NONCE_BYTES]);

#endif
