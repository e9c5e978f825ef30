/*
 * Samples: the chunks of a listing that its vendor shows in clear, so that buyers see what they would get. Which ones
 * is not the vendor's choice: the log's root after the approval draws them (docs/formats.md, "Samples").
 *
 * Always holds: after an approval that promised samples nothing is decided before `drawn`; a listing leaves `sampling`
 * for `open` only when its vendor has signed exactly the chunks drawn, and the broker has them (listing.c).
 * Not here: that the root is the log's (the broker states it, who decides the journal again checks it), the chunks'
 * bytes: their hashes are the vendor's word, which a buyer holds against what it opens.
 */
#include "broker/market/law.h"
#include "storage/sample_draw.h"

/* ---- drawn ---- */

enum tide_err decide_drawn(struct hearing *h)
{
    const struct body_drawn *drawn = h->cause->statement.body;
    PASS(h, hear_listing(h, drawn->listing));
    if (h->market.pending_work != WORK_DRAW || h->market.pending_subject != drawn->listing)
        return refuse_because(h, OUTCOME_WRONG_STATE, "listing %llu waits for no draw",
                              (unsigned long long)drawn->listing);
    struct body_sample_drawn *e = EVENT(h, SAMPLE_DRAWN, sample_drawn);
    if (!e) return TIDE_ENOMEM;
    e->listing = drawn->listing;
    sample_seed(drawn->root, e->seed);
    return TIDE_OK;
}

/* That nothing waits for it any more came with the statement (apply.c). */
enum tide_err apply_sample_drawn(struct fold *f, const struct body_sample_drawn *e)
{
    struct row_listing row;
    enum tide_err err = must_exist(listing_get(f->state, e->listing, &row));
    if (err) return err;
    if (row.state != LISTING_SAMPLING || row.has_seed) return TIDE_EDAMAGED;
    row.has_seed = 1;
    memcpy(row.seed, e->seed, 32);
    return listing_put(f, e->listing, &row);
}

/* ---- sample ---- */

static bool names_drawn_chunks(const struct row_listing *row, const struct list *named)
{
    const struct sample_chunk *chunks = named->items;
    uint64_t drawn[LIMIT_SAMPLES];
    if (named->n != row->samples || row->samples > ARRAY_LEN(drawn)) return false;
    sample_draw(row->seed, row->n_chunks, row->samples, drawn);
    for (size_t i = 0; i < named->n; i++)
        if (chunks[i].chunk != drawn[i]) return false;
    return true;
}

enum tide_err decide_sample(struct hearing *h)
{
    const struct body_sample *sample = h->cause->statement.body;
    PASS(h, hear_listing(h, sample->listing));
    const struct row_listing *row = &h->listing_row;
    if (row->vendor != h->party) return refuse(h, OUTCOME_NOT_YOURS);
    if (row->state == LISTING_SAMPLING && !row->has_seed)
        return refuse_because(h, OUTCOME_WRONG_STATE, "nothing is drawn yet");
    PASS(h, check_listing_move(h, LISTING_SAMPLING));
    if (!names_drawn_chunks(row, &sample->chunks)) return refuse(h, OUTCOME_BAD_SAMPLE);
    struct body_sampled *e = EVENT(h, SAMPLED, sampled);
    if (!e) return TIDE_ENOMEM;
    e->listing = sample->listing;
    return TIDE_OK;
}

/* A later one takes the place of an earlier one. */
enum tide_err apply_sampled(struct fold *f, const struct body_sampled *e)
{
    struct row_listing row;
    enum tide_err err = must_exist(listing_get(f->state, e->listing, &row));
    if (err) return err;
    if (row.state != LISTING_SAMPLING || !row.has_seed) return TIDE_EDAMAGED;
    row.sample_record = f->cause;
    return listing_put(f, e->listing, &row);
}
