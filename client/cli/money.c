/*
 * money show, withdraw, withdrawals: balances, and money that goes out. A statement of account is account.c.
 */
#include "client/cli/account.h"
#include "client/cli/commands.h"
#include "client/cli/prompt.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <stdio.h>
#include <stdlib.h>

static const struct column balance_columns[] = {{"asset", "Asset", COLUMN_TEXT, NULL},
                                                {"available", "Available", COLUMN_MONEY, NULL},
                                                {"held", "Held", COLUMN_MONEY, NULL},
                                                {"escrow", "Escrow", COLUMN_MONEY, NULL},
                                                {"locked", "Not to withdraw", COLUMN_MONEY, NULL},
                                                {"name", "Voucher programme", COLUMN_LONG, NULL},
                                                {NULL, NULL, COLUMN_END, NULL}};

const struct column withdrawal_columns[] = {{"withdrawal", "Withdrawal", COLUMN_INDEX, NULL},
                                            {"requested_at", "Requested", COLUMN_TIME | COLUMN_SPARE, NULL},
                                            {"amount", "Amount (CNY)", COLUMN_MONEY, NULL},
                                            {"state", "State", COLUMN_STATE, NULL},
                                            {"destination", "To", COLUMN_TEXT, NULL},
                                            {"name", "Party", COLUMN_LONG, NULL},
                                            {"party", "Party's key", COLUMN_TEXT | COLUMN_SPARE, NULL},
                                            {NULL, NULL, COLUMN_END, NULL}};

static const struct column withdrawn_columns[] = {{"withdrawal", "Withdrawal", COLUMN_INDEX, NULL},
                                                  {"amount", "Amount (CNY)", COLUMN_MONEY, NULL},
                                                  {"destination", "To", COLUMN_TEXT, NULL},
                                                  {NULL, NULL, COLUMN_END, NULL}};

/* Rows for people: CNY by name, programmes by number and name. */
static json_t *balances_named(const json_t *balances)
{
    json_t *rows = json_deep_copy(balances);
    size_t i;
    json_t *row;

    json_array_foreach(rows, i, row)
    {
        if (get_u64(row, "asset") != 0) continue;
        set_text(row, "asset", "CNY");
        set_text(row, "name", "");
    }
    return rows;
}

int money_show(struct cli *cli)
{
    json_t *answer;

    if (args_has(&cli->args, "from") || args_has(&cli->args, "to") || args_has(&cli->args, "asset"))
        return account_show(cli);
    if (session_ask(cli, "balances", NULL, &answer) != 0) return cli_fail(cli, "cannot show your money");
    json_t *rows = balances_named(get_list(answer, "balances"));
    int code = show_table(cli, balance_columns, rows, answer, "No money yet: ask your bank for a deposit.");
    json_decref(rows);
    json_decref(answer);
    return code;
}

int money_withdraw(struct cli *cli)
{
    const char *destination = args_text(&cli->args, "to");
    char yuan[TEXT_MAX], question[TEXT_MAX + 32];
    json_t *answer;
    uint64_t amount;
    int code;

    if (!value_money(cli, 0, &amount)) return cli_fail(cli, "%s", "");
    json_t *body = json_pack("{s:I,s:s}", "amount", (json_int_t)amount, "destination", destination);
    if (dry_run(cli, "withdraw", body, &code)) return code;
    char *to = text_escape(destination);
    yuan_format(amount, yuan);
    talk(cli, "Withdrawal of %s CNY to %s: held at once, until the bank has paid it or sent it back.", yuan,
         to != NULL ? to : "");
    free(to);
    snprintf(question, sizeof question, "Withdraw %s CNY?", yuan);
    if (confirm(cli, question) != 0 || session_state(cli, "withdraw", json_incref(body), &answer) != 0) {
        json_decref(body);
        if (cli->error.code == CODE_NO_FUNDS) cli_hint(cli, "Withdraw less; tidemark money show says what is locked.");
        return cli_fail(cli, "cannot withdraw %s CNY", yuan);
    }
    set_u64(body, "withdrawal", answer_name(answer));
    code = show_card(cli, withdrawn_columns, body, NULL);
    json_decref(body);
    json_decref(answer);
    return code;
}

int withdrawals_show(struct cli *cli, bool everybodys, bool open_only, const char *empty)
{
    json_t *body = json_pack("{s:b,s:b,s:I}", "all", everybodys, "open_only", open_only, "before",
                             (json_int_t)args_number(&cli->args, "before", 0));
    json_t *answer;

    if (session_pages(cli, "withdrawals", body, "withdrawals", "before", args_number(&cli->args, "limit", 0), &answer) !=
        0)
        return cli_fail(cli, "cannot list withdrawals");
    int code = show_table(cli, withdrawal_columns, get_list(answer, "withdrawals"), answer, empty);
    json_decref(answer);
    return code;
}

int money_withdrawals(struct cli *cli)
{
    return withdrawals_show(cli, false, args_has(&cli->args, "open"), "No withdrawals.");
}
