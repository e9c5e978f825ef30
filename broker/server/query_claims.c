/*
 * Claims that wait for a ruling: those one is to rule on; for operators and regulators everybody's.
 */
#include "broker/server/query_internal.h"

#define LANE_OVERDUE 2u

/* What the buyer's statement says of its reasons. */
static enum tide_err reasons_fill(struct query *q, const struct row_trade *row, struct body_claim_row *out)
{
    struct query_statement statement;

    arena_reset(q->scratch);
    enum tide_err err = query_read_statement(q, row->claim_record, q->scratch, &statement);
    if (err == TIDE_ENOTFOUND || (err == TIDE_OK && statement.statement.kind != KIND_CLAIM)) {
        return query_damaged_record(q, row->claim_record);
    }
    if (err == TIDE_OK) memcpy(out->reasons, ((const struct body_claim *)statement.statement.body)->reasons, HASH_BYTES);
    return err;
}

static enum tide_err claim_fill(struct query *q, uint64_t trade, struct body_claim_row *out)
{
    struct row_trade row;
    struct row_listing listing;
    struct row_party arbiter;

    enum tide_err err = query_trade_row(q, trade, &row);
    if (err == TIDE_OK) err = query_listing_row(q, row.listing, &listing);
    if (err == TIDE_OK) err = party_by_number(q->source->view, row.arbiter, &arbiter);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
    *out = (struct body_claim_row){
        .trade = trade, .listing = row.listing, .title = QUERY_TEXT(q, listing.title),
        .arbiter_name = QUERY_TEXT(q, arbiter.name), .total = row.total, .bond = row.bond, .overdue = row.overdue,
    };
    memcpy(out->buyer, row.buyer_key, 32);
    memcpy(out->vendor, row.vendor_key, 32);
    memcpy(out->arbiter, arbiter.key, 32);
    err = query_party_name(q, row.buyer, &out->buyer_name);
    if (err == TIDE_OK) err = query_party_name(q, row.vendor, &out->vendor_name);
    if (err == TIDE_OK) err = query_due(q, &listing, &row, &out->due);
    return err == TIDE_OK ? reasons_fill(q, &row, out) : err;
}

enum tide_err query_claims(struct query *q)
{
    const struct body_q_claims *ask = q->request->body;
    struct lane_walk walk = lane_walk_begin(TABLE_CLAIM_OF, ask->all ? 0 : q->peer->number,
                                            ask->overdue ? LANE_OVERDUE : LANE_BOTH, ask->before);
    struct body_claim_row out;
    struct page page;
    uint64_t trade, last = 0;
    enum tide_err err;

    if (ask->all && !query_peer_is(q, ROLE_OPERATOR | ROLE_REGULATOR)) {
        return query_refuse(q, OUTCOME_NOT_YOUR_ROLE, NULL);
    }
    struct body_r_claims *body = query_body(q, sizeof *body);
    if (body == NULL || !page_init(q, &page, &schema_claim_row, ask->limit)) return TIDE_ENOMEM;
    while ((err = lane_walk_next(q, &walk, &trade)) == TIDE_OK) {
        bool full = page.list.n == page.max_rows || q->read_bytes > QUERY_READ_BYTES;
        if (!full) {
            err = claim_fill(q, trade, &out);
            if (err != TIDE_OK) return err;
        }
        if (full || !page_add(&page, &out)) {
            body->before = last;
            break;
        }
        last = trade;
    }
    body->claims = page.list;
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}
