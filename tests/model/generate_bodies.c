/* What there is to speak of, and what is said when. */
#include "tests/model/generate_internal.h"

/* ---- whom and what there is ---- */
struct model_party *party_with(struct generator *g, uint64_t roles)
{
    struct model *m = g->model;
    struct model_party *found = NULL;
    for (size_t i = 0, n = 0; i < m->n_parties; i++) {
        struct model_party *p = &m->parties[i];
        if (!(p->roles & roles) || (p->state != PARTY_ACTIVE && chance(g, 30) != 0)) continue;
        if (chance(g, ++n) == 0) found = p;
    }
    return found;
}

struct model_party *any_party(struct generator *g)
{
    return &g->model->parties[chance(g, g->model->n_parties)];
}

struct model_listing *listing_in(struct generator *g, uint64_t states, uint64_t vendor)
{
    struct model *m = g->model;
    struct model_listing *found = NULL;
    for (size_t i = 0, n = 0; i < m->n_listings; i++) {
        struct model_listing *l = &m->listings[i];
        if (!(states >> l->state & 1) || (vendor != 0 && l->vendor != vendor)) continue;
        if (chance(g, ++n) == 0 || (i + 8 > m->n_listings && chance(g, 3) == 0)) found = l;
    }
    return found;
}

struct model_trade *trade_in(struct generator *g, uint64_t states)
{
    struct model *m = g->model;
    struct model_trade *found = NULL;
    for (size_t i = 0, n = 0; i < m->n_open; i++) {
        struct model_trade *t = &m->trades[m->open[i]];
        if ((states >> t->state & 1) && chance(g, ++n) == 0) found = t;
    }
    if (found == NULL && m->n_trades > 0 && chance(g, 4) == 0) found = &m->trades[chance(g, m->n_trades)];
    return found;
}

struct model_order *resting_order(struct generator *g)
{
    struct model *m = g->model;
    return m->n_resting == 0 ? NULL : &m->orders[m->resting[chance(g, m->n_resting)]];
}

struct model_programme *some_programme(struct generator *g)
{
    struct model *m = g->model;
    struct model_programme *found = NULL;
    for (size_t i = 0, n = 0; i < m->n_programmes; i++) {
        if (m->programmes[i].state == PROGRAMME_OPEN && chance(g, ++n) == 0) found = &m->programmes[i];
    }
    for (size_t i = 0; g->crowd && i < m->n_programmes; i++) { /* the one that lasts longest */
        if (m->programmes[i].state == PROGRAMME_OPEN && m->programmes[i].ends_at > found->ends_at) found = &m->programmes[i];
    }
    if (m->n_programmes > 0 && (chance(g, 30) == 0)) found = &m->programmes[chance(g, m->n_programmes)];
    return found;
}


/* Each gives false if there is nothing of the kind to say now. */
bool say(struct generator *g, struct statement *s, uint64_t kind, const uint8_t party[32], const void *body)
{
    *s = frame(g, kind, party, body);
    return true;
}

/* ---- which ---- */
struct sayable { unsigned weight; bool (*say)(struct generator *g, struct statement *s); };

static const struct sayable sayables[] = {
    {60, say_order}, {10, say_batch}, {8, say_cancel}, {18, say_replace}, {30, say_grant}, {16, say_accept}, {6, say_claim},
    {4, say_ruling}, {2, say_arbiter}, {6, say_publish}, {10, say_stored}, {10, say_review}, {8, say_sample}, {3, say_close},
    {2, say_halt}, {8, say_resume}, {12, say_deposit}, {5, say_withdraw}, {4, say_payout}, {2, say_programme}, {20, say_give},
    {1, say_suspend}, {2, say_reinstate}, {2, say_regroup}, {2, say_rekey}, {3, say_replace_keys}, {1, say_stop_rekey},
    {1, say_card}, {2, say_parameters}, {1, say_admit}, {10, say_dispute}, {6, say_verdict}, {4, say_disclose}, {2, say_odd}};

static bool anything_open(const struct model *m)
{
    for (size_t i = 0; i < m->n_programmes; i++) {
        if (m->programmes[i].state == PROGRAMME_OPEN && m->programmes[i].fund > 100000) return true;
    }
    return false;
}

/* In the beginning: parties, money, listings. */
static bool (*begin_with(struct generator *g))(struct generator *, struct statement *)
{
    const struct model *m = g->model;
    if (m->n_parties < 2 + n_wanted_roles() && g->step < 200) return say_admit;
    if (g->crowd && m->n_parties < 320 && g->step < 900) return say_admit;
    if (g->step < 60 || (g->crowd && g->step % 3 == 0)) return say_deposit;
    if (g->crowd && chance(g, 2) == 0) return anything_open(m) ? say_give : say_programme;
    if (m->n_listings < 8 && chance(g, 3) == 0) return say_publish;
    return NULL;
}

void generate_body(struct generator *g, struct statement *s)
{
    unsigned sum = 0;
    for (size_t i = 0; i < ARRAY_LEN(sayables); i++) sum += sayables[i].weight;
    if (g->story.stage == 0 && g->step > 300 && chance(g, g->stories) == 0) begin_story(g);
    if (g->story.stage != 0 && chance(g, 6) != 0 && go_on_with_story(g, s)) return;
    for (;;) {
        bool (*first)(struct generator *, struct statement *) = begin_with(g);
        if (first != NULL && first(g, s)) return;
        uint64_t pick = chance(g, sum);
        for (size_t i = 0; i < ARRAY_LEN(sayables); i++) {
            if (pick < sayables[i].weight) {
                if (sayables[i].say(g, s)) return;
                break;
            }
            pick -= sayables[i].weight;
        }
    }
}
