/*
 * The one line a party needs: tidemark://HOST:PORT/ORIGIN?market=<b64url>&log=<b64url>&wire=<b64url>. HOST and PORT are
 * the lobby's, the three values 32 bytes in unpadded base64url.
 */
#ifndef TIDEMARK_STORAGE_MARKET_URL_H
#define TIDEMARK_STORAGE_MARKET_URL_H

#include "crypto/base.h"
#include "storage/limits.h"

#define MARKET_URL_MAX 1024

struct market_url {
    char host[256];
    uint16_t port;
    char origin[LIMIT_ORIGIN_BYTES + 1];
    uint8_t market[32], log_key[32], wire_key[32];
};

void market_url_format(const struct market_url *url, char out[MARKET_URL_MAX]);
/* Strict; TIDE_EMALFORMED. */
MUST_USE enum tide_err market_url_parse(const char *text, struct market_url *out);

#endif
