/*
 * Texts into search tokens, in three steps: fold_text gives folded codepoints, take_codepoint cuts them into words
 * and CJK runs, word_set keeps the tokens.
 *
 * Always holds: memory is bounded, however long the text; a set is sorted and unique after every call; a query made
 * of a text's own words gives a subset of the text's tokens, unless the text had more than fit.
 * Not here: the index itself, and which texts and facets a listing has.
 */
#include "storage/words.h"

#include "crypto/hash.h"

#include <utf8proc.h>

/* ---- folding ---- */

#define FOLD_OPTIONS (UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE)
#define SEGMENT_MAX 32    /* a character and its marks: UAX #15 calls 30 marks stream-safe; further ones are dropped */
#define DECOMPOSED_MAX 32 /* what one codepoint can become: 18 at most (U+FDFA) */
#define ZERO_WIDTH_SPACE 0x200b
#define REPLACEMENT 0xfffd /* stands for an invalid byte; no letter */

/* Takes one folded codepoint; false when it wants no more. */
typedef bool (*take_fn)(void *ctx, int32_t cp);

/* What may still compose: decomposed, marks in canonical order. */
struct folder {
    int32_t segment[SEGMENT_MAX];
    size_t n;
    take_fn take;
    void *ctx;
};

static size_t compose(int32_t *cps, size_t n)
{
    utf8proc_ssize_t left = utf8proc_normalize_utf32(cps, (utf8proc_ssize_t)n, FOLD_OPTIONS);
    ASSERT(left >= 0 && (size_t)left <= n);
    return (size_t)left;
}

static bool take_all(struct folder *f, const int32_t *cps, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!f->take(f->ctx, cps[i])) return false;
    return true;
}

/* A mark goes where canonical order wants it: behind those of its class and lower ones. */
static void put_mark(struct folder *f, int32_t cp, int class)
{
    size_t at = f->n;
    if (f->n == SEGMENT_MAX) return;
    while (at > 0 && utf8proc_get_property(f->segment[at - 1])->combining_class > class) {
        f->segment[at] = f->segment[at - 1];
        at--;
    }
    f->segment[at] = cp;
    f->n++;
}

/*
 * A codepoint that is no mark in canonical order's sense may still compose with what is before it (Hangul jamo, Indic
 * vowels): only when it stays itself is the segment done.
 */
static bool put_starter(struct folder *f, int32_t cp)
{
    int32_t cps[SEGMENT_MAX];
    size_t n = f->n;

    memcpy(cps, f->segment, n * sizeof *cps);
    if (n < SEGMENT_MAX) cps[n++] = cp;
    n = compose(cps, n);
    if (f->n < SEGMENT_MAX) {
        if (cps[n - 1] != cp) {
            f->segment[f->n++] = cp;
            return true;
        }
        n--;
    }
    f->segment[0] = cp;
    f->n = 1;
    return take_all(f, cps, n);
}

static bool put_codepoint(struct folder *f, int32_t cp)
{
    int32_t parts[DECOMPOSED_MAX];
    int boundary = 0;
    int options = cp == ZERO_WIDTH_SPACE ? FOLD_OPTIONS & ~UTF8PROC_IGNORE : FOLD_OPTIONS;
    utf8proc_ssize_t n =
        utf8proc_decompose_char(cp, parts, DECOMPOSED_MAX, (utf8proc_option_t)options, &boundary);

    if (n < 0 || n > DECOMPOSED_MAX) return put_starter(f, REPLACEMENT);
    for (utf8proc_ssize_t i = 0; i < n; i++) {
        int class = utf8proc_get_property(parts[i])->combining_class;
        if (class != 0) put_mark(f, parts[i], class);
        else if (!put_starter(f, parts[i])) return false;
    }
    return true;
}

