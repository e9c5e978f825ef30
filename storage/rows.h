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
    T(PARTY_KEY, party_key, 32, row_ref, "signing key; its party number") \
    T(WIRE_KEY, wire_key, 32, row_ref, "CURVE key; its party number") \
    T(RECIPIENT, recipient, 32, row_ref, "every recipient registered or used; the record that did") \
    T(COMMAND, command, 24, row_command, "command id, party number; statements that may still be repeated, oldest first") \
    T(OWN_STATEMENT, own_statement, 16, row_own_statement, "party number, record index") \
    T(ACCOUNT, account, 16, row_account, "party number, asset") \
    T(REFERENCE, reference, 32, row_ref, "SHA-256 of bank and reference; the deposit") \
    T(LISTING, listing, 8, row_listing, "listing") \
    T(LISTING_BY_STATE, listing_by_state, 9, row_none, "state, listing") \
    T(LISTING_OF, listing_of, 16, row_none, "vendor's party number, listing") \
    T(CONTENT, content, 32, row_ref, "key commitment; its listing") \
    T(ORDER, order, 8, row_order, "order") \
    T(BOOK, book, 25, row_book, "listing, side, price key (bids inverted), order: execution order") \
    T(ORDER_OF, order_of, 17, row_none, "party number, 0 open 1 closed, order") \
    T(TRADE, trade, 8, row_trade, "trade") \
    T(TRADE_OF, trade_of, 17, row_none, "party number (buyer's and vendor's), 0 open 1 final, trade") \
    T(DEADLINE, deadline, 17, row_none, "deadline kind, due time, trade or order")

struct row_none { uint64_t nothing; };
struct row_ref { uint64_t index; };

struct row_market {
    uint8_t market[32], broker[32], log_key[32], wire_key[32], seal_key[32];
    uint64_t rules;
    uint64_t parameters[PARAM_N];
    uint64_t shift_ms;       /* all outages so far: trade deadlines are kept without it */
    uint64_t last_time_ms;   /* of the newest record */
    uint64_t heard_ms;       /* of the newest statement but `continue`: since then the market may have been down */
    uint64_t pending_work;   /* enum work; a `continue` must come next */
    uint64_t pending_subject;
    uint64_t n_operators;    /* active ones */
    uint64_t last_statement; /* index of the newest statement's record */
    uint8_t last_command[24]; /* its key in `command`: that row's next_index is final once another statement follows */
    uint64_t halted;
    char name[LIMIT_NAME_BYTES + 8], origin[LIMIT_ORIGIN_BYTES + 8]; /* NUL-padded */
};

struct row_party {
    uint8_t key[32], seal_key[32], wire_key[32];
    uint64_t roles, state; /* enum party_state */
    uint64_t settled, missed; /* marks */
    char name[LIMIT_NAME_BYTES + 8], group[64 + 8], jurisdiction[16];
};

struct row_command {
    uint64_t first_index, next_index, valid_until;
    uint8_t statement_hash[32]; /* SHA-256 of the statement bytes */
};

struct row_own_statement { uint64_t kind; };

struct row_account { uint64_t available, held, escrow; int64_t fees, floats, issued; };

struct row_listing {
    uint64_t cause; /* record of its publish statement */
    uint64_t vendor; /* party number */
    uint64_t kind, class, state;
    uint64_t listed_at, plaintext_len, n_chunks, revises;
    uint64_t has_last, last_price;
    uint8_t vendor_key[32], nonce[16], content_root[32], key_commitment[32], terms_hash[32];
    char title[LIMIT_TITLE_BYTES + 8], jurisdictions[64 + 8], purposes[128 + 8];
};

struct row_order {
    uint64_t party, listing, cause;
    uint64_t placed_at, price, quantity, left, expires_at;
    uint8_t side, type, tif, unlimited, resting, closed;
    uint8_t item_hi, item_lo; /* position in its batch */
    uint8_t recipient[32];
};

struct row_book { uint64_t party; };

struct row_trade {
    uint64_t listing, bid, ask, buyer, vendor; /* parties by number */
    uint64_t traded_at, price, quantity, total, fee;
    uint64_t state; /* enum trade_state */
    uint64_t due;   /* the deadline's time without shift, as in its key */
    uint64_t accept_ms;
    uint64_t grant_record, accept_record, final_record; /* statement, statement, event; 0: not yet */
    uint8_t buyer_key[32], vendor_key[32], recipient[32];
};

enum deadline_kind { DEADLINE_GRANT = 1, DEADLINE_ACCEPT, DEADLINE_ORDER };

enum table {
#define TABLE_AS_NUMBER(NAME, name, key_len, row, doc) TABLE_##NAME,
    TABLES(TABLE_AS_NUMBER)
#undef TABLE_AS_NUMBER
    TABLE_N
};

#endif
