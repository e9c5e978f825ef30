/*
 * Search tokens: what a text and a query become, held against tokens hashed here; folding, against utf8proc's own
 * over the whole text.
 */
#include "storage/words.h"

#include "crypto/hash.h"
#include "tests/unit/test_storage.h"

#include <utf8proc.h>

struct tokens {
    struct word_set set;
    uint8_t keys[WORDS_PER_LISTING_MAX + 1][WORD_KEY_BYTES];
};

static struct word_set *clear(struct tokens *t)
{
    memset(t->keys, 0xee, sizeof t->keys);
    word_set_init(&t->set, t->keys, WORDS_PER_LISTING_MAX);
    return &t->set;
}

static void key_of(const char *letter, struct bytes folded, uint8_t key[WORD_KEY_BYTES])
{
    struct bytes parts[] = {BYTES(letter, 1), folded};
    uint8_t hash[HASH_BYTES];
    sha256_parts(parts, 2, hash);
    memcpy(key, hash, WORD_KEY_BYTES);
}

static bool has_key(const struct word_set *set, const uint8_t key[WORD_KEY_BYTES])
{
    for (size_t i = 0; i < set->n; i++)
        if (memcmp(set->keys[i], key, WORD_KEY_BYTES) == 0) return true;
    return false;
}

static bool has_word(const struct word_set *set, const char *folded, size_t len)
{
    uint8_t key[WORD_KEY_BYTES];
    key_of("w", BYTES(folded, len), key);
    return has_key(set, key);
}

static void assert_sorted(const struct word_set *set)
{
    for (size_t i = 1; i < set->n; i++) assert_true(memcmp(set->keys[i - 1], set->keys[i], WORD_KEY_BYTES) < 0);
}

static bool is_subset(const struct word_set *part, const struct word_set *whole)
{
    for (size_t i = 0; i < part->n; i++)
        if (!has_key(whole, part->keys[i])) return false;
    return true;
}

/* The set is exactly `expected`: different folded words with '|' between. */
static void assert_words(const struct word_set *set, const char *text, const char *expected)
{
    size_t n = 0;
    for (const char *word = expected; *word != '\0'; n++) {
        size_t len = strcspn(word, "|");
        if (!has_word(set, word, len)) fail_msg("\"%s\" lacks \"%.*s\"", text, (int)len, word);
        word += len + (word[len] == '|');
    }
    if (set->n != n) fail_msg("\"%s\" has %zu tokens, not those of \"%s\"", text, set->n, expected);
    assert_sorted(set);
}

struct example {
    const char *text, *expected;
};

