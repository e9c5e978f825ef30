/* Plausible orders; and what nobody should say. */
#include "tests/model/generate_internal.h"

/* ---- orders ---- */
static uint64_t some_price(struct generator *g)
{
    if (chance(g, 60) == 0) return chance(g, 100000);
    return chance(g, 8) == 0 ? 960 + chance(g, 80) : 995 + chance(g, 10);
}

static uint64_t some_units(struct generator *g)
{
    return chance(g, 20) == 0 ? 1 + chance(g, 60) : 1 + chance(g, 6);
}

static void fill_bid(struct generator *g, struct body_order *b, const struct model_listing *l, const struct model_party *p)
{
    static const char *const purposes[] = {"research", "research", "research", "training"};
    struct model *m = g->model;
    b->side = SIDE_BID;
    random_key(g, b->recipient);
    memcpy(b->terms_hash, l->terms_hash, 32);
    if (chance(g, 8) != 0) b->purpose = ONE_OF(purposes);
    if (chance(g, 80) == 0) memcpy(b->recipient, m->recipients[chance(g, m->n_recipients)].key, 32);
    if (chance(g, 3) == 0) {
        struct model_programme *prog = some_programme(g);
        for (size_t i = 0; i < m->n_given && prog != NULL; i++) { /* one it has something of */
            bool some = model_balance(m, p->number, m->given[i].programme, ACCOUNT_AVAILABLE) > 0;
            if (m->given[i].party == p->number && (some || chance(g, 20) == 0) && chance(g, 2) == 0) b->voucher = m->given[i].programme;
        }
        if (prog != NULL && chance(g, 12) == 0) b->voucher = prog->id;
    }
    if (chance(g, 40) == 0) b->quantity = 500 + chance(g, 600), b->price = 1010; /* sweeps the book */
}

static void fill_order(struct generator *g, struct body_order *b, const struct model_listing *l, const struct model_party *p,
                       bool bid)
{
    memset(b, 0, sizeof *b);
    b->listing = l->id, b->side = SIDE_ASK, b->price = some_price(g), b->quantity = some_units(g);
    uint64_t how = chance(g, 20);
    if (bid) fill_bid(g, b, l, p);
    if (how < 3) b->tif = TIF_GTD, b->expires_at = g->now + (chance(g, 20) == 0 ? chance(g, 3) : 1 + chance(g, 2 * g->scale));
    if (how == 3 || how == 4) b->tif = TIF_IOC;
    if (how == 5 || how == 6) b->tif = TIF_FOK;
    if (how == 7 && !b->tif) b->post_only = 1;
    if (how >= 18 && b->voucher == 0) {
        b->type = ORDER_MARKET, b->price = 0, b->tif = chance(g, 3) == 0 ? TIF_FOK : TIF_IOC;
        if (bid) b->budget = 1 + chance(g, b->quantity * 1100);
    }
    if (!bid && how == 8) b->unlimited = 1, b->quantity = 0;
    if (!bid && chance(g, 40) == 0) b->price = 985, b->quantity = b->unlimited ? 0 : 700;
}

/* Where there is something to trade, and by whom. */
static const struct model_listing *place_to_trade(struct generator *g, const struct model_party **p, bool *bid)
{
    const struct model_listing *l = listing_in(g, chance(g, 40) == 0 ? ~UINT64_C(0) : 1u << LISTING_OPEN, 0);
    if (chance(g, 2) == 0) { /* one book gets deep */
        for (size_t i = g->model->n_listings; i-- > 0;) {
            if (g->model->listings[i].state == LISTING_OPEN) l = &g->model->listings[i];
        }
    }
    if (l == NULL) return NULL;
    *bid = chance(g, 2) == 0;
    *p = *bid ? party_with(g, ROLE_BUYER) : model_party(g->model, l->vendor);
    if (*bid && *p != NULL && model_same_group(g->model, (*p)->number, l->vendor) && chance(g, 10) != 0) *p = party_with(g, ROLE_BUYER);
    if (chance(g, 50) == 0) *p = party_with(g, ROLE_VENDOR | ROLE_BUYER);
    return *p == NULL ? NULL : l;
}

bool say_order(struct generator *g, struct statement *s)
{
    const struct model_party *p;
    bool bid;
    BODY(order, b);
    const struct model_listing *l = place_to_trade(g, &p, &bid);
    if (l == NULL) return false;
    fill_order(g, b, l, p, bid);
    return say(g, s, KIND_ORDER, p->key, b);
}

bool say_batch(struct generator *g, struct statement *s)
{
    const struct model_party *p;
    bool bid, deep = chance(g, 4) == 0;
    BODY(order_batch, b);
    const struct model_listing *l = place_to_trade(g, &p, &bid);
    size_t n = deep ? 200 + chance(g, 57) : 1 + chance(g, chance(g, 4) == 0 ? 40 : 6);
    if (l == NULL) return false;
    struct body_order *orders = in_arena(g, n * sizeof *orders);
    for (size_t i = 0; i < n; i++) {
        fill_order(g, &orders[i], l, p, bid);
        if (deep && orders[i].side == SIDE_ASK && chance(g, 10) != 0) orders[i].tif = TIF_GTC, orders[i].expires_at = 0;
        if (deep) orders[i].purpose = BYTES(NULL, 0), orders[i].quantity = least(orders[i].quantity, 2);
        if (deep && orders[i].side == SIDE_BID && chance(g, 30) != 0) orders[i].price = least(orders[i].price, 997);
    }
    if (!deep && chance(g, 4) == 0) { /* both sides in one batch, as who is vendor and buyer may */
        for (size_t i = 0; i < n; i++) fill_order(g, &orders[i], l, p, chance(g, 2) == 0);
    }
    if (chance(g, 12) == 0) orders[chance(g, n)].quantity = 700;
    b->orders = (struct list){orders, n};
    return say(g, s, KIND_ORDER_BATCH, p->key, b);
}

