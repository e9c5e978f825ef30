/*
 * Who may see a record: its own statements and what they caused, what others caused about it (its trades, orders,
 * listings, money), the verdicts on its trades, and everyone's changes of keys; regulators everything. For all others
 * it does not exist.
 *
 * Always holds: an event is shown by a rule of its kind, and by none where there is no rule. Somebody is known by any key
 * it ever had. The snapshot may be older than the record: what it does not know yet is not shown yet.
 */
#include "broker/server/query_internal.h"

static enum tide_err is_me(struct query *q, const uint8_t key[32], bool *mine)
{
    struct row_party row;
    uint64_t number;

    enum tide_err err = party_by_key(q->source->view, key, &number, &row);
    *mine = err == TIDE_OK && number == q->peer->number;
    return err;
}

static enum tide_err is_my_trade(struct query *q, uint64_t trade, bool *mine)
{
    struct row_trade row;

    enum tide_err err = query_trade_row(q, trade, &row);
    if (err == TIDE_OK) *mine = row.buyer == q->peer->number || row.vendor == q->peer->number;
    return err;
}

/* A claim's events are its arbiter's too. */
static enum tide_err is_my_claim(struct query *q, uint64_t trade, const uint8_t arbiter[32], bool *mine)
{
    enum tide_err err = is_my_trade(q, trade, mine);
    return err == TIDE_OK && !*mine ? is_me(q, arbiter, mine) : err;
}

static enum tide_err is_my_order(struct query *q, uint64_t order, bool *mine)
{
    struct row_order row;
    uint8_t key[8];

    key_u64(key, order);
    enum tide_err err = state_get(q->source->view, TABLE_ORDER, key, &row);
    if (err == TIDE_OK) *mine = row.party == q->peer->number;
    return err;
}

/*
 * What its vendor signed, and the events that moved it and drew its samples, say no more than the listing that is shown: buyers
 * hold the one against the other.
 */
static enum tide_err is_shown_listing(struct query *q, uint64_t listing, bool *shown)
{
    struct row_listing row;

    enum tide_err err = query_listing_row(q, listing, &row);
    if (err == TIDE_OK) *shown = query_listing_is_visible(q, &row);
    return err;
}

static enum tide_err is_my_withdrawal(struct query *q, uint64_t withdrawal, bool *mine)
{
    struct row_withdrawal row;
    uint8_t key[8];

    key_u64(key, withdrawal);
    enum tide_err err = state_get(q->source->view, TABLE_WITHDRAWAL, key, &row);
    if (err == TIDE_OK) *mine = row.party == q->peer->number;
    return err;
}

/* Member `member` of an event of that kind. */
#define OF(kind_body, member) (((const struct body_##kind_body *)event->body)->member)

/* Events that others (or the broker) caused, but that are about this party. */
static enum tide_err event_is_about_me(struct query *q, uint64_t index, const struct event *event, bool *mine)
{
    enum tide_err err = TIDE_OK;

