/*
 * The broker's judge: what it finds in honest and in hostile evidence, that it judges each dispute once and as soon as it
 * is there, that missing evidence is waited for, and that nothing that lies in the folder can stop it.
 */
#include "tests/unit/test_dispute.h"

#include "broker/server/judge.h"
#include "storage/sample_draw.h"

#include <pthread.h>

static struct world w;
static struct arena arena;
static struct sale *sale;

/* What the thread told, caught in place of the sequencer. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct body_verdict verdicts[64];
    size_t n, n_refused, n_failures;
    bool full;
    enum tide_err failure;
} told = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static bool take_verdict(void *ctx, const struct body_verdict *verdict)
{
    (void)ctx;
    pthread_mutex_lock(&told.lock);
    bool taken = !told.full && told.n < ARRAY_LEN(told.verdicts);
    if (taken) told.verdicts[told.n++] = *verdict;
    else told.n_refused++;
    pthread_cond_signal(&told.changed);
    pthread_mutex_unlock(&told.lock);
    return taken;
}

static void thread_failed(void *ctx, const char *what, enum tide_err err)
{
    (void)ctx, (void)what;
    pthread_mutex_lock(&told.lock);
    told.failure = err;
    told.n_failures++;
    pthread_cond_signal(&told.changed);
    pthread_mutex_unlock(&told.lock);
}

/* Waits until `*counter` is at least `n`; false after so many seconds. */
static bool wait_long(const size_t *counter, size_t n, int seconds)
{
    struct timespec until;
    int rc = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&told.lock);
    while (*counter < n && rc == 0) rc = pthread_cond_timedwait(&told.changed, &told.lock, &until);
    bool reached = *counter >= n;
    pthread_mutex_unlock(&told.lock);
    return reached;
}

/* Less than it takes until something is told once more. */
static bool wait_for(const size_t *counter, size_t n)
{
    return wait_long(counter, n, 8);
}

static struct judge_options options(void)
{
    return (struct judge_options){.dir = test_dir, .journal = w.journal, .state = w.state,
                                  .seal_secret = identity_seal_secret(w.ids[BROKER]), .verdict = take_verdict,
                                  .failed = thread_failed};
}

static int build(void **state)
{
    if (make_test_dir(state) != 0) return -1;
    told.n = told.n_refused = told.n_failures = 0;
    told.full = false;
    told.failure = TIDE_OK;
    log_set_level(0);
    world_open(&w);
    arena_init(&arena, JUDGE_ARENA_BYTES);
    sale = sale_new();
    return 0;
}

static int tear_down(void **state)
{
    free(sale);
    arena_deinit(&arena);
    world_close(&w);
    return remove_test_dir(state);
}

static enum tide_err judged_at(uint64_t trade, uint64_t now_ms, struct body_verdict *verdict)
{
    struct judge_options o = options();
    struct state_view *view;
    assert_ok(state_read_begin(w.state, &view));
    arena_reset(&arena);
    enum tide_err err = judge_dispute(&o, view, trade, now_ms, &arena, verdict);
    state_read_end(&view);
    return err;
}

static void assert_verdict(uint64_t trade, enum finding finding, uint64_t chunk)
{
    struct body_verdict verdict;
    assert_ok(judged_at(trade, w.now_ms, &verdict));
    assert_int_equal(verdict.trade, trade);
    assert_int_equal(verdict.finding, finding);
    assert_int_equal(verdict.chunk, chunk);
}

/* ---- what it finds ---- */

static void honest_evidence_is_judged_by_the_journals_facts(void **state)
{
    (void)state;
    uint8_t hash[HASH_BYTES];
    uint64_t good = sell(&w, sale);
    struct evidence e = evidence_of(sale, 1);
    put_honest_evidence(&w, good, &e, hash);
    dispute(&w, good, hash);
    assert_verdict(good, FINDING_NOT_PROVEN, 1);

    sale->spoiled = 1; /* the vendor seals the next one wrongly, and commits to it */
    uint64_t bad = sell(&w, sale);
    e = evidence_of(sale, 1);
    put_honest_evidence(&w, bad, &e, hash);
    dispute(&w, bad, hash);
    assert_verdict(bad, FINDING_BAD_CIPHERTEXT, 1);

    sale->spoiled = 0;
    uint64_t other = sell(&w, sale);
    put_honest_evidence(&w, other, &e, hash); /* of another trade: its secret is not this order's */
    dispute(&w, other, hash);
    assert_verdict(other, FINDING_EVIDENCE_INVALID, 0);
    assert_verdict(bad, FINDING_BAD_CIPHERTEXT, 1); /* each by its own */
}

