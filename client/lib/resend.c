/*
 * The outbox looked through: what has no known outcome is sent again, what was accepted is proven to be in the log, and
 * what is proven leaves.
 *
 * Always holds: an entry leaves only when a checkpoint, signed by the log's key and consistent with the newest one seen,
 * covers a record that holds its very bytes; or when it was refused a day ago.
 */
#include "client/lib/schemas.h"
#include "client/lib/market.h"
#include "client/lib/proof.h"

#include <stdio.h>
#include <stdlib.h>

#define WINDOW 32                              /* requests in flight */
#define REFUSED_KEPT_MS (UINT64_C(24) * 3600 * 1000)

enum tide_err outbox_each_own(struct tide_market *m, bool (*each)(void *ctx, const struct outbox_entry *entry), void *ctx)
{
    enum tide_err err = TIDE_OK;
    for (size_t i = identity_n_older(m->identity); i > 0 && err == TIDE_OK; i--)
        err = outbox_each(m->outbox, m->url.market, identity_party(identity_older(m->identity, i - 1)), each, ctx);
    if (err != TIDE_OK) return err;
    return outbox_each(m->outbox, m->url.market, identity_party(m->identity), each, ctx);
}

/* ---- listing ---- */
struct walk {
    bool (*each)(void *ctx, const struct tide_doc *entry);
    void *ctx;
    bool no_memory;
};

static void kind_text(uint64_t kind, struct arena *arena, struct bytes *out)
{
    const struct schema *schema = schema_of_kind(kind);
    *out = arena_copy(arena, schema == NULL ? BYTES_TEXT("?") : BYTES_TEXT(schema->name));
}

static bool show(void *ctx, const struct outbox_entry *entry)
{
    struct walk *walk = ctx;
    struct tide_doc *doc = doc_new(&schema_outbox_entry);
    if (doc == NULL) {
        walk->no_memory = true;
        return false;
    }
    struct body_outbox_entry *row = doc->value;
    memcpy(row->command_id, entry->command_id, 16);
    kind_text(entry->kind, doc->arena, &row->kind);
    row->state = entry->state;
    row->signed_at = entry->signed_at_ms;
    row->first_index = entry->first_index;
    row->next_index = entry->next_index;
    row->code = entry->code;
    bool more = walk->each(walk->ctx, doc);
    tide_doc_free(&doc);
    return more;
}

int tide_outbox_each(struct tide_market *market, bool (*each)(void *ctx, const struct tide_doc *entry), void *ctx,
                     struct tide_error *error)
{
    struct walk walk = {each, ctx, false};
    error_clear(error);
    int code = need_identity(market, error);
    if (code != 0) return code;
    enum tide_err err = outbox_each_own(market, show, &walk);
    if (walk.no_memory) err = TIDE_ENOMEM;
    return error_of(error, err, "The outbox");
}

/* ---- collecting ---- */

/* Names only: envelopes are read one by one, so that a long outbox needs little memory. */
struct entry_id {
    uint8_t party[32], command_id[16];
};

struct ids {
    struct entry_id *ids;
    size_t n, room;
    bool no_memory;
};

static bool collect(void *ctx, const struct outbox_entry *entry)
{
    struct ids *all = ctx;
    if (all->n == all->room) {
        size_t room = all->room == 0 ? 256 : all->room * 2;
        void *grown = realloc(all->ids, room * sizeof *all->ids);
        if (grown == NULL) {
            all->no_memory = true;
            return false;
        }
        all->ids = grown;
        all->room = room;
    }
    memcpy(all->ids[all->n].party, entry->party, 32);
    memcpy(all->ids[all->n++].command_id, entry->command_id, 16);
    return true;
}

static enum tide_err entry_get(struct tide_market *m, const struct entry_id *id, struct arena *arena,
                               struct outbox_entry *out)
{
    return outbox_get(m->outbox, m->url.market, id->party, id->command_id, arena, out);
}

static enum tide_err entry_del(struct tide_market *m, const struct entry_id *id)
{
    return outbox_del(m->outbox, m->url.market, id->party, id->command_id);
}

/* ---- proving ---- */

/* The record must be a statement whose envelope is ours, byte for byte. */
static int record_is(struct bytes record, const struct outbox_entry *entry, struct arena *arena,
                     struct tide_error *error)
{
    struct record r;
    if (record_decode(record, arena, &r) == TIDE_OK && r.type == RECORD_STATEMENT && r.index == entry->first_index &&
        bytes_equal(r.payload, entry->envelope)) {
        return 0;
    }
    return error_set(error, OUTCOME_V_FAILED, "Record %llu is not the statement that was acknowledged under it.",
                     (unsigned long long)entry->first_index);
}

static int prove(struct tide_market *m, const struct outbox_entry *entry, const struct body_r_proof *reply,
                 struct arena *arena, struct tide_error *error)
{
    struct proof_file file;
    struct checkpoint cp;
    int code = record_is(reply->record, entry, arena, error);
    if (code == 0) code = proof_read(m, reply->proof, entry->first_index, reply->record, &file, &cp, error);
    if (code == 0) code = checkpoint_pin(m, file.checkpoint, &cp, error);
    return code;
}

