/*
 * Checking that a record is in the log: a C2SP tlog-proof and its checkpoint. Private to client/lib/.
 */
#ifndef TIDEMARK_CLIENT_PROOF_H
#define TIDEMARK_CLIENT_PROOF_H

#include "client/lib/market.h"

/*
 * Parses `text` and checks that `record` is leaf `index` under a checkpoint signed with `key`. out->extra is empty
 * (such proofs have none), out->checkpoint points into `text`. `who` names the proof in messages.
 */
int proof_check(struct bytes text, const struct note_key *key, uint64_t index, struct bytes record,
                struct proof_file *out, struct checkpoint *cp, struct tide_error *error);
/* The same under the market's own log key. */
int proof_read(const struct tide_market *m, struct bytes text, uint64_t index, struct bytes record,
               struct proof_file *out, struct checkpoint *cp, struct tide_error *error);

/* ---- changes of keys (verify_keys.c) ---- */
struct body_rekeyed;

/* What record `index`, whose inclusion is proven, says of a party's keys. 702 when it is another event, 705 when it is none. */
int key_change_read(struct bytes record, uint64_t index, struct arena *arena, struct body_rekeyed *out, struct tide_error *error);
/* `key` becomes what the change made of it; false, with `key` as it was: the change is of another key. */
bool key_change_step(const struct body_rekeyed *change, uint8_t key[32]);

/*
 * Follows the changes of keys that a receipt proves: `vendor` and `buyer`, the keys in the settlement text, become those
 * that signed it. Each change is a record of the log, and came before record `settled`.
 */
struct receipt;
int key_changes_follow(const struct receipt *receipt, const struct note_key *log, uint64_t settled, struct arena *arena,
                       uint8_t vendor[32], uint8_t buyer[32], struct tide_error *error);

/* A proof file's parts against each other and the log's key, with `record` as the leaf. */
int inclusion_check(const struct proof_file *file, const struct note_key *key, struct bytes record,
                    struct checkpoint *cp, struct tide_error *error);

/*
 * A certificate: a note of a certificate's text, with the proof of its `registered` record (verify_certificate.c).
 * Fills the report `doc`.
 */
bool is_certificate(struct bytes note);
int certificate_report(struct bytes note, const struct proof_file *file, const struct note_key *key,
                       struct tide_doc *doc, struct tide_error *error);

/*
 * A receipt's, certificate's or proof file's content, checked under `key` (docs/formats.md, "Receipt", "Certificate").
 * *report is filled.
 */
int verify_content(struct bytes content, const struct note_key *key, struct tide_doc **report,
                   struct tide_error *error);

/* The log's key: a verifier key's, or (NULL) the market URL's. 701: neither is given. */
int verify_log_key(const char *vkey, const char *market_url, struct note_key *out, struct tide_error *error);

/* ---- papers (receipt.c) ---- */
struct body_report;

struct paper_answer {
    struct bytes note, record, proof;
    struct list changes; /* of struct body_key_change */
};

/* What is asked for, and how its answer is told from another's. */
struct paper {
    enum verb verb;
    const void *question;
    const char *of, *subject; /* "settlement" of a "trade" */
    uint64_t number;          /* of the subject */
    struct paper_answer (*answer)(const void *value);
    bool (*is_it)(const struct body_report *report, uint64_t number);
};

/* Asks, waits until the log covers it, checks it and writes it to `out_path`. */
int paper_fetch(struct tide_market *m, const struct paper *paper, const char *out_path, int timeout_ms,
                struct tide_error *error);

#endif
