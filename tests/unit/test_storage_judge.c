/*
 * Judging a delivery: each of the seven checks, by deliveries that are sealed here as vendors seal them, rightly and
 * wrongly; the bytes of evidence; and evidence that is hostile.
 */
#include "storage/limits.h"
#include "tests/unit/test_delivery.h"

static struct arena arena;

static enum finding judged(const struct sale *s, const struct evidence *e)
{
    enum finding finding = FINDING_NONE;
    assert_ok(judge(&s->delivery, e, &finding));
    return finding;
}

static enum finding judged_chunk(struct sale *s, uint64_t chunk)
{
    struct evidence e = evidence_of(s, chunk);
    return judged(s, &e);
}

/* ---- the checks in their order ---- */

static void honest_deliveries_prove_nothing(void **state)
{
    (void)state;
    struct sale *s = sale_new();
    for (uint64_t i = 0; i < N_CHUNKS; i++) assert_int_equal(judged_chunk(s, i), FINDING_NOT_PROVEN);
    free(s);
    static const uint64_t lengths[] = {0, 1, AGE_CHUNK_BYTES, AGE_CHUNK_BYTES + 1, 3 * AGE_CHUNK_BYTES};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        s = sale_of(lengths[i]);
        for (uint64_t c = 0; c < s->delivery.content.n_chunks; c++) assert_int_equal(judged_chunk(s, c), FINDING_NOT_PROVEN);
        free(s);
    }
}

static void check_1_the_secret_is_the_orders(void **state)
{
    (void)state;
    struct sale *s = sale_new();
    struct evidence e = evidence_of(s, 0);
    assert_int_equal(judged(s, NULL), FINDING_EVIDENCE_INVALID);
    e.secret[5] ^= 1;
    assert_int_equal(judged(s, &e), FINDING_EVIDENCE_INVALID);
    memset(e.secret, 0, 32); /* what is left of it after clamping is still a secret, of another recipient */
    assert_int_equal(judged(s, &e), FINDING_EVIDENCE_INVALID);
    memset(e.secret, 0xff, 32);
    assert_int_equal(judged(s, &e), FINDING_EVIDENCE_INVALID);
    /* it comes before the grant: a foreign secret shows nothing about it */
    s->grant[100] ^= 1;
    assert_int_equal(judged(s, &e), FINDING_EVIDENCE_INVALID);
    free(s);
}

static void check_2_the_grant_opens(void **state)
{
    (void)state;
    struct sale *s = sale_new();
    struct evidence e = evidence_of(s, 0);
    uint8_t longer[AGE_GRANT_BYTES + 1] = {0}, honest[AGE_GRANT_BYTES], others[32] = {3}, recipient[32];
    memcpy(honest, s->grant, sizeof honest);

    for (size_t i = 0; i < sizeof honest; i++) { /* no byte of it can be another */
        s->grant[i] ^= 1;
        assert_int_equal(judged(s, &e), FINDING_GRANT_UNREADABLE);
        s->grant[i] ^= 1;
    }
    x25519_public(others, recipient);
    assert_ok(age_grant_seal(s->file_key, recipient, s->grant)); /* for another recipient */
    assert_int_equal(judged(s, &e), FINDING_GRANT_UNREADABLE);
    memcpy(longer, honest, sizeof honest);
    s->delivery.grant = BYTES(longer, sizeof longer);
    assert_int_equal(judged(s, &e), FINDING_GRANT_UNREADABLE);
    s->delivery.grant = BYTES(honest, sizeof honest - 1);
    assert_int_equal(judged(s, &e), FINDING_GRANT_UNREADABLE);
    s->delivery.grant = BYTES(NULL, 0);
    assert_int_equal(judged(s, &e), FINDING_GRANT_UNREADABLE);
    /* a share of low order gives a secret of zeros: such a stanza is no stanza */
    memcpy(s->grant, honest, sizeof honest);
    uint8_t *share = memmem(s->grant, sizeof s->grant, "X25519 ", 7);
    assert_non_null(share);
    memset(share + 7, 'A', 43);
    s->delivery.grant = BYTES(s->grant, sizeof s->grant);
    assert_int_equal(judged(s, &e), FINDING_GRANT_UNREADABLE);
    free(s);
}

