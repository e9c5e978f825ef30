/*
 * Records and events: what decodes must encode to the very same bytes; the JSON view exists exactly when all of it
 * decodes.
 */
#include <jansson.h>

#include "storage/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool try_payload(const struct record *r, struct arena *arena)
{
    struct bytes statement, again;
    struct statement s;
    struct event e;
    const uint8_t *signature;
    if (r->type == RECORD_STATEMENT) {
        if (envelope_decode(r->payload, arena, &statement, &signature) != TIDE_OK) return false;
        return statement_decode(statement, arena, &s) == TIDE_OK;
    }
    if (event_decode(r->payload, arena, &e) != TIDE_OK) return false;
    ASSERT(event_encode(&e, arena, &again) == TIDE_OK);
    ASSERT(bytes_equal(r->payload, again));
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct record r;
    struct bytes in = BYTES(data, size), again;
    bool whole = false;
    arena_init(&arena, 16u << 20);
    if (record_decode(in, &arena, &r) == TIDE_OK) {
        ASSERT(record_encode(&r, &arena, &again) == TIDE_OK);
        ASSERT(bytes_equal(in, again));
        whole = try_payload(&r, &arena);
    }
    json_t *view = record_to_json(in);
    ASSERT((view != NULL) == whole);
    json_decref(view);
    arena_deinit(&arena);
    return 0;
}
