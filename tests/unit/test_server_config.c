/*
 * tidemark.conf: defaults, every key, and errors that say where they are and what was meant. And the file of ports.
 */
#include "tests/unit/test_storage.h"

#include "broker/server/config.h"
#include "broker/server/log.h"
#include "broker/server/processes.h"
#include "broker/server/text.h"

static void write_config(const char *text)
{
    FILE *file = fopen(in_test_dir("tidemark.conf"), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static char why[512];

static enum tide_err load(const char *text, struct config *config)
{
    write_config(text);
    return config_load(test_dir, config, why, sizeof why);
}

static void an_empty_file_gives_the_defaults(void **state)
{
    (void)state;
    struct config c;
    assert_ok(load("", &c));
    assert_string_equal(why, "");
    assert_string_equal(c.dir, test_dir);
    assert_string_equal(c.listen, "127.0.0.1");
    assert_string_equal(c.advertise, "127.0.0.1");
    assert_int_equal(c.port_base, 7420);
    assert_int_equal(c.log_level, LOG_LEVEL_INFO);
    assert_int_equal(c.publish_interval_ms, 1000);
    assert_int_equal(c.n_verifiers, 0);
    assert_int_equal(c.queue_length, 8192);
    assert_int_equal(c.lobby_memory_bytes, UINT64_C(512) << 20);
    assert_int_equal(c.keep_days, 30);
    assert_string_equal(c.location_ca, "");
    assert_false(c.location_local);
}

static void every_key_is_read(void **state)
{
    (void)state;
    struct config c;
    assert_ok(load("# all\n[doors]\nlisten = ::1\nport_base = 0\nadvertise = data.example.org\n[log]\nlevel = debug\n"
                   "[publish]\ninterval_ms = 250\n[limits]\nverifiers = 3\nqueue = 100\nlobby_memory_mib = 64\n"
                   "[content]\nkeep_days = 7\nlocation_ca = /etc/ssl/own authority.pem\nlocation_local = yes\n",
                   &c));
    assert_string_equal(c.listen, "::1");
    assert_int_equal(c.port_base, 0);
    assert_string_equal(c.advertise, "data.example.org");
    assert_int_equal(c.log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(c.publish_interval_ms, 250);
    assert_int_equal(c.n_verifiers, 3);
    assert_int_equal(c.queue_length, 100);
    assert_int_equal(c.lobby_memory_bytes, UINT64_C(64) << 20);
    assert_int_equal(c.keep_days, 7);
    assert_string_equal(c.location_ca, "/etc/ssl/own authority.pem");
    assert_true(c.location_local);
}

static void errors_say_what_and_where(void **state)
{
    (void)state;
    static const struct { const char *text, *expected; } wrong[] = {
        {"[doors]\nlisten = 127.0.0.1\nport_bas = 1\n",
         "line 3: unknown key doors.port_bas; the nearest is [doors] port_base"},
        {"[door]\nlisten = 127.0.0.1\n", "line 2: unknown key door.listen; the nearest is [doors] listen"},
        {"listen = 127.0.0.1\n", "line 1: unknown key (no section).listen"},
        {"[doors]\nport_base = 65001\n", "line 2: [doors] port_base = 65001: expected a port up to 65000"},
        {"[doors]\nport_base = 1x\n", "line 2: [doors] port_base = 1x: expected"},
        {"[doors]\nport_base =\n", "line 2: [doors] port_base = : expected"},
        {"[doors]\nlisten = somewhere\n", "line 2: [doors] listen = somewhere: expected an IPv4"},
        {"[doors]\nadvertise = a/b\n", "line 2: [doors] advertise = a/b: expected a host"},
        {"[log]\nlevel = loud\n", "line 2: [log] level = loud: expected error, warning, info or debug"},
        {"[publish]\ninterval_ms = 0\n", "line 2: [publish] interval_ms = 0: expected 10"},
        {"[limits]\nqueue = 15\n", "line 2: [limits] queue = 15: expected 16"},
        {"[limits]\nqueue = 99999999999999999999\n", "expected 16"},
        {"[limits]\nverifiers = 257\n\n[oops\n", "line 2: [limits] verifiers = 257"},
        {"[content]\nkeep_day = 3\n", "line 2: unknown key content.keep_day; the nearest is [content] keep_days"},
        {"[content]\nkeep_days = -1\n", "line 2: [content] keep_days = -1: expected 0 to 36500"},
        {"[content]\nlocation_ca = ca.pem\n", "expected the path of a file, from / on"},
        {"[content]\nlocation_local = maybe\n", "expected yes or no"},
        {"[doors]\nnonsense\n", "line 2: the line is neither"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct config c;
        assert_int_equal(load(wrong[i].text, &c), TIDE_EMALFORMED);
        if (!strstr(why, wrong[i].expected)) fail_msg("%s\n  does not say: %s", why, wrong[i].expected);
        assert_non_null(strstr(why, "tidemark.conf"));
        assert_int_equal(c.queue_length, 0); /* nothing half read is left */
    }
}

static void a_missing_file_is_told_apart(void **state)
{
    (void)state;
    struct config c;
    assert_int_equal(config_load(in_test_dir("nothing"), &c, why, sizeof why), TIDE_ENOTFOUND);
    assert_non_null(strstr(why, "nothing/tidemark.conf"));
}

static void single_keys_are_set_as_in_the_file(void **state)
{
    (void)state;
    struct config c;
    assert_ok(load("", &c));
    assert_null(config_set(&c, "doors.listen", "0.0.0.0"));
    assert_string_equal(c.listen, "0.0.0.0");
    assert_non_null(config_set(&c, "doors.port_base", "70000"));
    assert_int_equal(c.port_base, 7420);
    assert_non_null(config_set(&c, "doors.nothing", "1"));
}

static void nearest_words_are_near(void **state)
{
    (void)state;
    static const char *const words[] = {"init", "run", "broker", "verify"};
    assert_string_equal(text_nearest("verfy", words, 4), "verify");
    assert_string_equal(text_nearest("brokre", words, 4), "broker");
    assert_null(text_nearest("backup-everything", words, 4));
    assert_null(text_nearest("x", words, 4));
}

static void ports_are_shared_by_file(void **state)
{
    (void)state;
    assert_int_equal(ports_read(test_dir, "lobby"), 0);
    assert_ok(ports_write(test_dir, "lobby", 7420));
    assert_ok(ports_write(test_dir, "trade", 65535));
    assert_ok(ports_write(test_dir, "lobby", 8000));
    assert_int_equal(ports_read(test_dir, "lobby"), 8000);
    assert_int_equal(ports_read(test_dir, "trade"), 65535);
    assert_ok(ports_write(test_dir, "lobby", 0));
    assert_int_equal(ports_read(test_dir, "lobby"), 0);
    assert_int_equal(ports_read(test_dir, "trade"), 65535);
    assert_int_equal(ports_write(in_test_dir("nothing"), "lobby", 1), TIDE_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_file_gives_the_defaults, make_test_dir, remove_test_dir),
        cmocka_unit_test_setup_teardown(every_key_is_read, make_test_dir, remove_test_dir),
        cmocka_unit_test_setup_teardown(errors_say_what_and_where, make_test_dir, remove_test_dir),
        cmocka_unit_test_setup_teardown(a_missing_file_is_told_apart, make_test_dir, remove_test_dir),
        cmocka_unit_test_setup_teardown(single_keys_are_set_as_in_the_file, make_test_dir, remove_test_dir),
        cmocka_unit_test(nearest_words_are_near),
        cmocka_unit_test_setup_teardown(ports_are_shared_by_file, make_test_dir, remove_test_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
