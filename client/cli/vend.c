/*
 * vend: grants trades as they come.
 *
 * Always holds: nothing is kept here. What waits for a grant is asked of the market each time, so that it can be
 * stopped and started anywhere, also twice.
 */
#include "client/cli/commands.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/trade.h"

#include <inttypes.h>
#include <string.h>

#define POLL_MS 1000u
#define BACKOFF_MAX_MS 30000u

/* One's trades as vendor that wait for their grant; NULL: cli->error. */
static json_t *waiting_trades(struct cli *cli)
{
    json_t *body = json_pack("{s:b}", "open_only", 1), *answer, *rows = json_array();
    const json_t *row;
    size_t i;

    if (session_pages(cli, "trades", body, "trades", "before", 0, &answer) != 0) {
        json_decref(rows);
        return NULL;
    }
    const char *me = tide_identity_party(cli->identity);
    json_array_foreach(get_list(answer, "trades"), i, row)
    {
        bool waits = strcmp(get_text(row, "state"), "matched") == 0 && strcmp(get_text(row, "vendor"), me) == 0;
        if (waits) json_array_append(rows, (json_t *)row);
    }
    json_decref(answer);
    return rows;
}

/* Prints those of `trades` that are granted now. */
static int granted_print(struct cli *cli, const json_t *trades)
{
    const json_t *was;
    size_t i;

    json_array_foreach(trades, i, was)
    {
        json_t *now;
        if (trade_row(cli, get_u64(was, "trade"), &now) != 0) return cli->error.code;
        json_object_del(now, "grant");
        if (strcmp(get_text(now, "state"), "matched") != 0) show_line(cli, trade_columns, now);
        json_decref(now);
    }
    return 0;
}

/* Grants what waits; *n says how many there were. */
static int vend_round(struct cli *cli, size_t *n)
{
    unsigned n_granted = 0;

    *n = 0;
    json_t *trades = waiting_trades(cli);
    if (trades == NULL) return cli->error.code;
    *n = json_array_size(trades);
    int code = 0;
    if (*n > 0) code = tide_vend(cli->market, &n_granted, &cli->error);
    if (n_granted > 0) { /* before an error as well */
        struct tide_error was = cli->error;
        int printed = granted_print(cli, trades);
        if (code != 0)
            cli->error = was;
        else
            code = printed;
    }
    json_decref(trades);
    return code;
}

int vend_run(struct cli *cli)
{
    unsigned backoff = POLL_MS;
    bool once = args_has(&cli->args, "once");
    size_t n;

    if (session_open(cli) != 0) return cli_fail(cli, "cannot vend");
    if (!once) talk(cli, "Waiting for trades; Ctrl-C stops, and nothing is lost.");
    for (;;) {
        int code = vend_round(cli, &n);
        bool again = code == 0 || cli->error.retry != 0;
        if (code == 0 && once && n == 0) talk(cli, "Nothing waits for a grant.");
        if (interrupted() || !again || (once && code != 0)) return cli_fail(cli, "cannot vend");
        if (once) return EXIT_OK;
        if (code != 0) talk(cli, "Not now (%s); trying again in %u s.", cli->error.name, backoff / 1000);
        if (pause_ms(cli, code == 0 ? POLL_MS : backoff) != 0) return cli_fail(cli, "stopped");
        backoff = code == 0 ? POLL_MS : backoff * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : backoff * 2;
    }
}
