/*
 * Voucher programmes, and what whoever asks has of them.
 *
 * Always holds: a programme is public; what somebody was given of it is shown to that party alone.
 */
#include "broker/server/query_internal.h"

struct programmes {
    struct query *q;
    const struct body_q_programmes *ask;
    uint8_t key[16]; /* of PROGRAMME, or (one's own) of ACCOUNT */
};

/*
 * The next lower programme. One's own are those that one has, or had, an account of: its issuer was issued all of it,
 * and nobody is given any without an account.
 */
static enum tide_err next_programme(struct programmes *p, uint64_t *programme)
{
    struct state_view *view = p->q->source->view;
    bool mine = p->ask->mine;

    enum tide_err err = mine ? state_prev(view, TABLE_ACCOUNT, p->key, 8, true, NULL)
                             : state_prev(view, TABLE_PROGRAMME, p->key, 0, true, NULL);
    *programme = err == TIDE_OK ? be64_get(p->key + (mine ? 8 : 0)) : 0;
    return err == TIDE_OK && *programme == 0 ? TIDE_ENOTFOUND : err; /* 0: CNY */
}

static enum tide_err account_of(struct query *q, uint64_t party, uint64_t asset, struct row_account *out)
{
    uint8_t key[16];

    key_u64_u64(key, party, asset);
    enum tide_err err = state_get(q->source->view, TABLE_ACCOUNT, key, out);
    return err == TIDE_ENOTFOUND ? TIDE_OK : err; /* cleared: nothing was ever posted */
}

/* What the asking party has of it. */
static enum tide_err own_share(struct query *q, uint64_t programme, const struct row_programme *row,
                               struct body_programme_row *out)
{
    struct row_account account;
    struct row_voucher voucher;
    uint8_t key[16];

    enum tide_err err = account_of(q, row->issuer, programme, &account);
    if (err != TIDE_OK) return err;
    out->left = account.available;
    if (q->peer->number == 0) return TIDE_OK;
    err = account_of(q, q->peer->number, programme, &account);
    if (err != TIDE_OK) return err;
    out->available = account.available;
    out->held = account.held;
    out->escrow = account.escrow;
    key_u64_u64(key, programme, q->peer->number);
    err = state_get(q->source->view, TABLE_VOUCHER, key, &voucher);
    out->given = voucher.given;
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

static enum tide_err programme_fill(struct query *q, uint64_t programme, const struct row_programme *row,
                                    struct body_programme_row *out)
{
    struct row_party issuer;

    *out = (struct body_programme_row){
        .programme = programme, .name = QUERY_TEXT(q, row->name), .state = row->state, .kinds = row->kinds,
        .share_bp = row->share_bp, .top_price = row->top_price, .cap_party = row->cap_party, .fund = row->fund,
        .ends_at = row->ends_at,
    };
    enum tide_err err = party_by_number(q->source->view, row->issuer, &issuer);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
    memcpy(out->issuer, issuer.key, 32);
    out->issuer_name = QUERY_TEXT(q, issuer.name);
    return own_share(q, programme, row, out);
}

/* Steps down until the page or the work allowed is full; those passed over count as work. */
static enum tide_err walk(struct programmes *p, struct page *page, uint64_t *before)
{
    struct row_programme row;
    struct body_programme_row out;
    uint64_t programme, last = 0;
    uint8_t key[8];

    for (size_t i = 0;; i++) {
        enum tide_err err = next_programme(p, &programme);
        if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_OK : err;
        bool full = i == QUERY_SCAN_ROWS;
        if (!full) {
            key_u64(key, programme);
            err = state_get(p->q->source->view, TABLE_PROGRAMME, key, &row);
            if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
            if (!p->ask->open_only || row.state == PROGRAMME_OPEN) {
                err = programme_fill(p->q, programme, &row, &out);
                if (err != TIDE_OK) return err;
                full = !page_add(page, &out);
            }
        }
        if (full) {
            *before = last;
            return TIDE_OK;
        }
        last = programme;
    }
}

enum tide_err query_programmes(struct query *q)
{
    struct programmes p = {.q = q, .ask = q->request->body};
    uint64_t before = p.ask->before != 0 ? p.ask->before : UINT64_MAX;
    struct page page;

    if (p.ask->mine && q->peer->number == 0) return query_refuse(q, OUTCOME_UNKNOWN_PARTY, NULL);
    if (p.ask->mine) key_u64_u64(p.key, q->peer->number, before);
    else key_u64(p.key, before);
    struct body_r_programmes *body = query_body(q, sizeof *body);
    if (body == NULL || !page_init(q, &page, &schema_programme_row, p.ask->limit)) return TIDE_ENOMEM;
    enum tide_err err = walk(&p, &page, &body->before);
    body->programmes = page.list;
    return err;
}
