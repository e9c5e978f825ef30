/*
 * What leads from one of a party's signing keys to a later one: the `rekeyed` records in between, each with its proof.
 *
 * Always holds: the history of a party's keys is public, so whoever may have the receipt may have these records.
 */
#include "broker/server/query_internal.h"

/* One more; `record` is that of the event since which the later key is in force. */
static enum tide_err add_change(struct query *q, uint64_t record, struct list *changes)
{
    struct query_event event;

    if (changes->items == NULL) {
        changes->items = arena_calloc(q->arena, RECEIPT_CHANGES_MAX, sizeof(struct body_key_change));
        if (changes->items == NULL) return TIDE_ENOMEM;
    }
    if (changes->n == RECEIPT_CHANGES_MAX) return TIDE_ELIMIT;
    enum tide_err err = query_read_event(q, record, q->arena, &event);
    if (err == TIDE_ENOTFOUND || (err == TIDE_OK && event.event.kind != KIND_REKEYED)) {
        return query_damaged_record(q, record);
    }
    if (err != TIDE_OK) return err;
    struct body_key_change *change = (struct body_key_change *)changes->items + changes->n++;
    change->record = event.record.bytes;
    return query_prove(q, record, &change->proof);
}

enum tide_err query_key_changes(struct query *q, uint64_t party, const uint8_t from[32], const uint8_t to[32],
                                struct list *changes)
{
    uint8_t key[16];
    struct row_key row;
    bool begun = false;

    if (memcmp(from, to, 32) == 0) return TIDE_OK;
    key_u64_u64(key, party, 0);
    for (bool after = false;; after = true) {
        enum tide_err err = state_next(q->source->view, TABLE_KEY_OF, key, 8, after, &row);
        if (err != TIDE_OK) return err == TIDE_ENOTFOUND ? TIDE_EDAMAGED : err;
        if (begun) err = add_change(q, be64_get(key + 8), changes);
        if (err != TIDE_OK || memcmp(row.key, to, 32) == 0) return err;
        if (memcmp(row.key, from, 32) == 0) begun = true;
    }
}