static void test_texts(void **state)
{
    static const struct example examples[] = {
        {"", ""},
        {" \t\n.,;-_/()\"", ""},
        {"Air quality, air-quality", "air|quality"},
        {"5G网络", "5g|网|络|网络"},
        {"网络5G网", "网|络|网络|5g"},
        {"ＡＩＲ　ｑｕａｌｉｔｙ２０２４", "air|quality2024"},
        {"ﬁle ﬂow", "file|flow"},
        {"STRASSE straße", "strasse"},
        {"ΟΔΟΣ οδος οδοσ", "οδοσ"},
        {"CAFÉ cafe\xcc\x81", "café"},
        {"don't a_b x2 m² ৴", "don|t|a|b|x2|m2|৴"},
        {"空气质量", "空|气|质|量|空气|气质|质量"},
        {"空气，质量", "空|气|质|量|空气|质量"},
        {"人人", "人|人人"},
        {"ｶﾞｽ", "ガ|ス|ガス"},
        {"カ\xe3\x82\x99ス", "ガ|ス|ガス"},
        {"コーヒー・ティー", "コ|ー|ヒ|コー|ーヒ|ヒー|テ|ィ|ティ|ィー"},
        {"人々〇", "人|々|〇|人々|々〇"},
        {"東京タワー", "東|京|タ|ワ|ー|東京|京タ|タワ|ワー"},
        {"데이터", "데|이|터|데이|이터"},
        {"\xe1\x84\x83\xe1\x85\xa6\xe1\x84\x8b\xe1\x85\xb5\xe1\x84\x90\xe1\x85\xa5", "데|이|터|데이|이터"}, /* jamo */
        {"\xe1\x86\xa8 한", "\xe1\x86\xa8|한"}, /* a jamo that composes with nothing is a word */
        {"𠀀𠮷", "𠀀|𠮷|𠀀𠮷"},
        {"\xef\xa4\x80", "豈"},                    /* U+F900 is 豈, and folds to it */
        {"\xf0\xb2\x8e\xaf", "\xf0\xb2\x8e\xaf"}, /* U+323AF: Han, though utf8proc 2.8 does not know it */
        {"㎞ ㍿", "km|株|式|会|社|株式|式会|会社"},
        {"данные ДАННЫЕ", "данные"},
        {"नमस्ते दुनिया", "नमस्ते|दुनिया"}, /* marks belong to the word */
        {"\xe0\xb2\x95\xe0\xb3\x86\xe0\xb3\x82\xe0\xb3\x95", "\xe0\xb2\x95\xe0\xb3\x8b"}, /* three starters compose */
        {"so\xc2\xad" "ft", "soft"},
        {"zero\xe2\x80\x8bwidth", "zero|width"},
        {"a≠b c=\xcc\xb8" "d", "a|b|c|d"}, /* a mark without a letter is none's */
        {"\xcc\x81 \xe3\x82\x99 ゛", ""},
        {"網\xcc\x81絡\xef\xb8\x80", "網|絡|網絡"}, /* marks on a CJK character vanish */
        {"あ\xe3\x82\x99い a\xe3\x82\x99", "あ|い|あい|a\xe3\x82\x99"},
        {"a\xcc\x80\xcc\xa3 a\xcc\xa3\xcc\x80 \xe1\xba\xa1\xcc\x80", "\xe1\xba\xa1\xcc\x80"}, /* marks in any order */
        {"😀data🚀网", "data|网"},
    };
    struct tokens t;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
        words_of_text(clear(&t), BYTES_TEXT(examples[i].text));
        assert_words(&t.set, examples[i].text, examples[i].expected);
    }
}

static void test_queries(void **state)
{
    static const struct example examples[] = {
        {"", ""},
        {"?!", ""},
        {"AIR Quality", "air|quality"},
        {"网", "网"},
        {"网络", "网络"},
        {"空气质量", "空气|气质|质量"},
        {"网 络", "网|络"},
        {"5G网", "5g|网"},
        {"网5网络", "网|5|网络"},
        {"ｶﾞ", "ガ"},
        {"데이터 x", "데이|이터|x"},
        {"\xff网\xff", "网"},
    };
    struct tokens t;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
        assert_ok(words_of_query(clear(&t), BYTES_TEXT(examples[i].text)));
        assert_words(&t.set, examples[i].text, examples[i].expected);
    }
}

static void test_invalid_utf8_separates(void **state)
{
    static const struct example examples[] = {
        {"a\xff" "b", "a|b"},
        {"a\x80\x80" "b", "a|b"},
        {"ab\xc3", "ab"},
        {"ab\xe7\xbd", "ab"},
        {"\xe7\xbd" "ab", "ab"},
        {"a\xc0\xaf" "b", "a|b"},             /* overlong */
        {"a\xed\xa0\x80" "b", "a|b"},         /* a surrogate */
        {"a\xf4\x90\x80\x80" "b", "a|b"},     /* above U+10FFFF */
        {"a\xf7\xbf\xbf\xbf" "b", "a|b"},
        {"网\xe7\xbd络", "网|络"},
    };
    struct tokens t;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
        size_t len = strlen(examples[i].text);
        uint8_t *text = malloc(len); /* its own memory, so that a sanitizer sees a read past its end */
        assert_non_null(text);
        memcpy(text, examples[i].text, len);
        words_of_text(clear(&t), BYTES(text, len));
        assert_words(&t.set, examples[i].text, examples[i].expected);
        free(text);
    }
    words_of_text(clear(&t), BYTES("a\0b", 3));
    assert_words(&t.set, "a NUL b", "a|b");
    words_of_text(clear(&t), BYTES(NULL, 0));
    assert_int_equal(t.set.n, 0);
}

