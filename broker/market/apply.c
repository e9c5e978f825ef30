/*
 * Writing one record into the state: a statement leaves its command id and its place among its party's own; an event
 * leaves its postings and what its kind says (apply_* functions of the other files).
 *
 * Always holds: the state after record n depends on records 0..n alone. Nothing here judges; what contradicts the
 * state is TIDE_EDAMAGED.
 * Not here: how far the state has come, the rows that many write (fold.c).
 */
#include "broker/market/law.h"
#include "crypto/hash.h"

#define PRUNED_PER_STATEMENT 2 /* more than one, so that the table shrinks; few, so that no record pays for many */
#define USUAL_RECORDS 2        /* a statement and one event */

/* ---- statements ---- */

/*
 * Where a statement's events end is known when the next statement comes. Its row was written with the usual number;
 * put right what turned out otherwise.
 */
static enum tide_err finish_previous(struct fold *f)
{
    struct row_command row;
    if (f->index - f->market.last_statement == USUAL_RECORDS) return TIDE_OK;
    enum tide_err err = state_get(f->state, TABLE_COMMAND, f->market.last_command, &row);
    if (err) return err == TIDE_ENOTFOUND ? TIDE_OK : err; /* forgotten already */
    row.next_index = f->index;
    return state_put(f->state, TABLE_COMMAND, f->market.last_command, &row);
}

/* Command ids are remembered as long as their statements are valid. */
static enum tide_err prune_commands(struct fold *f)
{
    for (int n = 0; n < PRUNED_PER_STATEMENT; n++) {
        uint8_t key[24] = {0};
        struct row_command row;
        enum tide_err err = state_next(f->state, TABLE_COMMAND, key, 0, false, &row);
        if (err) return err == TIDE_ENOTFOUND ? TIDE_OK : err;
        if (row.valid_until >= f->time_ms) return TIDE_OK;
        err = state_del(f->state, TABLE_COMMAND, key);
        if (err) return must_exist(err);
    }
    return TIDE_OK;
}

static enum tide_err put_command(struct fold *f, const uint8_t key[24], const struct statement *s,
                                 struct bytes statement_bytes)
{
    struct row_command row;
    memset(&row, 0, sizeof row);
    row.first_index = f->index;
    row.next_index = f->index + USUAL_RECORDS;
    row.valid_until = s->valid_until;
    sha256(statement_bytes, row.statement_hash);
    return state_put(f->state, TABLE_COMMAND, key, &row);
}

static enum tide_err put_own(struct fold *f, uint64_t party, uint64_t kind)
{
    const struct row_own_statement row = {kind};
    uint8_t key[16];
    key_u64_u64(key, party, f->index);
    return state_put(f->state, TABLE_OWN_STATEMENT, key, &row);
}

/* The market's row: begun by the genesis (whose hash is the market's id), else that of the state. */
static enum tide_err begin_statement(struct fold *f, const struct statement *s, struct bytes statement_bytes)
{
    enum tide_err err = fold_market(f);
    if (s->kind == KIND_GENESIS) {
        if (err != TIDE_EDAMAGED || f->index != 0) return err ? err : TIDE_EDAMAGED;
        memset(&f->market, 0, sizeof f->market);
        sha256(statement_bytes, f->market.market);
        f->has_market = true;
        return TIDE_OK;
    }
    if (err) return err;
    if (f->time_ms < f->market.last_time_ms) return TIDE_EDAMAGED;
    return finish_previous(f);
}

enum tide_err fold_statement(struct fold *f, uint64_t index, uint64_t time_ms, const struct statement *s,
                             struct bytes statement_bytes)
{
    uint64_t party = MARKET_PARTY;
    uint8_t key[24];
    f->index = index;
    f->time_ms = time_ms;
    enum tide_err err = fold_expect_next(f, index);
    if (!err) err = begin_statement(f, s, statement_bytes);
    if (!err && s->kind != KIND_GENESIS) err = fold_party(f, s->party, &party);
    if (err) return err;
    memcpy(key, s->command_id, 16);
    be64_put(key + 16, party);
    err = prune_commands(f);
    if (!err) err = put_command(f, key, s, statement_bytes);
    if (!err) err = put_own(f, party, s->kind);
    if (err) return err;
    f->market.last_time_ms = time_ms;
    if (s->kind != KIND_CONTINUE) f->market.heard_ms = time_ms;
    f->market.last_statement = index;
    memcpy(f->market.last_command, key, sizeof key);
    if (s->kind == KIND_CONTINUE || s->kind == KIND_DRAWN) f->market.pending_work = f->market.pending_subject = 0;
    f->applied = index + 1;
    return fold_put_market(f);
}

/* ---- events ---- */

static enum tide_err apply_kind(struct fold *f, uint64_t kind, const void *body)
{
    switch (kind) {
#define KIND_AS_CASE(NAME, member, number, doc) \
    case KIND_##NAME: return apply_##member(f, body);
        EVENTS(KIND_AS_CASE)
#undef KIND_AS_CASE
    default: return TIDE_EDAMAGED;
    }
}

enum tide_err fold_event(struct fold *f, uint64_t index, uint64_t time_ms, uint64_t cause, uint64_t kind,
                         const void *body)
{
    f->index = index;
    f->time_ms = time_ms;
    f->cause = cause;
    enum tide_err err = fold_expect_next(f, index);
    const struct list *postings = event_postings(kind, body);
    if (!err && postings) err = fold_postings(f, kind, postings);
    if (!err) err = apply_kind(f, kind, body);
    f->applied = index + 1;
    return err;
}

enum tide_err market_apply_event(struct state_view *state, uint64_t index, uint64_t time_ms, uint64_t cause_index,
                                 uint64_t kind, const void *body)
{
    struct fold f;
    fold_init(&f, state);
    enum tide_err err = fold_event(&f, index, time_ms, cause_index, kind, body);
    return err ? err : fold_finish(&f);
}

/* ---- records ---- */

static enum tide_err apply_statement_record(struct fold *f, const struct record *r, struct arena *arena)
{
    struct bytes statement_bytes;
    const uint8_t *signature;
    struct statement s;
    enum tide_err err = envelope_decode(r->payload, arena, &statement_bytes, &signature);
    if (!err) err = statement_decode(statement_bytes, arena, &s);
    return err ? err : fold_statement(f, r->index, r->time_ms, &s, statement_bytes);
}

/* An event follows its own cause at once, at the same time. */
static enum tide_err apply_event_record(struct fold *f, const struct record *r, struct arena *arena)
{
    struct event e;
    enum tide_err err = event_decode(r->payload, arena, &e);
    if (!err) err = fold_market(f);
    if (err) return err;
    if (e.cause_index != f->market.last_statement || r->time_ms != f->market.last_time_ms) return TIDE_EDAMAGED;
    return fold_event(f, r->index, r->time_ms, e.cause_index, e.kind, e.body);
}

enum tide_err market_apply(struct state_view *state, struct bytes record, struct arena *arena)
{
    struct fold f;
    struct record r;
    fold_init(&f, state);
    enum tide_err err = record_decode(record, arena, &r);
    if (!err) err = r.type == RECORD_STATEMENT ? apply_statement_record(&f, &r, arena)
                                               : apply_event_record(&f, &r, arena);
    if (!err) err = fold_finish(&f);
    return err == TIDE_EMALFORMED ? TIDE_EDAMAGED : err; /* what is journaled was well-formed */
}
