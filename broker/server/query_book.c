/*
 * A listing's book by price, and the picture that the tape goes on from: the tops of all books.
 *
 * Always holds: nobody's name is in them; a listing that is not public is in neither. A crowd at one price does not
 * make an answer long work.
 */
#include "broker/server/query_internal.h"

#include "broker/server/book_view.h"

/* ---- a book ---- */

/*
 * The best levels of one side. Where a crowd stands at one price, the level that was not counted to its end is left
 * out, unless it is the only one (it then says "at least so much").
 */
static enum tide_err side_levels(struct query *q, uint64_t listing, enum side side, uint64_t limit, struct list *out)
{
    struct book_walk walk;
    struct body_level level;
    struct page page;
    bool whole = true;
    enum tide_err err = TIDE_OK;

    if (!page_init(q, &page, &schema_level, limit)) return TIDE_ENOMEM;
    book_walk_init(&walk, q->source->view, listing, side, QUERY_SCAN_ROWS);
    while (whole && page.list.n < page.max_rows) {
        err = book_walk_next(&walk, &level, &whole);
        if (err != TIDE_OK) break;
        if (!(whole || page.list.n == 0) || !page_add(&page, &level)) break;
    }
    *out = page.list;
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

/* Reads a listing that whoever asks may see. *refused: there is none; the reply is filled. */
static enum tide_err visible_listing(struct query *q, uint64_t listing, struct row_listing *row, bool *refused)
{
    enum tide_err err = query_listing_row(q, listing, row);
    if (err != TIDE_OK && err != TIDE_ENOTFOUND) return err;
    *refused = err == TIDE_ENOTFOUND || !query_listing_is_visible(q, row);
    return *refused ? query_refuse(q, OUTCOME_NO_SUCH_LISTING, NULL) : TIDE_OK;
}

enum tide_err query_book(struct query *q)
{
    const struct body_q_book *ask = q->request->body;
    struct row_listing row;
    struct row_market market;
    bool refused;

    enum tide_err err = visible_listing(q, ask->listing, &row, &refused);
    if (err != TIDE_OK || refused) return err;
    struct body_r_book *body = query_body(q, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    err = side_levels(q, ask->listing, SIDE_BID, ask->limit, &body->bids);
    if (err == TIDE_OK) err = side_levels(q, ask->listing, SIDE_ASK, ask->limit, &body->asks);
    if (err == TIDE_OK) err = query_market_row(q, &market);
    if (err == TIDE_OK) err = state_applied(q->source->view, &body->next);
    if (err != TIDE_OK) return err;
    body->has_last = row.has_last;
    body->last_price = row.last_price;
    body->title = QUERY_TEXT(q, row.title);
    body->unit = QUERY_TEXT(q, row.unit);
    body->state = row.state;
    body->halted = market.halted;
    return TIDE_OK;
}

/* ---- the tape's picture ---- */

static enum tide_err top_row_fill(struct query *q, uint64_t listing, const struct row_listing *row,
                                  struct body_top_row *out)
{
    struct book_top *top = arena_calloc(q->arena, 1, sizeof *top);

    if (top == NULL) return TIDE_ENOMEM;
    enum tide_err err = book_top(q->source->view, listing, top);
    *out = (struct body_top_row){
        .listing = listing, .kind = row->kind, .title = QUERY_TEXT(q, row->title), .state = row->state,
        .bid = book_top_bid(top), .ask = book_top_ask(top), .has_last = row->has_last, .last_price = row->last_price,
    };
    return err;
}

/* The first listing after `*listing` that is open or halted. TIDE_ENOTFOUND. */
static enum tide_err next_traded(struct query *q, uint64_t *listing)
{
    static const uint8_t states[] = {LISTING_OPEN, LISTING_HALTED};
    uint64_t found = UINT64_MAX;
    uint8_t key[9];

    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        key_u8_u64(key, states[i], *listing);
        enum tide_err err = state_next(q->source->view, TABLE_LISTING_BY_STATE, key, 1, true, NULL);
        if (err != TIDE_OK && err != TIDE_ENOTFOUND) return err;
        if (err == TIDE_OK && be64_get(key + 1) < found) found = be64_get(key + 1);
    }
    *listing = found;
    return found != UINT64_MAX ? TIDE_OK : TIDE_ENOTFOUND;
}

/* One listing alone, in whatever state it is. */
static enum tide_err one_top(struct query *q, uint64_t listing, struct page *page, bool *refused)
{
    struct row_listing row;
    struct body_top_row out;

    enum tide_err err = visible_listing(q, listing, &row, refused);
    if (err != TIDE_OK || *refused) return err;
    err = top_row_fill(q, listing, &row, &out);
    return err == TIDE_OK && !page_add(page, &out) ? TIDE_ENOMEM : err;
}

static enum tide_err all_tops(struct query *q, uint64_t after, struct page *page, uint64_t *cursor)
{
    struct row_listing row;
    struct body_top_row out;
    uint64_t listing = after, last = 0, n_orders = 0;
    enum tide_err err;

    while ((err = next_traded(q, &listing)) == TIDE_OK) {
        bool full = page->list.n == page->max_rows || n_orders > QUERY_SCAN_ROWS;
        if (!full) {
            err = query_listing_row(q, listing, &row);
            if (err == TIDE_OK) err = top_row_fill(q, listing, &row, &out);
            if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
            full = !page_add(page, &out);
        }
        if (full) {
            *cursor = last;
            return TIDE_OK;
        }
        if (out.bid.n > 0) n_orders += ((const struct body_level *)out.bid.items)->orders;
        if (out.ask.n > 0) n_orders += ((const struct body_level *)out.ask.items)->orders;
        last = listing;
    }
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

enum tide_err query_tape(struct query *q)
{
    const struct body_q_tape *ask = q->request->body;
    struct row_market market;
    struct page page;
    bool refused = false;

    struct body_r_tape *body = query_body(q, sizeof *body);
    if (body == NULL || !page_init(q, &page, &schema_top_row, ask->limit)) return TIDE_ENOMEM;
    enum tide_err err = ask->listing != 0 ? one_top(q, ask->listing, &page, &refused)
                                          : all_tops(q, ask->after, &page, &body->after);
    if (err != TIDE_OK || refused) return err;
    body->tops = page.list;
    err = query_market_row(q, &market);
    body->halted = market.halted;
    return err == TIDE_OK ? state_applied(q->source->view, &body->next) : err;
}
