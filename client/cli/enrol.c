/*
 * enrol: asking to be a party of the market.
 */
#include "client/cli/commands.h"
#include "client/cli/publish.h"
#include "client/cli/session.h"
#include "client/cli/show.h"

#include <stdlib.h>
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

/* Which roles one party may not hold together: docs/market.md, "Parties". `*`: all others. */
static const struct {
    const char *role, *excludes;
} exclusions[] = {{"reviewer", "vendor buyer"},
                  {"bank", "*"},
                  {"issuer", "vendor"},
                  {"arbiter", "vendor buyer reviewer"},
                  {"operator", "vendor buyer bank issuer arbiter regulator"},
                  {"regulator", "*"}};

static bool excludes(const char *role, const char *other)
{
    for (size_t i = 0; i < sizeof exclusions / sizeof exclusions[0]; i++) {
        if (strcmp(exclusions[i].role, role) != 0) continue;
        return strcmp(role, other) != 0 && (exclusions[i].excludes[0] == '*' || strstr(exclusions[i].excludes, other) != NULL);
    }
    return false;
}

/* An operator may give some of the roles only, so that this is a warning. */
static void roles_warn(const struct cli *cli, const char *const *roles)
{
    for (size_t i = 0; roles[i] != NULL; i++) {
        for (size_t j = 0; j < i; j++) {
            if (excludes(roles[i], roles[j]) || excludes(roles[j], roles[i]))
                talk(cli, "The roles %s and %s exclude each other: an operator can give this key only one of them.", roles[j],
                     roles[i]);
        }
    }
}

/* Code 411 with what this key is already, 6xx when the market is not there; 0: it may ask, or the market is to say. */
static int enrolled_check(struct cli *cli)
{
    json_t *party;

    if (session_ask(cli, "party", json_object(), &party) != 0) {
        if (cli->error.code < CODE_USAGE) memset(&cli->error, 0, sizeof cli->error);
        return cli->error.code;
    }
    const char *state = get_text(party, "state");
    if (strcmp(state, "active") == 0 || strcmp(state, "suspended") == 0) {
        char *name = get_escaped(party, "name");
        cli_error(cli, CODE_ALREADY_ENROLLED, "this key is enrolled already, as %s (%s)", name, state);
        cli_hint(cli, "tidemark status shows its roles and what waits for it; another party needs a key of its own: "
                      "tidemark key new --name NAME.");
        free(name);
    }
    json_decref(party);
    return cli->error.code;
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
    roles_warn(cli, roles);
    if (args_has(&cli->args, "dry-run")) return enrol_dry_run(cli, roles);
    const char *contact = args_text(&cli->args, "contact");
    json_t *card = contact != NULL ? text_file(cli, contact, CARD_MAX) : NULL;
    if ((contact != NULL && card == NULL) || session_open(cli) != 0) {
        json_decref(card);
        return cli_fail(cli, "cannot ask to be enrolled");
    }
    int asked = enrolled_check(cli);
    if (asked == 0)
        asked = tide_enrol_card(cli->market, name, roles, jurisdiction, json_string_value(card), &answer, &cli->error);
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
