/*
 * Requests in, replies out, over one door: what the lobby, the audit door and the data door do with a frame before
 * and after they answer it. Whoever serves gives one function; what is malformed, unknown or of another door never
 * reaches it.
 */
#ifndef TIDEMARK_BROKER_DOOR_LOOP_H
#define TIDEMARK_BROKER_DOOR_LOOP_H

#include "broker/server/door.h"
#include "storage/protocol.h"

struct door_service {
    struct door *door;
    enum door_bit bit;
    struct arena *arena; /* reset before each message */
    void *ctx;
    /*
     * Answers one request; texts and bodies of *out may lie in the arena. *later = true: nothing is sent now, the
     * reply follows by door_reply. On an error *out is ignored and the peer told to come again.
     */
    enum tide_err (*answer)(void *ctx, const struct door_message *message, const struct request *request,
                            struct reply *out, bool *later);
};

/*
 * Serves what is waiting, at most `max_messages`; *n_served of them. TIDE_EDAMAGED from an answer is handed on (the
 * process has to stop); other errors are logged and cost only that one request.
 */
MUST_USE enum tide_err door_serve(const struct door_service *s, size_t max_messages, size_t *n_served);

/* Encodes and sends a reply. A peer that is gone or does not read loses it. `verb` NULL: a refusal. */
void door_reply(const struct door_service *s, const uint8_t *route, size_t route_len, const struct verb_info *verb,
                const struct reply *reply);

#endif
