/*
 * The codec and the arena: which bytes pass the pre-walk, that what passes has one form, and that nothing hostile
 * costs memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "storage/codec.h"
#include "storage/limits.h"
#include "tests/unit/random_body.h"

#define CAP (16u << 20)

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = 0;
    for (; *hex != '\0'; hex++) {
        if (*hex == ' ') continue;
        char pair[3] = {hex[0], hex[1], '\0'};
        out[n++] = (uint8_t)strtoul(pair, NULL, 16);
        hex++;
    }
    return n;
}

static enum tide_err prewalk_hex(const char *hex)
{
    uint8_t data[256];
    struct bytes in = BYTES(data, from_hex(hex, data));
    uint8_t *copy = exact_copy(in);
    enum tide_err err = codec_prewalk(BYTES(copy, in.len));
    free(copy);
    return err;
}

static void test_allowed_forms(void **state)
{
    (void)state;
    static const char *const good[] = {
        "00", "7f", "e0", "ff", "cc 80", "cc ff", "cd 01 00", "cd ff ff", "ce 00 01 00 00", "ce ff ff ff ff",
        "cf 00 00 00 01 00 00 00 00", "cf ff ff ff ff ff ff ff ff", "d0 df", "d0 80", "d1 ff 7f", "d1 80 00",
        "d2 ff ff 7f ff", "d2 80 00 00 00", "d3 ff ff ff ff 7f ff ff ff", "d3 80 00 00 00 00 00 00 00",
        "a0", "a3 61 62 63", "c4 00", "c4 02 ff fe", "90", "92 01 a1 7a", "91 91 91 91 91 91 91 90", "a2 c3 a9",
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        if (prewalk_hex(good[i]) != TIDE_OK) fail_msg("refused: %s", good[i]);
    }
}

static void test_forbidden_forms(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",                                                           /* nothing */
        "cc 7f", "cc 00", "cd 00 ff", "ce 00 00 ff ff", "cf 00 00 00 00 ff ff ff ff", /* not the shortest */
        "d0 e0", "d0 ff", "d1 ff 80", "d2 ff ff 80 00", "d3 ff ff ff ff 80 00 00 00",
        "d0 00", "d0 7f", "d1 00 80", "d2 00 01 00 00", "d3 00 00 00 01 00 00 00 00", /* signed, but not negative */
        "d9 01 61", "da 00 01 61", "db 00 00 00 01 61", "c5 00 01 ff", "c6 00 00 00 01 ff",
        "dc 00 01 00", "dd 00 00 00 01 00", "dd 00 00 00 00",
        "80", "81 00 00", "de 00 00", "df 00 00 00 00",               /* maps */
        "c0", "c1", "c2", "c3",                                       /* nil, never used, bool */
        "ca 00 00 00 00", "cb 00 00 00 00 00 00 00 00",               /* floats */
        "c7 00 01", "c8 00 00 01", "c9 00 00 00 00 01", "d4 01 00", "d5 01 00 00", "d6 ff 00 00 00 00", /* ext */
        "dd 10 00 00 00", "dd ff ff ff ff", "dc ff ff", "93 01 02", "9f", /* more items than bytes */
        "c4 01", "c4 ff 00", "c5 ff ff", "c6 ff ff ff ff", "db ff ff ff ff", "a1", "bf 61", /* longer than the rest */
        "cd 01", "cf 00 00", "dc 00", "dd 10", "c6 00 01",            /* cut headers */
        "00 00", "90 90", "a0 00", "91 00 00",                        /* something after the end */
        "a1 80", "a1 ff", "a2 c3 28", "a2 c0 80", "a3 ed a0 80", "a4 f4 90 80 80", "a3 e0 80 80", "a4 f0 80 80 80",
        "91 91 91 91 91 91 91 91 90",                                 /* nine arrays deep */
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (prewalk_hex(bad[i]) != TIDE_EMALFORMED) fail_msg("accepted: %s", bad[i]);
    }
}

/* Each header at its least length or count passes; one less has a shorter form. */
static void test_least_lengths(void **state)
{
    (void)state;
    static const struct { uint8_t first; size_t width, least; } headers[] = {
        {0xd9, 1, 32}, {0xda, 2, 256}, {0xdb, 4, 65536}, {0xc5, 2, 256}, {0xc6, 4, 65536}, {0xdc, 2, 16},
    };
    uint8_t *data = malloc(5 + 65536);
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        for (size_t len = headers[i].least - 1; len <= headers[i].least; len++) {
            memset(data, 'x', 5 + 65536);
            data[0] = headers[i].first;
            for (size_t j = 0; j < headers[i].width; j++) {
                data[1 + j] = (uint8_t)(len >> 8 * (headers[i].width - 1 - j));
            }
            enum tide_err err = codec_prewalk(BYTES(data, 1 + headers[i].width + len));
            if ((err == TIDE_OK) != (len == headers[i].least)) fail_msg("header %02x, length %zu", data[0], len);
        }
    }
    free(data);
}

