/*
 * Voucher programmes: an issuer sets money aside, gives parties of it, and has back what they did not spend.
 *
 * Always holds: of each programme as much is issued as its issuer has in escrow for it; a programme that is open has one
 * deadline and a row for its issuer and for everyone who was given of it; one that has ended has neither, once its work
 * is done.
 * Not here: which bids may name a programme (order_checks.c), what a trade takes of it (book.c), its redemption (settlement.c).
 */
#include "broker/market/law.h"

/* ---- what it pays ---- */

uint64_t voucher_share(const struct row_programme *programme, uint64_t price)
{
    uint64_t covered = price < programme->top_price ? price : programme->top_price;
    return mul_div_u64(covered, programme->share_bp, 10000); /* share_bp is at most 10,000: no more than the price */
}

enum tide_err voucher_unit(struct hearing *h, uint64_t party, uint64_t price, uint64_t quantity, uint64_t extra,
                           uint64_t *unit)
{
    struct row_account account;
    uint64_t has = extra;
    *unit = 0;
    if (quantity == 0) return TIDE_OK;
    if (h->programme_row.state == PROGRAMME_OPEN) {
        enum tide_err err = account_get(h->state, party, h->programme, &account);
        if (err) return err;
        has += account.available; /* both are parts of the one fund */
    }
    *unit = voucher_share(&h->programme_row, price);
    if (*unit > has / quantity) *unit = has / quantity;
    return TIDE_OK;
}

/* ---- postings ---- */

/* An ended programme's asset goes from the party's account out of the world, its money back to the issuer. */
static void add_return(struct list *postings, uint64_t programme, const uint8_t party[32], enum account from,
                       const uint8_t issuer[32], uint64_t amount)
{
    posting_add(postings, party, from, programme, -(int64_t)amount);
    posting_add(postings, NULL, ACCOUNT_ISSUED, programme, (int64_t)amount);
    posting_add(postings, issuer, ACCOUNT_ESCROW, ASSET_CNY, -(int64_t)amount);
    posting_add(postings, issuer, ACCOUNT_AVAILABLE, ASSET_CNY, (int64_t)amount);
}

/* Leaves the hearing's programme as it is: whoever places an order that meets another programme's still needs it. */
enum tide_err voucher_free(struct hearing *h, struct list *postings, uint64_t programme, const uint8_t party[32],
                           enum account from, uint64_t amount)
{
    struct row_programme row;
    struct row_party issuer;
    if (amount == 0) return TIDE_OK;
    enum tide_err err = must_exist(programme_get(h->state, programme, &row));
    if (err) return err;
    if (row.state == PROGRAMME_OPEN) {
        posting_add(postings, party, from, programme, -(int64_t)amount);
        posting_add(postings, party, ACCOUNT_AVAILABLE, programme, (int64_t)amount);
        return TIDE_OK;
    }
    err = must_exist(party_by_number(h->state, row.issuer, &issuer));
    if (!err) add_return(postings, programme, party, from, issuer.key, amount);
    return err;
}

/* ---- beginning ---- */

static enum tide_err check_fund(struct hearing *h, uint64_t fund)
{
    struct row_account account;
    char need[MONEY_TEXT_MAX], have[MONEY_TEXT_MAX];
    enum tide_err err = account_get(h->state, h->party, ASSET_CNY, &account);
    if (err || account.available >= fund) return err;
    return refuse_because(h, OUTCOME_NO_FUNDS, "the fund is %s CNY, %s available", money_text(fund, need),
                          money_text(account.available, have));
}

enum tide_err decide_programme(struct hearing *h)
{
    const struct body_programme *p = h->cause->statement.body;
    PASS(h, check_fund(h, p->fund));
    if (text_has_control(p->name)) return refuse(h, OUTCOME_BAD_TEXT);
    if (p->ends_at <= h->now_ms) return refuse(h, OUTCOME_BAD_PROGRAMME);

    struct body_programme_opened *e = EVENT(h, PROGRAMME_OPENED, programme_opened);
    if (!e) return TIDE_ENOMEM;
    memcpy(e->issuer, h->speaker.key, 32);
    e->name = p->name;
    e->kinds = p->kinds;
    e->share_bp = p->share_bp;
    e->top_price = p->top_price;
    e->cap_party = p->cap_party;
    e->fund = p->fund;
    e->ends_at = p->ends_at;
    enum tide_err err = postings_new(h, &e->postings, 4);
    if (err) return err;
    uint64_t asset = event_index(h);
    posting_add(&e->postings, e->issuer, ACCOUNT_AVAILABLE, ASSET_CNY, -(int64_t)p->fund);
    posting_add(&e->postings, e->issuer, ACCOUNT_ESCROW, ASSET_CNY, (int64_t)p->fund);
    posting_add(&e->postings, NULL, ACCOUNT_ISSUED, asset, -(int64_t)p->fund);
    posting_add(&e->postings, e->issuer, ACCOUNT_AVAILABLE, asset, (int64_t)p->fund);
    return TIDE_OK;
}

