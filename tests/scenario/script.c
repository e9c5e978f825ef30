/*
 * The actions of a scenario: each line becomes a signed statement (README.md has the language).
 *
 * Always holds: an action that is refused fails the scenario unless the next line expects it.
 */
#include "tests/scenario/script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/age.h"

/* `but …`: how the statement departs from the usual. */
void read_manner(struct world *w, struct words *l, struct manner *m)
{
    memset(m, 0, sizeof *m);
    while (words_take(l, "but")) {
        if (words_take(l, "for")) words_demand(w, l, "another-market"), m->other_market = true;
        else if (words_take(l, "ahead")) m->issued_ahead_ms = (int64_t)words_duration(w, l);
        else if (words_take(l, "late")) m->issued_ahead_ms = -(int64_t)words_duration(w, l);
        else if (words_take(l, "valid")) m->valid_ms = words_duration(w, l);
        else if (words_take(l, "same-id")) m->same_id = true;
        else if (words_take(l, "wrong-id")) m->wrong_id = true;
        else if (words_take(l, "wrong-variant")) m->wrong_variant = true;
        else if (words_take(l, "nothing-due-first")) m->without_due = true;
        else world_fail(w, "\"but\" what?");
    }
    if (!words_end(l)) world_fail(w, "\"%s\" is not understood", l->word[l->at]);
}

void say(struct script *s, const char *who, uint64_t kind, const void *body, struct words *l)
{
    struct manner m;
    read_manner(s->w, l, &m);
    world_say(s->w, who, kind, body, &m);
    s->answer_due = true;
}

static void party_key(struct world *w, const char *name, uint8_t key[32])
{
    memcpy(key, identity_party(world_person(w, name)->id), 32);
}

/* ---- trades ---- */

static void sign_settlement(struct world *w, const char *who, uint64_t trade, uint8_t signature[64])
{
    struct row_trade row;
    struct bytes text;
    uint8_t key[8];
    key_u64(key, trade);
    memset(signature, 1, 64);
    if (state_get(world_view(w), TABLE_TRADE, key, &row) != TIDE_OK) return;
    world_check(w, settlement_text(world_view(w), trade, &row, &w->arena, &text), "the settlement text");
    identity_sign(world_person(w, who)->id, DOMAIN_NONE, text, signature);
}

/* An age header for the bid's recipient; a credential has a payload behind it. */
static struct bytes make_grant(struct world *w, uint64_t trade, size_t payload_len)
{
    struct row_trade row;
    uint8_t key[8];
    const uint8_t file_key[AGE_FILE_KEY_BYTES] = {7};
    uint8_t *grant = arena_calloc(&w->arena, 1, AGE_GRANT_BYTES + payload_len);
    if (!grant) abort();
    key_u64(key, trade);
    if (state_get(world_view(w), TABLE_TRADE, key, &row) == TIDE_OK)
        world_check(w, age_grant_seal(file_key, row.recipient, grant), "sealing a grant");
    return BYTES(grant, AGE_GRANT_BYTES + payload_len);
}

static void act_grant(struct script *s, const char *who, struct words *l)
{
    struct world *w = s->w;
    struct body_grant g = {.trade = symbol_get(w, 't', words_next(w, l, "a trade"))};
    size_t credential = 0;
    sign_settlement(w, who, g.trade, g.signature);
    if (words_take(l, "credential")) credential = (size_t)age_payload_len(words_number(w, l));
    g.grant = make_grant(w, g.trade, credential);
    if (words_take(l, "badly")) g.grant = BYTES_TEXT("not an age header");
    if (words_take(l, "unsigned")) g.signature[3] ^= 1;
    say(s, who, KIND_GRANT, &g, l);
}

static void act_accept(struct script *s, const char *who, struct words *l)
{
    struct world *w = s->w;
    struct body_accept a = {.trade = symbol_get(w, 't', words_next(w, l, "a trade"))};
    sign_settlement(w, who, a.trade, a.signature);
    if (words_take(l, "unsigned")) a.signature[3] ^= 1;
    say(s, who, KIND_ACCEPT, &a, l);
}

/* ---- parties and money ---- */

static void act_deposit(struct script *s, const char *who, struct words *l)
{
    struct world *w = s->w;
    struct body_deposit d = {.amount = words_money(w, l)};
    words_demand(w, l, "to");
    party_key(w, words_next(w, l, "a party"), d.party);
    words_demand(w, l, "reference");
    d.reference = words_text(w, l, "a reference");
    say(s, who, KIND_DEPOSIT, &d, l);
}

static void act_suspend(struct script *s, const char *who, struct words *l)
{
    struct body_suspend b = {.reason = BYTES_TEXT("as the rules say")};
    party_key(s->w, words_next(s->w, l, "a party"), b.party);
    say(s, who, KIND_SUSPEND, &b, l);
}

/* `admits NAME as ROLES [asked ROLES] [group G] [named N] [forged|garbage|stale T|long T|other-market|low|control]
 * [seal-of P] [wire-of P]` */
