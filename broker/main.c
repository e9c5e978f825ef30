/*
 * tidemarkd: the broker's command line. One table of subcommands; each parses its own flags, checks that there is a
 * market, and calls what does the work (server/).
 */
#include "broker/server/arguments.h"
#include "broker/server/commands.h"
#include "broker/server/log.h"
#include "broker/server/market_dir.h"
#include "broker/server/processes.h"

#include <unistd.h>

#ifndef TIDEMARK_VERSION
#define TIDEMARK_VERSION "0"
#endif

struct command {
    const char *name, *usage, *summary;
    enum exit_status (*run)(const struct command *self, int argc, char **argv);
    int (*process)(const struct config *config); /* of those that serve */
};

static enum exit_status command_init(const struct command *self, int argc, char **argv);
static enum exit_status command_serve(const struct command *self, int argc, char **argv);
static enum exit_status command_verify(const struct command *self, int argc, char **argv);
static enum exit_status command_info(const struct command *self, int argc, char **argv);
static enum exit_status command_help(const struct command *self, int argc, char **argv);
static enum exit_status command_version(const struct command *self, int argc, char **argv);

static const struct command commands[] = {
    {"init", "DIR --name NAME --origin ORIGIN [--advertise HOST] [--listen ADDR] [--port-base N] [--json]",
     "make a market: keys, configuration, genesis", command_init, NULL},
    {"run", "DIR [--listen ADDR] [--port-base N]", "serve (foreground; SIGTERM drains)", command_serve, run_processes},
    {"broker", "DIR [--listen ADDR] [--port-base N]", "one of run's processes alone: statements and queries",
     command_serve, broker_process},
    {"auditor", "DIR [--listen ADDR] [--port-base N]", "one of run's processes alone: for regulators", command_serve,
     auditor_process},
    {"lobby", "DIR [--listen ADDR] [--port-base N]", "one of run's processes alone: for strangers", command_serve,
     lobby_process},
    {"verify", "DIR [--no-signatures] [--json]", "decide the whole journal again and compare", command_verify, NULL},
    {"info", "DIR [--json]", "URL, sizes, heads, counts, ports", command_info, NULL},
    {"help", "", "this text", command_help, NULL},
    {"version", "", "the version", command_version, NULL},
};

static enum exit_status complain_usage(const struct command *command)
{
    char todo[256];
    snprintf(todo, sizeof todo, "Usage: tidemarkd %s %s", command->name, command->usage);
    return complain(EXIT_USAGE, OUTCOME_C_USAGE, "something is missing on the command line", NULL, todo);
}

/* ---- init ---- */

static enum exit_status command_init(const struct command *self, int argc, char **argv)
{
    struct init_options o = {.port_base = 7420};
    const char *port_base = NULL, *words[1];
    size_t n_words;
    const struct flag flags[] = {
        {"name", &o.name, NULL}, {"origin", &o.origin, NULL}, {"advertise", &o.advertise, NULL},
        {"listen", &o.listen, NULL}, {"port-base", &port_base, NULL}, {"json", NULL, &o.json},
    };
    if (!arguments_parse(argc, argv, flags, ARRAY_LEN(flags), words, 1, &n_words)) return EXIT_USAGE;
    errors_as_json(o.json);
    if (n_words < 1 || !o.name || !o.origin) return complain_usage(self);
    uint64_t port = o.port_base;
    if (port_base && !text_number(port_base, 65000, &port))
        return complain(EXIT_USAGE, OUTCOME_C_USAGE, "--port-base is not understood",
                        "it is not a port up to 65000, nor 0 for free ones", "Give another, or leave it out.");
    o.port_base = (uint16_t)port;
    o.dir = words[0];
    process_harden();
    return init_command(&o);
}

/* ---- run, broker, auditor, lobby ---- */

static enum exit_status override(struct config *config, const char *flag, const char *key, const char *value)
{
    const char *expected = value ? config_set(config, key, value) : NULL;
    if (!expected) return EXIT_OK;
    char what[64], why[160];
    snprintf(what, sizeof what, "--%s is not understood", flag);
    snprintf(why, sizeof why, "expected %s", expected);
    return complain(EXIT_USAGE, OUTCOME_C_USAGE, what, why, "Give another, or leave it out.");
}

static enum exit_status complain_lock(const char *dir, enum tide_err err)
{
    char what[1200];
    snprintf(what, sizeof what, "cannot serve the market in %s", dir);
    if (err == TIDE_EBUSY)
        return complain(EXIT_FAILED, OUTCOME_C_FILE, what, "another tidemarkd is serving it",
                        "Stop that one first; two brokers would fork the log.");
    return complain(EXIT_FAILED, OUTCOME_C_FILE, what, tide_err_text(err),
                    "Check the permissions of the folder and its file `lock`.");
}

