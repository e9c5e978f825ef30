/*
 * vend: grants trades as they come, and shows the samples that are drawn.
 *
 * Always holds: nothing is kept here. What waits is asked of the market each time, so that it can be stopped and started
 * anywhere, also twice. One trade or listing that cannot be served is told, and keeps no other waiting. Credentials go from
 * their file into a seal, and nowhere else.
 */
#include "client/cli/commands.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"
#include "client/cli/trade.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLL_MS 1000u
#define BACKOFF_MAX_MS 5000u /* a broker that is started again is to find its vendors soon */
#define TOLD_MAX 64u

/* One's trades as vendor that wait for their grant; NULL: cli->error. */
static json_t *waiting_trades(struct cli *cli)
{
    json_t *body = json_pack("{s:b}", "open_only", 1), *answer, *rows = json_array();
    const json_t *row;
    size_t i;

    if (session_pages(cli, "trades", body, "trades", "before", 0, &answer) != 0) {
        json_decref(rows);
        return NULL;
    }
    json_array_foreach(get_list(answer, "trades"), i, row)
    {
        bool waits = strcmp(get_text(row, "state"), "matched") == 0 && tide_identity_is(cli->identity, get_text(row, "vendor"));
        if (waits) json_array_append(rows, (json_t *)row);
    }
    json_decref(answer);
    return rows;
}

/* ---- credentials ---- */

/* Where the credentials of api and compute trades come from, and what was said of trades and listings that cannot be served. */
struct vending {
    struct cli *cli;
    const char *file, *dir; /* NULL: not given */
    uint64_t told; /* the newest trade that was said to have no credential */
    struct trouble {
        uint64_t name;
        int code;
    } troubles[TOLD_MAX]; /* the last ones said: not every second again */
    size_t n_troubles;
    unsigned n_sampled; /* in this round */
};

/* Reads a whole file of at most TIDE_CREDENTIAL_MAX bytes. False: errno. */
static bool credential_read(const char *path, uint8_t *out, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 1;
    uint8_t beyond;

    *len = 0;
    if (fd < 0) return false;
    while (n > 0) {
        bool full = *len == TIDE_CREDENTIAL_MAX;
        n = read(fd, full ? &beyond : out + *len, full ? 1 : TIDE_CREDENTIAL_MAX - *len);
        if (n > 0 && full) errno = EFBIG, n = -1;
        if (n > 0) *len += (size_t)n;
    }
    if (n == 0 && *len == 0) errno = ENODATA, n = -1;
    int why = errno;
    close(fd);
    errno = why;
    return n == 0;
}

static int credential_refuse(const char *path, struct tide_error *error)
{
    const char *why = errno == EFBIG ? "it is longer than the 4,096 bytes that a credential may have" : strerror(errno);

    tide_error_describe(CODE_FILE, error);
    error->code = CODE_FILE;
    snprintf(error->message, sizeof error->message, "The credential %.300s cannot be used: %s.", path, why);
    return error->code;
}

/* DIR/<trade>, or DIR/<listing>, or the one file: the first that is there. */
static int credential_give(void *ctx, const struct tide_doc *trade, uint8_t out[TIDE_CREDENTIAL_MAX], size_t *len,
                           struct tide_error *error)
{
    struct vending *from = ctx;
    const char *const fields[] = {"trade", "listing"};
    uint64_t name = tide_doc_u64(trade, "trade");
    char path[CONTEXT_PATH_MAX];

    for (size_t i = 0; from->dir != NULL && i < ARRAY_N(fields); i++) {
        snprintf(path, sizeof path, "%s/%" PRIu64, from->dir, tide_doc_u64(trade, fields[i]));
        if (credential_read(path, out, len)) return 0;
        if (errno != ENOENT) return credential_refuse(path, error);
    }
    if (from->file != NULL) return credential_read(from->file, out, len) ? 0 : credential_refuse(from->file, error);
    *len = 0;
    if (name <= from->told) return 0;
    from->told = name;
    talk(from->cli, "Trade %" PRIu64 " waits for its credential: %s", name,
         from->dir != NULL ? "it is not in --credential-dir." : "give --credential or --credential-dir.");
    return 0;
}

