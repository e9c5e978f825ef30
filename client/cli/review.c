/*
 * review list, approve, refuse: what a reviewer does.
 */
#include "client/cli/commands.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <inttypes.h>

static const struct column pending_columns[] = {
    {"listing", "Listing", COLUMN_INDEX, NULL},    {"listed_at", "Published", COLUMN_TIME, NULL},
    {"kind", "Kind", COLUMN_TEXT, NULL},           {"class", "Class", COLUMN_TEXT, NULL},
    {"plaintext_len", "Size", COLUMN_BYTES, NULL}, {"vendor_name", "Vendor", COLUMN_TEXT, NULL},
    {"title", "Title", COLUMN_LONG, NULL},         {NULL, NULL, COLUMN_END, NULL}};

static const struct column verdict_columns[] = {{"listing", "Listing", COLUMN_INDEX, NULL},
                                                {"verdict", "Verdict", COLUMN_TEXT, NULL},
                                                {"record", "Record", COLUMN_INDEX, NULL},
                                                {NULL, NULL, COLUMN_END, NULL}};

int review_list(struct cli *cli)
{
    json_t *body = json_pack("{s:s}", "state", "pending"), *answer;

    set_u64(body, "before", args_number(&cli->args, "before", 0));
    if (session_pages(cli, "search", body, "listings", "before", args_number(&cli->args, "limit", 0), &answer) != 0) {
        return cli_fail(cli, "cannot list what waits for review");
    }
    int code = show_table(cli, pending_columns, get_list(answer, "listings"), answer, "Nothing waits for review.");
    json_decref(answer);
    return code;
}

/* One listing's verdict; an exit code. */
static int review_one(struct cli *cli, size_t i, const char *verdict)
{
    uint64_t listing;
    json_t *answer;
    int code;

    if (!value_number(cli, i, "listing", &listing)) return cli_fail(cli, "cannot %s it", verdict);
    json_t *body = json_pack("{s:I,s:s}", "listing", (json_int_t)listing, "verdict", verdict);
    set_text(body, "reasons", args_text(&cli->args, "reason"));
    if (dry_run(cli, "review", body, &code)) return code;
    if (session_state(cli, "review", body, &answer) != 0)
        return cli_fail(cli, "cannot %s listing %" PRIu64, verdict, listing);
    json_t *row = json_pack("{s:I,s:s,s:I}", "listing", (json_int_t)listing, "verdict", verdict, "record",
                            (json_int_t)get_u64(answer, "first_index"));
    code = show_line(cli, verdict_columns, row);
    json_decref(row);
    json_decref(answer);
    return code;
}

static int approve_one(struct cli *cli, size_t i)
{
    return review_one(cli, i, "approve");
}

int review_approve(struct cli *cli)
{
    return each_value(cli, approve_one);
}

int review_refuse(struct cli *cli)
{
    return review_one(cli, 0, "refuse");
}
