/* Plausible statements of every kind. */
#include "crypto/age.h"
#include "crypto/identity.h"
#include "tests/model/generate_internal.h"

/* ---- whom and what there is ---- */
static struct model_party *party_with(struct generator *g, uint64_t roles)
{
    struct model *m = g->model;
    struct model_party *found = NULL;
    for (size_t i = 0, n = 0; i < m->n_parties; i++) {
        struct model_party *p = &m->parties[i];
        if (!(p->roles & roles) || (p->state != PARTY_ACTIVE && chance(g, 30) != 0)) continue;
        if (chance(g, ++n) == 0) found = p;
    }
    return found;
}

static struct model_party *any_party(struct generator *g)
{
    return &g->model->parties[chance(g, g->model->n_parties)];
}

static struct model_listing *listing_in(struct generator *g, uint64_t states, uint64_t vendor)
{
    struct model *m = g->model;
    struct model_listing *found = NULL;
    for (size_t i = 0, n = 0; i < m->n_listings; i++) {
        struct model_listing *l = &m->listings[i];
        if (!(states >> l->state & 1) || (vendor != 0 && l->vendor != vendor)) continue;
        if (chance(g, ++n) == 0 || (i + 8 > m->n_listings && chance(g, 3) == 0)) found = l;
    }
    return found;
}

static struct model_trade *trade_in(struct generator *g, uint64_t states)
{
    struct model *m = g->model;
    struct model_trade *found = NULL;
    for (size_t i = 0, n = 0; i < m->n_open; i++) {
        struct model_trade *t = &m->trades[m->open[i]];
        if ((states >> t->state & 1) && chance(g, ++n) == 0) found = t;
    }
    if (found == NULL && m->n_trades > 0 && chance(g, 4) == 0) found = &m->trades[chance(g, m->n_trades)];
    return found;
}

static struct model_order *resting_order(struct generator *g)
{
    struct model *m = g->model;
    return m->n_resting == 0 ? NULL : &m->orders[m->resting[chance(g, m->n_resting)]];
}

static struct model_programme *some_programme(struct generator *g)
{
    struct model *m = g->model;
    struct model_programme *found = NULL;
    for (size_t i = 0, n = 0; i < m->n_programmes; i++) {
        if (m->programmes[i].state == PROGRAMME_OPEN && chance(g, ++n) == 0) found = &m->programmes[i];
    }
    for (size_t i = 0; g->crowd && i < m->n_programmes; i++) { /* the one that lasts longest */
        if (m->programmes[i].state == PROGRAMME_OPEN && m->programmes[i].ends_at > found->ends_at) found = &m->programmes[i];
    }
    if (m->n_programmes > 0 && (chance(g, 30) == 0)) found = &m->programmes[chance(g, m->n_programmes)];
    return found;
}

#define BODY(type, name) struct body_##type *name = in_arena(g, sizeof *name)
#define OPEN_OR_HALTED (1u << LISTING_OPEN | 1u << LISTING_HALTED)

/* Each gives false if there is nothing of the kind to say now. */
static bool say(struct generator *g, struct statement *s, uint64_t kind, const uint8_t party[32], const void *body)
{
    *s = frame(g, kind, party, body);
    return true;
}

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

static struct bytes some_group(struct generator *g)
{
    static const char *const groups[] = {"", "", "", "", "north", "south", "east"};
    return BYTES_TEXT(groups[chance(g, ARRAY_LEN(groups))]);
}

static struct bytes some_jurisdiction(struct generator *g)
{
    static const char *const all[] = {"CN", "CN", "CN", "CN", "CN", "CN", "DE", "CN", "", "FR"};
    return BYTES_TEXT(all[chance(g, ARRAY_LEN(all))]);
}

static bool say_admit(struct generator *g, struct statement *s)
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

static bool say_suspend(struct generator *g, struct statement *s)
{
    const struct model_party *op = party_with(g, ROLE_OPERATOR), *p = any_party(g);
    BODY(suspend, b);
    const struct model_order *o = resting_order(g);
    const struct model_trade *t = trade_in(g, 1u << TRADE_CLAIMED);
    if (o != NULL && chance(g, 2) == 0) p = model_party(g->model, o->party);
    if (t != NULL && t->state == TRADE_CLAIMED && chance(g, 3) == 0) p = model_party(g->model, t->arbiter);
    memcpy(b->party, p->key, 32), b->reason = BYTES_TEXT("because");
    return op != NULL && say(g, s, KIND_SUSPEND, op->key, b);
}

static bool say_reinstate(struct generator *g, struct statement *s)
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

static bool say_regroup(struct generator *g, struct statement *s)
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

