/*
 * A process that reads the market and serves one door: the frame that the lobby and the auditor fill in. It waits for
 * the broker's files, follows them when the broker builds its state anew, serves until SIGTERM or SIGINT, drains.
 *
 * Always holds: between rounds no snapshot is held; each request is answered from the newest commit.
 */
#ifndef TIDEMARK_BROKER_READER_H
#define TIDEMARK_BROKER_READER_H

#include "broker/server/config.h"
#include "broker/server/door_loop.h"
#include "broker/server/query.h"

#define READER_ARENA_BYTES (4u << 20) /* one request: a page of rows, a record, the frame made of them */

struct reader;

/* What a process is. */
struct reader_role {
    const char *door;    /* "lobby", "audit": ZAP domain and name in `ports` */
    enum door_bit bit;
    enum door_port port; /* offset from the port base */
    size_t frame_max;
    bool strangers;      /* any key may enter; otherwise `admits` decides, at the door and for each request */
    bool (*admits)(const struct peer *peer);
    /* After the broker's files are open, before the door is. May be NULL, as `stop` may. */
    enum tide_err (*start)(struct reader *r);
    /* As door_service.answer, for a peer that is admitted. r->source is filled but for what `start` put there. */
    enum tide_err (*answer)(struct reader *r, const struct door_message *message, const struct peer *peer,
                            const struct request *request, struct reply *out, bool *later);
    /* Once a round; *wait_ms says how long the next poll may take at most. */
    enum tide_err (*tick)(struct reader *r, unsigned *wait_ms);
    void (*stop)(struct reader *r);
};

struct reader {
    const struct config *config;
    const struct reader_role *role;
    struct query_source source; /* view, journal, tiles as they are now */
    struct door_service service;
    struct arena arena;
    void *own; /* the role's */
};

/* Runs it; the process's exit status. */
int reader_run(const struct config *config, const struct reader_role *role, void *own);

/* A fresh snapshot. TIDE_ENOTFOUND: the broker is building its state anew; r->source.view is NULL. */
MUST_USE enum tide_err reader_renew(struct reader *r);

#endif
