/*
 * What a voucher pays of a bid, by the rule of docs/market.md ("Vouchers"), so that it can be shown before it is signed.
 */
#ifndef TIDEMARK_CLI_VOUCHER_H
#define TIDEMARK_CLI_VOUCHER_H

#include "client/cli/cli.h"

/* Of a unit at `price`: the share of at most `top`, and at most what `available` is for each of `quantity` units. */
uint64_t voucher_unit(uint64_t price, uint64_t top, uint64_t share_bp, uint64_t available, uint64_t quantity);

/* The programme's row (the caller decrefs), with what one has of it. Code 415: there is no such programme. */
int programme_row(struct cli *cli, uint64_t programme, json_t **row);

/*
 * What a programme pays of each unit of a bid for a listing of `kind`. Refused here, with a message that says why, is
 * what the market would refuse: code 408 it has ended, 524 it does not cover the kind, 523 nothing can be paid from it.
 */
int voucher_quote(struct cli *cli, const json_t *programme, const char *kind, uint64_t price, uint64_t quantity,
                  uint64_t *unit);

#endif
