/*
 * Making a market, whatever came before; the folder it leaves; serving it with all three processes and stopping them.
 */
#include "tests/unit/test_server.h"

#include "broker/server/commands.h"
#include "broker/server/market_dir.h"
#include "storage/market_url.h"

#include <jansson.h>

static const char *market; /* the folder */

static int build(void **state)
{
    static char path[1024];
    if (make_test_dir(state) != 0) return -1;
    snprintf(path, sizeof path, "%s/market", test_dir);
    market = path;
    return 0;
}

/* Runs it with stdout in a file, and stderr out of the way. */
static enum exit_status init_quietly(const struct init_options *options, char *out, size_t room)
{
    int saved_out = dup(STDOUT_FILENO), saved_err = dup(STDERR_FILENO);
    int file = open(in_test_dir("stdout"), O_RDWR | O_CREAT | O_TRUNC, 0600), null = open("/dev/null", O_WRONLY);
    fflush(NULL);
    dup2(file, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    enum exit_status status = init_command(options);
    fflush(NULL);
    dup2(saved_out, STDOUT_FILENO);
    dup2(saved_err, STDERR_FILENO);
    ssize_t len = pread(file, out, room - 1, 0);
    out[len < 0 ? 0 : len] = '\0';
    close(saved_out), close(saved_err), close(file), close(null);
    return status;
}

static enum exit_status init_plainly(void)
{
    char out[2048];
    struct init_options options = {.dir = market, .name = "Test market", .origin = ORIGIN, .port_base = 0};
    return init_quietly(&options, out, sizeof out);
}

static const char *in_market(const char *name)
{
    static char path[1200];
    snprintf(path, sizeof path, "%s/%s", market, name);
    return path;
}

static void check_market_is_whole(void)
{
    struct journal *journal;
    struct merkle_tree head;
    struct tiles *tiles;
    struct identity *id;
    struct note_key key;
    struct checkpoint checkpoint;
    struct config config;
    char text[CHECKPOINT_MAX], why[256];
    size_t len;
    static const char *const keys[] = {BROKER_KEY_FILE, OPERATOR2_KEY_FILE, OPERATOR_KEY_FILE};

    assert_ok(market_dir_check(market));
    assert_ok(config_load(market, &config, why, sizeof why));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct stat st;
        assert_int_equal(stat(in_market(keys[i]), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_ok(identity_load(in_market(keys[i]), BYTES(NULL, 0), &id));
        if (i == 0) assert_ok(note_key_init(ORIGIN, NOTE_TYPE_ED25519, identity_log_public(id), &key));
        identity_free(&id);
    }
    assert_ok(journal_open(market, JOURNAL_READONLY, &journal));
    assert_ok(journal_head(journal, &head));
    assert_int_equal(head.size, 4); /* genesis, opened, two operators */
    assert_ok(tiles_open(market, false, &tiles));
    assert_ok(tiles_read_checkpoint(tiles, text, &len));
    assert_ok(checkpoint_verify(BYTES(text, len), &key, &checkpoint));
    assert_int_equal(checkpoint.size, 4);
    assert_int_not_equal(access(in_market(INIT_DIR), F_OK), 0);
    tiles_close(&tiles);
    journal_close(&journal);
}

static void makes_a_market_once(void **state)
{
    (void)state;
    assert_int_equal(market_dir_check(market), TIDE_ENOTFOUND);
    assert_int_equal(init_plainly(), EXIT_OK);
    check_market_is_whole();
    assert_int_equal(init_plainly(), EXIT_FAILED);
    check_market_is_whole();
}

static void tells_the_url_in_json(void **state)
{
    (void)state;
    char out[4096];
    struct market_url url;
    struct init_options options = {.dir = market, .name = "\xe6\xb5\xb7 market", .origin = ORIGIN, .port_base = 9000,
                                   .advertise = "data.example.org", .json = true};
    assert_int_equal(init_quietly(&options, out, sizeof out), EXIT_OK);
    json_t *json = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "name")), options.name);
    assert_string_equal(json_string_value(json_object_get(json, "origin")), ORIGIN);
    assert_ok(market_url_parse(json_string_value(json_object_get(json, "url")), &url));
    assert_string_equal(url.host, "data.example.org");
    assert_int_equal(url.port, 9000);
    json_decref(json);
}

