/*
 * Signed notes: a note of Go's sumdb/note, lines computed by another implementation, and every kind of bad note.
 */
#include "crypto/note.h"
#include "tests/unit/test_crypto.h"

#define DASH "\xe2\x80\x94 "

/* The example of golang.org/x/mod/sumdb/note. */
#define PETER_VKEY "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define PETER_SEED "810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173"
#define PETER_TEXT                                                \
    "If you think cryptography is the answer to your problem,\n" \
    "then you don't know what your problem is.\n"
#define PETER_LINE \
    DASH "PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"

/* A log (seed 06…) and a witness (seed 05…), computed with PyNaCl. */
#define LOG_VKEY "log.example/one+a386b94f+AYqHX/8es4RRV3rNWv7kBUVlaN18ieCQhjoFV7x69J8X"
#define LOG_TEXT "log.example/one\n5\nLXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=\n"
#define LOG_LINE \
    DASH "log.example/one o4a5T/pIzqdFZG3J+9ME5WldmN6WADLRwp0C6bqR4NAfA4fMrTJYysF8P5o9WTCnC5m+v8vHYvQZYkOhPvKLSfMeow4=\n"
#define WITNESS_TIME 1679315147
#define WITNESS_LINE                                                                                                 \
    DASH "witness.example/w1 VnzeCQAAAABkGFDLLTPXIvvIRpUfrj/HcQjhAvN2pntVAFUBK8uPuEIbyM8hNFbbgL/JQCr1BMA+lF67o6CPoH" \
         "jX0i77VkxKhryDDA==\n"

struct signer {
    struct note_key key;
    uint8_t secret[SIGN_SECRET_BYTES];
};

static void signer_init(struct signer *s, const char *name, uint8_t type, uint8_t seed_byte)
{
    uint8_t seed[32], public_key[32];
    memset(seed, seed_byte, sizeof seed);
    sign_keypair(seed, public_key, s->secret);
    assert_int_equal(note_key_init(name, type, public_key, &s->key), TIDE_OK);
}

static struct note_key peter(void)
{
    struct note_key key;
    assert_int_equal(note_key_parse(BYTES_TEXT(PETER_VKEY), &key), TIDE_OK);
    return key;
}

static enum tide_err verify_text(const char *note, const struct note_key *key)
{
    struct note_result result;
    enum tide_err err = note_verify(BYTES_TEXT(note), key, 1, &result);
    if (err != TIDE_OK) assert_int_equal(result.n_verified, 0);
    return err;
}

static void a_note_of_another_implementation(void **state)
{
    (void)state;
    struct note_key key = peter();
    struct note_result result;
    uint8_t seed[32], public_key[32], secret[64];
    char line[NOTE_LINE_MAX], vkey[NOTE_VKEY_MAX];

    assert_int_equal(note_verify(BYTES_TEXT(PETER_TEXT "\n" PETER_LINE), &key, 1, &result), TIDE_OK);
    assert_true(bytes_equal(result.text, BYTES_TEXT(PETER_TEXT)));
    assert_int_equal(result.n_verified, 1);
    assert_true(result.verified[0]);
    assert_int_equal(result.time_s[0], 0);

    from_hex(PETER_SEED, seed, 32);
    sign_keypair(seed, public_key, secret);
    assert_memory_equal(public_key, key.public_key, 32);
    note_sign_line(&key, secret, BYTES_TEXT(PETER_TEXT), line);
    assert_string_equal(line, PETER_LINE);
    note_key_format(&key, vkey);
    assert_string_equal(vkey, PETER_VKEY);
}

static void a_line_made_elsewhere_is_the_same_line(void **state)
{
    (void)state;
    struct signer s;
    uint8_t signature[SIGN_BYTES];
    char made[NOTE_LINE_MAX], formatted[NOTE_LINE_MAX];
    signer_init(&s, "tide1party", NOTE_TYPE_ED25519, 9);
    sign_message(s.secret, DOMAIN_NONE, BYTES_TEXT("text\n"), signature);
    note_sign_line(&s.key, s.secret, BYTES_TEXT("text\n"), made);
    note_format_line(&s.key, signature, formatted);
    assert_string_equal(made, formatted);
}

