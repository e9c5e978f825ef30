/*
 * The money of a scenario: the bank, vouchers, claims; and what is expected of them (README.md has the language).
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/scenario/script.h"

static void take_party(struct world *w, struct words *l, uint8_t key[32])
{
    memcpy(key, identity_party(world_person(w, words_next(w, l, "a party"))->id), 32);
}

/* `as NAME`: what the statement's first event is called from now on, if it was accepted. */
static void take_name(struct world *w, struct words *l, char name[WORLD_NAME_MAX])
{
    name[0] = 0;
    if (words_take(l, "as")) snprintf(name, WORLD_NAME_MAX, "%s", words_next(w, l, "a name"));
}

static void give_name(struct world *w, char kind, const char *name)
{
    if (name[0] && w->last.outcome == OUTCOME_OK && !w->last.repeated)
        symbol_set(w, kind, name, w->last.first_index + 1);
}

/* ---- the bank ---- */

/* `withdraws 10.00 [to "…"] [as W]`; `^` in the destination is a control character */
static void act_withdraw(struct script *s, const char *who, struct words *l)
{
    struct world *w = s->w;
    char name[WORLD_NAME_MAX], destination[129] = "the account agreed upon";
    struct body_withdraw b = {.amount = words_money(w, l)};
    if (words_take(l, "to")) snprintf(destination, sizeof destination, "%s", words_next(w, l, "a destination"));
    for (char *c = destination; *c; c++)
        if (*c == '^') *c = '\x1b';
    b.destination = BYTES_TEXT(destination);
    take_name(w, l, name);
    say(s, who, KIND_WITHDRAW, &b, l);
    give_name(w, 'w', name);
}

/* `pays W reference R`, `bounces W reference R` */
static void act_payout(struct script *s, const char *who, uint64_t result, struct words *l)
{
    struct world *w = s->w;
    struct body_payout b = {.result = result};
    b.withdrawal = symbol_get(w, 'w', words_next(w, l, "a withdrawal"));
    words_demand(w, l, "reference");
    b.reference = words_text(w, l, "a reference");
    say(s, who, KIND_PAYOUT, &b, l);
}

/* ---- vouchers ---- */

/* `funds V 1000.00 share BP top P cap P until TIME [for KIND…] [named "…"]` */
static void act_programme(struct script *s, const char *who, struct words *l)
{
    struct world *w = s->w;
    const char *name = words_next(w, l, "a name");
    char title[LIMIT_NAME_BYTES + 1];
    struct body_programme b = {.fund = words_money(w, l), .kinds = LISTING_KINDS_ALL};
    snprintf(title, sizeof title, "Programme %s", name);
    words_demand(w, l, "share");
    b.share_bp = words_number(w, l);
    words_demand(w, l, "top");
    b.top_price = words_money(w, l);
    words_demand(w, l, "cap");
    b.cap_party = words_money(w, l);
    words_demand(w, l, "until");
    b.ends_at = words_time(w, l);
    for (;;) {
        if (words_take(l, "for")) b.kinds = UINT64_C(1) << name_value(w, names_listing_kind, words_next(w, l, "a kind"));
        else if (words_take(l, "named")) snprintf(title, sizeof title, "%s", words_next(w, l, "a name"));
        else break;
    }
    for (char *c = title; *c; c++)
        if (*c == '^') *c = '\x1b';
    b.name = BYTES_TEXT(title);
    say(s, who, KIND_PROGRAMME, &b, l);
    give_name(w, 'v', name);
}

