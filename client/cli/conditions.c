/*
 * Order flags that hang together; see conditions.h.
 *
 * Always holds: what the market would refuse as contradicting itself (docs/market.md, "Orders", 6) is answered here by
 * the names of the flags.
 */
#include "client/cli/conditions.h"

#include "client/cli/session.h"
#include "client/cli/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int contradiction(struct cli *cli, const char *what, const char *hint)
{
    cli_error(cli, CODE_USAGE, "%s", what);
    cli_hint(cli, "%s", hint);
    return cli->error.code;
}

static int expiry_check(struct cli *cli, const struct conditions *c)
{
    bool is_gtd = strcmp(c->tif, "gtd") == 0;

    if (is_gtd && c->expires_at == 0)
        return contradiction(cli, "a gtd order ends at a time, and --expires is missing",
                             "Give --expires 2026-11-30T18:00, or +2h.");
    if (!is_gtd && c->expires_at != 0)
        return contradiction(cli, "--expires is for gtd orders only", "Leave --tif out: --expires implies gtd.");
    if (is_gtd && c->expires_at / 1000 <= (uint64_t)time(NULL))
        return contradiction(cli, "--expires names a time that has passed", "Give a later one, or +2h.");
    return 0;
}

int conditions_read(struct cli *cli, struct conditions *out)
{
    const char *type = args_text(&cli->args, "type"), *tif = args_text(&cli->args, "tif");
    bool has_price = args_has(&cli->args, "price");

    *out = (struct conditions){.is_market = type != NULL && strcmp(type, "market") == 0,
                               .expires_at = args_number(&cli->args, "expires", 0),
                               .post_only = args_has(&cli->args, "post-only")};
    out->tif = tif != NULL ? tif : out->is_market ? "ioc" : out->expires_at != 0 ? "gtd" : "gtc";
    bool rests = strcmp(out->tif, "gtc") == 0 || strcmp(out->tif, "gtd") == 0;
    if (out->is_market && has_price)
        return contradiction(cli, "a market order takes any price, so that it has none",
                             "Leave --price out, or --type market.");
    if (!out->is_market && !has_price)
        return contradiction(cli, "--price is missing", "Give yuan a unit, like 99.00; or --type market.");
    if (out->is_market && (rests || out->expires_at != 0))
        return contradiction(cli, "a market order never waits in the book", "Give --tif ioc or fok, or neither.");
    if (out->post_only && !rests)
        return contradiction(cli, "--post-only is for orders that may wait in the book",
                             "Leave it out, or give --tif gtc.");
    return expiry_check(cli, out);
}

void conditions_put(const struct conditions *c, json_t *body)
{
    set_text(body, "type", c->is_market ? "market" : "limit");
    set_text(body, "tif", c->tif);
    if (c->expires_at != 0) set_u64(body, "expires_at", c->expires_at);
    if (c->post_only) json_object_set_new(body, "post_only", json_true());
}

void conditions_describe(const struct conditions *c, char *out, size_t room)
{
    char time[TEXT_MAX];

    if (strcmp(c->tif, "gtd") == 0) {
        time_short(c->expires_at, time);
        snprintf(out, room, "until %s", time);
    } else if (strcmp(c->tif, "ioc") == 0) {
        snprintf(out, room, "at once; what does not trade at once is given up");
    } else if (strcmp(c->tif, "fok") == 0) {
        snprintf(out, room, "at once and whole, or not at all");
    } else {
        snprintf(out, room, "until it is cancelled");
    }
    if (c->post_only) strncat(out, "; refused if it would trade at once", room - strlen(out) - 1);
}
