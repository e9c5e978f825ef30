/*
 * What became of an order that was placed or replaced: what traded at once, what rests, what was given up.
 */
#ifndef TIDEMARK_CLI_PLACED_H
#define TIDEMARK_CLI_PLACED_H

#include "client/cli/cli.h"

/*
 * Puts traded, left, resting and trades[] of `order` into `row`, which has order and listing, of the trades since the record
 * `since`; says it in words; prints the row. If the market cannot be asked any more, that is said, and the row is printed
 * without. `unit`: the listing's row, for units_format (NULL: it is asked
 * for). An exit code.
 */
int placed_show(struct cli *cli, uint64_t order, uint64_t since, const json_t *unit, json_t *row);

#endif
