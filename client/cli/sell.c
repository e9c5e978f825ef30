/*
 * sell: seals a file, publishes and uploads it, waits for approval, shows the samples that are drawn then, and asks. What has
 * no content, an api or computing time, is published and asked.
 *
 * Always holds: what the market's policy would refuse for sure is refused before the file is sealed; what is asked for is what
 * was published, by the log and not by the broker's word. Run again, it goes on: the library does not list twice, and an ask
 * that was placed is not placed again.
 */
#include "client/cli/commands.h"
#include "client/cli/progress.h"
#include "client/cli/publish.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct column sale_columns[] = {
    {"listing", "Listing", COLUMN_INDEX, NULL},   {"state", "State", COLUMN_STATE, NULL},
    {"order", "Ask", COLUMN_INDEX, NULL},         {"price", "Price (CNY)", COLUMN_MONEY, NULL},
    {"sealed", "Sealed file", COLUMN_TEXT, NULL}, {"sent_chunks", "Chunks sent", COLUMN_COUNT, "sent_chunks"},
    {NULL, NULL, COLUMN_END, NULL}};

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
    json_t *row = json_pack("{s:I,s:s,s:I,s:I,s:s,s:I}", "listing", (json_int_t)listing, "state", state, "order",
                            (json_int_t)order, "price", (json_int_t)args_number(&cli->args, "price", 0), "sealed", sealed,
                            "sent_chunks", (json_int_t)tide_market_sent_chunks(cli->market));
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

static int sell_dry_run(struct cli *cli, json_t *body)
{
    json_t *both = json_pack("{s:o,s:o}", "publish", body, "order", ask_body(cli, 0));

    talk(cli, "Not signed, not sent. The content's fields are filled in when the file is sealed, the ask's listing "
              "when it has one.");
    int code = show_json(cli, both);
    json_decref(both);
    return code;
}

/* Publishes, with whatever files there are; `body` is taken over, *published is the caller's to free. */
static int list(struct cli *cli, const struct publication *files, json_t *body, uint64_t *listing, struct tide_doc **published)
{
    *published = NULL;
    if (files->path != NULL || files->detail != NULL) return publish_content(cli, files, body, listing, published);
    int code = session_doc(cli, "publish", json_incref(body), published);
    if (code == 0) return list_service(cli, body, listing);
    json_decref(body);
    return code;
}

/* Until a reviewer has approved it, and its samples, if any, are shown. */
static int open_wait(struct cli *cli, const struct publication *files, const json_t *body, uint64_t listing)
{
    const char *sealed = files->path != NULL ? files->sealed : NULL;
    struct progress progress;

    talk(cli, "Listed as %" PRIu64 "; waiting for a reviewer's approval%s. Ctrl-C loses nothing: the same command goes on.", listing,
         get_u64(body, "samples") > 0 ? ", then showing the samples that the log draws" : "");
    progress_init(&progress, cli);
    int code = tide_listing_open(cli->market, listing, sealed, wait_ms(cli), progress_step, &progress, NULL, &cli->error);
    progress_end(&progress);
    return code;
}

/* The number came from the broker, and an ask names nothing else. */
static int sell_listed(struct cli *cli, const struct publication *files, const json_t *body, const struct tide_doc *published,
                       uint64_t listing)
{
    bool service = files->path == NULL;
    uint64_t order = 0;

    publish_say_next(cli, files, body);
    if (args_has(&cli->args, "no-wait")) {
        if (get_u64(body, "samples") > 0)
            talk(cli, "Once a reviewer has approved it the log draws its samples; tidemark vend answers.");
        talk(cli, "Listed. Once it is open: tidemark order ask %" PRIu64 " --price … --quantity …", listing);
        return sale_show(cli, listing, service && files->detail == NULL ? "pending" : "awaiting", 0, files->sealed);
    }
    if (open_wait(cli, files, body, listing) != 0 || tide_listing_check(cli->market, listing, published, &cli->error) != 0 ||
        ask_place(cli, listing, &order) != 0)
        return cli_fail(cli, "listed as %" PRIu64 ", but not offered", listing);
    talk(cli, "Offered. tidemark vend hands out %s as it is bought.", service ? "credentials" : "the keys");
    return sale_show(cli, listing, "open", order, files->sealed);
}

int sell_run(struct cli *cli)
{
    const char *path = args_value(&cli->args, 0), *what = path != NULL ? path : args_text(&cli->args, "title");
    struct publication files;
    uint64_t listing = 0;

    json_t *body = json_object();
    if (args_number(&cli->args, "price", 0) == 0)
        cli_error(cli, CODE_BAD_PRICE, NULL);
    else if (publish_fields(cli, body) == 0 && publish_files(cli, body, path, &files) == 0)
        publish_policy(cli, body, &files);
    if (cli->error.code != 0) {
        json_decref(body);
        return cli_fail(cli, "cannot sell %s", what);
    }
    if (args_has(&cli->args, "dry-run")) return sell_dry_run(cli, body);
    json_t *said = json_deep_copy(body);
    struct tide_doc *published;
    int code = list(cli, &files, body, &listing, &published) != 0 ? cli_fail(cli, "cannot sell %s", what)
                                                                  : sell_listed(cli, &files, said, published, listing);
    tide_doc_free(&published);
    json_decref(said);
    return code;
}
