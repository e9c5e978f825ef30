/*
 * search, listing show, listing certificate, listing close: what is offered.
 */
#include "client/cli/commands.h"
#include "client/cli/dcat.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEARCH_LIMIT 20

static const struct column search_columns[] = {{"listing", "Listing", COLUMN_INDEX, NULL},
                                               {"kind", "Kind", COLUMN_TEXT, NULL},
                                               {"state", "State", COLUMN_STATE, NULL},
                                               {"best_ask", "Best ask", COLUMN_MONEY, "has_ask"},
                                               {"last_price", "Last", COLUMN_MONEY, "has_last"},
                                               {"plaintext_len", "Size", COLUMN_BYTES | COLUMN_SPARE, NULL},
                                               {"listed_at", "Published", COLUMN_TIME | COLUMN_SPARE, NULL},
                                               {"vendor_name", "Vendor", COLUMN_LONG, NULL},
                                               {"unit", "Unit", COLUMN_LONG, NULL},
                                               {"title", "Title", COLUMN_LONG, NULL},
                                               {NULL, NULL, COLUMN_END, NULL}};

static const struct column listing_columns[] = {{"listing", "Listing", COLUMN_INDEX, NULL},
                                                {"title", "Title", COLUMN_TEXT, NULL},
                                                {"state", "State", COLUMN_STATE, NULL},
                                                {"kind", "Kind", COLUMN_TEXT, NULL},
                                                {"unit", "Unit", COLUMN_TEXT, NULL},
                                                {"vendor_name", "Vendor", COLUMN_TEXT, NULL},
                                                {"vendor", "Vendor's party", COLUMN_TEXT, NULL},
                                                {"best_ask", "Best ask (CNY)", COLUMN_MONEY, "has_ask"},
                                                {"last_price", "Last price (CNY)", COLUMN_MONEY, "has_last"},
                                                {"listed_at", "Published", COLUMN_TIME, NULL},
                                                {"revises", "Revises", COLUMN_INDEX, "revises"},
                                                {"revised_by", "Revised by", COLUMN_INDEX, "revised_by"},
                                                {"certificate", "Certificate", COLUMN_INDEX, "certificate"},
                                                {"n_trades", "Trades", COLUMN_COUNT, NULL},
                                                {"closed_untraded", "Closed untraded before", COLUMN_COUNT, NULL},
                                                {"vendor_marks", "Vendor's trades", COLUMN_TEXT, NULL},
                                                {"time_from", "Covers from", COLUMN_TIME, "time_from"},
                                                {"time_to", "Covers to", COLUMN_TIME, "time_to"},
                                                {"sample_words", "Samples", COLUMN_TEXT, "samples"},
                                                {"detail_len", "Sealed detail part", COLUMN_BYTES, "detail_len"},
                                                {"location", "Payload lies at", COLUMN_TEXT, NULL},
                                                {"trouble", "Not fetched yet", COLUMN_TEXT, NULL},
                                                {"summary", "Summary", COLUMN_TEXT, NULL},
                                                {"category", "Category", COLUMN_TEXT, NULL},
                                                {"keywords", "Keywords", COLUMN_TEXT, NULL},
                                                {"media_type", "Media type", COLUMN_TEXT, NULL},
                                                {"rows", "Rows", COLUMN_INDEX, NULL},
                                                {"place", "Place", COLUMN_TEXT, NULL},
                                                {"update_cycle", "Updated", COLUMN_TEXT, NULL},
                                                {"class", "Data class", COLUMN_TEXT, NULL},
                                                {"personal_data", "Personal data", COLUMN_YES, NULL},
                                                {"legal_basis", "Legal basis", COLUMN_TEXT, NULL},
                                                {"jurisdictions", "Jurisdictions", COLUMN_TEXT, NULL},
                                                {"purposes", "Purposes", COLUMN_TEXT, NULL},
                                                {"right_operating", "Right to operate", COLUMN_TEXT, NULL},
                                                {"plaintext_len", "Size", COLUMN_BYTES, NULL},
                                                {"n_chunks", "Chunks", COLUMN_COUNT, NULL},
                                                {"content_root", "Content root", COLUMN_TEXT, NULL},
                                                {"key_commitment", "Key commitment", COLUMN_TEXT, NULL},
                                                {"terms_hash", "Terms (SHA-256)", COLUMN_TEXT, NULL},
                                                {"terms", "Terms", COLUMN_TEXT, NULL},
                                                {NULL, NULL, COLUMN_END, NULL}};

/* ---- search ---- */

