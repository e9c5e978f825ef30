/*
 * Folding the journal's tail (recover.h). Commits now and then, so that a long tail neither holds too much back nor
 * has to be done again after an interruption.
 */
#include "broker/server/recover.h"

#define READ_RECORDS 1024u           /* at a time */
#define READ_BYTES (4u << 20)        /* … and at most so many bytes */
#define COMMIT_RECORDS UINT64_C(8192) /* between commits */
#define ARENA_CAP (64u << 20)

struct recovery {
    struct state *state;
    const struct sequencer_io *io;
    struct arena records_arena, work_arena;
    struct bytes records[READ_RECORDS];
    uint64_t applied, size, uncommitted;
};

/* Reads the next piece of the journal and folds it. */
static enum tide_err fold_piece(struct recovery *r, struct state_view *view)
{
    size_t n = 0;
    arena_reset(&r->records_arena);
    enum tide_err err =
        r->io->read(r->io->ctx, r->applied, READ_RECORDS, READ_BYTES, &r->records_arena, r->records, &n);
    if (!err && n == 0) err = TIDE_EDAMAGED;
    for (size_t i = 0; !err && i < n; i++) {
        arena_reset(&r->work_arena);
        err = market_apply(view, r->records[i], &r->work_arena);
        if (!err) r->applied++;
    }
    r->uncommitted += n;
    return err;
}

static enum tide_err fold_tail(struct recovery *r)
{
    struct state_view *view;
    enum tide_err err = state_write(r->state, &view);
    if (!err) err = state_applied(view, &r->applied);
    if (!err) err = r->io->size(r->io->ctx, &r->size);
    if (!err && r->applied > r->size) err = TIDE_EDAMAGED;
    while (!err && r->applied < r->size) {
        err = state_write(r->state, &view);
        if (!err) err = fold_piece(r, view);
        if (!err && (r->uncommitted >= COMMIT_RECORDS || r->applied == r->size)) {
            err = state_commit(r->state);
            r->uncommitted = 0;
        }
        if (!err && r->io->progress) r->io->progress(r->io->ctx, r->applied, r->size);
    }
    return err;
}

enum tide_err recover_state(struct state *state, const struct sequencer_io *io, uint64_t *applied)
{
    struct recovery r = {.state = state, .io = io};
    *applied = 0;
    arena_init(&r.records_arena, ARENA_CAP);
    arena_init(&r.work_arena, ARENA_CAP);
    enum tide_err err = fold_tail(&r);
    if (err) state_abort(state);
    else *applied = r.applied;
    arena_deinit(&r.records_arena);
    arena_deinit(&r.work_arena);
    return err;
}
