/*
 * Claims: a buyer says that what was granted is not what was sold, and an arbiter rules.
 *
 * Always holds: a claimed trade names one arbiter, who is of neither side's group; its bond is held until the ruling;
 * arbiters take turns.
 * Not here: the lists of claims (trade_rows.c), what a ruling does with the money and the marks (settlement.c), the
 * claim's deadline (deadline.c, due.c).
 */
#include "broker/market/law.h"

#define ARBITERS 5 /* the role's place among the flags */
_Static_assert(1u << ARBITERS == ROLE_ARBITER, "table party_by_role is by the role's place");

/* ---- who rules ---- */

/* The parties that an arbiter may not be of one group with. */
struct sides {
    uint64_t buyer, vendor;
    struct row_party buyer_row, vendor_row;
};

static enum tide_err read_sides(struct hearing *h, const struct row_trade *row, struct sides *s)
{
    s->buyer = row->buyer;
    s->vendor = row->vendor;
    enum tide_err err = must_exist(party_by_number(h->state, row->buyer, &s->buyer_row));
    return err ? err : must_exist(party_by_number(h->state, row->vendor, &s->vendor_row));
}

static bool of_a_side(const struct sides *s, uint64_t party, const struct row_party *row)
{
    return same_group(party, row, s->buyer, &s->buyer_row) || same_group(party, row, s->vendor, &s->vendor_row);
}

static bool is_active_arbiter(const struct row_party *row)
{
    return row->state == PARTY_ACTIVE && (row->roles & ROLE_ARBITER);
}

/* The first eligible arbiter whose number is above `above`; TIDE_ENOTFOUND. */
static enum tide_err next_arbiter(struct hearing *h, const struct sides *s, uint64_t above, uint64_t *arbiter,
                                  struct row_party *row)
{
    uint8_t key[9];
    key_u8_u64(key, ARBITERS, above);
    for (;;) {
        enum tide_err err = state_next(h->state, TABLE_PARTY_BY_ROLE, key, 1, true, NULL);
        if (err) return err;
        *arbiter = be64_get(key + 1);
        err = must_exist(party_by_number(h->state, *arbiter, row));
        if (err) return err;
        if (is_active_arbiter(row) && !of_a_side(s, *arbiter, row)) return TIDE_OK;
    }
}

/* In turn: after the one named last, then from the first again. */
static enum tide_err choose_arbiter(struct hearing *h, const struct sides *s, struct row_party *row)
{
    uint64_t arbiter;
    enum tide_err err = next_arbiter(h, s, h->market.last_arbiter, &arbiter, row);
    if (err == TIDE_ENOTFOUND) err = next_arbiter(h, s, MARKET_PARTY, &arbiter, row);
    return err == TIDE_ENOTFOUND ? refuse(h, OUTCOME_NO_ARBITER) : err;
}

/* ---- claiming ---- */

static enum tide_err check_bond(struct hearing *h, uint64_t bond)
{
    struct row_account account;
    char need[MONEY_TEXT_MAX], have[MONEY_TEXT_MAX];
    enum tide_err err = account_get(h->state, h->party, ASSET_CNY, &account);
    if (err || account.available >= bond) return err;
    return refuse_because(h, OUTCOME_NO_FUNDS, "the bond is %s CNY, %s available", money_text(bond, need),
                          money_text(account.available, have));
}

enum tide_err decide_claim(struct hearing *h)
{
    const struct body_claim *claim = h->cause->statement.body;
    struct row_trade row;
    struct sides sides;
    struct row_party arbiter;
    PASS(h, hear_trade(h, claim->trade, false, TRADE_GRANTED, &row));
    PASS(h, read_sides(h, &row, &sides));
    PASS(h, choose_arbiter(h, &sides, &arbiter));
    uint64_t bond = h->market.parameters[PARAM_CLAIM_BOND_FEN];
    PASS(h, check_bond(h, bond));

    struct body_claimed *e = EVENT(h, CLAIMED, claimed);
    if (!e) return TIDE_ENOMEM;
    e->trade = claim->trade;
    memcpy(e->arbiter, arbiter.key, 32);
    e->due = h->now_ms + h->market.parameters[PARAM_CLAIM_MS];
    e->bond = bond;
    enum tide_err err = postings_new(h, &e->postings, 2);
    if (err) return err;
    posting_add(&e->postings, h->speaker.key, ACCOUNT_AVAILABLE, ASSET_CNY, -(int64_t)bond);
    posting_add(&e->postings, h->speaker.key, ACCOUNT_HELD, ASSET_CNY, (int64_t)bond);
    return TIDE_OK;
}

/* ---- ruling ---- */

enum tide_err decide_ruling(struct hearing *h)
{
    const struct body_ruling *ruling = h->cause->statement.body;
    struct row_trade row;
    struct sides sides;
    enum tide_err err = trade_get(h->state, ruling->trade, &row);
    if (err == TIDE_ENOTFOUND) return refuse(h, OUTCOME_NO_SUCH_TRADE);
    if (err) return err;
    if (row.arbiter != 0 && row.arbiter != h->party) return refuse(h, OUTCOME_NOT_YOURS);
    if (row.state != TRADE_CLAIMED)
        return refuse_because(h, OUTCOME_WRONG_STATE, "trade %llu is %s", (unsigned long long)ruling->trade,
                              names_trade_state[row.state]);
    PASS(h, read_sides(h, &row, &sides));
    if (of_a_side(&sides, h->party, &h->speaker)) return refuse(h, OUTCOME_OWN_GROUP);
    return ruling->ruling == RULING_SETTLE ? trade_settle(h, ruling->trade, &row, BASIS_RULING)
                                           : trade_refund(h, ruling->trade, &row, BASIS_RULING, FINDING_NONE);
}

