/*
 * How a market begins: the genesis statement and its first operators.
 *
 * Always holds: a market is opened once, by the statement whose hash is its id, with a value for every parameter.
 * Not here: what the parameters may be (parameters.c), admitting anyone later (party.c).
 */
#include "broker/market/law.h"

/* Every key of the operators and the broker is used once. */
static bool operator_keys_differ(const struct hearing *h, const struct body_genesis *g, size_t n)
{
    const struct operator_entry *all = g->operators.items;
    const struct operator_entry *one = &all[n];
    if (memcmp(one->party, h->cause->statement.party, 32) == 0 || memcmp(one->wire_key, g->wire_key, 32) == 0 ||
        memcmp(one->seal_key, g->seal_key, 32) == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (memcmp(all[i].party, one->party, 32) == 0 || memcmp(all[i].wire_key, one->wire_key, 32) == 0 ||
            memcmp(all[i].seal_key, one->seal_key, 32) == 0)
            return false;
    return true;
}

static enum tide_err check_operators(struct hearing *h, const struct body_genesis *g)
{
    const struct operator_entry *operators = g->operators.items;
    for (size_t i = 0; i < g->operators.n; i++)
        if (!operator_keys_differ(h, g, i)) return refuse(h, OUTCOME_ALREADY_ENROLLED);
    for (size_t i = 0; i < g->operators.n; i++) {
        PASS(h, check_new_keys(h, operators[i].party, operators[i].seal_key, operators[i].wire_key));
        if (text_has_control(operators[i].name)) return refuse(h, OUTCOME_BAD_TEXT);
    }
    return TIDE_OK;
}

static enum tide_err emit_opened(struct hearing *h, const struct body_genesis *g, const uint64_t values[PARAM_N])
{
    struct body_opened *e = EVENT(h, OPENED, opened);
    struct parameter_value *list = arena_calloc(h->arena, PARAM_N, sizeof *list);
    if (!e || !list) return TIDE_ENOMEM;
    for (size_t i = 0; i < PARAM_N; i++) list[i] = (struct parameter_value){.parameter = i, .value = values[i]};
    e->name = g->name;
    e->origin = g->origin;
    e->rules = g->rules;
    memcpy(e->broker, h->cause->statement.party, 32);
    memcpy(e->log_key, g->log_key, 32);
    memcpy(e->wire_key, g->wire_key, 32);
    memcpy(e->seal_key, g->seal_key, 32);
    e->parameters = (struct list){list, PARAM_N};
    return TIDE_OK;
}

enum tide_err decide_genesis(struct hearing *h)
{
    const struct body_genesis *g = h->cause->statement.body;
    uint64_t values[PARAM_N];
    if (h->opened) return refuse_because(h, OUTCOME_WRONG_STATE, "the market is open already");
    if (!parameters_read(&g->parameters, values))
        return refuse_because(h, OUTCOME_MALFORMED, "a parameter is given twice or out of its bounds");
    PASS(h, check_operators(h, g));
    if (text_has_control(g->name) || text_has_control(g->origin)) return refuse(h, OUTCOME_BAD_TEXT);

    enum tide_err err = emit_opened(h, g, values);
    const struct operator_entry *operators = g->operators.items;
    for (size_t i = 0; !err && i < g->operators.n; i++) {
        struct body_admitted *e = EVENT(h, ADMITTED, admitted);
        if (!e) return TIDE_ENOMEM;
        memcpy(e->party, operators[i].party, 32);
        memcpy(e->seal_key, operators[i].seal_key, 32);
        memcpy(e->wire_key, operators[i].wire_key, 32);
        e->name = operators[i].name;
        e->roles = ROLE_OPERATOR;
    }
    return err;
}

/* The market is party 0: its row says who speaks for it, and keeps its keys from being enrolled again. */
static enum tide_err put_market_party(struct fold *f, const struct body_opened *e)
{
    struct row_party row;
    memset(&row, 0, sizeof row);
    memcpy(row.key, e->broker, 32);
    memcpy(row.seal_key, e->seal_key, 32);
    memcpy(row.wire_key, e->wire_key, 32);
    row.state = PARTY_ACTIVE;
    row_text_set(row.name, sizeof row.name, e->name);
    return party_row_put(f, MARKET_PARTY, &row);
}

enum tide_err apply_opened(struct fold *f, const struct body_opened *e)
{
    enum tide_err err = fold_market(f); /* made by the genesis statement's record: its hash is the market's id */
    if (err) return err;
    if (f->market.rules != 0) return TIDE_EDAMAGED;
    struct row_market *m = &f->market;
    m->rules = e->rules;
    memcpy(m->broker, e->broker, 32);
    memcpy(m->log_key, e->log_key, 32);
    memcpy(m->wire_key, e->wire_key, 32);
    memcpy(m->seal_key, e->seal_key, 32);
    row_text_set(m->name, sizeof m->name, e->name);
    row_text_set(m->origin, sizeof m->origin, e->origin);
    const struct parameter_value *list = e->parameters.items;
    for (size_t i = 0; i < e->parameters.n; i++) {
        if (list[i].parameter != i) return TIDE_EDAMAGED;
        m->parameters[i] = list[i].value;
    }
    err = fold_put_market(f);
    return err ? err : put_market_party(f, e);
}
