/* Plausible statements about trades: delivery, disputes, claims. */
#include "crypto/age.h"
#include "tests/model/generate_internal.h"

static void sign_settlement(struct generator *g, const struct model_trade *t, const uint8_t key[32], uint8_t signature[64])
{
    const struct keypair *pair = keypair_of(g, key);
    if (pair != NULL) sign_message(pair->secret, DOMAIN_NONE, model_settlement_text(g->model, t), signature);
}

/* 32 bytes as canonical base64 without padding. */
static uint8_t *put_base64(struct generator *g, uint8_t *at)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i < 42; i++) *at++ = (uint8_t)digits[chance(g, 64)];
    *at++ = (uint8_t)digits[4 * chance(g, 16)];
    *at++ = '\n';
    return at;
}

void put_grant(struct generator *g, uint8_t *at)
{
    memcpy(at, "age-encryption.org/v1\n-> X25519 ", 32);
    at = put_base64(g, at + 32);
    at = put_base64(g, at);
    memcpy(at, "--- ", 4);
    put_base64(g, at + 4);
}

bool say_grant(struct generator *g, struct statement *s)
{
    const struct model_trade *t = trade_in(g, chance(g, 20) == 0 ? ~UINT64_C(0) : 1u << TRADE_MATCHED);
    BODY(grant, b);
    for (size_t i = 0, n = 0, among = (chance(g, 3) == 0) * g->model->n_open; i < among; i++) { /* one with a voucher */
        const struct model_trade *other = &g->model->trades[g->model->open[i]];
        if (other->state == TRADE_MATCHED && other->voucher > 0 && chance(g, ++n) == 0) t = other;
    }
    if (t == NULL) return false;
    const struct model_listing *l = model_listing(g->model, t->listing);
    uint8_t *grant = in_arena(g, 6000);
    size_t len = AGE_GRANT_BYTES;
    put_grant(g, grant);
    if (l->kind == LISTING_API || l->kind == LISTING_COMPUTE) len += 32 + chance(g, chance(g, 4) == 0 ? 4098 : 100);
    b->trade = t->id, b->grant = BYTES(grant, len);
    const struct model_party *p = model_party(g->model, t->vendor);
    sign_settlement(g, t, p->key, b->signature);
    return say(g, s, KIND_GRANT, p->key, b);
}

bool say_accept(struct generator *g, struct statement *s)
{
    const struct model_trade *t = trade_in(g, chance(g, 20) == 0 ? ~UINT64_C(0) : 1u << TRADE_GRANTED);
    BODY(accept, b);
    if (t == NULL) return false;
    const struct model_party *p = model_party(g->model, t->buyer);
    b->trade = t->id;
    sign_settlement(g, t, p->key, b->signature);
    return say(g, s, KIND_ACCEPT, p->key, b);
}

bool say_claim(struct generator *g, struct statement *s)
{
    const struct model_trade *t = trade_in(g, chance(g, 20) == 0 ? ~UINT64_C(0) : 1u << TRADE_GRANTED);
    BODY(claim, b);
    if (t == NULL) return false;
    b->trade = t->id, random_key(g, b->reasons);
    return say(g, s, KIND_CLAIM, model_party(g->model, t->buyer)->key, b);
}

/* ---- disputes ---- */
static bool stands_still(struct generator *g, const struct model_trade *t)
{
    return t->parked || g->model->halted || model_listing(g->model, t->listing)->state == LISTING_HALTED;
}

/* One of those that are granted: sometimes one in a halt, sometimes one that was disputed before. */
static const struct model_trade *trade_to_dispute(struct generator *g)
{
    const struct model_trade *found = NULL;
    bool halted = chance(g, 2) == 0, again = chance(g, 6) == 0;
    if (chance(g, 20) == 0) return trade_in(g, ~UINT64_C(0));
    for (size_t i = 0, n = 0; i < g->model->n_open; i++) {
        const struct model_trade *t = &g->model->trades[g->model->open[i]];
        if (t->state != TRADE_GRANTED || (again && t->dispute_record == 0) || (halted && !stands_still(g, t))) continue;
        if (chance(g, ++n) == 0 || ((t->parked || t->voucher > 0) && chance(g, 3) == 0)) found = t;
    }
    return found != NULL ? found : trade_in(g, 1u << TRADE_GRANTED);
}

