/*
 * trade list, show, fetch, accept, receipt: trades by hand.
 */
#include "client/cli/trade.h"

#include "client/cli/commands.h"
#include "client/cli/dispute.h"
#include "client/cli/progress.h"
#include "client/cli/prompt.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct column trade_columns[] = {{"trade", "Trade", COLUMN_INDEX, NULL},
                                       {"listing", "Listing", COLUMN_INDEX, NULL},
                                       {"traded_at", "Traded", COLUMN_TIME, NULL},
                                       {"state", "State", COLUMN_STATE, NULL},
                                       {"quantity", "Quantity", COLUMN_COUNT, NULL},
                                       {"total", "Total (CNY)", COLUMN_MONEY, NULL},
                                       {"due", "Due", COLUMN_TIME, NULL},
                                       {"buyer_name", "Buyer", COLUMN_LONG, NULL},
                                       {"vendor_name", "Vendor", COLUMN_LONG, NULL},
                                       {"title", "Title", COLUMN_LONG, NULL},
                                       {NULL, NULL, COLUMN_END, NULL}};

static const struct column one_columns[] = {{"trade", "Trade", COLUMN_INDEX, NULL},
                                            {"state", "State", COLUMN_STATE, NULL},
                                            {"listing", "Listing", COLUMN_INDEX, NULL},
                                            {"title", "Title", COLUMN_TEXT, NULL},
                                            {"traded_at", "Traded", COLUMN_TIME, NULL},
                                            {"due", "Next deadline", COLUMN_TIME, NULL},
                                            {"buyer_name", "Buyer", COLUMN_TEXT, NULL},
                                            {"buyer", "Buyer's party", COLUMN_TEXT, NULL},
                                            {"vendor_name", "Vendor", COLUMN_TEXT, NULL},
                                            {"vendor", "Vendor's party", COLUMN_TEXT, NULL},
                                            {"quantity", "Quantity", COLUMN_COUNT, NULL},
                                            {"price", "Price (CNY)", COLUMN_MONEY, NULL},
                                            {"total", "Total (CNY)", COLUMN_MONEY, NULL},
                                            {"fee", "Fee (CNY)", COLUMN_MONEY, NULL},
                                            {"voucher", "Voucher pays (CNY)", COLUMN_MONEY, NULL},
                                            {"programme", "Voucher programme", COLUMN_INDEX, NULL},
                                            {"arbiter", "Arbiter", COLUMN_TEXT, NULL},
                                            {"bond", "Bond (CNY)", COLUMN_MONEY, NULL},
                                            {"overdue", "Ruling overdue", COLUMN_YES, NULL},
                                            {"bid", "Bid", COLUMN_INDEX, NULL},
                                            {"ask", "Ask", COLUMN_INDEX, NULL},
                                            {"final_record", "Final record", COLUMN_INDEX, NULL},
                                            {"text", "Settlement text", COLUMN_TEXT, NULL},
                                            {"dispute", "Disputed (record)", COLUMN_INDEX, NULL},
                                            {"verdict", "Verdict (record)", COLUMN_INDEX, NULL},
                                            {"found", "Verdict", COLUMN_TEXT, NULL},
                                            {NULL, NULL, COLUMN_END, NULL}};

int trade_list(struct cli *cli)
{
    json_t *body = json_object(), *answer;

    json_object_set_new(body, "open_only", json_boolean(args_has(&cli->args, "open")));
    set_u64(body, "before", args_number(&cli->args, "before", 0));
    if (session_pages(cli, "trades", body, "trades", "before", args_number(&cli->args, "limit", 0), &answer) != 0) {
        return cli_fail(cli, "cannot list your trades");
    }
    int code = show_table(cli, trade_columns, get_list(answer, "trades"), answer, "No trades.");
    json_decref(answer);
    return code;
}

int trade_row(struct cli *cli, uint64_t trade, json_t **row)
{
    json_t *answer;

    *row = NULL;
    if (session_ask(cli, "trade", json_pack("{s:I}", "trade", (json_int_t)trade), &answer) != 0) return cli->error.code;
    *row = json_deep_copy(get_first(answer, "row"));
    json_decref(answer);
    return *row != NULL ? 0 : cli_error(cli, CODE_INTERNAL, "the answer has no trade in it");
}

/* What only some trades have is not shown of the others, on a terminal. */
static void row_trim(json_t *row)
{
    static const char *const some[] = {"programme", "voucher", "bond", "overdue", "dispute", "verdict"};

    for (size_t i = 0; i < ARRAY_N(some); i++) {
        if (get_u64(row, some[i]) == 0) json_object_del(row, some[i]);
    }
    json_object_del(row, "text"); /* shown as a block below */
}

