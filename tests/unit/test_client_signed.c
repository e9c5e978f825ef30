/*
 * A broker that lies about a trade, to a vendor's library that is about to hand out a key: whatever it changes in the
 * trade or the listing, or gives as the parties' statements, nothing is sealed or signed.
 */
#include "client/lib/jobs.h"
#include "crypto/hash.h"
#include "tests/unit/fake_broker.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { BID_PRICE = 11000, ASK_PRICE = 9900, TRADE_PRICE = 10000 };

static char dir[] = "/tmp/tidemark-test-signed.XXXXXX";
static struct fake fake;
static struct tide_identity *vendor;
static struct identity *buyer;
static struct tide_market *market;
static struct body_trade_row trade;
static struct body_listing_row listing;
static struct body_order bid, ask;
static struct body_publish publish;
/* The envelopes the broker gives, made before it is asked. */
static struct arena memory;
static struct bytes envelopes[SIGNED_ASK_REPLACED + 1]; /* one without bytes: no such record */

/* Between what this thread prepares and what the fake's reads, in either order. */
static void handover(void)
{
    pthread_mutex_lock(&fake.lock);
    pthread_mutex_unlock(&fake.lock);
}

static struct bytes sign(const struct identity *by, uint64_t kind, const void *body, uint8_t market_byte)
{
    struct statement s = {.kind = kind, .version = 1, .issued_at = 1000, .valid_until = 2000, .body = body};
    struct bytes bytes, envelope;
    uint8_t signature[64];
    handover();
    memset(s.market, market_byte, 32);
    memcpy(s.party, identity_party(by), 32);
    assert_int_equal(statement_encode(&s, &memory, &bytes), TIDE_OK);
    identity_sign(by, DOMAIN_STATEMENT, bytes, signature);
    assert_int_equal(envelope_encode(bytes, signature, &memory, &envelope), TIDE_OK);
    return envelope;
}

static bool answer(struct fake *f, const struct request *request, struct arena *arena, struct reply *reply)
{
    struct body_r_signed *body = arena_calloc(arena, 1, sizeof *body);
    if (request->verb->verb != VERB_SIGNED || body == NULL) return false;
    pthread_mutex_lock(&f->lock);
    body->envelope = arena_copy(arena, envelopes[((const struct body_q_signed *)request->body)->part]);
    pthread_mutex_unlock(&f->lock);
    if (body->envelope.len == 0) reply->code = OUTCOME_NO_SUCH_RECORD;
    else reply->body = body;
    return true;
}

/* An honest trade: what each party signed, and the broker's rows that say the same. */
static void honest(void)
{
    uint8_t secret[32];
    handover();
    arena_reset(&memory);
    publish = (struct body_publish){.kind = LISTING_DATASET, .title = BYTES_TEXT("Data"), .terms = BYTES_TEXT("Terms"),
                                    .plaintext_len = 5, .n_chunks = 1, .payload_len = 37};
    memset(publish.nonce, 1, sizeof publish.nonce);
    memset(publish.content_root, 2, sizeof publish.content_root);
    memset(publish.key_commitment, 3, sizeof publish.key_commitment);
    listing = (struct body_listing_row){.listing = 40, .kind = publish.kind, .title = publish.title,
                                        .plaintext_len = 5, .n_chunks = 1};
    memcpy(listing.nonce, publish.nonce, sizeof listing.nonce);
    memcpy(listing.content_root, publish.content_root, sizeof listing.content_root);
    memcpy(listing.key_commitment, publish.key_commitment, sizeof listing.key_commitment);
    sha256(publish.terms, listing.terms_hash);
    bid = (struct body_order){.listing = 40, .side = SIDE_BID, .price = BID_PRICE, .quantity = 3};
    identity_bid_key(buyer, (const uint8_t[16]){1}, 0, secret, bid.recipient);
    memcpy(bid.terms_hash, listing.terms_hash, sizeof bid.terms_hash);
    ask = (struct body_order){.listing = 40, .side = SIDE_ASK, .price = ASK_PRICE, .unlimited = 1};
    trade = (struct body_trade_row){.trade = 60, .listing = 40, .bid = 50, .ask = 45, .price = TRADE_PRICE, .quantity = 2, .total = 2 * TRADE_PRICE};
    memcpy(trade.buyer, identity_party(buyer), 32);
    memcpy(trade.vendor, identity_party(market->identity), 32);
    memcpy(trade.recipient, bid.recipient, 32);
    envelopes[SIGNED_BID_REPLACED] = envelopes[SIGNED_ASK_REPLACED] = (struct bytes){NULL, 0};
    envelopes[SIGNED_BID] = sign(buyer, KIND_ORDER, &bid, 7);
    envelopes[SIGNED_ASK] = sign(market->identity, KIND_ORDER, &ask, 7);
    envelopes[SIGNED_LISTING] = sign(market->identity, KIND_PUBLISH, &publish, 7);
}

