/*
 * sell: seals a file, publishes and uploads it, waits for approval, and asks. What has no content, an api or computing
 * time, is published and asked.
 *
 * Always holds: what the market's policy would refuse for sure is refused before the file is sealed. Run again, it goes
 * on: the library does not list twice, and an ask that was placed is not placed again.
 */
#include "client/cli/commands.h"
#include "client/cli/publish.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct column sale_columns[] = {
    {"listing", "Listing", COLUMN_INDEX, NULL},   {"state", "State", COLUMN_STATE, NULL},
    {"order", "Ask", COLUMN_INDEX, NULL},         {"price", "Price (CNY)", COLUMN_MONEY, NULL},
    {"sealed", "Sealed file", COLUMN_TEXT, NULL}, {NULL, NULL, COLUMN_END, NULL}};

/* ---- what is asked ---- */

static json_t *ask_body(const struct cli *cli, uint64_t listing)
{
    uint64_t quantity = args_number(&cli->args, "quantity", QUANTITY_UNLIMITED);
    bool unlimited = quantity == QUANTITY_UNLIMITED;

    return json_pack("{s:I,s:s,s:s,s:I,s:I,s:b}", "listing", (json_int_t)listing, "side", "ask", "type", "limit",
                     "price", (json_int_t)args_number(&cli->args, "price", 0), "quantity",
                     (json_int_t)(unlimited ? 0 : quantity), "unlimited", unlimited);
}

/* An ask placed by an earlier run; *order 0 if there is none. Orders are newest first, and later than their listing. */
static int ask_find(struct cli *cli, uint64_t listing, uint64_t *order)
{
    uint64_t before = 0;
    json_t *answer;

    *order = 0;
    do {
        json_t *body = json_pack("{s:I,s:i}", "before", (json_int_t)before, "limit", 256);
        const json_t *row;
        size_t i;
        if (session_ask(cli, "orders", body, &answer) != 0) return cli->error.code;
        before = get_u64(answer, "before");
        json_array_foreach(get_list(answer, "orders"), i, row)
        {
            bool is_it = get_u64(row, "listing") == listing && strcmp(get_text(row, "side"), "ask") == 0;
            if (is_it && *order == 0) *order = get_u64(row, "order");
            if (get_u64(row, "order") < listing) before = 0;
        }
        json_decref(answer);
    } while (*order == 0 && before != 0);
    return 0;
}

static int ask_place(struct cli *cli, uint64_t listing, uint64_t *order)
{
    json_t *answer;

    if (ask_find(cli, listing, order) != 0) return cli->error.code;
    if (*order != 0) {
        talk(cli, "Asked already: order %" PRIu64 ".", *order);
        return 0;
    }
    if (session_state(cli, "order", ask_body(cli, listing), &answer) != 0) return cli->error.code;
    *order = answer_name(answer);
    json_decref(answer);
    return 0;
}

/* ---- the command ---- */

static int sale_show(struct cli *cli, uint64_t listing, const char *state, uint64_t order, const char *sealed)
{
    json_t *row =
        json_pack("{s:I,s:s,s:I,s:I,s:s}", "listing", (json_int_t)listing, "state", state, "order", (json_int_t)order,
                  "price", (json_int_t)args_number(&cli->args, "price", 0), "sealed", sealed);
    int code = show_card(cli, sale_columns, row, NULL);

    json_decref(row);
    return code;
}

/* One's own listing of this kind and title that is not over: what an earlier run of a sale without content made. */
static int listing_find(struct cli *cli, uint64_t *listing)
{
    const json_t *row;
    json_t *answer;
    size_t i;

    *listing = 0;
    if (session_pages(cli, "search", json_pack("{s:b}", "mine", 1), "listings", "before", 0, &answer) != 0)
        return cli->error.code;
    json_array_foreach(get_list(answer, "listings"), i, row)
    {
        const char *state = get_text(row, "state");
        bool is_over = strcmp(state, "closed") == 0 || strcmp(state, "refused") == 0;
        bool is_it = strcmp(get_text(row, "kind"), args_text(&cli->args, "kind")) == 0 &&
                     strcmp(get_text(row, "title"), args_text(&cli->args, "title")) == 0;
        if (is_it && !is_over && *listing == 0) *listing = get_u64(row, "listing");
    }
    json_decref(answer);
    return 0;
}

