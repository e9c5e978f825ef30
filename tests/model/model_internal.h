/* What the model's files share. */
#ifndef TIDEMARK_TESTS_MODEL_INTERNAL_H
#define TIDEMARK_TESTS_MODEL_INTERNAL_H

#include "crypto/hash.h"
#include "tests/model/model.h"

/* A new zeroed element at the end of a growing array. */
#define GROW(m, name) \
    ((m)->name = model_grow((m)->name, sizeof *(m)->name, (m)->n_##name, &(m)->room_##name), &(m)->name[(m)->n_##name++])
void *model_grow(void *array, size_t size, size_t n, size_t *room);

#define REFUSE_IF(cond, code) do { if (cond) return OUTCOME_##code; } while (0)
#define COPY(to, from) memcpy(to, from, sizeof(to))

static const uint8_t ZERO[64];
static inline bool absent(const void *bytes, size_t len)
{
    return memcmp(bytes, ZERO, len) == 0;
}
#define ABSENT(field) absent(field, sizeof(field))

static inline uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Says an event; gives its record's index. The body is copied. */
uint64_t model_emit(struct model *m, uint64_t kind, const void *body, size_t size);
#define EMIT(m, KIND, body) model_emit(m, KIND_##KIND, &(body), sizeof(body))
/* The index that the next event will get. */
uint64_t model_next_event(const struct model *m);
void model_touch(struct model *m, uint64_t table, uint64_t a, uint64_t b);
/* A copy that lasts. */
struct bytes model_keep(struct model *m, struct bytes text);

/* ---- parties ---- */
bool model_same_group(struct model *m, uint64_t a, uint64_t b);
bool model_key_among(const struct model_key *keys, size_t n, const uint8_t key[32]);
void model_key_add(struct model *m, const uint8_t key[32], const uint8_t wire_key[32], const uint8_t seal_key[32], uint64_t party);
void model_party_key(struct model *m, uint64_t number, uint8_t out[32]);
bool model_has_control(struct bytes text);
bool model_word_in(struct bytes words, struct bytes word);

/* ---- money ---- */
void model_move(struct model *m, uint64_t asset, uint64_t amount, uint64_t from, enum account from_account, uint64_t to,
          enum account to_account);
struct model_account *model_account_of(struct model *m, uint64_t party, uint64_t asset);
/* What is freed of a voucher: the party's again, or, after the programme's end, the issuer's. */
void model_free_voucher(struct model *m, uint64_t programme, uint64_t amount, uint64_t party, enum account from);

/* ---- clocks ---- */
uint64_t model_market_clock(const struct model *m, uint64_t now);
uint64_t model_listing_clock(const struct model *m, const struct model_listing *l, uint64_t now);
void model_set_deadline(struct model *m, struct model_trade *t, enum model_deadline which, uint64_t ms);

/* ---- listings ---- */
/* What the market keeps of it is let go, if it and its trades are final. */
void model_let_go(struct model *m, struct model_listing *l);

/* ---- orders ---- */
void model_unrest(struct model *m, struct model_order *o);
void model_close_order(struct model *m, struct model_order *o, enum close_reason reason);
void model_say_sliced(struct model *m, enum work work, uint64_t subject);
enum outcome model_go_on_matching(struct model *m, uint64_t order);

/* What one kind of statement asks for; the frame has let it pass. */
#define STATEMENT_CASE(member) \
    enum outcome judge_##member(struct model *m, const struct statement *s, const struct model_party *by, \
                                const struct body_##member *b, struct model_answer *out);
STATEMENT_CASE(admit) STATEMENT_CASE(suspend) STATEMENT_CASE(reinstate) STATEMENT_CASE(regroup) STATEMENT_CASE(rekey)
STATEMENT_CASE(replace_keys) STATEMENT_CASE(stop_rekey) STATEMENT_CASE(card) STATEMENT_CASE(deposit) STATEMENT_CASE(withdraw)
STATEMENT_CASE(payout) STATEMENT_CASE(publish) STATEMENT_CASE(stored) STATEMENT_CASE(review) STATEMENT_CASE(close)
STATEMENT_CASE(drawn) STATEMENT_CASE(sample) STATEMENT_CASE(halt) STATEMENT_CASE(resume) STATEMENT_CASE(parameters)
STATEMENT_CASE(order) STATEMENT_CASE(order_batch) STATEMENT_CASE(cancel) STATEMENT_CASE(replace) STATEMENT_CASE(programme)
STATEMENT_CASE(give) STATEMENT_CASE(grant) STATEMENT_CASE(accept) STATEMENT_CASE(claim) STATEMENT_CASE(ruling)
STATEMENT_CASE(dispute) STATEMENT_CASE(verdict) STATEMENT_CASE(disclose) STATEMENT_CASE(arbiter)
STATEMENT_CASE(tick) STATEMENT_CASE(continue)

/* ---- what ticks and continues do ---- */
void model_close_book(struct model *m, uint64_t listing);      /* goes on until the record is full */
void model_close_orders_of(struct model *m, uint64_t party);
void model_unpark(struct model *m, uint64_t listing);
void model_return_vouchers(struct model *m, uint64_t programme);
void model_take_new_keys(struct model *m, struct model_party *p);
void model_end_trade(struct model *m, struct model_trade *t, bool settle, enum basis basis);
bool model_keys_are_new(struct model *m, const uint8_t key[32], const uint8_t wire_key[32], const uint8_t seal_key[32]);
bool model_parameter_is_in_bounds(uint64_t which, uint64_t value);
/* The time checks of the frame, of a statement good for at most `valid_ms`. */
enum outcome model_check_time(const struct model *m, const struct statement *s, uint64_t valid_ms);

#endif
