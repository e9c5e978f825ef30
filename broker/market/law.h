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
MUST_USE enum tide_err programme_get(struct state_view *state, uint64_t programme, struct row_programme *row);
MUST_USE enum tide_err withdrawal_get(struct state_view *state, uint64_t withdrawal, struct row_withdrawal *row);

/* ---- transitions (transitions.c) ---- */
#define ANY_BASIS UINT64_MAX

struct transition {
    const char *machine;  /* "listing", "trade", "withdrawal" */
    uint64_t from, cause; /* cause: a listing's statement kind, a trade's or withdrawal's event kind */
    uint64_t basis;       /* of a trade's end, a withdrawal's result; ANY_BASIS where it does not matter */
    uint64_t to;
    uint64_t deadline; /* enum deadline_kind, which the state `to` then waits for; 0: none */
};
extern const struct transition listing_transitions[], trade_transitions[], withdrawal_transitions[];
extern const size_t n_listing_transitions, n_trade_transitions, n_withdrawal_transitions;

/* cause_kind 0: by any statement. */
bool listing_may_move(uint64_t cause_kind, uint64_t from, uint64_t to);
/* NULL: there is no such move. */
const struct transition *trade_transition(uint64_t from, uint64_t event, uint64_t basis);
const struct transition *withdrawal_transition(uint64_t from, uint64_t event, uint64_t result);
/* The deadline a trade in `state` waits for (claimed: unless it is overdue); 0: none. */
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
MUST_USE enum tide_err programme_put(struct fold *f, uint64_t programme, const struct row_programme *row);
MUST_USE enum tide_err withdrawal_put(struct fold *f, uint64_t withdrawal, const struct row_withdrawal *row);
MUST_USE enum tide_err party_put(struct fold *f, uint64_t number, const struct row_party *row);
MUST_USE enum tide_err listing_put(struct fold *f, uint64_t listing, const struct row_listing *row);
MUST_USE enum tide_err order_put(struct fold *f, uint64_t order, const struct row_order *row);
MUST_USE enum tide_err trade_put(struct fold *f, uint64_t trade, const struct row_trade *row);
/* A party that is new or has new keys: its row, its three keys to be found by, and the line in its keys' history. */
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
/*
 * Clocks that trade deadlines follow. The market's stands still while the market is halted or was down; a listing's
 * also while the listing is halted. `now_ms` is the wall's.
 */
uint64_t market_clock(const struct row_market *market, uint64_t now_ms);
uint64_t listing_clock(const struct row_market *market, const struct row_listing *listing, uint64_t now_ms);
/* A listing moves to state `to`, but is not yet there: its clock stops or goes on. Changes the row; the caller puts it. */
MUST_USE enum tide_err listing_clock_fold(struct fold *f, struct row_listing *row, uint64_t to);
/* Wall time until a trade's deadline, if nothing halts from now on; 0: it is due. */
uint64_t deadline_left(const struct row_market *market, const struct row_listing *listing, const struct row_trade *row,
                       uint64_t now_ms);
/* The earliest of all kinds that run, in wall time (a trade's may prove to be too early); UINT64_MAX: none. */
MUST_USE enum tide_err deadline_earliest(struct state_view *state, const struct row_market *market, uint64_t *at_ms);

/* ---- an order's rows (book_rows.c) ---- */
/* Into the book, under its priority; out of it, if it is there. Change the row; the caller puts it. */
MUST_USE enum tide_err book_put(struct fold *f, uint64_t order, struct row_order *row);
MUST_USE enum tide_err book_remove(struct fold *f, struct row_order *row);
/* Marks a row closed and takes it from the book, the open orders and the deadlines; the caller puts the row. */
MUST_USE enum tide_err order_end(struct fold *f, uint64_t order, struct row_order *row);

/* ---- a trade's rows (trade_rows.c) ---- */
/* A trade's one deadline: set to `due_ms` (wall time, if nothing halts), or taken away, parked or not. Change the row; the
 * caller puts it. */
