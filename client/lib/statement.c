/*
 * Statements: signed, put into the outbox, sent, and followed until their outcome is known.
 *
 * Always holds: the bytes are on disk before they are sent, and are never made again: what is repeated is the same
 * bytes under the same id. A statement that was never sent leaves the outbox; one that was sent stays in it until its
 * outcome is known. "Refused" is only said when it can no longer be accepted.
 * Not here: proving what was accepted (resend.c).
 */
#include "client/lib/market.h"

#include <stdio.h>
#include <stdlib.h>

#define BACKOFF_MAX_MS 2000
/* Beyond valid_until, for clocks that differ. The look itself (`settle`) comes after all that reached the broker before it. */
#define SETTLED_AFTER_MS 3000
#define LOOK_BACK_MS 120000   /* the record of a statement is at most this much older than its issued_at */
#define SKEW_WORTH_SAYING_MS 5000

struct statement_call {
    struct outbox_entry entry;
    uint8_t *envelope;
    uint64_t issued_at, valid_until;
    uint64_t give_up_ms; /* wall clock */
    bool is_enrol, is_resumed, is_looking;
    unsigned n_refusals, n_looks;
};

void statement_free(struct statement_call **s)
{
    if (*s == NULL) return;
    free((*s)->envelope);
    free(*s);
    *s = NULL;
}

/* ---- making ---- */

/* A UUIDv7 (RFC 9562) of that time. */
static void command_id_new(uint64_t time_ms, uint8_t id[16])
{
    random_bytes(id, 16);
    for (unsigned i = 0; i < 6; i++) id[i] = (uint8_t)(time_ms >> (40 - 8 * i));
    id[6] = (uint8_t)((id[6] & 0x0f) | 0x70);
    id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
}

/* A bid without a recipient gets its one-time one, which follows from the identity and the command id. */
static void order_fill(const struct tide_market *m, const uint8_t id[16], uint64_t position, struct body_order *order)
{
    static const uint8_t none[32];
    uint8_t secret[32];
    if (order->side != SIDE_BID || memcmp(order->recipient, none, 32) != 0) return;
    identity_bid_key(m->identity, id, position, secret, order->recipient);
    explicit_bzero(secret, sizeof secret);
}

/* What the library fills in; a copy in the scratch arena, or the body itself. NULL: no memory. */
static const void *body_fill(struct tide_market *m, const struct schema *schema, const uint8_t id[16], const void *body)
{
    static const uint8_t none[32];
    if (schema != &schema_order && schema != &schema_order_batch && schema != &schema_enrol) return body;
    void *copy = arena_alloc(&m->scratch, schema->size);
    if (copy == NULL) return NULL;
    memcpy(copy, body, schema->size);
    if (schema == &schema_order) {
        order_fill(m, id, 0, copy);
    } else if (schema == &schema_enrol) {
        struct body_enrol *enrol = copy;
        if (memcmp(enrol->seal_key, none, 32) == 0) memcpy(enrol->seal_key, identity_seal_public(m->identity), 32);
        if (memcmp(enrol->wire_key, none, 32) == 0) memcpy(enrol->wire_key, identity_wire_public(m->identity), 32);
    } else {
        struct body_order_batch *batch = copy;
        struct body_order *orders = arena_calloc(&m->scratch, batch->orders.n, sizeof *orders);
        if (orders == NULL) return NULL;
        if (batch->orders.n > 0) memcpy(orders, batch->orders.items, batch->orders.n * sizeof *orders);
        batch->orders.items = orders;
        for (size_t i = 0; i < batch->orders.n; i++) order_fill(m, id, i, &orders[i]);
    }
    return copy;
}

static int statement_sign(struct tide_market *m, const struct schema *schema, const void *body,
                          struct statement_call *s, struct tide_error *error)
{
    uint8_t signature[SIGN_BYTES];
    struct bytes bytes, envelope;
    const char *bad = NULL;
    struct statement st = {.kind = schema->kind, .version = schema->version, .issued_at = s->issued_at,
                           .valid_until = s->valid_until};

