/*
 * The rows of the state tables. State is a fold of the journal and can be rebuilt from it at any time, so that rows
 * are plain structs in native order; nothing here is a format that lasts. Every row is zeroed before it is filled
 * (padding included), so that equal folds give equal bytes.
 *
 * Keys sort as bytes: numbers in them are big-endian. `party` fields are the party's number (the index of its
 * `admitted` event; the market itself is 0).
 */
#ifndef TIDEMARK_STORAGE_ROWS_H
#define TIDEMARK_STORAGE_ROWS_H

#include "storage/records.h"

/*
 * Every table: T(NAME, name, key bytes, row struct, "key and purpose").
 */
#define TABLES(T) \
    T(MARKET, market, 1, row_market, "0; the market's own facts") \
    T(PARTY, party, 8, row_party, "party number") \
    T(PARTY_KEY, party_key, 32, row_ref, "signing key, in force or replaced; its party number") \
    T(WIRE_KEY, wire_key, 32, row_ref, "CURVE key, in force or replaced; its party number") \
    T(KEY_OF, key_of, 16, row_key, "party number, record since which it is in force; the party's signing keys") \
    T(PARTY_BY_ROLE, party_by_role, 9, row_none, "role's place among the flags, party number") \
    T(REKEY, rekey, 8, row_rekey, "party number; the change of its keys that is announced") \
    T(RECIPIENT, recipient, 32, row_ref, "every recipient registered or used; the record that did") \
    T(COMMAND, command, 24, row_command, "command id, party number; statements that may still be repeated, oldest first") \
    T(OWN_STATEMENT, own_statement, 16, row_own_statement, "party number, record index") \
    T(ACCOUNT, account, 16, row_account, "party number, asset") \
    T(ENTRY, entry, 24, row_entry, "party number, asset, record; a change of what the party owns, or the market's fees") \
    T(REFERENCE, reference, 32, row_ref, "SHA-256 of bank and reference; the deposit or payout") \
    T(WITHDRAWAL, withdrawal, 8, row_withdrawal, "withdrawal") \
    T(WITHDRAWAL_OF, withdrawal_of, 17, row_none, "party number (0: all parties), 0 held 1 done, withdrawal") \
    T(PROGRAMME, programme, 8, row_programme, "voucher programme, which is its asset too") \
    T(PROGRAMME_OF, programme_of, 16, row_none, "issuer's party number, programme") \
    T(VOUCHER, voucher, 16, row_voucher, "programme, party number; who was given of it, until it has ended") \
    T(LISTING, listing, 8, row_listing, "listing") \
    T(LISTING_BY_STATE, listing_by_state, 9, row_none, "state, listing") \
    T(LISTING_OF, listing_of, 16, row_none, "vendor's party number, listing") \
    T(CONTENT, content, 32, row_ref, "key commitment; its listing") \
    T(UNTRADED, untraded, 40, row_ref, "vendor's party number, SHA-256 of a title or a content root; how often closed untraded") \
    T(WORD, word, 24, row_none, "word's key (words.h), listing: the open and halted ones") \
    T(LISTING_WORD, listing_word, 24, row_none, "listing, word's key: of all but the closed and refused ones") \
    T(ORDER, order, 8, row_order, "order") \
    T(BOOK, book, 25, row_book, "listing, side, price key (bids inverted), priority: execution order") \
    T(ORDER_OF, order_of, 17, row_none, "party number, 0 open 1 closed, order") \
    T(TRADE, trade, 8, row_trade, "trade") \
    T(TRADE_OF, trade_of, 17, row_none, "party number (buyer's and vendor's), 0 open 1 final, trade") \
    T(DISPUTE, dispute, 8, row_none, "trade; those that wait for a verdict") \
    T(DISCLOSED, disclosed, 16, row_ref, "listing, party number; the statement that opened its detail part") \
    T(CLAIM_OF, claim_of, 17, row_none, "arbiter's party number (0: all), 0 running 1 overdue, trade") \
    T(DEADLINE, deadline, 17, row_none, "deadline kind, time (deadline.c says by which clock), trade, order, party or programme") \
    T(PARKED, parked, 16, row_none, "halted listing, trade whose deadline waits for its end")

struct row_none { uint64_t nothing; };
struct row_ref { uint64_t index; };

struct row_market {
    uint8_t market[32], broker[32], log_key[32], wire_key[32], seal_key[32];
    uint64_t rules;
    uint64_t parameters[PARAM_N];
    uint64_t shift_ms;       /* all outages and market halts so far: trade deadlines are kept without it */
    uint64_t last_time_ms;   /* of the newest record */
    uint64_t heard_ms;       /* of the newest statement but `continue`: since then the market may have been down */
    uint64_t pending_work;   /* enum work; a `continue` must come next */
    uint64_t pending_subject;
    uint64_t n_operators;    /* active ones */
    uint64_t last_statement; /* index of the newest statement's record */
    uint8_t last_command[24]; /* its key in `command`: that row's next_index is final once another statement follows */
    uint64_t halted, halted_at; /* whether, and since when, the market is halted */
    uint64_t n_certificates;
    uint64_t last_arbiter;   /* party number of the arbiter whose turn was last */
    char name[LIMIT_NAME_BYTES + 8], origin[LIMIT_ORIGIN_BYTES + 8]; /* NUL-padded */
};

