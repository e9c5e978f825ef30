/*
 * Answers to what is asked: who may ask which verb, the helpers that the verbs share, and the one place where an
 * answer becomes a reply. Reads only: a snapshot of the state, the journal, the tiles.
 *
 * Always holds: the work and the size of an answer are bounded whatever is asked; what does not fit is left to the
 * next page. A reply is filled even when the machine fails.
 * Not here: which door knows which verb (the caller looks at verb_info.doors); renewing the snapshot.
 */
#include "broker/server/query_internal.h"

#include "broker/server/log.h"

#include <inttypes.h>

enum tide_err query_peer(struct state_view *view, const uint8_t wire_key[32], struct peer *out)
{
    struct row_ref ref;

    memset(out, 0, sizeof *out);
    memcpy(out->wire_key, wire_key, 32);
    enum tide_err err = state_get(view, TABLE_WIRE_KEY, wire_key, &ref);
    if (err == TIDE_ENOTFOUND) return TIDE_OK;
    if (err != TIDE_OK) return err;
    err = party_by_number(view, ref.index, &out->party);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
    if (memcmp(out->party.wire_key, wire_key, 32) != 0) { /* replaced: whoever holds it is a stranger now */
        memset(&out->party, 0, sizeof out->party);
        return TIDE_OK;
    }
    out->number = ref.index;
    return TIDE_OK;
}

void reply_refuse(struct reply *out, uint64_t request_id, enum outcome code, const char *detail)
{
    const struct outcome_info *info = outcome_info((unsigned)code);

    ASSERT(code != OUTCOME_OK && info != NULL);
    *out = (struct reply){.request_id = request_id, .code = (uint64_t)code};
    out->text = BYTES_TEXT(detail != NULL ? detail : info->sentence);
}

/* ---- who may ask ---- */

/* Every verb that is answered here, and whether strangers are; the rest needs an enrolled party. */
static const struct {
    enum tide_err (*answer)(struct query *q);
    bool strangers;
} answers[] = {
    [VERB_DOORS] = {query_doors, true},
    [VERB_PARTY] = {query_party, true},
    [VERB_SEARCH] = {query_search, true},
    [VERB_LISTING] = {query_listing, true},
    [VERB_CHECKPOINT] = {query_checkpoint, true},
    [VERB_BOOK] = {query_book, false},
    [VERB_ORDERS] = {query_orders, false},
    [VERB_TRADES] = {query_trades, false},
    [VERB_TRADE] = {query_trade, false},
    [VERB_SIGNED] = {query_signed, false},
    [VERB_BALANCES] = {query_balances, false},
    [VERB_STATEMENTS] = {query_statements, false},
    [VERB_REQUESTS] = {query_requests, false},
    [VERB_PROOF] = {query_proof, false},
    [VERB_RECEIPT] = {query_receipt, false},
    [VERB_MARKET] = {query_market, true},
    [VERB_ACCOUNT] = {query_account, false},
    [VERB_PROGRAMMES] = {query_programmes, true},
    [VERB_WITHDRAWALS] = {query_withdrawals, false},
    [VERB_CLAIMS] = {query_claims, false},
    [VERB_PARTIES] = {query_parties, false},
    [VERB_KEYS] = {query_keys, true},
    [VERB_ORDER] = {query_order, false},
    [VERB_TAPE] = {query_tape, false},
    [VERB_CARD] = {query_card, false},
    [VERB_PUT_CARD] = {query_put_card, false},
    [VERB_ERASE_CARD] = {query_erase_card, false},
    [VERB_CONSISTENCY] = {query_consistency, true},
    [VERB_CERTIFICATE] = {query_certificate, false},
    [VERB_SAMPLE] = {query_sample, false},
    [VERB_DETAIL] = {query_detail, false},
    [VERB_JUDGES] = {query_judges, false},
    [VERB_EVIDENCE] = {query_evidence, false},
};

/* The checks that come before any verb's own. *refused: the reply is filled. */
static enum tide_err admit(struct query *q, bool *refused)
{
    uint64_t applied;

    *refused = true;
    const struct verb_info *info = q->request->verb;
    if (info == NULL || info->verb >= ARRAY_LEN(answers) || answers[info->verb].answer == NULL) {
        return query_refuse(q, OUTCOME_UNKNOWN_VERB, NULL);
    }
    if (q->peer->number == 0 && !answers[info->verb].strangers) return query_refuse(q, OUTCOME_UNKNOWN_PARTY, NULL);
    if (q->request->after > 0) {
        enum tide_err err = state_applied(q->source->view, &applied);
        if (err != TIDE_OK) return err;
        if (applied < q->request->after) return query_refuse(q, OUTCOME_NOT_YET, NULL);
    }
    *refused = false;
    return TIDE_OK;
}

