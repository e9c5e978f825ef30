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
#include <limits.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

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

static enum column_type type_of(const struct column *column)
{
    return column->type & ~(unsigned)COLUMN_SPARE;
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
        if (below < 0 && type_of(column) == COLUMN_MONEY) {
            number[0] = '-';
            yuan_format((uint64_t)-below, number + 1);
        } else if (below < 0)
            snprintf(number, sizeof number, "%" PRId64, (int64_t)below);
        else
            number_cell(cli, json_is_boolean(value) ? COLUMN_YES : type_of(column), get_u64(row, column->field), number);
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

/* A table as it will be drawn: the cells' texts, row by row, and which columns are drawn. */
struct sheet {
    const struct column *columns;
    size_t n_columns, n_rows;
    char **cells;
    bool *drawn;
    bool shortened; /* a key or hash is not whole */
};

#define LONG_LEAST 16u /* of a text that may be cut, at least so much */
#define KEY_HEAD 8u
#define KEY_TAIL 4u

/* A party, a recipient, a verifier's or commitment's hex: one word that nobody reads to its end. */
static bool is_key(const char *text)
{
    size_t len = strlen(text);
    bool bech32 = strncmp(text, "tide1", 5) == 0 || strncmp(text, "age1", 4) == 0;

    if (bech32) return len > 40 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789") == len;
    return len >= 40 && strspn(text, "0123456789abcdef") == len;
}

void key_shorten(char *text)
{
    char tail[KEY_TAIL + 1];

    if (!is_key(text)) return;
    memcpy(tail, text + strlen(text) - KEY_TAIL, sizeof tail);
    strcpy(stpcpy(text + KEY_HEAD, "…"), tail);
}

/* Columns of the terminal that a text takes. */
static size_t cells_of(const char *text)
{
    mbstate_t state = {0};
    size_t width = 0;

    while (*text != '\0') {
        wchar_t c;
        size_t n = mbrtowc(&c, text, MB_LEN_MAX, &state);
        if (n == (size_t)-1 || n == (size_t)-2) return width + strlen(text);
        int one = wcwidth(c);
        width += one > 0 ? (size_t)one : 0;
        text += n;
    }
    return width;
}

static void sheet_free(struct sheet *sheet)
{
    for (size_t i = 0; sheet->cells != NULL && i < sheet->n_rows * sheet->n_columns; i++) free(sheet->cells[i]);
    free(sheet->cells);
    free(sheet->drawn);
}

static bool sheet_fill(const struct cli *cli, struct sheet *sheet, const struct column *columns, const json_t *rows)
{
    const json_t *row;
    size_t i;

    *sheet = (struct sheet){.columns = columns, .n_rows = json_array_size(rows)};
    while (columns[sheet->n_columns].type != COLUMN_END) sheet->n_columns++;
    sheet->cells = calloc(sheet->n_rows * sheet->n_columns + 1, sizeof *sheet->cells);
    sheet->drawn = calloc(sheet->n_columns + 1, sizeof *sheet->drawn);
    if (sheet->cells == NULL || sheet->drawn == NULL) return false;
    for (size_t c = 0; c < sheet->n_columns; c++) sheet->drawn[c] = true;
    json_array_foreach(rows, i, row)
    {
        for (size_t c = 0; c < sheet->n_columns; c++) {
            char **cell = &sheet->cells[i * sheet->n_columns + c];
            *cell = cell_text(cli, &columns[c], row);
            if (*cell == NULL) return false;
        }
    }
    return true;
}

/* How wide it is; with `cut`, when texts that may be cut are cut to what is still readable. */
static size_t sheet_width(const struct sheet *sheet, bool cut)
{
    size_t sum = 0;

    for (size_t c = 0; c < sheet->n_columns; c++) {
        size_t width = cells_of(sheet->columns[c].title);
        for (size_t i = 0; i < sheet->n_rows; i++) {
            size_t cell = cells_of(sheet->cells[i * sheet->n_columns + c]);
            if (cell > width) width = cell;
        }
        if (cut && type_of(&sheet->columns[c]) == COLUMN_LONG && width > LONG_LEAST) width = LONG_LEAST;
        if (sheet->drawn[c]) sum += width + 2;
    }
    return sum > 2 ? sum - 2 : 0;
}

/* True for a column of zeros, dashes and noes. */
static bool says_nothing(const struct sheet *sheet, size_t c)
{
    static const char *const nothing[] = {"", "-", "0", "0.00", "no"};

    for (size_t i = 0; i < sheet->n_rows; i++) {
        const char *cell = sheet->cells[i * sheet->n_columns + c];
        bool is_nothing = false;
        for (size_t k = 0; k < ARRAY_N(nothing); k++) is_nothing |= strcmp(cell, nothing[k]) == 0;
        if (!is_nothing) return false;
    }
    return true;
}

/* Makes it fit `width`, first by what is missed least. */
static void sheet_fit(struct sheet *sheet, size_t width)
{
    if (sheet_width(sheet, false) <= width) return;
    for (size_t i = 0; i < sheet->n_rows * sheet->n_columns; i++) {
        sheet->shortened |= is_key(sheet->cells[i]);
        key_shorten(sheet->cells[i]);
    }
    for (int pass = 0; pass < 2; pass++) { /* at first those that say nothing */
        for (size_t c = sheet->n_columns; c-- > 0 && sheet_width(sheet, true) > width;) {
            bool is_spare = (sheet->columns[c].type & COLUMN_SPARE) != 0;
            if (is_spare && (pass > 0 || says_nothing(sheet, c))) sheet->drawn[c] = false;
        }
    }
}

/* What the terminal had no room for. */
static void sheet_say(const struct cli *cli, const struct sheet *sheet)
{
    char out[160] = "";

    for (size_t c = 0; c < sheet->n_columns; c++) {
        size_t len = strlen(out);
        if (!sheet->drawn[c]) snprintf(out + len, sizeof out - len, "%s%s", len > 0 ? ", " : "", sheet->columns[c].title);
    }
    if (out[0] != '\0')
        talk(cli, "No room for: %s. A wider window, --json or a pipe has all.", out);
    else if (sheet->shortened)
        talk(cli, "Keys are shortened; a wider window, --json or a pipe has them whole.");
}

/* The cells go over to the table. */
static bool table_fill(const struct cli *cli, struct libscols_table *table, struct sheet *sheet, const json_t *rows)
{
    size_t i;
    const json_t *row;

    json_array_foreach(rows, i, row)
    {
        struct libscols_line *line = scols_table_new_line(table, NULL);
        size_t at = 0;
        if (line == NULL) return false;
        for (size_t c = 0; c < sheet->n_columns; c++) {
            char **text = &sheet->cells[i * sheet->n_columns + c];
            enum column_type type = type_of(&sheet->columns[c]);
            const char *color = type == COLUMN_STATE  ? state_color(*text)
                                : type == COLUMN_SIDE ? side_color(get_text(row, "side"))
                                                      : NULL;
            if (!sheet->drawn[c]) continue;
            if (cli->color && color != NULL) scols_cell_set_color(scols_line_get_cell(line, at), color);
            if (scols_line_refer_data(line, at++, *text) != 0) return false;
            *text = NULL;
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
    struct sheet sheet = {.n_rows = 0};
    bool good = table != NULL && sheet_fill(cli, &sheet, columns, rows);

    if (good) sheet_fit(&sheet, scols_table_get_termwidth(table));
    for (size_t c = 0; good && c < sheet.n_columns; c++) {
        if (!sheet.drawn[c]) continue;
        struct libscols_column *column = scols_table_new_column(table, columns[c].title, 0, flags_of(type_of(&columns[c])));
        good = column != NULL;
        if (good && cli->color) scols_cell_set_color(scols_column_get_header(column), "bold");
    }
    good = good && table_fill(cli, table, &sheet, rows) && scols_print_table(table) == 0;
    if (good) sheet_say(cli, &sheet);
    sheet_free(&sheet);
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
            const char *color = cli->color && type_of(column) == COLUMN_STATE ? state_color(text) : NULL;
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
