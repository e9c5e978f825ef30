/* Plausible statements about parties, keys, parameters and money. */
#include "crypto/age.h"
#include "tests/model/generate_internal.h"

/* ---- parties ---- */
static struct bytes carried_request(struct generator *g, uint64_t kind, const void *body, const struct keypair *by)
{
    struct statement s = frame(g, kind, by->key, body);
    struct bytes bytes, envelope;
    uint8_t signature[64];
    uint64_t how = chance(g, 40), week = LIMIT_ENROL_VALID_MS;
    s.valid_until = s.issued_at + (chance(g, 2) == 0 ? week : chance(g, week));
    if (how == 0) s.market[0] ^= 1;
    if (how == 1) s.valid_until = s.issued_at + week + chance(g, 2);
    if (how == 2) s.issued_at = g->now - week - 10, s.valid_until = s.issued_at + week;
    if (how == 3) s.issued_at = g->now + 60000 + chance(g, 2), s.valid_until = s.issued_at + 5;
    if (how == 4) s.issued_at = g->now - 400000, s.valid_until = g->now - chance(g, 2);
    fill_command_id(g, s.issued_at, s.command_id);
    if (how == 5) s.command_id[6] ^= 0x10;
    if (statement_encode(&s, g->arena, &bytes) != TIDE_OK) return BYTES_TEXT("no statement");
    sign_message(by->secret, DOMAIN_STATEMENT, bytes, signature);
    if (how == 6) signature[chance(g, 64)] ^= 4;
    ASSERT(envelope_encode(bytes, signature, g->arena, &envelope) == TIDE_OK);
    return envelope;
}

/* Keys that are new, mostly. */
static void fresh_keys(struct generator *g, uint8_t seal_key[32], uint8_t wire_key[32])
{
    const struct model *m = g->model;
    random_key(g, seal_key), random_key(g, wire_key);
    switch (chance(g, 40)) {
    case 0: memcpy(seal_key, m->recipients[chance(g, m->n_recipients)].key, 32); break;
    case 1: memcpy(wire_key, m->wire_keys[chance(g, m->n_wire_keys)].key, 32); break;
    case 2: memset(seal_key, 0, 32), seal_key[0] = 1; break;
    case 3: memcpy(wire_key, g->broker_wire, 32); break;
    case 4: memcpy(seal_key, g->broker_seal, 32); break;
    case 5: case 6: case 7: /* one that is announced for somebody */
        for (size_t i = 0; i < m->n_parties; i++) {
            if (!m->parties[i].announced) continue;
            if (chance(g, 2) == 0) memcpy(wire_key, m->parties[i].next_wire_key, 32);
            if (chance(g, 2) == 0) memcpy(seal_key, m->parties[i].next_seal_key, 32);
        }
        break;
    default: break;
    }
}

static const struct keypair *fresh_pair(struct generator *g)
{
    const struct model *m = g->model;
    if (chance(g, 30) == 0) return &g->ring[chance(g, g->n_ring)];
    if (chance(g, 6) == 0) {
        for (size_t i = 0; i < m->n_parties; i++) {
            const struct keypair *pair = keypair_of(g, m->parties[i].next_key);
            if (m->parties[i].announced && pair != NULL) return pair;
        }
    }
    return new_keypair(g);
}

static const uint64_t wanted_roles[] = {
    ROLE_VENDOR, ROLE_VENDOR, ROLE_BUYER, ROLE_BUYER, ROLE_BUYER, ROLE_REVIEWER, ROLE_BANK, ROLE_ISSUER, ROLE_ARBITER,
    ROLE_ARBITER, ROLE_VENDOR, ROLE_BUYER | ROLE_VENDOR, ROLE_ISSUER | ROLE_BUYER, ROLE_BANK, ROLE_REGULATOR, ROLE_BUYER,
    ROLE_ARBITER | ROLE_ISSUER, ROLE_OPERATOR | ROLE_REVIEWER, ROLE_ARBITER, ROLE_VENDOR};

size_t n_wanted_roles(void)
{
    return ARRAY_LEN(wanted_roles);
}

static struct bytes some_group(struct generator *g)
{
    static const char *const groups[] = {"", "", "", "", "north", "south", "east"};
    return ONE_OF(groups);
}

