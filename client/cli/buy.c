/*
 * buy: bids, waits for the trade and the grant, downloads, checks, opens, accepts, and writes the receipt.
 *
 * Always holds: money is promised only after "yes"; what was bid for is noted before it is sent (purchase.c), so that
 * the same command goes on wherever it was stopped, and one process at a time; a delivery is accepted only after every chunk
 * was checked and opened, and every sample found as it was signed, and only of the listing that was named. Not here: what
 * follows when it was not (dispute.c).
 */
#include "client/cli/bid.h"
#include "client/cli/commands.h"
#include "client/cli/dispute.h"
#include "client/cli/purchase.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"
#include "client/cli/trade.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct column bought_columns[] = {{"listing", "Listing", COLUMN_INDEX, NULL},
                                               {"order", "Order", COLUMN_INDEX, NULL},
                                               {"trade", "Trade", COLUMN_INDEX, NULL},
                                               {"state", "State", COLUMN_STATE, NULL},
                                               {"quantity", "Quantity", COLUMN_COUNT, NULL},
                                               {"total", "Paid (CNY)", COLUMN_MONEY, NULL},
                                               {"voucher", "By voucher (CNY)", COLUMN_MONEY, NULL},
                                               {"file", "File", COLUMN_TEXT, NULL},
                                               {"receipt", "Receipt", COLUMN_TEXT, NULL},
                                               {NULL, NULL, COLUMN_END, NULL}};

static int cannot_buy(struct cli *cli, const struct purchase *p)
{
    return cli_fail(cli, p->order == 0 ? "cannot bid on listing %" PRIu64 : "cannot finish buying listing %" PRIu64,
                    p->listing);
}

/* ---- bidding ---- */

/* The price: --max-price, or what it is offered at. */
static int price_choose(struct cli *cli, struct bid *bid)
{
    bid->price_fen = args_number(&cli->args, "max-price", 0);
    bid->quantity = args_number(&cli->args, "quantity", 1);
    if (strcmp(get_text(bid->row, "state"), "open") != 0) {
        return cli_error(cli, CODE_NOT_OPEN, "the listing is %s, not open", get_text(bid->row, "state"));
    }
    if (args_text(&cli->args, "max-price") == NULL) {
        if (!get_bool(bid->row, "has_ask")) {
            cli_error(cli, CODE_BAD_PRICE, "nobody offers it now, so that there is no price");
            cli_hint(cli, "Give --max-price: the bid then waits in the book.");
            return cli->error.code;
        }
        bid->price_fen = get_u64(bid->row, "best_ask");
    }
    return bid_prepare(cli, bid);
}

/* Confirms, notes, bids, notes. */
static int bid_noted(struct cli *cli, struct purchase *p, const struct bid *bid)
{
    if (bid_confirm(cli, bid) != 0 || purchase_save(cli, p) != 0) return cli->error.code;
    int code = bid_place(cli, bid, &p->order);
    if (code == 0) {
        talk(cli, "Bid placed: order %" PRIu64 ".", p->order);
        return purchase_save(cli, p);
    }
    bool may_be_there = code == CODE_UNKNOWN_OUTCOME || code == CODE_INTERRUPTED;
    if (!may_be_there) purchase_end(p); /* refused: nothing to go on with */
    return code;
}

/* True: p->order is set. False: *code is the exit code (an error, or a dry run). */
static bool bid_run(struct cli *cli, struct purchase *p, int *code)
{
    struct bid bid = {.listing = p->listing,
                      .purpose = args_text(&cli->args, "purpose"),
                      .voucher = args_number(&cli->args, "voucher", 0)};
    bool good = false;

    if (bid_listing(cli, &bid) != 0 || price_choose(cli, &bid) != 0) {
        *code = cannot_buy(cli, p);
    } else if (!bid_dry_run(cli, &bid, code)) {
        good = bid_noted(cli, p, &bid) == 0;
        if (!good) *code = cannot_buy(cli, p);
    }
    bid_drop(&bid);
    return good;
}

/* ---- going on ---- */

/* Finds what an earlier run began. 0 also when there is nothing. */
static int resume(struct cli *cli, struct purchase *p)
{
    unsigned n_open;

    if (args_has(&cli->args, "dry-run")) return 0;
    if (p->order == 0 && p->is_noted && tide_resend(cli->market, &n_open, &cli->error) != 0) return cli->error.code;
    if (p->order == 0 && purchase_find(cli, p) != 0) return cli->error.code;
    if (p->order != 0)
        talk(cli, "Going on with order %" PRIu64 " on listing %" PRIu64 ", bid earlier.", p->order, p->listing);
    return p->order != 0 && !p->is_noted ? purchase_save(cli, p) : 0;
}

