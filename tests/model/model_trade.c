/* Trades: delivery, claims, settlement (docs/market.md, "Trades"). */
#include "crypto/age.h"
#include "storage/rows.h"
#include "storage/settlement.h"
#include "tests/model/model_internal.h"

struct bytes model_settlement_text(struct model *m, const struct model_trade *t)
{
    const struct model_listing *l = model_listing(m, t->listing);
    struct settlement s = {.origin = m->origin, .title = l->title, .trade = t->id, .listing = t->listing,
                           .quantity = t->quantity, .price = t->price, .total = t->total, .fee = t->fee,
                           .voucher = t->voucher, .programme = t->programme, .has_content = !ABSENT(l->content_root)};
    COPY(s.vendor, t->vendor_key), COPY(s.buyer, t->buyer_key), COPY(s.content_root, l->content_root);
    COPY(s.key_commitment, l->key_commitment), COPY(s.terms_hash, l->terms_hash);
    return settlement_format(&s, &m->once);
}

static void no_deadline(struct model_trade *t)
{
    t->deadline = NO_DEADLINE, t->parked = false;
}

static void settle(struct model *m, struct model_trade *t)
{
    uint64_t gets = t->total - t->fee;
    model_move(m, 0, t->total - t->voucher, t->buyer, ACCOUNT_ESCROW, t->vendor, ACCOUNT_AVAILABLE);
    if (t->voucher > 0) {
        model_move(m, t->programme, t->voucher, t->buyer, ACCOUNT_ESCROW, 0, ACCOUNT_ISSUED);
        model_move(m, 0, t->voucher, model_programme(m, t->programme)->issuer, ACCOUNT_ESCROW, t->vendor, ACCOUNT_AVAILABLE);
    }
    model_move(m, 0, t->fee, t->vendor, ACCOUNT_AVAILABLE, 0, ACCOUNT_FEES);
    model_move(m, 0, t->bond, t->buyer, ACCOUNT_HELD, t->vendor, ACCOUNT_AVAILABLE);
    t->locked = m->parameters[PARAM_VOUCHER_HOLD_MS] == 0 ? 0 : least(t->voucher, gets);
    t->unlock_at = t->locked > 0 ? m->now + m->parameters[PARAM_VOUCHER_HOLD_MS] : 0;
    model_account_of(m, t->vendor, 0)->locked += t->locked;
    model_party(m, t->vendor)->settled++;
}

static void refund(struct model *m, struct model_trade *t)
{
    model_move(m, 0, t->total - t->voucher, t->buyer, ACCOUNT_ESCROW, t->buyer, ACCOUNT_AVAILABLE);
    model_free_voucher(m, t->programme, t->voucher, t->buyer, ACCOUNT_ESCROW);
    model_move(m, 0, t->bond, t->buyer, ACCOUNT_HELD, t->buyer, ACCOUNT_AVAILABLE);
}

void model_end_trade(struct model *m, struct model_trade *t, bool pays, enum basis basis)
{
    struct bytes text = model_settlement_text(m, t);
    no_deadline(t);
    t->by_deadline = basis == BASIS_DEADLINE;
    t->state = pays ? TRADE_SETTLED : TRADE_REFUNDED;
    if (pays) {
        settle(m, t);
        struct body_settled event = {.trade = t->id, .basis = basis, .text = text, .locked = t->locked,
                                     .locked_until = t->unlock_at};
        EMIT(m, SETTLED, event);
    } else {
        refund(m, t);
        struct body_refunded event = {.trade = t->id, .basis = basis, .text = text,
                                      .finding = basis == BASIS_VERDICT ? t->finding : FINDING_NONE};
        EMIT(m, REFUNDED, event);
    }
    if (basis == BASIS_RULING && pays) model_party(m, t->buyer)->unproven++;
    if ((basis == BASIS_RULING || basis == BASIS_VERDICT) && !pays) model_party(m, t->vendor)->faults++;
    if (basis == BASIS_DEADLINE && !pays) model_party(m, t->vendor)->missed++;
    model_listing(m, t->listing)->n_open_trades--;
    model_let_go(m, model_listing(m, t->listing));
    model_touch(m, TABLE_LISTING, t->listing, 0);
    model_touch(m, TABLE_TRADE, t->id, 0);
    model_touch(m, TABLE_PARTY, t->vendor, 0);
    model_touch(m, TABLE_PARTY, t->buyer, 0);
}

/* What grant, accept, dispute and claim ask first. */
static enum outcome check_trade(const struct model_trade *t, uint64_t mine, enum trade_state state,
                                const struct model_party *by)
{
    REFUSE_IF(t == NULL, NO_SUCH_TRADE);
    REFUSE_IF(mine != by->number, NOT_YOURS);
    REFUSE_IF(t->state != state && t->by_deadline, TOO_LATE);
    REFUSE_IF(t->state != state, WRONG_STATE);
    return OUTCOME_OK;
}