static void checkpoints_and_cosignatures_of_another_implementation(void **state)
{
    (void)state;
    struct signer log, witness;
    struct note_key keys[2];
    struct note_result result;
    struct checkpoint cp;
    char note[CHECKPOINT_MAX], line[NOTE_LINE_MAX], vkey[NOTE_VKEY_MAX];

    signer_init(&log, "log.example/one", NOTE_TYPE_ED25519, 6);
    signer_init(&witness, "witness.example/w1", NOTE_TYPE_COSIGNATURE, 5);
    note_key_format(&log.key, vkey);
    assert_string_equal(vkey, LOG_VKEY);
    assert_int_equal(checkpoint_verify(BYTES_TEXT(LOG_TEXT "\n" LOG_LINE), &log.key, &cp), TIDE_OK);
    assert_string_equal(cp.origin, "log.example/one");
    assert_int_equal(cp.size, 5);
    assert_int_equal(checkpoint_sign(&cp, &log.key, log.secret, note), strlen(LOG_TEXT "\n" LOG_LINE));
    assert_string_equal(note, LOG_TEXT "\n" LOG_LINE);

    note_cosign_line(&witness.key, witness.secret, BYTES_TEXT(LOG_TEXT), WITNESS_TIME, line);
    assert_string_equal(line, WITNESS_LINE);
    keys[0] = witness.key, keys[1] = log.key;
    assert_int_equal(note_verify(BYTES_TEXT(LOG_TEXT "\n" LOG_LINE WITNESS_LINE), keys, 2, &result), TIDE_OK);
    assert_int_equal(result.n_verified, 2);
    assert_int_equal(result.time_s[0], WITNESS_TIME);
    assert_int_equal(result.time_s[1], 0);
    note_key_format(&witness.key, vkey);
    assert_int_equal(note_key_parse(BYTES_TEXT(vkey), &keys[0]), TIDE_OK);
    assert_int_equal(keys[0].type, NOTE_TYPE_COSIGNATURE);
}

/* The time is signed, and a plain signature is no cosignature. */
static void a_cosignature_binds_its_time(void **state)
{
    (void)state;
    struct signer witness;
    char line[NOTE_LINE_MAX], note[1024];
    uint8_t blob[76], signature[64];
    size_t len;

    signer_init(&witness, "w", NOTE_TYPE_COSIGNATURE, 5);
    note_cosign_line(&witness.key, witness.secret, BYTES_TEXT(LOG_TEXT), 1000, line);
    char *base64 = strrchr(line, ' ') + 1;
    assert_int_equal(base64_decode(BYTES(base64, strlen(base64) - 1), blob, sizeof blob, &len), TIDE_OK);
    assert_int_equal(len, sizeof blob);
    blob[11]++;
    base64_encode(BYTES(blob, sizeof blob), base64);
    snprintf(note, sizeof note, "%s\n%s\n", LOG_TEXT, line);
    assert_int_equal(verify_text(note, &witness.key), TIDE_EAUTH);

    sign_message(witness.secret, DOMAIN_NONE, BYTES_TEXT(LOG_TEXT), signature);
    memcpy(blob, witness.key.id, 4);
    memcpy(blob + 4, signature, 64);
    base64_encode(BYTES(blob, 68), base64);
    snprintf(note, sizeof note, "%s\n%s\n", LOG_TEXT, line);
    assert_int_equal(verify_text(note, &witness.key), TIDE_EAUTH);
}

static void unknown_keys_are_ignored_and_wrong_ones_refused(void **state)
{
    (void)state;
    struct note_key key = peter(), same_name = key, same_id = key;
    struct signer other;
    char line[NOTE_LINE_MAX], note[2048];

    signer_init(&other, "other", NOTE_TYPE_ED25519, 1);
    note_sign_line(&other.key, other.secret, BYTES_TEXT(PETER_TEXT), line);
    snprintf(note, sizeof note, "%s\n%s%s", PETER_TEXT, line, PETER_LINE);
    assert_int_equal(verify_text(note, &key), TIDE_OK);
    assert_int_equal(verify_text(note, &other.key), TIDE_OK);

    /* Same name or same id, but not both: unknown. */
    same_name.id[0] ^= 1;
    strcpy(same_id.name, "PeterNeumanm");
    assert_int_equal(verify_text(note, &same_name), TIDE_EAUTH);
    assert_int_equal(verify_text(note, &same_id), TIDE_EAUTH);

    /* One right line does not save a note with a wrong one. */
    struct note_key both[2] = {key, other.key};
    struct note_result result;
    note_sign_line(&other.key, other.secret, BYTES_TEXT("other text\n"), line);
    snprintf(note, sizeof note, "%s\n%s%s", PETER_TEXT, PETER_LINE, line);
    assert_int_equal(note_verify(BYTES_TEXT(note), both, 2, &result), TIDE_EAUTH);
    assert_int_equal(result.n_verified, 0);
    assert_int_equal(verify_text(note, &key), TIDE_OK);
    assert_int_equal(note_verify(BYTES_TEXT(note), both, 0, &result), TIDE_EAUTH);
}

