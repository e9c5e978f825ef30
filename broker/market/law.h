/*
 * What the files of broker/market share. A `hearing` is one statement being judged: it reads the state and collects
 * events; a `fold` is records being written into the state. Neither knows the other, so that judging can never write
 * and writing can never judge.
 *
 * Always holds: decide_* functions only read; apply_* functions take everything from the event and refuse, as
 * TIDE_EDAMAGED, an event that contradicts the state.
 */
#ifndef TIDEMARK_BROKER_MARKET_LAW_H
#define TIDEMARK_BROKER_MARKET_LAW_H

#include "broker/market/market.h"

#define MARKET_PARTY 0 /* the market itself: its accounts, and the broker who speaks for it */
#define ASSET_CNY 0

/* ---- parameters (parameters.c) ---- */
/* Defaults, then those given. False: a parameter twice, or out of bounds (parameter_in_bounds). */
bool parameters_read(const struct list *given, uint64_t values[PARAM_N]);

/* ---- lookups (lookup.c; market.h has market_row, party_by_key, party_by_number) ---- */
/* A row that the state's own rows point to is there, or the state is damaged. */
static inline enum tide_err must_exist(enum tide_err err)
{
    return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
}

/* By number. TIDE_ENOTFOUND. */
MUST_USE enum tide_err listing_get(struct state_view *state, uint64_t listing, struct row_listing *row);
MUST_USE enum tide_err trade_get(struct state_view *state, uint64_t trade, struct row_trade *row);
/* By a number out of the state's own rows: TIDE_EDAMAGED if it is missing. */
MUST_USE enum tide_err order_get(struct state_view *state, uint64_t order, struct row_order *row);
/* An account nothing was posted to is all zero. */
MUST_USE enum tide_err account_get(struct state_view *state, uint64_t party, uint64_t asset, struct row_account *row);

/* ---- transitions (transitions.c) ---- */
#define ANY_BASIS UINT64_MAX

struct transition {
    const char *machine;  /* "listing", "trade" */
    uint64_t from, cause; /* cause: a listing's statement kind, a trade's event kind */
    uint64_t basis;       /* of a trade's end; ANY_BASIS where it does not matter */
    uint64_t to;
    uint64_t deadline; /* enum deadline_kind, which the state `to` then waits for; 0: none */
};
extern const struct transition listing_transitions[], trade_transitions[];
extern const size_t n_listing_transitions, n_trade_transitions;

/* cause_kind 0: by any statement. */
bool listing_may_move(uint64_t cause_kind, uint64_t from, uint64_t to);
/* NULL: there is no such move. */
const struct transition *trade_transition(uint64_t from, uint64_t event, uint64_t basis);
/* The deadline a trade in `state` waits for; 0: none. */
uint64_t trade_deadline_of(uint64_t state);

/* ---- writing (fold.c) ---- */
struct fold {
    struct state_view *state;
    uint64_t index, time_ms; /* of the record being applied */
    uint64_t cause;          /* of an event: its statement's index */
    bool has_applied, has_market;
    uint64_t applied;         /* records applied, once the first was */
    struct row_market market; /* a copy, written through by fold_put_market */
    struct { uint8_t key[32]; uint64_t number; bool used; } parties[4]; /* keys looked up last */
    unsigned next_party;
};

void fold_init(struct fold *f, struct state_view *state);
/* Only the record that follows may be applied: TIDE_EDAMAGED for another index. */
MUST_USE enum tide_err fold_expect_next(struct fold *f, uint64_t index);
/* Writes down how far the state has come; after a statement's last record. */
MUST_USE enum tide_err fold_finish(struct fold *f);

/* The market's row, read once. TIDE_EDAMAGED: there is none. */
MUST_USE enum tide_err fold_market(struct fold *f);
MUST_USE enum tide_err fold_put_market(struct fold *f);

/* A party's number by key; 32 zero bytes are the market. TIDE_EDAMAGED: nobody's key. */
MUST_USE enum tide_err fold_party(struct fold *f, const uint8_t key[32], uint64_t *number);

/* Rows by number. */
MUST_USE enum tide_err party_put(struct fold *f, uint64_t number, const struct row_party *row);
MUST_USE enum tide_err listing_put(struct fold *f, uint64_t listing, const struct row_listing *row);
MUST_USE enum tide_err order_put(struct fold *f, uint64_t order, const struct row_order *row);
MUST_USE enum tide_err trade_put(struct fold *f, uint64_t trade, const struct row_trade *row);
/* A new party: its row, and its three keys to be found by. */
MUST_USE enum tide_err party_row_put(struct fold *f, uint64_t number, const struct row_party *row);

