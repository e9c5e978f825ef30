/*
 * Printing data: tables and cards for a terminal, tabs in a pipe, JSON when asked. What is printed comes as the JSON
 * form of the market's documents, with the field names of docs/protocol.md.
 */
#ifndef TIDEMARK_CLI_SHOW_H
#define TIDEMARK_CLI_SHOW_H

#include "client/cli/cli.h"

enum column_type {
    COLUMN_END,
    COLUMN_TEXT,  /* texts, names, numbers as they are; lists of texts with spaces between */
    COLUMN_LONG,  /* a text that may be cut on a terminal */
    COLUMN_STATE, /* a state, coloured */
    COLUMN_COUNT, /* a number, to the right */
    COLUMN_INDEX, /* a number; 0 is "-" on a terminal */
    COLUMN_MONEY, /* fen as yuan, perhaps below zero */
    COLUMN_SHARE, /* basis points as per cent */
    COLUMN_TIME,
    COLUMN_BYTES,
    COLUMN_YES, /* yes or no */
    COLUMN_RIGHT, /* a text, to the right */
    COLUMN_SIDE,  /* a text in its row's colour: that of `side`, bid or ask */
    COLUMN_SPARE = 64, /* or'ed to one of them: left out on a narrow terminal, those that say nothing first, then the last */
};

struct column {
    const char *field;
    const char *title;
    enum column_type type;
    const char *unless; /* empty when this field is false ("has_ask"), or not: "-"; NULL: always shown */
};

/*
 * A list. On a terminal without room for all of it, keys and hashes are shortened (tide1abc…wxyz), then spare columns left
 * out, then long texts cut; that something is missing is said. In JSON mode `whole` is printed as one object (NULL: `rows`
 * alone). `empty`, if not NULL, is said when there are no rows. Neither is taken over. Returns an exit code.
 */
int show_table(struct cli *cli, const struct column *columns, const json_t *rows, const json_t *whole,
               const char *empty);

/* One thing: a line a field. In JSON mode `whole`, or `row` if that is NULL. */
int show_card(struct cli *cli, const struct column *columns, const json_t *row, const json_t *whole);

/* One row of a stream: a JSON line, or columns separated by tabs (by two spaces on a terminal). Flushed. */
int show_line(struct cli *cli, const struct column *columns, const json_t *row);

/* JSON on one line; JSON for people. */
int show_json(struct cli *cli, const json_t *value);
int show_json_indented(struct cli *cli, const json_t *value);

/* A text block of somebody else's, line by line, escaped, indented, to stderr (talk) or stdout. */
void show_block(const struct cli *cli, bool to_stdout, const char *text);

/* The JSON form of a document; NULL: no memory. The caller decrefs. */
json_t *doc_json(const struct tide_doc *doc);

/* Members of objects: 0, "" or NULL when absent. The text forms point into the object. */
uint64_t get_u64(const json_t *object, const char *field);
bool get_bool(const json_t *object, const char *field);
const char *get_text(const json_t *object, const char *field);
const json_t *get_list(const json_t *object, const char *field);
/* The first item of a list, or NULL. */
const json_t *get_first(const json_t *object, const char *field);
/* A tide1… or age1… key, or a hash, becomes its beginning and end, in place (tide1abc…wxyz); other texts stay. */
void key_shorten(char *text);
/* Escaped for a terminal; the caller frees it. Never NULL ("" when there is no memory… or no such field). */
char *get_escaped(const json_t *object, const char *field);

#endif
