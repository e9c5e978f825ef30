/*
 * Selling in one go: seal, publish, upload.
 *
 * Always holds: what a listing commits to is the sealed file that lies at sealed_path; a sale that stops anywhere goes
 * on from the fact kept of it, and the market itself refuses a second listing of one sealing.
 * Not here: sealed detail parts (detail.c), waiting for what becomes of it (listing_wait.c), grants (vend.c).
 */
#include "client/lib/jobs.h"
#include "client/lib/schemas.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SALE_FACT_MAX 96

/* ---- the fact of a sale ---- */

/* A sale that is stopped goes on from its files: they are read again then. */
static int must_last(const char *path, struct tide_error *error)
{
    struct stat st;
    bool is_stream = strcmp(path, PATH_STANDARD) == 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
    if (!is_stream) return 0;
    error_set(error, OUTCOME_C_USAGE, "%s cannot be sold: it is no file that is still there when the sale goes on.",
              strcmp(path, PATH_STANDARD) == 0 ? "Standard input" : path);
    if (error != NULL) snprintf(error->hint, sizeof error->hint, "Write it to a file, and sell that.");
    return OUTCOME_C_USAGE;
}

/* "sell:<hex>": the same file (path, size, time), the same title, the same vendor. */
static int fact_name(const struct tide_market *m, const char *path, struct bytes title, char out[SALE_FACT_MAX],
                     struct tide_error *error)
{
    uint8_t hash[HASH_BYTES], numbers[24];
    struct stat st;
    char *real = realpath(path, NULL);
    if (real == NULL || stat(real, &st) != 0) {
        int code = error_file(error, "open", path);
        free(real);
        return code;
    }
    be64_put(numbers, (uint64_t)st.st_size);
    be64_put(numbers + 8, (uint64_t)st.st_mtim.tv_sec);
    be64_put(numbers + 16, (uint64_t)st.st_mtim.tv_nsec);
    struct bytes parts[] = {BYTES(numbers, sizeof numbers), BYTES(identity_party(m->identity), 32),
                            BYTES(real, strlen(real) + 1), title};
    sha256_parts(parts, ARRAY_LEN(parts), hash);
    free(real);
    char *at = stpcpy(out, "sell:");
    for (size_t i = 0; i < HASH_BYTES; i++) at += sprintf(at, "%02x", hash[i]);
    return 0;
}

static int sale_keep(struct tide_market *m, const char *fact, const struct body_sale *sale, struct tide_error *error)
{
    struct codec_writer w;
    arena_reset(&m->scratch);
    codec_writer_init(&w, &m->scratch, 4096);
    fields_encode(&schema_sale, sale, &w);
    enum tide_err err = w.err;
    if (err == TIDE_OK) err = outbox_set_fact(m->outbox, m->url.market, fact, codec_writer_bytes(&w));
    return error_of(error, err, "The outbox");
}

/* False: no such sale yet. */
static bool sale_find(struct tide_market *m, const char *fact, struct body_sale *sale)
{
    struct codec_value value;
    struct bytes bytes;
    arena_reset(&m->scratch);
    return outbox_fact(m->outbox, m->url.market, fact, &m->scratch, &bytes) == TIDE_OK &&
           codec_unpack(bytes, &m->scratch, &value) == TIDE_OK &&
           fields_decode(&schema_sale, value, &m->scratch, sale, NULL) == TIDE_OK;
}

static void sale_fill(struct body_sale *sale, const struct age_commitment *c)
{
    *sale = (struct body_sale){.plaintext_len = c->plaintext_len, .n_chunks = c->n_chunks,
                               .payload_len = age_payload_len(c->plaintext_len)};
    memcpy(sale->nonce, c->nonce, sizeof sale->nonce);
    memcpy(sale->content_root, c->content_root, sizeof sale->content_root);
    memcpy(sale->key_commitment, c->key_commitment, sizeof sale->key_commitment);
}

/* ---- one's own listing of a sealing ---- */

static bool is_zero_hash(const uint8_t hash[HASH_BYTES])
{
    static const uint8_t none[HASH_BYTES];
    return memcmp(hash, none, HASH_BYTES) == 0;
}

/* True if the row may be that of `body`; of what has no content, only the publication tells. */
static bool may_be(const struct body_listing_row *row, const struct body_publish *body)
{
    if (!is_zero_hash(body->key_commitment)) return memcmp(row->key_commitment, body->key_commitment, HASH_BYTES) == 0;
    return row->n_chunks == 0 && row->detail_len == body->detail_len && bytes_equal(row->title, body->title);
}

static bool is_of(const struct tide_doc *doc, const struct body_publish *body)
{
    const struct body_publish *published = listing_published(doc);
    if (!is_zero_hash(body->key_commitment)) return memcmp(published->key_commitment, body->key_commitment, HASH_BYTES) == 0;
    return memcmp(published->detail_commitment, body->detail_commitment, HASH_BYTES) == 0;
}