static void a_wrong_key_is_found(void **state)
{
    (void)state;
    uint8_t hash[HASH_BYTES];
    sale->wrong_key = true;
    uint64_t trade = sell(&w, sale);
    struct evidence e = {0};
    memcpy(e.secret, sale->secret, 32);
    put_honest_evidence(&w, trade, &e, hash);
    dispute(&w, trade, hash);
    assert_verdict(trade, FINDING_WRONG_KEY, 0);
}

/* Lists a content of twenty chunks, one of them promised as a sample, and signs `hash` for the chunk that is drawn. */
static uint64_t list_sampled(struct sale *s, uint64_t *chunk, const uint8_t hash[HASH_BYTES])
{
    const struct age_commitment *content = &s->delivery.content;
    struct body_publish p = {.kind = LISTING_DATASET, .title = BYTES_TEXT("Sampled"), .terms = BYTES_TEXT("Use it well."),
                             .right_operating = {1}, .plaintext_len = content->plaintext_len,
                             .n_chunks = content->n_chunks, .payload_len = age_payload_len(content->plaintext_len),
                             .samples = 1};
    struct sample_chunk shown;
    uint8_t seed[HASH_BYTES];

    memcpy(p.nonce, content->nonce, sizeof p.nonce);
    memcpy(p.content_root, content->content_root, HASH_BYTES);
    memcpy(p.key_commitment, content->key_commitment, HASH_BYTES);
    uint64_t listing = state_it(&w, VENDOR, KIND_PUBLISH, &p) + 1;
    open_listing(&w, listing);
    struct body_drawn drawn = {.listing = listing, .root = {4}};
    state_it(&w, BROKER, KIND_DRAWN, &drawn);
    sample_seed(drawn.root, seed);
    sample_draw(seed, content->n_chunks, 1, chunk);
    shown.chunk = *chunk;
    memcpy(shown.hash, hash, HASH_BYTES);
    struct body_sample sample = {.listing = listing, .chunks = {&shown, 1}};
    struct body_stored stored = {.listing = listing};
    state_it(&w, VENDOR, KIND_SAMPLE, &sample);
    state_it(&w, BROKER, KIND_STORED, &stored);
    return listing;
}

static void another_sample_than_what_was_sold_is_found(void **state)
{
    (void)state;
    struct sale *s = sale_of(CHUNKS_MAX * AGE_CHUNK_BYTES);
    uint8_t hash[HASH_BYTES], of_better_data[HASH_BYTES] = {1};
    uint64_t chunk, other;

    seal_anew(s);
    uint64_t listing = list_sampled(s, &chunk, of_better_data);
    uint64_t trade = sell_listing(&w, s, listing);
    struct evidence e = evidence_of(s, chunk);
    put_honest_evidence(&w, trade, &e, hash);
    dispute(&w, trade, hash);
    assert_verdict(trade, FINDING_SAMPLE_MISMATCH, chunk);

    other = (chunk + 1) % CHUNKS_MAX; /* of which nothing was shown */
    trade = sell_listing(&w, s, listing);
    e = evidence_of(s, other);
    put_honest_evidence(&w, trade, &e, hash);
    dispute(&w, trade, hash);
    assert_verdict(trade, FINDING_NOT_PROVEN, other);
    free(s);
}

static void hostile_evidence_is_invalid(void **state)
{
    (void)state;
    uint8_t hash[HASH_BYTES], *sealed, stranger[1][32];
    size_t len;
    static uint8_t noise[LIMIT_EVIDENCE_BYTES];
    uint64_t seed = 20261124;
    for (size_t i = 0; i < sizeof noise; i++) noise[i] = (uint8_t)next_random(&seed);
    struct bytes plain;

    uint64_t trade = sell(&w, sale);
    struct evidence e = evidence_of(sale, 0);
    put_evidence(trade, BYTES(noise, sizeof noise), hash);
    dispute(&w, trade, hash);
    assert_verdict(trade, FINDING_EVIDENCE_INVALID, 0);

    trade = sell(&w, sale); /* sealed to somebody else: the broker cannot open it */
    e = evidence_of(sale, 0);
    memcpy(stranger[0], identity_seal_public(w.ids[STRANGER]), 32);
    assert_ok(evidence_encode(&e, &w.arena, &plain));
    assert_ok(age_file_seal(plain, stranger, 1, &sealed, &len));
    put_evidence(trade, BYTES(sealed, len), hash);
    free(sealed);
    dispute(&w, trade, hash);
    assert_verdict(trade, FINDING_EVIDENCE_INVALID, 0);

    trade = sell(&w, sale); /* opens, and asks for a great many elements */
    memcpy(stranger[0], identity_seal_public(w.ids[BROKER]), 32);
    static const uint8_t bomb[] = {0xdd, 0x10, 0, 0, 0};
    assert_ok(age_file_seal(BYTES(bomb, sizeof bomb), stranger, 1, &sealed, &len));
    put_evidence(trade, BYTES(sealed, len), hash);
    free(sealed);
    dispute(&w, trade, hash);
    assert_verdict(trade, FINDING_EVIDENCE_INVALID, 0);
}

