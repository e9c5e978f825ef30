/*
 * Getting to know the market: the lobby's `doors` (ports, clock) and `party` (what this key is here), asked before any
 * other door is used, and the choice of a door for each verb that follows from them.
 *
 * Always holds: what the lobby answers is believed only if market id, origin, log key and wire key are the URL's; a key
 * that is not enrolled (or lacks the role) is told so at once and not left to knock at a door that stays shut.
 * Not here: sockets (wire.c).
 */
#include "client/lib/market.h"

#include <stdio.h>

#define AGAIN_MS 250 /* between two attempts */

void greeting_forget(struct tide_market *m)
{
    m->greeting.known = false;
}

/* An attempt has failed for good: calls that wait for it get its error. */
static void greeting_fail(struct tide_market *m, const struct tide_error *error)
{
    m->greeting.failed = true;
    for (struct tide_call *call = m->calls, *next; call != NULL; call = next) {
        next = call->next;
        if (call->stage == CALL_WAITING && !call->is_greeting) call_end(call, error);
    }
}

static int doors_check(const struct tide_market *m, const struct body_r_doors *doors, struct tide_error *error)
{
    const char *what = NULL;
    if (memcmp(doors->market, m->url.market, 32) != 0) what = "market id";
    else if (!bytes_equal(doors->origin, BYTES_TEXT(m->url.origin))) what = "origin";
    else if (memcmp(doors->log_key, m->url.log_key, 32) != 0) what = "log key";
    else if (memcmp(doors->wire_key, m->url.wire_key, 32) != 0) what = "wire key";
    if (what == NULL) return 0;
    return error_set(error, OUTCOME_V_FAILED, "The broker at %s has another %s than the market's URL.", m->url.host,
                     what);
}

static void greeting_step(struct tide_market *m)
{
    struct greeting *g = &m->greeting;
    if (--g->n_waiting > 0) return;
    g->not_before_ms = clock_ms() + AGAIN_MS;
    g->known = !g->failed;
}

static bool doors_ended(struct tide_call *call)
{
    struct tide_market *m = call->market;
    struct greeting *g = &m->greeting;
    struct tide_error error;
    if (call->code != 0) {
        g->failed = true; /* tried again: the calls that wait have deadlines of their own */
        greeting_step(m);
        return true;
    }
    const struct body_r_doors *doors = call->doc->value;
    g->ports[WIRE_LOBBY] = m->url.port;
    g->ports[WIRE_TRADE] = (uint16_t)doors->trade_port;
    g->ports[WIRE_DATA] = (uint16_t)doors->data_port;
    g->ports[WIRE_AUDIT] = (uint16_t)doors->audit_port;
    if (doors->now_ms > 0) g->skew_ms = (int64_t)(doors->now_ms - wall_ms());
    if (doors_check(m, doors, &error) != 0) greeting_fail(m, &error);
    greeting_step(m);
    return true;
}

static bool party_ended(struct tide_call *call)
{
    struct greeting *g = &call->market->greeting;
    g->party_state = PARTY_UNKNOWN;
    g->roles = 0;
    if (call->code == 0) {
        const struct body_r_party *party = call->doc->value;
        g->party_state = party->state;
        g->roles = party->roles;
    } else if (call->code >= 600) {
        g->failed = true; /* no answer, other than "not known" */
    }
    greeting_step(call->market);
    return true;
}

static void ask(struct tide_market *m, enum verb verb, bool (*ended)(struct tide_call *call))
{
    struct tide_call *call;
    if (call_start(m, verb, NULL, AFTER_NONE, &call, NULL) != 0) {
        m->greeting.failed = true;
        m->greeting.n_waiting--;
        return;
    }
    call->is_greeting = true;
    call->ended = ended;
}

void greeting_start(struct tide_market *m)
{
    struct greeting *g = &m->greeting;
    if (g->n_waiting > 0 || clock_ms() < g->not_before_ms) return;
    g->failed = false;
    g->n_waiting = 2;
    ask(m, VERB_DOORS, doors_ended);
    ask(m, VERB_PARTY, party_ended);
}

/* ---- which door ---- */
static int not_enrolled(const struct tide_market *m, struct tide_error *error)
{
    if (m->greeting.party_state == PARTY_WAITING) {
        return error_set(error, OUTCOME_UNKNOWN_PARTY,
                         "This key's request to be enrolled in %s still waits for an operator.", m->url.origin);
    }
    return error_set(error, OUTCOME_UNKNOWN_PARTY, "This key is not enrolled in %s.", m->url.origin);
}

int greeting_slot(struct tide_market *m, const struct tide_call *call, enum wire_slot *slot, struct tide_error *error)
{
    const struct greeting *g = &m->greeting;
    unsigned doors = call->verb->doors;

    *slot = WIRE_LOBBY;
    if (call->is_greeting || doors == DOOR_LOBBY || call->verb->verb == VERB_DOORS) return 0;
    if (!g->known) return -1;
    bool enrolled = g->party_state == PARTY_ACTIVE || g->party_state == PARTY_SUSPENDED;
    if (!enrolled) return (doors & DOOR_LOBBY) != 0 ? 0 : not_enrolled(m, error);
    if ((doors & DOOR_AUDIT) != 0 && (g->roles & ROLE_REGULATOR) != 0) *slot = WIRE_AUDIT;
    else if ((doors & DOOR_TRADE) != 0) *slot = WIRE_TRADE;
    else if ((doors & DOOR_DATA) != 0) *slot = WIRE_DATA;
    else return error_set(error, OUTCOME_NOT_YOUR_ROLE, "The audit door is for regulators.");
    return 0;
}
