/*
 * Parties: enrolment, roles that exclude each other, legal groups, suspension, contact cards.
 *
 * Always holds: a signing key, a CURVE key and a recipient belong to one party for ever; at least one operator is
 * active; an event about a party names it by its key in force, by whichever of its keys the statement did.
 * Not here: what a role may do (decide.c's table), closing what a suspended party has in the book
 * (order_close.c), new keys (rekey.c).
 */
#include "broker/market/law.h"
#include "crypto/identity.h"

/* Roles one party may not hold together with a role. */
static const struct { uint64_t role, excludes; } role_exclusions[] = {
    {ROLE_REVIEWER, ROLE_VENDOR | ROLE_BUYER},
    {ROLE_BANK, ROLE_ALL & ~ROLE_BANK},
    {ROLE_ISSUER, ROLE_VENDOR},
    {ROLE_ARBITER, ROLE_VENDOR | ROLE_BUYER | ROLE_REVIEWER},
    {ROLE_OPERATOR, ROLE_ALL & ~(ROLE_OPERATOR | ROLE_REVIEWER)},
    {ROLE_REGULATOR, ROLE_ALL & ~ROLE_REGULATOR},
};

static bool roles_exclude(uint64_t roles)
{
    for (size_t i = 0; i < ARRAY_LEN(role_exclusions); i++)
        if ((roles & role_exclusions[i].role) && (roles & role_exclusions[i].excludes)) return true;
    return false;
}

/* ---- admission ---- */

enum tide_err decide_enrol(struct hearing *h)
{
    return refuse(h, OUTCOME_ALREADY_ENROLLED); /* strangers ask in the lobby; `admit` carries their request */
}

static enum tide_err key_is_new(struct hearing *h, enum table table, const uint8_t key[32])
{
    struct row_ref ref;
    enum tide_err err = state_get(h->state, table, key, &ref);
    if (err == TIDE_ENOTFOUND) return TIDE_OK;
    return err ? err : refuse(h, OUTCOME_ALREADY_ENROLLED);
}

enum tide_err check_new_keys(struct hearing *h, const uint8_t key[32], const uint8_t seal_key[32],
                             const uint8_t wire_key[32])
{
    PASS(h, key_is_new(h, TABLE_PARTY_KEY, key));
    PASS(h, key_is_new(h, TABLE_WIRE_KEY, wire_key));
    PASS(h, key_is_new(h, TABLE_RECIPIENT, seal_key));
    return x25519_recipient_is_good(seal_key) ? TIDE_OK : refuse(h, OUTCOME_BAD_RECIPIENT);
}

/* The envelope that a statement carries: whole, for this market, signed by the key it names, in time. */
enum tide_err open_request(struct hearing *h, struct bytes envelope, uint64_t kind, struct statement *request)
{
    struct bytes bytes;
    const uint8_t *signature;
    enum tide_err err = envelope_decode(envelope, h->arena, &bytes, &signature);
    if (!err) err = statement_decode(bytes, h->arena, request);
    if (err == TIDE_ENOMEM) return err;
    if (err || request->kind != kind)
        return refuse_because(h, OUTCOME_MALFORMED, "what is carried is no request of that kind");
    if (memcmp(request->market, h->market.market, 32) != 0) return refuse(h, OUTCOME_WRONG_MARKET);
    if (sign_verify(request->party, DOMAIN_STATEMENT, bytes, signature) != TIDE_OK)
        return refuse_because(h, OUTCOME_BAD_SIGNATURE, "the request is not signed by the party it names");
    return check_time(h, request, LIMIT_ENROL_VALID_MS);
}

enum tide_err decide_admit(struct hearing *h)
{
    const struct body_admit *admit = h->cause->statement.body;
    struct statement request;
    PASS(h, open_request(h, admit->request, KIND_ENROL, &request));
    const struct body_enrol *enrol = request.body;
    if (roles_exclude(admit->roles)) return refuse(h, OUTCOME_ROLES_EXCLUDE);
    if (admit->roles & ~enrol->roles) return refuse(h, OUTCOME_NOT_ASKED_FOR);
    PASS(h, check_new_keys(h, request.party, enrol->seal_key, enrol->wire_key));
    if (text_has_control(enrol->name) || text_has_control(admit->group) || text_has_control(admit->jurisdiction))
        return refuse(h, OUTCOME_BAD_TEXT);

    struct body_admitted *e = EVENT(h, ADMITTED, admitted);
    if (!e) return TIDE_ENOMEM;
    memcpy(e->party, request.party, 32);
    memcpy(e->seal_key, enrol->seal_key, 32);
    memcpy(e->wire_key, enrol->wire_key, 32);
    e->name = enrol->name;
    e->roles = admit->roles;
    e->group = admit->group;
    e->jurisdiction = admit->jurisdiction;
    memcpy(e->card_hash, enrol->card_hash, 32);
    return TIDE_OK;
}

static enum tide_err put_roles(struct fold *f, uint64_t number, uint64_t roles)
{
    const struct row_none none = {0};
    enum tide_err err = TIDE_OK;
    for (uint8_t place = 0; !err && roles >> place != 0; place++) {
        uint8_t key[9];
        key_u8_u64(key, place, number);
        if (roles >> place & 1) err = state_put(f->state, TABLE_PARTY_BY_ROLE, key, &none);
    }
    return err;
}

