/*
 * connect, context list, context use: which market is meant.
 *
 * Always holds: nothing is sent; a URL is checked before it is saved. A context is replaced only when it is named.
 */
#include "client/cli/commands.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct column context_columns[] = {{"current", "Current", COLUMN_YES, NULL},
                                                {"name", "Name", COLUMN_TEXT, NULL},
                                                {"identity", "Identity", COLUMN_TEXT, NULL},
                                                {"url", "URL", COLUMN_LONG, NULL},
                                                {NULL, NULL, COLUMN_END, NULL}};

static json_t *context_json(const struct contexts *contexts, const struct context *context)
{
    return json_pack("{s:b,s:s,s:s,s:s}", "current", strcmp(contexts->current, context->name) == 0, "name",
                     context->name, "identity", context->identity[0] != '\0' ? context->identity : "default", "url",
                     context->url);
}

/* A market is its origin and keys; only its address, between "://" and the next slash, may change. */
static bool same_market(const char *a, const char *b)
{
    const char *host_a = strstr(a, "://"), *host_b = strstr(b, "://");
    const char *rest_a = host_a != NULL ? strchr(host_a + 3, '/') : NULL;
    const char *rest_b = host_b != NULL ? strchr(host_b + 3, '/') : NULL;

    return rest_a != NULL && rest_b != NULL && strcmp(rest_a, rest_b) == 0;
}

/* An identity that is named must be there; the one of no name may be made later. */
static int identity_check(struct cli *cli)
{
    const char *named = args_text(&cli->args, "identity");
    char path[CONTEXT_PATH_MAX];

    if (named == NULL) return 0;
    if (identity_path(cli, named, path) != 0) return cli->error.code;
    return access(path, F_OK) == 0 || errno != ENOENT ? 0 : identity_missing(cli, named, path);
}

/* The context a URL is saved in; NULL: cli->error says why not. */
static struct context *context_take(struct cli *cli, struct contexts *contexts, const char *url)
{
    const char *name = args_text(&cli->args, "context");
    bool named = name != NULL;

    if (name == NULL) name = "default";
    if (!name_is_good(name)) {
        cli_error(cli, CODE_USAGE, "\"%s\" is not a good name", name);
        cli_hint(cli, "Use letters, digits, dots, dashes and underscores.");
        return NULL;
    }
    struct context *found = contexts_find(contexts, name);
    if (found != NULL && !named && !same_market(found->url, url)) {
        cli_error(cli, CODE_USAGE, "the context \"%s\" is another market's", name);
        cli_hint(cli, "Give this one a name: --context NAME.");
        return NULL;
    }
    if (found == NULL && contexts->n < CONTEXTS_MAX) {
        found = &contexts->items[contexts->n++];
        snprintf(found->name, sizeof found->name, "%s", name);
    }
    if (found == NULL) cli_error(cli, CODE_FILE, "there are %d contexts already", CONTEXTS_MAX);
    return found;
}

/* A relative file must still be found from another directory. */
static bool identity_bind(struct context *context, const char *identity)
{
    char path[PATH_MAX];

    if (identity == NULL) return true;
    size_t len = strlen(identity);
    bool is_file = strchr(identity, '/') != NULL || (len > 4 && strcmp(identity + len - 4, ".key") == 0);
    if (is_file && realpath(identity, path) != NULL) identity = path;
    if (strlen(identity) >= sizeof context->identity || strpbrk(identity, "\n;") != NULL) return false;
    strcpy(context->identity, identity);
    return true;
}

int connect_run(struct cli *cli)
{
    struct contexts *contexts = NULL;
    const char *url = args_value(&cli->args, 0);
    char *vkey = NULL;

    if (tide_url_vkey(url, &vkey, &cli->error) != 0) return cli_fail(cli, "cannot connect");
    free(vkey);
    if (strlen(url) >= CONTEXT_URL_MAX) {
        cli_error(cli, CODE_USAGE, "the URL is too long");
        return cli_fail(cli, "cannot connect");
    }
    if (identity_check(cli) != 0 || contexts_load(cli, &contexts) != 0) return cli_fail(cli, "cannot connect");
    struct context *context = context_take(cli, contexts, url);
    if (context != NULL && !identity_bind(context, args_text(&cli->args, "identity"))) {
        cli_error(cli, CODE_USAGE, "the identity's file name cannot be kept in a context");
        cli_hint(cli, "Put the file elsewhere: its path may be 1,000 bytes, without line ends and semicolons.");
        context = NULL;
    }
    int code;
    if (context == NULL) {
        code = cli_fail(cli, "cannot connect");
    } else {
        strcpy(context->url, url);
        strcpy(contexts->current, context->name);
        code = contexts_save(cli, contexts) != 0 ? cli_fail(cli, "cannot connect") : EXIT_OK;
    }
    if (code == EXIT_OK && cli->json) {
        json_t *row = context_json(contexts, context);
        code = show_json(cli, row);
        json_decref(row);
    }
    if (code == EXIT_OK)
        talk(cli, "Saved as context \"%s\", now the current one. Next: %s.", context->name,
             context->identity[0] != '\0' ? "tidemark status" : "tidemark key new, tidemark enrol");
    free(contexts);
    return code;
}

int context_list(struct cli *cli)
{
    struct contexts *contexts = NULL;
    json_t *rows = json_array();

    if (contexts_load(cli, &contexts) != 0) {
        json_decref(rows);
        return cli_fail(cli, "cannot list contexts");
    }
    for (size_t i = 0; i < contexts->n; i++) json_array_append_new(rows, context_json(contexts, &contexts->items[i]));
    json_t *whole = json_pack("{s:O}", "contexts", rows);
    int code = show_table(cli, context_columns, rows, whole, "No market was saved yet: tidemark connect URL.");
    json_decref(whole);
    json_decref(rows);
    free(contexts);
    return code;
}

int context_use(struct cli *cli)
{
    struct contexts *contexts = NULL;
    const char *name = args_value(&cli->args, 0), *names[CONTEXTS_MAX];

    if (contexts_load(cli, &contexts) != 0) return cli_fail(cli, "cannot change the context");
    int code = EXIT_OK;
    const struct context *found = contexts_find(contexts, name);
    if (found == NULL) {
        for (size_t i = 0; i < contexts->n; i++) names[i] = contexts->items[i].name;
        const char *nearest = word_nearest(name, names, contexts->n);
        cli_error(cli, CODE_NO_CONTEXT, "there is no context \"%s\"", name);
        if (nearest != NULL)
            cli_hint(cli, "Did you mean %s?", nearest);
        else
            cli_hint(cli, "tidemark context list shows them; tidemark connect URL --context %s makes it.", name);
        code = cli_fail(cli, "cannot change the context");
    } else {
        strcpy(contexts->current, found->name);
        if (contexts_save(cli, contexts) != 0)
            code = cli_fail(cli, "cannot change the context");
        else
            talk(cli, "Commands now mean \"%s\".", found->name);
    }
    free(contexts);
    return code;
}