static struct bytes some_jurisdiction(struct generator *g)
{
    static const char *const all[] = {"CN", "CN", "CN", "CN", "CN", "CN", "DE", "CN", "", "FR"};
    return ONE_OF(all);
}

bool say_admit(struct generator *g, struct statement *s)
{
    const struct model_party *op = party_with(g, ROLE_OPERATOR);
    BODY(enrol, e);
    BODY(admit, b);
    uint64_t n = g->model->n_parties - 2;
    uint64_t roles = n < ARRAY_LEN(wanted_roles) ? wanted_roles[n] : wanted_roles[chance(g, ARRAY_LEN(wanted_roles))];
    if (n >= ARRAY_LEN(wanted_roles) && chance(g, 4) == 0) roles = 1 + chance(g, ROLE_ALL);
    if (g->crowd && n >= ARRAY_LEN(wanted_roles) && n < 400) roles = ROLE_BUYER;
    e->name = number_text(g, "party ", n), e->roles = roles, e->jurisdiction = some_jurisdiction(g);
    if (chance(g, 5) == 0) e->roles |= 1 + chance(g, ROLE_ALL);
    if (chance(g, 3) == 0) random_key(g, e->card_hash);
    fresh_keys(g, e->seal_key, e->wire_key);
    struct statement spoiled = {.kind = KIND_ENROL, .body = e};
    if (chance(g, 20) == 0) spoil_body(g, &spoiled);
    const void *body = fields_check(&schema_enrol, spoiled.body, NULL) ? spoiled.body : e;
    b->request = carried_request(g, KIND_ENROL, body, fresh_pair(g));
    b->roles = roles, b->group = some_group(g), b->jurisdiction = some_jurisdiction(g);
    return op != NULL && say(g, s, KIND_ADMIT, op->key, b);
}

bool say_suspend(struct generator *g, struct statement *s)
{
    const struct model_party *op = party_with(g, ROLE_OPERATOR), *p = any_party(g);
    BODY(suspend, b);
    const struct model_order *o = resting_order(g);
    const struct model_trade *t = trade_in(g, 1u << TRADE_CLAIMED);
    if (o != NULL && chance(g, 2) == 0) p = model_party(g->model, o->party);
    if (t != NULL && t->state == TRADE_CLAIMED && chance(g, 3) == 0) p = model_party(g->model, t->arbiter);
    if (op != NULL && chance(g, 3) == 0) p = party_with(g, ROLE_OPERATOR);
    memcpy(b->party, p->key, 32), b->reason = BYTES_TEXT("because");
    return op != NULL && say(g, s, KIND_SUSPEND, op->key, b);
}

bool say_reinstate(struct generator *g, struct statement *s)
{
    const struct model_party *op = party_with(g, ROLE_OPERATOR);
    BODY(reinstate, b);
    b->reason = BYTES_TEXT("again");
    const struct model_party *p = any_party(g);
    for (size_t i = 0, n = 0; i < g->model->n_parties; i++) {
        if (g->model->parties[i].state == PARTY_SUSPENDED && chance(g, ++n) == 0) p = &g->model->parties[i];
    }
    if (p->state != PARTY_SUSPENDED && chance(g, 4) != 0) return false;
    memcpy(b->party, p->key, 32);
    return op != NULL && say(g, s, KIND_REINSTATE, op->key, b);
}

bool say_regroup(struct generator *g, struct statement *s)
{
    const struct model_party *op = party_with(g, ROLE_OPERATOR);
    BODY(regroup, b);
    memcpy(b->party, any_party(g)->key, 32);
    b->group = some_group(g), b->jurisdiction = some_jurisdiction(g), b->reason = BYTES_TEXT("merger");
    return op != NULL && say(g, s, KIND_REGROUP, op->key, b);
}

static struct bytes new_keys_for(struct generator *g, const struct model_party *p)
{
    BODY(new_keys, k);
    memcpy(k->party, chance(g, 25) == 0 ? any_party(g)->key : p->key, 32);
    fresh_keys(g, k->seal_key, k->wire_key);
    return carried_request(g, chance(g, 40) == 0 ? KIND_CARD : KIND_NEW_KEYS, k, fresh_pair(g));
}

