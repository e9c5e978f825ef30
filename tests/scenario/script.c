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

/* ---- listings ---- */

static void hash_of(const char *what, const char *name, uint8_t out[32])
{
    const struct bytes parts[] = {BYTES_TEXT(what), BYTES_TEXT(name)};
    sha256_parts(parts, ARRAY_LEN(parts), out);
}

static void set_content(struct body_publish *p, const char *name)
{
    uint8_t nonce[32];
    if (p->kind == LISTING_API || p->kind == LISTING_COMPUTE) return;
    p->plaintext_len = 100000;
    hash_of("nonce", name, nonce);
    memcpy(p->nonce, nonce, 16);
    hash_of("root", name, p->content_root);
    hash_of("key", name, p->key_commitment);
}

static bool listing_option(struct world *w, struct words *l, struct body_publish *p)
{
    if (words_take(l, "class")) p->class = name_value(w, names_class, words_next(w, l, "a class"));
    else if (words_take(l, "assessed")) hash_of("assessment", "", p->assessment);
    else if (words_take(l, "personal")) p->personal_data = 1;
    else if (words_take(l, "basis")) p->legal_basis = words_text(w, l, "a basis");
    else if (words_take(l, "without-right")) memset(p->right_operating, 0, 32);
    else if (words_take(l, "in")) p->jurisdictions = words_text(w, l, "jurisdictions");
    else if (words_take(l, "for")) p->purposes = words_text(w, l, "purposes");
    else if (words_take(l, "terms")) p->terms = words_text(w, l, "terms");
    else if (words_take(l, "revising")) p->revises = symbol_get(w, 'l', words_next(w, l, "a listing"));
    else if (words_take(l, "bytes")) p->plaintext_len = words_number(w, l);
    else if (words_take(l, "chunks")) p->n_chunks = words_number(w, l);
    else if (words_take(l, "payload")) p->payload_len = words_number(w, l);
    else if (words_take(l, "without-content")) p->plaintext_len = 0, memset(p->nonce, 0, 16);
    else if (words_take(l, "key-of")) hash_of("key", words_next(w, l, "a listing"), p->key_commitment);
    else return false;
    return true;
}

static void act_list(struct script *s, const char *who, struct words *l)
{
    struct world *w = s->w;
    struct body_publish p = {0};
    const char *name = words_next(w, l, "a name");
    static char title[LIMIT_TITLE_BYTES + 1];
    snprintf(title, sizeof title, "%s", words_next(w, l, "a title"));
    for (char *c = title; *c; c++)
        if (*c == '^') *c = '\x1b'; /* how a script writes a control character */
    p.title = BYTES_TEXT(title);
    p.terms = BYTES_TEXT("the usual terms");
    if (words_take(l, "a")) p.kind = name_value(w, names_listing_kind, words_next(w, l, "a kind"));
    hash_of("right", who, p.right_operating);
    set_content(&p, name);
    while (!words_end(l) && listing_option(w, l, &p)) continue;
    if (p.plaintext_len > 0 && p.n_chunks == 0) p.n_chunks = age_n_chunks(p.plaintext_len);
    if (p.plaintext_len > 0 && p.payload_len == 0) p.payload_len = age_payload_len(p.plaintext_len);
    say(s, who, KIND_PUBLISH, &p, l);
    if (w->last.outcome == OUTCOME_OK && !w->last.repeated) symbol_set(w, 'l', name, w->last.first_index + 1);
}

static void act_review(struct script *s, const char *who, uint64_t verdict, struct words *l)
{
    struct world *w = s->w;
    struct body_review r = {.verdict = verdict};
    r.listing = symbol_get(w, 'l', words_next(w, l, "a listing"));
    if (words_take(l, "because")) r.reasons = words_text(w, l, "reasons");
    say(s, who, KIND_REVIEW, &r, l);
}

static void act_on_listing(struct script *s, const char *who, uint64_t kind, struct words *l)
{
    uint64_t listing = symbol_get(s->w, 'l', words_next(s->w, l, "a listing"));
    const struct body_stored stored = {listing};
    const struct body_close closed = {listing};
    say(s, who, kind, kind == KIND_STORED ? (const void *)&stored : &closed, l);
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
    else if (words_take(l, "lists")) act_list(s, who, l);
    else if (words_take(l, "stores")) act_on_listing(s, who, KIND_STORED, l);
    else if (words_take(l, "approves")) act_review(s, who, REVIEW_APPROVE, l);
    else if (words_take(l, "refuses")) act_review(s, who, REVIEW_REFUSE, l);
    else if (words_take(l, "closes")) act_on_listing(s, who, KIND_CLOSE, l);
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
    while (!words_end(l)) {
        if (words_take(l, "group")) group = words_next(w, l, "a group");
        else if (words_take(l, "in")) jurisdiction = words_next(w, l, "a jurisdiction");
        else world_fail(w, "\"%s\" is not understood", l->word[l->at]);
    }
    world_open(w);
    world_admit(w, name, roles, group, jurisdiction);
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
