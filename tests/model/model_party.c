/* Parties, their keys and groups, and the market's parameters (docs/market.md, "Parties", "Parameters"). */
#include "crypto/identity.h"
#include "storage/rows.h"
#include "tests/model/model_internal.h"

bool model_same_group(struct model *m, uint64_t a, uint64_t b)
{
    const struct model_party *first = model_party(m, a), *second = model_party(m, b);
    if (a == b) return true;
    return first != NULL && second != NULL && first->group.len > 0 && bytes_equal(first->group, second->group);
}

void model_key_add(struct model *m, const uint8_t key[32], const uint8_t wire_key[32], const uint8_t seal_key[32], uint64_t party)
{
    struct model_key *k = GROW(m, keys);
    memcpy(k->key, key, 32), k->party = party;
    k = GROW(m, wire_keys);
    memcpy(k->key, wire_key, 32), k->party = party;
    k = GROW(m, recipients);
    memcpy(k->key, seal_key, 32), k->party = party;
}

bool model_keys_are_new(struct model *m, const uint8_t key[32], const uint8_t wire_key[32], const uint8_t seal_key[32])
{
    return !model_key_among(m->keys, m->n_keys, key) && !model_key_among(m->wire_keys, m->n_wire_keys, wire_key) &&
           !model_key_among(m->recipients, m->n_recipients, seal_key);
}

void model_party_key(struct model *m, uint64_t number, uint8_t out[32])
{
    memcpy(out, number == 0 ? m->broker : model_party(m, number)->key, 32);
}

/* U+0000 to 1F, 7F, and 80 to 9F. */
bool model_has_control(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] == 0x7f) return true;
        if (text.data[i] == 0xc2 && i + 1 < text.len && text.data[i + 1] < 0xa0) return true;
    }
    return false;
}

/* True if `word` is one of those in `words`, which have spaces between. */
bool model_word_in(struct bytes words, struct bytes word)
{
    size_t from = 0;
    if (word.len == 0) return false;
    while (from <= words.len) {
        size_t to = from;
        while (to < words.len && words.data[to] != ' ') to++;
        if (bytes_equal(BYTES(words.data + from, to - from), word)) return true;
        from = to + 1;
    }
    return false;
}

static bool roles_go_together(uint64_t roles)
{
    static const uint64_t not_with[][2] = {
        {ROLE_REVIEWER, ROLE_VENDOR | ROLE_BUYER},
        {ROLE_BANK, ROLE_ALL & ~(uint64_t)ROLE_BANK},
        {ROLE_ISSUER, ROLE_VENDOR},
        {ROLE_ARBITER, ROLE_VENDOR | ROLE_BUYER | ROLE_REVIEWER},
        {ROLE_OPERATOR, ROLE_ALL & ~(uint64_t)(ROLE_OPERATOR | ROLE_REVIEWER)},
        {ROLE_REGULATOR, ROLE_ALL & ~(uint64_t)ROLE_REGULATOR}};
    for (size_t i = 0; i < ARRAY_LEN(not_with); i++) {
        if ((roles & not_with[i][0]) && (roles & not_with[i][1])) return false;
    }
    return true;
}

/* Opens an envelope that another statement carries. */
static enum outcome carried(struct model *m, struct bytes request, uint64_t kind, struct statement *out)
{
    struct bytes bytes;
    const uint8_t *signature;
    REFUSE_IF(envelope_decode(request, &m->once, &bytes, &signature) != TIDE_OK, MALFORMED);
    REFUSE_IF(statement_decode(bytes, &m->once, out) != TIDE_OK || out->kind != kind, MALFORMED);
    REFUSE_IF(memcmp(out->market, m->market, 32) != 0, WRONG_MARKET);
    REFUSE_IF(sign_verify(out->party, DOMAIN_STATEMENT, bytes, signature) != TIDE_OK, BAD_SIGNATURE);
    return model_check_time(m, out, LIMIT_ENROL_VALID_MS);
}

