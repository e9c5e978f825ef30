/*
 * Calls: requests under way, from their first byte to their answer.
 *
 * Always holds: a call is in the market's list until it is done; its reply is matched by request id alone; a request
 * goes on the wire again only if its connection broke or its owner asks for it; a deadline ends it, or its `ended` hook
 * prolongs it.
 * Not here: signing and the fate of statements (statement.c), waiting (market.c).
 */
#include "client/lib/market.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define WIRE_PATIENCE_MS 2000 /* a door that does not come up in this time may have moved */
#define DATA_PATIENCE 6       /* chunks are large and lines are slow: so many times the usual deadline */

/*
 * Requests in flight at a door. A broker drops replies to a peer with too many waiting, and libzmq's count of them lags
 * by half its mark; these stay below half of what the doors allow (16 data, 64 lobby and audit, 4,096 trade).
 */
static const unsigned in_flight_max[WIRE_N] = {
    [WIRE_LOBBY] = 16, [WIRE_TRADE] = 2048, [WIRE_DATA] = 8, [WIRE_AUDIT] = 16};

/* ---- the list ---- */
static void list_add(struct tide_market *m, struct tide_call *call)
{
    call->prev = m->last_call;
    call->next = NULL;
    if (m->last_call != NULL) m->last_call->next = call;
    else m->calls = call;
    m->last_call = call;
}

static void list_remove(struct tide_market *m, struct tide_call *call)
{
    if (call->prev != NULL) call->prev->next = call->next;
    else m->calls = call->next;
    if (call->next != NULL) call->next->prev = call->prev;
    else m->last_call = call->prev;
    call->prev = call->next = NULL;
}

static struct tide_call **bucket_of(struct tide_market *m, uint64_t request_id)
{
    return &m->buckets[request_id % CALL_BUCKETS];
}

static void bucket_add(struct tide_market *m, struct tide_call *call)
{
    struct tide_call **bucket = bucket_of(m, call->request_id);
    call->bucket_next = *bucket;
    *bucket = call;
}

static void bucket_remove(struct tide_market *m, struct tide_call *call)
{
    struct tide_call **at = bucket_of(m, call->request_id);
    while (*at != NULL && *at != call) at = &(*at)->bucket_next;
    if (*at != NULL) *at = call->bucket_next;
    call->bucket_next = NULL;
}

static void set_stage(struct tide_call *call, enum call_stage stage)
{
    struct tide_market *m = call->market;
    if (call->stage == CALL_WAITING) m->n_calls_waiting--;
    if (call->stage == CALL_SENT) m->wires[call->slot].n_sent--;
    if (stage == CALL_WAITING) m->n_calls_waiting++;
    if (stage == CALL_SENT) m->wires[call->slot].n_sent++;
    call->stage = stage;
}

static void due(struct tide_market *m, int64_t moment)
{
    if (moment < m->next_due_ms) m->next_due_ms = moment;
}

