/*
 * Questions about money: balances, statements of account, voucher programmes, withdrawals; and who may not ask them.
 */
#include "tests/unit/test_query.h"

#define ONE_HOUR UINT64_C(3600000)

static struct { uint64_t air, trade, programme, paid, waiting, between_ms; } made;

static uint64_t bid_with_voucher(uint64_t listing, uint64_t price, uint64_t programme)
{
    struct body_order order = {.listing = listing, .side = SIDE_BID, .price = price, .quantity = 1,
                               .purpose = BYTES_TEXT("research"), .voucher = programme};
    uint8_t command_id[16] = {9}, secret[32];
    identity_bid_key(w.ids[BUYER], command_id, 0, secret, order.recipient);
    sha256(BYTES_TEXT("Use it well."), order.terms_hash);
    return state_it(&w, BUYER, KIND_ORDER, &order) + 1;
}

static uint64_t withdraw(enum who who, uint64_t amount, const char *destination)
{
    struct body_withdraw body = {.amount = amount, .destination = BYTES_TEXT(destination)};
    return state_it(&w, who, KIND_WITHDRAW, &body) + 1;
}

static int build(void **state)
{
    uint8_t grant_bytes[AGE_GRANT_BYTES];

    if (make_test_dir(state) != 0) return -1;
    query_world_open();
    admit(&w, ISSUER, "City fund", ROLE_ISSUER, "");
    admit(&w, OTHER, "Other buyer", ROLE_BUYER, "");
    made.air = publish(&w, "Air", "", "", NULL);
    open_listing(&w, made.air);
    deposit(&w, BUYER, 1000000, "ref-1");
    deposit(&w, ISSUER, 500000, "ref-2");
    struct body_programme programme = {
        .name = BYTES_TEXT("Data vouchers"), .kinds = 1 << LISTING_DATASET, .share_bp = 5000, .top_price = 8000,
        .cap_party = 20000, .fund = 100000, .ends_at = w.now_ms + ONE_HOUR,
    };
    made.programme = state_it(&w, ISSUER, KIND_PROGRAMME, &programme) + 1;
    struct body_give give = {.programme = made.programme, .amount = 20000};
    memcpy(give.party, identity_party(w.ids[BUYER]), 32);
    state_it(&w, ISSUER, KIND_GIVE, &give);
    made.between_ms = w.now_ms + 1;
    ask_order(&w, made.air, 10000, 0);
    made.trade = bid_with_voucher(made.air, 10000, made.programme) + 1;
    grant(&w, made.trade, grant_bytes);
    accept_trade(&w, made.trade);
    made.paid = withdraw(BUYER, 1000, "account 1");
    struct body_payout payout = {.withdrawal = made.paid, .result = PAYOUT_PAID, .reference = BYTES_TEXT("out-1")};
    state_it(&w, BANK, KIND_PAYOUT, &payout);
    made.waiting = withdraw(VENDOR, 2000, "account 2");
    return 0;
}

static int tear_down(void **state)
{
    query_world_close();
    return remove_test_dir(state);
}

/* ---- balances ---- */

static void test_balances(void **state)
{
    (void)state;
    const struct body_q_none none = {};
    const struct body_r_balances *r = ask(BUYER, "balances", &none);
    const struct body_balance *rows = r->balances.items;
    assert_int_equal(r->balances.n, 2);
    assert_text(rows[0].name, "CNY");
    assert_int_equal(rows[0].available, 1000000 - 6000 - 1000);
    assert_int_equal(rows[1].asset, made.programme);
    assert_text(rows[1].name, "Data vouchers");
    assert_int_equal(rows[1].available, 16000);
    rows = ((const struct body_r_balances *)ask(VENDOR, "balances", &none))->balances.items;
    assert_int_equal(rows[0].available, 9900 - 2000);
    assert_int_equal(rows[0].held, 2000);
    assert_int_equal(rows[0].locked, 4000);
    r = ask(BANK, "balances", &none);
    assert_int_equal(r->balances.n, 1);
    assert_text(((const struct body_balance *)r->balances.items)->name, "CNY");
    refused(STRANGER, "balances", &none, OUTCOME_UNKNOWN_PARTY);
}

/* ---- statements of account ---- */

struct expected { const char *what; uint64_t subject; int64_t amount; };

static void check_account(enum who who, const struct body_q_account *ask_for, uint64_t opening,
                          const struct expected *entries, size_t n)
{
    const struct body_r_account *r = ask(who, "account", ask_for);
    const struct body_entry_row *rows = r->entries.items;
    uint64_t balance = opening, last = 0;

    assert_int_equal(r->opening, opening);
    assert_int_equal(r->entries.n, n);
    for (size_t i = 0; i < n; i++) {
        assert_text(rows[i].what, entries[i].what);
        assert_int_equal(rows[i].subject, entries[i].subject);
        assert_int_equal(rows[i].amount, entries[i].amount);
        balance += (uint64_t)entries[i].amount;
        assert_int_equal(rows[i].balance, balance);
        assert_true(rows[i].index > last && rows[i].time_ms <= w.now_ms);
        last = rows[i].index;
    }
    assert_int_equal(r->closing, balance);
    assert_int_equal(r->after, 0);
}