struct row_party {
    uint8_t key[32], seal_key[32], wire_key[32];
    uint64_t roles, state; /* enum party_state */
    uint64_t settled, missed, faults, unproven; /* marks */
    uint64_t admitted_at;
    uint64_t n_listings; /* not closed or refused */
    uint64_t stored_bytes; /* of contents that the market keeps for it */
    uint8_t card_hash[32];
    char name[LIMIT_NAME_BYTES + 8], group[64 + 8], jurisdiction[16];
};

struct row_command {
    uint64_t first_index, next_index, valid_until;
    uint8_t statement_hash[32]; /* SHA-256 of the statement bytes */
};

struct row_own_statement { uint64_t kind; };

struct row_key { uint8_t key[32], seal_key[32]; };

struct row_rekey {
    uint8_t new_key[32], seal_key[32], wire_key[32];
    uint64_t effective_at;
};

struct row_account {
    uint64_t available, held, escrow;
    uint64_t locked; /* of what is available: not to be withdrawn yet */
    int64_t fees, floats, issued;
};

/* `balance` is what the party owns after it: available, held and escrow together (of the market: its fees). */
struct row_entry { uint64_t time_ms, kind, cause, balance; int64_t amount; };

struct row_withdrawal {
    uint64_t party, amount, state, requested_at, done_record; /* enum withdrawal_state; 0: not yet */
    char destination[128 + 8];
};

struct row_programme {
    uint64_t issuer, kinds, share_bp, top_price, cap_party, fund, ends_at;
    uint64_t state; /* enum programme_state */
    char name[LIMIT_NAME_BYTES + 8];
};

struct row_voucher { uint64_t given; };

struct row_listing {
    uint64_t cause; /* record of its publish statement */
    uint64_t vendor; /* party number */
    uint64_t kind, class, state;
    uint64_t listed_at, plaintext_len, n_chunks, revises;
    uint64_t has_last, last_price;
    uint64_t revised_by, closed_untraded, n_trades;
    uint64_t certificate, registered, reviewed; /* its number, the `registered` record, the approving statement */
    uint64_t samples, has_seed, sample_record;  /* promised; drawn; the vendor's statement of them */
    uint64_t halted_at, halted_ms;              /* on the market's clock (deadline.c) */
    uint64_t time_from, time_to;
    uint64_t n_open_trades, stored_bytes;       /* kept until both it and its trades are final; then 0 */
    uint64_t elsewhere;                         /* whether the payload lies at the vendor's own location */
    uint64_t detail_len;
    uint8_t detail_nonce[16], detail_root[32], detail_commitment[32];
    uint8_t seed[32];
    uint8_t vendor_key[32], nonce[16], content_root[32], key_commitment[32], terms_hash[32];
    char title[LIMIT_TITLE_BYTES + 8], jurisdictions[64 + 8], purposes[128 + 8];
    char category[64 + 8], place[64 + 8], unit[32 + 8];
};

struct row_order {
    uint64_t party, listing, cause;
    uint64_t placed_at, price, quantity, left, expires_at;
    uint64_t priority;                /* the record that gave it its place in the book */
    uint64_t replaced_by;             /* newest `replace` statement; 0: none */
    uint64_t budget;                  /* market bids: what is left of it, held */
    uint64_t programme, voucher_unit; /* what the voucher holds of each unit */
    uint8_t side, type, tif, unlimited, resting, closed, post_only, padding;
    uint8_t item_hi, item_lo; /* position in its batch */
    uint8_t more_padding[6];
    uint8_t recipient[32];
};

struct row_book { uint64_t order, party; };

struct row_trade {
    uint64_t listing, bid, ask, buyer, vendor; /* parties by number */
    uint64_t traded_at, price, quantity, total, fee;
    uint64_t state; /* enum trade_state */
    uint64_t due;      /* by its listing's clock (deadline.c) */
    uint64_t due_key;  /* the time in its key in `deadline`; parked: none */
    uint64_t parked;
    uint64_t accept_ms;
    uint64_t programme, voucher;           /* 0: none; its part of the total */
    uint64_t bid_replaced, ask_replaced;   /* newest `replace` statement of either before it; 0: none */
    uint64_t arbiter, bond, overdue, claim_record; /* party number; fen; whether; the claim's statement */
    uint64_t dispute_record, verdict_record, finding; /* statements; enum finding; 0: not yet */
    uint64_t left_ms;                      /* disputed: what was left until its deadline */
    uint64_t locked;                       /* of the vendor's money, until `unlocked` */
    uint64_t grant_record, accept_record, final_record; /* statement, statement, event; 0: not yet */
    uint8_t buyer_key[32], vendor_key[32], recipient[32];
};

enum deadline_kind {
    DEADLINE_GRANT = 1, DEADLINE_ACCEPT, DEADLINE_CLAIM,
    DEADLINE_ORDER, DEADLINE_REKEY, DEADLINE_PROGRAMME, DEADLINE_UNLOCK
};

enum table {
#define TABLE_AS_NUMBER(NAME, name, key_len, row, doc) TABLE_##NAME,
    TABLES(TABLE_AS_NUMBER)
#undef TABLE_AS_NUMBER
    TABLE_N
};

#endif
