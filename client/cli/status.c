/*
 * status: who am I, what roles and money have I, what waits for me.
 *
 * Always holds: only asks. What a role has no access to is not asked.
 */
#include "client/cli/commands.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct column status_columns[] = {{"name", "Name", COLUMN_TEXT, NULL},
                                               {"state", "State", COLUMN_STATE, NULL},
                                               {"roles", "Roles", COLUMN_TEXT, NULL},
                                               {"group", "Legal group", COLUMN_TEXT, NULL},
                                               {"jurisdiction", "Jurisdiction", COLUMN_TEXT, NULL},
                                               {"party", "Party", COLUMN_TEXT, NULL},
                                               {"rekey", "Keys", COLUMN_TEXT, NULL},
                                               {"context", "Context", COLUMN_TEXT, NULL},
                                               {"market", "Market", COLUMN_TEXT, NULL},
                                               {"market_is", "Market is", COLUMN_STATE, NULL},
                                               {"checkpoint", "Checkpoint", COLUMN_TEXT, NULL},
                                               {"open_orders", "Orders in the book", COLUMN_TEXT, NULL},
                                               {"open_trades", "Open trades", COLUMN_TEXT, NULL},
                                               {NULL, NULL, COLUMN_END, NULL}};
/* In a pipe: one line a field, money and counts in their old places. */
static const struct column plain_columns[] = {{"context", "", COLUMN_TEXT, NULL},     {"market", "", COLUMN_TEXT, NULL},
                                              {"party", "", COLUMN_TEXT, NULL},       {"state", "", COLUMN_STATE, NULL},
                                              {"name", "", COLUMN_TEXT, NULL},        {"roles", "", COLUMN_TEXT, NULL},
                                              {"available", "", COLUMN_MONEY, NULL},  {"held", "", COLUMN_MONEY, NULL},
                                              {"escrow", "", COLUMN_MONEY, NULL},     {"open_orders", "", COLUMN_TEXT, NULL},
                                              {"open_trades", "", COLUMN_TEXT, NULL}, {"to_grant", "", COLUMN_TEXT, NULL},
                                              {"to_accept", "", COLUMN_TEXT, NULL},   {"to_review", "", COLUMN_TEXT, NULL},
                                              {"requests", "", COLUMN_TEXT, NULL},    {"outbox_open", "", COLUMN_TEXT, NULL},
                                              {"halted", "", COLUMN_YES, NULL},       {NULL, NULL, COLUMN_END, NULL}};
static const struct column money_columns[] = {
    {"name", "Money", COLUMN_LONG, NULL},        {"available", "Available", COLUMN_MONEY, NULL},
    {"held", "Held", COLUMN_MONEY, NULL},        {"escrow", "In escrow", COLUMN_MONEY, NULL},
    {"locked", "Locked", COLUMN_MONEY, NULL},    {NULL, NULL, COLUMN_END, NULL}};
static const struct column waits_columns[] = {{"count", "", COLUMN_COUNT, NULL},
                                              {"what", "Waits for you", COLUMN_TEXT, NULL},
                                              {"left", "Time left", COLUMN_RIGHT, NULL},
                                              {"command", "Next", COLUMN_TEXT, NULL},
                                              {NULL, NULL, COLUMN_END, NULL}};

#define ENDING_SOON_MS (UINT64_C(7) * 24 * 3600 * 1000) /* programmes that an issuer is told of */

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
    json_t *market, *party;

    if (session_ask(cli, "market", NULL, &market) != 0) return cli->error.code;
    set_text(status, "context", cli->context.name);
    set_text(status, "market", get_text(market, "name"));
    set_text(status, "origin", get_text(market, "origin"));
    json_object_set_new(status, "halted", json_boolean(get_bool(market, "halted")));
    set_u64(status, "halted_at", get_u64(market, "halted_at"));
    set_u64(status, "records", get_u64(market, "next"));
    set_u64(status, "now_ms", get_u64(market, "now_ms"));
    json_decref(market);
    if (session_ask(cli, "party", json_object(), &party) != 0) return cli->error.code;
    set_text(status, "party", tide_identity_party(cli->identity));
    static const char *const fields[] = {"state",  "name",   "roles",    "group",     "jurisdiction", "settled",
                                         "missed", "faults", "unproven", "rekey_at"};
    for (size_t i = 0; i < ARRAY_N(fields); i++) json_object_set(status, fields[i], json_object_get(party, fields[i]));
    json_decref(party);
    return 0;
}