static bool say_rekey(struct generator *g, struct statement *s)
{
    const struct model_party *p = any_party(g);
    BODY(rekey, b);
    b->request = new_keys_for(g, p);
    return say(g, s, KIND_REKEY, p->key, b);
}

static bool say_replace_keys(struct generator *g, struct statement *s)
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

static bool say_stop_rekey(struct generator *g, struct statement *s)
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

static bool say_card(struct generator *g, struct statement *s)
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

static bool say_parameters(struct generator *g, struct statement *s)
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
        if (values[0].parameter == PARAM_STATEMENT_MS && values[0].value < 60000) values[0].value = 999;
    }
    b->parameters = (struct list){values, n}, b->reason = BYTES_TEXT("policy");
    return op != NULL && say(g, s, KIND_PARAMETERS, op->key, b);
}

/* ---- money ---- */
static bool say_deposit(struct generator *g, struct statement *s)
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

static bool say_withdraw(struct generator *g, struct statement *s)
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

static bool say_payout(struct generator *g, struct statement *s)
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

static bool say_programme(struct generator *g, struct statement *s)
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

static bool say_give(struct generator *g, struct statement *s)
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

/* ---- listings ---- */
static void describe_content(struct generator *g, struct body_publish *b)
{
    static const uint64_t lengths[] = {0, 1, 65535, 65536, 65537, 1500000, 3000000, 9000000, UINT64_C(10) << 30,
                                       (UINT64_C(20) << 30) - 1, UINT64_C(21) << 30};
    b->plaintext_len = lengths[chance(g, ARRAY_LEN(lengths))];
    b->n_chunks = age_n_chunks(b->plaintext_len), b->payload_len = age_payload_len(b->plaintext_len);
    random_key(g, b->content_root), random_key(g, b->key_commitment);
    be64_put(b->nonce, chance(g, 0) | 1);
    if (chance(g, 3) == 0) { /* content that comes again */
        memset(b->content_root, 0, 32);
        b->content_root[0] = (uint8_t)(1 + chance(g, 3));
    }
    if (chance(g, 30) == 0 && g->model->n_listings > 0)
        memcpy(b->key_commitment, g->model->listings[chance(g, g->model->n_listings)].key_commitment, 32);
    b->samples = b->n_chunks / 20 > 0 && chance(g, 2) == 0 ? 1 + chance(g, least(b->n_chunks / 20, 5)) : 0;
    if (chance(g, 40) == 0) b->samples = least(b->n_chunks / 20 + 1, LIMIT_SAMPLES);
}

static bool say_publish(struct generator *g, struct statement *s)
{
    static const char *const titles[] = {"air", "roads", "water", "rail", "power", "grain"};
    static const char *const jurisdictions[] = {"", "", "", "CN", "CN DE", "CN DE", "CN", "FR DE"};
    static const char *const purposes[] = {"", "", "", "research", "research training"};
    const struct model_party *p = party_with(g, ROLE_VENDOR);
    BODY(publish, b);
    if (p == NULL || (g->model->n_listings > 200 && chance(g, 8) != 0)) return false;
    b->kind = chance(g, LISTING_COMPUTE + 1), b->title = BYTES_TEXT(titles[chance(g, ARRAY_LEN(titles))]);
    if (chance(g, 2) == 0) b->title = number_text(g, "title ", chance(g, 1000));
    b->summary = BYTES_TEXT("what it is"), b->category = BYTES_TEXT("transport"), b->place = BYTES_TEXT("here");
    b->jurisdictions = BYTES_TEXT(jurisdictions[chance(g, ARRAY_LEN(jurisdictions))]);
    b->purposes = BYTES_TEXT(purposes[chance(g, ARRAY_LEN(purposes))]);
    b->terms = number_text(g, "terms ", chance(g, 3));
    random_key(g, b->right_operating);
    b->class = chance(g, 3) == 0 ? CLASS_IMPORTANT : CLASS_GENERAL;
    if (b->class == CLASS_IMPORTANT && chance(g, 10) != 0) random_key(g, b->assessment);
    if (chance(g, 4) == 0) b->personal_data = 1, b->legal_basis = BYTES_TEXT("consent");
    if (chance(g, 2) == 0) b->time_from = 1000 + chance(g, 1000), b->time_to = b->time_from + chance(g, 5000);
    if (b->kind <= LISTING_REPORT) describe_content(g, b);
    if (chance(g, 6) == 0) {
        b->detail_len = 1 + chance(g, 1000), b->detail_nonce[3] = 1;
        random_key(g, b->detail_root), random_key(g, b->detail_commitment);
    }
    if (chance(g, 4) == 0) {
        const struct model_listing *l = listing_in(g, ~UINT64_C(0), p->number);
        if (l != NULL) b->revises = l->id;
    }
    if (chance(g, 3) == 0) {
        struct keyword *words = in_arena(g, sizeof *words);
        words->word = BYTES_TEXT("sensor"), b->keywords = (struct list){words, 1};
    }
    return say(g, s, KIND_PUBLISH, p->key, b);
}

