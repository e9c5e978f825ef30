/* See seen.h. Counted over all markets of a run. */
#include "tests/model/seen.h"
#include "tests/model/model_internal.h"

#include <inttypes.h>
#include <stdio.h>

static struct {
    uint64_t outcomes[100][1000], events[1000], sliced[WORK_DRAW + 1], listed[LISTING_CLOSED + 1];
    uint64_t moved[LISTING_CLOSED + 1][LISTING_CLOSED + 1], settled[BASIS_VERDICT + 1], refunded[BASIS_VERDICT + 1];
    uint64_t findings[FINDING_SAMPLE_MISMATCH + 1];
} seen;

/* ---- moments ---- */
static struct { const char *what; uint64_t times; } moments[64];

static void saw(bool so, const char *what)
{
    size_t i = 0;
    if (!so) return;
    while (i < ARRAY_LEN(moments) && moments[i].what != NULL && strcmp(moments[i].what, what) != 0) i++;
    ASSERT(i < ARRAY_LEN(moments));
    moments[i].what = what;
    moments[i].times++;
}

/* The trade or listing that a statement names, as it was before. */
static struct {
    struct model_trade trade;
    struct model_listing listing; /* the trade's, or the one named */
    uint64_t opened_by; /* the statement that opened its detail part to the party now named */
} before;

static void look_at_listing(struct model *m, uint64_t id)
{
    const struct model_listing *l = model_listing(m, id);
    if (l != NULL) before.listing = *l;
}

static void look_at_trade(struct model *m, uint64_t id)
{
    const struct model_trade *t = model_trade(m, id);
    if (t == NULL) return;
    before.trade = *t;
    look_at_listing(m, t->listing);
}

static void look_at_disclosure(struct model *m, const struct body_disclose *b)
{
    const struct model_party *p = model_party_by_key(m, b->party);
    look_at_listing(m, b->listing);
    for (size_t i = 0; p != NULL && i < m->n_disclosed; i++) {
        if (m->disclosed[i].listing == b->listing && m->disclosed[i].party == p->number) before.opened_by = m->disclosed[i].index;
    }
}

void seen_before(struct model *m, const struct statement *s)
{
    memset(&before, 0, sizeof before);
    switch (s->kind) {
    case KIND_DISPUTE: look_at_trade(m, ((const struct body_dispute *)s->body)->trade); break;
    case KIND_VERDICT: look_at_trade(m, ((const struct body_verdict *)s->body)->trade); break;
    case KIND_ACCEPT: look_at_trade(m, ((const struct body_accept *)s->body)->trade); break;
    case KIND_CLAIM: look_at_trade(m, ((const struct body_claim *)s->body)->trade); break;
    case KIND_SAMPLE: look_at_listing(m, ((const struct body_sample *)s->body)->listing); break;
    case KIND_STORED: look_at_listing(m, ((const struct body_stored *)s->body)->listing); break;
    case KIND_CLOSE: look_at_listing(m, ((const struct body_close *)s->body)->listing); break;
    case KIND_REVIEW: look_at_listing(m, ((const struct body_review *)s->body)->listing); break;
    case KIND_DISCLOSE: look_at_disclosure(m, s->body); break;
    default: break;
    }
}

/* How much the clocks had stood still when a trade was disputed: of the newest disputes. */
static struct { uint64_t trade, market_ms, listing_ms; } clocks[1024];
static size_t n_disputes;

static void see_dispute(const struct model *m)
{
    size_t place = n_disputes++ % ARRAY_LEN(clocks);
    clocks[place].trade = before.trade.id, clocks[place].market_ms = m->shift_ms, clocks[place].listing_ms = before.listing.halted_ms;
    saw(before.trade.parked, "dispute of a parked trade");
    saw(before.listing.state == LISTING_HALTED && !m->halted, "dispute in a halt of the listing");
    saw(before.listing.state != LISTING_HALTED && m->halted, "dispute in a halt of the market");
    saw(before.listing.state == LISTING_HALTED && m->halted, "dispute in both halts");
    saw(before.listing.state == LISTING_CLOSED, "dispute after the listing's end");
}

