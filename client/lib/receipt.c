/*
 * A settled trade's receipt: fetched, checked as `verify` would check it, written.
 *
 * Always holds: no receipt is written that does not verify under the log key of the market's URL, or whose checkpoint
 * contradicts one seen before.
 */
#include "client/lib/jobs.h"
#include "client/lib/proof.h"
#include "client/lib/schemas.h"
#include "storage/settlement.h"

#include <inttypes.h>
#include <stdlib.h>

/* Waits for the broker's answer: the trade settled, and a checkpoint that covers it. */
static int receipt_get(struct tide_market *m, uint64_t trade, int timeout_ms, struct tide_doc **doc,
                       struct tide_error *error)
{
    struct body_q_trade q = {.trade = trade};
    int64_t until = market_until(timeout_ms);
    int pause = 0;
    for (;;) {
        int code = market_query(m, VERB_RECEIPT, &q, doc, error);
        if (code == 0 || !is_passing(code)) return code;
        code = poll_pause(m, &pause, until, error);
        if (code == OUTCOME_C_TIMEOUT) {
            error_set(error, code, "No signed checkpoint covers the settlement of trade %" PRIu64 " yet.", trade);
        }
        if (code != 0) return code;
    }
}

/* The file: the note, and the proof with the record in its extra line. */
static int receipt_build(const struct body_r_receipt *answer, struct arena *arena, struct bytes *out,
                         struct tide_error *error)
{
    struct proof_file proof;
    char *text = NULL;
    size_t len = 0;
    uint8_t *scratch = malloc(NOTE_MAX);
    if (scratch == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    enum tide_err err = proof_file_parse(answer->proof, scratch, NOTE_MAX, &proof);
    if (err == TIDE_OK) {
        proof.extra = answer->record;
        err = proof_file_format(&proof, &text, &len);
    }
    if (err == TIDE_OK) {
        *out = receipt_format(&(struct receipt){.note = answer->note, .proof = BYTES(text, len)}, arena);
        if (out->data == NULL) err = TIDE_EMALFORMED;
    }
    free(text);
    free(scratch);
    if (err == TIDE_OK) return 0;
    return error_set(error, OUTCOME_V_FAILED, "The broker's receipt does not follow its format.");
}

static int receipt_check(struct tide_market *m, uint64_t trade, struct bytes file, struct tide_error *error)
{
    struct receipt receipt;
    struct proof_file proof;
    struct checkpoint cp;
    struct note_key key;
    struct tide_doc *report = NULL;
    uint8_t *scratch = malloc(NOTE_MAX);
    if (scratch == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    enum tide_err err = note_key_init(m->url.origin, NOTE_TYPE_ED25519, m->url.log_key, &key);
    int code = error_of(error, err, "The origin");
    if (code == 0) code = verify_content(file, &key, &report, error);
    if (code == 0 && ((const struct body_report *)report->value)->trade != trade) {
        code = error_set(error, OUTCOME_V_FAILED, "The broker answered with the receipt of another trade.");
    }
    /* Parsed a moment ago: it cannot fail now. */
    if (code == 0 && receipt_parse(file, &receipt) == TIDE_OK &&
        proof_file_parse(receipt.proof, scratch, NOTE_MAX, &proof) == TIDE_OK) {
        code = checkpoint_check(m, proof.checkpoint, &cp, error);
        if (code == 0) code = checkpoint_pin(m, proof.checkpoint, &cp, error);
    }
    tide_doc_free(&report);
    free(scratch);
    return code;
}

int tide_receipt(struct tide_market *market, uint64_t trade, const char *out_path, int timeout_ms,
                 struct tide_error *error)
{
    struct tide_doc *doc;
    struct bytes file;
    error_clear(error);
    int code = need_identity(market, error);
    if (code == 0) code = receipt_get(market, trade, timeout_ms, &doc, error);
    if (code != 0) return code;
    code = receipt_build(doc->value, doc->arena, &file, error);
    if (code == 0) code = receipt_check(market, trade, file, error);
    if (code == 0) code = file_store(out_path, 0666, file, error);
    tide_doc_free(&doc);
    return code;
}
