/*
 * What the single writer has decided but not journaled (sequencer_records.h). One append to the journal is what is decided
 * between two calls of sequencer_append: a whole batch, unless it grows past a bound.
 *
 * Always holds: `records` are decided and applied to the writer's view but not journaled; `finished` are the jobs they
 * belong to, their replies encoded and held back; the arena keeps both until the append.
 * Not here: deciding (sequencer.c, sequencer_own.c), what becomes of both when the append fails (sequencer.c).
 */
#include "broker/server/sequencer_records.h"

#include <stdlib.h>

#define APPEND_RECORDS 4096u     /* one append has about so many records at most … */
#define APPEND_BYTES (8u << 20)  /* … and so many bytes */

static enum tide_err records_reserve(struct sequencer *s, size_t n)
{
    if (n <= s->records_room - s->n_records) return TIDE_OK;
    size_t room = s->records_room + n + APPEND_RECORDS;
    struct bytes *grown = realloc(s->records, room * sizeof *grown);
    if (!grown) return TIDE_ENOMEM;
    s->records = grown;
    s->records_room = room;
    return TIDE_OK;
}

enum tide_err sequencer_keep(struct sequencer *s, const struct execution *x)
{
    enum tide_err err = records_reserve(s, x->n_records);
    if (err) return err;
    for (size_t i = 0; i < x->n_records; i++) {
        s->records[s->n_records++] = x->records[i];
        s->n_bytes += x->records[i].len;
    }
    s->next_index += x->n_records;
    return TIDE_OK;
}

enum tide_err sequencer_append(struct sequencer *s)
{
    if (s->n_records > 0) {
        enum tide_err err = s->o.io.append(s->o.io.ctx, s->records, s->n_records);
        s->journal_failed = err == TIDE_EIO;
        if (err) return err;
        s->last_time_ms = s->now_ms;
        s->records_open += s->n_records;
        if (s->outage_stated) s->outage_ms = 0;
        s->outage_stated = false;
    }
    if (s->n_finished > 0) s->o.io.finished(s->o.io.ctx, s->finished, s->n_finished);
    s->n_records = s->n_bytes = s->n_finished = 0;
    arena_reset(&s->arena);
    return TIDE_OK;
}

enum tide_err sequencer_append_if_large(struct sequencer *s)
{
    return s->n_records >= APPEND_RECORDS || s->n_bytes >= APPEND_BYTES ? sequencer_append(s) : TIDE_OK;
}
