/*
 * audit mirror, audit check: a regulator's copy of the log, and what it says when it is checked offline. All proving and
 * checking is the library's; here it is said.
 */
#include "client/cli/commands.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TELL_MS 500

static const struct column mirror_columns[] = {{"origin", "Log", COLUMN_TEXT, NULL},
                                               {"size", "Records", COLUMN_COUNT, NULL},
                                               {"added", "Fetched now", COLUMN_COUNT, NULL},
                                               {"evidence", "Evidence fetched now", COLUMN_COUNT, NULL},
                                               {"wanted", "Evidence wanted still", COLUMN_COUNT, NULL},
                                               {"wrong", "Of which given wrongly", COLUMN_COUNT, NULL},
                                               {NULL, NULL, COLUMN_END, NULL}};

static const struct column check_columns[] = {{"origin", "Log", COLUMN_TEXT, NULL},
                                              {"size", "Records", COLUMN_COUNT, NULL},
                                              {"statements", "Statements", COLUMN_COUNT, NULL},
                                              {"signatures", "Signatures", COLUMN_COUNT, NULL},
                                              {"settlements", "Settlements", COLUMN_COUNT, NULL},
                                              {"right", "Disputes judged rightly", COLUMN_COUNT, NULL},
                                              {"false_verdicts", "False verdicts", COLUMN_COUNT, NULL},
                                              {"unjudged", "Disputes not judged here", COLUMN_COUNT, NULL},
                                              {"n_alarms", "Alarms", COLUMN_COUNT, NULL},
                                              {NULL, NULL, COLUMN_END, NULL}};

static const struct column dispute_columns[] = {{"trade", "Trade", COLUMN_INDEX, NULL},
                                                {"dispute", "Dispute", COLUMN_INDEX, NULL},
                                                {"verdict", "Verdict", COLUMN_INDEX, NULL},
                                                {"stated", "Verdict says", COLUMN_TEXT, NULL},
                                                {"judged", "Judged again", COLUMN_TEXT, NULL},
                                                {"outcome", "Outcome", COLUMN_TEXT, NULL},
                                                {NULL, NULL, COLUMN_END, NULL}};

/* ---- progress, in records ---- */

struct records_progress {
    const struct cli *cli;
    bool terminal, drawn;
    uint64_t told_ms;
    unsigned tenths;
};

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool records_step(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    struct records_progress *p = ctx;
    unsigned tenths = total == 0 ? 10 : (unsigned)(done * 10 / total); /* both below 2^53 */

    if (interrupted()) return false;
    if (p->cli->quiet || (p->cli->json && !p->terminal)) return true;
    if (p->terminal && now_ms() - p->told_ms >= TELL_MS) {
        fprintf(stderr, "\r\033[K%s  %" PRIu64 " of %" PRIu64 " records", what, done, total);
        p->told_ms = now_ms();
        p->drawn = true;
    } else if (!p->terminal && tenths > p->tenths) {
        fprintf(stderr, "%s %u %%  %" PRIu64 " of %" PRIu64 " records\n", what, tenths * 10, done, total);
        p->tenths = tenths;
    }
    return true;
}

static void records_end(const struct records_progress *p)
{
    if (p->drawn) fputs("\r\033[K", stderr);
}

static struct records_progress records_begin(const struct cli *cli)
{
    return (struct records_progress){.cli = cli, .terminal = isatty(STDERR_FILENO) != 0};
}

/* ---- audit mirror ---- */

