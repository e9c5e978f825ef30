/*
 * verify: what a receipt, a certificate or a proof file proves, by whom, and on which basis. Offline; all checking is the library's.
 */
#include "client/cli/commands.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct column report_columns[] = {{"kind", "Kind", COLUMN_TEXT, NULL},
                                               {"origin", "Log", COLUMN_TEXT, NULL},
                                               {"trade", "Trade", COLUMN_INDEX, NULL},
                                               {"listing", "Listing", COLUMN_INDEX, NULL},
                                               {"title", "Title", COLUMN_TEXT, NULL},
                                               {"vendor", "Vendor", COLUMN_TEXT, NULL},
                                               {"buyer", "Buyer", COLUMN_TEXT, NULL},
                                               {"quantity", "Quantity", COLUMN_COUNT, NULL},
                                               {"price", "Price (CNY)", COLUMN_MONEY, NULL},
                                               {"total", "Total (CNY)", COLUMN_MONEY, NULL},
                                               {"fee", "Fee (CNY)", COLUMN_MONEY, NULL},
                                               {"basis", "Basis", COLUMN_TEXT, NULL},
                                               {"certificate", "Certificate", COLUMN_INDEX, NULL},
                                               {"listing_kind", "Kind of listing", COLUMN_TEXT, NULL},
                                               {"class", "Class", COLUMN_TEXT, NULL},
                                               {"reviewer", "Reviewer", COLUMN_TEXT, NULL},
                                               {"registered", "Registered", COLUMN_TIME, NULL},
                                               {"index", "Record", COLUMN_COUNT, NULL},
                                               {"time_ms", "Time", COLUMN_TIME, NULL},
                                               {"size", "Of", COLUMN_COUNT, NULL},
                                               {"vendor_signed", "Vendor signed", COLUMN_YES, NULL},
                                               {"buyer_signed", "Buyer signed", COLUMN_YES, NULL},
                                               {"broker_signed", "Market signed", COLUMN_YES, NULL},
                                               {"vendor_key", "Vendor's key", COLUMN_TEXT, NULL},
                                               {"buyer_key", "Buyer's key", COLUMN_TEXT, NULL},
                                               {"log_key", "Log's key", COLUMN_TEXT, NULL},
                                               {"words", "Proven", COLUMN_TEXT, NULL},
                                               {"not_proven", "Not proven", COLUMN_TEXT, NULL},
                                               {NULL, NULL, COLUMN_END, NULL}};

/* What nobody can read out of the file, as it is often asked of it. */
#define RECEIPT_LIMITS \
    "that the data is good, or what it is worth, or that it may lawfully be used; when each line was signed, but that it " \
    "was before the record; who stands behind the two keys (the market knows); that the log shows everyone the same " \
    "history: the log alone signed the checkpoint, no witness's signature was checked (auditors compare)."
static const char receipt_accepted_limits[] = RECEIPT_LIMITS;
static const char receipt_deadline_limits[] =
    "that the buyer was content, or opened what it got: it let the time pass; " RECEIPT_LIMITS;
static const char receipt_ruling_limits[] =
    "why the arbiter ruled so (its reasons are not in the log, their hash is); " RECEIPT_LIMITS;
static const char certificate_limits[] =
    "that the data is what its title says, what it is worth, or that a use of it is lawful; that the listing is still open; "
    "that vendor and reviewer signed (the market says so under its own signature; regulators see both statements), or who "
    "stands behind their keys (the market knows); that the log shows everyone the same history (auditors compare).";
static const char proof_limits[] =
    "that what the record says is true; who stands behind a key in it (the market knows); that the log shows everyone "
    "the same history (auditors compare).";

static bool is_a(const json_t *report, const char *kind)
{
    return strcmp(get_text(report, "kind"), kind) == 0;
}

static const char *limits_of(const json_t *report)
{
    const char *basis = get_text(report, "basis");

    if (is_a(report, "certificate")) return certificate_limits;
    if (!is_a(report, "receipt")) return proof_limits;
    if (strcmp(basis, "deadline") == 0) return receipt_deadline_limits;
    return strcmp(basis, "ruling") == 0 ? receipt_ruling_limits : receipt_accepted_limits;
}

static const char *basis_words(const char *basis)
{
    if (strcmp(basis, "accepted") == 0) return "the buyer accepted the delivery";
    if (strcmp(basis, "deadline") == 0) return "the buyer neither accepted nor disputed the delivery in time";
    if (strcmp(basis, "ruling") == 0) return "an arbiter decided";
    if (strcmp(basis, "verdict") == 0) return "the evidence of a dispute decided";
    return basis;
}

static const char *signed_words(const json_t *report, const char *field, bool expected)
{
    return get_bool(report, field) ? "signed the settlement text"
           : expected              ? "has NOT signed"
                                   : "has not signed (not needed on this basis)";
}

/* One line of the note: whose it is, by the text, and under which key it was signed. */
static void line_explain(const json_t *report, const char *who, const char *name, const char *signed_field, const char *key,
                         const char *rekeyed, bool expected)
{
    printf("  %-10s %s\n             %s", who, get_text(report, name), signed_words(report, signed_field, expected));
    if (get_bool(report, signed_field) && get_bool(report, rekeyed))
        printf(",\n             under its later key %s;\n             the log has every change from the one above",
               get_text(report, key));
    else if (get_bool(report, signed_field))
        printf(" under that key");
    printf("\n");
}

