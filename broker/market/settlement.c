/*
 * Trades: from the match to the vendor's grant, and to settlement or refund.
 *
 * Always holds: a trade's state changes only along its table (transitions.c); its money is in the buyer's escrow until
 * it is final; an open trade has exactly one deadline. Deadlines are kept without the outages so far
 * (row_market.shift_ms), so that an outage moves all of them by one number.
 * Not here: how a trade comes about (book.c), when deadlines are due (deadline.c, due.c).
 */
#include "broker/market/law.h"
#include "crypto/age.h"
#include "crypto/sign.h"
#include "storage/settlement.h"

#define CREDENTIAL_MAX 4096u /* bytes of a credential before sealing */

uint64_t trade_due(const struct row_market *market, const struct row_trade *row)
{
    return row->due + market->shift_ms;
}

/* ---- the settlement text ---- */

enum tide_err settlement_text(struct state_view *state, uint64_t trade, const struct row_trade *row,
                              struct arena *arena, struct bytes *text)
{
    struct row_market market;
    struct row_listing listing;
    *text = (struct bytes){NULL, 0};
    enum tide_err err = must_exist(market_row(state, &market));
    if (!err) err = must_exist(listing_get(state, row->listing, &listing));
    if (err) return err;
    struct settlement s = {
        .origin = BYTES_TEXT(market.origin),
        .title = BYTES_TEXT(listing.title),
        .trade = trade,
        .listing = row->listing,
        .quantity = row->quantity,
        .price = row->price,
        .total = row->total,
        .fee = row->fee,
        .has_content = listing_is_sealed(listing.kind),
    };
    memcpy(s.vendor, row->vendor_key, 32);
    memcpy(s.buyer, row->buyer_key, 32);
    memcpy(s.content_root, listing.content_root, 32);
    memcpy(s.key_commitment, listing.key_commitment, 32);
    memcpy(s.terms_hash, listing.terms_hash, 32);
    *text = settlement_format(&s, arena);
    return text->data ? TIDE_OK : TIDE_ENOMEM;
}

/* `signature` is `key`'s over the trade's text. */
static enum tide_err check_signature(struct hearing *h, uint64_t trade, const struct row_trade *row,
                                     const uint8_t key[32], const uint8_t signature[64])
{
    struct bytes text;
    enum tide_err err = settlement_text(h->state, trade, row, h->arena, &text);
    if (err) return err;
    return sign_verify(key, DOMAIN_NONE, text, signature) == TIDE_OK ? TIDE_OK
                                                                      : refuse(h, OUTCOME_BAD_SETTLEMENT_SIGNATURE);
}

/* ---- grant and acceptance ---- */

/* One of a trade's parties does what the trade waits for: it exists, is the speaker's, and it is not too late. */
static enum tide_err hear_trade(struct hearing *h, uint64_t trade, bool as_vendor, enum trade_state expected,
                                struct row_trade *row)
{
    enum tide_err err = trade_get(h->state, trade, row);
    if (err == TIDE_ENOTFOUND) return refuse(h, OUTCOME_NO_SUCH_TRADE);
    if (err) return err;
    if ((as_vendor ? row->vendor : row->buyer) != h->party) return refuse(h, OUTCOME_NOT_YOURS);
    bool ended_by_deadline = row->final_record != 0 && row->accept_record == 0;
    bool waits = row->state == expected;
    if (!waits && !ended_by_deadline)
        return refuse_because(h, OUTCOME_WRONG_STATE, "trade %llu is %s", (unsigned long long)trade,
                              names_trade_state[row->state]);
    if (waits && h->now_ms < trade_due(&h->market, row)) return TIDE_OK;
    return refuse_because(h, OUTCOME_TOO_LATE, "the deadline of trade %llu has passed", (unsigned long long)trade);
}

