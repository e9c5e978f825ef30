/*
 * The parties and the market as a whole in a scenario: keys, groups, cards, parameters, halts (README.md has the
 * language).
 */
#include <stdio.h>
#include <stdlib.h>

#include "crypto/hash.h"
#include "tests/scenario/script.h"

static void party_of_word(struct world *w, struct words *l, uint8_t key[32])
{
    memcpy(key, identity_party(world_person(w, words_next(w, l, "a party"))->id), 32);
}

/* ---- keys ---- */

/*
 * `NEW [for P] [garbage|enrol] [forged] [other-market] [stale T] [long T] [low] [seal-of P] [wire-of P]`: the
 * `new_keys` envelope of NEW's keys for `who`, whose key is in force.
 */
static struct bytes read_new_keys(struct world *w, struct words *l, const char *who)
{
    struct manner m = {0};
    bool forged = false, garbage = false, enrol = false, low = false;
    struct person *p = world_person(w, words_next(w, l, "the new keys")), *seal = p, *wire = p;
    struct body_new_keys keys = {0};
    memcpy(keys.party, identity_party(world_person(w, who)->id), 32);
    for (;;) {
        if (words_take(l, "for")) party_of_word(w, l, keys.party);
        else if (words_take(l, "forged")) forged = true;
        else if (words_take(l, "garbage")) garbage = true;
        else if (words_take(l, "enrol")) enrol = true;
        else if (words_take(l, "other-market")) m.other_market = true;
        else if (words_take(l, "stale")) m.issued_ahead_ms = -(int64_t)words_duration(w, l);
        else if (words_take(l, "long")) m.valid_ms = words_duration(w, l);
        else if (words_take(l, "low")) low = true;
        else if (words_take(l, "seal-of")) seal = world_person(w, words_next(w, l, "a party"));
        else if (words_take(l, "wire-of")) wire = world_person(w, words_next(w, l, "a party"));
        else break;
    }
    memcpy(keys.seal_key, identity_seal_public(seal->id), 32);
    memcpy(keys.wire_key, identity_wire_public(wire->id), 32);
    if (low) memset(keys.seal_key, 0, 32), keys.seal_key[0] = 1;
    struct body_enrol body = {.name = BYTES_TEXT(p->name), .roles = ROLE_BUYER};
    memcpy(body.seal_key, keys.seal_key, 32);
    memcpy(body.wire_key, keys.wire_key, 32);
    struct bytes envelope = enrol ? world_envelope(w, p, KIND_ENROL, &body, &m)
                                  : world_envelope(w, p, KIND_NEW_KEYS, &keys, &m);
    if (forged) ((uint8_t *)(uintptr_t)envelope.data)[envelope.len - 1] ^= 1;
    return garbage ? BYTES_TEXT("no envelope") : envelope;
}

static void act_rekey(struct script *s, const char *who, struct words *l)
{
    words_demand(s->w, l, "to");
    const struct body_rekey b = {read_new_keys(s->w, l, who)};
    say(s, who, KIND_REKEY, &b, l);
}

static void act_replace_keys(struct script *s, const char *who, struct words *l)
{
    struct body_replace_keys b = {.reason = BYTES_TEXT("came in person")};
    words_demand(s->w, l, "of");
    const char *whose = words_next(s->w, l, "a party");
    memcpy(b.party, identity_party(world_person(s->w, whose)->id), 32);
    words_demand(s->w, l, "by");
    b.request = read_new_keys(s->w, l, whose);
    say(s, who, KIND_REPLACE_KEYS, &b, l);
}

static void act_new_keys(struct script *s, const char *who, struct words *l)
{
    struct body_new_keys b = {.party = {1}, .seal_key = {9}, .wire_key = {1}};
    memcpy(b.party, identity_party(world_person(s->w, who)->id), 32);
    say(s, who, KIND_NEW_KEYS, &b, l);
}

static void act_stop_rekey(struct script *s, const char *who, struct words *l)
{
    struct body_stop_rekey b = {{0}};
    words_demand(s->w, l, "of");
    party_of_word(s->w, l, b.party);
    say(s, who, KIND_STOP_REKEY, &b, l);
}

/* ---- what is known of a party ---- */

static void act_reinstate(struct script *s, const char *who, struct words *l)
{
    struct body_reinstate b = {.reason = BYTES_TEXT("it was a mistake")};
    party_of_word(s->w, l, b.party);
    say(s, who, KIND_REINSTATE, &b, l);
}

static void act_regroup(struct script *s, const char *who, struct words *l)
{
    struct body_regroup b = {.reason = BYTES_TEXT("a merger")};
    party_of_word(s->w, l, b.party);
    for (;;) {
        if (words_take(l, "group")) b.group = words_text(s->w, l, "a group");
        else if (words_take(l, "in")) b.jurisdiction = words_text(s->w, l, "a jurisdiction");
        else if (words_take(l, "control")) b.group = BYTES_TEXT("g\x7f");
        else if (words_take(l, "control-in")) b.jurisdiction = BYTES_TEXT("C\x7f");
        else break;
    }
    say(s, who, KIND_REGROUP, &b, l);
}

static void act_card(struct script *s, const char *who, struct words *l)
{
    struct body_card b = {{0}};
    if (!words_take(l, "none")) sha256(words_text(s->w, l, "a card"), b.card_hash);
    say(s, who, KIND_CARD, &b, l);
}

/* ---- the market ---- */

static uint64_t read_halted(struct world *w, struct words *l)
{
    return words_take(l, "market") ? 0 : symbol_get(w, 'l', words_next(w, l, "a listing"));
}

static void act_halt(struct script *s, const char *who, struct words *l)
{
    const struct body_halt b = {read_halted(s->w, l), BYTES_TEXT("something is wrong")};
    say(s, who, KIND_HALT, &b, l);
}

static void act_resume(struct script *s, const char *who, struct words *l)
{
    const struct body_resume b = {read_halted(s->w, l)};
    say(s, who, KIND_RESUME, &b, l);
}

/* `sets NAME VALUE …` */
static void act_parameters(struct script *s, const char *who, struct words *l)
{
    struct parameter_value values[PARAM_N];
    struct body_parameters b = {.parameters = {values, 0}, .reason = BYTES_TEXT("as decided")};
    while (!words_end(l) && strcmp(l->word[l->at], "but") != 0) {
        if (b.parameters.n == PARAM_N) world_fail(s->w, "more than %d parameters", PARAM_N);
        struct parameter_value *v = &values[b.parameters.n++];
        v->parameter = name_value(s->w, names_parameter, words_next(s->w, l, "a parameter"));
        v->value = words_number(s->w, l);
    }
    say(s, who, KIND_PARAMETERS, &b, l);
}

bool act_on_parties(struct script *s, const char *who, struct words *l)
{
    static const struct { const char *verb; void (*act)(struct script *s, const char *who, struct words *l); } acts[] = {
        {"rekeys", act_rekey}, {"replaces-keys", act_replace_keys}, {"brings-new-keys", act_new_keys},
        {"stops-rekey", act_stop_rekey}, {"reinstates", act_reinstate}, {"regroups", act_regroup},
        {"cards", act_card}, {"halts", act_halt}, {"resumes", act_resume}, {"sets", act_parameters},
    };
    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        if (!words_take(l, acts[i].verb)) continue;
        acts[i].act(s, who, l);
        return true;
    }
    return false;
}
