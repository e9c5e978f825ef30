/*
 * Progress of long work, on stderr: on a terminal one line that is drawn again (percent, bytes, rate, time left),
 * elsewhere a line every 10 %; nothing with --quiet.
 */
#ifndef TIDEMARK_CLI_PROGRESS_H
#define TIDEMARK_CLI_PROGRESS_H

#include "client/cli/cli.h"

struct progress {
    const struct cli *cli;
    char what[48];
    uint64_t started_ms, drawn_ms;
    uint64_t started_at; /* bytes that were done when it began */
    unsigned tenths;     /* lines of 10 % that were written */
    bool terminal, drawn;
    bool complete; /* what is drawn says 100 % */
};

void progress_init(struct progress *progress, const struct cli *cli);
/* A tide_progress; `ctx` is a struct progress. False once Ctrl-C came. */
bool progress_step(void *ctx, const char *what, uint64_t done, uint64_t total);
/* Ends a drawn line; one that did not come to 100 % is taken away. */
void progress_end(struct progress *progress);

#endif