static enum exit_status command_serve(const struct command *self, int argc, char **argv)
{
    const char *listen = NULL, *port_base = NULL, *words[1];
    size_t n_words;
    const struct flag flags[] = {{"listen", &listen, NULL}, {"port-base", &port_base, NULL}};
    if (!arguments_parse(argc, argv, flags, ARRAY_LEN(flags), words, 1, &n_words)) return EXIT_USAGE;
    if (n_words < 1) return complain_usage(self);
    enum tide_err err = market_dir_check(words[0]);
    if (err) return complain_no_market(words[0], err);

    struct config config;
    char why[512];
    if (config_load(words[0], &config, why, sizeof why) != TIDE_OK)
        return complain(EXIT_USAGE, OUTCOME_C_FILE, "the configuration cannot be used", why,
                        "Correct it and start again.");
    enum exit_status status = override(&config, "listen", "doors.listen", listen);
    if (status == EXIT_OK) status = override(&config, "port-base", "doors.port_base", port_base);
    if (status != EXIT_OK) return status;

    /* Auditor and lobby alone stand beside a broker that holds the lock. */
    int lock = -1;
    bool writes = self->process == run_processes || self->process == broker_process;
    err = writes ? market_dir_lock(words[0], &lock) : TIDE_OK;
    if (err) return complain_lock(words[0], err);
    process_harden();
    log_set_level(config.log_level);
    int ended = self->process(&config);
    if (lock >= 0) close(lock);
    return (enum exit_status)ended;
}

/* ---- the others ---- */

static enum exit_status command_verify(const struct command *self, int argc, char **argv)
{
    bool json = false, no_signatures = false;
    const char *words[1];
    size_t n_words;
    const struct flag flags[] = {{"json", NULL, &json}, {"no-signatures", NULL, &no_signatures}};
    if (!arguments_parse(argc, argv, flags, ARRAY_LEN(flags), words, 1, &n_words)) return EXIT_USAGE;
    errors_as_json(json);
    return n_words < 1 ? complain_usage(self) : verify_command(words[0], !no_signatures, json);
}

static enum exit_status command_info(const struct command *self, int argc, char **argv)
{
    bool json = false;
    const char *words[1];
    size_t n_words;
    const struct flag flags[] = {{"json", NULL, &json}};
    if (!arguments_parse(argc, argv, flags, ARRAY_LEN(flags), words, 1, &n_words)) return EXIT_USAGE;
    errors_as_json(json);
    return n_words < 1 ? complain_usage(self) : info_command(words[0], json);
}

static enum exit_status command_help(const struct command *self, int argc, char **argv)
{
    (void)self, (void)argc, (void)argv;
    printf("tidemarkd, the broker of a Tidemark market\n\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        printf("    tidemarkd %s%s%s\n            %s\n", commands[i].name, *commands[i].usage ? " " : "",
               commands[i].usage, commands[i].summary);
    printf("\ntidemarkd COMMAND --help shows one of them. Every flag has a twin in the environment: --port-base is TIDEMARK_PORT_BASE.\n"
           "Exit status: 0 ok, 1 failed, 2 usage, 8 verification failed.\n");
    return EXIT_OK;
}

static enum exit_status command_version(const struct command *self, int argc, char **argv)
{
    (void)self, (void)argc, (void)argv;
    printf("tidemarkd %s\n", TIDEMARK_VERSION);
    return EXIT_OK;
}

/* --help or -h among a command's arguments. */
static bool help_is_wanted(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    return false;
}

static enum exit_status help_one(const struct command *command)
{
    printf("Usage: tidemarkd %s%s%s\n\n%s\n", command->name, *command->usage ? " " : "", command->usage, command->summary);
    return EXIT_OK;
}

static enum exit_status unknown_command(const char *text)
{
    const char *names[ARRAY_LEN(commands)];
    char what[160], todo[160];
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) names[i] = commands[i].name;
    const char *nearest = text_nearest(text, names, ARRAY_LEN(commands));
    snprintf(what, sizeof what, "there is no command %.100s", text);
    if (nearest) snprintf(todo, sizeof todo, "Did you mean tidemarkd %s?", nearest);
    return complain(EXIT_USAGE, OUTCOME_C_USAGE, what, NULL, nearest ? todo : "tidemarkd help lists them.");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        command_help(NULL, 0, NULL);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
    if (strcmp(name, "--version") == 0) name = "version";
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(name, commands[i].name) != 0) continue;
        if (help_is_wanted(argc - 2, argv + 2)) return (int)help_one(&commands[i]);
        return (int)commands[i].run(&commands[i], argc - 2, argv + 2);
    }
    return (int)unknown_command(argv[1]);
}
