/*
 * search, listing show, listing close, book: what is offered.
 */
#include "client/cli/commands.h"
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
                                               {"plaintext_len", "Size", COLUMN_BYTES, NULL},
                                               {"listed_at", "Published", COLUMN_TIME, NULL},
                                               {"vendor_name", "Vendor", COLUMN_LONG, NULL},
                                               {"title", "Title", COLUMN_LONG, NULL},
                                               {NULL, NULL, COLUMN_END, NULL}};

static const struct column listing_columns[] = {{"listing", "Listing", COLUMN_INDEX, NULL},
                                                {"title", "Title", COLUMN_TEXT, NULL},
                                                {"state", "State", COLUMN_STATE, NULL},
                                                {"kind", "Kind", COLUMN_TEXT, NULL},
                                                {"vendor_name", "Vendor", COLUMN_TEXT, NULL},
                                                {"vendor", "Vendor's party", COLUMN_TEXT, NULL},
                                                {"best_ask", "Best ask (CNY)", COLUMN_MONEY, "has_ask"},
                                                {"last_price", "Last price (CNY)", COLUMN_MONEY, "has_last"},
                                                {"listed_at", "Published", COLUMN_TIME, NULL},
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

static const struct column level_columns[] = {
    {"side", "Side", COLUMN_TEXT, NULL},          {"price", "Price (CNY)", COLUMN_MONEY, NULL},
    {"quantity", "Quantity", COLUMN_COUNT, NULL}, {"unlimited", "Unlimited", COLUMN_YES, NULL},
    {"orders", "Orders", COLUMN_COUNT, NULL},     {NULL, NULL, COLUMN_END, NULL}};

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

int listing_show(struct cli *cli)
{
    uint64_t listing;
    json_t *answer;

    if (!value_number(cli, 0, "listing", &listing)) return cli_fail(cli, "%s", "");
    if (session_ask(cli, "listing", json_pack("{s:I}", "listing", (json_int_t)listing), &answer) != 0) {
        return cli_fail(cli, "cannot show listing %" PRIu64, listing);
    }
    json_t *merged = listing_merged(cli, answer);
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

/* ---- book ---- */

/* Asks from the dearest to the best, then bids from the best down: as a book is read. */
static json_t *levels_of(const json_t *book)
{
    static const struct {
        const char *list, *side;
    } sides[] = {{"asks", "ask"}, {"bids", "bid"}};
    json_t *rows = json_array();

    for (size_t s = 0; s < ARRAY_N(sides); s++) {
        const json_t *list = get_list(book, sides[s].list);
        for (size_t i = 0, n = json_array_size(list); i < n; i++) {
            json_t *row = json_copy(json_array_get(list, s == 0 ? n - 1 - i : i));
            set_text(row, "side", sides[s].side);
            json_array_append_new(rows, row);
        }
    }
    return rows;
}

int book_show(struct cli *cli)
{
    uint64_t listing;
    json_t *body, *answer;

    if (!value_number(cli, 0, "listing", &listing)) return cli_fail(cli, "%s", "");
    body = json_pack("{s:I,s:I}", "listing", (json_int_t)listing, "limit",
                     (json_int_t)args_number(&cli->args, "limit", 0));
    if (session_ask(cli, "book", body, &answer) != 0)
        return cli_fail(cli, "cannot show the book of listing %" PRIu64, listing);
    json_t *rows = levels_of(answer);
    int code = show_table(cli, level_columns, rows, answer, "The book is empty.");
    if (get_bool(answer, "has_last")) {
        char yuan[TEXT_MAX];
        yuan_format(get_u64(answer, "last_price"), yuan);
        talk(cli, "Last price: %s CNY.", yuan);
    }
    json_decref(rows);
    json_decref(answer);
    return code;
}
