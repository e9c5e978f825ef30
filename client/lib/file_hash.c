/*
 * The SHA-256 of a file, for the documents that a listing names by their hash.
 *
 * Always holds: a file that cannot be read to its end has no hash; memory does not grow with the file.
 */
#include "client/lib/error.h"

#include "crypto/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int tide_file_sha256(const char *path, uint8_t out[32], struct tide_error *error)
{
    uint8_t piece[16384];
    struct sha256_stream stream;
    ssize_t n;

    error_clear(error);
    memset(out, 0, 32);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return error_file(error, "read", path);
    sha256_init(&stream);
    do {
        n = read(fd, piece, sizeof piece);
        if (n > 0) sha256_update(&stream, BYTES(piece, (size_t)n));
    } while (n > 0 || (n < 0 && errno == EINTR));
    int code = n < 0 ? error_file(error, "read", path) : 0;
    close(fd);
    uint8_t hash[HASH_BYTES];
    sha256_final(&stream, hash);
    if (code == 0) memcpy(out, hash, sizeof hash);
    return code;
}

void tide_sha256(const void *data, size_t len, uint8_t out[32])
{
    sha256(BYTES(data, len), out);
}
