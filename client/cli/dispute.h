/*
 * What follows when a delivery is bad: what failed in words, what a dispute reveals and to whom, the verdict.
 */
#ifndef TIDEMARK_CLI_DISPUTE_H
#define TIDEMARK_CLI_DISPUTE_H

#include "client/cli/cli.h"

/* Whether a finding ("wrong_key") refunds the buyer. */
bool verdict_refunds(const char *finding);
/* "the key that was granted is not the one that the listing commits to"; "" for none. */
const char *finding_words(const char *finding);

/*
 * After a fetch that ended with code 704 and this report: says what failed, shows what a dispute reveals, and files it if the
 * person types yes or --dispute says so; then waits for the verdict. The exit code; never 0.
 */
int bad_delivery(struct cli *cli, uint64_t trade, const json_t *report);
/* Waits for the verdict on a trade that was disputed, and says what was found and what happened with the money: an exit code,
 * 0 if the buyer was refunded. `expected`: what one's own examination found, or NULL. */
int verdict_await(struct cli *cli, uint64_t trade, const char *expected);

/* Examines a delivery (tide_examine), with progress. 0 whatever is found; the caller decrefs *report. */
int trade_examine(struct cli *cli, uint64_t trade, int64_t chunk, json_t **report);

#endif
