/*
 * Deciding a journal again (verify.h): every statement through market_execute on a fresh state, its records compared
 * byte for byte with the journal's; what the broker had to state in between; the roots that samples are drawn from.
 *
 * Always holds: memory is bounded whatever the journal's length; the state is a temporary one and nobody else's; `tree`
 * has every record read so far.
 * Not here: comparing the whole tree with the journal's head (storage/journal.c, journal_scrub).
 */
#include "broker/market/verify.h"

#include <stdarg.h>
#include <stdio.h>

#include "crypto/sign.h"

#define READ_RECORDS 512u
#define READ_BYTES (4u << 20)
#define COMMIT_RECORDS 65536u  /* what the state's view holds before it is committed */
#define PROGRESS_RECORDS 4096u
#define ARENA_CAP ((size_t)64 << 20)

struct verifier {
    struct journal *journal;
    struct state *state;
    struct arena reading, deciding;
    struct bytes records[READ_RECORDS]; /* in `reading` */
    size_t n_read, at;
    uint64_t next;                      /* index of records[at] */
    uint64_t size;                      /* of the journal when we began */
    uint64_t last_time_ms, uncommitted;
    struct merkle_tree tree;
    uint64_t reviewed_size; /* the log's size with the newest `review` … */
    uint8_t reviewed_root[HASH_BYTES]; /* … and its root then, from which a `drawn` is to draw */
    bool signatures;
    struct verify_result *out;
};

__attribute__((format(printf, 3, 4))) static enum tide_err wrong(struct verifier *v, uint64_t index,
                                                                 const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(v->out->why, sizeof v->out->why, format, args);
    va_end(args);
    v->out->bad_index = index;
    return TIDE_EDAMAGED;
}

/* The next record, valid until the next call. TIDE_ENOTFOUND at the end. */
static enum tide_err next_record(struct verifier *v, struct bytes *record)
{
    if (v->next >= v->size) return TIDE_ENOTFOUND;
    if (v->at == v->n_read) {
        arena_reset(&v->reading);
        v->at = v->n_read = 0;
        enum tide_err err = journal_read(v->journal, v->next, READ_RECORDS, READ_BYTES, &v->reading, v->records,
                                         &v->n_read);
        if (err) return err;
        if (v->n_read == 0) return wrong(v, v->next, "the journal ends before its head says");
    }
    *record = v->records[v->at++];
    v->next++;
    uint8_t leaf[HASH_BYTES];
    merkle_leaf_hash(*record, leaf);
    merkle_append(&v->tree, leaf);
    return TIDE_OK;
}

/* ---- one statement ---- */

static enum tide_err read_statement(struct verifier *v, struct bytes bytes, struct record *record,
                                    struct statement *s, struct bytes *statement_bytes)
{
    uint64_t index = v->next - 1;
    const uint8_t *signature;
    enum tide_err err = record_decode(bytes, &v->deciding, record);
    if (err == TIDE_ENOMEM) return err;
    if (err || record->index != index) return wrong(v, index, "not a record of this index");
    if (record->type != RECORD_STATEMENT) return wrong(v, index, "an event that its statement does not cause");
    if (record->time_ms < v->last_time_ms) return wrong(v, index, "time runs backwards");
    err = envelope_decode(record->payload, &v->deciding, statement_bytes, &signature);
    if (!err) err = statement_decode(*statement_bytes, &v->deciding, s);
    if (err == TIDE_ENOMEM) return err;
    if (err) return wrong(v, index, "not a well-formed statement");
    if (v->signatures && sign_verify(s->party, DOMAIN_STATEMENT, *statement_bytes, signature) != TIDE_OK)
        return wrong(v, index, "the signature is not the party's");
    return TIDE_OK;
}

/* The sample of the approval just before is drawn from the log as it was with that approval. */
static enum tide_err check_drawn(struct verifier *v, const struct due_statement *due, uint64_t index,
                                 const struct body_drawn *drawn)
{
    if (due->due != DUE_DRAW) return TIDE_OK; /* decide refuses it */
    if (due->draw_size != v->reviewed_size) return wrong(v, index, "the `drawn` does not follow its `review`");
    if (memcmp(drawn->root, v->reviewed_root, HASH_BYTES) == 0) return TIDE_OK;
    return wrong(v, index, "the sample is not drawn from the log's root at size %llu",
                 (unsigned long long)due->draw_size);
}

