/*
 * The certificate's text: one text for one set of values, and nothing else is taken.
 */
#include "storage/certificate.h"

#include "crypto/bech32.h"
#include "crypto/identity.h"
#include "tests/unit/test_storage.h"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static struct certificate example(void)
{
    struct certificate c;
    memset(&c, 0, sizeof c);
    c.origin = BYTES_TEXT("example.org/market");
    c.title = BYTES_TEXT("Air quality, hourly \xe7\xa9\xba\xe6\xb0\x94");
    c.number = 3;
    c.listing = 77;
    c.kind = LISTING_MODEL;
    c.class = CLASS_IMPORTANT;
    memset(c.vendor, 1, 32);
    memset(c.reviewer, 2, 32);
    c.registered_ms = UINT64_C(1767571200000);
    c.has_content = true;
    memset(c.content_root, 0xa0, 32);
    memset(c.key_commitment, 0xb1, 32);
    memset(c.terms_hash, 0xc2, 32);
    return c;
}

/* The bytes of an example, written out: they are signed and last, so they may never change. */
static void test_text_of_example(void **state)
{
    char vendor[BECH32_TEXT_MAX], reviewer[BECH32_TEXT_MAX], expected[2048];
    struct certificate c = example();
    (void)state;
    bech32_encode(PARTY_PREFIX, c.vendor, vendor);
    bech32_encode(PARTY_PREFIX, c.reviewer, reviewer);
    snprintf(expected, sizeof expected,
             "tidemark/certificate/v1\n"
             "market example.org/market\n"
             "certificate 3\n"
             "listing 77 Air quality, hourly \xe7\xa9\xba\xe6\xb0\x94\n"
             "kind model\n"
             "class important\n"
             "vendor %s\n"
             "reviewer %s\n"
             "registered 1767571200000\n"
             "content a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0\n"
             "key b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1\n"
             "terms c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2\n",
             vendor, reviewer);
    struct bytes text = certificate_format(&c, &arena);
    assert_non_null(text.data);
    assert_string_equal((const char *)text.data, expected);
}

static void assert_round_trip(const struct certificate *c)
{
    struct certificate back;
    struct bytes text = certificate_format(c, &arena);
    assert_non_null(text.data);
    assert_ok(certificate_parse(text, &back));
    assert_true(bytes_equal(back.origin, c->origin));
    assert_true(bytes_equal(back.title, c->title));
    assert_int_equal(back.number, c->number);
    assert_int_equal(back.listing, c->listing);
    assert_int_equal(back.kind, c->kind);
    assert_int_equal(back.class, c->class);
    assert_int_equal(back.registered_ms, c->registered_ms);
    assert_memory_equal(back.vendor, c->vendor, 32);
    assert_memory_equal(back.reviewer, c->reviewer, 32);
    assert_int_equal(back.has_content, c->has_content);
    if (c->has_content) assert_memory_equal(back.content_root, c->content_root, 32);
    if (c->has_content) assert_memory_equal(back.key_commitment, c->key_commitment, 32);
    assert_memory_equal(back.terms_hash, c->terms_hash, 32);
    assert_true(bytes_equal(certificate_format(&back, &arena), text));
}

static void test_round_trips(void **state)
{
    struct certificate c = example();
    char title[161], origin[121];
    (void)state;
    assert_round_trip(&c);
    c.has_content = false;
    for (c.kind = 0; c.kind <= LISTING_COMPUTE; c.kind++)
        for (c.class = 0; c.class <= CLASS_CORE; c.class++) assert_round_trip(&c);
    c = example();
    memset(title, 'x', sizeof title);
    memset(origin, 'o', sizeof origin);
    c.title = BYTES(title, 160);
    c.origin = BYTES(origin, 120);
    c.number = c.listing = c.registered_ms = LIMIT_AMOUNT;
    assert_round_trip(&c);
    c.title = BYTES_TEXT(" a title - with: 7 spaces ");
    assert_round_trip(&c);
}

static void test_texts_that_cannot_be(void **state)
{
    static const char *const titles[] = {"", "a\nb", "a\tb", "\x7f", "a\xc2\x85g", "a\x1b[31m"};
    struct certificate c;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(titles); i++) {
        c = example();
        c.title = BYTES_TEXT(titles[i]);
        assert_null(certificate_format(&c, &arena).data);
        c = example();
        c.origin = BYTES_TEXT(titles[i]);
        assert_null(certificate_format(&c, &arena).data);
    }
    c = example();
    c.kind = LISTING_COMPUTE + 1;
    assert_null(certificate_format(&c, &arena).data);
    c = example();
    c.class = CLASS_CORE + 1;
    assert_null(certificate_format(&c, &arena).data);
}

/* The example's text with one piece replaced must be refused. */
static void assert_refused(const char *from, const char *to)
{
    char changed[4096];
    struct certificate c = example(), out;
    struct bytes text = certificate_format(&c, &arena);
    const char *at = strstr((const char *)text.data, from);
    assert_non_null(at);
    int n = snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - (const char *)text.data), (const char *)text.data,
                     to, at + strlen(from));
    assert_int_equal(certificate_parse(BYTES(changed, (size_t)n), &out), TIDE_EMALFORMED);
    assert_int_equal(out.listing, 0);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    assert_refused("v1", "v2");
    assert_refused("certificate/", "settlement/");
    assert_refused("certificate 3", "certificate 03");
    assert_refused("certificate 3", "certificate 9007199254740992");
    assert_refused("certificate 3\n", "");
    assert_refused("certificate 3\n", "certificate 3\r\n");
    assert_refused("certificate 3\n", "certificate 3\ncertificate 3\n");
    assert_refused("listing 77 ", "listing 77");
    assert_refused("listing 77 Air", "listing 77 \x1b" "Air");
    assert_refused("kind model", "kind Model");
    assert_refused("kind model", "kind models");
    assert_refused("kind model", "kind ");
    assert_refused("class important", "class secret");
    assert_refused("vendor tide1", "vendor TIDE1");
    assert_refused("reviewer tide1q", "reviewer tide1p");
    assert_refused("registered 17", "registered -17");
    assert_refused("content a0", "content A0");
    assert_refused("key b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1", "key -");
    assert_refused("terms c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2", "terms -");
    assert_refused("c2\n", "c2\n\n");
    assert_refused("c2\n", "c2");
    assert_refused("c2\n", "c2\nmore 1\n");
}

static void test_truncated_and_flipped(void **state)
{
    struct certificate c = example(), out;
    char copy[2048];
    (void)state;
    struct bytes text = certificate_format(&c, &arena);
    for (size_t len = 0; len < text.len; len++)
        assert_int_equal(certificate_parse(BYTES(text.data, len), &out), TIDE_EMALFORMED);
    for (size_t bit = 0; bit < text.len * 8; bit++) {
        memcpy(copy, text.data, text.len);
        copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
        if (certificate_parse(BYTES(copy, text.len), &out) != TIDE_OK) continue;
        struct bytes again = certificate_format(&out, &arena);
        assert_int_equal(again.len, text.len);
        assert_memory_equal(again.data, copy, text.len);
        arena_reset(&arena);
        text = certificate_format(&c, &arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_of_example),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_texts_that_cannot_be),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_truncated_and_flipped),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
