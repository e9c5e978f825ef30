/*
 * The audit door's records, page by page, proven against signed heads. Private to client/lib/.
 */
#ifndef TIDEMARK_CLIENT_FEED_H
#define TIDEMARK_CLIENT_FEED_H

#include "client/lib/market.h"

struct feed {
    struct tide_market *m;
    struct merkle_tree tree; /* of all records before the next one; set by who starts with a tree of its own */
    struct checkpoint head;  /* verified, and pinned */
    bool stopped;            /* set by `page` or `covered`: enough */
    void *ctx;
    /* Records from `first` on that are proven. A code other than 0 ends the feed. */
    int (*page)(struct feed *f, uint64_t first, const struct body_record_row *rows, size_t n, struct tide_error *error);
    /* A head other than the last, verified: before it is pinned, to be refused; and when it is f->head. Both may be NULL. */
    int (*seen)(struct feed *f, struct bytes note, const struct checkpoint *cp, struct tide_error *error);
    int (*took)(struct feed *f, struct bytes note, const struct checkpoint *cp, struct tide_error *error);
    /* The tree is that of f->head: nothing is left to ask for now. May be NULL. */
    int (*covered)(struct feed *f, struct tide_error *error);
};

/*
 * Hands on every record from `from` on, up to the end that the journal had at the start, or for ever. If the tree is not
 * that of `from` records, its edge is asked for and proven. 703: heads, or records and heads, contradict each other.
 */
int feed_run(struct feed *f, uint64_t from, bool follow, struct tide_error *error);

/* The newest signed head. 104: none is signed yet. */
int feed_head(struct feed *f, struct tide_error *error);
/* That a tree is a prefix of the head's: 703 if not. `from`: where what is checked begins, for the message. */
int feed_check(struct feed *f, const struct merkle_tree *tree, uint64_t from, struct tide_error *error);

#endif
