/*
 * A market for unit tests: the scenario runner's world, driven by lines of its language (tests/scenario/README.md) and
 * then looked at, or damaged, from the inside.
 */
#ifndef TIDEMARK_TESTS_MARKET_FIXTURE_H
#define TIDEMARK_TESTS_MARKET_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/market/law.h"
#include "broker/market/verify.h"
#include "tests/scenario/script.h"

/* A vendor, two buyers, a reviewer, a bank, one open listing; 1,000.00 for each buyer. */
#define SMALL_MARKET \
    "party acme vendor\nparty birch buyer\nparty cedar buyer\nparty rev reviewer\nparty till bank\n" \
    "at 09:10 till deposits 1000.00 to birch reference R1\nat 09:10 till deposits 1000.00 to cedar reference R2\n" \
    "at 09:11 acme lists air \"Air quality\"\nat 09:12 broker stores air\nat 09:13 rev approves air\n"

/* Runs `test` on a fresh world; what fails inside fails the test. */
static inline void with_world(const char *script, void (*test)(struct world *w))
{
    struct world *w = calloc(1, sizeof *w);
    volatile bool ok = false;
    assert_non_null(w);
    world_init(w, "script");
    if (setjmp(w->failed) == 0) {
        script_text(w, script);
        test(w);
        ok = true;
    }
    world_deinit(w);
    free(w);
    assert_true(ok);
}

static inline int setup_crypto(void **state)
{
    (void)state;
    return crypto_init() == TIDE_OK ? 0 : -1;
}

#endif
