/*
 * Content on its way here: a manifest of leaf hashes, then chunks, many in flight, from the store or from the vendor's own
 * server.
 *
 * Always holds: memory is a window of chunks and a piece of the manifest, whatever the size (the manifest itself lies in
 * a nameless file); a chunk is handed on only if its leaf hash is that of a manifest whose root the vendor signed, and in
 * its order; what has come is not asked for again, whoever died in between; a broker or a server that is away is waited for.
 * Not here: keys (nothing here can read what it carries), the way there (upload.c).
 */
#include "client/lib/content.h"
#include "client/lib/transfer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PATIENCE_MS 600000         /* for the broker, without anything coming, before it is given up */
#define LOCATION_PATIENCE_MS 60000 /* for a vendor's own server: it may never come back */

/* ---- waiting for who is away ---- */
struct patience {
    int pause;
    int64_t until; /* 0: nothing is wrong */
};

/* True if `code` is worth waiting for; then it has waited, and *code is 0 or what ended the waiting. */
static bool wait_out(struct tide_market *m, struct patience *p, int patience_ms, int *code, struct tide_error *error)
{
    if (*code != OUTCOME_C_UNREACHABLE && !is_passing(*code)) return false;
    if (p->until == 0) p->until = market_until(patience_ms);
    if (is_over(p->until)) return false;
    *code = poll_pause(m, &p->pause, -1, error);
    return true;
}

static int patient_query(struct tide_market *m, enum verb verb, const void *q, struct tide_doc **doc,
                         struct tide_error *error)
{
    struct patience patience = {0};
    for (;;) {
        int code = market_query(m, verb, q, doc, error);
        if (code == 0 || !wait_out(m, &patience, PATIENCE_MS, &code, error) || code != 0) return code;
    }
}

/* ---- the manifest ---- */

/* The manifest into its file; its root must be the one that the vendor signed. */
static int manifest_fetch(struct content *content, struct tide_error *error)
{
    struct merkle_tree tree = {0};
    uint8_t root[HASH_BYTES];
    uint64_t first = 0, n_chunks = content->c.n_chunks;
    while (first < n_chunks) {
        const struct body_q_get_manifest q = {.listing = content->listing, .first = first, .part = content->part};
        struct tide_doc *doc;
        int code = patient_query(content->m, VERB_GET_MANIFEST, &q, &doc, error);
        if (code != 0) return code;
        struct bytes hashes = ((const struct body_r_get_manifest *)doc->value)->hashes;
        uint64_t n = hashes.len / HASH_BYTES;
        if (n == 0 || hashes.len % HASH_BYTES != 0 || n > n_chunks - first) {
            code = error_set(error, OUTCOME_V_FAILED, "The store's manifest has not the listing's length.");
        } else if (!write_at(content->manifest_fd, hashes.data, hashes.len, first * HASH_BYTES)) {
            code = error_file(error, "write", "a temporary file");
        }
        for (uint64_t i = 0; i < n && code == 0; i++) merkle_append(&tree, hashes.data + i * HASH_BYTES);
        tide_doc_free(&doc);
        if (code != 0) return code;
        first += n;
    }
    merkle_root(&tree, root);
    if (memcmp(root, content->c.content_root, HASH_BYTES) == 0) return 0;
    return error_set(error, OUTCOME_V_FAILED, "The store's manifest is not the one that the listing commits to.");
}

static int location_open(struct content *content, struct bytes location, struct tide_error *error)
{
    const struct https_options options = {content->m->location_ca, content->m->location_local};
    char url[LIMIT_LOCATION_BYTES + 1];
    if (location.len == 0) return 0;
    if (location.len > LIMIT_LOCATION_BYTES) return error_set(error, OUTCOME_BAD_LOCATION, NULL);
    memcpy(url, location.data, location.len);
    url[location.len] = '\0';
    enum tide_err err = https_open(url, &options, &content->location);
    if (err == TIDE_EINVAL) return error_set(error, OUTCOME_BAD_LOCATION, NULL);
    return error_of(error, err, "The listing's location");
}

int content_open(struct tide_market *m, uint64_t listing, enum part part, const struct age_commitment *c,
                 struct bytes location, struct content *out, struct tide_error *error)
{
    *out = (struct content){.m = m, .listing = listing, .part = part, .c = *c, .manifest_fd = -1};
    if (c->n_chunks != age_n_chunks(c->plaintext_len))
        return error_set(error, OUTCOME_V_FAILED, "Listing %" PRIu64 " has lengths that do not agree.", listing);
    out->manifest_fd = scratch_file(m->state_dir);
    if (out->manifest_fd < 0) return error_file(error, "make a temporary file in", m->state_dir);
    int code = location_open(out, location, error);
    return code == 0 ? manifest_fetch(out, error) : code;
}

