/*
 * The orders of a scenario: alone, many alike, batches, and changes (README.md has the language).
 */
#include <stdio.h>
#include <stdlib.h>

#include "crypto/hash.h"
#include "tests/scenario/script.h"

static void set_recipient(struct world *w, struct words *l, struct body_order *o)
{
    if (words_take(l, "low")) memset(o->recipient, 0, 32), o->recipient[0] = 1;
    else if (words_take(l, "none")) memset(o->recipient, 0, 32);
    else if (words_take(l, "registered")) memcpy(o->recipient, identity_seal_public(world_person(w, "op1")->id), 32);
    else {
        struct row_order row;
        uint8_t key[8];
        key_u64(key, symbol_get(w, 'o', words_next(w, l, "an order")));
        world_check(w, state_get(world_view(w), TABLE_ORDER, key, &row), "reading an order");
        memcpy(o->recipient, row.recipient, 32);
    }
}

static bool order_option(struct world *w, struct words *l, struct body_order *o, char *name)
{
    if (words_take(l, "as")) snprintf(name, WORLD_NAME_MAX, "%s", words_next(w, l, "a name"));
    else if (words_take(l, "for")) o->purpose = words_text(w, l, "a purpose");
    else if (words_take(l, "terms")) sha256(words_text(w, l, "terms"), o->terms_hash);
    else if (words_take(l, "recipient")) set_recipient(w, l, o);
    else if (words_take(l, "market")) o->type = ORDER_MARKET, o->price = 0;
    else if (words_take(l, "post-only")) o->post_only = 1;
    else if (words_take(l, "price")) o->price = words_money(w, l);
    else if (words_take(l, "budget")) o->budget = words_money(w, l);
    else if (words_take(l, "voucher")) o->voucher = symbol_get(w, 'v', words_next(w, l, "a programme"));
    else if (words_take(l, "until")) o->expires_at = words_time(w, l);
    else if (words_take(l, "unlimited")) o->unlimited = 1;
    else if (words_take(l, "gtd")) o->tif = TIF_GTD;
    else if (words_take(l, "ioc")) o->tif = TIF_IOC;
    else if (words_take(l, "fok")) o->tif = TIF_FOK;
    else return false;
    return true;
}

/* The terms of a listing as bids accept them: those it has. */
static void accept_terms(struct world *w, struct body_order *o)
{
    struct row_listing row;
    uint8_t key[8];
    key_u64(key, o->listing);
    if (state_get(world_view(w), TABLE_LISTING, key, &row) == TIDE_OK) memcpy(o->terms_hash, row.terms_hash, 32);
}

/* `[bids|asks] Q @ P on LISTING …` */
static void read_order(struct world *w, struct words *l, uint64_t side, struct body_order *o, char *name)
{
    memset(o, 0, sizeof *o);
    name[0] = 0;
    o->side = side;
    if (words_take(l, "unlimited")) o->unlimited = 1;
    else o->quantity = words_number(w, l);
    words_demand(w, l, "@");
    o->price = words_money(w, l);
    words_demand(w, l, "on");
    o->listing = symbol_get(w, 'l', words_next(w, l, "a listing"));
    if (side == SIDE_BID) accept_terms(w, o);
}

/* A bid's one-time recipient follows from the command id its statement will have. */
static void derive_recipient(struct world *w, const char *who, const struct manner *m, uint64_t item,
                             struct body_order *o)
{
    uint8_t id[16], secret[32];
    if (o->side != SIDE_BID) return;
    world_next_command(w, m, id);
    identity_bid_key(world_person(w, who)->id, id, item, secret, o->recipient);
}

void act_order(struct script *s, const char *who, uint64_t side, struct words *l)
{
    struct world *w = s->w;
    struct body_order o;
    struct manner m;
    char name[WORLD_NAME_MAX];
    uint64_t times = 1;
    size_t start = l->at;
    for (uint64_t i = 0; i < times; i++) {
        l->at = start;
        read_order(w, l, side, &o, name);
        derive_recipient(w, who, NULL, 0, &o);
        while (!words_end(l))
            if (words_take(l, "times")) times = words_number(w, l);
            else if (!order_option(w, l, &o, name)) break;
        read_manner(w, l, &m);
        if (i > 0) arena_reset(&w->arena);
        world_say(w, who, KIND_ORDER, &o, &m);
        s->answer_due = true;
        if (w->last.outcome == OUTCOME_OK && !w->last.repeated && name[0])
            symbol_set(w, 'o', name, w->last.first_index + 1);
        if (w->last.outcome != OUTCOME_OK && i + 1 < times) world_fail(w, "order %llu of them is refused: %s",
                                                                       (unsigned long long)i + 1,
                                                                       outcome_info(w->last.outcome)->name);
    }
}

/* `replaces ORDER with Q|unlimited @ P` */
void act_replace(struct script *s, const char *who, struct words *l)
{
    struct world *w = s->w;
    struct body_replace r = {.order = symbol_get(w, 'o', words_next(w, l, "an order"))};
    words_demand(w, l, "with");
    if (!words_take(l, "unlimited")) r.quantity = words_number(w, l);
    words_demand(w, l, "@");
    r.price = words_money(w, l);
    say(s, who, KIND_REPLACE, &r, l);
}

void batch_add(struct script *s, struct words *l)
{
    struct world *w = s->w;
    uint64_t side = words_take(l, "bids") ? SIDE_BID : SIDE_ASK;
    if (side == SIDE_ASK) words_demand(w, l, "asks");
    uint64_t times = 1;
    size_t start = l->at;
    for (uint64_t i = 0; i < times; i++) {
        if (s->n_batch == LIMIT_BATCH_ORDERS) world_fail(w, "more than %u orders", LIMIT_BATCH_ORDERS);
        struct body_order *o = &s->batch[s->n_batch];
        l->at = start;
        read_order(w, l, side, o, s->batch_names[s->n_batch]);
        derive_recipient(w, s->batch_by, &s->batch_manner, s->n_batch, o);
        while (!words_end(l))
            if (words_take(l, "times")) times = words_number(w, l);
            else if (!order_option(w, l, o, s->batch_names[s->n_batch])) world_fail(w, "what is %s?", l->word[l->at]);
        s->n_batch++;
    }
}

void batch_send(struct script *s)
{
    struct world *w = s->w;
    struct body_order_batch batch = {{s->batch, s->n_batch}};
    if (s->batch_by[0] == 0) return;
    world_say(w, s->batch_by, KIND_ORDER_BATCH, &batch, &s->batch_manner);
    for (size_t i = 0; i < w->last.n_items; i++)
        if (w->last.items[i].code == 0 && s->batch_names[i][0])
            symbol_set(w, 'o', s->batch_names[i], w->last.items[i].index);
    s->batch_by[0] = 0;
    s->answer_due = true;
}