static void see_verdict(struct model *m, const struct body_verdict *b)
{
    size_t i = n_disputes, last = n_disputes < ARRAY_LEN(clocks) ? 0 : n_disputes - ARRAY_LEN(clocks);
    bool failed = model_trade(m, b->trade)->state == TRADE_GRANTED, halted = before.listing.state == LISTING_HALTED;
    seen.findings[b->finding]++;
    while (i > last && clocks[(i - 1) % ARRAY_LEN(clocks)].trade != b->trade) i--;
    if (failed && i > last) {
        saw(m->shift_ms > clocks[(i - 1) % ARRAY_LEN(clocks)].market_ms, "dispute failed after an outage or a halt of the market");
        saw(before.listing.halted_ms > clocks[(i - 1) % ARRAY_LEN(clocks)].listing_ms, "dispute failed after a halt of the listing");
    }
    saw(failed && halted, "dispute failed in a halt of the listing");
    saw(failed && m->halted, "dispute failed in a halt of the market");
    saw(failed && before.trade.looked_at <= model_market_clock(m, m->now), "dispute failed after the old deadline");
    saw(!failed && (halted || m->halted), "refunded by verdict in a halt");
    saw(failed && before.trade.voucher > 0, "dispute failed, with a voucher");
    saw(!failed && before.trade.voucher > 0, "refunded by verdict, with a voucher");
}

/* Accepted and not repeated. */
static void see_accepted(struct model *m, const struct statement *s)
{
    const struct model_listing *l = &before.listing;
    switch (s->kind) {
    case KIND_DISPUTE: see_dispute(m); break;
    case KIND_VERDICT: see_verdict(m, s->body); break;
    case KIND_ACCEPT: saw(before.trade.finding != 0, "accepted after a dispute"); break;
    case KIND_CLAIM: saw(before.trade.finding != 0, "claimed after a dispute"); break;
    case KIND_SAMPLE: saw(l->sample_record != 0, "sampled again"); break;
    case KIND_DISCLOSE:
        saw(before.opened_by != 0, "disclosed again");
        saw(memcmp(((const struct body_disclose *)s->body)->party, s->party, 32) == 0, "disclosed to the vendor itself");
        saw(l->state == LISTING_PENDING, "disclosed while pending");
        saw(l->state == LISTING_SAMPLING, "disclosed while sampling");
        saw(l->state == LISTING_OPEN, "disclosed while open");
        saw(l->state == LISTING_HALTED, "disclosed while halted");
        break;
    case KIND_STORED:
        saw(l->elsewhere != 0, "stored elsewhere");
        saw(l->n_chunks == 0, "stored: a detail part without content");
        break;
    case KIND_CLOSE:
        saw(l->stored_bytes > 0 && l->n_open_trades == 0, "let go at its end");
        saw(l->stored_bytes > 0 && l->n_open_trades > 0, "closed, and kept for its open trades");
        break;
    case KIND_REVIEW:
        saw(l->stored_bytes > 0 && model_listing(m, l->id)->state == LISTING_REFUSED, "let go when refused");
        break;
    case KIND_PUBLISH: {
        const struct model_party *p = model_party_by_key(m, s->party);
        saw(p->stored_bytes == m->parameters[PARAM_VENDOR_BYTES_MAX], "published into the last room");
        break;
    }
    default: break;
    }
}

static void see_refused(const struct statement *s, enum outcome outcome)
{
    bool wrong_state = outcome == OUTCOME_WRONG_STATE, dispute = s->kind == KIND_DISPUTE;
    saw(dispute && wrong_state && before.trade.state == TRADE_DISPUTED, "disputed while disputed");
    saw(dispute && outcome == OUTCOME_TOO_LATE && before.trade.state == TRADE_GRANTED, "dispute too late, no tick yet");
    saw(s->kind == KIND_STORED && wrong_state && before.listing.state == LISTING_SAMPLING, "stored before any sample");
    if (s->kind != KIND_PUBLISH || outcome != OUTCOME_NO_ROOM) return;
    const struct body_publish *b = s->body;
    saw(b->detail_len == 0 && b->payload_len == 0, "no room, though nothing is to be kept");
}