static bool say_stored(struct generator *g, struct statement *s)
{
    const struct model_listing *l = listing_in(g, chance(g, 20) == 0 ? ~UINT64_C(0) : 1u << LISTING_AWAITING, 0);
    BODY(stored, b);
    if (l == NULL) return false;
    b->listing = l->id;
    return say(g, s, KIND_STORED, g->broker, b);
}

static bool say_review(struct generator *g, struct statement *s)
{
    const struct model_listing *l = listing_in(g, chance(g, 20) == 0 ? ~UINT64_C(0) : 1u << LISTING_PENDING, 0);
    const struct model_party *p = party_with(g, ROLE_REVIEWER);
    BODY(review, b);
    if (l == NULL || p == NULL) return false;
    b->listing = l->id;
    if (chance(g, 8) == 0) b->verdict = REVIEW_REFUSE;
    if (chance(g, 3) != 0) b->reasons = BYTES_TEXT("reasons");
    return say(g, s, KIND_REVIEW, p->key, b);
}

static bool say_sample(struct generator *g, struct statement *s)
{
    const struct model_listing *l = listing_in(g, chance(g, 20) == 0 ? ~UINT64_C(0) : 1u << LISTING_SAMPLING, 0);
    BODY(sample, b);
    uint64_t chunks[LIMIT_SAMPLES] = {0};
    if (l == NULL) return false;
    struct sample_chunk *list = in_arena(g, sizeof *list * LIMIT_SAMPLES);
    if (l->drawn) model_samples(l, chunks);
    for (size_t i = 0; i < LIMIT_SAMPLES; i++) list[i].chunk = chunks[i], random_key(g, list[i].hash);
    if (chance(g, 8) == 0 && l->samples > 1) list[0].chunk = chunks[1], list[1].chunk = chunks[0];
    b->listing = l->id, b->chunks = (struct list){list, l->samples == 0 ? 1 : l->samples};
    return say(g, s, KIND_SAMPLE, model_party(g->model, l->vendor)->key, b);
}

static bool say_close(struct generator *g, struct statement *s)
{
    const struct model_listing *l = listing_in(g, ~UINT64_C(0), 0);
    BODY(close, b);
    if (l == NULL) return false;
    b->listing = l->id;
    return say(g, s, KIND_CLOSE, model_party(g->model, l->vendor)->key, b);
}

static bool say_halt(struct generator *g, struct statement *s)
{
    const struct model_party *op = party_with(g, ROLE_OPERATOR);
    const struct model_listing *l = listing_in(g, 1u << LISTING_OPEN, 0);
    BODY(halt, b);
    b->listing = l != NULL && chance(g, 3) != 0 ? l->id : 0, b->reason = BYTES_TEXT("odd");
    return op != NULL && say(g, s, KIND_HALT, op->key, b);
}

static bool say_resume(struct generator *g, struct statement *s)
{
    const struct model_party *op = party_with(g, ROLE_OPERATOR);
    const struct model_listing *l = listing_in(g, 1u << LISTING_HALTED, 0);
    BODY(resume, b);
    if (!g->model->halted && l == NULL && chance(g, 20) != 0) return false;
    b->listing = g->model->halted && (l == NULL || chance(g, 2) == 0) ? 0 : l == NULL ? chance(g, 3) : l->id;
    return op != NULL && say(g, s, KIND_RESUME, op->key, b);
}

/* ---- orders ---- */
static uint64_t some_price(struct generator *g)
{
    if (chance(g, 60) == 0) return chance(g, 100000);
    return chance(g, 8) == 0 ? 960 + chance(g, 80) : 995 + chance(g, 10);
}

static uint64_t some_units(struct generator *g)
{
    return chance(g, 20) == 0 ? 1 + chance(g, 60) : 1 + chance(g, 6);
}

