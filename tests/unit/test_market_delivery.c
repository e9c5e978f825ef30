/*
 * Disputes, samples, detail parts and what the market keeps: events that contradict the state are refused, and the audit
 * finds rows that do not add up.
 */
#include "tests/unit/market_fixture.h"

/* t1 disputed, t2 granted after a failed dispute, t3 granted, t4 matched; a listing with a detail part, one that is sampling. */
#define DELIVERY_MARKET \
    SMALL_MARKET \
    "at 09:20 acme lists deep \"With a detail part\" detail 1000\nat 09:20 acme lists show \"Shown\" bytes 3932160 samples 2\n" \
    "at 09:21 broker stores deep\nat 09:21 broker stores show\nat 09:22 acme discloses deep to birch\n" \
    "at 09:23 rev approves show\nat 09:24 acme asks unlimited @ 10.00 on air\n" \
    "at 09:25 birch bids 1 @ 10.00 on air\nexpect trade 1 @ 10.00 as t1\n" \
    "at 09:25 birch bids 1 @ 10.00 on air\nexpect trade 1 @ 10.00 as t2\n" \
    "at 09:25 birch bids 1 @ 10.00 on air\nexpect trade 1 @ 10.00 as t3\n" \
    "at 09:25 cedar bids 1 @ 10.00 on air\nexpect trade 1 @ 10.00 as t4\n" \
    "at 09:26 acme grants t1\nat 09:26 acme grants t2\nat 09:26 acme grants t3\n" \
    "at 09:27 birch disputes t1\nat 09:27 birch disputes t2\nat 09:28 broker finds not_proven on t2\n"

static uint64_t number_of(struct world *w, const char *who)
{
    struct row_party party;
    uint64_t number;
    assert_int_equal(party_by_key(world_view(w), identity_party(world_person(w, who)->id), &number, &party), TIDE_OK);
    return number;
}

/* ---- the audit ---- */

static void audit_finds(struct world *w, const char *what)
{
    char why[200];
    assert_int_equal(market_audit(world_view(w), why, sizeof why), TIDE_EDAMAGED);
    if (!strstr(why, what)) fail_msg("the audit says \"%s\"", why);
    state_abort(w->state);
    assert_int_equal(market_audit(world_view(w), why, sizeof why), TIDE_OK);
}

static void put_numbered(struct world *w, enum table table, uint64_t number, const void *row)
{
    uint8_t key[8];
    key_u64(key, number);
    assert_int_equal(state_put(world_view(w), table, key, row), TIDE_OK);
}

static void drop_numbered(struct world *w, enum table table, uint64_t number)
{
    uint8_t key[8];
    key_u64(key, number);
    assert_int_equal(state_del(world_view(w), table, key), TIDE_OK);
}

/* Each change of one row is found; the row is as it was afterwards. */
#define BENT(w, TABLE, getter, number, row_type, change, what) \
    do { \
        struct row_type row; \
        assert_int_equal(getter(world_view(w), number, &row), TIDE_OK); \
        change; \
        put_numbered(w, TABLE, number, &row); \
        audit_finds(w, what); \
    } while (0)

static void check_audit_of_disputes(struct world *w)
{
    uint64_t t1 = symbol_get(w, 't', "t1"), t3 = symbol_get(w, 't', "t3");
    assert_int_equal(state_commit(w->state), TIDE_OK);
    drop_numbered(w, TABLE_DISPUTE, t1);
    audit_finds(w, "waits for a verdict");
    put_numbered(w, TABLE_DISPUTE, t3, &(struct row_none){0});
    audit_finds(w, "table dispute has 2 rows, not 1");
    BENT(w, TABLE_TRADE, trade_get, t1, row_trade, row.left_ms = 0, "waits for a verdict");
    BENT(w, TABLE_TRADE, trade_get, t1, row_trade, row.due = 1, "waits for a verdict");
    BENT(w, TABLE_TRADE, trade_get, t1, row_trade, row.dispute_record = 0, "waits for a verdict");
    BENT(w, TABLE_TRADE, trade_get, t1, row_trade, row.verdict_record = 1, "waits for a verdict");
    BENT(w, TABLE_TRADE, trade_get, t1, row_trade, row.state = TRADE_GRANTED, "table deadline");
    BENT(w, TABLE_TRADE, trade_get, t3, row_trade, row.state = TRADE_DISPUTED, "waits for a verdict");
}