/* ---- starting ---- */
static int call_encode(struct tide_call *call, const void *body, uint64_t after, struct tide_error *error)
{
    struct tide_market *m = call->market;
    union { uint8_t bytes[1024]; uint64_t align; } cleared = {.align = 0};
    const struct schema *schema = call->verb->request;
    const char *bad = NULL;
    struct bytes frame;

    ASSERT(schema->size <= sizeof cleared);
    if (body == NULL) {
        memset(&cleared, 0, sizeof cleared);
        body = &cleared;
    }
    if (after == 0 && (call->verb->doors & DOOR_TRADE) != 0 && call->verb->verb != VERB_SUBMIT) after = m->seen_index;
    if (after == AFTER_NONE) after = 0;
    struct request request = {call->request_id, call->verb, after, body};
    if (!fields_check(schema, body, &bad)) {
        return error_set(error, OUTCOME_C_USAGE, "%s: the field %s is missing or outside its bounds.", call->verb->name,
                         bad);
    }
    arena_reset(&m->scratch);
    enum tide_err err = request_encode(&request, &m->scratch, &frame);
    if (err != TIDE_OK) return error_of(error, err, call->verb->name);
    free(call->frame);
    call->frame = malloc(frame.len);
    if (call->frame == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    memcpy(call->frame, frame.data, frame.len);
    call->frame_len = frame.len;
    return 0;
}

static const struct verb_info *info_of(enum verb verb)
{
    for (size_t i = 0; i < n_all_verbs; i++) {
        if (all_verbs[i].verb == verb) return &all_verbs[i];
    }
    return NULL;
}

/* What is known of a key that was not enrolled may be out of date. */
static void look_again(struct tide_market *m)
{
    struct greeting *g = &m->greeting;
    if (g->known && g->party_state != PARTY_ACTIVE && g->party_state != PARTY_SUSPENDED) g->known = false;
}

int call_start(struct tide_market *m, enum verb verb, const void *body, uint64_t after, struct tide_call **out,
               struct tide_error *error)
{
    *out = NULL;
    struct tide_call *call = calloc(1, sizeof *call);
    if (call == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    call->market = m;
    call->verb = info_of(verb);
    call->request_id = ++m->next_request_id;
    call->slot = WIRE_N;
    int code = call_encode(call, body, after, error);
    if (code != 0) {
        free(call->frame);
        free(call);
        return code;
    }
    if (call->verb->doors != DOOR_LOBBY) look_again(m);
    call->patience_ms = m->timeout_ms;
    if (call->verb->doors == DOOR_DATA) call->patience_ms *= DATA_PATIENCE;
    if (verb == VERB_RECORDS) call->patience_ms += (int)((const struct body_q_records *)body)->wait_ms;
    call->deadline_ms = clock_ms() + call->patience_ms;
    due(m, call->deadline_ms);
    m->n_calls_waiting++;
    m->stir = true;
    list_add(m, call);
    bucket_add(m, call);
    *out = call;
    return 0;
}

int call_restart(struct tide_call *call, enum verb verb, const void *body, struct tide_error *error)
{
    struct tide_market *m = call->market;
    bucket_remove(m, call);
    call->verb = info_of(verb);
    call->request_id = ++m->next_request_id;
    bucket_add(m, call);
    tide_doc_free(&call->doc);
    call->code = 0;
    int code = call_encode(call, body, 0, error);
    if (code == 0) call_again(call, 0);
    return code;
}

void call_again(struct tide_call *call, int64_t not_before_ms)
{
    int64_t now = clock_ms();
    set_stage(call, CALL_WAITING);
    tide_doc_free(&call->doc);
    call->code = 0;
    call->not_before_ms = not_before_ms;
    call->market->stir = true;
    call->deadline_ms = (not_before_ms > now ? not_before_ms : now) + call->patience_ms;
    due(call->market, not_before_ms > now ? not_before_ms : call->deadline_ms);
}

/* ---- ending ---- */
void call_end(struct tide_call *call, const struct tide_error *error)
{
    struct tide_market *m = call->market;
    if (error != NULL) {
        tide_doc_free(&call->doc);
        call->code = error_copy(&call->error, error);
    }
    if (call->ended != NULL && !call->ended(call)) return;
    set_stage(call, CALL_DONE);
    list_remove(m, call);
    bucket_remove(m, call);
    if (call->is_greeting) call_free(&call);
}

void call_free(struct tide_call **call)
{
    struct tide_call *old = *call;
    if (old == NULL) return;
    *call = NULL;
    if (old->stage != CALL_DONE && old->market != NULL) {
        statement_abandon(old);
        set_stage(old, CALL_DONE);
        list_remove(old->market, old);
        bucket_remove(old->market, old);
    }
    statement_free(&old->statement);
    tide_doc_free(&old->doc);
    free(old->frame);
    free(old);
}

void calls_close(struct tide_market *m)
{
    while (m->calls != NULL) {
        struct tide_call *call = m->calls;
        statement_abandon(call);
        if (!call->is_greeting) error_set(&call->error, OUTCOME_C_INTERRUPTED, "The market was closed first.");
        call->code = call->error.code;
        set_stage(call, CALL_DONE);
        list_remove(m, call);
        bucket_remove(m, call);
        call->market = NULL;
        if (call->is_greeting) call_free(&call);
    }
}

/* ---- replies ---- */
void market_frame(struct tide_market *m, struct bytes frame)
{
    struct tide_error error;
    struct bytes text;
    uint64_t id, code;

    if (reply_peek_id(frame, &id) != TIDE_OK) return;
    struct tide_call *call = *bucket_of(m, id);
    while (call != NULL && call->request_id != id) call = call->bucket_next;
    if (call == NULL) return; /* an answer that came twice, or too late */
    tide_doc_free(&call->doc);
    enum tide_err err = doc_from_reply(frame, call->verb->reply, &call->doc, &code, &text);
    if (err != TIDE_OK) {
        error_set(&error, err == TIDE_ENOMEM ? OUTCOME_C_NO_MEMORY : OUTCOME_V_FAILED,
                  err == TIDE_ENOMEM ? NULL : "The broker's answer to %s does not follow the protocol.",
                  call->verb->name);
        call_end(call, &error);
        return;
    }
    call->code = 0;
    if (code == 0) {
        call_end(call, NULL);
        return;
    }
    int length = text.len < 400 ? (int)text.len : 400;
    error_set(&error, (int)code, length > 0 ? "%.*s" : NULL, length, (const char *)text.data);
    call_end(call, &error);
}

/* ---- doors that come and go ---- */
void wire_is_down(struct tide_market *m, enum wire_slot slot)
{
    for (struct tide_call *call = m->calls; call != NULL; call = call->next) {
        if (call->stage != CALL_SENT || call->slot != slot) continue;
        set_stage(call, CALL_WAITING);
        if (!call->once) continue;
        call->deadline_ms = clock_ms(); /* before anything is sent again, deadlines are looked at */
        due(m, call->deadline_ms);
    }
    if (slot == WIRE_LOBBY) return; /* libzmq connects again, to the same port */
    wire_close(m, slot);
    greeting_forget(m);
}

void wire_is_refused(struct tide_market *m, enum wire_slot slot)
{
    struct tide_error error;
    error_set(&error, slot == WIRE_AUDIT ? OUTCOME_NOT_YOUR_ROLE : OUTCOME_UNKNOWN_PARTY,
              "The market's %s door does not let this key in.",
              slot == WIRE_AUDIT ? "audit" : slot == WIRE_DATA ? "data" : slot == WIRE_TRADE ? "trade" : "lobby");
    wire_close(m, slot);
    greeting_forget(m);
    for (struct tide_call *call = m->calls, *next; call != NULL; call = next) {
        next = call->next;
        if (call->slot == slot) call_end(call, &error);
    }
}

static int unreachable(const struct tide_market *m, struct tide_error *error)
{
    return error_set(error, OUTCOME_C_UNREACHABLE, "The broker at %s:%u does not answer.", m->url.host,
                     (unsigned)m->url.port);
}

/* Puts one call on the wire if its door is up, and sets going what it takes to bring the door up. */
static void call_flush(struct tide_call *call)
{
    struct tide_market *m = call->market;
    struct tide_error error;
    enum wire_slot slot;

    int code = greeting_slot(m, call, &slot, &error);
    if (code > 0) {
        call_end(call, &error);
        return;
    }
    if (code < 0) {
        greeting_start(m);
        due(m, clock_ms() + 100);
        return;
    }
    call->slot = slot;
    uint16_t port = slot == WIRE_LOBBY ? m->url.port : m->greeting.ports[slot];
    if (port == 0) { /* not served now */
        greeting_forget(m);
        due(m, clock_ms() + 100);
        return;
    }
    if (wire_open(m, slot, port, &error) != 0) {
        call_end(call, &error);
        return;
    }
    int64_t now = clock_ms();
    if (m->wires[slot].n_sent >= in_flight_max[slot]) {
        call->deadline_ms = now + call->patience_ms; /* its turn comes: those before it have deadlines */
        return;
    }
    if (!wire_send(m, slot, BYTES(call->frame, call->frame_len))) {
        due(m, now + WIRE_PATIENCE_MS);
        return;
    }
    call->was_sent = true;
    if (call->verb->verb == VERB_PUT_CHUNK) m->n_chunks_sent++;
    call->deadline_ms = now + call->patience_ms;
    set_stage(call, CALL_SENT);
}

void calls_flush(struct tide_market *m)
{
    if (m->n_calls_waiting == 0) return;
    int64_t now = clock_ms();
    for (struct tide_call *call = m->calls, *next; call != NULL && m->n_calls_waiting > 0; call = next) {
        next = call->next;
        if (call->stage != CALL_WAITING) continue;
        if (call->not_before_ms > now) due(m, call->not_before_ms);
        else call_flush(call);
    }
}

/* A door (not the lobby's) that has been knocked at for long: it may be elsewhere now. */
static void wires_expire(struct tide_market *m, int64_t now)
{
    for (enum wire_slot slot = WIRE_TRADE; slot < WIRE_N; slot++) {
        struct wire *wire = &m->wires[slot];
        if (wire->state != WIRE_CONNECTING) continue;
        if (now - wire->opened_ms < WIRE_PATIENCE_MS) {
            due(m, wire->opened_ms + WIRE_PATIENCE_MS);
            continue;
        }
        wire_close(m, slot);
        greeting_forget(m);
    }
}

void calls_expire(struct tide_market *m)
{
    struct tide_error error;
    int64_t now = clock_ms();
    if (now < m->next_due_ms) return;
    m->next_due_ms = INT64_MAX;
    wires_expire(m, now);
    for (struct tide_call *call = m->calls, *next; call != NULL; call = next) {
        next = call->next;
        if (call->deadline_ms > now) {
            due(m, call->stage == CALL_WAITING && call->not_before_ms > now ? call->not_before_ms : call->deadline_ms);
            continue;
        }
        if (call->stage == CALL_SENT && call->slot != WIRE_LOBBY) { /* silent: start anew from the lobby */
            enum wire_slot slot = call->slot;
            wire_is_down(m, slot);
            next = call->next;
        }
        unreachable(m, &error);
        call_end(call, &error);
    }
}
