/*
 * Judging one statement: the checks that every statement passes, in one fixed order (pending work, halt, market, time,
 * repetition, party, role), then the function of its kind. `docs/market.md`, "The order of the checks".
 *
 * Always holds: nothing here writes; a refusal leaves no event; the postings of every event sum to zero.
 * Not here: what a kind demands (the file of its subject), refusing and emitting (hearing.c), the rows it asks for
 * (lookup.c).
 */
#include "broker/market/law.h"
#include "crypto/hash.h"

#define ROLES_THAT_SIGN (ROLE_ALL & ~ROLE_REGULATOR)

/* Who may say what. Roles of 0: only the broker. */
static const struct rule {
    uint64_t kind;
    uint64_t roles;
    bool while_suspended;
    bool trades; /* waits while the market is halted */
    enum tide_err (*decide)(struct hearing *h);
} rules[] = {
    {KIND_GENESIS, 0, false, false, decide_genesis},
    {KIND_ENROL, ROLE_ALL, true, false, decide_enrol},
    {KIND_ADMIT, ROLE_OPERATOR, false, false, decide_admit},
    {KIND_SUSPEND, ROLE_OPERATOR, false, false, decide_suspend},
    {KIND_DEPOSIT, ROLE_BANK, false, false, decide_deposit},
    {KIND_PUBLISH, ROLE_VENDOR, false, false, decide_publish},
    {KIND_STORED, 0, false, false, decide_stored},
    {KIND_REVIEW, ROLE_REVIEWER, false, false, decide_review},
    {KIND_CLOSE, ROLE_VENDOR, false, false, decide_close},
    {KIND_ORDER, ROLE_VENDOR | ROLE_BUYER, false, true, decide_order},
    {KIND_ORDER_BATCH, ROLE_VENDOR | ROLE_BUYER, false, true, decide_order_batch},
    {KIND_CANCEL, ROLE_VENDOR | ROLE_BUYER, true, false, decide_cancel},
    {KIND_GRANT, ROLE_VENDOR, true, false, decide_grant},
    {KIND_ACCEPT, ROLE_BUYER, true, false, decide_accept},
    {KIND_TICK, 0, false, false, decide_tick},
    {KIND_CONTINUE, 0, false, false, decide_continue},
    {KIND_REINSTATE, ROLE_OPERATOR, false, false, decide_reinstate},
    {KIND_REGROUP, ROLE_OPERATOR, false, false, decide_regroup},
    {KIND_NEW_KEYS, ROLE_ALL, true, false, decide_new_keys},
    {KIND_REKEY, ROLES_THAT_SIGN, false, false, decide_rekey},
    {KIND_REPLACE_KEYS, ROLE_OPERATOR, false, false, decide_replace_keys},
    {KIND_STOP_REKEY, ROLES_THAT_SIGN, false, false, decide_stop_rekey},
    {KIND_CARD, ROLES_THAT_SIGN, true, false, decide_card},
    {KIND_WITHDRAW, ROLES_THAT_SIGN, false, false, decide_withdraw},
    {KIND_PAYOUT, ROLE_BANK, false, false, decide_payout},
    {KIND_HALT, ROLE_OPERATOR, false, false, decide_halt},
    {KIND_RESUME, ROLE_OPERATOR, false, false, decide_resume},
    {KIND_PARAMETERS, ROLE_OPERATOR, false, false, decide_parameters},
    {KIND_REPLACE, ROLE_VENDOR | ROLE_BUYER, false, true, decide_replace},
    {KIND_PROGRAMME, ROLE_ISSUER, false, false, decide_programme},
    {KIND_GIVE, ROLE_ISSUER, false, false, decide_give},
    {KIND_CLAIM, ROLE_BUYER, true, false, decide_claim},
    {KIND_RULING, ROLE_ARBITER, false, false, decide_ruling},
    {KIND_ARBITER, ROLE_OPERATOR, false, false, decide_arbiter},
    {KIND_SAMPLE, ROLE_VENDOR, false, false, decide_sample},
    {KIND_DRAWN, 0, false, false, decide_drawn},
    {KIND_DISPUTE, ROLE_BUYER, true, false, decide_dispute},
    {KIND_VERDICT, 0, false, false, decide_verdict},
    {KIND_DISCLOSE, ROLE_VENDOR, false, false, decide_disclose},
};

static const struct rule *rule_of(uint64_t kind)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (rules[i].kind == kind) return &rules[i];
    return NULL;
}

/* ---- the checks of every statement ---- */

static enum tide_err check_market(struct hearing *h)
{
    static const uint8_t none[32];
    const struct statement *s = &h->cause->statement;
    const uint8_t *expected = s->kind == KIND_GENESIS ? none : h->market.market;
    if (s->kind != KIND_GENESIS && !h->opened) return refuse(h, OUTCOME_WRONG_MARKET);
    return memcmp(s->market, expected, 32) == 0 ? TIDE_OK : refuse(h, OUTCOME_WRONG_MARKET);
}

