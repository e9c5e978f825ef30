/*
 * The certificate of a registered listing: the text out of its `registered` record, the broker's line under it, and the
 * record's place in the log (docs/formats.md, "Certificate").
 *
 * Always holds: every enrolled party may ask for it (the lobby has no log key to sign it with); the line is under the log's key
 * and is made now, as under a receipt.
 */
#include "broker/server/query_internal.h"

/* The text, an empty line, the broker's signature. */
static enum tide_err certificate_note(struct query *q, struct bytes text, struct bytes *out)
{
    char line[NOTE_LINE_MAX];

    enum tide_err err = query_broker_line(q, text, line);
    if (err != TIDE_OK) return err;
    struct bytes signature = BYTES_TEXT(line);
    uint8_t *note = arena_alloc(q->arena, text.len + 1 + signature.len);
    if (note == NULL) return TIDE_ENOMEM;
    memcpy(note, text.data, text.len);
    note[text.len] = '\n';
    memcpy(note + text.len + 1, signature.data, signature.len);
    *out = BYTES(note, text.len + 1 + signature.len);
    return TIDE_OK;
}

enum tide_err query_certificate(struct query *q)
{
    const struct body_q_listing *ask = q->request->body;
    struct row_listing row;
    struct query_event event;

    if (q->source->log_secret == NULL) return query_refuse(q, OUTCOME_UNKNOWN_VERB, NULL);
    enum tide_err err = query_listing_row(q, ask->listing, &row);
    if (err == TIDE_ENOTFOUND || (err == TIDE_OK && !query_listing_is_visible(q, &row))) {
        return query_refuse(q, OUTCOME_NO_SUCH_LISTING, NULL);
    }
    if (err != TIDE_OK) return err;
    if (row.certificate == 0) return query_refuse(q, OUTCOME_WRONG_STATE, "The listing is not registered.");
    err = query_read_event(q, row.registered, q->arena, &event);
    if (err == TIDE_ENOTFOUND || (err == TIDE_OK && event.event.kind != KIND_REGISTERED)) {
        return query_damaged_record(q, row.registered);
    }
    if (err != TIDE_OK) return err;
    struct body_r_certificate *body = query_body(q, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    body->record = event.record.bytes;
    err = query_prove(q, row.registered, &body->proof);
    if (err == TIDE_ENOTFOUND) return query_refuse(q, OUTCOME_NOT_YET, NULL);
    if (err != TIDE_OK) return err;
    return certificate_note(q, ((const struct body_registered *)event.event.body)->text, &body->note);
}