MUST_USE enum tide_err trade_deadline_set(struct fold *f, enum deadline_kind kind, uint64_t trade, struct row_trade *row,
                                          uint64_t due_ms);
MUST_USE enum tide_err trade_deadline_clear(struct fold *f, uint64_t trade, struct row_trade *row);
/* Writes a new trade: in matched, its grant deadline set. */
MUST_USE enum tide_err trade_open(struct fold *f, const struct body_traded *e, const struct row_order *bid,
                                  const struct row_order *ask);
/* Reads the trade, takes its deadline away, moves it along the table; the caller puts the row. */
MUST_USE enum tide_err trade_move(struct fold *f, uint64_t trade, uint64_t event, uint64_t basis, struct row_trade *row);
/* Both parties' lists: 0 open; 1 final, and open no more. */
MUST_USE enum tide_err trade_of_put(struct fold *f, uint64_t trade, const struct row_trade *row, uint8_t final);
/* Into the lists of claims of its arbiter and of all, as running or overdue; out of them. */
MUST_USE enum tide_err claim_list(struct fold *f, uint64_t trade, const struct row_trade *row);
MUST_USE enum tide_err claim_unlist(struct fold *f, uint64_t trade, const struct row_trade *row);

/* ---- judging (decide.c steps; hearing.c what every kind uses) ---- */
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

    /* The voucher programme looked at last and its issuer; programme 0: none. */
    uint64_t programme;
    struct row_programme programme_row;
    struct row_party issuer;

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
/* decide_genesis, decide_enrol, … */
#define KIND_AS_DECIDE(NAME, member, number, doc) MUST_USE enum tide_err decide_##member(struct hearing *h);
STATEMENTS(KIND_AS_DECIDE)

/* ---- what a statement names (hear.c): read, or refused ---- */
/* A party by any key it has or had; refuses NO_SUCH_PARTY, also for the market itself. */
MUST_USE enum tide_err hear_party(struct hearing *h, const uint8_t key[32], uint64_t *number, struct row_party *row);
/* Reads a listing and its vendor into the hearing; refuses NO_SUCH_LISTING. */
MUST_USE enum tide_err hear_listing(struct hearing *h, uint64_t listing);
/* Reads a programme and its issuer into the hearing; refuses NO_SUCH_PROGRAMME. */
MUST_USE enum tide_err hear_programme(struct hearing *h, uint64_t programme);
/* Reads the speaker's own open order; refuses NO_SUCH_ORDER, NOT_YOURS, ORDER_CLOSED. */
MUST_USE enum tide_err hear_order(struct hearing *h, uint64_t order, struct row_order *row);
/* One of a trade's parties does what the trade waits for: it exists, is the speaker's, and it is not too late. */
MUST_USE enum tide_err hear_trade(struct hearing *h, uint64_t trade, bool as_vendor, enum trade_state expected,
                                  struct row_trade *row);

/* ---- where work is cut (slice.c) ---- */
/* Emits `sliced` and notes it: nothing else may be decided before the `continue`. */
MUST_USE enum tide_err work_slice(struct hearing *h, enum work work, uint64_t subject);

/* ---- groups (group.c), texts (text.c) ---- */
bool same_group(uint64_t a_number, const struct row_party *a, uint64_t b_number, const struct row_party *b);
bool text_has_control(struct bytes text);
/* Copies `text` into a NUL-padded field of a row; the schemas' bounds leave room for the NUL. */
void row_text_set(char *field, size_t room, struct bytes text);

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
/* The envelope that a statement carries: of `kind`, for this market, signed by the party it names, in time. */
MUST_USE enum tide_err open_request(struct hearing *h, struct bytes envelope, uint64_t kind, struct statement *request);
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
/* Of an event of `kind`: moves the accounts, and notes an entry for each whose whole changed. */
MUST_USE enum tide_err fold_postings(struct fold *f, uint64_t kind, const struct list *postings);
/* Fen as yuan, "1234.50". */
#define MONEY_TEXT_MAX 32
const char *money_text(uint64_t fen, char text[MONEY_TEXT_MAX]);

