/*
 * Disputes: a buyer names evidence that its delivery is bad; the broker's verdict says what the evidence shows, and any
 * regulator can judge it again (storage/judge.h).
 *
 * Always holds: a trade is disputed once; while it is, its deadline stands still, and the money moves only by a verdict;
 * after a verdict that finds no fault, what was left of the deadline runs.
 * Not here: the evidence (the broker keeps it, broker/server/judge.c judges it), what a refund does to money and marks
 * (settlement.c), the clocks that deadlines follow (deadline.c).
 */
#include "broker/market/law.h"
#include "storage/judge.h"

enum tide_err decide_dispute(struct hearing *h)
{
    const struct body_dispute *dispute = h->cause->statement.body;
    struct row_trade row;
    PASS(h, hear_trade(h, dispute->trade, false, TRADE_GRANTED, &row));
    if (row.dispute_record != 0)
        return refuse_because(h, OUTCOME_ALREADY_DISPUTED, "record %llu disputed trade %llu",
                              (unsigned long long)row.dispute_record, (unsigned long long)dispute->trade);

    struct body_disputed *e = EVENT(h, DISPUTED, disputed);
    if (!e) return TIDE_ENOMEM;
    e->trade = dispute->trade;
    return TIDE_OK;
}

enum tide_err decide_verdict(struct hearing *h)
{
    const struct body_verdict *verdict = h->cause->statement.body;
    struct row_trade row;
    enum tide_err err = trade_get(h->state, verdict->trade, &row);
    if (err == TIDE_ENOTFOUND) return refuse(h, OUTCOME_NO_SUCH_TRADE);
    if (err) return err;
    if (row.state != TRADE_DISPUTED)
        return refuse_because(h, OUTCOME_WRONG_STATE, "trade %llu is %s", (unsigned long long)verdict->trade,
                              names_trade_state[row.state]);
    if (finding_is_fault(verdict->finding))
        return trade_refund(h, verdict->trade, &row, BASIS_VERDICT, (enum finding)verdict->finding);

    struct body_dispute_failed *e = EVENT(h, DISPUTE_FAILED, dispute_failed);
    if (!e) return TIDE_ENOMEM;
    e->trade = verdict->trade;
    e->accept_due = h->now_ms + row.left_ms;
    e->finding = verdict->finding;
    return TIDE_OK;
}

/* ---- writing ---- */

/* What is left is by its listing's clock, so that no halt and no outage takes any of it. */
enum tide_err apply_disputed(struct fold *f, const struct body_disputed *e)
{
    const struct row_none none = {0};
    struct row_trade row;
    struct row_listing listing;
    uint8_t key[8];
    enum tide_err err = trade_move(f, e->trade, KIND_DISPUTED, 0, &row);
    if (!err) err = fold_market(f);
    if (!err) err = must_exist(listing_get(f->state, row.listing, &listing));
    if (err) return err;
    row.left_ms = deadline_left(&f->market, &listing, &row, f->time_ms);
    if (row.dispute_record != 0 || row.left_ms == 0) return TIDE_EDAMAGED;
    row.due = row.due_key = 0;
    row.dispute_record = f->cause;
    key_u64(key, e->trade);
    err = state_put(f->state, TABLE_DISPUTE, key, &none);
    return err ? err : trade_put(f, e->trade, &row);
}

enum tide_err dispute_end(struct fold *f, uint64_t trade, struct row_trade *row, uint64_t finding)
{
    uint8_t key[8];
    row->finding = finding;
    row->verdict_record = f->cause;
    row->left_ms = 0;
    key_u64(key, trade);
    return must_exist(state_del(f->state, TABLE_DISPUTE, key));
}

enum tide_err apply_dispute_failed(struct fold *f, const struct body_dispute_failed *e)
{
    struct row_trade row;
    enum tide_err err = trade_move(f, e->trade, KIND_DISPUTE_FAILED, 0, &row);
    if (err) return err;
    if (finding_is_fault(e->finding) || e->accept_due != f->time_ms + row.left_ms) return TIDE_EDAMAGED;
    err = dispute_end(f, e->trade, &row, e->finding);
    if (!err) err = trade_deadline_set(f, (enum deadline_kind)trade_deadline_of(row.state), e->trade, &row, e->accept_due);
    if (!err) err = trade_put(f, e->trade, &row);
    return err ? err : party_mark(f, row.buyer, offsetof(struct row_party, unproven));
}