bool say_rekey(struct generator *g, struct statement *s)
{
    const struct model_party *p = any_party(g);
    BODY(rekey, b);
    b->request = new_keys_for(g, p);
    return say(g, s, KIND_REKEY, p->key, b);
}

bool say_replace_keys(struct generator *g, struct statement *s)
{
    const struct model_party *op = party_with(g, ROLE_OPERATOR), *p = any_party(g);
    BODY(replace_keys, b);
    for (size_t i = 0, among = chance(g, 2) * g->model->n_withdrawals; i < among; i++) {
        if (g->model->withdrawals[i].state == WITHDRAWAL_HELD) p = model_party(g->model, g->model->withdrawals[i].party);
    }
    memcpy(b->party, p->key, 32);
    b->request = new_keys_for(g, p), b->reason = BYTES_TEXT("seen");
    return op != NULL && say(g, s, KIND_REPLACE_KEYS, op->key, b);
}

bool say_stop_rekey(struct generator *g, struct statement *s)
{
    const struct model_party *p = any_party(g), *by = party_with(g, ROLE_OPERATOR);
    BODY(stop_rekey, b);
    for (size_t i = 0; i < g->model->n_parties; i++) {
        if (g->model->parties[i].announced && chance(g, 2) == 0) p = &g->model->parties[i];
    }
    if (!p->announced && chance(g, 4) != 0) return false;
    if (by == NULL || chance(g, 2) == 0) by = chance(g, 4) == 0 ? any_party(g) : p;
    memcpy(b->party, p->key, 32);
    return say(g, s, KIND_STOP_REKEY, by->key, b);
}

bool say_card(struct generator *g, struct statement *s)
{
    BODY(card, b);
    if (chance(g, 3) != 0) random_key(g, b->card_hash);
    return say(g, s, KIND_CARD, any_party(g)->key, b);
}

/* ---- parameters ---- */
static uint64_t random_parameter(struct generator *g, uint64_t which)
{
    uint64_t scale = g->scale;
    switch (which) {
    case PARAM_GRANT_MS: return 1000 + chance(g, 4 * scale);
    case PARAM_ACCEPT_MS: return 1000 + chance(g, 4 * scale);
    case PARAM_CLAIM_MS: return 1000 + chance(g, 8 * scale);
    case PARAM_ACCEPT_MS_PER_10GIB: return chance(g, least(scale, 24 * 3600000));
    case PARAM_STATEMENT_MS: return 60000 + chance(g, 600000);
    case PARAM_COLLAR_BP: return chance(g, 2) == 0 ? 0 : chance(g, 3) == 0 ? chance(g, 300) : chance(g, 12000);
    case PARAM_CLAIM_BOND_FEN: return chance(g, 3) == 0 ? 0 : chance(g, 5000);
    case PARAM_OUTAGE_MS: return 1000 + chance(g, scale / 4);
    case PARAM_REKEY_MS: return 1000 + chance(g, 4 * scale);
    case PARAM_VOUCHER_HOLD_MS: return chance(g, 4) == 0 ? chance(g, 3) : chance(g, 8 * scale);
    case PARAM_VENDOR_LISTINGS_MAX: return chance(g, 3) == 0 ? 1 + chance(g, 12) : 100000;
    case PARAM_VENDOR_BYTES_MAX: return chance(g, 4) == 0 ? 1 + chance(g, UINT64_C(60) << 30) : UINT64_C(1) << 40;
    default: return chance(g, 3) == 0 ? chance(g, 10001) : chance(g, 300); /* fees */
    }
}

size_t random_parameters(struct generator *g, struct parameter_value values[PARAM_N], bool genesis)
{
    size_t n = 0;
    for (uint64_t which = 0; which < PARAM_N; which++) {
        bool timing = which == PARAM_GRANT_MS || which == PARAM_ACCEPT_MS || which == PARAM_CLAIM_MS || which == PARAM_REKEY_MS;
        if (genesis ? !timing && chance(g, 2) == 0 : chance(g, 8) != 0) continue;
        values[n++] = (struct parameter_value){which, random_parameter(g, which)};
    }
    return n;
}

