/*
 * A broker that lies about a trade, to a vendor's library that is about to hand out a key: whatever it changes in the
 * trade or the listing, or gives as the parties' statements, nothing is sealed or signed.
 */
#include "client/lib/jobs.h"
#include "crypto/hash.h"
#include "storage/certificate.h"
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

/* ---- the log, with changes of keys in it ---- */

enum { N_LEAVES = 40, FIRST_CHANGE = 20, FOREIGN_CHANGE = 25, SECOND_CHANGE = 30, OTHER_REGISTERED = 33, REGISTERED = 35 };

struct log {
    uint8_t leaves[64][HASH_BYTES];
    struct bytes records[N_LEAVES], proofs[N_LEAVES]; /* those that can be asked for */
};

static struct arena log_memory;
static struct identity *between, *newest; /* what the buyer's keys became */
static struct log honest_log, false_log;
/* What the broker says, and from which log it proves. */
static struct body_key_row history[3];
static size_t n_history;
static const struct log *shown;
static unsigned n_not_yet;
static uint64_t registered_index; /* whose record the broker gives as the listing's certificate; 0: none */

static struct bytes change_record(uint64_t index, const struct identity *from, const struct identity *to)
{
    struct body_rekeyed body = {.seal_key = {7}, .wire_key = {8}};
    struct event event = {.kind = KIND_REKEYED, .version = 1, .cause_index = index - 1, .salt = {9}, .body = &body};
    struct record record = {.type = RECORD_EVENT, .index = index, .time_ms = 1000};
    struct bytes out;
    memcpy(body.party, identity_party(from), 32);
    memcpy(body.new_key, identity_party(to), 32);
    assert_int_equal(event_encode(&event, &log_memory, &record.payload), TIDE_OK);
    assert_int_equal(record_encode(&record, &log_memory, &out), TIDE_OK);
    return out;
}

/* What `publish` is at the time of the call. */
static struct bytes registered_record(uint64_t index, uint64_t number)
{
    struct certificate c = {.origin = BYTES_TEXT(fake.url.origin), .title = publish.title, .number = index, .listing = number,
                            .kind = publish.kind, .registered_ms = 1000, .has_content = true};
    struct body_registered body = {.listing = number, .certificate = index};
    struct event event = {.kind = KIND_REGISTERED, .version = 1, .cause_index = index - 1, .salt = {9}, .body = &body};
    struct record record = {.type = RECORD_EVENT, .index = index, .time_ms = 1000};
    struct bytes out;
    memcpy(c.vendor, identity_party(vendor->id), 32);
    memcpy(c.reviewer, identity_party(fake.identity), 32);
    memcpy(c.content_root, publish.content_root, HASH_BYTES);
    memcpy(c.key_commitment, publish.key_commitment, HASH_BYTES);
    sha256(publish.terms, c.terms_hash);
    body.text = certificate_format(&c, &log_memory);
    assert_int_equal(event_encode(&event, &log_memory, &record.payload), TIDE_OK);
    assert_int_equal(record_encode(&record, &log_memory, &out), TIDE_OK);
    return out;
}

static enum tide_err log_node(void *ctx, unsigned level, uint64_t index, uint8_t out[HASH_BYTES])
{
    const struct log *l = ctx;
    uint8_t left[HASH_BYTES], right[HASH_BYTES];
    if (level == 0) {
        memcpy(out, l->leaves[index], HASH_BYTES);
        return TIDE_OK;
    }
    enum tide_err err = log_node(ctx, level - 1, 2 * index, left);
    if (err == TIDE_OK) err = log_node(ctx, level - 1, 2 * index + 1, right);
    merkle_node_hash(left, right, out);
    return err;
}