/* ---- listings (listing.c) ---- */
bool listing_is_sealed(uint64_t listing_kind);
/* Closed or refused. */
static inline bool listing_is_over(uint64_t listing_state)
{
    return listing_state == LISTING_CLOSED || listing_state == LISTING_REFUSED;
}
/* Emits the move of the hearing's listing, or refuses it if the table does not know it. */
MUST_USE enum tide_err listing_move(struct hearing *h, enum listing_state to);
/* Refuses a move that the table does not know. */
MUST_USE enum tide_err check_listing_move(struct hearing *h, enum listing_state to);

/* ---- closed untraded (listing_untraded.c) ---- */
/* How often the speaker closed one of this title, or of this content, untraded: the larger of the two. */
MUST_USE enum tide_err untraded_before(struct hearing *h, const struct body_publish *p, uint64_t *count);
/* A listing was closed untraded. */
MUST_USE enum tide_err untraded_count(struct fold *f, const struct row_listing *listing);

/* ---- what the market keeps of a listing (listing_kept.c) ---- */
/* Bytes of a payload, or of its manifest if it lies elsewhere, and of a sealed detail part. */
uint64_t kept_bytes(uint64_t kind, uint64_t plaintext_len, bool elsewhere, uint64_t detail_len);
/* Refuses NO_ROOM: the speaker's contents, with `bytes` more, would be too many. */
MUST_USE enum tide_err check_kept(struct hearing *h, uint64_t bytes);
/* A listing is new: its vendor has one more, and `row->stored_bytes` are kept for it. */
MUST_USE enum tide_err kept_begin(struct fold *f, const struct row_listing *row);
/* A listing was closed or refused, and is put so: its vendor has one less; nothing is kept once its trades are final. */
MUST_USE enum tide_err kept_listing_ended(struct fold *f, uint64_t listing, struct row_listing *row);
/* One of a listing's trades is final. */
MUST_USE enum tide_err kept_trade_ended(struct fold *f, uint64_t listing);

/* ---- halts (halt.c) ---- */
/* Gives the trades whose deadlines wait for the end of the listing's halt their new deadlines, as many as fit. */
MUST_USE enum tide_err unpark_trades(struct hearing *h, uint64_t listing);
/* Emits `deferred`: the tick came to a trade's deadline that its listing's halts have moved. */
MUST_USE enum tide_err trade_defer(struct hearing *h, uint64_t trade, const struct row_trade *row);

/* ---- vouchers (voucher.c) ---- */
/* What the programme pays of one unit at `price`. */
uint64_t voucher_share(const struct row_programme *programme, uint64_t price);
/* What the hearing's programme holds of each of `quantity` units at `price`, of what `party` has available of it (nothing
 * once it has ended) and `extra`. */
MUST_USE enum tide_err voucher_unit(struct hearing *h, uint64_t party, uint64_t price, uint64_t quantity, uint64_t extra,
                                    uint64_t *unit);
/* Postings that free `amount` of a programme from the party's `from` account: to the party, or, ended, to the issuer. */
MUST_USE enum tide_err voucher_free(struct hearing *h, struct list *postings, uint64_t programme,
                                    const uint8_t party[32], enum account from, uint64_t amount);
/* The tick at a programme's end, and what goes back then, as many holders as fit. */
MUST_USE enum tide_err programme_end(struct hearing *h, uint64_t programme);
MUST_USE enum tide_err return_vouchers(struct hearing *h, uint64_t programme);

/* ---- trades (settlement.c) ---- */
/* The tick at `locked_until`. */
MUST_USE enum tide_err trade_unlock(struct hearing *h, uint64_t trade);
/* Emit the end of a trade. `finding`: what a verdict found; otherwise FINDING_NONE. */
MUST_USE enum tide_err trade_refund(struct hearing *h, uint64_t trade, const struct row_trade *row, enum basis basis,
                                    enum finding finding);
MUST_USE enum tide_err trade_settle(struct hearing *h, uint64_t trade, const struct row_trade *row, enum basis basis);

