/*
 * The lobby: the one door for strangers. Catalog, doors, checkpoints, and asking to be enrolled.
 *
 * Always holds: it cannot write anything but its own small store of requests; one thread, one request at a time, with
 * a cap on its memory, so that whatever an unknown peer does to it, the market does not notice.
 * Not here: admitting a party (an operator's statement, on the trade door).
 */
#include "broker/server/clock.h"
#include "broker/server/log.h"
#include "broker/server/processes.h"
#include "broker/server/query_internal.h"
#include "broker/server/reader.h"
#include "crypto/identity.h"

#include <sys/resource.h>

#define SWEEP_MS 5000 /* how often requests that were decided are dropped */

struct lobby {
    uint64_t swept_ms;
};

/* ---- asking to be enrolled ---- */

struct enrolment {
    struct reader *reader;
    const struct door_message *message;
    uint64_t now_ms, request_id;
    struct bytes envelope;
    struct statement statement;
    const struct body_enrol *body;
    struct reply *reply;
};

static bool enrol_decode(struct enrolment *e, struct bytes *statement_bytes, const uint8_t **signature)
{
    struct arena *arena = &e->reader->arena;

    if (envelope_decode(e->envelope, arena, statement_bytes, signature) != TIDE_OK) return false;
    if (statement_decode(*statement_bytes, arena, &e->statement) != TIDE_OK) return false;
    e->body = e->statement.body;
    return e->statement.kind == KIND_ENROL;
}

/* A UUIDv7 (RFC 9562 §5.7) whose time is issued_at, as `admit` will demand of the request. */
static bool command_id_fits(const uint8_t id[16], uint64_t issued_at)
{
    return id[6] >> 4 == 7 && id[8] >> 6 == 2 && be64_get(id) >> 16 == issued_at;
}

static enum outcome check_time(const struct statement *s, uint64_t now_ms)
{
    if (s->issued_at > now_ms + LIMIT_CLOCK_AHEAD_MS || s->valid_until < s->issued_at ||
        s->valid_until - s->issued_at > LIMIT_ENROL_VALID_MS || !command_id_fits(s->command_id, s->issued_at)) {
        return OUTCOME_BAD_TIME;
    }
    return s->valid_until < now_ms ? OUTCOME_EXPIRED : OUTCOME_OK;
}

/* Names are shown to operators and printed: no control characters (C0, DEL, and C1 in their UTF-8 form). */
static bool is_printable(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c < 0x20 || c == 0x7f) return false;
        if (c == 0xc2 && i + 1 < text.len && text.data[i + 1] < 0xa0) return false;
    }
    return true;
}

/* Whether the party, its CURVE key or its recipient is known to the market. */
static enum tide_err is_enrolled(struct enrolment *e, bool *enrolled)
{
    struct state_view *view = e->reader->source.view;
    const struct { enum table table; const uint8_t *key; } known[] = {
        {TABLE_PARTY_KEY, e->statement.party},
        {TABLE_WIRE_KEY, e->body->wire_key},
        {TABLE_RECIPIENT, e->body->seal_key},
    };
    struct row_ref ref;

    *enrolled = false;
    for (size_t i = 0; i < ARRAY_LEN(known) && !*enrolled; i++) {
        enum tide_err err = state_get(view, known[i].table, known[i].key, &ref);
        if (err != TIDE_OK && err != TIDE_ENOTFOUND) return err;
        *enrolled = err == TIDE_OK;
    }
    return TIDE_OK;
}

/* Everything that can be said against the request, in the order of the codes. */
static enum tide_err enrol_judge(struct enrolment *e, enum outcome *outcome, const char **detail)
{
    struct row_market market;
    struct bytes statement_bytes;
    const uint8_t *signature;
    bool enrolled;

    *detail = NULL;
    *outcome = OUTCOME_MALFORMED;
    if (!enrol_decode(e, &statement_bytes, &signature)) return TIDE_OK;
    enum tide_err err = market_row(e->reader->source.view, &market);
    *outcome = OUTCOME_NOT_YET;
    if (err == TIDE_ENOTFOUND) return TIDE_OK;
    if (err != TIDE_OK) return err;
    *outcome = OUTCOME_WRONG_MARKET;
    if (memcmp(e->statement.market, market.market, 32) != 0) return TIDE_OK;
    *outcome = OUTCOME_BAD_SIGNATURE;
    if (sign_verify(e->statement.party, DOMAIN_STATEMENT, statement_bytes, signature) != TIDE_OK) return TIDE_OK;
    *outcome = check_time(&e->statement, e->now_ms);
    if (*outcome != OUTCOME_OK) return TIDE_OK;
    *outcome = OUTCOME_NOT_YOURS;
    *detail = "The statement names another CURVE key than this connection's.";
    if (memcmp(e->body->wire_key, e->message->wire_key, 32) != 0) return TIDE_OK;
    *detail = NULL;
    err = is_enrolled(e, &enrolled);
    if (err != TIDE_OK) return err;
    *outcome = enrolled ? OUTCOME_ALREADY_ENROLLED
               : !x25519_recipient_is_good(e->body->seal_key) ? OUTCOME_BAD_RECIPIENT
               : !is_printable(e->body->name) || !is_printable(e->body->jurisdiction) ? OUTCOME_BAD_TEXT
               : OUTCOME_OK;
    return TIDE_OK;
}

