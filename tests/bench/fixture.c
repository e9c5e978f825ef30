/* See fixture.h. */
#include "tests/bench/fixture.h"
#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

enum { PENDING_MAX = 16384, BANK = 0, REVIEWER = 1, N_STAFF = 2 };

static void must(enum tide_err err, const char *what)
{
    if (err) bench_fail("%s: %s", what, tide_err_text(err));
}

static uint64_t wall_ms(void)
{
    struct timeval tv;
    gettimeofday(&tv, NULL);
    return (uint64_t)tv.tv_sec * 1000 + (uint64_t)tv.tv_usec / 1000;
}

uint64_t fixture_random(struct fixture *f)
{
    f->random ^= f->random << 13;
    f->random ^= f->random >> 7;
    f->random ^= f->random << 17;
    return f->random;
}

static void random_key(struct fixture *f, uint8_t key[32])
{
    for (int i = 0; i < 4; i++) be64_put(key + 8 * i, fixture_random(f));
    key[31] &= 0x3f; /* canonical */
}

static void trader_new(struct fixture *f, struct trader *out)
{
    uint8_t seed[32];
    random_key(f, seed);
    sign_keypair(seed, out->key, out->secret);
}

struct bytes fixture_sign(struct fixture *f, const struct trader *by, uint64_t kind, const void *body, uint64_t issued_at,
                          struct arena *arena, struct bytes *statement_bytes)
{
    struct statement s = {.kind = kind, .version = 1, .issued_at = issued_at, .valid_until = issued_at + 600000, .body = body};
    struct bytes bytes, envelope;
    uint8_t signature[64];
    memcpy(s.market, f->market, 32);
    memcpy(s.party, by->key, 32);
    be64_put(s.command_id, issued_at << 16 | 0x7000 | (fixture_random(f) & 0xfff));
    be64_put(s.command_id + 8, (fixture_random(f) >> 2) | UINT64_C(1) << 63);
    must(statement_encode(&s, arena, &bytes), "statement_encode");
    if (by->identity)
        identity_sign(by->identity, DOMAIN_STATEMENT, bytes, signature);
    else
        sign_message(by->secret, DOMAIN_STATEMENT, bytes, signature);
    must(envelope_encode(bytes, signature, arena, &envelope), "envelope_encode");
    if (statement_bytes) *statement_bytes = bytes;
    return envelope;
}

enum outcome fixture_execute(struct fixture *f, struct bytes envelope, bool verify, size_t *n_records, struct execution *ex)
{
    struct statement s;
    struct bytes bytes;
    const uint8_t *signature;
    struct state_view *view;
    must(envelope_decode(envelope, &f->arena, &bytes, &signature), "envelope_decode");
    must(statement_decode(bytes, &f->arena, &s), "statement_decode");
    if (verify) must(sign_verify(s.party, DOMAIN_STATEMENT, bytes, signature), "sign_verify");
    must(state_write(f->state, &view), "state_write");
    must(market_execute(view, envelope, &s, bytes, f->now_ms, f->next_index, &f->arena, ex), "market_execute");
    if (ex->outcome != OUTCOME_OK) return ex->outcome;
    for (size_t i = 0; i < ex->n_records; i++) f->pending[f->n_pending++] = ex->records[i];
    f->next_index += ex->n_records;
    if (n_records) *n_records = ex->n_records;
    return OUTCOME_OK;
}

void fixture_commit(struct fixture *f)
{
    must(journal_append(f->journal, f->pending, f->n_pending), "journal_append");
    f->n_pending = 0;
    arena_reset(&f->arena);
}

/* Executes one statement of the filling; commits now and then. */
static uint64_t fill(struct fixture *f, const struct trader *by, uint64_t kind, const void *body)
{
    static struct execution ex;
    enum outcome outcome = fixture_execute(f, fixture_sign(f, by, kind, body, f->now_ms, &f->arena, NULL), false, NULL, &ex);
    if (outcome) bench_fail("filling: %s", outcome_info(outcome)->name);
    uint64_t first = ex.first_index;
    if (f->n_pending > PENDING_MAX / 2) {
        fixture_commit(f);
        struct state_view *view;
        must(state_commit(f->state), "state_commit");
        must(state_write(f->state, &view), "state_write");
    }
    return first;
}

static void admit(struct fixture *f, const struct trader *operator_key, struct trader *who, uint64_t roles)
{
    struct body_enrol enrol = {.name = BYTES_TEXT("bench"), .roles = roles, .jurisdiction = BYTES_TEXT("CN")};
    trader_new(f, who);
    random_key(f, enrol.seal_key);
    random_key(f, enrol.wire_key);
    struct body_admit body = {.roles = roles, .jurisdiction = BYTES_TEXT("CN")};
    body.request = fixture_sign(f, who, KIND_ENROL, &enrol, f->now_ms, &f->arena, NULL);
    fill(f, operator_key, KIND_ADMIT, &body);
}

static void fill_parties(struct fixture *f, const struct trader *operator_key, struct trader staff[N_STAFF])
{
    admit(f, operator_key, &staff[BANK], ROLE_BANK);
    admit(f, operator_key, &staff[REVIEWER], ROLE_REVIEWER);
    for (size_t i = 0; i < f->n_vendors; i++) admit(f, operator_key, &f->vendors[i], ROLE_VENDOR);
    for (size_t i = 0; i < f->n_buyers; i++) {
        char reference[32];
        admit(f, operator_key, &f->buyers[i], ROLE_BUYER);
        struct body_deposit deposit = {.amount = 1000000000, .reference = BYTES(reference, (size_t)snprintf(reference, sizeof reference, "R%zu", i))};
        memcpy(deposit.party, f->buyers[i].key, 32);
        fill(f, &staff[BANK], KIND_DEPOSIT, &deposit);
    }
}