/* The records that are set, among others; a checkpoint by the market's log key over all. */
static void log_build(struct log *l)
{
    struct merkle_tree tree = {0};
    struct checkpoint cp = {.size = N_LEAVES};
    struct note_key key;
    char note[CHECKPOINT_MAX], *text;
    size_t len;
    for (unsigned i = 0; i < N_LEAVES; i++) {
        merkle_leaf_hash(l->records[i].len > 0 ? l->records[i] : BYTES(&i, sizeof i), l->leaves[i]);
        merkle_append(&tree, l->leaves[i]);
    }
    merkle_root(&tree, cp.root);
    snprintf(cp.origin, sizeof cp.origin, "%s", fake.url.origin);
    assert_int_equal(note_key_init(cp.origin, NOTE_TYPE_ED25519, identity_log_public(fake.identity), &key), TIDE_OK);
    struct bytes signed_note = BYTES(note, checkpoint_sign(&cp, &key, identity_log_secret(fake.identity), note));
    struct merkle_store store = {l, log_node};
    for (unsigned i = 0; i < N_LEAVES; i++) {
        struct proof_file file = {.index = i, .checkpoint = signed_note};
        if (l->records[i].len == 0) continue;
        assert_int_equal(merkle_prove_inclusion(&store, i, N_LEAVES, &file.proof), TIDE_OK);
        assert_int_equal(proof_file_format(&file, &text, &len), TIDE_OK);
        l->proofs[i] = arena_copy(&log_memory, BYTES(text, len));
        free(text);
    }
}

/* The vendor's listing of that content, as it was signed and as the broker's row shows it: under number 40. */
static void published(uint8_t content)
{
    publish = (struct body_publish){.kind = LISTING_DATASET, .title = BYTES_TEXT("Data"), .terms = BYTES_TEXT("Terms"),
                                    .plaintext_len = 5, .n_chunks = 1, .payload_len = 37};
    memset(publish.nonce, content, sizeof publish.nonce);
    memset(publish.content_root, content + 1, sizeof publish.content_root);
    memset(publish.key_commitment, content + 2, sizeof publish.key_commitment);
    listing = (struct body_listing_row){.listing = 40, .kind = publish.kind, .title = publish.title,
                                        .plaintext_len = 5, .n_chunks = 1};
    memcpy(listing.nonce, publish.nonce, sizeof listing.nonce);
    memcpy(listing.content_root, publish.content_root, sizeof listing.content_root);
    memcpy(listing.key_commitment, publish.key_commitment, sizeof listing.key_commitment);
    sha256(publish.terms, listing.terms_hash);
}

/* The buyer's keys changed twice; somebody else's in between. The false one says that the fake's key became the buyer's. */
static void logs_build(void)
{
    honest_log.records[FIRST_CHANGE] = change_record(FIRST_CHANGE, buyer, between);
    honest_log.records[FOREIGN_CHANGE] = change_record(FOREIGN_CHANGE, fake.identity, vendor->id);
    honest_log.records[SECOND_CHANGE] = change_record(SECOND_CHANGE, between, newest);
    false_log.records[SECOND_CHANGE] = change_record(SECOND_CHANGE, fake.identity, newest);
    published(1);
    honest_log.records[REGISTERED] = registered_record(REGISTERED, 40);
    published(11);
    honest_log.records[OTHER_REGISTERED] = registered_record(OTHER_REGISTERED, 41);
    false_log.records[OTHER_REGISTERED] = registered_record(OTHER_REGISTERED, 40);
    log_build(&honest_log);
    log_build(&false_log);
}

static void history_add(const struct identity *id, uint64_t since)
{
    handover();
    memcpy(history[n_history].key, identity_party(id), 32);
    memcpy(history[n_history].seal_key, identity_seal_public(id), 32);
    history[n_history++].since = since;
}

static bool answer_keys(struct arena *arena, struct reply *reply)
{
    struct body_r_keys *body = arena_calloc(arena, 1, sizeof *body);
    struct bytes copy = arena_copy(arena, BYTES(history, n_history * sizeof *history)); /* encoded without the lock */
    body->keys = (struct list){(void *)(uintptr_t)copy.data, n_history};
    reply->body = body;
    if (n_history == 0) reply->code = OUTCOME_NO_SUCH_PARTY;
    return true;
}