/* Keeps the request; the reply says that it waits. */
static enum tide_err enrol_keep(struct enrolment *e)
{
    struct request_entry entry = {.received_ms = e->now_ms, .envelope = e->envelope};

    memcpy(entry.party, e->statement.party, 32);
    memcpy(entry.wire_key, e->body->wire_key, 32);
    enum tide_err err = requests_put(e->reader->source.requests, &entry);
    if (err == TIDE_EFULL) {
        reply_refuse(e->reply, e->request_id, OUTCOME_TOO_MANY, NULL);
        return TIDE_OK;
    }
    if (err == TIDE_EDAMAGED) log_damage("lobby");
    if (err != TIDE_OK) return err;
    struct body_r_party *body = arena_calloc(&e->reader->arena, 1, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    memcpy(body->party, e->statement.party, 32);
    body->state = PARTY_WAITING;
    body->name = e->body->name;
    body->roles = e->body->roles;
    body->jurisdiction = e->body->jurisdiction;
    *e->reply = (struct reply){.request_id = e->request_id, .body = body};
    log_event(LOG_LEVEL_INFO, "enrolment_requested", "bytes=%zu", e->envelope.len);
    return TIDE_OK;
}

static enum tide_err enrol(struct reader *r, const struct door_message *message, const struct request *request,
                           struct reply *out)
{
    struct enrolment e = {
        .reader = r, .message = message, .now_ms = clock_wall_ms(), .request_id = request->request_id,
        .envelope = ((const struct body_q_enrol *)request->body)->envelope, .reply = out,
    };
    enum outcome outcome;
    const char *detail;

    enum tide_err err = enrol_judge(&e, &outcome, &detail);
    if (err == TIDE_EDAMAGED) log_damage("state");
    if (err != TIDE_OK) return err;
    if (outcome == OUTCOME_OK) return enrol_keep(&e);
    reply_refuse(out, request->request_id, outcome, detail);
    return TIDE_OK;
}

/* ---- the role ---- */

static enum tide_err answer(struct reader *r, const struct door_message *message, const struct peer *peer,
                            const struct request *request, struct reply *out, bool *later)
{
    static const char *const doors[] = {
        [PORT_LOBBY] = "lobby", [PORT_TRADE] = "trade", [PORT_TAPE] = "tape", [PORT_DATA] = "data",
        [PORT_AUDIT] = "audit",
    };

    *later = false;
    if (request->verb->verb == VERB_ENROL) return enrol(r, message, request, out);
    if (request->verb->verb == VERB_DOORS) {
        for (size_t i = 0; i < ARRAY_LEN(doors); i++) r->source.ports[i] = ports_read(r->config->dir, doors[i]);
    }
    return query_answer(&r->source, peer, request, clock_wall_ms(), &r->arena, out);
}

/* Drops the requests of who is enrolled by now. */
static enum tide_err sweep(struct reader *r)
{
    struct request_entry entry;
    struct row_ref ref;
    uint8_t after[32] = {0};

    enum tide_err err = reader_renew(r);
    while (err == TIDE_OK) {
        arena_reset(&r->arena);
        err = requests_next(r->source.requests, after, &r->arena, &entry);
        if (err != TIDE_OK) break;
        memcpy(after, entry.party, 32);
        err = state_get(r->source.view, TABLE_PARTY_KEY, entry.party, &ref);
        if (err == TIDE_OK) err = requests_del(r->source.requests, entry.party);
        if (err == TIDE_ENOTFOUND) err = TIDE_OK;
    }
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

static enum tide_err tick(struct reader *r, unsigned *wait_ms)
{
    struct lobby *lobby = r->own;
    uint64_t now_ms = clock_steady_ms();

    *wait_ms = SWEEP_MS;
    if (lobby->swept_ms != 0 && now_ms - lobby->swept_ms < SWEEP_MS) return TIDE_OK;
    lobby->swept_ms = now_ms;
    enum tide_err err = sweep(r);
    if (err != TIDE_OK) log_event(LOG_LEVEL_ERROR, "sweep_failed", "error=%s", log_value(tide_err_text(err)).text);
    return err;
}

/* A cap on what this process may allocate; maps of files do not count. Sanitizers need their shadow: not for them. */
static void limit_memory(uint64_t bytes)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    struct rlimit limit = {.rlim_cur = bytes, .rlim_max = bytes};

    if (bytes != 0 && setrlimit(RLIMIT_DATA, &limit) != 0) {
        log_event(LOG_LEVEL_WARNING, "memory_not_limited", "bytes=%llu", (unsigned long long)bytes);
    }
#else
    (void)bytes;
#endif
}

static enum tide_err start(struct reader *r)
{
    limit_memory(r->config->lobby_memory_bytes);
    enum tide_err err = requests_open(r->config->dir, true, &r->source.requests);
    if (err == TIDE_EDAMAGED) log_damage("lobby");
    return err;
}

static void stop(struct reader *r)
{
    requests_close(&r->source.requests);
}

int lobby_process(const struct config *config)
{
    static const struct reader_role role = {
        .door = "lobby",
        .bit = DOOR_LOBBY,
        .port = PORT_LOBBY,
        .frame_max = LIMIT_TRADE_FRAME_BYTES,
        .strangers = true,
        .start = start,
        .answer = answer,
        .tick = tick,
        .stop = stop,
    };
    struct lobby lobby = {0};

    return reader_run(config, &role, &lobby);
}
