/*
 * card set, show, erase: contact cards, which stay outside the journal.
 */
#include "client/cli/commands.h"
#include "client/cli/publish.h"
#include "client/cli/session.h"
#include "client/cli/show.h"

#include <string.h>

#define CARD_MAX 4096

static const struct column card_columns[] = {{"card", "Card", COLUMN_TEXT, NULL},
                                             {"card_hash", "Its salted SHA-256", COLUMN_TEXT, NULL},
                                             {NULL, NULL, COLUMN_END, NULL}};
static const struct column done_columns[] = {{"record", "Record", COLUMN_INDEX, NULL}, {NULL, NULL, COLUMN_END, NULL}};

static int done(struct cli *cli, struct tide_doc *answer)
{
    json_t *row = json_pack("{s:I}", "record", (json_int_t)tide_doc_u64(answer, "first_index"));
    int code = show_card(cli, done_columns, row, NULL);

    json_decref(row);
    tide_doc_free(&answer);
    return code;
}

static int not_signed(struct cli *cli, const char *hash)
{
    json_t *body = json_pack("{s:s}", "card_hash", hash);
    int code;

    dry_run(cli, "card", body, &code);
    return code;
}

int card_set(struct cli *cli)
{
    struct tide_doc *answer = NULL;
    json_t *card = text_file(cli, args_value(&cli->args, 0), CARD_MAX);

    if (card == NULL) return cli_fail(cli, "cannot set the card");
    if (args_has(&cli->args, "dry-run")) {
        json_decref(card);
        talk(cli, "The hash, of the card and a salt, is filled in when it is signed.");
        return not_signed(cli, "");
    }
    int code = session_open(cli);
    if (code == 0) code = tide_card_set(cli->market, json_string_value(card), &answer, &cli->error);
    json_decref(card);
    if (code != 0) return cli_fail(cli, "cannot set the card");
    talk(cli, "Your counterparties, operators and regulators can see it; card erase removes it.");
    return done(cli, answer);
}

int card_show(struct cli *cli)
{
    struct tide_doc *answer = NULL;

    if (session_open(cli) != 0 || tide_card_get(cli->market, args_value(&cli->args, 0), &answer, &cli->error) != 0)
        return cli_fail(cli, "cannot show the card");
    json_t *row = doc_json(answer);
    tide_doc_free(&answer);
    if (get_text(row, "card")[0] == '\0') talk(cli, "There is no card.");
    int code = EXIT_OK;
    if (cli->terminal && !cli->json)
        show_block(cli, true, get_text(row, "card"));
    else
        code = show_card(cli, card_columns, row, NULL);
    json_decref(row);
    return code;
}

int card_erase(struct cli *cli)
{
    struct tide_doc *answer = NULL;

    if (args_has(&cli->args, "dry-run")) return not_signed(cli, "");
    if (session_open(cli) != 0 || tide_card_erase(cli->market, &answer, &cli->error) != 0)
        return cli_fail(cli, "cannot erase the card");
    talk(cli, "Erased: the broker has it no more, and the market shows no hash of one.");
    return done(cli, answer);
}
