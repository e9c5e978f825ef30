/*
 * The data thread's inside, shared by its two files: the thread and its door (data_door.c), what the verbs do
 * (data_answer.c).
 */
#ifndef TIDEMARK_BROKER_DATA_DOOR_H
#define TIDEMARK_BROKER_DATA_DOOR_H

#include "broker/server/blob_cache.h"
#include "broker/server/door_loop.h"
#include "broker/server/processes.h"
#include "broker/server/query.h"

#include <pthread.h>

#define ENTITLEMENTS_KEPT 128

/* What was found out about a buyer and a listing: the trade that entitles, or none as of `applied`. */
struct entitlement {
    uint64_t party, listing, trade, applied;
};

struct data_door {
    struct data_door_options options;
    struct door_service service;
    struct state_view *view;
    struct blob_cache cache;
    struct arena arena;
    struct entitlement entitlements[ENTITLEMENTS_KEPT];
    size_t next_entitlement; /* the one replaced next */
    uint64_t recheck_from;   /* awaiting listings are looked at in turn */
    uint64_t rechecked_ms;
    pthread_t thread;
    bool started;
    int stop_fd;
};

/* door_service.answer; ctx is the data door. */
MUST_USE enum tide_err data_answer(void *ctx, const struct door_message *message, const struct request *request,
                                   struct reply *out, bool *later);

/* What a listing's row says about its content. */
struct age_commitment data_commitment(const struct row_listing *row);

/* Tells the broker that everything is there, if so; synced before. */
MUST_USE enum tide_err data_tell_stored(struct data_door *d, uint64_t listing, struct blob *blob);

#endif
