/*
 * errors, version: what a code means; what this is.
 */
#include "client/cli/commands.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct column error_columns[] = {{"code", "Code", COLUMN_COUNT, NULL},
                                              {"name", "Name", COLUMN_TEXT, NULL},
                                              {"message", "Meaning", COLUMN_TEXT, NULL},
                                              {"hint", "What to do", COLUMN_TEXT, NULL},
                                              {"retry", "Try again", COLUMN_YES, NULL},
                                              {"exit", "Exit code", COLUMN_COUNT, NULL},
                                              {NULL, NULL, COLUMN_END, NULL}};

static json_t *error_row(const struct tide_error *e)
{
    return json_pack("{s:i,s:s,s:s,s:s,s:b,s:i}", "code", e->code, "name", e->name, "message", e->message, "hint",
                     e->hint, "retry", e->retry, "exit", exit_of_code(e->code));
}

static json_t *all_rows(void)
{
    json_t *rows = json_array();
    struct tide_error e;

    for (int code = tide_error_next(0); code != 0; code = tide_error_next(code)) {
        if (tide_error_describe(code, &e) == 0) json_array_append_new(rows, error_row(&e));
    }
    return rows;
}

/* By number, or by name; NULL: cli->error says what is near. */
static const json_t *row_find(struct cli *cli, const json_t *rows, const char *wanted)
{
    const char *names[256];
    const json_t *row;
    uint64_t number;
    size_t i, n = 0;
    bool is_number = count_parse(wanted, &number);

    json_array_foreach(rows, i, row)
    {
        if (is_number ? get_u64(row, "code") == number : strcmp(get_text(row, "name"), wanted) == 0) return row;
        if (n < ARRAY_N(names)) names[n++] = get_text(row, "name");
    }
    const char *nearest = is_number ? NULL : word_nearest(wanted, names, n);
    cli_error(cli, CODE_USAGE, "there is no code \"%s\"", wanted);
    cli_hint(cli, nearest != NULL ? "Did you mean %s?" : "tidemark errors lists them%s.",
             nearest != NULL ? nearest : "");
    return NULL;
}

int errors_run(struct cli *cli)
{
    const char *wanted = args_value(&cli->args, 0);
    json_t *rows = all_rows();
    int code;

    if (wanted == NULL) {
        json_t *whole = json_pack("{s:O}", "errors", rows);
        code = show_table(cli, error_columns, rows, whole, NULL);
        json_decref(whole);
    } else {
        const json_t *row = row_find(cli, rows, wanted);
        code = row != NULL ? show_card(cli, error_columns, row, NULL) : cli_fail(cli, "%s", "");
    }
    json_decref(rows);
    return code;
}

int version_run(struct cli *cli)
{
    if (!cli->json) {
        printf("tidemark %s\n", tide_version());
        return EXIT_OK;
    }
    json_t *row = json_pack("{s:s}", "version", tide_version());
    int code = show_json(cli, row);
    json_decref(row);
    return code;
}
