/*
 * The audit's listings: what the market keeps of them, and of whom; their open trades; their key commitments; who may
 * read their detail parts.
 *
 * Always holds (or TIDE_EDAMAGED says where not): a vendor's listings and bytes are those of its listings' rows; a
 * listing's open trades are as many as it says; bytes are kept exactly until the listing and its trades are over; each
 * commitment leads to its listing, and nothing else does.
 * Not here: money (audit.c), the indexes of orders and trades (audit_rows.c). It is counted without the functions that
 * write these rows.
 */
#include "broker/market/audit_walk.h"
#include "crypto/age.h"

struct of_vendor {
    uint64_t n_listings, stored_bytes, n_open_trades; /* its listings' */
    uint64_t n_open;                                  /* trades in its list, as vendor */
    uint64_t party;
};

struct totals {
    uint64_t n_listings, n_commitments;
};

/* ---- one listing ---- */

static enum tide_err leads_to(const struct audit *a, uint64_t listing, const uint8_t commitment[32])
{
    struct row_ref ref;
    enum tide_err err = state_get(a->state, TABLE_CONTENT, commitment, &ref);
    if (err && err != TIDE_ENOTFOUND) return err;
    return !err && ref.index == listing ? TIDE_OK
                                        : audit_failed(a, "a key commitment of listing %llu does not lead to it",
                                                       (unsigned long long)listing);
}

static enum tide_err check_commitments(const struct audit *a, uint64_t listing, const struct row_listing *row,
                                       struct totals *t)
{
    enum tide_err err = TIDE_OK;
    if (listing_is_sealed(row->kind)) {
        t->n_commitments++;
        err = leads_to(a, listing, row->key_commitment);
    }
    if (err || row->detail_len == 0) return err;
    t->n_commitments++;
    return leads_to(a, listing, row->detail_commitment);
}

static enum tide_err check_kept_bytes(const struct audit *a, uint64_t listing, const struct row_listing *row)
{
    bool over = row->state == LISTING_CLOSED || row->state == LISTING_REFUSED;
    uint64_t expected = 0;
    if (!over || row->n_open_trades > 0) {
        if (listing_is_sealed(row->kind)) {
            expected += row->elsewhere ? row->n_chunks * HASH_BYTES : age_payload_len(row->plaintext_len);
        }
        if (row->detail_len > 0) expected += age_payload_len(row->detail_len);
    }
    if (row->stored_bytes == expected) return TIDE_OK;
    return audit_failed(a, "listing %llu: %llu bytes are kept, not %llu", (unsigned long long)listing,
                        (unsigned long long)row->stored_bytes, (unsigned long long)expected);
}

/* ---- one vendor ---- */

static enum tide_err count_open_trade(const struct audit *a, uint64_t trade, void *to)
{
    struct of_vendor *v = to;
    struct row_trade row;
    enum tide_err err = must_exist(trade_get(a->state, trade, &row));
    if (!err) v->n_open += row.vendor == v->party;
    return err;
}

static enum tide_err sum_listings(const struct audit *a, struct of_vendor *v, struct totals *t)
{
    uint8_t key[16];
    struct row_listing row;
    enum tide_err err;
    key_u64_u64(key, v->party, 0);
    for (bool after = false; !(err = state_next(a->state, TABLE_LISTING_OF, key, 8, after, NULL)); after = true) {
        uint64_t listing = be64_get(key + 8);
        err = must_exist(listing_get(a->state, listing, &row));
        if (!err) err = check_kept_bytes(a, listing, &row);
        if (!err) err = check_commitments(a, listing, &row, t);
        if (err) return err;
        if (row.vendor != v->party)
            return audit_failed(a, "listing %llu is in another vendor's list", (unsigned long long)listing);
        t->n_listings++;
        v->n_listings += row.state != LISTING_CLOSED && row.state != LISTING_REFUSED;
        v->stored_bytes += row.stored_bytes;
        v->n_open_trades += row.n_open_trades;
    }
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

/* Each listing's count was wrong if the sum is; two wrong ones of one vendor that cancel out are found when one ends. */
static enum tide_err check_vendor(const struct audit *a, const struct row_party *row, struct of_vendor *v, struct totals *t)
{
    unsigned long long n = v->party;
    enum tide_err err = sum_listings(a, v, t);
    if (!err) err = audit_walk(a, TABLE_TRADE_OF, v->party, 0, count_open_trade, v);
    if (err) return err;
    if (row->n_listings != v->n_listings)
        return audit_failed(a, "party %llu has %llu listings, not %llu", n, (unsigned long long)v->n_listings,
                            (unsigned long long)row->n_listings);
    if (row->stored_bytes != v->stored_bytes)
        return audit_failed(a, "party %llu: %llu bytes are kept, %llu by its listings", n,
                            (unsigned long long)row->stored_bytes, (unsigned long long)v->stored_bytes);
    if (v->n_open != v->n_open_trades)
        return audit_failed(a, "party %llu: %llu open trades, %llu by its listings", n, (unsigned long long)v->n_open,
                            (unsigned long long)v->n_open_trades);
    return TIDE_OK;
}

/* ---- who reads details ---- */

static enum tide_err check_disclosed(const struct audit *a)
{
    uint8_t key[16] = {0};
    struct row_listing listing;
    struct row_party party;
    enum tide_err err;
    for (bool after = false; !(err = state_next(a->state, TABLE_DISCLOSED, key, 0, after, NULL)); after = true) {
        err = must_exist(listing_get(a->state, be64_get(key), &listing));
        if (!err) err = must_exist(party_by_number(a->state, be64_get(key + 8), &party));
        if (err) return err;
        if (listing.detail_len == 0)
            return audit_failed(a, "listing %llu has no detail part to read", (unsigned long long)be64_get(key));
    }
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

/* ---- all ---- */

enum tide_err audit_listings(const struct audit *a)
{
    uint8_t key[8] = {0};
    struct row_party row;
    struct totals t = {0};
    enum tide_err err;
    for (bool after = false; !(err = state_next(a->state, TABLE_PARTY, key, 0, after, &row)); after = true) {
        struct of_vendor v = {.party = be64_get(key)};
        err = check_vendor(a, &row, &v, &t);
        if (err) return err;
    }
    if (err != TIDE_ENOTFOUND) return err;
    err = audit_count(a, TABLE_LISTING, t.n_listings);
    if (!err) err = audit_count(a, TABLE_CONTENT, t.n_commitments);
    return err ? err : check_disclosed(a);
}