static void test_long_words_are_cut(void **state)
{
    char text[400], expected[WORD_BYTES_MAX + 1] = {0};
    struct tokens t;
    (void)state;
    memset(text, 'A', sizeof text);
    memset(expected, 'a', WORD_BYTES_MAX);
    for (size_t len = WORD_BYTES_MAX; len < sizeof text; len++) {
        words_of_text(clear(&t), BYTES(text, len));
        assert_words(&t.set, "AAA…", expected);
    }
    words_of_text(clear(&t), BYTES(text, WORD_BYTES_MAX - 1));
    assert_words(&t.set, "AAA…", expected + 1);
    /* é does not fit behind 63 letters; the x behind it, which would, is not taken either */
    memcpy(text + 63, "éx y", 5);
    words_of_text(clear(&t), BYTES(text, 68));
    assert_int_equal(t.set.n, 2);
    assert_true(has_word(&t.set, expected, 63) && has_word(&t.set, "y", 1));
    /* counted composed: 32 × é in two codepoints each are 64 bytes */
    expected[0] = '\0';
    text[0] = '\0';
    for (size_t i = 0; i < 40; i++) strcat(text, "e\xcc\x81");
    for (size_t i = 0; i < 32; i++) memcpy(expected + 2 * i, "é", 2);
    assert_ok(words_of_query(clear(&t), BYTES_TEXT(text)));
    assert_words(&t.set, text, expected);
}

static void test_marks_without_end(void **state)
{
    static char text[20003];
    struct tokens t;
    (void)state;
    text[0] = 'a';
    for (size_t i = 0; i < 10000; i++) memcpy(text + 1 + 2 * i, i % 2 ? "\xcc\x81" : "\xcc\xa3", 2);
    text[20001] = ' ';
    text[20002] = 'b';
    words_of_text(clear(&t), BYTES(text, sizeof text));
    assert_int_equal(t.set.n, 2);
    assert_true(has_word(&t.set, "b", 1));
    words_of_text(clear(&t), BYTES(text + 1, sizeof text - 1)); /* marks alone are no word */
    assert_words(&t.set, "marks, b", "b");
}

/* `n` different words, "w0 w1 …". */
static size_t many_words(char *text, size_t size, size_t n)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++) len += (size_t)snprintf(text + len, size - len, "w%zu ", i);
    return len;
}

static void test_first_come_first_kept(void **state)
{
    static char text[20000];
    uint8_t guard[WORD_KEY_BYTES], key[WORD_KEY_BYTES];
    struct tokens t;
    (void)state;
    size_t len = many_words(text, sizeof text, 2000);
    memset(guard, 0xee, sizeof guard);
    words_of_text(clear(&t), BYTES(text, len));
    assert_int_equal(t.set.n, WORDS_PER_LISTING_MAX);
    assert_sorted(&t.set);
    assert_memory_equal(t.keys[WORDS_PER_LISTING_MAX], guard, sizeof guard);
    for (unsigned i = 0; i < 2000; i++) {
        char word[16];
        int n = snprintf(word, sizeof word, "w%u", i);
        assert_int_equal(has_word(&t.set, word, (size_t)n), i < WORDS_PER_LISTING_MAX);
    }
    word_facet_key('k', BYTES_TEXT("data"), key);
    assert_false(word_set_add(&t.set, key));
    assert_true(word_set_add(&t.set, t.keys[7])); /* it is there */
    /* what is there already takes no room; another text goes on where the first ended; room of one */
    clear(&t)->room = 3;
    words_of_text(&t.set, BYTES_TEXT("a a b a"));
    words_of_text(&t.set, BYTES_TEXT("b b c d e"));
    assert_words(&t.set, "two texts", "a|b|c");
    word_set_init(&t.set, t.keys, SIZE_MAX);
    assert_int_equal(t.set.room, WORDS_PER_LISTING_MAX);
    word_set_init(&t.set, NULL, 0);
    words_of_text(&t.set, BYTES_TEXT("a 网络"));
    assert_int_equal(t.set.n, 0);
    assert_int_equal(words_of_query(&t.set, BYTES_TEXT("a")), TIDE_ELIMIT);
}

