/*
 * Disputing a delivery: evidence, sealed to those who judge it, handed in, stated by its hash; then the verdict.
 *
 * Always holds: evidence is sealed to the broker's own key, which the log's first event names, and to the regulators that the
 * broker names; it is on the broker's disk before the dispute is stated, and the same bytes are handed in again until it is
 * stated (sealing is randomised, and a statement under way names one hash), by one process at a time, and once more after that,
 * should another machine have put its own in between. The evidence in clear is wiped.
 * Not here: what is wrong with a delivery (purchase.c, examine.c).
 */
#include "client/lib/proof.h"
#include "client/lib/purchase.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define TRIES_MAX 3    /* of handing in, when a broker that came back knows only a part */
#define OPENED_INDEX 1 /* the first event follows the genesis */

/* ---- to whom ---- */
static int opened_differs(struct tide_error *error)
{
    return error_set(error, OUTCOME_V_FAILED,
                     "The broker does not prove that evidence is sealed to its own key of the market's beginning; "
                     "nothing was sealed.");
}

/* The broker's sealing key, by the log's `opened` event. */
static int broker_key_get(struct tide_market *m, uint8_t key[32], struct tide_error *error)
{
    struct record record;
    struct event event;
    struct tide_doc *doc;
    int code = record_proven(m, OPENED_INDEX, &doc, &record, error);
    if (code == OUTCOME_NO_SUCH_RECORD) return opened_differs(error);
    if (code != 0) return code;
    if (record_event(&record, KIND_OPENED, doc->arena, &event))
        memcpy(key, ((const struct body_opened *)event.body)->seal_key, 32);
    else
        code = opened_differs(error);
    tide_doc_free(&doc);
    return code;
}

struct judges {
    uint8_t keys[64][32];
    size_t n;
};

static int judges_get(struct tide_market *m, struct judges *out, struct tide_error *error)
{
    uint8_t broker[32];
    struct tide_doc *doc;
    int code = broker_key_get(m, broker, error);
    if (code == 0) code = market_query(m, VERB_JUDGES, NULL, &doc, error);
    if (code != 0) return code;
    const struct list *judges = &((const struct body_r_judges *)doc->value)->judges;
    const struct body_judge_row *rows = judges->items;
    if (judges->n == 0 || judges->n > ARRAY_LEN(out->keys) || memcmp(rows[0].seal_key, broker, 32) != 0)
        code = opened_differs(error);
    out->n = code == 0 ? judges->n : 0;
    for (size_t i = 0; i < out->n; i++) memcpy(out->keys[i], rows[i].seal_key, 32);
    tide_doc_free(&doc);
    return code;
}

/* ---- evidence ---- */

/* Sealed; *out is malloc'd. */
static int evidence_seal(struct tide_market *m, const struct evidence *evidence, struct bytes *out,
                         struct tide_error *error)
{
    struct judges judges;
    struct arena arena;
    struct bytes plain;
    uint8_t *sealed = NULL;
    size_t len = 0;
    int code = judges_get(m, &judges, error);
    if (code != 0) return code;
    arena_init(&arena, 4 * LIMIT_EVIDENCE_BYTES);
    enum tide_err err = evidence_encode(evidence, &arena, &plain);
    if (err == TIDE_OK) err = age_file_seal(plain, judges.keys, judges.n, &sealed, &len);
    if (plain.len > 0) explicit_bzero((void *)(uintptr_t)plain.data, plain.len);
    arena_deinit(&arena);
    *out = BYTES(sealed, len);
    return error_of(error, err, "Sealing the evidence");
}

struct one_chunk {
    uint8_t *bytes;
    size_t len;
};

static int one_take(void *ctx, uint64_t chunk, struct bytes sealed, struct tide_error *error)
{
    struct one_chunk *one = ctx;
    (void)chunk;
    (void)error;
    memcpy(one->bytes, sealed.data, sealed.len);
    one->len = sealed.len;
    return 0;
}

/* Of one chunk of the content, or (`content` NULL) of the grant. */
static int evidence_of(struct tide_market *m, const struct purchase *b, struct content *content, uint64_t chunk,
                       struct bytes *out, struct tide_error *error)
{
    struct one_chunk one = {.bytes = malloc(AGE_SEALED_CHUNK_BYTES)};
    struct content_taker taker = {.ctx = &one, .take = one_take};
    struct evidence evidence;
    enum finding finding;
    int code = one.bytes == NULL ? error_set(error, OUTCOME_C_NO_MEMORY, NULL) : 0;
    if (code == 0 && content != NULL) code = content_fetch(content, chunk, &taker, error);
    if (code == 0) code = evidence_make(b, content, chunk, BYTES(one.bytes, one.len), &evidence, &finding, error);
    if (code == 0 && content == NULL && purchase_has_content(b) && !finding_is_fault(finding))
        code = error_set(error, OUTCOME_C_USAGE,
                         "The grant of trade %" PRIu64 " is good: only a chunk can be disputed.", b->trade->trade);
    if (code == 0) code = evidence_seal(m, &evidence, out, error);
    explicit_bzero(&evidence, sizeof evidence);
    free(one.bytes);
    return code;
}