static void test_array_bomb_costs_nothing(void **state)
{
    (void)state;
    static const uint8_t bomb[] = {0xdd, 0x10, 0x00, 0x00, 0x00};
    struct arena arena;
    struct codec_value value;
    arena_init(&arena, CAP);
    assert_int_equal(codec_unpack(BYTES(bomb, sizeof bomb), &arena, &value), TIDE_EMALFORMED);
    assert_null(value.object);
    assert_int_equal(arena.total, 0);
    arena_deinit(&arena);
}

static void test_limits_of_elements(void **state)
{
    (void)state;
    uint8_t data[3 + LIMIT_ELEMENTS] = {0};
    data[0] = 0xdc;
    data[1] = (LIMIT_ELEMENTS - 1) >> 8;
    data[2] = (LIMIT_ELEMENTS - 1) & 0xff;
    assert_int_equal(codec_prewalk(BYTES(data, 3 + LIMIT_ELEMENTS - 1)), TIDE_OK);
    data[1] = LIMIT_ELEMENTS >> 8;
    data[2] = LIMIT_ELEMENTS & 0xff;
    assert_int_equal(codec_prewalk(BYTES(data, sizeof data)), TIDE_EMALFORMED);
}

/* Writes a decoded value again. */
static void rewrite(struct codec_value v, struct codec_writer *w)
{
    struct bytes span;
    uint64_t u;
    int64_t i;
    size_t n;
    if (codec_get_array(v, &n)) {
        codec_put_array(w, n);
        for (size_t at = 0; at < n; at++) {
            struct codec_value item;
            assert_true(codec_get_item(v, at, &item));
            rewrite(item, w);
        }
    } else if (codec_get_bin(v, &span)) {
        codec_put_bin(w, span);
    } else if (codec_get_text(v, &span)) {
        codec_put_text(w, span);
    } else if (codec_get_u64(v, &u)) {
        codec_put_u64(w, u);
    } else {
        assert_true(codec_get_i64(v, &i));
        assert_true(i < 0);
        codec_put_i64(w, i);
    }
}

static void check_one_form(struct bytes in, struct arena *arena)
{
    struct codec_value value;
    struct codec_writer w;
    if (codec_prewalk(in) != TIDE_OK) return;
    assert_int_equal(codec_unpack(in, arena, &value), TIDE_OK);
    codec_writer_init(&w, arena, 4096);
    rewrite(value, &w);
    assert_int_equal(w.err, TIDE_OK);
    assert_true(bytes_equal(codec_writer_bytes(&w), in));
    arena_reset(arena);
}

/* Every input of up to three bytes, and random longer ones: what passes is exactly what the writer writes. */
static void test_one_form_each(void **state)
{
    (void)state;
    struct arena arena;
    struct chance chance = {1};
    arena_init(&arena, CAP);
    for (uint32_t number = 0; number < 1u << 24; number++) {
        uint8_t data[3] = {(uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number};
        check_one_form(BYTES(data, 3), &arena);
        if (number % 256 == 0) check_one_form(BYTES(data, 2), &arena);
        if (number % 65536 == 0) check_one_form(BYTES(data, 1), &arena);
    }
    for (unsigned round = 0; round < 300000; round++) {
        static const uint8_t likely[] = {0x92, 0x93, 0x91, 0xa1, 0xa2, 0xc4, 0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd3};
        uint8_t data[12];
        for (size_t i = 0; i < sizeof data; i++) {
            data[i] = chance_next(&chance) % 2 == 0 ? likely[chance_next(&chance) % sizeof likely]
                                                    : (uint8_t)chance_next(&chance);
        }
        for (size_t len = 1; len <= sizeof data; len++) check_one_form(BYTES(data, len), &arena);
    }
    arena_deinit(&arena);
}

static void test_numbers_round_trip(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, CAP);
    for (unsigned bit = 0; bit < 64; bit++) {
        for (int delta = -2; delta <= 2; delta++) {
            uint64_t number = (UINT64_C(1) << bit) + (uint64_t)(int64_t)delta, u;
            int64_t as_signed = (int64_t)number, i;
            struct codec_writer w;
            struct codec_value v;
            codec_writer_init(&w, &arena, 64);
            codec_put_u64(&w, number);
            assert_int_equal(codec_unpack(codec_writer_bytes(&w), &arena, &v), TIDE_OK);
            assert_true(codec_get_u64(v, &u));
            assert_true(u == number);
            assert_int_equal(codec_get_i64(v, &i), number <= INT64_MAX);
            codec_writer_init(&w, &arena, 64);
            codec_put_i64(&w, as_signed);
            assert_int_equal(codec_unpack(codec_writer_bytes(&w), &arena, &v), TIDE_OK);
            assert_true(codec_get_i64(v, &i));
            assert_true(i == as_signed);
            assert_int_equal(codec_get_u64(v, &u), as_signed >= 0);
            arena_reset(&arena);
        }
    }
    arena_deinit(&arena);
}

