/*
 * Questions about the market itself: its doors, its state and parameters, the requests that wait to be enrolled.
 *
 * Always holds: a waiting request is shown only to who made it (query_parties.c) and to operators.
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
    if (body == NULL) return TIDE_ENOMEM;
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
    return query_parameters(q, &market, &body->parameters);
}

enum tide_err query_market(struct query *q)
{
    struct row_market market;

    enum tide_err err = market_row(q->source->view, &market);
    if (err == TIDE_ENOTFOUND) return query_refuse(q, OUTCOME_NOT_YET, NULL);
    if (err != TIDE_OK) return err;
    struct body_r_market *body = query_body(q, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    body->name = QUERY_TEXT(q, market.name);
    body->origin = QUERY_TEXT(q, market.origin);
    body->now_ms = q->now_ms;
    body->halted = market.halted;
    body->halted_at = market.halted_at;
    body->certificates = market.n_certificates;
    err = state_applied(q->source->view, &body->next);
    return err != TIDE_OK ? err : query_parameters(q, &market, &body->parameters);
}

/* ---- enrolment requests ---- */

enum tide_err query_open_request(const struct request_entry *entry, struct arena *arena, struct statement *out)
{
    struct bytes bytes;
    const uint8_t *signature;

    enum tide_err err = envelope_decode(entry->envelope, arena, &bytes, &signature);
    if (err == TIDE_OK) err = statement_decode(bytes, arena, out);
    if (err == TIDE_OK && out->kind != KIND_ENROL) err = TIDE_EMALFORMED;
    return err;
}

/* Fills *row; TIDE_ENOTFOUND if there is nothing left to decide: enrolled, expired or not readable. */
static enum tide_err request_row(struct query *q, const struct request_entry *entry, struct body_request_row *row)
{
    struct statement statement;
    struct row_ref ref;

    memset(row, 0, sizeof *row);
    enum tide_err err = state_get(q->source->view, TABLE_PARTY_KEY, entry->party, &ref);
    if (err != TIDE_ENOTFOUND) return err == TIDE_OK ? TIDE_ENOTFOUND : err;
    err = query_open_request(entry, q->scratch, &statement);
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
