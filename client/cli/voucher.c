/*
 * voucher programme, give, list: money of others that pays a share; and what it pays of a bid (voucher.h).
 */
#include "client/cli/voucher.h"

#include "client/cli/commands.h"
#include "client/cli/prompt.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"
#include "client/cli/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct column programme_columns[] = {{"programme", "Programme", COLUMN_INDEX, NULL},
                                                  {"name", "Name", COLUMN_LONG, NULL},
                                                  {"state", "State", COLUMN_STATE, NULL},
                                                  {"kinds", "Pays for", COLUMN_TEXT, NULL},
                                                  {"share_bp", "Share", COLUMN_SHARE, NULL},
                                                  {"top_price", "Up to (CNY)", COLUMN_MONEY | COLUMN_SPARE, NULL},
                                                  {"ends_at", "Ends", COLUMN_TIME, NULL},
                                                  {"available", "You have", COLUMN_MONEY, NULL},
                                                  {"held", "Held", COLUMN_MONEY | COLUMN_SPARE, NULL},
                                                  {"escrow", "In escrow", COLUMN_MONEY | COLUMN_SPARE, NULL},
                                                  {"fund", "Fund", COLUMN_MONEY | COLUMN_SPARE, NULL},
                                                  {"left", "Not given yet", COLUMN_MONEY | COLUMN_SPARE, NULL},
                                                  {"issuer_name", "Issuer", COLUMN_LONG, NULL},
                                                  {NULL, NULL, COLUMN_END, NULL}};

static const struct column opened_columns[] = {{"programme", "Programme", COLUMN_INDEX, NULL},
                                               {"name", "Name", COLUMN_TEXT, NULL},
                                               {"fund", "Fund (CNY)", COLUMN_MONEY, NULL},
                                               {"ends_at", "Ends", COLUMN_TIME, NULL},
                                               {NULL, NULL, COLUMN_END, NULL}};

static const struct column given_columns[] = {{"programme", "Programme", COLUMN_INDEX, NULL},
                                              {"party", "Party", COLUMN_TEXT, NULL},
                                              {"amount", "Amount (CNY)", COLUMN_MONEY, NULL},
                                              {"record", "Record", COLUMN_INDEX, NULL},
                                              {NULL, NULL, COLUMN_END, NULL}};

/* ---- what it pays ---- */

uint64_t voucher_unit(uint64_t price, uint64_t top, uint64_t share_bp, uint64_t available, uint64_t quantity)
{
    uint64_t covered = price < top ? price : top;
    /* floor(covered × share / 10,000) without a product that could overflow: covered is at most 2^53, the share 10^4. */
    uint64_t share = covered / 10000 * share_bp + covered % 10000 * share_bp / 10000;
    uint64_t each = quantity > 0 ? available / quantity : 0;

    return share < each ? share : each;
}

int programme_row(struct cli *cli, uint64_t programme, json_t **row)
{
    json_t *answer;

    *row = NULL;
    if (session_ask(cli, "programmes", json_pack("{s:I,s:i}", "before", (json_int_t)programme + 1, "limit", 1),
                    &answer) != 0)
        return cli->error.code;
    const json_t *first = get_first(answer, "programmes");
    if (get_u64(first, "programme") == programme) *row = json_deep_copy(first);
    json_decref(answer);
    if (*row != NULL) return 0;
    return cli_error(cli, CODE_NO_SUCH_PROGRAMME, "there is no voucher programme %" PRIu64, programme);
}

static bool covers(const json_t *programme, const char *kind)
{
    const json_t *item;
    size_t i;

    json_array_foreach(get_list(programme, "kinds"), i, item)
    {
        if (json_is_string(item) && strcmp(json_string_value(item), kind) == 0) return true;
    }
    return false;
}

int voucher_quote(struct cli *cli, const json_t *programme, const char *kind, uint64_t price, uint64_t quantity,
                  uint64_t *unit)
{
    uint64_t name = get_u64(programme, "programme"), available = get_u64(programme, "available");
    char ended[TEXT_MAX];

    *unit = 0;
    if (strcmp(get_text(programme, "state"), "open") != 0) {
        time_short(get_u64(programme, "ends_at"), ended);
        cli_error(cli, CODE_WRONG_STATE, "voucher programme %" PRIu64 " has ended (%s)", name, ended);
    } else if (!covers(programme, kind)) {
        cli_error(cli, CODE_VOUCHER_NOT_FOR_THIS, "voucher programme %" PRIu64 " does not pay for %s listings", name,
                  kind);
    } else if (available == 0) {
        cli_error(cli, CODE_NO_VOUCHER, "you have nothing available of voucher programme %" PRIu64, name);
    } else {
        *unit = voucher_unit(price, get_u64(programme, "top_price"), get_u64(programme, "share_bp"), available,
                             quantity);
        if (*unit > 0) return 0;
        cli_error(cli, CODE_NO_VOUCHER, "what you have of voucher programme %" PRIu64 " is less than a fen a unit",
                  name);
    }
    cli_hint(cli, "Bid without --voucher, or with another programme: tidemark voucher list.");
    return cli->error.code;
}

/* ---- list ---- */

