/*
 * One round of the tape (tape_round.h): reads the records once into small items, at most one a record; marks the last
 * item of every listing; then cuts the items into messages.
 */
#include "broker/server/tape_round.h"

#include "broker/server/book_view.h"

#include <stdlib.h>

#define READ_RECORDS 256
#define READ_BYTES (256u << 10)
#define RECORDS_ARENA_BYTES (8u << 20)
#define MESSAGE_ARENA_BYTES (2u << 20)

enum item_type { ITEM_TOUCH, ITEM_LISTING, ITEM_TRADE, ITEM_STATE };

struct tape_item {
    uint64_t record, time_ms, listing;
    uint64_t value;    /* the listing's new state, the trade's price, whether the market is halted */
    uint64_t quantity;
    uint8_t type, taker;
    bool last;         /* no later item of the round is of this listing */
};

void tape_round_init(struct tape_round *r, struct journal *journal, struct state_view *view)
{
    *r = (struct tape_round){.journal = journal, .view = view};
    arena_init(&r->records, RECORDS_ARENA_BYTES);
    arena_init(&r->message, MESSAGE_ARENA_BYTES);
}

void tape_round_deinit(struct tape_round *r)
{
    arena_deinit(&r->records);
    arena_deinit(&r->message);
    free(r->items);
    free(r->touched);
    *r = (struct tape_round){0};
}

/* ---- from records to items ---- */

static enum tide_err listing_of_order(struct tape_round *r, uint64_t order, uint64_t *listing)
{
    struct row_order row;
    uint8_t key[8];

    key_u64(key, order);
    enum tide_err err = state_get(r->view, TABLE_ORDER, key, &row);
    *listing = row.listing;
    return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
}

/* A listing is everybody's from its opening on. */
static bool is_public_move(const struct body_listing_moved *e)
{
    return e->to == LISTING_OPEN || e->from == LISTING_OPEN || e->from == LISTING_HALTED;
}

/* What an event says. *says is false if it is nothing for the tape. */
static enum tide_err item_of(struct tape_round *r, const struct event *event, struct tape_item *item, bool *says)
{
    const void *body = event->body;

    *says = true;
    switch (event->kind) {
    case KIND_PLACED: item->listing = ((const struct body_placed *)body)->listing; return TIDE_OK;
    case KIND_ORDER_CLOSED: return listing_of_order(r, ((const struct body_order_closed *)body)->order, &item->listing);
    case KIND_RESTED: return listing_of_order(r, ((const struct body_rested *)body)->order, &item->listing);
    case KIND_AMENDED: return listing_of_order(r, ((const struct body_amended *)body)->order, &item->listing);
    case KIND_REPLACED: return listing_of_order(r, ((const struct body_replaced *)body)->order, &item->listing);
    case KIND_TRADED: {
        const struct body_traded *e = body;
        item->type = ITEM_TRADE;
        item->listing = e->listing;
        item->value = e->price;
        item->quantity = e->quantity;
        item->taker = (uint8_t)e->taker;
        return TIDE_OK;
    }
    case KIND_LISTING_MOVED: {
        const struct body_listing_moved *e = body;
        item->type = ITEM_LISTING;
        item->listing = e->listing;
        item->value = e->to;
        *says = is_public_move(e);
        return TIDE_OK;
    }
    case KIND_MARKET_MOVED:
        item->type = ITEM_STATE;
        item->value = ((const struct body_market_moved *)body)->halted;
        return TIDE_OK;
    default:
        *says = false;
        return TIDE_OK;
    }
}

static enum tide_err add_record(struct tape_round *r, struct bytes bytes, uint64_t index)
{
    struct record record;
    struct event event;
    bool says;

    enum tide_err err = record_decode(bytes, &r->records, &record);
    if (err == TIDE_OK && record.index != index) err = TIDE_EDAMAGED;
    if (err != TIDE_OK) return err == TIDE_EMALFORMED ? TIDE_EDAMAGED : err;
    r->time_ms = record.time_ms;
    if (record.type != RECORD_EVENT) return TIDE_OK;
    err = event_decode(record.payload, &r->records, &event);
    if (err != TIDE_OK) return err == TIDE_EMALFORMED ? TIDE_EDAMAGED : err;
    struct tape_item item = {.record = index, .time_ms = record.time_ms};
    err = item_of(r, &event, &item, &says);
    if (err == TIDE_OK && says) r->items[r->n_items++] = item;
    return err;
}