static int evidence_new(struct tide_market *m, const struct purchase *b, int64_t chunk, struct bytes *out,
                        struct tide_error *error)
{
    struct content content = {.manifest_fd = -1};
    if (chunk < 0 || !purchase_has_content(b)) return evidence_of(m, b, NULL, 0, out, error);
    if ((uint64_t)chunk >= b->content.n_chunks)
        return error_set(error, OUTCOME_C_USAGE, "Trade %" PRIu64 " has chunks 0 to %" PRIu64 ".", b->trade->trade,
                         b->content.n_chunks - 1);
    int code = purchase_content(m, b, &content, error);
    if (code == 0) code = evidence_of(m, b, &content, (uint64_t)chunk, out, error);
    content_close(&content);
    return code;
}

/* ---- what is kept of it until it is stated: u64be of the chunk + 1 (0: the grant), then the sealed evidence ---- */
#define KEPT_HEAD 8

static char *kept_path(const struct tide_market *m, uint64_t trade)
{
    char *path = NULL, market[17];
    for (size_t i = 0; i < 8; i++) snprintf(market + 2 * i, 3, "%02x", m->url.market[i]);
    return asprintf(&path, "%s/evidence-%s-%" PRIu64, m->state_dir, market, trade) < 0 ? NULL : path;
}

static uint64_t kept_head(int64_t chunk)
{
    return chunk < 0 ? 0 : (uint64_t)chunk + 1;
}

/* *out empty: there is none, or one that does not read. *same: it is about that chunk. */
static void kept_load(const char *path, int64_t chunk, struct bytes *out, bool *same)
{
    struct bytes file;
    *out = BYTES(NULL, 0);
    *same = false;
    if (file_load(path, KEPT_HEAD + LIMIT_EVIDENCE_BYTES, &file, NULL) != 0) return;
    uint8_t *data = (uint8_t *)(uintptr_t)file.data;
    if (file.len > KEPT_HEAD) {
        *same = be64_get(data) == kept_head(chunk);
        memmove(data, data + KEPT_HEAD, file.len - KEPT_HEAD);
        *out = BYTES(data, file.len - KEPT_HEAD);
    } else {
        free(data);
    }
}

