/*
 * What records say, as far as keys, settlements and disputes rest on it.
 *
 * Always holds: a settlement text is made anew from the listing as its vendor signed it and from the trade, never taken from
 * the record that is checked; a grant and an acceptance are checked against that text. A trade that is final is forgotten.
 * Not here: who may state what, and whether an event follows from its statement (decided again elsewhere).
 */
#include "client/lib/audit.h"

#include "storage/judge.h"
#include "storage/settlement.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- tables ---- */

static size_t table_at(const struct audit_table *t, uint64_t index)
{
    size_t low = 0, high = t->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->entries[middle].index < index) low = middle + 1;
        else high = middle;
    }
    return low;
}

void *audit_find(const struct audit_table *table, uint64_t index)
{
    size_t at = table_at(table, index);
    return at < table->n && table->entries[at].index == index ? table->entries[at].row : NULL;
}

/* A row of `size` bytes for the newest index. */
static void *table_add(struct audit *a, struct audit_table *t, uint64_t index, size_t size)
{
    void *row = calloc(1, size);
    if (row != NULL && t->n == t->room) {
        size_t room = t->room == 0 ? 64 : 2 * t->room;
        void *grown = realloc(t->entries, room * sizeof *t->entries);
        if (grown == NULL) {
            free(row);
            row = NULL;
        } else {
            t->entries = grown;
            t->room = room;
        }
    }
    if (row == NULL) {
        a->no_memory = true;
        return NULL;
    }
    t->entries[t->n].index = index;
    t->entries[t->n++].row = row;
    return row;
}

static void table_forget(struct audit_table *t, uint64_t index)
{
    size_t at = table_at(t, index);
    free(t->entries[at].row);
    t->entries[at].row = NULL;
    if (at + 1 == t->n || t->n < 4096) return;
    size_t n = 0, gone = 0; /* now and then the gaps are closed */
    for (size_t i = 0; i < t->n; i++) gone += t->entries[i].row == NULL;
    if (gone < t->n / 2 || at % 64 != 0) return;
    for (size_t i = 0; i < t->n; i++) {
        if (t->entries[i].row != NULL) t->entries[n++] = t->entries[i];
    }
    t->n = n;
}

static struct audit_trade *trade_find(struct audit *a, uint64_t index, uint64_t trade)
{
    struct audit_trade *t = audit_find(&a->trades, trade);
    if (t == NULL) audit_alarm(a, index, trade, "There is no open trade %" PRIu64 ".", trade);
    return t;
}

/* ---- settlement texts ---- */

static struct bytes text_of(struct audit *a, const struct audit_trade *t, struct arena *arena)
{
    const struct audit_listing *l = audit_find(&a->listings, t->listing);
    if (l == NULL) return BYTES(NULL, 0);
    struct settlement s = {.origin = BYTES_TEXT(a->log.name), .title = l->title, .trade = t->index, .listing = t->listing,
                           .quantity = t->quantity, .price = t->price, .total = t->total, .fee = t->fee,
                           .voucher = t->voucher, .programme = t->programme, .has_content = l->kind <= LISTING_REPORT};
    memcpy(s.vendor, t->vendor, 32);
    memcpy(s.buyer, t->buyer, 32);
    memcpy(s.content_root, l->content.content_root, 32);
    memcpy(s.key_commitment, l->content.key_commitment, 32);
    memcpy(s.terms_hash, l->terms_hash, 32);
    return settlement_format(&s, arena);
}

/* A vendor's or buyer's signature over the text, by whom it should be. */
static void text_signed(struct audit *a, uint64_t index, const struct audit_trade *t, const struct statement *st,
                        const uint8_t party[32], const char *whose, const uint8_t signature[SIGN_BYTES])
{
    struct bytes text = text_of(a, t, &a->round);
    if (text.data == NULL) {
        audit_alarm(a, index, t->index, "The settlement text of trade %" PRIu64 " cannot be made from the records.", t->index);
        return;
    }
    if (!audit_key_leads(a, party, st->party))
        audit_alarm(a, index, t->index, "It is not signed by the party of trade %" PRIu64 " that it should be.", t->index);
    audit_sign(a, index, whose, st->party, DOMAIN_NONE, text, signature);
}

