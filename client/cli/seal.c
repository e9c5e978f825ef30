/*
 * seal, open: files without a market. `-` is standard input or output; the commitment goes to standard error then.
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

/* ---- standard input and output, and going on ---- */

static bool is_standard(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* Progress that says where an earlier run is gone on with. */
struct steps {
    struct progress progress;
    const struct cli *cli;
    uint64_t checked, total; /* of what an earlier run left */
};

static bool step(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    struct steps *steps = ctx;
    if (total == 0) return !interrupted(); /* a pipe's length is not known */
    if (strcmp(what, "check") == 0) {
        steps->checked = done;
        steps->total = total;
    } else if (steps->checked > 0) {
        progress_end(&steps->progress);
        talk(steps->cli, "Goes on after %u %%.", (unsigned)((unsigned __int128)steps->checked * 100 / steps->total));
        steps->checked = 0;
    }
    return progress_step(&steps->progress, what, done, total);
}

static void steps_init(struct steps *steps, const struct cli *cli)
{
    *steps = (struct steps){.cli = cli};
    progress_init(&steps->progress, cli);
}

/* Standard output has had its data; what is for people goes to standard error. */
static bool talk_on_stderr(void)
{
    return fflush(stdout) == 0 && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0;
}

int seal_run(struct cli *cli)
{
    const char *in = args_value(&cli->args, 0), *out = args_text(&cli->args, "out");
    struct tide_commitment commitment;
    struct steps steps;

    if (is_standard(out) && isatty(STDOUT_FILENO)) {
        cli_error(cli, CODE_USAGE, "A terminal cannot show a sealed file. Give -o FILE, or pipe the output.");
        return cli_fail(cli, "cannot seal %s", in);
    }
    if (session_identity(cli) != 0) return cli_fail(cli, "cannot seal %s", in);
    steps_init(&steps, cli);
    int code = tide_seal(cli->identity, in, out, step, &steps, &commitment, &cli->error);
    progress_end(&steps.progress);
    if (code != 0) return cli_fail(cli, "cannot seal %s", in);
    if (is_standard(out) && !talk_on_stderr()) return cli_fail(cli, "cannot show the commitment");
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
    struct steps steps;

    bool is_age = key != NULL && age_secret_read(key, secret);
    if (!is_age && session_identity(cli) != 0) return cli_fail(cli, "cannot open %s", in);
    steps_init(&steps, cli);
    int code = tide_open(in, cli->identity, is_age ? secret : NULL, out, step, &steps, &cli->error);
    progress_end(&steps.progress);
    explicit_bzero(secret, sizeof secret);
    if (code != 0) return cli_fail(cli, "cannot open %s", in);
    if (is_standard(out)) return 0;
    json_t *row = json_pack("{s:s}", "file", out);
    if (cli->json)
        code = show_json(cli, row);
    else
        talk(cli, "Opened to %s.", out);
    json_decref(row);
    return code;
}
