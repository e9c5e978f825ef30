/*
 * Reading a payload from its vendor's own server: byte ranges of one https resource (libcurl). Whoever runs that server
 * is not trusted: what comes is checked by the caller against the listing's commitment.
 *
 * Always holds: only https, never by a redirect to anything else; no address of a private, local or link network unless
 * `allow_local`; memory is the caller's buffer; a server that stalls is given up.
 */
#ifndef TIDEMARK_STORAGE_HTTPS_H
#define TIDEMARK_STORAGE_HTTPS_H

#include "crypto/base.h"

#define HTTPS_WHY_MAX 200

struct https_options {
    const char *ca_file; /* PEM of the authorities believed; NULL: the system's */
    bool allow_local;
};

struct https;

/* TIDE_EINVAL: no https address. `url` is copied. */
MUST_USE enum tide_err https_open(const char *url, const struct https_options *options, struct https **out);
void https_close(struct https **h);

/* Whether it is an address of the public Internet: not private, local, of a link, multicast or reserved. */
struct sockaddr;
bool https_address_is_public(const struct sockaddr *address);

/* Called twice a second while it waits; false: stop with TIDE_ECANCELED. */
typedef bool (*https_wait)(void *ctx);

/*
 * Bytes offset … offset + len − 1 into `out`: all of them or an error, with `why` in words (for a person; nothing of the
 * server's own text in it but its status number). TIDE_EIO: not reached, cut, timed out; TIDE_EMALFORMED: it does not
 * serve ranges, or has fewer bytes; TIDE_EDENIED: an address that is not allowed, or a server
 * whose certificate is not believed; TIDE_ECANCELED.
 */
MUST_USE enum tide_err https_read(struct https *h, uint64_t offset, size_t len, uint8_t *out, https_wait wait,
                                  void *wait_ctx, char why[HTTPS_WHY_MAX]);

#endif
