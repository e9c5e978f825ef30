/*
 * Fetching what was bought: download, check, open.
 *
 * Always holds: the grant is opened and its key held against the listing's commitment before a byte is downloaded; the
 * plaintext appears under its name only if every chunk was right; what was downloaded before an interruption is kept in
 * out_path.part and checked again.
 * Not here: moving chunks (transfer.c).
 */
#include "client/lib/jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct purchase {
    struct tide_doc *trade_doc, *listing_doc;
    const struct body_trade_row *trade;
    const struct body_listing_row *listing;
    uint8_t secret[32];                     /* of the bid's recipient */
    uint8_t file_key[AGE_FILE_KEY_BYTES];
};

static void purchase_drop(struct purchase *b)
{
    tide_doc_free(&b->trade_doc);
    tide_doc_free(&b->listing_doc);
    explicit_bzero(b, sizeof *b);
}

/* ---- keys ---- */
static bool secret_is_of(const struct identity *id, const struct body_trade_row *trade, uint8_t secret[32])
{
    uint8_t recipient[32];
    identity_bid_key(id, trade->bid_command, trade->bid_item, secret, recipient);
    return memcmp(recipient, trade->recipient, 32) == 0;
}

/* The one-time secret, by the present seed or an older one. */
static int secret_find(const struct tide_market *m, struct purchase *b, struct tide_error *error)
{
    if (secret_is_of(m->identity, b->trade, b->secret)) return 0;
    for (size_t i = 0; i < identity_n_older(m->identity); i++) {
        if (secret_is_of(identity_older(m->identity, i), b->trade, b->secret)) return 0;
    }
    return error_set(error, OUTCOME_C_BAD_IDENTITY,
                     "The grant of trade %" PRIu64 " is for a recipient that this identity did not make.",
                     b->trade->trade);
}

static int grant_open(struct purchase *b, struct tide_error *error)
{
    uint8_t commitment[HASH_BYTES];
    size_t len;
    enum tide_err err = age_header_open(b->trade->grant, b->secret, b->file_key, &len);
    if (err != TIDE_OK || len != b->trade->grant.len) {
        return error_set(error, OUTCOME_V_DAMAGED,
                         "The grant of trade %" PRIu64 " does not open with the key it was asked for.",
                         b->trade->trade);
    }
    age_key_commitment(b->file_key, b->listing->nonce, commitment);
    if (memcmp(commitment, b->listing->key_commitment, HASH_BYTES) == 0) return 0;
    return error_set(error, OUTCOME_V_DAMAGED,
                     "The key granted in trade %" PRIu64 " is not the one that the listing commits to.",
                     b->trade->trade);
}

static int purchase_get(struct tide_market *m, uint64_t trade, struct purchase *b, struct tide_error *error)
{
    int code = row_of_trade(m, trade, &b->trade_doc, &b->trade, error);
    if (code != 0) return code;
    if (!identity_had(m->identity, b->trade->buyer)) {
        return error_set(error, OUTCOME_NOT_YOURS, "Trade %" PRIu64 " has another buyer.", trade);
    }
    if (b->trade->grant.len == 0) {
        return error_set(error, OUTCOME_WRONG_STATE, "Trade %" PRIu64 " is %s: there is no grant.", trade,
                         field_enum_name(fields_find(&schema_trade_row, "state"), b->trade->state));
    }
    code = row_of_listing(m, b->trade->listing, &b->listing_doc, &b->listing, error);
    if (code == 0) code = settlement_check(m, b->trade, b->listing, error);
    if (code == 0) code = signed_check(m, b->trade, b->listing, error);
    if (code == 0) code = secret_find(m, b, error);
    if (code == 0 && b->listing->n_chunks > 0) code = grant_open(b, error);
    return code;
}

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
static int payload_open(const struct purchase *b, const struct age_commitment *c, int fd, const char *out_path,
                        const struct progress *p, struct tide_error *error)
{
    struct progress opening = *p;
    struct age_work work = {.progress = progress_age, .progress_ctx = &opening};
    struct new_file f;
    opening.what = "open";
    if (lseek(fd, 0, SEEK_SET) < 0) return error_file(error, "read", out_path);
    int code = new_file_open(&f, out_path, 0666, error);
    if (code != 0) return code;
    enum tide_err err = age_payload_open(fd, f.fd, b->file_key, c, &work);
    if (err == TIDE_OK) return new_file_commit(&f, error);
    new_file_drop(&f);
    if (err == TIDE_ECANCELED) return progress_stopped(p, error);
    if (err == TIDE_EAUTH || err == TIDE_EMALFORMED) {
        return error_set(error, OUTCOME_V_DAMAGED,
                         "The content of trade %" PRIu64 " does not open with the key that was granted.",
                         b->trade->trade);
    }
    return error_set(error, OUTCOME_C_FILE, "Opening into %s: %s.", out_path, tide_err_text(err));
}

static int content_fetch(struct tide_market *m, const struct purchase *b, const char *out_path, const char *sealed_path,
                         const struct progress *p, struct tide_error *error)
{
    struct age_commitment c;
    char *part = NULL;
    listing_commitment(b->listing, &c);
    if (c.n_chunks != age_n_chunks(c.plaintext_len)) {
        return error_set(error, OUTCOME_V_FAILED, "Listing %" PRIu64 " has lengths that do not agree.",
                         b->listing->listing);
    }
    if (asprintf(&part, "%s.part", out_path) < 0) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    int fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    int code = fd < 0 ? error_file(error, "write", part) : 0;
    if (code == 0) code = content_download(m, b->listing->listing, &c, fd, p, error);
    if (code == 0) code = payload_open(b, &c, fd, out_path, p, error);
    if (code == 0 && sealed_path != NULL) code = keep_sealed(b, fd, sealed_path, error);
    if (code == 0) unlink(part);
    if (fd >= 0) close(fd);
    free(part);
    return code;
}

/* `api` and `compute`: the grant is a whole age file with the credential in it. */
static int credential_open(const struct purchase *b, const char *out_path, const char *sealed_path,
                           struct tide_error *error)
{
    uint8_t *plain;
    size_t len;
    if (age_file_open(b->trade->grant, b->secret, &plain, &len) != TIDE_OK) {
        return error_set(error, OUTCOME_V_DAMAGED, "The credential of trade %" PRIu64 " does not open.",
                         b->trade->trade);
    }
    int code = file_store(out_path, 0600, BYTES(plain, len), error);
    explicit_bzero(plain, len);
    free(plain);
    if (code == 0 && sealed_path != NULL) code = keep_sealed(b, -1, sealed_path, error);
    return code;
}

int tide_fetch(struct tide_market *market, uint64_t trade, const char *out_path, const char *keep_sealed_path,
               const char *keep_key_path, tide_progress progress, void *ctx, struct tide_error *error)
{
    struct progress p = {progress, ctx, market, "download"};
    struct purchase b = {0};
    error_clear(error);
    int code = need_identity(market, error);
    if (code == 0) code = purchase_get(market, trade, &b, error);
    if (code == 0 && b.listing->n_chunks > 0) code = content_fetch(market, &b, out_path, keep_sealed_path, &p, error);
    else if (code == 0) code = credential_open(&b, out_path, keep_sealed_path, error);
    if (code == 0 && keep_key_path != NULL) code = keep_key(&b, keep_key_path, error);
    purchase_drop(&b);
    return code;
}
