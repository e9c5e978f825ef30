/*
 * Content on its way to the store and back: a manifest of leaf hashes, then chunks, many in flight.
 *
 * Always holds: memory is a window of chunks and a piece of the manifest, whatever the size (the manifest itself lies in
 * a nameless file); a chunk is written down only if its leaf hash is that of a manifest whose root the vendor signed; a
 * transfer that stops goes on where it was, at both ends.
 * Not here: keys. Nothing here can read what it carries.
 */
#include "client/lib/jobs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define WINDOW 16u            /* chunks under way, in flight or waiting for their turn: 1 MiB */
#define PIECE_HASHES 2048u    /* of a manifest: 64 KiB */
#define FRUITLESS_MAX 5       /* rounds without progress before giving up */

/* ---- the window ---- */
struct flight {
    struct tide_call *call;
    uint64_t chunk;
};

struct window {
    struct flight flights[WINDOW];
    unsigned first, n; /* a ring, oldest first */
};

static void window_add(struct window *w, struct tide_call *call, uint64_t chunk)
{
    w->flights[(w->first + w->n++) % WINDOW] = (struct flight){call, chunk};
}

/* The oldest one's answer. */
static int window_take(struct window *w, uint64_t *chunk, struct tide_doc **doc, struct tide_error *error)
{
    struct flight *f = &w->flights[w->first];
    w->first = (w->first + 1) % WINDOW;
    w->n--;
    *chunk = f->chunk;
    return tide_call_finish(&f->call, doc, error);
}

static void window_drop(struct window *w)
{
    while (w->n > 0) {
        call_free(&w->flights[w->first].call);
        w->first = (w->first + 1) % WINDOW;
        w->n--;
    }
}

/* ---- up ---- */
struct upload {
    struct tide_market *m;
    uint64_t listing;
    const struct sealed_file *file;
    struct progress hash, send;
    int manifest_fd; /* -1 until it was needed */
    uint8_t *chunk;  /* scratch, AGE_SEALED_CHUNK_BYTES */
    struct window window;
    uint64_t n_have;
};

/* What the store needs; waits a little for a listing that was accepted a moment ago. */
static int upload_ask(struct upload *u, struct tide_doc **doc, struct tide_error *error)
{
    struct body_q_upload q = {.listing = u->listing};
    int64_t until = market_until(5000);
    int pause = 0;
    for (;;) {
        int code = market_query(u->m, VERB_UPLOAD, &q, doc, error);
        if (code == 0 || !(is_passing(code) || code == OUTCOME_NO_SUCH_LISTING) || is_over(until)) return code;
        code = poll_pause(u->m, &pause, until, error);
        if (code == OUTCOME_C_INTERRUPTED) return code;
    }
}

static int manifest_make(struct upload *u, struct tide_error *error)
{
    uint8_t root[HASH_BYTES];
    const struct body_listing_row *row;
    struct tide_doc *doc;
    if (u->manifest_fd >= 0) return 0;
    u->manifest_fd = scratch_file(u->m->state_dir);
    if (u->manifest_fd < 0) return error_file(error, "make a temporary file in", u->m->state_dir);
    int code = sealed_hash(u->file, u->manifest_fd, -1, &u->hash, root, error);
    if (code == 0) code = row_of_listing(u->m, u->listing, &doc, &row, error);
    if (code != 0) return code;
    if (memcmp(root, row->content_root, HASH_BYTES) != 0) {
        code = error_set(error, OUTCOME_V_DAMAGED,
                         "The sealed file is not the content that listing %" PRIu64 " commits to.", u->listing);
    }
    tide_doc_free(&doc);
    return code;
}

static int manifest_send(struct upload *u, uint64_t first, struct tide_error *error)
{
    uint8_t *hashes = u->chunk; /* 64 KiB fit */
    while (first < u->file->n_chunks) {
        uint64_t n = u->file->n_chunks - first < PIECE_HASHES ? u->file->n_chunks - first : PIECE_HASHES;
        size_t len = (size_t)n * HASH_BYTES;
        struct tide_doc *doc;
        if (!read_at(u->manifest_fd, hashes, len, first * HASH_BYTES))
            return error_file(error, "read", "a temporary file");
        struct body_q_put_manifest q = {.listing = u->listing, .first = first, .hashes = BYTES(hashes, len)};
        int code = market_query(u->m, VERB_PUT_MANIFEST, &q, &doc, error);
        tide_doc_free(&doc);
        if (code != 0) return code;
        first += n;
    }
    return 0;
}

static int chunk_sent(struct upload *u, struct tide_error *error)
{
    struct tide_doc *doc;
    uint64_t chunk;
    int code = window_take(&u->window, &chunk, &doc, error);
    if (code != 0) return code;
    tide_doc_free(&doc);
    u->n_have++;
    uint64_t done = u->n_have * AGE_CHUNK_BYTES;
    if (done > u->file->plaintext_len) done = u->file->plaintext_len;
    return progress_tell(&u->send, done, u->file->plaintext_len) ? 0 : progress_stopped(&u->send, error);
}