/* Killed at any step: what is left is not a market, and the next init makes one. */
static void goes_on_after_an_interruption(void **state)
{
    (void)state;
    static const char *const left[] = {BROKER_KEY_FILE, OPERATOR_KEY_FILE, CONFIG_FILE, "journal"};
    for (size_t n = 0; n <= ARRAY_LEN(left); n++) {
        assert_int_equal(mkdir(market, 0700), 0);
        assert_int_equal(mkdir(in_market(INIT_DIR), 0700), 0);
        close(creat(in_market(INIT_DIR "/half"), 0600));
        for (size_t i = 0; i < n; i++) close(creat(in_market(left[i]), 0600));
        assert_int_equal(market_dir_check(market), TIDE_ECANCELED);
        assert_int_equal(init_plainly(), EXIT_OK);
        check_market_is_whole();
        assert_int_equal(nftw(market, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    }
}

static void touches_nothing_that_is_there(void **state)
{
    (void)state;
    assert_int_equal(mkdir(market, 0700), 0);
    close(creat(in_market(OPERATOR2_KEY_FILE), 0600)); /* somebody's key, no unfinished init */
    assert_int_equal(init_plainly(), EXIT_FAILED);
    assert_int_equal(access(in_market(OPERATOR2_KEY_FILE), F_OK), 0);
    assert_int_not_equal(access(in_market(BROKER_KEY_FILE), F_OK), 0);
}

static void refuses_names_that_cannot_be(void **state)
{
    (void)state;
    char out[256], long_text[200];
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    static const struct { const char *name, *origin, *advertise; } wrong[] = {
        {"", ORIGIN, NULL}, {"a\nb", ORIGIN, NULL}, {"\xff", ORIGIN, NULL}, {"a", "", NULL}, {"a", "b c", NULL},
        {"a", "b+c", NULL}, {"a", "b?c", NULL}, {"a", ORIGIN, "a b"}, {"a", ORIGIN, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct init_options options = {.dir = market, .name = wrong[i].name, .origin = wrong[i].origin,
                                       .advertise = wrong[i].advertise};
        assert_int_equal(init_quietly(&options, out, sizeof out), EXIT_USAGE);
        assert_string_equal(out, "");
    }
    struct init_options options = {.dir = market, .name = long_text, .origin = ORIGIN};
    assert_int_equal(init_quietly(&options, out, sizeof out), EXIT_USAGE);
    assert_int_not_equal(access(market, F_OK), 0);
}

static void a_market_is_held_by_one(void **state)
{
    (void)state;
    int first, second;
    assert_int_equal(init_plainly(), EXIT_OK);
    assert_ok(market_dir_lock(market, &first));
    assert_int_equal(market_dir_lock(market, &second), TIDE_EBUSY);
    assert_int_equal(second, -1);
    close(first);
    assert_ok(market_dir_lock(market, &second));
    close(second);
}

/* ---- serving ---- */

static pid_t start_run(void)
{
    static struct config config;
    char why[256];
    assert_ok(config_load(market, &config, why, sizeof why));
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0) return pid;
    log_set_level(0);
    _exit(run_processes(&config));
}

static bool doors_come(void)
{
    static const char *const doors[] = {"trade", "data", "audit", "lobby"};
    for (size_t i = 0; i < ARRAY_LEN(doors); i++) {
        unsigned tries = 0;
        while (ports_read(market, doors[i]) == 0) {
            if (++tries > 1000) return false;
            usleep(10000);
        }
    }
    return true;
}

static void run_serves_all_doors_and_stops_in_order(void **state)
{
    (void)state;
    assert_int_equal(init_plainly(), EXIT_OK);
    for (int i = 0; i < 2; i++) { /* and again, from what it left */
        pid_t pid = start_run();
        assert_true(doors_come());
        assert_int_equal(process_stop(pid), EXIT_OK);
        assert_int_equal(ports_read(market, "trade"), 0);
        assert_int_equal(ports_read(market, "lobby"), 0);
    }
}

/* The first child of `parent`, from /proc. */
static pid_t a_child_of(pid_t parent)
{
    char path[64];
    int child = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    if (fscanf(file, "%d", &child) != 1) child = 0;
    fclose(file);
    return child;
}

static void a_child_that_dies_takes_the_others_along(void **state)
{
    (void)state;
    int status;
    assert_int_equal(init_plainly(), EXIT_OK);
    pid_t pid = start_run();
    assert_true(doors_come());
    pid_t child = a_child_of(pid);
    if (child == 0) { /* this kernel does not tell */
        process_stop(pid);
        skip();
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXIT_FAILED);
    assert_int_equal(ports_read(market, "lobby"), 0);
}

#define INIT_TEST(name) cmocka_unit_test_setup_teardown(name, build, remove_test_dir)

int main(void)
{
    assert_ok(crypto_init());
    const struct CMUnitTest tests[] = {
        INIT_TEST(makes_a_market_once),
        INIT_TEST(tells_the_url_in_json),
        INIT_TEST(goes_on_after_an_interruption),
        INIT_TEST(touches_nothing_that_is_there),
        INIT_TEST(refuses_names_that_cannot_be),
        INIT_TEST(a_market_is_held_by_one),
        INIT_TEST(run_serves_all_doors_and_stops_in_order),
        INIT_TEST(a_child_that_dies_takes_the_others_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
