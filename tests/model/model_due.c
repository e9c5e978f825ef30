/*
 * Clocks, ticks, continues (docs/market.md, "Time"). Two clocks stand still when deadlines do: the market's in halts
 * of the market and outages, a listing's in its halts, too.
 */
#include "storage/rows.h"
#include "tests/model/model_internal.h"

uint64_t model_market_clock(const struct model *m, uint64_t now)
{
    return (m->halted ? m->halted_at : now) - m->shift_ms;
}

uint64_t model_listing_clock(const struct model *m, const struct model_listing *l, uint64_t now)
{
    return (l->state == LISTING_HALTED ? l->halted_at : model_market_clock(m, now)) - l->halted_ms;
}

void model_set_deadline(struct model *m, struct model_trade *t, enum model_deadline which, uint64_t ms)
{
    t->deadline = which, t->parked = false;
    t->due = model_listing_clock(m, model_listing(m, t->listing), m->now) + ms;
    t->looked_at = model_market_clock(m, m->now) + ms;
}

/* ---- what is due ---- */
enum due_class { DUE_GRANTS = 1, DUE_ACCEPTANCES, DUE_CLAIMS, DUE_EXPIRIES, DUE_KEYS, DUE_ENDS, DUE_UNLOCKED };
struct due_thing { uint64_t class, time, number; };

static bool is_before(const struct due_thing *a, const struct due_thing *b)
{
    if (a->class != b->class) return a->class < b->class;
    if (a->time != b->time) return a->time < b->time;
    return a->number < b->number;
}

static void offer(struct due_thing *first, uint64_t class, uint64_t time, uint64_t clock, uint64_t number)
{
    struct due_thing thing = {class, time, number};
    if (time <= clock && (first->class == 0 || is_before(&thing, first))) *first = thing;
}

/* Trades that will never be due again leave the list. */
static void forget_ended(struct model *m)
{
    for (size_t i = 0; i < m->n_open; i++) {
        const struct model_trade *t = &m->trades[m->open[i]];
        if (t->deadline == NO_DEADLINE && t->locked == 0 && t->state >= TRADE_SETTLED) m->open[i--] = m->open[--m->n_open];
    }
}

/* class 0: nothing is due. */
static struct due_thing first_due(struct model *m, uint64_t now)
{
    struct due_thing first = {0};
    forget_ended(m);
    for (size_t i = 0; i < m->n_open; i++) {
        const struct model_trade *t = &m->trades[m->open[i]];
        if (t->deadline != NO_DEADLINE && !t->parked && !m->halted)
            offer(&first, t->deadline, t->looked_at, model_market_clock(m, now), t->id);
        if (t->locked > 0) offer(&first, DUE_UNLOCKED, t->unlock_at, now, t->id);
    }
    for (size_t i = 0; i < m->n_resting; i++) {
        const struct model_order *o = &m->orders[m->resting[i]];
        if (o->tif == TIF_GTD) offer(&first, DUE_EXPIRIES, o->expires_at, now, o->id);
    }
    for (size_t i = 0; i < m->n_parties; i++) {
        const struct model_party *p = &m->parties[i];
        if (p->announced) offer(&first, DUE_KEYS, p->effective_at, now, p->number);
    }
    for (size_t i = 0; i < m->n_programmes; i++) {
        const struct model_programme *g = &m->programmes[i];
        if (g->state == PROGRAMME_OPEN) offer(&first, DUE_ENDS, g->ends_at, now, g->id);
    }
    return first;
}

enum model_due model_due(struct model *m, uint64_t now_ms)
{
    if (m->work == WORK_DRAW) return MODEL_DRAW;
    if (m->work != WORK_NONE) return MODEL_CONTINUE;
    return first_due(m, now_ms).class != 0 ? MODEL_TICK : MODEL_NOTHING;
}

uint64_t model_next_due(struct model *m, uint64_t now_ms)
{
    uint64_t next = UINT64_MAX;
    forget_ended(m);
    for (size_t i = 0; i < m->n_open; i++) {
        const struct model_trade *t = &m->trades[m->open[i]];
        if (t->deadline != NO_DEADLINE && !t->parked && !m->halted)
            next = least(next, now_ms + (t->looked_at - model_market_clock(m, now_ms)));
        if (t->locked > 0) next = least(next, t->unlock_at);
    }
    for (size_t i = 0; i < m->n_resting; i++) {
        if (m->orders[m->resting[i]].tif == TIF_GTD) next = least(next, m->orders[m->resting[i]].expires_at);
    }
    for (size_t i = 0; i < m->n_parties; i++) {
        if (m->parties[i].announced) next = least(next, m->parties[i].effective_at);
    }
    for (size_t i = 0; i < m->n_programmes; i++) {
        if (m->programmes[i].state == PROGRAMME_OPEN) next = least(next, m->programmes[i].ends_at);
    }
    return next;
}

/* ---- what happens then ---- */
/* To the time it now has; one that has passed since (a `continue` came late) is due now. */
static void defer(struct model *m, struct model_trade *t)
{
    uint64_t clock = model_listing_clock(m, model_listing(m, t->listing), m->now), rest = t->due > clock ? t->due - clock : 0;
    struct body_deferred event = {.trade = t->id, .due = m->now + rest};
    t->parked = false;
    t->due = clock + rest;
    t->looked_at = model_market_clock(m, m->now) + rest;
    EMIT(m, DEFERRED, event);
    model_touch(m, TABLE_TRADE, t->id, 0);
}

