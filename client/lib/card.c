/*
 * Contact cards: given to the broker outside the journal, which has their salted hash alone.
 *
 * Always holds: salt and card are in the outbox's folder before their hash is stated, so that a card whose hash is in force
 * can still be handed in after a crash; a card that is shown is the one its hash names.
 */
#include "client/lib/market.h"

#include <stdio.h>

#define SALT_BYTES 16
#define FACT_MAX 80

/* "card:<party>" */
static void fact_name(const struct tide_market *m, char out[FACT_MAX])
{
    char *at = stpcpy(out, "card:");
    for (size_t i = 0; i < 32; i++) at += sprintf(at, "%02x", identity_party(m->identity)[i]);
}

static void card_hash(const uint8_t salt[SALT_BYTES], struct bytes card, uint8_t hash[HASH_BYTES])
{
    const struct bytes parts[] = {BYTES(salt, SALT_BYTES), card};
    sha256_parts(parts, ARRAY_LEN(parts), hash);
}

int card_prepare(struct tide_market *m, const char *card, uint8_t hash[HASH_BYTES], struct tide_error *error)
{
    uint8_t kept[SALT_BYTES + LIMIT_CARD_BYTES];
    char fact[FACT_MAX];
    size_t len = strlen(card);
    if (len == 0 || len > LIMIT_CARD_BYTES)
        return error_set(error, OUTCOME_C_USAGE, "A contact card has 1 to %u bytes; this one has %zu.", LIMIT_CARD_BYTES, len);
    random_bytes(kept, SALT_BYTES);
    memcpy(kept + SALT_BYTES, card, len);
    card_hash(kept, BYTES_TEXT(card), hash);
    fact_name(m, fact);
    enum tide_err err = outbox_set_fact(m->outbox, m->url.market, fact, BYTES(kept, SALT_BYTES + len));
    return error_of(error, err, "The outbox");
}

int tide_card_upload(struct tide_market *market, bool *had_one, struct tide_error *error)
{
    char fact[FACT_MAX];
    struct bytes kept;
    struct tide_doc *doc;
    struct arena arena;

    error_clear(error);
    if (had_one != NULL) *had_one = false;
    int code = need_identity(market, error);
    if (code != 0) return code;
    arena_init(&arena, 1u << 16);
    fact_name(market, fact);
    enum tide_err err = outbox_fact(market->outbox, market->url.market, fact, &arena, &kept);
    if (err == TIDE_OK && kept.len > SALT_BYTES) {
        struct body_q_put_card q = {.card = BYTES(kept.data + SALT_BYTES, kept.len - SALT_BYTES)};
        memcpy(q.salt, kept.data, SALT_BYTES);
        if (had_one != NULL) *had_one = true;
        code = market_query(market, VERB_PUT_CARD, &q, &doc, error);
        if (code == 0) tide_doc_free(&doc);
        if (code == 0) code = error_of(error, outbox_set_fact(market->outbox, market->url.market, fact, BYTES("", 0)), "The outbox");
    } else if (err != TIDE_OK && err != TIDE_ENOTFOUND) {
        code = error_of(error, err, "The outbox");
    }
    arena_deinit(&arena);
    return code;
}

int tide_card_set(struct tide_market *market, const char *card, struct tide_doc **out, struct tide_error *error)
{
    struct body_card body = {0};
    error_clear(error);
    if (out != NULL) *out = NULL;
    int code = need_identity(market, error);
    if (code == 0) code = card_prepare(market, card, body.card_hash, error);
    if (code == 0) code = market_state(market, &schema_card, &body, out, error);
    if (code == 0) code = tide_card_upload(market, NULL, error);
    if (code != 0 && out != NULL) tide_doc_free(out);
    return code;
}

/* The hash that the market shows for the party; *has false: none. */
static int hash_in_force(struct tide_market *m, const struct body_q_party *q, uint8_t hash[HASH_BYTES], struct tide_error *error)
{
    struct tide_doc *doc;
    int code = market_query(m, VERB_PARTY, q, &doc, error);
    if (code != 0) return code;
    memcpy(hash, ((const struct body_r_party *)doc->value)->card_hash, HASH_BYTES);
    tide_doc_free(&doc);
    return 0;
}

int tide_card_get(struct tide_market *market, const char *party, struct tide_doc **out, struct tide_error *error)
{
    struct body_q_party q = {0};
    uint8_t hash[HASH_BYTES], expected[HASH_BYTES];
    error_clear(error);
    *out = NULL;
    int code = need_identity(market, error);
    if (code == 0 && party != NULL && bech32_decode(PARTY_PREFIX, BYTES_TEXT(party), q.party) != TIDE_OK)
        code = error_set(error, OUTCOME_C_USAGE, "\"%.80s\" is not a party (tide1…).", party);
    if (code == 0) code = hash_in_force(market, &q, expected, error);
    if (code == 0) code = market_query(market, VERB_CARD, &q, out, error);
    if (code != 0) return code;
    const struct body_r_card *card = (*out)->value;
    card_hash(card->salt, card->card, hash);
    if (card->card.len == 0 || memcmp(hash, expected, HASH_BYTES) == 0) return 0;
    tide_doc_free(out);
    return error_set(error, OUTCOME_V_FAILED, "The contact card that the broker gives is not the one whose hash is in the journal.");
}

int tide_card_erase(struct tide_market *market, struct tide_doc **out, struct tide_error *error)
{
    struct body_card none = {0};
    char fact[FACT_MAX];
    struct tide_doc *doc;
    error_clear(error);
    if (out != NULL) *out = NULL;
    int code = need_identity(market, error);
    if (code != 0) return code;
    fact_name(market, fact);
    code = error_of(error, outbox_set_fact(market->outbox, market->url.market, fact, BYTES("", 0)), "The outbox");
    if (code == 0) code = market_query(market, VERB_ERASE_CARD, NULL, &doc, error);
    if (code != 0) return code;
    tide_doc_free(&doc);
    return market_state(market, &schema_card, &none, out, error);
}
