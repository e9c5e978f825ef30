/*
 * A client on the wire against a real broker on the fixture's market: S1 and S4, and what other measures need of it.
 */
#ifndef TIDEMARK_BENCH_WIRE_H
#define TIDEMARK_BENCH_WIRE_H

#include "tests/bench/fixture.h"

#include <sys/types.h>

/* Starts `tidemarkd run` on the fixture's market (which must be closed), measures, stops it. */
void bench_wire(struct fixture *f, const char *tidemarkd, size_t runs);

/* Starts the broker and waits until its doors are open; stops it, and it must have ended well. */
pid_t wire_broker_start(const char *tidemarkd, const char *dir);
void wire_broker_stop(pid_t pid, const char *dir);

/* A connection as the operator: who speaks for a party is decided by signatures, not by the connection. */
void *wire_dial(struct fixture *f);
void wire_hang_up(void **s);

/* An order that the broker said was durable: the record that it is. */
struct wire_order {
    uint64_t index;
    uint8_t envelope_hash[32];
};

/*
 * Signs an order that rests, pauses until nothing of the last one is under way, sends it: seconds until the reply, which must accept.
 * `arena` is reset.
 */
double wire_order_alone(struct fixture *f, void *s, struct arena *arena, struct wire_order *out);

#endif