/* ---- deadlines (deadline.c; market.h has market_next_deadline) ---- */
/* The kinds in the order in which a tick acts on them; `shifted`: outages move it. */
struct deadline_rule {
    uint8_t kind;
    bool shifted;
};
extern const struct deadline_rule deadline_kinds[];
extern const size_t n_deadline_kinds;

MUST_USE enum tide_err deadline_put(struct fold *f, enum deadline_kind kind, uint64_t due, uint64_t subject);
MUST_USE enum tide_err deadline_del(struct fold *f, enum deadline_kind kind, uint64_t due, uint64_t subject);
/* The earliest of all kinds, moved by `shift_ms` where outages move it; UINT64_MAX: none. */
MUST_USE enum tide_err deadline_earliest(struct state_view *state, uint64_t shift_ms, uint64_t *at_ms);

/* ---- judging (decide.c) ---- */
struct hearing {
    struct state_view *state;
    struct arena *arena;
    const struct cause *cause;
    uint64_t now_ms;
    uint64_t step, first_event_index;
    struct decision *d;
    const char *detail; /* why it was refused, with figures; or NULL */

    /* Read at the first step and kept: within one statement nothing changes them but what decide itself notes here. */
    bool opened; /* there is a market row */
    struct row_market market;
    uint64_t party; /* number of who speaks */
    struct row_party speaker;

    /* The listing looked at last and its vendor; listing 0: none. Dropped when a trade changes its last price. */
    uint64_t listing;
    struct row_listing listing_row;
    struct row_party vendor;

    /* The same bytes were accepted before. */
    bool repeated;
    uint64_t repeated_first, repeated_next;
};

/* Begins: reads the market's row and the speaker's. `d->n_matched` goes from step to step. */
void hearing_init(struct hearing *h, struct state_view *state, const struct cause *cause, uint64_t now_ms,
                  struct arena *arena);
MUST_USE enum tide_err hearing_step(struct hearing *h, uint64_t step, uint64_t first_event_index, struct decision *d);

