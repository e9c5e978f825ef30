/*
 * What the files of query_*.c share: the query at hand, pages that stay within a frame, and reading records back.
 * Every answer function fills the reply (a body or a refusal) and returns TIDE_OK; what it returns otherwise is the
 * machine's trouble and leaves the reply to query_answer.
 */
#ifndef TIDEMARK_BROKER_QUERY_INTERNAL_H
#define TIDEMARK_BROKER_QUERY_INTERNAL_H

#include "broker/server/query.h"
#include "crypto/note.h"

/* Bounds on the work of one request: past them a page ends early, with a cursor to go on from. */
#define QUERY_READ_BYTES (2u << 20)   /* of records read back from the journal */
#define QUERY_SCAN_ROWS 4096u         /* of rows looked at */
#define QUERY_SCRATCH_BYTES (2u << 20) /* one statement of LIMIT_ELEMENTS, decoded, and its record */
#define QUERY_PAGE_DEFAULT 20u

struct query {
    const struct query_source *source;
    const struct peer *peer;
    const struct request *request;
    uint64_t now_ms;
    struct arena *arena;   /* what the reply points to */
    struct arena *scratch; /* reset before each record that is only looked at */
    struct reply *reply;
    uint64_t read_bytes;   /* of records so far */
    const char *damaged;   /* the folder in which TIDE_EDAMAGED was found; NULL: state */
    bool no_memory;        /* sticky: a text did not fit the arena */
};

/* The reply's body, cleared, of `size` bytes; NULL: no memory. */
MUST_USE void *query_body(struct query *q, size_t size);

/* Refuses; always TIDE_OK, so that it can be returned. `detail` is a static sentence or NULL. */
enum tide_err query_refuse(struct query *q, enum outcome code, const char *detail);

/* A NUL-padded text of a row, copied into the reply's arena. No memory: empty, and q->no_memory. */
struct bytes query_text(struct query *q, const char *padded, size_t size);
#define QUERY_TEXT(q, member) query_text((q), (member), sizeof(member))

/* True if the peer is enrolled, active and holds one of `roles`. */
bool query_peer_is(const struct query *q, uint64_t roles);

/* ---- pages ---- */
struct page {
    const struct schema *schema;
    struct list list;
    size_t max_rows, bytes;
};

/* Room for `limit` rows (0: QUERY_PAGE_DEFAULT) in the reply's arena; false: no memory. */
MUST_USE bool page_init(struct query *q, struct page *page, const struct schema *schema, uint64_t limit);

/* Adds a copy of `row`; false, and nothing added, when the page or the answer is full. A first row always fits. */
MUST_USE bool page_add(struct page *page, const void *row);

/* ---- walks ---- */
/* The names in a table keyed `owner | lane | name`, of lane 0, lane 1, or both. */
#define LANE_OPEN 1u /* lane 0: what is not final */
#define LANE_BOTH 3u
struct lane_walk {
    enum table table;
    uint64_t owner;
    unsigned lanes; /* bit n: lane n */
    uint64_t before;
};
struct lane_walk lane_walk_begin(enum table table, uint64_t owner, unsigned lanes, uint64_t before);

/* Steps down to the next lower name, in whichever lane it is. TIDE_ENOTFOUND at the end. */
MUST_USE enum tide_err lane_walk_next(struct query *q, struct lane_walk *walk, uint64_t *name);

/* ---- records ---- */
struct query_record {
    struct bytes bytes; /* as journaled */
    struct record record;
};
struct query_statement {
    struct query_record record;
    struct statement statement;
    const uint8_t *signature;
};
struct query_event {
    struct query_record record;
    struct event event;
};

/*
 * Reads record `index` into `arena` and takes it apart. TIDE_ENOTFOUND: past the end; TIDE_EDAMAGED: it cannot be
 * decoded, or is not of the type asked for (`index` comes from our own rows). Counts into q->read_bytes.
 */
MUST_USE enum tide_err query_read(struct query *q, uint64_t index, struct arena *arena, struct query_record *out);
MUST_USE enum tide_err query_read_statement(struct query *q, uint64_t index, struct arena *arena,
                                            struct query_statement *out);
MUST_USE enum tide_err query_read_event(struct query *q, uint64_t index, struct arena *arena, struct query_event *out);

/* A record of ours that should be there and decode, but does not: logged with its index. Returns TIDE_EDAMAGED. */
enum tide_err query_damaged_record(struct query *q, uint64_t index);

/* Says on the log which folder ("state", "journal", "tiles", "lobby") is damaged and what to do about it. */
void log_damage(const char *folder);