void content_close(struct content *content)
{
    if (content->manifest_fd >= 0) close(content->manifest_fd);
    content->manifest_fd = -1;
    https_close(&content->location);
}

/* A complete subtree's root, from its leaves. */
static enum tide_err manifest_node(void *ctx, unsigned level, uint64_t index, uint8_t out[HASH_BYTES])
{
    const struct content *content = ctx;
    struct merkle_tree tree = {0};
    uint8_t leaf[HASH_BYTES];
    for (uint64_t i = index << level; i < (index + 1) << level; i++) {
        if (!read_at(content->manifest_fd, leaf, HASH_BYTES, i * HASH_BYTES)) return TIDE_EIO;
        merkle_append(&tree, leaf);
    }
    merkle_root(&tree, out);
    return TIDE_OK;
}

int content_prove(const struct content *content, uint64_t chunk, struct merkle_proof *out, struct tide_error *error)
{
    const struct merkle_store store = {(void *)(uintptr_t)content, manifest_node};
    return error_of(error, merkle_prove_inclusion(&store, chunk, content->c.n_chunks, out), "The chunk's proof");
}

/* ---- which are right ---- */
static size_t chunk_len(const struct content *content, uint64_t chunk)
{
    return age_sealed_chunk_len(content->c.plaintext_len, chunk);
}

static uint64_t chunk_offset(uint64_t chunk)
{
    return AGE_NONCE_BYTES + chunk * AGE_SEALED_CHUNK_BYTES;
}

/* Of `n` <= CONTENT_RUN chunks from `first` on, which are right by the manifest, as bits. */
static uint32_t chunks_right(const struct content *content, uint64_t first, const struct bytes *sealed, unsigned n)
{
    uint8_t leaves[CONTENT_RUN][HASH_BYTES], wanted[CONTENT_RUN][HASH_BYTES];
    uint32_t right = 0;
    if (!read_at(content->manifest_fd, wanted, n * HASH_BYTES, first * HASH_BYTES)) return 0;
    merkle_leaf_hashes(sealed, n, leaves);
    for (unsigned i = 0; i < n; i++) {
        bool same = sealed[i].len == chunk_len(content, first + i) && memcmp(leaves[i], wanted[i], HASH_BYTES) == 0;
        if (same) right |= UINT32_C(1) << i;
    }
    return right;
}

/* ---- fetching ---- */
struct fetching {
    struct content *content;
    struct content_taker *taker;
    struct window window;
    struct patience patience;
    uint8_t *run; /* of a location: CONTENT_RUN chunks */
    uint64_t n_done, n_wanted;
};

static int done_tell(struct fetching *f, uint64_t n, struct tide_error *error)
{
    const struct progress *p = f->taker->progress;
    uint64_t total = f->n_wanted == f->content->c.n_chunks ? f->content->c.plaintext_len
                                                           : f->n_wanted * AGE_CHUNK_BYTES;
    f->n_done += n;
    uint64_t done = f->n_done * AGE_CHUNK_BYTES;
    if (p == NULL) return 0;
    return progress_tell(p, done < total ? done : total, total) ? 0 : progress_stopped(p, error);
}

/* The same place, under another name: nothing comes now. False: stop. */
static bool waiting_tell(const struct fetching *f)
{
    struct progress waiting;
    uint64_t total = f->n_wanted * AGE_CHUNK_BYTES, done = f->n_done * AGE_CHUNK_BYTES;
    if (f->taker->progress == NULL) return true;
    waiting = *f->taker->progress;
    waiting.what = "waiting";
    return progress_tell(&waiting, done < total ? done : total, total);
}

/* wait_out, said to whoever looks on. */
static bool fetching_waits(struct fetching *f, int patience_ms, int *code, struct tide_error *error)
{
    bool told = waiting_tell(f), waited = wait_out(f->content->m, &f->patience, patience_ms, code, error);
    if (waited && *code == 0 && !told) *code = progress_stopped(f->taker->progress, error);
    return waited;
}

