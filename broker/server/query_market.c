/*
 * Questions about the market and who is in it: its doors and parameters, a party and its marks, the requests that
 * wait to be enrolled.
 *
 * Always holds: a legal group is shown only to its own party, to operators and to regulators; a waiting request only
 * to who made it and to operators.
 */
#include "broker/server/query_internal.h"

enum tide_err query_doors(struct query *q)
{
    struct row_market market;
    const uint16_t *ports = q->source->ports;

    enum tide_err err = market_row(q->source->view, &market);
    if (err == TIDE_ENOTFOUND) return query_refuse(q, OUTCOME_NOT_YET, NULL);
    if (err != TIDE_OK) return err;
    struct body_r_doors *body = query_body(q, sizeof *body);
    struct parameter_value *parameters = arena_calloc(q->arena, PARAM_N, sizeof *parameters);
    if (body == NULL || parameters == NULL) return TIDE_ENOMEM;
    for (size_t i = 0; i < PARAM_N; i++) {
        parameters[i] = (struct parameter_value){.parameter = i, .value = market.parameters[i]};
    }
    memcpy(body->market, market.market, 32);
    body->origin = QUERY_TEXT(q, market.origin);
    body->name = QUERY_TEXT(q, market.name);
    memcpy(body->broker, market.broker, 32);
    memcpy(body->log_key, market.log_key, 32);
    memcpy(body->wire_key, market.wire_key, 32);
    body->trade_port = ports[PORT_TRADE];
    body->tape_port = ports[PORT_TAPE];
    body->data_port = ports[PORT_DATA];
    body->audit_port = ports[PORT_AUDIT];
    body->now_ms = q->now_ms;
    body->parameters = (struct list){.items = parameters, .n = PARAM_N};
    return TIDE_OK;
}

/* ---- parties ---- */

static enum tide_err party_answer(struct query *q, uint64_t number, const struct row_party *party)
{
    struct body_r_party *body = query_body(q, sizeof *body);

    if (body == NULL) return TIDE_ENOMEM;
    memcpy(body->party, party->key, 32);
    body->state = party->state;
    body->name = QUERY_TEXT(q, party->name);
    body->roles = party->roles;
    if (number == q->peer->number || query_peer_is(q, ROLE_OPERATOR | ROLE_REGULATOR)) {
        body->group = QUERY_TEXT(q, party->group);
    }
    body->jurisdiction = QUERY_TEXT(q, party->jurisdiction);
    body->admitted = number;
    body->settled = party->settled;
    body->missed = party->missed;
    return TIDE_OK;
}

/* Takes a waiting request apart. TIDE_EMALFORMED: it is none (then it is passed over). */
static enum tide_err request_open(const struct request_entry *entry, struct arena *arena, struct statement *out)
{
    struct bytes bytes;
    const uint8_t *signature;

    enum tide_err err = envelope_decode(entry->envelope, arena, &bytes, &signature);
    if (err == TIDE_OK) err = statement_decode(bytes, arena, out);
    if (err == TIDE_OK && out->kind != KIND_ENROL) err = TIDE_EMALFORMED;
    return err;
}

static enum tide_err waiting_answer(struct query *q, const struct request_entry *entry)
{
    struct statement statement;
    struct request_entry copy = *entry;

    copy.envelope = arena_copy(q->arena, entry->envelope); /* texts of the answer point into it */
    if (copy.envelope.data == NULL) return TIDE_ENOMEM;
    enum tide_err err = request_open(&copy, q->arena, &statement);
    if (err == TIDE_EMALFORMED) return query_refuse(q, OUTCOME_NO_SUCH_PARTY, NULL);
    if (err != TIDE_OK) return err;
    const struct body_enrol *enrol = statement.body;
    struct body_r_party *body = query_body(q, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    memcpy(body->party, entry->party, 32);
    body->state = PARTY_WAITING;
    body->name = enrol->name;
    body->roles = enrol->roles;
    body->jurisdiction = enrol->jurisdiction;
    return TIDE_OK;
}

/* The waiting request that came over this CURVE key. */
static enum tide_err request_by_wire_key(struct query *q, const uint8_t wire_key[32], struct request_entry *out)
{
    uint8_t after[32] = {0};