static void check_3_the_key_is_the_one_committed_to(void **state)
{
    (void)state;
    struct sale *s = sale_new();
    struct evidence e = evidence_of(s, 0), about_grant = e;
    uint8_t other[AGE_FILE_KEY_BYTES] = {1};
    about_grant.sealed = BYTES(NULL, 0);
    about_grant.n_proof = 0;
    assert_int_equal(judged(s, &about_grant), FINDING_EVIDENCE_INVALID); /* a good grant needs a chunk to go on with */
    assert_ok(age_grant_seal(other, s->delivery.recipient, s->grant));
    assert_int_equal(judged(s, &e), FINDING_WRONG_KEY);
    assert_int_equal(judged(s, &about_grant), FINDING_WRONG_KEY); /* needs no chunk */
    e.proof[0][0] ^= 1;
    assert_int_equal(judged(s, &e), FINDING_WRONG_KEY); /* comes before the chunk */
    free(s);
}

static void check_4_the_chunk_is_the_listings(void **state)
{
    (void)state;
    struct sale *s = sale_new();
    struct evidence good = evidence_of(s, 1), e = good;
    uint8_t other[AGE_SEALED_CHUNK_BYTES];

    memcpy(other, s->sealed[1], sizeof other);
    other[9] ^= 1; /* damaged on the way, not by the vendor */
    e.sealed = BYTES(other, sizeof other);
    assert_int_equal(judged(s, &e), FINDING_EVIDENCE_INVALID);
    e = good;
    e.sealed.len--;
    assert_int_equal(judged(s, &e), FINDING_EVIDENCE_INVALID);
    static const uint64_t wrong_places[] = {0, 2, N_CHUNKS, N_CHUNKS + 1, LIMIT_AMOUNT, UINT64_MAX};
    for (size_t i = 0; i < ARRAY_LEN(wrong_places); i++) {
        e = good;
        e.chunk = wrong_places[i];
        assert_int_equal(judged(s, &e), FINDING_EVIDENCE_INVALID);
    }
    for (size_t n = 0; n <= EVIDENCE_PROOF_MAX; n++) {
        e = good;
        e.n_proof = n;
        assert_int_equal(judged(s, &e), n == good.n_proof ? FINDING_NOT_PROVEN : FINDING_EVIDENCE_INVALID);
    }
    e.n_proof = SIZE_MAX;
    assert_int_equal(judged(s, &e), FINDING_EVIDENCE_INVALID);
    for (size_t i = 0; i < good.n_proof; i++) {
        e = good;
        e.proof[i][31] ^= 1;
        assert_int_equal(judged(s, &e), FINDING_EVIDENCE_INVALID);
    }
    /* a chunk that is in the root, but has not the length it must have there: the root alone does not say so */
    seal_chunk(s, 1, false, 10);
    commit_content(s);
    e = evidence_of(s, 1);
    assert_int_equal(judged(s, &e), FINDING_EVIDENCE_INVALID);
    /* lengths that contradict each other give no place to any chunk */
    s->delivery.content.n_chunks = 2;
    assert_int_equal(judged(s, &good), FINDING_EVIDENCE_INVALID);
    s->delivery.content.n_chunks = N_CHUNKS;
    s->delivery.content.plaintext_len = 10;
    assert_int_equal(judged(s, &good), FINDING_EVIDENCE_INVALID);
    free(s);
}

static void check_5_the_chunk_decrypts(void **state)
{
    (void)state;
    struct sale *s = sale_new();
    s->sealed[1][77] ^= 1; /* before it was committed to */
    commit_content(s);
    assert_int_equal(judged_chunk(s, 1), FINDING_BAD_CIPHERTEXT);
    assert_int_equal(judged_chunk(s, 0), FINDING_NOT_PROVEN);
    seal_chunk(s, 1, true, AGE_CHUNK_BYTES); /* marked as the last, and is not */
    commit_content(s);
    assert_int_equal(judged_chunk(s, 1), FINDING_BAD_CIPHERTEXT);
    seal_chunk(s, 1, false, AGE_CHUNK_BYTES);
    seal_chunk(s, 2, false, LAST_BYTES); /* the last, and not marked */
    commit_content(s);
    assert_int_equal(judged_chunk(s, 1), FINDING_NOT_PROVEN);
    assert_int_equal(judged_chunk(s, 2), FINDING_BAD_CIPHERTEXT);
    free(s);

    s = sale_of(0); /* an empty content has one empty chunk, the last */
    assert_int_equal(judged_chunk(s, 0), FINDING_NOT_PROVEN);
    seal_chunk(s, 0, false, 0);
    commit_content(s);
    assert_int_equal(judged_chunk(s, 0), FINDING_BAD_CIPHERTEXT);
    free(s);

    s = sale_new();
    memcpy(s->sealed[0], s->sealed[1], AGE_SEALED_CHUNK_BYTES); /* a right chunk in a wrong place */
    commit_content(s);
    assert_int_equal(judged_chunk(s, 0), FINDING_BAD_CIPHERTEXT);
    free(s);
}

