/*
 * What a listing is found by: its facets, then the words of its texts. The broker's index and whoever asks it make them
 * here, so that both mean the same (words.h says what a token is).
 */
#ifndef TIDEMARK_STORAGE_LISTING_WORDS_H
#define TIDEMARK_STORAGE_LISTING_WORDS_H

#include "storage/records.h"
#include "storage/words.h"

/* Facets: values that are taken whole. Kind and class by their names. */
enum facet { FACET_KIND = 'k', FACET_CLASS = 'c', FACET_CATEGORY = 'g', FACET_PLACE = 'p' };

struct listing_texts {
    uint64_t kind, class;
    struct bytes title, summary, category, place;
    const struct list *keywords; /* of struct keyword */
};

/* Puts in its tokens; the facets first, so that they are kept whatever the texts hold. */
void listing_words(struct word_set *set, const struct listing_texts *t);

/* Puts in one facet's token, unless the value is empty. TIDE_ELIMIT: no room. */
MUST_USE enum tide_err facet_word(struct word_set *set, enum facet facet, struct bytes value);

#endif
