/*
 * Takes a command line apart by the table of commands; see flags.h.
 *
 * Always holds: what args_parse accepts is complete and in bounds, so that a command only asks for what it needs.
 * Global flags stand anywhere; a command's own after its name. Not here: the table itself (commands.c), printing help
 * (help.c).
 */
#include "client/cli/flags.h"

#include "client/cli/text.h"
#include "client/cli/units.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const struct flag global_flags[] = {
    {"context", 0, FLAG_TEXT, false, false, "NAME", "the market to use, of those that connect saved"},
    {"identity", 'i', FLAG_FILE, false, false, "NAME|FILE", "who acts, instead of the context's identity"},
    {"passphrase-file", 0, FLAG_FILE, false, false, "FILE", "the identity's passphrase is this file's first line"},
    {"json", 0, FLAG_SWITCH, false, false, NULL, "print data and errors as JSON"},
    {"quiet", 'q', FLAG_SWITCH, false, false, NULL, "data and errors only: no progress, no remarks"},
    {"no-color", 0, FLAG_SWITCH, false, false, NULL, "no colours (so does the variable NO_COLOR)"},
    {"yes", 0, FLAG_SWITCH, false, false, NULL, "do not ask where money would be asked about"},
    {0},
};

#define SHARE_MAX_BP 10000 /* of a price one can pay the whole */

struct parser {
    const struct command *commands;
    size_t n_commands;
    struct args *out;
    char *why;
    size_t why_len;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct parser *p, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(p->why, p->why_len, format, list);
    va_end(list);
    return false;
}

/* ---- one flag ---- */

static const struct flag *table_find(const struct flag *table, const char *name, size_t len)
{
    for (; table != NULL && table->type != FLAG_END; table++) {
        if (strlen(table->name) == len && memcmp(table->name, name, len) == 0) return table;
        if (len == 1 && table->letter == name[0]) return table;
    }
    return NULL;
}

static const struct flag *flag_find(const struct command *command, const char *name, size_t len)
{
    const struct flag *flag = command != NULL ? table_find(command->flags, name, len) : NULL;
    return flag != NULL ? flag : table_find(global_flags, name, len);
}

static bool choice_holds(const char *choices, const char *text)
{
    size_t len = strlen(text);

    for (const char *at = choices; *at != '\0';) {
        size_t n = strcspn(at, "|");
        if (n == len && memcmp(at, text, len) == 0) return true;
        at += n + (at[n] == '|');
    }
    return false;
}