/* Sealed content: the header for its one recipient. Otherwise the credential's whole age file. */
static bool grant_has_form(uint64_t listing_kind, struct bytes grant)
{
    if (listing_is_sealed(listing_kind)) return age_grant_is_well_formed(grant);
    return grant.len > AGE_GRANT_BYTES && age_grant_is_well_formed(BYTES(grant.data, AGE_GRANT_BYTES)) &&
           grant.len - AGE_GRANT_BYTES > age_payload_len(0) &&
           grant.len - AGE_GRANT_BYTES <= age_payload_len(CREDENTIAL_MAX);
}

enum tide_err decide_grant(struct hearing *h)
{
    const struct body_grant *grant = h->cause->statement.body;
    struct row_trade row;
    PASS(h, hear_trade(h, grant->trade, true, TRADE_MATCHED, &row));
    PASS(h, hear_listing(h, row.listing));
    if (!grant_has_form(h->listing_row.kind, grant->grant)) return refuse(h, OUTCOME_BAD_GRANT);
    PASS(h, check_signature(h, grant->trade, &row, row.vendor_key, grant->signature));

    struct body_granted *e = EVENT(h, GRANTED, granted);
    if (!e) return TIDE_ENOMEM;
    e->trade = grant->trade;
    e->accept_due = h->now_ms + row.accept_ms;
    return TIDE_OK;
}

enum tide_err decide_accept(struct hearing *h)
{
    const struct body_accept *accept = h->cause->statement.body;
    struct row_trade row;
    PASS(h, hear_trade(h, accept->trade, false, TRADE_GRANTED, &row));
    PASS(h, check_signature(h, accept->trade, &row, row.buyer_key, accept->signature));
    return trade_settle(h, accept->trade, &row, BASIS_ACCEPTED);
}

/* ---- ends ---- */

enum tide_err trade_settle(struct hearing *h, uint64_t trade, const struct row_trade *row, enum basis basis)
{
    ASSERT(trade_transition(row->state, KIND_SETTLED, basis));
    struct body_settled *e = EVENT(h, SETTLED, settled);
    if (!e) return TIDE_ENOMEM;
    e->trade = trade;
    e->basis = basis;
    enum tide_err err = settlement_text(h->state, trade, row, h->arena, &e->text);
    if (!err) err = postings_new(h, &e->postings, 3);
    if (err) return err;
    posting_add(&e->postings, row->buyer_key, ACCOUNT_ESCROW, ASSET_CNY, -(int64_t)row->total);
    posting_add(&e->postings, row->vendor_key, ACCOUNT_AVAILABLE, ASSET_CNY, (int64_t)(row->total - row->fee));
    posting_add(&e->postings, NULL, ACCOUNT_FEES, ASSET_CNY, (int64_t)row->fee);
    return TIDE_OK;
}

enum tide_err trade_refund(struct hearing *h, uint64_t trade, const struct row_trade *row, enum basis basis)
{
    ASSERT(trade_transition(row->state, KIND_REFUNDED, basis));
    struct body_refunded *e = EVENT(h, REFUNDED, refunded);
    if (!e) return TIDE_ENOMEM;
    e->trade = trade;
    e->basis = basis;
    enum tide_err err = settlement_text(h->state, trade, row, h->arena, &e->text);
    if (!err) err = postings_new(h, &e->postings, 2);
    if (err) return err;
    posting_add(&e->postings, row->buyer_key, ACCOUNT_ESCROW, ASSET_CNY, -(int64_t)row->total);
    posting_add(&e->postings, row->buyer_key, ACCOUNT_AVAILABLE, ASSET_CNY, (int64_t)row->total);
    return TIDE_OK;
}

/* ---- writing ---- */

/* Both parties' lists: 0 open, 1 final. */
static enum tide_err put_trade_of(struct fold *f, uint64_t trade, const struct row_trade *row, uint8_t final)
{
    const struct row_none none = {0};
    const uint64_t parties[] = {row->buyer, row->vendor};
    enum tide_err err = TIDE_OK;
    for (size_t i = 0; !err && i < ARRAY_LEN(parties); i++) {
        uint8_t key[17];
        key_u64_u8_u64(key, parties[i], 0, trade);
        if (final) err = must_exist(state_del(f->state, TABLE_TRADE_OF, key));
        key_u64_u8_u64(key, parties[i], final, trade);
        if (!err) err = state_put(f->state, TABLE_TRADE_OF, key, &none);
    }
    return err;
}

