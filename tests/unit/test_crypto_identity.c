/*
 * Identities: every subkey against another implementation (hashlib, PyNaCl), and the file: its mode, its wrapping,
 * and what is left behind when writing it fails at any step.
 */
#include "crypto/identity.h"
#include "crypto/age.h"
#include "tests/unit/test_crypto.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define NO_PASSPHRASE ((struct bytes){NULL, 0})
#define SECRET_OF_COUNT "TIDE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0SSN8CF8"

/* --- system calls that fail on demand: the n-th from now, counted over all of them --- */

static int calls_until_failure = -1;

static bool fails_now(void)
{
    return calls_until_failure >= 0 && calls_until_failure-- == 0;
}

int fsync(int fd)
{
    if (!fails_now()) return (int)syscall(SYS_fsync, fd);
    errno = EIO;
    return -1;
}

ssize_t writev(int fd, const struct iovec *pieces, int n)
{
    if (!fails_now()) return syscall(SYS_writev, fd, pieces, n);
    errno = ENOSPC;
    return -1;
}

int fchmod(int fd, mode_t mode)
{
    if (!fails_now()) return (int)syscall(SYS_fchmod, fd, mode);
    errno = EPERM;
    return -1;
}

int link(const char *from, const char *to)
{
    if (!fails_now()) return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
    errno = EIO;
    return -1;
}

/* --- keys --- */

static struct identity *counting_identity(void)
{
    uint8_t seed[32];
    struct identity *id;
    count_up(seed, sizeof seed, 0);
    assert_int_equal(identity_from_seed(seed, &id), TIDE_OK);
    return id;
}

static void subkeys_are_those_of_the_format(void **state)
{
    (void)state;
    struct identity *id = counting_identity();
    char text[BECH32_TEXT_MAX];
    uint8_t secret[32], recipient[32], name[16], file_key[16], signature[64];

    assert_hex(identity_party(id), 32, "372c79033598fb65829cab80d5900c43f0c321914639b3747421d326ad4ec281");
    assert_hex(identity_seal_public(id), 32, "cfe6d092a1683f089f5b3d50447907b37fafd2cad57f0fa73a18ee1a4fb0a42f");
    assert_hex(identity_wire_public(id), 32, "7b1ecb9d2a1753efad3a32ffbfacfa6b22c5928c764bb937f9b2a1682fca4b02");
    assert_hex(identity_log_public(id), 32, "1f5109503eb192ee665247b5ee139d26c1df15c21b310cd0e7ce7908dcdc0f18");
    bech32_encode(PARTY_PREFIX, identity_party(id), text);
    assert_string_equal(text, "tide1xuk8jqe4nraktq5u4wqdtyqvg0cvxgv3gcumxar5y8fjdt2wc2qshnxczq");
    bech32_encode(RECIPIENT_PREFIX, identity_seal_public(id), text);
    assert_string_equal(text, "age1elndpy4pdqls386m84gyg7g8kdl6l5k264lslfe6rrhp5nas5shsnk8kns");
    bech32_encode(AGE_SECRET_PREFIX, identity_seal_secret(id), text);
    assert_string_equal(text, "AGE-SECRET-KEY-1WAQUQ4G39P0X4YJKZRZVFMPMVUVVUA7TFK8NZH6MTT6MHDS08Z4QK75ZE2");

    count_up(name, sizeof name, 0);
    identity_bid_key(id, name, 3, secret, recipient);
    assert_hex(secret, 32, "a500c17e3060aae5246b8fa900d30f4a61e452c1e82330f44ee0b2f7e2622e5d");
    assert_hex(recipient, 32, "c749a7b43a6324f0c833d688ded2989a91c93e512d63d4b80cea35dc701f2d20");
    count_up(name, sizeof name, 100);
    identity_file_key(id, name, file_key);
    assert_hex(file_key, 16, "db42b0a6ecb04db37a74d4ad47a009c2");
    identity_sign(id, DOMAIN_STATEMENT, BYTES_TEXT("hello"), signature);
    assert_hex(signature, 64,
               "5544b49695bd4a96c489e9c931e8edb99d268f09d5771c0c8d418ea74953adaadca07a3175e1b9d877045a8a349fca673552aa98b2"
               "8f6bc8e4c29d8846ec6e01");
    identity_free(&id);
    assert_null(id);
    identity_free(&id);
}

static void new_identities_differ(void **state)
{
    (void)state;
    struct identity *a, *b;
    assert_int_equal(identity_new(&a), TIDE_OK);
    assert_int_equal(identity_new(&b), TIDE_OK);
    assert_memory_not_equal(identity_party(a), identity_party(b), 32);
    assert_memory_not_equal(identity_seal_public(a), identity_wire_public(a), 32);
    assert_memory_not_equal(identity_party(a), identity_log_public(a), 32);
    identity_free(&a);
    identity_free(&b);
}

