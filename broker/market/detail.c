/*
 * Sealed detail parts: what a vendor shows to parties of its choice before they buy, by giving them its key.
 *
 * Always holds: a party that may read a detail part has a statement of the vendor's that carries the key for it.
 * Not here: how a listing describes one (listing.c), the part's ciphertext (the store's).
 */
#include "broker/market/law.h"
#include "crypto/age.h"

static bool may_be_disclosed(const struct row_listing *row)
{
    return row->detail_len > 0 && (row->state == LISTING_PENDING || row->state == LISTING_SAMPLING ||
                                   row->state == LISTING_OPEN || row->state == LISTING_HALTED);
}

enum tide_err decide_disclose(struct hearing *h)
{
    const struct body_disclose *disclose = h->cause->statement.body;
    const struct row_listing *row = &h->listing_row;
    struct row_party reader;
    uint64_t number;
    PASS(h, hear_listing(h, disclose->listing));
    if (row->vendor != h->party) return refuse(h, OUTCOME_NOT_YOURS);
    if (row->detail_len == 0)
        return refuse_because(h, OUTCOME_WRONG_STATE, "listing %llu has no detail part", (unsigned long long)h->listing);
    if (!may_be_disclosed(row))
        return refuse_because(h, OUTCOME_WRONG_STATE, "listing %llu is %s", (unsigned long long)h->listing,
                              names_listing_state[row->state]);
    PASS(h, hear_party(h, disclose->party, &number, &reader));
    if (!age_grant_is_well_formed(disclose->grant)) return refuse(h, OUTCOME_BAD_GRANT);

    struct body_disclosed *e = EVENT(h, DISCLOSED, disclosed);
    if (!e) return TIDE_ENOMEM;
    e->listing = disclose->listing;
    memcpy(e->party, reader.key, 32);
    return TIDE_OK;
}

/* Once more for the same party takes the place of the earlier one. */
enum tide_err apply_disclosed(struct fold *f, const struct body_disclosed *e)
{
    const struct row_ref ref = {f->cause};
    struct row_listing row;
    uint64_t party;
    uint8_t key[16];
    enum tide_err err = must_exist(listing_get(f->state, e->listing, &row));
    if (!err) err = fold_party(f, e->party, &party);
    if (err) return err;
    if (!may_be_disclosed(&row) || party == MARKET_PARTY) return TIDE_EDAMAGED;
    key_u64_u64(key, e->listing, party);
    return state_put(f->state, TABLE_DISCLOSED, key, &ref);
}
