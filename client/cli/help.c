/*
 * Help, printed from the table of commands.
 */
#include "client/cli/commands.h"
#include "client/cli/text.h"

#include <stdio.h>
#include <string.h>

static const char *const headings[][2] = {
    {"key", "To begin"},
    {"search", "Buying"},
    {"sell", "Selling"},
    {"listing", "The market"},
    {"party", "Operators, banks, reviewers, regulators"},
    {"errors", "More"},
};

static const char *values_of(const struct command *c)
{
    return c->values != NULL ? c->values : "";
}

static void command_line(FILE *file, const struct command *c)
{
    char name[80];

    snprintf(name, sizeof name, "%s%s%s%s%s", c->noun, c->verb != NULL ? " " : "", c->verb != NULL ? c->verb : "",
             c->values != NULL ? " " : "", values_of(c));
    fprintf(file, "  %-28s %s\n", name, c->help);
}

static void overview(FILE *file)
{
    const char *last = "";

    fputs("tidemark: a party's side of a data market.\n\nUsage: tidemark COMMAND [values] [flags]\n", file);
    for (size_t i = 0; i < n_all_commands; i++) {
        const struct command *c = &all_commands[i];
        for (size_t h = 0; h < ARRAY_N(headings); h++) {
            if (strcmp(headings[h][0], c->noun) == 0 && strcmp(last, c->noun) != 0)
                fprintf(file, "\n%s\n", headings[h][1]);
        }
        last = c->noun;
        command_line(file, c);
    }
    fputs("\ntidemark help COMMAND lists a command's flags; tidemark(1) is the manual.\n", file);
}

static void flags_print(FILE *file, const struct flag *table)
{
    for (const struct flag *f = table; f != NULL && f->type != FLAG_END; f++) {
        char name[160];
        snprintf(name, sizeof name, "%c%c%s --%s%s%s", f->letter != 0 ? '-' : ' ', f->letter != 0 ? f->letter : ' ',
                 f->letter != 0 ? "," : " ", f->name, f->value != NULL ? " " : "", f->value != NULL ? f->value : "");
        if (strlen(name) > 32)
            fprintf(file, "  %s\n  %-32s %s%s\n", name, "", f->help, f->needed ? " (needed)" : "");
        else
            fprintf(file, "  %-32s %s%s\n", name, f->help, f->needed ? " (needed)" : "");
    }
}

static void one(FILE *file, const struct command *c)
{
    bool own = c->flags != NULL && c->flags[0].type != FLAG_END;

    fprintf(file, "tidemark %s%s%s%s%s%s: %s\n", c->noun, c->verb != NULL ? " " : "", c->verb != NULL ? c->verb : "",
            c->values != NULL ? " " : "", values_of(c), own ? " [flags]" : "", c->help);
    if (own) fputs("\nFlags:\n", file);
    flags_print(file, c->flags);
    fputs("\nFor every command:\n", file);
    flags_print(file, global_flags);
    fputs("\nEvery flag but --yes may be set in the environment: --max-price as TIDEMARK_MAX_PRICE.\n", file);
}

bool help_print(const char *noun, const char *verb, bool to_stderr)
{
    FILE *file = to_stderr ? stderr : stdout;
    const struct command *found[32];
    size_t n = 0;

    if (noun == NULL || (strcmp(noun, "help") == 0 && verb == NULL)) return overview(file), true;
    for (size_t i = 0; i < n_all_commands && n < ARRAY_N(found); i++) {
        const struct command *c = &all_commands[i];
        if (strcmp(c->noun, noun) != 0) continue;
        if (verb == NULL || c->verb == NULL || strcmp(c->verb, verb) == 0) found[n++] = c;
    }
    if (n == 1) one(file, found[0]);
    for (size_t i = 0; n > 1 && i < n; i++) command_line(file, found[i]);
    if (n > 1) fprintf(file, "\ntidemark help %s VERB lists flags.\n", noun);
    return n > 0;
}

int help_run(struct cli *cli)
{
    const char *noun = args_value(&cli->args, 0), *verb = args_value(&cli->args, 1);

    if (help_print(noun, verb, false)) return EXIT_OK;
    cli_error(cli, CODE_USAGE, "there is no command %s%s%s", noun, verb != NULL ? " " : "", verb != NULL ? verb : "");
    cli_hint(cli, "tidemark help lists them.");
    return cli_fail(cli, "%s", "");
}