bool say_cancel(struct generator *g, struct statement *s)
{
    const struct model_order *o = resting_order(g);
    BODY(cancel, b);
    if (o == NULL || chance(g, 15) == 0) {
        if (g->model->n_orders == 0) return false;
        o = &g->model->orders[chance(g, g->model->n_orders)];
    }
    b->order = o->id;
    return say(g, s, KIND_CANCEL, model_party(g->model, o->party)->key, b);
}

bool say_replace(struct generator *g, struct statement *s)
{
    const struct model_order *o = resting_order(g);
    BODY(replace, b);
    if (o == NULL || chance(g, 30) == 0) {
        if (g->model->n_orders == 0) return false;
        o = &g->model->orders[chance(g, g->model->n_orders)];
    }
    for (int tries = 0; tries < 6 && o->programme == 0 && chance(g, 3) == 0; tries++) {
        const struct model_order *other = resting_order(g);
        if (other != NULL) o = other;
    }
    b->order = o->id, b->price = o->price == 0 ? 1000 : o->price, b->quantity = o->left;
    uint64_t how = chance(g, 5);
    if (how == 0 && o->left > 1) b->quantity = 1 + chance(g, o->left - 1);
    if (how == 1 && !o->unlimited) b->quantity = o->left + chance(g, 5);
    if (how >= 2) b->price = some_price(g) + (chance(g, 10) == 0);
    if (how == 4 && !o->unlimited) b->quantity = 1 + chance(g, 2 * o->left + 2);
    return say(g, s, KIND_REPLACE, model_party(g->model, o->party)->key, b);
}

/* ---- what nobody should say ---- */
bool say_odd(struct generator *g, struct statement *s)
{
    const uint8_t *by = chance(g, 2) == 0 ? g->broker : any_party(g)->key;
    BODY(tick, tick);
    BODY(continue, go_on);
    BODY(drawn, drawn);
    BODY(new_keys, keys);
    BODY(enrol, enrol);
    BODY(stored, stored);
    BODY(verdict, verdict);
    BODY(genesis, genesis);
    struct operator_entry *operators = in_arena(g, 2 * sizeof *operators);
    for (size_t i = 0; i < 2; i++) {
        operators[i].name = BYTES_TEXT("again");
        random_key(g, operators[i].party), random_key(g, operators[i].seal_key), random_key(g, operators[i].wire_key);
    }
    genesis->name = genesis->origin = BYTES_TEXT("again"), genesis->rules = 1;
    random_key(g, genesis->log_key), random_key(g, genesis->wire_key), random_key(g, genesis->seal_key);
    genesis->operators = (struct list){operators, 2};
    go_on->work = 1 + chance(g, 5), go_on->subject = chance(g, 3000);
    drawn->listing = 1 + chance(g, 2000), random_key(g, drawn->root);
    random_key(g, keys->party), random_key(g, keys->seal_key), random_key(g, keys->wire_key);
    enrol->name = BYTES_TEXT("odd"), enrol->roles = ROLE_BUYER;
    random_key(g, enrol->seal_key), random_key(g, enrol->wire_key);
    stored->listing = 1 + chance(g, 2000);
    verdict->trade = 1 + chance(g, 2000), verdict->finding = 1 + chance(g, FINDING_SAMPLE_MISMATCH);
    const struct model_trade *disputed = trade_in(g, 1u << TRADE_DISPUTED);
    if (disputed != NULL) verdict->trade = disputed->id;
    if (chance(g, 3) == 0) tick->outage_ms = g->model->parameters[PARAM_OUTAGE_MS] + chance(g, 2);
    if (g->model->work != WORK_NONE && chance(g, 2) == 0) go_on->work = g->model->work, go_on->subject = g->model->subject;
    if (go_on->work == WORK_DRAW) go_on->work = WORK_MATCH;
    if (g->model->work == WORK_DRAW && chance(g, 2) == 0) drawn->listing = g->model->subject;
    if (g->model->n_listings > 0 && chance(g, 3) == 0) drawn->listing = g->model->listings[chance(g, g->model->n_listings)].id;
    switch (chance(g, 9)) {
    case 8: return say(g, s, KIND_VERDICT, chance(g, 4) == 0 ? g->broker : any_party(g)->key, verdict);
    case 6:
        say(g, s, KIND_GENESIS, by, genesis);
        if (chance(g, 2) == 0) memset(s->market, 0, 32);
        return true;
    case 0: return say(g, s, KIND_TICK, by, tick);
    case 1: return say(g, s, KIND_CONTINUE, by, go_on);
    case 2: return say(g, s, KIND_DRAWN, by, drawn);
    case 3: return say(g, s, KIND_NEW_KEYS, any_party(g)->key, keys);
    case 4: return say(g, s, KIND_ENROL, any_party(g)->key, enrol);
    case 5: return say(g, s, KIND_STORED, by, stored);
    default: /* what parties say, from the broker */
        if (!say_order(g, s)) return false;
        memcpy(s->party, g->broker, 32);
        return true;
    }
}

bool generate_odd(struct generator *g, struct statement *s)
{
    return say_odd(g, s);
}