static void test_query_limit(void **state)
{
    char text[200];
    uint8_t key[WORD_KEY_BYTES];
    struct tokens t;
    (void)state;
    size_t len = many_words(text, sizeof text, WORDS_PER_QUERY_MAX);
    assert_ok(words_of_query(clear(&t), BYTES(text, len)));
    assert_int_equal(t.set.n, WORDS_PER_QUERY_MAX);
    strcpy(text + len, "W0 w1 ｗ２"); /* the same again are no more */
    assert_ok(words_of_query(clear(&t), BYTES_TEXT(text)));
    strcpy(text + len, "x");
    assert_int_equal(words_of_query(clear(&t), BYTES_TEXT(text)), TIDE_ELIMIT);
    strcpy(text + len, "网");
    assert_int_equal(words_of_query(clear(&t), BYTES_TEXT(text)), TIDE_ELIMIT);
    assert_int_equal(t.set.n, WORDS_PER_QUERY_MAX);
    word_facet_key('k', BYTES_TEXT("data"), key); /* facets do not count */
    assert_true(word_set_add(clear(&t), key));
    assert_ok(words_of_query(&t.set, BYTES(text, len)));
    assert_int_equal(t.set.n, WORDS_PER_QUERY_MAX + 1);
    /* 17 characters are 16 pairs */
    assert_ok(words_of_query(clear(&t), BYTES_TEXT("一二三四五六七八九十百千万亿天地人")));
    assert_int_equal(t.set.n, 16);
    assert_int_equal(words_of_query(clear(&t), BYTES_TEXT("一二三四五六七八九十百千万亿天地人口")), TIDE_ELIMIT);
}

static void test_facets(void **state)
{
    static const char *const values[] = {"", "data", "w", "wdata", "空气", "5g"};
    uint8_t key[WORD_KEY_BYTES], other[WORD_KEY_BYTES];
    struct tokens t;
    (void)state;
    word_facet_key('c', BYTES_TEXT("Ａir  QUALITY/ﬁne"), key);
    key_of("c", BYTES_TEXT("air  quality/fine"), other);
    assert_memory_equal(key, other, sizeof key);
    word_facet_key('c', BYTES_TEXT("a\xff" "b"), key); /* an invalid byte is no space */
    word_facet_key('c', BYTES_TEXT("a b"), other);
    assert_memory_not_equal(key, other, sizeof key);
    /* what is hashed begins with another letter: no word passes for a facet, nor one facet for another */
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        char text[32];
        snprintf(text, sizeof text, "k%s c%s %s", values[i], values[i], values[i]);
        words_of_text(clear(&t), BYTES_TEXT(text));
        for (const char *facet = "kclp"; *facet != '\0'; facet++) {
            word_facet_key(*facet, BYTES_TEXT(values[i]), key);
            assert_false(has_key(&t.set, key));
            assert_true(word_set_add(&t.set, key));
            assert_sorted(&t.set);
        }
    }
}

/* ---- random texts ---- */

static size_t random_text(uint64_t *seed, uint8_t *out, size_t n_cps)
{
    static const int32_t ranges[][2] = {
        {' ', '~'}, {'a', 'z'}, {0xa0, 0x24f}, {0x300, 0x36f}, {0x340, 0x362}, {0x370, 0x3ff}, {0x590, 0x5ff},
        {0x900, 0x97f}, {0xc80, 0xcff}, {0x1100, 0x1112}, {0x1161, 0x1175}, {0x11a7, 0x11c2}, {0x1e00, 0x1fff},
        {0x2000, 0x214f}, {0x3000, 0x30ff}, {0x3099, 0x309a}, {0x3131, 0x33ff}, {0x4e00, 0x4e20}, {0xac00, 0xd7a3},
        {0xf900, 0xfaff}, {0xfb00, 0xfdff}, {0xff00, 0xffef}, {0x1d100, 0x1d7ff}, {0x20000, 0x20010}, {0x2f800, 0x2fa1f},
    };
    size_t len = 0;
    for (size_t i = 0; i < n_cps; i++) {
        const int32_t *range = ranges[next_random(seed) % ARRAY_LEN(ranges)];
        int32_t cp = range[0] + (int32_t)(next_random(seed) % (uint64_t)(range[1] - range[0] + 1));
        if (cp == 0x200b) continue; /* it stays, see words.h; utf8proc takes it out */
        len += (size_t)utf8proc_encode_char(cp, out + len);
    }
    return len;
}

/* A facet is its letter and the whole value folded, so that it shows what folding gives. */
static void test_folding_is_nfkc_casefold(void **state)
{
    uint64_t seed = 20240611;
    uint8_t text[20 * 4 + 1], key[WORD_KEY_BYTES], expected[WORD_KEY_BYTES];
    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        size_t len = random_text(&seed, text, 1 + next_random(&seed) % 20);
        text[len] = '\0';
        uint8_t *folded = utf8proc_NFKC_Casefold(text);
        assert_non_null(folded);
        key_of("k", BYTES_TEXT((char *)folded), expected);
        word_facet_key('k', BYTES(text, len), key);
        if (memcmp(key, expected, sizeof key) != 0) fail_msg("\"%s\" does not fold to \"%s\"", text, folded);
        free(folded);
    }
}

