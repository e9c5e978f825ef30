/*
 * Contact cards: who to call at a party. They name people, so that they are never in the journal, which cannot forget;
 * it has a salted hash of each, and a card can be erased here without a trace of what it said.
 */
#ifndef TIDEMARK_STORAGE_CARDS_H
#define TIDEMARK_STORAGE_CARDS_H

#include "crypto/hash.h"
#include "storage/arena.h"
#include "storage/limits.h"

#define CARD_SALT_BYTES 16

struct cards;

/* Opens `dir`/cards, made if missing. */
MUST_USE enum tide_err cards_open(const char *dir, struct cards **out);
void cards_close(struct cards **c);

/* SHA-256(salt ‖ card): what a party states of its card. */
void cards_hash(const uint8_t salt[CARD_SALT_BYTES], struct bytes card, uint8_t hash[HASH_BYTES]);

/*
 * Keeps the card of party number `party`, in place of the one before, which is gone. Durable when it returns.
 * TIDE_ELIMIT: longer than LIMIT_CARD_BYTES. Any thread.
 */
MUST_USE enum tide_err cards_put(struct cards *c, uint64_t party, const uint8_t salt[CARD_SALT_BYTES],
                                 struct bytes card);

/*
 * The party's card if its hash is `hash`, in `arena`. TIDE_ENOTFOUND: there is none, or another one. A card whose file
 * was damaged is another one.
 */
MUST_USE enum tide_err cards_get(struct cards *c, uint64_t party, const uint8_t hash[HASH_BYTES], struct arena *arena,
                                 uint8_t salt[CARD_SALT_BYTES], struct bytes *card);

/* Erases the party's card; being gone already is fine. Durable when it returns. */
MUST_USE enum tide_err cards_erase(struct cards *c, uint64_t party);

#endif
