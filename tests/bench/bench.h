/*
 * What the benchmarks share: a clock, medians, one line a measure (name, figure, reference, ratio), the same as JSON in
 * the file $TIDEMARK_BENCH_JSON.
 */
#ifndef TIDEMARK_BENCH_H
#define TIDEMARK_BENCH_H

#include <stddef.h>

double bench_seconds(void);                       /* monotonic */
double bench_median(double *values, size_t n);    /* sorts them */
_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* `smaller_is_better`: the ratio is of times (figure ÷ reference), aim and must are ceilings. */
void bench_line(const char *name, const char *what, double figure, const char *unit, const char *reference_what,
                double reference, double ratio, double must, double aim);

#endif