static void check_6_the_plaintext_is_as_sampled(void **state)
{
    (void)state;
    struct sale *s = sale_new();
    uint8_t plain[AGE_CHUNK_BYTES];
    struct sample_chunk samples[2] = {{.chunk = 2}, {.chunk = 1}};
    s->delivery.samples = samples;
    s->delivery.n_samples = 2;
    plain_of(2, plain);
    sha256(BYTES(plain, LAST_BYTES), samples[0].hash);
    plain_of(1, plain);
    sha256(BYTES(plain, AGE_CHUNK_BYTES), samples[1].hash);
    for (uint64_t i = 0; i < N_CHUNKS; i++) assert_int_equal(judged_chunk(s, i), FINDING_NOT_PROVEN);
    samples[1].hash[31] ^= 1;
    assert_int_equal(judged_chunk(s, 1), FINDING_SAMPLE_MISMATCH);
    assert_int_equal(judged_chunk(s, 0), FINDING_NOT_PROVEN); /* no sample of it was signed */
    assert_int_equal(judged_chunk(s, 2), FINDING_NOT_PROVEN);
    s->sealed[1][0] ^= 1;
    commit_content(s);
    assert_int_equal(judged_chunk(s, 1), FINDING_BAD_CIPHERTEXT); /* 5 comes before 6 */
    free(s);
}

/* ---- credentials ---- */

static void credentials_are_judged_by_the_file_alone(void **state)
{
    (void)state;
    struct sale *s = sale_new();
    struct evidence e = {0};
    uint8_t *file, *longer, others[32] = {3}, recipient[32];
    size_t len;
    memcpy(e.secret, s->secret, 32);
    s->delivery.has_content = false;
    memset(&s->delivery.content, 0, sizeof s->delivery.content);
    assert_ok(age_file_seal(BYTES_TEXT("user: u7\npassword: x"), &s->delivery.recipient, 1, &file, &len));
    s->delivery.grant = BYTES(file, len);
    assert_int_equal(judged(s, &e), FINDING_NOT_PROVEN);
    e.chunk = 5; /* not looked at */
    assert_int_equal(judged(s, &e), FINDING_NOT_PROVEN);
    assert_int_equal(finding_chunk(&s->delivery, &e, FINDING_NOT_PROVEN), 0);
    e.secret[1] ^= 1;
    assert_int_equal(judged(s, &e), FINDING_EVIDENCE_INVALID);
    e.secret[1] ^= 1;
    for (size_t i = 0; i < len; i++) {
        file[i] ^= 1;
        assert_int_equal(judged(s, &e), FINDING_GRANT_UNREADABLE);
        file[i] ^= 1;
    }
    for (size_t n = 0; n < len; n++) {
        s->delivery.grant = BYTES(file, n);
        assert_int_equal(judged(s, &e), FINDING_GRANT_UNREADABLE);
    }
    longer = calloc(1, len + 1);
    assert_non_null(longer);
    memcpy(longer, file, len);
    s->delivery.grant = BYTES(longer, len + 1);
    assert_int_equal(judged(s, &e), FINDING_GRANT_UNREADABLE);
    free(longer);
    free(file);
    x25519_public(others, recipient);
    assert_ok(age_file_seal(BYTES_TEXT("for another"), &recipient, 1, &file, &len));
    s->delivery.grant = BYTES(file, len);
    assert_int_equal(judged(s, &e), FINDING_GRANT_UNREADABLE);
    free(file);
    free(s);
}

/* ---- the bytes ---- */

static struct bytes encoded(const struct evidence *e)
{
    struct bytes out;
    assert_ok(evidence_encode(e, &arena, &out));
    return out;
}

