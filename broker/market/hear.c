/*
 * What a statement names, read into the hearing, or refused: a party, a listing, a programme, an order, a trade.
 *
 * Always holds: what does not exist, or is not the speaker's where it has to be, is an outcome; what the state's own rows
 * name and is not there is damage. The hearing's listing and programme are whole, with vendor and issuer, or none.
 * Not here: refusing itself (hearing.c), what may be done with what was read (the file of its subject).
 */
#include "broker/market/law.h"
#include "storage/judge.h"

enum tide_err hear_party(struct hearing *h, const uint8_t key[32], uint64_t *number, struct row_party *row)
{
    enum tide_err err = party_by_key(h->state, key, number, row);
    if (err && err != TIDE_ENOTFOUND) return err;
    return err || *number == MARKET_PARTY ? refuse(h, OUTCOME_NO_SUCH_PARTY) : TIDE_OK;
}

enum tide_err hear_listing(struct hearing *h, uint64_t listing)
{
    if (listing == h->listing && listing != 0) return TIDE_OK;
    h->listing = 0;
    enum tide_err err = listing_get(h->state, listing, &h->listing_row);
    if (err == TIDE_ENOTFOUND) return refuse(h, OUTCOME_NO_SUCH_LISTING);
    if (err) return err;
    err = must_exist(party_by_number(h->state, h->listing_row.vendor, &h->vendor));
    if (!err) h->listing = listing;
    return err;
}

enum tide_err hear_programme(struct hearing *h, uint64_t programme)
{
    if (h->programme == programme && programme != 0) return TIDE_OK;
    h->programme = 0;
    enum tide_err err = programme_get(h->state, programme, &h->programme_row);
    if (err == TIDE_ENOTFOUND) return refuse(h, OUTCOME_NO_SUCH_PROGRAMME);
    if (!err) err = must_exist(party_by_number(h->state, h->programme_row.issuer, &h->issuer));
    if (!err) h->programme = programme;
    return err;
}

enum tide_err hear_order(struct hearing *h, uint64_t order, struct row_order *row)
{
    uint8_t key[8];
    key_u64(key, order);
    enum tide_err err = state_get(h->state, TABLE_ORDER, key, row);
    if (err == TIDE_ENOTFOUND) return refuse(h, OUTCOME_NO_SUCH_ORDER);
    if (err) return err;
    if (row->party != h->party) return refuse(h, OUTCOME_NOT_YOURS);
    return row->closed ? refuse(h, OUTCOME_ORDER_CLOSED) : TIDE_OK;
}

enum tide_err hear_trade(struct hearing *h, uint64_t trade, bool as_vendor, enum trade_state expected,
                         struct row_trade *row)
{
    enum tide_err err = trade_get(h->state, trade, row);
    if (err == TIDE_ENOTFOUND) return refuse(h, OUTCOME_NO_SUCH_TRADE);
    if (err) return err;
    if ((as_vendor ? row->vendor : row->buyer) != h->party) return refuse(h, OUTCOME_NOT_YOURS);
    bool ended_by_deadline = row->final_record != 0 && row->accept_record == 0 && row->claim_record == 0 &&
                             !finding_is_fault(row->finding);
    bool waits = row->state == expected;
    if (!waits && !ended_by_deadline)
        return refuse_because(h, OUTCOME_WRONG_STATE, "trade %llu is %s", (unsigned long long)trade,
                              names_trade_state[row->state]);
    if (waits) {
        PASS(h, hear_listing(h, row->listing));
        if (listing_clock(&h->market, &h->listing_row, h->now_ms) < row->due) return TIDE_OK;
    }
    return refuse_because(h, OUTCOME_TOO_LATE, "the deadline of trade %llu has passed", (unsigned long long)trade);
}
