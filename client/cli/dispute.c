/*
 * trade dispute, and what buy does when a delivery is bad; see dispute.h.
 *
 * Always holds: nothing is revealed before it was shown what and to whom, and a person typed yes or asked for it with a flag
 * that says so (--dispute, or --yes of trade dispute). A verdict that contradicts one's own examination is an alarm.
 */
#include "client/cli/dispute.h"

#include "client/cli/commands.h"
#include "client/cli/progress.h"
#include "client/cli/prompt.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"
#include "client/cli/trade.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct column verdict_columns[] = {{"trade", "Trade", COLUMN_INDEX, NULL},
                                                {"state", "State", COLUMN_STATE, NULL},
                                                {"finding", "Verdict", COLUMN_TEXT, NULL},
                                                {"found", "In words", COLUMN_TEXT, NULL},
                                                {"dispute", "Dispute (record)", COLUMN_INDEX, NULL},
                                                {"verdict", "Verdict (record)", COLUMN_INDEX, NULL},
                                                {"total", "Total (CNY)", COLUMN_MONEY, NULL},
                                                {"due", "Next deadline", COLUMN_TIME, NULL},
                                                {NULL, NULL, COLUMN_END, NULL}};

static const struct column examined_columns[] = {{"trade", "Trade", COLUMN_INDEX, NULL},
                                                 {"finding", "A judge would find", COLUMN_TEXT, NULL},
                                                 {"words", "In words", COLUMN_TEXT, NULL},
                                                 {"chunk", "Chunk", COLUMN_COUNT, NULL},
                                                 {"n_chunks", "Chunks in all", COLUMN_COUNT, NULL},
                                                 {"n_checked", "Chunks examined", COLUMN_COUNT, NULL},
                                                 {"samples", "Sample chunks", COLUMN_COUNT, NULL},
                                                 {NULL, NULL, COLUMN_END, NULL}};

/* ---- words ---- */

struct finding_name {
    const char *name, *words;
    bool fault;
};
static const struct finding_name finding_names[] = {
    {"not_proven", "every check holds", false},
    {"evidence_missing", "the evidence that was named never came", false},
    {"evidence_invalid", "the evidence does not belong to the trade", false},
    {"grant_unreadable", "what was granted does not open with the key it was asked for", true},
    {"wrong_key", "the key that was granted is not the one that the listing commits to", true},
    {"bad_ciphertext", "a chunk does not decrypt with the key that was granted", true},
    {"sample_mismatch", "a chunk is not what the vendor signed as its sample", true}};

static const struct finding_name *finding_find(const char *finding)
{
    for (size_t i = 0; i < ARRAY_N(finding_names); i++) {
        if (strcmp(finding, finding_names[i].name) == 0) return &finding_names[i];
    }
    return NULL;
}

bool verdict_refunds(const char *finding)
{
    const struct finding_name *found = finding_find(finding);
    return found != NULL && found->fault;
}

const char *finding_words(const char *finding)
{
    const struct finding_name *found = finding_find(finding);
    return found != NULL ? found->words : "";
}

static bool is_about_chunk(const char *finding)
{
    return strcmp(finding, "bad_ciphertext") == 0 || strcmp(finding, "sample_mismatch") == 0;
}

/* ---- the verdict ---- */

/* What an unexpected verdict means. */
static int verdict_alarm(struct cli *cli, uint64_t trade, const char *finding, const char *expected)
{
    cli_error(cli, CODE_FAILED, "the verdict on trade %" PRIu64 " is %s, but the evidence shows %s", trade, finding,
              expected);
    cli_hint(cli,
             "Tell the regulators, who can open the evidence and judge again; tidemark trade claim %" PRIu64
             " asks an arbiter.",
             trade);
    return cli_fail(cli, "%s", "");
}

