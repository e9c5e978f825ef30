/*
 * Where work too large for one record is cut: `sliced` names what is left, and the broker's `continue` must come next.
 *
 * Always holds: one work at most is pending; while it is, nothing but `continue` is decided (decide.c).
 * Not here: what goes on then (work.c), how much fits a slice (whoever does the work: LIMIT_MATCHES).
 */
#include "broker/market/law.h"

enum tide_err work_slice(struct hearing *h, enum work work, uint64_t subject)
{
    struct body_sliced *e = EVENT(h, SLICED, sliced);
    if (!e) return TIDE_ENOMEM;
    e->work = work;
    e->subject = subject;
    h->market.pending_work = work; /* the hearing's copy: the rest of a batch sees it */
    h->market.pending_subject = subject;
    return TIDE_OK;
}

enum tide_err apply_sliced(struct fold *f, const struct body_sliced *e)
{
    enum tide_err err = fold_market(f);
    if (err) return err;
    if (f->market.pending_work != WORK_NONE) return TIDE_EDAMAGED;
    f->market.pending_work = e->work;
    f->market.pending_subject = e->subject;
    return fold_put_market(f);
}
