/*
 * Disputes, judged again from the records and the evidence.
 *
 * Always holds: what was delivered is taken from what the parties signed (bid, grant, publication, samples), never from what
 * the verdict says; secrets and plaintext of evidence are wiped. That evidence is missing here, was changed, or is not sealed
 * to this regulator are three things, and none of them is a judgement.
 * Not here: the seven checks (storage/judge.h); fetching evidence (mirror_evidence.c).
 */
#include "client/lib/audit.h"

#include "storage/files.h"
#include "storage/judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- what was delivered ---- */

/* The recipient in the bid as its buyer signed it. */
static bool bid_recipient(struct audit *a, const struct audit_trade *t, uint8_t out[32])
{
    struct record record;
    struct event event;
    struct statement st;
    if (!audit_record(a, t->bid, &record) || record.type != RECORD_EVENT ||
        event_decode(record.payload, &a->scratch, &event) != TIDE_OK || event.kind != KIND_PLACED)
        return false;
    uint64_t item = ((const struct body_placed *)event.body)->item;
    struct bytes bytes;
    const uint8_t *signature;
    if (!audit_record(a, event.cause_index, &record) || record.type != RECORD_STATEMENT ||
        envelope_decode(record.payload, &a->scratch, &bytes, &signature) != TIDE_OK ||
        statement_decode(bytes, &a->scratch, &st) != TIDE_OK || !audit_key_leads(a, st.party, t->buyer))
        return false;
    const struct body_order *order = st.kind == KIND_ORDER ? st.body : NULL;
    if (st.kind == KIND_ORDER_BATCH) {
        const struct body_order_batch *batch = st.body;
        if (item < batch->orders.n) order = (const struct body_order *)batch->orders.items + item;
    }
    if (order == NULL || order->side != SIDE_BID || order->listing != t->listing) return false;
    memcpy(out, order->recipient, 32);
    return true;
}

/* A statement of that kind, by its record; NULL: it is none. */
static const void *body_of(struct audit *a, uint64_t index, uint64_t kind)
{
    struct record record;
    struct bytes bytes;
    const uint8_t *signature;
    struct statement *st = arena_calloc(&a->scratch, 1, sizeof *st);
    if (st == NULL || index == 0 || !audit_record(a, index, &record) || record.type != RECORD_STATEMENT ||
        envelope_decode(record.payload, &a->scratch, &bytes, &signature) != TIDE_OK ||
        statement_decode(bytes, &a->scratch, st) != TIDE_OK || st->kind != kind)
        return NULL;
    return st->body;
}

static bool delivery_of(struct audit *a, const struct audit_trade *t, struct delivery *out)
{
    const struct audit_listing *l = audit_find(&a->listings, t->listing);
    const struct body_grant *grant = body_of(a, t->grant_record, KIND_GRANT);
    *out = (struct delivery){0};
    if (l == NULL || grant == NULL || !bid_recipient(a, t, out->recipient)) return false;
    out->has_content = l->kind <= LISTING_REPORT;
    out->grant = grant->grant;
    out->content = l->content;
    const struct body_sample *sample = body_of(a, l->sample_record, KIND_SAMPLE);
    if (sample != NULL) {
        out->samples = sample->chunks.items;
        out->n_samples = sample->chunks.n;
    }
    return true;
}

/* ---- the evidence ---- */

/* The file of the mirror; data NULL: it is not there. */
static struct bytes file_of(struct audit *a, const struct audit_trade *t)
{
    char path[MIRROR_PATH_MAX], name[48];
    size_t len;
    uint8_t *file = arena_alloc(&a->scratch, LIMIT_EVIDENCE_BYTES);
    snprintf(name, sizeof name, "evidence/%" PRIu64, t->index);
    if (file == NULL) a->no_memory = true;
    if (file == NULL || mirror_path(path, a->dir, name, NULL) != 0) return BYTES(NULL, 0);
    enum tide_err err = files_read(path, file, LIMIT_EVIDENCE_BYTES, &len);
    if (err == TIDE_ELIMIT) return BYTES(file, 0); /* there, and not what any dispute names */
    return err == TIDE_OK ? BYTES(file, len) : BYTES(NULL, 0);
}

/* The secret of this identity, or of an older one of it, that a stanza of the file is for; NULL: none is. */
static const uint8_t *secret_for(const struct audit *a, struct bytes file, bool *is_age)
{
    uint8_t file_key[AGE_FILE_KEY_BYTES];
    const uint8_t *found = NULL;
    size_t len;
    *is_age = true;
    for (size_t i = 0; i <= identity_n_older(a->identity) && found == NULL; i++) {
        const struct identity *id = i == 0 ? a->identity : identity_older(a->identity, i - 1);
        enum tide_err err = age_header_open(file, identity_seal_secret(id), file_key, &len);
        if (err == TIDE_OK) found = identity_seal_secret(id);
        if (err == TIDE_EMALFORMED || err == TIDE_ELIMIT) *is_age = false;
    }
    explicit_bzero(file_key, sizeof file_key);
    return found;
}

