/*
 * Withdrawals: one's own; for banks, who pay them, and for operators and regulators everybody's.
 */
#include "broker/server/query_internal.h"

static enum tide_err withdrawal_fill(struct query *q, uint64_t withdrawal, struct body_withdrawal_row *out)
{
    struct row_withdrawal row;
    struct row_party party;
    uint8_t key[8];

    key_u64(key, withdrawal);
    enum tide_err err = state_get(q->source->view, TABLE_WITHDRAWAL, key, &row);
    if (err == TIDE_OK) err = party_by_number(q->source->view, row.party, &party);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
    *out = (struct body_withdrawal_row){
        .withdrawal = withdrawal, .name = QUERY_TEXT(q, party.name), .requested_at = row.requested_at,
        .amount = row.amount, .destination = QUERY_TEXT(q, row.destination), .state = row.state,
        .done_record = row.done_record,
    };
    memcpy(out->party, party.key, 32);
    return TIDE_OK;
}

enum tide_err query_withdrawals(struct query *q)
{
    const struct body_q_withdrawals *ask = q->request->body;
    struct lane_walk walk = lane_walk_begin(TABLE_WITHDRAWAL_OF, ask->all ? 0 : q->peer->number,
                                            ask->open_only ? LANE_OPEN : LANE_BOTH, ask->before);
    struct body_withdrawal_row out;
    struct page page;
    uint64_t withdrawal, last = 0;
    enum tide_err err;

    if (ask->all && !query_peer_is(q, ROLE_BANK | ROLE_OPERATOR | ROLE_REGULATOR)) {
        return query_refuse(q, OUTCOME_NOT_YOUR_ROLE, NULL);
    }
    struct body_r_withdrawals *body = query_body(q, sizeof *body);
    if (body == NULL || !page_init(q, &page, &schema_withdrawal_row, ask->limit)) return TIDE_ENOMEM;
    while ((err = lane_walk_next(q, &walk, &withdrawal)) == TIDE_OK) {
        err = withdrawal_fill(q, withdrawal, &out);
        if (err != TIDE_OK) return err;
        if (!page_add(&page, &out)) {
            body->before = last;
            break;
        }
        last = withdrawal;
    }
    body->withdrawals = page.list;
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}
