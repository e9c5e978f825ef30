/*
 * With the `age` tool of the system, both ways: what is sealed here opens there, what is sealed there opens here.
 * Passphrases need a terminal there, so `expect` types one; without it that test is skipped, and says so.
 */
#include "crypto/age.h"
#include "crypto/identity.h"
#include "tests/unit/test_crypto.h"

#include <fcntl.h>
#include <sys/wait.h>

static char *dir;

static int dir_new(void **state)
{
    (void)state;
    dir = scratch_new();
    return 0;
}

static int dir_free(void **state)
{
    (void)state;
    scratch_free(dir);
    return 0;
}

static bool has_tool(const char *name)
{
    char command[100];
    snprintf(command, sizeof command, "command -v %s >/dev/null", name);
    return system(command) == 0;
}

/* Runs a shell command in the scratch directory; its exit status. */
__attribute__((format(printf, 1, 2))) static int shell(const char *format, ...)
{
    char command[8192];
    int len = snprintf(command, sizeof command, "cd '%s' && ", dir);
    va_list args;
    va_start(args, format);
    vsnprintf(command + len, sizeof command - (size_t)len, format, args);
    va_end(args);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int open_in(const char *name, int flags)
{
    char path[4300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, flags, 0600);
    assert_true(fd >= 0);
    return fd;
}

static void write_secret(const struct identity *id)
{
    char text[BECH32_TEXT_MAX];
    bech32_encode(AGE_SECRET_PREFIX, identity_seal_secret(id), text);
    FILE *out = fdopen(open_in("key", O_WRONLY | O_CREAT), "w");
    assert_non_null(out);
    fprintf(out, "%s\n", text);
    fclose(out);
}

static void age_opens_grant_and_payload(void **state)
{
    (void)state;
    if (!has_tool("age")) skip();
    static const unsigned lengths[] = {0, 1, 65536, 65537, 3000000};
    struct identity *id;
    assert_int_equal(identity_new(&id), TIDE_OK);
    write_secret(id);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        uint8_t file_key[16], nonce[16], grant[AGE_GRANT_BYTES];
        struct age_commitment c;
        assert_int_equal(shell("head -c %u /dev/urandom > plain", lengths[i]), 0);
        int in = open_in("plain", O_RDONLY), out = open_in("sealed", O_WRONLY | O_CREAT | O_TRUNC);
        random_bytes(nonce, sizeof nonce);
        identity_file_key(id, nonce, file_key);
        assert_int_equal(age_grant_seal(file_key, identity_seal_public(id), grant), TIDE_OK);
        assert_int_equal(write(out, grant, sizeof grant), sizeof grant);
        assert_int_equal(age_payload_seal(in, out, -1, file_key, nonce, NULL, &c), TIDE_OK);
        close(in), close(out);
        assert_int_equal(shell("age -d -i key sealed > back && cmp plain back"), 0);
    }
    identity_free(&id);
}

static void what_age_seals_opens_here(void **state)
{
    (void)state;
    if (!has_tool("age")) skip();
    static const unsigned lengths[] = {0, 1, 65536, 65537, 3000000};
    struct identity *id, *other;
    char recipient[BECH32_TEXT_MAX], other_recipient[BECH32_TEXT_MAX];
    assert_int_equal(identity_new(&id), TIDE_OK);
    assert_int_equal(identity_new(&other), TIDE_OK);
    bech32_encode(RECIPIENT_PREFIX, identity_seal_public(id), recipient);
    bech32_encode(RECIPIENT_PREFIX, identity_seal_public(other), other_recipient);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        uint8_t start[4096], file_key[16];
        size_t header_len;
        assert_int_equal(shell("head -c %u /dev/urandom > plain && age -r %s -r %s -o sealed.age plain", lengths[i],
                               other_recipient, recipient), 0);
        int in = open_in("sealed.age", O_RDONLY), out = open_in("back", O_WRONLY | O_CREAT | O_TRUNC);
        ssize_t n = read(in, start, sizeof start);
        assert_true(n > 0);
        assert_int_equal(age_header_open(BYTES(start, (size_t)n), identity_seal_secret(id), file_key, &header_len),
                         TIDE_OK);
        lseek(in, (off_t)header_len, SEEK_SET);
        assert_int_equal(age_payload_open(in, out, file_key, NULL, NULL), TIDE_OK);
        close(in), close(out);
        assert_int_equal(shell("cmp plain back && rm sealed.age"), 0);
    }
    identity_free(&id);
    identity_free(&other);
}