/* Before anything else is decided at a time, what is due then has been stated. */
static enum tide_err check_due(struct verifier *v, struct state_view *view, const struct record *record,
                               const struct statement *s)
{
    static const char *const names[] = {[DUE_CONTINUE] = "continue", [DUE_TICK] = "tick", [DUE_DRAW] = "drawn"};
    struct due_statement due;
    if (s->kind == KIND_TICK || s->kind == KIND_CONTINUE) return TIDE_OK; /* decide refuses one that is not due */
    enum tide_err err = market_due(view, record->time_ms, &due);
    if (err) return err;
    if (s->kind == KIND_DRAWN) return check_drawn(v, &due, record->index, s->body);
    if (due.due == DUE_NOTHING) return TIDE_OK;
    return wrong(v, record->index, "a `%s` was due before this", names[due.due]);
}

/* The journal's records that follow are the ones decided now. */
static enum tide_err compare_events(struct verifier *v, const struct execution *execution)
{
    for (size_t i = 1; i < execution->n_records; i++) {
        struct bytes record;
        enum tide_err err = next_record(v, &record);
        if (err == TIDE_ENOTFOUND) return wrong(v, v->next, "the journal lacks an event of its last statement");
        if (err) return err;
        if (!bytes_equal(record, execution->records[i])) return wrong(v, v->next - 1, "another event was decided");
        v->out->n_events++;
    }
    return TIDE_OK;
}

static enum tide_err decide_again(struct verifier *v, struct bytes bytes)
{
    struct record record;
    struct statement s;
    struct bytes statement_bytes;
    struct state_view *view;
    struct execution *execution = arena_alloc(&v->deciding, sizeof *execution);
    if (!execution) return TIDE_ENOMEM;
    enum tide_err err = read_statement(v, bytes, &record, &s, &statement_bytes);
    if (!err) err = state_write(v->state, &view);
    if (!err) err = check_due(v, view, &record, &s);
    if (!err && s.kind == KIND_REVIEW) {
        v->reviewed_size = v->tree.size;
        merkle_root(&v->tree, v->reviewed_root);
    }
    if (!err) err = market_execute(view, record.payload, &s, statement_bytes, record.time_ms, record.index,
                                   &v->deciding, execution);
    if (err) return err;
    if (execution->repeated) return wrong(v, record.index, "it was accepted before, as record %llu",
                                          (unsigned long long)execution->first_index);
    if (execution->outcome != OUTCOME_OK) {
        const struct outcome_info *info = outcome_info(execution->outcome);
        return wrong(v, record.index, "decided again it is refused: %s%s%s", info ? info->name : "?",
                     execution->detail ? ", " : "", execution->detail ? execution->detail : "");
    }
    if (!bytes_equal(bytes, execution->records[0])) return wrong(v, record.index, "its record is encoded otherwise");
    v->last_time_ms = record.time_ms;
    v->out->n_statements++;
    v->uncommitted += execution->n_records;
    return compare_events(v, execution);
}

/* ---- the whole journal ---- */

static enum tide_err decide_all(struct verifier *v, bool (*progress)(void *ctx, uint64_t done, uint64_t total),
                                void *ctx)
{
    struct bytes record;
    enum tide_err err;
    uint64_t reported = 0;
    while (!(err = next_record(v, &record))) {
        arena_reset(&v->deciding);
        err = decide_again(v, record);
        if (!err && v->uncommitted >= COMMIT_RECORDS) {
            err = state_commit(v->state);
            v->uncommitted = 0;
        }
        if (err) return err;
        v->out->n_records = v->next;
        if (!progress || v->next - reported < PROGRESS_RECORDS) continue;
        reported = v->next;
        if (!progress(ctx, v->next, v->size)) return TIDE_ECANCELED;
    }
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

static enum tide_err audit_end(struct verifier *v)
{
    struct state_view *view;
    char why[192];
    enum tide_err err = state_write(v->state, &view);
    if (!err) err = market_audit(view, why, sizeof why);
    return err == TIDE_EDAMAGED ? wrong(v, v->next, "at the end, %s", why) : err;
}

enum tide_err verify_journal(struct journal *j, const char *scratch_dir, bool signatures,
                             bool (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx,
                             struct verify_result *out)
{
    struct verifier v;
    struct merkle_tree head;
    memset(&v, 0, sizeof v);
    memset(out, 0, sizeof *out);
    v.journal = j;
    v.signatures = signatures;
    v.out = out;
    arena_init(&v.reading, ARENA_CAP);
    arena_init(&v.deciding, ARENA_CAP);
    enum tide_err err = journal_head(j, &head);
    v.size = err ? 0 : head.size;
    if (!err) err = state_open_temporary(scratch_dir, &v.state);
    if (!err) err = decide_all(&v, progress, ctx);
    if (!err) err = audit_end(&v);
    if (err && out->why[0] == 0) {
        out->bad_index = v.next;
        snprintf(out->why, sizeof out->why, "%s", tide_err_text(err));
    }
    if (v.state) state_close(&v.state, false);
    arena_deinit(&v.deciding);
    arena_deinit(&v.reading);
    return err;
}