static void a_line_told_twice_counts_once(void **state)
{
    (void)state;
    struct note_key key = peter();
    struct note_result result;
    assert_int_equal(note_verify(BYTES_TEXT(PETER_TEXT "\n" PETER_LINE PETER_LINE), &key, 1, &result), TIDE_OK);
    assert_int_equal(result.n_verified, 1);
}

/* The separator is the last empty line; what stands before belongs to the text. */
static void the_text_may_have_empty_lines(void **state)
{
    (void)state;
    struct signer s;
    struct note_result result;
    char line[NOTE_LINE_MAX], note[1024];
    const char *text = "one\n\n" DASH "two AAAAAAA=\n\n\nthree\n";
    signer_init(&s, "s", NOTE_TYPE_ED25519, 1);
    note_sign_line(&s.key, s.secret, BYTES_TEXT(text), line);
    snprintf(note, sizeof note, "%s\n%s", text, line);
    assert_int_equal(note_verify(BYTES_TEXT(note), &s.key, 1, &result), TIDE_OK);
    assert_true(bytes_equal(result.text, BYTES_TEXT(text)));
}

static void malformed_notes(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "\n",
        "\n\n",
        PETER_TEXT,
        PETER_TEXT "\n",
        PETER_TEXT PETER_LINE, /* no empty line */
        PETER_TEXT "\n" PETER_LINE "\n",
        PETER_TEXT "\n" DASH "PeterNeumann x08go/ZJ",                           /* no \n at the end */
        PETER_TEXT "\n" PETER_LINE DASH "x\n",                                  /* no signature */
        PETER_TEXT "\n" PETER_LINE DASH " AAAAAAAA\n",                          /* no name */
        PETER_TEXT "\n" PETER_LINE "- x AAAAAAAA\n",                            /* another dash */
        PETER_TEXT "\n" PETER_LINE DASH "x AAAA\n",                             /* no more than an id */
        PETER_TEXT "\n" PETER_LINE DASH "x AAAAAA==\n",                         /* four bytes: only an id */
        PETER_TEXT "\n" PETER_LINE DASH "x AAAAAAA\n",                          /* no padding */
        PETER_TEXT "\n" PETER_LINE DASH "x AAAAAAA*AAAA\n",                     /* no base64 */
        PETER_TEXT "\n" PETER_LINE DASH "x AAAA AAAA\n",                        /* a space too many */
        PETER_TEXT "\n" PETER_LINE DASH "a+b AAAAAAAA\n",                       /* a plus in the name */
        PETER_TEXT "\n" PETER_LINE DASH "a\xc2\xa0" "b AAAAAAAA\n",             /* a space of Unicode's */
        PETER_TEXT "\n" PETER_LINE DASH "a\xff" "b AAAAAAAA\n",                 /* no UTF-8 */
        "tab\there\n\n" PETER_LINE,
        "cr\r\n\n" PETER_LINE,
        "\xed\xa0\x80\n\n" PETER_LINE, /* a surrogate */
        "\xc0\xaf\n\n" PETER_LINE,     /* overlong */
        "\xf4\x90\x80\x80\n\n" PETER_LINE,
        "\xe2\x80\n\n" PETER_LINE,
    };
    struct note_key key = peter();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (verify_text(bad[i], &key) != TIDE_EMALFORMED) fail_msg("accepted: %s", bad[i]);
    }
    struct note_result result;
    assert_int_equal(note_verify(BYTES("a\0b\n\n" PETER_LINE, 5 + strlen(PETER_LINE)), &key, 1, &result),
                     TIDE_EMALFORMED);
}

/* Base64 with bits to spare has a second spelling; a known key's line in it is wrong. */
static void a_known_line_must_be_canonical(void **state)
{
    (void)state;
    struct note_key key = peter();
    char note[] = PETER_TEXT "\n" PETER_LINE;
    char *end = strstr(note, "JnAM=\n");
    assert_non_null(end);
    end[3] = 'N';
    assert_int_equal(verify_text(note, &key), TIDE_EAUTH);
}

