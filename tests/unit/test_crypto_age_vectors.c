/*
 * The age test vectors (C2SP CCTV), every one for X25519 and scrypt: one success or one failure each.
 *
 * They come as the npm package `cctv-age`, whose index.js has each vector as one line of base64. TIDEMARK_AGE_VECTORS
 * names the package's directory; without it, build/vectors/node_modules/cctv-age.
 * Skipped, and printed: vectors in ASCII armor and for recipient types Tidemark does not have.
 */
#include "crypto/age_header.h"
#include "crypto/bech32.h"
#include "crypto/identity.h"
#include "crypto/note.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#define DEFAULT_DIR "build/vectors/node_modules/cctv-age"
#define VECTORS_LEAST 75 /* of the kinds we have; fewer means that the reader of index.js has lost some */
#define KEYS_MAX 4
#define INFLATED_MAX (32u << 20)

/* One vector: its textual head and the age file. */
struct vector {
    char name[64];
    char expect[32];
    char payload_hex[65];
    char skip[64];
    char identities[KEYS_MAX][128];
    char passphrases[KEYS_MAX][64];
    size_t n_identities, n_passphrases;
    bool compressed;
    uint8_t *file;
    size_t file_len;
};

static char *read_text(const char *path, size_t *len)
{
    FILE *in = fopen(path, "rb");
    if (in == NULL) return NULL;
    fseek(in, 0, SEEK_END);
    long size = ftell(in);
    rewind(in);
    char *text = malloc((size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, in), size);
    fclose(in);
    text[size] = '\0';
    *len = (size_t)size;
    return text;
}

static void head_line(struct vector *v, const char *key, const char *value)
{
    if (strcmp(key, "expect") == 0) snprintf(v->expect, sizeof v->expect, "%s", value);
    else if (strcmp(key, "payload") == 0) snprintf(v->payload_hex, sizeof v->payload_hex, "%s", value);
    else if (strcmp(key, "compressed") == 0) v->compressed = strcmp(value, "zlib") == 0;
    else if (strcmp(key, "armored") == 0) snprintf(v->skip, sizeof v->skip, "ASCII armor");
    else if (strcmp(key, "identity") == 0) {
        if (strncmp(value, "AGE-SECRET-KEY-1", 16) != 0) snprintf(v->skip, sizeof v->skip, "hybrid recipient");
        else snprintf(v->identities[v->n_identities++], sizeof v->identities[0], "%s", value);
    } else if (strcmp(key, "passphrase") == 0) {
        snprintf(v->passphrases[v->n_passphrases++], sizeof v->passphrases[0], "%s", value);
    } else if (strcmp(key, "comment") != 0 && strcmp(key, "file key") != 0) {
        snprintf(v->skip, sizeof v->skip, "unknown key %.32s", key);
    }
}

static void inflate_file(struct vector *v)
{
    uLongf len = INFLATED_MAX;
    uint8_t *out = malloc(len);
    assert_non_null(out);
    assert_int_equal(uncompress(out, &len, v->file, v->file_len), Z_OK);
    free(v->file);
    v->file = realloc(out, len > 0 ? len : 1);
    v->file_len = len;
}

/* The bytes of one vector: head lines, an empty line, the file. */
static void vector_parse(const uint8_t *data, size_t len, struct vector *v)
{
    const char *at = (const char *)data, *end = at + len;
    while (at < end && *at != '\n') {
        const char *eol = memchr(at, '\n', (size_t)(end - at));
        assert_non_null(eol);
        char line[512];
        snprintf(line, sizeof line, "%.*s", (int)(eol - at), at);
        char *colon = strstr(line, ": ");
        assert_non_null(colon);
        *colon = '\0';
        head_line(v, line, colon + 2);
        at = eol + 1;
    }
    assert_true(at < end);
    at++;
    v->file_len = (size_t)(end - at);
    v->file = malloc(v->file_len + 1);
    assert_non_null(v->file);
    memcpy(v->file, at, v->file_len);
    if (v->compressed && v->skip[0] == '\0') inflate_file(v);
}

/* Takes the next `var NAME_default = __toBinary("...")` of index.js. */
static bool vector_take(char **text, struct vector *v)
{
    static const char mark[] = "_default = __toBinary(\"";
    memset(v, 0, sizeof *v);
    char *found = strstr(*text, mark);
    if (found == NULL) return false;
    char *name = found;
    while (name[-1] != ' ') name--;
    snprintf(v->name, sizeof v->name, "%.*s", (int)(found - name), name);
    char *base64 = found + sizeof mark - 1;
    size_t base64_len = strcspn(base64, "\""), len;
    uint8_t *data = malloc(base64_len);
    assert_non_null(data);
    assert_int_equal(base64_decode(BYTES(base64, base64_len), data, base64_len, &len), TIDE_OK);
    vector_parse(data, len, v);
    free(data);
    *text = base64 + base64_len;
    return true;
}

