/*
 * Vouchers, claims, withdrawals and what is locked: events that contradict the state are refused, and the audit finds
 * rows that do not add up.
 */
#include "tests/unit/market_fixture.h"

/* A programme, a claim, a held withdrawal, and money that is locked. */
#define MONEY_MARKET \
    SMALL_MARKET "party fund issuer\nparty judge arbiter\nparty other arbiter\n" \
    "at 09:20 till deposits 500.00 to fund reference R3\n" \
    "at 09:21 fund funds v1 100.00 share 5000 top 50.00 cap 60.00 until day 9 10:00\n" \
    "at 09:22 fund gives 60.00 of v1 to birch\nat 09:23 acme asks unlimited @ 10.00 on air\n" \
    "at 09:24 birch bids 1 @ 10.00 on air voucher v1\nexpect trade 1 @ 10.00 as t1\n" \
    "at 09:25 acme grants t1\nat 09:26 birch accepts t1\n" \
    "at 09:27 cedar bids 1 @ 10.00 on air\nexpect trade 1 @ 10.00 as t2\n" \
    "at 09:28 acme grants t2\nat 09:29 cedar claims t2\n" \
    "at 09:30 birch bids 1 @ 10.00 on air voucher v1\nexpect trade 1 @ 10.00 as t3\n" \
    "at 09:31 birch withdraws 10.00 as w1\nat 09:32 cedar withdraws 10.00 as w2\nat 09:33 till pays w2 reference P1\n"

static uint64_t number_of(struct world *w, const char *who)
{
    struct row_party party;
    uint64_t number;
    assert_int_equal(party_by_key(world_view(w), identity_party(world_person(w, who)->id), &number, &party), TIDE_OK);
    return number;
}

