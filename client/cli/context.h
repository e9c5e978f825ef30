/*
 * Contexts: which market a command means and who acts. Kept in $XDG_CONFIG_HOME/tidemark/contexts.ini, a section each,
 * with `url` and `identity`; `current` names the one in use. Identity files lie beside it as NAME.key.
 */
#ifndef TIDEMARK_CLI_CONTEXT_H
#define TIDEMARK_CLI_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>

#define CONTEXT_NAME_MAX 64
#define CONTEXT_URL_MAX 1024
#define CONTEXT_PATH_MAX 1024
#define CONTEXTS_MAX 64

struct context {
    char name[CONTEXT_NAME_MAX + 1];
    char url[CONTEXT_URL_MAX];
    char identity[CONTEXT_PATH_MAX]; /* a name or a file; "": default */
};

struct contexts {
    struct context items[CONTEXTS_MAX];
    size_t n;
    char current[CONTEXT_NAME_MAX + 1];
};

struct cli;

/* $XDG_CONFIG_HOME/tidemark, or ~/.config/tidemark. Code 607 if there is no HOME. */
int config_dir(struct cli *cli, char out[CONTEXT_PATH_MAX]);
/* Makes it (mode 0700). */
int config_dir_make(struct cli *cli, char out[CONTEXT_PATH_MAX]);

/* Letters, digits, dot, dash and underscore; does not begin with a dot or dash. */
bool name_is_good(const char *name);

/* No file: no contexts. Code 607 with the line that is not understood. The caller frees *out. */
int contexts_load(struct cli *cli, struct contexts **out);
/* Replaces the file at once or not at all, mode 0600. */
int contexts_save(struct cli *cli, const struct contexts *contexts);
struct context *contexts_find(struct contexts *contexts, const char *name);

/* Fills cli->context from --context or the current one, if there is any. Code 602 if --context names none. */
int context_choose(struct cli *cli);

/* The identity file of "NAME" or "FILE" (with a slash, or ending in .key); NULL: --identity, the context's, "default".
 */
int identity_path(struct cli *cli, const char *name_or_file, char out[CONTEXT_PATH_MAX]);

#endif
