/*
 * Frames on the doors: the first byte chooses what the rest is decoded as: a request, a message of the tape, or the
 * reply to one of the verbs.
 * What decodes must encode to the very same bytes, and the pre-walk must not cost memory.
 */
#include "storage/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_request(struct bytes in, struct arena *arena)
{
    struct request r;
    struct bytes again;
    if (request_decode(in, arena, &r) != TIDE_OK || r.verb == NULL || in.len > LIMIT_TRADE_FRAME_BYTES) return;
    ASSERT(request_encode(&r, arena, &again) == TIDE_OK);
    bool zero_index = r.after == 0 && in.len != again.len; /* "verb@0" is read, never written */
    ASSERT(zero_index || bytes_equal(in, again));
}

static void try_reply(struct bytes in, const struct schema *schema, struct arena *arena)
{
    struct reply r;
    struct bytes again;
    uint64_t id;
    if (reply_decode(in, schema, arena, &r) != TIDE_OK || in.len > LIMIT_TRADE_FRAME_BYTES) return;
    ASSERT(reply_peek_id(in, &id) == TIDE_OK && id == r.request_id);
    ASSERT(reply_encode(&r, schema, arena, &again) == TIDE_OK);
    ASSERT(bytes_equal(in, again));
}

static void try_tape(struct bytes in, struct arena *arena)
{
    const struct body_tape *message;
    struct bytes again;
    if (tape_decode(in, arena, &message) != TIDE_OK || in.len > LIMIT_TRADE_FRAME_BYTES) return;
    ASSERT(tape_encode(message, arena, &again) == TIDE_OK);
    ASSERT(bytes_equal(in, again));
}

#define AS_TAPE 0xfe

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    if (size == 0) return 0;
    struct bytes in = BYTES(data + 1, size - 1);
    arena_init(&arena, 16u << 20);
    if (data[0] < n_all_verbs) {
        try_reply(in, all_verbs[data[0]].reply, &arena);
    } else if (data[0] == AS_TAPE) {
        try_tape(in, &arena);
    } else {
        try_request(in, &arena);
    }
    arena_deinit(&arena);
    return 0;
}
