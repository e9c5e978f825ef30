/*
 * The broker's own statements, said by the single writer. Private to it; `s` is within a batch.
 */
#ifndef TIDEMARK_BROKER_SEQUENCER_OWN_H
#define TIDEMARK_BROKER_SEQUENCER_OWN_H

#include "broker/server/sequencer_records.h"

/* Says one; accepted, its records are kept for the append. *outcome: what became of it. */
MUST_USE enum tide_err sequencer_state_own(struct sequencer *s, uint64_t kind, const void *body, enum outcome *outcome);

/* Whatever must be said before anything else is decided now. TIDE_EDAMAGED: it is due, yet refused. */
MUST_USE enum tide_err sequencer_state_due(struct sequencer *s);

/* At once after an approval, before its append: the vendor's sample is drawn. */
MUST_USE enum tide_err sequencer_state_draw(struct sequencer *s);

#endif