/* Room for no, one or a few more listings of some vendor; or, when there is little, for many. */
static uint64_t tight_quota(struct generator *g)
{
    static const uint64_t lengths[] = {0, 1, 65535, 65536, 65537, 1500000, 3000000, 9000000};
    const struct model_party *p = party_with(g, ROLE_VENDOR);
    bool is_tight = g->model->parameters[PARAM_VENDOR_BYTES_MAX] < UINT64_C(60) << 30;
    if (p == NULL || (is_tight && chance(g, 2) == 0)) return UINT64_C(1) << 40;
    uint64_t most = p->stored_bytes + chance(g, 3) * age_payload_len(lengths[chance(g, ARRAY_LEN(lengths))]);
    if (chance(g, 3) == 0) most += chance(g, 200000);
    return (most < 2 ? 2 : most) + 1 - chance(g, 3);
}

bool say_parameters(struct generator *g, struct statement *s)
{
    const struct model_party *op = party_with(g, ROLE_OPERATOR);
    BODY(parameters, b);
    struct parameter_value *values = in_arena(g, sizeof *values * PARAM_N);
    size_t n = random_parameters(g, values, false);
    if (n == 0) values[n++] = (struct parameter_value){PARAM_COLLAR_BP, chance(g, 2) == 0 ? 0 : chance(g, 3000)};
    if (n > 1 && chance(g, 15) == 0) values[1].parameter = values[0].parameter;
    if (chance(g, 15) == 0) {
        static const uint64_t edges[] = {0, 1, 999, 1000, 10000, 10001, 86400000, 86400001, 1000000, 1000001,
                                         MODEL_10_YEARS, MODEL_10_YEARS + 1, LIMIT_AMOUNT};
        values[0].parameter = chance(g, PARAM_N), values[0].value = edges[chance(g, ARRAY_LEN(edges))];
        if (values[0].parameter == PARAM_STATEMENT_MS && chance(g, 2) == 0) values[0].value = 59999 + chance(g, 2);
    }
    if (chance(g, 4) == 0) n = 1, values[0] = (struct parameter_value){PARAM_VENDOR_BYTES_MAX, tight_quota(g)};
    b->parameters = (struct list){values, n}, b->reason = BYTES_TEXT("policy");
    return op != NULL && say(g, s, KIND_PARAMETERS, op->key, b);
}

/* ---- money ---- */
bool say_deposit(struct generator *g, struct statement *s)
{
    static const uint64_t amounts[] = {100, 5000, 100000, 3000000, 50000000};
    const struct model_party *bank = party_with(g, ROLE_BANK), *p = any_party(g);
    BODY(deposit, b);
    if (chance(g, 3) != 0) p = party_with(g, ROLE_BUYER | ROLE_ISSUER);
    b->amount = 1 + chance(g, amounts[chance(g, ARRAY_LEN(amounts))]);
    if (g->crowd && chance(g, 3) == 0) p = party_with(g, ROLE_ISSUER), b->amount = 20000000;
    if (p == NULL || bank == NULL) return false;
    memcpy(b->party, p->key, 32);
    if (chance(g, 300) == 0) b->amount = LIMIT_AMOUNT - chance(g, 50000000);
    b->reference = number_text(g, "R", chance(g, 20) == 0 ? chance(g, 300) : g->n_ids++);
    return say(g, s, KIND_DEPOSIT, bank->key, b);
}

static const struct model_party *frozen_party(struct generator *g)
{
    const struct model_party *found = NULL;
    for (size_t i = 0; i < g->model->n_parties; i++) {
        const struct model_party *p = &g->model->parties[i];
        if (p->announced && model_balance(g->model, p->number, 0, ACCOUNT_AVAILABLE) > 0) found = p;
    }
    return found;
}

bool say_withdraw(struct generator *g, struct statement *s)
{
    const struct model_party *p = any_party(g);
    BODY(withdraw, b);
    if (chance(g, 6) == 0 && frozen_party(g) != NULL) p = frozen_party(g);
    uint64_t has = (uint64_t)model_balance(g->model, p->number, 0, ACCOUNT_AVAILABLE);
    uint64_t locked = model_locked(g->model, p->number);
    if (has == 0 && chance(g, 5) != 0) return false;
    b->amount = 1 + chance(g, chance(g, 3) == 0 ? has + 1 : has / 10 + 1);
    if (chance(g, 4) == 0) b->amount = has;
    if (locked > 0 && chance(g, 2) == 0) b->amount = has > locked ? has - locked + chance(g, 2) : 1;
    b->destination = BYTES_TEXT("account 1");
    return say(g, s, KIND_WITHDRAW, p->key, b);
}

