/*
 * Ed25519 with the domain in front of the message.
 *
 * Always holds: the bytes signed are domain ‖ message and nothing else; verification is libsodium's
 * crypto_sign_verify_detached, which refuses non-canonical scalars and keys of low order.
 * Not here: which key may sign what, and when; that is the market's.
 */
#include "crypto/sign.h"

#include <sodium.h>
#include <stdlib.h>

#define DOMAIN_MAX 64
#define STACK_MESSAGE_MAX 65536 /* up to here no allocation; a statement has at most 32 KiB */

enum tide_err crypto_init(void)
{
    return sodium_init() < 0 ? TIDE_EIO : TIDE_OK;
}

void random_bytes(void *out, size_t len)
{
    randombytes_buf(out, len);
}

void sign_keypair(const uint8_t seed[32], uint8_t public_key[SIGN_PUBLIC_BYTES], uint8_t secret_key[SIGN_SECRET_BYTES])
{
    crypto_sign_seed_keypair(public_key, secret_key, seed);
}

/* libsodium signs one piece of memory, so domain and message are laid side by side in `buffer`. */
static struct bytes join(const char *domain, size_t domain_len, struct bytes message, uint8_t *buffer)
{
    memcpy(buffer, domain, domain_len);
    if (message.len > 0) memcpy(buffer + domain_len, message.data, message.len);
    return BYTES(buffer, domain_len + message.len);
}

void sign_message(const uint8_t secret_key[SIGN_SECRET_BYTES], const char *domain, struct bytes message,
                  uint8_t signature[SIGN_BYTES])
{
    uint8_t small[DOMAIN_MAX + STACK_MESSAGE_MAX];
    uint8_t *large = NULL;
    size_t domain_len = strlen(domain);

    ASSERT(domain_len <= DOMAIN_MAX);
    if (message.len > STACK_MESSAGE_MAX) {
        large = malloc(domain_len + message.len);
        ASSERT(large != NULL);
    }
    struct bytes whole = join(domain, domain_len, message, large != NULL ? large : small);
    crypto_sign_detached(signature, NULL, whole.data, whole.len, secret_key);
    free(large);
}

enum tide_err sign_verify(const uint8_t public_key[SIGN_PUBLIC_BYTES], const char *domain, struct bytes message,
                          const uint8_t signature[SIGN_BYTES])
{
    uint8_t small[DOMAIN_MAX + STACK_MESSAGE_MAX];
    uint8_t *large = NULL;
    size_t domain_len = strlen(domain);

    ASSERT(domain_len <= DOMAIN_MAX);
    if (message.len > STACK_MESSAGE_MAX) {
        large = malloc(domain_len + message.len);
        if (large == NULL) return TIDE_ENOMEM;
    }
    struct bytes whole = join(domain, domain_len, message, large != NULL ? large : small);
    int rc = crypto_sign_verify_detached(signature, whole.data, whole.len, public_key);
    free(large);
    return rc == 0 ? TIDE_OK : TIDE_EAUTH;
}
