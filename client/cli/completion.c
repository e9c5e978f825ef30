/*
 * completion: what bash, zsh and fish need to complete tidemark's commands and flags, printed from the table of
 * commands.
 */
#include "client/cli/commands.h"
#include "client/cli/text.h"

#include <stdio.h>
#include <string.h>

static bool is_first_of_noun(size_t i)
{
    return i == 0 || strcmp(all_commands[i].noun, all_commands[i - 1].noun) != 0;
}

/* The word list of a flag's choices, spaces between. */
static void choices_print(const char *choices)
{
    for (const char *at = choices; *at != '\0'; at++) putchar(*at == '|' ? ' ' : *at);
}

static void flags_print(const struct flag *table)
{
    for (const struct flag *f = table; f != NULL && f->type != FLAG_END; f++) printf(" --%s", f->name);
}

static void verbs_print(const char *noun)
{
    for (size_t i = 0; i < n_all_commands; i++) {
        if (strcmp(all_commands[i].noun, noun) == 0 && all_commands[i].verb != NULL)
            printf(" %s", all_commands[i].verb);
    }
}

/* ---- bash, and zsh through bashcompinit ---- */

/* The words that may follow a flag with choices, for every such flag of every command. */
static void bash_choices(void)
{
    for (size_t i = 0; i < n_all_commands; i++) {
        const struct command *c = &all_commands[i];
        for (const struct flag *f = c->flags; f != NULL && f->type != FLAG_END; f++) {
            if (f->type != FLAG_CHOICE) continue;
            printf("    '%s%s%s --%s') COMPREPLY=($(compgen -W '", c->noun, c->verb != NULL ? " " : "",
                   c->verb != NULL ? c->verb : "", f->name);
            choices_print(f->value);
            printf("' -- \"$cur\")); return;;\n");
        }
    }
}

static void bash_commands(void)
{
    for (size_t i = 0; i < n_all_commands; i++) {
        const struct command *c = &all_commands[i];
        printf("    '%s%s%s') words='", c->noun, c->verb != NULL ? " " : "", c->verb != NULL ? c->verb : "");
        flags_print(c->flags);
        flags_print(global_flags);
        printf("';;\n");
    }
    for (size_t i = 0; i < n_all_commands; i++) {
        if (!is_first_of_noun(i) || all_commands[i].verb == NULL) continue;
        printf("    '%s') words='", all_commands[i].noun);
        verbs_print(all_commands[i].noun);
        printf("';;\n");
    }
}

static void bash_print(void)
{
    puts("# bash completion of tidemark: source <(tidemark completion bash)\n"
         "_tidemark() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} noun= verb= command words= i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    case ${COMP_WORDS[i]} in\n"
         "      --context|--identity|--passphrase-file|-i) ((i++));;\n"
         "      -*) ;;\n"
         "      *) if [[ -z $noun ]]; then noun=${COMP_WORDS[i]}; elif [[ -z $verb ]]; then verb=${COMP_WORDS[i]}; "
         "fi;;\n"
         "    esac\n"
         "  done\n"
         "  command=$noun");
    printf("  case $noun in");
    for (size_t i = 0, n = 0; i < n_all_commands; i++) {
        if (is_first_of_noun(i) && all_commands[i].verb != NULL)
            printf("%s%s", n++ > 0 ? "|" : " ", all_commands[i].noun);
    }
    puts(") command=${noun}${verb:+ $verb};; esac\n  case \"$command $prev\" in");
    bash_choices();
    puts("  esac\n  case $command in");
    bash_commands();
    printf("    '') words='");
    for (size_t i = 0; i < n_all_commands; i++) {
        if (is_first_of_noun(i)) printf(" %s", all_commands[i].noun);
    }
    puts("';;\n  esac\n"
         "  if [[ $cur == -* || $command != \"$noun $verb\" && -z $verb && -n $words && $words != *--* || -z $command "
         "]]; then\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "  else\n"
         "    COMPREPLY=($(compgen -f -- \"$cur\"))\n"
         "  fi\n"
         "}\n"
         "complete -o filenames -F _tidemark tidemark");
}

/* ---- fish ---- */

/* A text in single quotes. */
static void quoted(const char *text)
{
    putchar('\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\') putchar('\\');
        putchar(*text);
    }
    putchar('\'');
}

static void fish_flags(const char *condition, const struct flag *table)
{
    for (const struct flag *f = table; f != NULL && f->type != FLAG_END; f++) {
        printf("complete -c tidemark%s -l %s", condition, f->name);
        if (f->letter != 0) printf(" -s %c", f->letter);
        if (f->type == FLAG_CHOICE) {
            printf(" -x -a '");
            choices_print(f->value);
            putchar('\'');
        } else if (f->type != FLAG_SWITCH) {
            printf(f->type == FLAG_FILE ? " -r" : " -x");
        }
        printf(" -d ");
        quoted(f->help);
        putchar('\n');
    }
}

static void fish_print(void)
{
    puts("# fish completion of tidemark: tidemark completion fish | source");
    fish_flags("", global_flags);
    for (size_t i = 0; i < n_all_commands; i++) {
        const struct command *c = &all_commands[i];
        char condition[160];
        if (is_first_of_noun(i)) {
            printf("complete -c tidemark -n __fish_use_subcommand -x -a %s -d ", c->noun);
            quoted(c->verb == NULL ? c->help : c->noun);
            putchar('\n');
        }
        if (c->verb != NULL) {
            printf("complete -c tidemark -n '__fish_seen_subcommand_from %s' -x -a %s -d ", c->noun, c->verb);
            quoted(c->help);
            putchar('\n');
        }
        snprintf(condition, sizeof condition, " -n '__fish_seen_subcommand_from %s%s%s'", c->noun,
                 c->verb != NULL ? "; and __fish_seen_subcommand_from " : "", c->verb != NULL ? c->verb : "");
        fish_flags(condition, c->flags);
    }
}

int completion_run(struct cli *cli)
{
    static const char *const shells[] = {"bash", "zsh", "fish"};
    const char *shell = args_value(&cli->args, 0);

    if (strcmp(shell, "bash") == 0) return bash_print(), EXIT_OK;
    if (strcmp(shell, "fish") == 0) return fish_print(), EXIT_OK;
    if (strcmp(shell, "zsh") == 0) {
        puts("autoload -U +X bashcompinit && bashcompinit");
        return bash_print(), EXIT_OK;
    }
    const char *nearest = word_nearest(shell, shells, ARRAY_N(shells));
    cli_error(cli, CODE_USAGE, "there is no completion for \"%s\"", shell);
    cli_hint(cli, nearest != NULL ? "Did you mean %s?" : "It is one of bash, zsh and fish%s.",
             nearest != NULL ? nearest : "");
    return cli_fail(cli, "%s", "");
}