static void limits_of_a_note(void **state)
{
    (void)state;
    struct note_key key = peter();
    struct note_result result;
    char note[4096] = PETER_TEXT "\n";
    for (unsigned i = 0; i < NOTE_SIGNATURES_MAX; i++) strcat(note, i == 7 ? PETER_LINE : DASH "x AAAAAAAA\n");
    assert_int_equal(verify_text(note, &key), TIDE_OK);
    strcat(note, DASH "x AAAAAAAA\n");
    assert_int_equal(verify_text(note, &key), TIDE_EMALFORMED);

    char *large = malloc(NOTE_MAX + 200);
    assert_non_null(large);
    memset(large, 'a', NOTE_MAX + 200);
    struct signer s;
    char line[NOTE_LINE_MAX];
    signer_init(&s, "s", NOTE_TYPE_ED25519, 1);
    note_sign_line(&s.key, s.secret, BYTES_TEXT("t\n"), line);
    size_t text_len = NOTE_MAX - 1 - strlen(line); /* exactly NOTE_MAX with line and empty line */
    large[text_len - 1] = '\n';
    note_sign_line(&s.key, s.secret, BYTES(large, text_len), line);
    sprintf(large + text_len, "\n%s", line);
    assert_int_equal(note_verify(BYTES(large, NOTE_MAX), &s.key, 1, &result), TIDE_OK);
    memmove(large + 1, large, NOTE_MAX);
    assert_int_equal(note_verify(BYTES(large, NOTE_MAX + 1), &s.key, 1, &result), TIDE_EMALFORMED);
    free(large);
}

static void names_of_keys(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a b", "a+b", "a\nb", "\x7f", "a\xe2\x80\x83" "b", "a\xe3\x80\x80", "\xff"};
    uint8_t public_key[32] = {1};
    struct note_key key;
    char longest[NOTE_NAME_MAX + 2], vkey[NOTE_VKEY_MAX], line[NOTE_LINE_MAX];
    uint8_t secret[64] = {0};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(note_key_init(bad[i], NOTE_TYPE_ED25519, public_key, &key), TIDE_EINVAL);
    }
    memset(longest, 'n', sizeof longest);
    longest[NOTE_NAME_MAX + 1] = '\0';
    assert_int_equal(note_key_init(longest, NOTE_TYPE_ED25519, public_key, &key), TIDE_EINVAL);
    longest[NOTE_NAME_MAX] = '\0';
    assert_int_equal(note_key_init(longest, NOTE_TYPE_COSIGNATURE, public_key, &key), TIDE_OK);
    note_key_format(&key, vkey);
    assert_int_equal(note_key_parse(BYTES_TEXT(vkey), &key), TIDE_OK);
    note_cosign_line(&key, secret, BYTES_TEXT(LOG_TEXT), INT64_MAX, line);
    assert_int_equal(line[strlen(line) - 1], '\n');
    assert_int_equal(note_key_init("交易所.example", NOTE_TYPE_ED25519, public_key, &key), TIDE_OK);
    assert_int_equal(note_key_init("x", 2, public_key, &key), TIDE_EINVAL);
}

static void verifier_keys_have_one_form(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        "PeterNeumann+c74f20a3+",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  /* another id */
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  /* another case */
        "PeterNeumanm+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  /* another name */
        "PeterNeumann+c74f20a3+AhpcAQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  /* another type */
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",   /* shorter */
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWA", /* longer */
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3-ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    };
    struct note_key key;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(note_key_parse(BYTES_TEXT(bad[i]), &key), TIDE_EMALFORMED);
        assert_int_equal(key.name[0], '\0');
    }
}

static void checkpoints_are_three_lines(void **state)
{
    (void)state;
#define ROOT "LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE="
    static const char *const bad[] = {
        "",
        "o\n5\n",
        "o\n5\n" ROOT,
        "\n5\n" ROOT "\n",
        "o\n05\n" ROOT "\n",
        "o\n-5\n" ROOT "\n",
        "o\n+5\n" ROOT "\n",
        "o\n5 \n" ROOT "\n",
        "o\n\n" ROOT "\n",
        "o\n0x5\n" ROOT "\n",
        "o\n9223372036854775808\n" ROOT "\n",
        "o\n18446744073709551621\n" ROOT "\n",
        "o\n5\n" ROOT "\n\n",
        "o\n5\n" ROOT "\nextension\n",
        "o\n5\nLXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIF=\n", /* not canonical */
        "o\n5\nLXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5Ia\n",     /* 30 bytes */
    };
    struct checkpoint cp;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (checkpoint_parse(BYTES_TEXT(bad[i]), &cp) != TIDE_EMALFORMED) fail_msg("accepted: %s", bad[i]);
        assert_int_equal(cp.size, 0);
    }
    assert_int_equal(checkpoint_parse(BYTES_TEXT("o\n0\n" ROOT "\n"), &cp), TIDE_OK);
    assert_int_equal(checkpoint_parse(BYTES_TEXT("o\n9223372036854775807\n" ROOT "\n"), &cp), TIDE_OK);
    assert_true(cp.size == INT64_MAX);
}

