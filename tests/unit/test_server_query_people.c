/*
 * Questions about people: parties and their keys, the list of all, contact cards, claims; and who may not ask them.
 */
#include "tests/unit/test_query.h"

/* The other buyer has new keys: the stranger's. The issuer's are announced to change. */
static struct { uint64_t air, granted, claimed, other, rekeyed, announced_at; } made;

static struct body_new_keys new_keys_of(enum who from, enum who to)
{
    struct body_new_keys keys = {0};
    memcpy(keys.party, identity_party(w.ids[from]), 32);
    memcpy(keys.seal_key, identity_seal_public(w.ids[to]), 32);
    memcpy(keys.wire_key, identity_wire_public(w.ids[to]), 32);
    return keys;
}

static void rekey_all(struct identity **spare)
{
    struct statement s;
    struct bytes bytes;
    struct body_new_keys keys = new_keys_of(OTHER, STRANGER);
    struct body_rekey rekey = {.request = envelope_of(&w, STRANGER, KIND_NEW_KEYS, &keys, 60000, &s, &bytes)};
    made.rekeyed = state_it(&w, OTHER, KIND_REKEY, &rekey) + 1;

    struct identity *stranger = w.ids[STRANGER];
    w.ids[STRANGER] = *spare; /* signs with keys that are nobody's yet */
    keys = new_keys_of(ISSUER, STRANGER);
    struct body_replace_keys replace = {.reason = BYTES_TEXT("lost")};
    memcpy(replace.party, identity_party(w.ids[ISSUER]), 32);
    replace.request = envelope_of(&w, STRANGER, KIND_NEW_KEYS, &keys, 60000, &s, &bytes);
    state_it(&w, OPERATOR, KIND_REPLACE_KEYS, &replace);
    made.announced_at = w.now_ms + parameter_defaults[PARAM_REKEY_MS];
    w.ids[STRANGER] = stranger;
}

static int build(void **state)
{
    uint8_t grant_bytes[AGE_GRANT_BYTES], seed[32] = {99};
    struct identity *spare;

    if (make_test_dir(state) != 0) return -1;
    query_world_open();
    admit(&w, ISSUER, "City fund", ROLE_ISSUER, "");
    admit(&w, ARBITER, "Arbiter", ROLE_ARBITER, "");
    made.other = admit(&w, OTHER, "Other buyer", ROLE_BUYER, "others");
    made.air = publish(&w, "Air", "", "", NULL);
    open_listing(&w, made.air);
    deposit(&w, BUYER, 1000000, "ref-1");
    ask_order(&w, made.air, 100, 0);
    made.granted = bid_order(&w, made.air, 100, 1) + 1;
    made.claimed = bid_order(&w, made.air, 100, 2) + 1;
    grant(&w, made.granted, grant_bytes);
    grant(&w, made.claimed, grant_bytes);
    struct body_claim claim = {.trade = made.claimed, .reasons = {7, 7}};
    state_it(&w, BUYER, KIND_CLAIM, &claim);
    assert_ok(identity_from_seed(seed, &spare));
    rekey_all(&spare);
    identity_free(&spare);
    return 0;
}

static int tear_down(void **state)
{
    query_world_close();
    return remove_test_dir(state);
}

/* ---- parties ---- */

static void test_party(void **state)
{
    (void)state;
    static const uint8_t none[32];
    struct body_q_party vendor = party_of(VENDOR), issuer = party_of(ISSUER), old = party_of(OTHER);
    const struct body_r_party *r = ask(BUYER, "party", &vendor);
    assert_int_equal(r->settled + r->missed + r->faults + r->unproven, 0);
    assert_int_equal(r->rekey_at, 0);
    assert_memory_equal(r->key, none, 32);
    r = ask(BUYER, "party", &issuer);
    assert_int_equal(r->rekey_at, made.announced_at);
    r = ask(BUYER, "party", &old); /* by the key it had */
    assert_int_equal(r->admitted, made.other);
    assert_memory_equal(r->party, identity_party(w.ids[OTHER]), 32);
    assert_memory_equal(r->key, identity_party(w.ids[STRANGER]), 32);
    assert_text(r->name, "Other buyer");
    assert_text(r->group, "");
}