enum outcome judge_admit(struct model *m, const struct statement *s, const struct model_party *by,
                         const struct body_admit *b, struct model_answer *out)
{
    (void)s, (void)by, (void)out;
    struct statement request;
    enum outcome outcome = carried(m, b->request, KIND_ENROL, &request);
    if (outcome != OUTCOME_OK) return outcome;
    const struct body_enrol *e = request.body;
    REFUSE_IF(!roles_go_together(b->roles), ROLES_EXCLUDE);
    REFUSE_IF((b->roles & ~e->roles) != 0, NOT_ASKED_FOR);
    REFUSE_IF(!model_keys_are_new(m, request.party, e->wire_key, e->seal_key), ALREADY_ENROLLED);
    REFUSE_IF(!x25519_recipient_is_good(e->seal_key), BAD_RECIPIENT);
    REFUSE_IF(model_has_control(e->name) || model_has_control(b->group) || model_has_control(b->jurisdiction), BAD_TEXT);
    struct body_admitted event = {.name = e->name, .roles = b->roles, .group = b->group, .jurisdiction = b->jurisdiction};
    COPY(event.party, request.party), COPY(event.seal_key, e->seal_key), COPY(event.wire_key, e->wire_key);
    COPY(event.card_hash, e->card_hash);
    struct model_party *p = GROW(m, parties);
    p->number = EMIT(m, ADMITTED, event);
    p->roles = b->roles, p->state = PARTY_ACTIVE;
    p->name = model_keep(m, e->name), p->group = model_keep(m, b->group), p->jurisdiction = model_keep(m, b->jurisdiction);
    COPY(p->key, request.party), COPY(p->seal_key, e->seal_key), COPY(p->wire_key, e->wire_key);
    COPY(p->card_hash, e->card_hash);
    model_key_add(m, p->key, p->wire_key, p->seal_key, p->number);
    model_touch(m, TABLE_PARTY, p->number, 0);
    return OUTCOME_OK;
}

static bool is_last_operator(const struct model *m, const struct model_party *p)
{
    size_t active = 0;
    for (size_t i = 0; i < m->n_parties; i++)
        active += (m->parties[i].roles & ROLE_OPERATOR) != 0 && m->parties[i].state == PARTY_ACTIVE;
    return active == 1 && (p->roles & ROLE_OPERATOR) && p->state == PARTY_ACTIVE;
}

enum outcome judge_suspend(struct model *m, const struct statement *s, const struct model_party *by,
                         const struct body_suspend *b, struct model_answer *out)
{
    (void)s, (void)by, (void)out;
    struct model_party *p = model_party_by_key(m, b->party);
    REFUSE_IF(p == NULL, NO_SUCH_PARTY);
    REFUSE_IF(is_last_operator(m, p), LAST_OPERATOR);
    REFUSE_IF(p->state != PARTY_ACTIVE, WRONG_STATE);
    struct body_suspended event = {0};
    COPY(event.party, p->key);
    EMIT(m, SUSPENDED, event);
    p->state = PARTY_SUSPENDED;
    model_touch(m, TABLE_PARTY, p->number, 0);
    model_close_orders_of(m, p->number);
    return OUTCOME_OK;
}

enum outcome judge_reinstate(struct model *m, const struct statement *s, const struct model_party *by,
                         const struct body_reinstate *b, struct model_answer *out)
{
    (void)s, (void)by, (void)out;
    struct model_party *p = model_party_by_key(m, b->party);
    REFUSE_IF(p == NULL, NO_SUCH_PARTY);
    REFUSE_IF(p->state != PARTY_SUSPENDED, WRONG_STATE);
    struct body_reinstated event = {0};
    COPY(event.party, p->key);
    EMIT(m, REINSTATED, event);
    p->state = PARTY_ACTIVE;
    model_touch(m, TABLE_PARTY, p->number, 0);
    return OUTCOME_OK;
}

enum outcome judge_regroup(struct model *m, const struct statement *s, const struct model_party *by,
                         const struct body_regroup *b, struct model_answer *out)
{
    (void)s, (void)by, (void)out;
    struct model_party *p = model_party_by_key(m, b->party);
    REFUSE_IF(p == NULL, NO_SUCH_PARTY);
    REFUSE_IF(model_has_control(b->group) || model_has_control(b->jurisdiction), BAD_TEXT);
    struct body_regrouped event = {.group = b->group, .jurisdiction = b->jurisdiction};
    COPY(event.party, p->key);
    EMIT(m, REGROUPED, event);
    p->group = model_keep(m, b->group), p->jurisdiction = model_keep(m, b->jurisdiction);
    model_touch(m, TABLE_PARTY, p->number, 0);
    return OUTCOME_OK;
}

/* ---- keys ---- */
static enum outcome check_new_keys(struct model *m, const struct statement *request)
{
    const struct body_new_keys *k = request->body;
    REFUSE_IF(!model_keys_are_new(m, request->party, k->wire_key, k->seal_key), ALREADY_ENROLLED);
    REFUSE_IF(!x25519_recipient_is_good(k->seal_key), BAD_RECIPIENT);
    return OUTCOME_OK;
}

/* The announced keys become the party's. */
void model_take_new_keys(struct model *m, struct model_party *p)
{
    struct body_rekeyed event = {0};
    COPY(event.party, p->key), COPY(event.new_key, p->next_key), COPY(event.seal_key, p->next_seal_key);
    COPY(event.wire_key, p->next_wire_key);
    EMIT(m, REKEYED, event);
    COPY(p->key, p->next_key), COPY(p->seal_key, p->next_seal_key), COPY(p->wire_key, p->next_wire_key);
    model_key_add(m, p->key, p->wire_key, p->seal_key, p->number);
    p->announced = false;
    model_touch(m, TABLE_PARTY, p->number, 0);
}

