/*
 * Files that a command reads and leaves behind: whole or not at all. Private to client/lib/.
 */
#ifndef TIDEMARK_CLIENT_FILES_H
#define TIDEMARK_CLIENT_FILES_H

#include "client/lib/error.h"

#include <sys/types.h>

/* A file being written beside its name; it takes the name when it is complete. */
struct new_file {
    char *path, *temporary;
    int fd;
};

/* Mode is that of a new file (the umask applies), e.g. 0666. */
int new_file_open(struct new_file *f, const char *path, mode_t mode, struct tide_error *error);
/* Syncs, names, and syncs the folder. The file is closed, whatever happens. */
int new_file_commit(struct new_file *f, struct tide_error *error);
/* Takes it away; after a commit it does nothing. */
void new_file_drop(struct new_file *f);

/* Makes a new name in the folder of `path` last. */
bool folder_sync(const char *path);

int file_open(const char *path, int *fd, uint64_t *size, struct tide_error *error);

/* Standard input or output, as a path. A file of that name is ./- */
#define PATH_STANDARD "-"
/* As file_open, but takes standard input, pipes and devices too: *streams, they are read once and have no size. */
int input_open(const char *path, int *fd, uint64_t *size, bool *streams, struct tide_error *error);
/* Standard output, or what is there already and no file (a pipe, a device), opened; *fd is -1 where a file is to be made. */
int output_stream(const char *path, int *fd, struct tide_error *error);

/* The whole of a file of at most `room` bytes, malloc'd. */
int file_load(const char *path, size_t room, struct bytes *out, struct tide_error *error);
/* Replaces a file. */
int file_store(const char *path, mode_t mode, struct bytes content, struct tide_error *error);

/* All of it, at a place; false (with errno) on an error, and, reading, at the end of the file (errno 0). */
bool read_at(int fd, void *data, size_t len, uint64_t offset);
bool write_at(int fd, const void *data, size_t len, uint64_t offset);

/* A nameless file that is gone when it is closed, in that folder. -1 and errno. */
int scratch_file(const char *folder);

#endif
