/*
 * The settlement text and the receipt: one text for one set of values, and nothing else is taken.
 */
#include "storage/settlement.h"

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

static struct settlement example(void)
{
    struct settlement s;
    memset(&s, 0, sizeof s);
    s.origin = BYTES_TEXT("example.org/market");
    s.title = BYTES_TEXT("Air quality, hourly \xe7\xa9\xba\xe6\xb0\x94");
    s.trade = 10482;
    s.listing = 77;
    memset(s.vendor, 1, 32);
    memset(s.buyer, 2, 32);
    s.quantity = 3;
    s.price = 9900;
    s.total = 29700;
    s.fee = 297;
    s.has_content = true;
    memset(s.content_root, 0xa0, 32);
    memset(s.key_commitment, 0xb1, 32);
    memset(s.terms_hash, 0xc2, 32);
    return s;
}

/* The bytes of an example, written out: both sides sign them, so they may never change. */
static const char example_text[] =
    "tidemark/settlement/v1\n"
    "market example.org/market\n"
    "trade 10482\n"
    "listing 77 Air quality, hourly \xe7\xa9\xba\xe6\xb0\x94\n"
    "vendor tide1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs%s\n"
    "buyer tide1qgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpq%s\n"
    "quantity 3\n"
    "price 9900 CNY\n"
    "total 29700\n"
    "fee 297\n"
    "voucher 0 -\n"
    "content a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0\n"
    "key b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1\n"
    "terms c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2\n";

static void test_text_of_example(void **state)
{
    char expected[2048];
    struct settlement s = example();
    (void)state;
    struct bytes text = settlement_format(&s, &arena);
    assert_non_null(text.data);
    /* the last characters of a party are its checksum: bech32's own tests fix it */
    const char *vendor = strstr((const char *)text.data, "vendor tide1"), *buyer = strstr((const char *)text.data, "buyer tide1");
    assert_non_null(vendor);
    assert_non_null(buyer);
    const char *vendor_end = strchr(vendor, '\n'), *buyer_end = strchr(buyer, '\n');
    size_t stem_v = strlen("vendor tide1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs");
    size_t stem_b = strlen("buyer tide1qgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpq");
    char end_v[32] = {0}, end_b[32] = {0};
    assert_true((size_t)(vendor_end - vendor) > stem_v && (size_t)(buyer_end - buyer) > stem_b);
    memcpy(end_v, vendor + stem_v, (size_t)(vendor_end - vendor) - stem_v);
    memcpy(end_b, buyer + stem_b, (size_t)(buyer_end - buyer) - stem_b);
    snprintf(expected, sizeof expected, example_text, end_v, end_b);
    assert_string_equal((const char *)text.data, expected);
}

static void assert_round_trip(const struct settlement *s)
{
    struct settlement back;
    struct bytes text = settlement_format(s, &arena);
    assert_non_null(text.data);
    assert_ok(settlement_parse(text, &back));
    assert_true(bytes_equal(back.origin, s->origin));
    assert_true(bytes_equal(back.title, s->title));
    assert_memory_equal(back.vendor, s->vendor, 32);
    assert_memory_equal(back.buyer, s->buyer, 32);
    assert_int_equal(back.trade, s->trade);
    assert_int_equal(back.listing, s->listing);
    assert_int_equal(back.quantity, s->quantity);
    assert_int_equal(back.price, s->price);
    assert_int_equal(back.total, s->total);
    assert_int_equal(back.fee, s->fee);
    assert_int_equal(back.voucher, s->voucher);
    assert_int_equal(back.programme, s->programme);
    assert_int_equal(back.has_content, s->has_content);
    if (s->has_content) {
        assert_memory_equal(back.content_root, s->content_root, 32);
        assert_memory_equal(back.key_commitment, s->key_commitment, 32);
    }
    assert_memory_equal(back.terms_hash, s->terms_hash, 32);
    assert_true(bytes_equal(settlement_format(&back, &arena), text));
}

static void test_round_trips(void **state)
{
    struct settlement s = example();
    char title[161], origin[121];
    (void)state;
    assert_round_trip(&s);
    s.has_content = false;
    assert_round_trip(&s);
    s.voucher = 500;
    s.programme = 12;
    assert_round_trip(&s);
    memset(title, 'x', sizeof title);
    memset(origin, 'o', sizeof origin);
    s.title = BYTES(title, 160);
    s.origin = BYTES(origin, 120);
    s.trade = s.listing = s.quantity = s.price = s.total = s.fee = s.voucher = s.programme = (UINT64_C(1) << 53) - 1;
    assert_round_trip(&s);
    s = example();
    s.title = BYTES_TEXT(" a title - with: 7 spaces ");
    assert_round_trip(&s);
}