/* Gives `text` folded to `take`, codepoint by codepoint, until that wants no more. */
static void fold_text(struct bytes text, take_fn take, void *ctx)
{
    struct folder f = {.take = take, .ctx = ctx};

    while (text.len > 0) {
        int32_t cp;
        utf8proc_ssize_t used = utf8proc_iterate(text.data, (utf8proc_ssize_t)text.len, &cp);
        if (used <= 0) {
            cp = REPLACEMENT;
            used = 1;
        }
        if (!put_codepoint(&f, cp)) return;
        text = BYTES(text.data + used, text.len - (size_t)used);
    }
    f.n = compose(f.segment, f.n);
    (void)take_all(&f, f.segment, f.n);
}

/* ---- keys ---- */

#define WORD_LETTER 'w'

static bool hash_codepoint(void *ctx, int32_t cp)
{
    uint8_t utf8[4];
    size_t len = (size_t)utf8proc_encode_char(cp, utf8);
    sha256_update(ctx, BYTES(utf8, len));
    return true;
}

void word_facet_key(char facet, struct bytes value, uint8_t key[WORD_KEY_BYTES])
{
    struct sha256_stream s;
    uint8_t hash[HASH_BYTES];

    ASSERT(facet != WORD_LETTER);
    sha256_init(&s);
    sha256_update(&s, BYTES(&facet, 1));
    fold_text(value, hash_codepoint, &s);
    sha256_final(&s, hash);
    memcpy(key, hash, WORD_KEY_BYTES);
}

static void word_key(struct bytes folded, uint8_t key[WORD_KEY_BYTES])
{
    static const char letter = WORD_LETTER;
    struct bytes parts[] = {BYTES(&letter, 1), folded};
    uint8_t hash[HASH_BYTES];

    sha256_parts(parts, ARRAY_LEN(parts), hash);
    memcpy(key, hash, WORD_KEY_BYTES);
}

/* ---- sets ---- */

void word_set_init(struct word_set *set, uint8_t (*keys)[WORD_KEY_BYTES], size_t room)
{
    *set = (struct word_set){.keys = keys, .room = room < WORDS_PER_LISTING_MAX ? room : WORDS_PER_LISTING_MAX};
}

/* Where `key` is, or would be put. */
static size_t place_of(const struct word_set *set, const uint8_t key[WORD_KEY_BYTES], bool *is_there)
{
    size_t from = 0, to = set->n;

    *is_there = false;
    while (from < to && !*is_there) {
        size_t middle = from + (to - from) / 2;
        int order = memcmp(set->keys[middle], key, WORD_KEY_BYTES);
        *is_there = order == 0;
        if (order < 0) from = middle + 1;
        else to = middle;
    }
    return *is_there ? to : from;
}

/* As word_set_add, with `n_max` for the set's room. */
static bool add_key(struct word_set *set, const uint8_t key[WORD_KEY_BYTES], size_t n_max)
{
    bool is_there;
    size_t at = place_of(set, key, &is_there);

    if (is_there) return true;
    if (set->n >= n_max) return false;
    memmove(set->keys + at + 1, set->keys + at, (set->n - at) * WORD_KEY_BYTES);
    memcpy(set->keys[at], key, WORD_KEY_BYTES);
    set->n++;
    return true;
}

bool word_set_has(const struct word_set *set, const uint8_t key[WORD_KEY_BYTES])
{
    bool is_there;
    (void)place_of(set, key, &is_there);
    return is_there;
}

bool word_set_add(struct word_set *set, const uint8_t key[WORD_KEY_BYTES])
{
    return add_key(set, key, set->room);
}

/* ---- words ---- */

enum kind {
    KIND_NONE, /* separates */
    KIND_MARK, /* belongs to what it follows */
    KIND_WORD,
    KIND_CJK,
};

struct walk {
    struct word_set *set;
    size_t n_max; /* the set grows no further */
    bool query;   /* pairs only */
    bool over;    /* a token was dropped, and so would every new one be */
    enum kind run;                /* KIND_NONE, KIND_WORD or KIND_CJK */
    uint8_t word[WORD_BYTES_MAX]; /* KIND_WORD: its front so far */
    size_t word_len;
    bool cut;       /* KIND_WORD: there was more of it */
    int32_t last;   /* KIND_CJK: the character before */
    size_t n_chars; /* KIND_CJK: characters so far */
};

