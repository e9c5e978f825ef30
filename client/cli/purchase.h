/*
 * A purchase under way, noted beside its output as FILE.tide-buy, so that the same command goes on with it: nothing is
 * bought twice. The note goes when everything is done.
 */
#ifndef TIDEMARK_CLI_PURCHASE_H
#define TIDEMARK_CLI_PURCHASE_H

#include "client/cli/cli.h"

struct purchase {
    uint64_t listing;
    uint64_t order; /* 0: not bid yet, as far as is known */
    bool is_noted;  /* an earlier run left its note */
    bool fetched;   /* the output is complete */
    bool by_trade;  /* an api or compute listing: a credential with each trade */
    uint64_t fetched_chunks, fetched_bytes; /* over the wire, by this run */
    uint64_t bad_trade; /* whose delivery is bad: what was found is `report`, NULL otherwise */
    json_t *report;
    const char *out;
    char note[CONTEXT_PATH_MAX], receipt[CONTEXT_PATH_MAX], lock[CONTEXT_PATH_MAX + 8];
    int lock_fd; /* held from init to leave: two at once would bid twice */
};

/*
 * Begins or goes on: reads the note, if there is one. Code 607: the note is of another purchase, or there is none and
 * the output is there already, or another process buys into the same output. Leave it after success.
 */
int purchase_init(struct cli *cli, struct purchase *p, uint64_t listing, const char *out);
/* Lets another process go on with it. */
void purchase_leave(struct purchase *p);
/* Looks for an open trade or a resting bid of this listing; sets p->order if there is one. */
int purchase_find(struct cli *cli, struct purchase *p);
/* Writes the note, durably. */
int purchase_save(struct cli *cli, struct purchase *p);
/* Takes the note away: done, or nothing left to go on with. */
void purchase_end(struct purchase *p);
/* The trades of the purchase's order, oldest first; NULL: cli->error. */
json_t *purchase_trades(struct cli *cli, const struct purchase *p);
/* Units of the order that still rest in the book. */
int purchase_left(struct cli *cli, const struct purchase *p, uint64_t *left);

#endif
