/*
 * What the files of the audit are made of: a walk through an index, counting a table, and saying what does not hold
 * (audit_walk.h).
 */
#include "broker/market/audit_walk.h"

#include <stdarg.h>
#include <stdio.h>

enum tide_err audit_failed(const struct audit *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (a->why_len > 0) vsnprintf(a->why, a->why_len, format, args);
    va_end(args);
    return TIDE_EDAMAGED;
}

enum tide_err audit_walk(const struct audit *a, enum table table, uint64_t party, uint8_t flag, audit_visit *visit,
                         void *to)
{
    uint8_t key[17];
    enum tide_err err;
    key_u64_u8_u64(key, party, flag, 0);
    for (bool after = false; !(err = state_next(a->state, table, key, 9, after, NULL)); after = true) {
        err = visit(a, be64_get(key + 9), to);
        if (err) return err;
    }
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

enum tide_err audit_count(const struct audit *a, enum table table, uint64_t expected)
{
    uint64_t n;
    enum tide_err err = state_count(a->state, table, &n);
    if (err || n == expected) return err;
    return audit_failed(a, "table %s has %llu rows, not %llu", state_table_name(table), (unsigned long long)n,
                        (unsigned long long)expected);
}
