/*
 * Showing, confirming and placing a bid; see bid.h.
 *
 * Always holds: nothing is signed before the person, or --yes, has agreed to the total that was shown.
 */
#include "client/cli/bid.h"

#include "client/cli/prompt.h"
#include "client/cli/report.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int bid_total(struct cli *cli, struct bid *bid)
{
    if (yuan_total(bid->price_fen, bid->quantity, &bid->total_fen) && bid->total_fen > 0) return 0;
    return cli_error(cli, CODE_BAD_PRICE, NULL);
}

bool bid_dry_run(struct cli *cli, const struct bid *bid, int *code)
{
    if (!args_has(&cli->args, "dry-run")) return false;
    json_t *body = json_pack("{s:I,s:s,s:s,s:I,s:I,s:s}", "listing", (json_int_t)bid->listing, "side", "bid", "type",
                             "limit", "price", (json_int_t)bid->price_fen, "quantity", (json_int_t)bid->quantity,
                             "terms_hash", get_text(bid->row, "terms_hash"));
    set_text(body, "purpose", bid->purpose);
    talk(cli, "The bid's one-time recipient is made when it is signed.");
    return dry_run(cli, "order", body, code);
}

int bid_confirm(struct cli *cli, const struct bid *bid)
{
    char price[TEXT_MAX], total[TEXT_MAX], question[TEXT_MAX + 64];
    char *title = get_escaped(bid->row, "title"), *vendor = get_escaped(bid->row, "vendor_name");
    char *purpose = bid->purpose != NULL ? text_escape(bid->purpose) : NULL;
    const char *terms = get_text(bid->published, "terms");

    yuan_format(bid->price_fen, price);
    yuan_format(bid->total_fen, total);
    talk(cli, "Listing   %" PRIu64 "  %s", bid->listing, title);
    talk(cli, "Vendor    %s  (%s)", vendor, get_text(bid->row, "vendor"));
    talk(cli, "Bid       %" PRIu64 " × %s CNY at most", bid->quantity, price);
    talk(cli, "Total     %s CNY at most, held until it trades; then in escrow until you accept", total);
    talk(cli, "Terms     %s%s", get_text(bid->row, "terms_hash"), terms[0] != '\0' ? "" : " (no text)");
    show_block(cli, false, terms);
    if (purpose != NULL) talk(cli, "Purpose   %s", purpose);
    free(title);
    free(vendor);
    free(purpose);
    snprintf(question, sizeof question, "Bid %s CNY and accept these terms?", total);
    return confirm(cli, question);
}

/* "99.00 CNY needed, 12.50 available", if the balance can be had. */
static void funds_explain(struct cli *cli, const struct bid *bid)
{
    struct tide_error was = cli->error;
    json_t *answer;
    char needed[TEXT_MAX], available[TEXT_MAX];

    int code = session_ask(cli, "balances", NULL, &answer);
    cli->error = was;
    if (code != 0) return;
    yuan_format(bid->total_fen, needed);
    yuan_format(get_u64(get_first(answer, "balances"), "available"), available); /* the first is CNY */
    json_decref(answer);
    snprintf(cli->error.message, sizeof cli->error.message, "%s CNY needed, %s available", needed, available);
    const char *price_flag = strcmp(cli->args.command->noun, "buy") == 0 ? "--max-price" : "--price";
    cli_hint(cli, "Ask your bank for a deposit, or lower %s.", price_flag);
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
    struct tide_doc *answer = NULL;

    *order = 0;
    if (session_open(cli) != 0) return cli->error.code;
    int code = tide_bid(cli->market, bid->listing, bid->price_fen, bid->quantity, bid->purpose, &answer,
                        &cli->error);
    if (code == CODE_NO_FUNDS) funds_explain(cli, bid);
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
