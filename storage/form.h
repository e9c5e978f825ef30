/*
 * Texts that are signed and last: lines of a name, a space and a value, each ended by a newline. What the settlement
 * text and the certificate have in common, written and read.
 */
#ifndef TIDEMARK_STORAGE_FORM_H
#define TIDEMARK_STORAGE_FORM_H

#include "crypto/hash.h"
#include "crypto/identity.h"

#define FORM_MAX 2048

/* The text as it grows; `full` sticks. */
struct form {
    char bytes[FORM_MAX];
    size_t len;
    bool full;
};

void form_init(struct form *t);
void form_add(struct form *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "name tide1…\n" */
void form_add_party(struct form *t, const char *name, const uint8_t key[32]);
/* "name <hex>\n"; NULL: "name -\n". */
void form_add_hash(struct form *t, const char *name, const uint8_t *hash);

/* 1 to `max` bytes, and nothing that a terminal or a lawyer could read as another line: no control characters (C0,
 * C1). */
bool form_is_line(struct bytes in, size_t max);

/*
 * Reading: each takes what it names off the front of *text and is false if it is not there. form_take_first takes
 * `first` itself; form_take_line the next line if it begins with `name` and a space, *value being what follows.
 */
bool form_take_first(struct bytes *text, const char *first);
bool form_take_line(struct bytes *text, const char *name, struct bytes *value);
bool form_take_number(struct bytes *text, const char *name, uint64_t *out);
bool form_take_party(struct bytes *text, const char *name, uint8_t out[32]);
/* *is_there is false for "-". */
bool form_take_hash(struct bytes *text, const char *name, uint8_t out[HASH_BYTES], bool *is_there);

/* Splits at the first space. */
bool form_split(struct bytes in, struct bytes *first, struct bytes *rest);
/* Up to LIMIT_AMOUNT. Leading zeros are let pass: they are caught when the result is formatted again. */
bool form_number(struct bytes in, uint64_t *out);

#endif
