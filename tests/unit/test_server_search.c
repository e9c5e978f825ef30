/*
 * Search over a market of some thousand listings that are published, approved, refused, halted, revised and closed at
 * random: whatever is asked, the pages together are what a naive scan of all texts finds.
 */
#include "tests/unit/test_server.h"

#include "broker/server/query.h"

#define N_LISTINGS 3000
#define N_ROUNDS 3
#define N_QUERIES 400
#define TEXT_MAX 200

static struct world w;
static struct query_source source;
static struct arena arena, records_arena;

/* What the naive scan knows of a listing: its texts, in lower case as they are searched, and what became of it. */
struct known {
    uint64_t listing, kind, class, state, revises, time_from, time_to, ask;
    enum who vendor;
    char title[TEXT_MAX], summary[TEXT_MAX], category[TEXT_MAX], place[TEXT_MAX], keywords[2][TEXT_MAX];
};
static struct known known[N_LISTINGS];
static size_t n_known;

static uint64_t seed = 20261123;
static uint64_t chance(uint64_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (seed >> 33) % n;
}

/* Common words come first, rare ones last. */
static const char *const vocabulary[] = {
    "data", "rain", "hourly", "wind", "上海", "traffic", "交通", "counts", "空气质量", "model", "beijing", "质量",
    "北京", "sensor", "2024", "pm2", "été", "port", "船", "ledger", "水", "tide", "量子", "rare",
};
static const char *const categories[] = {"", "transport", "气象", "public health"};
static const char *const places[] = {"", "shanghai", "北京市", "the north sea"};

static const char *word(void)
{
    uint64_t n = ARRAY_LEN(vocabulary);
    return vocabulary[chance(chance(n) + 1)]; /* the lower the likelier */
}

/* Some words; Chinese ones run together now and then. */
static void make_text(char text[TEXT_MAX], size_t n_words)
{
    static const char *const gaps[] = {" ", ", ", "-", " ", "。"};
    text[0] = '\0';
    for (size_t i = 0; i < n_words; i++) {
        const char *next = word();
        bool joins = i > 0 && chance(3) == 0 && (next[0] & 0x80) && (text[strlen(text) - 1] & 0x80) &&
                     strstr(next, "é") == NULL && strstr(text, "é") == NULL;
        if (i > 0 && !joins) strcat(text, gaps[chance(ARRAY_LEN(gaps))]);
        strcat(text, next);
    }
}

/* ---- the market ---- */

static struct bytes pending_records[4096];
static size_t n_pending;

static void keep(void)
{
    assert_ok(journal_append(w.journal, pending_records, n_pending));
    assert_ok(state_commit(w.state));
    n_pending = 0;
    arena_reset(&records_arena);
}

/* As state_it, but journaled and committed now and then only. */
static uint64_t say(enum who who, uint64_t kind, const void *body)
{
    struct statement s;
    struct bytes bytes;
    struct state_view *view;
    static struct execution done;

    w.now_ms++;
    struct bytes envelope = envelope_of(&w, who, kind, body, 60000, &s, &bytes);
    assert_ok(state_write(w.state, &view));
    assert_ok(market_execute(view, envelope, &s, bytes, w.now_ms, w.size, &w.arena, &done));
    if (done.outcome != OUTCOME_OK) fail_msg("refused: %u %s", done.outcome, done.detail ? done.detail : "");
    for (size_t i = 0; i < done.n_records; i++) {
        pending_records[n_pending] = arena_copy(&records_arena, done.records[i]);
        assert_non_null(pending_records[n_pending++].data);
    }
    w.size = done.next_index;
    arena_reset(&w.arena);
    if (n_pending > ARRAY_LEN(pending_records) / 2) keep();
    return done.first_index;
}

static void publish_one(void)
{
    static const uint8_t right[32] = {1};
    struct known *k = &known[n_known++];
    struct keyword keywords[2];
    size_t n_keywords = chance(3);
    memset(k, 0, sizeof *k);
    k->vendor = chance(3) == 0 ? STRANGER : VENDOR;
    k->kind = chance(2) == 0 ? LISTING_API : LISTING_COMPUTE;
    k->class = chance(5) == 0 ? CLASS_IMPORTANT : CLASS_GENERAL;
    make_text(k->title, 1 + chance(4));
    make_text(k->summary, chance(6));
    strcpy(k->category, categories[chance(ARRAY_LEN(categories))]);
    strcpy(k->place, places[chance(ARRAY_LEN(places))]);
    for (size_t i = 0; i < n_keywords; i++) make_text(k->keywords[i], 1), keywords[i].word = BYTES_TEXT(k->keywords[i]);
    if (chance(2) == 0) k->time_from = 1000 + chance(100);
    if (chance(2) == 0) k->time_to = 1100 + chance(100);
    if (n_known > 1 && chance(8) == 0) {
        const struct known *older = &known[chance(n_known - 1)];
        if (older->vendor == k->vendor) k->revises = older->listing;
    }
    struct body_publish p = {
        .kind = k->kind, .class = k->class, .title = BYTES_TEXT(k->title), .summary = BYTES_TEXT(k->summary),
        .category = BYTES_TEXT(k->category), .place = BYTES_TEXT(k->place), .keywords = {keywords, n_keywords},
        .time_from = k->time_from, .time_to = k->time_to, .revises = k->revises, .terms = BYTES_TEXT("Use it well."),
    };
    memcpy(p.right_operating, right, 32);
    memcpy(p.assessment, right, 32);
    k->listing = say(k->vendor, KIND_PUBLISH, &p) + 1;
    k->state = LISTING_PENDING;
}