static int verdict_show(struct cli *cli, json_t *row, const char *expected)
{
    char total[TEXT_MAX];
    const char *finding = get_text(row, "finding");
    uint64_t trade = get_u64(row, "trade");
    bool fault = verdict_refunds(finding);

    json_object_set_new(row, "found", json_string(finding_words(finding)));
    json_object_del(row, "text");
    json_object_del(row, "grant");
    int code = show_card(cli, verdict_columns, row, NULL);
    yuan_format(get_u64(row, "total"), total);
    if (code != EXIT_OK) return code;
    if (!fault && expected != NULL && verdict_refunds(expected)) return verdict_alarm(cli, trade, finding, expected);
    if (fault) {
        talk(cli, "The vendor is at fault: %s CNY are available again, and the vendor is marked.", total);
        return EXIT_OK;
    }
    talk(cli, "Nothing was proven: you are marked with an unproven dispute, and the trade's deadline goes on.");
    talk(cli, "If the data is not what was sold, an arbiter can rule: tidemark trade claim %" PRIu64 ".", trade);
    return EXIT_REFUSED;
}

int verdict_await(struct cli *cli, uint64_t trade, const char *expected)
{
    struct tide_doc *doc = NULL;

    talk(cli, "Disputed; waiting for the verdict.");
    if (tide_verdict_wait(cli->market, trade, wait_ms(cli), &doc, &cli->error) != 0)
        return cli_fail(cli, "disputed, but there is no verdict on trade %" PRIu64 " yet", trade);
    json_t *row = doc_json(doc);
    tide_doc_free(&doc);
    if (row == NULL) {
        cli_error(cli, CODE_NO_MEMORY, NULL);
        return cli_fail(cli, "cannot show the verdict");
    }
    int code = verdict_show(cli, row, expected);
    json_decref(row);
    return code;
}

/* ---- what a dispute reveals ---- */

/* The names of those who can open the evidence, each on its line. */
static int judges_show(struct cli *cli)
{
    json_t *answer;
    const json_t *row;
    size_t i;

    if (session_ask(cli, "judges", NULL, &answer) != 0) return cli->error.code;
    json_array_foreach(get_list(answer, "judges"), i, row)
    {
        char *name = get_escaped(row, "name");
        talk(cli, "  %s  %s%s", i == 0 ? "the broker   " : "the regulator", name,
             i == 0 ? ", which judges it at once" : ", who may judge it again");
        free(name);
    }
    json_decref(answer);
    return 0;
}

static int revealed_show(struct cli *cli, uint64_t trade, int64_t chunk)
{
    json_t *row;

    if (trade_row(cli, trade, &row) != 0) return cli->error.code;
    talk(cli, "A dispute is decided by its evidence, which only these can open:");
    if (judges_show(cli) != 0) {
        json_decref(row);
        return cli->error.code;
    }
    talk(cli, "The evidence reveals to them, and to nobody else:");
    talk(cli,
         "  the one-time secret of your bid %" PRIu64
         ": it opens what was granted in this trade (the key of the whole content, or the",
         get_u64(row, "bid"));
    talk(cli, "  credential), and nothing else of yours");
    if (chunk >= 0) talk(cli, "  chunk %" PRId64 " of the content, as the vendor sealed it", chunk);
    talk(cli, "The journal names the evidence by its hash. If it proves a fault, you have the money back at once and the "
              "vendor is marked;");
    talk(cli, "if it does not, you are marked and the trade goes on. A trade is disputed once.");
    json_decref(row);
    return 0;
}

/* Files and waits: an exit code. */
static int dispute_file(struct cli *cli, uint64_t trade, int64_t chunk, const char *expected)
{
    if (tide_dispute(cli->market, trade, chunk, NULL, &cli->error) != 0)
        return cli_fail(cli, "cannot dispute trade %" PRIu64, trade);
    return verdict_await(cli, trade, expected);
}

/* Whether a person was shown it: nobody is asked about what was not said. */
static bool is_shown(const struct cli *cli)
{
    return !cli->json && !cli->quiet;
}

/* ---- after a bad delivery ---- */

