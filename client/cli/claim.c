/*
 * trade claim, claim list, rule: a buyer who says that a delivery is not what was sold, and the arbiter who decides.
 *
 * Always holds: reasons stay with who wrote them; what goes into the journal is their SHA-256.
 */
#include "client/cli/commands.h"
#include "client/cli/prompt.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"
#include "client/cli/trade.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct column claim_columns[] = {{"trade", "Trade", COLUMN_INDEX, NULL},
                                              {"due", "Due", COLUMN_TIME, NULL},
                                              {"overdue", "Overdue", COLUMN_YES | COLUMN_SPARE, NULL},
                                              {"total", "Total (CNY)", COLUMN_MONEY, NULL},
                                              {"bond", "Bond (CNY)", COLUMN_MONEY | COLUMN_SPARE, NULL},
                                              {"buyer_name", "Buyer", COLUMN_LONG, NULL},
                                              {"vendor_name", "Vendor", COLUMN_LONG, NULL},
                                              {"arbiter_name", "Arbiter", COLUMN_LONG | COLUMN_SPARE, NULL},
                                              {"title", "Title", COLUMN_LONG, NULL},
                                              {"reasons", "Reasons (SHA-256)", COLUMN_TEXT | COLUMN_SPARE, NULL},
                                              {NULL, NULL, COLUMN_END, NULL}};

static const struct column claimed_columns[] = {{"trade", "Trade", COLUMN_INDEX, NULL},
                                                {"reasons", "Reasons (SHA-256)", COLUMN_TEXT, NULL},
                                                {"bond", "Bond (CNY)", COLUMN_MONEY, NULL},
                                                {"record", "Record", COLUMN_INDEX, NULL},
                                                {NULL, NULL, COLUMN_END, NULL}};

static const struct column ruled_columns[] = {{"trade", "Trade", COLUMN_INDEX, NULL},
                                              {"ruling", "Ruling", COLUMN_TEXT, NULL},
                                              {"reasons", "Reasons (SHA-256)", COLUMN_TEXT, NULL},
                                              {"record", "Record", COLUMN_INDEX, NULL},
                                              {NULL, NULL, COLUMN_END, NULL}};

/* The hash of --reasons into the body. */
static int reasons_set(struct cli *cli, json_t *body)
{
    uint8_t hash[32];
    char hex[65];

    if (tide_file_sha256(args_text(&cli->args, "reasons"), hash, &cli->error) != 0) return cli->error.code;
    hex_format(hash, sizeof hash, hex);
    set_text(body, "reasons", hex);
    return 0;
}

/* ---- claim ---- */

static int bond_ask(struct cli *cli, uint64_t *bond)
{
    const json_t *parameter;
    json_t *answer;
    size_t i;

    *bond = 0;
    if (session_ask(cli, "market", NULL, &answer) != 0) return cli->error.code;
    json_array_foreach(get_list(answer, "parameters"), i, parameter)
    {
        if (strcmp(get_text(parameter, "parameter"), "claim_bond_fen") == 0) *bond = get_u64(parameter, "value");
    }
    json_decref(answer);
    return 0;
}

/* Says what a claim does, and asks. */
static int claim_confirm(struct cli *cli, uint64_t trade, uint64_t *bond)
{
    char total[TEXT_MAX], held[TEXT_MAX], question[TEXT_MAX + 64];
    json_t *row = NULL;

    if (trade_row(cli, trade, &row) != 0) return cli->error.code;
    if (trade_answerable(cli, row) != 0) {
        json_decref(row);
        return cli->error.code;
    }
    char *title = get_escaped(row, "title"), *vendor = get_escaped(row, "vendor_name");
    yuan_format(get_u64(row, "total"), total);
    int code = bond_ask(cli, bond);
    yuan_format(*bond, held);
    if (code == 0) {
        talk(cli, "Trade %" PRIu64 ": %s, from %s, %s CNY.", trade, title, vendor, total);
        talk(cli, "An arbiter rules: either the vendor is paid, or you have your money back.");
        talk(cli, "Your bond of %s CNY is held until then; it goes to the vendor if you are not right.", held);
        talk(cli, "The hash of your reasons is published; keep the file, the arbiter will ask for it.");
    }
    free(title);
    free(vendor);
    json_decref(row);
    snprintf(question, sizeof question, "Claim, with a bond of %s CNY?", held);
    return code != 0 ? code : confirm(cli, question);
}