/* ---- one window of entries ---- */
struct step {
    struct tide_call *call;
    struct entry_id id;
    bool is_proof;
};

static int step_start(struct tide_market *m, struct step *step, struct tide_error *error)
{
    struct outbox_entry entry;
    struct arena arena;
    int code = 0;

    arena_init(&arena, 1u << 20);
    enum tide_err err = entry_get(m, &step->id, &arena, &entry);
    if (err != TIDE_OK) {
        code = err == TIDE_ENOTFOUND ? 0 : error_of(error, err, "The outbox");
    } else if (entry.state == OUTBOX_SIGNED) {
        code = statement_resume(m, &entry, &step->call, error);
    } else if (entry.state == OUTBOX_ACCEPTED) {
        struct body_q_index q = {.index = entry.first_index};
        step->is_proof = true;
        code = call_start(m, VERB_PROOF, &q, 0, &step->call, error);
    } else if (entry.state == OUTBOX_PROVEN || entry.signed_at_ms + REFUSED_KEPT_MS < wall_ms()) {
        code = error_of(error, entry_del(m, &step->id), "The outbox");
    }
    arena_deinit(&arena);
    return code;
}

/* *is_open: it stays in the outbox, unproven. Only what cannot be gone over is an error. */
static int step_finish(struct tide_market *m, struct step *step, bool *is_open, struct tide_error *error)
{
    struct outbox_entry entry;
    struct tide_doc *doc;
    struct arena arena;

    *is_open = false;
    if (step->call == NULL) return 0;
    int code = tide_call_finish(&step->call, &doc, error);
    if (!step->is_proof) {
        tide_doc_free(&doc);
        *is_open = code == 0 || code >= 600; /* accepted but not proven, or still not known; refused ones are closed */
        return code < 600 || code == OUTCOME_C_UNKNOWN_OUTCOME ? 0 : code;
    }
    *is_open = true;
    if (code == OUTCOME_NOT_YET || code == OUTCOME_NO_SUCH_RECORD) return 0; /* no checkpoint covers it yet */
    if (code != 0) return code;
    arena_init(&arena, 1u << 20);
    code = error_of(error, entry_get(m, &step->id, &arena, &entry), "The outbox");
    if (code == 0) code = prove(m, &entry, doc->value, &arena, error);
    if (code == 0) code = error_of(error, entry_del(m, &step->id), "The outbox");
    if (code == 0) *is_open = false;
    arena_deinit(&arena);
    tide_doc_free(&doc);
    return code;
}

static int window_run(struct tide_market *m, const struct entry_id *ids, size_t n, unsigned *n_open, struct tide_error *error)
{
    struct step steps[WINDOW] = {0};
    struct tide_error first = {0};
    size_t n_started = 0;
    bool interrupted = false;
    int code = 0;
    for (; n_started < n && code == 0; n_started++) {
        steps[n_started].id = ids[n_started];
        code = step_start(m, &steps[n_started], &first);
    }
    for (size_t i = 0; i < n_started; i++) {
        struct tide_error own;
        bool is_open;
        if (interrupted && steps[i].call != NULL && !tide_call_done(steps[i].call)) {
            call_free(&steps[i].call); /* an interrupt ends one wait only; what is not known yet stays in the outbox */
            ++*n_open;
            continue;
        }
        int ended = step_finish(m, &steps[i], &is_open, &own);
        if (is_open) ++*n_open;
        if (ended == OUTCOME_C_INTERRUPTED) interrupted = true;
        if (code == 0 && ended != 0) code = error_copy(&first, &own);
    }
    return code == 0 ? 0 : error_copy(error, &first);
}

static int all_ids(struct tide_market *m, struct ids *ids, struct tide_error *error)
{
    enum tide_err err = outbox_each_own(m, collect, ids);
    if (ids->no_memory) err = TIDE_ENOMEM;
    return error_of(error, err, "The outbox");
}

/* What has no outcome gets one first; then what is accepted, the newly known included, is proven. */
int tide_resend(struct tide_market *market, unsigned *n_open, struct tide_error *error)
{
    struct ids ids = {0};
    unsigned unproven = 0;
    error_clear(error);
    if (n_open != NULL) *n_open = 0;
    int code = need_identity(market, error);
    if (code == 0) code = all_ids(market, &ids, error);
    for (unsigned round = 0; round < 2 && code == 0; round++) {
        unproven = 0;
        for (size_t at = 0; at < ids.n && code == 0; at += WINDOW) {
            size_t n = ids.n - at < WINDOW ? ids.n - at : WINDOW;
            code = window_run(market, ids.ids + at, n, &unproven, error);
        }
        if (unproven == 0) break;
    }
    free(ids.ids);
    if (n_open != NULL) *n_open = unproven;
    return code;
}
