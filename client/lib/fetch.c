/*
 * Fetching what was bought: download, check, open.
 *
 * Always holds: the grant is opened and its key held against the listing's commitment before a byte is downloaded; the
 * plaintext appears under its name only if every chunk was right and every sample as signed; what was downloaded before an
 * interruption is kept in out_path.part and checked again. One process at a time works on that, and it is a plain file of one's
 * own (part.h).
 * Not here: moving chunks (download.c), the single checks (purchase.c).
 */
#include "client/lib/part.h"
#include "client/lib/purchase.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what is kept ---- */
static int keep_key(const struct purchase *b, const char *path, struct tide_error *error)
{
    char text[BECH32_TEXT_MAX + 2];
    bech32_encode(AGE_SECRET_PREFIX, b->secret, text);
    size_t len = strlen(text);
    text[len++] = '\n';
    int code = file_store(path, 0600, BYTES(text, len), error);
    explicit_bzero(text, sizeof text);
    return code;
}

/* Copies a whole file behind what is in `to`. */
static bool append_file(int to, int from)
{
    uint8_t piece[65536];
    uint64_t at = 0;
    for (;;) {
        ssize_t n = pread(from, piece, sizeof piece, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n == 0;
        for (ssize_t done = 0; done < n;) {
            ssize_t w = write(to, piece + done, (size_t)(n - done));
            if (w < 0 && errno == EINTR) continue;
            if (w < 0) return false;
            done += w;
        }
        at += (uint64_t)n;
    }
}

/* grant ‖ payload: an ordinary age file. */
static int keep_sealed(const struct purchase *b, int payload_fd, const char *path, struct tide_error *error)
{
    struct new_file f;
    struct bytes grant = b->trade->grant;
    int code = new_file_open(&f, path, 0666, error);
    if (code != 0) return code;
    bool ok = write_at(f.fd, grant.data, grant.len, 0) && lseek(f.fd, (off_t)grant.len, SEEK_SET) >= 0;
    if (ok && payload_fd >= 0) ok = append_file(f.fd, payload_fd);
    if (ok) return new_file_commit(&f, error);
    code = error_file(error, "write", path);
    new_file_drop(&f);
    return code;
}

/* ---- opening ---- */

/* A delivery on its way. */
struct fetch {
    struct tide_market *m;
    struct purchase b;
    struct content content;
    const struct progress *p;
    struct examined result;
    struct part_file part;   /* nonce ‖ chunks, each right by the manifest */
    uint8_t *sealed, *plain; /* scratch, a chunk each */
};

/* What a judge would find in chunk `chunk` of what was downloaded. */
static int chunk_judge(struct fetch *f, uint64_t chunk, struct tide_error *error)
{
    struct evidence evidence;
    enum finding finding;
    size_t len = age_sealed_chunk_len(f->b.content.plaintext_len, chunk);
    uint64_t offset = AGE_NONCE_BYTES + chunk * AGE_SEALED_CHUNK_BYTES;
    if (!read_at(f->part.fd, f->sealed, len, offset)) return error_file(error, "read", "the download");
    finding = chunk_examine(&f->b, chunk, BYTES(f->sealed, len), f->plain);
    if (finding == FINDING_NOT_PROVEN) return 0;
    int code = evidence_make(&f->b, &f->content, chunk, BYTES(f->sealed, len), &evidence, &finding, error);
    explicit_bzero(&evidence, sizeof evidence);
    if (code != 0 || !finding_is_fault(finding)) return code;
    f->result.finding = finding;
    f->result.chunk = chunk;
    return finding_error(&f->b, finding, chunk, error);
}

/* It did not open: which chunk is the first that does not? */
static int bad_chunk_find(struct fetch *f, struct tide_error *error)
{
    struct progress looking = *f->p;
    looking.what = "examine";
    for (uint64_t chunk = 0; chunk < f->b.content.n_chunks; chunk++) {
        int code = chunk_judge(f, chunk, error);
        f->result.n_checked = chunk + 1;
        if (code != 0) return code;
        if (chunk % 256 == 0 && !progress_tell(&looking, chunk, f->b.content.n_chunks))
            return progress_stopped(&looking, error);
    }
    return error_set(error, OUTCOME_C_FILE,
                     "The download changed while it was opened. The same command opens it again.");
}

/* What was opened, against what the vendor signed: the first chunk that differs, of all that were shown. */
static int samples_compare(struct fetch *f, int plain_fd, struct tide_error *error)
{
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < f->b.samples.n; i++) {
        uint64_t chunk = f->b.samples.chunks[i].chunk;
        size_t len = age_sealed_chunk_len(f->b.content.plaintext_len, chunk) - AGE_TAG_BYTES;
        if (!read_at(plain_fd, f->plain, len, chunk * AGE_CHUNK_BYTES))
            return error_file(error, "read", "what was opened");
        if (chunk < first && !chunk_is_as_sampled(&f->b, chunk, BYTES(f->plain, len))) first = chunk;
    }
    return first == UINT64_MAX ? 0 : chunk_judge(f, first, error);
}

