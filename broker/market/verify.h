/*
 * Deciding a journal again: every statement is judged anew on a fresh state and the events are compared with the
 * journal's byte for byte; deadlines and `continue` statements must stand exactly where the law puts them.
 */
#ifndef TIDEMARK_BROKER_VERIFY_H
#define TIDEMARK_BROKER_VERIFY_H

#include "broker/market/market.h"
#include "storage/journal.h"

struct verify_result {
    uint64_t n_records, n_statements, n_events;
    uint64_t bad_index;   /* valid when the result is not TIDE_OK */
    char why[256];
};

/*
 * Decides the whole journal again in a temporary state under `scratch_dir`. `signatures`: every statement's signature
 * is checked too. Ends with market_audit. TIDE_EDAMAGED: it differs; *out says where and why.
 */
MUST_USE enum tide_err verify_journal(struct journal *j, const char *scratch_dir, bool signatures,
                                      bool (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx,
                                      struct verify_result *out);

#endif
