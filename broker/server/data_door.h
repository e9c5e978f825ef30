/*
 * The data thread's inside, shared by its files: the thread and its door (data_door.c), requests and replies
 * (data_answer.c), who may (data_entitled.c), sealed contents (data_content.c), samples in clear (data_samples.c), evidence
 * of disputes (data_evidence.c), when a listing's bytes are all there (data_stored.c), and letting go (data_sweep.c).
 */
#ifndef TIDEMARK_BROKER_DATA_DOOR_H
#define TIDEMARK_BROKER_DATA_DOOR_H

#include "broker/server/blob_cache.h"
#include "broker/server/data_pending.h"
#include "broker/server/door_loop.h"
#include "broker/server/location.h"
#include "broker/server/processes.h"
#include "broker/server/query.h"
#include "storage/sweep.h"

#include <pthread.h>

#define ENTITLEMENTS_KEPT 128

/* What was found out about a buyer and a listing: the trade that entitles, or none as of `applied`. */
struct entitlement {
    uint64_t party, listing, trade, applied;
    bool searching;        /* the last look ended early; it goes on here, and found none so far as of `applied` */
    uint8_t lane;
    uint64_t before;
};

struct data_door {
    struct data_door_options options;
    struct door_service service;
    struct state_view *view;
    struct blob_cache cache;
    struct location *location;
    struct arena arena;
    struct data_pending pending;
    struct entitlement entitlements[ENTITLEMENTS_KEPT];
    size_t next_entitlement; /* the one replaced next */
    uint64_t recheck_from[2]; /* awaiting and sampling listings are looked at in turn */
    uint64_t rechecked_ms;
    struct sweep contents, samples, evidence;
    pthread_t thread;
    bool started;
    int stop_fd;
};

/* One request being answered. */
struct ask {
    struct data_door *door;
    const struct request *request;
    struct peer peer;
    uint64_t listing;
    struct row_listing row;
    uint64_t part; /* enum part, where the verb has one */
    struct reply *reply;
};

/* door_service.answer; ctx is the data door. */
MUST_USE enum tide_err data_answer(void *ctx, const struct door_message *message, const struct request *request,
                                   struct reply *out, bool *later);

/* ---- replies: data_answer.c ---- */
/* Refuses; always TIDE_OK, so that it can be returned. `detail` is a static sentence or NULL. */
enum tide_err data_refuse(struct ask *a, enum outcome code, const char *detail);
/* The reply's body, cleared; NULL: no memory. */
MUST_USE void *data_body(struct ask *a, size_t size);
/* Something that cannot be put because of `err`; `what_is_wrong` where that is the sender's fault. */
enum tide_err data_put_refused(struct ask *a, enum tide_err err, const char *what_is_wrong);
/* Likewise for fetching. */
enum tide_err data_get_refused(struct ask *a, enum tide_err err);

/* ---- who may: data_entitled.c ---- */
/* Outcome of the checks before content, detail or samples are put; *detail: a sentence or NULL. */
enum outcome data_may_put(const struct ask *a, const char **detail);
/* May the part be fetched? TIDE_EBUSY: not known yet, to be asked again. */
MUST_USE enum tide_err data_may_get(struct ask *a, bool *may);

/* ---- the verbs ---- */
MUST_USE enum tide_err data_upload(struct ask *a);
MUST_USE enum tide_err data_put_manifest(struct ask *a);
MUST_USE enum tide_err data_put_chunk(struct ask *a);
MUST_USE enum tide_err data_get_manifest(struct ask *a);
MUST_USE enum tide_err data_get_chunk(struct ask *a);
MUST_USE enum tide_err data_put_sample(struct ask *a);
MUST_USE enum tide_err data_get_sample(struct ask *a);
MUST_USE enum tide_err data_put_evidence(struct ask *a);

/* ---- when everything is there: data_stored.c ---- */
/* What a listing's row says about a part of it; n_chunks 0: it has no such part. */
struct age_commitment data_commitment(const struct row_listing *row, uint64_t part);
/* Tells the broker that all a listing waits for is there, if so: synced before. */
MUST_USE enum tide_err data_tell_stored(struct data_door *d, uint64_t listing, const struct row_listing *row);
/* A few of the listings that wait, each time the next ones, in turn. */
MUST_USE enum tide_err data_recheck(struct data_door *d);

/* What the vendor signed of its samples, from the journal; texts and list lie in the door's arena. data_samples.c */
MUST_USE enum tide_err data_signed_samples(struct data_door *d, const struct row_listing *row, struct list *chunks);
/* How many of them are there. */
uint64_t data_samples_there(struct data_door *d, uint64_t listing, const struct list *chunks);

/* ---- data_sweep.c ---- */
/* Looks at a few entries of the stores, each time the next ones, and removes what was unneeded for long enough. */
MUST_USE enum tide_err data_sweep(struct data_door *d, uint64_t now_ms);

#endif