enum tide_err trade_open(struct fold *f, const struct body_traded *e, const struct row_order *bid,
                         const struct row_order *ask)
{
    const struct transition *t = trade_transition(TRADE_NONE, KIND_TRADED, 0);
    struct row_trade row;
    enum tide_err err = fold_market(f);
    if (err) return err;
    if (e->grant_due < f->market.shift_ms) return TIDE_EDAMAGED;
    memset(&row, 0, sizeof row);
    row.listing = e->listing;
    row.bid = e->bid;
    row.ask = e->ask;
    row.buyer = bid->party;
    row.vendor = ask->party;
    row.traded_at = f->time_ms;
    row.price = e->price;
    row.quantity = e->quantity;
    row.total = e->total;
    row.fee = e->fee;
    row.state = t->to;
    row.due = e->grant_due - f->market.shift_ms;
    row.accept_ms = e->accept_ms;
    memcpy(row.buyer_key, e->buyer, 32);
    memcpy(row.vendor_key, e->vendor, 32);
    memcpy(row.recipient, e->recipient, 32);
    err = trade_put(f, f->index, &row);
    if (!err) err = put_trade_of(f, f->index, &row, 0);
    return err ? err : deadline_put(f, (enum deadline_kind)t->deadline, row.due, f->index);
}

/* Reads a trade, takes its deadline away and moves it along the table. */
static enum tide_err move_trade(struct fold *f, uint64_t trade, uint64_t event, uint64_t basis, struct row_trade *row)
{
    enum tide_err err = must_exist(trade_get(f->state, trade, row));
    if (err) return err;
    const struct transition *t = trade_transition(row->state, event, basis);
    if (!t) return TIDE_EDAMAGED;
    err = deadline_del(f, (enum deadline_kind)trade_deadline_of(row->state), row->due, trade);
    row->state = t->to;
    return err;
}

enum tide_err apply_granted(struct fold *f, const struct body_granted *e)
{
    struct row_trade row;
    enum tide_err err = fold_market(f);
    if (!err) err = move_trade(f, e->trade, KIND_GRANTED, 0, &row);
    if (err) return err;
    if (e->accept_due < f->market.shift_ms) return TIDE_EDAMAGED;
    row.due = e->accept_due - f->market.shift_ms;
    row.grant_record = f->cause;
    err = trade_put(f, e->trade, &row);
    return err ? err : deadline_put(f, (enum deadline_kind)trade_deadline_of(row.state), row.due, e->trade);
}

/* What a vendor's trades came to is a mark that everyone sees. */
static enum tide_err mark_vendor(struct fold *f, uint64_t vendor, bool settled)
{
    struct row_party row;
    enum tide_err err = must_exist(party_by_number(f->state, vendor, &row));
    if (err) return err;
    if (settled) row.settled++;
    else row.missed++;
    return party_put(f, vendor, &row);
}

static enum tide_err finish_trade(struct fold *f, uint64_t trade, uint64_t event, uint64_t basis)
{
    struct row_trade row;
    enum tide_err err = move_trade(f, trade, event, basis, &row);
    if (err) return err;
    row.due = 0;
    row.final_record = f->index;
    if (basis == BASIS_ACCEPTED) row.accept_record = f->cause;
    err = trade_put(f, trade, &row);
    if (!err) err = put_trade_of(f, trade, &row, 1);
    return err ? err : mark_vendor(f, row.vendor, event == KIND_SETTLED);
}

enum tide_err apply_settled(struct fold *f, const struct body_settled *e)
{
    return finish_trade(f, e->trade, KIND_SETTLED, e->basis);
}

enum tide_err apply_refunded(struct fold *f, const struct body_refunded *e)
{
    return finish_trade(f, e->trade, KIND_REFUNDED, e->basis);
}