static uint64_t kinds_of(const struct cli *cli)
{
    static const char *const names[] = {"dataset", "model", "report", "api", "compute"};
    uint64_t kinds = 0;

    for (size_t i = 0; args_each(&cli->args, "kind", i) != NULL; i++) {
        for (size_t k = 0; k < ARRAY_N(names); k++) {
            if (strcmp(args_each(&cli->args, "kind", i), names[k]) == 0) kinds |= UINT64_C(1) << k;
        }
    }
    return kinds;
}

static char *words_of(const struct cli *cli)
{
    size_t room = 1;

    for (size_t i = 0; i < cli->args.n_values; i++) room += strlen(cli->args.values[i]) + 1;
    char *words = calloc(1, room);
    char *at = words;
    for (size_t i = 0; words != NULL && i < cli->args.n_values; i++) {
        if (i > 0) *at++ = ' ';
        at = stpcpy(at, cli->args.values[i]);
    }
    return words;
}

static void set_filters(const struct cli *cli, json_t *body)
{
    json_t *classes = json_array();

    for (size_t i = 0; args_each(&cli->args, "class", i) != NULL; i++)
        json_array_append_new(classes, json_string(args_each(&cli->args, "class", i)));
    json_object_set_new(body, "classes", classes);
    set_text(body, "category", args_text(&cli->args, "category"));
    set_text(body, "place", args_text(&cli->args, "place"));
    set_text(body, "vendor", args_text(&cli->args, "vendor"));
    set_u64(body, "time_from", args_number(&cli->args, "from", 0));
    set_u64(body, "time_to", args_number(&cli->args, "to", 0));
    set_u64(body, "revises", args_number(&cli->args, "revises", 0));
}

int listing_search(struct cli *cli)
{
    json_t *body = json_object(), *answer;
    char *words = words_of(cli);

    set_text(body, "words", words);
    free(words);
    set_u64(body, "kinds", kinds_of(cli));
    set_u64(body, "max_price", args_number(&cli->args, "max-price", 0));
    set_text(body, "state", args_text(&cli->args, "state"));
    json_object_set_new(body, "mine", json_boolean(args_has(&cli->args, "mine")));
    set_u64(body, "before", args_number(&cli->args, "before", 0));
    set_filters(cli, body);
    if (session_pages(cli, "search", body, "listings", "before", args_number(&cli->args, "limit", SEARCH_LIMIT),
                      &answer) != 0) {
        return cli_fail(cli, "cannot search");
    }
    int code = show_table(cli, search_columns, get_list(answer, "listings"), answer, "Nothing found.");
    uint64_t before = get_u64(answer, "before");
    if (before != 0) talk(cli, "There is more: --before %" PRIu64 ", or a larger --limit.", before);
    json_decref(answer);
    return code;
}

/* ---- show ---- */

/* Row and publication as one object for people; keywords as a list of words. */
static json_t *listing_merged(const struct cli *cli, const json_t *answer)
{
    json_t *merged = json_deep_copy(get_first(answer, "published")), *words = json_array();
    const json_t *keyword;
    size_t i;

    json_object_update(merged, (json_t *)get_first(answer, "row"));
    json_array_foreach(get_list(merged, "keywords"), i, keyword)
    {
        json_array_append_new(words, json_string(get_text(keyword, "word")));
    }
    json_object_set_new(merged, "keywords", words);
    if (cli->terminal) json_object_del(merged, "terms"); /* shown as a block below */
    return merged;
}

static int listing_dcat(struct cli *cli, const json_t *answer)
{
    json_t *document = dcat_document(answer, cli->context.url);

    if (document == NULL) {
        cli_error(cli, CODE_NO_MEMORY, NULL);
        return cli_fail(cli, "cannot print");
    }
    int code = cli->json ? show_json(cli, document) : show_json_indented(cli, document);
    json_decref(document);
    return code;
}

/* "12 settled, 1 missed, 0 at fault" */
static void marks_add(json_t *merged)
{
    json_object_set_new(merged, "vendor_marks",
                        json_sprintf("%" PRIu64 " settled, %" PRIu64 " missed, %" PRIu64 " at fault",
                                     get_u64(merged, "vendor_settled"), get_u64(merged, "vendor_missed"),
                                     get_u64(merged, "vendor_faults")));
}

