/*
 * From records to messages of the tape: what a stranger to each trade may know of them.
 *
 * Always holds: messages of one round cover its records without gap and in order; each fits a frame; a book's top is in
 * the message with the last record of the round that touched it, so that it is as it is after that message's records.
 */
#ifndef TIDEMARK_BROKER_TAPE_ROUND_H
#define TIDEMARK_BROKER_TAPE_ROUND_H

#include "storage/journal.h"
#include "storage/protocol.h"
#include "storage/state.h"

#define TAPE_ROUND_RECORDS 65536u /* eight commits' worth: whoever is further behind begins anew */

struct tape_item; /* what one record says */

struct tape_round {
    struct journal *journal;
    struct state_view *view; /* a snapshot that has applied exactly the records below the round's end */
    struct arena records, message;
    struct tape_item *items;
    size_t n_items, room;
    uint64_t *touched;       /* hash set of listings; 0: free */
    size_t touched_room;
    uint64_t time_ms;        /* of the last record looked at */
};

void tape_round_init(struct tape_round *r, struct journal *journal, struct state_view *view);
void tape_round_deinit(struct tape_round *r);

/* A message is done; what it points to is valid until the function returns. An error ends the round. */
typedef enum tide_err (*tape_emit)(void *ctx, const struct body_tape *message);

/*
 * Says what happened in the records `from` … `to` − 1, in one message or more. TIDE_ELIMIT: more than TAPE_ROUND_RECORDS;
 * TIDE_EDAMAGED: a record cannot be read, or does not go with the state.
 */
MUST_USE enum tide_err tape_round_run(struct tape_round *r, uint64_t from, uint64_t to, tape_emit emit, void *ctx);

#endif