static void keys_are_those_of_age_keygen(void **state)
{
    (void)state;
    if (!has_tool("age-keygen")) skip();
    char made[256], text[BECH32_TEXT_MAX], line[256];
    uint8_t secret[32], public_key[32];
    assert_int_equal(shell("age-keygen -o made 2>/dev/null && grep -v '#' made > secret && age-keygen -y made > public"), 0);
    FILE *in = fdopen(open_in("secret", O_RDONLY), "r");
    assert_non_null(fgets(made, sizeof made, in));
    fclose(in);
    in = fdopen(open_in("public", O_RDONLY), "r");
    assert_non_null(fgets(line, sizeof line, in));
    fclose(in);
    made[strcspn(made, "\n")] = '\0';
    line[strcspn(line, "\n")] = '\0';
    assert_int_equal(bech32_decode(AGE_SECRET_PREFIX, BYTES_TEXT(made), secret), TIDE_OK);
    x25519_public(secret, public_key);
    bech32_encode(RECIPIENT_PREFIX, public_key, text);
    assert_string_equal(text, line);
}

static void age_opens_a_wrapped_identity(void **state)
{
    (void)state;
    if (!has_tool("age") || !has_tool("expect")) {
        print_message("skipped: needs age and expect\n");
        skip();
    }
    char path[4300];
    struct identity *id;
    assert_int_equal(identity_new(&id), TIDE_OK);
    snprintf(path, sizeof path, "%s/me.id", dir);
    assert_int_equal(identity_save(id, path, "name", 0, BYTES_TEXT("a passphrase")), TIDE_OK);
    identity_free(&id);
    assert_int_equal(shell("expect -c 'log_user 0; set timeout 60; spawn age -d -o plain me.id; expect -re \"passphrase\";"
                           " send \"a passphrase\\r\"; expect eof; lassign [wait] pid spawn os code; exit $code'"), 0);
    assert_int_equal(shell("grep -q '^TIDE-SECRET-KEY-1' plain"), 0);
}

static void a_file_sealed_by_age_with_a_passphrase(void **state)
{
    (void)state;
    if (!has_tool("age") || !has_tool("expect")) {
        print_message("skipped: needs age and expect\n");
        skip();
    }
    uint8_t file[4096], *plain;
    size_t plain_len;
    assert_int_equal(shell("echo hello > plain && expect -c 'log_user 0; set timeout 60; spawn age -p -o sealed.age plain;"
                           " expect -re \"Enter\"; send \"a passphrase\\r\"; expect -re \"Confirm\";"
                           " send \"a passphrase\\r\"; expect eof; lassign [wait] pid spawn os code; exit $code'"), 0);
    int in = open_in("sealed.age", O_RDONLY);
    ssize_t n = read(in, file, sizeof file);
    close(in);
    assert_true(n > 0);
    assert_int_equal(age_file_open_passphrase(BYTES(file, (size_t)n), BYTES_TEXT("a passphrase"), &plain, &plain_len),
                     TIDE_OK);
    assert_int_equal(plain_len, 6);
    assert_memory_equal(plain, "hello\n", 6);
    free(plain);
}

int main(void)
{
    if (crypto_init() != TIDE_OK) return 1;
#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, dir_new, dir_free)
    const struct CMUnitTest tests[] = {
        WITH_DIR(age_opens_grant_and_payload),  WITH_DIR(what_age_seals_opens_here),
        WITH_DIR(keys_are_those_of_age_keygen), WITH_DIR(age_opens_a_wrapped_identity),
        WITH_DIR(a_file_sealed_by_age_with_a_passphrase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