static int check(void)
{
    struct tide_error e;
    handover();
    return signed_check(market, &trade, &listing, &e);
}

static void an_honest_trade_passes(void **state)
{
    (void)state;
    honest();
    assert_int_equal(check(), 0);
    struct body_order orders[2] = {bid, bid};
    orders[0].listing = 41;
    struct body_order_batch batch = {.orders = {orders, 2}};
    envelopes[SIGNED_BID] = sign(buyer, KIND_ORDER_BATCH, &batch, 7); /* any position of a batch */
    assert_int_equal(check(), 0);
}

/* The ciphertext is stored at the broker; all it lacks is the key. */
static void a_recipient_of_the_brokers_own_gets_no_key(void **state)
{
    (void)state;
    honest();
    memcpy(trade.recipient, identity_seal_public(fake.identity), 32);
    assert_int_equal(check(), OUTCOME_V_FAILED);
    memcpy(bid.recipient, trade.recipient, 32);
    envelopes[SIGNED_BID] = sign(fake.identity, KIND_ORDER, &bid, 7); /* signed, but not by the buyer */
    assert_int_equal(check(), OUTCOME_V_FAILED);
}

static void every_other_lie_about_the_trade_is_seen(void **state)
{
    (void)state;
    honest(), trade.price = BID_PRICE + 1;
    assert_int_equal(check(), OUTCOME_V_FAILED);
    honest(), trade.price = ASK_PRICE - 1;
    assert_int_equal(check(), OUTCOME_V_FAILED);
    honest(), trade.quantity = 4;
    assert_int_equal(check(), OUTCOME_V_FAILED);
    honest(), trade.listing = listing.listing = 41;
    assert_int_equal(check(), OUTCOME_V_FAILED);
    honest(), listing.content_root[0] ^= 1;
    assert_int_equal(check(), OUTCOME_V_FAILED);
    honest(), listing.key_commitment[0] ^= 1;
    assert_int_equal(check(), OUTCOME_V_FAILED);
    honest(), listing.nonce[0] ^= 1;
    assert_int_equal(check(), OUTCOME_V_FAILED);
    honest(), listing.terms_hash[0] ^= 1;
    assert_int_equal(check(), OUTCOME_V_FAILED);
    honest(), listing.title = BYTES_TEXT("Other data");
    assert_int_equal(check(), OUTCOME_V_FAILED);
}

static void statements_of_others_are_none(void **state)
{
    (void)state;
    honest(), envelopes[SIGNED_BID] = sign(buyer, KIND_ORDER, &bid, 8); /* another market's */
    assert_int_equal(check(), OUTCOME_V_FAILED);
    honest(), envelopes[SIGNED_BID] = sign(buyer, KIND_ORDER, &ask, 7);
    assert_int_equal(check(), OUTCOME_V_FAILED);
    honest(), envelopes[SIGNED_ASK] = sign(buyer, KIND_ORDER, &ask, 7);
    assert_int_equal(check(), OUTCOME_V_FAILED);
    honest(), envelopes[SIGNED_LISTING] = sign(buyer, KIND_PUBLISH, &publish, 7);
    assert_int_equal(check(), OUTCOME_V_FAILED);
    honest();
    ((uint8_t *)(uintptr_t)envelopes[SIGNED_BID].data)[envelopes[SIGNED_BID].len - 1] ^= 1;
    assert_int_equal(check(), OUTCOME_V_FAILED);
}

static void replace_bid(uint64_t order, uint64_t price, uint64_t quantity, const struct identity *by)
{
    const struct body_replace r = {order, price, quantity};
    envelopes[SIGNED_BID_REPLACED] = sign(by, KIND_REPLACE, &r, 7);
}

