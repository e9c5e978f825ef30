/*
 * What the lies of vendors (liar_vendor.c) and buyers (liar_buyer.c) share; each is a mode of the program (liar.c).
 */
#ifndef TIDEMARK_TESTS_E2E_LIAR_H
#define TIDEMARK_TESTS_E2E_LIAR_H

#include "client/lib/jobs.h"

#include <stdlib.h>

struct liar {
    struct tide_identity *identity;
    struct tide_market *market;
    struct tide_error error;
};

struct lie {
    const char *name;
    int n_args;
    int (*tell)(struct liar *l, char **args); /* 0, or the code, with l->error */
};

extern const struct lie vendor_lies[], buyer_lies[]; /* the last one has no name */

static inline uint64_t number(const char *text)
{
    return strtoull(text, NULL, 10);
}

#endif
