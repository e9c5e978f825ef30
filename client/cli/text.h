/*
 * Small things that are read from and written for people: money in yuan, counts, dates, sizes, escaped text, the
 * nearest word. Pure functions: no terminal, no market.
 */
#ifndef TIDEMARK_CLI_TEXT_H
#define TIDEMARK_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Amounts, counts and indices stay below this: exact in every JSON reader. */
#define AMOUNT_MAX ((UINT64_C(1) << 53) - 1)
#define TEXT_MAX 48 /* room for any date, amount or size below */

#define ARRAY_N(a) (sizeof(a) / sizeof((a)[0]))

/* "99", "99.5" or "99.00" yuan to fen; digits only, at most two after the point, at most AMOUNT_MAX fen. */
bool yuan_parse(const char *text, uint64_t *fen);
/* Fen to "99.00". */
void yuan_format(uint64_t fen, char out[TEXT_MAX]);
/* price × quantity in fen; false when it is over AMOUNT_MAX. */
bool yuan_total(uint64_t price_fen, uint64_t quantity, uint64_t *total_fen);

/* A decimal number without sign or spaces, at most AMOUNT_MAX. */
bool count_parse(const char *text, uint64_t *out);

/* "2025-07-01T08:30:00.250Z", always UTC. */
void time_iso(uint64_t ms, char out[TEXT_MAX]);
/* "2025-07-01 16:30", in the zone of this machine. */
void time_short(uint64_t ms, char out[TEXT_MAX]);
/* "12 B", "1.4 GiB" (rounded down). */
void bytes_format(uint64_t n, char out[TEXT_MAX]);
/* "0:07", "1:02:03" */
void duration_format(uint64_t ms, char out[TEXT_MAX]);

/*
 * `text` for a terminal or a tab-separated line: control characters (C0, DEL, C1), line separators and those that turn
 * the writing direction become \n, \t, \xNN or \uNNNN, a backslash becomes two, bytes that are not UTF-8 become \xNN.
 * The caller frees it; NULL: no memory.
 */
char *text_escape(const char *text);

/*
 * JSON text with such characters as \uNNNN: the same JSON, fit for a terminal. (JSON writers escape C0 only.) The
 * caller frees it; NULL: no memory.
 */
char *json_escape(const char *json);

/* Lower-case hex; out has 2 × len + 1 bytes. */
void hex_format(const uint8_t *in, size_t len, char *out);

/* How many letters were typed wrongly: insertions, deletions, changes and swaps between two words. */
size_t word_distance(const char *a, const char *b);
/* The word of `words` nearest to `typed`, or NULL if none is near enough to be meant. */
const char *word_nearest(const char *typed, const char *const *words, size_t n);

#endif
