/*
 * The words a listing is found by: `listing_word` has them while it lives, `word` turns them round while it is open or
 * halted, so that a search walks only what may be shown.
 *
 * Always holds: `word` has a row for each word of each open or halted listing and no other; a listing that is closed or
 * refused leaves none in either table.
 * Not here: which words those are (storage/listing_words.h), searching (broker/server/query_search.c).
 */
#include "broker/market/law.h"
#include "storage/listing_words.h"

enum tide_err catalog_add(struct fold *f, uint64_t listing, const struct body_listed *e)
{
    const struct row_none none = {0};
    const struct listing_texts texts = {
        .kind = e->kind, .class = e->class, .title = e->title, .summary = e->summary,
        .category = e->category, .place = e->place, .keywords = &e->keywords,
    };
    uint8_t keys[WORDS_PER_LISTING_MAX][WORD_KEY_BYTES], key[24];
    struct word_set set;
    word_set_init(&set, keys, ARRAY_LEN(keys));
    listing_words(&set, &texts);
    be64_put(key, listing);
    for (size_t i = 0; i < set.n; i++) {
        memcpy(key + 8, set.keys[i], WORD_KEY_BYTES);
        enum tide_err err = state_put(f->state, TABLE_LISTING_WORD, key, &none);
        if (err) return err;
    }
    return TIDE_OK;
}

static bool is_searched(uint64_t state)
{
    return state == LISTING_OPEN || state == LISTING_HALTED;
}

static enum tide_err put_word(struct fold *f, const uint8_t word[WORD_KEY_BYTES], uint64_t listing, bool is_there)
{
    const struct row_none none = {0};
    uint8_t key[24];
    memcpy(key, word, WORD_KEY_BYTES);
    be64_put(key + WORD_KEY_BYTES, listing);
    if (is_there) return state_put(f->state, TABLE_WORD, key, &none);
    return must_exist(state_del(f->state, TABLE_WORD, key));
}

enum tide_err catalog_move(struct fold *f, uint64_t listing, uint64_t from, uint64_t to)
{
    uint8_t key[24] = {0};
    bool ends = to == LISTING_CLOSED || to == LISTING_REFUSED;
    if (is_searched(from) == is_searched(to) && !ends) return TIDE_OK;
    be64_put(key, listing);
    for (bool after = false;; after = true) {
        enum tide_err err = state_next(f->state, TABLE_LISTING_WORD, key, 8, after, NULL);
        if (err) return err == TIDE_ENOTFOUND ? TIDE_OK : err;
        if (is_searched(from) != is_searched(to)) err = put_word(f, key + 8, listing, is_searched(to));
        if (!err && ends) err = must_exist(state_del(f->state, TABLE_LISTING_WORD, key));
        if (err) return err;
    }
}