int trade_claim(struct cli *cli)
{
    uint64_t trade, bond = 0;
    json_t *answer;
    int code;

    if (!value_number(cli, 0, "trade", &trade)) return cli_fail(cli, "%s", "");
    json_t *body = json_pack("{s:I}", "trade", (json_int_t)trade);
    if (reasons_set(cli, body) != 0) {
        json_decref(body);
        return cli_fail(cli, "cannot claim trade %" PRIu64, trade);
    }
    if (dry_run(cli, "claim", body, &code)) return code;
    if (claim_confirm(cli, trade, &bond) != 0 || session_state(cli, "claim", json_incref(body), &answer) != 0) {
        json_decref(body);
        return cli_fail(cli, "cannot claim trade %" PRIu64, trade);
    }
    set_u64(body, "bond", bond);
    set_u64(body, "record", get_u64(answer, "first_index"));
    code = show_card(cli, claimed_columns, body, NULL);
    json_decref(body);
    json_decref(answer);
    return code;
}

/* ---- ruling ---- */

int claim_list(struct cli *cli)
{
    json_t *body = json_pack("{s:b,s:b,s:I}", "all", args_has(&cli->args, "all"), "overdue",
                             args_has(&cli->args, "overdue"), "before",
                             (json_int_t)args_number(&cli->args, "before", 0));
    json_t *answer;

    if (session_pages(cli, "claims", body, "claims", "before", args_number(&cli->args, "limit", 0), &answer) != 0)
        return cli_fail(cli, "cannot list claims");
    int code = show_table(cli, claim_columns, get_list(answer, "claims"), answer, "No claim waits for a ruling.");
    json_decref(answer);
    return code;
}

/* Says what the ruling does, as far as the claim is among those one is to rule on, and asks. */
static int ruling_confirm(struct cli *cli, uint64_t trade, bool settles)
{
    char total[TEXT_MAX], bond[TEXT_MAX];
    const json_t *row;
    json_t *answer;
    size_t i;

    if (session_pages(cli, "claims", json_object(), "claims", "before", 0, &answer) != 0) return cli->error.code;
    json_array_foreach(get_list(answer, "claims"), i, row)
    {
        if (get_u64(row, "trade") != trade) continue;
        char *buyer = get_escaped(row, "buyer_name"), *vendor = get_escaped(row, "vendor_name");
        yuan_format(get_u64(row, "total"), total);
        yuan_format(get_u64(row, "bond"), bond);
        talk(cli, "Trade %" PRIu64 ": %s claims against %s.", trade, buyer, vendor);
        talk(cli, "%s gets %s CNY and the bond of %s CNY. A ruling is final.", settles ? vendor : buyer, total, bond);
        free(buyer);
        free(vendor);
    }
    json_decref(answer);
    return confirm(cli, settles ? "Pay the vendor?" : "Give the buyer the money back?");
}

int rule_run(struct cli *cli)
{
    const char *ruling = args_value(&cli->args, 1);
    bool settles = strcmp(ruling, "settle") == 0;
    uint64_t trade;
    json_t *answer;
    int code;

    if (!value_number(cli, 0, "trade", &trade)) return cli_fail(cli, "%s", "");
    if (!settles && strcmp(ruling, "refund") != 0) {
        cli_error(cli, CODE_USAGE, "\"%s\" is no ruling", ruling);
        cli_hint(cli, "Give settle (the vendor is right) or refund (the buyer is).");
        return cli_fail(cli, "%s", "");
    }
    json_t *body = json_pack("{s:I,s:s}", "trade", (json_int_t)trade, "ruling", ruling);
    if (reasons_set(cli, body) != 0) {
        json_decref(body);
        return cli_fail(cli, "cannot rule on trade %" PRIu64, trade);
    }
    if (dry_run(cli, "ruling", body, &code)) return code;
    if (ruling_confirm(cli, trade, settles) != 0 || session_state(cli, "ruling", json_incref(body), &answer) != 0) {
        json_decref(body);
        return cli_fail(cli, "cannot rule on trade %" PRIu64, trade);
    }
    set_u64(body, "record", get_u64(answer, "first_index"));
    code = show_card(cli, ruled_columns, body, NULL);
    json_decref(body);
    json_decref(answer);
    return code;
}