static void check_audit_of_listings(struct world *w)
{
    uint64_t air = symbol_get(w, 'l', "air"), deep = symbol_get(w, 'l', "deep"), acme = number_of(w, "acme");
    struct row_listing listing;
    struct row_ref ref = {air};
    uint8_t key[16];
    assert_int_equal(state_commit(w->state), TIDE_OK);
    BENT(w, TABLE_LISTING, listing_get, air, row_listing, row.n_open_trades++, "open trades");
    BENT(w, TABLE_LISTING, listing_get, air, row_listing, row.stored_bytes++, "bytes are kept");
    BENT(w, TABLE_LISTING, listing_get, air, row_listing, row.elsewhere = 1, "bytes are kept");
    BENT(w, TABLE_LISTING, listing_get, deep, row_listing, row.detail_len = 70000, "bytes are kept");
    BENT(w, TABLE_LISTING, listing_get, deep, row_listing, row.detail_commitment[0] ^= 1, "key commitment");
    BENT(w, TABLE_PARTY, party_by_number, acme, row_party, row.stored_bytes--, "bytes are kept");
    BENT(w, TABLE_PARTY, party_by_number, acme, row_party, row.n_listings--, "listings");

    assert_int_equal(listing_get(world_view(w), deep, &listing), TIDE_OK);
    assert_int_equal(state_put(world_view(w), TABLE_CONTENT, listing.detail_commitment, &ref), TIDE_OK);
    audit_finds(w, "does not lead to it");
    assert_int_equal(state_del(world_view(w), TABLE_CONTENT, listing.key_commitment), TIDE_OK);
    audit_finds(w, "does not lead to it");
    listing.key_commitment[0] ^= 1;
    assert_int_equal(state_put(world_view(w), TABLE_CONTENT, listing.key_commitment, &ref), TIDE_OK);
    audit_finds(w, "table content");
    key_u64_u64(key, air, acme);
    assert_int_equal(state_put(world_view(w), TABLE_DISCLOSED, key, &ref), TIDE_OK);
    audit_finds(w, "no detail part");
}

static void test_the_audit_of_disputes(void **state)
{
    (void)state;
    with_world(DELIVERY_MARKET, check_audit_of_disputes);
}

static void test_the_audit_of_listings(void **state)
{
    (void)state;
    with_world(DELIVERY_MARKET, check_audit_of_listings);
}

/* ---- events that contradict the state ---- */

/* Applies one event to the state as it is, then takes it back. */
static enum tide_err try_event(struct world *w, uint64_t kind, const void *body)
{
    assert_int_equal(state_commit(w->state), TIDE_OK);
    enum tide_err err = market_apply_event(world_view(w), w->n_records, w->now_ms, w->n_records - 2, kind, body);
    state_abort(w->state);
    return err;
}