/* The old CURVE key is a stranger's, the new one the party's. */
static void test_replaced_keys_open_nothing(void **state)
{
    (void)state;
    struct body_q_party self = {0};
    assert_int_equal(number_of(OTHER), 0);
    assert_int_equal(number_of(STRANGER), made.other);
    const struct body_r_party *r = ask(OTHER, "party", &self);
    assert_int_equal(r->state, PARTY_UNKNOWN);
    r = ask(STRANGER, "party", &self);
    assert_int_equal(r->admitted, made.other);
    assert_text(r->group, "others");
    refused(OTHER, "balances", &(struct body_q_none){}, OUTCOME_UNKNOWN_PARTY);
}

static void test_parties(void **state)
{
    (void)state;
    struct body_q_parties all = {0}, buyers = {.roles = ROLE_BUYER}, page = {.limit = 4};
    struct body_q_parties some = {.roles = ROLE_OPERATOR | ROLE_BANK | ROLE_ARBITER};
    const struct body_r_parties *r = ask(OPERATOR, "parties", &all);
    const struct body_party_row *rows = r->parties.items;
    assert_int_equal(r->parties.n, 10);
    for (size_t i = 1; i < r->parties.n; i++) assert_true(rows[i].admitted > rows[i - 1].admitted);
    assert_memory_equal(rows[9].party, identity_party(w.ids[STRANGER]), 32);
    assert_text(rows[9].group, "others");
    assert_text(rows[9].jurisdiction, "CN");
    r = ask(REGULATOR, "parties", &buyers);
    assert_int_equal(r->parties.n, 2);
    r = ask(REGULATOR, "parties", &some);
    assert_int_equal(r->parties.n, 4);
    size_t n = 0;
    do {
        r = ask(OPERATOR, "parties", &page);
        n += r->parties.n;
        page.after = r->after;
    } while (page.after != 0);
    assert_int_equal(n, 10);
    refused(VENDOR, "parties", &all, OUTCOME_NOT_YOUR_ROLE);
    refused(BANK, "parties", &all, OUTCOME_NOT_YOUR_ROLE);
    refused(OTHER, "parties", &all, OUTCOME_UNKNOWN_PARTY);
}

static void test_keys(void **state)
{
    (void)state;
    struct body_q_party old = party_of(OTHER), fresh = party_of(STRANGER), self = {0}, nobody = {.party = {9}};
    struct body_q_party by[] = {old, fresh};
    for (size_t i = 0; i < 2; i++) {
        const struct body_r_keys *r = ask(OTHER, "keys", &by[i]); /* public: a stranger asks */
        const struct body_key_row *rows = r->keys.items;
        assert_int_equal(r->keys.n, 2);
        assert_memory_equal(rows[0].key, identity_party(w.ids[OTHER]), 32);
        assert_memory_equal(rows[0].seal_key, identity_seal_public(w.ids[OTHER]), 32);
        assert_int_equal(rows[0].since, made.other);
        assert_memory_equal(rows[1].key, identity_party(w.ids[STRANGER]), 32);
        assert_int_equal(rows[1].since, made.rekeyed);
    }
    assert_int_equal(((const struct body_r_keys *)ask(VENDOR, "keys", &self))->keys.n, 1);
    refused(OTHER, "keys", &self, OUTCOME_UNKNOWN_PARTY);
    refused(VENDOR, "keys", &nobody, OUTCOME_NO_SUCH_PARTY);
}

/* ---- contact cards ---- */

#define CARD "{\"person\":\"Li Na\",\"phone\":\"+86 21 5555 0100\"}"

static void state_card(enum who who, const struct body_q_put_card *put)
{
    struct body_card body = {0};
    if (put != NULL) cards_hash(put->salt, put->card, body.card_hash);
    state_it(&w, who, KIND_CARD, &body);
}