static bool deadline_passed(struct model *m, const struct model_trade *t)
{
    return model_listing_clock(m, model_listing(m, t->listing), m->now) >= t->due;
}

static bool signed_by(struct model *m, const struct statement *s, const struct model_trade *t, const uint8_t signature[64])
{
    return sign_verify(s->party, DOMAIN_NONE, model_settlement_text(m, t), signature) == TIDE_OK;
}

static bool grant_is_good(const struct model_listing *l, struct bytes grant)
{
    if (!ABSENT(l->content_root)) return grant.len == 168 && age_grant_is_well_formed(grant);
    if (grant.len <= 168 + 16 + 16 || grant.len > 168 + 16 + 4096 + 16) return false;
    return age_grant_is_well_formed(BYTES(grant.data, 168));
}

enum outcome judge_grant(struct model *m, const struct statement *s, const struct model_party *by,
                         const struct body_grant *b, struct model_answer *out)
{
    (void)out;
    struct model_trade *t = model_trade(m, b->trade);
    enum outcome outcome = check_trade(t, t == NULL ? 0 : t->vendor, TRADE_MATCHED, by);
    if (outcome != OUTCOME_OK) return outcome;
    REFUSE_IF(deadline_passed(m, t), TOO_LATE);
    REFUSE_IF(!grant_is_good(model_listing(m, t->listing), b->grant), BAD_GRANT);
    REFUSE_IF(!signed_by(m, s, t, b->signature), BAD_SETTLEMENT_SIGNATURE);
    struct body_granted event = {.trade = t->id, .accept_due = m->now + t->accept_ms};
    EMIT(m, GRANTED, event);
    t->state = TRADE_GRANTED;
    model_set_deadline(m, t, ACCEPT_DEADLINE, t->accept_ms);
    model_touch(m, TABLE_TRADE, t->id, 0);
    return OUTCOME_OK;
}

enum outcome judge_accept(struct model *m, const struct statement *s, const struct model_party *by,
                          const struct body_accept *b, struct model_answer *out)
{
    (void)out;
    struct model_trade *t = model_trade(m, b->trade);
    enum outcome outcome = check_trade(t, t == NULL ? 0 : t->buyer, TRADE_GRANTED, by);
    if (outcome != OUTCOME_OK) return outcome;
    REFUSE_IF(deadline_passed(m, t), TOO_LATE);
    REFUSE_IF(!signed_by(m, s, t, b->signature), BAD_SETTLEMENT_SIGNATURE);
    model_end_trade(m, t, true, BASIS_ACCEPTED);
    return OUTCOME_OK;
}

/* ---- disputes ---- */
enum outcome judge_dispute(struct model *m, const struct statement *s, const struct model_party *by,
                           const struct body_dispute *b, struct model_answer *out)
{
    (void)s, (void)out;
    struct model_trade *t = model_trade(m, b->trade);
    enum outcome outcome = check_trade(t, t == NULL ? 0 : t->buyer, TRADE_GRANTED, by);
    if (outcome != OUTCOME_OK) return outcome;
    REFUSE_IF(deadline_passed(m, t), TOO_LATE);
    REFUSE_IF(t->dispute_record != 0, ALREADY_DISPUTED);
    struct body_disputed event = {.trade = t->id};
    EMIT(m, DISPUTED, event);
    t->state = TRADE_DISPUTED, t->dispute_record = m->index;
    t->left_ms = t->due - model_listing_clock(m, model_listing(m, t->listing), m->now);
    no_deadline(t);
    model_touch(m, TABLE_TRADE, t->id, 0);
    return OUTCOME_OK;
}

static bool is_vendors_fault(uint64_t finding)
{
    return finding == FINDING_GRANT_UNREADABLE || finding == FINDING_WRONG_KEY || finding == FINDING_BAD_CIPHERTEXT ||
           finding == FINDING_SAMPLE_MISMATCH;
}

enum outcome judge_verdict(struct model *m, const struct statement *s, const struct model_party *by,
                           const struct body_verdict *b, struct model_answer *out)
{
    (void)s, (void)by, (void)out;
    struct model_trade *t = model_trade(m, b->trade);
    REFUSE_IF(t == NULL, NO_SUCH_TRADE);
    REFUSE_IF(t->state != TRADE_DISPUTED, WRONG_STATE);
    t->verdict_record = m->index, t->finding = b->finding;
    if (is_vendors_fault(b->finding)) {
        model_end_trade(m, t, false, BASIS_VERDICT);
        return OUTCOME_OK;
    }
    struct body_dispute_failed event = {.trade = t->id, .accept_due = m->now + t->left_ms, .finding = b->finding};
    EMIT(m, DISPUTE_FAILED, event);
    t->state = TRADE_GRANTED;
    model_set_deadline(m, t, ACCEPT_DEADLINE, t->left_ms);
    model_party(m, t->buyer)->unproven++;
    model_touch(m, TABLE_TRADE, t->id, 0);
    model_touch(m, TABLE_PARTY, t->buyer, 0);
    return OUTCOME_OK;
}

