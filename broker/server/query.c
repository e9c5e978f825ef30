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

/* Verbs that need an enrolled party; the others answer strangers too. */
static bool needs_party(enum verb verb)
{
    switch (verb) {
    case VERB_DOORS: case VERB_PARTY: case VERB_SEARCH: case VERB_LISTING: case VERB_CHECKPOINT: case VERB_CONSISTENCY:
        return false;
    default:
        return true;
    }
}

static enum tide_err answer(struct query *q)
{
    switch (q->request->verb->verb) {
    case VERB_DOORS: return query_doors(q);
    case VERB_PARTY: return query_party(q);
    case VERB_SEARCH: return query_search(q);
    case VERB_LISTING: return query_listing(q);
    case VERB_CHECKPOINT: return query_checkpoint(q);
    case VERB_BOOK: return query_book(q);
    case VERB_ORDERS: return query_orders(q);
    case VERB_TRADES: return query_trades(q);
    case VERB_TRADE: return query_trade(q);
    case VERB_SIGNED: return query_signed(q);
    case VERB_BALANCES: return query_balances(q);
    case VERB_STATEMENTS: return query_statements(q);
    case VERB_REQUESTS: return query_requests(q);
    case VERB_PROOF: return query_proof(q);
    case VERB_RECEIPT: return query_receipt(q);
    case VERB_CONSISTENCY: return query_consistency(q);
    default: return query_refuse(q, OUTCOME_UNKNOWN_VERB, NULL);
    }
}

/* The checks that come before any verb's own. *refused: the reply is filled. */
static enum tide_err admit(struct query *q, bool *refused)
{
    uint64_t applied;

    *refused = true;
    if (q->request->verb == NULL) return query_refuse(q, OUTCOME_UNKNOWN_VERB, NULL);
    if (q->peer->number == 0 && needs_party(q->request->verb->verb)) {
        return query_refuse(q, OUTCOME_UNKNOWN_PARTY, NULL);
    }
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
    if (err == TIDE_OK && !refused) err = answer(&q);
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

enum tide_err query_party_name(struct query *q, uint64_t number, struct bytes *out)
{
    struct row_party party;

    *out = BYTES(NULL, 0);
    enum tide_err err = party_by_number(q->source->view, number, &party);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
    *out = QUERY_TEXT(q, party.name);
    return TIDE_OK;
}