/* `finding`: of a refund by verdict. */
static void take_final(struct audit *a, uint64_t index, uint64_t trade, struct bytes text, uint64_t basis, bool settles,
                       uint64_t finding)
{
    const struct statement *cause = &a->cause.statement;
    struct audit_trade *t = trade_find(a, index, trade);
    if (t == NULL) return;
    a->report->settlements++;
    struct bytes ours = text_of(a, t, &a->scratch);
    if (ours.data == NULL || !bytes_equal(ours, text))
        audit_alarm(a, index, trade, "The settlement text of trade %" PRIu64 " is not what was traded.", trade);
    if (settles && t->grant_record == 0)
        audit_alarm(a, index, trade, "Trade %" PRIu64 " is settled, but its vendor signed nothing.", trade);
    if (basis == BASIS_ACCEPTED && (t->accept_record == 0 || t->accept_record != a->cause.index))
        audit_alarm(a, index, trade, "Trade %" PRIu64 " is settled as accepted, but its buyer did not accept.", trade);
    if (basis == BASIS_RULING && cause->kind != KIND_RULING)
        audit_alarm(a, index, trade, "Trade %" PRIu64 " is settled by a ruling, but nobody ruled.", trade);
    if (basis == BASIS_VERDICT &&
        (settles || t->verdict_record != a->cause.index || finding != t->finding || !finding_is_fault(finding)))
        audit_alarm(a, index, trade, "Trade %" PRIu64 " is refunded by a verdict that does not say so.", trade);
    table_forget(&a->trades, trade);
}

/* ---- listings and trades ---- */

static void take_listed(struct audit *a, uint64_t index)
{
    const struct statement *st = &a->cause.statement;
    if (st->kind != KIND_PUBLISH) {
        audit_alarm(a, index, 0, "Something is listed that no vendor published.");
        return;
    }
    const struct body_publish *p = st->body;
    struct audit_listing *l = table_add(a, &a->listings, index, sizeof *l);
    if (l == NULL) return;
    *l = (struct audit_listing){.index = index, .kind = p->kind, .n_samples = p->samples};
    uint8_t *title = malloc(p->title.len + 1);
    if (title == NULL) a->no_memory = true;
    else memcpy(title, p->title.data, p->title.len);
    l->title = BYTES(title, title == NULL ? 0 : p->title.len);
    l->content = (struct age_commitment){.plaintext_len = p->plaintext_len, .n_chunks = p->n_chunks};
    memcpy(l->content.nonce, p->nonce, sizeof l->content.nonce);
    memcpy(l->content.content_root, p->content_root, 32);
    memcpy(l->content.key_commitment, p->key_commitment, 32);
    memcpy(l->vendor, st->party, 32);
    sha256(p->terms, l->terms_hash);
}

static void take_traded(struct audit *a, uint64_t index, const struct body_traded *e)
{
    const struct audit_listing *l = audit_find(&a->listings, e->listing);
    uint64_t total;
    if (l == NULL || !audit_key_leads(a, l->vendor, e->vendor))
        audit_alarm(a, index, index, "Trade %" PRIu64 " is of a listing that its vendor did not publish.", index);
    if (!mul_u64(e->price, e->quantity, &total) || total != e->total)
        audit_alarm(a, index, index, "The total of trade %" PRIu64 " is not its price times its quantity.", index);
    struct audit_trade *t = table_add(a, &a->trades, index, sizeof *t);
    if (t == NULL) return;
    *t = (struct audit_trade){.index = index, .listing = e->listing, .bid = e->bid, .quantity = e->quantity,
                              .price = e->price, .total = e->total, .fee = e->fee, .programme = e->programme,
                              .voucher = e->voucher};
    memcpy(t->vendor, e->vendor, 32);
    memcpy(t->buyer, e->buyer, 32);
    memcpy(t->recipient, e->recipient, 32);
}

