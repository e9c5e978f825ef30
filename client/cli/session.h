/*
 * The market a command talks to: opened when first needed, with the context's URL and the identity that acts. Bodies
 * and answers are JSON with the names of docs/protocol.md, so that --dry-run and --json print what is sent and what
 * came.
 */
#ifndef TIDEMARK_CLI_SESSION_H
#define TIDEMARK_CLI_SESSION_H

#include "client/cli/cli.h"

/* Sets cli->identity (asking for its passphrase if it has one). */
int session_identity(struct cli *cli);
/* Opens one identity file by NAME or FILE; NULL: the one that acts. The caller frees it. */
int identity_open(struct cli *cli, const char *name_or_file, struct tide_identity **out);
/* Code 603: the identity of that name or file is not there, and how to make it. */
int identity_missing(struct cli *cli, const char *name_or_file, const char *path);
/* Sets cli->identity and cli->market. Code 602 without a context. */
int session_open(struct cli *cli);
void session_close(struct cli *cli);

/* Handlers of SIGINT and SIGTERM. */
void interruption_init(void);

/* The document of a body that is taken over; *out NULL when there is no body. Returns 0 or the code in cli->error. */
int session_doc(struct cli *cli, const char *kind, json_t *body, struct tide_doc **out);

/*
 * Asks. `body` is taken over and may be NULL. *out is the answer, the caller decrefs it. Returns 0 or the code in
 * cli->error.
 */
int session_ask(struct cli *cli, const char *verb, json_t *body, json_t **out);

/*
 * Asks page by page for the list `list` until `limit` rows are there or no more; *out is the last answer with all rows
 * in its list. limit 0: all. `cursor` is the field that leads to the next page: "before", or another, and then pages are
 * large only if `body` has a "limit".
 */
int session_pages(struct cli *cli, const char *verb, json_t *body, const char *list, const char *cursor, uint64_t limit,
                  json_t **out);

/* Signs and sends a statement. As session_ask. On code 606 its id is in the message. */
int session_state(struct cli *cli, const char *kind, json_t *body, json_t **out);

/*
 * session_state for a command that does no more: with --dry-run it prints the body instead; then `*out` is NULL and
 * *code the exit code. True: it was accepted and *out is the answer.
 */
bool session_state_or_fail(struct cli *cli, const char *kind, json_t *body, json_t **out, int *code, const char *what);

/* True with --dry-run: `body` was printed and taken over, and *code is the exit code. False: `body` is still the
 * caller's. */
bool dry_run(struct cli *cli, const char *kind, json_t *body, int *code);

/* {field: text} if there is a text; lets a body be built in one go. */
void set_text(json_t *object, const char *field, const char *text);
void set_u64(json_t *object, const char *field, uint64_t value);

/* The first event's name (listing, order): it follows its statement directly. */
uint64_t answer_name(const json_t *submit_answer);

/* --timeout in seconds as milliseconds; -1: as long as it takes. */
int wait_ms(const struct cli *cli);

/*
 * The same for every value, one after the other; `one` gives an exit code. Stops when the market cannot be reached.
 * EXIT_PARTLY if some were done and some not; EXIT_UNKNOWN goes before it.
 */
int each_value(struct cli *cli, int (*one)(struct cli *cli, size_t i));

/* A value that must be a number ("LISTING"). False: cli->error is set. */
bool value_number(struct cli *cli, size_t i, const char *what, uint64_t *out);
/* Every value and flag that the command's table calls PARTY must be one. False: cli->error says what a party is. */
bool parties_check(struct cli *cli);
/* A value that must be an amount in yuan, above 0. */
bool value_money(struct cli *cli, size_t i, uint64_t *out);

#endif
