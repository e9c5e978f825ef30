/*
 * order bid, ask, cancel, list, show: orders by hand. Replacing one is replace.c.
 */
#include "client/cli/bid.h"
#include "client/cli/commands.h"
#include "client/cli/placed.h"
#include "client/cli/session.h"
#include "client/cli/show.h"

#include <inttypes.h>
#include <string.h>

static const struct column order_columns[] = {{"order", "Order", COLUMN_INDEX, NULL},
                                              {"listing", "Listing", COLUMN_INDEX, NULL},
                                              {"placed_at", "Placed", COLUMN_TIME, NULL},
                                              {"side", "Side", COLUMN_TEXT, NULL},
                                              {"price", "Price (CNY)", COLUMN_MONEY, "price"},
                                              {"quantity", "Quantity", COLUMN_COUNT, NULL},
                                              {"left", "Left", COLUMN_COUNT, NULL},
                                              {"unlimited", "Unlimited", COLUMN_YES, NULL},
                                              {"resting", "In book", COLUMN_YES, NULL},
                                              {"type", "Type", COLUMN_TEXT, NULL},
                                              {"tif", "In force", COLUMN_TEXT, NULL},
                                              {"expires_at", "Expires", COLUMN_TIME, "expires_at"},
                                              {"voucher", "Voucher", COLUMN_INDEX, NULL},
                                              {"title", "Title", COLUMN_LONG, NULL},
                                              {NULL, NULL, COLUMN_END, NULL}};

static const struct column one_columns[] = {{"order", "Order", COLUMN_INDEX, NULL},
                                            {"listing", "Listing", COLUMN_INDEX, NULL},
                                            {"title", "Title", COLUMN_TEXT, NULL},
                                            {"placed_at", "Placed", COLUMN_TIME, NULL},
                                            {"side", "Side", COLUMN_TEXT, NULL},
                                            {"type", "Type", COLUMN_TEXT, NULL},
                                            {"price", "Price (CNY)", COLUMN_MONEY, "price"},
                                            {"quantity", "Quantity", COLUMN_COUNT, NULL},
                                            {"left", "Left", COLUMN_COUNT, NULL},
                                            {"unlimited", "Unlimited", COLUMN_YES, NULL},
                                            {"resting", "In the book", COLUMN_YES, NULL},
                                            {"closed", "Ended", COLUMN_YES, NULL},
                                            {"tif", "In force", COLUMN_TEXT, NULL},
                                            {"expires_at", "Expires", COLUMN_TIME, "expires_at"},
                                            {"post_only", "Post only", COLUMN_YES, NULL},
                                            {"budget", "Budget left (CNY)", COLUMN_MONEY, "budget"},
                                            {"voucher", "Voucher programme", COLUMN_INDEX, NULL},
                                            {"voucher_unit", "It holds a unit (CNY)", COLUMN_MONEY, "voucher"},
                                            {NULL, NULL, COLUMN_END, NULL}};

/* A new order, with what became of it. `unit`: a row of its listing, or NULL. */
static int new_show(struct cli *cli, uint64_t order, uint64_t listing, const json_t *unit)
{
    json_t *row = json_pack("{s:I,s:I}", "order", (json_int_t)order, "listing", (json_int_t)listing);
    int code = placed_show(cli, order, order, unit, row);

    json_decref(row);
    return code;
}

/* ---- placing ---- */

/* The flags of a bid that hang together. */
static int bid_read(struct cli *cli, struct bid *bid)
{
    bid->price_fen = args_number(&cli->args, "price", 0);
    bid->quantity = args_number(&cli->args, "quantity", 0);
    bid->budget_fen = args_number(&cli->args, "budget", 0);
    bid->voucher = args_number(&cli->args, "voucher", 0);
    bid->purpose = args_text(&cli->args, "purpose");
    if (conditions_read(cli, &bid->conditions) != 0) return cli->error.code;
    bool is_market = bid->conditions.is_market;
    if (is_market && bid->budget_fen == 0) {
        cli_error(cli, CODE_USAGE, "a market bid needs --budget");
        cli_hint(cli, "Give the most it may spend in all, like --budget 500.00.");
    } else if (!is_market && bid->budget_fen != 0) {
        cli_error(cli, CODE_USAGE, "--budget is for market bids only");
        cli_hint(cli, "Leave it out, or give --type market.");
    } else if (is_market && bid->voucher != 0) {
        cli_error(cli, CODE_USAGE, "a voucher pays for limit bids only");
        cli_hint(cli, "Give --price instead of --type market.");
    }
    return cli->error.code;
}

int order_bid(struct cli *cli)
{
    struct bid bid = {.listing = 0};
    uint64_t order;
    int code;

    if (!value_number(cli, 0, "listing", &bid.listing)) return cli_fail(cli, "%s", "");
    if (bid_read(cli, &bid) != 0 || bid_listing(cli, &bid) != 0 || bid_prepare(cli, &bid) != 0) {
        code = cli_fail(cli, "cannot bid on listing %" PRIu64, bid.listing);
    } else if (!bid_dry_run(cli, &bid, &code)) {
        if (bid_confirm(cli, &bid) != 0 || bid_place(cli, &bid, &order) != 0)
            code = cli_fail(cli, "cannot bid on listing %" PRIu64, bid.listing);
        else
            code = new_show(cli, order, bid.listing, bid.row);
    }
    bid_drop(&bid);
    return code;
}

int order_ask(struct cli *cli)
{
    uint64_t listing, quantity = args_number(&cli->args, "quantity", 0);
    bool unlimited = quantity == QUANTITY_UNLIMITED;
    struct conditions conditions;
    json_t *answer;
    int code;

    if (!value_number(cli, 0, "listing", &listing)) return cli_fail(cli, "%s", "");
    if (conditions_read(cli, &conditions) != 0) return cli_fail(cli, "cannot place the ask");
    if (unlimited && (conditions.is_market || strcmp(conditions.tif, "ioc") == 0 || strcmp(conditions.tif, "fok") == 0)) {
        cli_error(cli, CODE_USAGE, "an unlimited ask waits in the book");
        cli_hint(cli, "Give a --quantity, or leave --type and --tif out.");
        return cli_fail(cli, "cannot place the ask");
    }
    json_t *body = json_pack("{s:I,s:s,s:I,s:I,s:b}", "listing", (json_int_t)listing, "side", "ask", "price",
                             (json_int_t)args_number(&cli->args, "price", 0), "quantity",
                             (json_int_t)(unlimited ? 0 : quantity), "unlimited", unlimited);
    conditions_put(&conditions, body);
    if (!session_state_or_fail(cli, "order", body, &answer, &code, "cannot place the ask")) return code;
    code = new_show(cli, answer_name(answer), listing, NULL);
    json_decref(answer);
    return code;
}

/* ---- cancelling ---- */

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

/* ---- looking ---- */

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

int order_show(struct cli *cli)
{
    uint64_t order;
    json_t *answer;

    if (!value_number(cli, 0, "order", &order)) return cli_fail(cli, "%s", "");
    if (session_ask(cli, "order", json_pack("{s:I}", "order", (json_int_t)order), &answer) != 0)
        return cli_fail(cli, "cannot show order %" PRIu64, order);
    int code = show_card(cli, one_columns, get_first(answer, "row"), NULL);
    json_decref(answer);
    return code;
}
