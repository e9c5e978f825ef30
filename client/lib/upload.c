/*
 * Content on its way to the store: a manifest of leaf hashes, then chunks, many in flight.
 *
 * Always holds: memory is a window of chunks and a piece of the manifest, whatever the size (the manifest itself lies in
 * a nameless file); only what the store names as missing is sent, and it is asked again whenever the connection broke: what
 * goes twice is at most what was in flight then. An upload that stops goes on where it was.
 * Not here: keys (nothing here can read what it carries), the way back (download.c).
 */
#include "client/lib/transfer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define QUIET_MS 1000     /* no answer for so long is worth saying */
#define AWAY_MAX_MS 600000 /* after the last progress a broker that answered once is waited for so long */
#define AWAY_PAUSE_MAX_MS 2000
#define FRUITLESS_ANSWERS 20u /* a broker that answers, and nothing comes of it */

/* ---- a broker that is away for a while ---- */

struct patience {
    uint64_t left;    /* to do, when it was asked last */
    int64_t since_ms; /* of the last progress */
    unsigned n_fruitless;
    int pause_ms;
    bool contact;
};

/* "upload, waiting for the broker" */
static bool wait_tell(const struct progress *progress, uint64_t done, uint64_t total)
{
    struct progress waiting = *progress;
    char what[64];
    snprintf(what, sizeof what, "%.20s, waiting for the broker", progress->what);
    waiting.what = what;
    return progress_tell(&waiting, done, total);
}

/* As tide_call_finish, and tells meanwhile that it waits. */
static int call_await(struct tide_call **call, const struct progress *progress, uint64_t done, uint64_t total,
               struct tide_doc **doc, struct tide_error *error)
{
    *doc = NULL;
    while (!tide_call_done(*call)) {
        int code = tide_call_wait(*call, QUIET_MS, error);
        if (code == OUTCOME_C_TIMEOUT) code = wait_tell(progress, done, total) ? 0 : progress_stopped(progress, error);
        if (code == 0) continue;
        call_free(call);
        return code;
    }
    return tide_call_finish(call, doc, error);
}

static void patience_init(struct patience *p)
{
    *p = (struct patience){.left = UINT64_MAX, .since_ms = clock_ms()};
}

/* Something got through. */
static void patience_moved(struct patience *p)
{
    p->since_ms = clock_ms();
    p->pause_ms = 0;
}

/* The broker answered, and so much is left to do. */
static void patience_answered(struct patience *p, uint64_t left)
{
    p->contact = true;
    if (left < p->left) {
        patience_moved(p);
        p->n_fruitless = 0;
    } else {
        p->n_fruitless++;
    }
    p->left = left;
}

/*
 * After a round that ended with `code`: waits, the longer the oftener, and tells it. 0: go on with another round;
 * OUTCOME_NOT_STORED: rounds go well and nothing comes of it; any other code is to be handed on.
 */
static int patience_pause(struct patience *p, int code, const struct progress *progress, uint64_t done, uint64_t total,
                   struct tide_error *error)
{
    struct tide_market *m = progress->market;
    bool away = code == OUTCOME_C_UNREACHABLE || is_passing(code);
    if (code == 0 && p->n_fruitless == 0) return 0;
    if (code != 0 && !away) return code;
    if (code == 0 && p->n_fruitless > FRUITLESS_ANSWERS) return error_set(error, OUTCOME_NOT_STORED, NULL);
    if (away && (!p->contact || clock_ms() - p->since_ms > AWAY_MAX_MS)) return code;
    if (away && !wait_tell(progress, done, total)) return progress_stopped(progress, error);
    int pause = p->pause_ms < 50 ? 50 : p->pause_ms;
    p->pause_ms = pause * 3 / 2 < AWAY_PAUSE_MAX_MS ? pause * 3 / 2 : AWAY_PAUSE_MAX_MS;
    return market_sleep(m, pause, error);
}

/* ---- asking ---- */

struct upload {
    struct tide_market *m;
    struct stored_part part;
    const struct sealed_file *file;
    struct progress hash, send;
    int manifest_fd; /* -1 until it was needed */
    uint8_t *chunk;  /* scratch, AGE_SEALED_CHUNK_BYTES */
    struct window window;
    struct patience patience;
    uint64_t n_have;
    bool asked; /* in this round the store said what it needs */
};

