/*
 * Random statements for a market, the same for the same seed: most of them plausible (the model is asked what there
 * is), a good part wrong in one place, some nonsense. Time goes by in small and large steps.
 */
#ifndef TIDEMARK_TESTS_GENERATE_H
#define TIDEMARK_TESTS_GENERATE_H

#include "crypto/sign.h"
#include "tests/model/model.h"

struct keypair { uint8_t key[32], secret[64]; };

struct generator {
    uint64_t random;
    struct model *model;
    struct arena *arena; /* of the statement at hand; the caller resets it */
    uint64_t now;
    uint64_t n_ids;      /* command ids made */
    GROWING(struct keypair, ring);
    GROWING(struct bytes, said); /* accepted statements of late, to be said again */
    struct arena keep;
    uint8_t broker[32], broker_wire[32], broker_seal[32];
    uint64_t stories; /* one in how many statements begins a deep book */
    uint64_t step, scale; /* how long deadlines are in this market */
    uint64_t jump;        /* time to let pass before the next statement */
    struct { uint64_t stage, listing, buyer, what; } story; /* a deep book and what becomes of it, stage by stage */
    bool crowd;           /* many parties: programmes with more holders than a record moves */
};

void generator_init(struct generator *g, uint64_t seed, struct model *m, struct arena *arena);
void generator_deinit(struct generator *g);

uint64_t chance(struct generator *g, uint64_t below);

/* The genesis, as statement bytes in the arena. */
struct bytes generate_genesis(struct generator *g);
/* Moves the clock. */
void generate_time(struct generator *g);
/* What the broker has to say now, `due` being neither nothing; an outage to state with a tick, or 0. */
struct bytes generate_due(struct generator *g, enum model_due due, uint64_t outage_ms);
/* The next statement. */
struct bytes generate_statement(struct generator *g);
/* Before a tick: one that comes too late although no tick has said so yet. {NULL, 0}: there is none. */
struct bytes generate_too_late(struct generator *g);
/* A statement was accepted: it may be repeated later. */
void generator_accepted(struct generator *g, struct bytes statement_bytes);

#endif