static void test_cards(void **state)
{
    (void)state;
    struct body_q_party vendor = party_of(VENDOR), self = {0}, nobody = {.party = {9}};
    const struct body_q_none none = {};
    struct body_q_put_card put = {.salt = {1}, .card = BYTES_TEXT(CARD)};
    struct body_q_put_card later = {.salt = {2}, .card = BYTES_TEXT("{}")};
    enum who may[] = {VENDOR, BUYER, OPERATOR, REGULATOR}, may_not[] = {BANK, ISSUER, STRANGER};

    refused(VENDOR, "put_card", &put, OUTCOME_NO_SUCH_CARD); /* no hash was stated */
    state_card(VENDOR, &put);
    refused(BUYER, "card", &vendor, OUTCOME_NO_SUCH_CARD);
    refused(VENDOR, "put_card", &later, OUTCOME_NO_SUCH_CARD);
    assert_non_null(ask(VENDOR, "put_card", &put));
    for (size_t i = 0; i < ARRAY_LEN(may); i++) {
        const struct body_r_card *r = ask(may[i], "card", may[i] == VENDOR ? &self : &vendor);
        uint8_t hash[HASH_BYTES];
        assert_text(r->card, CARD);
        cards_hash(r->salt, r->card, hash);
        assert_memory_equal(hash, r->card_hash, HASH_BYTES);
        const struct body_r_party *party = ask(may[i], "party", &vendor);
        assert_memory_equal(hash, party->card_hash, HASH_BYTES);
    }
    for (size_t i = 0; i < ARRAY_LEN(may_not); i++) refused(may_not[i], "card", &vendor, OUTCOME_NOT_YOURS);
    refused(OTHER, "card", &vendor, OUTCOME_UNKNOWN_PARTY);
    refused(OTHER, "put_card", &put, OUTCOME_UNKNOWN_PARTY);
    refused(OTHER, "erase_card", &none, OUTCOME_UNKNOWN_PARTY);
    refused(BUYER, "card", &nobody, OUTCOME_NO_SUCH_PARTY);
    refused(BUYER, "card", &self, OUTCOME_NO_SUCH_CARD);

    state_card(VENDOR, &later); /* the old one is not the one in force any more */
    refused(BUYER, "card", &vendor, OUTCOME_NO_SUCH_CARD);
    refused(VENDOR, "put_card", &put, OUTCOME_NO_SUCH_CARD);
    assert_non_null(ask(VENDOR, "put_card", &later));
    assert_text(((const struct body_r_card *)ask(BUYER, "card", &vendor))->card, "{}");
    assert_non_null(ask(VENDOR, "erase_card", &none));
    assert_non_null(ask(VENDOR, "erase_card", &none));
    refused(VENDOR, "card", &self, OUTCOME_NO_SUCH_CARD);
    assert_non_null(ask(VENDOR, "put_card", &later));
    state_card(VENDOR, NULL);
    refused(VENDOR, "card", &self, OUTCOME_NO_SUCH_CARD);
}

/* ---- claims ---- */

