/*
 * What vendors' and buyers' jobs share: progress, rows of the market, the settlement text, sealed files. Private to
 * client/lib/.
 */
#ifndef TIDEMARK_CLIENT_JOBS_H
#define TIDEMARK_CLIENT_JOBS_H

#include "client/lib/files.h"
#include "client/lib/market.h"
#include "crypto/age.h"

/* ---- progress ---- */
struct progress {
    tide_progress tell; /* NULL: nobody asks */
    void *ctx;
    struct tide_market *market; /* NULL: offline */
    const char *what;
};
/* False: stop. Looks for an interrupt, too. */
bool progress_tell(const struct progress *p, uint64_t done, uint64_t total);
/* The same as an age_progress; `ctx` is the struct progress. */
bool progress_age(void *ctx, uint64_t done, uint64_t total);
/* Code 611, and the interrupt is used up. */
int progress_stopped(const struct progress *p, struct tide_error *error);

/* ---- rows (rows.c) ---- */
/* One row, in *doc's memory; *doc is the row itself, but for row_of_listing: the whole answer. */
int row_of_listing(struct tide_market *m, uint64_t listing, struct tide_doc **doc, const struct body_listing_row **row,
                struct tide_error *error);
int row_of_trade(struct tide_market *m, uint64_t trade, struct tide_doc **doc, const struct body_trade_row **row,
              struct tide_error *error);
const struct body_publish *listing_published(const struct tide_doc *doc);
void listing_commitment(const struct body_listing_row *row, struct age_commitment *out);

/*
 * The settlement text of a trade against its row and its listing: nothing is signed that says something else. 702 names
 * the line that differs.
 */
int settlement_check(const struct tide_market *m, const struct body_trade_row *trade,
                     const struct body_listing_row *listing, struct tide_error *error);
/*
 * The trade and its listing against what the parties signed (signed.c): asks the broker for bid, ask and listing as signed.
 * 702 when one of them says something else.
 */
int signed_check(struct tide_market *m, const struct body_trade_row *trade, const struct body_listing_row *listing,
                 struct tide_error *error);
/*
 * That the row is what the log registered under its number before record `before` (registered.c). 702: the broker does not
 * prove it; 703: its checkpoints contradict each other.
 */
int registered_check(struct tide_market *m, const struct body_listing_row *row, uint64_t before, struct tide_error *error);
/*
 * That the key `from` was made the key `to` by changes of keys before record `before` (party_keys.c): asks the broker for its
 * proof and believes nothing else. 702: it does not prove it; 703: its checkpoints contradict each other.
 */
int party_keys_lead(struct tide_market *m, const uint8_t from[32], const uint8_t to[32], uint64_t before,
                    struct tide_error *error);
/* ---- what the log has (proven.c) ---- */
/* Record `index` with its proof, checked; in *doc's memory. 405: there is none, or it is not for our eyes. */
int record_proven(struct tide_market *m, uint64_t index, struct tide_doc **doc, struct record *out, struct tide_error *error);
/* True if it is an event of that kind. */
bool record_event(const struct record *record, uint64_t kind, struct arena *arena, struct event *out);
/* That the row's seed is what the log drew when the listing was approved (draw.c). 702: it is not. */
int draw_check(struct tide_market *m, const struct body_listing_row *row, struct tide_error *error);
/* What this identity signed and the log has as that listing; in *doc's memory. 604: another key did; 702: it is not proven. */
int publish_proven(struct tide_market *m, uint64_t listing, struct tide_doc **doc, const struct body_publish **out,
                   struct tide_error *error);

/* ---- keys of what was sealed (vend.c) ---- */
/* The file key of a nonce, by the present seed or an older one, that `commitment` names; 604: this identity did not seal it. */
int file_key_find(const struct tide_market *m, uint64_t listing, const uint8_t nonce[AGE_NONCE_BYTES],
                  const uint8_t commitment[HASH_BYTES], uint8_t key[AGE_FILE_KEY_BYTES], struct tide_error *error);

/* ---- detail.c ---- */
/*
 * Seals the detail part of a sale, or adopts the sealed form of an earlier try unless it is to be sealed `anew`; `body` names it then.
 */
int detail_prepare(struct tide_market *m, const struct tide_sale *files, bool anew, struct body_publish *body,
                   struct tide_error *error);

/* ---- sampling.c ---- */
/*
 * Signs and shows the chunks drawn of one's own listing, from `sealed_path` (NULL: not at hand) or from where they lie. *answered:
 * there was something to do, and it is done.
 */
int samples_answer(struct tide_market *m, uint64_t listing, const char *sealed_path, const struct progress *p, bool *answered,
                   struct tide_error *error);

/* Signs it as its party. */
void settlement_sign(const struct tide_market *m, const struct body_trade_row *trade, uint8_t signature[SIGN_BYTES]);

/* Waits between two looks: 50 ms at first, 500 ms later. 0, 608 when `until_ms` is over, 611. */
int poll_pause(struct tide_market *m, int *pause_ms, int64_t until_ms, struct tide_error *error);
/* True for refusals that pass by themselves while one waits (busy, not yet). */
bool is_passing(int code);

/* ---- sealed files (sealed.c, seal.c) ---- */
/* A sealed file that this identity made: where its payload begins, and its key. */
struct sealed_file {
    int fd;
    uint64_t header_len, payload_len, plaintext_len, n_chunks;
    uint8_t nonce[AGE_NONCE_BYTES];
    uint8_t file_key[AGE_FILE_KEY_BYTES];
};
int sealed_open(const struct identity *id, const char *path, struct sealed_file *out, struct tide_error *error);
void sealed_close(struct sealed_file *f);
/* One sealed chunk into `chunk` (AGE_SEALED_CHUNK_BYTES); false with errno. */
bool sealed_chunk(const struct sealed_file *f, uint64_t index, uint8_t *chunk, size_t *len);
/*
 * Leaf hashes of all chunks into `manifest_fd` (unless < 0), and their root. With `plain_fd` >= 0 every chunk must open to
 * what lies there (704 otherwise).
 */
int sealed_hash(const struct sealed_file *f, int manifest_fd, int plain_fd, const struct progress *p,
                uint8_t root[HASH_BYTES], struct tide_error *error);
/*
 * Seals `in_path` into `out_path` for the identity's own recipient; both may be streams (files.h). A sealing of a file into a
 * file that was stopped goes on.
 */
int file_seal(const struct identity *id, const char *in_path, const char *out_path, const struct progress *p,
              struct age_commitment *out, struct tide_error *error);

/* ---- transfers (upload.c, download.c) ---- */
/* What of a listing lies in the store; `manifest_only`: its payload is at the vendor's own location. */
struct stored_part {
    uint64_t listing;
    enum part part;
    bool manifest_only;
};
/* A sealed file of one's listing, whole. */
int content_upload(struct tide_market *m, struct stored_part part, const struct sealed_file *f, const struct progress *p,
                   struct tide_error *error);

#endif
