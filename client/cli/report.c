/*
 * Errors in three parts, remarks, interruptions; see cli.h and report.h.
 *
 * Always holds: an error is one line of text or one JSON object, on stderr; what the market or a file put into it is
 * escaped. Not here: the table of codes, which is the library's.
 */
#include "client/cli/report.h"

#include "client/cli/session.h"
#include "client/cli/text.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- making errors ---- */

int cli_error(struct cli *cli, int code, const char *message, ...)
{
    memset(&cli->error, 0, sizeof cli->error);
    tide_error_describe(code, &cli->error);
    cli->error.code = code;
    if (message == NULL) return code;

    va_list list;
    va_start(list, message);
    vsnprintf(cli->error.message, sizeof cli->error.message, message, list);
    va_end(list);
    return code;
}

void cli_hint(struct cli *cli, const char *hint, ...)
{
    va_list list;

    va_start(list, hint);
    vsnprintf(cli->error.hint, sizeof cli->error.hint, hint, list);
    va_end(list);
}

int cli_error_file(struct cli *cli, const char *verb, const char *path)
{
    const char *why = strerror(errno);
    return cli_error(cli, CODE_FILE, "cannot %s %s: %s", verb, path, why);
}

void cli_error_id(struct cli *cli, const char *command_id)
{
    size_t len = strlen(cli->error.hint);

    if (command_id[0] == '\0' || strstr(cli->error.message, command_id) != NULL) return;
    snprintf(cli->error.hint + len, sizeof cli->error.hint - len, "%sIts id: %s", len > 0 ? " " : "", command_id);
}

int exit_of_code(int code)
{
    if (code == 0) return EXIT_OK;
    if (code == CODE_USAGE) return EXIT_USAGE;
    if (code == CODE_INTERRUPTED) return EXIT_INTERRUPTED;
    if (code == CODE_UNKNOWN_OUTCOME) return EXIT_UNKNOWN;
    if (code == CODE_NO_IDENTITY || code == CODE_BAD_IDENTITY) return EXIT_ROLE;
    if (code == 605 || code == CODE_TIMEOUT) return EXIT_AGAIN;
    switch (code / 100) {
    case 1:
        return EXIT_AGAIN;
    case 3:
        return EXIT_ROLE;
    case 4:
    case 5:
        return EXIT_REFUSED;
    case 7:
        return EXIT_UNVERIFIED;
    default:
        return EXIT_FAILED;
    }
}

/* ---- printing them ---- */

static int fail_json(const struct cli *cli, const char *what)
{
    const struct tide_error *e = &cli->error;
    char message[sizeof e->message + 320];

    snprintf(message, sizeof message, "%s%s%s", what, what[0] != '\0' ? ": " : "", e->message);
    json_t *object = json_pack("{s:{s:i,s:s,s:s,s:s,s:b}}", "error", "code", e->code, "name", e->name, "message",
                               message, "hint", e->hint, "retry", e->retry);
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    char *safe = text != NULL ? json_escape(text) : NULL;
    if (safe != NULL)
        fprintf(stderr, "%s\n", safe);
    else
        fprintf(stderr, "{\"error\":{\"code\":%d,\"name\":\"%s\",\"message\":\"\",\"hint\":\"\",\"retry\":false}}\n",
                e->code, e->name);
    free(text);
    free(safe);
    json_decref(object);
    return exit_of_code(e->code);
}

/* A sentence in the middle of a line: small first letter (unless the word is all capitals), no full stop. */
static void sentence_inside(char *text)
{
    size_t len = strlen(text);

    if (isupper((unsigned char)text[0]) && !isupper((unsigned char)text[1]))
        text[0] = (char)tolower((unsigned char)text[0]);
    if (len > 0 && text[len - 1] == '.') text[len - 1] = '\0';
}

int cli_fail(struct cli *cli, const char *what, ...)
{
    char done[300], why[sizeof cli->error.message];
    va_list list;

    if (interrupted() && cli->error.code != CODE_UNKNOWN_OUTCOME) {
        struct tide_error was = cli->error;
        cli_error(cli, CODE_INTERRUPTED, NULL);
        if (was.code == CODE_INTERRUPTED) cli->error = was; /* it may name an id */
    }
    va_start(list, what);
    vsnprintf(done, sizeof done, what, list);
    va_end(list);
    fflush(stdout);
    if (cli->json) return fail_json(cli, done);

    memcpy(why, cli->error.message, sizeof why);
    if (done[0] != '\0') sentence_inside(why);
    char *safe_done = text_escape(done), *safe_why = text_escape(why), *hint = text_escape(cli->error.hint);
    size_t len = safe_why != NULL ? strlen(safe_why) : 0;
    bool ended = len > 0 && strchr(".?!", safe_why[len - 1]) != NULL;
    if (safe_done == NULL || safe_why == NULL || hint == NULL)
        fputs("tidemark: out of memory. Free some and try again.\n", stderr);
    else
        fprintf(stderr, "tidemark: %s%s%s%s %s\n", safe_done, safe_done[0] != '\0' ? ": " : "", safe_why,
                ended ? "" : ".", hint);
    free(safe_done);
    free(safe_why);
    free(hint);
    return exit_of_code(cli->error.code);
}

void talk(const struct cli *cli, const char *format, ...)
{
    va_list list;

    if (cli->quiet || cli->json) return;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
}

/* ---- interruption ---- */

static volatile sig_atomic_t was_interrupted;
static struct tide_market *volatile watched;

static void on_signal(int number)
{
    int kept = errno;

    (void)number;
    if (was_interrupted) _exit(EXIT_INTERRUPTED); /* asked twice: nothing is lost this way either */
    was_interrupted = 1;
    struct tide_market *market = watched;
    if (market != NULL) tide_market_interrupt(market);
    errno = kept;
}

void interruption_init(void)
{
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: questions must end as well */

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void interruption_watch(struct tide_market *market)
{
    watched = market;
}

bool interrupted(void)
{
    return was_interrupted != 0;
}

int pause_ms(struct cli *cli, unsigned ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    sigset_t both, before;

    /* Let in by ppoll alone: a signal between looking and sleeping would be slept through. */
    sigemptyset(&both);
    sigaddset(&both, SIGINT);
    sigaddset(&both, SIGTERM);
    sigprocmask(SIG_BLOCK, &both, &before);
    if (!interrupted()) ppoll(NULL, 0, &left, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return interrupted() ? cli_error(cli, CODE_INTERRUPTED, NULL) : 0;
}