/* RFC 7748 §6.1. */
static void x25519_is_rfc_7748(void **state)
{
    (void)state;
    uint8_t secret[32], public_key[32];
    from_hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", secret, 32);
    x25519_public(secret, public_key);
    assert_hex(public_key, 32, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    assert_true(x25519_recipient_is_good(public_key));
}

static void unfit_recipients(void **state)
{
    (void)state;
    /* The points of low order, p - 1 … p + 1 and 2^255 - 1 among them, and one above p that is of high order. */
    static const char *const bad[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* p + 9, the base point's twin */
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0900000000000000000000000000000000000000000000000000000000000080",
    };
    uint8_t point[32];
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        from_hex(bad[i], point, 32);
        if (x25519_recipient_is_good(point)) fail_msg("accepted: %s", bad[i]);
    }
    memset(point, 0, sizeof point);
    point[0] = 9;
    assert_true(x25519_recipient_is_good(point));
    from_hex("ebffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", point, 32);
    assert_true(x25519_recipient_is_good(point)); /* p - 2: the largest that is fit */
}

/* --- files --- */

static char *dir, path[4200];

static int dir_new(void **state)
{
    (void)state;
    dir = scratch_new();
    snprintf(path, sizeof path, "%s/me.id", dir);
    return 0;
}

static int dir_free(void **state)
{
    (void)state;
    scratch_free(dir);
    return 0;
}

static size_t n_files(void)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    while (readdir(d) != NULL) n++;
    closedir(d);
    return n - 2;
}

static void write_file(const char *content, mode_t mode)
{
    unlink(path);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(content, out);
    fclose(out);
    assert_int_equal(chmod(path, mode), 0);
}

static void saved_and_loaded(void **state)
{
    (void)state;
    struct identity *id = counting_identity(), *back;
    struct stat st;
    char content[1024] = "";
    mode_t before = umask(0);

    assert_int_equal(identity_save(id, path, "Nordlicht Daten", 1700000000000, NO_PASSPHRASE), TIDE_OK);
    umask(before);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(n_files(), 1);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    assert_true(fread(content, 1, sizeof content - 1, in) > 0);
    fclose(in);
    assert_string_equal(content, "# name: Nordlicht Daten\n"
                                 "# party: tide1xuk8jqe4nraktq5u4wqdtyqvg0cvxgv3gcumxar5y8fjdt2wc2qshnxczq\n"
                                 "# created: 2023-11-14T22:13:20Z\n" SECRET_OF_COUNT "\n");
    assert_false(identity_is_wrapped(path));
    assert_int_equal(identity_load(path, NO_PASSPHRASE, &back), TIDE_OK);
    assert_memory_equal(identity_party(back), identity_party(id), 32);
    assert_int_equal(identity_n_older(back), 0);
    identity_free(&back);
    assert_int_equal(identity_save(id, path, "again", 0, NO_PASSPHRASE), TIDE_EEXIST);
    assert_int_equal(identity_save(id, path, "line\nbreak", 0, NO_PASSPHRASE), TIDE_EINVAL);
    identity_free(&id);
}

static void wrapped_with_a_passphrase(void **state)
{
    (void)state;
    struct identity *id = counting_identity(), *back;
    struct bytes passphrase = BYTES_TEXT("correct horse");
    assert_int_equal(identity_save(id, path, "n", 0, passphrase), TIDE_OK);
    assert_true(identity_is_wrapped(path));
    assert_int_equal(identity_load(path, NO_PASSPHRASE, &back), TIDE_EAUTH);
    assert_null(back);
    assert_int_equal(identity_load(path, BYTES_TEXT("wrong"), &back), TIDE_EAUTH);
    assert_int_equal(identity_load(path, passphrase, &back), TIDE_OK);
    assert_memory_equal(identity_party(back), identity_party(id), 32);
    identity_free(&back);
    identity_free(&id);
}

