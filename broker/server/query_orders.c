/*
 * A party's own: orders, trades, one trade with its grant, accepted statements.
 *
 * Always holds: lists are of the asking party alone; one order is shown to its party and to regulators, one trade to its
 * two parties and to regulators, its grant to its two parties only. Every list is walked from the newest down and ends
 * early rather than work long.
 */
#include "broker/server/query_internal.h"

/* ---- orders ---- */

static enum tide_err order_fill(struct query *q, uint64_t order, const struct row_order *row,
                                struct body_order_row *out)
{
    struct row_listing listing;

    *out = (struct body_order_row){
        .order = order,
        .listing = row->listing,
        .placed_at = row->placed_at,
        .side = row->side,
        .type = row->type,
        .tif = row->tif,
        .price = row->price,
        .quantity = row->quantity,
        .left = row->left,
        .unlimited = row->unlimited,
        .resting = row->resting,
        .expires_at = row->expires_at,
        .closed = row->closed,
        .post_only = row->post_only,
        .budget = row->budget,
        .voucher = row->programme,
        .voucher_unit = row->voucher_unit,
    };
    enum tide_err err = query_listing_row(q, row->listing, &listing);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
    out->title = QUERY_TEXT(q, listing.title);
    return TIDE_OK;
}

static enum tide_err order_row(struct query *q, uint64_t order, struct row_order *out)
{
    uint8_t key[8];

    key_u64(key, order);
    return state_get(q->source->view, TABLE_ORDER, key, out);
}

static struct lane_walk own_walk(struct query *q, const struct body_q_own *ask, enum table table)
{
    return lane_walk_begin(table, q->peer->number, ask->open_only ? LANE_OPEN : LANE_BOTH, ask->before);
}

enum tide_err query_orders(struct query *q)
{
    const struct body_q_own *ask = q->request->body;
    struct lane_walk walk = own_walk(q, ask, TABLE_ORDER_OF);
    struct row_order row;
    struct body_order_row out;
    struct page page;
    uint64_t order, last = 0;
    enum tide_err err;

    struct body_r_orders *body = query_body(q, sizeof *body);
    if (body == NULL || !page_init(q, &page, &schema_order_row, ask->limit)) return TIDE_ENOMEM;
    while ((err = lane_walk_next(q, &walk, &order)) == TIDE_OK) {
        err = order_row(q, order, &row);
        if (err == TIDE_OK) err = order_fill(q, order, &row, &out);
        if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
        if (!page_add(&page, &out)) {
            body->before = last;
            break;
        }
        last = order;
    }
    body->orders = page.list;
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

enum tide_err query_order(struct query *q)
{
    const struct body_q_order *ask = q->request->body;
    struct row_order row;

    enum tide_err err = order_row(q, ask->order, &row);
    if (err == TIDE_ENOTFOUND) return query_refuse(q, OUTCOME_NO_SUCH_ORDER, NULL);
    if (err != TIDE_OK) return err;
    if (row.party != q->peer->number && !query_peer_is(q, ROLE_REGULATOR)) {
        return query_refuse(q, OUTCOME_NOT_YOURS, NULL);
    }
    struct body_r_order *body = query_body(q, sizeof *body);
    struct body_order_row *out = arena_calloc(q->arena, 1, sizeof *out);
    if (body == NULL || out == NULL) return TIDE_ENOMEM;
    body->row = (struct list){.items = out, .n = 1};
    return order_fill(q, ask->order, &row, out);
}

/* ---- trades ---- */

/* The statement that a bid came in: its command id gave the bid its one-time key. */
static enum tide_err bid_fill(struct query *q, uint64_t bid, struct body_trade_row *out)
{
    struct row_order order;
    struct query_statement statement;
    uint8_t key[8];

    key_u64(key, bid);
    enum tide_err err = state_get(q->source->view, TABLE_ORDER, key, &order);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
    arena_reset(q->scratch);
    err = query_read_statement(q, order.cause, q->scratch, &statement);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? query_damaged_record(q, order.cause) : err;
    memcpy(out->bid_command, statement.statement.command_id, 16);
    out->bid_item = (uint64_t)order.item_hi << 8 | order.item_lo;
    return TIDE_OK;
}

static enum tide_err grant_fill(struct query *q, const struct row_trade *row, struct body_trade_row *out)
{
    struct query_statement statement;

