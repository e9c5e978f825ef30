/*
 * What travels through the broker's threads: one message from a peer until its reply is sent, or one thing that the
 * broker itself wants stated. A job belongs to the thread that holds it; queues move it.
 *
 *     gateway ─▶ verifier ─▶ (sequencer) ─▶ gateway
 */
#ifndef TIDEMARK_BROKER_JOB_H
#define TIDEMARK_BROKER_JOB_H

#include "broker/server/door.h"
#include "storage/protocol.h"

enum job_kind {
    JOB_REQUEST,   /* not looked at yet */
    JOB_STATEMENT, /* decoded, signature checked: to be decided */
    JOB_BARRIER,   /* a query that waits until the state is committed; comes back as JOB_RELEASED */
    JOB_RELEASED,  /* … and is answered now */
    JOB_STORED,    /* the broker states that `listing` is completely stored; nobody is answered */
    JOB_VERDICT,   /* the broker states `verdict`; nobody is answered */
};

struct job {
    enum job_kind kind;
    uint8_t route[DOOR_ROUTE_MAX]; /* where the reply goes */
    size_t route_len;
    uint8_t wire_key[32]; /* the peer */
    struct bytes frame;   /* what it sent, in `arena` */
    uint64_t place;       /* in the sequencer's inbox: taken by the gateway, filled by the verifier */

    struct request request; /* JOB_STATEMENT, JOB_BARRIER, JOB_RELEASED */
    struct statement statement;
    struct bytes statement_bytes, envelope;
    uint64_t listing;            /* JOB_STORED */
    struct body_verdict verdict; /* JOB_VERDICT */

    struct bytes reply; /* encoded, in `arena`; empty: none is sent */
    struct arena arena; /* everything of this job */
    struct job *next;   /* in the gateway's pool */
};

/* True of what the broker wants stated itself: it has no reply, and is freed when it is done. */
static inline bool job_is_own(const struct job *job)
{
    return job->kind == JOB_STORED || job->kind == JOB_VERDICT;
}

#define JOB_ARENA_CAP (4u << 20) /* a frame, its decoded form (8,192 elements) and a reply, with room to spare */

/* Encodes the reply into the job; what is too long for a frame becomes a refusal that says so. */
void job_reply(struct job *job, const struct reply *reply, const struct schema *schema);

#endif
