/*
 * Brings the state up to the journal: folds the records that it lacks. Used at start and whenever uncommitted state had
 * to be dropped.
 */
#ifndef TIDEMARK_BROKER_RECOVER_H
#define TIDEMARK_BROKER_RECOVER_H

#include "broker/server/sequencer.h"

/*
 * Applies and commits everything from state_applied to the journal's end; *applied is that end. TIDE_EDAMAGED: the
 * state is ahead of the journal, or contradicts it. TIDE_EFULL: what was committed so far stays.
 */
MUST_USE enum tide_err recover_state(struct state *state, const struct sequencer_io *io, uint64_t *applied);

#endif