static void take_dispute(struct audit *a, uint64_t index, const struct statement *st)
{
    const struct body_dispute *dispute = st->body;
    struct audit_trade *t = trade_find(a, index, dispute->trade);
    if (t == NULL) return;
    if (t->dispute_record != 0)
        audit_alarm(a, index, t->index, "Trade %" PRIu64 " is disputed a second time.", t->index);
    if (!audit_key_leads(a, t->buyer, st->party))
        audit_alarm(a, index, t->index, "Trade %" PRIu64 " is disputed by somebody who is not its buyer.", t->index);
    t->dispute_record = index;
    memcpy(t->evidence, dispute->evidence, HASH_BYTES);
}

static void take_verdict(struct audit *a, uint64_t index, const struct statement *st)
{
    const struct body_verdict *verdict = st->body;
    struct audit_trade *t = trade_find(a, index, verdict->trade);
    if (t == NULL) return;
    if (memcmp(st->party, a->broker, 32) != 0)
        audit_alarm(a, index, t->index, "The verdict on trade %" PRIu64 " is not the broker's.", t->index);
    if (t->dispute_record == 0 || t->verdict_record != 0) {
        audit_alarm(a, index, t->index, "There is a verdict on trade %" PRIu64 ", and no dispute that waits for it.", t->index);
        return;
    }
    t->verdict_record = index;
    t->finding = verdict->finding;
    t->verdict_chunk = verdict->chunk;
    audit_judge(a, t);
}

/* ---- records ---- */

static void facts_statement(struct audit *a, uint64_t index, const struct statement *st)
{
    struct audit_trade *t;
    struct audit_listing *l;
    switch (st->kind) {
    case KIND_GRANT: {
        const struct body_grant *grant = st->body;
        if ((t = trade_find(a, index, grant->trade)) == NULL) return;
        t->grant_record = index;
        text_signed(a, index, t, st, t->vendor, "the vendor's signature of the settlement", grant->signature);
        return;
    }
    case KIND_ACCEPT: {
        const struct body_accept *accept = st->body;
        if ((t = trade_find(a, index, accept->trade)) == NULL) return;
        t->accept_record = index;
        text_signed(a, index, t, st, t->buyer, "the buyer's signature of the settlement", accept->signature);
        return;
    }
    case KIND_SAMPLE:
        l = audit_find(&a->listings, ((const struct body_sample *)st->body)->listing);
        if (l == NULL || !audit_key_leads(a, l->vendor, st->party))
            audit_alarm(a, index, 0, "Samples are signed by somebody who is not the listing's vendor.");
        else
            l->sample_record = index;
        return;
    case KIND_DISPUTE:
        take_dispute(a, index, st);
        return;
    case KIND_VERDICT:
        take_verdict(a, index, st);
        return;
    default:
        return;
    }
}

static void facts_event(struct audit *a, uint64_t index, const struct event *event)
{
    if (event->kind == KIND_LISTED) {
        take_listed(a, index);
    } else if (event->kind == KIND_TRADED) {
        take_traded(a, index, event->body);
    } else if (event->kind == KIND_SETTLED) {
        const struct body_settled *e = event->body;
        take_final(a, index, e->trade, e->text, e->basis, true, FINDING_NONE);
    } else if (event->kind == KIND_REFUNDED) {
        const struct body_refunded *e = event->body;
        take_final(a, index, e->trade, e->text, e->basis, false, e->finding);
    } else if (event->kind == KIND_DISPUTE_FAILED) {
        const struct body_dispute_failed *e = event->body;
        const struct audit_trade *t = audit_find(&a->trades, e->trade);
        bool is_said = t != NULL && t->verdict_record == a->cause.index && e->finding == t->finding;
        if (t != NULL && (!is_said || finding_is_fault(t->finding)))
            audit_alarm(a, index, t->index, "The dispute of trade %" PRIu64 " failed, and no verdict says so.", t->index);
    }
}

