/*
 * Samples in clear on the data door: a vendor puts each chunk whose hash it signed, every enrolled party may fetch them.
 *
 * Always holds: what is kept and what leaves has the hash that stands in the vendor's statement in force, read from the
 * journal each time.
 * Not here: which chunks are drawn (market/sample.c), the files (storage/sample_store.h).
 */
#include "broker/server/data_door.h"

#include "broker/server/log.h"
#include "broker/server/query_internal.h"
#include "storage/sample_store.h"

#include <inttypes.h>

enum tide_err data_signed_samples(struct data_door *d, const struct row_listing *row, struct list *chunks)
{
    const struct query_source source = {.view = d->view, .journal = d->options.journal};
    struct query q = {.source = &source, .arena = &d->arena};
    struct query_statement statement;

    *chunks = (struct list){0};
    enum tide_err err = query_read_statement(&q, row->sample_record, &d->arena, &statement);
    if (err == TIDE_ENOTFOUND || (err == TIDE_OK && statement.statement.kind != KIND_SAMPLE)) {
        err = query_damaged_record(&q, row->sample_record);
    }
    if (err == TIDE_OK) *chunks = ((const struct body_sample *)statement.statement.body)->chunks;
    return err;
}

uint64_t data_samples_there(struct data_door *d, uint64_t listing, const struct list *chunks)
{
    const struct sample_chunk *chunk = chunks->items;
    uint64_t n = 0;

    for (size_t i = 0; i < chunks->n; i++) {
        struct sample_name name = {listing, chunk[i].chunk, chunk[i].hash};
        if (sample_is_there(d->options.config->dir, &name)) n++;
    }
    return n;
}

/* The hash that was signed of this chunk; NULL: it is no sample. */
static const uint8_t *hash_of(const struct list *chunks, uint64_t chunk)
{
    const struct sample_chunk *all = chunks->items;

    for (size_t i = 0; i < chunks->n; i++) {
        if (all[i].chunk == chunk) return all[i].hash;
    }
    return NULL;
}

enum tide_err data_put_sample(struct ask *a)
{
    const struct body_q_put_sample *put = a->request->body;
    struct list chunks;

    if (a->row.vendor != a->peer.number) return data_refuse(a, OUTCOME_NOT_YOURS, NULL);
    if (a->peer.party.state != PARTY_ACTIVE) return data_refuse(a, OUTCOME_SUSPENDED, NULL);
    if (a->row.state != LISTING_SAMPLING || a->row.sample_record == 0) {
        return data_refuse(a, OUTCOME_WRONG_STATE, "The listing is not waiting for samples that its vendor signed.");
    }
    enum tide_err err = data_signed_samples(a->door, &a->row, &chunks);
    if (err != TIDE_OK) return err;
    const uint8_t *hash = hash_of(&chunks, put->chunk);
    if (hash == NULL) return data_refuse(a, OUTCOME_BAD_SAMPLE, "The vendor signed no sample of that chunk.");
    struct sample_name name = {a->listing, put->chunk, hash};
    err = sample_put(a->door->options.config->dir, &name, put->plain);
    if (err != TIDE_OK) return data_put_refused(a, err, "The chunk has not the hash that its vendor signed.");
    struct body_r_put *body = data_body(a, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    body->have = data_samples_there(a->door, a->listing, &chunks);
    if (body->have < chunks.n) return TIDE_OK;
    err = data_tell_stored(a->door, a->listing, &a->row);
    return err == TIDE_OK || err == TIDE_EDAMAGED ? err : data_put_refused(a, err, NULL);
}

enum tide_err data_get_sample(struct ask *a)
{
    const struct body_q_get_sample *get = a->request->body;
    struct list chunks;
    size_t len;

    if (a->row.sample_record == 0) return data_refuse(a, OUTCOME_NOT_STORED, "The listing shows no samples.");
    enum tide_err err = data_signed_samples(a->door, &a->row, &chunks);
    if (err != TIDE_OK) return err;
    struct body_r_get_sample *body = data_body(a, sizeof *body);
    uint8_t *plain = arena_alloc(&a->door->arena, AGE_CHUNK_BYTES);
    if (body == NULL || plain == NULL) return TIDE_ENOMEM;
    const uint8_t *hash = hash_of(&chunks, get->chunk);
    if (hash == NULL) return data_refuse(a, OUTCOME_NOT_STORED, "The chunk is none of the listing's samples.");
    struct sample_name name = {a->listing, get->chunk, hash};
    err = sample_get(a->door->options.config->dir, &name, plain, &len);
    if (err == TIDE_ENOTFOUND) return data_refuse(a, OUTCOME_NOT_STORED, NULL);
    if (err != TIDE_OK) {
        log_event(LOG_LEVEL_ERROR, "sample_unreadable", "file=samples/ listing=%" PRIu64 " error=%s hint=%s", a->listing,
                  log_value(tide_err_text(err)).text, log_value("restore the folder from a backup").text);
        return data_refuse(a, OUTCOME_NOT_STORED, "The stored sample is damaged; the operator's log says so.");
    }
    body->plain = BYTES(plain, len);
    return TIDE_OK;
}
