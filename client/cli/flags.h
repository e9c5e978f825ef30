/*
 * The command line, read by a table: each command names its values and flags once, and from that follow parsing, help
 * and completion. Every flag but --yes has a twin in the environment, TIDEMARK_<FLAG>; the command line wins.
 */
#ifndef TIDEMARK_CLI_FLAGS_H
#define TIDEMARK_CLI_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum flag_type {
    FLAG_END,      /* ends a table */
    FLAG_SWITCH,   /* --json */
    FLAG_TEXT,     /* any text */
    FLAG_FILE,     /* a file's name (for completion) */
    FLAG_MONEY,    /* yuan, carried in fen */
    FLAG_COUNT,    /* a number */
    FLAG_QUANTITY, /* a number above 0, or "unlimited" */
    FLAG_CHOICE,   /* one of `choices` */
    FLAG_TIME,     /* a moment, as Unix milliseconds; a date is its first moment */
    FLAG_UNTIL,    /* the same; a date is the moment it ends */
    FLAG_SHARE,    /* per cent, carried in basis points */
};

struct flag {
    const char *name; /* without the dashes */
    char letter;      /* -o, or 0 */
    enum flag_type type;
    bool many; /* may be given more than once */
    bool needed;
    const char *value; /* what help calls the value; FLAG_CHOICE: the choices, "dataset|model" */
    const char *help;
};

struct cli;

struct command {
    const char *noun;
    const char *verb;   /* NULL: a one-word command */
    const char *values; /* "PARTY AMOUNT", "[CODE]", "WORDS..." */
    const struct flag *flags;
    int (*run)(struct cli *cli); /* gives the exit code */
    const char *help;            /* one line */
};

#define QUANTITY_UNLIMITED UINT64_MAX
#define GIVEN_MAX 256

struct given {
    const struct flag *flag;
    const char *text;
    uint64_t number; /* of the types that are carried as numbers; switches: 1 or 0 */
};

/* A command line taken apart. Texts are argv's and the environment's own. */
struct args {
    const struct command *command;
    struct given given[GIVEN_MAX];
    size_t n_given;
    const char *values[GIVEN_MAX];
    size_t n_values;
    bool help;           /* --help or -h: nothing was checked */
    const char *word[2]; /* the first two words, for help and for saying what was typed wrongly */
};

extern const struct flag global_flags[];

/*
 * Takes argv apart by the table of commands. False: `why` says what was not understood and what was probably meant.
 * With `help` set, out->command may be NULL (words then say what help is asked for).
 */
bool args_parse(int argc, char *const *argv, const struct command *commands, size_t n_commands, struct args *out,
                char *why, size_t why_len);

/* How many values a command takes at least and at most, from its `values` text. */
void values_bounds(const char *values, size_t *min, size_t *max);

/* What was given. The name must be in the command's tables: anything else is a mistake of ours and ends the program. */
bool args_has(const struct args *args, const char *name);
const char *args_text(const struct args *args, const char *name); /* NULL: not given */
uint64_t args_number(const struct args *args, const char *name, uint64_t otherwise);
/* The i-th text of a repeated flag, or NULL. */
const char *args_each(const struct args *args, const char *name, size_t i);
/* The i-th value, or NULL. */
const char *args_value(const struct args *args, size_t i);

#endif