/* How far the log's newest signed checkpoint goes. A market without one yet is no error. */
static int add_checkpoint(struct cli *cli, json_t *status)
{
    json_t *answer;
    uint64_t size = 0;
    char line[24] = "";

    int code = session_ask(cli, "checkpoint", NULL, &answer);
    if (code == CODE_NOT_YET) {
        memset(&cli->error, 0, sizeof cli->error);
        return 0;
    }
    if (code != 0) return code;
    const char *second = strchr(get_text(answer, "checkpoint"), '\n'); /* origin, size, root */
    if (second != NULL) snprintf(line, sizeof line, "%.*s", (int)strcspn(second + 1, "\n"), second + 1);
    if (count_parse(line, &size)) set_u64(status, "checkpoint_size", size);
    json_decref(answer);
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
    json_object_set(status, "balances", (json_t *)get_list(answer, "balances"));
    json_decref(answer);
    return 0;
}

/* ---- what waits ---- */

/* `count` of something, the first of them due at `due` (0: no hurry), and the command that deals with it. */
static void wait_add(json_t *status, const char *name, const char *what, uint64_t count, uint64_t due, const char *command)
{
    if (name != NULL) set_u64(status, name, count);
    if (count == 0) return;
    json_array_append_new(json_object_get(status, "waits"),
                          json_pack("{s:s,s:I,s:I,s:s}", "what", what, "count", (json_int_t)count, "due", (json_int_t)due,
                                    "command", command));
}

struct pile {
    uint64_t n, due, first; /* `first`: the one that is due first */
};

static void pile_add(struct pile *pile, uint64_t name, uint64_t due)
{
    pile->n++;
    if (pile->first != 0 && (due == 0 || (pile->due != 0 && pile->due <= due))) return;
    pile->due = due;
    pile->first = name;
}

static int add_trades(struct cli *cli, json_t *status)
{
    struct pile grants = {0}, accepts = {0}, disputes = {0};
    char command[80];
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
        const char *state = get_text(row, "state");
        if (strcmp(state, "matched") == 0 && tide_identity_is(cli->identity, get_text(row, "vendor")))
            pile_add(&grants, get_u64(row, "trade"), get_u64(row, "due"));
        if (strcmp(state, "granted") == 0 && tide_identity_is(cli->identity, get_text(row, "buyer")))
            pile_add(&accepts, get_u64(row, "trade"), get_u64(row, "due"));
        if (strcmp(state, "disputed") == 0) pile_add(&disputes, get_u64(row, "trade"), 0);
    }
    json_decref(answer);
    wait_add(status, "to_grant", "trades to grant", grants.n, grants.due, "tidemark vend --once");
    snprintf(command, sizeof command, "tidemark trade accept %" PRIu64, accepts.first);
    wait_add(status, "to_accept", "deliveries to accept", accepts.n, accepts.due, command);
    snprintf(command, sizeof command, "tidemark trade show %" PRIu64, disputes.first);
    wait_add(status, "disputed", "disputes that wait for a verdict", disputes.n, 0, command);
    return 0;
}

