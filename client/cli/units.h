/*
 * What people type and read with a unit: moments, spans of time, shares, and parameters of the market, whose unit is
 * the end of their name. Pure functions; as text.h, which has money and counts.
 */
#ifndef TIDEMARK_CLI_UNITS_H
#define TIDEMARK_CLI_UNITS_H

#include "client/cli/text.h"

/*
 * A moment as Unix milliseconds: "2026-11-30T18:00" (seconds and their fraction may follow) in the zone of this
 * machine, or with Z or +08:00 behind it; "2026-11-30", a whole day, meaning its first moment or, with `day_ends`, the
 * first of the next; or from `now_ms` on, "+2h", "+3d".
 */
bool moment_parse(const char *text, uint64_t now_ms, bool day_ends, uint64_t *ms);

/* "24h", "30d", "90s", "250ms", "1h30min": ms, s, min or m, h, d, w, each at most once a number. */
bool span_parse(const char *text, uint64_t *ms);
/* In the largest unit that is exact: "24h", "3d" (from two days on), "90s". */
void span_format(uint64_t ms, char out[TEXT_MAX]);

/* "30%", "1.5%", "0.25%" to basis points; at most two digits after the point. */
bool share_parse(const char *text, uint64_t *bp);
void share_format(uint64_t bp, char out[TEXT_MAX]);

/* A parameter's value in the unit of its name: fee_…_bp "1.5%", …_ms "24h", …_fen "50.00", anything else a number. */
bool parameter_parse(const char *name, const char *text, uint64_t *value);
void parameter_format(const char *name, uint64_t value, char out[TEXT_MAX]);
/* How one is typed: "like 1.5%". */
const char *parameter_example(const char *name);

#endif
