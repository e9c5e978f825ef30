/*
 * order replace: another price or quantity for an order in the book.
 *
 * Always holds: what a bid will hold then, by whom it is paid, and whether the order keeps its place is said before
 * "yes" is asked.
 */
#include "client/cli/bid.h"
#include "client/cli/commands.h"
#include "client/cli/placed.h"
#include "client/cli/prompt.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"
#include "client/cli/voucher.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is changed, and what a bid holds before and after. */
struct replacement {
    uint64_t order, price, quantity;
    uint64_t held, held_voucher; /* now: one's own money, and the voucher's */
    uint64_t holds, holds_voucher;
    json_t *about; /* the listing's row: what a unit is */
};

/* The new price and quantity: those given, otherwise those it has. */
static int replacement_read(struct cli *cli, const json_t *row, struct replacement *r)
{
    uint64_t quantity = args_number(&cli->args, "quantity", 0);
    bool unlimited = get_bool(row, "unlimited"), has_quantity = args_has(&cli->args, "quantity");

    if (!has_quantity && !args_has(&cli->args, "price")) {
        cli_error(cli, CODE_USAGE, "nothing would change");
        cli_hint(cli, "Give --price, --quantity, or both.");
    } else if (has_quantity && unlimited != (quantity == QUANTITY_UNLIMITED)) {
        cli_error(cli, CODE_USAGE, unlimited ? "an unlimited ask stays unlimited" : "the order is not an unlimited ask");
        cli_hint(cli, "Leave --quantity out, or cancel the order and place another.");
    } else if (get_bool(row, "closed")) {
        cli_error(cli, CODE_ORDER_CLOSED, NULL);
    }
    r->price = args_number(&cli->args, "price", get_u64(row, "price"));
    r->quantity = unlimited ? 0 : has_quantity ? quantity : get_u64(row, "left");
    return cli->error.code;
}

/* The voucher's part, computed anew with what the order holds of it; after the programme's end it is that alone. */
static int voucher_again(struct cli *cli, const json_t *row, struct replacement *r)
{
    json_t *programme;

    if (programme_row(cli, get_u64(row, "voucher"), &programme) != 0) return cli->error.code;
    bool ended = strcmp(get_text(programme, "state"), "open") != 0;
    uint64_t available = (ended ? 0 : get_u64(programme, "available")) + r->held_voucher;
    r->holds_voucher = r->quantity * voucher_unit(r->price, get_u64(programme, "top_price"),
                                                  get_u64(programme, "share_bp"), available, r->quantity);
    json_decref(programme);
    return 0;
}

static int held_compute(struct cli *cli, const json_t *row, struct replacement *r)
{
    uint64_t held, total;

    if (!yuan_total(r->price, r->quantity, &total) || r->price == 0) return cli_error(cli, CODE_BAD_PRICE, NULL);
    if (strcmp(get_text(row, "side"), "bid") != 0) return 0;
    if (!yuan_total(get_u64(row, "price"), get_u64(row, "left"), &held)) return cli_error(cli, CODE_BAD_PRICE, NULL);
    r->held_voucher = get_u64(row, "voucher_unit") * get_u64(row, "left");
    r->held = held - r->held_voucher;
    if (get_u64(row, "voucher") != 0 && voucher_again(cli, row, r) != 0) return cli->error.code;
    r->holds = total - r->holds_voucher;
    return 0;
}

