/*
 * A statement of account: what was owned at the beginning of a period, every entry, what was owned at its end.
 *
 * Always holds: the period is read to its end, however many pages that takes; opening and closing are the market's own
 * figures, of the first page and of the last.
 */
#include "client/cli/account.h"

#include "client/cli/session.h"
#include "client/cli/voucher.h"

#include <inttypes.h>

static const struct column entry_columns[] = {
    {"index", "Record", COLUMN_INDEX, NULL},         {"time_ms", "Time", COLUMN_TIME, NULL},
    {"what", "What", COLUMN_TEXT, NULL},             {"subject", "About", COLUMN_INDEX, NULL},
    {"amount", "Amount (CNY)", COLUMN_MONEY, "moved"}, {"balance", "Balance (CNY)", COLUMN_MONEY, NULL},
    {NULL, NULL, COLUMN_END, NULL}};

/* {asset, from, to, opening, entries, closing}; NULL: cli->error. */
static json_t *statement_ask(struct cli *cli)
{
    json_t *entries = json_array(), *answer;
    json_t *statement = json_pack("{s:I,s:I,s:I,s:I,s:o,s:I}", "asset", (json_int_t)args_number(&cli->args, "asset", 0),
                                  "from", (json_int_t)args_number(&cli->args, "from", 0), "to",
                                  (json_int_t)args_number(&cli->args, "to", 0), "opening", (json_int_t)0, "entries",
                                  entries, "closing", (json_int_t)0);
    bool first = true;
    uint64_t after = 0;

    do {
        json_t *body = json_pack("{s:I,s:I,s:I,s:I,s:i}", "asset", (json_int_t)get_u64(statement, "asset"), "from",
                                 (json_int_t)get_u64(statement, "from"), "to", (json_int_t)get_u64(statement, "to"),
                                 "after", (json_int_t)after, "limit", 256);
        if (session_ask(cli, "account", body, &answer) != 0) {
            json_decref(statement);
            return NULL;
        }
        if (first) set_u64(statement, "opening", get_u64(answer, "opening"));
        first = false;
        set_u64(statement, "closing", get_u64(answer, "closing"));
        json_array_extend(entries, json_object_get(answer, "entries"));
        uint64_t next = get_u64(answer, "after");
        after = next > after ? next : 0; /* a cursor that does not move would never end */
        json_decref(answer);
    } while (after != 0);
    return statement;
}

/* Entries for people, between the opening and the closing balance. */
static json_t *rows_of(const json_t *statement)
{
    json_t *rows = json_deep_copy(get_list(statement, "entries")), *row;
    size_t i;

    json_array_foreach(rows, i, row) json_object_set_new(row, "moved", json_true());
    json_array_insert_new(rows, 0,
                          json_pack("{s:i,s:I,s:s,s:i,s:I}", "index", 0, "time_ms",
                                    (json_int_t)get_u64(statement, "from"), "what", "opening", "subject", 0, "balance",
                                    (json_int_t)get_u64(statement, "opening")));
    json_array_append_new(rows,
                          json_pack("{s:i,s:I,s:s,s:i,s:I}", "index", 0, "time_ms",
                                    (json_int_t)get_u64(statement, "to"), "what", "closing", "subject", 0, "balance",
                                    (json_int_t)get_u64(statement, "closing")));
    return rows;
}

/* The period runs forward, and there is such an asset: the market would answer either with an empty statement. */
static int period_check(struct cli *cli)
{
    uint64_t from = args_number(&cli->args, "from", 0), to = args_number(&cli->args, "to", 0);
    uint64_t asset = args_number(&cli->args, "asset", 0);
    json_t *row = NULL;

    if (to != 0 && from > to) {
        cli_error(cli, CODE_USAGE, "--from is later than --to");
        cli_hint(cli, "Give the earlier of the two as --from.");
        return cli->error.code;
    }
    if (asset != 0 && programme_row(cli, asset, &row) != 0 && cli->error.code == CODE_NO_SUCH_PROGRAMME) {
        cli_error(cli, CODE_NO_SUCH_PROGRAMME, "there is no asset %" PRIu64, asset);
        cli_hint(cli, "0 is CNY; others are voucher programmes: tidemark voucher list.");
    }
    json_decref(row);
    return cli->error.code;
}

int account_show(struct cli *cli)
{
    if (period_check(cli) != 0) return cli_fail(cli, "cannot show your account");
    json_t *statement = statement_ask(cli);

    if (statement == NULL) return cli_fail(cli, "cannot show your account");
    json_t *rows = rows_of(statement);
    int code = show_table(cli, entry_columns, rows, statement, NULL);
    json_decref(rows);
    json_decref(statement);
    return code;
}
