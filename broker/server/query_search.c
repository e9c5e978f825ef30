/*
 * Catalog search: walks listings of a state (or one's own) from the newest down and keeps those in which every word
 * occurs. Words are substrings without regard to ASCII case, so that scripts without spaces are found as well.
 *
 * Always holds: one request looks at no more than QUERY_SCAN_ROWS listings and QUERY_READ_BYTES of statements; what
 * is beyond is left to the next page, so an empty page with a cursor means "go on".
 */
#include "broker/server/query_internal.h"

#define WORDS_MAX 128 /* a search text of 256 bytes has no more */

struct search {
    struct query *q;
    const struct body_q_search *ask;
    struct bytes words[WORDS_MAX]; /* folded */
    size_t n_words;
    enum table table; /* LISTING_BY_STATE or LISTING_OF */
    uint8_t key[16];
    size_t prefix_len;
};

/* ---- words ---- */

static uint8_t fold(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* A folded copy in `arena`. */
static struct bytes folded_copy(struct arena *arena, struct bytes in)
{
    uint8_t *out = arena_alloc(arena, in.len + 1);

    if (out == NULL) return BYTES(NULL, 0);
    for (size_t i = 0; i < in.len; i++) out[i] = fold(in.data[i]);
    return BYTES(out, in.len);
}

/* Bytes of the separator at the start of `text`: white space, or the ideographic space (U+3000). 0: none. */
static size_t separator_len(struct bytes text)
{
    if (text.data[0] == ' ' || (text.data[0] >= '\t' && text.data[0] <= '\r')) return 1;
    return text.len >= 3 && memcmp(text.data, "\xe3\x80\x80", 3) == 0 ? 3 : 0;
}

static enum tide_err split_words(struct search *s)
{
    struct bytes text = folded_copy(s->q->arena, s->ask->words);

    if (text.data == NULL) return TIDE_ENOMEM;
    while (text.len > 0) {
        size_t skip = separator_len(text), len = 0;
        text = BYTES(text.data + skip, text.len - skip);
        while (len < text.len && separator_len(BYTES(text.data + len, text.len - len)) == 0) len++;
        if (len == 0) continue;
        if (s->n_words == WORDS_MAX) return TIDE_ELIMIT;
        s->words[s->n_words++] = BYTES(text.data, len);
        text = BYTES(text.data + len, text.len - len);
    }
    return TIDE_OK;
}

static bool occurs(struct bytes word, struct bytes folded)
{
    return folded.len >= word.len && memmem(folded.data, folded.len, word.data, word.len) != NULL;
}

static bool occurs_in_text(const struct search *s, struct bytes word, struct bytes text)
{
    return occurs(word, folded_copy(s->q->scratch, text));
}

static bool occurs_in_listing(const struct search *s, struct bytes word, const struct body_publish *publish)
{
    const struct keyword *keywords = publish->keywords.items;

    if (occurs_in_text(s, word, publish->title) || occurs_in_text(s, word, publish->summary) ||
        occurs_in_text(s, word, publish->category)) {
        return true;
    }
    for (size_t i = 0; i < publish->keywords.n; i++) {
        if (occurs_in_text(s, word, keywords[i].word)) return true;
    }
    return false;
}

/* Whether every word is in what the vendor published. A statement without the bytes of a word is never decoded. */
static enum tide_err words_match(struct search *s, uint64_t cause, bool *match)
{
    struct query_record record;
    struct query_statement statement;

    *match = s->n_words == 0;
    if (*match) return TIDE_OK;
    arena_reset(s->q->scratch);
    enum tide_err err = query_read(s->q, cause, s->q->scratch, &record);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? query_damaged_record(s->q, cause) : err;
    struct bytes folded = folded_copy(s->q->scratch, record.bytes);
    if (folded.data == NULL) return TIDE_ENOMEM;
    for (size_t i = 0; i < s->n_words; i++) {
        if (!occurs(s->words[i], folded)) return TIDE_OK;
    }
    err = query_read_statement(s->q, cause, s->q->scratch, &statement);
    if (err != TIDE_OK) return err;
    if (statement.statement.kind != KIND_PUBLISH) return query_damaged_record(s->q, cause);
    for (size_t i = 0; i < s->n_words; i++) {
        if (!occurs_in_listing(s, s->words[i], statement.statement.body)) return TIDE_OK;
    }
    *match = true;
    return TIDE_OK;
}

/* ---- the walk ---- */

static enum tide_err listing_matches(struct search *s, uint64_t listing, const struct row_listing *row, bool *match)
{
    bool has_ask;
    uint64_t best_ask;

    *match = false;
    if (s->ask->kinds != 0 && (s->ask->kinds >> row->kind & 1) == 0) return TIDE_OK;
    if (s->ask->max_price != 0) {
        enum tide_err err = query_best_ask(s->q, listing, &has_ask, &best_ask);
        if (err != TIDE_OK) return err;
        if (!has_ask || best_ask > s->ask->max_price) return TIDE_OK;
    }
    return words_match(s, row->cause, match);
}

/* Which index is walked. Refuses what the peer may not see; *refused then. */
static enum tide_err choose_walk(struct search *s, bool *refused)
{
    uint64_t before = s->ask->before != 0 ? s->ask->before : UINT64_MAX;
    uint64_t state = s->ask->state != LISTING_NONE ? s->ask->state : LISTING_OPEN;
    const struct row_listing of_that_state = {.state = state};

    *refused = true;
    if (s->ask->mine) {
        if (s->q->peer->number == 0) return query_refuse(s->q, OUTCOME_UNKNOWN_PARTY, NULL);
        s->table = TABLE_LISTING_OF;
        s->prefix_len = 8;
        key_u64_u64(s->key, s->q->peer->number, before);
    } else {
        if (!query_listing_is_visible(s->q, &of_that_state)) return query_refuse(s->q, OUTCOME_NOT_YOUR_ROLE, NULL);
        s->table = TABLE_LISTING_BY_STATE;
        s->prefix_len = 1;
        key_u8_u64(s->key, (uint8_t)state, before);
    }
    *refused = false;
    return TIDE_OK;
}

/* Steps down until the page or the work allowed is full. *before: where to go on; 0: that was all. */
static enum tide_err walk(struct search *s, struct page *page, uint64_t *before)
{
    struct row_listing row;
    struct body_listing_row out;
    uint64_t last_seen = 0;
    bool match;

    *before = 0;
    for (size_t i = 0;; i++) {
        if (i == QUERY_SCAN_ROWS || s->q->read_bytes > QUERY_READ_BYTES) {
            *before = last_seen;
            return TIDE_OK;
        }
        enum tide_err err = state_prev(s->q->source->view, s->table, s->key, s->prefix_len, true, NULL);
        if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_OK : err;
        uint64_t listing = be64_get(s->key + s->prefix_len);
        err = query_listing_row(s->q, listing, &row);
        if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
        err = listing_matches(s, listing, &row, &match);
        if (err == TIDE_OK && match) err = query_listing_fill(s->q, listing, &row, &out);
        if (err != TIDE_OK) return err;
        if (match && !page_add(page, &out)) {
            *before = last_seen;
            return TIDE_OK;
        }
        last_seen = listing;
    }
}

enum tide_err query_search(struct query *q)
{
    struct search s = {.q = q, .ask = q->request->body};
    struct page page;
    bool refused;

    enum tide_err err = choose_walk(&s, &refused);
    if (err != TIDE_OK || refused) return err;
    err = split_words(&s);
    if (err != TIDE_OK) return err == TIDE_ELIMIT ? query_refuse(q, OUTCOME_TOO_LARGE, NULL) : err;
    struct body_r_search *body = query_body(q, sizeof *body);
    if (body == NULL || !page_init(q, &page, &schema_listing_row, s.ask->limit)) return TIDE_ENOMEM;
    err = walk(&s, &page, &body->before);
    body->listings = page.list;
    return err;
}
