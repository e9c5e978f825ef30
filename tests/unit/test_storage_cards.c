/*
 * Contact cards: kept by party, shown only with the right hash, gone when erased or replaced.
 */
#include "tests/unit/test_storage.h"

#include "storage/cards.h"

#include <dirent.h>
#include <pthread.h>

static struct cards *cards;
static struct arena arena;
static const uint8_t salt[CARD_SALT_BYTES] = {1, 2, 3};

static int build(void **state)
{
    if (make_test_dir(state) != 0) return -1;
    arena_init(&arena, 1u << 20);
    assert_ok(cards_open(test_dir, &cards));
    return 0;
}

static int tear_down(void **state)
{
    cards_close(&cards);
    arena_deinit(&arena);
    return remove_test_dir(state);
}

static enum tide_err put(uint64_t party, const char *text)
{
    return cards_put(cards, party, salt, BYTES_TEXT(text));
}

static enum tide_err get(uint64_t party, const char *text)
{
    uint8_t hash[HASH_BYTES], found_salt[CARD_SALT_BYTES];
    struct bytes card;
    cards_hash(salt, BYTES_TEXT(text), hash);
    enum tide_err err = cards_get(cards, party, hash, &arena, found_salt, &card);
    if (err == TIDE_OK) {
        assert_memory_equal(found_salt, salt, CARD_SALT_BYTES);
        assert_true(bytes_equal(card, BYTES_TEXT(text)));
    } else {
        assert_null(card.data);
    }
    return err;
}

static size_t n_files(void)
{
    size_t n = 0;
    DIR *dir = opendir(in_test_dir("cards"));
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

static void a_card_is_found_by_party_and_hash(void **state)
{
    (void)state;
    struct stat st;
    uint8_t hash[HASH_BYTES], expected[HASH_BYTES];
    uint8_t joined[CARD_SALT_BYTES + 3] = {1, 2, 3};
    assert_int_equal(get(7, "one"), TIDE_ENOTFOUND);
    assert_ok(put(7, "one"));
    assert_ok(put(8, "one"));
    assert_ok(get(7, "one"));
    assert_int_equal(get(7, "two"), TIDE_ENOTFOUND);
    assert_int_equal(get(9, "one"), TIDE_ENOTFOUND);
    assert_int_equal(stat(in_test_dir("cards/0000000000000007"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(in_test_dir("cards"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    memcpy(joined + CARD_SALT_BYTES, "one", 3);
    cards_hash(salt, BYTES_TEXT("one"), hash);
    sha256(BYTES(joined, sizeof joined), expected);
    assert_memory_equal(hash, expected, HASH_BYTES);
    cards_close(&cards); /* and again after a restart */
    assert_ok(cards_open(test_dir, &cards));
    assert_ok(get(8, "one"));
}

/* A card that a crash left under no party's name is nobody's to erase. */
static void what_a_crash_left_is_gone_after_a_restart(void **state)
{
    (void)state;
    FILE *left = fopen(in_test_dir("cards/new"), "w");
    assert_non_null(left);
    assert_true(fputs("a person, a number", left) >= 0);
    assert_int_equal(fclose(left), 0);
    cards_close(&cards);
    assert_ok(cards_open(test_dir, &cards));
    assert_int_equal(n_files(), 0);
}

static void replaced_or_erased_it_is_gone(void **state)
{
    (void)state;
    assert_ok(put(7, "a person, a number"));
    assert_ok(put(7, "another"));
    assert_int_equal(get(7, "a person, a number"), TIDE_ENOTFOUND);
    assert_ok(get(7, "another"));
    assert_int_equal(n_files(), 1);
    assert_ok(cards_erase(cards, 7));
    assert_ok(cards_erase(cards, 7));
    assert_int_equal(get(7, "another"), TIDE_ENOTFOUND);
    assert_int_equal(n_files(), 0);
}

static void it_is_bounded_and_damage_is_no_card(void **state)
{
    (void)state;
    static char text[LIMIT_CARD_BYTES + 2];
    memset(text, 'x', sizeof text - 1);
    assert_int_equal(put(1, text), TIDE_ELIMIT);
    text[LIMIT_CARD_BYTES] = '\0';
    assert_ok(put(1, text));
    assert_ok(get(1, text));
    flip_byte(in_test_dir("cards/0000000000000001"), 1000);
    assert_int_equal(get(1, text), TIDE_ENOTFOUND);
    assert_int_equal(truncate(in_test_dir("cards/0000000000000001"), 10), 0);
    assert_int_equal(get(1, text), TIDE_ENOTFOUND);
    assert_int_equal(truncate(in_test_dir("cards/0000000000000001"), 1 << 20), 0);
    assert_int_equal(get(1, text), TIDE_ENOTFOUND);
    assert_ok(put(1, "whole again"));
    assert_ok(get(1, "whole again"));
    assert_ok(put(2, ""));
    assert_ok(get(2, ""));
}

static void *put_many(void *ctx)
{
    for (int i = 0; i < 50; i++) {
        if (put(*(uint64_t *)ctx, "same") != TIDE_OK) return ctx;
    }
    return NULL;
}

static void threads_do_not_mix_cards(void **state)
{
    (void)state;
    pthread_t threads[4];
    uint64_t parties[4] = {1, 1, 2, 3};
    void *failed;
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, put_many, &parties[i]), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    for (uint64_t party = 1; party <= 3; party++) assert_ok(get(party, "same"));
    assert_int_equal(n_files(), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_card_is_found_by_party_and_hash, build, tear_down),
        cmocka_unit_test_setup_teardown(what_a_crash_left_is_gone_after_a_restart, build, tear_down),
        cmocka_unit_test_setup_teardown(replaced_or_erased_it_is_gone, build, tear_down),
        cmocka_unit_test_setup_teardown(it_is_bounded_and_damage_is_no_card, build, tear_down),
        cmocka_unit_test_setup_teardown(threads_do_not_mix_cards, build, tear_down),
    };
    return cmocka_run_group_tests_name("storage_cards", tests, NULL, NULL);
}
