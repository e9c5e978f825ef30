/*
 * Taking the command line apart (arguments.h). Not here: what flags mean (main.c).
 */
#include "broker/server/arguments.h"

#include <stdlib.h>

#define FLAGS_MAX 16

static const struct flag *find_flag(const struct flag *flags, size_t n, const char *name, size_t len)
{
    for (size_t i = 0; i < n; i++) {
        if (strlen(flags[i].name) == len && memcmp(flags[i].name, name, len) == 0) return &flags[i];
    }
    return NULL;
}

static bool unknown_flag(const char *text, const struct flag *flags, size_t n)
{
    const char *names[FLAGS_MAX];
    char what[160], todo[160];
    for (size_t i = 0; i < n; i++) names[i] = flags[i].name;
    const char *nearest = text_nearest(text + 2, names, n);
    snprintf(what, sizeof what, "unknown flag %.100s", text);
    if (nearest) snprintf(todo, sizeof todo, "The nearest is --%s; tidemarkd help lists all.", nearest);
    complain(EXIT_USAGE, OUTCOME_C_USAGE, what, NULL, nearest ? todo : "tidemarkd help lists them.");
    return false;
}

static bool wrong_flag(const char *name, const char *why)
{
    char what[160];
    snprintf(what, sizeof what, "--%s is not understood", name);
    complain(EXIT_USAGE, OUTCOME_C_USAGE, what, why, "tidemarkd help shows how it is used.");
    return false;
}

/* The flag at argv[*i], and its value, which may be the next argument. */
static bool take_flag(int argc, char **argv, int *i, const struct flag *flags, size_t n)
{
    const char *name = argv[*i] + 2, *equals = strchr(name, '=');
    const struct flag *flag = find_flag(flags, n, name, equals ? (size_t)(equals - name) : strlen(name));
    if (!flag) return unknown_flag(argv[*i], flags, n);
    if (!flag->value) {
        if (equals) return wrong_flag(flag->name, "it takes no value");
        *flag->given = true;
        return true;
    }
    if (!equals && *i + 1 >= argc) return wrong_flag(flag->name, "its value is missing");
    *flag->value = equals ? equals + 1 : argv[++*i];
    return true;
}

/* TIDEMARK_PORT_BASE for --port-base. */
static void take_environment(const struct flag *flags, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char name[64];
        snprintf(name, sizeof name, "TIDEMARK_%s", flags[i].name);
        for (char *c = name; *c; c++) *c = *c == '-' ? '_' : *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
        const char *value = getenv(name);
        if (!value || !*value) continue;
        if (flags[i].value) *flags[i].value = value;
        else *flags[i].given = strcmp(value, "0") != 0;
    }
}

bool arguments_parse(int argc, char **argv, const struct flag *flags, size_t n_flags, const char **words,
                     size_t max_words, size_t *n_words)
{
    ASSERT(n_flags <= FLAGS_MAX);
    *n_words = 0;
    bool only_words = false;
    take_environment(flags, n_flags);
    for (int i = 0; i < argc; i++) {
        if (!only_words && strcmp(argv[i], "--") == 0) {
            only_words = true;
        } else if (!only_words && strncmp(argv[i], "--", 2) == 0) {
            if (!take_flag(argc, argv, &i, flags, n_flags)) return false;
        } else if (*n_words >= max_words) {
            char what[160];
            snprintf(what, sizeof what, "%.100s is one word too many", argv[i]);
            complain(EXIT_USAGE, OUTCOME_C_USAGE, what, NULL, "Quote names with spaces; tidemarkd help shows how.");
            return false;
        } else {
            words[(*n_words)++] = argv[i];
        }
    }
    return true;
}