/* What the verdict said, in words. */
static void found_add(json_t *shown, const json_t *row)
{
    const char *finding = get_text(row, "finding");
    char words[160];

    if (get_u64(row, "dispute") == 0) return;
    if (get_u64(row, "verdict") == 0) {
        json_object_set_new(shown, "found", json_string("not there yet: the broker judges the evidence"));
        return;
    }
    snprintf(words, sizeof words, "%s: %s", finding, finding_words(finding));
    json_object_set_new(shown, "found", json_string(words));
}

int trade_show(struct cli *cli)
{
    uint64_t trade;
    json_t *row;

    if (!value_number(cli, 0, "trade", &trade)) return cli_fail(cli, "%s", "");
    if (trade_row(cli, trade, &row) != 0) return cli_fail(cli, "cannot show trade %" PRIu64, trade);
    json_t *shown = json_deep_copy(row);
    found_add(shown, row);
    if (cli->terminal) row_trim(shown);
    int code = show_card(cli, one_columns, shown, row);
    if (code == EXIT_OK && cli->terminal && !cli->json) {
        puts("\nSettlement text");
        show_block(cli, true, get_text(row, "text"));
    }
    json_decref(shown);
    json_decref(row);
    return code;
}

int trade_download(struct cli *cli, uint64_t trade, const char *out, json_t **report)
{
    struct progress progress;
    struct tide_doc *doc = NULL;

    *report = NULL;
    if (session_open(cli) != 0) return cli->error.code;
    progress_init(&progress, cli);
    int code = tide_fetch_report(cli->market, trade, out, args_text(&cli->args, "keep-sealed"),
                                 args_text(&cli->args, "keep-key"), progress_step, &progress, &doc, &cli->error);
    progress_end(&progress);
    if (doc != NULL) *report = doc_json(doc);
    tide_doc_free(&doc);
    if (code == 0 && get_u64(*report, "n_chunks") == 0)
        talk(cli, "The credential opens, and is in %s, which nobody else can read.", out);
    else if (code == 0)
        talk(cli, "What was delivered is what the listing committed to, and is in %s.", out);
    return code;
}

/* What comes after a download, if anything does. */
static void next_say(struct cli *cli, uint64_t trade)
{
    json_t *row;

    if (trade_row(cli, trade, &row) == 0) {
        const char *state = get_text(row, "state");
        if (strcmp(state, "granted") == 0)
            talk(cli, "Next: tidemark trade accept %" PRIu64 ".", trade);
        else
            talk(cli, "The trade is %s: nothing is left to do.", state);
    }
    memset(&cli->error, 0, sizeof cli->error);
    json_decref(row);
}

/* A credential as it is in a pipe, escaped on a terminal. */
static int credential_print(struct cli *cli, uint64_t trade, const uint8_t *credential, size_t len)
{
    char *text = strndup((const char *)credential, len);
    int code = EXIT_OK;

    if (text != NULL && cli->json) {
        json_t *row = strlen(text) == len ? json_pack("{s:I,s:s}", "trade", (json_int_t)trade, "credential", text) : NULL;
        if (row == NULL) cli_error(cli, CODE_FILE, "the credential is no text");
        code = row != NULL ? show_json(cli, row) : cli_fail(cli, "cannot show the credential of trade %" PRIu64, trade);
        json_decref(row);
    } else if (text != NULL && cli->terminal) {
        show_block(cli, true, text);
    } else if (text != NULL) {
        fwrite(credential, 1, len, stdout);
    }
    if (text != NULL) explicit_bzero(text, strlen(text));
    free(text);
    return fflush(stdout) == 0 && text != NULL ? code : EXIT_FAILED;
}

static int credential_show(struct cli *cli, uint64_t trade)
{
    uint8_t *credential = NULL;
    size_t len;

    if (session_open(cli) != 0 || tide_credential_open(cli->market, trade, &credential, &len, &cli->error) != 0) {
        if (cli->error.code == CODE_WRONG_STATE) cli_hint(cli, "Give -o FILE: content goes into a file.");
        return cli_fail(cli, "cannot show the credential of trade %" PRIu64, trade);
    }
    int code = credential_print(cli, trade, credential, len);
    explicit_bzero(credential, len);
    free(credential);
    return code;
}

int trade_fetch(struct cli *cli)
{
    const char *out = args_text(&cli->args, "out");
    uint64_t trade;
    json_t *report;

    if (!value_number(cli, 0, "trade", &trade)) return cli_fail(cli, "%s", "");
    if (out == NULL && args_has(&cli->args, "show")) return credential_show(cli, trade);
    if (out == NULL) {
        cli_error(cli, CODE_USAGE, "--out is missing");
        cli_hint(cli, "Give -o FILE; --show prints a credential instead.");
        return cli_fail(cli, "%s", "");
    }
    if (trade_download(cli, trade, out, &report) != 0) {
        if (cli->error.code == CODE_DAMAGED)
            cli_hint(cli, "Nothing was accepted: tidemark trade dispute %" PRIu64 " proves it, and you have the money back.",
                     trade);
        json_decref(report);
        return cli_fail(cli, "cannot fetch trade %" PRIu64, trade);
    }
    if (report != NULL) json_object_set_new(report, "file", json_string(out));
    int code = cli->json && report != NULL ? show_json(cli, report) : EXIT_OK;
    json_decref(report);
    next_say(cli, trade);
    return code == EXIT_OK && args_has(&cli->args, "show") ? credential_show(cli, trade) : code;
}

