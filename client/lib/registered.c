/*
 * What a listing's number stands for. A vendor's `publish` does not name the number that the market gave it, orders name
 * nothing else: a broker could show another listing of the same vendor under the number that was bid for.
 *
 * Always holds: kind, title, content, key and terms are those of the `registered` record of that number, which is in the log
 * under a checkpoint of the market's log key consistent with what was seen before, and came before the trade. To pass one
 * listing off as another, a broker would have to put a false record into the public log.
 * Not here: that the vendor signed them (signed.c); certificates as papers (certificate.c).
 */
#include "client/lib/jobs.h"
#include "client/lib/proof.h"
#include "storage/certificate.h"

#include <inttypes.h>

static int unproven(uint64_t listing, struct tide_error *error)
{
    return error_set(error, OUTCOME_V_FAILED, "The broker does not prove that listing %" PRIu64 " is what it shows; nothing was signed.",
                     listing);
}

/* Waits until a checkpoint covers the registration. */
static int certificate_get(struct tide_market *m, uint64_t listing, struct tide_doc **doc, struct tide_error *error)
{
    const struct body_q_listing q = {.listing = listing};
    int64_t until = market_until(m->timeout_ms);
    int pause = 0;
    for (;;) {
        int code = market_query(m, VERB_CERTIFICATE, &q, doc, error);
        if (code == OUTCOME_NO_SUCH_LISTING || code == OUTCOME_WRONG_STATE) return unproven(listing, error);
        if (code == 0 || !is_passing(code)) return code;
        code = poll_pause(m, &pause, until, error);
        if (code == OUTCOME_C_TIMEOUT)
            error_set(error, code, "No signed checkpoint covers the registration of listing %" PRIu64 " yet.", listing);
        if (code != 0) return code;
    }
}

/* The record's event, if it registers just what the row says. */
static bool registers(const struct record *record, const struct body_listing_row *row, struct arena *arena)
{
    struct event event;
    struct certificate c;
    if (record->type != RECORD_EVENT || event_decode(record->payload, arena, &event) != TIDE_OK ||
        event.kind != KIND_REGISTERED)
        return false;
    const struct body_registered *e = event.body;
    if (e->listing != row->listing || certificate_parse(e->text, &c) != TIDE_OK || c.listing != row->listing) return false;
    if (c.kind != row->kind || !bytes_equal(c.title, row->title) || memcmp(c.terms_hash, row->terms_hash, HASH_BYTES) != 0)
        return false;
    if (c.has_content != (row->n_chunks > 0)) return false;
    return !c.has_content || (memcmp(c.content_root, row->content_root, HASH_BYTES) == 0 &&
                              memcmp(c.key_commitment, row->key_commitment, HASH_BYTES) == 0);
}

/* All that the record is held against, in one: trades of one listing come together, and it is asked once. */
static void row_digest(const struct body_listing_row *row, uint8_t out[HASH_BYTES])
{
    uint8_t numbers[24];
    be64_put(numbers, row->listing);
    be64_put(numbers + 8, row->kind);
    be64_put(numbers + 16, row->n_chunks > 0);
    const struct bytes parts[] = {BYTES(numbers, sizeof numbers), BYTES(row->terms_hash, HASH_BYTES),
                                  BYTES(row->content_root, HASH_BYTES), BYTES(row->key_commitment, HASH_BYTES), row->title};
    sha256_parts(parts, ARRAY_LEN(parts), out);
}

int registered_check(struct tide_market *m, const struct body_listing_row *row, uint64_t before, struct tide_error *error)
{
    struct proof_file file;
    struct checkpoint cp;
    struct record record;
    struct tide_doc *doc;
    uint8_t digest[HASH_BYTES];
    row_digest(row, digest);
    if (m->registered_at != 0 && m->registered_at < before && memcmp(m->registered, digest, HASH_BYTES) == 0) return 0;
    int code = certificate_get(m, row->listing, &doc, error);
    if (code != 0) return code;
    const struct body_r_certificate *reply = doc->value;
    if (record_decode(reply->record, doc->arena, &record) != TIDE_OK || record.index >= before ||
        !registers(&record, row, doc->arena))
        code = unproven(row->listing, error);
    if (code == 0) code = proof_read(m, reply->proof, record.index, reply->record, &file, &cp, error);
    if (code == 0) code = checkpoint_pin(m, file.checkpoint, &cp, error);
    if (code == 0) {
        memcpy(m->registered, digest, HASH_BYTES);
        m->registered_at = record.index;
    }
    tide_doc_free(&doc);
    return code;
}
