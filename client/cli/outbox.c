/*
 * outbox list, show, resend: what was signed, and what is known of it.
 */
#include "client/cli/commands.h"
#include "client/cli/session.h"
#include "client/cli/show.h"

#include <string.h>

static const struct column outbox_columns[] = {{"command_id", "ID", COLUMN_TEXT, NULL},
                                               {"kind", "Kind", COLUMN_TEXT, NULL},
                                               {"state", "State", COLUMN_STATE, NULL},
                                               {"signed_at", "Signed", COLUMN_TIME, NULL},
                                               {"first_index", "Record", COLUMN_INDEX, NULL},
                                               {"code", "Code", COLUMN_INDEX, NULL},
                                               {NULL, NULL, COLUMN_END, NULL}};

static bool entry_keep(void *ctx, const struct tide_doc *entry)
{
    json_array_append_new(ctx, doc_json(entry));
    return !interrupted();
}

static json_t *entries_read(struct cli *cli)
{
    json_t *rows = json_array();

    if (session_open(cli) == 0 && tide_outbox_each(cli->market, entry_keep, rows, &cli->error) == 0) return rows;
    json_decref(rows);
    return NULL;
}

int outbox_list(struct cli *cli)
{
    json_t *rows = entries_read(cli);

    if (rows == NULL) return cli_fail(cli, "cannot read the outbox");
    json_t *whole = json_pack("{s:O}", "entries", rows);
    int code = show_table(cli, outbox_columns, rows, whole, "The outbox is empty.");
    json_decref(whole);
    json_decref(rows);
    return code;
}

/* The only entry whose id begins with `id`; NULL: none, or several. */
static const json_t *entry_find(const json_t *rows, const char *id)
{
    const json_t *row, *found = NULL;
    size_t i, n = 0;

    json_array_foreach(rows, i, row)
    {
        if (strncmp(get_text(row, "command_id"), id, strlen(id)) != 0) continue;
        found = row;
        n++;
    }
    return n == 1 ? found : NULL;
}

int outbox_show(struct cli *cli)
{
    const char *id = args_value(&cli->args, 0);
    json_t *rows = entries_read(cli);

    if (rows == NULL) return cli_fail(cli, "cannot read the outbox");
    const json_t *entry = entry_find(rows, id);
    int code;
    if (entry == NULL) {
        cli_error(cli, CODE_NO_SUCH_RECORD, "no statement, or more than one, has an id that begins with %s", id);
        cli_hint(cli, "tidemark outbox list shows the ids.");
        code = cli_fail(cli, "cannot show it");
    } else {
        code = show_card(cli, outbox_columns, entry, NULL);
    }
    json_decref(rows);
    return code;
}

int outbox_resend(struct cli *cli)
{
    unsigned n_open = 0;

    if (session_open(cli) != 0 || tide_resend(cli->market, &n_open, &cli->error) != 0)
        return cli_fail(cli, "cannot resend");
    json_t *row = json_pack("{s:i}", "open", (int)n_open);
    int code = EXIT_OK;
    if (cli->json)
        code = show_json(cli, row);
    else if (n_open == 0)
        talk(cli, "Everything that was sent has a known outcome.");
    else
        talk(cli, "%u statements are not proven yet; run it again in a second.", n_open);
    json_decref(row);
    return code != EXIT_OK ? code : n_open > 0 ? EXIT_PARTLY : EXIT_OK;
}