/* The trade was refunded: why, and what is left to do. */
static int refunded_say(struct cli *cli, uint64_t trade, const json_t *row)
{
    const char *finding = get_text(row, "finding");

    if (verdict_refunds(finding)) {
        cli_error(cli, CODE_DAMAGED, "the delivery of trade %" PRIu64 " was bad (%s); the verdict gave the money back", trade,
                  finding_words(finding));
        cli_hint(cli, "It is available again. The same command would bid anew, for the same content from the same vendor.");
        return cli->error.code;
    }
    cli_error(cli, CODE_WRONG_STATE, "trade %" PRIu64 " was refunded; the money is available again", trade);
    cli_hint(cli, "The same command bids anew.");
    return cli->error.code;
}

/* Waits until the trade is granted or final, or judged if it was disputed; *state says which. */
static int grant_wait(struct cli *cli, const json_t *row, char state[32])
{
    uint64_t trade = get_u64(row, "trade");
    json_t *now;

    if (strcmp(get_text(row, "state"), "matched") == 0) {
        talk(cli, "Trade %" PRIu64 "; waiting for the vendor's grant.", trade);
        int code = tide_trade_wait(cli->market, trade, "granted", wait_ms(cli), NULL, &cli->error);
        if (code != 0 && code != CODE_WRONG_STATE) return code;
    }
    if (strcmp(get_text(row, "state"), "disputed") == 0) {
        talk(cli, "Trade %" PRIu64 " is disputed; waiting for the verdict.", trade);
        int code = tide_verdict_wait(cli->market, trade, wait_ms(cli), NULL, &cli->error);
        if (code != 0) return code;
    }
    if (trade_row(cli, trade, &now) != 0) return cli->error.code;
    snprintf(state, 32, "%s", get_text(now, "state"));
    int code = 0;
    if (strcmp(state, "refunded") == 0)
        code = refunded_say(cli, trade, now);
    else if (strcmp(state, "granted") != 0 && strcmp(state, "settled") != 0)
        code = cli_error(cli, CODE_WRONG_STATE, "trade %" PRIu64 " is %s", trade, state);
    json_decref(now);
    return code;
}

/*
 * The content comes once, however many trades the order made; a credential with each trade, the later ones in files of
 * their own.
 */
static int delivery_get(struct cli *cli, struct purchase *p, uint64_t trade, const char *out, bool is_first)
{
    json_t *report;

    if (is_first ? p->fetched : access(out, F_OK) == 0) return 0;
    int code = trade_download(cli, trade, out, &report);
    p->fetched_chunks += get_u64(report, "fetched_chunks");
    p->fetched_bytes += get_u64(report, "fetched_bytes");
    if (code == CODE_DAMAGED) {
        p->bad_trade = trade;
        p->report = report;
        return code;
    }
    json_decref(report);
    if (code != 0 || !is_first) return code;
    p->fetched = true;
    return purchase_save(cli, p);
}

/* A later trade of content that is here already: its own grant must open it, too. One chunk tells. */
static int later_examine(struct cli *cli, struct purchase *p, uint64_t trade)
{
    json_t *report;

    int code = trade_examine(cli, trade, 0, &report);
    if (code == 0 && verdict_refunds(get_text(report, "finding"))) {
        p->bad_trade = trade;
        p->report = report;
        return cli_error(cli, CODE_DAMAGED, "%s", get_text(report, "words"));
    }
    json_decref(report);
    return code;
}

/* Grant, delivery, acceptance, receipt of the i-th trade: whatever of it is still to be done. */
static int trade_finish(struct cli *cli, struct purchase *p, const json_t *row, size_t i)
{
    uint64_t trade = get_u64(row, "trade");
    char state[32], out[CONTEXT_PATH_MAX + 24], receipt[CONTEXT_PATH_MAX + 24];

    snprintf(out, sizeof out, "%s", p->out);
    snprintf(receipt, sizeof receipt, "%s", p->receipt);
    if (i > 0) {
        snprintf(out, sizeof out, "%s.%zu", p->out, i + 1);
        snprintf(receipt, sizeof receipt, "%s.%zu", p->receipt, i + 1);
    }

    int code = grant_wait(cli, row, state);
    if (code != 0 && strcmp(state, "refunded") == 0) purchase_end(p);
    if (code != 0) return code;
    bool is_granted = strcmp(state, "granted") == 0, is_here = i > 0 && !p->by_trade;
    if (!is_here && delivery_get(cli, p, trade, out, i == 0) != 0) return cli->error.code;
    if (is_here && is_granted && later_examine(cli, p, trade) != 0) return cli->error.code;
    if (is_granted && tide_accept_of(cli->market, p->listing, trade, NULL, &cli->error) != 0) return cli->error.code;
    if (access(receipt, F_OK) == 0) return 0;
    return tide_receipt(cli->market, trade, receipt, wait_ms(cli), &cli->error);
}

