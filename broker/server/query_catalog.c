/*
 * One listing, whole.
 *
 * Always holds: a listing that was not approved yet, or was refused, is seen only by its vendor, by reviewers,
 * operators and regulators; for everyone else it does not exist.
 */
#include "broker/server/query_internal.h"

bool query_listing_is_visible(const struct query *q, const struct row_listing *row)
{
    switch (row->state) {
    case LISTING_AWAITING:
    case LISTING_PENDING:
    case LISTING_REFUSED:
        return (q->peer->number != 0 && row->vendor == q->peer->number) ||
               query_peer_is(q, ROLE_REVIEWER | ROLE_OPERATOR | ROLE_REGULATOR);
    default:
        return true;
    }
}

/* The first key of the asks is the best one. */
enum tide_err query_best_ask(struct query *q, uint64_t listing, bool *has, uint64_t *price)
{
    uint8_t key[BOOK_KEY_BYTES];

    *has = false;
    *price = 0;
    key_book(key, listing, SIDE_ASK, 0, 0);
    enum tide_err err = state_next(q->source->view, TABLE_BOOK, key, 9, false, NULL);
    if (err == TIDE_ENOTFOUND) return TIDE_OK;
    if (err != TIDE_OK) return err;
    *has = true;
    *price = book_key_price(key);
    return TIDE_OK;
}

/* Its vendor: name and marks, which buyers go by. */
static enum tide_err fill_vendor(struct query *q, uint64_t number, struct body_listing_row *out)
{
    struct row_party vendor;

    enum tide_err err = party_by_number(q->source->view, number, &vendor);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
    out->vendor_name = QUERY_TEXT(q, vendor.name);
    out->vendor_settled = vendor.settled;
    out->vendor_missed = vendor.missed;
    out->vendor_faults = vendor.faults;
    return TIDE_OK;
}

enum tide_err query_listing_fill(struct query *q, uint64_t listing, const struct row_listing *row,
                                 struct body_listing_row *out)
{
    bool has_ask;

    memset(out, 0, sizeof *out);
    out->listing = listing;
    out->listed_at = row->listed_at;
    memcpy(out->vendor, row->vendor_key, 32);
    out->kind = row->kind;
    out->title = QUERY_TEXT(q, row->title);
    out->state = row->state;
    out->class = row->class;
    out->plaintext_len = row->plaintext_len;
    out->n_chunks = row->n_chunks;
    memcpy(out->nonce, row->nonce, 16);
    memcpy(out->content_root, row->content_root, 32);
    memcpy(out->key_commitment, row->key_commitment, 32);
    memcpy(out->terms_hash, row->terms_hash, 32);
    out->has_last = row->has_last;
    out->last_price = row->last_price;
    out->unit = QUERY_TEXT(q, row->unit);
    out->category = QUERY_TEXT(q, row->category);
    out->place = QUERY_TEXT(q, row->place);
    out->time_from = row->time_from;
    out->time_to = row->time_to;
    out->revises = row->revises;
    out->revised_by = row->revised_by;
    out->certificate = row->certificate;
    out->registered = row->registered;
    out->samples = row->samples;
    out->closed_untraded = row->closed_untraded;
    out->n_trades = row->n_trades;
    memcpy(out->seed, row->seed, 32);
    out->sampled = row->sample_record;
    out->detail_len = row->detail_len;
    out->elsewhere = row->elsewhere;
    enum tide_err err = query_best_ask(q, listing, &has_ask, &out->best_ask);
    out->has_ask = has_ask;
    return err == TIDE_OK ? fill_vendor(q, row->vendor, out) : err;
}

enum tide_err query_listing(struct query *q)
{
    const struct body_q_listing *ask = q->request->body;
    struct row_listing row;
    struct query_statement statement;

    enum tide_err err = query_listing_row(q, ask->listing, &row);
    if (err != TIDE_OK && err != TIDE_ENOTFOUND) return err;
    if (err == TIDE_ENOTFOUND || !query_listing_is_visible(q, &row)) {
        return query_refuse(q, OUTCOME_NO_SUCH_LISTING, NULL);
    }
    struct body_r_listing *body = query_body(q, sizeof *body);
    struct body_listing_row *out = arena_calloc(q->arena, 1, sizeof *out);
    if (body == NULL || out == NULL) return TIDE_ENOMEM;
    err = query_listing_fill(q, ask->listing, &row, out);
    if (err == TIDE_OK) err = query_read_statement(q, row.cause, q->arena, &statement);
    if (err == TIDE_ENOTFOUND || (err == TIDE_OK && statement.statement.kind != KIND_PUBLISH)) {
        return query_damaged_record(q, row.cause);
    }
    if (err != TIDE_OK) return err;
    body->row = (struct list){.items = out, .n = 1};
    /* The list is only read from; the decoded body stays as it is. */
    body->published = (struct list){.items = (void *)(uintptr_t)statement.statement.body, .n = 1};
    return TIDE_OK;
}