/* Whether it is to be disputed: 0, or the error that says why not, with the command for later. */
static int dispute_agreed(struct cli *cli, uint64_t trade, const struct tide_error *failed)
{
    char question[64];

    if (args_has(&cli->args, "dispute")) return 0;
    cli->error = *failed;
    cli_hint(cli, "Nothing was accepted: tidemark trade dispute %" PRIu64 " proves it, and you have the money back.",
             trade);
    if (!prompt_possible() || !is_shown(cli)) return cli->error.code;
    struct tide_error later = cli->error;
    snprintf(question, sizeof question, "Dispute trade %" PRIu64 "?", trade);
    if (confirm_typed(cli, question) == 0) return 0;
    if (cli->error.code != CODE_INTERRUPTED) cli->error = later;
    return cli->error.code;
}

int bad_delivery(struct cli *cli, uint64_t trade, const json_t *report)
{
    const char *finding = get_text(report, "finding");
    int64_t chunk = is_about_chunk(finding) ? (int64_t)get_u64(report, "chunk") : -1;
    struct tide_error failed = cli->error;
    json_t *row;

    talk(cli, "The delivery of trade %" PRIu64 " is bad. %s", trade, failed.message);
    if (trade_row(cli, trade, &row) != 0) return cli_fail(cli, "cannot look at trade %" PRIu64, trade);
    bool was_disputed = get_u64(row, "dispute") != 0,
         can_be = strcmp(get_text(row, "state"), "granted") == 0 && !was_disputed;
    json_decref(row);
    if (!can_be) {
        cli->error = failed;
        cli_hint(cli,
                 was_disputed ? "It was disputed before: tidemark trade claim %" PRIu64 " asks an arbiter."
                              : "It is final; tidemark trade show %" PRIu64 " says how it came to it.",
                 trade);
        return cli_fail(cli, "the delivery of trade %" PRIu64 " is bad", trade);
    }
    if (revealed_show(cli, trade, chunk) != 0)
        return cli_fail(cli, "cannot say what a dispute of trade %" PRIu64 " reveals", trade);
    if (dispute_agreed(cli, trade, &failed) != 0)
        return cli_fail(cli, "the delivery of trade %" PRIu64 " is bad", trade);
    int code = dispute_file(cli, trade, chunk, finding);
    if (code != EXIT_OK) return code;
    cli->error = failed;
    cli_hint(cli, "The vendor was found at fault: your money is available again.");
    return cli_fail(cli, "the delivery of trade %" PRIu64 " was bad", trade);
}

/* ---- trade dispute ---- */

int trade_examine(struct cli *cli, uint64_t trade, int64_t chunk, json_t **report)
{
    struct progress progress;
    struct tide_doc *doc = NULL;

    *report = NULL;
    progress_init(&progress, cli);
    int code = tide_examine(cli->market, trade, chunk, progress_step, &progress, &doc, &cli->error);
    progress_end(&progress);
    if (code != 0) return code;
    *report = doc_json(doc);
    tide_doc_free(&doc);
    return *report != NULL ? 0 : cli_error(cli, CODE_NO_MEMORY, NULL);
}

static void found_say(const struct cli *cli, uint64_t trade, const json_t *report, int64_t chunk)
{
    if (verdict_refunds(get_text(report, "finding")))
        talk(cli, "The delivery of trade %" PRIu64 " is bad. %s", trade, get_text(report, "words"));
    else
        talk(cli, "Nothing is wrong with chunk %" PRId64 ": a judge will find nothing, and you will be marked.", chunk);
}

/* Says what was found, and asks. 0: file it. */
static int found_confirm(struct cli *cli, uint64_t trade, const json_t *report, int64_t chunk)
{
    char question[64];

    found_say(cli, trade, report, chunk);
    if (revealed_show(cli, trade, chunk) != 0) return cli->error.code;
    if (!is_shown(cli) && !args_has(&cli->args, "yes")) {
        cli_error(cli, CODE_NOT_CONFIRMED,
                  "what a dispute reveals cannot be shown with --json or --quiet. Nothing was sent");
        cli_hint(cli, "Leave them out, or give --yes.");
        return cli->error.code;
    }
    snprintf(question, sizeof question, "Dispute trade %" PRIu64 "?", trade);
    return confirm(cli, question);
}

/* For programs: who would be shown it. */
static void judges_add(struct cli *cli, json_t *report)
{
    json_t *answer;

    if (session_ask(cli, "judges", NULL, &answer) != 0) return; /* asked again before anything is filed */
    json_object_set(report, "judges", json_object_get(answer, "judges"));
    json_decref(answer);
}

