/*
 * Showing, confirming and placing a bid; see bid.h.
 *
 * Always holds: nothing is signed before the person, or --yes, has agreed to the total and the terms that were shown; the
 * bid carries the hash of those very terms, so that others are never accepted in their place.
 */
#include "client/cli/bid.h"

#include "client/cli/prompt.h"
#include "client/cli/report.h"
#include "client/cli/sample.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"
#include "client/cli/voucher.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TERMS_LINES 12 /* of the usage terms, before a bid; listing show has them whole */

/* ---- what is bid for ---- */

static int terms_check(struct cli *cli, const struct bid *bid)
{
    const char *terms = get_text(bid->published, "terms");
    uint8_t hash[32];
    char hex[65];

    tide_sha256(terms, strlen(terms), hash);
    hex_format(hash, sizeof hash, hex);
    if (strcmp(hex, get_text(bid->row, "terms_hash")) == 0) return 0;
    return cli_error(cli, CODE_FAILED, "the listing's usage terms are not those that its hash names");
}

int bid_listing(struct cli *cli, struct bid *bid)
{
    if (session_ask(cli, "listing", json_pack("{s:I}", "listing", (json_int_t)bid->listing), &bid->answer) != 0)
        return cli->error.code;
    bid->row = get_first(bid->answer, "row");
    bid->published = get_first(bid->answer, "published");
    return terms_check(cli, bid);
}

void bid_drop(struct bid *bid)
{
    json_decref(bid->answer);
    json_decref(bid->programme);
    bid->answer = bid->programme = NULL;
    bid->row = bid->published = NULL;
}

static int voucher_part(struct cli *cli, struct bid *bid)
{
    uint64_t unit;

    if (programme_row(cli, bid->voucher, &bid->programme) != 0) return cli->error.code;
    int code =
        voucher_quote(cli, bid->programme, get_text(bid->row, "kind"), bid->price_fen, bid->quantity, &unit);
    bid->voucher_fen = unit * bid->quantity; /* at most the total: a share of each unit's price */
    return code;
}

int bid_prepare(struct cli *cli, struct bid *bid)
{
    if (bid->conditions.tif == NULL) bid->conditions.tif = "gtc";
    bid->total_fen = bid->budget_fen;
    if (!bid->conditions.is_market &&
        (!yuan_total(bid->price_fen, bid->quantity, &bid->total_fen) || bid->total_fen == 0))
        return cli_error(cli, CODE_BAD_PRICE, NULL);
    return bid->voucher != 0 ? voucher_part(cli, bid) : 0;
}

/* The body of the order but for its one-time recipient. */
static json_t *bid_body(const struct bid *bid)
{
    json_t *body = json_pack("{s:I,s:s,s:I,s:I,s:s}", "listing", (json_int_t)bid->listing, "side", "bid", "price",
                             (json_int_t)bid->price_fen, "quantity", (json_int_t)bid->quantity, "terms_hash",
                             get_text(bid->row, "terms_hash"));

    conditions_put(&bid->conditions, body);
    set_text(body, "purpose", bid->purpose);
    if (bid->budget_fen != 0) set_u64(body, "budget", bid->budget_fen);
    if (bid->voucher != 0) set_u64(body, "voucher", bid->voucher);
    return body;
}

bool bid_dry_run(struct cli *cli, const struct bid *bid, int *code)
{
    if (!args_has(&cli->args, "dry-run")) return false;
    talk(cli, "The bid's one-time recipient is made when it is signed.");
    return dry_run(cli, "order", bid_body(bid), code);
}

/* ---- asking ---- */

/* The usage terms, or their first lines. */
static void terms_show(const struct cli *cli, const struct bid *bid)
{
    const char *terms = get_text(bid->published, "terms"), *at = terms;
    size_t more = 0;

    talk(cli, "Terms     %s%s", get_text(bid->row, "terms_hash"), terms[0] != '\0' ? "" : " (no text)");
    for (int i = 0; i < TERMS_LINES && *at != '\0'; i++) {
        at += strcspn(at, "\n");
        if (*at != '\0') at++;
    }
    char *shown = strndup(terms, (size_t)(at - terms));
    if (shown != NULL) show_block(cli, false, shown);
    free(shown);
    for (; *at != '\0'; more++) {
        at += strcspn(at, "\n");
        if (*at != '\0') at++;
    }
    if (more > 0)
        talk(cli, "  … %zu more line%s: tidemark listing show %" PRIu64 " prints them whole.", more,
             more == 1 ? "" : "s", bid->listing);
}

const char *units_format(const json_t *row, uint64_t quantity, bool priced, char out[UNITS_MAX])
{
    char *unit = get_escaped(row, "unit");

    if (unit[0] != '\0')
        snprintf(out, UNITS_MAX, "%" PRIu64 " %s%s", quantity, unit, priced ? " at" : "");
    else
        snprintf(out, UNITS_MAX, "%" PRIu64 "%s", quantity, priced ? " ×" : "");
    free(unit);
    return out;
}

