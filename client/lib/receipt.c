/*
 * Papers that outlive the market: a settled trade's receipt, and what it shares with a certificate (certificate.c):
 * fetched, checked as `verify` would check it, written.
 *
 * Always holds: no paper is written that does not verify under the log key of the market's URL, or whose checkpoint
 * contradicts one seen before.
 */
#include "client/lib/jobs.h"
#include "client/lib/proof.h"
#include "client/lib/schemas.h"
#include "storage/settlement.h"

#include <inttypes.h>
#include <stdlib.h>

/* Waits for the broker's answer: a checkpoint covers the record. */
static int paper_get(struct tide_market *m, const struct paper *paper, int timeout_ms, struct tide_doc **doc,
                     struct tide_error *error)
{
    int64_t until = market_until(timeout_ms);
    int pause = 0;
    for (;;) {
        int code = market_query(m, paper->verb, paper->question, doc, error);
        if (code == 0 || !is_passing(code)) return code;
        code = poll_pause(m, &pause, until, error);
        if (code == OUTCOME_C_TIMEOUT) {
            error_set(error, code, "No signed checkpoint covers the %s of %s %" PRIu64 " yet.", paper->of,
                      paper->subject, paper->number);
        }
        if (code != 0) return code;
    }
}

/* The proof with the record in its extra line. */
static enum tide_err whole_proof(struct bytes bare, struct bytes record, struct arena *arena, struct bytes *out)
{
    struct proof_file proof;
    char *text = NULL;
    size_t len = 0;
    uint8_t *scratch = malloc(NOTE_MAX);
    if (scratch == NULL) return TIDE_ENOMEM;
    enum tide_err err = proof_file_parse(bare, scratch, NOTE_MAX, &proof);
    if (err == TIDE_OK) {
        proof.extra = record;
        err = proof_file_format(&proof, &text, &len);
    }
    if (err == TIDE_OK) {
        *out = arena_copy(arena, BYTES(text, len));
        if (out->data == NULL) err = TIDE_ENOMEM;
    }
    free(text);
    free(scratch);
    return err;
}

/* The file: the note, its record's proof, and those of the changes of keys. */
static int paper_build(const struct paper_answer *answer, struct arena *arena, struct bytes *out,
                       struct tide_error *error)
{
    const struct body_key_change *changes = answer->changes.items;
    struct receipt receipt = {.note = answer->note};
    enum tide_err err = whole_proof(answer->proof, answer->record, arena, &receipt.proof);
    for (size_t i = 0; err == TIDE_OK && i < answer->changes.n; i++) /* as many as the answer's schema allows */
        err = whole_proof(changes[i].proof, changes[i].record, arena, &receipt.changes[receipt.n_changes++]);
    if (err == TIDE_OK) {
        *out = receipt_format(&receipt, arena);
        if (out->data == NULL) err = TIDE_EMALFORMED;
    }
    if (err == TIDE_OK) return 0;
    if (err == TIDE_ENOMEM) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    return error_set(error, OUTCOME_V_FAILED, "What the broker answered with does not follow its format.");
}

static int paper_check(struct tide_market *m, const struct paper *paper, struct bytes file, struct tide_error *error)
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
    if (code == 0 && !paper->is_it(report->value, paper->number)) {
        code = error_set(error, OUTCOME_V_FAILED, "The broker answered with the paper of another %s.", paper->subject);
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

int paper_fetch(struct tide_market *m, const struct paper *paper, const char *out_path, int timeout_ms,
                struct tide_error *error)
{
    struct tide_doc *doc;
    struct bytes file;
    int code = paper_get(m, paper, timeout_ms, &doc, error);
    if (code != 0) return code;
    const struct paper_answer answer = paper->answer(doc->value);
    code = paper_build(&answer, doc->arena, &file, error);
    if (code == 0) code = paper_check(m, paper, file, error);
    if (code == 0) code = file_store(out_path, 0666, file, error);
    tide_doc_free(&doc);
    return code;
}

/* ---- receipts ---- */

static struct paper_answer receipt_answer(const void *value)
{
    const struct body_r_receipt *r = value;
    return (struct paper_answer){.note = r->note, .record = r->record, .proof = r->proof, .changes = r->changes};
}

static bool is_receipt_of(const struct body_report *report, uint64_t trade)
{
    return report->certificate == 0 && report->trade == trade;
}

int tide_receipt(struct tide_market *market, uint64_t trade, const char *out_path, int timeout_ms,
                 struct tide_error *error)
{
    const struct body_q_trade q = {.trade = trade};
    const struct paper paper = {.verb = VERB_RECEIPT, .question = &q, .of = "settlement", .subject = "trade",
                                .number = trade, .answer = receipt_answer, .is_it = is_receipt_of};
    error_clear(error);
    int code = need_identity(market, error);
    return code != 0 ? code : paper_fetch(market, &paper, out_path, timeout_ms, error);
}
