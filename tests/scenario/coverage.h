/*
 * What the scenarios have shown: every transition of the law's tables, every outcome, every kind of statement. Written
 * into docs/market.md as tables, each line with the scenarios that show it.
 */
#ifndef TIDEMARK_TESTS_SCENARIO_COVERAGE_H
#define TIDEMARK_TESTS_SCENARIO_COVERAGE_H

#include "tests/scenario/world.h"

/* A statement was judged: notes its outcome and, if it was accepted, the transitions of its events. */
void coverage_note(struct world *w, const struct statement *s, const struct execution *x);

/*
 * Prints TAP lines: no line of the tables without a scenario; the tables in `path` (docs/market.md) are these. With
 * `write` they are put there instead. The number of failures.
 */
int coverage_report(const char *path, bool write, int first_test);

#endif