/* ---- rows ---- */
MUST_USE enum tide_err query_listing_row(struct query *q, uint64_t listing, struct row_listing *out);
MUST_USE enum tide_err query_trade_row(struct query *q, uint64_t trade, struct row_trade *out);
MUST_USE enum tide_err query_party_name(struct query *q, uint64_t number, struct bytes *out);

/* When what a trade waits for is due; 0: nothing. `listing` is its listing's row. */
MUST_USE enum tide_err query_due(struct query *q, const struct row_listing *listing, const struct row_trade *trade,
                                 uint64_t *out);
/* The market's row; its parameters in force as a list in the reply's arena. */
MUST_USE enum tide_err query_market_row(struct query *q, struct row_market *out);
MUST_USE enum tide_err query_parameters(struct query *q, const struct row_market *market, struct list *out);

/* ---- the verbs, by file ---- */
/* query_market.c */
MUST_USE enum tide_err query_doors(struct query *q);
MUST_USE enum tide_err query_market(struct query *q);
MUST_USE enum tide_err query_requests(struct query *q);
/* Takes a waiting request apart. TIDE_EMALFORMED: it is none (then it is passed over). */
MUST_USE enum tide_err query_open_request(const struct request_entry *entry, struct arena *arena, struct statement *out);
/* query_parties.c */
MUST_USE enum tide_err query_party(struct query *q);
MUST_USE enum tide_err query_parties(struct query *q);
MUST_USE enum tide_err query_keys(struct query *q);
/* query_cards.c */
MUST_USE enum tide_err query_card(struct query *q);
MUST_USE enum tide_err query_put_card(struct query *q);
MUST_USE enum tide_err query_erase_card(struct query *q);
/* query_catalog.c */
MUST_USE enum tide_err query_listing(struct query *q);
/* True if whoever asks may see this listing at all: what is not reviewed, or was refused, is not public. */
bool query_listing_is_visible(const struct query *q, const struct row_listing *row);
MUST_USE enum tide_err query_listing_fill(struct query *q, uint64_t listing, const struct row_listing *row,
                                          struct body_listing_row *out);
MUST_USE enum tide_err query_best_ask(struct query *q, uint64_t listing, bool *has, uint64_t *price);
/* query_book.c */
MUST_USE enum tide_err query_book(struct query *q);
MUST_USE enum tide_err query_tape(struct query *q);
/* query_search.c */
MUST_USE enum tide_err query_search(struct query *q);
/* query_orders.c */
MUST_USE enum tide_err query_orders(struct query *q);
MUST_USE enum tide_err query_order(struct query *q);
MUST_USE enum tide_err query_trades(struct query *q);
MUST_USE enum tide_err query_trade(struct query *q);
MUST_USE enum tide_err query_signed(struct query *q);
MUST_USE enum tide_err query_statements(struct query *q);
/* query_account.c */
MUST_USE enum tide_err query_balances(struct query *q);
MUST_USE enum tide_err query_account(struct query *q);
/* query_vouchers.c */
MUST_USE enum tide_err query_programmes(struct query *q);
/* query_bank.c */
MUST_USE enum tide_err query_withdrawals(struct query *q);
/* query_claims.c */
MUST_USE enum tide_err query_claims(struct query *q);
/* query_entitled.c */
/* Whether whoever asks may see record `index`, at hand as `record`. */
MUST_USE enum tide_err query_is_entitled(struct query *q, uint64_t index, const struct query_record *record,
                                         bool *entitled);
/* query_log.c */
MUST_USE enum tide_err query_checkpoint(struct query *q);
MUST_USE enum tide_err query_consistency(struct query *q);
MUST_USE enum tide_err query_proof(struct query *q);
MUST_USE enum tide_err query_receipt(struct query *q);
/* The broker's line of a note. Made now: it is not in the journal, so that who verifies a journal needs no key. */
MUST_USE enum tide_err query_broker_line(struct query *q, struct bytes text, char line[NOTE_LINE_MAX]);
/* query_keys.c: adds the proven changes of a party's signing key `from` to `to`. TIDE_ENOTFOUND: not published yet. */
MUST_USE enum tide_err query_key_changes(struct query *q, uint64_t party, const uint8_t from[32], const uint8_t to[32],
                                         struct list *changes);
/* query_prove.c: inclusion of a record in the newest checkpoint's tree. TIDE_ENOTFOUND: not published yet. */
MUST_USE enum tide_err query_prove(struct query *q, uint64_t index, struct bytes *proof);
/* query_certificate.c */
MUST_USE enum tide_err query_certificate(struct query *q);
/* query_samples.c */
MUST_USE enum tide_err query_sample(struct query *q);
MUST_USE enum tide_err query_detail(struct query *q);
/* query_disputes.c */
MUST_USE enum tide_err query_judges(struct query *q);
MUST_USE enum tide_err query_evidence(struct query *q);

#endif