/* ---- an overdue claim, another arbiter ---- */

enum tide_err claim_overdue(struct hearing *h, uint64_t trade)
{
    struct row_trade row;
    struct row_party arbiter;
    enum tide_err err = must_exist(trade_get(h->state, trade, &row));
    if (!err) err = must_exist(party_by_number(h->state, row.arbiter, &arbiter));
    if (err) return err;
    struct body_overdue *e = EVENT(h, OVERDUE, overdue);
    if (!e) return TIDE_ENOMEM;
    e->trade = trade;
    memcpy(e->arbiter, arbiter.key, 32);
    return TIDE_OK;
}

/* A claim may go to another arbiter once the one named is late or suspended. */
static enum tide_err check_stuck(struct hearing *h, uint64_t trade, const struct row_trade *row)
{
    struct row_party named;
    if (row->state != TRADE_CLAIMED)
        return refuse_because(h, OUTCOME_WRONG_STATE, "trade %llu is %s", (unsigned long long)trade,
                              names_trade_state[row->state]);
    enum tide_err err = must_exist(party_by_number(h->state, row->arbiter, &named));
    if (err || row->overdue || named.state != PARTY_ACTIVE) return err;
    return refuse_because(h, OUTCOME_WRONG_STATE, "the arbiter named still has time to rule");
}

enum tide_err decide_arbiter(struct hearing *h)
{
    const struct body_arbiter *naming = h->cause->statement.body;
    struct row_trade row;
    struct row_party arbiter;
    struct sides sides;
    uint64_t number;
    enum tide_err err = trade_get(h->state, naming->trade, &row);
    if (err == TIDE_ENOTFOUND) return refuse(h, OUTCOME_NO_SUCH_TRADE);
    if (err) return err;
    PASS(h, check_stuck(h, naming->trade, &row));
    err = party_by_key(h->state, naming->arbiter, &number, &arbiter);
    if (err && err != TIDE_ENOTFOUND) return err;
    if (err || !is_active_arbiter(&arbiter)) return refuse(h, OUTCOME_NO_ARBITER);
    PASS(h, read_sides(h, &row, &sides));
    if (of_a_side(&sides, number, &arbiter)) return refuse(h, OUTCOME_OWN_GROUP);

    struct body_arbiter_named *e = EVENT(h, ARBITER_NAMED, arbiter_named);
    if (!e) return TIDE_ENOMEM;
    e->trade = naming->trade;
    memcpy(e->arbiter, arbiter.key, 32);
    e->due = h->now_ms + h->market.parameters[PARAM_CLAIM_MS];
    return TIDE_OK;
}

/* ---- writing ---- */

/* It is the arbiter's turn: by the trade's row, in the lists, and until `due`. */
static enum tide_err name_arbiter(struct fold *f, uint64_t trade, struct row_trade *row, const uint8_t arbiter[32],
                                  uint64_t due)
{
    row->overdue = 0;
    enum tide_err err = fold_party(f, arbiter, &row->arbiter);
    if (!err) err = fold_market(f);
    if (err) return err;
    f->market.last_arbiter = row->arbiter;
    err = fold_put_market(f);
    if (!err) err = claim_list(f, trade, row);
    if (!err) err = trade_deadline_set(f, DEADLINE_CLAIM, trade, row, due);
    return err ? err : trade_put(f, trade, row);
}

enum tide_err apply_claimed(struct fold *f, const struct body_claimed *e)
{
    struct row_trade row;
    enum tide_err err = trade_move(f, e->trade, KIND_CLAIMED, 0, &row);
    if (err) return err;
    row.bond = e->bond;
    row.claim_record = f->cause;
    return name_arbiter(f, e->trade, &row, e->arbiter, e->due);
}

enum tide_err apply_arbiter_named(struct fold *f, const struct body_arbiter_named *e)
{
    struct row_trade row;
    enum tide_err err = trade_move(f, e->trade, KIND_ARBITER_NAMED, 0, &row);
    if (!err) err = claim_unlist(f, e->trade, &row);
    return err ? err : name_arbiter(f, e->trade, &row, e->arbiter, e->due);
}

enum tide_err apply_overdue(struct fold *f, const struct body_overdue *e)
{
    struct row_trade row;
    uint64_t arbiter;
    enum tide_err err = trade_move(f, e->trade, KIND_OVERDUE, 0, &row);
    if (!err) err = fold_party(f, e->arbiter, &arbiter);
    if (err) return err;
    if (row.overdue || row.arbiter != arbiter) return TIDE_EDAMAGED;
    err = claim_unlist(f, e->trade, &row);
    row.overdue = 1;
    row.due = row.due_key = 0;
    if (!err) err = claim_list(f, e->trade, &row);
    return err ? err : trade_put(f, e->trade, &row);
}
