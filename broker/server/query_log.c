/*
 * What is asked of the log: the newest checkpoint, consistency of two heads, a record with its inclusion proof, and
 * the receipt of a settled trade.
 *
 * Always holds: a record is shown only to who is entitled to it (query_entitled.c); for all others it does not exist.
 * Proofs lead to a signed checkpoint, never to a head that is not published.
 */
#include "broker/server/query_internal.h"

#include "crypto/identity.h"

#include <inttypes.h>
#include <stdio.h>

/* The newest checkpoint, copied into the reply's arena, and taken apart. TIDE_ENOTFOUND: none is published yet. */
static enum tide_err newest_checkpoint(struct query *q, struct bytes *text, struct checkpoint *out)
{
    char buffer[CHECKPOINT_MAX];
    size_t len;

    *text = BYTES(NULL, 0);
    if (q->source->tiles == NULL) return TIDE_ENOTFOUND;
    enum tide_err err = tiles_read_checkpoint(q->source->tiles, buffer, &len);
    if (err == TIDE_EDAMAGED) q->damaged = "tiles";
    if (err != TIDE_OK) return err;
    *text = arena_copy(q->arena, BYTES(buffer, len));
    if (text->data == NULL) return TIDE_ENOMEM;
    /* The note's text ends before the first empty line; whose signature follows is the reader's to check. */
    const char *gap = memmem(buffer, len, "\n\n", 2);
    if (gap == NULL || checkpoint_parse(BYTES(buffer, (size_t)(gap - buffer) + 1), out) != TIDE_OK) {
        q->damaged = "tiles";
        return TIDE_EDAMAGED;
    }
    return TIDE_OK;
}

enum tide_err query_checkpoint(struct query *q)
{
    struct checkpoint checkpoint;

    struct body_r_checkpoint *body = query_body(q, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    enum tide_err err = newest_checkpoint(q, &body->checkpoint, &checkpoint);
    return err == TIDE_ENOTFOUND ? query_refuse(q, OUTCOME_NOT_YET, NULL) : err;
}

enum tide_err query_consistency(struct query *q)
{
    const struct body_q_consistency *ask = q->request->body;
    struct checkpoint checkpoint;
    struct tiles_reader reader;
    struct merkle_store store;
    struct merkle_proof proof;

    struct body_r_consistency *body = query_body(q, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    enum tide_err err = newest_checkpoint(q, &body->checkpoint, &checkpoint);
    if (err == TIDE_ENOTFOUND) return query_refuse(q, OUTCOME_NOT_YET, NULL);
    if (err != TIDE_OK) return err;
    body->size = ask->size != 0 ? ask->size : checkpoint.size;
    if (body->size > checkpoint.size || ask->old_size > checkpoint.size) return query_refuse(q, OUTCOME_NOT_YET, NULL);
    if (ask->old_size > body->size) return query_refuse(q, OUTCOME_MALFORMED, "The old size is above the new one.");
    /* Tiles are read as of the published tree: earlier sizes need not have partial tiles of their own. */
    tiles_reader_init(&reader, q->source->tiles, checkpoint.size, &store);
    err = merkle_prove_consistency(&store, ask->old_size, body->size, &proof);
    if (err == TIDE_EDAMAGED) q->damaged = "tiles";
    if (err != TIDE_OK) return err;
    struct body_hash_row *hashes = arena_calloc(q->arena, proof.n + 1, sizeof *hashes);
    if (hashes == NULL) return TIDE_ENOMEM;
    for (size_t i = 0; i < proof.n; i++) memcpy(hashes[i].hash, proof.hashes[i], HASH_BYTES);
    body->hashes = (struct list){.items = hashes, .n = proof.n};
    return TIDE_OK;
}

/* ---- a record ---- */

enum tide_err query_proof(struct query *q)
{
    const struct body_q_index *ask = q->request->body;
    struct query_record record;
    bool entitled = false;

    struct body_r_proof *body = query_body(q, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    enum tide_err err = query_read(q, ask->index, q->arena, &record);
    if (err == TIDE_OK) err = query_is_entitled(q, ask->index, &record, &entitled);
    if (err == TIDE_ENOTFOUND || (err == TIDE_OK && !entitled)) {
        return query_refuse(q, OUTCOME_NO_SUCH_RECORD, NULL);
    }
    if (err != TIDE_OK) return err;
    body->record = record.bytes;
    err = query_prove(q, ask->index, &body->proof);
    return err == TIDE_ENOTFOUND ? query_refuse(q, OUTCOME_NOT_YET, NULL) : err;
}

/* ---- receipts ---- */

/* A note being put together: the text, an empty line, one line a signature. */
struct note_builder {
    char *text;
    size_t len, room;
};

static void note_add(struct note_builder *note, struct bytes piece)
{
    ASSERT(note->len + piece.len <= note->room);
    memcpy(note->text + note->len, piece.data, piece.len);
    note->len += piece.len;
}

/* A party's signature out of its journaled `grant` or `accept`, as a line of the note; `signed_by` is whose key. */
static enum tide_err add_party_line(struct query *q, struct note_builder *note, uint64_t index, uint64_t kind,
                                    uint8_t signed_by[32])
{
    struct query_statement statement;
    struct note_key key;
    char name[BECH32_TEXT_MAX], line[NOTE_LINE_MAX];

    arena_reset(q->scratch);
    enum tide_err err = query_read_statement(q, index, q->scratch, &statement);
    if (err == TIDE_ENOTFOUND || (err == TIDE_OK && statement.statement.kind != kind)) {
        return query_damaged_record(q, index);
    }
    if (err != TIDE_OK) return err;
    const void *body = statement.statement.body;
    const uint8_t *signature = kind == KIND_GRANT ? ((const struct body_grant *)body)->signature
                                                  : ((const struct body_accept *)body)->signature;
    memcpy(signed_by, statement.statement.party, 32);
    bech32_encode(PARTY_PREFIX, statement.statement.party, name);
    err = note_key_init(name, NOTE_TYPE_ED25519, statement.statement.party, &key);
    if (err != TIDE_OK) return err;
    note_format_line(&key, signature, line);
    note_add(note, BYTES_TEXT(line));
    return TIDE_OK;
}

enum tide_err query_broker_line(struct query *q, struct bytes text, char line[NOTE_LINE_MAX])
{
    struct row_market market;
    struct note_key key;