static void replacement_describe(const struct cli *cli, const json_t *row, const struct replacement *r)
{
    char was[TEXT_MAX], price[TEXT_MAX], held[TEXT_MAX], holds[TEXT_MAX], wants[UNITS_MAX], wanted[UNITS_MAX];
    char *title = get_escaped(row, "title");
    bool stays = r->price == get_u64(row, "price") && r->quantity < get_u64(row, "left");

    yuan_format(get_u64(row, "price"), was);
    yuan_format(r->price, price);
    talk(cli, "Order     %" PRIu64 ", %s on listing %" PRIu64 "  %s", r->order, get_text(row, "side"),
         get_u64(row, "listing"), title);
    if (get_bool(row, "unlimited"))
        talk(cli, "Price     %s CNY, now %s", price, was);
    else
        talk(cli, "Wants     %s %s CNY, now %s %s", units_format(r->about, r->quantity, true, wants), price,
             units_format(r->about, get_u64(row, "left"), true, wanted), was);
    talk(cli, "Priority  %s", stays ? "kept" : "lost: it goes behind all others of its price, and may trade at once");
    if (strcmp(get_text(row, "side"), "bid") == 0) {
        yuan_format(r->held, held);
        yuan_format(r->holds, holds);
        talk(cli, "Yourself  %s CNY held, now %s", holds, held);
    }
    if (get_u64(row, "voucher") != 0) {
        yuan_format(r->held_voucher, held);
        yuan_format(r->holds_voucher, holds);
        talk(cli, "Voucher   %s CNY held of programme %" PRIu64 ", now %s", holds, get_u64(row, "voucher"), held);
    }
    free(title);
}

/* True: to be sent. Only more money is asked about. */
static int replacement_confirm(struct cli *cli, const json_t *row, const struct replacement *r)
{
    char more[TEXT_MAX], question[TEXT_MAX + 48];

    replacement_describe(cli, row, r);
    if (r->holds <= r->held && r->holds_voucher <= r->held_voucher) return 0;
    yuan_format(r->holds > r->held ? r->holds - r->held : 0, more);
    snprintf(question, sizeof question, "Hold %s CNY more?", more);
    return confirm(cli, question);
}

/* What a unit is; a listing that cannot be asked for has none. */
static void about_ask(struct cli *cli, uint64_t listing, struct replacement *r)
{
    json_t *answer;

    if (session_ask(cli, "listing", json_pack("{s:I}", "listing", (json_int_t)listing), &answer) == 0) {
        r->about = json_deep_copy(get_first(answer, "row"));
        json_decref(answer);
    }
    memset(&cli->error, 0, sizeof cli->error);
}

/* An exit code. */
static int replace_it(struct cli *cli, const json_t *row, struct replacement *r)
{
    json_t *answer, *body;
    int code;

    if (replacement_read(cli, row, r) != 0 || held_compute(cli, row, r) != 0)
        return cli_fail(cli, "cannot replace order %" PRIu64, r->order);
    body = json_pack("{s:I,s:I,s:I}", "order", (json_int_t)r->order, "price", (json_int_t)r->price, "quantity",
                     (json_int_t)r->quantity);
    if (dry_run(cli, "replace", body, &code)) return code;
    about_ask(cli, get_u64(row, "listing"), r);
    if (replacement_confirm(cli, row, r) != 0 || session_state(cli, "replace", json_incref(body), &answer) != 0) {
        if (cli->error.code == CODE_NO_FUNDS) funds_explain(cli, r->holds > r->held ? r->holds - r->held : 0, "--price");
        json_decref(body);
        return cli_fail(cli, "cannot replace order %" PRIu64, r->order);
    }
    set_u64(body, "listing", get_u64(row, "listing"));
    set_u64(body, "record", get_u64(answer, "first_index"));
    code = placed_show(cli, r->order, get_u64(answer, "first_index"), r->about, body);
    json_decref(body);
    json_decref(answer);
    return code;
}

int order_replace(struct cli *cli)
{
    struct replacement r = {.order = 0};
    json_t *answer;

    if (!value_number(cli, 0, "order", &r.order)) return cli_fail(cli, "%s", "");
    if (session_ask(cli, "order", json_pack("{s:I}", "order", (json_int_t)r.order), &answer) != 0)
        return cli_fail(cli, "cannot replace order %" PRIu64, r.order);
    int code = replace_it(cli, get_first(answer, "row"), &r);
    json_decref(r.about);
    json_decref(answer);
    return code;
}