bool say_payout(struct generator *g, struct statement *s)
{
    const struct model_party *bank = party_with(g, ROLE_BANK);
    struct model *m = g->model;
    BODY(payout, b);
    if (m->n_withdrawals == 0 || bank == NULL) return false;
    b->withdrawal = m->withdrawals[chance(g, m->n_withdrawals)].id;
    for (size_t i = 0, n = 0; i < m->n_withdrawals; i++) {
        bool frozen = model_party(m, m->withdrawals[i].party)->announced;
        if (m->withdrawals[i].state != WITHDRAWAL_HELD || chance(g, ++n) != 0) continue;
        if (chance(g, 8) != 0 || frozen) b->withdrawal = m->withdrawals[i].id;
        if (frozen && chance(g, 2) == 0) break;
    }
    b->result = chance(g, 3) == 0 ? PAYOUT_RETURNED : PAYOUT_PAID;
    b->reference = number_text(g, "R", chance(g, 20) == 0 ? chance(g, 300) : g->n_ids++);
    return say(g, s, KIND_PAYOUT, bank->key, b);
}

bool say_programme(struct generator *g, struct statement *s)
{
    const struct model_party *p = party_with(g, ROLE_ISSUER);
    BODY(programme, b);
    if (p == NULL || (g->model->n_programmes > 30 && chance(g, 10) != 0)) return false;
    b->name = number_text(g, "programme ", g->n_ids++), b->kinds = chance(g, 3) == 0 ? 1 + chance(g, 31) : 31;
    b->share_bp = chance(g, 4) == 0 ? 10000 : 1 + chance(g, 10000);
    b->top_price = chance(g, 3) == 0 ? 100000 : 1 + chance(g, 2000);
    b->cap_party = 1 + chance(g, 200000), b->fund = 1 + chance(g, 500000);
    if (chance(g, 5) == 0) b->fund = (uint64_t)model_balance(g->model, p->number, 0, ACCOUNT_AVAILABLE) + chance(g, 2);
    b->ends_at = g->now + chance(g, (g->crowd ? 90 : 30) * g->scale) + 1000;
    if (g->crowd) b->cap_party = 100000, b->ends_at += 40 * g->scale;
    if (g->crowd) b->fund = least((uint64_t)model_balance(g->model, p->number, 0, ACCOUNT_AVAILABLE), 10000000);
    if (chance(g, 20) == 0) b->ends_at = g->now - chance(g, 3) + 1;
    if (b->fund == 0) b->fund = 1;
    return say(g, s, KIND_PROGRAMME, p->key, b);
}

static bool same_issuer(struct generator *g, const struct model_programme *prog, const struct model_party *p)
{
    return model_same_group(g->model, prog->issuer, p->number);
}

bool say_give(struct generator *g, struct statement *s)
{
    const struct model_programme *prog = some_programme(g);
    const struct model_party *p = party_with(g, ROLE_BUYER);
    BODY(give, b);
    if (prog == NULL || p == NULL) return false;
    if (chance(g, 6) == 0) p = any_party(g);
    for (size_t i = 0; g->crowd && i < g->model->n_parties; i++) {
        bool has = false;
        for (size_t k = 0; k < g->model->n_given; k++)
            has = has || (g->model->given[k].programme == prog->id && g->model->given[k].party == g->model->parties[i].number);
        if (!has && !same_issuer(g, prog, &g->model->parties[i])) p = &g->model->parties[i];
    }
    b->programme = prog->id, b->amount = 1 + chance(g, chance(g, 3) == 0 ? prog->cap_party : prog->cap_party / 8 + 1);
    if (g->crowd) b->amount = 1 + chance(g, prog->fund / 400 + 1);
    memcpy(b->party, p->key, 32);
    const struct model_party *issuer = model_party(g->model, prog->issuer);
    if (chance(g, 20) == 0 && party_with(g, ROLE_ISSUER) != NULL) issuer = party_with(g, ROLE_ISSUER);
    return issuer != NULL && say(g, s, KIND_GIVE, issuer->key, b);
}
