/*
 * What a listing is found by (listing_words.h).
 *
 * Always holds: the same texts give the same tokens, whether they come from a `publish` statement or a `listed` event.
 * Not here: how texts are cut into words (words.c), where the tokens are kept (broker/market/catalog.c).
 */
#include "storage/listing_words.h"

enum tide_err facet_word(struct word_set *set, enum facet facet, struct bytes value)
{
    uint8_t key[WORD_KEY_BYTES];
    if (value.len == 0) return TIDE_OK;
    word_facet_key((char)facet, value, key);
    return word_set_add(set, key) ? TIDE_OK : TIDE_ELIMIT;
}

void listing_words(struct word_set *set, const struct listing_texts *t)
{
    const struct keyword *keywords = t->keywords->items;
    enum tide_err err = facet_word(set, FACET_KIND, BYTES_TEXT(names_listing_kind[t->kind]));
    if (!err) err = facet_word(set, FACET_CLASS, BYTES_TEXT(names_class[t->class]));
    if (!err) err = facet_word(set, FACET_CATEGORY, t->category);
    if (!err) err = facet_word(set, FACET_PLACE, t->place);
    if (err) return; /* a set without room for anything */
    words_of_text(set, t->title);
    words_of_text(set, t->category);
    words_of_text(set, t->place);
    for (size_t i = 0; i < t->keywords->n; i++) words_of_text(set, keywords[i].word);
    words_of_text(set, t->summary); /* the longest comes last: what does not fit is least missed */
}
