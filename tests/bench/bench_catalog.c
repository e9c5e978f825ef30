/*
 * S10: catalog search over a million open listings: one to three words drawn by Zipf's law, newest first, pages of 20.
 * The figure is the 99th percentile of the answers' time, held to its limit. Listings are published and approved by the
 * law, so that the index is the one a broker has.
 *
 *     bench_catalog [LISTINGS=1000000] [QUERIES=20000]
 */
#include "broker/server/query.h"
#include "crypto/identity.h"
#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>

enum { WORDS = 50000, TITLE_WORDS = 6, PAGE = 20, COMMIT_EVERY = 20000, LIMIT_MS = 10, AIM_MS = 2 };
#define BEGIN_MS UINT64_C(1790000000000)

static struct {
    struct state *state;
    struct state_view *view;
    struct arena arena;
    struct identity *broker, *operator_id, *other_operator, *vendor, *reviewer;
    uint8_t market[32];
    uint64_t next_index, now_ms, counter, random;
    double zipf[WORDS]; /* cumulated */
} b;

static void must(enum tide_err err, const char *what)
{
    if (err) bench_fail("%s: %s", what, tide_err_text(err));
}

/* ---- words ---- */

static uint64_t random_u64(void)
{
    b.random ^= b.random << 13;
    b.random ^= b.random >> 7;
    b.random ^= b.random << 17;
    return b.random;
}

static void zipf_init(void)
{
    double sum = 0;
    for (int i = 0; i < WORDS; i++) b.zipf[i] = sum += 1.0 / (i + 1);
    for (int i = 0; i < WORDS; i++) b.zipf[i] /= sum;
}

