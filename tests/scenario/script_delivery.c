/*
 * The delivery of a scenario: what the market keeps, who may read a detail part, disputes and their verdicts; and what is
 * expected of them (README.md has the language).
 */
#include <stdlib.h>

#include "crypto/age.h"
#include "tests/scenario/script.h"

static void is(struct world *w, const char *what, uint64_t found, uint64_t expected)
{
    if (found != expected) world_fail(w, "%s is %llu, expected %llu", what, (unsigned long long)found,
                                      (unsigned long long)expected);
}

static void party_of(struct world *w, const char *who, uint64_t *number, struct row_party *row)
{
    world_check(w, party_by_key(world_view(w), identity_party(world_person(w, who)->id), number, row), who);
}

static void read_row(struct world *w, enum table table, uint64_t number, void *row)
{
    uint8_t key[8];
    key_u64(key, number);
    world_check(w, state_get(world_view(w), table, key, row), "reading a row");
}

/* ---- disputes ---- */

static void act_dispute(struct script *s, const char *who, struct words *l)
{
    struct body_dispute b = {.trade = symbol_get(s->w, 't', words_next(s->w, l, "a trade")), .evidence = {3}};
    say(s, who, KIND_DISPUTE, &b, l);
}

/* `finds FINDING on TRADE [in chunk N]` */
static void act_find(struct script *s, const char *who, struct words *l)
{
    struct world *w = s->w;
    struct body_verdict b = {.finding = name_value(w, names_finding, words_next(w, l, "a finding"))};
    words_demand(w, l, "on");
    b.trade = symbol_get(w, 't', words_next(w, l, "a trade"));
    if (words_take(l, "in")) words_demand(w, l, "chunk"), b.chunk = words_number(w, l);
    say(s, who, KIND_VERDICT, &b, l);
}

static bool waits_for_verdict(struct world *w, uint64_t trade)
{
    uint8_t key[8];
    key_u64(key, trade);
    enum tide_err err = state_get(world_view(w), TABLE_DISPUTE, key, NULL);
    if (err != TIDE_ENOTFOUND) world_check(w, err, "reading disputes");
    return err == TIDE_OK;
}

/* `dispute TRADE none | waits | found FINDING`; `now`: by the last statement */
static void expect_dispute(struct world *w, struct words *l)
{
    struct row_trade row;
    uint64_t trade = symbol_get(w, 't', words_next(w, l, "a trade"));
    read_row(w, TABLE_TRADE, trade, &row);
    bool none = words_take(l, "none"), waits = !none && words_take(l, "waits");
    is(w, "whether it waits for a verdict", waits_for_verdict(w, trade), waits);
    is(w, "whether it was disputed", row.dispute_record != 0, !none);
    is(w, "whether there is a verdict", row.verdict_record != 0, !none && !waits);
    if (none || waits) {
        is(w, "the finding", row.finding, FINDING_NONE);
        if (words_take(l, "now")) is(w, "the dispute's record", row.dispute_record, w->last.first_index);
        return;
    }
    words_demand(w, l, "found");
    is(w, "the finding", row.finding, name_value(w, names_finding, words_next(w, l, "a finding")));
    is(w, "what was left", row.left_ms, 0);
    if (words_take(l, "now")) is(w, "the verdict's record", row.verdict_record, w->last.first_index);
}

/* ---- detail parts ---- */

/* `discloses LISTING to PARTY [badly]` */
static void act_disclose(struct script *s, const char *who, struct words *l)
{
    struct world *w = s->w;
    const uint8_t file_key[AGE_FILE_KEY_BYTES] = {9};
    uint8_t grant[AGE_GRANT_BYTES];
    struct body_disclose b = {.listing = symbol_get(w, 'l', words_next(w, l, "a listing"))};
    words_demand(w, l, "to");
    const struct identity *reader = world_person(w, words_next(w, l, "a party"))->id;
    memcpy(b.party, identity_party(reader), 32);
    world_check(w, age_grant_seal(file_key, identity_seal_public(reader), grant), "sealing a grant");
    if (words_take(l, "badly")) grant[0] ^= 1;
    b.grant = BYTES(grant, sizeof grant);
    say(s, who, KIND_DISCLOSE, &b, l);
}

/* `disclosed LISTING to PARTY [now|before|never]` */
static void expect_disclosed(struct world *w, struct words *l)
{
    struct row_ref ref = {0};
    struct row_party party;
    uint64_t number, listing = symbol_get(w, 'l', words_next(w, l, "a listing"));
    uint8_t key[16];
    words_demand(w, l, "to");
    party_of(w, words_next(w, l, "a party"), &number, &party);
    key_u64_u64(key, listing, number);
    enum tide_err err = state_get(world_view(w), TABLE_DISCLOSED, key, &ref);
    if (err != TIDE_ENOTFOUND) world_check(w, err, "reading who may read");
    bool never = words_take(l, "never"), before = !never && words_take(l, "before");
    if (!never && !before) words_demand(w, l, "now");
    is(w, "whether it may read", err == TIDE_OK, !never);
    if (!never) is(w, "whether it was told so now", ref.index == w->last.first_index, !before);
}

/* ---- what is kept ---- */

/* `kept LISTING BYTES [for N open trades] [elsewhere]` */
static void expect_kept(struct world *w, struct words *l)
{
    struct row_listing row;
    read_row(w, TABLE_LISTING, symbol_get(w, 'l', words_next(w, l, "a listing")), &row);
    is(w, "what is kept of it", row.stored_bytes, words_number(w, l));
    if (words_take(l, "for")) is(w, "its open trades", row.n_open_trades, words_number(w, l));
    is(w, "whether it is elsewhere", row.elsewhere, words_take(l, "elsewhere"));
}

/* `kept-for PARTY BYTES` */
static void expect_kept_for(struct world *w, struct words *l)
{
    struct row_party row;
    uint64_t number;
    party_of(w, words_next(w, l, "a party"), &number, &row);
    is(w, "what is kept for it", row.stored_bytes, words_number(w, l));
}

bool act_on_delivery(struct script *s, const char *who, struct words *l)
{
    if (words_take(l, "disputes")) act_dispute(s, who, l);
    else if (words_take(l, "finds")) act_find(s, who, l);
    else if (words_take(l, "discloses")) act_disclose(s, who, l);
    else return false;
    return true;
}

bool expect_of_delivery(struct world *w, struct words *l)
{
    if (words_take(l, "dispute")) expect_dispute(w, l);
    else if (words_take(l, "disclosed")) expect_disclosed(w, l);
    else if (words_take(l, "kept")) expect_kept(w, l);
    else if (words_take(l, "kept-for")) expect_kept_for(w, l);
    else return false;
    if (!words_end(l)) world_fail(w, "\"%s\" is not understood", l->word[l->at]);
    return true;
}
