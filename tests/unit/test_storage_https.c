/*
 * Ranges over https from a real server: what is read, what is refused, and what is given up.
 */
#include "storage/https.h"

#include "tests/unit/https_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <time.h>

#define FILE_BYTES (3u << 20)

static struct https_server server;
static uint8_t content[FILE_BYTES];
static char why[HTTPS_WHY_MAX];

static int build(void **state)
{
    if (make_test_dir(state) != 0) return -1;
    server = https_server_start();
    for (size_t i = 0; i < FILE_BYTES; i++) content[i] = (uint8_t)(i * 2654435761u >> 24);
    FILE *file = fopen(in_test_dir("served/air.tide"), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, FILE_BYTES, file), FILE_BYTES);
    fclose(file);
    return 0;
}

static int tear_down(void **state)
{
    https_server_stop(&server);
    return remove_test_dir(state);
}

static struct https *open_with(const char *path, const char *ca_file, bool allow_local)
{
    struct https_options options = {.ca_file = ca_file, .allow_local = allow_local};
    struct https *h;
    char url[256];
    snprintf(url, sizeof url, "https://127.0.0.1:%u/%s", server.port, path);
    assert_ok(https_open(url, &options, &h));
    return h;
}

static struct https *open_path(const char *path)
{
    return open_with(path, in_test_dir("keys/ca.pem"), true);
}

static enum tide_err read_once(const char *path, uint64_t offset, size_t len)
{
    static uint8_t out[FILE_BYTES];
    struct https *h = open_path(path);
    enum tide_err err = https_read(h, offset, len, out, NULL, NULL, why);
    https_close(&h);
    assert_null(h);
    assert_int_equal(err == TIDE_OK, why[0] == '\0');
    return err;
}

/* How often the server's log has a word. */
static size_t logged(const char *word)
{
    static char log[1 << 16];
    size_t n = 0;
    FILE *file = fopen(in_test_dir("keys/requests.log"), "r");
    if (file == NULL) return 0;
    size_t len = fread(log, 1, sizeof log - 1, file);
    fclose(file);
    log[len] = '\0';
    for (const char *at = log; (at = strstr(at, word)) != NULL; at++) n++;
    return n;
}

static void ranges_are_read(void **state)
{
    static const struct { uint64_t offset; size_t len; } ranges[] = {
        {0, 1}, {0, 1 << 20}, {1 << 20, 1 << 20}, {FILE_BYTES - 7, 7}, {12345, 983280}, {0, FILE_BYTES},
    };
    static uint8_t out[FILE_BYTES + 1];
    (void)state;
    struct https *h = open_path("air.tide");
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        memset(out, 0xee, sizeof out);
        assert_ok(https_read(h, ranges[i].offset, ranges[i].len, out, NULL, NULL, why));
        assert_memory_equal(out, content + ranges[i].offset, ranges[i].len);
        assert_int_equal(out[ranges[i].len], 0xee);
    }
    assert_ok(https_read(h, 5, 0, out, NULL, NULL, why));
    https_close(&h);
}

static void what_is_no_range_is_refused(void **state)
{
    (void)state;
    assert_int_equal(read_once("whole/air.tide", 100, 50), TIDE_EMALFORMED);
    assert_int_equal(read_once("shifted/air.tide", 100, 50), TIDE_EMALFORMED);
    assert_int_equal(read_once("air.tide", FILE_BYTES - 10, 11), TIDE_EMALFORMED); /* fewer bytes */
    assert_non_null(strstr(why, "fewer bytes"));
    assert_int_equal(read_once("air.tide", FILE_BYTES, 1), TIDE_EMALFORMED);
    assert_int_equal(read_once("cut/air.tide", 0, 1000), TIDE_EIO);
    assert_int_equal(read_once("nothing", 0, 1), TIDE_EIO);
    assert_non_null(strstr(why, "404"));
    assert_int_equal(read_once("status/503/x", 0, 1), TIDE_EIO);
}

static void redirects_are_not_followed(void **state)
{
    (void)state;
    size_t before = logged("GET /air.tide");
    assert_int_equal(read_once("redirect/air.tide", 0, 100), TIDE_EIO);
    assert_non_null(strstr(why, "302"));
    assert_int_equal(logged("GET /air.tide"), before);
}

static void only_https_is_spoken(void **state)
{
    static const char *const wrong[] = {"http://example.org/x", "https://", "file:///etc/passwd", "ftp://example.org/x", ""};
    struct https_options options = {.allow_local = true};
    struct https *h;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) assert_int_equal(https_open(wrong[i], &options, &h), TIDE_EINVAL);
    assert_null(h);
}

