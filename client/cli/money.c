/*
 * money show, bank deposit: balances, and money that comes in.
 */
#include "client/cli/commands.h"
#include "client/cli/prompt.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <stdlib.h>

static const struct column balance_columns[] = {{"asset", "Asset", COLUMN_TEXT, NULL},
                                                {"available", "Available", COLUMN_MONEY, NULL},
                                                {"held", "Held", COLUMN_MONEY, NULL},
                                                {"escrow", "Escrow", COLUMN_MONEY, NULL},
                                                {NULL, NULL, COLUMN_END, NULL}};

static const struct column deposit_columns[] = {{"party", "Party", COLUMN_TEXT, NULL},
                                                {"amount", "Amount (CNY)", COLUMN_MONEY, NULL},
                                                {"reference", "Reference", COLUMN_TEXT, NULL},
                                                {"record", "Record", COLUMN_INDEX, NULL},
                                                {NULL, NULL, COLUMN_END, NULL}};

/* Rows for people: the asset by name. */
static json_t *balances_named(const json_t *balances)
{
    json_t *rows = json_deep_copy(balances);
    size_t i;
    json_t *row;

    json_array_foreach(rows, i, row)
    {
        if (get_u64(row, "asset") == 0) set_text(row, "asset", "CNY");
    }
    return rows;
}

int money_show(struct cli *cli)
{
    json_t *answer;

    if (session_ask(cli, "balances", NULL, &answer) != 0) return cli_fail(cli, "cannot show your money");
    json_t *rows = balances_named(get_list(answer, "balances"));
    int code = show_table(cli, balance_columns, rows, answer, "No money yet: ask your bank for a deposit.");
    json_decref(rows);
    json_decref(answer);
    return code;
}

/* Who gets it, by name, so that a wrong party is seen. */
static int deposit_describe(struct cli *cli, const char *party, uint64_t amount)
{
    json_t *answer;
    char yuan[TEXT_MAX];

    if (session_ask(cli, "party", json_pack("{s:s}", "party", party), &answer) != 0) return cli->error.code;
    char *name = get_escaped(answer, "name");
    yuan_format(amount, yuan);
    talk(cli, "Deposit of %s CNY to %s (%s), reference %s.", yuan, name, party, args_text(&cli->args, "reference"));
    free(name);
    json_decref(answer);
    return 0;
}

int bank_deposit(struct cli *cli)
{
    const char *party = args_value(&cli->args, 0), *reference = args_text(&cli->args, "reference");
    json_t *answer;
    uint64_t amount;
    int code;

    if (!yuan_parse(args_value(&cli->args, 1), &amount) || amount == 0) {
        cli_error(cli, CODE_USAGE, "\"%s\" is not an amount", args_value(&cli->args, 1));
        cli_hint(cli, "Give yuan, like 5000.00.");
        return cli_fail(cli, "%s", "");
    }
    json_t *body = json_pack("{s:s,s:I,s:s}", "party", party, "amount", (json_int_t)amount, "reference", reference);
    if (dry_run(cli, "deposit", body, &code)) return code;
    if (deposit_describe(cli, party, amount) != 0 || confirm(cli, "Record it?") != 0 ||
        session_state(cli, "deposit", json_incref(body), &answer) != 0) {
        json_decref(body);
        return cli_fail(cli, "cannot record the deposit");
    }
    set_u64(body, "record", get_u64(answer, "first_index"));
    code = show_card(cli, deposit_columns, body, NULL);
    json_decref(body);
    json_decref(answer);
    return code;
}
