/*
 * Small things of text that several parts of tidemarkd need: the nearest known word, JSON strings, numbers, paths, and
 * errors in three parts (what happened, why, what to do) on stderr.
 */
#ifndef TIDEMARK_BROKER_TEXT_H
#define TIDEMARK_BROKER_TEXT_H

#include "storage/outcome.h"

#include <stdio.h>

/* Exit statuses of tidemarkd. */
enum exit_status { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_VERIFICATION = 8 };

/* The word of `words` (n of them) with the fewest edits from `text`, or NULL if none is near. */
const char *text_nearest(const char *text, const char *const *words, size_t n);

/* Exact decimal of at most `max`; false for anything else, empty included. */
MUST_USE bool text_number(const char *text, uint64_t max, uint64_t *out);

/* `dir`/`name`; false if it does not fit. */
MUST_USE bool text_path(char *out, size_t room, const char *dir, const char *name);

/* `n` bytes as lower-case hex and a NUL. */
void text_hex(const uint8_t *bytes, size_t n, char *out);

/* Writes `text` as a JSON string, quotes included. What is not printable ASCII or UTF-8 is escaped. */
void text_json(FILE *file, const char *text);

/* From now on errors are one JSON object each (--json). */
void errors_as_json(bool yes);

/*
 * Says on stderr what happened, why, and what to do; `code` is that of the table of outcomes. Gives `status` back, so
 * that a command can end with it. `why` and `todo` may be NULL.
 */
enum exit_status complain(enum exit_status status, enum outcome code, const char *what, const char *why,
                          const char *todo);

#endif