/* Random bytes: nothing is read past the end, sets stay sorted, and the same text has the same tokens. */
static void test_random_bytes(void **state)
{
    uint64_t seed = 7;
    struct tokens a, b;
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        size_t len = next_random(&seed) % 64;
        uint8_t *text = malloc(len + (len == 0));
        assert_non_null(text);
        for (size_t j = 0; j < len; j++) text[j] = (uint8_t)(next_random(&seed) >> 32 | (i % 2 ? 0xc0 : 0));
        words_of_text(clear(&a), BYTES(text, len));
        words_of_text(clear(&b), BYTES(text, len));
        assert_sorted(&a.set);
        assert_int_equal(a.set.n, b.set.n);
        assert_memory_equal(a.keys, b.keys, sizeof a.keys);
        free(text);
    }
}

/*
 * A query of a text's own words finds the text. Words are cut out of it as a person would: whole ones between spaces,
 * and within CJK any part of a run.
 */
static void test_own_words_are_found(void **state)
{
    static const char *const words[] = {
        "Air", "QUALITY", "5G", "ｄａｔａ", "ﬁne", "straße", "ΟΔΟΣ", "café", "데이터", "नमस्ते", "2024",
    };
    static const char *const chars[] = {"空", "气", "质", "量", "网", "络", "か", "ガ", "ー", "々", "〇", "한", "글", "𠮷"};
    uint64_t seed = 99;
    struct tokens whole, part;
    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        char text[2000] = "", query[400] = "", run[200], cut[100];
        for (unsigned i = 0; i < 12; i++) {
            const char *word = words[next_random(&seed) % ARRAY_LEN(words)];
            unsigned n = 1 + (unsigned)(next_random(&seed) % 8), from = (unsigned)(next_random(&seed) % n);
            unsigned to = from + 1 + (unsigned)(next_random(&seed) % (n - from));
            run[0] = cut[0] = '\0';
            for (unsigned j = 0; j < n; j++) {
                const char *c = chars[next_random(&seed) % ARRAY_LEN(chars)];
                strcat(run, c);
                if (j >= from && j < to) strcat(cut, c);
            }
            /* "word run", or "wordrun" with the border in between; a Korean word would run on into it */
            strcat(text, word);
            strcat(text, next_random(&seed) % 2 ? " " : strcmp(word, "데이터") == 0 ? "/" : "");
            strcat(text, run);
            strcat(text, "，");
            if (i >= 2) continue;
            strcat(strcat(query, word), " ");
            strcat(strcat(query, cut), " ");
        }
        words_of_text(clear(&whole), BYTES_TEXT(text));
        assert_ok(words_of_query(clear(&part), BYTES_TEXT(query)));
        assert_true(part.set.n >= 2);
        if (!is_subset(&part.set, &whole.set)) fail_msg("\"%s\" is not found in \"%s\"", query, text);
    }
    words_of_text(clear(&whole), BYTES_TEXT("空气质量"));
    assert_ok(words_of_query(clear(&part), BYTES_TEXT("空质")));
    assert_false(is_subset(&part.set, &whole.set));
}

/* Any text as its own query, as far as that fits. */
static void test_a_random_text_finds_itself(void **state)
{
    uint64_t seed = 5;
    uint8_t text[10 * 4];
    struct tokens whole, part;
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        size_t len = random_text(&seed, text, 10);
        words_of_text(clear(&whole), BYTES(text, len));
        if (words_of_query(clear(&part), BYTES(text, len)) != TIDE_OK) continue;
        assert_true(is_subset(&part.set, &whole.set));
        assert_int_equal(part.set.n == 0, whole.set.n == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_invalid_utf8_separates),
        cmocka_unit_test(test_long_words_are_cut),
        cmocka_unit_test(test_marks_without_end),
        cmocka_unit_test(test_first_come_first_kept),
        cmocka_unit_test(test_query_limit),
        cmocka_unit_test(test_facets),
        cmocka_unit_test(test_folding_is_nfkc_casefold),
        cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_own_words_are_found),
        cmocka_unit_test(test_a_random_text_finds_itself),
    };
    return cmocka_run_group_tests_name("storage words", tests, NULL, NULL);
}
