/*
 * listing detail: a listing's sealed detail part, opened by its vendor to parties of its choice, and read by them.
 *
 * Always holds: before it is opened to a party it is said to whom; every party named is dealt with by itself.
 */
#include "client/cli/commands.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct column reader_columns[] = {{"name", "Name", COLUMN_LONG, NULL},
                                               {"disclosed", "Record", COLUMN_INDEX, NULL},
                                               {"party", "Party", COLUMN_TEXT, NULL},
                                               {NULL, NULL, COLUMN_END, NULL}};

static const struct column own_columns[] = {{"listing", "Listing", COLUMN_INDEX, NULL},
                                            {"detail_len", "Sealed detail part", COLUMN_BYTES, NULL},
                                            {"disclosed", "Opened to you in record", COLUMN_INDEX, "disclosed"},
                                            {NULL, NULL, COLUMN_END, NULL}};

/* ---- opening it to others ---- */

/* "NAME (tide1…)" is said; 0 or the code in cli->error. *name is the caller's to decref. */
static int reader_say(struct cli *cli, uint64_t listing, const char *party, json_t **name)
{
    json_t *answer;

    *name = NULL;
    if (session_ask(cli, "party", json_pack("{s:s}", "party", party), &answer) != 0) return cli->error.code;
    char *escaped = get_escaped(answer, "name");
    *name = json_incref(json_object_get(answer, "name"));
    talk(cli, "The detail part of listing %" PRIu64 " %s to %s (%s).", listing,
         args_has(&cli->args, "dry-run") ? "would be opened" : "is opened", escaped, party);
    free(escaped);
    json_decref(answer);
    return 0;
}

static int open_to(struct cli *cli, uint64_t listing, const char *party, json_t *rows)
{
    struct tide_doc *answer = NULL;
    bool proven = false;
    json_t *name;

    int code = reader_say(cli, listing, party, &name);
    if (code == 0 && !args_has(&cli->args, "dry-run"))
        code = tide_disclose(cli->market, listing, party, args_text(&cli->args, "recipient"), &proven, &answer, &cli->error);
    if (code == 0) {
        json_array_append_new(rows, json_pack("{s:I,s:s,s:o*,s:I,s:b}", "listing", (json_int_t)listing, "party", party, "name",
                                              json_incref(name), "disclosed",
                                              (json_int_t)(answer != NULL ? tide_doc_u64(answer, "first_index") : 0), "proven",
                                              (int)proven));
        if (answer != NULL && !proven)
            talk(cli, "Which key is that party's, the market says. To be sure, have it tell you its own (tidemark key show "
                      "--recipient), and name it: --recipient age1….");
    }
    tide_doc_free(&answer);
    json_decref(name);
    return code;
}

static int detail_grant(struct cli *cli, uint64_t listing)
{
    const char *party = args_each(&cli->args, "grant", 0);
    json_t *rows = json_array();
    int code = EXIT_OK;

    if (args_text(&cli->args, "recipient") != NULL && args_each(&cli->args, "grant", 1) != NULL) {
        cli_error(cli, CODE_USAGE, "--recipient is one party's, and several are named");
        json_decref(rows);
        return cli_fail(cli, "cannot open the detail part");
    }
    for (size_t i = 0; party != NULL && !interrupted(); party = args_each(&cli->args, "grant", ++i)) {
        if (open_to(cli, listing, party, rows) != 0) code = cli_fail(cli, "cannot open the detail part of listing %" PRIu64
                                                                          " to %s", listing, party);
    }
    if (args_has(&cli->args, "dry-run")) talk(cli, "Not signed, not sent.");
    if (code != EXIT_OK && json_array_size(rows) > 0) code = EXIT_PARTLY;
    int shown = json_array_size(rows) > 0 ? show_table(cli, reader_columns, rows, NULL, NULL) : EXIT_OK;
    json_decref(rows);
    return code != EXIT_OK ? code : shown;
}

/* ---- reading ---- */

/* Its vendor was not told it by anybody: it has it. The market answers a vendor, where it refuses a stranger. */
static void own_hint(struct cli *cli, uint64_t listing)
{
    struct tide_error failed = cli->error;
    json_t *answer;

    bool is_own = session_ask(cli, "detail", json_pack("{s:I,s:i}", "listing", (json_int_t)listing, "limit", 1), &answer) == 0 &&
                  get_u64(answer, "disclosed") == 0;
    json_decref(answer);
    cli->error = failed;
    if (is_own) cli_hint(cli, "It is yours: tidemark open FILE.tide.detail -o OUT opens what lies beside your sealed file.");
}

static int detail_read(struct cli *cli, uint64_t listing, const char *path)
{
    if (session_open(cli) != 0) return cli_fail(cli, "cannot open the detail part of listing %" PRIu64, listing);
    if (tide_detail_fetch(cli->market, listing, path, &cli->error) != 0) {
        own_hint(cli, listing);
        return cli_fail(cli, "cannot open the detail part of listing %" PRIu64, listing);
    }
    talk(cli, "Written to %s. It is what the vendor committed to when it published; keep it to yourself.", path);
    if (!cli->json) return EXIT_OK;
    json_t *row = json_pack("{s:I,s:s}", "listing", (json_int_t)listing, "file", path);
    int code = show_json(cli, row);
    json_decref(row);
    return code;
}

/* To its vendor: who may read it. To anybody else: whether it was opened to oneself. */
static int detail_list(struct cli *cli, uint64_t listing)
{
    json_t *answer;
    int code;

    if (session_pages(cli, "detail", json_pack("{s:I,s:i}", "listing", (json_int_t)listing, "limit", 256), "parties", "after", 0,
                      &answer) != 0)
        return cli_fail(cli, "cannot show the detail part of listing %" PRIu64, listing);
    if (get_u64(answer, "disclosed") != 0) {
        set_u64(answer, "listing", listing);
        json_object_del(answer, "grant");
        talk(cli, "It was opened to you: tidemark listing detail %" PRIu64 " -o FILE.", listing);
        code = show_card(cli, own_columns, answer, NULL);
    } else {
        code = show_table(cli, reader_columns, get_list(answer, "parties"), answer,
                          "Nobody but its vendor may read it: tidemark listing detail LISTING --grant PARTY.");
    }
    json_decref(answer);
    return code;
}

int listing_detail(struct cli *cli)
{
    const char *path = args_text(&cli->args, "out");
    bool grants = args_each(&cli->args, "grant", 0) != NULL;
    uint64_t listing;

    if (!value_number(cli, 0, "listing", &listing)) return cli_fail(cli, "%s", "");
    if (!grants && (args_has(&cli->args, "dry-run") || args_text(&cli->args, "recipient") != NULL)) {
        cli_error(cli, CODE_USAGE, "--dry-run and --recipient go with --grant");
        return cli_fail(cli, "%s", "");
    }
    if (grants && path != NULL) {
        cli_error(cli, CODE_USAGE, "--grant is its vendor's, -o is for whom it was opened: one of the two");
        return cli_fail(cli, "%s", "");
    }
    if (grants) return detail_grant(cli, listing);
    return path != NULL ? detail_read(cli, listing, path) : detail_list(cli, listing);
}
