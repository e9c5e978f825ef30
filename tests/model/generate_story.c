/* A deep book, swept, and then closed, suspended or halted: what more than one record is needed for. */
#include "tests/model/generate_internal.h"

/* ---- a deep book, swept ---- */
static bool may_bid(struct generator *g, const struct model_party *p, const struct model_listing *l)
{
    if (!(p->roles & ROLE_BUYER) || p->state != PARTY_ACTIVE || model_same_group(g->model, p->number, l->vendor)) return false;
    return l->jurisdictions.len == 0 || model_word_in(l->jurisdictions, p->jurisdiction);
}

bool begin_story(struct generator *g)
{
    const struct model_listing *l = listing_in(g, 1u << LISTING_OPEN, 0);
    if (l == NULL || model_party(g->model, l->vendor)->state != PARTY_ACTIVE) return false;
    for (size_t i = 0; i < g->model->n_parties; i++) {
        if (!may_bid(g, &g->model->parties[i], l) || chance(g, 2) == 0) continue;
        g->story.stage = 1, g->story.listing = l->id, g->story.buyer = g->model->parties[i].number;
        g->story.what = chance(g, 0);
        return true;
    }
    return false;
}

static void story_order(struct generator *g, struct body_order *b, const struct model_listing *l, bool bid)
{
    memset(b, 0, sizeof *b);
    b->listing = l->id, b->side = bid ? SIDE_BID : SIDE_ASK, b->quantity = 1, b->price = 998 + chance(g, 4);
    if (!bid) return;
    random_key(g, b->recipient);
    memcpy(b->terms_hash, l->terms_hash, 32);
    size_t word = 0;
    while (word < l->purposes.len && l->purposes.data[word] != ' ') word++;
    b->purpose = BYTES(l->purposes.data, word);
}

static bool story_sweep(struct generator *g, struct statement *s, const struct model_listing *l, bool bid, const uint8_t *by)
{
    static const uint64_t quantities[] = {600, 512, 513, 256, 257, 255, 300, 700};
    BODY(order, b);
    story_order(g, b, l, bid);
    b->quantity = quantities[chance(g, ARRAY_LEN(quantities))], b->price = bid ? 1001 : 998;
    switch (chance(g, 6)) {
    case 0: b->tif = TIF_IOC; break;
    case 1: b->tif = TIF_FOK; break;
    case 2: b->type = ORDER_MARKET, b->price = 0, b->tif = chance(g, 3) == 0 ? TIF_FOK : TIF_IOC, b->budget = bid ? 500000 : 0; break;
    case 3: if (!bid) b->unlimited = 1, b->quantity = 0; break;
    default: break;
    }
    return say(g, s, KIND_ORDER, by, b);
}

static bool story_rest(struct generator *g, struct statement *s, const struct model_listing *l, bool bid, const uint8_t *by)
{
    BODY(order_batch, b);
    struct body_order *orders = in_arena(g, LIMIT_BATCH_ORDERS * sizeof *orders);
    size_t n = bid ? 180 + chance(g, 20) : 256;
    for (size_t i = 0; i < n; i++) story_order(g, &orders[i], l, bid);
    if (chance(g, 4) == 0) orders[chance(g, n)].tif = TIF_GTD, orders[0].expires_at = 0;
    b->orders = (struct list){orders, n};
    return say(g, s, KIND_ORDER_BATCH, by, b);
}

static bool story_end(struct generator *g, struct statement *s, const struct model_listing *l, const struct model_party *vendor)
{
    const struct model_party *op = party_with(g, ROLE_OPERATOR);
    BODY(halt, halt);
    BODY(close, close);
    BODY(suspend, suspend);
    if (op == NULL) return false;
    halt->listing = close->listing = l->id, halt->reason = suspend->reason = BYTES_TEXT("story");
    memcpy(suspend->party, vendor->key, 32);
    switch (g->story.what / 2 % 5) {
    case 0: g->story.stage = 0; return say(g, s, KIND_CLOSE, vendor->key, close);
    case 1: g->story.stage = 0; return say(g, s, KIND_SUSPEND, op->key, suspend);
    case 2: g->story.stage = 0; return false;
    default: g->jump = g->model->parameters[PARAM_GRANT_MS] + chance(g, 3); return say(g, s, KIND_HALT, op->key, halt);
    }
}

bool go_on_with_story(struct generator *g, struct statement *s)
{
    struct model *m = g->model;
    const struct model_listing *l = model_listing(m, g->story.listing);
    const struct model_party *vendor = model_party(m, l->vendor), *buyer = model_party(m, g->story.buyer);
    const struct model_party *bank = party_with(g, ROLE_BANK), *op = party_with(g, ROLE_OPERATOR);
    bool bids_rest = g->story.what % 2;
    const uint8_t *resting = bids_rest ? buyer->key : vendor->key, *sweeping = bids_rest ? vendor->key : buyer->key;
    BODY(deposit, deposit);
    BODY(resume, resume);
    BODY(close, close);
    deposit->amount = 3000000, deposit->reference = number_text(g, "S", g->n_ids++);
    memcpy(deposit->party, buyer->key, 32);
    resume->listing = close->listing = l->id;
    switch (g->story.stage++) {
    case 1: return bank != NULL && say(g, s, KIND_DEPOSIT, bank->key, deposit);
    case 2: case 3: case 4: return story_rest(g, s, l, bids_rest, resting);
    case 5: case 6: return story_sweep(g, s, l, !bids_rest, sweeping);
    case 7: return story_end(g, s, l, vendor);
    default:
        g->story.stage = 0;
        if (g->story.what / 10 % 3 == 0) return say(g, s, KIND_CLOSE, vendor->key, close);
        return op != NULL && say(g, s, KIND_RESUME, op->key, resume);
    }
}