/* Something happens to one of them, if it can. */
static void move_one(void)
{
    struct known *k = &known[chance(n_known)];
    struct body_review review = {.listing = k->listing, .reasons = BYTES_TEXT("no")};
    struct body_close close = {.listing = k->listing};
    struct body_halt halt = {.listing = k->listing, .reason = BYTES_TEXT("to see")};
    struct body_resume resume = {.listing = k->listing};
    uint64_t what = chance(10);
    if (k->state == LISTING_PENDING && what < 8) {
        review.verdict = what == 0 ? REVIEW_REFUSE : REVIEW_APPROVE;
        say(REVIEWER, KIND_REVIEW, &review);
        k->state = what == 0 ? LISTING_REFUSED : LISTING_OPEN;
    } else if (k->state == LISTING_OPEN && what < 2) {
        say(OPERATOR, KIND_HALT, &halt);
        k->state = LISTING_HALTED;
    } else if (k->state == LISTING_HALTED && what < 5) {
        say(OPERATOR, KIND_RESUME, &resume);
        k->state = LISTING_OPEN;
    } else if (k->state == LISTING_OPEN && what < 5) {
        struct body_order order = {.listing = k->listing, .side = SIDE_ASK, .price = 100 + chance(100), .quantity = 1};
        say(k->vendor, KIND_ORDER, &order);
        if (k->ask == 0 || order.price < k->ask) k->ask = order.price;
    } else if (what == 9 && k->state != LISTING_CLOSED && k->state != LISTING_REFUSED) {
        say(k->vendor, KIND_CLOSE, &close);
        k->state = LISTING_CLOSED;
        k->ask = 0;
    }
}

/* ---- the naive scan ---- */

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* A word that is not Chinese stands alone: what is next to it is no letter of its script ("é" is two bytes of one). */
static bool has_plain(const char *text, const char *plain)
{
    size_t len = strlen(plain);
    for (const char *at = text; (at = strstr(at, plain)) != NULL; at++) {
        bool begins = at == text || !(is_word_byte(at[-1]) || (uint8_t)at[-1] == 0xa9);
        bool ends = !(is_word_byte(at[len]) || (uint8_t)at[len] == 0xc3);
        if (begins && ends) return true;
    }
    return false;
}

static bool is_chinese(const char *text)
{
    return (uint8_t)text[0] >= 0xe3;
}

static bool has_word(const struct known *k, const char *asked)
{
    const char *texts[] = {k->title, k->summary, k->category, k->place, k->keywords[0], k->keywords[1]};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (is_chinese(asked) ? strstr(texts[i], asked) != NULL : has_plain(texts[i], asked)) return true;
    return false;
}

/* Words of a query, apart by spaces. Of a longer Chinese one, every pair of neighbours (3 bytes each) is somewhere. */
static bool has_words(const struct known *k, const char *asked)
{
    char copy[256], pair[7], *rest = copy, *next;
    snprintf(copy, sizeof copy, "%s", asked);
    while ((next = strsep(&rest, " ")) != NULL) {
        size_t len = strlen(next);
        if (!is_chinese(next) || len <= 6) {
            if (len > 0 && !has_word(k, next)) return false;
            continue;
        }
        for (size_t i = 0; i + 6 <= len; i += 3) {
            memcpy(pair, next + i, 6);
            pair[6] = '\0';
            if (!has_word(k, pair)) return false;
        }
    }
    return true;
}

static bool text_is(struct bytes asked, const char *has)
{
    return asked.len == 0 || (asked.len == strlen(has) && strncasecmp((const char *)asked.data, has, asked.len) == 0);
}