static void fill_bid(struct generator *g, struct body_order *b, const struct model_listing *l, const struct model_party *p)
{
    struct model *m = g->model;
    b->side = SIDE_BID;
    random_key(g, b->recipient);
    memcpy(b->terms_hash, l->terms_hash, 32);
    if (chance(g, 8) != 0) b->purpose = BYTES_TEXT(chance(g, 4) == 0 ? "training" : "research");
    if (chance(g, 80) == 0) memcpy(b->recipient, m->recipients[chance(g, m->n_recipients)].key, 32);
    if (chance(g, 3) == 0) {
        struct model_programme *prog = some_programme(g);
        for (size_t i = 0; i < m->n_given && prog != NULL; i++) { /* one it has something of */
            bool some = model_balance(m, p->number, m->given[i].programme, ACCOUNT_AVAILABLE) > 0;
            if (m->given[i].party == p->number && (some || chance(g, 20) == 0) && chance(g, 2) == 0) b->voucher = m->given[i].programme;
        }
        if (prog != NULL && chance(g, 12) == 0) b->voucher = prog->id;
    }
    if (chance(g, 40) == 0) b->quantity = 500 + chance(g, 600), b->price = 1010; /* sweeps the book */
}

static void fill_order(struct generator *g, struct body_order *b, const struct model_listing *l, const struct model_party *p,
                       bool bid)
{
    memset(b, 0, sizeof *b);
    b->listing = l->id, b->side = SIDE_ASK, b->price = some_price(g), b->quantity = some_units(g);
    uint64_t how = chance(g, 20);
    if (bid) fill_bid(g, b, l, p);
    if (how < 3) b->tif = TIF_GTD, b->expires_at = g->now + (chance(g, 20) == 0 ? chance(g, 3) : 1 + chance(g, 2 * g->scale));
    if (how == 3 || how == 4) b->tif = TIF_IOC;
    if (how == 5 || how == 6) b->tif = TIF_FOK;
    if (how == 7 && !b->tif) b->post_only = 1;
    if (how >= 18 && b->voucher == 0) {
        b->type = ORDER_MARKET, b->price = 0, b->tif = chance(g, 3) == 0 ? TIF_FOK : TIF_IOC;
        if (bid) b->budget = 1 + chance(g, b->quantity * 1100);
    }
    if (!bid && how == 8) b->unlimited = 1, b->quantity = 0;
    if (!bid && chance(g, 40) == 0) b->price = 985, b->quantity = b->unlimited ? 0 : 700;
}

/* Where there is something to trade, and by whom. */
static const struct model_listing *place_to_trade(struct generator *g, const struct model_party **p, bool *bid)
{
    const struct model_listing *l = listing_in(g, chance(g, 40) == 0 ? ~UINT64_C(0) : 1u << LISTING_OPEN, 0);
    if (chance(g, 2) == 0) { /* one book gets deep */
        for (size_t i = g->model->n_listings; i-- > 0;) {
            if (g->model->listings[i].state == LISTING_OPEN) l = &g->model->listings[i];
        }
    }
    if (l == NULL) return NULL;
    *bid = chance(g, 2) == 0;
    *p = *bid ? party_with(g, ROLE_BUYER) : model_party(g->model, l->vendor);
    if (*bid && *p != NULL && model_same_group(g->model, (*p)->number, l->vendor) && chance(g, 10) != 0) *p = party_with(g, ROLE_BUYER);
    if (chance(g, 50) == 0) *p = party_with(g, ROLE_VENDOR | ROLE_BUYER);
    return *p == NULL ? NULL : l;
}

static bool say_order(struct generator *g, struct statement *s)
{
    const struct model_party *p;
    bool bid;
    BODY(order, b);
    const struct model_listing *l = place_to_trade(g, &p, &bid);
    if (l == NULL) return false;
    fill_order(g, b, l, p, bid);
    return say(g, s, KIND_ORDER, p->key, b);
}

static bool say_batch(struct generator *g, struct statement *s)
{
    const struct model_party *p;
    bool bid, deep = chance(g, 4) == 0;
    BODY(order_batch, b);
    const struct model_listing *l = place_to_trade(g, &p, &bid);
    size_t n = deep ? 200 + chance(g, 57) : 1 + chance(g, chance(g, 4) == 0 ? 40 : 6);
    if (l == NULL) return false;
    struct body_order *orders = in_arena(g, n * sizeof *orders);
    for (size_t i = 0; i < n; i++) {
        fill_order(g, &orders[i], l, p, bid);
        if (deep && orders[i].side == SIDE_ASK && chance(g, 10) != 0) orders[i].tif = TIF_GTC, orders[i].expires_at = 0;
        if (deep) orders[i].purpose = BYTES(NULL, 0), orders[i].quantity = least(orders[i].quantity, 2);
        if (deep && orders[i].side == SIDE_BID && chance(g, 30) != 0) orders[i].price = least(orders[i].price, 997);
    }
    if (!deep && chance(g, 4) == 0) { /* both sides in one batch, as who is vendor and buyer may */
        for (size_t i = 0; i < n; i++) fill_order(g, &orders[i], l, p, chance(g, 2) == 0);
    }
    if (chance(g, 12) == 0) orders[chance(g, n)].quantity = 700;
    b->orders = (struct list){orders, n};
    return say(g, s, KIND_ORDER_BATCH, p->key, b);
}