    for (size_t i = 0; i < LIMIT_REQUESTS; i++) {
        arena_reset(q->scratch);
        enum tide_err err = requests_next(q->source->requests, after, q->scratch, out);
        if (err != TIDE_OK) return err;
        if (memcmp(out->wire_key, wire_key, 32) == 0) return TIDE_OK;
        memcpy(after, out->party, 32);
    }
    return TIDE_ENOTFOUND;
}

static enum tide_err party_self(struct query *q)
{
    struct request_entry entry;

    if (q->peer->number != 0) return party_answer(q, q->peer->number, &q->peer->party);
    if (q->source->requests != NULL) {
        enum tide_err err = request_by_wire_key(q, q->peer->wire_key, &entry);
        if (err == TIDE_OK) return waiting_answer(q, &entry);
        if (err != TIDE_ENOTFOUND) return err;
    }
    /* Known to nobody: said as a state, so that whoever waits to be enrolled can ask without being refused. */
    return query_body(q, sizeof(struct body_r_party)) != NULL ? TIDE_OK : TIDE_ENOMEM;
}

enum tide_err query_party(struct query *q)
{
    const struct body_q_party *ask = q->request->body;
    static const uint8_t absent[32];
    struct row_party party;
    struct request_entry entry;
    uint64_t number;

    if (memcmp(ask->party, absent, 32) == 0) return party_self(q);
    enum tide_err err = party_by_key(q->source->view, ask->party, &number, &party);
    if (err == TIDE_OK) return party_answer(q, number, &party);
    if (err != TIDE_ENOTFOUND) return err;
    if (q->source->requests != NULL) {
        err = requests_get(q->source->requests, ask->party, q->scratch, &entry);
        if (err != TIDE_OK && err != TIDE_ENOTFOUND) return err;
        if (err == TIDE_OK && (memcmp(entry.wire_key, q->peer->wire_key, 32) == 0 || query_peer_is(q, ROLE_OPERATOR))) {
            return waiting_answer(q, &entry);
        }
    }
    return query_refuse(q, OUTCOME_NO_SUCH_PARTY, NULL);
}

/* ---- enrolment requests ---- */

/* Fills *row; TIDE_ENOTFOUND if there is nothing left to decide: enrolled, expired or not readable. */
static enum tide_err request_row(struct query *q, const struct request_entry *entry, struct body_request_row *row)
{
    struct statement statement;
    struct row_ref ref;

    memset(row, 0, sizeof *row);
    enum tide_err err = state_get(q->source->view, TABLE_PARTY_KEY, entry->party, &ref);
    if (err != TIDE_ENOTFOUND) return err == TIDE_OK ? TIDE_ENOTFOUND : err;
    err = request_open(entry, q->scratch, &statement);
    if (err == TIDE_EMALFORMED || (err == TIDE_OK && statement.valid_until < q->now_ms)) return TIDE_ENOTFOUND;
    if (err != TIDE_OK) return err;
    const struct body_enrol *enrol = statement.body;
    memcpy(row->party, entry->party, 32);
    row->name = arena_copy(q->arena, enrol->name);
    row->roles = enrol->roles;
    row->jurisdiction = arena_copy(q->arena, enrol->jurisdiction);
    row->received_at = entry->received_ms;
    row->request = arena_copy(q->arena, entry->envelope);
    return row->name.data != NULL && row->request.data != NULL ? TIDE_OK : TIDE_ENOMEM;
}

enum tide_err query_requests(struct query *q)
{
    const struct body_q_requests *ask = q->request->body;
    struct request_entry entry;
    struct body_request_row row;
    struct page page;
    uint8_t after[32];
    enum tide_err err = TIDE_OK;

    if (!query_peer_is(q, ROLE_OPERATOR)) return query_refuse(q, OUTCOME_NOT_YOUR_ROLE, NULL);
    struct body_r_requests *body = query_body(q, sizeof *body);
    if (body == NULL || !page_init(q, &page, &schema_request_row, 8)) return TIDE_ENOMEM;
    memcpy(after, ask->after, 32);
    while (q->source->requests != NULL) {
        arena_reset(q->scratch);
        err = requests_next(q->source->requests, after, q->scratch, &entry);
        if (err != TIDE_OK) break;
        err = request_row(q, &entry, &row);
        if (err == TIDE_OK && !page_add(&page, &row)) {
            memcpy(body->after, after, 32); /* the last one looked at and done with */
            break;
        }
        if (err != TIDE_OK && err != TIDE_ENOTFOUND) break;
        memcpy(after, entry.party, 32);
    }
    body->requests = page.list;
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}