static void test_claims(void **state)
{
    (void)state;
    static const uint8_t reasons[32] = {7, 7};
    struct body_q_claims mine = {0}, all = {.all = 1}, overdue = {.all = 1, .overdue = 1};
    struct body_q_trade trade = {.trade = made.claimed};
    const struct body_r_claims *r = ask(ARBITER, "claims", &mine);
    const struct body_claim_row *row = r->claims.items;
    assert_int_equal(r->claims.n, 1);
    assert_int_equal(row->trade, made.claimed);
    assert_text(row->title, "Air");
    assert_text(row->buyer_name, "Buyer");
    assert_text(row->vendor_name, "Vendor \xe6\xb5\xb7");
    assert_text(row->arbiter_name, "Arbiter");
    assert_int_equal(row->total, 200);
    assert_memory_equal(row->reasons, reasons, 32);
    assert_false(row->overdue);
    uint64_t due = row->due;
    assert_true(due > w.now_ms && due <= w.now_ms + parameter_defaults[PARAM_CLAIM_MS]);
    const struct body_trade_row *of_buyer = ((const struct body_r_trade *)ask(BUYER, "trade", &trade))->row.items;
    assert_memory_equal(of_buyer->arbiter, identity_party(w.ids[ARBITER]), 32);
    assert_int_equal(of_buyer->due, due);
    assert_int_equal(of_buyer->state, TRADE_CLAIMED);
    assert_int_equal(((const struct body_r_claims *)ask(OPERATOR, "claims", &all))->claims.n, 1);
    assert_int_equal(((const struct body_r_claims *)ask(REGULATOR, "claims", &overdue))->claims.n, 0);
    assert_int_equal(((const struct body_r_claims *)ask(BUYER, "claims", &mine))->claims.n, 0);
    refused(ARBITER, "claims", &all, OUTCOME_NOT_YOUR_ROLE);
    refused(BUYER, "claims", &all, OUTCOME_NOT_YOUR_ROLE);
    refused(OTHER, "claims", &mine, OUTCOME_UNKNOWN_PARTY);
}

/* ---- records that are somebody's ---- */

static void test_proofs_of_new_events(void **state)
{
    (void)state;
    struct tiles *tiles;
    world_checkpoint(&w, 0);
    assert_ok(tiles_open(test_dir, false, &tiles));
    source.tiles = tiles;
    const struct { enum who who; uint64_t index; enum outcome outcome; } cases[] = {
        {STRANGER, made.rekeyed, OUTCOME_OK},     /* said by its old key */
        {STRANGER, made.rekeyed - 1, OUTCOME_OK},
        {STRANGER, made.other, OUTCOME_OK},       /* names its old key */
        {BUYER, made.rekeyed, OUTCOME_OK},        /* everyone's changes of keys are public */
        {BUYER, made.rekeyed - 1, OUTCOME_NO_SUCH_RECORD}, /* but not the statement */
        {ISSUER, made.rekeyed + 2, OUTCOME_OK},   /* the announcement, stated by an operator */
        {BUYER, made.rekeyed + 2, OUTCOME_OK},
        {BUYER, made.rekeyed + 1, OUTCOME_NO_SUCH_RECORD},
        {VENDOR, made.rekeyed - 1, OUTCOME_NO_SUCH_RECORD},
        {VENDOR, made.rekeyed - 2, OUTCOME_OK},   /* the claim against it, stated by the buyer */
        {ARBITER, made.rekeyed - 2, OUTCOME_OK},
        {ISSUER, made.rekeyed - 2, OUTCOME_NO_SUCH_RECORD},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct body_q_index index = {.index = cases[i].index};
        ask_code(cases[i].who, "proof", &index, cases[i].outcome);
    }
    source.tiles = NULL;
    tiles_close(&tiles);
}

/* Last: it moves time on. */
static void test_overdue_claim(void **state)
{
    (void)state;
    struct body_tick tick = {0};
    struct body_q_claims overdue = {.overdue = 1}, mine = {0};
    w.now_ms += parameter_defaults[PARAM_CLAIM_MS];
    state_it(&w, BROKER, KIND_TICK, &tick);
    const struct body_r_claims *r = ask(ARBITER, "claims", &overdue);
    const struct body_claim_row *row = r->claims.items;
    assert_int_equal(r->claims.n, 1);
    assert_true(row->overdue);
    assert_int_equal(row->due, 0);
    assert_int_equal(((const struct body_r_claims *)ask(ARBITER, "claims", &mine))->claims.n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_party),
        cmocka_unit_test(test_replaced_keys_open_nothing),
        cmocka_unit_test(test_parties),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_proofs_of_new_events),
        cmocka_unit_test(test_cards),
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_overdue_claim),
    };
    return cmocka_run_group_tests_name("server_query_people", tests, build, tear_down);
}