/* One's own listing of these keys. *listing 0: there is none. */
static int own_listing(struct tide_market *m, const struct body_publish *body, uint64_t *listing, struct tide_doc **doc,
                       const struct body_listing_row **row, struct tide_error *error)
{
    struct body_q_search q = {.mine = 1, .limit = LIMIT_PAGE};
    *listing = 0;
    do {
        struct tide_doc *page;
        int code = market_query(m, VERB_SEARCH, &q, &page, error);
        if (code != 0) return code;
        const struct body_r_search *reply = page->value;
        const struct body_listing_row *rows = reply->listings.items;
        for (size_t i = 0; i < reply->listings.n && *listing == 0 && code == 0; i++) {
            if (!may_be(&rows[i], body)) continue;
            code = row_of_listing(m, rows[i].listing, doc, row, error);
            if (code == 0 && is_of(*doc, body)) *listing = rows[i].listing;
            else if (code == 0) tide_doc_free(doc);
        }
        bool on = reply->before != 0 && (q.before == 0 || reply->before < q.before);
        q.before = on ? reply->before : 0;
        tide_doc_free(&page);
        if (code != 0) return code;
    } while (*listing == 0 && q.before != 0);
    return 0;
}

static bool is_final(uint64_t state)
{
    return state == LISTING_REFUSED || state == LISTING_CLOSED;
}

/* ---- the sealed file of a sale ---- */

/* A sealed file that lies there already, from an earlier try: is it this file's? */
static int sale_adopt(struct tide_market *m, const char *path, const char *sealed_path, const struct progress *p,
                      struct body_sale *sale, struct tide_error *error)
{
    struct sealed_file f;
    struct age_commitment c = {0};
    struct progress check = *p;
    uint64_t size;
    int fd = -1;

    check.what = "check";
    int code = sealed_open(m->identity, sealed_path, &f, error);
    if (code != 0) return code;
    code = file_open(path, &fd, &size, error);
    if (code == 0 && size != f.plaintext_len) code = OUTCOME_V_DAMAGED;
    if (code == 0) code = sealed_hash(&f, -1, fd, &check, c.content_root, error);
    if (code == OUTCOME_V_DAMAGED) {
        code = error_set(error, OUTCOME_C_FILE,
                         "%s is there already and holds something else than %s: move it away, or seal "
                         "into another file.",
                         sealed_path, path);
    }
    if (code == 0) {
        c.plaintext_len = f.plaintext_len;
        c.n_chunks = f.n_chunks;
        memcpy(c.nonce, f.nonce, sizeof c.nonce);
        age_key_commitment(f.file_key, f.nonce, c.key_commitment);
        sale_fill(sale, &c);
    }
    if (fd >= 0) close(fd);
    sealed_close(&f);
    return code;
}

static int sale_seal(struct tide_market *m, const char *path, const char *sealed_path, const struct progress *p,
                     struct body_sale *sale, struct tide_error *error)
{
    struct age_commitment c;
    struct progress seal = *p;
    seal.what = "seal";
    int code = file_seal(m->identity, path, sealed_path, &seal, &c, error);
    if (code == 0) sale_fill(sale, &c);
    return code;
}

/* True if the file at `sealed_path` is the sealing that the sale is about. */
static bool sale_has_file(struct tide_market *m, const char *sealed_path, const struct body_sale *sale)
{
    struct sealed_file f;
    if (sealed_open(m->identity, sealed_path, &f, NULL) != 0) return false;
    bool same = memcmp(f.nonce, sale->nonce, sizeof f.nonce) == 0 && f.payload_len == sale->payload_len;
    sealed_close(&f);
    return same;
}

/* The listing of a sealing whose file is gone, whatever its detail part. */
static int sealing_listed(struct tide_market *m, const struct body_sale *sale, uint64_t *listing, struct tide_doc **doc,
                          const struct body_listing_row **row, struct tide_error *error)
{
    struct body_publish body = {0};
    memcpy(body.key_commitment, sale->key_commitment, HASH_BYTES);
    return own_listing(m, &body, listing, doc, row, error);
}