    *mine = false;
    switch (event->kind) {
    case KIND_TRADED: err = is_my_trade(q, index, mine); break;
    case KIND_GRANTED: err = is_my_trade(q, OF(granted, trade), mine); break;
    case KIND_SETTLED: err = is_my_trade(q, OF(settled, trade), mine); break;
    case KIND_REFUNDED: err = is_my_trade(q, OF(refunded, trade), mine); break;
    case KIND_DEFERRED: err = is_my_trade(q, OF(deferred, trade), mine); break;
    case KIND_DISPUTED: err = is_my_trade(q, OF(disputed, trade), mine); break;
    case KIND_DISPUTE_FAILED: err = is_my_trade(q, OF(dispute_failed, trade), mine); break;
    case KIND_CLAIMED: err = is_my_claim(q, OF(claimed, trade), OF(claimed, arbiter), mine); break;
    case KIND_OVERDUE: err = is_my_claim(q, OF(overdue, trade), OF(overdue, arbiter), mine); break;
    case KIND_ARBITER_NAMED: err = is_my_claim(q, OF(arbiter_named, trade), OF(arbiter_named, arbiter), mine); break;
    case KIND_ORDER_CLOSED: err = is_my_order(q, OF(order_closed, order), mine); break;
    case KIND_RESTED: err = is_my_order(q, OF(rested, order), mine); break;
    case KIND_LISTING_MOVED: err = is_shown_listing(q, OF(listing_moved, listing), mine); break;
    case KIND_REGISTERED: err = is_shown_listing(q, OF(registered, listing), mine); break;
    case KIND_SAMPLE_DRAWN: err = is_shown_listing(q, OF(sample_drawn, listing), mine); break;
    case KIND_SAMPLED: err = is_shown_listing(q, OF(sampled, listing), mine); break;
    case KIND_DISCLOSED: err = is_me(q, OF(disclosed, party), mine); break;
    case KIND_PAID_OUT: err = is_my_withdrawal(q, OF(paid_out, withdrawal), mine); break;
    case KIND_ADMITTED: err = is_me(q, OF(admitted, party), mine); break;
    case KIND_SUSPENDED: err = is_me(q, OF(suspended, party), mine); break;
    case KIND_REINSTATED: err = is_me(q, OF(reinstated, party), mine); break;
    case KIND_REGROUPED: err = is_me(q, OF(regrouped, party), mine); break;
    case KIND_DEPOSITED: err = is_me(q, OF(deposited, party), mine); break;
    case KIND_GIVEN: err = is_me(q, OF(given, party), mine); break;
    case KIND_VOUCHER_RETURNED: err = is_me(q, OF(voucher_returned, party), mine); break;
    case KIND_UNLOCKED: err = is_me(q, OF(unlocked, party), mine); break;
    default: break;
    }
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

/*
 * The history of a party's keys is public: a counterparty follows it in the log (client/lib/proven.c); so is the market's
 * beginning, which names the broker's own keys.
 */
static bool is_public(uint64_t kind)
{
    return kind == KIND_OPENED || kind == KIND_REKEY_ANNOUNCED || kind == KIND_REKEYED || kind == KIND_REKEY_STOPPED;
}

/*
 * What one may see of statements, and of what they caused: one's own, under whatever key it was said; the broker's verdict
 * on one's trade, which either party may want to show. And of a listing that one sees how it was published, which is that
 * statement `itself`.
 */
static enum tide_err is_my_statement(struct query *q, uint64_t index, bool itself, bool *mine)
{
    struct query_statement statement;

    *mine = false;
    arena_reset(q->scratch);
    enum tide_err err = query_read_statement(q, index, q->scratch, &statement);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? query_damaged_record(q, index) : err;
    if (statement.statement.kind == KIND_VERDICT) {
        err = is_my_trade(q, ((const struct body_verdict *)statement.statement.body)->trade, mine);
    } else {
        err = is_me(q, statement.statement.party, mine);
    }
    bool published = itself && statement.statement.kind == KIND_PUBLISH;
    if (err == TIDE_OK && !*mine && published) err = is_shown_listing(q, index + 1, mine);
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

enum tide_err query_is_entitled(struct query *q, uint64_t index, const struct query_record *record, bool *entitled)
{
    struct query_event event;

    *entitled = query_peer_is(q, ROLE_REGULATOR);
    if (*entitled) return TIDE_OK;
    if (record->record.type == RECORD_STATEMENT) return is_my_statement(q, index, true, entitled);
    enum tide_err err = query_read_event(q, index, q->scratch, &event);
    if (err != TIDE_OK) return err;
    *entitled = is_public(event.event.kind);
    if (*entitled) return TIDE_OK;
    err = event_is_about_me(q, index, &event.event, entitled);
    if (err != TIDE_OK || *entitled) return err;
    return is_my_statement(q, event.event.cause_index, false, entitled);
}