static bool in_range(int32_t cp, int32_t first, int32_t last)
{
    return cp >= first && cp <= last;
}

/* By range alone: Unicode adds Han within these, and the index must not depend on which ones utf8proc knows. */
static bool is_han(int32_t cp)
{
    return in_range(cp, 0x3400, 0x4dbf) || in_range(cp, 0x4e00, 0x9fff) || in_range(cp, 0xf900, 0xfaff) ||
           in_range(cp, 0x20000, 0x323af) || cp == 0x3005 || cp == 0x3007;
}

static bool is_kana_or_hangul(int32_t cp)
{
    return in_range(cp, 0x3040, 0x30ff) || in_range(cp, 0x31f0, 0x31ff) || in_range(cp, 0xac00, 0xd7af);
}

static enum kind kind_of(int32_t cp)
{
    if (is_han(cp)) return KIND_CJK;
    switch (utf8proc_category(cp)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME: return KIND_MARK;
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return is_kana_or_hangul(cp) ? KIND_CJK : KIND_WORD;
    default: return KIND_NONE;
    }
}

static void add_token(struct walk *w, struct bytes folded)
{
    uint8_t key[WORD_KEY_BYTES];
    word_key(folded, key);
    if (!add_key(w->set, key, w->n_max)) w->over = true;
}

static void add_char(struct walk *w, int32_t cp)
{
    uint8_t utf8[4];
    size_t len = (size_t)utf8proc_encode_char(cp, utf8);
    add_token(w, BYTES(utf8, len));
}

static void add_pair(struct walk *w, int32_t first, int32_t second)
{
    uint8_t utf8[8];
    size_t len = (size_t)utf8proc_encode_char(first, utf8);
    len += (size_t)utf8proc_encode_char(second, utf8 + len);
    add_token(w, BYTES(utf8, len));
}

static void end_run(struct walk *w)
{
    if (w->run == KIND_WORD) add_token(w, BYTES(w->word, w->word_len));
    if (w->run == KIND_CJK && w->query && w->n_chars == 1) add_char(w, w->last);
    w->run = KIND_NONE;
    w->word_len = 0;
    w->cut = false;
    w->n_chars = 0;
}

static void put_in_word(struct walk *w, int32_t cp)
{
    uint8_t utf8[4];
    size_t len = (size_t)utf8proc_encode_char(cp, utf8);
    if (len > WORD_BYTES_MAX - w->word_len) w->cut = true;
    if (w->cut) return;
    memcpy(w->word + w->word_len, utf8, len);
    w->word_len += len;
}

static void put_in_cjk(struct walk *w, int32_t cp)
{
    if (!w->query) add_char(w, cp);
    if (w->n_chars > 0) add_pair(w, w->last, cp);
    w->last = cp;
    w->n_chars++;
}

static bool take_codepoint(void *ctx, int32_t cp)
{
    struct walk *w = ctx;
    enum kind kind = kind_of(cp);

    if (kind == KIND_MARK) {
        if (w->run == KIND_WORD) put_in_word(w, cp); /* else it has no letter: "≠" is "=" and a mark */
        return true;
    }
    if (kind != w->run) {
        end_run(w);
        w->run = kind;
    }
    if (kind == KIND_WORD) put_in_word(w, cp);
    if (kind == KIND_CJK) put_in_cjk(w, cp);
    return !w->over;
}

void words_of_text(struct word_set *set, struct bytes text)
{
    struct walk w = {.set = set, .n_max = set->room};
    fold_text(text, take_codepoint, &w);
    end_run(&w);
}

enum tide_err words_of_query(struct word_set *set, struct bytes text)
{
    size_t n_max = set->n + WORDS_PER_QUERY_MAX;
    struct walk w = {.set = set, .n_max = n_max < set->room ? n_max : set->room, .query = true};
    fold_text(text, take_codepoint, &w);
    end_run(&w);
    return w.over ? TIDE_ELIMIT : TIDE_OK;
}
