/*
 * party list, requests, admit, show, suspend, reinstate, regroup: who takes part.
 */
#include "client/cli/commands.h"
#include "client/cli/session.h"
#include "client/cli/show.h"

#include <inttypes.h>
#include <string.h>

static const struct column request_columns[] = {
    {"name", "Name", COLUMN_TEXT, NULL},         {"roles", "Roles", COLUMN_TEXT, NULL},
    {"jurisdiction", "From", COLUMN_TEXT, NULL}, {"received_at", "Received", COLUMN_TIME, NULL},
    {"party", "Party", COLUMN_TEXT, NULL},       {NULL, NULL, COLUMN_END, NULL}};

static const struct column party_columns[] = {{"party", "Party", COLUMN_TEXT, NULL},
                                              {"state", "State", COLUMN_STATE, NULL},
                                              {"name", "Name", COLUMN_TEXT, NULL},
                                              {"roles", "Roles", COLUMN_TEXT, NULL},
                                              {"group", "Legal group", COLUMN_TEXT, NULL},
                                              {"jurisdiction", "Jurisdiction", COLUMN_TEXT, NULL},
                                              {"admitted", "Admitted", COLUMN_INDEX, NULL},
                                              {"as_vendor", "As a vendor", COLUMN_TEXT, NULL},
                                              {"as_buyer", "As a buyer", COLUMN_TEXT, NULL},
                                              {NULL, NULL, COLUMN_END, NULL}};

static const struct column done_columns[] = {
    {"party", "Party", COLUMN_TEXT, NULL}, {"record", "Record", COLUMN_INDEX, NULL}, {NULL, NULL, COLUMN_END, NULL}};

static const struct column list_columns[] = {{"admitted", "Admitted", COLUMN_INDEX, NULL},
                                             {"name", "Name", COLUMN_LONG, NULL},
                                             {"state", "State", COLUMN_STATE, NULL},
                                             {"roles", "Roles", COLUMN_TEXT, NULL},
                                             {"group", "Legal group", COLUMN_LONG, NULL},
                                             {"jurisdiction", "From", COLUMN_TEXT, NULL},
                                             {"party", "Party", COLUMN_TEXT, NULL},
                                             {NULL, NULL, COLUMN_END, NULL}};

int party_list(struct cli *cli)
{
    json_t *roles = json_array(), *answer;

    for (size_t i = 0; args_each(&cli->args, "role", i) != NULL; i++)
        json_array_append_new(roles, json_string(args_each(&cli->args, "role", i)));
    json_t *body = json_pack("{s:o,s:i}", "roles", roles, "limit", 256);
    if (session_pages(cli, "parties", body, "parties", "after", args_number(&cli->args, "limit", 0), &answer) != 0)
        return cli_fail(cli, "cannot list parties");
    int code = show_table(cli, list_columns, get_list(answer, "parties"), answer, "No such party.");
    json_decref(answer);
    return code;
}

int party_requests(struct cli *cli)
{
    json_t *answer;

    if (session_pages(cli, "requests", json_object(), "requests", "after", 0, &answer) != 0) {
        return cli_fail(cli, "cannot list requests");
    }
    int code = show_table(cli, request_columns, get_list(answer, "requests"), answer, "Nobody asks to be enrolled.");
    json_decref(answer);
    return code;
}

/* Its marks in words: "12 settled, 1 missed, 0 refunded at fault". The numbers are in --json. */
static void marks_add(json_t *party)
{
    uint64_t unproven = get_u64(party, "unproven");

    json_object_set_new(party, "as_vendor",
                        json_sprintf("%" PRIu64 " settled, %" PRIu64 " missed, %" PRIu64 " refunded at fault",
                                     get_u64(party, "settled"), get_u64(party, "missed"), get_u64(party, "faults")));
    json_object_set_new(party, "as_buyer",
                        json_sprintf("%" PRIu64 " dispute%s or claim%s not proven", unproven, unproven == 1 ? "" : "s",
                                     unproven == 1 ? "" : "s"));
}

int party_show(struct cli *cli)
{
    json_t *body = json_object(), *answer;

    set_text(body, "party", args_value(&cli->args, 0));
    if (session_ask(cli, "party", body, &answer) != 0) return cli_fail(cli, "cannot show the party");
    if (!cli->json) marks_add(answer);
    int code = show_card(cli, party_columns, answer, NULL);
    json_decref(answer);
    return code;
}