static int chunk_send(struct upload *u, uint64_t chunk, struct tide_error *error)
{
    struct tide_call *call;
    size_t len;
    int code = 0;
    if (u->window.n == WINDOW) code = chunk_sent(u, error);
    if (code != 0) return code;
    if (!sealed_chunk(u->file, chunk, u->chunk, &len)) return error_file(error, "read", "the sealed file");
    struct body_q_put_chunk q = {.listing = u->listing, .chunk = chunk, .sealed = BYTES(u->chunk, len)};
    code = call_start(u->m, VERB_PUT_CHUNK, &q, 0, &call, error);
    if (code == 0) window_add(&u->window, call, chunk);
    return code;
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
                return error_set(error, OUTCOME_V_FAILED, "The store asks for a chunk that the content does not have.");
            }
            code = chunk_send(u, chunk, error);
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
    for (size_t r = 0; r < state->missing.n; r++)
        n += ranges[r].count < state->n_chunks ? ranges[r].count : state->n_chunks;
    return n;
}

/* One round: ask, send what is missing. *complete when nothing is. */
static int upload_round(struct upload *u, bool *complete, uint64_t *missing, struct tide_error *error)
{
    struct tide_doc *doc;
    *complete = false;
    int code = upload_ask(u, &doc, error);
    if (code != 0) return code;
    const struct body_r_upload *state = doc->value;
    *missing = missing_count(state) + (u->file->n_chunks - state->manifest_have);
    if (state->n_chunks != u->file->n_chunks) {
        code = error_set(error, OUTCOME_V_DAMAGED, "The sealed file has %" PRIu64 " chunks, the listing %" PRIu64 ".",
                         u->file->n_chunks, state->n_chunks);
    } else if (state->complete) {
        *complete = true;
    } else if (state->manifest_have < state->n_chunks) {
        code = manifest_make(u, error);
        if (code == 0) code = manifest_send(u, state->manifest_have, error);
    } else {
        u->n_have = state->n_chunks - (missing_count(state) < state->n_chunks ? missing_count(state) : state->n_chunks);
        code = missing_send(u, state, error);
    }
    tide_doc_free(&doc);
    return code;
}

int content_upload(struct tide_market *m, uint64_t listing, const struct sealed_file *f, const struct progress *p,
                   struct tide_error *error)
{
    struct upload u = {.m = m, .listing = listing, .file = f, .hash = *p, .send = *p, .manifest_fd = -1};
    uint64_t missing = 0, before = UINT64_MAX;
    unsigned fruitless = 0;
    bool complete = false;
    int code = 0, pause = 0;