static void check_bent_disputes(struct world *w)
{
    uint64_t t1 = symbol_get(w, 't', "t1"), t2 = symbol_get(w, 't', "t2"), t3 = symbol_get(w, 't', "t3");
    uint64_t t4 = symbol_get(w, 't', "t4");
    struct row_trade row;
    assert_int_equal(trade_get(world_view(w), t1, &row), TIDE_OK);
    struct body_disputed disputed = {t3};
    struct body_dispute_failed failed = {t1, w->now_ms + row.left_ms, FINDING_NOT_PROVEN};
    struct body_refunded refunded = {.trade = t1, .basis = BASIS_VERDICT, .text = BYTES_TEXT("text"), .finding = FINDING_WRONG_KEY};

    assert_int_equal(try_event(w, KIND_DISPUTED, &disputed), TIDE_OK);
    disputed.trade = t1; /* it is */
    assert_int_equal(try_event(w, KIND_DISPUTED, &disputed), TIDE_EDAMAGED);
    disputed.trade = t2; /* it was */
    assert_int_equal(try_event(w, KIND_DISPUTED, &disputed), TIDE_EDAMAGED);
    disputed.trade = t4; /* not granted */
    assert_int_equal(try_event(w, KIND_DISPUTED, &disputed), TIDE_EDAMAGED);
    disputed.trade = 1; /* none */
    assert_int_equal(try_event(w, KIND_DISPUTED, &disputed), TIDE_EDAMAGED);

    assert_int_equal(try_event(w, KIND_DISPUTE_FAILED, &failed), TIDE_OK);
    failed.accept_due++;
    assert_int_equal(try_event(w, KIND_DISPUTE_FAILED, &failed), TIDE_EDAMAGED);
    failed.accept_due -= 2;
    assert_int_equal(try_event(w, KIND_DISPUTE_FAILED, &failed), TIDE_EDAMAGED);
    failed.accept_due++;
    failed.finding = FINDING_WRONG_KEY;
    assert_int_equal(try_event(w, KIND_DISPUTE_FAILED, &failed), TIDE_EDAMAGED);
    failed.finding = FINDING_NOT_PROVEN;
    failed.trade = t3; /* not disputed */
    assert_int_equal(try_event(w, KIND_DISPUTE_FAILED, &failed), TIDE_EDAMAGED);

    assert_int_equal(try_event(w, KIND_REFUNDED, &refunded), TIDE_OK);
    refunded.finding = FINDING_NOT_PROVEN;
    assert_int_equal(try_event(w, KIND_REFUNDED, &refunded), TIDE_EDAMAGED);
    refunded.finding = FINDING_WRONG_KEY;
    refunded.basis = BASIS_DEADLINE;
    assert_int_equal(try_event(w, KIND_REFUNDED, &refunded), TIDE_EDAMAGED);
    refunded.basis = BASIS_VERDICT;
    refunded.trade = t3; /* not disputed */
    assert_int_equal(try_event(w, KIND_REFUNDED, &refunded), TIDE_EDAMAGED);
}

/* A deadline that has passed leaves nothing to stop: the tick would have come first. */
static void check_late_dispute(struct world *w)
{
    const struct body_disputed disputed = {symbol_get(w, 't', "t3")};
    w->now_ms += UINT64_C(24) * 3600 * 1000 - 2 * 60 * 1000 - 1;
    assert_int_equal(try_event(w, KIND_DISPUTED, &disputed), TIDE_OK);
    w->now_ms++;
    assert_int_equal(try_event(w, KIND_DISPUTED, &disputed), TIDE_EDAMAGED);
}