    memcpy(st.market, s->entry.market, 32);
    memcpy(st.party, s->entry.party, 32);
    memcpy(st.command_id, s->entry.command_id, 16);
    arena_reset(&m->scratch);
    st.body = body_fill(m, schema, st.command_id, body);
    if (st.body == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    if (!fields_check(schema, st.body, &bad)) {
        return error_set(error, OUTCOME_C_USAGE, "%s: the field %s is missing or outside its bounds.", schema->name,
                         bad);
    }
    enum tide_err err = statement_encode(&st, &m->scratch, &bytes);
    if (err == TIDE_OK) {
        identity_sign(m->identity, DOMAIN_STATEMENT, bytes, signature);
        err = envelope_encode(bytes, signature, &m->scratch, &envelope);
    }
    if (err != TIDE_OK) return error_of(error, err, schema->name);
    s->envelope = malloc(envelope.len);
    if (s->envelope == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    memcpy(s->envelope, envelope.data, envelope.len);
    s->entry.envelope = BYTES(s->envelope, envelope.len);
    return 0;
}

int statement_new_keys(struct tide_market *m, const struct identity *id, const uint8_t party[32], struct bytes *envelope,
                       struct tide_error *error)
{
    struct body_new_keys body = {0};
    struct statement st = {.kind = KIND_NEW_KEYS, .version = schema_new_keys.version, .issued_at = wall_ms(), .body = &body};
    uint8_t signature[SIGN_BYTES];
    struct bytes bytes;

    st.valid_until = st.issued_at + LIMIT_ENROL_VALID_MS;
    memcpy(body.party, party, 32);
    memcpy(body.seal_key, identity_seal_public(id), 32);
    memcpy(body.wire_key, identity_wire_public(id), 32);
    memcpy(st.market, m->url.market, 32);
    memcpy(st.party, identity_party(id), 32);
    command_id_new(st.issued_at, st.command_id);
    arena_reset(&m->scratch);
    enum tide_err err = statement_encode(&st, &m->scratch, &bytes);
    if (err == TIDE_OK) {
        identity_sign(id, DOMAIN_STATEMENT, bytes, signature);
        err = envelope_encode(bytes, signature, &m->scratch, envelope);
    }
    return error_of(error, err, "new_keys");
}

static int outbox_failed(struct tide_market *m, enum tide_err err, struct tide_error *error)
{
    if (err == TIDE_OK) return 0;
    return error_set(error, OUTCOME_C_FILE, "The outbox in %s: %s; nothing was sent.", m->state_dir,
                     tide_err_text(err));
}

/* ---- following ---- */
static void outbox_forget(struct tide_call *call)
{
    const struct outbox_entry *e = &call->statement->entry;
    enum tide_err err = outbox_del(call->market->outbox, e->market, e->party, e->command_id);
    (void)err; /* left there, it does no harm */
}

void statement_abandon(struct tide_call *call)
{
    if (call->statement == NULL || call->statement->is_resumed || call->was_sent || call->stage == CALL_DONE) return;
    outbox_forget(call);
}

static void outbox_note(struct tide_call *call, enum outbox_state state, uint64_t code)
{
    struct outbox_entry *e = &call->statement->entry;
    e->state = state;
    e->code = code;
    enum tide_err err = outbox_put(call->market->outbox, e);
    (void)err; /* should it fail: sending again is safe, and tells the same */
}

static bool was_accepted(struct tide_call *call)
{
    struct tide_market *m = call->market;
    struct statement_call *s = call->statement;
    if (s->is_enrol) {
        outbox_forget(call); /* it waits in the lobby; there is no record to prove */
        return true;
    }
    const struct body_r_submit *reply = call->doc->value;
    s->entry.first_index = reply->first_index;
    s->entry.next_index = reply->next_index;
    uint64_t seen = reply->next_index > 0 ? reply->next_index : reply->first_index + 1;
    if (seen > m->seen_index) m->seen_index = seen;
    outbox_note(call, OUTBOX_ACCEPTED, 0);
    return true;
}

static bool was_refused(struct tide_call *call)
{
    int64_t skew = call->market->greeting.skew_ms;
    int code = call->code;
    if ((code == OUTCOME_BAD_TIME || code == OUTCOME_EXPIRED) &&
        (skew > SKEW_WORTH_SAYING_MS || skew < -SKEW_WORTH_SAYING_MS)) {
        error_set(&call->error, code, "This machine's clock is %lld seconds %s the broker's.",
                  (long long)(skew < 0 ? -skew : skew) / 1000, skew < 0 ? "ahead of" : "behind");
    }
    outbox_note(call, OUTBOX_REFUSED, (uint64_t)code);
    return true;
}

static bool is_unknown(struct tide_call *call)
{
    error_set(&call->error, OUTCOME_C_UNKNOWN_OUTCOME,
              "No answer to statement %s came in time; it may have been accepted.", call->id_text);
    call->code = call->error.code;
    return true;
}

static bool look(struct tide_call *call, uint64_t before, int64_t not_before_ms)
{
    struct body_q_own q = {.before = before, .limit = LIMIT_PAGE, .settle = 1};
    call->statement->is_looking = true;
    if (call_restart(call, VERB_STATEMENTS, &q, &call->error) != 0) {
        call->code = call->error.code;
        return true;
    }
    if (not_before_ms > 0) call_again(call, not_before_ms);
    return false;
}

/* Found among one's own statements: an answer without events. */
static bool was_found(struct tide_call *call, uint64_t index)
{
    tide_doc_free(&call->doc);
    call->doc = doc_new(&schema_r_submit);
    if (call->doc == NULL) {
        call->code = error_set(&call->error, OUTCOME_C_NO_MEMORY, NULL);
        return true;
    }
    ((struct body_r_submit *)call->doc->value)->first_index = index;
    call->code = 0;
    return was_accepted(call);
}

/* A page of one's own statements has come (or has not). */
static bool has_looked(struct tide_call *call)
{
    struct statement_call *s = call->statement;
    if (call->code != 0) return is_unknown(call);
    const struct body_r_statements *page = call->doc->value;
    const struct body_statement_row *rows = page->statements.items;
    bool older = false;
    for (size_t i = 0; i < page->statements.n; i++) {
        if (memcmp(rows[i].command_id, s->entry.command_id, 16) == 0) return was_found(call, rows[i].index);
        older = rows[i].time_ms + LOOK_BACK_MS < s->issued_at;
    }
    if (page->before != 0 && !older) return look(call, page->before, 0);
    int64_t broker_now = (int64_t)wall_ms() + call->market->greeting.skew_ms;
    int64_t left = (int64_t)s->valid_until + SETTLED_AFTER_MS - broker_now;
    if (left > 0) {
        if (left > SETTLED_AFTER_MS * 2 || ++s->n_looks > 3) return is_unknown(call);
        return look(call, 0, clock_ms() + left);
    }
    error_set(&call->error, OUTCOME_EXPIRED, "The statement was not accepted in time and never will be.");
    call->code = OUTCOME_EXPIRED;
    return was_refused(call);
}

/* No answer before the deadline, or a door that refused us. */
static bool was_not_answered(struct tide_call *call)
{
    struct statement_call *s = call->statement;
    if (!call->was_sent && !s->is_resumed) {
        outbox_forget(call);
        return true;
    }
    if (call->code != OUTCOME_C_UNREACHABLE) return true; /* another broker than expected, no memory: stays signed */
    if (wall_ms() < s->give_up_ms) {
        call_again(call, 0);
        return false;
    }
    if (s->is_enrol) return is_unknown(call);
    return look(call, 0, 0);
}

static bool statement_ended(struct tide_call *call)
{
    struct statement_call *s = call->statement;
    int code = call->code;
    if (s->is_looking) return has_looked(call);
    if (code == 0) return was_accepted(call);
    if (code >= 600 || !call->was_sent) return was_not_answered(call);
    if ((code == OUTCOME_BUSY || code == OUTCOME_STOPPING) && wall_ms() < s->give_up_ms) {
        int64_t wait = INT64_C(50) << (s->n_refusals < 6 ? s->n_refusals : 6);
        s->n_refusals++;
        call_again(call, clock_ms() + (wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS));
        return false;
    }
    if (code == OUTCOME_EXPIRED && !s->is_enrol) return look(call, 0, 0); /* an earlier copy may have been accepted */
    return was_refused(call);
}

/* ---- starting ---- */
static int statement_send(struct tide_market *m, struct statement_call *s, struct tide_call **out,
                          struct tide_error *error)
{
    struct body_q_submit submit = {.envelope = s->entry.envelope};
    struct body_q_enrol enrol = {.envelope = s->entry.envelope};
    const void *body = s->is_enrol ? (const void *)&enrol : &submit;
    int code = call_start(m, s->is_enrol ? VERB_ENROL : VERB_SUBMIT, body, AFTER_NONE, out, error);
    if (code != 0) return code;
    (*out)->ended = statement_ended;
    (*out)->statement = s;
    for (unsigned i = 0; i < 16; i++) sprintf((*out)->id_text + 2 * (size_t)i, "%02x", s->entry.command_id[i]);
    return 0;
}

int statement_start(struct tide_market *m, const struct schema *schema, const void *body, struct tide_call **out,
                    struct tide_error *error)
{
    *out = NULL;
    int code = need_identity(m, error);
    if (code != 0) return code;
    struct statement_call *s = calloc(1, sizeof *s);
    if (s == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    s->is_enrol = schema->kind == KIND_ENROL;
    s->issued_at = wall_ms();
    s->valid_until = s->issued_at + (s->is_enrol ? LIMIT_ENROL_VALID_MS : LIMIT_VALID_DEFAULT_MS);
    s->give_up_ms = s->issued_at + LIMIT_VALID_DEFAULT_MS;
    memcpy(s->entry.market, m->url.market, 32);
    memcpy(s->entry.party, identity_party(m->identity), 32);
    command_id_new(s->issued_at, s->entry.command_id);
    s->entry.kind = schema->kind;
    s->entry.signed_at_ms = s->issued_at;
    s->entry.state = OUTBOX_SIGNED;
    code = statement_sign(m, schema, body, s, error);
    if (code == 0) code = outbox_failed(m, outbox_put(m->outbox, &s->entry), error);
    if (code == 0) code = statement_send(m, s, out, error);
    if (code != 0) statement_free(&s);
    return code;
}

int statement_resume(struct tide_market *m, const struct outbox_entry *entry, struct tide_call **out,
                     struct tide_error *error)
{
    struct statement st = {0};
    struct bytes bytes;
    const uint8_t *signature;

    *out = NULL;
    arena_reset(&m->scratch);
    enum tide_err err = envelope_decode(entry->envelope, &m->scratch, &bytes, &signature);
    if (err == TIDE_OK) err = statement_decode(bytes, &m->scratch, &st);
    if (err != TIDE_OK) return error_of(error, err, "A statement in the outbox");
    struct statement_call *s = calloc(1, sizeof *s);
    if (s == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    s->entry = *entry;
    s->envelope = malloc(entry->envelope.len);
    if (s->envelope == NULL) {
        statement_free(&s);
        return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    }
    memcpy(s->envelope, entry->envelope.data, entry->envelope.len);
    s->entry.envelope.data = s->envelope;
    s->is_enrol = st.kind == KIND_ENROL;
    s->is_resumed = true;
    s->issued_at = st.issued_at;
    s->valid_until = st.valid_until;
    s->give_up_ms = wall_ms(); /* one attempt, then it is looked up */
    int code = statement_send(m, s, out, error);
    if (code != 0) statement_free(&s);
    return code;
}

/* ---- in public ---- */
int tide_state_start(struct tide_market *market, const char *kind, const struct tide_doc *body, struct tide_call **out,
                     struct tide_error *error)
{
    error_clear(error);
    *out = NULL;
    const struct schema *schema = schema_of_name(kind);
    if (schema == NULL || schema->kind >= KIND_OPENED) {
        return error_set(error, OUTCOME_C_USAGE, "There is no statement \"%.40s\".", kind);
    }
    if (body == NULL || body->schema != schema) {
        return error_set(error, OUTCOME_C_USAGE, "The body of a \"%s\" statement is a document of that kind.", kind);
    }
    return statement_start(market, schema, body->value, out, error);
}

int tide_state(struct tide_market *market, const char *kind, const struct tide_doc *body, struct tide_doc **out,
               struct tide_error *error)
{
    struct tide_call *call;
    if (out != NULL) *out = NULL;
    int code = tide_state_start(market, kind, body, &call, error);
    return code != 0 ? code : tide_call_finish(&call, out, error);
}

int market_state(struct tide_market *m, const struct schema *schema, const void *body, struct tide_doc **out,
                 struct tide_error *error)
{
    struct tide_call *call;
    if (out != NULL) *out = NULL;
    int code = statement_start(m, schema, body, &call, error);
    return code != 0 ? code : tide_call_finish(&call, out, error);
}
