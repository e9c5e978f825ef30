/* Whether the market and the model say and hold the same. What differs is printed, and the run ends. */
#ifndef TIDEMARK_TESTS_COMPARE_H
#define TIDEMARK_TESTS_COMPARE_H

#include "broker/market/market.h"
#include "tests/model/model.h"

/* Another market begins. */
void compare_begin(void);

/* Each gives the number of differences, all of them printed to standard error. */
unsigned compare_answers(struct model *m, const struct model_answer *expected, const struct execution *got,
                         struct arena *arena);
unsigned compare_touched(struct model *m, struct state_view *view);
unsigned compare_everything(struct model *m, struct state_view *view);
/* When nothing is due: that the market would be woken in time, and not again and again before. */
unsigned compare_next_due(struct model *m, struct state_view *view, uint64_t now);

#endif