static void the_server_proves_who_it_is(void **state)
{
    uint8_t out[10];
    char url[128];
    struct https_options options = {.ca_file = in_test_dir("keys/ca.pem"), .allow_local = true};
    (void)state;
    struct https *h = open_with("air.tide", NULL, true); /* the system's authorities do not know it */
    assert_int_equal(https_read(h, 0, 10, out, NULL, NULL, why), TIDE_EDENIED);
    assert_non_null(strstr(why, "certificate"));
    https_close(&h);
    snprintf(url, sizeof url, "https://other.localhost:%u/air.tide", server.port); /* not the certificate's name */
    assert_ok(https_open(url, &options, &h));
    assert_int_equal(https_read(h, 0, 10, out, NULL, NULL, why), TIDE_EDENIED);
    assert_non_null(strstr(why, "certificate"));
    https_close(&h);
}

static void local_addresses_are_refused(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "10.1.2.3", "169.254.169.254"};
    struct https_options options = {.ca_file = in_test_dir("keys/ca.pem")};
    uint8_t out[10];
    char url[128];
    (void)state;
    size_t before = logged("GET");
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct https *h;
        snprintf(url, sizeof url, "https://%s:%u/air.tide", hosts[i], server.port);
        assert_ok(https_open(url, &options, &h));
        enum tide_err err = https_read(h, 0, 10, out, NULL, NULL, why);
        if (err != TIDE_EDENIED) fail_msg("%s: %d %s", hosts[i], err, why);
        https_close(&h);
    }
    assert_int_equal(logged("GET"), before);
}

static void addresses_are_told_apart(void **state)
{
    static const struct { const char *text; bool is_public; } addresses[] = {
        {"8.8.8.8", true}, {"1.1.1.1", true}, {"172.15.0.1", true}, {"172.32.0.1", true}, {"100.128.0.1", true},
        {"223.255.255.1", true}, {"11.0.0.1", true}, {"192.169.0.1", true}, {"2606:4700::1111", true},
        {"2001:4860:4860::8888", true}, {"0.0.0.0", false}, {"0.1.2.3", false}, {"10.0.0.1", false},
        {"10.255.255.255", false}, {"100.64.0.1", false}, {"127.0.0.1", false}, {"127.255.0.9", false},
        {"169.254.169.254", false}, {"172.16.0.1", false}, {"172.31.255.255", false}, {"192.168.1.1", false},
        {"198.18.0.1", false}, {"224.0.0.1", false}, {"239.1.1.1", false}, {"255.255.255.255", false}, {"::", false},
        {"::1", false}, {"fe80::1", false}, {"fc00::1", false}, {"fd12::1", false}, {"ff02::1", false},
        {"::ffff:10.0.0.1", false}, {"::ffff:127.0.0.1", false}, {"::ffff:8.8.8.8", true}, {"64:ff9b::a00:1", false},
        {"64:ff9b::808:808", true}, {"2002:a00:1::1", false}, {"2002:7f00:1::", false}, {"2001::1", false},
        {"2001:db8::1", false}, {"::127.0.0.1", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        struct sockaddr_in v4 = {.sin_family = AF_INET};
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
        bool is_v4 = inet_pton(AF_INET, addresses[i].text, &v4.sin_addr) == 1;
        if (!is_v4) assert_int_equal(inet_pton(AF_INET6, addresses[i].text, &v6.sin6_addr), 1);
        const struct sockaddr *address = is_v4 ? (const struct sockaddr *)(const void *)&v4
                                               : (const struct sockaddr *)(const void *)&v6;
        if (https_address_is_public(address) != addresses[i].is_public) fail_msg("%s", addresses[i].text);
    }
    assert_false(https_address_is_public(&(const struct sockaddr){.sa_family = AF_UNIX}));
}

/* Nothing that comes before the bytes goes on for ever, or is kept. */
static void headers_have_an_end(void **state)
{
    (void)state;
    assert_int_equal(read_once("headers/air.tide", 0, 100), TIDE_EIO);
    assert_int_equal(read_once("continue/air.tide", 0, 100), TIDE_EIO);
}

static bool stops(void *ctx)
{
    unsigned *n = ctx;
    return ++*n < 2;
}

/* A server that stalls does not hold up who wants to stop. */
static void it_can_be_stopped(void **state)
{
    static uint8_t out[FILE_BYTES];
    struct timespec begin, end;
    unsigned n_asked = 0;
    (void)state;
    struct https *h = open_path("stall/air.tide");
    clock_gettime(CLOCK_MONOTONIC, &begin);
    assert_int_equal(https_read(h, 0, 100000, out, stops, &n_asked, why), TIDE_ECANCELED);
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert_int_equal(n_asked, 2);
    assert_true(end.tv_sec - begin.tv_sec < 20);
    https_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_read),
        cmocka_unit_test(what_is_no_range_is_refused),
        cmocka_unit_test(redirects_are_not_followed),
        cmocka_unit_test(only_https_is_spoken),
        cmocka_unit_test(the_server_proves_who_it_is),
        cmocka_unit_test(local_addresses_are_refused),
        cmocka_unit_test(addresses_are_told_apart),
        cmocka_unit_test(headers_have_an_end),
        cmocka_unit_test(it_can_be_stopped),
    };
    return cmocka_run_group_tests_name("storage https", tests, build, tear_down);
}
