/*
 * What the files of query_*.c share: the query at hand, pages that stay within a frame, and reading records back.
 * Every answer function fills the reply (a body or a refusal) and returns TIDE_OK; what it returns otherwise is the
 * machine's trouble and leaves the reply to query_answer.
 */
#ifndef TIDEMARK_BROKER_QUERY_INTERNAL_H
#define TIDEMARK_BROKER_QUERY_INTERNAL_H

#include "broker/server/query.h"

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

/* ---- the verbs, by file ---- */
/* query_market.c */
MUST_USE enum tide_err query_doors(struct query *q);
MUST_USE enum tide_err query_party(struct query *q);
MUST_USE enum tide_err query_requests(struct query *q);
/* query_catalog.c */
MUST_USE enum tide_err query_listing(struct query *q);
MUST_USE enum tide_err query_book(struct query *q);
/* True if whoever asks may see this listing at all: what is not reviewed, or was refused, is not public. */
bool query_listing_is_visible(const struct query *q, const struct row_listing *row);
MUST_USE enum tide_err query_listing_fill(struct query *q, uint64_t listing, const struct row_listing *row,
                                          struct body_listing_row *out);
MUST_USE enum tide_err query_best_ask(struct query *q, uint64_t listing, bool *has, uint64_t *price);
/* query_search.c */
MUST_USE enum tide_err query_search(struct query *q);
/* query_orders.c */
MUST_USE enum tide_err query_orders(struct query *q);
MUST_USE enum tide_err query_trades(struct query *q);
MUST_USE enum tide_err query_trade(struct query *q);
MUST_USE enum tide_err query_signed(struct query *q);
MUST_USE enum tide_err query_balances(struct query *q);
MUST_USE enum tide_err query_statements(struct query *q);
/* query_log.c */
MUST_USE enum tide_err query_checkpoint(struct query *q);
MUST_USE enum tide_err query_consistency(struct query *q);
MUST_USE enum tide_err query_proof(struct query *q);
MUST_USE enum tide_err query_receipt(struct query *q);

#endif
