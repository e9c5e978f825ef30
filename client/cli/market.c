/*
 * market halt, resume, params, arbiter: what operators do with the market itself.
 */
#include "client/cli/commands.h"
#include "client/cli/prompt.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct column moved_columns[] = {
    {"listing", "Listing", COLUMN_INDEX, NULL}, {"record", "Record", COLUMN_INDEX, NULL}, {NULL, NULL, COLUMN_END, NULL}};

static const struct column parameter_columns[] = {
    {"parameter", "Parameter", COLUMN_TEXT, NULL}, {"value", "Value", COLUMN_TEXT, NULL}, {NULL, NULL, COLUMN_END, NULL}};

static const struct column arbiter_columns[] = {{"trade", "Trade", COLUMN_INDEX, NULL},
                                                {"arbiter", "Arbiter", COLUMN_TEXT, NULL},
                                                {"record", "Record", COLUMN_INDEX, NULL},
                                                {NULL, NULL, COLUMN_END, NULL}};

/* ---- halt and resume ---- */

/* The listing named, or 0: the market. */
static bool listing_value(struct cli *cli, uint64_t *listing)
{
    *listing = 0;
    return args_value(&cli->args, 0) == NULL || value_number(cli, 0, "listing", listing);
}

static int move(struct cli *cli, const char *kind, json_t *body, const char *said)
{
    uint64_t listing = get_u64(body, "listing");
    json_t *answer;
    int code;

    if (!session_state_or_fail(cli, kind, body, &answer, &code,
                               listing != 0 ? "cannot halt or resume the listing" : "cannot halt or resume the market"))
        return code;
    json_t *row = json_pack("{s:I,s:I}", "listing", (json_int_t)listing, "record",
                            (json_int_t)get_u64(answer, "first_index"));
    talk(cli, "%s %s.", listing != 0 ? "The listing is" : "The market is", said);
    code = show_card(cli, moved_columns, row, NULL);
    json_decref(row);
    json_decref(answer);
    return code;
}

int market_halt(struct cli *cli)
{
    uint64_t listing;

    if (!listing_value(cli, &listing)) return cli_fail(cli, "%s", "");
    return move(cli, "halt",
                json_pack("{s:I,s:s}", "listing", (json_int_t)listing, "reason", args_text(&cli->args, "reason")),
                "halted: no orders are taken, no trade deadline runs");
}

int market_resume(struct cli *cli)
{
    uint64_t listing;

    if (!listing_value(cli, &listing)) return cli_fail(cli, "%s", "");
    return move(cli, "resume", json_pack("{s:I}", "listing", (json_int_t)listing),
                "open again; deadlines move by the time it was halted");
}

/* ---- parameters ---- */

/* Rows for people: values in the unit of their name. */
static json_t *parameters_named(const json_t *parameters)
{
    json_t *rows = json_deep_copy(parameters), *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        char text[TEXT_MAX];
        parameter_format(get_text(row, "parameter"), get_u64(row, "value"), text);
        set_text(row, "value", text);
    }
    return rows;
}

static int parameters_show(struct cli *cli)
{
    json_t *answer;
    char since[TEXT_MAX];

    if (session_ask(cli, "market", NULL, &answer) != 0) return cli_fail(cli, "cannot show the market's parameters");
    json_t *rows = parameters_named(get_list(answer, "parameters"));
    time_short(get_u64(answer, "halted_at"), since);
    if (get_bool(answer, "halted")) talk(cli, "The market is halted since %s.", since);
    int code = show_table(cli, parameter_columns, rows, answer, NULL);
    json_decref(rows);
    json_decref(answer);
    return code;
}

/* The parameter of that name as it is now; NULL: cli->error names the nearest. */
static const json_t *parameter_find(struct cli *cli, const json_t *known, const char *name)
{
    const char *names[64], *nearest;
    const json_t *row;
    size_t i, n = 0;

    json_array_foreach(known, i, row)
    {
        if (strcmp(get_text(row, "parameter"), name) == 0) return row;
        if (n < ARRAY_N(names)) names[n++] = get_text(row, "parameter");
    }
    nearest = word_nearest(name, names, n);
    cli_error(cli, CODE_USAGE, "there is no parameter \"%s\"", name);
    if (nearest != NULL)
        cli_hint(cli, "Did you mean %s?", nearest);
    else
        cli_hint(cli, "tidemark market params lists them.");
    return NULL;
}