/* A log's signature over another log's checkpoint is not that log's checkpoint. */
static void the_origin_is_the_keys_name(void **state)
{
    (void)state;
    struct signer s;
    struct checkpoint cp;
    char line[NOTE_LINE_MAX], note[1024];
    signer_init(&s, "log.example/two", NOTE_TYPE_ED25519, 8);
    note_sign_line(&s.key, s.secret, BYTES_TEXT(LOG_TEXT), line);
    snprintf(note, sizeof note, "%s\n%s", LOG_TEXT, line);
    assert_int_equal(verify_text(note, &s.key), TIDE_OK);
    assert_int_equal(checkpoint_verify(BYTES_TEXT(note), &s.key, &cp), TIDE_EAUTH);
    assert_int_equal(cp.size, 0);
}

static void base64_is_canonical(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    static const char *const bad[] = {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Zm 9", "Zm9v\n", "=", "====", "Zm-_"};
    uint8_t out[16];
    char text[32];
    size_t len;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_int_equal(base64_encode(BYTES("foobar", i), text), strlen(texts[i]));
        assert_string_equal(text, texts[i]);
        assert_int_equal(base64_decode(BYTES_TEXT(texts[i]), out, sizeof out, &len), TIDE_OK);
        assert_int_equal(len, i);
        assert_memory_equal(out, "foobar", i);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(base64_decode(BYTES_TEXT(bad[i]), out, sizeof out, &len), TIDE_EMALFORMED);
        assert_int_equal(len, 0);
    }
    assert_int_equal(base64_decode(BYTES_TEXT("Zm9vYmFy"), out, 5, &len), TIDE_EMALFORMED);
    /* Only the alphabet: any other byte in any place is refused (libsodium 1.0.18 alone takes 0xc7 for '/'). */
    char four[4];
    for (int c = 0; c < 256; c++) {
        bool in_alphabet = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
        for (size_t at = 0; at < 4; at++) {
            memcpy(four, "AAAA", 4);
            four[at] = (char)c;
            bool padding = c == '=' && at == 3;
            enum tide_err err = base64_decode(BYTES(four, 4), out, sizeof out, &len);
            assert_int_equal(err, in_alphabet || padding ? TIDE_OK : TIDE_EMALFORMED);
        }
    }
}

/* --- proof files --- */

static void proof_file_of(struct proof_file *p, size_t n_hashes)
{
    memset(p, 0, sizeof *p);
    p->index = 73894;
    p->proof.n = n_hashes;
    for (size_t i = 0; i < n_hashes; i++) memset(p->proof.hashes[i], (int)i + 1, HASH_BYTES);
    p->checkpoint = BYTES_TEXT(LOG_TEXT "\n" LOG_LINE);
}

static void proof_files_come_back(void **state)
{
    (void)state;
    static const size_t n_hashes[] = {0, 1, 17, MERKLE_DEPTH_MAX};
    uint8_t *extra = malloc(65535), *scratch = malloc(NOTE_MAX);
    assert_true(extra != NULL && scratch != NULL);
    random_bytes(extra, 65535);
    for (size_t i = 0; i < 2 * ARRAY_LEN(n_hashes); i++) {
        struct proof_file p, back;
        char *text;
        size_t len;
        proof_file_of(&p, n_hashes[i / 2]);
        if (i % 2 == 1) p.extra = BYTES(extra, 65535);
        assert_int_equal(proof_file_format(&p, &text, &len), TIDE_OK);
        assert_int_equal(strlen(text), len);
        assert_int_equal(proof_file_parse(BYTES(text, len), scratch, NOTE_MAX, &back), TIDE_OK);
        assert_int_equal(back.index, p.index);
        assert_true(bytes_equal(back.extra, p.extra));
        assert_true(bytes_equal(back.checkpoint, p.checkpoint));
        assert_int_equal(back.proof.n, p.proof.n);
        assert_memory_equal(back.proof.hashes, p.proof.hashes, p.proof.n * HASH_BYTES);
        free(text);
    }
    free(extra);
    free(scratch);
}

