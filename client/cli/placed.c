/*
 * The outcome of an order, asked after it was accepted; see placed.h.
 *
 * Always holds: the order is in the journal whatever is answered here, so that failing to ask is no failure of the
 * command. An order that goes on matching (it meets more orders than one record takes) is waited for, for a moment.
 */
#include "client/cli/placed.h"

#include "client/cli/bid.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <inttypes.h>
#include <string.h>

#define LOOKS 20
#define LOOK_MS 100

static const struct column placed_columns[] = {
    {"order", "Order", COLUMN_INDEX, NULL},     {"listing", "Listing", COLUMN_INDEX, NULL},
    {"traded", "Traded", COLUMN_COUNT, NULL},   {"left", "Left", COLUMN_COUNT, NULL},
    {"resting", "In the book", COLUMN_YES, NULL}, {NULL, NULL, COLUMN_END, NULL}};

static const struct column replaced_columns[] = {
    {"order", "Order", COLUMN_INDEX, NULL},       {"price", "Price (CNY)", COLUMN_MONEY, NULL},
    {"quantity", "Quantity", COLUMN_COUNT, NULL}, {"record", "Record", COLUMN_INDEX, NULL},
    {"traded", "Traded", COLUMN_COUNT, NULL},     {"left", "Left", COLUMN_COUNT, NULL},
    {"resting", "In the book", COLUMN_YES, NULL}, {NULL, NULL, COLUMN_END, NULL}};

/* The order's row as soon as it has come to rest or to its end; NULL: cli->error. */
static json_t *order_settle(struct cli *cli, uint64_t order)
{
    for (unsigned i = 0;; i++) {
        json_t *answer;
        if (session_ask(cli, "order", json_pack("{s:I}", "order", (json_int_t)order), &answer) != 0) return NULL;
        json_t *row = json_deep_copy(get_first(answer, "row"));
        json_decref(answer);
        if (get_bool(row, "closed") || get_bool(row, "resting") || i == LOOKS || pause_ms(cli, LOOK_MS) != 0) return row;
        json_decref(row);
    }
}

/* Its trades since that record, oldest first: {trade, price, quantity}. NULL: cli->error. */
static json_t *trades_since(struct cli *cli, uint64_t order, uint64_t since)
{
    json_t *found = json_array(), *answer;
    uint64_t before = 0;

    do { /* newest first */
        const json_t *row;
        size_t i;
        if (session_ask(cli, "trades", json_pack("{s:I,s:i}", "before", (json_int_t)before, "limit", 256), &answer) != 0) {
            json_decref(found);
            return NULL;
        }
        before = get_u64(answer, "before");
        json_array_foreach(get_list(answer, "trades"), i, row)
        {
            uint64_t trade = get_u64(row, "trade");
            if (trade < since) before = 0;
            if (trade < since || (get_u64(row, "bid") != order && get_u64(row, "ask") != order)) continue;
            json_array_insert_new(found, 0,
                                  json_pack("{s:I,s:I,s:I}", "trade", (json_int_t)trade, "price",
                                            (json_int_t)get_u64(row, "price"), "quantity", (json_int_t)get_u64(row, "quantity")));
        }
        json_decref(answer);
    } while (before != 0);
    return found;
}

/* What is left of it, in words. */
static void rest_say(const struct cli *cli, const json_t *order, const json_t *unit, uint64_t traded)
{
    uint64_t left = get_u64(order, "left");
    char many[UNITS_MAX];

    units_format(unit, left, false, many);
    if (get_bool(order, "resting") && get_bool(order, "unlimited"))
        talk(cli, "It rests in the book, unlimited.");
    else if (get_bool(order, "resting"))
        talk(cli, "%s rest in the book.", many);
    else if (get_bool(order, "closed") && left > 0)
        talk(cli, "%s closed unfilled: %s.", traded > 0 ? "The rest was" : "Nothing traded, and the order was", many);
    else if (!get_bool(order, "closed"))
        talk(cli, "It is still trading: tidemark order show %" PRIu64 ".", get_u64(order, "order"));
}

static void placed_fill(const struct cli *cli, json_t *row, const json_t *order, const json_t *unit, json_t *trades)
{
    char price[TEXT_MAX], many[UNITS_MAX];
    uint64_t traded = 0;
    const json_t *trade;
    size_t i;

    json_array_foreach(trades, i, trade)
    {
        traded += get_u64(trade, "quantity");
        yuan_format(get_u64(trade, "price"), price);
        talk(cli, "Traded %s at %s CNY: trade %" PRIu64 ".", units_format(unit, get_u64(trade, "quantity"), false, many), price,
             get_u64(trade, "trade"));
    }
    rest_say(cli, order, unit, traded);
    set_u64(row, "traded", traded);
    set_u64(row, "left", get_u64(order, "left"));
    json_object_set_new(row, "resting", json_boolean(get_bool(order, "resting")));
    json_object_set(row, "trades", trades);
}

int placed_show(struct cli *cli, uint64_t order, uint64_t since, const json_t *unit, json_t *row)
{
    bool replaced = json_object_get(row, "record") != NULL;
    json_t *now = order_settle(cli, order), *trades = NULL, *about = NULL;
    json_t *asked = json_pack("{s:I}", "listing", (json_int_t)get_u64(row, "listing"));

    if (unit == NULL && session_ask(cli, "listing", json_incref(asked), &about) == 0) unit = get_first(about, "row");
    json_decref(asked);
    if (now != NULL) trades = trades_since(cli, order, since);
    if (trades != NULL)
        placed_fill(cli, row, now, unit, trades);
    else
        talk(cli, "Accepted, but what became of it could not be asked: tidemark order show %" PRIu64 ".", order);
    memset(&cli->error, 0, sizeof cli->error);
    json_decref(now);
    json_decref(about);
    json_decref(trades);
    return show_card(cli, replaced ? replaced_columns : placed_columns, row, NULL);
}
