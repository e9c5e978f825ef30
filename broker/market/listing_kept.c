/*
 * What the market keeps for a vendor: how many listings, and how many bytes of their contents in its store.
 *
 * Always holds: a vendor's count of listings is that of its listings which are not closed or refused; its bytes are the
 * sum over its listings, and a listing has some from its publication until it is closed or refused and its last trade is
 * final.
 * Not here: the store itself, which removes what no listing needs (broker/server).
 */
#include "broker/market/law.h"
#include "crypto/age.h"

/* Of a payload that lies elsewhere its manifest is kept: a vendor names how many chunks it has, and nobody looks before. */
uint64_t kept_bytes(uint64_t kind, uint64_t plaintext_len, bool elsewhere, uint64_t detail_len)
{
    uint64_t content = elsewhere ? HASH_BYTES * age_n_chunks(plaintext_len) : age_payload_len(plaintext_len);
    if (!listing_is_sealed(kind)) content = 0;
    return content + (detail_len > 0 ? age_payload_len(detail_len) : 0);
}

/* No two of the three come to 2^64: each is within 2^53, or little more. */
enum tide_err check_kept(struct hearing *h, uint64_t bytes)
{
    uint64_t most = h->market.parameters[PARAM_VENDOR_BYTES_MAX];
    if (bytes == 0 || h->speaker.stored_bytes + bytes <= most) return TIDE_OK;
    return refuse_because(h, OUTCOME_NO_ROOM, "%llu bytes are kept, %llu more would be over %llu",
                          (unsigned long long)h->speaker.stored_bytes, (unsigned long long)bytes,
                          (unsigned long long)most);
}

enum tide_err kept_begin(struct fold *f, const struct row_listing *row)
{
    struct row_party vendor;
    enum tide_err err = must_exist(party_by_number(f->state, row->vendor, &vendor));
    if (err) return err;
    vendor.n_listings++;
    if (!add_u64(vendor.stored_bytes, row->stored_bytes, &vendor.stored_bytes)) return TIDE_EDAMAGED;
    return party_put(f, row->vendor, &vendor);
}

/* Nothing is kept of the listing any more. Changes both rows. */
static enum tide_err release(struct row_listing *row, struct row_party *vendor)
{
    if (vendor->stored_bytes < row->stored_bytes) return TIDE_EDAMAGED;
    vendor->stored_bytes -= row->stored_bytes;
    row->stored_bytes = 0;
    return TIDE_OK;
}

enum tide_err kept_listing_ended(struct fold *f, uint64_t listing, struct row_listing *row)
{
    struct row_party vendor;
    enum tide_err err = must_exist(party_by_number(f->state, row->vendor, &vendor));
    if (err) return err;
    if (vendor.n_listings == 0) return TIDE_EDAMAGED;
    vendor.n_listings--;
    if (row->n_open_trades == 0) {
        err = release(row, &vendor);
        if (!err) err = listing_put(f, listing, row);
    }
    return err ? err : party_put(f, row->vendor, &vendor);
}

enum tide_err kept_trade_ended(struct fold *f, uint64_t listing)
{
    struct row_listing row;
    struct row_party vendor;
    enum tide_err err = must_exist(listing_get(f->state, listing, &row));
    if (err) return err;
    if (row.n_open_trades == 0) return TIDE_EDAMAGED;
    row.n_open_trades--;
    if (row.n_open_trades == 0 && row.stored_bytes > 0 && listing_is_over(row.state)) {
        err = must_exist(party_by_number(f->state, row.vendor, &vendor));
        if (!err) err = release(&row, &vendor);
        if (!err) err = party_put(f, row.vendor, &vendor);
    }
    return err ? err : listing_put(f, listing, &row);
}
