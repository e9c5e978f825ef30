/*
 * Changes of keys: what one `rekeyed` record says, and those that a receipt proves. The settlement text names the keys that
 * were in force at the trade; who changed its key before it signed, signed with a later one.
 *
 * Always holds: a key is only taken for a party's if an unbroken row of `rekeyed` records leads to it from the key in the
 * text; each of them is in the log under a checkpoint of the log's key, and came before the settlement.
 * Not here: asking the broker for such records (party_keys.c).
 */
#include "client/lib/proof.h"
#include "storage/settlement.h"

#include <stdlib.h>

int key_change_read(struct bytes bytes, uint64_t index, struct arena *arena, struct body_rekeyed *out, struct tide_error *error)
{
    struct record record;
    struct event event;
    if (record_decode(bytes, arena, &record) != TIDE_OK || record.type != RECORD_EVENT ||
        event_decode(record.payload, arena, &event) != TIDE_OK)
        return error_set(error, OUTCOME_V_UNREADABLE, "The record of a change of keys is no event.");
    if (event.kind != KIND_REKEYED || record.index != index)
        return error_set(error, OUTCOME_V_FAILED, "What is said to change a key does not.");
    *out = *(const struct body_rekeyed *)event.body;
    return 0;
}

bool key_change_step(const struct body_rekeyed *change, uint8_t key[32])
{
    if (memcmp(change->party, key, 32) != 0) return false;
    memcpy(key, change->new_key, 32);
    return true;
}

/* One change of a receipt's: a whole proof file, whose record the log has. */
static int change_check(struct bytes text, const struct note_key *log, struct arena *arena, uint64_t *index,
                        struct body_rekeyed *out, struct tide_error *error)
{
    struct proof_file file;
    struct checkpoint cp;
    uint8_t *scratch = arena_alloc(arena, NOTE_MAX);
    if (scratch == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    if (proof_file_parse(text, scratch, NOTE_MAX, &file) != TIDE_OK)
        return error_set(error, OUTCOME_V_UNREADABLE, "The proof of a change of keys is not a tlog-proof.");
    int code = inclusion_check(&file, log, file.extra, &cp, error);
    if (code == 0) code = key_change_read(file.extra, file.index, arena, out, error);
    *index = file.index;
    return code;
}

int key_changes_follow(const struct receipt *receipt, const struct note_key *log, uint64_t settled, struct arena *arena,
                       uint8_t vendor[32], uint8_t buyer[32], struct tide_error *error)
{
    for (size_t i = 0; i < receipt->n_changes; i++) {
        struct body_rekeyed change;
        uint64_t index;
        int code = change_check(receipt->changes[i], log, arena, &index, &change, error);
        if (code != 0) return code;
        if (index >= settled)
            return error_set(error, OUTCOME_V_FAILED, "A key is said to have changed before it signed, but changed after.");
        if (!key_change_step(&change, vendor) && !key_change_step(&change, buyer))
            return error_set(error, OUTCOME_V_FAILED, "A change of keys is of neither party, or one before it is missing.");
    }
    return 0;
}