enum tide_err query_answer(const struct query_source *source, const struct peer *peer, const struct request *request,
                           uint64_t now_ms, struct arena *arena, struct reply *out)
{
    struct arena scratch;
    struct query q = {
        .source = source, .peer = peer, .request = request, .now_ms = now_ms,
        .arena = arena, .scratch = &scratch, .reply = out,
    };
    bool refused;

    *out = (struct reply){.request_id = request->request_id};
    arena_init(&scratch, QUERY_SCRATCH_BYTES);
    enum tide_err err = admit(&q, &refused);
    if (err == TIDE_OK && !refused) err = answers[request->verb->verb].answer(&q);
    if (err == TIDE_OK && q.no_memory) err = TIDE_ENOMEM;
    arena_deinit(&scratch);
    if (err == TIDE_EDAMAGED) log_damage(q.damaged != NULL ? q.damaged : "state");
    if (err != TIDE_OK) {
        log_event(LOG_LEVEL_ERROR, "query_failed", "verb=%s error=%s",
                  request->verb != NULL ? request->verb->name : "?", log_value(tide_err_text(err)).text);
        reply_refuse(out, request->request_id, OUTCOME_BUSY, NULL);
    }
    return err;
}

/* ---- replies ---- */

void *query_body(struct query *q, size_t size)
{
    void *body = arena_calloc(q->arena, 1, size);
    if (body != NULL) q->reply->body = body;
    return body;
}

enum tide_err query_refuse(struct query *q, enum outcome code, const char *detail)
{
    reply_refuse(q->reply, q->request->request_id, code, detail);
    return TIDE_OK;
}

struct bytes query_text(struct query *q, const char *padded, size_t size)
{
    size_t len = strnlen(padded, size);

    if (len == 0) return BYTES(NULL, 0);
    struct bytes text = arena_copy(q->arena, BYTES(padded, len));
    if (text.data == NULL) q->no_memory = true;
    return text;
}

/* ---- walks ---- */

struct lane_walk lane_walk_begin(enum table table, uint64_t owner, unsigned lanes, uint64_t before)
{
    return (struct lane_walk){
        .table = table, .owner = owner, .lanes = lanes, .before = before != 0 ? before : UINT64_MAX,
    };
}

enum tide_err lane_walk_next(struct query *q, struct lane_walk *walk, uint64_t *name)
{
    uint8_t key[17];

    *name = 0;
    for (uint8_t lane = 0; lane < 2; lane++) {
        if ((walk->lanes >> lane & 1) == 0) continue;
        key_u64_u8_u64(key, walk->owner, lane, walk->before);
        enum tide_err err = state_prev(q->source->view, walk->table, key, 9, true, NULL);
        if (err != TIDE_OK && err != TIDE_ENOTFOUND) return err;
        if (err == TIDE_OK && be64_get(key + 9) > *name) *name = be64_get(key + 9);
    }
    if (*name == 0) return TIDE_ENOTFOUND;
    walk->before = *name;
    return TIDE_OK;
}

bool query_peer_is(const struct query *q, uint64_t roles)
{
    return q->peer->number != 0 && q->peer->party.state == PARTY_ACTIVE && (q->peer->party.roles & roles) != 0;
}

/* ---- pages ---- */

/* No encoding of the row is longer than this. */
static size_t encoded_max(const struct schema *schema, const void *row)
{
    size_t sum = 5; /* the array's header */

    for (size_t i = 0; i < schema->n_fields; i++) {
        const struct field *field = &schema->fields[i];
        const uint8_t *at = (const uint8_t *)row + field->offset;
        switch (field->type) {
        case FIELD_TEXT:
        case FIELD_BIN: sum += 5 + ((const struct bytes *)(const void *)at)->len; break;
        case FIELD_PARTY:
        case FIELD_RECIPIENT:
        case FIELD_HASH: sum += 2 + 32; break;
        case FIELD_ID16: sum += 2 + 16; break;
        case FIELD_SIG: sum += 2 + 64; break;
        case FIELD_LIST: {
            const struct list *list = (const struct list *)(const void *)at;
            sum += 5;
            for (size_t n = 0; n < list->n; n++) {
                sum += encoded_max(field->sub, (const uint8_t *)list->items + n * field->sub->size);
            }
            break;
        }
        default: sum += 9; break; /* an integer */
        }
    }
    return sum;
}

bool page_init(struct query *q, struct page *page, const struct schema *schema, uint64_t limit)
{
    if (limit == 0) limit = QUERY_PAGE_DEFAULT;
    if (limit > LIMIT_PAGE) limit = LIMIT_PAGE;
    *page = (struct page){.schema = schema, .max_rows = (size_t)limit};
    page->list.items = arena_calloc(q->arena, page->max_rows, schema->size);
    return page->list.items != NULL;
}

bool page_add(struct page *page, const void *row)
{
    size_t bytes = encoded_max(page->schema, row);

    if (page->list.n == page->max_rows) return false;
    if (page->list.n > 0 && page->bytes + bytes > LIMIT_ANSWER_BYTES) return false;
    memcpy((uint8_t *)page->list.items + page->list.n * page->schema->size, row, page->schema->size);
    page->list.n++;
    page->bytes += bytes;
    return true;
}

