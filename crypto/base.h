/*
 * What every layer shares: the error type, a span of bytes, assertions that stay on, checked arithmetic and
 * big-endian integers. Lowest of all headers: it includes nothing of Tidemark.
 */
#ifndef TIDEMARK_CRYPTO_BASE_H
#define TIDEMARK_CRYPTO_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What can go wrong in the program. What can go wrong in the market is another thing: `enum outcome`. */
enum tide_err {
    TIDE_OK = 0,
    TIDE_EINVAL,     /* an argument that cannot be right */
    TIDE_EMALFORMED, /* bytes from outside that do not follow their format */
    TIDE_EAUTH,      /* a signature, a MAC, a passphrase or a key that does not fit */
    TIDE_ENOTFOUND,  /* there is no such thing */
    TIDE_EEXIST,     /* it is there already */
    TIDE_EDENIED,    /* the file system says no, or a secret file that others can read */
    TIDE_EBUSY,      /* another process holds it */
    TIDE_EFULL,      /* disk, map or quota full: nothing was written */
    TIDE_ELIMIT,     /* larger than a limit of `storage/limits.h` */
    TIDE_EIO,        /* reading or writing failed */
    TIDE_EDAMAGED,   /* stored bytes that fail their checksum, or contradict each other */
    TIDE_ENOMEM,     /* no memory */
    TIDE_ETIMEOUT,   /* no answer in time */
    TIDE_ECANCELED,  /* the caller asked to stop */
};

/* A short English name of `err`, for logs and messages ("damaged"); static. */
const char *tide_err_text(enum tide_err err);

/* Bytes that belong to somebody else. */
struct bytes {
    const uint8_t *data;
    size_t len;
};

#define BYTES(ptr, n) ((struct bytes){(const uint8_t *)(ptr), (n)})
#define BYTES_TEXT(s) BYTES((s), strlen(s))

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

#define MUST_USE __attribute__((warn_unused_result))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* An invariant of ours. Never reached by bytes from a socket or a disk. Stays on in release. */
#define ASSERT(cond) ((cond) ? (void)0 : assert_failed(#cond, __FILE__, __LINE__))
_Noreturn void assert_failed(const char *cond, const char *file, int line);

/* Checked arithmetic: false when the result does not fit (*out is then untouched). */
static inline MUST_USE bool add_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    uint64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) return false;
    *out = sum;
    return true;
}

static inline MUST_USE bool mul_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    uint64_t product;
    if (__builtin_mul_overflow(a, b, &product)) return false;
    *out = product;
    return true;
}

/* floor(a * b / c) without overflow in between; c > 0 and the result must fit 64 bits. */
static inline uint64_t mul_div_u64(uint64_t a, uint64_t b, uint64_t c)
{
    return (uint64_t)((unsigned __int128)a * b / c);
}

static inline void be64_put(uint8_t out[8], uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(out, &value, 8);
}

static inline uint64_t be64_get(const uint8_t in[8])
{
    uint64_t value;
    memcpy(&value, in, 8);
    return __builtin_bswap64(value);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "written for little-endian machines");

#endif