static void test_account(void **state)
{
    (void)state;
    const struct body_q_account own = {0}, vouchers = {.asset = made.programme}, fees = {.market = 1};
    struct body_q_account of_buyer = {0};
    memcpy(of_buyer.party, identity_party(w.ids[BUYER]), 32);
    const struct expected buyer[] = {{"deposited", 0, 1000000}, {"settled", made.trade, -6000},
                                     {"paid_out", made.paid, -1000}};
    const struct expected buyer_vouchers[] = {{"given", made.programme, 20000}, {"settled", made.trade, -4000}};
    const struct expected issuer[] = {{"deposited", 0, 500000}, {"settled", made.trade, -4000}};
    const struct expected issuer_vouchers[] = {{"programme_opened", made.programme, 100000},
                                               {"given", made.programme, -20000}};
    const struct expected vendor[] = {{"settled", made.trade, 9900}}, market[] = {{"settled", made.trade, 100}};

    check_account(BUYER, &own, 0, buyer, 3);
    check_account(BUYER, &of_buyer, 0, buyer, 3);
    check_account(OPERATOR, &of_buyer, 0, buyer, 3);
    check_account(REGULATOR, &of_buyer, 0, buyer, 3);
    check_account(BUYER, &vouchers, 0, buyer_vouchers, 2);
    check_account(ISSUER, &own, 0, issuer, 2);
    check_account(ISSUER, &vouchers, 0, issuer_vouchers, 2);
    check_account(VENDOR, &own, 0, vendor, 1);
    check_account(OPERATOR, &fees, 0, market, 1);
    check_account(REGULATOR, &fees, 0, market, 1);
    check_account(OTHER, &own, 0, NULL, 0);
}

static void test_account_is_private(void **state)
{
    (void)state;
    const struct body_q_account own = {0}, fees = {.market = 1}, nobody = {.party = {9}};
    struct body_q_account of_buyer = {0}, of_broker = {0};
    memcpy(of_buyer.party, identity_party(w.ids[BUYER]), 32);
    memcpy(of_broker.party, identity_party(w.ids[BROKER]), 32);
    refused(STRANGER, "account", &own, OUTCOME_UNKNOWN_PARTY);
    refused(VENDOR, "account", &of_buyer, OUTCOME_NOT_YOURS);
    refused(BANK, "account", &of_buyer, OUTCOME_NOT_YOURS);
    refused(VENDOR, "account", &nobody, OUTCOME_NOT_YOURS);
    refused(OPERATOR, "account", &nobody, OUTCOME_NO_SUCH_PARTY);
    refused(OPERATOR, "account", &of_broker, OUTCOME_NO_SUCH_PARTY); /* the market's is asked for by `market` */
    refused(BUYER, "account", &fees, OUTCOME_NOT_YOUR_ROLE);
}

static void test_account_by_period_and_page(void **state)
{
    (void)state;
    const struct expected entries[] = {{"deposited", 0, 1000000}, {"settled", made.trade, -6000},
                                       {"paid_out", made.paid, -1000}};
    struct body_q_account page = {.limit = 1}, late = {.from = made.between_ms}, early = {.to = made.between_ms};
    struct body_q_account never = {.from = w.now_ms + 1}, none = {.to = 1};
    uint64_t opening = 0;

    check_account(BUYER, &late, 1000000, entries + 1, 2);
    check_account(BUYER, &early, 0, entries, 1);
    check_account(BUYER, &never, 993000, NULL, 0);
    check_account(BUYER, &none, 0, NULL, 0);
    for (size_t i = 0; i < 3; i++) {
        const struct body_r_account *r = ask(BUYER, "account", &page);
        const struct body_entry_row *row = r->entries.items;
        assert_int_equal(r->entries.n, 1);
        assert_int_equal(r->opening, opening);
        assert_int_equal(row->amount, entries[i].amount);
        assert_int_equal(r->closing, row->balance);
        assert_int_equal(r->after, i < 2 ? row->index : 0);
        opening = r->closing;
        page.after = row->index;
    }
    check_account(BUYER, &page, 993000, NULL, 0);
}

/* ---- programmes ---- */

static const struct body_programme_row *programmes(enum who who, bool mine, bool open_only, size_t n)
{
    struct body_q_programmes ask_for = {.mine = mine, .open_only = open_only};
    const struct body_r_programmes *r = ask(who, "programmes", &ask_for);
    assert_int_equal(r->programmes.n, n);
    assert_int_equal(r->before, 0);
    return r->programmes.items;
}

