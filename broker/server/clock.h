/*
 * The system's clock, for those parts of the server that may look at it (the market and the sequencer may not: time is
 * given to them).
 */
#ifndef TIDEMARK_BROKER_CLOCK_H
#define TIDEMARK_BROKER_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Unix milliseconds. May step, backwards too. */
static inline uint64_t clock_wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Milliseconds of a clock that never steps; only differences mean something. */
static inline uint64_t clock_steady_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

#endif