static enum tide_err voucher_put(struct fold *f, uint64_t programme, uint64_t party, uint64_t given)
{
    const struct row_voucher row = {given};
    uint8_t key[16];
    key_u64_u64(key, programme, party);
    return state_put(f->state, TABLE_VOUCHER, key, &row);
}

enum tide_err apply_programme_opened(struct fold *f, const struct body_programme_opened *e)
{
    const struct row_none none = {0};
    struct row_programme row;
    uint8_t key[16];
    memset(&row, 0, sizeof row);
    enum tide_err err = fold_party(f, e->issuer, &row.issuer);
    if (err) return err;
    if (e->ends_at <= f->time_ms) return TIDE_EDAMAGED;
    row.kinds = e->kinds;
    row.share_bp = e->share_bp;
    row.top_price = e->top_price;
    row.cap_party = e->cap_party;
    row.fund = e->fund;
    row.ends_at = e->ends_at;
    row.state = PROGRAMME_OPEN;
    row_text_set(row.name, sizeof row.name, e->name);
    err = programme_put(f, f->index, &row);
    key_u64_u64(key, row.issuer, f->index);
    if (!err) err = state_put(f->state, TABLE_PROGRAMME_OF, key, &none);
    if (!err) err = voucher_put(f, f->index, row.issuer, 0);
    return err ? err : deadline_put(f, DEADLINE_PROGRAMME, e->ends_at, f->index);
}

/* ---- giving ---- */

static enum tide_err check_cap(struct hearing *h, uint64_t party, uint64_t amount)
{
    struct row_voucher voucher;
    struct row_account issuer;
    char cap[MONEY_TEXT_MAX], given[MONEY_TEXT_MAX], left[MONEY_TEXT_MAX];
    uint8_t key[16];
    key_u64_u64(key, h->programme, party);
    enum tide_err err = state_get(h->state, TABLE_VOUCHER, key, &voucher); /* cleared if there is none */
    if (err && err != TIDE_ENOTFOUND) return err;
    err = account_get(h->state, h->party, h->programme, &issuer);
    if (err) return err;
    if (voucher.given + amount <= h->programme_row.cap_party && amount <= issuer.available) return TIDE_OK;
    return refuse_because(h, OUTCOME_VOUCHER_CAP, "a party may be given %s CNY, it was given %s before, %s are left of the fund",
                          money_text(h->programme_row.cap_party, cap), money_text(voucher.given, given),
                          money_text(issuer.available, left));
}

enum tide_err decide_give(struct hearing *h)
{
    const struct body_give *give = h->cause->statement.body;
    uint64_t number;
    struct row_party row;
    PASS(h, hear_programme(h, give->programme));
    if (h->programme_row.issuer != h->party) return refuse(h, OUTCOME_NOT_YOURS);
    if (h->programme_row.state != PROGRAMME_OPEN) return refuse_because(h, OUTCOME_WRONG_STATE, "it has ended");
    enum tide_err err = party_by_key(h->state, give->party, &number, &row);
    if (err && err != TIDE_ENOTFOUND) return err;
    if (err || number == MARKET_PARTY) return refuse(h, OUTCOME_NO_SUCH_PARTY);
    if (same_group(h->party, &h->speaker, number, &row)) return refuse(h, OUTCOME_OWN_GROUP);
    PASS(h, check_cap(h, number, give->amount));

    struct body_given *e = EVENT(h, GIVEN, given);
    if (!e) return TIDE_ENOMEM;
    e->programme = give->programme;
    memcpy(e->party, row.key, 32);
    e->amount = give->amount;
    err = postings_new(h, &e->postings, 2);
    if (err) return err;
    posting_add(&e->postings, h->speaker.key, ACCOUNT_AVAILABLE, give->programme, -(int64_t)give->amount);
    posting_add(&e->postings, row.key, ACCOUNT_AVAILABLE, give->programme, (int64_t)give->amount);
    return TIDE_OK;
}

