/*
 * Evidence on the data door: a buyer puts what it is going to dispute with, or what its dispute already names.
 *
 * Always holds: there is at most one evidence a trade, and one more that is coming; of a disputed trade nothing is taken but
 * what the dispute names, and after its verdict, or once it was found to be missing, nothing. The store is held from the look
 * at the state until the piece is in, so that the judge finds what that state allowed.
 * Not here: the files (storage/evidence_store.h), what is in it (the judge's).
 */
#include "broker/server/data_door.h"

#include "broker/server/log.h"
#include "broker/server/query_internal.h"
#include "storage/evidence_store.h"

#include <inttypes.h>

/* Whether the trade's dispute names that hash. */
static enum tide_err dispute_names(struct ask *a, const struct row_trade *trade, const uint8_t hash[32], bool *names)
{
    const struct query_source source = {.view = a->door->view, .journal = a->door->options.journal};
    struct query q = {.source = &source, .arena = &a->door->arena};
    struct query_statement statement;

    *names = false;
    enum tide_err err = query_read_statement(&q, trade->dispute_record, &a->door->arena, &statement);
    if (err == TIDE_ENOTFOUND || (err == TIDE_OK && statement.statement.kind != KIND_DISPUTE)) {
        err = query_damaged_record(&q, trade->dispute_record);
    }
    if (err != TIDE_OK) return err;
    *names = memcmp(((const struct body_dispute *)statement.statement.body)->evidence, hash, 32) == 0;
    return TIDE_OK;
}

static enum tide_err may_put(struct ask *a, const struct body_q_put_evidence *put, enum outcome *outcome)
{
    struct row_trade trade;
    uint8_t key[8];
    bool names = true;

    key_u64(key, put->trade);
    enum tide_err err = state_get(a->door->view, TABLE_TRADE, key, &trade);
    *outcome = OUTCOME_NO_SUCH_TRADE;
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_OK : err;
    *outcome = OUTCOME_NOT_YOURS;
    if (trade.buyer != a->peer.number) return TIDE_OK;
    *outcome = OUTCOME_WRONG_STATE;
    if (trade.state != TRADE_GRANTED && trade.state != TRADE_DISPUTED) return TIDE_OK;
    if (trade.verdict_record != 0 || evidence_is_late(a->door->options.config->dir, put->trade)) return TIDE_OK;
    if (trade.dispute_record != 0) err = dispute_names(a, &trade, put->hash, &names);
    *outcome = names ? OUTCOME_OK : OUTCOME_ALREADY_DISPUTED;
    return err;
}

/* *put_err: what became of the piece, if `outcome` let it in. */
static enum tide_err put_held(struct ask *a, enum outcome *outcome, enum tide_err *put_err, uint64_t *have)
{
    const struct body_q_put_evidence *put = a->request->body;
    struct evidence_piece piece = {.trade = put->trade, .len = put->len, .offset = put->offset, .bytes = put->piece};

    memcpy(piece.hash, put->hash, sizeof piece.hash);
    enum tide_err err = state_read_renew(a->door->view);
    if (err == TIDE_OK) err = may_put(a, put, outcome);
    if (err == TIDE_OK && *outcome == OUTCOME_OK) *put_err = evidence_put(a->door->options.config->dir, &piece, have);
    return err;
}

enum tide_err data_put_evidence(struct ask *a)
{
    const struct body_q_put_evidence *put = a->request->body;
    enum outcome outcome = OUTCOME_OK;
    uint64_t have = 0;
    int hold;

    enum tide_err err = evidence_hold(a->door->options.config->dir, &hold);
    if (err == TIDE_OK) {
        enum tide_err looked = put_held(a, &outcome, &err, &have);
        evidence_let_go(&hold);
        if (looked != TIDE_OK) return looked;
    }
    if (outcome != OUTCOME_OK) return data_refuse(a, outcome, NULL);
    if (err == TIDE_EINVAL) return data_refuse(a, OUTCOME_BAD_EVIDENCE, "The piece does not begin where the last one ended.");
    if (err == TIDE_EAUTH) return data_refuse(a, OUTCOME_BAD_EVIDENCE, NULL);
    if (err == TIDE_EFULL) return data_refuse(a, OUTCOME_FULL, NULL);
    if (err != TIDE_OK) {
        log_event(LOG_LEVEL_ERROR, "evidence_not_written", "trade=%" PRIu64 " error=%s", put->trade,
                  log_value(tide_err_text(err)).text);
        return data_refuse(a, OUTCOME_BUSY, NULL);
    }
    struct body_r_put *body = data_body(a, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    body->have = have;
    return TIDE_OK;
}