/* ---- what is told of a round ---- */

static bool was_said(struct vending *v, uint64_t name, int code)
{
    for (size_t i = 0; i < v->n_troubles && i < TOLD_MAX; i++)
        if (v->troubles[i].name == name && v->troubles[i].code == code) return true;
    v->troubles[v->n_troubles++ % TOLD_MAX] = (struct trouble){name, code};
    return false;
}

static void trouble_say(void *ctx, const char *what, uint64_t name, const struct tide_error *error)
{
    struct vending *v = ctx;
    char *message = text_escape(error->message);

    if (!was_said(v, name, error->code))
        talk(v->cli, "Not served: %s %" PRIu64 " (%s: %s) The others go on; it is tried again.", what, name, error->name,
             message != NULL ? message : "");
    free(message);
}

static void sampled_say(void *ctx, uint64_t listing)
{
    struct vending *v = ctx;

    v->n_sampled++;
    talk(v->cli, "Listing %" PRIu64 ": the samples that were drawn are shown.", listing);
}

/* ---- rounds ---- */

/* Prints those of `trades` that are granted now. */
static int granted_print(struct cli *cli, const json_t *trades)
{
    const json_t *was;
    size_t i;

    json_array_foreach(trades, i, was)
    {
        json_t *now;
        if (trade_row(cli, get_u64(was, "trade"), &now) != 0) return cli->error.code;
        json_object_del(now, "grant");
        if (strcmp(get_text(now, "state"), "matched") != 0) show_line(cli, trade_columns, now);
        json_decref(now);
    }
    return 0;
}

/* Serves what waits; *n says how much there was. With --once an error of one ends the command, too. */
static int vend_round(struct cli *cli, struct vending *v, bool once, size_t *n)
{
    const struct tide_vending vending = {.credential = credential_give, .trouble = once ? NULL : trouble_say,
                                         .sampled = sampled_say, .ctx = v};
    unsigned n_granted = 0;

    *n = 0;
    json_t *trades = waiting_trades(cli);
    if (trades == NULL) return cli->error.code;
    v->n_sampled = 0;
    int code = tide_vend_round(cli->market, &vending, &n_granted, &cli->error);
    *n = json_array_size(trades) + v->n_sampled;
    if (n_granted > 0) { /* before an error as well */
        struct tide_error was = cli->error;
        int printed = granted_print(cli, trades);
        if (code != 0)
            cli->error = was;
        else
            code = printed;
    }
    json_decref(trades);
    return code;
}

int vend_run(struct cli *cli)
{
    unsigned backoff = POLL_MS;
    bool once = args_has(&cli->args, "once");
    struct vending vending = {.cli = cli,
                              .file = args_text(&cli->args, "credential"),
                              .dir = args_text(&cli->args, "credential-dir")};
    size_t n;

    if (session_open(cli) != 0) return cli_fail(cli, "cannot vend");
    if (!once) talk(cli, "Waiting for trades; Ctrl-C stops, and nothing is lost.");
    for (;;) {
        int code = vend_round(cli, &vending, once, &n);
        bool again = code == 0 || cli->error.retry != 0 || code == CODE_FILE; /* a disk that is full may have room again */
        if (code == 0 && once && n == 0) talk(cli, "Nothing waits for a grant.");
        if (interrupted() || !again || (once && code != 0)) return cli_fail(cli, "cannot vend");
        if (once) return EXIT_OK;
        if (code != 0) talk(cli, "Not now (%s); trying again in %u s.", cli->error.name, backoff / 1000);
        if (pause_ms(cli, code == 0 ? POLL_MS : backoff) != 0) return cli_fail(cli, "stopped");
        backoff = code == 0 ? POLL_MS : backoff * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : backoff * 2;
    }
}
