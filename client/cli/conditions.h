/*
 * How an order is to be traded, as `order bid` and `order ask` say it with their flags.
 */
#ifndef TIDEMARK_CLI_CONDITIONS_H
#define TIDEMARK_CLI_CONDITIONS_H

#include "client/cli/cli.h"

struct conditions {
    bool is_market;
    const char *tif;     /* gtc, gtd, ioc, fok */
    uint64_t expires_at; /* gtd, else 0 */
    bool post_only;
};

/*
 * Reads --type, --price, --tif, --expires and --post-only of the command. Code 601 for what contradicts itself, before
 * anything is sent: the message names the flags.
 */
int conditions_read(struct cli *cli, struct conditions *out);
/* Puts them into the body of an order. */
void conditions_put(const struct conditions *conditions, json_t *body);
/* "until it is cancelled", "until 2026-11-30 18:00", "at once or not at all". */
void conditions_describe(const struct conditions *conditions, char *out, size_t room);

#endif
