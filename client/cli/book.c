/*
 * book: a listing's book as a ladder, asks above bids, with its depth and one's own orders; --follow draws it anew.
 *
 * Always holds: on a terminal, numbers that sum up run away from the spread; an unlimited ask is ∞, and so is all that
 * is dearer. In a pipe a row is a level, and with --follow a row is a level that changed, with quantity 0 when it is gone.
 * Not here: what a book is (the market's), the tape (the library's).
 */
#include "client/cli/commands.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BAR_CELLS 24u

static const struct column ladder_columns[] = {{"label", "Side", COLUMN_SIDE, NULL},
                                               {"price", "Price (CNY)", COLUMN_MONEY, NULL},
                                               {"shown", "Quantity", COLUMN_RIGHT, NULL},
                                               {"total", "Cumulative", COLUMN_RIGHT, NULL},
                                               {"orders", "Orders", COLUMN_COUNT, NULL},
                                               {"bar", "Depth", COLUMN_SIDE, NULL},
                                               {"mine", "Yours", COLUMN_TEXT, NULL},
                                               {NULL, NULL, COLUMN_END, NULL}};
static const struct column level_columns[] = {
    {"side", "Side", COLUMN_TEXT, NULL},          {"price", "Price (CNY)", COLUMN_MONEY, NULL},
    {"quantity", "Quantity", COLUMN_COUNT, NULL}, {"unlimited", "Unlimited", COLUMN_YES, NULL},
    {"orders", "Orders", COLUMN_COUNT, NULL},     {NULL, NULL, COLUMN_END, NULL}};

/* ---- what is asked for ---- */

/* One's own orders in that book into `own`. */
static int own_add(struct cli *cli, uint64_t listing, json_t *own)
{
    const json_t *row;
    json_t *answer;
    size_t i;

    if (session_pages(cli, "orders", json_pack("{s:b}", "open_only", 1), "orders", "before", 0, &answer) != 0)
        return cli->error.code;
    json_array_foreach(get_list(answer, "orders"), i, row)
    {
        if (get_u64(row, "listing") == listing && get_bool(row, "resting")) json_array_append(own, (json_t *)row);
    }
    json_decref(answer);
    return 0;
}

/* The market's answer, with the listing's `kind` and one's `own` orders; NULL: cli->error. */
static json_t *book_get(struct cli *cli, uint64_t listing)
{
    uint64_t limit = args_number(&cli->args, "limit", 0);
    json_t *book, *about;

    if (session_ask(cli, "book", json_pack("{s:I,s:I}", "listing", (json_int_t)listing, "limit", (json_int_t)limit), &book) != 0)
        return NULL;
    json_t *own = json_array();
    json_object_set_new(book, "own", own);
    if (session_ask(cli, "listing", json_pack("{s:I}", "listing", (json_int_t)listing), &about) != 0 ||
        own_add(cli, listing, own) != 0) {
        json_decref(book);
        return NULL;
    }
    set_u64(book, "listing", listing);
    set_text(book, "kind", get_text(get_first(about, "row"), "kind"));
    json_decref(about);
    return book;
}

/* ---- rows ---- */

/* What one has at a level: "3", "∞", or "". */
static void mine_format(const json_t *book, const char *side, uint64_t price, char out[TEXT_MAX])
{
    const json_t *row;
    uint64_t sum = 0;
    bool unlimited = false;
    size_t i;

    json_array_foreach(get_list(book, "own"), i, row)
    {
        if (strcmp(get_text(row, "side"), side) != 0 || get_u64(row, "price") != price) continue;
        sum += get_u64(row, "left");
        unlimited |= get_bool(row, "unlimited");
    }
    out[0] = '\0';
    if (unlimited)
        strcpy(out, "◀ ∞");
    else if (sum > 0)
        snprintf(out, TEXT_MAX, "◀ %" PRIu64, sum);
}