    u.hash.what = "hash";
    u.send.what = "upload";
    u.chunk = malloc(AGE_SEALED_CHUNK_BYTES);
    if (u.chunk == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    while (!complete && code == 0) {
        code = upload_round(&u, &complete, &missing, error);
        fruitless = missing < before ? 0 : fruitless + 1;
        before = missing;
        if (code == 0 && !complete && fruitless > 0) code = poll_pause(m, &pause, -1, error);
        if (code == 0 && fruitless > FRUITLESS_MAX * 4) {
            code = error_set(error, OUTCOME_NOT_STORED, "The store does not say that listing %" PRIu64 " is complete.",
                             listing);
        }
        /* A door that broke, or a piece that was there already: look again at what is missing. */
        bool again = code == OUTCOME_C_UNREACHABLE || is_passing(code) || code == OUTCOME_WRONG_STATE;
        if (again && fruitless <= FRUITLESS_MAX) code = poll_pause(m, &pause, -1, error);
    }
    window_drop(&u.window);
    if (u.manifest_fd >= 0) close(u.manifest_fd);
    free(u.chunk);
    return code;
}

/* ---- down ---- */
struct download {
    struct tide_market *m;
    uint64_t listing;
    const struct age_commitment *c;
    int fd, manifest_fd;
    struct progress p;
    uint8_t *chunk; /* scratch */
    struct window window;
    uint64_t n_have;
};

/* The manifest into its file; its root must be the one that the vendor signed. */
static int manifest_fetch(struct download *d, struct tide_error *error)
{
    struct merkle_tree tree = {0};
    uint8_t root[HASH_BYTES];
    uint64_t first = 0;
    while (first < d->c->n_chunks) {
        struct body_q_get_manifest q = {.listing = d->listing, .first = first};
        struct tide_doc *doc;
        int code = market_query(d->m, VERB_GET_MANIFEST, &q, &doc, error);
        if (code != 0) return code;
        struct bytes hashes = ((const struct body_r_get_manifest *)doc->value)->hashes;
        uint64_t n = hashes.len / HASH_BYTES;
        if (n == 0 || hashes.len % HASH_BYTES != 0 || n > d->c->n_chunks - first) {
            code = error_set(error, OUTCOME_V_FAILED, "The store's manifest has not the listing's length.");
        } else if (!write_at(d->manifest_fd, hashes.data, hashes.len, first * HASH_BYTES)) {
            code = error_file(error, "write", "a temporary file");
        }
        for (uint64_t i = 0; i < n && code == 0; i++) merkle_append(&tree, hashes.data + i * HASH_BYTES);
        tide_doc_free(&doc);
        if (code != 0) return code;
        first += n;
    }
    merkle_root(&tree, root);
    if (memcmp(root, d->c->content_root, HASH_BYTES) == 0) return 0;
    return error_set(error, OUTCOME_V_FAILED, "The store's manifest is not the one that the listing commits to.");
}

static uint64_t chunk_offset(uint64_t chunk)
{
    return AGE_NONCE_BYTES + chunk * AGE_SEALED_CHUNK_BYTES;
}

/* True if these bytes are chunk `chunk`, by the manifest. */
static bool chunk_is_right(const struct download *d, uint64_t chunk, struct bytes sealed)
{
    uint8_t leaf[HASH_BYTES], wanted[HASH_BYTES];
    if (sealed.len != age_sealed_chunk_len(d->c->plaintext_len, chunk)) return false;
    if (!read_at(d->manifest_fd, wanted, HASH_BYTES, chunk * HASH_BYTES)) return false;
    merkle_leaf_hash(sealed, leaf);
    return memcmp(leaf, wanted, HASH_BYTES) == 0;
}

static bool chunk_is_here(const struct download *d, uint64_t chunk)
{
    size_t len = age_sealed_chunk_len(d->c->plaintext_len, chunk);
    return read_at(d->fd, d->chunk, len, chunk_offset(chunk)) && chunk_is_right(d, chunk, BYTES(d->chunk, len));
}

static int chunk_fetched(struct download *d, struct tide_error *error)
{
    struct tide_doc *doc;
    uint64_t chunk;
    int code = window_take(&d->window, &chunk, &doc, error);
    if (code != 0) return code;
    struct bytes sealed = ((const struct body_r_get_chunk *)doc->value)->sealed;
    if (!chunk_is_right(d, chunk, sealed)) {
        code =
            error_set(error, OUTCOME_V_FAILED, "The store gave a chunk %" PRIu64 " that is not the listing's.", chunk);
    } else if (!write_at(d->fd, sealed.data, sealed.len, chunk_offset(chunk))) {
        code = error_set(error, OUTCOME_C_FILE, "Cannot write the download: %s.", strerror(errno));
    }
    tide_doc_free(&doc);
    if (code != 0) return code;
    d->n_have++;
    uint64_t done = d->n_have * AGE_CHUNK_BYTES;
    if (done > d->c->plaintext_len) done = d->c->plaintext_len;
    return progress_tell(&d->p, done, d->c->plaintext_len) ? 0 : progress_stopped(&d->p, error);
}

static int chunks_fetch(struct download *d, struct tide_error *error)
{
    int code = 0;
    for (uint64_t chunk = 0; chunk < d->c->n_chunks && code == 0; chunk++) {
        struct tide_call *call;
        if (chunk_is_here(d, chunk)) {
            d->n_have++;
            if (d->n_have % 256 == 0 && !progress_tell(&d->p, d->n_have * AGE_CHUNK_BYTES, d->c->plaintext_len)) {
                code = progress_stopped(&d->p, error);
            }
            continue;
        }
        if (d->window.n == WINDOW) code = chunk_fetched(d, error);
        if (code != 0) break;
        struct body_q_get_chunk q = {.listing = d->listing, .chunk = chunk};
        code = call_start(d->m, VERB_GET_CHUNK, &q, 0, &call, error);
        if (code == 0) window_add(&d->window, call, chunk);
    }
    while (d->window.n > 0 && code == 0) code = chunk_fetched(d, error);
    window_drop(&d->window);
    return code;
}

int content_download(struct tide_market *m, uint64_t listing, const struct age_commitment *c, int fd,
                     const struct progress *p, struct tide_error *error)
{
    struct download d = {.m = m, .listing = listing, .c = c, .fd = fd, .manifest_fd = -1, .p = *p};
    int code = 0;
    d.p.what = "download";
    d.chunk = malloc(AGE_SEALED_CHUNK_BYTES);
    if (d.chunk == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    d.manifest_fd = scratch_file(m->state_dir);
    if (d.manifest_fd < 0) code = error_file(error, "make a temporary file in", m->state_dir);
    if (code == 0) code = manifest_fetch(&d, error);
    if (code == 0 && !write_at(fd, c->nonce, AGE_NONCE_BYTES, 0)) {
        code = error_set(error, OUTCOME_C_FILE, "Cannot write the download: %s.", strerror(errno));
    }
    for (unsigned attempt = 0; code == 0; attempt++) {
        d.n_have = 0;
        code = chunks_fetch(&d, error);
        bool again = (code == OUTCOME_C_UNREACHABLE || is_passing(code)) && attempt < FRUITLESS_MAX;
        if (!again) break;
        code = 0;
    }
    if (code == 0 && ftruncate(fd, (off_t)age_payload_len(c->plaintext_len)) != 0) {
        code = error_set(error, OUTCOME_C_FILE, "Cannot write the download: %s.", strerror(errno));
    }
    if (d.manifest_fd >= 0) close(d.manifest_fd);
    free(d.chunk);
    return code;
}