static void evidence_comes_back_as_it_was(void **state)
{
    (void)state;
    struct sale *s = sale_new();
    struct evidence e = evidence_of(s, 2), back;
    arena_init(&arena, 1u << 20);
    struct bytes bytes = encoded(&e);
    assert_ok(evidence_decode(bytes, &arena, &back));
    assert_memory_equal(back.secret, e.secret, 32);
    assert_int_equal(back.chunk, 2);
    assert_true(bytes_equal(back.sealed, e.sealed));
    assert_int_equal(back.n_proof, e.n_proof);
    assert_memory_equal(back.proof, e.proof, e.n_proof * HASH_BYTES);
    assert_true(bytes_equal(encoded(&back), bytes));

    e.n_proof = EVIDENCE_PROOF_MAX + 1;
    assert_int_equal(evidence_encode(&e, &arena, &bytes), TIDE_EINVAL);
    e.n_proof = 0;
    e.chunk = LIMIT_AMOUNT + 1;
    assert_int_equal(evidence_encode(&e, &arena, &bytes), TIDE_EINVAL);
    e.chunk = 0;
    e.sealed.len = AGE_SEALED_CHUNK_BYTES + 1;
    assert_int_equal(evidence_encode(&e, &arena, &bytes), TIDE_EINVAL);
    arena_deinit(&arena);
    free(s);
}

/* [1, secret, chunk, sealed, proof] with one thing wrong. */
static struct bytes wrong_evidence(unsigned what)
{
    static const uint8_t zeros[AGE_SEALED_CHUNK_BYTES + 1];
    struct codec_writer w;
    size_t n_proof = what == 7 ? EVIDENCE_PROOF_MAX + 1 : 2;
    codec_writer_init(&w, &arena, 1u << 20);
    codec_put_array(&w, what == 1 ? 4 : what == 2 ? 6 : 5);
    codec_put_u64(&w, what == 3 ? 2 : 1);
    codec_put_bin(&w, BYTES(zeros, what == 4 ? 31 : 32));
    codec_put_u64(&w, what == 5 ? LIMIT_AMOUNT + 1 : 1);
    codec_put_bin(&w, BYTES(zeros, what == 6 ? sizeof zeros : 20));
    if (what == 10) codec_put_bin(&w, BYTES(zeros, 32));
    else if (what != 1) codec_put_array(&w, n_proof);
    for (size_t i = 0; what != 1 && what != 10 && i < n_proof; i++) codec_put_bin(&w, BYTES(zeros, what == 8 ? 33 : 32));
    if (what == 2) codec_put_u64(&w, 0);
    if (what == 9) codec_put_u64(&w, 0);
    assert_ok(w.err);
    return codec_writer_bytes(&w);
}

static void other_bytes_are_malformed(void **state)
{
    (void)state;
    struct evidence e;
    arena_init(&arena, 4u << 20);
    assert_ok(evidence_decode(wrong_evidence(0), &arena, &e));
    for (unsigned what = 1; what <= 10; what++) {
        assert_int_equal(evidence_decode(wrong_evidence(what), &arena, &e), TIDE_EMALFORMED);
        assert_int_equal(e.n_proof, 0);
    }
    struct bytes good = wrong_evidence(0);
    for (size_t n = 0; n < good.len; n++) {
        assert_int_equal(evidence_decode(BYTES(good.data, n), &arena, &e), TIDE_EMALFORMED);
    }
    static const uint8_t huge[LIMIT_EVIDENCE_BYTES + 1];
    assert_int_equal(evidence_decode(BYTES(huge, sizeof huge), &arena, &e), TIDE_EMALFORMED);
    arena_deinit(&arena);
}

/* However little memory there is: an error, never another answer. */
static void short_of_memory_it_says_so(void **state)
{
    (void)state;
    struct sale *s = sale_new();
    struct evidence e = evidence_of(s, 0), back;
    struct bytes out, bytes;
    arena_init(&arena, 1u << 20);
    bytes = encoded(&e);
    size_t cap = 0;
    for (enum tide_err err = TIDE_ENOMEM; err != TIDE_OK; cap += 64) {
        struct arena small;
        arena_init(&small, cap);
        err = evidence_decode(bytes, &small, &back);
        if (err != TIDE_OK) assert_int_equal(err, TIDE_ENOMEM);
        arena_deinit(&small);
    }
    assert_true(cap > 64);
    enum tide_err err = TIDE_ENOMEM;
    for (cap = 0; err != TIDE_OK; cap += 4096) {
        struct arena small;
        arena_init(&small, cap);
        err = evidence_encode(&e, &small, &out);
        if (err != TIDE_OK) assert_int_equal(err, TIDE_ENOMEM);
        arena_deinit(&small);
    }
    arena_deinit(&arena);
    free(s);
}