/* Notes the outcome and why; the statement (or the batch's item) leaves no event. Always TIDE_OK, for `return`. */
enum tide_err refuse(struct hearing *h, enum outcome why);
enum tide_err refuse_because(struct hearing *h, enum outcome why, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Goes on only if the check neither failed nor refused. */
#define PASS(h, check) \
    do { \
        enum tide_err pass_err_ = (check); \
        if (pass_err_ || (h)->d->outcome != OUTCOME_OK) return pass_err_; \
    } while (0)

/* A further event, its body zeroed; NULL: no memory. event_index: the record index of the newest one. */
void *event_new(struct hearing *h, uint64_t kind, size_t size);
uint64_t event_index(const struct hearing *h);
#define EVENT(h, NAME, member) ((struct body_##member *)event_new((h), KIND_##NAME, sizeof(struct body_##member)))

/* market id, then time: what every statement, an embedded request too, must satisfy. */
MUST_USE enum tide_err check_time(struct hearing *h, const struct statement *s, uint64_t longest_ms);

/* One function a statement kind; all read only. */
MUST_USE enum tide_err decide_genesis(struct hearing *h);
MUST_USE enum tide_err decide_enrol(struct hearing *h);
MUST_USE enum tide_err decide_admit(struct hearing *h);
MUST_USE enum tide_err decide_suspend(struct hearing *h);
MUST_USE enum tide_err decide_deposit(struct hearing *h);
MUST_USE enum tide_err decide_publish(struct hearing *h);
MUST_USE enum tide_err decide_stored(struct hearing *h);
MUST_USE enum tide_err decide_review(struct hearing *h);
MUST_USE enum tide_err decide_close(struct hearing *h);
MUST_USE enum tide_err decide_order(struct hearing *h);
MUST_USE enum tide_err decide_order_batch(struct hearing *h);
MUST_USE enum tide_err decide_cancel(struct hearing *h);
MUST_USE enum tide_err decide_grant(struct hearing *h);
MUST_USE enum tide_err decide_accept(struct hearing *h);
MUST_USE enum tide_err decide_tick(struct hearing *h);
MUST_USE enum tide_err decide_continue(struct hearing *h);

/* ---- records (apply.c) ---- */
MUST_USE enum tide_err fold_statement(struct fold *f, uint64_t index, uint64_t time_ms, const struct statement *s,
                                      struct bytes statement_bytes);
MUST_USE enum tide_err fold_event(struct fold *f, uint64_t index, uint64_t time_ms, uint64_t cause, uint64_t kind,
                                  const void *body);

/* One function an event kind: apply_opened, apply_admitted, … */
#define KIND_AS_APPLY(NAME, member, number, doc) \
    MUST_USE enum tide_err apply_##member(struct fold *f, const struct body_##member *e);
EVENTS(KIND_AS_APPLY)

/* ---- parties (party.c) ---- */
bool same_group(uint64_t a_number, const struct row_party *a, uint64_t b_number, const struct row_party *b);
bool text_has_control(struct bytes text);
/* Copies `text` into a NUL-padded field of a row; the schemas' bounds leave room for the NUL. */
void row_text_set(char *field, size_t room, struct bytes text);
/* Checks that all of a new party's keys are unused and fit for use. */
MUST_USE enum tide_err check_new_keys(struct hearing *h, const uint8_t key[32], const uint8_t seal_key[32],
                                      const uint8_t wire_key[32]);

/* ---- money (ledger.c) ---- */
/* An empty list of postings with room for `room`. */
MUST_USE enum tide_err postings_new(struct hearing *h, struct list *list, size_t room);
/* Adds one; `party` NULL: the market's own account. An amount of 0 is left out. */
void posting_add(struct list *list, const uint8_t party[32], enum account account, uint64_t asset, int64_t amount);
/* The event's postings, or NULL if its kind has none. */
const struct list *event_postings(uint64_t kind, const void *body);
bool postings_balance(const struct list *list);
MUST_USE enum tide_err fold_postings(struct fold *f, const struct list *postings);
/* Fen as yuan, "1234.50". */
#define MONEY_TEXT_MAX 32
const char *money_text(uint64_t fen, char text[MONEY_TEXT_MAX]);

/* ---- listings (listing.c) ---- */
/* Reads a listing and its vendor into the hearing; refuses NO_SUCH_LISTING. */
MUST_USE enum tide_err hear_listing(struct hearing *h, uint64_t listing);
bool listing_is_sealed(uint64_t listing_kind);

/* ---- trades (settlement.c) ---- */
/* Writes a new trade: in matched, its grant deadline set. */
MUST_USE enum tide_err trade_open(struct fold *f, const struct body_traded *e, const struct row_order *bid,
                                  const struct row_order *ask);
/* The deadline now, with all outages so far. */
uint64_t trade_due(const struct row_market *market, const struct row_trade *row);
/* Emit the end of a trade. */
MUST_USE enum tide_err trade_refund(struct hearing *h, uint64_t trade, const struct row_trade *row, enum basis basis);
MUST_USE enum tide_err trade_settle(struct hearing *h, uint64_t trade, const struct row_trade *row, enum basis basis);

/* ---- the book (book.c) ---- */
/* The order that came later: what of it is still to be matched. */
struct taker {
    uint64_t order, side, limit, left, party;
    bool unlimited;
    const struct row_party *party_row;
    uint8_t recipient[32]; /* a bid's */
};
enum match_end { MATCH_DONE, MATCH_BUDGET, MATCH_OWN_GROUP };

/* Matches `t` against the other side of the hearing's listing, best order first; emits `traded` events. */
MUST_USE enum tide_err book_match(struct hearing *h, struct taker *t, enum match_end *end);
MUST_USE enum tide_err book_put(struct fold *f, uint64_t order, struct row_order *row);
MUST_USE enum tide_err book_remove(struct fold *f, uint64_t order, struct row_order *row);

/* ---- orders (order.c) ---- */
/* Emits `order_closed`, its money released to `owner`. */
MUST_USE enum tide_err order_close(struct hearing *h, uint64_t order, const struct row_order *row,
                                   const uint8_t owner[32], enum close_reason reason);
/* Marks a row closed and takes it from the book and the open orders; the caller puts the row. */
MUST_USE enum tide_err order_end(struct fold *f, uint64_t order, struct row_order *row);

/* ---- work in slices (work.c) ---- */
/* A slice of work: matching an order further, closing what rests on a listing or belongs to a party. */
MUST_USE enum tide_err continue_match(struct hearing *h, uint64_t order);
MUST_USE enum tide_err close_orders_of_listing(struct hearing *h, uint64_t listing);
MUST_USE enum tide_err close_orders_of_party(struct hearing *h, uint64_t party);
/* Emits `sliced` and notes it: nothing else may be decided before the `continue`. */
MUST_USE enum tide_err work_slice(struct hearing *h, enum work work, uint64_t subject);

#endif
