/* What the generator's files share. */
#ifndef TIDEMARK_TESTS_GENERATE_INTERNAL_H
#define TIDEMARK_TESTS_GENERATE_INTERNAL_H

#include "tests/model/generate.h"
#include "tests/model/model_internal.h"

void random_key(struct generator *g, uint8_t key[32]);
const struct keypair *new_keypair(struct generator *g);
const struct keypair *keypair_of(const struct generator *g, const uint8_t key[32]); /* NULL: nobody's here */
void *in_arena(struct generator *g, size_t size); /* zeroed */
struct bytes number_text(struct generator *g, const char *prefix, uint64_t number);
void fill_command_id(struct generator *g, uint64_t issued_at, uint8_t id[16]);
struct statement frame(struct generator *g, uint64_t kind, const uint8_t party[32], const void *body);
struct bytes encode(struct generator *g, const struct statement *s);
size_t random_parameters(struct generator *g, struct parameter_value values[PARAM_N], bool genesis);

/* A plausible statement. */
void generate_body(struct generator *g, struct statement *s);
/* What nobody should say, or only the broker when it is due. False: nothing came to mind. */
bool generate_odd(struct generator *g, struct statement *s);
bool generate_late(struct generator *g, struct statement *s);
/* One field of it gets another value (within its table's bounds, or encoding refuses it). */
void spoil_body(struct generator *g, struct statement *s);

#endif
