/*
 * The frame every statement is judged in (docs/market.md, "The order of the checks"), the genesis, and what all kinds
 * share: arrays, names, touching, events.
 */
#include "storage/rows.h"
#include "tests/model/model_internal.h"

#include <stdlib.h>

void *model_grow(void *array, size_t size, size_t n, size_t *room)
{
    if (n == *room) {
        *room = n == 0 ? 64 : 2 * n;
        array = realloc(array, *room * size);
        ASSERT(array != NULL);
    }
    memset((uint8_t *)array + n * size, 0, size);
    return array;
}

void model_init(struct model *m)
{
    memset(m, 0, sizeof *m);
    arena_init(&m->once, (size_t)1 << 28);
    arena_init(&m->keep, (size_t)1 << 30);
}

void model_deinit(struct model *m)
{
    free(m->parties), free(m->keys), free(m->wire_keys), free(m->recipients), free(m->commands), free(m->accounts);
    free(m->references), free(m->withdrawals), free(m->programmes), free(m->given), free(m->untraded), free(m->listings);
    free(m->disclosed);
    free(m->orders), free(m->resting), free(m->trades), free(m->open), free(m->events), free(m->touched);
    arena_deinit(&m->once);
    arena_deinit(&m->keep);
}

struct bytes model_keep(struct model *m, struct bytes text)
{
    return text.len == 0 ? BYTES(NULL, 0) : arena_copy(&m->keep, text);
}

void model_touch(struct model *m, uint64_t table, uint64_t a, uint64_t b)
{
    *GROW(m, touched) = (struct model_touched){table, a, b};
}

uint64_t model_next_event(const struct model *m)
{
    return m->index + 1 + m->n_events;
}

uint64_t model_emit(struct model *m, uint64_t kind, const void *body, size_t size)
{
    uint64_t index = model_next_event(m);
    void *copy = arena_alloc(&m->once, size);
    ASSERT(copy != NULL);
    memcpy(copy, body, size);
    *GROW(m, events) = (struct model_event){kind, copy};
    return index;
}

/* ---- names: indices grow, so that each array is sorted by them ---- */
#define FIND(function, type, array, member) \
    struct type *function(struct model *m, uint64_t id) \
    { \
        size_t low = 0, high = m->n_##array; \
        while (low < high) { \
            size_t middle = (low + high) / 2; \
            if (m->array[middle].member < id) \
                low = middle + 1; \
            else \
                high = middle; \
        } \
        return low < m->n_##array && m->array[low].member == id ? &m->array[low] : NULL; \
    }
FIND(model_party, model_party, parties, number)
FIND(model_listing, model_listing, listings, id)
FIND(model_order, model_order, orders, id)
FIND(model_trade, model_trade, trades, id)
FIND(model_withdrawal, model_withdrawal, withdrawals, id)
FIND(model_programme, model_programme, programmes, id)

static const struct model_key *find_key(const struct model_key *keys, size_t n, const uint8_t key[32])
{
    for (size_t i = 0; i < n; i++) {
        if (memcmp(keys[i].key, key, 32) == 0) return &keys[i];
    }
    return NULL;
}

bool model_key_among(const struct model_key *keys, size_t n, const uint8_t key[32])
{
    return find_key(keys, n, key) != NULL;
}

struct model_party *model_party_by_key(struct model *m, const uint8_t key[32])
{
    const struct model_key *found = find_key(m->keys, m->n_keys, key);
    return found == NULL ? NULL : model_party(m, found->party);
}

/* ---- the frame ---- */
enum outcome model_check_time(const struct model *m, const struct statement *s, uint64_t valid_ms)
{
    uint64_t id_time = be64_get(s->command_id) >> 16;
    REFUSE_IF(s->issued_at > m->now + LIMIT_CLOCK_AHEAD_MS, BAD_TIME);
    REFUSE_IF(s->valid_until < s->issued_at || s->valid_until - s->issued_at > valid_ms, BAD_TIME);
    REFUSE_IF(id_time != s->issued_at || s->command_id[6] >> 4 != 7 || s->command_id[8] >> 6 != 2, BAD_TIME);
    REFUSE_IF(s->valid_until < m->now, EXPIRED);
    return OUTCOME_OK;
}

/* Who may say it, and whether when suspended. */
struct who { uint64_t roles; bool broker, suspended_too, carried; };