/* ---- sealed ---- */

static void sealed_evidence_is_opened_and_judged(void **state)
{
    (void)state;
    struct sale *s = sale_new();
    uint8_t judges[2][32], secrets[2][32] = {{8}, {16}}, stranger[32] = {24};
    uint8_t *file, *nonsense;
    size_t len;
    enum finding finding;
    uint64_t chunk;

    s->sealed[1][3] ^= 1;
    commit_content(s);
    struct evidence e = evidence_of(s, 1);
    arena_init(&arena, 1u << 20);
    for (size_t i = 0; i < 2; i++) x25519_public(secrets[i], judges[i]);
    struct bytes plain = encoded(&e);
    assert_ok(age_file_seal(plain, judges, 2, &file, &len));
    assert_true(len <= LIMIT_EVIDENCE_BYTES);
    for (size_t i = 0; i < 2; i++) {
        assert_ok(judge_sealed(&s->delivery, BYTES(file, len), secrets[i], judges[0], &arena, &finding, &chunk));
        assert_int_equal(finding, FINDING_BAD_CIPHERTEXT);
        assert_int_equal(chunk, 1);
    }
    assert_ok(judge_sealed(&s->delivery, BYTES(file, len), stranger, judges[0], &arena, &finding, &chunk));
    assert_int_equal(finding, FINDING_EVIDENCE_INVALID);
    assert_int_equal(chunk, 0);
    for (size_t cut = 0; cut < len; cut += 997) {
        assert_ok(judge_sealed(&s->delivery, BYTES(file, cut), secrets[0], judges[0], &arena, &finding, &chunk));
        assert_int_equal(finding, FINDING_EVIDENCE_INVALID);
    }
    file[len - 1] ^= 1;
    assert_ok(judge_sealed(&s->delivery, BYTES(file, len), secrets[0], judges[0], &arena, &finding, &chunk));
    assert_int_equal(finding, FINDING_EVIDENCE_INVALID);
    free(file);

    /* Good evidence that the broker was left out of, or comes second in, is invalid for those who can open it as well. */
    uint8_t others[2][32];
    memcpy(others[0], judges[1], 32);
    memcpy(others[1], judges[0], 32);
    for (size_t n = 1; n <= 2; n++) {
        assert_ok(age_file_seal(plain, (const uint8_t(*)[32])others, n, &file, &len));
        for (size_t i = 0; i < 2; i++) {
            assert_ok(judge_sealed(&s->delivery, BYTES(file, len), secrets[i], judges[0], &arena, &finding, &chunk));
            assert_int_equal(finding, FINDING_EVIDENCE_INVALID);
        }
        free(file);
    }

    assert_ok(age_file_seal(BYTES_TEXT("no evidence at all"), judges, 2, &nonsense, &len)); /* opens, and is none */
    assert_ok(judge_sealed(&s->delivery, BYTES(nonsense, len), secrets[0], judges[0], &arena, &finding, &chunk));
    assert_int_equal(finding, FINDING_EVIDENCE_INVALID);
    assert_int_equal(chunk, 0);
    free(nonsense);
    arena_deinit(&arena);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(honest_deliveries_prove_nothing),
        cmocka_unit_test(check_1_the_secret_is_the_orders),
        cmocka_unit_test(check_2_the_grant_opens),
        cmocka_unit_test(check_3_the_key_is_the_one_committed_to),
        cmocka_unit_test(check_4_the_chunk_is_the_listings),
        cmocka_unit_test(check_5_the_chunk_decrypts),
        cmocka_unit_test(check_6_the_plaintext_is_as_sampled),
        cmocka_unit_test(credentials_are_judged_by_the_file_alone),
        cmocka_unit_test(evidence_comes_back_as_it_was),
        cmocka_unit_test(other_bytes_are_malformed),
        cmocka_unit_test(short_of_memory_it_says_so),
        cmocka_unit_test(sealed_evidence_is_opened_and_judged),
    };
    if (crypto_init() != TIDE_OK) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
