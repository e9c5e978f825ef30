/*
 * The market's law once more, written from docs/market.md alone and by nobody who had read broker/market: plain
 * arrays and linear scans, judged and written in one go. test_model.c holds the two against each other; where they
 * differ, one of them or the page is wrong.
 *
 * Always holds: nothing here includes or calls broker/market (bodies, codec, signatures and the settlement text's
 * format are shared).
 */
#ifndef TIDEMARK_TESTS_MODEL_H
#define TIDEMARK_TESTS_MODEL_H

#include "storage/outcome.h"
#include "storage/records.h"

enum { MODEL_RECORD_MAX = 256 }; /* matches, closings, moves of one record */
#define MODEL_10_YEARS (UINT64_C(3650) * 24 * 3600 * 1000)

struct model_key { uint8_t key[32]; uint64_t party; };

struct model_party {
    uint64_t number, roles, state, settled, missed, faults, unproven, n_listings, stored_bytes;
    uint8_t key[32], seal_key[32], wire_key[32], card_hash[32];
    uint8_t said_key[32]; /* the key in force when the record began */
    struct bytes name, group, jurisdiction;
    bool announced;
    uint8_t next_key[32], next_seal_key[32], next_wire_key[32];
    uint64_t effective_at;
};

struct model_command {
    uint8_t id[16], hash[32];
    uint64_t party, valid_until, first, next;
};

struct model_account {
    uint64_t party, asset, locked;
    int64_t of[ACCOUNT_ISSUED + 1];
};

struct model_reference { uint64_t bank; struct bytes text; };
struct model_withdrawal { uint64_t id, party, amount, state; };
struct model_programme { uint64_t id, issuer, kinds, share_bp, top_price, cap_party, fund, ends_at, state; bool returned; };
struct model_given { uint64_t programme, party, amount; bool returned; };
struct model_disclosed { uint64_t listing, party, index; }; /* the statement that did */
struct model_untraded { uint64_t vendor; uint8_t what[32]; uint64_t times; };

struct model_listing {
    uint64_t id, vendor, kind, class, state, plaintext_len, n_chunks, samples, closed_untraded, revises, revised_by;
    uint64_t n_trades, certificate, has_last, last_price, halted_at, halted_ms; /* the last two by the market's clock */
    uint64_t n_open_trades, stored_bytes, elsewhere, detail_len, sample_record;
    bool drawn;
    uint8_t detail_nonce[16], detail_root[32], detail_commitment[32];
    uint8_t content_root[32], key_commitment[32], terms_hash[32], seed[32];
    struct bytes title, jurisdictions, purposes;
};

struct model_order {
    uint64_t id, listing, party, side, type, tif, price, left, expires_at, priority, budget, programme, voucher_unit;
    bool unlimited, post_only, resting, closed;
    uint8_t recipient[32];
};

enum model_deadline { NO_DEADLINE, GRANT_DEADLINE, ACCEPT_DEADLINE, CLAIM_DEADLINE };

struct model_trade {
    uint64_t id, listing, bid, ask, buyer, vendor, price, quantity, total, fee, programme, voucher, state, accept_ms;
    enum model_deadline deadline;
    uint64_t due;      /* by its listing's clock */
    uint64_t looked_at; /* by the market's clock: when a tick looks at it */
    bool parked;       /* its time came while its listing was halted */
    bool by_deadline;  /* how it ended */
    uint64_t arbiter, bond, locked, unlock_at;
    bool overdue;
    uint64_t dispute_record, verdict_record, finding, left_ms;
    uint8_t buyer_key[32], vendor_key[32], recipient[32];
};

struct model_event { uint64_t kind; const void *body; };

/* What a statement changed, to be looked at afterwards: a table's name and one or two numbers of its key. */
struct model_touched { uint64_t table, a, b; };

#define GROWING(type, name) type *name; size_t n_##name, room_##name

struct model {
    uint8_t market[32], broker[32];
    struct bytes origin;
    bool begun;
    uint64_t parameters[PARAM_N];
    uint64_t shift_ms, heard_ms, halted, halted_at, work, subject, n_certificates, last_arbiter;
    GROWING(struct model_party, parties);
    GROWING(struct model_key, keys);       /* signing keys that are or were somebody's */
    GROWING(struct model_key, wire_keys);
    GROWING(struct model_key, recipients); /* sealing keys and one-time recipients */
    GROWING(struct model_command, commands);
    GROWING(struct model_account, accounts);
    GROWING(struct model_reference, references);
    GROWING(struct model_withdrawal, withdrawals);
    GROWING(struct model_programme, programmes);
    GROWING(struct model_given, given);
    GROWING(struct model_untraded, untraded);
    GROWING(struct model_disclosed, disclosed);
    GROWING(struct model_listing, listings);
    GROWING(struct model_order, orders);
    GROWING(size_t, resting); /* places of the orders that rest, in no order */
    GROWING(struct model_trade, trades);
    GROWING(size_t, open); /* places of the trades that have a deadline or locked money */
    /* the statement at hand */
    GROWING(struct model_event, events);
    GROWING(struct model_touched, touched);
    uint64_t now, index;
    size_t budget; /* how many orders, trades or holders this record may still move */
    struct arena once, keep;
};

/* What became of a statement. `events` are m->events until the next one. */
struct model_answer {
    enum outcome outcome;
    bool repeated;
    uint64_t first, next;
    size_t n_items;
    struct { uint64_t code, index; } items[LIMIT_BATCH_ORDERS];
};

void model_init(struct model *m);
void model_deinit(struct model *m);

/* Judges the statement at `now_ms` and, if it is accepted, does what it says; its record gets `index`. */
enum outcome model_decide(struct model *m, const struct statement *s, struct bytes statement_bytes, uint64_t now_ms,
                          uint64_t index, struct model_answer *out);

/* What the broker has to say before anything else at `now_ms`. */
enum model_due { MODEL_NOTHING, MODEL_CONTINUE, MODEL_TICK, MODEL_DRAW };
enum model_due model_due(struct model *m, uint64_t now_ms);

/* When a tick will be due if nothing else happens; UINT64_MAX: never. */
uint64_t model_next_due(struct model *m, uint64_t now_ms);

/* NULL, or what is wrong: an asset whose accounts do not sum to zero, or one that is below zero. */
const char *model_audit(struct model *m);

/* ---- for looking at it ---- */
struct model_party *model_party(struct model *m, uint64_t number);
struct model_party *model_party_by_key(struct model *m, const uint8_t key[32]); /* replaced keys too */
struct model_listing *model_listing(struct model *m, uint64_t id);
struct model_order *model_order(struct model *m, uint64_t id);
struct model_trade *model_trade(struct model *m, uint64_t id);
struct model_withdrawal *model_withdrawal(struct model *m, uint64_t id);
struct model_programme *model_programme(struct model *m, uint64_t id);
int64_t model_balance(struct model *m, uint64_t party, uint64_t asset, enum account account);
uint64_t model_locked(struct model *m, uint64_t party);
uint64_t model_best(struct model *m, uint64_t listing, uint64_t side); /* place of the order; UINT64_MAX: none */
struct bytes model_settlement_text(struct model *m, const struct model_trade *t); /* in m->once */
/* The chunks drawn for a listing, in order. */
void model_samples(const struct model_listing *l, uint64_t chunks[LIMIT_SAMPLES]);

#endif
