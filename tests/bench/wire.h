/*
 * S1 and S4: a client on the wire against a real broker on the fixture's market.
 */
#ifndef TIDEMARK_BENCH_WIRE_H
#define TIDEMARK_BENCH_WIRE_H

#include "tests/bench/fixture.h"

/* Starts `tidemarkd run` on the fixture's market (which must be closed), measures, stops it. */
void bench_wire(struct fixture *f, const char *tidemarkd, size_t runs);

#endif
