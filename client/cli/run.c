/*
 * From argv to an exit code: the command line, the context, the command, the end.
 *
 * Always holds: whatever a command opened is closed, and a failed write to stdout is an error.
 */
#include "client/cli/commands.h"
#include "client/cli/session.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Characters of any script need a UTF-8 locale to be measured; dates and numbers stay ours. */
static void locale_init(void)
{
    if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
}

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);
    return value != NULL && value[0] != '\0';
}

/* JSON mode must be known even for a command line that is not understood. */
static bool json_is_wanted(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0) return true;
    }
    const char *value = getenv("TIDEMARK_JSON");
    return value != NULL && strchr("1ty", value[0]) != NULL && value[0] != '\0';
}

static void manners_init(struct cli *cli)
{
    const char *term = getenv("TERM");

    cli->json = args_has(&cli->args, "json");
    cli->quiet = args_has(&cli->args, "quiet");
    cli->terminal = isatty(STDOUT_FILENO) != 0;
    bool is_plain = is_set("NO_COLOR") || args_has(&cli->args, "no-color") || term == NULL || strcmp(term, "dumb") == 0;
    cli->color = cli->terminal && !is_plain;
}

/* Commands that work without a market are not stopped by a context that is not there or not readable. */
static bool needs_context(const struct command *command)
{
    static const char *const without[] = {"context", "connect", "errors", "completion", "help", "version"};

    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++) {
        if (strcmp(command->noun, without[i]) == 0) return false;
    }
    return true;
}

static int usage_fail(struct cli *cli, int argc, char **argv, char *why)
{
    cli->json = json_is_wanted(argc, argv);
    char *hint = strstr(why, ". "); /* "what is wrong. What to do" */
    if (hint != NULL) *hint = '\0';
    cli_error(cli, CODE_USAGE, "%s", why);
    if (hint != NULL) cli_hint(cli, "%s%s", hint + 2, strchr("?.", hint[strlen(hint + 2) + 1]) != NULL ? "" : ".");
    return cli_fail(cli, "%s", "");
}

static int help_or_fail(struct cli *cli)
{
    const struct args *args = &cli->args;

    if (help_print(args->word[0], args->word[1], false)) return EXIT_OK;
    cli_error(cli, CODE_USAGE, "there is no such command");
    return cli_fail(cli, "%s", "");
}

int cli_run(int argc, char **argv)
{
    struct cli cli = {.json = false};
    char why[320];

    locale_init();
    interruption_init();
    bool good = args_parse(argc, argv, all_commands, n_all_commands, &cli.args, why, sizeof why);
    if (!good && argc == 1) {
        help_print(NULL, NULL, true);
        return EXIT_USAGE;
    }
    if (!good) return usage_fail(&cli, argc, argv, why);
    if (cli.args.help) return help_or_fail(&cli);
    manners_init(&cli);
    if (needs_context(cli.args.command) && context_choose(&cli) != 0) return cli_fail(&cli, "%s", "");
    if (!parties_check(&cli)) return cli_fail(&cli, "%s", "");
    int code = cli.args.command->run(&cli);
    session_close(&cli);
    if (fclose(stdout) != 0 && code == EXIT_OK) {
        cli_error_file(&cli, "write", "standard output");
        code = cli_fail(&cli, "%s", "");
    }
    return code;
}
