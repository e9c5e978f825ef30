/*
 * Who may put and fetch on the data door: content is put only by the listing's vendor while the listing awaits it, and
 * fetched only by that vendor and by buyers whose trade was granted; a detail part by its vendor and by whom it was opened to.
 *
 * Always holds: an entitlement that was found is held against its trade's row each time it is used; that there is none is
 * believed only until the state has moved on.
 */
#include "broker/server/data_door.h"

#define TRADES_A_LOOK 16384u /* trades looked at in one request; the next one goes on where it ended */

enum outcome data_may_put(const struct ask *a, const char **detail)
{
    *detail = NULL;
    if (a->row.vendor != a->peer.number) return OUTCOME_NOT_YOURS;
    if (a->peer.party.state != PARTY_ACTIVE) return OUTCOME_SUSPENDED;
    *detail = "The listing is not waiting for its content.";
    return a->row.state == LISTING_AWAITING ? OUTCOME_OK : OUTCOME_WRONG_STATE;
}

static enum tide_err trade_entitles(struct ask *a, uint64_t trade, bool *entitles)
{
    struct row_trade row;
    uint8_t key[8];

    *entitles = false;
    key_u64(key, trade);
    enum tide_err err = state_get(a->door->view, TABLE_TRADE, key, &row);
    if (err == TIDE_ENOTFOUND) return TIDE_EDAMAGED;
    if (err != TIDE_OK) return err;
    *entitles = row.buyer == a->peer.number && row.listing == a->listing &&
                (row.state == TRADE_GRANTED || row.state == TRADE_DISPUTED || row.state == TRADE_CLAIMED ||
                 row.state == TRADE_SETTLED);
    return TIDE_OK;
}

/* Steps to the party's next older trade, open ones first. A listing's trades are younger than it. TIDE_ENOTFOUND: the end. */
static enum tide_err next_trade(struct ask *a, struct entitlement *e, uint64_t *trade)
{
    uint8_t key[17];

    for (; e->lane < 2; e->lane++, e->before = UINT64_MAX) {
        key_u64_u8_u64(key, a->peer.number, e->lane, e->before);
        enum tide_err err = state_prev(a->door->view, TABLE_TRADE_OF, key, 9, true, NULL);
        if (err != TIDE_OK && err != TIDE_ENOTFOUND) return err;
        if (err == TIDE_ENOTFOUND || be64_get(key + 9) < a->listing) continue;
        *trade = e->before = be64_get(key + 9);
        return TIDE_OK;
    }
    return TIDE_ENOTFOUND;
}

/* The buyer's newest trade that entitles to this listing into e->trade; 0: none. TIDE_EBUSY: the look goes on next time. */
static enum tide_err find_trade(struct ask *a, struct entitlement *e, uint64_t applied)
{
    bool entitles = false;
    uint64_t trade;

    if (!e->searching) {
        *e = (struct entitlement){.party = e->party, .listing = e->listing, .applied = applied, .searching = true,
                                  .before = UINT64_MAX};
    }
    for (size_t n = 0; n < TRADES_A_LOOK; n++) {
        enum tide_err err = next_trade(a, e, &trade);
        if (err == TIDE_OK) err = trade_entitles(a, trade, &entitles);
        if (err == TIDE_OK && !entitles) continue;
        e->searching = false;
        if (err == TIDE_OK) e->trade = trade;
        return err == TIDE_ENOTFOUND ? TIDE_OK : err;
    }
    return TIDE_EBUSY;
}

static struct entitlement *entitlement_for(struct ask *a)
{
    struct data_door *d = a->door;

    for (size_t i = 0; i < ENTITLEMENTS_KEPT; i++) {
        struct entitlement *e = &d->entitlements[i];
        if (e->party == a->peer.number && e->listing == a->listing) return e;
    }
    struct entitlement *e = &d->entitlements[d->next_entitlement];
    d->next_entitlement = (d->next_entitlement + 1) % ENTITLEMENTS_KEPT;
    *e = (struct entitlement){.party = a->peer.number, .listing = a->listing};
    return e;
}

/* A download asks once a chunk: what was found is kept, and checked again with a single row. */
static enum tide_err bought(struct ask *a, bool *may)
{
    uint64_t applied;

    struct entitlement *e = entitlement_for(a);
    enum tide_err err = state_applied(a->door->view, &applied);
    if (err == TIDE_OK && e->trade != 0) err = trade_entitles(a, e->trade, may);
    if (err != TIDE_OK || *may) return err;
    if (e->trade == 0 && !e->searching && e->applied == applied) return TIDE_OK;
    err = find_trade(a, e, applied);
    *may = err == TIDE_OK && e->trade != 0;
    return err;
}

static enum tide_err disclosed(struct ask *a, bool *may)
{
    uint8_t key[16];

    key_u64_u64(key, a->listing, a->peer.number);
    enum tide_err err = state_get(a->door->view, TABLE_DISCLOSED, key, NULL);
    *may = err == TIDE_OK;
    return err == TIDE_ENOTFOUND ? TIDE_OK : err;
}

enum tide_err data_may_get(struct ask *a, bool *may)
{
    *may = a->row.vendor == a->peer.number;
    if (*may) return TIDE_OK;
    return a->part == PART_DETAIL ? disclosed(a, may) : bought(a, may);
}