/* Makes sure of a sale with its sealed file, or of one that needs none any more. */
static int sale_prepare(struct tide_market *m, const char *path, const char *sealed_path, const char *fact,
                        const struct progress *p, struct body_sale *sale, struct tide_error *error)
{
    const struct body_listing_row *row = NULL;
    struct tide_doc *doc = NULL;
    bool over = false;
    int code = 0;

    if (sale_find(m, fact, sale)) {
        uint64_t listing = sale->listing;
        bool has_file = sale_has_file(m, sealed_path, sale);
        if (listing != 0) code = row_of_listing(m, listing, &doc, &row, error);
        else if (!has_file) code = sealing_listed(m, sale, &listing, &doc, &row, error);
        if (code != 0) return code;
        over = listing != 0 && is_final(row->state); /* a key is used once: another listing needs another sealing */
        bool needs_file = listing == 0 || row->state == LISTING_AWAITING;
        tide_doc_free(&doc);
        if (!over && (has_file || !needs_file)) return 0;
        if (!over && listing != 0) {
            return error_set(error, OUTCOME_C_FILE,
                             "Listing %" PRIu64 " waits for the content of %s, which is not there any "
                             "more: put it back, or close the listing.",
                             listing, sealed_path);
        }
    } else if (access(sealed_path, F_OK) == 0) {
        code = sale_adopt(m, path, sealed_path, p, sale, error);
        return code != 0 ? code : sale_keep(m, fact, sale, error);
    }
    code = sale_seal(m, path, sealed_path, p, sale, error);
    return code != 0 ? code : sale_keep(m, fact, sale, error);
}

/* ---- publishing ---- */
static void publish_fill(struct tide_doc *listing, const struct body_sale *sale)
{
    struct body_publish *body = listing->value;
    body->plaintext_len = sale->plaintext_len;
    body->n_chunks = sale->n_chunks;
    body->payload_len = sale->payload_len;
    memcpy(body->nonce, sale->nonce, sizeof body->nonce);
    memcpy(body->content_root, sale->content_root, sizeof body->content_root);
    memcpy(body->key_commitment, sale->key_commitment, sizeof body->key_commitment);
    memset(listing->texts, 0, listing->schema->n_fields * sizeof *listing->texts);
}

/* The listing's name out of the events that came with the answer; 0: they did not. */
static uint64_t listed_index(const struct tide_doc *answer)
{
    const struct body_r_submit *reply = answer->value;
    const struct body_record_row *rows = reply->events.items;
    struct record record;
    struct event event;
    for (size_t i = 0; i < reply->events.n; i++) {
        if (record_decode(rows[i].record, answer->arena, &record) != TIDE_OK || record.type != RECORD_EVENT) continue;
        if (event_decode(record.payload, answer->arena, &event) == TIDE_OK && event.kind == KIND_LISTED)
            return record.index;
    }
    return 0;
}

/*
 * The listing that an earlier try made: it must be the one that is asked for now. *listing 0: there is none that goes on (a detail
 * part's key was used by another).
 */
static int published_before(struct tide_market *m, const struct body_publish *body, uint64_t *listing, struct tide_error *error)
{
    const struct body_listing_row *row = NULL;
    uint8_t terms_hash[HASH_BYTES];
    struct tide_doc *doc = NULL;
    int code = own_listing(m, body, listing, &doc, &row, error);
    if (code != 0 || *listing == 0) return code;
    sha256(body->terms, terms_hash);
    bool same = bytes_equal(row->title, body->title) && memcmp(row->terms_hash, terms_hash, HASH_BYTES) == 0;
    if (is_final(row->state)) {
        *listing = 0;
    } else if (!same) {
        code = error_set(error, OUTCOME_ALREADY_LISTED,
                         "The sealed file is listing %" PRIu64 " already, with another title or "
                         "other terms.",
                         *listing);
    }
    tide_doc_free(&doc);
    return code;
}

static int publish_once(struct tide_market *m, const struct body_publish *body, uint64_t *listing, struct tide_error *error)
{
    struct tide_doc *answer = NULL;
    int code = market_state(m, &schema_publish, body, &answer, error);
    if (code == 0) *listing = listed_index(answer);
    tide_doc_free(&answer);
    if (code == OUTCOME_ALREADY_LISTED || (code == 0 && *listing == 0)) code = published_before(m, body, listing, error);
    return code;
}

/* A detail part whose key an older listing used up is sealed anew. */
static int sale_publish(struct tide_market *m, const struct tide_sale *files, struct tide_doc *listing, const char *fact,
                        struct body_sale *sale, struct tide_error *error)
{
    struct body_publish *body = listing->value;
    int code = files->detail_path != NULL ? detail_prepare(m, files, false, body, error) : 0;
    if (code == 0) code = publish_once(m, body, &sale->listing, error);
    if (code == 0 && sale->listing == 0 && files->detail_path != NULL) {
        code = detail_prepare(m, files, true, body, error);
        if (code == 0) code = publish_once(m, body, &sale->listing, error);
    }
    if (code == 0 && sale->listing == 0) code = error_set(error, OUTCOME_ALREADY_LISTED, NULL);
    memset(listing->texts, 0, listing->schema->n_fields * sizeof *listing->texts);
    return code != 0 ? code : sale_keep(m, fact, sale, error);
}