static void proof_files_follow_the_specification(void **state)
{
    (void)state;
    struct proof_file p;
    char *text;
    size_t len;
    proof_file_of(&p, 1);
    p.extra = BYTES("foobar", 6);
    assert_int_equal(proof_file_format(&p, &text, &len), TIDE_OK);
    assert_string_equal(text, "c2sp.org/tlog-proof@v1\nextra Zm9vYmFy\nindex 73894\n"
                              "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n\n" LOG_TEXT "\n" LOG_LINE);
    free(text);
    p.checkpoint.len = 0;
    assert_int_equal(proof_file_format(&p, &text, &len), TIDE_EINVAL);
    assert_null(text);
}

static void malformed_proof_files(void **state)
{
    (void)state;
#define FIRST "c2sp.org/tlog-proof@v1\n"
    static const char *const bad[] = {
        "",
        FIRST,
        "c2sp.org/tlog-proof@v2\nindex 1\n\ncheckpoint\n",
        FIRST "index 1\n",
        FIRST "index 1\n\n",           /* no checkpoint */
        FIRST "index 01\n\ncheckpoint\n",
        FIRST "index \n\ncheckpoint\n",
        FIRST "index 9223372036854775808\n\ncheckpoint\n",
        FIRST "index 1\nextra Zm9v\n\ncheckpoint\n", /* in the wrong order */
        FIRST "extra Zm9v\nextra Zm9v\nindex 1\n\ncheckpoint\n",
        FIRST "extra \nindex 1\n\ncheckpoint\n", /* empty extra must not be there */
        FIRST "extra Zm9\nindex 1\n\ncheckpoint\n",
        FIRST "index 1\nAQEB\n\ncheckpoint\n", /* a short hash */
        FIRST "index 1\nAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQF=\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\r\nindex 1\n\ncheckpoint\n",
    };
    struct proof_file p;
    uint8_t scratch[256];
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (proof_file_parse(BYTES_TEXT(bad[i]), scratch, sizeof scratch, &p) != TIDE_EMALFORMED) {
            fail_msg("accepted: %s", bad[i]);
        }
        assert_int_equal(p.checkpoint.len, 0);
    }
    assert_int_equal(proof_file_parse(BYTES_TEXT(FIRST "index 0\n\ncheckpoint\n"), scratch, sizeof scratch, &p), TIDE_OK);
    /* One hash more than any tree has, and an extra larger than the scratch. */
    char text[8192] = FIRST "index 1\n";
    for (unsigned i = 0; i < MERKLE_DEPTH_MAX + 1; i++) strcat(text, "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n");
    strcat(text, "\ncheckpoint\n");
    assert_int_equal(proof_file_parse(BYTES_TEXT(text), scratch, sizeof scratch, &p), TIDE_EMALFORMED);
    assert_int_equal(proof_file_parse(BYTES_TEXT(FIRST "extra Zm9vYmFy\nindex 0\n\nc\n"), scratch, 5, &p), TIDE_EMALFORMED);
}

int main(void)
{
    if (crypto_init() != TIDE_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_of_another_implementation),
        cmocka_unit_test(a_line_made_elsewhere_is_the_same_line),
        cmocka_unit_test(checkpoints_and_cosignatures_of_another_implementation),
        cmocka_unit_test(a_cosignature_binds_its_time),
        cmocka_unit_test(unknown_keys_are_ignored_and_wrong_ones_refused),
        cmocka_unit_test(a_line_told_twice_counts_once),
        cmocka_unit_test(the_text_may_have_empty_lines),
        cmocka_unit_test(malformed_notes),
        cmocka_unit_test(a_known_line_must_be_canonical),
        cmocka_unit_test(limits_of_a_note),
        cmocka_unit_test(names_of_keys),
        cmocka_unit_test(verifier_keys_have_one_form),
        cmocka_unit_test(checkpoints_are_three_lines),
        cmocka_unit_test(the_origin_is_the_keys_name),
        cmocka_unit_test(base64_is_canonical),
        cmocka_unit_test(proof_files_come_back),
        cmocka_unit_test(proof_files_follow_the_specification),
        cmocka_unit_test(malformed_proof_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