/* Chunks were right by the manifest a moment ago, so that nothing is hashed again: each one's tag tells whether it opens. */
static int payload_open(struct fetch *f, const char *out_path, struct tide_error *error)
{
    struct progress opening = *f->p;
    const struct age_work work = {.progress = progress_age, .progress_ctx = &opening};
    struct part_file out; /* what a killed run left is written over: nothing piles up */
    struct stat st;
    opening.what = "open";
    if (lseek(f->part.fd, 0, SEEK_SET) < 0) return error_file(error, "read", out_path);
    int code = part_open(&out, out_path, error);
    if (code == 0) code = part_restart(&out, error);
    if (code != 0) {
        part_drop(&out);
        return code;
    }
    enum tide_err err = age_payload_open(f->part.fd, out.fd, f->b.file_key, NULL, &work);
    if (err == TIDE_OK && (fstat(out.fd, &st) != 0 || (uint64_t)st.st_size != f->b.content.plaintext_len))
        err = TIDE_EAUTH;
    if (err == TIDE_ECANCELED)
        code = progress_stopped(f->p, error);
    else if (err == TIDE_EAUTH || err == TIDE_EMALFORMED)
        code = bad_chunk_find(f, error);
    else if (err != TIDE_OK)
        code = error_set(error, OUTCOME_C_FILE, "Opening into %s: %s.", out_path, tide_err_text(err));
    else
        f->result.n_checked = f->b.content.n_chunks;
    if (code == 0) code = samples_compare(f, out.fd, error);
    if (code == 0) return part_commit(&out, error);
    part_drop(&out);
    return code;
}

/* ---- fetching ---- */
static int scratch_make(struct fetch *f, struct tide_error *error)
{
    f->sealed = malloc(AGE_SEALED_CHUNK_BYTES);
    f->plain = malloc(AGE_CHUNK_BYTES);
    return f->sealed == NULL || f->plain == NULL ? error_set(error, OUTCOME_C_NO_MEMORY, NULL) : 0;
}

static int content_get(struct fetch *f, const char *out_path, const char *sealed_path, struct tide_error *error)
{
    int code = scratch_make(f, error);
    if (code == 0) code = part_open_as(&f->part, out_path, ".part", error);
    if (code == 0) code = purchase_content(f->m, &f->b, &f->content, error);
    if (code == 0)
        code = content_to_file(&f->content, f->part.fd, f->p, &f->result.n_fetched, &f->result.bytes_fetched, error);
    if (code == 0) code = payload_open(f, out_path, error);
    if (code == 0 && sealed_path != NULL) code = keep_sealed(&f->b, f->part.fd, sealed_path, error);
    if (code == 0) part_drop(&f->part);
    return code;
}

/* `api` and `compute`: the grant is a whole age file with the credential in it. */
static int credential_keep(struct fetch *f, const uint8_t *plain, size_t len, const char *out_path,
                           const char *sealed_path, struct tide_error *error)
{
    int code = file_store(out_path, 0600, BYTES(plain, len), error);
    return code == 0 && sealed_path != NULL ? keep_sealed(&f->b, -1, sealed_path, error) : code;
}

static int delivery_get(struct fetch *f, const char *out_path, const char *sealed_path, struct tide_error *error)
{
    uint8_t *credential = NULL;
    size_t len = 0;
    f->result.finding = grant_examine(&f->b, &credential, &len);
    int code = 0;
    if (f->result.finding != FINDING_NOT_PROVEN)
        code = finding_error(&f->b, f->result.finding, 0, error);
    else if (purchase_has_content(&f->b))
        code = content_get(f, out_path, sealed_path, error);
    else
        code = credential_keep(f, credential, len, out_path, sealed_path, error);
    if (credential != NULL) explicit_bzero(credential, len);
    free(credential);
    return code;
}

static void fetch_drop(struct fetch *f)
{
    content_close(&f->content);
    part_close(&f->part);
    if (f->plain != NULL) explicit_bzero(f->plain, AGE_CHUNK_BYTES);
    free(f->plain);
    free(f->sealed);
    purchase_drop(&f->b);
}

int tide_fetch_report(struct tide_market *market, uint64_t trade, const char *out_path, const char *keep_sealed_path,
                      const char *keep_key_path, tide_progress progress, void *ctx, struct tide_doc **report,
                      struct tide_error *error)
{
    const struct progress p = {progress, ctx, market, "download"};
    struct fetch f = {.m = market, .content = {.manifest_fd = -1}, .p = &p, .part = {.fd = -1}};
    error_clear(error);
    if (report != NULL) *report = NULL;
    int code = need_identity(market, error);
    if (code == 0) code = purchase_get(market, trade, &f.b, error);
    if (code == 0) {
        code = delivery_get(&f, out_path, keep_sealed_path, error);
        if (code == 0 && keep_key_path != NULL) code = keep_key(&f.b, keep_key_path, error);
        if (code == 0 || code == OUTCOME_V_DAMAGED) { /* the error stays, should there be no memory for the report */
            int made = delivery_report(&f.b, &f.result, report, NULL);
            if (code == 0 && made != 0) code = error_set(error, made, NULL);
        }
    }
    fetch_drop(&f);
    return code;
}

int tide_fetch(struct tide_market *market, uint64_t trade, const char *out_path, const char *keep_sealed_path,
               const char *keep_key_path, tide_progress progress, void *ctx, struct tide_error *error)
{
    return tide_fetch_report(market, trade, out_path, keep_sealed_path, keep_key_path, progress, ctx, NULL, error);
}

int tide_credential_open(struct tide_market *market, uint64_t trade, uint8_t **out, size_t *len,
                         struct tide_error *error)
{
    struct purchase b = {0};
    error_clear(error);
    *out = NULL;
    *len = 0;
    int code = need_identity(market, error);
    if (code == 0) code = purchase_get(market, trade, &b, error);
    if (code == 0 && purchase_has_content(&b)) {
        code = error_set(error, OUTCOME_WRONG_STATE, "Trade %" PRIu64 " brings content, no credential.", trade);
    } else if (code == 0) {
        enum finding finding = grant_examine(&b, out, len);
        if (finding != FINDING_NOT_PROVEN) code = finding_error(&b, finding, 0, error);
    }
    purchase_drop(&b);
    return code;
}