static bool covers_time(const struct known *k, const struct body_q_search *q)
{
    if (q->time_from == 0 && q->time_to == 0) return true;
    if (k->time_from == 0 && k->time_to == 0) return false;
    uint64_t k_to = k->time_to ? k->time_to : UINT64_MAX, q_to = q->time_to ? q->time_to : UINT64_MAX;
    return k->time_from <= q_to && q->time_from <= k_to;
}

static bool is_hit(const struct known *k, const struct body_q_search *q, const char *words, enum who who,
                   enum who of_vendor)
{
    static const uint8_t nobody[32];
    if (q->mine && k->vendor != who) return false;
    if (q->state != LISTING_NONE ? k->state != q->state : !q->mine && k->state != LISTING_OPEN) return false;
    if (q->kinds != 0 && !(q->kinds >> k->kind & 1)) return false;
    if (q->classes != 0 && !(q->classes >> k->class & 1)) return false;
    if (!text_is(q->category, k->category) || !text_is(q->place, k->place)) return false;
    if (memcmp(q->vendor, nobody, 32) != 0 && k->vendor != of_vendor) return false;
    if (q->revises != 0 && k->revises != q->revises) return false;
    if (q->max_price != 0 && (k->ask == 0 || k->ask > q->max_price)) return false;
    return covers_time(k, q) && has_words(k, words);
}

/* ---- asking ---- */

static const struct body_r_search *ask(enum who who, const struct body_q_search *q)
{
    struct request request = {.request_id = 5, .verb = verb_by_name(BYTES_TEXT("search")), .body = q};
    struct peer peer;
    struct reply reply;

    arena_reset(&arena);
    assert_ok(state_read_renew(source.view));
    assert_ok(query_peer(source.view, identity_wire_public(w.ids[who]), &peer));
    assert_ok(query_answer(&source, &peer, &request, w.now_ms, &arena, &reply));
    if (reply.code != 0) fail_msg("search answered %u", (unsigned)reply.code);
    return reply.body;
}

static void make_query(struct body_q_search *q, char words[TEXT_MAX], enum who *who, enum who *of_vendor)
{
    static const char *const whole[] = {"空气", "气质", "上海交通", "质量子", "船",
                                        "海", "SHANGHAI", "Été", "２０２４", "nothing"};
    static const enum listing_state states[] = {LISTING_PENDING, LISTING_HALTED, LISTING_REFUSED, LISTING_CLOSED};
    memset(q, 0, sizeof *q);
    words[0] = '\0';
    *who = chance(2) == 0 ? REVIEWER : VENDOR;
    *of_vendor = chance(2) == 0 ? STRANGER : VENDOR;
    for (uint64_t n = chance(4); n > 0; n--) {
        if (words[0] != '\0') strcat(words, " ");
        strcat(words, chance(4) == 0 ? whole[chance(ARRAY_LEN(whole))] : word());
    }
    if (chance(4) == 0) q->kinds = chance(2) == 0 ? 1 << LISTING_API : 1 << LISTING_API | 1 << LISTING_COMPUTE;
    if (chance(5) == 0) q->classes = 1 + chance(3);
    if (chance(5) == 0) q->category = BYTES_TEXT(chance(2) == 0 ? "Transport" : "气象");
    if (chance(5) == 0) q->place = BYTES_TEXT(chance(2) == 0 ? "the North Sea" : "北京市");
    if (chance(6) == 0) q->time_from = 1000 + chance(200);
    if (chance(6) == 0) q->time_to = 1000 + chance(200);
    if (chance(6) == 0) q->max_price = 100 + chance(100);
    if (chance(5) == 0) memcpy(q->vendor, identity_party(w.ids[*of_vendor]), 32);
    if (chance(8) == 0) q->revises = known[chance(n_known)].listing;
    if (chance(3) == 0) q->state = states[chance(ARRAY_LEN(states))];
    bool not_public = q->state == LISTING_PENDING || q->state == LISTING_REFUSED || q->revises != 0;
    if (*who == VENDOR && not_public) *who = REVIEWER;
    if (*who == VENDOR && chance(3) == 0) q->mine = 1;
    q->limit = 1 + chance(60);
}

/* As the naive scan reads it: lower case, plain digits. */
static void fold(const char *words, char folded[TEXT_MAX])
{
    static const struct { const char *from, *to; } folds[] = {
        {"SHANGHAI", "shanghai"}, {"Été", "été"}, {"２０２４", "2024"}};
    strcpy(folded, words);
    for (size_t i = 0; i < ARRAY_LEN(folds); i++) {
        char *at, rest[TEXT_MAX];
        while ((at = strstr(folded, folds[i].from)) != NULL) {
            strcpy(rest, at + strlen(folds[i].from));
            strcpy(at, folds[i].to);
            strcat(folded, rest);
        }
    }
}

