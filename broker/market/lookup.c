/*
 * Rows that everyone asks for, by number or key.
 *
 * Always holds: nothing here writes. A row whose number comes from outside may be missing (TIDE_ENOTFOUND); order_get
 * alone is asked for numbers out of the state's own rows only, where a missing row is damage.
 * Not here: what a hearing keeps between its steps (hear.c), what a fold keeps (fold.c).
 */
#include "broker/market/law.h"

static enum tide_err get_numbered(struct state_view *state, enum table table, uint64_t number, void *row)
{
    uint8_t key[8];
    key_u64(key, number);
    return state_get(state, table, key, row);
}

enum tide_err market_row(struct state_view *state, struct row_market *out)
{
    static const uint8_t key[1] = {0};
    return state_get(state, TABLE_MARKET, key, out);
}

enum tide_err party_by_key(struct state_view *state, const uint8_t party_key[32], uint64_t *number,
                           struct row_party *out)
{
    struct row_ref ref;
    *number = 0;
    memset(out, 0, sizeof *out);
    enum tide_err err = state_get(state, TABLE_PARTY_KEY, party_key, &ref);
    if (err) return err;
    *number = ref.index;
    return must_exist(party_by_number(state, ref.index, out));
}

enum tide_err party_by_number(struct state_view *state, uint64_t number, struct row_party *out)
{
    return get_numbered(state, TABLE_PARTY, number, out);
}

enum tide_err listing_get(struct state_view *state, uint64_t listing, struct row_listing *row)
{
    return get_numbered(state, TABLE_LISTING, listing, row);
}

enum tide_err order_get(struct state_view *state, uint64_t order, struct row_order *row)
{
    return must_exist(get_numbered(state, TABLE_ORDER, order, row));
}

enum tide_err trade_get(struct state_view *state, uint64_t trade, struct row_trade *row)
{
    return get_numbered(state, TABLE_TRADE, trade, row);
}

enum tide_err account_get(struct state_view *state, uint64_t party, uint64_t asset, struct row_account *row)
{
    uint8_t key[16];
    key_u64_u64(key, party, asset);
    enum tide_err err = state_get(state, TABLE_ACCOUNT, key, row);
    return err == TIDE_ENOTFOUND ? TIDE_OK : err; /* state_get cleared the row: nothing yet */
}

enum tide_err programme_get(struct state_view *state, uint64_t programme, struct row_programme *row)
{
    uint8_t key[8];
    key_u64(key, programme);
    return state_get(state, TABLE_PROGRAMME, key, row);
}

enum tide_err withdrawal_get(struct state_view *state, uint64_t withdrawal, struct row_withdrawal *row)
{
    uint8_t key[8];
    key_u64(key, withdrawal);
    return state_get(state, TABLE_WITHDRAWAL, key, row);
}
