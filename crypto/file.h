/*
 * Whole reads and writes on descriptors, with errno told as tide_err; for crypto/ and client/lib/.
 * Both go on after interruptions and short counts and wait on descriptors that do not block.
 */
#ifndef TIDEMARK_CRYPTO_FILE_H
#define TIDEMARK_CRYPTO_FILE_H

#include "crypto/base.h"

#include <sys/uio.h>

/* What an errno means to the layers above. */
enum tide_err err_of_errno(int error_number);

/* Asked about twice a second while a descriptor has nothing to give; false stops the read with TIDE_ECANCELED. */
typedef bool (*file_wait)(void *ctx);

/*
 * Fills the pieces in order, up to the end of the file; *got is the bytes read (less than asked: the end).
 * The pieces are consumed. `wait` may be NULL.
 */
MUST_USE enum tide_err file_read_pieces(int fd, struct iovec *pieces, size_t n, file_wait wait, void *wait_ctx,
                                        size_t *got);

/* Writes all the pieces. The pieces are consumed. TIDE_EFULL: no space, quota or size limit. */
MUST_USE enum tide_err file_write_pieces(int fd, struct iovec *pieces, size_t n);

/* One piece. */
MUST_USE enum tide_err file_write(int fd, struct bytes data);

#endif