    if (row->grant_record == 0) return TIDE_OK;
    arena_reset(q->scratch);
    enum tide_err err = query_read_statement(q, row->grant_record, q->scratch, &statement);
    if (err == TIDE_ENOTFOUND || (err == TIDE_OK && statement.statement.kind != KIND_GRANT)) {
        return query_damaged_record(q, row->grant_record);
    }
    if (err != TIDE_OK) return err;
    out->grant = arena_copy(q->arena, ((const struct body_grant *)statement.statement.body)->grant);
    return out->grant.data != NULL ? TIDE_OK : TIDE_ENOMEM;
}

/* Who is to rule on its claim, or did. */
static enum tide_err arbiter_fill(struct query *q, const struct row_trade *row, struct body_trade_row *out)
{
    struct row_party arbiter;

    if (row->arbiter == 0) return TIDE_OK;
    enum tide_err err = party_by_number(q->source->view, row->arbiter, &arbiter);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
    memcpy(out->arbiter, arbiter.key, 32);
    return TIDE_OK;
}

static enum tide_err trade_fill(struct query *q, uint64_t trade, const struct row_trade *row,
                                struct body_trade_row *out)
{
    struct row_listing listing;

    *out = (struct body_trade_row){
        .trade = trade, .listing = row->listing, .bid = row->bid, .ask = row->ask,
        .traded_at = row->traded_at, .state = row->state,
        .quantity = row->quantity, .price = row->price, .total = row->total, .fee = row->fee,
        .final_record = row->final_record,
        .programme = row->programme, .voucher = row->voucher, .bond = row->bond, .overdue = row->overdue,
        .dispute = row->dispute_record, .verdict = row->verdict_record, .finding = row->finding,
    };
    memcpy(out->buyer, row->buyer_key, 32);
    memcpy(out->vendor, row->vendor_key, 32);
    memcpy(out->recipient, row->recipient, 32);
    enum tide_err err = query_listing_row(q, row->listing, &listing);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
    out->title = QUERY_TEXT(q, listing.title);
    out->revised_by = listing.revised_by;
    err = query_party_name(q, row->buyer, &out->buyer_name);
    if (err == TIDE_OK) err = query_party_name(q, row->vendor, &out->vendor_name);
    if (err == TIDE_OK) err = query_due(q, &listing, row, &out->due);
    if (err == TIDE_OK) err = arbiter_fill(q, row, out);
    if (err == TIDE_OK) err = settlement_text(q->source->view, trade, row, q->arena, &out->text);
    if (err == TIDE_OK && row->buyer == q->peer->number) err = bid_fill(q, row->bid, out);
    return err;
}

enum tide_err query_trades(struct query *q)
{
    const struct body_q_own *ask = q->request->body;
    struct lane_walk walk = own_walk(q, ask, TABLE_TRADE_OF);
    struct row_trade row;
    struct body_trade_row out;
    struct page page;
    uint64_t trade, last = 0;
    enum tide_err err;

    struct body_r_trades *body = query_body(q, sizeof *body);
    if (body == NULL || !page_init(q, &page, &schema_trade_row, ask->limit)) return TIDE_ENOMEM;
    while ((err = lane_walk_next(q, &walk, &trade)) == TIDE_OK) {
        err = query_trade_row(q, trade, &row);
        if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
        bool full = page.list.n == page.max_rows || q->read_bytes > QUERY_READ_BYTES;
        if (!full) {
            err = trade_fill(q, trade, &row, &out);
            if (err != TIDE_OK) return err;
        }
        if (full || !page_add(&page, &out)) {
            body->before = last;
            break;
        }
        last = trade;
    }
    body->trades = page.list;
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

enum tide_err query_trade(struct query *q)
{
    const struct body_q_trade *ask = q->request->body;
    struct row_trade row;