/* Promised, drawn, signed, shown: how far it is. A listing is open only once they are shown. */
static void samples_add(json_t *merged)
{
    uint64_t n = get_u64(merged, "samples");
    const char *state = get_text(merged, "state");
    bool drawn = get_text(merged, "seed")[0] != '\0';
    bool shown = get_u64(merged, "sampled") != 0 && strcmp(state, "sampling") != 0;
    const char *how = shown                                 ? "drawn by the log, signed and shown: tidemark listing sample"
                      : get_u64(merged, "sampled") != 0     ? "drawn by the log, signed, not shown yet"
                      : drawn                               ? "drawn by the log, not signed yet (its vendor's tidemark vend does)"
                                                            : "promised; the log draws which once it is approved";

    json_object_set_new(merged, "sample_words", json_sprintf("%" PRIu64 " chunk%s, %s", n, n == 1 ? "" : "s", how));
}

/* What the market found wrong with a payload at its location: its vendor alone may ask. */
static void trouble_add(struct cli *cli, json_t *merged, json_t *answer)
{
    bool waits = strcmp(get_text(merged, "state"), "awaiting") == 0 && get_text(merged, "location")[0] != '\0';
    struct tide_error was = cli->error;
    json_t *upload;

    if (!waits || cli->identity == NULL || !tide_identity_is(cli->identity, get_text(merged, "vendor"))) return;
    if (session_ask(cli, "upload", json_pack("{s:I}", "listing", (json_int_t)get_u64(merged, "listing")), &upload) == 0) {
        json_object_set(merged, "trouble", json_object_get(upload, "trouble"));
        json_object_set(answer, "trouble", json_object_get(upload, "trouble"));
        json_decref(upload);
    }
    cli->error = was;
}

int listing_show(struct cli *cli)
{
    uint64_t listing;
    json_t *answer;

    if (!value_number(cli, 0, "listing", &listing)) return cli_fail(cli, "%s", "");
    if (session_ask(cli, "listing", json_pack("{s:I}", "listing", (json_int_t)listing), &answer) != 0) {
        return cli_fail(cli, "cannot show listing %" PRIu64, listing);
    }
    if (args_has(&cli->args, "dcat")) {
        int printed = listing_dcat(cli, answer);
        json_decref(answer);
        return printed;
    }
    json_t *merged = listing_merged(cli, answer);
    marks_add(merged);
    samples_add(merged);
    trouble_add(cli, merged, answer);
    int code = show_card(cli, listing_columns, merged, answer);
    const char *terms = get_text(get_first(answer, "published"), "terms");
    if (code == EXIT_OK && cli->terminal && !cli->json && terms[0] != '\0') {
        puts("\nTerms of use");
        show_block(cli, true, terms);
    }
    json_decref(merged);
    json_decref(answer);
    return code;
}

int listing_close(struct cli *cli)
{
    static const struct column columns[] = {{"listing", "Listing", COLUMN_INDEX, NULL},
                                            {"record", "Record", COLUMN_INDEX, NULL},
                                            {NULL, NULL, COLUMN_END, NULL}};
    uint64_t listing;
    json_t *answer;
    int code;

    if (!value_number(cli, 0, "listing", &listing)) return cli_fail(cli, "%s", "");
    json_t *body = json_pack("{s:I}", "listing", (json_int_t)listing);
    if (!session_state_or_fail(cli, "close", body, &answer, &code, "cannot close the listing")) return code;
    json_t *row =
        json_pack("{s:I,s:I}", "listing", (json_int_t)listing, "record", (json_int_t)get_u64(answer, "first_index"));
    code = show_card(cli, columns, row, NULL);
    json_decref(row);
    json_decref(answer);
    return code;
}

int listing_certificate(struct cli *cli)
{
    const char *path = args_text(&cli->args, "out");
    uint64_t listing;
    json_t *answer;

    if (!value_number(cli, 0, "listing", &listing)) return cli_fail(cli, "%s", "");
    if (path != NULL) {
        if (session_open(cli) != 0 || tide_certificate(cli->market, listing, path, wait_ms(cli), &cli->error) != 0)
            return cli_fail(cli, "cannot write the certificate of listing %" PRIu64, listing);
        talk(cli, "Written to %s; tidemark verify %s checks it, offline.", path, path);
        if (!cli->json) return EXIT_OK;
    }
    if (session_ask(cli, "certificate", json_pack("{s:I}", "listing", (json_int_t)listing), &answer) != 0)
        return cli_fail(cli, "cannot show the certificate of listing %" PRIu64, listing);
    int code = EXIT_OK;
    if (cli->json)
        code = show_json(cli, answer);
    else
        show_block(cli, true, get_text(answer, "note"));
    json_decref(answer);
    return code;
}
