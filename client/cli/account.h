/*
 * Money over time, shared by `money` and `bank`.
 */
#ifndef TIDEMARK_CLI_ACCOUNT_H
#define TIDEMARK_CLI_ACCOUNT_H

#include "client/cli/show.h"

extern const struct column withdrawal_columns[];

/* The statement of account of --from, --to and --asset. An exit code. */
int account_show(struct cli *cli);
/* A list of withdrawals; an exit code. The command has --limit and --before. */
int withdrawals_show(struct cli *cli, bool everybodys, bool open_only, const char *empty);

#endif