int trade_answerable(struct cli *cli, const json_t *row)
{
    uint64_t trade = get_u64(row, "trade");
    const char *state = get_text(row, "state");

    if (!tide_identity_is(cli->identity, get_text(row, "buyer")))
        return cli_error(cli, CODE_NOT_YOURS, "you are not its buyer");
    if (strcmp(state, "granted") == 0) return 0;
    cli_error(cli, CODE_WRONG_STATE, "it is %s", state);
    if (strcmp(state, "matched") == 0)
        cli_hint(cli, "The vendor has not delivered yet; tidemark trade show %" PRIu64 " says until when it must.", trade);
    else if (strcmp(state, "settled") == 0 || strcmp(state, "refunded") == 0)
        cli_hint(cli, "That is final; tidemark trade show %" PRIu64 " says how it came to it.", trade);
    else if (strcmp(state, "disputed") == 0)
        cli_hint(cli, "The broker judges the evidence; tidemark trade show %" PRIu64 " says what it finds.", trade);
    else
        cli_hint(cli, "An arbiter rules on it; tidemark trade show %" PRIu64 " says who, and until when.", trade);
    return cli->error.code;
}

/* What accepting pays, and out of whose money. */
static int accept_confirm(struct cli *cli, uint64_t trade, const json_t *row)
{
    char total[TEXT_MAX], part[TEXT_MAX], question[TEXT_MAX + 64];
    char *title = get_escaped(row, "title"), *vendor = get_escaped(row, "vendor_name");

    yuan_format(get_u64(row, "total"), total);
    yuan_format(get_u64(row, "voucher"), part);
    talk(cli, "Trade %" PRIu64 ": %s, from %s. Accepting pays %s CNY to the vendor and is final.", trade, title, vendor,
         total);
    if (get_u64(row, "voucher") != 0)
        talk(cli, "%s CNY of it are the voucher's (programme %" PRIu64 ").", part, get_u64(row, "programme"));
    snprintf(question, sizeof question, "Pay %s CNY?", total);
    free(title);
    free(vendor);
    return confirm(cli, question);
}

int trade_accept(struct cli *cli)
{
    uint64_t trade;
    json_t *row = NULL;
    int code;

    if (!value_number(cli, 0, "trade", &trade)) return cli_fail(cli, "%s", "");
    if (args_has(&cli->args, "dry-run")) {
        talk(cli, "The settlement text (trade show) is signed as well.");
        if (dry_run(cli, "accept", json_pack("{s:I}", "trade", (json_int_t)trade), &code)) return code;
    }
    if (trade_row(cli, trade, &row) != 0) return cli_fail(cli, "cannot accept trade %" PRIu64, trade);
    bool is_settled = strcmp(get_text(row, "state"), "settled") == 0;
    if (is_settled && tide_identity_is(cli->identity, get_text(row, "buyer"))) {
        talk(cli, "Trade %" PRIu64 " is settled already: the vendor was paid.", trade);
        json_object_del(row, "text");
        code = show_card(cli, one_columns, row, NULL);
        json_decref(row);
        return code;
    }
    int asked = trade_answerable(cli, row);
    if (asked == 0) asked = accept_confirm(cli, trade, row);
    json_decref(row);
    if (asked != 0 || tide_accept(cli->market, trade, NULL, &cli->error) != 0) {
        return cli_fail(cli, "cannot accept trade %" PRIu64, trade);
    }
    if (trade_row(cli, trade, &row) != 0) return cli_fail(cli, "accepted, but cannot show trade %" PRIu64, trade);
    json_object_del(row, "text");
    code = show_card(cli, one_columns, row, NULL);
    json_decref(row);
    return code;
}

int trade_receipt(struct cli *cli)
{
    const char *out = args_text(&cli->args, "out");
    uint64_t trade;

    if (!value_number(cli, 0, "trade", &trade)) return cli_fail(cli, "%s", "");
    if (session_open(cli) != 0 || tide_receipt(cli->market, trade, out, wait_ms(cli), &cli->error) != 0) {
        return cli_fail(cli, "cannot write the receipt of trade %" PRIu64, trade);
    }
    json_t *row = json_pack("{s:I,s:s}", "trade", (json_int_t)trade, "receipt", out);
    int code = cli->json ? show_json(cli, row) : EXIT_OK;
    talk(cli, "Receipt written to %s; tidemark verify %s checks it, offline.", out, out);
    json_decref(row);
    return code;
}
