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
struct bytes one_of(struct generator *g, const char *const *texts, size_t n);
#define ONE_OF(texts) one_of(g, texts, ARRAY_LEN(texts))
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

/* ---- among the generator's own ---- */
#define BODY(type, name) struct body_##type *name = in_arena(g, sizeof *name)
/* One at random that is so, or NULL. */
struct model_party *party_with(struct generator *g, uint64_t roles);
struct model_party *any_party(struct generator *g);
struct model_listing *listing_in(struct generator *g, uint64_t states, uint64_t vendor);
struct model_trade *trade_in(struct generator *g, uint64_t states);
struct model_order *resting_order(struct generator *g);
struct model_programme *some_programme(struct generator *g);

bool say(struct generator *g, struct statement *s, uint64_t kind, const uint8_t party[32], const void *body);
/* An age header of one X25519 stanza that opens for nobody: age's own would not be the same for the same seed. */
void put_grant(struct generator *g, uint8_t *at);
bool begin_story(struct generator *g);
bool go_on_with_story(struct generator *g, struct statement *s);
size_t n_wanted_roles(void); /* as many parties a market begins with */
/* One kind each; false if there is nothing of the kind to say now. */
#define SAYS(name) bool say_##name(struct generator *g, struct statement *s);
SAYS(admit) SAYS(suspend) SAYS(reinstate) SAYS(regroup) SAYS(rekey) SAYS(replace_keys) SAYS(stop_rekey)
SAYS(card) SAYS(parameters) SAYS(deposit) SAYS(withdraw) SAYS(payout) SAYS(programme) SAYS(give)
SAYS(publish) SAYS(stored) SAYS(review) SAYS(sample) SAYS(close) SAYS(halt) SAYS(resume) SAYS(order)
SAYS(batch) SAYS(cancel) SAYS(replace) SAYS(grant) SAYS(accept) SAYS(claim) SAYS(ruling) SAYS(arbiter)
SAYS(dispute) SAYS(verdict) SAYS(disclose) SAYS(odd)
#undef SAYS

#endif