/* `part` of `whole` as blocks of eighths; anything is at least a sliver. */
static void bar_format(uint64_t part, uint64_t whole, char out[4 * BAR_CELLS])
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    uint64_t n = whole == 0 ? 0 : part * (BAR_CELLS * 8) / whole; /* quantities are below 2^53 */
    char *at = out;

    if (n == 0 && part > 0) n = 1;
    if (n > BAR_CELLS * 8) n = BAR_CELLS * 8;
    *at = '\0';
    for (; n >= 8; n -= 8) at = stpcpy(at, "█");
    stpcpy(at, eighths[n]);
}

static void quantity_format(uint64_t quantity, bool unlimited, char out[TEXT_MAX])
{
    if (unlimited && quantity == 0)
        strcpy(out, "∞");
    else
        snprintf(out, TEXT_MAX, unlimited ? "%" PRIu64 " + ∞" : "%" PRIu64, quantity);
}

/* The largest finite quantity of a level: what a full bar is. */
static uint64_t deepest(const json_t *book)
{
    static const char *const lists[] = {"asks", "bids"};
    uint64_t most = 0;
    const json_t *row;
    size_t i;

    for (size_t s = 0; s < ARRAY_N(lists); s++) {
        json_array_foreach(get_list(book, lists[s]), i, row) if (get_u64(row, "quantity") > most) most = get_u64(row, "quantity");
    }
    return most;
}

static json_t *level_row(const json_t *book, const json_t *level, const char *side, uint64_t *total, bool *unlimited, uint64_t most)
{
    char shown[TEXT_MAX], sum[TEXT_MAX], mine[TEXT_MAX], bar[4 * BAR_CELLS];
    json_t *row = json_copy((json_t *)level);
    uint64_t quantity = get_u64(level, "quantity");

    *total = quantity > AMOUNT_MAX - *total ? AMOUNT_MAX : *total + quantity;
    *unlimited |= get_bool(level, "unlimited");
    quantity_format(quantity, get_bool(level, "unlimited"), shown);
    quantity_format(*unlimited ? 0 : *total, *unlimited, sum);
    mine_format(book, side, get_u64(level, "price"), mine);
    if (get_bool(level, "unlimited"))
        bar_format(1, 1, bar);
    else
        bar_format(quantity, most, bar);
    set_text(row, "side", side);
    set_text(row, "label", side);
    set_text(row, "shown", shown);
    set_text(row, "total", sum);
    set_text(row, "mine", mine);
    set_text(row, "bar", bar);
    return row;
}

/* Asks from the dearest to the best, then bids from the best down: as a book is read. */
static json_t *levels_of(const json_t *book)
{
    json_t *rows = json_array();
    uint64_t most = deepest(book), total = 0;
    bool unlimited = false;
    const json_t *level;
    size_t i;

    json_array_foreach(get_list(book, "asks"), i, level)
        json_array_insert_new(rows, 0, level_row(book, level, "ask", &total, &unlimited, most));
    total = 0;
    unlimited = false;
    json_array_foreach(get_list(book, "bids"), i, level)
        json_array_append_new(rows, level_row(book, level, "bid", &total, &unlimited, most));
    return rows;
}

/* ---- drawing ---- */
static void head_print(const struct cli *cli, const json_t *book)
{
    char *title = get_escaped(book, "title");
    const char *state = get_text(book, "state");
    const json_t *ask = get_first(book, "asks"), *bid = get_first(book, "bids");
    char yuan[TEXT_MAX];
    bool bad = strcmp(state, "open") != 0, halted = get_bool(book, "halted");

    printf("%s%s%s\n", cli->color ? "\033[1m" : "", title, cli->color ? "\033[0m" : "");
    printf("Listing %" PRIu64 "  %s  %s%s%s", get_u64(book, "listing"), get_text(book, "kind"),
           !cli->color ? "" : bad ? "\033[31m" : "\033[32m", state, cli->color ? "\033[0m" : "");
    if (halted) printf("  %sthe market is halted%s", cli->color ? "\033[31m" : "", cli->color ? "\033[0m" : "");
    yuan_format(get_u64(book, "last_price"), yuan);
    char *unit = get_escaped(book, "unit");
    if (unit[0] != '\0') printf("  a unit: %s", unit);
    free(unit);
    printf("  last %s", get_bool(book, "has_last") ? yuan : "-");
    if (ask != NULL && bid != NULL && get_u64(ask, "price") >= get_u64(bid, "price")) {
        yuan_format(get_u64(ask, "price") - get_u64(bid, "price"), yuan);
        printf("  spread %s", yuan);
    }
    printf("\n\n");
    free(title);
}