static uint64_t bytes_done(const struct upload *u)
{
    uint64_t done = u->n_have * AGE_CHUNK_BYTES;
    return done < u->file->plaintext_len ? done : u->file->plaintext_len;
}

/* What the store needs; waits a little for a listing that was accepted a moment ago. */
static int upload_ask(struct upload *u, struct tide_doc **doc, struct tide_error *error)
{
    struct body_q_upload q = {.listing = u->part.listing, .part = u->part.part};
    int64_t until = market_until(5000);
    int pause = 0;
    for (;;) {
        struct tide_call *call;
        int code = call_start(u->m, VERB_UPLOAD, &q, 0, &call, error);
        if (code == 0) code = call_await(&call, &u->send, bytes_done(u), u->file->plaintext_len, doc, error);
        if (code == 0 || !(is_passing(code) || code == OUTCOME_NO_SUCH_LISTING) || is_over(until)) return code;
        code = poll_pause(u->m, &pause, until, error);
        if (code == OUTCOME_C_INTERRUPTED) return code;
    }
}

/* ---- the manifest ---- */

static int manifest_make(struct upload *u, struct tide_error *error)
{
    uint8_t root[HASH_BYTES];
    const struct body_listing_row *row;
    struct tide_doc *doc;
    if (u->manifest_fd >= 0) return 0;
    int fd = scratch_file(u->m->state_dir);
    if (fd < 0) return error_file(error, "make a temporary file in", u->m->state_dir);
    int code = sealed_hash(u->file, fd, -1, &u->hash, root, error);
    if (code == 0) code = row_of_listing(u->m, u->part.listing, &doc, &row, error);
    if (code == 0) {
        const uint8_t *wanted = u->part.part == PART_DETAIL ? listing_published(doc)->detail_root : row->content_root;
        if (memcmp(root, wanted, HASH_BYTES) != 0) {
            code = error_set(error, OUTCOME_V_DAMAGED, "The sealed file is not the %s that listing %" PRIu64 " commits to.",
                             u->part.part == PART_DETAIL ? "detail part" : "content", u->part.listing);
        }
        tide_doc_free(&doc);
    }
    if (code == 0) u->manifest_fd = fd;
    else close(fd);
    return code;
}

static int manifest_send(struct upload *u, uint64_t first, struct tide_error *error)
{
    uint8_t *hashes = u->chunk; /* 64 KiB fit */
    while (first < u->file->n_chunks) {
        uint64_t n = u->file->n_chunks - first < PIECE_HASHES ? u->file->n_chunks - first : PIECE_HASHES;
        size_t len = (size_t)n * HASH_BYTES;
        struct tide_doc *doc = NULL;
        struct tide_call *call;
        if (!read_at(u->manifest_fd, hashes, len, first * HASH_BYTES))
            return error_file(error, "read", "a temporary file");
        struct body_q_put_manifest q = {
            .listing = u->part.listing, .part = u->part.part, .first = first, .hashes = BYTES(hashes, len)};
        int code = call_start(u->m, VERB_PUT_MANIFEST, &q, 0, &call, error);
        if (code == 0) call->once = true;
        if (code == 0) code = call_await(&call, &u->send, bytes_done(u), u->file->plaintext_len, &doc, error);
        tide_doc_free(&doc);
        if (code != 0) return code;
        first += n;
    }
    return 0;
}

/* ---- chunks ---- */

static int chunk_sent(struct upload *u, struct tide_error *error)
{
    struct tide_doc *doc;
    uint64_t chunk;
    int code = window_take(&u->window, &chunk, &doc, error);
    if (code != 0) return code;
    tide_doc_free(&doc);
    u->n_have++;
    patience_moved(&u->patience);
    return progress_tell(&u->send, bytes_done(u), u->file->plaintext_len) ? 0 : progress_stopped(&u->send, error);
}