static void missing_evidence_is_waited_for(void **state)
{
    (void)state;
    uint8_t hash[HASH_BYTES] = {5}, others[HASH_BYTES];
    struct body_verdict verdict;
    uint64_t trade = sell(&w, sale);
    struct evidence e = evidence_of(sale, 0);
    put_honest_evidence(&w, trade, &e, others); /* something is there, but not what the dispute names */
    dispute(&w, trade, hash);
    uint64_t disputed_ms = w.now_ms;
    assert_int_equal(judged_at(trade, disputed_ms, &verdict), TIDE_ENOTFOUND);
    assert_int_equal(judged_at(trade, disputed_ms + JUDGE_MISSING_MS - 1, &verdict), TIDE_ENOTFOUND);
    assert_int_equal(judged_at(trade, 0, &verdict), TIDE_ENOTFOUND); /* a clock that steps back hurries nothing */
    assert_ok(judged_at(trade, disputed_ms + JUDGE_MISSING_MS, &verdict));
    assert_int_equal(verdict.finding, FINDING_EVIDENCE_MISSING);
    assert_int_equal(verdict.chunk, 0);
    w.now_ms = disputed_ms + JUDGE_MISSING_MS; /* records are later than this machine's clock */
    deposit(&w, BUYER, 1, "later");
    assert_ok(judged_at(trade, 0, &verdict));
    assert_int_equal(verdict.finding, FINDING_EVIDENCE_MISSING);
}

static void what_cannot_be_read_is_no_verdict(void **state)
{
    (void)state;
    uint8_t hash[HASH_BYTES];
    struct body_verdict verdict;
    char name[64];
    uint64_t trade = sell(&w, sale);
    struct evidence e = evidence_of(sale, 0);
    put_honest_evidence(&w, trade, &e, hash);
    dispute(&w, trade, hash);
    struct arena none;
    struct judge_options o = options();
    struct state_view *view;
    for (size_t cap = 0; cap < (1u << 17); cap += 4096) { /* short of memory: later, whatever was read by then */
        arena_init(&none, cap);
        assert_ok(state_read_begin(w.state, &view));
        enum tide_err err = judge_dispute(&o, view, trade, w.now_ms, &none, &verdict);
        state_read_end(&view);
        arena_deinit(&none);
        assert_int_equal(err, TIDE_ENOMEM);
    }
    snprintf(name, sizeof name, "evidence/%llu", (unsigned long long)trade);
    flip_byte(in_test_dir(name), 100); /* damaged on our disk: it has not that hash any more */
    assert_int_equal(judged_at(trade, w.now_ms, &verdict), TIDE_ENOTFOUND);
    assert_int_equal(remove(in_test_dir(name)), 0);
    assert_int_equal(mkdir(in_test_dir(name), 0700), 0);
    enum tide_err err = judged_at(trade, w.now_ms + JUDGE_MISSING_MS, &verdict);
    assert_int_not_equal(err, TIDE_OK);
    assert_int_not_equal(err, TIDE_EDAMAGED);
}

/* ---- the thread ---- */

/* States what was told, as the sequencer does. */
static void state_verdicts(size_t from)
{
    pthread_mutex_lock(&told.lock);
    size_t n = told.n;
    pthread_mutex_unlock(&told.lock);
    for (size_t i = from; i < n; i++) state_it(&w, BROKER, KIND_VERDICT, &told.verdicts[i]);
}

static void disputes_are_judged_once_and_at_once(void **state)
{
    (void)state;
    struct judge_options o = options();
    struct judge_thread *thread;
    uint8_t hash[HASH_BYTES];
    uint64_t first = sell(&w, sale);
    struct evidence e = evidence_of(sale, 0);
    put_honest_evidence(&w, first, &e, hash);
    dispute(&w, first, hash); /* waits before the thread starts, as after a restart */
    assert_ok(judge_start(&o, &thread));
    assert_true(wait_for(&told.n, 1));

    sale->spoiled = 1;
    uint64_t second = sell(&w, sale);
    e = evidence_of(sale, 1);
    put_honest_evidence(&w, second, &e, hash);
    dispute(&w, second, hash);
    assert_true(wait_for(&told.n, 2)); /* though the first was not stated yet, it is not told again */
    assert_int_equal(told.verdicts[0].trade, first);
    assert_int_equal(told.verdicts[0].finding, FINDING_NOT_PROVEN);
    assert_int_equal(told.verdicts[1].trade, second);
    assert_int_equal(told.verdicts[1].finding, FINDING_BAD_CIPHERTEXT);
    state_verdicts(0);
    struct bytes text;
    assert_int_equal(trade_of(&w, first, &text).state, TRADE_GRANTED);
    assert_int_equal(trade_of(&w, second, &text).state, TRADE_REFUNDED);
    judge_stop(&thread);
    assert_null(thread);
    assert_int_equal(told.n, 2);
    assert_int_equal(told.failure, TIDE_OK);
    judge_stop(&thread);
}

