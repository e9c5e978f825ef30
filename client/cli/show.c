/*
 * Tables, cards, lines and JSON on stdout; see show.h.
 *
 * Always holds: nothing reaches a terminal or a tab-separated line unescaped; in a pipe nothing is cut and every row
 * has every column; JSON is printed as the market gave it. Not here: what is asked for and which columns matter (each
 * command's own file), errors and talk (session.c).
 */
#include "client/cli/show.h"

#include "client/cli/text.h"
#include "client/cli/units.h"

#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- members ---- */

json_t *doc_json(const struct tide_doc *doc)
{
    char *text = tide_doc_json(doc);
    json_t *json = text != NULL ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

    free(text);
    return json;
}

uint64_t get_u64(const json_t *object, const char *field)
{
    const json_t *value = json_object_get(object, field);
    json_int_t number = json_is_boolean(value) ? json_is_true(value) : json_integer_value(value);

    return number > 0 ? (uint64_t)number : 0;
}

bool get_bool(const json_t *object, const char *field)
{
    return get_u64(object, field) != 0;
}

const char *get_text(const json_t *object, const char *field)
{
    const char *text = json_string_value(json_object_get(object, field));
    return text != NULL ? text : "";
}

const json_t *get_list(const json_t *object, const char *field)
{
    const json_t *list = json_object_get(object, field);
    return json_is_array(list) ? list : NULL;
}

const json_t *get_first(const json_t *object, const char *field)
{
    return json_array_get(get_list(object, field), 0);
}

char *get_escaped(const json_t *object, const char *field)
{
    char *text = text_escape(get_text(object, field));
    return text != NULL ? text : strdup("");
}

/* ---- cells ---- */

/* Names of a set, with spaces between; the caller frees it. */
static char *names_text(const json_t *list)
{
    size_t room = 1, i;
    const json_t *item;

    json_array_foreach(list, i, item) room += json_string_length(item) + 1;
    char *text = calloc(1, room);
    if (text == NULL) return NULL;
    char *at = text;
    json_array_foreach(list, i, item)
    {
        if (!json_is_string(item)) continue;
        if (at > text) *at++ = ' ';
        at = stpcpy(at, json_string_value(item));
    }
    return text;
}

static void number_cell(const struct cli *cli, enum column_type type, uint64_t n, char out[TEXT_MAX])
{
    switch (type) {
    case COLUMN_MONEY:
        yuan_format(n, out);
        return;
    case COLUMN_SHARE:
        share_format(n, out);
        return;
    case COLUMN_TIME:
        if (n == 0)
            strcpy(out, cli->terminal ? "-" : "");
        else if (cli->terminal)
            time_short(n, out);
        else
            time_iso(n, out);
        return;
    case COLUMN_BYTES:
        if (cli->terminal)
            bytes_format(n, out);
        else
            snprintf(out, TEXT_MAX, "%" PRIu64, n);
        return;
    case COLUMN_YES:
        strcpy(out, n != 0 ? "yes" : "no");
        return;
    case COLUMN_INDEX:
        if (n == 0 && cli->terminal)
            strcpy(out, "-");
        else
            snprintf(out, TEXT_MAX, "%" PRIu64, n);
        return;
    default:
        snprintf(out, TEXT_MAX, "%" PRIu64, n);
    }
}

/* What a cell holds, escaped; the caller frees it. NULL: no memory. */
static char *cell_text(const struct cli *cli, const struct column *column, const json_t *row)
{
    const json_t *value = json_object_get(row, column->field);
    char number[TEXT_MAX + 1];

    if (column->unless != NULL && !get_bool(row, column->unless)) return strdup(cli->terminal ? "-" : "");
    if (json_is_string(value)) return text_escape(json_string_value(value));
    if (json_is_integer(value) || json_is_boolean(value)) {
        json_int_t below = json_integer_value(value);
        if (below < 0 && column->type == COLUMN_MONEY) {
            number[0] = '-';
            yuan_format((uint64_t)-below, number + 1);
        } else if (below < 0)
            snprintf(number, sizeof number, "%" PRId64, (int64_t)below);
        else
            number_cell(cli, json_is_boolean(value) ? COLUMN_YES : column->type, get_u64(row, column->field), number);
        return strdup(number);
    }
    if (!json_is_array(value)) return strdup("");
    char *names = names_text(value);
    char *escaped = names != NULL ? text_escape(names) : NULL;
    free(names);
    return escaped;
}

