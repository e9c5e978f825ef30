/*
 * Queries over a small market that was built by stating things in it: what each verb gives, to whom, and how pages end.
 */
#include "tests/unit/test_server.h"

#include "broker/server/query.h"
#include "storage/settlement.h"

static struct world w;
static struct query_source source;
static struct arena arena;

/* What the market holds. */
static struct { uint64_t air, traffic, pending, ask_air, bid_low, trade_settled, trade_open; } made;
static uint8_t grant_bytes[AGE_GRANT_BYTES];

static int build(void **state)
{
    if (make_test_dir(state) != 0) return -1;
    arena_init(&arena, 8u << 20);
    world_open(&w);
    made.air = publish(&w, "Air Quality 2024", "Hourly values", "pm2.5", NULL);
    const char *title = "\xe4\xb8\x8a\xe6\xb5\xb7\xe4\xba\xa4\xe9\x80\x9a"; /* Shanghai traffic */
    made.traffic = publish(&w, title, "Traffic counts in SHANGHAI", "cars", NULL);
    open_listing(&w, made.air);
    open_listing(&w, made.traffic);
    deposit(&w, BUYER, 1000000, "ref-1");
    made.ask_air = ask_order(&w, made.air, 9900, 0);
    uint64_t bid = bid_order(&w, made.air, 9900, 1);
    made.trade_settled = bid + 1;
    grant(&w, made.trade_settled, grant_bytes);
    accept_trade(&w, made.trade_settled);
    made.trade_open = bid_order(&w, made.air, 10000, 2) + 1;
    made.bid_low = bid_order(&w, made.air, 5000, 3);
    bid_order(&w, made.air, 5000, 4);
    bid_order(&w, made.air, 4000, 1);
    world_checkpoint(&w, 0);
    made.pending = publish(&w, "Not reviewed yet", "", "", NULL); /* after the checkpoint */
    source = (struct query_source){.journal = w.journal, .log_secret = identity_log_secret(w.ids[BROKER])};
    assert_ok(tiles_open(test_dir, false, &source.tiles));
    assert_ok(state_read_begin(w.state, &source.view));
    return 0;
}

static int tear_down(void **state)
{
    state_read_end(&source.view);
    tiles_close(&source.tiles);
    requests_close(&source.requests);
    world_close(&w);
    arena_deinit(&arena);
    return remove_test_dir(state);
}

static struct peer peer_of(enum who who)
{
    struct peer peer;
    assert_ok(query_peer(source.view, identity_wire_public(w.ids[who]), &peer));
    return peer;
}

/* Asks, and checks that the answer can be sent: encoded within a frame, and decoded to the same code. */
static const void *ask_code(enum who who, const char *verb, uint64_t after, const void *body, enum outcome expected)
{
    struct request request = {.request_id = 5, .verb = verb_by_name(BYTES_TEXT(verb)), .after = after, .body = body};
    struct peer peer = peer_of(who);
    struct reply reply, decoded;
    struct bytes frame;

    arena_reset(&arena);
    assert_ok(state_read_renew(source.view));
    assert_ok(query_answer(&source, &peer, &request, w.now_ms, &arena, &reply));
    if (reply.code != (uint64_t)expected) fail_msg("%s answered %u", verb, (unsigned)reply.code);
    assert_int_equal(reply.request_id, 5);
    assert_ok(reply_encode(&reply, request.verb->reply, &arena, &frame));
    assert_true(frame.len <= LIMIT_TRADE_FRAME_BYTES);
    assert_ok(reply_decode(frame, request.verb->reply, &arena, &decoded));
    assert_int_equal(decoded.code, expected);
    return decoded.body;
}

static const void *ask(enum who who, const char *verb, const void *body)
{
    return ask_code(who, verb, 0, body, OUTCOME_OK);
}

static void refused(enum who who, const char *verb, const void *body, enum outcome expected)
{
    assert_null(ask_code(who, verb, 0, body, expected));
}

static void assert_text(struct bytes text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.data, expected, text.len);
}