static int zipf_word(void)
{
    double at = (double)(random_u64() >> 11) / 9007199254740992.0;
    int low = 0, high = WORDS - 1;
    while (low < high) {
        int middle = (low + high) / 2;
        if (b.zipf[middle] < at) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* A text of `n` words, pronounceable or not. */
static struct bytes words_text(char *room, size_t size, int n)
{
    size_t len = 0;
    for (int i = 0; i < n; i++) len += (size_t)snprintf(room + len, size - len, "%sw%d", i ? " " : "", zipf_word());
    return BYTES(room, len);
}

/* ---- the market ---- */

static uint64_t say(const struct identity *by, uint64_t kind, const void *body)
{
    static struct execution x;
    static const uint8_t unsigned_[SIGN_BYTES];
    struct statement s = {.kind = kind, .version = 1, .issued_at = b.now_ms, .valid_until = b.now_ms + 60000, .body = body};
    struct bytes bytes, envelope;
    memcpy(s.market, b.market, 32);
    memcpy(s.party, identity_party(by), 32);
    be64_put(s.command_id, b.now_ms << 16 | 0x7000);
    be64_put(s.command_id + 8, ++b.counter | UINT64_C(1) << 63);
    must(statement_encode(&s, &b.arena, &bytes), "statement_encode");
    must(envelope_encode(bytes, unsigned_, &b.arena, &envelope), "envelope_encode");
    must(market_execute(b.view, envelope, &s, bytes, b.now_ms, b.next_index, &b.arena, &x), "market_execute");
    if (x.outcome != OUTCOME_OK) bench_fail("%s is refused: %s", schema_of_kind(kind)->name, outcome_info(x.outcome)->name);
    if (kind == KIND_GENESIS) sha256(bytes, b.market);
    b.next_index = x.next_index;
    return x.first_index;
}

static struct identity *identity_of(uint8_t number)
{
    uint8_t seed[32] = {number};
    struct identity *id;
    must(identity_from_seed(seed, &id), "an identity");
    return id;
}

static void admit(const struct identity *who, uint64_t roles)
{
    struct body_enrol enrol = {.name = BYTES_TEXT("bench"), .roles = roles};
    struct statement s = {.kind = KIND_ENROL, .version = 1, .issued_at = b.now_ms, .valid_until = b.now_ms + 60000, .body = &enrol};
    struct body_admit body = {.roles = roles};
    uint8_t signature[SIGN_BYTES];
    struct bytes bytes;
    memcpy(enrol.seal_key, identity_seal_public(who), 32);
    memcpy(enrol.wire_key, identity_wire_public(who), 32);
    memcpy(s.market, b.market, 32);
    memcpy(s.party, identity_party(who), 32);
    be64_put(s.command_id, b.now_ms << 16 | 0x7000);
    be64_put(s.command_id + 8, ++b.counter | UINT64_C(1) << 63);
    must(statement_encode(&s, &b.arena, &bytes), "statement_encode");
    identity_sign(who, DOMAIN_STATEMENT, bytes, signature);
    must(envelope_encode(bytes, signature, &b.arena, &body.request), "envelope_encode");
    say(b.operator_id, KIND_ADMIT, &body);
}

static void operator_set(struct operator_entry *entry, const struct identity *id)
{
    memcpy(entry->party, identity_party(id), 32);
    memcpy(entry->seal_key, identity_seal_public(id), 32);
    memcpy(entry->wire_key, identity_wire_public(id), 32);
    entry->name = BYTES_TEXT("operator");
}

static void open_market(void)
{
    struct operator_entry operators[2] = {0};
    struct parameter_value many = {.parameter = PARAM_VENDOR_LISTINGS_MAX, .value = LIMIT_AMOUNT};
    struct body_genesis g = {.name = BYTES_TEXT("Bench"), .origin = BYTES_TEXT("example.org/bench"), .rules = 1,
                             .operators = {operators, 2}, .parameters = {&many, 1}};
    b.broker = identity_of(1), b.operator_id = identity_of(2), b.other_operator = identity_of(3);
    b.vendor = identity_of(4), b.reviewer = identity_of(5);
    operator_set(&operators[0], b.operator_id);
    operator_set(&operators[1], b.other_operator);
    memcpy(g.log_key, identity_log_public(b.broker), 32);
    memcpy(g.wire_key, identity_wire_public(b.broker), 32);
    memcpy(g.seal_key, identity_seal_public(b.broker), 32);
    say(b.broker, KIND_GENESIS, &g);
    admit(b.vendor, ROLE_VENDOR);
    admit(b.reviewer, ROLE_REVIEWER);
}

static void list_all(size_t n)
{
    char title[LIMIT_TITLE_BYTES];
    double start = bench_seconds();
    struct body_publish p = {.kind = LISTING_API, .category = BYTES_TEXT("transport"), .place = BYTES_TEXT("杭州")};
    memset(p.right_operating, 1, 32);
    for (size_t i = 0; i < n; i++) {
        p.title = words_text(title, sizeof title, TITLE_WORDS);
        struct body_review review = {.listing = say(b.vendor, KIND_PUBLISH, &p) + 1, .verdict = REVIEW_APPROVE};
        say(b.reviewer, KIND_REVIEW, &review);
        arena_reset(&b.arena);
        b.now_ms += 1;
        if (i % COMMIT_EVERY) continue;
        must(state_commit(b.state), "state_commit");
        must(state_write(b.state, &b.view), "state_write");
    }
    must(state_commit(b.state), "state_commit");
    fprintf(stderr, "catalog: %zu open listings, %.0f s, state %.1f GiB\n", n, bench_seconds() - start,
            (double)state_file_bytes(b.state) / (1u << 30));
}

/* ---- asking ---- */

static int compare(const void *a, const void *c)
{
    double x = *(const double *)a, y = *(const double *)c;
    return (x > y) - (x < y);
}

static void measure(size_t n_queries)
{
    double *times = calloc(n_queries, sizeof *times);
    struct query_source source = {0};
    const struct peer stranger = {0};
    size_t found = 0;
    if (!times) bench_fail("no memory");
    must(state_read_begin(b.state, &source.view), "state_read_begin");
    for (size_t i = 0; i < n_queries; i++) {
        char text[256];
        struct body_q_search q = {.limit = PAGE, .words = words_text(text, sizeof text, 1 + (int)(random_u64() % 3))};
        const struct request request = {1, verb_by_name(BYTES_TEXT("search")), 0, &q};
        struct reply reply;
        arena_reset(&b.arena);
        double start = bench_seconds();
        must(query_answer(&source, &stranger, &request, b.now_ms, &b.arena, &reply), "query_answer");
        times[i] = (bench_seconds() - start) * 1000;
        if (reply.code != OUTCOME_OK) bench_fail("a search is refused: %u", (unsigned)reply.code);
        found += ((const struct body_r_search *)reply.body)->listings.n;
    }
    if (found == 0) bench_fail("no search found anything");
    state_read_end(&source.view);
    qsort(times, n_queries, sizeof *times, compare);
    fprintf(stderr, "catalog: median %.3f ms, p99 %.3f ms, slowest %.3f ms, %.1f rows a page\n", times[n_queries / 2],
            times[n_queries * 99 / 100], times[n_queries - 1], (double)found / (double)n_queries);
    double p99 = times[n_queries * 99 / 100];
    bench_line("S10", "catalog search, 99th percentile", p99, "ms", "limit", LIMIT_MS, p99 / LIMIT_MS, 1,
               (double)AIM_MS / LIMIT_MS);
    free(times);
}

int main(int argc, char **argv)
{
    size_t n_listings = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    size_t n_queries = argc > 2 ? strtoul(argv[2], NULL, 10) : 20000;
    const char *parent = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    must(crypto_init(), "crypto_init");
    b.random = 88172645463325252u;
    b.now_ms = BEGIN_MS;
    arena_init(&b.arena, (size_t)64 << 20);
    zipf_init();
    must(state_open_temporary(parent, &b.state), "state_open_temporary");
    must(state_write(b.state, &b.view), "state_write");
    open_market();
    list_all(n_listings);
    measure(n_queries);
    state_close(&b.state, false);
    arena_deinit(&b.arena);
    identity_free(&b.broker), identity_free(&b.operator_id), identity_free(&b.other_operator);
    identity_free(&b.vendor), identity_free(&b.reviewer);
    return 0;
}