static void act_admit(struct script *s, const char *who, struct words *l)
{
    struct world *w = s->w;
    struct manner m = {0};
    bool forged = false, garbage = false, low = false;
    struct person *p = world_person(w, words_next(w, l, "a party")), *seal = p, *wire = p;
    struct body_enrol e = {.name = BYTES_TEXT(p->name)};
    struct body_admit a = {0};
    words_demand(w, l, "as");
    a.roles = e.roles = words_roles(w, l);
    for (;;) {
        if (words_take(l, "asked")) e.roles = words_roles(w, l);
        else if (words_take(l, "group")) a.group = words_text(w, l, "a group");
        else if (words_take(l, "named")) e.name = words_text(w, l, "a name");
        else if (words_take(l, "control")) e.name = BYTES_TEXT("a\x7f");
        else if (words_take(l, "forged")) forged = true;
        else if (words_take(l, "garbage")) garbage = true;
        else if (words_take(l, "stale")) m.issued_ahead_ms = -(int64_t)words_duration(w, l);
        else if (words_take(l, "long")) m.valid_ms = words_duration(w, l);
        else if (words_take(l, "other-market")) m.other_market = true;
        else if (words_take(l, "low")) low = true;
        else if (words_take(l, "seal-of")) seal = world_person(w, words_next(w, l, "a party"));
        else if (words_take(l, "wire-of")) wire = world_person(w, words_next(w, l, "a party"));
        else break;
    }
    memcpy(e.seal_key, identity_seal_public(seal->id), 32);
    memcpy(e.wire_key, identity_wire_public(wire->id), 32);
    if (low) memset(e.seal_key, 0, 32), e.seal_key[0] = 1;
    a.request = world_envelope(w, p, KIND_ENROL, &e, &m);
    if (forged) ((uint8_t *)(uintptr_t)a.request.data)[a.request.len - 1] ^= 1;
    if (garbage) a.request = BYTES_TEXT("not a request");
    say(s, who, KIND_ADMIT, &a, l);
}

static void act_enrol(struct script *s, const char *who, struct words *l)
{
    struct person *p = world_person(s->w, who);
    struct body_enrol e = {.name = BYTES_TEXT(p->name), .roles = ROLE_BUYER};
    memcpy(e.seal_key, identity_seal_public(p->id), 32);
    memcpy(e.wire_key, identity_wire_public(p->id), 32);
    say(s, who, KIND_ENROL, &e, l);
}

/* ---- the broker ---- */

static void act_tick(struct script *s, const char *who, struct words *l)
{
    struct body_tick t = {0};
    if (words_take(l, "outage")) t.outage_ms = words_duration(s->w, l);
    say(s, who, KIND_TICK, &t, l);
}

/* Down since its newest record; what was due meanwhile is shifted before anything else is stated. */
static void act_return(struct script *s, const char *who)
{
    struct row_market market;
    struct manner m = {.without_due = true};
    world_check(s->w, market_row(world_view(s->w), &market), "reading the market");
    struct body_tick t = {s->w->now_ms - market.last_time_ms};
    world_say(s->w, who, KIND_TICK, &t, &m);
    s->answer_due = true;
}

static void act_continue(struct script *s, const char *who, struct words *l)
{
    struct world *w = s->w;
    struct body_continue c = {.work = name_value(w, names_work, words_next(w, l, "a kind of work"))};
    c.subject = words_number(w, l);
    say(s, who, KIND_CONTINUE, &c, l);
}

/* Another genesis: a market opens once. */
static void act_open(struct script *s, const char *who, struct words *l)
{
    world_open(s->w);
    say(s, who, KIND_GENESIS, &s->w->genesis, l);
}

static void act(struct script *s, const char *who, struct words *l)
{
    struct world *w = s->w;
    if (words_take(l, "bids")) act_order(s, who, SIDE_BID, l);
    else if (words_take(l, "asks")) act_order(s, who, SIDE_ASK, l);
    else if (words_take(l, "replaces")) act_replace(s, who, l);
    else if (act_on_listings(s, who, l)) return;
    else if (words_take(l, "deposits")) act_deposit(s, who, l);
    else if (words_take(l, "grants")) act_grant(s, who, l);
    else if (words_take(l, "accepts")) act_accept(s, who, l);
    else if (words_take(l, "suspends")) act_suspend(s, who, l);
    else if (words_take(l, "admits")) act_admit(s, who, l);
    else if (words_take(l, "enrols")) act_enrol(s, who, l);
    else if (words_take(l, "ticks")) act_tick(s, who, l);
    else if (words_take(l, "returns")) act_return(s, who);
    else if (words_take(l, "continues")) act_continue(s, who, l);
    else if (words_take(l, "opens")) act_open(s, who, l);
    else if (act_on_parties(s, who, l)) return;
    else if (act_on_money(s, who, l)) return;
    else if (act_on_delivery(s, who, l)) return;
    else if (words_take(l, "cancels")) {
        const struct body_cancel c = {symbol_get(w, 'o', words_next(w, l, "an order"))};
        say(s, who, KIND_CANCEL, &c, l);
    } else if (words_take(l, "sends")) {
        snprintf(s->batch_by, sizeof s->batch_by, "%s", who);
        s->n_batch = 0;
        words_demand(w, l, "a");
        words_demand(w, l, "batch");
        read_manner(w, l, &s->batch_manner);
    } else world_fail(w, "%s does what?", who);
}

