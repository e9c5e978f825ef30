/*
 * A bid as a person makes it, for `buy` and `order bid`: what it will cost, and who pays it, is shown, "yes" is asked,
 * then it is placed.
 */
#ifndef TIDEMARK_CLI_BID_H
#define TIDEMARK_CLI_BID_H

#include "client/cli/conditions.h"

struct bid {
    uint64_t listing, price_fen, quantity;
    uint64_t budget_fen; /* market bids */
    struct conditions conditions;
    const char *purpose; /* NULL: none */
    uint64_t voucher;    /* the programme that pays a share; 0: none */
    /* bid_prepare's: */
    json_t *answer;                /* of the listing */
    const json_t *row, *published; /* in it */
    json_t *programme;             /* its row, with a voucher */
    uint64_t total_fen;            /* the most it can cost */
    uint64_t voucher_fen;          /* of that, what the voucher pays */
};

/* Asks for the listing and checks its terms against their hash (code 702). For who needs its row to choose a price. */
int bid_listing(struct cli *cli, struct bid *bid);
/* Sets the total, and what the voucher pays of it. Code 501: over the limit; 4xx and 5xx as voucher_quote. */
int bid_prepare(struct cli *cli, struct bid *bid);
void bid_drop(struct bid *bid);
/* With --dry-run: prints the order as it would be signed. As dry_run of session.h. */
bool bid_dry_run(struct cli *cli, const struct bid *bid, int *code);
/* Says what will happen (title, vendor, price, terms, who pays) and asks "yes". */
int bid_confirm(struct cli *cli, const struct bid *bid);
/* Signs and sends it; *order is its name. Code 504 says how much is needed and available, 509 which purposes
 * are allowed. */
int bid_place(struct cli *cli, const struct bid *bid, uint64_t *order);

/*
 * "3 PFLOPS·month", by the `unit` of a listing's row, or "3" for licences; `priced`: with what stands before a price,
 * "3 PFLOPS·month at" or "3 ×". Gives `out`.
 */
#define UNITS_MAX 192
const char *units_format(const json_t *row, uint64_t quantity, bool priced, char out[UNITS_MAX]);

/* "99.00 CNY needed, 12.50 available" for code 504, if the balance can be had; `flag` is what could be lowered. */
void funds_explain(struct cli *cli, uint64_t needed_fen, const char *flag);

#endif