static int chunk_take(struct fetching *f, uint64_t chunk, struct bytes sealed, struct tide_error *error)
{
    f->patience = (struct patience){0};
    f->taker->n_fetched++;
    f->taker->bytes_fetched += sealed.len;
    int code = f->taker->take(f->taker->ctx, chunk, sealed, error);
    return code == 0 ? done_tell(f, 1, error) : code;
}

static int chunk_ask(struct fetching *f, uint64_t chunk, bool again, struct tide_error *error)
{
    const struct body_q_get_chunk q = {.listing = f->content->listing, .chunk = chunk, .part = f->content->part};
    struct tide_call *call;
    int code = call_start(f->content->m, VERB_GET_CHUNK, &q, 0, &call, error);
    if (code != 0) return code;
    if (again)
        window_put_back(&f->window, call, chunk);
    else
        window_add(&f->window, call, chunk);
    return 0;
}

/* The oldest one under way; it stays the oldest while it has to be asked for again. */
static int chunk_await(struct fetching *f, struct tide_error *error)
{
    struct tide_doc *doc;
    uint64_t chunk;
    int code = window_take(&f->window, &chunk, &doc, error);
    if (code != 0) {
        if (fetching_waits(f, PATIENCE_MS, &code, error) && code == 0) code = chunk_ask(f, chunk, true, error);
        return code;
    }
    struct bytes sealed = ((const struct body_r_get_chunk *)doc->value)->sealed;
    if (chunks_right(f->content, chunk, &sealed, 1) == 0)
        code = error_set(error, OUTCOME_V_FAILED, "The store gave a chunk %" PRIu64 " that is not the listing's.",
                         chunk);
    else
        code = chunk_take(f, chunk, sealed, error);
    tide_doc_free(&doc);
    return code;
}

static int chunks_from_store(struct fetching *f, uint64_t first, unsigned n, struct tide_error *error)
{
    int code = 0;
    for (unsigned i = 0; i < n && code == 0; i++) {
        while (f->window.n == WINDOW && code == 0) code = chunk_await(f, error);
        if (code == 0) code = chunk_ask(f, first + i, false, error);
    }
    return code;
}

/* ---- from the vendor's own server ---- */
static bool location_wait(void *ctx)
{
    const struct progress *p = ctx;
    return progress_tell(p, 0, 0);
}

static int location_error(uint64_t listing, enum tide_err err, const char *why, struct tide_error *error)
{
    int code = err == TIDE_EIO ? OUTCOME_C_UNREACHABLE : err == TIDE_ENOMEM ? OUTCOME_C_NO_MEMORY : OUTCOME_V_FAILED;
    error_set(error, code, "The vendor's own server, from which listing %" PRIu64 " is to be fetched: %s.", listing, why);
    if (err == TIDE_EDENIED && error != NULL)
        snprintf(error->hint, sizeof error->hint, "Ask the vendor. If it is meant to be so: --location-local allows private networks, "
                                                  "--location-ca names other authorities.");
    return code;
}

static int location_read(struct fetching *f, uint64_t first, unsigned n, struct tide_error *error)
{
    struct content *content = f->content;
    const struct progress looks = {.market = content->m}; /* for an interruption alone */
    size_t len = 0;
    char why[HTTPS_WHY_MAX] = "";
    for (unsigned i = 0; i < n; i++) len += chunk_len(content, first + i);
    for (;;) {
        enum tide_err err = https_read(content->location, chunk_offset(first), len, f->run, location_wait,
                                       (void *)(uintptr_t)&looks, why);
        if (err == TIDE_OK) return 0;
        if (err == TIDE_ECANCELED) return progress_stopped(&looks, error);
        int code = location_error(content->listing, err, why, error);
        if (!fetching_waits(f, LOCATION_PATIENCE_MS, &code, error) || code != 0) return code;
    }
}

static int chunks_from_location(struct fetching *f, uint64_t first, unsigned n, struct tide_error *error)
{
    struct bytes sealed[CONTENT_RUN];
    int code = location_read(f, first, n, error);
    if (code != 0) return code;
    const uint8_t *at = f->run;
    for (unsigned i = 0; i < n; i++) {
        sealed[i] = BYTES(at, chunk_len(f->content, first + i));
        at += sealed[i].len;
    }
    uint32_t right = chunks_right(f->content, first, sealed, n);
    for (unsigned i = 0; i < n && code == 0; i++) {
        if ((right & UINT32_C(1) << i) != 0)
            code = chunk_take(f, first + i, sealed[i], error);
        else
            code = error_set(error, OUTCOME_V_FAILED,
                             "The vendor's own server gave a chunk %" PRIu64
                             " that is not the listing's. It may be asked again, or an "
                             "arbiter (tidemark trade claim).",
                             first + i);
    }
    return code;
}