/* ---- lines ---- */

static void line_at(struct script *s, struct words *l)
{
    struct world *w = s->w;
    world_open(w);
    uint64_t at_ms = words_time(w, l);
    if (at_ms < w->now_ms) world_fail(w, "time runs backwards");
    w->now_ms = at_ms;
    w->day_ms = at_ms - at_ms % 86400000;
    if (words_take(l, "time")) {
        words_demand(w, l, "passes");
        world_begin_action(w);
        world_run_due(w);
    } else if (words_take(l, "again")) {
        world_send_envelope(w, w->last_envelope, true);
        s->answer_due = true;
    } else {
        act(s, words_next(w, l, "somebody"), l);
    }
}

static void line_party(struct script *s, struct words *l)
{
    struct world *w = s->w;
    const char *name = words_next(w, l, "a name"), *group = "", *jurisdiction = "";
    uint64_t roles = words_roles(w, l);
    uint64_t times = 0;
    while (!words_end(l)) {
        if (words_take(l, "times")) times = words_number(w, l);
        else if (words_take(l, "group")) group = words_next(w, l, "a group");
        else if (words_take(l, "in")) jurisdiction = words_next(w, l, "a jurisdiction");
        else world_fail(w, "\"%s\" is not understood", l->word[l->at]);
    }
    world_open(w);
    for (uint64_t i = 1; i <= times; i++) {
        char numbered[WORLD_NAME_MAX];
        snprintf(numbered, sizeof numbered, "%.30s%llu", name, (unsigned long long)i);
        arena_reset(&w->arena);
        world_admit(w, numbered, roles, group, jurisdiction);
    }
    if (times == 0) world_admit(w, name, roles, group, jurisdiction);
}

static void line_parameter(struct script *s, struct words *l)
{
    struct world *w = s->w;
    if (w->opened) world_fail(w, "parameters come first");
    struct parameter_value *p = &w->parameters[w->genesis.parameters.n++];
    p->parameter = name_value(w, names_parameter, words_next(w, l, "a parameter"));
    p->value = words_number(w, l);
}

/* An outcome that nobody expected. */
static void look_at_answer(struct script *s, const struct words *l)
{
    struct world *w = s->w;
    bool expected = l->n > 1 && strcmp(l->word[0], "expect") == 0 && strcmp(l->word[1], "refused") == 0;
    bool refused = s->answer_due && w->last.outcome != OUTCOME_OK;
    s->answer_due = false;
    if (!refused || expected) return;
    w->line--;
    world_fail(w, "refused: %s (%s)", outcome_info(w->last.outcome)->name, w->detail);
}

static void run_line(struct script *s, char *text)
{
    struct words l;
    bool indented = text[0] == ' ' || text[0] == '\t';
    words_split(s->w, text, &l);
    if (l.n == 0) return;
    if (s->batch_by[0] && indented) {
        batch_add(s, &l);
        return;
    }
    batch_send(s);
    look_at_answer(s, &l);
    arena_reset(&s->w->arena);
    if (words_take(&l, "at")) line_at(s, &l);
    else if (words_take(&l, "party")) line_party(s, &l);
    else if (words_take(&l, "parameter")) line_parameter(s, &l);
    else if (words_take(&l, "expect")) expect_line(s->w, &l);
    else world_fail(s->w, "\"%s\" is not understood", l.word[0]);
}

void script_text(struct world *w, const char *text)
{
    static struct script s;
    static char lines[600][512]; /* a batch's lines and the texts in them stay until it is sent */
    size_t n = 0;
    memset(&s, 0, sizeof s);
    s.w = w;
    for (w->line = 1; *text; w->line++) {
        size_t len = strcspn(text, "\n");
        if (n == ARRAY_LEN(lines) || len >= sizeof lines[n]) world_fail(w, "too long");
        memcpy(lines[n], text, len);
        lines[n][len] = 0;
        run_line(&s, lines[n++]);
        text += len + (text[len] == '\n');
    }
    const struct words none = {.n = 0};
    batch_send(&s);
    look_at_answer(&s, &none);
}

void script_run(struct world *w, const char *path)
{
    static char text[65536];
    FILE *file = fopen(path, "r");
    if (!file) world_fail(w, "%s", strerror(errno));
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    if (len == sizeof text) world_fail(w, "over %zu bytes", sizeof text - 1);
    text[len] = 0;
    script_text(w, text);
}