static bool say_cancel(struct generator *g, struct statement *s)
{
    const struct model_order *o = resting_order(g);
    BODY(cancel, b);
    if (o == NULL || chance(g, 15) == 0) {
        if (g->model->n_orders == 0) return false;
        o = &g->model->orders[chance(g, g->model->n_orders)];
    }
    b->order = o->id;
    return say(g, s, KIND_CANCEL, model_party(g->model, o->party)->key, b);
}

static bool say_replace(struct generator *g, struct statement *s)
{
    const struct model_order *o = resting_order(g);
    BODY(replace, b);
    if (o == NULL || chance(g, 30) == 0) {
        if (g->model->n_orders == 0) return false;
        o = &g->model->orders[chance(g, g->model->n_orders)];
    }
    for (int tries = 0; tries < 6 && o->programme == 0 && chance(g, 3) == 0; tries++) {
        const struct model_order *other = resting_order(g);
        if (other != NULL) o = other;
    }
    b->order = o->id, b->price = o->price == 0 ? 1000 : o->price, b->quantity = o->left;
    uint64_t how = chance(g, 5);
    if (how == 0 && o->left > 1) b->quantity = 1 + chance(g, o->left - 1);
    if (how == 1 && !o->unlimited) b->quantity = o->left + chance(g, 5);
    if (how >= 2) b->price = some_price(g) + (chance(g, 10) == 0);
    if (how == 4 && !o->unlimited) b->quantity = 1 + chance(g, 2 * o->left + 2);
    return say(g, s, KIND_REPLACE, model_party(g->model, o->party)->key, b);
}

/* ---- trades ---- */
static void sign_settlement(struct generator *g, const struct model_trade *t, const uint8_t key[32], uint8_t signature[64])
{
    const struct keypair *pair = keypair_of(g, key);
    if (pair != NULL) sign_message(pair->secret, DOMAIN_NONE, model_settlement_text(g->model, t), signature);
}

static bool say_grant(struct generator *g, struct statement *s)
{
    const struct model_trade *t = trade_in(g, chance(g, 20) == 0 ? ~UINT64_C(0) : 1u << TRADE_MATCHED);
    BODY(grant, b);
    if (t == NULL) return false;
    const struct model_listing *l = model_listing(g->model, t->listing);
    uint8_t file_key[16] = {1}, *grant = in_arena(g, 6000);
    size_t len = AGE_GRANT_BYTES;
    if (age_grant_seal(file_key, t->recipient, grant) != TIDE_OK) return false;
    if (l->kind == LISTING_API || l->kind == LISTING_COMPUTE) len += 32 + chance(g, chance(g, 4) == 0 ? 4098 : 100);
    b->trade = t->id, b->grant = BYTES(grant, len);
    const struct model_party *p = model_party(g->model, t->vendor);
    sign_settlement(g, t, p->key, b->signature);
    return say(g, s, KIND_GRANT, p->key, b);
}

static bool say_accept(struct generator *g, struct statement *s)
{
    const struct model_trade *t = trade_in(g, chance(g, 20) == 0 ? ~UINT64_C(0) : 1u << TRADE_GRANTED);
    BODY(accept, b);
    if (t == NULL) return false;
    const struct model_party *p = model_party(g->model, t->buyer);
    b->trade = t->id;
    sign_settlement(g, t, p->key, b->signature);
    return say(g, s, KIND_ACCEPT, p->key, b);
}

static bool say_claim(struct generator *g, struct statement *s)
{
    const struct model_trade *t = trade_in(g, chance(g, 20) == 0 ? ~UINT64_C(0) : 1u << TRADE_GRANTED);
    BODY(claim, b);
    if (t == NULL) return false;
    b->trade = t->id, random_key(g, b->reasons);
    return say(g, s, KIND_CLAIM, model_party(g->model, t->buyer)->key, b);
}

static bool say_ruling(struct generator *g, struct statement *s)
{
    const struct model_trade *t = trade_in(g, chance(g, 20) == 0 ? ~UINT64_C(0) : 1u << TRADE_CLAIMED);
    BODY(ruling, b);
    if (t == NULL) return false;
    const struct model_party *p = t->arbiter == 0 || chance(g, 10) == 0 ? party_with(g, ROLE_ARBITER) : model_party(g->model, t->arbiter);
    b->trade = t->id, random_key(g, b->reasons), b->ruling = chance(g, 2);
    return p != NULL && say(g, s, KIND_RULING, p->key, b);
}

