/*
 * What a buyer is told of a listing's samples.
 */
#ifndef TIDEMARK_CLI_SAMPLE_H
#define TIDEMARK_CLI_SAMPLE_H

#include "client/cli/cli.h"

/* A line about the samples of a listing's row, checked: that they are signed, and those drawn. 0, or the code in cli->error. */
int samples_show(struct cli *cli, const json_t *row);

#endif