/* The same bytes once more are answered with the first acceptance; other bytes under one id are refused. */
static enum tide_err check_repeated(struct hearing *h)
{
    uint8_t key[24], hash[32];
    struct row_command row;
    memcpy(key, h->cause->statement.command_id, 16);
    be64_put(key + 16, h->party);
    enum tide_err err = state_get(h->state, TABLE_COMMAND, key, &row);
    if (err == TIDE_ENOTFOUND) return TIDE_OK;
    if (err) return err;
    if (row.valid_until < h->now_ms) return TIDE_OK; /* forgotten, though the row may be there still (apply.c) */
    sha256(h->cause->statement_bytes, hash);
    if (memcmp(hash, row.statement_hash, 32) != 0)
        return refuse_because(h, OUTCOME_ID_REUSED, "record %llu has this command id",
                              (unsigned long long)row.first_index);
    h->repeated = true;
    h->repeated_first = row.first_index;
    h->repeated_next = row.next_index;
    if (row.first_index == h->market.last_statement) {
        err = state_applied(h->state, &h->repeated_next);
        if (err) return err;
    }
    return refuse(h, OUTCOME_ID_REUSED);
}

/* A key that was replaced still finds its party: its statements are refused for what they are. */
static enum tide_err check_speaker(struct hearing *h, const struct rule *rule, bool known)
{
    bool carried = rule->kind == KIND_ENROL || rule->kind == KIND_NEW_KEYS; /* refused for that, whoever says it */
    if (!known) return refuse(h, OUTCOME_UNKNOWN_PARTY);
    if (memcmp(h->cause->statement.party, h->speaker.key, 32) != 0) return refuse(h, OUTCOME_KEY_NOT_IN_FORCE);
    if (h->speaker.state == PARTY_SUSPENDED && !rule->while_suspended) return refuse(h, OUTCOME_SUSPENDED);
    if (rule->roles == 0) return h->party == MARKET_PARTY ? TIDE_OK : refuse(h, OUTCOME_BROKER_ONLY);
    return (h->speaker.roles & rule->roles) || carried ? TIDE_OK : refuse(h, OUTCOME_NOT_YOUR_ROLE);
}

/* What waits to go on comes before everything. */
static enum tide_err check_waits(struct hearing *h, const struct rule *rule)
{
    uint64_t pending = h->market.pending_work;
    if (!h->opened) return TIDE_OK;
    if (pending != WORK_NONE && rule->kind != (pending == WORK_DRAW ? KIND_DRAWN : KIND_CONTINUE))
        return refuse_because(h, OUTCOME_BUSY, "work on record %llu goes on first",
                              (unsigned long long)h->market.pending_subject);
    return TIDE_OK;
}

/* Everything that comes before a kind's own rules. */
static enum tide_err check_frame(struct hearing *h, const struct rule *rule)
{
    const struct statement *s = &h->cause->statement;
    PASS(h, check_waits(h, rule));
    PASS(h, check_market(h));
    PASS(h, check_time(h, s, h->opened ? h->market.parameters[PARAM_STATEMENT_MS]
                                       : parameter_defaults[PARAM_STATEMENT_MS]));
    if (!h->opened) return TIDE_OK; /* genesis: nobody is known yet */

    enum tide_err err = party_by_key(h->state, s->party, &h->party, &h->speaker);
    if (err && err != TIDE_ENOTFOUND) return err;
    bool known = err == TIDE_OK;
    if (known) PASS(h, check_repeated(h));
    if (h->market.halted && rule->trades) return refuse(h, OUTCOME_MARKET_HALTED); /* said anew, not said before */
    return check_speaker(h, rule, known);
}

/* ---- a step ---- */

void hearing_init(struct hearing *h, struct state_view *state, const struct cause *cause, uint64_t now_ms,
                  struct arena *arena)
{
    memset(h, 0, sizeof *h);
    h->state = state;
    h->cause = cause;
    h->now_ms = now_ms;
    h->arena = arena;
}

static enum tide_err read_market(struct hearing *h)
{
    enum tide_err err = market_row(h->state, &h->market);
    if (err == TIDE_ENOTFOUND) return TIDE_OK;
    if (err) return err;
    h->opened = true;
    return h->now_ms < h->market.last_time_ms ? TIDE_EINVAL : TIDE_OK;
}

static void assert_balanced(const struct decision *d)
{
    for (size_t i = 0; i < d->n_events; i++) {
        const struct list *postings = event_postings(d->events[i].kind, d->events[i].body);
        ASSERT(!postings || postings_balance(postings));
    }
}

enum tide_err hearing_step(struct hearing *h, uint64_t step, uint64_t first_event_index, struct decision *d)
{
    h->d = d;
    h->step = step;
    h->first_event_index = first_event_index;
    d->outcome = OUTCOME_OK;
    d->n_events = 0;
    d->more = false;
    const struct rule *rule = rule_of(h->cause->statement.kind);
    if (!rule) return refuse(h, OUTCOME_MALFORMED);
    if (step == 0) {
        d->n_matched = 0;
        enum tide_err err = read_market(h);
        if (err) return err;
        PASS(h, check_frame(h, rule));
    }
    enum tide_err err = rule->decide(h);
    if (err) return err;
    if (d->outcome != OUTCOME_OK) {
        d->n_events = 0;
        d->more = false;
    }
    assert_balanced(d);
    return TIDE_OK;
}

enum tide_err market_decide(struct state_view *state, const struct cause *cause, uint64_t now_ms, uint64_t step,
                            uint64_t first_event_index, struct arena *arena, struct decision *d)
{
    struct hearing h;
    hearing_init(&h, state, cause, now_ms, arena);
    if (step > 0) { /* the frame was checked at step 0 */
        enum tide_err err = read_market(&h);
        if (!err) err = must_exist(party_by_key(state, cause->statement.party, &h.party, &h.speaker));
        if (err) return err;
    }
    return hearing_step(&h, step, first_event_index, d);
}
