/*
 * Identity, market, questions and statements of a command; see session.h.
 *
 * Always holds: the passphrase is wiped as soon as the identity is open; whatever was opened is closed by
 * session_close. Not here: errors as people see them (report.c), where contexts are kept (context.c).
 */
#include "client/cli/session.h"

#include "client/cli/prompt.h"
#include "client/cli/report.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REQUEST_MS 10000 /* the library's, of each request */

/* ---- opening ---- */

int identity_missing(struct cli *cli, const char *name_or_file, const char *path)
{
    cli_error(cli, CODE_NO_IDENTITY, "there is no identity file %s", path);
    if (name_or_file != NULL && name_is_good(name_or_file) && strstr(path, name_or_file) != path)
        cli_hint(cli, "Make it: tidemark key new --name %s.", name_or_file);
    else if (name_or_file != NULL)
        cli_hint(cli, "Check the file's name, or make an identity: tidemark key new --name NAME.");
    return cli->error.code;
}

int identity_open(struct cli *cli, const char *name_or_file, struct tide_identity **out)
{
    char path[CONTEXT_PATH_MAX];
    struct secret secret = {.len = 0};

    *out = NULL;
    if (identity_path(cli, name_or_file, path) != 0) return cli->error.code;
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        return identity_missing(cli, name_or_file != NULL ? name_or_file : args_text(&cli->args, "identity"), path);
    }
    bool wrapped = tide_identity_is_wrapped(path) != 0;
    if (wrapped && secret_ask(cli, "Passphrase", path, false, &secret) != 0) return cli->error.code;
    int code = tide_identity_open(path, wrapped ? secret.text : NULL, secret.len, out, &cli->error);
    secret_wipe(&secret);
    return code;
}

int session_identity(struct cli *cli)
{
    if (cli->identity != NULL) return 0;
    return identity_open(cli, NULL, &cli->identity);
}

/* Whether the command has such a flag at all: only then may it be asked for. */
static bool has_flag(const struct cli *cli, const char *name)
{
    const struct flag *flag = cli->args.command->flags;

    while (flag != NULL && flag->type != FLAG_END && strcmp(flag->name, name) != 0) flag++;
    return flag != NULL && flag->type != FLAG_END;
}

/* What --timeout leaves for each request, where a command has the flag and it is shorter than the library's own limit. */
static int request_ms(const struct cli *cli)
{
    if (!has_flag(cli, "timeout")) return 0;
    int ms = wait_ms(cli);
    return ms > 0 && ms < REQUEST_MS ? ms : 0;
}

int session_open(struct cli *cli)
{
    if (cli->market != NULL) return 0;
    if (!cli->has_context) return cli_error(cli, CODE_NO_CONTEXT, NULL);
    if (session_identity(cli) != 0) return cli->error.code;
    struct tide_options options = {
        .url = cli->context.url, .identity = cli->identity, .timeout_ms = request_ms(cli)};
    if (has_flag(cli, "location-ca")) {
        options.location_ca = args_text(&cli->args, "location-ca");
        options.location_local = args_has(&cli->args, "location-local");
    }
    if (tide_market_open(&options, &cli->market, &cli->error) != 0) return cli->error.code;
    interruption_watch(cli->market);
    return interrupted() ? cli_error(cli, CODE_INTERRUPTED, NULL) : 0;
}

void session_close(struct cli *cli)
{
    interruption_watch(NULL);
    tide_market_close(&cli->market);
    tide_identity_free(&cli->identity);
}

/* ---- asking ---- */

int session_doc(struct cli *cli, const char *kind, json_t *body, struct tide_doc **out)
{
    *out = NULL;
    if (body == NULL) return 0;
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    if (text == NULL) return cli_error(cli, CODE_NO_MEMORY, NULL);
    int code = tide_doc_parse(kind, text, out, &cli->error);
    free(text);
    return code;
}

/* The JSON form of an answer that is given up; NULL answers give an empty object. */
static int answer_json(struct cli *cli, struct tide_doc *answer, json_t **out)
{
    *out = answer != NULL ? doc_json(answer) : json_object();
    tide_doc_free(&answer);
    return *out != NULL ? 0 : cli_error(cli, CODE_NO_MEMORY, NULL);
}