static void deadline_came(struct model *m, struct model_trade *t)
{
    const struct model_listing *l = model_listing(m, t->listing);
    if (l->state == LISTING_HALTED) {
        struct body_deferred event = {.trade = t->id};
        EMIT(m, DEFERRED, event);
        t->parked = true;
        model_touch(m, TABLE_TRADE, t->id, 0);
    } else if (model_listing_clock(m, l, m->now) < t->due)
        defer(m, t);
    else if (t->deadline == GRANT_DEADLINE)
        model_end_trade(m, t, false, BASIS_DEADLINE);
    else if (t->deadline == ACCEPT_DEADLINE)
        model_end_trade(m, t, true, BASIS_DEADLINE);
    else {
        struct body_overdue event = {.trade = t->id};
        model_party_key(m, t->arbiter, event.arbiter);
        EMIT(m, OVERDUE, event);
        t->overdue = true, t->deadline = NO_DEADLINE;
        model_touch(m, TABLE_TRADE, t->id, 0);
    }
}

void model_unpark(struct model *m, uint64_t listing)
{
    for (size_t i = 0; i < m->n_trades; i++) {
        if (m->trades[i].listing != listing || !m->trades[i].parked) continue;
        if (m->budget == 0) {
            model_say_sliced(m, WORK_RESUME_LISTING, listing);
            return;
        }
        m->budget--;
        defer(m, &m->trades[i]);
    }
}

static void key_change_came(struct model *m, struct model_party *p)
{
    if (model_keys_are_new(m, p->next_key, p->next_wire_key, p->next_seal_key)) {
        model_take_new_keys(m, p);
        return;
    }
    struct body_rekey_stopped event = {0};
    COPY(event.party, p->key);
    EMIT(m, REKEY_STOPPED, event);
    p->announced = false;
    model_touch(m, TABLE_REKEY, p->number, 0);
}

static void programme_ended(struct model *m, struct model_programme *g)
{
    struct body_programme_closed event = {.programme = g->id};
    EMIT(m, PROGRAMME_CLOSED, event);
    g->state = PROGRAMME_ENDED;
    model_touch(m, TABLE_PROGRAMME, g->id, 0);
    model_return_vouchers(m, g->id);
}

static void unlock(struct model *m, struct model_trade *t)
{
    struct body_unlocked event = {.trade = t->id, .amount = t->locked};
    COPY(event.party, t->vendor_key);
    EMIT(m, UNLOCKED, event);
    model_account_of(m, t->vendor, 0)->locked -= t->locked;
    t->locked = 0;
    model_touch(m, TABLE_TRADE, t->id, 0);
    model_touch(m, TABLE_ACCOUNT, t->vendor, 0);
}

enum outcome judge_tick(struct model *m, const struct statement *s, const struct model_party *by,
                        const struct body_tick *b, struct model_answer *out)
{
    (void)s, (void)by, (void)out;
    if (b->outage_ms != 0) {
        REFUSE_IF(b->outage_ms <= m->parameters[PARAM_OUTAGE_MS] || b->outage_ms > m->now - m->heard_ms, BAD_TIME);
        REFUSE_IF(m->halted, BAD_TIME);
        struct body_shifted event = {.outage_ms = b->outage_ms};
        EMIT(m, SHIFTED, event);
        m->shift_ms += b->outage_ms;
    } else
        REFUSE_IF(first_due(m, m->now).class == 0, WRONG_STATE);
    while (m->budget > 0 && m->work == WORK_NONE) {
        struct due_thing thing = first_due(m, m->now);
        if (thing.class == 0) break;
        if (thing.class != DUE_ENDS) m->budget--; /* of a programme its holders count */
        switch (thing.class) {
        case DUE_EXPIRIES: model_close_order(m, model_order(m, thing.number), CLOSE_EXPIRED); break;
        case DUE_KEYS: key_change_came(m, model_party(m, thing.number)); break;
        case DUE_ENDS: programme_ended(m, model_programme(m, thing.number)); break;
        case DUE_UNLOCKED: unlock(m, model_trade(m, thing.number)); break;
        default: deadline_came(m, model_trade(m, thing.number)); break;
        }
    }
    return OUTCOME_OK;
}

enum outcome judge_continue(struct model *m, const struct statement *s, const struct model_party *by,
                            const struct body_continue *b, struct model_answer *out)
{
    (void)s, (void)by, (void)out;
    REFUSE_IF(m->work == WORK_NONE || b->work != m->work || b->subject != m->subject, WRONG_STATE);
    m->work = WORK_NONE, m->subject = 0;
    switch (b->work) {
    case WORK_MATCH: return model_go_on_matching(m, b->subject);
    case WORK_CLOSE_LISTING: model_close_book(m, b->subject); break;
    case WORK_SUSPEND: model_close_orders_of(m, b->subject); break;
    case WORK_RESUME_LISTING: model_unpark(m, b->subject); break;
    default: model_return_vouchers(m, b->subject); break;
    }
    return OUTCOME_OK;
}