/* Which of the vectors' words fits what happened at the header. */
static const char *header_outcome(struct bytes file, const struct vector *v, uint8_t file_key[16], size_t *header_len)
{
    struct age_header header;
    const char *outcome = "no match";

    if (age_header_parse(file, &header) != TIDE_OK) return "header failure";
    for (size_t i = 0; i < v->n_identities + v->n_passphrases; i++) {
        enum tide_err err, whole;
        if (i < v->n_identities) {
            uint8_t secret[32];
            assert_int_equal(bech32_decode(AGE_SECRET_PREFIX, BYTES_TEXT(v->identities[i]), secret), TIDE_OK);
            err = age_x25519_unwrap(&header, secret, file_key);
            whole = age_header_open(file, secret, file_key, header_len);
        } else {
            struct bytes passphrase = BYTES_TEXT(v->passphrases[i - v->n_identities]);
            err = age_scrypt_unwrap(&header, passphrase, file_key);
            whole = age_header_open_passphrase(file, passphrase, file_key, header_len);
        }
        /* What the public functions say must be what the steps say. */
        if (err != TIDE_OK) assert_int_equal(whole, err);
        if (err == TIDE_EMALFORMED || err == TIDE_ELIMIT) return "header failure";
        if (err == TIDE_OK) return whole == TIDE_OK ? "opened" : "HMAC failure";
    }
    return outcome;
}

/* SHA-256 of everything that was given out, as hex. */
static void output_hex(int fd, char hex[65])
{
    uint8_t digest[HASH_BYTES], buffer[65536];
    struct sha256_stream s;
    ssize_t n;
    sha256_init(&s);
    lseek(fd, 0, SEEK_SET);
    while ((n = read(fd, buffer, sizeof buffer)) > 0) sha256_update(&s, BYTES(buffer, (size_t)n));
    sha256_final(&s, digest);
    for (size_t i = 0; i < HASH_BYTES; i++) sprintf(hex + 2 * i, "%02x", digest[i]);
}

static const char *payload_outcome(struct bytes payload, const uint8_t file_key[16], unsigned n_threads, char hex[65])
{
    struct age_work work = {.n_threads = n_threads};
    int in = memfd_create("sealed", 0), out = memfd_create("plain", 0);
    assert_true(in >= 0 && out >= 0);
    if (payload.len > 0) assert_int_equal(write(in, payload.data, payload.len), payload.len);
    lseek(in, 0, SEEK_SET);
    enum tide_err err = age_payload_open(in, out, file_key, NULL, &work);
    output_hex(out, hex);
    close(in);
    close(out);
    assert_true(err == TIDE_OK || err == TIDE_EAUTH);
    /* The vectors count a nonce cut short to the header; the interface counts it to the payload. */
    if (err != TIDE_OK && payload.len < AGE_NONCE_BYTES) return "header failure";
    return err == TIDE_OK ? "success" : "payload failure";
}

/* True if the vector came out as it says. */
static bool vector_run(const struct vector *v, unsigned n_threads)
{
    struct bytes file = BYTES(v->file, v->file_len);
    uint8_t file_key[16];
    size_t header_len;
    char hex[65] = "";
    const char *outcome = header_outcome(file, v, file_key, &header_len);

    if (strcmp(outcome, "opened") == 0) {
        outcome = payload_outcome(BYTES(file.data + header_len, file.len - header_len), file_key, n_threads, hex);
    }
    if (strcmp(outcome, v->expect) != 0) {
        print_error("%s: expected %s, got %s\n", v->name, v->expect, outcome);
        return false;
    }
    bool has_payload = strcmp(outcome, "success") == 0 || strcmp(outcome, "payload failure") == 0;
    if (has_payload && v->payload_hex[0] != '\0' && strcmp(hex, v->payload_hex) != 0) {
        print_error("%s: another payload came out (%s)\n", v->name, outcome);
        return false;
    }
    return true;
}

static void every_vector_comes_out_as_it_says(void **state)
{
    (void)state;
    const char *dir = getenv("TIDEMARK_AGE_VECTORS");
    char path[4096];
    size_t len, n_run = 0, n_skipped = 0, n_failed = 0;
    struct vector v;

    snprintf(path, sizeof path, "%s/index.js", dir != NULL ? dir : DEFAULT_DIR);
    char *text = read_text(path, &len), *at = text;
    if (text == NULL) fail_msg("no age vectors at %s: npm install --prefix build/vectors cctv-age", path);
    while (vector_take(&at, &v)) {
        if (v.skip[0] != '\0') {
            print_message("skipped %s: %s\n", v.name, v.skip);
            n_skipped++;
        } else {
            n_run++;
            if (!vector_run(&v, 1) || (v.n_passphrases == 0 && !vector_run(&v, 3))) n_failed++;
        }
        free(v.file);
    }
    free(text);
    print_message("age vectors: %zu run, %zu failed, %zu skipped\n", n_run, n_failed, n_skipped);
    assert_int_equal(n_failed, 0);
    assert_true(n_run >= VECTORS_LEAST);
}

int main(void)
{
    if (crypto_init() != TIDE_OK) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_vector_comes_out_as_it_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