static void test_programmes(void **state)
{
    (void)state;
    struct body_q_programmes mine = {.mine = 1};
    const struct body_programme_row *row = programmes(STRANGER, false, true, 1);
    assert_int_equal(row->programme, made.programme);
    assert_text(row->name, "Data vouchers");
    assert_text(row->issuer_name, "City fund");
    assert_int_equal(row->state, PROGRAMME_OPEN);
    assert_int_equal(row->fund, 100000);
    assert_int_equal(row->left, 80000);
    assert_int_equal(row->given + row->available + row->held + row->escrow, 0);
    row = programmes(BUYER, true, false, 1);
    assert_int_equal(row->given, 20000);
    assert_int_equal(row->available, 16000);
    assert_int_equal(row->left, 80000);
    row = programmes(ISSUER, true, false, 1);
    assert_int_equal(row->left, 80000);
    programmes(VENDOR, true, false, 0);
    refused(STRANGER, "programmes", &mine, OUTCOME_UNKNOWN_PARTY);
}

/* ---- withdrawals ---- */

static const struct body_withdrawal_row *withdrawals(enum who who, bool all, bool open_only, size_t n)
{
    struct body_q_withdrawals ask_for = {.all = all, .open_only = open_only};
    const struct body_r_withdrawals *r = ask(who, "withdrawals", &ask_for);
    assert_int_equal(r->withdrawals.n, n);
    return r->withdrawals.items;
}

static void test_withdrawals(void **state)
{
    (void)state;
    struct body_q_withdrawals all = {.all = 1}, page = {.all = 1, .limit = 1};
    const struct body_withdrawal_row *row = withdrawals(BUYER, false, false, 1);
    assert_int_equal(row->withdrawal, made.paid);
    assert_int_equal(row->state, WITHDRAWAL_PAID);
    assert_int_equal(row->amount, 1000);
    assert_text(row->destination, "account 1");
    assert_true(row->done_record > made.paid);
    withdrawals(BUYER, false, true, 0);
    row = withdrawals(BANK, true, true, 1);
    assert_int_equal(row->withdrawal, made.waiting);
    assert_text(row->name, "Vendor \xe6\xb5\xb7");
    assert_int_equal(row->state, WITHDRAWAL_HELD);
    assert_int_equal(row->done_record, 0);
    withdrawals(OPERATOR, true, false, 2);
    withdrawals(REGULATOR, true, false, 2);
    withdrawals(BANK, false, false, 0);
    refused(BUYER, "withdrawals", &all, OUTCOME_NOT_YOUR_ROLE);
    refused(STRANGER, "withdrawals", &all, OUTCOME_UNKNOWN_PARTY);
    const struct body_r_withdrawals *r = ask(BANK, "withdrawals", &page);
    assert_int_equal(r->before, made.waiting);
    page.before = r->before;
    r = ask(BANK, "withdrawals", &page);
    assert_int_equal(((const struct body_withdrawal_row *)r->withdrawals.items)->withdrawal, made.paid);
    assert_int_equal(r->before, 0);
}

/* ---- what a voucher pays ---- */

static void test_order_and_trade_name_the_programme(void **state)
{
    (void)state;
    struct body_q_trade ask_trade = {.trade = made.trade};
    struct body_q_order ask_order_of = {.order = made.trade - 1};
    const struct body_trade_row *trade = ((const struct body_r_trade *)ask(BUYER, "trade", &ask_trade))->row.items;
    assert_int_equal(trade->programme, made.programme);
    assert_int_equal(trade->voucher, 4000);
    const struct body_order_row *order = ((const struct body_r_order *)ask(BUYER, "order", &ask_order_of))->row.items;
    assert_int_equal(order->voucher, made.programme);
    assert_int_equal(order->voucher_unit, 4000);
    assert_true(order->closed);
}

/* Once ended, what is left of it is the issuer's again; who had some still finds it. */
static void test_ended_programme(void **state)
{
    (void)state;
    struct body_tick tick = {0};
    w.now_ms += ONE_HOUR;
    state_it(&w, BROKER, KIND_TICK, &tick);
    const struct body_programme_row *row = programmes(BUYER, true, false, 1);
    assert_int_equal(row->state, PROGRAMME_ENDED);
    assert_int_equal(row->available, 0);
    programmes(BUYER, true, true, 0);
    programmes(STRANGER, false, true, 0);
    programmes(STRANGER, false, false, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_balances),
        cmocka_unit_test(test_account),
        cmocka_unit_test(test_account_is_private),
        cmocka_unit_test(test_account_by_period_and_page),
        cmocka_unit_test(test_programmes),
        cmocka_unit_test(test_withdrawals),
        cmocka_unit_test(test_order_and_trade_name_the_programme),
        cmocka_unit_test(test_ended_programme),
    };
    return cmocka_run_group_tests_name("server_query_money", tests, build, tear_down);
}
