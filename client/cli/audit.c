/*
 * audit follow, audit show: the journal, record by record, as a regulator reads it. Proofs and checkpoints are checked
 * by the library before a record is handed on.
 */
#include "client/cli/commands.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART_MAX 80

static const struct column record_columns[] = {
    {"index", "Record", COLUMN_COUNT, NULL}, {"time_ms", "Time", COLUMN_TIME, NULL},
    {"type", "Type", COLUMN_TEXT, NULL},     {"kind", "Kind", COLUMN_TEXT, NULL},
    {"who", "Party", COLUMN_TEXT, NULL},     {"what", "Body", COLUMN_TEXT, NULL},
    {NULL, NULL, COLUMN_END, NULL}};

struct feed {
    struct cli *cli;
    bool one;       /* audit show */
    uint64_t index; /* that one */
    bool seen;
    int code; /* exit code of printing */
};

/* Bodies are the field tables' (docs/protocol.md): a field of fen or of a moment is known by its name. */
static bool is_one_of(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return false;
}

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), n = strlen(end);
    return len >= n && strcmp(name + len - n, end) == 0;
}

/* `voucher` is a programme's number in an order, and an amount beside its `programme` in a trade. */
static void number_say(FILE *file, const json_t *body, const char *name, json_int_t n)
{
    static const char *const money[] = {"amount", "bond",   "budget", "cap_party", "fee",         "fund",
                                        "locked", "price",  "total",  "top_price", "voucher_unit"};
    uint64_t size = n < 0 ? (uint64_t)-n : (uint64_t)n;
    bool is_part = strcmp(name, "voucher") == 0 && json_object_get(body, "programme") != NULL;
    char text[TEXT_MAX];

    if (is_part || is_one_of(name, money, ARRAY_N(money)))
        yuan_format(size, text);
    else if (ends_with(name, "_at") || ends_with(name, "due") || ends_with(name, "_until") || strncmp(name, "time_", 5) == 0)
        time_short(size, text);
    else
        snprintf(text, sizeof text, "%" PRIu64, size);
    fprintf(file, "%s=%s%s ", name, n < 0 ? "-" : "", text);
}

/* name=value of a body's members, as far as they fit a line: no envelopes, no long texts. */
static char *body_short(const json_t *body)
{
    char *line = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&line, &len);
    const char *name;
    json_t *value;

    if (file == NULL) return NULL;
    json_object_foreach((json_t *)body, name, value)
    {
        const char *text = json_string_value(value);
        if (text != NULL && text[0] != '\0' && strlen(text) < PART_MAX) {
            char part[PART_MAX];
            strcpy(part, text);
            key_shorten(part);
            fprintf(file, "%s=%s ", name, part);
        }
        if (json_is_integer(value) && json_integer_value(value) != 0)
            number_say(file, body, name, json_integer_value(value));
        if (json_is_true(value)) fprintf(file, "%s ", name);
    }
    return fclose(file) == 0 ? line : NULL;
}

/* The record with two members for people: who, and what. */
static void for_people(const struct cli *cli, json_t *record)
{
    json_t *body = json_object_get(record, "body");
    char *what = cli->terminal ? body_short(body) : json_dumps(body, JSON_COMPACT);
    const char *who = get_text(record, "party");
    char part[PART_MAX];

    snprintf(part, sizeof part, "%s", who); /* a party's text is shorter than PART_MAX */
    key_shorten(part);
    set_text(record, "who", who[0] == '\0' ? "-" : cli->terminal ? part : who);
    set_text(record, "what", what != NULL ? what : "");
    free(what);
}

static bool record_print(void *ctx, uint64_t index, const char *json, const uint8_t *record, size_t len)
{
    struct feed *feed = ctx;
    struct cli *cli = feed->cli;

    (void)record;
    (void)len;
    if (feed->one && index != feed->index) return false;
    feed->seen = true;
    json_t *parsed = json_loads(json, 0, NULL);
    if (parsed == NULL) return feed->code = EXIT_FAILED, false;
    if (feed->one && !cli->json) {
        feed->code = show_json_indented(cli, parsed);
    } else if (cli->json) {
        feed->code = show_json(cli, parsed);
    } else {
        for_people(cli, parsed);
        feed->code = show_line(cli, record_columns, parsed);
    }
    json_decref(parsed);
    return !feed->one && feed->code == EXIT_OK && !interrupted();
}

int audit_follow(struct cli *cli)
{
    struct feed feed = {.cli = cli};
    bool follow = !args_has(&cli->args, "once");
    uint64_t from = args_number(&cli->args, "from", 0);

    if (session_open(cli) != 0 || tide_audit_follow(cli->market, from, follow, record_print, &feed, &cli->error) != 0) {
        return cli_fail(cli, "cannot follow the journal");
    }
    if (interrupted()) return cli_fail(cli, "stopped");
    return feed.code;
}

int audit_show(struct cli *cli)
{
    struct feed feed = {.cli = cli, .one = true};

    if (!count_parse(args_value(&cli->args, 0), &feed.index)) {
        cli_error(cli, CODE_USAGE, "\"%s\" is not the index of a record", args_value(&cli->args, 0));
        return cli_fail(cli, "%s", "");
    }
    if (session_open(cli) != 0 ||
        tide_audit_follow(cli->market, feed.index, false, record_print, &feed, &cli->error) != 0) {
        return cli_fail(cli, "cannot show record %" PRIu64, feed.index);
    }
    if (feed.seen) return feed.code;
    cli_error(cli, CODE_NO_SUCH_RECORD, NULL);
    return cli_fail(cli, "cannot show record %" PRIu64, feed.index);
}
