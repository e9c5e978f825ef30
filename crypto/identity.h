/*
 * Identities: one 32-byte seed, its subkeys, and the file that keeps it (docs/formats.md, "Identities").
 * Secrets live in guarded memory and are wiped by identity_free.
 */
#ifndef TIDEMARK_CRYPTO_IDENTITY_H
#define TIDEMARK_CRYPTO_IDENTITY_H

#include "crypto/bech32.h"
#include "crypto/sign.h"

struct identity;

#define PARTY_PREFIX "tide"
#define SECRET_PREFIX "TIDE-SECRET-KEY-"
#define RECIPIENT_PREFIX "age"
#define AGE_SECRET_PREFIX "AGE-SECRET-KEY-"

/* A new identity from the system's randomness. The caller frees it. */
MUST_USE enum tide_err identity_new(struct identity **out);

/* The identity of a known seed (tests, restoring). */
MUST_USE enum tide_err identity_from_seed(const uint8_t seed[32], struct identity **out);

/* A successor with a new seed, which keeps the seeds of `old` as its older ones. TIDE_ELIMIT: too many of them. */
MUST_USE enum tide_err identity_rotate(const struct identity *old, struct identity **out);

void identity_free(struct identity **id);

/*
 * Reads an identity file. `passphrase` {NULL, 0} when there is none. TIDE_EDENIED: readable by group or others;
 * TIDE_EAUTH: it is wrapped and the passphrase is missing or wrong; TIDE_EMALFORMED; TIDE_ENOTFOUND; TIDE_EIO.
 * A file may hold more than one secret line: the first is the identity, the others its older seeds.
 */
MUST_USE enum tide_err identity_load(const char *path, struct bytes passphrase, struct identity **out);

/*
 * Writes the identity file with mode 0600 (never over an existing file: TIDE_EEXIST), synced. With a passphrase
 * the whole file is an age file with a scrypt recipient. `name` has no control characters (TIDE_EINVAL).
 */
MUST_USE enum tide_err identity_save(const struct identity *id, const char *path, const char *name,
                                     uint64_t created_ms, struct bytes passphrase);

/* The content of an unwrapped identity file. TIDE_EMALFORMED. */
MUST_USE enum tide_err identity_parse(struct bytes content, struct identity **out);

/* True if the file at `path` is wrapped with a passphrase. */
bool identity_is_wrapped(const char *path);

/* Public keys, valid as long as the identity: the party (Ed25519), sealing and wire (X25519), log (Ed25519). */
const uint8_t *identity_party(const struct identity *id);
const uint8_t *identity_seal_public(const struct identity *id);
const uint8_t *identity_wire_public(const struct identity *id);
const uint8_t *identity_log_public(const struct identity *id);

/* Secret halves, in guarded memory, valid as long as the identity. */
const uint8_t *identity_seal_secret(const struct identity *id); /* 32 bytes, X25519 */
const uint8_t *identity_wire_secret(const struct identity *id); /* 32 bytes, X25519 */
const uint8_t *identity_log_secret(const struct identity *id);  /* SIGN_SECRET_BYTES */

/* Older identities of a rotated one, the newest first; each belongs to `id`. NULL from identity_n_older on. */
#define IDENTITY_OLDER_MAX 16
size_t identity_n_older(const struct identity *id);
const struct identity *identity_older(const struct identity *id, size_t index);

/* Signs with the party's key. */
void identity_sign(const struct identity *id, const char *domain, struct bytes message, uint8_t signature[SIGN_BYTES]);

/* A bid's one-time X25519 key: BLAKE2b-256(subkey 5, command_id ‖ u64be position). Caller wipes `secret`. */
void identity_bid_key(const struct identity *id, const uint8_t command_id[16], uint64_t position, uint8_t secret[32],
                      uint8_t recipient[32]);

/* A payload's file key: BLAKE2b-128(subkey 6, nonce). Caller wipes it. */
void identity_file_key(const struct identity *id, const uint8_t nonce[16], uint8_t file_key[16]);

/* The X25519 public key of a secret. */
void x25519_public(const uint8_t secret[32], uint8_t public_key[32]);

/* True if the point is canonical and not of low order: fit to be a recipient. */
bool x25519_recipient_is_good(const uint8_t recipient[32]);

#endif