static void test_texts_that_cannot_be(void **state)
{
    static const char *const titles[] = {"", "a\nb", "a\tb", "\x7f", "a\xc2\x85g", "a\x1b[31m"};
    char title[161];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(titles); i++) {
        struct settlement s = example();
        s.title = BYTES_TEXT(titles[i]);
        assert_null(settlement_format(&s, &arena).data);
        s = example();
        s.origin = BYTES_TEXT(titles[i]);
        assert_null(settlement_format(&s, &arena).data);
    }
    struct settlement s = example();
    memset(title, 'x', sizeof title);
    s.title = BYTES(title, 161);
    assert_null(settlement_format(&s, &arena).data);
}

/* The example's text with one piece replaced must be refused. */
static void assert_refused(const char *from, const char *to)
{
    char changed[4096];
    struct settlement s = example(), out;
    struct bytes text = settlement_format(&s, &arena);
    const char *at = strstr((const char *)text.data, from);
    assert_non_null(at);
    int n = snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - (const char *)text.data),
                     (const char *)text.data, to, at + strlen(from));
    assert_int_equal(settlement_parse(BYTES(changed, (size_t)n), &out), TIDE_EMALFORMED);
    assert_int_equal(out.trade, 0);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    assert_refused("v1", "v2");
    assert_refused("trade 10482", "trade 010482");
    assert_refused("trade 10482", "trade +10482");
    assert_refused("trade 10482", "trade -1");
    assert_refused("trade 10482", "trade ");
    assert_refused("trade 10482", "trade 9007199254740992");
    assert_refused("trade 10482", "trade 99999999999999999999");
    assert_refused("trade 10482\n", "");
    assert_refused("trade 10482\n", "trade 10482\ntrade 10482\n");
    assert_refused("trade 10482\n", "trade 10482\r\n");
    assert_refused("trade 10482", "Trade 10482");
    assert_refused("listing 77 ", "listing 77");
    assert_refused("listing 77 Air", "listing 77 \x1b" "Air");
    assert_refused("price 9900 CNY", "price 9900 EUR");
    assert_refused("price 9900 CNY", "price 9900");
    assert_refused("voucher 0 -", "voucher 0 0");
    assert_refused("voucher 0 -", "voucher 0 ");
    assert_refused("content a0", "content A0");
    assert_refused("content a0a0", "content a0");
    assert_refused("vendor tide1", "vendor TIDE1");
    assert_refused("vendor tide1q", "vendor tide1p");
    assert_refused("key b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1", "key -");
    assert_refused("terms c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2", "terms -");
    assert_refused("c2\n", "c2\n\n");
    assert_refused("c2\n", "c2");
    assert_refused("c2\n", "c2\nmore 1\n");
}

/* Every text that is one byte short, or has one bit changed, is refused or says something else. */
static void test_truncated_and_flipped(void **state)
{
    struct settlement s = example(), out;
    char copy[2048];
    (void)state;
    struct bytes text = settlement_format(&s, &arena);
    for (size_t len = 0; len < text.len; len++) {
        assert_int_equal(settlement_parse(BYTES(text.data, len), &out), TIDE_EMALFORMED);
    }
    for (size_t bit = 0; bit < text.len * 8; bit++) {
        memcpy(copy, text.data, text.len);
        copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
        if (settlement_parse(BYTES(copy, text.len), &out) != TIDE_OK) continue;
        struct bytes again = settlement_format(&out, &arena);
        assert_memory_equal(again.data, copy, text.len);
        arena_reset(&arena);
        text = settlement_format(&s, &arena);
    }
}

/* ---- receipts ---- */

#define NOTE "tidemark/settlement/v1\nmarket m\n\n\xe2\x80\x94 tide1x AAAA\n\xe2\x80\x94 m BBBB\n"
#define PROOF "c2sp.org/tlog-proof@v1\nextra AAAA\nindex 5\n\nm\n6\nroot\n\n\xe2\x80\x94 m CCCC\n"

static void test_receipt(void **state)
{
    struct receipt r = {.note = BYTES_TEXT(NOTE), .proof = BYTES_TEXT(PROOF)}, back;
    (void)state;
    struct bytes file = receipt_format(&r, &arena);
    assert_true(bytes_equal(file, BYTES_TEXT(NOTE "\n" PROOF)));
    assert_ok(receipt_parse(file, &back));
    assert_true(bytes_equal(back.note, r.note));
    assert_true(bytes_equal(back.proof, r.proof));
}

static void assert_no_receipt(const char *text)
{
    struct receipt r;
    assert_int_equal(receipt_parse(BYTES_TEXT(text), &r), TIDE_EMALFORMED);
    assert_null(r.note.data);
}

