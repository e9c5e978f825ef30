/*
 * Filling a struct tide_error: the code's own words from the table of outcomes, and what happened here.
 */
#ifndef TIDEMARK_CLIENT_ERROR_H
#define TIDEMARK_CLIENT_ERROR_H

#include "client/include/tidemark.h"
#include "storage/outcome.h"

/* No error. `error` may be NULL, here and below. */
void error_clear(struct tide_error *error);

/* Fills name, retry and hint from the table, the message from `format` (NULL: the table's sentence). Returns `code`. */
int error_set(struct tide_error *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* What a library below reports: "<what>: <in words>", under the code that fits. Returns it; 0 for TIDE_OK. */
int error_of(struct tide_error *error, enum tide_err err, const char *what);

/* errno about a file, as code 607: "cannot <doing> <path>: <in words>". Returns it. */
int error_file(struct tide_error *error, const char *doing, const char *path);

/* Copies `from` unless `to` is NULL; returns from->code. */
int error_copy(struct tide_error *to, const struct tide_error *from);

/* The name among `n` that is nearest to what was typed (few edits away), or NULL. */
const char *nearest_name(const char *typed, const char *const *names, size_t n);

#endif
