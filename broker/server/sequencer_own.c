/*
 * What the broker says itself (sequencer_own.h): the tick, an outage with it, what goes on, the draw of samples.
 *
 * Always holds: what is due and is refused is damage; an outage is stated once, unless its append fails. A `drawn` is in
 * one append with its approval, so that its root is over records that may not be journaled yet.
 * Not here: when something is due (market/), making and signing a statement (own_statement.c).
 */
#include "broker/server/sequencer_own.h"

#include "broker/server/own_statement.h"

enum tide_err sequencer_state_own(struct sequencer *s, uint64_t kind, const void *body, enum outcome *outcome)
{
    uint8_t random[10];
    struct own_statement own;
    struct execution *x = arena_alloc(&s->arena, sizeof *x);
    if (!x) return TIDE_ENOMEM;
    s->o.io.random(s->o.io.ctx, random, sizeof random);
    enum tide_err err = own_statement_make(s->o.identity, s->market, kind, body, s->now_ms, random, &s->arena, &own);
    if (err) return err;
    err = market_execute(s->view, own.envelope, &own.statement, own.bytes, s->now_ms, s->next_index, &s->arena, x);
    if (err) return err;
    *outcome = x->outcome;
    return x->outcome == OUTCOME_OK ? sequencer_keep(s, x) : TIDE_OK;
}

/* The log's root at `size`: within `records`, since an approval and its `drawn` are appended together. */
static enum tide_err root_at(struct sequencer *s, uint64_t size, uint8_t root[HASH_BYTES])
{
    struct merkle_tree tree;
    uint8_t leaf[HASH_BYTES];
    enum tide_err err = s->o.io.head(s->o.io.ctx, &tree);
    if (err) return err;
    if (tree.size > size || tree.size + s->n_records < size) return TIDE_EDAMAGED;
    for (size_t i = 0; tree.size < size; i++) {
        merkle_leaf_hash(s->records[i], leaf);
        merkle_append(&tree, leaf);
    }
    merkle_root(&tree, root);
    return TIDE_OK;
}

static enum tide_err state_drawn(struct sequencer *s, const struct due_statement *due, enum outcome *outcome)
{
    struct body_drawn drawn = {.listing = due->draw_listing};
    enum tide_err err = root_at(s, due->draw_size, drawn.root);
    return err ? err : sequencer_state_own(s, KIND_DRAWN, &drawn, outcome);
}

enum tide_err sequencer_state_draw(struct sequencer *s)
{
    struct due_statement due;
    enum outcome outcome = OUTCOME_OK;
    enum tide_err err = market_due(s->view, s->now_ms, &due);
    if (!err && due.due == DUE_DRAW) err = state_drawn(s, &due, &outcome);
    return !err && outcome != OUTCOME_OK ? TIDE_EDAMAGED : err;
}

enum tide_err sequencer_state_due(struct sequencer *s)
{
    for (;;) {
        struct due_statement due;
        enum outcome outcome;
        enum tide_err err = market_due(s->view, s->now_ms, &due);
        if (err) return err;
        bool outage = s->outage_ms > 0 && !s->outage_stated;
        if (due.due == DUE_NOTHING && !outage) return TIDE_OK;
        if (due.due == DUE_CONTINUE) {
            err = sequencer_state_own(s, KIND_CONTINUE, &due.go_on, &outcome);
        } else if (due.due == DUE_DRAW) {
            err = state_drawn(s, &due, &outcome);
        } else {
            struct body_tick tick = {.outage_ms = outage ? s->outage_ms : 0};
            err = sequencer_state_own(s, KIND_TICK, &tick, &outcome);
            s->outage_stated = s->outage_stated || outage;
        }
        if (!err && outcome != OUTCOME_OK) err = TIDE_EDAMAGED; /* due, yet refused: the state contradicts itself */
        if (!err) err = sequencer_append_if_large(s);
        if (err) return err;
    }
}
