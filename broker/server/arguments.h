/*
 * The command line: words and flags, in any order. A flag is `--name`, `--name VALUE` or `--name=VALUE`; each has a
 * twin in the environment, TIDEMARK_<NAME>, which the command line overrides.
 */
#ifndef TIDEMARK_BROKER_ARGUMENTS_H
#define TIDEMARK_BROKER_ARGUMENTS_H

#include "broker/server/text.h"

struct flag {
    const char *name;   /* "port-base" */
    const char **value; /* NULL: a switch */
    bool *given;        /* set for switches */
};

/*
 * Takes `argc` arguments apart: flags into `flags`, words into `words` (at most `max_words`). False: what was wrong has
 * been said, with the nearest flag.
 */
MUST_USE bool arguments_parse(int argc, char **argv, const struct flag *flags, size_t n_flags, const char **words,
                              size_t max_words, size_t *n_words);

#endif
