/*
 * The listings of a scenario: offered, stored, reviewed, drawn, shown, closed; and what is expected of them (README.md
 * has the language).
 */
#include <stdio.h>
#include <stdlib.h>

#include "crypto/age.h"
#include "crypto/hash.h"
#include "storage/certificate.h"
#include "storage/sample_draw.h"
#include "tests/scenario/script.h"

/* ---- publish ---- */

static void hash_of(const char *what, const char *name, uint8_t out[32])
{
    const struct bytes parts[] = {BYTES_TEXT(what), BYTES_TEXT(name)};
    sha256_parts(parts, ARRAY_LEN(parts), out);
}

static void set_content(struct body_publish *p, const char *name)
{
    uint8_t nonce[32];
    if (p->kind == LISTING_API || p->kind == LISTING_COMPUTE) return;
    p->plaintext_len = 100000;
    hash_of("nonce", name, nonce);
    memcpy(p->nonce, nonce, 16);
    hash_of("root", name, p->content_root);
    hash_of("key", name, p->key_commitment);
}

/* A sealed detail part of so many bytes; `without PART` leaves one of its parts out. */
static void set_detail(struct world *w, struct words *l, const char *name, struct body_publish *p)
{
    uint8_t nonce[32];
    p->detail_len = words_number(w, l);
    hash_of("detail nonce", name, nonce);
    memcpy(p->detail_nonce, nonce, 16);
    hash_of("detail root", name, p->detail_root);
    hash_of("detail key", name, p->detail_commitment);
    if (!words_take(l, "without")) return;
    if (words_take(l, "nonce")) memset(p->detail_nonce, 0, 16);
    else if (words_take(l, "root")) memset(p->detail_root, 0, 32);
    else words_demand(w, l, "key"), memset(p->detail_commitment, 0, 32);
}

/* A text in which ^ stands for a control character. */
static struct bytes text_of(struct world *w, struct words *l, const char *what)
{
    struct bytes copy = arena_copy(&w->arena, words_text(w, l, what));
    uint8_t *data = (uint8_t *)(uintptr_t)copy.data;
    for (size_t i = 0; i < copy.len; i++)
        if (data[i] == '^') data[i] = 0x1b;
    return copy;
}

static void set_keywords(struct world *w, struct words *l, struct body_publish *p)
{
    struct keyword *words = arena_calloc(&w->arena, 16, sizeof *words);
    size_t n = 0;
    if (!words) abort();
    do words[n++].word = words_text(w, l, "a keyword");
    while (words_take(l, "and") && n < 16);
    p->keywords = (struct list){words, n};
}

static bool text_option(struct world *w, struct words *l, struct body_publish *p)
{
    if (words_take(l, "summary")) p->summary = text_of(w, l, "a summary");
    else if (words_take(l, "category")) p->category = text_of(w, l, "a category");
    else if (words_take(l, "place")) p->place = text_of(w, l, "a place");
    else if (words_take(l, "keywords")) set_keywords(w, l, p);
    else if (words_take(l, "basis")) p->legal_basis = words_text(w, l, "a basis");
    else if (words_take(l, "in")) p->jurisdictions = text_of(w, l, "jurisdictions");
    else if (words_take(l, "for")) p->purposes = text_of(w, l, "purposes");
    else if (words_take(l, "terms")) p->terms = words_text(w, l, "terms");
    else if (words_take(l, "location")) p->location = text_of(w, l, "a location");
    else return false;
    return true;
}

/* Whose keys it was sealed with: as those of another listing, or both parts with one. */
static bool key_option(struct world *w, struct words *l, struct body_publish *p)
{
    if (words_take(l, "key-of")) hash_of("key", words_next(w, l, "a listing"), p->key_commitment);
    else if (words_take(l, "detail-key-of")) hash_of("key", words_next(w, l, "a listing"), p->detail_commitment);
    else if (words_take(l, "key-of-detail")) hash_of("detail key", words_next(w, l, "a listing"), p->key_commitment);
    else if (words_take(l, "detail-key-of-detail"))
        hash_of("detail key", words_next(w, l, "a listing"), p->detail_commitment);
    else return false;
    return true;
}

