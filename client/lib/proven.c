/*
 * One record that the log has: asked for with its proof, and what some kinds of records say.
 *
 * Always holds: the record is leaf `index` under a checkpoint of the market's log key that is consistent with what was
 * seen before; a statement taken for one's own carries a signature by a key of one's own.
 * Not here: how a proof is checked (verify.c).
 */
#include "client/lib/jobs.h"
#include "client/lib/proof.h"

#include <inttypes.h>

int record_proven(struct tide_market *m, uint64_t index, struct tide_doc **doc, struct record *out, struct tide_error *error)
{
    const struct body_q_index q = {.index = index};
    int64_t until = market_until(m->timeout_ms);
    struct proof_file file;
    struct checkpoint cp;
    int code, pause = 0;
    *doc = NULL;
    for (;;) {
        struct tide_call *call;
        code = call_start(m, VERB_PROOF, &q, index + 1, &call, error);
        if (code == 0) code = tide_call_finish(&call, doc, error);
        if (code == 0 || !is_passing(code)) break;
        code = poll_pause(m, &pause, until, error);
        if (code == OUTCOME_C_TIMEOUT)
            error_set(error, code, "No signed checkpoint covers record %" PRIu64 " yet.", index);
        if (code != 0) break;
    }
    if (code != 0) return code;
    const struct body_r_proof *reply = (*doc)->value;
    code = proof_read(m, reply->proof, index, reply->record, &file, &cp, error);
    if (code == 0) code = checkpoint_pin(m, file.checkpoint, &cp, error);
    if (code == 0 && (record_decode(reply->record, (*doc)->arena, out) != TIDE_OK || out->index != index))
        code = error_set(error, OUTCOME_V_FAILED, "Record %" PRIu64 " is not one.", index);
    if (code != 0) tide_doc_free(doc);
    return code;
}

bool record_event(const struct record *record, uint64_t kind, struct arena *arena, struct event *out)
{
    return record->type == RECORD_EVENT && event_decode(record->payload, arena, out) == TIDE_OK && out->kind == kind;
}

int publish_proven(struct tide_market *m, uint64_t listing, struct tide_doc **doc, const struct body_publish **out,
                   struct tide_error *error)
{
    struct record record;
    struct statement s;
    struct bytes bytes;
    const uint8_t *signature;
    *out = NULL;
    int code = listing == 0 ? error_set(error, OUTCOME_NO_SUCH_LISTING, NULL)
                            : record_proven(m, listing - 1, doc, &record, error); /* `listed` follows its statement */
    if (code != 0) return code;
    bool said = record.type == RECORD_STATEMENT &&
                envelope_decode(record.payload, (*doc)->arena, &bytes, &signature) == TIDE_OK &&
                statement_decode(bytes, (*doc)->arena, &s) == TIDE_OK && s.kind == KIND_PUBLISH &&
                memcmp(s.market, m->url.market, 32) == 0 &&
                sign_verify(s.party, DOMAIN_STATEMENT, bytes, signature) == TIDE_OK;
    if (said && identity_had(m->identity, s.party)) {
        *out = s.body;
        return 0;
    }
    tide_doc_free(doc);
    if (said)
        return error_set(error, OUTCOME_C_BAD_IDENTITY, "Listing %" PRIu64 " was published with a key that this identity does not "
                                                        "have.", listing);
    return error_set(error, OUTCOME_V_FAILED, "The broker does not prove what was published as listing %" PRIu64 ".", listing);
}

/* ---- in public ---- */

/* Whether what was signed is what is meant. Content and detail part are known only once they were sealed. */
static bool is_meant(const struct body_publish *is, const struct body_publish *meant)
{
    bool same_content = meant->n_chunks == 0 || (memcmp(is->nonce, meant->nonce, sizeof is->nonce) == 0 &&
                                                 memcmp(is->content_root, meant->content_root, HASH_BYTES) == 0 &&
                                                 memcmp(is->key_commitment, meant->key_commitment, HASH_BYTES) == 0);
    bool same_detail = meant->detail_len == 0 || memcmp(is->detail_commitment, meant->detail_commitment, HASH_BYTES) == 0;
    return is->kind == meant->kind && bytes_equal(is->title, meant->title) && bytes_equal(is->terms, meant->terms) && same_content &&
           same_detail;
}

int tide_listing_check(struct tide_market *market, uint64_t listing, const struct tide_doc *published, struct tide_error *error)
{
    const struct body_publish *is;
    struct tide_doc *doc = NULL;
    error_clear(error);
    if (published == NULL || published->schema != &schema_publish)
        return error_set(error, OUTCOME_C_USAGE, "What was published is described by a \"publish\" document.");
    int code = need_identity(market, error);
    if (code == 0) code = publish_proven(market, listing, &doc, &is, error);
    if (code == 0 && !is_meant(is, published->value)) {
        code = error_set(error, OUTCOME_V_FAILED, "Listing %" PRIu64 " is not what was published now: another kind, title, terms or "
                                                  "content was signed for it.", listing);
    }
    tide_doc_free(&doc);
    return code;
}
