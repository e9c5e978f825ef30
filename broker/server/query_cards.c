/*
 * Contact cards: given, shown, erased. The only questions that change something, and outside the journal.
 *
 * Always holds: a card is kept only if its hash is the one that its party stated; it is shown to its party, to
 * operators and regulators, and to who has or had a trade with it.
 * Not here: the statement of the hash (`card`, `enrol`), the files (storage/cards.c).
 */
#include "broker/server/query_internal.h"

static bool has_hash(const struct row_party *party)
{
    static const uint8_t none[HASH_BYTES];
    return memcmp(party->card_hash, none, HASH_BYTES) != 0;
}

/* ---- who may see it ---- */

#define TRADES_LOOKED_AT (QUERY_SCAN_ROWS / 2) /* of each of the two */

/* Whether `other` is in one of `owner`'s newest trades. */
static enum tide_err trades_with(struct query *q, uint64_t owner, uint64_t other, bool *found)
{
    struct lane_walk walk = lane_walk_begin(TABLE_TRADE_OF, owner, LANE_BOTH, 0);
    struct row_trade row;
    uint64_t trade;

    *found = false;
    for (size_t i = 0; i < TRADES_LOOKED_AT && !*found; i++) {
        enum tide_err err = lane_walk_next(q, &walk, &trade);
        if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_OK : err;
        err = query_trade_row(q, trade, &row);
        if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
        *found = row.buyer == other || row.vendor == other;
    }
    return TIDE_OK;
}

/* The trades of both are looked through: who trades much need not have much with this one. */
static enum tide_err may_see(struct query *q, uint64_t number, bool *may)
{
    *may = number == q->peer->number || query_peer_is(q, ROLE_OPERATOR | ROLE_REGULATOR);
    if (*may) return TIDE_OK;
    enum tide_err err = trades_with(q, q->peer->number, number, may);
    return err == TIDE_OK && !*may ? trades_with(q, number, q->peer->number, may) : err;
}

/* ---- the verbs ---- */

static const struct body_r_none nothing;

enum tide_err query_card(struct query *q)
{
    const struct body_q_party *ask = q->request->body;
    static const uint8_t absent[32];
    struct row_party party = q->peer->party;
    uint64_t number = q->peer->number;
    bool may;

    if (memcmp(ask->party, absent, 32) != 0) {
        enum tide_err err = party_by_key(q->source->view, ask->party, &number, &party);
        if (err == TIDE_ENOTFOUND) return query_refuse(q, OUTCOME_NO_SUCH_PARTY, NULL);
        if (err != TIDE_OK) return err;
    }
    enum tide_err err = may_see(q, number, &may);
    if (err != TIDE_OK) return err;
    if (!may) return query_refuse(q, OUTCOME_NOT_YOURS, NULL);
    if (!has_hash(&party) || q->source->cards == NULL) return query_refuse(q, OUTCOME_NO_SUCH_CARD, NULL);
    struct body_r_card *body = query_body(q, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    memcpy(body->card_hash, party.card_hash, HASH_BYTES);
    err = cards_get(q->source->cards, number, party.card_hash, q->arena, body->salt, &body->card);
    return err == TIDE_ENOTFOUND ? query_refuse(q, OUTCOME_NO_SUCH_CARD, NULL) : err;
}

enum tide_err query_put_card(struct query *q)
{
    const struct body_q_put_card *ask = q->request->body;
    uint8_t hash[HASH_BYTES], salt[CARD_SALT_BYTES];
    struct bytes kept;

    if (q->source->cards == NULL) return query_refuse(q, OUTCOME_UNKNOWN_VERB, NULL);
    cards_hash(ask->salt, ask->card, hash);
    if (!has_hash(&q->peer->party) || memcmp(hash, q->peer->party.card_hash, HASH_BYTES) != 0) {
        return query_refuse(q, OUTCOME_NO_SUCH_CARD, "It is not the card whose hash the party stated.");
    }
    q->reply->body = &nothing;
    /* Said again it costs the disk nothing: a new card needs a new statement first. */
    enum tide_err err = cards_get(q->source->cards, q->peer->number, hash, q->scratch, salt, &kept);
    if (err != TIDE_ENOTFOUND) return err;
    err = cards_put(q->source->cards, q->peer->number, ask->salt, ask->card);
    return err == TIDE_EFULL ? query_refuse(q, OUTCOME_FULL, NULL) : err;
}

enum tide_err query_erase_card(struct query *q)
{
    if (q->source->cards == NULL) return query_refuse(q, OUTCOME_UNKNOWN_VERB, NULL);
    q->reply->body = &nothing;
    return cards_erase(q->source->cards, q->peer->number);
}
