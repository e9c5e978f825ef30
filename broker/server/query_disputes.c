/*
 * Who judges a dispute, and its evidence.
 *
 * Always holds: evidence, sealed as it is, is given to regulators only, and only under the hash that its dispute names.
 * Not here: judging (judge.c), putting evidence (the data door's).
 */
#include "broker/server/query_internal.h"

#include "storage/evidence_store.h"

#define JUDGES_MAX 64u /* of FIELDS_R_JUDGES */

/* The first judge: to whom the broker can open it. */
static enum tide_err broker_row(struct query *q, struct body_judge_row *out)
{
    struct row_market market;

    enum tide_err err = query_market_row(q, &market);
    if (err != TIDE_OK) return err;
    *out = (struct body_judge_row){.name = QUERY_TEXT(q, market.name)};
    memcpy(out->party, market.broker, 32);
    memcpy(out->seal_key, market.seal_key, 32);
    return TIDE_OK;
}

/* Every active regulator; were there more than a list may have, the earliest admitted. */
static enum tide_err regulator_rows(struct query *q, struct list *judges)
{
    struct body_judge_row *rows = judges->items;
    struct row_party party;
    uint8_t key[9];

    key_u8_u64(key, (uint8_t)__builtin_ctz(ROLE_REGULATOR), 0);
    while (judges->n < JUDGES_MAX) {
        enum tide_err err = state_next(q->source->view, TABLE_PARTY_BY_ROLE, key, 1, true, NULL);
        if (err == TIDE_ENOTFOUND) break;
        if (err == TIDE_OK) err = party_by_number(q->source->view, be64_get(key + 1), &party);
        if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
        if (party.state != PARTY_ACTIVE) continue;
        struct body_judge_row *row = &rows[judges->n++];
        row->name = QUERY_TEXT(q, party.name);
        memcpy(row->party, party.key, 32);
        memcpy(row->seal_key, party.seal_key, 32);
    }
    return TIDE_OK;
}

enum tide_err query_judges(struct query *q)
{
    struct body_r_judges *body = query_body(q, sizeof *body);
    struct body_judge_row *rows = arena_calloc(q->arena, JUDGES_MAX, sizeof *rows);

    if (body == NULL || rows == NULL) return TIDE_ENOMEM;
    enum tide_err err = broker_row(q, &rows[0]);
    if (err != TIDE_OK) return err;
    body->judges = (struct list){.items = rows, .n = 1};
    return regulator_rows(q, &body->judges);
}

/* The hash that the dispute's statement names. */
static enum tide_err named_evidence(struct query *q, uint64_t dispute_record, uint8_t hash[HASH_BYTES])
{
    struct query_statement statement;

    arena_reset(q->scratch);
    enum tide_err err = query_read_statement(q, dispute_record, q->scratch, &statement);
    if (err == TIDE_ENOTFOUND || (err == TIDE_OK && statement.statement.kind != KIND_DISPUTE)) {
        return query_damaged_record(q, dispute_record);
    }
    if (err == TIDE_OK) memcpy(hash, ((const struct body_dispute *)statement.statement.body)->evidence, HASH_BYTES);
    return err;
}

enum tide_err query_evidence(struct query *q)
{
    const struct body_q_evidence *ask = q->request->body;
    struct row_trade row;
    struct bytes sealed;

    if (q->source->dir == NULL) return query_refuse(q, OUTCOME_UNKNOWN_VERB, NULL);
    if (!query_peer_is(q, ROLE_REGULATOR)) return query_refuse(q, OUTCOME_NOT_YOUR_ROLE, NULL);
    enum tide_err err = query_trade_row(q, ask->trade, &row);
    if (err == TIDE_ENOTFOUND) return query_refuse(q, OUTCOME_NO_SUCH_TRADE, NULL);
    if (err != TIDE_OK) return err;
    if (row.dispute_record == 0) return query_refuse(q, OUTCOME_NO_SUCH_EVIDENCE, NULL);
    struct body_r_evidence *body = arena_calloc(q->arena, 1, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    err = named_evidence(q, row.dispute_record, body->hash);
    if (err == TIDE_OK) err = evidence_get(q->source->dir, ask->trade, body->hash, q->arena, &sealed);
    if (err == TIDE_ENOTFOUND) return query_refuse(q, OUTCOME_NO_SUCH_EVIDENCE, NULL);
    if (err != TIDE_OK) return err;
    size_t from = ask->offset < sealed.len ? (size_t)ask->offset : sealed.len, left = sealed.len - from;
    body->len = sealed.len;
    body->piece = BYTES(sealed.data + from, left < LIMIT_PIECE_BYTES ? left : LIMIT_PIECE_BYTES);
    q->reply->body = body;
    return TIDE_OK;
}
