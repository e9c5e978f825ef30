/*
 * Listings closed without ever a trade, counted for their vendor by title and by content: a later listing of the same
 * shows how often its vendor tried before.
 *
 * Always holds: a count never goes down; refused listings are not counted.
 * Not here: which listings those are (listing.c).
 */
#include "broker/market/law.h"
#include "crypto/hash.h"

/* The two things by which a vendor's untraded listings are counted. */
struct untraded_keys {
    uint8_t keys[2][40];
    size_t n;
};

static void untraded_keys(struct untraded_keys *out, uint64_t vendor, struct bytes title,
                          const uint8_t content_root[32])
{
    static const uint8_t none[32];
    be64_put(out->keys[0], vendor);
    sha256(title, out->keys[0] + 8);
    be64_put(out->keys[1], vendor);
    memcpy(out->keys[1] + 8, content_root, 32);
    out->n = memcmp(content_root, none, 32) == 0 ? 1 : 2;
}

/* A key without a row counts 0. */
enum tide_err untraded_before(struct hearing *h, const struct body_publish *p, uint64_t *count)
{
    struct untraded_keys keys;
    struct row_ref row;
    *count = 0;
    untraded_keys(&keys, h->party, p->title, p->content_root);
    for (size_t i = 0; i < keys.n; i++) {
        enum tide_err err = state_get(h->state, TABLE_UNTRADED, keys.keys[i], &row);
        if (err && err != TIDE_ENOTFOUND) return err;
        if (row.index > *count) *count = row.index;
    }
    return TIDE_OK;
}

enum tide_err untraded_count(struct fold *f, const struct row_listing *listing)
{
    struct untraded_keys keys;
    struct row_ref row;
    untraded_keys(&keys, listing->vendor, BYTES_TEXT(listing->title), listing->content_root);
    for (size_t i = 0; i < keys.n; i++) {
        enum tide_err err = state_get(f->state, TABLE_UNTRADED, keys.keys[i], &row);
        if (err && err != TIDE_ENOTFOUND) return err;
        row.index++; /* fewer than there are records */
        err = state_put(f->state, TABLE_UNTRADED, keys.keys[i], &row);
        if (err) return err;
    }
    return TIDE_OK;
}
