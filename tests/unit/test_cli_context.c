/*
 * The contexts' file: what is saved is read back, URLs longer than inih's lines too; what is not understood is not
 * guessed at.
 */
#include "client/cli/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char home[64];
static struct cli cli;

static int setup(void **state)
{
    static const char *const argv[] = {"tidemark", "status"};
    char why[320];

    (void)state;
    strcpy(home, "/tmp/test_cli_context.XXXXXX");
    if (mkdtemp(home) == NULL) return -1;
    setenv("XDG_CONFIG_HOME", home, 1);
    memset(&cli, 0, sizeof cli);
    return args_parse(2, (char *const *)argv, all_commands, n_all_commands, &cli.args, why, sizeof why) ? 0 : -1;
}

static void path_of(const char *name, char out[128])
{
    snprintf(out, 128, "%s/tidemark%s%s", home, name[0] != '\0' ? "/" : "", name);
}

static int teardown(void **state)
{
    char path[128];

    (void)state;
    path_of("contexts.ini", path);
    unlink(path);
    path_of("", path);
    rmdir(path);
    return rmdir(home);
}

static void file_write(const char *text)
{
    char path[CONTEXT_PATH_MAX], file[128];

    assert_int_equal(config_dir_make(&cli, path), 0);
    path_of("contexts.ini", file);
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void a_long_url_survives(void **state)
{
    struct contexts *saved = calloc(1, sizeof *saved), *loaded;
    struct stat st;
    char path[128];

    (void)state;
    saved->n = 2;
    strcpy(saved->current, "second");
    strcpy(saved->items[0].name, "first");
    memset(saved->items[0].url, 'u', CONTEXT_URL_MAX - 1);
    strcpy(saved->items[0].identity, "acme");
    strcpy(saved->items[1].name, "second");
    strcpy(saved->items[1].url, "tidemark://host:7420/origin?market=a=b&log=c;d&wire=e");
    assert_int_equal(contexts_save(&cli, saved), 0);
    path_of("contexts.ini", path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    assert_int_equal(contexts_load(&cli, &loaded), 0);
    assert_int_equal(loaded->n, 2);
    assert_string_equal(loaded->current, "second");
    assert_string_equal(contexts_find(loaded, "first")->url, saved->items[0].url);
    assert_string_equal(contexts_find(loaded, "first")->identity, "acme");
    assert_string_equal(contexts_find(loaded, "second")->url, saved->items[1].url);
    assert_string_equal(contexts_find(loaded, "second")->identity, "");
    assert_null(contexts_find(loaded, "third"));
    free(loaded);
    free(saved);
}

static void no_file_is_no_context(void **state)
{
    struct contexts *loaded;

    (void)state;
    assert_int_equal(contexts_load(&cli, &loaded), 0);
    assert_int_equal(loaded->n, 0);
    free(loaded);
    assert_int_equal(context_choose(&cli), 0);
    assert_false(cli.has_context);
}

static void the_current_one_is_chosen(void **state)
{
    (void)state;
    file_write("current = b\n[a]\nurl = ua\n[b]\nurl = ub\nidentity = /x/y.key\n");
    assert_int_equal(context_choose(&cli), 0);
    assert_true(cli.has_context);
    assert_string_equal(cli.context.url, "ub");
    char path[CONTEXT_PATH_MAX];
    assert_int_equal(identity_path(&cli, NULL, path), 0);
    assert_string_equal(path, "/x/y.key");
}

static void what_is_not_understood_is_refused(void **state)
{
    static const char *const bad[] = {"[a]\nurk = 1\n", "[a]\nurl\n", "[../a]\nurl = x\n", "corrent = a\n",
                                      "[a\nurl = x\n"};
    struct contexts *loaded;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        file_write(bad[i]);
        assert_int_equal(contexts_load(&cli, &loaded), CODE_FILE);
        assert_null(loaded);
        assert_non_null(strstr(cli.error.message, "contexts.ini"));
    }
}

static void names_and_files(void **state)
{
    char path[CONTEXT_PATH_MAX], expected[128];

    (void)state;
    assert_true(name_is_good("acme-2.test_x"));
    assert_false(name_is_good(""));
    assert_false(name_is_good(".."));
    assert_false(name_is_good("-x"));
    assert_false(name_is_good("a/b"));
    assert_false(name_is_good("a b"));
    assert_int_equal(identity_path(&cli, NULL, path), 0);
    path_of("default.key", expected);
    assert_string_equal(path, expected);
    assert_int_equal(identity_path(&cli, "acme", path), 0);
    path_of("acme.key", expected);
    assert_string_equal(path, expected);
    assert_int_equal(identity_path(&cli, "operator.key", path), 0);
    assert_string_equal(path, "operator.key");
    assert_int_equal(identity_path(&cli, "./acme", path), 0);
    assert_string_equal(path, "./acme");
    assert_int_equal(identity_path(&cli, "a b", path), CODE_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_long_url_survives, setup, teardown),
        cmocka_unit_test_setup_teardown(no_file_is_no_context, setup, teardown),
        cmocka_unit_test_setup_teardown(the_current_one_is_chosen, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_understood_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(names_and_files, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