#define EVERYONE (ROLE_ALL & ~(uint64_t)ROLE_REGULATOR)
static struct who who_may(uint64_t kind)
{
    switch (kind) {
    case KIND_GENESIS: case KIND_STORED: case KIND_DRAWN: case KIND_VERDICT: case KIND_TICK: case KIND_CONTINUE:
        return (struct who){.broker = true};
    case KIND_ADMIT: case KIND_SUSPEND: case KIND_REINSTATE: case KIND_REGROUP: case KIND_REPLACE_KEYS: case KIND_HALT:
    case KIND_RESUME: case KIND_PARAMETERS: case KIND_ARBITER:
        return (struct who){.roles = ROLE_OPERATOR};
    case KIND_DEPOSIT: case KIND_PAYOUT: return (struct who){.roles = ROLE_BANK};
    case KIND_PUBLISH: case KIND_CLOSE: case KIND_SAMPLE: case KIND_DISCLOSE:
        return (struct who){.roles = ROLE_VENDOR};
    case KIND_REVIEW: return (struct who){.roles = ROLE_REVIEWER};
    case KIND_ORDER: case KIND_ORDER_BATCH: case KIND_REPLACE: return (struct who){.roles = ROLE_VENDOR | ROLE_BUYER};
    case KIND_CANCEL: return (struct who){.roles = ROLE_VENDOR | ROLE_BUYER, .suspended_too = true};
    case KIND_GRANT: return (struct who){.roles = ROLE_VENDOR, .suspended_too = true};
    case KIND_ACCEPT: case KIND_DISPUTE: case KIND_CLAIM:
        return (struct who){.roles = ROLE_BUYER, .suspended_too = true};
    case KIND_PROGRAMME: case KIND_GIVE: return (struct who){.roles = ROLE_ISSUER};
    case KIND_RULING: return (struct who){.roles = ROLE_ARBITER};
    case KIND_REKEY: case KIND_STOP_REKEY: case KIND_WITHDRAW: return (struct who){.roles = EVERYONE};
    case KIND_CARD: return (struct who){.roles = EVERYONE, .suspended_too = true};
    default: return (struct who){.carried = true, .suspended_too = true}; /* enrol, new_keys */
    }
}

/* Party 0 is the broker. False: nobody's key. */
static bool find_signer(struct model *m, const struct statement *s, uint64_t *number)
{
    const struct model_key *found = find_key(m->keys, m->n_keys, s->party);
    *number = found == NULL ? 0 : found->party;
    return found != NULL;
}

static enum outcome check_party(struct model *m, const struct statement *s, bool known, uint64_t number)
{
    struct who who = who_may(s->kind);
    REFUSE_IF(!known, UNKNOWN_PARTY);
    const struct model_party *p = model_party(m, number);
    REFUSE_IF(p != NULL && memcmp(p->key, s->party, 32) != 0, KEY_NOT_IN_FORCE);
    REFUSE_IF(p != NULL && p->state == PARTY_SUSPENDED && !who.suspended_too, SUSPENDED);
    if (who.carried) return OUTCOME_ALREADY_ENROLLED;
    if (who.broker) return p == NULL ? OUTCOME_OK : OUTCOME_BROKER_ONLY;
    REFUSE_IF(p == NULL || (p->roles & who.roles) == 0, NOT_YOUR_ROLE);
    return OUTCOME_OK;
}

static struct model_command *find_command(struct model *m, const struct statement *s, uint64_t party)
{
    for (size_t i = 0; i < m->n_commands; i++) {
        struct model_command *c = &m->commands[i];
        if (c->valid_until < m->now) {
            *c-- = m->commands[--m->n_commands];
            i--;
        } else if (c->party == party && memcmp(c->id, s->command_id, 16) == 0)
            return c;
    }
    return NULL;
}

static enum outcome check_pending(const struct model *m, uint64_t kind)
{
    if (m->work == WORK_DRAW) return kind == KIND_DRAWN ? OUTCOME_OK : OUTCOME_BUSY;
    if (m->work != WORK_NONE) return kind == KIND_CONTINUE ? OUTCOME_OK : OUTCOME_BUSY;
    return OUTCOME_OK;
}

static enum outcome check_market(const struct model *m, const struct statement *s)
{
    const uint8_t *expected = s->kind == KIND_GENESIS ? ZERO : m->market;
    return memcmp(s->market, expected, 32) == 0 ? OUTCOME_OK : OUTCOME_WRONG_MARKET;
}

