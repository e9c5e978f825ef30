/*
 * The checksum that every stored value carries (XXH3, 64 bits): LMDB has none of its own. It covers what the value is
 * (`salt`: a table's number) and where it lies (the key), so that a value in the wrong place is found as well as a
 * flipped bit. It guards against broken disks and stray writes, not against an attacker. Private to storage/.
 */
#ifndef TIDEMARK_STORAGE_CHECKSUM_H
#define TIDEMARK_STORAGE_CHECKSUM_H

#include "crypto/base.h"

#define XXH_INLINE_ALL /* a call of ours is mostly over less than 200 bytes: inlined it costs half */
#include <xxhash.h>

#define CHECKSUM_BYTES 8

static inline uint64_t checksum_of(uint64_t salt, struct bytes key, struct bytes value)
{
    uint64_t of_value = XXH3_64bits(value.data, value.len);
    return XXH3_64bits_withSeed(key.data, key.len, of_value ^ (salt + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

#endif
