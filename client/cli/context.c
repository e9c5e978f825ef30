/*
 * The contexts' file and the commands `connect` and `context`; see context.h.
 *
 * Always holds: the file is replaced whole. inih reads lines of 199 bytes at most, so that a URL is written over
 * several, indented ones, which inih hands over one by one. Not here: what a URL is (the library checks it), opening a
 * market (session.c).
 */
#include "client/cli/context.h"

#include "client/cli/cli.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "contexts.ini"
#define URL_PIECE 120

/* ---- places ---- */

__attribute__((format(printf, 3, 4))) static int path_set(struct cli *cli, char *out, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    int n = vsnprintf(out, CONTEXT_PATH_MAX, format, list);
    va_end(list);
    if (n > 0 && n < CONTEXT_PATH_MAX) return 0;
    out[0] = '\0';
    return cli_error(cli, CODE_FILE, "a file name is too long");
}

int config_dir(struct cli *cli, char out[CONTEXT_PATH_MAX])
{
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

    if (base != NULL && base[0] == '/') return path_set(cli, out, "%s/tidemark", base);
    if (home != NULL && home[0] == '/') return path_set(cli, out, "%s/.config/tidemark", home);
    out[0] = '\0';
    cli_error(cli, CODE_FILE, "there is no directory for settings: neither HOME nor XDG_CONFIG_HOME is set");
    cli_hint(cli, "Set HOME.");
    return cli->error.code;
}

int config_dir_make(struct cli *cli, char out[CONTEXT_PATH_MAX])
{
    if (config_dir(cli, out) != 0) return cli->error.code;
    for (char *slash = out + 1;; slash++) { /* every directory on the way */
        if (*slash != '/' && *slash != '\0') continue;
        char kept = *slash;
        *slash = '\0';
        bool made = mkdir(out, 0700) == 0 || errno == EEXIST || errno == EISDIR;
        if (!made && access(out, X_OK) != 0) return cli_error_file(cli, "make", out);
        *slash = kept;
        if (kept == '\0') return 0;
    }
}

bool name_is_good(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len > CONTEXT_NAME_MAX || name[0] == '.' || name[0] == '-') return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

int identity_path(struct cli *cli, const char *name_or_file, char out[CONTEXT_PATH_MAX])
{
    char dir[CONTEXT_PATH_MAX];
    const char *name = name_or_file;

    if (name == NULL) name = args_text(&cli->args, "identity");
    if (name == NULL && cli->has_context && cli->context.identity[0] != '\0') name = cli->context.identity;
    if (name == NULL) name = "default";
    size_t len = strlen(name);
    if (strchr(name, '/') != NULL || (len > 4 && strcmp(name + len - 4, ".key") == 0)) {
        return path_set(cli, out, "%s", name);
    }
    if (!name_is_good(name)) {
        cli_error(cli, CODE_USAGE, "\"%s\" is not an identity's name", name);
        cli_hint(cli, "Use letters, digits, dots, dashes and underscores, or name a file with its path.");
        return cli->error.code;
    }
    if (config_dir(cli, dir) != 0) return cli->error.code;
    return path_set(cli, out, "%s/%s.key", dir, name);
}

/* ---- reading ---- */

struct context *contexts_find(struct contexts *contexts, const char *name)
{
    for (size_t i = 0; i < contexts->n; i++) {
        if (strcmp(contexts->items[i].name, name) == 0) return &contexts->items[i];
    }
    return NULL;
}

static struct context *contexts_add(struct contexts *contexts, const char *name)
{
    if (contexts->n == CONTEXTS_MAX || !name_is_good(name)) return NULL;
    struct context *added = &contexts->items[contexts->n++];
    memset(added, 0, sizeof *added);
    strcpy(added->name, name);
    return added;
}

static bool append(char *to, size_t room, const char *more)
{
    size_t len = strlen(to), n = strlen(more);

    if (n >= room - len) return false;
    memcpy(to + len, more, n + 1);
    return true;
}

