/*
 * Statements and their envelopes: what decodes must encode to the very same bytes, and its JSON view must give the
 * same body back.
 */
#include <jansson.h>

#include "storage/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_statement(struct bytes in, struct arena *arena)
{
    struct statement s, from_view;
    struct bytes again;
    if (statement_decode(in, arena, &s) != TIDE_OK) return;
    ASSERT(statement_encode(&s, arena, &again) == TIDE_OK);
    ASSERT(bytes_equal(in, again));

    const struct schema *schema = schema_of_kind(s.kind);
    json_t *view = fields_to_json(schema, s.body);
    void *body = arena_alloc(arena, schema->size);
    ASSERT(view != NULL && body != NULL);
    ASSERT(fields_from_json(schema, view, arena, body, NULL) == TIDE_OK);
    json_decref(view);
    from_view = s;
    from_view.body = body;
    ASSERT(statement_encode(&from_view, arena, &again) == TIDE_OK);
    ASSERT(bytes_equal(in, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct bytes in = BYTES(data, size), statement, again;
    const uint8_t *signature;
    arena_init(&arena, 16u << 20);
    if (envelope_decode(in, &arena, &statement, &signature) == TIDE_OK) {
        ASSERT(envelope_encode(statement, signature, &arena, &again) == TIDE_OK);
        ASSERT(bytes_equal(in, again));
        try_statement(statement, &arena);
    } else {
        try_statement(in, &arena);
    }
    arena_deinit(&arena);
    return 0;
}