/* A sale of what has no content goes on while its listing does. */
static int service_prepare(struct tide_market *m, const char *fact, struct body_sale *sale, struct tide_error *error)
{
    const struct body_listing_row *row;
    struct tide_doc *doc;
    if (!sale_find(m, fact, sale) || sale->listing == 0) return 0;
    int code = row_of_listing(m, sale->listing, &doc, &row, error);
    if (code != 0) return code;
    if (is_final(row->state)) sale->listing = 0;
    tide_doc_free(&doc);
    return 0;
}

/* ---- in public ---- */
static int part_upload(struct tide_market *m, struct stored_part part, const char *sealed_path, const struct progress *p,
                       struct tide_error *error)
{
    struct sealed_file f;
    int code = sealed_open(m->identity, sealed_path, &f, error);
    if (code != 0) return code;
    code = content_upload(m, part, &f, p, error);
    sealed_close(&f);
    return code;
}

/* What a listing that awaits its content still needs. */
static int sale_upload(struct tide_market *m, const struct tide_sale *files, uint64_t listing, const struct progress *p,
                       struct tide_error *error)
{
    const struct body_listing_row *row;
    struct tide_doc *doc;
    int code = row_of_listing(m, listing, &doc, &row, error);
    if (code != 0) return code;
    bool awaits = row->state == LISTING_AWAITING, has_detail = listing_published(doc)->detail_len > 0;
    bool elsewhere = listing_published(doc)->location.len > 0;
    tide_doc_free(&doc);
    if (!has_detail && files->detail_path != NULL) {
        return error_set(error, OUTCOME_C_USAGE, "Listing %" PRIu64 " was published without a detail part; a revision can have one.",
                         listing);
    }
    if (!awaits) return 0;
    if (files->path != NULL) {
        const struct stored_part content = {.listing = listing, .manifest_only = elsewhere};
        code = part_upload(m, content, files->sealed_path, p, error);
    }
    if (code != 0 || !has_detail) return code;
    if (files->detail_path == NULL) {
        return error_set(error, OUTCOME_C_USAGE, "Listing %" PRIu64 " waits for its detail part, which was not named.", listing);
    }
    return part_upload(m, (struct stored_part){.listing = listing, .part = PART_DETAIL}, files->sealed_detail_path, p, error);
}

int tide_upload(struct tide_market *market, uint64_t listing, const char *sealed_path, tide_progress progress,
                void *ctx, struct tide_error *error)
{
    struct progress p = {progress, ctx, market, "upload"};
    error_clear(error);
    int code = need_identity(market, error);
    return code != 0 ? code : part_upload(market, (struct stored_part){.listing = listing}, sealed_path, &p, error);
}

uint64_t tide_market_sent_chunks(const struct tide_market *market)
{
    return market->n_chunks_sent;
}

int tide_sell(struct tide_market *market, const char *path, const char *sealed_path, struct tide_doc *listing,
              tide_progress progress, void *ctx, uint64_t *index, struct tide_error *error)
{
    const struct tide_sale files = {.path = path, .sealed_path = sealed_path};
    return tide_sell_with(market, &files, listing, progress, ctx, index, error);
}

int tide_sell_with(struct tide_market *market, const struct tide_sale *files, struct tide_doc *listing,
                   tide_progress progress, void *ctx, uint64_t *index, struct tide_error *error)
{
    struct progress p = {progress, ctx, market, "sell"};
    const char *named = files->path != NULL ? files->path : files->detail_path;
    struct body_sale sale = {0};
    char fact[SALE_FACT_MAX];

    error_clear(error);
    *index = 0;
    if (listing == NULL || listing->schema != &schema_publish) {
        return error_set(error, OUTCOME_C_USAGE, "What is sold is described by a \"publish\" document.");
    }
    if (named == NULL) return error_set(error, OUTCOME_C_USAGE, "Neither content nor a detail part is named.");
    int code = need_identity(market, error);
    if (code == 0 && files->path != NULL) code = must_last(files->path, error);
    if (code == 0 && files->detail_path != NULL) code = must_last(files->detail_path, error);
    if (code == 0) code = fact_name(market, named, ((const struct body_publish *)listing->value)->title, fact, error);
    if (code == 0 && files->path == NULL) code = service_prepare(market, fact, &sale, error);
    if (code == 0 && files->path != NULL) {
        code = sale_prepare(market, files->path, files->sealed_path, fact, &p, &sale, error);
        if (code == 0) publish_fill(listing, &sale);
    }
    if (code == 0 && sale.listing == 0) code = sale_publish(market, files, listing, fact, &sale, error);
    if (code != 0) return code;
    *index = sale.listing;
    return sale_upload(market, files, sale.listing, &p, error);
}