    enum tide_err err = market_row(q->source->view, &market);
    if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
    err = note_key_init(market.origin, NOTE_TYPE_ED25519, market.log_key, &key);
    if (err == TIDE_OK) note_sign_line(&key, q->source->log_secret, text, line);
    return err;
}

static enum tide_err add_broker_line(struct query *q, struct note_builder *note, struct bytes text)
{
    char line[NOTE_LINE_MAX];

    enum tide_err err = query_broker_line(q, text, line);
    if (err == TIDE_OK) note_add(note, BYTES_TEXT(line));
    return err;
}

/* The note, and what leads from the keys that its text names to those that signed it. */
static enum tide_err settlement_note(struct query *q, const struct row_trade *trade, const struct body_settled *settled,
                                     struct body_r_receipt *out)
{
    uint8_t vendor_key[32], buyer_key[32];
    struct note_builder note = {.room = settled->text.len + 1 + 3 * NOTE_LINE_MAX};

    note.text = arena_alloc(q->arena, note.room);
    if (note.text == NULL) return TIDE_ENOMEM;
    note_add(&note, settled->text);
    note_add(&note, BYTES_TEXT("\n"));
    memcpy(buyer_key, trade->buyer_key, 32);
    enum tide_err err = add_party_line(q, &note, trade->grant_record, KIND_GRANT, vendor_key);
    if (err == TIDE_OK && settled->basis == BASIS_ACCEPTED) {
        err = add_party_line(q, &note, trade->accept_record, KIND_ACCEPT, buyer_key);
    }
    if (err == TIDE_OK) err = add_broker_line(q, &note, settled->text);
    out->note = BYTES(note.text, note.len);
    if (err == TIDE_OK) err = query_key_changes(q, trade->vendor, trade->vendor_key, vendor_key, &out->changes);
    if (err == TIDE_OK) err = query_key_changes(q, trade->buyer, trade->buyer_key, buyer_key, &out->changes);
    return err;
}

enum tide_err query_receipt(struct query *q)
{
    const struct body_q_trade *ask = q->request->body;
    struct row_trade trade;
    struct query_event event;

    if (q->source->log_secret == NULL) return query_refuse(q, OUTCOME_UNKNOWN_VERB, NULL);
    enum tide_err err = query_trade_row(q, ask->trade, &trade);
    if (err == TIDE_ENOTFOUND) return query_refuse(q, OUTCOME_NO_SUCH_TRADE, NULL);
    if (err != TIDE_OK) return err;
    if (trade.buyer != q->peer->number && trade.vendor != q->peer->number && !query_peer_is(q, ROLE_REGULATOR)) {
        return query_refuse(q, OUTCOME_NOT_YOURS, NULL);
    }
    if (trade.state == TRADE_REFUNDED) {
        return query_refuse(q, OUTCOME_WRONG_STATE, "The trade was refunded: there is no receipt.");
    }
    if (trade.state != TRADE_SETTLED) return query_refuse(q, OUTCOME_WRONG_STATE, "The trade is not settled yet.");
    err = query_read_event(q, trade.final_record, q->arena, &event);
    if (err == TIDE_ENOTFOUND || (err == TIDE_OK && event.event.kind != KIND_SETTLED)) {
        return query_damaged_record(q, trade.final_record);
    }
    if (err != TIDE_OK) return err;
    struct body_r_receipt *body = query_body(q, sizeof *body);
    if (body == NULL) return TIDE_ENOMEM;
    body->record = event.record.bytes;
    err = query_prove(q, trade.final_record, &body->proof);
    if (err == TIDE_OK) err = settlement_note(q, &trade, event.event.body, body);
    if (err == TIDE_ELIMIT) return query_refuse(q, OUTCOME_TOO_LARGE, "More changes of keys than a receipt can prove.");
    return err == TIDE_ENOTFOUND ? query_refuse(q, OUTCOME_NOT_YET, NULL) : err;
}
