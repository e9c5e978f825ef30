/*
 * Whose keys were in force when: folded from the records as they come.
 *
 * Always holds: a key gets into force by an event whose own statement names it (an operator's `admit` with the party's
 * request, the genesis, a `rekey` with the new key's request, or a `tick` after an announced replacement); nothing is believed
 * of a key for an event alone. A statement counts only under a key that is in force at its record.
 * Not here: whether signatures are right (audit_check.c); who may state what (the broker's law, decided again elsewhere).
 */
#include "client/lib/audit.h"

#include <search.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    return memcmp(((const struct audit_key *)a)->key, ((const struct audit_key *)b)->key, 32);
}

struct audit_key *audit_key_find(struct audit *a, const uint8_t key[32])
{
    struct audit_key wanted;
    memcpy(wanted.key, key, 32);
    struct audit_key **found = tfind(&wanted, &a->keys, compare);
    return found == NULL ? NULL : *found;
}

static struct audit_key *key_add(struct audit *a, const uint8_t key[32])
{
    struct audit_key *found = audit_key_find(a, key);
    if (found == NULL && (found = calloc(1, sizeof *found)) != NULL) {
        memcpy(found->key, key, 32);
        if (tsearch(found, &a->keys, compare) == NULL) {
            free(found);
            found = NULL;
        }
    }
    if (found == NULL) a->no_memory = true;
    else found->in_force = true;
    return found;
}

void audit_keys_free(struct audit *a)
{
    tdestroy(a->keys, free);
    a->keys = NULL;
}

static bool is_zero(const uint8_t key[32])
{
    static const uint8_t zero[32];
    return memcmp(key, zero, 32) == 0;
}

bool audit_key_leads(struct audit *a, const uint8_t from[32], const uint8_t to[32])
{
    uint8_t at[32];
    memcpy(at, from, 32);
    for (int steps = 0; steps < 4096; steps++) { /* no party changes its keys as often; a loop in a forged log ends */
        if (memcmp(at, to, 32) == 0) return true;
        const struct audit_key *key = audit_key_find(a, at);
        if (key == NULL || is_zero(key->next)) return false;
        memcpy(at, key->next, 32);
    }
    return false;
}

/* ---- signatures ---- */

void audit_sign(struct audit *a, uint64_t record, const char *whose, const uint8_t key[32], const char *domain,
                struct bytes message, const uint8_t signature[SIGN_BYTES])
{
    if (a->n_signatures == a->signatures_room) {
        size_t room = a->signatures_room == 0 ? 1024 : 2 * a->signatures_room;
        struct audit_signature *grown = realloc(a->signatures, room * sizeof *grown);
        if (grown == NULL) {
            a->no_memory = true;
            return;
        }
        a->signatures = grown;
        a->signatures_room = room;
    }
    struct audit_signature *s = &a->signatures[a->n_signatures++];
    *s = (struct audit_signature){.record = record, .domain = domain, .whose = whose, .message = message};
    memcpy(s->key, key, 32);
    memcpy(s->signature, signature, SIGN_BYTES);
}

/* The statement in an envelope that another one carries: its signature is its own party's. */
static bool carried(struct audit *a, uint64_t index, struct bytes envelope, uint64_t kind, struct statement *out)
{
    struct bytes bytes;
    const uint8_t *signature;
    memset(out, 0, sizeof *out);
    if (envelope_decode(envelope, &a->round, &bytes, &signature) == TIDE_OK &&
        statement_decode(bytes, &a->round, out) == TIDE_OK && out->kind == kind) {
        audit_sign(a, index, "the request that it carries", out->party, DOMAIN_STATEMENT, bytes, signature);
        if (memcmp(out->market, a->market, 32) == 0) return true;
        audit_alarm(a, index, 0, "The request that it carries is to another market.");
        return true;
    }
    audit_alarm(a, index, 0, "The request that it carries is none.");
    return false;
}