static void test_types_are_kept_apart(void **state)
{
    (void)state;
    static const uint8_t data[] = {0x94, 0x05, 0xa1, 'x', 0xc4, 0x01, 'y', 0xff};
    struct arena arena;
    struct codec_value v, item;
    struct bytes span;
    uint64_t u;
    int64_t i;
    size_t n;
    arena_init(&arena, CAP);
    assert_int_equal(codec_unpack(BYTES(data, sizeof data), &arena, &v), TIDE_OK);
    assert_true(codec_get_array(v, &n) && n == 4);
    assert_false(codec_get_u64(v, &u) || codec_get_i64(v, &i) || codec_get_bin(v, &span) || codec_get_text(v, &span));
    assert_false(codec_get_item(v, 4, &item));
    assert_true(codec_get_item(v, 0, &item) && codec_get_u64(item, &u) && u == 5);
    assert_false(codec_get_array(item, &n) || codec_get_item(item, 0, &v) || codec_get_bin(item, &span));
    assert_int_equal(codec_unpack(BYTES(data, sizeof data), &arena, &v), TIDE_OK);
    assert_true(codec_get_item(v, 1, &item) && codec_get_text(item, &span) && !codec_get_bin(item, &span));
    assert_ptr_equal(span.data, data + 3); /* not copied */
    assert_true(codec_get_item(v, 2, &item) && codec_get_bin(item, &span) && !codec_get_text(item, &span));
    assert_ptr_equal(span.data, data + 6);
    assert_true(codec_get_item(v, 3, &item) && codec_get_i64(item, &i) && i == -1 && !codec_get_u64(item, &u));
    arena_deinit(&arena);
}

static void test_writer_is_bounded(void **state)
{
    (void)state;
    static const uint8_t block[100] = {0};
    struct arena arena;
    struct codec_writer w;
    arena_init(&arena, CAP);
    codec_writer_init(&w, &arena, 1000);
    for (unsigned i = 0; i < 9; i++) codec_put_bin(&w, BYTES(block, sizeof block));
    assert_int_equal(w.err, TIDE_OK);
    assert_int_equal(w.len, 918);
    codec_put_bin(&w, BYTES(block, 80));
    assert_int_equal(w.err, TIDE_OK);
    assert_int_equal(w.len, 1000);
    codec_put_u64(&w, 1);
    assert_int_equal(w.err, TIDE_ELIMIT);
    assert_null(codec_writer_bytes(&w).data);
    codec_put_array(&w, 0);
    assert_int_equal(w.len, 1000);

    codec_writer_init(&w, &arena, 1000);
    codec_put_text(&w, BYTES("\xff", 1));
    assert_int_equal(w.err, TIDE_EINVAL);
    codec_put_text(&w, BYTES("a", 1)); /* the first error stays */
    assert_int_equal(w.err, TIDE_EINVAL);
    codec_writer_init(&w, &arena, SIZE_MAX);
    codec_put_bin(&w, BYTES(block, (size_t)UINT32_MAX + 1));
    assert_int_equal(w.err, TIDE_ELIMIT);
    arena_deinit(&arena);
}

static void test_no_memory(void **state)
{
    (void)state;
    static const uint8_t data[] = {0x93, 0x01, 0x91, 0x02, 0x90};
    for (size_t cap = 0; cap < 256; cap += 8) {
        struct arena arena;
        struct codec_value v;
        arena_init(&arena, cap);
        enum tide_err err = codec_unpack(BYTES(data, sizeof data), &arena, &v);
        assert_int_equal(err, cap < 5 * 24 ? TIDE_ENOMEM : err);
        if (err != TIDE_OK) assert_null(v.object);
        arena_deinit(&arena);
    }
    struct arena arena;
    struct codec_writer w;
    arena_init(&arena, 1024);
    codec_writer_init(&w, &arena, 1u << 20);
    for (unsigned i = 0; i < 2000; i++) codec_put_u64(&w, 1);
    assert_int_equal(w.err, TIDE_ENOMEM);
    arena_deinit(&arena);
}

