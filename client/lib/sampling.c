/*
 * Answering the draw of a sample: the chunks that the log drew are opened, signed by their hashes, and shown.
 *
 * Always holds: chunks are shown of one draw only, the one that the log gave at the listing's approval, and only as many as its
 * vendor signed; a broker that shows another seed gets nothing. A chunk is what this identity sealed: it opens with the key that
 * the listing commits to, which nobody else has while a listing is `sampling`. Done twice, by two machines or after a
 * crash, it comes to the same.
 * Not here: which listings wait for it (vend.c), how chunks are drawn (storage/sample_draw.h).
 */
#include "client/lib/content.h"
#include "storage/sample_draw.h"

#include <inttypes.h>
#include <stdlib.h>

#define PUT_PATIENCE_MS 30000

struct sampling {
    struct tide_market *m;
    uint64_t listing;
    const char *sealed_path; /* NULL: none is at hand */
    struct tide_doc *row_doc, *publish_doc;
    const struct body_listing_row *row;
    const struct body_publish *publish; /* as signed by this identity */
    uint8_t key[32];                    /* of the payload */
    size_t n;
    uint64_t chunks[LIMIT_SAMPLES];
    size_t lens[LIMIT_SAMPLES];
    uint8_t *plains; /* AGE_CHUNK_BYTES each */
};

static uint8_t *plain_at(const struct sampling *s, size_t i)
{
    return s->plains + i * AGE_CHUNK_BYTES;
}

/* ---- what was drawn ---- */

static int differs(const struct sampling *s, struct tide_error *error)
{
    return error_set(error, OUTCOME_V_FAILED, "What the broker shows of listing %" PRIu64 " is not what was published; nothing "
                                              "was shown of it.", s->listing);
}

static int publish_check(struct sampling *s, struct tide_error *error)
{
    int code = publish_proven(s->m, s->listing, &s->publish_doc, &s->publish, error);
    if (code != 0) return code;
    const struct body_publish *p = s->publish;
    bool same = p->n_chunks == s->row->n_chunks && p->plaintext_len == s->row->plaintext_len && p->samples == s->row->samples &&
                memcmp(p->nonce, s->row->nonce, sizeof p->nonce) == 0 &&
                memcmp(p->content_root, s->row->content_root, HASH_BYTES) == 0 &&
                memcmp(p->key_commitment, s->row->key_commitment, HASH_BYTES) == 0;
    bool sound = p->samples > 0 && p->samples <= LIMIT_SAMPLES && p->samples <= p->n_chunks / 20 &&
                 p->n_chunks == age_n_chunks(p->plaintext_len);
    return same && sound ? 0 : differs(s, error);
}

/* ---- the chunks ---- */

static bool chunk_open(struct sampling *s, size_t i, struct bytes sealed)
{
    uint64_t chunk = s->chunks[i];
    s->lens[i] = sealed.len - AGE_TAG_BYTES;
    return sealed.len == age_sealed_chunk_len(s->publish->plaintext_len, chunk) &&
           age_chunk_open(s->key, chunk, chunk + 1 == s->publish->n_chunks, sealed, plain_at(s, i)) == TIDE_OK;
}

/* False: the file is not at hand, or is not it (any more). */
static bool chunks_read(struct sampling *s, uint8_t room[AGE_SEALED_CHUNK_BYTES])
{
    struct sealed_file f;
    if (s->sealed_path == NULL || sealed_open(s->m->identity, s->sealed_path, &f, NULL) != 0) return false;
    bool good = memcmp(f.nonce, s->publish->nonce, sizeof f.nonce) == 0 && f.plaintext_len == s->publish->plaintext_len;
    for (size_t i = 0; i < s->n && good; i++) {
        size_t len;
        good = sealed_chunk(&f, s->chunks[i], room, &len) && chunk_open(s, i, BYTES(room, len));
    }
    sealed_close(&f);
    return good;
}

static int chunk_take(void *ctx, uint64_t chunk, struct bytes sealed, struct tide_error *error)
{
    struct sampling *s = ctx;
    size_t i = 0;
    while (i < s->n && s->chunks[i] != chunk) i++;
    if (i < s->n && chunk_open(s, i, sealed)) return 0;
    return error_set(error, OUTCOME_V_DAMAGED, "Chunk %" PRIu64 " of listing %" PRIu64 " does not open.", chunk, s->listing);
}

/* From the market's store, or the vendor's own location. */
static int chunks_fetch(struct sampling *s, const struct progress *p, struct tide_error *error)
{
    struct age_commitment c;
    struct content content;
    struct progress quiet = *p;
    struct content_taker taker = {.ctx = s, .take = chunk_take, .progress = &quiet};
    quiet.tell = NULL;
    quiet.what = "sample";
    listing_commitment(s->row, &c);
    int code = content_open(s->m, s->listing, PART_CONTENT, &c, s->publish->location, &content, error);
    for (size_t i = 0; i < s->n && code == 0; i++) code = content_fetch(&content, s->chunks[i], &taker, error);
    content_close(&content);
    return code;
}