/* Room for as many items as there are records. */
static enum tide_err reserve(struct tape_round *r, size_t n)
{
    if (n <= r->room) return TIDE_OK;
    struct tape_item *items = realloc(r->items, n * sizeof *items);
    if (items == NULL) return TIDE_ENOMEM;
    r->items = items;
    r->room = n;
    return TIDE_OK;
}

static enum tide_err read_items(struct tape_round *r, uint64_t from, uint64_t to)
{
    struct bytes records[READ_RECORDS];
    enum tide_err err = reserve(r, (size_t)(to - from));

    r->n_items = 0;
    while (err == TIDE_OK && from < to) {
        size_t n, want = to - from < READ_RECORDS ? (size_t)(to - from) : READ_RECORDS;
        arena_reset(&r->records);
        err = journal_read(r->journal, from, want, READ_BYTES, &r->records, records, &n);
        if (err == TIDE_OK && n == 0) err = TIDE_EDAMAGED; /* the state is never ahead of the journal */
        for (size_t i = 0; err == TIDE_OK && i < n; i++) err = add_record(r, records[i], from + i);
        from += n;
    }
    return err;
}

/* ---- the last item of each listing ---- */

/* Notes the listing; false: it was noted before. The table is never more than half full. */
static bool touch(struct tape_round *r, uint64_t listing)
{
    size_t mask = r->touched_room - 1;
    size_t at = (size_t)((listing * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & mask;

    while (r->touched[at] != 0 && r->touched[at] != listing) at = (at + 1) & mask;
    if (r->touched[at] == listing) return false;
    r->touched[at] = listing;
    return true;
}

static enum tide_err mark_last(struct tape_round *r)
{
    size_t room = 64;

    while (room < 2 * r->n_items) room *= 2;
    if (room > r->touched_room) {
        uint64_t *touched = realloc(r->touched, room * sizeof *touched);
        if (touched == NULL) return TIDE_ENOMEM;
        r->touched = touched;
        r->touched_room = room;
    }
    memset(r->touched, 0, r->touched_room * sizeof *r->touched);
    for (size_t i = r->n_items; i > 0; i--) {
        struct tape_item *item = &r->items[i - 1];
        item->last = item->type != ITEM_STATE && touch(r, item->listing);
    }
    return TIDE_OK;
}

/* ---- from items to messages ---- */

/* The lists of a message being put together; their arrays lie in the arena. */
struct draft {
    struct body_tape tape;
    size_t bytes; /* no encoding of what is in it is longer */
};

#define LISTING_BYTES_MAX (1 + 3 * 9 + 2 + LIMIT_TITLE_BYTES + 2)
#define TRADE_BYTES_MAX (1 + 4 * 9 + 1)
#define STATE_BYTES_MAX (1 + 9 + 1)
#define TOP_BYTES_MAX (1 + 9 + 2 * (1 + 1 + 3 * 9 + 1))
#define ITEM_BYTES_MAX (LISTING_BYTES_MAX + TOP_BYTES_MAX) /* one of the three, and a top */
_Static_assert(TRADE_BYTES_MAX <= LISTING_BYTES_MAX && STATE_BYTES_MAX <= LISTING_BYTES_MAX, "the longest");

static enum tide_err draft_begin(struct tape_round *r, struct draft *draft, uint64_t from)
{
    arena_reset(&r->message);
    *draft = (struct draft){.tape = {
        .from = from,
        .listings = {arena_alloc(&r->message, LIMIT_PAGE * sizeof(struct body_tape_listing)), 0},
        .trades = {arena_alloc(&r->message, LIMIT_PAGE * sizeof(struct body_tape_trade)), 0},
        .states = {arena_alloc(&r->message, LIMIT_PAGE * sizeof(struct body_tape_state)), 0},
        .tops = {arena_alloc(&r->message, LIMIT_PAGE * sizeof(struct body_tape_top)), 0},
    }};
    bool all = draft->tape.listings.items && draft->tape.trades.items && draft->tape.states.items &&
               draft->tape.tops.items;
    return all ? TIDE_OK : TIDE_ENOMEM;
}

static bool draft_is_full(const struct draft *draft)
{
    const struct body_tape *t = &draft->tape;
    return t->listings.n == LIMIT_PAGE || t->trades.n == LIMIT_PAGE || t->states.n == LIMIT_PAGE ||
           t->tops.n == LIMIT_PAGE || draft->bytes + ITEM_BYTES_MAX > LIMIT_ANSWER_BYTES;
}

static enum tide_err add_listing(struct tape_round *r, struct draft *draft, const struct tape_item *item)
{
    struct body_tape_listing *out = (struct body_tape_listing *)draft->tape.listings.items + draft->tape.listings.n++;
    struct row_listing row;
    uint8_t key[8];

    key_u64(key, item->listing);
    enum tide_err err = state_get(r->view, TABLE_LISTING, key, &row);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
    *out = (struct body_tape_listing){
        .record = item->record, .listing = item->listing, .kind = row.kind, .state = item->value,
        .title = arena_copy(&r->message, BYTES(row.title, strnlen(row.title, sizeof row.title))),
    };
    draft->bytes += LISTING_BYTES_MAX;
    return out->title.data != NULL ? TIDE_OK : TIDE_ENOMEM;
}

static enum tide_err add_top(struct tape_round *r, struct draft *draft, uint64_t listing)
{
    struct body_tape_top *out = (struct body_tape_top *)draft->tape.tops.items + draft->tape.tops.n++;
    struct book_top *top = arena_alloc(&r->message, sizeof *top);

    if (top == NULL) return TIDE_ENOMEM;
    enum tide_err err = book_top(r->view, listing, top);
    *out = (struct body_tape_top){.listing = listing, .bid = book_top_bid(top), .ask = book_top_ask(top)};
    draft->bytes += TOP_BYTES_MAX;
    return err;
}

static enum tide_err draft_add(struct tape_round *r, struct draft *draft, const struct tape_item *item)
{
    struct body_tape *t = &draft->tape;
    enum tide_err err = TIDE_OK;

    if (item->type == ITEM_LISTING) err = add_listing(r, draft, item);
    if (item->type == ITEM_TRADE) {
        ((struct body_tape_trade *)t->trades.items)[t->trades.n++] = (struct body_tape_trade){
            .record = item->record, .listing = item->listing, .price = item->value, .quantity = item->quantity,
            .taker = item->taker,
        };
        draft->bytes += TRADE_BYTES_MAX;
    }
    if (item->type == ITEM_STATE) {
        ((struct body_tape_state *)t->states.items)[t->states.n++] =
            (struct body_tape_state){.record = item->record, .halted = item->value};
        draft->bytes += STATE_BYTES_MAX;
    }
    return err == TIDE_OK && item->last ? add_top(r, draft, item->listing) : err;
}

enum tide_err tape_round_run(struct tape_round *r, uint64_t from, uint64_t to, tape_emit emit, void *ctx)
{
    struct draft draft;

    if (to < from || to - from > TAPE_ROUND_RECORDS) return TIDE_ELIMIT;
    enum tide_err err = read_items(r, from, to);
    if (err == TIDE_OK) err = mark_last(r);
    if (err == TIDE_OK) err = draft_begin(r, &draft, from);
    for (size_t i = 0; err == TIDE_OK && i < r->n_items; i++) {
        if (draft_is_full(&draft)) {
            const struct tape_item *before = &r->items[i - 1];
            draft.tape.next = before->record + 1;
            draft.tape.time_ms = before->time_ms;
            err = emit(ctx, &draft.tape);
            if (err == TIDE_OK) err = draft_begin(r, &draft, before->record + 1);
        }
        if (err == TIDE_OK) err = draft_add(r, &draft, &r->items[i]);
    }
    if (err != TIDE_OK) return err;
    draft.tape.next = to;
    draft.tape.time_ms = r->time_ms;
    return emit(ctx, &draft.tape);
}
