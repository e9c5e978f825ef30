/*
 * tape: the top of every book, and with --follow what happens, a line a part of a message.
 */
#include "client/cli/commands.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct column top_columns[] = {{"listing", "Listing", COLUMN_INDEX, NULL},
                                            {"kind", "Kind", COLUMN_TEXT, NULL},
                                            {"state", "State", COLUMN_STATE, NULL},
                                            {"bid_price", "Bid", COLUMN_MONEY, "has_bid"},
                                            {"bid_quantity", "Quantity", COLUMN_RIGHT, NULL},
                                            {"ask_price", "Ask", COLUMN_MONEY, "has_ask"},
                                            {"ask_quantity", "Quantity", COLUMN_RIGHT, NULL},
                                            {"last_price", "Last", COLUMN_MONEY, "has_last"},
                                            {"title", "Title", COLUMN_LONG, NULL},
                                            {NULL, NULL, COLUMN_END, NULL}};
static const struct column line_columns[] = {{"time_ms", "Time", COLUMN_TIME, NULL},
                                             {"what", "What", COLUMN_TEXT, NULL},
                                             {"listing", "Listing", COLUMN_INDEX, NULL},
                                             {"said", "", COLUMN_TEXT, NULL},
                                             {NULL, NULL, COLUMN_END, NULL}};

/* A side's best level into members of its own: for tables. */
static void side_flatten(json_t *row, const char *side)
{
    const json_t *level = get_first(row, side);
    char name[24], quantity[TEXT_MAX];

    snprintf(name, sizeof name, "has_%s", side);
    json_object_set_new(row, name, json_boolean(level != NULL));
    snprintf(name, sizeof name, "%s_price", side);
    set_u64(row, name, get_u64(level, "price"));
    snprintf(quantity, sizeof quantity, "%" PRIu64, get_u64(level, "quantity"));
    if (get_bool(level, "unlimited")) strcpy(quantity, "∞");
    snprintf(name, sizeof name, "%s_quantity", side);
    set_text(row, name, level != NULL ? quantity : "");
}

static int picture_show(struct cli *cli)
{
    json_t *body = json_pack("{s:I,s:i}", "listing", (json_int_t)args_number(&cli->args, "listing", 0), "limit", 256);
    json_t *answer, *row;
    size_t i;

    if (session_pages(cli, "tape", body, "tops", "after", 0, &answer) != 0) return cli_fail(cli, "cannot show the tape");
    json_t *rows = json_deep_copy(get_list(answer, "tops"));
    json_array_foreach(rows, i, row)
    {
        side_flatten(row, "bid");
        side_flatten(row, "ask");
    }
    int code = show_table(cli, top_columns, rows, answer, "Nothing is open.");
    if (get_bool(answer, "halted")) talk(cli, "The market is halted.");
    json_decref(rows);
    json_decref(answer);
    return code;
}

/* ---- following ---- */
struct feed {
    struct cli *cli;
    int code;
};

static void level_say(const json_t *row, const char *side, char *out, size_t len)
{
    const json_t *level = get_first(row, side);
    char yuan[TEXT_MAX];

    yuan_format(get_u64(level, "price"), yuan);
    if (level == NULL)
        snprintf(out, len, "%s -", side);
    else if (get_bool(level, "unlimited"))
        snprintf(out, len, "%s ∞ @ %s", side, yuan);
    else
        snprintf(out, len, "%s %" PRIu64 " @ %s", side, get_u64(level, "quantity"), yuan);
}

/* The words of a line. */
static void part_say(const char *what, json_t *part)
{
    char said[480], bid[80], ask[80], yuan[TEXT_MAX];

    yuan_format(get_u64(part, "price"), yuan);
    level_say(part, "bid", bid, sizeof bid);
    level_say(part, "ask", ask, sizeof ask);
    if (strcmp(what, "trade") == 0)
        snprintf(said, sizeof said, "%" PRIu64 " @ %s, the %s came later", get_u64(part, "quantity"), yuan, get_text(part, "taker"));
    else if (strcmp(what, "state") == 0)
        strcpy(said, get_bool(part, "halted") ? "the market is halted" : "the market goes on");
    else if (strcmp(what, "top") == 0)
        snprintf(said, sizeof said, "%s  %s", bid, ask);
    else if (strcmp(what, "picture") == 0)
        snprintf(said, sizeof said, "%s  %s  %s  %.160s", get_text(part, "state"), bid, ask, get_text(part, "title"));
    else
        snprintf(said, sizeof said, "%s %s  %.160s", get_text(part, "kind"), get_text(part, "state"), get_text(part, "title"));
    set_text(part, "said", said);
}

static int parts_show(struct cli *cli, const json_t *message, const char *list, const char *what)
{
    const json_t *item;
    int code = EXIT_OK;
    size_t i;

    json_array_foreach(get_list(message, list), i, item)
    {
        json_t *part = json_object();
        set_text(part, "what", what);
        if (json_object_get(message, "time_ms") != NULL) json_object_set(part, "time_ms", json_object_get(message, "time_ms"));
        json_object_update(part, (json_t *)item);
        json_object_set(part, "next", json_object_get(message, "next"));
        if (!cli->json) part_say(what, part);
        if (code == EXIT_OK) code = show_line(cli, line_columns, part);
        json_decref(part);
    }
    return code;
}

static bool message_show(void *ctx, const struct tide_doc *doc)
{
    struct feed *feed = ctx;
    bool picture = strcmp(tide_doc_kind(doc), "tape") != 0;
    json_t *message = doc_json(doc);

    if (message == NULL) return feed->code = EXIT_FAILED, false;
    if (picture) {
        feed->code = parts_show(feed->cli, message, "tops", "picture");
    } else {
        feed->code = parts_show(feed->cli, message, "states", "state");
        if (feed->code == EXIT_OK) feed->code = parts_show(feed->cli, message, "listings", "listing");
        if (feed->code == EXIT_OK) feed->code = parts_show(feed->cli, message, "trades", "trade");
        if (feed->code == EXIT_OK) feed->code = parts_show(feed->cli, message, "tops", "top");
    }
    json_decref(message);
    return feed->code == EXIT_OK && !interrupted();
}

int tape_run(struct cli *cli)
{
    struct feed feed = {.cli = cli};

    if (!args_has(&cli->args, "follow")) return picture_show(cli);
    if (session_open(cli) != 0 ||
        tide_tape_follow(cli->market, args_number(&cli->args, "listing", 0), message_show, &feed, &cli->error) != 0)
        return cli_fail(cli, "cannot follow the tape");
    if (!interrupted()) return feed.code;
    cli_error(cli, CODE_INTERRUPTED, NULL);
    return cli_fail(cli, "stopped");
}