/* Counts the rows of a list into *pile; with `due_field`, the earliest. */
static int count_rows(struct cli *cli, const char *verb, json_t *body, const char *list, const char *cursor, const char *name,
                      const char *due_field, struct pile *pile)
{
    const json_t *row;
    json_t *answer;
    size_t i;

    *pile = (struct pile){0};
    if (session_pages(cli, verb, body, list, cursor, 0, &answer) != 0) return cli->error.code;
    json_array_foreach(get_list(answer, list), i, row)
        pile_add(pile, get_u64(row, name), due_field != NULL ? get_u64(row, due_field) : 0);
    json_decref(answer);
    return 0;
}

static int add_programmes(struct cli *cli, json_t *status)
{
    uint64_t now = get_u64(status, "now_ms");
    struct pile ending = {0};
    const json_t *row;
    json_t *answer, *body = json_pack("{s:b,s:b}", "mine", 1, "open_only", 1);
    size_t i;

    if (session_pages(cli, "programmes", body, "programmes", "before", 0, &answer) != 0) return cli->error.code;
    json_array_foreach(get_list(answer, "programmes"), i, row)
    {
        uint64_t ends_at = get_u64(row, "ends_at");
        if (tide_identity_is(cli->identity, get_text(row, "issuer")) && ends_at >= now && ends_at - now < ENDING_SOON_MS)
            pile_add(&ending, get_u64(row, "programme"), ends_at);
    }
    json_decref(answer);
    wait_add(status, "programmes_ending", "programmes that end this week", ending.n, ending.due, "tidemark voucher list --mine");
    return 0;
}

static int add_duties(struct cli *cli, json_t *status)
{
    struct pile pile;

    if (has_role(status, "reviewer")) {
        if (count_rows(cli, "search", json_pack("{s:s}", "state", "pending"), "listings", "before", "listing", NULL, &pile) != 0)
            return cli->error.code;
        wait_add(status, "to_review", "listings to review", pile.n, 0, "tidemark review list");
    }
    if (has_role(status, "vendor")) {
        if (count_rows(cli, "search", json_pack("{s:b,s:s}", "mine", 1, "state", "sampling"), "listings", "before", "listing", NULL,
                       &pile) != 0)
            return cli->error.code;
        wait_add(status, "to_sample", "listings whose samples are to be shown", pile.n, 0, "tidemark vend --once");
    }
    if (has_role(status, "bank")) {
        if (count_rows(cli, "withdrawals", json_pack("{s:b,s:b}", "all", 1, "open_only", 1), "withdrawals", "before",
                       "withdrawal", NULL, &pile) != 0)
            return cli->error.code;
        wait_add(status, "withdrawals", "withdrawals to pay out", pile.n, 0, "tidemark bank list");
    }
    if (has_role(status, "arbiter")) {
        if (count_rows(cli, "claims", json_object(), "claims", "before", "trade", "due", &pile) != 0) return cli->error.code;
        wait_add(status, "claims", "claims to rule on", pile.n, pile.due, "tidemark claim list");
    }
    if (has_role(status, "operator")) {
        if (count_rows(cli, "requests", json_object(), "requests", "after", "received_at", NULL, &pile) != 0)
            return cli->error.code;
        wait_add(status, "requests", "enrolment requests", pile.n, 0, "tidemark party requests");
        if (count_rows(cli, "claims", json_pack("{s:b,s:b}", "all", 1, "overdue", 1), "claims", "before", "trade", NULL, &pile) != 0)
            return cli->error.code;
        wait_add(status, "claims_overdue", "overdue claims", pile.n, 0, "tidemark claim list --all --overdue");
    }
    return has_role(status, "issuer") ? add_programmes(cli, status) : 0;
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

    json_object_set_new(status, "waits", json_array());
    if (add_self(cli, status) != 0 || add_checkpoint(cli, status) != 0) return cli->error.code;
    const char *state = get_text(status, "state");
    bool is_party = strcmp(state, "active") == 0 || strcmp(state, "suspended") == 0;
    bool trades = has_role(status, "vendor") || has_role(status, "buyer") || has_role(status, "issuer");
    if (is_party && trades && (add_money(cli, status) != 0 || add_trades(cli, status) != 0)) return cli->error.code;
    if (is_party && add_duties(cli, status) != 0) return cli->error.code;
    if (tide_outbox_each(cli->market, outbox_count, &outbox_open, &cli->error) != 0) return cli->error.code;
    wait_add(status, "outbox_open", "statements not proven yet", outbox_open, 0, "tidemark outbox resend");
    return 0;
}