void audit_keys_statement(struct audit *a, uint64_t index, const struct statement *st)
{
    struct statement request;
    const struct audit_key *key = audit_key_find(a, st->party);
    bool is_broker = memcmp(st->party, a->broker, 32) == 0;
    if (!is_broker && (key == NULL || !key->in_force))
        audit_alarm(a, index, 0, key == NULL ? "It is signed by a key that was nobody's at that moment."
                                             : "It is signed by a key that was not in force any more.");
    if (st->kind == KIND_ADMIT) {
        carried(a, index, ((const struct body_admit *)st->body)->request, KIND_ENROL, &request);
    } else if (st->kind == KIND_REKEY) {
        carried(a, index, ((const struct body_rekey *)st->body)->request, KIND_NEW_KEYS, &request);
    } else if (st->kind == KIND_REPLACE_KEYS) {
        carried(a, index, ((const struct body_replace_keys *)st->body)->request, KIND_NEW_KEYS, &request);
    }
}

/* ---- events ---- */

/* The request in the cause, whatever kind carries it; `party`: who carries it, or for whom. */
static bool cause_request(struct audit *a, struct statement *request)
{
    const struct statement *st = &a->cause.statement;
    struct bytes envelope, bytes;
    const uint8_t *signature;
    memset(request, 0, sizeof *request);
    if (st->kind == KIND_ADMIT) envelope = ((const struct body_admit *)st->body)->request;
    else if (st->kind == KIND_REKEY) envelope = ((const struct body_rekey *)st->body)->request;
    else if (st->kind == KIND_REPLACE_KEYS) envelope = ((const struct body_replace_keys *)st->body)->request;
    else return false;
    return envelope_decode(envelope, &a->scratch, &bytes, &signature) == TIDE_OK &&
           statement_decode(bytes, &a->scratch, request) == TIDE_OK;
}

static bool is_operator_of_genesis(const struct statement *st, const uint8_t party[32])
{
    const struct body_genesis *genesis = st->body;
    const struct operator_entry *operators = genesis->operators.items;
    for (size_t i = 0; i < genesis->operators.n; i++) {
        if (memcmp(operators[i].party, party, 32) == 0) return true;
    }
    return false;
}

static void take_admitted(struct audit *a, uint64_t index, const struct body_admitted *e)
{
    const struct statement *st = &a->cause.statement;
    struct statement request;
    bool founded = st->kind == KIND_GENESIS && is_operator_of_genesis(st, e->party);
    bool asked = st->kind == KIND_ADMIT && cause_request(a, &request) && memcmp(request.party, e->party, 32) == 0;
    if (!founded && !asked) audit_alarm(a, index, 0, "A party is enrolled that did not ask for it.");
    key_add(a, e->party);
}

static void take_rekeyed(struct audit *a, uint64_t index, const struct body_rekeyed *e)
{
    const struct statement *st = &a->cause.statement;
    struct statement request;
    struct audit_key *old = audit_key_find(a, e->party);
    bool own = st->kind == KIND_REKEY && memcmp(st->party, e->party, 32) == 0 && cause_request(a, &request) &&
               memcmp(request.party, e->new_key, 32) == 0 &&
               memcmp(((const struct body_new_keys *)request.body)->party, e->party, 32) == 0;
    bool replaced = st->kind == KIND_TICK && old != NULL && memcmp(old->announced, e->new_key, 32) == 0;
    if (old == NULL || (!own && !replaced)) audit_alarm(a, index, 0, "A party's key is changed to one that nobody asked for.");
    struct audit_key *new = key_add(a, e->new_key);
    old = audit_key_find(a, e->party);
    if (new == NULL || old == NULL) return;
    old->in_force = false;
    memset(old->announced, 0, 32);
    memcpy(old->next, e->new_key, 32);
}

void audit_keys_event(struct audit *a, uint64_t index, const struct event *event)
{
    struct statement request;
    if (event->kind == KIND_ADMITTED) {
        take_admitted(a, index, event->body);
    } else if (event->kind == KIND_REKEYED) {
        take_rekeyed(a, index, event->body);
    } else if (event->kind == KIND_REKEY_ANNOUNCED) {
        const struct body_rekey_announced *e = event->body;
        struct audit_key *key = audit_key_find(a, e->party);
        if (key == NULL || a->cause.statement.kind != KIND_REPLACE_KEYS || !cause_request(a, &request) ||
            memcmp(request.party, e->new_key, 32) != 0)
            audit_alarm(a, index, 0, "A change of keys is announced that nobody asked for.");
        else
            memcpy(key->announced, e->new_key, 32);
    } else if (event->kind == KIND_REKEY_STOPPED) {
        struct audit_key *key = audit_key_find(a, ((const struct body_rekey_stopped *)event->body)->party);
        if (key != NULL) memset(key->announced, 0, 32);
    }
}