/* ---- the market and its parties ---- */

static void test_peer(void **state)
{
    (void)state;
    struct peer peer = peer_of(VENDOR);
    assert_memory_equal(peer.party.key, identity_party(w.ids[VENDOR]), 32);
    assert_true(peer.number > 0);
    assert_int_equal(peer_of(STRANGER).number, 0);
    assert_memory_equal(peer_of(STRANGER).wire_key, identity_wire_public(w.ids[STRANGER]), 32);
}

static void test_doors(void **state)
{
    (void)state;
    source.ports[PORT_TRADE] = 7421;
    const struct body_r_doors *doors = ask(STRANGER, "doors", &(struct body_q_none){});
    assert_memory_equal(doors->market, w.market, 32);
    assert_text(doors->origin, ORIGIN);
    assert_int_equal(doors->trade_port, 7421);
    assert_int_equal(doors->tape_port, 0);
    assert_int_equal(doors->now_ms, w.now_ms);
    assert_int_equal(doors->parameters.n, PARAM_N);
    const struct parameter_value *parameters = doors->parameters.items;
    assert_int_equal(parameters[PARAM_GRANT_MS].value, parameter_defaults[PARAM_GRANT_MS]);
}

static void test_party(void **state)
{
    (void)state;
    struct body_q_party self = {0}, vendor = {0}, nobody = {.party = {9}};
    memcpy(vendor.party, identity_party(w.ids[VENDOR]), 32);
    const struct body_r_party *r = ask(VENDOR, "party", &self);
    assert_text(r->group, "vendors");
    assert_int_equal(r->settled, 1);
    assert_int_equal(r->state, PARTY_ACTIVE);
    assert_int_equal(r->admitted, peer_of(VENDOR).number);
    r = ask(BUYER, "party", &vendor);
    assert_text(r->name, "Vendor \xe6\xb5\xb7");
    assert_text(r->group, "");
    r = ask(OPERATOR, "party", &vendor);
    assert_text(r->group, "vendors");
    r = ask(STRANGER, "party", &vendor);
    assert_text(r->group, "");
    r = ask(STRANGER, "party", &self);
    assert_int_equal(r->state, PARTY_UNKNOWN);
    refused(BUYER, "party", &nobody, OUTCOME_NO_SUCH_PARTY);
}

static void test_strangers(void **state)
{
    (void)state;
    refused(STRANGER, "book", &(struct body_q_book){.listing = made.air}, OUTCOME_UNKNOWN_PARTY);
    refused(STRANGER, "balances", &(struct body_q_none){}, OUTCOME_UNKNOWN_PARTY);
    refused(STRANGER, "proof", &(struct body_q_index){0}, OUTCOME_UNKNOWN_PARTY);
    refused(STRANGER, "requests", &(struct body_q_requests){0}, OUTCOME_UNKNOWN_PARTY);
}

static void test_after(void **state)
{
    (void)state;
    const struct body_q_none none = {};
    assert_non_null(ask_code(BUYER, "balances", w.size, &none, OUTCOME_OK));
    assert_null(ask_code(BUYER, "balances", w.size + 1, &none, OUTCOME_NOT_YET));
}

/* ---- catalog ---- */

static uint64_t found(enum who who, const struct body_q_search *search, uint64_t *first)
{
    const struct body_r_search *r = ask(who, "search", search);
    const struct body_listing_row *rows = r->listings.items;
    *first = r->listings.n > 0 ? rows[0].listing : 0;
    return r->listings.n;
}

