/*
 * Questions about who is in the market: a party and its marks, the list of all, the history of a party's keys.
 *
 * Always holds: a legal group is shown only to its own party, to operators and to regulators, the list of parties only
 * to operators and regulators; a waiting request only to who made it and to operators. Marks and keys are public. A
 * party is found by any key it ever had.
 */
#include "broker/server/query_internal.h"

static const uint8_t absent[32];

/* ---- one party ---- */

/* When an announced change of its keys takes effect; 0: none is. */
static enum tide_err rekey_time(struct query *q, uint64_t number, uint64_t *at)
{
    struct row_rekey row;
    uint8_t key[8];

    key_u64(key, number);
    enum tide_err err = state_get(q->source->view, TABLE_REKEY, key, &row);
    *at = row.effective_at;
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

/* `asked`: the key it was asked by, in force or an older one. */
static enum tide_err party_answer(struct query *q, const uint8_t asked[32], uint64_t number,
                                  const struct row_party *party)
{
    struct body_r_party *body = query_body(q, sizeof *body);

    if (body == NULL) return TIDE_ENOMEM;
    memcpy(body->party, asked, 32);
    if (memcmp(asked, party->key, 32) != 0) memcpy(body->key, party->key, 32);
    body->state = party->state;
    body->name = QUERY_TEXT(q, party->name);
    body->roles = party->roles;
    if (number == q->peer->number || query_peer_is(q, ROLE_OPERATOR | ROLE_REGULATOR)) {
        body->group = QUERY_TEXT(q, party->group);
    }
    body->jurisdiction = QUERY_TEXT(q, party->jurisdiction);
    body->admitted = number;
    body->settled = party->settled;
    body->missed = party->missed;
    body->faults = party->faults;
    body->unproven = party->unproven;
    if (q->peer->number != 0) memcpy(body->card_hash, party->card_hash, 32);
    return rekey_time(q, number, &body->rekey_at);
}

static enum tide_err waiting_answer(struct query *q, const struct request_entry *entry)
{
    struct statement statement;
    struct request_entry copy = *entry;

    copy.envelope = arena_copy(q->arena, entry->envelope); /* texts of the answer point into it */
    if (copy.envelope.data == NULL) return TIDE_ENOMEM;
    enum tide_err err = query_open_request(&copy, q->arena, &statement);
    if (err == TIDE_EMALFORMED) return query_refuse(q, OUTCOME_NO_SUCH_PARTY, NULL);
    if (err != TIDE_OK) return err;
    const struct body_enrol *enrol = statement.body;
    struct body_r_party *body = query_body(q, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    memcpy(body->party, entry->party, 32);
    body->state = PARTY_WAITING;
    body->name = enrol->name;
    body->roles = enrol->roles;
    body->jurisdiction = enrol->jurisdiction;
    return TIDE_OK;
}

/* The waiting request that came over this CURVE key. */
static enum tide_err request_by_wire_key(struct query *q, const uint8_t wire_key[32], struct request_entry *out)
{
    uint8_t after[32] = {0};

    for (size_t i = 0; i < LIMIT_REQUESTS; i++) {
        arena_reset(q->scratch);
        enum tide_err err = requests_next(q->source->requests, after, q->scratch, out);
        if (err != TIDE_OK) return err;
        if (memcmp(out->wire_key, wire_key, 32) == 0) return TIDE_OK;
        memcpy(after, out->party, 32);
    }
    return TIDE_ENOTFOUND;
}

static enum tide_err party_self(struct query *q)
{
    struct request_entry entry;

    if (q->peer->number != 0) return party_answer(q, q->peer->party.key, q->peer->number, &q->peer->party);
    if (q->source->requests != NULL) {
        enum tide_err err = request_by_wire_key(q, q->peer->wire_key, &entry);
        if (err == TIDE_OK) return waiting_answer(q, &entry);
        if (err != TIDE_ENOTFOUND) return err;
    }
    /* Known to nobody: said as a state, so that whoever waits to be enrolled can ask without being refused. */
    return query_body(q, sizeof(struct body_r_party)) != NULL ? TIDE_OK : TIDE_ENOMEM;
}

enum tide_err query_party(struct query *q)
{
    const struct body_q_party *ask = q->request->body;
    struct row_party party;
    struct request_entry entry;
    uint64_t number;

