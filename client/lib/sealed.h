/*
 * The headers of age files, as opening and reading back need them. Private to client/lib/.
 */
#ifndef TIDEMARK_CLIENT_SEALED_H
#define TIDEMARK_CLIENT_SEALED_H

#include "client/lib/jobs.h"

/* The start of a file of `size` bytes, as much as a header can have; malloc'd. */
int header_read(int fd, uint64_t size, const char *path, uint8_t **out, size_t *len, struct tide_error *error);
/* Tries the identity's sealing key, then the older ones. As age_header_open. */
enum tide_err header_open_as(const struct identity *id, struct bytes header, uint8_t file_key[AGE_FILE_KEY_BYTES],
                             size_t *header_len);
/* What the caller is told when a header did not open. */
int header_refused(enum tide_err err, const char *path, struct tide_error *error);

#endif