static bool answer_proof(uint64_t index, struct arena *arena, struct reply *reply)
{
    struct body_r_proof *body = arena_calloc(arena, 1, sizeof *body);
    bool has = index < N_LEAVES && shown->records[index].len > 0;
    if (has) *body = (struct body_r_proof){.record = shown->records[index], .proof = shown->proofs[index]};
    if (!has) reply->code = OUTCOME_NO_SUCH_RECORD;
    else if (n_not_yet > 0) n_not_yet--, reply->code = OUTCOME_NOT_YET;
    else reply->body = body;
    return true;
}

static bool answer_certificate(struct arena *arena, struct reply *reply)
{
    struct body_r_certificate *body = arena_calloc(arena, 1, sizeof *body);
    uint64_t i = registered_index;
    *body = (struct body_r_certificate){.note = BYTES_TEXT("of no use here"), .record = shown->records[i], .proof = shown->proofs[i]};
    if (i == 0) reply->code = OUTCOME_NO_SUCH_LISTING;
    else if (n_not_yet > 0) n_not_yet--, reply->code = OUTCOME_NOT_YET;
    else reply->body = body;
    return true;
}

static bool answer(struct fake *f, const struct request *request, struct arena *arena, struct reply *reply)
{
    bool answered = true;
    pthread_mutex_lock(&f->lock);
    if (request->verb->verb == VERB_KEYS) answered = answer_keys(arena, reply);
    if (request->verb->verb == VERB_PROOF)
        answered = answer_proof(((const struct body_q_index *)request->body)->index, arena, reply);
    if (request->verb->verb == VERB_CERTIFICATE) answered = answer_certificate(arena, reply);
    pthread_mutex_unlock(&f->lock);
    if (request->verb->verb != VERB_SIGNED) return answered;
    struct body_r_signed *body = arena_calloc(arena, 1, sizeof *body);
    if (body == NULL) return false;
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
    n_history = 0;
    shown = &honest_log;
    registered_index = REGISTERED;
    published(1);
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

/* A puppet's listing with the vendor's nonce and commitment, sold to another puppet: all is signed, by others. */
static void a_trade_between_others_gets_no_key(void **state)
{
    (void)state;
    honest();
    memcpy(trade.vendor, identity_party(fake.identity), 32);
    envelopes[SIGNED_ASK] = sign(fake.identity, KIND_ORDER, &ask, 7);
    envelopes[SIGNED_LISTING] = sign(fake.identity, KIND_PUBLISH, &publish, 7);
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

/* Who tightened its limit is held to the new one, whatever it had signed before. */
static void a_replaced_order_is_no_longer_what_it_was(void **state)
{
    (void)state;
    honest();
    replace_bid(50, TRADE_PRICE - 1, 3, buyer);
    assert_int_equal(check(), OUTCOME_V_FAILED);
    replace_bid(50, TRADE_PRICE, 1, buyer);
    assert_int_equal(check(), OUTCOME_V_FAILED);
    replace_bid(50, TRADE_PRICE, 2, buyer);
    assert_int_equal(check(), 0);
}

/* Ask 45 at another price, as the vendor's own outbox has it. */
static void own_replacement(uint8_t id, uint64_t order, uint64_t price, uint64_t index, uint64_t state)
{
    const struct body_replace r = {order, price, 0};
    struct outbox_entry e = {.command_id = {id}, .kind = KIND_REPLACE, .state = state, .first_index = index,
                             .envelope = sign(market->identity, KIND_REPLACE, &r, 7)};
    memcpy(e.market, fake.url.market, 32);
    memcpy(e.party, identity_party(market->identity), 32);
    assert_int_equal(outbox_put(market->outbox, &e), TIDE_OK);
}

/* A broker that hides what one has replaced oneself. */
static void ones_own_outbox_is_believed_first(void **state)
{
    struct body_replace r = {45, TRADE_PRICE, 0};
    (void)state;
    honest();
    own_replacement(1, 45, TRADE_PRICE + 1, 61, OUTBOX_ACCEPTED); /* after the trade */
    own_replacement(2, 45, TRADE_PRICE + 1, 0, OUTBOX_REFUSED);
    own_replacement(3, 46, TRADE_PRICE + 1, 55, OUTBOX_ACCEPTED); /* another order */
    assert_int_equal(check(), 0);
    own_replacement(4, 45, TRADE_PRICE + 1, 55, OUTBOX_ACCEPTED);
    assert_int_equal(check(), OUTCOME_V_FAILED);
    envelopes[SIGNED_ASK_REPLACED] = sign(market->identity, KIND_REPLACE, &r, 7); /* as old as one's own: one's own */
    assert_int_equal(check(), OUTCOME_V_FAILED);
    own_replacement(5, 45, TRADE_PRICE, 57, OUTBOX_ACCEPTED); /* the newest counts */
    assert_int_equal(check(), 0);
    for (uint8_t id = 1; id <= 5; id++)
        assert_int_equal(outbox_del(market->outbox, fake.url.market, identity_party(market->identity), (const uint8_t[16]){id}),
                         TIDE_OK);
}

/* The trade names the buyer's newest key; `signs` signed the bid, with a recipient of its own. */
static void after_rekey(const struct identity *signs)
{
    uint8_t secret[32];
    honest();
    memcpy(trade.buyer, identity_party(newest), 32);
    identity_bid_key(signs, (const uint8_t[16]){2}, 0, secret, bid.recipient);
    memcpy(trade.recipient, bid.recipient, 32);
    envelopes[SIGNED_BID] = sign(signs, KIND_ORDER, &bid, 7);
}

static void an_older_key_is_proven_step_by_step(void **state)
{
    (void)state;
    after_rekey(buyer);
    history_add(buyer, 10), history_add(between, FIRST_CHANGE), history_add(newest, SECOND_CHANGE);
    assert_int_equal(check(), 0);
    handover();
    n_not_yet = 2; /* until the next checkpoint */
    assert_int_equal(check(), 0);
    after_rekey(between);
    history_add(between, FIRST_CHANGE), history_add(newest, SECOND_CHANGE);
    assert_int_equal(check(), 0);
    trade.trade = SECOND_CHANGE; /* the change came after the trade */
    assert_int_equal(check(), OUTCOME_V_FAILED);
    after_rekey(buyer); /* a step is left out */
    history_add(buyer, 10), history_add(newest, SECOND_CHANGE);
    assert_int_equal(check(), OUTCOME_V_FAILED);
    after_rekey(newest), memcpy(trade.buyer, identity_party(buyer), 32); /* what it became later did not sign */
    history_add(buyer, 10), history_add(between, FIRST_CHANGE), history_add(newest, SECOND_CHANGE);
    assert_int_equal(check(), OUTCOME_V_FAILED);
}

/* A bid of the broker's own, under a key that it says was the buyer's once. */
static void an_invented_history_of_keys_gets_no_key(void **state)
{
    static struct log spoiled;
    (void)state;
    after_rekey(fake.identity); /* no history at all */
    assert_int_equal(check(), OUTCOME_V_FAILED);
    history_add(fake.identity, 10), history_add(newest, 15); /* nothing to prove it with */
    assert_int_equal(check(), OUTCOME_V_FAILED);
    handover();
    history[1].since = SECOND_CHANGE; /* another key became the buyer's then */
    assert_int_equal(check(), OUTCOME_V_FAILED);
    handover();
    history[1].since = FOREIGN_CHANGE; /* its key became another's then */
    assert_int_equal(check(), OUTCOME_V_FAILED);
    handover();
    history[1].since = SECOND_CHANGE;
    spoiled = honest_log;
    spoiled.records[SECOND_CHANGE] = false_log.records[SECOND_CHANGE]; /* a record that is not in the log */
    shown = &spoiled;
    assert_int_equal(check(), OUTCOME_V_FAILED);
    handover();
    spoiled.records[SECOND_CHANGE] = honest_log.records[SECOND_CHANGE];
    spoiled.proofs[SECOND_CHANGE] = honest_log.proofs[FIRST_CHANGE]; /* the proof of another */
    assert_int_equal(check(), OUTCOME_V_FAILED);
    handover();
    shown = &false_log; /* a log of its own for this one victim, which has seen the other */
    assert_int_equal(check(), OUTCOME_V_FORK);
    assert_int_equal(atomic_load(&fake.n_submits), 0);
}

/* The market as it is opened anew: nothing of the listing was seen in the log yet. */
static void forget(void)
{
    market->registered_at = 0;
}

static void the_log_says_which_listing_a_number_is(void **state)
{
    (void)state;
    honest(), forget();
    n_not_yet = 2; /* until the next checkpoint */
    assert_int_equal(check(), 0);
    handover();
    registered_index = 0; /* seen once, it is not asked again */
    assert_int_equal(check(), 0);
    forget();
    assert_int_equal(check(), OUTCOME_V_FAILED);
    honest(), forget(), trade.trade = REGISTERED; /* registered after the trade */
    assert_int_equal(check(), OUTCOME_V_FAILED);
}

/* Another listing of the vendor's, signed like the one that was bid for, and under the same terms: a dearer one's key. */
static void another_listing_under_the_same_number_gets_no_key(void **state)
{
    static struct log spoiled;
    (void)state;
    honest(), published(11);
    envelopes[SIGNED_LISTING] = sign(market->identity, KIND_PUBLISH, &publish, 7);
    assert_int_equal(check(), OUTCOME_V_FAILED);
    handover();
    registered_index = OTHER_REGISTERED; /* registered, under its own number */
    assert_int_equal(check(), OUTCOME_V_FAILED);
    spoiled = honest_log;
    handover();
    spoiled.records[OTHER_REGISTERED] = false_log.records[OTHER_REGISTERED]; /* a record that is not in the log */
    shown = &spoiled;
    assert_int_equal(check(), OUTCOME_V_FAILED);
    handover();
    shown = &false_log; /* in a log of its own */
    assert_int_equal(check(), OUTCOME_V_FORK);
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
    if (identity_new(&between) != TIDE_OK || identity_new(&newest) != TIDE_OK) return -1;
    arena_init(&memory, 1u << 20);
    arena_init(&log_memory, 1u << 20);
    logs_build();
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
    identity_free(&between);
    identity_free(&newest);
    fake_stop(&fake);
    arena_deinit(&memory);
    arena_deinit(&log_memory);
    return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_trade_passes),
        cmocka_unit_test(a_recipient_of_the_brokers_own_gets_no_key),
        cmocka_unit_test(a_trade_between_others_gets_no_key),
        cmocka_unit_test(every_other_lie_about_the_trade_is_seen),
        cmocka_unit_test(statements_of_others_are_none),
        cmocka_unit_test(an_order_may_have_been_replaced),
        cmocka_unit_test(a_replaced_order_is_no_longer_what_it_was),
        cmocka_unit_test(ones_own_outbox_is_believed_first),
        cmocka_unit_test(an_older_key_is_proven_step_by_step),
        cmocka_unit_test(an_invented_history_of_keys_gets_no_key),
        cmocka_unit_test(the_log_says_which_listing_a_number_is),
        cmocka_unit_test(another_listing_under_the_same_number_gets_no_key),
        cmocka_unit_test(a_market_order_is_bound_by_its_budget),
        cmocka_unit_test(a_voucher_is_the_buyers_choice),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
