/*
 * The publisher: turns the journal's durable head into tiles and a signed checkpoint, at most once an interval, in the
 * order that docs/formats.md demands ("Order of publication"). The only place where the log key signs.
 *
 * Always holds: what is signed is durable, agrees with the tiles, and extends the checkpoint published before.
 */
#ifndef TIDEMARK_BROKER_PUBLISHER_H
#define TIDEMARK_BROKER_PUBLISHER_H

#include "storage/tiles.h"

struct publisher;

struct publisher_options {
    struct journal *journal;
    struct tiles *tiles;             /* writable */
    const char *origin;
    const uint8_t *log_public;       /* 32 bytes */
    const uint8_t *log_secret;       /* SIGN_SECRET_BYTES */
    unsigned interval_ms;
    void (*failed)(void *ctx, const char *what, enum tide_err err); /* the process must stop */
    void *ctx;
};

/*
 * Without a thread: checks the last checkpoint and publishes the head as it is now (init, and what the thread does).
 * TIDE_EDAMAGED: head, tiles and last checkpoint do not go together; nothing was signed. `why` says what.
 */
MUST_USE enum tide_err publisher_open(const struct publisher_options *options, struct publisher **out, char *why,
                                      size_t why_len);
MUST_USE enum tide_err publisher_publish(struct publisher *p, char *why, size_t why_len);

/* The thread. */
MUST_USE enum tide_err publisher_start(struct publisher *p);

/* The journal's size is now `size`. Any thread; does not wait. */
void publisher_kick(struct publisher *p, uint64_t size);

/* Ends the thread, if there is one, after publishing what is left, and frees. */
void publisher_close(struct publisher **p);

#endif