static void test_peek_ids(void **state)
{
    (void)state;
    uint64_t a, b;
    static const uint8_t cut[] = {0x94, 0x01, 0xcd, 0x12, 0x34, 0xc1};
    assert_true(codec_peek_ids(BYTES(cut, sizeof cut), 4, &a, &b));
    assert_true(a == 1 && b == 0x1234);
    assert_false(codec_peek_ids(BYTES(cut, sizeof cut), 5, &a, &b));
    assert_true(a == 0 && b == 0);
    assert_false(codec_peek_ids(BYTES(cut, 4), 4, &a, &b));
    assert_false(codec_peek_ids(BYTES("\x94\x01\xff", 3), 4, &a, &b));
    assert_false(codec_peek_ids(BYTES("\x94\x01\xcc\x01", 4), 4, &a, &b));
    assert_false(codec_peek_ids(BYTES(NULL, 0), 4, &a, &b));
}

static void test_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {"", "plain", "héhé", "交易市场", "𝄞𝄞", "\xed\x9f\xbf", "\xee\x80\x80",
                                       "\xf4\x8f\xbf\xbf", "\xef\xbf\xbf", "0123456789abcdef 数"};
    static const char *const bad[] = {"\x80", "\xbf", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                                      "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
                                      "\xfe", "\xff", "\xc3", "\xe4\xba", "\xf0\x9d\x84", "01234567\xff",
                                      "0123456\xc3", "\xc3\xa9\xa9", "\xe4\x28\x80", "\xf0\x9d\x28\x9e"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) assert_true(utf8_is_valid(BYTES_TEXT(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        uint8_t *copy = exact_copy(BYTES_TEXT(bad[i]));
        if (utf8_is_valid(BYTES(copy, strlen(bad[i])))) fail_msg("accepted bad UTF-8 %zu", i);
        free(copy);
    }
}

static void test_arena(void **state)
{
    (void)state;
    struct arena arena;
    struct chance chance = {2};
    arena_init(&arena, 1u << 20);
    assert_int_equal(arena.total, 0);
    size_t kept = 0;
    for (unsigned round = 0; round < 50; round++) {
        size_t given = 0;
        for (unsigned i = 0; i < 100; i++) {
            size_t size = chance_next(&chance) % 5000;
            uint8_t *piece = arena_alloc(&arena, size);
            assert_non_null(piece);
            assert_int_equal((uintptr_t)piece % 16, 0);
            memset(piece, 0xaa, size);
            given += size;
        }
        assert_true(arena.total >= given && arena.total <= arena.cap);
        arena_reset(&arena);
        if (round > 5) assert_true(arena.total <= arena.cap && arena.total >= kept / 2);
        kept = arena.total;
    }
    assert_null(arena_alloc(&arena, (1u << 20) + 1));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_calloc(&arena, SIZE_MAX / 2, 3));
    assert_non_null(arena_alloc(&arena, 1u << 20)); /* small spare blocks make room for a large one */
    assert_null(arena_alloc(&arena, 1));
    arena_reset(&arena);
    struct bytes copy = arena_copy(&arena, BYTES("tide", 4));
    assert_int_equal(copy.len, 4);
    assert_string_equal((const char *)copy.data, "tide");
    assert_non_null(arena_copy(&arena, BYTES(NULL, 0)).data);
    uint64_t *zeroed = arena_calloc(&arena, 16, 8);
    for (size_t i = 0; i < 16; i++) assert_true(zeroed[i] == 0);
    assert_non_null(arena_alloc(&arena, 0));

    memcpy(zeroed, "mark", 5);
    struct arena_mark mark = arena_mark(&arena);
    size_t total = 0;
    for (unsigned round = 0; round < 50; round++) {
        for (unsigned i = 0; i < 100; i++) assert_non_null(arena_alloc(&arena, 1000 + 10 * i));
        arena_release(&arena, mark);
        if (round == 0) total = arena.total;
        assert_int_equal(arena.total, total); /* what comes after a mark is used again */
        assert_string_equal((const char *)zeroed, "mark");
    }
    arena_reset(&arena);
    mark = arena_mark(&arena);
    assert_non_null(arena_alloc(&arena, 1));
    arena_release(&arena, mark);
    assert_null(arena_mark(&arena).block);
    arena_deinit(&arena);
    assert_int_equal(arena.total, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allowed_forms),       cmocka_unit_test(test_forbidden_forms),
        cmocka_unit_test(test_least_lengths),
        cmocka_unit_test(test_array_bomb_costs_nothing), cmocka_unit_test(test_limits_of_elements),
        cmocka_unit_test(test_one_form_each),       cmocka_unit_test(test_numbers_round_trip),
        cmocka_unit_test(test_types_are_kept_apart), cmocka_unit_test(test_writer_is_bounded),
        cmocka_unit_test(test_no_memory),           cmocka_unit_test(test_peek_ids),
        cmocka_unit_test(test_utf8),                cmocka_unit_test(test_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