int voucher_list(struct cli *cli)
{
    json_t *body = json_object(), *answer;

    json_object_set_new(body, "mine", json_boolean(args_has(&cli->args, "mine")));
    json_object_set_new(body, "open_only", json_boolean(args_has(&cli->args, "open")));
    set_u64(body, "before", args_number(&cli->args, "before", 0));
    if (session_pages(cli, "programmes", body, "programmes", "before", args_number(&cli->args, "limit", 0), &answer) !=
        0) {
        return cli_fail(cli, "cannot list voucher programmes");
    }
    int code = show_table(cli, programme_columns, get_list(answer, "programmes"), answer, "No voucher programmes.");
    json_decref(answer);
    return code;
}

/* ---- programme ---- */

static json_t *programme_body(const struct cli *cli)
{
    json_t *kinds = json_array();

    for (size_t i = 0; args_each(&cli->args, "kind", i) != NULL; i++)
        json_array_append_new(kinds, json_string(args_each(&cli->args, "kind", i)));
    return json_pack("{s:s,s:o,s:I,s:I,s:I,s:I,s:I}", "name", args_text(&cli->args, "name"), "kinds", kinds, "share_bp",
                     (json_int_t)args_number(&cli->args, "share", 0), "top_price",
                     (json_int_t)args_number(&cli->args, "top-price", 0), "cap_party",
                     (json_int_t)args_number(&cli->args, "cap", 0), "fund",
                     (json_int_t)args_number(&cli->args, "fund", 0), "ends_at",
                     (json_int_t)args_number(&cli->args, "until", 0));
}

static void programme_describe(const struct cli *cli, const json_t *body)
{
    char share[TEXT_MAX], top[TEXT_MAX], cap[TEXT_MAX], fund[TEXT_MAX], until[TEXT_MAX];
    char *name = get_escaped(body, "name");

    share_format(get_u64(body, "share_bp"), share);
    yuan_format(get_u64(body, "top_price"), top);
    yuan_format(get_u64(body, "cap_party"), cap);
    yuan_format(get_u64(body, "fund"), fund);
    time_short(get_u64(body, "ends_at"), until);
    talk(cli, "Programme %s: pays %s of each unit's price, of at most %s CNY of it.", name, share, top);
    talk(cli, "One party is given at most %s CNY.", cap);
    talk(cli, "%s CNY of yours are set aside for it at once; what is not spent comes back at its end, %s.", fund,
         until);
    free(name);
}

int voucher_programme(struct cli *cli)
{
    char fund[TEXT_MAX], question[TEXT_MAX + 64];
    json_t *body = programme_body(cli), *answer;
    int code;

    if (dry_run(cli, "programme", body, &code)) return code;
    programme_describe(cli, body);
    yuan_format(get_u64(body, "fund"), fund);
    snprintf(question, sizeof question, "Set %s CNY aside?", fund);
    if (confirm(cli, question) != 0 || session_state(cli, "programme", json_incref(body), &answer) != 0) {
        json_decref(body);
        if (cli->error.code == CODE_NO_FUNDS) cli_hint(cli, "Ask your bank for a deposit, or give a smaller --fund.");
        return cli_fail(cli, "cannot open the programme");
    }
    set_u64(body, "programme", answer_name(answer));
    code = show_card(cli, opened_columns, body, NULL);
    json_decref(body);
    json_decref(answer);
    return code;
}

/* ---- give ---- */

/* Who gets it, by name, and of what. */
static int give_describe(struct cli *cli, uint64_t programme, const char *party, uint64_t amount)
{
    json_t *row = NULL, *answer;
    char yuan[TEXT_MAX];

    if (programme_row(cli, programme, &row) != 0) return cli->error.code;
    int code = session_ask(cli, "party", json_pack("{s:s}", "party", party), &answer);
    if (code == 0) {
        char *name = get_escaped(answer, "name"), *of = get_escaped(row, "name");
        yuan_format(amount, yuan);
        talk(cli, "%s CNY of %s (programme %" PRIu64 ") to %s (%s).", yuan, of, programme, name, party);
        free(name);
        free(of);
        json_decref(answer);
    }
    json_decref(row);
    return code;
}

int voucher_give(struct cli *cli)
{
    const char *party = args_value(&cli->args, 1);
    uint64_t programme, amount;
    json_t *answer;
    int code;

    if (!value_number(cli, 0, "programme", &programme) || !value_money(cli, 2, &amount)) return cli_fail(cli, "%s", "");
    json_t *body = json_pack("{s:I,s:s,s:I}", "programme", (json_int_t)programme, "party", party, "amount",
                             (json_int_t)amount);
    if (dry_run(cli, "give", body, &code)) return code;
    if (give_describe(cli, programme, party, amount) != 0 || confirm(cli, "Give it?") != 0 ||
        session_state(cli, "give", json_incref(body), &answer) != 0) {
        json_decref(body);
        return cli_fail(cli, "cannot give of programme %" PRIu64, programme);
    }
    set_u64(body, "record", get_u64(answer, "first_index"));
    code = show_card(cli, given_columns, body, NULL);
    json_decref(body);
    json_decref(answer);
    return code;
}
