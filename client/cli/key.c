/*
 * key new, key show: identities as files.
 *
 * Always holds: a new identity never replaces a file; secrets are never printed.
 */
#include "client/cli/commands.h"
#include "client/cli/prompt.h"
#include "client/cli/session.h"
#include "client/cli/show.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct column key_columns[] = {{"party", "Party", COLUMN_TEXT, NULL},
                                            {"recipient", "Recipient", COLUMN_TEXT, NULL},
                                            {"file", "File", COLUMN_TEXT, NULL},
                                            {NULL, NULL, COLUMN_END, NULL}};

static json_t *key_json(const struct tide_identity *identity, const char *path)
{
    return json_pack("{s:s,s:s,s:s}", "party", tide_identity_party(identity), "recipient",
                     tide_identity_recipient(identity), "file", path);
}

/* The part of a path that names the identity. */
static void name_of(const char *path, char out[CONTEXT_NAME_MAX + 1])
{
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    size_t len = strlen(base);

    if (len > 4 && strcmp(base + len - 4, ".key") == 0) len -= 4;
    snprintf(out, CONTEXT_NAME_MAX + 1, "%.*s", (int)len, base);
}

static int key_save(struct cli *cli, const struct tide_identity *identity, const char *path)
{
    struct secret secret = {.len = 0};
    char name[CONTEXT_NAME_MAX + 1];
    bool wrap = args_has(&cli->args, "passphrase") || args_has(&cli->args, "passphrase-file");

    if (wrap && secret_ask(cli, "New passphrase", path, true, &secret) != 0) return cli->error.code;
    name_of(path, name);
    int code = tide_identity_save(identity, path, name, wrap ? secret.text : NULL, secret.len, &cli->error);
    secret_wipe(&secret);
    if (code == 0 && !wrap)
        talk(cli, "The file has no passphrase: whoever reads it can act for you (key new --passphrase asks for one).");
    return code;
}

int key_new(struct cli *cli)
{
    char dir[CONTEXT_PATH_MAX], path[CONTEXT_PATH_MAX];
    const char *name = args_text(&cli->args, "name");

    if (name != NULL && !name_is_good(name)) {
        cli_error(cli, CODE_USAGE, "\"%s\" is not a good name", name);
        cli_hint(cli, "Use letters, digits, dots, dashes and underscores.");
        return cli_fail(cli, "cannot make an identity");
    }
    if (name == NULL && args_text(&cli->args, "identity") == NULL) name = "default";
    if (config_dir_make(cli, dir) != 0 || identity_path(cli, name, path) != 0)
        return cli_fail(cli, "cannot make an identity");
    if (access(path, F_OK) == 0) {
        cli_error(cli, CODE_FILE, "%s is there already", path);
        cli_hint(cli, "An identity is never replaced: choose another --name.");
        return cli_fail(cli, "cannot make an identity");
    }
    if (tide_identity_new(&cli->identity, &cli->error) != 0 || key_save(cli, cli->identity, path) != 0) {
        return cli_fail(cli, "cannot make an identity");
    }
    json_t *key = key_json(cli->identity, path);
    int code = show_card(cli, key_columns, key, NULL);
    json_decref(key);
    talk(cli,
         "Keep a copy of %s in a safe place: it is all that is needed to act for this party, and cannot be made again.",
         path);
    return code;
}

int key_show(struct cli *cli)
{
    char path[CONTEXT_PATH_MAX];
    const char *which = args_value(&cli->args, 0);

    if (identity_open(cli, which, &cli->identity) != 0 || identity_path(cli, which, path) != 0) {
        return cli_fail(cli, "cannot show the identity");
    }
    if (cli->json) {
        json_t *key = key_json(cli->identity, path);
        int code = show_json(cli, key);
        json_decref(key);
        return code;
    }
    bool recipient = args_has(&cli->args, "recipient");
    puts(recipient ? tide_identity_recipient(cli->identity) : tide_identity_party(cli->identity));
    return EXIT_OK;
}