int session_ask(struct cli *cli, const char *verb, json_t *body, json_t **out)
{
    struct tide_doc *doc = NULL, *answer = NULL;
    char request[40];

    *out = NULL;
    if (session_open(cli) != 0) {
        json_decref(body);
        return cli->error.code;
    }
    snprintf(request, sizeof request, "%s?", verb); /* a statement may have the same name */
    if (session_doc(cli, request, body, &doc) != 0) return cli->error.code;
    int code = tide_query(cli->market, verb, doc, &answer, &cli->error);
    if (code == CODE_NO_SUCH_LISTING) /* which of the two, the market does not tell */
        cli_error(cli, code, "there is no listing of that number, or it is not open yet");
    tide_doc_free(&doc);
    return code != 0 ? code : answer_json(cli, answer, out);
}

/* True if the answer's cursor leads on; then it is in `body`. */
static bool cursor_follow(json_t *body, const json_t *answer, const char *cursor)
{
    json_t *next = json_object_get(answer, cursor);

    if (next == NULL || json_is_null(next)) return false;
    if (json_is_string(next) && json_string_length(next) == 0) return false;
    if (json_is_integer(next) && json_integer_value(next) == 0) return false;
    return json_object_set(body, cursor, next) == 0;
}

int session_pages(struct cli *cli, const char *verb, json_t *body, const char *list, const char *cursor, uint64_t limit,
                  json_t **out)
{
    json_t *rows = json_array();
    bool more = true;

    *out = NULL;
    while (more) {
        json_t *answer;
        uint64_t have = json_array_size(rows);
        uint64_t wanted = limit != 0 && limit - have < 256 ? limit - have : 256;
        if (strcmp(cursor, "before") == 0 || json_object_get(body, "limit") != NULL) set_u64(body, "limit", wanted);
        if (session_ask(cli, verb, json_deep_copy(body), &answer) != 0) goto out;
        json_array_extend(rows, json_object_get(answer, list));
        more = json_array_size(rows) > have && (limit == 0 || json_array_size(rows) < limit) &&
               cursor_follow(body, answer, cursor);
        json_decref(*out);
        *out = answer;
    }
    json_object_set(*out, list, rows);
    json_decref(rows);
    json_decref(body);
    return 0;
out:
    json_decref(rows);
    json_decref(body);
    json_decref(*out);
    *out = NULL;
    return cli->error.code;
}

/* ---- stating ---- */

int session_state(struct cli *cli, const char *kind, json_t *body, json_t **out)
{
    struct tide_doc *doc = NULL, *answer = NULL;
    struct tide_call *call = NULL;
    char id[40] = "";

    *out = NULL;
    if (session_open(cli) != 0) {
        json_decref(body);
        return cli->error.code;
    }
    if (session_doc(cli, kind, body, &doc) != 0) return cli->error.code;
    int code = tide_state_start(cli->market, kind, doc, &call, &cli->error);
    tide_doc_free(&doc);
    if (code != 0) return code;
    snprintf(id, sizeof id, "%s", tide_call_id(call));
    code = tide_call_finish(&call, &answer, &cli->error);
    if (code == CODE_UNKNOWN_OUTCOME || code == CODE_INTERRUPTED) cli_error_id(cli, id);
    return code != 0 ? code : answer_json(cli, answer, out);
}

/* Bodies that are not complete before they are signed: keys and signatures are put in then. */
static bool is_completed_later(const char *kind)
{
    return strcmp(kind, "enrol") == 0 || strcmp(kind, "accept") == 0 || strcmp(kind, "card") == 0 ||
           strcmp(kind, "publish") == 0;
}

