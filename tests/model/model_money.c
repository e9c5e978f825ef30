/* Accounts, deposits, withdrawals and voucher programmes (docs/market.md, "Money", "Vouchers"). */
#include "storage/rows.h"
#include "tests/model/model_internal.h"

static struct model_account *find_account(struct model *m, uint64_t party, uint64_t asset)
{
    for (size_t i = 0; i < m->n_accounts; i++) {
        if (m->accounts[i].party == party && m->accounts[i].asset == asset) return &m->accounts[i];
    }
    return NULL;
}

struct model_account *model_account_of(struct model *m, uint64_t party, uint64_t asset)
{
    struct model_account *a = find_account(m, party, asset);
    if (a == NULL) {
        a = GROW(m, accounts);
        a->party = party, a->asset = asset;
    }
    return a;
}

int64_t model_balance(struct model *m, uint64_t party, uint64_t asset, enum account account)
{
    const struct model_account *a = find_account(m, party, asset);
    return a == NULL ? 0 : a->of[account];
}

uint64_t model_locked(struct model *m, uint64_t party)
{
    const struct model_account *a = find_account(m, party, 0);
    return a == NULL ? 0 : a->locked;
}

void model_move(struct model *m, uint64_t asset, uint64_t amount, uint64_t from, enum account from_account, uint64_t to,
          enum account to_account)
{
    if (amount == 0) return;
    model_account_of(m, from, asset)->of[from_account] -= (int64_t)amount;
    model_account_of(m, to, asset)->of[to_account] += (int64_t)amount;
    model_touch(m, TABLE_ACCOUNT, from, asset);
    model_touch(m, TABLE_ACCOUNT, to, asset);
}

const char *model_audit(struct model *m)
{
    for (size_t i = 0; i < m->n_accounts; i++) {
        __int128 sum = 0;
        for (size_t k = 0; k < m->n_accounts; k++) {
            for (int a = 0; a <= ACCOUNT_ISSUED && m->accounts[k].asset == m->accounts[i].asset; a++)
                sum += m->accounts[k].of[a];
        }
        if (sum != 0) return "an asset does not sum to zero";
        for (int a = 0; a <= ACCOUNT_ISSUED; a++) {
            bool may_be_negative = m->accounts[i].party == 0 && (a == ACCOUNT_FLOAT || a == ACCOUNT_ISSUED);
            if (m->accounts[i].of[a] < 0 && !may_be_negative) return "an account is below zero";
        }
    }
    return NULL;
}

/* ---- the bank ---- */
static bool reference_used(const struct model *m, uint64_t bank, struct bytes reference)
{
    for (size_t i = 0; i < m->n_references; i++) {
        if (m->references[i].bank == bank && bytes_equal(m->references[i].text, reference)) return true;
    }
    return false;
}

enum outcome judge_deposit(struct model *m, const struct statement *s, const struct model_party *by,
                         const struct body_deposit *b, struct model_answer *out)
{
    (void)out;
    struct model_party *p = model_party_by_key(m, b->party);
    REFUSE_IF(p == NULL, NO_SUCH_PARTY);
    REFUSE_IF(model_same_group(m, by->number, p->number), OWN_GROUP);
    REFUSE_IF(reference_used(m, by->number, b->reference), REFERENCE_USED);
    REFUSE_IF((uint64_t)-model_balance(m, 0, 0, ACCOUNT_FLOAT) + b->amount > LIMIT_AMOUNT, TOO_MANY);
    struct body_deposited event = {.amount = b->amount, .reference = b->reference};
    COPY(event.party, p->key), COPY(event.bank, s->party);
    EMIT(m, DEPOSITED, event);
    *GROW(m, references) = (struct model_reference){by->number, model_keep(m, b->reference)};
    model_move(m, 0, b->amount, 0, ACCOUNT_FLOAT, p->number, ACCOUNT_AVAILABLE);
    return OUTCOME_OK;
}