enum outcome judge_rekey(struct model *m, const struct statement *s, const struct model_party *by,
                         const struct body_rekey *b, struct model_answer *out)
{
    (void)out;
    struct statement request;
    enum outcome outcome = carried(m, b->request, KIND_NEW_KEYS, &request);
    if (outcome != OUTCOME_OK) return outcome;
    const struct body_new_keys *k = request.body;
    REFUSE_IF(memcmp(k->party, s->party, 32) != 0, NOT_YOURS);
    outcome = check_new_keys(m, &request);
    if (outcome != OUTCOME_OK) return outcome;
    struct model_party *p = model_party(m, by->number);
    COPY(p->next_key, request.party), COPY(p->next_seal_key, k->seal_key), COPY(p->next_wire_key, k->wire_key);
    model_take_new_keys(m, p);
    return OUTCOME_OK;
}

enum outcome judge_replace_keys(struct model *m, const struct statement *s, const struct model_party *by,
                         const struct body_replace_keys *b, struct model_answer *out)
{
    (void)s, (void)out;
    struct statement request;
    struct model_party *p = model_party_by_key(m, b->party);
    REFUSE_IF(p == NULL, NO_SUCH_PARTY);
    REFUSE_IF(model_same_group(m, by->number, p->number), OWN_GROUP);
    enum outcome outcome = carried(m, b->request, KIND_NEW_KEYS, &request);
    if (outcome != OUTCOME_OK) return outcome;
    const struct body_new_keys *k = request.body;
    REFUSE_IF(memcmp(k->party, p->key, 32) != 0, NOT_YOURS);
    REFUSE_IF(p->announced, WRONG_STATE);
    outcome = check_new_keys(m, &request);
    if (outcome != OUTCOME_OK) return outcome;
    p->announced = true, p->effective_at = m->now + m->parameters[PARAM_REKEY_MS];
    COPY(p->next_key, request.party), COPY(p->next_seal_key, k->seal_key), COPY(p->next_wire_key, k->wire_key);
    struct body_rekey_announced event = {.effective_at = p->effective_at};
    COPY(event.party, p->key), COPY(event.new_key, p->next_key), COPY(event.seal_key, p->next_seal_key);
    COPY(event.wire_key, p->next_wire_key);
    EMIT(m, REKEY_ANNOUNCED, event);
    model_touch(m, TABLE_REKEY, p->number, 0);
    return OUTCOME_OK;
}

enum outcome judge_stop_rekey(struct model *m, const struct statement *s, const struct model_party *by,
                         const struct body_stop_rekey *b, struct model_answer *out)
{
    (void)s, (void)out;
    struct model_party *p = model_party_by_key(m, b->party);
    REFUSE_IF(p == NULL, NO_SUCH_PARTY);
    REFUSE_IF(p->number != by->number && !(by->roles & ROLE_OPERATOR), NOT_YOURS);
    REFUSE_IF(!p->announced, WRONG_STATE);
    struct body_rekey_stopped event = {0};
    COPY(event.party, p->key);
    EMIT(m, REKEY_STOPPED, event);
    p->announced = false;
    model_touch(m, TABLE_REKEY, p->number, 0);
    return OUTCOME_OK;
}

enum outcome judge_card(struct model *m, const struct statement *s, const struct model_party *by,
                         const struct body_card *b, struct model_answer *out)
{
    (void)out;
    struct body_carded event = {0};
    COPY(event.party, s->party), COPY(event.card_hash, b->card_hash);
    EMIT(m, CARDED, event);
    COPY(model_party(m, by->number)->card_hash, b->card_hash);
    model_touch(m, TABLE_PARTY, by->number, 0);
    return OUTCOME_OK;
}

/* ---- parameters ---- */
enum outcome judge_parameters(struct model *m, const struct statement *s, const struct model_party *by,
                         const struct body_parameters *b, struct model_answer *out)
{
    (void)s, (void)by, (void)out;
    const struct parameter_value *v = b->parameters.items;
    bool seen[PARAM_N] = {false};
    for (size_t i = 0; i < b->parameters.n; i++) {
        REFUSE_IF(!model_parameter_is_in_bounds(v[i].parameter, v[i].value) || seen[v[i].parameter], BAD_PARAMETER);
        seen[v[i].parameter] = true;
    }
    struct body_parameters_set event = {.parameters = b->parameters};
    EMIT(m, PARAMETERS_SET, event);
    for (size_t i = 0; i < b->parameters.n; i++) m->parameters[v[i].parameter] = v[i].value;
    return OUTCOME_OK;
}
