/*
 * Time: what is due, the broker's `tick`, outages.
 *
 * Always holds: one tick acts on at most LIMIT_MATCHES deadlines, kind by kind, the earliest first; an outage moves the
 * deadlines of trades only.
 * Not here: how deadlines are kept (deadline.c), what one does to its trade (settlement.c) or order (order.c).
 */
#include "broker/market/law.h"

enum tide_err market_due(struct state_view *state, uint64_t now_ms, struct due_statement *out)
{
    struct row_market market;
    uint64_t at_ms;
    memset(out, 0, sizeof *out);
    enum tide_err err = market_row(state, &market);
    if (err) return err == TIDE_ENOTFOUND ? TIDE_OK : err;
    if (market.pending_work != WORK_NONE) {
        out->due = DUE_CONTINUE;
        out->go_on.work = market.pending_work;
        out->go_on.subject = market.pending_subject;
        return TIDE_OK;
    }
    err = deadline_earliest(state, market.shift_ms, &at_ms);
    if (!err && at_ms <= now_ms) out->due = DUE_TICK;
    return err;
}

/* ---- tick ---- */

/* What a deadline that has come does. */
static enum tide_err act_on(struct hearing *h, uint8_t kind, uint64_t subject)
{
    struct row_trade trade;
    struct row_order order;
    struct row_party owner;
    enum tide_err err;
    if (kind == DEADLINE_ORDER) {
        err = order_get(h->state, subject, &order);
        if (!err) err = must_exist(party_by_number(h->state, order.party, &owner));
        return err ? err : order_close(h, subject, &order, owner.key, CLOSE_EXPIRED);
    }
    err = must_exist(trade_get(h->state, subject, &trade));
    if (err) return err;
    if (trade.state != (kind == DEADLINE_GRANT ? TRADE_MATCHED : TRADE_GRANTED)) return TIDE_EDAMAGED;
    return kind == DEADLINE_GRANT ? trade_refund(h, subject, &trade, BASIS_DEADLINE)
                                  : trade_settle(h, subject, &trade, BASIS_DEADLINE);
}

/* Acts on the due deadlines of one kind, earliest first, while `*room` lasts. */
static enum tide_err act_on_kind(struct hearing *h, const struct deadline_rule *rule, uint64_t shift_ms, size_t *room)
{
    uint8_t key[17];
    uint64_t shift = rule->shifted ? shift_ms : 0;
    key_u8_u64_u64(key, rule->kind, 0, 0);
    for (bool after = false; *room > 0; after = true) {
        enum tide_err err = state_next(h->state, TABLE_DEADLINE, key, 1, after, NULL);
        if (err) return err == TIDE_ENOTFOUND ? TIDE_OK : err;
        if (be64_get(key + 1) + shift > h->now_ms) return TIDE_OK;
        err = act_on(h, rule->kind, be64_get(key + 9));
        if (err) return err;
        --*room;
    }
    return TIDE_OK;
}

/*
 * No outage is longer than the silence before it, nor as short as what a broker may be down unnoticed. A `continue`
 * left over from before it does not break the silence: it has to come first.
 */
static enum tide_err check_outage(struct hearing *h, uint64_t outage_ms)
{
    uint64_t gap_ms = h->now_ms - h->market.heard_ms, least_ms = h->market.parameters[PARAM_OUTAGE_MS];
    if (outage_ms > least_ms && outage_ms <= gap_ms) return TIDE_OK;
    return refuse_because(h, OUTCOME_BAD_TIME, "an outage is longer than %llu ms and at most the %llu ms since the "
                          "newest statement", (unsigned long long)least_ms, (unsigned long long)gap_ms);
}

enum tide_err decide_tick(struct hearing *h)
{
    const struct body_tick *tick = h->cause->statement.body;
    size_t room = LIMIT_MATCHES;
    if (tick->outage_ms > 0) {
        PASS(h, check_outage(h, tick->outage_ms));
        struct body_shifted *e = EVENT(h, SHIFTED, shifted);
        if (!e) return TIDE_ENOMEM;
        e->outage_ms = tick->outage_ms;
    }
    for (size_t i = 0; i < n_deadline_kinds; i++) {
        enum tide_err err = act_on_kind(h, &deadline_kinds[i], h->market.shift_ms + tick->outage_ms, &room);
        if (err) return err;
    }
    return h->d->n_events > 0 ? TIDE_OK : refuse_because(h, OUTCOME_WRONG_STATE, "nothing is due");
}

enum tide_err apply_shifted(struct fold *f, const struct body_shifted *e)
{
    enum tide_err err = fold_market(f);
    if (err) return err;
    if (!add_u64(f->market.shift_ms, e->outage_ms, &f->market.shift_ms)) return TIDE_EDAMAGED;
    return fold_put_market(f);
}
