/*
 * SHA-256 (FIPS 180-4) of sixteen messages side by side, one in each lane of a vector: a leaf's hash waits for its own
 * rounds one after the other, but leaves do not wait for each other. In the compiler's vectors, so that it can be read and
 * runs on any processor; with AVX-512 it takes 12 µs a chunk where libcrypto's, with SHA-NI, takes 34.
 *
 * Always holds: every lane gives what sha256() gives (the tests compare all lengths); nothing is allocated.
 * Not here: when it is worth it (hash.c). Libraries for this: libcrypto keeps its own to itself, libipsec-mb takes no
 * message above 65,534 bytes, and a leaf has 65,553.
 */
#include "crypto/hash_lanes.h"

#define ROUNDS 64u
#define WORDS 16u /* of a block */
#define TAIL_MAX (2u * HASH_BLOCK_BYTES)

typedef uint32_t words __attribute__((vector_size(4 * HASH_LANES)));

#define INLINE __attribute__((always_inline)) static inline
#define UNROLL _Pragma("GCC unroll 16")
#define TURNED(x, n) ((x) >> (n) | (x) << (32 - (n)))

static const uint32_t round_constant[ROUNDS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static const uint32_t first_state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/*
 * Rows and columns of 16 × 16 words change places, as to the bit `step` of their numbers: after 8, 4, 2 and 1 altogether.
 * TO_FIRST and TO_SECOND: which word of a pair of rows (those of the second count from 16) goes to place i of either.
 */
#define TO_FIRST(step, i) ((i) & (step) ? 16 + (i) - (step) : (i))
#define TO_SECOND(step, i) ((i) & (step) ? 16 + (i) : (i) + (step))
#define PLACES(to, step)                                                                                               \
    to(step, 0), to(step, 1), to(step, 2), to(step, 3), to(step, 4), to(step, 5), to(step, 6), to(step, 7),            \
        to(step, 8), to(step, 9), to(step, 10), to(step, 11), to(step, 12), to(step, 13), to(step, 14), to(step, 15)
#define TRANSPOSE_STEP(w, step)                                                                                        \
    UNROLL for (unsigned i = 0; i < WORDS; i++) if ((i & (step)) == 0)                                                 \
    {                                                                                                                  \
        words first = (w)[i], second = (w)[i + (step)];                                                                \
        (w)[i] = __builtin_shufflevector(first, second, PLACES(TO_FIRST, step));                                       \
        (w)[i + (step)] = __builtin_shufflevector(first, second, PLACES(TO_SECOND, step));                             \
    }

/* Word t of every lane's block at `at` into w[t]. */
INLINE void words_load(words w[WORDS], const uint8_t *const lanes[HASH_LANES], size_t at)
{
    UNROLL for (unsigned lane = 0; lane < HASH_LANES; lane++)
    {
        words block;
        memcpy(&block, lanes[lane] + at, sizeof block);
        w[lane] = (TURNED(block, 24) & 0x00ff00ff) | (TURNED(block, 8) & 0xff00ff00); /* big-endian */
    }
    TRANSPOSE_STEP(w, 8)
    TRANSPOSE_STEP(w, 4)
    TRANSPOSE_STEP(w, 2)
    TRANSPOSE_STEP(w, 1)
}

INLINE void blocks_hash(words state[8], const uint8_t *const lanes[HASH_LANES], size_t n_blocks)
{
    for (size_t at = 0; at < n_blocks * HASH_BLOCK_BYTES; at += HASH_BLOCK_BYTES) {
        words w[WORDS];
        words_load(w, lanes, at);
        words a = state[0], b = state[1], c = state[2], d = state[3];
        words e = state[4], f = state[5], g = state[6], h = state[7];
        UNROLL for (unsigned round = 0; round < ROUNDS; round += WORDS)
        {
            UNROLL for (unsigned t = 0; t < WORDS; t++)
            {
                words choice = g ^ (e & (f ^ g)), majority = (a & b) | (c & (a ^ b));
                words t1 = h + (TURNED(e, 6) ^ TURNED(e, 11) ^ TURNED(e, 25)) + choice + round_constant[round + t] + w[t];
                words t2 = (TURNED(a, 2) ^ TURNED(a, 13) ^ TURNED(a, 22)) + majority;
                h = g, g = f, f = e, e = d + t1;
                d = c, c = b, b = a, a = t1 + t2;
                if (round + WORDS >= ROUNDS) continue;
                words x = w[(t + 1) % WORDS], y = w[(t + 14) % WORDS];
                /* what w[t] is sixteen rounds later */
                w[t] += (TURNED(x, 7) ^ TURNED(x, 18) ^ x >> 3) + w[(t + 9) % WORDS] +
                        (TURNED(y, 17) ^ TURNED(y, 19) ^ y >> 10);
            }
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;
        state[4] += e, state[5] += f, state[6] += g, state[7] += h;
    }
}

#if defined(__x86_64__)
__attribute__((target("avx512f,avx512bw"))) static void blocks_hash_avx512(words state[8], const uint8_t *const lanes[],
                                                                           size_t n_blocks)
{
    blocks_hash(state, lanes, n_blocks);
}

bool hash_lanes_are_fast(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
}
#else
bool hash_lanes_are_fast(void)
{
    return false;
}
#endif

static void lanes_hash(words state[8], const uint8_t *const lanes[HASH_LANES], size_t n_blocks)
{
#if defined(__x86_64__)
    if (hash_lanes_are_fast()) {
        blocks_hash_avx512(state, lanes, n_blocks);
        return;
    }
#endif
    blocks_hash(state, lanes, n_blocks);
}

/* What is left of every message behind the blocks that were hashed where they lie, and FIPS 180-4's padding. */
static size_t tails_make(const uint8_t *const rest[HASH_LANES], size_t rest_len, uint64_t message_len,
                         uint8_t (*tails)[TAIL_MAX])
{
    size_t len = rest_len + 1 + sizeof message_len <= HASH_BLOCK_BYTES ? HASH_BLOCK_BYTES : TAIL_MAX;
    for (size_t lane = 0; lane < HASH_LANES; lane++) {
        memset(tails[lane], 0, len);
        memcpy(tails[lane], rest[lane], rest_len);
        tails[lane][rest_len] = 0x80;
        be64_put(tails[lane] + len - sizeof message_len, 8 * message_len);
    }
    return len / HASH_BLOCK_BYTES;
}

void hash_lanes(struct bytes head, const struct bytes *in, size_t n, uint8_t (*out)[HASH_BYTES])
{
    uint8_t ends[HASH_LANES][TAIL_MAX]; /* first the first blocks, then the last */
    const uint8_t *at[HASH_LANES], *made[HASH_LANES];
    size_t len = in[0].len, taken = HASH_BLOCK_BYTES - head.len; /* of every piece, by its first block */
    words state[8];

    ASSERT(n > 0 && n <= HASH_LANES && head.len < HASH_BLOCK_BYTES && len >= HASH_BLOCK_BYTES);
    for (size_t lane = 0; lane < HASH_LANES; lane++) {
        const uint8_t *data = in[lane < n ? lane : 0].data; /* a lane without a message does another's again */
        ASSERT(lane >= n || in[lane].len == len);
        if (head.len > 0) memcpy(ends[lane], head.data, head.len);
        memcpy(ends[lane] + head.len, data, taken);
        at[lane] = data + taken;
        made[lane] = ends[lane];
    }
    for (size_t i = 0; i < ARRAY_LEN(first_state); i++) state[i] = (words){0} + first_state[i];
    lanes_hash(state, made, 1);
    size_t n_blocks = (len - taken) / HASH_BLOCK_BYTES;
    lanes_hash(state, at, n_blocks);
    for (size_t lane = 0; lane < HASH_LANES; lane++) at[lane] += n_blocks * HASH_BLOCK_BYTES;
    lanes_hash(state, made, tails_make(at, (len - taken) % HASH_BLOCK_BYTES, head.len + len, ends));
    for (size_t lane = 0; lane < n; lane++) {
        for (size_t i = 0; i < ARRAY_LEN(first_state); i++) {
            uint32_t word = __builtin_bswap32(state[i][lane]);
            memcpy(out[lane] + i * sizeof word, &word, sizeof word);
        }
    }
}
