/*
 * What every write into the state is made of: the fold, which keeps the market's row and a few parties' numbers while
 * records are applied, and the writers of numbered rows.
 *
 * Always holds: records are taken in order, each once (`applied` says up to which); the fold's market row is the
 * state's, or put before anyone reads it there.
 * Not here: what a record writes (apply.c), what an event of a kind writes (the file of its subject).
 */
#include "broker/market/law.h"

void fold_init(struct fold *f, struct state_view *state)
{
    memset(f, 0, sizeof *f);
    f->state = state;
}

enum tide_err fold_expect_next(struct fold *f, uint64_t index)
{
    if (!f->has_applied) {
        enum tide_err err = state_applied(f->state, &f->applied);
        if (err) return err;
        f->has_applied = true;
    }
    return f->applied == index ? TIDE_OK : TIDE_EDAMAGED;
}

enum tide_err fold_finish(struct fold *f)
{
    return state_set_applied(f->state, f->applied);
}

/* ---- what is looked up again and again ---- */

enum tide_err fold_market(struct fold *f)
{
    if (f->has_market) return TIDE_OK;
    enum tide_err err = must_exist(market_row(f->state, &f->market));
    f->has_market = err == TIDE_OK;
    return err;
}

enum tide_err fold_put_market(struct fold *f)
{
    static const uint8_t key[1] = {0};
    return state_put(f->state, TABLE_MARKET, key, &f->market);
}

enum tide_err fold_party(struct fold *f, const uint8_t key[32], uint64_t *number)
{
    static const uint8_t market[32];
    struct row_ref ref;
    if (memcmp(key, market, 32) == 0) {
        *number = MARKET_PARTY;
        return TIDE_OK;
    }
    for (size_t i = 0; i < ARRAY_LEN(f->parties); i++)
        if (f->parties[i].used && memcmp(f->parties[i].key, key, 32) == 0) {
            *number = f->parties[i].number;
            return TIDE_OK;
        }
    enum tide_err err = must_exist(state_get(f->state, TABLE_PARTY_KEY, key, &ref));
    if (err) return err;
    unsigned slot = f->next_party++ % ARRAY_LEN(f->parties);
    memcpy(f->parties[slot].key, key, 32);
    f->parties[slot].number = *number = ref.index;
    f->parties[slot].used = true;
    return TIDE_OK;
}

/* ---- rows ---- */

static enum tide_err put_numbered(struct fold *f, enum table table, uint64_t number, const void *row)
{
    uint8_t key[8];
    key_u64(key, number);
    return state_put(f->state, table, key, row);
}

enum tide_err party_put(struct fold *f, uint64_t number, const struct row_party *row)
{
    return put_numbered(f, TABLE_PARTY, number, row);
}

enum tide_err party_row_put(struct fold *f, uint64_t number, const struct row_party *row)
{
    const struct row_ref ref = {number}, registered = {f->index};
    struct row_key keys;
    uint8_t key[16];
    memcpy(keys.key, row->key, 32);
    memcpy(keys.seal_key, row->seal_key, 32);
    key_u64_u64(key, number, f->index);
    enum tide_err err = party_put(f, number, row);
    if (!err) err = state_put(f->state, TABLE_PARTY_KEY, row->key, &ref);
    if (!err) err = state_put(f->state, TABLE_WIRE_KEY, row->wire_key, &ref);
    if (!err) err = state_put(f->state, TABLE_RECIPIENT, row->seal_key, &registered);
    if (!err) err = state_put(f->state, TABLE_KEY_OF, key, &keys);
    return err;
}

enum tide_err listing_put(struct fold *f, uint64_t listing, const struct row_listing *row)
{
    return put_numbered(f, TABLE_LISTING, listing, row);
}

enum tide_err order_put(struct fold *f, uint64_t order, const struct row_order *row)
{
    return put_numbered(f, TABLE_ORDER, order, row);
}

enum tide_err trade_put(struct fold *f, uint64_t trade, const struct row_trade *row)
{
    return put_numbered(f, TABLE_TRADE, trade, row);
}

enum tide_err programme_put(struct fold *f, uint64_t programme, const struct row_programme *row)
{
    uint8_t key[8];
    key_u64(key, programme);
    return state_put(f->state, TABLE_PROGRAMME, key, row);
}

enum tide_err withdrawal_put(struct fold *f, uint64_t withdrawal, const struct row_withdrawal *row)
{
    uint8_t key[8];
    key_u64(key, withdrawal);
    return state_put(f->state, TABLE_WITHDRAWAL, key, row);
}
