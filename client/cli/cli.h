/*
 * What every command works with: the command line taken apart, the context, the market it opens, the error it ends
 * with. A command is a function of one file a noun; it prints data through show.h, talk through `talk`, and returns an
 * exit code, which for errors comes from `cli_fail`.
 */
#ifndef TIDEMARK_CLI_CLI_H
#define TIDEMARK_CLI_CLI_H

#include "client/cli/context.h"
#include "client/cli/flags.h"
#include "tidemark.h"

#include <jansson.h>

enum exit_code {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_PARTLY = 3,  /* of several things, some were done */
    EXIT_ROLE = 4,    /* key or role */
    EXIT_AGAIN = 5,   /* the same again may help by itself */
    EXIT_UNKNOWN = 6, /* sent, no answer: the id to ask with is printed */
    EXIT_REFUSED = 7, /* by a rule of the market */
    EXIT_UNVERIFIED = 8,
    EXIT_INTERRUPTED = 130, /* by Ctrl-C or SIGTERM: nothing is lost either way */
};

/* Codes that commands raise themselves; the table is the library's. */
enum code {
    CODE_NOT_YET = 104,
    CODE_UNKNOWN_PARTY = 301,
    CODE_NOT_YOURS = 304,
    CODE_NO_SUCH_LISTING = 401,
    CODE_NO_SUCH_PARTY = 404,
    CODE_NO_SUCH_RECORD = 405,
    CODE_NO_SUCH_REQUEST = 406,
    CODE_WRONG_STATE = 408,
    CODE_NOT_OPEN = 409,
    CODE_ORDER_CLOSED = 410,
    CODE_ALREADY_ENROLLED = 411,
    CODE_NO_SUCH_PROGRAMME = 415,
    CODE_NO_SUCH_WITHDRAWAL = 416,
    CODE_BAD_PRICE = 501,
    CODE_NO_FUNDS = 504,
    CODE_NOT_ALLOWED_FOR = 509,
    CODE_CORE_DATA = 511,
    CODE_NO_ASSESSMENT = 512,
    CODE_NO_LEGAL_BASIS = 513,
    CODE_NO_RIGHT = 514,
    CODE_NO_VOUCHER = 523,
    CODE_VOUCHER_NOT_FOR_THIS = 524,
    CODE_BAD_SAMPLE = 529,
    CODE_BAD_LOCATION = 531,
    CODE_USAGE = 601,
    CODE_NO_CONTEXT = 602,
    CODE_NO_IDENTITY = 603,
    CODE_BAD_IDENTITY = 604,
    CODE_UNKNOWN_OUTCOME = 606,
    CODE_FILE = 607,
    CODE_TIMEOUT = 608,
    CODE_NOT_CONFIRMED = 609,
    CODE_INTERNAL = 610,
    CODE_INTERRUPTED = 611,
    CODE_NO_MEMORY = 612,
    CODE_FAILED = 702,
    CODE_DAMAGED = 704,
};

struct cli {
    struct args args;
    bool json, quiet;
    bool terminal; /* stdout is one */
    bool color;
    bool has_context;
    struct context context;
    struct tide_identity *identity; /* session_identity, session_open */
    struct tide_market *market;     /* session_open */
    struct tide_error error;        /* of the last thing that failed */
};

extern const struct command all_commands[];
extern const size_t n_all_commands;

/* The whole program but for `main`: returns the exit code. */
int cli_run(int argc, char **argv);

/* ---- errors and talk: stderr ---- */

/*
 * Prints cli->error as "tidemark: <what>: <why>. <what to do>", or as JSON, and gives its exit code. `what` is a printf
 * format: "cannot bid on listing %llu".
 */
__attribute__((format(printf, 2, 3))) int cli_fail(struct cli *cli, const char *what, ...);

/* Sets cli->error from the table of codes; a message other than the table's, if not NULL. Returns the code. */
__attribute__((format(printf, 3, 4))) int cli_error(struct cli *cli, int code, const char *message, ...);
/* Another hint than the table's. */
__attribute__((format(printf, 2, 3))) void cli_hint(struct cli *cli, const char *hint, ...);
/* Code 607 with the file's name and errno. */
int cli_error_file(struct cli *cli, const char *verb, const char *path);
int exit_of_code(int code);

/* A remark for a person, one line; not in quiet or JSON mode. Texts of others must be escaped before. */
__attribute__((format(printf, 2, 3))) void talk(const struct cli *cli, const char *format, ...);

/* ---- interruption ---- */

/* True once Ctrl-C (or SIGTERM) came. */
bool interrupted(void);
/* Sleeps, but not through an interruption. Code 611 then, else 0. */
int pause_ms(struct cli *cli, unsigned ms);

#endif
