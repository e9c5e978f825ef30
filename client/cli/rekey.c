/*
 * key rotate, key request, party rekey, stop-rekey, keys: other keys for the same party.
 *
 * Always holds: the new identity is on disk (NAME.next.key) before any market is told of it, and takes the old one's name only
 * when every market of that identity knows it; the old file is kept under another name. Stopped anywhere, the same
 * command goes on: what lies there says how far it came, and each market says which key it goes by.
 */
#include "client/cli/commands.h"
#include "client/cli/prompt.h"
#include "client/cli/report.h"
#include "client/cli/session.h"
#include "client/cli/show.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const struct column rotated_columns[] = {{"party", "Party from now on", COLUMN_TEXT, NULL},
                                                {"recipient", "Recipient", COLUMN_TEXT, NULL},
                                                {"file", "File", COLUMN_TEXT, NULL},
                                                {"old", "Old file", COLUMN_TEXT, NULL},
                                                {"markets", "Markets told", COLUMN_COUNT, NULL},
                                                {NULL, NULL, COLUMN_END, NULL}};
static const struct column key_columns[] = {{"key", "Party", COLUMN_TEXT, NULL},
                                            {"seal_key", "Recipient", COLUMN_TEXT, NULL},
                                            {"since", "Since record", COLUMN_INDEX, NULL},
                                            {NULL, NULL, COLUMN_END, NULL}};
static const struct column done_columns[] = {
    {"party", "Party", COLUMN_TEXT, NULL}, {"record", "Record", COLUMN_INDEX, NULL}, {NULL, NULL, COLUMN_END, NULL}};

struct rotation {
    struct cli *cli;
    char path[CONTEXT_PATH_MAX], next_path[CONTEXT_PATH_MAX], old_path[CONTEXT_PATH_MAX], stem[CONTEXT_PATH_MAX];
    struct secret secret;
    bool wrapped;
    struct tide_identity *old, *next;
    unsigned n_markets;
};

/* ---- files ---- */

/* PATH without ".key", and the names that follow from it. */
static int names_make(struct rotation *r)
{
    size_t len = strlen(r->path);

    if (len > 4 && strcmp(r->path + len - 4, ".key") == 0) len -= 4;
    if (len + 40 > sizeof r->stem) return cli_error(r->cli, CODE_FILE, "the identity's file name is too long");
    snprintf(r->stem, sizeof r->stem, "%.*s", (int)len, r->path);
    snprintf(r->next_path, sizeof r->next_path, "%.*s.next.key", (int)len, r->path);
    return 0;
}

static int open_as(struct rotation *r, const char *path, struct tide_identity **out)
{
    const char *text = r->wrapped ? r->secret.text : NULL;
    return tide_identity_open(path, text, r->secret.len, out, &r->cli->error);
}

/* The successor: that of an earlier try, or a new one. */
static int next_make(struct rotation *r)
{
    struct cli *cli = r->cli;

    if (access(r->next_path, F_OK) == 0) {
        if (open_as(r, r->next_path, &r->next) != 0) return cli->error.code;
        if (tide_identity_follows(r->next, r->old)) return 0;
        cli_error(cli, CODE_FILE, "%s is there and is no successor of %s", r->next_path, r->path);
        cli_hint(cli, "Move it away; it may be the only copy of another identity.");
        return cli->error.code;
    }
    if (tide_identity_rotate(r->old, &r->next, &cli->error) != 0) return cli->error.code;
    const char *base = strrchr(r->stem, '/');
    return tide_identity_save(r->next, r->next_path, base != NULL ? base + 1 : r->stem, r->wrapped ? r->secret.text : NULL,
                              r->secret.len, &cli->error);
}