enum tide_err apply_admitted(struct fold *f, const struct body_admitted *e)
{
    struct row_ref known;
    enum tide_err err = state_get(f->state, TABLE_PARTY_KEY, e->party, &known);
    if (err != TIDE_ENOTFOUND) return err ? err : TIDE_EDAMAGED;
    struct row_party row;
    memset(&row, 0, sizeof row);
    memcpy(row.key, e->party, 32);
    memcpy(row.seal_key, e->seal_key, 32);
    memcpy(row.wire_key, e->wire_key, 32);
    row.roles = e->roles;
    row.state = PARTY_ACTIVE;
    row.admitted_at = f->time_ms;
    memcpy(row.card_hash, e->card_hash, 32);
    row_text_set(row.name, sizeof row.name, e->name);
    row_text_set(row.group, sizeof row.group, e->group);
    row_text_set(row.jurisdiction, sizeof row.jurisdiction, e->jurisdiction);
    err = party_row_put(f, f->index, &row);
    if (!err) err = put_roles(f, f->index, e->roles);
    if (err || !(e->roles & ROLE_OPERATOR)) return err;

    err = fold_market(f);
    if (err) return err;
    f->market.n_operators++;
    return fold_put_market(f);
}

/* ---- suspension ---- */

enum tide_err decide_suspend(struct hearing *h)
{
    const struct body_suspend *suspend = h->cause->statement.body;
    uint64_t number;
    struct row_party row;
    PASS(h, hear_party(h, suspend->party, &number, &row));
    bool active = row.state == PARTY_ACTIVE;
    if (active && (row.roles & ROLE_OPERATOR) && h->market.n_operators <= 1) return refuse(h, OUTCOME_LAST_OPERATOR);
    if (!active) return refuse_because(h, OUTCOME_WRONG_STATE, "%s is suspended already", row.name);

    struct body_suspended *e = EVENT(h, SUSPENDED, suspended);
    if (!e) return TIDE_ENOMEM;
    memcpy(e->party, row.key, 32);
    return close_orders_of_party(h, number);
}

enum tide_err decide_reinstate(struct hearing *h)
{
    const struct body_reinstate *reinstate = h->cause->statement.body;
    uint64_t number;
    struct row_party row;
    PASS(h, hear_party(h, reinstate->party, &number, &row));
    if (row.state != PARTY_SUSPENDED) return refuse_because(h, OUTCOME_WRONG_STATE, "%s is not suspended", row.name);

    struct body_reinstated *e = EVENT(h, REINSTATED, reinstated);
    if (!e) return TIDE_ENOMEM;
    memcpy(e->party, row.key, 32);
    return TIDE_OK;
}

static enum tide_err fold_party_row(struct fold *f, const uint8_t key[32], uint64_t *number, struct row_party *row)
{
    enum tide_err err = fold_party(f, key, number);
    return err ? err : must_exist(party_by_number(f->state, *number, row));
}

/* The market knows how many operators are active. */
static enum tide_err set_state(struct fold *f, const uint8_t key[32], enum party_state from, enum party_state to)
{
    uint64_t number;
    struct row_party row;
    enum tide_err err = fold_party_row(f, key, &number, &row);
    if (err) return err;
    if (row.state != from) return TIDE_EDAMAGED;
    row.state = to;
    err = party_put(f, number, &row);
    if (err || !(row.roles & ROLE_OPERATOR)) return err;

    err = fold_market(f);
    if (err) return err;
    if (to != PARTY_ACTIVE && f->market.n_operators == 0) return TIDE_EDAMAGED;
    if (to == PARTY_ACTIVE) f->market.n_operators++;
    else f->market.n_operators--;
    return fold_put_market(f);
}

enum tide_err apply_suspended(struct fold *f, const struct body_suspended *e)
{
    return set_state(f, e->party, PARTY_ACTIVE, PARTY_SUSPENDED);
}

enum tide_err apply_reinstated(struct fold *f, const struct body_reinstated *e)
{
    return set_state(f, e->party, PARTY_SUSPENDED, PARTY_ACTIVE);
}

/* ---- what is known of a party ---- */

enum tide_err decide_regroup(struct hearing *h)
{
    const struct body_regroup *regroup = h->cause->statement.body;
    uint64_t number;
    struct row_party row;
    PASS(h, hear_party(h, regroup->party, &number, &row));
    if (text_has_control(regroup->group) || text_has_control(regroup->jurisdiction)) return refuse(h, OUTCOME_BAD_TEXT);

    struct body_regrouped *e = EVENT(h, REGROUPED, regrouped);
    if (!e) return TIDE_ENOMEM;
    memcpy(e->party, row.key, 32);
    e->group = regroup->group;
    e->jurisdiction = regroup->jurisdiction;
    return TIDE_OK;
}

enum tide_err apply_regrouped(struct fold *f, const struct body_regrouped *e)
{
    uint64_t number;
    struct row_party row;
    enum tide_err err = fold_party_row(f, e->party, &number, &row);
    if (err) return err;
    row_text_set(row.group, sizeof row.group, e->group);
    row_text_set(row.jurisdiction, sizeof row.jurisdiction, e->jurisdiction);
    return party_put(f, number, &row);
}

enum tide_err decide_card(struct hearing *h)
{
    const struct body_card *card = h->cause->statement.body;
    struct body_carded *e = EVENT(h, CARDED, carded);
    if (!e) return TIDE_ENOMEM;
    memcpy(e->party, h->speaker.key, 32);
    memcpy(e->card_hash, card->card_hash, 32);
    return TIDE_OK;
}

enum tide_err apply_carded(struct fold *f, const struct body_carded *e)
{
    uint64_t number;
    struct row_party row;
    enum tide_err err = fold_party_row(f, e->party, &number, &row);
    if (err) return err;
    memcpy(row.card_hash, e->card_hash, 32);
    return party_put(f, number, &row);
}