static enum outcome decide_kind(struct model *m, const struct statement *s, const struct model_party *by,
                                struct model_answer *out)
{
    switch (s->kind) {
#define KIND_CASE(NAME, member) case KIND_##NAME: return judge_##member(m, s, by, s->body, out);
    KIND_CASE(ADMIT, admit) KIND_CASE(SUSPEND, suspend) KIND_CASE(REINSTATE, reinstate) KIND_CASE(REGROUP, regroup)
    KIND_CASE(REKEY, rekey) KIND_CASE(REPLACE_KEYS, replace_keys) KIND_CASE(STOP_REKEY, stop_rekey) KIND_CASE(CARD, card)
    KIND_CASE(DEPOSIT, deposit) KIND_CASE(WITHDRAW, withdraw) KIND_CASE(PAYOUT, payout) KIND_CASE(PUBLISH, publish)
    KIND_CASE(STORED, stored) KIND_CASE(REVIEW, review) KIND_CASE(CLOSE, close) KIND_CASE(DRAWN, drawn)
    KIND_CASE(SAMPLE, sample) KIND_CASE(HALT, halt) KIND_CASE(RESUME, resume) KIND_CASE(PARAMETERS, parameters)
    KIND_CASE(ORDER, order) KIND_CASE(ORDER_BATCH, order_batch) KIND_CASE(CANCEL, cancel) KIND_CASE(REPLACE, replace)
    KIND_CASE(PROGRAMME, programme) KIND_CASE(GIVE, give) KIND_CASE(GRANT, grant) KIND_CASE(ACCEPT, accept)
    KIND_CASE(CLAIM, claim) KIND_CASE(RULING, ruling) KIND_CASE(ARBITER, arbiter) KIND_CASE(TICK, tick)
    KIND_CASE(CONTINUE, continue) KIND_CASE(DISPUTE, dispute) KIND_CASE(VERDICT, verdict) KIND_CASE(DISCLOSE, disclose)
    default: return OUTCOME_WRONG_STATE; /* a second genesis */
    }
}

/* ---- the genesis ---- */
static const uint64_t defaults[PARAM_N] = {
    [PARAM_FEE_DATASET_BP] = 100, [PARAM_FEE_MODEL_BP] = 100, [PARAM_FEE_REPORT_BP] = 100, [PARAM_FEE_API_BP] = 100,
    [PARAM_FEE_COMPUTE_BP] = 100, [PARAM_GRANT_MS] = 24 * 3600000, [PARAM_ACCEPT_MS] = 24 * 3600000,
    [PARAM_ACCEPT_MS_PER_10GIB] = 3600000, [PARAM_CLAIM_MS] = UINT64_C(30) * 24 * 3600000, [PARAM_STATEMENT_MS] = 600000,
    [PARAM_OUTAGE_MS] = 300000, [PARAM_REKEY_MS] = 72 * 3600000, [PARAM_VOUCHER_HOLD_MS] = UINT64_C(30) * 24 * 3600000,
    [PARAM_VENDOR_LISTINGS_MAX] = 100000, [PARAM_VENDOR_BYTES_MAX] = UINT64_C(1) << 40};

bool model_parameter_is_in_bounds(uint64_t which, uint64_t value)
{
    switch (which) {
    case PARAM_FEE_DATASET_BP: case PARAM_FEE_MODEL_BP: case PARAM_FEE_REPORT_BP: case PARAM_FEE_API_BP:
    case PARAM_FEE_COMPUTE_BP: return value <= 10000;
    case PARAM_GRANT_MS: case PARAM_ACCEPT_MS: case PARAM_CLAIM_MS: case PARAM_OUTAGE_MS: case PARAM_REKEY_MS:
        return value >= 1000 && value <= MODEL_10_YEARS;
    case PARAM_ACCEPT_MS_PER_10GIB: return value <= 24 * 3600000;
    case PARAM_STATEMENT_MS: return value >= 60000 && value <= 24 * 3600000;
    case PARAM_COLLAR_BP: return value <= 1000000;
    case PARAM_CLAIM_BOND_FEN: return value <= LIMIT_AMOUNT;
    case PARAM_VOUCHER_HOLD_MS: return value <= MODEL_10_YEARS;
    case PARAM_VENDOR_LISTINGS_MAX: case PARAM_VENDOR_BYTES_MAX: return value >= 1 && value <= LIMIT_AMOUNT;
    default: return false;
    }
}

static void genesis_operator(struct model *m, const struct operator_entry *entry)
{
    struct body_admitted event = {.name = entry->name, .roles = ROLE_OPERATOR};
    COPY(event.party, entry->party), COPY(event.seal_key, entry->seal_key), COPY(event.wire_key, entry->wire_key);
    struct model_party *p = GROW(m, parties);
    p->number = EMIT(m, ADMITTED, event);
    p->roles = ROLE_OPERATOR, p->state = PARTY_ACTIVE, p->name = model_keep(m, entry->name);
    COPY(p->key, entry->party), COPY(p->seal_key, entry->seal_key), COPY(p->wire_key, entry->wire_key);
    model_key_add(m, p->key, p->wire_key, p->seal_key, p->number);
    model_touch(m, TABLE_PARTY, p->number, 0);
}

