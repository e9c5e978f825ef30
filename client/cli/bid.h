/*
 * A bid as a person makes it, for `buy` and `order bid`: what it will cost is shown, "yes" is asked, then it is placed.
 */
#ifndef TIDEMARK_CLI_BID_H
#define TIDEMARK_CLI_BID_H

#include "client/cli/cli.h"

struct bid {
    uint64_t listing, price_fen, quantity, total_fen;
    const char *purpose;           /* NULL: none */
    const json_t *row, *published; /* of the listing */
};

/* Sets the total; code 501 if it is over the limit. */
int bid_total(struct cli *cli, struct bid *bid);
/* With --dry-run: prints the order as it would be signed. As dry_run of session.h. */
bool bid_dry_run(struct cli *cli, const struct bid *bid, int *code);
/* Says what will happen (title, vendor, price, terms, total) and asks "yes". */
int bid_confirm(struct cli *cli, const struct bid *bid);
/* Signs and sends it; *order is its name. Code 504 says how much is needed and available, 509 which purposes
 * are allowed. */
int bid_place(struct cli *cli, const struct bid *bid, uint64_t *order);

#endif
