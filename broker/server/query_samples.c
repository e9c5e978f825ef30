/*
 * What a vendor shows before it sells: the samples that it signed, and the key of a sealed detail part for those to whom
 * it was opened.
 *
 * Always holds: every enrolled party may see what was signed of a listing that it may see; a detail part's key is given
 * only to the party it was sealed for, and who else has one only to the listing's vendor.
 * Not here: the chunks (the data door's).
 */
#include "broker/server/query_internal.h"

/* The listing, if whoever asks may see it. *refused: the reply is filled. */
static enum tide_err visible_listing(struct query *q, uint64_t listing, struct row_listing *row, bool *refused)
{
    enum tide_err err = query_listing_row(q, listing, row);

    *refused = err == TIDE_ENOTFOUND || (err == TIDE_OK && !query_listing_is_visible(q, row));
    return *refused ? query_refuse(q, OUTCOME_NO_SUCH_LISTING, NULL) : err;
}

/* A statement that our own rows say is there and of that kind, in the reply's arena. */
static enum tide_err read_kind(struct query *q, uint64_t index, uint64_t kind, struct query_statement *out)
{
    enum tide_err err = query_read_statement(q, index, q->arena, out);
    if (err == TIDE_ENOTFOUND || (err == TIDE_OK && out->statement.kind != kind)) return query_damaged_record(q, index);
    return err;
}

enum tide_err query_sample(struct query *q)
{
    const struct body_q_listing *ask = q->request->body;
    struct row_listing row;
    struct query_statement statement;
    bool refused;

    enum tide_err err = visible_listing(q, ask->listing, &row, &refused);
    if (err != TIDE_OK || refused) return err;
    struct body_r_sample *body = query_body(q, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    memcpy(body->seed, row.seed, 32); /* zero, which is absent, until it is drawn */
    if (row.sample_record == 0) return TIDE_OK;
    err = read_kind(q, row.sample_record, KIND_SAMPLE, &statement);
    if (err != TIDE_OK) return err;
    body->sampled = row.sample_record;
    body->envelope = statement.record.record.payload;
    return TIDE_OK;
}

/* ---- sealed details ---- */

/* The grant that was made for the asker; none: *body stays as it is. */
static enum tide_err own_grant(struct query *q, uint64_t listing, struct body_r_detail *body)
{
    struct query_statement statement;
    struct row_ref row;
    uint8_t key[16];

    key_u64_u64(key, listing, q->peer->number);
    enum tide_err err = state_get(q->source->view, TABLE_DISCLOSED, key, &row);
    if (err == TIDE_ENOTFOUND) return TIDE_OK;
    if (err == TIDE_OK) err = read_kind(q, row.index, KIND_DISCLOSE, &statement);
    if (err != TIDE_OK) return err;
    body->grant = ((const struct body_disclose *)statement.statement.body)->grant;
    body->disclosed = row.index;
    return TIDE_OK;
}

static enum tide_err detail_row_of(struct query *q, uint64_t number, uint64_t disclosed, struct body_detail_row *out)
{
    struct row_party party;

    enum tide_err err = party_by_number(q->source->view, number, &party);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
    *out = (struct body_detail_row){.name = QUERY_TEXT(q, party.name), .disclosed = disclosed};
    memcpy(out->party, party.key, 32);
    return TIDE_OK;
}

/* Who may read it, by party number; the cursor is the last one's. */
static enum tide_err disclosed_page(struct query *q, const struct body_q_detail *ask, struct body_r_detail *body)
{
    struct body_detail_row out;
    struct row_ref row;
    struct page page;
    uint8_t key[16];
    uint64_t last = ask->after;
    enum tide_err err;

    if (!page_init(q, &page, &schema_detail_row, ask->limit)) return TIDE_ENOMEM;
    key_u64_u64(key, ask->listing, ask->after);
    while ((err = state_next(q->source->view, TABLE_DISCLOSED, key, 8, true, &row)) == TIDE_OK) {
        err = detail_row_of(q, be64_get(key + 8), row.index, &out);
        if (err != TIDE_OK) return err;
        if (!page_add(&page, &out)) {
            body->after = last;
            break;
        }
        last = be64_get(key + 8);
    }
    body->parties = page.list;
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

enum tide_err query_detail(struct query *q)
{
    const struct body_q_detail *ask = q->request->body;
    struct row_listing row;
    bool refused;

    enum tide_err err = visible_listing(q, ask->listing, &row, &refused);
    if (err != TIDE_OK || refused) return err;
    if (row.detail_len == 0) return query_refuse(q, OUTCOME_NO_SUCH_DETAIL, NULL);
    struct body_r_detail *body = query_body(q, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    body->detail_len = row.detail_len;
    err = own_grant(q, ask->listing, body);
    if (err != TIDE_OK) return err;
    if (row.vendor == q->peer->number) return disclosed_page(q, ask, body);
    return body->disclosed != 0 ? TIDE_OK : query_refuse(q, OUTCOME_NO_SUCH_DETAIL, NULL);
}
