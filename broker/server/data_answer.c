/*
 * Requests to the data door and their replies: who asks, about which listing, and which function answers.
 *
 * Always holds: a verb is answered only for an enrolled party, and what is about a listing only if there is one.
 * Not here: who may put and fetch (data_entitled.c), what the verbs do (data_content.c, data_samples.c, data_evidence.c).
 */
#include "broker/server/data_door.h"

#include "broker/server/clock.h"
#include "broker/server/log.h"

#include <inttypes.h>

enum tide_err data_refuse(struct ask *a, enum outcome code, const char *detail)
{
    reply_refuse(a->reply, a->request->request_id, code, detail);
    return TIDE_OK;
}

void *data_body(struct ask *a, size_t size)
{
    void *body = arena_calloc(&a->door->arena, 1, size);
    *a->reply = (struct reply){.request_id = a->request->request_id, .body = body};
    return body;
}

enum tide_err data_put_refused(struct ask *a, enum tide_err err, const char *what_is_wrong)
{
    switch (err) {
    case TIDE_EAUTH:
    case TIDE_EINVAL:
    case TIDE_ELIMIT:
    case TIDE_EMALFORMED: return data_refuse(a, OUTCOME_BAD_CONTENT, what_is_wrong);
    case TIDE_ENOTFOUND: return data_refuse(a, OUTCOME_WRONG_STATE, "The manifest comes before the chunks.");
    case TIDE_EFULL: return data_refuse(a, OUTCOME_FULL, NULL);
    default:
        log_event(LOG_LEVEL_ERROR, "content_not_written", "listing=%" PRIu64 " error=%s", a->listing,
                  log_value(tide_err_text(err)).text);
        return data_refuse(a, OUTCOME_BUSY, NULL);
    }
}

enum tide_err data_get_refused(struct ask *a, enum tide_err err)
{
    switch (err) {
    case TIDE_ENOTFOUND: return data_refuse(a, OUTCOME_NOT_STORED, NULL);
    case TIDE_EINVAL: return data_refuse(a, OUTCOME_NOT_STORED, "The content has no chunk of that number.");
    default:
        /* One content that is damaged does not stop a market: its vendor has it still. */
        log_event(LOG_LEVEL_ERROR, "content_unreadable", "file=blobs/ listing=%" PRIu64 " error=%s hint=%s", a->listing,
                  log_value(tide_err_text(err)).text,
                  log_value("restore the folder of this content from a backup").text);
        return data_refuse(a, OUTCOME_NOT_STORED, "The stored content is damaged; the operator's log says so.");
    }
}

/* ---- dispatch ---- */

#define LISTING_OF(member) (((const struct body_##member *)a->request->body)->listing)
#define PART_OF(member) (((const struct body_##member *)a->request->body)->part)

/* The verb's function; fills in what of a listing it is about. NULL: not a verb of a listing. */
static enum tide_err (*verb_of(struct ask *a))(struct ask *a)
{
    switch (a->request->verb->verb) {
    case VERB_UPLOAD: a->listing = LISTING_OF(q_upload), a->part = PART_OF(q_upload); return data_upload;
    case VERB_PUT_MANIFEST:
        a->listing = LISTING_OF(q_put_manifest), a->part = PART_OF(q_put_manifest);
        return data_put_manifest;
    case VERB_PUT_CHUNK: a->listing = LISTING_OF(q_put_chunk), a->part = PART_OF(q_put_chunk); return data_put_chunk;
    case VERB_GET_MANIFEST:
        a->listing = LISTING_OF(q_get_manifest), a->part = PART_OF(q_get_manifest);
        return data_get_manifest;
    case VERB_GET_CHUNK: a->listing = LISTING_OF(q_get_chunk), a->part = PART_OF(q_get_chunk); return data_get_chunk;
    case VERB_PUT_SAMPLE: a->listing = LISTING_OF(q_put_sample); return data_put_sample;
    case VERB_GET_SAMPLE: a->listing = LISTING_OF(q_get_sample); return data_get_sample;
    default: return NULL;
    }
}

static enum tide_err answer_about_listing(struct ask *a)
{
    uint8_t key[8];

    enum tide_err (*answer)(struct ask *a) = verb_of(a);
    if (answer == NULL) return data_refuse(a, OUTCOME_UNKNOWN_VERB, NULL);
    key_u64(key, a->listing);
    enum tide_err err = state_get(a->door->view, TABLE_LISTING, key, &a->row);
    if (err == TIDE_ENOTFOUND) return data_refuse(a, OUTCOME_NO_SUCH_LISTING, NULL);
    return err != TIDE_OK ? err : answer(a);
}

/* ---- large replies ---- */

static bool is_large(enum verb verb)
{
    return verb == VERB_GET_CHUNK || verb == VERB_GET_MANIFEST || verb == VERB_GET_SAMPLE;
}

/* Bytes of what was asked for; 0: it was refused. */
static size_t reply_len(enum verb verb, const struct reply *reply)
{
    if (reply->code != OUTCOME_OK || reply->body == NULL) return 0;
    if (verb == VERB_GET_CHUNK) return ((const struct body_r_get_chunk *)reply->body)->sealed.len;
    if (verb == VERB_GET_MANIFEST) return ((const struct body_r_get_manifest *)reply->body)->hashes.len;
    return ((const struct body_r_get_sample *)reply->body)->plain.len;
}

enum tide_err data_answer(void *ctx, const struct door_message *message, const struct request *request,
                          struct reply *out, bool *later)
{
    struct data_door *d = ctx;
    struct ask a = {.door = d, .request = request, .reply = out};
    uint64_t applied;

    *later = false;
    enum tide_err err = state_read_renew(d->view);
    if (err == TIDE_OK) err = state_applied(d->view, &applied);
    if (err == TIDE_OK) err = query_peer(d->view, message->wire_key, &a.peer);
    if (err != TIDE_OK) return err;
    if (a.peer.number == 0) return data_refuse(&a, OUTCOME_UNKNOWN_PARTY, NULL);
    if (applied < request->after) return data_refuse(&a, OUTCOME_NOT_YET, NULL);
    if (request->verb->verb == VERB_PUT_EVIDENCE) return data_put_evidence(&a);
    if (!is_large(request->verb->verb)) return answer_about_listing(&a);
    if (!pending_has_room(&d->pending, message->route, message->route_len, message->fd, clock_steady_ms())) {
        return data_refuse(&a, OUTCOME_BUSY, "Too many replies wait to be read.");
    }
    err = answer_about_listing(&a);
    size_t len = err == TIDE_OK ? reply_len(request->verb->verb, out) : 0;
    if (len > 0) pending_add(&d->pending, message->route, message->route_len, message->fd, len);
    return err;
}