static int chunk_send(struct upload *u, uint64_t chunk, struct tide_error *error)
{
    struct tide_call *call;
    size_t len;
    int code = 0;
    if (u->window.n == WINDOW) code = chunk_sent(u, error);
    if (code != 0) return code;
    if (!sealed_chunk(u->file, chunk, u->chunk, &len)) return error_file(error, "read", "the sealed file");
    struct body_q_put_chunk q = {
        .listing = u->part.listing, .part = u->part.part, .chunk = chunk, .sealed = BYTES(u->chunk, len)};
    code = call_start(u->m, VERB_PUT_CHUNK, &q, 0, &call, error);
    if (code != 0) return code;
    call->once = true; /* the store may have it: it is asked first */
    window_add(&u->window, call, chunk);
    return 0;
}

/* Everything that one answer of `upload` names as missing. */
static int missing_send(struct upload *u, const struct body_r_upload *state, struct tide_error *error)
{
    const struct body_range *ranges = state->missing.items;
    int code = 0;
    for (size_t r = 0; r < state->missing.n && code == 0; r++) {
        for (uint64_t i = 0; i < ranges[r].count && code == 0; i++) {
            uint64_t chunk = ranges[r].first + i;
            if (chunk >= u->file->n_chunks) {
                code = error_set(error, OUTCOME_V_FAILED, "The store asks for a chunk that the content does not have.");
            } else {
                code = chunk_send(u, chunk, error);
            }
        }
    }
    while (u->window.n > 0 && code == 0) code = chunk_sent(u, error);
    window_drop(&u->window);
    return code;
}

static uint64_t missing_count(const struct body_r_upload *state)
{
    const struct body_range *ranges = state->missing.items;
    uint64_t n = 0;
    for (size_t r = 0; r < state->missing.n && n < state->n_chunks; r++)
        n += ranges[r].count < state->n_chunks ? ranges[r].count : state->n_chunks;
    return n < state->n_chunks ? n : state->n_chunks;
}

/* ---- rounds ---- */

/* One round: ask, send what is missing. *complete when nothing is. */
static int upload_round(struct upload *u, bool *complete, struct tide_error *error)
{
    struct tide_doc *doc;
    u->asked = false;
    int code = upload_ask(u, &doc, error);
    if (code != 0) return code;
    u->asked = true;
    const struct body_r_upload *state = doc->value;
    uint64_t missing = missing_count(state), manifest_have = state->manifest_have;
    if (manifest_have > state->n_chunks) manifest_have = state->n_chunks;
    patience_answered(&u->patience, missing + state->n_chunks - manifest_have);
    if (state->n_chunks != u->file->n_chunks) {
        code = error_set(error, OUTCOME_V_DAMAGED, "The sealed file has %" PRIu64 " chunks, the listing %" PRIu64 ".",
                         u->file->n_chunks, state->n_chunks);
    } else if (state->complete || (u->part.manifest_only && manifest_have == state->n_chunks)) {
        *complete = true;
    } else if (manifest_have < state->n_chunks) {
        code = manifest_make(u, error);
        if (code == 0) code = manifest_send(u, manifest_have, error);
    } else {
        u->n_have = state->n_chunks - missing;
        code = missing_send(u, state, error);
    }
    tide_doc_free(&doc);
    return code;
}

int content_upload(struct tide_market *m, struct stored_part part, const struct sealed_file *f, const struct progress *p,
                   struct tide_error *error)
{
    struct upload u = {.m = m, .part = part, .file = f, .hash = *p, .send = *p, .manifest_fd = -1};
    bool complete = false;
    int code = 0;

    u.hash.what = "hash";
    u.send.what = "upload";
    u.chunk = malloc(AGE_SEALED_CHUNK_BYTES);
    if (u.chunk == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    patience_init(&u.patience);
    while (!complete && code == 0) {
        code = upload_round(&u, &complete, error);
        if (complete) break;
        if (u.asked && code == OUTCOME_WRONG_STATE) code = 0; /* a piece that was there already: look again */
        code = patience_pause(&u.patience, code, &u.send, bytes_done(&u), f->plaintext_len, error);
        if (code == OUTCOME_NOT_STORED) {
            error_set(error, code, "The store does not say that listing %" PRIu64 " is complete.", part.listing);
        }
    }
    window_drop(&u.window);
    if (u.manifest_fd >= 0) close(u.manifest_fd);
    free(u.chunk);
    return code;
}