    if (memcmp(ask->party, absent, 32) == 0) return party_self(q);
    enum tide_err err = party_by_key(q->source->view, ask->party, &number, &party);
    if (err == TIDE_OK) return party_answer(q, ask->party, number, &party);
    if (err != TIDE_ENOTFOUND) return err;
    if (q->source->requests != NULL) {
        err = requests_get(q->source->requests, ask->party, q->scratch, &entry);
        if (err != TIDE_OK && err != TIDE_ENOTFOUND) return err;
        if (err == TIDE_OK && (memcmp(entry.wire_key, q->peer->wire_key, 32) == 0 || query_peer_is(q, ROLE_OPERATOR))) {
            return waiting_answer(q, &entry);
        }
    }
    return query_refuse(q, OUTCOME_NO_SUCH_PARTY, NULL);
}

/* ---- all parties ---- */

/* The first party after `*number` with one of `roles` (0: any); each role has an index of its own. */
static enum tide_err next_party(struct query *q, uint64_t roles, uint64_t *number)
{
    uint8_t party_key[8], role_key[9];
    uint64_t found = UINT64_MAX;

    if (roles == 0) {
        key_u64(party_key, *number);
        enum tide_err err = state_next(q->source->view, TABLE_PARTY, party_key, 0, true, NULL);
        *number = be64_get(party_key);
        return err;
    }
    for (uint8_t place = 0; roles >> place != 0; place++) {
        if ((roles >> place & 1) == 0) continue;
        key_u8_u64(role_key, place, *number);
        enum tide_err err = state_next(q->source->view, TABLE_PARTY_BY_ROLE, role_key, 1, true, NULL);
        if (err != TIDE_OK && err != TIDE_ENOTFOUND) return err;
        if (err == TIDE_OK && be64_get(role_key + 1) < found) found = be64_get(role_key + 1);
    }
    *number = found;
    return found != UINT64_MAX ? TIDE_OK : TIDE_ENOTFOUND;
}

static struct body_party_row party_row_of(struct query *q, uint64_t number, const struct row_party *party)
{
    struct body_party_row out = {
        .admitted = number, .name = QUERY_TEXT(q, party->name), .roles = party->roles, .state = party->state,
        .group = QUERY_TEXT(q, party->group), .jurisdiction = QUERY_TEXT(q, party->jurisdiction),
    };
    memcpy(out.party, party->key, 32);
    return out;
}

enum tide_err query_parties(struct query *q)
{
    const struct body_q_parties *ask = q->request->body;
    struct row_party party;
    struct page page;
    uint64_t number = ask->after, last = 0;
    enum tide_err err;

    if (!query_peer_is(q, ROLE_OPERATOR | ROLE_REGULATOR)) return query_refuse(q, OUTCOME_NOT_YOUR_ROLE, NULL);
    struct body_r_parties *body = query_body(q, sizeof *body);
    if (body == NULL || !page_init(q, &page, &schema_party_row, ask->limit)) return TIDE_ENOMEM;
    while ((err = next_party(q, ask->roles, &number)) == TIDE_OK) {
        err = party_by_number(q->source->view, number, &party);
        if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
        struct body_party_row row = party_row_of(q, number, &party);
        if (!page_add(&page, &row)) {
            body->after = last;
            break;
        }
        last = number;
    }
    body->parties = page.list;
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

/* ---- keys ---- */

/* The newest LIMIT_PAGE of them, so that the one in force is always there; the oldest of these first. */
static enum tide_err keys_of(struct query *q, uint64_t number, struct list *out)
{
    struct body_key_row *rows = arena_calloc(q->arena, LIMIT_PAGE, sizeof *rows);
    struct row_key row;
    uint8_t key[16];
    size_t n = 0;

    if (rows == NULL) return TIDE_ENOMEM;
    key_u64_u64(key, number, UINT64_MAX);
    while (n < LIMIT_PAGE) {
        enum tide_err err = state_prev(q->source->view, TABLE_KEY_OF, key, 8, true, &row);
        if (err == TIDE_ENOTFOUND) break;
        if (err != TIDE_OK) return err;
        struct body_key_row *at = &rows[LIMIT_PAGE - ++n];
        memcpy(at->key, row.key, 32);
        memcpy(at->seal_key, row.seal_key, 32);
        at->since = be64_get(key + 8);
    }
    *out = (struct list){.items = rows + (LIMIT_PAGE - n), .n = n};
    return TIDE_OK;
}

enum tide_err query_keys(struct query *q)
{
    const struct body_q_party *ask = q->request->body;
    struct row_party party;
    uint64_t number = q->peer->number;

    if (memcmp(ask->party, absent, 32) != 0) {
        enum tide_err err = party_by_key(q->source->view, ask->party, &number, &party);
        if (err == TIDE_ENOTFOUND) return query_refuse(q, OUTCOME_NO_SUCH_PARTY, NULL);
        if (err != TIDE_OK) return err;
    } else if (number == 0) {
        return query_refuse(q, OUTCOME_UNKNOWN_PARTY, NULL);
    }
    struct body_r_keys *body = query_body(q, sizeof *body);
    return body != NULL ? keys_of(q, number, &body->keys) : TIDE_ENOMEM;
}
