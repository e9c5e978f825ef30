/*
 * A listing's sealed content as it comes to whoever may have it: from the market's store or from the vendor's own
 * server, checked chunk by chunk. Private to client/lib/.
 */
#ifndef TIDEMARK_CLIENT_CONTENT_H
#define TIDEMARK_CLIENT_CONTENT_H

#include "client/lib/jobs.h"
#include "storage/https.h"

/*
 * What it consists of: the broker's manifest, whose root is the one that the vendor signed. Where the chunks come from does
 * not matter then.
 */
struct content {
    struct tide_market *m;
    uint64_t listing;
    enum part part;
    struct age_commitment c;
    int manifest_fd; /* -1: not open */
    struct https *location; /* NULL: they lie in the market's store */
};

/*
 * Gets and checks the manifest. `location`: the https address that the vendor published, or empty. A broker that is away is waited
 * for, as everywhere here: as long as it comes back within ten minutes. Close it whatever this returns.
 */
int content_open(struct tide_market *m, uint64_t listing, enum part part, const struct age_commitment *c,
                 struct bytes location, struct content *out, struct tide_error *error);
void content_close(struct content *content);

/* The Merkle path of a chunk, as evidence has it. */
int content_prove(const struct content *content, uint64_t chunk, struct merkle_proof *out, struct tide_error *error);

#define CONTENT_RUN 16u /* chunks that are looked at, and asked of a location, together: 1 MiB */

/* Who takes the chunks. */
struct content_taker {
    void *ctx;
    /* Which of the `n` <= CONTENT_RUN chunks from `first` on it has already, as bits. NULL: none. */
    uint32_t (*has)(void *ctx, uint64_t first, unsigned n);
    /* A chunk that is right by the manifest, in ascending order. A code other than 0 (with `error`) ends the fetching. */
    int (*take)(void *ctx, uint64_t chunk, struct bytes sealed, struct tide_error *error);
    const struct progress *progress; /* what is told of it; NULL: nothing */
    uint64_t n_fetched, bytes_fetched; /* filled: chunks that came */
};

/* Every chunk that the taker has not, or of one alone (UINT64_MAX: all). */
int content_fetch(struct content *content, uint64_t only, struct content_taker *taker, struct tide_error *error);

/*
 * nonce ‖ chunks at `fd`, going on from what is right there already: only what is missing comes over the wire. *n_fetched and
 * *bytes_fetched say how much did.
 */
int content_to_file(struct content *content, int fd, const struct progress *p, uint64_t *n_fetched, uint64_t *bytes_fetched,
                     struct tide_error *error);

#endif