/* Whether each trade of the listing brings something of its own. */
static int kind_look(struct cli *cli, struct purchase *p)
{
    json_t *answer;

    if (session_ask(cli, "listing", json_pack("{s:I}", "listing", (json_int_t)p->listing), &answer) != 0)
        return cli->error.code;
    const char *kind = get_text(get_first(answer, "row"), "kind");
    p->by_trade = strcmp(kind, "api") == 0 || strcmp(kind, "compute") == 0;
    json_decref(answer);
    return 0;
}

static int bought_show(struct cli *cli, const struct purchase *p, const json_t *trades)
{
    const json_t *row;
    size_t i;
    uint64_t quantity = 0, total = 0, voucher = 0;

    json_array_foreach(trades, i, row)
    {
        quantity += get_u64(row, "quantity");
        total += get_u64(row, "total");
        voucher += get_u64(row, "voucher");
    }
    json_t *shown =
        json_pack("{s:I,s:I,s:I,s:s,s:I,s:I,s:I,s:s,s:s,s:I,s:I}", "listing", (json_int_t)p->listing, "order", (json_int_t)p->order,
                  "trade", (json_int_t)get_u64(json_array_get(trades, 0), "trade"), "state", "settled", "quantity",
                  (json_int_t)quantity, "total", (json_int_t)total, "voucher", (json_int_t)voucher, "file", p->out, "receipt", p->receipt,
                  "fetched_chunks", (json_int_t)p->fetched_chunks, "fetched_bytes", (json_int_t)p->fetched_bytes);
    int code = show_card(cli, bought_columns, shown, NULL);
    json_decref(shown);
    return code;
}

/* The delivery was bad: dispute it, if that is wanted. An exit code. */
static int bad_finish(struct cli *cli, struct purchase *p)
{
    json_t *row;

    int code = bad_delivery(cli, p->bad_trade, p->report);
    json_decref(p->report);
    p->report = NULL;
    if (trade_row(cli, p->bad_trade, &row) != 0) return code;
    if (strcmp(get_text(row, "state"), "refunded") == 0) purchase_end(p);
    json_decref(row);
    return code;
}

/* Every trade of the order so far. An exit code. */
static int trades_finish(struct cli *cli, struct purchase *p)
{
    json_t *trades = purchase_trades(cli, p);
    const json_t *row;
    uint64_t left;
    size_t i;

    if (trades == NULL || kind_look(cli, p) != 0) {
        json_decref(trades);
        return cannot_buy(cli, p);
    }
    json_array_foreach(trades, i, row)
    {
        if (trade_finish(cli, p, row, i) == 0) continue;
        json_decref(trades);
        return p->report != NULL ? bad_finish(cli, p) : cannot_buy(cli, p);
    }
    int code = purchase_left(cli, p, &left) != 0 ? cannot_buy(cli, p) : bought_show(cli, p, trades);
    json_decref(trades);
    if (code != EXIT_OK) return code;
    if (left == 0) return purchase_end(p), EXIT_OK;
    talk(cli,
         "Still in the book: %" PRIu64 ", as order %" PRIu64
         ". The same command takes what trades later; tidemark order cancel gives it up.",
         left, p->order);
    return EXIT_PARTLY;
}

static int no_wait_show(struct cli *cli, const struct purchase *p)
{
    json_t *row = json_pack("{s:I,s:I}", "listing", (json_int_t)p->listing, "order", (json_int_t)p->order);
    static const struct column columns[] = {{"listing", "Listing", COLUMN_INDEX, NULL},
                                            {"order", "Order", COLUMN_INDEX, NULL},
                                            {NULL, NULL, COLUMN_END, NULL}};
    int code = show_card(cli, columns, row, NULL);

    json_decref(row);
    talk(cli, "The same command without --no-wait goes on.");
    return code;
}

/* Bids unless that was done, waits, and finishes what traded. An exit code. */
static int purchase_run(struct cli *cli, struct purchase *p)
{
    struct tide_doc *trade = NULL;
    int code;

    if (resume(cli, p) != 0) return cannot_buy(cli, p);
    if (p->order == 0 && !bid_run(cli, p, &code)) return code;
    if (args_has(&cli->args, "no-wait")) return no_wait_show(cli, p);
    code = tide_order_wait(cli->market, p->order, wait_ms(cli), &trade, &cli->error);
    tide_doc_free(&trade);
    if (code / 100 == 4) purchase_end(p); /* the order is gone without a trade */
    return code != 0 ? cannot_buy(cli, p) : trades_finish(cli, p);
}

int buy_run(struct cli *cli)
{
    struct purchase p = {.listing = 0};
    uint64_t listing;

    if (!value_number(cli, 0, "listing", &listing)) return cli_fail(cli, "%s", "");
    if (purchase_init(cli, &p, listing, args_text(&cli->args, "out")) != 0) {
        return cli_fail(cli, "cannot buy listing %" PRIu64, listing);
    }
    int code = purchase_run(cli, &p);
    purchase_leave(&p);
    return code;
}
