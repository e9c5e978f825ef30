/*
 * status: who am I, what roles and money have I, what waits for me.
 *
 * Always holds: only asks. What a role has no access to is not asked.
 */
#include "client/cli/commands.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <string.h>

static const struct column status_columns[] = {{"context", "Context", COLUMN_TEXT, NULL},
                                               {"market", "Market", COLUMN_TEXT, NULL},
                                               {"party", "Party", COLUMN_TEXT, NULL},
                                               {"state", "State", COLUMN_STATE, NULL},
                                               {"name", "Name", COLUMN_TEXT, NULL},
                                               {"roles", "Roles", COLUMN_TEXT, NULL},
                                               {"available", "Available (CNY)", COLUMN_MONEY, NULL},
                                               {"held", "Held for bids (CNY)", COLUMN_MONEY, NULL},
                                               {"escrow", "In escrow (CNY)", COLUMN_MONEY, NULL},
                                               {"open_orders", "Orders in the book", COLUMN_TEXT, NULL},
                                               {"open_trades", "Open trades", COLUMN_TEXT, NULL},
                                               {"to_grant", "Trades to grant", COLUMN_TEXT, NULL},
                                               {"to_accept", "Deliveries to accept", COLUMN_TEXT, NULL},
                                               {"to_review", "Listings to review", COLUMN_TEXT, NULL},
                                               {"requests", "Enrolment requests", COLUMN_TEXT, NULL},
                                               {"outbox_open", "Unproven in the outbox", COLUMN_TEXT, NULL},
                                               {NULL, NULL, COLUMN_END, NULL}};

static bool has_role(const json_t *status, const char *role)
{
    const json_t *roles = get_list(status, "roles"), *item;
    size_t i;

    json_array_foreach(roles, i, item)
    {
        if (strcmp(json_string_value(item), role) == 0) return true;
    }
    return false;
}

static int add_self(struct cli *cli, json_t *status)
{
    json_t *doors, *party;

    if (session_ask(cli, "doors", NULL, &doors) != 0) return cli->error.code;
    set_text(status, "context", cli->context.name);
    set_text(status, "market", get_text(doors, "name"));
    set_text(status, "origin", get_text(doors, "origin"));
    json_decref(doors);
    if (session_ask(cli, "party", json_object(), &party) != 0) return cli->error.code;
    set_text(status, "party", tide_identity_party(cli->identity));
    static const char *const fields[] = {"state", "name", "roles", "group", "jurisdiction", "settled", "missed"};
    for (size_t i = 0; i < ARRAY_N(fields); i++) json_object_set(status, fields[i], json_object_get(party, fields[i]));
    json_decref(party);
    return 0;
}

static int add_money(struct cli *cli, json_t *status)
{
    static const char *const fields[] = {"available", "held", "escrow"};
    json_t *answer;

    if (session_ask(cli, "balances", NULL, &answer) != 0) return cli->error.code;
    const json_t *row;
    size_t n;
    json_array_foreach(get_list(answer, "balances"), n, row)
    {
        if (get_u64(row, "asset") != 0) continue;
        for (size_t i = 0; i < ARRAY_N(fields); i++)
            json_object_set(status, fields[i], json_object_get(row, fields[i]));
    }
    json_decref(answer);
    return 0;
}

static int add_trades(struct cli *cli, json_t *status)
{
    const char *me = tide_identity_party(cli->identity);
    uint64_t to_grant = 0, to_accept = 0;
    const json_t *row;
    json_t *answer;
    size_t i;

    if (session_pages(cli, "orders", json_pack("{s:b}", "open_only", 1), "orders", "before", 0, &answer) != 0)
        return cli->error.code;
    set_u64(status, "open_orders", json_array_size(get_list(answer, "orders")));
    json_decref(answer);
    if (session_pages(cli, "trades", json_pack("{s:b}", "open_only", 1), "trades", "before", 0, &answer) != 0)
        return cli->error.code;
    set_u64(status, "open_trades", json_array_size(get_list(answer, "trades")));
    json_array_foreach(get_list(answer, "trades"), i, row)
    {
        to_grant += strcmp(get_text(row, "state"), "matched") == 0 && strcmp(get_text(row, "vendor"), me) == 0;
        to_accept += strcmp(get_text(row, "state"), "granted") == 0 && strcmp(get_text(row, "buyer"), me) == 0;
    }
    set_u64(status, "to_grant", to_grant);
    set_u64(status, "to_accept", to_accept);
    json_decref(answer);
    return 0;
}

static int add_duties(struct cli *cli, json_t *status)
{
    json_t *answer;

    if (has_role(status, "reviewer")) {
        if (session_pages(cli, "search", json_pack("{s:s}", "state", "pending"), "listings", "before", 0, &answer) != 0)
            return cli->error.code;
        set_u64(status, "to_review", json_array_size(get_list(answer, "listings")));
        json_decref(answer);
    }
    if (has_role(status, "operator")) {
        if (session_pages(cli, "requests", json_object(), "requests", "after", 0, &answer) != 0) return cli->error.code;
        set_u64(status, "requests", json_array_size(get_list(answer, "requests")));
        json_decref(answer);
    }
    return 0;
}

static bool outbox_count(void *ctx, const struct tide_doc *entry)
{
    const char *state = tide_doc_text(entry, "state");

    *(uint64_t *)ctx += strcmp(state, "signed") == 0 || strcmp(state, "accepted") == 0;
    return true;
}

static int status_fill(struct cli *cli, json_t *status)
{
    uint64_t outbox_open = 0;

    if (add_self(cli, status) != 0) return cli->error.code;
    const char *state = get_text(status, "state");
    bool is_party = strcmp(state, "active") == 0 || strcmp(state, "suspended") == 0;
    bool trades = has_role(status, "vendor") || has_role(status, "buyer") || has_role(status, "issuer");
    if (is_party && trades && (add_money(cli, status) != 0 || add_trades(cli, status) != 0)) return cli->error.code;
    if (is_party && add_duties(cli, status) != 0) return cli->error.code;
    if (tide_outbox_each(cli->market, outbox_count, &outbox_open, &cli->error) != 0) return cli->error.code;
    set_u64(status, "outbox_open", outbox_open);
    return 0;
}

int status_run(struct cli *cli)
{
    json_t *status = json_object();
    int code;

    if (status_fill(cli, status) != 0)
        code = cli_fail(cli, "cannot ask the market");
    else
        code = show_card(cli, status_columns, status, NULL);
    const char *state = get_text(status, "state");
    if (code == EXIT_OK && strcmp(state, "unknown") == 0) talk(cli, "Not enrolled: tidemark enrol asks for it.");
    if (code == EXIT_OK && strcmp(state, "waiting") == 0)
        talk(cli, "Asked to be enrolled; an operator of the market decides.");
    json_decref(status);
    return code;
}