/* ---- comparing ---- */

static const char *word(uint64_t finding)
{
    return names_finding[finding];
}

static enum judged again(struct audit *a, const struct audit_trade *t, struct bytes file, enum finding *finding)
{
    struct delivery delivery;
    uint64_t chunk;
    bool is_age;
    if (a->identity == NULL) return JUDGED_NO_IDENTITY;
    const uint8_t *secret = secret_for(a, file, &is_age);
    if (secret == NULL && is_age) return JUDGED_NOT_SEALED_TO_YOU;
    if (!delivery_of(a, t, &delivery)) {
        audit_alarm(a, t->verdict_record, t->index,
                    "Trade %" PRIu64 " was judged, but its bid, its grant or its listing is not in the log.", t->index);
        return JUDGED_FALSE;
    }
    if (memcmp(delivery.recipient, t->recipient, 32) != 0)
        audit_alarm(a, t->index, t->index, "Trade %" PRIu64 " names another recipient than its buyer's bid.", t->index);
    if (secret == NULL) secret = identity_seal_secret(a->identity); /* no age file: it opens for nobody */
    if (judge_sealed(&delivery, file, secret, a->broker_seal, &a->scratch, finding, &chunk) != TIDE_OK) {
        a->no_memory = true;
        return JUDGED_OPEN;
    }
    if (*finding != t->finding) return JUDGED_FALSE;
    if (chunk == t->verdict_chunk) return JUDGED_RIGHT;
    audit_alarm(a, t->verdict_record, t->index,
                "The verdict on trade %" PRIu64 " is about chunk %" PRIu64 ", its evidence about chunk %" PRIu64 ".", t->index,
                t->verdict_chunk, chunk);
    return JUDGED_FALSE;
}

/* How the verdict stands to what is here. */
static enum judged compare(struct audit *a, const struct audit_trade *t, enum finding *finding)
{
    uint8_t hash[HASH_BYTES];
    struct bytes file = file_of(a, t);
    bool said_missing = t->finding == FINDING_EVIDENCE_MISSING;
    if (file.data == NULL) {
        if (said_missing) return JUDGED_RIGHT;
        audit_alarm(a, t->verdict_record, t->index,
                    "The verdict on trade %" PRIu64 " is %s, but the evidence that it judged is not in the mirror.", t->index,
                    word(t->finding));
        return JUDGED_MISSING;
    }
    sha256(file, hash);
    if (memcmp(hash, t->evidence, HASH_BYTES) != 0) {
        audit_alarm(a, t->dispute_record, t->index,
                    "The evidence of trade %" PRIu64 " in the mirror is not the one that its dispute names.", t->index);
        return JUDGED_CHANGED;
    }
    enum judged outcome = again(a, t, file, finding);
    if (said_missing) {
        audit_alarm(a, t->verdict_record, t->index,
                    "The verdict on trade %" PRIu64 " is evidence_missing, but there is evidence%s%s.", t->index,
                    *finding == FINDING_NONE ? "" : ": judged again it shows ",
                    *finding == FINDING_NONE ? "" : word(*finding));
        return JUDGED_FALSE;
    }
    if (outcome == JUDGED_FALSE && *finding != FINDING_NONE && *finding != t->finding)
        audit_alarm(a, t->verdict_record, t->index, "The verdict on trade %" PRIu64 " is %s, but its evidence shows %s.",
                    t->index, word(t->finding), word(*finding));
    return outcome;
}

void audit_judge(struct audit *a, const struct audit_trade *t)
{
    struct body_checked *report = a->report;
    enum finding finding = FINDING_NONE;
    enum judged outcome = t->verdict_record == 0 ? JUDGED_OPEN : compare(a, t, &finding);
    if (outcome == JUDGED_RIGHT) report->right++;
    else if (outcome == JUDGED_FALSE) report->false_verdicts++;
    else report->unjudged++;
    if (report->disputes.n == CHECK_DISPUTES_MAX) return;
    struct body_judged *rows = report->disputes.items;
    if (report->disputes.n == a->disputes_room) {
        size_t room = a->disputes_room == 0 ? 16 : 2 * a->disputes_room;
        struct body_judged *grown = arena_calloc(a->doc->arena, room, sizeof *grown);
        if (grown == NULL) {
            a->no_memory = true;
            return;
        }
        if (report->disputes.n > 0) memcpy(grown, rows, report->disputes.n * sizeof *rows);
        report->disputes.items = rows = grown;
        a->disputes_room = room;
    }
    rows[report->disputes.n++] = (struct body_judged){.trade = t->index, .dispute = t->dispute_record,
                                                      .verdict = t->verdict_record, .stated = t->finding,
                                                      .judged = finding, .outcome = outcome};
}
