/*
 * The broker speaks in statements like everyone (own_statement.h). Time and chance come from the caller.
 */
#include "broker/server/own_statement.h"

#define STATEMENT_VERSION 1

void command_id_make(uint64_t now_ms, const uint8_t random[10], uint8_t id[16])
{
    be64_put(id, now_ms << 16);
    memcpy(id + 6, random, 10);
    id[6] = (uint8_t)(0x70 | (id[6] & 0x0f));
    id[8] = (uint8_t)(0x80 | (id[8] & 0x3f));
}

enum tide_err own_statement_make(const struct identity *broker, const uint8_t *market, uint64_t kind,
                                 const void *body, uint64_t now_ms, const uint8_t random[10], struct arena *arena,
                                 struct own_statement *out)
{
    *out = (struct own_statement){.statement = {.kind = kind, .version = STATEMENT_VERSION, .issued_at = now_ms,
                                                .valid_until = now_ms + LIMIT_VALID_DEFAULT_MS, .body = body}};
    if (market) memcpy(out->statement.market, market, 32);
    memcpy(out->statement.party, identity_party(broker), 32);
    command_id_make(now_ms, random, out->statement.command_id);

    uint8_t signature[SIGN_BYTES];
    enum tide_err err = statement_encode(&out->statement, arena, &out->bytes);
    if (err) return err;
    identity_sign(broker, DOMAIN_STATEMENT, out->bytes, signature);
    return envelope_encode(out->bytes, signature, arena, &out->envelope);
}
