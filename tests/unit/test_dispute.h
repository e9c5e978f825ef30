/*
 * What the tests of the broker's judge and of its queries share: a granted trade of a content that is sealed here, its
 * evidence sealed to the judges and put into the market's folder, and its dispute.
 */
#ifndef TIDEMARK_TESTS_TEST_DISPUTE_H
#define TIDEMARK_TESTS_TEST_DISPUTE_H

#include "tests/unit/test_delivery.h"
#include "tests/unit/test_server.h"

#include "storage/evidence_store.h"

/* Seals the content anew: every listing's has another nonce and commitment. */
static UNUSED void seal_anew(struct sale *s)
{
    static uint8_t n_contents;

    s->delivery.content.nonce[15] = ++n_contents;
    for (uint64_t i = 0; i < s->delivery.content.n_chunks; i++) {
        seal_chunk(s, i, i + 1 == s->delivery.content.n_chunks, s->sealed_len[i] - AGE_TAG_BYTES);
    }
    s->sealed[1][5] ^= s->spoiled;
    commit_content(s);
    age_key_commitment(s->file_key, s->delivery.content.nonce, s->delivery.content.key_commitment);
}

/* Sells an open listing of the content to the buyer for 1.00 and grants it. */
static UNUSED uint64_t sell_listing(struct world *w, struct sale *s, uint64_t listing)
{
    static unsigned n_sales;
    char reference[16];
    struct body_grant body = {0};
    struct bytes text;
    static const uint8_t wrong_key[AGE_FILE_KEY_BYTES] = {1};

    snprintf(reference, sizeof reference, "sale-%u", ++n_sales);
    deposit(w, BUYER, 100, reference);
    ask_order(w, listing, 100, 1);
    body.trade = bid_order(w, listing, 100, 1) + 1;
    identity_bid_key(w->ids[BUYER], w->last_command, 0, s->secret, s->delivery.recipient);
    trade_of(w, body.trade, &text);
    assert_ok(age_grant_seal(s->wrong_key ? wrong_key : s->file_key, s->delivery.recipient, s->grant));
    s->delivery.grant = body.grant = BYTES(s->grant, sizeof s->grant);
    identity_sign(w->ids[VENDOR], DOMAIN_NONE, text, body.signature);
    state_it(w, VENDOR, KIND_GRANT, &body);
    return body.trade;
}

static UNUSED uint64_t sell(struct world *w, struct sale *s)
{
    seal_anew(s);
    uint64_t listing = publish(w, "Air", "", "", &s->delivery.content);
    open_listing(w, listing);
    return sell_listing(w, s, listing);
}

static UNUSED void put_evidence(uint64_t trade, struct bytes sealed, uint8_t hash[HASH_BYTES])
{
    struct evidence_piece piece = {.trade = trade, .len = sealed.len};
    uint64_t have = 0;

    sha256(sealed, hash);
    memcpy(piece.hash, hash, HASH_BYTES);
    while (have < sealed.len) {
        size_t left = sealed.len - have;
        piece.offset = have;
        piece.bytes = BYTES(sealed.data + have, left < LIMIT_PIECE_BYTES ? left : LIMIT_PIECE_BYTES);
        assert_ok(evidence_put(test_dir, &piece, &have));
    }
}

/* Seals evidence to the broker and the regulator and puts it there. */
static UNUSED void put_honest_evidence(struct world *w, uint64_t trade, const struct evidence *e, uint8_t hash[HASH_BYTES])
{
    uint8_t judges[2][32], *sealed;
    struct bytes plain;
    size_t len;

    memcpy(judges[0], identity_seal_public(w->ids[BROKER]), 32);
    memcpy(judges[1], identity_seal_public(w->ids[REGULATOR]), 32);
    assert_ok(evidence_encode(e, &w->arena, &plain));
    assert_ok(age_file_seal(plain, judges, 2, &sealed, &len));
    put_evidence(trade, BYTES(sealed, len), hash);
    free(sealed);
}

/* Returns the statement's record. */
static UNUSED uint64_t dispute(struct world *w, uint64_t trade, const uint8_t hash[HASH_BYTES])
{
    struct body_dispute body = {.trade = trade};
    memcpy(body.evidence, hash, HASH_BYTES);
    return state_it(w, BUYER, KIND_DISPUTE, &body);
}

#endif