static const char *state_color(const char *state)
{
    static const char *const good[] = {"open", "active", "settled", "granted", "accepted", "proven", "paid"};
    static const char *const waits[] = {"awaiting", "pending", "sampling", "waiting",
                                        "matched",  "signed",  "disputed", "claimed", "held"};
    static const char *const bad[] = {"refused", "refunded", "suspended", "halted", "returned"};

    for (size_t i = 0; i < ARRAY_N(good); i++)
        if (strcmp(state, good[i]) == 0) return "green";
    for (size_t i = 0; i < ARRAY_N(waits); i++)
        if (strcmp(state, waits[i]) == 0) return "yellow";
    for (size_t i = 0; i < ARRAY_N(bad); i++)
        if (strcmp(state, bad[i]) == 0) return "red";
    return NULL;
}

static const char *side_color(const char *side)
{
    return strcmp(side, "bid") == 0 ? "green" : strcmp(side, "ask") == 0 ? "red" : NULL;
}

/* ---- the end of printing ---- */

static int no_memory(struct cli *cli)
{
    cli_error(cli, CODE_NO_MEMORY, NULL);
    return cli_fail(cli, "cannot print");
}

static int printed(struct cli *cli)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return EXIT_OK;
    cli_error_file(cli, "write", "standard output");
    return cli_fail(cli, "cannot print");
}

static int json_print(struct cli *cli, const json_t *value, size_t flags)
{
    char *text = json_dumps(value, flags | JSON_ENCODE_ANY);
    char *safe = text != NULL ? json_escape(text) : NULL;

    free(text);
    if (safe == NULL) return no_memory(cli);
    puts(safe);
    free(safe);
    return printed(cli);
}

int show_json_indented(struct cli *cli, const json_t *value)
{
    return json_print(cli, value, JSON_INDENT(2));
}

int show_json(struct cli *cli, const json_t *value)
{
    return json_print(cli, value, JSON_COMPACT);
}

void show_block(const struct cli *cli, bool to_stdout, const char *text)
{
    FILE *file = to_stdout ? stdout : stderr;

    if (!to_stdout && (cli->quiet || cli->json)) return;
    for (const char *at = text; *at != '\0';) {
        size_t n = strcspn(at, "\n");
        char *line = strndup(at, n);
        char *escaped = line != NULL ? text_escape(line) : NULL;
        if (escaped != NULL) fprintf(file, "  %s\n", escaped);
        free(line);
        free(escaped);
        at += n + (at[n] == '\n');
    }
}

/* ---- tables ---- */

static int flags_of(enum column_type type)
{
    switch (type) {
    case COLUMN_COUNT:
    case COLUMN_INDEX:
    case COLUMN_MONEY:
    case COLUMN_SHARE:
    case COLUMN_BYTES:
    case COLUMN_RIGHT:
        return SCOLS_FL_RIGHT;
    case COLUMN_LONG:
        return SCOLS_FL_TRUNC;
    default:
        return 0;
    }
}

static bool table_fill(const struct cli *cli, struct libscols_table *table, const struct column *columns,
                       const json_t *rows)
{
    size_t i;
    const json_t *row;

    json_array_foreach(rows, i, row)
    {
        struct libscols_line *line = scols_table_new_line(table, NULL);
        if (line == NULL) return false;
        for (size_t c = 0; columns[c].type != COLUMN_END; c++) {
            char *text = cell_text(cli, &columns[c], row);
            if (text == NULL) return false;
            const char *color = columns[c].type == COLUMN_STATE  ? state_color(text)
                                : columns[c].type == COLUMN_SIDE ? side_color(get_text(row, "side"))
                                                                 : NULL;
            if (cli->color && color != NULL) scols_cell_set_color(scols_line_get_cell(line, c), color);
            if (scols_line_refer_data(line, c, text) != 0) return free(text), false; /* else the line's */
        }
    }
    return true;
}

