/*
 * Trades: from the match to the vendor's grant, and to settlement or refund.
 *
 * Always holds: a trade's money, and what a voucher pays of it, are in the buyer's escrow until it is final; a final
 * trade has left its mark on its parties.
 * Not here: how a trade comes about (book.c), its rows and its deadline (trade_rows.c), disputes (dispute.c), claims
 * (claim.c), when deadlines are due (deadline.c, due.c).
 */
#include "broker/market/law.h"
#include "crypto/age.h"
#include "crypto/sign.h"
#include "storage/judge.h"
#include "storage/settlement.h"

#define CREDENTIAL_MAX 4096u /* bytes of a credential before sealing */

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
        .voucher = row->voucher,
        .programme = row->programme,
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

/* `signature` is the speaker's over the trade's text, by the key it has now. */
static enum tide_err check_signature(struct hearing *h, uint64_t trade, const struct row_trade *row,
                                     const uint8_t signature[64])
{
    struct bytes text;
    enum tide_err err = settlement_text(h->state, trade, row, h->arena, &text);
    if (err) return err;
    return sign_verify(h->speaker.key, DOMAIN_NONE, text, signature) == TIDE_OK
               ? TIDE_OK
               : refuse(h, OUTCOME_BAD_SETTLEMENT_SIGNATURE);
}

/* ---- grant and acceptance ---- */

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
    PASS(h, check_signature(h, grant->trade, &row, grant->signature));

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
    PASS(h, check_signature(h, accept->trade, &row, accept->signature));
    return trade_settle(h, accept->trade, &row, BASIS_ACCEPTED);
}

/* ---- ends ---- */

/* A ruling gives the bond to who was right. */
static void add_bond(struct list *postings, const struct row_trade *row, const uint8_t to[32])
{
    posting_add(postings, row->buyer_key, ACCOUNT_HELD, ASSET_CNY, -(int64_t)row->bond);
    posting_add(postings, to, ACCOUNT_AVAILABLE, ASSET_CNY, (int64_t)row->bond);
}

/* What a voucher pays: its asset out of the world, as much of the issuer's money set free, for the vendor. */
static enum tide_err add_redemption(struct hearing *h, struct list *postings, const struct row_trade *row)
{
    struct row_programme programme;
    struct row_party issuer;
    if (row->voucher == 0) return TIDE_OK;
    enum tide_err err = must_exist(programme_get(h->state, row->programme, &programme));
    if (!err) err = must_exist(party_by_number(h->state, programme.issuer, &issuer));
    if (err) return err;
    posting_add(postings, row->buyer_key, ACCOUNT_ESCROW, row->programme, -(int64_t)row->voucher);
    posting_add(postings, NULL, ACCOUNT_ISSUED, row->programme, (int64_t)row->voucher);
    posting_add(postings, issuer.key, ACCOUNT_ESCROW, ASSET_CNY, -(int64_t)row->voucher);
    return TIDE_OK;
}

enum tide_err trade_settle(struct hearing *h, uint64_t trade, const struct row_trade *row, enum basis basis)
{
    ASSERT(trade_transition(row->state, KIND_SETTLED, basis));
    struct body_settled *e = EVENT(h, SETTLED, settled);
    if (!e) return TIDE_ENOMEM;
    e->trade = trade;
    e->basis = basis;
    enum tide_err err = settlement_text(h->state, trade, row, h->arena, &e->text);
    if (!err) err = postings_new(h, &e->postings, LIMIT_POSTINGS);
    if (err) return err;
    uint64_t gets = row->total - row->fee, hold_ms = h->market.parameters[PARAM_VOUCHER_HOLD_MS];
    posting_add(&e->postings, row->buyer_key, ACCOUNT_ESCROW, ASSET_CNY, -(int64_t)(row->total - row->voucher));
    err = add_redemption(h, &e->postings, row);
    posting_add(&e->postings, row->vendor_key, ACCOUNT_AVAILABLE, ASSET_CNY, (int64_t)gets);
    posting_add(&e->postings, NULL, ACCOUNT_FEES, ASSET_CNY, (int64_t)row->fee);
    add_bond(&e->postings, row, row->vendor_key);
    if (hold_ms > 0) e->locked = row->voucher < gets ? row->voucher : gets;
    if (e->locked > 0) e->locked_until = h->now_ms + hold_ms;
    return err;
}

enum tide_err trade_refund(struct hearing *h, uint64_t trade, const struct row_trade *row, enum basis basis,
                           enum finding finding)
{
    ASSERT(trade_transition(row->state, KIND_REFUNDED, basis));
    struct body_refunded *e = EVENT(h, REFUNDED, refunded);
    if (!e) return TIDE_ENOMEM;
    e->trade = trade;
    e->basis = basis;
    e->finding = finding;
    enum tide_err err = settlement_text(h->state, trade, row, h->arena, &e->text);
    if (!err) err = postings_new(h, &e->postings, LIMIT_POSTINGS);
    if (err) return err;
    posting_add(&e->postings, row->buyer_key, ACCOUNT_ESCROW, ASSET_CNY, -(int64_t)(row->total - row->voucher));
    posting_add(&e->postings, row->buyer_key, ACCOUNT_AVAILABLE, ASSET_CNY, (int64_t)(row->total - row->voucher));
    add_bond(&e->postings, row, row->buyer_key);
    return voucher_free(h, &e->postings, row->programme, row->buyer_key, ACCOUNT_ESCROW, row->voucher);
}