/* All pages against the scan, newest first. Returns how many hits there are. */
static size_t compare(void)
{
    struct body_q_search q;
    char words[TEXT_MAX], folded[TEXT_MAX];
    enum who who, of_vendor;
    size_t n_hits = 0, at = n_known;

    make_query(&q, words, &who, &of_vendor);
    fold(words, folded);
    q.words = BYTES_TEXT(words);
    for (int pages = 0;; pages++) {
        assert_true(pages < N_LISTINGS);
        const struct body_r_search *r = ask(who, &q);
        const struct body_listing_row *rows = r->listings.items;
        assert_true(r->listings.n <= q.limit);
        for (size_t i = 0; i < r->listings.n; i++, n_hits++) {
            while (at > 0 && !is_hit(&known[at - 1], &q, folded, who, of_vendor)) at--;
            if (at == 0) fail_msg("\"%s\" finds %llu, the scan does not", words, (unsigned long long)rows[i].listing);
            if (known[at - 1].listing != rows[i].listing)
                fail_msg("\"%s\" finds %llu, the scan %llu", words, (unsigned long long)rows[i].listing,
                         (unsigned long long)known[at - 1].listing);
            at--;
        }
        if (r->before == 0) break;
        q.before = r->before;
    }
    while (at > 0 && !is_hit(&known[at - 1], &q, folded, who, of_vendor)) at--;
    if (at > 0) fail_msg("\"%s\" does not find %llu", words, (unsigned long long)known[at - 1].listing);
    return n_hits;
}

/* ---- tests ---- */

static int build(void **state)
{
    if (make_test_dir(state) != 0) return -1;
    arena_init(&arena, 8u << 20);
    arena_init(&records_arena, 64u << 20);
    world_open(&w);
    admit(&w, STRANGER, "Second vendor", ROLE_VENDOR, "");
    source = (struct query_source){.journal = w.journal};
    publish_one();
    keep();
    assert_ok(state_read_begin(w.state, &source.view));
    return 0;
}

static int tear_down(void **state)
{
    state_read_end(&source.view);
    world_close(&w);
    arena_deinit(&arena);
    arena_deinit(&records_arena);
    return remove_test_dir(state);
}

static void test_against_scan(void **state)
{
    (void)state;
    for (int round = 1; round <= N_ROUNDS; round++) {
        size_t n_hits = 0, n_empty = 0;
        state_read_reset(source.view);
        while (n_known < (size_t)round * N_LISTINGS / N_ROUNDS) {
            publish_one();
            for (uint64_t n = chance(5); n > 0; n--) move_one();
        }
        keep();
        for (int i = 0; i < N_QUERIES; i++) {
            size_t n = compare();
            n_hits += n;
            n_empty += n == 0;
        }
        assert_true(n_hits > 1000 && n_empty < N_QUERIES * 3 / 4); /* it compared something */
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct request request = {.request_id = 5, .verb = verb_by_name(BYTES_TEXT("search"))};
    struct { const char *words; enum outcome code; } cases[] = {
        {"a b c d e f g h i j k l m n o p", OUTCOME_OK},
        {"a b c d e f g h i j k l m n o p q", OUTCOME_TOO_LARGE},
        {"a a a a a a a a a a a a a a a a a a a", OUTCOME_OK}, /* one word */
        {"!?。 ", OUTCOME_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct body_q_search q = {.words = BYTES_TEXT(cases[i].words), .kinds = 1, .classes = 1,
                                  .category = BYTES_TEXT("x"), .place = BYTES_TEXT("y")};
        struct peer peer;
        struct reply reply;
        request.body = &q;
        arena_reset(&arena);
        assert_ok(state_read_renew(source.view));
        assert_ok(query_peer(source.view, identity_wire_public(w.ids[BUYER]), &peer));
        assert_ok(query_answer(&source, &peer, &request, w.now_ms, &arena, &reply));
        assert_int_equal(reply.code, cases[i].code);
    }
    struct body_q_search none = {.revises = 1}, stranger = {.vendor = {1}};
    struct { const struct body_q_search *q; enum outcome code; } refusals[] = {
        {&none, OUTCOME_NO_SUCH_LISTING}, {&stranger, OUTCOME_NO_SUCH_PARTY}};
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct peer peer;
        struct reply reply;
        request.body = refusals[i].q;
        assert_ok(query_peer(source.view, identity_wire_public(w.ids[BUYER]), &peer));
        assert_ok(query_answer(&source, &peer, &request, w.now_ms, &arena, &reply));
        assert_int_equal(reply.code, refusals[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_scan), cmocka_unit_test(test_limits)};
    return cmocka_run_group_tests(tests, build, tear_down);
}
