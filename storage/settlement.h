/*
 * The settlement text both parties sign, and the receipt file (docs/formats.md, "Settlement record"): built and taken
 * apart here, so that broker, client and verifier agree by construction. Text only; keys and proofs are crypto's.
 */
#ifndef TIDEMARK_STORAGE_SETTLEMENT_H
#define TIDEMARK_STORAGE_SETTLEMENT_H

#include "crypto/note.h"
#include "storage/arena.h"
#include "storage/limits.h"

#define SETTLEMENT_TEXT_MAX 2048

struct settlement {
    struct bytes origin, title;
    uint64_t trade, listing;
    uint8_t vendor[32], buyer[32];
    uint64_t quantity, price, total, fee;
    uint64_t voucher, programme; /* programme 0: none, shown as "-" */
    bool has_content;            /* else content and key are "-" */
    uint8_t content_root[32], key_commitment[32], terms_hash[32];
};

/* The text, in `arena`. NULL data: no memory. */
struct bytes settlement_format(const struct settlement *s, struct arena *arena);
/* Takes it apart; strict: formatting the result gives the same bytes. TIDE_EMALFORMED. */
MUST_USE enum tide_err settlement_parse(struct bytes text, struct settlement *out);

/*
 * A .tide-receipt: the note, an empty line, the tlog-proof with the record in its extra line; then, for each change of a
 * party's key between the text and its signature, an empty line and the tlog-proof of the `rekeyed` record.
 */
struct receipt {
    struct bytes note;
    struct bytes proof; /* text */
    struct bytes changes[RECEIPT_CHANGES_MAX];
    size_t n_changes;
};
/* NULL data: no memory, or parts that would come apart elsewhere. */
struct bytes receipt_format(const struct receipt *r, struct arena *arena);
/* Takes it apart; the parts point into `file`. TIDE_EMALFORMED. */
MUST_USE enum tide_err receipt_parse(struct bytes file, struct receipt *out);

#endif