static void take_genesis(struct audit *a, const struct statement *st, struct bytes bytes)
{
    static const uint8_t none[32];
    const struct body_genesis *genesis = st->body;
    uint8_t market[32];
    sha256(bytes, market);
    memcpy(a->broker, st->party, 32);
    memcpy(a->broker_seal, genesis->seal_key, 32);
    if (a->has_market && memcmp(market, a->market, 32) != 0) audit_alarm(a, 0, 0, "The market is not the one that the URL names.");
    if (memcmp(st->market, none, 32) != 0) audit_alarm(a, 0, 0, "The first statement is to another market.");
    if (memcmp(genesis->log_key, a->log.public_key, 32) != 0 || !bytes_equal(genesis->origin, BYTES_TEXT(a->log.name)))
        audit_alarm(a, 0, 0, "The market names another log than the one that signed the checkpoint.");
    memcpy(a->market, market, 32);
    a->has_market = true;
}

static void take_statement(struct audit *a, const struct record *record)
{
    struct statement *st = &a->cause.statement;
    struct bytes bytes;
    const uint8_t *signature;
    uint64_t index = record->index;
    memset(&a->cause, 0, sizeof a->cause);
    a->cause.index = index;
    a->report->statements++;
    if (envelope_decode(record->payload, &a->round, &bytes, &signature) != TIDE_OK ||
        statement_decode(bytes, &a->round, st) != TIDE_OK) {
        memset(st, 0, sizeof *st);
        audit_alarm(a, index, 0, "It is no statement.");
        return;
    }
    if ((st->kind == KIND_GENESIS) != (index == 0)) audit_alarm(a, index, 0, "A market begins here, or does not.");
    if (index == 0 && st->kind == KIND_GENESIS) take_genesis(a, st, bytes);
    else if (memcmp(st->market, a->market, 32) != 0) audit_alarm(a, index, 0, "It is to another market.");
    audit_sign(a, index, "its party's signature", st->party, DOMAIN_STATEMENT, bytes, signature);
    audit_keys_statement(a, index, st);
    audit_draw_statement(a, index, st);
    facts_statement(a, index, st);
}

void audit_take(struct audit *a, uint64_t index, struct bytes bytes)
{
    struct record record;
    struct event event;
    arena_reset(&a->scratch);
    if (record_decode(bytes, &a->round, &record) != TIDE_OK) {
        audit_alarm(a, index, 0, "It is no record.");
    } else if (record.index != index) {
        audit_alarm(a, index, 0, "It names another index than its place in the log.");
    } else if (record.type == RECORD_STATEMENT) {
        take_statement(a, &record);
    } else if (event_decode(record.payload, &a->round, &event) != TIDE_OK) {
        audit_alarm(a, index, 0, "It is no event.");
    } else if (event.cause_index != a->cause.index || index == 0) {
        audit_alarm(a, index, 0, "It does not follow the statement that caused it.");
    } else {
        audit_keys_event(a, index, &event);
        audit_draw_event(a, index, &event);
        facts_event(a, index, &event);
    }
}

void audit_round_end(struct audit *a)
{
    struct record record;
    struct bytes bytes;
    const uint8_t *signature;
    struct statement *st = &a->cause.statement;
    if (st->kind == 0) return;
    arena_reset(&a->scratch);
    if (!audit_record(a, a->cause.index, &record)) { /* it was read a moment ago */
        memset(st, 0, sizeof *st);
        return;
    }
    arena_reset(&a->cause_memory);
    struct bytes kept = arena_copy(&a->cause_memory, record.payload);
    memset(st, 0, sizeof *st);
    if (kept.data == NULL || envelope_decode(kept, &a->cause_memory, &bytes, &signature) != TIDE_OK ||
        statement_decode(bytes, &a->cause_memory, st) != TIDE_OK)
        a->no_memory = true;
}

void audit_facts_free(struct audit *a)
{
    for (size_t i = 0; i < a->listings.n; i++) {
        struct audit_listing *l = a->listings.entries[i].row;
        if (l != NULL) free((void *)(uintptr_t)l->title.data);
        free(l);
    }
    for (size_t i = 0; i < a->trades.n; i++) free(a->trades.entries[i].row);
    free(a->listings.entries);
    free(a->trades.entries);
    audit_keys_free(a);
}
