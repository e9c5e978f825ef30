/*
 * The text of a listing's certificate, which its approval registers (docs/formats.md, "Certificate"): built and taken
 * apart here, so that broker, client and verifier agree by construction. The file is a receipt's (settlement.h): a
 * note, an empty line, the proof of the `registered` record. Text only; keys and proofs are crypto's.
 */
#ifndef TIDEMARK_STORAGE_CERTIFICATE_H
#define TIDEMARK_STORAGE_CERTIFICATE_H

#include "storage/arena.h"
#include "storage/records.h"

#define CERTIFICATE_TEXT_MAX 2048

struct certificate {
    struct bytes origin, title;
    uint64_t number, listing;
    uint64_t kind, class; /* enum listing_kind, enum data_class */
    uint8_t vendor[32], reviewer[32];
    uint64_t registered_ms;
    bool has_content; /* else content and key are "-" */
    uint8_t content_root[32], key_commitment[32], terms_hash[32];
};

/* The text, in `arena`. NULL data: no memory, or a value that no certificate has (a control character, a kind). */
struct bytes certificate_format(const struct certificate *c, struct arena *arena);
/* Takes it apart; strict: formatting the result gives the same bytes. TIDE_EMALFORMED. */
MUST_USE enum tide_err certificate_parse(struct bytes text, struct certificate *out);

#endif