static void key_of(struct world *w, const char *who, uint8_t key[32])
{
    memcpy(key, identity_party(world_person(w, who)->id), 32);
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

enum balance_part { AVAILABLE, HELD, ESCROW, LOCKED, ISSUED, PARTS };

/* Moves `n` minor units from one part of an account to another, or out of the blue. */
static void shift(struct world *w, uint64_t party, uint64_t asset, enum balance_part from, enum balance_part to, uint64_t n)
{
    struct row_account row;
    uint8_t key[16];
    assert_int_equal(account_get(world_view(w), party, asset, &row), TIDE_OK);
    uint64_t *parts[] = {&row.available, &row.held, &row.escrow, &row.locked, (uint64_t *)&row.issued};
    if (from < PARTS) *parts[from] -= n;
    if (to < PARTS) *parts[to] += n;
    key_u64_u64(key, party, asset);
    assert_int_equal(state_put(world_view(w), TABLE_ACCOUNT, key, &row), TIDE_OK);
}

static void drop(struct world *w, enum table table, uint64_t party, uint8_t flag, uint64_t number)
{
    uint8_t key[17];
    key_u64_u8_u64(key, party, flag, number);
    assert_int_equal(state_del(world_view(w), table, key), TIDE_OK);
}

static void check_audit(struct world *w)
{
    uint64_t birch = number_of(w, "birch"), fund = number_of(w, "fund"), acme = number_of(w, "acme");
    uint64_t v1 = symbol_get(w, 'v', "v1"), t1 = symbol_get(w, 't', "t1"), t2 = symbol_get(w, 't', "t2");
    uint64_t t3 = symbol_get(w, 't', "t3"), w1 = symbol_get(w, 'w', "w1");
    struct row_trade trade;
    uint8_t key[24];
    assert_int_equal(state_commit(w->state), TIDE_OK);

    shift(w, birch, v1, AVAILABLE, HELD, 1);
    audit_finds(w, "by its bids");
    shift(w, birch, v1, ESCROW, AVAILABLE, 1);
    audit_finds(w, "by its trades and programmes");
    shift(w, fund, 0, ESCROW, AVAILABLE, 1);
    audit_finds(w, "by its trades and programmes");
    shift(w, birch, 0, HELD, AVAILABLE, 1000);
    audit_finds(w, "by its bids, withdrawals");
    shift(w, acme, 0, PARTS, LOCKED, 1);
    audit_finds(w, "locked");
    shift(w, MARKET_PARTY, v1, PARTS, ISSUED, 1);
    audit_finds(w, "sum to 1");
    shift(w, birch, v1 + 1, PARTS, AVAILABLE, 1);
    audit_finds(w, "which nobody issued");
    shift(w, birch, v1, PARTS, LOCKED, 1);
    audit_finds(w, "cannot be on");
    key_u64_u64(key, v1, birch);
    assert_int_equal(state_del(world_view(w), TABLE_VOUCHER, key), TIDE_OK);
    audit_finds(w, "was not given of it");

    drop(w, TABLE_WITHDRAWAL_OF, MARKET_PARTY, 0, w1);
    audit_finds(w, "not in the lists of its parties");
    drop(w, TABLE_WITHDRAWAL_OF, birch, 0, w1);
    audit_finds(w, "withdrawals");
    drop(w, TABLE_CLAIM_OF, MARKET_PARTY, 0, t2);
    audit_finds(w, "table claim_of");
    drop(w, TABLE_TRADE_OF, acme, 0, t3);
    audit_finds(w, "not in the lists of its parties");

    assert_int_equal(trade_get(world_view(w), t3, &trade), TIDE_OK);
    key_u8_u64_u64(key, DEADLINE_GRANT, trade.due_key, t3);
    assert_int_equal(state_del(world_view(w), TABLE_DEADLINE, key), TIDE_OK);
    audit_finds(w, "table deadline");
    key_u8_u64_u64(key, DEADLINE_GRANT, trade.due_key + 1, t3);
    assert_int_equal(state_put(world_view(w), TABLE_DEADLINE, key, &(struct row_none){0}), TIDE_OK);
    audit_finds(w, "does not wait");
    key_u8_u64_u64(key, DEADLINE_UNLOCK, trade.due_key, t1);
    assert_int_equal(state_put(world_view(w), TABLE_DEADLINE, key, &(struct row_none){0}), TIDE_OK);
    audit_finds(w, "does not wait");
    key_u64_u64(key, trade.listing, t3);
    assert_int_equal(state_put(world_view(w), TABLE_PARKED, key, &(struct row_none){0}), TIDE_OK);
    audit_finds(w, "end of a halt");
}

static void test_the_audit(void **state)
{
    (void)state;
    with_world(MONEY_MARKET, check_audit);
}

/* ---- events that contradict the state ---- */

#define REFUSES(member, ...) \
    do { \
        struct fold f; \
        const struct body_##member e = __VA_ARGS__; \
        fold_init(&f, world_view(w)); \
        f.index = w->n_records; \
        f.time_ms = w->now_ms; \
        assert_int_equal(apply_##member(&f, &e), TIDE_EDAMAGED); \
        state_abort(w->state); \
    } while (0)

static void check_contradictions(struct world *w)
{
    uint64_t v1 = symbol_get(w, 'v', "v1"), t1 = symbol_get(w, 't', "t1"), t2 = symbol_get(w, 't', "t2");
    uint64_t t3 = symbol_get(w, 't', "t3"), w1 = symbol_get(w, 'w', "w1"), w2 = symbol_get(w, 'w', "w2");
    uint8_t acme[32], birch[32], other[32], till[32];
    struct body_given given = {.programme = v1, .amount = 1};
    key_of(w, "acme", acme);
    key_of(w, "birch", birch);
    key_of(w, "other", other);
    key_of(w, "till", till);
    assert_int_equal(state_commit(w->state), TIDE_OK);

    struct body_paid_out paid = {.withdrawal = w2, .reference = BYTES_TEXT("X")};
    memcpy(paid.bank, till, 32);
    REFUSES(paid_out, paid); /* done already */
    paid.withdrawal = w1 + 1;
    REFUSES(paid_out, paid);

    memcpy(given.party, birch, 32);
    REFUSES(given, given); /* over the cap */
    given.programme = v1 + 1;
    REFUSES(given, given);
    REFUSES(programme_closed, {.programme = v1}); /* before its end */
    REFUSES(programme_closed, {.programme = v1 + 1});
    struct body_voucher_returned returned = {.programme = v1};
    memcpy(returned.party, birch, 32);
    REFUSES(voucher_returned, returned); /* not ended */

    struct body_unlocked unlocked = {.trade = t1, .amount = 499};
    memcpy(unlocked.party, acme, 32);
    REFUSES(unlocked, unlocked); /* 5.00 are locked */
    unlocked.amount = 500;
    memcpy(unlocked.party, birch, 32);
    REFUSES(unlocked, unlocked);

    struct body_claimed claimed = {.trade = t3, .due = w->now_ms + 1};
    memcpy(claimed.arbiter, other, 32);
    REFUSES(claimed, claimed); /* not granted */
    claimed.trade = t2;
    REFUSES(claimed, claimed); /* claimed already */
    struct body_overdue overdue = {.trade = t2};
    memcpy(overdue.arbiter, other, 32);
    REFUSES(overdue, overdue); /* it is another's claim */
    overdue.trade = t3;
    REFUSES(overdue, overdue);
    struct body_arbiter_named named = {.trade = t3, .due = w->now_ms + 1};
    memcpy(named.arbiter, other, 32);
    REFUSES(arbiter_named, named);

    REFUSES(settled, {.trade = t2, .basis = BASIS_ACCEPTED}); /* claimed: only a ruling ends it */
    REFUSES(refunded, {.trade = t2, .basis = BASIS_DEADLINE});
    REFUSES(settled, {.trade = t2, .basis = BASIS_RULING, .locked = 1, .locked_until = w->now_ms + 1}); /* no voucher */
    REFUSES(settled, {.trade = t1, .basis = BASIS_RULING}); /* final */
}

static void test_contradictions(void **state)
{
    (void)state;
    with_world(MONEY_MARKET, check_contradictions);
}

/* Every kind whose body has a list of postings is found by it, and no other. */
static void test_postings_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_all_schemas; i++) {
        static const char body[4096];
        const struct field *field = fields_find(all_schemas[i], "postings");
        const char *found = (const char *)event_postings(all_schemas[i]->kind, body);
        if (field) assert_ptr_equal(found, body + field->offset);
        else assert_null(found);
    }
    assert_null(event_postings(999, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_audit),
        cmocka_unit_test(test_contradictions),
        cmocka_unit_test(test_postings_are_found),
    };
    return cmocka_run_group_tests(tests, setup_crypto, NULL);
}
