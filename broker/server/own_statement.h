/*
 * Statements of the broker's own (and the genesis): made, given a command id, signed and put into an envelope.
 */
#ifndef TIDEMARK_BROKER_OWN_STATEMENT_H
#define TIDEMARK_BROKER_OWN_STATEMENT_H

#include "crypto/identity.h"
#include "storage/records.h"

struct own_statement {
    struct statement statement;
    struct bytes bytes, envelope; /* in the arena */
};

/* A UUIDv7 (RFC 9562 §5.7) of `now_ms`, its other bits from `random`. */
void command_id_make(uint64_t now_ms, const uint8_t random[10], uint8_t id[16]);

/* `market` NULL: 32 zero bytes, as in the genesis. `body` must live as long as *out. */
MUST_USE enum tide_err own_statement_make(const struct identity *broker, const uint8_t *market, uint64_t kind,
                                          const void *body, uint64_t now_ms, const uint8_t random[10],
                                          struct arena *arena, struct own_statement *out);

#endif
