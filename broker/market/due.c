/*
 * Time: what is due, the broker's `tick`, outages.
 *
 * Always holds: one tick acts on at most LIMIT_MATCHES deadlines and holders, kind by kind, the earliest first; an outage
 * moves the deadlines of trades only, and while the market is halted there is none.
 * Not here: how deadlines are kept (deadline.c), what one does to its trade (settlement.c, claim.c), order
 * (order_close.c), party (rekey.c) or programme (voucher.c), what a halt puts off (halt.c).
 */
#include "broker/market/law.h"

/* What is pending comes first: the draw of a sample, or what goes on. */
static enum tide_err pending_due(struct state_view *state, const struct row_market *market, struct due_statement *out)
{
    struct row_listing listing;
    if (market->pending_work != WORK_DRAW) {
        out->due = DUE_CONTINUE;
        out->go_on.work = market->pending_work;
        out->go_on.subject = market->pending_subject;
        return TIDE_OK;
    }
    enum tide_err err = must_exist(listing_get(state, market->pending_subject, &listing));
    if (err) return err;
    out->due = DUE_DRAW;
    out->draw_listing = market->pending_subject;
    out->draw_size = listing.reviewed + 1;
    return TIDE_OK;
}

enum tide_err market_due(struct state_view *state, uint64_t now_ms, struct due_statement *out)
{
    struct row_market market;
    uint64_t at_ms;
    memset(out, 0, sizeof *out);
    enum tide_err err = market_row(state, &market);
    if (err) return err == TIDE_ENOTFOUND ? TIDE_OK : err;
    if (market.pending_work != WORK_NONE) return pending_due(state, &market, out);
    err = deadline_earliest(state, &market, &at_ms);
    if (!err && at_ms <= now_ms) out->due = DUE_TICK;
    return err;
}

/* ---- what a deadline that has come does ---- */

/* Its key may have come before its listing's clock, which halts hold back. */
static enum tide_err act_on_trade(struct hearing *h, uint8_t kind, uint64_t trade)
{
    struct row_trade row;
    enum tide_err err = must_exist(trade_get(h->state, trade, &row));
    if (err) return err;
    if (trade_deadline_of(row.state) != kind || row.overdue) return TIDE_EDAMAGED;
    PASS(h, hear_listing(h, row.listing));
    if (deadline_left(&h->market, &h->listing_row, &row, h->now_ms) > 0) return trade_defer(h, trade, &row);
    switch (kind) {
    case DEADLINE_GRANT: return trade_refund(h, trade, &row, BASIS_DEADLINE, FINDING_NONE);
    case DEADLINE_ACCEPT: return trade_settle(h, trade, &row, BASIS_DEADLINE);
    default: return claim_overdue(h, trade);
    }
}

static enum tide_err act_on(struct hearing *h, uint8_t kind, uint64_t subject)
{
    switch (kind) {
    case DEADLINE_ORDER: return order_close_by_number(h, subject, CLOSE_EXPIRED);
    case DEADLINE_REKEY: return rekey_due(h, subject);
    case DEADLINE_PROGRAMME: return programme_end(h, subject);
    case DEADLINE_UNLOCK: return trade_unlock(h, subject);
    default: return act_on_trade(h, kind, subject);
    }
}

/* ---- tick ---- */

/* Acts on the due deadlines of one kind, the earliest first, while the tick has room; what is sliced has used all of it. */
static enum tide_err act_on_kind(struct hearing *h, const struct deadline_rule *rule)
{
    uint8_t key[17];
    uint64_t shift = rule->shifted ? h->market.shift_ms : 0;
    if (rule->shifted && h->market.halted) return TIDE_OK;
    key_u8_u64_u64(key, rule->kind, 0, 0);
    for (bool after = false; h->d->n_matched < LIMIT_MATCHES; after = true) {
        enum tide_err err = state_next(h->state, TABLE_DEADLINE, key, 1, after, NULL);
        if (err) return err == TIDE_ENOTFOUND ? TIDE_OK : err;
        if (be64_get(key + 1) + shift > h->now_ms) return TIDE_OK;
        uint64_t counted = h->d->n_matched;
        err = act_on(h, rule->kind, be64_get(key + 9));
        if (err) return err;
        if (h->d->outcome != OUTCOME_OK) return TIDE_EDAMAGED; /* what the state's own rows name is refused */
        if (h->d->n_matched == counted) h->d->n_matched++;     /* unless it has counted itself, e.g. a programme's holders */
    }
    return TIDE_OK;
}

/*
 * No outage is longer than the silence before it, nor as short as what a broker may be down unnoticed. A `continue`
 * left over from before it does not break the silence: it has to come first. A halt counts its time itself.
 */
static enum tide_err check_outage(struct hearing *h, uint64_t outage_ms)
{
    uint64_t gap_ms = h->now_ms - h->market.heard_ms, least_ms = h->market.parameters[PARAM_OUTAGE_MS];
    if (h->market.halted)
        return refuse_because(h, OUTCOME_BAD_TIME, "the market is halted: no trade deadline runs");
    if (outage_ms > least_ms && outage_ms <= gap_ms) return TIDE_OK;
    return refuse_because(h, OUTCOME_BAD_TIME, "an outage is longer than %llu ms and at most the %llu ms since the "
                          "newest statement", (unsigned long long)least_ms, (unsigned long long)gap_ms);
}

enum tide_err decide_tick(struct hearing *h)
{
    const struct body_tick *tick = h->cause->statement.body;
    if (tick->outage_ms > 0) {
        PASS(h, check_outage(h, tick->outage_ms));
        struct body_shifted *e = EVENT(h, SHIFTED, shifted);
        if (!e) return TIDE_ENOMEM;
        e->outage_ms = tick->outage_ms;
        h->market.shift_ms += tick->outage_ms; /* the hearing's copy; no more than the time there has been */
    }
    for (size_t i = 0; i < n_deadline_kinds; i++) {
        enum tide_err err = act_on_kind(h, &deadline_kinds[i]);
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
