/*
 * The ZAP handler (RFC 27): answers for every CURVE handshake of one process. Must run before any door is bound.
 * The key becomes the message's User-Id (64 hex digits). A live connection outlives a revocation, so doors check the
 * party of each message again.
 */
#ifndef TIDEMARK_BROKER_ZAP_H
#define TIDEMARK_BROKER_ZAP_H

#include "crypto/base.h"

struct zap;

/* True if the peer with this CURVE key may enter the door of that name. Called on the handler's own thread. */
typedef bool (*zap_policy)(void *ctx, const char *door, const uint8_t wire_key[32]);

MUST_USE enum tide_err zap_start(void *zmq_context, zap_policy policy, void *ctx, struct zap **out);
void zap_stop(struct zap **z);

#endif