/* Adds one to a party's mark: the offset of a member of struct row_party. */
MUST_USE enum tide_err party_mark(struct fold *f, uint64_t party, size_t member);

/* ---- disputes (dispute.c) ---- */
/* The verdict is there: it waits no more. Changes the row; the caller puts it. */
MUST_USE enum tide_err dispute_end(struct fold *f, uint64_t trade, struct row_trade *row, uint64_t finding);

/* ---- claims (claim.c) ---- */
/* The tick at a claim's deadline. */
MUST_USE enum tide_err claim_overdue(struct hearing *h, uint64_t trade);

/* ---- keys (rekey.c) ---- */
/* The tick at which an announced change of keys takes effect. */
MUST_USE enum tide_err rekey_due(struct hearing *h, uint64_t party);

/* ---- the catalog's words (catalog.c) ---- */
/* A listing is new; its state has changed. */
MUST_USE enum tide_err catalog_add(struct fold *f, uint64_t listing, const struct body_listed *e);
MUST_USE enum tide_err catalog_move(struct fold *f, uint64_t listing, uint64_t from, uint64_t to);

/* ---- the book (book.c) ---- */
/* The order that came later; its row is kept up to date while it is matched. */
struct taker {
    uint64_t order;
    struct row_order row;
    const struct row_party *party;
};
enum match_end {
    MATCH_DONE,     /* filled, or nothing is left for it to meet */
    MATCH_MORE,     /* this record has no match left, and there would be one */
    MATCH_OWN_GROUP /* what it would meet next is its own group's */
};

/* Matches `t` against the other side of the hearing's listing, best order first; emits `traded` events. */
MUST_USE enum tide_err book_match(struct hearing *h, struct taker *t, enum match_end *end);
/* Whether the best order of the other side would be met. */
MUST_USE enum tide_err book_would_meet(struct hearing *h, const struct row_order *row, bool *meets);

/* ---- what may be placed (order_checks.c) ---- */
/* Checks 1 to 8 of docs/market.md, "Orders". `voucher_unit`: what its programme holds of each unit. */
MUST_USE enum tide_err check_order(struct hearing *h, const struct body_order *o, uint64_t *voucher_unit);
/* Parts of them that `replace` asks for too. */
MUST_USE enum tide_err check_limit(struct hearing *h, uint64_t price, uint64_t quantity, bool within_collar);
MUST_USE enum tide_err check_quantity(struct hearing *h, bool bids, bool unlimited, uint64_t quantity);
MUST_USE enum tide_err check_funds(struct hearing *h, uint64_t needed);
/* The price that a market order takes at most (an ask: at least): the collar's edge; 0: any. */
uint64_t market_limit(const struct hearing *h, uint64_t side);

/* ---- orders (order.c) ---- */
/* Checks 9 to 11, then matches what was placed or replaced and says what becomes of the rest. `rests`: it goes into the
 * book. */
MUST_USE enum tide_err order_match(struct hearing *h, struct taker *t, uint64_t *rests);

/* ---- how an order ends (order_close.c) ---- */
/* What an open order holds: CNY, and of its programme. */
uint64_t order_holds(const struct row_order *row);
uint64_t order_holds_voucher(const struct row_order *row);
/* Emits `order_closed`, its money released to `owner`. By number: reads the order and its owner first. */
MUST_USE enum tide_err order_close(struct hearing *h, uint64_t order, const struct row_order *row,
                                   const uint8_t owner[32], enum close_reason reason);
MUST_USE enum tide_err order_close_by_number(struct hearing *h, uint64_t order, enum close_reason reason);
/* Closes what rests on a listing, what is open of a party, as many as fit. *all: the last one too; else it was sliced. */
MUST_USE enum tide_err close_orders_of_listing(struct hearing *h, uint64_t listing, bool *all);
MUST_USE enum tide_err close_orders_of_party(struct hearing *h, uint64_t party);

/* ---- closing a listing (listing_close.c) ---- */
/* What follows the close, as much as fits: its orders are closed, then its parked trades get their deadlines. */
MUST_USE enum tide_err finish_close(struct hearing *h, uint64_t listing);

#endif
