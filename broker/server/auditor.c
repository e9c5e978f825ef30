/*
 * The auditor: the door for regulators. Records, proofs, checkpoints, evidence of disputes; a live tail by asking with `wait_ms`.
 *
 * Always holds: nothing is opened for writing; whoever asks is an active regulator at that moment; a request that waits
 * holds no snapshot, and only WAITING_MAX of them wait (one more is answered at once, with nothing).
 */
#include "broker/server/clock.h"
#include "broker/server/log.h"
#include "broker/server/processes.h"
#include "broker/server/query_internal.h"
#include "broker/server/reader.h"

#define WAITING_MAX 64
#define WAITING_POLL_MS 50
#define IDLE_MS 1000

struct waiting {
    uint8_t route[DOOR_ROUTE_MAX];
    size_t route_len;
    uint8_t wire_key[32];
    uint64_t request_id, from, limit;
    uint64_t until_ms; /* steady clock */
};

struct auditor {
    struct waiting waiting[WAITING_MAX];
    size_t n_waiting;
    uint64_t looked_ms; /* when the journal's head was last looked at for them */
};

static bool is_regulator(const struct peer *peer)
{
    return peer->number != 0 && peer->party.state == PARTY_ACTIVE && (peer->party.roles & ROLE_REGULATOR) != 0;
}

/* Reads a batch that fits a frame: LIMIT_ANSWER_BYTES of records, or a single longer one. */
static enum tide_err records_reply(struct reader *r, uint64_t request_id, uint64_t from, uint64_t limit,
                                   uint64_t size, struct reply *out)
{
    size_t max_n = limit == 0 || limit > LIMIT_PAGE ? LIMIT_PAGE : (size_t)limit, n = 0;

    struct body_r_records *body = arena_calloc(&r->arena, 1, sizeof *body);
    struct body_record_row *rows = arena_calloc(&r->arena, max_n, sizeof *rows);
    struct bytes *records = arena_calloc(&r->arena, max_n, sizeof *records);
    if (body == NULL || rows == NULL || records == NULL) return TIDE_ENOMEM;
    if (from < size) {
        if (size - from < max_n) max_n = (size_t)(size - from);
        enum tide_err err = journal_read(r->source.journal, from, max_n, LIMIT_ANSWER_BYTES, &r->arena, records, &n);
        if (err == TIDE_EDAMAGED) log_damage("journal");
        if (err != TIDE_OK) return err;
    }
    for (size_t i = 0; i < n; i++) rows[i].record = records[i];
    body->records = (struct list){.items = rows, .n = n};
    body->size = size;
    *out = (struct reply){.request_id = request_id, .body = body};
    return TIDE_OK;
}

static enum tide_err journal_size(struct reader *r, uint64_t *size)
{
    struct merkle_tree head;

    enum tide_err err = journal_head(r->source.journal, &head);
    if (err == TIDE_EDAMAGED) log_damage("journal");
    *size = err == TIDE_OK ? head.size : 0;
    return err;
}

/* ---- those who wait ---- */

static bool keep_waiting(struct auditor *a, const struct door_message *message, uint64_t request_id,
                         const struct body_q_records *ask)
{
    if (a->n_waiting == WAITING_MAX) return false;
    struct waiting *w = &a->waiting[a->n_waiting++];
    *w = (struct waiting){
        .route_len = message->route_len,
        .request_id = request_id,
        .from = ask->from,
        .limit = ask->limit,
        .until_ms = clock_steady_ms() + ask->wait_ms,
    };
    memcpy(w->route, message->route, message->route_len);
    memcpy(w->wire_key, message->wire_key, 32);
    return true;
}

/* Answers one that waited; it may have stopped being a regulator meanwhile. */
static enum tide_err answer_waiting(struct reader *r, const struct waiting *w, uint64_t size)
{
    struct peer peer;
    struct reply reply;

    arena_reset(&r->arena);
    enum tide_err err = reader_renew(r);
    if (err == TIDE_OK) err = query_peer(r->source.view, w->wire_key, &peer);
    if (err == TIDE_OK && is_regulator(&peer)) {
        err = records_reply(r, w->request_id, w->from, w->limit, size, &reply);
    } else {
        reply_refuse(&reply, w->request_id, err == TIDE_OK ? OUTCOME_NOT_YOUR_ROLE : OUTCOME_BUSY, NULL);
    }
    if (err == TIDE_EDAMAGED) return err;
    if (err != TIDE_OK) reply_refuse(&reply, w->request_id, OUTCOME_BUSY, NULL);
    door_reply(&r->service, w->route, w->route_len, verb_by_name(BYTES_TEXT("records")), &reply);
    return TIDE_OK;
}

static enum tide_err tick(struct reader *r, unsigned *wait_ms)
{
    struct auditor *a = r->own;
    uint64_t now_ms = clock_steady_ms(), size;

    *wait_ms = a->n_waiting > 0 ? WAITING_POLL_MS : IDLE_MS;
    if (a->n_waiting == 0 || now_ms - a->looked_ms < WAITING_POLL_MS) return TIDE_OK;
    a->looked_ms = now_ms;
    enum tide_err err = journal_size(r, &size);
    if (err != TIDE_OK) return err;
    for (size_t i = 0; i < a->n_waiting;) {
        struct waiting *w = &a->waiting[i];
        if (w->from >= size && now_ms < w->until_ms) {
            i++;
            continue;
        }
        err = answer_waiting(r, w, size);
        *w = a->waiting[--a->n_waiting];
        if (err != TIDE_OK) return err;
    }
    return TIDE_OK;
}

/* ---- the role ---- */

static enum tide_err records(struct reader *r, const struct door_message *message, const struct request *request,
                             struct reply *out, bool *later)
{
    const struct body_q_records *ask = request->body;
    uint64_t size;

    enum tide_err err = journal_size(r, &size);
    if (err != TIDE_OK) return err;
    *later = ask->from >= size && ask->wait_ms > 0 && keep_waiting(r->own, message, request->request_id, ask);
    return *later ? TIDE_OK : records_reply(r, request->request_id, ask->from, ask->limit, size, out);
}

static enum tide_err answer(struct reader *r, const struct door_message *message, const struct peer *peer,
                            const struct request *request, struct reply *out, bool *later)
{
    *later = false;
    if (request->verb->verb == VERB_RECORDS) return records(r, message, request, out, later);
    return query_answer(&r->source, peer, request, clock_wall_ms(), &r->arena, out);
}

/* Evidence of disputes lies in the market's folder. */
static enum tide_err start(struct reader *r)
{
    r->source.dir = r->config->dir;
    return TIDE_OK;
}

int auditor_process(const struct config *config)
{
    static const struct reader_role role = {
        .door = "audit",
        .bit = DOOR_AUDIT,
        .port = PORT_AUDIT,
        .frame_max = LIMIT_DATA_FRAME_BYTES, /* a record may be longer than a frame of the other doors */
        .admits = is_regulator,
        .start = start,
        .answer = answer,
        .tick = tick,
    };
    static struct auditor auditor;

    auditor = (struct auditor){0};
    return reader_run(config, &role, &auditor);
}