static void test_search_words(void **state)
{
    (void)state;
    uint64_t first;
    struct { const char *words; uint64_t n, first; } cases[] = {
        {"", 2, made.traffic},
        {"air", 1, made.air},
        {"AIR quality", 1, made.air},
        {"hourly 2024", 1, made.air},
        {"air cars", 0, 0},
        {"transport", 2, made.traffic},
        {"shanghai", 1, made.traffic},
        {"\xe4\xb8\x8a\xe6\xb5\xb7", 1, made.traffic},
        {"\xe4\xb8\x8a\xe6\xb5\xb7\xe3\x80\x80\xe4\xba\xa4\xe9\x80\x9a", 1, made.traffic},
        {"PM2.5", 1, made.air},
        {"well", 0, 0}, /* only in the terms: in the bytes, but not in what is searched */
        {"reviewed", 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct body_q_search search = {.words = BYTES_TEXT(cases[i].words)};
        assert_int_equal(found(STRANGER, &search, &first), cases[i].n);
        assert_int_equal(first, cases[i].first);
    }
}

static void test_search_filters(void **state)
{
    (void)state;
    uint64_t first;
    struct body_q_search cheap = {.max_price = 9899}, fits = {.max_price = 9900};
    struct body_q_search models = {.kinds = 1 << LISTING_MODEL}, datasets = {.kinds = 1 << LISTING_DATASET};
    struct body_q_search awaiting = {.state = LISTING_AWAITING}, mine = {.mine = 1};
    assert_int_equal(found(STRANGER, &cheap, &first), 0);
    assert_int_equal(found(STRANGER, &fits, &first), 1);
    assert_int_equal(first, made.air);
    assert_int_equal(found(STRANGER, &models, &first), 0);
    assert_int_equal(found(STRANGER, &datasets, &first), 2);
    assert_int_equal(found(REVIEWER, &awaiting, &first), 1);
    assert_int_equal(first, made.pending);
    refused(BUYER, "search", &awaiting, OUTCOME_NOT_YOUR_ROLE);
    refused(STRANGER, "search", &mine, OUTCOME_UNKNOWN_PARTY);
    assert_int_equal(found(VENDOR, &mine, &first), 3);
    assert_int_equal(first, made.pending);
    assert_int_equal(found(BUYER, &mine, &first), 0);
}

static void test_search_pages(void **state)
{
    (void)state;
    struct body_q_search search = {.limit = 1};
    const struct body_r_search *r = ask(STRANGER, "search", &search);
    assert_int_equal(r->listings.n, 1);
    assert_true(r->before > made.air && r->before <= made.traffic); /* what is below it comes next */
    search.before = r->before;
    r = ask(STRANGER, "search", &search);
    assert_int_equal(r->listings.n, 1);
    assert_int_equal(((const struct body_listing_row *)r->listings.items)->listing, made.air);
    assert_int_equal(r->before, 0);
}

static void test_listing(void **state)
{
    (void)state;
    struct body_q_listing air = {.listing = made.air}, pending = {.listing = made.pending}, none = {.listing = 1};
    const struct body_r_listing *r = ask(STRANGER, "listing", &air);
    const struct body_listing_row *row = r->row.items;
    const struct body_publish *published = r->published.items;
    assert_text(row->title, "Air Quality 2024");
    assert_text(row->vendor_name, "Vendor \xe6\xb5\xb7");
    assert_true(row->has_ask && row->has_last);
    assert_int_equal(row->best_ask, 9900);
    assert_int_equal(row->last_price, 9900);
    assert_text(published->terms, "Use it well.");
    assert_int_equal(published->keywords.n, 1);
    refused(STRANGER, "listing", &none, OUTCOME_NO_SUCH_LISTING);
    refused(BUYER, "listing", &pending, OUTCOME_NO_SUCH_LISTING);
    assert_non_null(ask(VENDOR, "listing", &pending));
    assert_non_null(ask(REVIEWER, "listing", &pending));
}

static void test_book(void **state)
{
    (void)state;
    struct body_q_book air = {.listing = made.air}, one = {.listing = made.air, .limit = 1};
    const struct body_r_book *r = ask(BUYER, "book", &air);
    const struct body_level *bids = r->bids.items, *asks = r->asks.items;
    assert_int_equal(r->asks.n, 1);
    assert_int_equal(asks[0].price, 9900);
    assert_true(asks[0].unlimited);
    assert_int_equal(asks[0].quantity, 0);
    assert_int_equal(r->bids.n, 2);
    assert_int_equal(bids[0].price, 5000);
    assert_int_equal(bids[0].quantity, 7);
    assert_int_equal(bids[0].orders, 2);
    assert_int_equal(bids[1].price, 4000);
    assert_int_equal(r->last_price, 9900);
    r = ask(BUYER, "book", &one);
    assert_int_equal(r->bids.n, 1);
    assert_int_equal(((const struct body_level *)r->bids.items)->quantity, 7);
}

/* ---- one's own ---- */

static void test_orders(void **state)
{
    (void)state;
    struct body_q_own all = {0}, open_only = {.open_only = 1}, two = {.limit = 2};
    const struct body_r_orders *r = ask(BUYER, "orders", &all);
    const struct body_order_row *rows = r->orders.items;
    assert_int_equal(r->orders.n, 5);
    assert_int_equal(r->before, 0);
    for (size_t i = 1; i < r->orders.n; i++) assert_true(rows[i - 1].order > rows[i].order);
    assert_int_equal(rows[2].order, made.bid_low);
    assert_int_equal(rows[2].left, 3);
    assert_true(rows[2].resting);
    assert_int_equal(rows[4].left, 0);
    r = ask(BUYER, "orders", &open_only);
    assert_int_equal(r->orders.n, 3);
    size_t n = 0;
    do {
        r = ask(BUYER, "orders", &two);
        assert_true(r->orders.n <= 2);
        n += r->orders.n;
        two.before = r->before;
    } while (two.before != 0);
    assert_int_equal(n, 5);
    r = ask(VENDOR, "orders", &all);
    assert_int_equal(r->orders.n, 1);
    assert_int_equal(((const struct body_order_row *)r->orders.items)->order, made.ask_air);
}

static void test_trades(void **state)
{
    (void)state;
    struct body_q_own all = {0}, open_only = {.open_only = 1};
    const struct body_r_trades *r = ask(VENDOR, "trades", &all);
    const struct body_trade_row *rows = r->trades.items;
    assert_int_equal(r->trades.n, 2);
    assert_int_equal(rows[0].trade, made.trade_open);
    assert_int_equal(rows[0].state, TRADE_MATCHED);
    assert_true(rows[0].due > w.now_ms);
    assert_int_equal(rows[1].state, TRADE_SETTLED);
    assert_int_equal(rows[1].due, 0);
    assert_int_equal(rows[1].grant.len, 0);
    r = ask(VENDOR, "trades", &open_only);
    assert_int_equal(r->trades.n, 1);
    r = ask(REGULATOR, "trades", &all);
    assert_int_equal(r->trades.n, 0);
}

static void test_trade(void **state)
{
    (void)state;
    struct body_q_trade settled = {.trade = made.trade_settled}, none = {.trade = 1};
    uint8_t secret[32], recipient[32];
    struct settlement parsed;

    const struct body_trade_row *row = ((const struct body_r_trade *)ask(BUYER, "trade", &settled))->row.items;
    assert_int_equal(row->grant.len, AGE_GRANT_BYTES);
    assert_memory_equal(row->grant.data, grant_bytes, AGE_GRANT_BYTES);
    assert_text(row->title, "Air Quality 2024");
    assert_text(row->buyer_name, "Buyer");
    assert_int_equal(row->total, 9900);
    identity_bid_key(w.ids[BUYER], row->bid_command, row->bid_item, secret, recipient);
    assert_memory_equal(recipient, row->recipient, 32);
    assert_ok(settlement_parse(row->text, &parsed));
    assert_int_equal(parsed.trade, made.trade_settled);
    assert_true(row->final_record > made.trade_settled);

    row = ((const struct body_r_trade *)ask(REGULATOR, "trade", &settled))->row.items;
    assert_int_equal(row->grant.len, 0);
    refused(BANK, "trade", &settled, OUTCOME_NOT_YOURS);
    refused(BUYER, "trade", &none, OUTCOME_NO_SUCH_TRADE);
}

static void test_balances(void **state)
{
    (void)state;
    const struct body_q_none none = {};
    const struct body_balance *money = ((const struct body_r_balances *)ask(BUYER, "balances", &none))->balances.items;
    assert_int_equal(money->escrow, 2 * 9900);
    assert_int_equal(money->held, 7 * 5000 + 4000);
    assert_int_equal(money->available, 1000000 - 9900 - 2 * 9900 - 39000);
    money = ((const struct body_r_balances *)ask(VENDOR, "balances", &none))->balances.items;
    assert_int_equal(money->available, 9900 - 99);
    const struct body_r_balances *bank = ask(BANK, "balances", &none);
    assert_int_equal(bank->balances.n, 1);
    assert_int_equal(((const struct body_balance *)bank->balances.items)->available, 0);
}

static void test_statements(void **state)
{
    (void)state;
    struct body_q_own all = {0};
    const struct body_r_statements *r = ask(VENDOR, "statements", &all);
    const struct body_statement_row *rows = r->statements.items;
    assert_int_equal(r->statements.n, 5); /* three listings, an ask, a grant */
    assert_int_equal(rows[0].kind, KIND_PUBLISH);
    assert_int_equal(rows[0].index, made.pending - 1);
    assert_int_equal(rows[0].time_ms, w.now_ms);
    assert_memory_equal(rows[0].command_id, w.last_command, 16);
    all = (struct body_q_own){.before = rows[0].index, .limit = 1};
    r = ask(VENDOR, "statements", &all);
    assert_int_equal(((const struct body_statement_row *)r->statements.items)->kind, KIND_GRANT);
}

/* ---- the log ---- */

static struct note_key log_key(void)
{
    struct note_key key;
    assert_ok(note_key_init(ORIGIN, NOTE_TYPE_ED25519, identity_log_public(w.ids[BROKER]), &key));
    return key;
}

/* Checks a tlog-proof of `record` at `index`, up to the checkpoint's signature. */
static void check_proof(struct bytes text, uint64_t index, struct bytes record)
{
    static uint8_t scratch[NOTE_MAX];
    struct proof_file proof;
    struct checkpoint checkpoint;
    struct note_key key = log_key();
    uint8_t leaf[32];

    assert_ok(proof_file_parse(text, scratch, sizeof scratch, &proof));
    assert_int_equal(proof.index, index);
    assert_ok(checkpoint_verify(proof.checkpoint, &key, &checkpoint));
    merkle_leaf_hash(record, leaf);
    assert_ok(merkle_verify_inclusion(&proof.proof, index, checkpoint.size, leaf, checkpoint.root));
}

static void test_checkpoint_and_consistency(void **state)
{
    (void)state;
    struct body_q_consistency ask_first = {.old_size = 3}, too_far = {.old_size = 3, .size = w.size + 1};
    struct body_q_consistency between = {.old_size = 5, .size = 11}, backwards = {.old_size = 5, .size = 4};
    struct note_key key = log_key();
    struct checkpoint checkpoint;
    struct merkle_proof proof = {0};
    struct merkle_tree tree = {0};
    struct bytes records[64];
    uint8_t leaf[32], old_root[32], root[32];
    size_t n;

    const struct body_r_checkpoint *c = ask(STRANGER, "checkpoint", &(struct body_q_none){});
    assert_ok(checkpoint_verify(c->checkpoint, &key, &checkpoint));
    assert_int_equal(checkpoint.size, made.pending - 1);

    const struct body_r_consistency *r = ask(STRANGER, "consistency", &between);
    assert_int_equal(r->size, 11);
    proof.n = r->hashes.n;
    for (size_t i = 0; i < proof.n; i++) {
        memcpy(proof.hashes[i], ((const struct body_hash_row *)r->hashes.items)[i].hash, 32);
    }
    assert_ok(journal_read(w.journal, 0, 11, 1 << 20, &arena, records, &n));
    assert_int_equal(n, 11);
    for (size_t i = 0; i < n; i++) {
        if (i == 5) merkle_root(&tree, old_root);
        merkle_leaf_hash(records[i], leaf);
        merkle_append(&tree, leaf);
    }
    merkle_root(&tree, root);
    assert_ok(merkle_verify_consistency(&proof, 5, 11, old_root, root));

    r = ask(STRANGER, "consistency", &ask_first);
    assert_int_equal(r->size, checkpoint.size);
    refused(STRANGER, "consistency", &too_far, OUTCOME_NOT_YET);
    refused(STRANGER, "consistency", &backwards, OUTCOME_MALFORMED);
}

static void test_proof(void **state)
{
    (void)state;
    struct { enum who who; uint64_t index; enum outcome outcome; } cases[] = {
        {VENDOR, made.air - 1, OUTCOME_OK},            /* its own statement */
        {VENDOR, made.air, OUTCOME_OK},                /* the event it caused */
        {BUYER, made.air - 1, OUTCOME_OK},             /* how a listing that it sees was published */
        {BUYER, made.air, OUTCOME_NO_SUCH_RECORD},
        {BUYER, made.pending - 1, OUTCOME_NO_SUCH_RECORD},
        {BUYER, made.trade_settled, OUTCOME_OK},
        {VENDOR, made.trade_settled, OUTCOME_OK},      /* caused by the buyer's bid, but its trade */
        {VENDOR, made.trade_settled - 1, OUTCOME_NO_SUCH_RECORD}, /* the buyer's order */
        {BANK, made.trade_settled, OUTCOME_NO_SUCH_RECORD},
        {REGULATOR, made.trade_settled, OUTCOME_OK},
        {REGULATOR, 0, OUTCOME_OK},
        {BUYER, 0, OUTCOME_NO_SUCH_RECORD},
        {VENDOR, peer_of(VENDOR).number, OUTCOME_OK},  /* its admission */
        {BUYER, peer_of(VENDOR).number, OUTCOME_NO_SUCH_RECORD},
        {VENDOR, made.pending, OUTCOME_NOT_YET},
        {BUYER, w.size, OUTCOME_NO_SUCH_RECORD},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct body_q_index index = {.index = cases[i].index};
        const struct body_r_proof *r = ask_code(cases[i].who, "proof", 0, &index, cases[i].outcome);
        if (r != NULL) check_proof(r->proof, cases[i].index, r->record);
    }
}

static void test_receipt(void **state)
{
    (void)state;
    struct body_q_trade settled = {.trade = made.trade_settled}, open = {.trade = made.trade_open};
    struct note_key keys[3] = {log_key()};
    struct note_result result;
    struct record record;
    struct event event;
    char name[BECH32_TEXT_MAX];
    enum who signers[] = {VENDOR, BUYER};

    for (size_t i = 0; i < 2; i++) {
        bech32_encode(PARTY_PREFIX, identity_party(w.ids[signers[i]]), name);
        assert_ok(note_key_init(name, NOTE_TYPE_ED25519, identity_party(w.ids[signers[i]]), &keys[1 + i]));
    }
    const struct body_r_receipt *r = ask(BUYER, "receipt", &settled);
    assert_ok(note_verify(r->note, keys, 3, &result));
    assert_int_equal(result.n_verified, 3);
    assert_ok(record_decode(r->record, &arena, &record));
    assert_ok(event_decode(record.payload, &arena, &event));
    assert_int_equal(event.kind, KIND_SETTLED);
    assert_true(bytes_equal(((const struct body_settled *)event.body)->text, result.text));
    check_proof(r->proof, record.index, r->record);
    assert_non_null(ask(REGULATOR, "receipt", &settled));
    refused(BANK, "receipt", &settled, OUTCOME_NOT_YOURS);
    refused(BUYER, "receipt", &open, OUTCOME_WRONG_STATE);
}

/* ---- enrolment requests ---- */

static void test_requests(void **state)
{
    (void)state;
    struct statement s;
    struct bytes bytes;
    struct body_enrol enrol = enrol_body(&w, STRANGER, "Newcomer", ROLE_BUYER);
    struct body_q_requests from_first = {0};
    struct body_q_party self = {0};

    refused(BUYER, "requests", &from_first, OUTCOME_NOT_YOUR_ROLE);
    const struct body_r_requests *r = ask(OPERATOR, "requests", &from_first);
    assert_int_equal(r->requests.n, 0);

    assert_ok(requests_open(test_dir, true, &source.requests));
    struct request_entry entry = {.received_ms = w.now_ms};
    entry.envelope = envelope_of(&w, STRANGER, KIND_ENROL, &enrol, LIMIT_ENROL_VALID_MS, &s, &bytes);
    memcpy(entry.party, identity_party(w.ids[STRANGER]), 32);
    memcpy(entry.wire_key, identity_wire_public(w.ids[STRANGER]), 32);
    assert_ok(requests_put(source.requests, &entry));
    struct body_enrol old = enrol_body(&w, BUYER, "Buyer", ROLE_BUYER);
    entry.envelope = envelope_of(&w, BUYER, KIND_ENROL, &old, LIMIT_ENROL_VALID_MS, &s, &bytes);
    memcpy(entry.party, identity_party(w.ids[BUYER]), 32);
    memcpy(entry.wire_key, identity_wire_public(w.ids[BUYER]), 32);
    assert_ok(requests_put(source.requests, &entry)); /* enrolled meanwhile: not shown */

    r = ask(OPERATOR, "requests", &from_first);
    assert_int_equal(r->requests.n, 1);
    const struct body_request_row *row = r->requests.items;
    assert_text(row->name, "Newcomer");
    assert_int_equal(row->roles, ROLE_BUYER);
    assert_true(row->request.len > 0);
    const struct body_r_party *party = ask(STRANGER, "party", &self);
    assert_int_equal(party->state, PARTY_WAITING);
    assert_text(party->name, "Newcomer");
}

/* A CURVE key that was replaced is nobody's, so that whoever has it is no more than a stranger. */
static void test_a_replaced_key_is_a_strangers(void **state)
{
    (void)state;
    struct statement s;
    struct bytes bytes;
    struct body_new_keys keys;
    struct body_rekey rekey;
    uint64_t number = peer_of(BUYER).number;
    assert_int_not_equal(number, 0);
    memcpy(keys.party, identity_party(w.ids[BUYER]), 32);
    memcpy(keys.seal_key, identity_seal_public(w.ids[STRANGER]), 32);
    memcpy(keys.wire_key, identity_wire_public(w.ids[STRANGER]), 32);
    rekey.request = envelope_of(&w, STRANGER, KIND_NEW_KEYS, &keys, 60000, &s, &bytes);
    state_it(&w, BUYER, KIND_REKEY, &rekey);
    assert_ok(state_read_renew(source.view));
    struct peer old = peer_of(BUYER);
    assert_int_equal(old.number, 0);
    assert_int_equal(old.party.roles, 0);
    assert_memory_equal(old.wire_key, identity_wire_public(w.ids[BUYER]), 32);
    assert_int_equal(peer_of(STRANGER).number, number);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peer),
        cmocka_unit_test(test_doors),
        cmocka_unit_test(test_party),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_after),
        cmocka_unit_test(test_search_words),
        cmocka_unit_test(test_search_filters),
        cmocka_unit_test(test_search_pages),
        cmocka_unit_test(test_listing),
        cmocka_unit_test(test_book),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_trades),
        cmocka_unit_test(test_trade),
        cmocka_unit_test(test_balances),
        cmocka_unit_test(test_statements),
        cmocka_unit_test(test_checkpoint_and_consistency),
        cmocka_unit_test(test_proof),
        cmocka_unit_test(test_receipt),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_a_replaced_key_is_a_strangers) /* last: the buyer has another key then */,
    };
    return cmocka_run_group_tests_name("server_query", tests, build, tear_down);
}
