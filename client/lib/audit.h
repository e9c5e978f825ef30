/*
 * Checking a mirror offline: what has been read so far, in memory, and what was found wrong. Private to client/lib/.
 *
 * One pass over the records, in order (audit_check.c), tells each to audit_facts.c, which keeps what later records rest on:
 * keys, listings, open trades. Memory grows with parties, listings and open trades, not with the log.
 */
#ifndef TIDEMARK_CLIENT_AUDIT_H
#define TIDEMARK_CLIENT_AUDIT_H

#include "client/lib/jobs.h"
#include "client/lib/mirror.h"
#include "client/lib/proof.h"
#include "client/lib/schemas.h"

/* ---- what records rest on ---- */

/* A key that was somebody's. It stays for ever: what was signed under it stays signed. */
struct audit_key {
    uint8_t key[32];
    uint8_t next[32], announced[32]; /* what it was changed to; what a lost one will be changed to. Zero: nothing */
    bool in_force;
};

struct audit_listing {
    uint64_t index, kind;
    struct bytes title; /* malloc'd */
    struct age_commitment content;
    uint8_t terms_hash[HASH_BYTES], vendor[32];
    uint64_t sample_record; /* the vendor's `sample` statement; 0: none */
    uint64_t n_samples;     /* promised */
    uint8_t seed[HASH_BYTES];
};

struct audit_trade {
    uint64_t index, listing, bid;
    uint8_t vendor[32], buyer[32], recipient[32];
    uint64_t quantity, price, total, fee, programme, voucher;
    uint64_t grant_record, accept_record, dispute_record, verdict_record;
    uint8_t evidence[HASH_BYTES];
    uint64_t finding, verdict_chunk;
};

/* Things by the index of their record, which only grows. */
struct audit_table {
    struct { uint64_t index; void *row; } *entries; /* row NULL: done with */
    size_t n, room;
};
/* NULL: there is none. */
void *audit_find(const struct audit_table *table, uint64_t index);

/* ---- signatures, gathered and then checked by all cores ---- */

struct audit_signature {
    uint64_t record;
    const char *domain, *whose; /* static texts */
    uint8_t key[32], signature[SIGN_BYTES];
    struct bytes message; /* in the round's memory */
    bool is_wrong;
};

/* The statement whose events come next, in memory of its own. */
struct audit_cause {
    uint64_t index;
    struct statement statement; /* kind 0: none could be read */
};

struct audit {
    const char *dir;
    const struct identity *identity; /* NULL: nobody's evidence can be opened */
    struct note_key log;
    struct checkpoint head;
    struct tiles *tiles;
    uint8_t market[32], broker[32], broker_seal[32]; /* the last: what evidence is sealed to */
    bool has_market; /* the URL's, or the genesis statement's */
    void *keys;      /* tsearch's */
    struct audit_table listings, trades;
    struct audit_cause cause;
    bool is_review;                  /* the record just taken: the root behind it is wanted */
    uint8_t review_root[HASH_BYTES]; /* the log's, as the newest review left it */
    struct arena round, cause_memory, scratch;
    struct audit_signature *signatures;
    size_t n_signatures, signatures_room;
    struct body_checked *report;
    struct tide_doc *doc; /* report's */
    size_t alarms_room, disputes_room;
    bool no_memory; /* sticky */
};

/* ---- audit_check.c ---- */

/* Something is wrong. */
void audit_alarm(struct audit *a, uint64_t record, uint64_t trade, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A record of the mirror, read again into a->scratch; false: it cannot be. */
bool audit_record(struct audit *a, uint64_t index, struct record *out);

/* ---- audit_facts.c ---- */

/* The next record, in a->round. */
void audit_take(struct audit *a, uint64_t index, struct bytes record);
/* The cause outlives the round whose memory it is in: called before a->round is reset. */
void audit_round_end(struct audit *a);
/* True if `from` was made `to` by changes of keys, or is it. */
bool audit_key_leads(struct audit *a, const uint8_t from[32], const uint8_t to[32]);
void audit_facts_free(struct audit *a);

/* ---- audit_keys.c ---- */

/* What a statement and an event say of keys; alarms. `index` is the record's. */
void audit_keys_statement(struct audit *a, uint64_t index, const struct statement *st);
void audit_keys_event(struct audit *a, uint64_t index, const struct event *event);
struct audit_key *audit_key_find(struct audit *a, const uint8_t key[32]);
void audit_keys_free(struct audit *a);
/* Remembers a signature to check. */
void audit_sign(struct audit *a, uint64_t record, const char *whose, const uint8_t key[32], const char *domain,
                struct bytes message, const uint8_t signature[SIGN_BYTES]);

/* ---- audit_draw.c ---- */

/* What a statement and an event say of draws and samples; alarms. */
void audit_draw_statement(struct audit *a, uint64_t index, const struct statement *st);
void audit_draw_event(struct audit *a, uint64_t index, const struct event *event);

/* ---- audit_dispute.c ---- */

/* Judges a disputed trade again, compares, and reports. */
void audit_judge(struct audit *a, const struct audit_trade *trade);

#endif
