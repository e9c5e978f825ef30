/*
 * sell: seals a file, publishes and uploads it, waits for approval, and asks.
 *
 * Always holds: what the market's policy would refuse for sure is refused before the file is sealed. Run again, it goes
 * on: the library does not list twice, and an ask that was placed is not placed again.
 */
#include "client/cli/commands.h"
#include "client/cli/progress.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TERMS_MAX 16384

static const struct column sale_columns[] = {
    {"listing", "Listing", COLUMN_INDEX, NULL},   {"state", "State", COLUMN_STATE, NULL},
    {"order", "Ask", COLUMN_INDEX, NULL},         {"price", "Price (CNY)", COLUMN_MONEY, NULL},
    {"sealed", "Sealed file", COLUMN_TEXT, NULL}, {NULL, NULL, COLUMN_END, NULL}};

/* ---- what is published ---- */

/* A file's hash into a field, if the flag is given. */
static int set_hash(struct cli *cli, json_t *body, const char *flag, const char *field)
{
    const char *path = args_text(&cli->args, flag);
    uint8_t hash[32];
    char hex[65];

    if (path == NULL) return 0;
    if (tide_file_sha256(path, hash, &cli->error) != 0) return cli->error.code;
    hex_format(hash, sizeof hash, hex);
    set_text(body, field, hex);
    return 0;
}

/* The usage terms travel as text. */
static int set_terms(struct cli *cli, json_t *body)
{
    const char *path = args_text(&cli->args, "terms");
    char text[TERMS_MAX + 2];

    if (path == NULL) return 0;
    FILE *file = fopen(path, "re");
    if (file == NULL) return cli_error_file(cli, "read", path);
    size_t n = fread(text, 1, sizeof text - 1, file);
    bool bad = ferror(file) != 0;
    fclose(file);
    if (bad) return cli_error_file(cli, "read", path);
    if (n > TERMS_MAX)
        return cli_error(cli, CODE_FILE, "%s is longer than the %d bytes that usage terms may have", path, TERMS_MAX);
    json_t *terms = json_stringn(text, n);
    if (terms == NULL) return cli_error(cli, CODE_FILE, "%s is not UTF-8 text", path);
    return json_object_set_new(body, "terms", terms) == 0 ? 0 : cli_error(cli, CODE_NO_MEMORY, NULL);
}

static void set_keywords(const struct cli *cli, json_t *body)
{
    json_t *list = json_array();

    for (size_t i = 0; args_each(&cli->args, "keyword", i) != NULL; i++) {
        json_array_append_new(list, json_pack("{s:s}", "word", args_each(&cli->args, "keyword", i)));
    }
    json_object_set_new(body, "keywords", list);
}

/* What could only be refused; found before gigabytes are sealed. */
static int policy_check(struct cli *cli)
{
    const char *class = args_text(&cli->args, "class");
    bool personal = args_has(&cli->args, "personal-data");

    if (class != NULL && strcmp(class, "core") == 0) return cli_error(cli, CODE_CORE_DATA, NULL);
    if (class != NULL && strcmp(class, "important") == 0 && args_text(&cli->args, "assessment") == NULL) {
        cli_error(cli, CODE_NO_ASSESSMENT, NULL);
        cli_hint(cli, "Name its document: --assessment FILE.");
        return cli->error.code;
    }
    if (personal && args_text(&cli->args, "legal-basis") == NULL) {
        cli_error(cli, CODE_NO_LEGAL_BASIS, NULL);
        cli_hint(cli, "Name it: --legal-basis TEXT.");
        return cli->error.code;
    }
    if (args_text(&cli->args, "rights") != NULL) return 0;
    cli_error(cli, CODE_NO_RIGHT, NULL);
    cli_hint(cli, "Name its document: --rights FILE.");
    return cli->error.code;
}

/* The body of `publish` but for the content, which the library fills in; NULL: cli->error. */
static json_t *publish_body(struct cli *cli)
{
    static const char *const texts[][2] = {{"title", "title"},
                                           {"kind", "kind"},
                                           {"summary", "summary"},
                                           {"category", "category"},
                                           {"media-type", "media_type"},
                                           {"place", "place"},
                                           {"update-cycle", "update_cycle"},
                                           {"class", "class"},
                                           {"legal-basis", "legal_basis"},
                                           {"jurisdictions", "jurisdictions"},
                                           {"purposes", "purposes"}};
    static const char *const hashes[][2] = {{"rights", "right_operating"},
                                            {"rights-holding", "right_holding"},
                                            {"rights-processing", "right_processing"},
                                            {"assessment", "assessment"}};
    json_t *body = json_object();

    for (size_t i = 0; i < ARRAY_N(texts); i++) set_text(body, texts[i][1], args_text(&cli->args, texts[i][0]));
    set_u64(body, "rows", args_number(&cli->args, "rows", 0));
    set_u64(body, "revises", args_number(&cli->args, "revises", 0));
    json_object_set_new(body, "personal_data", json_boolean(args_has(&cli->args, "personal-data")));
    set_keywords(cli, body);
    for (size_t i = 0; i < ARRAY_N(hashes); i++) {
        if (set_hash(cli, body, hashes[i][0], hashes[i][1]) != 0) goto fail;
    }
    if (set_terms(cli, body) == 0) return body;
fail:
    json_decref(body);
    return NULL;
}

/* ---- what is asked ---- */