/* What was found, and, if it could be filed, what that would reveal. An exit code. */
static int examined_show(struct cli *cli, uint64_t trade, json_t *report, int64_t chunk, bool could_file)
{
    char reveals[96];

    if (could_file && cli->json) judges_add(cli, report);
    if (could_file && get_text(report, "reveals")[0] == '\0') { /* a chunk that is right, and was named all the same */
        snprintf(reveals, sizeof reveals, "the one-time secret of the bid, and chunk %" PRId64 " as it was sealed", chunk);
        set_text(report, "reveals", reveals);
    }
    if (!cli->json && !is_about_chunk(get_text(report, "finding"))) json_object_del(report, "chunk");
    if (!cli->json && get_u64(report, "n_chunks") == 0) { /* a credential */
        json_object_del(report, "n_chunks");
        json_object_del(report, "n_checked");
        json_object_del(report, "samples");
    }
    int code = show_card(cli, examined_columns, report, NULL);
    if (could_file) {
        found_say(cli, trade, report, chunk);
        if (revealed_show(cli, trade, chunk) != 0) return cli_fail(cli, "cannot say what a dispute reveals");
        talk(cli, "Not signed, not sent.");
        return code;
    }
    talk(cli, "Nothing is wrong with the delivery of trade %" PRIu64 "; nothing was filed.", trade);
    talk(cli, "If it is not what was sold, an arbiter can rule: tidemark trade claim %" PRIu64 ".", trade);
    return code;
}

/* Examines, and files if something is wrong or a chunk was named. An exit code. */
static int examine_and_file(struct cli *cli, uint64_t trade)
{
    bool named = args_text(&cli->args, "chunk") != NULL;
    int64_t chunk = named ? (int64_t)args_number(&cli->args, "chunk", 0) : -1;
    json_t *report;
    int code;

    if (trade_examine(cli, trade, chunk, &report) != 0)
        return cli_fail(cli, "cannot examine the delivery of trade %" PRIu64, trade);
    const char *finding = get_text(report, "finding");
    bool fault = verdict_refunds(finding);
    if (is_about_chunk(finding))
        chunk = (int64_t)get_u64(report, "chunk");
    else if (fault)
        chunk = -1;
    if (!fault && named && get_u64(report, "n_chunks") == 0) {
        cli_error(cli, CODE_USAGE, "a credential has no chunks");
        cli_hint(cli, "Leave --chunk out; tidemark trade claim %" PRIu64 " asks an arbiter.", trade);
        code = cli_fail(cli, "cannot dispute trade %" PRIu64, trade);
    } else if ((!fault && !named) || args_has(&cli->args, "dry-run")) {
        code = examined_show(cli, trade, report, chunk, fault || named);
    } else if (found_confirm(cli, trade, report, chunk) != 0) {
        code = cli_fail(cli, "cannot dispute trade %" PRIu64, trade);
    } else {
        code = dispute_file(cli, trade, chunk, finding);
    }
    json_decref(report);
    return code;
}

int trade_dispute(struct cli *cli)
{
    uint64_t trade;
    json_t *row = NULL;
    int code;

    if (!value_number(cli, 0, "trade", &trade)) return cli_fail(cli, "%s", "");
    if (trade_row(cli, trade, &row) != 0) return cli_fail(cli, "cannot dispute trade %" PRIu64, trade);
    bool mine = tide_identity_is(cli->identity, get_text(row, "buyer"));
    if (mine && get_u64(row, "verdict") != 0) {
        talk(cli, "Trade %" PRIu64 " was disputed before, and judged.", trade);
        code = verdict_show(cli, row, NULL);
    } else if (mine && get_u64(row, "dispute") != 0) {
        code = verdict_await(cli, trade, NULL);
    } else if (trade_answerable(cli, row) != 0) {
        code = cli_fail(cli, "cannot dispute trade %" PRIu64, trade);
    } else {
        code = examine_and_file(cli, trade);
    }
    json_decref(row);
    return code;
}