/* ---- records ---- */

void log_damage(const char *folder)
{
    static const struct { const char *folder, *hint; } hints[] = {
        {"state", "stop the broker and remove the folder: it is built again from the journal"},
        {"journal", "stop the broker, run tidemarkd verify, restore the folder from a backup or a mirror"},
        {"tiles", "stop the broker and restore the folder from a backup or a mirror"},
        {"lobby", "stop the broker and remove the folder: who asked to be enrolled asks again"},
    };
    for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
        if (strcmp(hints[i].folder, folder) != 0) continue;
        log_event(LOG_LEVEL_ERROR, "damaged", "file=%s/ hint=%s", folder, log_value(hints[i].hint).text);
    }
}

enum tide_err query_damaged_record(struct query *q, uint64_t index)
{
    log_event(LOG_LEVEL_ERROR, "damaged_record", "file=journal/ record=%" PRIu64, index);
    q->damaged = "journal";
    return TIDE_EDAMAGED;
}

enum tide_err query_read(struct query *q, uint64_t index, struct arena *arena, struct query_record *out)
{
    size_t n = 0;

    memset(out, 0, sizeof *out);
    ASSERT(q->source->journal != NULL);
    enum tide_err err = journal_read(q->source->journal, index, 1, LIMIT_RECORD_BYTES, arena, &out->bytes, &n);
    if (err == TIDE_EDAMAGED) return query_damaged_record(q, index);
    if (err != TIDE_OK) return err;
    if (n == 0) return TIDE_ENOTFOUND;
    q->read_bytes += out->bytes.len;
    err = record_decode(out->bytes, arena, &out->record);
    if (err == TIDE_EMALFORMED || (err == TIDE_OK && out->record.index != index)) return query_damaged_record(q, index);
    return err;
}

enum tide_err query_read_statement(struct query *q, uint64_t index, struct arena *arena, struct query_statement *out)
{
    struct bytes bytes;

    memset(out, 0, sizeof *out);
    enum tide_err err = query_read(q, index, arena, &out->record);
    if (err != TIDE_OK) return err;
    if (out->record.record.type != RECORD_STATEMENT) return query_damaged_record(q, index);
    err = envelope_decode(out->record.record.payload, arena, &bytes, &out->signature);
    if (err == TIDE_OK) err = statement_decode(bytes, arena, &out->statement);
    return err == TIDE_EMALFORMED ? query_damaged_record(q, index) : err;
}

enum tide_err query_read_event(struct query *q, uint64_t index, struct arena *arena, struct query_event *out)
{
    memset(out, 0, sizeof *out);
    enum tide_err err = query_read(q, index, arena, &out->record);
    if (err != TIDE_OK) return err;
    if (out->record.record.type != RECORD_EVENT) return query_damaged_record(q, index);
    err = event_decode(out->record.record.payload, arena, &out->event);
    return err == TIDE_EMALFORMED ? query_damaged_record(q, index) : err;
}

/* ---- rows ---- */

enum tide_err query_listing_row(struct query *q, uint64_t listing, struct row_listing *out)
{
    uint8_t key[8];

    key_u64(key, listing);
    return state_get(q->source->view, TABLE_LISTING, key, out);
}

enum tide_err query_trade_row(struct query *q, uint64_t trade, struct row_trade *out)
{
    uint8_t key[8];

    key_u64(key, trade);
    return state_get(q->source->view, TABLE_TRADE, key, out);
}

enum tide_err query_market_row(struct query *q, struct row_market *out)
{
    enum tide_err err = market_row(q->source->view, out);
    return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err; /* who asks is enrolled in it */
}

enum tide_err query_parameters(struct query *q, const struct row_market *market, struct list *out)
{
    struct parameter_value *parameters = arena_calloc(q->arena, PARAM_N, sizeof *parameters);

    if (parameters == NULL) return TIDE_ENOMEM;
    for (size_t i = 0; i < PARAM_N; i++) {
        parameters[i] = (struct parameter_value){.parameter = i, .value = market->parameters[i]};
    }
    *out = (struct list){.items = parameters, .n = PARAM_N};
    return TIDE_OK;
}

enum tide_err query_due(struct query *q, const struct row_listing *listing, const struct row_trade *trade, uint64_t *out)
{
    struct row_market market;

    *out = 0;
    enum tide_err err = query_market_row(q, &market);
    if (err == TIDE_OK) *out = market_trade_due(&market, listing, trade, q->now_ms);
    if (*out > LIMIT_AMOUNT) *out = LIMIT_AMOUNT;
    return err;
}

enum tide_err query_party_name(struct query *q, uint64_t number, struct bytes *out)
{
    struct row_party party;

    *out = BYTES(NULL, 0);
    enum tide_err err = party_by_number(q->source->view, number, &party);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
    *out = QUERY_TEXT(q, party.name);
    return TIDE_OK;
}