static int chunks_get(struct sampling *s, const struct progress *p, struct tide_error *error)
{
    uint8_t file_key[AGE_FILE_KEY_BYTES], *room = malloc(AGE_SEALED_CHUNK_BYTES);
    s->plains = calloc(s->n, AGE_CHUNK_BYTES);
    if (room == NULL || s->plains == NULL) {
        free(room);
        return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    }
    int code = file_key_find(s->m, s->listing, s->publish->nonce, s->publish->key_commitment, file_key, error);
    if (code == 0) age_payload_key(file_key, s->publish->nonce, s->key);
    explicit_bzero(file_key, sizeof file_key);
    if (code == 0 && !chunks_read(s, room)) code = chunks_fetch(s, p, error);
    free(room);
    return code;
}

/* ---- signing and showing ---- */

static int sample_state(struct sampling *s, struct tide_error *error)
{
    struct sample_chunk chunks[LIMIT_SAMPLES];
    struct body_sample body = {.listing = s->listing, .chunks = {chunks, s->n}};
    memset(chunks, 0, sizeof chunks);
    for (size_t i = 0; i < s->n; i++) {
        chunks[i].chunk = s->chunks[i];
        sha256(BYTES(plain_at(s, i), s->lens[i]), chunks[i].hash);
    }
    int code = market_state(s->m, &schema_sample, &body, NULL, error);
    return code == OUTCOME_WRONG_STATE ? 0 : code; /* another machine was quicker: what is shown tells */
}

/* True once the listing is not sampling any more: whoever put the last chunk. */
static int is_over_now(struct sampling *s, bool *over, struct tide_error *error)
{
    const struct body_listing_row *row;
    struct tide_doc *doc;
    int code = row_of_listing(s->m, s->listing, &doc, &row, error);
    if (code != 0) return code;
    *over = row->state != LISTING_SAMPLING;
    tide_doc_free(&doc);
    return 0;
}

/* The data door may not know yet what was signed a moment ago. */
static int sample_put(struct sampling *s, size_t i, bool *over, struct tide_error *error)
{
    struct body_q_put_sample q = {.listing = s->listing, .chunk = s->chunks[i], .plain = BYTES(plain_at(s, i), s->lens[i])};
    int64_t until = market_until(PUT_PATIENCE_MS);
    int pause = 0;
    for (;;) {
        struct tide_doc *doc = NULL;
        int code = market_query(s->m, VERB_PUT_SAMPLE, &q, &doc, error);
        tide_doc_free(&doc);
        if (code == 0) return 0;
        if (!(is_passing(code) || code == OUTCOME_C_UNREACHABLE || code == OUTCOME_WRONG_STATE) || is_over(until)) return code;
        if (code == OUTCOME_WRONG_STATE) code = is_over_now(s, over, error);
        if (*over) return 0;
        if (code == 0 || is_passing(code) || code == OUTCOME_C_UNREACHABLE) code = poll_pause(s->m, &pause, until, error);
        if (code != 0) return code;
    }
}

static int samples_put(struct sampling *s, struct tide_error *error)
{
    bool over = false;
    int code = 0;
    for (size_t i = 0; i < s->n && code == 0 && !over; i++) code = sample_put(s, i, &over, error);
    return code;
}

int samples_answer(struct tide_market *m, uint64_t listing, const char *sealed_path, const struct progress *p, bool *answered,
                   struct tide_error *error)
{
    static const uint8_t none[HASH_BYTES];
    struct sampling s = {.m = m, .listing = listing, .sealed_path = sealed_path};
    *answered = false;
    int code = row_of_listing(m, listing, &s.row_doc, &s.row, error);
    bool waits = code == 0 && s.row->state == LISTING_SAMPLING && memcmp(s.row->seed, none, HASH_BYTES) != 0;
    if (waits) code = publish_check(&s, error);
    if (waits && code == 0) code = draw_check(m, s.row, error);
    if (waits && code == 0) {
        s.n = s.publish->samples;
        sample_draw(s.row->seed, s.publish->n_chunks, s.n, s.chunks);
        code = chunks_get(&s, p, error);
        if (code == 0 && s.row->sampled == 0) code = sample_state(&s, error);
        if (code == 0) code = samples_put(&s, error);
        *answered = code == 0;
    }
    free(s.plains); /* for everybody to see */
    explicit_bzero(s.key, sizeof s.key);
    tide_doc_free(&s.publish_doc);
    tide_doc_free(&s.row_doc);
    return code;
}
