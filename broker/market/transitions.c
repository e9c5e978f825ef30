/*
 * The states of listings, trades and withdrawals, and what moves them: the tables that deciding and applying both
 * follow.
 *
 * Always holds: a move that has no line here does not happen; the lines into one trade state agree on its deadline, but
 * for `overdue`, after which an arbiter may take any time.
 * Not here: who may cause a move and when (listing.c, sample.c, halt.c, settlement.c, dispute.c, claim.c, bank.c), when a
 * deadline is due (deadline.c).
 */
#include "broker/market/law.h"

/* docs/market.md shows the same tables. */
const struct transition listing_transitions[] = {
    {"listing", LISTING_NONE, KIND_PUBLISH, ANY_BASIS, LISTING_AWAITING, 0},
    {"listing", LISTING_NONE, KIND_PUBLISH, ANY_BASIS, LISTING_PENDING, 0},
    {"listing", LISTING_AWAITING, KIND_STORED, ANY_BASIS, LISTING_PENDING, 0},
    {"listing", LISTING_AWAITING, KIND_CLOSE, ANY_BASIS, LISTING_CLOSED, 0},
    {"listing", LISTING_PENDING, KIND_REVIEW, ANY_BASIS, LISTING_SAMPLING, 0},
    {"listing", LISTING_PENDING, KIND_REVIEW, ANY_BASIS, LISTING_OPEN, 0},
    {"listing", LISTING_PENDING, KIND_REVIEW, ANY_BASIS, LISTING_REFUSED, 0},
    {"listing", LISTING_PENDING, KIND_CLOSE, ANY_BASIS, LISTING_CLOSED, 0},
    {"listing", LISTING_SAMPLING, KIND_SAMPLE, ANY_BASIS, LISTING_SAMPLING, 0},
    {"listing", LISTING_SAMPLING, KIND_STORED, ANY_BASIS, LISTING_OPEN, 0},
    {"listing", LISTING_SAMPLING, KIND_CLOSE, ANY_BASIS, LISTING_CLOSED, 0},
    {"listing", LISTING_OPEN, KIND_HALT, ANY_BASIS, LISTING_HALTED, 0},
    {"listing", LISTING_OPEN, KIND_CLOSE, ANY_BASIS, LISTING_CLOSED, 0},
    {"listing", LISTING_HALTED, KIND_RESUME, ANY_BASIS, LISTING_OPEN, 0},
    {"listing", LISTING_HALTED, KIND_CLOSE, ANY_BASIS, LISTING_CLOSED, 0},
};
const size_t n_listing_transitions = ARRAY_LEN(listing_transitions);

const struct transition trade_transitions[] = {
    {"trade", TRADE_NONE, KIND_TRADED, ANY_BASIS, TRADE_MATCHED, DEADLINE_GRANT},
    {"trade", TRADE_MATCHED, KIND_GRANTED, ANY_BASIS, TRADE_GRANTED, DEADLINE_ACCEPT},
    {"trade", TRADE_MATCHED, KIND_REFUNDED, BASIS_DEADLINE, TRADE_REFUNDED, 0},
    {"trade", TRADE_GRANTED, KIND_SETTLED, BASIS_ACCEPTED, TRADE_SETTLED, 0},
    {"trade", TRADE_GRANTED, KIND_SETTLED, BASIS_DEADLINE, TRADE_SETTLED, 0},
    {"trade", TRADE_GRANTED, KIND_DISPUTED, ANY_BASIS, TRADE_DISPUTED, 0},
    {"trade", TRADE_DISPUTED, KIND_DISPUTE_FAILED, ANY_BASIS, TRADE_GRANTED, DEADLINE_ACCEPT},
    {"trade", TRADE_DISPUTED, KIND_REFUNDED, BASIS_VERDICT, TRADE_REFUNDED, 0},
    {"trade", TRADE_GRANTED, KIND_CLAIMED, ANY_BASIS, TRADE_CLAIMED, DEADLINE_CLAIM},
    {"trade", TRADE_CLAIMED, KIND_OVERDUE, ANY_BASIS, TRADE_CLAIMED, 0},
    {"trade", TRADE_CLAIMED, KIND_ARBITER_NAMED, ANY_BASIS, TRADE_CLAIMED, DEADLINE_CLAIM},
    {"trade", TRADE_CLAIMED, KIND_SETTLED, BASIS_RULING, TRADE_SETTLED, 0},
    {"trade", TRADE_CLAIMED, KIND_REFUNDED, BASIS_RULING, TRADE_REFUNDED, 0},
};
const size_t n_trade_transitions = ARRAY_LEN(trade_transitions);

const struct transition withdrawal_transitions[] = {
    {"withdrawal", WITHDRAWAL_NONE, KIND_WITHDRAWN, ANY_BASIS, WITHDRAWAL_HELD, 0},
    {"withdrawal", WITHDRAWAL_HELD, KIND_PAID_OUT, PAYOUT_PAID, WITHDRAWAL_PAID, 0},
    {"withdrawal", WITHDRAWAL_HELD, KIND_PAID_OUT, PAYOUT_RETURNED, WITHDRAWAL_RETURNED, 0},
};
const size_t n_withdrawal_transitions = ARRAY_LEN(withdrawal_transitions);

bool listing_may_move(uint64_t cause_kind, uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < n_listing_transitions; i++) {
        const struct transition *t = &listing_transitions[i];
        if (t->from == from && t->to == to && (cause_kind == 0 || t->cause == cause_kind)) return true;
    }
    return false;
}

static const struct transition *find(const struct transition *table, size_t n, uint64_t from, uint64_t event,
                                     uint64_t basis)
{
    for (size_t i = 0; i < n; i++) {
        const struct transition *t = &table[i];
        if (t->from == from && t->cause == event && (t->basis == ANY_BASIS || t->basis == basis)) return t;
    }
    return NULL;
}

const struct transition *trade_transition(uint64_t from, uint64_t event, uint64_t basis)
{
    return find(trade_transitions, n_trade_transitions, from, event, basis);
}

const struct transition *withdrawal_transition(uint64_t from, uint64_t event, uint64_t result)
{
    return find(withdrawal_transitions, n_withdrawal_transitions, from, event, result);
}

/* The line of `overdue` comes after that of `claimed`: the deadline of a claim is that of the first line. */
uint64_t trade_deadline_of(uint64_t state)
{
    for (size_t i = 0; i < n_trade_transitions; i++)
        if (trade_transitions[i].to == state) return trade_transitions[i].deadline;
    return 0;
}