bool say_dispute(struct generator *g, struct statement *s)
{
    const struct model_trade *t = trade_to_dispute(g);
    BODY(dispute, b);
    if (t == NULL) return false;
    b->trade = t->id, random_key(g, b->evidence);
    return say(g, s, KIND_DISPUTE, model_party(g->model, t->buyer)->key, b);
}

bool say_verdict(struct generator *g, struct statement *s)
{
    const struct model_trade *t = trade_in(g, chance(g, 20) == 0 ? ~UINT64_C(0) : 1u << TRADE_DISPUTED);
    BODY(verdict, b);
    if (t == NULL) return false;
    b->trade = t->id, b->finding = 1 + chance(g, FINDING_SAMPLE_MISMATCH), b->chunk = chance(g, 2) * chance(g, 1000);
    return say(g, s, KIND_VERDICT, g->broker, b);
}

/* ---- claims ---- */
bool say_ruling(struct generator *g, struct statement *s)
{
    const struct model_trade *t = trade_in(g, chance(g, 20) == 0 ? ~UINT64_C(0) : 1u << TRADE_CLAIMED);
    BODY(ruling, b);
    if (t == NULL) return false;
    const struct model_party *p = t->arbiter == 0 || chance(g, 10) == 0 ? party_with(g, ROLE_ARBITER) : model_party(g->model, t->arbiter);
    b->trade = t->id, random_key(g, b->reasons), b->ruling = chance(g, 2);
    return p != NULL && say(g, s, KIND_RULING, p->key, b);
}

bool say_arbiter(struct generator *g, struct statement *s)
{
    const struct model_trade *t = trade_in(g, 1u << TRADE_CLAIMED);
    const struct model_party *op = party_with(g, ROLE_OPERATOR), *p = party_with(g, ROLE_ARBITER);
    BODY(arbiter, b);
    for (int tries = 0; tries < 4 && t != NULL && !t->overdue; tries++) t = trade_in(g, 1u << TRADE_CLAIMED);
    for (size_t i = 0, among = chance(g, 2) * g->model->n_open; i < among; i++) { /* one whose arbiter is suspended */
        const struct model_trade *other = &g->model->trades[g->model->open[i]];
        if (other->state == TRADE_CLAIMED && model_party(g->model, other->arbiter)->state == PARTY_SUSPENDED) t = other;
    }
    if (t == NULL || op == NULL || p == NULL) return false;
    b->trade = t->id;
    memcpy(b->arbiter, p->key, 32);
    return say(g, s, KIND_ARBITER, op->key, b);
}

/* Of a trade whose deadline has passed, but no tick has said so. */
bool generate_late(struct generator *g, struct statement *s)
{
    const struct model_trade *t = NULL;
    for (size_t i = 0, n = 0; i < g->model->n_open; i++) {
        const struct model_trade *other = &g->model->trades[g->model->open[i]];
        if (other->deadline == GRANT_DEADLINE || other->deadline == ACCEPT_DEADLINE)
            if (model_listing_clock(g->model, model_listing(g->model, other->listing), g->now) >= other->due && chance(g, ++n) == 0) t = other;
    }
    if (t == NULL) return false;
    BODY(grant, grant);
    BODY(accept, accept);
    BODY(claim, claim);
    BODY(dispute, dispute);
    grant->trade = accept->trade = claim->trade = dispute->trade = t->id, dispute->evidence[0] = 1;
    grant->grant = BYTES_TEXT("late"), grant->signature[0] = accept->signature[0] = claim->reasons[0] = 1;
    const uint8_t *vendor = model_party(g->model, t->vendor)->key, *buyer = model_party(g->model, t->buyer)->key;
    if (t->deadline == GRANT_DEADLINE) return say(g, s, KIND_GRANT, vendor, grant);
    switch (chance(g, 3)) {
    case 0: return say(g, s, KIND_DISPUTE, buyer, dispute);
    case 1: return say(g, s, KIND_CLAIM, buyer, claim);
    default: return say(g, s, KIND_ACCEPT, buyer, accept);
    }
}