enum tide_err trade_unlock(struct hearing *h, uint64_t trade)
{
    struct row_trade row;
    enum tide_err err = must_exist(trade_get(h->state, trade, &row));
    if (err) return err;
    struct body_unlocked *e = EVENT(h, UNLOCKED, unlocked);
    if (!e) return TIDE_ENOMEM;
    e->trade = trade;
    memcpy(e->party, row.vendor_key, 32);
    e->amount = row.locked;
    return TIDE_OK;
}

/* ---- writing ---- */

enum tide_err apply_granted(struct fold *f, const struct body_granted *e)
{
    struct row_trade row;
    enum tide_err err = trade_move(f, e->trade, KIND_GRANTED, 0, &row);
    if (err) return err;
    row.grant_record = f->cause;
    err = trade_deadline_set(f, (enum deadline_kind)trade_deadline_of(row.state), e->trade, &row, e->accept_due);
    return err ? err : trade_put(f, e->trade, &row);
}

/* ---- what is locked ---- */

static enum tide_err move_locked(struct fold *f, uint64_t party, int64_t amount)
{
    struct row_account row;
    uint8_t key[16];
    enum tide_err err = account_get(f->state, party, ASSET_CNY, &row);
    if (err) return err;
    /* Each amount is within 2^53: to overflow, a bank would have to carry all money there can be around 1,000 times. */
    int64_t locked = (int64_t)row.locked + amount;
    if (locked < 0) return TIDE_EDAMAGED;
    row.locked = (uint64_t)locked;
    key_u64_u64(key, party, ASSET_CNY);
    return state_put(f->state, TABLE_ACCOUNT, key, &row);
}

/* The final trade's row keeps the time until then where an open one keeps that of its deadline. */
static enum tide_err lock(struct fold *f, uint64_t trade, struct row_trade *row, uint64_t amount, uint64_t until)
{
    if (amount > row->voucher || amount > row->total - row->fee || until <= f->time_ms) return TIDE_EDAMAGED;
    row->locked = amount;
    row->due_key = until;
    enum tide_err err = move_locked(f, row->vendor, (int64_t)amount);
    return err ? err : deadline_put(f, DEADLINE_UNLOCK, until, trade);
}

/* ---- the end, written ---- */

/* What a party's trades came to are marks that everyone sees. */
enum tide_err party_mark(struct fold *f, uint64_t party, size_t member)
{
    struct row_party row;
    enum tide_err err = must_exist(party_by_number(f->state, party, &row));
    if (err) return err;
    *(uint64_t *)((char *)&row + member) += 1;
    return party_put(f, party, &row);
}

static enum tide_err mark_parties(struct fold *f, const struct row_trade *row, uint64_t event, uint64_t basis)
{
    if (event == KIND_REFUNDED)
        return party_mark(f, row->vendor, basis == BASIS_DEADLINE ? offsetof(struct row_party, missed)
                                                                  : offsetof(struct row_party, faults));
    enum tide_err err = party_mark(f, row->vendor, offsetof(struct row_party, settled));
    if (err || basis != BASIS_RULING) return err;
    return party_mark(f, row->buyer, offsetof(struct row_party, unproven));
}

/* What an event that ends a trade says. `locked`: of the vendor's money, until `until`; 0: nothing. */
struct trade_end {
    uint64_t trade, event, basis, finding, locked, until;
};

static enum tide_err finish_trade(struct fold *f, const struct trade_end *end)
{
    struct row_trade row;
    enum tide_err err = trade_move(f, end->trade, end->event, end->basis, &row);
    if (err) return err;
    if (row.claim_record != 0) err = claim_unlist(f, end->trade, &row);
    if (!err && end->basis == BASIS_VERDICT) err = dispute_end(f, end->trade, &row, end->finding);
    row.due = row.due_key = row.overdue = 0;
    row.final_record = f->index;
    if (end->basis == BASIS_ACCEPTED) row.accept_record = f->cause;
    if (!err && end->locked > 0) err = lock(f, end->trade, &row, end->locked, end->until);
    if (!err) err = trade_put(f, end->trade, &row);
    if (!err) err = trade_of_put(f, end->trade, &row, 1);
    if (!err) err = mark_parties(f, &row, end->event, end->basis);
    return err ? err : kept_trade_ended(f, row.listing);
}

enum tide_err apply_settled(struct fold *f, const struct body_settled *e)
{
    return finish_trade(f, &(struct trade_end){.trade = e->trade, .event = KIND_SETTLED, .basis = e->basis,
                                               .locked = e->locked, .until = e->locked_until});
}

enum tide_err apply_refunded(struct fold *f, const struct body_refunded *e)
{
    if (finding_is_fault(e->finding) != (e->basis == BASIS_VERDICT)) return TIDE_EDAMAGED;
    return finish_trade(f, &(struct trade_end){.trade = e->trade, .event = KIND_REFUNDED, .basis = e->basis,
                                               .finding = e->finding});
}

enum tide_err apply_unlocked(struct fold *f, const struct body_unlocked *e)
{
    struct row_trade row;
    uint64_t party;
    enum tide_err err = must_exist(trade_get(f->state, e->trade, &row));
    if (!err) err = fold_party(f, e->party, &party);
    if (err) return err;
    if (row.locked != e->amount || row.vendor != party) return TIDE_EDAMAGED;
    err = deadline_del(f, DEADLINE_UNLOCK, row.due_key, e->trade);
    if (!err) err = move_locked(f, party, -(int64_t)e->amount);
    row.locked = row.due_key = 0;
    return err ? err : trade_put(f, e->trade, &row);
}