enum outcome judge_withdraw(struct model *m, const struct statement *s, const struct model_party *by,
                         const struct body_withdraw *b, struct model_answer *out)
{
    (void)out;
    int64_t free_to_go = model_balance(m, by->number, 0, ACCOUNT_AVAILABLE) - (int64_t)model_locked(m, by->number);
    REFUSE_IF(free_to_go < (int64_t)b->amount, NO_FUNDS);
    REFUSE_IF(model_has_control(b->destination), BAD_TEXT);
    REFUSE_IF(by->announced, WITHDRAWALS_FROZEN);
    struct body_withdrawn event = {.amount = b->amount, .destination = b->destination};
    COPY(event.party, s->party);
    struct model_withdrawal *w = GROW(m, withdrawals);
    *w = (struct model_withdrawal){.id = EMIT(m, WITHDRAWN, event), .party = by->number, .amount = b->amount,
                                   .state = WITHDRAWAL_HELD};
    model_move(m, 0, b->amount, by->number, ACCOUNT_AVAILABLE, by->number, ACCOUNT_HELD);
    model_touch(m, TABLE_WITHDRAWAL, w->id, 0);
    return OUTCOME_OK;
}

enum outcome judge_payout(struct model *m, const struct statement *s, const struct model_party *by,
                         const struct body_payout *b, struct model_answer *out)
{
    (void)out;
    struct model_withdrawal *w = model_withdrawal(m, b->withdrawal);
    bool paid = b->result == PAYOUT_PAID;
    REFUSE_IF(w == NULL, NO_SUCH_WITHDRAWAL);
    REFUSE_IF(model_same_group(m, by->number, w->party), OWN_GROUP);
    REFUSE_IF(w->state != WITHDRAWAL_HELD, WRONG_STATE);
    REFUSE_IF(reference_used(m, by->number, b->reference), REFERENCE_USED);
    REFUSE_IF(paid && model_party(m, w->party)->announced, WITHDRAWALS_FROZEN);
    struct body_paid_out event = {.withdrawal = w->id, .result = b->result, .reference = b->reference};
    COPY(event.bank, s->party);
    EMIT(m, PAID_OUT, event);
    *GROW(m, references) = (struct model_reference){by->number, model_keep(m, b->reference)};
    w->state = paid ? WITHDRAWAL_PAID : WITHDRAWAL_RETURNED;
    if (paid)
        model_move(m, 0, w->amount, w->party, ACCOUNT_HELD, 0, ACCOUNT_FLOAT);
    else
        model_move(m, 0, w->amount, w->party, ACCOUNT_HELD, w->party, ACCOUNT_AVAILABLE);
    model_touch(m, TABLE_WITHDRAWAL, w->id, 0);
    return OUTCOME_OK;
}

/* ---- vouchers ---- */
enum outcome judge_give(struct model *m, const struct statement *s, const struct model_party *by,
                         const struct body_give *b, struct model_answer *out)
{
    (void)s, (void)out;
    const struct model_programme *g = model_programme(m, b->programme);
    REFUSE_IF(g == NULL, NO_SUCH_PROGRAMME);
    REFUSE_IF(g->issuer != by->number, NOT_YOURS);
    REFUSE_IF(g->state != PROGRAMME_OPEN, WRONG_STATE);
    const struct model_party *p = model_party_by_key(m, b->party);
    REFUSE_IF(p == NULL, NO_SUCH_PARTY);
    REFUSE_IF(model_same_group(m, by->number, p->number), OWN_GROUP);
    struct model_given *given = NULL;
    for (size_t i = 0; i < m->n_given; i++) {
        if (m->given[i].programme == g->id && m->given[i].party == p->number) given = &m->given[i];
    }
    REFUSE_IF((given == NULL ? 0 : given->amount) + b->amount > g->cap_party, VOUCHER_CAP);
    REFUSE_IF((int64_t)b->amount > model_balance(m, by->number, g->id, ACCOUNT_AVAILABLE), VOUCHER_CAP);
    if (given == NULL) {
        given = GROW(m, given);
        given->programme = g->id, given->party = p->number;
    }
    given->amount += b->amount;
    struct body_given event = {.programme = g->id, .amount = b->amount};
    COPY(event.party, p->key);
    EMIT(m, GIVEN, event);
    model_move(m, g->id, b->amount, by->number, ACCOUNT_AVAILABLE, p->number, ACCOUNT_AVAILABLE);
    return OUTCOME_OK;
}

