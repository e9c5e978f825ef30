/*
 * bank deposit, list, paid, returned: what a bank records of money that came in, and of withdrawals.
 */
#include "client/cli/account.h"
#include "client/cli/commands.h"
#include "client/cli/prompt.h"
#include "client/cli/session.h"
#include "client/cli/text.h"

#include <inttypes.h>
#include <stdlib.h>

static const struct column deposit_columns[] = {{"party", "Party", COLUMN_TEXT, NULL},
                                                {"amount", "Amount (CNY)", COLUMN_MONEY, NULL},
                                                {"reference", "Reference", COLUMN_TEXT, NULL},
                                                {"record", "Record", COLUMN_INDEX, NULL},
                                                {NULL, NULL, COLUMN_END, NULL}};

static const struct column payout_columns[] = {{"withdrawal", "Withdrawal", COLUMN_INDEX, NULL},
                                               {"result", "Result", COLUMN_STATE, NULL},
                                               {"reference", "Reference", COLUMN_TEXT, NULL},
                                               {"record", "Record", COLUMN_INDEX, NULL},
                                               {NULL, NULL, COLUMN_END, NULL}};

/* ---- deposit ---- */

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

    if (!value_money(cli, 1, &amount)) return cli_fail(cli, "%s", "");
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

/* ---- withdrawals ---- */

int bank_list(struct cli *cli)
{
    return withdrawals_show(cli, true, !args_has(&cli->args, "all"), "No withdrawal waits.");
}

/* Whose withdrawal, how much, where to. */
static int payout_describe(struct cli *cli, uint64_t withdrawal, const char *result)
{
    json_t *answer;
    char yuan[TEXT_MAX];

    if (session_ask(cli, "withdrawals",
                    json_pack("{s:b,s:I,s:i}", "all", 1, "before", (json_int_t)withdrawal + 1, "limit", 1), &answer) != 0)
        return cli->error.code;
    const json_t *row = get_first(answer, "withdrawals");
    int code = get_u64(row, "withdrawal") == withdrawal ? 0 : cli_error(cli, CODE_NO_SUCH_WITHDRAWAL, NULL);
    if (code == 0) {
        char *name = get_escaped(row, "name"), *to = get_escaped(row, "destination");
        yuan_format(get_u64(row, "amount"), yuan);
        talk(cli, "Withdrawal %" PRIu64 " of %s CNY by %s to %s: %s, reference %s.", withdrawal, yuan, name, to, result,
             args_text(&cli->args, "reference"));
        free(name);
        free(to);
    }
    json_decref(answer);
    return code;
}

static int payout(struct cli *cli, const char *result)
{
    uint64_t withdrawal;
    json_t *answer;
    int code;

    if (!value_number(cli, 0, "withdrawal", &withdrawal)) return cli_fail(cli, "%s", "");
    json_t *body = json_pack("{s:I,s:s,s:s}", "withdrawal", (json_int_t)withdrawal, "result", result, "reference",
                             args_text(&cli->args, "reference"));
    if (dry_run(cli, "payout", body, &code)) return code;
    if (payout_describe(cli, withdrawal, result) != 0 || confirm(cli, "Record it?") != 0 ||
        session_state(cli, "payout", json_incref(body), &answer) != 0) {
        json_decref(body);
        return cli_fail(cli, "cannot record withdrawal %" PRIu64 " as %s", withdrawal, result);
    }
    set_u64(body, "record", get_u64(answer, "first_index"));
    code = show_card(cli, payout_columns, body, NULL);
    json_decref(body);
    json_decref(answer);
    return code;
}

int bank_paid(struct cli *cli)
{
    return payout(cli, "paid");
}

int bank_returned(struct cli *cli)
{
    return payout(cli, "returned");
}
