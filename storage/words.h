/*
 * How the texts of a listing become tokens of the search index, and how a query's words do. A token is a key of 16
 * bytes, the front of SHA-256 over a letter and folded UTF-8: "w" for a word, another letter for a facet (kind,
 * category, class, place), so that one index holds both and no word passes for a facet.
 *
 * Folded: NFKC_Casefold (Unicode Standard §3.13) by utf8proc: full-width letters, ligatures and upper case are equal
 * to the plain ones, soft hyphens and the like vanish; but a zero-width space stays, as it separates words.
 * Words: maximal runs of letters, digits and marks, cut at a codepoint to WORD_BYTES_MAX folded bytes. Chinese,
 * Japanese and Korean are written without reliable spaces: a run of Han, kana or Hangul is a word of its own kind,
 * indexed as every character and every pair of neighbours; marks that do not compose vanish there. All else
 * separates, invalid UTF-8 too.
 * The same on every machine and under every locale; a script that utf8proc does not know yet separates (Han never).
 */
#ifndef TIDEMARK_STORAGE_WORDS_H
#define TIDEMARK_STORAGE_WORDS_H

#include "crypto/base.h"

#define WORD_KEY_BYTES 16
#define WORD_BYTES_MAX 64          /* of one folded word: longer ones are no words of a language */
#define WORDS_PER_LISTING_MAX 1024 /* tokens of one listing: 16 KiB of keys, and as many rows of the index */
#define WORDS_PER_QUERY_MAX 16     /* tokens of one query: each is a walk over the index */

/* Tokens, sorted by memcmp and unique. */
struct word_set {
    uint8_t (*keys)[WORD_KEY_BYTES];
    size_t n;
    size_t room; /* `n` never grows past this */
};

/* An empty set in the caller's memory of `room` keys, of which at most WORDS_PER_LISTING_MAX are used. */
void word_set_init(struct word_set *set, uint8_t (*keys)[WORD_KEY_BYTES], size_t room);

/* Puts in a token; false when the set is full and it is dropped. Facets are put in before the texts, to be kept. */
bool word_set_add(struct word_set *set, const uint8_t key[WORD_KEY_BYTES]);

bool word_set_has(const struct word_set *set, const uint8_t key[WORD_KEY_BYTES]);

/* The token of a facet. `value` is folded, and else taken whole: spaces count. `facet` is any letter but 'w'. */
void word_facet_key(char facet, struct bytes value, uint8_t key[WORD_KEY_BYTES]);

/*
 * Puts in the tokens of a listing's text, for the index. Never fails: what the set has no room for is dropped, first
 * come first kept. Call it once for each text; words do not run on from one into the next.
 */
void words_of_text(struct word_set *set, struct bytes text);

/*
 * Puts in the tokens that a listing must have, all of them, to be found by `text`: words as above, a single CJK
 * character as itself, longer CJK runs as their pairs only. No word, no token: that is TIDE_OK.
 * Errors: TIDE_ELIMIT (more than WORDS_PER_QUERY_MAX tokens new to the set, or no room: the set holds part of them).
 */
MUST_USE enum tide_err words_of_query(struct word_set *set, struct bytes text);

#endif