/* The answer of a statement about a party. */
static int done_show(struct cli *cli, const char *party, json_t *answer)
{
    json_t *row = json_pack("{s:s,s:I}", "party", party, "record", (json_int_t)get_u64(answer, "first_index"));
    int code = show_card(cli, done_columns, row, NULL);

    json_decref(row);
    json_decref(answer);
    return code;
}

/* The roles to give: those named, or all that were asked for. */
static json_t *roles_of(const struct cli *cli, const json_t *request)
{
    if (args_each(&cli->args, "role", 0) == NULL) return json_deep_copy(json_object_get(request, "roles"));
    json_t *roles = json_array();
    for (size_t i = 0; args_each(&cli->args, "role", i) != NULL; i++) {
        json_array_append_new(roles, json_string(args_each(&cli->args, "role", i)));
    }
    return roles;
}

static json_t *admit_body(const struct cli *cli, const json_t *request)
{
    json_t *body = json_object();
    const char *jurisdiction = args_text(&cli->args, "jurisdiction");

    json_object_set(body, "request", json_object_get(request, "request"));
    json_object_set_new(body, "roles", roles_of(cli, request));
    set_text(body, "group", args_text(&cli->args, "group"));
    set_text(body, "jurisdiction", jurisdiction != NULL ? jurisdiction : get_text(request, "jurisdiction"));
    return body;
}

int party_admit(struct cli *cli)
{
    const char *party = args_value(&cli->args, 0);
    json_t *answer, *body = NULL;
    const json_t *request;
    size_t i;
    int code;

    if (session_pages(cli, "requests", json_object(), "requests", "after", 0, &answer) != 0) {
        return cli_fail(cli, "cannot admit %s", party);
    }
    json_array_foreach(get_list(answer, "requests"), i, request)
    {
        if (body == NULL && strcmp(get_text(request, "party"), party) == 0) body = admit_body(cli, request);
    }
    json_decref(answer);
    if (body == NULL) {
        cli_error(cli, CODE_NO_SUCH_REQUEST, NULL);
        return cli_fail(cli, "cannot admit %s", party);
    }
    if (!session_state_or_fail(cli, "admit", body, &answer, &code, "cannot admit the party")) return code;
    talk(cli, "Admitted.");
    return done_show(cli, party, answer);
}

int party_suspend(struct cli *cli)
{
    const char *party = args_value(&cli->args, 0);
    json_t *body = json_pack("{s:s,s:s}", "party", party, "reason", args_text(&cli->args, "reason")), *answer;
    int code;

    if (!session_state_or_fail(cli, "suspend", body, &answer, &code, "cannot suspend the party")) return code;
    talk(cli, "Suspended: nothing new can be started; open trades finish.");
    return done_show(cli, party, answer);
}

int party_reinstate(struct cli *cli)
{
    const char *party = args_value(&cli->args, 0);
    json_t *body = json_pack("{s:s,s:s}", "party", party, "reason", args_text(&cli->args, "reason")), *answer;
    int code;

    if (!session_state_or_fail(cli, "reinstate", body, &answer, &code, "cannot reinstate the party")) return code;
    talk(cli, "Reinstated.");
    return done_show(cli, party, answer);
}

/* Group and jurisdiction: those given, otherwise those the party has. NULL: cli->error. */
static json_t *regroup_body(struct cli *cli, const char *party)
{
    const char *group = args_text(&cli->args, "group"), *jurisdiction = args_text(&cli->args, "jurisdiction");
    json_t *answer;

    if (group == NULL && jurisdiction == NULL) {
        cli_error(cli, CODE_USAGE, "nothing would change");
        cli_hint(cli, "Give --group (empty: none), --jurisdiction, or both.");
        return NULL;
    }
    if (session_ask(cli, "party", json_pack("{s:s}", "party", party), &answer) != 0) return NULL;
    json_t *body = json_pack("{s:s,s:s,s:s,s:s}", "party", party, "group",
                             group != NULL ? group : get_text(answer, "group"), "jurisdiction",
                             jurisdiction != NULL ? jurisdiction : get_text(answer, "jurisdiction"), "reason",
                             args_text(&cli->args, "reason"));
    json_decref(answer);
    return body;
}

int party_regroup(struct cli *cli)
{
    const char *party = args_value(&cli->args, 0);
    json_t *body = regroup_body(cli, party), *answer;
    int code;

    if (body == NULL) return cli_fail(cli, "cannot regroup the party");
    if (!session_state_or_fail(cli, "regroup", body, &answer, &code, "cannot regroup the party")) return code;
    talk(cli, "Regrouped: its resting orders stay, but cannot meet orders of the same group.");
    return done_show(cli, party, answer);
}