/* ---- all together ---- */

/* Of a run of chunks those that the taker has not. */
static int run_fetch(struct fetching *f, uint64_t first, unsigned n, struct tide_error *error)
{
    uint32_t has = f->taker->has != NULL ? f->taker->has(f->taker->ctx, first, n) : 0;
    unsigned n_has = (unsigned)__builtin_popcount(has);
    int code = n_has > 0 ? done_tell(f, n_has, error) : 0;
    for (unsigned i = 0; i < n && code == 0;) {
        unsigned gap = 0;
        while (i + gap < n && (has & UINT32_C(1) << (i + gap)) == 0) gap++;
        if (gap > 0) {
            code = f->content->location != NULL ? chunks_from_location(f, first + i, gap, error)
                                                : chunks_from_store(f, first + i, gap, error);
        }
        i += gap + 1; /* the one behind the gap is there */
    }
    return code;
}

int content_fetch(struct content *content, uint64_t only, struct content_taker *taker, struct tide_error *error)
{
    bool all = only == UINT64_MAX;
    uint64_t first = all ? 0 : only, end = all ? content->c.n_chunks : only + 1;
    struct fetching f = {.content = content, .taker = taker, .n_wanted = end - first};
    int code = 0;
    taker->n_fetched = taker->bytes_fetched = 0;
    if (content->location != NULL && (f.run = malloc(CONTENT_RUN * (size_t)AGE_SEALED_CHUNK_BYTES)) == NULL)
        return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    while (first < end && code == 0) {
        unsigned n = end - first < CONTENT_RUN ? (unsigned)(end - first) : CONTENT_RUN;
        code = run_fetch(&f, first, n, error);
        first += n;
    }
    while (f.window.n > 0 && code == 0) code = chunk_await(&f, error);
    window_drop(&f.window);
    free(f.run);
    return code;
}

/* ---- into a file ---- */
struct file_taker {
    const struct content *content;
    int fd;
    uint8_t *run; /* CONTENT_RUN chunks */
};

static uint32_t file_has(void *ctx, uint64_t first, unsigned n)
{
    const struct file_taker *t = ctx;
    struct bytes sealed[CONTENT_RUN];
    unsigned there = 0;
    size_t at = 0;
    for (; there < n; there++) { /* those that the file is long enough for */
        size_t len = chunk_len(t->content, first + there);
        if (!read_at(t->fd, t->run + at, len, chunk_offset(first + there))) break;
        sealed[there] = BYTES(t->run + at, len);
        at += len;
    }
    return there > 0 ? chunks_right(t->content, first, sealed, there) : 0;
}

static int file_take(void *ctx, uint64_t chunk, struct bytes sealed, struct tide_error *error)
{
    const struct file_taker *t = ctx;
    if (write_at(t->fd, sealed.data, sealed.len, chunk_offset(chunk))) return 0;
    return error_set(error, OUTCOME_C_FILE, "Cannot write the download: %s.", strerror(errno));
}

int content_to_file(struct content *content, int fd, const struct progress *p, uint64_t *n_fetched,
                    uint64_t *bytes_fetched, struct tide_error *error)
{
    struct progress download = *p;
    struct file_taker file = {content, fd, malloc(CONTENT_RUN * (size_t)AGE_SEALED_CHUNK_BYTES)};
    struct content_taker taker = {.ctx = &file, .has = file_has, .take = file_take, .progress = &download};
    int code = file.run == NULL ? error_set(error, OUTCOME_C_NO_MEMORY, NULL) : 0;
    download.what = "download";
    if (code == 0 && !write_at(fd, content->c.nonce, AGE_NONCE_BYTES, 0))
        code = error_set(error, OUTCOME_C_FILE, "Cannot write the download: %s.", strerror(errno));
    if (code == 0) code = content_fetch(content, UINT64_MAX, &taker, error);
    if (code == 0 && ftruncate(fd, (off_t)age_payload_len(content->c.plaintext_len)) != 0)
        code = error_set(error, OUTCOME_C_FILE, "Cannot write the download: %s.", strerror(errno));
    *n_fetched = taker.n_fetched;
    *bytes_fetched = taker.bytes_fetched;
    free(file.run);
    return code;
}