/* `gives 10.00 of V to P [times N]`: to P1 … PN */
static void act_give(struct script *s, const char *who, struct words *l)
{
    struct world *w = s->w;
    struct body_give b = {.amount = words_money(w, l)};
    uint64_t times = 1;
    words_demand(w, l, "of");
    b.programme = symbol_get(w, 'v', words_next(w, l, "a programme"));
    words_demand(w, l, "to");
    const char *to = words_next(w, l, "a party");
    bool many = words_take(l, "times");
    if (many) times = words_number(w, l);
    size_t manner_at = l->at;
    for (uint64_t i = 1; i <= times; i++) {
        char name[WORLD_NAME_MAX];
        if (many) snprintf(name, sizeof name, "%.30s%llu", to, (unsigned long long)i);
        else snprintf(name, sizeof name, "%s", to);
        memcpy(b.party, identity_party(world_person(w, name)->id), 32);
        l->at = manner_at;
        if (i > 1) arena_reset(&w->arena);
        say(s, who, KIND_GIVE, &b, l);
        if (w->last.outcome != OUTCOME_OK && i < times) world_fail(w, "giving to %s is refused", name);
    }
}

/* ---- claims ---- */

static void act_claim(struct script *s, const char *who, struct words *l)
{
    struct body_claim b = {.trade = symbol_get(s->w, 't', words_next(s->w, l, "a trade")), .reasons = {1}};
    say(s, who, KIND_CLAIM, &b, l);
}

/* `rules settle|refund on T` */
static void act_rule(struct script *s, const char *who, struct words *l)
{
    struct world *w = s->w;
    struct body_ruling b = {.ruling = name_value(w, names_ruling, words_next(w, l, "a ruling")), .reasons = {2}};
    words_demand(w, l, "on");
    b.trade = symbol_get(w, 't', words_next(w, l, "a trade"));
    say(s, who, KIND_RULING, &b, l);
}

/* `names P on T` */
static void act_name(struct script *s, const char *who, struct words *l)
{
    struct body_arbiter b = {0};
    take_party(s->w, l, b.arbiter);
    words_demand(s->w, l, "on");
    b.trade = symbol_get(s->w, 't', words_next(s->w, l, "a trade"));
    say(s, who, KIND_ARBITER, &b, l);
}

bool act_on_money(struct script *s, const char *who, struct words *l)
{
    if (words_take(l, "withdraws")) act_withdraw(s, who, l);
    else if (words_take(l, "pays")) act_payout(s, who, PAYOUT_PAID, l);
    else if (words_take(l, "bounces")) act_payout(s, who, PAYOUT_RETURNED, l);
    else if (words_take(l, "funds")) act_programme(s, who, l);
    else if (words_take(l, "gives")) act_give(s, who, l);
    else if (words_take(l, "claims")) act_claim(s, who, l);
    else if (words_take(l, "rules")) act_rule(s, who, l);
    else if (words_take(l, "names")) act_name(s, who, l);
    else return false;
    return true;
}

/* ---- what is expected ---- */

static void is(struct world *w, const char *what, uint64_t found, uint64_t expected)
{
    if (found != expected) world_fail(w, "%s is %llu, expected %llu", what, (unsigned long long)found,
                                      (unsigned long long)expected);
}

static void is_named(struct world *w, const char *what, const char *found, const char *expected)
{
    if (strcmp(found, expected) != 0) world_fail(w, "%s is %s, expected %s", what, found, expected);
}

static void read_row(struct world *w, enum table table, uint64_t number, void *row)
{
    uint8_t key[8];
    key_u64(key, number);
    world_check(w, state_get(world_view(w), table, key, row), "reading a row");
}

static uint64_t number_of(struct world *w, const char *who)
{
    struct row_party row;
    uint64_t number = 0;
    if (strcmp(who, "market") == 0) return 0;
    world_check(w, party_by_key(world_view(w), identity_party(world_person(w, who)->id), &number, &row), who);
    return number;
}

