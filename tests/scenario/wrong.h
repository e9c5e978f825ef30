/*
 * Wrong input, tried on every scenario by itself: the first statement of each kind is sent in all the ways in which it
 * must not be taken, before it is sent as it is, and once more after it was accepted.
 */
#ifndef TIDEMARK_TESTS_SCENARIO_WRONG_H
#define TIDEMARK_TESTS_SCENARIO_WRONG_H

#include "tests/scenario/world.h"

/* Another market, too early, too late, a command id of another time, a stranger, a party without the role; each field
 * missing, out of bounds, of another type. Fails the scenario if the answer is another than the documented one. */
void wrong_before(struct world *w, const struct statement *s);

/* After it was accepted: the same bytes, and other bytes under its command id. */
void wrong_after(struct world *w, const struct statement *s, struct bytes envelope, struct bytes statement_bytes,
                 const struct execution *accepted);

#endif