/* ---- events ---- */
static void see_event(struct model *m, const struct model_event *e)
{
    seen.events[e->kind]++;
    if (e->kind == KIND_LISTED) seen.listed[((const struct body_listed *)e->body)->state]++;
    if (e->kind == KIND_LISTING_MOVED) {
        const struct body_listing_moved *b = e->body;
        seen.moved[b->from][b->to]++;
    }
    const struct model_trade *t = NULL;
    if (e->kind == KIND_SETTLED) {
        const struct body_settled *b = e->body;
        seen.settled[b->basis]++, t = model_trade(m, b->trade);
        saw(b->basis == BASIS_DEADLINE && t->finding != 0, "settled by deadline after a dispute");
    }
    if (e->kind == KIND_REFUNDED) {
        const struct body_refunded *b = e->body;
        seen.refunded[b->basis]++, t = model_trade(m, b->trade);
        saw(b->basis == BASIS_RULING && t->finding != 0, "refunded by ruling after a dispute");
    }
    if (t == NULL) return;
    const struct model_listing *l = model_listing(m, t->listing);
    bool kept = l->detail_len > 0 || l->n_chunks > 0;
    saw(kept && l->state == LISTING_CLOSED && l->n_open_trades == 0, "let go with its last trade");
}

void seen_after(struct model *m, const struct statement *s, const struct model_answer *answer)
{
    seen.outcomes[s->kind][answer->outcome]++;
    for (size_t i = 0; i < answer->n_items; i++) seen.outcomes[s->kind][answer->items[i].code]++;
    if (answer->outcome != OUTCOME_OK) {
        see_refused(s, answer->outcome);
        return;
    }
    if (answer->repeated) return;
    for (size_t i = 0; i < m->n_events; i++) see_event(m, &m->events[i]);
    if (m->n_events > 0 && m->events[m->n_events - 1].kind == KIND_SLICED) seen.sliced[m->work]++;
    see_accepted(m, s);
}

/* ---- what is said of it ---- */
static void print_listings(void)
{
    for (size_t i = 0; i <= LISTING_CLOSED; i++) {
        if (seen.listed[i] > 0) printf("# %8" PRIu64 " listing: – to %s\n", seen.listed[i], names_listing_state[i]);
        for (size_t k = 0; k <= LISTING_CLOSED; k++) {
            if (seen.moved[i][k] > 0)
                printf("# %8" PRIu64 " listing: %s to %s\n", seen.moved[i][k], names_listing_state[i], names_listing_state[k]);
        }
    }
}

void seen_print(void)
{
    for (size_t k = 0; k < ARRAY_LEN(seen.outcomes); k++) {
        for (size_t i = 0; i < ARRAY_LEN(seen.outcomes[k]); i++) {
            if (seen.outcomes[k][i] > 0)
                printf("# %8" PRIu64 " %s: %s\n", seen.outcomes[k][i], schema_of_kind(k)->name, outcome_info((enum outcome)i)->name);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(seen.sliced); i++) printf("# %8" PRIu64 " sliced: %s\n", seen.sliced[i], names_work[i]);
    for (size_t i = 0; i < ARRAY_LEN(seen.events); i++) {
        if (seen.events[i] > 0) printf("# %8" PRIu64 " %s\n", seen.events[i], schema_of_kind(i)->name);
    }
    print_listings();
    for (size_t i = 0; i <= BASIS_VERDICT; i++) {
        if (seen.settled[i] > 0) printf("# %8" PRIu64 " settled, %s\n", seen.settled[i], names_basis[i]);
        if (seen.refunded[i] > 0) printf("# %8" PRIu64 " refunded, %s\n", seen.refunded[i], names_basis[i]);
    }
    for (size_t i = 1; i <= FINDING_SAMPLE_MISMATCH; i++) printf("# %8" PRIu64 " verdict: %s\n", seen.findings[i], names_finding[i]);
    for (size_t i = 0; i < ARRAY_LEN(moments) && moments[i].what != NULL; i++)
        printf("# %8" PRIu64 " %s\n", moments[i].times, moments[i].what);
}
