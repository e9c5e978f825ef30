/*
 * enrol: asking to be a party of the market.
 */
#include "client/cli/commands.h"
#include "client/cli/publish.h"
#include "client/cli/session.h"
#include "client/cli/show.h"

#include <string.h>

#define ROLES_MAX 16
#define CARD_MAX 4096

static const struct column enrol_columns[] = {{"party", "Party", COLUMN_TEXT, NULL},
                                              {"state", "State", COLUMN_STATE, NULL},
                                              {"name", "Name", COLUMN_TEXT, NULL},
                                              {"roles", "Roles", COLUMN_TEXT, NULL},
                                              {"jurisdiction", "Jurisdiction", COLUMN_TEXT, NULL},
                                              {NULL, NULL, COLUMN_END, NULL}};

static int enrol_show(struct cli *cli, struct tide_doc *answer)
{
    json_t *row = doc_json(answer);
    int code = show_card(cli, enrol_columns, row, NULL);

    json_decref(row);
    tide_doc_free(&answer);
    return code;
}

static int enrol_dry_run(struct cli *cli, const char *const *roles)
{
    json_t *list = json_array(), *body = json_object();
    int code;

    for (size_t i = 0; roles[i] != NULL; i++) json_array_append_new(list, json_string(roles[i]));
    set_text(body, "name", args_text(&cli->args, "name"));
    json_object_set_new(body, "roles", list);
    set_text(body, "jurisdiction", args_text(&cli->args, "jurisdiction"));
    dry_run(cli, "enrol", body, &code);
    return code;
}

int enrol_run(struct cli *cli)
{
    const char *roles[ROLES_MAX + 1] = {NULL};
    const char *name = args_text(&cli->args, "name"), *jurisdiction = args_text(&cli->args, "jurisdiction");
    struct tide_doc *answer = NULL;

    for (size_t i = 0; i < ROLES_MAX; i++) {
        roles[i] = args_each(&cli->args, "role", i);
        if (roles[i] == NULL) break;
    }
    if (args_has(&cli->args, "dry-run")) return enrol_dry_run(cli, roles);
    const char *contact = args_text(&cli->args, "contact");
    json_t *card = contact != NULL ? text_file(cli, contact, CARD_MAX) : NULL;
    if ((contact != NULL && card == NULL) || session_open(cli) != 0) {
        json_decref(card);
        return cli_fail(cli, "cannot ask to be enrolled");
    }
    int asked = tide_enrol_card(cli->market, name, roles, jurisdiction, json_string_value(card), &answer, &cli->error);
    json_decref(card);
    if (asked != 0 && !(asked == CODE_ALREADY_ENROLLED && args_has(&cli->args, "wait"))) {
        return cli_fail(cli, "cannot ask to be enrolled");
    }
    if (!args_has(&cli->args, "wait")) {
        talk(cli, "Asked. An operator of the market decides; tidemark status shows when.");
        return enrol_show(cli, answer);
    }
    tide_doc_free(&answer);
    talk(cli, "Asked; waiting for an operator to admit %s.", tide_identity_party(cli->identity));
    if (tide_enrol_wait(cli->market, wait_ms(cli), &answer, &cli->error) != 0) return cli_fail(cli, "not enrolled yet");
    if (contact != NULL && tide_card_upload(cli->market, NULL, &cli->error) != 0) {
        tide_doc_free(&answer);
        return cli_fail(cli, "enrolled, but the contact card was not handed in (card set does it again)");
    }
    return enrol_show(cli, answer);
}
