/*
 * The client's outbox (LMDB): every signed statement from before it is sent until its inclusion proof has verified,
 * the receipts, and the newest checkpoint seen of each market. After a crash or a lost reply, resending is safe.
 * Several processes of one user may have it open.
 */
#ifndef TIDEMARK_STORAGE_OUTBOX_H
#define TIDEMARK_STORAGE_OUTBOX_H

#include "storage/arena.h"

struct outbox;

enum outbox_state { OUTBOX_SIGNED, OUTBOX_ACCEPTED, OUTBOX_REFUSED, OUTBOX_PROVEN };

struct outbox_entry {
    uint8_t market[32], party[32], command_id[16];
    uint64_t kind, signed_at_ms;
    uint64_t state;                    /* enum outbox_state */
    uint64_t first_index, next_index;  /* once accepted */
    uint64_t code;                     /* outcome, once refused */
    struct bytes envelope;
};

MUST_USE enum tide_err outbox_open(const char *dir, struct outbox **out);
void outbox_close(struct outbox **o);

/* Stores a new entry or a new state of one; durable when it returns. Key: market, party, command id. */
MUST_USE enum tide_err outbox_put(struct outbox *o, const struct outbox_entry *entry);
MUST_USE enum tide_err outbox_get(struct outbox *o, const uint8_t market[32], const uint8_t party[32],
                                  const uint8_t command_id[16], struct arena *arena, struct outbox_entry *out);
MUST_USE enum tide_err outbox_del(struct outbox *o, const uint8_t market[32], const uint8_t party[32],
                                  const uint8_t command_id[16]);
/* Calls `each` for entries of one party in one market, oldest first, until it returns false. */
MUST_USE enum tide_err outbox_each(struct outbox *o, const uint8_t market[32], const uint8_t party[32],
                                   bool (*each)(void *ctx, const struct outbox_entry *entry), void *ctx);

/* Small durable facts of a market by name ("checkpoint", "sell:<hash>"): what a command needs to go on. */
MUST_USE enum tide_err outbox_set_fact(struct outbox *o, const uint8_t market[32], const char *name, struct bytes value);
MUST_USE enum tide_err outbox_fact(struct outbox *o, const uint8_t market[32], const char *name, struct arena *arena,
                                   struct bytes *out);

#endif