/* Asset back to `issued`, as much CNY from the issuer's escrow to its available. */
static void give_back(struct model *m, const struct model_programme *g, uint64_t amount, uint64_t party, enum account from)
{
    model_move(m, g->id, amount, party, from, 0, ACCOUNT_ISSUED);
    model_move(m, 0, amount, g->issuer, ACCOUNT_ESCROW, g->issuer, ACCOUNT_AVAILABLE);
}

void model_free_voucher(struct model *m, uint64_t programme, uint64_t amount, uint64_t party, enum account from)
{
    if (programme == 0 || amount == 0) return;
    const struct model_programme *g = model_programme(m, programme);
    if (g->state == PROGRAMME_ENDED)
        give_back(m, g, amount, party, from);
    else
        model_move(m, programme, amount, party, from, party, ACCOUNT_AVAILABLE);
}

static bool was_given(const struct model *m, uint64_t programme, uint64_t party)
{
    for (size_t i = 0; i < m->n_given; i++) {
        if (m->given[i].programme == programme && m->given[i].party == party && !m->given[i].returned) return true;
    }
    return false;
}

static void mark_returned(struct model *m, uint64_t programme, uint64_t party)
{
    for (size_t i = 0; i < m->n_given; i++) {
        if (m->given[i].programme == programme && m->given[i].party == party) m->given[i].returned = true;
    }
}

/* The issuer and every party that was given of it, in the order of their numbers. */
void model_return_vouchers(struct model *m, uint64_t programme)
{
    struct model_programme *g = model_programme(m, programme);
    for (size_t i = 0; i < m->n_parties; i++) {
        struct model_party *p = &m->parties[i];
        bool issuer = p->number == g->issuer && !g->returned;
        if (!issuer && !was_given(m, programme, p->number)) continue;
        if (m->budget == 0) {
            model_say_sliced(m, WORK_END_PROGRAMME, programme);
            return;
        }
        m->budget--;
        uint64_t has = (uint64_t)model_balance(m, p->number, programme, ACCOUNT_AVAILABLE);
        struct body_voucher_returned event = {.programme = programme, .amount = has};
        COPY(event.party, p->said_key);
        EMIT(m, VOUCHER_RETURNED, event);
        give_back(m, g, has, p->number, ACCOUNT_AVAILABLE);
        mark_returned(m, programme, p->number);
        if (issuer) g->returned = true;
    }
}

enum outcome judge_programme(struct model *m, const struct statement *s, const struct model_party *by,
                             const struct body_programme *b, struct model_answer *out)
{
    (void)out;
    REFUSE_IF(model_balance(m, by->number, 0, ACCOUNT_AVAILABLE) < (int64_t)b->fund, NO_FUNDS);
    REFUSE_IF(model_has_control(b->name), BAD_TEXT);
    REFUSE_IF(b->ends_at <= m->now, BAD_PROGRAMME);
    struct body_programme_opened event = {.name = b->name, .kinds = b->kinds, .share_bp = b->share_bp,
                                          .top_price = b->top_price, .cap_party = b->cap_party, .fund = b->fund,
                                          .ends_at = b->ends_at};
    COPY(event.issuer, s->party);
    struct model_programme *g = GROW(m, programmes);
    *g = (struct model_programme){.id = EMIT(m, PROGRAMME_OPENED, event), .issuer = by->number, .kinds = b->kinds,
                                  .share_bp = b->share_bp, .top_price = b->top_price, .cap_party = b->cap_party,
                                  .fund = b->fund, .ends_at = b->ends_at, .state = PROGRAMME_OPEN};
    model_move(m, 0, b->fund, by->number, ACCOUNT_AVAILABLE, by->number, ACCOUNT_ESCROW);
    model_move(m, g->id, b->fund, 0, ACCOUNT_ISSUED, by->number, ACCOUNT_AVAILABLE);
    model_touch(m, TABLE_PROGRAMME, g->id, 0);
    return OUTCOME_OK;
}