static bool listing_option(struct world *w, struct words *l, const char *name, struct body_publish *p)
{
    if (text_option(w, l, p) || key_option(w, l, p)) return true;
    if (words_take(l, "class")) p->class = name_value(w, names_class, words_next(w, l, "a class"));
    else if (words_take(l, "assessed")) hash_of("assessment", "", p->assessment);
    else if (words_take(l, "personal")) p->personal_data = 1;
    else if (words_take(l, "without-right")) memset(p->right_operating, 0, 32);
    else if (words_take(l, "revising")) p->revises = symbol_get(w, 'l', words_next(w, l, "a listing"));
    else if (words_take(l, "bytes")) p->plaintext_len = words_number(w, l);
    else if (words_take(l, "chunks")) p->n_chunks = words_number(w, l);
    else if (words_take(l, "payload")) p->payload_len = words_number(w, l);
    else if (words_take(l, "without-content")) p->plaintext_len = 0, memset(p->nonce, 0, 16);
    else if (words_take(l, "without-root")) memset(p->content_root, 0, 32);
    else if (words_take(l, "content-of")) hash_of("root", words_next(w, l, "a listing"), p->content_root);
    else if (words_take(l, "samples")) p->samples = words_number(w, l);
    else if (words_take(l, "detail")) set_detail(w, l, name, p);
    else if (words_take(l, "from")) p->time_from = words_number(w, l);
    else if (words_take(l, "to")) p->time_to = words_number(w, l);
    else return false;
    return true;
}

static void act_list(struct script *s, const char *who, struct words *l)
{
    struct world *w = s->w;
    struct body_publish p = {0};
    const char *name = words_next(w, l, "a name");
    p.title = text_of(w, l, "a title");
    p.terms = BYTES_TEXT("the usual terms");
    if (words_take(l, "a")) p.kind = name_value(w, names_listing_kind, words_next(w, l, "a kind"));
    hash_of("right", who, p.right_operating);
    set_content(&p, name);
    while (!words_end(l) && listing_option(w, l, name, &p)) continue;
    if (p.plaintext_len > 0 && p.n_chunks == 0) p.n_chunks = age_n_chunks(p.plaintext_len);
    if (p.plaintext_len > 0 && p.payload_len == 0) p.payload_len = age_payload_len(p.plaintext_len);
    say(s, who, KIND_PUBLISH, &p, l);
    if (w->last.outcome == OUTCOME_OK && !w->last.repeated) symbol_set(w, 'l', name, w->last.first_index + 1);
}

/* ---- what becomes of it ---- */

static void act_review(struct script *s, const char *who, uint64_t verdict, struct words *l)
{
    struct world *w = s->w;
    struct body_review r = {.verdict = verdict};
    r.listing = symbol_get(w, 'l', words_next(w, l, "a listing"));
    if (words_take(l, "because")) r.reasons = words_text(w, l, "reasons");
    say(s, who, KIND_REVIEW, &r, l);
}

static void act_on_listing(struct script *s, const char *who, uint64_t kind, struct words *l)
{
    uint64_t listing = symbol_get(s->w, 'l', words_next(s->w, l, "a listing"));
    const struct body_stored stored = {listing};
    const struct body_close closed = {listing};
    say(s, who, kind, kind == KIND_STORED ? (const void *)&stored : &closed, l);
}

static void listing_row(struct world *w, uint64_t listing, struct row_listing *row)
{
    uint8_t key[8];
    key_u64(key, listing);
    enum tide_err err = state_get(world_view(w), TABLE_LISTING, key, row);
    if (err != TIDE_ENOTFOUND) world_check(w, err, "reading a listing"); /* else the row is cleared */
}

/* `draws LISTING`: with the log's root after its approval. */
static void act_draw(struct script *s, const char *who, struct words *l)
{
    struct world *w = s->w;
    struct row_listing row;
    struct body_drawn d = {.listing = symbol_get(w, 'l', words_next(w, l, "a listing"))};
    listing_row(w, d.listing, &row);
    world_log_root(w, row.reviewed + 1, d.root);
    say(s, who, KIND_DRAWN, &d, l);
}