static void check_bent_listings(struct world *w)
{
    uint64_t air = symbol_get(w, 'l', "air"), deep = symbol_get(w, 'l', "deep"), show = symbol_get(w, 'l', "show");
    struct body_disclosed disclosed = {.listing = deep};
    struct body_sampled sampled = {show};
    const struct body_listing_moved opened = {show, LISTING_SAMPLING, LISTING_OPEN};
    const struct body_listing_moved stays = {show, LISTING_SAMPLING, LISTING_SAMPLING};
    memcpy(disclosed.party, identity_party(world_person(w, "cedar")->id), 32);
    assert_int_equal(try_event(w, KIND_DISCLOSED, &disclosed), TIDE_OK);
    disclosed.listing = air; /* has none */
    assert_int_equal(try_event(w, KIND_DISCLOSED, &disclosed), TIDE_EDAMAGED);
    disclosed.listing = 1;
    assert_int_equal(try_event(w, KIND_DISCLOSED, &disclosed), TIDE_EDAMAGED);
    disclosed.listing = deep;
    disclosed.party[0] ^= 1; /* nobody */
    assert_int_equal(try_event(w, KIND_DISCLOSED, &disclosed), TIDE_EDAMAGED);
    memset(disclosed.party, 0, 32); /* the market */
    assert_int_equal(try_event(w, KIND_DISCLOSED, &disclosed), TIDE_EDAMAGED);

    assert_int_equal(try_event(w, KIND_LISTING_MOVED, &opened), TIDE_EDAMAGED); /* nothing is signed */
    assert_int_equal(try_event(w, KIND_LISTING_MOVED, &stays), TIDE_EDAMAGED);
    assert_int_equal(try_event(w, KIND_SAMPLED, &sampled), TIDE_OK);
    sampled.listing = air; /* open */
    assert_int_equal(try_event(w, KIND_SAMPLED, &sampled), TIDE_EDAMAGED);
    sampled.listing = 1;
    assert_int_equal(try_event(w, KIND_SAMPLED, &sampled), TIDE_EDAMAGED);
    script_text(w, "at 10:00 acme shows show\n");
    assert_int_equal(try_event(w, KIND_LISTING_MOVED, &opened), TIDE_OK);
    script_text(w, "at 10:01 acme closes deep\n");
    disclosed.listing = deep; /* closed */
    memcpy(disclosed.party, identity_party(world_person(w, "cedar")->id), 32);
    assert_int_equal(try_event(w, KIND_DISCLOSED, &disclosed), TIDE_EDAMAGED);
}

static void test_disputes_move_only_what_is_disputed(void **state)
{
    (void)state;
    with_world(DELIVERY_MARKET, check_bent_disputes);
    with_world(DELIVERY_MARKET, check_late_dispute);
}

static void test_samples_and_details_fit_their_listing(void **state)
{
    (void)state;
    with_world(DELIVERY_MARKET, check_bent_listings);
}

/* ---- deciding again ---- */

/* A verdict is not what the journal had: the journal is refused at its record. */
static void check_verify(struct world *w)
{
    struct journal *journal;
    struct verify_result result;
    const struct body_verdict verdict = {.trade = symbol_get(w, 't', "t1"), .finding = FINDING_BAD_CIPHERTEXT, .chunk = 1};
    uint64_t index = w->n_records;
    world_say(w, "broker", KIND_VERDICT, &verdict, NULL);
    assert_int_equal(w->last.outcome, OUTCOME_OK);
    struct bytes event = w->records[index + 1];
    struct record r;
    struct event e;
    assert_int_equal(record_decode(event, &w->arena, &r), TIDE_OK);
    assert_int_equal(event_decode(r.payload, &w->arena, &e), TIDE_OK);
    struct body_refunded bent = *(const struct body_refunded *)e.body;
    assert_int_equal(bent.finding, FINDING_BAD_CIPHERTEXT);
    bent.finding = FINDING_WRONG_KEY;
    e.body = &bent;
    assert_int_equal(event_encode(&e, &w->arena, &r.payload), TIDE_OK);
    assert_int_equal(record_encode(&r, &w->arena, &w->records[index + 1]), TIDE_OK);
    assert_int_equal(journal_open(w->dir, JOURNAL_CREATE, &journal), TIDE_OK);
    assert_int_equal(journal_append(journal, w->records, w->n_records), TIDE_OK);
    assert_int_equal(verify_journal(journal, w->dir, true, NULL, NULL, &result), TIDE_EDAMAGED);
    assert_int_equal(result.bad_index, index + 1);
    journal_close(&journal);
}

static void test_another_finding_is_another_event(void **state)
{
    (void)state;
    with_world(DELIVERY_MARKET, check_verify);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_audit_of_disputes),
        cmocka_unit_test(test_the_audit_of_listings),
        cmocka_unit_test(test_disputes_move_only_what_is_disputed),
        cmocka_unit_test(test_samples_and_details_fit_their_listing),
        cmocka_unit_test(test_another_finding_is_another_event),
    };
    return cmocka_run_group_tests(tests, setup_crypto, NULL);
}