static bool say_arbiter(struct generator *g, struct statement *s)
{
    const struct model_trade *t = trade_in(g, 1u << TRADE_CLAIMED);
    const struct model_party *op = party_with(g, ROLE_OPERATOR), *p = party_with(g, ROLE_ARBITER);
    BODY(arbiter, b);
    for (int tries = 0; tries < 4 && t != NULL && !t->overdue; tries++) t = trade_in(g, 1u << TRADE_CLAIMED);
    for (size_t i = 0, among = chance(g, 2) * g->model->n_open; i < among; i++) { /* one whose arbiter is suspended */
        const struct model_trade *other = &g->model->trades[g->model->open[i]];
        if (other->state == TRADE_CLAIMED && model_party(g->model, other->arbiter)->state == PARTY_SUSPENDED) t = other;
    }
    if (t == NULL || op == NULL || p == NULL) return false;
    b->trade = t->id;
    memcpy(b->arbiter, p->key, 32);
    return say(g, s, KIND_ARBITER, op->key, b);
}

/* Of a trade whose deadline has passed, but no tick has said so. */
bool generate_late(struct generator *g, struct statement *s)
{
    const struct model_trade *t = NULL;
    for (size_t i = 0, n = 0; i < g->model->n_open; i++) {
        const struct model_trade *other = &g->model->trades[g->model->open[i]];
        if (other->deadline == GRANT_DEADLINE || other->deadline == ACCEPT_DEADLINE)
            if (model_listing_clock(g->model, model_listing(g->model, other->listing), g->now) >= other->due && chance(g, ++n) == 0) t = other;
    }
    if (t == NULL) return false;
    BODY(grant, grant);
    BODY(accept, accept);
    BODY(claim, claim);
    grant->trade = accept->trade = claim->trade = t->id;
    grant->grant = BYTES_TEXT("late"), grant->signature[0] = accept->signature[0] = claim->reasons[0] = 1;
    const uint8_t *vendor = model_party(g->model, t->vendor)->key, *buyer = model_party(g->model, t->buyer)->key;
    if (t->deadline == GRANT_DEADLINE) return say(g, s, KIND_GRANT, vendor, grant);
    return chance(g, 2) == 0 ? say(g, s, KIND_ACCEPT, buyer, accept) : say(g, s, KIND_CLAIM, buyer, claim);
}

/* ---- what nobody should say ---- */
static bool say_odd(struct generator *g, struct statement *s)
{
    const uint8_t *by = chance(g, 2) == 0 ? g->broker : any_party(g)->key;
    BODY(tick, tick);
    BODY(continue, go_on);
    BODY(drawn, drawn);
    BODY(new_keys, keys);
    BODY(enrol, enrol);
    BODY(stored, stored);
    BODY(genesis, genesis);
    struct operator_entry *operators = in_arena(g, 2 * sizeof *operators);
    for (size_t i = 0; i < 2; i++) {
        operators[i].name = BYTES_TEXT("again");
        random_key(g, operators[i].party), random_key(g, operators[i].seal_key), random_key(g, operators[i].wire_key);
    }
    genesis->name = genesis->origin = BYTES_TEXT("again"), genesis->rules = 1;
    random_key(g, genesis->log_key), random_key(g, genesis->wire_key), random_key(g, genesis->seal_key);
    genesis->operators = (struct list){operators, 2};
    go_on->work = 1 + chance(g, 5), go_on->subject = chance(g, 3000);
    drawn->listing = 1 + chance(g, 2000), random_key(g, drawn->root);
    random_key(g, keys->party), random_key(g, keys->seal_key), random_key(g, keys->wire_key);
    enrol->name = BYTES_TEXT("odd"), enrol->roles = ROLE_BUYER;
    random_key(g, enrol->seal_key), random_key(g, enrol->wire_key);
    stored->listing = 1 + chance(g, 2000);
    if (chance(g, 3) == 0) tick->outage_ms = g->model->parameters[PARAM_OUTAGE_MS] + chance(g, 2);
    if (g->model->work != WORK_NONE && chance(g, 2) == 0) go_on->work = g->model->work, go_on->subject = g->model->subject;
    if (go_on->work == WORK_DRAW) go_on->work = WORK_MATCH;
    if (g->model->work == WORK_DRAW && chance(g, 2) == 0) drawn->listing = g->model->subject;
    if (g->model->n_listings > 0 && chance(g, 3) == 0) drawn->listing = g->model->listings[chance(g, g->model->n_listings)].id;
    switch (chance(g, 8)) {
    case 6:
        say(g, s, KIND_GENESIS, by, genesis);
        if (chance(g, 2) == 0) memset(s->market, 0, 32);
        return true;
    case 0: return say(g, s, KIND_TICK, by, tick);
    case 1: return say(g, s, KIND_CONTINUE, by, go_on);
    case 2: return say(g, s, KIND_DRAWN, by, drawn);
    case 3: return say(g, s, KIND_NEW_KEYS, any_party(g)->key, keys);
    case 4: return say(g, s, KIND_ENROL, any_party(g)->key, enrol);
    case 5: return say(g, s, KIND_STORED, by, stored);
    default: /* what parties say, from the broker */
        if (!say_order(g, s)) return false;
        memcpy(s->party, g->broker, 32);
        return true;
    }
}