static struct libscols_table *table_new(const struct cli *cli)
{
    static bool is_set_up;
    if (!is_set_up) scols_init_debug(0);
    is_set_up = true;

    struct libscols_table *table = scols_new_table();
    if (table == NULL) return NULL;
    scols_table_enable_noencoding(table, 1); /* text_escape has been over it */
    scols_table_enable_colors(table, cli->color);
    scols_table_set_column_separator(table, "  ");
    return table;
}

static int table_on_terminal(struct cli *cli, const struct column *columns, const json_t *rows)
{
    struct libscols_table *table = table_new(cli);
    bool good = table != NULL;

    for (size_t c = 0; good && columns[c].type != COLUMN_END; c++) {
        struct libscols_column *column = scols_table_new_column(table, columns[c].title, 0, flags_of(columns[c].type));
        good = column != NULL;
        if (good && cli->color) scols_cell_set_color(scols_column_get_header(column), "bold");
    }
    good = good && table_fill(cli, table, columns, rows) && scols_print_table(table) == 0;
    scols_unref_table(table);
    return good ? printed(cli) : no_memory(cli);
}

static int row_in_pipe(struct cli *cli, const struct column *columns, const json_t *row, const char *between)
{
    for (size_t c = 0; columns[c].type != COLUMN_END; c++) {
        char *text = cell_text(cli, &columns[c], row);
        if (text == NULL) return no_memory(cli);
        printf("%s%s", c > 0 ? between : "", text);
        free(text);
    }
    putchar('\n');
    return EXIT_OK;
}

int show_table(struct cli *cli, const struct column *columns, const json_t *rows, const json_t *whole,
               const char *empty)
{
    size_t i;
    const json_t *row;

    if (cli->json) return show_json(cli, whole != NULL ? whole : rows);
    if (json_array_size(rows) == 0) {
        if (empty != NULL) talk(cli, "%s", empty);
        return EXIT_OK;
    }
    if (cli->terminal) return table_on_terminal(cli, columns, rows);
    json_array_foreach(rows, i, row)
    {
        if (row_in_pipe(cli, columns, row, "\t") != EXIT_OK) return EXIT_FAILED;
    }
    return printed(cli);
}

int show_line(struct cli *cli, const struct column *columns, const json_t *row)
{
    if (cli->json) return show_json(cli, row);
    int code = row_in_pipe(cli, columns, row, cli->terminal ? "  " : "\t");
    return code != EXIT_OK ? code : printed(cli);
}

/* ---- cards ---- */

int show_card(struct cli *cli, const struct column *columns, const json_t *row, const json_t *whole)
{
    size_t width = 0;

    if (cli->json) return show_json(cli, whole != NULL ? whole : row);
    for (size_t c = 0; columns[c].type != COLUMN_END; c++) {
        if (strlen(columns[c].title) > width) width = strlen(columns[c].title); /* titles are ours: ASCII */
    }
    for (size_t c = 0; columns[c].type != COLUMN_END; c++) {
        const struct column *column = &columns[c];
        char *text = cell_text(cli, column, row);
        if (text == NULL) return no_memory(cli);
        if (!cli->terminal) {
            printf("%s\t%s\n", column->field, text);
        } else if (text[0] != '\0') {
            const char *color = cli->color && column->type == COLUMN_STATE ? state_color(text) : NULL;
            const char *sequence = color == NULL     ? ""
                                   : color[0] == 'g' ? "\033[32m"
                                   : color[0] == 'y' ? "\033[33m"
                                                     : "\033[31m";
            printf("%-*s  %s%s%s\n", (int)width, column->title, sequence, text, color != NULL ? "\033[0m" : "");
        }
        free(text);
    }
    return printed(cli);
}