/* `shows LISTING [with N chunks] [swapped] [another]`: the chunks that were drawn, unless said otherwise. */
static void act_show(struct script *s, const char *who, struct words *l)
{
    struct world *w = s->w;
    struct row_listing row;
    struct sample_chunk chunks[LIMIT_SAMPLES] = {0};
    uint64_t drawn[LIMIT_SAMPLES] = {0};
    struct body_sample sample = {.listing = symbol_get(w, 'l', words_next(w, l, "a listing"))};
    listing_row(w, sample.listing, &row);
    uint64_t n = row.samples ? row.samples : 1;
    if (words_take(l, "with")) n = words_number(w, l), words_demand(w, l, "chunks");
    if (row.has_seed && n <= row.n_chunks) sample_draw(row.seed, row.n_chunks, n, drawn);
    for (size_t i = 0; i < n; i++) {
        chunks[i].chunk = drawn[i];
        hash_of("chunk", "", chunks[i].hash);
    }
    if (words_take(l, "swapped")) chunks[0].chunk = drawn[1], chunks[1].chunk = drawn[0];
    if (words_take(l, "another")) chunks[n - 1].chunk = (drawn[n - 1] + 1) % row.n_chunks;
    sample.chunks = (struct list){chunks, n};
    say(s, who, KIND_SAMPLE, &sample, l);
}

bool act_on_listings(struct script *s, const char *who, struct words *l)
{
    if (words_take(l, "lists")) act_list(s, who, l);
    else if (words_take(l, "stores")) act_on_listing(s, who, KIND_STORED, l);
    else if (words_take(l, "approves")) act_review(s, who, REVIEW_APPROVE, l);
    else if (words_take(l, "refuses")) act_review(s, who, REVIEW_REFUSE, l);
    else if (words_take(l, "closes")) act_on_listing(s, who, KIND_CLOSE, l);
    else if (words_take(l, "draws")) act_draw(s, who, l);
    else if (words_take(l, "shows")) act_show(s, who, l);
    else return false;
    return true;
}

/* ---- what is expected ---- */

static void is(struct world *w, const char *what, uint64_t found, uint64_t expected)
{
    if (found != expected) world_fail(w, "%s is %llu, expected %llu", what, (unsigned long long)found,
                                      (unsigned long long)expected);
}

static void is_key(struct world *w, const char *what, const uint8_t found[32], const char *who)
{
    if (memcmp(found, identity_party(world_person(w, who)->id), 32) != 0) world_fail(w, "%s is not %s", what, who);
}

/* `expect certificate LISTING N by REVIEWER | none`: the text in its `registered` record says what the listing is. */
static void expect_certificate(struct world *w, struct words *l)
{
    struct row_listing row;
    struct record record;
    struct event event;
    struct certificate c;
    uint64_t listing = symbol_get(w, 'l', words_next(w, l, "a listing"));
    listing_row(w, listing, &row);
    if (words_take(l, "none")) {
        is(w, "its certificate", row.certificate, 0);
        return;
    }
    is(w, "its certificate", row.certificate, words_number(w, l));
    world_check(w, record_decode(w->records[row.registered], &w->arena, &record), "decoding a record");
    world_check(w, event_decode(record.payload, &w->arena, &event), "decoding an event");
    const struct body_registered *registered = event.body;
    is(w, "the record's kind", event.kind, KIND_REGISTERED);
    is(w, "its cause", event.cause_index, row.reviewed);
    is(w, "the record's listing", registered->listing, listing);
    world_check(w, certificate_parse(registered->text, &c), "parsing the certificate");
    is(w, "the text's number", c.number, row.certificate);
    is(w, "the text's listing", c.listing, listing);
    is(w, "the text's kind", c.kind, row.kind);
    is(w, "the text's class", c.class, row.class);
    is(w, "the text's time", c.registered_ms, record.time_ms);
    is(w, "whether it has content", c.has_content, row.plaintext_len > 0);
    if (c.has_content) is(w, "its content", (uint64_t)memcmp(c.content_root, row.content_root, 32), 0);
    if (c.has_content) is(w, "its key", (uint64_t)memcmp(c.key_commitment, row.key_commitment, 32), 0);
    is(w, "its terms", (uint64_t)memcmp(c.terms_hash, row.terms_hash, 32), 0);
    if (!bytes_equal(c.title, BYTES_TEXT(row.title))) world_fail(w, "the text has another title");
    if (!bytes_equal(c.origin, w->genesis.origin)) world_fail(w, "the text has another origin");
    is(w, "the vendor", (uint64_t)memcmp(c.vendor, row.vendor_key, 32), 0);
    words_demand(w, l, "by");
    is_key(w, "the reviewer", c.reviewer, words_next(w, l, "a reviewer"));
}