bool generate_odd(struct generator *g, struct statement *s)
{
    return say_odd(g, s);
}

/* ---- which ---- */
struct sayable { unsigned weight; bool (*say)(struct generator *g, struct statement *s); };

static const struct sayable sayables[] = {
    {60, say_order}, {10, say_batch}, {8, say_cancel}, {18, say_replace}, {30, say_grant}, {16, say_accept}, {6, say_claim},
    {4, say_ruling}, {2, say_arbiter}, {6, say_publish}, {10, say_stored}, {10, say_review}, {8, say_sample}, {3, say_close},
    {2, say_halt}, {8, say_resume}, {12, say_deposit}, {5, say_withdraw}, {4, say_payout}, {2, say_programme}, {20, say_give},
    {1, say_suspend}, {2, say_reinstate}, {2, say_regroup}, {2, say_rekey}, {3, say_replace_keys}, {1, say_stop_rekey},
    {1, say_card}, {2, say_parameters}, {1, say_admit}, {2, say_odd}};

/* ---- a deep book, swept ---- */
static bool may_bid(struct generator *g, const struct model_party *p, const struct model_listing *l)
{
    if (!(p->roles & ROLE_BUYER) || p->state != PARTY_ACTIVE || model_same_group(g->model, p->number, l->vendor)) return false;
    return l->jurisdictions.len == 0 || model_word_in(l->jurisdictions, p->jurisdiction);
}

static bool begin_story(struct generator *g)
{
    const struct model_listing *l = listing_in(g, 1u << LISTING_OPEN, 0);
    if (l == NULL || model_party(g->model, l->vendor)->state != PARTY_ACTIVE) return false;
    for (size_t i = 0; i < g->model->n_parties; i++) {
        if (!may_bid(g, &g->model->parties[i], l) || chance(g, 2) == 0) continue;
        g->story.stage = 1, g->story.listing = l->id, g->story.buyer = g->model->parties[i].number;
        g->story.what = chance(g, 0);
        return true;
    }
    return false;
}

static void story_order(struct generator *g, struct body_order *b, const struct model_listing *l, bool bid)
{
    memset(b, 0, sizeof *b);
    b->listing = l->id, b->side = bid ? SIDE_BID : SIDE_ASK, b->quantity = 1, b->price = 998 + chance(g, 4);
    if (!bid) return;
    random_key(g, b->recipient);
    memcpy(b->terms_hash, l->terms_hash, 32);
    size_t word = 0;
    while (word < l->purposes.len && l->purposes.data[word] != ' ') word++;
    b->purpose = BYTES(l->purposes.data, word);
}

static bool story_sweep(struct generator *g, struct statement *s, const struct model_listing *l, bool bid, const uint8_t *by)
{
    static const uint64_t quantities[] = {600, 512, 513, 256, 257, 255, 300, 700};
    BODY(order, b);
    story_order(g, b, l, bid);
    b->quantity = quantities[chance(g, ARRAY_LEN(quantities))], b->price = bid ? 1001 : 998;
    switch (chance(g, 6)) {
    case 0: b->tif = TIF_IOC; break;
    case 1: b->tif = TIF_FOK; break;
    case 2: b->type = ORDER_MARKET, b->price = 0, b->tif = chance(g, 3) == 0 ? TIF_FOK : TIF_IOC, b->budget = bid ? 500000 : 0; break;
    case 3: if (!bid) b->unlimited = 1, b->quantity = 0; break;
    default: break;
    }
    return say(g, s, KIND_ORDER, by, b);
}