/* More at once than may be on their way: the others follow as the first are done. */
static void many_disputes_are_all_judged(void **state)
{
    (void)state;
    enum { N_MISSING = 5, N_MORE = 3, N = JUDGE_TOLD_MAX + N_MORE + N_MISSING };
    struct judge_options o = options();
    struct judge_thread *thread;
    uint8_t hash[HASH_BYTES];
    for (size_t i = 0; i < N; i++) {
        uint64_t trade = sell(&w, sale);
        struct evidence e = evidence_of(sale, 0);
        if (i < N_MISSING) { /* no evidence: these wait, and hold up nobody */
            memset(hash, (int)i + 1, sizeof hash);
        } else {
            put_honest_evidence(&w, trade, &e, hash);
        }
        dispute(&w, trade, hash);
    }
    assert_ok(judge_start(&o, &thread));
    assert_true(wait_for(&told.n, JUDGE_TOLD_MAX));
    assert_false(wait_long(&told.n, JUDGE_TOLD_MAX + 1, 1));
    state_verdicts(0); /* room again */
    assert_true(wait_for(&told.n, JUDGE_TOLD_MAX + N_MORE));
    state_verdicts(JUDGE_TOLD_MAX);
    judge_stop(&thread);
    assert_int_equal(told.n, JUDGE_TOLD_MAX + N_MORE);
    assert_int_equal(told.failure, TIDE_OK);
}

static void a_full_inbox_is_tried_again(void **state)
{
    (void)state;
    struct judge_options o = options();
    struct judge_thread *thread;
    uint8_t hash[HASH_BYTES];
    uint64_t trade = sell(&w, sale);
    struct evidence e = evidence_of(sale, 0);
    put_honest_evidence(&w, trade, &e, hash);
    dispute(&w, trade, hash);
    told.full = true;
    assert_ok(judge_start(&o, &thread));
    assert_true(wait_for(&told.n_refused, 2));
    pthread_mutex_lock(&told.lock);
    told.full = false;
    pthread_mutex_unlock(&told.lock);
    assert_true(wait_for(&told.n, 1));
    assert_int_equal(told.verdicts[0].trade, trade);
    judge_stop(&thread);
}

/* A row that names another record than the grant: state and journal contradict each other, and nothing is stated. */
static void damage_ends_it(void **state)
{
    (void)state;
    struct judge_options o = options();
    struct judge_thread *thread;
    struct state_view *view;
    struct body_verdict verdict;
    struct bytes text;
    uint8_t hash[HASH_BYTES], key[8];
    uint64_t trade = sell(&w, sale);
    struct evidence e = evidence_of(sale, 0);
    put_honest_evidence(&w, trade, &e, hash);
    dispute(&w, trade, hash);
    struct row_trade row = trade_of(&w, trade, &text);
    const uint64_t wrong[] = {row.grant_record + 1, row.dispute_record, w.size + 1};
    key_u64(key, trade);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        row.grant_record = wrong[i];
        assert_ok(state_write(w.state, &view));
        assert_ok(state_put(view, TABLE_TRADE, key, &row));
        assert_ok(state_commit(w.state));
        assert_int_equal(judged_at(trade, w.now_ms, &verdict), TIDE_EDAMAGED);
    }
    assert_ok(judge_start(&o, &thread));
    assert_true(wait_for(&told.n_failures, 1));
    judge_stop(&thread);
    assert_int_equal(told.failure, TIDE_EDAMAGED);
    assert_int_equal(told.n, 0);
}

#define JUDGE_TEST(f) cmocka_unit_test_setup_teardown(f, build, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        JUDGE_TEST(honest_evidence_is_judged_by_the_journals_facts),
        JUDGE_TEST(a_wrong_key_is_found),
        JUDGE_TEST(another_sample_than_what_was_sold_is_found),
        JUDGE_TEST(hostile_evidence_is_invalid),
        JUDGE_TEST(missing_evidence_is_waited_for),
        JUDGE_TEST(what_cannot_be_read_is_no_verdict),
        JUDGE_TEST(disputes_are_judged_once_and_at_once),
        JUDGE_TEST(many_disputes_are_all_judged),
        JUDGE_TEST(a_full_inbox_is_tried_again),
        JUDGE_TEST(damage_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