static bool switch_parse(const char *text, uint64_t *out)
{
    static const char *const on[] = {"1", "true", "yes", "on"}, *const off[] = {"", "0", "false", "no", "off"};

    for (size_t i = 0; i < ARRAY_N(on); i++) {
        if (strcmp(text, on[i]) == 0) return *out = 1, true;
    }
    *out = 0;
    for (size_t i = 0; i < ARRAY_N(off); i++) {
        if (strcmp(text, off[i]) == 0) return true;
    }
    return false;
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Reads `text` as the flag's type; `from` names it in the message ("--price" or "TIDEMARK_PRICE"). */
static bool value_parse(struct parser *p, const char *from, struct given *given)
{
    const char *text = given->text;

    switch (given->flag->type) {
    case FLAG_MONEY:
        if (yuan_parse(text, &given->number)) return true;
        return refuse(p, "%s: \"%s\" is not an amount. Give yuan, like 99.00", from, text);
    case FLAG_COUNT:
        if (count_parse(text, &given->number)) return true;
        return refuse(p, "%s: \"%s\" is not a number. Give digits only", from, text);
    case FLAG_QUANTITY:
        given->number = QUANTITY_UNLIMITED;
        if (strcmp(text, "unlimited") == 0 || (count_parse(text, &given->number) && given->number > 0)) return true;
        return refuse(p, "%s: \"%s\" is not a quantity. Give a number above 0%s", from, text,
                      strstr(given->flag->value, "unlimited") != NULL ? ", or unlimited" : "");
    case FLAG_TIME:
    case FLAG_UNTIL:
        if (moment_parse(text, now_ms(), given->flag->type == FLAG_UNTIL, &given->number)) return true;
        return refuse(p, "%s: \"%s\" is not a time. Give 2026-11-30T18:00 (Z behind it: UTC), 2026-11-30, or +2h", from,
                      text);
    case FLAG_SHARE:
        if (!share_parse(text, &given->number))
            return refuse(p, "%s: \"%s\" is not a share. Give per cent, like 30%%", from, text);
        if (given->number >= 1 && given->number <= SHARE_MAX_BP) return true;
        return refuse(p, "%s: %s is outside the range of 0.01%% to 100%%. Give a share in it, like 30%%", from, text);
    case FLAG_CHOICE:
        if (choice_holds(given->flag->value, text)) return true;
        return refuse(p, "%s: there is no \"%s\". It is one of %s", from, text, given->flag->value);
    case FLAG_SWITCH:
        if (switch_parse(text, &given->number)) return true;
        return refuse(p, "%s: \"%s\" is neither on nor off. Give 1 or 0", from, text);
    case FLAG_FILE: /* a file that is called "-" is never meant */
        if (strcmp(text, "-") != 0 || strcmp(given->flag->name, "out") != 0) return true;
        if (strstr(given->flag->help, "standard output") != NULL) return true;
        return refuse(p, "%s: only seal and open write to standard output. Give a file's name", from);
    case FLAG_TEXT:
    case FLAG_END:
        break;
    }
    return true;
}

static bool given_add(struct parser *p, const struct flag *flag, const char *from, const char *text)
{
    struct args *out = p->out;
    struct given given = {.flag = flag, .text = text};

    for (size_t i = 0; i < out->n_given && !flag->many; i++) {
        if (out->given[i].flag == flag) return refuse(p, "%s is given twice. Once is enough", from);
    }
    if (out->n_given == GIVEN_MAX) return refuse(p, "%s: too many flags. At most %d", from, GIVEN_MAX);
    if (!value_parse(p, from, &given)) return false;
    out->given[out->n_given++] = given;
    return true;
}

static bool flag_unknown(struct parser *p, const char *dashes, const char *typed, size_t len)
{
    const struct command *command = p->out->command;
    const char *names[64];
    size_t n = 0;
    char word[64];

    snprintf(word, sizeof word, "%.*s", (int)len, typed);
    const struct flag *const tables[] = {command != NULL ? command->flags : NULL, global_flags};
    for (size_t t = 0; t < ARRAY_N(tables); t++) {
        for (const struct flag *f = tables[t]; f != NULL && f->type != FLAG_END && n < ARRAY_N(names); f++) {
            names[n++] = f->name;
        }
    }
    const char *nearest = word_nearest(word, names, n);
    if (nearest != NULL) return refuse(p, "there is no flag %s%s here. Did you mean --%s?", dashes, word, nearest);
    if (command == NULL)
        return refuse(p, "there is no flag %s%s before a command. Put it after the command", dashes, word);
    return refuse(p, "there is no flag %s%s here. See tidemark %s%s%s --help", dashes, word, command->noun,
                  command->verb != NULL ? " " : "", command->verb != NULL ? command->verb : "");
}

/* A word that begins with a dash; *i moves on when its value is the next word. */
static bool flag_take(struct parser *p, int argc, char *const *argv, int *i)
{
    const char *arg = argv[*i];
    bool is_long = arg[1] == '-';
    const char *name = arg + (is_long ? 2 : 1);
    const char *equals = is_long ? strchr(name, '=') : NULL;
    size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
    char from[72];

    const struct flag *flag = (is_long && len == 1) ? NULL : flag_find(p->out->command, name, len);
    if (flag == NULL || (!is_long && len > 1)) return flag_unknown(p, is_long ? "--" : "-", name, len);
    snprintf(from, sizeof from, "%s%s", is_long ? "--" : "-", is_long ? flag->name : name);
    if (flag->type == FLAG_SWITCH) return given_add(p, flag, from, equals != NULL ? equals + 1 : "1");
    if (equals != NULL) return given_add(p, flag, from, equals + 1);
    if (*i + 1 >= argc) return refuse(p, "%s has no value. Give %s", from, flag->value);
    return given_add(p, flag, from, argv[++*i]);
}

/* ---- the command ---- */

static const struct command *command_find(const struct parser *p, const char *noun, const char *verb)
{
    for (size_t i = 0; i < p->n_commands; i++) {
        const struct command *c = &p->commands[i];
        if (strcmp(c->noun, noun) != 0) continue;
        if (c->verb == NULL || (verb != NULL && strcmp(c->verb, verb) == 0)) return c;
    }
    return NULL;
}

static bool noun_is_known(const struct parser *p, const char *noun)
{
    for (size_t i = 0; i < p->n_commands; i++) {
        if (strcmp(p->commands[i].noun, noun) == 0) return true;
    }
    return false;
}

/* `bid` alone: the commands of that verb. False: there is none. */
static bool verb_suggest(struct parser *p, const char *verb)
{
    char found[200] = "";
    size_t n = 0;

    for (size_t i = 0; i < p->n_commands && n < 4; i++) {
        const struct command *c = &p->commands[i];
        size_t len = strlen(found);
        if (c->verb == NULL || strcmp(c->verb, verb) != 0) continue;
        snprintf(found + len, sizeof found - len, "%stidemark %s %s", n++ > 0 ? ", " : "", c->noun, c->verb);
    }
    if (n == 0) return false;
    refuse(p, "there is no command %s. Did you mean %s%s?", verb, n > 1 ? "one of these: " : "", found);
    return true;
}

static bool command_unknown(struct parser *p)
{
    const char *noun = p->out->word[0], *verb = p->out->word[1];
    char typed[64], names[128][40];
    const char *words[128];
    size_t n = 0;
    bool known = noun_is_known(p, noun);

    for (size_t i = 0; i < p->n_commands && n < ARRAY_N(words); i++) {
        const struct command *c = &p->commands[i];
        if (known && strcmp(c->noun, noun) != 0) continue;
        bool whole = verb != NULL && c->verb != NULL;
        snprintf(names[n], sizeof names[n], "%s%s%s", c->noun, whole ? " " : "", whole ? c->verb : "");
        words[n] = names[n];
        n++;
    }
    snprintf(typed, sizeof typed, "%s%s%s", noun, verb != NULL ? " " : "", verb != NULL ? verb : "");
    if (known && verb == NULL) return refuse(p, "%s needs a verb. See tidemark %s --help", noun, noun);
    const char *nearest = word_nearest(typed, words, n);
    if (!known && verb_suggest(p, noun)) return false;
    if (nearest == NULL && known) return refuse(p, "there is no command %s. See tidemark %s --help", typed, noun);
    if (nearest == NULL) return refuse(p, "there is no command %s. tidemark help lists them", noun);
    return refuse(p, "there is no command %s. Did you mean tidemark %s?", known ? typed : noun, nearest);
}

/* A word: the noun, its verb, or a value. */
static bool word_take(struct parser *p, const char *text)
{
    struct args *out = p->out;

    if (out->command != NULL) {
        if (out->n_values == GIVEN_MAX) return refuse(p, "too many values. At most %d", GIVEN_MAX);
        out->values[out->n_values++] = text;
        return true;
    }
    out->word[out->word[0] == NULL ? 0 : 1] = text;
    out->command = command_find(p, out->word[0], out->word[1]);
    if (out->command != NULL || (out->word[1] == NULL && noun_is_known(p, out->word[0]))) return true;
    return command_unknown(p);
}

void values_bounds(const char *values, size_t *min, size_t *max)
{
    *min = *max = 0;
    for (const char *at = values; at != NULL && *at != '\0';) {
        size_t n = strcspn(at, " ");
        bool many = memmem(at, n, "...", 3) != NULL;
        *min += *at != '[';
        *max = many || *max == GIVEN_MAX ? GIVEN_MAX : *max + 1;
        at += n + (at[n] == ' ');
    }
}

/* ---- the environment ---- */

static bool environment_take(struct parser *p, const struct flag *table)
{
    for (; table != NULL && table->type != FLAG_END; table++) {
        char name[80] = "TIDEMARK_";
        size_t at = strlen(name);
        bool given = false;

        if (strcmp(table->name, "yes") == 0) continue;
        for (const char *from = table->name; *from != '\0' && at + 1 < sizeof name; from++) {
            name[at++] = *from == '-' ? '_' : (char)toupper((unsigned char)*from);
        }
        for (size_t i = 0; i < p->out->n_given; i++) given |= p->out->given[i].flag == table;
        const char *text = given ? NULL : getenv(name);
        if (text != NULL && text[0] != '\0' && !given_add(p, table, name, text)) return false;
    }
    return true;
}

/* ---- the whole ---- */

static bool whole_check(struct parser *p)
{
    const struct args *out = p->out;
    const struct command *command = out->command;
    size_t min, max;

    values_bounds(command->values, &min, &max);
    if (out->n_values < min) return refuse(p, "a value is missing. It takes %s", command->values);
    if (out->n_values > max) {
        return refuse(p, "\"%s\" is one value too many. It takes %s", out->values[max],
                      max > 0 ? command->values : "none");
    }
    for (const struct flag *f = command->flags; f != NULL && f->type != FLAG_END; f++) {
        if (f->needed && !args_has(out, f->name))
            return refuse(p, "--%s is missing. Give --%s %s", f->name, f->name, f->value);
    }
    return true;
}

bool args_parse(int argc, char *const *argv, const struct command *commands, size_t n_commands, struct args *out,
                char *why, size_t why_len)
{
    struct parser p = {commands, n_commands, out, why, why_len};
    bool words_only = false;

    memset(out, 0, sizeof *out);
    why[0] = '\0';
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (words_only || arg[0] != '-' || arg[1] == '\0') {
            if (!word_take(&p, arg)) return false;
        } else if (strcmp(arg, "--") == 0) {
            words_only = true;
        } else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            out->help = true;
        } else if (strcmp(arg, "--version") == 0 && out->command == NULL) {
            if (!word_take(&p, "version")) return false;
        } else if (!flag_take(&p, argc, argv, &i)) {
            return false;
        }
    }
    if (out->help) return true;
    if (out->word[0] == NULL) return refuse(&p, "no command. tidemark help lists them");
    if (out->command == NULL) return command_unknown(&p);
    return environment_take(&p, global_flags) && environment_take(&p, out->command->flags) && whole_check(&p);
}