static int kept_store(const char *path, int64_t chunk, struct bytes sealed, struct tide_error *error)
{
    uint8_t *file = malloc(KEPT_HEAD + sealed.len);
    if (file == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    be64_put(file, kept_head(chunk));
    memcpy(file + KEPT_HEAD, sealed.data, sealed.len);
    int code = file_store(path, 0600, BYTES(file, KEPT_HEAD + sealed.len), error);
    free(file);
    return code;
}

/* ---- handing in ---- */
static int pieces_put(struct tide_market *m, uint64_t trade, struct bytes sealed, const uint8_t hash[HASH_BYTES],
                      struct tide_error *error)
{
    for (size_t at = 0; at < sealed.len;) {
        size_t n = sealed.len - at < LIMIT_PIECE_BYTES ? sealed.len - at : LIMIT_PIECE_BYTES;
        struct body_q_put_evidence q = {
            .trade = trade, .len = sealed.len, .offset = at, .piece = BYTES(sealed.data + at, n)};
        struct tide_doc *doc;
        memcpy(q.hash, hash, HASH_BYTES);
        int code = market_query(m, VERB_PUT_EVIDENCE, &q, &doc, error);
        tide_doc_free(&doc);
        if (code != 0) return code;
        at += n;
    }
    return 0;
}

static int evidence_put(struct tide_market *m, uint64_t trade, struct bytes sealed, const uint8_t hash[HASH_BYTES],
                        struct tide_error *error)
{
    int pause = 0;
    for (unsigned try = 1;; try++) {
        int code = pieces_put(m, trade, sealed, hash, error);
        bool again = code == OUTCOME_BAD_EVIDENCE || code == OUTCOME_C_UNREACHABLE || is_passing(code);
        if (code == 0 || !again || try == TRIES_MAX) return code;
        code = poll_pause(m, &pause, -1, error);
        if (code != 0) return code;
    }
}

/* ---- stating ---- */

/* An answer for what had been done before. */
static int disputed_before(struct tide_doc **out, struct tide_error *error)
{
    error_clear(error);
    if (out == NULL) return 0;
    *out = doc_new(&schema_r_submit);
    return *out == NULL ? error_set(error, OUTCOME_C_NO_MEMORY, NULL) : 0;
}

static bool is_disputed(struct tide_market *m, uint64_t trade)
{
    const struct body_trade_row *row;
    struct tide_doc *doc;
    if (row_of_trade(m, trade, &doc, &row, NULL) != 0) return false;
    bool disputed = row->dispute != 0;
    tide_doc_free(&doc);
    return disputed;
}

static int dispute_state(struct tide_market *m, uint64_t trade, struct bytes sealed, struct tide_doc **out,
                         struct tide_error *error)
{
    struct body_dispute body = {.trade = trade};
    sha256(sealed, body.evidence);
    int code = evidence_put(m, trade, sealed, body.evidence, error);
    if (code == 0) code = market_state(m, &schema_dispute, &body, out, error);
    if (code == 0) (void)evidence_put(m, trade, sealed, body.evidence, NULL); /* nothing, where it is there or judged already */
    bool was_before = code == OUTCOME_ALREADY_DISPUTED; /* what was under way had arrived */
    if (code == OUTCOME_WRONG_STATE && is_disputed(m, trade)) was_before = true;
    return was_before ? disputed_before(out, error) : code;
}

/* Evidence about something else is kept: its statement may be under way, and must not be left without its evidence. */
static int other_settle(struct tide_market *m, uint64_t trade, bool *stated, struct tide_error *error)
{
    const struct body_trade_row *row;
    struct tide_doc *doc;
    unsigned n_open;
    int code = tide_resend(m, &n_open, error);
    if (code == 0) code = row_of_trade(m, trade, &doc, &row, error);
    if (code != 0) return code;
    *stated = row->dispute != 0;
    tide_doc_free(&doc);
    return 0;
}

static int dispute(struct tide_market *m, const struct purchase *b, int64_t chunk, const char *path,
                   struct tide_doc **out, struct tide_error *error)
{
    struct bytes sealed;
    bool same, stated = false;
    int code = 0;
    kept_load(path, chunk, &sealed, &same);
    if (sealed.len > 0 && !same) {
        free((void *)(uintptr_t)sealed.data);
        sealed = BYTES(NULL, 0);
        code = other_settle(m, b->trade->trade, &stated, error);
        if (code == 0 && stated) code = disputed_before(out, error);
    }
    if (code == 0 && !stated && sealed.len == 0) {
        code = evidence_new(m, b, chunk, &sealed, error);
        if (code == 0) code = kept_store(path, chunk, sealed, error);
    }
    if (code == 0 && !stated) code = dispute_state(m, b->trade->trade, sealed, out, error);
    if (code == 0) unlink(path);
    free((void *)(uintptr_t)sealed.data);
    return code;
}

/* Two at once would seal two evidences, and hand in one over the other: waits until nobody else disputes here. */
static int hold(struct tide_market *m, int *fd, struct tide_error *error)
{
    char *path = NULL;
    int code = 0, pause = 0;
    if (asprintf(&path, "%s/evidence.lock", m->state_dir) < 0) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    while (code == 0 && (*fd < 0 || flock(*fd, LOCK_EX | LOCK_NB) != 0)) {
        if (*fd < 0 || errno != EWOULDBLOCK) code = error_file(error, "lock", path);
        else code = poll_pause(m, &pause, -1, error);
    }
    free(path);
    return code;
}

static int dispute_held(struct tide_market *market, uint64_t trade, int64_t chunk, struct tide_doc **out,
                        struct tide_error *error)
{
    struct purchase b = {0};
    int code = purchase_get(market, trade, &b, error);
    char *path = code == 0 ? kept_path(market, trade) : NULL;
    if (code == 0 && path == NULL) {
        code = error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    } else if (code == 0 && b.trade->dispute != 0) {
        unlink(path);
        code = disputed_before(out, error);
    } else if (code == 0 && b.trade->state != TRADE_GRANTED) {
        code = error_set(error, OUTCOME_WRONG_STATE, "Trade %" PRIu64 " is %s and cannot be disputed.", trade,
                         field_enum_name(fields_find(&schema_trade_row, "state"), b.trade->state));
    } else if (code == 0) {
        (void)grant_examine(&b, NULL, NULL);
        code = dispute(market, &b, chunk, path, out, error);
    }
    free(path);
    purchase_drop(&b);
    return code;
}

int tide_dispute(struct tide_market *market, uint64_t trade, int64_t chunk, struct tide_doc **out,
                 struct tide_error *error)
{
    int lock = -1;
    error_clear(error);
    if (out != NULL) *out = NULL;
    int code = need_identity(market, error);
    if (code == 0) code = hold(market, &lock, error);
    if (code == 0) code = dispute_held(market, trade, chunk, out, error);
    if (lock >= 0) close(lock);
    return code;
}

/* ---- the verdict ---- */
int tide_verdict_wait(struct tide_market *market, uint64_t trade, int timeout_ms, struct tide_doc **out,
                      struct tide_error *error)
{
    int64_t until = market_until(timeout_ms);
    int pause = 0;
    error_clear(error);
    if (out != NULL) *out = NULL;
    for (;;) {
        const struct body_trade_row *row;
        struct tide_doc *doc = NULL;
        int code = row_of_trade(market, trade, &doc, &row, error);
        if (code != 0 && !is_passing(code)) return code;
        bool there = code == 0 && row->verdict != 0, none = code == 0 && row->dispute == 0;
        if (there && out != NULL)
            *out = doc;
        else
            tide_doc_free(&doc);
        if (there) return 0;
        if (none) return error_set(error, OUTCOME_WRONG_STATE, "Trade %" PRIu64 " was not disputed.", trade);
        code = poll_pause(market, &pause, until, error);
        if (code == OUTCOME_C_TIMEOUT)
            error_set(error, code, "The broker has not judged the dispute of trade %" PRIu64 " yet.", trade);
        if (code != 0) return code;
    }
}