static void fill_listings(struct fixture *f, const struct trader *reviewer)
{
    struct body_publish publish = {.kind = LISTING_API, .title = BYTES_TEXT("bench listing"), .terms = BYTES_TEXT("terms")};
    memset(publish.right_operating, 1, 32);
    sha256(publish.terms, f->terms_hash);
    for (size_t i = 0; i < f->n_listings; i++) {
        f->listings[i] = fill(f, &f->vendors[i % f->n_vendors], KIND_PUBLISH, &publish) + 1;
        struct body_review review = {.listing = f->listings[i], .verdict = REVIEW_APPROVE};
        fill(f, reviewer, KIND_REVIEW, &review);
    }
}

/* Asks rest from 100.00 to 109.99 and up, bids from 1.00 to 89.99; a crossing bid offers 1,000.00 and pays the best ask. */
void fixture_order(struct fixture *f, bool bid, size_t listing, bool crossing, struct body_order *out)
{
    memset(out, 0, sizeof *out);
    out->listing = f->listings[listing];
    out->side = bid ? SIDE_BID : SIDE_ASK;
    out->quantity = 1;
    out->price = bid ? (crossing ? 100000 : 100 + fixture_random(f) % 8900) : 10000 + fixture_random(f) % 1000;
    if (!bid) return;
    random_key(f, out->recipient);
    memcpy(out->terms_hash, f->terms_hash, 32);
}

static void fill_orders(struct fixture *f)
{
    struct body_order orders[LIMIT_BATCH_ORDERS];
    for (size_t done = 0, batch = 0; done < f->n_resting; done += LIMIT_BATCH_ORDERS, batch++) {
        bool bid = batch % 2;
        size_t vendor = fixture_random(f) % f->n_vendors;
        for (size_t i = 0; i < LIMIT_BATCH_ORDERS; i++) {
            size_t listing = bid ? fixture_random(f) % f->n_listings
                                 : vendor + f->n_vendors * (fixture_random(f) % (f->n_listings / f->n_vendors));
            fixture_order(f, bid, listing, false, &orders[i]);
        }
        struct body_order_batch body = {.orders = {orders, LIMIT_BATCH_ORDERS}};
        fill(f, bid ? &f->buyers[fixture_random(f) % f->n_buyers] : &f->vendors[vendor], KIND_ORDER_BATCH, &body);
    }
}

void fixture_build(struct fixture *f, const char *tidemarkd, const char *parent, size_t n_buyers, size_t n_listings,
                   size_t n_resting)
{
    char command[2048], path[600];
    struct trader operator_key = {0}, staff[N_STAFF] = {0};
    memset(f, 0, sizeof *f);
    if (crypto_init()) bench_fail("no randomness");
    f->random = 88172645463325252u;
    f->n_buyers = n_buyers, f->n_vendors = 100, f->n_listings = n_listings, f->n_resting = n_resting;
    f->buyers = calloc(n_buyers, sizeof *f->buyers);
    f->vendors = calloc(f->n_vendors, sizeof *f->vendors);
    f->listings = calloc(n_listings, sizeof *f->listings);
    f->pending = calloc(2 * PENDING_MAX, sizeof *f->pending);
    if (!f->buyers || !f->vendors || !f->listings || !f->pending) bench_fail("no memory");
    arena_init(&f->arena, (size_t)1 << 30);
    snprintf(f->dir, sizeof f->dir, "%s/market", parent);
    snprintf(command, sizeof command, "'%s' init '%s' --name Bench --origin example.org/bench --port-base 0 >/dev/null", tidemarkd, f->dir);
    if (system(command)) bench_fail("tidemarkd init");
    snprintf(path, sizeof path, "%s/operator.key", f->dir);
    must(identity_load(path, BYTES(NULL, 0), &f->operator_id), "operator.key");
    fixture_open(f);
    memcpy(operator_key.key, identity_party(f->operator_id), 32);
    operator_key.identity = f->operator_id;
    double start = bench_seconds();
    fill_parties(f, &operator_key, staff);
    fprintf(stderr, "fixture: %zu parties with money, %.0f s\n", n_buyers, bench_seconds() - start);
    fill_listings(f, &staff[REVIEWER]);
    fill_orders(f);
    fixture_commit(f);
    fprintf(stderr, "fixture: %zu listings, %zu resting orders, %.0f s\n", n_listings, n_resting, bench_seconds() - start);
}

void fixture_open(struct fixture *f)
{
    struct merkle_tree head;
    struct state_view *view;
    struct row_market row;
    bool rebuilt;
    must(state_open_writer(f->dir, &f->state, &rebuilt), "state");
    must(journal_open(f->dir, 0, &f->journal), "journal");
    must(journal_head(f->journal, &head), "head");
    must(state_write(f->state, &view), "view");
    must(market_row(view, &row), "market row");
    memcpy(f->market, row.market, 32);
    f->next_index = head.size;
    f->now_ms = wall_ms();
}

void fixture_close(struct fixture *f)
{
    must(state_commit(f->state), "state_commit");
    state_close(&f->state, true);
    journal_close(&f->journal);
}

void fixture_remove(struct fixture *f)
{
    char command[1024];
    snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    if (system(command)) fprintf(stderr, "could not remove %s\n", f->dir);
    identity_free(&f->operator_id);
    arena_deinit(&f->arena);
    free(f->buyers);
    free(f->vendors);
    free(f->listings);
    free(f->pending);
}