/* ---- what was given ---- */

static const struct flag *flag_must(const struct args *args, const char *name)
{
    const struct flag *flag = flag_find(args->command, name, strlen(name));
    if (flag == NULL) abort(); /* the table and the command disagree */
    return flag;
}

static const struct given *given_find(const struct args *args, const char *name, size_t which)
{
    const struct flag *flag = flag_must(args, name);

    for (size_t i = 0; i < args->n_given; i++) {
        if (args->given[i].flag == flag && which-- == 0) return &args->given[i];
    }
    return NULL;
}

bool args_has(const struct args *args, const char *name)
{
    const struct given *given = given_find(args, name, 0);
    return given != NULL && (given->flag->type != FLAG_SWITCH || given->number != 0);
}

const char *args_text(const struct args *args, const char *name)
{
    return args_each(args, name, 0);
}

uint64_t args_number(const struct args *args, const char *name, uint64_t otherwise)
{
    const struct given *given = given_find(args, name, 0);
    return given != NULL ? given->number : otherwise;
}

const char *args_each(const struct args *args, const char *name, size_t i)
{
    const struct given *given = given_find(args, name, i);
    return given != NULL ? given->text : NULL;
}

const char *args_value(const struct args *args, size_t i)
{
    return i < args->n_values ? args->values[i] : NULL;
}