/* Who pays how much. */
static void payment_show(const struct cli *cli, const struct bid *bid)
{
    char total[TEXT_MAX], part[TEXT_MAX];

    yuan_format(bid->total_fen - bid->voucher_fen, total);
    if (bid->voucher != 0) {
        char *name = get_escaped(bid->programme, "name");
        yuan_format(bid->voucher_fen, part);
        talk(cli, "Voucher   %s CNY at most, of %s (programme %" PRIu64 ")", part, name, bid->voucher);
        free(name);
    }
    talk(cli, "%-8s  %s CNY at most, held until it trades; then in escrow until you accept",
         bid->voucher != 0 ? "Yourself" : "Total", total);
}

static void price_show(const struct cli *cli, const struct bid *bid)
{
    char price[TEXT_MAX], how[160], many[UNITS_MAX];

    yuan_format(bid->conditions.is_market ? bid->budget_fen : bid->price_fen, price);
    if (bid->conditions.is_market)
        talk(cli, "Bid       %s at what they are offered for, %s CNY in all at most",
             units_format(bid->row, bid->quantity, false, many), price);
    else
        talk(cli, "Bid       %s %s CNY at most", units_format(bid->row, bid->quantity, true, many), price);
    conditions_describe(&bid->conditions, how, sizeof how);
    talk(cli, "In force  %s", how);
}

/* What the person decides upon; the samples are checked. */
static int listing_show_short(struct cli *cli, const struct bid *bid)
{
    char *title = get_escaped(bid->row, "title"), *vendor = get_escaped(bid->row, "vendor_name");

    talk(cli, "Listing   %" PRIu64 "  %s", bid->listing, title);
    talk(cli, "Vendor    %s  (%s)", vendor, get_text(bid->row, "vendor"));
    free(title);
    free(vendor);
    return samples_show(cli, bid->row);
}

int bid_confirm(struct cli *cli, const struct bid *bid)
{
    char total[TEXT_MAX], part[TEXT_MAX], question[2 * TEXT_MAX + 96];
    char *purpose;

    if (listing_show_short(cli, bid) != 0) return cli->error.code;
    purpose = bid->purpose != NULL ? text_escape(bid->purpose) : NULL;
    price_show(cli, bid);
    payment_show(cli, bid);
    terms_show(cli, bid);
    if (purpose != NULL) talk(cli, "Purpose   %s", purpose);
    free(purpose);
    yuan_format(bid->total_fen - bid->voucher_fen, total);
    yuan_format(bid->voucher_fen, part);
    if (bid->voucher != 0)
        snprintf(question, sizeof question, "Bid %s CNY, and %s CNY of the voucher, and accept these terms?", total,
                 part);
    else
        snprintf(question, sizeof question, "Bid %s CNY and accept these terms?", total);
    return confirm(cli, question);
}

/* ---- placing ---- */

void funds_explain(struct cli *cli, uint64_t needed_fen, const char *flag)
{
    struct tide_error was = cli->error;
    json_t *answer;
    char needed[TEXT_MAX], available[TEXT_MAX];

    int code = session_ask(cli, "balances", NULL, &answer);
    cli->error = was;
    if (code != 0) return;
    yuan_format(needed_fen, needed);
    yuan_format(get_u64(get_first(answer, "balances"), "available"), available); /* the first is CNY */
    json_decref(answer);
    snprintf(cli->error.message, sizeof cli->error.message, "%s CNY needed, %s available", needed, available);
    cli_hint(cli, "Ask your bank for a deposit, or lower %s.", flag);
}

/* Which purposes the listing allows. */
static void purpose_explain(struct cli *cli, const struct bid *bid)
{
    const char *allowed = get_text(bid->published, "purposes");

    if (allowed[0] != '\0') cli_hint(cli, "Give --purpose with one of these, if it is yours: %.150s.", allowed);
}

/* The id of the newest statement without a known outcome. */
static bool newest_signed(void *ctx, const struct tide_doc *entry)
{
    if (strcmp(tide_doc_text(entry, "state"), "signed") == 0)
        snprintf(ctx, 40, "%s", tide_doc_text(entry, "command_id"));
    return true;
}

int bid_place(struct cli *cli, const struct bid *bid, uint64_t *order)
{
    struct tide_doc *body = NULL, *answer = NULL;

    *order = 0;
    if (session_open(cli) != 0) return cli->error.code;
    int code = session_doc(cli, "order", bid_body(bid), &body);
    if (code == 0) code = tide_order(cli->market, body, &answer, &cli->error);
    tide_doc_free(&body);
    if (code == CODE_NO_FUNDS) {
        bool is_buy = strcmp(cli->args.command->noun, "buy") == 0;
        const char *flag = is_buy ? "--max-price" : bid->conditions.is_market ? "--budget" : "--price";
        funds_explain(cli, bid->total_fen - bid->voucher_fen, flag);
    }
    if (code == CODE_NOT_ALLOWED_FOR) purpose_explain(cli, bid);
    if (code == CODE_UNKNOWN_OUTCOME || code == CODE_INTERRUPTED) {
        char id[40] = "";
        tide_outbox_each(cli->market, newest_signed, id, NULL);
        cli_error_id(cli, id);
    }
    if (code != 0) return code;
    *order = tide_doc_u64(answer, "first_index") + 1;
    tide_doc_free(&answer);
    return 0;
}
