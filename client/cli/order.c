/*
 * order bid, ask, cancel, list: orders by hand.
 */
#include "client/cli/bid.h"
#include "client/cli/commands.h"
#include "client/cli/session.h"
#include "client/cli/show.h"

#include <inttypes.h>

static const struct column order_columns[] = {
    {"order", "Order", COLUMN_INDEX, NULL},       {"listing", "Listing", COLUMN_INDEX, NULL},
    {"placed_at", "Placed", COLUMN_TIME, NULL},   {"side", "Side", COLUMN_TEXT, NULL},
    {"price", "Price (CNY)", COLUMN_MONEY, NULL}, {"quantity", "Quantity", COLUMN_COUNT, NULL},
    {"left", "Left", COLUMN_COUNT, NULL},         {"unlimited", "Unlimited", COLUMN_YES, NULL},
    {"resting", "In book", COLUMN_YES, NULL},     {NULL, NULL, COLUMN_END, NULL}};

static const struct column placed_columns[] = {
    {"order", "Order", COLUMN_INDEX, NULL}, {"listing", "Listing", COLUMN_INDEX, NULL}, {NULL, NULL, COLUMN_END, NULL}};

static int placed_show(struct cli *cli, uint64_t order, uint64_t listing)
{
    json_t *row = json_pack("{s:I,s:I}", "order", (json_int_t)order, "listing", (json_int_t)listing);
    int code = show_card(cli, placed_columns, row, NULL);

    json_decref(row);
    return code;
}

int order_bid(struct cli *cli)
{
    struct bid bid = {.price_fen = args_number(&cli->args, "price", 0),
                      .quantity = args_number(&cli->args, "quantity", 0),
                      .purpose = args_text(&cli->args, "purpose")};
    json_t *answer = NULL;
    uint64_t order;
    int code;

    if (!value_number(cli, 0, "listing", &bid.listing)) return cli_fail(cli, "%s", "");
    if (bid_total(cli, &bid) != 0 ||
        session_ask(cli, "listing", json_pack("{s:I}", "listing", (json_int_t)bid.listing), &answer) != 0) {
        return cli_fail(cli, "cannot bid on listing %" PRIu64, bid.listing);
    }
    bid.row = get_first(answer, "row");
    bid.published = get_first(answer, "published");
    if (!bid_dry_run(cli, &bid, &code)) {
        if (bid_confirm(cli, &bid) != 0 || bid_place(cli, &bid, &order) != 0) {
            code = cli_fail(cli, "cannot bid on listing %" PRIu64, bid.listing);
        } else {
            code = placed_show(cli, order, bid.listing);
        }
    }
    json_decref(answer);
    return code;
}

int order_ask(struct cli *cli)
{
    uint64_t listing, quantity = args_number(&cli->args, "quantity", 0);
    json_t *answer;
    int code;

    if (!value_number(cli, 0, "listing", &listing)) return cli_fail(cli, "%s", "");
    bool unlimited = quantity == QUANTITY_UNLIMITED;
    json_t *body = json_pack("{s:I,s:s,s:s,s:I,s:I,s:b}", "listing", (json_int_t)listing, "side", "ask", "type",
                             "limit", "price", (json_int_t)args_number(&cli->args, "price", 0), "quantity",
                             (json_int_t)(unlimited ? 0 : quantity), "unlimited", unlimited);
    if (!session_state_or_fail(cli, "order", body, &answer, &code, "cannot place the ask")) return code;
    code = placed_show(cli, answer_name(answer), listing);
    json_decref(answer);
    return code;
}

/* One order; an exit code. */
static int cancel_one(struct cli *cli, size_t i)
{
    uint64_t order;
    json_t *answer;
    int code;

    if (!value_number(cli, i, "order", &order)) return cli_fail(cli, "cannot cancel it");
    json_t *body = json_pack("{s:I}", "order", (json_int_t)order);
    if (dry_run(cli, "cancel", body, &code)) return code;
    if (session_state(cli, "cancel", body, &answer) != 0) return cli_fail(cli, "cannot cancel order %" PRIu64, order);
    json_t *row =
        json_pack("{s:I,s:I}", "order", (json_int_t)order, "record", (json_int_t)get_u64(answer, "first_index"));
    static const struct column columns[] = {{"order", "Order", COLUMN_INDEX, NULL},
                                            {"record", "Record", COLUMN_INDEX, NULL},
                                            {NULL, NULL, COLUMN_END, NULL}};
    code = show_line(cli, columns, row);
    json_decref(row);
    json_decref(answer);
    return code;
}

int order_cancel(struct cli *cli)
{
    return each_value(cli, cancel_one);
}

int order_list(struct cli *cli)
{
    json_t *body = json_object(), *answer;

    json_object_set_new(body, "open_only", json_boolean(args_has(&cli->args, "open")));
    set_u64(body, "before", args_number(&cli->args, "before", 0));
    if (session_pages(cli, "orders", body, "orders", "before", args_number(&cli->args, "limit", 0), &answer) != 0) {
        return cli_fail(cli, "cannot list your orders");
    }
    int code = show_table(cli, order_columns, get_list(answer, "orders"), answer, "No orders.");
    json_decref(answer);
    return code;
}
