/*
 * One frame at a time: decode, check that the verb is this door's, have it answered, encode, send.
 *
 * Always holds: every request whose id could be read gets exactly one reply, now or later; memory for it is the
 * arena's and is reset before the next.
 * Not here: what a verb means; who the peer is.
 */
#include "broker/server/door_loop.h"

#include "broker/server/log.h"
#include "broker/server/query.h"

void door_reply(const struct door_service *s, const uint8_t *route, size_t route_len, const struct verb_info *verb,
                const struct reply *reply)
{
    const struct schema *schema = verb != NULL ? verb->reply : &schema_r_none;
    struct reply refusal;
    struct bytes frame;

    enum tide_err err = reply_encode(reply, schema, s->arena, &frame);
    if (err != TIDE_OK) {
        log_event(LOG_LEVEL_ERROR, "reply_failed", "verb=%s error=%s", verb != NULL ? verb->name : "?",
                  log_value(tide_err_text(err)).text);
        arena_reset(s->arena);
        reply_refuse(&refusal, reply->request_id, err == TIDE_ENOMEM ? OUTCOME_BUSY : OUTCOME_TOO_LARGE, NULL);
        err = reply_encode(&refusal, &schema_r_none, s->arena, &frame);
    }
    if (err == TIDE_OK) err = door_send(s->door, route, route_len, frame);
    /* TIDE_ENOTFOUND and TIDE_EBUSY are the peer's own doing; it may ask again. */
    if (err != TIDE_OK) log_event(LOG_LEVEL_DEBUG, "reply_lost", "error=%s", log_value(tide_err_text(err)).text);
}

static enum tide_err serve_one(const struct door_service *s, const struct door_message *message)
{
    struct request request;
    struct reply reply;
    bool later = false;

    enum tide_err err = request_decode(message->data, s->arena, &request);
    if (err != TIDE_OK) {
        reply_refuse(&reply, request.request_id, err == TIDE_EMALFORMED ? OUTCOME_MALFORMED : OUTCOME_BUSY, NULL);
        door_reply(s, message->route, message->route_len, NULL, &reply);
        return TIDE_OK;
    }
    if (request.verb == NULL || (request.verb->doors & s->bit) == 0) {
        reply_refuse(&reply, request.request_id, OUTCOME_UNKNOWN_VERB, NULL);
        door_reply(s, message->route, message->route_len, NULL, &reply);
        return TIDE_OK;
    }
    err = s->answer(s->ctx, message, &request, &reply, &later);
    if (err != TIDE_OK) {
        log_event(LOG_LEVEL_ERROR, "answer_failed", "verb=%s error=%s", request.verb->name,
                  log_value(tide_err_text(err)).text);
        reply_refuse(&reply, request.request_id, OUTCOME_BUSY, NULL);
        later = false;
    }
    if (!later) door_reply(s, message->route, message->route_len, request.verb, &reply);
    return err == TIDE_EDAMAGED ? err : TIDE_OK;
}

enum tide_err door_serve(const struct door_service *s, size_t max_messages, size_t *n_served)
{
    struct door_message message;

    for (*n_served = 0; *n_served < max_messages; ++*n_served) {
        enum tide_err err = door_receive(s->door, &message);
        if (err == TIDE_ENOTFOUND) return TIDE_OK;
        if (err != TIDE_OK) return err;
        arena_reset(s->arena);
        err = serve_one(s, &message);
        if (err != TIDE_OK) return err;
    }
    return TIDE_OK;
}
