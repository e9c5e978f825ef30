/*
 * Chunks under way between a client and the store: the ring of calls that both directions keep.
 *
 * Always holds: at most WINDOW calls are under way, the oldest is answered first, and what is dropped is forgotten by
 * the door too.
 * Not here: what a chunk must be (upload.c, download.c).
 */
#ifndef TIDE_CLIENT_LIB_TRANSFER_H
#define TIDE_CLIENT_LIB_TRANSFER_H

#include "client/lib/jobs.h"

#define WINDOW 16u          /* chunks under way, in flight or waiting for their turn: 1 MiB */
#define PIECE_HASHES 2048u  /* of a manifest: 64 KiB */
#define FRUITLESS_MAX 5     /* rounds without progress before giving up */

struct flight {
    struct tide_call *call;
    uint64_t chunk;
};

struct window {
    struct flight flights[WINDOW];
    unsigned first, n; /* a ring, oldest first */
};

/* Takes the call over. The window must not be full. */
void window_add(struct window *w, struct tide_call *call, uint64_t chunk);

/* The oldest one's answer; `*chunk` is told on errors too. `*doc` is the caller's. */
int window_take(struct window *w, uint64_t *chunk, struct tide_doc **doc, struct tide_error *error);

/* Asks for it again before all others: what window_take gave an error for. The window must not be full. */
void window_put_back(struct window *w, struct tide_call *call, uint64_t chunk);

/* Forgets everything under way. */
void window_drop(struct window *w);

#endif