static int book_print(struct cli *cli, const json_t *book)
{
    json_t *rows = levels_of(book);

    if (cli->terminal && !cli->json) head_print(cli, book);
    bool ladder = cli->terminal && !cli->json;
    int code = show_table(cli, ladder ? ladder_columns : level_columns, rows, book, "The book is empty.");
    if (!ladder && get_bool(book, "has_last")) {
        char yuan[TEXT_MAX];
        yuan_format(get_u64(book, "last_price"), yuan);
        talk(cli, "Last price: %s CNY.", yuan);
    }
    json_decref(rows);
    return code;
}

/* ---- following ---- */
struct followed {
    struct cli *cli;
    uint64_t listing;
    json_t *rows; /* of the last time; NULL: nothing was shown */
    int code;
    bool failed; /* cli->error says why */
};

static const json_t *level_find(const json_t *rows, const json_t *like)
{
    const json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        if (get_u64(row, "price") == get_u64(like, "price") && strcmp(get_text(row, "side"), get_text(like, "side")) == 0)
            return row;
    }
    return NULL;
}

/* Levels that are other than they were, then those that are gone. */
static int changes_print(struct followed *f, const json_t *rows)
{
    const json_t *row;
    int code = EXIT_OK;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        const json_t *was = level_find(f->rows, row);
        bool same = was != NULL && json_equal(json_object_get(was, "quantity"), json_object_get(row, "quantity")) &&
                    json_equal(json_object_get(was, "orders"), json_object_get(row, "orders")) &&
                    json_equal(json_object_get(was, "unlimited"), json_object_get(row, "unlimited"));
        if (!same && code == EXIT_OK) code = show_line(f->cli, level_columns, row);
    }
    json_array_foreach(f->rows, i, row)
    {
        if (level_find(rows, row) != NULL || code != EXIT_OK) continue;
        json_t *gone = json_copy((json_t *)row);
        set_u64(gone, "quantity", 0);
        set_u64(gone, "orders", 0);
        json_object_set_new(gone, "unlimited", json_false());
        code = show_line(f->cli, level_columns, gone);
        json_decref(gone);
    }
    return code;
}

static bool book_again(void *ctx, const struct tide_doc *message)
{
    struct followed *f = ctx;
    struct cli *cli = f->cli;

    (void)message;
    json_t *book = book_get(cli, f->listing);
    if (book == NULL) return f->failed = true, false;
    json_t *rows = levels_of(book);
    if (cli->json) {
        f->code = show_json(cli, book);
    } else if (cli->terminal) {
        fputs("\033[H\033[J", stdout);
        f->code = book_print(cli, book);
    } else {
        f->code = changes_print(f, rows);
    }
    json_decref(f->rows);
    f->rows = rows;
    json_decref(book);
    return f->code == EXIT_OK && !interrupted();
}

static int book_follow(struct cli *cli, uint64_t listing)
{
    struct followed f = {.cli = cli, .listing = listing};

    int code = session_open(cli);
    if (code == 0) {
        struct tide_error ended;
        code = tide_tape_follow(cli->market, listing, book_again, &f, &ended);
        if (!f.failed) cli->error = ended;
    }
    json_decref(f.rows);
    if (code != 0 || f.failed) return cli_fail(cli, "cannot follow the book of listing %" PRIu64, listing);
    if (interrupted()) {
        cli_error(cli, CODE_INTERRUPTED, NULL);
        return cli_fail(cli, "stopped");
    }
    return f.code;
}

int book_show(struct cli *cli)
{
    uint64_t listing;

    if (!value_number(cli, 0, "listing", &listing)) return cli_fail(cli, "%s", "");
    if (args_has(&cli->args, "follow")) return book_follow(cli, listing);
    json_t *book = book_get(cli, listing);
    if (book == NULL) return cli_fail(cli, "cannot show the book of listing %" PRIu64, listing);
    int code = book_print(cli, book);
    json_decref(book);
    return code;
}