static bool story_rest(struct generator *g, struct statement *s, const struct model_listing *l, bool bid, const uint8_t *by)
{
    BODY(order_batch, b);
    struct body_order *orders = in_arena(g, LIMIT_BATCH_ORDERS * sizeof *orders);
    size_t n = bid ? 180 + chance(g, 20) : 256;
    for (size_t i = 0; i < n; i++) story_order(g, &orders[i], l, bid);
    if (chance(g, 4) == 0) orders[chance(g, n)].tif = TIF_GTD, orders[0].expires_at = 0;
    b->orders = (struct list){orders, n};
    return say(g, s, KIND_ORDER_BATCH, by, b);
}

static bool story_end(struct generator *g, struct statement *s, const struct model_listing *l, const struct model_party *vendor)
{
    const struct model_party *op = party_with(g, ROLE_OPERATOR);
    BODY(halt, halt);
    BODY(close, close);
    BODY(suspend, suspend);
    if (op == NULL) return false;
    halt->listing = close->listing = l->id, halt->reason = suspend->reason = BYTES_TEXT("story");
    memcpy(suspend->party, vendor->key, 32);
    switch (g->story.what / 2 % 5) {
    case 0: g->story.stage = 0; return say(g, s, KIND_CLOSE, vendor->key, close);
    case 1: g->story.stage = 0; return say(g, s, KIND_SUSPEND, op->key, suspend);
    case 2: g->story.stage = 0; return false;
    default: g->jump = g->model->parameters[PARAM_GRANT_MS] + chance(g, 3); return say(g, s, KIND_HALT, op->key, halt);
    }
}

static bool go_on_with_story(struct generator *g, struct statement *s)
{
    struct model *m = g->model;
    const struct model_listing *l = model_listing(m, g->story.listing);
    const struct model_party *vendor = model_party(m, l->vendor), *buyer = model_party(m, g->story.buyer);
    const struct model_party *bank = party_with(g, ROLE_BANK), *op = party_with(g, ROLE_OPERATOR);
    bool bids_rest = g->story.what % 2;
    const uint8_t *resting = bids_rest ? buyer->key : vendor->key, *sweeping = bids_rest ? vendor->key : buyer->key;
    BODY(deposit, deposit);
    BODY(resume, resume);
    BODY(close, close);
    deposit->amount = 3000000, deposit->reference = number_text(g, "S", g->n_ids++);
    memcpy(deposit->party, buyer->key, 32);
    resume->listing = close->listing = l->id;
    switch (g->story.stage++) {
    case 1: return bank != NULL && say(g, s, KIND_DEPOSIT, bank->key, deposit);
    case 2: case 3: case 4: return story_rest(g, s, l, bids_rest, resting);
    case 5: case 6: return story_sweep(g, s, l, !bids_rest, sweeping);
    case 7: return story_end(g, s, l, vendor);
    default:
        g->story.stage = 0;
        if (g->story.what / 10 % 3 == 0) return say(g, s, KIND_CLOSE, vendor->key, close);
        return op != NULL && say(g, s, KIND_RESUME, op->key, resume);
    }
}

static bool anything_open(const struct model *m)
{
    for (size_t i = 0; i < m->n_programmes; i++) {
        if (m->programmes[i].state == PROGRAMME_OPEN && m->programmes[i].fund > 100000) return true;
    }
    return false;
}

/* In the beginning: parties, money, listings. */
static bool (*begin_with(struct generator *g))(struct generator *, struct statement *)
{
    const struct model *m = g->model;
    if (m->n_parties < 2 + ARRAY_LEN(wanted_roles) && g->step < 200) return say_admit;
    if (g->crowd && m->n_parties < 320 && g->step < 900) return say_admit;
    if (g->step < 60 || (g->crowd && g->step % 3 == 0)) return say_deposit;
    if (g->crowd && chance(g, 2) == 0) return anything_open(m) ? say_give : say_programme;
    if (m->n_listings < 8 && chance(g, 3) == 0) return say_publish;
    return NULL;
}

void generate_body(struct generator *g, struct statement *s)
{
    unsigned sum = 0;
    for (size_t i = 0; i < ARRAY_LEN(sayables); i++) sum += sayables[i].weight;
    if (g->story.stage == 0 && g->step > 300 && chance(g, g->stories) == 0) begin_story(g);
    if (g->story.stage != 0 && chance(g, 6) != 0 && go_on_with_story(g, s)) return;
    for (;;) {
        bool (*first)(struct generator *, struct statement *) = begin_with(g);
        if (first != NULL && first(g, s)) return;
        uint64_t pick = chance(g, sum);
        for (size_t i = 0; i < ARRAY_LEN(sayables); i++) {
            if (pick < sayables[i].weight) {
                if (sayables[i].say(g, s)) return;
                break;
            }
            pick -= sayables[i].weight;
        }
    }
}