/* Publishes what has no content, unless that was done; `body` is taken over. */
static int list_service(struct cli *cli, json_t *body, uint64_t *listing)
{
    json_t *answer;

    int code = listing_find(cli, listing);
    if (code != 0 || *listing != 0) {
        json_decref(body);
        if (code == 0) talk(cli, "Listed already, as %" PRIu64 ".", *listing);
        return code;
    }
    if (session_state(cli, "publish", body, &answer) != 0) return cli->error.code;
    *listing = answer_name(answer);
    json_decref(answer);
    return 0;
}

/* Kinds of which each trade brings a credential instead of content. */
static bool is_service(const struct cli *cli)
{
    const char *kind = args_text(&cli->args, "kind");
    return kind != NULL && (strcmp(kind, "api") == 0 || strcmp(kind, "compute") == 0);
}

/* A file for content, none for a service; its sealed form's name. */
static int content_choose(struct cli *cli, const char *path, char sealed[CONTEXT_PATH_MAX])
{
    const char *out = args_text(&cli->args, "out");
    bool none = is_service(cli);

    sealed[0] = '\0';
    if (none && (path != NULL || out != NULL)) {
        cli_error(cli, CODE_USAGE, "%s listings have no content", args_text(&cli->args, "kind"));
        cli_hint(cli, "Leave the file out; tidemark vend --credential FILE gives buyers what they need.");
        return cli->error.code;
    }
    if (!none && path == NULL) {
        cli_error(cli, CODE_USAGE, "FILE is missing");
        cli_hint(cli, "Only --kind api and compute are sold without one.");
        return cli->error.code;
    }
    if (none || snprintf(sealed, CONTEXT_PATH_MAX, "%s%s", out != NULL ? out : path, out != NULL ? "" : ".tide") <
                    CONTEXT_PATH_MAX)
        return 0;
    return cli_error(cli, CODE_FILE, "its name is too long");
}

static int sell_dry_run(struct cli *cli, json_t *body)
{
    json_t *both = json_pack("{s:o,s:o}", "publish", body, "order", ask_body(cli, 0));

    talk(cli, "Not signed, not sent. The content's fields are filled in when the file is sealed, the ask's listing "
              "when it has one.");
    int code = show_json(cli, both);
    json_decref(both);
    return code;
}

int sell_run(struct cli *cli)
{
    const char *path = args_value(&cli->args, 0), *what = path != NULL ? path : args_text(&cli->args, "title");
    char sealed[CONTEXT_PATH_MAX];
    uint64_t listing = 0, order = 0;
    struct tide_doc *row = NULL;

    if (content_choose(cli, path, sealed) != 0) return cli_fail(cli, "cannot sell %s", what);
    if (args_number(&cli->args, "price", 0) == 0)
        cli_error(cli, CODE_BAD_PRICE, NULL);
    json_t *body = json_object();
    if (cli->error.code == 0 && publish_fields(cli, body) == 0) publish_policy(cli, body);
    if (cli->error.code != 0) {
        json_decref(body);
        return cli_fail(cli, "cannot sell %s", what);
    }
    if (args_has(&cli->args, "dry-run")) return sell_dry_run(cli, body);
    int code = is_service(cli) ? list_service(cli, body, &listing) : publish_content(cli, path, sealed, body, &listing);
    if (code != 0) return cli_fail(cli, "cannot sell %s", what);
    if (args_has(&cli->args, "no-wait")) {
        talk(cli, "Listed. Once it is open: tidemark order ask %" PRIu64 " --price … --quantity …", listing);
        return sale_show(cli, listing, is_service(cli) ? "pending" : "awaiting", 0, sealed);
    }
    talk(cli,
         "Listed as %" PRIu64 "; waiting for a reviewer's approval. Ctrl-C loses nothing: the same command goes on.",
         listing);
    code = tide_listing_wait(cli->market, listing, "open", wait_ms(cli), &row, &cli->error);
    tide_doc_free(&row);
    if (code != 0 || ask_place(cli, listing, &order) != 0)
        return cli_fail(cli, "listed as %" PRIu64 ", but not offered", listing);
    talk(cli, "Offered. tidemark vend hands out %s as it is bought.", is_service(cli) ? "credentials" : "the keys");
    return sale_show(cli, listing, "open", order, sealed);
}
