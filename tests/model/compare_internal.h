/* What the files of compare.h share: differences are printed and counted. */
#ifndef TIDEMARK_TESTS_COMPARE_INTERNAL_H
#define TIDEMARK_TESTS_COMPARE_INTERNAL_H

#include "tests/model/compare.h"
#include "tests/model/model_internal.h"

#include <inttypes.h>
#include <stdio.h>

extern unsigned compare_n_differences;
#define DIFFER(...) (compare_n_differences++, fprintf(stderr, "  differs: " __VA_ARGS__), fputc('\n', stderr))

void compare_number(const char *what, uint64_t id, const char *field, uint64_t model, uint64_t market);
/* The model's accounts against what the postings of all events so far add up to. */
void compare_ledger(struct model *m);

#endif