/* ---- claims ---- */
static bool may_rule(struct model *m, const struct model_party *p, const struct model_trade *t)
{
    return (p->roles & ROLE_ARBITER) && p->state == PARTY_ACTIVE && !model_same_group(m, p->number, t->buyer) &&
           !model_same_group(m, p->number, t->vendor);
}

/* Whose turn it is: the next one by number after the one named last, and round again. */
static const struct model_party *next_arbiter(struct model *m, const struct model_trade *t)
{
    const struct model_party *first = NULL;
    for (size_t i = 0; i < m->n_parties; i++) {
        const struct model_party *p = &m->parties[i];
        if (!may_rule(m, p, t)) continue;
        if (p->number > m->last_arbiter) return p;
        if (first == NULL) first = p;
    }
    return first;
}

enum outcome judge_claim(struct model *m, const struct statement *s, const struct model_party *by,
                         const struct body_claim *b, struct model_answer *out)
{
    (void)s, (void)out;
    struct model_trade *t = model_trade(m, b->trade);
    uint64_t bond = m->parameters[PARAM_CLAIM_BOND_FEN];
    enum outcome outcome = check_trade(t, t == NULL ? 0 : t->buyer, TRADE_GRANTED, by);
    if (outcome != OUTCOME_OK) return outcome;
    REFUSE_IF(deadline_passed(m, t), TOO_LATE);
    const struct model_party *arbiter = next_arbiter(m, t);
    REFUSE_IF(arbiter == NULL, NO_ARBITER);
    REFUSE_IF(model_balance(m, by->number, 0, ACCOUNT_AVAILABLE) < (int64_t)bond, NO_FUNDS);
    struct body_claimed event = {.trade = t->id, .due = m->now + m->parameters[PARAM_CLAIM_MS], .bond = bond};
    COPY(event.arbiter, arbiter->key);
    EMIT(m, CLAIMED, event);
    t->state = TRADE_CLAIMED, t->arbiter = m->last_arbiter = arbiter->number, t->bond = bond;
    model_move(m, 0, bond, t->buyer, ACCOUNT_AVAILABLE, t->buyer, ACCOUNT_HELD);
    model_set_deadline(m, t, CLAIM_DEADLINE, m->parameters[PARAM_CLAIM_MS]);
    model_touch(m, TABLE_TRADE, t->id, 0);
    return OUTCOME_OK;
}

enum outcome judge_ruling(struct model *m, const struct statement *s, const struct model_party *by,
                          const struct body_ruling *b, struct model_answer *out)
{
    (void)s, (void)out;
    struct model_trade *t = model_trade(m, b->trade);
    REFUSE_IF(t == NULL, NO_SUCH_TRADE);
    REFUSE_IF(t->arbiter != 0 && t->arbiter != by->number, NOT_YOURS);
    REFUSE_IF(t->state != TRADE_CLAIMED, WRONG_STATE);
    REFUSE_IF(model_same_group(m, by->number, t->buyer) || model_same_group(m, by->number, t->vendor), OWN_GROUP);
    model_end_trade(m, t, b->ruling == RULING_SETTLE, BASIS_RULING);
    return OUTCOME_OK;
}

enum outcome judge_arbiter(struct model *m, const struct statement *s, const struct model_party *by,
                           const struct body_arbiter *b, struct model_answer *out)
{
    (void)s, (void)by, (void)out;
    struct model_trade *t = model_trade(m, b->trade);
    REFUSE_IF(t == NULL, NO_SUCH_TRADE);
    REFUSE_IF(t->state != TRADE_CLAIMED, WRONG_STATE);
    REFUSE_IF(!t->overdue && model_party(m, t->arbiter)->state == PARTY_ACTIVE, WRONG_STATE);
    const struct model_party *p = model_party_by_key(m, b->arbiter);
    REFUSE_IF(p == NULL || !(p->roles & ROLE_ARBITER) || p->state != PARTY_ACTIVE, NO_ARBITER);
    REFUSE_IF(!may_rule(m, p, t), OWN_GROUP);
    struct body_arbiter_named event = {.trade = t->id, .due = m->now + m->parameters[PARAM_CLAIM_MS]};
    COPY(event.arbiter, p->key);
    EMIT(m, ARBITER_NAMED, event);
    t->arbiter = m->last_arbiter = p->number, t->overdue = false;
    model_set_deadline(m, t, CLAIM_DEADLINE, m->parameters[PARAM_CLAIM_MS]);
    model_touch(m, TABLE_TRADE, t->id, 0);
    return OUTCOME_OK;
}
