/* What a run has covered: outcomes, events, transitions, and moments that chance has to bring about. */
#ifndef TIDEMARK_TESTS_SEEN_H
#define TIDEMARK_TESTS_SEEN_H

#include "tests/model/model.h"

/* Around each statement: what it is about is looked at before it is decided. */
void seen_before(struct model *m, const struct statement *s);
void seen_after(struct model *m, const struct statement *s, const struct model_answer *answer);
/* As comments of TAP. */
void seen_print(void);

#endif
