/*
 * Whole reads and writes on descriptors.
 *
 * Always holds: a call that returns TIDE_OK has moved everything, or has met the end of the file.
 * Not here: opening, syncing, renaming.
 */
#include "crypto/file.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define WAIT_MS 500

enum tide_err err_of_errno(int error_number)
{
    switch (error_number) {
    case 0: return TIDE_OK;
    case ENOENT:
    case ENOTDIR: return TIDE_ENOTFOUND;
    case EEXIST: return TIDE_EEXIST;
    case EACCES:
    case EPERM:
    case EROFS: return TIDE_EDENIED;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return TIDE_EFULL;
    case ENOMEM: return TIDE_ENOMEM;
    default: return TIDE_EIO;
    }
}

/* Drops `done` bytes off the front of the pieces. */
static void pieces_advance(struct iovec **pieces, size_t *n, size_t done)
{
    while (*n > 0 && done >= (*pieces)->iov_len) {
        done -= (*pieces)->iov_len;
        (*pieces)++;
        (*n)--;
    }
    if (*n == 0) return;
    (*pieces)->iov_base = (uint8_t *)(*pieces)->iov_base + done;
    (*pieces)->iov_len -= done;
}

/* Waits until the descriptor may be read (or written); regular files are always ready. */
static enum tide_err wait_ready(int fd, short events, file_wait wait, void *wait_ctx)
{
    if (fd < 0) return TIDE_EIO; /* which poll would pass over in silence */
    for (;;) {
        struct pollfd ready = {.fd = fd, .events = events};
        int rc = poll(&ready, 1, WAIT_MS);
        if (rc > 0) return TIDE_OK;
        if (rc < 0 && errno != EINTR) return err_of_errno(errno);
        if (wait != NULL && !wait(wait_ctx)) return TIDE_ECANCELED;
    }
}

enum tide_err file_read_pieces(int fd, struct iovec *pieces, size_t n, file_wait wait, void *wait_ctx, size_t *got)
{
    *got = 0;
    pieces_advance(&pieces, &n, 0);
    while (n > 0) {
        if (wait != NULL) {
            enum tide_err err = wait_ready(fd, POLLIN, wait, wait_ctx);
            if (err != TIDE_OK) return err;
        }
        ssize_t count = readv(fd, pieces, (int)n);
        if (count == 0) return TIDE_OK;
        if (count < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN) return err_of_errno(errno);
            enum tide_err err = wait_ready(fd, POLLIN, wait, wait_ctx);
            if (err != TIDE_OK) return err;
            continue;
        }
        *got += (size_t)count;
        pieces_advance(&pieces, &n, (size_t)count);
    }
    return TIDE_OK;
}

enum tide_err file_write_pieces(int fd, struct iovec *pieces, size_t n)
{
    pieces_advance(&pieces, &n, 0);
    while (n > 0) {
        ssize_t count = writev(fd, pieces, (int)n);
        if (count == 0) return TIDE_EIO;
        if (count < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN) return err_of_errno(errno);
            enum tide_err err = wait_ready(fd, POLLOUT, NULL, NULL);
            if (err != TIDE_OK) return err;
            continue;
        }
        pieces_advance(&pieces, &n, (size_t)count);
    }
    return TIDE_OK;
}

enum tide_err file_write(int fd, struct bytes data)
{
    struct iovec piece = {.iov_base = (void *)(uintptr_t)data.data, .iov_len = data.len};
    return file_write_pieces(fd, &piece, 1);
}