bool dry_run(struct cli *cli, const char *kind, json_t *body, int *code)
{
    struct tide_doc *doc = NULL;

    if (!args_has(&cli->args, "dry-run")) return false;
    if (!is_completed_later(kind) && session_doc(cli, kind, json_incref(body), &doc) != 0) {
        *code = cli_fail(cli, "cannot make the statement");
    } else {
        talk(cli, "Not signed, not sent: the body of a statement \"%s\".", kind);
        *code = show_json(cli, body);
    }
    tide_doc_free(&doc);
    json_decref(body);
    return true;
}

bool session_state_or_fail(struct cli *cli, const char *kind, json_t *body, json_t **out, int *code, const char *what)
{
    *out = NULL;
    if (dry_run(cli, kind, body, code)) return false;
    if (session_state(cli, kind, body, out) == 0) return true;
    *code = cli_fail(cli, "%s", what);
    return false;
}

/* ---- bodies and answers ---- */

void set_text(json_t *object, const char *field, const char *text)
{
    if (text != NULL) json_object_set_new(object, field, json_string(text));
}

void set_u64(json_t *object, const char *field, uint64_t value)
{
    json_object_set_new(object, field, json_integer((json_int_t)value));
}

uint64_t answer_name(const json_t *submit_answer)
{
    return get_u64(submit_answer, "first_index") + 1;
}

int wait_ms(const struct cli *cli)
{
    uint64_t seconds = args_number(&cli->args, "timeout", 0);

    if (seconds == 0) return -1;
    return seconds > INT_MAX / 1000 ? INT_MAX : (int)(seconds * 1000);
}

int each_value(struct cli *cli, int (*one)(struct cli *cli, size_t i))
{
    size_t done = 0;
    int code = EXIT_OK;

    for (size_t i = 0; i < cli->args.n_values && !interrupted(); i++) {
        int ended = one(cli, i);
        done += ended == EXIT_OK;
        if (ended != EXIT_OK) code = ended;
        if (ended == EXIT_UNKNOWN || ended == EXIT_AGAIN) break;
    }
    if (interrupted()) return EXIT_INTERRUPTED;
    return code != EXIT_OK && code != EXIT_UNKNOWN && done > 0 ? EXIT_PARTLY : code;
}

bool value_number(struct cli *cli, size_t i, const char *what, uint64_t *out)
{
    const char *text = args_value(&cli->args, i);

    if (count_parse(text, out) && *out > 0) return true;
    cli_error(cli, CODE_USAGE, "\"%s\" is not the number of a %s", text, what);
    cli_hint(cli, "A %s is named by the number that it got when it was made.", what);
    return false;
}

static bool party_check(struct cli *cli, const char *text)
{
    struct tide_doc *doc = NULL;
    bool good = strncmp(text, "tide1", 5) == 0 && session_doc(cli, "party?", json_pack("{s:s}", "party", text), &doc) == 0;

    tide_doc_free(&doc);
    if (good) return true;
    cli_error(cli, CODE_USAGE, "\"%.80s\" is not a party", text);
    cli_hint(cli, "A party is a tide1… key: tidemark key show prints yours, tidemark party list (operators) all.");
    return false;
}

bool parties_check(struct cli *cli)
{
    size_t i = 0;

    for (const char *at = cli->args.command->values; at != NULL && *at != '\0'; i++) {
        size_t n = strcspn(at, " ");
        const char *typed = args_value(&cli->args, i), *name = *at == '[' ? at + 1 : at;
        if (strncmp(name, "PARTY", 5) == 0 && typed != NULL && !party_check(cli, typed)) return false;
        at += n + (at[n] == ' ');
    }
    for (i = 0; i < cli->args.n_given; i++) {
        const struct given *given = &cli->args.given[i];
        bool is_party = given->flag->value != NULL && strcmp(given->flag->value, "PARTY") == 0;
        if (is_party && !party_check(cli, given->text)) return false;
    }
    return true;
}

bool value_money(struct cli *cli, size_t i, uint64_t *out)
{
    const char *text = args_value(&cli->args, i);

    if (yuan_parse(text, out) && *out > 0) return true;
    cli_error(cli, CODE_USAGE, "\"%s\" is not an amount", text);
    cli_hint(cli, "Give yuan, like 5000.00.");
    return false;
}