static enum outcome genesis(struct model *m, const struct statement *s, struct bytes bytes)
{
    const struct body_genesis *b = s->body;
    struct parameter_value all[PARAM_N];
    bool seen[PARAM_N] = {false};
    COPY(m->parameters, defaults);
    for (size_t i = 0; i < b->parameters.n; i++) {
        const struct parameter_value *v = (const struct parameter_value *)b->parameters.items + i;
        REFUSE_IF(!model_parameter_is_in_bounds(v->parameter, v->value) || seen[v->parameter], MALFORMED);
        seen[v->parameter] = true;
        m->parameters[v->parameter] = v->value;
    }
    for (size_t i = 0; i < PARAM_N; i++) all[i] = (struct parameter_value){i, m->parameters[i]};
    struct body_opened event = {.name = b->name, .origin = b->origin, .rules = b->rules, .parameters = {all, PARAM_N}};
    COPY(event.broker, s->party), COPY(event.log_key, b->log_key), COPY(event.wire_key, b->wire_key);
    COPY(event.seal_key, b->seal_key);
    event.parameters.items = memcpy(arena_alloc(&m->once, sizeof all), all, sizeof all);
    EMIT(m, OPENED, event);
    sha256(bytes, m->market);
    COPY(m->broker, s->party);
    m->origin = model_keep(m, b->origin);
    m->begun = true;
    model_key_add(m, s->party, b->wire_key, b->seal_key, 0);
    for (size_t i = 0; i < b->operators.n; i++) genesis_operator(m, (const struct operator_entry *)b->operators.items + i);
    return OUTCOME_OK;
}

/* ---- one statement ---- */
static enum outcome judge(struct model *m, const struct statement *s, struct bytes bytes, struct model_answer *out)
{
    uint64_t number = 0;
    uint8_t hash[32];
    enum outcome outcome;
    sha256(bytes, hash);
    if (m->begun) {
        if ((outcome = check_pending(m, s->kind)) != OUTCOME_OK) return outcome;
        if ((outcome = check_market(m, s)) != OUTCOME_OK) return outcome;
        if ((outcome = model_check_time(m, s, m->parameters[PARAM_STATEMENT_MS])) != OUTCOME_OK) return outcome;
        bool known = find_signer(m, s, &number);
        const struct model_command *before = known ? find_command(m, s, number) : NULL;
        if (before != NULL) {
            REFUSE_IF(memcmp(before->hash, hash, 32) != 0, ID_REUSED);
            out->repeated = true, out->first = before->first, out->next = before->next;
            return OUTCOME_OK;
        }
        REFUSE_IF(m->halted && (s->kind == KIND_ORDER || s->kind == KIND_ORDER_BATCH || s->kind == KIND_REPLACE),
                  MARKET_HALTED);
        if ((outcome = check_party(m, s, known, number)) != OUTCOME_OK) return outcome;
        const struct model_party *by = model_party(m, number);
        struct model_party copy = {0};
        if (by != NULL) copy = *by;
        outcome = decide_kind(m, s, &copy, out);
    } else
        outcome = genesis(m, s, bytes);
    if (outcome != OUTCOME_OK) return outcome;
    struct model_command *c = GROW(m, commands);
    c->party = number, c->valid_until = s->valid_until, c->first = m->index, c->next = model_next_event(m);
    COPY(c->id, s->command_id), COPY(c->hash, hash);
    if (s->kind != KIND_CONTINUE) m->heard_ms = m->now;
    out->first = c->first, out->next = c->next;
    return OUTCOME_OK;
}

enum outcome model_decide(struct model *m, const struct statement *s, struct bytes statement_bytes, uint64_t now_ms,
                          uint64_t index, struct model_answer *out)
{
    arena_reset(&m->once);
    m->n_events = m->n_touched = 0;
    m->now = now_ms, m->index = index, m->budget = MODEL_RECORD_MAX;
    for (size_t i = 0; i < m->n_parties; i++) COPY(m->parties[i].said_key, m->parties[i].key);
    out->repeated = false, out->n_items = 0, out->first = out->next = 0;
    out->outcome = judge(m, s, statement_bytes, out);
    return out->outcome;
}