int audit_mirror(struct cli *cli)
{
    const char *dir = args_value(&cli->args, 0);
    bool follow = args_has(&cli->args, "follow");
    struct tide_doc *report = NULL;

    if (session_open(cli) != 0) return cli_fail(cli, "cannot mirror the log");
    struct records_progress progress = records_begin(cli);
    int code = tide_audit_mirror(cli->market, dir, follow, records_step, &progress, &report, &cli->error);
    records_end(&progress);
    if (code != 0) return cli_fail(cli, "cannot mirror the log to %s", dir);
    json_t *row = doc_json(report);
    code = show_card(cli, mirror_columns, row, NULL);
    if (get_u64(row, "wrong") > 0) {
        cli_error(cli, CODE_FAILED, "the broker gave evidence of %" PRIu64 " disputes that is not what they name",
                  get_u64(row, "wrong"));
        code = cli_fail(cli, "the mirror in %s is complete but for evidence", dir);
    } else if (get_u64(row, "wanted") > 0) {
        talk(cli, "The broker did not give the evidence of %" PRIu64 " disputes; the next run asks again.",
             get_u64(row, "wanted"));
    }
    json_decref(row);
    tide_doc_free(&report);
    return code;
}

/* ---- audit check ---- */

static const char *outcome_words(const char *outcome)
{
    static const char *const words[][2] = {
        {"right", "as the evidence shows"},
        {"false", "NOT what the evidence shows"},
        {"missing", "its evidence is not in the mirror"},
        {"changed", "the evidence in the mirror is another"},
        {"not_sealed_to_you", "its evidence is not sealed to you"},
        {"no_identity", "not judged: give -i"},
        {"open", "no verdict yet"},
    };

    for (size_t i = 0; i < ARRAY_N(words); i++)
        if (strcmp(words[i][0], outcome) == 0) return words[i][1];
    return outcome;
}

/* Disputes as a table with the outcomes in words. */
static void disputes_show(struct cli *cli, const json_t *report)
{
    json_t *rows = json_deep_copy(get_list(report, "disputes")), *row;
    size_t i;

    json_array_foreach(rows, i, row) set_text(row, "outcome", outcome_words(get_text(row, "outcome")));
    if (json_array_size(rows) > 0) {
        puts("");
        show_table(cli, dispute_columns, rows, NULL, NULL);
    }
    json_decref(rows);
}

static void alarms_show(const json_t *report)
{
    const json_t *alarms = get_list(report, "alarms"), *alarm;
    size_t i;

    if (json_array_size(alarms) > 0) puts("");
    json_array_foreach(alarms, i, alarm)
    {
        char *words = get_escaped(alarm, "words");
        printf("ALARM  record %" PRIu64 ": %s\n", get_u64(alarm, "record"), words);
        free(words);
    }
}

/* What was found; 3 where disputes could not be judged here. */
static int check_show(struct cli *cli, const char *dir, const json_t *report, int code)
{
    if (cli->json) {
        show_json(cli, report);
    } else {
        show_card(cli, check_columns, report, NULL);
        disputes_show(cli, report);
        alarms_show(report);
        fflush(stdout);
    }
    if (code != 0) return cli_fail(cli, "%s is not what a true log is", dir);
    talk(cli, "Every record is in the signed log, every signature and settlement is right.");
    if (get_u64(report, "unjudged") == 0) return EXIT_OK;
    talk(cli, "%" PRIu64 " %s not judged again.", get_u64(report, "unjudged"),
         get_u64(report, "unjudged") == 1 ? "dispute was" : "disputes were");
    return EXIT_PARTLY;
}

/* Who opens evidence: the identity that was named, or the context's; nobody without either. */
static int check_identity(struct cli *cli)
{
    if (args_text(&cli->args, "identity") == NULL && !cli->has_context) return 0;
    return session_identity(cli);
}

int audit_check(struct cli *cli)
{
    const char *dir = args_value(&cli->args, 0), *key = args_text(&cli->args, "key");
    const char *url = cli->has_context ? cli->context.url : NULL;
    struct tide_doc *doc = NULL;

    if (check_identity(cli) != 0) return cli_fail(cli, "cannot check %s", dir);
    struct records_progress progress = records_begin(cli);
    int code = tide_audit_check(dir, cli->identity, key, key != NULL ? NULL : url, records_step, &progress, &doc, &cli->error);
    records_end(&progress);
    if (doc == NULL) return cli_fail(cli, "cannot check %s", dir);
    json_t *report = doc_json(doc);
    tide_doc_free(&doc);
    code = check_show(cli, dir, report, code);
    json_decref(report);
    return code;
}