enum tide_err apply_given(struct fold *f, const struct body_given *e)
{
    struct row_programme programme;
    struct row_voucher voucher;
    uint64_t party;
    uint8_t key[16];
    enum tide_err err = must_exist(programme_get(f->state, e->programme, &programme));
    if (!err) err = fold_party(f, e->party, &party);
    if (err) return err;
    if (programme.state != PROGRAMME_OPEN) return TIDE_EDAMAGED;
    key_u64_u64(key, e->programme, party);
    err = state_get(f->state, TABLE_VOUCHER, key, &voucher);
    if (err && err != TIDE_ENOTFOUND) return err;
    if (!add_u64(voucher.given, e->amount, &voucher.given) || voucher.given > programme.cap_party) return TIDE_EDAMAGED;
    return voucher_put(f, e->programme, party, voucher.given);
}

/* ---- the end ---- */

/*
 * What the events decided before in the same record add to what a party has available of the programme: an order that
 * expires, a trade that is refunded at the very time of the end.
 */
static enum tide_err freed_so_far(struct hearing *h, uint64_t programme, uint64_t party, int64_t *freed)
{
    *freed = 0;
    for (size_t i = 0; i < h->d->n_events; i++) {
        const struct list *list = event_postings(h->d->events[i].kind, h->d->events[i].body);
        const struct posting *items = list ? list->items : NULL;
        if (h->d->events[i].kind == KIND_VOUCHER_RETURNED) continue; /* everyone has one row: another's */
        for (size_t j = 0; list && j < list->n; j++) {
            struct row_party row;
            uint64_t number;
            if (items[j].asset != programme || items[j].account != ACCOUNT_AVAILABLE) continue;
            enum tide_err err = must_exist(party_by_key(h->state, items[j].party, &number, &row));
            if (err) return err;
            if (number == party) *freed += items[j].amount;
        }
    }
    return TIDE_OK;
}

static enum tide_err return_one(struct hearing *h, uint64_t programme, uint64_t party)
{
    struct row_party row;
    struct row_account account;
    int64_t freed;
    enum tide_err err = must_exist(party_by_number(h->state, party, &row));
    if (!err) err = account_get(h->state, party, programme, &account);
    if (!err) err = freed_so_far(h, programme, party, &freed);
    if (err) return err;
    struct body_voucher_returned *e = EVENT(h, VOUCHER_RETURNED, voucher_returned);
    if (!e) return TIDE_ENOMEM;
    e->programme = programme;
    memcpy(e->party, row.key, 32);
    e->amount = account.available + (uint64_t)freed; /* at most the fund */
    err = postings_new(h, &e->postings, 4);
    if (!err) add_return(&e->postings, programme, e->party, ACCOUNT_AVAILABLE, h->issuer.key, e->amount);
    return err;
}

enum tide_err return_vouchers(struct hearing *h, uint64_t programme)
{
    uint8_t key[16];
    PASS(h, hear_programme(h, programme));
    key_u64_u64(key, programme, 0);
    for (bool after = false;; after = true) {
        enum tide_err err = state_next(h->state, TABLE_VOUCHER, key, 8, after, NULL);
        if (err) return err == TIDE_ENOTFOUND ? TIDE_OK : err;
        if (h->d->n_matched >= LIMIT_MATCHES) return work_slice(h, WORK_END_PROGRAMME, programme);
        err = return_one(h, programme, be64_get(key + 8));
        if (err) return err;
        h->d->n_matched++;
    }
}

enum tide_err programme_end(struct hearing *h, uint64_t programme)
{
    struct body_programme_closed *e = EVENT(h, PROGRAMME_CLOSED, programme_closed);
    if (!e) return TIDE_ENOMEM;
    e->programme = programme;
    return return_vouchers(h, programme);
}

enum tide_err apply_programme_closed(struct fold *f, const struct body_programme_closed *e)
{
    struct row_programme row;
    enum tide_err err = must_exist(programme_get(f->state, e->programme, &row));
    if (err) return err;
    if (row.state != PROGRAMME_OPEN || row.ends_at > f->time_ms) return TIDE_EDAMAGED;
    row.state = PROGRAMME_ENDED;
    err = programme_put(f, e->programme, &row);
    return err ? err : deadline_del(f, DEADLINE_PROGRAMME, row.ends_at, e->programme);
}

/* All that the party had available of it went. */
enum tide_err apply_voucher_returned(struct fold *f, const struct body_voucher_returned *e)
{
    struct row_programme programme;
    struct row_account account;
    uint64_t party;
    uint8_t key[16];
    enum tide_err err = must_exist(programme_get(f->state, e->programme, &programme));
    if (!err) err = fold_party(f, e->party, &party);
    if (!err) err = account_get(f->state, party, e->programme, &account);
    if (err) return err;
    if (programme.state != PROGRAMME_ENDED || account.available != 0) return TIDE_EDAMAGED;
    key_u64_u64(key, e->programme, party);
    return must_exist(state_del(f->state, TABLE_VOUCHER, key));
}
