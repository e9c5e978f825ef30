/*
 * Steps of a trade that both `trade …` and `buy` take.
 */
#ifndef TIDEMARK_CLI_TRADE_H
#define TIDEMARK_CLI_TRADE_H

#include "client/cli/show.h"

extern const struct column trade_columns[];

/* The trade's row; the caller decrefs. Returns 0 or the code in cli->error. */
int trade_row(struct cli *cli, uint64_t trade, json_t **row);
/*
 * Code 304 unless one is the trade's buyer, 408 unless its state is `granted`: the message says what state it is in and the
 * hint what comes next. 0: the buyer may accept or claim.
 */
int trade_answerable(struct cli *cli, const json_t *row);
/*
 * Downloads, checks and opens a granted trade's content, with progress. *report is the library's of it (tide_fetch_report), with
 * code 704 as well; NULL with other codes. The caller decrefs it.
 */
int trade_download(struct cli *cli, uint64_t trade, const char *out, json_t **report);

#endif