/* `entry P [of V] gains|loses 1.00 has 5.00 by KIND`: the newest; `entries P [of V] N`: how many */
static void expect_entry(struct world *w, bool newest, struct words *l)
{
    struct row_entry row;
    uint8_t key[24];
    uint64_t party = number_of(w, words_next(w, l, "a party")), asset = 0, n = 0;
    if (words_take(l, "of")) asset = symbol_get(w, 'v', words_next(w, l, "a programme"));
    be64_put(key, party);
    be64_put(key + 8, asset);
    be64_put(key + 16, newest ? UINT64_MAX : 0);
    if (newest) {
        world_check(w, state_prev(world_view(w), TABLE_ENTRY, key, 16, false, &row), "the newest entry");
        bool gains = words_take(l, "gains");
        if (!gains) words_demand(w, l, "loses");
        is(w, "what it changed by", (uint64_t)(gains ? row.amount : -row.amount), words_money(w, l));
        words_demand(w, l, "has");
        is(w, "what there is", row.balance, words_money(w, l));
        words_demand(w, l, "by");
        is_named(w, "the entry", schema_of_kind(row.kind)->name, words_next(w, l, "a kind"));
        return;
    }
    enum tide_err err;
    for (; !(err = state_next(world_view(w), TABLE_ENTRY, key, 16, n > 0, &row)); n++) continue;
    if (err != TIDE_ENOTFOUND) world_check(w, err, "reading entries");
    is(w, "the number of entries", n, words_number(w, l));
}

/* `claim T by P [overdue] [bond B]` */
static void expect_claim(struct world *w, struct words *l)
{
    struct row_trade row;
    read_row(w, TABLE_TRADE, symbol_get(w, 't', words_next(w, l, "a trade")), &row);
    is(w, "its state", row.state, TRADE_CLAIMED);
    words_demand(w, l, "by");
    is(w, "the arbiter", row.arbiter, number_of(w, words_next(w, l, "a party")));
    is(w, "overdue", row.overdue, words_take(l, "overdue"));
    if (words_take(l, "bond")) is(w, "the bond", row.bond, words_money(w, l));
}

/* `marks P settled N missed N faults N unproven N` */
static void expect_marks(struct world *w, struct words *l)
{
    struct row_party row;
    read_row(w, TABLE_PARTY, number_of(w, words_next(w, l, "a party")), &row);
    while (!words_end(l)) {
        if (words_take(l, "settled")) is(w, "settled", row.settled, words_number(w, l));
        else if (words_take(l, "missed")) is(w, "missed", row.missed, words_number(w, l));
        else if (words_take(l, "faults")) is(w, "faults", row.faults, words_number(w, l));
        else if (words_take(l, "unproven")) is(w, "unproven", row.unproven, words_number(w, l));
        else return;
    }
}

/* `text T has "…"`: a line of the settlement text */
static void expect_text(struct world *w, struct words *l)
{
    struct row_trade row;
    struct bytes text;
    uint64_t trade = symbol_get(w, 't', words_next(w, l, "a trade"));
    char line[200];
    read_row(w, TABLE_TRADE, trade, &row);
    world_check(w, settlement_text(world_view(w), trade, &row, &w->arena, &text), "the settlement text");
    words_demand(w, l, "has");
    int len = snprintf(line, sizeof line, "\n%s\n", words_next(w, l, "a line"));
    if (!memmem(text.data, text.len, line, (size_t)len))
        world_fail(w, "the text is\n%.*s", (int)text.len, (const char *)text.data);
}

bool expect_of_money(struct world *w, struct words *l)
{
    if (words_take(l, "entry")) expect_entry(w, true, l);
    else if (words_take(l, "entries")) expect_entry(w, false, l);
    else if (words_take(l, "claim")) expect_claim(w, l);
    else if (words_take(l, "marks")) expect_marks(w, l);
    else if (words_take(l, "text")) expect_text(w, l);
    else if (words_take(l, "withdrawal")) {
        struct row_withdrawal row;
        read_row(w, TABLE_WITHDRAWAL, symbol_get(w, 'w', words_next(w, l, "a withdrawal")), &row);
        is_named(w, "the withdrawal", names_withdrawal_state[row.state], words_next(w, l, "a state"));
    } else if (words_take(l, "programme")) {
        struct row_programme row;
        read_row(w, TABLE_PROGRAMME, symbol_get(w, 'v', words_next(w, l, "a programme")), &row);
        is_named(w, "the programme", names_programme_state[row.state], words_next(w, l, "a state"));
    } else return false;
    return true;
}
