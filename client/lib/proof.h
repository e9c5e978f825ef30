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

/*
 * A receipt's or proof file's content, checked under `key` (docs/formats.md, "Settlement record"). *report is filled.
 */
int verify_content(struct bytes content, const struct note_key *key, struct tide_doc **report,
                   struct tide_error *error);

#endif
