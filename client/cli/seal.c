/*
 * seal, open: files without a market.
 */
#include "client/cli/commands.h"
#include "client/cli/progress.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct column commitment_columns[] = {{"plaintext_len", "Size", COLUMN_BYTES, NULL},
                                                   {"n_chunks", "Chunks", COLUMN_COUNT, NULL},
                                                   {"payload_len", "Payload", COLUMN_BYTES, NULL},
                                                   {"nonce", "Nonce", COLUMN_TEXT, NULL},
                                                   {"content_root", "Content root", COLUMN_TEXT, NULL},
                                                   {"key_commitment", "Key commitment", COLUMN_TEXT, NULL},
                                                   {"file", "File", COLUMN_TEXT, NULL},
                                                   {NULL, NULL, COLUMN_END, NULL}};

static json_t *commitment_json(const struct tide_commitment *c, const char *file)
{
    char nonce[33], root[65], key[65];

    hex_format(c->nonce, sizeof c->nonce, nonce);
    hex_format(c->content_root, sizeof c->content_root, root);
    hex_format(c->key_commitment, sizeof c->key_commitment, key);
    return json_pack("{s:I,s:I,s:I,s:s,s:s,s:s,s:s}", "plaintext_len", (json_int_t)c->plaintext_len, "n_chunks",
                     (json_int_t)c->n_chunks, "payload_len", (json_int_t)c->payload_len, "nonce", nonce, "content_root",
                     root, "key_commitment", key, "file", file);
}

int seal_run(struct cli *cli)
{
    const char *in = args_value(&cli->args, 0), *out = args_text(&cli->args, "out");
    struct tide_commitment commitment;
    struct progress progress;

    if (session_identity(cli) != 0) return cli_fail(cli, "cannot seal %s", in);
    progress_init(&progress, cli);
    int code = tide_seal(cli->identity, in, out, progress_step, &progress, &commitment, &cli->error);
    progress_end(&progress);
    if (code != 0) return cli_fail(cli, "cannot seal %s", in);
    json_t *row = commitment_json(&commitment, out);
    code = show_card(cli, commitment_columns, row, NULL);
    json_decref(row);
    return code;
}

/* ---- open ---- */

#define KEY_FILE_MAX 8192

/* The AGE-SECRET-KEY-1… line of a file, in `out` (wiped by the caller); false if it has none: then it is an identity
 * file. */
static bool age_secret_read(const char *path, char out[KEY_FILE_MAX])
{
    FILE *file = fopen(path, "re");
    bool found = false;

    if (file == NULL) return false;
    setvbuf(file, NULL, _IONBF, 0); /* nothing secret stays in a buffer */
    while (!found && fgets(out, KEY_FILE_MAX, file) != NULL) {
        out[strcspn(out, "\r\n")] = '\0';
        found = strncmp(out, "AGE-SECRET-KEY-1", strlen("AGE-SECRET-KEY-1")) == 0;
    }
    fclose(file);
    if (!found) explicit_bzero(out, KEY_FILE_MAX);
    return found;
}

int open_run(struct cli *cli)
{
    const char *in = args_value(&cli->args, 0), *out = args_text(&cli->args, "out"),
               *key = args_text(&cli->args, "identity");
    char secret[KEY_FILE_MAX] = "";
    struct progress progress;

    bool is_age = key != NULL && age_secret_read(key, secret);
    if (!is_age && session_identity(cli) != 0) return cli_fail(cli, "cannot open %s", in);
    progress_init(&progress, cli);
    int code = tide_open(in, cli->identity, is_age ? secret : NULL, out, progress_step, &progress, &cli->error);
    progress_end(&progress);
    explicit_bzero(secret, sizeof secret);
    if (code != 0) return cli_fail(cli, "cannot open %s", in);
    json_t *row = json_pack("{s:s}", "file", out);
    if (cli->json)
        code = show_json(cli, row);
    else
        talk(cli, "Opened to %s.", out);
    json_decref(row);
    return code;
}