    enum tide_err err = query_trade_row(q, ask->trade, &row);
    if (err == TIDE_ENOTFOUND) return query_refuse(q, OUTCOME_NO_SUCH_TRADE, NULL);
    if (err != TIDE_OK) return err;
    bool of_it = row.buyer == q->peer->number || row.vendor == q->peer->number;
    if (!of_it && !query_peer_is(q, ROLE_REGULATOR)) return query_refuse(q, OUTCOME_NOT_YOURS, NULL);
    struct body_r_trade *body = query_body(q, sizeof *body);
    struct body_trade_row *out = arena_calloc(q->arena, 1, sizeof *out);
    if (body == NULL || out == NULL) return TIDE_ENOMEM;
    err = trade_fill(q, ask->trade, &row, out);
    if (err == TIDE_OK && of_it) err = grant_fill(q, &row, out);
    body->row = (struct list){.items = out, .n = 1};
    return err;
}

/*
 * The record of the statement behind one side of a trade, as it was placed or as it was replaced last before the trade
 * (0: never), or behind its listing.
 */
static enum tide_err signed_record(struct query *q, const struct row_trade *trade, uint64_t part, uint64_t *record)
{
    uint8_t key[8];
    struct row_order order;
    struct row_listing listing;
    enum tide_err err;

    switch (part) {
    case SIGNED_LISTING:
        err = query_listing_row(q, trade->listing, &listing);
        *record = listing.cause;
        return err;
    case SIGNED_BID_REPLACED: *record = trade->bid_replaced; return TIDE_OK;
    case SIGNED_ASK_REPLACED: *record = trade->ask_replaced; return TIDE_OK;
    default: break;
    }
    key_u64(key, part == SIGNED_BID ? trade->bid : trade->ask);
    err = state_get(q->source->view, TABLE_ORDER, key, &order);
    *record = order.cause;
    return err;
}

/*
 * Its two parties need believe nobody about a trade: they see what the other one signed. A batch is under one signature and
 * comes whole.
 */
enum tide_err query_signed(struct query *q)
{
    const struct body_q_signed *ask = q->request->body;
    struct row_trade row;
    struct query_statement statement;
    uint64_t record;

    enum tide_err err = query_trade_row(q, ask->trade, &row);
    if (err == TIDE_ENOTFOUND) return query_refuse(q, OUTCOME_NO_SUCH_TRADE, NULL);
    if (err != TIDE_OK) return err;
    bool of_it = row.buyer == q->peer->number || row.vendor == q->peer->number;
    if (!of_it && !query_peer_is(q, ROLE_REGULATOR)) return query_refuse(q, OUTCOME_NOT_YOURS, NULL);
    err = signed_record(q, &row, ask->part, &record);
    if (err == TIDE_OK && record == 0) return query_refuse(q, OUTCOME_NO_SUCH_RECORD, "It was not replaced before the trade.");
    struct body_r_signed *body = query_body(q, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    if (err == TIDE_OK) err = query_read_statement(q, record, q->arena, &statement);
    if (err == TIDE_OK) body->envelope = statement.record.record.payload;
    return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err; /* rows of ours name rows and records of ours */
}

/* ---- statements ---- */

enum tide_err query_statements(struct query *q)
{
    const struct body_q_own *ask = q->request->body;
    uint8_t key[16];
    struct row_own_statement row;
    struct query_statement statement;
    struct page page;
    uint64_t last = 0;
    enum tide_err err;

    struct body_r_statements *body = query_body(q, sizeof *body);
    if (body == NULL || !page_init(q, &page, &schema_statement_row, ask->limit)) return TIDE_ENOMEM;
    key_u64_u64(key, q->peer->number, ask->before != 0 ? ask->before : UINT64_MAX);
    while ((err = state_prev(q->source->view, TABLE_OWN_STATEMENT, key, 8, true, &row)) == TIDE_OK) {
        if (page.list.n == page.max_rows || q->read_bytes > QUERY_READ_BYTES) {
            body->before = last;
            break;
        }
        uint64_t index = be64_get(key + 8);
        arena_reset(q->scratch);
        err = query_read_statement(q, index, q->scratch, &statement);
        if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? query_damaged_record(q, index) : err;
        struct body_statement_row out = {
            .index = index, .kind = row.kind, .time_ms = statement.record.record.time_ms,
        };
        memcpy(out.command_id, statement.statement.command_id, 16);
        if (!page_add(&page, &out)) {
            body->before = last;
            break;
        }
        last = index;
    }
    body->statements = page.list;
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}
