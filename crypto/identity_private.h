/*
 * What an identity is made of; private to crypto/.
 */
#ifndef TIDEMARK_CRYPTO_IDENTITY_PRIVATE_H
#define TIDEMARK_CRYPTO_IDENTITY_PRIVATE_H

#include "crypto/identity.h"

struct identity {
    uint8_t seed[32];
    uint8_t party[SIGN_PUBLIC_BYTES];
    uint8_t party_secret[SIGN_SECRET_BYTES];
    uint8_t log_public[SIGN_PUBLIC_BYTES];
    uint8_t log_secret[SIGN_SECRET_BYTES];
    uint8_t seal_public[32], seal_secret[32];
    uint8_t wire_public[32], wire_secret[32];
    uint8_t once_key[32]; /* one-time recipients of bids */
    uint8_t file_key[32]; /* file keys of payloads */
    size_t n_older;
    struct identity *older[IDENTITY_OLDER_MAX];
};

/* An identity and its older seeds, the newest first. TIDE_ELIMIT; TIDE_ENOMEM. */
MUST_USE enum tide_err identity_with_older(const uint8_t seed[32], const uint8_t (*older)[32], size_t n_older,
                                           struct identity **out);

#endif