static json_t *ask_body(const struct cli *cli, uint64_t listing)
{
    uint64_t quantity = args_number(&cli->args, "quantity", QUANTITY_UNLIMITED);
    bool unlimited = quantity == QUANTITY_UNLIMITED;

    return json_pack("{s:I,s:s,s:s,s:I,s:I,s:b}", "listing", (json_int_t)listing, "side", "ask", "type", "limit",
                     "price", (json_int_t)args_number(&cli->args, "price", 0), "quantity",
                     (json_int_t)(unlimited ? 0 : quantity), "unlimited", unlimited);
}

/* An ask placed by an earlier run; *order 0 if there is none. Orders are newest first, and later than their listing. */
static int ask_find(struct cli *cli, uint64_t listing, uint64_t *order)
{
    uint64_t before = 0;
    json_t *answer;

    *order = 0;
    do {
        json_t *body = json_pack("{s:I,s:i}", "before", (json_int_t)before, "limit", 256);
        const json_t *row;
        size_t i;
        if (session_ask(cli, "orders", body, &answer) != 0) return cli->error.code;
        before = get_u64(answer, "before");
        json_array_foreach(get_list(answer, "orders"), i, row)
        {
            bool is_it = get_u64(row, "listing") == listing && strcmp(get_text(row, "side"), "ask") == 0;
            if (is_it && *order == 0) *order = get_u64(row, "order");
            if (get_u64(row, "order") < listing) before = 0;
        }
        json_decref(answer);
    } while (*order == 0 && before != 0);
    return 0;
}

static int ask_place(struct cli *cli, uint64_t listing, uint64_t *order)
{
    json_t *answer;

    if (ask_find(cli, listing, order) != 0) return cli->error.code;
    if (*order != 0) {
        talk(cli, "Asked already: order %" PRIu64 ".", *order);
        return 0;
    }
    if (session_state(cli, "order", ask_body(cli, listing), &answer) != 0) return cli->error.code;
    *order = answer_name(answer);
    json_decref(answer);
    return 0;
}

/* ---- the command ---- */

static int sale_show(struct cli *cli, uint64_t listing, const char *state, uint64_t order, const char *sealed)
{
    json_t *row =
        json_pack("{s:I,s:s,s:I,s:I,s:s}", "listing", (json_int_t)listing, "state", state, "order", (json_int_t)order,
                  "price", (json_int_t)args_number(&cli->args, "price", 0), "sealed", sealed);
    int code = show_card(cli, sale_columns, row, NULL);

    json_decref(row);
    return code;
}

/* Seals, publishes and uploads; `body` is taken over. */
static int list_it(struct cli *cli, const char *path, const char *sealed, json_t *body, uint64_t *listing)
{
    struct tide_doc *doc = NULL;
    struct progress progress;
    char *text = json_dumps(body, JSON_COMPACT);

    json_decref(body);
    if (text == NULL) return cli_error(cli, CODE_NO_MEMORY, NULL);
    int code = tide_doc_parse("publish", text, &doc, &cli->error);
    free(text);
    if (code == 0) code = session_open(cli);
    progress_init(&progress, cli);
    if (code == 0) code = tide_sell(cli->market, path, sealed, doc, progress_step, &progress, listing, &cli->error);
    progress_end(&progress);
    tide_doc_free(&doc);
    return code;
}

static int sell_dry_run(struct cli *cli, json_t *body)
{
    json_t *both = json_pack("{s:o,s:o}", "publish", body, "order", ask_body(cli, 0));

    talk(cli, "Not signed, not sent. The content's fields are filled in when the file is sealed, the ask's listing "
              "when it has one.");
    int code = show_json(cli, both);
    json_decref(both);
    return code;
}

int sell_run(struct cli *cli)
{
    const char *path = args_value(&cli->args, 0), *out = args_text(&cli->args, "out");
    char sealed[CONTEXT_PATH_MAX];
    uint64_t listing = 0, order = 0;
    struct tide_doc *row = NULL;

    if (snprintf(sealed, sizeof sealed, "%s%s", out != NULL ? out : path, out != NULL ? "" : ".tide") >=
        (int)sizeof sealed) {
        cli_error(cli, CODE_FILE, "its name is too long");
        return cli_fail(cli, "cannot sell %s", path);
    }
    if (args_number(&cli->args, "price", 0) == 0)
        cli_error(cli, CODE_BAD_PRICE, NULL);
    else
        policy_check(cli);
    json_t *body = cli->error.code == 0 ? publish_body(cli) : NULL;
    if (body == NULL) return cli_fail(cli, "cannot sell %s", path);
    if (args_has(&cli->args, "dry-run")) return sell_dry_run(cli, body);
    if (list_it(cli, path, sealed, body, &listing) != 0) return cli_fail(cli, "cannot sell %s", path);
    if (args_has(&cli->args, "no-wait")) {
        talk(cli, "Listed. Once it is open: tidemark order ask %" PRIu64 " --price … --quantity …", listing);
        return sale_show(cli, listing, "awaiting", 0, sealed);
    }
    talk(cli,
         "Listed as %" PRIu64 "; waiting for a reviewer's approval. Ctrl-C loses nothing: the same command goes on.",
         listing);
    int code = tide_listing_wait(cli->market, listing, "open", wait_ms(cli), &row, &cli->error);
    tide_doc_free(&row);
    if (code != 0 || ask_place(cli, listing, &order) != 0)
        return cli_fail(cli, "listed as %" PRIu64 ", but not offered", listing);
    talk(cli, "Offered. tidemark vend hands out the keys as it is bought.");
    return sale_show(cli, listing, "open", order, sealed);
}