static void test_what_is_no_receipt(void **state)
{
    (void)state;
    assert_no_receipt("");
    assert_no_receipt(NOTE);
    assert_no_receipt(PROOF);
    assert_no_receipt("\n" PROOF);
    assert_no_receipt("\n\n" PROOF);
    assert_no_receipt(NOTE PROOF);
    assert_no_receipt("a text without signatures\n\n" PROOF);
    assert_no_receipt("a text\n\nnot a signature\n\n" PROOF);
    assert_no_receipt("\xe2\x80\x94 m BBBB\n\n" PROOF); /* no text */

    /* parts that would come apart elsewhere */
    struct receipt r = {.note = BYTES_TEXT("text\n\n" PROOF), .proof = BYTES_TEXT(PROOF)};
    assert_null(receipt_format(&r, &arena).data);
    r.note = BYTES_TEXT(NOTE "\n");
    assert_null(receipt_format(&r, &arena).data);
    r.note = BYTES_TEXT(NOTE);
    r.proof = BYTES_TEXT("x" PROOF);
    assert_null(receipt_format(&r, &arena).data);
    r.proof = BYTES(NULL, 0);
    assert_null(receipt_format(&r, &arena).data);
}

/* A log whose origin is the proof's own first line must not confuse anybody. */
static void test_receipt_with_odd_origin(void **state)
{
    static const char odd[] = "c2sp.org/tlog-proof@v1\nindex 5\n\nc2sp.org/tlog-proof@v1\n6\nroot\n\n\xe2\x80\x94 m CCCC\n";
    struct receipt r = {.note = BYTES_TEXT(NOTE), .proof = BYTES_TEXT(odd)}, back;
    (void)state;
    struct bytes file = receipt_format(&r, &arena);
    assert_non_null(file.data);
    assert_ok(receipt_parse(file, &back));
    assert_true(bytes_equal(back.note, r.note));
    assert_true(bytes_equal(back.proof, r.proof));
}

/* Changes of keys follow the proof, each a proof of its own, in order. */
static void test_receipt_with_changes(void **state)
{
    static const char odd[] = "c2sp.org/tlog-proof@v1\nindex 7\n\nc2sp.org/tlog-proof@v1\n9\nroot\n\n\xe2\x80\x94 m DDDD\n";
    struct receipt r = {.note = BYTES_TEXT(NOTE), .proof = BYTES_TEXT(PROOF),
                        .changes = {BYTES_TEXT(odd), BYTES_TEXT(PROOF)}, .n_changes = 2}, back;
    (void)state;
    struct bytes file = receipt_format(&r, &arena);
    assert_non_null(file.data);
    assert_ok(receipt_parse(file, &back));
    assert_true(bytes_equal(back.proof, r.proof));
    assert_int_equal(back.n_changes, 2);
    for (size_t i = 0; i < 2; i++) assert_true(bytes_equal(back.changes[i], r.changes[i]));

    r.n_changes = RECEIPT_CHANGES_MAX;
    for (size_t i = 0; i < RECEIPT_CHANGES_MAX; i++) r.changes[i] = BYTES_TEXT(PROOF);
    file = receipt_format(&r, &arena);
    assert_non_null(file.data);
    char *more = arena_alloc(&arena, file.len + sizeof "\n" PROOF);
    stpcpy(mempcpy(more, file.data, file.len), "\n" PROOF);
    assert_int_equal(receipt_parse(BYTES_TEXT(more), &back), TIDE_EMALFORMED); /* one too many */

    assert_no_receipt(NOTE "\n" PROOF "\n");
    assert_no_receipt(NOTE "\n" PROOF PROOF);
    assert_no_receipt(NOTE "\n" PROOF "\n\n" PROOF);
    assert_no_receipt(NOTE "\n" PROOF "more\n");
    assert_no_receipt(NOTE "\n" PROOF "\nc2sp.org/tlog-proof@v1\nindex 5\n\nm\n6\nroot\n\n");
    assert_no_receipt(NOTE "\n" PROOF "\nc2sp.org/tlog-proof@v1\nindex 5\n");
    r.n_changes = 1;
    r.changes[0] = BYTES(NULL, 0);
    assert_null(receipt_format(&r, &arena).data);
    r.changes[0] = BYTES_TEXT(PROOF "\n" PROOF); /* would come apart as two */
    assert_null(receipt_format(&r, &arena).data);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_text_of_example),       TEST(test_round_trips),        TEST(test_texts_that_cannot_be),
        TEST(test_what_is_refused),       TEST(test_truncated_and_flipped), TEST(test_receipt),
        TEST(test_what_is_no_receipt),    TEST(test_receipt_with_odd_origin),
        TEST(test_receipt_with_changes),
    };
    return cmocka_run_group_tests_name("storage settlement", tests, NULL, NULL);
}