static bool same_file(const char *a, const char *b)
{
    struct stat one, other;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/* The old file under a second name, then the new one under the first: at no time is there no identity. */
static int files_exchange(struct rotation *r)
{
    char date[16], folder[CONTEXT_PATH_MAX];
    time_t now = time(NULL);
    struct tm parts;
    bool linked = false;

    if (gmtime_r(&now, &parts) == NULL || strftime(date, sizeof date, "%Y%m%d", &parts) == 0) date[0] = '\0';
    for (unsigned i = 1; i < 100 && !linked; i++) {
        snprintf(r->old_path, sizeof r->old_path, i == 1 ? "%.900s.old-%s.key" : "%.900s.old-%s-%u.key", r->stem, date, i);
        linked = link(r->path, r->old_path) == 0 || (errno == EEXIST && same_file(r->path, r->old_path));
        if (!linked && errno != EEXIST) break;
    }
    if (!linked) return cli_error_file(r->cli, "write", r->old_path);
    if (rename(r->next_path, r->path) != 0) return cli_error_file(r->cli, "write", r->path);
    strcpy(folder, r->path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL) *slash = '\0';
    int fd = open(slash == folder ? "/" : slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && fsync(fd) != 0) cli_error_file(r->cli, "write", folder);
    if (fd >= 0) close(fd);
    return r->cli->error.code;
}

/* ---- markets ---- */

/* What a market says this identity is: "active", "unknown", … */
static int state_of(struct cli *cli, const struct context *context, struct tide_identity *identity, char out[32])
{
    struct tide_options options = {.url = context->url, .identity = identity};
    struct tide_doc *doc = NULL;
    struct tide_market *market = NULL;

    strcpy(out, "unknown");
    int code = tide_market_open(&options, &market, &cli->error);
    interruption_watch(market);
    if (code == 0) code = tide_query(market, "party", NULL, &doc, &cli->error);
    if (code == 0) snprintf(out, 32, "%s", tide_doc_text(doc, "state"));
    if (code == CODE_UNKNOWN_PARTY || code == CODE_NO_SUCH_PARTY) code = 0;
    interruption_watch(NULL);
    tide_doc_free(&doc);
    tide_market_close(&market);
    return code;
}

static bool is_unsettled(void *ctx, const struct tide_doc *entry)
{
    *(unsigned *)ctx += strcmp(tide_doc_text(entry, "state"), "signed") == 0;
    return true;
}

/* States the change. What was signed with the old key and has no known outcome could not be asked after any more: first that. */
static int market_tell(struct rotation *r, const struct context *context)
{
    struct cli *cli = r->cli;
    struct tide_options options = {.url = context->url, .identity = r->old};
    struct tide_market *market = NULL;
    unsigned n_unsettled = 0;

    int code = tide_market_open(&options, &market, &cli->error);
    interruption_watch(market);
    if (code == 0) code = tide_resend(market, NULL, &cli->error);
    if (code == 0) code = tide_outbox_each(market, is_unsettled, &n_unsettled, &cli->error);
    if (code == 0 && n_unsettled > 0) {
        code = cli_error(cli, CODE_UNKNOWN_OUTCOME, "the outcome of %u statements signed with the old key is not known", n_unsettled);
        cli_hint(cli, "tidemark outbox resend until it is; then the same command again.");
    }
    if (code == 0) code = tide_rekey(market, r->next, NULL, &cli->error);
    interruption_watch(NULL);
    tide_market_close(&market);
    return code;
}

static int market_go(struct rotation *r, const struct context *context)
{
    struct cli *cli = r->cli;
    char state[32];

    if (state_of(cli, context, r->next, state) != 0) return cli->error.code;
    if (strcmp(state, "active") == 0 || strcmp(state, "suspended") == 0) return r->n_markets++, 0; /* told before */
    if (state_of(cli, context, r->old, state) != 0) return cli->error.code;
    if (strcmp(state, "unknown") == 0) return 0; /* this market knows neither: nothing to tell */
    if (strcmp(state, "waiting") == 0) {
        cli_error(cli, CODE_WRONG_STATE, "this key's request to be enrolled in \"%s\" waits for an operator", context->name);
        cli_hint(cli, "Wait for the answer, then rotate.");
        return cli->error.code;
    }
    talk(cli, "Telling \"%s\" …", context->name);
    if (market_tell(r, context) == 0) return r->n_markets++, 0;
    struct tide_error why = cli->error; /* an earlier statement of the same change may have been accepted meanwhile */
    if (state_of(cli, context, r->next, state) == 0 && strcmp(state, "active") == 0) {
        memset(&cli->error, 0, sizeof cli->error);
        return r->n_markets++, 0;
    }
    cli->error = why;
    return why.code;
}

/* Every saved market whose identity is this file. */
static int markets_go(struct rotation *r)
{
    struct cli *cli = r->cli;
    struct contexts *contexts = NULL;
    char path[CONTEXT_PATH_MAX];

    if (contexts_load(cli, &contexts) != 0) return cli->error.code;
    int code = 0;
    for (size_t i = 0; i < contexts->n && code == 0; i++) {
        const char *bound = contexts->items[i].identity[0] != '\0' ? contexts->items[i].identity : "default";
        bool chosen = cli->has_context && strcmp(contexts->items[i].name, cli->context.name) == 0;
        if (identity_path(cli, bound, path) != 0) code = cli->error.code;
        else if (chosen || same_file(path, r->path)) code = market_go(r, &contexts->items[i]);
    }
    free(contexts);
    return code;
}

static int rotation_run(struct rotation *r)
{
    struct cli *cli = r->cli;

    if (identity_path(cli, args_text(&cli->args, "name"), r->path) != 0 || names_make(r) != 0) return cli->error.code;
    r->wrapped = tide_identity_is_wrapped(r->path) != 0;
    if (r->wrapped && secret_ask(cli, "Passphrase", r->path, false, &r->secret) != 0) return cli->error.code;
    if (open_as(r, r->path, &r->old) != 0 || next_make(r) != 0 || markets_go(r) != 0) return cli->error.code;
    return files_exchange(r);
}

/* Whose keys, in which markets, and where the old file would go on; no key is made. */
static int rotate_dry_run(struct cli *cli)
{
    json_t *markets = json_array(), *row = json_object();
    struct contexts *contexts = NULL;
    struct rotation r = {.cli = cli};
    char path[CONTEXT_PATH_MAX];

    int code = identity_path(cli, args_text(&cli->args, "name"), r.path);
    if (code == 0) code = names_make(&r);
    if (code == 0) code = identity_open(cli, args_text(&cli->args, "name"), &r.old);
    if (code == 0) code = contexts_load(cli, &contexts);
    for (size_t i = 0; code == 0 && i < contexts->n; i++) {
        const struct context *context = &contexts->items[i];
        bool chosen = cli->has_context && strcmp(context->name, cli->context.name) == 0;
        code = identity_path(cli, context->identity[0] != '\0' ? context->identity : "default", path);
        if (code == 0 && (chosen || same_file(path, r.path))) json_array_append_new(markets, json_string(context->name));
    }
    free(contexts);
    json_object_set_new(row, "markets", markets);
    if (code == 0) {
        talk(cli, "Nothing made, signed or sent: a statement \"rekey\" would go to each of these markets that knows the key.");
        set_text(row, "party", tide_identity_party(r.old));
        set_text(row, "file", r.path);
        set_text(row, "next", r.next_path);
        code = show_json(cli, row);
    } else {
        code = cli_fail(cli, "the keys cannot be changed");
    }
    tide_identity_free(&r.old);
    json_decref(row);
    return code;
}

int key_rotate(struct cli *cli)
{
    struct rotation r = {.cli = cli};

    if (args_has(&cli->args, "dry-run")) return rotate_dry_run(cli);
    int code = rotation_run(&r);
    secret_wipe(&r.secret);
    if (code == 0) {
        json_t *row = json_pack("{s:s,s:s,s:s,s:s,s:i}", "party", tide_identity_party(r.next), "recipient",
                                tide_identity_recipient(r.next), "file", r.path, "old", r.old_path, "markets", (int)r.n_markets);
        code = show_card(cli, rotated_columns, row, NULL);
        json_decref(row);
        talk(cli, "Keep a copy of %s: it has the new keys and the older ones, which older purchases and listings need.", r.path);
    } else {
        code = cli_fail(cli, "the keys are not changed%s", access(r.next_path, F_OK) == 0 ? " yet" : "");
    }
    tide_identity_free(&r.next);
    tide_identity_free(&r.old);
    return code;
}

/* ---- a lost key ---- */
static char *hex_new(const uint8_t *bytes, size_t len)
{
    char *hex = malloc(2 * len + 1);
    for (size_t i = 0; hex != NULL && i < len; i++) sprintf(hex + 2 * i, "%02x", bytes[i]);
    return hex;
}

static int request_write(struct cli *cli, const char *path, const json_t *request)
{
    FILE *file = fopen(path, "wxe");

    if (file == NULL) return cli_error_file(cli, "write", path);
    bool good = json_dumpf(request, file, JSON_COMPACT) == 0 && fputc('\n', file) != EOF;
    good = fclose(file) == 0 && good;
    return good ? 0 : cli_error_file(cli, "write", path);
}

int key_request(struct cli *cli)
{
    const char *party = args_value(&cli->args, 0), *path = args_text(&cli->args, "out");
    uint8_t *bytes = NULL;
    size_t len;

    if (args_has(&cli->args, "dry-run")) {
        if (session_identity(cli) != 0) return cli_fail(cli, "cannot make the request");
        talk(cli, "Not signed, not written: what a statement \"new_keys\" would say.");
        json_t *row = json_pack("{s:s,s:s,s:s}", "party", party, "new_key", tide_identity_party(cli->identity), "recipient",
                                tide_identity_recipient(cli->identity));
        int shown = show_json(cli, row);
        json_decref(row);
        return shown;
    }
    if (session_open(cli) != 0 || tide_new_keys(cli->market, party, &bytes, &len, &cli->error) != 0)
        return cli_fail(cli, "cannot make the request");
    char *hex = hex_new(bytes, len);
    free(bytes);
    json_t *request = json_pack("{s:s,s:s,s:s}", "party", party, "new_key", tide_identity_party(cli->identity), "request",
                                hex != NULL ? hex : "");
    free(hex);
    int code = request_write(cli, path, request) != 0 ? cli_fail(cli, "cannot make the request") : EXIT_OK;
    if (code == EXIT_OK && cli->json) code = show_json(cli, request);
    if (code == EXIT_OK)
        talk(cli, "Hand %s to an operator of the market within a week, and let them see that you are who you say.", path);
    json_decref(request);
    return code;
}

int party_rekey(struct cli *cli)
{
    const char *party = args_value(&cli->args, 0), *path = args_text(&cli->args, "request");
    json_t *answer, *request = json_load_file(path, 0, NULL);
    int code;

    if (get_text(request, "request")[0] == '\0') {
        json_decref(request);
        cli_error(cli, CODE_FILE, "%s is not what tidemark key request writes", path);
        return cli_fail(cli, "cannot replace the keys");
    }
    json_t *body = json_pack("{s:s,s:s,s:s}", "party", party, "request", get_text(request, "request"), "reason",
                             args_text(&cli->args, "reason"));
    json_decref(request);
    if (!session_state_or_fail(cli, "replace_keys", body, &answer, &code, "cannot replace the keys")) return code;
    talk(cli, "Announced: it takes effect after the market's rekey_ms unless it is stopped; withdrawals are frozen until then.");
    json_t *row = json_pack("{s:s,s:I}", "party", party, "record", (json_int_t)get_u64(answer, "first_index"));
    code = show_card(cli, done_columns, row, NULL);
    json_decref(row);
    json_decref(answer);
    return code;
}

int party_stop_rekey(struct cli *cli)
{
    const char *party = args_value(&cli->args, 0);
    json_t *answer;
    int code;

    if (party == NULL && session_identity(cli) != 0) return cli_fail(cli, "cannot stop it");
    if (party == NULL) party = tide_identity_party(cli->identity);
    json_t *row = json_pack("{s:s}", "party", party);
    if (!session_state_or_fail(cli, "stop_rekey", json_deep_copy(row), &answer, &code, "cannot stop it")) {
        json_decref(row);
        return code;
    }
    talk(cli, "Stopped: the keys stay as they are.");
    set_u64(row, "record", get_u64(answer, "first_index"));
    code = show_card(cli, done_columns, row, NULL);
    json_decref(row);
    json_decref(answer);
    return code;
}

int party_keys(struct cli *cli)
{
    json_t *body = json_object(), *answer;

    set_text(body, "party", args_value(&cli->args, 0));
    if (session_ask(cli, "keys", body, &answer) != 0) return cli_fail(cli, "cannot show the keys");
    int code = show_table(cli, key_columns, get_list(answer, "keys"), answer, "No such party.");
    json_decref(answer);
    return code;
}
