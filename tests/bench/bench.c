/* See bench.h. */
#include "tests/bench/bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

double bench_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

void bench_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("bench: wrong result: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

void bench_line(const char *name, const char *what, double figure, const char *unit, const char *reference_what,
                double reference, double ratio, double must, double aim)
{
    printf("%-8s %-34s %12.4g %-9s | %-44s %12.4g | ratio %.2f (must %.2f, aim %.2f)\n", name, what, figure, unit,
           reference_what, reference, ratio, must, aim);
    fflush(stdout);
    const char *path = getenv("TIDEMARK_BENCH_JSON");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file) return;
    fprintf(file,
            "{\"name\": \"%s\", \"what\": \"%s\", \"figure\": %.6g, \"unit\": \"%s\", \"reference\": \"%s\", "
            "\"reference_figure\": %.6g, \"ratio\": %.4g, \"must\": %.4g, \"aim\": %.4g}\n",
            name, what, figure, unit, reference_what, reference, ratio, must, aim);
    fclose(file);
}