/* "grant_ms=24h" appended to `list` in raw units, and said. */
static int parameter_add(struct cli *cli, const char *typed, const json_t *known, json_t *list)
{
    const char *equals = strchr(typed, '=');
    char name[64], was[TEXT_MAX], now[TEXT_MAX];
    uint64_t value;

    if (equals == NULL || equals == typed || (size_t)(equals - typed) >= sizeof name) {
        cli_error(cli, CODE_USAGE, "\"%s\" is not NAME=VALUE", typed);
        cli_hint(cli, "Give it like grant_ms=24h; tidemark market params lists the names.");
        return cli->error.code;
    }
    snprintf(name, sizeof name, "%.*s", (int)(equals - typed), typed);
    const json_t *row = parameter_find(cli, known, name);
    if (row == NULL) return cli->error.code;
    if (!parameter_parse(name, equals + 1, &value)) {
        cli_error(cli, CODE_USAGE, "\"%s\" is no value of %s", equals + 1, name);
        cli_hint(cli, "Give %s.", parameter_example(name));
        return cli->error.code;
    }
    parameter_format(name, get_u64(row, "value"), was);
    parameter_format(name, value, now);
    talk(cli, "%s %s, until now %s", name, now, was);
    json_array_append_new(list, json_pack("{s:s,s:I}", "parameter", name, "value", (json_int_t)value));
    return 0;
}

/* {parameters, reason} of what was typed; NULL: cli->error. */
static json_t *parameters_body(struct cli *cli)
{
    const char *reason = args_text(&cli->args, "reason");
    json_t *list = json_array(), *answer = NULL;
    int code = 0;

    if (reason == NULL) {
        code = cli_error(cli, CODE_USAGE, "--reason is missing");
        cli_hint(cli, "Say why; it goes into the journal.");
    }
    if (code == 0) code = session_ask(cli, "market", NULL, &answer);
    const json_t *known = get_list(answer, "parameters");
    for (size_t i = 0; code == 0 && i < cli->args.n_values; i++)
        code = parameter_add(cli, cli->args.values[i], known, list);
    json_decref(answer);
    if (code == 0) return json_pack("{s:o,s:s}", "parameters", list, "reason", reason);
    json_decref(list);
    return NULL;
}

static int parameters_set(struct cli *cli)
{
    json_t *body = parameters_body(cli), *answer;
    int code;

    if (body == NULL) return cli_fail(cli, "cannot set parameters");
    json_t *rows = parameters_named(get_list(body, "parameters"));
    if (session_state_or_fail(cli, "parameters", body, &answer, &code, "cannot set parameters")) {
        talk(cli, "In force at once; what has begun keeps what it began with.");
        code = show_table(cli, parameter_columns, rows, answer, NULL);
        json_decref(answer);
    }
    json_decref(rows);
    return code;
}

int market_params(struct cli *cli)
{
    return cli->args.n_values == 0 ? parameters_show(cli) : parameters_set(cli);
}

/* ---- arbiter ---- */

int market_arbiter(struct cli *cli)
{
    const char *arbiter = args_value(&cli->args, 1);
    uint64_t trade;
    json_t *answer;
    int code;

    if (!value_number(cli, 0, "trade", &trade)) return cli_fail(cli, "%s", "");
    json_t *body = json_pack("{s:I,s:s}", "trade", (json_int_t)trade, "arbiter", arbiter);
    if (!session_state_or_fail(cli, "arbiter", body, &answer, &code, "cannot name an arbiter")) return code;
    json_t *row = json_pack("{s:I,s:s,s:I}", "trade", (json_int_t)trade, "arbiter", arbiter, "record",
                            (json_int_t)get_u64(answer, "first_index"));
    code = show_card(cli, arbiter_columns, row, NULL);
    json_decref(row);
    json_decref(answer);
    return code;
}
