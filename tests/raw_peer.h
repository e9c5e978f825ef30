/*
 * A peer that speaks CURVE (ZMTP 3.1, RFC 26) straight over TCP, for what libzmq's own client will not do: it sends no
 * frame of a message before the last one is there, so it cannot even leave a message unfinished.
 */
#ifndef TIDEMARK_TESTS_RAW_PEER_H
#define TIDEMARK_TESTS_RAW_PEER_H

#include "crypto/base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct raw_peer {
    int fd;
    uint64_t nonce;
    uint8_t own_public[32], own_secret[32]; /* of this connection */
    uint8_t shared[32];                     /* with the server's key of this connection */
};

#define RAW_PEER_BATCH_MAX 131072u /* bytes that are sent at once */

static inline bool raw_peer_write(const struct raw_peer *p, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(p->fd, data, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static inline bool raw_peer_read(const struct raw_peer *p, uint8_t *out, size_t len)
{
    return recv(p->fd, out, len, MSG_WAITALL) == (ssize_t)len;
}

/* A nonce is a text of 16 bytes and a counter, or of 8 and something random: `text` fills what `tail` leaves. */
static inline void raw_peer_nonce(uint8_t out[24], const char *text, const uint8_t *tail, size_t tail_len)
{
    memcpy(out, text, 24 - tail_len);
    memcpy(out + 24 - tail_len, tail, tail_len);
}

static inline void raw_peer_next(struct raw_peer *p, uint8_t counter[8])
{
    be64_put(counter, ++p->nonce);
}

static inline bool raw_peer_greet(struct raw_peer *p)
{
    uint8_t greeting[64] = {0xff, [9] = 0x7f, [10] = 3, [11] = 1, 'C', 'U', 'R', 'V', 'E'}, theirs[64];
    return raw_peer_write(p, greeting, sizeof greeting) && raw_peer_read(p, theirs, sizeof theirs);
}

/* HELLO and its WELCOME, which gives the server's key of this connection and a cookie. */
static inline bool raw_peer_hello(struct raw_peer *p, const uint8_t server[32], uint8_t welcome[128])
{
    uint8_t hello[202] = {4, 200, 5, 'H', 'E', 'L', 'L', 'O', 1, 0}, zeros[64] = {0}, nonce[24], answer[170];
    memcpy(hello + 82, p->own_public, 32);
    raw_peer_next(p, hello + 114);
    raw_peer_nonce(nonce, "CurveZMQHELLO---", hello + 114, 8);
    if (crypto_box_easy(hello + 122, zeros, sizeof zeros, nonce, server, p->own_secret) != 0) return false;
    if (!raw_peer_write(p, hello, sizeof hello) || !raw_peer_read(p, answer, sizeof answer)) return false;
    raw_peer_nonce(nonce, "WELCOME-", answer + 10, 16);
    return crypto_box_open_easy(welcome, answer + 26, 144, nonce, server, p->own_secret) == 0;
}

/* INITIATE proves the long-term key, READY ends the handshake. */
static inline bool raw_peer_initiate(struct raw_peer *p, const uint8_t server[32], const uint8_t public_key[32],
                                     const uint8_t secret_key[32], const uint8_t welcome[128])
{
    static const uint8_t metadata[] = "\x0bSocket-Type\0\0\0\x06" "DEALER";
    uint8_t vouch[64], inner[128 + sizeof metadata - 1], nonce[24], ready[2 + 255];
    memcpy(vouch, p->own_public, 32);
    memcpy(vouch + 32, server, 32);
    memcpy(inner, public_key, 32);
    randombytes_buf(inner + 32, 16);
    raw_peer_nonce(nonce, "VOUCH---", inner + 32, 16);
    if (crypto_box_easy(inner + 48, vouch, sizeof vouch, nonce, welcome, secret_key) != 0) return false;
    memcpy(inner + 128, metadata, sizeof metadata - 1);

    uint8_t initiate[9 + 9 + 96 + 8 + sizeof inner + 16] = {6, [9] = 8, 'I', 'N', 'I', 'T', 'I', 'A', 'T', 'E'};
    be64_put(initiate + 1, sizeof initiate - 9);
    memcpy(initiate + 18, welcome + 32, 96);
    raw_peer_next(p, initiate + 114);
    raw_peer_nonce(nonce, "CurveZMQINITIATE", initiate + 114, 8);
    if (crypto_box_easy(initiate + 122, inner, sizeof inner, nonce, welcome, p->own_secret) != 0) return false;
    if (!raw_peer_write(p, initiate, sizeof initiate) || !raw_peer_read(p, ready, 2)) return false;
    return ready[0] == 4 && raw_peer_read(p, ready + 2, ready[1]) && memcmp(ready + 2, "\x05READY", 6) == 0;
}

static inline bool raw_peer_shake_hands(struct raw_peer *p, const uint8_t server[32], const uint8_t public_key[32],
                                        const uint8_t secret_key[32])
{
    uint8_t welcome[128];
    crypto_box_keypair(p->own_public, p->own_secret);
    return raw_peer_greet(p) && raw_peer_hello(p, server, welcome) &&
           raw_peer_initiate(p, server, public_key, secret_key, welcome) &&
           crypto_box_beforenm(p->shared, welcome, p->own_secret) == 0;
}

static inline void raw_peer_close(struct raw_peer *p)
{
    if (p->fd >= 0) close(p->fd);
    p->fd = -1;
}

/* Connects to an IPv4 address and shakes hands. Nothing it does takes longer than five seconds. */
static inline bool raw_peer_connect(struct raw_peer *p, const char *host, uint16_t port, const uint8_t server[32],
                                    const uint8_t public_key[32], const uint8_t secret_key[32])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval patience = {.tv_sec = 5};
    *p = (struct raw_peer){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    bool ok = p->fd >= 0 && inet_pton(AF_INET, host, &address.sin_addr) == 1 &&
              setsockopt(p->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
              setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
              connect(p->fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
              raw_peer_shake_hands(p, server, public_key, secret_key);
    if (!ok) raw_peer_close(p);
    return ok;
}

/* Writes one sealed frame of zeros into `out` and gives its length. */
static inline size_t raw_peer_frame(struct raw_peer *p, size_t len, bool more, uint8_t *plain, uint8_t *out)
{
    uint8_t nonce[24];
    size_t body = len + 33, header = body > 255 ? 9 : 2;
    out[0] = header == 9 ? 2 : 0;
    if (header == 9) be64_put(out + 1, body);
    else out[1] = (uint8_t)body;
    memcpy(out + header, "\x07MESSAGE", 8);
    raw_peer_next(p, out + header + 8);
    raw_peer_nonce(nonce, "CurveZMQMESSAGEC", out + header + 8, 8);
    plain[0] = more;
    crypto_box_easy_afternm(out + header + 16, plain, len + 1, nonce, p->shared);
    return header + body;
}

/*
 * Sends frames of `len` bytes of a message that does not end, until the connection is cut or `total` bytes went out.
 * Gives how many did.
 */
static inline uint64_t raw_peer_pour(struct raw_peer *p, size_t len, uint64_t total, bool *was_cut)
{
    uint8_t *plain = calloc(1, len + 1), *batch = malloc(RAW_PEER_BATCH_MAX + len + 42);
    uint64_t sent = 0;
    *was_cut = false;
    while (plain && batch && sent < total) {
        size_t n = 0;
        while (n < RAW_PEER_BATCH_MAX) n += raw_peer_frame(p, len, true, plain, batch + n);
        if (!raw_peer_write(p, batch, n)) {
            *was_cut = errno == EPIPE || errno == ECONNRESET;
            break;
        }
        sent += n;
    }
    free(plain);
    free(batch);
    return sent;
}

#endif
