/*
 * Ed25519 with the domain in front: Ed25519(domain ‖ message). A signature made for one purpose is nothing
 * for another. libsodium's verification rules are the definition of a valid signature.
 */
#ifndef TIDEMARK_CRYPTO_SIGN_H
#define TIDEMARK_CRYPTO_SIGN_H

#include "crypto/base.h"

#define SIGN_PUBLIC_BYTES 32
#define SIGN_SECRET_BYTES 64 /* libsodium's form: seed ‖ public */
#define SIGN_BYTES 64

#define DOMAIN_STATEMENT "tidemark/statement/v1\n"
#define DOMAIN_NONE "" /* signed notes and settlement texts: the text alone, as their format says */

/* Must be called once before anything of crypto/ is used; again is harmless. TIDE_EIO: no source of randomness. */
MUST_USE enum tide_err crypto_init(void);

/* Random bytes from the system. */
void random_bytes(void *out, size_t len);

/* Public and secret key from a seed. */
void sign_keypair(const uint8_t seed[32], uint8_t public_key[SIGN_PUBLIC_BYTES], uint8_t secret_key[SIGN_SECRET_BYTES]);

/* Signs domain ‖ message. No allocation for messages up to 64 KiB; never fails. */
void sign_message(const uint8_t secret_key[SIGN_SECRET_BYTES], const char *domain, struct bytes message,
                  uint8_t signature[SIGN_BYTES]);

/* TIDE_EAUTH unless `signature` is `public_key`'s over domain ‖ message. */
MUST_USE enum tide_err sign_verify(const uint8_t public_key[SIGN_PUBLIC_BYTES], const char *domain,
                                   struct bytes message, const uint8_t signature[SIGN_BYTES]);

#endif