/* The limit may be that of the order or that of its replacement: the same order's, by the same party. */
static void an_order_may_have_been_replaced(void **state)
{
    (void)state;
    honest(), trade.price = BID_PRICE + 500;
    assert_int_equal(check(), OUTCOME_V_FAILED);
    replace_bid(50, BID_PRICE + 500, 2, buyer);
    assert_int_equal(check(), 0);
    replace_bid(50, BID_PRICE + 499, 2, buyer);
    assert_int_equal(check(), OUTCOME_V_FAILED);
    replace_bid(50, BID_PRICE + 500, 1, buyer);
    assert_int_equal(check(), OUTCOME_V_FAILED);
    replace_bid(51, BID_PRICE + 500, 2, buyer); /* another order's */
    assert_int_equal(check(), OUTCOME_V_FAILED);
    replace_bid(50, BID_PRICE + 500, 2, fake.identity);
    assert_int_equal(check(), OUTCOME_V_FAILED);
    envelopes[SIGNED_BID_REPLACED] = sign(buyer, KIND_ORDER, &bid, 7);
    assert_int_equal(check(), OUTCOME_V_FAILED);
    replace_bid(50, BID_PRICE + 500, 2, buyer);
    trade.recipient[0] ^= 1; /* still the original's recipient */
    assert_int_equal(check(), OUTCOME_V_FAILED);

    honest(), trade.price = ASK_PRICE - 500; /* an unlimited ask: of the replacement the price alone counts */
    struct body_replace r = {45, ASK_PRICE - 500, 0};
    envelopes[SIGNED_ASK_REPLACED] = sign(market->identity, KIND_REPLACE, &r, 7);
    assert_int_equal(check(), 0);
    r.price++;
    envelopes[SIGNED_ASK_REPLACED] = sign(market->identity, KIND_REPLACE, &r, 7);
    assert_int_equal(check(), OUTCOME_V_FAILED);
}

/* A market order has no limit: a bid's budget bounds what the trade costs. */
static void a_market_order_is_bound_by_its_budget(void **state)
{
    (void)state;
    honest(), bid.type = ORDER_MARKET, bid.price = 0, bid.budget = trade.total;
    envelopes[SIGNED_BID] = sign(buyer, KIND_ORDER, &bid, 7);
    assert_int_equal(check(), 0);
    bid.budget--;
    envelopes[SIGNED_BID] = sign(buyer, KIND_ORDER, &bid, 7);
    assert_int_equal(check(), OUTCOME_V_FAILED);
    bid.budget = LIMIT_AMOUNT, bid.quantity = 1;
    envelopes[SIGNED_BID] = sign(buyer, KIND_ORDER, &bid, 7);
    assert_int_equal(check(), OUTCOME_V_FAILED);
    honest(), ask = (struct body_order){.listing = 40, .side = SIDE_ASK, .type = ORDER_MARKET, .quantity = 2};
    envelopes[SIGNED_ASK] = sign(market->identity, KIND_ORDER, &ask, 7);
    assert_int_equal(check(), 0);
}

/* Only the programme that the buyer named pays of a trade. */
static void a_voucher_is_the_buyers_choice(void **state)
{
    (void)state;
    honest(), trade.programme = 9, trade.voucher = 100;
    assert_int_equal(check(), OUTCOME_V_FAILED);
    bid.voucher = 9;
    envelopes[SIGNED_BID] = sign(buyer, KIND_ORDER, &bid, 7);
    assert_int_equal(check(), 0);
    bid.voucher = 8;
    envelopes[SIGNED_BID] = sign(buyer, KIND_ORDER, &bid, 7);
    assert_int_equal(check(), OUTCOME_V_FAILED);
    trade.programme = 0, trade.voucher = 0; /* nothing of it was left */
    assert_int_equal(check(), 0);
}

static int setup(void **state)
{
    struct tide_error e;
    (void)state;
    if (mkdtemp(dir) == NULL || !fake_start(&fake, answer)) return -1;
    if (tide_identity_new(&vendor, NULL) != 0 || identity_new(&buyer) != TIDE_OK) return -1;
    arena_init(&memory, 1u << 20);
    struct tide_options options = {.url = fake.url_text, .identity = vendor, .state_dir = dir, .timeout_ms = 5000};
    return tide_market_open(&options, &market, &e);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    tide_market_close(&market);
    tide_identity_free(&vendor);
    identity_free(&buyer);
    fake_stop(&fake);
    arena_deinit(&memory);
    return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_trade_passes),
        cmocka_unit_test(a_recipient_of_the_brokers_own_gets_no_key),
        cmocka_unit_test(every_other_lie_about_the_trade_is_seen),
        cmocka_unit_test(statements_of_others_are_none),
        cmocka_unit_test(an_order_may_have_been_replaced),
        cmocka_unit_test(a_market_order_is_bound_by_its_budget),
        cmocka_unit_test(a_voucher_is_the_buyers_choice),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