static void receipt_explain(const json_t *report)
{
    char *title = get_escaped(report, "title"), *origin = get_escaped(report, "origin");
    char price[TEXT_MAX], total[TEXT_MAX], fee[TEXT_MAX];
    bool accepted = strcmp(get_text(report, "basis"), "accepted") == 0;

    yuan_format(get_u64(report, "price"), price);
    yuan_format(get_u64(report, "total"), total);
    yuan_format(get_u64(report, "fee"), fee);
    printf("The receipt is genuine. It proves:\n\n");
    printf("  Trade %" PRIu64 " on %s was settled: %s.\n", get_u64(report, "trade"), origin,
           basis_words(get_text(report, "basis")));
    printf("  Sold       %" PRIu64 " × \"%s\" (listing %" PRIu64 ")\n", get_u64(report, "quantity"), title,
           get_u64(report, "listing"));
    printf("  For        %s CNY each, %s CNY in all, of which %s CNY is the market's fee\n", price, total, fee);
    line_explain(report, "Vendor", "vendor", "vendor_signed", "vendor_key", "vendor_rekeyed", true);
    line_explain(report, "Buyer", "buyer", "buyer_signed", "buyer_key", "buyer_rekeyed", accepted);
    printf("  Market     %s\n             %s%s\n", origin, signed_words(report, "broker_signed", true),
           get_bool(report, "broker_signed") ? " under the log's key" : "");
    free(title);
    free(origin);
}

static void certificate_explain(const json_t *report)
{
    char *title = get_escaped(report, "title"), *origin = get_escaped(report, "origin"), date[TEXT_MAX];

    time_iso(get_u64(report, "registered"), date);
    printf("The certificate is genuine. It proves:\n\n");
    printf("  Listing %" PRIu64 ", \"%s\", was registered as certificate %" PRIu64 " of %s on %s.\n",
           get_u64(report, "listing"), title, get_u64(report, "certificate"), origin, date);
    printf("  Offered    %s, class %s\n", get_text(report, "listing_kind"), get_text(report, "class"));
    printf("  Vendor     %s\n             published it, says the market\n", get_text(report, "vendor"));
    printf("  Reviewer   %s\n             approved it, says the market\n", get_text(report, "reviewer"));
    printf("  Market     %s\n             %s\n", origin,
           get_bool(report, "broker_signed") ? "signed the certificate" : "has NOT signed");
    free(title);
    free(origin);
}

static void proof_explain(const json_t *report)
{
    char *origin = get_escaped(report, "origin"), *kind = get_escaped(report, "record_kind");

    printf("The proof is genuine. It proves:\n\n");
    printf("  The log of %s holds a record%s%s.\n", origin, kind[0] != '\0' ? " of the kind " : "", kind);
    if (get_text(report, "party")[0] != '\0') printf("  Signed by  %s\n", get_text(report, "party"));
    if (get_u64(report, "trade") != 0) printf("  About      trade %" PRIu64 "\n", get_u64(report, "trade"));
    if (get_text(report, "basis")[0] != '\0') printf("  Basis      %s\n", basis_words(get_text(report, "basis")));
    free(origin);
    free(kind);
}

static void explain(const json_t *report)
{
    char date[TEXT_MAX], *words = get_escaped(report, "words");

    if (is_a(report, "receipt"))
        receipt_explain(report);
    else if (is_a(report, "certificate"))
        certificate_explain(report);
    else
        proof_explain(report);
    printf("  Journaled  as record %" PRIu64, get_u64(report, "index"));
    if (get_u64(report, "time_ms") != 0) {
        time_iso(get_u64(report, "time_ms"), date);
        printf(" at %s", date);
    }
    printf(", covered by the log's signed checkpoint of %" PRIu64 " records:\n", get_u64(report, "size"));
    printf("             it can neither be changed nor taken out unseen\n");
    if (is_a(report, "receipt")) printf("             every line above was signed before that moment\n");
    if (get_text(report, "log_key")[0] != '\0') printf("  Log's key  %s\n", get_text(report, "log_key"));
    printf("\nIn short: %s\n", words);
    printf("\nIt does not prove: %s\n", limits_of(report));
    free(words);
}

int verify_run(struct cli *cli)
{
    const char *path = args_value(&cli->args, 0), *key = args_text(&cli->args, "key");
    const char *url = cli->has_context ? cli->context.url : NULL;
    struct tide_doc *doc = NULL;

    if (tide_verify(path, key, key != NULL ? NULL : url, &doc, &cli->error) != 0)
        return cli_fail(cli, "%s is not verified", path);
    json_t *report = doc_json(doc);
    tide_doc_free(&doc);
    int code = EXIT_OK;
    json_t *shown = json_copy(report);
    set_text(shown, "not_proven", limits_of(report));
    if (cli->json || !cli->terminal)
        code = show_card(cli, report_columns, shown, report);
    else
        explain(report);
    json_decref(shown);
    json_decref(report);
    return code;
}