static uint64_t words_of(struct world *w, uint64_t listing)
{
    uint64_t n = 0;
    uint8_t key[24] = {0};
    be64_put(key, listing);
    for (;; n++) {
        enum tide_err err = state_next(world_view(w), TABLE_LISTING_WORD, key, 8, n > 0, NULL);
        if (err == TIDE_ENOTFOUND) return n;
        world_check(w, err, "reading words");
    }
}

/* `expect words LISTING N`: its words, facets among them; and what is indexed is that of all open and halted ones. */
static void expect_words(struct world *w, struct words *l)
{
    uint64_t n_indexed, sum = 0;
    uint8_t key[8] = {0};
    struct row_listing row;
    uint64_t listing = symbol_get(w, 'l', words_next(w, l, "a listing"));
    is(w, "the number of its words", words_of(w, listing), words_number(w, l));
    for (bool after = false;; after = true) {
        enum tide_err err = state_next(world_view(w), TABLE_LISTING, key, 0, after, &row);
        if (err == TIDE_ENOTFOUND) break;
        world_check(w, err, "reading listings");
        if (row.state == LISTING_OPEN || row.state == LISTING_HALTED) sum += words_of(w, be64_get(key));
    }
    world_check(w, state_count(world_view(w), TABLE_WORD, &n_indexed), "counting rows");
    is(w, "the number of words indexed", n_indexed, sum);
}

/* `expect drawn LISTING`: from the log's root after the approval; `expect drawn LISTING nothing`. */
static void expect_drawn(struct world *w, struct words *l)
{
    struct row_listing row;
    uint8_t root[32], seed[32];
    listing_row(w, symbol_get(w, 'l', words_next(w, l, "a listing")), &row);
    if (words_take(l, "nothing")) {
        is(w, "whether it has a seed", row.has_seed, 0);
        return;
    }
    world_log_root(w, row.reviewed + 1, root);
    sample_seed(root, seed);
    is(w, "whether it has a seed", row.has_seed, 1);
    is(w, "its seed", (uint64_t)memcmp(seed, row.seed, 32), 0);
}

static void expect_n_listings(struct world *w, struct words *l)
{
    struct row_party party;
    uint64_t number;
    const char *who = words_next(w, l, "a party");
    world_check(w, party_by_key(world_view(w), identity_party(world_person(w, who)->id), &number, &party), who);
    is(w, "the number of its listings", party.n_listings, words_number(w, l));
}

bool expect_of_listings(struct world *w, struct words *l)
{
    struct row_listing row;
    if (words_take(l, "certificate")) expect_certificate(w, l);
    else if (words_take(l, "words")) expect_words(w, l);
    else if (words_take(l, "drawn")) expect_drawn(w, l);
    else if (words_take(l, "listings")) expect_n_listings(w, l);
    else if (words_take(l, "revised")) {
        listing_row(w, symbol_get(w, 'l', words_next(w, l, "a listing")), &row);
        bool never = words_take(l, "never");
        is(w, "its revision", row.revised_by, never ? 0 : symbol_get(w, 'l', words_next(w, l, "a listing")));
    } else if (words_take(l, "untraded")) {
        listing_row(w, symbol_get(w, 'l', words_next(w, l, "a listing")), &row);
        is(w, "closed untraded before", row.closed_untraded, words_number(w, l));
    } else if (words_take(l, "sample-of")) {
        listing_row(w, symbol_get(w, 'l', words_next(w, l, "a listing")), &row);
        bool none = words_take(l, "none");
        if (!none) words_demand(w, l, "now");
        is(w, "its sample's record", row.sample_record, none ? 0 : w->last.first_index);
    } else return false;
    if (!words_end(l)) world_fail(w, "\"%s\" is not understood", l->word[l->at]);
    return true;
}