static void older_seeds_are_kept(void **state)
{
    (void)state;
    struct identity *first = counting_identity(), *second, *third, *back;
    assert_int_equal(identity_rotate(first, &second), TIDE_OK);
    assert_int_equal(identity_rotate(second, &third), TIDE_OK);
    assert_int_equal(identity_save(third, path, "n", 0, NO_PASSPHRASE), TIDE_OK);
    assert_int_equal(identity_load(path, NO_PASSPHRASE, &back), TIDE_OK);
    assert_memory_equal(identity_party(back), identity_party(third), 32);
    assert_int_equal(identity_n_older(back), 2);
    assert_memory_equal(identity_party(identity_older(back, 0)), identity_party(second), 32);
    assert_memory_equal(identity_party(identity_older(back, 1)), identity_party(first), 32);
    assert_null(identity_older(back, 2));
    identity_free(&first), identity_free(&second), identity_free(&third);

    enum tide_err err = TIDE_OK;
    for (unsigned i = 2; i <= IDENTITY_OLDER_MAX; i++) {
        assert_int_equal(err, TIDE_OK);
        err = identity_rotate(back, &second);
        if (err != TIDE_OK) break;
        identity_free(&back);
        back = second;
    }
    assert_int_equal(err, TIDE_ELIMIT);
    assert_int_equal(identity_n_older(back), IDENTITY_OLDER_MAX);
    identity_free(&back);
}

static void files_that_others_can_read_are_refused(void **state)
{
    (void)state;
    static const mode_t modes[] = {0640, 0604, 0660, 0620, 0601, 0644};
    struct identity *id;
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        write_file(SECRET_OF_COUNT "\n", modes[i]);
        assert_int_equal(identity_load(path, NO_PASSPHRASE, &id), TIDE_EDENIED);
        assert_null(id);
    }
    write_file(SECRET_OF_COUNT, 0400);
    assert_int_equal(identity_load(path, NO_PASSPHRASE, &id), TIDE_OK);
    identity_free(&id);
}

static void files_that_are_no_identity(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "# only a comment\n",
        "nonsense\n",
        SECRET_OF_COUNT "x\n",
        " " SECRET_OF_COUNT "\n",
        SECRET_OF_COUNT "\nnonsense\n",
        "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n",
        "age-encryption.org/v1\n", /* a wrapped file cut short */
    };
    struct identity *id;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        write_file(bad[i], 0600);
        assert_int_equal(identity_load(path, BYTES_TEXT("p"), &id), TIDE_EMALFORMED);
        assert_null(id);
    }
    char *large = malloc(70001);
    assert_non_null(large);
    memset(large, '#', 70000);
    large[70000] = '\0';
    write_file(large, 0600);
    free(large);
    assert_int_equal(identity_load(path, NO_PASSPHRASE, &id), TIDE_EMALFORMED);
    unlink(path);
    assert_int_equal(identity_load(path, NO_PASSPHRASE, &id), TIDE_ENOTFOUND);
    assert_int_equal(identity_load(dir, NO_PASSPHRASE, &id), TIDE_EMALFORMED);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(identity_load(path, NO_PASSPHRASE, &id), TIDE_EMALFORMED);
    assert_false(identity_is_wrapped(path));
}

/* fchmod, write, fsync, link, fsync of the directory: whichever fails, no half of a secret is left. */
static void a_failure_while_saving_leaves_nothing_half_done(void **state)
{
    (void)state;
    struct identity *id = counting_identity();
    static const enum tide_err expected[] = {TIDE_EDENIED, TIDE_EFULL, TIDE_EIO, TIDE_EIO};
    for (size_t n = 0; n < ARRAY_LEN(expected); n++) {
        calls_until_failure = (int)n;
        assert_int_equal(identity_save(id, path, "n", 0, NO_PASSPHRASE), expected[n]);
        assert_int_equal(n_files(), 0);
    }
    /* The directory could not be synced: the file is whole, and the caller knows that it may not last. */
    calls_until_failure = ARRAY_LEN(expected);
    assert_int_equal(identity_save(id, path, "n", 0, NO_PASSPHRASE), TIDE_EIO);
    assert_int_equal(n_files(), 1);
    unlink(path);
    calls_until_failure = -1;
    assert_int_equal(identity_save(id, path, "n", 0, NO_PASSPHRASE), TIDE_OK);
    snprintf(path, sizeof path, "%s/no/such/dir", dir);
    assert_int_equal(identity_save(id, path, "n", 0, NO_PASSPHRASE), TIDE_ENOTFOUND);
    identity_free(&id);
}

int main(void)
{
    if (crypto_init() != TIDE_OK) return 1;
#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, dir_new, dir_free)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subkeys_are_those_of_the_format),
        cmocka_unit_test(new_identities_differ),
        cmocka_unit_test(x25519_is_rfc_7748),
        cmocka_unit_test(unfit_recipients),
        WITH_DIR(saved_and_loaded),
        WITH_DIR(wrapped_with_a_passphrase),
        WITH_DIR(older_seeds_are_kept),
        WITH_DIR(files_that_others_can_read_are_refused),
        WITH_DIR(files_that_are_no_identity),
        WITH_DIR(a_failure_while_saving_leaves_nothing_half_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
