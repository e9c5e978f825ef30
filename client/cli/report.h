/*
 * Errors, remarks and interruptions: what goes to stderr, and the exit code that follows. See cli.h for cli_fail,
 * cli_error and talk.
 */
#ifndef TIDEMARK_CLI_REPORT_H
#define TIDEMARK_CLI_REPORT_H

#include "client/cli/cli.h"

/* Adds a statement's id to the error's hint, unless the message has it: what `outbox show` and `outbox resend` are
 * asked with. */
void cli_error_id(struct cli *cli, const char *command_id);

/* Ctrl-C stops what this market is doing; NULL: none. */
void interruption_watch(struct tide_market *market);

#endif