/* ---- on a terminal ---- */

/* "3h 12m", "2d 4h", "5m"; what is over is "now". */
static void left_format(uint64_t now, uint64_t due, char out[TEXT_MAX])
{
    uint64_t minutes = due > now ? (due - now) / 60000 : 0;

    if (due == 0)
        out[0] = '\0';
    else if (minutes == 0)
        strcpy(out, due > now ? "<1m" : "now");
    else if (minutes < 60)
        snprintf(out, TEXT_MAX, "%" PRIu64 "m", minutes);
    else if (minutes < 48 * 60)
        snprintf(out, TEXT_MAX, "%" PRIu64 "h %" PRIu64 "m", minutes / 60, minutes % 60);
    else
        snprintf(out, TEXT_MAX, "%" PRIu64 "d %" PRIu64 "h", minutes / 1440, minutes / 60 % 24);
}

/* The words that only people need. */
static json_t *for_people(const json_t *status)
{
    json_t *shown = json_deep_copy(status), *row;
    uint64_t now = get_u64(status, "now_ms"), size = get_u64(status, "checkpoint_size"), next = get_u64(status, "records");
    char line[128], left[TEXT_MAX];
    size_t i;

    set_text(shown, "market_is", get_bool(status, "halted") ? "halted" : "open");
    if (json_object_get(status, "checkpoint_size") != NULL) {
        snprintf(line, sizeof line, "%" PRIu64 " records%s", size, size >= next ? ", all of them" : "");
        if (size < next) snprintf(line, sizeof line, "%" PRIu64 " of %" PRIu64 " records", size, next);
        set_text(shown, "checkpoint", line);
    }
    if (get_u64(status, "rekey_at") != 0) {
        left_format(now, get_u64(status, "rekey_at"), left);
        snprintf(line, sizeof line, "will be replaced in %s (not you? tidemark party stop-rekey)", left);
        set_text(shown, "rekey", line);
    }
    json_array_foreach(json_object_get(shown, "waits"), i, row)
    {
        left_format(now, get_u64(row, "due"), left);
        set_text(row, "left", left);
    }
    return shown;
}

static int status_print(struct cli *cli, const json_t *status)
{
    if (cli->json || !cli->terminal) return show_card(cli, plain_columns, status, NULL);
    json_t *shown = for_people(status);
    int code = show_card(cli, status_columns, shown, NULL);
    if (code == EXIT_OK && json_array_size(get_list(shown, "balances")) > 0) {
        putchar('\n');
        code = show_table(cli, money_columns, get_list(shown, "balances"), NULL, NULL);
    }
    if (code == EXIT_OK && json_array_size(get_list(shown, "waits")) > 0) {
        putchar('\n');
        code = show_table(cli, waits_columns, get_list(shown, "waits"), NULL, NULL);
    } else if (code == EXIT_OK && strcmp(get_text(status, "state"), "active") == 0) {
        puts("\nNothing waits for you.");
    }
    json_decref(shown);
    return code;
}

int status_run(struct cli *cli)
{
    json_t *status = json_object();
    int code;

    if (status_fill(cli, status) != 0)
        code = cli_fail(cli, "cannot ask the market");
    else
        code = status_print(cli, status);
    const char *state = get_text(status, "state");
    if (code == EXIT_OK && strcmp(state, "unknown") == 0) talk(cli, "Not enrolled: tidemark enrol asks for it.");
    if (code == EXIT_OK && strcmp(state, "waiting") == 0)
        talk(cli, "Asked to be enrolled; an operator of the market decides.");
    json_decref(status);
    return code;
}