static int line_take(void *ctx, const char *section, const char *name, const char *value)
{
    struct contexts *contexts = ctx;

    if (section[0] == '\0')
        return strcmp(name, "current") == 0 && append(contexts->current, sizeof contexts->current, value);
    struct context *context = contexts_find(contexts, section);
    if (context == NULL) context = contexts_add(contexts, section);
    if (context == NULL) return 0;
    if (strcmp(name, "url") == 0) return append(context->url, sizeof context->url, value);
    if (strcmp(name, "identity") == 0) return append(context->identity, sizeof context->identity, value);
    return 0;
}

int contexts_load(struct cli *cli, struct contexts **out)
{
    char path[CONTEXT_PATH_MAX + sizeof FILE_NAME];
    char dir[CONTEXT_PATH_MAX];

    *out = NULL;
    if (config_dir(cli, dir) != 0) return cli->error.code;
    struct contexts *contexts = calloc(1, sizeof *contexts);
    if (contexts == NULL) return cli_error(cli, CODE_NO_MEMORY, NULL);

    snprintf(path, sizeof path, "%s/%s", dir, FILE_NAME);
    FILE *file = fopen(path, "re");
    if (file == NULL && errno != ENOENT) {
        free(contexts);
        return cli_error_file(cli, "read", path);
    }
    int line = file != NULL ? ini_parse_file(file, line_take, contexts) : 0;
    if (file != NULL) fclose(file);
    if (line != 0) {
        free(contexts);
        cli_error(cli, CODE_FILE, "line %d of %s is not understood", line, path);
        cli_hint(cli,
                 "Write sections [NAME] with url and identity; break lines over 199 bytes, indenting what follows.");
        return cli->error.code;
    }
    *out = contexts;
    return 0;
}

/* ---- writing ---- */

static void context_write(FILE *file, const struct context *context)
{
    fprintf(file, "\n[%s]\nurl = ", context->name);
    for (size_t at = 0, len = strlen(context->url); at < len; at += URL_PIECE) {
        fprintf(file, "%s%.*s\n", at > 0 ? "    " : "", URL_PIECE, context->url + at);
    }
    if (context->identity[0] == '\0') return;
    fputs("identity = ", file);
    for (size_t at = 0, len = strlen(context->identity); at < len; at += URL_PIECE) {
        fprintf(file, "%s%.*s\n", at > 0 ? "    " : "", URL_PIECE, context->identity + at);
    }
}

int contexts_save(struct cli *cli, const struct contexts *contexts)
{
    char dir[CONTEXT_PATH_MAX], path[CONTEXT_PATH_MAX + 32], draft[CONTEXT_PATH_MAX + 64];

    if (config_dir_make(cli, dir) != 0) return cli->error.code;
    snprintf(path, sizeof path, "%s/%s", dir, FILE_NAME);
    snprintf(draft, sizeof draft, "%s.%ld", path, (long)getpid());
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        if (fd >= 0) close(fd);
        return cli_error_file(cli, "write", draft);
    }
    fprintf(file, "; Markets that tidemark knows. `tidemark connect` and `tidemark context use` rewrite this file.\n");
    fprintf(file, "current = %s\n", contexts->current);
    for (size_t i = 0; i < contexts->n; i++) context_write(file, &contexts->items[i]);
    bool good = fflush(file) == 0 && fsync(fd) == 0;
    good = fclose(file) == 0 && good;
    if (good && rename(draft, path) == 0) return 0;
    cli_error_file(cli, "write", path);
    unlink(draft);
    return cli->error.code;
}

/* ---- choosing ---- */

int context_choose(struct cli *cli)
{
    struct contexts *contexts;
    const char *name = args_text(&cli->args, "context");

    cli->has_context = false;
    if (contexts_load(cli, &contexts) != 0) return cli->error.code;
    const struct context *found = contexts_find(contexts, name != NULL ? name : contexts->current);
    if (found != NULL) {
        cli->context = *found;
        cli->has_context = true;
    }
    free(contexts);
    if (found != NULL || name == NULL) return 0;
    cli_error(cli, CODE_NO_CONTEXT, "there is no context \"%s\"", name);
    cli_hint(cli, "tidemark context list shows them; tidemark connect URL --context %s makes it.", name);
    return cli->error.code;
}
