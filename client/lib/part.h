/*
 * Files in work that outlive the work: what was stopped, or died, is found again and gone on with. Private to client/lib/.
 */
#ifndef TIDEMARK_CLIENT_PART_H
#define TIDEMARK_CLIENT_PART_H

#include "client/lib/jobs.h"

#define PART_SUFFIX ".tidemark-part"

/* `path` with PART_SUFFIX behind it, which takes the name `path` when it is complete. */
struct part_file {
    char *path, *name;
    int fd;
    uint64_t there; /* bytes that an earlier run left: nothing says yet that they are right */
    off_t keep_from; /* what is shorter is not worth a file lying about */
};

/*
 * Opens or makes it, locked: 607 if another process works on it, or if what has that name is not a plain file of one's
 * own.
 */
int part_open(struct part_file *f, const char *path, struct tide_error *error);
/* The same with another suffix, and kept whatever is in it. */
int part_open_as(struct part_file *f, const char *path, const char *suffix, struct tide_error *error);
/* Throws away what is there. */
int part_restart(struct part_file *f, struct tide_error *error);
/* Syncs, names, and syncs the folder. It is closed, whatever happens. */
int part_commit(struct part_file *f, struct tide_error *error);
/* Leaves it for the next run, unless there is nothing in it. After a commit it does nothing. */
void part_close(struct part_file *f);
/* Takes it away. */
void part_drop(struct part_file *f);

/* Progress that says "check" for as long as it goes through what was there. */
struct part_progress {
    struct progress p;
    const char *what;
    uint64_t there, done, total; /* bytes of plaintext */
};
void part_progress_init(struct part_progress *pp, const struct progress *p, uint64_t there);
/* An age_progress; `ctx` is the struct part_progress. */
bool part_progress_tell(void *ctx, uint64_t done, uint64_t total);
/* Code 611, saying how far it is. */
int part_stopped(const struct part_progress *pp, struct tide_error *error);

#endif
